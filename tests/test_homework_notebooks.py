"""The finished homeworks and the teacher's guide, as they are stored."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.record import Answer, to_sidecar
from scripts.run_notebooks import BYTES, GUIDE, KEEPSAKE, METADATA, NOTEBOOKS, WIDGET, run, settle

FOLDER = GUIDE.parent
ADDRESS = re.compile(r"(?:/home|/root|/tmp|/work|/Users|site-packages)/|at 0x[0-9a-f]{6}")
STUDENTS = [f"s{number:02d}" for number in range(12)]
POINTS = {"hw1": 10, "hw2": 12, "hw3": 10}

each_homework = pytest.mark.parametrize("name", POINTS)


@pytest.fixture(scope="module")
def homeworks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("homeworks", FOLDER / "homeworks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make(homeworks: ModuleType) -> Callable[[str], Homework]:
    return lambda name: getattr(homeworks, name)("a salt for tests")


def texts(notebook: Any) -> list[str]:
    """All that the outputs of a notebook show as text."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    data = [sorted(o.get("data", {}).items()) for o in outputs]
    shown = [text for of in data for _, text in of if isinstance(text, str)]
    return shown + [o.get("text", "") for o in outputs]


# The homeworks -----------------------------------------------------------------------------------


def test_samples_are_what_the_homeworks_write(homeworks: ModuleType, tmp_path: Path) -> None:
    """Where this fails because they changed: ``python notebooks/homework/homeworks.py``."""
    homeworks.write_samples(tmp_path)
    there = sorted(path.name for path in FOLDER.glob("hw*.ipynb"))
    assert there == sorted(path.name for path in tmp_path.iterdir())
    for name in there:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), name


@each_homework
def test_a_class_can_be_given_it_and_right_answers_have_all_points(
    make: Callable[[str], Homework], name: str, tmp_path: Path
) -> None:
    made = make(name)
    for student in STUDENTS:
        answers = {
            question: Answer(
                name,
                made.world(student).token,
                question,
                {part: key.value for part, key in parts.items()},
                count=1,
            )
            for question, parts in made.key(student).items()
        }
        (tmp_path / student).mkdir()
        (tmp_path / student / "answers.json").write_text(to_sidecar({name: answers}))
    totals = made.grade(tmp_path).totals
    assert totals["points"].tolist() == [POINTS[name]] * len(STUDENTS)
    assert set(totals["remarks"]) == {""}


@pytest.mark.parametrize(("name", "question", "fewest"), [("hw1", "q4", 3), ("hw3", "q4", 3)])
def test_mistakes_of_own_questions_can_be_told_apart(
    make: Callable[[str], Homework], name: str, question: str, fewest: int
) -> None:
    for student in STUDENTS:
        assert len(make(name).key(student)[question]["answer"].mistakes) >= fewest


def test_feedback_is_of_different_kinds(make: Callable[[str], Homework]) -> None:
    kinds = {question.feedback for name in POINTS for question in make(name).questions}
    assert kinds == {"none", "range", "check", "reveal"}


# The guide ---------------------------------------------------------------------------------------


def test_the_guide_is_stored_as_its_run_leaves_it() -> None:
    notebook = nbformat.read(GUIDE, as_version=4)
    nbformat.validate(notebook)
    assert notebook == settle(nbformat.read(GUIDE, as_version=4), GUIDE.stem)
    assert notebook.metadata == METADATA
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert GUIDE.stat().st_size < BYTES
    for output in (output for cell in code for output in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        assert WIDGET not in output.get("data", {})
    for text in texts(notebook):
        assert ADDRESS.search(text) is None
        assert KEEPSAKE not in text


def test_the_guide_runs_and_shows_what_is_stored() -> None:
    before = sorted(FOLDER.iterdir())
    done = run(GUIDE)
    assert done.seconds < 30
    assert texts(settle(done.notebook, GUIDE.stem)) == texts(nbformat.read(GUIDE, as_version=4))
    left = [path.name for path in FOLDER.iterdir() if path not in before]
    assert left in ([], ["__pycache__"])


def test_the_guide_is_found_and_leads_back() -> None:
    index = nbformat.read(NOTEBOOKS / "00-index.ipynb", as_version=4)
    link = f"]({GUIDE.relative_to(NOTEBOOKS).as_posix()})"
    assert any(link in cell.source for cell in index.cells)
    foot = nbformat.read(GUIDE, as_version=4).cells[-1].source
    assert (
        FOLDER / re.findall(r"\]\(([^)]+)\)", foot)[0]
    ).resolve() == NOTEBOOKS / "00-index.ipynb"


def test_files_that_the_guide_names_are_there() -> None:
    guide = nbformat.read(GUIDE, as_version=4)
    prose = "\n".join(cell.source for cell in guide.cells if cell.cell_type == "markdown")
    for name in ("homeworks.py", "hw1.ipynb", "hw2.ipynb", "hw3.ipynb"):
        assert f"`{name}`" in prose
        assert (FOLDER / name).exists()

"""Every notebook runs from top to bottom; those of the lecture have all their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from scripts.run_notebooks import (
    BYTES,
    KEEPSAKE,
    MEGABYTES,
    METADATA,
    NOTEBOOKS,
    SECONDS,
    WIDGET,
    Run,
    cell_id,
    lecture_notebooks,
    run,
    settle,
)

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
LECTURE = lecture_notebooks()
CHAPTERS = LECTURE[1:]
AT_ONCE = 2  # kernels
PARTS = ("## A question first", "## Exercises", "## What can go wrong", "## Further reading")
HINT = re.compile(r"<details>\n<summary>Hint</summary>\n\n\S.*?\n\n</details>", re.DOTALL)
ADDRESS = re.compile(r"(?:/home|/root|/tmp|/work|/Users|site-packages)/|at 0x[0-9a-f]{6}")

each_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
each_of_the_lecture = pytest.mark.parametrize("path", LECTURE, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def prose(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]


def sources(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")


def outputs(notebook: Any) -> list[Any]:
    return [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]


def section(path: Path, head: str) -> str:
    """What stands under a heading of the second level."""
    text = "\n\n".join(prose(path))
    return re.split(r"^## ", text.partition(f"{head}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def shown_text(output: Any) -> str:
    """All of an output that is text."""
    data = output.get("data", {})
    texts = [text for kind, text in data.items() if kind.startswith("text/")]
    return "\n".join([output.get("text", ""), *texts])


# The folder --------------------------------------------------------------------------------------


def test_the_lecture_is_there_from_its_index_to_its_end() -> None:
    assert [path.name[:2] for path in LECTURE] == [f"{i:02d}" for i in range(13)]
    assert set(ALL) - set(LECTURE) == {NOTEBOOKS / "explore.ipynb"}


def test_the_index_asks_one_question_of_each_chapter() -> None:
    rows = [row for text in prose(LECTURE[0]) for row in text.splitlines() if row.startswith("| [")]
    linked = [re.match(r"\| \[\d+\. [^]]+\]\(([^)]+)\) \| [^|]+\? \| ", row) for row in rows]
    assert [found[1] if found else None for found in linked] == [path.name for path in CHAPTERS]


@each_of_the_lecture
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+\.ipynb)\)", "\n".join(prose(path)))
    assert targets
    assert [name for name in targets if not (NOTEBOOKS / name).exists()] == []


@each_of_the_lecture
def test_the_foot_leads_on_and_back(path: Path) -> None:
    place = LECTURE.index(path)
    beside = [LECTURE[place - 1]] if place > 1 else []
    beside += [LECTURE[0]] if place else []
    beside += LECTURE[place + 1 : place + 2]
    foot = prose(path)[-1]
    assert re.findall(r"\]\(([^)]+)\)", foot) == [there.name for there in beside]


# A notebook as it is stored ----------------------------------------------------------------------


def test_the_explorer_is_stored_without_outputs() -> None:
    notebook = read(NOTEBOOKS / "explore.ipynb")
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert outputs(notebook) == []
    for cell in notebook.cells:
        assert cell.id == cell.id.lower()
        assert not cell.id.isdigit()
        assert cell.get("execution_count") is None


@each_of_the_lecture
def test_notebook_is_stored_as_its_run_leaves_it(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook == settle(read(path), path.stem)
    assert notebook.metadata == METADATA
    assert [cell.id for cell in notebook.cells] == [
        cell_id(path.stem, position) for position in range(len(notebook.cells))
    ]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert path.stat().st_size < BYTES


@each_of_the_lecture
def test_stored_outputs_suit_readers_without_a_kernel(path: Path) -> None:
    stored = outputs(read(path))
    for output in stored:
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        assert WIDGET not in output.get("data", {})
        assert KEEPSAKE not in shown_text(output)
        assert ADDRESS.search(shown_text(output)) is None
    pictures = [output for output in stored if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        words = picture.metadata.get("image/png", {}).get("alt", "")
        assert len(words) > 20
        assert re.search(r"\d", words)


@each_of_the_lecture
def test_code_is_short_and_public(path: Path) -> None:
    code = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    assert max(source.count("\n") + 1 for source in code) <= 20
    for banned in ("pyplot", "http", "urllib", "requests", "eval(", "exec(", "%%", "!pip"):
        assert banned not in "\n".join(code)
    imported = re.findall(r"mixedwidgets\.([\w.]+)", "\n".join(code))
    assert [name for name in imported if name.split(".")[0] in ("lmm", "errors")] == []


# Its parts ---------------------------------------------------------------------------------------


@each_of_the_lecture
def test_the_parts_come_in_their_order(path: Path) -> None:
    title, question, *rest = prose(path)
    assert re.fullmatch(r"# [^\n]+", title.strip())
    assert question.startswith(f"{PARTS[0]}\n\n")
    assert "?" in question
    text = "\n".join([question, *rest])
    places = [text.find(f"{part}\n") for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)


@each_of_the_lecture
def test_three_exercises_have_hidden_hints(path: Path) -> None:
    text = section(path, "## Exercises")
    assert re.findall(r"^\*\*(\d)\.\*\* \S", text, re.MULTILINE) == ["1", "2", "3"]
    assert len(HINT.findall(text)) == text.count("<details>") == 3
    for exercise in re.split(r"^\*\*\d\.\*\* ", text, flags=re.MULTILINE)[1:]:
        assert len(HINT.findall(exercise)) == 1


@each_of_the_lecture
def test_it_says_what_can_go_wrong_and_where_to_read_on(path: Path) -> None:
    assert len(re.findall(r"^[*-] \*\*", section(path, PARTS[2]), re.MULTILINE)) >= 3
    reading = re.findall(r"^[*-] .+", section(path, PARTS[3]), re.MULTILINE)
    assert len(reading) >= 2
    assert any(re.search(r"\((?:19|20)\d\d\)", entry) for entry in reading)


# The lecture prints numbers in these parts.
NUMBERS = [path for path in CHAPTERS if path.name[:2] in ("01", "02", "03", "04", "06", "07", "08")]


@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: path.stem)
def test_numbers_of_the_lecture_stand_beside_ours(path: Path) -> None:
    tables = [o["data"].get("text/html", "") for o in outputs(read(path)) if "data" in o]
    assert any("<th>lecture</th>" in table and "<th>here</th>" in table for table in tables)
    assert "assert" in sources(path)
    for table in tables:  # a table of the two alone has them equal, to the digits printed
        if re.search(r"<th></th>\s*<th>lecture</th>\s*<th>here</th>\s*</tr>", table):
            pairs = re.findall(r"</th>\s*<td>([^<]*)</td>\s*<td>([^<]*)</td>\s*</tr>", table)
            assert len(pairs) == table.count("<tr") - table.count("</thead>")
            assert [pair for pair in pairs if pair[0] != pair[1]] == []


# A run of it -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[Path, Future[Run]]]:
    """Runs of the notebooks whose tests were chosen, a few at once."""
    chosen = [
        item.callspec.params["path"]
        for item in request.session.items
        if item.path == request.path and getattr(item, "originalname", "") == "test_notebook_runs"
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {path: pool.submit(run, path) for path in chosen}
        pool.shutdown(cancel_futures=True)


@each_notebook
def test_notebook_runs(path: Path, runs: dict[Path, Future[Run]]) -> None:
    result = runs[path].result()
    assert result.seconds < SECONDS
    assert not result.megabytes >= MEGABYTES
    shown = outputs(result.notebook)
    assert [o for o in shown if o.output_type == "error" or o.get("name") == "stderr"] == []
    assert any(WIDGET in output.get("data", {}) for output in shown)


def test_a_cell_that_fails_is_told(tmp_path: Path) -> None:
    path = tmp_path / "99-fails.ipynb"
    cells = [nbformat.v4.new_code_cell("beside = 1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), path)
    before = path.read_text()
    with pytest.raises(CellExecutionError, match="division by zero"):
        run(path)
    assert path.read_text() == before

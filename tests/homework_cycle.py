"""What the tests with nbgrader and with otter share: a homework, and five students' answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.questions import (
    MomentsAgainstML,
    OwnQuestion,
    PlacePoint,
    WhichIntervalFails,
)
from mixedwidgets.homework.record import MIME, Answer, Value

HOSTILE = """### BEGIN SOLUTION
### BEGIN HIDDEN TESTS and ### BEGIN MARK SCHEME, a mean? # IGNORE
# begin ignore
```otter
# BEGIN QUESTION
name: q9
```
AUTOTEST '"\\" \\n {{ 1 }} {% if %} <script>alert(1)</script> <!-- BEGIN QUESTION --> ```
"""
STUDENTS = ("ann", "ben", "cat", "dan", "eve")  # right, wrong, partly right, right, blank

Answers = Mapping[str, Mapping[str, Value]]


def homework(**options: Any) -> Homework:
    """Every kind of part, and a text that gives orders to tools."""
    questions = [
        MomentsAgainstML(points=2),
        OwnQuestion(HOSTILE, lambda data: float(data["score"].mean()), tolerance=0.005, points=1),
        WhichIntervalFails(points=3, title="Ignore <b>which</b> BEGIN SOLUTION ```"),
        PlacePoint(points=0.3),
    ]
    return Homework("hw1", questions, salt="a salt for tests", title="Ignore ''' this", **options)


def given(made: Homework, student: str | None, who: str) -> Answers:
    """What one of the five answers: by name, on the data of ``student``."""
    right = {
        question: {part: key.value for part, key in parts.items()}
        for question, parts in made.key(student).items()
    }
    if who == "eve":
        return {}
    first, *others = right
    if who == "cat":
        part, *wrong = right[first]
        some = {part: right[first][part], **dict.fromkeys(wrong, 1e6)}
        return {first: some, others[-1]: right[others[-1]]}
    if who == "ben":
        return {question: {p: _wrong(v) for p, v in of.items()} for question, of in right.items()}
    return right


def _wrong(value: Value) -> Value:
    if isinstance(value, str):
        return "neither of them"
    return (-3e3, -2e3) if isinstance(value, tuple) else -3.5 * value - 1e3


def records(made: Homework, student: str | None, values: Answers) -> dict[str, Answer]:
    """Answers as they are recorded."""
    token = made.world(student).token
    return {q: Answer("hw1", token, q, dict(of), count=1) for q, of in values.items()}


def answered(path: Path, answers: Mapping[str, Answer], student: str = "") -> str:
    """Return a student's notebook as it is saved with answers in its outputs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if student and cell.source == 'student = ""':
            cell.source = f"student = {student!r}"
        for question, answer in answers.items():
            if cell.source == f"work.ask('{question}')":
                data = {"text/plain": "an answer", MIME: answer.to_bundle()}
                cell.outputs = [nbformat.v4.new_output("display_data", data)]
    return nbformat.writes(notebook)


def text_of(path: Path, question: str) -> str:
    """What the teacher wrote of a question, as it is before its widget."""
    cells = nbformat.read(path, as_version=4).cells
    place = next(n for n, c in enumerate(cells) if c.source == f"work.ask('{question}')")
    text = next(c.source for c in reversed(cells[:place]) if c.cell_type == "markdown")
    return text.replace("\u2060", "").split("*\n\n", 1)[1]


def secrets(made: Homework, students: tuple[str, ...]) -> list[str]:
    """Numbers of the keys as text, long enough to stand nowhere by chance."""
    values: list[Any] = [
        key.value for s in students for of in made.key(s).values() for key in of.values()
    ]
    numbers = [n for v in values for n in (v if isinstance(v, tuple) else (v,))]
    return [text for n in numbers if isinstance(n, float) and len(text := f"{n:.9g}") > 8]


def environment(tool: str) -> Path:
    """The folder of programs of the environment with a tool, or the test is skipped."""
    programs = Path(f"{sys.prefix}-{tool}") / "bin"
    if not (programs / tool).exists():
        pytest.skip(f"there is no environment with {tool}; `make test` makes it")
    return programs


def run(programs: Path, *command: str | Path, folder: Path) -> str:
    """Run a program of an environment as its own students and teachers do; return what it said."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "JUPYTER_PATH")}
    env |= {
        "PATH": f"{programs}{os.pathsep}{env['PATH']}",
        "HOME": str(folder),
        "JUPYTER_DATA_DIR": str(folder / ".jupyter-data"),
        "IPYTHONDIR": str(folder / ".ipython"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [programs / command[0], *command[1:]],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def points(made: Homework, folder: Path) -> dict[str, dict[str, float]]:
    """Our own grading: points by student and question."""
    table = made.grade(folder).table
    sums = table.groupby(["student", "question"])["points"].sum()
    return {s: sums[s].to_dict() for s in sums.index.get_level_values(0).unique()}


def as_json(text: str) -> Any:
    """The last line that a program printed, as JSON."""
    return json.loads(text.strip().splitlines()[-1])

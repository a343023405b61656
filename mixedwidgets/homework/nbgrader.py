"""A homework as the source notebook of nbgrader: the release has no key, the grading cells do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mixedwidgets.homework.cells import Cell, Content, Question
from mixedwidgets.homework.guarded import call, quiet
from mixedwidgets.homework.notebooks import notebook_text

SCHEMA = 3  # of nbgrader's metadata, as nbgrader 0.6 and later have it

FEEDBACK = """\
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""

# nbconvert, and so nbgrader's feedback, leaves the source of such a cell out.
_NOT_SHOWN = {"transient": {"remove_source": True}}

_BEGIN, _END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
_SAID = "# Your answers to this question are graded here; this cell stays as it is."


def nbgrader_notebook(content: Content, keys: Mapping[str, str]) -> str:
    """Return the text of a source notebook.

    Each question has a cell whose output, when nbgrader runs it, is the points reached. What it
    compares with is between the marks of hidden tests, which ``nbgrader generate_assignment``
    takes out. Feedback leaves the source of these cells out, unless a student changed their
    metadata; to be sure of it, put ``FEEDBACK`` into ``nbgrader_config.py``.

    Parameters
    ----------
    content : Content
    keys : dict of str to str
        By question, as ``homework.marking.packed`` writes them.
    """
    return notebook_text(content.homework, list(_cells(content, keys)))


def _cells(content: Content, keys: Mapping[str, str]) -> Iterator[tuple[Cell, dict[str, Any]]]:
    yield from map(_as_given, content.start)
    for question in content.questions:
        yield from map(_as_given, (*question.before, question.ask))
        yield _grading(content.homework, question, keys[question.id])
    yield from map(_as_given, content.end)


def _as_given(cell: Cell) -> tuple[Cell, dict[str, Any]]:
    if cell.kind == "markdown":
        cell = replace(cell, source=quiet(cell.source))
    return cell, _metadata(cell.name, locked=True) if cell.fixed else {}


def _grading(homework: str, question: Question, key: str) -> tuple[Cell, dict[str, Any]]:
    marked = call("marking.points", homework, question.id, question.points, key)
    hidden = f"{_BEGIN}\nfrom mixedwidgets.homework import marking\n\n{marked}\n{_END}"
    cell = Cell(f"grade-{question.id}", "code", f"{_SAID}\n{hidden}")
    metadata = _metadata(cell.name, locked=True, grade=True, points=question.points)
    return cell, metadata | _NOT_SHOWN


def _metadata(name: str, **said: Any) -> dict[str, Any]:
    known = {"grade": False, "solution": False, "task": False, "schema_version": SCHEMA}
    return {"nbgrader": {**known, "grade_id": name, **said}}

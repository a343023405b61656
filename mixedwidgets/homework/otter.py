"""A homework as the master notebook of otter assign: the student's version has no key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mixedwidgets.homework.cells import Cell, Content, Question
from mixedwidgets.homework.guarded import Name, call, quiet
from mixedwidgets.homework.notebooks import notebook_text


def otter_notebook(content: Content, keys: Mapping[str, str]) -> str:
    """Return the text of a master notebook.

    Each part of a question is a hidden test of its own, so that the points of a question are
    shared evenly among its parts. They are not run on the master itself, which has no answers.

    Parameters
    ----------
    content : Content
    keys : dict of str to str
        By question, as ``homework.marking.packed`` writes them.
    """
    cells = [(_quiet(cell), _locked(cell)) for cell in _cells(content, keys)]
    return notebook_text(content.homework, cells)


def _cells(content: Content, keys: Mapping[str, str]) -> Iterator[Cell]:
    yield _config(content)
    yield from content.start
    for question in content.questions:
        yield from question.before
        yield _raw(f"begin-{question.id}", "BEGIN QUESTION", _settings(question))
        yield question.ask
        yield _raw(f"begin-tests-{question.id}", "BEGIN TESTS")
        for number, part in enumerate(question.parts, start=1):
            yield _test(content.homework, question.id, part, number, keys[question.id])
        yield _raw(f"end-tests-{question.id}", "END TESTS")
        yield _raw(f"end-{question.id}", "END QUESTION")
    yield from content.end


def _config(content: Content) -> Cell:
    settings = {
        "name": content.homework,
        "run_tests": False,
        "export_cell": {"pdf": False, "run_tests": False},
        "tests": {"ok_format": False},
        "files": list(content.beside),
    }
    return _raw("config", "ASSIGNMENT CONFIG", settings)


def _settings(question: Question) -> dict[str, Any]:
    # Its check would have nothing to tell: all tests are hidden.
    return {"name": question.id, "points": question.points, "check_cell": False}


def _raw(name: str, order: str, settings: Mapping[str, Any] | None = None) -> Cell:
    """A raw cell with an order; its settings as JSON, which YAML reads too."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in (settings or {}).items()]
    return Cell(name, "raw", "\n".join([f"# {order}", *lines]))


def _test(homework: str, question: str, part: str, number: int, key: str) -> Cell:
    """A test that says nothing of the key where it fails: otter shows the line that failed."""
    marked = call("marking.right", homework, question, part, Name("key"))
    lines = [
        "# HIDDEN",
        f"def test_{number}():",
        "    from mixedwidgets.homework import marking",
        f"    key = {key!r}",
        f"    assert {marked}",
    ]
    return Cell(f"test-{question}-{part}", "code", "\n".join(lines))


def _quiet(cell: Cell) -> Cell:
    return replace(cell, source=quiet(cell.source)) if cell.kind == "markdown" else cell


def _locked(cell: Cell) -> dict[str, Any]:
    return {"editable": False, "deletable": False} if cell.fixed else {}

"""What the grading cells of nbgrader and the tests of otter call, with the key as it is there."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mixedwidgets.homework.cells import Describes
from mixedwidgets.homework.keys import Key, accepts
from mixedwidgets.homework.opening import (
    NOTEBOOK,
    Unreadable,
    bundles,
    is_wanted,
    notebook_of,
    size_of,
    text_of,
)
from mixedwidgets.homework.record import Answer, Value, from_sidecar, latest
from mixedwidgets.homework.sheets import disguised, graded_student

SUBMITTED = "submitted"  # nbgrader's folder of what students handed in, outputs and all


def packed(homework: Describes, students: Sequence[str | None], question: str) -> str:
    """Return the key to a question for a class, as it stands in hidden tests.

    It is in base64, so that nobody reads it by accident; it is no secret to whoever has it.

    Parameters
    ----------
    homework : Homework
    students : sequence of str or None
        None alone where all have the same data.
    question : str
    """
    entries = [_entry(homework, student, question) for student in students]
    return base64.b64encode(json.dumps(entries).encode()).decode()


def points(
    homework: str, question: str, most: float, key: str, folder: str | Path | None = None
) -> float:
    """Return the points that the answers in a folder reach.

    Parameters
    ----------
    homework, question : str
    most : float
        Points of the question, shared evenly among its parts.
    key : str
        As ``packed`` writes it.
    folder : path, optional
        Where the answers are: in ``answers.json`` or the outputs of notebooks. The current folder
        by default, and where nbgrader grades what was handed in, too: its notebook still has the
        outputs.

    Returns
    -------
    float
        What cannot be read counts as not answered.
    """
    right = _right(homework, question, key, folder)
    return min(float(most), float(most) * sum(right.values()) / max(len(right), 1))


def right(
    homework: str, question: str, part: str, key: str, folder: str | Path | None = None
) -> bool:
    """Whether one part of a question is answered right.

    Parameters
    ----------
    homework, question, part : str
    key, folder
        As in ``points``.
    """
    return _right(homework, question, key, folder)[part]


def _entry(homework: Describes, student: str | None, question: str) -> list[Any]:
    sheet, keys = homework.sheet(student), homework.key(student)[question]
    parts = {
        part.id: [part.kind, *_encoded(keys[part.id])] for part in sheet.question(question).parts
    }
    who = "" if student is None else disguised(homework.name, student)
    return [who, sheet.token, parts]


def _encoded(key: Key) -> list[Any]:
    widths = key.widths and [None if math.isinf(w) else w for w in key.widths]
    return [key.value, key.tolerance, widths]


def _decoded(value: Any, tolerance: float, widths: list[float | None] | None) -> Key:
    both = widths and (_or_infinite(widths[0]), _or_infinite(widths[1]))
    return Key(tuple(value) if isinstance(value, list) else value, tolerance, widths=both or None)


def _or_infinite(width: float | None) -> float:
    return math.inf if width is None else width


def _right(homework: str, question: str, key: str, folder: str | Path | None) -> dict[str, bool]:
    entries = json.loads(base64.b64decode(key))
    records = _records(_folders(folder), homework, question)
    entry = _own(entries, records, homework)
    answer = records.get(entry[1]) or _latest(records.values())
    values: dict[str, Value] = {} if answer is None else answer.values
    return {
        part: part in values and accepts(kind, values[part], _decoded(*rest))
        for part, (kind, *rest) in entry[2].items()
    }


def _own(entries: list[Any], records: dict[str, Answer], homework: str) -> Any:
    """The key that counts: by the folder where nbgrader grades, else by the latest answer."""
    student = graded_student()
    by_student = {entry[0]: entry for entry in entries}
    by_token = {entry[1]: entry for entry in entries}
    if student and disguised(homework, student) in by_student:
        return by_student[disguised(homework, student)]
    known = _latest(answer for token, answer in records.items() if token in by_token)
    return by_token[known.token] if known else entries[0]


def _latest(answers: Iterable[Answer]) -> Answer | None:
    held = None
    for answer in answers:
        held = latest(held, answer)
    return held


def _folders(folder: str | Path | None) -> list[Path]:
    here = Path.cwd() if folder is None else Path(folder)
    student = graded_student()
    handed_in = here.parent.parent.parent / SUBMITTED / student / here.name
    return [here, handed_in] if student else [here]


def _records(folders: Iterable[Path], homework: str, question: str) -> dict[str, Answer]:
    """By token, the record of a question that holds."""
    records: dict[str, Answer] = {}
    for folder in folders:
        for answer in _answers(folder, homework):
            if (answer.homework, answer.question) == (homework, question):
                records[answer.token] = latest(records.get(answer.token), answer) or answer
    return records


def _answers(folder: Path, homework: str) -> Iterator[Answer]:
    for path in sorted(folder.glob("*")):
        name = path.name.lower()
        if not is_wanted(name):
            continue
        try:
            size_of(os.fspath(path))
            text = text_of(os.fspath(path))
            if name.endswith(NOTEBOOK):
                yield from _readable(bundles(notebook_of(text)))
            else:
                yield from from_sidecar(text)[0].get(homework, {}).values()
        except (Unreadable, ValueError):
            continue


def _readable(found: Iterable[object]) -> Iterator[Answer]:
    for bundle in found:
        try:
            yield Answer.from_bundle(bundle)
        except ValueError:
            continue

"""Takes up what was answered before: from ``answers.json``, and from notebooks beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixedwidgets.homework.opening import recorded
from mixedwidgets.homework.record import MIME, SIDECAR, Answer, Value, latest
from mixedwidgets.homework.sheet import Asked, Part, Sheet
from mixedwidgets.widgets.answers.sidecar import read_sidecar

LARGEST = 100_000_000  # bytes of a notebook
MOST = 200  # notebooks of a folder that are looked into


def earlier(folder: Path, sheet: Sheet) -> tuple[dict[str, Answer], list[str]]:
    """Return the latest answer to each question of a sheet that a folder holds.

    Parameters
    ----------
    folder : Path
        Where the notebook is.
    sheet : Sheet
        Answers of other homeworks and of other students' sheets are left out.

    Returns
    -------
    (dict of str to Answer, list of str)
        By question; and what could not be read, a sentence each.
    """
    found: dict[str, Answer] = {}
    ours = {question.id: question for question in sheet.questions}
    answers, problems = _of_sidecar(folder, sheet.homework)
    for answer in (*answers, *_of_notebooks(folder, sheet.token, problems)):
        mine = (answer.homework, answer.token) == (sheet.homework, sheet.token)
        if mine and answer.question in ours:
            held = latest(found.get(answer.question), answer)
            assert held is not None
            found[answer.question] = _fitting(held, ours[answer.question])
    return found, problems


def _of_sidecar(folder: Path, homework: str) -> tuple[list[Answer], list[str]]:
    try:
        answers, problems = read_sidecar(folder)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return [], [f"{SIDECAR} is left out, because it cannot be read: {_short(why)}."]
    return list(answers.get(homework, {}).values()), problems


def _of_notebooks(folder: Path, token: str, problems: list[str]) -> Iterator[Answer]:
    try:
        paths = sorted(path for path in folder.glob("*.ipynb") if path.is_file())[:MOST]
    except OSError:
        return
    for path in paths:
        try:
            bundles = list(_bundles(path, token))
        except (OSError, ValueError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is no notebook"
            problems.append(f"{path.name} is left out, because it cannot be read: {why.lower()}.")
            continue
        for bundle in bundles:
            try:
                yield Answer.from_bundle(bundle)
            except ValueError as error:
                problems.append(f"An answer in {path.name} is left out: {error}.")


def _bundles(path: Path, token: str) -> Iterator[Any]:
    """Yield what stands under ``MIME`` in the outputs of a notebook that knows this sheet."""
    if path.stat().st_size > LARGEST:
        return
    text = path.read_bytes()
    if MIME.encode() not in text or token.encode() not in text:
        return
    yield from recorded(json.loads(text))


def _fitting(answer: Answer, asked: Asked) -> Answer:
    """Leave out values that answer no part of the question, or not in its kind."""
    parts = {part.id: part for part in asked.parts}
    values = {k: v for k, v in answer.values.items() if k in parts and _fits(parts[k], v)}
    return replace(answer, values=values)


def _fits(part: Part, value: Value) -> bool:
    if part.kind == "choice":
        return value in dict(part.options)
    return isinstance(value, float if part.kind == "number" else tuple)


def _short(why: str) -> str:
    return why if len(why) <= 100 else f"{why[:100]}…"

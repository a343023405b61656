"""``answers.json``: read with patience, written so that it is whole at any moment."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mixedwidgets.errors import DataError
from mixedwidgets.homework.record import SIDECAR, Answer, from_sidecar, to_sidecar

LARGEST = 10_000_000  # bytes; all answers of a course take a hundredth
BROKEN = "answers.broken.json"


def read_sidecar(folder: Path) -> tuple[dict[str, dict[str, Answer]], list[str]]:
    """Read the answers that a folder holds.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    (dict of str to dict of str to Answer, list of str)
        By homework and question; and what could not be read, a sentence each. A file that is not
        there holds nothing.

    Raises
    ------
    ValueError
        There is a file, but it is no file of answers; the message is the end of a sentence.
    OSError
        It cannot be read.
    """
    path = folder / SIDECAR
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is far too large")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, []
    answers, wrong = from_sidecar(text)
    return answers, [f"In {SIDECAR}, {what}." for what in wrong]


def write_answer(folder: Path, answer: Answer) -> None:
    """Put one answer into the file of a folder, beside all that it holds already.

    A file that cannot be read is kept under another name, never overwritten.

    Raises
    ------
    DataError
        It cannot be written; the sentence says why and what to do.
    """
    try:
        _write(folder, answer)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise DataError(
            f"{SIDECAR} cannot be written into the folder {folder.name or folder} ({why}); the "
            "answer is recorded in this notebook alone, so save the notebook"
        ) from error


def _write(folder: Path, answer: Answer) -> None:
    path = folder / SIDECAR
    try:
        answers = read_sidecar(folder)[0]
    except ValueError:
        answers = {}
        os.replace(path, folder / BROKEN)
    answers.setdefault(answer.homework, {})[answer.question] = answer
    draft = folder / f".answers-{secrets.token_hex(4)}.tmp"
    try:
        draft.write_text(to_sidecar(answers), encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)

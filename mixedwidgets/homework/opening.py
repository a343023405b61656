"""A file from anywhere -> its text, or why it is not read; a notebook -> its answers."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.record import MIME

NOTEBOOK = ".ipynb"
LARGEST = 30_000_000  # bytes of a file
MOST_BRACKETS = 2_000_000  # each makes an object of at least 64 bytes, of a file that says nothing


class Unreadable(Exception):
    """Why a file is not read; the words follow its name."""


def path_of(given: object) -> Path:
    """Return a path that somebody gave; ``~`` is their own folder.

    Raises
    ------
    DataError
        It is none.
    """
    text = os.fspath(given) if isinstance(given, (str, os.PathLike)) else ""
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise DataError(f"{brief(given)} is no name of a folder or a file; give one such as 'hw'.")
    return Path(text).expanduser()


def size_of(path: str, largest: int = LARGEST) -> int:
    """Return the bytes of a file that may be opened: an ordinary one of bearable size.

    Parameters
    ----------
    path : str
    largest : int
        Bytes.

    Raises
    ------
    Unreadable
        It is a link, a folder, a pipe or the like, or too large.
    """
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if stat.S_ISLNK(status.st_mode):
        raise Unreadable("is a link and was not followed; hand in the file itself")
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("is no ordinary file")
    if status.st_size > largest:
        raise Unreadable(
            f"was not read: it has {status.st_size / 1e6:.1f} MB, more than the "
            f"{largest / 1e6:.0f} MB allowed; clear its large outputs"
        )
    return status.st_size


def text_of(path: str) -> str:
    """Return the text of a file.

    Raises
    ------
    Unreadable
        The system refuses, it is no text, or it has more brackets than any notebook.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is damaged: it is not text in UTF-8") from None
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise Unreadable("was not read: it has more parts than a notebook can have")
    return text


def notebook_of(text: str) -> Any:
    """Return what the JSON text of a notebook holds.

    Raises
    ------
    Unreadable
        It is no JSON text.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"was not read: {why(error)}") from None


def why(error: BaseException) -> str:
    """Return in words why JSON text could not be read."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is damaged at line {error.lineno}, column {error.colno}, where JSON breaks off"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it is too large"
    words = str(error)
    return words if words.startswith("it ") else "it has a number that is too long"


def bundles(notebook: object) -> Iterator[object]:
    """Yield what stands under the MIME type of answers in the outputs of a notebook's cells.

    Raises
    ------
    Unreadable
        It is no notebook of format 4.
    """
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise Unreadable(f"was not read: {_about_format(notebook)}")
    if not isinstance(cells, list):
        raise Unreadable("was not read: it has no cells")
    yield from recorded(notebook)


def recorded(notebook: object) -> Iterator[object]:
    """Yield the same from whatever JSON text holds; of what is no notebook, nothing."""
    for cell in _rows(notebook, "cells"):
        for output in _rows(cell, "outputs"):
            data = output.get("data") if isinstance(output, dict) else None
            if isinstance(data, dict) and MIME in data:
                yield data[MIME]


def is_wanted(name: str) -> bool:
    """Whether a file, by its name in small letters, is a notebook or a file of answers."""
    return name.endswith(NOTEBOOK) or (name.startswith("answers") and name.endswith(".json"))


def _rows(given: object, key: str) -> list[Any]:
    rows = given.get(key) if isinstance(given, dict) else None
    return rows if isinstance(rows, list) else []


def _about_format(notebook: object) -> str:
    number = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 100:
        return f"it is of notebook format {number}, not 4; save it with a current Jupyter"
    return "it is not a notebook"

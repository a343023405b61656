"""Writes the notebooks of a homework, for one student or a class, never over other work unasked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.homework.cells import Content, Describes, Once, of_class, of_one
from mixedwidgets.homework.identity import check_student, read_roster
from mixedwidgets.homework.marking import packed
from mixedwidgets.homework.nbgrader import nbgrader_notebook
from mixedwidgets.homework.opening import path_of
from mixedwidgets.homework.otter import otter_notebook
from mixedwidgets.homework.plain import plain_notebook
from mixedwidgets.homework.sheets import file_name, packed_sheets

FORMATS = ("plain", "nbgrader", "otter")
KEY_VERSION = 1
SUFFIX = ".ipynb"

Made = Callable[[Content, Mapping[str, str]], str]
_WITH_KEY: dict[str, Made] = {"nbgrader": nbgrader_notebook, "otter": otter_notebook}


def write(
    homework: Describes,
    path: str | os.PathLike[str],
    format: str = "plain",
    student: str | int | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write one notebook.

    Parameters
    ----------
    homework : Homework
    path : str or path
        Of the notebook, ending in ``.ipynb``; or a folder, which is made if need be, for a notebook
        with the name of the homework.
    format : {"plain", "nbgrader", "otter"}
        An ordinary notebook without a key, to be handed out; the source of ``nbgrader
        generate_assignment``; or the master of ``otter assign``. The last two have the key in
        hidden tests: students get what those tools make of them.
    student : str, optional
        Whose data are in it; without, all who get it have the same data.
    overwrite : bool
        Replace a file that exists and is another.

    Returns
    -------
    Path
        Of the notebook.

    Raises
    ------
    DataError
        No such format, a file that is there and differs, or a place where nothing can be written.
    """
    _check_format(format)
    who = None if student is None else check_student(student)
    once = Once(homework)
    target = _target(path, homework.name)
    _save({target: _notebook(once, of_one(once, who), [who], format)}, overwrite)
    return target


def write_all(
    homework: Describes,
    roster: Any,
    folder: str | os.PathLike[str],
    format: str = "plain",
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write what a class needs, each student with their own data.

    ``"plain"`` gives each student ``<folder>/<student>/<name>.ipynb``, and the teacher
    ``<folder>/<name>-key.json``: who got which data, without which answers are graded as well, but
    unnoticed changes of the homework are not noticed. This file stays with the teacher.

    ``"nbgrader"`` and ``"otter"`` give one notebook for all, ``<folder>/<name>.ipynb``, and beside
    it ``<name>-sheets.json.gz`` with the data of all, which students get too.

    Parameters
    ----------
    homework : Homework
    roster : list of str, path of a CSV file, or DataFrame
        See ``homework.identity.read_roster``.
    folder : str or path
        Made if need be. For nbgrader it is ``source/<name>`` of the course.
    format, overwrite
        As in ``write``.

    Returns
    -------
    list of Path
        What was written, or was there already.

    Raises
    ------
    DataError
        As ``write``, or a roster that cannot be read. Then nothing is written.
    """
    _check_format(format)
    students = read_roster(roster)
    once, place = Once(homework), path_of(folder)
    files: dict[Path, bytes] = {}
    if format == "plain":
        for student in students:
            target = place / student / f"{homework.name}{SUFFIX}"
            files[target] = _notebook(once, of_one(once, student), [student], format)
        files[place / f"{homework.name}-key.json"] = _key(once, students)
    else:
        beside = file_name(homework.name)
        content = of_class(once, students, beside)
        files[place / f"{homework.name}{SUFFIX}"] = _notebook(once, content, students, format)
        files[place / beside] = packed_sheets(once, students)
    _save(files, overwrite)
    return list(files)


def _notebook(
    homework: Describes, content: Content, students: Sequence[str | None], format: str
) -> bytes:
    if format == "plain":
        return plain_notebook(content).encode()
    keys = {q.id: packed(homework, students, q.id) for q in content.questions}
    return _WITH_KEY[format](content, keys).encode()


def _key(homework: Describes, students: Sequence[str]) -> bytes:
    """Who got which data: what grading checks, and nothing that the salt could be found from."""
    sheets = {student: homework.sheet(student) for student in students}
    entries = {s: {"token": sheet.token, "sha256": sheet.sha256} for s, sheet in sheets.items()}
    content = {"version": KEY_VERSION, "homework": homework.name, "students": entries}
    return f"{json.dumps(content, indent=1)}\n".encode()


def _check_format(format: object) -> None:
    if format not in FORMATS:
        near = nearest(format, FORMATS) if isinstance(format, str) else ""
        raise DataError(f"format is {brief(format)}{near}; give one of {', '.join(FORMATS)}.")


def _target(path: object, name: str) -> Path:
    target = path_of(path)
    return target if target.suffix == SUFFIX else target / f"{name}{SUFFIX}"


def _save(files: Mapping[Path, bytes], overwrite: bool) -> None:
    """Write files, none of them where one is in the way."""
    wanted = {path: content for path, content in files.items() if not _is_there(path, content)}
    for path in wanted:
        if path.exists() and not overwrite:
            raise DataError(
                f"{str(path)!r} exists already and differs from what would be written; give "
                "another place, or overwrite=True to replace it."
            )
    for path, content in wanted.items():
        _write(path, content)


def _is_there(path: Path, content: bytes) -> bool:
    try:
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder; give another place.")
        return path.is_file() and path.read_bytes() == content
    except OSError as error:
        raise _unwritable(path, error) from None


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> DataError:
    why = (error.strerror or type(error).__name__).lower()
    return DataError(f"{str(path)!r} cannot be written ({why}); choose another place.")

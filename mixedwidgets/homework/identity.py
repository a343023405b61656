"""Who gets which data: names and ids as they are accepted, and what is derived from them."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import operator
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mixedwidgets.errors import DataError, brief, listed

LONGEST = 64  # characters of an id or a name; they become names of folders and files
SLOWNESS = 50_000  # rounds between the salt and all that follows from it, once a salt: some 20 ms
COLUMNS = ("id", "student", "student_id", "username")  # of a roster, that hold ids

# What names a device under Windows, is hidden by a system, or would be taken for a file.
_RESERVED = re.compile(
    r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|__macosx|__pycache__|.*\.(ipynb|json|zip|tar|gz|tgz|7z|rar)"
)
_STUDENT = re.compile(r"[A-Za-z0-9_@+-](?:[A-Za-z0-9._@+-]*[A-Za-z0-9_@+-])?")
_TOLD_SEPARATOR = re.compile(r"sep=([,;\t])\r?\n")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def check_student(student: object) -> str:
    """Return a student's id as text.

    Parameters
    ----------
    student : str or int
        1 to 64 letters without accents, digits and ``. _ - @ +``, no dot first or last: the id
        names a folder on every kind of computer, so ``con`` and ``nul`` and what ends like a
        notebook or an archive are none. 12345 is taken as ``"12345"``.

    Raises
    ------
    DataError
        Anything else.
    """
    text = _text(student)
    if text is None or len(text) > LONGEST or not _STUDENT.fullmatch(text):
        raise DataError(
            f"{brief(student)} cannot be a student's id; use 1 to {LONGEST} letters without "
            "accents, digits and . _ - @ +, with no dot first or last."
        )
    if _RESERVED.fullmatch(text.casefold()):
        raise DataError(
            f"{brief(student)} cannot be a student's id, since some computers allow no folder of "
            "this name or take it for a file; put a letter before it, or leave out its ending."
        )
    return text


def check_name(name: object) -> str:
    """Return the name of a homework or of a question.

    Parameters
    ----------
    name : str
        1 to 64 letters without accents, digits, ``_`` and ``-``.

    Raises
    ------
    DataError
        Anything else.
    """
    if not isinstance(name, str) or len(name) > LONGEST or not _NAME.fullmatch(name):
        raise DataError(
            f"{brief(name)} cannot be the name of a homework or a question; use 1 to {LONGEST} "
            "letters without accents, digits, _ and -, such as 'hw1'."
        )
    if _RESERVED.fullmatch(name.casefold()):
        raise DataError(
            f"{brief(name)} cannot be the name of a homework or a question, since some computers "
            "allow no file of this name; put a letter before it."
        )
    return name


def seed(salt: str, homework: str, student: str) -> int:
    """Return the number, below 2^64, that a student's data are drawn from.

    Parameters
    ----------
    salt : str
        The teacher's secret.
    homework, student : str

    Raises
    ------
    DataError
        The salt is no text, or empty.
    """
    return int(_digest(salt, "seed", homework, student)[:16], 16)


def token(salt: str, homework: str, student: str) -> str:
    """Return sixteen hexadecimal digits that mark what belongs to a student's data.

    They are in the student's hands and say nothing of the seed. To find the salt from them, each
    guess at it costs ``SLOWNESS`` hashes: a long salt cannot be found, a word can.

    Parameters
    ----------
    salt, homework, student : str

    Raises
    ------
    DataError
        The salt is no text, or empty.
    """
    return _digest(salt, "token", homework, student)[:16]


def derived(start: int, *labels: str | int) -> int:
    """Return another number below 2^64 for some purpose, from one that ``seed`` gave.

    Parameters
    ----------
    start : int
    *labels : str or int
        What it is for.
    """
    encoded = json.dumps([start, *labels]).encode()
    return int(hashlib.sha256(encoded).hexdigest()[:16], 16)


def check_salt(salt: object) -> str:
    """Return the salt.

    Raises
    ------
    DataError
        It is no text, or empty.
    """
    if not isinstance(salt, str) or not salt.strip():
        raise DataError(
            f"salt is {brief(salt)}; give a text that students do not know and cannot guess, such "
            "as secrets.token_hex(16) gives, and keep it: the data and the key follow from it."
        )
    return salt


def _digest(salt: str, purpose: str, homework: str, student: str) -> str:
    encoded = json.dumps([purpose, homework, student]).encode()
    return hmac.new(_key(check_salt(salt)), encoded, hashlib.sha256).hexdigest()


@lru_cache(maxsize=64)
def _key(salt: str) -> bytes:
    secret = salt.encode("utf-8", "surrogatepass")
    return hashlib.pbkdf2_hmac("sha256", secret, b"mixedwidgets homework", SLOWNESS)


def _text(student: object) -> str | None:
    """A student's id as text, or None where it is neither text nor a whole number."""
    if isinstance(student, str):
        return student
    if isinstance(student, float) and student.is_integer():
        return str(int(student))  # pandas keeps whole numbers so where one is missing
    try:
        return None if isinstance(student, bool) else str(operator.index(student))  # type: ignore[arg-type]
    except TypeError:
        return None


def read_roster(roster: Any) -> tuple[str, ...]:
    """Return the ids of a class in their order.

    Parameters
    ----------
    roster : list of str or int, path, or DataFrame
        Ids; or the path of a CSV file (separated by commas, semicolons or tabs), or a DataFrame,
        with a column ``id``, ``student``, ``student_id`` or ``username``; the first of these that
        there is.

    Raises
    ------
    DataError
        The file cannot be read, there is no such column, an id cannot be one, two are the same
        but for capitals, or there are none.
    """
    if isinstance(roster, (str, os.PathLike)):
        found = _from_file(Path(roster))
    elif hasattr(roster, "columns"):
        names = [str(name) for name in roster.columns]
        found = list(roster[roster.columns[_place(names, "this table")]])
    elif isinstance(roster, Iterable) and not isinstance(roster, (bytes, Mapping)):
        found = list(roster)
    else:
        raise DataError(
            f"The roster is {brief(roster)}; give a list of ids, the path of a CSV file or a "
            "DataFrame."
        )
    return _checked(found)


def _from_file(path: Path) -> list[str]:
    """The ids of a CSV file; lines without anything in them are passed over."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"The roster {str(path)!r} cannot be opened ({error.strerror}); give the path of a CSV "
            "file, or a list of ids."
        ) from None
    except UnicodeDecodeError:
        raise DataError(
            f"The roster {str(path)!r} is no UTF-8 text; save it as CSV in UTF-8."
        ) from None
    told = _TOLD_SEPARATOR.match(text)  # Excel may write the separator first
    text = text[told.end() :] if told else text
    header = text.split("\n", 1)[0]
    separator = told[1] if told else max(",;\t", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(
            f"The roster {str(path)!r} is no CSV file ({error}); save it as CSV in UTF-8."
        ) from None
    names, rows = (rows[0], rows[1:]) if rows else ([], [])
    place = _place(names, f"the roster {str(path)!r}")
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return [row[place].strip() if place < len(row) else "" for row in filled]


def _place(names: Sequence[str], where: str) -> int:
    known = [re.sub(r"[\s-]+", "_", name.strip().casefold()) for name in names]
    for column in COLUMNS:
        if column in known:
            return known.index(column)
    raise DataError(
        f"There is no column of ids in {where}, which has {listed(names) or 'no columns'}; name "
        f"one of them {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}."
    )


def _checked(found: Sequence[object]) -> tuple[str, ...]:
    students: dict[str, str] = {}
    for place, given in enumerate(found, start=1):
        try:
            student = check_student(given)
        except DataError as error:
            raise DataError(f"Student {place} of the roster: {error}") from None
        other = students.setdefault(student.casefold(), student)
        if len(students) < place:
            raise DataError(
                f"The roster has both {other!r} and {student!r}, which some computers cannot tell "
                "apart as names of folders; give each student an id of their own."
            )
    if not students:
        raise DataError("The roster has no students; give at least one id.")
    return tuple(students.values())

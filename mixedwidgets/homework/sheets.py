"""The sheets of a class in one file, and the one of a student from it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.cells import Describes, question_text
from mixedwidgets.homework.sheet import Sheet

VERSION = 1
HUB_USER = "JUPYTERHUB_USER"  # who is logged in, where the course has a server of its own
NBGRADER = "NBGRADER_EXECUTION"  # what nbgrader tells the notebooks that it runs


@dataclass(frozen=True)
class Markdown:
    """Text that a notebook shows as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text


@dataclass(frozen=True)
class Handed:
    """What one student of a class gets.

    Attributes
    ----------
    text : str
        The sheet, as ``Sheet.to_json`` writes it.
    story : Markdown
        Where the data come from.
    """

    text: str
    story: Markdown

    def question(self, name: str) -> Markdown:
        """Return heading, points and text of a question.

        Raises
        ------
        DataError
            There is none of this name.
        """
        return Markdown(question_text(Sheet.from_json(self.text).question(name)))


def file_name(homework: str) -> str:
    """Return the name of the file of a homework."""
    return f"{homework}-sheets.json.gz"


def packed_sheets(homework: Describes, students: Sequence[str]) -> bytes:
    """Return the file with the sheets of a class; it holds no names and no key.

    Students are found in it by a hash of their ids, which whoever knows an id can compute: it is
    no secret what data others have.

    Parameters
    ----------
    homework : Homework
    students : sequence of str
    """
    sheets = {
        disguised(homework.name, student): [
            homework.sheet(student).to_json(),
            homework.story(student),
        ]
        for student in students
    }
    content = {"version": VERSION, "homework": homework.name, "sheets": sheets}
    return gzip.compress(json.dumps(content).encode(), mtime=0)


def handed(student: str, file: str | os.PathLike[str]) -> Handed:
    """Return what a student gets, from the file of the class.

    Parameters
    ----------
    student : str
        The id; where it is empty, who is logged in on the course's server. Where nbgrader grades,
        the folder tells instead.
    file : path
        As ``packed_sheets`` made it.

    Raises
    ------
    DataError
        The file is not there or cannot be read, no id is given, or none of the class.
    """
    content = _read(Path(file))
    who = graded_student() or str(student).strip() or os.environ.get(HUB_USER, "")
    if not who:
        raise DataError(
            "It is not known who you are; write your id between the quotes of the cell above, "
            'such as student = "ab123", and run the cells again.'
        )
    entry = content["sheets"].get(disguised(content["homework"], who))
    if entry is None:
        raise DataError(
            f"{brief(who)} is on no list of this course; write your id as the course knows it into "
            "the cell above, and run the cells again."
        )
    return Handed(entry[0], Markdown(entry[1]))


def graded_student() -> str:
    """Return whose notebook nbgrader is grading, by the name of the folder; empty otherwise."""
    return Path.cwd().parent.name if os.environ.get(NBGRADER) == "autograde" else ""


def disguised(homework: str, student: str) -> str:
    """Return 16 hexadecimal digits in place of an id, capitals or not."""
    encoded = json.dumps([homework, student.casefold()]).encode()
    return hashlib.sha256(encoded).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
        if content["version"] == VERSION and isinstance(content["sheets"], dict):
            return dict(content)
    except FileNotFoundError:
        raise DataError(
            f"There is no file {path.name!r} beside this notebook; put it there as you got it, and "
            "run the cells again."
        ) from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    raise _damaged(path)


def _damaged(path: Path) -> DataError:
    return DataError(
        f"The file {path.name!r} is damaged, or of another version of mixedwidgets; get it again "
        "from where you got this notebook."
    )

"""What a student gets: the questions, the data and how answers are checked; no answer key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mixedwidgets.errors import DataError, brief, nearest

VERSION = 1
KINDS = ("number", "choice", "interval", "point")
FEEDBACK = ("none", "range", "check", "reveal")


@dataclass(frozen=True)
class Part:
    """One thing to answer.

    Attributes
    ----------
    id : str
        Name within the question, such as ``"tau"``; letters, digits and ``_``.
    kind : {"number", "choice", "interval", "point"}
        A number; one of ``options``; two numbers in order; a place (x, y) on a picture.
    label : str
        What is asked for, in a few words, such as ``"SD of the schools"``.
    units : str
        Units of the numbers; empty where there are none.
    tolerance : float
        How far from the key an answer may be to count as right: of an interval each limit, of a
        point each coordinate in parts of the width of its axis. 0 for a choice.
    limits : (float, float) or None
        The range of sensible answers, for ``feedback="range"``; either may be None.
    options : tuple of (str, str)
        Of a choice: name and words of each option.
    picture : dict or None
        What is drawn for an interval or a point; see ``homework.pictures``.
    seal : dict or None
        What tells a right answer without saying it, where feedback needs it; see
        ``homework.seals``.
    """

    id: str
    kind: str
    label: str
    units: str = ""
    tolerance: float = 0.0
    limits: tuple[float | None, float | None] | None = None
    options: tuple[tuple[str, str], ...] = ()
    picture: dict[str, Any] | None = None
    seal: dict[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """One question as a student sees it.

    Attributes
    ----------
    id : str
        Name within the homework; letters, digits and ``_``.
    title, text : str
        Heading, and the question in Markdown.
    points : float
        Points of the whole question, shared evenly among its parts.
    parts : tuple of Part
    feedback : {"none", "range", "check", "reveal"}
        Nothing; whether an answer is in the range of sensible ones; right or wrong after ``tries``
        tries; the key, once the answer is submitted for good.
    tries : int
        Of ``"check"``: after how many tries right or wrong is told.
    """

    id: str
    title: str
    text: str
    points: float
    parts: tuple[Part, ...]
    feedback: str = "none"
    tries: int = 1

    def part(self, name: str) -> Part:
        """Return the part of a name."""
        return next(p for p in self.parts if p.id == name)


@dataclass(frozen=True)
class Sheet:
    """One homework for one student, as it is handed out.

    Attributes
    ----------
    homework : str
        Name of the homework, such as ``"hw1"``.
    title : str
    student : str
        The student's id; empty where all get the same data.
    token : str
        Sixteen hexadecimal digits that belong to these data alone; they say nothing of the salt.
    csv : str
        The data as CSV text.
    sha256 : str
        ``mixedwidgets.fingerprint`` of the data.
    questions : tuple of Asked
    """

    homework: str
    title: str
    student: str
    token: str
    csv: str
    sha256: str
    questions: tuple[Asked, ...]

    def question(self, name: str) -> Asked:
        """Return a question by its id.

        Raises
        ------
        DataError
            There is none of this id.
        """
        known = {q.id: q for q in self.questions}
        if name not in known:
            raise DataError(
                f"{brief(name)} is no question of {self.homework}{nearest(str(name), known)}; "
                f"its questions are {', '.join(known)}."
            )
        return known[name]

    def to_json(self) -> str:
        """Return the sheet as JSON text on one line, the same for the same sheet."""
        return json.dumps({"version": VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Sheet:
        """Read a sheet.

        Raises
        ------
        DataError
            The text is no sheet of a homework, or of a later version.
        """
        try:
            given = json.loads(text)
            if given.pop("version") != VERSION:
                raise DataError(
                    "This homework was written by another version of mixedwidgets; install the "
                    "version that the course names."
                )
            questions = tuple(_asked(question) for question in given.pop("questions"))
            return cls(**given, questions=questions)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                "The questions of this homework cannot be read: the first cell of the notebook was "
                "changed; copy it from the notebook as it was handed out."
            ) from error


def _asked(given: Mapping[str, Any]) -> Asked:
    parts = tuple(_part(part) for part in given["parts"])
    return Asked(**{**{f.name: given[f.name] for f in fields(Asked)}, "parts": parts})


def _part(given: Mapping[str, Any]) -> Part:
    values = {f.name: given[f.name] for f in fields(Part)}
    limits = values["limits"]
    values["limits"] = None if limits is None else (limits[0], limits[1])
    values["options"] = tuple((name, words) for name, words in values["options"])
    return Part(**values)

"""``Homework``: described once; data, notebooks and grades for a whole class follow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.grade import grade
from mixedwidgets.homework.identity import check_name, check_salt, check_student
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.questions import identified
from mixedwidgets.homework.questions.question import whether
from mixedwidgets.homework.results import Grades
from mixedwidgets.homework.rows import Size
from mixedwidgets.homework.scenario import Scenario
from mixedwidgets.homework.seals import sealed
from mixedwidgets.homework.sheet import Asked, Sheet
from mixedwidgets.homework.world import World, make_world
from mixedwidgets.homework.write import write, write_all

EVERYONE = "everyone"
"""Whose data a homework has that is the same for the whole class."""


class Homework:
    """A homework: its questions, and where each student's data come from.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``-``; it names files and is part of what the data follow from.
    questions : sequence of question
        Of the kinds in ``mixedwidgets.questions``.
    salt : str
        The teacher's secret, such as ``secrets.token_hex(16)`` gives once. Data and key follow
        from it: keep it, and keep it from students.
    title : str
        Heading of the notebook; the name by default.
    scenario : {"schools", "fields", "clinics"} or Scenario
        What the data are about.
    groups : int
        Number of groups, 5 to 40.
    size : int or (int, int)
        Rows in each group, or the fewest and the most.
    truth : dict, optional
        True values that all students share, of ``mu, tau, sigma, slope, tau_slope, cor,
        probability``; those not given are drawn for each student.
    boundary : bool
        Data from which the SD of the groups is estimated as exactly zero.

    Raises
    ------
    DataError
        A name, salt, question or option that cannot be used.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> hw = mw.Homework("hw1", [mw.questions.BinomialMLE()], salt="keep this to yourself")
    >>> hw.data("ann").shape == hw.data("ann").shape
    True
    """

    def __init__(
        self,
        name: str,
        questions: Sequence[Any],
        *,
        salt: str,
        title: str = "",
        scenario: str | Scenario = "schools",
        groups: int = 16,
        size: int | Size = (6, 14),
        truth: Mapping[str, float] | None = None,
        boundary: bool = False,
    ):
        self.name = check_name(name)
        self.title = _title(title) or self.name
        self.questions = identified(questions)
        self._salt = check_salt(salt)
        whether("boundary", boundary)
        self._recipe: dict[str, Any] = {
            "scenario": scenario,
            "groups": groups,
            "size": size,
            "truth": dict(truth) if isinstance(truth, Mapping) else truth,
            "boundary": boundary,
        }
        self._worlds: dict[str, World] = {}
        self._keys: dict[str, dict[str, dict[str, Key]]] = {}
        for keys in self.key().values():  # so that a mistake in the description shows here
            for key in keys.values():
                tuple(key.mistakes)

    def __repr__(self) -> str:
        points = sum(question.points for question in self.questions)
        return f"<Homework {self.name}: {len(self.questions)} questions, {points:g} points>"

    def data(self, student: str | int | None = None) -> pd.DataFrame:
        """Return a student's data, the same each time and on every version of numpy and pandas.

        Parameters
        ----------
        student : str, optional
            The student's id; without, the data that all have who are given no other.

        Returns
        -------
        DataFrame
            One row an observation. ``.attrs`` has ``truth``, the values the data were drawn from,
            ``sha256``, their ``mixedwidgets.fingerprint``, and ``student``.

        Raises
        ------
        DataError
            An id that cannot be one.
        """
        world = self.world(student)
        data = world.data.copy()
        data.attrs.update(
            student=world.student, truth=dict(world.truth), sha256=world.sha256, homework=self.name
        )
        return data

    def world(self, student: str | int | None = None) -> World:
        """Return a student's data with the truth and the fits behind them, made once."""
        who = EVERYONE if student is None else check_student(student)
        if who not in self._worlds:
            self._worlds[who] = make_world(self.name, who, salt=self._salt, **self._recipe)
        return self._worlds[who]

    def key(self, student: str | int | None = None) -> dict[str, dict[str, Key]]:
        """Return the right answers for a student, by question and part."""
        world = self.world(student)
        if world.student not in self._keys:
            self._keys[world.student] = {q.id: q.keys(world) for q in self.questions}
        return self._keys[world.student]

    def sheet(self, student: str | int | None = None) -> Sheet:
        """Return what is handed out to a student: data and questions, and no key."""
        world, keys = self.world(student), self.key(student)
        return Sheet(
            homework=self.name,
            title=self.title,
            student="" if student is None else world.student,
            token=world.token,
            csv=world.csv,
            sha256=world.sha256,
            questions=tuple(
                _with_seals(q.asked(world), keys[q.id], world.token) for q in self.questions
            ),
        )

    def story(self, student: str | int | None = None) -> str:
        """Return in Markdown where the data come from and what their columns are."""
        return self.world(student).scenario.story

    def write(
        self,
        path: str | os.PathLike[str],
        format: str = "plain",
        student: str | int | None = None,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Write one notebook; see ``homework.write.write``."""
        return write(self, path, format, student, overwrite=overwrite)

    def write_all(
        self,
        roster: Any,
        folder: str | os.PathLike[str],
        format: str = "plain",
        *,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write the notebooks of a class; see ``homework.write.write_all``."""
        return write_all(self, roster, folder, format, overwrite=overwrite)

    def grade(
        self, folder: str | os.PathLike[str], key: str | os.PathLike[str] | Any = None
    ) -> Grades:
        """Grade what students handed in, without running any of it; see ``homework.grade``."""
        return grade(self, folder, key)


def _title(given: object) -> str:
    if not isinstance(given, str) or "\n" in given:
        raise DataError(f"title is {brief(given)}; give one line of text.")
    return given.strip()


def _with_seals(asked: Asked, keys: Mapping[str, Key], token: str) -> Asked:
    parts = tuple(
        replace(part, seal=sealed(part, keys[part.id], asked.feedback, token))
        for part in asked.parts
    )
    return replace(asked, parts=parts)

"""Every question of a homework gets an id of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.questions.question import Question


def identified(questions: Any) -> tuple[Question, ...]:
    """Return the questions with ids: the teacher's own, else ``q1``, ``q2`` ... by their place.

    Parameters
    ----------
    questions : iterable of Question

    Raises
    ------
    DataError
        Something else, none, or two of one id.
    """
    if isinstance(questions, (str, bytes, Question)) or not isinstance(questions, Iterable):
        raise DataError(
            f"questions is {brief(questions)}; give a list of questions, such as "
            "[mw.questions.BinomialMLE(), mw.questions.ShrunkenMean()]."
        )
    given = list(questions)
    if not given:
        raise DataError("The homework has no questions; give at least one.")
    places: dict[str, int] = {}
    named = []
    for place, question in enumerate(given, start=1):
        if not isinstance(question, Question):
            hint = "; write brackets after its name" if isinstance(question, type) else ""
            raise DataError(
                f"Question {place} is {brief(question)}{hint}; give one of mw.questions, such as "
                "mw.questions.BinomialMLE()."
            )
        name = question.id or f"q{place}"
        other = places.setdefault(name.casefold(), place)
        if other != place:
            raise DataError(
                f"Questions {other} and {place} are both called {name!r}; give one of them another "
                "id."
            )
        named.append(replace(question, id=name))
    return tuple(named)

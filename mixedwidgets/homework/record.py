"""An answer as it is kept: in the saved output of a cell, and in ``answers.json``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

MIME = "application/vnd.mixedwidgets.answer+json"
SIDECAR = "answers.json"
VERSION = 1

Value = float | str | tuple[float, float]


@dataclass(frozen=True)
class Answer:
    """What a student answered to one question.

    Attributes
    ----------
    homework, token, question : str
        Which question of which sheet; see ``homework.sheet``.
    values : dict of str to (float, str or (float, float))
        The answer to each part that was answered: of a choice the name of the option.
    tries : int
        How often the student had it checked or submitted it.
    submitted : bool
        Whether it is final (``feedback="reveal"``).
    count : int
        Counts up with each change; of two records of a question the higher one holds.
    time : str
        When it was recorded, ISO 8601 in UTC, by the student's clock.
    """

    homework: str
    token: str
    question: str
    values: dict[str, Value]
    tries: int = 0
    submitted: bool = False
    count: int = 0
    time: str = ""

    def to_bundle(self) -> dict[str, Any]:
        """Return what is put under ``MIME`` in the output of a cell, and into the sidecar."""
        return {
            "version": VERSION,
            "homework": self.homework,
            "token": self.token,
            "question": self.question,
            "values": {k: list(v) if isinstance(v, tuple) else v for k, v in self.values.items()},
            "tries": self.tries,
            "submitted": self.submitted,
            "count": self.count,
            "time": self.time,
        }

    @classmethod
    def from_bundle(cls, given: object) -> Answer:
        """Read a bundle, which may come from anywhere.

        Raises
        ------
        ValueError
            It is no answer; the message says what is wrong with it.
        """
        if not isinstance(given, dict) or given.get("version") != VERSION:
            raise ValueError("it is not an answer as mixedwidgets records it")
        values = given.get("values")
        if not isinstance(values, dict) or len(values) > MOST_PARTS:
            raise ValueError("it has no values")
        return cls(
            homework=_text(given, "homework"),
            token=_text(given, "token"),
            question=_text(given, "question"),
            values={_name(k): _value(v) for k, v in values.items()},
            tries=_whole(given, "tries"),
            submitted=given.get("submitted") is True,
            count=_whole(given, "count"),
            time=_text(given, "time"),
        )


MOST_PARTS = 50
LONGEST = 200  # characters of a text in a bundle


def to_sidecar(answers: dict[str, dict[str, Answer]]) -> str:
    """Write answers, by homework and question, as the text of ``answers.json``."""
    kept = {
        homework: {name: answer.to_bundle() for name, answer in sorted(of.items())}
        for homework, of in sorted(answers.items())
    }
    return json.dumps({"version": VERSION, "homeworks": kept}, indent=1, ensure_ascii=False) + "\n"


def from_sidecar(text: str) -> tuple[dict[str, dict[str, Answer]], list[str]]:
    """Read the text of an ``answers.json``, which may come from anywhere.

    Returns
    -------
    (dict of str to dict of str to Answer, list of str)
        By homework and question; and what could not be read, in words.

    Raises
    ------
    ValueError
        It is no such file at all.
    """
    try:
        given = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    homeworks = given.get("homeworks") if isinstance(given, dict) else None
    if not isinstance(homeworks, dict):
        raise ValueError("it is not a file of answers as mixedwidgets writes it")
    answers: dict[str, dict[str, Answer]] = {}
    wrong = []
    for homework, questions in homeworks.items():
        for name, bundle in questions.items() if isinstance(questions, dict) else ():
            try:
                answer = Answer.from_bundle(bundle)
            except ValueError as error:
                wrong.append(f"the answer to {name[:LONGEST]!r} cannot be read: {error}")
                continue
            if (answer.homework, answer.question) == (homework, name):
                answers.setdefault(homework, {})[name] = answer
            else:
                wrong.append(f"the answer to {name[:LONGEST]!r} belongs to another question")
    return answers, wrong


def latest(a: Answer | None, b: Answer | None) -> Answer | None:
    """Return the record that holds, of two of the same question."""
    if a is None or b is None:
        return a or b
    return b if (b.count, b.time) > (a.count, a.time) else a


def _name(given: object) -> str:
    if not isinstance(given, str) or len(given) > LONGEST:
        raise ValueError("a part of it has no proper name")
    return given


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError(f"its {key} is no short text")
    return value


def _whole(given: dict[str, Any], key: str) -> int:
    value = given.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError(f"its {key} is no count")
    return value


def _value(given: object) -> Value:
    if isinstance(given, str) and len(given) <= LONGEST:
        return given
    if isinstance(given, list) and len(given) == 2:
        return _number(given[0]), _number(given[1])
    return _number(given)


def _number(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise ValueError("a value of it is neither a number, two numbers nor a short text")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("a number of it is not finite")
    return number

"""A question of the teacher's own: a text, and a function of the data that gives the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pandas as pd

from mixedwidgets.errors import DataError, ModelError, as_sentence, brief, listed, nearest
from mixedwidgets.homework.keys import Widths
from mixedwidgets.homework.questions.item import Found, Item, choice, interval, number, plain, point
from mixedwidgets.homework.questions.item import Precision as Exactly
from mixedwidgets.homework.questions.own_choices import (
    PICTURES,
    check_kind,
    check_limits,
    check_tolerance,
    read_options,
)
from mixedwidgets.homework.questions.question import Question, is_number, one_of
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import KINDS
from mixedwidgets.homework.world import World

Answer = Callable[[pd.DataFrame], Any]
LONGEST = 120  # characters of somebody else's message that are repeated


@dataclass(frozen=True)
class OwnQuestion(Question):
    """A question of your own, of one part that is called ``answer``.

    Parameters
    ----------
    text : str
        The question in Markdown.
    answer : callable
        Takes a student's DataFrame and returns the answer: a number; the name of an option; two
        numbers for an interval or a point.
    tolerance : float, optional
        How far off a number is right; of a point in parts of the width of each axis. By default
        half a unit of the last of ``decimals``, as far as rounding goes.
    units : str
    options : sequence of str, of (name, words), or dict of name to words
        Of a choice.
    kind : {"number", "choice", "interval", "point"}, optional
        A choice where there are options, else a number.
    mistakes : dict of str to callable or value, optional
        A sentence to the student, and the wrong answer that calls for it, or a function of the data
        that gives it, or None where there is none. What lies within the tolerance of the right
        answer is left out.
    label : str
        What is asked for in a few words.
    decimals : int, optional
        To how many decimals a number is asked for.
    picture : callable, optional
        Of an interval or a point: takes the DataFrame and returns what ``homework.pictures`` makes.
    limits : (float or None, float or None), optional
        Range of sensible answers, for ``feedback="range"``.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        Values that do not go together. What the functions do wrong for a student's data is raised
        as a ModelError that names the question and the student, when it is asked for.

    Examples
    --------
    >>> OwnQuestion(
    ...     "How many rows have a score above 60?",
    ...     lambda data: (data["score"] > 60).sum(),
    ...     tolerance=0,
    ... ).kind
    'number'
    """

    text: str
    answer: Answer
    tolerance: float | None = None
    units: str = ""
    options: Any = ()
    kind: str = ""
    mistakes: Mapping[str, Any] | None = None
    label: str = "answer"
    decimals: int | None = None
    picture: Callable[[pd.DataFrame], dict[str, Any]] | None = None
    limits: tuple[float | None, float | None] | None = None

    heading: ClassVar[str] = "A question"

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        super().__post_init__()
        if not isinstance(self.text, str) or not self.text.strip():
            raise DataError(f"OwnQuestion: text is {brief(self.text)}; write the question.")
        if not callable(self.answer):
            raise DataError(
                f"OwnQuestion: answer is {brief(self.answer)}; give a function of the data, such "
                "as lambda data: data['score'].mean()."
            )
        options = read_options(self.options)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "kind", self.kind or ("choice" if options else "number"))
        one_of("OwnQuestion: kind", self.kind, KINDS)
        check_kind(self.kind, options, self.picture)
        tolerance = check_tolerance(self.kind, self.decimals, self.tolerance)
        object.__setattr__(self, "tolerance", tolerance)
        if self.mistakes is not None and not isinstance(self.mistakes, Mapping):
            raise DataError(
                f"OwnQuestion: mistakes is {brief(self.mistakes)}; give a dict of sentences and "
                "functions of the data."
            )
        check_limits(self.limits)

    @property
    def _tolerance(self) -> float:
        return float(self.tolerance or 0.0)

    def words(self, world: World) -> str:
        """Return the question."""
        return self.text

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the one part."""
        value = self._value(self._call(self.answer, world, "answer"), world, "answer")
        mistakes = self._mistakes(world)
        if isinstance(value, str):
            return (choice("answer", self.label, value, self.options, mistakes=mistakes),)
        if isinstance(value, tuple):
            return (self._pair(value, mistakes, world),)
        exactly = Exactly(self.decimals or 0, self._tolerance)
        item = number(
            "answer",
            self.label,
            value,
            exactly,
            units=self.units,
            limits=self.limits,
            mistakes=mistakes,
        )
        if self.decimals is not None:
            return (item,)
        in_units = f", in {self.units}" if self.units else ""
        within = f" (up to {plain(self._tolerance)} off is right)" if self._tolerance else ""
        return (replace(item, wish=f"**{self.label}**{in_units}{within}"),)

    def _pair(self, value: tuple[float, float], mistakes: Found, world: World) -> Item:
        if self.kind == "interval":
            return interval(
                "answer",
                self.label,
                value,
                self._tolerance,
                units=self.units,
                limits=self.limits,
                mistakes=mistakes,
            )
        widths = _widths(self._drawn(world))
        return point(
            "answer",
            self.label,
            value,
            self._tolerance,
            widths,
            units=self.units,
            mistakes=mistakes,
        )

    def drawn(self, world: World, part: str) -> dict[str, Any] | None:
        """Return what the teacher's function draws."""
        return None if self.picture is None else self._drawn(world)

    def _drawn(self, world: World) -> dict[str, Any]:
        assert self.picture is not None
        found = self._call(self.picture, world, "picture")
        kind = found.get("kind") if isinstance(found, dict) else None
        if kind not in PICTURES[self.kind]:
            raise self._wrong(
                world, f"its picture is {brief(found)}, not what homework.pictures makes"
            )
        return found

    def _mistakes(self, world: World) -> Iterator[tuple[Value | None, str]]:
        for sentence, wrong in (self.mistakes or {}).items():
            name = f"mistake {sentence!r}"
            given = self._call(wrong, world, name) if callable(wrong) else wrong
            if given is not None:
                yield self._value(given, world, name), as_sentence(str(sentence))

    def _call(self, function: Callable[[pd.DataFrame], Any], world: World, name: str) -> Any:
        try:
            return function(world.data.copy())
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0][:LONGEST]
            what = type(error).__name__ + (f" ({said})" if said else "")
            raise self._wrong(world, f"the function of its {name} raised {what}") from error

    def _value(self, given: Any, world: World, name: str) -> Value:
        """What a function returned, as a value of the kind of the question."""
        if getattr(given, "shape", None) == () and hasattr(given, "item"):
            given = given.item()
        if self.kind == "choice":
            known = [option for option, _ in self.options]
            if str(given) in known:
                return str(given)
            hint = nearest(str(given), known)
            raise self._wrong(
                world, f"its {name} is {brief(given)}{hint}, not one of {listed(known)}"
            )
        if self.kind == "number":
            if is_number(given):
                return float(given)
            raise self._wrong(world, f"its {name} is {brief(given)}, not a finite number")
        try:
            pair = tuple(float(v) for v in given if is_number(float(v)))
        except (TypeError, ValueError):
            pair = ()
        if len(pair) != 2 or (self.kind == "interval" and pair[0] > pair[1]):
            order = " in order" if self.kind == "interval" else ""
            raise self._wrong(world, f"its {name} is {brief(given)}, not two finite numbers{order}")
        return pair[0], pair[1]

    def _wrong(self, world: World, what: str) -> ModelError:
        whom = f"student {world.student!r}" if world.student else "the data of the class"
        name = self.id or self.title or self.text[:40]
        return ModelError(
            f"Question {name!r} fails for {whom}: {what}; try the function on these data."
        )


def _widths(picture: dict[str, Any]) -> Widths:
    """Widths of both axes of a picture; of rows of groups the second does not count."""
    if picture["kind"] == "groups":
        low, high = picture["xlim"]
        return high - low, float("inf")
    return picture["x"][-1] - picture["x"][0], picture["y"][-1] - picture["y"][0]

"""A question: what a teacher chooses of it, and what it makes of a student's data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from mixedwidgets.errors import DataError, brief, listed, nearest
from mixedwidgets.homework.chance import Chance
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.questions.item import Item
from mixedwidgets.homework.sheet import FEEDBACK, Asked
from mixedwidgets.homework.world import World

_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True)
class Question:
    """Base of every question.

    Parameters
    ----------
    points : float
        Shared evenly among the parts of the question.
    title : str
        Heading; the kind's own where empty.
    feedback : {"none", "range", "check", "reveal"}
        What the notebook says to an answer: nothing; whether it is in the range of sensible ones;
        right or wrong after ``tries`` tries; the key, once the answer is submitted for good.
    tries : int
        Of ``"check"``: after how many tries right or wrong is told.
    id : str
        Name within the homework, of letters, digits and ``_``; ``q1``, ``q2`` ... in order where
        empty.

    Raises
    ------
    DataError
        A value that is none of those.
    """

    points: float = field(default=1.0, kw_only=True)
    title: str = field(default="", kw_only=True)
    feedback: str = field(default="none", kw_only=True)
    tries: int = field(default=1, kw_only=True)
    id: str = field(default="", kw_only=True)

    heading: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        kind = type(self).__name__
        if not is_number(self.points) or self.points < 0.0:
            raise DataError(f"{kind}: points is {brief(self.points)}; give a number of at least 0.")
        if not isinstance(self.title, str):
            raise DataError(f"{kind}: title is {brief(self.title)}; give a text.")
        one_of(f"{kind}: feedback", self.feedback, FEEDBACK)
        if isinstance(self.tries, bool) or not isinstance(self.tries, int) or self.tries < 1:
            raise DataError(
                f"{kind}: tries is {brief(self.tries)}; give a whole number of at least 1."
            )
        if not isinstance(self.id, str) or (self.id and not _ID.fullmatch(self.id)):
            raise DataError(
                f"{kind}: id is {brief(self.id)}; use at most 64 letters, digits and _, such as "
                "'tau', or leave it out."
            )

    def asked(self, world: World) -> Asked:
        """Return the question as a student gets it, without seals.

        Parameters
        ----------
        world : World

        Raises
        ------
        ModelError
            The question does not apply to these data.
        """
        asked = self._asked(world, self.items(world))
        return replace(
            asked,
            parts=tuple(replace(p, picture=self.drawn(world, p.id)) for p in asked.parts),
        )

    def for_grading(self, world: World) -> tuple[Asked, dict[str, Key]]:
        """Return the question and its keys in one go; without pictures, which take longer.

        Parameters
        ----------
        world : World

        Raises
        ------
        ModelError
            The question does not apply to these data.
        """
        items = self.items(world)
        return self._asked(world, items), {item.part.id: item.key for item in items}

    def keys(self, world: World) -> dict[str, Key]:
        """Return the key of each part.

        Parameters
        ----------
        world : World

        Raises
        ------
        ModelError
            The question does not apply to these data.
        """
        return {item.part.id: item.key for item in self.items(world)}

    def _asked(self, world: World, items: tuple[Item, ...]) -> Asked:
        wishes = "\n".join(f"- {item.wish}" for item in items)
        return Asked(
            id=self.id,
            title=self.title or self.heading,
            text=f"{self.words(world)}\n\n{wishes}",
            points=float(self.points),
            parts=tuple(item.part for item in items),
            feedback=self.feedback,
            tries=self.tries,
        )

    # What each kind says in its own way.

    def words(self, world: World) -> str:
        """Return the question in Markdown; what is to be given is listed beneath."""
        raise NotImplementedError

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the parts, without pictures, and their keys."""
        raise NotImplementedError

    def drawn(self, world: World, part: str) -> dict[str, Any] | None:
        """Return what is drawn for a part, if anything is."""
        return None

    def chance(self, world: World) -> Chance:
        """Return draws of this student's own for this question."""
        return world.chance(f"{type(self).__name__} {self.id}")


def is_number(value: object) -> bool:
    """Whether a value is one finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def one_of(what: str, given: object, allowed: Mapping[str, Any] | tuple[str, ...]) -> None:
    """Refuse a word that is none of those allowed.

    Raises
    ------
    DataError
        With what is allowed.
    """
    if not isinstance(given, str) or given not in allowed:
        raise DataError(
            f"{what} is {brief(given)}{nearest(str(given), allowed)}; choose "
            f"{listed([repr(word) for word in allowed])}."
        )


def whether(what: str, given: object) -> None:
    """Refuse what is neither True nor False.

    Raises
    ------
    DataError
    """
    if not isinstance(given, bool):
        raise DataError(f"{what} is {brief(given)}; give True or False.")

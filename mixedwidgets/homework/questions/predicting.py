"""Where will the mean of a group go? Predicted on a picture first, and shown afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from mixedwidgets.homework.pictures import groups
from mixedwidgets.homework.questions.facts import floored
from mixedwidgets.homework.questions.item import Item, choice, point
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.questions.shrinkage import check_group, named
from mixedwidgets.homework.world import World

FURTHEST = 5  # groups that move furthest, of which one is asked about
HALF = 0.5  # of the way to the nearer of both ends: what counts as near
MARGIN = 0.12  # of the range of means, beyond them on the picture
LEAST, MOST = 0.01, 0.1  # of the width of the picture: as exact as a hand can be, and as vague

_WAYS = {
    "towards": "towards the overall mean",
    "away": "away from the overall mean",
    "stays": "it stays where it is",
}


@dataclass(frozen=True)
class PredictThenReveal(Question):
    """Which way a group's mean will move under partial pooling, and where to.

    Parts: ``way`` (choice) and ``place`` (point on a picture of the groups). A place is right where
    it is nearer to the shrunken mean, by maximum likelihood, than to the group's own mean and to
    the overall mean. The key is shown on submission unless another feedback is chosen.

    Parameters
    ----------
    group : str, optional
        Name of a group that all students have; by default each student has one of their own that
        moves far.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        A group that is no text.
    """

    group: str | None = None
    feedback: str = field(default="reveal", kw_only=True)

    heading: ClassVar[str] = "Predict, then see"

    def __post_init__(self) -> None:
        """Refuse what is no name."""
        super().__post_init__()
        check_group("PredictThenReveal", self.group)

    def words(self, world: World) -> str:
        """Return the question."""
        name = self._name(world)
        return (
            f"The picture has the mean `{world.response}` of each {world.scenario.a_group} and how "
            f"many rows it is of; the line is the overall mean. The model "
            f"`{world.formula('null')}` (maximum likelihood) gives **{name}** an estimate between "
            "no pooling and complete pooling. Before you fit it: which way will the mean of "
            f"**{name}** move, and where to?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        name = self._name(world)
        means = world.oneway.means("ML")
        j = means.labels.index(name)
        raw, mean, mu = float(means.unbiased[j]), float(means.shrunken[j]), means.mu
        low, high = _reach(world)
        width = high - low
        ends = [abs(end - mean) for end in (raw, mu) if abs(end - mean) > 0.0]
        near = min(max(HALF * min(ends, default=0.0) / width, LEAST), MOST)
        working = (
            f"The mean of {name}, {raw:.3f}, has weight {means.weight[j]:.3f} and moves to "
            f"{mean:.3f}; the overall mean is {mu:.3f}."
        )
        return (
            choice(
                "way",
                f"which way the mean of {name} moves",
                "towards",
                self.chance(world).shuffled(list(_WAYS.items())),
                mistakes=[
                    (
                        "away",
                        "Partial pooling draws every group towards the overall mean; none is drawn "
                        "away from it.",
                    ),
                    (
                        "stays",
                        "It would stay only if the group told all about itself; with few rows and "
                        "noise within groups the others tell something about it, too.",
                    ),
                ],
                working=working,
            ),
            point(
                "place",
                f"where the mean of {name} moves to",
                (mean, float(j)),
                floored(near, 2),
                (width, float("inf")),
                units=world.scenario.units,
                mistakes=[
                    ((raw, float(j)), "This is where the mean was: no shrinkage at all."),
                    ((mu, float(j)), "This is the overall mean: complete pooling goes too far."),
                    (
                        (2.0 * raw - mean, float(j)),
                        "This is away from the overall mean; shrinkage goes towards it.",
                    ),
                    (
                        (2.0 * mu - mean, float(j)),
                        "This is beyond the overall mean; shrinkage never passes it.",
                    ),
                ],
                working=working,
                wish=(
                    f"**where the mean of {name} moves to**, on the picture (right is what is "
                    "nearer to where it goes than to where it was, and than to the overall mean)"
                ),
            ),
        )

    def drawn(self, world: World, part: str) -> dict[str, Any] | None:
        """Return the groups with their means."""
        if part != "place":
            return None
        found = world.oneway.groups
        return groups(
            [str(label) for label in found.labels],
            found.mean.tolist(),
            found.size.tolist(),
            grand=world.oneway.ml.mu,
            pick=self._name(world),
            xlabel=f"{world.response}, {world.scenario.units}",
            xlim=_reach(world),
        )

    def _name(self, world: World) -> str:
        """The group asked about: by default, by chance, one of those that move furthest.

        Not the one that ``ShrunkenMean`` asks about: to reveal it would be to answer that.
        """
        if self.group is not None:
            return named(world, self.group)
        means = world.oneway.means("ML")
        furthest = np.argsort(-np.abs(means.shrunken - means.unbiased), kind="stable")
        names = [str(means.labels[j]) for j in furthest if means.labels[j] != world.named_group]
        return self.chance(world).chosen(names[:FURTHEST])


def _reach(world: World) -> tuple[float, float]:
    """Ends of the axis: all means with some room."""
    means = world.oneway.groups.mean
    low, high = float(means.min()), float(means.max())
    room = MARGIN * (high - low)
    return low - room, high + room

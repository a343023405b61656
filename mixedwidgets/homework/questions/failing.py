"""Which interval of a variance goes below zero, and why it can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.homework.questions.item import Item, choice
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.world import World
from mixedwidgets.likelihood.oneway_algebra import information

LEVELS = (0.90, 0.95, 0.99, 0.999)  # the first at which there is no doubt
DOUBT = 0.15  # standard errors around zero in which a limit is doubtful

_WHICH = {
    "variance": "Wald on the variance τ²",
    "log": "Wald on log τ, turned back",
    "profile": "profile likelihood",
    "none": "none of these",
}
_WHY = {
    "symmetric": "it reaches as far down as up, whatever values are possible",
    "unequal": "the groups are of unequal size, which draws it out to the left",
    "negative": "the estimate of the variance may itself be below zero",
    "residual": "the variance within the groups is larger than that between them",
}


@dataclass(frozen=True)
class WhichIntervalFails(Question):
    """Which interval of the variance between groups goes below zero, and why one can.

    Parts: ``which`` and ``why`` (choices). The level of the intervals is each student's own: so
    that it is clear whether the Wald interval of the variance goes below zero, and that it does
    where any level up to 99.9 % makes it.

    Parameters
    ----------
    points, title, feedback, tries, id
        See ``Question``.
    """

    heading: ClassVar[str] = "An interval that fails"

    def words(self, world: World) -> str:
        """Return the question."""
        level, _, _ = self._interval(world)
        return (
            f"In the one-way model of `{world.response}` with groups `{world.group}`, fitted by "
            "maximum likelihood (ML), take two-sided "
            f"{100 * level:g} % confidence intervals of the variance $\\tau^2$ between the "
            f"{world.scenario.groups}: Wald's from the inverse of the observed information matrix "
            r"of $(\mu, \sigma^2, \tau^2)$, Wald's on $\log\tau$, and the one from the profile "
            "likelihood. Which of them holds values below zero for your data? And why can an "
            "interval of a variance hold impossible values at all?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        level, lower, tau2 = self._interval(world)
        fails = lower < 0.0
        chance = self.chance(world)
        why = chance.shuffled(list(_WHY.items()))
        working = (
            f"Wald's {100 * level:g} % interval of τ² around {tau2:.4f} begins at {lower:.4f}; the "
            "one on log τ and the profile cannot go below zero."
        )
        wald_missed = "Look at the lower limit of Wald's interval of τ² for your data: it is " + (
            "below zero." if fails else "above zero."
        )
        return (
            choice(
                "which",
                "the interval that goes below zero",
                "variance" if fails else "none",
                _WHICH.items(),
                mistakes=[
                    ("log", "The exponential of any number is positive, so this one cannot."),
                    (
                        "profile",
                        "The likelihood is there for possible values alone, so a profile stops at "
                        "zero.",
                    ),
                    ("none" if fails else "variance", wald_missed),
                ],
                working=working,
            ),
            choice(
                "why",
                "why an interval of a variance can hold values below zero",
                "symmetric",
                why,
                mistakes=[
                    ("unequal", "It happens with groups of equal size as well."),
                    ("negative", "The estimate by maximum likelihood is never below zero."),
                    (
                        "residual",
                        "That makes the interval longer, but profile and log scale stay above zero "
                        "with the same data.",
                    ),
                ],
                working=working,
            ),
        )

    def _interval(self, world: World) -> tuple[float, float, float]:
        """Level, lower limit of Wald's interval of tau2, and the estimate of tau2.

        Raises
        ------
        ModelError
            The estimate is 0.
        """
        ml = world.oneway.ml
        if ml.tau2 == 0.0:
            raise ModelError(
                "τ² is estimated as 0 for these data, where neither log τ nor Wald's interval has "
                "a meaning; leave out WhichIntervalFails where data are at the boundary."
            )
        at = np.array([ml.mu, ml.sigma2, ml.tau2])
        covariance = np.linalg.inv(information(world.oneway.groups, *at))
        se = math.sqrt(max(float(covariance[2, 2]), 0.0))
        limits = [(lv, ml.tau2 - NormalDist().inv_cdf(0.5 + 0.5 * lv) * se) for lv in LEVELS]
        clear = [one for one in limits if one[1] < -DOUBT * se] or [limits[1]]
        level, lower = clear[0]
        return level, lower, ml.tau2

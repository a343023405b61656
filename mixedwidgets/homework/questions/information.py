"""The curvature of a log-likelihood, and the Wald interval that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.pictures import curve
from mixedwidgets.homework.questions.binomial import loglik
from mixedwidgets.homework.questions.facts import floored, ones
from mixedwidgets.homework.questions.item import Item, interval, number, precision
from mixedwidgets.homework.questions.question import Question, is_number
from mixedwidgets.homework.world import World

POINTS = 121
DEEPEST = -10.0  # log-likelihood below its maximum that the curve shows
DRAWN = 0.15  # standard errors that a hand may be off: as good as exact beside another level


@dataclass(frozen=True)
class Information(Question):
    """Observed information about a probability, its standard error, and the Wald interval.

    Parts: ``information`` and ``se`` (numbers), ``interval`` (drawn on the log-likelihood).

    Parameters
    ----------
    level : float
        Of the interval, two-sided.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        A level outside 0.5 to 0.999.
    """

    level: float = 0.95

    heading: ClassVar[str] = "Information and interval"

    def __post_init__(self) -> None:
        """Refuse what is no level."""
        super().__post_init__()
        if not is_number(self.level) or not 0.5 <= self.level <= 0.999:
            raise DataError(
                f"Information: level is {brief(self.level)}; give a number from 0.5 to 0.999, "
                "such as 0.95."
            )

    def words(self, world: World) -> str:
        """Return the question."""
        return (
            f"Take the rows of `{world.outcome}` ({world.scenario.outcome_words}: 1, otherwise 0) "
            r"as independent draws with one probability $\theta$ of a 1. The observed information "
            r"is $I = -\ell''(\hat\theta)$, minus the second derivative of the log-likelihood at "
            r"the maximum-likelihood estimate $\hat\theta$; the standard error of the estimate is "
            r"$1/\sqrt{I}$. "
            f"Draw the two-sided {100 * self.level:g} % Wald interval, the estimate plus and minus "
            f"{self._z:.2f} standard errors, on the curve of the log-likelihood."
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the parts."""
        k, n = ones(world)
        p = k / n
        variance = p * (1.0 - p) / n
        se, single = math.sqrt(variance), p * (1.0 - p)
        wrong_n = math.sqrt(single / (n - 1))
        return (
            number(
                "information",
                "observed information I",
                1.0 / variance,
                precision(4.0 * n),
                limits=(0.0, None),
                mistakes=[
                    (variance, "This is 1 / I, the variance of the estimate."),
                    (se, "This is the standard error, the root of 1 / I."),
                    (n * single, "This is n p (1 - p); the information is n / (p (1 - p))."),
                    (1.0 / single, "This is the information of one row; there are n of them."),
                    (1.0 / se, "This is the root of the information."),
                    (-1.0 / variance, "The information is minus the second derivative."),
                    (4.0 * n, "This is the curvature at θ = 1/2; take it at the estimate."),
                    (n / p, "This leaves out the zeros: n / p + n / (1 - p) is asked for."),
                    ((n - 1) / single, "You seem to have counted n - 1 rows; there are n."),
                ],
                working=rf"$I = n / (\hat\theta (1 - \hat\theta)) = {1.0 / variance:.2f}$.",
            ),
            number(
                "se",
                "standard error of the estimate",
                se,
                precision(0.5 / math.sqrt(n)),
                limits=(0.0, 1.0),
                mistakes=[
                    (wrong_n, "You seem to have divided by n - 1; the information has n."),
                    (variance, "This is the variance 1 / I; the standard error is its root."),
                    (math.sqrt(single), "This is the SD of one draw; divide by the root of n."),
                    (0.5 / math.sqrt(n), "This takes θ = 1/2; take the estimate."),
                    (
                        1.0 / se,
                        "This is the root of the information; the standard error is 1 / it.",
                    ),
                    (single / math.sqrt(n), "Take the root of p (1 - p), too."),
                ],
                working=rf"$1/\sqrt{{I}} = {se:.6f}$.",
            ),
            self._interval(p, se, wrong_n),
        )

    def _interval(self, p: float, se: float, wrong_n: float) -> Item:
        z = self._z
        one_sided = NormalDist().inv_cdf(self.level)

        def about(half: float) -> tuple[float, float]:
            return p - half, p + half

        return interval(
            "interval",
            f"{100 * self.level:g} % Wald interval of θ",
            about(z * se),
            floored(DRAWN * se),
            limits=(0.0, 1.0),
            mistakes=[
                (
                    about(one_sided * se),
                    f"This has {one_sided:.2f} standard errors to each side, which is one-sided: "
                    "half of what the level leaves lies on each side.",
                ),
                (about(se), f"This is one standard error to each side; take {z:.2f} of them."),
                (
                    about(z * se * se),
                    "This takes the variance for the standard error, which is its root.",
                ),
                (
                    about(z * math.sqrt(p * (1.0 - p))),
                    "This takes the SD of one draw; divide it by the root of n.",
                ),
                (
                    about(0.5 * z * se),
                    f"This is half as wide: take {z:.2f} standard errors to each side.",
                ),
                (about(2.0 * z * se), "This is twice as wide as it should be."),
                (about(z * wrong_n), "You seem to have divided by n - 1."),
                (about(2.5758293 * se), "This is the 99 % interval."),
                (about(1.6448536 * se), "This is the 90 % interval."),
            ],
            working=(
                rf"${p:.4f} \pm {z:.3f} \times {se:.4f}$: from {p - z * se:.4f} to "
                f"{p + z * se:.4f}."
            ),
        )

    def drawn(self, world: World, part: str) -> dict[str, Any] | None:
        """Return the log-likelihood, less its maximum."""
        if part != "interval":
            return None
        k, n = ones(world)
        p = k / n
        se = math.sqrt(p * (1.0 - p) / n)
        chance = self.chance(world)  # the estimate is not at the middle of the picture
        low = max(p - se * chance.uniform(3.6, 5.0), 0.002)
        high = min(p + se * chance.uniform(3.6, 5.0), 0.998)
        x = [low + (high - low) * i / (POINTS - 1) for i in range(POINTS)]
        top = loglik(k, n, p)
        return curve(
            x,
            [max(loglik(k, n, v) - top, 2.0 * DEEPEST) for v in x],
            xlabel="θ",
            ylabel="log-likelihood less its maximum",
            xlim=(low, high),
            ylim=(DEEPEST, 0.5),
        )

    @property
    def _z(self) -> float:
        return NormalDist().inv_cdf(0.5 + 0.5 * self.level)

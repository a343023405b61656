"""The likelihood of ones among zeros, and where it is highest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.questions.facts import ones, shares
from mixedwidgets.homework.questions.item import Item, Precision, choice, number
from mixedwidgets.homework.questions.question import Question, is_number
from mixedwidgets.homework.world import World

LOGS = Precision(2, 0.02)
SHARE = Precision(4, 0.0005)


@dataclass(frozen=True)
class BinomialLikelihood(Question):
    """The log-likelihood of a probability, and which of two probabilities is likelier.

    Parts: ``loglik`` (number) and ``likelier`` (choice).

    Parameters
    ----------
    theta, against : float, optional
        Two probabilities; the log-likelihood of the first is asked for. Each student has their own
        by default.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        A probability not between 0 and 1, only one of them, or twice the same.
    """

    theta: float | None = None
    against: float | None = None

    heading: ClassVar[str] = "The likelihood of a probability"

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        super().__post_init__()
        given = (self.theta, self.against)
        if given == (None, None):
            return
        for name, value in zip(("theta", "against"), given, strict=True):
            if not is_number(value) or not 0.0 < float(value or 0.0) < 1.0:
                raise DataError(
                    f"BinomialLikelihood: {name} is {brief(value)}; give two different "
                    "probabilities between 0 and 1, or none of them."
                )
        if self.theta == self.against:
            raise DataError(
                f"BinomialLikelihood: theta and against are both {brief(self.theta)}; give two "
                "different probabilities."
            )

    def words(self, world: World) -> str:
        """Return the question."""
        theta, against = self._pair(world)
        return (
            f"Take the rows of `{world.outcome}` ({world.scenario.outcome_words}: 1, otherwise 0) "
            r"as independent draws with one probability $\theta$ of a 1, whatever their "
            f"{world.scenario.a_group}. "
            r"What is the log-likelihood $\ell(\theta)$, natural logarithm, at "
            rf"$\theta = {theta:g}$? "
            rf"And is $\theta = {theta:g}$ or $\theta = {against:g}$ the likelier value? "
            "The likelihood is the probability of this very sequence of zeros and ones, without a "
            "binomial coefficient."
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        k, n = ones(world)
        theta, against = self._pair(world)
        here, there = loglik(k, n, theta), loglik(k, n, against)
        better, other = (theta, against) if here >= there else (against, theta)
        shown = [f"{theta:g}", f"{against:g}"]
        return (
            number(
                "loglik",
                f"log-likelihood at θ = {theta:g}",
                here,
                LOGS,
                limits=(None, 0.0),
                mistakes=log_mistakes(k, n, theta),
                working=(
                    rf"{k} ones among {n} rows: $\ell({theta:g}) = {k}\log {theta:g} + {n - k}"
                    rf"\log {1 - theta:.4g} = {here:.4f}$."
                ),
            ),
            choice(
                "likelier",
                "the likelier value of θ",
                f"{better:g}",
                [(value, f"θ = {value}") for value in shown],
                mistakes=[
                    (
                        f"{other:g}",
                        "The larger log-likelihood is the one less far below zero: compare both "
                        "values with their signs.",
                    )
                ],
                working=rf"$\ell({theta:g}) = {here:.2f}$ and $\ell({against:g}) = {there:.2f}$.",
            ),
        )

    def _pair(self, world: World) -> tuple[float, float]:
        """Both probabilities: by default one near the estimate, the other further off."""
        if self.theta is not None and self.against is not None:
            return self.theta, self.against
        k, n = ones(world)
        chance = self.chance(world)
        p, se = k / n, max(math.sqrt(k * (n - k) / n**3), 0.01)
        side = chance.chosen((-1.0, 1.0))
        near = round(p + side * se * chance.uniform(0.7, 1.2), 2)
        far = round(p - side * se * chance.uniform(2.0, 2.8), 2)
        near, far = (min(max(v, 0.01), 0.99) for v in (near, far))
        if near == far:  # both at an end of the scale
            far = round(far + math.copysign(0.01, 0.5 - far), 2)
        pair = chance.shuffled([near, far])
        return pair[0], pair[1]


@dataclass(frozen=True)
class BinomialMLE(Question):
    """The maximum-likelihood estimate of a probability, and the log-likelihood there.

    Parts: ``mle`` and ``peak`` (numbers).

    Parameters
    ----------
    points, title, feedback, tries, id
        See ``Question``.
    """

    heading: ClassVar[str] = "The most likely probability"

    def words(self, world: World) -> str:
        """Return the question."""
        return (
            f"Take the rows of `{world.outcome}` ({world.scenario.outcome_words}: 1, otherwise 0) "
            r"as independent draws with one probability $\theta$ of a 1, whatever their "
            f"{world.scenario.a_group}. "
            r"Which $\hat\theta$ makes these data most likely (maximum likelihood), and what is "
            "the log-likelihood there, natural logarithm and without a binomial coefficient?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        k, n = ones(world)
        p = k / n
        by_group = shares(world)
        peak = loglik(k, n, p)
        return (
            number(
                "mle",
                "maximum-likelihood estimate of θ",
                p,
                SHARE,
                limits=(0.0, 1.0),
                mistakes=[
                    (k / (n - 1), "You seem to have divided by n - 1; the estimate is k / n."),
                    (1.0 - p, "This is the share of zeros; θ is the probability of a 1."),
                    (float(k), "This is the number of ones; the estimate is their share, k / n."),
                    (
                        100.0 * p,
                        "This is the estimate in percent; give it as a number from 0 to 1.",
                    ),
                    (
                        sum(by_group) / len(by_group),
                        f"This is the mean of the {world.scenario.groups}' shares; each row counts "
                        "the same, so divide all ones by all rows.",
                    ),
                    ((k + 1) / (n + 2), "One 1 and one 0 too many: the estimate is k / n."),
                    (k / max(n - k, 1), "These are the odds k / (n - k); the estimate is k / n."),
                    (
                        p * (1.0 - p),
                        "This is the variance of a single draw; the estimate is k / n.",
                    ),
                ],
                working=rf"$\hat\theta = {k} / {n} = {p:.5f}$.",
            ),
            number(
                "peak",
                "log-likelihood at the estimate",
                peak,
                LOGS,
                limits=(None, 0.0),
                mistakes=log_mistakes(k, n, p),
                working=(
                    rf"$\ell(\hat\theta) = {k}\log\hat\theta + {n - k}\log(1 - \hat\theta) = "
                    rf"{peak:.4f}$."
                ),
            ),
        )


def loglik(k: int, n: int, theta: float) -> float:
    """Log-likelihood of k ones among n: ``k log theta + (n - k) log(1 - theta)``."""
    ones_part = k * math.log(theta) if k else 0.0
    return ones_part + ((n - k) * math.log1p(-theta) if n > k else 0.0)


def log_mistakes(k: int, n: int, theta: float) -> Iterator[tuple[float, str]]:
    """What else people take for the log-likelihood."""
    value = loglik(k, n, theta)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    yield -value, "This is minus the log-likelihood, which an optimiser minimises; turn the sign."
    yield -2.0 * value, "This is the deviance, -2 times the log-likelihood."
    yield 2.0 * value, "This is twice the log-likelihood."
    yield value / math.log(10.0), "This is the logarithm to base 10; take the natural one (log)."
    yield value / math.log(2.0), "This is the logarithm to base 2; take the natural one (log)."
    yield (
        value + ways,
        "This has the binomial coefficient in it; the probability of this very sequence has none.",
    )
    yield loglik(n - k, n, theta), "Zeros and ones are exchanged: θ is the probability of a 1."
    yield value / n, "This is the log-likelihood of one row on average; add up all rows."
    yield math.exp(value), "This is the likelihood itself, not its logarithm."

"""Groups whose means vary: their variance by two methods, and the log-likelihood of a guess."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixedwidgets.errors import DataError, brief
from mixedwidgets.homework.questions.facts import floored, roomy, scale
from mixedwidgets.homework.questions.item import Item, Precision, number, precision
from mixedwidgets.homework.questions.question import Question, is_number
from mixedwidgets.homework.world import World
from mixedwidgets.likelihood.groups import Groups
from mixedwidgets.likelihood.oneway_algebra import loglik

LOGS = Precision(2, 0.02)


@dataclass(frozen=True)
class MomentsAgainstML(Question):
    """The variance between groups by the method of moments, and by maximum likelihood.

    Parts: ``moments`` and ``ml`` (numbers).

    Parameters
    ----------
    points, title, feedback, tries, id
        See ``Question``.
    """

    heading: ClassVar[str] = "Moments against maximum likelihood"

    def words(self, world: World) -> str:
        """Return the question."""
        balanced = world.oneway.groups.balanced
        size = (
            "$n$, the number of rows of each group"
            if balanced
            else r"$n_0 = (N - \sum_j n_j^2 / N) / (m - 1)$ for $m$ groups of $n_j$ among $N$ rows"
        )
        return (
            f"In the one-way model of `{world.response}` with groups `{world.group}`, "
            r"$y_{ij} = \mu + a_j + \epsilon_{ij}$, what is the variance between the "
            f"{world.scenario.groups}, "
            r"$\tau^2$? Estimate it by the method of moments, $\hat\tau^2 = (MSG - MSE) / "
            f"{'n' if balanced else 'n_0'}$ with {size}, and by maximum likelihood (ML, not REML). "
            "Give variances, not standard deviations; a negative estimate counts as 0."
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        analysis, units = world.oneway, f"{world.scenario.units}²"
        table = analysis.anova
        exactly = precision(scale(world, "tau") ** 2)
        values = [estimate.tau2 for estimate in analysis.estimates]
        moments, ml, reml = values
        shared = [
            (analysis.ml.icc, "This is the correlation within a group, τ² / (τ² + σ²)."),
            (table.mse, "This is MSE, the variance within groups."),
        ]
        within_all = table.ss_within / (analysis.groups.n - 1)
        return (
            number(
                "moments",
                "τ² by the method of moments",
                moments,
                exactly,
                units=units,
                limits=(0.0, roomy(table.msg + table.mse)),
                mistakes=[
                    (math.sqrt(moments), "This is the SD τ; the variance τ² is asked for."),
                    (ml, "This is the estimate by ML, not by moments."),
                    (reml, "This is the estimate by REML, not by moments."),
                    *self._moment_mistakes(analysis.groups, table.msg, table.mse, table.n0),
                    (
                        max(table.msg - within_all, 0.0) / table.n0,
                        "You seem to have divided the squares within groups by n - 1; they have "
                        "as many degrees of freedom as rows less groups.",
                    ),
                    *shared,
                ],
                working=(
                    f"MSG = {table.msg:.4f}, MSE = {table.mse:.4f} and {table.n0:.4f} rows a group "
                    f"give {moments:.4f}."
                ),
            ),
            number(
                "ml",
                "τ² by maximum likelihood",
                ml,
                exactly,
                units=units,
                limits=(0.0, roomy(table.msg + table.mse)),
                mistakes=[
                    (math.sqrt(ml), "This is the SD τ; the variance τ² is asked for."),
                    (reml, "This is the estimate by REML; ask for ML (REML=False)."),
                    (moments, "This is the estimate by moments, not by ML."),
                    (
                        math.sqrt(reml),
                        "This is the SD τ, by REML; the variance by ML is asked for.",
                    ),
                    (analysis.ml.sigma2, "This is σ², the variance within groups."),
                    *shared,
                ],
                working=f"The likelihood is highest at τ² = {ml:.4f}; by REML it is {reml:.4f}.",
            ),
        )

    def _moment_mistakes(
        self, groups: Groups, msg: float, mse: float, n0: float
    ) -> Iterator[tuple[float, str]]:
        m = groups.m
        cut = max(msg - mse, 0.0)
        yield cut, "This is MSG - MSE; divide it by the number of rows of a group."
        yield (
            max(msg * (m - 1) / m - mse, 0.0) / n0,
            "You seem to have divided the squares between groups by m; MSG divides by m - 1.",
        )
        yield (
            cut / (groups.n / m),
            "This divides by the average size of the groups; for unequal groups n0 is less.",
        )
        yield cut / groups.n, "This divides by the number of all rows, not of those of a group."
        yield (
            float(np.var(groups.mean, ddof=1)),
            "This is the variance of the groups' means, which chance within the groups adds to.",
        )
        yield (
            float(np.var(groups.mean)),
            "This is the variance of the groups' means, divided by how many they are; and chance "
            "within the groups adds to it.",
        )
        yield msg / n0, "This leaves out MSE: (MSG - MSE) is divided."


@dataclass(frozen=True)
class OneWayLikelihood(Question):
    """The log-likelihood of the one-way model at given values of its parameters.

    Part: ``loglik`` (number).

    Parameters
    ----------
    mu, sigma, tau : float, optional
        Overall mean, SD within and SD between groups. Each student has their own by default.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        Only some of them, or values that the model does not allow.
    """

    mu: float | None = None
    sigma: float | None = None
    tau: float | None = None

    heading: ClassVar[str] = "The likelihood of a guess"

    def __post_init__(self) -> None:
        """Refuse values that the model does not allow."""
        super().__post_init__()
        given = (self.mu, self.sigma, self.tau)
        if given == (None, None, None):
            return
        fine = all(is_number(v) for v in given)
        if not fine or float(self.sigma or 0.0) <= 0.0 or float(self.tau or 0.0) < 0.0:
            raise DataError(
                f"OneWayLikelihood: mu, sigma and tau are {', '.join(brief(v) for v in given)}; "
                "give three numbers, sigma above 0 and tau at least 0, or none of them."
            )

    def words(self, world: World) -> str:
        """Return the question."""
        mu, sigma, tau = self._guess(world)
        return (
            f"For the one-way model of `{world.response}` with groups `{world.group}`, "
            r"$y_{ij} = \mu + a_j + \epsilon_{ij}$ with $a_j \sim N(0, \tau^2)$ and "
            r"$\epsilon_{ij} \sim N(0, \sigma^2)$, what is the log-likelihood (natural logarithm, "
            rf"not REML) at $\mu = {mu:g}$, $\sigma = {sigma:g}$ and $\tau = {tau:g}$ "
            f"{world.scenario.units}? Sigma and tau are standard deviations."
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the part."""
        mu, sigma, tau = self._guess(world)
        groups = world.oneway.groups
        value = _at(groups, mu, sigma**2, tau**2)
        return (
            number(
                "loglik",
                "log-likelihood at these values",
                value,
                LOGS,
                mistakes=self._mistakes(groups, mu, sigma, tau, value),
                working=(
                    "The sum over groups of the log of multivariate normal densities with variance "
                    f"σ² + τ² and covariance τ² is {value:.4f}."
                ),
            ),
        )

    def _mistakes(
        self, groups: Groups, mu: float, sigma: float, tau: float, value: float
    ) -> Iterator[tuple[float, str]]:
        constant = 0.5 * groups.n * math.log(2.0 * math.pi)
        yield -value, "This is minus the log-likelihood, which an optimiser minimises."
        yield -2.0 * value, "This is the deviance, -2 times the log-likelihood."
        yield 2.0 * value, "This is twice the log-likelihood."
        yield (
            _at(groups, mu, sigma, tau),
            "This takes the SDs for variances: square sigma and tau first.",
        )
        yield _at(groups, mu, sigma**2, tau), "This takes tau for the variance: square it first."
        yield _at(groups, mu, sigma, tau**2), "This takes sigma for the variance: square it first."
        yield (
            _at(groups, mu, sigma**2 + tau**2, 0.0),
            "This takes the rows of a group as independent; their covariance is τ².",
        )
        yield _at(groups, mu, sigma**2, 0.0), "This leaves out tau."
        if tau > 0.0:
            yield _at(groups, mu, tau**2, sigma**2), "Sigma and tau are exchanged."
        yield value + constant, "This leaves out the constant, -n/2 log(2π)."
        yield value / math.log(10.0), "This is the logarithm to base 10; take the natural one."
        yield value / math.log(2.0), "This is the logarithm to base 2; take the natural one."

    def _guess(self, world: World) -> tuple[float, float, float]:
        """Values near what moments say, but not the best."""
        if self.mu is not None and self.sigma is not None and self.tau is not None:
            return self.mu, self.sigma, self.tau
        chance, moments = self.chance(world), world.oneway.moments
        unit = floored(0.2 * moments.sigma)
        mu = unit * round((moments.mu + moments.sigma * chance.uniform(-0.3, 0.3)) / unit)
        sigma = float(f"{moments.sigma * chance.uniform(1.05, 1.25):.2g}")
        tau = float(f"{moments.sigma * chance.uniform(0.5, 0.9):.2g}")
        return float(f"{mu:.6g}"), sigma, tau


def _at(groups: Groups, mu: float, sigma2: float, tau2: float) -> float:
    return float(loglik(groups, *np.array([mu, sigma2, tau2])))

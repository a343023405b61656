"""Fits of models with random effects, of which estimates are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mixedwidgets.errors import ModelError
from mixedwidgets.homework.questions.facts import (
    coefficient,
    correlation,
    covariance,
    line,
    roomy,
    scale,
    sd,
    slope_units,
)
from mixedwidgets.homework.questions.item import Item, number, precision
from mixedwidgets.homework.questions.question import Question, whether
from mixedwidgets.homework.world import World

_OTHER = {
    False: "This is the estimate by REML; the question asks for ML (REML=False).",
    True: "This is the estimate by ML; the question asks for REML (REML=True).",
}
_WITHOUT = "This is from the model without the predictor."
_VARIANCE = "This is a variance; its root, the SD, is asked for."
_AND_VARIANCE = "And it is the variance, not the SD."


@dataclass(frozen=True)
class RandomInterceptFit(Question):
    """Estimates of ``response ~ predictor + (1 | group)``.

    Parts: ``slope``, ``tau`` and ``sigma`` (numbers).

    Parameters
    ----------
    reml : bool
        By REML; by maximum likelihood where False.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        ``reml`` is neither True nor False.
    """

    reml: bool = False

    heading: ClassVar[str] = "A fit with a random intercept"

    def __post_init__(self) -> None:
        """Refuse what is neither criterion."""
        super().__post_init__()
        whether(f"{type(self).__name__}: reml", self.reml)

    def words(self, world: World) -> str:
        """Return the question."""
        return (
            f"Fit `{world.formula('intercept')}` by {criterion(self.reml)}: every "
            f"{world.scenario.a_group} has a level of its own, and all have one slope. What are "
            "the estimates?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the parts."""
        fit = world.fit("intercept", self.reml)
        tau, sigma, about_line = sd(fit), fit.estimate.sigma, line(world)[1]
        return (
            slope_item(world, "intercept", self.reml),
            number(
                "tau",
                f"SD of the {world.scenario.groups}, τ",
                tau,
                precision(scale(world, "tau")),
                units=world.scenario.units,
                limits=(0.0, roomy(about_line)),
                mistakes=self._tau_mistakes(world),
                working=f"τ = {tau:.5f}, the root of the variance {tau**2:.4f}.",
            ),
            number(
                "sigma",
                "SD within groups, σ",
                sigma,
                precision(scale(world, "sigma")),
                units=world.scenario.units,
                limits=(0.0, roomy(2.0 * about_line)),
                mistakes=self._sigma_mistakes(world),
                working=f"σ = {sigma:.5f}, the root of the variance {sigma**2:.4f}.",
            ),
        )

    def _tau_mistakes(self, world: World) -> Iterator[tuple[float, str]]:
        fit, other = world.fit("intercept", self.reml), world.fit("intercept", not self.reml)
        tau = sd(fit)
        yield sd(other), _OTHER[self.reml]
        yield tau**2, _VARIANCE
        yield fit.estimate.sigma, "This is σ, the SD within groups."
        yield sd(world.fit("null", self.reml)), _WITHOUT
        yield sd(other) ** 2, f"{_OTHER[self.reml]} {_AND_VARIANCE}"
        yield math.sqrt(tau), "This is the root of the SD; the SD itself is asked for."

    def _sigma_mistakes(self, world: World) -> Iterator[tuple[float, str]]:
        fit, other = world.fit("intercept", self.reml), world.fit("intercept", not self.reml)
        yield fit.estimate.sigma**2, _VARIANCE
        yield other.estimate.sigma, _OTHER[self.reml]
        yield other.estimate.sigma**2, f"{_OTHER[self.reml]} {_AND_VARIANCE}"
        yield sd(fit), f"This is τ, the SD of the {world.scenario.groups}."
        yield world.fit("null", self.reml).estimate.sigma, _WITHOUT
        yield line(world)[1], "This is the SD about one line for all, which ignores the groups."


@dataclass(frozen=True)
class RandomSlopeFit(Question):
    """Estimates of ``response ~ predictor + (predictor | group)``.

    Parts: ``slope``, ``tau_slope``, ``cor`` and ``sigma`` (numbers).

    Parameters
    ----------
    reml : bool
        By REML; by maximum likelihood where False.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        ``reml`` is neither True nor False.
    """

    reml: bool = False

    heading: ClassVar[str] = "A fit with random slopes"

    def __post_init__(self) -> None:
        """Refuse what is neither criterion."""
        super().__post_init__()
        whether(f"{type(self).__name__}: reml", self.reml)

    def words(self, world: World) -> str:
        """Return the question."""
        return (
            f"Fit `{world.formula('slope')}` by {criterion(self.reml)}: every "
            f"{world.scenario.a_group} has a level and a slope of its own. What are the estimates?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the parts."""
        fit = world.fit("slope", self.reml)
        tau_slope, cor, sigma = sd(fit, 1), correlation(fit), fit.estimate.sigma
        if math.isnan(cor):
            raise ModelError(
                f"{fit.formula} has no correlation to ask for, since the SD of the intercepts or "
                "of the slopes is estimated as 0; leave out RandomSlopeFit where data are at the "
                "boundary."
            )
        return (
            slope_item(world, "slope", self.reml),
            number(
                "tau_slope",
                f"SD of the {world.scenario.groups}' slopes",
                tau_slope,
                precision(scale(world, "tau_slope")),
                units=slope_units(world),
                limits=(0.0, roomy(20.0 * scale(world, "tau_slope"))),
                mistakes=self._tau_mistakes(world),
                working=f"The SD of slopes is {tau_slope:.6f}, the root of {tau_slope**2:.5g}.",
            ),
            number(
                "cor",
                f"correlation of a {world.scenario.a_group}'s intercept and slope",
                cor,
                precision(1.0),
                limits=(-1.0, 1.0),
                mistakes=self._cor_mistakes(world),
                working=f"The correlation is {cor:.5f}.",
            ),
            number(
                "sigma",
                "SD within groups, σ",
                sigma,
                precision(scale(world, "sigma")),
                units=world.scenario.units,
                limits=(0.0, roomy(2.0 * line(world)[1])),
                mistakes=self._sigma_mistakes(world),
                working=f"σ = {sigma:.5f}, the root of the variance {sigma**2:.4f}.",
            ),
        )

    def _tau_mistakes(self, world: World) -> Iterator[tuple[float, str]]:
        fit, other = world.fit("slope", self.reml), world.fit("slope", not self.reml)
        yield sd(other, 1), _OTHER[self.reml]
        yield sd(fit, 1) ** 2, _VARIANCE
        yield sd(other, 1) ** 2, f"{_OTHER[self.reml]} {_AND_VARIANCE}"
        yield sd(fit), f"This is the SD of the {world.scenario.groups}' intercepts."
        yield coefficient(fit, 1), "This is the mean slope; the SD of slopes is asked for."
        yield float(covariance(fit)[0, 1]), "This is the covariance with the intercept."
        yield fit.estimate.sigma, "This is σ, the SD within groups."

    def _cor_mistakes(self, world: World) -> Iterator[tuple[float, str]]:
        fit, other = world.fit("slope", self.reml), world.fit("slope", not self.reml)
        cor, vcov = correlation(fit), fit.estimate.vcov
        yield correlation(other), _OTHER[self.reml]
        yield -cor, "The sign is the wrong way round."
        yield float(covariance(fit)[0, 1]), "This is the covariance; divide it by both SDs."
        yield cor**2, "This is the square of the correlation."
        yield (
            float(vcov[0, 1]) / math.sqrt(float(vcov[0, 0] * vcov[1, 1])),
            "This is the correlation of the two fixed effects, not of the random ones.",
        )

    def _sigma_mistakes(self, world: World) -> Iterator[tuple[float, str]]:
        fit, other = world.fit("slope", self.reml), world.fit("slope", not self.reml)
        simpler = world.fit("intercept", self.reml)
        yield fit.estimate.sigma**2, _VARIANCE
        yield other.estimate.sigma, _OTHER[self.reml]
        yield other.estimate.sigma**2, f"{_OTHER[self.reml]} {_AND_VARIANCE}"
        yield simpler.estimate.sigma, "This is from the model with one slope for all groups."
        yield sd(fit), f"This is the SD of the {world.scenario.groups}' intercepts."


def criterion(reml: bool) -> str:
    """Return how a model is to be fitted, in words and as an argument."""
    if reml:
        return "REML (`REML=True`)"
    return "maximum likelihood (ML, `REML=False`)"


def slope_item(world: World, model: str, reml: bool) -> Item:
    """Return the part that asks for the fixed slope of a model."""
    value = coefficient(world.fit(model, reml), 1)
    return number(
        "slope",
        f"fixed effect of {world.predictor}",
        value,
        precision(scale(world, "slope")),
        units=slope_units(world),
        mistakes=_slope_mistakes(world, model, reml),
        working=f"The fixed effect of `{world.predictor}` is {value:.6f}.",
    )


def _slope_mistakes(world: World, model: str, reml: bool) -> Iterator[tuple[float, str]]:
    fit = world.fit(model, reml)
    value, se = coefficient(fit, 1), math.sqrt(float(fit.estimate.vcov[1, 1]))
    another = "slope" if model == "intercept" else "intercept"
    words = {
        "slope": "This is from the model in which every group has a slope of its own.",
        "intercept": "This is from the model with one slope for all groups.",
    }
    yield coefficient(world.fit(model, not reml), 1), _OTHER[reml]
    yield (
        line(world)[0],
        "This is the slope of one line through all rows, which ignores the groups.",
    )
    yield coefficient(world.fit(another, reml), 1), words[another]
    yield coefficient(fit, 0), "This is the intercept."
    yield se, "This is the standard error of the slope."
    yield value / se, "This is the t value, the slope over its standard error."

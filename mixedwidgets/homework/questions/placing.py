"""The maximum of a likelihood surface, found by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mixedwidgets.homework.pictures import surface
from mixedwidgets.homework.questions.item import Item, point
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.world import World
from mixedwidgets.likelihood.groups import Groups
from mixedwidgets.likelihood.oneway_algebra import loglik

SIDE = 25  # points of the surface along each axis
NEAR = 0.025  # of the width of each axis
SIGMA = ((2.6, 4.5), (2.6, 4.5))  # standard errors shown below and above the estimate
TAU = ((2.2, 3.2), (4.0, 6.0))


@dataclass(frozen=True)
class PlacePoint(Question):
    """The point on the likelihood surface of sigma and tau where the likelihood is highest.

    Part: ``point``, on a surface with mu at its best.

    Parameters
    ----------
    points, title, feedback, tries, id
        See ``Question``.
    """

    heading: ClassVar[str] = "The top of the likelihood"

    def words(self, world: World) -> str:
        """Return the question."""
        return (
            f"The picture is the likelihood of the one-way model of `{world.response}` with groups "
            f"`{world.group}`, over its two standard deviations: "
            rf"$\sigma$ within and $\tau$ between the {world.scenario.groups}, with $\mu$ at its "
            "best for each pair. The contours are drops in twice the log-likelihood. Put the point "
            r"where the maximum-likelihood estimates $(\hat\sigma, \hat\tau)$ are."
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return the part."""
        analysis = world.oneway
        (low_s, high_s), (low_t, high_t) = self._axes(world)
        ml, reml, moments = analysis.ml, analysis.reml, analysis.moments
        return (
            point(
                "point",
                "the maximum-likelihood estimates of σ and τ",
                (ml.sigma, ml.tau),
                NEAR,
                (high_s - low_s, high_t - low_t),
                units=world.scenario.units,
                mistakes=[
                    ((reml.sigma, reml.tau), "These are the estimates by REML, not by ML."),
                    ((moments.sigma, moments.tau), "These are the estimates by moments."),
                    ((ml.sigma2, ml.tau2), "These are the variances; the axes are SDs."),
                    ((ml.sigma, 0.0), "τ is at 0 here, which the likelihood does not favour."),
                ],
                working=f"σ = {ml.sigma:.4f} and τ = {ml.tau:.4f} by maximum likelihood.",
            ),
        )

    def drawn(self, world: World, part: str) -> dict[str, Any] | None:
        """Return the surface."""
        s, t = (np.linspace(low, high, SIDE) for low, high in self._axes(world))
        groups, ml = world.oneway.groups, world.oneway.ml
        top = float(_at_best_mu(groups, np.array(ml.sigma), np.array(ml.tau)))
        values = _at_best_mu(groups, s[None, :], t[:, None])
        return surface(
            s.tolist(),
            t.tolist(),
            np.maximum(2.0 * (top - values), 0.0).tolist(),
            labels=(f"σ within, {world.scenario.units}", f"τ between, {world.scenario.units}"),
        )

    def _axes(self, world: World) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ends of both axes, by chance: the estimates are not at the middle."""
        chance, ml, groups = self.chance(world), world.oneway.ml, world.oneway.groups
        se_s = ml.sigma / math.sqrt(2.0 * (groups.n - groups.m))
        level = ml.tau2 + ml.sigma2 * groups.m / groups.n  # variance of a group's mean
        se_t = level / math.sqrt(2.0 * groups.m) / max(ml.tau, 0.5 * math.sqrt(level))
        sigma = (
            ml.sigma - se_s * chance.uniform(*SIGMA[0]),
            ml.sigma + se_s * chance.uniform(*SIGMA[1]),
        )
        tau = (
            ml.tau - se_t * chance.uniform(*TAU[0]),
            ml.tau + se_t * chance.uniform(*TAU[1]),
        )
        return _cut(sigma, 0.05 * ml.sigma), _cut(tau, 0.0)


def _cut(ends: tuple[float, float], least: float) -> tuple[float, float]:
    """Ends of an axis, rounded as they are drawn, the lower one at least so large."""
    digits = 2 - math.floor(math.log10(ends[1] - ends[0]))
    return round(max(ends[0], least), digits), round(ends[1], digits)


def _at_best_mu(groups: Groups, sigma: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Log-likelihood with mu the mean of the groups' means weighted by their precision."""
    sigma2, tau2 = np.broadcast_arrays(sigma**2, tau**2)
    weight = groups.size / (sigma2[..., None] + groups.size * tau2[..., None])
    mu = groups.centre + (weight @ groups.deviation) / weight.sum(axis=-1)
    return loglik(groups, mu, sigma2, tau2)

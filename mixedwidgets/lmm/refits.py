"""Fits to responses drawn from a model: estimates of every replicate, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.batch import Batch
from mixedwidgets.lmm.batch_search import Found, search_batch
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.draws import Draws, GroupedDraws, draws_of
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.optimize import natural_theta, zero_directions
from mixedwidgets.lmm.refit import Responses
from mixedwidgets.lmm.verdict import directions_in_words

WORKING_SET = 80_000  # numbers of one evaluation: what a processor's cache holds
MOST_AT_ONCE = 500
LITTLE = 0.3  # relative standard deviation, of a typical level's precision, that a search starts at


@dataclass(frozen=True)
class Estimates:
    """The estimates from B responses.

    Attributes
    ----------
    factor : (B, K, K) array
        Factor of the covariance of the random effects, in the user's units.
    sigma : (B,) array
    beta : (B, p) array
    value : (B,) array
        Criterion.
    boundary : (B,) array of bool
        Whether some variance is estimated as zero, or some correlation as one.
    failed : (B,) array of bool
        Whether no optimum was found; the numbers are NaN there.
    directions : tuple of (int, str)
        The directions of zero variance, in words, with the number of the replicate.
    """

    factor: Array
    sigma: Array
    beta: Array
    value: Array
    boundary: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    directions: tuple[tuple[int, str], ...]


def batch_size(moments: GroupedMoments) -> int:
    """How many replicates are worked on at once."""
    K = moments.layout.width
    return int(
        np.clip(WORKING_SET // ((K + moments.ncoef + 1) * K * moments.ngroups), 1, MOST_AT_ONCE)
    )


def drawn_fits(
    design: Design,
    fitted: Estimate,
    nsim: int,
    seed: SeedSequence,
    control: Control,
    at_once: int | None = None,
) -> Iterator[Estimates]:
    """Draw responses from a fitted model and fit the model to them.

    Parameters
    ----------
    design, fitted
        The fit.
    nsim : int
        How many.
    seed : SeedSequence
    control : Control
        For the searches that take care.
    at_once : int, optional
        How many replicates to work on at once; their numbers do not depend on it.

    Yields
    ------
    Estimates
        Of the next replicates.
    """
    draws = draws_of(design, fitted, seed)
    if isinstance(draws, GroupedDraws):
        size = at_once or batch_size(draws.moments)
        start = full_rank_start(draws.moments, fitted.optimum.T)
        for low in range(0, nsim, size):
            batch = draws.batch(range(low, min(low + size, nsim)))
            yield fit_batch(batch, design, fitted.reml, start, control)
        return
    for _, found in single_fits(design, fitted, draws, nsim, control):
        yield gathered([found], design, fitted.moments)


def single_fits(
    design: Design, fitted: Estimate, draws: Draws, nsim: int, control: Control
) -> Iterator[tuple[Design, Estimate | None]]:
    """The same one by one, each with the design that has its response; None without an optimum."""
    responses = Responses.of(design, fitted.moments)
    theta = None if fitted.optimum.boundary else fitted.optimum.theta
    for i in range(nsim):
        try:
            drawn, moments = responses.moments_of(draws.response(i, design))
        except ModelError:
            yield design, None
            continue
        yield drawn, carefully(moments, fitted.reml, control, theta)


def full_rank_start(moments: GroupedMoments, T: Array) -> Array:
    """A factor near T whose every direction has some variance: zero is stationary."""
    out = T.copy()
    for columns, square in zip(moments.layout.slices, moments.typical_squares(), strict=True):
        inside = T[columns, columns]
        if inside.any(axis=0).all():
            continue
        floor = LITTLE**2 * len(square) / max(float(np.trace(square)), 1e-12)
        out[columns, columns] = np.linalg.cholesky(inside @ inside.T + floor * np.eye(len(square)))
    return out


def fit_batch(
    batch: Batch, design: Design, reml: bool, start: Array, control: Control
) -> Estimates:
    """Fit a model with one grouping factor to a batch of responses."""
    common = search_batch(batch, reml, start)
    moments = batch.shared
    careful = {
        int(i): carefully(batch.moments(int(i)), reml, control)
        for i in np.flatnonzero(~common.found)
    }
    out = gathered([careful.get(i) for i in range(len(batch))], design, moments)
    _fill(out, common, batch)
    return replace(out, directions=(*out.directions, *_on_the_edge(out, common, batch, design)))


def carefully(
    moments: AnyMoments, reml: bool, control: Control, theta: Array | None = None
) -> Estimate | None:
    """The estimates by the search that a fit takes; None where it finds no optimum."""
    try:
        found = estimate(moments, reml, theta, control)
    except (ModelError, np.linalg.LinAlgError):
        return None
    return found if found.optimum.converged else None


def gathered(found: list[Estimate | None], design: Design, moments: AnyMoments) -> Estimates:
    """Estimates as arrays; NaN and failed where there is none."""
    B, K, p = len(found), moments.layout.width, moments.ncoef
    factor, beta = np.full((B, K, K), np.nan), np.full((B, p), np.nan)
    sigma, value = np.full(B, np.nan), np.full(B, np.nan)
    boundary, failed = np.zeros(B, dtype=bool), np.ones(B, dtype=bool)
    directions: list[tuple[int, str]] = []
    for i, e in enumerate(found):
        if e is None:
            continue
        factor[i], sigma[i], beta[i], value[i] = e.factor, e.sigma, e.beta, e.optimum.value
        failed[i] = False
        boundary[i] = bool(e.optimum.boundary)
        words = directions_in_words(design, e.optimum.boundary)
        directions += [(i, each) for each in words]
    return Estimates(factor, sigma, beta, value, boundary, failed, tuple(directions))


def _fill(out: Estimates, common: Found, batch: Batch) -> None:
    """Put in what the common search found."""
    moments, at = batch.shared, common.found
    back = np.linalg.inv(moments.whitening)
    out.sigma[at], out.value[at], out.failed[at] = common.sigma[at], common.value[at], False
    out.factor[at] = common.sigma[at, None, None] * np.matmul(back, common.T[at])
    out.beta[at] = batch.origin + common.delta[at] @ np.linalg.inv(moments.basis.R).T
    out.boundary[common.edge] = True


def _on_the_edge(
    out: Estimates, common: Found, batch: Batch, design: Design
) -> Iterator[tuple[int, str]]:
    """Make zero variances of the common search exact, and put them in words."""
    moments = batch.shared
    for i in np.flatnonzero(common.edge):
        theta = natural_theta(common.T[i], moments)
        out.factor[i] = common.sigma[i] * moments.layout.matrix(theta)
        for words in directions_in_words(design, zero_directions(theta, moments.layout)):
            yield int(i), words

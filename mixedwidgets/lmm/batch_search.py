"""Optima of the likelihoods of many responses of one design, inside and on the boundary.

As in ``optimise``, an optimum on the boundary counts only if no direction out lowers the deviance,
and if no other start of the search leads to a better one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.batch import Batch, differentiate_batch, solve_batch
from mixedwidgets.lmm.batch_newton import descend_batch
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.optimize import NOISE, SMALL
from mixedwidgets.lmm.theta import Layout


@dataclass(frozen=True)
class Found:
    """Where the common search ended for each of B responses.

    Attributes
    ----------
    found : (B,) array of bool
        Whether it ended in a regular optimum. The others need the careful search of ``optimise``,
        and their numbers mean nothing.
    edge : (B,) array of bool
        Whether some direction has no variance there.
    T : (B, K, K) array
        Factors of the relative covariance in whitened coordinates; where ``edge``, columns of
        zeros for directions without variance.
    value, sigma : (B,) arrays
        Criterion and residual standard deviation.
    delta : (B, p) array
        Coefficients in basis coordinates, from ``batch.origin``.
    """

    found: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    T: Array
    value: Array
    sigma: Array
    delta: Array


def search_batch(batch: Batch, reml: bool, start: Array) -> Found:
    """Find the optimum for every response.

    Parameters
    ----------
    batch : Batch
    reml : bool
        Restricted likelihood.
    start : (K, K) array
        A factor of full rank, lower triangular in blocks.

    Returns
    -------
    Found
    """
    ends = descend_batch(batch, reml, np.tile(start, (len(batch), 1, 1)))
    T, found = ends.T, ends.regular
    edge = found & ~_inside(T, batch.shared.layout)
    at = np.flatnonzero(edge)
    if len(at):
        T[at], found[at] = _on_the_edge(T[at], ends.value[at], batch.some(at), reml)
    return _read_off(found, edge & found, T, batch, reml)


def _read_off(
    found: NDArray[np.bool_], edge: NDArray[np.bool_], T: Array, batch: Batch, reml: bool
) -> Found:
    B = len(found)
    value, sigma = np.full(B, np.nan), np.full(B, np.nan)
    delta = np.full((B, batch.shared.ncoef), np.nan)
    at = np.flatnonzero(found)
    if len(at):
        solved = solve_batch(T[at], batch.some(at), reml)
        value[at], delta[at] = solved.value, solved.delta
        sigma[at] = np.sqrt(solved.q / solved.N)
    return Found(found, edge, T, value, sigma, delta)


def _inside(T: Array, layout: Layout) -> NDArray[np.bool_]:
    """Whether every direction has a standard deviation that cannot be taken for zero, (B,)."""
    out = np.ones(len(T), dtype=bool)
    for columns in layout.slices:
        values = np.asarray(np.linalg.svd(T[:, columns, columns], compute_uv=False))
        out &= _varying(values).all(axis=1)
    return out


def _varying(values: Array) -> NDArray[np.bool_]:
    """Which of the decreasing singular values (B, k) of blocks cannot be taken for zero."""
    limit = np.ones_like(values)
    limit[:, 1:] = np.maximum(1.0, values[:, :1])
    return np.logical_and.accumulate(values > SMALL * limit, axis=1)


def _on_the_edge(
    T: Array, value: Array, batch: Batch, reml: bool
) -> tuple[Array, NDArray[np.bool_]]:
    """Set what hardly varies to zero, and say for which responses that is the optimum."""
    layout = batch.shared.layout
    settled, frames = np.zeros_like(T), np.zeros_like(T)
    for columns in layout.slices:
        vectors, values, _ = np.linalg.svd(T[:, columns, columns])
        frames[:, columns, columns] = vectors
        settled[:, columns, columns] = vectors * (values * _varying(values))[:, None]
    solved = solve_batch(settled, batch, reml)
    margin = NOISE * (1.0 + np.abs(value))
    best = solved.value <= value + margin
    empty = np.all(settled == 0.0, axis=1)
    best &= _rises_outward(differentiate_batch(solved, reml)[0], frames, empty, layout)
    for start, chosen in _other_starts(settled, frames, empty, layout):
        again = descend_batch(batch.some(chosen), reml, start)
        best[chosen] &= again.value >= solved.value[chosen] - margin[chosen]
    return settled, best


def _rises_outward(
    slope: Array, frames: Array, empty: NDArray[np.bool_], layout: Layout
) -> NDArray[np.bool_]:
    """Whether the deviance rises into every direction without variance, (B,)."""
    out = np.ones(len(slope), dtype=bool)
    inner = np.matmul(frames.transpose(0, 2, 1), np.matmul(slope, frames))
    for columns in layout.slices:
        block, none = inner[:, columns, columns], empty[:, columns]
        both = none[:, :, None] & none[:, None]
        kept = np.where(both, block, np.eye(block.shape[1]))
        out &= np.linalg.eigvalsh(kept)[:, 0] > 0.0
    return out


def _other_starts(
    settled: Array, frames: Array, empty: NDArray[np.bool_], layout: Layout
) -> Iterator[tuple[Array, NDArray[np.intp]]]:
    """Factors to start from again, and for which responses; see ``optimize._other_starts``."""
    everyone = np.arange(len(settled))
    yield np.tile(np.eye(layout.width), (len(settled), 1, 1)), everyone
    for i in range(layout.width if layout.width > 1 else 0):
        chosen = np.flatnonzero(empty[:, i])
        for kept in (1.0, 0.1) if len(chosen) else ():
            start = kept * settled[chosen]
            start[:, :, i] = frames[chosen, :, i]
            yield _lower(start, layout), chosen


def _lower(T: Array, layout: Layout) -> Array:
    """Factors of the same covariances, lower triangular in blocks."""
    out = np.zeros_like(T)
    for columns in layout.slices:
        _, upper = np.linalg.qr(T[:, columns, columns].transpose(0, 2, 1))
        out[:, columns, columns] = upper.transpose(0, 2, 1)
    return out

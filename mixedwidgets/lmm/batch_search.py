"""Optima of the likelihoods of many responses of one design, by Newton steps taken together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.batch import Batch, differentiate_batch, solve_batch
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.newton import NEGATIVE, STATIONARY
from mixedwidgets.lmm.optimize import SMALL
from mixedwidgets.lmm.theta import Layout

STEPS = 30  # what takes longer goes to the careful search
FURTHEST = 1e5  # of an element of T: beyond, no digits are left
HALVINGS = 8


@dataclass(frozen=True)
class Interior:
    """Where the common search ended for each of B responses.

    Attributes
    ----------
    found : (B,) array of bool
        Whether it ended in a regular optimum inside the parameter space. The others need the
        careful search of ``optimise``, and their numbers mean nothing.
    T : (B, K, K) array
        Factors of the relative covariance in whitened coordinates.
    value, sigma : (B,) arrays
        Criterion and residual standard deviation.
    delta : (B, p) array
        Coefficients in basis coordinates, from ``batch.origin``.
    """

    found: NDArray[np.bool_]
    T: Array
    value: Array
    sigma: Array
    delta: Array


def search_interior(batch: Batch, reml: bool, start: Array) -> Interior:
    """Minimise every deviance from one start, as ``newton.minimise`` does for one.

    Parameters
    ----------
    batch : Batch
    reml : bool
        Restricted likelihood.
    start : (K, K) array
        A factor of full rank, lower triangular in blocks.

    Returns
    -------
    Interior
    """
    layout = batch.shared.layout
    B = len(batch)
    x = np.tile(layout.vector(start), (B, 1))
    found = np.zeros(B, dtype=bool)
    active, part = np.arange(B), batch
    value, gradient, hessian = _evaluate(x, part, reml)
    for _ in range(STEPS):
        step, decrement, lowest = _directions(gradient, hessian)
        level = decrement <= STATIONARY * (1.0 + np.abs(value))
        if level.any():
            regular = level & (lowest > NEGATIVE)
            x[active[regular]] += step[regular]
            found[active[regular]] = True
            active, step, value = active[~level], step[~level], value[~level]
            part = batch.some(active)
        if not len(active):
            break
        trial, value, gradient, hessian = _descend(x[active], step, value, part, reml)
        fell = np.isfinite(value)
        if not fell.all():
            active, trial, value = active[fell], trial[fell], value[fell]
            gradient, hessian, part = gradient[fell], hessian[fell], batch.some(active)
        x[active] = trial
    T = _matrices(x, layout)
    found &= _inside(T, layout)
    return _read_off(found, T, batch, reml)


def _read_off(found: NDArray[np.bool_], T: Array, batch: Batch, reml: bool) -> Interior:
    B = len(found)
    value, sigma = np.full(B, np.nan), np.full(B, np.nan)
    delta = np.full((B, batch.shared.ncoef), np.nan)
    at = np.flatnonzero(found)
    if len(at):
        solved = solve_batch(T[at], batch.some(at), reml)
        value[at], delta[at] = solved.value, solved.delta
        sigma[at] = np.sqrt(solved.q / solved.N)
    return Interior(found, T, value, sigma, delta)


def _evaluate(x: Array, batch: Batch, reml: bool) -> tuple[Array, Array, Array]:
    """Deviances (B,), gradients (B, t) and Hessians (B, t, t) in the elements of T.

    The chain rule is that of ``objective.Factor`` with A the identity.
    """
    layout = batch.shared.layout
    rows, cols = layout.position
    T = _matrices(x, layout)
    solved = solve_batch(T, batch, reml)
    first, second = differentiate_batch(solved, reml)
    gradient = 2.0 * np.matmul(first, T)[:, rows, cols]
    left, right = np.eye(layout.width)[:, rows], T[:, :, cols]
    both = left[None, :, None] * right[:, None]
    jacobian = (both + both.transpose(0, 2, 1, 3)).reshape(len(x), -1, len(rows))
    hessian = np.matmul(jacobian.transpose(0, 2, 1), np.matmul(second, jacobian))
    hessian += 2.0 * first[:, rows[:, None], rows] * layout.same_column
    return solved.value, gradient, 0.5 * (hessian + hessian.transpose(0, 2, 1))


def _matrices(x: Array, layout: Layout) -> Array:
    out = np.zeros((len(x), layout.width, layout.width))
    out[:, layout.position[0], layout.position[1]] = x
    return out


def _directions(gradient: Array, hessian: Array) -> tuple[Array, Array, Array]:
    """Newton steps (B, t), their decrements, and the smallest scaled curvatures, (B,)."""
    diagonal = np.abs(np.einsum("bii->bi", hessian))
    largest = np.maximum(diagonal.max(axis=1, keepdims=True), np.finfo(float).tiny)
    scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-14 * largest))
    values, vectors = np.linalg.eigh(hessian * (scale[:, :, None] * scale[:, None]))
    along = np.einsum("bij,bi->bj", vectors, gradient * scale)
    positive = np.maximum(np.abs(values), 1e-9)
    step = -np.einsum("bij,bj->bi", vectors, along / positive) * scale
    return step, np.sum(along**2 / positive, axis=1), values[:, 0]


def _descend(
    x: Array, step: Array, value: Array, batch: Batch, reml: bool
) -> tuple[Array, Array, Array, Array]:
    """Points reached, and what ``_evaluate`` gives there; infinite where no step lowers a value."""
    noise = 4.0 * np.finfo(float).eps * np.abs(value)
    trial = x + step
    new, gradient, hessian = _evaluate(_bounded(trial), batch, reml)
    for halving in range(1, HALVINGS):
        risen = np.flatnonzero(~(new <= value + noise))
        if not len(risen):
            return trial, new, gradient, hessian
        trial[risen] = x[risen] + step[risen] * 0.5**halving
        again = _evaluate(_bounded(trial[risen]), batch.some(risen), reml)
        new[risen], gradient[risen], hessian[risen] = again
    return trial, np.where(new <= value + noise, new, np.inf), gradient, hessian


def _bounded(x: Array) -> Array:
    """Points, with those so far away that no digits are left replaced by a harmless one."""
    return np.where(np.abs(x).max(axis=1, keepdims=True) < FURTHEST, x, 1.0)


def _inside(T: Array, layout: Layout) -> NDArray[np.bool_]:
    """Whether every direction has a standard deviation that cannot be taken for zero, (B,)."""
    out = np.ones(len(T), dtype=bool)
    for columns in layout.slices:
        values = np.linalg.svd(T[:, columns, columns], compute_uv=False)
        limit = np.ones(len(T))
        for rank in range(values.shape[1]):
            out &= values[:, rank] > SMALL * limit
            limit = np.maximum(1.0, values[:, 0])
    return out

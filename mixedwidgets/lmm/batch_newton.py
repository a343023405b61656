"""Newton steps on the likelihoods of many responses of one design, taken together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.batch import Batch, differentiate_batch, solve_batch
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.newton import NEGATIVE, STATIONARY
from mixedwidgets.lmm.theta import Layout

STEPS = 30  # what takes longer goes to the careful search
FURTHEST = 1e5  # of an element of T: beyond, no digits are left
HALVINGS = 8


@dataclass(frozen=True)
class Ends:
    """Where a descent ended for each of B responses.

    Attributes
    ----------
    T : (B, K, K) array
        Factors of the relative covariance in whitened coordinates.
    value : (B,) array
        Deviance there, up to the last step of those that are regular.
    regular : (B,) array of bool
        Whether the gradient vanishes there and every curvature is positive.
    """

    T: Array
    value: Array
    regular: NDArray[np.bool_]


def descend_batch(batch: Batch, reml: bool, start: Array) -> Ends:
    """Minimise every deviance from its start, as ``newton.minimise`` does for one.

    Parameters
    ----------
    batch : Batch
        Of B responses.
    reml : bool
        Restricted likelihood.
    start : (B, K, K) array
        Factors of full rank, lower triangular in blocks.

    Returns
    -------
    Ends
    """
    layout = batch.shared.layout
    x = start[:, layout.position[0], layout.position[1]]
    regular = np.zeros(len(batch), dtype=bool)
    active, part = np.arange(len(batch)), batch
    value, gradient, hessian = _evaluate(x, part, reml)
    reached = value.copy()
    for _ in range(STEPS):
        step, decrement, lowest = _directions(gradient, hessian)
        level = decrement <= STATIONARY * (1.0 + np.abs(value))
        if level.any():
            good = level & (lowest > NEGATIVE)
            x[active[good]] += step[good]
            regular[active[good]] = True
            active, step, value = active[~level], step[~level], value[~level]
            part = batch.some(active)
        if not len(active):
            break
        trial, value, gradient, hessian = _descend(x[active], step, value, part, reml)
        fell = np.isfinite(value)
        if not fell.all():
            active, trial, value = active[fell], trial[fell], value[fell]
            gradient, hessian, part = gradient[fell], hessian[fell], batch.some(active)
        x[active], reached[active] = trial, value
    return Ends(_matrices(x, layout), reached, regular)


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

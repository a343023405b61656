"""What an optimum leaves open: random effects whose variance the data do not determine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.theta import Layout

LITTLE = 1e-6  # information on the logarithm of a standard deviation that calls for a closer look
LEVEL = 1e-10  # change of the criterion, relative to 1 + |criterion|, that counts as none


def undetermined(
    T: Array, value: float, hessian: Array, criterion: Callable[[Array], float], layout: Layout
) -> tuple[tuple[int, Array], ...]:
    """Random effects whose standard deviation can change a lot without changing the criterion.

    Such are a random intercept with one level an observation, or of a single level. Where the
    second derivative says little about the size of an effect, the criterion is evaluated at twice
    that size, and at one residual standard deviation at least.

    Parameters
    ----------
    T : (K, K) array
        The factor at the optimum, lower triangular in blocks.
    value : float
        The criterion there.
    hessian : (ntheta, ntheta) array
        Its second derivatives in the elements of T.
    criterion : callable
        The criterion as a function of the elements of T.
    layout : Layout
        Blocks of T.

    Returns
    -------
    tuple of (int, (k,) array)
        Block and unit vector of each such effect.
    """
    rows = layout.position[0]
    elements = layout.vector(T)
    out = []
    for number, columns in enumerate(layout.slices):
        for i in range(columns.start, columns.stop):
            own = np.where(rows == i, elements, 0.0)
            if own @ hessian @ own > LITTLE:
                continue
            trial = _enlarged(T, i)
            change = criterion(layout.vector(trial)) - value
            if abs(change) <= LEVEL * (1.0 + abs(value)):
                axis = np.zeros(columns.stop - columns.start)
                axis[i - columns.start] = 1.0
                out.append((number, axis))
    return tuple(out)


def _enlarged(T: Array, i: int) -> Array:
    """The factor with one effect at twice its size, or at size one if that is more."""
    out = T.copy()
    size = float(np.sqrt(np.sum(T[i] ** 2)))
    if size > 0.0:
        out[i] *= max(2.0, 1.0 / size)
    else:
        out[i, i] = 1.0
    return out

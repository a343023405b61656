"""A running line through a cloud of points: local straight lines, by weighted least squares."""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.tables import Floats

POINTS = 60  # of a running line
_MOST = 240  # points are gathered into so many bins of equal size before


def smooth(x: Floats, y: Floats, share: float = 0.5, points: int = POINTS) -> Floats:
    """Return a running line through points.

    At each place a straight line is fitted to the nearest points, with tricube weights (Cleveland
    1979, Journal of the American Statistical Association 74, 829-836, without the robust steps).
    Of more than 240 points, means of equally many neighbours are taken first.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Finite.
    share : float
        Share of the points that each line is fitted to.
    points : int
        Number of places, evenly spaced between the smallest and largest ``x``.

    Returns
    -------
    ndarray, shape (points, 2)
        Places and values; no rows where there are fewer than four different ``x``.
    """
    if len(np.unique(x)) < 4:
        return np.empty((0, 2))
    order = np.argsort(x, kind="stable")
    x, y, size = _gathered(x[order], y[order])
    at = np.linspace(x[0], x[-1], points)
    apart = np.abs(at[:, None] - x)
    near = max(int(np.ceil(share * len(x))), 4)
    reach = np.partition(apart, min(near, len(x)) - 1, axis=1)[:, min(near, len(x)) - 1]
    reach = np.maximum(1.001 * reach, 1e-9 * (x[-1] - x[0]))
    weight = np.clip(1.0 - (apart / reach[:, None]) ** 3, 0.0, None) ** 3 * size
    total = weight.sum(axis=1)
    centre = weight @ x / total
    off = x - centre[:, None]
    spread = (weight * off**2).sum(axis=1)
    level = weight @ y / total
    flat = spread <= 1e-12 * total * (x[-1] - x[0]) ** 2
    slope = np.where(flat, 0.0, (weight * off) @ y / np.where(flat, 1.0, spread))
    return np.column_stack((at, level + slope * (at - centre)))


def _gathered(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Means of neighbours, and how many each is of; the points themselves where they are few."""
    if len(x) <= _MOST:
        return x, y, np.ones(len(x))
    starts = np.unique(np.linspace(0, len(x), _MOST + 1).astype(int)[:-1])
    size = np.diff(np.append(starts, len(x))).astype(float)
    return np.add.reduceat(x, starts) / size, np.add.reduceat(y, starts) / size, size

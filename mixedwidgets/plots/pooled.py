"""How far a picture of shrinkage reaches, how it sorts the groups, and its ellipses."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Floats, ShrinkageTable
from mixedwidgets.plots.group_marks import finite

CONFIDENCES = (0.50, 0.95)
RADII = tuple(math.sqrt(-2.0 * math.log(1.0 - p)) for p in CONFIDENCES)  # chi-square, 2 df
_WHISKERS = 2.0  # interquartile ranges beyond the quartiles that a picture surely shows
# It shows everything where that takes no more than so many times the room, for few and for many.
_STRETCH, _STRETCH_MANY, FEW = 1.6, 1.25, 60

Span: TypeAlias = tuple[float, float]


def order(table: ShrinkageTable) -> NDArray[np.intp]:
    """Return the groups in the order of the rows, bottom first.

    They are sorted by the coefficient with no pooling, or with partial pooling where a group
    cannot estimate it.

    Parameters
    ----------
    table : ShrinkageTable
        The table that is drawn; its first coefficient decides.
    """
    alone, pooled = table.no_pooling[:, 0], table.partial_pooling[:, 0]
    return np.argsort(np.where(np.isfinite(alone), alone, pooled), kind="stable")


def limits(table: ShrinkageTable, axis: int) -> Span:
    """Return robust limits for one coefficient.

    Inside are all partially pooled values, the estimates with no pooling up to two
    interquartile ranges beyond their quartiles (all of them where that takes little more room)
    and, in two dimensions, the 95% ellipse.

    Parameters
    ----------
    table : ShrinkageTable
        The table that is drawn.
    axis : int
        Which coefficient.
    """
    alone, pooled = finite(table.no_pooling[:, axis]), finite(table.partial_pooling[:, axis])
    shown = np.concatenate((pooled, finite(table.complete_pooling[axis : axis + 1])))
    if len(table.names) > 1 and len(shown):
        reach = RADII[-1] * math.sqrt(max(float(table.covariance[axis, axis]), 0.0))
        shown = np.append(shown, table.complete_pooling[axis] + np.array([-reach, reach]))
    everything = np.concatenate((alone, shown))
    if not len(everything):
        return -1.0, 1.0
    if len(alone):
        low, high = np.quantile(alone, [0.25, 0.75])
        reach = _WHISKERS * (high - low)
        inside = np.logical_and(alone >= low - reach, alone <= high + reach)
        shown = np.concatenate((shown, alone[inside]))
    stretch = _STRETCH if len(table.levels) <= FEW else _STRETCH_MANY
    if not len(shown) or np.ptp(everything) <= stretch * np.ptp(shown):
        shown = everything
    lower, upper = float(shown.min()), float(shown.max())
    if upper - lower <= 1e-12 * max(abs(lower), abs(upper)):
        half = abs(upper) / 10 or 1.0
        return lower - half, upper + half
    pad = 0.05 * (upper - lower)
    return lower - pad, upper + pad


def ellipse(centre: Floats, covariance: Floats, radius: float, points: int = 90) -> Floats:
    """Return the closed outline of all points at one Mahalanobis distance from a centre.

    Parameters
    ----------
    centre : ndarray, shape (2,)
    covariance : ndarray, shape (2, 2)
        May be singular: the outline is then a line or a point.
    radius : float
        The distance.
    points : int
        How many points the outline has.

    Returns
    -------
    ndarray, shape (points, 2)
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    angle = np.linspace(0.0, 2 * np.pi, points)
    return centre + radius * np.column_stack((np.cos(angle), np.sin(angle))) @ root.T

"""A likelihood surface between the nodes at which it is known: a spline of a bounded rise."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RectBivariateSpline

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, contradictory
from mixedwidgets.lmm.surface_axes import evener

FAR = 60.0  # deviance units: rises beyond are drawn as far away, whatever their size


class SmoothRise:
    """A bicubic spline through nodes, on the scales on which the deviance is smooth."""

    def __init__(
        self,
        held: tuple[Parameter, ...],
        values: tuple[float, ...],
        knots: tuple[Array, Array],
        rise: Array,
    ):
        self.held, self.values = held, values
        self.evener_x, self.evener_y = (evener(p) for p in held)
        x, y = knots
        self.smooth = RectBivariateSpline(self.evener_y(y), self.evener_x(x), squeezed(rise))

    def __call__(self, x: Array, y: Array) -> Array:
        """The rise at the points of a grid, (ny, nx)."""
        rise = stretched(self.smooth(self.evener_y(y), self.evener_x(x)))
        across, up = np.meshgrid(x, y)
        points = np.column_stack([across.reshape(-1), up.reshape(-1)])
        rise[contradictory(self.held, points).reshape(rise.shape)] = np.inf
        rise[(across == self.values[0]) & (up == self.values[1])] = 0.0
        return rise


def continued(rise: Array) -> Array:
    """Beyond what is possible the rise at the nearest node that is: no step for a spline."""
    possible = np.argwhere(np.isfinite(rise))
    if not len(possible):
        return rise
    out = rise.copy()
    for at in np.argwhere(~np.isfinite(rise)):
        nearest = possible[np.argmin(np.sum((possible - at) ** 2, axis=1))]
        out[tuple(at)] = rise[tuple(nearest)]
    return out


def squeezed(rise: Array) -> Array:
    """Bound the rise, so that a spline does not swing beside a steep edge of the surface."""
    finite = np.where(np.isfinite(rise), rise, 0.0)
    return np.where(np.isfinite(rise), finite / (1.0 + finite / FAR), FAR)


def stretched(squeezed: Array) -> Array:
    """The inverse of ``squeezed``."""
    bounded = np.clip(squeezed, 0.0, 0.99 * FAR)
    return np.asarray(bounded / (1.0 - bounded / FAR))

"""The likelihood over two parameters, and along each of them: tables for pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline
from scipy.stats import chi2

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import replace_fixed
from mixedwidgets.lmm.optimize import whitened_factor
from mixedwidgets.lmm.parameters import Parameter, value_of
from mixedwidgets.lmm.profile import Profile, profile
from mixedwidgets.lmm.tables import Slice, Surface
from mixedwidgets.lmm.wald import wald_covariance

OUTER = float(np.sqrt(chi2.ppf(0.99, 2)))  # zeta at the edge of the joint 99 % region
MARGIN = 1.1  # how far beyond that edge the axes reach
CLEARLY = 0.01  # deviance units: a lower minimum nearby is taken over only beyond this
MAX_SWEEPS = 6
ROUGH = 0.5  # deviance units: how far the quadratic model is trusted for the length of an axis
FAR = 60.0  # deviance units: rises beyond are drawn as far away, whatever their size


def surface(
    design: Design,
    estimate: Estimate,
    a: Parameter,
    b: Parameter,
    kind: str = "profile",
    nodes: int = 8,
    fine: int = 61,
) -> Surface:
    """The likelihood over two parameters, relative to its maximum.

    Parameters
    ----------
    design : Design
        Names for the axes.
    estimate : Estimate
        The fit, by either criterion.
    a, b : Parameter
        Different parameters that ``constrain`` can hold together.
    kind : {"profile", "slice"}
        Re-optimise the other parameters at every point, or hold them at their estimates.
    nodes : int
        Points per axis at which the likelihood is computed.
    fine : int
        Points per axis of the table, filled in by a bicubic spline through the nodes.

    Returns
    -------
    Surface
        Axes reach just beyond the joint 99 % region, found from the two profiles.

    Raises
    ------
    ModelError
        ``a`` and ``b`` are the same, or cannot be held together.
    """
    if a == b:
        raise ModelError(f"Choose two different parameters; both are {a.name!r}.")
    values = (_value(estimate, a), _value(estimate, b))
    x, y = (_nodes(p, _reach(estimate, p), v, nodes) for p, v in zip((a, b), values, strict=True))
    rise = _grid(estimate, (a, b), values, x, y, kind)
    xs, ys = (_fine(n, v, fine) for n, v in zip((x, y), values, strict=True))
    even_x, even_y = _evener(a), _evener(b)
    smooth = RectBivariateSpline(even_y(y), even_x(x), _squeeze(rise))
    return Surface(
        names=(a.name, b.name),
        labels=(label(a, design), label(b, design)),
        kind=kind,
        criterion="REML" if estimate.reml else "ML",
        x=xs,
        y=ys,
        drop=_stretch(smooth(even_y(ys), even_x(xs))),
        optimum=values,
        ellipse=_ellipse(estimate, a, b, values),
        allowed=(a.allowed, b.allowed),
        slices=(
            curve(design, estimate, a, kind, nodes, (x[0], x[-1])),
            curve(design, estimate, b, kind, nodes, (y[0], y[-1])),
        ),
        path=_path(estimate, (a, b)),
    )


def curve(
    design: Design,
    estimate: Estimate,
    parameter: Parameter,
    kind: str = "profile",
    nodes: int = 8,
    reach: tuple[float, float] | None = None,
    fine: int = 121,
) -> Slice:
    """The likelihood along one parameter, relative to its maximum.

    Parameters
    ----------
    design, estimate, parameter, kind, nodes, fine
        As in ``surface``.
    reach : (float, float), optional
        Limits of the axis; by default just beyond the joint 99 % region.

    Returns
    -------
    Slice
    """
    value = _value(estimate, parameter)
    x = _nodes(parameter, reach or _reach(estimate, parameter), value, nodes)
    rise = _line(estimate, parameter, value, x, kind)
    xs = _fine(x, value, fine)
    even = _evener(parameter)
    variance = float(wald_covariance(estimate, (parameter,))[0, 0])
    return Slice(
        name=parameter.name,
        label=label(parameter, design),
        x=xs,
        drop=_stretch(CubicSpline(even(x), _squeeze(rise))(even(xs))),
        wald=(xs - value) ** 2 / variance if variance > 0.0 else np.full(len(xs), np.nan),
        estimate=value,
    )


def _value(estimate: Estimate, parameter: Parameter) -> float:
    value = value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta)
    return 0.0 if np.isnan(value) else value


def _reach(estimate: Estimate, parameter: Parameter) -> tuple[float, float]:
    """Where the profiled deviance reaches the edge of the joint 99 % region, and a margin."""
    shape = profile(estimate, parameter)
    low, high = parameter.allowed
    ends = []
    for direction, bound in ((-1.0, low), (1.0, high)):
        edge = _edge(shape, direction, bound)
        edge = shape.estimate + MARGIN * (edge - shape.estimate)
        ends.append(max(edge, low) if direction < 0 else min(edge, high))
    if parameter.kind == "sigma":
        ends[0] = max(ends[0], 0.05 * shape.estimate)
    if not ends[1] > ends[0]:
        ends = [shape.estimate, shape.estimate + OUTER * shape.scale]
    return ends[0], ends[1]


def _edge(shape: Profile, direction: float, bound: float) -> float:
    """Where zeta reaches the edge, to two digits: an axis needs no more."""
    distance, value = OUTER * shape.scale, shape.estimate
    constraint = shape.constraint
    tangents = constraint.tangents(shape.start)
    before, start = (0.0, shape.start), None
    for _ in range(8):
        value = shape.estimate + direction * distance
        if direction * (value - bound) >= 0.0:
            value = bound if shape.parameter.kind != "sigma" else 0.3 * shape.estimate
        reached = abs(value - shape.estimate)
        if start is None:
            start = constraint.along(tangents, (value,), shape.start)
        deviance, z = constraint.quick((value,), start, ROUGH)
        zeta = float(np.sqrt(max(deviance - shape.minimum, 0.0)))
        if abs(zeta - OUTER) < 0.02 * OUTER or (value == bound and zeta < OUTER):
            break
        distance = reached * float(np.clip(OUTER / max(zeta, 1e-3), 0.3, 3.0))
        start = z + (z - before[1]) * (distance - reached) / (reached - before[0] or 1.0)
        before = reached, z
    return float(value)


def _evener(parameter: Parameter) -> Callable[[Array], Array]:
    """A scale on which the deviance is smooth up to the boundary: arcsine for a correlation."""
    return np.arcsin if parameter.kind == "cor" else np.asarray


def _squeeze(rise: Array) -> Array:
    """Bound the rise, so that a spline does not swing beside a steep edge of the surface."""
    return np.where(np.isfinite(rise), rise / (1.0 + rise / FAR), FAR)


def _stretch(squeezed: Array) -> Array:
    """The inverse of ``_squeeze``."""
    bounded = np.clip(squeezed, 0.0, 0.99 * FAR)
    return np.asarray(bounded / (1.0 - bounded / FAR))


def _fine(nodes: Array, value: float, count: int) -> Array:
    """Evenly spaced points over the nodes' range, the estimate among them."""
    return np.unique(np.append(np.linspace(nodes[0], nodes[-1], count), value))


def _nodes(parameter: Parameter, reach: tuple[float, float], value: float, count: int) -> Array:
    """Nodes over a range with one at the estimate, as even as that allows on the smooth scale."""
    even = _evener(parameter)
    low, middle, high = even(np.array([reach[0], value, reach[1]]))
    span = high - low
    below = round((count - 1) * (middle - low) / span)
    if middle - low > 1e-9 * span:
        below = max(below, 3)
    if high - middle > 1e-9 * span:
        below = min(below, count - 4)
    left = np.linspace(low, middle, below + 1)[:-1] if below else np.empty(0)
    right = np.linspace(middle, high, count - below)
    nodes = np.concatenate((left, right))
    if parameter.kind == "cor":
        nodes = np.sin(nodes)
    nodes[[0, below, -1]] = reach[0], value, reach[1]
    return nodes


def _grid(
    estimate: Estimate,
    pair: tuple[Parameter, Parameter],
    values: tuple[float, float],
    x: Array,
    y: Array,
    kind: str,
) -> Array:
    """Rise of the deviance over the nodes, (ny, nx), walking outwards from the optimum.

    Each point starts from what the inner optima of its neighbours foretell.
    """
    walker = _Walker(estimate, pair, values, kind)
    at_x, at_y = int(np.argmin(np.abs(x - values[0]))), int(np.argmin(np.abs(y - values[1])))
    rise = np.empty((len(y), len(x)))
    inner = np.empty((len(y), len(x), len(walker.start)))
    for r in (*range(at_y, len(y)), *range(at_y - 1, -1, -1)):
        nearer = r - 1 if r > at_y else r + 1
        for c in (*range(at_x, len(x)), *range(at_x - 1, -1, -1)):
            if r == at_y:
                start = _foretold(x, inner[r], c, at_x, walker.near((x[c], y[r])))
            elif c == at_x:
                start = _foretold(y, inner[:, c], r, at_y, walker.near((x[c], y[r])))
            else:
                before = c - 1 if c > at_x else c + 1
                start = inner[r, before] + inner[nearer, c] - inner[nearer, before]
            rise[r, c], inner[r, c] = walker.step((x[c], y[r]), start)
    if kind == "profile" and any(p.kind == "cor" for p in pair):
        _relax(walker, x, y, rise, inner)
    return rise


def _relax(walker: _Walker, x: Array, y: Array, rise: Array, inner: Array) -> None:
    """Let each point try the inner optima around it, in place.

    Where a correlation is held, the inner problem can have several minima, and walking from one
    side finds that side's only.
    """
    for _ in range(MAX_SWEEPS):
        changed = False
        for r, c in np.ndindex(rise.shape):
            near = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
            starts = [inner[i, j] for i, j in near if 0 <= i < len(y) and 0 <= j < len(x)]
            for start in (*starts, walker.start):
                better = walker.improve((float(x[c]), float(y[r])), start, float(rise[r, c]))
                if better is not None:
                    rise[r, c], inner[r, c] = better
                    changed = True
        if not changed:
            return


def _line(estimate: Estimate, parameter: Parameter, value: float, x: Array, kind: str) -> Array:
    walker = _Walker(estimate, (parameter,), (value,), kind)
    at = int(np.argmin(np.abs(x - value)))
    rise = np.empty(len(x))
    inner = np.empty((len(x), len(walker.start)))
    for i in (*range(at, len(x)), *range(at - 1, -1, -1)):
        start = _foretold(x, inner, i, at, walker.near((x[i],)))
        rise[i], inner[i] = walker.step((x[i],), start)
    return rise


def _foretold(x: Array, inner: Array, i: int, at: int, near: Array) -> Array:
    """Inner optimum at a node, extrapolated on a line from the two nodes before it.

    Beside the optimum, where there is one node before it at most, it is ``near``.
    """
    if abs(i - at) <= 1:
        return near
    back = 1 if i > at else -1
    first, second = i - back, i - 2 * back
    slope = (inner[first] - inner[second]) / (x[first] - x[second])
    return np.asarray(inner[first] + slope * (x[i] - x[first]))


class _Walker:
    """Deviance at points near one another: each starts from its neighbour's inner optimum."""

    def __init__(
        self,
        estimate: Estimate,
        held: tuple[Parameter, ...],
        values: tuple[float, ...],
        kind: str,
    ):
        self.minimum = estimate.optimum.value
        self.values = values
        self.kind = kind
        self.constraint: Constraint = constrain(estimate.moments, held, estimate.reml)
        self.start = self.constraint.start(estimate.factor, estimate.sigma)
        self.beta = estimate.beta
        self.tangents = self.constraint.tangents(self.start) if kind == "profile" else None

    def near(self, point: tuple[float, ...]) -> Array:
        """Inner optimum foretold at a point near the optimum, on the tangents there."""
        if self.tangents is None:
            return self.start
        return self.constraint.along(self.tangents, point, self.start)

    def step(self, point: tuple[float, ...], z: Array) -> tuple[float, Array]:
        """Rise of the deviance at a point, and the inner optimum there."""
        if all(
            abs(p - v) <= 1e-12 * (1.0 + abs(v)) for p, v in zip(point, self.values, strict=True)
        ):
            return 0.0, self.start
        if self.kind == "slice":
            return max(self._slice(point) - self.minimum, 0.0), z
        value, z = self.constraint.quick(point, z)
        return max(value - self.minimum, 0.0), z

    def improve(
        self, point: tuple[float, ...], start: Array, rise: float
    ) -> tuple[float, Array] | None:
        """A clearly lower rise at a point, reached from another start, or None."""
        at_start = self.constraint.value(point, start, self.constraint.with_held(point))
        if not at_start - self.minimum < rise - CLEARLY:
            return None
        found = self.constraint.minimise(point, start)
        return max(found.value - self.minimum, 0.0), found.z

    def _slice(self, point: tuple[float, ...]) -> float:
        beta = self.beta.copy()
        for parameter, value in zip(self.constraint.held, point, strict=True):
            if parameter.kind == "fixed":
                beta[parameter.i] = value
        moments = self.constraint.moments
        if not self.constraint.reml:
            moments = replace_fixed(moments, list(enumerate(beta)))
        return self.constraint.value(point, self.start, moments)


def _ellipse(
    estimate: Estimate, a: Parameter, b: Parameter, centre: tuple[float, ...]
) -> Array | None:
    """Outline of the joint 95 % Wald region, or None where there is no quadratic approximation."""
    covariance = wald_covariance(estimate, (a, b))
    if not np.all(np.isfinite(covariance)) or np.linalg.eigvalsh(covariance)[0] <= 0.0:
        return None
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.sqrt(chi2.ppf(0.95, 2)) * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return np.asarray(circle @ np.linalg.cholesky(covariance).T + np.array(centre))


def _path(estimate: Estimate, pair: tuple[Parameter, Parameter]) -> Array:
    """The optimiser's path in the two parameters, sigma and beta at their best at every step."""
    moments = estimate.moments
    points = []
    for theta, _ in estimate.optimum.trace:
        T = whitened_factor(theta, moments)
        solved = solve(T @ T.T, moments, estimate.reml)
        sigma = float(np.sqrt(solved.q / solved.N))
        factor = sigma * moments.layout.matrix(theta)
        whole = factor @ factor.T
        covariances = tuple(whole[c, c] for c in moments.layout.slices)
        beta = moments.coefficients(solved.delta)
        points.append([value_of(p, covariances, sigma, beta) for p in pair])
    return np.array(points)

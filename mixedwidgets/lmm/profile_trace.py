"""The profile of one parameter as a curve: exact points, a cubic between them, what goes along."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.special import ndtr

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, value_of
from mixedwidgets.lmm.profile import Profile, profile
from mixedwidgets.lmm.tables import ProfileCurve
from mixedwidgets.lmm.wald import wald_covariance

STEPS = 5  # from the estimate to the cut-off; then each is halved at least once
CLOSE = 3e-5  # of zeta: a cubic further off at the middle of two points is given another point
MAX_HALVINGS = 5
MAX_STEPS = 40
BETWEEN = 8  # parts that a curve as it is drawn has between two computed points


@dataclass
class _Point:
    """One value on the even scale t, zeta there, its slope in t, and the inner optimum."""

    t: float
    value: float
    zeta: float
    slope: float
    z: Array


@dataclass
class _Side:
    """One side of a profile, from the estimate outwards."""

    points: list[_Point]
    ends_at_bound: bool = False
    flat: bool = False


@dataclass
class _Curve:
    """A profile on the scale on which it is smooth up to the boundary: arcsine of a correlation."""

    shape: Profile
    cutoff: float
    everywhere: bool = False
    centre: _Point = field(init=False)

    def __post_init__(self) -> None:
        estimate = self.shape.estimate
        self.centre = _Point(self.even(estimate), estimate, 0.0, np.nan, self.shape.start)

    @property
    def correlation(self) -> bool:
        return self.shape.parameter.kind == "cor"

    def even(self, value: float) -> float:
        return float(np.arcsin(value)) if self.correlation else float(value)

    def at(self, t: float, start: Array, bound: float | None = None) -> _Point:
        """The point at t; at a bound its value is given, free of rounding."""
        value = bound if bound is not None else float(np.sin(t)) if self.correlation else t
        zeta, slope, z = self.shape.at(value, start, self.everywhere)
        if self.correlation:
            slope = np.nan if bound is not None else slope * np.cos(t)
        sign = 1.0 if t > self.centre.t else -1.0
        return _Point(t, value, sign * zeta, abs(slope), z)

    def side(self, direction: float) -> _Side:
        """Walk outwards to the cut-off or the boundary, in steps of about equal zeta."""
        parameter = self.shape.parameter
        bound = parameter.allowed[0 if direction < 0 else 1]
        edge = self.even(bound)
        out = _Side([self.centre])
        if self.centre.value == bound:
            out.ends_at_bound = True
            return out
        wish = self.cutoff / STEPS
        step = (
            wish * self.shape.scale / (max(np.cos(self.centre.t), 0.2) if self.correlation else 1)
        )
        for _ in range(MAX_STEPS):
            last = out.points[-1]
            t = last.t + direction * step
            beyond = direction * (t - edge) >= 0.0
            if beyond and parameter.kind == "sigma":
                t, beyond = 0.5 * last.t, False
            start = self._foretold(out.points, t)
            point = self.at(edge, start, bound) if beyond else self.at(t, start)
            out.points.append(point)
            if beyond or abs(point.zeta) >= self.cutoff:
                out.ends_at_bound = beyond and abs(point.zeta) < self.cutoff
                break
            gained = abs(point.zeta) - abs(last.zeta)
            speed = point.slope if 0.0 < point.slope < np.inf else gained / step
            step = float(np.clip(wish / max(speed, 1e-300), 0.3 * step, 4.0 * step))
        else:
            out.flat = True
        return out

    def sides(self) -> tuple[_Side, _Side]:
        """Both sides; with a search from several starts at every point if one is better so."""
        out = self.side(-1.0), self.side(1.0)
        if self.shape.others and not self.everywhere:
            ends = [side.points[-1] for side in out if len(side.points) > 1]
            lowest = [self.shape.at(end.value, end.z, True)[0] for end in ends]
            if any(low < abs(e.zeta) - CLOSE for low, e in zip(lowest, ends, strict=True)):
                self.everywhere = True
                return self.sides()
        return out

    @staticmethod
    def _foretold(points: list[_Point], t: float) -> Array:
        """Inner optimum on the line through the last two points."""
        if len(points) < 2:
            return points[-1].z
        before, last = points[-2:]
        return np.asarray(last.z + (last.z - before.z) * (t - last.t) / (last.t - before.t))

    def between(self, left: _Point, right: _Point, halvings: int = 0) -> list[_Point]:
        """The points to add between two: the middle, and more while a cubic misses it."""
        t = 0.5 * (left.t + right.t)
        middle = self.at(t, 0.5 * (left.z + right.z))
        ends = np.array([left.slope, right.slope])
        if halvings and np.all(np.isfinite(ends)):
            cubic = CubicHermiteSpline([left.t, right.t], [left.zeta, right.zeta], ends)
            if abs(float(cubic(t)) - middle.zeta) <= CLOSE:
                return [middle]
        if halvings >= MAX_HALVINGS or (halvings and not np.all(np.isfinite(ends))):
            return [middle]
        first = self.between(left, middle, halvings + 1)
        return [*first, middle, *self.between(middle, right, halvings + 1)]


def trace(
    design: Design,
    estimate: Estimate,
    parameter: Parameter,
    followed: tuple[Parameter, ...],
    cutoff: float,
) -> ProfileCurve:
    """Profile one parameter until the deviance has risen by ``cutoff ** 2`` on both sides.

    Every point is a constrained optimum, and the slopes there are exact, by the envelope theorem;
    between them zeta is the cubic that has these values and slopes.

    Parameters
    ----------
    design : Design
        Names for the axis.
    estimate : Estimate
        The fit, by the criterion to profile.
    parameter : Parameter
        Which parameter.
    followed : tuple of Parameter
        The parameters whose best values are kept along the curve.
    cutoff : float
        How far zeta goes.

    Returns
    -------
    ProfileCurve
    """
    curve = _Curve(profile(estimate, parameter), cutoff)
    lower, upper = curve.sides()
    walked = [*lower.points[:0:-1], *upper.points]
    points = [walked[0]]
    for left, right in pairwise(walked):
        points.extend((*curve.between(left, right, 1), right))
    t, zeta = np.array([p.t for p in points]), np.array([p.zeta for p in points])
    slope = _mended(t, zeta, np.array([p.slope for p in points]))
    line, density = _line(curve, t, zeta, slope)
    path = np.array([_along(curve.shape, p, followed) for p in points])
    ends = (lower.ends_at_bound, upper.ends_at_bound)
    variance = float(wald_covariance(estimate, (parameter,))[0, 0])
    return ProfileCurve(
        name=parameter.name,
        label=label(parameter, design),
        allowed=parameter.allowed,
        estimate=curve.centre.value,
        se=float(np.sqrt(variance)) if variance > 0.0 else float("nan"),
        value=np.array([p.value for p in points]),
        zeta=zeta,
        path=path,
        line=line,
        density=density,
        mass=(
            float(ndtr(zeta[0])) if ends[0] else 0.0,
            float(ndtr(-zeta[-1])) if ends[1] else 0.0,
        ),
        note=_note(parameter, (lower, upper), _undefined(followed, path)),
    )


def _along(shape: Profile, point: _Point, followed: tuple[Parameter, ...]) -> list[float]:
    """The parameters at a point of a profile; the one held exactly as it was held."""
    covariances, sigma, beta = shape.constraint.natural((point.value,), point.z)
    return [
        point.value if p == shape.parameter else value_of(p, covariances, sigma, beta)
        for p in followed
    ]


def _mended(t: Array, zeta: Array, slope: Array) -> Array:
    """Slopes that the envelope theorem does not give, from the points around them.

    At the estimate zeta / (t - estimate) is smooth, and the slope is its value there: that of a
    polynomial through the nearest four. At a perfect correlation it is that of a parabola.
    """
    out = slope.copy()
    at = (
        int(np.flatnonzero(zeta == 0.0)[0]) if np.any(zeta == 0.0) else int(np.argmin(np.abs(zeta)))
    )
    others = np.flatnonzero(np.arange(len(t)) != at)
    near = others[np.argsort(np.abs(others - at), kind="stable")[:4]]
    away = t[near] - t[at]
    out[at] = np.polyfit(away, zeta[near] / away, len(near) - 1)[-1]
    for end, inner in ((0, [0, 1, 2]), (len(t) - 1, [-1, -2, -3])):
        if not np.isfinite(out[end]):
            parabola = np.polyfit(t[inner] - t[end], zeta[inner], 2)
            out[end] = parabola[1]
    lost = ~np.isfinite(out)
    if lost.any():  # along a stretch where the deviance is level
        out[lost] = np.gradient(zeta, t)[lost]
    return np.maximum(out, 0.0)


def _line(curve: _Curve, t: Array, zeta: Array, slope: Array) -> tuple[Array, Array]:
    """The curve at many points, and its density there."""
    fine = np.interp(np.arange(BETWEEN * (len(t) - 1) + 1) / BETWEEN, np.arange(len(t)), t)
    cubic = CubicHermiteSpline(t, zeta, slope)
    height = cubic(fine)
    value = np.sin(fine) if curve.correlation else fine
    stretch = np.cos(fine) if curve.correlation else np.ones_like(fine)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = (
            np.exp(-0.5 * height**2)
            / np.sqrt(2.0 * np.pi)
            * np.maximum(cubic(fine, 1), 0.0)
            / stretch
        )
    density[~np.isfinite(density) | (stretch < 1e-9)] = np.nan
    return np.column_stack((value, height)), density


def _undefined(followed: tuple[Parameter, ...], path: Array) -> list[str]:
    """What is to be said of parameters that have no value somewhere along a profile."""
    return [
        f"where a standard deviation on the way is zero, {p.name!r} is undefined (NaN)"
        for p, lost in zip(followed, np.isnan(path).T, strict=True)
        if lost.any()
    ]


def _note(parameter: Parameter, sides: tuple[_Side, _Side], undefined: list[str]) -> str:
    """Where a profile ends before the cut-off, and why, and what is undefined along it."""
    notes = []
    for side, bound in zip(sides, parameter.allowed, strict=True):
        if side.ends_at_bound:
            reached = abs(side.points[-1].zeta)
            notes.append(
                f"the profile ends at the boundary {bound:.0f}, where |zeta| is {reached:.2f}"
            )
        elif side.flat:
            reached = abs(side.points[-1].zeta)
            notes.append(f"the deviance stays low: |zeta| is only {reached:.2f} at the last value")
    return "; ".join([*notes, *undefined])

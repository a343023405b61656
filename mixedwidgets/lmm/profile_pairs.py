"""Profiles two at a time: traces, and joint regions by interpolation between them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.stats import chi2

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.tables import ProfileCurve, ProfilePair

LEVELS = (0.50, 0.80, 0.95, 0.99)
AROUND = 240  # points of an outline


def profile_pairs(
    names: tuple[str, ...], curves: tuple[ProfileCurve, ...]
) -> tuple[ProfilePair, ...]:
    """Put profiles together, each two of them.

    Where the deviance is quadratic, the outline of a joint region at level L is
    ``(L cos(t + d / 2), L cos(t - d / 2))`` on the scale of the two zetas, with cos d the slope of
    the traces. In general d is interpolated, as a periodic function of t, between its values at the
    four points where an outline crosses a trace, which are known exactly (Bates and Watts 1988,
    Nonlinear Regression Analysis and Its Applications, appendix A6). A trace that ends at a
    boundary before L is continued as its other side's mirror image, and the outline is cut there.

    Parameters
    ----------
    names : tuple of r str
        All parameters, in the order of the columns of each ``path``.
    curves : tuple of ProfileCurve
        The profiles.

    Returns
    -------
    tuple of ProfilePair
    """
    return tuple(
        _pair(a, b, names.index(a.name), names.index(b.name)) for a, b in combinations(curves, 2)
    )


def _pair(a: ProfileCurve, b: ProfileCurve, column_a: int, column_b: int) -> ProfilePair:
    along_a, along_b = _trace(a, b, column_b), _trace(b, a, column_a)[:, :, ::-1]
    outlines = tuple(
        _outline(float(np.sqrt(chi2.ppf(level, 2))), a, b, along_a[:, 1], along_b[:, 1, ::-1])
        for level in LEVELS
    )
    return ProfilePair((a.name, b.name), (along_a, along_b), LEVELS, outlines)


def _trace(along: ProfileCurve, other: ProfileCurve, column: int) -> Array:
    """The best value of another parameter along a profile, (f, 2, 2), on both scales."""
    zeta = np.linspace(along.zeta[0], along.zeta[-1], 81)
    best = PchipInterpolator(along.zeta, along.path[:, column])(zeta)
    out = np.empty((len(zeta), 2, 2))
    out[:, 0, 0], out[:, 0, 1] = _value(along, zeta), best
    out[:, 1, 0], out[:, 1, 1] = zeta, _zeta(other, best)
    return out


def _zeta(curve: ProfileCurve, value: Array) -> Array:
    """Return zeta at values; NaN beyond what was profiled."""
    slack = 1e-9 * (curve.line[-1, 0] - curve.line[0, 0])
    known = (value > curve.line[0, 0] - slack) & (value < curve.line[-1, 0] + slack)
    clipped = np.clip(value, curve.line[0, 0], curve.line[-1, 0])
    return np.where(known, PchipInterpolator(*curve.line.T)(clipped), np.nan)


def _value(curve: ProfileCurve, zeta: Array) -> Array:
    """Value at zetas inside what was profiled."""
    rising = np.concatenate(([True], np.diff(curve.line[:, 1]) > 0.0))
    value, height = curve.line[rising].T
    return np.asarray(PchipInterpolator(height, value)(np.clip(zeta, height[0], height[-1])))


def _outline(reach: float, a: ProfileCurve, b: ProfileCurve, on_a: Array, on_b: Array) -> Array:
    """Outline of the joint region whose zetas reach so far, (f, 2, 2); NaN where it is cut."""
    ends = [_ends(trace, reach) for trace in (on_a, on_b)]
    out = np.full((AROUND + 1, 2, 2), np.nan)
    if not np.all(np.isfinite(ends)):
        return out
    (a_low, a_high), (b_low, b_high) = np.arccos(np.clip(np.array(ends) / reach, -0.999, 0.999))
    d = np.array([a_high, b_high, np.pi - a_low, np.pi - b_low])
    at = np.array([-0.5, 0.5, -0.5, 0.5]) * d + np.array([0.0, 0.0, np.pi, np.pi])
    if np.any(np.diff(at) <= 0.0) or at[-1] >= at[0] + 2.0 * np.pi:
        return out
    apart = CubicSpline(np.append(at, at[0] + 2.0 * np.pi), np.append(d, d[0]), bc_type="periodic")
    t = np.linspace(0.0, 2.0 * np.pi, AROUND + 1)
    zetas = reach * np.cos(t[:, None] + apart(t)[:, None] * np.array([0.5, -0.5]))
    inside = np.all(
        [(c.zeta[0] <= z) & (z <= c.zeta[-1]) for c, z in zip((a, b), zetas.T, strict=True)], axis=0
    )
    out[:, 1] = zetas
    out[:, 0] = np.column_stack([_value(c, z) for c, z in zip((a, b), zetas.T, strict=True)])
    out[~inside] = np.nan
    return out


def _ends(trace: Array, reach: float) -> list[float]:
    """The other zeta where a trace's own is minus and plus ``reach``; mirrored where it ends."""
    known = np.isfinite(trace[:, 1])
    zeta, other = trace[known, 0], trace[known, 1]
    if len(zeta) < 2:
        return [np.nan, np.nan]
    found = [
        float(np.interp(end, zeta, other)) if zeta[0] <= end <= zeta[-1] else np.nan
        for end in (-reach, reach)
    ]
    low, high = found
    return [-high if np.isnan(low) else low, -low if np.isnan(high) else high]

"""The small tables that pictures are drawn from: plain arrays, computed elsewhere, never changed.

A picture can be tested with a table and no model, and a model with no picture. Every table
compares and hashes by identity, because equality of arrays has no single answer, and prints as one
line that says what it is of, not as its arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


def _range(values: Floats) -> str:
    """The finite numbers of an array, as from the least to the largest."""
    known = values[np.isfinite(values)]
    return f"{known.min():.4g} to {known.max():.4g}" if known.size else "no finite value"


def _few(names: tuple[str, ...], most: int = 6) -> str:
    """Names, of many the first ones."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


@dataclass(frozen=True, eq=False, repr=False)
class Slice:
    """The log-likelihood along one parameter, through the optimum.

    Parameters
    ----------
    name : str
        Name of the parameter, such as ``"sd_ses|school"``.
    label : str
        What the axis says, such as ``"SD of ses between schools (τ)"``.
    x : ndarray, shape (g,)
        Increasing values of the parameter.
    drop : ndarray, shape (g,)
        Twice the log-likelihood at the optimum minus that at ``x``: zero at the optimum, at
        least zero elsewhere, ``inf`` where the parameter has no meaning.
    wald : ndarray, shape (g,)
        The quadratic approximation ``((x - estimate) / se) ** 2`` at the same ``x``; ``nan``
        where there is no standard error.
    estimate : float
        The value of the parameter at the optimum.
    """

    name: str
    label: str
    x: Floats
    drop: Floats
    wald: Floats
    estimate: float

    def __repr__(self) -> str:
        return f"<Slice of {self.name}: {len(self.x)} values, {_range(self.x)}>"


@dataclass(frozen=True, eq=False, repr=False)
class Surface:
    """The log-likelihood over two parameters, relative to its maximum.

    Parameters
    ----------
    names : tuple of two str
        Names of the parameters on the x and the y axis.
    labels : tuple of two str
        What the two axes say.
    kind : {"profile", "slice"}
        Whether the other parameters were re-optimised at every point or held at the optimum.
    criterion : {"ML", "REML"}
        Which likelihood. A restricted likelihood is not comparable across fixed effects.
    x : ndarray, shape (nx,)
        Increasing values of the first parameter.
    y : ndarray, shape (ny,)
        Increasing values of the second parameter.
    drop : ndarray, shape (ny, nx)
        Twice the log-likelihood at the optimum minus that at the point; ``inf`` or ``nan``
        where the point is impossible.
    optimum : tuple of two float
        Where the likelihood is largest.
    ellipse : ndarray, shape (t, 2), or None
        Closed outline of the joint 95 % Wald region. It may cross impossible values. ``None``
        where the Hessian gives no region.
    allowed : tuple of two (lower, upper)
        The possible range of each parameter, such as ``(0, inf)`` or ``(-1, 1)``.
    slices : tuple of two Slice
        The curves along the first and along the second parameter.
    path : ndarray, shape (s, 2)
        The optimiser's path, first point first; ``s`` may be zero.
    exact : float
        Share of the points of ``drop`` at which the likelihood was computed; the others are filled
        in by a spline through the nodes of a coarse grid.
    """

    names: tuple[str, str]
    labels: tuple[str, str]
    kind: str
    criterion: str
    x: Floats
    y: Floats
    drop: Floats
    optimum: tuple[float, float]
    ellipse: Floats | None
    allowed: tuple[tuple[float, float], tuple[float, float]]
    slices: tuple[Slice, Slice]
    path: Floats
    exact: float = 1.0

    @property
    def levels(self) -> dict[float, float]:
        """Joint confidence -> drop at its contour: quantiles of chi-square with 2 degrees."""
        return {p: -2.0 * math.log(1.0 - p) for p in (0.50, 0.80, 0.95, 0.99)}

    def __repr__(self) -> str:
        (a, b), (ny, nx) = self.names, self.drop.shape
        exact = f", {self.exact:.0%} of the points exact" if self.exact < 1.0 else ""
        return (
            f"<Surface ({self.kind}, {self.criterion}) of {a} ({nx} values, {_range(self.x)}) and "
            f"{b} ({ny} values, {_range(self.y)}), drop {_range(self.drop)}{exact}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class IntervalTable:
    """Wald and profile confidence intervals of every parameter of a model.

    Parameters
    ----------
    names : tuple of r str
        Names of the parameters.
    labels : tuple of r str
        How the parameters are called on screen.
    groups : tuple of r str
        The block each row belongs to: ``"random"``, ``"residual"`` or ``"fixed"``.
    estimate : ndarray, shape (r,)
        The estimates.
    wald_lower, wald_upper : ndarray, shape (r,)
        Limits of the Wald intervals. They may lie outside the allowed range.
    profile_lower, profile_upper : ndarray, shape (r,)
        Limits of the profile likelihood intervals. In all four, ``nan`` means not computed
        and ``inf`` that the likelihood never falls below the cut.
    allowed_lower, allowed_upper : ndarray, shape (r,)
        The possible range: 0 to inf for a standard deviation, -1 to 1 for a correlation,
        -inf to inf for a fixed effect.
    notes : tuple of r str
        Why a limit lies at the boundary or is infinite; ``""`` where there is nothing to say.
    level : float
        Confidence level, such as 0.95.
    criterion : {"ML", "REML"}
        Which likelihood was profiled.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    estimate: Floats
    wald_lower: Floats
    wald_upper: Floats
    profile_lower: Floats
    profile_upper: Floats
    allowed_lower: Floats
    allowed_upper: Floats
    notes: tuple[str, ...]
    level: float
    criterion: str

    def __repr__(self) -> str:
        return (
            f"<IntervalTable ({self.criterion}) at {100.0 * self.level:.4g} % of "
            f"{len(self.names)} parameters: {_few(self.names)}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ProfileCurve:
    """The profile likelihood of one parameter.

    Parameters
    ----------
    name : str
        Name of the parameter.
    label : str
        What the axis says.
    allowed : tuple of (lower, upper)
        The possible range of the parameter.
    estimate : float
        Its estimate.
    se : float
        Wald standard error; ``nan`` where there is none.
    value : ndarray, shape (g,)
        Increasing values at which the likelihood was computed, the estimate among them.
    zeta : ndarray, shape (g,)
        The signed square root of the rise in deviance there: increasing, zero at the estimate.
    path : ndarray, shape (g, r)
        All parameters of the model at each value, the others at their best.
    line : ndarray, shape (f, 2)
        Value and zeta at many points: cubic between the computed ones, with their exact slopes.
    density : ndarray, shape (f,)
        Derivative of the normal distribution function of zeta in the value, at ``line``; ``nan``
        where it is infinite.
    mass : tuple of two float
        Probability that the same distribution puts at the lower and at the upper boundary, where
        the profile ends there; else 0.
    note : str
        Where the profile ends at a boundary or never rises far enough; ``""`` where it does not.
    """

    name: str
    label: str
    allowed: tuple[float, float]
    estimate: float
    se: float
    value: Floats
    zeta: Floats
    path: Floats
    line: Floats
    density: Floats
    mass: tuple[float, float]
    note: str

    def __repr__(self) -> str:
        return (
            f"<ProfileCurve of {self.name}: {len(self.value)} values, {_range(self.value)}, "
            f"zeta {_range(self.zeta)}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ProfileTable:
    """The profile likelihood of several parameters of a model.

    Parameters
    ----------
    names : tuple of r str
        All parameters of the model, in the order of the columns of each ``path``.
    curves : tuple of ProfileCurve
        One for each parameter profiled.
    criterion : {"ML", "REML"}
        Which likelihood was profiled.
    level : float
        Confidence level that the profiles reach.
    expected : int
        How many curves there will be, where not all are there yet; pictures leave room for them.
    """

    names: tuple[str, ...]
    curves: tuple[ProfileCurve, ...]
    criterion: str
    level: float
    expected: int = 0

    @property
    def count(self) -> int:
        """How many curves there are, or will be."""
        return max(len(self.curves), self.expected)

    def __repr__(self) -> str:
        names = _few(tuple(curve.name for curve in self.curves))
        return (
            f"<ProfileTable ({self.criterion}) to {100.0 * self.level:.4g} % of "
            f"{len(self.curves)} parameters: {names}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ProfilePair:
    """Two parameters together: traces, and the likelihood over both, on two scales.

    Parameters
    ----------
    names : tuple of two str
        The parameters.
    traces : tuple of two ndarray, shape (f, 2, 2)
        The best second parameter along the first, and the best first along the second: for each
        point, on the scale of the parameters ``[0]`` and on that of their zetas ``[1]``, the first
        and the second parameter.
    x, y : ndarray, shape (nx,), (ny,)
        Increasing values of the first and of the second parameter, within what was profiled.
    zeta_x, zeta_y : ndarray, shape (nx,), (ny,)
        The zetas of these values.
    drop : ndarray, shape (ny, nx)
        Twice the log-likelihood at the optimum minus that at the point, the other parameters
        re-optimised.
    """

    names: tuple[str, str]
    traces: tuple[Floats, Floats]
    x: Floats
    y: Floats
    zeta_x: Floats
    zeta_y: Floats
    drop: Floats

    def __repr__(self) -> str:
        (a, b), (ny, nx) = self.names, self.drop.shape
        return (
            f"<ProfilePair of {a} ({nx} values, {_range(self.x)}) and "
            f"{b} ({ny} values, {_range(self.y)})>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class PairsTable:
    """Profiles, and each two of them together.

    Parameters
    ----------
    profiles : ProfileTable
        The profiles.
    pairs : tuple of ProfilePair
        One for each two of them, the first before the second in ``profiles.curves``.
    """

    profiles: ProfileTable
    pairs: tuple[ProfilePair, ...]

    def __repr__(self) -> str:
        return f"<PairsTable: {len(self.pairs)} pairs of {self.profiles!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class ShrinkageTable:
    """Coefficients of every group with no, partial and complete pooling.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : tuple of m str
        The groups.
    size : ndarray of int, shape (m,)
        Number of observations in each group.
    names : tuple of k str
        Names of the coefficients, one or more.
    no_pooling : ndarray, shape (m, k)
        Least squares in each group alone; ``nan`` where a group cannot estimate it.
    partial_pooling : ndarray, shape (m, k)
        Fixed effect plus conditional mode.
    complete_pooling : ndarray, shape (k,)
        The coefficients common to all groups.
    covariance : ndarray, shape (k, k)
        Covariance matrix of the random effects. It may be singular or zero.
    criterion : {"ML", "REML"}
        Which likelihood the variances come from.
    """

    group: str
    levels: tuple[str, ...]
    size: NDArray[np.int64]
    names: tuple[str, ...]
    no_pooling: Floats
    partial_pooling: Floats
    complete_pooling: Floats
    covariance: Floats
    criterion: str

    def __repr__(self) -> str:
        return (
            f"<ShrinkageTable ({self.criterion}) of {_few(self.names)} for the {len(self.levels)} "
            f"levels of {self.group}>"
        )

"""Standard deviations, variances and logarithms: limits from one scale to another.

Only standard deviations, sigma among them, have a choice of scale; correlations and coefficients
stay on their own. What has no counterpart on the other scale, such as a negative limit on a
variance, goes to the nearest value that has one, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter

SCALES = {"sd": "standard deviation", "variance": "variance", "log": "log standard deviation"}
SMALLEST = {"sd": 0.0, "variance": 0.0, "log": -np.inf}  # what a standard deviation of zero is


@dataclass(frozen=True)
class Limits:
    """Limits of some parameters, and what there is to say about them.

    Attributes
    ----------
    lower, upper : (r,) arrays
    notes : tuple of r tuples of str
        Why a limit is at a boundary, infinite or impossible.
    """

    lower: Array
    upper: Array
    notes: tuple[tuple[str, ...], ...] = field(repr=False)


def check_scale(given: object, argument: str) -> str:
    """Return the name of a scale.

    Raises
    ------
    ModelError
        For anything else.
    """
    if not isinstance(given, str) or given not in SCALES:
        names = ", ".join(repr(name) for name in SCALES)
        raise ModelError(f"{argument} is {brief(given)}; choose from {names}.")
    return given


def scalable(parameters: Iterable[Parameter]) -> np.ndarray:
    """Which parameters are standard deviations, (r,)."""
    return np.array([p.kind in ("sd", "sigma") for p in parameters], dtype=bool)


def from_sd(values: Array, scale: str) -> Array:
    """Standard deviations on a scale; the logarithm of zero is minus infinity."""
    with np.errstate(divide="ignore", over="ignore"):
        if scale == "variance":
            return values**2
        return np.asarray(np.log(values)) if scale == "log" else values


def slope_from_sd(values: Array, scale: str) -> Array:
    """Derivative of ``from_sd`` at positive standard deviations."""
    if scale == "variance":
        return 2.0 * values
    return 1.0 / values if scale == "log" else np.ones_like(values)


def to_sd(values: Array, scale: str) -> Array:
    """The standard deviations that values on a scale stand for; NaN where there is none."""
    if scale == "log":
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(values))
    return np.where(values < 0.0, np.nan, values if scale == "sd" else np.sqrt(np.abs(values)))


def rescaled(limits: Limits, parameters: Sequence[Parameter], scale: str, report: str) -> Limits:
    """Limits found on one scale, in the units of another.

    Parameters
    ----------
    limits : Limits
    parameters : sequence of r Parameter
    scale, report : {"sd", "variance", "log"}
        From which scale and to which.
    """
    which = scalable(parameters)
    if scale == report or not which.any():
        return limits
    ends, notes = [], [list(n) for n in limits.notes]
    for end, side in ((limits.lower, "lower"), (limits.upper, "upper")):
        sd = to_sd(end[which], scale)
        moved = end.copy()
        moved[which] = from_sd(np.nan_to_num(sd, nan=0.0, posinf=np.inf), report)
        for row, value in zip(np.flatnonzero(which), sd, strict=True):
            reason = _lost(float(end[row]), float(value), float(moved[row]), scale)
            if reason:
                notes[row].append(
                    f"the {side} limit on the {SCALES[scale]} is {end[row]:.4g}, {reason}: "
                    f"shown as {moved[row]:g}"
                )
        ends.append(moved)
    return Limits(ends[0], ends[1], tuple(tuple(n) for n in notes))


def _lost(value: float, sd: float, moved: float, scale: str) -> str:
    """Why a value on a scale has no counterpart on another; empty where it has one."""
    if np.isnan(sd):
        return "which is impossible"
    overflows = moved == np.inf or (scale == "log" and sd == 0.0)
    return "beyond the range of numbers" if np.isfinite(value) and overflows else ""


def with_impossible(limits: Limits, parameters: Sequence[Parameter], scale: str) -> Limits:
    """Say of every limit outside the possible range that it is."""
    notes = []
    for p, low, high, known in zip(
        parameters, limits.lower, limits.upper, limits.notes, strict=True
    ):
        smallest, largest = p.allowed
        if p.kind in ("sd", "sigma"):
            smallest = SMALLEST[scale]
        said = list(known)
        if low < smallest:
            said.append(f"the lower limit is below {smallest:g}, which is impossible")
        if p.kind in ("sd", "sigma") and high < smallest:
            said.append(f"the upper limit is below {smallest:g}, which is impossible")
        if high > largest:
            said.append(f"the upper limit is above {largest:g}, which is impossible")
        notes.append(tuple(said))
    return Limits(limits.lower, limits.upper, tuple(notes))

"""Numbers as pictures print them: as many digits as matter, a real minus sign, round ticks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_LARGE = 1e6
_SMALL = 1e-5


def number(value: float, resolution: float, most: int = 12) -> str:
    """Format a number so that differences of about ``resolution`` can be read.

    Parameters
    ----------
    value : float
        The number; infinities print as ∞, ``nan`` as a dash.
    resolution : float
        The smallest difference that should show.
    most : int
        At most so many significant digits are printed.

    Returns
    -------
    str
        Such as ``"−0.25"``, ``"1.204e9"`` or ``"∞"``.
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if not (math.isfinite(resolution) and resolution > 0):
        resolution = abs(value) / 1e4 or 1.0
    power = math.floor(math.log10(resolution) + 1e-9)
    rounded = round(value / 10.0**power) * 10.0**power
    if rounded == 0:
        return "0"
    leading = math.floor(math.log10(abs(rounded)))
    if abs(rounded) >= _LARGE or resolution < _SMALL:
        digits = min(max(leading - power, 0), most - 1)
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{max(min(-power, most - 1 - leading), 0)}f}"
    return text.replace("-", "−")


def significant(value: float, digits: int = 4) -> str:
    """Format a number with so many significant digits, such as ``"0.3841"`` or ``"251.4"``."""
    if not math.isfinite(value) or value == 0:
        return number(value, 1.0)
    return number(value, 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1))


def resolution(*values: float) -> float:
    """Return a 200th of the spread of the finite ones of these numbers, or of their size."""
    finite = [v for v in values if math.isfinite(v)]
    spread = max(finite) - min(finite) if finite else 0.0
    size = max((abs(v) for v in finite), default=0.0)
    if spread <= size * 1e-12:
        spread = size
    return spread / 200 if spread > 0 else 1e-3


def ticks(lower: float, upper: float, least: float) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Choose round numbers between two limits, at least so far apart.

    Parameters
    ----------
    lower, upper : float
        Finite limits, ``lower < upper``.
    least : float
        The smallest step; the step is the next of 1, 2 or 5 times a power of ten.

    Returns
    -------
    values : ndarray, shape (t,)
        Possibly empty.
    labels : tuple of t str
        All with the same number of decimals.
    """
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= least * (1 - 1e-9))
    first, last = math.ceil(lower / step - 1e-9), math.floor(upper / step + 1e-9)
    values = np.arange(first, last + 1, dtype=np.float64) * np.float64(step)
    return values, tuple(number(float(v), step) for v in values)

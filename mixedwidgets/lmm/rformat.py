"""Numbers as R writes them: common formatting of a vector, rounding, and ``zapsmall``.

The rules are those R documents for ``format``, ``print.default``, ``round``, ``signif`` and
``zapsmall`` (R 4): the fewest significant digits, at most ``digits``, that show every element to
that accuracy; one number of decimals and one width for the whole vector; scientific notation only
where fixed notation would be wider.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How one vector of numbers is written.

    Attributes
    ----------
    width : int
        Characters an element takes, blanks on the left included.
    decimals : int
        Digits after the point (of the mantissa in scientific notation).
    scientific : bool
        Whether powers of ten are written.
    """

    width: int
    decimals: int
    scientific: bool


def _significant(value: float, digits: int) -> tuple[int, int, bool]:
    """Return the decimal exponent, the significant digits needed, and whether rounding widens.

    Rounding widens where ``digits`` digits reach the next power of ten but fixed notation, with
    its own number of decimals, does not.
    """
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    power = int(exponent)
    needed = len(mantissa.replace(".", "").rstrip("0"))
    margin = 0.5 / 10.0 ** min(max(digits - power, 0), 22)
    widens = 0 < power <= 22 and abs(value) < 10.0**power - margin
    return power, max(needed, 1), widens


def layout(values: ArrayLike, digits: int = 7, nsmall: int = 0) -> Layout:
    """Find R's common layout of a vector of numbers.

    Parameters
    ----------
    values : array_like of float
        Any shape; all elements share one layout. NaN and infinities only claim width.
    digits : int, default 7
        Largest number of significant digits, 1 to 15.
    nsmall : int, default 0
        Smallest number of decimals in fixed notation.

    Returns
    -------
    Layout
    """
    numbers = [float(v) for v in np.asarray(values, dtype=float).ravel()]
    finite = [v for v in numbers if math.isfinite(v)]
    special = max((len(_special(v)) for v in numbers if not math.isfinite(v)), default=0)
    if not finite:
        return Layout(special, 0, False)
    left = right = most_needed = 1
    right = 0
    negative = 0
    low, high = math.inf, -math.inf
    for value in finite:
        power, needed, widens = (0, 1, False) if value == 0 else _significant(value, digits)
        sign = int(value < 0)
        whole = power + 1 - int(widens)
        left = max(left, sign + max(whole, 1))
        right = max(right, needed - power - 1)
        most_needed = max(most_needed, needed)
        negative = max(negative, sign)
        low, high = min(low, power), max(high, power)
    exponent_digits = 3 if high >= 100 or low <= -100 else 2
    mantissa = most_needed - 1
    scientific_width = negative + 1 + int(mantissa > 0) + mantissa + 2 + exponent_digits
    fixed_width = left + right + int(right > 0)
    if fixed_width > scientific_width:
        return Layout(max(scientific_width, special), mantissa, True)
    decimals = max(right, nsmall)
    return Layout(max(left + decimals + int(decimals > 0), special), decimals, False)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Inf" if value > 0 else "-Inf"


def write(value: float, how: Layout) -> str:
    """Write one number in a given layout, blanks on the left.

    Parameters
    ----------
    value : float
    how : Layout

    Returns
    -------
    str
    """
    if not math.isfinite(value):
        text = _special(value)
    elif how.scientific:
        text = f"{value + 0.0:.{how.decimals}e}"
    else:
        text = f"{value + 0.0:.{how.decimals}f}"
    return text.rjust(how.width)


def format_numbers(values: ArrayLike, digits: int = 7, nsmall: int = 0) -> list[str]:
    """Write numbers as R's ``format(x, digits, nsmall)``: one layout, equal widths.

    Parameters
    ----------
    values : array_like of float
        Read in row-major order.
    digits : int, default 7
    nsmall : int, default 0

    Returns
    -------
    list of str
    """
    array = np.asarray(values, dtype=float).ravel()
    how = layout(array, digits, nsmall)
    return [write(float(v), how) for v in array]


def format_number(value: float, digits: int = 7) -> str:
    """Write one number as R's ``cat`` or ``print`` does.

    Parameters
    ----------
    value : float
    digits : int, default 7

    Returns
    -------
    str
    """
    return format_numbers([value], digits)[0]


def round_half_even(values: ArrayLike, digits: int) -> FloatArray:
    """Round to decimals as R 4's ``round(x, digits)``.

    Of the two neighbours with ``digits`` decimals the nearer one in double arithmetic is taken,
    the even one on a tie.

    Parameters
    ----------
    values : array_like of float
        Any shape.
    digits : int
        Decimals, zero or more.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    array = np.asarray(values, dtype=float)
    flat = [_round_one(float(v), digits) for v in array.ravel()]
    return np.array(flat, dtype=float).reshape(array.shape)


def _round_one(value: float, digits: int) -> float:
    if not math.isfinite(value) or value == 0:
        return value
    magnitude = (math.frexp(value)[1] - 0.5) * math.log10(2.0)
    if digits > 308 or digits + magnitude > 15:
        return value
    if digits == 0:
        return float(round(value))
    # Powers of ten are exact in double arithmetic up to 22.
    scale = 10.0**digits if digits <= 22 else Fraction(10) ** digits
    size = abs(value) if digits <= 22 else Fraction(abs(value))
    whole = math.floor(size * scale)
    below, above = float(whole / scale), float(math.ceil(size * scale) / scale)
    down, up = abs(value) - below, above - abs(value)
    nearest = below if down < up or (down == up and whole % 2 == 0) else above
    return math.copysign(nearest, value)


def zap_small(values: ArrayLike, digits: int = 7) -> FloatArray:
    """Round so that the largest element keeps ``digits`` digits, as R's ``zapsmall``.

    Parameters
    ----------
    values : array_like of float
    digits : int, default 7

    Returns
    -------
    ndarray
        Of the same shape.
    """
    array = np.asarray(values, dtype=float)
    known = np.abs(array[~np.isnan(array)])
    largest = float(known.max()) if known.size else 0.0
    if not math.isfinite(largest):
        return array
    decimals = max(0, math.floor(digits - math.log10(largest) + 0.5)) if largest > 0 else digits
    return round_half_even(array, decimals)


def order_of_magnitude(values: Iterable[float]) -> tuple[int, int] | None:
    """Return the decimal exponents of the smallest and largest finite nonzero magnitudes.

    Parameters
    ----------
    values : iterable of float

    Returns
    -------
    (int, int) or None
        None where no element is finite and nonzero.
    """
    sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
    if not sizes:
        return None
    return math.floor(math.log10(min(sizes))), math.floor(math.log10(max(sizes)))

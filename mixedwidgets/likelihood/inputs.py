"""What students give, turned into numbers or refused in one sentence."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, ModelError, brief, listed

Array = NDArray[np.float64]


def numbers(values: Any, name: str) -> Array:
    """Return a list of finite numbers as an array.

    Parameters
    ----------
    values : (n,) array_like
        At least one number; numbers written as text are not numbers.
    name : str
        How messages call it.

    Returns
    -------
    (n,) array of float

    Raises
    ------
    DataError
        Anything else.
    """
    given = np.asarray(values)
    if given.dtype == object and any(isinstance(v, str) for v in given.ravel()):
        given = given.astype(str)
    if given.dtype.kind not in "biufO":
        raise DataError(f"{name} holds something that is not a number; give one number each.")
    try:
        array = given.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name} holds a missing value or something that is not a number; drop what is "
            "missing and give one number each."
        ) from None
    if array.ndim != 1:
        raise DataError(f"{name} has shape {array.shape}; give one list of numbers.")
    if len(array) == 0:
        raise DataError(f"{name} is empty; give at least one number.")
    unfit = int(np.count_nonzero(~np.isfinite(array)))
    if unfit:
        raise DataError(
            f"{name} has {unfit} missing or infinite value{'s' * (unfit > 1)} among "
            f"{len(array)}; drop them first."
        )
    return array


def parameter(value: Any, name: str) -> Array:
    """Return one parameter, or an array of values of it, as an array.

    Raises
    ------
    ModelError
        Text, or nothing that is a number.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError(
            f"{name} must be a number or an array of numbers, not {brief(value)}."
        ) from None
    if np.isnan(array).any():
        raise ModelError(f"{name} has a missing value (NaN); give numbers.")
    return array


def variance(value: Any, name: str, zero: bool = False) -> Array:
    """Return a variance, or an array of them.

    Parameters
    ----------
    value : float or array_like
    name : str
        How messages call it.
    zero : bool, default False
        Whether zero is allowed.

    Raises
    ------
    ModelError
        A negative or infinite value, or zero where it is not allowed.
    """
    array = parameter(value, name)
    wrong = ~np.isfinite(array) | (array < 0.0 if zero else array <= 0.0)
    if wrong.any():
        allowed = "at least 0" if zero else "above 0"
        raise ModelError(
            f"{name} is a variance and must be finite and {allowed}, which {array[wrong][0]:g} "
            "is not."
        )
    return array


def proportion(value: Any, name: str = "theta") -> Array:
    """Return a probability, or an array of them.

    Raises
    ------
    ModelError
        A value outside the interval from 0 to 1.
    """
    array = parameter(value, name)
    wrong = (array < 0.0) | (array > 1.0)
    if wrong.any():
        raise ModelError(
            f"{name} is a probability and must lie between 0 and 1, which {array[wrong][0]:g} "
            "does not."
        )
    return array


def counts(k: Any, n: Any) -> tuple[int, int]:
    """Return a number of successes and a number of trials.

    Raises
    ------
    DataError
        Not whole numbers, no trial, or successes below 0 or above the number of trials.
    """
    k, n = _whole(k, "k"), _whole(n, "n")
    if n < 1:
        raise DataError(f"n is the number of observations and must be at least 1, not {n}.")
    if not 0 <= k <= n:
        raise DataError(
            f"k is the number of ones among n = {n} observations and must lie between 0 and {n}, "
            f"not {k}."
        )
    return k, n


def _whole(value: Any, name: str) -> int:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise DataError(f"{name} must be a whole number, not {brief(value)}.") from None


def confidence(level: Any) -> float:
    """Return a confidence level.

    Raises
    ------
    ModelError
        Not a number strictly between 0 and 1.
    """
    if not isinstance(level, (int, float, np.number)) or not 0.0 < level < 1.0:
        raise ModelError(
            f"level must lie between 0 and 1, such as 0.95 for 95 %, not {brief(level)}."
        )
    return float(level)


def together(**values: Array) -> list[Array]:
    """Return arrays by name, broadcast to one shape.

    Raises
    ------
    ModelError
        Their shapes do not go together.
    """
    try:
        return list(np.broadcast_arrays(*values.values()))
    except ValueError:
        shapes = listed([f"{name} {array.shape}" for name, array in values.items()])
        raise ModelError(
            f"{listed(list(values))} have shapes that do not go together ({shapes}); give numbers "
            "or arrays of one shape."
        ) from None


def plain(value: Any) -> Any:
    """Return an array without axes as a float, any other array as it is."""
    return float(value) if np.ndim(value) == 0 else value

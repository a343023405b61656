"""Arguments that hold one value a row: weights, offset and subset."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, brief
from mixedwidgets.lmm import checks
from mixedwidgets.lmm.columns import Factor, Numeric, Table, Variable, read_column
from mixedwidgets.lmm.linalg import Array


def numbers_by_row(values: Any, role: str, table: Table) -> Array:
    """Read weights or an offset.

    Parameters
    ----------
    values : str, Series or array
        A column name, a Series with the index of the data, or one number a row (a single number
        stands for every row).
    role : str
        ``"weights"`` or ``"offset"``, for messages.
    table : Table

    Returns
    -------
    (n,) array
        Missing values are NaN.

    Raises
    ------
    DataError
        For text, infinities, a wrong length or another index.
    """
    variable = _by_row(values, role, table)
    if not isinstance(variable, Numeric):
        raise DataError(f"{role} must be numbers, not text or categories")
    found = variable.values
    if np.isinf(found).any():
        place = table.index[int(np.argmax(np.isinf(found)))]
        raise DataError(f"{role} must be finite; row {place!r} holds an infinity")
    if (np.abs(found) > checks.LARGEST).any():
        raise DataError(
            f"{role} holds numbers beyond {checks.LARGEST:g}, whose squares are too large for a "
            "computer; rescale the variables"
        )
    return np.array(found, dtype=np.float64)


def chosen_rows(values: Any, table: Table) -> NDArray[np.bool_]:
    """Read a subset: True for each row to keep, where missing counts as False.

    Raises
    ------
    DataError
        For anything but one True or False a row.
    """
    variable = _by_row(values, "subset", table)
    if not isinstance(variable, Factor) or not variable.logical:
        raise DataError(
            "subset must hold True or False for each row, such as data['age'] > 10, "
            "or be the name of such a column"
        )
    is_true = np.array([*(bool(level) for level in variable.levels), False])
    keep: NDArray[np.bool_] = is_true[variable.codes]
    if not keep.any():
        raise DataError("subset leaves no rows")
    return keep


def checked_weights(weights: Array, index: pd.Index) -> Array:
    """Return prior weights of the rows used, all of them positive.

    Raises
    ------
    DataError
        For weights that are zero or negative.
    """
    bad = ~(weights > 0)
    if bad.any():
        place = int(np.argmax(bad))
        what = "be zero" if weights[place] == 0 else "be negative"
        advice = (
            "a row of weight zero makes the likelihood zero; leave such rows out with subset"
            if weights[place] == 0
            else "a weight w says that the variance of the row is sigma^2 / w"
        )
        raise DataError(
            f"weights cannot {what} (row {brief(index[place])}, {int(bad.sum())} in all); {advice}"
        )
    return weights


def _by_row(values: Any, role: str, table: Table) -> Variable:
    if isinstance(values, str):
        return table.column(values)
    if isinstance(values, pd.Series):
        values = _aligned(values, role, table)
    elif isinstance(values, numbers.Number | np.generic):
        values = np.full(table.n_rows, values)
    if np.ndim(values) != 1 or isinstance(values, Mapping):
        raise DataError(
            f"{role} must be the name of a column, a Series, or an array with one value a row, "
            f"not a value of type {type(values).__name__}"
            + (f" with {np.ndim(values)} dimensions" if np.ndim(values) > 1 else "")
        )
    if len(values) != table.n_rows:
        raise DataError(
            f"{role} has {len(values)} values, but the data has {table.n_rows} rows; "
            "give one value a row, also for rows that will be left out"
        )
    return read_column(values, role, role)


def _aligned(values: pd.Series, role: str, table: Table) -> pd.Series:
    if values.index is table.index or values.index.equals(table.index):
        return values
    if values.index.is_unique and table.index.isin(values.index).all():
        return values.reindex(table.index)
    raise DataError(
        f"{role} is a Series whose index is not that of the data; "
        "take it from the same DataFrame, or pass its values with .to_numpy()"
    )

"""Another response for the rows of a fit, as the user gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError, brief
from mixedwidgets.lmm import checks
from mixedwidgets.lmm.columns import Numeric, read_column
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array

_PIECEWISE = "refit one column at a time, [fit.refit(table[name]) for name in table]"


def new_response(given: Any, design: Design) -> Array:
    """Read a response for the rows that a model was fitted to.

    Parameters
    ----------
    given : Series or array
        A Series with the labels of these rows, in any order; or one value for each of them, or for
        each row of the data, those left out included. On the scale of the formula's response.
    design : Design

    Returns
    -------
    (n,) array

    Raises
    ------
    DataError
        For text, a wrong length, labels that are not those of the rows, or values that are missing
        or infinite in a row that is used.
    ModelError
        For a response without variation.
    """
    if isinstance(given, pd.DataFrame):
        if given.shape[1] != 1:
            raise DataError(f"the response is a table of {given.shape[1]} columns; {_PIECEWISE}")
        given = given.iloc[:, 0]
    if isinstance(given, pd.Series):
        given = _by_label(given, design)
    if np.ndim(given) != 1:
        found = (
            f"one of {np.ndim(given)} dimensions; {_PIECEWISE}" if np.ndim(given) else brief(given)
        )
        raise DataError(
            f"the response must be a Series or an array with one value a row, not {found}"
        )
    variable = read_column(given, "the new response", "the new response")
    if not isinstance(variable, Numeric):
        raise DataError("the response must be numbers, not text or categories")
    values = _on_rows_used(variable.values, design)
    elsewhere = "fit the rows where it is there with lmer or update(data=...)"
    for bad, what, advice in (
        (np.isnan(values), "missing", elsewhere),
        (np.isinf(values), "infinite", "give finite numbers"),
    ):
        if bad.any():
            first = brief(design.index[int(np.argmax(bad))])
            raise DataError(
                f"the new response is {what} in {int(bad.sum())} of the {len(values)} rows that "
                f"the fit uses, first in row {first}; {advice}"
            )
    checks.refuse_constant_response(values, design.spec.response)
    return values


def _by_label(given: pd.Series, design: Design) -> Any:
    """A Series in the order of the rows used, or as it is where it covers the data in order."""
    index = design.index
    if given.index is index or given.index.equals(index):
        return given
    if given.index.is_unique and index.isin(given.index).all():
        return given.reindex(index)
    if design.rows is not None and len(given) == len(design.rows):
        used = given[design.rows]
        if used.index.equals(index):
            return used
    raise DataError(
        "the response is a Series whose labels are not those of the rows that the fit uses; "
        "give it the index of fit.fitted(), or pass its values with .to_numpy()"
    )


def _on_rows_used(values: Array, design: Design) -> Array:
    n = len(design.index)
    if len(values) == n:
        return np.array(values)
    if design.rows is not None and len(values) == len(design.rows):
        return values[design.rows]
    every = "" if design.rows is None else f", or {len(design.rows)} for the rows of the data"
    raise DataError(
        f"the new response has {len(values)} values; give {n}, one for each row that the fit uses"
        f"{every}"
    )

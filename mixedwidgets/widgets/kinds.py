"""What the values of a column are: numbers, categories, dates or something else."""

from __future__ import annotations

import pandas as pd


def kind_of(series: pd.Series) -> str:
    """Tell what a column can be to a model.

    Parameters
    ----------
    series : Series

    Returns
    -------
    str
        ``"number"``, ``"category"`` (text, categories, true/false) or ``"other"``.
    """
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_numeric_dtype(dtype):
        return "other" if pd.api.types.is_complex_dtype(dtype) else "number"
    if pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype):
        inferred = pd.api.types.infer_dtype(series, skipna=True)
        if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
            return "number" if _have_floats(series) else "other"
        return "category" if inferred in ("string", "boolean") else "other"
    return "other"


def is_ordered(series: pd.Series) -> bool:
    """Whether a column holds categories with an order."""
    return isinstance(series.dtype, pd.CategoricalDtype) and bool(series.dtype.ordered)


def _have_floats(series: pd.Series) -> bool:
    try:
        series.to_numpy(dtype=float, na_value=float("nan"))
    except OverflowError:  # whole numbers beyond the largest float
        return False
    return True

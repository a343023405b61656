"""Data that are not a pandas DataFrame: other data frames, records, and Series in a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError


def as_pandas(data: Any) -> Any:
    """Turn other data frames into pandas ones; leave everything else alone.

    Polars, PyArrow and whatever else has a method ``to_pandas`` are asked for it. Where that
    method lacks a package (Polars without PyArrow), the columns are taken one by one as arrays.
    NumPy's structured arrays become one column a field.

    Parameters
    ----------
    data : any
        What the user gave as data.

    Returns
    -------
    DataFrame, mapping of str to array, or the argument itself
    """
    if isinstance(data, pd.DataFrame | Mapping):
        return data
    if isinstance(data, np.ndarray) and data.dtype.names and data.ndim == 1:
        return pd.DataFrame({name: data[name] for name in data.dtype.names})
    convert = getattr(data, "to_pandas", None)
    if not callable(convert):
        return data
    try:
        converted = convert()
    except ImportError:
        names = getattr(data, "columns", ())
        return {str(name): data[name].to_numpy() for name in names}
    return converted if isinstance(converted, pd.DataFrame) else data


def shared_index(columns: Mapping[Any, Any], n_rows: int) -> pd.Index:
    """The row labels of a mapping of columns.

    Raises
    ------
    DataError
        Where two Series have different labels: which rows belong together would be a guess.
    """
    series = {name: c for name, c in columns.items() if isinstance(c, pd.Series)}
    if not series:
        return pd.RangeIndex(n_rows)
    first, *others = series
    index = series[first].index
    for name in others:
        if series[name].index is not index and not series[name].index.equals(index):
            raise DataError(
                f"the Series {first!r} and {name!r} of the data label their rows differently; "
                "put them into one DataFrame, or pass their values with .to_numpy()"
            )
    return index

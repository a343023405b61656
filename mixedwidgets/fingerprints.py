"""A fingerprint of data: the same for the same values, whatever pandas keeps them in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from mixedwidgets.errors import DataError, brief

EXACT = 2.0**53  # beyond, two whole numbers may be one floating-point number


def fingerprint(df: pd.DataFrame) -> str:
    """Return 64 hexadecimal digits that differ when the data do.

    They depend on the names of the columns, their order, and in each row the value; for
    categories on all levels, their order and whether they are ordered. They do not depend on the
    row labels, nor on how pandas or another version of it stores the same values: whole numbers
    as ``int64``, ``Int64`` or ``float64``, text as ``object``, ``str`` or ``string``, times in
    nanoseconds or microseconds, missing values as NaN, None or NA.

    Parameters
    ----------
    df : DataFrame

    Returns
    -------
    str
        SHA-256 of the columns one after the other: numbers as little-endian doubles (with -0 as
        0), text as UTF-8 with its length, times as seconds and nanoseconds.

    Raises
    ------
    DataError
        Something else than a DataFrame.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> mw.fingerprint(mw.load("dyestuff"))[:12]
    'a9eb7f781cee'
    """
    if not isinstance(df, pd.DataFrame):
        raise DataError(f"A fingerprint is of a DataFrame, not {brief(df)}; give one.")
    digest = hashlib.sha256(b"mixedwidgets 1")
    add = digest.update
    _add_numbers(add, np.array(df.shape, dtype=np.float64))
    for place, name in enumerate(df.columns):
        _add_text(add, [str(name)])
        _add_column(add, df.iloc[:, place])
    return digest.hexdigest()


Add = Callable[[bytes], object]


def _add_column(add: Add, column: pd.Series) -> None:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        add(b"ordered" if kind.ordered else b"categories")
        _add_column(add, pd.Series(kind.categories))
        _add_codes(add, column.cat.codes.to_numpy())
    elif isinstance(kind, pd.IntervalDtype):
        add(f"intervals {kind.closed}".encode())
        for side in ("left", "right"):
            _add_column(add, pd.Series(getattr(column.array, side)))
    elif types.is_bool_dtype(kind):
        add(b"logical")
        _add_numbers(add, column.to_numpy(dtype=np.float64, na_value=np.nan))
    elif types.is_complex_dtype(kind):
        add(b"complex")
        values = column.to_numpy()
        _add_numbers(add, values.real)
        _add_numbers(add, values.imag)
    elif types.is_numeric_dtype(kind):
        _add_numeric(add, column)
    elif isinstance(kind, pd.DatetimeTZDtype):
        add(b"instants")
        _add_times(add, column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    elif types.is_datetime64_dtype(kind) or types.is_timedelta64_dtype(kind):
        add(b"times" if types.is_datetime64_dtype(kind) else b"durations")
        _add_times(add, column.to_numpy())
    else:
        _add_objects(add, column)


def _add_numeric(add: Add, column: pd.Series) -> None:
    add(b"numbers")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    _add_numbers(add, values)
    if types.is_integer_dtype(column.dtype):
        large = np.abs(values) >= EXACT
        if large.any():
            add(b"exactly")
            _add_text(add, (str(int(value)) for value in column[large]))


def _add_objects(add: Add, column: pd.Series) -> None:
    """Text, or whatever else: each value as text with its type, where it is not text."""
    values = column.astype(object).where(column.notna(), None).to_numpy()
    kind = types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        add(b"logical")
        _add_numbers(add, values.astype(np.float64))
        return
    add(b"text")
    if kind not in ("string", "empty"):
        values = np.array([_as_text(value) for value in values], dtype=object)
    codes, levels = pd.factorize(values)
    _add_text(add, levels)
    _add_codes(add, codes)


def _as_text(value: object) -> str | None:
    return None if value is None else f"{type(value).__name__}\0{value}"


def _add_numbers(add: Add, values: NDArray[np.float64]) -> None:
    canonical = np.where(np.isnan(values), np.nan, values + 0.0)
    add(canonical.astype("<f8").tobytes())


def _add_codes(add: Add, codes: NDArray[np.integer]) -> None:
    add(codes.astype("<i8").tobytes())


def _add_times(add: Add, values: NDArray[np.generic]) -> None:
    """Whole seconds and the nanoseconds beyond, so that the unit of the column is no matter."""
    unit = values.dtype.kind
    seconds = values.astype(f"{unit}8[s]")
    rest = (values - seconds).astype("m8[ns]")
    for part in (seconds, rest):
        add(part.astype(np.int64).astype("<i8").tobytes())


def _add_text(add: Add, values: Iterable[str]) -> None:
    for value in values:
        data = value.encode("utf-8", "surrogatepass")
        add(len(data).to_bytes(8, "little"))
        add(data)
    add(b"\xff" * 8)

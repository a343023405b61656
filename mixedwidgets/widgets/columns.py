"""What each column of a data frame is, as far as the roles it can play depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        ``"number"``, ``"category"`` (text, categories, true/false) or ``"other"``.
    whole : bool
        Whether a number column holds whole numbers only.
    levels : int
        Number of distinct values, missing ones not counted.
    present : int
        Number of rows that are not missing.
    infinite : int
        Number of infinite values.
    """

    name: str
    kind: str
    whole: bool
    levels: int
    present: int
    infinite: int


class Columns:
    """The columns of a data frame, read once; how each varies within groups, when asked.

    Parameters
    ----------
    data : DataFrame
        With text column names.

    Raises
    ------
    DataError
        Not a data frame, no rows, no columns, or column names that are repeated or not text.
    """

    def __init__(self, data: pd.DataFrame):
        _check(data)
        self._data = data
        self._codes: dict[str, np.ndarray] = {}
        self._varies: dict[tuple[str, str], bool] = {}
        self._all = {str(name): self._read(str(name)) for name in data.columns}
        self.nrows = len(data)

    def __iter__(self) -> Iterator[Column]:
        return iter(self._all.values())

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> Column:
        return self._all[name]

    @property
    def names(self) -> tuple[str, ...]:
        """All column names in order."""
        return tuple(self._all)

    def varies_within(self, name: str, group: str) -> bool:
        """Whether a column takes more than one value within some level of another."""
        key = (name, group)
        if key not in self._varies:
            pairs = self._code(group).astype(np.int64) * (self._all[name].levels + 1)
            both = (self._code(group) >= 0) & (self._code(name) >= 0)
            distinct = len(np.unique((pairs + self._code(name))[both]))
            self._varies[key] = distinct > len(np.unique(self._code(group)[both]))
        return self._varies[key]

    def _code(self, name: str) -> np.ndarray:
        if name not in self._codes:
            self._codes[name] = pd.factorize(self._data[name])[0]
        return self._codes[name]

    def _read(self, name: str) -> Column:
        series = self._data[name]
        kind = _kind(series)
        whole, infinite = False, 0
        if kind == "number":
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            finite = values[np.isfinite(values)]
            whole = bool(np.all(finite == np.round(finite)))
            infinite = int(np.isinf(values).sum())
        try:
            levels = int(self._code(name).max(initial=-1)) + 1
        except TypeError:  # unhashable objects such as lists
            kind, levels = "other", 0
        return Column(name, kind, whole, levels, int(series.notna().sum()), infinite)


def _kind(series: pd.Series) -> str:
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


def _have_floats(series: pd.Series) -> bool:
    try:
        series.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:  # whole numbers beyond the largest float
        return False
    return True


def _check(data: object) -> None:
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            f"The data are a {type(data).__name__}; give a pandas DataFrame with one row for each "
            "observation."
        )
    if len(data) == 0:
        raise DataError("The data frame has no rows; give one row for each observation.")
    if data.shape[1] == 0:
        raise DataError("The data frame has no columns; give one for each variable.")
    names = [str(name) for name in data.columns]
    strange = [name for name in data.columns if not isinstance(name, str)]
    if strange:
        raise DataError(
            f"The column name {strange[0]!r} is not text; rename the columns, for example with "
            "data.columns = data.columns.map(str)."
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"The column name {repeated[0]!r} occurs more than once; give every column its own "
            "name."
        )

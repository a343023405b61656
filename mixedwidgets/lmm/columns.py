"""Columns of the data as the model sees them: numbers or factors, whatever their dtype."""

from __future__ import annotations

import decimal
import math
import numbers
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, brief, listed, nearest
from mixedwidgets.lmm.foreign import as_pandas, shared_index
from mixedwidgets.lmm.linalg import Array

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Numeric:
    """A numeric variable; missing values are NaN.

    Attributes
    ----------
    values : (n,) or (n, k) array
    labels : tuple of str
        What follows the variable's name in the name of each column: ``""`` for a plain one.
    """

    values: Array
    labels: tuple[str, ...] = ("",)

    @cached_property
    def square(self) -> float:
        """Sum of the squares of all values: not finite where one is missing or infinite."""
        with np.errstate(all="ignore"):
            return float(np.vdot(self.values, self.values))

    def complete(self) -> bool:
        """Return whether no row is missing, at a glance: False where it may be."""
        return math.isfinite(self.square)

    def missing(self) -> NDArray[np.bool_]:
        """Return which rows are missing."""
        missing = np.isnan(self.values)
        return missing if missing.ndim == 1 else np.any(missing, axis=1)

    def take(self, rows: NDArray[np.bool_]) -> Numeric:
        """Return the variable on some rows."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class Factor:
    """A categorical variable.

    Attributes
    ----------
    codes : (n,) array of int
        Level of each row, -1 where missing.
    levels : Index
        The labels in order.
    ordered : bool
        Whether the order means something (then it is coded by polynomials).
    logical : bool
        Whether it came from True and False, which also count as 1 and 0.
    contrast : coding.Contrast or None
        The coding chosen in the formula by ``C()``.
    """

    codes: Codes
    levels: pd.Index
    ordered: bool = False
    logical: bool = False
    contrast: object = None

    def complete(self) -> bool:
        """Return whether no row is missing."""
        return len(self.codes) == 0 or bool(self.codes.min() >= 0)

    def missing(self) -> NDArray[np.bool_]:
        """Return which rows are missing."""
        return self.codes < 0

    def take(self, rows: NDArray[np.bool_]) -> Factor:
        """Return the variable on some rows."""
        return replace(self, codes=self.codes[rows])

    def labels(self) -> tuple[str, ...]:
        """Return the levels as text, as R writes them."""
        return tuple(level_text(level) for level in self.levels)

    def drop_unused(self) -> Factor:
        """Return the factor without the levels that do not occur."""
        if _every_level_in_turn(self.codes, len(self.levels)):
            return self
        known = self.codes
        if len(known) and known.min() < 0:
            known = known[known >= 0]
        counts = np.bincount(known, minlength=len(self.levels))
        used = np.flatnonzero(counts)
        if len(used) == len(self.levels):
            return self
        position = np.full(len(self.levels) + 1, -1, dtype=np.intp)
        position[used] = np.arange(len(used))
        return replace(self, codes=position[self.codes], levels=self.levels[used])

    def aligned(self, levels: pd.Index, name: str) -> Factor:
        """Return the factor with these levels.

        Raises
        ------
        DataError
            Where a row has a level that is not among them.
        """
        if self.levels.equals(levels):
            return self
        used = self.drop_unused()
        places = {level_text(level): i for i, level in enumerate(levels)}
        position = np.array([places.get(s, -1) for s in used.labels()] + [-1], dtype=np.intp)
        unknown = [s for s in used.labels() if s not in places]
        if unknown:
            raise DataError(
                f"{name} has levels that the fitted data do not have: "
                f"{', '.join(map(repr, unknown[:5]))}; known are {', '.join(map(repr, places))}"
            )
        return replace(self, codes=position[used.codes], levels=levels)


def _every_level_in_turn(codes: Codes, count: int) -> bool:
    """Whether the rows are sorted by level and every level occurs, at a glance."""
    if len(codes) < count or count == 0 or codes[0] != 0 or codes[-1] != count - 1:
        return False
    steps = codes[1:] - codes[:-1]
    return len(steps) == 0 or bool(steps.min() >= 0 and steps.max() <= 1)


Variable = Numeric | Factor


class Table:
    """Named columns of equal length, read on demand from a DataFrame or a mapping of arrays.

    Parameters
    ----------
    data : DataFrame or mapping of str to array

    Raises
    ------
    DataError
        If it is neither, has no rows, or its arrays differ in length.
    """

    def __init__(self, data: Any):
        data = as_pandas(data)
        if isinstance(data, pd.DataFrame):
            self.index = data.index
            self.n_rows = len(data)
            self._frame: Any = data
        elif isinstance(data, Mapping):
            self._frame = dict(data)
            self.n_rows = _common_length(self._frame)
            self.index = shared_index(self._frame, self.n_rows)
        else:
            raise DataError(
                "data must be a pandas DataFrame or a mapping of column names to arrays, "
                f"not a value of type {type(data).__name__}"
            )
        if self.n_rows == 0:
            raise DataError("the data has no rows")
        self.name = getattr(data, "attrs", {}).get("name")
        self._read: dict[str, Variable] = {}
        self._factors: dict[str, Factor] = {}

    def column(self, name: str) -> Variable:
        """Return a column by name.

        Raises
        ------
        DataError
            If there is none, or more than one, or it cannot be used in a model.
        """
        if name not in self._read:
            self._read[name] = read_column(self._raw(name), name)
        return self._read[name]

    @property
    def data(self) -> Any:
        """The DataFrame or dictionary that the columns are read from."""
        return self._frame

    @property
    def names(self) -> list[Any]:
        """The labels of the columns."""
        return list(self._frame)

    def factor(self, name: str) -> Factor:
        """Return a column as a factor; whole numbers of any size stay exact.

        Raises
        ------
        DataError
            As ``column``, or for infinities.
        """
        if name not in self._factors:
            self._factors[name] = self._read_factor(name)
        return self._factors[name]

    def _read_factor(self, name: str) -> Factor:
        raw = self._raw(name)
        dtype = getattr(raw, "dtype", None)
        if getattr(dtype, "kind", "O") in "iu" and np.ndim(raw) == 1:
            plain = isinstance(dtype, np.dtype)
            codes, levels = (
                _whole_numbers(raw.to_numpy() if isinstance(raw, pd.Series) else np.asarray(raw))
                if plain
                else pd.factorize(raw, sort=True)
            )
            return Factor(codes.astype(np.intp, copy=False), pd.Index(levels))
        column = self.column(name)
        if isinstance(column, Numeric) and np.isinf(column.values).any():
            raise DataError(f"column {name!r} holds infinite values and cannot group rows")
        return as_factor(column)

    def __contains__(self, name: str) -> bool:
        return name in self._frame or any(str(known) == name for known in self.names)

    def _raw(self, name: str) -> Any:
        key: Any = name
        if name not in self._frame:
            matches = [known for known in self.names if str(known) == name]
            if not matches:
                raise DataError(
                    f"the data has no column {name!r}{nearest(name, map(str, self.names))}; "
                    f"its columns are {listed([str(n) for n in self.names])}"
                )
            key = matches[0]
        column = self._frame[key]
        if isinstance(column, pd.DataFrame):
            raise DataError(
                f"the data has {column.shape[1]} columns named {name!r}; give each its own name"
            )
        return column


def read_column(column: Any, name: str, what: str | None = None) -> Variable:
    """Turn one column into numbers or a factor.

    Numbers (also nullable, decimal, or Python numbers in an object column) stay numbers; text,
    categories and True/False become factors. Text levels are sorted by ``alphabetical``.
    Errors speak of ``what``, the column of that name by default.

    Raises
    ------
    DataError
        For dates, complex numbers, and columns that mix text and numbers.
    """
    what = what or f"column {name!r}"
    if np.ndim(column) == 0:
        raise DataError(f"{what} is the single value {brief(column)}; give one value for each row")
    if np.ndim(column) != 1:
        raise DataError(f"{what} must have one dimension, not {np.ndim(column)}")
    series = column if isinstance(column, pd.Series) else None
    if series is None and isinstance(column, pd.Categorical | pd.api.extensions.ExtensionArray):
        series = pd.Series(column)
    dtype: Any = series.dtype if series is not None else (column := np.asarray(column)).dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        values = column if series is None else series.to_numpy()
        return Numeric(np.asarray(values, dtype=np.float64))
    series = series if series is not None else pd.Series(column)
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy().astype(np.intp)
        logical = list(dtype.categories) in ([False, True], [False], [True])
        return Factor(codes, dtype.categories, bool(dtype.ordered), logical)
    if isinstance(dtype, pd.StringDtype):
        return _from_text(series)
    if pd.api.types.is_bool_dtype(dtype):
        return _logical(series)
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(
        dtype, pd.PeriodDtype | pd.IntervalDtype
    ):
        raise DataError(
            f"{what} holds dates or times; make a number of it (such as days since the "
            "start) or a category first"
        )
    if pd.api.types.is_timedelta64_dtype(dtype):
        raise DataError(
            f"{what} holds time spans; make a number of it first, "
            f"such as data[{name!r}].dt.total_seconds()"
        )
    if pd.api.types.is_complex_dtype(dtype):
        raise DataError(f"{what} holds complex numbers, and a model takes real ones only")
    if pd.api.types.is_numeric_dtype(dtype):
        return Numeric(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return _from_objects(series, what)


def _from_objects(series: pd.Series, what: str) -> Variable:
    present = series.notna().to_numpy()
    values = series.to_numpy(dtype=object)
    kinds = {type(v) for v in values[present]}
    if kinds and all(issubclass(k, bool | np.bool_) for k in kinds):
        return _logical(series)
    if all(issubclass(k, str) for k in kinds):
        return _from_text(series)
    if all(issubclass(k, numbers.Real | decimal.Decimal) for k in kinds):
        out = np.full(len(values), np.nan)
        out[present] = [float(v) for v in values[present]]
        return Numeric(out)
    names = ", ".join(sorted(k.__name__ for k in kinds))
    raise DataError(
        f"{what} holds values of these types: {names}; a column must hold only numbers or only text"
    )


def _from_text(series: pd.Series) -> Factor:
    codes, found = pd.factorize(series, use_na_sentinel=True)
    labels: Any = np.asarray(found, dtype=object)
    order = np.array(
        sorted(range(len(labels)), key=lambda i: alphabetical(labels[i])), dtype=np.intp
    )
    position = np.full(len(labels) + 1, -1, dtype=np.intp)
    position[order] = np.arange(len(labels))
    return Factor(position[codes], pd.Index(labels[order], dtype=object))


def _logical(series: pd.Series) -> Factor:
    missing = series.isna().to_numpy()
    codes = np.full(len(series), -1, dtype=np.intp)
    codes[~missing] = series[~missing].to_numpy(dtype=bool)
    return Factor(codes, pd.Index([False, True]), logical=True)


def _whole_numbers(values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Codes and sorted levels of integers; by counting where they are close together."""
    if len(values) and (values[1:] >= values[:-1]).all():
        return _sorted_numbers(values)
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if high - low > 4 * len(values):
        codes, levels = pd.factorize(values, sort=True)
        return codes, levels
    wide = np.uint64 if values.dtype.kind == "u" else np.int64
    codes = (values.astype(wide, copy=False) - wide(low)).astype(np.intp, copy=False)
    present = np.flatnonzero(np.bincount(codes))
    if len(present) <= high - low:
        position = np.empty(high - low + 1, dtype=np.intp)
        position[present] = np.arange(len(present))
        codes = position[codes]
    return codes, (present.astype(wide) + wide(low)).astype(values.dtype)


def _sorted_numbers(values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The same for sorted integers."""
    changes = np.flatnonzero(values[1:] != values[:-1])
    bounds = np.empty(len(changes) + 2, dtype=np.intp)
    bounds[0], bounds[1:-1], bounds[-1] = -1, changes, len(values) - 1
    codes = np.repeat(np.arange(len(bounds) - 1), bounds[1:] - bounds[:-1])
    return codes, values[bounds[1:]]


def as_factor(variable: Variable) -> Factor:
    """Turn a variable into a factor; the levels of numbers are the values that occur, sorted.

    As in R, numbers that agree to 15 digits are one level, such as 0.1 + 0.2 and 0.3.
    """
    if isinstance(variable, Factor):
        return variable
    values = variable.values
    codes, levels = pd.factorize(values, sort=True)
    if np.any(np.diff(levels) < 1e-14 * np.abs(levels[1:])):
        rounded = np.array([float(f"{level:.15g}") for level in levels])
        levels, merged = np.unique(rounded, return_inverse=True)
        codes = np.append(merged, -1)[codes]
    if len(levels) and np.all(levels == np.rint(levels)) and np.abs(levels).max() < 2**53:
        levels = levels.astype(np.int64)
    return Factor(codes.astype(np.intp, copy=False), pd.Index(levels))


def alphabetical(text: str) -> tuple[Any, ...]:
    """Sort key of text: signs, digits, letters; case and accents decide ties, as in R's locales.

    R sorts text by the locale of the machine; in its C locale capitals come first instead.
    """
    if text.isascii():
        plain = text
    else:
        plain = "".join(
            c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)
        )
    kinds = [(2 if c.isalpha() else 1 if c.isdigit() else 0, c) for c in plain.casefold()]
    return kinds, text.swapcase(), text


def level_text(level: Any) -> str:
    """Write a level as R does: ``TRUE`` and ``FALSE``, numbers by their shortest form."""
    if isinstance(level, bool | np.bool_):
        return "TRUE" if level else "FALSE"
    if isinstance(level, float | np.floating):
        return f"{level:.15g}"
    return str(level)


def _common_length(columns: Mapping[str, Any]) -> int:
    lengths = {name: len(column) for name, column in columns.items() if np.ndim(column) > 0}
    if len(set(lengths.values())) > 1:
        counts = listed([f"{name} has {length}" for name, length in lengths.items()])
        raise DataError(f"the columns of the data must have equal lengths; {counts}")
    return next(iter(lengths.values()), 0)

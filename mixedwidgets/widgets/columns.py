"""What each column of a data frame is, as far as the roles it can play depend on it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError
from mixedwidgets.widgets.kinds import is_ordered, kind_of
from mixedwidgets.widgets.rowfilter import ONE_OF, Filter, checked, operators_for, rows_kept

REMEMBERED = 8  # filtered data kept, so that going back costs nothing
MOST_LABELS = 1000  # values that a menu can list


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
    smallest : float
        The smallest finite number; NaN where there is none.
    zeros : int
        Number of zeros.
    ordered : bool
        Whether its categories have an order.
    """

    name: str
    kind: str
    whole: bool
    levels: int
    present: int
    infinite: int
    smallest: float = math.nan
    zeros: int = 0
    ordered: bool = False


@dataclass(frozen=True)
class Together:
    """How two columns occur together, in the rows where neither is missing.

    Attributes
    ----------
    pairs : int
        Distinct combinations of their values.
    levels_of_first, levels_of_second : int
        Distinct values of each.
    rows : int
    """

    pairs: int
    levels_of_first: int
    levels_of_second: int
    rows: int


class Columns:
    """The columns of a data frame, read once; how each varies within groups, when asked.

    Parameters
    ----------
    data : DataFrame
        With text column names.

    Attributes
    ----------
    data : DataFrame
        The data themselves, never changed.

    Raises
    ------
    DataError
        Not a data frame, no rows, no columns, or column names that are repeated or not text.
    """

    def __init__(self, data: pd.DataFrame):
        _check(data)
        self.data = data
        self._codes: dict[str, np.ndarray] = {}
        self._together: dict[tuple[str, str], Together] = {}
        self._filtered: OrderedDict[str, tuple[Filter, Columns]] = OrderedDict()
        self._operators: dict[str, tuple[str, ...]] = {}
        self._labels: dict[str, tuple[Any, ...]] = {}
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
        found = self.together(name, group)
        return found.pairs > found.levels_of_second

    def together(self, first: str, second: str) -> Together:
        """How the values of two columns occur together."""
        key = (first, second)
        if key not in self._together:
            one, other = self._code(first), self._code(second)
            both = (one >= 0) & (other >= 0)
            one, other = one[both].astype(np.int64), other[both]
            self._together[key] = Together(
                pairs=len(pd.unique(other * np.int64(self._all[first].levels + 1) + one)),
                levels_of_first=int(np.count_nonzero(np.bincount(one))),
                levels_of_second=int(np.count_nonzero(np.bincount(other))),
                rows=len(one),
            )
        return self._together[key]

    def filtered(self, conditions: Filter) -> tuple[Filter, Columns]:
        """Return conditions with plain values, and the columns of the rows that fulfil them.

        Raises
        ------
        DataError
            As ``rows_kept``.
        """
        if not conditions:
            return (), self
        key = repr(conditions)  # True and 1 are equal, and not the same condition
        if key not in self._filtered:
            plain = checked(conditions, self.data)
            kept = Columns(self.data[rows_kept(plain, self.data)])
            self._filtered[key] = plain, kept
            if len(self._filtered) > REMEMBERED:
                self._filtered.popitem(last=False)
        self._filtered.move_to_end(key)
        return self._filtered[key]

    def operators(self, name: str) -> tuple[str, ...]:
        """The comparisons that a filter of rows by this column can make; see ``Condition``."""
        if name not in self._operators:
            self._operators[name] = operators_for(self.data[name])
        return self._operators[name]

    def labels(self, name: str) -> tuple[Any, ...]:
        """The distinct values of a column as plain numbers, text or truth values, in order.

        Empty where there are more than ``MOST_LABELS``, or where they have no plain form.
        """
        if name not in self._labels:
            self._labels[name] = self._distinct(name)
        return self._labels[name]

    def _distinct(self, name: str) -> tuple[Any, ...]:
        if self._all[name].levels > MOST_LABELS or ONE_OF not in self.operators(name):
            return ()
        series = self.data[name].dropna()
        if isinstance(series.dtype, pd.CategoricalDtype):
            found = list(series.cat.remove_unused_categories().cat.categories)
        else:
            found = sorted(series.unique().tolist())
        found = [v.item() if isinstance(v, np.generic) else v for v in found]
        return tuple(v if isinstance(v, (bool, int, str)) else float(v) for v in found)

    def _code(self, name: str) -> np.ndarray:
        if name not in self._codes:
            self._codes[name] = pd.factorize(self.data[name])[0]
        return self._codes[name]

    def _read(self, name: str) -> Column:
        series = self.data[name]
        kind = kind_of(series)
        whole, infinite, smallest, zeros = False, 0, math.nan, 0
        if kind == "number":
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            finite = values[np.isfinite(values)]
            whole = bool(np.all(finite == np.round(finite)))
            infinite = int(np.isinf(values).sum())
            smallest = float(finite.min()) if len(finite) else math.nan
            zeros = int((finite == 0).sum())
        try:
            levels = int(self._code(name).max(initial=-1)) + 1
        except TypeError:  # unhashable objects such as lists
            kind, levels = "other", 0
        return Column(
            name=name,
            kind=kind,
            whole=whole,
            levels=levels,
            present=int(series.notna().sum()),
            infinite=infinite,
            smallest=smallest,
            zeros=zeros,
            ordered=is_ordered(series),
        )


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

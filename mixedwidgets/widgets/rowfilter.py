"""Which rows are used: conditions made by menus, joined by *and*; nothing is ever evaluated."""

from __future__ import annotations

import math
import operator as op
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.widgets.kinds import is_ordered, kind_of

ONE_OF = "is one of"
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": op.lt,
    "<=": op.le,
    "==": op.eq,
    "!=": op.ne,
    ">=": op.ge,
    ">": op.gt,
}
OPERATORS = (*COMPARISONS, ONE_OF)
UNORDERED = ("==", "!=", ONE_OF)

Plain = float | str | bool
Rows = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Condition:
    """One condition on the rows; a missing value fulfils none.

    Attributes
    ----------
    column : str
    operator : str
        One of ``OPERATORS``.
    value : float, str, bool, or tuple of these
        A tuple for ``"is one of"`` only.
    """

    column: str
    operator: str
    value: Plain | tuple[Plain, ...]

    def __str__(self) -> str:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return f"{self.column} {self.operator} {', '.join(map(repr, values))}"


Filter = tuple[Condition, ...]


def rows_kept(conditions: Sequence[Condition], data: pd.DataFrame) -> Rows:
    """Tell which rows fulfil all conditions.

    Parameters
    ----------
    conditions : sequence of Condition
        None of them keeps every row.
    data : DataFrame
        n rows.

    Returns
    -------
    (n,) array of bool

    Raises
    ------
    DataError
        A column that is not there, an operator or value that does not fit it, or no row left.
    """
    kept = np.ones(len(data), dtype=bool)
    for condition in checked(conditions, data):
        kept &= _fulfilled(condition, data[condition.column])
    if not kept.any():
        words = in_words(conditions)
        raise DataError(f"No row of the data has {words}; loosen or remove a condition.")
    return kept


def checked(conditions: Sequence[Condition], data: pd.DataFrame) -> Filter:
    """Return the conditions with their values as plain numbers, text or truth values.

    Raises
    ------
    DataError
        As ``rows_kept``, except for what only the rows tell.
    """
    return tuple(_checked(condition, data) for condition in conditions)


def in_words(conditions: Sequence[Condition]) -> str:
    """Say the conditions, such as ``x < 3 and g is one of 'a', 'b'``."""
    return " and ".join(map(str, conditions))


def rows_expression(conditions: Sequence[Condition], data: str = "data") -> str:
    """Write the conditions as Python that selects the same rows of a DataFrame.

    Parameters
    ----------
    conditions : sequence of Condition
        As ``checked`` returns them.
    data : str
        The variable that holds the DataFrame.

    Returns
    -------
    str
        Such as ``data[(data['x'] < 3) & data['g'].isin(['a', 'b'])]``; every column name and
        value is written by ``repr``.
    """
    if not conditions:
        return data
    return f"{data}[{' & '.join(_as_python(condition, data) for condition in conditions)}]"


def operators_for(series: pd.Series) -> tuple[str, ...]:
    """Return the operators that fit a column; none where its values cannot be named."""
    match value_kind(series):
        case "number" | "ranked text" | "ranked number":
            return OPERATORS
        case "date":
            return tuple(COMPARISONS)
        case "other":
            return ()
        case _:
            return UNORDERED


def value_kind(series: pd.Series) -> str:
    """Tell with what the values of a column are compared.

    Returns
    -------
    str
        ``"number"``, ``"text"``, ``"truth"``, ``"date"`` or ``"other"``; of categories
        ``"text"``, ``"truth"`` or ``"labelled number"``, and with an order ``"ranked text"`` or
        ``"ranked number"``.
    """
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    kind = kind_of(series)
    if kind != "category":
        return kind
    if not isinstance(series.dtype, pd.CategoricalDtype):
        inferred = pd.api.types.infer_dtype(series, skipna=True)
        return "truth" if inferred == "boolean" else "text"
    inferred = pd.api.types.infer_dtype(series.dtype.categories, skipna=True)
    if inferred == "boolean":
        return "truth"
    named = {"string": "text", "integer": "number", "floating": "number"}.get(inferred)
    if named is None:
        return "other"
    if is_ordered(series):
        return f"ranked {named}"
    return named if named == "text" else f"labelled {named}"


def _checked(condition: Condition, data: pd.DataFrame) -> Condition:
    name, operator = condition.column, condition.operator
    if name not in data.columns:
        known = [str(column) for column in data.columns]
        raise DataError(f"The data has no column {name!r}{nearest(str(name), known)} to filter by.")
    if operator not in OPERATORS:
        raise DataError(
            f"{brief(operator)} does not compare anything; a filter has one of "
            f"{', '.join(OPERATORS)}."
        )
    series = data[name]
    allowed = operators_for(series)
    if not allowed:
        raise DataError(
            f"The column {name!r} cannot filter rows: it holds neither numbers, text, truth "
            "values nor dates."
        )
    if operator not in allowed:
        raise DataError(
            f"{operator} does not fit the column {name!r}, whose values have "
            f"{'no order' if operator in COMPARISONS else 'an order in time'}; "
            f"use one of {', '.join(allowed)}."
        )
    return Condition(name, operator, _checked_value(condition, series))


def _checked_value(condition: Condition, series: pd.Series) -> Plain | tuple[Plain, ...]:
    kind, value = value_kind(series), condition.value
    several = isinstance(value, (tuple, list))
    if condition.operator == ONE_OF:
        values = tuple(value) if several else (value,)  # type: ignore[arg-type]
        if not values:
            raise DataError(f"Choose at least one value of {condition.column!r} to keep.")
        return tuple(_plain(v, kind, condition) for v in values)
    if several:
        raise DataError(
            f"{condition.column} {condition.operator} needs one value, not {brief(value)}; "
            f'"{ONE_OF}" takes several.'
        )
    return _plain(value, kind, condition)


def _plain(value: Any, kind: str, condition: Condition) -> Plain:
    """Return a value as Python's own type, or refuse it because the column holds another."""
    if isinstance(value, np.generic):
        value = value.item()
    wanted = "truth" if kind == "truth" else kind.split()[-1]
    if wanted == "number" and _is_number(value):
        whole = float(value).is_integer() and abs(value) <= 2**53
        return int(value) if whole else float(value)
    if wanted == "truth" and isinstance(value, bool):
        return value
    if wanted == "text" and isinstance(value, str):
        return str(value)
    if wanted == "date" and _is_date(value):
        return str(value)
    what = {
        "number": "finite numbers",
        "truth": "True and False",
        "text": "text",
        "date": "dates, such as '2024-05-31'",
    }[wanted]
    raise DataError(
        f"The column {condition.column!r} is compared with {what}, which {brief(value)} is not; "
        "change the value or the column."
    )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return not pd.isna(pd.Timestamp(value))
    except (ValueError, OverflowError):
        return False


def _fulfilled(condition: Condition, series: pd.Series) -> Rows:
    try:
        if condition.operator == ONE_OF:
            assert isinstance(condition.value, tuple)
            found = series.isin(list(condition.value))
        else:
            found = COMPARISONS[condition.operator](series, condition.value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"The column {condition.column!r} cannot be compared with {brief(condition.value)}; "
            "give a value of the kind it holds."
        ) from None
    return found.fillna(False).to_numpy(dtype=bool) & series.notna().to_numpy()


def _as_python(condition: Condition, data: str) -> str:
    column = f"{data}[{condition.column!r}]"
    if isinstance(condition.value, tuple):
        return f"{column}.isin({list(condition.value)!r})"
    compared = f"({column} {condition.operator} {condition.value!r})"
    return f"{compared} & {column}.notna()" if condition.operator == "!=" else compared

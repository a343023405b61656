"""What the columns of a reader's file hold: numbers, categories, dates, and what only looks so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import brief, listed
from mixedwidgets.widgets.kinds import kind_of

MARKS = {
    *(".", "..", "-", "--", "---", "?", "missing", "none", "n.a.", "n. a.", "k.a.", "k. a."),
    *("#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?"),
}
"""What people write where a number is missing, beyond what pandas knows (NA, NaN, null ...)."""

DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
    *("%Y/%m/%d", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
)
KINDS = ("number", "category", "truth value", "date", "other")
PLURALS = ("numbers", "categories", "truth values", "dates", "something else")

_POINT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(\d+,?\d*|,\d+)([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}([.,' ]\d{3})+([.,]\d+)?")
_BESIDE = re.compile(r"[^\d\s]{0,3}\s?[-+]?\d[\d.,]*\s?[^\d\s]{0,3}")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2})?)?")


@dataclass(frozen=True)
class ColumnRead:
    """One column as it was read.

    Attributes
    ----------
    name : str
    kind : str
        One of ``KINDS``.
    distinct : int
        Distinct values, missing ones not counted.
    missing : int
        Rows without a value.
    shows : str
        Its range, or the first of its values.
    """

    name: str
    kind: str
    distinct: int
    missing: int
    shows: str


@dataclass
class Rules:
    """How some columns have to be read, beyond what ``read_csv`` finds itself.

    Attributes
    ----------
    options : dict
        Of ``read_csv``.
    words : list of str
        The same in a few words each.
    notes : list of str
        Sentences about what was decided.
    """

    options: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rules_of(data: pd.DataFrame, numbers_by_comma: bool) -> Rules:
    """Find decimal commas, marks of missing values and dates in columns read as text.

    Parameters
    ----------
    data : DataFrame
        Read without rules.
    numbers_by_comma : bool
        Whether a comma within a number can only be a decimal comma; otherwise ``1,234`` may be
        one thousand.
    """
    rules = Rules()
    texts = dict(_texts(data))
    number = _POINT
    by_comma = [n for n, values in texts.items() if _decimal_commas(values, numbers_by_comma)]
    by_point = [n for n in data if pd.api.types.is_float_dtype(data[n]) and _broken(data[n])]
    if len(by_comma) > len(by_point):
        rules.options["decimal"] = ","
        rules.words.append("with decimal commas")
        number = _COMMA
    marks, dates = {}, {}
    for name, values in texts.items():
        found = sorted(value for value in values if not number.fullmatch(value))
        if len(found) < len(values) and set(found) <= MARKS:
            if found:
                marks[name] = found
            continue
        formats = date_formats(values)
        if len(formats) == 1:
            dates[name] = formats[0]
    if marks:
        rules.options["na_values"] = marks
        rules.notes += [
            f"In {name}, {listed([brief(v) for v in found])} was taken as missing."
            for name, found in marks.items()
        ]
    if dates:
        rules.options |= {"parse_dates": list(dates), "date_format": dates}
    return rules


def date_formats(values: Sequence[str]) -> list[str]:
    """The formats of ``DATES`` in which all values are dates.

    Parameters
    ----------
    values : sequence of str
        Distinct values.
    """
    if not values or not _DATE.fullmatch(values[0]):
        return []
    some, all_of_them = pd.Series(values[:200], dtype=object), pd.Series(values, dtype=object)
    return [form for form in DATES if _are_dates(some, form) and _are_dates(all_of_them, form)]


def described(series: pd.Series) -> ColumnRead:
    """Describe a column in words."""
    present = series.dropna()
    kind = _kind(series)
    distinct = int(present.nunique()) if kind != "other" else 0
    shows = _shows(present, kind)
    return ColumnRead(str(series.name), kind, distinct, int(series.isna().sum()), shows)


def remarks_on(data: pd.DataFrame, columns: Sequence[ColumnRead]) -> list[str]:
    """Sentences about columns that are not what they look like.

    Parameters
    ----------
    data : DataFrame
    columns : sequence of ColumnRead
    """
    empty = [column.name for column in columns if column.missing == len(data)]
    found = [f"Without any value: {listed(empty, 8)}."] if empty else []
    for name, values in _texts(data):
        remark = _remark(name, values)
        if remark:
            found.append(remark)
    return found


def counted(columns: Sequence[ColumnRead]) -> str:
    """How many columns hold what: ``3 of numbers, 1 of dates``."""
    numbers = {kind: sum(column.kind == kind for column in columns) for kind in KINDS}
    parts = [
        f"{numbers[kind]} of {plural}"
        for kind, plural in zip(KINDS, PLURALS, strict=True)
        if numbers[kind]
    ]
    return ", ".join(parts)


def _texts(data: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """The columns of text with their distinct values."""
    for name in data.columns:
        column = data[name].dropna()
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in ("string", "mixed", "mixed-integer") and len(column):
            yield str(name), [str(value).strip() for value in column.unique()]


def _decimal_commas(values: Sequence[str], surely: bool) -> bool:
    numbers = [value for value in values if value not in MARKS]
    if not all(_COMMA.fullmatch(value) for value in numbers):
        return False
    broken = [value for value in numbers if "," in value]
    return bool(broken) and (surely or not all(_THOUSANDS.fullmatch(v) for v in broken))


def _broken(series: pd.Series) -> bool:
    """Whether a column has numbers with decimals."""
    values = series.to_numpy(dtype=float, na_value=np.nan)
    finite = values[np.isfinite(values)]
    return bool((finite != np.round(finite)).any())


def _are_dates(values: pd.Series, form: str) -> bool:
    return bool(pd.to_datetime(values, format=form, errors="coerce").notna().all())


def _kind(series: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    if pd.api.types.infer_dtype(series, skipna=True) == "boolean":
        return "truth value"
    return kind_of(series)


def _shows(present: pd.Series, kind: str) -> str:
    if not len(present):
        return "nothing"
    if kind == "number":
        numbers = present.to_numpy(dtype=float)
        return f"{numbers.min():.6g} to {numbers.max():.6g}"
    if kind == "date":
        return f"{present.min():%Y-%m-%d} to {present.max():%Y-%m-%d}"
    values = [_short(str(value)) for value in present.unique()[:200]]
    more = present.nunique() - len(values) if kind != "other" else 0
    first = listed(values, 4)
    return first if not more else f"{', '.join(values[:4])} and {present.nunique() - 4:,} more"


def _short(text: str, most: int = 30) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _remark(name: str, values: Sequence[str]) -> str:
    """Why a column that seems to hold numbers or dates was read as text; mostly nothing."""
    plain = {v: bool(_POINT.fullmatch(v) or _COMMA.fullmatch(v)) for v in values}
    others = [v for v, is_number in plain.items() if not is_number]
    grouped = [v for v in values if _THOUSANDS.fullmatch(v)]
    if grouped and set(others) <= set(grouped):
        return (
            f"{name} was read as text because of separators between thousands, such as in "
            f"{brief(_short(grouped[0]))}; save its numbers without them."
        )
    if others and 2 * len(others) <= len(plain):
        return (
            f"{name} was read as text because {len(others):,} of its {len(values):,} distinct "
            f"values {'is' if len(others) == 1 else 'are'} no number, such as "
            f"{brief(_short(others[0]))}; mend the file if they should be."
        )
    if len(date_formats(values)) > 1:
        return (
            f"{name} holds dates, such as {brief(values[0])}, in which day and month cannot be "
            "told apart, and was read as text; write them as 2024-05-31."
        )
    if all(_BESIDE.fullmatch(v) and re.search(r"\d", v) for v in values) and _repeated(values):
        return (
            f"{name} was read as text because something stands beside its numbers, such as in "
            f"{brief(_short(values[0]))}; leave the unit out if it is to be a number."
        )
    return ""


def _repeated(values: Sequence[str]) -> bool:
    """Whether the same unit stands beside every number, and not a letter of a label."""
    beside = {re.sub(r"[\d.,\s+-]", "", value) for value in values}
    return len(beside) == 1 and not next(iter(beside)).isalpha()

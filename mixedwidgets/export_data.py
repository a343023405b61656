"""Data -> where they come from, or a file to read them from."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
from pandas.api import types

from mixedwidgets.catalogue import datasets, load
from mixedwidgets.errors import DataError, brief
from mixedwidgets.export_source import UNKNOWN, Source, Step, reader_of
from mixedwidgets.fingerprints import fingerprint

_PLAIN = re.compile(r"\w(?:[\w .-]*\w)?", re.ASCII)


def source_of(data: pd.DataFrame, source: str | os.PathLike[str] | Source | None = None) -> Source:
    """Find where data are read from.

    Parameters
    ----------
    data : DataFrame
    source : str, path or Source, optional
        The file that they were read from, or how they were read; by default a bundled data set is
        known again.

    Raises
    ------
    DataError
        A file of a kind that pandas does not read.
    """
    if isinstance(source, Source):
        return source
    if source is None:
        return Source(dataset=bundled_name(data))
    text = source if isinstance(source, str) else PurePath(source).as_posix()
    reader, _ = reader_of(text)
    if reader != "read_csv":
        return Source(path=text)
    dtype, steps = {}, []
    for place, name in enumerate(data.columns):
        kind, after = _as_read(data.iloc[:, place])
        steps += after
        if kind is not None:
            dtype[name] = kind
    return Source(path=text, options={"dtype": dtype} if dtype else {}, steps=tuple(steps))


def read(source: Source) -> pd.DataFrame:
    """Do what the code of a CSV file says."""
    out = pd.read_csv(source.path or UNKNOWN, **source.options)
    for name, step, value in source.steps:
        out[name] = _STEPS[step](out[name], value)
    return out.astype(dict.fromkeys(source.decimals, "float64"))


def bundled_name(data: pd.DataFrame) -> str | None:
    """Name of the bundled data set that a data frame equals, or None."""
    catalogue = datasets()
    columns = ", ".join(str(name) for name in data.columns)
    alike = catalogue[(catalogue["rows"] == len(data)) & (catalogue["columns"] == columns)]
    return next((str(name) for name in alike["name"] if data.equals(load(str(name)))), None)


def write_csv(data: pd.DataFrame, path: Path) -> Source:
    """Write data into a CSV file, and say how to read the same data from it.

    Categories keep their levels and order, text stays text, times stay times, numbers keep every
    digit, and any name is kept. Row labels are left out.

    Parameters
    ----------
    data : DataFrame
    path : Path
        Of the file; replaced if it exists.

    Returns
    -------
    Source
        Named by the file's name alone, for code that runs in its folder.

    Raises
    ------
    DataError
        A column that a CSV file cannot give back, or a file that cannot be written.
    """
    _refuse_names(data)
    frame, dtype, steps = {}, {}, []
    for place, name in enumerate(data.columns):
        column, kind, after = _as_written(data.iloc[:, place])
        frame[name], dtype[name] = column, kind
        steps += after
    written = pd.DataFrame(frame, index=data.index, columns=data.columns)
    token = _missing_mark(written)
    options: dict[str, Any] = {
        "dtype": {name: kind for name, kind in dtype.items() if kind is not None},
        "keep_default_na": False,
        "na_values": [token],
    }
    if not all(isinstance(name, str) and _PLAIN.fullmatch(name) for name in data.columns):
        options = {"header": 0, "names": list(data.columns), **options}
    decimals = [name for name, kind in dtype.items() if kind == "float64"]
    options["dtype"].update(dict.fromkeys(decimals, "str"))
    source = Source(None, str(path), options, tuple(steps), tuple(decimals))
    try:
        written.to_csv(
            path,
            index=False,
            na_rep=token,
            quoting=csv.QUOTE_NONNUMERIC,
            lineterminator="\n",
            encoding="utf-8",
        )
        again = read(source)
    except (UnicodeError, ValueError, TypeError) as error:
        path.unlink(missing_ok=True)
        raise DataError(
            f"These data cannot be kept in a CSV file ({' '.join(str(error).split())}); save them "
            "yourself and name the file as their source."
        ) from None
    except OSError as error:
        raise DataError(
            f"{str(path)!r} cannot be written ({error.strerror}); choose another place."
        ) from None
    _refuse_lost(data, again, path)
    return replace(source, path=path.name)


def _as_read(column: pd.Series) -> tuple[Any, list[Step]]:
    """Type and steps that a column of a user's CSV file needs, beyond what pandas finds itself."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _levels_as_read(column)
    if types.is_datetime64_any_dtype(kind):
        return None, _time_steps(column, {})
    if types.is_timedelta64_dtype(kind):
        return None, [(column.name, "duration", None)]
    if types.infer_dtype(column, skipna=True) == "string" and _reads_otherwise(column):
        return "str", []
    return None, []


def _as_written(column: pd.Series) -> tuple[pd.Series, Any, list[Step]]:
    """A column as it is written, and type and steps that give it back."""
    kind, name = column.dtype, column.name
    if isinstance(kind, pd.CategoricalDtype):
        return _levels_as_written(column)
    if types.is_datetime64_any_dtype(kind):
        return column, None, _time_steps(column, {"format": "ISO8601"})
    if types.is_timedelta64_dtype(kind):
        return column, None, [(name, "duration", None)]
    if types.is_bool_dtype(kind):
        return column, "boolean" if column.hasnans else "bool", []
    if types.is_integer_dtype(kind):
        return column, _whole_type(column), []
    if types.is_float_dtype(kind):
        values = column.to_numpy(dtype="float64", na_value=float("nan"))
        return pd.Series(values, column.index, name=name), "float64", []
    found = types.infer_dtype(column, skipna=True)
    if found == "boolean":
        return column, "boolean", []
    if found not in ("string", "empty"):
        raise DataError(
            f"The column {name!r} holds values of a kind ({found}) that a CSV file cannot give "
            "back; turn it into numbers, text or categories, or leave it out."
        )
    return column, "str", []


def _whole_type(column: pd.Series) -> str:
    name = "UInt64" if types.is_unsigned_integer_dtype(column.dtype) else "Int64"
    return name if column.hasnans else name.lower()


def _levels_as_read(column: pd.Series) -> tuple[Any, list[Step]]:
    levels = column.cat.categories
    if all(isinstance(level, str) for level in levels):
        return "category" if _found_again(column) else column.dtype, []
    if types.is_numeric_dtype(levels) and not types.is_bool_dtype(levels):
        return column.dtype, []
    return _renamed(column)


def _levels_as_written(column: pd.Series) -> tuple[pd.Series, Any, list[Step]]:
    if all(isinstance(level, str) for level in column.cat.categories):
        return column, "category" if _found_again(column) else column.dtype, []
    kind, steps = _renamed(column)
    return column.cat.rename_categories(list(kind.categories)), kind, steps


def _renamed(column: pd.Series) -> tuple[pd.CategoricalDtype, list[Step]]:
    """Categories that are read as text and then get their values."""
    levels = list(column.cat.categories)
    text = [str(level) for level in levels]
    if len(set(text)) < len(text):
        raise DataError(
            f"The categories of {column.name!r} are not all different as text, so a CSV file "
            "cannot give them back; rename them."
        )
    kind = pd.CategoricalDtype(text, column.cat.ordered)
    return kind, [(column.name, "levels", levels)]


def _found_again(column: pd.Series) -> bool:
    """Whether reading finds the same levels by itself: all that occur, sorted, and still text."""
    if column.cat.ordered or _reads_otherwise(column.astype(object)):
        return False
    return list(column.cat.categories) == sorted(set(column.dropna()))


def _time_steps(column: pd.Series, format: dict[str, Any]) -> list[Step]:
    zone = getattr(column.dtype, "tz", None)
    if zone is None:
        return [(column.name, "time", format)]
    steps: list[Step] = [(column.name, "time", {**format, "utc": True})]
    return steps if str(zone) == "UTC" else [*steps, (column.name, "zone", str(zone))]


def _reads_otherwise(column: pd.Series) -> bool:
    """Whether pandas would read text as something else: numbers, truth values, missing ones."""
    values = column.dropna().unique()
    as_numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    return bool(as_numbers.notna().all()) or set(values) <= {"True", "False", "TRUE", "FALSE"}


def _missing_mark(written: pd.DataFrame) -> str:
    """A text that stands for missing values, because no column holds it."""
    mark = "NA"
    texts: set[Any] = set()
    for place in range(written.shape[1]):
        column = written.iloc[:, place]
        if not types.is_numeric_dtype(column.dtype):
            texts.update(column.dropna().unique())
    while mark in texts:
        mark += "_"
    return mark


def _refuse_names(data: pd.DataFrame) -> None:
    for name in data.columns:
        if not isinstance(name, (str, int)):
            raise DataError(
                f"A CSV file has a text for the name of each column, which {brief(name)} is not; "
                "rename the columns."
            )
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise DataError(f"Two columns are called {brief(twice[0])}; rename one of them.")


def _refuse_lost(data: pd.DataFrame, again: pd.DataFrame, path: Path) -> None:
    """Refuse a file that does not give the same data back, and remove it."""
    if data.shape == again.shape and fingerprint(data) == fingerprint(again):
        return
    path.unlink()
    lost = [
        name
        for place, name in enumerate(data.columns)
        if data.shape != again.shape
        or fingerprint(data.iloc[:, [place]]) != fingerprint(again.iloc[:, [place]])
    ]
    raise DataError(
        f"The column {lost[0]!r} holds values that a CSV file does not give back; replace "
        "them, or save the data yourself and name the file as their source."
    )


_STEPS: dict[str, Callable[[pd.Series, Any], Any]] = {
    "time": lambda column, options: pd.to_datetime(column, **options),
    "zone": lambda column, zone: column.dt.tz_convert(zone),
    "duration": lambda column, _: pd.to_timedelta(column),
    "levels": lambda column, levels: column.cat.rename_categories(levels),
}

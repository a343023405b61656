"""A reader's file becomes a data frame, with words for everything that was found or mended."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, cast

import pandas as pd

from mixedwidgets.errors import DataError, brief, listed
from mixedwidgets.export_source import Source
from mixedwidgets.widgets.delimited import Layout, decoded, layout_of
from mixedwidgets.widgets.own_columns import (
    ColumnRead,
    described,
    remarks_on,
    rules_of,
)

MOST_COLUMNS = 300
MOST_UNPACKED = 20  # times the size that a workbook may have, once it is unpacked
KINDS = (".csv", ".tsv", ".txt", ".xlsx")


@dataclass(frozen=True, eq=False)
class OwnTable:
    """What was read of a file.

    Attributes
    ----------
    name : str
        Of the file.
    data : DataFrame
        One row for each line.
    source : Source
        How the same data are read again, as code.
    how : str
        How the file was read, in a few words.
    columns : tuple of ColumnRead
    notes : tuple of str
        What was mended, and what to look at; a sentence each.
    """

    name: str
    data: pd.DataFrame
    source: Source
    how: str
    columns: tuple[ColumnRead, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        rows, columns = self.data.shape
        return f"<OwnTable {self.name}: {rows} rows, {columns} columns>"


def check_file(name: str, size: int, most: float) -> None:
    """Refuse a file by its name and size, before it is read.

    Parameters
    ----------
    name : str
    size : int
        In bytes.
    most : float
        What it may have, in MB of a million bytes.

    Raises
    ------
    DataError
        Another ending, or too many bytes.
    """
    ending = PurePath(name).suffix.casefold()
    if ending not in KINDS:
        given = f"ends in {ending}" if ending else "has no ending"
        raise DataError(
            f"{name} {given}; choose a table whose name ends in {', '.join(KINDS)}, which every "
            "spreadsheet can save."
        )
    if size > most * 1e6:
        raise DataError(
            f"{name} has {size / 1e6:,.1f} MB and at most {most:g} are read here; leave out rows "
            "or columns, or read it with pandas and give the data frame to mw.explore."
        )


def read_own(name: str, content: bytes) -> OwnTable:
    """Read a table of text or the first sheet of a workbook.

    Parameters
    ----------
    name : str
        Of the file; its ending tells a workbook from text.
    content : bytes

    Returns
    -------
    OwnTable

    Raises
    ------
    DataError
        There is no table in it that a model could be fitted to, and why.
    """
    if PurePath(name).suffix.casefold() == ".xlsx":
        return _read_workbook(name, content)
    text, encoding, note = decoded(content, name)
    layout = layout_of(text, name)
    names, options, notes = _names_of(layout)
    _check_width(name, names)
    notes = [*([note] if note else []), *notes, *_short_lines(layout)]
    reading = _reading(name, layout, encoding) | options
    data = _read(name, content, reading)
    rules = rules_of(data, numbers_by_comma=layout.separator != ",")
    if rules.options:
        reading |= rules.options
        data = _read(name, content, reading)
    how = ", ".join([f"divided by {layout.words}", *rules.words, *_encoding_words(encoding)])
    return _table(name, data, reading, how, [*notes, *rules.notes])


def _table(
    name: str, data: pd.DataFrame, reading: dict[str, Any], how: str, notes: Sequence[str]
) -> OwnTable:
    columns = tuple(described(data[column]) for column in data.columns)
    found = (*notes, *remarks_on(data, columns))
    return OwnTable(name, data, Source(path=name, options=reading), how, columns, found)


def _reading(name: str, layout: Layout, encoding: str) -> dict[str, Any]:
    """The options of ``read_csv`` that the layout asks for."""
    options: dict[str, Any] = {}
    usual = "," if PurePath(name).suffix.casefold() == ".csv" else "\t"
    if layout.separator != usual:
        options["sep"] = layout.separator
    if encoding != "utf-8":
        options["encoding"] = encoding
    if layout.trailing:
        options["usecols"] = list(range(layout.width))
    if layout.spaced:
        options["skipinitialspace"] = True
    return options


def _read(name: str, content: bytes, reading: dict[str, Any]) -> pd.DataFrame:
    """Read text as the code that is exported does."""
    given = {"sep": "," if PurePath(name).suffix.casefold() == ".csv" else "\t"} | reading
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return cast(pd.DataFrame, pd.read_csv(io.BytesIO(content), **given))
    except pd.errors.DtypeWarning:  # numbers and text in one column: it is read at a stretch
        reading["low_memory"] = False
        return _read(name, content, reading)
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        if "EOF inside string" in str(error):
            raise DataError(
                f"{name} opens a quotation mark that is never closed; close or remove it."
            ) from None
        what = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{name} could not be read as a table ({what}); save it again as CSV."
        ) from None


def _names_of(layout: Layout) -> tuple[list[str], dict[str, Any], list[str]]:
    """Names of the columns, the options of ``read_csv`` that give them, and what was mended."""
    header = list(layout.header)
    notes = []
    if header and all(_is_number(value) for value in header):
        names = [f"column {place}" for place in range(1, layout.width + 1)]
        note = "The first line holds numbers, so the columns were given names: column 1, column 2."
        return names, {"header": None, "names": names}, [note]
    if layout.width > len(header):
        notes.append(
            "Every line has one value more than the first has names, as R writes its row names: "
            "the first column was called row."
        )
        header = ["row", *header]
    names, mended = mended_names(header)
    notes += mended
    if names == list(layout.header) and not layout.trailing:
        return names, {}, notes
    return names, {"header": 0, "names": names}, notes


def mended_names(header: Iterable[str]) -> tuple[list[str], list[str]]:
    """Give every column a name of its own.

    Parameters
    ----------
    header : iterable of str

    Returns
    -------
    names, notes : list of str
        The notes say which names were empty or repeated.
    """
    names: list[str] = []
    empty, repeated = [], []
    clean = [" ".join(name.split()) for name in header]
    taken = set(clean)
    for place, name in enumerate(clean, start=1):
        wanted = name if name not in ("", ".") else f"column {place}"
        if wanted in names or (wanted != name and wanted in taken):
            wanted = next(
                n
                for k in range(2, len(clean) + 3)
                if (n := f"{wanted} ({k})") not in taken and n not in names
            )
        names.append(wanted)
        if name in ("", "."):
            empty.append(wanted)
        elif wanted != name:
            repeated.append(wanted)
    notes = []
    if empty:
        notes.append(f"Columns without a name were called {listed(empty, 8)}.")
    if repeated:
        notes.append(f"Names that occur twice were made distinct: {listed(repeated, 8)}.")
    return names, notes


def _check_width(name: str, names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise DataError(
            f"{name} has {len(names):,} columns and at most {MOST_COLUMNS} are read here; leave "
            "out those that the model does not need, or exchange rows and columns."
        )


def _short_lines(layout: Layout) -> list[str]:
    if not layout.short:
        return []
    one = layout.short == 1
    return [
        f"{layout.short:,} line{'' if one else 's'} (the first is line {layout.first_short}) "
        f"{'has' if one else 'have'} fewer values than the first; what lacks at the end was taken "
        "as missing."
    ]


def _encoding_words(encoding: str) -> list[str]:
    called = {"cp1252": "Windows-1252", "latin-1": "Latin-1", "utf-16": "UTF-16"}.get(encoding)
    return [f"in {called}"] if called else []


def _is_number(value: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*", value))


# ---- workbooks


def _read_workbook(name: str, content: bytes) -> OwnTable:
    _check_unpacked(name, content)
    try:
        with pd.ExcelFile(io.BytesIO(content)) as book:
            sheets = [str(sheet) for sheet in book.sheet_names]
            top = pd.read_excel(book, header=None, nrows=1)
            data = pd.read_excel(book)
    except ImportError:
        raise DataError(
            f"{name} is a workbook, and the package that reads those (openpyxl) is not installed; "
            "save the sheet as CSV."
        ) from None
    except Exception as error:  # a reader of a foreign format raises what it likes
        what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise DataError(
            f"{name} could not be read as a workbook ({what}); save the sheet as CSV."
        ) from None
    if len(data) == 0 or data.shape[1] < 2:
        raise DataError(
            f"The first sheet of {name}, {brief(sheets[0])}, has {len(data)} rows and "
            f"{data.shape[1]} columns; put the table there, with names in its first row."
        )
    header = ["" if pd.isna(value) else str(value) for value in top.iloc[0]]
    header += [""] * (data.shape[1] - len(header))
    names, notes = mended_names(header)
    _check_width(name, names)
    reading = {} if names == list(data.columns) else {"header": 0, "names": names}
    data.columns = pd.Index(names)
    if len(sheets) > 1:
        notes.append(f"Of {len(sheets)} sheets the first, {brief(sheets[0])}, was read.")
    rules = rules_of(data, numbers_by_comma=False)
    return _table(name, data, reading, "a workbook", [*notes, *rules.notes])


def _check_unpacked(name: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except zipfile.BadZipFile:
        raise DataError(
            f"{name} is called a workbook and is none; save the sheet again, as CSV."
        ) from None
    if size > MOST_UNPACKED * max(len(content), 1_000_000):
        raise DataError(
            f"{name} would have {size / 1e6:,.0f} MB once unpacked; save the sheet as CSV."
        )

"""A text file of rows and columns: its encoding, its separator and the shape of its lines."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mixedwidgets.errors import DataError, brief

SAMPLE = 200  # records by which a separator is known
SAMPLE_CHARACTERS = 200_000
UNLIKE = 0.5
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BLANKS = r"\s+"  # as pandas calls them

# How files begin that are no text, and what to do with them.
_BINARY = {
    b"%PDF": "a PDF document; save the table itself as CSV",
    b"\x89PNG": "a picture; save the table itself as CSV",
    b"\xff\xd8\xff": "a picture; save the table itself as CSV",
    b"PK\x03\x04": "a ZIP archive or a workbook; unpack it, or save its sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook or another Office file; save its sheet as CSV",
    b"\x1f\x8b": "compressed; unpack it first",
    b"BZh": "compressed; unpack it first",
    b"PAR1": "a Parquet file; save the table as CSV",
    b"SQLite": "a database; save the table as CSV",
    b"$FL2": "an SPSS file; save the table as CSV",
    b"RDX": "an R file; save the table as CSV",
}


_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r\f\v")
MOST_CONTROLS = 0.01  # share of a text


@dataclass(frozen=True)
class Layout:
    """How a text file of rows and columns is laid out.

    Attributes
    ----------
    separator : str
        A key of ``SEPARATORS``, or ``BLANKS``.
    header : tuple of str
        The values of its first line.
    width : int
        Values of a whole line below it.
    short : int
        Lines with fewer values than that.
    first_short : int
        The number of the first of them, from 1; 0 where there is none.
    spaced : bool
        Whether a blank follows some separators.
    trailing : bool
        Whether every line below the first ends in a separator of its own.
    """

    separator: str
    header: tuple[str, ...]
    width: int
    short: int = 0
    first_short: int = 0
    spaced: bool = False
    trailing: bool = False

    @property
    def words(self) -> str:
        """The separator in a word."""
        return SEPARATORS.get(self.separator, "blanks")


def decoded(content: bytes, name: str) -> tuple[str, str, str]:
    """Turn bytes into text.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.

    Returns
    -------
    text, encoding, note : str
        ``encoding`` as Python calls it; ``note`` is a sentence where it had to be guessed.

    Raises
    ------
    DataError
        The file is empty or no text.
    """
    if not content.strip():
        raise DataError(f"{name} is empty; choose a file with a line of column names and rows.")
    for start, what in _BINARY.items():
        if content.startswith(start):
            raise DataError(f"{name} is no text but {what}.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _wide(content, name), "utf-16", ""
    strange = _strangers(content)
    if strange:
        raise DataError(
            f"{name} is no text file (it holds {strange}); open it in the program that made it "
            "and save the table as CSV."
        )
    usual = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"
    for encoding in (usual, "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, encoding, "" if encoding == usual else _guessed(encoding)
    raise AssertionError("every byte is a character of Latin-1")


def layout_of(text: str, name: str) -> Layout:
    """Find the separator of a text, and check that its lines have as many values as the first.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for messages.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        A single column, a page of the web, or lines that do not fit together.
    """
    start = text.lstrip()[:200].casefold()
    if start.startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{name} is a page of the web (it begins with {brief(start[:14])}), not a table; "
            "download the table itself, as CSV."
        )
    separator = _separator(text)
    if separator is None:
        raise DataError(
            f"{name} has one column only: no commas, semicolons, tabs, bars or blanks divide its "
            f"first line, {brief(_first_line(text))}; a mixed model needs a column of labels "
            "beside the response."
        )
    return _checked(text, separator, name)


def records(text: str, separator: str) -> Any:
    """Read a text as lists of values, one for each line, with the reader of ``csv``."""
    lines = io.StringIO(text, newline=None)
    if separator == BLANKS:
        stripped = (line.rstrip(" \t\n").replace("\t", " ") for line in lines)
        return csv.reader(stripped, delimiter=" ", skipinitialspace=True)
    return csv.reader(lines, delimiter=separator)


def _wide(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-16")
    except UnicodeDecodeError:
        raise DataError(
            f"{name} begins as UTF-16 text and goes on as something else; save it again as CSV in "
            "UTF-8."
        ) from None


def _strangers(content: bytes) -> str:
    """What a text does not hold, in words; empty for a text."""
    if b"\x00" in content:
        return "zero bytes"
    controls = len(content) - len(content.translate(None, _CONTROLS))
    return "control characters" if controls > len(content) * MOST_CONTROLS else ""


def _guessed(encoding: str) -> str:
    called = {"cp1252": "Windows-1252 (Western European)", "latin-1": "Latin-1"}[encoding]
    return (
        f"The file is not UTF-8 and was read as {called}; look whether letters with accents are "
        "right, and save it as UTF-8 if they are not."
    )


def _separator(text: str) -> str | None:
    """The separator that gives the most lines the same number of values, more than one."""
    sample = text[:SAMPLE_CHARACTERS]
    if len(text) > SAMPLE_CHARACTERS:
        sample = sample[: max(sample.rfind("\n"), 1)]
    best, found = (0.0, 0), None
    for separator in SEPARATORS:
        score = _agreement(sample, separator)
        if score > best:
            best, found = score, separator
    if best[0] < UNLIKE / 2 and _agreement(sample, BLANKS)[0] > best[0]:
        return BLANKS
    return found


def _agreement(sample: str, separator: str) -> tuple[float, int]:
    """Share of lines with the commonest number of values, and that number; 0 where it is one.

    It counts half where the first line has another number: commas divide lines of decimal commas
    evenly, but not their names.
    """
    widths: list[int] = []
    with contextlib.suppress(csv.Error):  # a quotation that does not end; see _checked
        for values in records(sample, separator):
            if values:
                widths.append(len(values))
            if len(widths) == SAMPLE:
                break
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return 0.0, 0
    width, often = max(counts.items(), key=lambda item: (item[1], item[0]))
    share = often / len(widths)
    return share if widths[0] == width else share * UNLIKE, width


def _checked(text: str, separator: str, name: str) -> Layout:
    reader = records(text, separator)
    header: tuple[str, ...] = ()
    first: dict[int, int] = {}  # how many values a line has -> the first such line
    counts: Counter[int] = Counter()
    spaced = ends_full = False
    begins = 1
    try:
        for values in reader:
            if values and not header:
                header = tuple(values)
            elif values:
                counts[len(values)] += 1
                first.setdefault(len(values), begins)
                spaced = spaced or any(value.startswith(" ") for value in values[1:])
                ends_full = ends_full or bool(values[-1].strip())
            begins = reader.line_num + 1
    except csv.Error:
        raise DataError(
            f"Line {begins} of {name} opens a quotation mark that is never closed; close or "
            "remove it."
        ) from None
    if not counts:
        raise DataError(f"{name} has a line of column names and no rows below it; add the rows.")
    width = len(header)
    longer = {n: line for n, line in first.items() if n > width}
    common = counts.most_common(1)[0][0]
    if longer and (set(first) != {width + 1} or width == 1):
        raise DataError(_uneven(name, header, common, longer))
    trailing = bool(longer) and not ends_full
    if longer and not trailing:
        width += 1
    short = sum(count for n, count in counts.items() if n < width)
    lines = [line for n, line in first.items() if n < width]
    return Layout(separator, header, width, short, min(lines, default=0), spaced, trailing)


def _uneven(name: str, header: tuple[str, ...], common: int, longer: dict[int, int]) -> str:
    width = len(header)
    if width == 1:
        return (
            f"The first line of {name}, {brief(header[0])}, is no line of column names: lines "
            f"below it have {common} values; delete what stands above the names."
        )
    count, line = min(longer.items(), key=lambda item: item[1])
    return (
        f"Line {line} of {name} has {count} values and the first line has {width} names; remove "
        "what is too much, or put a value that holds the separator between quotation marks."
    )


def _first_line(text: str) -> str:
    return text.lstrip().split("\n", 1)[0].strip()[:60]

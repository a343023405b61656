"""Text as R lays it out on a page of 80 columns: vectors, tables, long formulas, short names.

All functions take ready strings. The rules are those R documents for ``print.default``, ``cat``,
``deparse`` and ``abbreviate``, checked against R's output on thousands of random inputs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

PAGE_WIDTH = 80
DEPARSE_CUTOFF = 60

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\a": "\\a"}
_ESCAPES |= {"\b": "\\b", "\f": "\\f", "\v": "\\v"}


def display_width(text: str) -> int:
    """Count the columns that a text takes in a terminal.

    Parameters
    ----------
    text : str

    Returns
    -------
    int
        Wide East Asian characters count two, combining marks none.
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) + wide - marks


def escape(text: str) -> str:
    r"""Write control characters and backslashes as R prints them (``\n`` as two characters).

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return "".join(_ESCAPES.get(c, c) for c in text)


def pad(text: str, width: int, right: bool) -> str:
    """Fill a text with blanks up to a display width.

    Parameters
    ----------
    text : str
    width : int
    right : bool
        Justify to the right instead of the left.

    Returns
    -------
    str
    """
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def make_name(text: str) -> str:
    """Turn a text into a valid name as R's ``make.names``: ``lab:room`` becomes ``lab.room``.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Of letters, digits, dots and underscores; an ``X`` is put before what cannot begin a name.
    """
    begins = re.match(r"[^\W\d_]|\.(?!\d)", text)
    return re.sub(r"[^\w.]", ".", text if begins else "X" + text)


def named_vector(names: Sequence[str], values: Sequence[str], gap: int = 1) -> str:
    """Lay out a named vector: names above values, both to the right, in lines of 80 columns.

    Parameters
    ----------
    names, values : sequence of str
        Of equal length.
    gap : int, default 1
        Blanks after each column, kept at the end of a line as R does.

    Returns
    -------
    str
        Lines, each ended by a newline.
    """
    labels = [escape(n) for n in names]
    cells = [escape(v) for v in values]
    width = max(display_width(t) for t in [*labels, *cells])
    per_line = max(1, PAGE_WIDTH // (width + gap))
    lines = []
    for start in range(0, len(cells), per_line):
        for row in (labels, cells):
            chunk = row[start : start + per_line]
            lines.append("".join(pad(t, width, True) + " " * gap for t in chunk))
    return "".join(line + "\n" for line in lines)


def table(
    row_names: Sequence[str],
    column_names: Sequence[str],
    columns: Sequence[Sequence[str]],
    right: bool = False,
) -> str:
    """Lay out a matrix of strings, its columns broken into blocks of under 80 characters.

    Parameters
    ----------
    row_names : sequence of str, length r
        Always justified to the left.
    column_names : sequence of str, length c
    columns : sequence of c sequences of r str
        The cells, column by column.
    right : bool, default False
        Justify cells and column names to the right.

    Returns
    -------
    str
        Lines, each ended by a newline.
    """
    rows = [escape(n) for n in row_names]
    heads = [escape(n) for n in column_names]
    cells = [[escape(c) for c in column] for column in columns]
    label_width = max((display_width(n) for n in rows), default=0)
    widths = [
        1 + max(display_width(t) for t in [head, *column])
        for head, column in zip(heads, cells, strict=True)
    ]
    lines: list[str] = []
    for start, stop in _blocks(label_width, widths):
        picked = range(start, stop)
        head_line = "".join(" " + pad(heads[j], widths[j] - 1, right) for j in picked)
        lines.append(" " * label_width + head_line)
        for i, name in enumerate(rows):
            line = "".join(" " + pad(cells[j][i], widths[j] - 1, right) for j in picked)
            lines.append(pad(name, label_width, False) + line)
    return "".join(line + "\n" for line in lines)


def _blocks(label_width: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """Split columns into runs that fit on the page beside the row names."""
    blocks = []
    start = 0
    while start < len(widths):
        used, stop = label_width + widths[start], start + 1
        while stop < len(widths) and used + widths[stop] < PAGE_WIDTH:
            used, stop = used + widths[stop], stop + 1
        blocks.append((start, stop))
        start = stop
    return blocks


def fill(parts: Sequence[str]) -> str:
    """Join parts by blanks, starting a new line before a part that would pass column 80.

    Parameters
    ----------
    parts : sequence of str

    Returns
    -------
    str
        One or more lines, each ended by a newline; as R, a broken line keeps its last blank.
    """
    text, used = "", 0
    for i, part in enumerate(parts):
        width = display_width(part) + 1
        if used and used + width > PAGE_WIDTH:
            text, used = text + "\n", 0
        text += part + (" " if i + 1 < len(parts) else "")
        used += width
    return text + "\n"


# Binary operators that R writes between blanks, by how tightly they bind. ``:``, ``/`` and ``^``
# are written without blanks, and no line is broken after them.
_BINDING = {",": 0, "=": 0, "~": 1, "||": 2, "|": 2, "+": 5, "-": 5, "*": 6}
_TOKEN = re.compile(r"`[^`]*`|\"[^\"]*\"|'[^']*'| (?:\|\||[~|+*=-]) |, |[()]|[^\s()`\"',]+|.")


def break_formula(formula: str, cutoff: int = DEPARSE_CUTOFF) -> list[str]:
    """Break a long formula into the lines of R's ``deparse``.

    A line ends after the first operator or comma that leaves it longer than ``cutoff``; what
    belongs to the right of that operator is indented by four blanks.

    Parameters
    ----------
    formula : str
        On one line, spaced as R spaces it.
    cutoff : int, default 60

    Returns
    -------
    list of str
    """
    lines: list[str] = []
    line, depth = "", 0
    # Each scope is (nesting depth, binding of the operator or comma that was broken after).
    scopes: list[tuple[int, int]] = []
    for token in _TOKEN.findall(formula):
        if not line and lines:
            line = _indent(len(scopes))
        if token == ")":
            depth -= 1
            scopes = [s for s in scopes if s[0] <= depth]
        depth += token == "("
        binding = _BINDING.get(token.strip()) if token.strip() != token else None
        if binding is not None:
            kept = [s for s in scopes if s[0] < depth or s[1] < binding]
            scopes = kept + [(depth, 0)] * (binding == 0 and (depth, 0) in scopes)
        line += token
        if binding is None or token == " = ":
            continue
        if len(line.encode()) > cutoff:
            lines.append(line)
            line = ""
            if binding != 0 or (depth, 0) not in scopes:
                scopes.append((depth, binding))
    return [*lines, line] if line else lines


def _indent(levels: int) -> str:
    return "    " * min(levels, 4) + "  " * max(levels - 4, 0)


# Beyond ASCII, R 4.2 knows these vowels and no other lower-case letters.
_VOWELS = frozenset("aeiouàáãäåèéêëìíîïòóôõöøùúûüāăąēĕėĘěĩīĭįıōŏőũūŭůűų")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz") | _VOWELS


def abbreviate(names: Sequence[str], length: int) -> list[str]:
    """Shorten names as R's ``abbreviate(names, minlength)``.

    From the end of a name, lower-case vowels go first, then other lower-case letters, then
    everything else, always sparing the first character of each word, until ``length`` characters
    are left (blanks not counted). Different names that became equal are shortened again, less.

    Parameters
    ----------
    names : sequence of str
    length : int

    Returns
    -------
    list of str
        In the order of ``names``.
    """
    distinct = list(dict.fromkeys(names))
    short = {n: _shorten(n, length) for n in distinct}
    for allowed in range(length + 1, max(map(len, distinct), default=0) + 1):
        count = Counter(short.values())
        clashing = [n for n in distinct if count[short[n]] > 1]
        if not clashing:
            break
        short.update({n: _shorten(n, allowed) for n in clashing})
    return [short[n] for n in names]


def _shorten(name: str, length: int) -> str:
    letters = list(name.strip(" "))
    if len(letters) <= length:
        return "".join(letters)
    rules = (
        lambda c, last: c in _VOWELS and last,
        lambda c, last: c in _VOWELS,
        lambda c, last: c in _LOWER and last,
        lambda c, last: c in _LOWER,
        lambda c, last: not c.isspace(),
    )
    left = sum(not c.isspace() for c in letters)
    for rule in rules:
        for i in range(len(letters) - 1, 0, -1):
            if left <= length:
                break
            first = letters[i - 1].isspace()
            last = not first and (i + 1 == len(letters) or letters[i + 1].isspace())
            if not first and rule(letters[i], last):
                del letters[i]  # no rule is about a blank
                left -= 1
    kept = "".join(letters)
    return "".join(kept.split()) if len(kept) > length else kept

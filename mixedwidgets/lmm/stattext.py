"""Tables of tests as R prints them: columns in common formats, p-values, stars.

The rules are those R documents for ``printCoefmat`` and ``format.pval`` and its ``anova`` tables
follow, checked against R's output.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from mixedwidgets.lmm.report import DIGITS, coefficient_cells
from mixedwidgets.lmm.rformat import (
    FloatArray,
    format_number,
    format_numbers,
    round_half_even,
    zap_small,
)
from mixedwidgets.lmm.rlayout import PAGE_WIDTH, table

TABLE_DIGITS = 5
LEAST = float(np.finfo(float).eps)  # p-values below are written as a bound
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, "."))
LEGEND = "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1"
ESTIMATES = ("Estimate", "Std. Error", "t value")


def stat_text(
    heading: Sequence[str],
    rows: Sequence[str],
    columns: Mapping[str, FloatArray],
    notes: Sequence[str],
) -> str:
    """Lay out a table of tests.

    Parameters
    ----------
    heading : sequence of str
        Lines above.
    rows : sequence of str, length r
        Row names.
    columns : mapping of str to (r,) array
        NaN is left blank. Columns whose names begin with ``Pr(`` hold p-values.
    notes : sequence of str
        Sentences below.

    Returns
    -------
    str
        Without the last newline, which ``print`` adds.
    """
    heads, cells = list(columns), stat_cells(columns)
    stars = stars_of(columns)
    if stars:
        heads.append("")
        cells.append([s.ljust(3) for s in stars])
    body = table(rows, heads, cells, right=True)
    legend = f"---\n{LEGEND}\n" if stars else ""
    above = "".join(f"{line}\n" for line in heading)
    below = "".join(f"{textwrap.fill(note, PAGE_WIDTH - 1)}\n" for note in notes)
    return f"{above}{body}{legend}{below}".removesuffix("\n")


def stat_cells(columns: Mapping[str, FloatArray]) -> list[list[str]]:
    """Write the columns of a table of tests, each list one column."""
    written: dict[str, list[str]] = {}
    digits = TABLE_DIGITS
    if all(name in columns for name in ESTIMATES):
        digits = DIGITS
        parts = coefficient_cells(columns["Estimate"], columns["Std. Error"])
        written = dict(zip(ESTIMATES, parts, strict=True))
    for name, values in columns.items():
        if name in written:
            continue
        missing = np.isnan(values)
        cells = iter(_column(name, np.asarray(values, dtype=float)[~missing], digits))
        written[name] = ["" if m else next(cells) for m in missing]
    return [written[name] for name in columns]


def stars_of(columns: Mapping[str, FloatArray]) -> list[str]:
    """A star or more beside every small p-value; empty where there is none."""
    for name, values in columns.items():
        if name.startswith("Pr("):
            stars = [next((s for limit, s in STARS if p < limit), "") for p in values]
            return stars if any(stars) else []
    return []


def _column(name: str, known: FloatArray, digits: int) -> list[str]:
    """Write one column without its missing values."""
    if name.startswith("Pr("):
        return p_values(known, digits - 1)
    if name == "Chisq" or name[1:].startswith(" value"):
        return format_numbers(round_half_even(known, digits - 1), digits)
    cells = format_numbers(zap_small(known, digits), digits)
    hidden = [i for i, c in enumerate(cells) if known[i] != 0 and float(c) == 0]
    for i, text in zip(hidden, format_numbers(known[hidden], digits - 1), strict=True):
        cells[i] = text
    return cells


def p_values(values: FloatArray, digits: int) -> list[str]:
    """Write p-values as R's ``format.pval``: fixed from 0.0001 on, bounds where they vanish.

    With a single digit, fixed from 0.001 on.

    Parameters
    ----------
    values : (r,) array
        Between 0 and 1, none missing.
    digits : int
        Significant digits.

    Returns
    -------
    list of str
    """
    out = [""] * len(values)
    shown = values >= LEAST
    fixed = shown & (values >= (0.0001 if digits > 1 else 0.001))
    for chosen in (fixed, shown & ~fixed):
        places = np.flatnonzero(chosen)
        for place, cell in zip(places, format_numbers(values[places], digits), strict=True):
            out[place] = cell
    least = max(1, digits - 2)
    if shown.any():
        widest = max(len(cell) for cell in out)
        if least > 1 and least + 6 > widest:
            least = max(1, widest - 7)
        blank = "" if least == 1 and widest <= 6 else " "
    else:
        blank = "" if least == 1 else " "
    for place in np.flatnonzero(~shown):
        out[place] = f"<{blank}{format_number(LEAST, least)}"
    return out

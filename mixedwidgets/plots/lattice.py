"""A lattice of panels, one a profile: where they are, how far they reach, what is impossible."""

from __future__ import annotations

import math
from typing import TypeAlias

from matplotlib.axes import Axes

from mixedwidgets.lmm.tables import ProfileCurve, ProfileTable
from mixedwidgets.plots.sheet import MARGIN, Sheet

MOST = 12  # panels; more are counted, not drawn
_TOP, _ACROSS, _BELOW, _NUMBERS, _HIGH = 62.0, 18.0, 61.0, 34.0, 150.0
_NOTE = 18.0
_WIDE = 2.1  # a sheet so many times as wide as high has room for four side by side

Span: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]


def columns_of(table: ProfileTable) -> int:
    """How many panels stand side by side."""
    count = min(table.count, MOST)
    return count if count <= 3 else 2 if count == 4 else 3


def height(table: ProfileTable) -> float:
    """Return a comfortable height for a lattice of this table, in inches."""
    rows = math.ceil(min(table.count, MOST) / columns_of(table))
    return (_TOP + rows * (_HIGH + _BELOW) + _NOTE * bool(left_out(table)) + 10.0) / 100


def left_out(table: ProfileTable) -> str:
    """Say how many parameters find no panel, if any."""
    more = table.count - MOST
    return f"{more} more parameter{'s' * (more > 1)} in the table" if more > 0 else ""


def boxes(sheet: Sheet, table: ProfileTable) -> list[Box]:
    """Return where the panels are, row by row, with room for numbers at the left and below."""
    count = min(table.count, MOST)
    bottom = sheet.height - MARGIN + 4 - _NOTE * bool(left_out(table))
    across = columns_of(table)
    if count == 4 and sheet.width > _WIDE * (bottom - _TOP):
        across = 4
    rows = math.ceil(count / across)
    wide = (sheet.width - 2 * MARGIN + _ACROSS) / across
    high = (bottom - _TOP) / rows
    out = []
    for n in range(count):
        row, column = divmod(n, across)
        left, top = MARGIN + column * wide, _TOP + row * high
        out.append((left + _NUMBERS, top, left + wide - _ACROSS, top + high - _BELOW))
    if left_out(table):
        sheet.write(MARGIN, sheet.height - 12, left_out(table), color=sheet.theme.muted)
    return out


def view(curve: ProfileCurve) -> Span:
    """Return the limits of a parameter's axis: what was profiled, and beyond a boundary there."""
    lower, upper = float(curve.line[0, 0]), float(curve.line[-1, 0])
    if not upper > lower:
        return lower - (abs(lower) or 1.0), upper + (abs(upper) or 1.0)
    pad = 0.04 * (upper - lower)
    low, high = lower - pad, upper + pad
    if lower <= curve.allowed[0] + pad:
        low = curve.allowed[0] - 2.0 * pad
    if upper >= curve.allowed[1] - pad:
        high = curve.allowed[1] + 2.0 * pad
    return low, high


def hatch(sheet: Sheet, axes: Axes, curve: ProfileCurve) -> None:
    """Hatch what of a panel the parameter on its x axis cannot reach."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    parts = []
    if curve.allowed[0] > left:
        parts.append((left, low, curve.allowed[0], high))
    if curve.allowed[1] < right:
        parts.append((curve.allowed[1], low, right, high))
    sheet.impossible(axes, parts)


def touches(curve: ProfileCurve) -> bool:
    """Whether a boundary is in view."""
    low, high = view(curve)
    return curve.allowed[0] > low or curve.allowed[1] < high

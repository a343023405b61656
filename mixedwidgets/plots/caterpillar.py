"""Caterpillar: the conditional modes of every group with their intervals, sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtri

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.group_marks import Highlight, Segments, highlights, name_rows, parts
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import SMALL, Theme

FORMS = ("auto", "rows", "qq")
MOST_ROWS = 60  # groups; more are drawn against normal quantiles
MOST_EFFECTS = 4
HALF = 1.959963984540054  # standard normal, 97.5%
_TOP, _BELOW, _APART = 56.0, 48.0, 16.0
_LINE = 13.0  # the smallest distance of two lines of text
_NUMBERS = 26.0  # room for quantiles at the left


def draw(
    figure: Figure,
    table: CaterpillarTable,
    *,
    form: str = "auto",
    theme: str | Theme = "light",
    animated: bool = True,
) -> None:
    """Draw a panel for each random effect, of at most four, into an empty figure.

    The artists that follow a hand are, for each effect i, ``bars-i`` and ``modes-i``, in the form
    of quantiles also ``normal-i``; and ``picked`` with ``picked-name`` in each panel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4.2 inches.
    table : CaterpillarTable
        What to draw.
    form : {"auto", "rows", "qq"}
        ``"rows"``: a row a group, sorted by each effect by itself. ``"qq"``: each group at the
        quantile of the normal distribution for its rank, so that normal effects lie on a line.
        ``"auto"``: rows for up to 60 groups.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.

    Raises
    ------
    DataError
        Another form.
    """
    form = form_of(table, form)
    sheet = Sheet(figure, theme)
    effects = min(len(table.names), MOST_EFFECTS)
    more = len(table.names) - effects
    remarks = [f"{len(table.levels)} groups ({table.group})"]
    if not table.modes.any():
        remarks.append("estimated variance 0")
    if more:
        remarks.append(f"{more} more effect{'s' * (more > 1)} in the table")
    title = "Conditional modes" if form == "rows" else "Conditional modes, normal QQ"
    sheet.title(f"{title}, {table.criterion}", "; ".join(remarks))
    sheet.key(_marks(sheet.theme, form))
    wide = (sheet.width - 2 * MARGIN + _APART) / effects
    for effect in range(effects):
        left = MARGIN + effect * wide
        box = (left, left + wide - _APART)
        (_draw_rows if form == "rows" else _draw_quantiles)(sheet, table, effect, box, animated)


def form_of(table: CaterpillarTable, form: str = "auto") -> str:
    """Return the form a table is drawn in: ``"rows"`` or ``"qq"``."""
    if form not in FORMS:
        raise DataError(
            f"form is {brief(form)}{nearest(str(form), FORMS)}; give 'auto', 'rows' or 'qq'."
        )
    if form == "auto":
        return "rows" if len(table.levels) <= MOST_ROWS else "qq"
    return form


def describe(table: CaterpillarTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : CaterpillarTable
        The table that is drawn.

    Returns
    -------
    str
        For each effect the range of its modes, which groups are at both ends, and how many have
        intervals without zero.
    """
    sentences = []
    for effect, name in enumerate(table.names):
        modes, sd = table.modes[:, effect], table.sd[:, effect]
        low, high = (int(table.order[i, effect]) for i in (0, -1))
        step = resolution(*modes)
        away = int((np.abs(modes) > HALF * sd).sum()) if modes.any() else 0
        sentences.append(
            f"{name}: from {number(float(modes[low]), step)} ({table.levels[low]}) to "
            f"{number(float(modes[high]), step)} ({table.levels[high]}); {away} of "
            f"{len(modes)} intervals of ± 1.96 standard deviations leave out 0."
            if modes.any()
            else f"{name}: every mode is 0, because its variance is estimated as zero."
        )
    return (
        f"Conditional modes of {len(table.levels)} groups ({table.group}; {table.criterion}). "
        + " ".join(sentences)
    )


def hit(table: CaterpillarTable, gid: str | None, index: int) -> int | None:
    """Return which level a pointer means.

    Parameters
    ----------
    table : CaterpillarTable
        The table as it was drawn, not one that followed.
    gid : str or None
        The artist under the pointer.
    index : int
        The number of the marker or line in it.

    Returns
    -------
    int or None
        The level's place in ``table.levels``; None for an artist that is of no level.
    """
    kind, _, effect = (gid or "").partition("-")
    return int(table.order[index, int(effect)]) if kind in ("bars", "modes") else None


def pick(figure: Figure, table: CaterpillarTable, index: int | None) -> None:
    """Mark one level in every panel of a figure that is drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : CaterpillarTable
        Drawn in it, or one that followed.
    index : int or None
        The level's place in ``table.levels``; None for none.
    """
    artists = parts(figure)
    for effect, mark in enumerate(highlights(figure)):
        if index is None or mark.place is None:
            mark.clear()
            continue
        mark.level = index
        place = int(mark.place[index])
        (left, y), (right, _) = artists[f"bars-{effect}"].ends[place]
        x = float(artists[f"modes-{effect}"].get_offsets()[place][0])
        mark.mark([left, x, right], [y, y, y], table.levels[index])


def follow(figure: Figure, table: CaterpillarTable) -> None:
    """Put another table of the same levels into a figure that is drawn.

    The groups stay in the order they were drawn in and the limits as they are: what is beyond
    them leaves the picture.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : CaterpillarTable
        With the levels and effects of the table drawn.
    """
    artists, marks = parts(figure), highlights(figure)
    for effect, mark in enumerate(marks):
        assert mark.order is not None
        places = artists[f"bars-{effect}"].ends[:, 0, 1]
        modes = table.modes[mark.order, effect]
        artists[f"bars-{effect}"].move(_bars(modes, table.sd[mark.order, effect], places))
        artists[f"modes-{effect}"].set_offsets(np.column_stack((modes, places)))
        if f"normal-{effect}" in artists:
            artists[f"normal-{effect}"].set_data(*_normal_line(modes, places))
    if marks and marks[0].level is not None:
        pick(figure, table, marks[0].level)


def quantiles(count: int) -> Floats:
    """Return the normal quantiles of the ranks 1 to m, shape (m,).

    Of the probabilities (i - a) / (m + 1 - 2 a), with a = 3/8 for up to ten groups and 1/2 for
    more (Blom 1958, Statistical Estimates and Transformed Beta-Variables).
    """
    a = 0.375 if count <= 10 else 0.5
    return np.asarray(ndtri((np.arange(1, count + 1) - a) / (count + 1 - 2 * a)))


def limits(table: CaterpillarTable, effect: int) -> tuple[float, float]:
    """Return the limits of the axis of one effect: all intervals, and zero."""
    reach = HALF * table.sd[:, effect]
    low = min(float((table.modes[:, effect] - reach).min()), 0.0)
    high = max(float((table.modes[:, effect] + reach).max()), 0.0)
    pad = 0.05 * (high - low) or 1.0
    return low - pad, high + pad


def _marks(theme: Theme, form: str) -> list[Mark]:
    dot = {"marker": "o", "markersize": 6, "color": theme.pooled, "markeredgecolor": theme.panel}
    bar = {"color": theme.pooled, "linewidth": 2.0, "alpha": 0.7}
    marks = [Mark("mode ± 1.96 conditional SD", "± 1.96 SD", line=bar, marker=dot)]
    if form == "qq":
        marks.append(Mark("normal effects lie on a line", "normal", line=_normal_look(theme)))
    return marks


def _normal_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.muted, "linewidth": 1.1, "linestyle": (0, (5, 3))}


def _bars(modes: Floats, sd: Floats, places: Floats) -> Floats:
    """Return both ends of the interval of each place, (m, 2, 2)."""
    ends = modes[:, None] + HALF * sd[:, None] * np.array([-1.0, 1.0])
    return np.stack((ends, np.repeat(places[:, None], 2, axis=1)), axis=2)


def _normal_line(modes: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Return the line through the quartiles of the modes, over all places."""
    low, high = np.quantile(modes, [0.25, 0.75])
    slope = (high - low) / (2.0 * float(ndtri(0.75)))
    ends = places[[0, -1]]
    return (low + high) / 2.0 + slope * ends, ends


def _draw_rows(
    sheet: Sheet,
    table: CaterpillarTable,
    effect: int,
    sides: tuple[float, float],
    animated: bool,
) -> None:
    order, count = table.order[:, effect], len(table.levels)
    bottom = sheet.height - _BELOW
    spacing = (bottom - _TOP) / count
    names = [table.levels[i] for i in order]
    columns = 1 if spacing >= _LINE else 2
    named = columns * spacing >= _LINE
    widest = max((text_width(name, SMALL) for name in names), default=0.0)
    width = min(widest, 0.25 * (sides[1] - sides[0])) if named else 0.0
    left = sides[0] + (width + 10 if named else 0.0)
    right = sides[1] - (width + 10 if named and columns == 2 else 0.0)
    axes = sheet.panel((left, _TOP, right, bottom), limits(table, effect), (-0.7, count - 0.3))
    if named:
        name_rows(sheet, axes, names, columns, width)
    thick = float(np.clip(0.35 * spacing, 1.0, 3.0))
    _draw_marks(sheet, axes, table, effect, np.arange(count, dtype=float), thick, animated)


def _draw_quantiles(
    sheet: Sheet,
    table: CaterpillarTable,
    effect: int,
    sides: tuple[float, float],
    animated: bool,
) -> None:
    places = quantiles(len(table.levels))
    top, bottom = _TOP + 20, sheet.height - _BELOW
    far = 1.06 * float(places[-1]) + 0.1
    left = sides[0] + max(_NUMBERS, tick_room(-far, far, bottom - top, 45) + 6)
    axes = sheet.panel((left, top, sides[1], bottom), limits(table, effect), (-far, far))
    sheet.scale(axes, "y", label="normal quantile", every=45, reach=(left - sides[0], 0.0))
    thick = 2.0 if len(places) <= MOST_ROWS else 0.6
    order = table.order[:, effect]
    stroke(
        axes,
        *_normal_line(table.modes[order, effect], places),
        **_normal_look(sheet.theme),
        zorder=2.5,
        animated=animated,
        gid=f"normal-{effect}",
    )
    _draw_marks(sheet, axes, table, effect, places, thick, animated)


def _draw_marks(
    sheet: Sheet,
    axes: Axes,
    table: CaterpillarTable,
    effect: int,
    places: Floats,
    thick: float,
    animated: bool,
) -> None:
    """Draw the bars and modes of one effect at the places of its sorted groups."""
    theme = sheet.theme
    order: NDArray[np.intp] = table.order[:, effect]
    modes = table.modes[order, effect]
    few = len(order) <= MOST_ROWS
    sheet.scale(axes, "x", label=f"{table.names[effect]} by {table.group}", every=60)
    stroke(axes, [0.0, 0.0], axes.get_ylim(), color=theme.muted, linewidth=1.0, zorder=1.0)
    bars = Segments(
        _bars(modes, table.sd[order, effect], places),
        colors=theme.pooled,
        linewidths=thick,
        alpha=0.7 if few else 0.16,
        zorder=2.0,
        animated=animated,
        gid=f"bars-{effect}",
    )
    axes.add_collection(bars, autolim=False)
    scatter: Any = axes.scatter
    scatter(
        modes,
        places,
        s=(2.6 * thick + 2.0) ** 2 if few else 8.0,
        facecolors=theme.pooled,
        edgecolors=theme.panel,
        linewidths=0.6 if few else 0.0,
        zorder=3.0,
        animated=animated,
        gid=f"modes-{effect}",
    )
    Highlight(axes, theme, order, animated, markevery=[1])

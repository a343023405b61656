"""The point on a drawn likelihood surface that a hand moves: where it is, and what it says."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline

from mixedwidgets.lmm.tables import Floats, Surface
from mixedwidgets.plots.numbers import number, significant

FAR = 60.0  # a drop beyond is drawn as far away, whatever its size
APART = 1e-6  # of a grid's length: closer points are one
AT_REST = 1e-9  # of a grid's length: a point as close to the maximum is there
STEP, STRIDE = 1 / 50, 1 / 10  # of a grid's length, by an arrow key
POINTS = 121  # of a section
TOP, SURE = 5e-4, 0.999  # of confidence: below, the point is at the maximum; beyond, only outside

_ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowDown": (0, -1), "ArrowUp": (0, 1)}


def place(figure: Figure, table: Surface, x: float, y: float) -> tuple[float, float]:
    """Move the point of a drawn surface, with its crosshair and the sections through it.

    Only moving artists change. On the two curves, the section of the drawn surface through the
    point appears: of a profile surface, at each value of one parameter the other is where the
    point is and all others are re-optimised. At the maximum there is none.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which ``surface.draw`` drew this table.
    table : Surface
        The table.
    x, y : float
        Where to; what is impossible or outside the grid goes to the nearest place inside.

    Returns
    -------
    tuple of two float
        Where the point is now.
    """
    x, y = at = clamp(table, x, y)
    main, *beside = figure.axes[:3]
    _set(main, "point", [x], [y])
    _set(main, "crosshair-x", [x, x], main.get_ylim())
    _set(main, "crosshair-y", main.get_xlim(), [y, y])
    height = -0.5 * drop_at(table, x, y)
    for axis, axes in enumerate(beside):
        name = "xy"[axis]
        _set(axes, "slice-crosshair", [at[axis], at[axis]], axes.get_ylim())
        _set(axes, f"slice-point-{name}", [at[axis]], [height])
        _set(axes, f"section-{name}", *_section(table, axis, at))
    return at


def clamp(table: Surface, x: float, y: float) -> tuple[float, float]:
    """Return the nearest point that is possible and inside the grid.

    Parameters
    ----------
    table : Surface
        The table that is drawn.
    x, y : float
        Any point; the maximum takes the place of a number that is none.
    """
    out = []
    for value, grid, (low, high), best in zip(
        (x, y), (table.x, table.y), table.allowed, table.optimum, strict=True
    ):
        value = best if math.isnan(value) else value
        out.append(float(min(max(value, float(grid[0]), low), float(grid[-1]), high)))
    return out[0], out[1]


def drop_at(table: Surface, x: float, y: float) -> float:
    """Return the drop of twice the log-likelihood at a point, between the points of the grid.

    Parameters
    ----------
    table : Surface
        The table that is drawn.
    x, y : float
        A point inside the grid.

    Returns
    -------
    float
        By a bicubic spline through the grid (linear where some of its points are impossible);
        drops beyond 60 are too far to be told apart.
    """
    if _at_rest(table, (x, y)):
        return 0.0
    return float(_sections(table).along(np.array([x]), np.array([y]))[0, 0])


def say(table: Surface, x: float, y: float, drop: float | None = None) -> str:
    """Say in a sentence where the point is, for screen readers.

    Parameters
    ----------
    table : Surface
        The table that is drawn.
    x, y : float
        The point.
    drop : float, optional
        Twice the log-likelihood at the maximum minus that at the point; by default by
        :func:`drop_at`.

    Returns
    -------
    str
        Such as "SD of ses by school is 2.1; residual SD σ is 9.0: log-likelihood 3.2 below the
        maximum, on the edge of the 96% joint region". The region is that of two parameters, whose
        drop at confidence p is -2 log(1 - p).
    """
    drop = drop_at(table, x, y) if drop is None else drop
    values = []
    for label, value, grid, allowed in zip(
        table.labels, (x, y), (table.x, table.y), table.allowed, strict=True
    ):
        text = number(value, float(grid[-1] - grid[0]) / 200)
        bound = ", the boundary" if value in allowed else ""
        values.append(f"{label} is {text}{bound}")
    likelihood = "log-likelihood" if table.criterion == "ML" else "restricted log-likelihood"
    return f"{'; '.join(values)}: {_height(drop, likelihood)}."


def step(table: Surface, key: str, shift: bool, x: float, y: float) -> tuple[float, float] | None:
    """Return where a key takes the point.

    Parameters
    ----------
    table : Surface
        The table that is drawn.
    key : str
        ``"ArrowLeft"``, ``"ArrowRight"``, ``"ArrowUp"``, ``"ArrowDown"``: a 50th of the grid's
        length; ``"Home"``: the maximum.
    shift : bool
        Whether the shift key is held: a tenth instead.
    x, y : float
        Where the point is.

    Returns
    -------
    tuple of two float, or None
        None for every other key.
    """
    if key == "Home":
        return table.optimum
    if key not in _ARROWS:
        return None
    share = STRIDE if shift else STEP
    dx, dy = (
        way * share * float(grid[-1] - grid[0])
        for way, grid in zip(_ARROWS[key], (table.x, table.y), strict=True)
    )
    return clamp(table, x + dx, y + dy)


def _height(drop: float, likelihood: str) -> str:
    """How far below the maximum, and which joint region the point is on the edge of."""
    if not math.isfinite(drop):
        return "impossible"
    confidence = -math.expm1(-drop / 2)
    if confidence < TOP:
        return f"the maximum of the {likelihood}"
    below = f"{likelihood} {significant(drop / 2, 2)} below the maximum"
    if confidence > SURE:
        return f"{below}, outside the {100 * SURE:.1f}% joint region"
    percent = 100 * confidence
    return f"{below}, on the edge of the {percent:.{1 if percent > 99 else 0}f}% joint region"


def _at_rest(table: Surface, at: tuple[float, float]) -> bool:
    return all(
        abs(value - best) <= AT_REST * float(grid[-1] - grid[0])
        for value, best, grid in zip(at, table.optimum, (table.x, table.y), strict=True)
    )


def _section(table: Surface, axis: int, at: tuple[float, float]) -> tuple[Floats, Floats]:
    """Places and heights of the section along one axis through a point; empty at the maximum."""
    if _at_rest(table, at):
        return np.empty(0), np.empty(0)
    sections = _sections(table)
    places = sections.places[axis]
    other = np.array([at[1 - axis]])
    along = (places, other) if axis == 0 else (other, places)
    return places, -0.5 * sections.along(*along).ravel()


class _Sections:
    """A spline through the grid of a surface, made once."""

    def __init__(self, table: Surface):
        x, columns = _apart(table.x)
        y, rows = _apart(table.y)
        drop = table.drop[np.ix_(rows, columns)]
        known = np.isfinite(drop)
        squeezed = np.where(known, drop / (1.0 + np.where(known, drop, 0.0) / FAR), FAR)
        most = 3 if known.all() else 1
        self.spline = RectBivariateSpline(
            x, y, squeezed.T, kx=min(most, len(x) - 1), ky=min(most, len(y) - 1)
        )
        self.places = tuple(np.linspace(g[0], g[-1], POINTS) for g in (x, y))

    def along(self, x: Floats, y: Floats) -> Floats:
        """Drops at the points of a grid, (nx, ny)."""
        bounded = np.clip(self.spline(x, y), 0.0, 0.99 * FAR)
        return np.asarray(bounded / (1.0 - bounded / FAR))


def _apart(grid: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """The values of a grid that are not next to the one before, and which they are.

    A single value becomes two, because a spline needs them.
    """
    if len(grid) == 1 or not grid[-1] > grid[0]:
        return np.array([grid[0], grid[0] + (abs(grid[0]) or 1.0)]), np.zeros(2, dtype=np.intp)
    kept = np.flatnonzero(np.append(True, np.diff(grid) > APART * (grid[-1] - grid[0])))
    return grid[kept], kept


_known: WeakKeyDictionary[Surface, _Sections] = WeakKeyDictionary()


def _sections(table: Surface) -> _Sections:
    if table not in _known:
        _known[table] = _Sections(table)
    return _known[table]


def _set(axes: Axes, gid: str, x: ArrayLike, y: ArrayLike) -> None:
    """Give the line of a name other points."""
    for line in axes.lines:
        if line.get_gid() == gid:
            line.set_data(x, y)

"""The data of one group and its fitted lines, among the lines of all groups."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.group_tables import GroupTable
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import random_part, shrinkage

INTERCEPT = "(Intercept)"
UNEQUAL = 4  # ratio of the sizes of groups beyond which rows are not counted but spread out
CURVED = 25  # points of a line that is not straight
_NAME = re.compile(r"`[^`]*`|[^\W\d][\w.]*(?![\w.]*\s*[(=])")
_SHORT = 0.015  # of the range of x: how far the line of a group with one x reaches to each side


def one_group(
    design: Design,
    estimate: Estimate,
    factor: int = 0,
    level: int | None = None,
    contribution: float | None = None,
) -> GroupTable:
    """The raw data of one level with its three lines, and the lines of all levels.

    On the x axis is the first random slope of the grouping factor; without one the first fixed
    effect that takes more than two values; without one the row within the group, spread over 0 to
    1 where groups are of very unequal sizes. Along a line a column of the same variable, such as
    its square, follows x (from value to value of the data), a column of an interaction with x is
    at its mean multiple of x, and every other column is held at its mean over the group's rows.
    So are the offset and the effects of other grouping factors: the lines of a group differ in
    its own coefficients alone, and they go through its data as far as what is held is the same in
    all its rows.

    Parameters
    ----------
    design, estimate
        The fit, or a point of its parameter space.
    factor : int
        Which grouping factor.
    level : int, optional
        Which of its levels; None for the lines of all alone.
    contribution : float, optional
        What the level adds to the log-likelihood.

    Returns
    -------
    GroupTable

    Raises
    ------
    ModelError
        No such level.
    """
    grouping = design.groupings[factor]
    count = len(grouping.levels)
    if level is not None and not 0 <= level < count:
        raise ModelError(
            f"level is {brief(level)}; give a number from 0 to {count - 1}, the place of a level "
            f"of {grouping.name!r}."
        )
    table = shrinkage(design, estimate, grouping.name)
    groups = _Groups.of(design, factor)
    complete = groups.complete(design, estimate, factor)
    effects = groups.effects(design, factor)
    modes = table.partial_pooling - table.complete_pooling
    grid = groups.grid
    picked: list[Array] = [np.empty(0), np.empty(0), np.full(grid.shape[1], np.nan)]
    own, lines = np.full((2, len(table.names)), np.nan), np.full((3, grid.shape[1]), np.nan)
    if level is not None:
        rows = groups.codes == level
        own = np.array([table.no_pooling[level], table.partial_pooling[level]])
        away = np.vstack([own - table.complete_pooling, np.zeros(len(table.names))])
        lines = complete[level] + away @ effects[level].T
        picked = [groups.x[rows], design.y[rows], grid[level]]
    return GroupTable(
        group=table.group,
        levels=table.levels,
        index=level,
        labels=(groups.label, str(design.spec.response).replace("`", "")),
        limits=(_span(groups.x), _span(design.y)),
        x=picked[0],
        y=picked[1],
        names=table.names,
        no_pooling=own[0],
        partial_pooling=own[1],
        complete_pooling=table.complete_pooling,
        grid=picked[2],
        lines=lines,
        lines_x=grid,
        lines_y=complete + np.einsum("jgk,jk->jg", effects, modes),
        held=_held(design, factor, groups),
        criterion=table.criterion,
        contribution=contribution,
        by_row=groups.column is None and float(groups.x.max()) > 1.0,
    )


def _span(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


@dataclass(frozen=True)
class _Groups:
    """What is on the x axis, by groups.

    Attributes
    ----------
    codes : (n,) array of int
        The group of each row.
    size : (m,) array
        Rows in each group.
    column : str or None
        R's name of the column on the x axis; None for the row within the group.
    label : str
        What the axis says.
    x : (n,) array
    curved : bool
        Whether some column is another function of x.
    """

    codes: NDArray[np.intp]
    size: NDArray[np.intp]
    column: str | None
    label: str
    x: Array
    curved: bool = False

    @classmethod
    def of(cls, design: Design, factor: int) -> _Groups:
        grouping = design.groupings[factor]
        size = np.bincount(grouping.codes, minlength=len(grouping.levels))
        found = _slope(design, factor) or _covariate(design)
        if found is not None:
            straight = cls(grouping.codes, size, found[0], plain(found[0]), found[1])
            blocks = [block.names for block in design.blocks if block.grouping == factor]
            names = itertools.chain(design.x_names, *blocks)
            return replace(straight, curved=any(map(straight.follows, names)))
        order = np.argsort(grouping.codes, kind="stable")
        first = np.cumsum(size) - size
        x = np.empty(len(order))
        x[order] = 1.0 + np.arange(len(order)) - np.repeat(first, size)
        label = f"row within {grouping.name}"
        if size.max() > UNEQUAL * size.min():
            x = (x - 0.5) / size[grouping.codes]
            label = f"rows within {grouping.name}, from the first (0) to the last (1)"
        return cls(grouping.codes, size, None, label, x)

    def mean(self, values: Array) -> Array:
        """Mean of one value a row over each group, (m,)."""
        return np.asarray(np.bincount(self.codes, values, len(self.size)) / self.size)

    def follows(self, name: str) -> bool:
        """Whether a column is another function of the variable on the x axis."""
        own = set() if self.column is None else _variables(self.column)
        return name != self.column and bool(own) and _variables(name) <= own

    def multiplies(self, name: str) -> bool:
        """Whether a column is the one on the x axis times others."""
        return self.column is not None and ":" in name and self.column in name.split(":")

    @cached_property
    def grid(self) -> Array:
        """Where each group's line has its points, (m, g)."""
        low, high = np.full(len(self.size), np.inf), np.full(len(self.size), -np.inf)
        np.minimum.at(low, self.codes, self.x)
        np.maximum.at(high, self.codes, self.x)
        short = np.where(high > low, 0.0, _SHORT * (np.ptp(self.x) or 1.0))
        return np.linspace(low - short, high + short, CURVED if self.curved else 2, axis=1)

    def along(self, names: tuple[str, ...], columns: Array) -> Array:
        """The columns of a model matrix along each group's line, (m, g, c)."""
        out = np.empty((*self.grid.shape, len(names)))
        for c, name in enumerate(names):
            if name == self.column:
                out[:, :, c] = self.grid
            elif self.follows(name):
                x, first = np.unique(self.x, return_index=True)
                out[:, :, c] = np.interp(self.grid, x, columns[first, c])
            elif self.multiplies(name):
                square, product = self.mean(self.x**2), self.mean(self.x * columns[:, c])
                multiple = np.divide(product, square, out=np.zeros_like(square), where=square > 0.0)
                out[:, :, c] = multiple[:, None] * self.grid
            else:
                out[:, :, c] = self.mean(columns[:, c])[:, None]
        return out

    def complete(self, design: Design, estimate: Estimate, factor: int) -> Array:
        """Heights of each group's line with complete pooling, (m, g)."""
        height = self.along(design.x_names, design.X) @ estimate.beta
        if design.offset is not None:
            height = height + self.mean(design.offset)[:, None]
        if len(design.groupings) > 1:
            others = random_part(design, estimate, leave_out=factor)
            height = height + self.mean(others)[:, None]
        return np.asarray(height)

    def effects(self, design: Design, factor: int) -> Array:
        """The columns of the factor's random effects along each group's line, (m, g, k)."""
        blocks = [block for block in design.blocks if block.grouping == factor]
        return np.concatenate([self.along(b.names, b.columns) for b in blocks], axis=2)


def _variables(name: str) -> set[str]:
    """The variables that the name of a column mentions."""
    return set(_NAME.findall(name)) - {"TRUE", "FALSE"}


def _slope(design: Design, factor: int) -> tuple[str, Array] | None:
    """The first random slope of a factor, its name and its column."""
    for block in design.blocks:
        if block.grouping == factor:
            for name, column in zip(block.names, block.columns.T, strict=True):
                if name != INTERCEPT:
                    return name, np.asarray(column)
    return None


def _covariate(design: Design) -> tuple[str, Array] | None:
    """The first fixed effect, of no interaction, that takes more than two values."""
    for name, column in zip(design.x_names, design.X.T, strict=True):
        if ":" not in name and np.any((column != column.min()) & (column != column.max())):
            return name, np.asarray(column)
    return None


def _held(design: Design, factor: int, groups: _Groups) -> str:
    """What the lines hold, in words; empty where there is nothing to hold."""
    rest = [
        name
        for name in design.x_names
        if name not in (INTERCEPT, groups.column)
        and not groups.follows(name)
        and not groups.multiplies(name)
    ]
    others = [g.name for f, g in enumerate(design.groupings) if f != factor]
    parts = [*(plain(n) for n in rest), *(f"effects of {name}" for name in others)]
    if design.offset is not None:
        parts.append("offset")
    if not parts:
        return ""
    return f"{', '.join(parts[:3])}{' …' if len(parts) > 3 else ''} at the group's mean"

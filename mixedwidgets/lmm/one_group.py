"""The data of one group and its fitted lines, among the lines of all groups."""

from __future__ import annotations

from dataclasses import dataclass

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
    effect that takes more than two values; without one the row within the group. Along a line
    every other column of the model is held at its mean over the group's rows, a column of an
    interaction with x at its mean multiple of x. So are the offset and the effects of other
    grouping factors: the lines of a group differ in its own coefficients alone, and they go
    through its data as far as what is held is the same in all its rows.

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
    common, slope = groups.lines(design, estimate, factor)
    modes = table.partial_pooling - table.complete_pooling
    at, along = groups.effects(design, factor)
    starts = common + np.einsum("jk,jk->j", at, modes)
    slopes = slope + np.einsum("jk,jk->j", along, modes)
    ends = groups.ends()
    picked: list[Array] = [np.empty(0), np.empty(0), np.full(2, np.nan), np.full((3, 2), np.nan)]
    own = np.full((2, len(table.names)), np.nan)
    if level is not None:
        rows = groups.codes == level
        own = np.array([table.no_pooling[level], table.partial_pooling[level]])
        effects = np.vstack([own - table.complete_pooling, np.zeros(len(table.names))])
        start, rise = common[level] + effects @ at[level], slope[level] + effects @ along[level]
        lines = start[:, None] + rise[:, None] * ends[level]
        picked = [groups.x[rows], design.y[rows], ends[level], lines]
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
        lines=picked[3],
        lines_x=ends,
        lines_y=starts[:, None] + slopes[:, None] * ends,
        held=_held(design, factor, groups.column),
        criterion=table.criterion,
        contribution=contribution,
        by_row=groups.column is None,
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
    """

    codes: NDArray[np.intp]
    size: NDArray[np.intp]
    column: str | None
    label: str
    x: Array

    @classmethod
    def of(cls, design: Design, factor: int) -> _Groups:
        grouping = design.groupings[factor]
        size = np.bincount(grouping.codes, minlength=len(grouping.levels))
        found = _slope(design, factor) or _covariate(design)
        if found is not None:
            return cls(grouping.codes, size, found[0], plain(found[0]), found[1])
        order = np.argsort(grouping.codes, kind="stable")
        first = np.cumsum(size) - size
        x = np.empty(len(order))
        x[order] = 1.0 + np.arange(len(order)) - np.repeat(first, size)
        return cls(grouping.codes, size, None, f"row within {grouping.name}", x)

    def mean(self, values: Array) -> Array:
        """Mean of one value a row over each group, (m,)."""
        return np.asarray(np.bincount(self.codes, values, len(self.size)) / self.size)

    def along(self, names: tuple[str, ...], columns: Array) -> tuple[Array, Array]:
        """Each column of a model matrix along a group's line: value where x is 0, and rise.

        Two arrays (m, c).
        """
        at, rise = np.zeros((2, len(self.size), len(names)))
        for c, name in enumerate(names):
            if self.column is not None and name == self.column:
                rise[:, c] = 1.0
            elif self.column is not None and self.column in name.split(":"):
                square = self.mean(self.x**2)
                product = self.mean(self.x * columns[:, c])
                np.divide(product, square, out=rise[:, c], where=square > 0.0)
            else:
                at[:, c] = self.mean(columns[:, c])
        return at, rise

    def lines(self, design: Design, estimate: Estimate, factor: int) -> tuple[Array, Array]:
        """Height where x is 0 and slope of each group's line with complete pooling, (m,) each."""
        at, rise = self.along(design.x_names, design.X)
        height = at @ estimate.beta
        if design.offset is not None:
            height = height + self.mean(design.offset)
        if len(design.groupings) > 1:
            height = height + self.mean(random_part(design, estimate, leave_out=factor))
        return height, rise @ estimate.beta

    def effects(self, design: Design, factor: int) -> tuple[Array, Array]:
        """The columns of the factor's random effects along each group's line, (m, k) each."""
        parts = [
            self.along(block.names, block.columns)
            for block in design.blocks
            if block.grouping == factor
        ]
        at, rise = (np.hstack(side) for side in zip(*parts, strict=True))
        return at, rise

    def ends(self) -> Array:
        """Where each group's line begins and ends, (m, 2)."""
        low, high = np.full(len(self.size), np.inf), np.full(len(self.size), -np.inf)
        np.minimum.at(low, self.codes, self.x)
        np.maximum.at(high, self.codes, self.x)
        short = np.where(high > low, 0.0, _SHORT * (np.ptp(self.x) or 1.0))
        return np.column_stack((low - short, high + short))


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


def _held(design: Design, factor: int, column: str | None) -> str:
    """What the lines hold, in words; empty where there is nothing to hold."""
    rest = [n for n in design.x_names if n != INTERCEPT and column not in (n, *n.split(":"))]
    others = [g.name for f, g in enumerate(design.groupings) if f != factor]
    parts = [*(plain(n) for n in rest), *(f"effects of {name}" for name in others)]
    if design.offset is not None:
        parts.append("offset")
    if not parts:
        return ""
    return f"{', '.join(parts[:3])}{' …' if len(parts) > 3 else ''} at the group's mean"

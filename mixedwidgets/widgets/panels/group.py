"""One group: its data, and its line with no, partial and complete pooling."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.contributions import Shares, outermost
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.group_tables import GroupTable
from mixedwidgets.lmm.one_group import one_group
from mixedwidgets.plots import group as group_plot
from mixedwidgets.widgets.panels.group_panel import GroupPanel


class GroupPlot(GroupPanel):
    """The group picked, with its data and three lines; without one, the lines of all groups.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    **options
        See ``Panel``.
    """

    title = "Group"

    @property
    def plot(self) -> Any:
        """The plot module."""
        return group_plot

    def table_of(self, fit: Fit, factor: int) -> GroupTable:
        """The group picked, at the estimate or at the point where the hand is."""
        estimate = fit.estimate if self.point is None else self.point.estimate
        levels = [str(level) for level in fit.design.groupings[factor].levels]
        index = levels.index(self.picked) if self.picked in levels else None
        shares = self._shares(fit, factor)
        share = None
        if index is not None and shares is not None:
            share = float(shares.contributions(estimate)[index])
        return one_group(fit.design, estimate, factor, index, share)

    def show(self, fit: Fit) -> None:
        """Draw the group picked among all."""
        self._cache: tuple[Fit, int, Shares | None] | None = None
        super().show(fit)

    def finish(self, figure: Figure) -> None:
        """Nothing: the table is of the group picked."""

    def follow_point(self, fit: Fit) -> None:
        """Show the lines as they are at the point on the surface."""
        self._table = self.table_of(fit, self.factor_number(fit))
        group_plot.follow(self.picture.figure, self._table)
        self.picture.alt = group_plot.describe(self._table)
        self.picture.move()

    def mark_picked(self, fit: Fit) -> None:
        """Show the group picked."""
        self._show_name()
        self.follow_point(fit)

    def _shares(self, fit: Fit, factor: int) -> Shares | None:
        """What the groups' contributions to the log-likelihood are made of, where it has any."""
        if self._cache is None or self._cache[:2] != (fit, factor):
            try:
                own = outermost(fit.design) == factor
                self._cache = fit, factor, Shares.of(fit.design, factor) if own else None
            except ModelError:  # crossed: the log-likelihood is no sum over groups
                self._cache = fit, factor, None
        return self._cache[2]

"""The conditional modes of all groups, sorted, each with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.lmm.caterpillar import caterpillar
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.plots import caterpillar as caterpillar_plot
from mixedwidgets.widgets.panels.group_panel import GroupPanel


class CaterpillarPlot(GroupPanel):
    """The conditional modes of the groups with their 95% intervals.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    form : {"auto", "rows", "qq"}
        A row for each group, or the modes against quantiles of the normal distribution; by
        default rows for few groups and quantiles for hundreds.
    **options
        See ``Panel``.
    """

    title = "Caterpillar"
    options: ClassVar[tuple[str, ...]] = (*GroupPanel.options, "form")

    form = traitlets.Enum(("auto", "rows", "qq"), "auto")

    def choices(self) -> Iterable[ipw.Widget]:
        """The form of the picture."""
        self.form_menu = ipw.ToggleButtons(
            options=[("Auto", "auto"), ("Rows", "rows"), ("QQ", "qq")],
            value=self.form,
            tooltips=[
                "Rows for few groups, quantiles for many",
                "A row for each group, sorted",
                "Modes against quantiles of the normal distribution",
            ],
            style={"button_width": "60px"},
            layout=ipw.Layout(width="auto"),
        )
        self.form_menu.observe(self._on_form_chosen, "value")
        self.observe(self._on_form_changed, "form")
        return [self.form_menu]

    @property
    def plot(self) -> Any:
        """The plot module."""
        return caterpillar_plot

    def table_of(self, fit: Fit, factor: int) -> Any:
        """The conditional modes and their standard deviations."""
        return caterpillar(fit.design, fit.estimate, factor)

    def draw(self, plot: Any, table: Any, alt: str | None = None, **options: Any) -> None:
        """Draw in the form chosen."""
        super().draw(plot, table, alt, form=self.form, **options)

    def finish(self, figure: Figure) -> None:
        """Show the modes where the hand has them, and the group picked."""
        if self.point is not None:
            self._follow(figure, self._table_now(self.fit))
        super().finish(figure)

    def follow_point(self, fit: Fit) -> None:
        """Show the modes as they are at the point on the surface."""
        figure = self.picture.figure
        with self.picture.hold_sync():
            self._follow(figure, self._table_now(fit))
            caterpillar_plot.pick(figure, self._table, self.index_of(self.picked))
            self.picture.move()

    def _follow(self, figure: Figure, table: CaterpillarTable) -> None:
        caterpillar_plot.follow(figure, table)
        self.picture.alt = caterpillar_plot.describe(table)

    def _table_now(self, fit: Fit) -> CaterpillarTable:
        estimate = fit.estimate if self.point is None else self.point.estimate
        return caterpillar(fit.design, estimate, self.factor_number(fit))

    def _on_form_chosen(self, change: Any) -> None:
        self.form = change["new"]

    def _on_form_changed(self, change: Any) -> None:
        self.form_menu.value = self.form
        self.renew()

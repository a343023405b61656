"""Diagnostics: residuals, their quantiles, groups, and what has the most influence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.diagnose import (
    influence_table,
    level_residuals,
    residual_quantiles,
    residual_table,
)
from mixedwidgets.lmm.diagnostic_tables import InfluenceTable
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.plots import by_group, influential, residual_qq, residuals
from mixedwidgets.widgets.panels.group_panel import GroupPanel, factor_names


def row_influence(design: Design, estimate: Estimate, group: str) -> InfluenceTable:
    """Influence of single rows."""
    return influence_table(design, estimate, group, by="row")


VIEWS: dict[str, tuple[str, Any, Any]] = {
    "residuals": ("Residuals", residuals, residual_table),
    "qq": ("QQ", residual_qq, residual_quantiles),
    "groups": ("By group", by_group, level_residuals),
    "influence": ("Influence", influential, influence_table),
    "rows": ("Rows", influential, row_influence),
}
EXPLAINED = (
    "Residuals against fitted values",
    "Residuals against quantiles of the normal distribution",
    "Residuals of each group",
    "How far the coefficients move when a group is left out",
    "How far the coefficients move when a row is left out",
)


class DiagnosticsPlot(GroupPanel):
    """Whether the model fits: residuals by fitted value, quantile and group, and influence.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    view : {"residuals", "qq", "groups", "influence", "rows"}
        Which picture.
    **options
        See ``Panel``.
    """

    title = "Diagnostics"
    options: ClassVar[tuple[str, ...]] = (*GroupPanel.options, "view")

    view = traitlets.Enum(tuple(VIEWS), "residuals")

    @property
    def plot(self) -> Any:
        """The plot module of the view."""
        return VIEWS[self.view][1]

    def choices(self) -> Iterable[ipw.Widget]:
        """Which view."""
        self.view_menu = ipw.ToggleButtons(
            options=[(words, view) for view, (words, _, _) in VIEWS.items()],
            value=self.view,
            tooltips=EXPLAINED,
            style={"button_width": "88px"},
            layout=ipw.Layout(width="auto"),
        )
        self.view_menu.observe(self._on_view_chosen, "value")
        self.observe(self._on_view_changed, "view")
        return [self.view_menu]

    def table_of(self, fit: Fit, factor: int) -> Any:
        """The table of the view."""
        return VIEWS[self.view][2](fit.design, fit.estimate, factor_names(fit)[factor])

    def hit(self, event: dict[str, Any]) -> int | None:
        """Number of the group that an event is on: most of what is shown stands still."""
        found = super().hit(event)
        if found is None and event["axes"] == 0:
            found = self.plot.level_at(self.picture.figure, self._table, event["x"], event["y"])
        return found

    def _on_view_chosen(self, change: Any) -> None:
        self.view = change["new"]

    def _on_view_changed(self, change: Any) -> None:
        self.view_menu.value = self.view
        self.renew()

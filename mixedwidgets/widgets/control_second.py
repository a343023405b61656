"""The second grouping, and whether it is nested in the first or crossed with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from mixedwidgets.widgets.controls import OptionalMenu, offer
from mixedwidgets.widgets.roles import Offer

_TOOLTIPS = {
    "nested": "The same label means another thing in another group",
    "crossed": "The same label means the same thing in every group",
}


class SecondGrouping(ipw.Box):
    """A dropdown for the second grouping, and two buttons for how it relates to the first.

    Parameters
    ----------
    changed : callable
        Called with the column (or None) and "nested", "crossed", or None where the data decide:
        so it is when the column has just been chosen.
    """

    def __init__(self, changed: Callable[[str | None, str | None], None]):
        self._changed = changed
        self.column = OptionalMenu("Second grouping", self._on_column_chosen)
        self.relation = ipw.ToggleButtons(
            options=["nested", "crossed"],
            style={"button_width": "76px"},
            layout=ipw.Layout(width="auto", visibility="hidden"),
        )
        self.relation.observe(self._on_relation_chosen, "value")
        super().__init__(
            [self.column, self.relation],
            layout=ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible"),
        )

    def set(
        self, chosen: str | None, columns: Offer, relation: str | None, relations: Offer
    ) -> None:
        """Show the second grouping chosen and its relation, and what else is possible."""
        self.column.set(columns.names, chosen, columns.left_out)
        self.relation.layout.visibility = "hidden" if chosen is None else "visible"
        if chosen is None:
            return
        tooltips = [_TOOLTIPS[name] for name in relations.names]
        if list(self.relation.tooltips) != tooltips:
            self.relation.tooltips = tooltips
        offer(self.relation, [(name, name) for name in relations.names], relation)

    def _on_column_chosen(self, name: str | None) -> None:
        self._changed(name, None)

    def _on_relation_chosen(self, change: Any) -> None:
        if not offer.under_way and change["new"] is not None:
            self._changed(self.column.menu.value, change["new"])

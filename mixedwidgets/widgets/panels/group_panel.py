"""What every picture of groups has: a group can be picked in it, by a click or by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import ipywidgets as ipw
from matplotlib.figure import Figure

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets.controls import offer, row_of
from mixedwidgets.widgets.panels.picture_panel import PicturePanel


class GroupPanel(PicturePanel):
    """A picture of groups; a click on one picks it, and so does its name in the search box.

    Subclasses name the plot module and say how its table is made.
    """

    events: ClassVar[tuple[str, ...]] = ("click",)

    @property
    def plot(self) -> Any:
        """The plot module."""
        raise NotImplementedError

    def table_of(self, fit: Fit, factor: int) -> Any:
        """The table that the plot draws, of one grouping factor."""
        raise NotImplementedError

    def above(self) -> Iterable[ipw.Widget]:
        """Which grouping factor, and which of its groups."""
        self._table: Any = None
        self.factor_menu = ipw.Dropdown(
            description="Groups",
            style={"description_width": "52px"},
            layout=ipw.Layout(width="auto", flex="1 1 160px", max_width="280px"),
        )
        self.search = ipw.Combobox(
            description="Find",
            placeholder="a group, by its name",
            style={"description_width": "36px"},
            layout=ipw.Layout(width="auto", flex="1 1 160px", max_width="280px"),
        )
        self.factor_menu.observe(self._on_factor_chosen, "value")
        self.search.observe(self._on_name_typed, "value")
        return [row_of([self.factor_menu, self.search, *self.choices()])]

    def choices(self) -> Iterable[ipw.Widget]:
        """Further controls in the row above the picture."""
        return ()

    def show(self, fit: Fit) -> None:
        """Compute the table of the grouping factor chosen and draw it."""
        number = self.factor_number(fit)
        self._table = self.table_of(fit, number)
        self._offer(fit, number)
        self.draw(self.plot, self._table)

    def finish(self, figure: Figure) -> None:
        """Highlight the group picked."""
        self.plot.pick(figure, self._table, self.index_of(self.picked))

    def mark_picked(self, fit: Fit) -> None:
        """Highlight the group picked."""
        self._show_name()
        self.plot.pick(self.picture.figure, self._table, self.index_of(self.picked))
        self.picture.move()

    def pointed(self, event: dict[str, Any]) -> None:
        """Pick the group clicked on; a click beside them all picks none."""
        if event["kind"] == "click" and self._table is not None:
            index = self.hit(event)
            self.picked = None if index is None else self.levels[index]
            self._show_name()  # also where it was picked before and something else was typed

    def hit(self, event: dict[str, Any]) -> int | None:
        """Number of the group that an event is on; None beside them all."""
        if event["artist"] is None:
            return None
        found: int | None = self.plot.hit(self._table, event["artist"], event["index"])
        return found

    @property
    def levels(self) -> Sequence[str]:
        """Labels of the groups drawn."""
        return () if self._table is None else tuple(self._table.levels)

    def index_of(self, level: str | None) -> int | None:
        """Number of a group drawn, or None where it is not among them."""
        levels = self.levels
        return levels.index(level) if level is not None and level in levels else None

    def factor_number(self, fit: Fit) -> int:
        """Number of the grouping factor chosen."""
        names = factor_names(fit)
        return names.index(self.factor) if self.factor in names else 0

    def _offer(self, fit: Fit, number: int) -> None:
        names = factor_names(fit)
        offer(self.factor_menu, [(name, name) for name in names], names[number])
        self.factor_menu.layout.display = None if len(names) > 1 else "none"
        if self.search.options != self.levels:
            self.search.options = self.levels
        self._show_name()

    def _show_name(self) -> None:
        self.search.value = self.picked or ""

    def _on_factor_chosen(self, change: Any) -> None:
        if not offer.under_way and self.factor_menu.value is not None:
            self.factor = self.factor_menu.value

    def _on_name_typed(self, change: Any) -> None:
        if change["new"] in self.search.options:
            self.picked = change["new"]
        elif not change["new"]:
            self.picked = None


def factor_names(fit: Fit) -> list[str]:
    """Names of the grouping factors of a fit, in order."""
    return [grouping.name for grouping in fit.design.groupings]

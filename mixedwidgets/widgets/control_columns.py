"""One menu for each column in use: how it enters the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from mixedwidgets.widgets.controls import described, head, offer, title_html, wrapping_row
from mixedwidgets.widgets.menus import Menu

Setting = tuple[str, str]  # transformation, coding

_TRANSFORMS = {
    "none": "as it is",
    "log": "log",
    "center": "centered",
    "scale": "scaled",
    "poly 2": "polynomial, degree 2",
    "poly 3": "polynomial, degree 3",
}
_NUMBER_CODINGS = {
    "category": "categories",
    "sum": "categories, sum to zero",
    "helmert": "categories, Helmert",
}
_CODINGS = {
    "treatment": "compared with the first",
    "sum": "sum to zero",
    "helmert": "Helmert",
    "poly": "polynomial of ranks",
}


class ColumnMenus(ipw.Box):
    """For each column in use a dropdown of its transformations and codings.

    Parameters
    ----------
    changed : callable
        Called with a column's name, its transformation and its coding when the user chooses.
    """

    def __init__(self, changed: Callable[[str, str, str], None]):
        self._changed = changed
        self.menus: dict[str, ipw.Dropdown] = {}
        self._head, self._row = head(), wrapping_row()
        super().__init__([self._head, self._row], layout=ipw.Layout(overflow="visible"))
        self.set(())

    def set(self, menus: Sequence[Menu]) -> None:
        """Show one dropdown for each menu, in this order."""
        for menu in menus:
            control = self.menus.setdefault(menu.name, self._made(menu.name))
            offer(control, settings(menu), (menu.transform, menu.coding))
        children = [self.menus[menu.name] for menu in menus]
        if self._row.children != tuple(children):
            self._row.children = children
        impossible = [
            (f"{menu.name} as {setting}:", why)
            for menu in menus
            if menu.default_coding == "number"  # that categories have no log goes without saying
            for setting, why in (*menu.transforms.left_out, *_once(menu.codings.left_out))
        ]
        self._head.value = title_html("Columns", impossible, 32)

    def _made(self, name: str) -> ipw.Dropdown:
        control = ipw.Dropdown(
            **described(name),
            style={"description_width": "initial"},
            layout=ipw.Layout(width="auto", max_width="100%", margin="2px 14px 2px 2px"),
        )
        control.observe(lambda change: self._on_menu_changed(name, change), "value")
        return control

    def _on_menu_changed(self, name: str, change: Any) -> None:
        if not offer.under_way and change["new"] is not None:
            self._changed(name, *change["new"])


def _once(left_out: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """The codings of numbers as categories have one reason together."""
    return left_out[:1]


def settings(menu: Menu) -> list[tuple[str, Setting]]:
    """Every possible setting of a column with its label."""
    if menu.default_coding != "number":
        return [(_CODINGS[name], ("none", name)) for name in menu.codings.names]
    return [
        *((_TRANSFORMS[name], (name, "number")) for name in menu.transforms.names),
        *(
            (_NUMBER_CODINGS[name], ("none", name))
            for name in menu.codings.names
            if name != "number"
        ),
    ]

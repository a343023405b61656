"""The controls: dropdowns and tick boxes for the roles of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.html import protected

NONE = ""  # of an optional menu: a dropdown whose value is None looks empty


class _Offering:
    """Sets a dropdown's options and value together, without its observers acting on it.

    Setting ``options`` alone resets the selection and notifies; so it is done here only.
    """

    def __init__(self) -> None:
        self.under_way = False

    def __call__(self, control: Any, options: Sequence[tuple[str, Any]], value: Any) -> None:
        """Offer (label, value) pairs with one selected."""
        options = tuple(options)
        if control.options == options and control.value == value:
            return
        self.under_way = True
        try:
            with control.hold_sync():
                if control.options != options:
                    control.options = options
                control.value = value
        finally:
            self.under_way = False


offer = _Offering()


class Ticks(ipw.Box):
    """One tick box for each column that can play a role; those left out say why.

    Parameters
    ----------
    title : str
        What the tick boxes choose.
    names : sequence of str
        All columns, in order.
    changed : callable
        Called with a column's name and whether it is now ticked, when the user ticks.
    """

    def __init__(self, title: str, names: Sequence[str], changed: Callable[[str, bool], None]):
        self._changed = changed
        self._setting = False
        self.boxes = {
            name: ipw.Checkbox(
                **described(name),
                indent=False,
                layout=ipw.Layout(width="auto", margin="0 12px 0 0"),
            )
            for name in names
        }
        for name, box in self.boxes.items():
            box.observe(partial(self._on_box_changed, name), "value")
        self._title = title
        self._head = head()
        row = ipw.Box(
            list(self.boxes.values()),
            layout=ipw.Layout(
                flex="1 1 0", flex_flow="row wrap", max_height="88px", overflow="hidden auto"
            ),
        )
        super().__init__([self._head, row], layout=ipw.Layout(overflow="visible"))

    def set(
        self,
        offered: Sequence[str],
        ticked: Sequence[str],
        left_out: Sequence[tuple[str, str]],
    ) -> None:
        """Show the boxes offered, tick some, and say what is left out and why."""
        self._setting = True
        try:
            for name, box in self.boxes.items():
                _show(box, name in offered)
                box.value = name in ticked
            self._head.value = title_html(self._title, left_out)
        finally:
            self._setting = False

    def _on_box_changed(self, name: str, change: Any) -> None:
        if not self._setting:
            self._changed(name, change["new"])


def _show(box: ipw.Checkbox, shown: bool) -> None:
    """Show a box, or hide it behind the others: the room it takes stays, so nothing jumps."""
    visibility, order = ("visible", "0") if shown else ("hidden", "1")
    if box.layout.visibility != visibility:
        box.layout.visibility, box.layout.order = visibility, order


def left_out_html(left_out: Sequence[tuple[str, str]]) -> str:
    """A word that unfolds to the columns left out, each with its reason, over what is beneath."""
    if not left_out:
        return ""
    items = "".join(
        f"<div><b>{protected(name)}</b> {protected(why)}</div>" for name, why in left_out
    )
    return (
        '<details style="position: relative; white-space: nowrap; '
        'color: var(--jp-ui-font-color2, #616161)">'
        f"<summary>{len(left_out)} left out</summary>"
        '<div style="position: absolute; z-index: 10; width: max-content; max-width: 480px; '
        "max-height: 320px; overflow: auto; white-space: normal; padding: 6px 12px; "
        "line-height: 1.6; "
        "background: var(--jp-layout-color1, white); box-shadow: 0 2px 8px rgba(0, 0, 0, 0.35)"
        f'">{items}</div></details>'
    )


class OptionalMenu(ipw.Box):
    """A dropdown of columns that may stay empty; those left out say why.

    Parameters
    ----------
    title : str
        What the dropdown chooses.
    changed : callable
        Called with the column's name, or None, when the user chooses.
    """

    def __init__(self, title: str, changed: Callable[[str | None], None]):
        self._changed = changed
        self.menu = ipw.Dropdown(
            options=[("none", NONE)],
            description=title,
            style={"description_width": "initial"},
            layout=ipw.Layout(width="auto", min_width="0", max_width="300px"),
        )
        self._left_out = ipw.HTML(
            layout=ipw.Layout(display="block", margin="0 8px", overflow="visible")
        )
        self.menu.observe(self._on_menu_changed, "value")
        super().__init__(
            [self.menu, self._left_out],
            layout=ipw.Layout(align_items="center", overflow="visible", margin="0 14px 0 0"),
        )

    def set(
        self, offered: Sequence[str], chosen: str | None, left_out: Sequence[tuple[str, str]]
    ) -> None:
        """Offer columns with one of them, or none, chosen, and say what is left out and why."""
        offer(self.menu, [("none", NONE), *((name, name) for name in offered)], chosen or NONE)
        self._left_out.value = left_out_html(left_out)

    def _on_menu_changed(self, change: Any) -> None:
        if not offer.under_way:
            self._changed(change["new"] or None)


def head(width: str = "200px") -> ipw.HTML:
    """The place of a control's title, beside its row of choices."""
    return ipw.HTML(layout=ipw.Layout(flex=f"0 0 {width}", margin="0 2px", overflow="visible"))


def described(text: str) -> dict[str, Any]:
    """The arguments that describe a control by any text.

    A description of plain text with two dollar signs is typeset as mathematics.
    """
    return {"description": protected(text), "description_allow_html": True}


def title_html(title: str, left_out: Sequence[tuple[str, str]] = (), height: int = 28) -> str:
    """A control's title, and what it leaves out, in a line of so many pixels."""
    return (
        '<div style="display: flex; gap: 10px; align-items: baseline; '
        f'line-height: {height}px; white-space: nowrap">'
        f"<b>{protected(title)}</b>{left_out_html(left_out)}</div>"
    )


def row_of(widgets: Sequence[ipw.Widget]) -> ipw.Box:
    """Controls side by side above a picture, in as many lines as they need."""
    layout = ipw.Layout(display="flex", flex_flow="row wrap", align_items="center")
    return ipw.Box(widgets, layout=layout)


def menu(description: str, described: int, least: int, most: int) -> ipw.Dropdown:
    """A dropdown that takes the room there is.

    Parameters
    ----------
    description : str
        Its name.
    described : int
        Width of the name, in CSS pixels.
    least, most : int
        Width of the whole, before it takes room that is left over and at most.
    """
    return ipw.Dropdown(
        description=description,
        style={"description_width": f"{described}px"},
        layout=ipw.Layout(
            width="auto", flex=f"1 1 {least}px", min_width="0", max_width=f"{most}px"
        ),
    )


def wrapping_row(children: Sequence[ipw.Widget] = ()) -> ipw.Box:
    """Controls side by side, in as many lines as they need."""
    return ipw.Box(
        list(children),
        layout=ipw.Layout(
            flex="1 1 0", flex_flow="row wrap", align_items="center", overflow="visible"
        ),
    )

"""The desk: two stacks of panels side by side, of each of which one lies on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as ipw
import traitlets

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.point import Point
from mixedwidgets.widgets.panels.base import Panel
from mixedwidgets.widgets.panels.picture_panel import PicturePanel

Makers = Mapping[str, Callable[[], Panel]]

LEAST = "506px"  # height of a panel: a picture with its controls and a sentence

SHARED = ("picked", "point", "factor")


class Desk(ipw.Box):
    """Shows two panels at a time; a panel is made when it is first looked at.

    Parameters
    ----------
    left, right : mapping of str to callable
        Title of each panel and how to make it, in order.
    theme : {"auto", "light", "dark"}
        Of the pictures.

    Attributes
    ----------
    fit : Fit or None
        What the panels show.
    picked, point, factor
        Shared by all panels; see ``Panel``.
    tops : tuple of two str
        Titles of the panels that lie on top.
    """

    fit: Any = traitlets.Instance(Fit, allow_none=True)
    picked: Any = traitlets.Unicode(None, allow_none=True)
    point: Any = traitlets.Instance(Point, allow_none=True)
    factor = traitlets.Unicode("")

    def __init__(self, left: Makers, right: Makers, theme: str = "auto"):
        self._makers = {**left, **right}
        self._theme = theme
        self.panels: dict[str, Panel] = {}
        self.tabs = (_tab(left), _tab(right))
        self._rooms: dict[ipw.Tab, list[PicturePanel]] = {tab: [] for tab in self.tabs}
        super().__init__(
            self.tabs, layout=ipw.Layout(flex_flow="row wrap", align_items="flex-start")
        )
        self.tabs[0].layout = _side(3, 560)
        self.tabs[1].layout = _side(2, 440)
        for tab in self.tabs:
            tab.observe(self._on_tab_changed, "selected_index")
        self._show_tops()

    @property
    def tops(self) -> tuple[str, str]:
        """Titles of the panels that lie on top."""
        left, right = (tab.titles[tab.selected_index or 0] for tab in self.tabs)
        return left, right

    @property
    def shown(self) -> tuple[Panel, Panel]:
        """The panels that lie on top."""
        left, right = (self.panel(title) for title in self.tops)
        return left, right

    @property
    def look(self) -> str:
        """The theme of the pictures, ``"light"`` or ``"dark"``, as far as the browser has told."""
        looks = [p.look for p in self.panels.values() if isinstance(p, PicturePanel)]
        return "dark" if "dark" in looks else "light"

    def panel(self, title: str) -> Panel:
        """A panel by its title; made where nobody has looked at it yet."""
        if title not in self.panels:
            panel = self.panels[title] = self._makers[title]()
            panel.visible = False
            traitlets.dlink((self, "fit"), (panel, "fit"))  # first: a new fit forgets its point
            for name in SHARED:
                traitlets.link((self, name), (panel, name))
            self._put(title, panel)
        return self.panels[title]

    def turn_to(self, title: str) -> None:
        """Put a panel on top of its stack."""
        for tab in self.tabs:
            if title in tab.titles:
                tab.selected_index = tab.titles.index(title)

    def catch_up(self) -> None:
        """Have the panels on top try again what has failed before."""
        for panel in self.shown:
            panel.catch_up()

    def _put(self, title: str, panel: Panel) -> None:
        for tab in self.tabs:
            if title in tab.titles:
                tab.children[tab.titles.index(title)].children = [panel]
                if isinstance(panel, PicturePanel):
                    panel.theme = self._theme
                    self._share_room(self._rooms[tab], panel)

    def _share_room(self, others: list[PicturePanel], panel: PicturePanel) -> None:
        """A panel beneath others has no room to tell of: it takes what they know."""
        for other in others[-1:]:
            panel.room = other.room
        others.append(panel)
        panel.observe(self._on_room_changed, "room")

    def _on_room_changed(self, change: Any) -> None:
        for panels in self._rooms.values():
            if change["owner"] in panels:
                for panel in panels:
                    panel.room = change["new"]

    def _on_tab_changed(self, change: Any) -> None:
        self._show_tops()

    def _show_tops(self) -> None:
        tops = self.tops
        for title, panel in self.panels.items():
            if title not in tops:
                panel.visible = False
        for title in tops:
            self.panel(title).visible = True


def _tab(makers: Makers) -> ipw.Tab:
    return ipw.Tab([_place() for _ in makers], titles=list(makers), selected_index=0)


def _side(share: int, least: int) -> ipw.Layout:
    return ipw.Layout(flex=f"{share} 1 {least}px", min_width="0", max_width="940px")


def _place() -> ipw.VBox:
    """One height for every panel, so that what is beneath the desk stays where it is."""
    return ipw.VBox([], layout=ipw.Layout(min_height=LEAST, overflow="hidden"))

"""A panel whose main part is one picture, as wide as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.widgets.panels.base import Panel
from mixedwidgets.widgets.picture import Picture

HEIGHT = 4.2  # inches of 100 CSS pixels: one box for every picture, so that nothing jumps
WIDTHS = (5.6, 9.0)  # narrower pictures are scaled down, wider ones would not be better


class PicturePanel(Panel):
    """A view of a fit in one picture.

    Attributes
    ----------
    picture : Picture
        The picture.
    room : float
        Width in CSS pixels that the picture may take; 0 until the browser has told.
    theme : str
        ``"auto"`` follows the page; ``"light"`` and ``"dark"`` stay.
    """

    options: ClassVar[tuple[str, ...]] = (*Panel.options, "theme")
    events: ClassVar[tuple[str, ...]] = ()
    handles: ClassVar[dict[str, str]] = {}
    height: ClassVar[float] = HEIGHT

    room = traitlets.Float(0.0)
    theme = traitlets.Enum(("auto", "light", "dark"), "auto")

    def build(self) -> Iterable[ipw.Widget]:
        """Controls above the picture, and what stands below it."""
        self._whole: Callable[[Figure], None] | None = None
        self.picture = Picture((8.2, self.height), listen=self.events, handles=self.handles)
        self.picture.observe(self._on_room_told, "room")
        self.picture.observe(self._on_theme_told, "page_theme")
        self.picture.observe(self._on_pointer_changed, "pointer")
        self.observe(self._on_room_changed, "room")
        self.observe(self._on_theme_told, "theme")
        return [*self.above(), self.picture, *self.below()]

    def above(self) -> Iterable[ipw.Widget]:
        """The controls of the panel."""
        return ()

    def below(self) -> Iterable[ipw.Widget]:
        """What stands under the picture."""
        return ()

    def pointed(self, event: dict[str, Any]) -> None:
        """Answer a pointer or key event of the picture; see ``Picture.pointer``."""

    @property
    def look(self) -> str:
        """The theme to draw in."""
        return str(self.picture.page_theme if self.theme == "auto" else self.theme)

    def draw(self, plot: Any, table: Any, alt: str | None = None, **options: Any) -> None:
        """Draw a table with a plot module: its text alternative first, then the picture."""

        def whole(figure: Figure) -> None:
            plot.draw(figure, table, theme=self.look, **options)
            self.finish(figure)

        self.picture.alt = plot.describe(table) if alt is None else alt
        self.picture.draw(whole)
        self._whole = whole

    def finish(self, figure: Figure) -> None:
        """Put what moves where it belongs, in a figure just drawn."""

    def redraw(self) -> None:
        """Draw the last table again, in another size or theme."""
        if self._whole is None:
            return
        if self.visible:
            with self.guarded():
                self.picture.draw(self._whole)
        else:
            self.renew()

    def static_html(self) -> str:
        """The picture as it is."""
        return self.picture.static_html()

    def _on_room_told(self, change: Any) -> None:
        if change["new"]:
            self.room = change["new"]

    def _on_room_changed(self, change: Any) -> None:
        width = min(max(self.room / 100.0, WIDTHS[0]), WIDTHS[1])
        if abs(width - self.picture.figure_size[0]) >= 0.02:
            self.picture.figure_size = (width, self.picture.figure_size[1])
            self.redraw()

    def _on_theme_told(self, change: Any) -> None:
        self.redraw()

    def _on_pointer_changed(self, change: Any) -> None:
        if self.fit is not None:
            with self.guarded():
                self.pointed(change["new"])

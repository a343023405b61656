"""The likelihood surface of two parameters, with a point on it that can be grabbed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.parameters import Parameter, compatible
from mixedwidgets.lmm.point import Pointer
from mixedwidgets.lmm.surface import first_look, surface
from mixedwidgets.lmm.tables import Surface
from mixedwidgets.lmm.variance_explained import variance_parts
from mixedwidgets.plots import surface as surface_plot
from mixedwidgets.plots import surface_point
from mixedwidgets.plots.numbers import significant
from mixedwidgets.widgets.controls import menu, offer, row_of
from mixedwidgets.widgets.longwork import LongWork
from mixedwidgets.widgets.panels.choice import chosen_pair, drawable
from mixedwidgets.widgets.panels.picture_panel import PicturePanel
from mixedwidgets.widgets.working import Working

ROUGH, FINE = 6, 12  # points of each axis through which the surface is drawn: at once, and soon
QUICK = 0.15  # seconds in which a surface is there so that a finer one may follow
PATIENCE = 0.25  # seconds after the last change when it is drawn more finely
SURFACE = 0  # number of the axes with the surface, in the order of the figure


class LikelihoodSurface(PicturePanel):
    """The likelihood over two parameters; drag the point on it, or move it by the arrow keys.

    A click puts the point back at the estimate. The log-likelihood at the point, its drop from
    the maximum and the confidence level of the region it is on the edge of are written below, and
    ``point`` holds all that the model says there.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    x, y : str, optional
        Names of two parameters, as ``fit.values()`` has them; the most telling ones where not
        given or where the fit does not have them.
    kind : {"profile", "slice"}
        At every point the other parameters are re-optimised, or stay at their estimates.
    **options
        See ``Panel``.
    """

    title = "Likelihood"
    options: ClassVar[tuple[str, ...]] = (*PicturePanel.options, "x", "y", "kind")
    events: ClassVar[tuple[str, ...]] = ("down", "move", "up", "click", "key")
    handles: ClassVar[dict[str, str]] = {"point": "xy"}

    x = traitlets.Unicode("")
    y = traitlets.Unicode("")
    kind = traitlets.Enum(("profile", "slice"), "profile")

    def above(self) -> Iterable[ipw.Widget]:
        """The two parameters and the kind of curve."""
        self.x_menu, self.y_menu = menu("Across", 48, 180, 320), menu("Up", 24, 180, 320)
        self.kind_menu = ipw.ToggleButtons(
            options=[("Profile", "profile"), ("Slice", "slice")],
            tooltips=[
                "The other parameters are optimised anew at every point",
                "The other parameters stay at their estimates",
            ],
            value=self.kind,
            style={"button_width": "64px"},
            layout=ipw.Layout(width="auto"),
        )
        self.x_menu.observe(self._on_x_chosen, "value")
        self.y_menu.observe(self._on_y_chosen, "value")
        self.kind_menu.observe(self._on_kind_chosen, "value")
        self.observe(self._on_axes_changed, ["x", "y", "kind"])
        return [row_of([self.x_menu, self.y_menu, self.kind_menu])]

    def below(self) -> Iterable[ipw.Widget]:
        """A sentence about the point, and the progress of a large model."""
        self._table: Any = None  # a Surface, once there is one of this fit
        self._soon, self._refined = LongWork(self.guarded), True
        self.working = Working(self.guarded)
        self.working.layout.min_height = "0"
        self.said = ipw.HTML(layout=ipw.Layout(display="block", margin="0 12px", min_height="44px"))
        return [self.said, self.working]

    def show(self, fit: Fit) -> None:
        """Draw the surface of a fit over the two parameters chosen."""
        self.interrupt()
        x, y = chosen_pair(fit, self.x, self.y)
        self._pointer = Pointer(fit.design, fit.estimate, (x.name, y.name), self.kind)
        self._table, self._refined = None, False
        self._begun = time.perf_counter()
        steps = first_look(fit.design, fit.estimate, x, y, self.kind, ROUGH)
        try:
            self.working.start("Surface", steps, self._show_rough, _share)
        finally:  # the picture is waited for, the menus are not
            self._offer(fit, x, y)

    def interrupt(self) -> bool:
        """Leave the surface as it is; whether it was unfinished."""
        self._soon.cancel()
        return self.working.drop() or not self._refined

    def _show_rough(self, latest: float | Surface, finished: bool) -> None:
        if not isinstance(latest, Surface):
            return
        self._show_table(latest)
        quick = time.perf_counter() - self._begun < QUICK
        if self.kind == "profile" and quick:
            self._soon.later(PATIENCE, self._refine)
        else:
            self._refined = True

    def _refine(self) -> None:
        """Draw the surface through more points, when nothing else was asked for meanwhile."""
        x, y = chosen_pair(self.fit, self.x, self.y)
        self._refined = True
        self._show_table(surface(self.fit.design, self.fit.estimate, x, y, self.kind, nodes=FINE))

    def _show_table(self, table: Surface) -> None:
        self._table = table
        words = self._words()
        self.draw(surface_plot, table, alt=self._alt(words))
        self._tell(words)

    def finish(self, figure: Figure) -> None:
        """Put the point where it is."""
        surface_point.place(figure, self._table, *self._place_now())

    def follow_point(self, fit: Fit) -> None:
        """Show the point where ``point`` is."""
        if self._table is None:
            return
        surface_point.place(self.picture.figure, self._table, *self._place_now())
        self.picture.move()
        words = self._words()
        self.picture.alt = self._alt(words)
        self._tell(words)

    def go(self, x: float, y: float) -> None:
        """Move the point to two values of the parameters, as far as they are possible."""
        if self.fit is not None and self._table is not None:
            with self.guarded():
                self.point = self._pointer.at(*surface_point.clamp(self._table, x, y))

    def back(self) -> None:
        """Put the point back at the estimate."""
        self.point = None

    def pointed(self, event: dict[str, Any]) -> None:
        """Drag, click and arrow keys."""
        if event["kind"] == "click":
            self.back()
        elif event["kind"] == "key":
            self._pressed(event["key"], event["shift"])
        elif event["axes"] == SURFACE and event["kind"] in ("move", "up"):
            self.go(event["x"], event["y"])

    def _pressed(self, key: str, shift: bool) -> None:
        if self._table is None:
            return
        there = surface_point.step(self._table, key, shift, *self._place_now())
        if there is None or there == self._table.optimum:
            self.back()
        else:
            self.go(*there)

    def _place_now(self) -> tuple[float, float]:
        if self.point is None:
            return self._table.optimum
        held = dict(zip(self.point.names, self.point.values, strict=True))
        x, y = (
            held[name] if name in held else self.point.parameters[name]
            for name in self._table.names
        )
        return x, y

    def _words(self) -> str:
        drop = 0.0 if self.point is None else self.point.drop
        return f"{surface_point.say(self._table, *self._place_now(), drop)} {self._icc()}"

    def _alt(self, words: str) -> str:
        return f"{words} {surface_plot.describe(self._table)}"

    def _tell(self, words: str) -> None:
        self.said.value = f'<div role="status" style="line-height: 1.4">{protected(words)}</div>'

    def _icc(self) -> str:
        """The intraclass correlation at the point, in words."""
        if self.point is None:
            value = float(variance_parts(self.fit.design, self.fit.estimate).adjusted_icc.sum())
        elif self.point.possible:
            value = self.point.icc["adjusted"]
        else:
            return ""
        return f"ICC {significant(value, 3)}."

    def _offer(self, fit: Fit, x: Parameter, y: Parameter) -> None:
        possible = drawable(fit)
        offer(self.x_menu, [(label(p, fit.design), p.name) for p in possible], x.name)
        partners = [p for p in possible if p != x and compatible((x, p))]
        offer(self.y_menu, [(label(p, fit.design), p.name) for p in partners], y.name)

    def _on_x_chosen(self, change: Any) -> None:
        if self.x_menu.value is not None and not offer.under_way:
            self.x = self.x_menu.value

    def _on_y_chosen(self, change: Any) -> None:
        if self.y_menu.value is not None and not offer.under_way:
            self.y = self.y_menu.value

    def _on_kind_chosen(self, change: Any) -> None:
        self.kind = self.kind_menu.value

    def _on_axes_changed(self, change: Any) -> None:
        self.kind_menu.value = self.kind
        self.renew()


def _share(latest: float | Surface) -> float:
    return latest if isinstance(latest, float) else 1.0

"""Shrinkage: every group with no, partial and complete pooling, and a dial between them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.dial import dial
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.group_tables import DialTable
from mixedwidgets.lmm.html import protected
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.tables import ShrinkageTable
from mixedwidgets.plots import dial as dial_plot
from mixedwidgets.plots import shrinkage as shrinkage_plot
from mixedwidgets.widgets.longwork import LongWork
from mixedwidgets.widgets.panels.group_panel import GroupPanel, factor_names
from mixedwidgets.widgets.picture import Picture

DIAL_HEIGHT = 2.1  # inches of 100 CSS pixels
PATIENCE = 0.15  # seconds until the dial of another model is drawn: the groups come first
FINE, COARSE = 0.02, 0.1  # steps of the arrow keys
POSITIONS = 60  # of a dial at which a model of crossed factors is solved
LONG = 0.5  # seconds: a dial that takes longer is drawn only when asked for


class ShrinkagePlot(GroupPanel):
    """Every group's estimate, and how it moves as the groups are pooled more or less.

    Drag the mark of the dial, or move it by the arrow keys: at its left end all groups share
    one estimate (tau = 0), at its right end each has its own (tau without bound). The cost in
    deviance is written beside it. A click on the dial puts it back at the estimate.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    pooling : float, optional
        Where the dial stands, from 0 (complete pooling) to 1 (no pooling); None is the estimate.
    **options
        See ``Panel``.
    """

    title = "Shrinkage"
    options: ClassVar[tuple[str, ...]] = (*GroupPanel.options, "pooling")

    pooling: Any = traitlets.Float(None, allow_none=True, min=0.0, max=1.0)

    def below(self) -> Iterable[ipw.Widget]:
        """The pooling dial."""
        self._dial: DialTable | None = None
        self._soon = LongWork(self.guarded)
        self.dial_picture = Picture(
            (self.picture.figure_size[0], DIAL_HEIGHT),
            listen=("down", "move", "up", "click", "key"),
            handles={"dial": "x"},
        )
        self.cost = ipw.HTML(layout=ipw.Layout(display="block", margin="0 12px", min_height="24px"))
        self.dial_picture.observe(self._on_dial_pointer_changed, "pointer")
        self.observe(self._on_pooling_changed, "pooling")
        self.ask = ipw.Button(
            description="Show the pooling dial",
            tooltip="It takes a while: the model is solved anew at each of its positions",
            layout=ipw.Layout(width="auto", display="none"),
        )
        self.ask.on_click(self._on_asked)
        return [self.ask, self.dial_picture, self.cost]

    @property
    def plot(self) -> Any:
        """The plot module."""
        return shrinkage_plot

    def table_of(self, fit: Fit, factor: int) -> ShrinkageTable:
        """The shrinkage at the estimate: it gives the axes, wherever the hand is."""
        return shrinkage(fit.design, fit.estimate, factor_names(fit)[factor])

    def show(self, fit: Fit) -> None:
        """Draw the shrinkage of a fit and its dial."""
        self._dial = None
        if self.shown:  # the keyword is for the first model
            self.pooling = None
        super().show(fit)
        self.ask.layout.display = "none"
        if cheap(fit):
            self._soon.later(PATIENCE, self._draw_dial)
        else:
            self.ask.layout.display = None

    def interrupt(self) -> bool:
        """Drop the dial that is not drawn yet; whether there was one."""
        self._soon.cancel()
        return self._dial is None

    def finish(self, figure: Figure) -> None:
        """Show the groups where the dial or the hand has them, and the group picked."""
        if self.pooling is not None or self.point is not None:
            self._follow(figure, self._table_now(self.fit))
        super().finish(figure)

    def follow_point(self, fit: Fit) -> None:
        """Show the groups as they are at the point on the surface; the dial goes back."""
        if self.point is not None and self.pooling is not None:
            self.pooling = None
        else:
            self._move(fit)

    def redraw(self) -> None:
        """Draw both pictures again, in another size or theme."""
        super().redraw()
        if self._dial is not None and self.visible:
            with self.guarded():
                self._draw_dial()

    def turn(self, pooling: float) -> None:
        """Turn the dial, as far as it goes."""
        self.pooling = min(max(pooling, 0.0), 1.0)

    def _table_now(self, fit: Fit) -> ShrinkageTable:
        if self.pooling is not None:
            return self._the_dial().shrinkage_at(self.pooling)
        estimate = fit.estimate if self.point is None else self.point.estimate
        return shrinkage(fit.design, estimate, self._table.group)

    def _move(self, fit: Fit) -> None:
        figure = self.picture.figure
        with self.picture.hold_sync():
            self._follow(figure, self._table_now(fit))
            shrinkage_plot.pick(figure, self._table, self.index_of(self.picked))
            self.picture.move()

    def _follow(self, figure: Figure, table: ShrinkageTable) -> None:
        shrinkage_plot.follow(figure, table)
        self.picture.alt = shrinkage_plot.describe(table)

    def _the_dial(self) -> DialTable:
        if self._dial is None:
            self._dial = dial(self.fit.design, self.fit.estimate, self.factor_number(self.fit))
        return self._dial

    def _draw_dial(self) -> None:
        table = self._the_dial()
        self.dial_picture.figure_size = (self.picture.figure_size[0], DIAL_HEIGHT)
        self.dial_picture.draw(self._draw_whole_dial, table)
        self._say()

    def _draw_whole_dial(self, figure: Figure, table: DialTable) -> None:
        dial_plot.draw(figure, table, theme=self.look)
        dial_plot.place(figure, table, self._stands())

    def _stands(self) -> float:
        return self._the_dial().home if self.pooling is None else float(self.pooling)

    def _say(self) -> None:
        table = self._the_dial()
        words = dial_plot.words(table, self._stands())
        self.dial_picture.alt = dial_plot.describe(table, self._stands())
        self.cost.value = f'<div role="status" style="line-height: 1.4">{protected(words)}</div>'

    def _on_asked(self, button: Any) -> None:
        with self.guarded():
            self._draw_dial()
            self.ask.layout.display = "none"

    def _on_pooling_changed(self, change: Any) -> None:
        if self.fit is None or self._dial is None:
            return
        with self.guarded():
            dial_plot.place(self.dial_picture.figure, self._dial, self._stands())
            self.dial_picture.move()
            self._move(self.fit)
            self._say()

    def _on_dial_pointer_changed(self, change: Any) -> None:
        if self._dial is not None:
            with self.guarded():
                self._dial_pointed(change["new"])

    def _dial_pointed(self, event: dict[str, Any]) -> None:
        if event["kind"] == "click":
            self.pooling = None
        elif event["kind"] == "key":
            self._pressed(event["key"], event["shift"])
        elif event["kind"] in ("move", "up") and event["axes"] is not None:
            self.turn(event["x"])

    def _pressed(self, key: str, shift: bool) -> None:
        step = COARSE if shift or key.startswith("Page") else FINE
        if key in ("ArrowRight", "ArrowUp", "PageUp"):
            self.turn(self._stands() + step)
        elif key in ("ArrowLeft", "ArrowDown", "PageDown"):
            self.turn(self._stands() - step)
        elif key in ("Home", "End"):
            self.turn(0.0 if key == "Home" else 1.0)
        else:
            self.pooling = None


def cheap(fit: Fit) -> bool:
    """Whether a dial is there at once: crossed factors are solved anew at every position."""
    if len(fit.design.groupings) == 1:
        return True
    moments, optimum = fit.estimate.moments, fit.estimate.optimum
    begun = time.perf_counter()
    solve(optimum.T @ optimum.T.T, moments, fit.reml)
    return (time.perf_counter() - begun) * POSITIONS < LONG

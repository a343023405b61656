"""The panels: each a view of one table of the current fit, computed and drawn while visible."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import ipywidgets as ipw
import traitlets

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected, summary_html
from mixedwidgets.lmm.intervals import wald_table, with_profiles
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.parameters import Parameter, compatible
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.surface import surface
from mixedwidgets.lmm.tables import IntervalTable
from mixedwidgets.plots import intervals as intervals_plot
from mixedwidgets.plots import shrinkage as shrinkage_plot
from mixedwidgets.plots import surface as surface_plot
from mixedwidgets.plots.numbers import significant
from mixedwidgets.widgets.controls import offer
from mixedwidgets.widgets.longwork import LongWork
from mixedwidgets.widgets.picture import Picture

HEIGHT = 4.2  # inches of 100 CSS pixels: one box for every picture, so that nothing jumps
WIDTHS = (5.6, 9.0)  # narrower pictures are scaled down, wider ones would not be better

Guard = Callable[[], AbstractContextManager[None]]


class Panel:
    """A view of the current fit.

    Attributes
    ----------
    title : str
        Name of the panel.
    widget : ipywidgets.Widget
        What to put on the screen.
    shown : str
        Formula of the model on the screen; empty before the first.
    """

    title = ""

    def __init__(self, guarded: Guard):
        self.guarded = guarded
        self.fit: Fit | None = None
        self._visible = False
        self._stale = False
        self.shown = ""
        self.widget: ipw.Widget = self._build()

    @property
    def visible(self) -> bool:
        """Whether the panel is on the screen; a hidden one neither computes nor draws."""
        return self._visible

    @visible.setter
    def visible(self, value: bool) -> None:
        if self._visible and not value:
            self._stale = self.interrupt() or self._stale
        self._visible = value
        self._catch_up()

    def follow(self, fit: Fit) -> None:
        """Show another fit, at once or when the panel becomes visible."""
        if fit is not self.fit:
            self.fit, self._stale = fit, True
        self._catch_up()

    def _catch_up(self) -> None:
        if self._visible and self._stale and self.fit is not None:
            with self.guarded():
                self.show(self.fit)
                self._stale = False
                self.shown = self.fit.formula

    def interrupt(self) -> bool:
        """Drop the work under way, because the panel is hidden; whether there was any."""
        return False

    def _build(self) -> ipw.Widget:
        raise NotImplementedError

    def show(self, fit: Fit) -> None:
        """Compute the table of a fit and draw it."""
        raise NotImplementedError

    def static_html(self) -> str:
        """The panel as HTML without widgets, for a saved notebook."""
        raise NotImplementedError


class FitPanel(Panel):
    """lme4's summary as a table, with the verdict in a sentence."""

    title = "Fit"

    def _build(self) -> ipw.Widget:
        return ipw.HTML()

    def show(self, fit: Fit) -> None:
        """Show the summary of a fit."""
        self.widget.value = summary_html(fit.report)

    def static_html(self) -> str:
        """The table."""
        return str(self.widget.value)


class PicturePanel(Panel):
    """A panel whose main part is one picture, as wide as there is room for."""

    def _build(self) -> ipw.Widget:
        self._drawn: tuple[Any, Any] | None = None
        self.picture = Picture((8.2, HEIGHT))
        return ipw.VBox([self.picture], layout=_box())

    def draw(self, plot: Any, table: Any) -> None:
        """Draw a table with a plot module: its text alternative first, then the picture."""
        self._drawn = plot, table
        self.picture.alt = plot.describe(table)
        self.picture.draw(plot.draw, table)

    def fill(self, room: float) -> None:
        """Take the width of a room in CSS pixels; draw the last table again if it changes."""
        width = min(max(room / 100.0, WIDTHS[0]), WIDTHS[1])
        if room == 0.0 or abs(width - self.picture.figure_size[0]) < 0.02:
            return
        self.picture.figure_size = (width, HEIGHT)
        if self._drawn is not None:
            with self.guarded():
                self.draw(*self._drawn)

    def static_html(self) -> str:
        """The picture as it is."""
        return self.picture.static_html()


class ShrinkagePanel(PicturePanel):
    """Every group's estimate with no, partial and complete pooling."""

    title = "Shrinkage"

    def show(self, fit: Fit) -> None:
        """Draw the shrinkage of a fit."""
        self.draw(shrinkage_plot, shrinkage(fit.design, fit.estimate))


class IntervalsPanel(PicturePanel):
    """Wald and profile intervals of every parameter."""

    title = "Intervals"

    def _build(self) -> ipw.Widget:
        self.work = LongWork(self.guarded)
        self._finished = True
        self.numbers = ipw.HTML(layout=ipw.Layout(margin="0 12px"))
        box = super()._build()
        box.children = (self.picture, self.numbers)
        return box

    def show(self, fit: Fit) -> None:
        """Draw the intervals of a fit, the profile intervals as they come."""
        likelihood = fit.likelihood_estimate
        table = wald_table(fit.design, likelihood)
        self._finished = False
        self.work.start(with_profiles(fit.design, likelihood, table), self._show_latest)

    def interrupt(self) -> bool:
        """Drop the profiles under way; whether there were any."""
        self.work.cancel()
        return not self._finished

    def _show_latest(self, latest: IntervalTable, finished: bool) -> None:
        self._finished = finished
        self.draw(intervals_plot, latest)
        self.numbers.value = numbers_html(latest)


def numbers_html(table: IntervalTable) -> str:
    """All intervals as a table that unfolds: the picture shows a dozen at most."""
    shares = ("estimate", "wald_lower", "wald_upper", "profile_lower", "profile_upper")
    heads = ("", "estimate", "Wald", "", "profile", "", "")
    rows = [
        f"<td>{protected(label)}</td>"
        + "".join(f"<td>{significant(float(getattr(table, s)[i]), 5)}</td>" for s in shares)
        + f"<td>{protected(table.notes[i])}</td>"
        for i, label in enumerate(table.labels)
    ]
    head = "".join(f"<th>{h}</th>" for h in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<details><summary>as a table</summary><table><tr>{head}</tr>{body}</table></details>"


class LikelihoodPanel(PicturePanel):
    """The likelihood surface of two parameters with the curve along each."""

    title = "Likelihood"

    def _build(self) -> ipw.Widget:
        self.choice = SurfaceChoice()
        self.x, self.y = _axis_dropdown("Across", "48px"), _axis_dropdown("Up", "24px")
        self.kind = ipw.ToggleButtons(
            options=[("Profile", "profile"), ("Slice", "slice")],
            tooltips=[
                "The other parameters are optimised anew at every point",
                "The other parameters stay at their estimates",
            ],
            style={"button_width": "64px"},
            layout=ipw.Layout(width="auto"),
        )
        self.x.observe(self._on_x_changed, "value")
        self.y.observe(self._on_y_changed, "value")
        self.kind.observe(self._on_kind_changed, "value")
        self.choice.observe(self._on_choice_changed)
        row = ipw.Box(
            [self.x, self.y, self.kind],
            layout=ipw.Layout(display="flex", flex_flow="row wrap", align_items="center"),
        )
        super()._build()
        return ipw.VBox([row, self.picture], layout=_box())

    def show(self, fit: Fit) -> None:
        """Draw the surface of a fit over the two parameters chosen."""
        x, y = chosen_pair(fit, self.choice.x, self.choice.y)
        self._offer(fit, x, y)
        self.draw(surface_plot, surface(fit.design, fit.estimate, x, y, self.choice.kind))

    def _offer(self, fit: Fit, x: Parameter, y: Parameter) -> None:
        possible = drawable(fit)
        offer(self.x, [(label(p, fit.design), p.name) for p in possible], x.name)
        partners = [p for p in possible if p != x and compatible((x, p))]
        offer(self.y, [(label(p, fit.design), p.name) for p in partners], y.name)

    def _on_x_changed(self, change: Any) -> None:
        if self.x.value is not None and not offer.under_way:
            self.choice.x = self.x.value

    def _on_y_changed(self, change: Any) -> None:
        if self.y.value is not None and not offer.under_way:
            self.choice.y = self.y.value

    def _on_kind_changed(self, change: Any) -> None:
        self.choice.kind = self.kind.value

    def _on_choice_changed(self, change: Any) -> None:
        self._stale = True
        self._catch_up()


def _box() -> ipw.Layout:
    """One height for every tab, controls included, so that nothing beneath jumps."""
    return ipw.Layout(min_height="462px", overflow="hidden")


def _axis_dropdown(description: str, width: str) -> ipw.Dropdown:
    return ipw.Dropdown(
        description=description,
        style={"description_width": width},
        layout=ipw.Layout(width="auto", min_width="0", max_width="320px", flex="1 1 180px"),
    )


class SurfaceChoice(traitlets.HasTraits):
    """Which surface the user wishes: names of two parameters and the kind of curve."""

    x = traitlets.Unicode("")
    y = traitlets.Unicode("")
    kind = traitlets.Unicode("profile")


def drawable(fit: Fit) -> list[Parameter]:
    """Parameters that a surface of this fit can have: REML has no axis for coefficients."""
    return [p for p in fit.parameters if not (fit.reml and p.kind == "fixed")]


def chosen_pair(fit: Fit, x_name: str, y_name: str) -> tuple[Parameter, Parameter]:
    """The parameters wished where this fit has them, else the most telling ones."""
    possible = {p.name: p for p in drawable(fit)}
    spread = [p for p in possible.values() if p.kind == "sd"]
    telling = [
        *spread[:2],
        *(p for p in possible.values() if p.kind == "sigma"),
        *possible.values(),
    ]
    x = possible.get(x_name, telling[0])
    y = possible.get(y_name)
    if y is None or y == x or not compatible((x, y)):
        y = next(p for p in telling if p != x and compatible((x, p)))
    return x, y

"""The one-way hierarchical normal model by hand: mu, sigma and tau are moved, the rest follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.likelihood.oneway_point import oneway_data, oneway_point, parameters
from mixedwidgets.likelihood.tables import OneWayPoint
from mixedwidgets.plots import oneway_data as plot
from mixedwidgets.plots import oneway_surface, oneway_words
from mixedwidgets.widgets.controls import row_of
from mixedwidgets.widgets.theory.base import TheoryWidget, check_options
from mixedwidgets.widgets.theory.sliders import NumberSlider

NAMES = ("mu", "sigma", "tau")
SYMBOLS = ("μ", "σ", "τ")
ORDERS = ("mean", "name", "size", "contribution", "change")
BARS = ("contribution", "change")


class OneWayExplorer(TheoryWidget):
    """The model ``y_ij = mu + a_j + e_ij`` at any mu, sigma and tau.

    Move the sliders, type into their boxes, or drag the point on the surface of sigma and tau
    (the arrow keys move it too): the shrunken means, the densities, the log-likelihood and each
    group's share in it follow. A click on the surface goes to the maximum, a click on a group
    tells about it.

    Parameters
    ----------
    y : (n,) array_like
        Observations, finite.
    g : (n,) array_like
        The group of each.
    mu, sigma, tau : float, optional
        Where to begin; at the maximum-likelihood estimates where not given.
    **options
        ``order``, ``bars``, ``picked``, ``theme`` and ``layout``, see below.

    Attributes
    ----------
    mu, sigma, tau : float
        Overall mean, standard deviations within and between groups; can be set and linked.
    order : {"mean", "name", "size", "contribution", "change"}
        What the groups are sorted by, from left to right.
    bars : {"contribution", "change"}
        Each group's log-likelihood, or how much more it is than at the maximum.
    picked : str or None
        The group that is highlighted, by its label.
    loglik : float
        Log-likelihood at mu, sigma and tau.
    point : OneWayPoint
        The same with shrunken means, weights and contributions.
    analysis : OneWay
        Analysis of variance and estimates by moments, ML and REML.

    Raises
    ------
    DataError, ModelError
        Data or parameters that cannot be used, or a keyword that is not known.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> wheat = mw.load("wheat")
    >>> widget = mw.OneWayExplorer(wheat["yield"], wheat["region"], mu=16.3)
    >>> widget.sigma, widget.tau = 1.787**0.5, 0.384**0.5
    >>> round(widget.loglik, 4)
    -88.6121
    """

    options: ClassVar[tuple[str, ...]] = ("order", "bars", "picked", *TheoryWidget.options)
    handles: ClassVar[dict[str, str]] = {"point": "xy"}
    height: ClassVar[float] = 5.8

    mu = traitlets.Float()
    sigma = traitlets.Float()
    tau = traitlets.Float()
    loglik = traitlets.Float(read_only=True)
    order = traitlets.Enum(ORDERS, "mean")
    bars = traitlets.Enum(BARS, "contribution")
    picked: Any = traitlets.Unicode(None, allow_none=True)

    def __init__(
        self, y: Any, g: Any, mu: Any = None, sigma: Any = None, tau: Any = None, **options: Any
    ):
        check_options(type(self), options, "y g mu sigma tau")
        self.table, self.analysis = oneway_data(y, g)
        given = zip((mu, sigma, tau), self.table.best, strict=True)
        start = parameters(*(best if value is None else value for value, best in given))
        super().__init__(**dict(zip(NAMES, start, strict=True)), **options)
        self._together = False
        self._paint()
        self.observe(self._on_parameter_changed, NAMES)
        self.observe(self._on_look_changed, ["order", "bars"])
        self.observe(self._on_picked_changed, "picked")

    def above(self) -> Iterable[ipw.Widget]:
        """Three numbers, two buttons, the order of the groups and what their bars show."""
        self.sliders = {
            name: NumberSlider(symbol, self._setter(name), tooltip=name)
            for name, symbol in zip(NAMES, SYMBOLS, strict=True)
        }
        self.to_maximum = _button("To the maximum", "The maximum-likelihood estimates")
        self.to_moments = _button("To the method of moments", "MSE and (MSG − MSE) / n")
        self.to_maximum.on_click(lambda button: self.go(*self.table.best))
        self.to_moments.on_click(lambda button: self.go(*self.table.moments))
        self.order_menu = ipw.Dropdown(
            description="Order by",
            options=[(_ORDER_LABELS[name], name) for name in ORDERS],
            style={"description_width": "58px"},
            layout=ipw.Layout(width="172px"),
        )
        self.bars_menu = ipw.ToggleButtons(
            options=[("contribution", BARS[0]), ("change", BARS[1])],
            tooltips=[
                "The log-likelihood of each group",
                "How much more it is than at the maximum",
            ],
            style={"button_width": "104px"},
            layout=ipw.Layout(width="auto", margin="0 0 0 6px"),
        )
        traitlets.link((self, "order"), (self.order_menu, "value"))
        traitlets.link((self, "bars"), (self.bars_menu, "value"))
        second = [self.to_maximum, self.to_moments, self.order_menu, self.bars_menu]
        return [row_of(list(self.sliders.values())), row_of(second)]

    def below(self) -> Iterable[ipw.Widget]:
        """The analysis of variance of the data."""
        self.anova = ipw.HTML(self.analysis._repr_html_(), layout=ipw.Layout(margin="4px"))
        return [self.anova]

    @property
    def point(self) -> OneWayPoint:
        """The model at mu, sigma and tau."""
        return oneway_point(self.analysis.groups, self.mu, self.sigma, self.tau)

    def go(self, mu: float, sigma: float, tau: float) -> None:
        """Move all three parameters at once."""
        values = parameters(mu, sigma, tau)
        if values != (self.mu, self.sigma, self.tau):
            self._together = True
            try:
                self.mu, self.sigma, self.tau = values
            finally:
                self._together = False
            self.answer(self._move)

    def pointed(self, event: dict[str, Any]) -> None:
        """Drag on the surface, click, and arrow keys."""
        kind, axes = event["kind"], event["axes"]
        if kind == "key":
            there = oneway_surface.step(
                self.table, event["key"], event["shift"], self.sigma, self.tau
            )
            self.go(*(self.table.best if there is None else (self.mu, *there)))
        elif axes == plot.SURFACE and kind in ("move", "up"):
            self.go(self.mu, *oneway_surface.inside(self.table, event["x"], event["y"]))
        elif axes == plot.SURFACE and kind == "click":
            self.go(*self.table.best)
        elif axes in (plot.DATA, plot.BARS) and kind == "click":
            place = min(max(round(event["x"]), 0), len(self._order) - 1)
            label = self.table.labels[self._order[place]]
            self.picked = None if label == self.picked else label

    def summary(self) -> str:
        """The widget in a few words."""
        return f"OneWayExplorer(mu={self.mu:.6g}, sigma={self.sigma:.6g}, tau={self.tau:.6g})"

    def static_html(self) -> str:
        """The picture, the words and the analysis of variance."""
        return super().static_html() + self.anova.value

    @traitlets.validate(*NAMES)
    def _valid_parameter(self, proposal: Any) -> float:
        value, name = proposal["value"], proposal["trait"].name
        known = {"mu": 0.0, "sigma": 1.0, "tau": 0.0} | {name: value}
        return parameters(**known)[NAMES.index(name)]

    @traitlets.validate("picked")
    def _valid_picked(self, proposal: Any) -> Any:
        label, labels = proposal["value"], self.table.labels
        if label is not None and label not in labels:
            raise ModelError(f"There is no group {brief(label)}{nearest(label, labels)}.")
        return label

    def _setter(self, name: str) -> Any:
        def given(value: float) -> None:
            self.answer(lambda: setattr(self, name, value))
            self._show_sliders()

        return given

    def _paint(self) -> None:
        """Draw everything, the groups in order."""
        self._order = plot.arranged(self.table, self.point, self.order)
        self.draw(self._draw_whole)
        self._show_sliders()
        self._say(self.point)

    def _draw_whole(self, figure: Figure) -> None:
        plot.draw(figure, self.table, self._order, theme=self.look, bars=self.bars)
        self._place(figure, self.point)

    def _place(self, figure: Figure, point: OneWayPoint) -> None:
        plot.follow(figure, self.table, point, self._order, self.bars)
        plot.pick(figure, self.table, point, self._order, self._index())

    def _index(self) -> int | None:
        return None if self.picked is None else self.table.labels.index(self.picked)

    def _move(self) -> None:
        point = self.point
        self._place(self.picture.figure, point)
        self.picture.move()
        self._show_sliders()
        self._say(point)

    def _say(self, point: OneWayPoint) -> None:
        self.set_trait("loglik", point.loglik)
        words = oneway_words.say(self.table, point)
        index = self._index()
        if index is not None:
            words = f"{words} {oneway_words.say_group(self.table, point, index)}"
        self.tell(words, oneway_words.describe(self.table))

    def _show_sliders(self) -> None:
        for name, (low, high) in zip(NAMES, self.table.ranges, strict=True):
            self.sliders[name].show(getattr(self, name), low, high)

    def _on_parameter_changed(self, change: Any) -> None:
        if not self._together:
            self.answer(self._move)

    def _on_look_changed(self, change: Any) -> None:
        self.answer(self._paint)

    def _on_picked_changed(self, change: Any) -> None:
        self.answer(self._move)


_ORDER_LABELS = {
    "mean": "group mean",
    "name": "name",
    "size": "size of the group",
    "contribution": "contribution now",
    "change": "change now",
}


def _button(words: str, tooltip: str) -> ipw.Button:
    return ipw.Button(description=words, tooltip=tooltip, layout=ipw.Layout(width="auto"))

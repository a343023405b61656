"""The binomial likelihood with a point that can be grabbed, and five intervals beneath."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.errors import DataError, brief
from mixedwidgets.likelihood.binomial_curve import METHODS, binomial_curve, binomial_point
from mixedwidgets.likelihood.inputs import confidence, counts, proportion
from mixedwidgets.likelihood.tables import BinomialCurve, BinomialPoint
from mixedwidgets.plots import binomial as plot
from mixedwidgets.widgets.controls import row_of
from mixedwidgets.widgets.theory.base import TheoryWidget, check_options
from mixedwidgets.widgets.theory.sliders import NumberSlider

STEP, STRIDE = 0.005, 0.05  # of theta, by an arrow key and with shift
MOST = 400  # observations that the slider offers; the box takes more
SCALES = ("log-likelihood", "likelihood")


class BinomialLikelihood(TheoryWidget):
    """The likelihood of k ones among n observations, and the intervals that follow from it.

    Drag the point along the curve, or move it by the arrow keys: log-likelihood, slope and drop
    are written beneath. A click on the curve puts it back at the maximum; a click on an interval
    shows how it is built.

    Parameters
    ----------
    n, k : int
        Observations, and how many of them are ones.
    compare : (n, k), optional
        A second data set on the same axes, each curve scaled to its own maximum.
    level : float, default 0.95
        Confidence level of the intervals.
    **options
        ``theta``, ``scale``, ``interval``, ``near``, ``theme`` and ``layout``, see below.

    Attributes
    ----------
    n, k, compare, level
        As given; all can be set, observed and linked.
    theta : float or None
        Where the point is; None is the maximum.
    scale : {"log-likelihood", "likelihood"}
        What goes up.
    interval : {"wald", "wald-logit", "score", "likelihood-ratio", "exact"}
        The interval whose construction is shown.
    near : bool
        Whether the axis ends near the curve, rather than at 0 and 1.
    point : BinomialPoint
        Log-likelihood, slope and curvature where the point is.
    table : BinomialCurve
        Everything that is drawn, as numbers.

    Raises
    ------
    DataError, ModelError
        Counts, a probability or a level that are none, or a keyword that is not known.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> widget = mw.BinomialLikelihood(30, 5, compare=(300, 50))
    >>> widget.theta = 0.25
    >>> round(widget.point.loglik, 4), round(widget.point.score, 4)
    (-14.1235, -13.3333)
    """

    options: ClassVar[tuple[str, ...]] = (
        *("theta", "scale", "interval", "near"),
        *TheoryWidget.options,
    )
    handles: ClassVar[dict[str, str]] = {"point": "x"}
    height: ClassVar[float] = 4.9

    n = traitlets.Int(30)
    k = traitlets.Int(5)
    compare: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True)
    level = traitlets.Float(0.95)
    theta: Any = traitlets.Float(None, allow_none=True)
    scale = traitlets.Enum(SCALES, "log-likelihood")
    interval = traitlets.Enum(tuple(METHODS), "likelihood-ratio")
    near = traitlets.Bool(False)

    def __init__(
        self,
        n: int = 30,
        k: int = 5,
        compare: tuple[int, int] | None = None,
        level: float = 0.95,
        **options: Any,
    ):
        check_options(type(self), options, "n k compare level")
        k, n = counts(k, n)
        self._ready = False
        super().__init__(n=n, k=k, compare=compare, level=confidence(level), **options)
        self._ready = True
        self.observe(self._on_data_changed, ["n", "k", "compare", "level"])
        self.observe(self._on_look_changed, ["scale", "interval", "near"])
        self.observe(self._on_theta_changed, "theta")
        self._show()

    def above(self) -> Iterable[ipw.Widget]:
        """Number of observations, of ones, the second data set, and what is shown."""
        self.n_slider = NumberSlider("n", self._on_n_given, whole=True, tooltip="observations")
        self.k_slider = NumberSlider("k", self._on_k_given, whole=True, tooltip="ones among them")
        self.beside = ipw.Checkbox(
            description="beside it",
            tooltip="A second data set on the same axes",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 6px 0 8px"),
        )
        self.other_n, self.other_k = _box("its n"), _box("its k")
        self.scale_menu = ipw.ToggleButtons(
            options=[("log-likelihood", SCALES[0]), ("likelihood", SCALES[1])],
            style={"button_width": "116px"},
            layout=ipw.Layout(width="auto"),
        )
        self.method_menu = ipw.Dropdown(
            description="Interval",
            options=[(label, key) for key, label in METHODS.items()],
            style={"description_width": "56px"},
            layout=ipw.Layout(width="220px"),
        )
        self.near_box = ipw.Checkbox(
            description="zoom",
            tooltip="The axis ends near the curve, rather than at 0 and 1",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
        )
        self.beside.observe(self._on_beside_given, "value")
        for box in (self.other_n, self.other_k):
            box.observe(self._on_beside_given, "value")
        for menu, name in (
            (self.scale_menu, "scale"),
            (self.method_menu, "interval"),
            (self.near_box, "near"),
        ):
            traitlets.link((self, name), (menu, "value"))
        other = ipw.HBox([self.beside, self.other_n, self.other_k], layout=_middle())
        first = [self.n_slider, self.k_slider, other]
        second = [self.scale_menu, self.method_menu, self.near_box]
        return [row_of(first), row_of(second)]

    @property
    def point(self) -> BinomialPoint:
        """The log-likelihood where the point is."""
        theta = self.table.mle if self.theta is None else self.theta
        return binomial_point(self.k, self.n, theta)

    def go(self, theta: float) -> None:
        """Move the point to a probability, as far as it is one."""
        self.theta = min(max(float(theta), 0.0), 1.0)

    def back(self) -> None:
        """Put the point back at the maximum."""
        self.theta = None

    def pointed(self, event: dict[str, Any]) -> None:
        """Drag, click and keys."""
        kind, axes = event["kind"], event["axes"]
        if kind == "key":
            self._pressed(event["key"], event["shift"])
        elif axes == plot.CURVE and kind in ("move", "up"):
            self.go(event["x"])
        elif axes == plot.CURVE and kind == "click":
            self.back()
        elif axes == plot.ROWS and kind == "click":
            self.interval = plot.hit(self.table, event["artist"], y=event["y"]) or self.interval

    def summary(self) -> str:
        """The widget in a few words."""
        return f"BinomialLikelihood(n={self.n}, k={self.k})"

    @traitlets.validate("n", "k")
    def _valid_count(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        if not getattr(self, "_ready", False):
            return int(value)
        if name == "n":  # fewer observations than ones: the ones go with them
            counts(0, value)
            return int(value)
        return counts(value, self.n)[0]

    @traitlets.validate("compare")
    def _valid_compare(self, proposal: Any) -> Any:
        if proposal["value"] is None:
            return None
        n, k = proposal["value"]
        k, n = counts(k, n)
        return n, k

    @traitlets.validate("level")
    def _valid_level(self, proposal: Any) -> float:
        return confidence(proposal["value"])

    @traitlets.validate("theta")
    def _valid_theta(self, proposal: Any) -> Any:
        if proposal["value"] is None:
            return None
        return float(proportion(proposal["value"]))

    def _pressed(self, key: str, shift: bool) -> None:
        step = STRIDE if shift else STEP
        way = {"ArrowLeft": -step, "ArrowDown": -step, "ArrowRight": step, "ArrowUp": step}
        way |= {"PageDown": -STRIDE, "PageUp": STRIDE}
        if key in way:
            self.go(self.point.theta + way[key])
        else:
            self.back()

    def _show(self) -> None:
        """Compute the curves and draw them."""
        self.table = binomial_curve(self.k, self.n, self.level)
        self._beside: BinomialCurve | None = None
        if self.compare is not None:
            self._beside = binomial_curve(self.compare[1], self.compare[0], self.level)
        self.n_slider.show(self.n, 1, max(MOST, self.n))
        self.k_slider.show(self.k, 0, self.n)
        self._show_beside()
        self._paint()

    def _paint(self) -> None:
        self.draw(self._draw_whole)
        self._say()

    def _draw_whole(self, figure: Figure) -> None:
        plot.draw(
            figure,
            self.table,
            beside=self._beside,
            theme=self.look,
            scale=self.scale,
            selected=self.interval,
            near=self.near,
        )
        plot.follow(figure, self.table, self.point, self.scale)

    def _say(self) -> None:
        self.tell(plot.say(self.table, self.point), plot.describe(self.table, self._beside))

    def _show_beside(self) -> None:
        self._ready = False  # what is shown is not given
        try:
            self.beside.value = self.compare is not None
            if self.compare is not None:
                self.other_n.value, self.other_k.value = self.compare
            elif not self.other_n.value:
                self.other_n.value, self.other_k.value = 10 * self.n, 10 * self.k
            shown = "visible" if self.beside.value else "hidden"
            for box in (self.other_n, self.other_k):
                box.layout.visibility = shown
        finally:
            self._ready = True

    def _on_n_given(self, value: int) -> None:
        self.answer(lambda: self._set_n(value))
        self.n_slider.show(self.n, 1, max(MOST, self.n))

    def _set_n(self, n: int) -> None:
        counts(0, n)
        if self.k > n:
            self.k = n
        self.n = n

    def _on_k_given(self, value: int) -> None:
        self.answer(lambda: setattr(self, "k", value))
        self.k_slider.show(self.k, 0, self.n)

    def _on_beside_given(self, change: Any) -> None:
        if self._ready:
            self.answer(self._set_beside)

    def _set_beside(self) -> None:
        if not self.beside.value:
            self.compare = None
            return
        n, k = self.other_n.value, self.other_k.value
        if k > n:
            raise DataError(f"The second data set has k = {brief(k)} ones among n = {brief(n)}.")
        self.compare = (n, k)

    def _on_data_changed(self, change: Any) -> None:
        if self.k > self.n:
            self.k = self.n
            return
        self.answer(self._show)

    def _on_look_changed(self, change: Any) -> None:
        self.answer(self._paint)

    def _on_theta_changed(self, change: Any) -> None:
        self.answer(self._move)

    def _move(self) -> None:
        plot.follow(self.picture.figure, self.table, self.point, self.scale)
        self.picture.move()
        self._say()


def _box(name: str) -> ipw.IntText:
    return ipw.IntText(
        description=name,
        style={"description_width": "auto"},
        continuous_update=False,
        layout=ipw.Layout(width="94px"),
    )


def _middle() -> ipw.Layout:
    return ipw.Layout(align_items="center", flex="0 0 auto")

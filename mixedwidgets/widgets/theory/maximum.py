"""Any log-likelihood written as a Python function: its shape, and how its maximum is found."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import ipywidgets as ipw
import numpy as np
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.errors import MixedWidgetsWarning, ModelError, brief, nearest
from mixedwidgets.likelihood.maximize import maximize, minimize
from mixedwidgets.likelihood.maximum import Maximum
from mixedwidgets.likelihood.maximum_view import loglik_at, maximum_view, problem_of
from mixedwidgets.likelihood.newton_steps import newton_steps, searched
from mixedwidgets.likelihood.tables import MaximumView, SearchStep
from mixedwidgets.plots import maximum as plot
from mixedwidgets.widgets.controls import offer, row_of
from mixedwidgets.widgets.theory.base import TheoryWidget, check_options
from mixedwidgets.widgets.theory.sliders import NumberSlider
from mixedwidgets.widgets.theory.steps_table import steps_html

SLOW = 0.12  # seconds a search may take to follow the hand; slower ones wait until it lets go
SLOW_CALL = 0.01  # seconds a call of the function may take for Newton's method unasked
MOST_BOXES = 6  # parameters whose start can be typed


class MaximumLikelihood(TheoryWidget):
    """A log-likelihood of one or two parameters, and the search for its maximum step by step.

    The slider (or the arrow keys) goes through the steps; drag the start, or move it by shift and
    the arrow keys, to see where the search goes from there. A click puts the start back.

    Parameters
    ----------
    loglik : callable
        The log-likelihood, called as :func:`mixedwidgets.maximize` says.
    start : sequence, dict, Series or number
        Where to begin; its names, or the function's arguments, name the parameters.
    bounds : dict or sequence of pairs, optional
        ``(low, high)`` of each parameter, None where there is no bound.
    data : dict, optional
        Passed to the function by name.
    minus : bool, default False
        Whether the function is minus a log-likelihood.
    **options
        ``step``, ``x``, ``y``, ``path``, ``near``, ``theme`` and ``layout``, see below.

    Attributes
    ----------
    loglik : callable
        Another function may be assigned.
    maximum : Maximum or None
        Estimates, Hessian, standard errors, warnings; None where the function fails.
    steps : tuple of SearchStep
        The search that is shown.
    step : int
        Which of its steps; the first is 0.
    x, y : str
        Parameters on the axes; ``y`` is empty where there is only one.
    path : {"newton", "maximize"}
        Newton's method from the start, or the search of :func:`mixedwidgets.maximize`, which comes
        first where the function is slow.
    near : bool
        Whether the axes end near the maximum, rather than where the search began.
    begin : tuple of float
        The start of Newton's method, one number for each parameter.
    problem : str
        What is wrong, in one sentence, also where the function itself raises an exception.

    Raises
    ------
    ModelError
        A keyword that is not known, or data that are no dict. What is wrong with the function, its
        start, its bounds or the parameters to show is told by ``problem``.

    Examples
    --------
    >>> import numpy as np
    >>> import mixedwidgets as mw
    >>> def loglik(theta, k, n):
    ...     return k * np.log(theta) + (n - k) * np.log(1 - theta)
    >>> widget = mw.MaximumLikelihood(loglik, 0.5, bounds=(0, 1), data={"k": 5, "n": 30})
    >>> [round(float(step.x[0]), 4) for step in widget.steps]
    [0.5, 0.1667]
    """

    options: ClassVar[tuple[str, ...]] = ("step", "x", "y", "path", "near", *TheoryWidget.options)
    handles: ClassVar[dict[str, str]] = {"start": "xy"}
    height: ClassVar[float] = 5.2

    loglik: Any = traitlets.Any()
    step = traitlets.Int(0, min=0)
    x = traitlets.Unicode("")
    y = traitlets.Unicode("")
    path = traitlets.Enum(("newton", "maximize"), "newton")
    near = traitlets.Bool(False)
    begin: Any = traitlets.Tuple()

    def __init__(
        self,
        loglik: Callable[..., Any],
        start: Any,
        bounds: Any = None,
        data: Mapping[str, Any] | None = None,
        minus: bool = False,
        **options: Any,
    ):
        check_options(type(self), options, "loglik start bounds data minus")
        if data is not None and not isinstance(data, Mapping):
            raise ModelError(f"data is {brief(data)}; give a dict of names and values.")
        self._given = (start, bounds, dict(data or {}), minus)
        self.maximum: Maximum | None = None
        self.table: MaximumView | None = None
        self.steps: tuple[SearchStep, ...] = ()
        self._took, self._path_given = 0.0, "path" in options
        super().__init__(loglik=loglik, **options)
        self.observe(self._on_function_changed, "loglik")
        self.observe(self._on_axes_changed, ["x", "y", "near"])
        self.observe(self._on_search_changed, ["path", "begin"])
        self.observe(self._on_step_changed, "step")
        self._on_function_changed(None)

    def above(self) -> Iterable[ipw.Widget]:
        """The step, what search it belongs to, the start, and the parameters on the axes."""
        self.step_slider = NumberSlider("step", self._on_step_given, whole=True)
        self.path_menu = ipw.ToggleButtons(
            options=[("Newton", "newton"), ("mw.maximize", "maximize")],
            tooltips=["Newton's method from the start", "Simplex first, then Newton's method"],
            style={"button_width": "124px"},
            layout=ipw.Layout(width="auto"),
        )
        self.x_menu, self.y_menu = _menu("Across"), _menu("Up")
        self.near_box = ipw.Checkbox(
            description="zoom to the maximum",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
        )
        traitlets.link((self, "path"), (self.path_menu, "value"))
        traitlets.link((self, "near"), (self.near_box, "value"))
        self.x_menu.observe(partial(self._on_axis_chosen, "x"), "value")
        self.y_menu.observe(partial(self._on_axis_chosen, "y"), "value")
        self.start_row = row_of([])
        first = [self.step_slider, self.path_menu, self.near_box]
        self.axes_row = row_of([self.x_menu, self.y_menu])
        return [row_of(first), self.start_row, self.axes_row]

    def below(self) -> Iterable[ipw.Widget]:
        """Estimates, Hessian and warnings, and every step as a table that unfolds."""
        self.numbers = ipw.HTML(layout=ipw.Layout(margin="2px 4px"))
        return [self.numbers]

    def go(self, *begin: float) -> None:
        """Let Newton's method begin elsewhere, inside the bounds."""
        found = self._known()
        low, high = found._problem.low, found._problem.high
        with np.errstate(invalid="ignore"):
            inside = np.clip(begin, low + 1e-3 * (high - low), high - 1e-3 * (high - low))
        place = np.where(np.isfinite(inside), inside, np.clip(begin, low, high))
        if np.isfinite(loglik_at(found, place)):
            self.begin = tuple(float(v) for v in place)

    def back(self) -> None:
        """Put the start back where it was given."""
        self.begin = tuple(float(v) for v in self._start)

    def pointed(self, event: dict[str, Any]) -> None:
        """Drag the start; click puts it back; keys go through the steps or move the start."""
        kind = event["kind"]
        if self.table is None:
            return
        if kind == "key":
            self._pressed(event["key"], event["shift"])
        elif event["axes"] == plot.MAIN and kind == "click":
            self.back()
        elif event["axes"] == plot.MAIN and (
            kind == "up" or (kind == "move" and self._took < SLOW)
        ):
            place = list(self.begin)
            for axis, value in zip(self.table.axes, (event["x"], event["y"]), strict=False):
                place[axis] = value
            self.go(*place)

    def summary(self) -> str:
        """The widget in a few words."""
        if self.maximum is None:
            return f"MaximumLikelihood({self.problem})"
        values = self.maximum.par.items()
        best = ", ".join(f"{name}={value:.6g}" for name, value in values)
        return f"MaximumLikelihood({best}, loglik={self.maximum.loglik:.6g})"

    def static_html(self) -> str:
        """The picture, the words and the numbers."""
        return super().static_html() + self.numbers.value

    @traitlets.validate("step")
    def _valid_step(self, proposal: Any) -> int:
        value = int(proposal["value"])
        return min(value, len(self.steps) - 1) if self.steps else value

    @traitlets.validate("begin")
    def _valid_begin(self, proposal: Any) -> tuple[float, ...]:
        place = np.array(proposal["value"], dtype=np.float64)
        if self.maximum is not None:
            names = self.maximum.names
            if len(place) != len(names) or not np.isfinite(loglik_at(self.maximum, place)):
                raise ModelError(
                    f"begin is {brief(proposal['value'])}; give one number for each of "
                    f"{', '.join(names)}, where the log-likelihood is finite."
                )
        return tuple(place.tolist())

    # One after the other: the function, its maximum, the search, the picture.

    def _on_function_changed(self, change: Any) -> None:
        self.answer(self._maximise)

    def _maximise(self) -> None:
        start, bounds, data, minus = self._given
        best = partial(minimize if minus else maximize, self.loglik, start, bounds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixedWidgetsWarning)  # the widget says them
            before = time.perf_counter()
            found = best(**data)
            took = time.perf_counter() - before
        self.maximum = found
        self._start = found.path[found.names].to_numpy(dtype=np.float64)[0]
        self._check_axes()
        self.table = None
        if took > SLOW_CALL * found.counts["function"] and not self._path_given:
            self.path = "maximize"  # of which the steps are known without a further call
        self.begin = tuple(float(v) for v in self._start)
        self._offer_axes()
        self._make_boxes()
        self._search()
        self._show()

    def _search(self) -> None:
        found = self._known()
        before = time.perf_counter()
        if self.path == "newton":
            self.steps = newton_steps(problem_of(found), np.array(self.begin))
        else:
            sign = -1.0 if found.minus else 1.0
            table = found.path
            places = table[found.names].to_numpy(dtype=np.float64)
            values = sign * table["value"].to_numpy(dtype=np.float64)
            self.steps = searched(
                [
                    (str(s), x, float(v))
                    for s, x, v in zip(table["step"], places, values, strict=True)
                ]
            )
        self._took = time.perf_counter() - before
        self.step = min(self.step, len(self.steps) - 1)

    def _show(self) -> None:
        names = [name for name in (self.x, self.y) if name]
        self.table = maximum_view(self._known(), names, self.steps, self.near)
        self.draw(self._draw_whole)
        self._say()

    def _draw_whole(self, figure: Figure) -> None:
        if self.table is not None:
            plot.draw(figure, self.table, theme=self.look)
            plot.follow(figure, self.table, self.steps, self.step)

    def _move(self) -> None:
        if self.table is not None:
            plot.follow(self.picture.figure, self.table, self.steps, self.step)
            self.picture.move()
            self._say()

    def _say(self) -> None:
        found, table = self._known(), self.table
        last = len(self.steps) - 1
        self.step_slider.show(self.step, 0, max(last, 1))
        for box, value in zip(self.start_row.children[1:], self.begin, strict=False):
            box.value = float(f"{value:.6g}")
        self.numbers.value = found._repr_html_() + steps_html(found.names, self.steps, self.step)
        if table is not None:
            words = plot.say(found.names, self.steps, self.step, found.loglik)
            self.tell(words, plot.describe(table))

    def _known(self) -> Maximum:
        if self.maximum is None:
            raise ModelError("The function has no maximum yet; mend it first.")
        return self.maximum

    def _offer_axes(self) -> None:
        names = self._known().names
        self.axes_row.layout.display = "none" if len(names) < 3 else "flex"
        x = self.x or names[0]
        others = [name for name in names if name != x]
        y = self.y if self.y in others else (others[0] if others else "")
        offer(self.x_menu, [(name, name) for name in names], x)
        offer(self.y_menu, [(name, name) for name in others], y or None)
        self.x, self.y = x, y

    def _make_boxes(self) -> None:
        names = self._known().names
        boxes = []
        for i, name in enumerate(names[:MOST_BOXES]):
            box = ipw.FloatText(
                description=name,
                tooltip=f"start of {name}",
                style={"description_width": "auto"},
                layout=ipw.Layout(width="auto", max_width="180px"),
                continuous_update=False,
            )
            box.observe(partial(self._on_start_given, i), "value")
            boxes.append(box)
        self.start_row.children = [ipw.HTML("start at", layout=ipw.Layout(margin="0 8px 0 4px"))]
        self.start_row.children += tuple(boxes)

    def _pressed(self, key: str, shift: bool) -> None:
        way = {"ArrowRight": (1, 0), "ArrowUp": (0, 1), "ArrowLeft": (-1, 0), "ArrowDown": (0, -1)}
        last = len(self.steps) - 1
        if key in way and shift and self.table is not None:
            place = list(self.begin)
            for axis, grid, side in zip(self.table.axes, self.table.grids, way[key], strict=False):
                place[axis] += side * plot.STRIDE * float(grid[-1] - grid[0])
            self.go(*place)
        elif key in way:
            self.step = min(max(self.step + sum(way[key]), 0), last)
        elif key in ("Home", "End"):
            self.step = 0 if key == "Home" else last

    def _on_step_given(self, value: int) -> None:
        self.answer(lambda: setattr(self, "step", min(max(value, 0), len(self.steps) - 1)))

    def _on_start_given(self, i: int, change: Any) -> None:
        if abs(change["new"] - float(f"{self.begin[i]:.6g}")) > 0.0:
            place = list(self.begin)
            place[i] = change["new"]
            self.answer(lambda: self.go(*place))

    def _on_axis_chosen(self, name: str, change: Any) -> None:
        if change["new"] is not None and not offer.under_way:
            setattr(self, name, change["new"])

    def _on_axes_changed(self, change: Any) -> None:
        if self.table is not None:
            self.answer(self._change_axes)

    def _check_axes(self) -> None:
        known = self._known().names
        for name in (self.x, self.y):
            if name and name not in known:
                raise ModelError(
                    f"{brief(name)} is no parameter{nearest(name, known)}; there are "
                    f"{', '.join(known)}."
                )

    def _change_axes(self) -> None:
        self._check_axes()
        self.table = None  # until both axes are known
        self._offer_axes()
        self._show()

    def _on_search_changed(self, change: Any) -> None:
        if self.table is not None:
            self.answer(self._follow_search)

    def _follow_search(self) -> None:
        if self.path != "newton" and self.begin != tuple(float(v) for v in self._start):
            self.path = "newton"  # a search from elsewhere is Newton's
            return
        self._search()
        self._move()

    def _on_step_changed(self, change: Any) -> None:
        if self.table is not None:
            self.answer(self._move)


def _menu(description: str) -> ipw.Dropdown:
    return ipw.Dropdown(
        description=description,
        style={"description_width": "48px"},
        layout=ipw.Layout(width="220px"),
    )

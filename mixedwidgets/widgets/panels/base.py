"""What every panel is: a view of one fit that computes and draws only while it is visible."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.point import Point
from mixedwidgets.widgets.guard import Guarded, alert_html
from mixedwidgets.widgets.keepsake import Keepsake

ALL, POINT, PICKED = "all", "point", "picked"


class Panel(Guarded, ipw.VBox):
    """A view of a fit: a widget of its own, and a part of the explorer.

    Parameters
    ----------
    fit : Fit, optional
        What to show; another may be assigned later.
    **options
        Any of the attributes of the panel, by name.

    Attributes
    ----------
    fit : Fit or None
        What is shown.
    factor : str
        The grouping factor whose groups are shown; ``""`` is the first.
    picked : str or None
        The group that is highlighted, by its label.
    point : Point or None
        Where a hand is on the likelihood surface; None is the estimate.
    visible : bool
        Whether the panel is on the screen; a hidden one neither computes nor draws.
    problem : str
        What is wrong, in one sentence; empty when nothing is.
    error : str or None
        Traceback of the last exception, None when all is well.
    shown : str
        Formula of the model on the screen; empty before the first.

    All of them can be observed and linked, with ``traitlets.link`` or ``ipywidgets.link``.

    Raises
    ------
    ModelError
        ``fit`` is no fit, or a keyword is not known.
    """

    title: ClassVar[str] = ""
    options: ClassVar[tuple[str, ...]] = ("factor", "picked", "visible")

    fit: Any = traitlets.Instance(Fit, allow_none=True)
    factor = traitlets.Unicode("")
    picked: Any = traitlets.Unicode(None, allow_none=True)
    point: Any = traitlets.Instance(Point, allow_none=True)
    visible = traitlets.Bool(True)

    def __init__(self, fit: Fit | None = None, **options: Any):
        _check(type(self), fit, options)
        layout = options.pop("layout", None)
        self._lacks: set[str] = set()
        self.shown = ""
        super().__init__(**({} if layout is None else {"layout": layout}))
        self.add_class("mixedwidgets-panel")
        self._keepsake = Keepsake(self.static_html, self.guarded)
        self._alert = ipw.HTML(layout=ipw.Layout(display="none", margin="0"))
        for name, value in options.items():
            setattr(self, name, value)
        self.children = [self._alert, *self.build()]
        self.observe(self._on_fit_changed, "fit")
        self.observe(self._on_factor_changed, "factor")
        self.observe(self._on_point_changed, "point")
        self.observe(self._on_picked_changed, "picked")
        self.observe(self._on_visible_changed, "visible")
        self.observe(self._on_problem_changed, "problem")
        self.fit = fit

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.fit.formula if self.fit is not None else 'no fit'}>"
        )

    # What a panel does in its own way.

    def build(self) -> Iterable[ipw.Widget]:
        """Make the widgets of the panel, once."""
        raise NotImplementedError

    def show(self, fit: Fit) -> None:
        """Compute the table of a fit and draw it, with the point and the group picked."""
        raise NotImplementedError

    def follow_point(self, fit: Fit) -> None:
        """Show what the model says at ``point``; a panel that says the same everywhere passes."""

    def mark_picked(self, fit: Fit) -> None:
        """Highlight the group picked; a panel that shows no groups passes."""

    def interrupt(self) -> bool:
        """Drop the work under way, because the panel is hidden; whether there was any."""
        return False

    def static_html(self) -> str:
        """The panel as HTML without widgets, for a saved notebook."""
        raise NotImplementedError

    # The same for all.

    def renew(self, part: str = ALL) -> None:
        """Bring a part up to date, at once or when the panel becomes visible."""
        self._lacks.add(part)
        self.catch_up()

    def catch_up(self) -> None:
        """Do what is due, where the panel is visible; what failed before is due again."""
        if not (self.visible and self._lacks) or self.fit is None:
            return
        lacks, self._lacks = self._lacks, set()
        failures = self.failures  # also those of work that goes on beside this
        with self.guarded():
            self._check_point(self.fit)
            if ALL in lacks:
                self.show(self.fit)
                self.shown = self.fit.formula
            else:
                if POINT in lacks:
                    self.follow_point(self.fit)
                if PICKED in lacks:
                    self.mark_picked(self.fit)
        if self.failures == failures:
            self.all_is_well()
            self._keepsake.changed()
        else:
            self._lacks |= lacks

    def _check_point(self, fit: Fit) -> None:
        if self.point is not None and self.point.design is not fit.design:
            raise ModelError(
                "The point is one of another model than the one shown; give a point of the fit "
                "shown, as its method at returns it."
            )

    def _on_fit_changed(self, change: Any) -> None:
        self._lacks.add(ALL)
        self.point = None  # it was a point of the model before
        self.catch_up()

    def _on_factor_changed(self, change: Any) -> None:
        self.renew()

    def _on_point_changed(self, change: Any) -> None:
        self.renew(POINT)

    def _on_picked_changed(self, change: Any) -> None:
        self.renew(PICKED)

    def _on_visible_changed(self, change: Any) -> None:
        if not change["new"] and self.interrupt():
            self._lacks.add(ALL)
        self.catch_up()

    def _on_problem_changed(self, change: Any) -> None:
        still = f" The picture still shows {self.shown}." if self.problem and self.shown else ""
        self._alert.value = alert_html(self.problem + still if self.problem else "")
        self._alert.layout.display = "block" if self.problem else "none"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and beside it what is on the screen, for readers without a kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if self.fit is None:
            return bundle
        bundle["text/plain"] = repr(self)
        if not self._keepsake.place():
            bundle["text/html"] = self.static_html()
        return bundle


def _check(panel: type[Panel], fit: object, options: dict[str, Any]) -> None:
    name = panel.__name__
    if fit is not None and not isinstance(fit, Fit):
        raise ModelError(f"{name} shows a fit, as lmer returns it; {brief(fit)} is none.")
    allowed = (*panel.options, "layout")
    for given in options:
        if given not in allowed:
            raise ModelError(
                f"{name} has no option {given!r}{nearest(given, allowed)}; "
                f"its options are {', '.join(allowed)}."
            )

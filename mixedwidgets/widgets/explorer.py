"""The explorer: choices on top, pictures and the fit beneath, all live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets as ipw
import numpy as np
import pandas as pd
import traitlets

from mixedwidgets.errors import DataError, nearest
from mixedwidgets.export import bundled_name, script
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected, summary_html
from mixedwidgets.lmm.point import Point
from mixedwidgets.widgets.chooser import Chooser
from mixedwidgets.widgets.desk import Desk
from mixedwidgets.widgets.guard import alert_html
from mixedwidgets.widgets.keepsake import Keepsake
from mixedwidgets.widgets.panels.caterpillar import CaterpillarPlot
from mixedwidgets.widgets.panels.diagnostics import DiagnosticsPlot
from mixedwidgets.widgets.panels.group import GroupPlot
from mixedwidgets.widgets.panels.intervals import IntervalPlot
from mixedwidgets.widgets.panels.profile import ProfilePlot
from mixedwidgets.widgets.panels.shrinkage import ShrinkagePlot
from mixedwidgets.widgets.panels.summary import FitSummary
from mixedwidgets.widgets.panels.surface import LikelihoodSurface
from mixedwidgets.widgets.resolve import Resolved
from mixedwidgets.widgets.session import Session
from mixedwidgets.widgets.state import Choices


class Explorer(ipw.VBox):
    """Choose a mixed model with controls and see everything about its fit follow.

    Parameters
    ----------
    data : DataFrame
        One row for each observation.
    response, group : str, optional
        Columns; chosen sensibly where not given.
    fixed, slopes : sequence of str
        Columns with a fixed effect, and with a random slope.
    REML : bool
        Criterion.

    Attributes
    ----------
    formula : str
        The model chosen, as a formula.
    fit : Fit
        The last good fit.
    error : str or None
        Traceback of the last exception, None when all is well.

    Raises
    ------
    DataError
        The data are no data frame, or a column named is not in them. A column that cannot play
        the role given is left out, and the explorer says why.
    """

    formula = traitlets.Unicode(read_only=True)
    fit: Any = traitlets.Instance(Fit, allow_none=True, read_only=True)
    picked: Any = traitlets.Unicode(None, allow_none=True)
    point: Any = traitlets.Instance(Point, allow_none=True)
    factor = traitlets.Unicode("")

    def __init__(
        self,
        data: pd.DataFrame,
        response: str | None = None,
        group: str | None = None,
        fixed: Sequence[str] = (),
        slopes: Sequence[str] = (),
        REML: bool = False,
    ):
        _check_types(response, group, REML)
        fixed, slopes = _names("fixed", fixed), _names("slopes", slopes)
        choices = Choices(response=response, group=group, fixed=fixed, slopes=slopes, reml=REML)
        self._session = Session(data, choices)
        _check_names(self._session, [response, group, *fixed, *slopes])
        self._choices = choices
        self._source = bundled_name(data)
        super().__init__()
        self._make_widgets()
        self._make_layout()
        self._connect()

    @property
    def error(self) -> str | None:
        """Traceback of the last exception, None when all is well."""
        return self._session.error or next(
            (panel.error for panel in self.desk.panels.values() if panel.error), None
        )

    @property
    def problem(self) -> str:
        """What is wrong with the chosen model, in one sentence; empty when nothing is."""
        return self._session.problem or next(
            (panel.problem for panel in self.desk.panels.values() if panel.problem), ""
        )

    @property
    def code(self) -> str:
        """A Python script that repeats the last good fit."""
        if self.fit is None:
            return ""
        return script(self.fit.formula, self.fit.reml, self._source)

    # WIDGETS

    def _make_widgets(self) -> None:
        self.chooser = Chooser(self._choices, self._session.columns.names)
        self.headline = ipw.HTML()
        self.status = ipw.HTML()
        self._keepsake = Keepsake(self.static_html, self._session.guarded)
        self.desk = Desk(
            left={
                "Likelihood": LikelihoodSurface,
                "Intervals": IntervalPlot,
                "Profile": ProfilePlot,
                "Diagnostics": DiagnosticsPlot,
            },
            right={
                "Fit": FitSummary,
                "Shrinkage": ShrinkagePlot,
                "Caterpillar": CaterpillarPlot,
                "Group": GroupPlot,
            },
        )

    # LAYOUT

    def _make_layout(self) -> None:
        self.headline.layout = ipw.Layout(display="block", margin="0 2px")
        # Two lines high, whatever it says: a longer alert lies over what is beneath.
        self.status.layout = ipw.Layout(
            display="block", margin="0 2px", height="44px", overflow="visible"
        )
        self.children = [
            self.chooser,
            ipw.VBox(
                [self.headline, self.status],
                layout=ipw.Layout(min_height="70px", overflow="visible"),
            ),
            self.desk,
        ]
        self.layout.overflow = "visible"
        self.add_class("mixedwidgets-explorer")

    # CONNECTIONS

    def _connect(self) -> None:
        self._session.observe(self._on_resolved_changed, "resolved")
        self._session.observe(self._on_problem_changed, "problem")
        self._session.observe(self._on_answered, "answers")
        for tab in self.desk.tabs:
            tab.observe(self._on_tab_changed, "selected_index")
        for name in ("picked", "point", "factor"):
            traitlets.link((self, name), (self.desk, name))
        self._show_resolved(self._session.resolved)
        self._show_fit(self._session.fit)
        self._show_status()

    def _on_resolved_changed(self, change: Any) -> None:
        self._show_resolved(change["new"])

    def _on_problem_changed(self, change: Any) -> None:
        self._show_status()

    def _on_answered(self, change: Any) -> None:
        self._show_fit(self._session.fit)

    def _on_tab_changed(self, change: Any) -> None:
        self._keepsake.changed()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and beside it what is on the screen, for readers without a kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if self.fit is None:
            return bundle
        bundle["text/plain"] = f"{self.fit!r}"
        if not self._keepsake.place():
            bundle["text/html"] = self.static_html()
        return bundle

    def static_html(self) -> str:
        """The formula, the pictures on the screen and the fit as HTML without widgets."""
        shown = [panel.static_html() for panel in self.desk.shown]
        if "Fit" not in self.desk.tops and self.fit is not None:
            shown.append(summary_html(self.fit.report))
        parts = "".join(f"<div>{part}</div>" for part in shown)
        return f"<div>{self.headline.value}</div>{parts}"

    # VIEWS

    def _show_resolved(self, resolved: Resolved | None) -> None:
        if resolved is None:
            return
        self.chooser.show(resolved)
        self.set_trait("formula", "" if resolved.spec is None else str(resolved.spec))
        self.headline.value = _headline_html(resolved)
        self._show_status()

    def _show_fit(self, fit: Fit | None) -> None:
        if fit is None:
            return
        self.set_trait("fit", fit)
        self.desk.fit = fit
        self._keepsake.changed()

    def _show_status(self) -> None:
        self.status.value = _status_html(self._session, self.desk.shown[0].shown)


def explore(
    df: pd.DataFrame,
    response: str | None = None,
    group: str | None = None,
    fixed: Sequence[str] = (),
    slopes: Sequence[str] = (),
    REML: bool = False,
) -> Explorer:
    """Open the explorer on a data frame; see ``Explorer``.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> explorer = mw.explore(mw.load("sleepstudy"), slopes=["Days"], fixed=["Days"])
    >>> explorer.formula
    'Reaction ~ Days + (Days | Subject)'
    """
    return Explorer(df, response, group, fixed, slopes, REML)


def _check_types(response: object, group: object, reml: object) -> None:
    for role, name in (("response", response), ("group", group)):
        if name is not None and not isinstance(name, str):
            raise DataError(f"{role}={name!r} is not a column name; give one as text, or None.")
    if not isinstance(reml, (bool, np.bool_)):
        raise DataError(f"REML={reml!r} is neither True nor False; give one of them.")


def _names(role: str, names: Sequence[str] | str) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else names
    if not isinstance(listed, Iterable) or not all(isinstance(n, str) for n in listed):
        raise DataError(f"{role}={names!r} is not a list of column names; give one, such as [].")
    return tuple(listed)


def _check_names(session: Session, names: Sequence[str | None]) -> None:
    for name in names:
        if name is not None and name not in session.columns:
            known = session.columns.names
            raise DataError(
                f"The data has no column {name!r}{nearest(str(name), known)}; "
                f"its columns are {', '.join(known)}."
            )


def _headline_html(resolved: Resolved) -> str:
    formula = "" if resolved.spec is None else protected(str(resolved.spec))
    return (
        f'<code class="mixedwidgets-formula" style="font-weight: 600; overflow-wrap: anywhere">'
        f"{formula}</code>"
    )


def _status_html(session: Session, shown: str) -> str:
    if session.problem:
        still = f" The picture still shows {shown}." if shown else ""
        return alert_html(session.problem + still)
    notes = " ".join(session.resolved.notes) if session.resolved else ""
    return (
        '<div style="line-height: 1.5; '
        f'color: var(--jp-ui-font-color2, #616161)">{protected(notes)}</div>'
    )

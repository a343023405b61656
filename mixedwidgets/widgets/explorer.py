"""The explorer: choices on top, pictures and the fit beneath, all live."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import pandas as pd
import traitlets

from mixedwidgets.errors import ModelError
from mixedwidgets.export import Exported, Source, script
from mixedwidgets.export_notebook import save_notebook
from mixedwidgets.lmm.control import DEFAULT
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected, summary_html
from mixedwidgets.lmm.point import Point
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.plots.thumbnail import thumbnail
from mixedwidgets.widgets.asked import Asked, read_formula, state_of
from mixedwidgets.widgets.chooser import Chooser
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.desk import Desk
from mixedwidgets.widgets.guard import alert_html
from mixedwidgets.widgets.history import History
from mixedwidgets.widgets.keepsake import Keepsake
from mixedwidgets.widgets.panels.base import Panel
from mixedwidgets.widgets.panels.boundary import BoundaryPlot
from mixedwidgets.widgets.panels.caterpillar import CaterpillarPlot
from mixedwidgets.widgets.panels.code import CodePanel
from mixedwidgets.widgets.panels.compare import ComparePanel
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
from mixedwidgets.widgets.wish import Wish


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
    formula : str, optional
        The model as a formula, in place of response, group, fixed effects and slopes.
    correlated : bool
        Random intercepts and slopes correlated (``|``) or not (``||``).
    rows : sequence of (column, operator, value)
        Conditions on the rows, all of which must hold, such as ``("age", ">=", 8)`` or
        ``("sex", "is one of", ["F"])``.
    weights : str, optional
        Column of prior weights.
    codings : dict of str to str
        Coding of columns: ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"``; for a column of
        numbers ``"category"``.
    source : str, path or Source, optional
        The file that the data were read from, or how, for the code that is written.
    theme : {"auto", "light", "dark"}
        Of the pictures; ``"auto"`` follows the page.

    Attributes
    ----------
    formula : str
        The model chosen, as a formula.
    fit : Fit
        The last good fit.
    picked : str or None
        The group that is highlighted in every picture, by its label.
    point : Point or None
        Where the hand is on the likelihood surface; None is the estimate.
    factor : str
        The grouping factor whose groups are shown; ``""`` is the first.
    history : History
        The models visited, as a tree.
    error : str or None
        Traceback of the last exception, None when all is well.

    Raises
    ------
    DataError
        The data are no data frame, a column named is not in them, or a keyword has no such value.
        A column that cannot play the role given is left out, and the explorer says why.
    FormulaError
        A formula that cannot be read.
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
        *,
        formula: str | None = None,
        correlated: bool = True,
        rows: Sequence[Any] = (),
        weights: str | None = None,
        codings: Mapping[str, str] | None = None,
        source: str | os.PathLike[str] | Source | None = None,
        theme: str = "auto",
    ):
        asked = Asked(
            *(response, group, fixed, slopes, REML),
            *(formula, correlated, rows, weights, codings, theme),
        )
        self._choices = Choices()
        columns = Columns(data)
        self._choices.take(asked.wish(columns))
        self._session = Session(data, self._choices, columns)
        self._source, self._theme = source, theme
        self.history = History()
        self._wishes: dict[int, Wish] = {}
        super().__init__()
        self._make_widgets()
        self._make_layout()
        self._connect()

    def __repr__(self) -> str:
        return f"<Explorer of {self.formula or 'no model'}>"

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
        return "" if self.fit is None else self._script(self.fit)

    @property
    def state(self) -> dict[str, Any]:
        """The choices as keywords of ``explore`` that open it as it is now."""
        return state_of(self._session.resolved)

    def save_notebook(
        self, path: str | os.PathLike[str], with_data: bool = False, overwrite: bool = False
    ) -> Path:
        """Save the analysis as a notebook that reads the data again, checks them and the fit.

        Parameters
        ----------
        path : str or path
            Where to.
        with_data : bool
            Write the data beside it, as CSV.
        overwrite : bool
            Replace files that exist.

        Returns
        -------
        Path

        Raises
        ------
        ModelError
            There is no fit.
        DataError
            A file that exists or cannot be written.
        """
        if self.fit is None:
            raise ModelError("There is no fit to save; choose a model that can be fitted first.")
        return save_notebook(
            path,
            self.fit,
            self._session.data,
            source=self._source,
            rows=self._rows(),
            control=DEFAULT,
            state=self.state,
            with_data=with_data,
            overwrite=overwrite,
        )

    def go(self, id: int) -> None:
        """Make a model visited the current one.

        Parameters
        ----------
        id : int
            Its number in ``history.table``.

        Raises
        ------
        ModelError
            There is no such model.
        """
        self.history = self.history.go(id)
        self._choices.take(self._wishes[id])

    def show_code(self, id: int) -> None:
        """Make a model visited the current one and show it as code; see ``go``."""
        self.go(id)
        self.desk.turn_to(CodePanel.title)

    def illustrate(self) -> None:
        """Draw the thumbnails of the models visited that have none."""
        for visit in self.history.visits:
            fit = self.history.fits.get(visit.id)
            if visit.thumbnail is None and fit is not None:
                picture = thumbnail(shrinkage(fit.design, fit.estimate), theme=self.desk.look)
                self.history = self.history.illustrate(visit.id, picture)

    def take(self, formula: str) -> None:
        """Choose the model that a formula says, the other choices as they are.

        Raises
        ------
        FormulaError
            A formula that cannot be read.
        DataError
            A column that is not in the data.
        """
        self._choices.take(read_formula(formula, self._session.columns, self._choices.wish))

    def _boundary_panel(self) -> BoundaryPlot:
        panel = BoundaryPlot()
        panel.observe(self._on_simpler_chosen, "chosen")
        return panel

    def _script(self, fit: Fit) -> str:
        data = self._session.data
        return script(
            Exported.of(fit, data, source=self._source, rows=self._rows(), control=DEFAULT)
        )

    def _rows(self) -> list[tuple[str, str, Any]]:
        return [(c.column, c.operator, c.value) for c in self._session.fitted_rows]

    # WIDGETS

    def _make_widgets(self) -> None:
        self.chooser = Chooser(self._choices, self._session.columns, self._session.guarded)
        self.status = ipw.HTML()
        self._keepsake = Keepsake(self.static_html, self._session.guarded)
        self.desk = Desk(
            left={
                **_titled(LikelihoodSurface, IntervalPlot, ProfilePlot, DiagnosticsPlot),
                ComparePanel.title: lambda: ComparePanel(self),
                CodePanel.title: lambda: CodePanel(self._script, self.save_notebook),
            },
            right={
                **_titled(FitSummary, ShrinkagePlot, CaterpillarPlot, GroupPlot),
                BoundaryPlot.title: self._boundary_panel,
            },
            theme=self._theme,
        )

    # LAYOUT

    def _make_layout(self) -> None:
        # Two lines high, whatever it says: a longer alert lies over what is beneath.
        self.status.layout = ipw.Layout(
            display="block", margin="0 2px", height="44px", overflow="visible"
        )
        self.children = [
            self.chooser,
            self.status,
            self.desk,
        ]
        self.layout.overflow = "visible"
        self.add_class("mixedwidgets-explorer")

    # CONNECTIONS

    def _connect(self) -> None:
        self._session.observe(self._on_problem_changed, "problem")
        self._session.observe(self._on_answered, "answers")
        for tab in self.desk.tabs:
            tab.observe(self._on_tab_changed, "selected_index")
        for name in ("picked", "point", "factor"):
            traitlets.link((self, name), (self.desk, name))
        self._on_answered(None)

    def _on_problem_changed(self, change: Any) -> None:
        self._show_status()

    def _on_answered(self, change: Any) -> None:
        with self._session.guarded():
            self._tell_formula(self._session.resolved)
            if not self._session.problem:
                self._show_fit(self._session.fit)  # the pictures first: they are waited for
            self._show_resolved(self._session.resolved)

    def _on_simpler_chosen(self, change: Any) -> None:
        if change["new"]:
            with self._session.guarded():
                self.take(change["new"])

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
        if FitSummary.title not in self.desk.tops and self.fit is not None:
            shown.append(summary_html(self.fit.report))
        parts = "".join(f"<div>{part}</div>" for part in shown)
        return f"<div>{_formula_html(self.formula)}</div>{parts}"

    # VIEWS

    def _show_resolved(self, resolved: Resolved | None) -> None:
        if resolved is None:
            return
        self.chooser.show(resolved)
        self._show_status()

    def _tell_formula(self, resolved: Resolved | None) -> None:
        if resolved is not None:
            self.set_trait("formula", "" if resolved.spec is None else str(resolved.spec))
            self.chooser.tell(resolved)

    def _show_fit(self, fit: Fit | None) -> None:
        if fit is None:
            return
        self.set_trait("fit", fit)
        self._remember(fit)
        if self.desk.fit is fit:
            self.desk.catch_up()
        self.desk.fit = fit
        self._keepsake.changed()

    def _remember(self, fit: Fit) -> None:
        resolved = self._session.resolved
        self.history = self.history.visit(fit, resolved.key)
        if self.history.current is not None:
            self._wishes[self.history.current] = resolved.settled

    def _show_status(self) -> None:
        self.status.value = _status_html(self._session, self.desk.shown[0].shown)


def explore(
    df: pd.DataFrame,
    response: str | None = None,
    group: str | None = None,
    fixed: Sequence[str] = (),
    slopes: Sequence[str] = (),
    REML: bool = False,
    **options: Any,
) -> Explorer:
    """Open the explorer on a data frame; see ``Explorer``.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> explorer = mw.explore(mw.load("sleepstudy"), slopes=["Days"], fixed=["Days"])
    >>> explorer.formula
    'Reaction ~ Days + (Days | Subject)'
    """
    return Explorer(df, response, group, fixed, slopes, REML, **options)


def _titled(*panels: type[Panel]) -> dict[str, type[Panel]]:
    return {panel.title: panel for panel in panels}


def _formula_html(formula: str) -> str:
    return f'<code style="font-weight: 600; overflow-wrap: anywhere">{protected(formula)}</code>'


def _status_html(session: Session, shown: str) -> str:
    if session.problem:
        still = f" The picture still shows {shown}." if shown else ""
        return alert_html(session.problem + still)
    notes = " ".join(session.resolved.notes) if session.resolved else ""
    return (
        '<div style="line-height: 1.5; '
        f'color: var(--jp-ui-font-color2, #616161)">{protected(notes)}</div>'
    )

"""The explorer: choices on top, pictures and the fit beneath, all live."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as ipw
import pandas as pd
import traitlets

from mixedwidgets.errors import DataError, nearest
from mixedwidgets.export import bundled_name, script
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets.controls import Ticks, offer
from mixedwidgets.widgets.panels import (
    FitPanel,
    IntervalsPanel,
    LikelihoodPanel,
    Panel,
    ShrinkagePanel,
)
from mixedwidgets.widgets.resolve import Offer, Resolved
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
        The data are no data frame, or a column named is not in them or cannot play its role.
    """

    formula = traitlets.Unicode()
    fit: Any = traitlets.Instance(Fit, allow_none=True)

    def __init__(
        self,
        data: pd.DataFrame,
        response: str | None = None,
        group: str | None = None,
        fixed: Sequence[str] = (),
        slopes: Sequence[str] = (),
        REML: bool = False,
    ):
        fixed, slopes = _names(fixed), _names(slopes)
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
        return self._session.error

    @property
    def problem(self) -> str:
        """What is wrong with the chosen model, in one sentence; empty when nothing is."""
        return self._session.problem

    @property
    def code(self) -> str:
        """A Python script that repeats the last good fit."""
        if self.fit is None:
            return ""
        return script(self.fit.formula, self.fit.reml, self._source)

    # WIDGETS

    def _make_widgets(self) -> None:
        names = self._session.columns.names
        wide = ipw.Layout(width="auto", flex="1 1 220px", max_width="320px")
        self.response = ipw.Dropdown(description="Response", layout=wide)
        self.group = ipw.Dropdown(description="Grouping", layout=wide)
        self.criterion = ipw.ToggleButtons(
            options=[("ML", False), ("REML", True)],
            value=self._choices.reml,
            tooltips=["Maximum likelihood", "Restricted maximum likelihood"],
            style={"button_width": "64px"},
        )
        self.fixed = Ticks("Fixed effects", names, self._on_fixed_ticked)
        self.slopes = Ticks("Random slopes", names, self._on_slope_ticked)
        self.correlated = ipw.Checkbox(
            value=self._choices.correlated,
            description="correlated",
            indent=False,
            layout=ipw.Layout(width="auto"),
        )
        self.headline = ipw.HTML()
        self.status = ipw.HTML()
        guarded = self._session.guarded
        self.fit_panel = FitPanel(guarded)
        self.pictures: tuple[Panel, ...] = (
            LikelihoodPanel(guarded),
            IntervalsPanel(guarded),
            ShrinkagePanel(guarded),
        )
        self.tab = ipw.Tab(
            [panel.widget for panel in self.pictures],
            titles=[panel.title for panel in self.pictures],
        )

    # LAYOUT

    def _make_layout(self) -> None:
        row = ipw.Layout(display="flex", flex_flow="row wrap", align_items="center")
        half = ipw.Layout(flex="1 1 360px", min_width="0")
        self.fixed.layout = half
        self.slopes.layout = half
        controls = ipw.VBox(
            [
                ipw.Box([self.response, self.group, self.criterion], layout=row),
                ipw.Box([self.fixed, self.slopes], layout=ipw.Layout(flex_flow="row wrap")),
            ]
        )
        self.tab.layout = ipw.Layout(flex="2 1 700px", min_width="0", max_width="880px")
        self.fit_panel.widget.layout = ipw.Layout(
            flex="1 1 340px", min_width="0", margin="8px 0 0 16px"
        )
        body = ipw.Box([self.tab, self.fit_panel.widget], layout=ipw.Layout(flex_flow="row wrap"))
        self.children = [controls, self.headline, self.status, body]
        self.add_class("mixedwidgets-explorer")

    # CONNECTIONS

    def _connect(self) -> None:
        self.response.observe(self._on_response_changed, "value")
        self.group.observe(self._on_group_changed, "value")
        self.criterion.observe(self._on_criterion_changed, "value")
        self.correlated.observe(self._on_correlated_changed, "value")
        self.tab.observe(self._on_tab_changed, "selected_index")
        self._session.observe(self._on_resolved_changed, "resolved")
        self._session.observe(self._on_fit_changed, "fit")
        self._session.observe(self._on_problem_changed, "problem")
        self._show_resolved(self._session.resolved)
        self._show_fit(self._session.fit)
        self._show_problem()
        self._show_tab()

    def _on_response_changed(self, change: Any) -> None:
        if not offer.under_way:
            self._choices.response = change["new"]

    def _on_group_changed(self, change: Any) -> None:
        if not offer.under_way:
            self._choices.group = change["new"]

    def _on_criterion_changed(self, change: Any) -> None:
        self._choices.reml = change["new"]

    def _on_correlated_changed(self, change: Any) -> None:
        self._choices.correlated = change["new"]

    def _on_fixed_ticked(self, name: str, ticked: bool) -> None:
        self._choices.fixed = _with(self._choices.fixed, name, ticked)

    def _on_slope_ticked(self, name: str, ticked: bool) -> None:
        self._choices.slopes = _with(self._choices.slopes, name, ticked)

    def _on_tab_changed(self, change: Any) -> None:
        self._show_tab()

    def _on_resolved_changed(self, change: Any) -> None:
        self._show_resolved(change["new"])

    def _on_fit_changed(self, change: Any) -> None:
        self._show_fit(change["new"])

    def _on_problem_changed(self, change: Any) -> None:
        self._show_problem()

    # VIEWS

    def _show_resolved(self, resolved: Resolved | None) -> None:
        if resolved is None:
            return
        offer(self.response, [(n, n) for n in resolved.response_offer.names], resolved.response)
        offer(self.group, [(n, n) for n in resolved.group_offer.names], resolved.group)
        self.fixed.set(
            resolved.fixed_offer.names, resolved.fixed, _left_out_html(resolved.fixed_offer)
        )
        self.slopes.set(
            resolved.slopes_offer.names, resolved.slopes, _left_out_html(resolved.slopes_offer)
        )
        self.formula = "" if resolved.spec is None else str(resolved.spec)
        self.headline.value = f"<code>{html.escape(self.formula)}</code>"

    def _show_fit(self, fit: Fit | None) -> None:
        if fit is None:
            return
        self.fit = fit
        for panel in (self.fit_panel, *self.pictures):
            panel.follow(fit)

    def _show_problem(self) -> None:
        self.status.value = _status_html(self._session)

    def _show_tab(self) -> None:
        self.fit_panel.visible = True
        for number, panel in enumerate(self.pictures):
            panel.visible = number == self.tab.selected_index


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


def _with(names: Sequence[str], name: str, ticked: bool) -> tuple[str, ...]:
    rest = tuple(n for n in names if n != name)
    return (*rest, name) if ticked else rest


def _names(names: Sequence[str] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_names(session: Session, names: Sequence[str | None]) -> None:
    for name in names:
        if name is not None and name not in session.columns:
            known = session.columns.names
            raise DataError(
                f"The data have no column {name!r}{nearest(str(name), known)}; "
                f"their columns are {', '.join(known)}."
            )


def _left_out_html(choice: Offer) -> str:
    if not choice.left_out:
        return ""
    items = "".join(
        f"<li><b>{html.escape(name)}</b> {html.escape(why)}</li>" for name, why in choice.left_out
    )
    return f"<details><summary>left out: {len(choice.left_out)}</summary><ul>{items}</ul></details>"


def _status_html(session: Session) -> str:
    if session.problem:
        return f'<div role="alert">{html.escape(session.problem)}</div>'
    return ""

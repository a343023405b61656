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
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.controls import Ticks, left_out_html, offer
from mixedwidgets.widgets.keepsake import Keepsake
from mixedwidgets.widgets.panels import (
    FitPanel,
    IntervalsPanel,
    LikelihoodPanel,
    PicturePanel,
    ShrinkagePanel,
)
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
        self.response = _dropdown("Response")
        self.group = _dropdown("Grouping")
        self.not_responses, self.not_groups = _left_out(), _left_out()
        self.criterion = ipw.ToggleButtons(
            options=[("ML", False), ("REML", True)],
            value=self._choices.reml,
            tooltips=["Maximum likelihood", "Restricted maximum likelihood"],
            style={"button_width": "64px"},
            layout=ipw.Layout(width="auto"),
        )
        self.fixed = Ticks("Fixed effects", names, self._on_fixed_ticked)
        self.slopes = Ticks("Random slopes", names, self._on_slope_ticked)
        self.correlated = ipw.Checkbox(
            value=self._choices.correlated,
            description="correlated",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
        )
        self.headline = ipw.HTML()
        self.status = ipw.HTML()
        guarded = self._session.guarded
        self._keepsake = Keepsake(self.static_html, guarded)
        self.fit_panel = FitPanel(guarded)
        self.pictures: tuple[PicturePanel, ...] = (
            LikelihoodPanel(guarded),
            IntervalsPanel(guarded),
            ShrinkagePanel(guarded),
        )
        self.tab = ipw.Tab(
            [panel.widget for panel in self.pictures],
            titles=[panel.title for panel in self.pictures],
            selected_index=0,
        )

    # LAYOUT

    def _make_layout(self) -> None:
        row = ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible")
        self.tab.layout = ipw.Layout(flex="100 1 640px", min_width="0", max_width="900px")
        self.fit_panel.widget.layout = ipw.Layout(
            display="block", flex="1 1 414px", min_width="0", margin="4px 0 0 14px"
        )
        self.headline.layout = ipw.Layout(display="block", margin="0 2px")
        # Two lines high, whatever it says: a longer alert lies over what is beneath.
        self.status.layout = ipw.Layout(
            display="block", margin="0 2px", height="44px", overflow="visible"
        )
        self.children = [
            ipw.Box(
                [
                    self.response,
                    self.not_responses,
                    self.group,
                    self.not_groups,
                    self.criterion,
                    self.correlated,
                ],
                layout=row,
            ),
            self.fixed,
            self.slopes,
            ipw.VBox(
                [self.headline, self.status],
                layout=ipw.Layout(min_height="70px", overflow="visible"),
            ),
            ipw.Box(
                [self.tab, self.fit_panel.widget],
                layout=ipw.Layout(flex_flow="row wrap", align_items="flex-start"),
            ),
        ]
        self.layout.overflow = "visible"
        self.add_class("mixedwidgets-explorer")

    # CONNECTIONS

    def _connect(self) -> None:
        self.response.observe(self._on_response_changed, "value")
        self.group.observe(self._on_group_changed, "value")
        self.criterion.observe(self._on_criterion_changed, "value")
        self.correlated.observe(self._on_correlated_changed, "value")
        self.tab.observe(self._on_tab_changed, "selected_index")
        for panel in self.pictures:
            panel.picture.observe(self._on_room_changed, "room")
        self._session.observe(self._on_resolved_changed, "resolved")
        self._session.observe(self._on_fit_changed, "fit")
        self._session.observe(self._on_problem_changed, "problem")
        self._session.observe(self._on_answered, "answers")
        self._show_resolved(self._session.resolved)
        self._show_fit(self._session.fit)
        self._show_status()
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

    def _on_room_changed(self, change: Any) -> None:
        for panel in self.pictures:
            panel.fill(change["new"])

    def _on_resolved_changed(self, change: Any) -> None:
        self._show_resolved(change["new"])

    def _on_fit_changed(self, change: Any) -> None:
        self._show_fit(change["new"])

    def _on_problem_changed(self, change: Any) -> None:
        self._show_status()

    def _on_answered(self, change: Any) -> None:
        self._show_fit(self._session.fit)

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
        """The formula, the picture on the screen and the fit as HTML without widgets."""
        shown = self.pictures[self.tab.selected_index or 0]
        return (
            f"<div>{self.headline.value}</div><div>{shown.static_html()}</div>"
            f"<div>{self.fit_panel.static_html()}</div>"
        )

    # VIEWS

    def _show_resolved(self, resolved: Resolved | None) -> None:
        if resolved is None:
            return
        offer(self.response, [(n, n) for n in resolved.response_offer.names], resolved.response)
        offer(self.group, [(n, n) for n in resolved.group_offer.names], resolved.group)
        self.not_responses.value = left_out_html(resolved.response_offer.left_out)
        self.not_groups.value = left_out_html(resolved.group_offer.left_out)
        fixed, slopes = resolved.fixed_offer, resolved.slopes_offer
        self.fixed.set(fixed.names, resolved.fixed, fixed.left_out)
        self.slopes.set(slopes.names, resolved.slopes, slopes.left_out)
        self.set_trait("formula", "" if resolved.spec is None else str(resolved.spec))
        self.correlated.disabled = not resolved.slopes
        self.headline.value = _headline_html(resolved)
        self._show_status()

    def _show_fit(self, fit: Fit | None) -> None:
        if fit is None:
            return
        self.set_trait("fit", fit)
        for panel in (self.fit_panel, *self.pictures):
            panel.follow(fit)
        self._keepsake.changed()

    def _show_status(self) -> None:
        shown = self.pictures[self.tab.selected_index or 0].shown
        self.status.value = _status_html(self._session, shown)

    def _show_tab(self) -> None:
        self.fit_panel.visible = True
        for number, panel in enumerate(self.pictures):
            panel.visible = number == self.tab.selected_index
        self._keepsake.changed()


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


def _dropdown(description: str) -> ipw.Dropdown:
    return ipw.Dropdown(
        description=description,
        style={"description_width": "68px"},
        layout=ipw.Layout(width="auto", flex="1 1 150px", min_width="0", max_width="300px"),
    )


def _left_out() -> ipw.HTML:
    return ipw.HTML(layout=ipw.Layout(display="block", margin="0 8px", overflow="visible"))


def _headline_html(resolved: Resolved) -> str:
    formula = "" if resolved.spec is None else protected(str(resolved.spec))
    return (
        f'<code class="mixedwidgets-formula" style="font-weight: 600; overflow-wrap: anywhere">'
        f"{formula}</code>"
    )


def _status_html(session: Session, shown: str) -> str:
    if session.problem:
        still = f" The picture still shows {shown}." if shown else ""
        return (
            '<div role="alert" style="position: relative; z-index: 5; line-height: 1.5; '
            "padding: 1px 10px; "
            'border-left: 4px solid #b3261e; background: var(--jp-layout-color2, #f5f5f5)">'
            f"{protected(session.problem + still)}</div>"
        )
    notes = " ".join(session.resolved.notes) if session.resolved else ""
    return (
        '<div style="line-height: 1.5; '
        f'color: var(--jp-ui-font-color2, #616161)">{protected(notes)}</div>'
    )

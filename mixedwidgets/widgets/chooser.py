"""The controls of a model: every choice of the user, and why what is left out is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import ipywidgets as ipw

from mixedwidgets.widgets.choices_from_spec import Problem, choices_from
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.control_columns import ColumnMenus
from mixedwidgets.widgets.control_formula import FormulaBox
from mixedwidgets.widgets.control_pairs import Interactions
from mixedwidgets.widgets.control_rows import RowFilter
from mixedwidgets.widgets.control_second import SecondGrouping
from mixedwidgets.widgets.controls import OptionalMenu, Ticks, left_out_html, menu, offer
from mixedwidgets.widgets.resolve import Resolved
from mixedwidgets.widgets.rowfilter import Filter, in_words
from mixedwidgets.widgets.state import Choices
from mixedwidgets.widgets.wish import Pair


class Chooser(ipw.VBox):
    """Shows what can be chosen, and writes what the user chooses into the choices.

    Parameters
    ----------
    choices : Choices
        Written to. What is shown is what ``show`` is given.
    columns : Columns
        The columns of the data.
    guarded : callable returning a context manager
        Wraps every answer, so that no exception vanishes.
    """

    def __init__(
        self,
        choices: Choices,
        columns: Columns,
        guarded: Callable[[], AbstractContextManager[None]],
    ):
        self._choices, self._columns, self._guarded = choices, columns, guarded
        self._make_first()
        self._make_more()
        row = ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible")
        first = [self.response, self.not_responses, self.group, self.not_groups]
        super().__init__(
            [
                ipw.Box([*first, self.criterion, self.correlated, self.unfold], layout=row),
                self.fixed,
                self.slopes,
                self.more,
                self.formula,
            ],
            layout=ipw.Layout(overflow="visible"),
        )

    def _make_first(self) -> None:
        self.response, self.group = menu("Response", 68, 150, 300), menu("Grouping", 68, 150, 300)
        self.not_responses, self.not_groups = _left_out(), _left_out()
        self.criterion = ipw.ToggleButtons(
            options=[("ML", False), ("REML", True)],
            value=self._choices.reml,
            tooltips=["Maximum likelihood", "Restricted maximum likelihood"],
            style={"button_width": "64px"},
            layout=ipw.Layout(width="auto"),
        )
        names = self._columns.names
        self.fixed = Ticks("Fixed effects", names, self._on_fixed_ticked)
        self.slopes = Ticks("Random slopes", names, self._on_slope_ticked)
        self.correlated = ipw.Checkbox(
            value=self._choices.correlated,
            description="correlated",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
        )
        self.formula = FormulaBox(self._on_formula_typed)
        self.response.observe(self._on_response_changed, "value")
        self.group.observe(self._on_group_changed, "value")
        self.criterion.observe(self._on_criterion_changed, "value")
        self.correlated.observe(self._on_correlated_changed, "value")

    def _make_more(self) -> None:
        self.second = SecondGrouping(self._on_second_chosen)
        self.menus = ColumnMenus(self._on_column_set)
        self.interactions = Interactions(self._on_interactions_chosen)
        self.rows = RowFilter(self._columns, self._on_rows_chosen)
        self.weights = OptionalMenu("Weights", self._on_weights_chosen)
        self.more = ipw.VBox(
            [
                ipw.Box(
                    [self.second, self.weights],
                    layout=ipw.Layout(
                        flex_flow="row wrap", align_items="center", overflow="visible"
                    ),
                ),
                self.menus,
                self.interactions,
                self.rows,
            ],
            layout=ipw.Layout(display="none", overflow="visible"),
        )
        self.unfold = ipw.ToggleButton(
            description="More choices",
            tooltip="Second grouping, weights, transformations, coding, interactions, rows",
            layout=ipw.Layout(width="auto", margin="2px 2px 2px 14px"),
        )
        self.unfold.observe(self._on_unfolded, "value")
        if self._uses_more():
            self.unfold.value = True

    def tell(self, resolved: Resolved) -> None:
        """Show the formula alone, which is what is read first."""
        if resolved.spec is not None:
            self.formula.set(resolved.typed or str(resolved.spec))

    def show(self, resolved: Resolved) -> None:
        """Offer what is possible, with what is chosen selected."""
        self.tell(resolved)
        offer(self.response, [(n, n) for n in resolved.response_offer.names], resolved.response)
        offer(self.group, [(n, n) for n in resolved.group_offer.names], resolved.group)
        self.not_responses.value = left_out_html(resolved.response_offer.left_out)
        self.not_groups.value = left_out_html(resolved.group_offer.left_out)
        fixed, slopes = resolved.fixed_offer, resolved.slopes_offer
        self.fixed.set(fixed.names, resolved.fixed, fixed.left_out)
        self.slopes.set(slopes.names, resolved.slopes, slopes.left_out)
        self.criterion.value = resolved.reml
        self.correlated.value = resolved.correlated
        self.correlated.disabled = not resolved.slopes
        if self.unfold.value:
            self._show_more(resolved)
        self._resolved = resolved

    def _show_more(self, resolved: Resolved) -> None:
        self.second.set(
            resolved.group2, resolved.group2_offer, resolved.relation, resolved.relation_offer
        )
        offer_ = resolved.weights_offer
        self.weights.set(offer_.names, resolved.weights, offer_.left_out)
        self.menus.set(resolved.menus)
        self.interactions.set(resolved.fixed, resolved.interactions, resolved.why_no_interaction)
        words = f"those with {in_words(resolved.filter)}" if resolved.filter else "all are used"
        self.rows.set(self._choices.rows, resolved.filter_offer, words)

    def _uses_more(self) -> bool:
        wish = self._choices.wish
        return bool(
            wish.group2 or wish.interactions or wish.transforms or wish.codings or wish.rows
        ) or bool(wish.weights)

    def _choose(self, **changed: Any) -> None:
        """Choose by a control: from then on the controls are the model, not a typed formula."""
        self._choices.take(replace(self._choices.wish, typed=None, **changed))

    def _on_response_changed(self, change: Any) -> None:
        if not offer.under_way:
            self._choose(response=change["new"])

    def _on_group_changed(self, change: Any) -> None:
        if not offer.under_way:
            self._choose(group=change["new"])

    def _on_criterion_changed(self, change: Any) -> None:
        self._choices.reml = change["new"]

    def _on_correlated_changed(self, change: Any) -> None:
        if change["new"] != self._choices.correlated:
            self._choose(correlated=change["new"])

    def _on_fixed_ticked(self, name: str, ticked: bool) -> None:
        self._choose(fixed=_with(self._choices.fixed, name, ticked))

    def _on_slope_ticked(self, name: str, ticked: bool) -> None:
        self._choose(slopes=_with(self._choices.slopes, name, ticked))

    def _on_second_chosen(self, name: str | None, relation: str | None) -> None:
        self._choose(group2=name, relation=relation)

    def _on_column_set(self, name: str, transform: str, coding: str) -> None:
        transforms = _put(self._choices.transforms, name, transform, "none")
        codings = _put(self._choices.codings, name, coding, "number")
        self._choose(transforms=transforms, codings=codings)

    def _on_interactions_chosen(self, pairs: tuple[Pair, ...]) -> None:
        self._choose(interactions=pairs)

    def _on_rows_chosen(self, conditions: Filter) -> None:
        self._choices.rows = conditions

    def _on_weights_chosen(self, name: str | None) -> None:
        self._choices.weights = name

    def _on_formula_typed(self, text: str) -> None:
        with self._guarded():
            read = choices_from(text, self._columns, self._choices.wish)
            if isinstance(read, Problem):
                self.formula.complain(read.sentence, read.excerpt)
            elif read == self._choices.wish and self._resolved is not None:
                self.show(self._resolved)  # another spelling of the model chosen
            else:
                self.formula.forgive()  # the model may be the one there was before the mistake
                self._choices.take(read)

    def _on_unfolded(self, change: Any) -> None:
        self.more.layout.display = "flex" if change["new"] else "none"
        if change["new"] and self._resolved is not None:
            self._show_more(self._resolved)

    _resolved: Resolved | None = None


def _with(names: Sequence[str], name: str, ticked: bool) -> tuple[str, ...]:
    rest = tuple(n for n in names if n != name)
    return (*rest, name) if ticked else rest


def _put(pairs: Sequence[Pair], name: str, setting: str, nothing: str) -> tuple[Pair, ...]:
    """Pairs with another setting of one column; ``nothing`` is the setting of those not named."""
    rest = tuple(pair for pair in pairs if pair[0] != name)
    return rest if setting == nothing else (*rest, (name, setting))


def _left_out() -> ipw.HTML:
    return ipw.HTML(layout=ipw.Layout(display="block", margin="0 8px", overflow="visible"))

"""The controls of a model: every choice of the user, and why what is left out is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as ipw

from mixedwidgets.widgets.controls import Ticks, left_out_html, offer
from mixedwidgets.widgets.resolve import Resolved
from mixedwidgets.widgets.state import Choices


class Chooser(ipw.VBox):
    """Shows what can be chosen, and writes what the user chooses into the choices.

    Parameters
    ----------
    choices : Choices
        Written to, and never read but at the start: what is shown is what ``show`` is given.
    names : sequence of str
        The columns of the data.
    """

    def __init__(self, choices: Choices, names: Sequence[str]):
        self._choices = choices
        self.response, self.group = _menu("Response"), _menu("Grouping")
        self.not_responses, self.not_groups = _left_out(), _left_out()
        self.criterion = ipw.ToggleButtons(
            options=[("ML", False), ("REML", True)],
            value=choices.reml,
            tooltips=["Maximum likelihood", "Restricted maximum likelihood"],
            style={"button_width": "64px"},
            layout=ipw.Layout(width="auto"),
        )
        self.fixed = Ticks("Fixed effects", names, self._on_fixed_ticked)
        self.slopes = Ticks("Random slopes", names, self._on_slope_ticked)
        self.correlated = ipw.Checkbox(
            value=choices.correlated,
            description="correlated",
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
        )
        self.response.observe(self._on_response_changed, "value")
        self.group.observe(self._on_group_changed, "value")
        self.criterion.observe(self._on_criterion_changed, "value")
        self.correlated.observe(self._on_correlated_changed, "value")
        row = ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible")
        first = [self.response, self.not_responses, self.group, self.not_groups]
        super().__init__(
            [
                ipw.Box([*first, self.criterion, self.correlated], layout=row),
                self.fixed,
                self.slopes,
            ],
            layout=ipw.Layout(overflow="visible"),
        )

    def show(self, resolved: Resolved) -> None:
        """Offer what is possible, with what is chosen selected."""
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


def _with(names: Sequence[str], name: str, ticked: bool) -> tuple[str, ...]:
    rest = tuple(n for n in names if n != name)
    return (*rest, name) if ticked else rest


def _menu(description: str) -> ipw.Dropdown:
    return ipw.Dropdown(
        description=description,
        style={"description_width": "68px"},
        layout=ipw.Layout(width="auto", flex="1 1 150px", min_width="0", max_width="300px"),
    )


def _left_out() -> ipw.HTML:
    return ipw.HTML(layout=ipw.Layout(display="block", margin="0 8px", overflow="visible"))

"""Interactions: pairs of fixed effects, added from a menu and removed by a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import ipywidgets as ipw

from mixedwidgets.widgets.controls import head, offer, title_html, wrapping_row

Pair = tuple[str, str]


class Interactions(ipw.Box):
    """The interactions chosen, each with a button that removes it, and a menu of further ones.

    Parameters
    ----------
    changed : callable
        Called with the pairs now chosen when the user adds or removes one.
    """

    def __init__(self, changed: Callable[[tuple[Pair, ...]], None]):
        self._changed = changed
        self._pairs: tuple[Pair, ...] = ()
        self.buttons: tuple[ipw.Button, ...] = ()
        self.menu = ipw.Dropdown(
            options=[("none", ())],
            description="Add",
            style={"description_width": "initial"},
            layout=ipw.Layout(width="auto", min_width="0", max_width="320px"),
        )
        self.menu.observe(self._on_pair_chosen, "value")
        self._head, self._row = head(), wrapping_row([self.menu])
        super().__init__([self._head, self._row], layout=ipw.Layout(overflow="visible"))
        self.set((), (), lambda one, other: None)

    def set(
        self,
        fixed: Sequence[str],
        chosen: Sequence[Pair],
        why_not: Callable[[str, str], str | None],
    ) -> None:
        """Offer the pairs of these fixed effects.

        Parameters
        ----------
        fixed : sequence of str
        chosen : sequence of (str, str)
            The interactions in the model.
        why_not : callable
            The reason why two columns cannot interact, or None.
        """
        if tuple(chosen) != self._pairs:
            self._pairs = tuple(chosen)
            self.buttons = tuple(self._button(pair) for pair in self._pairs)
            self._row.children = (*self.buttons, self.menu)
        taken = {frozenset(pair) for pair in chosen}
        reasons = [(p, why_not(*p)) for p in combinations(fixed, 2) if frozenset(p) not in taken]
        possible = [(_shown(pair), pair) for pair, why in reasons if why is None]
        nothing = "a pair" if possible else ("none left" if reasons or taken else "none yet")
        offer(self.menu, [(nothing, ()), *possible], ())
        self.menu.disabled = not possible
        left_out = [(_shown(pair), why) for pair, why in reasons if why is not None]
        self._head.value = title_html("Interactions", left_out, 32)

    def _button(self, pair: Pair) -> ipw.Button:
        button = ipw.Button(
            description=f"{_shown(pair)}  \u2715",
            tooltip=f"Remove the interaction of {pair[0]} and {pair[1]}",
            layout=ipw.Layout(width="auto", max_width="100%"),
        )
        button.on_click(lambda _: self._on_removed(pair))
        return button

    def _on_pair_chosen(self, change: Any) -> None:
        if not offer.under_way and change["new"]:
            self._changed((*self._pairs, change["new"]))

    def _on_removed(self, pair: Pair) -> None:
        self._changed(tuple(p for p in self._pairs if p != pair))


def _shown(pair: Pair) -> str:
    return f"{pair[0]} \u00d7 {pair[1]}"

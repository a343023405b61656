"""A box that a number is typed into, with its units after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.typed import shown
from mixedwidgets.widgets.controls import described


class NumberBox(ipw.HBox):
    """A text box for a number; Enter, or leaving it, gives what was typed.

    Parameters
    ----------
    label : str
        What stands above it.
    units : str
        What stands after it.
    given : callable
        Called with the text when the user has typed.
    """

    def __init__(self, label: str, units: str, given: Callable[[str], None]):
        self._given, self._setting = given, False
        self.text = ipw.Text(
            **described(label),
            continuous_update=False,
            placeholder="a number",
            tooltip=f"{label}, such as 3.14; Enter records it",
        )
        after = ipw.HTML(
            f"<div>{protected(units)}</div>",
            layout=ipw.Layout(margin="0", display="block" if units else "none"),
        )
        layout = ipw.Layout(overflow="visible", margin="0 20px 2px 2px")
        super().__init__([self.text, after], layout=layout)
        self.add_class("mixedwidgets-number")
        self.text.observe(self._on_text_changed, "value")

    def show(self, value: float | None, written: str | None = None) -> None:
        """Show a number, or nothing, without its being given."""
        self._setting = True
        try:
            self.text.value = "" if value is None else written or shown(value)
        finally:
            self._setting = False

    def lock(self) -> None:
        """Take no more numbers."""
        self.text.disabled = True

    def _on_text_changed(self, change: Any) -> None:
        if not self._setting:
            self._given(change["new"])

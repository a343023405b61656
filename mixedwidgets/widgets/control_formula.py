"""The formula as text: it follows the controls, and the controls follow what is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.html import protected


class FormulaBox(ipw.VBox):
    """A line to type a formula in, and beneath it what is wrong with it, with a caret.

    Parameters
    ----------
    changed : callable
        Called with the text when the user has typed it: on Enter, or on leaving the line.
    """

    def __init__(self, changed: Callable[[str], None]):
        self._changed = changed
        self._setting = False
        self.text = ipw.Text(
            description="Formula",
            continuous_update=False,
            placeholder="y ~ x + (x | group)",
            style={"description_width": "68px", "font_size": "var(--jp-code-font-size, 13px)"},
            layout=ipw.Layout(width="auto", flex="1 1 auto", min_width="0"),
        )
        self.text.observe(self._on_text_changed, "value")
        self.message = ipw.HTML(
            layout=ipw.Layout(display="none", margin="0 2px 0 76px", overflow="visible")
        )
        super().__init__([self.text, self.message], layout=ipw.Layout(overflow="visible"))

    def set(self, formula: str) -> None:
        """Show the formula of the model chosen, and nothing wrong."""
        self._setting = True
        try:
            self.text.value = formula
        finally:
            self._setting = False
        self.forgive()

    def forgive(self) -> None:
        """Say that nothing is wrong any more."""
        self.message.value, self.message.layout.display = "", "none"

    def complain(self, sentence: str, excerpt: str = "") -> None:
        """Say what is wrong with the text, which stays as it was typed.

        Parameters
        ----------
        sentence : str
        excerpt : str
            The formula and a caret beneath it, two lines of one width a character.
        """
        lines = (
            '<pre style="margin: 0; padding: 0; line-height: 1.2; overflow: auto hidden; '
            f'background: none; color: inherit">{protected(excerpt)}</pre>'
            if excerpt
            else ""
        )
        self.message.value = (
            '<div role="alert" style="line-height: 1.5; padding: 1px 10px; '
            "border-left: 4px solid #b3261e; "
            f'background: var(--jp-layout-color2, #f5f5f5)">{protected(sentence)}{lines}</div>'
        )
        self.message.layout.display = "block"

    def _on_text_changed(self, change: Any) -> None:
        if not self._setting:
            self._changed(change["new"])

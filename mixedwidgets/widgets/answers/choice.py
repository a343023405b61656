"""An answer that is one of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets as ipw

from mixedwidgets.homework.record import Value
from mixedwidgets.widgets.answers.base import AnswerWidget
from mixedwidgets.widgets.answers.words import heading
from mixedwidgets.widgets.controls import described


class ChoiceAnswer(AnswerWidget):
    """Radio buttons, one for each option; none is chosen at first."""

    def build(self) -> Iterable[ipw.Widget]:
        """The radio buttons."""
        self.buttons = ipw.RadioButtons(
            **described(heading(self.part.label)),
            options=[(words, name) for name, words in self.part.options],
            index=None,
        )
        self.buttons.observe(self._on_button_chosen, "value")
        return [self.buttons]

    def show(self, value: Value) -> None:
        """Show a choice made before."""
        self.buttons.value = value

    def lock(self) -> None:
        """Take no other choice."""
        self.buttons.disabled = True
        self.locked = True

    def _on_button_chosen(self, change: Any) -> None:
        self.value = change["new"]

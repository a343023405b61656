"""An answer that is a number."""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets as ipw

from mixedwidgets.homework.record import Value
from mixedwidgets.widgets.answers.base import AnswerWidget, small, tolerance_words
from mixedwidgets.widgets.answers.box import NumberBox
from mixedwidgets.widgets.answers.typed import typed
from mixedwidgets.widgets.answers.words import heading


class NumberAnswer(AnswerWidget):
    """A box for a number with its units after it and its tolerance beneath.

    ``3.14``, ``3,14``, ``1e-3`` and ``-0.5`` are numbers; of anything else a sentence says that it
    is none, and the text and the last answer stay.
    """

    def build(self) -> Iterable[ipw.Widget]:
        """The box and the tolerance."""
        self.box = NumberBox(heading(self.part.label), self.part.units, self._on_text_given)
        return [self.box, small(tolerance_words(self.part))]

    def show(self, value: Value) -> None:
        """Show a number given before."""
        assert isinstance(value, float)
        self.box.show(value)
        self.value = value

    def lock(self) -> None:
        """Take no more numbers."""
        self.box.lock()
        self.locked = True

    def _on_text_given(self, text: str) -> None:
        self.answer(lambda: self._take(text))

    def _take(self, text: str) -> None:
        self.value = typed(text, self.part.units)

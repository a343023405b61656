"""What the widgets for an answer share: a value, a lock, and sentences beneath."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as ipw
import traitlets

from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.typed import shown
from mixedwidgets.widgets.answers.words import on_rows
from mixedwidgets.widgets.guard import Guarded, alert_html


class AnswerWidget(Guarded, ipw.VBox):
    """A widget for one part of a question.

    Parameters
    ----------
    part : Part
        What is asked for.

    Attributes
    ----------
    value : float, str, (float, float) or None
        The answer, as ``Answer.values`` holds it; None until there is one. Observe it: it changes
        when an answer is given, not while a hand is still moving.
    locked : bool
        Whether it can be changed no more.
    problem, error
        See ``Guarded``.
    """

    value: Any = traitlets.Any(None)
    locked = traitlets.Bool(False)

    def __init__(self, part: Part):
        self.part = part
        super().__init__(layout=ipw.Layout(margin="4px 0 6px", overflow="visible"))
        self._alert, self._verdict = _line(), _line()
        self.children = [*self.build(), self._alert, self._verdict]
        self.observe(self._on_problem_changed, "problem")

    # What a widget does in its own way.

    def build(self) -> Iterable[ipw.Widget]:
        """Make the controls, once."""
        raise NotImplementedError

    def show(self, value: Value) -> None:
        """Show an answer given before, and hold it as ``value``."""
        raise NotImplementedError

    def lock(self) -> None:
        """Take no more answers."""
        self.locked = True

    def reveal(self, key: Value) -> None:
        """Show the key beside the answer; a widget without a picture has no place for it."""

    # The same for all.

    def judge(self, sentence: str) -> None:
        """Say beneath what is thought of the answer; nothing where it is empty."""
        self._verdict.value = f'<div role="status">{protected(sentence)}</div>' if sentence else ""
        self._verdict.layout.display = "block" if sentence else "none"

    def answer(self, work: Callable[[], None]) -> None:
        """Do something; what goes wrong is said, and what went wrong before is forgotten."""
        done = False
        with self.guarded():
            work()
            done = True
        if done:
            self.all_is_well()

    def _on_problem_changed(self, change: Any) -> None:
        still = " The answer before stays recorded." if self.value is not None else ""
        self._alert.value = alert_html(self.problem + still if self.problem else "")
        self._alert.layout.display = "block" if self.problem else "none"


def _line() -> ipw.HTML:
    return ipw.HTML(layout=ipw.Layout(display="none", margin="2px 0", width="auto"))


def tolerance_words(part: Part) -> str:
    """Say how exact an answer has to be; nothing where no tolerance is told."""
    if part.tolerance <= 0:
        return ""
    units = f" {part.units}" if part.units else ""
    if part.kind == "point":
        axis = "the axis" if on_rows(part) else "each axis"
        return f"Counts as right within {100 * part.tolerance:.3g}% of the width of {axis}."
    each = "each limit " if part.kind == "interval" else ""
    start = f"Counts as right if {each}is" if each else "Counts as right"
    tolerance = f"{part.tolerance:.10f}".rstrip("0").rstrip(".") if part.tolerance > 1e-9 else ""
    return f"{start} within ± {tolerance or shown(part.tolerance)}{units}."


def small(text: str) -> ipw.HTML:
    """A remark in small letters."""
    return ipw.HTML(
        f'<div class="mixedwidgets-small">{protected(text)}</div>' if text else "",
        layout=ipw.Layout(display="block" if text else "none", margin="0 0 2px", width="auto"),
    )

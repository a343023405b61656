"""One question: its parts, what is recorded of them, and the feedback that it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from mixedwidgets.errors import DataError, listed
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.seals import revealed
from mixedwidgets.homework.sheet import Asked
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.base import AnswerWidget
from mixedwidgets.widgets.answers.choice import ChoiceAnswer
from mixedwidgets.widgets.answers.feedback import (
    out_of_range,
    right_or_wrong,
    tries_words,
    with_key,
)
from mixedwidgets.widgets.answers.ground import Ground
from mixedwidgets.widgets.answers.interval import IntervalAnswer
from mixedwidgets.widgets.answers.number import NumberAnswer
from mixedwidgets.widgets.answers.point import PointAnswer
from mixedwidgets.widgets.answers.recorder import Recorder
from mixedwidgets.widgets.answers.typed import shown
from mixedwidgets.widgets.answers.words import local_words
from mixedwidgets.widgets.guard import Guarded, alert_html

KINDS: dict[str, type[AnswerWidget]] = {
    "number": NumberAnswer,
    "choice": ChoiceAnswer,
    "interval": IntervalAnswer,
    "point": PointAnswer,
}
BUTTONS = {"check": "Check", "reveal": "Submit"}
TOOLTIPS = {
    "check": "Have the answers checked as they are now; they are recorded without it",
    "reveal": "Hand in these answers for good and see the key; they are recorded without it",
}
SURE = "Submit for good"


class QuestionWidget(Guarded, ipw.VBox):
    """A question to be answered.

    Every answer is recorded when it is given; the button is only for feedback.

    Parameters
    ----------
    asked : Asked
        The question.
    recorder : Recorder
        Where answers go, and where earlier ones are.

    Attributes
    ----------
    parts : dict of str to AnswerWidget
        By part.
    values : dict of str to (float, str or (float, float))
        The answers given so far.
    tries : int
        How often they were checked or submitted.
    submitted : bool
        Whether nothing can be changed any more.
    problem, error
        See ``Guarded``.
    """

    def __init__(self, asked: Asked, recorder: Recorder):
        self.asked, self.recorder = asked, recorder
        self.tries, self.submitted = 0, False
        self._checked: dict[str, Value] | None = None  # what was checked last
        super().__init__()
        self.add_class("mixedwidgets-question")
        self.parts = {part.id: KINDS[part.kind](part) for part in asked.parts}
        self._alert = ipw.HTML(layout=ipw.Layout(display="none", margin="2px 0"))
        self._notice = ipw.HTML(layout=ipw.Layout(display="none", margin="2px 0"))
        self._ground = Ground(self._say_run_again)
        self._status = ipw.HTML(layout=ipw.Layout(margin="0 0 0 2px", flex="1 1 240px"))
        self.button = ipw.Button(
            description=BUTTONS.get(asked.feedback, ""),
            tooltip=TOOLTIPS.get(asked.feedback, ""),
            layout=ipw.Layout(width="auto", margin="0 12px 0 2px"),
        )
        self.button.on_click(self._on_button_clicked)
        foot = [self.button] if asked.feedback in BUTTONS else []
        row = ipw.Box(
            [*foot, self._status],
            layout=ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible"),
        )
        above = [self._ground, self._notice, _head(asked)]
        self.children = [*above, *self.parts.values(), self._alert, row]
        self.observe(self._on_problem_changed, "problem")
        self._take_up()
        for part in self.parts.values():
            part.observe(self._on_value_changed, "value")

    @property
    def values(self) -> dict[str, Value]:
        """The answers given so far, by part."""
        return {name: part.value for name, part in self.parts.items() if part.value is not None}

    def press(self) -> None:
        """Do what the button does: check the answers, or submit them for good."""
        if self.asked.feedback == "check":
            self._answer(self._check)
        elif self.asked.feedback == "reveal" and not self.submitted:
            self._answer(self._submit)

    # Feedback.

    def _check(self) -> None:
        self._all_answered()
        self._checked, self.tries = self.values, self.tries + 1
        self._record()
        self._show_feedback()

    def _submit(self) -> None:
        self._all_answered()
        if self.button.description != SURE:
            self._ask_whether_sure()
            return
        self.tries, self.submitted = self.tries + 1, True
        self._close()
        self._record()

    def _all_answered(self) -> None:
        lacking = [part.label for part in self.asked.parts if part.id not in self.values]
        if lacking:
            raise DataError(f"There is no answer yet to: {listed(lacking)}")
        if any(part.problem for part in self.parts.values()):
            raise DataError("What was typed last is no answer; mend it first")

    def _ask_whether_sure(self) -> None:
        self.button.description, self.button.button_style = SURE, "warning"
        self._say("Then nothing can be changed any more, and the key is shown. Press once more.")

    def _close(self) -> None:
        """Take no more answers and show the key."""
        self.button.disabled, self.button.button_style = True, ""
        self.button.description = "Submitted"
        for part in self.parts.values():
            part.lock()
        for name, part in self.parts.items():
            with part.guarded():
                part.judge(with_key(part.part, self.values[name]))
                part.reveal(revealed(part.part))

    def _show_feedback(self) -> None:
        """Say beneath each part what the feedback of the question says of it now."""
        told = self.asked.feedback == "check" and self.tries >= self.asked.tries
        for name, part in self.parts.items():
            value = self.values.get(name)
            if self.asked.feedback == "range" and value is not None:
                part.judge(out_of_range(part.part, value))
            elif told and value is not None and value == (self._checked or {}).get(name):
                part.judge(right_or_wrong(part.part, value))
            else:
                part.judge("")

    # Recording.

    def _take_up(self) -> None:
        """Show the answer given before."""
        answer = self.recorder.answers.get(self.asked.id)
        if answer is None:
            self._say_recorded()
            return
        for name, value in answer.values.items():
            self.parts[name].show(value)
        self.tries = answer.tries
        self._checked = answer.values if answer.tries >= self.asked.tries else None
        with self.guarded():
            self.submitted = answer.submitted and set(answer.values) == set(self.parts)
            if self.submitted:
                self._close()
            else:
                self._show_feedback()
        self._say_recorded()

    def _record(self) -> None:
        try:
            self.recorder.record(self.asked, self.values, self.tries, self.submitted)
        finally:
            self._say_recorded()

    def _answer(self, work: Callable[[], None]) -> None:
        done = False
        with self.guarded():
            work()
            done = True
        if done:
            self.all_is_well()

    def _on_value_changed(self, change: Any) -> None:
        if not self.submitted:
            self._answer(self._take)

    def _take(self) -> None:
        if self.button.description == SURE:
            self.button.description, self.button.button_style = BUTTONS["reveal"], ""
        self._show_feedback()
        self._record()

    def _on_button_clicked(self, button: Any) -> None:
        self.press()

    # Words.

    def _say_recorded(self) -> None:
        answer = self.recorder.answers.get(self.asked.id)
        if answer is None or not answer.values:
            self._say("Not answered yet." if answer is None else "No answer is recorded.")
            return
        verb = "Submitted" if self.submitted else "Recorded"
        numbers = [shown(v) for v in answer.values.values() if isinstance(v, float)]
        what = f" {numbers[0]}," if len(numbers) == 1 == len(self.parts) else ""
        lacking = len(self.parts) - len(answer.values)
        rest = f" {lacking} of {len(self.parts)} parts still to answer." if lacking else ""
        tries = tries_words(self.asked, self.tries) if self.asked.feedback == "check" else ""
        self._say(f"{verb}{what} {local_words(answer.time)}.{rest} {tries}")

    def _say(self, sentence: str) -> None:
        self._status.value = f'<div role="status">{protected(sentence.strip())}</div>'

    def _say_run_again(self) -> None:
        self._notify(
            "This page was loaded after the cell ran. Run the cell again, so that new answers are "
            "saved in the notebook and not in answers.json alone."
        )

    def _notify(self, sentence: str) -> None:
        self._notice.value = alert_html(sentence)
        self._notice.layout.display = "block" if sentence else "none"

    def _on_problem_changed(self, change: Any) -> None:
        self._alert.value = alert_html(self.problem)
        self._alert.layout.display = "block" if self.problem else "none"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget; the output that keeps the answer is placed before it."""
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = f"{self.recorder.sheet.homework}: {self.asked.title}"
        self.recorder.place(self.asked)
        self._ground.cell_runs()
        self._notify("")
        return bundle


def _head(asked: Asked) -> ipw.HTML:
    """The title of a question and its points."""
    points = f"{asked.points:g} point{'' if asked.points == 1 else 's'}"
    return ipw.HTML(
        f'<div><b>{protected(asked.title)}</b> <span class="mixedwidgets-small">'
        f"{protected(points)}</span></div>",
        layout=ipw.Layout(margin="0 0 2px"),
    )

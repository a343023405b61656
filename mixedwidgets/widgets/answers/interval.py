"""An answer that is an interval, drawn on a curve by two handles."""

from __future__ import annotations

from functools import partial
from typing import Any

from mixedwidgets.errors import DataError
from mixedwidgets.homework.sheet import Part
from mixedwidgets.plots import answer_curve
from mixedwidgets.plots.answer_curve import HANDLES, AnswerCurve
from mixedwidgets.widgets.answers.box import NumberBox
from mixedwidgets.widgets.answers.pictured import PicturedAnswer
from mixedwidgets.widgets.answers.typed import shown, typed


class IntervalAnswer(PicturedAnswer):
    """A curve with two handles, and a box for each limit.

    A handle is dragged, or the nearest comes to where the picture is pressed. Arrow keys move the
    handle that was moved last, with shift in larger steps; Home and End choose the lower and the
    upper one. A limit outside the picture is typed.
    """

    table: AnswerCurve

    def prepare(self, part: Part) -> None:
        """Read the curve."""
        assert part.picture is not None
        self.plot, self.table = answer_curve, AnswerCurve.of(part.picture)
        self.handles = dict.fromkeys(HANDLES, "x")
        self.last = 0  # the handle that keys move
        self._dragged: int | None = None
        self._half: dict[int, float] = {}  # limits typed before there is an interval

    def boxes_of(self) -> list[NumberBox]:
        """A box for each limit."""
        names = ("Lower limit", "Upper limit")
        return [
            NumberBox(name, self.part.units, partial(self._on_typed, which))
            for which, name in enumerate(names)
        ]

    def pointed(self, event: dict[str, Any]) -> None:
        """Drag, press and keys."""
        kind = event["kind"]
        if kind == "key":
            self._pressed(event["key"], event["shift"])
        elif kind == "down" and event["axes"] == 0:
            self.last = self._dragged = self._nearest(event)
        elif kind in ("move", "up") and self._dragged is not None and event["axes"] == 0:
            self._go(self._dragged, event["x"], final=kind == "up")
        if kind == "up":
            self._dragged = None

    def _nearest(self, event: dict[str, Any]) -> int:
        if event["artist"] in HANDLES:
            return HANDLES.index(event["artist"])
        away = [abs(event["x"] - self.table.clamp(x)) for x in self.held]
        return 0 if away[0] <= away[1] else 1

    def _go(self, which: int, x: float, final: bool) -> None:
        """Move one handle, which stops at the other."""
        ends = list(self.held)
        x, other = self.table.rounded(self.table.clamp(x)), ends[1 - which]
        ends[which] = min(x, other) if which == 0 else max(x, other)
        to = (ends[0], ends[1])
        self.give(to) if final else self.move(to)

    def _pressed(self, key: str, shift: bool) -> None:
        if key in ("Home", "End"):
            self.last = 0 if key == "Home" else 1
            return
        to = answer_curve.step(self.table, key, shift, self.held[self.last])
        if to is not None:
            self._go(self.last, to, final=True)

    def _on_typed(self, which: int, text: str) -> None:
        self.answer(lambda: self._take(which, text))

    def _take(self, which: int, text: str) -> None:
        value = typed(text, self.part.units)
        if value is None:
            raise DataError("An interval has two limits; type a number into each box")
        if self.value is None:
            self._half[which] = value
            if len(self._half) < 2:
                return
            ends = (self._half[0], self._half[1])
        else:
            ends = (value, self.held[1]) if which == 0 else (self.held[0], value)
        if ends[0] > ends[1]:
            raise DataError(
                f"The lower limit {shown(ends[0])} is above the upper limit {shown(ends[1])}; "
                "mend one of them"
            )
        self.last = which
        self.give(ends)

"""An answer that is a point, placed on a surface or on the row of a group."""

from __future__ import annotations

from functools import partial
from typing import Any

from mixedwidgets.errors import DataError
from mixedwidgets.homework.sheet import Part
from mixedwidgets.plots import answer_groups, answer_surface
from mixedwidgets.plots.answer_groups import AnswerGroups
from mixedwidgets.plots.answer_surface import AnswerSurface
from mixedwidgets.widgets.answers.box import NumberBox
from mixedwidgets.widgets.answers.pictured import PicturedAnswer
from mixedwidgets.widgets.answers.typed import typed


class PointAnswer(PicturedAnswer):
    """A surface, or a row for each group, with a point that is clicked, dragged or typed.

    Arrow keys move it, with shift in larger steps. On the rows it stays on the row that is asked
    for.
    """

    table: AnswerSurface | AnswerGroups

    def prepare(self, part: Part) -> None:
        """Read the surface or the groups."""
        assert part.picture is not None
        self._typed: dict[int, float] = {}
        if part.picture["kind"] == "groups":
            self.plot, self.table = answer_groups, AnswerGroups.of(part.picture)
            self.handles = {"point": "x"}
        else:
            self.plot, self.table = answer_surface, AnswerSurface.of(part.picture)
            self.handles = {"point": "xy"}

    def height(self) -> float:
        """As much as the rows need; a surface is higher than a curve."""
        if isinstance(self.table, AnswerGroups):
            return answer_groups.height(self.table)
        return 4.4

    def boxes_of(self) -> list[NumberBox]:
        """A box for each number that is free; on a surface the names say the units."""
        if isinstance(self.table, AnswerGroups):
            name = f"Prediction for {self.table.names[self.table.pick]}"
            return [NumberBox(name, self.part.units, partial(self._on_typed, 0))]
        return [
            NumberBox(label, "", partial(self._on_typed, which))
            for which, label in enumerate(self.table.labels)
        ]

    def pointed(self, event: dict[str, Any]) -> None:
        """Press, drag and keys."""
        kind = event["kind"]
        if kind == "key":
            to = self.plot.step(self.table, event["key"], event["shift"], self.held)
            if to is not None:
                self.give(self.table.rounded(*to))
        elif event["axes"] == 0:
            at = self.table.rounded(*self.table.clamp(event["x"], event["y"]))
            self.give(at) if kind == "up" else self.move(at)

    def _on_typed(self, which: int, text: str) -> None:
        self.answer(lambda: self._take(which, text))

    def _take(self, which: int, text: str) -> None:
        value = typed(text, self.part.units)
        if value is None:
            raise DataError("A point needs a number in each box")
        if self.value is None:
            self._typed[which] = value
            if len(self._typed) < len(self.boxes):
                return
            self.give((self._typed[0], self._typed.get(1, self.held[1])))
        else:
            self.give((value, self.held[1]) if which == 0 else (self.held[0], value))

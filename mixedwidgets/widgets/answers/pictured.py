"""An answer that is given on a picture, with boxes beside it that keep in step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets as ipw
from matplotlib.figure import Figure

from mixedwidgets.errors import as_sentence
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.base import AnswerWidget, small, tolerance_words
from mixedwidgets.widgets.answers.box import NumberBox
from mixedwidgets.widgets.answers.words import heading
from mixedwidgets.widgets.controls import wrapping_row
from mixedwidgets.widgets.picture import Picture

WIDTHS = (5.6, 9.0)  # inches of 100 CSS pixels

Pair = tuple[float, float]


class PicturedAnswer(AnswerWidget):
    """Two numbers that a hand moves on a picture; each of them has a box of its own.

    Attributes
    ----------
    picture : Picture
        The picture.
    table : object
        What is drawn, of the class that the plot module reads.
    plot : module
        It has ``draw``, ``place``, ``describe`` and ``say`` for such a table.
    handles : dict of str to str
        What of the picture follows the pointer at once; see ``Picture``.
    held : (float, float)
        Where the hand is: the answer, or on its way to one.
    """

    handles: dict[str, str]
    plot: Any
    table: Any

    def __init__(self, part: Part):
        self.key: Pair | None = None
        self.prepare(part)
        self.held: Pair = self.table.start
        super().__init__(part)
        self._draw()

    # What a kind does in its own way.

    def prepare(self, part: Part) -> None:
        """Read the picture of the part into ``table``; choose its ``plot`` and ``handles``."""
        raise NotImplementedError

    def boxes_of(self) -> list[NumberBox]:
        """Make the boxes, one for each number that can be typed."""
        raise NotImplementedError

    def pointed(self, event: dict[str, Any]) -> None:
        """Answer a pointer or key event of the picture; see ``Picture.pointer``."""
        raise NotImplementedError

    def height(self) -> float:
        """Height of the picture in inches."""
        return 3.8

    # The same for all.

    def build(self) -> Iterable[ipw.Widget]:
        """The picture, what it says, and the boxes."""
        self.picture = Picture(
            (8.2, self.height()),
            listen=("down", "move", "up", "key"),
            handles=self.handles,
        )
        self.picture.observe(self._on_room_told, "room")
        self.picture.observe(self._on_theme_told, "page_theme")
        self.picture.observe(self._on_pointer_changed, "pointer")
        self.said = ipw.HTML(layout=ipw.Layout(display="block", margin="0 2px 2px"))
        self.boxes = self.boxes_of()
        row = wrapping_row(self.boxes)
        row.layout.flex = "0 0 auto"
        return [self.picture, self.said, row, small(tolerance_words(self.part))]

    def show(self, value: Value) -> None:
        """Show an answer given before."""
        assert isinstance(value, tuple)
        self.value = value
        self.move(value)

    def lock(self) -> None:
        """Take no more answers."""
        for box in self.boxes:
            box.lock()
        self.picture.listen, self.picture.handles = [], {}
        self.locked = True

    def reveal(self, key: Value) -> None:
        """Draw the key beside the answer."""
        assert isinstance(key, tuple)
        self.key = key
        self._draw()

    def move(self, to: Pair) -> None:
        """Show a hand at a place, without its being an answer."""
        self.held = to
        self.plot.place(self.picture.figure, self.table, to, given=True)
        self.picture.move()
        self._say(True)

    def give(self, to: Pair) -> None:
        """Take a place as the answer."""
        self.move(to)
        self.value = to

    def _draw(self) -> None:
        self.picture.draw(self._whole)
        self._say(self.value is not None)

    def _whole(self, figure: Figure) -> None:
        self.plot.draw(
            figure,
            self.table,
            title=heading(self.part.label),
            theme=self.picture.page_theme,
            key=self.key,
        )
        self.plot.place(figure, self.table, self.held, given=self.value is not None)

    def _say(self, given: bool) -> None:
        words = self.plot.say(self.table, self.held, given)
        self.picture.alt = (
            f"{as_sentence(heading(self.part.label))} {words} {self.plot.describe(self.table)}"
        )
        self.said.value = f'<div role="status">{protected(words)}</div>'
        if given:
            for box, number in zip(self.boxes, self.held, strict=False):
                box.show(number)

    def _on_room_told(self, change: Any) -> None:
        if not change["new"]:
            return
        width = min(max(change["new"] / 100.0, WIDTHS[0]), WIDTHS[1])
        if abs(width - self.picture.figure_size[0]) >= 0.02:
            self.picture.figure_size = (width, self.picture.figure_size[1])
            with self.guarded():
                self._draw()

    def _on_theme_told(self, change: Any) -> None:
        with self.guarded():
            self._draw()

    def _on_pointer_changed(self, change: Any) -> None:
        if not self.locked:
            self.answer(lambda: self.pointed(change["new"]))

"""What a question needs of the browser: style sheets, and keys that no command takes away."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import ipywidgets as ipw

WIDGETS = "mixedwidgets.widgets"


def _file(name: str) -> str:
    return files(WIDGETS).joinpath(name).read_text(encoding="utf-8")


class Ground(anywidget.AnyWidget):
    """An empty widget that brings the style sheets of the questions with it.

    ipywidgets have none of their own. Among them is the one that hides the copy of an answer
    where a widget is alive.

    Parameters
    ----------
    on_other_page : callable
        Called when the question is seen on a page that was loaded after its cell ran.
    """

    _esm = _file("answers/ground.js")
    _css = _file("explorer.css") + _file("answers/answers.css")

    def __init__(self, on_other_page: Callable[[], None]):
        self._on_other_page = on_other_page
        self._page: Any = None
        super().__init__(layout=ipw.Layout(display="none"))
        self.on_msg(self._on_message)

    def cell_runs(self) -> None:
        """Take the page on which the question is seen next as the one where its cell ran."""
        self._page = None

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        page = content.get("page") if isinstance(content, dict) else None
        if self._page is None:
            self._page = page
        elif page != self._page:
            self._on_other_page()

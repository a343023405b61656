"""What a question needs of the browser: style sheets, and keys that no command takes away."""

from __future__ import annotations

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
    """

    _esm = _file("answers/ground.js")
    _css = _file("explorer.css") + _file("answers/answers.css")

    def __init__(self, **kwargs: Any):
        super().__init__(layout=ipw.Layout(display="none"), **kwargs)

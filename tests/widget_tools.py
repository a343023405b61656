"""What the tests of widgets share: data, events, light panels, and a look into some HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import count
from typing import Any, ClassVar

import ipywidgets as ipw
import numpy as np
import pandas as pd

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets.panels.base import Panel
from mixedwidgets.widgets.panels.picture_panel import PicturePanel

LEFT = ("Likelihood", "Intervals", "Profile", "Diagnostics", "Compare", "Code")
RIGHT = ("Fit", "Shrinkage", "Caterpillar", "Group", "Boundary")
HEAVY = {
    "Likelihood": "LikelihoodSurface",
    "Intervals": "IntervalPlot",
    "Profile": "ProfilePlot",
    "Diagnostics": "DiagnosticsPlot",
    "Fit": "FitSummary",
    "Shrinkage": "ShrinkagePlot",
    "Caterpillar": "CaterpillarPlot",
    "Group": "GroupPlot",
}


def simulated(**more: Any) -> pd.DataFrame:
    """12 groups of 10 rows with a random intercept and slope."""
    random = np.random.default_rng(11)
    n = 120
    g = np.repeat(np.arange(12), 10)
    x = random.normal(size=n)
    slope = 0.5 + 0.4 * random.normal(size=12)
    y = 3 + random.normal(size=12)[g] + slope[g] * x + random.normal(size=n)
    data = pd.DataFrame({"y": y, "z": 2 * y + random.normal(size=n), "x": x})
    data["kind"] = pd.Categorical(random.choice(["a", "b", "c"], n))
    data["g"] = [f"group {i}" for i in g]
    data["h"] = np.tile(np.arange(15), 8)
    return data.assign(**more)


def too_many() -> pd.DataFrame:
    """Groups of three rows, so that a factor of four levels gives too many random effects."""
    data = simulated(small=[f"s{i}" for i in np.repeat(np.arange(40), 3)])
    data["four"] = [f"f{i}" for i in np.random.default_rng(0).integers(0, 4, 120)]
    return data


_number = count(1)


def event(kind: str, **more: Any) -> dict[str, Any]:
    """An event of a picture, as ``Picture.pointer`` has it."""
    nowhere = {"axes": None, "x": None, "y": None, "artist": None, "index": None}
    return {"kind": kind, "seq": next(_number), **nowhere, **more}


def at(kind: str, x: float, y: float, axes: int = 0, **more: Any) -> dict[str, Any]:
    """An event at a place of the axes."""
    return event(kind, axes=axes, x=x, y=y, **more)


def key(name: str, shift: bool = False) -> dict[str, Any]:
    """A key that is pressed."""
    return event("key", key=name, shift=shift)


def artist(figure: Any, gid: str) -> Any:
    """The artist of a figure that has a name."""
    (found,) = figure.findobj(lambda a: a.get_gid() == gid)
    return found


def tree(widget: Any) -> Iterator[Any]:
    """A widget and all within it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


class Light(Panel):
    """A panel that computes nothing and counts what it is asked for."""

    made: ClassVar[list[Light]]

    def build(self) -> list[ipw.Widget]:
        self.made.append(self)
        self.asked: list[str] = []
        self.table = ipw.HTML()
        return [self.table]

    def show(self, fit: Fit) -> None:
        self.asked.append(f"show {fit.formula} {'REML' if fit.reml else 'ML'}")

    def follow_point(self, fit: Fit) -> None:
        self.asked.append("point")

    def mark_picked(self, fit: Fit) -> None:
        self.asked.append(f"picked {self.picked}")

    def static_html(self) -> str:
        return f"<p>{self.fit.formula}</p>"


def light_panels() -> dict[str, type[Light]]:
    """A class of light panels for each heavy one, by title; ``made`` lists its panels."""
    return {
        title: type(name, (Light,), {"made": [], "title": title}) for title, name in HEAVY.items()
    }


def counted_draws(monkeypatch: Any) -> list[str]:
    """The title of the panel of every picture drawn from now on."""
    drawn: list[str] = []
    draw: Callable[..., None] = PicturePanel.draw

    def call(self: PicturePanel, *args: Any, **options: Any) -> None:
        drawn.append(self.title)
        draw(self, *args, **options)

    monkeypatch.setattr(PicturePanel, "draw", call)
    return drawn


class Seen(HTMLParser):
    """The tags, attributes and text of some HTML."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.alt: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.alt += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.text += data


TAGS = {
    *("div", "p", "b", "br", "code", "pre", "details", "summary", "span", "abbr", "img", "style"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("style", "class", "role", "aria-label", "title", "scope", "rowspan", "colspan", "border"),
    *("src", "alt", "width", "height"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</code><b onclick='x'>",
    'it\'s "quoted"',
    "two\nlines",
    "`tick`",
    "a{b}",
    "__import__('os').system('x')",
    "\U0001f600",
    "n" * 200,
    "$x$ \\frac{1",
    "&lt;b&gt;",
    "\x00",
]


def check_html(source: str, name: str = "") -> None:
    """Check that nothing of a hostile name has become markup, and that the name is to be read."""
    seen = Seen(source)
    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES
    # Parsers give NUL back as something else, and formulas write line ends as \n.
    if name.isprintable() and "\\" not in name:
        assert name in seen.text.replace("\\`", "`")


def check_widgets(widget: Any) -> None:
    """Check every widget for markup that came from a name."""
    for part in tree(widget):
        if isinstance(part, ipw.HTML):
            check_html(part.value)
        elif getattr(part, "description_allow_html", False):
            check_html(part.description)
        assert not isinstance(part, ipw.HTMLMath | ipw.Label | ipw.Output)

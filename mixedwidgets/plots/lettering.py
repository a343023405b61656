"""Many short texts as one artist.

matplotlib 3.11 takes 0.6 ms for each ``Text`` it draws, so that the sixty labels of a picture
cost more than everything else in it. Here the hinted outline of each character is kept, and all
texts of one colour are drawn as one path: 0.02 ms a text. Nothing is ever read as mathematics,
so a column called ``cost_$`` is written as it is.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib import font_manager, ft2font
from matplotlib.artist import Artist
from matplotlib.path import Path
from matplotlib.transforms import Bbox, IdentityTransform, Transform
from numpy.typing import NDArray

_FAMILY = "DejaVu Sans"  # comes with matplotlib
_FALLBACKS = (
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "Arial Unicode MS",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
)
# Hinted in height only, so that letters are crisp yet evenly spaced; the name moved in 3.10.
_ft: Any = ft2font
_LIGHT_HINTING = _ft.LoadFlags.TARGET_LIGHT if hasattr(_ft, "LoadFlags") else _ft.LOAD_TARGET_LIGHT
_MISSING = "□"
_CAP_HEIGHT = 0.73  # of the font size, in DejaVu Sans
_Outline: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
_ANCHORS = {"left": 0.0, "center": 0.5, "right": 1.0}
_RISES = {"baseline": 0.0, "center": 0.5, "top": 1.0}


@functools.lru_cache(maxsize=2)
def _fonts(bold: bool) -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    families = [_FAMILY, *(name for name in _FALLBACKS if name in installed)]
    weight = "bold" if bold else "normal"
    return tuple(
        font_manager.findfont(font_manager.FontProperties(family=[name], weight=weight))
        for name in families
    )


@functools.lru_cache(maxsize=16)
def _characters(font: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(font).get_charmap())


@functools.lru_cache(maxsize=4096)
def _glyph(char: str, bold: bool, pixels: float) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Return outline, path codes and advance of a character, in pixels, hinted at that size."""
    for file in _fonts(bold):
        if ord(char) in _characters(file):
            font = font_manager.get_font(file)
            font.set_size(pixels, 72)
            glyph = font.load_char(ord(char), flags=_LIGHT_HINTING)
            vertices, codes = font.get_path()
            return np.asarray(vertices), np.asarray(codes), glyph.linearHoriAdvance / 65536
    return _glyph(_MISSING, bold, pixels)


@functools.lru_cache(maxsize=2048)
def _line(text: str, bold: bool, pixels: float) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Return outline, path codes and width of a text that starts at the origin."""
    vertices, codes, pen = [np.empty((0, 2))], [np.empty(0, np.uint8)], 0.0
    for char in _readable(text):
        outline, code, advance = _glyph(char, bold, pixels)
        if len(outline):
            vertices.append(outline + np.array([pen, 0.0]))
            codes.append(code)
        pen += advance
    return np.concatenate(vertices), np.concatenate(codes), pen


def _readable(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in composed)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a text in hundredths of an inch.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Font size in points.
    bold : bool
        Whether it is set in bold.
    """
    return _line(text, bold, size * 100 / 72)[2]


def elide(text: str, width: float, size: float, bold: bool = False) -> str:
    """Shorten a text to a width in hundredths of an inch, ending in "…" where something is cut."""
    text = _readable(text)
    if text_width(text, size, bold) <= width:
        return text
    room = width - text_width("…", size, bold)
    used, kept = 0.0, 0
    for char in text:
        used += text_width(char, size, bold)
        if used > room:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def wrap(text: str, width: float, size: float) -> list[str]:
    """Break a text at a space into one or two lines; the second ends in "…" if it is too long."""
    words, first = _readable(text).split(" "), ""
    while words and (not first or text_width(f"{first} {words[0]}", size) <= width):
        first = f"{first} {words.pop(0)}".strip()
    lines = [first, " ".join(words)] if words else [first]
    return [elide(line, width, size) for line in lines]


@dataclass(frozen=True)
class Label:
    """One text: where it is anchored, in which coordinates, and how it looks."""

    x: float
    y: float
    text: str
    color: str
    size: float
    bold: bool
    align: str
    rise: str
    transform: Transform
    halo: str | None

    def outline(self, dpi: float) -> _Outline:
        """Return vertices and codes in display coordinates, the baseline on a whole pixel."""
        pixels = self.size * dpi / 72
        vertices, codes, width = _line(self.text, self.bold, pixels)
        x, y = self.transform.transform((self.x, self.y))
        x -= width * _ANCHORS[self.align]
        y -= pixels * _CAP_HEIGHT * _RISES[self.rise]
        return vertices + np.array([round(x), round(y)]), codes


class Lettering(Artist):
    """All labels of a figure, as one artist.

    Add it with ``figure.add_artist``; then write with :meth:`add`. A label anchored at a
    position that is not finite is not drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[Label] = []

    def add(self, label: Label) -> None:
        """Write one more label."""
        self.labels.append(label)
        self.stale = True

    def _outlines(self) -> list[tuple[Label, _Outline]]:
        figure = self.get_figure()
        if figure is None:
            return []
        return [
            (label, label.outline(figure.dpi))
            for label in self.labels
            if label.text.strip() and np.isfinite((label.x, label.y)).all()
        ]

    def boxes(self) -> list[tuple[str, Bbox]]:
        """Return every text that has ink, with the box around its ink in display coordinates."""
        return [
            (label.text, Bbox(np.array([vertices.min(axis=0), vertices.max(axis=0)])))
            for label, (vertices, _) in self._outlines()
        ]

    def get_window_extent(self, renderer: Any = None) -> Bbox:
        """Return the box around all labels in display coordinates."""
        boxes = [box for _, box in self.boxes()]
        return Bbox.union(boxes) if boxes else Bbox.null()

    def draw(self, renderer: Any) -> None:
        """Draw the labels, those of one look at a time."""
        if not self.get_visible():
            return
        looks: dict[tuple[str, str | None], list[_Outline]] = {}
        for label, outline in self._outlines():
            looks.setdefault((label.color, label.halo), []).append(outline)
        renderer.open_group("lettering", self.get_gid())
        for (color, halo), outlines in looks.items():
            vertices, codes = (np.concatenate(part) for part in zip(*outlines, strict=True))
            self._fill(renderer, Path(vertices, codes), color, halo)
        renderer.close_group("lettering")
        self.stale = False

    def _fill(self, renderer: Any, path: Path, color: str, halo: str | None) -> None:
        if halo is not None:
            gc = renderer.new_gc()
            gc.set_foreground(halo)
            gc.set_linewidth(3.0)
            gc.set_joinstyle("round")
            renderer.draw_path(gc, path, IdentityTransform(), None)
            gc.restore()
        gc = renderer.new_gc()
        gc.set_linewidth(0.0)
        gc.set_snap(False)
        renderer.draw_path(gc, path, IdentityTransform(), _rgb(color))
        gc.restore()


@functools.lru_cache(maxsize=64)
def _rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue

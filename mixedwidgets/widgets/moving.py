"""Read the animated artists of a figure as small arrays that a canvas can draw.

Matplotlib's own artists are asked to draw themselves, as for any backend, onto a renderer that
keeps what it is told instead of painting it. So whatever matplotlib can draw with lines, markers,
polygons, curves and text can move, and there is one source of truth for how it looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from mixedwidgets.errors import MixedWidgetsError

_CAPS = {"butt": "butt", "projecting": "square", "round": "round"}
_SVG = {int(Path.MOVETO): "M", int(Path.LINETO): "L", int(Path.CURVE3): "Q", int(Path.CURVE4): "C"}
_POINTS_PER_CODE = {
    int(Path.MOVETO): 1,
    int(Path.LINETO): 1,
    int(Path.CURVE3): 2,
    int(Path.CURVE4): 3,
}


@dataclass(frozen=True)
class Moving:
    """The moving layer of a figure, in pixels of the figure from its top left corner.

    Attributes
    ----------
    items : list of dict
        What to draw, bottom first; plain values that JSON can hold. ``item["kind"]`` is
        ``"lines"`` (polylines ``xy`` separated by a point that is not a number) or ``"shapes"``
        (SVG path data ``d``, placed at ``at``, optionally each with its own 2 x 2 ``matrix``).
        Lists of styles (``face``, ``edge``, ``width``, ``dash``) cycle over the pieces, as
        matplotlib's do. An array is given as ``[start, length]`` within ``data``.
    data : bytes
        All arrays one after another, little-endian float32.
    size : tuple of float
        Width and height of the figure in its pixels.
    axes : list of list of float
        Left, top, right and bottom of each axes, in the order of ``figure.axes``.
    """

    items: list[dict[str, Any]]
    data: bytes
    size: tuple[float, float]
    axes: list[list[float]]


def animated_artists(figure: Figure) -> list[tuple[int, Artist]]:
    """Return the animated artists of the axes of a figure, bottom first.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Only the direct children of its axes are looked at.

    Returns
    -------
    list of (int, Artist)
        The number of the axes in ``figure.axes`` and the artist, ordered by axes, then by zorder.
    """
    found: list[tuple[int, Artist]] = []
    for number, ax in enumerate(figure.axes):
        moving = [child for child in ax.get_children() if child.get_animated()]
        found += [(number, child) for child in sorted(moving, key=Artist.get_zorder)]
    return found


def read_moving(figure: Figure) -> Moving:
    """Read the animated artists of a figure that an Agg canvas has drawn at least once.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Read at its own dots per inch.

    Returns
    -------
    Moving

    Raises
    ------
    MixedWidgetsError
        An animated artist is an image or a Gouraud mesh, which have to stand.
    """
    recorder = _Recorder(figure)
    for number, artist in animated_artists(figure):
        recorder.owner = {"axes": number}
        if artist.get_gid() is not None:
            recorder.owner["gid"] = str(artist.get_gid())
        artist.draw(recorder)
    height = recorder.height
    boxes = [ax.bbox.extents for ax in figure.axes]
    return Moving(
        items=recorder.items,
        data=recorder.packed(),
        size=(recorder.width, height),
        axes=[
            [round(float(v), 3) for v in (x0, height - y1, x1, height - y0)]
            for x0, y0, x1, y1 in boxes
        ],
    )


class _Recorder(RendererBase):
    """A matplotlib renderer that keeps lines, markers, shapes and text as items and numbers."""

    def __init__(self, figure: Figure):
        super().__init__()
        canvas = figure.canvas
        agg = canvas if isinstance(canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
        self._agg = agg.get_renderer()
        self.width = float(int(self._agg.width))
        self.height = float(int(self._agg.height))
        self.dpi = figure.dpi
        self.owner: dict[str, Any] = {}
        self.items: list[dict[str, Any]] = []
        self._arrays: list[np.ndarray] = []
        self._count = 0
        self._down = Affine2D().scale(1.0, -1.0).translate(0.0, self.height)

    def packed(self) -> bytes:
        """All arrays put so far as little-endian float32."""
        return b"".join(array.tobytes() for array in self._arrays)

    # What matplotlib asks of a renderer.

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points * self.dpi / 72.0

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        # Measured by Agg, so that text stands where the whole drawing puts it.
        return self._agg.get_text_width_height_descent(s, prop, ismath)

    def draw_image(self, *args: Any, **kwargs: Any) -> None:
        raise _must_stand("An image")

    def draw_gouraud_triangles(self, *args: Any, **kwargs: Any) -> None:
        raise _must_stand("A Gouraud-shaded mesh")

    def draw_path(
        self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None
    ) -> None:
        width = self.points_to_pixels(gc.get_linewidth())
        clean = self._clean(path, transform + self._down, gc.get_snap(), width)
        style = self._style(gc, rgbFace)
        pieces = _split(clean)
        if pieces is not None and (len(pieces.starts) == 1 or "face" not in style):
            self._add_lines(gc, pieces, style)
        else:
            self._add_shapes(gc, [_svg(clean)], style, at=np.zeros((1, 2)))

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        # The browser does not have matplotlib's fonts: text is sent as outlines of its glyphs.
        size = self.points_to_pixels(prop.get_size_in_points())
        style = {"face": [_css(gc.get_rgb(), gc.get_alpha() if gc.get_forced_alpha() else None)]}
        at = np.array([[x, y]])
        self._add_shapes(gc, [_glyphs(s, prop.copy(), size, angle, ismath)], style, at=at)

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        width = self.points_to_pixels(gc.get_linewidth())
        shape = marker_trans + Affine2D().scale(1.0, -1.0)
        clean = self._clean(marker_path, shape, gc.get_snap() or False, width)
        at = (trans + self._down).transform(np.asarray(path.vertices, dtype=float))
        if gc.get_snap():
            at = np.floor(at + 0.5)
        self._add_shapes(gc, [_svg(clean)], self._style(gc, rgbFace), at=at)

    def draw_path_collection(
        self,
        gc: GraphicsContextBase,
        master_transform: Transform,
        paths: Sequence[Path],
        all_transforms: Any,
        offsets: Any,
        offset_trans: Transform,
        facecolors: Any,
        edgecolors: Any,
        linewidths: Any,
        linestyles: Any,
        *_rest: Any,
        **_hatchcolors: Any,
    ) -> None:
        if len(paths) == 0:
            return
        style = self._collection_style(gc, facecolors, edgecolors, linewidths, linestyles)
        offsets = np.ma.filled(np.ma.asarray(offsets, dtype=float), np.nan).reshape(-1, 2)
        if len(all_transforms) == 0 and _at_origin(offsets, offset_trans):
            self._add_placed(gc, master_transform, paths, style)
            return
        at = (offset_trans + self._down).transform(offsets)
        matrix = None
        if len(all_transforms):
            # With y pointing down a matrix [[a, c], [b, d]] becomes [[a, -c], [-b, d]].
            each = np.asarray(all_transforms)[:, :2, :2] * np.array([[1.0, -1.0], [-1.0, 1.0]])
            matrix = each.transpose(0, 2, 1).reshape(-1, 4)
        flip = master_transform + Affine2D().scale(1.0, -1.0)
        shapes = [_svg(self._clean(path, flip, False, 1.0)) for path in paths]
        self._add_shapes(gc, shapes, style, at=at, matrix=matrix)

    # How items are made.

    def _add_placed(
        self,
        gc: GraphicsContextBase,
        transform: Transform,
        paths: Sequence[Path],
        style: dict[str, Any],
    ) -> None:
        """Paths given in data coordinates: line collections, bands, contours."""
        width = style["width"][0] if "width" in style else 0.0
        down = transform + self._down
        compound = self._clean(Path.make_compound_path(*paths), down, gc.get_snap(), width)
        pieces = _split(compound)
        if pieces is not None and len(pieces.starts) == len(paths):
            self._add_lines(gc, pieces, style)
        else:
            shapes = [_svg(self._clean(path, down, gc.get_snap(), width)) for path in paths]
            self._add_shapes(gc, shapes, style, at=np.zeros((1, 2)))

    def _add_lines(self, gc: GraphicsContextBase, pieces: _Pieces, style: dict[str, Any]) -> None:
        if len(pieces.points):
            closed = {"closed": True} if pieces.closed else {}
            xy = self._put(pieces.separated())
            self._add(gc, {"kind": "lines", "xy": xy, **closed}, style)

    def _add_shapes(
        self,
        gc: GraphicsContextBase,
        shapes: list[str],
        style: dict[str, Any],
        at: np.ndarray,
        matrix: np.ndarray | None = None,
    ) -> None:
        if len(at) == 0 or not any(shapes):
            return
        item: dict[str, Any] = {"kind": "shapes", "d": shapes, "at": self._put(at)}
        if matrix is not None:
            item["matrix"] = self._put(matrix)
        self._add(gc, item, style)

    def _add(self, gc: GraphicsContextBase, item: dict[str, Any], style: dict[str, Any]) -> None:
        box = gc.get_clip_rectangle()
        if box is not None:
            x0, y0, x1, y1 = box.extents
            corners = (x0, self.height - y1, x1 - x0, y1 - y0)
            item["clip"] = [round(float(v), 3) for v in corners]
        path, transform = gc.get_clip_path()
        if path is not None and transform is not None:
            item["clip_d"] = _svg(self._clean(path, transform + self._down, False, 0.0))
        if gc.get_hatch():
            item["hatch"] = self._hatch(gc)
        self.items.append({**item, **style, **self.owner})

    def _put(self, array: np.ndarray) -> list[int]:
        numbers = np.ascontiguousarray(array, dtype="<f4").ravel()
        start = self._count
        self._arrays.append(numbers)
        self._count += len(numbers)
        return [start, len(numbers)]

    def _clean(self, path: Any, transform: Transform, snap: Any, width: float) -> Path:
        """Return the path in pixels, y down, snapped to pixels by the rules Agg itself uses."""
        return path.cleaned(
            transform=transform, remove_nans=True, snap=snap, stroke_width=width, curves=True
        )

    def _style(self, gc: GraphicsContextBase, face: Any) -> dict[str, Any]:
        alpha = gc.get_alpha() if gc.get_forced_alpha() else None
        style: dict[str, Any] = {}
        if face is not None and (len(face) < 4 or alpha is not None or face[3] > 0):
            style["face"] = [_css(face, alpha)]
        width = self.points_to_pixels(gc.get_linewidth())
        if width > 0:
            offset, dashes = gc.get_dashes()
            style |= self._stroke_ends(gc)
            style["edge"] = [_css(gc.get_rgb(), alpha)]
            style["width"] = [round(width, 3)]
            if dashes is not None:
                style["dash"] = [self._dash(offset, dashes)]
        return style

    def _collection_style(
        self, gc: GraphicsContextBase, faces: Any, edges: Any, widths: Any, dashes: Any
    ) -> dict[str, Any]:
        style: dict[str, Any] = {}
        if len(faces):
            style["face"] = [_css(face) for face in faces]
        if len(edges) and len(widths):
            style |= self._stroke_ends(gc)
            style["edge"] = [_css(edge) for edge in edges]
            style["width"] = [round(float(self.points_to_pixels(w)), 3) for w in widths]
            if any(pattern is not None for _, pattern in dashes):
                style["dash"] = [self._dash(*dash) for dash in dashes]
        return style

    def _stroke_ends(self, gc: GraphicsContextBase) -> dict[str, str]:
        return {"cap": _CAPS[str(gc.get_capstyle())], "join": str(gc.get_joinstyle())}

    def _dash(self, offset: float, pattern: Any) -> list[Any]:
        lengths = [] if pattern is None else [float(v) for v in pattern]
        scale = self.points_to_pixels(1.0)
        return [round(offset * scale, 3), [round(v * scale, 3) for v in lengths]]

    def _hatch(self, gc: GraphicsContextBase) -> dict[str, Any]:
        # Agg fills with a square tile of one inch that holds the hatch path, y down.
        tile = float(int(self.dpi))
        transform = Affine2D().scale(1.0, -1.0).translate(0.0, 1.0).scale(tile)
        return {
            "d": _svg(self._clean(gc.get_hatch_path(), transform, False, 0.0)),
            "tile": tile,
            "edge": _css(gc.get_hatch_color()),
            "width": round(self.points_to_pixels(gc.get_hatch_linewidth()), 3),
        }


@lru_cache(maxsize=512)
def _glyphs(text: str, prop: FontProperties, size: float, angle: float, math: Any) -> str:
    """Outlines of a text as SVG path data: `size` in pixels an em, `angle` in degrees."""
    vertices, codes = text_to_path.get_text_path(prop, text, ismath=math)
    if len(vertices) == 0:
        return ""
    em = size / text_to_path.FONT_SCALE
    place = Affine2D().scale(em).rotate_deg(angle).scale(1.0, -1.0)
    return _svg(Path(place.transform(vertices), codes))


@dataclass(frozen=True)
class _Pieces:
    """A path of straight segments only: points of shape (n, 2), where each piece starts."""

    points: np.ndarray
    starts: np.ndarray
    closed: bool

    def separated(self) -> np.ndarray:
        """Return the points with a row that is not a number after each piece."""
        ends = np.append(self.starts[1:], len(self.points))
        return np.insert(self.points, ends, np.nan, axis=0)


def _split(path: Path) -> _Pieces | None:
    """Return the straight pieces of a cleaned path, or None where it has curves."""
    codes = np.asarray(path.codes)
    if np.any((codes == Path.CURVE3) | (codes == Path.CURVE4)):
        return None
    point = (codes == Path.MOVETO) | (codes == Path.LINETO)
    starts = np.flatnonzero(codes[point] == Path.MOVETO)
    closings = int(np.count_nonzero(codes == Path.CLOSEPOLY))
    if closings not in (0, len(starts)):
        return None
    return _Pieces(np.asarray(path.vertices)[point], starts, closed=closings > 0)


def _svg(path: Path) -> str:
    """Write a cleaned path as SVG path data, in hundredths of a pixel."""
    parts: list[str] = []
    numbers = np.round(np.asarray(path.vertices), 2).tolist()
    codes = np.asarray(path.codes).tolist()
    i = 0
    while i < len(codes):
        code = codes[i]
        if code == Path.CLOSEPOLY:
            parts.append("Z")
        if code not in _SVG:
            i += 1
            continue
        count = _POINTS_PER_CODE[code]
        parts.append(_SVG[code] + " ".join(f"{x:g} {y:g}" for x, y in numbers[i : i + count]))
        i += count
    return "".join(parts)


def _css(color: Any, alpha: float | None = None) -> str:
    """Write a colour of 3 or 4 numbers in [0, 1] as #rrggbbaa."""
    opacity = alpha if alpha is not None else (color[3] if len(color) > 3 else 1.0)
    return "#" + bytes(round(255 * float(v)) for v in (*color[:3], opacity)).hex()


def _at_origin(offsets: np.ndarray, transform: Transform) -> bool:
    """Whether a collection draws its paths where they are, with no offset of their own."""
    return len(offsets) == 0 or (len(offsets) == 1 and not np.any(transform.transform(offsets)))


def _must_stand(what: str) -> MixedWidgetsError:
    return MixedWidgetsError(
        f"{what} cannot be a moving artist of a Picture; create it with animated=False and it is "
        "drawn in the standing layer."
    )

"""A matplotlib figure shown live: what stands is an image, what moves is drawn in the browser."""

from __future__ import annotations

import base64
import html
import io
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mixedwidgets.plots.paper import Paper
from mixedwidgets.widgets import png
from mixedwidgets.widgets.moving import animated_artists, read_moving

DPI = 100
"""Dots per inch at a pixel ratio of 1: a figure of 6.4 inches is 640 CSS pixels wide."""

HANDOVER = 0.0005
"""Seconds in which the thread that sends messages gets its turn before further work is done."""

EVENTS = ("down", "move", "up", "click", "hover", "leave", "key")
"""The kinds of pointer and key events that a picture can report."""


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


class Picture(anywidget.AnyWidget):
    """A figure in a box of fixed size with a standing and a moving layer.

    The standing layer is the figure drawn by matplotlib without its animated artists, sent as
    PNG. The moving layer is the animated artists (``animated=True`` when they are created), read
    off matplotlib as small arrays and drawn in the browser over the image. `draw` sends both,
    `move` the moving layer alone.

    Parameters
    ----------
    figure_size : (float, float)
        Width and height in inches of 100 CSS pixels.
    alt : str
        Text alternative of the picture: what it shows, in numbers.
    listen : sequence of str
        The kinds of events to report in `pointer`, of `EVENTS`. None by default: then the picture
        sends nothing and takes no keyboard focus. ``"key"`` makes it focusable.
    handles : dict of str to str
        Artists, by their gid, that follow the pointer in the browser at once while dragged, each
        with the directions in which it may go: ``"x"``, ``"y"`` or ``"xy"``. Their final place is
        the one the kernel gives them by `move`.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The figure now shown. Each `draw` that succeeds replaces it; the one before is wiped and
        drawn on again by the draw after.
    pointer : dict
        The last event; observe it. ``kind`` is one of `EVENTS`, ``seq`` counts up. ``axes`` is the
        number of the axes hit, or None, with ``x`` and ``y`` in its data coordinates; while the
        pointer is held down they belong to the axes it went down in and stay within them.
        ``artist`` is the gid of the moving artist hit, or None, and ``index`` the number of the
        marker or line within it. A key event has ``key`` (``"ArrowLeft"``, ``"Enter"`` ...) and
        ``shift``. Moves are merged when the kernel is busy, everything else is kept.
    seq : int
        The number of the picture last sent. The browser writes it to ``data-seq`` of the root
        element when that picture is on the screen.
    pixel_ratio : float
        Pixels of the image for each CSS pixel, reported by the browser.
    room : float
        Width in CSS pixels that the picture could have where it stands, reported by the browser;
        0 until it is known. Observe it to draw at another `figure_size`.
    page_theme : str
        ``"light"`` or ``"dark"``: the page where the picture stands, reported by the browser.
    """

    # Read as text: anywidget would keep every instance alive through a watched path.
    _esm = _file("canvas.js") + _file("picture.js")
    _css = _file("picture.css") + _file("explorer.css")

    alt = traitlets.Unicode().tag(sync=True)
    listen = traitlets.List(traitlets.Enum(EVENTS)).tag(sync=True)
    handles = traitlets.Dict(
        key_trait=traitlets.Unicode(), value_trait=traitlets.Enum(("x", "y", "xy"))
    ).tag(sync=True)
    pixel_ratio = traitlets.Float(1.0, min=0.25, max=3.0).tag(sync=True, echo_update=False)
    room = traitlets.Float(0.0).tag(sync=True, echo_update=False)
    page_theme = traitlets.Enum(("light", "dark"), "light").tag(sync=True, echo_update=False)
    pointer = traitlets.Dict()

    _standing = traitlets.Dict().tag(sync=True, echo_update=False)
    _moving = traitlets.Dict().tag(sync=True, echo_update=False)
    _seen = traitlets.Int(0).tag(sync=True, echo_update=False)

    def __init__(
        self,
        figure_size: tuple[float, float] = (6.4, 4.2),
        alt: str = "",
        listen: tuple[str, ...] | list[str] = (),
        handles: dict[str, str] | None = None,
        **kwargs: Any,
    ):
        super().__init__(alt=alt, listen=list(listen), handles=handles or {}, **kwargs)
        self.figure_size = figure_size
        self.seq = 0
        self._handled = 0
        self._lock = threading.RLock()
        self._spare: Paper | None = None
        self.figure: Paper = self._new_figure()
        self.refresh()
        self.on_msg(self._on_message)

    def draw(self, draw: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Draw a new figure with ``draw(figure, *args, **kwargs)`` and send both layers.

        When `draw` raises, the picture on the screen and `figure` stay as they are.

        Returns
        -------
        object
            Whatever `draw` returned, such as the artists to be moved later.
        """
        with self._lock:
            figure = self._new_figure()
            try:
                result = draw(figure, *args, **kwargs)
                before = self.figure
                self._render(figure)
            except Exception:
                self._spare = figure
                raise
            self._spare = before
            return result

    def refresh(self) -> None:
        """Render the figure anew and send both layers, after its standing artists changed."""
        with self._lock:
            self._render(self.figure)

    def move(self) -> None:
        """Read the animated artists anew and send the moving layer alone.

        Axes, limits and all standing artists must be as they were at the last `draw` or `refresh`.
        """
        with self._lock:
            self._moving = self._read_moving(self.figure, base=self._standing["seq"])

    def static_png(self, dpi: float = 2 * DPI) -> bytes:
        """Return the whole figure, moving artists included, as PNG.

        Parameters
        ----------
        dpi : float
            Dots per inch.
        """
        with self._lock:
            moving = [artist for _, artist in animated_artists(self.figure)]
            buffer = io.BytesIO()
            try:
                for artist in moving:
                    artist.set_animated(False)
                self.figure.savefig(buffer, format="png", dpi=dpi)
            finally:
                for artist in moving:
                    artist.set_animated(True)
            return buffer.getvalue()

    def static_html(self, dpi: float = 2 * DPI) -> str:
        """Return the whole figure as an HTML ``<img>`` with its text alternative.

        It needs no widget and no kernel: for saved notebooks, reports and front ends that have no
        anywidget (``ipywidgets.HTML(picture.static_html())``).

        Parameters
        ----------
        dpi : float
            Dots per inch.
        """
        width, height = self._css_size(self.figure)
        data = base64.b64encode(self.static_png(dpi)).decode("ascii")
        return (
            f'<img src="data:image/png;base64,{data}" alt="{html.escape(self.alt)}" '
            f'width="{width:g}" height="{height:g}" style="max-width: 100%; height: auto">'
        )

    def _new_figure(self) -> Paper:
        figure, self._spare = self._spare, None
        if figure is None:
            return Paper(figsize=self.figure_size, dpi=DPI * self.pixel_ratio)
        figure.wipe()
        figure.set_size_inches(self.figure_size)
        figure.set_dpi(DPI * self.pixel_ratio)
        return figure

    def _render(self, figure: Paper) -> None:
        """Render both layers, then put them in place in one message."""
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        base = self.seq + 1
        width, height = self._css_size(figure)
        standing = {
            "seq": base,
            "png": png.encode(np.asarray(canvas.buffer_rgba())),
            "size": [width, height],
            "background": to_hex(figure.get_facecolor()),
        }
        moving = self._read_moving(figure, base)
        self.figure = figure
        with self.hold_sync():
            self._standing = standing
            self._moving = moving
        time.sleep(HANDOVER)

    def _read_moving(self, figure: Figure, base: int) -> dict[str, Any]:
        layer = read_moving(figure)
        self.seq += 1
        return {
            "seq": self.seq,
            "base": base,
            "items": layer.items,
            "data": layer.data,
            "size": list(layer.size),
            "axes": layer.axes,
        }

    @staticmethod
    def _css_size(figure: Figure) -> tuple[float, float]:
        width, height = figure.get_size_inches()
        return round(float(width) * DPI, 3), round(float(height) * DPI, 3)

    @traitlets.observe("pixel_ratio")
    def _on_pixel_ratio_changed(self, change: Any) -> None:
        if hasattr(self, "figure"):
            with self._lock:
                self.figure.set_dpi(DPI * self.pixel_ratio)
                self._render(self.figure)

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        with self.hold_sync():  # the answer and that it is one, in one message
            try:
                for event in content.get("events", ()):
                    if event["seq"] > self._handled:
                        self._handled = event["seq"]
                        self.pointer = self._in_data_coordinates(event)
            finally:
                self._seen = self._handled

    def _in_data_coordinates(self, event: dict[str, Any]) -> dict[str, Any]:
        """Replace the place of an event, given in parts of the figure from its top left."""
        event = dict(event)
        place = event.pop("at", None)
        number = event.get("axes")
        if place is None or number is None or number >= len(self.figure.axes):
            return {**event, "axes": None, "x": None, "y": None}
        _, _, width, height = self.figure.bbox.extents
        pixels = (place[0] * width, (1.0 - place[1]) * height)
        x, y = self.figure.axes[number].transData.inverted().transform(pixels)
        return {**event, "x": float(x), "y": float(y)}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        width, height = self._css_size(self.figure)
        data["text/plain"] = self.alt or repr(self)
        data["text/html"] = self.static_html()
        data["image/png"] = base64.b64encode(self.static_png()).decode("ascii")
        return data, {**metadata, "image/png": {"width": width, "height": height}}

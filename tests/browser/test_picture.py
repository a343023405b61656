"""A Picture in JupyterLab: its layers agree, it follows, and it tells what the pointer does."""

from __future__ import annotations

import io
import json
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MANY = Path(__file__).parent / "many_artists.py"

POINTER = """
import json, time
import ipywidgets as widgets
from mixedwidgets.widgets.picture import Picture

def draw(figure, title="One point"):
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    ax.set(xlim=(0, 10), ylim=(0, 10), title=title)
    return ax.plot([5], [5], "o", ms=12, color="red", animated=True, gid="point")[0]

picture = Picture((6, 4), alt="One point", listen=LISTEN, handles={"point": "xy"})
point = picture.draw(draw)
told = widgets.HTML("[]")
events = []

def on_pointer(change):
    event = change["new"]
    events.append(event)
    if event["kind"] in ("down", "move", "up") and event["x"] is not None:
        point.set_data([event["x"]], [event["y"]])
        picture.move()
    told.value = json.dumps(events)
    time.sleep(SLOW)

picture.observe(on_pointer, "pointer")
widgets.VBox([picture, told], layout=widgets.Layout(width=WIDTH))
"""


def pointer_cell(listen: tuple[str, ...], slow: float = 0.0, width: str = "auto") -> str:
    cell = POINTER.replace("LISTEN", repr(listen)).replace("SLOW", repr(slow))
    return cell.replace("WIDTH", repr(width))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def difference(shown: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Largest difference of a channel at each pixel, at the best offset of a whole screenshot.

    A screenshot of an element that does not begin at a whole pixel has a border of another.
    """
    height, width, _ = expected.shape
    shifts = [
        np.abs(shown[y : y + height, x : x + width] - expected).max(axis=2)
        for y in range(shown.shape[0] - height + 1)
        for x in range(shown.shape[1] - width + 1)
    ]
    return min(shifts, key=np.mean)


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.02)
    return value


def told(lab) -> list[dict]:
    text = lab.page.locator(".widget-html-content").inner_text()
    return json.loads(text or "[]")


def place(element, x: float, y: float) -> tuple[float, float]:
    """Where a point in data coordinates of `POINTER` is on the page."""
    box = element.bounding_box()
    return (
        box["x"] + box["width"] * (0.1 + 0.08 * x),
        box["y"] + box["height"] * (0.9 - 0.08 * y),
    )


def red_at(element, x: float, y: float) -> bool:
    """Whether the pixel of the canvas at a place of the figure (0 to 1) is the red point's."""
    r, g, b, _ = element.evaluate(
        """(root, [x, y]) => {
          const canvas = root.querySelector("canvas");
          const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1];
          return [...canvas.getContext("2d").getImageData(...at).data];
        }""",
        [x, y],
    )
    return r > 200 and g < 60 and b < 60


@pytest.mark.parametrize("ratio", [1, 2])
def test_both_layers_together_are_the_whole_drawing(open_lab, artifacts, ratio):
    lab = open_lab([MANY.read_text(), "picture"], ratio=ratio, height=1000)
    lab.hide_sidebar()
    element = lab.picture(seq=2 if ratio == 1 else 3)
    element.screenshot(path=artifacts / f"picture-{ratio}x.png")
    whole = runpy.run_path(str(MANY))["picture"].static_png(100 * ratio)
    away = difference(pixels(element.screenshot()), pixels(whole))
    # Edges are smoothed a little differently and glyphs are not hinted; nothing is displaced.
    assert away.mean() < 1.0
    assert (away > 100).mean() < 0.002
    assert element.locator("img").get_attribute("alt") == "Two axes with lines and shapes"
    assert lab.errors == []


def test_a_plain_picture_is_not_in_the_way(open_lab):
    lab = open_lab([MANY.read_text(), "picture"])
    element = lab.picture(seq=2)
    assert element.get_attribute("tabindex") is None
    element.click()
    element.hover()
    assert element.evaluate("root => root.style.touchAction + root.style.cursor") == ""


def test_box_never_moves_and_is_never_blank_while_drawing(open_lab):
    cells = [
        pointer_cell(()),
        "for i in range(30):\n    picture.draw(draw, f'Picture {i}')\n    time.sleep(0.03)",
    ]
    lab = open_lab(cells[:1])
    element = lab.picture(seq=2)
    seen = lab.page.evaluate_handle(
        """() => {
          const seen = { heights: new Set(), blank: 0, shown: new Set() };
          const root = document.querySelector(".mixedwidgets-picture");
          const canvas = root.querySelector("canvas");
          const look = () => {
            const { width, height } = canvas;
            const at = canvas.getContext("2d").getImageData(width / 10 | 0, height / 2 | 0, 3, 1);
            const dark = [0, 4, 8].some((i) => at.data[i + 3] === 255 && at.data[i] < 128);
            if (!dark) seen.blank += 1; // the left spine of the axes
            seen.heights.add(root.getBoundingClientRect().height);
            seen.shown.add(root.dataset.seq);
            requestAnimationFrame(look);
          };
          look();
          return seen;
        }"""
    )
    lab.run_code(cells[1])
    lab.picture(seq=32)
    heights, blank, shown = seen.evaluate("s => [[...s.heights], s.blank, s.shown.size]")
    assert heights == [element.bounding_box()["height"]]
    assert blank == 0
    assert shown > 5
    assert lab.errors == []


def test_pointer_is_told_in_data_coordinates(open_lab):
    lab = open_lab([pointer_cell(("down", "up", "click", "leave"))])
    element = lab.picture(seq=2)
    lab.page.mouse.click(*place(element, 5, 5))
    lab.page.mouse.click(*place(element, 2, 7.5))
    box = element.bounding_box()
    lab.page.mouse.click(box["x"] + 3, box["y"] + 3)
    lab.page.mouse.move(box["x"] + 3, box["y"] - 30)
    events = wait_for(lambda: (e := told(lab)) and e[-1]["kind"] == "leave" and e)
    assert [event["kind"] for event in events] == ["down", "up", "click"] * 3 + ["leave"]
    assert (events[0]["artist"], events[0]["index"]) == ("point", 0)
    assert (events[0]["x"], events[0]["y"]) == pytest.approx((5, 5), abs=0.1)
    assert events[3]["artist"] is None
    assert (events[5]["x"], events[5]["y"]) == pytest.approx((2, 7.5), abs=0.1)
    assert (events[6]["axes"], events[6]["x"]) == (None, None)
    assert [event["seq"] for event in events] == list(range(1, 11))
    assert lab.errors == []


def test_a_dragged_handle_does_not_wait_for_the_kernel(open_lab):
    lab = open_lab([pointer_cell(("down", "move", "up"), slow=0.3)])
    element = lab.picture(seq=2)
    lab.page.mouse.move(*place(element, 5, 5))
    lab.page.mouse.down()
    for step in range(1, 21):
        lab.page.mouse.move(*place(element, 5 + step / 10, 5))
    assert red_at(element, 0.1 + 0.08 * 7, 0.5)
    assert not red_at(element, 0.5, 0.5)
    lab.page.mouse.move(*place(element, 30, 5))
    lab.page.mouse.up()
    assert red_at(element, 0.895, 0.5)
    events = wait_for(lambda: (e := told(lab)) and e[-1]["kind"] == "up" and e)
    kinds = [event["kind"] for event in events]
    assert (kinds[0], kinds[-1]) == ("down", "up")
    assert set(kinds[1:-1]) == {"move"}
    assert len(kinds) < 15
    assert (events[-1]["x"], events[-1]["y"]) == pytest.approx((10, 5), abs=0.1)
    assert red_at(element, 0.895, 0.5)
    assert lab.errors == []


def test_clicks_are_never_lost_while_the_kernel_is_busy(open_lab):
    lab = open_lab([pointer_cell(("down", "hover"), slow=0.1)])
    element = lab.picture(seq=2)
    for x in range(10):
        lab.page.mouse.move(*place(element, x, 2))
        lab.page.mouse.move(*place(element, x + 0.5, 2))
        lab.page.mouse.down()
        lab.page.mouse.up()
    events = wait_for(lambda: (e := told(lab)) and sum(d["kind"] == "down" for d in e) == 10 and e)
    downs = [event["x"] for event in events if event["kind"] == "down"]
    np.testing.assert_allclose(downs, np.arange(10) + 0.5, atol=0.1)


def test_keys_are_told_and_kept_from_the_notebook(open_lab):
    lab = open_lab([pointer_cell(("key",)), "'second cell'"])
    element = lab.picture(seq=2)
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    element.focus()
    for key in ("ArrowRight", "Shift+ArrowUp", "Enter", "a"):
        lab.page.keyboard.press(key)
    events = wait_for(lambda: len(e := told(lab)) == 3 and e)
    assert [(e["key"], e["shift"]) for e in events] == [
        ("ArrowRight", False),
        ("ArrowUp", True),
        ("Enter", False),
    ]
    assert lab.page.evaluate(active) == 0
    assert lab.page.locator(".jp-Notebook .jp-CodeCell").count() == 2
    assert element.get_attribute("aria-label") == "One point"
    assert element.evaluate("root => getComputedStyle(root).outlineStyle") == "solid"


def test_a_narrow_place_scales_the_picture_and_its_pointer(open_lab):
    lab = open_lab([pointer_cell(("click",), width="330px")])
    element = lab.picture(seq=3)
    box = element.bounding_box()
    assert box["width"] <= 330
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.01)
    lab.page.mouse.click(*place(element, 5, 5))
    (event,) = wait_for(lambda: told(lab))
    assert event["artist"] == "point"
    assert (event["x"], event["y"]) == pytest.approx((5, 5), abs=0.1)
    png = lab.page.evaluate(
        "() => document.querySelector('.mixedwidgets-picture img').naturalWidth"
    )
    assert png == round(box["width"])


def test_a_notebook_saved_with_widget_state_shows_its_picture_again(open_lab, lab_server):
    # So tall that the output is in view: JupyterLab may leave out what is not.
    lab = open_lab([MANY.read_text(), "picture"], height=1600)
    before = pixels(lab.picture(seq=2).screenshot())
    path = lab.save(widgets=True)
    lab_server.stop_kernels()
    again = open_lab(lab_server.notebooks / path, run=False, height=1600)
    away = difference(pixels(again.picture(seq=2).screenshot()), before)
    assert away.max() == 0
    assert again.errors == []

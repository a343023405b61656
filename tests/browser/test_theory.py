"""The widgets of theory in JupyterLab: what a mouse and a keyboard do to them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

START = """
import json
import ipywidgets as ipw
import numpy as np
import mixedwidgets as mw

def where(axes, x, y):
    figure = widget.picture.figure
    across, up = figure.axes[axes].transData.transform((x, y))
    return [across / figure.bbox.width, 1 - up / figure.bbox.height]

told = ipw.HTML("")
"""
SHOW = "\nipw.VBox([widget, told])"
BINOMIAL = "widget = mw.BinomialLikelihood(30, 5, compare=(300, 50))"
SCHOOLS = """d = mw.load("schools")
widget = mw.OneWayExplorer(d["mscore"], d["school"])"""
NEWTON = """def loglik(theta, k, n):
    return k * np.log(theta) + (n - k) * np.log(1 - theta)

widget = mw.MaximumLikelihood(loglik, 0.04, bounds=(0, 1), data={"k": 5, "n": 30})"""


class Shown:
    """A widget on the page, and its twin in the kernel."""

    def __init__(self, lab: Any):
        lab.hide_sidebar()
        self.lab, self.page = lab, lab.page
        self.root = lab.page.locator(".mixedwidgets-theory")
        self.picture = lab.picture(0, 1)
        self._asked = 0
        self.picture.scroll_into_view_if_needed()
        self.page.wait_for_timeout(800)  # the width of the page has been told and drawn

    def ask(self, expression: str) -> Any:
        """What an expression is in the kernel."""
        self._asked += 1
        self.lab.run_code(f"told.value = json.dumps([{self._asked}, {expression}])")
        mark = f"[{self._asked},"
        told = self.page.locator(".widget-html-content", has_text=mark).last
        told.wait_for()
        return json.loads(told.inner_text())[1]

    def place(self, axes: int, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data is on the page."""
        across, down = self.ask(f"where({axes}, {x!r}, {y!r})")
        box = self.picture.bounding_box()
        return box["x"] + box["width"] * across, box["y"] + box["height"] * down

    def drag(self, start: tuple[float, float], stop: tuple[float, float], steps: int = 12) -> int:
        """Drag slowly enough for a hand; return how many pictures came on the way."""
        before = int(self.picture.get_attribute("data-seq") or 0)
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for i in range(1, steps + 1):
            share = i / steps
            x, y = (a + share * (b - a) for a, b in zip(start, stop, strict=True))
            self.page.mouse.move(x, y)
            self.page.wait_for_timeout(25)
        self.page.mouse.up()
        self.page.wait_for_timeout(300)
        return int(self.picture.get_attribute("data-seq") or 0) - before

    def words(self) -> str:
        return self.root.get_by_role("status").first.inner_text()


def wait_for(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.05)
    return value


@pytest.fixture
def shown(open_lab: Any) -> Callable[[str], Shown]:
    def show(cell: str) -> Shown:
        return Shown(open_lab([START + cell + SHOW], width=1280, height=1100))

    return show


def test_binomial_point_is_dragged_put_back_and_moved_by_keys(shown: Any) -> None:
    widget = shown(BINOMIAL)
    start, stop = widget.place(0, 1 / 6, 0.0), widget.place(0, 0.3, -3.0)
    assert widget.drag(start, stop) >= 4
    theta = widget.ask("widget.theta")
    assert theta == pytest.approx(0.3, abs=0.003)
    assert widget.words().startswith(f"θ = {theta:.4f}"[:7])
    assert widget.picture.locator("img").get_attribute("alt").startswith("θ = 0.")
    widget.page.mouse.click(*widget.place(0, 0.6, -4.0))
    wait_for(lambda: "the maximum" in widget.words().split(":")[0])
    assert widget.ask("widget.theta") is None
    widget.picture.focus()
    for _ in range(3):
        widget.page.keyboard.press("ArrowRight")
    wait_for(lambda: widget.words().startswith("θ = 0.181"))
    assert widget.ask("widget.theta") == pytest.approx(1 / 6 + 0.015)
    widget.page.mouse.click(*widget.place(1, 0.6, 0.0))
    assert wait_for(lambda: widget.ask("widget.interval") == "wald")
    box = widget.root.get_by_label("n", exact=True)
    box.fill("60")
    box.press("Enter")
    wait_for(lambda: widget.ask("widget.n") == 60)
    assert widget.ask("widget.error") is None
    assert widget.lab.errors == []


def test_schools_follow_a_drag_on_the_surface(shown: Any) -> None:
    widget = shown(SCHOOLS)
    best = widget.ask("[widget.mu, widget.sigma, widget.tau]")
    assert best == widget.ask("list(widget.table.best)")  # no slider has changed them
    start, stop = widget.place(3, best[1], best[2]), widget.place(3, 8.45, 5.2)
    assert widget.drag(start, stop, steps=20) >= 8
    sigma, tau = wait_for(lambda: widget.ask("[widget.sigma, widget.tau]"))
    assert (sigma, tau) == (pytest.approx(8.45, abs=0.01), pytest.approx(5.2, abs=0.03))
    assert widget.ask("widget.mu") == best[0]
    assert f"σ = {sigma:.3f}" in widget.words()
    widget.root.get_by_role("button", name="To the method of moments").click()
    wait_for(lambda: "τ = 4.735" in widget.words())
    box = widget.root.get_by_label("τ", exact=True)
    box.fill("0")
    box.press("Enter")
    wait_for(lambda: "own mean counts 0.00" in widget.words())
    widget.picture.focus()
    widget.page.keyboard.press("Home")
    wait_for(lambda: "the maximum" in widget.words())
    assert widget.ask("[widget.mu, widget.sigma, widget.tau]") == best
    widget.root.get_by_label("Order by").select_option("contribution now")
    wait_for(lambda: widget.ask("widget.order") == "contribution")
    assert widget.ask("widget.error") is None
    assert widget.lab.errors == []


def test_newton_is_walked_through_and_started_elsewhere(shown: Any) -> None:
    widget = shown(NEWTON)
    widget.picture.focus()
    widget.page.keyboard.press("ArrowRight")
    wait_for(lambda: widget.words().startswith("Step 1 of 6"))
    widget.page.keyboard.press("End")
    wait_for(lambda: "the maximum" in widget.words())
    height = widget.ask("widget.steps[0].value - widget.table.top")
    start, stop = widget.place(0, 0.04, height), widget.place(0, 0.5, -7.0)
    widget.drag(start, stop)
    begin = widget.ask("widget.begin[0]")
    assert begin == pytest.approx(0.5, abs=0.005)
    box = widget.root.get_by_label("theta", exact=True)
    assert float(box.input_value()) == pytest.approx(begin, abs=1e-6)
    box.fill("0.3")
    box.press("Enter")
    wait_for(lambda: widget.ask("widget.begin[0]") == 0.3)
    widget.page.mouse.click(*widget.place(0, 0.3, -4.0))
    wait_for(lambda: widget.ask("widget.begin[0]") == 0.04)
    widget.lab.run_code("widget.loglik = lambda theta, k, n: 1 / 0")
    alert = widget.root.get_by_role("alert")
    alert.wait_for()
    assert "ZeroDivisionError" in alert.inner_text()
    assert "Traceback" not in widget.root.inner_text()
    assert widget.lab.errors == []


def test_a_reader_without_widgets_sees_the_picture_and_the_words(open_lab: Any) -> None:
    lab = open_lab(["import mixedwidgets as mw\n" + BINOMIAL, "widget"])
    lab.picture(0, 1)
    copy = lab.page.locator(".mixedwidgets-keepsake")
    assert copy.count() == 1
    assert not copy.is_visible()
    assert "50 ones among 300" in copy.locator("img").get_attribute("alt")

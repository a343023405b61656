"""The lecture's notebooks in JupyterLab: all cells run, and every live picture answers a hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab import PICTURE, LabPage
from playwright.sync_api import Locator

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9][0-9]-*.ipynb"))
# No model is asked whether it is idle: an answer that comes within this time is quick enough.
PATIENCE = 250  # ms

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_every_widget_can_be_touched(
    path: Path, open_lab: Callable[..., LabPage], artifacts: Path
) -> None:
    lab = open_lab(path, height=1400)
    lab.hide_sidebar()
    lab.picture()
    pictures = lab.page.locator(f"{PICTURE}:visible")
    assert pictures.count() >= 1
    moved = [touch(lab, pictures.nth(i)) for i in range(pictures.count())]
    sliders = lab.page.locator(".widget-slider [role=slider]:visible")
    moved += [nudge(lab, sliders.nth(i)) for i in range(sliders.count())]
    assert any(moved)
    lab.page.screenshot(path=artifacts / f"lecture-{path.stem}.png")
    alerts = lab.page.locator('[role="alert"]:visible').all_inner_texts()
    assert [text for text in alerts if text.strip()] == []
    assert lab.page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert lab.page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert lab.errors == []


def touch(lab: LabPage, picture: Locator) -> bool:
    """Drag from the middle of a picture and press an arrow key; whether it was drawn again."""
    picture.scroll_into_view_if_needed()
    before = picture.get_attribute("data-seq")
    box = picture.bounding_box()
    assert box is not None
    x, y = box["x"] + 0.45 * box["width"], box["y"] + 0.45 * box["height"]
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 30, y - 15, steps=3)
    lab.page.mouse.up()
    lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_timeout(PATIENCE)
    return picture.get_attribute("data-seq") != before


def nudge(lab: LabPage, slider: Locator) -> bool:
    """Move a slider by an arrow key; whether it has another value."""
    slider.scroll_into_view_if_needed()
    before = slider.get_attribute("aria-valuenow")
    slider.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_timeout(PATIENCE)
    return slider.get_attribute("aria-valuenow") != before

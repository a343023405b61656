"""The widgets beside the explorer in Notebook 7 and Voila: theory, and a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from explorer_page import wait_for
from test_places import complaints

import mixedwidgets as mw

THEORY = """
import mixedwidgets as mw

coin = mw.BinomialLikelihood(30, 5)
coin
"""
GROUPS = 'data = mw.load("wheat")\nmw.OneWayExplorer(data["yield"], data["region"])'
ANY = """
import numpy as np

def loglik(theta, k, n):
    return k * np.log(theta) + (n - k) * np.log(1 - theta)

mw.MaximumLikelihood(loglik, 0.04, bounds=(0, 1), data={"k": 5, "n": 30})
"""
OWN = "mw.OwnData()"


@pytest.mark.parametrize("app", ["notebook", "voila"])
def test_they_live_there_too(open_lab: Any, artifacts: Path, tmp_path: Path, app: str) -> None:
    lab = open_lab([THEORY, GROUPS, ANY, OWN], width=1300, height=1200, app=app)
    page = lab.page
    theory = page.locator(".mixedwidgets-theory")
    wait_for(lambda: theory.count() == 3, "three widgets of theory")
    for number in range(3):
        theory.nth(number).scroll_into_view_if_needed()
        picture = theory.nth(number).locator(".mixedwidgets-picture").first
        wait_for(lambda p=picture: int(p.get_attribute("data-seq") or 0) > 0, "its picture")
    drag_the_first(page, theory.first)

    path = tmp_path / "machines.csv"
    mw.load("machines").to_csv(path, index=False)
    page.locator(".mixedwidgets-upload input[type=file]").set_input_files([path])
    wait_for(lambda: page.locator(".mixedwidgets-explorer").count() == 1, "the explorer")
    formula = page.get_by_label("Formula", exact=True)
    wait_for(lambda: formula.input_value() == "score ~ 1 + (1 | Worker)", "the model")
    page.screenshot(path=artifacts / f"others-{app}.png", full_page=True)
    assert complaints(lab, app) == []


def drag_the_first(page: Any, coin: Any) -> None:
    """A drag across the likelihood of a proportion is followed by what is said of it."""
    said = coin.get_by_role("status").first
    before = said.inner_text()
    picture = coin.locator(".mixedwidgets-picture").first
    picture.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = picture.bounding_box()
    middle = box["y"] + 0.5 * box["height"]
    page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=8)
    page.mouse.up()
    wait_for(lambda: said.inner_text() != before, "words about another place")

"""A Picture in JupyterLab: its layers agree, it follows, and it tells what the pointer does."""

from __future__ import annotations

from pathlib import Path

PICTURE = Path(__file__).parent / "many_artists.py"


def test_shows(open_lab, artifacts):
    lab = open_lab([PICTURE.read_text(), "picture"])
    element = lab.picture()
    element.screenshot(path=artifacts / "picture.png")
    lab.page.screenshot(path=artifacts / "page.png")
    assert lab.errors == []

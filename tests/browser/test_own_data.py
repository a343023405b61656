"""A file from the reader's computer, in JupyterLab: chosen, refused, mended and explored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer_page import wait_for

import mixedwidgets as mw

CELL = "import mixedwidgets as mw\n\nown = mw.OwnData(most=25)\nown"
SAID = ".mixedwidgets-own-data [role=status]"


def choose(lab: Any, *paths: Path) -> None:
    lab.page.locator(".mixedwidgets-upload input[type=file]").set_input_files(list(paths))


def test_a_file_is_chosen_refused_mended_and_explored(
    open_lab: Any, artifacts: Path, tmp_path: Path
) -> None:
    lab = open_lab([CELL], width=1280, height=1500)
    lab.hide_sidebar()
    page = lab.page
    field = page.get_by_label("A table from your computer")
    field.wait_for()

    bad = tmp_path / "classes.csv"
    bad.write_bytes(b"class;score\na;1,5\na;2,5;9\n")
    choose(lab, bad)
    alert = page.locator(".mixedwidgets-own-data [role=alert]")
    alert.wait_for()
    assert "Line 3 of classes.csv has 3 values" in alert.inner_text()
    assert page.locator(".mixedwidgets-explorer").count() == 0

    machines = mw.load("machines")
    bad.write_bytes(machines.to_csv(index=False, sep=";", decimal=",").encode("utf-8-sig"))
    choose(lab, bad)  # the same name, mended
    wait_for(lambda: page.locator(".mixedwidgets-explorer").count() == 1, "the explorer")
    assert alert.count() == 0
    said = page.locator(SAID).filter(has_text="54 rows and 3 columns").inner_text()
    assert "divided by semicolons, with decimal commas" in said
    lab.picture(seq=2)
    assert lab.ask("own.explorer.formula") == "score ~ 1 + (1 | Worker)"
    assert lab.ask("own.data['score'].tolist()") == machines["score"].tolist()
    page.screenshot(path=artifacts / "own-data.png")

    page.get_by_role("tab", name="Code", exact=True).click()
    script = page.get_by_text("pd.read_csv('classes.csv'").inner_text()
    assert "sep=';'" in script
    assert "decimal=','" in script
    assert lab.ask("own.error or own.explorer.error") is None
    assert lab.errors == []


def test_a_large_file_arrives_and_a_larger_one_is_not_sent(open_lab: Any, tmp_path: Path) -> None:
    """Jupyter's server closes the connection on a message of more than 10 MB."""
    lab = open_lab([CELL])
    page = lab.page
    page.get_by_label("A table from your computer").wait_for()
    large = tmp_path / "large.csv"
    large.write_bytes(b"g,y,note\n" + b"a,1,%s\nb,2,%s\n" % (b"x" * 5990, b"y" * 5990) * 1000)
    choose(lab, large)
    wait_for(lambda: "2,000 rows" in "".join(page.locator(SAID).all_inner_texts()), "data", 30)
    assert lab.ask("own.data['y'].sum().item()") == 3000

    larger = tmp_path / "larger.csv"
    with larger.open("wb") as file:
        file.truncate(40_000_000)
    choose(lab, larger)
    alert = page.locator(".mixedwidgets-own-data > * [role=alert]").first
    wait_for(lambda: alert.count() and "40.0 MB and at most 25" in alert.inner_text(), "a refusal")
    assert lab.ask("own.name") == "large.csv"
    assert lab.errors == []


def test_a_file_is_dropped(open_lab: Any) -> None:
    lab = open_lab([CELL])
    page = lab.page
    page.get_by_label("A table from your computer").wait_for()
    transfer = page.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["g,y\\na,1\\na,2\\nb,3\\nb,5\\n"], "drop.csv"));
          return transfer;
        }"""
    )
    page.dispatch_event(".mixedwidgets-upload > div", "drop", {"dataTransfer": transfer})
    wait_for(lambda: "4 rows" in "".join(page.locator(SAID).all_inner_texts()), "the data")
    assert lab.ask("own.name") == "drop.csv"
    assert lab.errors == []

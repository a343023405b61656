"""The explorer in JupyterLab, by real clicks: what is on the screen is the model chosen."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import mixedwidgets as mw
from mixedwidgets.lmm.intervals import wald_table, with_profiles
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.surface import surface
from mixedwidgets.plots import intervals as intervals_plot
from mixedwidgets.plots import shrinkage as shrinkage_plot
from mixedwidgets.plots import surface as surface_plot

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "explore.ipynb"
START = "mscore ~ flp + enroll + ses + (ses | school)"
# Mean differences of colours, of 255.
SAME = 0.3
SMALL_CIRCLES = 2.0  # a canvas smooths 684 of them differently
OTHER = 0.5  # pictures of two models differ by more, also by one weak fixed effect

FEW_ROWS = """
import numpy as np
import pandas as pd
import mixedwidgets as mw

random = np.random.default_rng(2)
data = pd.DataFrame({"y": random.normal(size=60), "x": random.normal(size=60)})
data["f"] = [f"f{i}" for i in random.integers(0, 4, 60)]
data["g"] = np.repeat(np.arange(20), 3)
explorer = mw.explore(data, "y", "g", ["x"])
explorer
"""


# ---- the explorer on the page


class Page:
    """What a person sees of the explorer, and can click on."""

    def __init__(self, lab: Any):
        lab.hide_sidebar()
        self.lab = lab
        self.root = lab.page.locator(".mixedwidgets-explorer")
        self.picture = self.root.locator(".mixedwidgets-picture:visible")
        self.picture.wait_for()
        self.picture.scroll_into_view_if_needed()

    def formula(self) -> str:
        return self.root.locator("code.mixedwidgets-formula").inner_text()

    def seq(self) -> int:
        return int(self.picture.get_attribute("data-seq") or 0)

    def dropdown(self, label: str) -> Any:
        return self.root.get_by_label(label, exact=True)

    def fixed(self, name: str) -> Any:
        return self.root.get_by_role("checkbox", name=name, exact=True).first

    def slope(self, name: str) -> Any:
        return self.root.get_by_role("checkbox", name=name, exact=True).last

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> Any:
        return self.root.get_by_role("tab", name=name)

    def pixels(self) -> np.ndarray:
        png = self.picture.screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def painted(self) -> str:
        """Everything on the canvas, exactly."""
        return self.picture.locator("canvas").evaluate("canvas => canvas.toDataURL()")

    def settled(self) -> str:
        """Wait until nothing has been painted for half a second; return what is painted."""
        seen, since = self.painted(), time.monotonic()
        while time.monotonic() < since + 0.5:
            self.lab.page.wait_for_timeout(50)
            if (now := self.painted()) != seen:
                seen, since = now, time.monotonic()
        return seen

    def table(self, caption: str) -> list[list[str]]:
        """The texts of the cells of a table of the fit, row by row, its head left out."""
        return self.root.locator(
            "table", has=self.lab.page.get_by_text(caption, exact=True)
        ).evaluate(
            "table => [...table.tBodies].flatMap((body) => [...body.rows].map((row) =>"
            " [...row.cells].map((cell) => cell.textContent.trim())))"
        )

    @contextmanager
    def nothing_jumps(self) -> Iterator[None]:
        """Look at every frame where the tab and the picture are within the explorer."""
        watch = self.root.evaluate_handle(
            """(root) => {
              const watch = { seen: new Set(), frames: 0, on: true };
              const look = () => {
                const { x, y, width } = root.getBoundingClientRect();
                const shown = [...root.querySelectorAll(".mixedwidgets-picture")].find(
                  (picture) => picture.checkVisibility()
                );
                const boxes = [root.querySelector(".widget-tab"), shown].map((element) => {
                  const box = element?.getBoundingClientRect();
                  return box && [box.x - x, box.y - y, box.width, box.height];
                });
                watch.seen.add(JSON.stringify([width, boxes]));
                watch.frames += 1;
                if (watch.on) requestAnimationFrame(look);
              };
              look();
              return watch;
            }"""
        )
        yield
        seen, frames = watch.evaluate("w => (w.on = false, [[...w.seen], w.frames])")
        assert frames > 2
        assert len(seen) == 1, seen


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.03)
    return value


# ---- what should be there


def fitted(formula: str, reml: bool = False) -> mw.Fit:
    return mw.lmer(formula, mw.load("schools"), REML=reml)


def likelihood(fit: mw.Fit, kind: str = "profile") -> tuple[Any, Any]:
    spread = [p for p in fit.parameters if p.kind in ("sd", "sigma")]
    return surface_plot, surface(fit.design, fit.estimate, *spread[:2], kind)


def intervals(fit: mw.Fit) -> tuple[Any, Any]:
    estimate = fit.likelihood_estimate
    *_, last = with_profiles(fit.design, estimate, wald_table(fit.design, estimate))
    return intervals_plot, last


def shrunken(fit: mw.Fit) -> tuple[Any, Any]:
    return shrinkage_plot, shrinkage(fit.design, fit.estimate)


def drawn(page: Page, view: tuple[Any, Any]) -> np.ndarray:
    """A table drawn by matplotlib alone, as large as the picture on the page."""
    plot, table = view
    box = page.picture.bounding_box()
    figure = Figure((round(box["width"]) / 100, round(box["height"]) / 100), dpi=100)
    plot.draw(figure, table, animated=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)


def difference(shown: np.ndarray, expected: np.ndarray) -> float:
    """Mean difference at the best offset: a place between pixels gives a screenshot a border."""
    height, width, _ = expected.shape
    rows, columns = shown.shape[0] - height, shown.shape[1] - width
    if min(rows, columns) < 0:  # it was about to get another size
        return float("inf")
    return min(
        float(np.abs(shown[y : y + height, x : x + width] - expected).max(axis=2).mean())
        for y in range(rows + 1)
        for x in range(columns + 1)
    )


def shows(page: Page, view: tuple[Any, Any], same: float = SAME) -> np.ndarray:
    """Wait until the picture on the screen is this view; return its pixels."""
    away = float("inf")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        pixels = page.pixels()
        away = difference(pixels, drawn(page, view))
        if away < same:
            return pixels
    raise AssertionError(f"the picture is off by {away:.2f}")


def check_numbers(page: Page, fit: mw.Fit) -> None:
    """Compare the numbers of the table on the page with those of a fit."""
    rows = page.table("Fixed effects")
    assert [row[0] for row in rows] == list(fit.fixef.index)
    numbers = np.array([[float(cell) for cell in row[1:]] for row in rows])
    np.testing.assert_allclose(numbers[:, 0], fit.fixef, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(numbers[:, 1], fit.se, rtol=2e-4, atol=1e-6)
    spread = fit.varcorr()
    sds = spread[spread["var2"].isna()]["sdcor"].to_numpy()
    shown = [
        [float(cell) for cell in row if cell.replace(".", "").replace("-", "").isdigit()]
        for row in page.table("Random effects")
    ]
    np.testing.assert_allclose([row[1] for row in shown], sds, rtol=2e-3)
    heads = page.table("Fit")[0]
    criterion = float(heads[0 if fit.reml else 3])
    assert criterion == pytest.approx(fit.criterion, abs=0.06)


CHANGES = [
    (
        "the response",
        lambda page: page.dropdown("Response").select_option("hwh"),
        "hwh ~ flp + enroll + ses + (ses | school)",
        False,
    ),
    (
        "the response back",
        lambda page: page.dropdown("Response").select_option("mscore"),
        START,
        False,
    ),
    (
        "the grouping",
        lambda page: page.dropdown("Grouping").select_option("urbanicity"),
        "mscore ~ flp + enroll + ses + (ses | urbanicity)",
        False,
    ),
    (
        "the grouping back",
        lambda page: page.dropdown("Grouping").select_option("school"),
        START,
        False,
    ),
    (
        "a slope",
        lambda page: page.slope("ses").uncheck(),
        "mscore ~ flp + enroll + ses + (1 | school)",
        False,
    ),
    (
        "a fixed effect",
        lambda page: page.fixed("public").check(),
        "mscore ~ flp + enroll + ses + public + (1 | school)",
        False,
    ),
    (
        "the criterion",
        lambda page: page.button("REML").click(),
        "mscore ~ flp + enroll + ses + public + (1 | school)",
        True,
    ),
]


def test_clicks_change_everything_to_the_right_model(open_lab):
    lab = open_lab(NOTEBOOK, width=1280, height=1000)
    page = Page(lab)
    assert page.formula() == START
    before, reml_before = START, False
    shows(page, likelihood(fitted(START)))
    check_numbers(page, fitted(START))
    for what, click, formula, reml in CHANGES:
        seq, old = page.seq(), page.pixels()
        with page.nothing_jumps():
            click(page)
            wait_for(lambda formula=formula: page.formula() == formula, f"{what}: {formula}")
            wait_for(lambda seq=seq: page.seq() > seq, f"{what}: a new picture")
            fit = fitted(formula, reml)
            new = shows(page, likelihood(fit))
        check_numbers(page, fit)
        assert new.tobytes() != old.tobytes(), what
        was = drawn(page, likelihood(fitted(before, reml_before)))
        assert difference(new, was) > OTHER, what
        assert lab.errors == []
        before, reml_before = formula, reml
    assert page.root.get_by_role("alert").count() == 0
    lab.run_code(
        f"assert explorer.formula == explorer.fit.formula == {before!r}\n"
        "assert explorer.fit.reml and explorer.error is None"
    )


@pytest.mark.parametrize("width", [1280, 1600])
def test_every_panel_shows_its_table_and_nothing_is_clipped(open_lab, width):
    lab = open_lab(NOTEBOOK, width=width, height=1000)
    page = Page(lab)
    fit = fitted(START)
    for name, view in (
        ("Shrinkage", shrunken(fit)),
        ("Intervals", intervals(fit)),
        ("Likelihood", likelihood(fit)),
    ):
        page.tab(name).click()
        shows(page, view, SMALL_CIRCLES if name == "Shrinkage" else SAME)
        alt = page.picture.locator("img").get_attribute("alt")
        assert alt == view[0].describe(view[1])
        outside = page.root.evaluate(
            """(root) => {
              const box = root.getBoundingClientRect();
              const parts = "select, input, button, table, code, .mixedwidgets-picture";
              return [...root.querySelectorAll(parts)].filter((part) => {
                const { left, right, width } = part.getBoundingClientRect();
                return width && part.checkVisibility() &&
                  (left < box.left - 1 || right > box.right + 1);
              }).map((part) => part.outerHTML.slice(0, 80));
            }"""
        )
        assert outside == []
        assert page.root.evaluate("root => root.scrollWidth <= root.clientWidth")
    page.button("Slice").click()
    shows(page, likelihood(fit, "slice"))
    assert lab.errors == []


def test_a_failing_choice_leaves_the_picture_and_says_why(open_lab):
    lab = open_lab([FEW_ROWS], height=1000)
    page = Page(lab)
    wait_for(lambda: page.seq() >= 2, "a first picture")
    before, seq = page.settled(), page.seq()
    numbers = page.table("Fixed effects")
    page.slope("f").check()
    alert = page.root.get_by_role("alert")
    alert.wait_for()
    text = alert.inner_text()
    assert text.startswith("The term (f | g) has 80 random effects")
    assert text.endswith("The picture still shows y ~ x + (1 | g).")
    assert page.formula() == "y ~ x + (f | g)"
    assert page.settled() == before
    assert page.seq() == seq
    assert page.table("Fixed effects") == numbers
    lab.run_code(
        "assert 'ModelError' in explorer.error and explorer.fit.formula == 'y ~ x + (1 | g)'"
    )
    page.slope("f").uncheck()
    alert.wait_for(state="detached")
    assert page.formula() == "y ~ x + (1 | g)"
    assert page.settled() == before
    lab.run_code("assert explorer.error is None")
    assert lab.errors == []


def test_saved_with_widget_state_it_is_there_without_a_kernel(open_lab, lab_server):
    lab = open_lab([FEW_ROWS], height=1000)
    page = Page(lab)
    page.slope("x").check()
    wait_for(lambda: page.formula() == "y ~ x + (x | g)", "the formula")
    page.settled()
    png = "img => fetch(img.src).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])"
    before, numbers = page.picture.locator("img").evaluate(png), page.table("Fixed effects")
    path = lab.save(widgets=True)
    lab_server.stop_kernels()
    again = Page(open_lab(lab_server.notebooks / path, run=False, height=1000))
    assert again.formula() == "y ~ x + (x | g)"
    assert again.table("Fixed effects") == numbers
    wait_for(lambda: again.seq() > 0, "the picture")
    assert again.picture.locator("img").evaluate(png) == before
    assert len(np.unique(again.pixels().reshape(-1, 3), axis=0)) > 50


def test_layout_holds_with_long_names_unfolded_lists_and_problems(open_lab):
    rename = (
        'data = data.rename(columns={"x": "income of the whole household in a year"})\n'
        'data["expenses of the whole household in a year"] = random.normal(size=60)\n'
        'data["interviewed"] = pd.date_range("2020", periods=60)\n'
        'data["country"] = "here"\n'
        'data["remark"] = [f"remark {i}" for i in range(60)]\n'
        'explorer = mw.explore(data, "y", "g", list(data)[1:2])\n'
    )
    cell = FEW_ROWS.replace('explorer = mw.explore(data, "y", "g", ["x"])\n', rename)
    page = Page(open_lab([cell], height=1000))
    wrong = []
    page.fixed("expenses of the whole household in a year").check()
    wait_for(lambda: "expenses" in page.formula(), "the long formula")
    cut = page.root.evaluate(
        """(root) => [...root.querySelectorAll("p, code, td")].filter((part) => {
          const right = part.getBoundingClientRect().right;
          for (let box = part.parentElement; box !== root; box = box.parentElement) {
            if (getComputedStyle(box).overflowX === "auto" && box.scrollWidth > box.clientWidth)
              return box.getBoundingClientRect().right > root.getBoundingClientRect().right + 1;
          }
          return right > root.getBoundingClientRect().right + 1;
        }).map((part) => part.textContent)"""
    )
    if cut:
        wrong.append(f"{len(cut)} parts are cut off at the right edge, such as {cut[0]!r}")
    heights = set()
    for name in ("Intervals", "Shrinkage", "Likelihood"):
        page.tab(name).click()
        page.lab.page.wait_for_timeout(200)
        heights.add(round(page.root.locator(".widget-tab").bounding_box()["height"]))
    if len(heights) > 1:
        wrong.append(f"tabs of different heights: {sorted(heights)}")
    top = page.root.locator(".widget-tab").bounding_box()["y"]
    page.slope("f").check()
    page.root.get_by_role("alert").wait_for()
    moved = page.root.locator(".widget-tab").bounding_box()["y"] - top
    if moved:
        wrong.append(f"an alert moves the pictures by {moved:.0f} pixels")
    page.slope("f").uncheck()
    boxes = page.root.get_by_role("checkbox")
    places = "boxes => boxes.map((box) => box.getBoundingClientRect().toJSON())"
    before = boxes.evaluate_all(places)
    page.root.locator("summary").first.click()
    if boxes.evaluate_all(places) != before:
        wrong.append("unfolding what is left out moves the tick boxes")
    assert not wrong, "; ".join(wrong)


def test_reopened_without_a_kernel_it_shows_the_last_model(open_lab, lab_server):
    lab = open_lab([FEW_ROWS], height=1000)
    page = Page(lab)
    kept, seen = ".mixedwidgets-keepsake code", ".mixedwidgets-keepsake:visible"
    page.slope("x").check()
    wait_for(lambda: page.formula() == "y ~ x + (x | g)", "the formula")
    wait_for(lambda: lab.page.locator(kept).first.text_content() == "y ~ x + (x | g)", "the copy")
    assert lab.page.locator(seen).count() == 0
    path = lab.save(widgets=False)
    lab_server.stop_kernels()
    again = open_lab(lab_server.notebooks / path, run=False, height=1000).page
    again.wait_for_selector(seen)
    assert again.locator(kept).first.text_content() == "y ~ x + (x | g)"
    assert again.locator(f"{seen} img").bounding_box()["width"] > 400
    assert "Fixed effects" in again.locator(seen).inner_text()

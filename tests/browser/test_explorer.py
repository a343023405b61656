"""The explorer in JupyterLab, by real clicks: what is on the screen is the model chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import ExplorerPage, Picture, wait_for
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import mixedwidgets as mw
from mixedwidgets.lmm.intervals import wald_table, with_profiles
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.surface import surface
from mixedwidgets.plots import intervals as intervals_plot
from mixedwidgets.plots import shrinkage as shrinkage_plot
from mixedwidgets.plots import surface as surface_plot
from mixedwidgets.widgets.moving import animated_artists
from mixedwidgets.widgets.panels.surface import FINE, ROUGH

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


@contextmanager
def nothing_jumps(page: ExplorerPage) -> Iterator[None]:
    """Look at every frame where the stacks and the picture are within the explorer."""
    watch = page.root.evaluate_handle(
        """(root) => {
          const watch = { seen: new Set(), frames: 0, on: true };
          const look = () => {
            const { x, y, width } = root.getBoundingClientRect();
            const shown = [...root.querySelectorAll(".mixedwidgets-picture")].find(
              (picture) => picture.checkVisibility()
            );
            const [left, right] = root.querySelectorAll(".widget-tab");
            const places = [left, right, shown].map((element) => {
              const box = element.getBoundingClientRect();
              return [box.x - x, box.y - y, box.width];
            });
            const heights = [left, shown].map((e) => e.getBoundingClientRect().height);
            watch.seen.add(JSON.stringify([width, places, heights]));
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


# ---- what should be there


def fitted(formula: str, reml: bool = False) -> mw.Fit:
    return mw.lmer(formula, mw.load("schools"), REML=reml)


def likelihood(fit: mw.Fit, kind: str = "profile", nodes: int = FINE) -> tuple[Any, Any]:
    """The surface through so many points; through few where a processor has no time for more."""
    spread = [p for p in fit.parameters if p.kind in ("sd", "sigma")]
    return surface_plot, surface(fit.design, fit.estimate, *spread[:2], kind, nodes)


def likelihoods(fit: mw.Fit) -> list[tuple[Any, Any]]:
    return [likelihood(fit, nodes=nodes) for nodes in (FINE, ROUGH)]


def intervals(fit: mw.Fit) -> tuple[Any, Any]:
    estimate = fit.likelihood_estimate
    *_, last = with_profiles(fit.design, estimate, wald_table(fit.design, estimate))
    return intervals_plot, last


def shrunken(fit: mw.Fit) -> tuple[Any, Any]:
    return shrinkage_plot, shrinkage(fit.design, fit.estimate)


def drawn(picture: Picture, view: tuple[Any, Any]) -> np.ndarray:
    """A table drawn by matplotlib alone, as large as the picture on the page."""
    plot, table = view
    size = picture.lab.ask(f"{picture.inside}.figure_size")
    figure = Figure(size, dpi=round(picture.element.bounding_box()["width"]) / size[0])
    plot.draw(figure, table)
    for _, artist in animated_artists(figure):
        artist.set_animated(False)
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


def shows(picture: Picture, *views: tuple[Any, Any], same: float = SAME) -> np.ndarray:
    """Wait until the picture on the screen is one of these views; return its pixels."""
    away = float("inf")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        pixels = picture.pixels()
        away = min(difference(pixels, drawn(picture, view)) for view in views)
        if away < same:
            return pixels
    raise AssertionError(f"the picture is off by {away:.2f}")


def check_numbers(page: ExplorerPage, fit: mw.Fit) -> None:
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
        lambda page: page.labelled("Response").select_option("hwh"),
        "hwh ~ flp + enroll + ses + (ses | school)",
        False,
    ),
    (
        "the response back",
        lambda page: page.labelled("Response").select_option("mscore"),
        START,
        False,
    ),
    (
        "the grouping",
        lambda page: page.labelled("Grouping").select_option("urbanicity"),
        "mscore ~ flp + enroll + ses + (ses | urbanicity)",
        False,
    ),
    (
        "the grouping back",
        lambda page: page.labelled("Grouping").select_option("school"),
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
    page = ExplorerPage(lab)
    assert page.formula() == START
    before, reml_before = START, False
    picture = page.likelihood
    shows(picture, *likelihoods(fitted(START)))
    check_numbers(page, fitted(START))
    for what, click, formula, reml in CHANGES:
        seq, old = picture.seq(), picture.pixels()
        with nothing_jumps(page):
            click(page)
            wait_for(lambda formula=formula: page.formula() == formula, f"{what}: {formula}")
            wait_for(lambda seq=seq: picture.seq() > seq, f"{what}: a new picture")
            fit = fitted(formula, reml)
            new = shows(picture, *likelihoods(fit))
        check_numbers(page, fit)
        assert new.tobytes() != old.tobytes(), what
        was = drawn(picture, likelihood(fitted(before, reml_before)))
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
    page = ExplorerPage(lab)
    fit = fitted(START)
    for name, views in (
        ("Shrinkage", [shrunken(fit)]),
        ("Intervals", [intervals(fit)]),
        ("Likelihood", likelihoods(fit)),
    ):
        page.turn_to(name)
        picture = page.picture_of(name)
        shows(picture, *views, same=SMALL_CIRCLES if name == "Shrinkage" else SAME)
        assert any(picture.alt().endswith(plot.describe(table)) for plot, table in views)
        assert page.clipped() == []
    page.button("Slice").click()
    shows(page.likelihood, likelihood(fit, "slice", ROUGH))
    assert lab.errors == []


def test_a_failing_choice_leaves_the_picture_and_says_why(open_lab):
    lab = open_lab([FEW_ROWS], height=1000)
    page = ExplorerPage(lab)
    picture = page.likelihood
    wait_for(lambda: picture.seq() >= 2, "a first picture")
    before, seq = picture.settled(), picture.seq()
    numbers = page.table("Fixed effects")
    page.slope("f").check()
    alert = page.root.get_by_role("alert")
    alert.wait_for()
    text = alert.inner_text()
    assert text.startswith("The term (f | g) has 80 random effects")
    assert text.endswith("The picture still shows y ~ x + (1 | g).")
    assert page.formula() == "y ~ x + (f | g)"
    assert picture.settled() == before
    assert picture.seq() == seq
    assert page.table("Fixed effects") == numbers
    lab.run_code(
        "assert 'ModelError' in explorer.error and explorer.fit.formula == 'y ~ x + (1 | g)'"
    )
    page.slope("f").uncheck()
    alert.wait_for(state="detached")
    assert page.formula() == "y ~ x + (1 | g)"
    assert picture.settled() == before
    lab.run_code("assert explorer.error is None")
    assert lab.errors == []


def test_saved_with_widget_state_it_is_there_without_a_kernel(open_lab, lab_server):
    lab = open_lab([FEW_ROWS], height=1000)
    page = ExplorerPage(lab)
    page.slope("x").check()
    wait_for(lambda: page.formula() == "y ~ x + (x | g)", "the formula")
    wait_for(lambda: page.likelihood.is_whole(), "the fine picture")
    png = "img => fetch(img.src).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])"
    before, numbers = (
        page.likelihood.element.locator("img").evaluate(png),
        page.table("Fixed effects"),
    )
    path = lab.save(widgets=True)
    lab_server.stop_kernels()
    again = ExplorerPage(open_lab(lab_server.notebooks / path, run=False, height=1000))
    assert again.formula() == "y ~ x + (x | g)"
    assert again.table("Fixed effects") == numbers
    wait_for(lambda: again.likelihood.seq() > 0, "the picture")
    assert again.likelihood.element.locator("img").evaluate(png) == before
    assert len(np.unique(again.likelihood.pixels().reshape(-1, 3), axis=0)) > 50


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
    page = ExplorerPage(open_lab([cell], height=1000))
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
    top = page.left.bounding_box()["y"]
    page.slope("f").check()
    page.root.get_by_role("alert").wait_for()
    moved = page.left.bounding_box()["y"] - top
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
    page = ExplorerPage(lab)
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

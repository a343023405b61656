"""The explorer as an instrument, in JupyterLab by real mouse and keys: grab, turn, pick, stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import nbformat
import numpy as np
import pytest
from explorer_page import ExplorerPage, Picture, wait_for

import mixedwidgets as mw
from mixedwidgets.lmm.caterpillar import caterpillar
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.surface import surface
from mixedwidgets.lmm.tables import Surface
from mixedwidgets.plots import surface_point
from mixedwidgets.widgets.panels.surface import FINE

FORMULA = "Reaction ~ Days + (Days | Subject)"
SLEEP = """
import mixedwidgets as mw

explorer = mw.explore(mw.load("sleepstudy"), formula="Reaction ~ Days + (Days | Subject)")
explorer
"""
ROLES = """
import numpy as np
import mixedwidgets as mw

data = mw.load("sleepstudy")
data["site"] = [f"s{int(subject) % 6}" for subject in data["Subject"]]
data["drink"] = np.where(np.arange(180) % 3 == 0, "tea", "coffee")
data["w"] = 1.0 + np.arange(180) % 4
explorer = mw.explore(data, "Reaction", "Subject", ["Days"])
explorer
"""
NOISE = """
import numpy as np
import pandas as pd
import mixedwidgets as mw

random = np.random.default_rng(2)
data = pd.DataFrame({"y": random.normal(size=60), "x": random.normal(size=60)})
data["g"] = np.repeat(np.arange(20), 3)
explorer = mw.explore(data, "y", "g", ["x"], ["x"])
explorer
"""
X, Y = "sd_(Intercept)|Subject", "sd_Days|Subject"


@pytest.fixture(scope="module")
def lab(open_one_lab) -> Any:
    return open_one_lab([SLEEP], width=1600, height=1250)


@pytest.fixture
def explore(lab) -> Iterator[Any]:
    """Open an explorer in the shared page; afterwards nothing must have gone wrong."""

    def start(source: str = SLEEP) -> ExplorerPage:
        lab.errors.clear()
        lab.rerun(source)
        page = ExplorerPage(lab)
        wait_for(page.likelihood.is_whole, "the surface")
        return page

    yield start
    assert lab.errors == []
    assert lab.ask("explorer.error") is None


@pytest.fixture(scope="module")
def fit() -> mw.Fit:
    return mw.lmer(FORMULA, mw.load("sleepstudy"), REML=False)


def point(lab: Any) -> dict[str, float] | None:
    """All parameters where the hand is."""
    found = lab.ask("explorer.point and dict(explorer.point.parameters)")
    return found and {name: float(value) for name, value in found.items()}


def table(fit: mw.Fit) -> Surface:
    """The table of the surface that is on the screen when it is fine."""
    names = {p.name: p for p in fit.parameters}
    return surface(fit.design, fit.estimate, names[X], names[Y], "profile", nodes=FINE)


def under(picture: Picture, place: tuple[float, float]) -> list[float]:
    """Data coordinates of a place of the page, in the first axes."""
    box = picture.element.bounding_box()
    parts = [(place[0] - box["x"]) / box["width"], 1 - (place[1] - box["y"]) / box["height"]]
    return picture.lab.ask(
        "(lambda f: list(f.axes[0].transData.inverted().transform("
        f"[p * n for p, n in zip({parts}, f.bbox.size)])))({picture.inside}.figure)"
    )


# ---- the surface


def test_the_surface_is_grabbed_and_everything_follows(explore, lab, fit):
    page = explore()
    shrunk, grabbed = page.open_picture("Shrinkage"), page.likelihood
    at_rest, seen = shrunk.settled(), set()
    page.drag(grabbed.place(fit.values()[X], fit.values()[Y]), grabbed.place(30, 6))
    wait_for(lambda: point(lab), "the point")
    wait_for(lambda: shrunk.painted() != at_rest, "the groups, while the button is down")
    for x in (32, 34, 36, 38):
        page.mouse.move(*grabbed.place(x, 8))
        wait_for(lambda x=x: abs(point(lab)[X] - x) < 0.1, f"the point at {x}")
        seen.add(wait_for(lambda: (s := shrunk.painted()) not in seen and s, "moved groups"))
    assert len(seen) == 4
    last = grabbed.place(41.3, 9.1, whole=True)
    page.mouse.move(*last)
    page.mouse.up()
    there = under(grabbed, last)
    wait_for(lambda: abs(point(lab)[X] - there[0]) < 1e-9, "the last place of the pointer")
    now = point(lab)
    assert [now[X], now[Y]] == pytest.approx(there, rel=1e-12)
    assert lab.ask(f"[{grabbed.inside}.pointer[c] for c in 'xy']") == [now[X], now[Y]]
    drop = fit.at({X: now[X], Y: now[Y]}).drop
    assert lab.ask("explorer.point.drop") == pytest.approx(drop, rel=1e-6)
    words = f"{surface_point.say(table(fit), now[X], now[Y], drop)} ICC"
    wait_for(lambda: page.said("Likelihood").startswith(words), words)
    assert grabbed.alt().startswith(words)


def test_a_click_puts_the_point_back(explore, lab, fit):
    page = explore()
    shrunk, grabbed = page.open_picture("Shrinkage"), page.likelihood
    at_rest = shrunk.settled()
    page.drag(grabbed.place(fit.values()[X], fit.values()[Y]), grabbed.place(35, 8))
    page.mouse.up()
    wait_for(lambda: point(lab) and shrunk.painted() != at_rest, "the groups")
    page.mouse.click(*grabbed.place(20, 10))
    wait_for(lambda: point(lab) is None, "the point back")
    wait_for(lambda: shrunk.painted() == at_rest, "the groups back")
    assert "the maximum of the log-likelihood" in page.said("Likelihood")


def test_arrow_keys_move_the_point_and_it_is_told(explore, lab, fit):
    page = explore()
    grabbed = page.likelihood
    low, high = table(fit).x[[0, -1]]
    page.tab("Likelihood").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if grabbed.element.evaluate("root => root === document.activeElement"):
            break
    assert grabbed.element.evaluate("root => root === document.activeElement")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for(lambda: point(lab), "the point")
    step = (high - low) / 50
    wait_for(
        lambda: abs(point(lab)[X] - fit.values()[X] - 3 * step) < 1e-9 * step, "three steps right"
    )
    assert point(lab)[Y] == pytest.approx(fit.values()[Y], rel=1e-6)
    page.keyboard.press("Shift+ArrowUp")
    wait_for(lambda: point(lab)[Y] > fit.values()[Y] + 0.1, "a stride up")
    drop = fit.at({name: point(lab)[name] for name in (X, Y)}).drop
    label = "root => root.getAttribute('aria-label')"
    wait_for(lambda: page.said("Likelihood") in grabbed.element.evaluate(label), "the label")
    words = surface_point.say(table(fit), point(lab)[X], point(lab)[Y], drop)
    assert page.said("Likelihood").startswith(words)
    assert lab.ask("explorer.desk.panel('Likelihood').picture.alt") == grabbed.alt()
    page.keyboard.press("Home")
    wait_for(lambda: point(lab) is None, "the maximum")
    assert grabbed.element.evaluate("root => root === document.activeElement")


# ---- the dial


def test_the_dial_pools_the_groups_by_drag_and_keys(explore, lab, fit):
    page = explore()
    shrunk = page.open_picture("Shrinkage")
    at_rest = shrunk.settled()
    dial = page.open_picture("Shrinkage", 1)
    home = lab.ask("float(explorer.desk.panel('Shrinkage')._the_dial().home)")
    pooling = "explorer.desk.panel('Shrinkage').pooling"
    page.drag(dial.place(home, 0), dial.place(0.5 * home, 0))
    wait_for(lambda: lab.ask(pooling) is not None, "the dial turned")
    wait_for(lambda: shrunk.painted() != at_rest, "the groups, while the button is down")
    last = dial.place(0.3 * home, 0, whole=True)
    page.mouse.move(*last)
    page.mouse.up()
    there = under(dial, last)[0]
    wait_for(lambda: abs(lab.ask(pooling) - there) < 1e-9, "the last place of the pointer")
    wait_for(lambda: ": cost " in page.said("Shrinkage"), "the cost")
    dial.element.focus()
    page.keyboard.press("ArrowRight")
    wait_for(lambda: abs(lab.ask(pooling) - there - 0.02) < 1e-9, "a step right")
    page.keyboard.press("Home")
    wait_for(lambda: lab.ask(pooling) == 0, "complete pooling")
    cost = wait_for(lambda: (w := page.said("Shrinkage")).startswith("complete pooling") and w, "0")
    data = mw.load("sleepstudy")
    _, (square,), *_ = np.polyfit(data["Days"], data["Reaction"], 1, full=True)
    pooled = -90 * (np.log(2 * np.pi * square / 180) + 1)
    assert float(cost.rpartition(" ")[2]) == pytest.approx(2 * (fit.loglik - pooled), abs=0.06)
    assert dial.alt().count("complete pooling, τ = 0: cost") == 1
    page.keyboard.press("End")
    wait_for(lambda: page.said("Shrinkage") == "no pooling, τ = ∞: cost ∞", "no pooling")
    page.mouse.click(*dial.place(0.5, 1))
    wait_for(lambda: lab.ask(pooling) is None, "the estimate")
    wait_for(lambda: shrunk.painted() == at_rest, "the groups back")
    assert page.said("Shrinkage").endswith("the estimate")


# ---- one group in every picture


def test_a_group_picked_by_a_click_is_picked_everywhere(explore, lab, fit):
    page = explore()
    pictures = ("Shrinkage", "Caterpillar", "Group", "Diagnostics")
    plain = {name: page.open_picture(name).settled() for name in pictures}
    table = shrinkage(fit.design, fit.estimate)
    index = table.levels.index("335")
    shrunk = page.open_picture("Shrinkage")
    page.mouse.click(*shrunk.place(*table.partial_pooling[index, :2]))
    wait_for(lambda: lab.ask("explorer.picked") == "335", "the group")
    for name in pictures:
        picture = page.open_picture(name)
        wait_for(lambda n=name, p=picture: p.painted() != plain[n], f"335 in {name}")
        find = page.stack(name).get_by_label("Find", exact=True).filter(visible=True)
        assert find.input_value() == "335", name
    rows = page.open_picture("Caterpillar")
    order = caterpillar(fit.design, fit.estimate).order[:, 0]
    modes = caterpillar(fit.design, fit.estimate).modes[:, 0]
    page.mouse.click(*rows.place(modes[order[2]], 2))
    wait_for(lambda: lab.ask("explorer.picked") == table.levels[order[2]], "another group")
    page.open_picture("Group")
    words = f"Subject {table.levels[order[2]]} among the lines of 18 groups"
    wait_for(lambda: words in page.picture_of("Group").alt(), words)


def test_a_group_is_found_by_its_name_and_let_go(explore, lab):
    page = explore()
    rows = page.open_picture("Caterpillar")
    plain = rows.settled()
    find = page.right.get_by_label("Find", exact=True).filter(visible=True)
    find.fill("309")
    wait_for(lambda: lab.ask("explorer.picked") == "309", "the group")
    wait_for(lambda: rows.painted() != plain, "its ring")
    find.fill("30")
    assert lab.ask("explorer.picked") == "309"
    find.fill("")
    wait_for(lambda: lab.ask("explorer.picked") is None, "none")
    wait_for(lambda: rows.painted() == plain, "no ring")
    page.mouse.click(*rows.place(0.0, 17.6))
    assert lab.ask("explorer.picked") is None


# ---- intervals


def test_five_intervals_and_a_bootstrap_that_is_stopped(explore, lab, fit):
    page = explore()
    page.turn_to("Intervals")
    lab.run_code("explorer.desk.panel('Intervals').nsim = 20_000")
    page.left.get_by_label("Parameter", exact=True).select_option("SD of intercept by Subject")
    picture = page.picture_of("Intervals")
    stop = page.button("Stop")
    stop.wait_for()
    bar = page.left.locator(".progress-bar:visible")
    share = "bar => parseFloat(bar.style.width)"
    wait_for(lambda: bar.evaluate(share) > 5, "some progress")
    method = page.left.get_by_label("Method", exact=True)
    stop.click()
    stop.wait_for(state="hidden")
    said = wait_for(lambda: "stopped at" in (w := page.said("Intervals")) and w, "the words")
    assert said.startswith("Bootstrap of 20,000 replicates: stopped at ")
    assert said.endswith("what is done stays.")
    done = lab.ask("len(explorer.desk.panel('Intervals')._boot[1])")
    assert 0 < done < 20_000
    page.left.get_by_text("as a table").click()
    rows = page.left.locator("details table:visible").evaluate(
        "table => [...table.rows].slice(1).map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert len(rows) == 5
    numbers = {row[0]: [float(v) for v in row[1:3]] for row in rows}
    profile = next(v for k, v in numbers.items() if k.lower().startswith("profile"))
    exact = fit.confint(method="profile").loc[X]
    assert profile == pytest.approx(list(exact), rel=1e-3)
    boot = next(v for k, v in numbers.items() if k.lower().startswith("bootstrap"))
    assert 10 < boot[0] < fit.values()[X] < boot[1] < 40
    before = picture.painted()
    page.mouse.click(*picture.place(fit.values()[X], 0, axes=1))
    wait_for(lambda: method.input_value() != "profile", "another method")
    wait_for(lambda: picture.painted() != before, "its construction")
    assert page.clipped() == []


# ---- history, boundary, code


def test_history_goes_back_and_forward_and_compares(explore, lab, fit):
    page = explore()
    page.turn_to("Compare")
    page.slope("Days").uncheck()
    simple = "Reaction ~ Days + (1 | Subject)"
    wait_for(lambda: page.formula() == simple, simple)
    wait_for(lambda: page.left.get_by_text("model 2", exact=True).count(), "its row")
    less = mw.lmer(simple, mw.load("sleepstudy"), REML=False)
    words = page.left.inner_text()
    assert f"log-likelihood {less.loglik:.2f}".replace("-", "−") in words.replace("-", "−")
    chi2 = 2 * (fit.loglik - less.loglik)
    wait_for(lambda: f"{chi2:.1f}" in page.left.inner_text(), "the test")
    page.button("Back").click()
    wait_for(lambda: page.formula() == FORMULA and page.slope("Days").is_checked(), "back")
    wait_for(lambda: page.button("Back").is_disabled(), "the beginning")
    page.button("Forward").click()
    wait_for(lambda: page.formula() == simple, "forward")
    name = page.left.get_by_label("Name", exact=True)
    name.fill("no slopes")
    name.press("Enter")
    wait_for(lambda: page.left.get_by_text("no slopes", exact=True).count(), "its name")
    assert lab.ask("list(explorer.history.table['name'])") == ["", "no slopes"]
    page.button("Show").filter(visible=True).first.click()
    wait_for(lambda: page.formula() == FORMULA, "the first model")
    assert page.clipped() == []


def test_a_simpler_model_is_taken_from_the_boundary(explore, lab):
    page = explore(NOISE)
    page.turn_to("Boundary")
    page.open_picture("Boundary")
    take = page.button("Take it").filter(visible=True)
    wait_for(take.count, "a simpler model")
    formulas = page.right.locator("code:visible").all_inner_texts()
    assert page.clipped() == []
    enabled = next(i for i in range(take.count()) if take.nth(i).is_enabled())
    chosen = formulas[enabled]
    take.nth(enabled).click()
    wait_for(lambda: page.formula() == chosen, chosen)
    wait_for(lambda: lab.ask("explorer.fit.formula") == chosen, "its fit")
    assert page.formula() != "y ~ x + (x | g)"


def test_code_and_notebook_are_written(explore, lab, lab_server, fit):
    page = explore()
    page.turn_to("Code")
    script = page.left.locator("pre:visible")
    script.wait_for()
    assert "REML=False" in script.inner_text()
    assert lab.ask("explorer.code.strip()") == script.inner_text().strip()
    path = page.left.get_by_label("Notebook", exact=True)
    path.fill("saved by a click.ipynb")
    path.press("Tab")
    page.button("Save notebook").click()
    said = wait_for(lambda: page.left.get_by_text("Saved as").all_inner_texts(), "the notebook")
    saved = lab_server.notebooks / "saved by a click.ipynb"
    assert saved.exists()
    assert "saved by a click.ipynb" in said[0]
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", saved.name]
    subprocess.run(command, cwd=saved.parent, check=True, capture_output=True, timeout=120)
    notebook = nbformat.read(saved, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    (said,) = (cell.source for cell in code if "expected = " in cell.source)
    number = said.split("expected = ")[1].split()[0]
    assert float(number) == pytest.approx(fit.loglik, rel=1e-9)
    kinds = [output.output_type for cell in code for output in cell.outputs]
    assert "error" not in kinds
    assert sum("image/png" in output.get("data", {}) for c in code for output in c.outputs) >= 4
    page.button("Save notebook").click()
    alert = page.left.get_by_role("alert").filter(visible=True)
    alert.wait_for()
    assert "exists" in alert.inner_text()
    page.labelled("replace existing").check()
    page.button("Save notebook").click()
    alert.wait_for(state="hidden")


# ---- roles


def unfolded(page: ExplorerPage) -> ExplorerPage:
    page.button("More choices").click()
    page.labelled("Second grouping").wait_for()
    return page


def comes(page: ExplorerPage, formula: str) -> None:
    wait_for(lambda: page.formula() == formula, formula)
    wait_for(lambda: page.lab.ask("explorer.fit.formula") == formula, f"the fit of {formula}")


def roles_data() -> Any:
    space: dict[str, Any] = {}
    lines = [line for line in ROLES.splitlines() if not line.startswith("explorer")]
    exec("\n".join(lines), space)
    return space["data"]


def test_roles_by_controls(explore, lab):
    page = unfolded(explore(ROLES))
    page.labelled("Second grouping").select_option("site")
    comes(page, "Reaction ~ Days + (1 | Subject) + (1 | site)")
    page.labelled("Second grouping").select_option("none")
    comes(page, "Reaction ~ Days + (1 | Subject)")
    page.fixed("drink").check()
    comes(page, "Reaction ~ Days + drink + (1 | Subject)")
    page.labelled("Add").select_option("Days × drink")
    comes(page, "Reaction ~ Days + drink + Days:drink + (1 | Subject)")
    page.labelled("Days").filter(visible=True).last.select_option("centered")
    wait_for(lambda: "center(Days)" in page.formula(), "the transformation")
    page.slope("Days").check()
    page.labelled("correlated").uncheck()
    wait_for(lambda: "||" in page.formula(), "slopes that are not correlated")
    page.labelled("Weights").select_option("w")
    wait_for(lambda: lab.ask("explorer.state.get('weights')") == "w", "the weights")
    page.button("Add a condition").click()
    page.labelled("Rows where").select_option("Days")
    # The value of the former column gives way to another control before one can be typed.
    wait_for(lambda: lab.ask("explorer.state['rows'][0][0]") == "Days", "the column")
    wait_for(lambda: page.labelled("value").input_value() == "0", "a value that keeps all rows")
    page.labelled("value").fill("2")
    page.labelled("value").press("Enter")
    wait_for(lambda: lab.ask("explorer.fit.nobs") == 144, "the rows")
    data = roles_data()
    kept = data[data["Days"] >= 2]
    expected = mw.lmer(page.formula(), kept, REML=False, weights=kept["w"])
    assert lab.ask("explorer.fit.loglik") == pytest.approx(expected.loglik, rel=1e-9)
    assert page.clipped() == []
    assert lab.ask("explorer.problem") == ""


def test_a_formula_is_typed_and_the_controls_follow(explore, lab):
    page = explore(ROLES)
    page.line.fill("Reaction ~ Days + drink + (Days || Subject)")
    page.line.press("Enter")
    comes(page, "Reaction ~ Days + drink + (Days || Subject)")
    wait_for(page.slope("Days").is_checked, "the slope")
    assert page.fixed("drink").is_checked()
    assert not page.labelled("correlated").is_checked()
    page.fixed("Days").uncheck()
    comes(page, "Reaction ~ drink + (Days || Subject)")


def test_a_hostile_formula_is_refused_with_a_caret(explore, lab, lab_server):
    page = explore()
    before, numbers = page.likelihood.settled(), page.table("Fixed effects")
    hostile = "Reaction ~ __import__('os').system('touch hacked') + (1 | Subject)"
    page.line.fill(hostile)
    page.line.press("Enter")
    alert = page.root.get_by_role("alert").filter(visible=True)
    alert.wait_for()
    lines = alert.locator("pre").inner_text().splitlines()
    assert lines[0].strip() in hostile or lines[0].strip().startswith("Reaction")
    assert lines[1].strip().startswith("^")
    assert page.formula() == hostile
    assert not list(lab_server.folder.rglob("hacked"))
    assert page.likelihood.settled() == before
    assert page.table("Fixed effects") == numbers
    assert lab.ask("explorer.fit.formula") == FORMULA
    page.line.fill(FORMULA)
    page.line.press("Enter")
    alert.wait_for(state="hidden")

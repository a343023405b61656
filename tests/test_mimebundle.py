"""Widgets in a real kernel without a front end: what a notebook keeps of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.widget_tools import Seen

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
SECONDS = 120

CELLS = {
    "explorer": """
        import mixedwidgets as mw
        explorer = mw.explore(mw.load("wheat"))
        explorer
    """,
    "settled": """
        import asyncio
        explorer.chooser.criterion.value = True
        explorer.picked = "3"
        await asyncio.sleep(2.0)
        print(explorer.error, explorer.problem, explorer.fit.reml)
    """,
    "panel": """
        fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
        shrinkage = mw.ShrinkagePlot(fit)
        shrinkage
    """,
    "two": """
        from IPython.display import display
        display(mw.FitSummary(fit), mw.GroupPlot(fit, picked="3"))
    """,
    "empty": """
        mw.CaterpillarPlot()
    """,
    "long work": """
        tau = "sd_(Intercept)|region"
        panel = mw.IntervalPlot(fit, parameter=tau, nsim=100_000)
        while not panel._boot or len(panel._boot[1]) < 200:
            await asyncio.sleep(0)
        print(panel.working.under_way)
        panel.working.stop_button.click()
        done = len(panel._boot[1])
        await asyncio.sleep(0.2)
        said = panel.numbers.value.replace(",", "")
        print(len(panel._boot[1]) == done, f"of {done} replicates" in said)
        print(panel.working.under_way, repr(panel.problem), panel.error)
    """,
    "latest wins": """
        panel = mw.IntervalPlot(fit, parameter=tau, nsim=100_000)
        panel.nsim = 60
        while panel.working.under_way or panel._unfinished:
            await asyncio.sleep(0.02)
        print(len(panel._boot[1]), repr(panel.problem), panel.error)
    """,
    "an error in a task": """
        def broken(*args):
            yield args[-1]
            raise ValueError("lost the profile")

        import mixedwidgets.widgets.longwork as longwork
        import mixedwidgets.widgets.panels.intervals as intervals
        longwork.BUDGET = 0.0
        kept, intervals.with_profiles = intervals.with_profiles, broken
        panel = mw.IntervalPlot(fit)
        while not panel.error:
            await asyncio.sleep(0.02)
        intervals.with_profiles = kept
        print(panel.problem)
    """,
}


def dedented(text: str) -> str:
    return "\n".join(line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()).strip()


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after its cells were run, with the state of the widgets."""
    cells = [nbformat.v4.new_code_cell(dedented(text)) for text in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder: Path = tmp_path_factory.mktemp("run")
    NotebookClient(
        notebook,
        timeout=SECONDS,
        startup_timeout=SECONDS,
        resources={"metadata": {"path": str(folder)}},
    ).execute(env=os.environ | {"PYTHONWARNINGS": "error::FutureWarning"})
    nbformat.validate(notebook)
    return notebook


def outputs(notebook: Any, name: str) -> list[Any]:
    return list(notebook.cells[list(CELLS).index(name)].outputs)


def data(notebook: Any, name: str) -> list[Any]:
    return [o.data for o in outputs(notebook, name) if "data" in o]


def printed(notebook: Any, name: str) -> str:
    return "".join(o.text for o in outputs(notebook, name) if o.output_type == "stream").strip()


def test_nothing_went_wrong(notebook):
    for name in CELLS:
        for output in outputs(notebook, name):
            assert output.output_type != "error"
            assert output.get("name") != "stderr"


def test_the_explorer_is_a_widget_with_a_keepsake_beside_it(notebook):
    keepsake, widget = data(notebook, "explorer")
    assert VIEW in widget
    assert "yield ~ 1 + (1 | region)" in widget["text/plain"]
    assert "text/html" not in widget  # else it would be there twice where no widget is
    assert keepsake["text/html"].startswith('<div class="mixedwidgets-keepsake">')
    seen = Seen(keepsake["text/html"])
    assert {"img", "table"} <= seen.tags
    assert "script" not in seen.tags


def test_the_keepsake_shows_what_the_explorer_showed_last(notebook):
    assert printed(notebook, "settled") == "None  True"
    seen = Seen(data(notebook, "explorer")[0]["text/html"])
    assert "yield ~ 1 + (1 | region)" in seen.text
    assert "REML" in seen.text
    assert any("restricted log-likelihood" in alt for alt in seen.alt)


def test_a_panel_alone(notebook):
    keepsake, widget = data(notebook, "panel")
    assert VIEW in widget
    assert widget["text/plain"] == "<ShrinkagePlot of yield ~ 1 + (1 | region)>"
    (alt,) = Seen(keepsake["text/html"]).alt
    assert alt.startswith("Shrinkage of 10 groups (region; 5 observations each; ML)")


def test_two_in_one_cell(notebook):
    shown = data(notebook, "two")
    assert [VIEW in each for each in shown] == [False, True, False, True]
    assert "table" in Seen(shown[0]["text/html"]).tags
    assert "3 among the lines of 10 groups" in Seen(shown[2]["text/html"]).alt[0]


def test_a_panel_without_a_fit_keeps_nothing(notebook):
    (widget,) = data(notebook, "empty")
    assert VIEW in widget
    assert "text/html" not in widget


def test_every_view_has_its_state(notebook):
    state = notebook.metadata.widgets[STATE]["state"]
    views = [each[VIEW]["model_id"] for name in CELLS for each in data(notebook, name)
             if VIEW in each]  # fmt: skip
    assert len(views) == 5
    assert set(views) <= set(state)
    alts = " ".join(str(model["state"].get("alt", "")) for model in state.values())
    assert "Shrinkage of 10 groups" in alts
    assert "restricted log-likelihood" in alts


def test_the_data_stay_in_the_kernel(notebook):
    text = nbformat.writes(notebook)
    assert "14.35" not in re.sub(r'"data": "[^"]*"', "", text)  # a yield of wheat


def test_long_work_stops_with_what_it_has(notebook):
    assert printed(notebook, "long work").splitlines() == ["True", "True True", "False '' None"]


def test_the_latest_wins(notebook):
    assert printed(notebook, "latest wins") == "60 '' None"


def test_an_error_in_a_task_is_told(notebook):
    said = printed(notebook, "an error in a task")
    assert said == (
        "Something unexpected went wrong (ValueError: lost the profile); "
        "the details are in the error attribute."
    )

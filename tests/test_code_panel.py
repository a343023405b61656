"""The panel of code: the script of what is on the screen, and the notebook that is saved."""

from __future__ import annotations

import ast
import html
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import nbformat
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import DataError
from mixedwidgets.widgets import explorer as explorer_module
from mixedwidgets.widgets.panels.code import CodePanel
from tests.widget_tools import HEAVY, HOSTILE, check_html, check_widgets, light_panels, simulated

FIT = mw.lmer("y ~ x + (1 | g)", simulated(), REML=False)
OTHER = mw.lmer("y ~ x + (x | g)", simulated(), REML=False)


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    for title, panel in light_panels().items():
        monkeypatch.setattr(explorer_module, HEAVY[title], panel)


@pytest.fixture
def saved() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def panel(saved) -> CodePanel:
    def save(path: str, **options: Any) -> Path:
        saved.append((path, options))
        return Path(path)

    panel = CodePanel(lambda fit: f"lmer({fit.formula!r})  # <b>", save)
    panel.fit = FIT
    return panel


def script(panel: CodePanel) -> str:
    """The script as a reader copies it from the screen."""
    return html.unescape(re.sub("<[^>]*>", "", panel.script.value))


class TestAlone:
    def test_it_shows_the_script_of_the_fit(self, panel):
        assert script(panel) == "lmer('y ~ x + (1 | g)')  # <b>"
        panel.fit = OTHER
        assert script(panel) == "lmer('y ~ x + (x | g)')  # <b>"
        check_html(panel.static_html())

    def test_hidden_it_writes_nothing(self):
        written: list[mw.Fit] = []
        panel = CodePanel(lambda fit: written.append(fit) or "", lambda path, **options: path)
        panel.visible = False
        panel.fit = FIT
        panel.fit = OTHER
        assert written == []
        panel.visible = True
        assert written == [OTHER]

    def test_saving_takes_what_the_controls_say(self, panel, saved):
        panel.save.click()
        panel.path.value = "mine.ipynb"
        panel.with_data.value = panel.overwrite.value = True
        panel.save.click()
        assert saved == [
            ("analysis.ipynb", {"with_data": False, "overwrite": False}),
            ("mine.ipynb", {"with_data": True, "overwrite": True}),
        ]
        assert "Saved as mine.ipynb." in panel.told.value
        assert 'role="status"' in panel.told.value

    @pytest.mark.parametrize(
        ("raised", "said"),
        [
            (DataError("There is a file already; tick replace."), "There is a file already"),
            (OSError("disk full"), "OSError: disk full"),
        ],
    )
    def test_what_fails_is_told_and_forgotten_when_it_works(self, panel, monkeypatch, raised, said):
        def broken(path: str, **options: Any) -> Path:
            raise raised

        panel.save.click()
        with monkeypatch.context() as patch:
            patch.setattr(panel, "_save", broken)
            panel.save.click()
        assert said in panel.problem
        assert panel.told.value == ""
        panel.save.click()
        assert panel.problem == ""

    def test_a_script_that_cannot_be_written(self, panel, monkeypatch):
        before = script(panel)
        with monkeypatch.context() as patch:
            patch.setattr(panel, "_write", lambda fit: 1 / 0)
            panel.fit = OTHER
        assert script(panel) == before
        assert "The picture still shows y ~ x + (1 | g)." in panel._alert.value
        panel.renew()
        assert (panel.problem, script(panel)) == ("", "lmer('y ~ x + (x | g)')  # <b>")


class TestInTheExplorer:
    def test_it_is_the_code_of_the_explorer_and_runs(self, light):
        explorer = mw.explore(mw.load("sleepstudy"), fixed=["Days"])
        explorer.desk.turn_to("Code")
        panel = explorer.desk.panels["Code"]
        assert script(panel) == explorer.code
        explorer.chooser.slopes.boxes["Days"].value = True
        assert script(panel) == explorer.code
        assert "(Days | Subject)" in script(panel)
        ast.parse(script(panel))
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", script(panel)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.startswith(str(explorer.fit.summary()))

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_columns(self, light, name):
        data = simulated().rename(columns={"x": f"{name}x", "g": f"{name}g"})
        explorer = mw.explore(data, "y", f"{name}g", [f"{name}x"], weights=None)
        explorer.desk.turn_to("Code")
        panel = explorer.desk.panels["Code"]
        check_widgets(panel)
        names = {n.id for n in ast.walk(ast.parse(explorer.code)) if isinstance(n, ast.Name)}
        assert not names & {"__import__", "eval", "exec", "os"}
        shown = explorer.code if "\x00" not in name else None
        assert shown is None or script(panel) == shown

    def test_a_notebook_is_saved_once_and_replaced_when_asked(self, light, tmp_path):
        explorer = mw.explore(mw.load("wheat"))
        explorer.desk.turn_to("Code")
        panel = explorer.desk.panels["Code"]
        panel.path.value = str(tmp_path / "wheat.ipynb")
        panel.save.click()
        assert panel.problem == ""
        notebook = nbformat.read(tmp_path / "wheat.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert "yield ~ 1 + (1 | region)" in "".join(cell.source for cell in notebook.cells)
        first = (tmp_path / "wheat.ipynb").read_bytes()
        explorer.chooser.criterion.value = True
        panel.save.click()
        assert "wheat.ipynb" in panel.problem
        assert (tmp_path / "wheat.ipynb").read_bytes() == first
        panel.overwrite.value = True
        panel.save.click()
        assert panel.problem == ""
        assert (tmp_path / "wheat.ipynb").read_bytes() != first

    def test_where_nothing_can_be_written(self, light, tmp_path):
        explorer = mw.explore(mw.load("wheat"))
        explorer.desk.turn_to("Code")
        panel = explorer.desk.panels["Code"]
        panel.path.value = str(tmp_path / "no folder" / "wheat.ipynb")
        panel.save.click()
        assert panel.problem
        assert "unexpected" not in panel.problem
        assert explorer.problem == panel.problem

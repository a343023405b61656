"""The explorer in plain Python: what it takes, what it shows, and that nothing goes missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import ipywidgets as ipw
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.errors import DataError, FormulaError, ModelError
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets import explorer as explorer_module
from mixedwidgets.widgets.explorer import Explorer
from mixedwidgets.widgets.panels import intervals as intervals_module
from mixedwidgets.widgets.panels import surface as surface_module
from mixedwidgets.widgets.rowfilter import Condition
from tests.widget_tools import (
    HEAVY,
    HOSTILE,
    LEFT,
    RIGHT,
    TAGS,
    Seen,
    at,
    check_html,
    check_widgets,
    counted_draws,
    key,
    light_panels,
    simulated,
    too_many,
    tree,
)

GIVEN = {"response": "y", "group": "g", "fixed": ["x"], "slopes": ["x"]}


def explored(**choices: Any) -> Explorer:
    return mw.explore(simulated(), **(GIVEN | choices))


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Panels that compute nothing, in place of all that draw or print."""
    panels = light_panels()
    for title, panel in panels.items():
        monkeypatch.setattr(explorer_module, HEAVY[title], panel)
    return panels


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The panel of every picture that was drawn."""
    return counted_draws(monkeypatch)


def asked(explorer: Explorer) -> dict[str, list[str]]:
    """What each light panel was asked for."""
    return {
        title: list(panel.asked)
        for title, panel in explorer.desk.panels.items()
        if hasattr(panel, "asked")
    }


def alt(explorer: Explorer, title: str) -> str:
    return str(explorer.desk.panels[title].picture.alt)


def ticked(ticks: Any) -> set[str]:
    return {name for name, box in ticks.boxes.items() if box.value}


class TestArguments:
    @pytest.mark.parametrize(
        ("choices", "words"),
        [
            ({"response": "Z "}, ["no column 'Z '", "y, z, x, kind, g, h"]),
            ({"group": "G"}, ["no column 'G'", "did you mean 'g'?"]),
            ({"fixed": ["x", "kid"]}, ["no column 'kid'", "did you mean 'kind'?"]),
            ({"slopes": ["X"]}, ["no column 'X'", "did you mean 'x'?"]),
            ({"slopes": "X"}, ["no column 'X'"]),
            ({"weights": "w"}, ["no column 'w'"]),
            ({"codings": {"kin": "sum"}}, ["no column 'kin'", "did you mean 'kind'?"]),
            ({"rows": [("age", ">", 3)]}, ["'age'"]),
            ({"fixed": [3]}, ["fixed=[3] is not a list of column names"]),
        ],
    )
    def test_a_column_that_is_not_there(self, choices, words):
        with pytest.raises(DataError) as refused:
            explored(**choices)
        assert all(word in str(refused.value) for word in words)
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize("call", [mw.explore, Explorer])
    def test_an_unknown_keyword(self, call):
        with pytest.raises(TypeError, match="colour"):
            call(simulated(), colour="red")

    @pytest.mark.parametrize("slopes", ["x", ["x"], ("x",), pd.Index(["x"]), {"x": 1}])
    def test_names_alone_or_in_any_sequence(self, light, slopes):
        assert explored(slopes=slopes).formula == "y ~ x + (x | g)"
        assert explored(fixed=slopes).formula == "y ~ x + (x | g)"

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (simulated().iloc[:0], "no rows"),
            (pd.DataFrame(index=range(3)), "no columns"),
            (simulated().to_dict(), "give a pandas DataFrame"),
            (simulated()["y"], "give a pandas DataFrame"),
            (simulated().rename(columns={"x": 3}), "3 is not text"),
            (simulated().rename(columns={"x": "y"}), "'y' occurs more than once"),
        ],
    )
    def test_no_table(self, data, words):
        with pytest.raises(DataError, match=words):
            mw.explore(data)

    @pytest.mark.parametrize(
        "choices",
        [
            {"response": 3}, {"group": ["g"]}, {"fixed": 5}, {"slopes": None}, {"REML": "yes"},
            {"correlated": None}, {"theme": "blue"}, {"formula": 3}, {"rows": 3},
            {"weights": ["x"]}, {"codings": ["kind"]}, {"codings": {"kind": "odd"}},
        ],
    )  # fmt: skip
    def test_an_argument_of_another_type_is_refused_in_a_sentence(self, choices):
        with pytest.raises(mw.MixedWidgetsError) as refused:
            explored(**choices)
        assert "\n" not in str(refused.value)
        (name,) = choices
        assert name in str(refused.value) or name.removesuffix("s") in str(refused.value)

    def test_a_comparison_that_there_is_not(self):
        with pytest.raises(DataError, match="'~' does not compare anything; a filter has one of"):
            explored(rows=[("x", "~", 3)])

    @pytest.mark.parametrize(
        ("choices", "note"),
        [
            ({"response": "kind"}, "kind is not used as the response: it holds categories"),
            ({"group": "x"}, "x is not used as the grouping: it is a measurement with decimals"),
            ({"fixed": ["g"]}, "g is not used as a fixed effect: it is the grouping."),
            ({"slopes": ["y"]}, "y is not used as a random slope: it is the response."),
        ],
    )
    def test_a_column_that_cannot_play_its_role_is_said(self, light, choices, note):
        explorer = explored(**choices)
        assert note in explorer.status.value
        assert explorer.fit is not None

    def test_nothing_but_data(self, light):
        explorer = mw.explore(mw.load("wheat"))
        assert explorer.formula == "yield ~ 1 + (1 | region)"
        assert not explorer.fit.reml
        assert (explorer.problem, explorer.error) == ("", None)

    def test_reml(self, light):
        explorer = explored(REML=True)
        assert explorer.fit.reml
        assert explorer.chooser.criterion.value is True

    def test_a_formula_instead_of_columns(self, light):
        explorer = mw.explore(simulated(), formula="y ~ x * kind + (1 | g)")
        assert explorer.formula == "y ~ x + kind + x:kind + (1 | g)"
        assert ticked(explorer.chooser.fixed) == {"x", "kind"}
        with pytest.raises(DataError, match="Both formula and columns are given"):
            explored(formula="y ~ x + (1 | g)")
        with pytest.raises(FormulaError):
            mw.explore(simulated(), formula="y ~ x +")

    def test_rows_weights_and_codings(self, light):
        random = np.random.default_rng(3)
        data = simulated(w=random.uniform(0.5, 2.0, 120))
        explorer = mw.explore(
            data, "y", "g", ["kind"], rows=[("x", "<", 1.0)], weights="w", codings={"kind": "sum"}
        )
        kept = data[data["x"] < 1.0]
        expected = mw.lmer(
            "y ~ kind + (1 | g)", kept, REML=False, weights="w", contrasts={"kind": "sum"}
        )
        assert explorer.fit.nobs == len(kept) < 120
        assert explorer.fit.loglik == pytest.approx(expected.loglik, rel=1e-12)
        pd.testing.assert_series_equal(explorer.fit.fixef, expected.fixef)

    def test_data_with_an_index_and_attributes_of_its_own(self, light):
        data = simulated().set_index(pd.Index([7] * 120, name="seven"))
        data.attrs["name"] = "mine"
        explorer = mw.explore(data, "y", "g", ["x"], ["x"])
        assert explorer.fit.criterion == explored().fit.criterion

    def test_200_columns(self, light):
        random = np.random.default_rng(0)
        names = [f"column {i}" for i in range(200)]
        more = pd.DataFrame(random.normal(size=(120, 200)), columns=names)
        data = pd.concat([simulated(), more], axis=1)
        explorer = mw.explore(data, "y", "g", names[:2])
        explorer.chooser.fixed.boxes["column 199"].value = True
        assert explorer.formula == "y ~ `column 0` + `column 1` + `column 199` + (1 | g)"
        assert explorer.error is None

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_theme(self, theme):
        explorer = explored(theme=theme)
        assert explorer.desk.panels["Likelihood"].look == theme
        explorer.desk.panels["Likelihood"].picture.page_theme = "dark"
        assert explorer.desk.panels["Likelihood"].look == theme


class TestLive:
    def test_formula_and_fit_can_be_observed(self, light):
        explorer = explored()
        told: list[Any] = []
        explorer.observe(lambda change: told.append(change["new"]), ["formula", "fit"])
        explorer.chooser.slopes.boxes["x"].value = False
        formula, fit = told
        assert formula == explorer.formula == "y ~ x + (1 | g)"
        assert isinstance(fit, Fit)
        assert fit is explorer.fit
        assert fit.criterion == mw.lmer(formula, simulated(), REML=False).criterion

    def test_every_control_does_what_it_says(self, light):
        explorer = explored()
        choose = explorer.chooser
        choose.response.value = "z"
        assert explorer.formula == "z ~ x + (x | g)"
        choose.group.value = "h"
        assert explorer.formula == "z ~ x + (x | h)"
        choose.fixed.boxes["kind"].value = True
        assert explorer.formula == "z ~ x + kind + (x | h)"
        choose.correlated.value = False
        assert explorer.formula == "z ~ x + kind + (x || h)"
        choose.criterion.value = True
        expected = mw.lmer("z ~ x + kind + (x || h)", simulated(), REML=True)
        assert explorer.fit.criterion == expected.criterion
        assert (explorer.fit.formula, explorer.fit.reml) == (expected.formula, True)
        assert (explorer.problem, explorer.error) == ("", None)

    def test_independent_effects_have_no_correlation(self, light):
        explorer = explored()
        assert "cor_x.(Intercept)|g" in [p.name for p in explorer.fit.parameters]
        explorer.chooser.correlated.value = False
        names = [p.name for p in explorer.fit.parameters]
        assert names == ["sd_(Intercept)|g", "sd_x|g.1", "sigma", "(Intercept)", "x"]
        expected = mw.lmer("y ~ x + (1 | g) + (0 + x | g)", simulated(), REML=False)
        assert explorer.fit.criterion == pytest.approx(expected.criterion, rel=1e-12)

    def test_a_wish_comes_back(self, light):
        explorer = explored()
        explorer.chooser.response.value = "x"
        assert explorer.formula == "x ~ 1 + (1 | g)"
        assert "x is not used as a fixed effect: it is the response." in explorer.status.value
        explorer.chooser.response.value = "y"
        assert explorer.formula == "y ~ x + (x | g)"
        assert explorer.chooser.fixed.boxes["x"].value
        assert explorer.chooser.slopes.boxes["x"].value

    def test_the_grouping_is_not_offered_as_response(self, light):
        explorer = explored(group="h")
        assert "h" not in dict(explorer.chooser.response.options)
        explorer.chooser.group.value = "g"
        assert "h" in dict(explorer.chooser.response.options)

    def test_a_factor_of_684_levels_is_not_offered_as_fixed_effect(self, light):
        schools = mw.load("schools")
        schools["school"] = schools["school"].astype(str)
        explorer = mw.explore(schools.assign(town=schools["school"]), "mscore", "school")
        resolved = explorer._session.resolved
        reason = "has 684 levels, too many to estimate one by one"
        assert resolved.fixed_offer.why_not("town") == reason
        assert f"<b>town</b> {reason}" in explorer.chooser.fixed._head.value
        assert "town" in dict(explorer.chooser.group.options)

    def test_text_and_html_hold_the_same_model(self):
        explorer = explored()
        table = explorer.desk.panels["Fit"].table.value
        assert "y ~ x + (x | g)" in table
        assert f"{explorer.fit.nobs} observations" in table

    def test_a_formula_is_taken(self, light):
        explorer = explored(REML=True)
        explorer.take("z ~ kind + (1 | h)")
        assert explorer.fit.formula == explorer.formula == "z ~ kind + (1 | h)"
        assert explorer.fit.reml
        assert explorer.chooser.response.value == "z"
        for text, error in (("z ~ (", FormulaError), ("z ~ nope + (1 | h)", DataError)):
            with pytest.raises(error):
                explorer.take(text)
            assert explorer.formula == "z ~ kind + (1 | h)"

    def test_the_state_opens_the_same_explorer(self, light):
        data = simulated(w=np.linspace(0.5, 2.0, 120))
        explorer = mw.explore(data, "y", "g", ["x", "kind"], ["x"], True, correlated=False)
        explorer.chooser.unfold.value = True
        explorer._choices.rows = (Condition("x", "<", 1.0),)
        explorer.chooser.weights.menu.value = "w"
        explorer.chooser.menus.menus["kind"].value = ("none", "sum")
        again = mw.explore(data, **explorer.state)
        assert again.state == explorer.state
        assert set(again.state) == {"formula", "REML", "rows", "weights", "codings"}
        assert again.formula == explorer.formula
        assert again.fit.loglik == explorer.fit.loglik
        assert (explorer.problem, again.problem) == ("", "")

    def test_the_state_of_defaults_is_a_formula(self, light):
        assert explored().state == {"formula": "y ~ x + (x | g)"}


class TestCode:
    @pytest.mark.parametrize("name", ["sleepstudy", "dyestuff2"])
    def test_it_runs_and_gives_the_fit_on_screen(self, light, name):
        explorer = mw.explore(mw.load(name))
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", explorer.code],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.startswith(str(explorer.fit.summary()))

    def test_it_follows(self, light):
        explorer = mw.explore(mw.load("sleepstudy"))
        assert "Reaction ~ 1 + (1 | Subject)', data, REML=False)" in explorer.code
        explorer.chooser.fixed.boxes["Days"].value = True
        explorer.chooser.criterion.value = True
        assert "Reaction ~ Days + (1 | Subject)', data)" in explorer.code

    def test_other_data_are_read_from_a_file(self, light):
        assert 'pd.read_csv("your_data.csv")' in explored().code

    def test_none_without_a_fit(self, light, tmp_path):
        explorer = mw.explore(pd.DataFrame({"y": [0.5, 1.5, 2.5]}))
        assert (explorer.code, explorer.formula, explorer.fit) == ("", "", None)
        assert explorer.state == {}
        assert explorer.problem.startswith("No column can be the grouping")
        with pytest.raises(ModelError, match="There is no fit to save"):
            explorer.save_notebook(tmp_path / "none.ipynb")
        assert list(tmp_path.iterdir()) == []


class TestHostileNames:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_in_every_role_and_every_panel_nothing_gets_out(self, name, monkeypatch):
        monkeypatch.setattr(surface_module, "FINE", surface_module.ROUGH)
        data = simulated().rename(
            columns={"y": f"{name}y", "x": f"{name}x", "g": f"{name}g", "kind": f"{name}k"}
        )
        data[f"{name}g"] = data[f"{name}g"] + name
        explorer = mw.explore(data, f"{name}y", f"{name}g", [f"{name}x", f"{name}k"])
        explorer.chooser.unfold.value = True
        explorer.picked = f"group 3{name}"
        for title in (*RIGHT, *(t for t in LEFT if t not in ("Intervals", "Profile"))):
            explorer.desk.turn_to(title)
            assert (explorer.problem, explorer.error) == ("", None)
        check_widgets(explorer)
        check_html(explorer.static_html(), f"{name}y")
        check_html(explorer.desk.panels["Group"].picture.static_html())
        explorer.desk.turn_to("Compare")
        explorer.chooser.fixed.boxes[f"{name}k"].value = False
        explorer.chooser.response.value = f"{name}x"
        assert explorer.status.value
        check_widgets(explorer)
        check_html(explorer.static_html())

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_problem_is_escaped(self, light, name):
        random = np.random.default_rng(1)
        data = pd.DataFrame({"y": random.normal(size=40), name: np.repeat(np.arange(20), 2)})
        data["f"] = random.choice(["a", "b", "c"], 40)
        explorer = mw.explore(data, "y", name)
        explorer.chooser.slopes.boxes["f"].value = True
        assert "random effects" in explorer.problem
        seen = Seen(explorer.status.value)
        assert 'role="alert"' in explorer.status.value
        assert seen.tags <= {"div", "span"}  # a span keeps dollar signs apart
        assert seen.attributes == {"role", "style"}


class TestPanels:
    def test_a_boundary_fit(self):
        explorer = mw.explore(mw.load("dyestuff2"))
        assert explorer.fit.theta.iloc[0] == 0.0
        assert explorer.fit.verdict.kind == "boundary fit"
        assert "oundary fit" in explorer.desk.panels["Fit"].table.value
        assert "boundary 0" in alt(explorer, "Likelihood")
        for title in ("Intervals", "Shrinkage", "Boundary", "Profile", "Caterpillar", "Group"):
            explorer.desk.turn_to(title)
            assert alt(explorer, title)
            assert (explorer.problem, explorer.error) == ("", None)

    def test_a_simpler_model_is_taken_by_a_click(self):
        data = simulated(z=np.random.default_rng(5).normal(size=120))
        explorer = mw.explore(data, "z", "g", ["x"], ["x"])
        explorer.desk.turn_to("Boundary")
        panel = explorer.desk.panels["Boundary"]
        buttons = [w for w in panel.models.children if isinstance(w, ipw.Button)]
        formulas = list(explorer.fit.simpler().index)
        assert len(buttons) == len(formulas) > 0
        before = explorer.fit
        buttons[0].click()
        assert explorer.formula == explorer.fit.formula == formulas[0]
        assert explorer.fit.npar < before.npar
        assert (explorer.problem, explorer.error) == ("", None)
        assert [v.formula for v in explorer.history.visits] == [before.formula, formulas[0]]

    def test_shrinkage_follows_the_model(self):
        explorer = explored()
        explorer.desk.turn_to("Shrinkage")
        assert "12 groups" in alt(explorer, "Shrinkage")
        explorer.chooser.slopes.boxes["x"].value = False
        assert "x: " not in alt(explorer, "Shrinkage")
        assert explorer.error is None

    def test_a_group_picked_anywhere_is_picked_everywhere(self):
        explorer = explored()
        for title in ("Shrinkage", "Caterpillar", "Group"):
            explorer.desk.turn_to(title)
        explorer.desk.turn_to("Caterpillar")
        panel = explorer.desk.panels["Caterpillar"]
        panel.picture.pointer = at("click", 0.0, 0.0, artist="modes-0", index=0)
        lowest = explorer.fit.ranef()["g"].iloc[:, 0].idxmin()
        assert explorer.picked == panel.picked == lowest
        explorer.desk.turn_to("Group")
        assert lowest in alt(explorer, "Group")
        explorer.desk.turn_to("Shrinkage")
        assert explorer.desk.panels["Shrinkage"].search.value == lowest
        explorer.desk.turn_to("Group")
        explorer.picked = None
        assert "No group is picked" in alt(explorer, "Group")

    def test_a_drag_on_the_surface_moves_every_picture(self):
        explorer = explored()
        explorer.desk.turn_to("Group")
        explorer.picked = "group 3"
        before = alt(explorer, "Group")
        surface = explorer.desk.panels["Likelihood"]
        surface.picture.pointer = at("move", 0.3, 0.2, artist="point")
        held = {"sd_(Intercept)|g": 0.3, "sd_x|g": 0.2}
        assert dict(zip(explorer.point.names, explorer.point.values, strict=True)) == held
        drop = 2.0 * (explorer.fit.loglik - explorer.fit.at(held).loglik)
        assert explorer.point.drop == pytest.approx(drop, rel=1e-6)
        assert alt(explorer, "Group") != before
        explorer.desk.turn_to("Shrinkage")  # made while the point is away from the estimate
        assert explorer.point is explorer.desk.panels["Shrinkage"].point is not None
        surface.picture.pointer = key("Home")
        assert explorer.point is None
        explorer.desk.turn_to("Group")
        assert alt(explorer, "Group") == before

    def test_another_model_puts_the_point_back(self, light):
        explorer = explored()
        explorer.point = explorer.fit.at({"sigma": 1.1})
        explorer.chooser.criterion.value = True
        assert explorer.point is None


class TestHistory:
    def test_it_branches(self, light):
        explorer = explored()
        explorer.chooser.slopes.boxes["x"].value = False
        explorer.go(1)
        assert explorer.formula == "y ~ x + (x | g)"
        assert ticked(explorer.chooser.slopes) == {"x"}
        explorer.chooser.criterion.value = True
        assert [v.parent for v in explorer.history.visits] == [None, 1, 1]
        assert explorer.history.current == 3

    def test_going_back_costs_nothing(self, light, monkeypatch):
        explorer = explored()
        first = explorer.fit
        explorer.chooser.slopes.boxes["x"].value = False
        monkeypatch.setattr("mixedwidgets.widgets.session.lmer", lambda *a, **o: 1 / 0)
        explorer.go(1)
        assert explorer.fit is first
        assert explorer.problem == ""

    def test_there_is_no_such_model(self, light):
        explorer = explored()
        with pytest.raises(ModelError, match="There is no model 7 in the history"):
            explorer.go(7)
        assert explorer.history.current == 1

    def test_rows_weights_and_a_typed_formula_come_back(self, light):
        explorer = explored()
        explorer.take("y ~ x + I(x^2) + (1 | g)")
        explorer._choices.rows = (Condition("x", "<", 1.0),)
        few = explorer.fit
        assert few.nobs < 120
        explorer.go(1)
        assert (explorer.fit.nobs, explorer.formula) == (120, "y ~ x + (x | g)")
        explorer.go(3)
        assert explorer.fit is few
        assert explorer.formula == "y ~ x + I(x^2) + (1 | g)"


class TestOnlyWhatIsVisibleWorks:
    def test_at_the_start(self, light):
        explorer = explored()
        shown = ["show y ~ x + (x | g) ML"]
        assert asked(explorer) == {"Likelihood": shown, "Fit": shown}
        assert set(explorer.desk.panels) == {"Likelihood", "Fit"}

    def test_a_change_is_computed_and_drawn_once(self, drawn):
        explorer = explored()
        drawn.clear()
        seq = explorer.desk.panels["Likelihood"].picture.seq
        explorer.chooser.slopes.boxes["x"].value = False
        assert set(drawn) == {"Likelihood"}
        assert len(drawn) <= 2  # rough and, where no loop runs, fine at once
        assert explorer.desk.panels["Likelihood"].picture.seq == seq + len(drawn)

    @pytest.mark.parametrize(
        "act",
        [
            lambda e: setattr(e.chooser.slopes.boxes["x"], "value", True),
            lambda e: setattr(e.chooser.response, "value", "y"),
            lambda e: setattr(e.chooser.criterion, "value", False),
            lambda e: setattr(e.chooser.unfold, "value", True),
            lambda e: setattr(e.desk.tabs[0], "selected_index", 0),
            lambda e: setattr(e._choices, "slopes", ("x", "g")),
            lambda e: e.take("y ~ 1 + x + (1 + x | g)"),
            lambda e: e.go(1),
        ],
    )
    def test_what_changes_nothing_costs_nothing(self, light, act):
        explorer = explored()
        fit, before = explorer.fit, asked(explorer)
        act(explorer)
        assert asked(explorer) == before
        assert explorer.fit is fit
        assert len(explorer.history.visits) == 1

    def test_a_hidden_panel_catches_up_once_when_shown(self, light):
        explorer = explored()
        explorer.desk.turn_to("Intervals")
        for name in ("z", "y", "z"):
            explorer.chooser.response.value = name
        assert [len(asked(explorer)[t]) for t in ("Likelihood", "Intervals", "Fit")] == [1, 4, 4]
        explorer.desk.turn_to("Likelihood")
        first, last = asked(explorer)["Likelihood"]
        assert (first, last) == ("show y ~ x + (x | g) ML", "show z ~ x + (x | g) ML")
        for title in ("Intervals", "Likelihood"):
            explorer.desk.turn_to(title)
        assert len(asked(explorer)["Likelihood"]) == 2
        assert len(asked(explorer)["Intervals"]) == 4

    def test_no_tab_selected(self, light):
        explorer = explored()
        explorer.desk.tabs[0].selected_index = None
        explorer.chooser.response.value = "z"
        assert asked(explorer)["Fit"][-1] == "show z ~ x + (x | g) ML"
        assert explorer.problem == ""

    def test_profiles_under_way_stop_when_their_panel_is_hidden(self, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.longwork.BUDGET", 0.0)

        async def main() -> None:
            explorer = explored()
            explorer.desk.turn_to("Intervals")
            panel = explorer.desk.panels["Intervals"]
            await asyncio.sleep(0)
            explorer.desk.turn_to("Code")
            before = panel.picture.seq
            await asyncio.sleep(0.3)
            assert panel.picture.seq == before
            explorer.desk.turn_to("Intervals")
            await asyncio.sleep(0.1)
            assert panel.picture.seq > before

        asyncio.run(main())


class TestProblems:
    def failing(self) -> Explorer:
        return mw.explore(too_many(), "y", "small", ["x"])

    def test_the_last_good_pictures_stay(self):
        explorer = self.failing()
        panels = explorer.desk.panels
        good = explorer.fit
        before = panels["Likelihood"].picture.seq, panels["Fit"].table.value
        explorer.chooser.slopes.boxes["four"].value = True
        assert explorer.formula == "y ~ x + (four | small)"
        assert explorer.fit is good
        assert (panels["Likelihood"].picture.seq, panels["Fit"].table.value) == before
        assert "160 random effects" in explorer.problem
        assert 'role="alert"' in explorer.status.value
        assert "The picture still shows y ~ x + (1 | small)." in explorer.status.value
        assert "y ~ x + (1 | small)" in explorer.code
        assert "ModelError" in explorer.error
        assert len(explorer.history.visits) == 1
        explorer.chooser.slopes.boxes["four"].value = False
        assert (explorer.problem, explorer.error) == ("", None)
        assert "alert" not in explorer.status.value

    def test_from_the_start_and_out_of_it(self):
        explorer = mw.explore(too_many(), "y", "small", slopes=["four"])
        assert explorer.fit is None
        assert explorer.code == ""
        assert 'role="alert"' in explorer.status.value
        problem = explorer.problem
        bundle = explorer._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        for title in (*LEFT, *RIGHT, "Likelihood", "Shrinkage"):
            explorer.desk.turn_to(title)
        explorer.desk.panels["Likelihood"].picture.pointer = key("ArrowLeft")
        explorer.desk.panels["Shrinkage"].dial_picture.pointer = key("ArrowLeft")
        assert explorer.problem == problem
        explorer.chooser.slopes.boxes["four"].value = False
        assert explorer.fit.formula == "y ~ 1 + (1 | small)"
        assert alt(explorer, "Likelihood")
        assert (explorer.problem, explorer.error) == ("", None)

    def test_a_picture_that_cannot_be_drawn(self, monkeypatch):
        explorer = explored()
        panel = explorer.desk.panels["Likelihood"]
        before = panel.picture.seq

        def broken(*args: Any, **options: Any) -> None:
            raise ValueError("no such surface")

        monkeypatch.setattr(surface_module, "first_look", broken)
        explorer.chooser.response.value = "z"
        assert "ValueError: no such surface" in explorer.problem
        assert "in broken" in explorer.error
        assert 'role="alert"' in panel._alert.value
        assert "The picture still shows y ~ x + (x | g)." in panel._alert.value
        assert panel._alert.layout.display == "block"
        assert panel.picture.seq == before
        assert explorer.fit.formula == "z ~ x + (x | g)"
        assert "z ~ x" in explorer.desk.panels["Fit"].table.value
        monkeypatch.undo()
        explorer.chooser.criterion.value = True
        assert (explorer.problem, explorer.error) == ("", None)
        assert panel._alert.layout.display == "none"
        assert "restricted" in panel.picture.alt

    def test_a_picture_that_failed_is_drawn_when_its_model_is_chosen_again(self, monkeypatch):
        explorer = self.failing()
        with monkeypatch.context() as broken:
            broken.setattr(surface_module, "first_look", lambda *args: 1 / 0)
            explorer.chooser.criterion.value = True
        assert "ZeroDivisionError" in explorer.problem
        explorer.chooser.slopes.boxes["four"].value = True
        assert "160 random effects" in explorer.problem
        explorer.chooser.slopes.boxes["four"].value = False
        assert explorer.problem == ""
        assert "restricted" in alt(explorer, "Likelihood")

    def test_profiles_that_fail_on_the_loop_are_told(self, light, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.longwork.BUDGET", 0.0)
        monkeypatch.setattr(explorer_module, "IntervalPlot", intervals_module.IntervalPlot)

        def broken(design: Any, estimate: Any, table: Any) -> Iterator[Any]:
            yield table
            raise ValueError("lost the profile")

        monkeypatch.setattr(intervals_module, "with_profiles", broken)

        async def main() -> Explorer:
            explorer = explored()
            explorer.desk.turn_to("Intervals")
            for _ in range(200):
                if explorer.problem:
                    break
                await asyncio.sleep(0.01)
            return explorer

        explorer = asyncio.run(main())
        assert "lost the profile" in explorer.problem
        assert "in broken" in explorer.error

    def test_a_simpler_model_that_cannot_be_read_is_told(self, light):
        explorer = explored()
        explorer._on_simpler_chosen({"new": "y ~ nowhere + (1 | g)"})
        assert "nowhere" in explorer.problem
        assert "DataError" in explorer.error
        assert explorer.formula == "y ~ x + (x | g)"


class TestSaved:
    def test_the_bundle_shows_the_same_to_everybody(self):
        explorer = explored()
        bundle = explorer._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        view = data["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == explorer.model_id
        assert data["text/plain"] == repr(explorer.fit)
        seen = Seen(data["text/html"])
        assert {"table", "img"} <= seen.tags
        assert seen.alt == [alt(explorer, "Likelihood")]
        assert "y ~ x + (x | g)" in seen.text
        assert seen.tags <= TAGS

    def test_the_pictures_are_those_on_the_screen_and_the_fit_is_always_there(self):
        explorer = explored()
        explorer.desk.turn_to("Shrinkage")
        explorer.desk.turn_to("Diagnostics")
        seen = Seen(explorer.static_html())
        assert seen.alt[0] == alt(explorer, "Diagnostics")
        assert alt(explorer, "Shrinkage") in seen.alt
        assert "table" in seen.tags
        assert f"{explorer.fit.nobs} observations" in seen.text

    def test_data_stay_in_the_kernel(self, light):
        data = simulated(secret=[f"patient {i}" for i in range(120)])
        explorer = mw.explore(data, "y", "g")
        explorer.chooser.unfold.value = True
        sent = "".join(str(widget.get_state()) for widget in tree(explorer))
        assert "patient" not in sent

    def test_the_keepsake_is_renewed_after_every_kind_of_change(self, light):
        explorer = explored()
        changes: list[int] = []
        explorer._keepsake = SimpleNamespace(changed=lambda: changes.append(1))
        explorer.chooser.criterion.value = True
        explorer.desk.turn_to("Code")
        explorer.chooser.slopes.boxes["x"].value = False
        assert len(changes) == 3


# ---- whatever is clicked, controls, formula, fit and panels agree

TITLES = st.sampled_from((*LEFT, *RIGHT))
ACTIONS = st.one_of(
    st.tuples(st.just("response"), st.integers(0, 9)),
    st.tuples(st.just("group"), st.integers(0, 9)),
    st.tuples(st.just("fixed"), st.sampled_from(list(simulated()))),
    st.tuples(st.just("slopes"), st.sampled_from(list(simulated()))),
    st.tuples(st.just("criterion"), st.booleans()),
    st.tuples(st.just("correlated"), st.booleans()),
    st.tuples(st.just("tab"), TITLES),
    st.tuples(st.just("go"), st.integers(0, 5)),
    st.tuples(st.just("pick"), st.sampled_from(["group 3", "1", "nobody", None])),
    st.tuples(st.just("point"), st.floats(0.8, 1.2)),
    st.tuples(
        st.just("type"), st.sampled_from(["y ~ x + I(x^2) + (1 | g)", "z ~ (x || h)", "y ~ ("])
    ),
)


def act(explorer: Explorer, control: str, argument: Any) -> None:
    chooser = explorer.chooser
    if control in ("response", "group"):
        dropdown = getattr(chooser, control)
        names = [value for _, value in dropdown.options]
        dropdown.value = names[argument % len(names)]
    elif control in ("fixed", "slopes"):
        box = getattr(chooser, control).boxes[argument]
        if argument in getattr(explorer._session.resolved, f"{control}_offer").names:
            box.value = not box.value
    elif control == "tab":
        explorer.desk.turn_to(argument)
    elif control == "go":
        explorer.go(1 + argument % len(explorer.history))
    elif control == "pick":
        explorer.picked = argument
    elif control == "point":
        explorer.point = explorer.fit.at({"sigma": explorer.fit.sigma * argument})
    elif control == "type":
        chooser.formula.text.value = argument
    else:
        getattr(chooser, control).value = argument


@given(st.lists(ACTIONS, min_size=1, max_size=10))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_is_clicked_everything_agrees(light, actions):
    data = simulated()
    explorer = mw.explore(data, "y", "g")
    for control, argument in actions:
        act(explorer, control, argument)
        resolved, chooser = explorer._session.resolved, explorer.chooser
        assert chooser.response.value == resolved.response
        assert chooser.group.value == resolved.group
        assert ticked(chooser.fixed) == set(resolved.fixed)
        assert ticked(chooser.slopes) == set(resolved.slopes)
        assert explorer.formula == str(resolved.spec)
        assert "unexpected" not in explorer.problem
        shown = explorer.desk.shown
        for panel in explorer.desk.panels.values():
            assert panel.visible == (panel in shown)
            assert (panel.picked, panel.point) == (explorer.picked, explorer.point)
        if explorer.problem:
            continue
        assert explorer.fit.formula == explorer.formula
        assert explorer.fit.reml == chooser.criterion.value
        assert explorer.history[explorer.history.current].formula == explorer.formula
        assert explorer.point is None or explorer.point.design is explorer.fit.design
        for panel in shown:
            assert panel.fit is explorer.fit
            assert panel.shown == explorer.formula
    if not explorer.problem:
        again = mw.lmer(explorer.formula, data, REML=explorer.chooser.criterion.value)
        assert explorer.fit.criterion == pytest.approx(again.criterion, rel=1e-9)
    ipw.Widget.close_all()

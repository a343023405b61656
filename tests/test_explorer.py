"""The explorer in plain Python: what it takes, what it shows, and that nothing goes missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import ipywidgets as ipw
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.errors import DataError
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets import panels as panels_module
from mixedwidgets.widgets.explorer import Explorer

LIKELIHOOD, INTERVALS, SHRINKAGE = range(3)


def simulated(**more: Any) -> pd.DataFrame:
    random = np.random.default_rng(11)
    n = 120
    g = np.repeat(np.arange(12), 10)
    x = random.normal(size=n)
    slope = 0.5 + 0.4 * random.normal(size=12)
    y = 3 + random.normal(size=12)[g] + slope[g] * x + random.normal(size=n)
    data = pd.DataFrame({"y": y, "z": 2 * y + random.normal(size=n), "x": x})
    data["kind"] = pd.Categorical(random.choice(["a", "b", "c"], n))
    data["g"] = [f"group {i}" for i in g]
    data["h"] = np.tile(np.arange(15), 8)
    return data.assign(**more)


def explored(**choices: Any) -> Explorer:
    given = {"response": "y", "group": "g", "fixed": ["x"], "slopes": ["x"]}
    return mw.explore(simulated(), **(given | choices))


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each panel has computed, and each picture was drawn."""
    counts = dict.fromkeys(("summary_html", "surface", "wald_table", "shrinkage", "drawn"), 0)

    def counted(name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    for name in ("summary_html", "surface", "wald_table", "shrinkage"):
        monkeypatch.setattr(panels_module, name, counted(name, getattr(panels_module, name)))
    draw = panels_module.PicturePanel.draw
    monkeypatch.setattr(panels_module.PicturePanel, "draw", counted("drawn", draw))
    return counts


def seqs(explorer: Explorer) -> list[int]:
    return [panel.picture.seq for panel in explorer.pictures]


def tree(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


class Seen(HTMLParser):
    """The tags, attributes and text of some HTML."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.alt: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.alt += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.text += data


TAGS = {
    *("div", "p", "b", "code", "details", "summary", "span", "abbr", "img"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("style", "class", "role", "aria-label", "title", "scope", "rowspan", "colspan"),
    *("src", "alt", "width", "height"),
}


class TestArguments:
    @pytest.mark.parametrize(
        ("choices", "words"),
        [
            ({"response": "Z "}, ["no column 'Z '", "y, z, x, kind, g, h"]),
            ({"group": "G"}, ["no column 'G'", "did you mean 'g'?"]),
            ({"fixed": ["x", "kid"]}, ["no column 'kid'", "did you mean 'kind'?"]),
            ({"slopes": ["X"]}, ["no column 'X'", "did you mean 'x'?"]),
            ({"slopes": "X"}, ["no column 'X'"]),
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
    def test_names_alone_or_in_any_sequence(self, slopes):
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
        [{"response": 3}, {"group": ["g"]}, {"fixed": 5}, {"slopes": None}, {"REML": "yes"}],
    )
    def test_an_argument_of_another_type_is_refused_in_a_sentence(self, choices):
        with pytest.raises(mw.MixedWidgetsError) as refused:
            explored(**choices)
        (name,) = choices
        assert name in str(refused.value)

    @pytest.mark.parametrize(
        ("choices", "note"),
        [
            ({"response": "kind"}, "kind is not used as the response: it holds categories"),
            ({"group": "x"}, "x is not used as the grouping: it is a measurement with decimals"),
            ({"fixed": ["g"]}, "g is not used as a fixed effect: it is the grouping."),
            ({"slopes": ["y"]}, "y is not used as a random slope: it is the response."),
        ],
    )
    def test_a_column_that_cannot_play_its_role_is_said(self, choices, note):
        explorer = explored(**choices)
        assert note in explorer.status.value
        assert explorer.fit is not None

    def test_nothing_but_data(self):
        explorer = mw.explore(mw.load("wheat"))
        assert explorer.formula == "yield ~ 1 + (1 | region)"
        assert not explorer.fit.reml
        assert (explorer.problem, explorer.error) == ("", None)

    def test_reml(self):
        explorer = explored(REML=True)
        assert explorer.fit.reml
        assert explorer.criterion.value is True

    def test_data_with_an_index_and_attributes_of_its_own(self):
        data = simulated().set_index(pd.Index([7] * 120, name="seven"))
        data.attrs["name"] = "mine"
        explorer = mw.explore(data, "y", "g", ["x"], ["x"])
        assert explorer.fit.criterion == explored().fit.criterion

    def test_200_columns(self):
        random = np.random.default_rng(0)
        names = [f"column {i}" for i in range(200)]
        more = pd.DataFrame(random.normal(size=(120, 200)), columns=names)
        data = pd.concat([simulated(), more], axis=1)
        explorer = mw.explore(data, "y", "g", names[:2])
        explorer.fixed.boxes["column 199"].value = True
        assert explorer.formula == "y ~ `column 0` + `column 1` + `column 199` + (1 | g)"
        assert explorer.error is None


class TestLive:
    def test_formula_and_fit_can_be_observed(self):
        explorer = explored()
        told: list[Any] = []
        explorer.observe(lambda change: told.append(change["new"]), ["formula", "fit"])
        explorer.slopes.boxes["x"].value = False
        formula, fit = told
        assert formula == explorer.formula == "y ~ x + (1 | g)"
        assert isinstance(fit, Fit)
        assert fit is explorer.fit
        assert fit.criterion == mw.lmer(formula, simulated(), REML=False).criterion

    def test_every_control_does_what_it_says(self):
        explorer = explored()
        explorer.response.value = "z"
        assert explorer.formula == "z ~ x + (x | g)"
        explorer.group.value = "h"
        assert explorer.formula == "z ~ x + (x | h)"
        explorer.fixed.boxes["kind"].value = True
        assert explorer.formula == "z ~ x + kind + (x | h)"
        explorer.correlated.value = False
        assert explorer.formula == "z ~ x + kind + (x || h)"
        explorer.criterion.value = True
        expected = mw.lmer("z ~ x + kind + (x || h)", simulated(), REML=True)
        assert explorer.fit.criterion == expected.criterion
        assert (explorer.fit.formula, explorer.fit.reml) == (expected.formula, True)
        assert (explorer.problem, explorer.error) == ("", None)

    def test_independent_effects_have_no_correlation(self):
        explorer = explored()
        assert "cor_x.(Intercept)|g" in [p.name for p in explorer.fit.parameters]
        explorer.correlated.value = False
        names = [p.name for p in explorer.fit.parameters]
        assert names == ["sd_(Intercept)|g", "sd_x|g.1", "sigma", "(Intercept)", "x"]
        expected = mw.lmer("y ~ x + (1 | g) + (0 + x | g)", simulated(), REML=False)
        assert explorer.fit.criterion == pytest.approx(expected.criterion, rel=1e-12)

    def test_a_wish_comes_back(self):
        explorer = explored()
        explorer.response.value = "x"
        assert explorer.formula == "x ~ 1 + (1 | g)"
        assert "x is not used as a fixed effect: it is the response." in explorer.status.value
        explorer.response.value = "y"
        assert explorer.formula == "y ~ x + (x | g)"
        assert explorer.fixed.boxes["x"].value
        assert explorer.slopes.boxes["x"].value

    def test_the_grouping_is_not_offered_as_response(self):
        explorer = explored(group="h")
        assert "h" not in dict(explorer.response.options)
        explorer.group.value = "g"
        assert "h" in dict(explorer.response.options)

    def test_a_factor_of_684_levels_is_not_offered_as_fixed_effect(self):
        schools = mw.load("schools")
        schools["school"] = schools["school"].astype(str)
        explorer = mw.explore(schools.assign(town=schools["school"]), "mscore", "school")
        resolved = explorer._session.resolved
        reason = "has 684 levels, too many to estimate one by one"
        assert resolved.fixed_offer.why_not("town") == reason
        assert f"<b>town</b> {reason}" in explorer.fixed._head.value
        assert "town" in dict(explorer.group.options)

    def test_text_and_html_hold_the_same_model(self):
        explorer = explored()
        assert "y ~ x + (x | g)" in explorer.fit_panel.widget.value
        assert f"{explorer.fit.nobs} observations" in explorer.fit_panel.widget.value


class TestCode:
    @pytest.mark.parametrize("name", ["sleepstudy", "dyestuff2"])
    def test_it_runs_and_gives_the_fit_on_screen(self, name):
        explorer = mw.explore(mw.load(name))
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", explorer.code],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.startswith(str(explorer.fit.summary()))

    def test_it_follows(self):
        explorer = mw.explore(mw.load("sleepstudy"))
        assert "Reaction ~ 1 + (1 | Subject)', data, REML=False)" in explorer.code
        explorer.fixed.boxes["Days"].value = True
        explorer.criterion.value = True
        assert "Reaction ~ Days + (1 | Subject)', data)" in explorer.code

    def test_other_data_are_read_from_a_file(self):
        assert 'pd.read_csv("your_data.csv")' in explored().code

    def test_none_without_a_fit(self):
        explorer = mw.explore(pd.DataFrame({"y": [0.5, 1.5, 2.5]}))
        assert (explorer.code, explorer.formula, explorer.fit) == ("", "", None)
        assert explorer.problem.startswith("No column can be the grouping")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</code><b onclick='x'>",
    'it\'s "quoted"',
    "two\nlines",
    "`tick`",
    "a{b}",
    "__import__('os').system('x')",
    "\U0001f600",
    "n" * 200,
    "$x$ \\frac{1",
    "&lt;b&gt;",
    "\x00",
]


class TestHostileNames:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_in_every_role_and_every_panel_nothing_gets_out(self, name):
        data = simulated().rename(
            columns={"y": f"{name}y", "x": f"{name}x", "g": f"{name}g", "kind": f"{name}k"}
        )
        data[f"{name}g"] = data[f"{name}g"] + name
        explorer = mw.explore(data, f"{name}y", f"{name}g", [f"{name}x", f"{name}k"], [f"{name}x"])
        for number in range(3):
            explorer.tab.selected_index = number
            assert (explorer.problem, explorer.error) == ("", None)
            self.check(explorer)
        self.check_html(explorer.static_html(), f"{name}y")
        explorer.slopes.boxes[f"{name}k"].value = True
        explorer.fixed.boxes[f"{name}k"].value = False
        explorer.response.value = f"{name}x"
        assert explorer.status.value
        self.check(explorer)

    def check(self, explorer: Explorer) -> None:
        for widget in tree(explorer):
            if isinstance(widget, ipw.HTML):
                self.check_html(widget.value)
            else:
                assert not getattr(widget, "description_allow_html", False)
            assert not isinstance(widget, ipw.HTMLMath | ipw.Label | ipw.Output)

    def check_html(self, source: str, name: str = "") -> None:
        seen = Seen(source)
        assert seen.tags <= TAGS
        assert seen.attributes <= ATTRIBUTES
        # Parsers give NUL back as something else, and formulas write line ends as \n.
        if name.replace("\n", "").isprintable() and "\n" not in name and "\\" not in name:
            assert name in seen.text.replace("\\`", "`")

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_problem_is_escaped(self, name):
        random = np.random.default_rng(1)
        data = pd.DataFrame({"y": random.normal(size=40), name: np.repeat(np.arange(20), 2)})
        data["f"] = random.choice(["a", "b", "c"], 40)
        explorer = mw.explore(data, "y", name)
        explorer.slopes.boxes["f"].value = True
        assert "random effects" in explorer.problem
        seen = Seen(explorer.status.value)
        assert 'role="alert"' in explorer.status.value
        assert seen.tags <= {"div", "span"}  # a span keeps dollar signs apart
        assert seen.attributes == {"role", "style"}


class TestPanels:
    def test_reml_has_no_axis_for_fixed_effects(self):
        explorer = explored()
        likelihood = explorer.pictures[LIKELIHOOD]
        offered = {value for _, value in likelihood.x.options}
        assert {"(Intercept)", "x"} <= offered
        likelihood.x.value = "x"
        explorer.criterion.value = True
        for dropdown in (likelihood.x, likelihood.y):
            assert not {"(Intercept)", "x"} & {value for _, value in dropdown.options}
        assert likelihood.x.value == "sd_(Intercept)|g"
        explorer.criterion.value = False
        assert likelihood.x.value == "x"
        assert explorer.error is None

    def test_the_two_axes_are_never_the_same_and_always_possible(self):
        explorer = explored(slopes=["x", "z"])
        likelihood = explorer.pictures[LIKELIHOOD]
        for name in [value for _, value in likelihood.x.options]:
            likelihood.x.value = name
            assert explorer.problem == ""
            assert likelihood.y.value != name
            assert name not in [value for _, value in likelihood.y.options]

    def test_slice_and_profile(self):
        explorer = explored()
        likelihood = explorer.pictures[LIKELIHOOD]
        assert likelihood.picture.alt.startswith("Profile log-likelihood (ML;")
        likelihood.kind.value = "slice"
        assert likelihood.picture.alt.startswith("Slice of the log-likelihood (ML;")
        assert "SD of intercept by g" in likelihood.picture.alt

    def test_a_one_way_model_speaks_of_mu_sigma_and_tau(self):
        likelihood = mw.explore(mw.load("wheat")).pictures[LIKELIHOOD]
        labels = [label for label, _ in likelihood.x.options]
        assert labels == [
            "τ, SD between levels of region",
            "σ, SD within groups",
            "μ, overall mean",
        ]

    def test_a_boundary_fit(self):
        explorer = mw.explore(mw.load("dyestuff2"))
        assert explorer.fit.theta.iloc[0] == 0.0
        assert explorer.fit.verdict.kind == "boundary fit"
        assert "oundary fit" in explorer.fit_panel.widget.value
        for number, words in ((LIKELIHOOD, "boundary 0"), (INTERVALS, ""), (SHRINKAGE, "")):
            explorer.tab.selected_index = number
            assert words in explorer.pictures[number].picture.alt
            assert (explorer.problem, explorer.error) == ("", None)

    def test_intervals_are_those_of_confint(self):
        explorer = explored()
        explorer.tab.selected_index = INTERVALS
        _, table = explorer.pictures[INTERVALS]._drawn
        profile = explorer.fit.confint(method="profile")
        np.testing.assert_allclose(table.profile_lower, profile.iloc[:, 0], rtol=1e-9)
        np.testing.assert_allclose(table.profile_upper, profile.iloc[:, 1], rtol=1e-9)
        wald = explorer.fit.confint(method="wald")
        np.testing.assert_allclose(table.wald_lower, wald.iloc[:, 0], rtol=1e-9)
        assert list(table.names) == list(profile.index)

    def test_shrinkage_is_that_of_ranef(self):
        explorer = explored()
        explorer.tab.selected_index = SHRINKAGE
        assert "12 groups" in explorer.pictures[SHRINKAGE].picture.alt
        explorer.slopes.boxes["x"].value = False
        assert "12 groups" in explorer.pictures[SHRINKAGE].picture.alt
        assert explorer.error is None


class TestOnlyWhatIsVisibleWorks:
    def test_at_the_start(self, work):
        explored()
        assert work == {
            "summary_html": 1, "surface": 1, "wald_table": 0, "shrinkage": 0, "drawn": 1
        }  # fmt: skip

    def test_a_change_is_computed_and_drawn_once(self, work):
        explorer = explored()
        before = seqs(explorer)
        explorer.slopes.boxes["x"].value = False
        assert (work["surface"], work["summary_html"], work["drawn"]) == (2, 2, 2)
        after = seqs(explorer)
        assert after[LIKELIHOOD] == before[LIKELIHOOD] + 1
        assert after[1:] == before[1:]

    @pytest.mark.parametrize(
        "act",
        [
            lambda e: setattr(e.slopes.boxes["x"], "value", True),
            lambda e: setattr(e.response, "value", "y"),
            lambda e: setattr(e.criterion, "value", False),
            lambda e: setattr(e.tab, "selected_index", 0),
            lambda e: setattr(e._choices, "slopes", ("x", "g")),
        ],
    )
    def test_what_changes_nothing_costs_nothing(self, work, act):
        explorer = explored()
        before = dict(work)
        act(explorer)
        assert work == before

    def test_a_hidden_panel_catches_up_once_when_shown(self, work):
        explorer = explored()
        explorer.tab.selected_index = SHRINKAGE
        assert (work["surface"], work["shrinkage"]) == (1, 1)
        for name in ("z", "y", "z"):
            explorer.response.value = name
        assert (work["surface"], work["shrinkage"]) == (1, 4)
        old = explorer.pictures[LIKELIHOOD].picture.alt
        explorer.tab.selected_index = LIKELIHOOD
        assert (work["surface"], work["shrinkage"]) == (2, 4)
        assert explorer.pictures[LIKELIHOOD].picture.alt != old
        explorer.tab.selected_index = SHRINKAGE
        explorer.tab.selected_index = LIKELIHOOD
        assert (work["surface"], work["shrinkage"]) == (2, 4)

    def test_a_panel_not_changed_since_is_not_computed_again(self, work):
        explorer = explored()
        for number in (INTERVALS, SHRINKAGE, LIKELIHOOD, INTERVALS, SHRINKAGE):
            explorer.tab.selected_index = number
        assert (work["surface"], work["wald_table"], work["shrinkage"]) == (1, 1, 1)

    def test_no_tab_selected_no_work(self, work):
        explorer = explored()
        explorer.tab.selected_index = None
        explorer.response.value = "z"
        assert (work["surface"], work["wald_table"], work["shrinkage"]) == (1, 0, 0)
        assert work["summary_html"] == 2

    def test_profiles_under_way_stop_when_their_panel_is_hidden(self, work, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.longwork.BUDGET", 0.0)

        async def main() -> None:
            explorer = explored()
            explorer.tab.selected_index = INTERVALS
            await asyncio.sleep(0)
            explorer.tab.selected_index = SHRINKAGE
            before = seqs(explorer)[INTERVALS]
            await asyncio.sleep(0.3)
            assert seqs(explorer)[INTERVALS] == before
            explorer.tab.selected_index = INTERVALS
            await asyncio.sleep(0.6)
            _, table = explorer.pictures[INTERVALS]._drawn
            assert np.isfinite(table.profile_lower).all()

        asyncio.run(main())


class TestProblems:
    def failing(self) -> tuple[pd.DataFrame, Explorer]:
        data = simulated(small=[f"s{i}" for i in np.repeat(np.arange(40), 3)])
        data["four"] = [f"f{i}" for i in np.random.default_rng(0).integers(0, 4, 120)]
        return data, mw.explore(data, "y", "small", ["x"])

    def test_the_last_good_pictures_stay(self):
        _, explorer = self.failing()
        good, before = explorer.fit, (seqs(explorer), explorer.fit_panel.widget.value)
        explorer.slopes.boxes["four"].value = True
        assert explorer.formula == "y ~ x + (four | small)"
        assert explorer.fit is good
        assert (seqs(explorer), explorer.fit_panel.widget.value) == before
        assert "160 random effects" in explorer.problem
        assert 'role="alert"' in explorer.status.value
        assert "The picture still shows y ~ x + (1 | small)." in explorer.status.value
        assert "y ~ x + (1 | small)" in explorer.code
        assert "ModelError" in explorer.error
        explorer.slopes.boxes["four"].value = False
        assert (explorer.problem, explorer.error) == ("", None)
        assert "alert" not in explorer.status.value

    def test_from_the_start_and_out_of_it(self):
        data, _ = self.failing()
        explorer = mw.explore(data, "y", "small", slopes=["four"])
        assert explorer.fit is None
        assert explorer.code == ""
        assert 'role="alert"' in explorer.status.value
        bundle = explorer._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        explorer.slopes.boxes["four"].value = False
        assert explorer.fit.formula == "y ~ 1 + (1 | small)"
        assert explorer.pictures[LIKELIHOOD].picture.alt

    def test_a_picture_that_cannot_be_drawn(self, monkeypatch):
        explorer = explored()
        before = seqs(explorer)

        def broken(*args: Any) -> None:
            raise ValueError("no such surface")

        monkeypatch.setattr(panels_module, "surface", broken)
        explorer.response.value = "z"
        assert "ValueError: no such surface" in explorer.problem
        assert "in broken" in explorer.error
        assert 'role="alert"' in explorer.status.value
        assert seqs(explorer) == before
        assert explorer.fit.formula == "z ~ x + (x | g)"
        assert "z ~ x" in explorer.fit_panel.widget.value
        monkeypatch.undo()
        explorer.criterion.value = True
        assert (explorer.problem, explorer.error) == ("", None)
        assert "REML" in explorer.pictures[LIKELIHOOD].picture.alt

    def test_a_picture_that_failed_is_drawn_when_its_model_is_chosen_again(self, monkeypatch):
        _, explorer = self.failing()
        with monkeypatch.context() as broken:
            broken.setattr(panels_module, "surface", lambda *args: 1 / 0)
            explorer.criterion.value = True
        explorer.slopes.boxes["four"].value = True
        assert "160 random effects" in explorer.problem
        explorer.slopes.boxes["four"].value = False
        assert explorer.problem == ""
        assert "REML" in explorer.pictures[LIKELIHOOD].picture.alt

    def test_profiles_that_fail_on_the_loop_are_told(self, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.longwork.BUDGET", 0.0)

        def broken(design: Any, estimate: Any, table: Any) -> Iterator[Any]:
            yield table
            raise ValueError("lost the profile")

        monkeypatch.setattr(panels_module, "with_profiles", broken)

        async def main() -> Explorer:
            explorer = explored()
            explorer.tab.selected_index = INTERVALS
            assert explorer.problem == ""
            await asyncio.sleep(0.2)
            return explorer

        explorer = asyncio.run(main())
        assert "lost the profile" in explorer.problem
        assert "in broken" in explorer.error


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
        assert seen.alt == [explorer.pictures[LIKELIHOOD].picture.alt]
        assert "y ~ x + (x | g)" in seen.text
        assert seen.tags <= TAGS

    def test_the_picture_is_the_one_on_the_screen(self):
        explorer = explored()
        explorer.tab.selected_index = SHRINKAGE
        assert Seen(explorer.static_html()).alt == [explorer.pictures[SHRINKAGE].picture.alt]

    def test_data_stay_in_the_kernel(self):
        data = simulated(secret=[f"patient {i}" for i in range(120)])
        explorer = mw.explore(data, "y", "g")
        sent = "".join(str(widget.get_state()) for widget in tree(explorer))
        assert "patient" not in sent


# ---- whatever is clicked, controls, formula, fit and tables agree

ACTIONS = st.one_of(
    st.tuples(st.just("response"), st.integers(0, 9)),
    st.tuples(st.just("group"), st.integers(0, 9)),
    st.tuples(st.just("fixed"), st.sampled_from(list(simulated()))),
    st.tuples(st.just("slopes"), st.sampled_from(list(simulated()))),
    st.tuples(st.just("criterion"), st.booleans()),
    st.tuples(st.just("correlated"), st.booleans()),
    st.tuples(st.just("tab"), st.sampled_from([LIKELIHOOD, SHRINKAGE])),
)


def act(explorer: Explorer, control: str, argument: Any) -> None:
    if control in ("response", "group"):
        dropdown = getattr(explorer, control)
        names = [value for _, value in dropdown.options]
        dropdown.value = names[argument % len(names)]
    elif control in ("fixed", "slopes"):
        box = getattr(explorer, control).boxes[argument]
        offered = getattr(explorer._session.resolved, f"{control}_offer").names
        if argument in offered:
            box.value = not box.value
    elif control == "tab":
        explorer.tab.selected_index = argument
    else:
        getattr(explorer, control).value = argument


@given(st.lists(ACTIONS, min_size=1, max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_clicked_everything_agrees(actions):
    data = simulated()
    explorer = mw.explore(data, "y", "g")
    for control, argument in actions:
        act(explorer, control, argument)
        resolved = explorer._session.resolved
        assert explorer.response.value == resolved.response
        assert explorer.group.value == resolved.group
        for ticks, names in ((explorer.fixed, resolved.fixed), (explorer.slopes, resolved.slopes)):
            assert {name for name, box in ticks.boxes.items() if box.value} == set(names)
        assert explorer.formula == str(resolved.spec)
        if explorer.problem:
            assert "unexpected" not in explorer.problem
        else:
            assert explorer.fit.formula == explorer.formula
            assert explorer.fit.reml == explorer.criterion.value
            shown = explorer.pictures[explorer.tab.selected_index]
            assert shown.fit is explorer.fit
    if not explorer.problem:
        again = mw.lmer(explorer.formula, data, REML=explorer.criterion.value)
        assert explorer.fit.criterion == again.criterion
    ipw.Widget.close_all()

"""The panel of models visited: go back to one, name it, compare two, take one as code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import ipywidgets as ipw
import pytest
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.widgets import explorer as explorer_module
from mixedwidgets.widgets import history as history_module
from mixedwidgets.widgets.history import History
from mixedwidgets.widgets.panels.compare import ComparePanel
from tests.widget_tools import HEAVY, HOSTILE, check_html, check_widgets, light_panels, simulated

SLEEP = mw.load("sleepstudy")
NULL = "Reaction ~ 1 + (1 | Subject)"
INTERCEPT = "Reaction ~ Days + (1 | Subject)"
SLOPE = "Reaction ~ Days + (Days | Subject)"
APART = "Reaction ~ Days + (Days || Subject)"
FITS = {
    (text, reml): mw.lmer(text, SLEEP, REML=reml)
    for text in (NULL, INTERCEPT, SLOPE, APART)
    for reml in (False, True)
}
WHEAT = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
BOUNDARY = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)


class Log:
    """Keeps a history as the explorer does, and tells a panel."""

    def __init__(self) -> None:
        self.history = History()
        self.fits: dict[int, mw.Fit] = {}
        self.coded: list[int] = []
        self.illustrated = 0
        self.panel = ComparePanel(self)

    def visit(self, *fits: mw.Fit) -> None:
        for fit in fits:
            self.history = self.history.visit(fit, (fit.formula, fit.reml))
            self.fits[self.history.current] = fit
            self.panel.fit = fit

    def go(self, id: int) -> None:
        self.history = self.history.go(id)
        self.visit(self.fits[id])

    def show_code(self, id: int) -> None:
        self.coded.append(id)
        self.go(id)

    def illustrate(self) -> None:
        self.illustrated += 1
        for visit in self.history.visits:
            if visit.thumbnail is None:
                self.history = self.history.illustrate(visit.id, b"PNG")


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def log() -> Log:
    log = Log()
    log.visit(*(FITS[text, False] for text in (NULL, INTERCEPT, SLOPE)))
    return log


def rows(log: Log) -> list[str]:
    """The text of every row on the screen."""
    shown = [box.children[0].value for box in log.panel.place.children]
    return [" ".join(re.sub("<[^>]*>", " ", text).split()) for text in shown]


def marked(log: Log) -> list[int]:
    """The rows marked as the current model."""
    return [
        number
        for number, box in enumerate(log.panel.place.children, 1)
        if "border-left: 4px solid transparent" not in box.children[0].value
    ]


class TestRows:
    def test_one_for_each_model_with_its_numbers(self, log):
        assert len(rows(log)) == 3
        for row, text in zip(rows(log), (NULL, INTERCEPT, SLOPE), strict=True):
            fit = FITS[text, False]
            for number in (
                text,
                f"ML · {fit.npar} parameters · log-likelihood {fit.loglik:.2f}",
                f"AIC {fit.aic:.1f} · BIC {fit.bic:.1f} · 180 rows",
            ):
                assert number in row
            assert "boundary" not in row
        assert marked(log) == [3]

    def test_a_boundary_fit_says_so(self, log):
        log.visit(BOUNDARY)
        assert rows(log)[-1].endswith("boundary fit")

    def test_thumbnails(self, log):
        assert all('src="data:image/png;base64,UE5H"' in box.children[0].value
                   for box in log.panel.place.children)  # fmt: skip

    def test_a_model_visited_again_is_no_new_row(self, log):
        before = log.panel.rows.copy()
        log.visit(FITS[NULL, False])
        assert (len(rows(log)), marked(log)) == (3, [1])
        assert log.panel.rows == before

    def test_branches_are_set_apart(self, log):
        log.go(2)
        log.visit(FITS[APART, False])
        log.go(1)
        log.visit(FITS[NULL, True])
        indents = [
            int(re.search(r"margin-left: (\d+)px", box.children[0].value)[1])
            for box in log.panel.place.children
        ]
        assert indents == [0, 0, 0, 16, 16]

    def test_nothing_is_drawn_while_hidden(self):
        log = Log()
        log.panel.visible = False
        log.visit(*(FITS[text, False] for text in (NULL, INTERCEPT, SLOPE)))
        assert (log.illustrated, rows(log)) == (0, [])
        log.panel.visible = True
        assert (log.illustrated, len(rows(log))) == (1, 3)


class TestSteps:
    def test_back_and_forward(self, log):
        panel = log.panel
        assert (panel.back.disabled, panel.forward.disabled) == (False, True)
        panel.back.click()
        panel.back.click()
        assert (marked(log), log.panel.fit) == ([1], FITS[NULL, False])
        assert (panel.back.disabled, panel.forward.disabled) == (True, False)
        panel.back.click()  # as far as it goes
        assert marked(log) == [1]
        panel.forward.click()
        assert (marked(log), log.panel.fit) == ([2], FITS[INTERCEPT, False])

    def test_forward_is_the_branch_last_taken(self, log):
        log.go(2)
        log.visit(FITS[APART, False])
        log.panel.back.click()
        log.panel.forward.click()
        assert marked(log) == [4]
        log.go(3)
        log.panel.back.click()
        log.panel.forward.click()
        assert marked(log) == [3]

    def test_to_any_model(self, log):
        log.panel.rows[1].go.click()
        assert (marked(log), log.panel.fit) == ([1], FITS[NULL, False])
        assert [log.panel.rows[n].go.disabled for n in (1, 2, 3)] == [True, False, False]

    def test_any_model_as_code(self, log):
        log.panel.rows[2].code.click()
        assert (log.coded, marked(log)) == ([2], [2])

    def test_what_fails_is_told(self, log, monkeypatch):
        def broken(id: int) -> None:
            raise ModelError("There is no way back.")

        monkeypatch.setattr(log, "go", broken)
        log.panel.back.click()
        assert log.panel.problem == "There is no way back."
        assert 'role="alert"' in log.panel._alert.value


class TestNames:
    def test_a_name_is_given_and_taken_away(self, log):
        panel = log.panel
        panel.name.value = "with slopes"
        assert log.history[3].name == "with slopes"
        assert rows(log)[2].startswith(f"with slopes {SLOPE}")
        assert ("with slopes: " + SLOPE, 3) in panel.one.options
        assert "with slopes" in panel.result.value
        log.go(1)
        assert panel.name.value == ""
        log.go(3)
        assert panel.name.value == "with slopes"
        panel.name.value = ""
        assert rows(log)[2].startswith("model 3")

    @pytest.mark.parametrize(
        ("name", "said"),
        [("null", "already what model 1 is called"), ("model 2", "give another"), ("n" * 61, "60")],
    )
    def test_a_name_that_cannot_be(self, log, name, said):
        log.history = log.history.rename(1, "null")
        log.panel.name.value = name
        assert said in log.panel.problem
        assert log.history[3].name == ""
        log.panel.name.value = "slopes"
        assert (log.panel.problem, log.history[3].name) == ("", "slopes")

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_names(self, log, name):
        log.panel.name.value = name
        check_widgets(log.panel)
        check_html(log.panel.static_html())

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_columns(self, name):
        data = simulated().rename(columns={"x": name})
        x = "`" + name.replace("\\", "\\\\").replace("`", "\\`").replace("\n", "\\n") + "`"
        log = Log()
        log.visit(mw.lmer("y ~ 1 + (1 | g)", data, REML=False))
        log.visit(mw.lmer(f"y ~ {x} + (1 | g)", data, REML=False))
        assert log.panel.problem == ""
        check_widgets(log.panel)
        check_html(log.panel.static_html(), name)


class TestComparing:
    def test_one_model_is_not_compared(self):
        log = Log()
        log.visit(FITS[NULL, False])
        assert log.panel.result.value == "Visit two models to compare them."

    def test_with_the_model_before_by_likelihood_ratio(self, log):
        panel = log.panel
        assert (panel.one.value, panel.other.value) == (3, 2)
        small, large = FITS[INTERCEPT, False], FITS[SLOPE, False]
        statistic = 2.0 * (large.loglik - small.loglik)
        p = chi2.sf(statistic, 2)
        assert f"Likelihood-ratio test (ML): {statistic:.4g} on 2 degrees of freedom" in (
            panel.result.value
        )
        assert "Model 3 adds" in panel.result.value
        assert f"{p:.3g}" in panel.result.value or "mixture" in panel.result.value
        assert "<table" in panel.result.value

    def test_any_two(self, log):
        log.panel.other.value = 1
        statistic = 2.0 * (FITS[SLOPE, False].loglik - FITS[NULL, False].loglik)
        assert f"{statistic:.4g} on 3 degrees of freedom" in log.panel.result.value
        log.panel.one.value = 2
        statistic = 2.0 * (FITS[INTERCEPT, False].loglik - FITS[NULL, False].loglik)
        p = chi2.sf(statistic, 1)
        assert f"{statistic:.4g} on 1 degree of freedom, p = {p:.3g}." in log.panel.result.value
        log.panel.one.value = 1
        assert log.panel.result.value == ""

    def test_reml_fits_are_fitted_by_maximum_likelihood(self, log):
        log.visit(FITS[NULL, True], FITS[INTERCEPT, True])
        said = log.panel.result.value
        statistic = 2.0 * (FITS[INTERCEPT, False].loglik - FITS[NULL, False].loglik)
        assert f"Likelihood-ratio test (ML): {statistic:.4g}" in said
        assert "fitted by maximum likelihood" in said

    def test_the_same_model_by_another_criterion_has_no_test(self, log):
        log.visit(FITS[SLOPE, True])
        assert "one model, fitted by ML and by REML" in log.panel.result.value
        assert "Likelihood-ratio" not in log.panel.result.value

    def test_why_not_when_not_nested(self):
        data = simulated()
        log = Log()
        log.visit(*(mw.lmer(f"y ~ {x} + (1 | g)", data, REML=False) for x in ("x", "z")))
        assert "Model 2 adds the fixed effect z; it leaves out" in log.panel.result.value
        assert "model 1 and model 2 are not nested" in log.panel.result.value
        assert "Likelihood-ratio test" not in log.panel.result.value
        log.visit(mw.lmer("z ~ x + (1 | g)", data, REML=False))
        assert "respon" in log.panel.result.value
        log.visit(WHEAT)
        assert log.panel.problem == ""
        assert "Likelihood-ratio test" not in log.panel.result.value

    def test_a_fit_that_is_not_kept(self, log, monkeypatch):
        monkeypatch.setattr(history_module, "KEPT", 2)
        log.visit(FITS[APART, False])
        log.panel.other.value = 1
        assert "The fit of model 1 is not kept any more" in log.panel.problem
        log.panel.rows[1].go.click()
        assert log.panel.problem == ""

    def test_without_a_kernel(self, log):
        html = log.panel.static_html()
        assert f"{FITS[SLOPE, False].loglik:.2f}"[:7] in html
        assert SLOPE in html
        assert "Likelihood-ratio test" in html
        check_html(html)


class TestInTheExplorer:
    @pytest.fixture
    def explorer(self, monkeypatch) -> mw.Explorer:
        for title, panel in light_panels().items():
            monkeypatch.setattr(explorer_module, HEAVY[title], panel)
        explorer = mw.explore(SLEEP, fixed=["Days"])
        explorer.desk.turn_to("Compare")
        return explorer

    def test_it_moves_the_whole_explorer(self, explorer):
        panel = explorer.desk.panels["Compare"]
        explorer.chooser.slopes.boxes["Days"].value = True
        assert [v.formula for v in explorer.history.visits] == [INTERCEPT, SLOPE]
        assert all(v.thumbnail.startswith(b"\x89PNG") for v in explorer.history.visits)
        panel.back.click()
        assert explorer.formula == explorer.fit.formula == INTERCEPT
        assert not explorer.chooser.slopes.boxes["Days"].value
        panel.forward.click()
        assert explorer.formula == SLOPE
        assert explorer.chooser.formula.text.value == SLOPE
        panel.name.value = "slopes"
        assert explorer.history[2].name == "slopes"
        assert list(explorer.history.table["name"]) == ["", "slopes"]
        assert (explorer.problem, explorer.error) == ("", None)

    def test_code_turns_to_the_code(self, explorer):
        explorer.chooser.criterion.value = True
        explorer.desk.panels["Compare"].rows[1].code.click()
        assert explorer.desk.tops[0] == "Code"
        assert "REML=False" in explorer.code
        assert "REML=False" in explorer.desk.panels["Code"].script.value
        assert explorer.history.current == 1

    def test_a_choice_that_fails_is_no_visit(self, explorer, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.session.lmer", lambda *a, **o: 1 / 0)
        explorer.chooser.criterion.value = True
        assert "ZeroDivisionError" in explorer.problem
        assert len(explorer.history) == 1
        assert "ZeroDivisionError" not in explorer.desk.panels["Compare"].problem

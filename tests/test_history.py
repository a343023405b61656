"""The history: a tree of models that one moves in, and two of them side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.widgets import history as module
from mixedwidgets.widgets.difference import difference
from mixedwidgets.widgets.history import History

SLEEP = mw.load("sleepstudy")
NULL = "Reaction ~ 1 + (1 | Subject)"
INTERCEPT = "Reaction ~ Days + (1 | Subject)"
SLOPE = "Reaction ~ Days + (Days | Subject)"
APART = "Reaction ~ Days + (Days || Subject)"


def fitted(formula: str, REML: bool = False, data: pd.DataFrame = SLEEP, **options) -> mw.Fit:
    return mw.lmer(formula, data, REML=REML, **options)


FITS = {name: fitted(name) for name in (NULL, INTERCEPT, SLOPE, APART)}


def through(*formulas: str) -> History:
    history = History()
    for formula in formulas:
        history = history.visit(FITS[formula], formula)
    return history


class TestTree:
    def test_before_the_first_model(self):
        history = History()
        assert len(history) == 0
        assert history.current is None
        assert history.back() is history
        assert history.forward() is history
        assert history.table.empty
        assert not history.can_go_back
        assert not history.can_go_forward

    def test_every_visit_is_a_child_of_where_one_was(self):
        history = through(NULL, INTERCEPT, SLOPE)
        assert [(v.id, v.parent, v.formula) for v in history.visits] == [
            (1, None, NULL),
            (2, 1, INTERCEPT),
            (3, 2, SLOPE),
        ]
        assert history.current == 3

    def test_it_branches(self):
        history = through(NULL, INTERCEPT, SLOPE).back().visit(FITS[APART], APART)
        assert [v.id for v in history.children(2)] == [3, 4]
        assert [v.id for v in history.children(None)] == [1]
        assert history[4].parent == 2
        assert history.current == 4

    def test_the_same_model_is_moved_to_and_the_tree_stays(self):
        before = through(NULL, INTERCEPT, SLOPE)
        after = before.visit(FITS[NULL], NULL)
        assert len(after) == 3
        assert after.current == 1
        assert [v.parent for v in after.visits] == [None, 1, 2]
        assert after.visit(FITS[SLOPE], SLOPE)[3].parent == 2

    def test_forward_goes_where_one_last_was(self):
        history = through(NULL, INTERCEPT, SLOPE).go(2).visit(FITS[APART], APART)
        assert history.go(1).forward().current == 2
        assert history.go(1).forward().forward().current == 4
        assert history.go(3).go(1).forward().forward().current == 3
        assert history.go(4).forward().current == 4
        assert history.go(2).can_go_forward
        assert not history.go(4).can_go_forward

    def test_back_stops_at_the_first(self):
        history = through(NULL, INTERCEPT)
        assert history.back().current == 1
        assert history.back().back().current == 1
        assert history.can_go_back
        assert not history.back().can_go_back

    def test_no_move_changes_the_history_it_starts_from(self):
        history = through(NULL, INTERCEPT)
        seen = (history.visits, history.current, dict(history.branch), dict(history.fits))
        history.back()
        history.visit(FITS[SLOPE], SLOPE)
        history.rename(1, "first")
        history.illustrate(1, b"png")
        assert seen == (history.visits, history.current, history.branch, history.fits)

    def test_the_order_in_time(self):
        history = through(NULL, INTERCEPT, SLOPE).go(1)
        assert [v.order for v in history.visits] == [4, 2, 3]

    @pytest.mark.parametrize("id", [0, 4, -1, None, "1", True, 1.0])
    def test_a_visit_that_does_not_exist(self, id):
        history = through(NULL, INTERCEPT, SLOPE)
        for move in (history.go, lambda i: history.rename(i, "x"), lambda i: history.compare(i, 1)):
            with pytest.raises(mw.ModelError, match=r"^There is no model .*; there are 1 to 3\.$"):
                move(id)


class TestNumbers:
    def test_a_visit_has_the_numbers_of_its_fit(self):
        fit = fitted(SLOPE, REML=True)
        visit = History().visit(fit, "key", b"png")[1]
        assert (visit.criterion, visit.df, visit.nobs, visit.boundary) == ("REML", 6, 180, False)
        # lme4 1.1-31: logLik, AIC and BIC of the REML fit
        np.testing.assert_allclose(
            (visit.loglik, visit.aic, visit.bic), (-871.8141, 1755.628, 1774.786), rtol=1e-6
        )
        assert visit.thumbnail == b"png"
        assert repr(visit) == f"<Visit 1: {SLOPE} (REML), logLik -871.8141>"

    def test_a_boundary_fit(self):
        fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
        assert History().visit(fit, 0)[1].boundary

    def test_the_table(self):
        history = through(NULL, INTERCEPT).visit(fitted(INTERCEPT, True), "r").rename(2, "days")
        table = history.back().table
        assert list(table.index) == [1, 2, 3]
        assert table.index.name == "model"
        assert list(table["name"]) == ["", "days", ""]
        assert list(table["formula"]) == [NULL, INTERCEPT, INTERCEPT]
        assert list(table["criterion"]) == ["ML", "ML", "REML"]
        assert list(table["df"]) == [3, 4, 4]
        assert list(table["current"]) == [False, True, False]
        assert list(table["parent"].astype(object)) == [pd.NA, 1, 2]
        np.testing.assert_allclose(table["AIC"], -2 * table["logLik"] + 2 * table["df"])
        np.testing.assert_allclose(table["BIC"], -2 * table["logLik"] + np.log(180) * table["df"])

    def test_memory_is_bounded(self):
        history = History()
        for i in range(100):
            history = history.visit(FITS[NULL], i)
        assert len(history) == 100
        assert list(history.fits) == list(range(69, 101))
        assert len(history.table) == 100
        back = history.go(70)
        assert list(back.fits)[-1] == 70
        assert list(back.visit(FITS[NULL], "new").fits) == [*range(71, 101), 70, 101]

    def test_a_fit_no_longer_kept(self, monkeypatch):
        monkeypatch.setattr(module, "KEPT", 2)
        history = through(NULL, INTERCEPT, SLOPE)
        with pytest.raises(
            mw.ModelError,
            match=r"^The fit of model 1 is not kept any more, as 2 .* fitted again\.$",
        ):
            history.compare(1, 3)
        again = history.visit(FITS[NULL], NULL)
        assert again.compare(1, 3).nested


class TestNames:
    def test_a_name(self):
        history = through(NULL, INTERCEPT).rename(1, "  no\n days ")
        assert history[1].name == "no days"
        assert [v.label for v in history.visits] == ["no days", "model 2"]
        assert history.rename(1, "")[1].label == "model 1"

    @pytest.mark.parametrize("name", ["x" * 61, None, 3])
    def test_no_name(self, name):
        with pytest.raises(mw.ModelError, match=r"is no name of a model; give a text of at most"):
            through(NULL).rename(1, name)

    def test_two_of_one_name(self):
        history = through(NULL, INTERCEPT).rename(1, "a")
        with pytest.raises(mw.ModelError, match=r"^'a' is already what model 1 is called; give"):
            history.rename(2, "a")
        for name in ("model 1", "model 7"):
            with pytest.raises(mw.ModelError, match=r"is what another model is called without a"):
                history.rename(2, name)
        assert history.rename(1, "model 1")[1].label == "model 1"
        assert history.rename(1, "a")[1].name == "a"


class TestComparison:
    def test_nested_models_of_the_fixed_effects(self):
        found = through(NULL, INTERCEPT).compare(2, 1)
        assert found.labels == ("model 1", "model 2")
        assert found.nested
        statistic = 2 * (FITS[INTERCEPT].loglik - FITS[NULL].loglik)
        assert found.statistic == pytest.approx(statistic, rel=1e-9)
        assert found.df == 1
        assert found.p == pytest.approx(chi2.sf(statistic, 1), rel=1e-9)
        assert np.isnan(found.p_mixture)
        assert (found.criterion, found.refitted) == ("ML", False)
        assert found.difference == "Model 2 adds the fixed effect Days, compared with model 1."
        assert list(found.table["AIC"]) == [FITS[NULL].aic, FITS[INTERCEPT].aic]

    def test_a_variance_at_the_boundary(self):
        found = through(INTERCEPT, APART).compare(1, 2)
        statistic = 2 * (FITS[APART].loglik - FITS[INTERCEPT].loglik)
        assert found.p == pytest.approx(chi2.sf(statistic, 1))
        assert found.p_mixture == pytest.approx(0.5 * chi2.sf(statistic, 1))
        assert "by the mixture of chi-squares" in found.sentence
        found = through(INTERCEPT, SLOPE).compare(1, 2)
        statistic = 2 * (FITS[SLOPE].loglik - FITS[INTERCEPT].loglik)
        # lme4 1.1-31: anova gives Chisq 42.139 on 2 Df
        assert found.statistic == pytest.approx(42.139, abs=1e-3)
        assert found.p_mixture == pytest.approx(
            0.5 * chi2.sf(statistic, 1) + 0.5 * chi2.sf(statistic, 2)
        )
        assert any("conservative" in note for note in found.notes)

    def test_a_correlation_is_inside(self):
        found = through(APART, SLOPE).compare(1, 2)
        assert np.isnan(found.p_mixture)
        assert found.statistic == pytest.approx(0.0639, abs=1e-4)  # lme4 1.1-31
        assert found.difference == (
            "Model 2 adds the correlation of the random effects of Subject, compared with model 1."
        )

    def test_restricted_likelihoods_of_the_same_fixed_effects(self):
        one, other = fitted(INTERCEPT, True), fitted(SLOPE, True)
        found = History().visit(one, 1).visit(other, 2).compare(1, 2)
        assert (found.criterion, found.refitted) == ("REML", False)
        assert found.statistic == pytest.approx(one.criterion - other.criterion)
        assert found.sentence.startswith("Likelihood-ratio test (REML): 42.84 on 2 degrees")

    @pytest.mark.parametrize("reml", [True, False])
    def test_restricted_likelihoods_of_different_ones_are_not(self, reml):
        one, other = fitted(NULL, reml), fitted(INTERCEPT, True)
        found = History().visit(one, 1).visit(other, 2).compare(1, 2)
        assert (found.criterion, found.refitted) == ("ML", True)
        assert found.statistic == pytest.approx(2 * (FITS[INTERCEPT].loglik - FITS[NULL].loglik))
        assert "The fits by REML were refitted by maximum likelihood." in found.notes

    def test_not_nested(self):
        data = SLEEP.assign(Week=SLEEP["Days"] // 3)
        other = fitted("Reaction ~ Week + (1 | Subject)", data=data)
        found = History().visit(FITS[SLOPE], 1).visit(other, 2).compare(1, 2)
        assert found.labels == ("model 2", "model 1")
        assert not found.nested
        assert np.isnan([found.statistic, found.p, found.df]).all()
        assert found.sentence == (
            "model 2 and model 1 are not nested: the fixed effects or the offset of model 2 are no "
            "combination of those of model 1. Chisq is no test then; compare AIC or BIC."
        )
        assert found.table["AIC"].notna().all()
        assert found.difference == (
            "Model 1 adds the fixed effect Days, random slopes of Days between levels of Subject "
            "and the correlation of the random effects of Subject; it leaves out the fixed effect "
            "Week, compared with model 2."
        )

    @pytest.mark.parametrize(
        ("other", "sentence"),
        [
            (
                fitted(SLOPE, data=SLEEP.iloc[:-1]),
                r"^The fits use different rows: 180 by .* 179 by",
            ),
            (fitted("log(Reaction) ~ Days + (1 | Subject)"), r"^The responses of .* differ, and"),
            (fitted(INTERCEPT, weights=1.0 + SLEEP["Days"]), r"fitted with different weights; fit"),
            (fitted(SLOPE, True), r"^They are one model, fitted by ML and by REML, whose"),
            (
                fitted("Reaction ~ I(2 * Days) + (Days | Subject)"),
                r"are the same model in other words, so there is nothing to compare\.$",
            ),
        ],
    )
    def test_what_cannot_be_compared(self, other, sentence):
        found = History().visit(FITS[SLOPE], 1).visit(other, 2).compare(1, 2)
        assert found.table is None
        assert not found.nested
        assert found.criterion == ""
        with pytest.raises(AssertionError, match=sentence):
            raise AssertionError(found.sentence)
        assert "\n" not in found.sentence
        assert found.sentence in repr(found)

    def test_with_itself(self):
        with pytest.raises(mw.ModelError, match=r"^model 1 is compared with itself; choose two"):
            through(NULL).compare(1, 1)

    def test_names_are_used(self):
        history = through(NULL, INTERCEPT).rename(1, "null").rename(2, "days | x")
        found = history.compare(1, 2)
        assert found.labels == ("null", "days | x")
        assert list(found.table.index) == ["null", "days | x"]


class TestDifference:
    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ((NULL,), (SLOPE,), "adds the fixed effect Days, random slopes of Days between"),
            (
                (SLOPE,),
                (INTERCEPT,),
                "b leaves out random slopes of Days between levels of Subject",
            ),
            ((SLOPE,), (SLOPE, True), "B has REML instead of ML, compared with a."),
            (
                (INTERCEPT,),
                ("Reaction ~ 0 + Days + (1 | Subject)",),
                "B adds a fixed part without intercept, compared with a.",
            ),
            (
                (INTERCEPT,),
                ("Reaction ~ poly(Days, 2) + Days:w + w + offset(w) + (1 | Subject)",),
                "B adds the fixed effects poly(Days, 2), w and Days:w and the offset w; it leaves "
                "out the fixed effect Days, compared with a.",
            ),
            (
                (INTERCEPT,),
                ("log(Reaction) ~ Days + (1 | Subject) + (0 + Days | Subject:half)",),
                "B adds random slopes of Days between levels of Subject:half; it has the response "
                "log(Reaction) instead of Reaction, compared with a.",
            ),
            ((SLOPE,), (SLOPE,), "a and b have the same formula, criterion and rows."),
        ],
    )
    def test_in_words(self, one, other, expected):
        data = SLEEP.assign(w=np.cos(np.arange(180.0)), half=SLEEP["Days"] > 4)
        fits = [fitted(*given, data=data) for given in (one, other)]
        assert expected.casefold() in difference(*fits).sentence("a", "b").casefold()

    def test_rows_weights_and_codings(self):
        cake = mw.load("cake").assign(w=lambda d: 1.0 + d["temp"] % 3)
        model = "angle ~ recipe + (1 | replicate)"
        plain = fitted(model, data=cake)
        for options, expected in (
            ({"data": cake.iloc[:200]}, "200 rows instead of 270"),
            ({"data": cake, "weights": "w"}, "the weights w instead of no weights"),
            ({"data": cake, "contrasts": {"recipe": "sum"}}, "another coding of categories"),
        ):
            found = difference(plain, fitted(model, **options))
            assert found.changed == (expected,)
            assert (found.added, found.removed) == ((), ())

    def test_many_parts(self):
        random = np.random.default_rng(0)
        data = SLEEP.assign(**{f"x{i}": random.normal(size=180) for i in range(12)})
        many = fitted(
            f"Reaction ~ {' + '.join(f'x{i}' for i in range(12))} + (1 | Subject)", data=data
        )
        (added,) = difference(fitted(NULL, data=data), many).added
        assert added == "the fixed effects x0, x1, x2, x3, x4, x5, x6, x7 and 4 more"

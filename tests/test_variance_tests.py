"""Tests of variances: exact answers, RLRsim's figures, full matrices, fits one by one, refusals."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.random import SeedSequence
from scipy.optimize import minimize
from scipy.stats import chi2, f

import mixedwidgets as mw
from mixedwidgets.errors import DataError, FormulaError, ModelError
from mixedwidgets.lmm.draws import GroupedDraws, draws_of
from mixedwidgets.lmm.dropping import drawn_ratios, null_model
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.mixture import critical_value, mixture_p_value
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.score_tests import extended
from mixedwidgets.lmm.scores import cone_statistics, score
from mixedwidgets.lmm.spectral_null import simulated_ratios, spectrum
from mixedwidgets.lmm.variance_tests import kept_without
from tests import dense
from tests.test_predict import crossed

FOUR = 4.0  # Monte-Carlo standard errors


def wheat(**options) -> mw.Fit:
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), **options)


def sleep(formula: str, **options) -> mw.Fit:
    return mw.lmer(formula, mw.load("sleepstudy"), **options)


def short_sleep() -> pd.DataFrame:
    """The first 3 to 9 days of each subject: unbalanced, 106 rows."""
    data = mw.load("sleepstudy")
    number = data["Subject"].astype(str).rank(method="dense").astype(int)
    return data[data["Days"] <= 2 + number % 7].reset_index(drop=True)


def dense_criterion(design, covariances, reml: bool) -> float:
    return float(dense.deviance(design, covariances, reml))


# --- the mixture


def test_mixture():
    for k in (1, 2, 3):
        for x in (0.3, 2.71, 9.0):
            lower = chi2.sf(x, k - 1) if k > 1 else 0.0
            assert mixture_p_value(x, k) == pytest.approx(0.5 * (lower + chi2.sf(x, k)), rel=1e-12)
    assert mixture_p_value(0.0, 1) == 1.0
    assert mixture_p_value(-1e-12, 2) == 1.0
    np.testing.assert_allclose(mixture_p_value(np.array([0.0, 2.705543]), 1), [1.0, 0.05], 1e-6)
    assert np.isnan(mixture_p_value(float("nan"), 1))
    assert critical_value(0.05) == pytest.approx(2.7055435, abs=1e-6)


@pytest.mark.parametrize("k", [0, 1.0, True, "1"])
def test_mixture_of_nothing(k):
    with pytest.raises(ModelError, match="number of variances and covariances tested"):
        mixture_p_value(1.0, k)


# --- the exact null distribution


@pytest.mark.parametrize("reml", [True, False])
def test_balanced_groups_are_tested_as_by_the_f_test(reml):
    """With balanced groups the likelihood ratio grows with F, so the exact p-value is that of F."""
    fit = wheat(REML=reml)
    data = mw.load("wheat")
    groups = [part["yield"].to_numpy() for _, part in data.groupby("region", observed=True)]
    between = 5 * np.var([g.mean() for g in groups], ddof=1)
    within = np.mean([np.var(g, ddof=1) for g in groups])
    p = f.sf(between / within, 9, 40)
    found = fit.test_variance(seed=1)
    assert found.method == "exact"
    assert found.criterion == ("REML" if reml else "ML")
    assert abs(found.p_value - p) < FOUR * found.mc_error
    drawn = simulated_ratios(spectrum(fit.estimate.moments, reml), 20_000, SeedSequence(2))
    zero = f.cdf(1.0 if reml else 10.0 / 9.0, 9, 40)
    assert abs(np.mean(drawn == 0.0) - zero) < FOUR * np.sqrt(zero * (1 - zero) / 20_000)


# RLRsim 3.1-8, RLRTSim and LRTSim with 200,000 draws and gridlength = 400, for short_sleep():
# share of zeros, and quantiles at 0.75, 0.9, 0.95, 0.99.
RLRSIM = {
    True: (0.53985, (0.3371786, 1.437597, 2.461949, 5.078253)),
    False: (0.60572, (0.1776347, 1.111674, 2.051847, 4.542127)),
}


@pytest.mark.parametrize("reml", [True, False])
def test_null_distribution_of_unbalanced_groups(reml):
    fit = mw.lmer("Reaction ~ Days + (1 | Subject)", short_sleep(), REML=reml)
    drawn = simulated_ratios(spectrum(fit.estimate.moments, reml), 40_000, SeedSequence(3))
    zeros, quantiles = RLRSIM[reml]
    assert abs(np.mean(drawn == 0.0) - zeros) < FOUR * np.sqrt(0.25 * (1 / 40_000 + 1 / 200_000))
    for p, q in zip((0.75, 0.9, 0.95, 0.99), quantiles, strict=True):
        error = np.sqrt(p * (1.0 - p) * (1 / 40_000 + 1 / 200_000))
        assert abs(np.mean(drawn <= q) - p) < FOUR * error


def test_draws_are_the_same_for_the_same_seed_however_many():
    fit = wheat()
    known = spectrum(fit.estimate.moments, True)
    root = SeedSequence(9)
    first = simulated_ratios(known, 1500, root)
    np.testing.assert_array_equal(first, simulated_ratios(known, 2500, root)[:1500])
    again = fit.test_variance(seed=4)
    np.testing.assert_array_equal(again.simulated, fit.test_variance(seed=4).simulated)


def test_a_ratio_is_the_largest_over_a_fine_grid():
    fit = mw.lmer("Reaction ~ Days + (1 | Subject)", short_sleep())
    known = spectrum(fit.estimate.moments, True)
    drawn = simulated_ratios(known, 200, SeedSequence(6))
    generator = np.random.default_rng(SeedSequence(6).spawn(1)[0])
    squares = generator.chisquare(known.dims, (1000, len(known.mu)))[:200]
    rest = np.random.default_rng(SeedSequence(6).spawn(1)[0])
    rest.chisquare(known.dims, (1000, len(known.mu)))
    rest = rest.chisquare(known.rest, 1000)[:200]
    grid = np.concatenate([[0.0], np.geomspace(1e-7, 1e3, 4000)])
    left = squares @ (1.0 / (1.0 + known.mu[:, None] * grid)) + rest[:, None]
    values = known.N * np.log((squares.sum(axis=1) + rest)[:, None] / left)
    values -= known.counts @ np.log1p(known.logs[:, None] * grid)
    np.testing.assert_allclose(drawn, values.max(axis=1), atol=2e-4)


# --- likelihood ratios


def test_the_statistic_against_full_matrices():
    for reml in (True, False):
        fit = wheat(REML=reml)
        null = dense_criterion(fit.design, [np.zeros((1, 1))], reml)
        assert fit.test_variance(seed=1).statistic == pytest.approx(null - fit.criterion, rel=1e-7)


@pytest.mark.parametrize("reml", [True, False])
def test_a_slope_and_its_correlation(reml):
    large = sleep("Reaction ~ Days + (Days | Subject)", REML=reml)
    small = sleep("Reaction ~ Days + (1 | Subject)", REML=reml)
    found = large.test_variance("sd_Days|Subject")
    assert found.method == "mixture"
    assert found.statistic == pytest.approx(small.criterion - large.criterion, rel=1e-8)
    assert found.p_value == mixture_p_value(found.statistic, 2)
    for other in (small, "(0 + Days | Subject)"):
        assert large.test_variance(other).statistic == pytest.approx(found.statistic, rel=1e-10)
    alone = sleep("Reaction ~ Days + (Days || Subject)", REML=reml).test_variance(small)
    assert alone.p_value == mixture_p_value(alone.statistic, 1)


def test_a_statistic_of_zero():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    for method in ("exact", "mixture", "bootstrap"):
        found = fit.test_variance(method=method, nsim=None if method != "bootstrap" else 20, seed=1)
        assert found.statistic == 0.0
        assert found.p_value == 1.0


SLOPES = {
    "one of two": ("Reaction ~ Days + (Days | Subject)", "sd_Days|Subject"),
    "the first of two": ("Reaction ~ Days + (Days | Subject)", "sd_(Intercept)|Subject"),
    "a block": ("Reaction ~ Days + (Days || Subject)", "(1 | Subject)"),
    "the middle of three": (
        "Reaction ~ Days + square + (Days + square | Subject)",
        "sd_Days|Subject",
    ),
    "everything": ("Reaction ~ Days + (Days | Subject)", "(Days | Subject)"),
}


@pytest.mark.parametrize("case", list(SLOPES))
def test_drawn_ratios_are_those_of_fits_one_by_one(case):
    formula, component = SLOPES[case]
    data = short_sleep().assign(square=lambda d: (d["Days"] - 4.5) ** 2)
    fit = mw.lmer(formula, data)
    kept = kept_without(fit.design, component)
    control = fit.call.control
    null = null_model(fit.design, fit.estimate, kept, control)
    root = SeedSequence(4)
    ratios = np.concatenate(
        list(drawn_ratios(fit.design, fit.estimate, null, kept, 5, root, control))
    )
    draws = GroupedDraws(fit.estimate.moments, null.truth, root)
    none = [np.zeros((len(b.names),) * 2) for b in fit.design.blocks]
    for i, ratio in enumerate(ratios):
        large = fit.refit(draws.response(i, fit.design))
        if null.estimate is None:
            value = dense_criterion(large.design, none, True)
        else:
            small = null_fit(null, large)
            value = small.optimum.value
        assert ratio == pytest.approx(max(value - large.criterion, 0.0), abs=2e-6)


def null_fit(null, large):
    """The estimates of the null model from another response."""
    return estimate(moments(replace(null.design, y=large.design.y)), large.reml)


def test_drawn_ratios_of_crossed_factors():
    fit = mw.lmer("y ~ x + (1 | g) + (1 | h)", crossed())
    kept = kept_without(fit.design, "(1 | h)")
    control = fit.call.control
    null = null_model(fit.design, fit.estimate, kept, control)
    small = mw.lmer("y ~ x + (1 | g)", crossed())
    assert null.value == pytest.approx(small.criterion, rel=1e-10)
    root = SeedSequence(1)
    drawn = np.concatenate(
        list(drawn_ratios(fit.design, fit.estimate, null, kept, 4, root, control))
    )
    draws = draws_of(small.design, small.estimate, root)
    for i, ratio in enumerate(drawn):
        y = draws.response(i, small.design)
        expected = max(small.refit(y).criterion - fit.refit(y).criterion, 0.0)
        assert ratio == pytest.approx(expected, abs=2e-6)


def test_the_bootstrap_agrees_with_the_exact_distribution():
    fit = wheat()
    exact = fit.test_variance(seed=1)
    boot = fit.test_variance(method="bootstrap", nsim=1000, seed=2)
    assert boot.failed == 0
    assert len(boot.simulated) == 1000
    assert abs(boot.p_value - exact.p_value) < FOUR * np.hypot(boot.mc_error, exact.mc_error)


def test_the_bootstrap_can_be_stopped():
    fit = mw.lmer("y ~ x + (1 | g) + (1 | h)", crossed())
    told = []

    def progress(done, total):
        told.append((done, total))
        return done < 3

    found = fit.test_variance("(1 | h)", "bootstrap", nsim=5, seed=1, progress=progress)
    assert told == [(1, 5), (2, 5), (3, 5)]
    assert len(found.simulated) == 3


# --- the score test


def pair(i: int, j: int) -> np.ndarray:
    """The symmetric matrix with ones at (i, j) and (j, i)."""
    return np.array([[float({a, b} == {i, j}) for b in (0, 1)] for a in (0, 1)])


def dense_score(fit: mw.Fit, larger: mw.Fit, known: list[np.ndarray], new: list[list[np.ndarray]]):
    """Score and information of minus twice the log-likelihood at a fit, with full matrices.

    ``known`` are the relative covariances of the larger model's terms with the new effects at
    zero; ``new`` are directions in them, the nuisance ones first.
    """
    design = larger.design
    n = len(design.y)
    V = dense.covariance(design, known)
    X = design.X
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    projection = P if fit.reml else inverse
    residual = P @ (design.y if design.offset is None else design.y - design.offset)
    zero = dense.covariance(design, [np.zeros_like(S) for S in known])
    parts = [dense.covariance(design, direction) - zero for direction in new]
    sigma2 = fit.sigma**2
    g = [np.trace(projection @ D) - residual @ D @ residual / sigma2 for D in parts]
    parts.append(V)  # sigma^2 itself, in relative units
    H = [[np.trace(projection @ D @ projection @ E) for E in parts] for D in parts]
    H = np.array(H)
    assert H[-1, -1] == pytest.approx(n - X.shape[1] if fit.reml else n)
    effective = H[:-1, :-1] - np.outer(H[:-1, -1], H[-1, :-1]) / H[-1, -1]
    return np.array(g), effective


@pytest.mark.parametrize("reml", [True, False])
def test_the_score_for_a_slope_against_full_matrices(reml):
    data = short_sleep()
    fit = mw.lmer("Reaction ~ Days + (1 | Subject)", data, REML=reml)
    larger = mw.lmer("Reaction ~ Days + (Days | Subject)", data, REML=reml)
    S = fit.theta.iloc[0] ** 2
    known = [np.array([[S, 0.0], [0.0, 0.0]])]
    g, H = dense_score(fit, larger, known, [[pair(0, 0)], [pair(0, 1)], [pair(1, 1)]])
    assert abs(g[0]) < 1e-5 * np.sqrt(H[0, 0])
    g, H = g[1:] - H[1:, 0] / H[0, 0] * g[0], H[1:, 1:] - np.outer(H[1:, 0], H[0, 1:]) / H[0, 0]
    best = -np.linalg.solve(H, g)
    expected = 0.5 * g @ np.linalg.solve(H, g) if best[1] > 0 else 0.5 * g[0] ** 2 / H[0, 0]
    found = fit.score_test("(Days | Subject)")
    assert found.method == "score"
    assert found.statistic == pytest.approx(expected, rel=1e-6)
    assert found.p_value == mixture_p_value(found.statistic, 2)
    alone = fit.score_test("(0 + Days | Subject)")
    assert alone.p_value == mixture_p_value(alone.statistic, 1)


@pytest.mark.parametrize("reml", [True, False])
def test_the_score_for_another_factor_against_full_matrices(reml):
    data = crossed()
    fit = mw.lmer("y ~ x + (x | g)", data, REML=reml, weights="w", offset="off")
    larger = mw.lmer("y ~ x + (x | g) + (1 | h)", data, REML=reml, weights="w", offset="off")
    S = dense.relative_covariances(fit.design, fit.theta.to_numpy())[0]
    zero, unit = np.zeros((1, 1)), np.ones((1, 1))
    nuisance = [[pair(i, j), zero] for i, j in ((0, 0), (0, 1), (1, 1))]
    g, H = dense_score(fit, larger, [S, zero], [*nuisance, [np.zeros((2, 2)), unit]])
    inverse = np.linalg.inv(H[:3, :3])
    g, H = g[3] - H[3, :3] @ inverse @ g[:3], H[3, 3] - H[3, :3] @ inverse @ H[:3, 3]
    expected = 0.5 * min(g, 0.0) ** 2 / H
    found = fit.score_test("(1 | h)")
    assert found.statistic == pytest.approx(expected, rel=1e-5, abs=1e-8)
    assert found.p_value == mixture_p_value(found.statistic, 1)


def test_scores_are_near_likelihood_ratios_where_there_is_much_data():
    data = mw.load("schools")
    small = mw.lmer("mscore ~ ses + (1 | school)", data)
    large = mw.lmer("mscore ~ ses + (ses | school)", data)
    ratio = large.test_variance(small)
    assert small.score_test("(ses | school)").statistic == pytest.approx(ratio.statistic, rel=0.25)
    noise = data.assign(noise=np.random.default_rng(1).normal(size=len(data)))
    assert mw.lmer("mscore ~ ses + (1 | school)", noise).score_test(
        "(0 + noise | school)"
    ).p_value == pytest.approx(
        mw.lmer("mscore ~ ses + (noise || school)", noise)
        .test_variance("(0 + noise | school)")
        .p_value,
        abs=0.05,
    )


def test_several_effects_at_once():
    data = crossed()
    fit = mw.lmer("y ~ x + z + (1 | g)", data)
    found = fit.score_test("(z | h)", nsim=2000, seed=1)
    again = fit.score_test("(z | h)", nsim=2000, seed=1)
    np.testing.assert_array_equal(found.simulated, again.simulated)
    assert 0.0 < found.p_value < 0.01
    assert found.statistic > fit.score_test("(1 | h)").statistic
    independent = fit.score_test("(z || h)", nsim=2000, seed=1)
    assert independent.statistic < found.statistic + 1e-8


def test_the_cone_against_a_search():
    rng = np.random.default_rng(5)
    A = rng.normal(size=(4, 4)) * np.array([1.0, 3.0, 3.0, 0.2])
    swap = np.array([0, 2, 1, 3])
    H = A.T @ A
    H = 0.25 * (H + H[swap] + H[:, swap] + H[np.ix_(swap, swap)])
    g = rng.normal(size=(6, 4)) * np.sqrt(np.diag(H))
    g = 0.5 * (g + g[:, swap])
    found = cone_statistics(g, H, (2,))

    def value(t, own):
        L = np.array([[t[0], 0.0], [t[1], t[2]]])
        C = (L @ L.T).reshape(-1)
        return own @ C + 0.5 * C @ H @ C

    for own, statistic in zip(g, found, strict=True):
        best = min(
            minimize(value, start, args=(own,), method="Nelder-Mead",
                     options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000}).fun
            for start in rng.normal(size=(3, 3))
        )  # fmt: skip
        assert statistic == pytest.approx(-best, rel=1e-5, abs=1e-8)


def test_two_independent_variances_have_the_known_mixture():
    H = np.diag([2.0, 5.0])
    g = np.random.default_rng(1).normal(size=(40_000, 2)) * np.sqrt(2.0 * np.diag(H))
    drawn = cone_statistics(g, H, (1, 1))
    for x in (0.5, 2.0, 4.0):
        p = 0.5 * chi2.sf(x, 1) + 0.25 * chi2.sf(x, 2)
        assert abs(np.mean(drawn > x) - p) < FOUR * np.sqrt(p * (1.0 - p) / 40_000)


def test_a_fit_on_the_boundary_can_be_extended():
    data = mw.load("dyestuff2").assign(day=np.tile([0.0, 1.0, 2.0, 3.0, 4.0], 6))
    fit = mw.lmer("Yield ~ day + (1 | Batch)", data)
    assert fit.verdict.kind == "boundary fit"
    found = fit.score_test("(day | Batch)")
    assert found.p_value == mixture_p_value(found.statistic, 1)  # no covariance with nothing


def test_the_extension_finds_the_same_likelihood():
    data = crossed()
    fit = mw.lmer("y ~ x + z + (1 | h) + (x | g)", data, weights="w")
    extra = mw.lmer("y ~ x + z + (x + z | g)", data, weights="w").design
    larger, extension = extended(fit.design, fit.estimate, extra, "(x + z | g)")
    assert [b.names for b in larger.blocks] == [("(Intercept)", "x", "z"), ("(Intercept)",)]
    found = score(moments(larger), extension, True)
    assert found.nfree == 2
    assert found.sizes == (1,)


# --- what is said, and refusals


def test_what_is_printed():
    found = wheat().test_variance(seed=1)
    assert repr(found) == found.sentence
    assert found.sentence.startswith(
        "(1 | region) against no such variation: restricted likelihood ratio 2.258, p = 0.0"
    )
    assert "10000 draws of its exact distribution" in found.sentence
    assert found._repr_html_() == f"<p>{found.sentence}</p>"
    assert found.mc_error == pytest.approx(np.sqrt(found.p_value * (1 - found.p_value) / 10_000))
    mixture = wheat(REML=False).test_variance(method="mixture")
    assert ": likelihood ratio" in mixture.sentence
    assert "chi-squares with 0 and 1 degrees of freedom" in mixture.sentence
    assert mixture.mc_error == 0.0
    score = sleep("Reaction ~ Days + (1 | Subject)").score_test("(Days | Subject)")
    assert score.sentence.startswith("(Days | Subject) against no such variation: restricted score")


@pytest.mark.parametrize(
    ("formula", "arguments", "sentence"),
    [
        ("(Days | Subject)", {}, "This model has 2 variances; say which to test"),
        ("(1 | Subject)", {"component": "sd_Days|Subject"}, "has no random effect 'sd_Days|Sub"),
        ("(1 | Subject)", {"component": "(Days | Subject)"}, "has no random effect '.Days | Sub"),
        ("(1 | Subject)", {"component": 3}, "has no random effect 3"),
        ("(1 | Subject)", {"method": "wald"}, "choose 'exact', 'mixture' or 'bootstrap'"),
        ("(1 | Subject)", {"nsim": 0}, "nsim is 0; give a whole number"),
        ("(1 | Subject)", {"seed": -1}, "seed is -1; give a whole number"),
        (
            "(Days | Subject)",
            {"component": "sd_Days|Subject", "method": "exact"},
            "known where the model has a single random effect",
        ),
        (
            "(Days | Subject)",
            {"component": "(Days | Subject)", "method": "mixture"},
            "known for a single variance",
        ),
    ],
)
def test_tests_that_do_not_apply(formula, arguments, sentence):
    fit = sleep(f"Reaction ~ Days + {formula}")
    with pytest.raises(ModelError, match=re.escape(sentence).replace(r"\.", ".")):
        fit.test_variance(**arguments)


def test_fits_that_cannot_be_compared():
    large = sleep("Reaction ~ Days + (Days | Subject)")
    with pytest.raises(ModelError, match="differ in their fixed effects"):
        large.test_variance(sleep("Reaction ~ 1 + (1 | Subject)"))
    with pytest.raises(ModelError, match="One fit is by REML"):
        large.test_variance(sleep("Reaction ~ Days + (1 | Subject)", REML=False))
    with pytest.raises(ModelError, match="different rows"):
        large.test_variance(mw.lmer("Reaction ~ Days + (1 | Subject)", short_sleep()))
    with pytest.raises(ModelError, match="give the larger model first"):
        sleep("Reaction ~ Days + (1 | Subject)").test_variance(large)
    with pytest.raises(ModelError, match="give the larger model first"):
        large.test_variance(large)
    both = mw.lmer("y ~ x + (1 | g) + (1 | h)", crossed())
    with pytest.raises(ModelError, match="different rows, responses, weights"):
        both.test_variance(mw.lmer("y ~ x + (1 | g)", crossed(), weights="w"))
    for method in (None, "bootstrap"):
        with pytest.raises(ModelError, match="test one term at a time"):
            both.test_variance("(1 | g) + (1 | h)", method)


def test_too_many_levels_for_the_exact_distribution(monkeypatch):
    monkeypatch.setattr("mixedwidgets.lmm.variance_tests.MOST_LEVELS", 9)
    fit = wheat()
    assert fit.test_variance().method == "mixture"
    with pytest.raises(ModelError, match="of 10 rows, and 9 are the most"):
        fit.test_variance(method="exact")


def test_score_tests_that_do_not_apply():
    fit = sleep("Reaction ~ Days + (Days | Subject)")
    for term in ("(1 | Subject)", "(Days | Subject)", "(0 + Days | Subject)"):
        with pytest.raises(ModelError, match="The fit has the random effects of"):
            fit.score_test(term)
    apart = sleep("Reaction ~ Days + (Days || Subject)")
    with pytest.raises(ModelError, match="has effects that the fit has in other terms"):
        apart.score_test("(Days | Subject)")
    with pytest.raises(ModelError, match="term is 3; give a string"):
        fit.score_test(3)
    with pytest.raises(ModelError, match="is no random effect; give one"):
        sleep("Reaction ~ 1 + (1 | Subject)").score_test("Days + (Days | Subject)")
    with pytest.raises(FormulaError):
        fit.score_test("(1 | Subject")
    data = crossed()
    data.loc[3, "h"] = None
    with pytest.raises(ModelError, match="missing in rows that the fit uses"):
        mw.lmer("y ~ x + (1 | g)", data).score_test("(1 | h)")
    refitted = fit.refit(fit.simulate(seed=1)["sim_1"])
    with pytest.raises(DataError, match="does not have its data"):
        refitted.score_test("(1 | Days)")

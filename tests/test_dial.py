"""The pooling dial: its numbers against fits and full matrices, its picture."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.lmm.dial import dial
from mixedwidgets.lmm.group_tables import CUT
from mixedwidgets.lmm.pooling_path import pooling_path
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.plots import dial as picture
from tests import dense
from tests.test_caterpillar import BOXES, fit_of, standing
from tests.test_plots import assert_legible, by_gid, drawn, texts

MODELS = {
    "wheat": ("yield ~ 1 + (1 | region)", 0),
    "sleepstudy": ("Reaction ~ Days + (Days | Subject)", 0),
    "dyestuff2": ("Yield ~ 1 + (1 | Batch)", 0),
    "pastes": ("strength ~ 1 + (1 | batch/cask)", 1),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", 0),
}


def dial_of(name, **options):
    formula, factor = MODELS[name]
    fit = fit_of(name, formula)
    return fit, dial(fit.design, fit.estimate, factor, **options)


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    return *dial_of(request.param), MODELS[request.param][1]


# Numbers ------------------------------------------------------------------------------------------


def test_the_estimate_is_the_fit(case):
    fit, table, _ = case
    there, own = table.shrinkage_at(table.home), shrinkage(fit.design, fit.estimate, table.group)
    np.testing.assert_allclose(there.partial_pooling, own.partial_pooling, rtol=1e-7)
    np.testing.assert_allclose(there.no_pooling, own.no_pooling, rtol=1e-7)
    np.testing.assert_allclose(there.complete_pooling, own.complete_pooling, rtol=1e-7)
    scale = np.abs(own.covariance).max()
    np.testing.assert_allclose(there.covariance, own.covariance, atol=1e-7 * scale)
    assert table.drop_at(table.home) == pytest.approx(0.0, abs=1e-8)
    assert table.tau_at(table.home) == pytest.approx(table.estimate, rel=1e-12)


def test_both_ends(case):
    _, table, _ = case
    complete, none = table.shrinkage_at(0.0), table.shrinkage_at(1.0)
    common = np.broadcast_to(complete.complete_pooling, complete.partial_pooling.shape)
    np.testing.assert_allclose(complete.partial_pooling, common, rtol=1e-12)
    assert not complete.covariance.any()
    np.testing.assert_allclose(none.partial_pooling, none.no_pooling, rtol=1e-9, atol=1e-9)
    assert np.isinf(np.diag(none.covariance)).all()
    assert table.tau_at(1.0) == np.inf
    assert table.drop_at(1.0) == np.inf


def test_both_ends_are_least_squares():
    data = mw.load("sleepstudy")
    _, table = dial_of("sleepstudy")
    slope, intercept = np.polyfit(data["Days"], data["Reaction"], 1)
    np.testing.assert_allclose(table.shrinkage_at(0.0).complete_pooling, [intercept, slope])
    for j, (_, own) in enumerate(data.groupby("Subject", observed=True)):
        expected = np.polyfit(own["Days"], own["Reaction"], 1)[::-1]
        np.testing.assert_allclose(table.shrinkage_at(1.0).partial_pooling[j], expected, rtol=1e-9)


def test_complete_pooling_costs_the_likelihood_ratio():
    data = mw.load("wheat")
    fit = fit_of("wheat", MODELS["wheat"][0], REML=False)
    table = dial(fit.design, fit.estimate)
    y = data["yield"].to_numpy()
    null = len(y) * (1.0 + np.log(2.0 * np.pi * y.var()))
    assert table.drop_at(0.0) == pytest.approx(null - fit.criterion, rel=1e-8)


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_between_its_positions_against_the_path(case, kind):
    """Cubic between exact values: a few thousandths of the spread between levels at the worst."""
    fit, _, factor = case
    table = dial(fit.design, fit.estimate, factor, kind=kind)
    u = np.linspace(0.013, 0.987, 23)
    tau = np.array([table.tau_at(v) for v in u])
    path = pooling_path(fit.estimate, factor, tau, kind == "profile")
    spread = np.nanstd(table.no_pooling[-1], axis=0)
    for v, modes, deviance in zip(u, path.modes, path.deviance, strict=True):
        there = table.shrinkage_at(v)
        off = there.partial_pooling - there.complete_pooling - modes
        assert np.abs(off / spread).max() < 5e-3
        cost = deviance - fit.estimate.solved.deviance
        assert table.drop_at(v) == pytest.approx(cost, abs=0.02 + 2e-3 * cost)


@pytest.mark.parametrize("reml", [True, False])
def test_a_position_against_full_matrices(reml):
    """Slopes: the whole covariance in proportion, sigma held."""
    fit = fit_of(REML=reml)
    table = dial(fit.design, fit.estimate, kind="slice")
    at = 17
    tau = table.tau_at(table.u[at])
    cov = fit.estimate.covariances[0] * (tau / table.estimate) ** 2
    there = table.shrinkage_at(table.u[at])
    np.testing.assert_allclose(there.covariance, cov, rtol=1e-8)
    theta = (np.linalg.cholesky(cov) / fit.sigma)[np.tril_indices(2)]
    sigma, beta, _ = dense.estimates(fit.design, theta, reml)
    means, _ = dense.modes(fit.design, theta, sigma, beta)
    np.testing.assert_allclose(there.complete_pooling, beta, rtol=1e-8)
    np.testing.assert_allclose(there.partial_pooling, beta + means["Subject"], rtol=1e-8)
    deviance = dense.deviance(fit.design, [cov / fit.sigma**2], reml, sigma=fit.sigma)
    assert table.drop_at(table.u[at]) == pytest.approx(deviance - fit.criterion, rel=1e-6)


def test_own_estimates_follow_the_other_coefficients():
    """A level's own intercept is what the covariate at that position leaves."""
    data = mw.load("schools").head(600)
    fit = mw.lmer("mscore ~ flp + ses + (1 | school)", data, REML=False)
    table = dial(fit.design, fit.estimate, kind="slice")
    at = 12
    tau2 = (table.tau_at(table.u[at]) / fit.sigma) ** 2
    _, beta, _ = dense.estimates(fit.design, np.array([np.sqrt(tau2)]), False)
    X, codes = fit.design.X, fit.design.groupings[0].codes
    left = fit.design.y - X[:, 1:] @ beta[1:]
    expected = np.bincount(codes, left) / np.bincount(codes)
    there = table.shrinkage_at(table.u[at])
    np.testing.assert_allclose(there.no_pooling[:, 0], expected, rtol=1e-9)


def test_the_scale_is_symmetric():
    """In the one-way model weight and position agree: w = n t2 / (n t2 + s2)."""
    fit, table = dial_of("wheat")
    weight = fit.shrinkage()["weight"].iloc[0]
    odds = table.home / (1.0 - table.home)
    assert odds**4 == pytest.approx(weight / (1.0 - weight), rel=0.1)
    assert table.position(table.scale) == 0.5
    assert table.position(np.inf) == 1.0
    _, zero = dial_of("dyestuff2")
    assert zero.home == 0.0
    assert (np.diff(zero.u) > 0.0).all()


def test_refusals():
    fit, table = dial_of("wheat")
    for u in (-0.1, 1.2, float("nan"), "x"):
        with pytest.raises(DataError, match=r"u is .*; give a position from 0 \(complete pooling"):
            table.shrinkage_at(u)
    with pytest.raises(ModelError, match="positions is 3; give a whole number from 8 on"):
        dial(fit.design, fit.estimate, positions=3)
    with pytest.raises(ModelError, match="kind is 'both'; choose 'profile' or 'slice'"):
        dial(fit.design, fit.estimate, kind="both")


def test_turning_it_for_the_schools_is_quick():
    fit = fit_of("schools", "mscore ~ ses + flp + (ses | school)")
    table = dial(fit.design, fit.estimate)
    assert table.partial_pooling.shape[1:] == (684, 2)
    best = np.inf
    for u in np.linspace(0.0, 1.0, 20):
        start = time.perf_counter()
        table.shrinkage_at(u)
        best = min(best, time.perf_counter() - start)
    assert best < 5e-3


# Picture ------------------------------------------------------------------------------------------


def test_the_interval_is_where_the_cost_is_384(case):
    assert chi2.ppf(0.95, 1) == pytest.approx(CUT, rel=1e-12)
    _, table, _ = case
    low, high = picture.interval(table)
    assert low <= table.estimate <= high
    for end in (low, high):
        if end > 0.0:
            assert table.drop_at(table.position(end)) == pytest.approx(CUT, rel=0.01)


@pytest.mark.parametrize("name", ["wheat", "dyestuff2", "pastes", "penicillin"])
def test_for_random_intercepts_it_is_the_profile_interval(name):
    """Of the likelihood: profiles are of it, whatever the criterion of the fit."""
    formula, factor = MODELS[name]
    fit = fit_of(name, formula, REML=False)
    table = dial(fit.design, fit.estimate, factor)
    sds = [p.name for p in fit.parameters if p.kind == "sd"]
    limits = fit.confint(sds[factor]).iloc[0].to_numpy()
    np.testing.assert_allclose(picture.interval(table), limits[:2], rtol=5e-3, atol=1e-9)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("box", [*BOXES, (560, 210), (900, 210)])
def test_legible(case, box, theme):
    _, table, _ = case
    assert_legible(drawn(picture, table, box=box, theme=theme))


def test_ticks_are_where_they_say(case):
    _, table, _ = case
    marks = picture.marks(table, 500.0)
    assert marks[:2] == [(0.0, "0"), (1.0, "∞")]
    for u, text in marks[2:]:
        assert table.tau_at(u) == pytest.approx(float(text.replace("−", "-")), rel=1e-9)
    assert len(marks) >= 6


def test_place_moves_only_what_moves(case):
    _, table, _ = case
    figure = drawn(picture, table)
    before = standing(figure)
    (hand,) = by_gid(figure, "dial")
    assert hand.get_xdata()[0] == table.home
    moving = {a.get_gid() for a in figure.axes[0].get_children() if a.get_animated()}
    assert moving == {"dial", "dial-line", "dial-text"}
    for u in (0.0, 0.3, 0.77, 1.0):
        picture.place(figure, table, u)
        assert hand.get_xdata() == [u]
        assert hand.get_ydata()[0] <= figure.axes[0].get_ylim()[1]
        (text,) = by_gid(figure, "dial-text")
        assert [label.text for label in text.labels] == [picture.words(table, u)]
    np.testing.assert_array_equal(standing(figure), before)


def test_words():
    _, table = dial_of("sleepstudy")
    assert picture.words(table, table.home) == "τ = 24.74, the estimate"
    assert picture.words(table, 0.0) == "complete pooling, τ = 0: cost 150.04"
    assert picture.words(table, 1.0) == "no pooling, τ = ∞: cost ∞"
    words = picture.describe(table, 0.5)
    assert "estimate 24.74; the deviance rises by less than 3.84 from 18.65 to 33.63" in words
    assert f"τ = {table.scale:.4g}" in words


def test_standing_marks():
    _, table = dial_of("wheat")
    figure = drawn(picture, table)
    (estimate,), (cut,) = by_gid(figure, "estimate"), by_gid(figure, "cut")
    assert estimate.get_xdata() == [table.home]
    np.testing.assert_allclose(cut.get_ydata(), CUT)
    (cost,) = by_gid(figure, "cost")
    x, y = cost.get_data()
    seen = np.isfinite(y)
    np.testing.assert_allclose(y[seen], table.drops(x[seen]))
    written = [text for text, _ in texts(figure)]
    assert "← complete pooling" in written
    assert "no pooling →" in written

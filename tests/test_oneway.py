"""The one-way analysis: against the lecture, lmer, brute force and exact fractions."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import f

import mixedwidgets as mw
from mixedwidgets.likelihood import OneWayModel, oneway
from tests.reference_data import reference_data, reference_models

WHEAT = mw.load("wheat")
Y, G = WHEAT["yield"], WHEAT["region"]


def simulated(seed, sizes, tau, sigma=1.0, mu=10.0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = mu + rng.normal(0, tau, len(sizes))[groups] + rng.normal(0, sigma, len(groups))
    return y, groups


def with_means(sizes, means):
    """Groups with given means and standard deviation 1 within."""
    parts = []
    for size, mean in zip(sizes, means, strict=True):
        e = np.resize([1.0, -1.0], size) if size > 1 else np.zeros(1)
        e -= e.mean()
        parts.append(mean + e * np.sqrt((size - 1) / max(e @ e, 1.0)))
    return np.concatenate(parts), np.repeat(np.arange(len(sizes)), sizes)


UNEQUAL = {
    "few": simulated(1, [1, 4, 7, 2, 9], 1.0),
    "single observations": simulated(2, [1] * 20 + [2] * 5, 0.7),
    "two groups": simulated(3, [3, 8], 2.0),
    "many": simulated(4, np.random.default_rng(4).integers(1, 30, 200), 0.5),
    "large ratio": simulated(5, [2, 3, 4, 5, 6], 1e6),
    "small ratio": simulated(6, [200, 300, 400, 500, 100, 90], 0.05),
    "boundary": simulated(7, [5, 6, 7, 8, 9, 10], 0.0),
    "far centre": simulated(8, [3, 4, 5, 8, 2, 1], 1.0, mu=2.0**33),
}


# The lecture -------------------------------------------------------------------------------------


def test_the_lectures_method_of_moments():
    result = oneway(Y, G)
    moments = result.moments
    assert f"{moments.tau2:.7f}" == "0.3840768"
    assert f"{moments.sigma2:.6f}" == "1.787206"
    assert f"{moments.tau:.7f}" == "0.6197393"
    assert f"{moments.sigma:.6f}" == "1.336864"
    assert f"{moments.mu:.4f}" == "16.3064"
    assert result.anova.tau2 == moments.tau2
    assert result.anova.n0 == 5.0
    assert result.notes == ()


def test_the_lectures_likelihood_estimates():
    result = oneway(Y, G)
    assert f"{result.reml.tau:.4f}" == "0.6197"
    assert f"{result.reml.sigma:.4f}" == "1.3369"
    assert f"{result.reml.reml_criterion:.4f}" == "177.9876"
    np.testing.assert_allclose(
        [result.ml.mu, result.ml.sigma2, result.ml.tau2],
        [16.3063995, 1.7872063, 0.3099255],
        rtol=2e-6,
    )
    assert f"{-result.ml.loglik:.4f}" == "88.5851"
    assert f"{-2 * result.ml.loglik:.1f}" == "177.2"
    assert f"{result.ml.se_mu:.4f}" == "0.2583"
    assert f"{result.ml.mu / result.ml.se_mu:.2f}" == "63.12"
    assert f"{result.ml.tau:.4f}" == "0.5567"


def test_the_lectures_group_means():
    result = oneway(Y, G)
    for method, estimates in zip(("moments", "ML", "REML"), result.estimates, strict=True):
        means = result.means(method)
        own, whole = 5 / estimates.sigma2, 1 / estimates.tau2
        sample = WHEAT.groupby("region", observed=True)["yield"].mean()
        np.testing.assert_allclose(means.unbiased, sample, rtol=1e-14)
        np.testing.assert_allclose(means.weight, own / (own + whole), rtol=1e-14)
        shrunken = (own * sample + whole * Y.mean()) / (own + whole)
        np.testing.assert_allclose(means.shrunken, shrunken, rtol=1e-14)
        np.testing.assert_allclose(means.se_shrunken, (own + whole) ** -0.5, rtol=1e-13)
        assert means.mu == pytest.approx(Y.mean(), rel=1e-15)


# Analysis of variance ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNEQUAL)
def test_the_analysis_of_variance_against_fractions(name):
    y, groups = UNEQUAL[name]
    table = oneway(y, groups).anova
    values = [Fraction(v) for v in y]
    parts = [[v for v, h in zip(values, groups, strict=True) if h == g] for g in set(groups)]
    grand = sum(values) / len(values)
    means = [sum(p) / len(p) for p in parts]
    ssg = sum(len(p) * (mean - grand) ** 2 for p, mean in zip(parts, means, strict=True))
    sse = sum((v - mean) ** 2 for p, mean in zip(parts, means, strict=True) for v in p)
    between, within = len(parts) - 1, len(values) - len(parts)
    F = float(ssg / between / (sse / within))
    assert table.ss_between == pytest.approx(float(ssg), rel=1e-13)
    assert table.ss_within == pytest.approx(float(sse), rel=1e-13)
    assert pytest.approx(F, rel=1e-13) == table.F
    assert (table.df_between, table.df_within) == (between, within)
    assert table.p == pytest.approx(f.sf(F, between, within), rel=1e-10, abs=1e-300)


def test_moments_of_unequal_groups_are_unbiased():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), rng.integers(1, 9, 40))
    tables = [
        oneway(rng.normal(0, 2.0, 40)[groups] + rng.normal(0, 3.0, len(groups)), groups).anova
        for _ in range(400)
    ]
    assert np.mean([t.tau2 for t in tables]) == pytest.approx(4.0, abs=0.25)
    assert np.mean([t.mse for t in tables]) == pytest.approx(9.0, abs=0.25)


# ML and REML -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("name", UNEQUAL)
def test_likelihood_estimates_against_lmer(name, reml):
    y, groups = UNEQUAL[name]
    result = oneway(y, groups)
    found = result.reml if reml else result.ml
    fit = mw.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": groups}), REML=reml)
    scale = found.sigma2 + found.tau2
    assert found.sigma2 == pytest.approx(fit.sigma**2, rel=1e-8)
    assert found.tau2 == pytest.approx(fit.varcorr()["vcov"].iloc[0], rel=1e-7, abs=1e-9 * scale)
    assert found.mu == pytest.approx(fit.fixef.iloc[0], rel=1e-9)
    assert found.se_mu == pytest.approx(fit.se.iloc[0], rel=1e-8)
    criterion = found.reml_criterion if reml else -2 * found.loglik
    assert criterion == pytest.approx(fit.criterion, rel=1e-11)
    assert criterion <= fit.criterion + 1e-10 * abs(fit.criterion)
    coef = fit.ranef()["g"]["(Intercept)"].to_numpy() + fit.fixef.iloc[0]
    np.testing.assert_allclose(
        result.means("REML" if reml else "ML").shrunken, coef, rtol=1e-8, atol=1e-7 * scale**0.5
    )


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("name", ["few", "single observations", "two groups", "boundary"])
def test_likelihood_estimates_against_brute_force(name, reml):
    """Minimise the criterion with full covariance matrices, from several starts."""
    y, groups = UNEQUAL[name]
    same = groups[:, None] == groups

    def criterion(logs):
        V = np.exp(logs[0]) * np.eye(len(y)) + np.exp(logs[1]) * same
        one = np.linalg.solve(V, np.ones(len(y)))
        r = y - one @ y / one.sum()
        value = np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
        value += (len(y) - reml) * np.log(2 * np.pi)
        return value + np.log(one.sum()) if reml else value

    starts = [(0.0, 0.0), (0.0, -6.0), (-1.0, 3.0)]
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000}
    best = min(minimize(criterion, s, method="Nelder-Mead", options=options).fun for s in starts)
    result = oneway(y, groups)
    ours = result.reml.reml_criterion if reml else -2 * result.ml.loglik
    assert ours == pytest.approx(best, rel=1e-8)
    assert ours <= best + 1e-9


@pytest.mark.parametrize(
    ("sizes", "means", "boundary"),
    [
        ([1, 300, 1, 1], [0.59, 0.09, 3.95, 1.07], False),
        ([1, 100, 2], [0.4, 0.02, 2.09], False),
        ([2, 30, 100, 1], [0.01, -0.39, -0.14, 4.13], False),
    ],
)
def test_the_higher_of_two_maxima_is_found(sizes, means, boundary):
    """The likelihood of very unequal groups may have a maximum at 0 and another inside."""
    y, groups = with_means(sizes, means)
    result = oneway(y, groups)
    ratios = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 4000)])
    values = []
    for ratio in ratios:
        weight = 1 / (1 / np.array(sizes) + ratio)
        group_means = np.array([y[groups == g].mean() for g in range(len(sizes))])
        d = group_means - weight @ group_means / weight.sum()
        sse = sum(((y[groups == g] - group_means[g]) ** 2).sum() for g in range(len(sizes)))
        q = sse + weight @ d**2
        values.append(len(y) * np.log(q) + np.log1p(ratio * np.array(sizes)).sum())
    values = np.array(values)
    falls = np.diff(values) < 0
    assert not falls[0]
    assert falls.any()  # there are two
    best = ratios[values.argmin()]
    assert result.ml.tau2 / result.ml.sigma2 == pytest.approx(best, rel=5e-3)
    assert result.ml.boundary == boundary


def test_equal_groups_are_the_limit_of_unequal_ones():
    """The closed form of balanced data and the root of the derivative are the same estimate."""
    from mixedwidgets.likelihood.components import _best_ratio

    for reml in (False, True):
        result = oneway(Y, G)
        closed = result.reml if reml else result.ml
        ratio = _best_ratio(result.groups, reml)
        assert ratio == pytest.approx(closed.tau2 / closed.sigma2, rel=1e-13)


ONE_WAY = re.compile(r"(\w+) ~ 1 \+ \(1 \| (\w+)\)")


@pytest.mark.reference
@pytest.mark.parametrize(
    "model",
    [m for m in reference_models() if ONE_WAY.fullmatch(m["formula"])],
    ids=lambda m: m["id"],
)
@pytest.mark.parametrize("method", ["ml", "reml"])
def test_against_fifty_digit_references(reference, model, method):
    gold = json.loads((reference / "gold" / f"{model['id']}.json").read_text())[method]
    y, g = ONE_WAY.fullmatch(model["formula"]).groups()
    data = reference_data(model["dataset"])
    found = getattr(oneway(data[y], data[g]), method)
    assert found.sigma2 == pytest.approx(float(gold["sigma2"]), rel=1e-12)
    ratio = float(gold["theta"][0]) ** 2
    assert found.tau2 == pytest.approx(ratio * float(gold["sigma2"]), rel=1e-11, abs=0.0)
    assert found.mu == pytest.approx(float(gold["fixef"]["(Intercept)"]), rel=1e-13)
    assert found.se_mu == pytest.approx(float(gold["se"]["(Intercept)"]), rel=1e-12)
    criterion = found.reml_criterion if method == "reml" else -2 * found.loglik
    assert criterion == pytest.approx(float(gold["minus2loglik"]), rel=1e-13)


def test_the_unit_and_the_origin_do_not_matter():
    y, groups = UNEQUAL["few"]
    base, moved = oneway(y, groups), oneway(2.0**20 * y + 2.0**40, groups)
    for one, other in zip(base.estimates, moved.estimates, strict=True):
        assert other.tau2 == pytest.approx(2.0**40 * one.tau2, rel=1e-7)
        assert other.mu == pytest.approx(2.0**20 * one.mu + 2.0**40, rel=1e-15)


# What is said ------------------------------------------------------------------------------------


def test_truncation_at_zero_is_said():
    data = mw.load("dyestuff2")
    result = oneway(data["Yield"], data["Batch"])
    assert result.anova.tau2 == pytest.approx(-1.3219, abs=5e-5)
    assert (result.moments.tau2, result.ml.tau2, result.reml.tau2) == (0.0, 0.0, 0.0)
    assert result.moments.sigma2 == result.anova.mse
    assert result.ml.sigma2 == pytest.approx(data["Yield"].var(ddof=0), rel=1e-14)
    assert result.reml.sigma2 == pytest.approx(data["Yield"].var(ddof=1), rel=1e-14)
    text = repr(result)
    assert "tau2 = (MSG - MSE) / n = -1.3219 is negative" in text
    assert "cut off at 0" in text
    assert "By ML and REML tau2 is 0" in text
    means = result.means()
    assert not means.weight.any()
    np.testing.assert_allclose(means.shrunken, data["Yield"].mean())
    assert "(MSG - MSE) / n0" not in text


def test_unequal_sizes_are_said():
    text = repr(oneway(*UNEQUAL["few"]))
    assert "Groups have 1 to 9 observations" in text
    assert "n0 = " in text


def test_the_printed_summary():
    text = repr(oneway(Y, G))
    for line in (
        "One-way analysis: 50 observations in 10 groups of 5",
        "between groups   9          33.368       3.7076  2.0745  0.0555",
        "within groups   40          71.488       1.7872",
        "tau2, variance between groups    0.38408   0.30993   0.38408",
        "REML criterion                  177.9876",
        "Shrinkage by REML: weight 0.52 for a group's own mean",
    ):
        assert line in text, text
    many = repr(oneway(*UNEQUAL["many"]).means("ml"))
    assert "... 180 more" in many
    assert many.splitlines()[0].endswith("(ML)")


def test_html_escapes_and_tables_become_frames():
    result = oneway(Y, G.cat.rename_categories({"1": "<script>"}))
    assert "<script>" not in result.means()._repr_html_()
    assert "&lt;script&gt;" in result.means()._repr_html_()
    page = result._repr_html_()
    assert page.startswith("<div")
    assert page.count("<table") == 2
    assert "Analysis of variance" in result.anova._repr_html_()
    assert pd.DataFrame(result.means().to_dict()).shape == (10, 7)
    assert pd.DataFrame(result.anova.to_dict())["df"].tolist() == [9, 40]


@pytest.mark.parametrize(
    ("y", "groups", "error", "sentence"),
    [
        ([1.0, 2.0], ["a"], mw.DataError, "one length"),
        ([1.0, np.nan], ["a", "b"], mw.DataError, "1 missing or infinite value"),
        (["x", "y"], ["a", "b"], mw.DataError, "not a number"),
        ([1.0, 2.0], ["a", "b"], mw.ModelError, "2 observations in 2 groups"),
        ([1.0, 2.0], ["a", "a"], mw.ModelError, "in 1 group;"),
        ([0.1, 0.1, 0.1, 0.7, 0.7, 0.7], list("aaabbb"), mw.ModelError, "observations are equal"),
        ([1.0, 2.0, 3.0], ["a", "a", None], mw.DataError, "missing labels"),
        ([1.0, 2.0, 3.0], [["a"], ["b"], ["c"]], mw.DataError, "shape"),
    ],
)
def test_bad_input_gets_a_sentence(y, groups, error, sentence):
    with pytest.raises(error, match=r"\.$") as caught:
        oneway(y, groups)
    assert sentence in str(caught.value)


def test_an_unknown_method_gets_a_sentence():
    with pytest.raises(mw.ModelError, match="'moments', 'ML' or 'REML', not 'bayes'"):
        oneway(Y, G).means("bayes")


def test_a_model_says_why_it_has_no_estimates_or_standard_errors():
    dyestuff2 = mw.load("dyestuff2")
    for show in (repr, OneWayModel._repr_html_):
        text = show(OneWayModel(dyestuff2["Yield"], dyestuff2["Batch"]))
        assert "The estimate of tau2 is 0, the edge of what is possible" in text
    for y, groups in (([1.0, 2.0, 3.0], "aaa"), ([1.0, 2.0, 3.0], "abc")):
        text = repr(OneWayModel(y, list(groups)))
        assert "needs at least two groups" in text
        assert "estimate " not in text
    assert repr(OneWayModel([1.0, 2.0], ["a", "a"])).startswith(
        "One-way normal model: 2 observations in 1 group\n"
    )
    assert "Within every group all observations are equal" in repr(
        OneWayModel([1.0, 1.0, 2.0, 2.0], list("aabb"))
    )

"""Models that the data cannot determine are refused with advice; those that they can are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm import identify
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.moments import moments
from tests.test_crossed import CASES, Full, case, elements


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 120
    a, b = rng.integers(0, 12, n), rng.integers(0, 10, n)
    a[:12], b[:10] = np.arange(12), np.arange(10)
    data = pd.DataFrame({"a": [f"a{i}" for i in a], "b": b, "c": a // 3})
    data["same"] = [f"other{11 - i}" for i in a]
    data["pair"], data["half"] = np.arange(n) // 2, np.arange(n) % 2
    data["p"], data["q"] = np.arange(n) // 10, np.arange(n) % 10
    data["x"] = rng.normal(size=n)
    data["twice"], data["zero"] = 2.0 * data["x"], 0.0
    data["even"], data["odd"] = 1.0 * (data["half"] == 0), 1.0 * (data["half"] == 1)
    by_a, by_b = rng.normal(size=12), rng.normal(size=10)
    data["y"] = rng.normal(size=n) + by_a[a] + 0.4 * data["x"]
    data["sum"] = 3.0 + 0.5 * data["x"] + by_a[a] + by_b[b]
    data["lines"] = 3.0 + by_a[a] + by_b[b] * data["x"]
    data["of_a"], data["of_x"] = by_a[a], 3.0 - 0.5 * data["x"]
    return data


REFUSED = {
    "one partition by two names": ("y ~ x + (1 | a) + (1 | same)", ["'a'", "'same'", "keep one"]),
    "slopes of one partition": ("y ~ x + (x | a) + (x | same)", ["'a'", "'same'", "keep one"]),
    "beside a third factor": ("y ~ x + (1 | b) + (1 | a) + (0 + x | a) + (x | same)", ["keep one"]),
    "nested and identical": ("y ~ x + (1 | a) + (1 | c:a) + (1 | b)", ["'a'", "'c:a'", "keep one"]),
    "multiples": ("y ~ x + (1 | a) + (0 + x + twice | b)", ["x and twice of 'b'", "multiples"]),
    "multiples in two terms": ("y ~ x + (0 + x | a) + (0 + twice | a) + (1 | b)", ["multiples"]),
    "nothing": ("y ~ x + (1 | a) + (0 + zero | b)", ["'zero' is 0", "levels of 'b'"]),
    "the residuals": (
        "y ~ x + (0 + even | pair) + (0 + odd | pair)",
        ["even and odd of 'pair'", "the residual variance"],
    ),
    "the residuals beside another factor": (
        "y ~ x + (0 + even | pair) + (1 | a) + (0 + odd | pair)",
        ["odd and even of 'pair'", "the residual variance"],
    ),
    "as many levels as rows": ("y ~ x + (1 | p) + (1 | p:q)", ["120 levels for 120"]),
    "a sum of effects": ("sum ~ x + (1 | a) + (1 | b)", ["of 'a' and 'b' reproduce sum exactly"]),
    "the same, other order": ("sum ~ x + (1 | b) + (1 | a)", ["reproduce sum exactly"]),
    "a sum with slopes": ("lines ~ 1 + (x | b) + (1 | a)", ["reproduce lines exactly"]),
    "effects of one factor of two": ("of_a ~ x + (1 | a) + (1 | b)", ["reproduce of_a exactly"]),
    "fixed effects": ("of_x ~ x + (1 | a) + (1 | b)", ["The fixed effects reproduce of_x exactly"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_sentence(name, monkeypatch):
    formula, essentials = REFUSED[name]
    for work in (identify.MUCH, 0.0):  # by all cross-products, and by a few levels first
        monkeypatch.setattr(identify, "MUCH", work)
        with pytest.raises(mw.ModelError) as caught:
            mw.lmer(formula, frame())
        message = str(caught.value)
        assert "\n" not in message
        assert message.count(". ") == 0
        for essential in essentials:
            assert essential in message


def test_an_exact_fit_of_many_levels(monkeypatch):
    """Where a dense least-squares problem would be too large it is solved by iteration."""
    monkeypatch.setattr(identify, "WHOLE", 0)
    with pytest.raises(mw.ModelError, match="reproduce sum exactly"):
        mw.lmer("sum ~ x + (1 | a) + (1 | b)", frame())


def test_weights_tell_a_level_for_each_row_from_the_residual():
    data = frame().assign(w=np.linspace(0.5, 3.0, 120), row=np.arange(120))
    control = Control(check_nobs_vs_nlev="ignore", check_nobs_vs_nre="ignore")
    formula = parse("y ~ x + (1 | row) + (1 | a)")
    assert moments(build(formula, data, weights="w", control=control)).levels == (120, 12)


FITTED = [
    "y ~ x + (1 | a) + (1 | b)",
    "y ~ x + (1 | c/a)",
    "y ~ x + (1 | p) + (1 | q)",  # one row for each pair
    "y ~ x + (1 | pair) + (1 | p) + (1 | q)",
    "y ~ x + (x | a) + (x | b)",
    "y ~ x + (0 + even | pair) + (1 | a)",
    "y ~ a + (1 | c) + (1 | b)",
]


@pytest.mark.parametrize("formula", FITTED)
def test_not_refused(formula):
    moments(build(parse(formula), frame()))


@pytest.mark.parametrize("noise", [1e-3, 1e-6, 1e-9])
def test_almost_exact_is_not_exact(noise):
    rng = np.random.default_rng(2)
    data = frame()
    data["sum"] += noise * rng.normal(size=len(data))
    source = moments(build(parse("sum ~ x + (1 | a) + (1 | b)"), data))
    assert source.nobs == 120


def test_a_saturated_model_is_not_an_exact_fit():
    """As many effects as rows reproduce every response; the restricted likelihood has a maximum."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"a": np.repeat(np.arange(4), 2), "b": np.tile([0, 1], 4)})
    data["c"] = [0, 1, 1, 0, 2, 0, 1, 2]
    data["y"] = rng.normal(size=8)
    source = moments(build(parse("y ~ 1 + (1 | a) + (1 | b) + (1 | c)"), data))
    assert source.nobs == 8


@pytest.mark.parametrize("name", CASES)
def test_cross_products_of_variance_parameters(name):
    """tr(G_e G_f) with G_e the matrix that an element of S adds to V, and the identity last."""
    design, source = case(name)
    full = Full(design, source, np.zeros((source.layout.width,) * 2), False)
    directions = [np.asarray(g, float) for g in full.directions()]
    directions.append(np.eye(len(design.y)))
    expected = np.array([[np.sum(a * b) for a in directions] for b in directions])
    np.testing.assert_allclose(identify._crossed_gram(source), expected, rtol=1e-10, atol=1e-8)
    assert len(elements(source.layout)) + 1 == len(directions)
    assert identify._told_apart_by_some_rows(coordinates_of(design))


# lme4 1.1-31 on ``split_factor()``: REML and minus twice the log-likelihood
SPLIT = {
    "y ~ f + (f || a)": (612.061458, 608.930248),
    "y ~ f + (1 | a) + (0 + f | a)": (612.061458, 608.930248),
    "y ~ f + (x + f || a)": (611.781604, 608.681914),
    "y ~ f + (f * x || a)": (609.948249, 606.848663),
    "y ~ f + (f || a) + (1 | b)": (610.765688, 607.658740),
}


def split_factor() -> pd.DataFrame:
    i = np.arange(240)
    data = pd.DataFrame({"a": i % 20, "b": i // 20, "f": np.array(["lo", "mid", "hi"])[i % 3]})
    data["f"] = pd.Categorical(data["f"], ["lo", "mid", "hi"])
    data["x"] = np.round(np.sin(7.0 * i), 2)
    own, cell = np.sin(3.0 * data["a"]), np.cos(5.0 * data["a"] + 2.0 * (i % 3))
    data["y"] = np.round(1.0 + 1.2 * own + cell + 0.9 * np.sin(11.0 * i**1.5), 3)
    return data


@pytest.mark.parametrize("formula", SPLIT)
def test_a_factor_after_a_double_bar_is_fitted_as_by_lme4(formula):
    for reml, criterion in zip((True, False), SPLIT[formula], strict=True):
        fit = mw.lmer(formula, split_factor(), REML=reml)
        assert -2.0 * fit.loglik <= criterion + 1e-5
        assert fit.converged
        assert "do not say how the variance between levels of a is split" in fit.verdict.sentence


def test_what_a_split_of_variance_leaves_open_harms_nothing():
    data = split_factor()
    split, plain = mw.lmer("y ~ f + (f || a)", data), mw.lmer("y ~ f + (f | a)", data)
    assert split.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert np.allclose(split.vcov, plain.vcov, rtol=1e-6)
    assert np.allclose(split.predict(), plain.predict(), rtol=1e-6)
    assert "is split" not in plain.verdict.sentence


def test_the_profile_of_a_share_that_is_not_determined_is_level():
    data = split_factor()
    split, whole = mw.lmer("y ~ f + (f || a)", data), mw.lmer("y ~ f + (0 + f || a)", data)
    name = "sd_(Intercept)|a"
    curve = split.profile([name]).to_frame()
    height = curve.iloc[:, 0].to_numpy()
    assert np.count_nonzero(np.abs(height) < 1e-3) > 3
    assert height.max() > 1.9
    assert split.confint([name]).iloc[0, 0] == 0.0
    for method in ("satterthwaite", "kenward-roger"):
        ours, theirs = split.anova(method), whole.anova(method)
        assert np.allclose(ours.to_numpy(float), theirs.to_numpy(float), rtol=1e-4)

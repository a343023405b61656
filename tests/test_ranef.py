"""Conditional modes, their variances, group coefficients and shrinkage, against full matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.ranef import shrinkage
from tests import dense
from tests.test_deviance import CASES, frame

FORMULAS = {name: case for name, case in CASES.items() if name != "no fixed effects"}


def fitted(name: str, reml: bool = True):
    formula, shape, options = CASES[name]
    return mw.lmer(formula, frame(**shape), REML=reml, **options)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_modes_and_variances_against_full_matrices(name, reml):
    fit = fitted(name, reml)
    sigma, beta, vcov = dense.estimates(fit.design, fit.theta.to_numpy(), reml)
    assert fit.sigma == pytest.approx(sigma, rel=1e-9)
    np.testing.assert_allclose(fit.fixef, beta, rtol=1e-8)
    np.testing.assert_allclose(fit.vcov, vcov, rtol=1e-7, atol=1e-10 * np.abs(vcov).max(initial=0))
    means, variances = dense.modes(fit.design, fit.theta.to_numpy(), sigma, beta)
    found = fit.ranef()
    np.testing.assert_allclose(found["g"], means["g"], atol=1e-9)
    np.testing.assert_allclose(found.cond_var["g"], variances["g"], atol=1e-9)
    np.testing.assert_allclose(
        found.cond_sd["g"],
        np.sqrt(np.maximum(np.einsum("jaa->ja", variances["g"]), 0.0)),
        atol=1e-8,
    )


@pytest.mark.parametrize("name", CASES)
def test_fitted_values(name):
    """X beta + Z b + offset, written out."""
    fit = fitted(name)
    design = fit.design
    modes = fit.ranef()["g"].to_numpy()
    Z = np.hstack([b.columns for b in design.blocks])
    expected = design.X @ fit.fixef.to_numpy()
    expected += np.sum(Z * modes[design.groupings[0].codes], axis=1)
    if design.offset is not None:
        expected += design.offset
    np.testing.assert_allclose(fit.fitted(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fit.fitted() + fit.resid(), design.y, rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_henderson(name):
    """Modes and coefficients solve the mixed-model equations; sigma follows from them."""
    fit = fitted(name)
    design = fit.design
    w = np.ones(fit.nobs) if design.weights is None else design.weights
    y = design.y if design.offset is None else design.y - design.offset
    residual = y - (fit.fitted() - (0.0 if design.offset is None else design.offset)).to_numpy()
    scale = np.abs(design.X.T).sum() * fit.sigma + 1.0
    np.testing.assert_allclose(design.X.T @ (w * residual), 0.0, atol=1e-9 * scale)
    # penalised residual sum of squares / (n - p) is sigma squared
    penalty = 0.0
    codes = design.groupings[0].codes
    modes = fit.ranef()["g"].to_numpy()
    factor = fit.estimate.factor
    spherical = np.linalg.pinv(factor) @ modes.T
    penalty = fit.sigma**2 * np.sum(spherical**2)
    rss = np.sum(w * residual**2) + penalty
    assert rss / (fit.nobs - len(fit.fixef)) == pytest.approx(fit.sigma**2, rel=1e-7)
    assert len(np.unique(codes)) == len(modes)


def test_labels():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    modes = fit.ranef()
    assert list(modes) == ["Subject"]
    assert len(modes) == 1
    table = modes["Subject"]
    assert table.index.name == "Subject"
    assert [str(v) for v in table.index] == sorted(
        mw.load("sleepstudy")["Subject"].astype(str).unique()
    )
    assert list(table.columns) == ["(Intercept)", "Days"]
    assert modes.cond_var["Subject"].shape == (18, 2, 2)
    assert list(modes.cond_sd["Subject"].columns) == ["(Intercept)", "Days"]
    with pytest.raises(KeyError):
        modes["subject"]


def test_to_frame():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    modes = fit.ranef()
    long = modes.to_frame()
    assert list(long.columns) == ["grpvar", "term", "grp", "condval", "condsd"]
    assert len(long) == 36
    assert set(long["grpvar"]) == {"Subject"}
    days = long[long["term"] == "Days"].set_index("grp")
    np.testing.assert_array_equal(days["condval"], modes["Subject"]["Days"])
    np.testing.assert_array_equal(days["condsd"], modes.cond_sd["Subject"]["Days"])


def test_without_variances():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    modes = fit.ranef(cond_var=False)
    assert modes.cond_var == {}
    assert modes.cond_sd == {}
    assert modes.to_frame()["condsd"].isna().all()
    pd.testing.assert_frame_equal(modes["Subject"], fit.ranef()["Subject"])


def test_html_is_escaped():
    data = frame()
    data["g"] = data["g"].map(lambda g: f"<b>{g}</b>")
    html = mw.lmer("y ~ x + (1 | g)", data).ranef()._repr_html_()
    assert "<b>g1</b>" not in html
    assert "&lt;b&gt;g1&lt;/b&gt;" in html


def test_coefficients_of_groups():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    (table,) = fit.coef().values()
    pd.testing.assert_frame_equal(table, fit.ranef()["Subject"] + fit.fixef, check_names=False)


def test_coefficients_without_a_fixed_effect_of_the_name():
    """As in lme4: the random slope gets a column of its own, first; the fixed effects stay."""
    fit = mw.lmer("Reaction ~ 1 + (0 + Days | Subject)", mw.load("sleepstudy"))
    table = fit.coef()["Subject"]
    assert list(table.columns) == ["Days", "(Intercept)"]
    assert (table["(Intercept)"] == fit.fixef.iloc[0]).all()
    np.testing.assert_array_equal(table["Days"], fit.ranef()["Subject"]["Days"])


# Shrinkage ---------------------------------------------------------------------------------------


def test_shrinkage_of_one_way_means():
    """No pooling: the group's mean; partial: the weighted mean of it and the overall mean."""
    data = mw.load("dyestuff")
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", data)
    table = shrinkage(fit.design, fit.estimate)
    means = data.groupby("Batch", observed=True)["Yield"].mean()
    np.testing.assert_allclose(table.no_pooling[:, 0], means, rtol=1e-13)
    tau2, sigma2 = fit.varcorr()["vcov"]
    weight = tau2 / (tau2 + sigma2 / 5)
    mu = fit.fixef.iloc[0]
    np.testing.assert_allclose(table.partial_pooling[:, 0], mu + weight * (means - mu), rtol=1e-12)
    assert table.complete_pooling.tolist() == [mu]
    assert table.levels == tuple(means.index)
    assert table.size.tolist() == [5] * 6
    assert table.names == ("intercept",)
    assert table.group == "Batch"
    assert table.criterion == "REML"
    np.testing.assert_allclose(table.covariance, [[tau2]], rtol=1e-14)


def test_no_pooling_is_each_groups_own_line():
    data = mw.load("sleepstudy")
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data, REML=False)
    table = shrinkage(fit.design, fit.estimate)
    for j, (_, part) in enumerate(data.groupby("Subject", observed=True)):
        slope, intercept = np.polyfit(part["Days"], part["Reaction"], 1)
        np.testing.assert_allclose(table.no_pooling[j], [intercept, slope], rtol=1e-10)
    np.testing.assert_allclose(table.partial_pooling, fit.coef()["Subject"], rtol=1e-13)
    assert table.criterion == "ML"


def test_groups_that_cannot_stand_alone():
    """One observation determines no line: no-pooling values are missing, the others are there."""
    fit = fitted("slope")
    table = shrinkage(fit.design, fit.estimate)
    single = table.size == 1
    assert single.any()
    assert np.isnan(table.no_pooling[single]).all()
    assert np.isfinite(table.no_pooling[table.size >= 2]).all()
    assert np.isfinite(table.partial_pooling).all()


@pytest.mark.parametrize("name", FORMULAS)
def test_no_pooling_by_least_squares(name):
    """The group's own fit of the random columns to what the rest of the model leaves."""
    fit = fitted(name)
    design = fit.design
    table = shrinkage(design, fit.estimate)
    w = np.ones(fit.nobs) if design.weights is None else design.weights
    y = design.y if design.offset is None else design.y - design.offset
    residual = y - design.X @ fit.fixef.to_numpy()
    Z = np.hstack([b.columns for b in design.blocks])
    for j in range(len(table.levels)):
        rows = design.groupings[0].codes == j
        A = Z[rows] * np.sqrt(w[rows])[:, None]
        if np.linalg.matrix_rank(A, tol=1e-9) < A.shape[1]:
            assert np.isnan(table.no_pooling[j]).all()
            continue
        own = np.linalg.lstsq(A, np.sqrt(w[rows]) * residual[rows], rcond=None)[0]
        np.testing.assert_allclose(table.no_pooling[j], table.complete_pooling + own, atol=1e-6)


def test_a_boundary_fit_pools_completely():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    table = shrinkage(fit.design, fit.estimate)
    assert (table.partial_pooling == table.complete_pooling).all()
    assert np.ptp(table.no_pooling) > 0.0
    assert table.covariance.tolist() == [[0.0]]

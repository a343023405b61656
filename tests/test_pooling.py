"""Shrinkage and the pooling path: the lecture's formula, full matrices, and both ends exactly."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import mixedwidgets as mw
from mixedwidgets.lmm.pooling import weights
from mixedwidgets.lmm.profile import profile
from tests import dense
from tests.test_optimize import SPREAD, lines
from tests.test_ranef import FORMULAS, fitted

COLUMNS = [
    *("term", "n", "no_pooling", "partial_pooling", "complete_pooling", "weight", "cond_sd"),
]
SLOPES = "Reaction ~ Days + (Days | Subject)"


def sleep(formula=SLOPES, reml=False):
    return mw.lmer(formula, mw.load("sleepstudy"), REML=reml)


def unbalanced(reml=False):
    data = mw.load("dyestuff")
    return mw.lmer("Yield ~ 1 + (1 | Batch)", data.drop(index=[0, 1, 2, 7, 12, 13]), REML=reml)


def penicillin(reml=False):
    return mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"), REML=reml)


# Shrinkage ----------------------------------------------------------------------------------------


def test_the_lectures_shrinkage_of_the_wheat():
    """(n/s2) / (n/s2 + 1/t2) of the region's mean, the rest of the overall mean."""
    data = mw.load("wheat")
    fit = mw.lmer("yield ~ 1 + (1 | region)", data, REML=False)
    table = fit.shrinkage()
    s2, t2 = 1.7872063, 0.3099255  # the lecture's maximum-likelihood estimates
    share = (5 / s2) / (5 / s2 + 1 / t2)
    means = data.groupby("region")["yield"].mean().to_numpy()
    assert list(table.columns) == COLUMNS
    assert table.index.name == "region"
    assert (table["n"] == 5).all()
    assert (table["term"] == "(Intercept)").all()
    np.testing.assert_allclose(table["weight"], share, rtol=1e-6)
    np.testing.assert_allclose(table["no_pooling"], means, rtol=1e-13)
    np.testing.assert_allclose(table["complete_pooling"], data["yield"].mean(), rtol=1e-13)
    expected = share * means + (1 - share) * data["yield"].mean()
    np.testing.assert_allclose(table["partial_pooling"], expected, rtol=1e-7)
    np.testing.assert_allclose(table["cond_sd"], np.sqrt(1 / (5 / s2 + 1 / t2)), rtol=1e-6)
    assert table.attrs["notes"] == ()


def test_weights_of_unequal_groups():
    fit = unbalanced()
    table = fit.shrinkage()
    s2, t2 = fit.sigma**2, fit.values()["sd_(Intercept)|Batch"] ** 2
    assert table["n"].nunique() > 1
    np.testing.assert_allclose(
        table["weight"], table["n"] * t2 / (table["n"] * t2 + s2), rtol=1e-12
    )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", FORMULAS)
def test_weights_turn_own_estimates_into_modes(name, reml):
    """One factor, any columns and weights: the modes are W_j times the level's own effects."""
    fit = fitted(name, reml)
    table = fit.shrinkage()
    k = table["term"].nunique()
    wide = {c: table[c].to_numpy().reshape(k, -1).T for c in COLUMNS[2:]}
    W = weights(fit.design, fit.estimate, 0)
    np.testing.assert_allclose(wide["weight"], np.einsum("jaa->ja", W), rtol=1e-12)
    own = wide["no_pooling"] - wide["complete_pooling"]
    known = np.isfinite(own).all(axis=1)
    modes = wide["partial_pooling"] - wide["complete_pooling"]
    np.testing.assert_allclose(
        np.einsum("jab,jb->ja", W[known], own[known]), modes[known], atol=1e-8, rtol=1e-7
    )
    ranef = fit.ranef()
    np.testing.assert_array_equal(wide["cond_sd"], ranef.cond_sd["g"].to_numpy())
    lost = int((~known).sum())
    assert bool(fit.shrinkage().attrs["notes"]) == bool(lost)
    if lost:
        assert f"{lost} of the" in table.attrs["notes"][0]
    if k == 1 and known.all():
        w = wide["weight"]
        mixed = w * wide["no_pooling"] + (1 - w) * wide["complete_pooling"]
        np.testing.assert_allclose(mixed, wide["partial_pooling"], rtol=1e-9)


def test_the_weight_matrix_written_out():
    fit = sleep()
    cov = fit.estimate.covariances[0]
    Z = np.column_stack([np.ones(10), np.arange(10.0)])
    A = Z.T @ Z
    expected = cov @ np.linalg.solve(fit.sigma**2 * np.eye(2) + A @ cov, A)
    for W in weights(fit.design, fit.estimate, 0):
        np.testing.assert_allclose(W, expected, rtol=1e-9)


@pytest.mark.parametrize("group", ["plate", "sample"])
def test_shrinkage_of_crossed_factors(group):
    fit = penicillin()
    table = fit.shrinkage(group)
    assert table.index.name == group
    w = table["weight"]
    t2 = fit.values()[f"sd_(Intercept)|{group}"] ** 2
    np.testing.assert_allclose(w, table["n"] * t2 / (table["n"] * t2 + fit.sigma**2), rtol=1e-9)
    mixed = w * table["no_pooling"] + (1 - w) * table["complete_pooling"]
    np.testing.assert_allclose(mixed, table["partial_pooling"], rtol=1e-10)


def test_a_boundary_fit_keeps_nothing_of_its_own():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    table = fit.shrinkage()
    assert (table[["weight", "cond_sd"]] == 0.0).all().all()
    assert (table["partial_pooling"] == table["complete_pooling"]).all()


def test_several_coefficients_one_after_the_other():
    table = sleep().shrinkage()
    assert list(table["term"]) == ["(Intercept)"] * 18 + ["Days"] * 18
    assert table.loc["308", "term"].tolist() == ["(Intercept)", "Days"]


@pytest.mark.parametrize("call", ["shrinkage", "pooling_path"])
def test_unknown_groups(call):
    with pytest.raises(mw.ModelError, match="did you mean 'Subject'") as caught:
        getattr(sleep(), call)(group="subject")
    assert "\n" not in str(caught.value)
    with pytest.raises(mw.ModelError, match="no grouping factor 3"):
        getattr(sleep(), call)(group=3)


# The path -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["profile", "slice"])
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "make", [unbalanced, lambda reml: sleep(reml=reml), penicillin], ids=["one", "slopes", "two"]
)
def test_the_path_passes_through_the_fit(make, reml, kind):
    fit = make(reml)
    path = fit.pooling_path(kind=kind)
    name = path.attrs["tau"]
    assert path.attrs == {"tau": name, "criterion": "REML" if reml else "ML", "kind": kind}
    row = path.loc[fit.values()[name]]
    assert row["deviance", ""] == pytest.approx(fit.criterion, rel=1e-12)
    assert row["sigma", ""] == pytest.approx(fit.sigma, rel=1e-6)
    for term, table in fit.shrinkage().groupby("term"):
        np.testing.assert_allclose(row[term], table["partial_pooling"], rtol=1e-6)
    assert path["deviance"].min() == pytest.approx(fit.criterion, rel=1e-12)
    assert np.isfinite(path.iloc[:-1].to_numpy()).all()
    assert path.index[0] == 0.0
    assert path.index[-1] == np.inf
    assert path["deviance"].iloc[-1] == np.inf


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_both_ends_of_a_random_intercept(kind):
    fit = unbalanced()
    y = fit.design.y
    codes = fit.design.groupings[0].codes
    path = fit.pooling_path([0.0, np.inf], kind=kind)
    means = np.bincount(codes, y) / np.bincount(codes)
    np.testing.assert_allclose(path.loc[0.0]["(Intercept)"], y.mean(), rtol=1e-14)
    np.testing.assert_allclose(path.loc[np.inf]["(Intercept)"], means, rtol=1e-14)
    if kind == "profile":
        sigma = y.std()
        assert path.loc[0.0, "sigma"].item() == pytest.approx(sigma, rel=1e-8)
        null = len(y) * (1 + np.log(2 * np.pi * sigma**2))
        assert path.loc[0.0, "deviance"].item() == pytest.approx(null, rel=1e-13)
        pooled = np.sqrt(np.sum((y - means[codes]) ** 2) / (len(y) - len(means)))
        assert path.loc[np.inf, "sigma"].item() == pytest.approx(pooled, rel=1e-12)
    else:
        assert (path["sigma"] == fit.sigma).all()


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_both_ends_of_random_lines(kind):
    data = mw.load("sleepstudy")
    fit = sleep(reml=True)
    path = fit.pooling_path([0.0, np.inf], kind=kind)
    slope, intercept = np.polyfit(data["Days"], data["Reaction"], 1)
    np.testing.assert_allclose(path.loc[0.0]["(Intercept)"], intercept, rtol=1e-12)
    np.testing.assert_allclose(path.loc[0.0]["Days"], slope, rtol=1e-11)
    for level, own in data.groupby("Subject", observed=True):
        slope, intercept = np.polyfit(own["Days"], own["Reaction"], 1)
        assert path.loc[np.inf, ("(Intercept)", level)] == pytest.approx(intercept, rel=1e-11)
        assert path.loc[np.inf, ("Days", level)] == pytest.approx(slope, rel=1e-10, abs=1e-9)


def test_no_pooling_beside_other_coefficients():
    """At infinity the levels' intercepts are fixed effects beside what varies within levels."""
    data = mw.load("sleepstudy")
    fit = sleep("Reaction ~ Days + (1 | Subject)")
    path = fit.pooling_path([np.inf])
    dummies = np.eye(18)[data["Subject"].cat.codes]
    both = np.linalg.lstsq(np.column_stack([dummies, data["Days"]]), data["Reaction"], rcond=None)
    np.testing.assert_allclose(path.iloc[0]["(Intercept)"], both[0][:-1], rtol=1e-12)


def test_no_pooling_beside_another_factor():
    fit = penicillin()
    path = fit.pooling_path([0.0, np.inf], group="sample", kind="slice")
    data = mw.load("penicillin")
    dummies = np.eye(6)[data["sample"].astype("category").cat.codes]
    plates = np.eye(24)[data["plate"].astype("category").cat.codes]
    tau = fit.values()["sd_(Intercept)|plate"]
    V = fit.sigma**2 * np.eye(len(data)) + tau**2 * plates @ plates.T
    W = np.linalg.inv(V)
    y = data["diameter"].to_numpy()
    expected = np.linalg.solve(dummies.T @ W @ dummies, dummies.T @ W @ y)
    np.testing.assert_allclose(path.loc[np.inf]["(Intercept)"], expected, rtol=1e-9)
    np.testing.assert_allclose(path.loc[0.0]["(Intercept)"], y.mean(), rtol=1e-9)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", ["Reaction ~ Days + (1 | Subject)", SLOPES])
def test_the_deviance_along_the_path_against_full_matrices(formula, reml):
    data = mw.load("sleepstudy")
    few = data[data["Subject"].astype(int) < 335].iloc[:-4]
    fit = mw.lmer(formula, few, REML=reml)
    cov = fit.estimate.covariances[0]
    shape = cov / cov[0, 0]
    tau = np.array([0.0, 3.0, 20.0, 90.0])
    profiled = fit.pooling_path(tau)
    held = fit.pooling_path(tau, kind="slice")

    def deviance(t, sigma):
        return dense.deviance(fit.design, [shape * (t / sigma) ** 2], reml, sigma=sigma)

    for t in tau:
        assert held.loc[t, "deviance"].item() == pytest.approx(deviance(t, fit.sigma), rel=1e-11)
        best = minimize_scalar(lambda s, t=t: deviance(t, s), (0.5 * fit.sigma, fit.sigma))
        assert profiled.loc[t, "deviance"].item() == pytest.approx(best.fun, rel=1e-12)
        assert profiled.loc[t, "sigma"].item() == pytest.approx(best.x, rel=1e-6)


@pytest.mark.parametrize("make", [unbalanced, penicillin])
def test_the_profiled_path_is_the_profile_likelihood(make):
    fit = make()
    path = fit.pooling_path()
    parameter = {p.name: p for p in fit.parameters}[path.attrs["tau"]]
    curve = profile(fit.estimate, parameter)
    for t in path.index[5:-5:8]:
        zeta = curve.at(t, curve.start)[0]
        assert path.loc[t, "deviance"].item() - fit.criterion == pytest.approx(zeta**2, abs=1e-6)


@pytest.mark.parametrize("reml", [True, False])
def test_estimates_along_the_path_against_full_matrices(reml):
    fit = sleep(reml=reml)
    cov = fit.estimate.covariances[0]
    path = fit.pooling_path([12.0], kind="slice")
    T = np.linalg.cholesky(cov * 144.0 / cov[0, 0]) / fit.sigma
    theta = T[np.tril_indices(2)][[0, 1, 2]]
    sigma, beta, _ = dense.estimates(fit.design, theta, reml)
    means, _ = dense.modes(fit.design, theta, sigma, beta)
    np.testing.assert_allclose(path.iloc[0]["(Intercept)"], beta[0] + means["Subject"][:, 0])
    np.testing.assert_allclose(path.iloc[0]["Days"], beta[1] + means["Subject"][:, 1])


def test_pooling_is_monotone_in_a_balanced_design():
    path = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat")).pooling_path()
    distances = np.abs(path["(Intercept)"] - 16.3064)
    assert (np.diff(distances, axis=0) >= -1e-12).all()


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_a_variance_estimated_as_zero(kind):
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)
    path = fit.pooling_path(kind=kind)
    assert path["deviance"].idxmin() == 0.0
    assert path.loc[0.0, "deviance"].item() == pytest.approx(fit.criterion, rel=1e-14)
    means = mw.load("dyestuff2").groupby("Batch", observed=True)["Yield"].mean()
    np.testing.assert_allclose(path.loc[np.inf]["(Intercept)"], means, rtol=1e-13)
    lines_fit = mw.lmer("y ~ x + (x | g)", lines(0 * SPREAD + 0.5), REML=False)
    both = lines_fit.pooling_path(kind=kind)
    assert both.loc[0.0, "deviance"].item() == pytest.approx(lines_fit.criterion, rel=1e-12)
    assert np.isfinite(both.iloc[:-1].to_numpy()).all()


def test_a_correlation_of_one_pools_along_its_direction():
    fit = mw.lmer("y ~ x + (x | g)", lines(0.7 * SPREAD, intercepts=2.0 * SPREAD), REML=False)
    path = fit.pooling_path()
    row = path.loc[fit.values()[path.attrs["tau"]]]
    assert row["deviance", ""] == pytest.approx(fit.criterion, rel=1e-12)
    end = path.loc[np.inf]
    cov = fit.estimate.covariances[0]
    spread = np.stack([end["(Intercept)"], end["x"]]) - path.loc[np.inf][
        ["(Intercept)", "x"]
    ].to_numpy().reshape(2, -1).mean(axis=1, keepdims=True)
    ratio = np.sqrt(cov[1, 1] / cov[0, 0])
    np.testing.assert_allclose(spread[1], ratio * spread[0], atol=1e-8)


def test_a_level_too_small_for_its_line_has_a_limit():
    data = mw.load("sleepstudy")
    keep = (data["Subject"] != "308") | (data["Days"] == 4)
    fit = mw.lmer(SLOPES, data[keep], REML=False)
    assert fit.shrinkage().loc["308", "no_pooling"].isna().all()
    path = fit.pooling_path([1e4, np.inf], kind="slice")
    end = path.loc[np.inf]
    observed = data.loc[(data["Subject"] == "308") & (data["Days"] == 4), "Reaction"].item()
    assert end["(Intercept)", "308"] + 4 * end["Days", "308"] == pytest.approx(observed, rel=1e-9)
    np.testing.assert_allclose(path.loc[1e4]["Days"], end["Days"], rtol=1e-4)


def test_what_tau_may_be():
    fit = unbalanced()
    assert list(fit.pooling_path(3).index) == [3.0]
    assert list(fit.pooling_path([5, 0, np.inf, 5]).index) == [5.0, 0.0, np.inf, 5.0]
    assert len(fit.pooling_path([])) == 0
    for wrong in (-1.0, [1.0, np.nan], "much", [[1.0]], {"tau": 1}):
        with pytest.raises(mw.ModelError, match="at least 0"):
            fit.pooling_path(wrong)
    for some in (fit, penicillin()):
        with pytest.raises(mw.ModelError, match=r"float\('inf'\)"):
            some.pooling_path(1e12)
    with pytest.raises(mw.ModelError, match="'profile' or 'slice'"):
        fit.pooling_path(kind="held")


def test_a_model_without_fixed_effects():
    fit = sleep("Reaction ~ 0 + (1 | Subject)")
    path = fit.pooling_path()
    means = mw.load("sleepstudy").groupby("Subject", observed=True)["Reaction"].mean()
    assert (path.loc[0.0]["(Intercept)"] == 0.0).all()
    np.testing.assert_allclose(path.loc[np.inf]["(Intercept)"], means, rtol=1e-13)


def test_chunks_do_not_matter(monkeypatch):
    fit = sleep()
    whole = fit.pooling_path()
    monkeypatch.setattr("mixedwidgets.lmm.pooling_path.AT_ONCE", 100)
    np.testing.assert_allclose(fit.pooling_path(), whole, rtol=1e-9)


def test_a_hundred_values_for_the_schools_are_quick():
    fit = mw.lmer("mscore ~ flp + enroll + ses + (ses | school)", mw.load("schools"))
    tau = np.geomspace(0.05, 50.0, 100)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        path = fit.pooling_path(tau)
        took.append(time.perf_counter() - started)
    assert path.shape == (100, 2 + 2 * 684)
    assert min(took) < 0.5  # 40 ms on a quiet machine

"""Every reference model: against lme4 at a polished optimum and against 50-digit arithmetic.

The reference README's tolerances are what a right implementation must meet. The gold values carry
25 digits, and analytic derivatives find the optimum to the last few bits, so most comparisons here
are far tighter; the reason is given where a tolerance is not obvious.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

import mixedwidgets as mw
from tests import dense
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models

pytestmark = pytest.mark.reference

MODELS = {m["id"]: m for m in reference_models()}


@cache
def lme4(name: str, method: str) -> dict:
    folder = reference_folder()
    assert folder is not None, MISSING
    return json.loads((folder / "ref" / f"{name}.{method}.json").read_text())


@cache
def gold(name: str) -> dict:
    folder = reference_folder()
    assert folder is not None, MISSING
    return json.loads((folder / "gold" / f"{name}.json").read_text())


def numbers(values) -> np.ndarray:
    return np.array([float(v) for v in values])


def assert_below(values, limits) -> None:
    """Every absolute value below its limit, with broadcasting."""
    ratio = np.abs(np.asarray(values)) / np.asarray(limits)
    assert np.all(ratio < 1.0), f"{ratio.max():.2g} times the tolerance"


def call(name: str, method: str):
    model = MODELS[name]
    return mw.lmer(
        model["formula"],
        data(model["dataset"]),
        REML=method == "reml",
        weights=model["weights"],
        contrasts=model["contrasts"],
    )


@cache
def data(name: str):
    return reference_data(name)


@cache
def fit(name: str, method: str):
    return call(name, method)


HUGE = ["insteval_sd"]  # takes seconds, and has no reference in fifty digits

CASES = [(name, m) for name, model in MODELS.items() if name not in HUGE for m in model["methods"]]
EXACT = [(name, m) for name, m in CASES if m in gold(name)]


def test_the_reference_is_here(reference):
    """Skips, saying so, where the folder is absent; the cases below are then empty."""
    assert len(CASES) >= 120


@pytest.mark.parametrize("method", [m for n in HUGE if n in MODELS for m in MODELS[n]["methods"]])
def test_thousands_of_levels_in_two_crossed_factors(method):
    ours, theirs = call("insteval_sd", method), lme4("insteval_sd", method)
    assert ours.criterion <= theirs["minus2logLik_or_REMLcrit"] * (1.0 + 1e-12)
    np.testing.assert_allclose(ours.theta, theirs["theta"], rtol=1e-5)
    np.testing.assert_allclose(ours.fixef, list(theirs["fixef"].values()), rtol=1e-6)
    np.testing.assert_allclose(ours.se, list(theirs["se"].values()), rtol=1e-6)
    assert ours.converged
    for block in theirs["ranef"]:
        modes = ours.ranef()[block["group"]].to_numpy()
        sd = float(np.std(modes))
        assert_below(modes[: len(block["values"])] - np.array(block["values"]), 1e-5 * sd)


@pytest.mark.parametrize(("name", "method"), EXACT)
def test_against_fifty_digits(name, method):
    ours, exact = fit(name, method), gold(name)[method]
    criterion = float(exact["minus2loglik"])
    assert ours.criterion == pytest.approx(criterion, rel=1e-12, abs=1e-11)
    # The criterion is flat at the optimum: theta is only as good as the gradient's rounding divided
    # by the curvature, and the smallest curvatures here are 0.13.
    theta = numbers(exact["theta"])
    np.testing.assert_allclose(ours.theta, theta, rtol=1e-9, atol=1e-10)
    assert ours.sigma == pytest.approx(float(exact["sigma"]), rel=1e-10)
    assert list(ours.fixef.index) == list(exact["fixef"])
    se = numbers(exact["se"].values())
    np.testing.assert_allclose(ours.se, se, rtol=1e-10)
    assert_below(ours.fixef - numbers(exact["fixef"].values()), 1e-9 * se)


@pytest.mark.parametrize(("name", "method"), EXACT)
def test_conditional_modes_against_fifty_digits(name, method):
    ours, exact = fit(name, method), gold(name)[method]
    flat = numbers(exact["ranef_flat_lme4_b_order"])
    names = [g.name for g in ours.design.groupings]
    offsets = dict.fromkeys(names, 0)
    at = 0
    for block in ours.design.blocks:
        group, k = names[block.grouping], len(block.names)
        columns = slice(offsets[group], offsets[group] + k)
        offsets[group] += k
        modes = ours.ranef(cond_var=False)[group].to_numpy()[:, columns]
        scale = spread(ours, group)[columns]
        expected = flat[at : at + modes.size]  # the first ones only, of large models
        whole = len(expected) // k
        assert_below(modes[:whole] - expected[: whole * k].reshape(-1, k), 1e-9 * scale)
        at += modes.size
    assert len(flat) == min(at, len(flat))


def spread(ours, group: str) -> np.ndarray:
    """SD of the effects of a group; where it is zero the smallest number: only zero is below."""
    number = [g.name for g in ours.design.groupings].index(group)
    columns = ours.estimate.moments.columns_of(number)
    factor = ours.estimate.factor
    return np.maximum(np.sqrt(np.diag(factor @ factor.T)), 1e-150)[columns]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_sizes_names_and_likelihoods(name, method):
    ours, theirs = fit(name, method), lme4(name, method)
    assert (ours.nobs, len(ours.fixef)) == (theirs["n"], theirs["p"])
    assert ours.ngroups.to_dict() == theirs["ngroups"]
    assert list(ours.theta.index) == theirs["theta_names"]
    assert ours.npar == theirs["df"]
    assert ours.df_resid == theirs["n"] - theirs["df"]
    assert ours.reml == (method == "reml")
    criterion = theirs["minus2logLik_or_REMLcrit"]
    assert ours.criterion <= criterion + 1e-8 * abs(criterion)
    assert ours.loglik == pytest.approx(theirs["logLik"], rel=1e-8)
    assert ours.aic == pytest.approx(theirs["AIC"], rel=1e-8)
    assert ours.bic == pytest.approx(theirs["BIC"], rel=1e-8)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_coefficients_and_their_covariance(name, method):
    ours, theirs = fit(name, method), lme4(name, method)
    assert list(ours.fixef.index) == list(theirs["fixef"])
    se = np.array(list(theirs["se"].values()))
    difference = np.abs(ours.fixef - np.array(list(theirs["fixef"].values())))
    assert_below(difference, 1e-6 * se)
    np.testing.assert_allclose(ours.se, se, rtol=1e-6)
    vcov = np.array(theirs["vcov"])
    assert_below(ours.vcov - vcov, 2e-6 * np.outer(se, se))
    np.testing.assert_array_equal(ours.vcov, ours.vcov.T)
    assert ours.sigma == pytest.approx(theirs["sigma"], rel=1e-6)
    limits = ours.confint(list(theirs["wald_ci95"]), method="wald")
    assert list(limits.columns) == ["2.5 %", "97.5 %"]
    expected = np.array(list(theirs["wald_ci95"].values()))
    assert_below(limits.to_numpy() - expected, 3e-6 * se[:, None])


@pytest.mark.parametrize(("name", "method"), CASES)
def test_variance_components(name, method):
    ours, theirs = fit(name, method), lme4(name, method)
    table = ours.varcorr()
    assert list(table.columns) == ["grp", "var1", "var2", "vcov", "sdcor"]
    at = 0
    for block in theirs["varcorr"]:
        k = len(block["names"])
        cov, sd = np.array(block["cov"]), np.array(block["sd"], dtype=float)
        rows = table.iloc[at : at + k]
        assert list(rows["var1"]) == block["names"]
        assert rows["var2"].isna().all()
        # lme4's polished optimum is good to about 1e-6 in theta where the criterion is flat
        np.testing.assert_allclose(rows["sdcor"], sd, rtol=1e-5)
        np.testing.assert_allclose(rows["vcov"], np.diag(cov), rtol=2e-5)
        pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
        rows = table.iloc[at + k : at + k + len(pairs)]
        for (i, j), (_, row) in zip(pairs, rows.iterrows(), strict=True):
            assert (row["var1"], row["var2"]) == (block["names"][i], block["names"][j])
            assert row["vcov"] == pytest.approx(cov[i, j], abs=2e-5 * sd[i] * sd[j])
            assert row["sdcor"] == pytest.approx(block["corr"][i][j], abs=2e-5)
        at += k + len(pairs)
    assert list(table.iloc[-1][["grp", "sdcor"]]) == ["Residual", ours.sigma]
    assert len(table) == at + 1


@pytest.mark.parametrize(("name", "method"), CASES)
def test_conditional_modes_and_variances(name, method):
    ours, theirs = fit(name, method), lme4(name, method)
    modes = ours.ranef()
    assert list(modes) == [block["group"] for block in theirs["ranef"]]
    for block in theirs["ranef"]:
        check_modes_and_variances(ours, modes, block)


def check_modes_and_variances(ours, modes, block) -> None:
    table = modes[block["group"]]
    assert list(table.columns) == block["names"]
    assert [str(level) for level in table.index] == block["levels"]
    assert len(table) == block["nlevels"]
    scale = spread(ours, block["group"])
    values = np.array(block["values"])
    assert_below(table.to_numpy()[: len(values)] - values, 1e-5 * scale)
    variances = modes.cond_var[block["group"]]
    k = len(block["names"])
    if "condvar_flat" in block:
        expected = np.array(block["condvar_flat"]).reshape(-1, k, k).transpose(0, 2, 1)
    else:
        expected = np.zeros((len(table), k, k))
        at = 0
        for values in block["condvar_by_term"].values():
            flat = np.array(values)
            size = round(np.sqrt(flat.shape[1]))
            expected[:, at : at + size, at : at + size] = flat.reshape(-1, size, size)
            at += size
    blocks = expected != 0.0  # lme4 leaves out covariances between terms; they are checked below
    difference = np.abs(variances - expected) / np.outer(scale, scale)
    assert difference[blocks].max(initial=0.0) < 1e-5
    assert_below(variances - variances.transpose(0, 2, 1), 1e-14 * np.outer(scale, scale))
    relative = variances / np.outer(scale, scale)
    assert np.linalg.eigvalsh(relative).min() > -1e-13
    assert np.linalg.eigvalsh(relative).max() < k * (1.0 + 1e-12)  # never more than unconditionally


SMALL = [(name, method) for name, method in CASES if MODELS[name]["n"] <= 300]


@pytest.mark.parametrize(("name", "method"), SMALL)
def test_conditional_moments_against_full_matrices(name, method):
    ours = fit(name, method)
    means, variances = dense.modes(
        ours.design, ours.theta.to_numpy(), ours.sigma, ours.fixef.to_numpy()
    )
    found = ours.ranef()
    for group, mean in means.items():
        scale = spread(ours, group)
        assert_below(found[group] - mean, 1e-8 * scale)
        assert_below(found.cond_var[group] - variances[group], 1e-8 * np.outer(scale, scale))


@pytest.mark.parametrize(("name", "method"), CASES)
def test_fitted_values_and_residuals(name, method):
    ours, theirs = fit(name, method), lme4(name, method)
    fitted, residual = ours.fitted().to_numpy(), ours.resid().to_numpy()
    expected = np.array(theirs["fitted"]["values"])
    count = len(expected)
    assert count == (theirs["n"] if theirs["fitted"]["complete"] else 20)
    np.testing.assert_allclose(fitted[:count], expected, atol=1e-5 * ours.sigma, rtol=0)
    np.testing.assert_allclose(
        residual[:count], theirs["residual"]["values"][:count], atol=1e-5 * ours.sigma, rtol=0
    )
    if not theirs["fitted"]["complete"]:
        assert fitted.sum() == pytest.approx(theirs["fitted"]["sum"], rel=1e-8)
        assert np.sum(fitted**2) == pytest.approx(theirs["fitted"]["sumsq"], rel=1e-7)
        assert np.sum(residual**2) == pytest.approx(theirs["residual"]["sumsq"], rel=1e-6)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_the_verdict(name, method):
    ours = fit(name, method)
    singular = MODELS[name]["singular"][method]
    assert singular == lme4(name, method)["singular"]
    assert ours.converged
    assert ours.verdict.kind == ("boundary fit" if singular else "converged")
    expected = [float(v) for v in gold(name)[method]["theta"]]
    exact_zeros = [i for i, v in enumerate(expected) if v == 0.0]
    assert all(ours.theta.iloc[i] == 0.0 for i in exact_zeros)  # exactly zero, not almost


@pytest.mark.parametrize(("name", "method"), CASES)
def test_the_optimum_is_one(name, method):
    """Evidence reported with the fit: a flat gradient, positive curvature, at most two starts."""
    optimum = fit(name, method).estimate.optimum
    assert optimum.gradient <= 1e-8 * max(1.0, abs(optimum.value))
    assert np.isnan(optimum.curvature) or optimum.curvature > 0.0
    assert optimum.evaluations <= 60
    path = [value for _, value in optimum.trace]
    assert path[-1] == pytest.approx(optimum.value, rel=1e-10)

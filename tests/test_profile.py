"""Profile and Wald intervals: against exact references, and against what defines them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, norm

import mixedwidgets as mw
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.profile import profile, profile_interval
from mixedwidgets.lmm.wald import wald_covariance
from tests import dense
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models
from tests.test_optimize import SPREAD, lines, rough, try_fit

CUT = chi2.ppf(0.95, 1)
MODELS = {m["id"]: m for m in reference_models()}
ONE_FACTOR = (
    "dyestuff",
    "dyestuff2",
    "ergostool",
    "hoff100_null",
    "orthodont",
    "rail",
    "sas_bond",
    "sas_miss",
    "sleep_ri",
    "sleep_slope",
    "sleep_zcp",
    "wheat_surrogate",
)


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def sleep_limits(sleep):
    return sleep.confint()


# Against the exact profiles of the reference -----------------------------------------------------


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", ONE_FACTOR)
def test_exact_profiles(name):
    folder = reference_folder()
    assert folder is not None, MISSING
    exact = json.loads((folder / "profile" / f"{name}.json").read_text())
    model = MODELS[name]
    fit = mw.lmer(
        model["formula"],
        reference_data(model["dataset"]),
        REML=False,
        contrasts=model["contrasts"],
    )
    assert fit.criterion == pytest.approx(exact["ml_deviance"], rel=1e-9)
    ours = fit.confint()
    assert len(ours) == len(exact["exact"])
    for key, values in exact["exact"].items():
        row = key
        lower, upper = ours.loc[row]
        width = values["upper"] - values["lower"]
        # roots found to 1e-9 of their distance; the reference's own are good to about 1e-10
        assert lower == pytest.approx(values["lower"], abs=1e-8 * width), key
        assert upper == pytest.approx(values["upper"], abs=1e-8 * width), key
        note = ours.attrs["notes"].get(row, "")
        assert bool(note) == bool(values["note"]), key
        assert note.count("boundary") == values["note"].count("boundary"), key


# Against the definition --------------------------------------------------------------------------


def dense_profile(fit, parameter, value: float, start=None) -> float:
    """The deviance with one parameter held, by a general minimiser over full matrices."""
    design = fit.design
    k = len(design.blocks[0].names)
    names = [p for p in fit.parameters if p.kind != "fixed"]
    values = fit.values()
    held = [p.name for p in names].index(parameter.name) if parameter.kind != "fixed" else None

    def unpack(x):
        full = np.insert(x, held, value) if held is not None else x
        sds = [full[i] for i, p in enumerate(names) if p.kind == "sd"]
        cors = [full[i] for i, p in enumerate(names) if p.kind == "cor"]
        return dense.from_parameters(sds, cors), full[-1]

    def deviance(x):
        C, sigma = unpack(x)
        inside = sigma > 0 and np.linalg.eigvalsh(C)[0] >= 0.0 and np.all(np.diag(C) > 0)
        if not inside:
            return 1e10
        beta = None
        if parameter.kind == "fixed":
            V = dense.covariance(design, [C / sigma**2])
            y = design.y - design.X[:, parameter.i] * value
            keep = [i for i in range(design.X.shape[1]) if i != parameter.i]
            X = design.X[:, keep]
            beta = np.zeros(design.X.shape[1])
            beta[parameter.i] = value
            if keep:
                beta[keep] = np.linalg.solve(
                    X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, y)
                )
        return dense.deviance(design, [C / sigma**2], False, sigma=sigma, beta=beta)

    x0 = np.array([values[p.name] for i, p in enumerate(names) if i != held])
    assert k <= 2
    best = minimize(deviance, x0, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    return float(best.fun)


@pytest.mark.parametrize(
    "name",
    ["sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "sd_Days|Subject", "sigma", "Days"],
)
def test_at_each_limit_the_dense_deviance_has_risen_by_the_quantile(name):
    data = mw.load("sleepstudy")
    few = data[data["Subject"].astype(int) < 335]  # seven subjects: dense matrices stay small
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", few, REML=False)
    parameter = {p.name: p for p in fit.parameters}[name]
    for limit in fit.confint(name).iloc[0]:
        if limit in parameter.allowed:
            assert dense_profile(fit, parameter, 0.999 * limit) - fit.criterion < CUT
        else:
            rise = dense_profile(fit, parameter, limit) - fit.criterion
            assert CUT - 1e-9 < rise < CUT + 1e-5  # the general minimiser stops a little above


def test_one_way_against_the_closed_likelihood():
    """Balanced one-way data: the limits are roots of a function of two mean squares."""
    data = mw.load("dyestuff")
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", data, REML=False)
    groups = data.groupby("Batch", observed=True)["Yield"]
    m, n = 6, 5
    ssb = n * float(((groups.mean() - data["Yield"].mean()) ** 2).sum())
    ssw = float(((data["Yield"] - groups.transform("mean")) ** 2).sum())

    def deviance(within, level):  # sigma^2 and sigma^2 + n tau^2
        N = m * n
        return (
            N * np.log(2 * np.pi)
            + (N - m) * np.log(within)
            + m * np.log(level)
            + ssw / within
            + ssb / level
        )

    assert deviance(fit.sigma**2, ssb / m) == pytest.approx(fit.criterion, rel=1e-14)
    for sigma in fit.confint("sigma").iloc[0]:
        level = max(ssb / m, sigma**2)  # the best level, unless tau is at zero
        assert deviance(sigma**2, level) - fit.criterion == pytest.approx(CUT, rel=1e-9)
    for tau in fit.confint("sd_(Intercept)|Batch").iloc[0]:
        best = minimize(
            lambda s, tau=tau: deviance(s[0] ** 2, s[0] ** 2 + n * tau**2),
            [fit.sigma],
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12},
        )
        assert best.fun - fit.criterion == pytest.approx(CUT, rel=1e-8)


def test_the_slope_of_a_profile_is_its_derivative(sleep):
    for parameter in sleep.parameters:
        curve = profile(sleep.estimate, parameter)
        for side in (-1.3, 0.8):
            value = curve.estimate + side * curve.scale
            zeta, slope, z = curve.at(value, curve.start)
            h = 1e-4 * curve.scale
            ahead, behind = curve.at(value + h, z)[0], curve.at(value - h, z)[0]
            assert slope == pytest.approx((ahead - behind) / (2 * h), rel=1e-5), parameter.name
            assert zeta > 0.0


# What intervals must obey ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["profile", "wald"])
def test_intervals_nest(sleep, method):
    before = None
    for level in (0.5, 0.8, 0.95, 0.99):
        now = sleep.confint(level=level, method=method)
        estimates = sleep.values()
        assert list(now.index) == list(estimates.index)
        assert (now.iloc[:, 0] < estimates).all()
        assert (now.iloc[:, 1] > estimates).all()
        if before is not None:
            assert (now.iloc[:, 0] <= before.iloc[:, 0]).all()
            assert (now.iloc[:, 1] >= before.iloc[:, 1]).all()
        before = now


def test_the_columns_say_the_level(sleep):
    assert list(sleep.confint("sigma").columns) == ["2.5 %", "97.5 %"]
    assert list(sleep.confint("sigma", level=0.9).columns) == ["5 %", "95 %"]
    assert list(sleep.confint("sigma", level=0.99, method="wald").columns) == ["0.5 %", "99.5 %"]


@pytest.mark.parametrize("method", ["profile", "wald"])
def test_units_of_the_response(sleep, sleep_limits, method):
    data = mw.load("sleepstudy")
    tenfold = mw.lmer(
        "Reaction ~ Days + (Days | Subject)", data.assign(Reaction=data.Reaction * 10), REML=False
    )
    plain = sleep_limits if method == "profile" else sleep.confint(method="wald")
    factor = np.array([1.0 if name.startswith("cor") else 10.0 for name in plain.index])
    np.testing.assert_allclose(
        tenfold.confint(method=method).to_numpy(), plain.to_numpy() * factor[:, None], rtol=1e-7
    )


def test_units_of_a_covariate(sleep_limits):
    data = mw.load("sleepstudy")
    weeks = mw.lmer(
        "Reaction ~ Days + (Days | Subject)", data.assign(Days=data.Days / 7.0), REML=False
    )
    slope = [name in ("Days", "sd_Days|Subject") for name in sleep_limits.index]
    factor = np.where(slope, 7.0, 1.0)
    np.testing.assert_allclose(
        weeks.confint().to_numpy(), sleep_limits.to_numpy() * factor[:, None], rtol=1e-7
    )


def test_a_restricted_fit_has_the_profile_of_the_likelihood(sleep_limits):
    """As in lme4: profiles are of the likelihood, however the model was fitted."""
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    np.testing.assert_allclose(fit.confint().to_numpy(), sleep_limits.to_numpy(), rtol=1e-8)
    assert not np.allclose(
        fit.confint(method="wald").to_numpy(),
        mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)
        .confint(method="wald")
        .to_numpy(),
        rtol=1e-3,
    )


def test_some_parameters_only(sleep, sleep_limits):
    one = sleep.confint("sd_Days|Subject")
    assert list(one.index) == ["sd_Days|Subject"]
    two = sleep.confint(["Days", "sigma"])
    assert list(two.index) == ["Days", "sigma"]
    np.testing.assert_array_equal(two.loc["sigma"], sleep_limits.loc["sigma"])
    assert sleep.confint([]).empty
    assert list(sleep_limits.index) == [p.name for p in sleep.parameters]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95, "0.95", None, float("nan")])
def test_impossible_levels(sleep, level):
    with pytest.raises(mw.ModelError, match="between 0 and 1") as caught:
        sleep.confint(level=level)
    assert "\n" not in str(caught.value)


def test_unknown_parameters_and_methods(sleep):
    with pytest.raises(mw.ModelError, match=r"did you mean 'sd_Days\|Subject'") as caught:
        sleep.confint("sd_days|Subject")
    assert "sigma" in str(caught.value)
    with pytest.raises(mw.ModelError, match="no parameter 7"):
        sleep.confint([7])
    with pytest.raises(mw.ModelError, match="choose 'profile', 'wald' or 'boot'"):
        sleep.confint(method="walt")


# Boundaries --------------------------------------------------------------------------------------


def test_a_variance_estimated_as_zero():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)
    limits = fit.confint()
    lower, upper = limits.loc["sd_(Intercept)|Batch"]
    assert lower == 0.0 < upper
    assert "zero is within the cut-off" in limits.attrs["notes"]["sd_(Intercept)|Batch"]
    assert upper == pytest.approx(2.0840478717772, rel=1e-9)
    wald = fit.confint(method="wald")
    assert wald.loc["sd_(Intercept)|Batch"].tolist() == [0.0, np.inf]
    assert "boundary" in wald.attrs["notes"]["sd_(Intercept)|Batch"]
    assert wald.loc[["sigma", "(Intercept)"]].notna().all().all()


def test_a_lower_limit_at_zero_above_which_the_estimate_lies():
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    lower, upper = fit.confint("sd_(Intercept)|region").iloc[0]
    assert lower == 0.0
    assert upper > fit.values()["sd_(Intercept)|region"] > 0.0
    lower, _ = fit.confint("sd_(Intercept)|region", level=0.3).iloc[0]
    assert lower > 0.0


def test_a_correlation_estimated_at_its_bound():
    fit = mw.lmer("y ~ x + (x | g)", lines(0.7 * SPREAD, intercepts=2.0 * SPREAD), REML=False)
    limits = fit.confint()
    lower, upper = limits.loc["cor_x.(Intercept)|g"]
    assert upper == 1.0
    assert -1.0 < lower < 1.0
    assert "+1" in limits.attrs["notes"]["cor_x.(Intercept)|g"]
    assert np.isfinite(limits.to_numpy()).all()


def test_a_correlation_that_the_data_leave_open():
    """Nothing varies: every correlation is as good as any, and the limits say so."""
    fit = mw.lmer("y ~ x + (x | g)", lines(0 * SPREAD + 0.5), REML=False)
    limits = fit.confint()
    assert limits.loc["cor_x.(Intercept)|g"].tolist() == [-1.0, 1.0]
    notes = limits.attrs["notes"]["cor_x.(Intercept)|g"]
    assert "-1" in notes
    assert "+1" in notes


def test_a_steep_correlation_is_not_mistaken_for_a_bound():
    """Little noise: the profile of a correlation is flat, then steep just before its bound."""
    fit = try_fit("y ~ x + z + (x + z | g)", rough(14), False)
    parameter = {p.name: p for p in fit.parameters}["cor_z.(Intercept)|g"]
    found = profile_interval(fit.estimate, parameter)
    curve = profile(fit.estimate, parameter)
    for limit in (found.lower, found.upper):
        assert -1.0 < limit < 1.0
        assert curve.at(limit, curve.start)[0] ** 2 == pytest.approx(CUT, abs=1e-5)


@pytest.mark.parametrize(
    ("seed", "formula", "name"),
    [
        (1, "y ~ x + (x | g)", "sd_x|g"),
        (3, "y ~ x + z + (x + z | g)", "sd_x|g"),
        (4, "y ~ x + z + (x + z | g)", "sd_x|g"),
        (23, "y ~ x + (x | g)", "(Intercept)"),
        (23, "y ~ x + z + (x + z | g)", "x"),
        (35, "y ~ x + (x || g)", "sd_x|g.1"),
        (35, "y ~ x + z + (x + z | g)", "cor_x.(Intercept)|g"),
    ],
)
def test_limits_where_the_inner_problem_has_several_optima(seed, formula, name):
    """From many random starts nothing lower is found at the limits."""
    fit = try_fit(formula, rough(seed), False)
    parameter = {p.name: p for p in fit.parameters}[name]
    found = profile_interval(fit.estimate, parameter)
    curve = profile(fit.estimate, parameter)
    rng = np.random.default_rng(seed)
    for limit in (found.lower, found.upper):
        if limit in parameter.allowed:
            continue
        starts = [curve.start + rng.normal(size=len(curve.start)) * s for s in (0.3, 1, 1, 3, 3)]
        zeta = min(curve.at(limit, start, True)[0] for start in starts)
        assert zeta**2 == pytest.approx(CUT, abs=1e-4)


# Wald --------------------------------------------------------------------------------------------


def natural_deviance(fit):
    """Minus twice the log-likelihood in (sd, cor, ..., sigma), coefficients at their best."""
    names = [p for p in fit.parameters if p.kind != "fixed"]

    def deviance(x):
        sigma = x[-1]
        covariances = []
        for b in range(len(fit.design.blocks)):
            sds = [x[i] for i, p in enumerate(names) if p.kind == "sd" and p.block == b]
            cors = [x[i] for i, p in enumerate(names) if p.kind == "cor" and p.block == b]
            covariances.append(dense.from_parameters(sds, cors) / sigma**2)
        return dense.deviance(fit.design, covariances, fit.reml, sigma=sigma)

    return deviance, np.array([fit.values()[p.name] for p in names]), [p.name for p in names]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ Days + (1 | Subject)",
        "Reaction ~ Days + (Days | Subject)",
        "Reaction ~ Days + (Days || Subject)",
        "Reaction ~ Days + (0 + Days | Subject)",
    ],
)
def test_wald_standard_errors_against_the_dense_hessian(formula, reml):
    fit = mw.lmer(formula, mw.load("sleepstudy"), REML=reml)
    deviance, x, names = natural_deviance(fit)
    gradient = dense.gradient(deviance, x)
    covariance = 2.0 * np.linalg.inv(dense.hessian(deviance, x))
    se = np.sqrt(np.diag(covariance))
    assert np.abs(gradient * se).max() < 1e-6  # all derivatives vanish there, sigma's too
    chosen = tuple(p for p in fit.parameters if p.kind != "fixed")
    ours = wald_covariance(fit.estimate, chosen)
    np.testing.assert_allclose(ours, covariance, atol=1e-6 * np.outer(se, se).max(), rtol=1e-5)
    limits = fit.confint(names, method="wald").to_numpy()
    z = norm.ppf(0.975)
    np.testing.assert_allclose(limits, np.stack((x - z * se, x + z * se), 1), rtol=1e-5, atol=1e-6)


def test_wald_intervals_of_coefficients_use_normal_quantiles(sleep):
    limits = sleep.confint(["(Intercept)", "Days"], method="wald", level=0.9)
    z = norm.ppf(0.95)
    np.testing.assert_allclose(limits.iloc[:, 0], sleep.fixef - z * sleep.se, rtol=1e-12)
    np.testing.assert_allclose(limits.iloc[:, 1], sleep.fixef + z * sleep.se, rtol=1e-12)


def test_wald_may_go_below_zero():
    """That it can is the lesson; it is not hidden."""
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    name = "sd_(Intercept)|region"
    assert fit.confint(name, method="wald", level=0.99).iloc[0, 0] < 0.0
    assert fit.confint(name, method="profile", level=0.99).iloc[0, 0] == 0.0


def test_the_estimate_by_the_likelihood_is_reused():
    data = pd.DataFrame(mw.load("dyestuff"))
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", data)
    ml = estimate(fit.estimate.moments, False)
    interval = profile_interval(ml, fit.parameters[1], 0.9)
    assert fit.confint("sigma", level=0.9).iloc[0].tolist() == [interval.lower, interval.upper]


def test_a_correlation_costs_no_more_than_leaving_out_an_effect():
    """Without a random intercept orthodont's deviance rises by 1.4976^2: any correlation may do."""
    fit = mw.lmer("distance ~ age + (age | Subject)", mw.load("orthodont"), REML=False)
    name = "cor_age.(Intercept)|Subject"
    without = mw.lmer("distance ~ age + (0 + age | Subject)", mw.load("orthodont"), REML=False)
    most = np.sqrt(without.criterion - fit.criterion)
    assert most == pytest.approx(1.4976, abs=1e-4)
    zeta = fit.profile(name)[name][".zeta"]
    assert np.abs(zeta).max() <= most + 1e-6
    assert np.all(np.diff(zeta) > -1e-9)
    limits = fit.confint("cor_*", level=0.87)
    assert limits.iloc[0].tolist() == [-1.0, 1.0]
    assert "-1 is within the cut-off" in str(limits)


@pytest.mark.parametrize("seed", range(3))
def test_profiles_of_correlations_against_a_search_from_many_starts(seed):
    """Random slopes in small data: the least deviance over standard deviations by brute force."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(6), 5), rng.normal(size=30)
    effects = rng.normal(size=(6, 2)) * [0.6, 0.5]
    y = 1.0 + x + effects[g, 0] + effects[g, 1] * x + rng.normal(size=30)
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    fit = mw.lmer("y ~ x + (x | g)", data, REML=False)
    name = "cor_x.(Intercept)|g"
    curve = profile(fit.estimate, {p.name: p for p in fit.parameters}[name])
    deviance = mw.lmer("y ~ x + (x | g)", data, REML=False, devfun_only=True)
    for value in (-1.0, -0.9, -0.4, 0.3, 0.8, 1.0):

        def at(x, value=value):
            a, b = np.abs(x)
            return deviance([a, b * value, b * np.sqrt(1.0 - value**2)])

        starts = ([0.01, 0.5], [0.5, 0.01], [0.5, 0.5], [2.0, 2.0], [0.01, 0.01])
        options = {"xatol": 1e-6, "fatol": 1e-9}
        least = min(minimize(at, s, method="Nelder-Mead", options=options).fun for s in starts)
        zeta = curve.at(value, curve.start, everywhere=True)[0]
        assert zeta**2 == pytest.approx(least - fit.criterion, abs=1e-5)

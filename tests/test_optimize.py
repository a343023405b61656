"""The optimum: never above what others find, exactly zero where it is zero, never stuck there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.newton import minimise
from mixedwidgets.lmm.objective import Factor, ProfiledDeviance
from mixedwidgets.lmm.optimize import natural_theta, whitened_factor
from tests import dense
from tests.reference_data import reference_data

# The minimiser by itself ------------------------------------------------------------------------


def rosenbrock(x):
    a, b = x
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    hessian = np.array([[2 - 400 * (b - 3 * a * a), -400 * a], [-400 * a, 200.0]])
    return value, gradient, hessian


def test_a_quadratic_takes_one_step():
    A = np.array([[3.0, 1.0], [1.0, 2.0]])
    target = np.array([0.3, -0.7])

    def quadratic(x):
        return 0.5 * (x - target) @ A @ (x - target), A @ (x - target), A

    found = minimise(quadratic, np.array([50.0, -20.0]))
    assert found.converged
    assert len(found.path) <= 3
    np.testing.assert_allclose(found.x, target, atol=1e-12)


def test_rosenbrock_from_the_usual_start():
    found = minimise(rosenbrock, np.array([-1.2, 1.0]))
    assert found.converged
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-8)
    values = [value for _, value in found.path]
    assert all(b <= a * (1 + 1e-15) for a, b in pairwise(values))


def test_it_leaves_a_saddle_point():
    """Zero gradient, one direction down: where a plain Newton step stays for ever."""

    def saddle(x):
        a, b = x
        return (
            a * a - b * b + b**4,
            np.array([2 * a, -2 * b + 4 * b**3]),
            np.diag([2.0, -2.0 + 12 * b * b]),
        )

    for start in ([1.0, 0.0], [0.0, 0.0]):
        found = minimise(saddle, np.array(start))
        assert found.converged
        assert abs(found.x[1]) == pytest.approx(np.sqrt(0.5), rel=1e-8)


def test_it_walks_around_what_is_forbidden():
    def barrier(x):
        if x[0] <= 0.0:
            return np.inf, np.zeros(1), np.zeros((1, 1))
        return x[0] - np.log(x[0]), 1 - 1 / x, np.array([[1 / x[0] ** 2]])

    found = minimise(barrier, np.array([30.0]))
    assert found.converged
    assert found.x[0] == pytest.approx(1.0, rel=1e-7)


def test_it_says_when_it_did_not_arrive():
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), max_steps=3)
    assert not found.converged
    assert len(found.path) == 4


def test_nothing_to_minimise():
    found = minimise(lambda x: (4.0, np.zeros(0), np.zeros((0, 0))), np.zeros(0))
    assert found.converged
    assert found.value == 4.0


# Zero, exactly -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False])
def test_dyestuff2(reml):
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=reml)
    assert fit.theta.tolist() == [0.0]
    assert fit.verdict.kind == "boundary fit"
    assert fit.verdict.sentence.startswith("Boundary fit:")
    assert "Batch" in fit.verdict.sentence
    assert "variation" not in fit.verdict.sentence
    assert str(fit.verdict) == fit.verdict.sentence
    assert fit.converged
    assert fit.ranef()["Batch"].to_numpy().tolist() == [[0.0]] * 6
    assert not fit.ranef().cond_var["Batch"].any()
    n = fit.nobs
    y = mw.load("dyestuff2")["Yield"]
    assert fit.sigma == pytest.approx(y.std(ddof=1 if reml else 0), rel=1e-14)
    assert fit.se.iloc[0] == pytest.approx(fit.sigma / np.sqrt(n), rel=1e-14)


def lines(slopes, noise: float = 0.3, intercepts=None) -> pd.DataFrame:
    """Groups whose own least-squares lines are as given: the noise is orthogonal to them."""
    x = np.array([-3.0, -1.0, 1.0, 3.0])
    wave = noise * np.array([1.0, -3.0, 3.0, -1.0])  # orthogonal to 1 and to x
    rows = []
    for j, slope in enumerate(slopes):
        intercept = 0.0 if intercepts is None else intercepts[j]
        sign = 1.0 if j % 2 else -1.0
        rows += [
            (10 + intercept + slope * a + sign * e, a, j) for a, e in zip(x, wave, strict=True)
        ]
    return pd.DataFrame(rows, columns=["y", "x", "g"])


SPREAD = np.array([-2.0, -1.0, -0.5, 0.0, 0.4, 0.9, 2.2])


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_perfect_correlation(sign, reml):
    """Intercepts proportional to slopes leave nothing for the second direction but noise."""
    data = lines(sign * 0.7 * SPREAD, intercepts=2.0 * SPREAD)
    fit = mw.lmer("y ~ x + (x | g)", data, REML=reml)
    assert fit.verdict.kind == "boundary fit"
    assert fit.theta.iloc[2] == 0.0
    assert fit.values()["cor_x.(Intercept)|g"] == sign  # exactly: 0.9999999999999998 is not a bound
    assert f"exactly {sign:+.0f}" in fit.verdict.sentence
    assert "slope of x" in fit.verdict.sentence
    assert fit.converged
    wald = fit.confint("cor_x.(Intercept)|g", method="wald")
    assert wald.to_numpy().tolist() == [[-1.0, 1.0]]
    assert "no standard error" in wald.notes["cor_x.(Intercept)|g"]


@pytest.mark.parametrize("formula", ["y ~ x + (x || g)", "y ~ x + (x | g)"])
def test_lines_that_are_parallel(formula):
    fit = mw.lmer(formula, lines(0 * SPREAD + 0.5, intercepts=2.0 * SPREAD, noise=1.0))
    assert fit.verdict.kind == "boundary fit"
    name = "sd_x|g.1" if "||" in formula else "sd_x|g"
    assert fit.values()[name] == 0.0
    assert "slope of x" in fit.verdict.sentence
    assert "zero" in fit.verdict.sentence
    if formula == "y ~ x + (x | g)":
        assert np.isnan(fit.values()["cor_x.(Intercept)|g"])


def test_lines_that_are_all_the_same():
    fit = mw.lmer("y ~ x + (x | g)", lines(0 * SPREAD + 0.5))
    assert fit.theta.tolist() == [0.0, 0.0, 0.0]
    assert fit.verdict.kind == "boundary fit"
    assert len(fit.verdict.directions) == 2


def test_three_effects_of_rank_two():
    rng = np.random.default_rng(1)
    m, n = 12, 12
    g = np.repeat(np.arange(m), n)
    x, z = rng.normal(size=m * n), rng.normal(size=m * n)
    b = rng.normal(size=(m, 2)) @ np.array([[2.0, 0.5, 1.0], [0.0, 1.5, -1.0]])
    y = b[g, 0] + b[g, 1] * x + b[g, 2] * z + 0.5 * rng.normal(size=m * n)
    fit = mw.lmer("y ~ x + z + (x + z | g)", pd.DataFrame({"y": y, "x": x, "z": z, "g": g}))
    if fit.verdict.kind == "boundary fit":
        assert "combination" in fit.verdict.sentence
    smallest = np.linalg.eigvalsh(fit.estimate.covariances[0])[0]
    assert smallest == pytest.approx(0.0, abs=0.05)
    assert fit.converged


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
def test_boundary_cases_of_the_reference():
    data = reference_data("syn_zero_slope")
    fit = mw.lmer("y ~ x + (x || g)", data)
    assert fit.theta.iloc[1] == 0.0 < fit.theta.iloc[0]
    assert "slope of x" in fit.verdict.sentence
    fit = mw.lmer("y ~ 0 + lagoon + (1 | habitat)", reference_data("lme4_lagoon"))
    assert fit.theta.tolist() == [0.0]
    assert "habitat" in fit.verdict.sentence


# Zero is stationary, but not a trap --------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("start", [0.0, 1e-12, 1e-3, 1.0, 1e3, 1e6, -2.0])
def test_any_start_reaches_the_optimum(start, reml):
    data = mw.load("dyestuff")
    formula = "Yield ~ 1 + (1 | Batch)"
    best = mw.lmer(formula, data, REML=reml)
    fit = mw.lmer(formula, data, REML=reml, start=[start])
    assert fit.theta.iloc[0] == pytest.approx(best.theta.iloc[0], rel=1e-8)
    assert fit.theta.iloc[0] > 0.0
    assert fit.verdict.kind == "converged"
    assert fit.trace.iloc[0, 0] == pytest.approx(abs(start), rel=1e-12)


@pytest.mark.parametrize(
    "start", [[0, 0, 0], [1, 1, 0], [1, -1, 0], [0, 0, 1], [1, 0, 0], [100, 0, 100], [-1, 3, -1]]
)
def test_any_start_of_a_slope_model(start):
    data = mw.load("sleepstudy")
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data, start=start)
    assert fit.criterion == pytest.approx(1743.62827195999, rel=1e-12)
    exact = [0.966732951864803, 0.0151690542704847, 0.230909594760483]  # by 50-digit arithmetic
    np.testing.assert_allclose(fit.theta, exact, rtol=1e-9)
    assert fit.verdict.kind == "converged"


def test_a_start_that_crosses_zero_on_its_way():
    """From far out the first Newton steps overshoot; a bounded search would stop at zero."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(60), 20)
    y = rng.normal(0, 0.3, 60)[g] + rng.normal(size=1200)
    data = pd.DataFrame({"y": y, "g": g})
    values = [mw.lmer("y ~ 1 + (1 | g)", data, start=[10.0**k]).criterion for k in range(-8, 8)]
    assert np.ptp(values) < 1e-9
    assert values[0] < mw.lmer("y ~ 1 + (1 | g)", data).criterion + 1e-9
    at_zero = solve(
        np.zeros((1, 1)), mw.lmer("y ~ 1 + (1 | g)", data).estimate.moments, True
    ).deviance
    assert at_zero > values[0] + 10.0


# Never higher than what a search finds -----------------------------------------------------------


def rough(seed: int) -> pd.DataFrame:
    """Awkward data: few or tiny groups, zero or proportional effects, weak covariates."""
    rng = np.random.default_rng(seed)
    m = rng.integers(3, 25)
    sizes = rng.integers(1 if rng.random() < 0.5 else 3, 9, m)
    g = np.repeat(np.arange(m), sizes)
    n = len(g)
    x, z = rng.normal(rng.normal(0, 3), 1, n), rng.normal(size=n)
    if rng.random() < 0.3:
        x = rng.normal(size=m)[g] + 0.1 * x
    sd = rng.choice([0, 0, 0.1, 0.5, 1, 3], 3)
    b = rng.normal(size=(m, 3))
    if rng.random() < 0.4:
        b[:, 1] = b[:, 0] * rng.choice([-1, 1])
    b = b * sd
    noise = rng.normal(size=n) * rng.choice([0.01, 1, 1, 5])
    y = b[g, 0] + b[g, 1] * x + b[g, 2] * z + noise
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g})


def try_fit(formula: str, data: pd.DataFrame, reml: bool):
    try:
        return mw.lmer(formula, data, REML=reml)
    except mw.MixedWidgetsError:
        return None  # too few rows for the model, which is refused with advice


def searched(fit, seed: int, tries: int = 4) -> float:
    """The lowest value that scipy's BFGS finds from random starts."""
    source = fit.estimate.moments
    layout = source.layout
    objective = ProfiledDeviance(Factor(layout, np.eye(layout.width)), source, fit.reml)
    rng = np.random.default_rng(seed)
    best = np.inf
    for _ in range(tries):
        start = rng.normal(size=layout.ntheta) * 10.0 ** rng.uniform(-1, 1)
        with np.errstate(all="ignore"):
            found = minimize(lambda t: objective(t)[:2], start, jac=True, method="BFGS")
        best = min(best, found.fun)
    return best


def allowance(fit) -> float:
    return 1e-9 * (1.0 + abs(fit.criterion))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), reml=st.booleans())
def test_one_variance_against_a_grid(seed, reml):
    data = rough(seed)
    for formula in ("y ~ x + (1 | g)", "y ~ 1 + (0 + x | g)"):
        fit = try_fit(formula, data, reml)
        if fit is None:
            continue
        source = fit.estimate.moments
        grid = np.concatenate(([0.0], 10.0 ** np.linspace(-5, 5, 150)))
        values = [solve(np.array([[t * t]]), source, reml).deviance for t in grid]
        assert fit.criterion <= min(values) + allowance(fit)
        assert fit.converged


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), reml=st.booleans())
def test_two_variances_against_a_grid(seed, reml):
    fit = try_fit("y ~ x + (x || g)", rough(seed), reml)
    if fit is None:
        return
    source = fit.estimate.moments
    grid = np.concatenate(([0.0], 10.0 ** np.linspace(-4, 4, 24)))
    values = [solve(np.diag([a * a, b * b]), source, reml).deviance for a in grid for b in grid]
    assert fit.criterion <= min(values) + allowance(fit)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), reml=st.booleans())
def test_correlated_effects_against_random_starts(seed, reml):
    data = rough(seed)
    for formula in ("y ~ x + (x | g)", "y ~ x + (1 | g) + (0 + x + z | g)"):
        fit = try_fit(formula, data, reml)
        if fit is not None:
            assert fit.criterion <= searched(fit, seed) + allowance(fit)
            assert fit.converged


@pytest.mark.parametrize(
    ("seed", "formula", "reml", "best"),
    [
        (85, "y ~ x + (x | g)", False, 259.894573),  # two optima on the boundary
        (112, "y ~ x + (x | g)", True, 123.220830),  # the better one is inside, across a ridge
        (114, "y ~ x + (x || g)", False, 80.398486),  # either variance zero: two optima
    ],
)
def test_several_optima(seed, formula, reml, best):
    """Data on which a search from one start ends in the wrong valley."""
    fit = mw.lmer(formula, rough(seed), REML=reml)
    assert fit.criterion == pytest.approx(best, abs=1e-5)
    assert fit.criterion <= searched(fit, seed, 12) + allowance(fit)
    assert fit.converged


@pytest.mark.parametrize("seed", [4, 180])
@pytest.mark.parametrize("reml", [False, True])
def test_a_curved_valley(seed, reml):
    """The first effect of a term hardly varies: the search must not creep, nor stop on the way."""
    fit = mw.lmer("y ~ x + (1 | g) + (0 + x + z | g)", rough(seed), REML=reml)
    assert fit.converged
    assert fit.verdict.kind == "boundary fit"
    assert fit.verdict.gradient < 1e-7


# What is reported --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_the_value_is_the_dense_one_at_theta(seed):
    fit = try_fit("y ~ x + (x | g)", rough(seed), False)
    if fit is None:
        return
    covariances = dense.relative_covariances(fit.design, fit.theta.to_numpy())
    assert fit.criterion == pytest.approx(dense.deviance(fit.design, covariances, False), rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_natural_theta_and_back(seed):
    fit = try_fit("y ~ x + z + (x + z | g)", rough(seed), False)
    if fit is None:
        return
    source = fit.estimate.moments
    theta = np.abs(np.random.default_rng(seed).normal(size=source.layout.ntheta))
    again = natural_theta(whitened_factor(theta, source), source)
    np.testing.assert_allclose(again, theta, rtol=1e-8)


def test_the_evidence():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    verdict = fit.verdict
    assert verdict.kind == "converged"
    assert verdict.gradient < 1e-8
    assert 0.0 < verdict.curvature <= 1.0
    assert verdict.starts == 1
    assert verdict.directions == ()
    assert fit.estimate.optimum.evaluations < 20


def test_both_variances_zero_whatever_the_mean_of_x():
    """Zero is zero for every effect; no correlation is claimed of what does not vary."""
    data = lines(0 * SPREAD + 0.5)
    fit = mw.lmer("y ~ x + (x | g)", data.assign(x=data.x + 10.0))
    assert fit.theta.tolist() == [0.0, 0.0, 0.0]
    assert len(fit.verdict.directions) == 2
    assert "correlation" not in fit.verdict.sentence
    assert "the intercept" in fit.verdict.sentence
    assert "the slope of x" in fit.verdict.sentence


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_the_verdict_does_not_depend_on_units(unit):
    data = lines(0.7 * SPREAD, intercepts=2.0 * SPREAD)
    fit = mw.lmer("y ~ x + (x | g)", data.assign(x=data.x * unit))
    assert "correlation" in fit.verdict.sentence
    assert "exactly +1" in fit.verdict.sentence


def test_a_likelihood_without_a_value():
    """Cross-products of a response that is reproduced exactly, as after leaving out rows."""
    whole = mw.lmer("y ~ x + (x | g)", lines(SPREAD)).estimate.moments
    rest = np.ones(whole.ncoef + 1)
    rest[-1] = 0.0
    exact = whole.transformed(np.diag(rest), whole.ols)
    with pytest.raises(ModelError, match="no value that could be computed"):
        estimate(exact, True, start=np.ones(whole.layout.ntheta))

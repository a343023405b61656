"""The likelihood surface and its slices: every number against a separate minimisation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.lmm import held_fixed
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.parameters import compatible, theta_parameters, value_of
from mixedwidgets.lmm.profile import profile
from mixedwidgets.lmm.surface import curve, surface
from mixedwidgets.lmm.surface_axes import axis_named
from mixedwidgets.lmm.wald import wald_covariance
from mixedwidgets.lmm.walk import Grid, Walker
from tests import dense
from tests.test_optimize import SPREAD, lines, rough, try_fit

CUT = chi2.ppf(0.95, 1)
JOINT = chi2.ppf(0.95, 2)
EDGE = chi2.ppf(0.99, 2)


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def wheat():
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)


def named(fit):
    return {p.name: p for p in fit.parameters}


def draw(fit, a: str, b: str, **options):
    p = named(fit)
    return surface(fit.design, fit.estimate, p[a], p[b], **options)


def minimised(fit, a, b, x: float, y: float) -> float:
    """The drop at a point, from the optimum and from four other starts."""
    constraint = constrain(fit.estimate.moments, (a, b), fit.reml)
    start = constraint.start(fit.estimate.factor, fit.sigma)
    rng = np.random.default_rng(0)
    starts = [start, *(start + rng.normal(size=len(start)) * 0.3 for _ in range(2))]
    return min(constraint.minimise((x, y), s).value for s in starts) - fit.criterion


PAIRS = {
    "one-way": (
        "yield ~ 1 + (1 | region)",
        "wheat",
        [
            ("sd_(Intercept)|region", "sigma"),
            ("(Intercept)", "sd_(Intercept)|region"),
            ("(Intercept)", "sigma"),
        ],
    ),
    "slope": (
        "Reaction ~ Days + (Days | Subject)",
        "sleepstudy",
        [
            ("sd_(Intercept)|Subject", "sd_Days|Subject"),
            ("sd_Days|Subject", "sd_(Intercept)|Subject"),
            ("sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject"),
            ("cor_Days.(Intercept)|Subject", "sd_Days|Subject"),
            ("sigma", "sd_Days|Subject"),
            ("(Intercept)", "Days"),
            ("Days", "sd_Days|Subject"),
            ("cor_Days.(Intercept)|Subject", "(Intercept)"),
        ],
    ),
}
CASES = [(f, d, a, b) for f, d, pairs in PAIRS.values() for a, b in pairs]


@pytest.mark.parametrize(("formula", "data", "a", "b"), CASES)
def test_the_profiled_surface_is_the_constrained_minimum(formula, data, a, b):
    """Where a picture has contours (up to the joint 99 % region) it is right to a hair's breadth.

    Contours are 1.39 to 9.21: an error of 0.1 there moves them by about 1 % of an axis. At the
    nodes, which any axis with ``fine=nodes`` of a symmetric range would hit, it is far smaller.
    """
    fit = mw.lmer(formula, mw.load(data), REML=False)
    s = draw(fit, a, b)
    p = named(fit)
    rows = np.linspace(0, len(s.y) - 1, 8).astype(int)
    columns = np.linspace(0, len(s.x) - 1, 8).astype(int)
    worst = 0.0
    for r in rows:
        for c in columns:
            if s.drop[r, c] > 12.0 or impossible(p[a], s.x[c]) or impossible(p[b], s.y[r]):
                continue
            exact = minimised(fit, p[a], p[b], s.x[c], s.y[r])
            worst = max(worst, abs(s.drop[r, c] - exact) / (1.0 + exact))
    assert worst < 0.03


def impossible(parameter, value: float) -> bool:
    """On or beyond a bound, where the constrained problem is not posed."""
    low, high = parameter.allowed
    return not low < value < high


@pytest.mark.parametrize(("formula", "data", "a", "b"), CASES)
def test_nodes_are_exact_to_a_hundredth(formula, data, a, b):
    """Corners and the optimum's own row and column are nodes whatever the number of points."""
    fit = mw.lmer(formula, mw.load(data), REML=False)
    s = draw(fit, a, b)
    p = named(fit)
    at_x, at_y = np.argmin(abs(s.x - s.optimum[0])), np.argmin(abs(s.y - s.optimum[1]))
    points = [(at_y, 0), (at_y, -1), (0, at_x), (-1, at_x), (0, 0), (0, -1), (-1, 0), (-1, -1)]
    for r, c in points:
        if impossible(p[a], s.x[c]) or impossible(p[b], s.y[r]):
            continue
        exact = minimised(fit, p[a], p[b], s.x[c], s.y[r])
        if exact < 30.0:
            assert s.drop[r, c] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(("formula", "data", "a", "b"), CASES)
@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_shape_and_labels(formula, data, a, b, kind):
    fit = mw.lmer(formula, mw.load(data), REML=False)
    s = draw(fit, a, b, kind=kind)
    assert s.names == (a, b)
    assert s.kind == kind
    assert s.criterion == "ML"
    assert s.drop.shape == (len(s.y), len(s.x))
    assert np.all(np.diff(s.x) > 0)
    assert np.all(np.diff(s.y) > 0)
    values = fit.values()
    assert s.optimum == (values[a], values[b])
    # zero at the optimum, positive everywhere else
    at = np.argmin(abs(s.y - values[b])), np.argmin(abs(s.x - values[a]))
    assert s.y[at[0]] == values[b]
    assert s.x[at[1]] == values[a]
    assert s.drop[at] == pytest.approx(0.0, abs=1e-6)
    assert np.all(s.drop >= 0.0)
    p = named(fit)
    assert s.allowed == (p[a].allowed, p[b].allowed)
    assert p[a].allowed[0] <= s.x[0] < s.x[-1] <= p[a].allowed[1]
    # the axes hold the joint 99 % region, unless the region runs into a bound
    if kind == "profile":
        for edge, bound in ((s.x[0], p[a].allowed[0]), (s.x[-1], p[a].allowed[1])):
            column = s.drop[:, np.argmin(abs(s.x - edge))]
            assert edge == bound or column.min() > EDGE
        for edge, bound in ((s.y[0], p[b].allowed[0]), (s.y[-1], p[b].allowed[1])):
            row = s.drop[np.argmin(abs(s.y - edge))]
            assert edge == bound or row.min() > EDGE


@pytest.mark.parametrize(("formula", "data", "a", "b"), CASES)
def test_slice_never_lies_below_profile(formula, data, a, b):
    """Holding the others can only cost likelihood; compared on the same points."""
    fit = mw.lmer(formula, mw.load(data), REML=False)
    profiled, sliced = draw(fit, a, b), draw(fit, a, b, kind="slice")
    np.testing.assert_array_equal(profiled.x, sliced.x)
    np.testing.assert_array_equal(profiled.y, sliced.y)
    inner = profiled.drop < 15.0
    assert np.all((sliced.drop - profiled.drop)[inner] > -0.02 * (1.0 + profiled.drop[inner]))
    if (formula, a, b) != CASES[0][0:1] + CASES[0][2:]:  # balanced: mu's best is always the mean
        assert (sliced.drop - profiled.drop)[inner].max() > 0.01


def dense_value(fit, change: dict[str, float]) -> float:
    """Minus twice the log-likelihood with some natural parameters changed, nothing re-optimised."""
    values = fit.values().to_dict() | change
    variances = [p for p in fit.parameters if p.kind in ("sd", "cor")]
    sds = [values[p.name] for p in variances if p.kind == "sd"]
    cors = [values[p.name] for p in variances if p.kind == "cor"]
    sigma = values["sigma"]
    C = dense.from_parameters(sds, cors) / sigma**2
    beta = np.array([values[name] for name in fit.fixef.index])
    return dense.deviance(fit.design, [C], False, sigma=sigma, beta=beta)


@pytest.mark.parametrize(("formula", "data", "a", "b"), CASES)
def test_a_slice_holds_everything_else(formula, data, a, b):
    """At corners and edges, which are nodes: the dense likelihood with two numbers changed."""
    fit = mw.lmer(formula, mw.load(data), REML=False)
    s = draw(fit, a, b, kind="slice")
    assert dense_value(fit, {}) == pytest.approx(fit.criterion, rel=1e-12)
    at_x, at_y = np.argmin(abs(s.x - s.optimum[0])), np.argmin(abs(s.y - s.optimum[1]))
    p = named(fit)
    compared = 0
    for r, c in [(at_y, 0), (at_y, -1), (0, at_x), (-1, at_x), (0, 0), (-1, -1)]:
        if abs(s.x[c]) == p[a].allowed[1] or abs(s.y[r]) == p[b].allowed[1]:
            continue
        exact = dense_value(fit, {a: s.x[c], b: s.y[r]}) - fit.criterion
        if exact < 500.0:
            assert s.drop[r, c] == pytest.approx(exact, rel=1e-6, abs=1e-6)
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("name", ["sd", "cor", "sigma", "fixed"])
def test_a_curve_crosses_the_cut_at_the_profile_limits(sleep, name):
    for parameter in sleep.parameters:
        if parameter.kind != name:
            continue
        c = curve(sleep.design, sleep.estimate, parameter)
        assert c.name == parameter.name
        assert c.estimate == sleep.values()[parameter.name]
        limits = sleep.confint(parameter.name).iloc[0]
        se = np.sqrt(wald_covariance(sleep.estimate, (parameter,))[0, 0])
        np.testing.assert_allclose(c.wald, ((c.x - c.estimate) / se) ** 2, rtol=1e-10)
        for limit in limits:
            assert np.interp(limit, c.x, c.drop) == pytest.approx(CUT, abs=0.06)
        assert np.interp(c.estimate, c.x, c.drop) == pytest.approx(0.0, abs=1e-9)
        below, above = c.x < c.estimate, c.x > c.estimate
        assert np.all(np.diff(c.drop[below]) < 0.02)
        assert np.all(np.diff(c.drop[above]) > -0.02)


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_the_curves_beside_a_surface(sleep, kind):
    s = draw(sleep, "sd_Days|Subject", "sigma", kind=kind)
    assert [c.name for c in s.slices] == list(s.names)
    assert (s.slices[0].x[0], s.slices[0].x[-1]) == (s.x[0], s.x[-1])
    row = s.drop[np.argmin(abs(s.y - s.optimum[1]))]
    lowest = s.drop.min(axis=0)
    if kind == "slice":  # the same curve is the surface's row through the optimum
        along = np.interp(s.x, s.slices[0].x, s.slices[0].drop)
        inner = row < 12.0
        np.testing.assert_allclose(along[inner], row[inner], atol=0.1)
    else:  # and the profile is the surface's shadow: re-optimised over the other axis too
        along = np.interp(s.x, s.slices[0].x, s.slices[0].drop)
        inner = along < 8.0
        np.testing.assert_allclose(along[inner], lowest[inner], atol=0.15)


def test_the_ellipse_is_the_joint_wald_region(sleep):
    s = draw(sleep, "sd_(Intercept)|Subject", "sd_Days|Subject")
    p = named(sleep)
    V = wald_covariance(sleep.estimate, tuple(p[name] for name in s.names))
    d = s.ellipse - np.array(s.optimum)
    np.testing.assert_allclose(np.einsum("ti,ij,tj->t", d, np.linalg.inv(V), d), JOINT, rtol=1e-9)
    np.testing.assert_allclose(s.ellipse[0], s.ellipse[-1], atol=1e-9)


def test_the_path_runs_from_the_start_to_the_optimum(sleep):
    s = draw(sleep, "sd_(Intercept)|Subject", "sd_Days|Subject")
    assert s.path.shape == (len(sleep.trace), 2)
    np.testing.assert_allclose(s.path[-1], s.optimum, rtol=1e-5)
    fixed = draw(sleep, "(Intercept)", "Days")
    np.testing.assert_allclose(fixed.path[-1], fixed.optimum, rtol=1e-6)


# Boundaries and refusals -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["profile", "slice"])
@pytest.mark.parametrize("reml", [True, False])
def test_a_boundary_model(kind, reml):
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=reml)
    s = draw(fit, "sd_(Intercept)|Batch", "sigma", kind=kind)
    assert s.x[0] == 0.0 == s.optimum[0]
    assert s.ellipse is None
    assert s.drop[np.argmin(abs(s.y - s.optimum[1])), 0] == pytest.approx(0.0, abs=1e-6)
    assert np.all(s.drop >= 0.0)
    assert np.all(np.isfinite(s.drop))
    assert np.all(np.isnan(s.slices[0].wald))
    middle = s.drop[np.argmin(abs(s.y - s.optimum[1]))]
    assert np.all(np.diff(middle) > -1e-3)
    assert s.criterion == ("REML" if reml else "ML")


def test_a_boundary_model_against_the_dense_likelihood():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)
    s = draw(fit, "sd_(Intercept)|Batch", "(Intercept)", kind="slice")
    for r, c in [(0, 0), (0, -1), (-1, -1), (-1, 0)]:
        change = {s.names[0]: s.x[c], s.names[1]: s.y[r]}
        exact = dense_value(fit, change) - fit.criterion
        assert s.drop[r, c] == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("seed", [9, 19, 23])
@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_a_correlation_that_is_one_but_for_rounding(seed, kind):
    fit = try_fit("y ~ x + (x | g)", rough(seed), seed == 19)
    assert abs(fit.values()["cor_x.(Intercept)|g"]) == 1.0
    s = draw(fit, "sd_(Intercept)|g", "cor_x.(Intercept)|g", kind=kind)
    assert np.all(np.isfinite(s.drop))
    assert 1.0 in (abs(s.y[0]), abs(s.y[-1]))


def test_a_perfect_correlation_has_a_surface():
    fit = mw.lmer("y ~ x + (x | g)", lines(0.7 * SPREAD, intercepts=2.0 * SPREAD), REML=False)
    for a, b in combinations(fit.parameters, 2):
        s = surface(fit.design, fit.estimate, a, b)
        assert np.all(np.isfinite(s.drop))
        assert s.drop.min() < 0.01


@pytest.mark.parametrize("reml", [True, False])
def test_every_pair_that_is_offered(sleep, reml):
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=reml)
    for a, b in combinations(fit.parameters, 2):
        fixed = "fixed" in (a.kind, b.kind)
        if reml and fixed:
            with pytest.raises(mw.ModelError, match="REML criterion does not depend"):
                surface(fit.design, fit.estimate, a, b)
        elif compatible((a, b)):
            s = surface(fit.design, fit.estimate, a, b)
            assert np.all(s.drop >= 0.0)
            assert np.all(np.isfinite(s.drop))


def test_the_same_parameter_twice(sleep):
    p = named(sleep)
    with pytest.raises(mw.ModelError, match="two different parameters"):
        surface(sleep.design, sleep.estimate, p["sigma"], p["sigma"])


def three_effects():
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(30), 12)
    x, z = rng.normal(size=360), rng.normal(size=360)
    b = rng.normal(size=(30, 3))
    y = b[g, 0] + b[g, 1] * x + b[g, 2] * z + rng.normal(size=360)
    return mw.lmer("y ~ x + z + (x + z | g)", {"y": y, "x": x, "z": z, "g": g}, REML=False)


def test_two_of_three_columns():
    fit = three_effects()
    p = named(fit)
    s = surface(fit.design, fit.estimate, p["sd_x|g"], p["sd_z|g"])
    a, b = p["sd_x|g"], p["sd_z|g"]
    exact = minimised(fit, a, b, s.x[0], s.y[-1])
    assert s.drop[-1, 0] == pytest.approx(exact, abs=0.05 + 0.002 * exact)


def test_every_two_parameters_of_three_effects_can_be_held():
    """Derivatives against differences, and the held values against the model they make."""
    fit = three_effects()
    e, step = fit.estimate, 1e-5
    known = (*fit.parameters, *theta_parameters(fit.design))
    for pair in combinations(known, 2):
        assert compatible(pair)
        values = tuple(value_of(p, e.covariances, e.sigma, e.beta) * 1.1 + 0.01 for p in pair)
        constraint = constrain(e.moments, pair, False)
        moments = constraint.with_held(values)
        z = constraint.start(e.factor, e.sigma)
        away = z + 0.1 * np.sin(np.arange(len(z)))
        _, gradient, hessian = constraint._evaluate(moments, away)
        ends = [
            [constraint._evaluate(moments, away + sign * step * d) for sign in (1, -1)]
            for d in np.eye(len(z))
        ]
        slopes = np.array([(up[0] - down[0]) / (2 * step) for up, down in ends])
        bends = np.array([(up[1] - down[1]) / (2 * step) for up, down in ends])
        np.testing.assert_allclose(slopes, gradient, atol=1e-5 * np.abs(gradient).max())
        np.testing.assert_allclose(bends, hessian, atol=1e-5 * np.abs(hessian).max())
        inner = constraint.minimise(values, z)
        covariances, sigma, beta = constraint.natural(values, inner.z)
        for p, value in zip(pair, values, strict=True):
            assert value_of(p, covariances, sigma, beta) == pytest.approx(value, abs=1e-9)
        assert inner.converged


def test_a_restricted_surface():
    """By REML the surface of two variances is that of the restricted likelihood."""
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff"))
    s = draw(fit, "sd_(Intercept)|Batch", "sigma")
    assert s.criterion == "REML"
    for r, c in [(0, 0), (0, -1), (-1, -1), (-1, 0)]:
        C = np.array([[s.x[c] ** 2]]) / s.y[r] ** 2
        exact = dense.deviance(fit.design, [C], True, sigma=s.y[r]) - fit.criterion
        assert s.drop[r, c] == pytest.approx(exact, rel=1e-6)


# fit.surface -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schools():
    return mw.lmer("mscore ~ ses + (ses | school)", mw.load("schools"), REML=False)


@pytest.fixture(scope="module")
def crossed():
    return mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"), REML=False)


EXACT = [
    ("sd_(Intercept)|school", "sd_ses|school"),
    ("cor_ses.(Intercept)|school", "sd_ses|school"),
    ("ses", "sd_ses|school"),
    ("school.ses.(Intercept)", "school.ses"),
]


def axes_of(fit, *names):
    return [axis_named(name, fit.design) for name in names]


@pytest.mark.parametrize(("a", "b"), EXACT)
def test_a_full_surface_is_exact_and_the_coarse_one_near(schools, a, b):
    full, coarse = schools.surface(a, b, n=30), schools.surface(a, b, n=30, coarse=True)
    assert full.drop.shape == (30, 30)
    assert (full.exact, coarse.exact) == (1.0, 0.0)
    np.testing.assert_array_equal(full.x, coarse.x)
    inside = full.drop <= EDGE
    assert np.abs(full.drop - coarse.drop)[inside].max() < 0.2
    one, two = (axis.parameter for axis in axes_of(schools, a, b))
    rng = np.random.default_rng(2)
    for r, c in rng.integers(1, 29, (25, 2)):
        if full.drop[r, c] < 15.0:
            exact = minimised(schools, one, two, full.x[c], full.y[r])
            assert full.drop[r, c] == pytest.approx(exact, abs=1e-5)


def test_crossed_surfaces(crossed):
    names = ("sd_(Intercept)|plate", "sd_(Intercept)|sample")
    full, coarse = crossed.surface(*names, n=20), crossed.surface(*names, n=20, coarse=True)
    assert np.abs(full.drop - coarse.drop)[full.drop <= EDGE].max() < 0.3
    one, two = (axis.parameter for axis in axes_of(crossed, *names))
    for r, c in ((3, 3), (10, 4), (15, 16)):
        exact = minimised(crossed, one, two, full.x[c], full.y[r])
        assert full.drop[r, c] == pytest.approx(exact, abs=1e-5)
    sliced = list(crossed.surface_steps(*names, kind="slice", n=20))
    assert len(sliced) == 21
    for r, c in ((3, 3), (10, 4), (15, 16)):
        change = dict(zip(names, (sliced[-1].x[c], sliced[-1].y[r]), strict=True))
        exact = crossed_value(crossed, change) - crossed.criterion
        assert sliced[-1].drop[r, c] == pytest.approx(exact, rel=1e-7, abs=1e-7)


def crossed_value(fit, change):
    values = fit.values().to_dict() | change
    relative = [
        np.array([[(values[p.name] / values["sigma"]) ** 2]])
        for p in fit.parameters
        if p.kind == "sd"
    ]
    beta = np.array([values[name] for name in fit.fixef.index])
    return dense.deviance(fit.design, relative, False, sigma=values["sigma"], beta=beta)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(
    "formula", ["yield ~ 1 + (1 | region)", "Reaction ~ Days + (Days|Subject)"]
)
def test_slices_at_once_are_those_solved_one_by_one(formula, reml):
    """The algebra of thousands of points against whole solutions of the model."""
    fit = mw.lmer(formula, mw.load("wheat" if "yield" in formula else "sleepstudy"), REML=reml)
    e = fit.estimate
    known = [
        p
        for p in (*fit.parameters, *theta_parameters(fit.design))
        if not (reml and p.kind == "fixed")
    ]
    rng = np.random.default_rng(0)
    for pair in combinations(known, 2):
        if not compatible(pair):
            continue
        centre = np.array([value_of(p, e.covariances, e.sigma, e.beta) for p in pair])
        points = centre * rng.uniform(0.5, 1.5, (20, 2))
        S, sigma, possible = held_fixed._relative(
            e,
            tuple(p for p in pair if p.kind != "fixed"),
            points[:, [p.kind != "fixed" for p in pair]],
        )
        kinds = {p.kind for p in pair}
        assert possible.all() or ("theta" in kinds and len(kinds) == 2)
        ours = held_fixed.rises(e, pair, points)
        assert np.all(np.isinf(ours[~possible]))
        for n, point in enumerate(points):
            if not possible[n]:
                continue
            solved = solve(S[n], e.moments, reml)
            value = solved.at_sigma2(sigma[n] ** 2)
            if not reml:
                beta = e.beta.copy()
                for p, v in zip(pair, point, strict=True):
                    if p.kind == "fixed":
                        beta[p.i] = v
                delta = e.moments.basis.R @ (beta - e.moments.origin) - e.moments.ols
                away = np.linalg.solve(solved.root, np.eye(len(beta))).T @ (delta - solved.delta)
                value += float(away @ away) / sigma[n] ** 2
            assert ours[n] == pytest.approx(value - e.optimum.value, rel=1e-8, abs=1e-8)


def test_a_slice_of_three_effects_holds_every_correlation():
    fit = three_effects()
    s = fit.surface("sd_x|g", "cor_z.(Intercept)|g", kind="slice", n=12)
    for r, c in ((2, 3), (8, 9), (5, 1)):
        change = {s.names[0]: s.x[c], s.names[1]: s.y[r]}
        exact = dense_value(fit, change) - fit.criterion
        assert s.drop[r, c] == pytest.approx(exact, rel=1e-7, abs=1e-7)


def test_impossible_correlations_are_infinitely_far():
    fit = three_effects()
    p = {q.name: q for q in fit.parameters}
    held = (p["cor_x.(Intercept)|g"], p["cor_z.(Intercept)|g"])
    drop = held_fixed.rises(fit.estimate, held, np.array([[0.99, -0.99], [0.1, 0.1]]))
    assert np.isinf(drop[0])
    assert np.isfinite(drop[1])


def test_variances_and_the_names_of_the_one_way_model(wheat):
    plain, squared = wheat.surface("tau", "sigma", n=21), wheat.surface("tau^2", "sigma^2", n=21)
    assert squared.names == ("sd_(Intercept)|region^2", "sigma^2")
    assert squared.labels[0].startswith("τ²")
    assert squared.optimum == tuple(v**2 for v in plain.optimum)
    assert squared.x[-1] == pytest.approx(plain.x[-1] ** 2)
    assert np.ptp(np.diff(squared.y)) < 1.5 * np.diff(squared.y).min()  # even but for the estimate
    named_ = dict(zip(("a", "b"), axes_of(wheat, "tau", "sigma"), strict=True))
    exact = minimised(
        wheat,
        named_["a"].parameter,
        named_["b"].parameter,
        squared.x[9] ** 0.5,
        squared.y[4] ** 0.5,
    )
    assert squared.drop[4, 9] == pytest.approx(exact, abs=1e-5)
    # Wald on the scale of variances, by the delta method
    V = wald_covariance(wheat.estimate, (named_["a"].parameter, named_["b"].parameter))
    jacobian = np.diag([2.0 * v for v in plain.optimum])
    d = squared.ellipse - np.array(squared.optimum)
    distance = np.einsum("ti,ij,tj->t", d, np.linalg.inv(jacobian @ V @ jacobian), d)
    np.testing.assert_allclose(distance, JOINT, rtol=1e-9)
    assert wheat.surface("mu", "tau", n=12, coarse=True).names[0] == "(Intercept)"


def test_theta_is_sd_over_sigma(wheat):
    s = wheat.surface("region.(Intercept)", "sigma", n=15)
    tau, sigma = (axis.parameter for axis in axes_of(wheat, "tau", "sigma"))
    for r, c in ((2, 2), (7, 11)):
        exact = minimised(wheat, tau, sigma, s.x[c] * s.y[r], s.y[r])
        assert s.drop[r, c] == pytest.approx(exact, abs=1e-5)
    np.testing.assert_allclose(s.path[-1], s.optimum, rtol=1e-5)
    np.testing.assert_allclose(s.path[:, 0], wheat.trace.iloc[:, 0], rtol=1e-6)


def test_levels_hold_the_joint_regions(wheat):
    s = wheat.surface("tau", "sigma", n=12, coarse=True)
    np.testing.assert_allclose(list(s.levels.values()), chi2.ppf(list(s.levels), 2))
    assert list(s.levels) == [0.50, 0.80, 0.95, 0.99]


def test_progress_and_stopping(wheat):
    told = []
    full = wheat.surface("tau", "sigma", n=12, progress=lambda *p: told.append(p))
    assert told == [(i, 12) for i in range(1, 13)]
    assert full.exact == 1.0
    part = wheat.surface("tau", "sigma", n=12, progress=lambda done, total: done < 5)
    assert part.exact == pytest.approx(5 / 12)
    same = np.all(part.drop == full.drop, axis=1)
    assert same.sum() >= 5
    assert np.all(np.isfinite(part.drop))


def test_the_steps_only_get_better(wheat):
    steps = list(wheat.surface_steps("tau", "sigma", n=12))
    assert [round(12 * s.exact) for s in steps] == list(range(13))


@pytest.mark.parametrize("criterion", ["ML", "REML"])
def test_either_criterion(wheat, criterion):
    s = wheat.surface("tau", "sigma", criterion=criterion, n=12)
    assert s.criterion == criterion
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=criterion == "REML")
    assert s.optimum[0] == pytest.approx(fit.values()["sd_(Intercept)|region"], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tau", "rho"), "no parameter 'rho'"),
        (("tau", "tau"), "two different parameters"),
        (("tau", "tau^2"), "two different parameters"),
        (("sigma", "sigma^2"), "two different parameters"),
        (("tau", "sigma", "contour"), "'profile'"),
        (("tau", "sigma", "profile", "AIC"), "'REML'"),
        (("tau", "mu", "profile", "REML"), "does not depend on the fixed effects"),
        (("tau", "sigma", "profile", "ML", 3), "10 to 500"),
    ],
)
def test_what_is_refused(wheat, arguments, words):
    with pytest.raises(mw.ModelError, match=words):
        wheat.surface(*arguments)


def test_tables_print_as_one_line_without_their_arrays() -> None:
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    surface, profiles = fit.surface("mu", "tau", n=10, coarse=True), fit.profile("sigma")
    tables = [surface, *surface.slices, profiles.table, *profiles.curves, profiles.pairs]
    for table in tables:
        assert len(repr(table)) < 200
        assert "\n" not in repr(table)
        assert "array(" not in repr(table)
    assert repr(surface).startswith("<Surface (profile, ML) of (Intercept) (10 values, ")


def test_progress_that_cannot_be_told() -> None:
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"))
    for work in (
        fit.bootstrap,
        fit.test_variance,
        lambda **given: fit.surface("mu", "tau", **given),
    ):
        with pytest.raises(mw.ModelError, match="progress is 3; give a function of two numbers"):
            work(progress=3)


def test_axes_reach_past_a_singular_corner():
    """The first probe for the axis of a correlation is -1, far from the valley of the estimate."""
    fit = mw.lmer("score ~ Machine + (Machine | Worker)", mw.load("machines"), REML=False)
    x = fit.surface("cor_MachineC.(Intercept)|Worker", "sigma").x
    assert x[0] < -0.95  # the 99 % interval of one parameter is -0.915 to 0.664
    assert 0.85 < x[-1] < 0.95


def test_no_correlation_costs_more_than_leaving_out_an_effect():
    """At the nodes of a surface; between them a spline may swing at the kink."""
    data = mw.load("orthodont")
    fit = mw.lmer("distance ~ age + (age | Subject)", data, REML=False)
    without = mw.lmer("distance ~ age + (0 + age | Subject)", data, REML=False)
    held = tuple(
        {p.name: p for p in fit.parameters}[n] for n in ("cor_age.(Intercept)|Subject", "sigma")
    )
    sigma = {p.name: p for p in without.parameters}["sigma"]
    values = tuple(fit.values()[p.name] for p in held)
    x, y = np.append(np.linspace(-1.0, 1.0, 9), values[0]), np.array([1.1, 1.2, values[1], 1.5])
    grid = Grid.empty(Walker(fit.estimate, held, values), np.sort(x), y)
    for _ in grid.fill():
        pass
    grid.relax()
    curve = profile(without.estimate, sigma)
    for row, value in zip(grid.rise, y, strict=True):
        most = curve.at(float(value), curve.start)[0] ** 2 + without.criterion - fit.criterion
        assert row.max() <= most + 0.02


def test_far_from_the_optimum_exact_rows_find_the_lower_of_two_minima():
    """At strongly negative correlations walking outwards alone stays in another valley."""
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)
    names = ("sd_Days|Subject", "cor_Days.(Intercept)|Subject")
    table = fit.surface(*names, n=12)
    for c, r in ((2, 0), (4, 0), (6, 1)):
        point = fit.at({names[0]: float(table.x[c]), names[1]: float(table.y[r])})
        assert table.drop[r, c] == pytest.approx(point.drop, abs=1e-3)

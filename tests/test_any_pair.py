"""Two parameters of one term that no simple coordinates hold: theta beside SDs and correlations.

And correlations of four different effects. Every minimum is compared with a general constrained
optimiser that knows nothing of the coordinates.
"""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize

import mixedwidgets as mw
from mixedwidgets.lmm import held_fixed
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.parameters import contradictory, theta_parameters, unheld, value_of
from mixedwidgets.lmm.rays import Linked, Ray
from mixedwidgets.lmm.walk import Walker

PARTS = [
    (Ray((0, 1, 2, 3), False), 4),
    (Ray((0, 1, 2, 3), True), 4),
    (Linked((0,), (1, 2)), 3),
    (Linked((0, 1), (2, 3, 4, 5), True, True), 6),
    (Linked((0, 1, 2), (3, 4, 5, 6)), 7),
]


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def four():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(40), 12)
    x, z, w = rng.normal(size=(3, 480))
    b = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4))
    y = b[g, 0] + b[g, 1] * x + b[g, 2] * z + b[g, 3] * w + rng.normal(size=480)
    data = {"y": y, "x": x, "z": z, "w": w, "g": g}
    return mw.lmer("y ~ x + (x + z + w | g)", data, REML=False)


def known(fit):
    return (*fit.parameters, *theta_parameters(fit.design))


def named(fit, *names):
    table = {p.name: p for p in known(fit)}
    return tuple(table[n] for n in names)


def by(fit, reml):
    return fit.restricted_estimate if reml else fit.likelihood_estimate


def values_of(estimate, pair):
    e = estimate
    return np.array([value_of(p, e.covariances, e.sigma, e.beta) for p in pair])


def mixed_pairs(fit):
    """Theta with an SD or correlation of its term, and correlations of four effects."""
    for a, b in combinations(known(fit), 2):
        kinds = {a.kind, b.kind}
        if a.block != b.block or a.block < 0:
            continue
        apart = kinds == {"cor"} and len({a.i, a.j, b.i, b.j}) == 4
        if apart or ("theta" in kinds and len(kinds) == 2):
            yield a, b


def nearby(pair, centre, rng):
    """A point near the estimates, inside the allowed ranges."""
    return tuple(
        float(np.clip(v + rng.uniform(-0.3, 0.3), -0.95, 0.95))
        if p.kind == "cor"
        else float(v * rng.uniform(0.7, 1.3))
        for p, v in zip(pair, centre, strict=True)
    )


def brute_force(fit, estimate, pair, values, near):
    """Minus twice the log-likelihood over theta and sigma, two functions of them held, by SLSQP."""
    moments = estimate.moments
    layout = moments.layout

    def parts(x):
        return layout.matrix(x[:-1]), np.exp(np.clip(x[-1], -50.0, 50.0))

    def criterion(x):
        factor, sigma = parts(x)
        half = moments.whitening @ factor
        try:
            return solve(half @ half.T, moments, estimate.reml).at_sigma2(sigma**2)
        except np.linalg.LinAlgError:
            return 1e10

    def away(x):
        factor, sigma = parts(x)
        out = []
        for p, value in zip(pair, values, strict=True):
            columns = layout.slices[p.block]
            relative = factor[columns, columns]
            S = relative @ relative.T
            if p.kind == "theta":
                out.append(relative[p.i, p.j] - value)
            elif p.kind == "sd":
                out.append(sigma * np.sqrt(S[p.i, p.i]) / value - 1.0)
            else:
                out.append(S[p.i, p.j] / np.sqrt(S[p.i, p.i] * S[p.j, p.j]) - value)
        return np.array(out)

    diagonal = np.append(layout.position[0] == layout.position[1], False)
    covariances, sigma, _ = near
    beside = np.zeros((layout.width, layout.width))
    for columns, covariance in zip(layout.slices, covariances, strict=True):
        ridge = 1e-9 * np.trace(covariance) * np.eye(len(covariance))
        beside[columns, columns] = np.linalg.cholesky(covariance + ridge) / sigma
    best = np.inf
    for factor, s in ((estimate.factor / estimate.sigma, estimate.sigma), (beside, sigma)):
        start = np.append(layout.vector(factor), np.log(s))
        start[diagonal] = np.maximum(start[diagonal], 1e-3)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = minimize(
                criterion,
                start,
                method="SLSQP",
                constraints={"type": "eq", "fun": away},
                bounds=[(1e-9, None) if d else (None, None) for d in diagonal],
                options={"maxiter": 1000, "ftol": 1e-11},
            )
        if np.abs(away(found.x)).max() < 1e-6:
            best = min(best, float(found.fun))
    return best


@pytest.mark.parametrize(("part", "size"), PARTS)
def test_rows_come_back_with_their_derivatives(part, size):
    rng = np.random.default_rng(size)
    elements = rng.normal(size=size)
    last = [part.row[-1]] if isinstance(part, Ray) else [part.one[-1], part.two[-1]]
    elements[last] = np.abs(elements[last])

    def at(z):
        out, jacobian = np.zeros(size), np.eye(size)
        part.fill(z, out, jacobian)
        return out, jacobian

    np.testing.assert_allclose(at(part.coordinates(elements))[0], elements, atol=1e-12)
    z, step, weights = rng.normal(size=size), 1e-6, rng.normal(size=size)
    ends = [(at(z + step * d), at(z - step * d)) for d in np.eye(size)]
    slopes = np.array([(up[0] - down[0]) / (2 * step) for up, down in ends]).T
    np.testing.assert_allclose(slopes, at(z)[1], atol=1e-8)
    bends = np.array([weights @ (up[1] - down[1]) / (2 * step) for up, down in ends])
    hessian = np.zeros((size, size))
    part.bend(z, weights, hessian)
    np.testing.assert_allclose(bends, hessian, atol=1e-8)


def check(fit, reml, pairs, seed):
    """The minimum holds both, is that of a general optimiser, and has the slopes it says."""
    estimate, rng = by(fit, reml), np.random.default_rng(seed)
    checked = 0
    for pair in pairs:
        values = nearby(pair, values_of(estimate, pair), rng)
        constraint = constrain(estimate.moments, pair, reml)
        start = constraint.start(estimate.factor, estimate.sigma)
        if contradictory(pair, np.array([values]))[0]:
            assert np.isinf(constraint.minimise(values, start).value)
            continue
        inner = constraint.minimise(values, start)
        assert inner.converged
        model = constraint.natural(values, inner.z)
        for p, value in zip(pair, values, strict=True):
            assert value_of(p, *model) == pytest.approx(value, rel=1e-7, abs=1e-8)
        exact = brute_force(fit, estimate, pair, values, model)
        assert inner.value == pytest.approx(exact, abs=1e-4)
        quick = constraint.quick(values, inner.z)
        assert quick[0] == pytest.approx(inner.value, abs=1e-6)
        for number in range(2):
            step = 1e-5 * (abs(values[number]) + 0.01)
            ends = [list(values), list(values)]
            ends[0][number] += step
            ends[1][number] -= step
            up, down = (constraint.minimise(tuple(end), inner.z).value for end in ends)
            slope = constraint.slope(number, values, inner)
            assert (up - down) / (2 * step) == pytest.approx(slope, rel=1e-3, abs=1e-3)
        checked += 1
    return checked


@pytest.mark.parametrize("reml", [False, True])
def test_theta_beside_standard_deviations_and_correlations(sleep, reml):
    pairs = list(mixed_pairs(sleep))
    assert len(pairs) == 9
    assert check(sleep, reml, pairs, 0) == 9


def test_correlations_of_four_effects(four):
    pairs = [pair for pair in mixed_pairs(four) if pair[0].kind == pair[1].kind == "cor"]
    assert len(pairs) == 3
    assert check(four, False, pairs, 1) == 3
    assert check(four, True, pairs[:1], 2) == 1


def test_theta_of_four_effects(four):
    pairs = list(mixed_pairs(four))
    assert len(pairs) == 103
    assert check(four, False, pairs[::11], 3) >= 8


@pytest.mark.parametrize("reml", [False, True])
def test_a_slice_holds_both_and_never_lies_below_the_profile(sleep, four, reml):
    for fit, step in ((sleep, 1), (four, 4)):
        estimate, rng = by(fit, reml), np.random.default_rng(5)
        back = np.linalg.inv(estimate.moments.whitening)
        seen = 0
        for pair in list(mixed_pairs(fit))[::step]:
            centre = values_of(estimate, pair)
            assert held_fixed.rises(estimate, pair, centre[None])[0] < 1e-8
            points = np.array([nearby(pair, centre, rng) for _ in range(3)])
            S, sigma, possible = held_fixed._relative(estimate, pair, points)
            rises = held_fixed.rises(estimate, pair, points)
            assert np.all(np.isinf(rises[~possible]))
            constraint = constrain(estimate.moments, pair, reml)
            start = constraint.start(estimate.factor, estimate.sigma)
            for n in np.flatnonzero(possible):
                whole = sigma[n] ** 2 * back @ S[n] @ back.T
                blocks = tuple(whole[c, c] for c in estimate.moments.layout.slices)
                got = [value_of(p, blocks, sigma[n], estimate.beta) for p in pair]
                np.testing.assert_allclose(got, points[n], rtol=1e-6, atol=1e-7)
                least = constraint.minimise(tuple(points[n]), start).value
                assert least - estimate.optimum.value <= rises[n] + 1e-6
                seen += 1
        assert seen > 20


def test_theta_and_sd_of_one_effect_are_sd_and_sigma():
    """Two of three names for two degrees of freedom: sigma = tau / theta."""
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    tau, sigma, theta = named(fit, "sd_(Intercept)|region", "sigma", "region.(Intercept)")
    s = fit.surface("tau", "region.(Intercept)", n=24)
    plain = constrain(fit.estimate.moments, (tau, sigma), False)
    start = plain.start(fit.estimate.factor, fit.sigma)
    checked = 0
    for r, c in np.ndindex(s.drop.shape):
        if s.drop[r, c] < 20.0 and s.x[c] > 0.0 < s.y[r]:
            exact = plain.minimise((s.x[c], s.x[c] / s.y[r]), start).value - fit.criterion
            assert s.drop[r, c] == pytest.approx(exact, abs=1e-4)
            checked += 1
    assert checked > 30
    assert unheld((tau, sigma, theta))
    assert not unheld((tau, theta))


def test_contradictions_are_infinitely_far(sleep):
    """In the first column theta has the sign of the correlation with the first effect."""
    correlation, theta = "cor_Days.(Intercept)|Subject", "Subject.Days.(Intercept)"
    for kind in ("profile", "slice"):
        s = sleep.surface(correlation, theta, kind=kind, n=16)
        x, y = np.meshgrid(s.x, s.y)
        assert np.all(np.isinf(s.drop[x * y < 0.0]))
        assert np.all(np.isfinite(s.drop[x * y > 0.0]))
        assert s.drop.min() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_every_pair_draws_where_all_variances_are_zero(kind):
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(12), 5), rng.normal(size=60)
    fit = next(
        f
        for f in (
            mw.lmer("y ~ x + (x | g)", {"y": rng.normal(size=60), "x": x, "g": g}, REML=False)
            for _ in range(90)
        )
        if f.estimate.factor.max() < 1e-6
    )
    for a, b in mixed_pairs(fit):
        s = fit.surface(a.name, b.name, kind=kind, coarse=True)
        assert not np.any(np.isnan(s.drop))
        assert s.drop.min() == pytest.approx(0.0, abs=1e-6)


def test_a_walker_follows_such_pairs_and_work_can_be_stopped(sleep):
    pair = named(sleep, "sd_Days|Subject", "Subject.Days.(Intercept)")
    values = tuple(values_of(sleep.estimate, pair))
    walker = Walker(sleep.estimate, pair, values)
    point = (values[0] * 1.2, values[1] - 0.1)
    rise, z = walker.step(point, walker.beside(point))
    found = walker.constraint.minimise(point, walker.start)
    assert rise == pytest.approx(found.value - sleep.criterion, abs=0.02)
    assert value_of(pair[1], *walker.constraint.natural(point, z)) == pytest.approx(point[1])
    calls = []

    def stop(done, total):
        calls.append((done, total))
        return done < 2

    s = sleep.surface(pair[0].name, pair[1].name, n=12, progress=stop)
    assert calls == [(1, 12), (2, 12)]
    assert s.exact == pytest.approx(2 / 12)


def test_more_than_two_correlations_are_refused(four):
    p = [q for q in four.parameters if q.kind == "cor"]
    with pytest.raises(mw.ModelError, match="more correlations of one term"):
        constrain(four.estimate.moments, tuple(p[:3]), False)

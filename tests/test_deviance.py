"""The criterion at fixed theta, and its derivatives, against full matrices and complex steps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.deviance import differentiate, solve
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.moments import Moments, moments, replace_fixed
from mixedwidgets.lmm.objective import Factor, ProfiledDeviance
from mixedwidgets.lmm.optimize import whitened_factor
from mixedwidgets.lmm.parameters import compatible, parameters
from tests import dense


def frame(
    seed: int = 0, groups: int = 9, usual: int = 3, largest: int = 7, single: int = 2
) -> pd.DataFrame:
    """Unbalanced groups, the first ones of size 1, in shuffled rows."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(usual, largest + 1, groups)
    sizes[:single] = 1
    g = np.repeat(np.arange(groups), sizes)
    n = len(g)
    x, z = rng.normal(2.0, 1.5, n), rng.normal(size=n)
    f = rng.choice(["a", "b", "c"], n)
    f[:3] = ["a", "b", "c"]
    y = 10.0 + 0.7 * x + rng.normal(0, 1.3, groups)[g] + rng.normal(0, 0.6, groups)[g] * x
    y = y + (f == "b") + rng.normal(size=n)
    data = pd.DataFrame(
        {
            "y": y,
            "x": x,
            "z": z,
            "f": f,
            "g": [f"g{j}" for j in g],
            "level2": rng.normal(size=groups)[g],
            "w": rng.uniform(0.2, 5.0, n),
            "off": rng.normal(0, 3.0, n),
        }
    )
    return data.sample(frac=1.0, random_state=seed).reset_index(drop=True)


CASES: dict[str, tuple[str, dict, dict]] = {
    "intercept": ("y ~ x + (1 | g)", {}, {}),
    "null": ("y ~ 1 + (1 | g)", {}, {}),
    "no fixed effects": ("y ~ 0 + (1 | g)", {}, {}),
    "slope": ("y ~ x + (x | g)", {}, {}),
    "slope, no intercept": ("y ~ x + (0 + x | g)", {}, {}),
    "uncorrelated": ("y ~ x + (x || g)", {}, {}),
    "three": ("y ~ x + z + (x + z | g)", {"groups": 12}, {}),
    "blocks of one and two": ("y ~ x + z + (1 | g) + (0 + x + z | g)", {"groups": 12}, {}),
    "factor slopes": ("y ~ f + (0 + f | g)", {"groups": 14}, {}),
    "deficient groups": ("y ~ x + level2 + (1 + level2 | g)", {"groups": 12}, {}),
    "mostly of size one": ("y ~ x + (1 | g)", {"groups": 25, "single": 20}, {}),
    "weights": ("y ~ x + (x | g)", {}, {"weights": "w"}),
    "offset": ("y ~ x + offset(off) + (1 | g)", {}, {}),
    "weights and offset": (
        "y ~ x * f + (x || g)",
        {"groups": 12},
        {"weights": "w", "offset": "off"},
    ),
}


@cache
def case(name: str) -> tuple[Design, Moments]:
    formula, shape, options = CASES[name]
    design = build(parse(formula), frame(**shape), **options)
    return design, moments(design)


def some_theta(design: Design, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=moments(design).layout.ntheta)


def natural(source: Moments, S: np.ndarray) -> list[np.ndarray]:
    """Relative covariances in the user's units from S in whitened coordinates."""
    back = np.linalg.inv(source.whitening)
    whole = back @ S @ back.T
    return [whole[c, c] for c in source.layout.slices]


def test_the_cases_are_what_they_claim():
    sizes = np.bincount(case("slope")[0].groupings[0].codes)
    assert sizes.min() == 1 < sizes.max()
    assert case("no fixed effects")[1].ncoef == 0
    R = case("deficient groups")[1].R
    assert np.all(R[1, 1] == 0.0)  # a slope that is constant in every group adds no direction
    assert case("weights and offset")[0].weights is not None
    codes = case("slope")[0].groupings[0].codes
    assert np.any(np.diff(codes) < 0)  # rows are not sorted by group


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_criterion_at_any_theta(name, reml):
    design, source = case(name)
    for seed in range(4):
        theta = some_theta(design, seed) * 10.0 ** (seed - 2)
        T = whitened_factor(theta, source)
        solved = solve(T @ T.T, source, reml)
        covariances = dense.relative_covariances(design, theta)
        expected = dense.deviance(design, covariances, reml)
        assert solved.deviance == pytest.approx(expected, rel=1e-10, abs=1e-9)
        determinant, q, N = dense.parts(design, covariances, reml)
        assert solved.N == N
        assert solved.q == pytest.approx(q, rel=1e-9)
        assert solved.logdet + solved.constant == pytest.approx(determinant, rel=1e-10, abs=1e-9)
        assert solved.at_sigma2(0.7) == pytest.approx(
            dense.deviance(design, covariances, reml, sigma=np.sqrt(0.7)), rel=1e-9
        )


@pytest.mark.parametrize("name", CASES)
def test_at_zero_it_is_the_linear_model(name):
    design, source = case(name)
    K = source.layout.width
    n = len(design.y)
    w = np.ones(n) if design.weights is None else design.weights
    y = design.y if design.offset is None else design.y - design.offset
    root = np.sqrt(w)
    beta = np.linalg.lstsq(root[:, None] * design.X, root * y, rcond=None)[0]
    rss = float(np.sum(w * (y - design.X @ beta) ** 2))
    at_zero = solve(np.zeros((K, K)), source, False)
    assert at_zero.q == pytest.approx(rss, rel=1e-12)
    expected = n * (1.0 + np.log(2.0 * np.pi * rss / n)) - np.log(w).sum()
    assert at_zero.deviance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_in_S(name, reml):
    """First ones against a complex step, second ones against differences of those."""
    design, source = case(name)
    K = source.layout.width
    rng = np.random.default_rng(5)
    half = rng.normal(size=(K, K))
    S = half @ half.T / K + 0.1 * np.eye(K)
    blocks = np.zeros((K, K), dtype=bool)
    for c in source.layout.slices:
        blocks[c, c] = True
    S = np.where(blocks, S, 0.0)
    directions = []
    for _ in range(3):
        E = rng.normal(size=(K, K))
        directions.append(np.where(blocks, E + E.T, 0.0))
    found = differentiate(solve(S, source, reml), reml)
    for which, first, second in ((0, found.logdet1, found.logdet2), (1, found.q1, found.q2)):

        def along(coefficients, which=which):
            moved = S + sum(t * E for t, E in zip(coefficients, directions, strict=True))
            return dense.parts(design, natural(source, moved), reml)[which]

        gradient = dense.gradient(along, np.zeros(3))
        hessian = dense.hessian(along, np.zeros(3), step=5e-3)
        ours = np.array([np.sum(first * E) for E in directions])
        flat = np.array([E.reshape(-1) for E in directions])
        np.testing.assert_allclose(ours, gradient, rtol=1e-8, atol=1e-8 * np.abs(gradient).max())
        np.testing.assert_allclose(
            flat @ second @ flat.T, hessian, rtol=1e-6, atol=1e-6 * np.abs(hessian).max()
        )


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_in_theta(name, reml):
    design, source = case(name)
    layout = source.layout
    objective = ProfiledDeviance(Factor(layout, np.eye(layout.width)), source, reml)

    def reference(t):
        T = np.zeros((layout.width, layout.width), dtype=t.dtype)
        T[layout.position] = t
        return dense.deviance(design, natural(source, T @ T.T), reml)

    for seed in range(2):
        t = np.random.default_rng(seed).normal(size=layout.ntheta)
        value, gradient, hessian = objective(t)
        assert value == pytest.approx(reference(t), rel=1e-11)
        expected = dense.gradient(reference, t)
        np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-8 * abs(expected).max())
        expected = dense.hessian(reference, t)
        np.testing.assert_allclose(hessian, expected, rtol=1e-6, atol=1e-6 * abs(expected).max())
        np.testing.assert_array_equal(hessian, hessian.T)


@pytest.mark.parametrize("name", CASES)
def test_zero_is_stationary_for_every_data_set(name):
    _, source = case(name)
    layout = source.layout
    objective = ProfiledDeviance(Factor(layout, np.eye(layout.width)), source, False)
    assert np.all(objective(np.zeros(layout.ntheta))[1] == 0.0)


# Holding parameters ------------------------------------------------------------------------------


def natural_point(design: Design, held, seed: int):
    """A generic covariance, sigma and the values of the held parameters in it."""
    rng = np.random.default_rng(seed)
    covariances = []
    for block in design.blocks:
        half = rng.normal(size=(len(block.names),) * 2) + np.eye(len(block.names))
        covariances.append(half @ half.T)
    sigma = float(rng.uniform(0.5, 2.0))
    return covariances, sigma


def value_in(parameter, covariances, sigma, beta):
    if parameter.kind == "sigma":
        return sigma
    if parameter.kind == "fixed":
        return beta[parameter.i]
    C = covariances[parameter.block]
    if parameter.kind == "sd":
        return np.sqrt(C[parameter.i, parameter.i])
    product = C[parameter.i, parameter.i] * C[parameter.j, parameter.j]
    return C[parameter.i, parameter.j] / np.sqrt(product)


def holdable(name: str):
    design, _ = case(name)
    available = parameters(design)
    singles = [(p,) for p in available]
    doubles = [(a, b) for a in available for b in available if a != b and compatible((a, b))]
    return singles + doubles


@pytest.mark.parametrize("name", ["intercept", "slope", "uncorrelated", "blocks of one and two"])
def test_a_held_point_has_the_dense_value(name):
    """Every pair that can be held, at a generic point: value and Hessian's symmetry."""
    design, source = case(name)
    for number, held in enumerate(holdable(name)):
        covariances, sigma = natural_point(design, held, number)
        constraint = constrain(source, held, False)
        half = np.zeros((source.layout.width,) * 2)
        for c, part in zip(source.layout.slices, covariances, strict=True):
            half[c, c] = np.linalg.cholesky(part)
        z = constraint.start(half, sigma)
        X = design.X
        relative = [c / sigma**2 for c in covariances]
        V = dense.covariance(design, relative)
        beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, design.y))
        fixed = [p for p in held if p.kind == "fixed"]
        beta_held = {p.i: beta[p.i] + 0.3 for p in fixed}
        values = tuple(
            beta_held[p.i] if p.kind == "fixed" else value_in(p, covariances, sigma, beta)
            for p in held
        )
        ours = constraint.value(values, z, constraint.with_held(values))
        expected = constrained_beta_deviance(design, relative, sigma, beta_held)
        assert ours == pytest.approx(expected, rel=1e-10), held


def constrained_beta_deviance(design, relative, sigma, beta_held):
    V = dense.covariance(design, relative)
    y = design.y if design.offset is None else design.y - design.offset
    keep = [i for i in range(design.X.shape[1]) if i not in beta_held]
    for i, value in beta_held.items():
        y = y - design.X[:, i] * value
    X = design.X[:, keep]
    beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, y)) if keep else []
    r = y - X @ beta if keep else y
    n = len(y)
    return dense.logdet(V) + n * np.log(2 * np.pi * sigma**2) + r @ np.linalg.solve(V, r) / sigma**2


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", ["intercept", "slope", "uncorrelated", "three", "weights"])
def test_hessian_in_the_unscaled_factor_and_log_sigma(name, reml):
    design, source = case(name)
    layout = source.layout
    constraint = constrain(source, (), reml, natural=True)

    def reference(z):
        sigma = np.exp(z[-1])
        covariances = dense.relative_covariances(design, z[:-1] / sigma)
        return dense.deviance(design, covariances, reml, sigma=sigma)

    z = np.append(np.random.default_rng(3).normal(size=layout.ntheta), 0.2)
    expected = dense.hessian(reference, z)
    np.testing.assert_allclose(
        constraint.hessian(z), expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", ["slope", "three", "blocks of one and two"])
def test_hessian_in_polar_coordinates(name):
    """Where two rows are polar the coordinates are the package's own; so are the differences."""
    design, source = case(name)
    for number, held in enumerate(holdable(name)):
        if any(p.kind == "fixed" for p in held):
            continue
        constraint = constrain(source, held, False)
        covariances, sigma = natural_point(design, held, number)
        half = np.zeros((source.layout.width,) * 2)
        for c, part in zip(source.layout.slices, covariances, strict=True):
            half[c, c] = np.linalg.cholesky(part)
        z = constraint.start(half, sigma)
        hessian = constraint.hessian(z)
        step = 1e-4
        numeric = np.empty_like(hessian)
        for i in range(len(z)):
            for j in range(len(z)):
                total = 0.0
                for a, b, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)):
                    moved = z.copy()
                    moved[i] += a * step
                    moved[j] += b * step
                    total += sign * at_coordinates(constraint, moved)
                numeric[i, j] = total / (4.0 * step**2)
        np.testing.assert_allclose(
            hessian, numeric, rtol=1e-4, atol=1e-5 * np.abs(hessian).max(), err_msg=str(held)
        )


def at_coordinates(constraint, z):
    """The value at coordinates, whose held entries are put back as they are."""
    values = tuple(
        read_held(constraint, p, c, z)
        for p, c in zip(constraint.held, constraint.coordinates, strict=True)
    )
    return constraint.value(values, z, constraint.moments)


def read_held(constraint, parameter, coordinate, z):
    if parameter.kind == "sigma":
        return np.exp(z[-1])
    if parameter.kind == "cor":
        return np.sin(z[coordinate])
    logarithmic = any(coordinate in part.logarithms for part in constraint.curved)
    return np.exp(z[coordinate]) if logarithmic else z[coordinate]


@pytest.mark.parametrize("name", ["intercept", "slope", "weights and offset"])
def test_holding_coefficients_is_moving_them_to_the_offset(name):
    design, source = case(name)
    theta = some_theta(design, 1)
    T = whitened_factor(theta, source)
    relative = dense.relative_covariances(design, theta)
    p = design.X.shape[1]
    for held in ([0], [p - 1], list(range(p))):
        values = [1.7 + 0.3 * i for i in held]
        moved = replace_fixed(source, list(zip(held, values, strict=True)))
        ours = solve(T @ T.T, moved, False).at_sigma2(1.21)
        expected = constrained_beta_deviance(
            design, relative, 1.1, dict(zip(held, values, strict=True))
        )
        assert ours == pytest.approx(expected, rel=1e-10)


# Invariance --------------------------------------------------------------------------------------


def dyadic(values, bits: int = 12) -> np.ndarray:
    """Round to multiples of 2^-bits, so that adding 1e9 is exact."""
    return np.round(np.asarray(values) * 2.0**bits) / 2.0**bits


@pytest.fixture(scope="module")
def exact_frame() -> pd.DataFrame:
    data = frame(seed=4, groups=15, largest=8)
    for name in ("y", "x", "z"):
        data[name] = dyadic(data[name])
    return data


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)", "y ~ f + (1 | g)"])
def test_a_response_shifted_by_1e9(exact_frame, formula, reml):
    plain = mw.lmer(formula, exact_frame, REML=reml)
    shifted = mw.lmer(formula, exact_frame.assign(y=exact_frame.y + 1e9), REML=reml)
    assert shifted.criterion == pytest.approx(plain.criterion, rel=1e-11)
    assert shifted.sigma == pytest.approx(plain.sigma, rel=1e-10)
    np.testing.assert_allclose(shifted.theta, plain.theta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(shifted.se, plain.se, rtol=1e-9)
    np.testing.assert_allclose(shifted.fixef.iloc[1:], plain.fixef.iloc[1:], rtol=1e-8)
    assert shifted.fixef.iloc[0] == pytest.approx(plain.fixef.iloc[0] + 1e9, rel=1e-15)
    np.testing.assert_allclose(shifted.resid(), plain.resid(), atol=3e-7)  # 1e9 resolves 1.2e-7


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)", "y ~ x + (x || g)"])
@pytest.mark.parametrize("unit", [1e-8, 1e-4, 1e4, 1e8])
def test_units_of_a_column(exact_frame, formula, unit, reml):
    plain = mw.lmer(formula, exact_frame, REML=reml)
    scaled = mw.lmer(formula, exact_frame.assign(x=exact_frame.x * unit), REML=reml)
    constant = 2.0 * np.log(unit) if reml else 0.0
    assert scaled.criterion - constant == pytest.approx(plain.criterion, rel=1e-11)
    assert scaled.sigma == pytest.approx(plain.sigma, rel=1e-9)
    assert scaled.fixef["x"] * unit == pytest.approx(plain.fixef["x"], rel=1e-9)
    assert scaled.se["x"] * unit == pytest.approx(plain.se["x"], rel=1e-9)
    for name, value in plain.values().items():
        factor = unit if name.startswith("sd_x") else 1.0
        if name != "x":
            assert scaled.values()[name] * factor == pytest.approx(value, rel=1e-6, abs=1e-9), name
    assert scaled.verdict.kind == plain.verdict.kind


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_units_of_the_response(exact_frame, unit):
    formula = "y ~ x + (x | g)"
    plain = mw.lmer(formula, exact_frame)
    scaled = mw.lmer(formula, exact_frame.assign(y=exact_frame.y * unit))
    n, p = plain.nobs, 2
    assert scaled.criterion - 2.0 * (n - p) * np.log(unit) == pytest.approx(
        plain.criterion, rel=1e-11
    )
    np.testing.assert_allclose(scaled.theta, plain.theta, rtol=1e-8)
    np.testing.assert_allclose(scaled.fixef / unit, plain.fixef, rtol=1e-9)


@pytest.mark.parametrize("reml", [False, True])
def test_a_covariate_with_mean_1e9(exact_frame, reml):
    """x shifted: the same model in other coordinates; what does not depend on them is the same."""
    formula = "y ~ x + (x | g)"
    plain = mw.lmer(formula, exact_frame, REML=reml)
    shifted = mw.lmer(formula, exact_frame.assign(x=exact_frame.x + 1e9), REML=reml)
    assert shifted.criterion == pytest.approx(plain.criterion, rel=1e-9)
    assert shifted.sigma == pytest.approx(plain.sigma, rel=1e-9)
    assert shifted.fixef["x"] == pytest.approx(plain.fixef["x"], rel=1e-8)
    assert shifted.se["x"] == pytest.approx(plain.se["x"], rel=1e-8)
    assert shifted.values()["sd_x|g"] == pytest.approx(plain.values()["sd_x|g"], rel=1e-6)


@pytest.mark.parametrize("reml", [False, True])
def test_a_covariate_with_mean_1e9_and_a_random_intercept(exact_frame, reml):
    formula = "y ~ x + (1 | g)"
    plain = mw.lmer(formula, exact_frame, REML=reml)
    shifted = mw.lmer(formula, exact_frame.assign(x=exact_frame.x + 1e9), REML=reml)
    assert shifted.criterion == pytest.approx(plain.criterion, rel=1e-10)
    np.testing.assert_allclose(shifted.theta, plain.theta, rtol=1e-8)
    assert shifted.se["x"] == pytest.approx(plain.se["x"], rel=1e-8)


@pytest.mark.parametrize("formula", ["y ~ x + (x | g)", "y ~ f + (1 | g)"])
def test_order_of_rows_and_names_of_groups(exact_frame, formula):
    plain = mw.lmer(formula, exact_frame)
    permuted = mw.lmer(formula, exact_frame.sample(frac=1.0, random_state=8))
    names = {g: 1000 - i for i, g in enumerate(exact_frame.g.unique())}
    renamed = mw.lmer(formula, exact_frame.assign(g=exact_frame.g.map(names)))
    for other in (permuted, renamed):
        assert other.criterion == pytest.approx(plain.criterion, rel=1e-13)
        np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-8)
        np.testing.assert_allclose(other.fixef, plain.fixef, rtol=1e-10)
        np.testing.assert_allclose(other.fitted()[plain.fitted().index], plain.fitted(), rtol=1e-9)
    back = {v: k for k, v in names.items()}
    modes = renamed.ranef()["g"].rename(index=back)
    np.testing.assert_allclose(modes.loc[plain.ranef()["g"].index], plain.ranef()["g"], atol=1e-8)


@pytest.mark.parametrize("formula", ["y ~ x + (x | g)", "y ~ x + (1 | g)"])
def test_every_group_twice(exact_frame, formula):
    """By ML: the same estimates, twice the deviance, standard errors smaller by sqrt 2."""
    twice = pd.concat([exact_frame, exact_frame.assign(g=exact_frame.g + "again")])
    plain = mw.lmer(formula, exact_frame, REML=False)
    double = mw.lmer(formula, twice.reset_index(drop=True), REML=False)
    assert double.criterion == pytest.approx(2.0 * plain.criterion, rel=1e-13)
    np.testing.assert_allclose(double.theta, plain.theta, rtol=1e-8)
    np.testing.assert_allclose(double.se * np.sqrt(2.0), plain.se, rtol=1e-9)
    assert double.sigma == pytest.approx(plain.sigma, rel=1e-10)


def test_a_whole_weight_is_not_a_repeated_row_but_scales_the_variance(exact_frame):
    """Weights of 4 throughout: sigma doubles, theta halves, nothing else moves."""
    plain = mw.lmer("y ~ x + (x | g)", exact_frame)
    weighted = mw.lmer("y ~ x + (x | g)", exact_frame, weights=np.full(len(exact_frame), 4.0))
    assert weighted.criterion == pytest.approx(plain.criterion, rel=1e-12)
    assert weighted.sigma == pytest.approx(2.0 * plain.sigma, rel=1e-9)
    np.testing.assert_allclose(weighted.theta * 2.0, plain.theta, rtol=1e-8)
    np.testing.assert_allclose(weighted.se, plain.se, rtol=1e-9)


def test_an_offset_is_subtracted_and_added_back(exact_frame):
    plain = mw.lmer("y ~ x + (1 | g)", exact_frame.assign(y=exact_frame.y - exact_frame.off))
    both = mw.lmer("y ~ x + (1 | g)", exact_frame, offset="off")
    assert both.criterion == pytest.approx(plain.criterion, rel=1e-13)
    np.testing.assert_allclose(both.fitted(), plain.fitted() + exact_frame.off, rtol=1e-10)
    np.testing.assert_allclose(both.fitted() + both.resid(), exact_frame.y, rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    groups=st.integers(3, 12),
    largest=st.integers(2, 6),
    log_scale=st.floats(-3.0, 3.0),
    reml=st.booleans(),
    formula=st.sampled_from(["y ~ x + (x | g)", "y ~ 1 + (1 | g)", "y ~ f + (x || g)"]),
    weighted=st.booleans(),
)
def test_any_data_any_theta(seed, groups, largest, log_scale, reml, formula, weighted):
    data = frame(seed, groups, 2, largest)
    options = {"weights": "w"} if weighted else {}
    try:
        design = build(parse(formula), data, **options)
        source = moments(design)
    except mw.MixedWidgetsError:
        return  # too few rows for the model: refused with advice
    theta = np.random.default_rng(seed).normal(size=source.layout.ntheta) * 10.0**log_scale
    T = whitened_factor(theta, source)
    ours = solve(T @ T.T, source, reml)
    expected = dense.deviance(design, dense.relative_covariances(design, theta), reml)
    assert ours.deviance == pytest.approx(expected, rel=1e-7, abs=1e-6)

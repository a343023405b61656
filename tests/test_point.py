"""Points of the parameter space: against the likelihood written out with full matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from mixedwidgets import lmer, load
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.parameters import parameters
from mixedwidgets.lmm.point import Point, Pointer
from mixedwidgets.lmm.pooling import weights
from mixedwidgets.lmm.ranef import conditional_modes, conditional_variances, shrinkage
from tests import dense

SD = "sd_(Intercept)|Subject"
SLOPE = "sd_Days|Subject"
COR = "cor_Days.(Intercept)|Subject"


@pytest.fixture(scope="module")
def sleep() -> Fit:
    return lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def one_way() -> Fit:
    return lmer("Yield ~ 1 + (1 | Batch)", load("dyestuff"), REML=False)


@pytest.fixture(scope="module")
def weighted() -> Fit:
    data = load("sleepstudy")
    data["w"] = 1.0 + (np.arange(len(data)) % 3)
    data["o"] = 5.0 * (np.arange(len(data)) % 2)
    formula = "Reaction ~ Days + offset(o) + (Days || Subject)"
    return lmer(formula, data, REML=False, weights="w")


@pytest.fixture(scope="module")
def nested() -> Fit:
    return lmer("strength ~ 1 + (1 | batch/cask)", load("pastes"), REML=False)


@pytest.fixture(scope="module")
def crossed() -> Fit:
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", load("penicillin"), REML=False)


def by_hand(point: Point, reml: bool = False) -> float:
    """Log-likelihood at the parameters that a point says it has, by full matrices."""
    known, sigma = point.parameters, point.parameters["sigma"]
    relative = []
    for number, _ in enumerate(point.design.blocks):
        mine = [p for p in parameters(point.design) if p.block == number]
        sds = [known[p.name] / sigma for p in mine if p.kind == "sd"]
        cors = [known[p.name] for p in mine if p.kind == "cor"]
        relative.append(dense.from_parameters(sds, np.nan_to_num(cors)))
    beta = np.array([known[name] for name in point.design.x_names])
    return -0.5 * float(dense.deviance(point.design, relative, reml, sigma, None if reml else beta))


HELD = [
    ("sleep", {SD: 20.0, SLOPE: 9.0}),
    ("sleep", {SLOPE: 3.0, COR: -0.6}),
    ("sleep", {f"{SLOPE}^2": 80.0, "sigma": 30.0}),
    ("sleep", {"(Intercept)": 240.0, SD: 40.0}),
    ("sleep", {"Days": 14.0, "(Intercept)": 245.0}),
    ("sleep", {"sigma^2": 500.0}),
    ("sleep", {"Subject.Days": 0.3, "Subject.(Intercept)": 1.5}),
    ("sleep", {"Subject.Days.(Intercept)": 0.1, "sigma": 24.0}),
    ("sleep", {SLOPE: 7.0, "Subject.Days": 0.2}),
    ("sleep", {SD: 25.0, "Subject.(Intercept)": 1.2}),
    ("one_way", {"mu": 1500.0, "tau": 60.0}),
    ("one_way", {"tau^2": 900.0, "sigma": 55.0}),
    ("weighted", {SD: 20.0, "sigma": 40.0}),
    ("weighted", {"Days": 9.0, "sd_Days|Subject.1": 2.0}),
    ("nested", {"sd_(Intercept)|batch": 2.0, "sd_(Intercept)|cask:batch": 1.0}),
    ("nested", {"(Intercept)": 59.0, "sigma": 1.0}),
    ("crossed", {"sd_(Intercept)|plate": 0.5, "(Intercept)": 22.0}),
    ("crossed", {"sigma": 0.7}),
]


@pytest.mark.parametrize("kind", ["profile", "slice"])
@pytest.mark.parametrize(("model", "held"), HELD)
def test_loglik_is_that_of_the_parameters_written_out(
    model: str, held: dict[str, float], kind: str, request: pytest.FixtureRequest
) -> None:
    fit: Fit = request.getfixturevalue(model)
    try:
        point = fit.at(held, kind)
    except ModelError as error:
        pytest.fail(str(error))
    assert point.loglik == pytest.approx(by_hand(point), rel=1e-10)
    assert point.drop == pytest.approx(2.0 * (fit.loglik - point.loglik), abs=1e-8)
    assert point.confidence == pytest.approx(chi2.cdf(point.drop, len(held)), abs=1e-12)


@pytest.mark.parametrize("held", [{SD: 20.0, SLOPE: 9.0}, {SLOPE: 2.0, COR: 0.9}, {"sigma": 30.0}])
@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_restricted_likelihood(sleep: Fit, held: dict[str, float], kind: str) -> None:
    restricted = sleep.update(REML=True)
    point = restricted.at(held, kind)
    assert point.criterion == "REML"
    assert point.loglik == pytest.approx(by_hand(point, reml=True), rel=1e-10)
    assert sleep.at(held, kind, criterion="REML").loglik == pytest.approx(point.loglik, rel=1e-12)
    assert restricted.at(held, kind, criterion="ML").loglik == pytest.approx(
        sleep.at(held, kind).loglik, rel=1e-12
    )


def test_a_profile_is_the_best_there_is(sleep: Fit) -> None:
    held = {SLOPE: 9.0, "Days": 8.0}
    point = sleep.at(held)

    def worse(x: np.ndarray) -> float:
        sigma = np.exp(x[0])
        sds = np.array([np.exp(x[1]), 9.0]) / sigma
        relative = dense.from_parameters(sds, [np.tanh(x[2])])
        return float(dense.deviance(sleep.design, [relative], False, sigma, np.array([x[3], 8.0])))

    start = np.array([np.log(25.0), np.log(25.0), 0.0, 250.0])
    best = minimize(worse, start, method="Nelder-Mead",
                    options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000})  # fmt: skip
    assert -2.0 * point.loglik == pytest.approx(best.fun, abs=1e-6)
    assert point.parameters["sigma"] == pytest.approx(np.exp(best.x[0]), rel=1e-4)
    assert point.parameters[COR] == pytest.approx(np.tanh(best.x[2]), abs=1e-4)
    assert point.parameters["(Intercept)"] == pytest.approx(best.x[3], rel=1e-5)
    assert point.parameters["Days"] == 8.0


def test_a_slice_leaves_everything_else(sleep: Fit) -> None:
    point = sleep.at({SLOPE: 9.0, "Days": 8.0}, "slice")
    expected = sleep.values().to_dict() | {SLOPE: 9.0, "Days": 8.0}
    assert list(point.parameters) == list(expected)
    assert point.parameters == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["profile", "slice"])
@pytest.mark.parametrize(
    ("model", "held"), [HELD[0], HELD[3], HELD[8], HELD[10], HELD[12], HELD[13], HELD[14]]
)
def test_modes_are_those_of_the_residuals_there(
    model: str, held: dict[str, float], kind: str, request: pytest.FixtureRequest
) -> None:
    fit: Fit = request.getfixturevalue(model)
    point = fit.at(held, kind)
    e = point.estimate
    means, variances = dense.modes(fit.design, e.optimum.theta, e.sigma, e.beta)
    for factor, grouping in enumerate(fit.design.groupings):
        table = shrinkage(fit.design, e, grouping.name)
        size = float(np.abs(means[grouping.name]).max())
        np.testing.assert_allclose(
            conditional_modes(e, factor), means[grouping.name], atol=1e-8 * size
        )
        np.testing.assert_allclose(
            conditional_variances(e, factor), variances[grouping.name], rtol=1e-6, atol=1e-9
        )
        np.testing.assert_allclose(
            table.partial_pooling - table.complete_pooling, means[grouping.name], atol=1e-8 * size
        )
        own = np.nan_to_num(table.no_pooling - table.complete_pooling)
        partial = np.einsum("jab,jb->ja", weights(fit.design, e, factor), own)
        known = ~np.isnan(table.no_pooling).any(axis=1)
        np.testing.assert_allclose(partial[known], means[grouping.name][known], atol=1e-7 * size)


def test_profiled_coefficients_are_generalised_least_squares(sleep: Fit) -> None:
    point = sleep.at({SD: 20.0, SLOPE: 9.0})
    e = point.estimate
    V = dense.covariance(sleep.design, dense.relative_covariances(sleep.design, e.optimum.theta))
    X, y = sleep.design.X, sleep.design.y
    information = X.T @ np.linalg.solve(V, X)
    np.testing.assert_allclose(e.beta, np.linalg.solve(information, X.T @ np.linalg.solve(V, y)))
    np.testing.assert_allclose(e.vcov, e.sigma**2 * np.linalg.inv(information))


def test_optimum_is_a_point(sleep: Fit, crossed: Fit) -> None:
    for fit in (sleep, crossed):
        for kind in ("profile", "slice"):
            point = fit.at(fit.values().iloc[:2].to_dict(), kind)
            assert point.drop == 0.0
            assert point.confidence == 0.0
            assert point.loglik == pytest.approx(fit.loglik, rel=1e-13)
            assert point.parameters == pytest.approx(fit.values().to_dict(), rel=1e-7)
            assert point.icc == pytest.approx(fit.icc().to_dict(), rel=1e-7)
            assert point.sentence.endswith("its maximum.")


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_points_lie_on_the_surface(sleep: Fit, kind: str) -> None:
    table = sleep.surface(SLOPE, COR, kind=kind, n=12)
    pointer = sleep.pointer((SLOPE, COR), kind)
    drops = np.array([[pointer.at(x, y).drop for x in table.x] for y in table.y])
    inside = table.drop < 9.21
    assert inside.sum() > 40
    np.testing.assert_allclose(drops[inside], table.drop[inside], atol=1e-4)
    assert np.all(drops <= table.drop + 1e-4)


def test_the_way_to_a_point_does_not_matter(sleep: Fit) -> None:
    pointer = sleep.pointer((SD, SLOPE))
    for x, y in ((0.0, 0.0), (100.0, 0.0), (1.0, 40.0), (25.0, 1e-6), (60.0, 3.0)):
        pointer.at(x, y)
    np.testing.assert_allclose(
        pointer.at(30.0, 4.0).loglik, sleep.at({SD: 30.0, SLOPE: 4.0}).loglik, rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_boundaries_are_points(sleep: Fit, one_way: Fit, kind: str) -> None:
    without = sleep.at({SLOPE: 0.0}, kind)
    assert without.parameters[SLOPE] == 0.0
    assert np.isnan(without.parameters[COR])
    assert not conditional_modes(without.estimate)[:, 1].any()
    assert [block for block, _ in without.estimate.optimum.boundary] == [0]
    assert without.loglik == pytest.approx(by_hand(without), rel=1e-10)
    for end in (-1.0, 1.0):
        perfect = sleep.at({COR: end}, kind)
        assert perfect.parameters[COR] == end
        assert perfect.loglik == pytest.approx(by_hand(perfect), rel=1e-9)
        assert len(perfect.estimate.optimum.boundary) == 1
    both = sleep.at({SLOPE: 0.0, COR: 0.4}, kind)
    assert both.loglik == pytest.approx(without.loglik, rel=1e-10)
    pooled = one_way.at({"tau": 0.0}, kind)
    assert pooled.icc == {"adjusted": 0.0, "conditional": 0.0}
    assert not conditional_modes(pooled.estimate).any()


def test_profile_without_the_effect_is_the_smaller_model(sleep: Fit) -> None:
    smaller = sleep.update(". ~ . - (Days | Subject) + (1 | Subject)")
    assert sleep.at({SLOPE: 0.0}).loglik == pytest.approx(smaller.loglik, rel=1e-10)
    independent = sleep.update(". ~ . - (Days | Subject) + (Days || Subject)")
    assert sleep.at({COR: 0.0}).loglik == pytest.approx(independent.loglik, rel=1e-10)


def test_from_a_boundary_fit() -> None:
    fit = lmer("Yield ~ 1 + (1 | Batch)", load("dyestuff2"), REML=False)
    assert fit.verdict.kind == "boundary fit"
    for sigma in (2.0, 3.0, 5.0):
        point = fit.at({"sigma": sigma})

        def value(tau: float, sigma: float = sigma) -> float:
            return float(
                dense.deviance(fit.design, [np.array([[(tau / sigma) ** 2]])], False, sigma)
            )

        grid = [value(t) for t in np.linspace(0.0, 5.0, 501)]
        assert -2.0 * point.loglik <= min(grid) + 1e-9
        assert -2.0 * point.loglik == pytest.approx(min(grid), abs=1e-3)


def test_impossible_points_say_why(sleep: Fit) -> None:
    for kind in ("profile", "slice"):
        point = sleep.at({"sigma": 0.0}, kind)
        assert not point.possible
        assert point.loglik == -np.inf
        assert point.drop == np.inf
        assert point.confidence == 1.0
        assert point.sentence == (
            "At sigma = 0 there is no model: without residual variance the model would have to "
            "reproduce the response."
        )
        for ask in ("estimate", "icc", "parameters", "contributions"):
            with pytest.raises(ModelError, match="no model at sigma = 0"):
                getattr(point, ask)
        far = sleep.at({SLOPE: 1e40}, kind)
        assert far.loglik == -np.inf
        assert "no digits" in far.impossible


@pytest.mark.parametrize("kind", ["profile", "slice"])
def test_theta_beside_what_it_is_part_of(sleep: Fit, kind: str) -> None:
    point = sleep.at({SLOPE: 7.0, "Subject.Days": 0.2}, kind)
    assert point.parameters[SLOPE] == 7.0
    assert point.estimate.optimum.theta[2] == pytest.approx(0.2, rel=1e-8)
    covariance = point.estimate.covariances[0]
    assert np.sqrt(covariance[1, 1]) == pytest.approx(7.0, rel=1e-8)
    against = sleep.at({SLOPE: 0.0, "Subject.Days": 0.2}, kind)
    assert against.loglik == -np.inf
    assert against.impossible == "these values contradict each other"


def test_correlations_that_no_covariance_has() -> None:
    data = load("machines")
    fit = lmer("score ~ Machine + (Machine | Worker)", data, REML=False)
    names = [name for name in fit.values().index if name.startswith("cor_")]
    point = fit.at(dict(zip(names, (0.9, 0.9, -0.9), strict=True)), "slice")
    assert point.impossible == "no covariance matrix of the random effects has these values"
    assert point.loglik == -np.inf
    possible = fit.at(dict(zip(names, (0.5, 0.4, 0.3), strict=True)), "slice")
    assert possible.loglik == pytest.approx(by_hand(possible), rel=1e-10)
    with pytest.raises(ModelError, match="more correlations of one term than can be held"):
        fit.at(dict(zip(names, (0.5, 0.4, 0.3), strict=True)))
    two = fit.at(dict(zip(names[:2], (0.9, -0.9), strict=True)))
    assert two.loglik == pytest.approx(by_hand(two), rel=1e-8)


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ({SLOPE: -1.0}, "profile", r"'sd_Days\|Subject' is -1.0; give 0 or more."),
        ({COR: 1.5}, "slice", r"is 1.5; give a number from -1 to 1."),
        ({"Days": float("inf")}, "slice", r"'Days' is inf; give a number."),
        ({"sigma": "big"}, "slice", r"'sigma' is 'big'; give 0 or more."),
        ({f"{SLOPE}^2": float("nan")}, "slice", r"\^2' is nan; give 0 or more."),
        ({"sigmo": 1.0}, "slice", r"no parameter 'sigmo' \(did you mean 'sigma'\?\)"),
        ({"sigma": 1.0}, "profiled", r"kind is 'profiled'; choose"),
        ({}, "slice", r"name at least one"),
        (["sigma"], "slice", r"give a dictionary"),
        ({SLOPE: 1.0, f"{SLOPE}^2": 1.0}, "slice", r"same parameter"),
        ({SD: 1.0, "sigma": 2.0, "Subject.(Intercept)": 1.0}, "slice", r"determine one another"),
    ],
)
def test_bad_input_gets_one_sentence(
    sleep: Fit, values: dict[str, float], kind: str, sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        sleep.at(values, kind)


def test_restricted_likelihood_has_no_coefficients(sleep: Fit) -> None:
    with pytest.raises(ModelError, match="does not depend on the fixed effects"):
        sleep.at({"Days": 10.0}, criterion="REML")
    with pytest.raises(ModelError, match="2 values are given; give one for each of sigma"):
        Pointer(sleep.design, sleep.estimate, ["sigma"]).at(1.0, 2.0)


def test_sentence_names_place_drop_and_level(sleep: Fit) -> None:
    point = sleep.at({SD: 20.0, SLOPE: 9.0})
    assert point.sentence == (
        "At sd_(Intercept)|Subject = 20, sd_Days|Subject = 9 (the other parameters re-optimised) "
        f"the log-likelihood is {point.loglik:.2f}; twice the drop from its maximum is "
        f"{point.drop:.4g}, on the edge of the {100 * point.confidence:.3g} % joint confidence "
        "region."
    )
    assert repr(point).startswith("<Point: At sd_")
    assert "outside the 99.9 % confidence interval" in sleep.at({"sigma": 90.0}, "slice").sentence

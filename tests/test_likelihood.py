"""The simple models: the lecture's numbers, derivatives, and what is refused.

Lecture: Hoff, Statistics 560, Review of maximum likelihood estimation. Its numbers on these models:
the quizzes and likelihoods of {1,0,1} and {0,0,0}; 5 of 30 and 50 of 300; score, information and
standard error of a proportion; five values of the one-way log-likelihood on the wheat data; optim's
estimates, value, Hessian, its inverse, standard errors and intervals for wheat and for the schools.
"""

from __future__ import annotations

import math
import time
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, multivariate_normal, norm

import mixedwidgets as mw
from mixedwidgets.likelihood import (
    BinaryModel,
    BinomialModel,
    NormalModel,
    OneWayModel,
    ldmvnorm,
    mll_oneway,
    oneway_contributions,
)
from tests.reference_data import reference_data

WHEAT = mw.load("wheat")
Y, G = WHEAT["yield"], WHEAT["region"]
AT = (16.3, 1.787, 0.384)


def unequal() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b", "c", "d"], [1, 4, 7, 2])
    return rng.normal(size=14) + 1e3 + (groups == "b"), groups


def numerical(function, point, h=1e-4):
    """First derivatives by central differences, extrapolated once."""
    out = []
    for i in range(len(point)):
        step = np.eye(len(point))[i] * h * max(abs(point[i]), 0.1)
        wide = np.subtract(function(*(point + step)), function(*(point - step))) / (2 * step[i])
        near = np.subtract(function(*(point + step / 2)), function(*(point - step / 2))) / step[i]
        out.append((4 * near - wide) / 3)
    return np.array(out)


# Binary and binomial models ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "theta", "exact"),
    [
        ([1, 0, 1], Fraction(1, 2), Fraction(1, 8)),
        ([0, 0, 0], Fraction(1, 2), Fraction(1, 8)),
        ([1, 0, 1], Fraction(1, 3), Fraction(2, 27)),
        ([0, 0, 0], Fraction(1, 3), Fraction(8, 27)),
    ],
)
def test_the_lectures_quiz(y, theta, exact):
    assert BinaryModel.probability(y, float(theta)) == pytest.approx(float(exact), rel=1e-15)
    assert BinaryModel(y).likelihood(float(theta)) == pytest.approx(float(exact), rel=1e-15)


def test_the_likelier_of_two():
    model = BinaryModel([0, 0, 0])
    likelihoods = model.likelihood(np.array([1 / 3, 1 / 2]))
    assert [f"{v:.3f}" for v in likelihoods] == ["0.296", "0.125"]
    assert likelihoods.argmax() == 0
    assert model.mle() == 0.0


@pytest.mark.parametrize(("k", "n"), [(5, 30), (50, 300)])
def test_five_of_thirty_beside_fifty_of_three_hundred(k, n):
    model = BinaryModel.from_counts(k, n)
    theta = np.linspace(0.0, 1.0, 601)
    assert model.mle() == 1 / 6
    assert theta[model.likelihood(theta).argmax()] == pytest.approx(1 / 6, abs=1e-12)
    assert theta[model.loglik(theta).argmax()] == pytest.approx(1 / 6, abs=1e-12)
    expected = k * np.log(0.2) + (n - k) * np.log(0.8)
    assert model.loglik(0.2) == pytest.approx(expected, rel=1e-15)
    assert model.likelihood(0.2) == pytest.approx(0.2**k * 0.8 ** (n - k), rel=1e-13)
    assert model.score(1 / 6) == pytest.approx(0.0, abs=1e-10)
    assert model.information() == pytest.approx(n / (1 / 6 * 5 / 6), rel=1e-15)
    assert model.information(1 / 6) == pytest.approx(n * 7.2, rel=1e-14)
    assert model.se() == pytest.approx(math.sqrt(5 / 36 / n), rel=1e-15)


def test_ten_times_the_data_ten_times_the_curvature():
    few, many = BinaryModel.from_counts(5, 30), BinaryModel.from_counts(50, 300)
    drop = [m.loglik(0.3) - m.loglik(1 / 6) for m in (few, many)]
    assert drop[1] == pytest.approx(10 * drop[0], rel=1e-12)
    assert many.information() == pytest.approx(10 * few.information(), rel=1e-15)


@pytest.mark.parametrize("model", [BinaryModel([1, 0, 0, 1, 0]), BinomialModel(2, 5)])
def test_derivatives_of_the_binary_model(model):
    for theta in (0.1, 0.4, 0.9):
        assert model.score(theta) == pytest.approx(
            numerical(model.loglik, np.array([theta]))[0], rel=1e-6, abs=1e-6
        )
        assert model.information(theta) == pytest.approx(
            -numerical(model.score, np.array([theta]))[0], rel=1e-6
        )


def test_the_binomial_model_counts_the_orders():
    theta = np.array([0.0, 0.1, 0.5, 1.0])
    model = BinomialModel(5, 30)
    np.testing.assert_allclose(model.likelihood(theta), binom.pmf(5, 30, theta), rtol=1e-12)
    ratio = model.likelihood(0.3) / BinaryModel.from_counts(5, 30).likelihood(0.3)
    assert ratio == pytest.approx(math.comb(30, 5), rel=1e-12)


def test_impossible_data_and_edges():
    model = BinaryModel([0, 0, 1])
    assert model.loglik([0.0, 1.0]).tolist() == [-np.inf, -np.inf]
    assert model.score(0.0) == np.inf
    assert model.score(1.0) == -np.inf
    none = BinaryModel([0, 0, 0])
    assert (none.loglik(0.0), none.likelihood(0.0), none.score(0.0)) == (0.0, 1.0, -3.0)
    assert none.information(0.0) == 3.0
    assert none.information() == np.inf
    assert none.se() == 0.0


# Normal model ------------------------------------------------------------------------------------


def test_normal_density_and_likelihood():
    y = np.array([1.0, 2.5, 4.0, 3.5])
    mu, sigma2 = np.linspace(0, 5, 4)[:, None], np.array([0.5, 1.0, 3.0])
    model = NormalModel(y)
    expected = norm.logpdf(y[:, None, None], mu, np.sqrt(sigma2)).sum(axis=0)
    np.testing.assert_allclose(model.loglik(mu, sigma2), expected, rtol=1e-13)
    np.testing.assert_allclose(model.likelihood(mu, sigma2), np.exp(expected), rtol=1e-12)
    assert model.probability(y, 1.0, 2.0) == model.likelihood(1.0, 2.0)
    np.testing.assert_allclose(NormalModel.density(y, 2.0, 4.0), norm.pdf(y, 2.0, 2.0), rtol=1e-14)
    assert NormalModel.density(0.0, 0.0, 1.0) == pytest.approx(1 / math.sqrt(2 * math.pi))


def test_normal_estimates_score_and_information():
    y = np.array([1.0, 2.5, 4.0, 3.5])
    model = NormalModel(y)
    best = model.mle()
    assert best == pytest.approx((y.mean(), y.var()), rel=1e-15)
    assert model.score(*best) == pytest.approx([0.0, 0.0], abs=1e-14)
    point = np.array([2.0, 0.7])
    np.testing.assert_allclose(model.score(*point), numerical(model.loglik, point), rtol=1e-8)
    np.testing.assert_allclose(model.information(*point), -numerical(model.score, point), rtol=1e-7)
    s2 = best.sigma2
    np.testing.assert_allclose(model.information(), np.diag([4 / s2, 2 / s2**2]), atol=1e-14)
    assert model.se() == pytest.approx(tuple(np.sqrt(np.diag(model.vcov()))), rel=1e-14)
    assert model.information(np.zeros((5, 1)), np.ones(3)).shape == (5, 3, 2, 2)


def test_a_far_centre_costs_the_normal_model_nothing():
    y = np.array([1.0, 2.5, 4.0, 3.5])
    assert NormalModel(y + 2.0**40).mle().sigma2 == pytest.approx(y.var(), rel=1e-15)


# Multivariate normal -----------------------------------------------------------------------------


def test_ldmvnorm_against_scipy():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(5, 5))
    cov, mean, y = root @ root.T, rng.normal(size=5), rng.normal(size=(3, 2, 5))
    found = ldmvnorm(y, mean, cov)
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, multivariate_normal.logpdf(y, mean, cov), rtol=1e-10)
    assert isinstance(ldmvnorm(y[0, 0], mean, cov), float)
    assert ldmvnorm(1.0, 0.0, 4.0) == pytest.approx(norm.logpdf(1.0, 0.0, 2.0), rel=1e-14)


def test_ldmvnorm_of_a_matrix_whose_determinant_is_no_number():
    n = 2000
    assert ldmvnorm(np.zeros(n), 0.0, 1e-4 * np.eye(n)) == pytest.approx(
        -0.5 * n * (math.log(2 * math.pi) + math.log(1e-4)), rel=1e-13
    )


def test_ldmvnorm_adds_up_to_the_one_way_likelihood():
    """The lecture's loop over groups, with its n_j x n_j matrices."""
    mu, sigma2, tau2 = AT
    found = oneway_contributions(mu, sigma2, tau2, Y, G)
    for label, value in zip(found.labels, found.loglik, strict=True):
        own = Y[label == G].to_numpy()
        cov = np.diag(np.full(len(own), sigma2)) + tau2
        assert ldmvnorm(own, mu, cov) == pytest.approx(value, rel=1e-13)
    assert f"{found.total:.4f}" == "-88.6121"
    assert found.labels == tuple(map(str, range(1, 11)))  # as the categories are ordered


# One-way model -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "printed"),
    [
        ((16.3, 1.787, 0.384), "88.6121"),
        ((15, 1.787, 0.384), "100.1217"),
        ((16.3, 2, 0.384), "88.76881"),
        ((16.3, 1.787, 0.3), "88.58599"),
        ((16.3, 1.787, 0.2), "88.67161"),
    ],
)
def test_the_lectures_five_values(parameters, printed):
    decimals = len(printed.split(".")[1])
    assert f"{mll_oneway(*parameters, Y, G):.{decimals}f}" == printed
    assert f"{-OneWayModel(Y, G).loglik(*parameters):.{decimals}f}" == printed


def second_differences(function, x, h=1e-3):
    """The Hessian as R's ``optim`` documents it: central differences of step ndeps = 0.001."""
    moves = h * np.eye(len(x))
    return np.array(
        [
            [
                (
                    function(*(x + a + b))
                    - function(*(x + a - b))
                    - function(*(x - a + b))
                    + function(*(x - a - b))
                )
                / (4 * h * h)
                for a in moves
            ]
            for b in moves
        ]
    )


def agrees_with_optim(model, par, value, hessian, inverse, se):
    """Check what optim printed: it stops early and differentiates by steps."""
    best = model.mle()
    np.testing.assert_allclose(best, par, rtol=2e-5)
    decimals = len(value.split(".")[1])
    assert f"{-model.loglik(*best):.{decimals}f}" == value == f"{-model.loglik(*par):.{decimals}f}"
    assert -model.loglik(*best) <= -model.loglik(*par)
    as_r = -second_differences(model.loglik, np.array(par))
    noise = 2e-16 * abs(model.loglik(*par)) / 1e-6
    np.testing.assert_allclose(as_r, hessian, rtol=4e-7, atol=4 * noise + 5e-7)
    np.testing.assert_allclose(model.information(*par), hessian, rtol=2e-5, atol=5e-5)
    np.testing.assert_allclose(model.vcov(), inverse, rtol=4e-5, atol=4e-5)
    np.testing.assert_allclose(model.se(), se, rtol=3e-5)


def test_the_lectures_wheat_fit():
    model = OneWayModel(Y, G)
    par = [16.3063995, 1.7872063, 0.3099255]
    small = [2.186695e-06, 1.090683e-05]
    hessian = [
        [14.98426, *small],
        [small[0], 6.710598, 2.245294],
        [small[1], 2.245294, 11.22654],
    ]
    inverse = [[0.06673668, 0, 0], [0, 0.1597051, -0.03194081], [0, -0.03194081, 0.09546274]]
    agrees_with_optim(model, par, "88.5851", hessian, inverse, [0.2583344, 0.3996312, 0.3089705])
    best, se = model.mle(), model.se()
    upper, lower = np.add(best, np.multiply(2, se)), np.subtract(best, np.multiply(2, se))
    np.testing.assert_allclose(upper, [16.8230684, 2.5864686, 0.9278664], rtol=4e-6)
    np.testing.assert_allclose(lower, [15.7897307, 0.9879440, -0.3080154], rtol=2e-5)


@pytest.mark.reference
def test_the_lectures_fit_of_all_schools(reference):
    nels = reference_data("nels")
    model = OneWayModel(nels["mscore"], nels["school"])
    assert (model.data.n, model.data.m) == (12974, 684)
    hessian = [
        [24.35837087, -0.01576882, 0.04913818],
        [-0.01576882, 1.13128044, 0.03026526],
        [0.04913818, 0.03026526, 0.42089960],
    ]
    inverse = [
        [0.0410638760, 0.0007019913, -0.004844505],
        [0.0007019913, 0.8856698641, -0.063767034],
        [-0.0048445047, -0.0637670344, 2.381014344],
    ]
    par, se = [50.9391407, 73.708808, 23.6338229], [0.2026422, 0.9411003, 1.5430536]
    agrees_with_optim(model, par, "46956.63", hessian, inverse, se)
    upper, lower = np.add(par, np.multiply(2, model.se())), np.subtract(par, np.multiply(2, se))
    np.testing.assert_allclose(upper, [51.34443, 75.59101, 26.71993], rtol=4e-6)
    np.testing.assert_allclose(lower, [50.53386, 71.82661, 20.54772], rtol=4e-6)


def test_unequal_groups_against_the_multivariate_normal():
    y, groups = unequal()
    mu, sigma2, tau2 = 1e3, 0.7, 0.4
    expected = 0.0
    for label in "abcd":
        own = y[groups == label]
        cov = sigma2 * np.eye(len(own)) + tau2
        expected -= multivariate_normal.logpdf(own, np.full(len(own), mu), cov)
    assert mll_oneway(mu, sigma2, tau2, y, groups) == pytest.approx(expected, rel=1e-12)
    density = OneWayModel.probability(y, groups, mu, sigma2, tau2)
    assert density == pytest.approx(math.exp(-expected), rel=1e-10)


def test_derivatives_of_the_one_way_model():
    y, groups = unequal()
    model = OneWayModel(y - 1e3, groups)
    for point in ([0.2, 0.7, 0.4], [-0.5, 1.3, 0.05]):
        point = np.array(point)
        np.testing.assert_allclose(model.score(*point), numerical(model.loglik, point), rtol=1e-7)
        np.testing.assert_allclose(
            model.information(*point), -numerical(model.score, point), rtol=1e-6, atol=1e-8
        )
    best = model.mle()
    assert best.tau2 > 0.0
    np.testing.assert_allclose(model.score(*best), 0.0, atol=1e-12)


def test_parameters_broadcast():
    tau2 = np.array([0.0, 0.2, 0.3])
    sigma2 = np.array([[1.5], [2.0]])
    grid = mll_oneway(16.3, sigma2, tau2, Y, G)
    assert grid.shape == (2, 3)
    assert grid[1, 2] == pytest.approx(mll_oneway(16.3, 2.0, 0.3, Y, G), rel=1e-15)
    model = OneWayModel(Y, G)
    assert model.score(16.3, sigma2, tau2).shape == (2, 3, 3)
    assert model.information(16.3, sigma2, tau2).shape == (2, 3, 3, 3)
    parts = model.contributions(16.3, sigma2, tau2)
    assert parts.shape == (2, 3, 10)
    np.testing.assert_allclose(-parts.sum(axis=-1), grid, rtol=1e-14)


def test_it_is_the_likelihood_that_lmer_maximises():
    fit = mw.lmer("yield ~ 1 + (1 | region)", WHEAT, REML=False)
    tau2 = float(fit.varcorr()["vcov"][0])
    value = mll_oneway(fit.fixef.iloc[0], fit.sigma**2, tau2, Y, G)
    assert value == pytest.approx(-fit.loglik, rel=1e-13)


def test_thousands_of_students_in_milliseconds():
    schools = mw.load("schools")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        mll_oneway(50.9, 73.7, 23.6, schools["mscore"], schools["school"])
        times.append(time.perf_counter() - start)
    assert len(schools) == 12974
    assert min(times) < 0.02  # half a millisecond on a quiet machine


@pytest.mark.parametrize("kind", [str, "category", object, "Int64", "string", np.float64])
def test_labels_of_any_kind_are_the_same_groups(kind):
    y, groups = unequal()
    codes = pd.Series(groups).map({"a": 1, "b": 2, "c": 3, "d": 10})
    found = OneWayModel(y, codes.astype(kind)).loglik(1e3, 0.7, 0.4)
    assert found == pytest.approx(-mll_oneway(1e3, 0.7, 0.4, y, groups), rel=1e-15)


def test_labels_come_in_their_own_order():
    y = [1.0, 2.0, 3.0, 4.0]
    assert OneWayModel(y, [10, 9, 10, 2]).data.labels == (2, 9, 10)
    assert OneWayModel(y, np.array(["b", "a", "b", "c"])).data.labels == ("a", "b", "c")
    assert OneWayModel(y, ["b", 1, "b", 2]).data.labels == (1, 2, "b")
    days = pd.to_datetime(["2021-02-01", "2020-01-01", "2021-02-01", "2021-02-01"])
    assert str(OneWayModel(y, days).data.labels[0]).startswith("2020-01-01")


def test_the_most_used_are_on_the_face():
    assert mw.mll_oneway is mll_oneway
    assert mw.ldmvnorm is ldmvnorm
    assert mw.oneway(Y, G).anova.df_between == 9
    assert mw.binomial_interval(5, 30).method == "wald"


def test_groups_without_observations_do_not_count():
    region = G.cat.add_categories("elsewhere")
    assert OneWayModel(Y, region).data.m == 10


# What is printed and what is refused -------------------------------------------------------------


def test_models_print_themselves():
    text = repr(OneWayModel(Y, G))
    assert "50 observations in 10 groups" in text
    assert "tau2     0.30993     0.30897" in text
    assert "infinite" in repr(BinaryModel([0, 0]))
    assert "216.00" in repr(BinomialModel(5, 30))
    assert "sigma2" in repr(NormalModel([1.0, 2.0]))
    assert "no maximum" in repr(NormalModel([1.0, 1.0]))
    assert "total  50" in repr(oneway_contributions(*AT, Y, G))
    strange = pd.Series(["<b>"] * 3 + ["x"] * 3)
    page = oneway_contributions(0, 1, 1, range(6), strange)._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    for model in (OneWayModel(Y, G), BinaryModel([0, 1]), NormalModel([1.0, 2.0])):
        assert model._repr_html_().startswith("<div")
    assert pd.DataFrame(oneway_contributions(*AT, Y, G).to_dict()).shape == (10, 4)


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: BinaryModel([0, 1]).loglik(1.2), "between 0 and 1, which 1.2 does not"),
        (lambda: BinaryModel([0, 1]).score(-0.1), "theta is a probability"),
        (lambda: BinaryModel([0, 1]).loglik("half"), "must be a number"),
        (lambda: BinaryModel([0, 1]).loglik(np.nan), "missing value"),
        (lambda: BinaryModel([0, 1, 2]), "zeros and ones only, and it holds 2"),
        (lambda: BinaryModel([]), "y is empty"),
        (lambda: BinaryModel(["0", "1"]), "not a number"),
        (lambda: BinaryModel([0, None]), "missing"),
        (lambda: BinaryModel([[0, 1]]), "shape"),
        (lambda: BinomialModel(31, 30), "between 0 and 30, not 31"),
        (lambda: BinomialModel(-1, 30), "not -1"),
        (lambda: BinomialModel(0, 0), "at least 1"),
        (lambda: BinomialModel(2.5, 30), "whole number"),
        (lambda: NormalModel([1.0, np.nan]), "1 missing or infinite value among 2"),
        (lambda: NormalModel([1.0, 2.0]).loglik(0.0, -1.0), "above 0, which -1 is not"),
        (lambda: NormalModel([1.0, 1.0]).mle(), "All observations are equal"),
        (lambda: NormalModel([0.1, 0.1, 0.1]).mle(), "All observations are equal"),
        (lambda: mll_oneway(0.0, 0.0, 1.0, [1.0, 2.0], ["a", "a"]), "sigma2 is a variance"),
        (lambda: mll_oneway(0.0, 1.0, -0.5, [1.0, 2.0], ["a", "a"]), "tau2 is a variance"),
        (lambda: mll_oneway(0.0, np.inf, 1.0, [1.0, 2.0], ["a", "a"]), "finite"),
        (lambda: mll_oneway([0, 1], [1, 1, 1], 1, [1.0, 2.0], ["a", "a"]), "do not go together"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], ["a"]), "one length"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], ["a", None]), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], [1.0, np.nan]), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], ["a", np.nan]), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], np.array([1.0, np.nan])), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], pd.to_datetime(["2020", None])), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], pd.array([1, None])), "missing labels"),
        (lambda: mll_oneway(0, 1, 1, [1.0, 2.0], pd.Categorical(["a", None])), "missing labels"),
        (lambda: oneway_contributions([0, 1], 1, 1, [1.0, 2.0], ["a", "a"]), "single numbers"),
        (lambda: OneWayModel([1.0, 2.0, 3.0], ["a", "b", "c"]).mle(), "two observations"),
        (lambda: OneWayModel([1.0, 2.0, 2.0, 1.0], [1, 1, 2, 2]).vcov(), "edge"),
        (lambda: ldmvnorm([1.0, 2.0], 0.0, [[1.0]]), "2 rows"),
        (lambda: ldmvnorm([1.0, 2.0], [0.0] * 3, np.eye(2)), "mean has shape"),
        (lambda: ldmvnorm([1.0, 2.0], 0.0, [[1.0, 0.5], [0.2, 1.0]]), "symmetric"),
        (lambda: ldmvnorm([1.0, 2.0], 0.0, np.ones((2, 2))), "not positive definite"),
        (lambda: ldmvnorm([1.0, 2.0], 0.0, -np.eye(2)), "smallest eigenvalue -1"),
    ],
)
def test_bad_input_gets_a_sentence(attempt, sentence):
    with pytest.raises((mw.DataError, mw.ModelError), match=r"\.$") as caught:
        attempt()
    assert sentence in str(caught.value)


def test_shapes_that_do_not_go_together():
    model = NormalModel([1.0, 2.0, 4.0])
    for work in (model.loglik, model.score, model.information, model.likelihood):
        with pytest.raises(mw.ModelError, match=r"mu, sigma2 have shapes .*\(mu \(2,\), sigma2"):
            work([1, 2], [1, 2, 3])
    with pytest.raises(mw.ModelError, match="y, mu, sigma2 have shapes"):
        NormalModel.density([1, 2], [1, 2, 3], 1.0)

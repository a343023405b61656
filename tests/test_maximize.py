"""maximize and minimize: the lecture's runs, other likelihoods, and everything that goes wrong."""

from __future__ import annotations

import doctest
import math
import re
import sys
import time
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln, polygamma

import mixedwidgets as mw
from mixedwidgets import MixedWidgetsWarning, ModelError, maximize, minimize
from mixedwidgets.likelihood import Maximum, mll_oneway
from mixedwidgets.likelihood.curvature import curvature
from mixedwidgets.likelihood.derivatives import Derivatives, differentiate
from mixedwidgets.likelihood.search import Bottom, Problem
from mixedwidgets.likelihood.userfunction import UserFunction
from tests.reference_data import reference_data

VARIANCES = [None, (0, None), (0, None)]
Y = mw.load("wheat")["yield"].to_numpy()
G = mw.load("wheat")["region"].to_numpy()


def mll_matrices(mus2t2, y, g):
    """The lecture's mll.oneway, matrices and loop and all; it returns a 1 x 1 array as R does."""
    mu, s2, t2 = mus2t2
    total = np.zeros((1, 1))
    for label in np.unique(g):
        rest = (y[g == label] - mu)[:, None]
        n = len(rest)
        cov = s2 * np.eye(n) + t2
        squares = rest.T @ np.linalg.solve(cov, rest)
        total += -0.5 * (n * np.log(2 * np.pi) + np.log(np.linalg.det(cov)) + squares)
    return -total


@contextmanager
def told(pattern):
    """Expect warnings, one of which says something."""
    with pytest.warns(MixedWidgetsWarning) as caught:
        yield
    said = [str(w.message) for w in caught]
    assert any(re.search(pattern, sentence) for sentence in said), said
    assert all(sentence.endswith(".") for sentence in said)


def closed_form(y, g):
    """Minus the same log-likelihood in closed form, as a function of the parameters."""
    codes = np.unique(np.asarray(g).astype(str), return_inverse=True)[1]
    n = np.bincount(codes)
    mean = np.bincount(codes, y) / n
    within = np.sum((y - mean[codes]) ** 2)

    def mll(mu, sigma2, tau2):
        spread = sigma2 + n * tau2
        between = np.sum(np.log(spread) + n * (mean - mu) ** 2 / spread)
        rest = (len(y) - len(n)) * np.log(sigma2) + within / sigma2
        return 0.5 * (len(y) * np.log(2 * np.pi) + rest + between)

    return mll


def optim_hess(function, x, step=1e-3):
    """R's optimHess: central differences of central differences, both of one fixed step."""

    def gradient(at):
        moves = step * np.eye(len(x))
        return np.array([(function(at + m) - function(at - m)) / (2 * step) for m in moves])

    rows = [(gradient(x + m) - gradient(x - m)) / (2 * step) for m in step * np.eye(len(x))]
    return 0.5 * (np.array(rows) + np.array(rows).T)


def printed(value, text):
    """Whether a value, written with as many significant digits as a text has, is the text."""
    digits = len(text.lower().split("e")[0].lstrip("-0.").replace(".", ""))
    return float(f"{value:.{digits - 1}e}") == float(text)


# The lecture's wheat -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheat() -> Maximum:
    return minimize(mll_matrices, [15, 1, 1], bounds=VARIANCES, y=Y, g=G)


def test_wheat_to_the_digits_that_optim_and_the_optimum_share(wheat):
    """R's optim stopped 5e-7 from the optimum, and its Hessian has steps of 1e-3.

    Its par is 16.3063995, 1.7872063, .3099255 where the maximum is at mean(y) = 16.3064, at
    MSE = 1.787206 and at .3099250, so that the slides' seventh digits are optim's own; of its
    Hessian's seven digits five are those of the derivatives (1.122643e+01, not 1.122654e+01).
    """
    assert wheat.convergence == 0
    assert wheat.warnings == ()
    assert printed(wheat.value, "88.5851")
    np.testing.assert_allclose(wheat.par, [16.3063995, 1.7872063, 0.3099255], atol=6e-7)
    for at, slide in {
        (0, 0): "14.984",
        (1, 1): "6.7106",
        (1, 2): "2.2453",
        (2, 2): "11.226",
    }.items():
        rounded = 10.0 ** -len(slide.split(".")[1])
        assert wheat.hessian.iloc[at] == pytest.approx(float(slide), abs=0.51 * rounded)
    for at, slide in {(0, 0): "6.6737e-2", (1, 1): "1.59705e-1", (1, 2): "-3.1941e-2"}.items():
        assert printed(wheat.vcov.iloc[at], slide)
    assert wheat.vcov.iloc[2, 2] == pytest.approx(9.546274e-02, rel=2e-5)
    np.testing.assert_allclose(wheat.se, [0.2583344, 0.3996312, 0.3089705], rtol=6e-6)
    limits = wheat.wald(times=2)
    np.testing.assert_allclose(limits["upper"], [16.8230684, 2.5864686, 0.9278664], atol=5e-6)
    np.testing.assert_allclose(limits["lower"], [15.7897307, 0.9879440, -0.3080154], atol=5e-6)
    assert printed(limits["lower"].iloc[2], "-0.308")


def test_wheat_as_optim_prints_it():
    """Every printed digit of the lecture but what is rounding: 2.19e-06 in place of zero."""
    found = minimize(mll_matrices, [15, 1, 1], bounds=VARIANCES, y=Y, g=G, method="optim")
    for value, slide in zip(found.par, ["16.3063995", "1.7872063", "0.3099255"], strict=True):
        assert printed(value, slide)
    assert printed(found.value, "88.5851")
    assert found.counts == {"function": 16, "gradient": 16}
    assert found.convergence == 0
    assert found.message == "CONVERGENCE: REL_REDUCTION_OF_F <= FACTR*EPSMCH"
    hessian, inverse = found.hessian.to_numpy(), found.vcov.to_numpy()
    slides = {(0, 0): "1.498426e+01", (1, 1): "6.710598e+00", (2, 2): "1.122654e+01"}
    for at, slide in {**slides, (1, 2): "2.245294e+00", (0, 2): "1.09e-05"}.items():
        assert printed(hessian[at], slide)
    for at, slide in {
        (0, 0): "6.673668e-02",
        (1, 1): "1.597051e-01",
        (2, 2): "9.546274e-02",
    }.items():
        assert printed(inverse[at], slide)
    assert printed(found.wald(times=2).loc[:, "lower"].iloc[2], "-0.3080154")


def test_optim_on_a_bound_and_past_it():
    with pytest.warns(MixedWidgetsWarning, match="lower bound 0"):
        found = minimize(lambda x: (x + 1.0) ** 2, 3.0, bounds=(0, None), method="optim")
    assert found.par.iloc[0] == 0.0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"method": "newton"}, "'newton'"), ({"method": "optim", "starts": 2}, "one start")],
)
def test_other_methods_are_refused(options, words):
    with pytest.raises(ModelError, match=words):
        minimize(lambda x: x**2, 1.0, **options)


def test_wheat_to_every_printed_digit_where_optim_stopped():
    """At the slides' own par, by optim's own differences, every digit on the slides comes out."""
    stopped = np.array([16.3063995, 1.7872063, 0.3099255])
    hessian = optim_hess(lambda x: mll_matrices(x, Y, G).item(), stopped)
    slide = ["1.498426e+01", "6.710598e+00", "1.122654e+01"]
    for found, text in zip([*np.diag(hessian), hessian[1, 2]], [*slide, "2.245294"], strict=True):
        assert printed(found, text)
    inverse = np.linalg.inv(hessian)
    assert printed(inverse[0, 0], "6.673668e-02")
    assert printed(inverse[1, 1], "1.597051e-01")
    assert printed(inverse[1, 2], "-3.194081e-02")
    assert printed(inverse[2, 2], "9.546274e-02")
    lower = stopped - 2 * np.sqrt(np.diag(inverse))
    np.testing.assert_allclose(lower, [15.7897307, 0.9879440, -0.3080154], atol=1.1e-7)


def test_wheat_against_algebra(wheat):
    """Balanced: the optimum and the information in closed form (Searle et al. 1992, ch. 4)."""
    m, n = 10, 5
    means = Y.reshape(m, n).mean(axis=1) if (np.diff(G.astype(int)) >= 0).all() else None
    assert means is not None
    s2 = np.sum((Y.reshape(m, n) - means[:, None]) ** 2) / (m * (n - 1))
    lam = n * np.mean((means - Y.mean()) ** 2)
    exact = [Y.mean(), s2, (lam - s2) / n]
    np.testing.assert_allclose(wheat.par, exact, rtol=1e-8)
    a, b = m * (n - 1) / (2 * s2**2), m / (2 * lam**2)
    information = [[m * n / lam, 0, 0], [0, a + b, n * b], [0, n * b, n * n * b]]
    np.testing.assert_allclose(wheat.hessian, information, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(wheat.vcov, np.linalg.inv(information), rtol=1e-7, atol=1e-8)


def test_the_packages_own_function_on_names():
    start = {"mu": 15, "sigma2": 1, "tau2": 1}
    bounds = {"sigma2": (0, None), "tau2": (0, None)}
    fit = minimize(mll_oneway, start, bounds, y=Y, groups=G)
    np.testing.assert_allclose(fit.par[["mu", "tau2"]], [16.3064, 0.309925], rtol=1e-6)
    assert list(fit.par.index) == list(fit.hessian.columns) == list(fit.vcov.index)
    assert fit.wald(times=2).loc["tau2", "lower"] == pytest.approx(-0.308, abs=5e-4)


def test_it_prints_what_optim_prints_and_more():
    fit = minimize(closed_form(Y, G), [15, 1, 1], bounds=VARIANCES)
    lines = repr(fit).splitlines()
    titles = ["$par", "$value", "$counts", "$convergence", "$message", "$hessian", "$se"]
    assert [line for line in lines if line.startswith("$")] == titles
    assert lines[1].split() == ["mu", "sigma2", "tau2"]
    assert lines[2].split() == ["16.306400", "1.787206", "0.309925"]
    assert "[1] 88.5851" in lines
    assert "function gradient" in [line.strip() for line in lines]
    assert '[1] "converged: the slope is zero"' in lines
    rows = [line.split() for line in lines if line.startswith(("mu ", "sigma2 ", "tau2 "))]
    assert rows == [
        ["mu", "14.98428", "0.000000", "0.000000"],
        ["sigma2", "0.00000", "6.710591", "2.245285"],
        ["tau2", "0.00000", "2.245285", "11.226427"],
    ]


def test_wide_matrices_are_broken_into_blocks():
    names = [f"coefficient_{i}" for i in range(12)]
    fit = minimize(lambda par: np.sum((par - np.arange(12)) ** 2), dict.fromkeys(names, 0.5))
    lines = repr(fit).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.split()[:1] == ["coefficient_11"] for line in lines) > 2


def test_html_has_the_numbers_and_escapes_names():
    with told("do not determine"):
        fit = maximize(lambda par: -((par["<b>"] - 2) ** 2), {"<b>": 0.0, "c": 1.0})
    html = fit._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "Warning: The data do not determine c" in html
    assert "Hessian" in html
    assert html.count("<table") == 2


# The lecture's schools ---------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
def test_nels_to_the_digits_that_optim_and_the_optimum_share():
    """optim stopped 4e-4 of a standard error from the optimum: 50.93914 where it is at 50.93910.

    So of the slides' digits those are tested that do not depend on where it stopped.
    """
    data = reference_data("nels")
    mll = closed_form(data["mscore"].to_numpy(), data["school"])
    fit = minimize(mll, [50, 1, 1], bounds=VARIANCES)
    slides = [50.93914, 73.70881, 23.63382]
    assert np.all(np.abs(fit.par - slides) < 5e-4 * fit.se)
    assert printed(fit.value, "46956.63")
    assert fit.value < mll(50.9391407, 73.708808, 23.6338229)
    slide = [24.35837087, 1.13128044, 0.42089960]
    np.testing.assert_allclose(np.diag(fit.hessian), slide, rtol=5e-5)
    slide = [-0.01576882, 0.04913818, 0.03026526]  # 1e-5 is what optim's differences resolve
    found = fit.hessian.to_numpy()[[0, 0, 1], [1, 2, 2]]
    np.testing.assert_allclose(found, slide, atol=1e-4)
    np.testing.assert_allclose(np.diag(fit.vcov), [0.04106388, 0.88566986, 2.38101434], rtol=1e-4)
    np.testing.assert_allclose(fit.se, [0.2026422, 0.9411003, 1.5430536], rtol=5e-5)
    limits = fit.wald(times=2)
    np.testing.assert_allclose(limits["upper"], [51.34443, 75.59101, 26.71993], atol=6e-4)
    np.testing.assert_allclose(limits["lower"], [50.53386, 71.82661, 20.54772], atol=6e-4)
    lmer = mw.lmer("mscore ~ 1 + (1 | school)", data, REML=False)
    np.testing.assert_allclose(fit.par[["tau2", "sigma2"]], lmer.varcorr()["vcov"], rtol=1e-6)


def test_the_simulated_schools_to_every_printed_digit_and_in_time():
    """12,974 students in 684 schools."""
    data = mw.load("schools")
    mll = closed_form(data["mscore"].to_numpy(), data["school"])
    began = time.perf_counter()
    fit = minimize(mll, [50, 1, 1], bounds=VARIANCES)
    assert time.perf_counter() - began < 1.0
    for found, slide in zip(fit.par, ("50.93914", "73.70881", "23.63382"), strict=True):
        assert printed(found, slide)
    assert printed(fit.value, "46956.63")
    np.testing.assert_allclose(np.diag(fit.hessian), [24.35837, 1.13128, 0.420900], rtol=5e-5)
    assert fit.counts["function"] < 1000


# Other likelihoods, against algebra --------------------------------------------------------------


def close(fit: Maximum, information, rel: float = 1e-7) -> None:
    size = np.sqrt(np.diag(information))
    gap = (fit.information.to_numpy() - information) / np.outer(size, size)
    assert np.abs(gap).max() < rel
    np.testing.assert_allclose(fit.se, np.sqrt(np.diag(np.linalg.inv(information))), rtol=10 * rel)


def binomial(theta, k, n):
    return k * np.log(theta) + (n - k) * np.log(1 - theta)


@pytest.mark.parametrize(("k", "n"), [(5, 30), (50, 300)])
@pytest.mark.parametrize("bounds", [None, (0, 1), [(0, 1)], {"theta": (0, 1)}])
def test_the_lectures_proportions(k, n, bounds):
    fit = maximize(binomial, 0.5, bounds, k=k, n=n)
    assert fit.par["theta"] == pytest.approx(1 / 6, rel=1e-9)
    assert fit.value == fit.loglik == pytest.approx(binomial(1 / 6, k, n), rel=1e-14)
    assert fit.hessian.loc["theta", "theta"] == pytest.approx(-n / (1 / 6 * 5 / 6), rel=1e-7)
    close(fit, np.array([[n / (1 / 6 * 5 / 6)]]))


def test_both_signs_agree():
    up = maximize(binomial, 0.5, k=5, n=30)
    down = minimize(lambda theta, k, n: -binomial(theta, k, n), 0.5, k=5, n=30)
    assert up.value == -down.value
    assert up.loglik == down.loglik
    assert up.par["theta"] == down.par["theta"]
    np.testing.assert_array_equal(up.hessian, -down.hessian)
    np.testing.assert_array_equal(up.vcov, down.vcov)
    np.testing.assert_array_equal(up.information, down.information)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("share", [1.0, 1e-3])
def test_scales_do_not_matter(scale, share):
    """Also not the scale of the log-likelihood, which some divide by n."""
    y = scale * (3 + np.random.default_rng(3).normal(size=200))
    n, v = len(y), y.var()

    def loglik(mu, s2):
        return share * (-0.5 * n * np.log(2 * np.pi * s2) - np.sum((y - mu) ** 2) / (2 * s2))

    fit = maximize(loglik, [y[0], 0.1 * scale**2], bounds={"s2": (0, None)})
    np.testing.assert_allclose(fit.par, [y.mean(), v], rtol=1e-8)
    close(fit, share * np.diag([n / v, n / (2 * v * v)]))


def test_gamma_without_bounds():
    x = np.random.default_rng(4).gamma(2.5, 3, 300)

    def loglik(shape, scale):
        body = (shape - 1) * np.log(x) - x / scale
        return np.sum(body) - len(x) * (gammaln(shape) + shape * np.log(scale))

    fit = maximize(loglik, {"shape": 1, "scale": 1})
    a, s = fit.par
    corner = 2 * x.sum() / s**3 - 300 * a / s**2
    close(fit, np.array([[300 * polygamma(1, a), 300 / s], [300 / s, corner]]))


def test_logistic_regression_with_years_not_centred():
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(500), rng.normal(size=500), 2000 + rng.normal(size=500)])
    z = rng.random(500) < 0.4
    fit = maximize(lambda b: z @ (X @ b) - np.logaddexp(0, X @ b).sum(), np.zeros(3))
    p = 1 / (1 + np.exp(-X @ fit.par.to_numpy()))
    assert np.abs(X.T @ (z - p)).max() < 1e-3
    close(fit, X.T * (p * (1 - p)) @ X, rel=1e-8)
    assert list(fit.par.index) == ["par1", "par2", "par3"]


def test_student_t_and_weibull_against_scipy():
    t = 2 * stats.t.rvs(3, size=400, random_state=1) + 7
    fit = maximize(lambda m, s, nu: stats.t.logpdf(t, nu, m, s).sum(), [0, 1, 10])
    df, loc, scale = stats.t.fit(t)
    np.testing.assert_allclose(fit.par, [loc, scale, df], rtol=1e-3)
    assert fit.value >= stats.t.logpdf(t, df, loc, scale).sum()
    w = stats.weibull_min.rvs(1.7, scale=50, size=80, random_state=2)
    fits = [
        maximize(lambda k, b: stats.weibull_min.logpdf(w, k, scale=b).sum(), [1, start])
        for start in (1, 1e4)
    ]
    np.testing.assert_allclose(fits[0].par, fits[1].par, rtol=1e-8)


def test_a_curved_valley_and_many_parameters():
    def rosenbrock(q):
        return np.sum(100 * (q[1:] - q[:-1] ** 2) ** 2 + (1 - q[:-1]) ** 2)

    fit = minimize(rosenbrock, [-1.2, 1, -1.2, 1, -1.2, 1])
    np.testing.assert_allclose(fit.par, 1, rtol=1e-8)
    rng = np.random.default_rng(0)
    A = rng.normal(size=(12, 12))
    A, b = A @ A.T + np.eye(12), rng.normal(size=12)
    fit = maximize(lambda q: b @ q - 0.5 * q @ A @ q, np.ones(12))
    np.testing.assert_allclose(fit.par, np.linalg.solve(A, b), atol=1e-8)
    close(fit, A)


def test_derivatives_against_scipys():
    scipy_differentiate = pytest.importorskip("scipy.differentiate", reason="scipy before 1.15")

    def f(x):
        return np.exp(x[0]) * np.sin(x[1]) + x[0] ** 3 * x[1]

    x = np.array([0.3, 0.8])
    exact = scipy_differentiate.hessian(f, x, tolerances={"rtol": 1e-10}).ddf
    found = differentiate(f, x, f(x), np.eye(2), np.full(2, 0.3), 5)
    assert found is not None
    np.testing.assert_allclose(found.hessian, exact, rtol=1e-8)
    assert np.all(np.abs(found.hessian - exact) <= found.error + 1e-8)


# How the function is called ----------------------------------------------------------------------


def quadratic(a, b):
    return -((a - 1) ** 2) - (b - 2) ** 2


def expect(fit: Maximum, names: list[str]) -> None:
    assert list(fit.par.index) == names
    np.testing.assert_allclose(sorted(fit.par), [1, 2], rtol=1e-7)


def test_one_argument_gets_all_parameters():
    expect(maximize(lambda par: quadratic(par[0], par[1]), [0, 0]), ["par1", "par2"])
    expect(maximize(lambda par: quadratic(*par), np.zeros(2)), ["par1", "par2"])
    expect(maximize(lambda par: quadratic(*par), pd.Series([0.0, 0.0])), ["par1", "par2"])


def test_one_argument_each():
    expect(maximize(quadratic, [0, 0]), ["a", "b"])
    expect(maximize(quadratic, {"b": 0, "a": 0}), ["b", "a"])
    expect(maximize(quadratic, pd.Series({"b": 0.0, "a": 0.0})), ["b", "a"])
    expect(maximize(lambda **k: quadratic(**k), {"a": 0, "b": 0}), ["a", "b"])
    expect(maximize(lambda *p: quadratic(*p), [0, 0]), ["par1", "par2"])
    expect(maximize(lambda a, *, b: quadratic(a, b), {"a": 0, "b": 0}), ["a", "b"])


@pytest.mark.parametrize(
    "function",
    [
        lambda par: quadratic(par["a"], par["b"]),
        lambda par: quadratic(par.a, par.b),
        lambda par: quadratic(par[0], par[1]),
        lambda par: quadratic(*par),
        lambda par: quadratic(**par),
        lambda par: -np.sum((par - np.array([1, 2])) ** 2),
        lambda par, power=2: -np.sum((par - [1, 2]) ** power),
    ],
)
def test_one_argument_answers_to_names(function):
    expect(maximize(function, {"a": 0, "b": 0}), ["a", "b"])


def test_a_name_that_is_no_parameter_is_told():
    with pytest.raises(mw.ModelError, match="'c' is none of"):
        maximize(lambda par: par["c"], {"a": 0, "b": 0})
    with pytest.raises(mw.ModelError, match="'c' is none of the parameters a, b"):
        maximize(lambda par: par.c, {"a": 0, "b": 0})


def test_numbers_of_any_kind_are_returned():
    for wrap in (float, np.float32, np.array, lambda v: np.array([[v]]), lambda v: pd.Series([v])):
        fit = maximize(lambda x, wrap=wrap: wrap(-((x - 3.0) ** 2)), 1)
        assert fit.par["x"] == pytest.approx(3.0, rel=1e-2 if wrap is np.float32 else 1e-8)


def test_partial_functions_methods_and_objects():
    class Model:
        def __init__(self, y):
            self.y = y

        def loglik(self, par, bounds=0):
            return -np.sum((self.y - par[0]) ** 2) - (par[1] - bounds) ** 2

        __call__ = loglik

    model = Model(Y)
    for function in (partial(model.loglik, bounds=3), model.loglik, model):
        fit = maximize(function, [1, 1])
        assert fit.par.iloc[0] == pytest.approx(Y.mean(), rel=1e-8)


def test_a_function_without_a_signature():
    with told("."):
        fit = minimize(np.frompyfunc(abs, 1, 1), 3.0)
    assert fit.par.iloc[0] == pytest.approx(0.0, abs=1e-6)


# What is not well --------------------------------------------------------------------------------


def test_a_variance_at_zero_is_told():
    data = mw.load("dyestuff2")
    start = {"mu": 1, "sigma2": 1, "tau2": 1}
    bounds = {"sigma2": (0, None), "tau2": (0, None)}
    with told("Parameter tau2 is on its lower bound 0"):
        fit = minimize(mll_oneway, start, bounds, y=data["Yield"], groups=data["Batch"])
    y = data["Yield"].to_numpy()
    np.testing.assert_allclose(fit.par, [y.mean(), y.var(), 0.0], rtol=1e-8)
    assert fit.convergence == 0
    assert "on a bound" in fit.message
    n, v = len(y), y.var()
    others = ["mu", "sigma2"]
    expected = np.diag([n / v, n / (2 * v * v)])
    np.testing.assert_allclose(fit.hessian.loc[others, others], expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(fit.se[others], np.diag(expected) ** -0.5, rtol=1e-7)
    assert np.isnan(fit.se["tau2"])
    assert fit.hessian["tau2"].isna().all()
    assert "Warning: Parameter tau2" in repr(fit)
    interval = fit.likelihood_interval()
    lmer = mw.lmer("Yield ~ 1 + (1 | Batch)", data, REML=False).confint(method="profile")
    assert interval.loc["tau2", "lower"] == 0.0
    assert interval.loc["tau2", "note"] == "lower: the estimate is on the bound"
    upper = lmer.loc["sd_(Intercept)|Batch"].iloc[1] ** 2
    assert interval.loc["tau2", "upper"] == pytest.approx(upper, rel=1e-6)
    found = interval.loc["sigma2", ["lower", "upper"]].astype(float)
    np.testing.assert_allclose(found, lmer.loc["sigma"] ** 2, rtol=1e-6)


def test_every_parameter_on_a_bound():
    with told("on its upper bound 1"):
        fit = maximize(quadratic, [0, 0], bounds=[(-1, 0.5), (-1, 1)])
    np.testing.assert_array_equal(fit.par, [0.5, 1.0])
    assert fit.message == "converged: on a bound"
    assert fit.hessian.isna().all(axis=None)


def test_a_start_on_a_bound_leaves_it():
    fit = maximize(quadratic, [0, 0], bounds=[(0, None), (0, 5)])
    np.testing.assert_allclose(fit.par, [1, 2], rtol=1e-8)
    assert fit.warnings == ()


def test_a_sum_that_alone_is_determined():
    with told("do not determine a, b"):
        fit = maximize(lambda a, b, c: -np.sum((Y - a - b) ** 2) / 2 - c * c, [1, 2, 3])
    assert fit.par["a"] + fit.par["b"] == pytest.approx(Y.mean())
    assert list(fit.se.isna()) == [True, True, False]
    assert fit.se["c"] == pytest.approx(np.sqrt(0.5), rel=1e-6)
    assert "not positive definite" in fit.warnings[0]


def test_separation_is_told():
    x = np.arange(10.0)
    z = x > 4.5
    with told("do not determine a, b"):
        maximize(lambda a, b: np.sum(z * (a + b * x) - np.logaddexp(0, a + b * x)), [0, 0])


def test_a_direction_upwards_is_told():
    saddle = Derivatives(np.zeros(2), np.diag([1.0, -1.0]), np.zeros((2, 2)), np.ones(2))
    at = np.zeros(2)
    bottom = Bottom(at, 0.0, "sloped", np.zeros(2, dtype=bool), np.eye(2), saddle, 1.0)
    saddle_of = UserFunction(lambda x: 0.5 * (x[0] ** 2 - x[1] ** 2), at, {}, 1.0, 100)
    shape = curvature(bottom, Problem(saddle_of, at - np.inf, at + np.inf))
    assert shape.falling == ((1,),)
    assert shape.vcov[0, 0] == 1.0
    assert np.isnan(shape.vcov[1, 1])


def test_the_end_of_the_support():
    u = np.random.default_rng(0).uniform(0, 3, 50)
    with told("jumps, or is not defined on all sides"):
        fit = maximize(lambda top: -50 * np.log(top) if top >= u.max() else -np.inf, 5.0)
    assert fit.par["top"] == pytest.approx(u.max(), rel=1e-9)
    assert fit.convergence == 3
    assert np.isnan(fit.se["top"])
    interval = fit.likelihood_interval("top")
    assert interval.loc["top", "lower"] == pytest.approx(u.max(), rel=1e-9)
    upper = u.max() * np.exp(0.5 * stats.chi2.ppf(0.95, 1) / 50)
    assert interval.loc["top", "upper"] == pytest.approx(upper, rel=1e-6)


def test_a_kink():
    y = np.random.default_rng(1).laplace(size=51)
    with told("has a kink or a jump"):
        fit = maximize(lambda mu, b: -np.sum(np.abs(y - mu)) / b - 51 * np.log(b), [5, 1])
    assert fit.par["mu"] == pytest.approx(np.median(y), abs=1e-6)
    assert fit.par["b"] == pytest.approx(np.mean(np.abs(y - np.median(y))), rel=1e-6)
    assert fit.hessian.isna().all(axis=None)


def test_no_maximum():
    with told("grows without bound along a from 1"):
        maximize(lambda a, b: a * a - b * b, [1, 1])
    one = Y[:1]
    with told("went towards its lower bound 0"):
        maximize(
            lambda m, s: -np.sum((one - m) ** 2) / (2 * s * s) - np.log(s),
            [1, 1],
            bounds={"s": (0, None)},
        )


def test_nought_of_thirty():
    """0 log 0 is NaN unless the function says otherwise."""
    with told("0 log 0 is 0"):
        maximize(binomial, 0.5, (0, 1), k=0, n=30)
    with told("on its lower bound 0"):
        fit = maximize(lambda theta: 30 * np.log1p(-theta), 0.5, (0, 1))
    assert fit.par["theta"] == 0.0
    upper = -np.expm1(-0.5 * stats.chi2.ppf(0.95, 1) / 30)
    assert fit.likelihood_interval().loc["theta", "upper"] == pytest.approx(upper, rel=1e-8)


def two_hills(x):
    return -(x**4) + 8 * x**2 + x


def test_starts_that_disagree_are_told():
    with told("starts ended elsewhere"):
        fit = maximize(two_hills, -1.0, starts=5)
    assert fit.par["x"] == pytest.approx(2.0305, abs=1e-4)
    assert fit.starts.shape == (5, 2)
    assert fit.starts["value"].max() == fit.value
    with told("1 of 2 starts"):
        given = maximize(two_hills, -1.0, starts=[2.0])
    assert given.par["x"] == pytest.approx(fit.par["x"], rel=1e-9)
    named = maximize(quadratic, {"a": 0, "b": 0}, starts=[{"b": 3, "a": -3}, [9, 9]])
    assert len(named.starts) == 3
    assert named.warnings == ()


def test_scattered_starts_are_the_same_each_time_and_within_bounds():
    seen: list[float] = []

    def loglik(a, b):
        seen.append(a)
        assert a >= 0
        assert 0 <= b <= 3
        return quadratic(a, b)

    runs = [maximize(loglik, [0.5, 1], [(0, None), (0, 3)], starts=6) for _ in range(2)]
    pd.testing.assert_frame_equal(runs[0].starts, runs[1].starts)
    assert runs[0].counts == runs[1].counts
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]


def test_too_many_calls():
    with told("stopped after 20 calls"):
        fit = maximize(quadratic, [50, 50], most=20)
    assert fit.convergence == 1
    assert fit.counts["function"] == 20
    assert np.isfinite(fit.value)
    assert fit.se.isna().all()


def test_a_noisy_function_still_has_standard_errors():
    """As an integral known to 1e-9 would give."""

    def loglik(a, b):
        return -50 * ((a - 1) ** 2 + (b - 2) ** 2 + a * b / 5) + 1e-9 * math.sin(1e9 * (a + b))

    fit = maximize(loglik, [0, 0])
    np.testing.assert_allclose(fit.information, [[100, 10], [10, 100]], rtol=1e-4)
    assert fit.convergence == 0


def test_a_rounded_function_is_not_called_converged():
    with told("No step improves the value"):
        fit = maximize(lambda x: round(-((x - 1) ** 2), 2), 3.0)
    assert fit.convergence == 2
    assert "not converged" in fit.message
    with told("jumps, or is not defined"):
        fit = maximize(lambda x: -math.floor(10 * abs(x - 1)), 3.0)
    assert fit.convergence == 3


# Intervals ---------------------------------------------------------------------------------------


def test_wald_levels():
    fit = maximize(binomial, 0.5, k=5, n=30)
    table = fit.wald(0.9)
    assert list(table.columns) == ["estimate", "se", "lower", "upper"]
    half = stats.norm.ppf(0.95) * np.sqrt(5 / 36 / 30)
    assert table.loc["theta", "upper"] - table.loc["theta", "estimate"] == pytest.approx(half)


def test_likelihood_interval_of_a_proportion():
    fit = maximize(binomial, 0.5, k=5, n=30)
    row = fit.likelihood_interval("theta", 0.95).loc["theta"]
    for end in ("lower", "upper"):
        drop = 2 * (fit.value - binomial(row[end], 5, 30))
        assert drop == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-8)
    assert row["note"] == ""


def test_likelihood_intervals_are_the_profiles_of_the_mixed_model(wheat):
    table = wheat.likelihood_interval()
    data = mw.load("wheat")
    limits = mw.lmer("yield ~ 1 + (1 | region)", data, REML=False).confint(method="profile")
    np.testing.assert_allclose(
        table.loc["par1", ["lower", "upper"]].astype(float), limits.loc["(Intercept)"], rtol=1e-7
    )
    for name, sd in {"par2": "sigma", "par3": "sd_(Intercept)|region"}.items():
        found = table.loc[name, ["lower", "upper"]].astype(float)
        np.testing.assert_allclose(found, limits.loc[sd] ** 2, rtol=1e-6, atol=1e-12)
    assert table.loc["par3", "lower"] == 0.0
    assert table.loc["par3", "note"] == "lower: the bound is within the interval"


def test_a_limit_that_does_not_exist_is_infinite_and_says_why():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MixedWidgetsWarning)
        fit = maximize(lambda x: -1 / (1 + np.exp(-x)), 0.0)
    row = fit.likelihood_interval("x").loc["x"]
    assert row["upper"] == np.inf
    assert "upper: the likelihood never falls" in row["note"]


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: maximize(3.0, [1]), "3.0 is not a function"),
        (lambda: maximize(quadratic, ["a", "b"]), "give one finite number for each parameter"),
        (lambda: maximize(quadratic, [1, np.nan]), "give one finite number for each parameter"),
        (lambda: maximize(quadratic, [[1, 2]]), "give one finite number for each parameter"),
        (lambda: maximize(quadratic, []), "give one finite number for each parameter"),
        (lambda: maximize(quadratic, None), "start is None"),
        (lambda: maximize(quadratic, pd.Series([1, 2], ["a", "a"])), "names a parameter twice"),
        (lambda: maximize(quadratic, [1, 2, 3]), "takes a, b and start has 3 numbers"),
        (lambda: maximize(quadratic, {"a": 1, "c": 2}), "takes a, b and start names a, c"),
        (lambda: maximize(quadratic, {"a": 1}), "needs b besides the parameters"),
        (lambda: maximize(lambda: 1.0, [1]), "takes no argument for the parameters"),
        (lambda: maximize(lambda p, *, y: 1.0, [1, 2]), "needs y besides the parameters"),
        (lambda: maximize(binomial, 0.5, k=1, nn=3), r"no argument nn \(did you mean 'n'\?\)"),
        (lambda: maximize(lambda p: p, [1, 2]), r"returns 2 numbers of shape \(2,\) at par1 = 1"),
        (lambda: maximize(lambda p: None, [1]), "returns None at par1 = 1; end it with return"),
        (lambda: maximize(lambda p: "x", [1]), "returns 'x' at par1 = 1; it must return one real"),
        (lambda: maximize(lambda p: 1j, [1]), "it must return one real"),
        (lambda: maximize(lambda p: {}, [1]), "it must return one real"),
        (lambda: maximize(lambda p: np.nan, [1]), "nan at the start par1 = 1"),
        (lambda: maximize(binomial, 2.0, k=5, n=30), "nan at the start theta = 2"),
        (lambda: maximize(lambda p: -np.inf, [1]), "-inf at the start par1 = 1"),
        (lambda: maximize(quadratic, [1, 2], bounds=[(0, 1)]), "give one pair"),
        (lambda: maximize(quadratic, [1, 2], bounds=3), "give one pair"),
        (lambda: maximize(quadratic, [1, 2], bounds=[(0, 5), (3, 1)]), r"bounds of b are \(3, 1\)"),
        (lambda: maximize(quadratic, [1, 2], bounds=[(0, 5), ("x", 1)]), "bounds of b are"),
        (lambda: maximize(quadratic, [1, 2], bounds=[(0, 5), 7]), "bounds of b are 7"),
        (lambda: maximize(quadratic, [1, 2], bounds={"aa": (0, 1)}), "bounds names 'aa'"),
        (lambda: maximize(quadratic, [1, 9], bounds={"b": (0, 5)}), "b = 9, outside its bounds"),
        (lambda: maximize(quadratic, [1, 2], starts=0), "starts is 0"),
        (lambda: maximize(quadratic, [1, 2], starts=[[1]]), "one number for each of a, b"),
        (lambda: maximize(quadratic, [1, 2], starts=[{"a": 1, "c": 2}]), "each of a, b"),
        (
            lambda: maximize(quadratic, [1, 2], [(0, 3), None], starts=[[4, 1]]),
            "outside the bounds",
        ),
        (lambda: maximize(quadratic, [1, 2], most=0.5), "most is 0.5"),
        (lambda: maximize(quadratic, [1, 2]).wald(95), "level is 95"),
        (lambda: maximize(quadratic, [1, 2]).likelihood_interval("aa"), "'aa' is no parameter"),
        (lambda: maximize(quadratic, [1, 2]).likelihood_interval(level="x"), "level is 'x'"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(mw.MixedWidgetsError, match=said) as caught:
        call()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_an_error_in_the_function_says_where_and_keeps_its_cause():
    def loglik(mu, sigma):
        return -float(f"{math.log(sigma)}" if sigma > 0.5 else "small")

    said = r"loglik fails at mu = .*, sigma = -?\d.* with ValueError: .*; mend it"
    with pytest.raises(mw.ModelError, match=said) as caught:
        maximize(loglik, [0, 1])
    assert isinstance(caught.value.__cause__, ValueError)

    def broken(par, y):
        return y[10**6]

    with pytest.raises(mw.ModelError, match="broken fails at par1 = 1, par2 = 2 with IndexError"):
        maximize(broken, [1, 2], y=Y)


def test_errors_on_a_bound_itself_count_as_outside():
    """math.log(0) on the bound; a mistake of another kind is not hidden there."""
    fit = maximize(lambda t: 5 * math.log(t) + 25 * math.log(1 - t), 0.5, bounds=(0, 1))
    assert fit.par["t"] == pytest.approx(1 / 6, rel=1e-9)

    def mistaken(t):
        if t == 1.0:
            raise TypeError("no")
        return t

    with pytest.raises(mw.ModelError, match="fails at t = 1 with TypeError"):
        maximize(mistaken, 0.5, bounds=(0, 1))


def test_keyboard_interrupts_pass():
    def loglik(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maximize(loglik, 1.0)


def test_the_examples_in_the_docstrings():
    results = doctest.testmod(sys.modules["mixedwidgets.likelihood.maximize"])
    assert results.attempted >= 8
    assert results.failed == 0


def test_arguments_of_intervals_that_are_none():
    fit = mw.maximize(lambda x: -((x - 1.0) ** 2), 0.0)
    for times in ("a", -1, float("inf")):
        with pytest.raises(mw.ModelError, match="give a number of standard errors above 0"):
            fit.wald(times=times)
    with pytest.raises(mw.ModelError, match="'3' is no parameter"):
        fit.likelihood_interval(3)


def test_the_wrong_sign_is_told_first():
    wheat = mw.load("wheat")
    data = {"y": wheat["yield"], "groups": wheat["region"]}
    bounds = {"sigma2": (0, None), "tau2": (0, None)}
    with told("mll_oneway grows without bound along mu .* minus a log-likelihood. Then use mw.min"):
        fit = maximize(mll_oneway, {"mu": 15, "sigma2": 1, "tau2": 1}, bounds=bounds, **data)
    assert len(fit.warnings) == 1
    assert fit.message == "not converged: the function grows without bound"

    def loglik(mu, s):
        return -3.0 * np.log(s) - 0.5 * np.sum((np.array([1.0, 2, 4]) - mu) ** 2) / s**2

    with told("loglik falls without bound along .*is this a log-likelihood. Then use mw.maximize"):
        fit = minimize(loglik, [0.0, 1.0], bounds=[None, (0, None)])
    assert len(fit.warnings) == 1


@pytest.mark.parametrize("function", [lambda a: a, lambda a: 1e-3 * a, np.log])
def test_a_function_without_bound(function):
    with told("grows without bound along a from 1 to"):
        maximize(lambda a: function(a), 1.0)


def test_a_hessian_that_is_zero_at_the_maximum():
    with told("The Hessian is zero at the optimum in a"):
        fit = maximize(lambda a, b: -((a - 3) ** 4) - (b - 1) ** 2, [0, 0])
    assert np.isnan(fit.se["a"])
    assert fit.se["b"] == pytest.approx(0.5**0.5)


def test_domain_errors_of_math_count_as_no_value():
    def loglik(theta):
        return 5 * math.log(theta) + 25 * math.log(1 - theta)

    assert maximize(loglik, 0.95).par["theta"] == pytest.approx(1 / 6)
    assert maximize(lambda t: -1 / t - t if t > 0 else 1 / 0, 9.0).par["t"] == pytest.approx(1)
    with pytest.raises(mw.ModelError, match="loglik fails at theta = -1 with ValueError: math do"):
        maximize(loglik, -1.0)


def test_messages_on_other_starts_and_on_data_forgotten():
    with pytest.raises(mw.DataError, match="starts is 'x'"):
        maximize(lambda a: -(a**2), [1.0], starts="x")

    def loglik(par, y):
        return -np.sum((y - par[0]) ** 2)

    with pytest.raises(mw.ModelError, match="if y is data, pass it by name, as in y="):
        maximize(loglik, [0.0])


def test_wald_says_why_there_is_no_limit():
    with told("on its lower bound 0"):
        fit = maximize(lambda a, b: -((a + 1) ** 2) - b**2, [1, 1], bounds={"a": (0, None)})
    table = fit.wald()
    assert table.loc["a", "note"].startswith("on its lower bound: no standard error")
    assert table.loc["b", "note"] == ""
    assert "Estimates" in fit._repr_html_()
    assert "note" not in maximize(lambda a: -(a**2), 1.0).wald()
    with pytest.raises(mw.ModelError, match=r"names is 0.9; a level goes by its name, as in level"):
        fit.likelihood_interval(0.9)

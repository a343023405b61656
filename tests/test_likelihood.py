import numpy as np
import pytest
from scipy.stats import multivariate_normal

import mixedwidgets as mw
from mixedwidgets.likelihood import mll_oneway, oneway_moments

WHEAT = mw.load("wheat")


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
def test_the_lectures_five_values(parameters: tuple[float, float, float], printed: str) -> None:
    decimals = len(printed.split(".")[1])
    value = mll_oneway(*parameters, WHEAT["yield"], WHEAT["region"])
    assert f"{value:.{decimals}f}" == printed


def test_unequal_groups_against_the_multivariate_normal() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b", "c"], [1, 4, 7])
    y = rng.normal(size=12) + 1e3
    mu, sigma2, tau2 = 1e3, 0.7, 0.4
    expected = 0.0
    for label in "abc":
        own = y[groups == label]
        cov = sigma2 * np.eye(len(own)) + tau2
        expected -= multivariate_normal.logpdf(own, np.full(len(own), mu), cov)
    assert mll_oneway(mu, sigma2, tau2, y, groups) == pytest.approx(expected, rel=1e-12)


def test_parameters_broadcast() -> None:
    tau2 = np.array([0.0, 0.2, 0.3])
    grid = mll_oneway(16.3, np.array([[1.5], [2.0]]), tau2, WHEAT["yield"], WHEAT["region"])
    assert grid.shape == (2, 3)
    one = mll_oneway(16.3, 2.0, 0.3, WHEAT["yield"], WHEAT["region"])
    assert grid[1, 2] == pytest.approx(one, rel=1e-15)


def test_it_is_the_likelihood_that_lmer_maximises() -> None:
    fit = mw.lmer("yield ~ 1 + (1 | region)", WHEAT, REML=False)
    tau2 = float(fit.varcorr()["vcov"][0])
    value = mll_oneway(fit.fixef.iloc[0], fit.sigma**2, tau2, WHEAT["yield"], WHEAT["region"])
    assert value == pytest.approx(-fit.loglik, rel=1e-13)


def test_moments_of_the_wheat() -> None:
    found = oneway_moments(WHEAT["yield"], WHEAT["region"])
    assert f"{found.mse:.6f}" == "1.787206"
    assert f"{found.tau2:.7f}" == "0.3840768"
    assert f"{found.mu:.4f}" == "16.3064"


def test_moments_of_unequal_groups_are_unbiased() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), rng.integers(1, 9, 40))
    estimates = [
        oneway_moments(rng.normal(0, 2.0, 40)[groups] + rng.normal(0, 3.0, len(groups)), groups)
        for _ in range(400)
    ]
    assert np.mean([e.tau2 for e in estimates]) == pytest.approx(4.0, abs=0.25)
    assert np.mean([e.sigma2 for e in estimates]) == pytest.approx(9.0, abs=0.25)


@pytest.mark.parametrize(
    ("y", "groups", "error"),
    [
        ([1.0, 2.0], ["a"], mw.DataError),
        ([1.0, np.nan], ["a", "b"], mw.DataError),
        (["x", "y"], ["a", "b"], mw.DataError),
        ([1.0, 2.0], ["a", "b"], mw.ModelError),
        ([1.0, 2.0], ["a", "a"], mw.ModelError),
    ],
)
def test_bad_input_gets_a_sentence(y: list[object], groups: list[str], error: type) -> None:
    with pytest.raises(error, match=r"\.$"):
        oneway_moments(y, groups)


def test_impossible_variances_are_refused() -> None:
    with pytest.raises(mw.ModelError, match="sigma2 must be above 0"):
        mll_oneway(0.0, 0.0, 1.0, [1.0, 2.0], ["a", "a"])

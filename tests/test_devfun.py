"""The criterion as a function of theta: against lme4, finite differences and the fit itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

import mixedwidgets as mw


def weighted_sleep():
    data = mw.load("sleepstudy")
    return data.assign(w=1 + data["Days"] % 3)


MODELS = {
    "sleep": ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    "apart": ("Reaction ~ Days + (Days || Subject)", "sleepstudy"),
    "nested": ("strength ~ 1 + (1 | batch/cask)", "pastes"),
    "crossed": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"),
    "cake": ("angle ~ recipe * temp + (temp | recipe:replicate) + (1 | replicate)", "cake"),
    "weighted": ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
}


def devfun(name: str, reml: bool) -> mw.Devfun:
    formula, data = MODELS[name]
    if name == "weighted":
        return mw.lmer(formula, weighted_sleep(), REML=reml, weights="w", devfun_only=True)
    return mw.lmer(formula, mw.load(data), REML=reml, devfun_only=True)


# lmer(..., devFunOnly = TRUE) of lme4 1.1-31 (R 4.2.2), evaluated at these theta.
LME4 = [
    ("sleep", True, [1, 0, 1], 1773.680330616000),
    ("sleep", True, [0.9, 0.02, 0.2], 1744.087842331715),
    ("sleep", True, [2, -0.5, 0], 1902.073276833306),
    ("sleep", False, [1, 0, 1], 1784.642296192447),
    ("sleep", False, [0.9, 0.02, 0.2], 1752.184452327464),
    ("sleep", False, [2, -0.5, 0], 1911.306919582520),
    ("apart", True, [1, 1], 1773.680330616000),
    ("apart", True, [0.5, 0.1], 1767.946068955033),
    ("apart", False, [1, 1], 1784.642296192447),
    ("apart", False, [0.5, 0.1], 1774.885823092331),
    ("nested", True, [1, 1], 273.880184186162),
    ("nested", True, [3.5, 1.3], 247.051420134821),
    ("nested", True, [0, 2], 310.571532961067),
    ("nested", False, [1, 1], 274.839697655761),
    ("nested", False, [3.5, 1.3], 247.997071128861),
    ("nested", False, [0, 2], 313.391150785324),
    ("crossed", True, [1, 1], 365.073413956823),
    ("crossed", True, [1.5, 3.5], 330.883568938134),
    ("crossed", False, [1, 1], 364.626779816610),
    ("crossed", False, [1.5, 3.5], 332.292153155771),
    ("cake", True, [1, 0, 0.1, 1], 1873.728687942567),
    ("cake", True, [0.5, -0.01, 0.02, 1.5], 1752.756420452995),
    ("cake", False, [1, 0, 0.1, 1], 1881.331531560805),
    ("cake", False, [0.5, -0.01, 0.02, 1.5], 1751.508941933559),
    ("weighted", True, [1, 0, 1], 1768.898421755345),
    ("weighted", True, [0.9, 0.02, 0.2], 1734.223684189456),
    ("weighted", False, [1, 0, 1], 1780.566167764054),
    ("weighted", False, [0.9, 0.02, 0.2], 1742.890907584520),
]


@pytest.mark.parametrize(("name", "reml", "theta", "expected"), LME4)
def test_the_criterion_is_lme4s(name, reml, theta, expected):
    assert devfun(name, reml)(theta) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_derivatives_against_finite_differences(name, reml):
    criterion = devfun(name, reml)
    theta = criterion.start * 1.1 + 0.01
    steps = 1e-4 * np.maximum(np.abs(theta), 0.01) * np.eye(len(theta))
    sizes = np.diag(steps)
    slopes = [(criterion(theta + s) - criterion(theta - s)) for s in steps] / (2.0 * sizes)
    np.testing.assert_allclose(criterion.gradient(theta), slopes, rtol=1e-5, atol=1e-4)
    rows = [(criterion.gradient(theta + s) - criterion.gradient(theta - s)) for s in steps]
    hessian = criterion.hessian(theta)
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(hessian, np.array(rows) / (2 * sizes[:, None]), atol=1e-5 * scale)
    np.testing.assert_array_equal(hessian, hessian.T)


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_criterion_of_the_fit(name):
    formula, data = MODELS[name]
    if name == "weighted":
        fit = mw.lmer(formula, weighted_sleep(), weights="w")
    else:
        fit = mw.lmer(formula, mw.load(data))
    criterion = devfun(name, True)
    assert criterion.names == tuple(fit.theta.index)
    assert criterion(fit.theta) == pytest.approx(fit.criterion, rel=1e-12)
    free = fit.theta.to_numpy() > 0.0
    assert np.abs(criterion.gradient(fit.theta)[free]).max() < 1e-4


def test_names_start_and_bounds():
    criterion = devfun("sleep", True)
    assert criterion.names == (
        "Subject.(Intercept)",
        "Subject.Days.(Intercept)",
        "Subject.Days",
    )
    assert criterion.lower.tolist() == [0.0, -np.inf, 0.0]
    assert criterion.reml is True
    assert devfun("cake", False).lower.tolist() == [0.0, -np.inf, 0.0, 0.0]
    data = mw.load("sleepstudy")
    fit = mw.lmer(MODELS["sleep"][0], data)
    np.testing.assert_allclose(criterion.start, fit.trace.iloc[0, :3])
    given = mw.lmer(MODELS["sleep"][0], data, start=[1, 0, 1], devfun_only=True)
    assert given.start.tolist() == [1.0, 0.0, 1.0]
    assert "REML criterion" in repr(criterion)
    assert "log-likelihood" in repr(devfun("sleep", False))
    assert "Subject.Days" in repr(criterion)


def test_signs_of_columns_do_not_matter():
    criterion = devfun("sleep", True)
    assert criterion([-1.0, 0.2, -0.3]) == pytest.approx(criterion([1.0, -0.2, 0.3]), rel=1e-13)


def test_an_optimiser_of_ones_own():
    """As the exercise goes: minimise what lme4 minimises."""
    criterion = devfun("sleep", True)
    found = minimize(criterion, criterion.start, jac=criterion.gradient, method="BFGS")
    assert found.fun == pytest.approx(1743.62827195999, rel=1e-9)


def test_asking_twice_changes_nothing():
    criterion = devfun("crossed", True)
    theta = np.array([1.5, 3.5])
    first = criterion(theta), criterion.gradient(theta).copy(), criterion.hessian(theta)
    first[2][:] = 0.0
    criterion([0.1, 0.1])
    assert criterion(theta) == first[0]
    np.testing.assert_array_equal(criterion.gradient(theta), first[1])
    assert criterion.hessian(theta).any()
    assert theta.tolist() == [1.5, 3.5]


def test_too_large_to_be_told_is_infinite():
    criterion = devfun("sleep", True)
    assert criterion([1e200, 0.0, 1.0]) == np.inf
    assert not criterion.gradient([1e200, 0.0, 1.0]).any()


@pytest.mark.parametrize("theta", [[1.0], [1, 2, np.nan], ["a", "b", "c"], None, np.ones((2, 2))])
def test_what_is_no_theta(theta):
    criterion = devfun("sleep", True)
    for ask in (criterion, criterion.gradient, criterion.hessian):
        with pytest.raises(mw.ModelError, match="give 3 finite numbers, one each for Subject"):
            ask(theta)

"""Refits to other responses, by maximum likelihood, and updates: the same as a fit made anew."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import DataError, FormulaError, MixedWidgetsWarning, ModelError
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.lmer import fit_design
from mixedwidgets.lmm.memory import KEPT
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.refit import Responses
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models
from tests.test_deviance import frame
from tests.test_predict import MODELS, crossed


def same(found: mw.Fit, expected: mw.Fit, rtol: float = 1e-9) -> None:
    """Compare the answers of two fits of one model."""
    assert found.formula == expected.formula
    assert found.reml == expected.reml
    assert found.criterion == pytest.approx(expected.criterion, rel=1e-11)
    scale = np.abs(expected.theta).max()
    np.testing.assert_allclose(found.theta, expected.theta, atol=1e-6 * scale, rtol=1e-6)
    assert found.sigma == pytest.approx(expected.sigma, rel=rtol * 10)
    pd.testing.assert_series_equal(found.fixef, expected.fixef, rtol=1e-7, atol=1e-10)
    pd.testing.assert_series_equal(found.se, expected.se, rtol=1e-7)
    pd.testing.assert_series_equal(found.fitted(), expected.fitted(), rtol=1e-7, atol=1e-9)
    assert found.ngroups.equals(expected.ngroups)


def identical(found: mw.Fit, expected: mw.Fit) -> None:
    """That it made no difference what was remembered, to the last bit."""
    for f in fields(Design):
        a, b = getattr(found.design, f.name), getattr(expected.design, f.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=f.name)
        elif f.name in ("index",):
            assert a.equals(b)
    for a, b in zip(found.design.blocks, expected.design.blocks, strict=True):
        assert a.names == b.names
        np.testing.assert_array_equal(a.columns, b.columns)
    for a, b in zip(found.design.groupings, expected.design.groupings, strict=True):
        assert a.name == b.name
        np.testing.assert_array_equal(a.codes, b.codes)
        assert a.levels.equals(b.levels)
    assert repr(found.summary()) == repr(expected.summary())
    pd.testing.assert_series_equal(found.theta, expected.theta, rtol=0, atol=0)
    pd.testing.assert_series_equal(found.fixef, expected.fixef, rtol=0, atol=0)
    pd.testing.assert_series_equal(found.se, expected.se, rtol=0, atol=0)
    assert (found.criterion, found.sigma) == (expected.criterion, expected.sigma)


# refit(y)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "no fixed effects"])
def test_another_response(name, reml):
    formula, data, options = MODELS[name]
    fit = mw.lmer(formula, data, REML=reml, **options)
    sims = fit.simulate(3, seed=7)
    for column in sims:
        found = fit.refit(sims[column])
        same(found, mw.lmer(formula, data.assign(y=sims[column]), REML=reml, **options))


@pytest.mark.parametrize("name", MODELS)
def test_cross_products_of_another_response(name):
    formula, data, options = MODELS[name]
    fit = mw.lmer(formula, data, **options)
    y = np.random.default_rng(2).normal(1e6, 1.0, fit.nobs)
    design, found = Responses.of(fit.design, fit.estimate.moments).moments_of(y)
    expected = moments(design)
    for name in ("R", "C", "within", "ols", "origin", "rest2x"):
        if hasattr(expected, name):
            a, b = getattr(found, name), getattr(expected, name)
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("residual", [1e-2, 1e-4, 1e-6])
def test_nested_factors_far_above_the_residual(residual):
    """The analysis of variance of a balanced design, whose estimates are those of REML."""
    schools, classes, n = 12, 5, 8
    rng = np.random.default_rng(3)
    school = np.repeat(np.arange(schools), classes * n)
    group = np.repeat(np.arange(schools * classes), n)
    y = 3.0 + rng.normal(size=schools)[school] + rng.normal(size=schools * classes)[group]
    data = pd.DataFrame({"y": y, "school": school, "group": group})
    responses = [y + residual * rng.normal(size=len(y)) for _ in range(2)]
    data["y"] = responses[0]
    fit = mw.lmer("y ~ 1 + (1 | school) + (1 | group)", data)
    for found, y in ((fit, responses[0]), (fit.refit(responses[1]), responses[1])):
        cells = y.reshape(schools, classes, n)
        means = cells.mean(axis=2)
        tops = means.mean(axis=1)
        error = np.sum((cells - means[:, :, None]) ** 2) / (schools * classes * (n - 1))
        middle = n * np.sum((means - tops[:, None]) ** 2) / (schools * (classes - 1))
        upper = n * classes * np.sum((tops - tops.mean()) ** 2) / (schools - 1)
        expected = [(middle - error) / n, (upper - middle) / (n * classes), error]
        assert found.converged
        assert found.varcorr()["vcov"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_the_own_response_gives_the_same_fit():
    for formula, data, options in MODELS.values():
        fit = mw.lmer(formula, data, **options)
        again = fit.refit(data["y"])
        same(again, fit)
        same(again.refit(fit.design.y), fit)


def test_order_and_labels_of_a_response():
    data = frame().rename(index=lambda i: f"row {i}")
    data.loc["row 3", "x"] = np.nan
    fit = mw.lmer("y ~ x + (x | g)", data)
    y = data["y"] ** 2
    expected = mw.lmer("y ~ x + (x | g)", data.assign(y=y))
    same(fit.refit(y), expected)  # all rows of the data, by label
    same(fit.refit(y.sample(frac=1.0, random_state=1)), expected)
    same(fit.refit(y.drop("row 3")), expected)
    same(fit.refit(y.to_numpy()), expected)  # all rows of the data, by place
    same(fit.refit(y.drop("row 3").to_list()), expected)
    same(fit.refit(y.to_frame()), expected)
    same(fit.refit(y.where(y.index != "row 3")), expected)  # missing where the fit has no row
    twice = data.set_index(pd.Index([1] * len(data)))
    by_place = mw.lmer("y ~ x + (x | g)", twice)
    same(by_place.refit(twice["y"] ** 2), mw.lmer("y ~ x + (x | g)", twice.assign(y=y.to_numpy())))
    exclude = mw.lmer("y ~ x + (x | g)", data, na_action="exclude")
    sims = exclude.simulate(1, seed=2)["sim_1"]
    assert sims.isna().sum() == 1
    same(
        exclude.refit(sims),
        mw.lmer("y ~ x + (x | g)", data.assign(y=sims), na_action="exclude"),
    )


def test_responses_that_are_refused():
    data = frame()
    data.loc[5, "x"] = np.nan
    fit = mw.lmer("y ~ x + (x | g)", data)
    n = len(data)
    y = data["y"]
    with pytest.raises(DataError, match=rf"has 7 values; give {n - 1}, .*or {n} for the rows of"):
        fit.refit(y.to_numpy()[:7])
    with pytest.raises(DataError, match=r"missing in 2 of the .* rows .* first in row 8; fit the"):
        fit.refit(y.where(~y.index.isin([5, 8, 9])))
    with pytest.raises(DataError, match="infinite in 1 of the"):
        fit.refit(y.replace(y[0], np.inf))
    with pytest.raises(DataError, match="whose labels are not those of the rows"):
        fit.refit(y.rename(index=lambda i: i + 1000))
    with pytest.raises(DataError, match="must be numbers, not text"):
        fit.refit(["a"] * (n - 1))
    with pytest.raises(DataError, match="a table of 2 columns; refit one column at a time"):
        fit.refit(pd.DataFrame({"a": y, "b": y}))
    with pytest.raises(DataError, match="not one of 2 dimensions"):
        fit.refit(np.ones((n, 2)))
    with pytest.raises(DataError, match="a Series or an array with one value a row"):
        fit.refit(3.0)
    with pytest.raises(ModelError, match="has the same value"):
        fit.refit(np.ones(n))
    with pytest.raises(ModelError, match="reproduce y exactly"):
        fit.refit(2.0 + 3.0 * data["x"].fillna(0.0))


def test_a_refit_does_not_change_the_fit():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    before = repr(fit.summary())
    fit.refit(frame()["y"] + frame()["x"])
    assert repr(fit.summary()) == before
    same(fit.refit(frame()["y"]), mw.lmer("y ~ x + (x | g)", frame()))


def test_a_transformed_response():
    data = mw.load("sleepstudy")
    fit = mw.lmer("log(Reaction) ~ Days + (Days | Subject)", data)
    same(fit.refit(np.log(data["Reaction"])), fit)


@pytest.mark.skipif(reference_folder() is None, reason=MISSING)
@pytest.mark.parametrize(
    "model", [m for m in reference_models() if m["dataset"] != "InstEval"], ids=lambda m: m["id"]
)
def test_reference_models(model):
    data = reference_data(model["dataset"])
    fit = mw.lmer(
        model["formula"], data, weights=model["weights"], contrasts=model["contrasts"], REML=False
    )
    again = fit.refit(fit.design.y)
    assert again.criterion == pytest.approx(fit.criterion, rel=1e-11, abs=1e-9)
    np.testing.assert_allclose(again.fixef, fit.fixef, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(again.se, fit.se, rtol=1e-6)


# refit_ml()


@pytest.mark.parametrize("name", MODELS)
def test_maximum_likelihood(name):
    formula, data, options = MODELS[name]
    fit = mw.lmer(formula, data, **options)
    found = fit.refit_ml()
    identical(found, mw.lmer(formula, data, REML=False, **options))
    assert found.refit_ml() is found
    assert found.estimate.moments is fit.estimate.moments
    identical(found.update(REML=True), fit)
    np.testing.assert_array_equal(found.design.theta, found.theta)


# update()


CHANGES = [
    ("y ~ x + (x | g)", ". ~ . - (x | g) + (1 | g)", "y ~ x + (1 | g)"),
    ("y ~ x + (x | g)", ". ~ . - (x | g) + (z | g)", "y ~ x + (z | g)"),
    ("y ~ x + z + (x | g)", ". ~ . - (x | g) + (z | g)", "y ~ x + z + (z | g)"),
    ("y ~ x + (x | g)", ". ~ . + z", "y ~ x + (x | g) + z"),
    ("y ~ x + (x | g)", "log(y + 100) ~ .", "log(y + 100) ~ x + (x | g)"),
    ("y ~ x + f + (1 | g)", ". ~ . - f", "y ~ x + (1 | g)"),
    ("y ~ scale(x) + (1 | g)", ". ~ . + (0 + scale(x) | g)", None),
    ("y ~ poly(x, 2) + (1 | g)", ". ~ . + (1 | f)", None),
    ("y ~ x + (x | g)", "y ~ z + (z | g)", "y ~ z + (z | g)"),
]


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(("old", "change", "new"), CHANGES)
def test_a_changed_formula(old, change, new, missing):
    data = frame(groups=14)
    if missing:  # rows that one of the models loses and the other does not
        data.loc[[3, 4], "x"] = np.nan
        data.loc[[9], "z"] = np.nan
        data.loc[[11], "f"] = None
    fit = mw.lmer(old, data, REML=False)
    found = fit.update(change)
    identical(found, mw.lmer(found.formula, data, REML=False))
    if new is not None:
        assert found.formula == mw.lmer(new, data).formula
    identical(found.update(fit.design.spec), fit)


@pytest.mark.parametrize(
    "changes",
    [
        {"REML": False},
        {"weights": "w"},
        {"weights": frame()["w"]},
        {"offset": "off"},
        {"subset": frame()["z"] > -0.5},
        {"contrasts": {"f": "sum"}},
        {"na_action": "exclude"},
        {"start": [1.0, 0.1, 1.0]},
        {"data": frame(seed=4)},
        {"control": {"starts": 3}},
        {"REML": False, "weights": "w", "formula": ". ~ . - (x | g) + (z | g)"},
    ],
)
def test_changed_arguments(changes):
    fit = mw.lmer("y ~ x * f + (x | g)", frame())
    found = fit.update(**changes)
    now = {"data": frame(), **changes, "formula": found.formula}
    identical(found, mw.lmer(**now))
    # what is not changed stays
    again = found.update(". ~ . + z")
    identical(again, mw.lmer(**{**now, "formula": again.formula, "start": None}))
    assert again.reml == found.reml


def test_nothing_changed():
    fit = mw.lmer("y ~ x + (x | g)", frame(), weights="w")
    again = fit.update()
    identical(again, fit)
    assert again.estimate.moments is fit.estimate.moments
    assert again.call is fit.call


def test_what_is_remembered():
    fit = mw.lmer("y ~ x + z + (x | g)", frame())
    slope = fit.update(". ~ . - (x | g) + (z | g)")
    assert slope.design.X is fit.design.X
    assert slope.design.basis is fit.design.basis
    back = slope.update(". ~ . - (z | g) + (x | g)")
    assert back.estimate.moments is fit.estimate.moments
    identical(back, fit)
    memory = fit.call.memory
    for term in ("z", "0 + z", "0 + x", "1"):
        fit = fit.update(f"y ~ x + z + ({term} | g)")
    assert len(memory.models) == KEPT
    identical(fit.update("y ~ x + z + (x | g)"), back)
    weighted = back.update(weights="w")
    assert weighted.call.memory is not memory
    assert weighted.call.memory.table is memory.table
    identical(weighted, mw.lmer("y ~ x + z + (x | g)", frame(), weights="w"))


def test_data_changed_since():
    data = frame()
    fit = mw.lmer("y ~ x + (x | g)", data)
    data["z"] = 0.0
    data.loc[0, "x"] = 1e6
    identical(fit.update(". ~ . + z"), mw.lmer("y ~ x + (x | g) + z", frame()))
    columns = {name: frame()[name].to_numpy(copy=True) for name in ("y", "x", "z", "g")}
    fit = mw.lmer("y ~ x + (x | g)", columns)
    for name in ("y", "x", "z"):
        columns[name][0] = 1e6
    identical(fit.update(". ~ . + z"), mw.lmer("y ~ x + (x | g) + z", frame()))
    data = frame().assign(x=lambda d: d["x"] + 0.5 * d["z"])
    identical(fit.update(data=data), mw.lmer("y ~ x + (x | g)", data))


def test_fits_without_data():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    for bare in (fit.refit(frame()["y"] * 2.0), fit_design(fit.design, True)):
        assert bare.call.data is None
        identical(bare.update(REML=False), bare.refit_ml())
        for change in ({"formula": ". ~ . - x"}, {"weights": "w"}):
            with pytest.raises(DataError, match=r"does not have its data.*update\(data=...\)"):
                bare.update(**change)
        with pytest.raises(DataError, match="No data are given"):
            bare.update(data=None)
        identical(bare.update(data=frame()), fit)


def test_updates_that_are_refused():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    with pytest.raises(ModelError, match=r"update has no argument 'reml' .did you mean 'REML'"):
        fit.update(reml=False)
    with pytest.raises(ModelError, match="no argument 'devfun_only'; besides the formula it"):
        fit.update(devfun_only=True)
    with pytest.raises(FormulaError, match="not in the model"):
        fit.update(". ~ . - z")
    with pytest.raises(ModelError, match="REML is 'no'; give True or False"):
        fit.update(REML="no")
    with pytest.raises(DataError, match="no column 'unheard'"):
        fit.update(". ~ . + unheard")
    with pytest.raises(ModelError, match=r"start is .* give 3 finite numbers"):
        fit.update(start=[1.0])


def test_warnings_and_words(capsys):
    data = mw.load("dyestuff2")
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", data)
    careful = {"check_conv_singular": "warn"}
    with pytest.warns(MixedWidgetsWarning, match="Boundary fit") as caught:
        warned = fit.update(control=careful)
    assert caught[0].filename == __file__
    with pytest.warns(MixedWidgetsWarning, match="Boundary fit") as caught:
        warned.refit_ml()
    assert caught[0].filename == __file__
    with pytest.warns(MixedWidgetsWarning, match="Boundary fit") as caught:
        warned.refit(data["Yield"])
    assert caught[0].filename == __file__
    capsys.readouterr()
    fit.update(verbose=1)
    assert "step" in capsys.readouterr().out


def test_crossed_updates():
    data = crossed()
    fit = mw.lmer("y ~ x + (1 | g) + (1 | h)", data)
    for change in (
        ". ~ . - (1 | h)",
        ". ~ . + (0 + x | g)",
        ". ~ . - (1 | g) - (1 | h) + (1 | h/f)",
    ):
        found = fit.update(change)
        identical(found, mw.lmer(found.formula, data))

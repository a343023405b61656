"""Residuals, leverages and Cook's distances.

Figures marked lme4 are from lme4 1.1-31 at a polished optimum of the model with weights 1 + Days
on sleepstudy, for the rows 1, 8, 60 and 130.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from tests import dense
from tests.reference_data import reference_data, reference_folder, reference_models
from tests.test_deviance import CASES, frame

SLOPE = "Reaction ~ Days + (Days | Subject)"
SHOWN = [0, 7, 59, 129]
MODELS = {m["id"]: m for m in reference_models()}
FITS = [(name, method) for name, m in MODELS.items() for method in m["methods"]]


def weighted():
    data = mw.load("sleepstudy")
    return mw.lmer(SLOPE, data.assign(w=1.0 + data["Days"]), weights="w")


# Residuals ---------------------------------------------------------------------------------------

RESPONSE = [-6.32533470289, -103.31439536, -82.4643703571, 21.4962651243]
PEARSON = [-6.32533470289, -292.217238213, -260.77523614, 67.9771589796]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, RESPONSE),
        ({"type": "working"}, RESPONSE),
        ({"type": "pearson"}, PEARSON),
        ({"type": "deviance"}, PEARSON),
        ({"scaled": True}, [-0.101465015052, -1.65727146036, -1.32281515091, 0.344822680041]),
        (
            {"type": "pearson", "scaled": True},
            [-0.101465015052, -4.68747155156, -4.18310880026, 1.09042505781],
        ),
        ({"type": "scaled"}, [-0.101465015052, -4.68747155156, -4.18310880026, 1.09042505781]),
        (
            {"type": "studentized"},
            [-0.105328062233, -5.12570436207, -5.30891408199, 1.38389251181],
        ),
    ],
)
def test_residuals_with_weights(arguments, expected):
    """lme4: residuals(type, scaled), fortify's .scresid and rstudent."""
    fit = weighted()
    found = fit.resid(**arguments)
    assert isinstance(found, pd.Series)
    assert found.name == "resid"
    assert found.index.equals(fit.design.index)
    np.testing.assert_allclose(found.iloc[SHOWN], expected, rtol=1e-8)


def test_unknown_type_of_residual():
    fit = weighted()
    with pytest.raises(ModelError, match=r"type is 'partial'; choose 'response', .* 'studentized'"):
        fit.resid("partial")


# Leverages ---------------------------------------------------------------------------------------


def test_leverages_and_distances_with_weights():
    """lme4: hatvalues and cooks.distance."""
    fit = weighted()
    hat, cook = fit.hatvalues(), fit.cooks_distance()
    assert (hat.name, cook.name) == ("hat", "cooksd")
    np.testing.assert_allclose(
        hat.iloc[SHOWN],
        [0.0720075143437, 0.163684428799, 0.379149654461, 0.379149654461],
        rtol=1e-8,
    )
    assert hat.sum() == pytest.approx(27.5461610834, rel=1e-9)
    np.testing.assert_allclose(
        cook.iloc[SHOWN],
        [0.000430419117841, 2.57107233728, 8.60607517728, 0.58478801112],
        rtol=1e-8,
    )


@pytest.mark.reference
@pytest.mark.parametrize(("name", "method"), FITS)
def test_leverages_of_the_reference(name, method):
    """lme4's hatvalues at a polished optimum: the first ones and their sum."""
    folder = reference_folder()
    assert folder is not None
    expected = json.loads((folder / "ref" / f"{name}.{method}.json").read_text()).get("hatvalues")
    if expected is None:
        pytest.skip("lme4's leverages need n x q numbers and were not taken of this model")
    model = MODELS[name]
    fit = mw.lmer(
        model["formula"],
        reference_data(model["dataset"]),
        REML=method == "reml",
        weights=model["weights"],
        contrasts=model["contrasts"],
    )
    hat = fit.hatvalues().to_numpy()
    assert len(hat) == model["n"]
    assert hat.sum() == pytest.approx(expected["sum"], rel=2e-5)
    np.testing.assert_allclose(hat[: len(expected["first"])], expected["first"], rtol=5e-5)


def derivative_of_fitted(fit) -> np.ndarray:
    """The diagonal of the matrix from response to fitted values at the estimated theta."""
    design = fit.design
    n, p = design.X.shape
    weights = np.ones(n) if design.weights is None else design.weights
    covariances = dense.relative_covariances(design, fit.theta.to_numpy())
    inverse = np.linalg.inv(dense.covariance(design, covariances))
    residual_maker = inverse
    if p:
        inner = np.linalg.inv(design.X.T @ inverse @ design.X)
        residual_maker = inverse - inverse @ design.X @ inner @ design.X.T @ inverse
    return 1.0 - np.diag(residual_maker) / weights


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_leverages_from_full_matrices(name, reml):
    formula, shape, options = CASES[name]
    fit = mw.lmer(formula, frame(**shape), REML=reml, **options)
    hat = fit.hatvalues()
    np.testing.assert_allclose(hat, derivative_of_fitted(fit), rtol=1e-7, atol=1e-10)
    assert hat.between(0.0, 1.0 + 1e-12).all()


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"),
        ("strength ~ 1 + (1 | batch/cask)", "pastes"),
        ("yield ~ nitro + (nitro | Block) + (1 | Block:Variety)", "oats"),
        ("yield ~ nitro * Variety + (1 | Block/Variety)", "oats"),
    ],
)
def test_leverages_with_several_factors(formula, name):
    data = mw.load(name)
    fit = mw.lmer(formula, data, weights=1.0 + np.arange(len(data)) % 3)
    np.testing.assert_allclose(fit.hatvalues(), derivative_of_fitted(fit), rtol=1e-8, atol=1e-10)


def test_large_means_cost_no_digits():
    data = mw.load("sleepstudy")
    near = mw.lmer(SLOPE, data)
    far = mw.lmer(SLOPE, data.assign(Reaction=data["Reaction"] + 1e9))
    np.testing.assert_allclose(far.hatvalues(), near.hatvalues(), rtol=1e-5)
    scaled = mw.lmer(SLOPE, data.assign(Days=data["Days"] * 1e-6))
    np.testing.assert_allclose(scaled.hatvalues(), near.hatvalues(), rtol=1e-7)


def test_a_row_that_determines_a_coefficient():
    """Its leverage is 1 and its distance has no value."""
    data = mw.load("sleepstudy")
    data["only"] = (np.arange(len(data)) == 5).astype(float)
    fit = mw.lmer("Reaction ~ Days + only + (1 | Subject)", data)
    assert fit.hatvalues().iloc[5] == pytest.approx(1.0, abs=1e-12)
    cook = fit.cooks_distance()
    assert np.isfinite(cook.drop(index=5)).all()
    assert np.isnan(cook.iloc[5])
    assert np.isnan(fit.resid("studentized").iloc[5])


def test_distances_need_fixed_effects():
    fit = mw.lmer("y ~ 0 + (1 | g)", frame())
    assert np.isfinite(fit.hatvalues()).all()
    with pytest.raises(ModelError, match="needs fixed effects"):
        fit.cooks_distance()


def test_excluded_rows_are_padded():
    data = mw.load("sleepstudy")
    data.loc[[3, 70], "Days"] = np.nan
    fit = mw.lmer(SLOPE, data, na_action="exclude")
    short = mw.lmer(SLOPE, data)
    for method in ("resid", "hatvalues", "cooks_distance"):
        found = getattr(fit, method)()
        assert found.index[found.isna()].tolist() == [3, 70]
        pd.testing.assert_series_equal(found.dropna(), getattr(short, method)())

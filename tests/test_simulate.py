"""Simulated responses: their moments against the model's, reproducibility, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import DataError, FormulaError, ModelError
from tests import dense
from tests.test_deviance import frame
from tests.test_predict import MODELS, crossed, labels_of

MANY = 20_000


def model(name: str) -> mw.Fit:
    formula, data, options = MODELS[name]
    return mw.lmer(formula, data, **options)


def check_moments(sims: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Compare (n, many) draws with a mean and a covariance at five standard errors."""
    many = sims.shape[1]
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(sims.mean(axis=1) - mean) < 5.0 * sd / np.sqrt(many))
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / many)
    assert np.all(np.abs(np.cov(sims) - covariance) < 5.0 * error)


@pytest.mark.parametrize("name", ["slope", "uncorrelated", "weights and offset", "crossed slopes",
                                  "nested", "two terms of a factor"])  # fmt: skip
def test_all_random_effects_are_drawn(name):
    fit = model(name)
    sims = fit.simulate(MANY, seed=1)
    V = dense.covariance(fit.design, dense.relative_covariances(fit.design, fit.theta.to_numpy()))
    check_moments(sims.to_numpy(), fit.predict(re_form="none").to_numpy(), fit.sigma**2 * V)


def test_none_are_drawn():
    for name in ("slope", "weights", "crossed slopes"):
        fit = model(name)
        w = np.ones(fit.nobs) if fit.design.weights is None else fit.design.weights
        sims = fit.simulate(MANY, seed=2, re_form="all")
        check_moments(sims.to_numpy(), fit.fitted().to_numpy(), np.diag(fit.sigma**2 / w))
        pd.testing.assert_frame_equal(sims, fit.simulate(MANY, seed=2, re_form=None))


def test_some_are_drawn():
    fit = model("crossed slopes")
    sims = fit.simulate(MANY, seed=3, re_form="~ (x | g)").to_numpy()
    S = dense.relative_covariances(fit.design, fit.theta.to_numpy())
    V = dense.covariance(fit.design, [np.zeros((2, 2)), S[1]])
    assert fit.design.groupings[1].name == "h"
    mean = fit.predict(re_form="~ (x | g)").to_numpy()
    check_moments(sims, mean, fit.sigma**2 * V)
    # part of a term: its other effects are drawn from their own distribution
    sims = fit.simulate(MANY, seed=3, re_form="~ (1 | g)").to_numpy()
    slope = np.diag([0.0, S[0][1, 1]])
    V = dense.covariance(fit.design, [slope, S[1]])
    check_moments(sims, fit.predict(re_form="~ (1 | g)").to_numpy(), fit.sigma**2 * V)


def test_new_data_with_levels_not_seen():
    fit = model("crossed slopes")
    data = crossed().drop(columns="y").iloc[:14].reset_index(drop=True)
    data.loc[[0, 3, 5], "g"] = "new"
    data.loc[[1, 2], "g"] = "newer"
    data.loc[[0, 6, 7], "h"] = "h new"
    relative = dict(
        zip("gh", dense.relative_covariances(fit.design, fit.theta.to_numpy()), strict=True)
    )

    def covariance(drawn) -> np.ndarray:
        V = np.diag(1.0 / data["w"].to_numpy())
        for group, slope in (("g", "x"), ("h", "z")):
            Z = np.column_stack([np.ones(len(data)), data[slope]])
            labels = labels_of(group, data).to_numpy()
            same = (labels[:, None] == labels[None, :]) & drawn(group, labels)[:, None]
            V += same * (Z @ relative[group] @ Z.T)
        return fit.sigma**2 * V

    sims = fit.simulate(MANY, seed=4, newdata=data).to_numpy()
    mean = fit.predict(data, re_form="none").to_numpy()
    check_moments(sims, mean, covariance(lambda group, labels: np.full(len(labels), True)))
    with pytest.raises(DataError, match="levels of 'g' that the fit does not have: 'new', 'newer'"):
        fit.simulate(newdata=data, re_form="all")
    sims = fit.simulate(MANY, seed=4, newdata=data, re_form="all", allow_new_levels=True)
    mean = fit.predict(data, allow_new_levels=True).to_numpy()
    unknown = covariance(lambda group, labels: np.char.find(labels.astype(str), "new") >= 0)
    check_moments(sims.to_numpy(), mean, unknown)


def test_the_same_data_given_anew():
    for name in ("slope", "crossed slopes", "nested"):
        formula, data, options = MODELS[name]
        fit = mw.lmer(formula, data, **options)
        for re_form in ("none", "all"):
            pd.testing.assert_frame_equal(
                fit.simulate(3, seed=9, re_form=re_form),
                fit.simulate(3, seed=9, re_form=re_form, newdata=data.drop(columns="y")),
                rtol=1e-9,
            )


def test_labels_and_seeds():
    data = frame().rename(index=lambda i: f"row {i}")
    fit = mw.lmer("y ~ x + (x | g)", data)
    sims = fit.simulate(4, seed=11)
    assert list(sims.columns) == ["sim_1", "sim_2", "sim_3", "sim_4"]
    assert sims.index.equals(data.index)
    pd.testing.assert_frame_equal(sims, fit.simulate(4, seed=11))
    pd.testing.assert_frame_equal(sims, fit.simulate(4, seed=np.random.default_rng(11)))
    generator = np.random.default_rng(11)
    assert not fit.simulate(1, generator).equals(fit.simulate(1, generator))
    assert not fit.simulate().equals(fit.simulate())
    assert sims.nunique().eq(len(data)).all()


def test_missing_values():
    data = crossed()
    data.loc[4, "x"] = np.nan
    exclude = mw.lmer("y ~ x + (1 | g)", data, na_action="exclude").simulate(2, seed=1)
    assert exclude.index.equals(data.index)
    assert exclude.index[exclude.isna().all(axis=1)].tolist() == [4]
    omit = mw.lmer("y ~ x + (1 | g)", data).simulate(2, seed=1)
    pd.testing.assert_frame_equal(exclude.dropna(), omit)
    fit = mw.lmer("y ~ x + (1 | g)", data)
    new = pd.DataFrame({"x": [1.0, np.nan, 1.0], "g": ["g1", "g1", None]})
    assert fit.simulate(newdata=new).isna()["sim_1"].tolist() == [False, True, True]
    assert fit.simulate(2, newdata=new.iloc[:0]).shape == (0, 2)


def test_a_boundary_fit_draws_residuals_only():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    sims = fit.simulate(MANY, seed=5).to_numpy()
    check_moments(sims, fit.fitted().to_numpy(), fit.sigma**2 * np.eye(fit.nobs))


def test_refusals():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    for nsim in (0, -1, 2.5, "3", True):
        with pytest.raises(ModelError, match=r"nsim is .*; give a whole number of at least 1"):
            fit.simulate(nsim)
    for seed in ("today", -1, 1.5):
        with pytest.raises(ModelError, match=r"seed is .*; give a whole number of at least 0"):
            fit.simulate(seed=seed)
    with pytest.raises(FormulaError, match="grouping factor 'h'"):
        fit.simulate(re_form="~ (1 | h)")
    with pytest.raises(DataError, match="no column 'g'"):
        fit.simulate(newdata={"x": [1.0]})

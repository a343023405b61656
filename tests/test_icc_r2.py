"""Intraclass correlations, R^2 and principal components of the random effects.

Figures marked performance are from R's performance 0.10.2, those of rePCA from lme4 1.1-31, both
on lme4's fits at polished optima.
"""

from __future__ import annotations

import numpy as np
import pytest

import mixedwidgets as mw

SLOPE = "Reaction ~ Days + (Days | Subject)"


def weighted():
    data = mw.load("sleepstudy")
    return data.assign(w=1.0 + data["Days"])


@pytest.mark.parametrize(
    ("formula", "data", "options", "expected"),
    [  # performance: adjusted and unadjusted ICC, marginal and conditional R^2
        (SLOPE, "sleepstudy", {}, (0.721658475027, 0.520566873079, 0.278652034039, 0.799218907118)),
        (
            "Yield ~ 1 + (1 | Batch)",
            "dyestuff",
            {},
            (0.418487414893, 0.418487414893, 0.0, 0.418487414893),
        ),
        (
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            "penicillin",
            {},
            (0.93633682497, 0.93633682497, 0.0, 0.93633682497),
        ),
        (
            "strength ~ 1 + (1 | batch/cask)",
            "pastes",
            {},
            (0.937041363678, 0.937041363678, 0.0, 0.937041363678),
        ),
        (
            "angle ~ recipe * temperature + (1 | recipe:replicate)",
            "cake",
            {},
            (0.671455987487, 0.586087116706, 0.127139935264, 0.713227051969),
        ),
        (
            SLOPE,
            "weighted",
            {"weights": "w"},
            (0.310441499874, 0.263460168707, 0.151337147857, 0.414797316564),
        ),
        (
            "Reaction ~ Days + offset(3 * Days) + (Days | Subject)",
            "sleepstudy",
            {},
            (0.721658475027, 0.603092809246, 0.164296090026, 0.767388899272),
        ),
    ],
)
def test_as_performance_computes_them(formula, data, options, expected):
    fit = mw.lmer(formula, weighted() if data == "weighted" else mw.load(data), **options)
    icc, r2 = fit.icc(), fit.r2()
    assert list(icc.index) == ["adjusted", "conditional"]
    assert list(r2.index) == ["marginal", "conditional"]
    np.testing.assert_allclose([*icc, *r2], expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    ("formula", "data", "expected"),
    [  # performance: icc(by_group = TRUE)
        (
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            "penicillin",
            {"plate": 0.150920370186, "sample": 0.785416454784},
        ),
        (
            "strength ~ 1 + (1 | batch/cask)",
            "pastes",
            {"cask:batch": 0.783144767710, "batch": 0.153896595968},
        ),
    ],
)
def test_by_group(formula, data, expected):
    fit = mw.lmer(formula, mw.load(data))
    table = fit.icc(by_group=True)
    assert table.index.name == "group"
    found = {_sorted_name(group): value for group, value in table["adjusted"].items()}
    assert found == pytest.approx({_sorted_name(g): v for g, v in expected.items()}, rel=1e-7)
    np.testing.assert_allclose(table.sum(), fit.icc(), rtol=1e-14)


def _sorted_name(group):
    return ":".join(sorted(group.split(":")))


@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ Days + (Days || Subject)",
        SLOPE,
        "Reaction ~ Days + (1 | Days) + (0 + Days | Subject)",
    ],
)
def test_from_the_formulas_written_out(formula):
    """Johnson's mean of the diagonal of Z Sigma Z'.

    performance 0.10.2 leaves out the second of two terms of one grouping factor.
    """
    fit = mw.lmer(formula, mw.load("sleepstudy"))
    half = (fit.design.Z @ fit.design.Lambda).toarray() * fit.sigma
    random = np.mean(np.sum(half**2, axis=1))
    fixed = np.var(fit.design.X @ fit.fixef.to_numpy(), ddof=1)
    total = fixed + random + fit.sigma**2
    np.testing.assert_allclose(
        [*fit.icc(), *fit.r2()],
        [
            random / (random + fit.sigma**2),
            random / total,
            fixed / total,
            (fixed + random) / total,
        ],
        rtol=1e-12,
    )


def test_one_way_model():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff"))
    tau2, sigma2 = fit.varcorr()["vcov"]
    assert fit.icc()["adjusted"] == pytest.approx(tau2 / (tau2 + sigma2), rel=1e-14)


def test_boundary():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    assert fit.icc().tolist() == [0.0, 0.0]
    assert fit.r2().tolist() == pytest.approx([0.0, 0.0], abs=1e-15)
    table = fit.re_pca()["Batch"]
    assert table["sd"].tolist() == [0.0]
    assert table[["proportion", "cumulative"]].isna().all(axis=None)


# Principal components ----------------------------------------------------------------------------


def test_components_of_sleepstudy():
    """lme4: summary(rePCA(fit)) and its rotation, whose sign means nothing."""
    fit = mw.lmer(SLOPE, mw.load("sleepstudy"))
    (table,) = fit.re_pca().values()
    assert list(table.columns) == ["sd", "proportion", "cumulative", "(Intercept)", "Days"]
    assert list(table.index) == ["PC1", "PC2"]
    np.testing.assert_allclose(table["sd"], [0.966859150405, 0.230879454048], rtol=1e-7)
    np.testing.assert_allclose(table["proportion"], [0.94605, 0.05395], atol=6e-6)
    np.testing.assert_allclose(table["cumulative"], [0.94605, 1.0], atol=6e-6)
    np.testing.assert_allclose(
        np.abs(table[["(Intercept)", "Days"]]),
        [[0.9998615813425, 0.0166378530876], [0.0166378530876, 0.9998615813425]],
        rtol=1e-5,
    )


def test_terms_of_one_factor_together():
    """lme4: 0.9798965 and 0.2342312 for (1 | Subject) + (0 + Days | Subject)."""
    fit = mw.lmer("Reaction ~ Days + (Days || Subject)", mw.load("sleepstudy"))
    assert list(fit.re_pca()) == ["Subject"]
    table = fit.re_pca()["Subject"]
    np.testing.assert_allclose(table["sd"], [0.9798965, 0.2342312], rtol=2e-5)
    np.testing.assert_array_equal(table[["(Intercept)", "Days"]], np.eye(2))


def test_several_factors():
    """lme4: 3.527 within batches, 1.563 between."""
    fit = mw.lmer("strength ~ 1 + (1 | batch/cask)", mw.load("pastes"))
    sds = {_sorted_name(g): t["sd"].item() for g, t in fit.re_pca().items()}
    assert sds == pytest.approx({"batch:cask": 3.527, "batch": 1.563}, rel=3e-4)


def test_a_singular_covariance_has_a_component_of_zero():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(30), 8)
    x = np.tile(np.arange(8.0), 30)
    b = rng.normal(size=30)
    data = {"y": 0.3 * b[g] * (1.0 + x) + 3.0 * rng.normal(size=240), "x": x, "g": g}
    fit = mw.lmer("y ~ x + (x | g)", data)
    assert len(fit.estimate.optimum.boundary) == 1
    table = fit.re_pca()["g"]
    assert table["sd"].iloc[0] > 0.1
    assert table["sd"].iloc[1] < 1e-8
    assert table["cumulative"].tolist() == pytest.approx([1.0, 1.0], rel=1e-14)
    np.testing.assert_allclose(
        table[["(Intercept)", "x"]].to_numpy() @ table[["(Intercept)", "x"]].to_numpy().T,
        np.eye(2),
        atol=1e-12,
    )

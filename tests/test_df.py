"""Degrees of freedom against R's lmerTest and pbkrtest, and against full matrices."""

from __future__ import annotations

import json
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.ftests import t_tests
from mixedwidgets.lmm.kenward_roger import KenwardRoger, moments_of_f
from mixedwidgets.lmm.satterthwaite import Satterthwaite, denominator
from tests import dense
from tests.reference_data import reference_data, reference_folder


def inference() -> dict:
    folder = reference_folder()
    return json.loads((folder / "inference.json").read_text()) if folder else {"t_tests": {}}


def unbalanced_oats() -> pd.DataFrame:
    """The oats with every fifth plot left out; also as used for R's figures below."""
    oats = mw.load("oats").reset_index(drop=True)
    plot = np.arange(len(oats))
    oats["w"] = 1 + (plot % 3) / 2
    oats["N"] = pd.Categorical(oats["nitro"])
    return oats[plot % 5 != 2]


@pytest.mark.reference
@pytest.mark.parametrize("name", list(inference()["t_tests"]) or ["none"])
def test_reference_degrees_of_freedom(reference: Path, name: str) -> None:
    case = inference()["t_tests"][name]
    fit = mw.lmer(case["formula"], reference_data(case["dataset"]))
    found = fit.df()
    expected = case["satterthwaite"]
    # lmerTest's derivatives are numerical.
    np.testing.assert_allclose(found["df"], list(expected["df"].values()), rtol=1e-5)
    np.testing.assert_allclose(found["Pr(>|t|)"], list(expected["p"].values()), rtol=1e-4)
    assert list(found.index) == list(expected["df"])
    found, expected = fit.df("kenward-roger"), case["kenward_roger"]
    np.testing.assert_allclose(found["df"], list(expected["df"].values()), rtol=1e-6)
    np.testing.assert_allclose(found["Std. Error"], list(expected["se"].values()), rtol=1e-6)
    np.testing.assert_allclose(found["Pr(>|t|)"], list(expected["p"].values()), rtol=1e-4)


# lmerTest 3.1-3 and pbkrtest 0.5.2 on R 4.2: standard errors and degrees of freedom of the first
# coefficients.
R_FIGURES = [
    (
        "yield ~ N * Variety + (1 | Block / Variety)",
        {},
        "satterthwaite",
        [9.43075587, 8.63864206, 8.63864206, 9.31250734],
        [16.37095051, 32.48509415, 32.48509415, 33.48173009],
    ),
    (
        "yield ~ N * Variety + (1 | Block / Variety)",
        {},
        "kenward-roger",
        [9.45086250, 8.69037693, 8.69037693, 9.40887787],
        [16.36823569, 32.38605729, 32.38605729, 33.40287177],
    ),
    (
        "yield ~ nitro + Variety + (1 | Block)",
        {"weights": "w"},
        "satterthwaite",
        [7.15063358, 8.63929132, 4.58733438, 4.85327837],
        [8.76326106, 49.25676734, 49.12306832, 49.06236684],
    ),
    (
        "yield ~ nitro + Variety + (1 | Block)",
        {"REML": False},
        "satterthwaite",
        [7.06001681, 8.58334966, 4.64791839, 4.70056066],
        [11.06619900, 52.26682424, 52.10513273, 52.07898422],
    ),
]


@pytest.mark.parametrize(("formula", "arguments", "method", "errors", "df"), R_FIGURES)
def test_r_degrees_of_freedom(
    formula: str, arguments: dict, method: str, errors: list[float], df: list[float]
) -> None:
    found = mw.lmer(formula, unbalanced_oats(), **arguments).df(method)[:4]
    np.testing.assert_allclose(found["Std. Error"], errors, rtol=1e-6)
    np.testing.assert_allclose(found["df"], df, rtol=2e-6)


def crossed_data(rng: np.random.Generator, slopes: float = 0.8) -> pd.DataFrame:
    n = 90
    data = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "g": rng.integers(0, 9, n),
            "h": rng.integers(0, 6, n),
            "w": rng.uniform(0.5, 3.0, n),
        }
    )
    g, h = rng.normal(size=(9, 2)), rng.normal(size=6)
    data["y"] = (
        1.0
        + data["x"]
        + g[data["g"], 0]
        + slopes * g[data["g"], 1] * data["x"]
        + h[data["h"]]
        + rng.normal(size=n) / np.sqrt(data["w"])
    )
    return data


MODELS = [
    ("y ~ x + (1 | g)", None),
    ("y ~ x + (1 | g)", "w"),
    ("y ~ x + I(x^2) + (x | g)", "w"),
    ("y ~ x + (x || g) + (1 | h)", None),
    ("y ~ x + (x | g) + (1 | h)", "w"),
]


def kenward_roger_in_full(fit: mw.Fit) -> tuple[np.ndarray, dict]:
    """Adjusted covariance and the parts of the F test, by matrices with a row an observation."""
    design = fit.design
    n = len(design.y)
    weights = np.ones(n) if design.weights is None else design.weights
    covariances = dense.relative_covariances(design, fit.theta.to_numpy())
    V = fit.sigma**2 * dense.covariance(design, covariances)
    G = []
    for block in design.blocks:
        codes = design.groupings[block.grouping].codes
        same = codes[:, None] == codes[None, :]
        for a, b in combinations_with_replacement(range(len(block.names)), 2):
            product = np.outer(block.columns[:, a], block.columns[:, b])
            G.append(same * (product if a == b else product + product.T))
    G.append(np.diag(1.0 / weights))
    inverse, X = np.linalg.inv(V), design.X
    phi = np.linalg.inv(X.T @ inverse @ X)
    left = [inverse @ g for g in G]
    P = [-X.T @ a @ inverse @ X for a in left]
    Q = [[X.T @ a @ b @ inverse @ X for b in left] for a in left]
    r = range(len(G))
    information = np.array(
        [
            [
                np.trace(left[i] @ left[j]) - np.trace(2 * phi @ Q[i][j] - phi @ P[i] @ phi @ P[j])
                for j in r
            ]
            for i in r
        ]
    )
    W = np.linalg.inv(0.5 * information)
    bend = sum(W[i, j] * (Q[i][j] - P[i] @ phi @ P[j]) for i in r for j in r)
    return phi + 2 * phi @ bend @ phi, {"phi": phi, "P": P, "W": W}


@pytest.mark.parametrize(("formula", "weights"), MODELS)
def test_kenward_roger_against_full_matrices(formula: str, weights: str | None) -> None:
    data = crossed_data(np.random.default_rng(5))
    fit = mw.lmer(formula, data, weights=weights)
    adjusted, parts = kenward_roger_in_full(fit)
    ours = KenwardRoger(fit.estimate)
    np.testing.assert_allclose(ours.covariance, adjusted, rtol=1e-7, atol=1e-12)
    p = len(fit.fixef)
    for L in (np.eye(p)[:1], np.eye(p)[1:2], np.eye(p)):
        phi, W = parts["phi"], parts["W"]
        theta = L.T @ np.linalg.inv(L @ phi @ L.T) @ L
        pieces = [theta @ phi @ P @ phi for P in parts["P"]]
        traces = np.array([np.trace(piece) for piece in pieces])
        A1 = float(traces @ W @ traces)
        A2 = float(np.sum(W * [[np.trace(a @ b) for b in pieces] for a in pieces]))
        df, scale = moments_of_f(A1, A2, len(L))
        beta = fit.fixef.to_numpy()
        wald = (L @ beta) @ np.linalg.solve(L @ adjusted @ L.T, L @ beta)
        statistic, top, bottom = ours.f_test(L)
        assert top == len(L)
        assert bottom == pytest.approx(df, rel=1e-7)
        assert statistic == pytest.approx(scale * wald / len(L), rel=1e-7)
        if len(L) == 1:
            assert ours.df(L)[0] == pytest.approx(df, rel=1e-7)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("formula", "weights"), MODELS)
def test_satterthwaite_against_full_matrices(formula: str, weights: str | None, reml: bool) -> None:
    data = crossed_data(np.random.default_rng(6))
    fit = mw.lmer(formula, data, weights=weights, REML=reml)
    assert fit.verdict.kind == "converged"
    design = fit.design
    at = np.append(fit.theta, fit.sigma)

    def criterion(z: np.ndarray) -> complex:
        return dense.deviance(design, dense.relative_covariances(design, z[:-1]), reml, z[-1])

    def variance(z: np.ndarray) -> complex:
        V = dense.covariance(design, dense.relative_covariances(design, z[:-1]))
        return z[-1] ** 2 * (
            contrast @ np.linalg.solve(design.X.T @ np.linalg.solve(V, design.X), contrast)
        )

    A = 2.0 * np.linalg.inv(dense.hessian(criterion, at))
    ours = Satterthwaite(fit.estimate)
    rng = np.random.default_rng(7)
    for contrast in (*np.eye(len(fit.fixef)), rng.normal(size=len(fit.fixef))):
        slope = dense.gradient(variance, at)
        expected = 2.0 * np.real(variance(at)) ** 2 / (slope @ A @ slope)
        assert ours.df(contrast[None])[0] == pytest.approx(expected, rel=1e-6)


def test_zero_variance_is_left_out() -> None:
    """As in lmerTest 3.1-3: the residual's degrees of freedom, as in a linear model."""
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    table = fit.df()
    assert table["df"].iloc[0] == pytest.approx(29.0, rel=1e-9)
    assert any("Boundary fit" in note for note in table.notes)
    # pbkrtest 0.5.2 keeps the variance of the batches among the parameters.
    kenward_roger = fit.df("Kenward-Roger")
    assert kenward_roger["df"].iloc[0] == pytest.approx(5.0, rel=1e-9)
    assert kenward_roger.notes == ()


def test_perfect_correlation() -> None:
    """R's figures where the correlation is one: lmerTest 3.1-3 and pbkrtest 0.5.2."""
    fit = mw.lmer("yield ~ nitro * Variety + (nitro | Block)", unbalanced_oats())
    assert fit.verdict.kind == "boundary fit"
    np.testing.assert_allclose(
        fit.anova()["DenDF"], [36.326920588, 47.117987185, 47.241350180], rtol=2e-6
    )
    np.testing.assert_allclose(
        fit.anova("kenward-roger")["DenDF"], [4.782867026, 44.487782808, 44.928304175], rtol=2e-6
    )


def test_kenward_roger_fits_again_by_reml() -> None:
    by_ml = mw.lmer("yield ~ nitro + (1 | Block)", mw.load("oats"), REML=False)
    by_reml = mw.lmer("yield ~ nitro + (1 | Block)", mw.load("oats"))
    table = by_ml.df("kenward-roger")
    pd.testing.assert_frame_equal(
        table.table, by_reml.df("kenward-roger").table, check_exact=False, rtol=1e-7
    )
    assert any("fitted again by REML" in note for note in table.notes)
    assert by_reml.df("kenward-roger").notes == ()
    assert by_ml.df().notes == ()


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize(("y", "x"), [(1e6, 1e-6), (1e-6, 1e6)])
def test_units_do_not_matter(method: str, y: float, x: float) -> None:
    data = mw.load("sleepstudy")
    scaled = data.assign(Reaction=data["Reaction"] * y, Days=data["Days"] * x)
    formula = "Reaction ~ Days + (Days | Subject)"
    first, then = mw.lmer(formula, data).df(method), mw.lmer(formula, scaled).df(method)
    np.testing.assert_allclose(then["df"], first["df"], rtol=1e-8)
    np.testing.assert_allclose(then["t value"], first["t value"], rtol=1e-8)


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_units_within_a_term_do_not_matter(method: str) -> None:
    """Powers of a large number have coefficients of quite different sizes."""
    data = mw.load("sleepstudy")
    data["Days"] = 1e5 + 1e4 * data["Days"]
    small = data.assign(Days=data["Days"] / 1e5)
    formula = "Reaction ~ poly(Days, 3, raw = TRUE) + (1 | Subject)"
    first, then = (mw.lmer(formula, table).anova(method) for table in (small, data))
    assert then["NumDF"].tolist() == [3]
    np.testing.assert_allclose(then["F value"], first["F value"], rtol=1e-6)
    np.testing.assert_allclose(then["DenDF"], first["DenDF"], rtol=1e-6)


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_contrasts_given_by_hand(method: str) -> None:
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    plain, dependent = np.array([[0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    columns, _ = fit.f_tests(method, [("plain", plain), ("dependent", dependent)])
    assert columns["NumDF"].tolist() == [1, 1]
    for values in columns.values():
        assert values[1] == pytest.approx(values[0], rel=1e-9)
    with pytest.raises(ModelError, match="all zero"):
        fit.f_tests(method, [("nothing", 0.0 * plain)])
    for wrong in (np.ones((1, 3)), np.ones(2), np.empty((0, 2))):
        with pytest.raises(ModelError, match="a column for each of the 2 coefficients"):
            fit.f_tests(method, [("wrong", wrong)])


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_origins_do_not_matter(method: str) -> None:
    data = mw.load("sleepstudy")
    shifted = data.assign(Reaction=data["Reaction"] + 1e9, Days=data["Days"] + 1e5)
    formula = "Reaction ~ Days + (Days | Subject)"
    first, then = mw.lmer(formula, data).df(method), mw.lmer(formula, shifted).df(method)
    assert then.loc["Days", "df"] == pytest.approx(first.loc["Days", "df"], rel=1e-6)
    assert then.loc["Days", "t value"] == pytest.approx(first.loc["Days", "t value"], rel=1e-6)


def test_prints_like_a_table_of_r() -> None:
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    assert repr(fit.df()).splitlines() == [
        "Coefficients, t tests with Satterthwaite's degrees of freedom",
        "            Estimate Std. Error df t value Pr(>|t|)    ",
        "(Intercept)  251.405      6.825 17  36.838  < 2e-16 ***",
        "Days          10.467      1.546 17   6.771 3.26e-06 ***",
        "---",
        "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1",
    ]
    html = fit.df()._repr_html_()
    assert "Days" in html
    assert "&lt; 2e-16" in html


def test_selections_are_ordinary_frames() -> None:
    table = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy")).df()
    assert type(table) is not pd.DataFrame
    assert type(table[["df"]]) is pd.DataFrame
    assert type(table.table) is pd.DataFrame
    assert type(table.loc[["Days"]]) is pd.DataFrame
    assert "Days" in repr(table.loc[["Days"]])
    table["double"] = 2.0 * table["df"]
    assert "double" in repr(table)
    table.loc["another"] = 1.0
    assert "another" in repr(table)
    assert "another" in table._repr_html_()
    table["words"] = "some"
    assert "some" in repr(table)
    assert "some" in table._repr_html_()


def test_without_fixed_effects() -> None:
    fit = mw.lmer("Reaction ~ 0 + (1 | Subject)", mw.load("sleepstudy"))
    for method in ("satterthwaite", "kenward-roger"):
        assert len(fit.df(method)) == 0
        assert len(fit.anova(method)) == 0
        assert "df" in repr(fit.df(method))
        assert "<table" in fit.df(method)._repr_html_()


def test_unknown_method() -> None:
    fit = mw.lmer("Reaction ~ Days + (1 | Subject)", mw.load("sleepstudy"))
    with pytest.raises(mw.ModelError, match=r"did you mean 'satterthwaite'.*choose"):
        fit.df("satterthwait")
    with pytest.raises(mw.ModelError, match="choose 'satterthwaite' or 'kenward-roger'"):
        fit.anova(method=None)  # type: ignore[arg-type]


def test_denominators_of_several_contrasts() -> None:
    assert denominator(np.array([7.0, 7.0 + 1e-9])) == pytest.approx(7.0)
    assert denominator(np.array([7.0, 1.5])) == 2.0
    assert np.isnan(denominator(np.array([7.0, np.nan])))
    E = 5.0 / 3.0 + 9.0 / 7.0  # Fai and Cornelius (1996)
    assert denominator(np.array([5.0, 9.0])) == pytest.approx(2.0 * E / (E - 2.0))


def test_large_samples_approach_the_normal() -> None:
    assert moments_of_f(0.0, 0.0, 1) == (float("inf"), 1.0)
    assert moments_of_f(0.0, 0.0, 3) == (float("inf"), 1.0)

    class Known:
        beta = np.array([1.96])
        sigma = 1.0
        covariance = np.eye(1)

        def df(self, contrasts: np.ndarray) -> np.ndarray:
            return np.full(len(contrasts), np.inf)

        def f_test(self, contrasts: np.ndarray) -> tuple[float, int, float]:
            return 1.96**2, 1, np.inf

    assert t_tests(Known())["Pr(>|t|)"][0] == pytest.approx(0.04999579, rel=1e-6)

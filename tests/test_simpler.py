"""Simpler models, each fitted again by another way, and ellipses that have collapsed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from mixedwidgets import lmer, load
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.recipe import Recipe
from mixedwidgets.lmm.simpler import collapses, simpler_models
from mixedwidgets.lmm.simpler_tables import CAUTION, Collapse


def grouped(seed: int, sd: tuple[float, float] = (0.0, 0.0)) -> pd.DataFrame:
    """Twelve groups of ten, whose intercepts and slopes have these standard deviations."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(12), 10)
    x = np.tile(np.linspace(-1.0, 1.0, 10), 12)
    y = 3.0 + x + sd[0] * rng.normal(size=12)[g] + sd[1] * rng.normal(size=12)[g] * x
    return pd.DataFrame({"g": g, "x": x, "y": y + rng.normal(size=120)})


MODELS = [
    ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    ("Reaction ~ Days + (Days || Subject)", "sleepstudy"),
    ("Reaction ~ Days + I(Days^2) + (Days + I(Days^2) | Subject)", "sleepstudy"),
    ("Reaction ~ (1 | Subject) + Days + (0 + Days | Subject)", "sleepstudy"),
    ("score ~ Machine + (Machine | Worker)", "machines"),
    ("score ~ Machine + (1 | Worker/Machine)", "machines"),
    ("score ~ 0 + Machine + (0 + Machine | Worker) + (1 | Worker)", "machines"),
    ("strength ~ 1 + (1 | batch/cask)", "pastes"),
    ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"),
    ("angle ~ recipe * temp + (temp | replicate/recipe)", "cake"),
    ("distance ~ age * Sex + (age | Subject)", "orthodont"),
    ("log(yield) ~ nitro + (poly(nitro, 2) | Block) + (1 | Variety)", "oats"),
]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("formula", "data"), MODELS)
def test_every_model_is_what_its_formula_says(formula: str, data: str, reml: bool) -> None:
    fit = lmer(formula, load(data), REML=reml)
    table = fit.simpler()
    assert len(table) > 0
    assert table["change"].is_monotonic_increasing
    assert table.index.is_unique
    assert table.attrs["criterion"] == ("REML" if reml else "ML")
    for smaller, row in table.iterrows():
        assert row.linear == ("|" not in str(smaller))
        if row.linear:
            continue
        again = lmer(str(smaller), load(data), REML=reml)
        assert row.change == pytest.approx(
            max(again.criterion - fit.criterion, 0.0), abs=1e-6 * (1.0 + abs(fit.criterion))
        )
        assert row.df == fit.npar - again.npar
        assert row.df > 0
        assert row.boundary == (again.verdict.kind == "boundary fit")


def test_numbers_of_lme4() -> None:
    # REML criteria of the three models of sleepstudy: 1743.628, 1743.669 and 1786.465
    table = lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy")).simpler()
    assert list(table.index) == [
        "Reaction ~ Days + (Days || Subject)",
        "Reaction ~ Days + (1 | Subject)",
        "Reaction ~ Days",
    ]
    assert table["change"].iloc[0] == pytest.approx(1743.669 - 1743.628, abs=1e-3)
    assert table["change"].iloc[1] == pytest.approx(1786.465 - 1743.628, abs=1e-3)
    assert list(table["df"]) == [1, 2, 3]
    assert list(table["linear"]) == [False, False, True]
    assert list(table["step"]) == [
        "the intercept and the slope of Days vary independently between levels of Subject",
        "the slope of Days does not vary between levels of Subject",
        "levels of Subject do not differ: a linear model remains",
    ]


def test_linear_model_is_least_squares() -> None:
    data = load("sleepstudy")
    fit = lmer("Reaction ~ Days + (Days | Subject)", data, REML=False)
    X = np.column_stack((np.ones(len(data)), data["Days"]))
    residual = data["Reaction"] - X @ np.linalg.lstsq(X, data["Reaction"], rcond=None)[0]
    n = len(data)
    deviance = n * (1.0 + np.log(2.0 * np.pi * float(residual @ residual) / n))
    table = fit.simpler()
    assert table.loc["Reaction ~ Days", "change"] == pytest.approx(deviance - fit.criterion)


def test_p_values_come_from_the_right_null() -> None:
    table = lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy")).simpler()
    change, p, null = table["change"], table["p_value"], table["null"]
    assert p.iloc[0] == pytest.approx(chi2.sf(change.iloc[0], 1))
    assert null.iloc[0] == "chi-square with 1 degree of freedom"
    half = 0.5 * (chi2.sf(change.iloc[1], 1) + chi2.sf(change.iloc[1], 2))
    assert p.iloc[1] == pytest.approx(half)
    assert null.iloc[1] == "an equal mixture of chi-squares with 1 and 2 degrees of freedom"
    assert p.iloc[2] == pytest.approx(chi2.sf(change.iloc[2], 3))
    assert null.iloc[2].endswith("conservative for 2 variances at once")
    single = lmer("strength ~ 1 + (1 | batch/cask)", load("pastes"), REML=False)
    for name, row in single.simpler().iterrows():
        group = "batch" if "cask" in str(name) else "cask:batch"
        test = single.test_variance(f"sd_(Intercept)|{group}", method="mixture")
        assert row.p_value == pytest.approx(test.p_value, rel=1e-5)


def test_boundary_fit_loses_nothing_with_what_does_not_vary() -> None:
    fit = lmer("y ~ x + (x || g)", grouped(2, (1.0, 0.0)))
    assert fit.verdict.kind == "boundary fit"
    table = fit.simpler()
    assert table.index[0] == "y ~ x + (1 | g)"
    assert table["change"].iloc[0] == pytest.approx(0.0, abs=1e-8)
    assert table["p_value"].iloc[0] == pytest.approx(1.0, abs=1e-3)
    assert table.attrs["directions"] == fit.verdict.directions
    assert table.attrs["directions"][0].startswith("the slope of x does not vary")
    assert "p-values and intervals of the model chosen are too optimistic" in table.attrs["caution"]
    assert table.attrs["caution"] == CAUTION


def test_intercept_that_does_not_vary_can_be_left_out() -> None:
    fit = lmer("y ~ x + (x || g)", grouped(3, (0.0, 1.5)))
    assert fit.values()["sd_(Intercept)|g"] == 0.0
    table = fit.simpler()
    assert table.index[0] == "y ~ x + (0 + x | g)"
    assert table["step"].iloc[0] == "the intercept does not vary between levels of g"
    assert table["change"].iloc[0] == pytest.approx(0.0, abs=1e-8)


def test_correlation_at_its_boundary_makes_its_test_a_rough_guide() -> None:
    fit = lmer("angle ~ recipe * temp + (temp | replicate)", load("cake"))
    assert fit.verdict.kind == "boundary fit"
    null = fit.simpler().loc["angle ~ recipe * temp + (temp || replicate)", "null"]
    assert null.startswith("chi-square with 1 degree of freedom; a rough guide, because the ")


def test_terms_that_stay_are_as_written() -> None:
    fit = lmer("angle ~ recipe * temp + (temp | replicate/recipe)", load("cake"))
    assert set(fit.simpler().index) == {
        "angle ~ recipe * temp + (temp || recipe:replicate) + (temp | replicate)",
        "angle ~ recipe * temp + (temp | recipe:replicate) + (temp || replicate)",
        "angle ~ recipe * temp + (1 | recipe:replicate) + (temp | replicate)",
        "angle ~ recipe * temp + (temp | recipe:replicate) + (1 | replicate)",
        "angle ~ recipe * temp + (temp | recipe:replicate)",
        "angle ~ recipe * temp + (temp | replicate)",
    }
    data = load("penicillin").rename(columns={"plate": "the plate", "diameter": "a`b"})
    odd = lmer("`a\\`b` ~ 1 + (1 | `the plate`) + (1 | sample)", data)
    assert set(odd.simpler().index) == {
        "`a\\`b` ~ 1 + (1 | sample)",
        "`a\\`b` ~ 1 + (1 | `the plate`)",
    }


def test_effects_of_interactions_stay_and_factors_are_no_correlation() -> None:
    data = load("cake")
    data["u"] = data["temp"] - data["temp"].mean()
    data["v"] = np.tile([0.0, 1.0, 2.0], 90)
    fit = lmer("angle ~ u * v + (u * v | replicate)", data, REML=False)
    steps = list(fit.simpler()["step"])
    assert "the effect of u:v does not vary between levels of replicate" in steps
    assert not any("slope of u" in step for step in steps)
    factor = lmer("score ~ Machine + (Machine | Worker)", load("machines"))
    assert not any("independently" in step for step in factor.simpler()["step"])


def test_without_a_formula_there_is_no_simpler_one() -> None:
    fit = lmer("Yield ~ 1 + (1 | Batch)", load("dyestuff"))
    with pytest.raises(ModelError, match="not made from a formula and data"):
        simpler_models(replace(fit.design, recipe=Recipe()), fit.estimate)


def check_line(found: Collapse) -> None:
    """Check what an ellipse that has collapsed to a line must be."""
    sd = np.sqrt(np.diag(found.covariance))
    size = float(np.abs(found.covariance).max())
    assert found.direction @ found.covariance @ found.direction == pytest.approx(
        0.0, abs=1e-12 * size
    )
    assert np.linalg.norm(found.direction) == pytest.approx(1.0)
    assert found.rank == 1
    np.testing.assert_allclose(found.outline @ found.direction, 0.0, atol=1e-7 * np.sqrt(size))
    reach = np.sqrt(chi2.ppf(0.95, 2))
    np.testing.assert_allclose(np.abs(found.outline).max(axis=0), reach * sd, rtol=1e-3)


def test_perfect_correlation_is_a_line() -> None:
    fit = lmer("angle ~ recipe * temp + (temp | replicate)", load("cake"))
    (found,) = fit.collapses()
    check_line(found)
    assert found.words == "; ".join(fit.verdict.directions)
    assert found.names == ("intercept", "temp")
    assert found.group == "replicate"
    assert abs(found.covariance[0, 1]) == pytest.approx(
        float(np.sqrt(np.prod(np.diag(found.covariance))))
    )


def test_effect_without_variance_is_a_line_along_the_other() -> None:
    fit = lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"))
    point = fit.at({"sd_Days|Subject": 0.0})
    (found,) = collapses(fit.design, point.estimate)
    check_line(found)
    np.testing.assert_array_equal(found.direction, [0.0, 1.0])
    assert found.words.startswith("the slope of Days does not vary between levels of Subject")


def test_no_variance_at_all_is_a_point() -> None:
    fit = lmer("y ~ x + (x | g)", grouped(7), REML=False)
    (found,) = fit.collapses()
    assert found.rank == 0
    assert not found.covariance.any()
    assert not found.outline.any()
    assert "do not vary" in found.words or "does not vary" in found.words


def test_no_collapse_inside() -> None:
    fit = lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"))
    assert fit.collapses() == ()
    assert collapses(fit.design, fit.estimate) == ()

"""The verdict in words: what does not vary, what moves together, what is not known."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

WAVE = np.array([1.0, -3.0, 3.0, -1.0])  # orthogonal to a line over four equal steps
AT_PEAK = (
    "Converged: the likelihood is at a peak, level to within rounding and lower on every side."
)


def schools(slopes=None, noise: float = 1.0) -> pd.DataFrame:
    """Schools whose own lines have these slopes in ses; intercepts vary. No slopes: all alike."""
    slopes = np.full(8, 0.5) if slopes is None else np.asarray(slopes)
    level = np.array([-3.0, 2.0, -1.0, 1.5, 0.0, 3.0, -2.0, 0.5])[: len(slopes)]
    ses = np.array([-3.0, -1.0, 1.0, 3.0])
    parts = [
        pd.DataFrame({"score": 10.0 + a + b * ses + noise * sign * WAVE, "ses": ses, "school": j})
        for j, (a, b, sign) in enumerate(zip(level, slopes, [1, -1] * 4, strict=False))
    ]
    return pd.concat(parts, ignore_index=True)


def verdict(formula: str, data: pd.DataFrame, **arguments):
    """The verdict, checked to be one sentence without what users did not write."""
    found = mw.lmer(formula, data, **arguments).verdict
    assert "\n" not in found.sentence
    assert found.sentence.endswith(".")
    assert not re.search(r"\.\s|nan|\[|array", found.sentence[:-1])
    assert str(found) == found.sentence
    return found


def test_an_ordinary_optimum():
    found = verdict("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    assert found.kind == "converged"
    assert found.sentence == AT_PEAK
    assert (found.starts, found.agreeing, found.directions) == (1, 1, ())
    assert dataclasses.is_dataclass(found)


@pytest.mark.parametrize("bars", ["|", "||"])
def test_a_slope_that_does_not_vary(bars):
    found = verdict(f"score ~ ses + (ses {bars} school)", schools())
    assert found.kind == "boundary fit"
    words = (
        "the slope of ses does not vary between levels of school beyond noise "
        "(its variance is estimated as zero)"
    )
    assert found.directions == (words,)
    assert found.sentence == (
        f"Boundary fit: {words}; no step away from there raises the likelihood, and all "
        f"{found.starts} starts of the search led there."
    )


def test_an_intercept_that_does_not_vary():
    found = verdict("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    assert "the intercept does not vary between levels of Batch beyond noise" in found.sentence
    assert "both starts of the search led there" in found.sentence


def test_names_are_read_as_written():
    data = schools().rename(columns={"ses": "s.e.s (z)", "school": "the school"})
    found = verdict("score ~ `s.e.s (z)` + (`s.e.s (z)` || `the school`)", data)
    assert "the slope of s.e.s (z) does not vary between levels of the school" in found.sentence


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("ses", "the slope of ses"),
        ("high", "the effect of high"),
        ("flag", "the effect of flagTRUE"),
        ("I(ses^3)", "the slope of I(ses^3)"),
        ("high:ses", "the effect of high:ses"),
    ],
)
def test_a_slope_of_numbers_an_effect_of_groups(column, words):
    data = schools().assign(high=lambda d: (d["ses"] > 0).astype(int), flag=lambda d: d["ses"] > 0)
    data["score"] = 10.0 + np.tile([0.0, 1.0, -1.0, 2.0] * 2, 4) + 0.1 * np.tile(WAVE, 8)
    data["school"] = np.repeat(np.arange(8), 4)
    bar = "(flag | school)" if column == "flag" else f"(1 | school) + (0 + {column} | school)"
    found = verdict(f"score ~ ses + {bar}", data)
    assert found.kind == "boundary fit"
    assert words in found.sentence


@pytest.mark.parametrize(("sign", "how"), [(1, "in step"), (-1, "in exactly opposite ways")])
def test_two_effects_that_move_together(sign, how):
    level = np.array([-3.0, 2.0, -1.0, 1.5, 0.0, 3.0, -2.0, 0.5])
    found = verdict("score ~ ses + (ses | school)", schools(sign * 0.4 * level, noise=0.3))
    assert found.directions == (
        f"the intercept and the slope of ses vary {how} between levels of school (their "
        f"correlation is estimated as exactly {'+' if sign > 0 else '-'}1)",
    )


def test_several_effects_and_several_factors():
    """What is alike is said once for each grouping factor."""
    data = schools().assign(score=lambda d: 10 + 0.5 * d["ses"] + np.tile(WAVE, 8))
    data["town"] = data["school"] % 4
    found = verdict("score ~ ses + (ses | school) + (1 | town)", data)
    assert found.sentence.startswith(
        "Boundary fit: the intercept and the slope of ses do not vary between levels of school "
        "beyond noise (their variances are estimated as zero); the intercept does not vary "
        "between levels of town beyond noise (its variance is estimated as zero); no step"
    )
    assert len(found.directions) == 3
    apart = verdict("score ~ ses + (1 | school) + (0 + ses | school) + (1 | town)", data)
    assert apart.sentence.split(";")[:2] == found.sentence.split(";")[:2]


def test_a_factor_that_varies_beside_one_that_does_not():
    data = schools()
    data["town"] = np.tile([0, 1], 16)
    found = verdict("score ~ ses + (1 | school) + (1 | town)", data)
    assert found.directions == (
        "the intercept does not vary between levels of town beyond noise "
        "(its variance is estimated as zero)",
    )
    data["town"] = np.tile([0, 1, 1, 0], 8)
    nested = verdict("score ~ ses + (1 | school / town)", data)
    assert "between levels of town:school beyond noise" in nested.sentence


def test_combinations_are_counted():
    data = mw.load("cake")
    one = verdict("angle ~ recipe * temp + (temp + recipe | replicate)", data)
    assert one.directions == (
        "one combination of the intercept, the slope of temp, the effect of recipeB and the effect "
        "of recipeC does not vary between levels of replicate beyond noise",
    )
    three = verdict("angle ~ recipe * temp + (temp * recipe | replicate)", data)
    assert three.directions[0].startswith("three combinations of the intercept, ")
    assert "do not vary between levels of replicate" in three.sentence


def awkward() -> pd.DataFrame:
    """Data with two optima: a correlated one, and one on the boundary a little above it."""
    rng = np.random.default_rng(112)
    m = rng.integers(3, 25)
    sizes = rng.integers(1 if rng.random() < 0.5 else 3, 9, m)
    g = np.repeat(np.arange(m), sizes)
    n = len(g)
    x, z = rng.normal(rng.normal(0, 3), 1, n), rng.normal(size=n)
    if rng.random() < 0.3:
        x = rng.normal(size=m)[g] + 0.1 * x
    sd = rng.choice([0, 0, 0.1, 0.5, 1, 3], 3)
    b = rng.normal(size=(m, 3))
    if rng.random() < 0.4:
        b[:, 1] = b[:, 0] * rng.choice([-1, 1])
    b = b * sd
    noise = rng.normal(size=n) * rng.choice([0.01, 1, 1, 5])
    return pd.DataFrame({"y": b[g, 0] + b[g, 1] * x + b[g, 2] * z + noise, "x": x, "g": g})


def test_starts_that_do_not_agree_are_counted():
    found = verdict("y ~ x + (x | g)", awkward(), control={"starts": 12})
    assert found.starts >= 12
    assert 0 < found.agreeing < found.starts
    assert (
        f"{found.agreeing} of {found.starts} starts of the search led there, the others to places "
        "less likely"
    ) in found.sentence


def test_a_search_that_did_not_arrive():
    control = {"max_iterations": 1, "check_conv_grad": "ignore"}
    formula = "Reaction ~ Days + (Days | Subject)"
    found = verdict(formula, mw.load("sleepstudy"), start=[20, 0, 9], control=control)
    assert found.kind == "not converged"
    assert "its limit of 1 step before the likelihood was level; allow it more" in found.sentence


def test_what_the_data_do_not_say():
    control = dict.fromkeys(("check_nlev_gtr_1", "check_conv_hess"), "ignore")
    found = verdict("score ~ ses + (ses | one)", schools().assign(one="a"), control=control)
    assert found.kind == "not converged"
    assert found.sentence == (
        "Not converged: the data do not say how much the intercept and the slope of ses vary "
        "between levels of one: quite different variances are equally likely, so choose a simpler "
        "model."
    )


# is_singular -------------------------------------------------------------------------------------


def test_is_singular_as_lme4_says_it():
    """isSingular() of lme4 1.1-31."""
    assert mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2")).is_singular() is True
    sleep = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    assert sleep.is_singular() is False
    assert sleep.is_singular(tol=0.3) is True
    assert sleep.is_singular(0.2) is False
    assert sleep.is_singular(tol=0) is False


def test_off_diagonal_elements_do_not_count():
    level = np.array([-3.0, 2.0, -1.0, 1.5, 0.0, 3.0, -2.0, 0.5])
    negative = mw.lmer("score ~ ses + (ses | school)", schools(-0.4 * level, noise=0.3))
    assert negative.theta.iloc[1] < 0.0
    assert negative.is_singular() is True  # for its last element
    slight = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    assert slight.theta.iloc[1] < 0.1
    assert slight.is_singular(0.1) is False


def test_the_verdict_does_not_mistake_units_for_a_boundary():
    data = mw.load("sleepstudy").assign(Days=lambda d: d["Days"] * 1e6)
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data)
    assert fit.is_singular() is True  # as lme4, by the size of theta
    assert fit.verdict.kind == "converged"


@pytest.mark.parametrize("tol", [-1e-4, "small", None, np.nan])
def test_what_is_no_tolerance(tol):
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    with pytest.raises(mw.ModelError, match="give a number of at least 0"):
        fit.is_singular(tol)

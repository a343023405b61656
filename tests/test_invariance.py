"""The same data in other units, another order or other words give the same answer, rescaled.

Properties of the whole way from a formula and a table to estimates, for models with one grouping
factor, nested and crossed ones. Binary64 sets the limits: numbers are multiples of 2^-12, so that
adding 1e9 to them is exact.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.lmm.fit import Fit

FORMULAS = {
    "one": [
        "y ~ x + (1 | a)",
        "y ~ x + f + (x | a)",
        "y ~ x * z + (x || a)",
        "y ~ f + (0 + f | a)",
    ],
    "nested": ["y ~ x + (1 | a/b)", "y ~ x + f + (x | a) + (1 | a:b)"],
    "crossed": ["y ~ x + (1 | a) + (1 | b)", "y ~ x + z + (x | a) + (1 | b)"],
}
SHIFTABLE = [  # every slope that varies has an intercept that varies with it
    "y ~ x + (1 | a)",
    "y ~ x + f + (x | a)",
    "y ~ x + (1 | a/b)",
    "y ~ x + (x | a) + (1 | a:b)",
    "y ~ x + (1 | a) + (1 | b)",
    "y ~ x + z + (x | a) + (1 | b)",
]
ANY = [formula for kind in FORMULAS.values() for formula in kind]

few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Case:
    formula: str
    reml: bool
    data: pd.DataFrame


@st.composite
def cases(draw, formulas=ANY) -> Case:
    """A model and data that can show its variance components, or some of them at zero."""
    formula = draw(st.sampled_from(formulas))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    a = np.repeat(np.arange(draw(st.integers(6, 12))), 9)
    n = len(a)
    nested = "a/b" in formula or "a:b" in formula
    b = np.tile(np.repeat(np.arange(3), 3), n // 9) if nested else rng.integers(0, 5, n)
    sizes = rng.choice([0.0, 0.3, 1.0, 3.0], 3)
    x, z = rng.normal(2.0, 1.5, n), rng.normal(size=n)
    y = 3.0 + 0.5 * x + sizes[0] * rng.normal(size=a.max() + 1)[a] + rng.normal(size=n)
    y += sizes[1] * rng.normal(size=60)[a * 3 + b if nested else b]
    y += sizes[2] * rng.normal(size=a.max() + 1)[a] * (x - 2.0)
    data = pd.DataFrame({"y": y, "x": x, "z": z}).map(lambda v: np.round(v * 4096.0) / 4096.0)
    data["f"] = pd.Categorical(rng.permutation(np.resize(["p", "q", "r"], n)))
    data["a"], data["b"] = [f"a{i:02d}" for i in a], [f"b{i}" for i in b]
    data = data.sample(frac=0.9, random_state=int(a.max())).reset_index(drop=True)
    return Case(formula, draw(st.booleans()), data)


def answers(fit: Fit, data: pd.DataFrame) -> dict[str, np.ndarray]:
    """What follows from a fit to data and means the same whatever the units of a covariate."""
    new = data.iloc[:7].assign(a="new", b="new")
    found = {
        "population": fit.predict(re_form="none", interval="prediction"),
        "one term": fit.predict(data, re_form=f"~ {_first_term(fit)}", interval="prediction"),
        "groups": fit.predict(data, interval="confidence"),
        "new groups": fit.predict(new, allow_new_levels=True, interval="prediction"),
        "shares": np.append(fit.r2().to_numpy(dtype=float), _shares(fit)),
        "sigma": fit.confint("sigma", method="wald"),
        "leverages": fit.hatvalues(),
        "residuals": fit.resid("scaled"),
    }
    for what in ({"approximate": True}, {"group": "a"}, {"group": "a", "approximate": True}):
        left_out = fit.influence(**what)
        for measure in ("cooks_distance", "covratio", "covtrace"):
            found[f"{measure} {what}"] = getattr(left_out, measure)
    return {name: np.asarray(values, dtype=float) for name, values in found.items()}


def _first_term(fit: Fit) -> str:
    block = fit.design.blocks[0]
    names = [name for name in block.names if name != "(Intercept)"]
    return f"({' + '.join(['1', *names])} | {fit.design.groupings[block.grouping].name})"


def _shares(fit: Fit) -> np.ndarray:
    return np.asarray(fit.icc(), dtype=float).ravel()


def assert_same_answers(ours: dict, others: dict, rel: float = 1e-6) -> None:
    for name, expected in ours.items():
        size = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        np.testing.assert_allclose(
            others[name], expected, rtol=rel, atol=rel * size, err_msg=name, equal_nan=True
        )


def fitted(case: Case, formula: str | None = None, **changes) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return mw.lmer(formula or case.formula, case.data.assign(**changes), REML=case.reml)


def assert_same(plain: Fit, other: Fit, unit: float = 1.0, shift: float = 0.0, rel=1e-6) -> None:
    """Everything that does not depend on the coding of X, the response being unit * y + shift."""
    dof = plain.nobs - (len(plain.fixef) if plain.reml else 0)
    criterion = other.criterion - 2.0 * dof * np.log(unit)
    assert criterion == pytest.approx(plain.criterion, rel=1e-9, abs=1e-7)
    assert other.sigma / unit == pytest.approx(plain.sigma, rel=rel)
    scale = max(1.0, plain.theta.abs().max())
    np.testing.assert_allclose(other.theta, plain.theta, rtol=rel, atol=rel * scale)
    assert other.verdict.kind == plain.verdict.kind
    near = rel * plain.sigma
    expected = plain.fitted().to_numpy()
    resolved = near + 1e-15 * abs(shift / unit)
    np.testing.assert_allclose((other.fitted() - shift) / unit, expected, atol=resolved, rtol=0)
    for group, modes in plain.ranef().items():
        others = other.ranef()[group]
        np.testing.assert_allclose(others / unit, modes, atol=10.0 * near, rtol=rel)


def assert_same_coefficients(plain: Fit, other: Fit, factors: np.ndarray, rel=1e-6) -> None:
    """Coefficients and standard errors, those of the other fit multiplied by factors."""
    se = plain.se.to_numpy()
    difference = other.fixef.to_numpy() * factors - plain.fixef.to_numpy()
    assert np.all(np.abs(difference) < rel * (se + np.abs(plain.fixef.to_numpy())))
    np.testing.assert_allclose(other.se.to_numpy() * factors, se, rtol=rel)


@few
@given(cases(), st.sampled_from([1e-6, 1e6, -1.0]))
def test_units_of_the_response(case, unit):
    plain, other = fitted(case), fitted(case, y=case.data["y"] * unit)
    if unit < 0.0:
        assert other.criterion == pytest.approx(plain.criterion, rel=1e-12)
        np.testing.assert_allclose(other.fixef, -plain.fixef, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-6, atol=1e-6)
        return
    assert_same(plain, other, unit)
    assert_same_coefficients(plain, other, np.full(len(plain.fixef), 1.0 / unit))


@few
@given(cases(), st.sampled_from([1e9, -1e9]))
def test_a_response_far_from_zero(case, shift):
    plain, other = fitted(case), fitted(case, y=case.data["y"] + shift)
    assert_same(plain, other, shift=shift)
    np.testing.assert_allclose(other.se, plain.se, rtol=1e-6)
    constant = np.array([name == "(Intercept)" for name in plain.fixef.index])
    expected = plain.fixef.to_numpy() + np.where(constant, shift, 0.0)
    np.testing.assert_allclose(other.fixef, expected, rtol=1e-15, atol=1e-6)


@few
@given(cases(), st.sampled_from([1e-6, 1e6]))
def test_units_of_a_covariate(case, unit):
    plain, other = fitted(case), fitted(case, x=case.data["x"] * unit)
    powers = np.array(["x" in name.split(":") for name in plain.fixef.index], dtype=float)
    constant = 2.0 * powers.sum() * np.log(unit) if case.reml else 0.0
    assert other.criterion - constant == pytest.approx(plain.criterion, rel=1e-9, abs=1e-7)
    assert other.sigma == pytest.approx(plain.sigma, rel=1e-6)
    assert_same_coefficients(plain, other, unit**powers)
    ours, theirs = plain.varcorr(), other.varcorr()
    for (_, one), (_, two) in zip(ours.iterrows(), theirs.iterrows(), strict=True):
        slopes = (one["var1"] == "x") + (one["var2"] == "x")
        correlation = isinstance(one["var2"], str)
        factor = 1.0 if correlation else unit**slopes
        if np.isfinite(one["sdcor"]):
            assert two["sdcor"] * factor == pytest.approx(one["sdcor"], rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(other.fitted(), plain.fitted(), atol=1e-6 * plain.sigma, rtol=0)


@few
@given(cases(SHIFTABLE), st.sampled_from([1e9, -1e9]))
def test_a_covariate_far_from_zero(case, shift):
    """With an intercept, and random intercepts beside random slopes, it is the same model."""
    plain, other = fitted(case), fitted(case, x=case.data["x"] + shift)
    assert other.criterion == pytest.approx(plain.criterion, rel=1e-8)
    assert other.sigma == pytest.approx(plain.sigma, rel=1e-6)
    assert other.fixef["x"] == pytest.approx(plain.fixef["x"], abs=1e-6 * plain.se["x"])
    assert other.se["x"] == pytest.approx(plain.se["x"], rel=1e-6)
    ours, theirs = plain.varcorr(), other.varcorr()
    kept = (ours["var1"] == "x") & ours["var2"].isna()
    np.testing.assert_allclose(theirs["sdcor"][kept], ours["sdcor"][kept], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.fitted(), plain.fitted(), atol=1e-5 * plain.sigma, rtol=0)


ANSWERING = [
    "y ~ x + (x | a)",
    "y ~ x * f + (1 | a)",
    "y ~ x * f + (x | a)",
    "y ~ x * z + (x | a)",
    "y ~ x + f + (x | a) + (1 | b)",
]


@few
@given(cases(ANSWERING), st.sampled_from([1e6, 1e7, 1e9, -1e9]))
def test_answers_from_a_covariate_far_from_zero(case, shift):
    """With interactions too, no column is dropped and every answer is the same."""
    plain = fitted(case)
    if plain.verdict.kind != "converged":
        return
    data = case.data.assign(x=case.data["x"] + shift)
    other = fitted(Case(case.formula, case.reml, data))
    assert not other.design.dropped
    assert_same_answers(answers(plain, case.data), answers(other, data))


@few
@given(cases(ANSWERING), st.sampled_from([1e-6, 1e6]))
def test_answers_from_a_covariate_in_other_units(case, unit):
    plain = fitted(case)
    if plain.verdict.kind != "converged":
        return
    data = case.data.assign(x=case.data["x"] * unit)
    other = fitted(Case(case.formula, case.reml, data))
    assert_same_answers(answers(plain, case.data), answers(other, data))


@pytest.mark.parametrize("formula", ["y ~ x + (x | a)", "y ~ x + (x | a) + (1 | b)"])
@pytest.mark.parametrize("far", [lambda x: x + 1e9, lambda x: 1e3 + 1e-6 * x])
def test_profile_of_a_slope_far_from_zero(formula, far):
    rng = np.random.default_rng(5)
    a = np.repeat(np.arange(10), 9)
    x = np.round(rng.normal(size=90) * 4096.0) / 4096.0
    y = x + rng.normal(size=90) + (rng.normal(size=(2, 10))[:, a] * [np.ones(90), x]).sum(axis=0)
    data = pd.DataFrame({"y": y, "x": x, "a": a, "b": np.resize(np.arange(5), 90)})
    unit = np.ptp(far(x)) / np.ptp(x)
    for name, factor in {"sd_x|a": unit, "sigma": 1.0}.items():
        plain = mw.lmer(formula, data).confint(name)
        other = mw.lmer(formula, data.assign(x=far(x))).confint(name)
        limits = [t.select_dtypes("number").to_numpy() for t in (plain, other)]
        np.testing.assert_allclose(limits[1] * factor, limits[0], rtol=1e-6)


@few
@given(cases(ANSWERING))
def test_predictions_for_the_data_are_the_fitted_values(case):
    """Also where the covariate is a mean with a millionth beside it."""
    fit = fitted(case, x=1e3 + 1e-6 * case.data["x"])
    data = case.data.assign(x=1e3 + 1e-6 * case.data["x"])
    np.testing.assert_allclose(fit.predict(data), fit.fitted(), atol=1e-12, rtol=1e-12)


@few
@given(cases(), st.randoms(use_true_random=False))
def test_order_of_rows(case, random):
    order = list(range(len(case.data)))
    random.shuffle(order)
    plain = fitted(case)
    other = fitted(Case(case.formula, case.reml, case.data.iloc[order]))
    assert list(other.fitted().index) == order
    np.testing.assert_allclose(
        other.fitted().sort_index(), plain.fitted(), atol=1e-6 * plain.sigma, rtol=0
    )
    assert other.criterion == pytest.approx(plain.criterion, rel=1e-12)
    np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-6, atol=1e-6)
    assert_same_coefficients(plain, other, np.ones(len(plain.fixef)))
    for group, modes in plain.ranef().items():
        np.testing.assert_allclose(other.ranef()[group], modes, atol=1e-5 * plain.sigma)


@few
@given(cases(), st.randoms(use_true_random=False))
def test_names_of_levels(case, random):
    names = sorted(case.data["a"].unique())
    shuffled = [f"level {i}: ä%" for i in range(len(names))]
    random.shuffle(shuffled)
    new = dict(zip(names, shuffled, strict=True))
    plain = fitted(case)
    other = fitted(case, a=case.data["a"].map(new))
    assert other.criterion == pytest.approx(plain.criterion, rel=1e-12)
    np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-6, atol=1e-6)
    assert_same_coefficients(plain, other, np.ones(len(plain.fixef)))
    modes = other.ranef()["a"].rename(index={v: k for k, v in new.items()})
    expected = plain.ranef()["a"]
    np.testing.assert_allclose(modes.loc[expected.index], expected, atol=1e-5 * plain.sigma)


@few
@given(cases([f for f in ANY if " f " in f]), st.sampled_from(["sum", "helmert", "poly", "sas"]))
def test_coding_of_a_factor(case, coding):
    """REML's criterion moves by a constant, log |det| of the change of columns; nothing else."""
    plain = fitted(case)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = mw.lmer(case.formula, case.data, REML=case.reml, contrasts={"f": coding})
    change = np.linalg.lstsq(other.design.X, plain.design.X, rcond=None)[0]
    constant = 2.0 * np.linalg.slogdet(change)[1] if case.reml else 0.0
    assert other.criterion + constant == pytest.approx(plain.criterion, rel=1e-10)
    np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-6, atol=1e-6)
    assert other.sigma == pytest.approx(plain.sigma, rel=1e-6)
    np.testing.assert_allclose(change @ plain.fixef, other.fixef, rtol=1e-6, atol=1e-6)
    vcov = change @ plain.vcov.to_numpy() @ change.T
    np.testing.assert_allclose(other.vcov, vcov, rtol=1e-5, atol=1e-6 * np.abs(vcov).max())
    np.testing.assert_allclose(other.fitted(), plain.fitted(), atol=1e-6 * plain.sigma, rtol=0)


@few
@given(cases(SHIFTABLE))
def test_centring_a_covariate(case):
    """The fixed part centred, the random part as it is: the same columns span the same space."""
    fixed, random = case.formula.split(" + (", 1)
    centred = fixed.replace("x", "I(x - 2)") + " + (" + random
    plain, other = fitted(case), fitted(case, centred)
    assert other.criterion == pytest.approx(plain.criterion, rel=1e-10)
    np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.fixef.iloc[1:], plain.fixef.iloc[1:], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.se.iloc[1:], plain.se.iloc[1:], rtol=1e-6)
    np.testing.assert_allclose(other.fitted(), plain.fitted(), atol=1e-6 * plain.sigma, rtol=0)


@few
@given(cases(["y ~ x + z + f + (x | a) + (1 | b)", "y ~ x + z + f + (x + z | a)"]))
def test_order_of_terms(case):
    turned = {
        "y ~ x + z + f + (x | a) + (1 | b)": "y ~ (1 | b) + f + z + (x | a) + x",
        "y ~ x + z + f + (x + z | a)": "y ~ f + (z + x | a) + z + x",
    }
    plain, other = fitted(case), fitted(case, turned[case.formula])
    assert other.criterion == pytest.approx(plain.criterion, rel=1e-11)
    assert other.sigma == pytest.approx(plain.sigma, rel=1e-6)
    names = plain.fixef.index
    scale = plain.se + plain.fixef.abs()
    assert ((other.fixef[names] - plain.fixef).abs() < 1e-6 * scale).all()
    np.testing.assert_allclose(other.se[names], plain.se, rtol=1e-6)
    for group, modes in plain.ranef().items():
        others = other.ranef()[group][modes.columns]
        np.testing.assert_allclose(others, modes, atol=1e-5 * plain.sigma)

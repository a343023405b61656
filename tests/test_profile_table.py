"""fit.profile(): every point against lme4, the definition, and the exact limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.parameters import value_of
from mixedwidgets.lmm.wald import wald_covariance
from mixedwidgets.plots.figures import profile_pairs as draw
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models

LME4 = json.loads((Path(__file__).parent / "golden" / "lme4_profiles.json").read_text())["models"]
MODELS = {m["id"]: m for m in reference_models()}
REFERENCE = (
    *("dyestuff", "dyestuff2", "ergostool", "hoff100_null", "orthodont", "pastes_nested"),
    *("penicillin", "rail", "sas_bond", "sas_miss", "sleep_ri", "sleep_slope", "sleep_zcp"),
    "wheat_surrogate",
)


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))


@pytest.fixture(scope="module")
def sleep_profiles(sleep):
    return sleep.profile()


@pytest.fixture(scope="module")
def wheat_profiles():
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat")).profile()


@pytest.mark.parametrize("data", list(LME4))
def test_lme4_has_the_same_zeta_and_the_same_other_parameters(data):
    theirs = LME4[data]
    profiles = mw.lmer(theirs["formula"], mw.load(data)).profile()
    assert profiles.table.names == tuple(theirs["names"])
    for curve in profiles.curves:
        rows = np.array([r[1:] for r in theirs["rows"] if r[0] == curve.name])
        assert len(rows) >= 4
        zeta, path = rows[:, 0], rows[:, 1:]
        value = path[:, theirs["names"].index(curve.name)]
        ours = PchipInterpolator(*curve.line.T)(value)
        np.testing.assert_allclose(ours, zeta, atol=3e-5)
        # the other parameters, which lme4's optimiser finds to about 1e-3 of their spread, between
        # computed points that are up to 0.4 apart in zeta
        along = PchipInterpolator(curve.value, curve.path)(value)
        assert np.abs((along - path) / np.ptp(curve.path, axis=0).clip(1e-3)).max() < 0.05


@pytest.mark.parametrize("data", list(LME4))
def test_held_where_lme4_held_it_everything_is_as_in_lme4(data):
    """Not interpolated: the constrained optimum at lme4's values."""
    theirs = LME4[data]
    fit = mw.lmer(theirs["formula"], mw.load(data), REML=False)
    for p in fit.parameters:
        constraint = constrain(fit.estimate.moments, (p,), False)
        start = constraint.start(fit.estimate.factor, fit.sigma)
        for row in (r for r in theirs["rows"] if r[0] == p.name and abs(r[1]) > 0.1):
            value = row[2 + theirs["names"].index(p.name)]
            inner = constraint.minimise((value,), start)
            rise = inner.value - fit.criterion
            assert np.sqrt(rise) == pytest.approx(abs(row[1]), abs=1e-7)
            natural = constraint.natural((value,), inner.z)
            ours = np.array([value_of(q, *natural) for q in fit.parameters])
            se = np.sqrt(np.diag(wald_covariance(fit.estimate, fit.parameters)))
            assert np.nanmax(np.abs(ours - row[2:]) / se) < 2e-3


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", REFERENCE)
def test_the_exact_limits(name):
    """From the object's confint to 1e-6 relative; and the drawn curve passes through them."""
    folder = reference_folder()
    assert folder is not None, MISSING
    exact = json.loads((folder / "profile" / f"{name}.json").read_text())["exact"]
    model = MODELS[name]
    fit = mw.lmer(model["formula"], reference_data(model["dataset"]), contrasts=model["contrasts"])
    profiles = fit.profile(level=0.99)
    limits = profiles.confint()
    pd.testing.assert_frame_equal(pd.DataFrame(limits), pd.DataFrame(fit.confint()))
    cut = norm.ppf(0.975)
    for curve in profiles.curves:
        known = exact[curve.name]
        for limit, key, sign in zip(
            limits.loc[curve.name], ("lower", "upper"), (-1, 1), strict=True
        ):
            assert limit == pytest.approx(known[key], rel=1e-6, abs=1e-9)
            if limit not in curve.allowed:
                zeta = PchipInterpolator(*curve.line.T)(limit)
                assert zeta == pytest.approx(sign * cut, abs=1e-4)


def test_every_point_is_a_constrained_optimum(sleep, sleep_profiles):
    found = sleep.likelihood_estimate
    for p, curve in zip(sleep.parameters, sleep_profiles.curves, strict=True):
        constraint = constrain(found.moments, (p,), False)
        start = constraint.start(found.factor, found.sigma)
        for value, zeta, path in zip(curve.value, curve.zeta, curve.path, strict=True):
            if value in p.allowed:
                continue
            inner = constraint.minimise((value,), start)
            rise = max(inner.value - found.optimum.value, 0.0)
            assert zeta**2 == pytest.approx(rise, abs=1e-7)
            natural = constraint.natural((value,), inner.z)
            ours = [value_of(q, *natural) for q in sleep.parameters]
            np.testing.assert_allclose(path, ours, rtol=1e-4, atol=1e-5)


def test_the_shape_of_a_profile(sleep_profiles):
    for curve in sleep_profiles.curves:
        assert np.all(np.diff(curve.value) > 0)
        assert np.all(np.diff(curve.zeta) > 0)
        at = np.flatnonzero(curve.value == curve.estimate)
        assert curve.zeta[at] == [0.0]
        for end, bound in zip((0, -1), curve.allowed, strict=True):
            assert abs(curve.zeta[end]) >= norm.ppf(0.9995) or curve.value[end] == bound
        assert np.all(np.isin(curve.value, curve.line[:, 0]))
        # density is the derivative of the distribution function of zeta
        x, z = curve.line.T
        middle = 0.5 * (curve.density[1:] + curve.density[:-1])
        slope = np.diff(norm.cdf(z)) / np.diff(x)
        known = np.isfinite(middle)  # it is infinite at a perfect correlation
        assert np.all(known[:-1])
        np.testing.assert_allclose(middle[known], slope[known], atol=0.01 * slope.max())
        mass = np.sum(np.nan_to_num(middle) * np.diff(x)) + sum(curve.mass)
        assert mass == pytest.approx(1.0, abs=2e-3)


def test_a_profile_that_ends_at_zero_says_so(wheat_profiles):
    curve = wheat_profiles.curves[0]
    assert curve.value[0] == 0.0
    assert curve.zeta[0] == pytest.approx(-1.3237, abs=1e-4)
    assert "ends at the boundary 0" in wheat_profiles.notes["sd_(Intercept)|region"]
    assert curve.mass == (pytest.approx(norm.cdf(curve.zeta[0])), 0.0)
    assert curve.path[0, 0] == 0.0
    assert "ends at the boundary" in repr(wheat_profiles)


def test_an_estimate_at_zero():
    profiles = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2")).profile()
    curve = profiles.curves[0]
    assert curve.value[0] == curve.zeta[0] == curve.estimate == 0.0
    assert curve.mass[0] == 0.5
    assert np.isnan(curve.se)
    assert np.all(np.isfinite(curve.line))
    assert np.all(np.diff(curve.zeta) > 0)


def test_restricted(sleep):
    profiles = sleep.profile(criterion="REML")
    assert profiles.criterion == profiles.table.criterion == "REML"
    names = ("sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "sd_Days|Subject", "sigma")
    assert profiles.names == profiles.table.names == names
    assert [c.estimate for c in profiles.curves] == [sleep.values()[n] for n in names]
    title = repr(profiles.confint()).splitlines()[0]
    assert "restricted" in title
    ml = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)
    again = ml.profile("sigma", criterion="REML")
    np.testing.assert_allclose(again.curves[0].estimate, sleep.sigma, rtol=1e-6)
    with pytest.raises(mw.ModelError, match="not a function of 'Days'"):
        sleep.profile(["sigma", "Days"], criterion="REML")


def test_tables(sleep, sleep_profiles):
    frame = sleep_profiles.to_frame()
    assert list(frame.columns) == [".zeta", *sleep.values().index, ".par"]
    assert list(frame[".par"].cat.categories) == list(sleep_profiles) == list(sleep.values().index)
    assert len(sleep_profiles) == 6
    one = sleep_profiles["sigma"]
    assert list(one.columns) == [".zeta", *sleep.values().index, "density"]
    np.testing.assert_array_equal(
        frame.loc[frame[".par"] == "sigma", ".zeta"].to_numpy(), one[".zeta"].to_numpy()
    )
    assert one["density"].max() > 0
    with pytest.raises(mw.ModelError, match="was not profiled"):
        sleep_profiles["sigm"]


def test_some_parameters_and_how_far(sleep):
    short = sleep.profile(["sigma", "Days"], level=0.8)
    assert short.names == ("sigma", "Days")
    for curve in short.curves:
        assert curve.path.shape[1] == 6
        assert np.abs(curve.zeta).max() < 2.0
    assert sleep.profile("theta_").names == tuple(sleep.values().index[:4])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"parm": "no"}, "no parameter"),
        ({"criterion": "ml"}, "'ML'"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_refusals(sleep, arguments, words):
    with pytest.raises(mw.ModelError, match=words):
        sleep.profile(**arguments)


def test_pairs(wheat_profiles):
    table = wheat_profiles.pairs
    assert [p.names for p in table.pairs] == [
        ("sd_(Intercept)|region", "sigma"),
        ("sd_(Intercept)|region", "(Intercept)"),
        ("sigma", "(Intercept)"),
    ]
    for pair in table.pairs:
        assert pair.drop.shape == (len(pair.y), len(pair.x))
        assert np.all(np.isfinite(pair.zeta_x))
        assert np.all(np.diff(pair.zeta_x) > 0)
        for trace in pair.traces:
            assert trace.shape[1:] == (2, 2)
            assert np.all(np.isfinite(trace[:, 0]))
        # along a trace the drop is the square of the zeta that goes with it
        trace = pair.traces[0]
        inner = np.abs(trace[:, 1, 0]) < 2.5
        for (x, y), (zeta, _) in trace[inner]:
            row = [np.interp(x, pair.x, line) for line in pair.drop]
            assert np.interp(y, pair.y, row) == pytest.approx(zeta**2, abs=0.15)


def test_many_inner_optima_are_searched():
    """Few groups and two effects: where a profile ends no other start leads lower."""
    data = mw.load("sleepstudy")
    few = data[data["Subject"].astype(int) < 335]
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", few, REML=False)
    for curve, p in zip(fit.profile().curves, fit.parameters, strict=True):
        constraint = constrain(fit.estimate.moments, (p,), False)
        start = constraint.start(fit.estimate.factor, fit.sigma)
        rng = np.random.default_rng(1)
        for end in (1, -2):
            value = (float(curve.value[end]),)
            starts = [start + 0.5 * rng.normal(size=len(start)) for _ in range(3)]
            lowest = min(constraint.minimise(value, s).value for s in starts) - fit.criterion
            assert curve.zeta[end] ** 2 <= lowest + 1e-6


def test_no_parameter_at_all(sleep):
    with pytest.raises(mw.ModelError, match="parm is empty; name a parameter"):
        sleep.profile([])


@pytest.mark.parametrize("seed", range(4))
def test_pairs_where_a_standard_deviation_is_zero(seed):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(6), 5)
    x = rng.normal(size=30)
    effects = rng.normal(size=(6, 2)) * [(0.3, 0.0, 1.0)[seed % 3], 0.3]
    y = 1.0 + x + effects[g, 0] + effects[g, 1] * x + rng.normal(size=30)
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    assert_traces(mw.lmer("y ~ x + (x | g)", data, REML=False).profile())


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("mscore ~ flp + enroll + ses + (ses | school)", "schools"),
        ("distance ~ age + (age | Subject)", "orthodont"),
    ],
)
def test_pairs_of_profiles_with_level_stretches(formula, name):
    profiles = mw.lmer(formula, mw.load(name)).profile()
    assert_traces(profiles)
    lost = profiles.to_frame().drop(columns=".par").isna().groupby(profiles.to_frame()[".par"])
    for parameter in lost.any().any(axis=1).loc[lambda s: s].index:
        assert "is undefined (NaN)" in profiles.notes[parameter]


def assert_traces(profiles):
    """Traces are increasing along their own axis and without gaps; they draw without a warning."""
    for pair in profiles.pairs.pairs:
        for trace, column in zip(pair.traces, (0, 1), strict=True):
            known = np.isfinite(trace[:, 0]).all(axis=1)
            assert np.all(np.diff(np.flatnonzero(known)) == 1)
            assert np.all(np.diff(trace[known, 1, column]) > 0.0)
            assert np.all(np.diff(trace[known, 0, column]) >= 0.0)
    draw(profiles)

"""Estimates without a row or a group: against fits of lme4 and against fits to what is left.

Figures marked lme4 are refits by lme4 1.1-31, each at its polished optimum.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import MixedWidgetsWarning, ModelError
from tests import dense
from tests.test_deviance import CASES, frame

SLOPE = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer(SLOPE, mw.load("sleepstudy"))


# Against lme4 ------------------------------------------------------------------------------------

SUBJECTS = {  # lme4: fixef, sigma, theta, se; Cook's distance, covratio, covtrace, dfbetas
    "308": (
        [251.829365775, 9.80273204991],
        23.6469623035,
        [1.11414983425, 0.0130666526254, 0.233082948372],
        [0.0924170447206, 1.03169435757, 0.0420616511758],
        [0.0587250205203, -0.448929634639],
    ),
    "309": (
        [254.131584813, 10.9499624599],
        26.2456466158,
        [0.860967456147, -0.0258793348772, 0.216984822313],
        [0.14852477926, 0.889671645121, 0.0841807615424],
        [0.410875989585, 0.309889245504],
    ),
    "369": (
        [251.195514011, 10.4154728342],
        26.0523044921,
        [0.982691646811, 0.013585722277, 0.234411410516],
        [0.00119760762175, 1.26259355544, 0.247305382616],
        [-0.0289685330288, -0.0316196786805],
    ),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_without_a_subject(sleep, subject):
    found = sleep.influence("Subject")
    beta, sigma, theta, distances, dfbetas = SUBJECTS[subject]
    np.testing.assert_allclose(found.fixef.loc[subject], beta, rtol=1e-10)
    assert found.sigma[subject] == pytest.approx(sigma, rel=1e-8)
    np.testing.assert_allclose(found.theta.loc[subject], theta, rtol=1e-6)
    np.testing.assert_allclose(found.dfbetas.loc[subject], dfbetas, rtol=1e-7)
    np.testing.assert_allclose(
        [found.cooks_distance[subject], found.covratio[subject], found.covtrace[subject]],
        distances,
        rtol=1e-6,
    )


def test_lme4s_own_distance(sleep):
    """lme4: cooks.distance(influence(fit, "Subject")) of 308 and 309, good to 5 digits there."""
    distance = sleep.influence("Subject").cooks_distance
    np.testing.assert_allclose(
        distance.iloc[:2] * (18 - 2) / 18, [0.0821484050694, 0.132020797958], rtol=3e-5
    )


@pytest.mark.parametrize(
    ("row", "beta", "sigma", "theta", "distance"),
    [  # lme4
        (
            7,
            [251.157095771, 10.6739601908],
            23.7415169515,
            [1.07267799256, -0.00146142943763, 0.272725905772],
            0.00910224094831,
        ),
        (
            59,
            [250.268758913, 10.8934156855],
            23.6648971796,
            [1.0674743449, 0.00374159819007, 0.263225559892],
            0.046424342285,
        ),
    ],
)
def test_without_a_row(sleep, row, beta, sigma, theta, distance):
    found = sleep.influence()
    np.testing.assert_allclose(found.fixef.loc[row], beta, rtol=1e-10)
    assert found.sigma[row] == pytest.approx(sigma, rel=1e-8)
    np.testing.assert_allclose(found.theta.loc[row], theta, rtol=1e-6, atol=1e-8)
    assert found.cooks_distance[row] == pytest.approx(distance, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "formula", "group", "level", "beta", "sigma", "theta"),
    [  # lme4
        (
            "penicillin",
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            *("sample", "F", 23.575, 0.551513070263, [1.50024814302, 2.52657112366]),
        ),
        (
            "penicillin",
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            *("plate", "a", 22.9347826087, 0.542768970625, [1.56107045511, 3.5430523611]),
        ),
        (
            "pastes",
            "strength ~ 1 + (1 | batch/cask)",
            *("batch", "A", 59.8074074074, 0.812403840469, [3.75811878334, 1.37986970549]),
        ),
    ],
)
def test_without_a_level_of_one_of_several_factors(name, formula, group, level, beta, sigma, theta):
    found = mw.lmer(formula, mw.load(name)).influence(group)
    assert found.fixef.loc[level].item() == pytest.approx(beta, rel=1e-10)
    assert found.sigma[level] == pytest.approx(sigma, rel=1e-7)
    np.testing.assert_allclose(found.theta.loc[level], theta, rtol=2e-6)


# Against fits to the rows that are left ----------------------------------------------------------


def assert_as_refitted(found, label, refit):
    np.testing.assert_allclose(found.fixef.loc[label], refit.fixef, rtol=1e-7, atol=1e-9)
    assert found.sigma[label] == pytest.approx(refit.sigma, rel=1e-7)
    np.testing.assert_allclose(found.theta.loc[label], refit.theta, rtol=2e-5, atol=2e-6)
    place = found.size.index.get_loc(label)
    np.testing.assert_allclose(found.vcov[place], refit.vcov, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(
        found.estimates.loc[label], refit.values(), rtol=2e-5, atol=2e-6, equal_nan=True
    )


def refitted(formula, data, keep, options, reml):
    options = {
        k: (np.asarray(v)[keep.to_numpy()] if isinstance(v, (np.ndarray, pd.Series)) else v)
        for k, v in options.items()
    }
    return mw.lmer(formula, data[keep], REML=reml, **options)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", [n for n in CASES if n != "no fixed effects"])
def test_one_factor(name, reml):
    formula, shape, options = CASES[name]
    data = frame(**shape)
    fit = mw.lmer(formula, data, REML=reml, **options)
    groups, rows = fit.influence("g"), fit.influence()
    assert groups.notes == {}
    for level in list(groups.size.index)[::4]:
        keep = data["g"] != level
        assert groups.size[level] == np.count_nonzero(~keep)
        assert_as_refitted(groups, level, refitted(formula, data, keep, options, reml))
    for row in list(fit.design.index)[:: max(1, fit.nobs // 4)]:
        keep = data.index.to_series() != row
        assert_as_refitted(rows, row, refitted(formula, data, keep, options, reml))


def test_weights_and_offset():
    data = mw.load("sleepstudy")
    options = {"weights": 1.0 + data["Days"], "offset": 3.0 * data["Days"] ** 1.5}
    fit = mw.lmer(SLOPE, data, REML=False, **options)
    keep = data["Subject"] != "335"
    assert_as_refitted(fit.influence("Subject"), "335", refitted(SLOPE, data, keep, options, False))
    keep = data.index.to_series() != 59
    assert_as_refitted(fit.influence(), 59, refitted(SLOPE, data, keep, options, False))


def test_a_column_that_is_not_in_the_model():
    data = mw.load("sleepstudy")
    data["week"] = np.where(data["Days"] < 7, "first", "second")
    fit = mw.lmer(SLOPE, data)
    found = fit.influence("week")
    assert list(found.size) == [126, 54]
    assert found.size.index.name == "week"
    assert_as_refitted(found, "second", mw.lmer(SLOPE, data[data["week"] == "first"]))


def test_rows_without_a_label_stay_in():
    data = mw.load("sleepstudy")
    data["part"] = pd.Series(["a", "b", None] * 60, dtype=object)
    fit = mw.lmer(SLOPE, data)
    found = fit.influence("part")
    assert found.size.to_dict() == {"a": 60, "b": 60}
    assert_as_refitted(found, "a", mw.lmer(SLOPE, data[data["part"] != "a"]))


def test_rows_left_out_before():
    """Subset and missing values: the column is read on the rows used; labels may repeat."""
    data = mw.load("sleepstudy")
    data["week"] = np.where(data["Days"] < 7, "first", "second")
    data.loc[[4, 99], "Reaction"] = np.nan
    data.index = np.arange(len(data)) // 2
    fit = mw.lmer(SLOPE, data, subset=data["Days"] > 0)
    found = fit.influence("week")
    part = data[(data["Days"] > 0) & (data["week"] == "first")]
    assert_as_refitted(found, "second", mw.lmer(SLOPE, part))
    assert len(fit.influence(approximate=True).size) == fit.nobs


def test_crossed_rows():
    data = mw.load("penicillin")
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    fit = mw.lmer(formula, data)
    found = fit.influence()
    assert_as_refitted(found, 17, mw.lmer(formula, data.drop(index=17)))


# Approximate -------------------------------------------------------------------------------------


def at_held_theta(fit, keep):
    """sigma, coefficients and their covariance by full matrices, theta that of all rows."""
    design = fit.design
    theta = fit.theta.to_numpy()
    V = dense.covariance(design, dense.relative_covariances(design, theta))[np.ix_(keep, keep)]
    X = design.X[keep]
    y = (design.y if design.offset is None else design.y - design.offset)[keep]
    information = X.T @ np.linalg.solve(V, X)
    beta = np.linalg.solve(information, X.T @ np.linalg.solve(V, y))
    r = y - X @ beta
    N = len(y) - (X.shape[1] if fit.reml else 0)
    sigma = np.sqrt(r @ np.linalg.solve(V, r) / N)
    return sigma, beta, sigma**2 * np.linalg.inv(information)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("formula", "name", "group"),
    [
        (SLOPE, "sleepstudy", "Subject"),
        ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin", "plate"),
        ("yield ~ nitro + Variety + (1 | Block/Variety)", "oats", "Block"),
    ],
)
def test_theta_held(formula, name, group, reml):
    data = mw.load(name)
    weights = 1.0 + np.arange(len(data)) % 3
    fit = mw.lmer(formula, data, REML=reml, weights=weights)
    rows, groups = fit.influence(approximate=True), fit.influence(group, approximate=True)
    assert rows.approximate
    assert (rows.theta == fit.theta).all(axis=None)
    level = groups.size.index[2]
    for found, label, keep in [
        (rows, 11, np.arange(len(data)) != 11),
        (groups, level, (data[group] != level).to_numpy()),
    ]:
        sigma, beta, vcov = at_held_theta(fit, keep)
        assert found.sigma[label] == pytest.approx(sigma, rel=1e-8)
        np.testing.assert_allclose(found.fixef.loc[label], beta, rtol=1e-8)
        place = found.size.index.get_loc(label)
        np.testing.assert_allclose(found.vcov[place], vcov, rtol=1e-7, atol=1e-10)


# What cannot be left out -------------------------------------------------------------------------


def test_a_row_that_determines_a_coefficient():
    data = mw.load("sleepstudy")
    data["only"] = (np.arange(len(data)) == 5).astype(float)
    fit = mw.lmer("Reaction ~ Days + only + (1 | Subject)", data)
    for approximate in (True, False):
        found = fit.influence(approximate=approximate)
        assert found.notes == {5: "Without it a coefficient cannot be estimated."}
        assert found.estimates.loc[5].drop(labels=["sd_(Intercept)|Subject"]).isna().all()
        assert np.isfinite(found.fixef.drop(index=5)).all(axis=None)
        assert np.isnan(found.cooks_distance[5])
        assert found.to_frame().index[-1] == 5


def test_too_few_levels_left():
    data = mw.load("sleepstudy")
    data = data[data["Subject"].isin(["308", "309"])]
    found = mw.lmer("Reaction ~ Days + (1 | Subject)", data).influence("Subject")
    assert set(found.notes) == {"308", "309"}
    assert "a single level" in found.notes["308"]
    assert found.estimates.isna().all(axis=None)
    assert found.cooks_distance.isna().all()


def test_a_factor_level_of_one_group():
    """Without the group that alone has a level, the other fits stand."""
    data = mw.load("sleepstudy")
    data["arm"] = np.where(data["Subject"] == "335", "odd", "usual")
    found = mw.lmer("Reaction ~ Days + arm + (1 | Subject)", data).influence("Subject")
    assert list(found.notes) == ["335"]
    crossed = mw.lmer("Reaction ~ arm + (1 | Subject) + (1 | Days)", data).influence("Subject")
    assert crossed.notes == {"335": "Without it a coefficient cannot be estimated."}


def test_boundary_fits_move_off_the_boundary():
    """theta = 0 is stationary for every data set; the search must not stay there."""
    data = mw.load("dyestuff2")
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", data)
    assert fit.theta.item() == 0.0
    found = fit.influence()
    for row in (4, 11, 29):
        refit = mw.lmer("Yield ~ 1 + (1 | Batch)", data.drop(index=row))
        assert found.theta.loc[row].item() == pytest.approx(refit.theta.item(), abs=1e-8)


def test_unknown_group(sleep):
    with pytest.raises(
        ModelError, match=r"no group 'subject' \(did you mean 'Subject'\?\)|'Subject'"
    ):
        sleep.influence("subject")


def test_data_that_have_changed():
    data = mw.load("sleepstudy").assign(part="a")
    fit = mw.lmer(SLOPE, data)
    data.loc[len(data)] = data.iloc[0]
    data["part"] = np.arange(len(data))
    assert list(fit.influence("part", approximate=True).size.index) == ["a"]


# Tables ------------------------------------------------------------------------------------------


def test_tables(sleep):
    found = sleep.influence("Subject")
    assert found.group == "Subject"
    assert found.estimates.columns.tolist() == [p.name for p in sleep.parameters]
    pd.testing.assert_series_equal(found.full, sleep.values(), check_names=False)
    np.testing.assert_array_equal(found.change + found.full, found.change + sleep.values())
    pd.testing.assert_frame_equal(found.dfbeta, found.fixef - sleep.fixef)
    table = found.to_frame()
    assert table.columns.tolist()[:6] == [
        *("size", "cooks_distance", "covratio", "covtrace"),
        *("dfbetas.(Intercept)", "dfbetas.Days"),
    ]
    assert table["cooks_distance"].is_monotonic_decreasing
    assert table.index[0] == "309"
    text = repr(found)
    assert text.startswith("What changes when one group of 18 is left out")
    assert "309" in text
    html = found._repr_html_()
    assert "<table" in html
    assert html.startswith("<p>")


def test_a_predictor_called_sigma():
    data = mw.load("sleepstudy").rename(columns={"Days": "sigma"})
    found = mw.lmer("Reaction ~ sigma + (1 | Subject)", data).influence("Subject")
    assert list(found.fixef.columns) == ["(Intercept)", "sigma"]
    assert (found.sigma > 25.0).all()
    assert (found.fixef["sigma"] < 15.0).all()


def test_without_fixed_effects():
    fit = mw.lmer("y ~ 0 + (1 | g)", frame())
    found = fit.influence("g")
    assert found.sigma.notna().all()
    for measure in ("cooks_distance", "covratio", "covtrace"):
        with pytest.raises(ModelError, match="needs fixed effects"):
            getattr(found, measure)
    assert list(found.to_frame().columns) == ["size", "sd_(Intercept)|g", "sigma"]
    rows = fit.influence(approximate=True)
    assert rows.sigma.notna().all()
    assert rows.fixef.shape == (fit.nobs, 0)


@pytest.mark.parametrize("approximate", [True, False])
@pytest.mark.parametrize("group", [None, "g"])
def test_no_row_left_for_sigma(group, approximate):
    data = pd.DataFrame({"y": [1.0, 3.0, 2.0], "x": [0.0, 1.0, 3.0], "g": [0, 0, 1]})
    with pytest.warns(MixedWidgetsWarning):
        fit = mw.lmer("y ~ x + (1 | g)", data)
    found = fit.influence(group, approximate=approximate)
    assert found.sigma.isna().all()
    assert len(found.notes) == len(found.size)
    assert all("no row is left to estimate sigma" in note for note in found.notes.values())

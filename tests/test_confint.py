"""``confint``: every method, scale and name; never a limit without a value or a reason."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.scales import Limits, rescaled
from tests import dense
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models
from tests.test_optimize import SPREAD, lines

MODELS = {m["id"]: m for m in reference_models()}
folder = reference_folder()
PROFILES = sorted(p.stem for p in (folder / "profile").glob("*.json")) if folder else []
Z = norm.ppf(0.975)
TAU = "sd_(Intercept)|region"
SCALES = ("sd", "variance", "log")
BOOT_TYPES = ("percentile", "basic", "normal")


@pytest.fixture(scope="module")
def wheat():
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def zero():
    return mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)


@pytest.fixture(scope="module")
def crossed():
    return mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"), REML=False)


# Against the reference ----------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", PROFILES)
def test_every_exact_profile(name):
    """One and several grouping factors; a REML fit has the likelihood's profile, as in lme4."""
    assert folder is not None, MISSING
    exact = json.loads((folder / "profile" / f"{name}.json").read_text())["exact"]
    model = MODELS[name]
    fit = mw.lmer(
        model["formula"],
        reference_data(model["dataset"]),
        contrasts=model["contrasts"],
    )
    ours = fit.confint()
    assert set(ours.index) == set(exact)
    for key, values in exact.items():
        expected = [values["lower"], values["upper"]]
        np.testing.assert_allclose(ours.loc[key], expected, rtol=1e-6, atol=1e-9, err_msg=key)
        assert (key in ours.notes) == bool(values["note"])
    variances = fit.confint("random", scale="variance")
    sd = [not name.startswith("cor_") for name in variances.index]
    plain = ours.loc[variances.index].to_numpy()
    np.testing.assert_allclose(variances.to_numpy()[sd], plain[sd] ** 2, rtol=1e-12)
    np.testing.assert_array_equal(variances.to_numpy()[~np.array(sd)], plain[~np.array(sd)])


# The lecture --------------------------------------------------------------------------------------


def test_the_lectures_interval_of_the_variances(wheat):
    """Estimate and two standard errors in (sigma^2, tau^2), from the inverted Hessian."""
    two = 2.0 * norm.cdf(2.0) - 1.0
    limits = wheat.confint("theta_", level=two, method="wald", scale="variance")
    # the slides' Hessian is numerical, at a point that optim stopped at
    np.testing.assert_allclose(limits.loc[TAU], [-0.3080154, 0.9278664], atol=2e-5)
    np.testing.assert_allclose(limits.loc["sigma"], [0.9879440, 2.5864686], atol=2e-5)
    assert "impossible" in limits.notes[TAU]
    assert "sigma" not in limits.notes


def test_the_impossible_limit_on_an_axis_of_standard_deviations(wheat):
    limits = wheat.confint(TAU, method="wald", scale="variance", report="sd")
    raw = wheat.confint(TAU, method="wald", scale="variance")
    assert limits.iloc[0].tolist() == [0.0, np.sqrt(raw.iloc[0, 1])]
    assert f"{raw.iloc[0, 0]:.4g}" in limits.notes[TAU]
    assert "shown as 0" in limits.notes[TAU]
    logs = wheat.confint(TAU, method="wald", scale="variance", report="log")
    assert logs.iloc[0, 0] == -np.inf
    assert "shown as -inf" in logs.notes[TAU]


# Wald on every scale ------------------------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("dyestuff", "Yield ~ 1 + (1 | Batch)"),
        ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    ],
)
def test_wald_by_the_hessian_on_that_scale(name, formula, reml):
    """The delta method gives what inverting the Hessian on the scale itself gives."""
    data = mw.load(name)
    if name == "penicillin":
        data = data[data["plate"].isin(list("abcdefg"))]
    fit = mw.lmer(formula, data, REML=reml)
    chosen = [p.name for p in fit.parameters if p.kind != "fixed"]
    values = fit.values()[chosen].to_numpy()
    for scale, to, back in (
        ("variance", np.square, np.sqrt),
        ("log", np.log, np.exp),
    ):

        def deviance(x, back=back):
            sds = back(x)
            relative = [np.array([[(s / sds[-1]) ** 2]]) for s in sds[:-1]]
            return dense.deviance(fit.design, relative, fit.reml, sigma=sds[-1])

        x = to(values)
        se = np.sqrt(np.diag(2.0 * np.linalg.inv(dense.hessian(deviance, x))))
        ours = fit.confint(chosen, method="wald", scale=scale).to_numpy()
        np.testing.assert_allclose(0.5 * (ours[:, 1] + ours[:, 0]), x, rtol=1e-12)
        np.testing.assert_allclose(0.5 * (ours[:, 1] - ours[:, 0]) / Z, se, rtol=2e-5)


def test_a_scale_is_for_standard_deviations_alone(sleep):
    plain = sleep.confint(method="wald")
    for scale in SCALES:
        other = sleep.confint(method="wald", scale=scale)
        assert list(other.index) == list(plain.index)
        for name in ("cor_Days.(Intercept)|Subject", "(Intercept)", "Days"):
            assert other.loc[name].tolist() == plain.loc[name].tolist()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("report", SCALES)
def test_possible_limits_go_from_scale_to_scale_and_back(sleep, scale, report):
    into = {"sd": lambda x: x, "variance": np.square, "log": np.log}
    back = {"sd": lambda x: x, "variance": np.sqrt, "log": np.exp}
    names = ["sd_(Intercept)|Subject", "sd_Days|Subject", "sigma"]
    built = sleep.confint(names, method="wald", scale=scale)
    given = sleep.confint(names, method="wald", scale=scale, report=report)
    expected = into[report](back[scale](built.to_numpy()))
    np.testing.assert_allclose(given.to_numpy(), expected, rtol=1e-13)
    assert given.notes == {}


def test_limits_beyond_the_range_of_numbers():
    parameter = Parameter("sigma", "sigma")
    for value, shown in ((800.0, np.inf), (-800.0, 0.0)):
        limits = Limits(np.array([value]), np.array([value]), ((),))
        found = rescaled(limits, (parameter,), "log", "sd")
        assert found.lower.tolist() == found.upper.tolist() == [shown]
        assert "beyond the range of numbers" in found.notes[0][0]
        assert f"shown as {shown:g}" in found.notes[0][1]


# At the boundary ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "least"), [("sd", 0.0), ("variance", 0.0), ("log", -np.inf)])
def test_no_standard_error_at_zero(zero, scale, least):
    limits = zero.confint(method="wald", scale=scale)
    assert limits.iloc[0].tolist() == [least, np.inf]
    assert "boundary 0" in limits.notes["sd_(Intercept)|Batch"]
    assert "profile" in limits.notes["sd_(Intercept)|Batch"]
    assert list(limits.notes) == ["sd_(Intercept)|Batch"]
    profile = zero.confint(scale=scale)
    assert profile.iloc[0, 0] == least
    assert np.isfinite(profile.iloc[0, 1])
    assert "zero is within the cut-off" in profile.notes["sd_(Intercept)|Batch"]


def test_correlations_at_one_or_not_defined():
    one = mw.lmer("y ~ x + (x | g)", lines(0.7 * SPREAD, intercepts=2.0 * SPREAD), REML=False)
    open_ = mw.lmer("y ~ x + (x | g)", lines(0 * SPREAD + 0.5), REML=False)
    name = "cor_x.(Intercept)|g"
    for fit, reason in ((one, "boundary 1"), (open_, "not defined")):
        limits = fit.confint(method="wald")
        assert limits.loc[name].tolist() == [-1.0, 1.0]
        assert reason in limits.notes[name]
        assert not limits.isna().any().any()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("method", ["profile", "wald", "boot"])
def test_no_limit_is_missing_and_every_odd_one_has_a_reason(
    wheat, zero, sleep, crossed, method, scale
):
    open_ = mw.lmer("y ~ x + (x | g)", lines(0 * SPREAD + 0.5), REML=False)
    kinds = BOOT_TYPES if method == "boot" else ("percentile",)
    for fit in (wheat, zero, open_) if method == "boot" else (wheat, zero, sleep, crossed, open_):
        for kind in kinds:
            limits = fit.confint(method=method, scale=scale, nsim=15, seed=3, boot_type=kind)
            assert not limits.isna().any().any()
            assert (limits.iloc[:, 0] <= limits.iloc[:, 1]).all()
            for p in fit.parameters:
                least, most = p.allowed
                if p.kind in ("sd", "sigma") and scale == "log":
                    least = -np.inf
                low, high = limits.loc[p.name]
                odd = np.isinf([low, high]).any() or low <= least or high >= most
                assert not odd or p.name in limits.notes, (p.name, low, high)


def test_wald_of_a_correlation_beyond_one_says_so():
    data = mw.load("sleepstudy")
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data[data.Days < 4], REML=False)
    name = "cor_Days.(Intercept)|Subject"
    limits = fit.confint(name, method="wald", level=0.999999)
    assert limits.iloc[0, 0] < -1.0
    assert "below -1" in limits.notes[name]


# The bootstrap ------------------------------------------------------------------------------------


@pytest.mark.parametrize("boot_type", BOOT_TYPES)
def test_bootstrap_intervals_are_those_of_its_replicates(sleep, boot_type):
    boot = sleep.bootstrap(60, seed=5)
    ours = sleep.confint(method="boot", nsim=60, seed=5, boot_type=boot_type)
    theirs = boot.confint(method=boot_type)
    np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())
    assert list(ours.index) == list(theirs.index)


def test_the_bootstrap_of_several_grouping_factors(crossed):
    limits = crossed.confint(method="boot", nsim=5, seed=1)
    assert np.isfinite(limits.to_numpy()).all()
    assert "extremes of only 5" in limits.notes["sigma"]


def test_the_percentile_interval_is_the_same_on_every_scale(wheat):
    sd = wheat.confint("sigma", method="boot", nsim=60, seed=1)
    variance = wheat.confint("sigma", method="boot", nsim=60, seed=1, scale="variance")
    np.testing.assert_allclose(variance, sd**2, rtol=1e-14)


def test_the_basic_interval_on_the_log_scale_divides(wheat):
    boot = wheat.bootstrap(99, seed=1).replicates["sigma"]
    low, high = np.quantile(np.log(boot), [0.025, 0.975], method="weibull")
    ours = wheat.confint(
        "sigma", method="boot", nsim=99, seed=1, boot_type="basic", scale="log", report="sd"
    )
    expected = wheat.sigma**2 / np.exp([high, low])
    np.testing.assert_allclose(ours.iloc[0], expected, rtol=1e-12)


def test_replicates_at_zero_have_no_logarithm(zero):
    name = "sd_(Intercept)|Batch"
    limits = zero.confint(name, method="boot", nsim=40, seed=1, boot_type="normal", scale="log")
    assert limits.iloc[0].tolist() == [-np.inf, np.inf]
    assert "logarithm" in limits.notes[name]


# Names --------------------------------------------------------------------------------------------


def test_groups_and_patterns(sleep):
    def names(parm):
        return list(sleep.confint(parm, method="wald").index)

    sds = ["sd_(Intercept)|Subject", "sd_Days|Subject"]
    cor = "cor_Days.(Intercept)|Subject"
    assert set(names("theta_")) == {*sds, cor, "sigma"}
    assert set(names("random")) == {*sds, cor}
    assert names("beta_") == names("fixed") == ["(Intercept)", "Days"]
    assert names("sd_*") == sds
    assert names("sd_Day?|Subject") == ["sd_Days|Subject"]
    assert names(["sigma", "sd_*", "sigma"]) == ["sigma", *sds]
    assert names(None) == list(sleep.values().index)
    assert names([]) == []
    for wrong in ("theta", "sd_Days", "x*", 7, None):
        with pytest.raises(mw.ModelError, match="no parameter") as caught:
            sleep.confint([wrong])
        assert "\n" not in str(caught.value)


def test_a_coefficient_called_as_a_group():
    data = mw.load("sleepstudy").rename(columns={"Days": "fixed"})
    fit = mw.lmer("Reaction ~ fixed + (1 | Subject)", data)
    assert list(fit.confint("fixed", method="wald").index) == ["fixed"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "walt"}, "'profile', 'wald' or 'boot'"),
        ({"method": None}, "method is None"),
        ({"scale": "var"}, "'sd', 'variance', 'log'"),
        ({"report": ["sd"]}, "report is"),
        ({"level": "0.9"}, "between 0 and 1"),
        ({"method": "boot", "nsim": 0}, "nsim"),
        ({"method": "boot", "nsim": 1}, "two replicates"),
        ({"method": "boot", "boot_type": "bca"}, "'percentile', 'basic', 'normal'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(wheat, wrong, words):
    with pytest.raises(mw.ModelError, match=words) as caught:
        wheat.confint(**wrong)
    assert "\n" not in str(caught.value)


def test_other_names_of_the_methods(wheat):
    np.testing.assert_array_equal(wheat.confint(method="lr"), wheat.confint())
    np.testing.assert_array_equal(wheat.confint(method="Wald"), wheat.confint(method="wald"))


# What is printed ----------------------------------------------------------------------------------


def test_reasons_are_printed(wheat):
    limits = wheat.confint()
    text, html = repr(limits), limits._repr_html_()
    assert text.startswith("95 % profile likelihood intervals\n")
    for shown in (text, html):
        assert "zero is within the cut-off" in shown
        assert "1.22836" in shown
        assert "97.5 %" in shown
    assert limits.attrs["notes"] == limits.notes
    built = wheat.confint(method="wald", scale="variance", report="sd", level=0.9)
    assert repr(built).startswith(
        "90 % Wald intervals built on the scale of the variance, given as standard deviations\n"
    )
    assert "given as" not in repr(wheat.confint("beta_", scale="variance"))


def test_what_is_taken_from_it_is_an_ordinary_table(wheat):
    limits = wheat.confint()
    assert type(limits.loc[["sigma"]]).__name__ == "DataFrame"
    assert type(limits.iloc[0]).__name__ == "Series"
    assert type(limits * 2.0).__name__ == "DataFrame"
    assert repr(wheat.confint([])).startswith("95 %")


def test_names_in_html_are_escaped():
    data = mw.load("dyestuff").rename(columns={"Batch": "<b>"})
    fit = mw.lmer("Yield ~ 1 + (1 | `<b>`)", data, REML=False)
    assert "<b>" not in fit.confint(method="wald")._repr_html_().replace("<br", "")

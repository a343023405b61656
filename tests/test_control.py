"""``Control``: what each setting does, and what is refused."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

SLEEP = "Reaction ~ Days + (Days | Subject)"
BAD_START = [30.0, 10.0, 30.0]


def rows(**columns) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 40
    data = {"y": rng.normal(size=n), "x": rng.normal(size=n), "g": np.repeat(np.arange(10), 4)}
    return pd.DataFrame(data | {"each": np.arange(n), "one": "a", "h": np.arange(n) % 3} | columns)


def sentences(formula: str, data: pd.DataFrame, **arguments) -> list[str]:
    """What lmer warns of, each checked to be a sentence raised at the caller's line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mw.lmer(formula, data, **arguments)
    for warning in caught:
        assert issubclass(warning.category, mw.MixedWidgetsWarning)
        assert warning.filename == __file__
        assert "\n" not in str(warning.message)
        assert str(warning.message).endswith(".")
    return [str(warning.message) for warning in caught]


# The object --------------------------------------------------------------------------------------


def test_it_is_small_and_frozen():
    control = mw.Control()
    assert control == mw.Control()
    assert hash(control) == hash(mw.Control())
    assert mw.Control(starts=3) != control
    with pytest.raises(dataclasses.FrozenInstanceError):
        control.starts = 2
    assert {f.name: f.default for f in dataclasses.fields(control)} == {
        "tolerance": 1e-13,
        "max_iterations": 150,
        "starts": 1,
        "check_nlev_gtr_1": "stop",
        "check_nlev_gtreq_5": "ignore",
        "check_nobs_vs_nlev": "stop",
        "check_nobs_vs_nre": "stop",
        "check_rank_x": "ignore",
        "check_scale_x": "ignore",
        "check_conv_grad": "warn",
        "check_conv_hess": "warn",
        "check_conv_singular": "ignore",
    }


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        ({"tolerance": 0.0}, "tolerance is 0.0; give a number above 0"),
        ({"tolerance": "tight"}, "tolerance is 'tight'"),
        ({"tolerance": True}, "tolerance is True"),
        ({"tolerance": np.nan}, "tolerance is nan"),
        ({"max_iterations": 0}, "max_iterations is 0; give a whole number of at least 1"),
        ({"max_iterations": 2.5}, "max_iterations is 2.5"),
        ({"starts": 0}, "starts is 0; give a whole number from 1 to 1000"),
        ({"starts": 10**6}, "starts is 1000000"),
        ({"check_rank_x": "warning"}, "(did you mean 'warn'?); choose 'ignore', 'warn' or 'stop'"),
        ({"check_conv_grad": None}, "check_conv_grad is None"),
        ({"check_conv_grad": ["stop"]}, "check_conv_grad is ['stop']"),
    ],
)
def test_values_out_of_range(settings, fragment):
    for make in (
        lambda: mw.Control(**settings),
        lambda: mw.lmer("y ~ x + (1 | g)", rows(), control=settings),
    ):
        with pytest.raises(mw.ModelError) as caught:
            make()
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("control", "fragment"),
    [
        ({"max_iteration": 3}, "no setting 'max_iteration' (did you mean 'max_iterations'?)"),
        ({"optimizer": "bobyqa"}, "its settings are tolerance, max_iterations, starts"),
        ({3: 4}, "no setting 3"),
        ("bobyqa", "control is 'bobyqa'; give a Control, such as mw.Control(starts=5)"),
        (5, "control is 5"),
    ],
)
def test_what_is_no_control(control, fragment):
    with pytest.raises(mw.ModelError) as caught:
        mw.lmer("y ~ x + (1 | g)", rows(), control=control)
    assert fragment in str(caught.value)


def test_a_dictionary_and_lme4s_spelling():
    data = rows()
    for control in (
        mw.Control(check_nlev_gtr_1="warn", starts=2),
        {"check_nlev_gtr_1": "warn", "starts": 2},
        {"check.nlev.gtr.1": "warn", "starts": np.int64(2)},
    ):
        fit = mw.lmer("y ~ x + (1 | g)", data, control=control)
        assert fit.call.control == mw.Control(check_nlev_gtr_1="warn", starts=2)
    assert mw.lmer("y ~ x + (1 | g)", data).call.control == mw.Control()
    rank = mw.lmer("y ~ x + (1 | g)", data, control={"check.rankX": "stop"})
    assert rank.call.control.check_rank_x == "stop"


# The search --------------------------------------------------------------------------------------


def test_the_limit_of_steps():
    data = mw.load("sleepstudy")
    control = mw.Control(max_iterations=2)
    found = sentences(SLEEP, data, start=BAD_START, control=control)
    assert len(found) == 1
    assert "stopped at its limit of 2 steps" in found[0]
    silent = mw.Control(max_iterations=2, check_conv_grad="ignore")
    fit = mw.lmer(SLEEP, data, start=BAD_START, control=silent)
    assert len(fit.trace) == 3
    assert fit.verdict.kind == "not converged"
    assert not fit.converged
    assert fit.criterion > mw.lmer(SLEEP, data).criterion
    with pytest.raises(mw.ModelError, match="limit of 2 steps"):
        mw.lmer(
            SLEEP, data, start=BAD_START, control={"max_iterations": 2, "check_conv_grad": "stop"}
        )


def test_just_enough_steps_are_enough():
    """The last step allowed may be the one that arrives."""
    data = mw.load("sleepstudy")
    needed = len(mw.lmer(SLEEP, data, start=BAD_START).trace) - 1
    assert mw.lmer(SLEEP, data, start=BAD_START, control={"max_iterations": needed}).converged


def test_the_tolerance():
    data = mw.load("sleepstudy")
    loose = mw.lmer(SLEEP, data, start=BAD_START, control={"tolerance": 1e-3})
    tight = mw.lmer(SLEEP, data, start=BAD_START)
    assert len(loose.trace) < len(tight.trace)
    assert loose.criterion >= tight.criterion - 1e-9
    assert loose.criterion - tight.criterion < 1e-3 * abs(tight.criterion)
    assert loose.converged


def test_the_number_of_starts():
    data = mw.load("sleepstudy")
    fit = mw.lmer(SLEEP, data, control=mw.Control(starts=6))
    assert (fit.verdict.starts, fit.verdict.agreeing) == (6, 6)
    assert "all 6 starts of the search led there" in fit.verdict.sentence
    again = mw.lmer(SLEEP, data, control=mw.Control(starts=6))
    assert again.criterion == fit.criterion
    assert again.estimate.optimum.evaluations == fit.estimate.optimum.evaluations
    assert mw.lmer(SLEEP, data).verdict.starts == 1


def test_profiles_of_a_reml_fit_search_alike():
    """What is fitted again for a REML fit is searched with the same settings."""
    control = mw.Control(starts=4)
    fit = mw.lmer(SLEEP, mw.load("sleepstudy"), control=control)
    assert fit.likelihood_estimate.optimum.starts == 4


# The checks --------------------------------------------------------------------------------------

META = rows(w=np.random.default_rng(1).uniform(0.2, 5.0, 40))

CHECKS = {
    "check_nlev_gtr_1": ("y ~ x + (1 | one)", {}, "only one level", "stop"),
    "check_nlev_gtreq_5": ("y ~ x + (1 | h)", {}, "'h' has only 3 levels", "ignore"),
    "check_nobs_vs_nlev": (
        "y ~ x + (1 | each)",
        {"check_nobs_vs_nre": "ignore"},
        "40 levels",
        "stop",
    ),
    "check_nobs_vs_nre": ("y ~ x + (x + I(x^2) + I(x^3) | g)", {}, "40 random effects", "stop"),
    "check_rank_x": ("y ~ x + I(2 * x) + (1 | g)", {}, "I(2 * x)", "ignore"),
    "check_scale_x": ("y ~ x + I(1e6 * x^2) + (1 | g)", {}, "very different scales", "ignore"),
    "check_conv_hess": (
        "y ~ x + (1 | each)",
        {"check_nobs_vs_nre": "ignore", "check_nobs_vs_nlev": "ignore"},
        "do not say how much the intercept varies between levels of each",
        "warn",
    ),
    "check_conv_singular": ("y ~ x + (1 | g)", {}, "Boundary fit", "ignore"),
}


def flat_groups() -> pd.DataFrame:
    """Groups whose means are all alike."""
    y = np.tile([-1.0, 0.5, 1.5, -0.5], 10) + np.tile([0.1, -0.1], 20)
    return rows(y=y, x=np.tile([0.0, 1.0, 2.0, 4.0], 10))


def arguments(name: str, level: str | None):
    formula, others, _, _ = CHECKS[name]
    data = flat_groups() if name == "check_conv_singular" else rows()
    quiet = {"check_conv_hess": "ignore", "check_conv_grad": "ignore"} | others
    if name in quiet:
        del quiet[name]
    return formula, data, quiet | ({} if level is None else {name: level})


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_at_each_level(name):
    *_, fragment, default = CHECKS[name]
    formula, data, control = arguments(name, "ignore")
    assert sentences(formula, data, control=control) == []
    formula, data, control = arguments(name, "warn")
    found = sentences(formula, data, control=control)
    assert len(found) == 1
    assert fragment in found[0]
    formula, data, control = arguments(name, "stop")
    with pytest.raises(mw.ModelError) as caught:
        mw.lmer(formula, data, control=control)
    assert fragment in str(caught.value)
    formula, data, control = arguments(name, None)
    assert getattr(mw.Control(), name) == default
    if default == "stop":
        with pytest.raises(mw.ModelError):
            mw.lmer(formula, data, control=control)
    else:
        assert len(sentences(formula, data, control=control)) == (default == "warn")


def test_warnings_can_be_told_apart_from_others():
    with pytest.warns(mw.MixedWidgetsWarning, match=r"I\(2 \* x\) is a linear .*, and left out\."):
        fit = mw.lmer("y ~ x + I(2 * x) + (1 | g)", rows(), control={"check_rank_x": "warn"})
    assert fit.design.dropped == ("I(2 * x)",)
    assert issubclass(mw.MixedWidgetsWarning, UserWarning)


def test_one_level_an_observation_with_known_variances():
    """A meta-analysis: the weights are known, so is sigma; both variances can be told apart."""
    rng = np.random.default_rng(3)
    w = np.repeat([0.05, 1.0, 20.0], 60)
    y = rng.normal(0, 1.0, 180) + rng.normal(0, 1.0, 180) / np.sqrt(w)
    data = pd.DataFrame({"y": y, "w": w, "study": np.arange(180)})
    control = {"check_nobs_vs_nlev": "ignore", "check_nobs_vs_nre": "ignore"}
    fit = mw.lmer("y ~ 1 + (1 | study)", data, weights="w", control=control)
    assert fit.verdict.kind == "converged"
    assert fit.theta.iloc[0] * fit.sigma == pytest.approx(1.0, abs=0.2)
    assert fit.sigma == pytest.approx(1.0, abs=0.2)


def test_a_model_that_is_not_determined_is_not_called_converged():
    control = dict.fromkeys(
        ("check_nobs_vs_nlev", "check_nobs_vs_nre", "check_conv_hess"), "ignore"
    )
    for weights in (None, np.full(40, 2.0)):
        fit = mw.lmer("y ~ x + (1 | each)", rows(), weights=weights, control=control)
        assert fit.verdict.kind == "not converged"
        assert not fit.converged
        assert fit.verdict.directions == ("the intercept varies between levels of each",)
    control["check_nlev_gtr_1"] = "ignore"
    for formula in ("y ~ x + (1 | one)", "y ~ x + (x | one)"):
        fit = mw.lmer(formula, rows(), control=control)
        assert fit.verdict.kind == "not converged"
        assert "levels of one" in fit.verdict.sentence


def test_scales():
    data = rows(t=np.random.default_rng(2).normal(0, 1e5, 40), flag=np.arange(40) % 2)
    control = {"check_scale_x": "warn"}
    assert sentences("y ~ x + flag + (1 | g)", data, control=control) == []
    assert "t (" in sentences("y ~ x + t + (1 | g)", data, control=control)[0]
    assert "scale(t)" in sentences("y ~ t + (1 | g)", data, control=control)[0]
    assert sentences("y ~ 0 + scale(t) + (1 | g)", data, control=control) == []
    assert sentences("y ~ 1 + (1 | g)", data, control=control) == []


def test_a_scale_costs_no_digits():
    """Why ``check_scale_x`` is ignored by default."""
    data = rows()
    data["wide"] = 1e7 * data["x"] ** 2
    plain = mw.lmer("y ~ x + I(x^2) + (1 | g)", data)
    scaled = mw.lmer("y ~ x + wide + (1 | g)", data)
    assert scaled.fixef["wide"] * 1e7 == pytest.approx(plain.fixef["I(x^2)"], rel=1e-9)
    assert scaled.se["wide"] * 1e7 == pytest.approx(plain.se["I(x^2)"], rel=1e-9)

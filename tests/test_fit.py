"""What ``lmer`` returns: labels, shapes, texts, missing values, and what it refuses."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.formula import parse

FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep() -> Fit:
    return mw.lmer(FORMULA, mw.load("sleepstudy"))


def small(**columns) -> pd.DataFrame:
    """A plain data set of 24 rows in 6 groups, with columns replaced as asked."""
    rng = np.random.default_rng(11)
    g = np.repeat(list("abcdef"), 4)
    x = np.tile([0.0, 1.0, 2.0, 4.0], 6)
    y = 3.0 + x + rng.normal(size=6).repeat(4) + rng.normal(size=24)
    return pd.DataFrame({"y": y, "x": x, "g": g} | columns)


# The result --------------------------------------------------------------------------------------


def test_a_fit_is_frozen(sleep):
    assert dataclasses.is_dataclass(sleep)
    with pytest.raises(dataclasses.FrozenInstanceError):
        sleep.estimate = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        sleep.anything = 1
    with pytest.raises(AttributeError):
        sleep.sigma = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        sleep.verdict.kind = "converged"


def test_fits_compare_and_hash_by_identity(sleep):
    again = mw.lmer(FORMULA, mw.load("sleepstudy"))
    assert sleep != again
    assert len({sleep, again, sleep}) == 2


def test_everything_is_labelled(sleep):
    assert sleep.formula == FORMULA
    assert (sleep.nobs, sleep.n_missing, sleep.npar, sleep.df_resid) == (180, 0, 6, 174)
    assert sleep.ngroups.to_dict() == {"Subject": 18}
    assert list(sleep.theta.index) == [
        "Subject.(Intercept)",
        "Subject.Days.(Intercept)",
        "Subject.Days",
    ]
    for series in (sleep.fixef, sleep.se):
        assert isinstance(series, pd.Series)
        assert list(series.index) == ["(Intercept)", "Days"]
    assert list(sleep.vcov.index) == list(sleep.vcov.columns) == ["(Intercept)", "Days"]
    np.testing.assert_allclose(np.sqrt(np.diag(sleep.vcov)), sleep.se, rtol=1e-14)
    assert list(sleep.values().index) == [
        "sd_(Intercept)|Subject",
        "cor_Days.(Intercept)|Subject",
        "sd_Days|Subject",
        "sigma",
        "(Intercept)",
        "Days",
    ]
    assert [type(v) for v in (sleep.sigma, sleep.criterion, sleep.loglik)] == [float] * 3
    assert sleep.converged is True
    assert sleep.reml is True


def test_information_criteria(sleep):
    for fit in (sleep, mw.lmer(FORMULA, mw.load("sleepstudy"), REML=False)):
        assert fit.loglik == -0.5 * fit.criterion
        assert fit.aic == pytest.approx(fit.criterion + 12.0, rel=1e-15)
        assert fit.bic == pytest.approx(fit.criterion + 6.0 * np.log(180.0), rel=1e-15)


@pytest.mark.parametrize("start", [None, [2.0, 0.5, 0.3]])
def test_the_trace_runs_from_the_start_to_the_optimum(start):
    fit = mw.lmer(FORMULA, mw.load("sleepstudy"), start=start)
    trace = fit.trace
    assert list(trace.columns) == [*fit.theta.index, "criterion"]
    if start is not None:
        np.testing.assert_allclose(trace.iloc[0, :3], start, rtol=1e-12)
    np.testing.assert_allclose(trace.iloc[-1, :3], fit.theta, atol=1e-5)
    assert trace["criterion"].iloc[-1] == pytest.approx(fit.criterion, rel=1e-12)
    assert trace["criterion"].is_monotonic_decreasing
    assert len(trace) > 2


def test_rows_keep_their_labels():
    data = (
        small()
        .set_index(pd.Index([f"row {i}" for i in range(24)]))
        .sample(frac=1.0, random_state=1)
    )
    fit = mw.lmer("y ~ x + (1 | g)", data)
    assert list(fit.fitted().index) == list(data.index)
    np.testing.assert_allclose(fit.fitted() + fit.resid(), data["y"], rtol=1e-14)


def test_a_mapping_of_arrays_and_a_parsed_formula(sleep):
    data = {name: column.to_numpy() for name, column in mw.load("sleepstudy").items()}
    fit = mw.lmer(parse(FORMULA), data)
    assert fit.criterion == sleep.criterion


def test_the_data_are_left_alone():
    data = small()
    before = data.copy()
    mw.lmer("y ~ x + (x | g)", data).confint()
    pd.testing.assert_frame_equal(data, before)


def test_the_same_data_give_the_same_fit(sleep):
    again = mw.lmer(FORMULA, mw.load("sleepstudy"))
    assert again.criterion == sleep.criterion
    np.testing.assert_array_equal(again.theta, sleep.theta)


# Texts -------------------------------------------------------------------------------------------


def test_notebooks_show_tables(sleep):
    for shown in (sleep, sleep.summary(), sleep.ranef()):
        html = shown._repr_html_()
        assert "<table" in html
        assert "Days" in html
        assert "nan" not in html.lower().replace("variance", "")
    assert "<script" not in sleep._repr_html_()


def test_the_summary_has_its_numbers(sleep):
    table = sleep.summary().coefficients
    assert list(table.columns) == ["Estimate", "Std. Error", "t value"]
    np.testing.assert_allclose(table["t value"], sleep.fixef / sleep.se, rtol=1e-15)
    assert "Linear mixed model fit by REML" in repr(sleep)
    assert "REML criterion at convergence: 1743.628" in repr(sleep)
    assert "REML criterion at convergence: 1743.6" in repr(sleep.summary())


def test_a_boundary_fit_says_so_in_print_and_html():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    for text in (repr(fit), repr(fit.summary()), fit._repr_html_(), fit.summary()._repr_html_()):
        assert "Boundary fit" in text
        assert "Batch" in text


def test_hostile_names_are_escaped():
    data = small().rename(columns={"g": "<script>alert(1)</script>"})
    html = mw.lmer("y ~ x + (1 | `<script>alert(1)</script>`)", data).summary()._repr_html_()
    assert "<script" not in html


# Missing values ----------------------------------------------------------------------------------


def test_missing_values_drop_rows_and_are_counted():
    data = small()
    data.loc[3, "y"] = np.nan
    data.loc[7, "x"] = np.nan
    data.loc[[11, 3], "g"] = None
    fit = mw.lmer("y ~ x + (1 | g)", data)
    assert (fit.nobs, fit.n_missing) == (21, 3)
    complete = mw.lmer("y ~ x + (1 | g)", data.dropna())
    assert fit.criterion == complete.criterion
    assert list(fit.fitted().index) == list(data.dropna().index)
    assert fit.fitted().notna().all()


def test_the_summary_says_how_many_rows_were_dropped():
    data = small()
    data.loc[[3, 7], "y"] = np.nan
    fit = mw.lmer("y ~ x + (1 | g)", data)
    assert "Number of obs: 22" in repr(fit.summary())
    for text in (repr(fit.summary()), fit.summary()._repr_html_()):
        assert "2 rows" in text
        assert "missing" in text
    complete = mw.lmer("y ~ x + (1 | g)", small())
    assert "missing" not in repr(complete.summary())


def test_missing_values_elsewhere_do_not_matter():
    data = small(other=np.nan)
    assert mw.lmer("y ~ x + (1 | g)", data).nobs == 24


def test_missing_values_can_be_refused():
    data = small()
    data.loc[3, "y"] = np.nan
    with pytest.raises(mw.DataError, match="missing"):
        mw.lmer("y ~ x + (1 | g)", data, na_action="fail")


# Arguments ---------------------------------------------------------------------------------------


def test_weights_by_name_series_or_array():
    data = small(w=np.linspace(0.5, 2.0, 24))
    fits = [
        mw.lmer("y ~ x + (1 | g)", data, weights=w) for w in ("w", data["w"], data["w"].to_numpy())
    ]
    assert len({f.criterion for f in fits}) == 1


def test_subset_by_name_or_mask():
    data = small(use=np.arange(24) > 4)
    a = mw.lmer("y ~ x + (1 | g)", data, subset="use")
    b = mw.lmer("y ~ x + (1 | g)", data, subset=data["use"])
    c = mw.lmer("y ~ x + (1 | g)", data[data["use"]])
    assert a.criterion == b.criterion == c.criterion
    assert a.nobs == 19


def test_redundant_columns_are_dropped_and_named():
    data = small()
    data["twice"] = 2.0 * data["x"]
    fit = mw.lmer("y ~ x + twice + (1 | g)", data)
    assert list(fit.fixef.index) == ["(Intercept)", "x"]
    assert fit.design.dropped == ("twice",)
    assert fit.criterion == pytest.approx(mw.lmer("y ~ x + (1 | g)", data).criterion, rel=1e-12)


def test_no_fixed_effects_at_all():
    fit = mw.lmer("y ~ 0 + (1 | g)", small())
    assert len(fit.fixef) == 0
    assert fit.vcov.shape == (0, 0)
    assert fit.npar == 2
    assert "No fixed effect coefficients" in repr(fit)
    assert list(fit.confint().index) == ["sd_(Intercept)|g", "sigma"]
    assert list(fit.coef()["g"].columns) == ["(Intercept)"]


def test_the_signature_is_lme4s():
    first = ["formula", "data", "REML", "control", "start", "verbose"]
    then = ["subset", "weights", "na_action", "offset", "contrasts", "devfun_only"]
    assert list(inspect.signature(mw.lmer).parameters) == first + then


# Refusals ----------------------------------------------------------------------------------------


def one_sentence(error: BaseException) -> str:
    """The message, without the picture of the formula that follows in formula errors."""
    text = str(error)
    if isinstance(error, mw.FormulaError):
        text = error.message
    assert "\n" not in text
    assert 20 < len(text) < 400
    assert "Traceback" not in text
    assert "numpy" not in text
    assert "np." not in text
    return text


BAD = {
    "a misspelt response": ("Y ~ x + (1 | g)", {}, {}, "'y'"),
    "a misspelt covariate": ("y ~ xx + (1 | g)", {}, {}, "'x'"),
    "a misspelt group": ("y ~ x + (1 | G)", {}, {}, "'g'"),
    "text as response": ("g ~ x + (1 | y)", {}, {}, "numbers"),
    "one group": ("y ~ x + (1 | g)", {"g": "a"}, {}, "one level"),
    "as many groups as rows": ("y ~ x + (1 | g)", {"g": np.arange(24)}, {}, "24"),
    "too many random effects": (
        "y ~ x + (x + I(x^2) + I(x^3) | g)",
        {},
        {},
        "random effects",
    ),
    "a constant response": ("y ~ x + (1 | g)", {"y": 5.0}, {}, "same value"),
    "an infinite response": (
        "y ~ x + (1 | g)",
        {"y": [np.inf] + [1.0, 2.0] * 11 + [3.0]},
        {},
        "infinite",
    ),
    "an infinite covariate": (
        "y ~ x + (1 | g)",
        {"x": [-np.inf] + [1.0, 2.0] * 11 + [3.0]},
        {},
        "infinite",
    ),
    "nothing left": ("y ~ x + (1 | g)", {"x": np.nan}, {}, "no rows"),
    "a logarithm of zero": ("y ~ log(x) + (1 | g)", {}, {}, "log"),
    "no random effects": ("y ~ x", {}, {}, "random"),
    "a random effect that is nothing": ("y ~ 1 + (0 + x | g)", {"x": 0.0}, {}, "'x' is 0"),
    "a random effect twice": (
        "y ~ x + (x + I(2 * x) | g)",
        {},
        {},
        "cannot be told apart",
    ),
    "a random intercept twice": (
        "y ~ x + (1 | g) + (0 + one | g)",
        {"one": 1.0},
        {},
        "cannot be told apart",
    ),
    "a constant slope": ("y ~ 1 + (x | g)", {"x": 4.0}, {}, "constant"),
    "negative weights": ("y ~ x + (1 | g)", {}, {"weights": np.full(24, -1.0)}, "weights"),
    "weights of another length": ("y ~ x + (1 | g)", {}, {"weights": np.ones(7)}, "24"),
    "a misspelt weight": ("y ~ x + (1 | g)", {"w": 1.0}, {"weights": "ww"}, "'w'"),
    "a start of another length": ("y ~ x + (x | g)", {}, {"start": [1.0]}, "3"),
    "a start that is not finite": ("y ~ x + (1 | g)", {}, {"start": [np.nan]}, "finite"),
    "a start that is no number": ("y ~ x + (1 | g)", {}, {"start": ["big"]}, "start"),
    "unknown contrasts": (
        "y ~ g + (1 | h)",
        {"h": np.tile(list("rstu"), 6)},
        {"contrasts": {"g": "sums"}},
        "sum",
    ),
    "an unknown na_action": ("y ~ x + (1 | g)", {}, {"na_action": "drop"}, "omit"),
    "no variation within groups": (
        "y ~ 1 + (1 | g)",
        {"y": np.repeat([3.0, 1.0, 4.0, 1.5, 9.0, 2.6], 4)},
        {},
        "residual variance",
    ),
    "a response computed from the covariate": (
        "y ~ x + (1 | g)",
        {"y": 3.0 + 2.0 * np.tile([0.0, 1.0, 2.0, 4.0], 6)},
        {},
        "exactly",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_clear_sentence(what):
    formula, columns, options, fragment = BAD[what]
    with pytest.raises(mw.MixedWidgetsError) as caught:
        mw.lmer(formula, small(**columns), **options)
    assert fragment.lower() in one_sentence(caught.value).lower()


@pytest.mark.parametrize(
    ("formula", "position"),
    [("y ~ x + (x | g", 8), ("y ~ x + + (1 | g))", None), ("y ~ x + (1 | g) $ 3", None)],
)
def test_an_unreadable_formula_has_a_caret(formula, position):
    with pytest.raises(mw.FormulaError) as caught:
        mw.lmer(formula, small())
    one_sentence(caught.value)
    lines = str(caught.value).splitlines()
    assert formula in lines[1]
    assert lines[2].strip() == "^"


@pytest.mark.parametrize("formula", [None, 7, b"y ~ x + (1 | g)", ["y", "x"]])
def test_a_formula_that_is_no_text(formula):
    with pytest.raises((mw.MixedWidgetsError, TypeError)) as caught:
        mw.lmer(formula, small())
    assert "formula" in str(caught.value).lower()


@pytest.mark.parametrize("data", [None, 7, "data.csv", [1, 2, 3]])
def test_data_that_are_no_table(data):
    with pytest.raises((mw.MixedWidgetsError, TypeError)) as caught:
        mw.lmer("y ~ x + (1 | g)", data)
    assert "data" in str(caught.value).lower()


def test_nothing_is_evaluated():
    """Formulas may come from strangers."""
    for formula in (
        "y ~ __import__('os').system('true') + (1 | g)",
        "y ~ x + (1 | g) + exec(x)",
        "y ~ x.__class__ + (1 | g)",
    ):
        with pytest.raises(mw.MixedWidgetsError):
            mw.lmer(formula, small())


def test_importing_is_light():
    """``import mixedwidgets`` and a fit load no widget and no matplotlib."""
    code = (
        "import sys, mixedwidgets as mw\n"
        "mw.lmer('Yield ~ 1 + (1 | Batch)', mw.load('dyestuff')).confint()\n"
        "assert not {'matplotlib', 'ipywidgets', 'anywidget'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

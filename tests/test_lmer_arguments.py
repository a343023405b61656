"""The arguments of ``lmer``: data of every kind, one value a row, missing values, starts, talk."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

SLEEP = "Reaction ~ Days + (Days | Subject)"


def rows(**columns) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g = np.repeat(list("abcdefgh"), 5)
    x = np.tile([0.0, 1.0, 2.0, 4.0, 7.0], 8)
    y = 3.0 + x + rng.normal(size=8).repeat(5) + rng.normal(size=40)
    w = rng.uniform(0.5, 2.0, 40)
    return pd.DataFrame({"y": y, "x": x, "g": g, "w": w, "use": x < 5} | columns)


FORMULA = "y ~ x + (1 | g)"
DATA = rows()


@pytest.fixture(scope="module")
def plain():
    return mw.lmer(FORMULA, DATA)


# data --------------------------------------------------------------------------------------------


class OtherFrame:
    """A data frame of another library, that can turn itself into a pandas one."""

    def __init__(self, frame: pd.DataFrame, whole: bool = True):
        self.frame, self.whole, self.columns = frame, whole, list(frame.columns)

    def to_pandas(self):
        if not self.whole:
            raise ModuleNotFoundError("pyarrow is required")
        return self.frame

    def __getitem__(self, name):
        return self.frame[name]


def as_records(frame: pd.DataFrame) -> np.ndarray:
    kinds = [(n, "U1" if n == "g" else "f8") for n in frame.columns]
    return np.array([tuple(row) for row in frame.itertuples(index=False)], dtype=kinds)


@pytest.mark.parametrize(
    "convert",
    [
        lambda d: {"y": d["y"].tolist(), "x": d["x"].to_numpy(), "g": tuple(d["g"])},
        lambda d: {"y": d["y"], "x": d["x"], "g": d["g"].to_numpy()},
        lambda d: {"y": d["y"].to_numpy(), "x": d["x"].to_numpy(), "g": pd.Categorical(d["g"])},
        OtherFrame,
        lambda d: OtherFrame(d, whole=False),
        as_records,
    ],
    ids=["lists", "series", "categorical", "to_pandas", "to_pandas without arrow", "records"],
)
def test_data_of_many_kinds(convert, plain):
    fit = mw.lmer(FORMULA, convert(DATA))
    assert fit.criterion == pytest.approx(plain.criterion, rel=1e-13)
    assert list(fit.ranef()["g"].index) == list("abcdefgh")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library, plain):
    module = pytest.importorskip(library)
    columns = {name: DATA[name].tolist() for name in ("y", "x", "g")}
    data = module.DataFrame(columns) if library == "polars" else module.table(columns)
    fit = mw.lmer(FORMULA, data)
    assert fit.criterion == pytest.approx(plain.criterion, rel=1e-13)


@pytest.mark.parametrize(
    ("formula", "fragment"),
    [
        ("y ~ x + (1 | g)", "such as {'y': ..., 'x': ..., 'g': ...}"),
        (
            "log(y) ~ x:z + (t | a/b)",
            "{'y': ..., 'x': ..., 'z': ..., 't': ..., 'a': ..., 'b': ...}",
        ),
        ("y ~ . + (1 | g)", "{'y': ..., 'g': ...}"),
    ],
)
def test_variables_are_not_looked_up(formula, fragment):
    y = x = g = z = t = a = b = np.arange(4.0)  # noqa: F841
    for give in ({}, {"data": None}):
        with pytest.raises(mw.DataError, match="does not look up the variables") as caught:
            mw.lmer(formula, **give)
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        ({"y": [1, 2], "x": [1, 2, 3], "g": ["a", "b"]}, "y has 2, x has 3, g has 2"),
        (
            {"y": pd.Series([1.0, 2.0]), "x": pd.Series([1.0] * 3), "g": list("ab")},
            "y has 2, x has",
        ),
        ({"y": [1.0] * 4, "x": 3.0, "g": list("aabb")}, "'x' is the single value 3.0"),
        ({"y": np.ones((4, 2)), "x": [1.0] * 4, "g": list("aabb")}, "'y' must have one dimension"),
        (
            {"y": DATA["y"], "x": DATA["x"].iloc[::-1], "g": DATA["g"]},
            "'y' and 'x' of the data label",
        ),
        ({}, "no rows"),
        (DATA["y"], "not a value of type Series"),
        (np.ones((4, 3)), "not a value of type ndarray"),
        ("data.csv", "not a value of type str"),
    ],
)
def test_data_that_cannot_be_used(data, fragment):
    with pytest.raises(mw.DataError) as caught:
        mw.lmer(FORMULA, data)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_arguments():
    with pytest.raises(TypeError, match="weight"):
        mw.lmer(FORMULA, DATA, weight="w")


def test_positions_are_rs():
    control = mw.Control(starts=2)
    fit = mw.lmer(FORMULA, DATA, False, control, [2.0], 0, "use", "w", "na.fail")
    assert not fit.reml
    assert fit.call.control is control
    assert fit.trace.iloc[0, 0] == pytest.approx(2.0)
    assert fit.nobs == 32
    assert fit.design.weights_name == "w"
    assert (fit.call.subset, fit.call.weights, fit.call.na_action) == ("use", "w", "na.fail")


@pytest.mark.parametrize("value", ["TRUE", 1, None, [True]])
@pytest.mark.parametrize("name", ["REML", "devfun_only"])
def test_yes_or_no(name, value):
    with pytest.raises(mw.ModelError, match=rf"{name} is .*; give True or False"):
        mw.lmer(FORMULA, DATA, **{name: value})


# weights, offset, subset -------------------------------------------------------------------------

FORMS = {
    "name": lambda name: name,
    "series": lambda name: DATA[name],
    "series in another order": lambda name: DATA[name].sample(frac=1.0, random_state=1),
    "series of more rows": lambda name: pd.concat(
        [DATA[name], DATA[name].set_axis(DATA.index + 99)]
    ),
    "array": lambda name: DATA[name].to_numpy(),
    "list": lambda name: DATA[name].tolist(),
    "categorical array": lambda name: DATA[name].array,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("role", "name"), [("weights", "w"), ("offset", "w"), ("subset", "use")])
def test_one_value_a_row(role, name, form):
    expected = mw.lmer(FORMULA, DATA, **{role: DATA[name].to_numpy()})
    fit = mw.lmer(FORMULA, DATA, **{role: FORMS[form](name)})
    assert fit.criterion == expected.criterion
    assert fit.criterion != mw.lmer(FORMULA, DATA).criterion
    pd.testing.assert_series_equal(fit.fitted(), expected.fitted())


def test_a_series_is_matched_by_label_after_rows_are_chosen():
    """As everywhere in pandas: weights of the whole data fit a part of it."""
    part = DATA[DATA["use"]]
    whole = mw.lmer(FORMULA, DATA, subset="use", weights="w", offset=DATA["x"])
    fit = mw.lmer(FORMULA, part, weights=DATA["w"], offset=DATA["x"])
    assert fit.criterion == whole.criterion


def test_one_number_for_all_rows():
    two = mw.lmer(FORMULA, DATA, weights=2.0, offset=1)
    assert two.fixef["(Intercept)"] == pytest.approx(mw.lmer(FORMULA, DATA).fixef.iloc[0] - 1.0)
    assert two.sigma == pytest.approx(mw.lmer(FORMULA, DATA).sigma * np.sqrt(2.0), rel=1e-9)


def test_names_of_columns_of_a_mapping():
    data = {name: DATA[name].to_numpy() for name in DATA}
    fit = mw.lmer(FORMULA, data, weights="w", subset="use", offset="w")
    assert fit.criterion == mw.lmer(FORMULA, DATA, weights="w", subset="use", offset="w").criterion


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"subset": "x < 5"}, "no column 'x < 5'"),
        ({"subset": [0, 1, 2]}, "subset has 3 values"),
        ({"subset": {"use"}}, "not a value of type set"),
        ({"weights": DATA[["w"]]}, "2 dimensions"),
        ({"weights": "v"}, "no column 'v'"),
        ({"weights": {"w": 1}}, "not a value of type dict"),
        ({"offset": DATA["w"].set_axis(range(100, 140))}, "whose index is not that of the data"),
        ({"offset": [None] * 40}, "offset must be numbers"),
    ],
)
def test_what_is_not_one_value_a_row(arguments, fragment):
    with pytest.raises(mw.MixedWidgetsError) as caught:
        mw.lmer(FORMULA, DATA, **arguments)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


# na_action ---------------------------------------------------------------------------------------


def sleep_with_holes() -> pd.DataFrame:
    data = mw.load("sleepstudy").astype({"Days": float})
    data.loc[3, "Reaction"] = np.nan
    data.loc[16, "Days"] = np.nan
    return data


def test_exclude_is_lme4s():
    """fitted() and residuals() of lme4 1.1-31 with na.action = na.exclude."""
    data = sleep_with_holes()
    fit = mw.lmer(SLEEP, data, na_action="exclude")
    assert len(fit.fitted()) == len(fit.resid()) == 180
    assert list(np.flatnonzero(fit.fitted().isna())) == [3, 16]
    assert list(np.flatnonzero(fit.resid().isna())) == [3, 16]
    expected = [252.3795571, 272.1329729, 291.8863887, np.nan, 331.3932203]
    np.testing.assert_allclose(fit.fitted().iloc[:5], expected, rtol=1e-6)
    chosen = (data["Days"] > 1) | data["Days"].isna()
    part = mw.lmer(SLEEP, data, na_action="na.exclude", subset=chosen)
    assert (part.nobs, part.n_missing, len(part.fitted())) == (142, 2, 144)
    assert list(part.fitted().index[part.fitted().isna()]) == [3, 16]
    expected = [289.842928195181, np.nan, 330.709770663543, 351.143191897724]
    np.testing.assert_allclose(part.fitted().iloc[:4], expected, rtol=1e-6)
    expected = [-39.0423281951809, np.nan, 26.1421293364573, 63.5469081022763]
    np.testing.assert_allclose(part.resid().iloc[:4], expected, rtol=1e-5)


def test_exclude_fits_as_omit():
    data = sleep_with_holes().set_index(pd.Index([f"row {i // 2}" for i in range(180)]))
    omitted, excluded = (mw.lmer(SLEEP, data, na_action=a) for a in ("omit", "exclude"))
    assert excluded.criterion == omitted.criterion
    assert (excluded.nobs, excluded.n_missing) == (178, 2)
    assert len(omitted.fitted()) == 178
    assert list(excluded.fitted().index) == list(data.index)  # labels that occur twice too
    np.testing.assert_array_equal(excluded.fitted().dropna(), omitted.fitted())
    assert repr(excluded) == repr(omitted)
    assert repr(excluded.summary()) == repr(omitted.summary())


def test_exclude_with_nothing_missing():
    fit = mw.lmer(FORMULA, DATA, na_action="exclude")
    pd.testing.assert_series_equal(fit.fitted(), mw.lmer(FORMULA, DATA).fitted())


@pytest.mark.parametrize("column", ["g", "w"])
def test_exclude_where_a_group_or_a_weight_is_missing(column):
    data = DATA.copy()
    data.loc[[2, 30], column] = None
    fit = mw.lmer(FORMULA, data, weights="w", na_action="exclude")
    assert list(fit.fitted().index[fit.fitted().isna()]) == [2, 30]


def test_fail_names_columns_and_counts():
    with pytest.raises(mw.DataError) as caught:
        mw.lmer(SLEEP, sleep_with_holes(), na_action="fail")
    assert str(caught.value).startswith("2 rows have missing values: Reaction (1), Days (1)")
    assert mw.lmer(FORMULA, DATA, na_action="fail").nobs == 40


@pytest.mark.parametrize("given", ["excluded", "pass", None, 3])
def test_what_is_no_na_action(given):
    with pytest.raises(mw.DataError, match="choose 'omit', 'exclude' or 'fail'"):
        mw.lmer(FORMULA, DATA, na_action=given)


# start -------------------------------------------------------------------------------------------


def test_every_form_of_a_start():
    data = mw.load("sleepstudy")
    fit = mw.lmer(SLEEP, data, REML=False)
    values = fit.theta.to_numpy()
    shuffled = fit.theta.iloc[[2, 0, 1]]
    for start in (values, values.tolist(), fit.theta, shuffled, {"theta": values}, fit):
        again = mw.lmer(SLEEP, data, start=start)
        np.testing.assert_allclose(again.trace.iloc[0, :3], values, rtol=1e-10)
        assert again.criterion == pytest.approx(1743.62827195999, rel=1e-12)


@pytest.mark.parametrize(
    ("start", "fragment"),
    [
        ([1.0], "give 3 finite numbers below 1e+08, one each for Subject.(Intercept)"),
        ({"fixef": [1, 2]}, "a dictionary holds theta alone"),
        ({"theta": [1, 0, 1], "fixef": [1, 2]}, "a dictionary holds theta alone"),
        ({}, "a dictionary holds theta alone"),
        ({"theta": [1]}, "give 3 finite numbers"),
        ([1, 0, np.inf], "give 3 finite numbers"),
        ("default", "start is 'default'"),
    ],
)
def test_what_is_no_start(start, fragment):
    with pytest.raises(mw.ModelError) as caught:
        mw.lmer(SLEEP, mw.load("sleepstudy"), start=start)
    assert fragment in str(caught.value)


def test_a_fit_of_another_model_is_no_start():
    other = mw.lmer(FORMULA, DATA)
    for start in (other, other.theta, np.ones((5, 5))):
        with pytest.raises(mw.ModelError, match="give 3 finite numbers") as caught:
            mw.lmer(SLEEP, mw.load("sleepstudy"), start=start)
        assert str(caught.value).startswith(f"start is of type {type(start).__name__}; give 3")


# verbose -----------------------------------------------------------------------------------------

LINE = re.compile(
    r"start (\d+)  step ( +\d+)  criterion +(-?\d+\.\d{6})  theta((?: +-?\d[\d.e+-]*)+)"
)


def test_silence(capsys):
    mw.lmer(SLEEP, mw.load("sleepstudy"))
    mw.lmer(SLEEP, mw.load("sleepstudy"), verbose=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, True, 1.0])
def test_a_line_a_step(capsys, verbose):
    fit = mw.lmer(SLEEP, mw.load("sleepstudy"), start=[2, 0.5, 0.3], verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found)
    assert [int(m[2]) for m in found] == list(range(len(fit.trace)))
    assert {m[1] for m in found} == {"1"}
    np.testing.assert_allclose([float(m[3]) for m in found], fit.trace["criterion"], atol=1e-6)
    thetas = [[float(v) for v in m[4].split()] for m in found]
    np.testing.assert_allclose(thetas, fit.trace.iloc[:, :3], rtol=1e-4)
    assert len({len(line) for line in lines}) == 1  # in columns
    assert max(map(len, lines)) < 100


def test_several_starts_are_numbered(capsys):
    mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), verbose=1, control={"starts": 3})
    found = [LINE.fullmatch(line) for line in capsys.readouterr().out.splitlines()]
    starts = [int(m[1]) for m in found]
    assert sorted(set(starts)) == [1, 2, 3, 4]
    assert starts == sorted(starts)
    first = [int(m[2]) for m in found if m[1] == "3"]
    assert first == list(range(len(first)))


@pytest.mark.parametrize("verbose", [2, 100])
def test_sizes_before_and_the_verdict_after(capsys, verbose):
    fit = mw.lmer(SLEEP, mw.load("sleepstudy"), verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "rows: 180; levels: 18 of Subject; fixed effects: 2; theta: Subject.(Intercept), "
        "Subject.Days.(Intercept), Subject.Days; criterion: REML"
    )
    assert all(LINE.fullmatch(line) for line in lines[1:-1])
    assert lines[-1] == str(fit.verdict)


@pytest.mark.parametrize("verbose", [-1, "loud", None, 0.5, [1]])
def test_what_is_no_verbosity(verbose):
    with pytest.raises(mw.ModelError, match=r"verbose is .*; give 0 for silence"):
        mw.lmer(FORMULA, DATA, verbose=verbose)


# The call ----------------------------------------------------------------------------------------


def test_the_fit_remembers_what_was_asked():
    call = mw.lmer(FORMULA, DATA, weights="w", offset=2.0, contrasts={}, na_action="exclude").call
    assert call.data is DATA
    assert (call.weights, call.offset, call.subset, call.contrasts) == ("w", 2.0, None, {})
    assert call.na_action == "exclude"
    assert call.control == mw.Control()

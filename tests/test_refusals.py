"""Data that cannot play their part: one typed sentence each; and every dtype that can."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.lmm.columns import alphabetical
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse

N = 30


def frame(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"y": rng.normal(size=N), "x": rng.normal(size=N), "z": rng.uniform(1, 5, N)}
    )
    data["f"] = list("abc") * 10
    data["g"] = np.repeat(np.arange(6), 5)
    data["h"] = np.tile(np.arange(5), 6)
    data["one"] = 1.0
    data["flag"] = data["z"] > 3
    return data.assign(**columns)


def with_value(column: str, row: int, value: float) -> pd.DataFrame:
    data = frame()
    data.loc[row, column] = value
    return data


DATES = pd.date_range("2020", periods=N)
REFUSED: list[tuple[str, dict[str, Any], type[Exception], list[str]]] = [
    ("y ~ xx + (1 | g)", {}, DataError, ["no column 'xx'", "did you mean 'x'?", "y, x, z, f"]),
    ("y ~ X + (1 | g)", {}, DataError, ["no column 'X'", "did you mean 'x'?"]),
    ("y ~ x + (1 | group)", {}, DataError, ["no column 'group'", "its columns are"]),
    ("f ~ x + (1 | g)", {}, DataError, ["response 'f'", "text or categories", "needs numbers"]),
    ("y ~ log(f) + (1 | g)", {}, DataError, ["'f'", "text", "where numbers belong"]),
    ("y ~ log(x) + (1 | g)", {}, DataError, ["log(x) is not a number in 12 rows", "above 0"]),
    ("y ~ sqrt(x) + (1 | g)", {}, DataError, ["sqrt(x) is not a number", "at least 0"]),
    ("log(x) ~ z + (1 | g)", {}, DataError, ["log(x) is not a number", "first in row"]),
    ("y ~ I((z - z)/(z - z)) + (1 | g)", {}, DataError, ["is not a number in 30 rows"]),
    ("y ~ log(g) + (1 | f)", {}, DataError, ["log(g) is infinite in 5 rows, first in row 0"]),
    ("y ~ x + (1 | one)", {}, ModelError, ["'one' has only one level (1)", "at least two"]),
    ("y ~ x + (1 | x)", {}, ModelError, ["'x' has 30 levels for 30 observations"]),
    ("y ~ x + (1 | g:h)", {}, ModelError, ["'g:h' has 30 levels for 30 observations"]),
    ("y ~ x + (factor(h) | g)", {}, ModelError, ["30 random effects (5 for each of 6"]),
    ("one ~ x + (1 | g)", {}, ModelError, ["'one' has the same value (1) in all 30 rows"]),
    ("y ~ x + (one | g)", {}, ModelError, ["one is constant", "random intercept"]),
    ("y ~ x + (1 | g) + (x | g)", {}, ModelError, ["intercept of 'g' occurs in two", "write 0 +"]),
    ("y ~ x + (x | g) + (0 + x | g)", {}, ModelError, ["effect x of 'g' occurs in two"]),
    ("y ~ factor(g) * factor(h) + (1 | f)", {}, ModelError, ["30 independent columns for 30"]),
    ("y ~ poly(one, 2) + (1 | g)", {}, DataError, ["at least 3 different values", "only 1"]),
    ("y ~ scale(one) + (1 | g)", {}, DataError, ["cannot be scaled", "all its values are equal"]),
    ("y ~ bs(x, df = 2) + (1 | g)", {}, DataError, ["needs df of at least 3"]),
    ("y ~ ns(x, knots = 99) + (1 | g)", {}, DataError, ["must lie between", "99 does not"]),
    ("y ~ bs(one) + (1 | g)", {}, DataError, ["at least two different values"]),
    ("poly(x, 2) ~ z + (1 | g)", {}, DataError, ["has 2 columns and must have one"]),
    ("y ~ x + (1 | g)", {"data": with_value("x", 3, np.inf)}, DataError,
     ["'x' is infinite in 1 row, first in row 3"]),
    ("y ~ x + (1 | g)", {"data": with_value("y", 7, -np.inf)}, DataError, ["'y' is infinite"]),
    ("y ~ z + (1 | x)", {"data": with_value("x", 7, -np.inf)}, DataError, ["'x' holds infinite"]),
    ("y ~ x + (1 | g)", {"data": frame(x=np.nan)}, DataError,
     ["o rows are left", "30 rows", "missing are x (30)"]),
    ("y ~ f + (1 | g)", {"data": frame(f="a")}, DataError, ["'f' has only one level"]),
    ("y ~ x + (1 | g)", {"data": pd.concat([frame(), frame()[["x"]]], axis=1)}, DataError,
     ["2 columns named 'x'"]),
    ("y ~ x + (1 | g)", {"data": frame().iloc[:0]}, DataError, ["o rows"]),
    ("y ~ x + (1 | g)", {"data": [1, 2]}, DataError, ["DataFrame or a mapping", "type list"]),
    ("y ~ x + (1 | g)", {"data": {"y": [1, 2], "x": [1, 2, 3]}}, DataError,
     ["equal lengths", "y has 2, x has 3"]),
    ("y ~ x + (1 | g)", {"data": {"y": np.ones((4, 2)), "x": [1] * 4, "g": [1] * 4}}, DataError,
     ["'y' must have one dimension"]),
    ("y ~ when + (1 | g)", {"data": frame(when=DATES)}, DataError, ["dates or times", "number of"]),
    ("y ~ x + (1 | when)", {"data": frame(when=DATES)}, DataError, ["dates", "category"]),
    ("y ~ t + (1 | g)", {"data": frame(t=DATES - DATES[0])}, DataError, ["time spans", "seconds"]),
    ("y ~ c + (1 | g)", {"data": frame(c=1j)}, DataError, ["complex"]),
    ("y ~ m + (1 | g)", {"data": frame(m=["a", 1] * 15)}, DataError, ["types: int, str"]),
    ("y ~ m + (1 | g)", {"data": frame(m=[[1]] * N)}, DataError, ["types: list"]),
    ("y ~ d + (1 | g)", {"data": frame(d=[datetime.date(2020, 1, 1)] * N)}, DataError, ["date"]),
    ("y ~ x + (1 | f:k)", {"data": frame(f=["p:q", "p"] * 15, k=["r", "q:r"] * 15)}, DataError,
     ["would both be called 'p:q:r'"]),
    ("y ~ x + (1 | g)", {"weights": -np.ones(N)}, DataError, ["cannot be negative (row 0, 30"]),
    ("y ~ x + (1 | g)", {"weights": np.zeros(N)}, DataError, ["cannot be zero", "subset"]),
    ("y ~ x + (1 | g)", {"weights": [1, 2]}, DataError, ["weights has 2 values", "30 rows"]),
    ("y ~ x + (1 | g)", {"weights": "w"}, DataError, ["no column 'w'"]),
    ("y ~ x + (1 | g)", {"weights": "f"}, DataError, ["weights must be numbers"]),
    ("y ~ x + (1 | g)", {"weights": pd.Series(1.0, range(90, 120))}, DataError,
     ["whose index is not that of the data", ".to_numpy()"]),
    ("y ~ x + (1 | g)", {"weights": np.full(N, np.nan)}, DataError, ["o rows", "weights (30)"]),
    ("y ~ x + (1 | g)", {"weights": np.full(N, np.inf)}, DataError, ["must be finite", "row 0"]),
    ("y ~ x + (1 | g)", {"weights": np.nan}, DataError, ["o rows", "weights (30)"]),
    ("y ~ x + (1 | g)", {"weights": 0}, DataError, ["weights cannot be zero"]),
    ("y ~ x + (1 | g)", {"weights": -1.0}, DataError, ["weights cannot be negative"]),
    ("y ~ x + (1 | g)", {"weights": True}, DataError, ["weights must be numbers"]),
    ("y ~ x + (1 | g)", {"weights": np.ones((N, 2))}, DataError,
     ["weights must be the name of a column", "type ndarray with 2 dimensions"]),
    ("y ~ x + (1 | g)", {"weights": {}}, DataError, ["weights must be the name", "type dict"]),
    ("y ~ x + (1 | g)", {"subset": slice(0, 5)}, DataError, ["subset must be", "type slice"]),
    ("y ~ x + (1 | g)", {"subset": "z > 3"}, DataError, ["no column 'z > 3'"]),
    ("y ~ x + (1 | g)", {"offset": "f"}, DataError, ["offset must be numbers"]),
    ("y ~ x + (1 | g)", {"data": frame(g=np.nan)}, DataError, ["missing are g (30)"]),
    ("y ~ x + (1 | g)", {"data": with_value("g", 3, np.nan), "na_action": "fail"}, DataError,
     ["1 row has missing values: g (1)"]),
    ("y ~ I(x^3000) + (1 | g)", {}, DataError, ["I(x^3000) is"]),
    ("y ~ I(z * 1e200) + (1 | g)", {}, DataError, ["larger than 1e+150 in 30 rows"]),
    ("y ~ x + (1 | g:nope)", {}, DataError, ["no column 'nope'"]),
    ("y ~ x + offset(nope) + (1 | g)", {}, DataError, ["no column 'nope'"]),
    ("y ~ factor(x):factor(z):factor(y + 1) + (1 | g)", {}, DataError, ["27000 columns"]),
    ("y ~ f + (1 | g)", {"contrasts": "sum"}, DataError, ["give a dictionary"]),
    ("y ~ f + (1 | g)", {"contrasts": {1: "sum"}}, DataError, ["for 1", "by the names"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": [[1, 2], [3, 4]]}}, DataError,
     ["3 rows", "not shape (2, 2)"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": pd.DataFrame({"k": [1, 0, -1]}, list("abx"))}},
     DataError, ["labelled a, b, x", "levels are a, b, c"]),
    ("y ~ C(f, sum) + (1 | g)", {"data": frame(f=pd.Categorical(list("abc") * 10, list("abcd")))},
     DataError, ["'d' does not occur", "argument contrasts"]),
    ("y ~ x + (1 | g)", {"offset": np.full(N, np.inf)}, DataError, ["must be finite", "row 0"]),
    ("y ~ x + (1 | g)", {"subset": [True]}, DataError, ["subset has 1 values"]),
    ("y ~ x + (1 | g)", {"subset": "x"}, DataError, ["subset must hold True or False"]),
    ("y ~ x + (1 | g)", {"subset": np.zeros(N, bool)}, DataError, ["subset leaves no rows"]),
    ("y ~ x + (1 | g)", {"na_action": "drop"}, DataError, ["na_action", "'omit'", "'fail'"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": "summ"}}, DataError, ["did you mean 'sum'?"]),
    ("y ~ f + (1 | g)", {"contrasts": {"F": "sum"}}, DataError, ["did you mean 'f'?"]),
    ("y ~ f + x + (1 | g)", {"contrasts": {"x": "sum"}}, DataError, ["numeric", "write factor(x)"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": np.eye(3)}}, DataError, ["3 rows", "1 to 2 columns"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": np.ones(3)}}, DataError, ["depend on each other"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": [[1, np.nan, 0]] * 3}}, DataError, ["3 rows"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": [1, np.nan, 0]}}, DataError, ["must be finite"]),
    ("y ~ f + (1 | g)", {"contrasts": {"f": object()}}, DataError, ["or a numeric matrix"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "arguments", "kind", "essentials"),
    REFUSED,
    ids=[f"{formula} {' '.join(arguments)}" for formula, arguments, *_ in REFUSED],
)
def test_refused_in_one_sentence(formula, arguments, kind, essentials):
    arguments = dict(arguments)
    data = arguments.pop("data", frame())
    with pytest.raises(kind) as caught:
        build(parse(formula), data, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    for essential in essentials:
        assert essential in message


def test_labelled_rows_of_a_contrast_matrix_are_put_in_order():
    rows = {"low": {"c": -1.0, "a": 1.0, "b": 0.0}}
    design = build(parse("y ~ f + (1 | g)"), frame(), contrasts={"f": pd.DataFrame(rows)})
    assert design.x_names == ("(Intercept)", "flow")
    np.testing.assert_array_equal(design.X[:3, 1], [1, 0, -1])


def test_rows_left_out_by_subset_may_be_bad():
    bad = with_value("x", 3, np.inf)
    assert len(build(parse("y ~ x + (1 | g)"), bad, subset=np.isfinite(bad["x"])).y) == N - 1
    data = frame()
    design = build(parse("y ~ log(x) + (1 | g)"), data, subset=data["x"] > 0)
    np.testing.assert_allclose(design.X[:, 1], np.log(data["x"][data["x"] > 0]))


def test_a_wide_frame_does_not_flood_the_message():
    wide = pd.DataFrame(np.ones((4, 500)), columns=[f"column{i}" for i in range(500)])
    with pytest.raises(DataError, match="and 480 more") as caught:
        build(parse("y ~ x + (1 | g)"), wide)
    assert len(str(caught.value)) < 400


MISSING_FIRST = [None, *["u", "v"] * 14, "u"]
NUMERIC = {
    "int8": np.arange(N, dtype=np.int8),
    "uint64": np.arange(N, dtype=np.uint64),
    "float32": np.arange(N, dtype=np.float32),
    "Int64": pd.array([None, *range(1, N)], dtype="Int64"),
    "Float64": pd.array([None, *range(1, N)], dtype="Float64"),
    "decimal": [decimal.Decimal(i) for i in range(N)],
    "python numbers": [None, *range(1, N - 1), 29.0],
    "list": list(range(N)),
}


@pytest.mark.parametrize("kind", NUMERIC)
def test_numbers_of_every_dtype(kind):
    design = build(parse("v ~ v2 + (1 | g)"), frame(v=NUMERIC[kind], v2=NUMERIC[kind]))
    first = 1 if design.n_missing else 0
    np.testing.assert_array_equal(design.y, np.arange(first, N))
    np.testing.assert_array_equal(design.X[:, 1], np.arange(first, N))
    assert design.x_names == ("(Intercept)", "v2")


TEXT = {
    "object": pd.Series(MISSING_FIRST, dtype=object),
    "str": pd.Series(MISSING_FIRST, dtype="str"),
    "string": pd.Series(MISSING_FIRST, dtype="string"),
    "category": pd.Series(pd.Categorical(MISSING_FIRST, ["u", "v", "unused"])),
    "array": np.array(["", *MISSING_FIRST[1:]]),
}


@pytest.mark.parametrize("kind", TEXT)
def test_text_of_every_dtype(kind):
    data = frame(v=TEXT[kind])
    if kind == "array":
        data.loc[0, "v"] = None
    design = build(parse("y ~ v + (1 | g)"), data)
    assert design.x_names == ("(Intercept)", "vv")
    assert design.X[:, 1].tolist() == [0.0, 1.0] * 14 + [0.0]
    grouped = build(parse("y ~ x + (1 | v)"), data)
    assert list(grouped.groupings[0].levels) == ["u", "v"]
    assert grouped.n_missing == 1


LOGICAL = {
    "bool": [True, True, False] * 10,
    "boolean": pd.array([None, True, False] * 10, dtype="boolean"),
    "object": [None, True, False] * 10,
}


@pytest.mark.parametrize("kind", LOGICAL)
def test_true_and_false_of_every_dtype(kind):
    data = frame(v=LOGICAL[kind])
    design = build(parse("y ~ v + (1 | g)"), data)
    assert design.x_names == ("(Intercept)", "vTRUE")
    assert design.n_missing == (0 if kind == "bool" else 10)
    assert build(parse("y ~ 0 + v + (1 | g)"), data).x_names == ("vFALSE", "vTRUE")
    as_number = build(parse("v ~ I(v + 1) + (1 | g)"), data)
    np.testing.assert_array_equal(as_number.y + 1, as_number.X[:, 1])


def test_ordered_categories_are_coded_by_polynomials():
    data = frame(f=pd.Categorical(list("abc") * 10, ["c", "a", "b"], ordered=True))
    assert build(parse("y ~ f + (1 | g)"), data).x_names == ("(Intercept)", "f.L", "f.Q")


def test_large_identifiers_stay_apart():
    ids = 2**60 + np.repeat(np.arange(6), 5)
    design = build(parse("y ~ x + (1 | g)"), frame(g=ids))
    assert design.groupings[0].levels.tolist() == sorted(set(ids.tolist()))


def test_a_mapping_of_arrays_is_data():
    data = {name: column.to_numpy() for name, column in frame().items()}
    design = build(parse("y ~ x + f + (1 | g)"), data)
    expected = build(parse("y ~ x + f + (1 | g)"), frame())
    np.testing.assert_array_equal(design.X, expected.X)
    assert design.index.equals(expected.index)


def test_text_is_sorted_as_in_a_dictionary():
    words = ["Beta", "alpha", "Alpha", "10", "9", "_x", "éclair", "eclipse", "zoo", "Zoo"]
    assert sorted(words, key=alphabetical) == [
        "_x", "10", "9", "alpha", "Alpha", "Beta", "éclair", "eclipse", "zoo", "Zoo"
    ]  # fmt: skip

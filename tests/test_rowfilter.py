"""A filter of rows keeps the rows that pandas would, and its text selects the same ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedwidgets.errors import DataError
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.rowfilter import (
    COMPARISONS,
    ONE_OF,
    OPERATORS,
    Condition,
    checked,
    in_words,
    operators_for,
    rows_expression,
    rows_kept,
)

DAYS = ["2024-01-01", "2024-02-01", None, "2024-03-01", "2025-01-01", "2025-01-01"]
DATA = pd.DataFrame(
    {
        "x": [1.0, 2.5, np.nan, 4.0, -1.0, 2.5],
        "k": pd.array([1, 2, None, 4, 2, 3], dtype="Int64"),
        "t": ["a", "b", None, "it's", "b", '"'],
        "s": pd.array(["a", "b", None, "c", "b", "c"], dtype="string"),
        "flag": [True, False, True, True, False, False],
        "maybe": pd.Series([True, None, False, True, None, False], dtype=object),
        "cat": pd.Categorical(["lo", "mid", None, "hi", "lo", "hi"]),
        "rank": pd.Categorical(["lo", "mid", None, "hi", "lo", "hi"], ["lo", "mid", "hi"], True),
        "grade": pd.Categorical([1, 2, None, 3, 1, 2], ordered=True),
        "day": pd.to_datetime(DAYS),
        "cut": pd.cut([1, 2, 3, 4, 5, 6], 2),
        "lists": [[1]] * 6,
        "quo'te\"\n{}`": [1, 2, 3, 4, 5, 6],
    }
)  # fmt: skip

KEPT = [
    (Condition("x", "<", 2.5), [0, 4]),
    (Condition("x", "<=", 2.5), [0, 1, 4, 5]),
    (Condition("x", "==", 2.5), [1, 5]),
    (Condition("x", "!=", 2.5), [0, 3, 4]),  # the missing one is not kept
    (Condition("x", ">=", 2.5), [1, 3, 5]),
    (Condition("x", ">", np.float32(2.5)), [3]),
    (Condition("x", ONE_OF, (1, 4.0)), [0, 3]),
    (Condition("k", "!=", 2), [0, 3, 5]),
    (Condition("k", ">", np.int64(2)), [3, 5]),
    (Condition("k", "<", 1e30), [0, 1, 3, 4, 5]),
    (Condition("t", "==", "it's"), [3]),
    (Condition("t", "!=", "b"), [0, 3, 5]),
    (Condition("t", ONE_OF, ("a", '"', "never seen")), [0, 5]),
    (Condition("t", ONE_OF, "a"), [0]),
    (Condition("s", "!=", "b"), [0, 3, 5]),
    (Condition("flag", "==", True), [0, 2, 3]),
    (Condition("flag", "!=", True), [1, 4, 5]),
    (Condition("maybe", "==", False), [2, 5]),
    (Condition("maybe", "!=", False), [0, 3]),
    (Condition("cat", "!=", "lo"), [1, 3, 5]),
    (Condition("rank", "<", "hi"), [0, 1, 4]),
    (Condition("rank", ONE_OF, ["mid"]), [1]),
    (Condition("grade", ">=", 2), [1, 3, 5]),
    (Condition("day", ">=", "2024-02-01"), [1, 3, 4, 5]),
    (Condition("day", "<", "2025"), [0, 1, 3]),
    (Condition("quo'te\"\n{}`", ">", 4), [4, 5]),
]


@pytest.mark.parametrize(("condition", "rows"), KEPT, ids=[str(c).strip() for c, _ in KEPT])
def test_the_rows_kept_and_the_text_that_selects_them(condition, rows):
    kept = rows_kept([condition], DATA)
    assert kept.dtype == bool
    assert np.flatnonzero(kept).tolist() == rows
    text = rows_expression(checked([condition], DATA))
    pd.testing.assert_frame_equal(eval(text, {"data": DATA}), DATA[kept])


def test_several_conditions_are_joined_by_and():
    both = (Condition("x", ">", 0), Condition("t", "!=", "a"), Condition("flag", "==", False))
    assert np.flatnonzero(rows_kept(both, DATA)).tolist() == [1, 5]
    text = rows_expression(checked(both, DATA))
    assert text == (
        "data[(data['x'] > 0) & (data['t'] != 'a') & data['t'].notna() & (data['flag'] == False)]"
    )
    assert eval(text, {"data": DATA}).index.tolist() == [1, 5]
    assert in_words(both) == "x > 0 and t != 'a' and flag == False"


def test_no_condition_keeps_all():
    assert rows_kept((), DATA).all()
    assert rows_expression(()) == "data"


REFUSED = [
    (Condition("X", "<", 1), "no column 'X' (did you mean 'x'?)"),
    (Condition("x", "=", 1), "'=' does not compare anything"),
    (Condition("x", "<", "1"), "'x' is compared with finite numbers, which '1' is not"),
    (Condition("x", "<", np.nan), "finite numbers, which nan is not"),
    (Condition("x", "<", np.inf), "finite numbers, which inf is not"),
    (Condition("x", "<", 10**400), "finite numbers, which of type int is not"),
    (Condition("x", "==", True), "finite numbers, which True is not"),
    (Condition("x", "<", (1, 2)), "needs one value, not (1, 2)"),
    (Condition("x", ONE_OF, ()), "at least one value of 'x'"),
    (Condition("x", ONE_OF, (1, "a")), "which 'a' is not"),
    (Condition("t", "<", "b"), "< does not fit the column 't', whose values have no order"),
    (Condition("t", "==", 1), "'t' is compared with text, which 1 is not"),
    (Condition("flag", "==", 1), "True and False, which 1 is not"),
    (Condition("flag", "<", True), "no order"),
    (Condition("cat", ">", "lo"), "no order"),
    (Condition("rank", ">", "low"), "'rank' cannot be compared with 'low'"),
    (Condition("day", "<", "tomorrow or so"), "dates, such as '2024-05-31', which"),
    (Condition("day", ONE_OF, ("2024-01-01",)), "does not fit the column 'day'"),
    (Condition("cut", "==", "(1, 2]"), "holds neither numbers, text, truth values nor dates"),
    (Condition("lists", "==", 1), "holds neither"),
    (Condition("x", ">", 4), "No row of the data has x > 4; loosen or remove a condition."),
]


@pytest.mark.parametrize(("condition", "words"), REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(condition, words):
    with pytest.raises(DataError) as refused:
        rows_kept([condition], DATA)
    sentence = str(refused.value)
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_no_row_left_by_conditions_that_each_keep_some():
    with pytest.raises(DataError, match=r"No row of the data has x > 2 and x < 2\.2"):
        rows_kept((Condition("x", ">", 2), Condition("x", "<", 2.2)), DATA)


@pytest.mark.parametrize("name", DATA.columns)
def test_every_operator_offered_works_and_no_other(name):
    offered = operators_for(DATA[name])
    example = DATA[name].dropna().iloc[0]
    example = example.isoformat() if isinstance(example, pd.Timestamp) else example
    for operator in OPERATORS:
        condition = Condition(name, operator, example)
        if operator in offered:
            assert checked([condition], DATA)
        else:
            with pytest.raises(DataError):
                checked([condition], DATA)


class TestColumnsOfTheRowsKept:
    def test_facts_are_those_of_the_rows(self):
        columns = Columns(DATA)
        plain, kept = columns.filtered((Condition("x", ">", np.float64(0)),))
        assert plain == (Condition("x", ">", 0),)
        assert kept["x"].smallest == 1.0
        assert columns["x"].smallest == -1.0
        assert kept.nrows == 4
        assert columns.filtered((Condition("x", ">", np.float64(0)),))[1] is kept
        assert columns.filtered(()) == ((), columns)

    def test_true_and_one_are_not_the_same_value(self):
        columns = Columns(DATA)
        assert columns.filtered((Condition("flag", "==", True),))[1].nrows == 3
        with pytest.raises(DataError):
            columns.filtered((Condition("flag", "==", 1),))

    def test_labels_are_plain_and_in_order(self):
        columns = Columns(DATA)
        assert columns.labels("t") == ('"', "a", "b", "it's")
        assert columns.labels("rank") == ("lo", "mid", "hi")
        assert columns.labels("flag") == (False, True)
        assert columns.labels("grade") == (1, 2, 3)
        assert columns.labels("k") == (1, 2, 3, 4)
        assert [type(v) for v in columns.labels("k")] == [int] * 4
        assert columns.labels("cut") == columns.labels("lists") == columns.labels("day") == ()


values = st.floats(-3, 3) | st.integers(-3, 3) | st.sampled_from(["a", "b", "zz", True, False])
conditions = st.builds(
    Condition,
    st.sampled_from(["x", "k", "t", "s", "flag", "maybe", "cat", "rank", "gone"]),
    st.sampled_from([*OPERATORS, "=", "in"]),
    values | st.lists(values, max_size=3).map(tuple),
)


@given(st.lists(conditions, max_size=3).map(tuple))
def test_any_filter_keeps_the_rows_its_text_selects_or_is_refused(wished):
    try:
        kept = rows_kept(wished, DATA)
    except DataError as refused:
        sentence = str(refused)
    else:
        sentence = ""
    if sentence:
        assert "\n" not in sentence
        return
    plain = checked(wished, DATA)
    assert checked(plain, DATA) == plain
    expected = eval(rows_expression(plain), {"data": DATA})
    pd.testing.assert_frame_equal(expected, DATA[kept])


def test_comparisons_by_hand():
    x = DATA["x"]
    for name, compare in COMPARISONS.items():
        by_hand = [not np.isnan(v) and bool(compare(v, 2.5)) for v in x]
        assert rows_kept([Condition("x", name, 2.5)], DATA).tolist() == by_hand

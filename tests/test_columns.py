"""What the explorer takes each column to be, for every dtype a DataFrame can hold."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixedwidgets.errors import DataError
from mixedwidgets.widgets.columns import Column, Columns

N = 60
RANDOM = np.random.default_rng(3).normal(size=N)


def column(values: Any) -> Column:
    return Columns(pd.DataFrame({"c": pd.Series(values, index=range(N))}))["c"]


def cycle(*values: Any) -> list[Any]:
    return [values[i % len(values)] for i in range(N)]


KINDS = {
    "decimals": (RANDOM, "number", False, N, N),
    "whole numbers": (np.arange(N) % 7, "number", True, 7, N),
    "whole numbers as floats": (np.arange(N) % 7 / 1.0, "number", True, 7, N),
    "missing": (cycle(1.5, np.nan, 2.5), "number", False, 2, 40),
    "all missing": (np.full(N, np.nan), "number", True, 0, 0),
    "nullable integers": (pd.array(cycle(1, None, 3), dtype="Int64"), "number", True, 2, 40),
    "nullable floats": (pd.array(cycle(1.5, pd.NA), dtype="Float64"), "number", False, 1, 30),
    "half precision": (np.float16(RANDOM.round(1)), "number", False, None, N),
    "large unsigned": (np.arange(N, dtype="u8") % 7 + 2**63, "number", True, 7, N),
    "sparse": (pd.arrays.SparseArray(RANDOM), "number", False, N, N),
    "decimal.Decimal": (cycle(*map(decimal.Decimal, ("0.1", "2"))), "number", False, 2, N),
    "numbers as objects": (pd.Series(cycle(1, 2.5, None), dtype=object), "number", False, 2, 40),
    "pd.NA among objects": (cycle(pd.NA, 1.5, 2.5), "number", False, 2, 40),
    "text": (cycle("a", "b"), "category", False, 2, N),
    "text with missing": (cycle("a", "b", None), "category", False, 2, 40),
    "string dtype": (pd.array(cycle("a", "b", None), dtype="string"), "category", False, 2, 40),
    "bool": (RANDOM > 0, "category", False, 2, N),
    "nullable bool": (
        pd.array(cycle(True, False, None), dtype="boolean"), "category", False, 2, 40
    ),
    "bool as objects": (
        pd.Series(cycle(True, False, None), dtype=object), "category", False, 2, 40
    ),
    "categorical": (pd.Categorical(cycle("a", "b"), list("abc")), "category", False, 2, N),
    "ordered": (pd.Categorical(cycle(3, 1, 2), ordered=True), "category", False, 3, N),
    "intervals cut": (pd.cut(RANDOM, 4), "category", False, 4, N),
    "all None": ([None] * N, "other", False, 0, 0),
    "dates": (pd.date_range("2020", periods=N), "other", False, N, N),
    "dates with zones": (pd.date_range("2020", periods=N, tz="UTC"), "other", False, N, N),
    "datetime.date": (cycle(datetime.date(2020, 1, 1)), "other", False, 1, N),
    "time spans": (pd.to_timedelta(np.arange(N), "D"), "other", False, N, N),
    "periods": (pd.period_range("2020", periods=N), "other", False, N, N),
    "complex": (RANDOM + 1j, "other", False, N, N),
    "bytes": (cycle(b"a", b"b"), "other", False, 2, N),
    "lists": ([[i] for i in range(N)], "other", False, 0, N),
    "dictionaries": ([{} for _ in range(N)], "other", False, 0, N),
    "tuples": (cycle((1, 2), (3,)), "other", False, 2, N),
    "text and numbers": (cycle("a", 1), "other", False, 2, N),
    "integers beyond every float": (cycle(10**400, 2), "other", False, 2, N),
}  # fmt: skip


@pytest.mark.parametrize("case", KINDS)
def test_every_dtype(case):
    values, kind, whole, levels, present = KINDS[case]
    found = column(values)
    assert (found.kind, found.present) == (kind, present)
    assert found.levels == (len(np.unique(values)) if levels is None else levels)
    if kind == "number":
        assert found.whole == whole


@pytest.mark.parametrize(
    ("values", "infinite", "whole"),
    [
        (cycle(np.inf, 1.0, 2.0), 20, True),
        (cycle(np.inf, -np.inf), N, True),
        (pd.array(cycle(np.inf, 1.5), dtype="Float64"), 30, False),
        (cycle(decimal.Decimal("Infinity"), decimal.Decimal(1)), 30, True),
        (RANDOM, 0, False),
    ],
)
def test_infinities_are_counted(values, infinite, whole):
    found = column(values)
    assert (found.infinite, found.whole, found.kind) == (infinite, whole, "number")


class TestVariesWithin:
    @pytest.fixture
    def columns(self):
        g = np.repeat(np.arange(6), 10)
        return Columns(
            pd.DataFrame(
                {
                    "g": g,
                    "text": [f"group {i}" for i in g],
                    "by_group": g * 1.5,
                    "by_row": RANDOM,
                    "late": np.where(np.arange(N) == N - 1, 99.0, g),
                    "gaps": np.where(np.arange(N) % 10 == 0, g / 1.0, np.nan),
                    "within": pd.Categorical(cycle("a", "b")),
                    "missing": np.nan,
                }
            )
        )

    @pytest.mark.parametrize("group", ["g", "text"])
    @pytest.mark.parametrize(
        ("name", "varies"),
        [
            ("by_group", False),
            ("by_row", True),
            ("late", True),
            ("gaps", False),
            ("within", True),
            ("missing", False),
            ("g", False),
        ],
    )
    def test_against_pandas(self, columns, group, name, varies):
        data = columns.data
        counted = data.groupby(group, observed=True)[name].nunique().max() > 1
        assert columns.varies_within(name, group) == varies == counted

    def test_rows_without_a_group_do_not_count(self):
        data = pd.DataFrame({"g": [1.0, 1.0, 2.0, 2.0, np.nan], "x": [5.0, 5.0, 6.0, 6.0, 7.0]})
        assert not Columns(data).varies_within("x", "g")


def test_names_and_order():
    columns = Columns(pd.DataFrame({"b": [1], "a": [2]}))
    assert columns.names == ("b", "a") == tuple(column.name for column in columns)
    assert "a" in columns
    assert "c" not in columns
    assert columns.nrows == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"a": [1]}, "The data are a dict; give a pandas DataFrame"),
        (pd.Series([1, 2]), "The data are a Series; give a pandas DataFrame"),
        (None, "The data are a NoneType"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame(index=range(3)), "has no columns"),
        (pd.DataFrame([[1, 2]]), "column name 0 is not text"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs more than once"),
        (
            pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
            "('a', 'b') is not text",
        ),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data, words):
    with pytest.raises(DataError) as refused:
        Columns(data)
    assert words in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)

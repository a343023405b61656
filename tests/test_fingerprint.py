"""The fingerprint of data: of their values and names, not of how pandas keeps them."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

BASE = {
    "n": [1, 2, 3],
    "x": [0.0, np.nan, 1e300],
    "t": ["x", None, ""],
    "b": [True, False, True],
    "w": pd.to_datetime(["2020-01-01", None, "2200-05-01 10:00:00.123"], format="ISO8601"),
    "d": pd.to_timedelta([1, None, 90], unit="s"),
    "c": pd.Categorical(["u", None, "v"], ["v", "u", "none"]),
}


def frame(**changes: object) -> pd.DataFrame:
    return pd.DataFrame({**BASE, **changes})


def test_it_is_the_sha256_that_the_documentation_says() -> None:
    data = pd.DataFrame({"x": [1.5, -0.0, np.nan]})
    expected = hashlib.sha256(
        b"mixedwidgets 1"
        + struct.pack("<2d", 3, 1)
        + struct.pack("<Q", 1)
        + b"x"
        + b"\xff" * 8
        + b"numbers"
        + struct.pack("<2d", 1.5, 0.0)
        + bytes.fromhex("000000000000f87f")
    ).hexdigest()
    assert mw.fingerprint(data) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"n": pd.array([1, 2, 3], dtype="Int64")},
        {"n": [1.0, 2.0, 3.0]},
        {"n": np.array([1, 2, 3], dtype=np.int8)},
        {"x": [-0.0, None, 1e300]},
        {"x": pd.array([0.0, None, 1e300], dtype="Float64")},
        {"t": np.array(["x", None, ""], dtype=object)},
        {"t": np.array(["x", np.nan, ""], dtype=object)},
        {"t": pd.array(["x", None, ""], dtype="string")},
        {"b": pd.array([True, False, True], dtype="boolean")},
        {"b": np.array([True, False, True], dtype=object)},
        {"w": BASE["w"].astype("datetime64[ms]")},
        {"d": BASE["d"].astype("timedelta64[us]")},
    ],
)
def test_the_same_values_kept_otherwise(changes: dict[str, object]) -> None:
    assert mw.fingerprint(frame(**changes)) == mw.fingerprint(frame())


def test_row_labels_are_no_matter() -> None:
    data = frame()
    assert mw.fingerprint(data.set_axis(["a", "b", "c"])) == mw.fingerprint(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"n": [1, 2, 4]},
        {"n": ["1", "2", "3"]},
        {"x": [0.0, np.nan, np.nextafter(1e300, 2e300)]},
        {"x": [0.0, 1.0, 1e300]},
        {"t": ["x", "", ""]},
        {"t": ["x", "None", ""]},
        {"t": ["x", "nan", ""]},
        {"b": [1.0, 0.0, 1.0]},
        {"c": ["u", None, "v"]},
        {"c": pd.Categorical(["u", None, "v"], ["u", "v", "none"])},
        {"c": pd.Categorical(["u", None, "v"], ["v", "u"])},
        {"c": pd.Categorical(["u", None, "v"], ["v", "u", "none"], ordered=True)},
        {"w": BASE["w"] + pd.to_timedelta(1, unit="us")},
        {"w": BASE["w"].tz_localize("UTC")},
        {"n": np.array([True, 2, "3"], dtype=object)},
        {"more": [1, 2, 3]},
    ],
)
def test_other_values(changes: dict[str, object]) -> None:
    assert mw.fingerprint(frame(**changes)) != mw.fingerprint(frame())


def test_objects_of_different_types_that_are_equal() -> None:
    made = [
        mw.fingerprint(pd.DataFrame({"x": np.array(values, dtype=object)}))
        for values in ([1, "a"], [True, "a"], ["1", "a"], [1.0, "a"])
    ]
    assert len(set(made)) == 4


def test_whole_numbers_beyond_the_exact_ones() -> None:
    one, other = (pd.DataFrame({"id": [2**60 + more]}) for more in (0, 1))
    assert mw.fingerprint(one) != mw.fingerprint(other)


def test_names_and_order_of_columns() -> None:
    data = frame()
    assert mw.fingerprint(data.rename(columns={"n": "m"})) != mw.fingerprint(data)
    assert mw.fingerprint(data[[*reversed(data.columns)]]) != mw.fingerprint(data)


def test_text_cannot_move_into_the_next_value() -> None:
    one, other = pd.DataFrame({"t": ["ab", "c"]}), pd.DataFrame({"t": ["a", "bc"]})
    assert mw.fingerprint(one) != mw.fingerprint(other)


def test_instants_do_not_depend_on_the_zone() -> None:
    times = pd.to_datetime(["2020-07-01 12:00"]).tz_localize("Europe/Berlin")
    one, other = pd.DataFrame({"w": times}), pd.DataFrame({"w": times.tz_convert("Asia/Tokyo")})
    assert mw.fingerprint(one) == mw.fingerprint(other)


def test_an_empty_frame_and_hostile_names() -> None:
    assert len(mw.fingerprint(pd.DataFrame())) == 64
    assert len(mw.fingerprint(pd.DataFrame({"\ud800\x00": ["\udfff"]}))) == 64


@pytest.mark.parametrize("given", [None, {"x": [1]}, "data.csv"])
def test_something_else(given: object) -> None:
    with pytest.raises(
        mw.DataError, match=r"^A fingerprint is of a DataFrame, not .*; give one\.$"
    ):
        mw.fingerprint(given)

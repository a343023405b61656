"""What tells right from wrong without the key, and the rules of keys and pictures."""

from __future__ import annotations

import json
import math
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.errors import DataError
from mixedwidgets.homework import seals
from mixedwidgets.homework.diagnosing import TOO_FEW_DIGITS, diagnose, half_of_last_digit
from mixedwidgets.homework.keys import (
    Key,
    Mistake,
    Mistakes,
    accepts,
    coordinates,
    known_mistakes,
    matches,
)
from mixedwidgets.homework.pictures import curve, groups, surface
from mixedwidgets.homework.seals import is_right, revealed, sealed
from mixedwidgets.homework.sheet import Asked, Part, Sheet

TOKEN = "0123456789abcdef"
NUMBER = Part("tau", "number", "SD", "points", 0.005)
CHOICE = Part("which", "choice", "which", options=(("a", "A"), ("b", "B")))
INTERVAL = Part("ci", "interval", "interval", tolerance=0.01)
POINT = Part("at", "point", "point", tolerance=0.02)
ROW = (10.0, math.inf)


def with_seal(part: Part, key: Key, feedback: str) -> Part:
    """A part as a student gets it: through the JSON of a sheet."""
    seal = sealed(part, key, feedback, TOKEN)
    whole = Part(**{**part.__dict__, "seal": seal})
    sheet = Sheet("hw", "", "", TOKEN, "", "", (Asked("q", "", "", 1.0, (whole,), feedback),))
    return Sheet.from_json(sheet.to_json()).questions[0].parts[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "ROUNDS", 5)


@pytest.mark.parametrize("feedback", ["check", "reveal"])
@pytest.mark.parametrize("key", [0.0, 3.21, -540.123456, 1e6, 1e-7])
@pytest.mark.parametrize("tolerance", [0.005, 0.5, 1e-5])
def test_the_edges_of_the_tolerance_are_those_of_the_grader(
    feedback: str, key: float, tolerance: float
) -> None:
    part = with_seal(NUMBER, Key(key, tolerance), feedback)
    for inside in (0.0, 1.0, -1.0, 0.999, -0.999):
        value = key + inside * tolerance
        assert is_right(part, value)
        assert matches("number", value, key, tolerance)
    for outside in (1.001, -1.001, 2.0, -2.0, 3.0, 20.0, -20.0):
        value = key + outside * tolerance * (1.0 + 1e-3) + math.copysign(2e-9, outside) * abs(key)
        assert not is_right(part, value)
        assert not matches("number", value, key, tolerance)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1e4, 1e4), st.sampled_from([1e-3, 0.02, 1.0, 7.0]), st.floats(-3.0, 3.0).map(float)
)
def test_a_seal_says_what_the_grader_says(key: float, tolerance: float, off: float) -> None:
    value = key + off * tolerance
    if abs(abs(off) - 1.0) > 1e-4:
        seal = sealed(NUMBER, Key(key, tolerance), "check", TOKEN)
        part = Part(**{**NUMBER.__dict__, "seal": seal})
        assert is_right(part, value) == matches("number", value, key, tolerance)


def test_intervals_points_and_choices_are_checked() -> None:
    interval = with_seal(INTERVAL, Key((0.2, 0.4), 0.01), "check")
    assert is_right(interval, (0.209, 0.391))
    assert not is_right(interval, (0.209, 0.42))
    assert not is_right(interval, (0.4, 0.2))
    place = with_seal(POINT, Key((5.0, 1.0), 0.02, widths=(10.0, 2.0)), "check")
    assert is_right(place, (5.19, 0.97))
    assert not is_right(place, (5.19, 0.95))
    row = with_seal(POINT, Key((5.0, 3.0), 0.02, widths=ROW), "check")
    assert is_right(row, (4.81, 99.0))
    assert not is_right(row, (4.7, 3.0))
    choice = with_seal(CHOICE, Key("b"), "check")
    assert is_right(choice, "b")
    assert not is_right(choice, "a")


@pytest.mark.parametrize("feedback", ["check", "reveal"])
def test_answers_of_another_kind_are_wrong_and_no_error(feedback: str) -> None:
    number = with_seal(NUMBER, Key(3.0, 0.005), feedback)
    for odd in ("3", (3.0, 3.0), True, math.nan, math.inf, 1e308, None, [3.0]):
        assert not is_right(number, odd)  # type: ignore[arg-type]
    interval = with_seal(INTERVAL, Key((0.0, 1.0), 0.01), feedback)
    assert not is_right(interval, 0.5)
    assert not is_right(with_seal(CHOICE, Key("b"), feedback), 1.0)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (NUMBER, Key(3.25, 0.005)),
        (CHOICE, Key("b")),
        (INTERVAL, Key((0.2, 0.4), 0.01)),
        (POINT, Key((5.0, 3.0), 0.02, widths=ROW)),
    ],
)
def test_a_key_is_revealed_but_not_readable(part: Part, key: Key) -> None:
    sealed_part = with_seal(part, key, "reveal")
    assert revealed(sealed_part) == key.value
    assert is_right(sealed_part, key.value)
    text = json.dumps(sealed_part.seal)
    assert "3.25" not in text
    assert '"b"' not in text


@pytest.mark.parametrize("feedback", ["none", "range"])
def test_nothing_is_handed_out_that_is_not_needed(feedback: str) -> None:
    assert sealed(NUMBER, Key(3.0, 0.005), feedback, TOKEN) is None


def test_a_checked_key_is_not_in_the_sheet() -> None:
    seal = sealed(NUMBER, Key(3.21987, 0.005), "check", TOKEN)
    assert seal is not None
    assert not re.search(r"3\.2[12]", json.dumps(seal))
    assert seal["bins"][0][0] < seal["bins"][0][1] == pytest.approx(0.01)
    other = sealed(NUMBER, Key(3.21987, 0.005), "check", "fedcba9876543210")
    assert other is not None
    assert other["digest"] != seal["digest"]
    with pytest.raises(DataError, match="cannot be checked"):
        revealed(with_seal(NUMBER, Key(3.0, 0.005), "check"))


@pytest.mark.parametrize(
    "seal",
    [
        None,
        {},
        {"kind": "check"},
        {"kind": "check", "salt": TOKEN, "bins": [[0, 0]], "digest": ""},
        {"kind": "check", "salt": TOKEN, "bins": 5, "digest": ""},
        {"kind": "reveal", "code": "%%%"},
        {"kind": "reveal", "code": "W10="},
        {"kind": "reveal"},
    ],
)
def test_a_seal_that_was_changed_is_refused_in_a_sentence(seal: dict[str, object] | None) -> None:
    part = Part(**{**NUMBER.__dict__, "seal": seal})
    with pytest.raises(DataError, match="copy it from the notebook"):
        is_right(part, 3.0)


def test_checking_takes_milliseconds_and_not_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    start = time.perf_counter()
    sealed(NUMBER, Key(3.0, 0.005), "check", TOKEN)
    assert 0.0005 < time.perf_counter() - start < 0.5


def test_a_point_needs_the_widths_of_its_axes() -> None:
    with pytest.raises(ValueError, match="widths"):
        matches("point", (1.0, 2.0), (1.0, 2.0), 0.02)


def test_coordinates_of_what_is_no_answer() -> None:
    assert coordinates("number", 3) == (3.0,)
    assert coordinates("interval", (1, 2.0)) == (1.0, 2.0)
    for odd in ((1.0,), (1.0, 2.0, 3.0), [1.0, 2.0], ("1", "2"), (1.0, math.nan), None, "x"):
        assert coordinates("interval", odd) is None
        assert coordinates("number", odd) is None


def test_mistakes_that_cannot_be_told_apart_are_left_out() -> None:
    found = [
        (3.0004, "near the key"),
        (3.0012, "rounded it would be right"),
        (4.0, "first"),
        (4.0004, "the same"),
        (None, "none"),
        (math.inf, "infinite"),
        (-3.0, "sign"),
    ]
    kept = known_mistakes("number", 3.0, 0.001, found)
    assert [m.sentence for m in kept] == ["first", "sign"]
    options = known_mistakes("choice", "a", 0.0, [("a", "key"), ("b", "x"), ("b", "y"), (None, "")])
    assert options == (Mistake("b", "x"),)


def test_of_mistakes_close_to_each_other_the_nearer_is_named() -> None:
    near = [(3.0014, "first"), (3.0024, "second"), (3.0026, "too near to the second")]
    key = Key(3.0, 0.001, known_mistakes("number", 3.0, 0.001, near))
    assert [mistake.sentence for mistake in key.mistakes] == ["first", "second"]
    assert diagnose(NUMBER, 3.0015, key) == "first"
    assert diagnose(NUMBER, 3.0023, key) == "second"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (4.5, TOO_FEW_DIGITS),
        (5.0, TOO_FEW_DIGITS),
        (4.52, ""),  # the key is 4.51 in as many digits
        (4.508, "REML."),  # as many digits as were asked for
        (4.4995, "Exact."),  # a mistake in all its digits
        (0.0, ""),
    ],
)
def test_an_answer_with_too_few_digits_is_told(given: float, said: str) -> None:
    key = Key(4.5123, 0.0005, (Mistake(4.508, "REML."), Mistake(4.4995, "Exact.")))
    assert diagnose(NUMBER, given, key) == said


@pytest.mark.parametrize(
    ("number", "half"), [(4.5, 0.05), (750.0, 0.5), (1e-5, 5e-6), (1e300, 0.5), (0.0, 0.5)]
)
def test_half_a_unit_of_the_last_digit(number: float, half: float) -> None:
    assert half_of_last_digit(number) == pytest.approx(half)


def test_mistakes_are_worked_out_only_where_an_answer_is_wrong() -> None:
    looked = []

    def find() -> tuple[Mistake, ...]:
        looked.append(1)
        return (Mistake(0.5, "Doubled."), Mistake(2.0, "Turned over."))

    key = Key(0.25, 0.0005, Mistakes(find))
    assert accepts("number", 0.25, key)
    assert diagnose(NUMBER, 0.2501, key) == ""
    assert looked == []
    assert diagnose(NUMBER, 0.5, key) == "Doubled."
    assert [mistake.value for mistake in key.mistakes[:2]] == [0.5, 2.0]
    assert (len(key.mistakes), key.mistakes[1].value) == (2, 2.0)
    assert looked == [1]
    assert key.mistakes == find()
    assert repr(key.mistakes) == repr(find())
    assert len({key, Key(0.25, 0.0005, Mistakes(find))}) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.25, ""),
        (0.2504, ""),
        (-0.25, "sign"),
        (25.0, "percent"),
        (0.0025, "hundredth"),
        (0.5, "Doubled."),
        (0.0625, "Squared."),
        (7.77, "This is what it would be for others."),
        (5.5, ""),
    ],
)
def test_what_a_wrong_number_may_come_from(given: float, said: str) -> None:
    key = Key(0.25, 0.0005, (Mistake(0.5, "Doubled."), Mistake(0.0625, "Squared.")))
    assert said in diagnose(NUMBER, given, key, [("what it would be for others", 7.77)])
    assert bool(said) == bool(diagnose(NUMBER, given, key, [("what it would be for others", 7.77)]))


def test_what_a_wrong_place_may_come_from() -> None:
    interval = Key((0.2, 0.4), 0.01, (Mistake((0.1, 0.5), "Too wide."),))
    assert diagnose(INTERVAL, (0.4, 0.2), interval).startswith("The limits are in the wrong order")
    assert diagnose(INTERVAL, (0.105, 0.495), interval) == "Too wide."
    assert diagnose(INTERVAL, (0.3, 0.35), interval) == ""
    place = Key((5.0, 1.0), 0.02, widths=(10.0, 10.0))
    assert "exchanged" in diagnose(POINT, (1.0, 5.0), place)
    assert "kind" in diagnose(POINT, "x", place)
    assert accepts("point", (5.1, 1.1), place)


def test_pictures_are_small_plain_json_with_even_steps() -> None:
    x = [10_000.0 + 0.01 * i for i in range(25)]
    made = surface(x, x, [[(v * w) % 11.0 for v in x] for w in x], labels=("a", "b"))
    assert made["x"][1] - made["x"][0] == pytest.approx(0.01)
    assert len(json.dumps(made)) < 6000
    line = curve(x, x, xlabel="", ylabel="", xlim=(x[0], x[-1]), ylim=(0.0, 1.0), cut=-1.92)
    assert line["xlim"] == [10_000.0, 10_000.24]
    assert line["cut"] == -1.92
    rows = groups(["A", "B"], [1.23456, 2.0], [3, 4], grand=0.0, pick="B", xlabel="", xlim=(0, 3))
    assert json.loads(json.dumps(rows)) == rows
    assert rows["means"] == [1.2346, 2.0]

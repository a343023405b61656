"""Numbers and page layout, against values that R 4.2 printed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mixedwidgets.lmm.rformat import (
    format_number,
    format_numbers,
    order_of_magnitude,
    round_half_even,
    zap_small,
)
from mixedwidgets.lmm.rlayout import (
    abbreviate,
    break_formula,
    display_width,
    fill,
    make_name,
    named_vector,
    table,
)

# (values, digits, nsmall, what R's format() returned)
FORMATTED = [
    ([1.0, 10.0, 100.0], 7, 0, ["  1", " 10", "100"]),
    ([251.4051, 10.46729], 4, 0, ["251.41", " 10.47"]),
    ([0.00012345678], 4, 0, ["0.0001235"]),
    ([0.000012345678], 4, 0, ["1.235e-05"]),
    ([123456.0], 4, 0, ["123456"]),
    ([1234567.8], 4, 0, ["1234568"]),
    ([1e5], 7, 0, ["1e+05"]),
    ([123456.7, 1e-10], 4, 0, ["1.235e+05", "1.000e-10"]),
    ([99999.5], 4, 0, ["1e+05"]),
    ([99.59, 5.01], 2, 0, ["100", "  5"]),
    ([-9.7047247105653849, 0.14689423515362779], 1, 0, [" -9.7", "  0.1"]),
    ([99.9995], 4, 3, [" 99.999"]),
    ([1.0, -0.5], 7, 3, [" 1.000", "-0.500"]),
    ([1e-99, 1e-98], 7, 0, ["1e-99", "1e-98"]),
    ([1e-100, 1.0], 7, 0, ["1e-100", " 1e+00"]),
    ([1.5, math.nan, math.inf, -math.inf], 4, 0, [" 1.5", " NaN", " Inf", "-Inf"]),
    ([math.nan], 4, 2, ["NaN"]),
    ([0.0, -0.0], 4, 0, ["0", "0"]),
    ([], 4, 0, []),
]


@pytest.mark.parametrize(("values", "digits", "nsmall", "text"), FORMATTED)
def test_format(values, digits, nsmall, text):
    assert format_numbers(values, digits, nsmall) == text


def test_one_number_and_a_matrix():
    assert format_number(177.9876) == "177.9876"
    assert format_numbers(np.array([[1.0, 0.5], [0.25, 1.0]])) == ["1.00", "0.50", "0.25", "1.00"]


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        (0.15, 1, 0.1),
        (0.45, 1, 0.4),
        (2.675, 2, 2.67),
        (0.285, 2, 0.28),
        (0.215, 2, 0.22),
        (0.0025, 3, 0.002),
        (-1.5, 0, -2.0),
        (2.5, 0, 2.0),
        (387262573.20996261, 8, 387262573.20996261),
        (1.0000000000000001e-17, 7, 0.0),
        (math.inf, 2, math.inf),
    ],
)
def test_round(value, digits, rounded):
    assert float(round_half_even(value, digits)) == rounded


def test_round_keeps_nan_and_shape():
    rounded = round_half_even([[1.23456, math.nan]], 2)
    assert rounded.shape == (1, 2)
    assert rounded[0, 0] == 1.23
    assert math.isnan(rounded[0, 1])


def test_zap_small():
    values = [-47.72703578718442, -53.818914677382992, 131.66458970516339]
    assert zap_small(values, 5).tolist() == [-47.727, -53.819, 131.665]
    assert zap_small([1.0, 1e-17], 5).tolist() == [1.0, 0.0]
    assert zap_small([0.0, 0.0], 5).tolist() == [0.0, 0.0]
    assert zap_small([math.inf, 1e-17], 5).tolist() == [math.inf, 1e-17]


def test_order_of_magnitude():
    assert order_of_magnitude([0.0, 0.02, -345.0, math.inf]) == (-2, 2)
    assert order_of_magnitude([0.0, math.nan]) is None


def test_display_width():
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert display_width("größe") == 5


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lab:room", "lab.room"),
        ("`odd g`", "X.odd.g."),
        ("_a", "X_a"),
        (".2x", "X.2x"),
        (".x2", ".x2"),
        ("größe", "größe"),
        ("1x", "X1x"),
        ("a_b.c", "a_b.c"),
    ],
)
def test_make_name(text, name):
    assert make_name(text) == name


def test_named_vector_wraps_and_keeps_the_gap():
    assert named_vector(["a", "long"], ["1.5", "2"]) == "   a long \n 1.5    2 \n"
    wrapped = named_vector([f"name{i:02d}" for i in range(9)], ["1"] * 9, gap=2).splitlines()
    assert [len(line) for line in wrapped] == [72, 72]
    wrapped = named_vector([f"name{i:03d}" for i in range(9)], ["1"] * 9, gap=2).splitlines()
    assert [len(line) for line in wrapped] == [72, 72, 9, 9]


def test_table_breaks_before_column_80():
    text = table(["r"], ["a" * 38, "b" * 38, "c"], [["1"], ["2"], ["3"]])
    assert text.splitlines() == [
        "  " + "a" * 38 + " " + "b" * 38,
        "r 1" + " " * 38 + "2" + " " * 37,
        "  c",
        "r 3",
    ]


def test_table_escapes_what_r_escapes():
    assert table(["a\\b"], ["x\ny"], [["t\tu"]], right=True) == "     x\\ny\na\\\\b t\\tu\n"


def test_fill_breaks_with_the_blank_kept():
    assert fill(["a" * 40, "b" * 38]) == "a" * 40 + " " + "b" * 38 + "\n"
    assert fill(["a" * 40, "b" * 39]) == "a" * 40 + " \n" + "b" * 39 + "\n"


def test_break_formula():
    short = "Reaction ~ Days + (Days | Subject)"
    assert break_formula(short) == [short]
    long = (
        "wim ~ C(cyoe) + C(C(zsuhggzbnnkmo), uug) + poly(extvtkllq, 2, "
        "raw = TRUE):log(kvznupbpbmhjzosqm) + `odd name` + tkzb.jkkqxn:I(ktyorde^2) + "
        "jv:tf.d + (1 + C(poly(o, 3, raw = TRUE)) + poly(typyyimqr, "
        "2, raw = TRUE) | yk_arfvfadoagn) + (1 || xtuxtc)"
    )
    assert break_formula(long) == [
        "wim ~ C(cyoe) + C(C(zsuhggzbnnkmo), uug) + poly(extvtkllq, 2, ",
        "    raw = TRUE):log(kvznupbpbmhjzosqm) + `odd name` + tkzb.jkkqxn:I(ktyorde^2) + ",
        "    jv:tf.d + (1 + C(poly(o, 3, raw = TRUE)) + poly(typyyimqr, ",
        "    2, raw = TRUE) | yk_arfvfadoagn) + (1 || xtuxtc)",
    ]
    nested = (
        "zo ~ ysga * poly(zextjlckskuoqyi, 2, raw = TRUE) * ebeieaywds + "
        "C(owjrplf_u., C(log(s), nan_jonbpu_vrgq, log(rzzgs), I(vo_tvol.pstzh^2)), "
        "I(qfy^2)) + (1 || xttxwsdblxe:tgc_yqdo)"
    )
    assert break_formula(nested) == [
        "zo ~ ysga * poly(zextjlckskuoqyi, 2, raw = TRUE) * ebeieaywds + ",
        "    C(owjrplf_u., C(log(s), nan_jonbpu_vrgq, log(rzzgs), I(vo_tvol.pstzh^2)), ",
        "        I(qfy^2)) + (1 || xttxwsdblxe:tgc_yqdo)",
    ]


@pytest.mark.parametrize(
    ("name", "length", "short"),
    [
        ("(Intercept)", 6, "(Intr)"),
        ("treatmentPlacebo", 6, "trtmnP"),
        ("äbcdéfghïjkl öpqrst", 6, "äbcdfö"),
        ("`µ größe`", 6, "`µgrß`"),
        ("Ñandú: más", 7, "Ñand:ms"),
        (" sQ", 6, "sQ"),
        ("x", 6, "x"),
    ],
)
def test_abbreviate(name, length, short):
    assert abbreviate([name], length) == [short]


def test_abbreviations_stay_distinct_where_they_can():
    names = ["temperature.L", "temperature.Q", "temperature^4", "temperature.L"]
    assert abbreviate(names, 6) == ["tmpr.L", "tmpr.Q", "tmpr^4", "tmpr.L"]
    assert abbreviate(["aeiouaeiouX1", "aeeeeeeeeeX1"], 3) == ["aeiX1", "aeeX1"]
    assert abbreviate(["x", " x"], 6) == ["x", "x"]
    assert abbreviate([], 6) == []

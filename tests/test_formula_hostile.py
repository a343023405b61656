"""Formulas from strangers: code, tricks and floods end in one FormulaError, at once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.re_form import parse_re_form
from mixedwidgets.lmm.update import update_formula

OLD = parse("y ~ x + (x | g)")
SECONDS = 3.0

CODE = [
    "__import__('os').system('x')",
    "y ~ __import__('os').system('x') + (1 | g)",
    "y ~ I(__import__('os').system('x')) + (1 | g)",
    "y ~ factor(x, levels = __import__('os')) + (1 | g)",
    "y ~ eval('x') + (1 | g)",
    "y ~ I(eval('1')) + (1 | g)",
    "y ~ exec('import os') + (1 | g)",
    "y ~ lambda x: x + (1 | g)",
    "y ~ x.__class__() + (1 | g)",
    "y ~ (x).__class__ + (1 | g)",
    "y ~ x[0] + (1 | g)",
    "y ~ df['x'] + (1 | g)",
    "y ~ df$x + (1 | g)",
    "y ~ slot@x + (1 | g)",
    "y ~ 'import os' + (1 | g)",
    "y ~ f'{x}' + (1 | g)",
    "y ~ {x} + (1 | g)",
    "y ~ x; import os",
    "y ~ x\n import os + (1 | g)",
    "y ~ x := 3",
    "y ~ x if x else z",
    "y ~ (x for x in z) + (1 | g)",
    "y ~ system('x') + (1 | g)",
    "y ~ base::system('x') + (1 | g)",
    "y ~ (function(x) x)(1) + (1 | g)",
    "y ~ `x`y` + (1 | g)",
    "y ~ \\x41 + (1 | g)",
]
NUMBERS = [
    "y ~ 1e999 + (1 | g)",
    "y ~ I(x * 1e999) + (1 | g)",
    "y ~ I(x * 1" + "0" * 400 + ") + (1 | g)",
    "y ~ " + "1" * 90_000 + " + (1 | g)",
    "y ~ poly(x, 1e300) + (1 | g)",
    "y ~ poly(x, 1000000000, raw = TRUE) + (1 | g)",
    "y ~ bs(x, df = 1e9) + (1 | g)",
    "y ~ bs(x, degree = 1e9) + (1 | g)",
    "y ~ ns(x, knots = c(" + ", ".join(map(str, range(5000))) + ")) + (1 | g)",
    "y ~ 99999999999999999999 + (1 | g)",
]
LOOK_ALIKES = [
    "y \uff5e x + (1 | g)",
    "y ~ x \u2212 z + (1 | g)",
    "y ~ x \u2217 z + (1 | g)",
    "y ~ \uff08x\uff09 + (1 | g)",
    "y ~ (1 \u2223 g)",
    "y ~ (1 \u01c0 g)",
    "y ~ (1 \uff5c g)",
    "y ~ x\u00b2 + (1 | g)",
    "y ~ x \u200b + (1 | g)",
    "y ~ x \u202e + (1 | g)",
    "y ~ \u2018x\u2019 + (1 | g)",
    "y ~ \ud800 + (1 | g)",
    "y ~ x\x00 + (1 | g)",
    "y ~ \x1b[31mx + (1 | g)",
    "y ~ x\x07 + (1 | g)",
    "y ~ x\b + (1 | g)",
]
FLOODS = [
    "y ~ " + "(" * 10_000 + "x" + ")" * 10_000 + " + (1 | g)",
    "y ~ " + "(" * 10_000,
    "y ~ x" + ")" * 10_000,
    "y ~ " + "I(" * 10_000 + "x" + ")" * 10_000 + " + (1 | g)",
    "y ~ " + "-+" * 20_000 + "x + (1 | g)",
    "y ~ " + "`" * 10_001,
    "y ~ " + "'" * 10_001,
    "y ~ " + "~" * 10_000,
    "y ~ " + "(1 | g/" * 3000,
    "y ~ " + "x + " * 2_000_000,
    "y ~ " + "x + " * 20_000 + "(1 | g) + 2",
    "y ~ " + " - ".join(f"x{i}" for i in range(9000)) + " + (1 | g) + 2",
    "y ~ " + " + ".join(f"x{i}" for i in range(9000)) + " - (x + z) + (1 | g)",
    "y ~ " + " * ".join(f"x{i}" for i in range(40)) + " + (1 | g)",
    "y ~ " + " * ".join(f"(a{k} + b{k} + c{k} + d{k} + e{k})" for k in range(9)) + " + (1 | g)",
    "y ~ (" + " + ".join(f"x{i}" for i in range(300)) + ")^2 + (1 | g)",
    "y ~ log(" + "x, " * 20_000 + "x) + (1 | g)",
    "y ~ " + "x" * 99_000 + " + (1 | g",
]


@pytest.mark.parametrize(
    "text", [*CODE, *NUMBERS, *LOOK_ALIKES, *FLOODS], ids=lambda text: ascii(text[:40])
)
@pytest.mark.parametrize(
    "read",
    [parse, lambda t: update_formula(OLD, t), lambda t: parse_re_form(t, OLD)],
    ids=["formula", "update", "re_form"],
)
def test_refused_at_once_in_few_words(text, read):
    begin = time.perf_counter()
    with pytest.raises(FormulaError) as caught:
        read(text)
    assert time.perf_counter() - begin < SECONDS
    shown = str(caught.value)
    assert len(shown) < 1000
    assert all(c.isprintable() or c == "\n" for c in shown)
    shown.encode()


@pytest.mark.parametrize(
    "text", [t for t in (*CODE, *NUMBERS, *LOOK_ALIKES) if "~" in t], ids=ascii
)
def test_the_caret_stands_under_the_fault(text):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert caught.value.position is not None
    *_, line, caret = str(caught.value).split("\n")
    assert line.strip()
    assert caret.strip() == "^"
    assert len(caret) <= len(line) + 1


def test_a_long_formula_is_shown_around_the_fault():
    text = "y ~ " + " + ".join(f"column{i}" for i in range(500)) + " + $x + (1 | g)"
    with pytest.raises(FormulaError) as caught:
        parse(text)
    _, line, caret = str(caught.value).split("\n")
    assert line.strip().startswith("... ")
    assert line[len(caret) - 1] == "$"
    assert len(line) < 130


PIECES = [
    *("y", "~", "x", ".", "g", "+", "-", "*", "/", ":", "^", "|", "||", "(", ")", "0", "1", "2"),
    *("`a b`", "'t'", "log(", "I(", "poly(", "factor(", "offset(", "C(", "c(", ",", "=", "%in%"),
    *("(1 | g)", "1e999", "TRUE", "NA", "\\", "\x00", "\u202e", " ", "__import__", "lambda"),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_any_jumble_is_read_or_refused(text):
    for begin in ("", "y ~ (1 | g) + ", ". ~ . + ", "~ "):
        for read in (
            parse,
            lambda t: update_formula(OLD, t),
            lambda t: parse_re_form(t, OLD),
        ):
            try:
                read(begin + text)
            except FormulaError as error:
                str(error).encode()

"""Changes of a formula against R's update()."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.random_terms import elementary_terms
from mixedwidgets.lmm.terms import expand
from mixedwidgets.lmm.update import update_formula

# As R 4.2's update(old, change) gives them.
R = [
    ("y ~ x + z + (x | g)", ". ~ . - x", "y ~ z + (x | g)"),
    ("y ~ x + z + (x | g)", ". ~ . + (1 | h)", "y ~ x + z + (x | g) + (1 | h)"),
    ("y ~ x + z + (x | g)", ". ~ . - (x | g) + (z | g)", "y ~ x + z + (z | g)"),
    ("y ~ x + z + (x | g)", "log(.) ~ .", "log(y) ~ x + z + (x | g)"),
    ("y ~ x + z + (x | g)", "~. + w", "y ~ x + z + (x | g) + w"),
    ("y ~ x + z + (x | g)", ". ~ w + (1 | h)", "y ~ w + (1 | h)"),
    ("y ~ x + z + (x | g)", "q ~ w * x + (1 | h)", "q ~ w + x + (1 | h) + w:x"),
    ("y ~ x + z + (x | g)", ". ~ . - 1", "y ~ x + z + (x | g) - 1"),
    ("y ~ x + z + (x | g)", ". ~ . + 0", "y ~ x + z + (x | g) - 1"),
    ("y ~ x + z + (x | g)", ". ~ 0 + .", "y ~ x + z + (x | g) - 1"),
    ("y ~ x * z + (x | g)", ". ~ . - x:z", "y ~ x + z + (x | g)"),
    ("y ~ x * z + (x | g)", ". ~ . - x", "y ~ z + (x | g) + x:z"),
    ("y ~ x * z + (x | g)", ". ~ . - x * z", "y ~ (x | g)"),
    ("y ~ 1 + (1 | g)", ". ~ . + x", "y ~ (1 | g) + x"),
    ("y ~ (1 | g)", ". ~ . + x", "y ~ (1 | g) + x"),
    ("y ~ x + (1 | g)", ". ~ . - x", "y ~ (1 | g)"),
    ("y ~ 0 + x + (1 | g)", ". ~ . + 1", "y ~ x + (1 | g)"),
    ("y ~ x - 1 + (1 | g)", ". ~ . + z", "y ~ x + (1 | g) + z - 1"),
    ("y ~ x + offset(w) + (1 | g)", ". ~ . + z", "y ~ x + (1 | g) + z + offset(w)"),
    ("y ~ x + (1 | g)", ". ~ . + offset(log(w))", "y ~ x + (1 | g) + offset(log(w))"),
    ("log(y) ~ x + (1 | g)", ". ~ . + z", "log(y) ~ x + (1 | g) + z"),
    ("log(y) ~ x + (1 | g)", "exp(.) ~ .", "exp(log(y)) ~ x + (1 | g)"),
    ("y + 1 ~ x + (1 | g)", ".^2 ~ .", "(y + 1)^2 ~ x + (1 | g)"),
    ("y + 1 ~ x + (1 | g)", ". * 2 ~ .", "(y + 1) * 2 ~ x + (1 | g)"),
    ("y ~ (x + z)^2 + (1 | g)", ". ~ . + w", "y ~ x + z + (1 | g) + w + x:z"),
    ("y ~ x/z + (1 | a/b)", ". ~ . - (1 | a/b) + (1 | a)", "y ~ x + (1 | a) + x:z"),
    ("y ~ x + (x || g)", ". ~ . + z", "y ~ x + (x || g) + z"),
    ("y ~ x + (x || g)", ". ~ . - (x || g) + (x | g)", "y ~ x + (x | g)"),
    ("y ~ poly(x, 2) + (1 | g)", ". ~ . - poly(x, 2) + x", "y ~ (1 | g) + x"),
    ("y ~ x + (1 | g) + (0 + x | g)", ". ~ . - (0 + x | g)", "y ~ x + (1 | g)"),
    ("y ~ `my x` + (1 | g)", ". ~ . + `my z` - `my x`", "y ~ (1 | g) + `my z`"),
    ("y ~ x + z + (1 | g)", ". ~ (. - x) + w", "y ~ z + (1 | g) + w"),
    ("y ~ x + z + (1 | g)", ". ~ . - (x + z)", "y ~ (1 | g)"),
    ("y ~ x + (1 + x | g)", ". ~ . - (1 + x | g) + (1 | g)", "y ~ x + (1 | g)"),
    ("y ~ a:b + x + (1 | g)", ". ~ . + w", "y ~ x + (1 | g) + w + a:b"),
    ("y ~ x + (1 | g)", ". ~ . + x", "y ~ x + (1 | g)"),
    ("y ~ x + (1 | g)", ". ~ . + (1 | g)", "y ~ x + (1 | g)"),
    ("y ~ x + ((1 | g) + (0 + x | g))", ". ~ . - (0 + x | g)", "y ~ x + (1 | g)"),
    ("y ~ x %in% z + (1 | g)", ". ~ . + w", "y ~ (1 | g) + w + x:z"),
    ("y ~ I(x^2) + log(z) + (1 | g)", ". ~ . - I(x^2)", "y ~ log(z) + (1 | g)"),
    ("y ~ x + (1 | g)", ". ~ . + f/h", "y ~ x + (1 | g) + f + f:h"),
    ("y ~ x * f - f + (1 | g)", ". ~ .", "y ~ x + (1 | g) + x:f"),
    ("y ~ x + (1 | g)", ". ~ x + .", "y ~ x + (1 | g)"),
    ("y ~ x + (1 | g)", ". ~ .", "y ~ x + (1 | g)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "change", "new"), R)
def test_changes_are_rs(old, change, new):
    spec = update_formula(parse(old), change)
    assert str(spec) == new
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("old", "change", "new"),
    [
        ("y ~ x + offset(w) + (1 | g)", ". ~ . - offset(w)", "y ~ x + (1 | g)"),
        ("y ~ x + offset(w) + offset(z) + (1 | g)", "~ . - offset(w) - x",
         "y ~ (1 | g) + offset(z)"),
        ("y ~ x + (x || g)", ". ~ . - (1 | g)", "y ~ x + (0 + x | g)"),
        ("y ~ x + (x || g) + (1 | h)", ". ~ . - (0 + x | g)", "y ~ x + (1 | g) + (1 | h)"),
        ("y ~ x + (1 | g)", "~ (. + z)", "y ~ x + (1 | g) + z"),
        ("y ~ x + (1 | g)", "y ~ x*z + (1 | h)", "y ~ x + z + (1 | h) + x:z"),
        ("y ~ . + (1 | g)", "~ . - x + x", "y ~ . + (1 | g) + x"),
    ],
)  # fmt: skip
def test_changes_beyond_rs(old, change, new):
    if old.startswith("y ~ ."):
        with pytest.raises(FormulaError, match="x is not in the model"):
            update_formula(parse(old), change)
        return
    assert str(update_formula(parse(old), change)) == new


def test_a_spec_is_a_whole_new_formula():
    new = parse("q ~ a*b + (1 | h)")
    assert update_formula(parse("y ~ x + (1 | g)"), new) is new


@pytest.mark.parametrize(
    ("change", "essence", "position"),
    [
        (". ~ . - q", "q is not in the model and cannot be subtracted from it; its terms are "
         "days, ses, (days | g)", 8),
        (". ~ . - dayss", "(did you mean 'days'?)", 8),
        (". ~ . - (1 | g)", "(1 | g) is not in the model", 8),
        (". ~ . - (days | gg)", "did you mean '(days | g)'?", 8),
        (". ~ . - offset(w)", "it has no offset", 8),
        (". ~ . - days:ses", "days:ses is not in the model", 12),
        (". ~ . * w", "write the fixed terms out", None),
        (". ~ log(.)", "cannot be part of an interaction or a function", None),
        (". ~ . - (days | g)", "needs a random term", None),
        (". ~ . + (days | g", "never closed", 8),
        (". ~ . + lgo(w)", "did you mean 'log'?", 8),
        (". + x", "change of a formula has a ~", None),
        ("", "change of a formula has a ~", None),
        (". ~ ", "othing stands right", 4),
        (". ~ . + 2", "only 1 (an intercept) and 0", 8),
        (". ~ . + y", "response y also stands right", 8),
        ("1 ~ .", "must be a column", 0),
        (". ~ x | g", "in parentheses", 6),
        (". ~ . + x | g", "in parentheses", 10),
        (". ~ . + (. | g)", "inside another random term", None),
    ],
)  # fmt: skip
def test_refused_changes(change, essence, position):
    with pytest.raises(FormulaError) as caught:
        update_formula(parse("y ~ days + ses + (days | g)"), change)
    assert essence in caught.value.message
    assert "\n" not in caught.value.message
    if position is not None:
        assert caught.value.position == position


def test_something_that_is_no_formula_is_refused():
    with pytest.raises(FormulaError, match="not a value of type int"):
        update_formula(parse("y ~ x + (1 | g)"), 3)  # type: ignore[arg-type]


TERMS = ["a", "b", "c", "a:b", "b:c", "log(a)", "(1 | g)", "(a | h)", "(0 + b | g)"]


@settings(max_examples=200, deadline=None)
@given(st.sets(st.sampled_from(TERMS), min_size=1), st.sampled_from(TERMS))
def test_what_is_added_and_subtracted_again_is_gone(terms, extra):
    old = parse(f"y ~ {' + '.join(sorted(terms))} + (1 | always)")
    more = update_formula(old, f". ~ . + {extra}")
    same = update_formula(more, ". ~ .")
    assert same == update_formula(same, ". ~ .")
    less = update_formula(more, f"~ . - {extra}")
    expected = [t for t in meaning(old) if t != extra]
    assert sorted(meaning(less)) == sorted(expected)


def meaning(spec) -> list[str]:
    """The terms, whatever order their variables stand in."""
    random = [f"({term})" for term in elementary_terms(spec)]
    return [*(":".join(sorted(label.split(":"))) for label in expand(spec.fixed).labels()), *random]

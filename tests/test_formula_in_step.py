"""The formula and the controls say the same: choices -> formula -> choices, and typed formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.lmm.formula import parse
from mixedwidgets.widgets.choices_from_spec import Problem, choices_from, same_model
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.resolve import MORE_THAN_SHOWN, resolve
from mixedwidgets.widgets.rowfilter import Condition
from mixedwidgets.widgets.wish import CODINGS, TRANSFORMS, Wish

N = 240
G = np.repeat(np.arange(12), 20)
HOSTILE = "`quo'te\"\n{}\\ __import__('os') <b>"
RANDOM = np.random.default_rng(8)
DATA = pd.DataFrame(
    {
        "y": np.exp(RANDOM.normal(size=N)),
        "x": RANDOM.normal(size=N),
        "pos": np.exp(RANDOM.normal(size=N)),
        "dose": np.arange(N) % 4,
        "f": RANDOM.choice(["a", "b", "c"], N),
        "rank": pd.Categorical(RANDOM.choice(["lo", "hi"], N), ["lo", "hi"], ordered=True),
        "log": RANDOM.normal(size=N),
        "a:b": RANDOM.normal(size=N),
        "TRUE": np.arange(N) % 5,
        HOSTILE: RANDOM.normal(size=N),
        "g": G,
        "room": [f"{g} {i % 4}" for i, g in enumerate(G)],
        "again": [f"room {i % 4}" for i in range(N)],
        "x:g": np.arange(N) % 3,
    }
)
COLUMNS = Columns(DATA)
CODINGS_AND_MORE = (*CODINGS, "category", "number")

name = st.sampled_from(COLUMNS.names)
some = st.lists(name, max_size=5).map(tuple)
wishes = st.builds(
    Wish,
    response=st.sampled_from(["y", "x", "pos", HOSTILE, None]),
    group=st.sampled_from(["g", "room", "again", None]),
    fixed=some,
    slopes=some,
    correlated=st.booleans(),
    reml=st.booleans(),
    group2=st.none() | name,
    relation=st.sampled_from([None, "nested", "crossed"]),
    interactions=st.lists(st.tuples(name, name), max_size=3).map(tuple),
    transforms=st.dictionaries(name, st.sampled_from(TRANSFORMS)).map(lambda d: tuple(d.items())),
    codings=st.dictionaries(name, st.sampled_from(CODINGS_AND_MORE)).map(
        lambda d: tuple(d.items())
    ),
    rows=st.sampled_from([(), (Condition("pos", ">", 0.2),), (Condition("f", "!=", "a"),)]),
    weights=st.none() | name,
)


def in_order(pairs):
    return tuple(sorted(pairs, key=lambda pair: COLUMNS.names.index(pair[0])))


@given(wishes)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_choices_to_formula_to_choices_is_the_identity(wish):
    settled = resolve(wish, COLUMNS).settled
    again = resolve(settled, COLUMNS)
    assert again.settled == settled
    text = str(again.spec)
    # What a formula does not say, and nothing else, is kept from before.
    unsaid = Wish(
        correlated=settled.correlated,
        reml=settled.reml,
        codings=settled.codings,
        rows=settled.rows,
        weights=settled.weights,
    )
    read = choices_from(text, COLUMNS, unsaid)
    expected = replace(
        settled, transforms=in_order(settled.transforms), codings=in_order(settled.codings)
    )
    assert read == expected
    assert read.expressible
    assert resolve(read, COLUMNS).key == again.key
    assert str(resolve(read, COLUMNS).spec) == text


@given(wishes, st.sampled_from(["y ~ x + (1 | g)", "log(y) ~ poly(x, 2) * f + (x || room)"]))
@settings(max_examples=100, deadline=None)
def test_a_typed_formula_is_the_model_whatever_was_chosen_before(wish, text):
    read = choices_from(text, COLUMNS, wish)
    assert isinstance(read, Wish)
    assert same_model(resolve(read, COLUMNS).spec, parse(text))


IN_STEP = [
    ("y ~ x + (x | g)", "y ~ x + (x | g)"),
    ("y~1+x+(1+x|g)", "y ~ x + (x | g)"),
    ("y ~ (1 | g)", "y ~ 1 + (1 | g)"),
    ("y ~ x * f + (1 | g)", "y ~ x + f + x:f + (1 | g)"),
    ("y ~ (x + f + dose)^2 + (1 | g)", "y ~ x + f + dose + x:f + x:dose + f:dose + (1 | g)"),
    ("y ~ f:x + x + f + (1 | g)", "y ~ x + f + x:f + (1 | g)"),
    ("y ~ x + (1 | g) + (0 + x | g)", "y ~ x + (x || g)"),
    ("y ~ x + (1 | g/again)", "y ~ x + (1 | g) + (1 | g:again)"),
    ("y ~ x + (1 | again:g) + (x | g)", "y ~ x + (x | g) + (1 | g:again)"),
    ("y ~ x + (1 | again) + (x | g)", "y ~ x + (x | g) + (1 | again)"),
    ("log(y) ~ poly(x, 3) + (1 | g)", "log(y) ~ poly(x, 3) + (1 | g)"),
    ("scale(y) ~ center(x) + log(pos) + (center(x) | g)",) * 2,
    ("y ~ factor(dose) + (factor(dose) | g)",) * 2,
    ("y ~ `TRUE` + log + `a:b` + (`a:b` | g)",) * 2,
    ("y ~ dose + (dose | g) + (1 | `x:g`)",) * 2,
]


@pytest.mark.parametrize(("typed", "shown"), IN_STEP)
def test_formulas_that_the_controls_can_say(typed, shown):
    read = choices_from(typed, COLUMNS)
    assert read.typed is None
    resolved = resolve(read, COLUMNS)
    assert str(resolved.spec) == shown
    assert resolved.settled == read
    fits = [mw.lmer(f, DATA, REML=False).criterion for f in (typed, resolved.spec)]
    assert fits[0] == pytest.approx(fits[1], abs=1e-8)


MORE = [
    ("y ~ x + I(x^2) + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ x + log(pos) + (pos | g)", Wish("y", "g", ("x", "pos"), ("pos",))),
    ("y ~ 0 + f + (1 | g)", Wish("y", "g", ("f",))),
    ("y ~ x + (0 + x | g)", Wish("y", "g", ("x",), ("x",), False)),
    ("y ~ x * f * dose + (1 | g)", Wish("y", "g", ("x", "f", "dose"))),
    ("y ~ x + (x | g) + (x | again)", Wish("y", "g", ("x",), ("x",), group2="again")),
    ("y ~ x + (1 | g) + (1 | again) + (1 | room)", Wish("y", "g", ("x",), group2="again")),
    ("y ~ x + offset(pos) + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ C(f, sum) + (1 | g)", Wish("y", "g", ("f",))),
    ("y ~ poly(x, 4) + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ poly(x, 2, raw = TRUE) + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ scale(x, center = FALSE) + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ log(pos, base = 2) + (1 | g)", Wish("y", "g", ("pos",))),
    ("y ~ room + (1 | g)", Wish("y", "g", ("room",))),
    ("sqrt(y) ~ x + (1 | g)", Wish("y", "g", ("x",))),
    ("y ~ . + (1 | g)", Wish("y", "g")),
    ("y ~ x + (1 | factor(dose))", Wish("y", "dose", ("x",))),
]


@pytest.mark.parametrize(("text", "shown"), MORE)
def test_formulas_that_hold_more_keep_their_text(text, shown):
    read = choices_from(text, COLUMNS)
    assert read.typed == text
    assert not read.expressible
    resolved = resolve(read, COLUMNS)
    assert resolved.spec == parse(text)
    assert resolved.notes == (MORE_THAN_SHOWN,)
    assert (read.response, read.group, read.group2) == (shown.response, shown.group, shown.group2)
    assert (read.fixed, read.slopes) == (shown.fixed, shown.slopes)


def test_what_the_formula_does_not_say_is_kept():
    before = Wish(
        "x",
        "room",
        reml=True,
        weights="pos",
        codings=(("dose", "sum"), ("f", "helmert"), ("rank", "treatment")),
        transforms=(("pos", "log"), ("x", "scale")),
        rows=(Condition("pos", ">", 0.1),),
    )
    read = choices_from("y ~ x + factor(dose) + f + (1 | g)", COLUMNS, before)
    assert (read.response, read.group, read.reml, read.weights) == ("y", "g", True, "pos")
    assert read.rows == before.rows
    assert read.codings == before.codings
    assert read.transforms == (("pos", "log"),)
    plain = choices_from("y ~ dose + (1 | g)", COLUMNS, before)
    assert dict(plain.codings) == {"f": "helmert", "rank": "treatment"}


def test_a_faulty_filter_does_not_hinder_reading():
    faulty = Wish(rows=(Condition("gone", "<", 1),))
    read = choices_from("y ~ x + (1 | g)", COLUMNS, faulty)
    assert read.expressible
    assert "gone" in resolve(read, COLUMNS).refusal


REFUSED = [
    ("", "The formula is empty", None),
    ("y", "needs a ~", 1),
    ("y ~ x +", "ends where a variable should follow", 7),
    ("y ~ x | g", "a random term goes in parentheses", 6),
    ("y ~ x", "a mixed model needs a random term", 4),
    ("y ~ xx + (1 | g)", "no column 'xx' (did you mean 'x'?)", 4),
    ("yy ~ x + (1 | g)", "no column 'yy'", 0),
    ("y ~ x + (1 | school)", "no column 'school'", 13),
    ("y ~ log(xx) + (1 | g)", "no column 'xx'", 8),
    ("__import__('os').system('true') ~ x + (1 | g)", "", 16),
    ("y ~ __import__('os') + (1 | g)", "cannot call __import__()", 4),
    ("y ~ eval('1') + (1 | g)", "cannot call eval()", 4),
    ("y ~ x; import os + (1 | g)", "';' is not part of a formula", 5),
    ("y ~ x.__class__.__mro__ + (1 | g)", "no column 'x.__class__.__mro__'", 4),
    ("y ~ [i for i in (1,)] + (1 | g)", "'[' is not part of a formula", 4),
    ("y ~ {x} + (1 | g)", "'{' is not part of a formula", 4),
    ("y ~ (lambda: 0)() + (1 | g)", "'lambda'", None),
    ("y ~ " + "(" * 500 + "x" + ")" * 500 + " + (1 | g)", "nested more than", None),
]


@pytest.mark.parametrize(("text", "words", "place"), REFUSED)
def test_what_is_no_formula_is_refused_where_it_is_wrong(text, words, place):
    found = choices_from(text, COLUMNS)
    assert isinstance(found, Problem)
    assert words.lower() in found.sentence.lower() or words == "'lambda'"
    assert found.sentence.endswith(".")
    assert "\n" not in found.sentence
    if place is not None:
        formula, caret = found.excerpt.split("\n")
        assert formula.strip() == text
        assert caret.index("^") - formula.index(text) == place
        assert str(found) == f"{found.sentence}\n{found.excerpt}"


@given(st.text(st.sampled_from(list("xyfg~+|()*:/^.,= 01'`\"\\{}[];_")), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_model_or_a_sentence(text):
    found = choices_from(text, COLUMNS)
    if isinstance(found, Problem):
        assert found.sentence
        assert "\n" not in found.sentence
    else:
        assert same_model(resolve(found, COLUMNS).spec, parse(text))

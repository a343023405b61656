"""Reading formulas: grammar, R's term algebra, lme4's random terms, and every refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.expressions import Binary, Call, Name, Number, Paren, Sum, Text, Unary
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.random_terms import elementary_terms
from mixedwidgets.lmm.spec import ModelSpec, sum_of
from mixedwidgets.lmm.terms import expand

from .reference_data import MISSING, reference_models

AWKWARD_NAMES = [
    "x",
    "total.fruits",
    ".hidden",
    "my column",
    'say "hi"',
    "it's",
    "tick`tick",
    "back\\slash",
    "new\nline",
    "{brace}",
    "if",
    "TRUE",
    "NULL",
    "2nd",
    ".5",
    "_private",
    "größe",
    "身長",
    "é\u0301",
    "a:b",
    "x | g",
    "~",
    "(1 | g)",
    "\u2028",
    "log",
    "😀",
    "__import__('os').system('x')",
]


def labels(text: str) -> tuple[str, ...]:
    return expand(parse(f"y ~ {text} + (1 | g)").fixed).labels()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (
            "mscore~flp+enroll+ses+(ses|school)",
            "mscore ~ flp + enroll + ses + (ses | school)",
        ),
        ("y~a*b+(1|g)", "y ~ a * b + (1 | g)"),
        ("y ~ a : b+a/b + a^2 + a**2+a%in%b+(1|g)",
         "y ~ a:b + a/b + a^2 + a^2 + a %in% b + (1 | g)"),
        ("y ~ x-1+(0+x||g)", "y ~ x - 1 + (0 + x || g)"),
        ("y ~ -1 + x + (1|a/b)", "y ~ -1 + x + (1 | a/b)"),
        ("log( y )~I(x ^2)+ log(total.fruits+1)+(1|g)",
         "log(y) ~ I(x^2) + log(total.fruits + 1) + (1 | g)"),
        ("y ~ poly(x,2,raw=TRUE)+(1|g)", "y ~ poly(x, 2, raw = TRUE) + (1 | g)"),
        ("y ~ factor(f,levels=c('b',\"a\"))+(1|g)",
         'y ~ factor(f, levels = c("b", "a")) + (1 | g)'),
        ("y ~ I(x*100000)+I(x*123456)+I(x*1e-20)+I(0.5*x)+I(2L*x)+(1|g)",
         "y ~ I(x * 1e+05) + I(x * 123456) + I(x * 1e-20) + I(0.5 * x) + I(2L * x) + (1 | g)"),
        ("y~`my x`+(1|`a`)", "y ~ `my x` + (1 | a)"),
        ("y ~ ((1|g)+(0+x|g))", "y ~ ((1 | g) + (0 + x | g))"),
        ("y ~ I(-x)+I(x - -1)+(1|g)", "y ~ I(-x) + I(x - -1) + (1 | g)"),
        ("y\n~ x\t+\xa0(1|g)", "y ~ x + (1 | g)"),
        ("größe ~ `_a` + _b + (1|身長)", "größe ~ `_a` + `_b` + (1 | 身長)"),
    ],
)  # fmt: skip
def test_prints_as_r_deparses(text, printed):
    spec = parse(text)
    assert str(spec) == printed
    assert parse(printed) == spec


@pytest.mark.parametrize("model", reference_models(), ids=lambda m: m["id"])
def test_reference_formulas_print_as_lme4_has_them(model):
    assert str(parse(model["formula"])) == model["formula"]


def test_reference_formulas_were_found():
    if not reference_models():
        pytest.skip(MISSING)
    assert len(reference_models()) >= 72


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + x", ("x",)),
        ("b + a:b", ("b", "b:a")),
        ("a * b - a", ("b", "a:b")),
        ("(a + b + c)^2", ("a", "b", "c", "a:b", "a:c", "b:c")),
        ("(a + b + c)^2 - a:b", ("a", "b", "c", "a:c", "b:c")),
        ("a/b", ("a", "a:b")),
        ("(a + b)/c", ("a", "b", "a:b:c")),
        ("a/(b + c)", ("a", "a:b", "a:c")),
        ("a %in% b", ("a:b",)),
        ("a:b + c", ("c", "a:b")),
        ("a:a", ("a",)),
        ("a^1", ("a",)),
        ("(a * b)/c + a %in% (b + c)", ("a", "b", "a:b", "a:b:c")),
        ("a * b + (a + b + c)^2 + c/a - a", ("b", "c", "a:b", "a:c", "b:c")),
        ("b + a:b + 1:c + (1 + x):z", ("b", "b:a", "x:z")),
        ("1", ()),
        ("x - x", ()),
        ("log(x) + log( x )", ("log(x)",)),
    ],
)
def test_terms_are_simplified_by_rs_rules(text, expected):
    assert labels(text) == expected


@pytest.mark.parametrize(
    ("text", "intercept"),
    [("x", True), ("0 + x", False), ("x - 1", False), ("x + 0", False), ("-1 + x", False),
     ("x - 1 + 1", True), ("x - 0", True), ("1 + x", True), ("x - (z + 1)", False)],
)  # fmt: skip
def test_the_last_word_on_the_intercept_counts(text, intercept):
    assert expand(parse(f"y ~ {text} + (1 | g)").fixed).intercept is intercept


def test_offsets_are_kept_apart():
    terms = expand(parse("y ~ x + offset(log(t)) + (1 | g)").fixed)
    assert terms.labels() == ("x",)
    assert list(map(str, terms.offsets)) == ["log(t)"]


@pytest.mark.parametrize(
    ("text", "blocks", "display"),
    [
        ("(x | g)", ["x | g"], None),
        ("(x || g)", ["1 | g", "0 + x | g"], "((1 | g) + (0 + x | g))"),
        ("(0 + f || g)", ["0 + f | g"], "((0 + f | g))"),
        ("(x * z || g)", ["1 | g", "0 + x | g", "0 + z | g", "0 + x:z | g"],
         "((1 | g) + (0 + x | g) + (0 + z | g) + (0 + x:z | g))"),
        ("(1 | a/b)", ["1 | b:a", "1 | a"], None),
        ("(1 | a/b/c)", ["1 | c:(b:a)", "1 | b:a", "1 | a"], None),
        ("(x || a/b)", ["1 | b:a", "1 | a", "0 + x | b:a", "0 + x | a"],
         "((1 | a/b) + (0 + x | a/b))"),
        ("(1 | a:b)", ["1 | a:b"], None),
        ("(1 | factor(a))", ["1 | factor(a)"], None),
        ("(x | g) + (1 | h)", ["x | g", "1 | h"], None),
    ],
)  # fmt: skip
def test_random_terms_are_written_out_as_lme4_does(text, blocks, display):
    spec = parse(f"y ~ x + {text}")
    assert list(map(str, elementary_terms(spec))) == blocks
    assert spec.display == f"y ~ x + {display or text}"
    assert list(map(str, elementary_terms(parse(spec.display)))) == blocks


REFUSED = [
    ("", "empty", None),
    ("y x", "needs a ~", 3),
    ("~ x + (1 | g)", "response is missing", 0),
    ("y ~ ", "othing stands right of the ~", 4),
    ("y ~ x", "needs a random term such as (1 | group)", 4),
    ("y ~ x | g", "parentheses: (x | group)", 6),
    ("y ~ x + x | g", "parentheses", 10),
    ("y ~ (x + (1 | g)", "never closed", 4),
    ("y ~ log(x + (1 | g)", "never closed", 7),
    ("y ~ x) + (1 | g)", "no opening one", 5),
    ("y ~ () + (1 | g)", "empty", 4),
    ("y ~ a == b + (1 | g)", "comparisons such as '=='", 6),
    ("y ~ a <= b + (1 | g)", "comparisons such as '<='", 6),
    ("y = x + (1 | g)", "needs a ~", 15),
    ("y ~ x = 2 + (1 | g)", "separates its sides with ~", 6),
    ("y ~ x ~ z + (1 | g)", "only one ~", 6),
    ("y ~ 'x", "never closed", 4),
    ("y ~ `x", "never closed", 4),
    ("y ~ `` + (1 | g)", "cannot be empty", 4),
    ("y ~ 'x' + (1 | g)", "backticks: `x`", 4),
    ("y ~ `a\\q` + (1 | g)", "no known escape", 6),
    ("__import__('os').system('x')", "needs a ~", 28),
    ("y ~ __import__('os').system('x') + (1 | g)", "operator such as +", 20),
    ("y ~ __import__('os') + (1 | g)", "cannot call __import__()", 4),
    ("y ~ lgo(x) + (1 | g)", "did you mean 'log'?", 4),
    ("y ~ x.y(z) + (1 | g)", "allowed are log, log2", 4),
    ("y ~ $x + (1 | g)", "plain column name", 4),
    ("y ~ df['x'] + (1 | g)", "plain column name", 6),
    ("y ~ a & b + (1 | g)", "not an operator", 6),
    ("y ~ a %*% b + (1 | g)", "only %operator%", 6),
    ("y ~ x; z + (1 | g)", "character ';'", 5),
    ("y ~ x z + (1 | g)", "operator such as + should stand before 'z'", 6),
    ("y ~ 2x + (1 | g)", "backticks: `2x`", 4),
    ("y ~ x + + ", "ends where a variable", 10),
    ("y ~ * x + (1 | g)", "before this *", 4),
    ("y ~ x + 2 + (1 | g)", "only 1 (an intercept) and 0", 8),
    ("y ~ x^z + (1 | g)", "written I(x^z)", 6),
    ("y ~ x^0 + (1 | g)", "exponent", 6),
    ("y ~ a * (1 | g)", "cannot be part of an interaction", 11),
    ("y ~ x - (1 | g)", "cannot be part of", 11),
    ("y ~ log((1 | g))", "cannot be part of", 11),
    ("y ~ ((1 | g) | h)", "inside another random term", 8),
    ("y ~ (0 | g)", "no effects left", 5),
    ("y ~ (. | g)", "dot cannot be used", 5),
    ("y ~ (offset(x) | g)", "fixed part", 5),
    ("y ~ (1 | a * b)", "write a/b for b nested in a", 11),
    ("y ~ (1 | a + b)", "cannot be a grouping factor", 11),
    ("y ~ (1 | log(a))", "cannot be a grouping factor", 9),
    ("y ~ (1 | 1)", "cannot be a grouping factor", 9),
    ("y ~ (1 | .)", "cannot be a grouping factor", 9),
    ("y | g ~ x", "right of the ~", 2),
    (". ~ x + (1 | g)", "must be named", 0),
    ("factor(y) ~ x + (1 | g)", "must be numbers", 0),
    ("1 ~ x + (1 | g)", "must be a column", 0),
    ("y ~ y + (1 | g)", "response y also stands right", 4),
    ("y ~ x + (y | g)", "response y also stands right", 9),
    ("y ~ x + (1 | y)", "response y also stands right", 13),
    ("log(y) ~ log(y) + (1 | g)", "response log(y) also stands right", 9),
    ("y ~ x:offset(z) + (1 | g)", "cannot interact", 6),
    ("y ~ x - offset(z) + (1 | g)", "cannot be subtracted", 8),
    ("y ~ log() + (1 | g)", "needs something inside", 4),
    ("y ~ log(x, 2, 3) + (1 | g)", "at most 2 arguments", 4),
    ("y ~ poly(x, deg = 2) + (1 | g)", "no argument 'deg'", 18),
    ("y ~ poly(x, x = 2, 2, TRUE) + (1 | g)", "at most 3", 4),
    ("y ~ poly(x, degree = 2, degree = 3) + (1 | g)", "given twice", 33),
    ("y ~ poly(x, z) + (1 | g)", "must be a number", 12),
    ("y ~ poly(x, 1.5) + (1 | g)", "whole number", 12),
    ("y ~ poly(x, 0) + (1 | g)", "at least 1", 4),
    ("y ~ poly(x, 2, raw = z) + (1 | g)", "TRUE or FALSE", 21),
    ("y ~ bs(x, Boundary.knots = 3) + (1 | g)", "two numbers", 4),
    ("y ~ log(poly(x, 2)) + (1 | g)", "inside arithmetic", 8),
    ("y ~ I(x:z) + (1 | g)", "not arithmetic", 7),
    ("y ~ I('a') + (1 | g)", "not a number", 6),
    ("y ~ log(.) + (1 | g)", "not a number", 8),
    ("y ~ C(f, foo) + (1 | g)", "one of treatment, sum, helmert, poly, sas", 9),
    ("y ~ factor(f, levels = x) + (1 | g)", "must be a constant", 23),
    ("y ~ factor(f, levels = c('a', 'a')) + (1 | g)", "must all differ", 23),
    ("y ~ c(1, 2) + (1 | g)", "only list constants", 4),
    ("y ~ TRUE + (1 | g)", "cannot be a term", 4),
    ("y ~ 1/x + (1 | g)", "write I(1/x) for arithmetic", 5),
    ("y ~ x * 2 + (1 | g)", "write I(x * 2) for arithmetic", 6),
    ("y ~ x + (1/x | g)", "write I(1/x) for arithmetic", 10),
]  # fmt: skip


@pytest.mark.parametrize(("text", "essence", "position"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refusals_are_one_sentence_with_a_caret(text, essence, position):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    error = caught.value
    assert essence in error.message
    assert "\n" not in error.message
    assert error.position == position
    if position is not None:
        *_, line, caret = str(error).split("\n")
        assert line.strip()
        assert caret.endswith("^")


def test_something_that_is_not_text_is_refused():
    with pytest.raises(FormulaError, match="not a value of type list"):
        parse(["y ~ x"])


@pytest.mark.parametrize(
    "text",
    [
        "y ~ " + "(" * 5000 + "x" + ")" * 5000,
        "y ~ " + "-" * 5000 + "x",
        "y ~ " + "log(" * 5000 + "x" + ")" * 5000,
        "y ~ " + ":".join(["x"] * 5000),
        "y ~ " + "^".join(["x"] * 5000),
        "y ~ x + (1 | " + "/".join(f"g{i}" for i in range(5000)) + ")",
        "y ~ " + " * ".join(f"x{i}" for i in range(30)) + " + (1 | g)",
        "y ~ (" + " + ".join(f"x{i}" for i in range(30)) + ")^30 + (1 | g)",
        "y ~ " + "x + " * 100_000,
        "y ~ " + " + ".join(f"x{i}" for i in range(15_000)) + " + (1 | g)",
    ],
    ids=lambda text: text[:24],
)
def test_absurd_input_is_refused_in_time(text):
    with pytest.raises(FormulaError):
        parse(text)


def test_long_sums_are_no_problem():
    names = [f"x{i}" for i in range(1500)]
    spec = parse("y ~ " + " + ".join(names) + " + (1 | g)")
    assert expand(spec.fixed).labels() == tuple(names)
    assert parse(str(spec)) == spec
    assert hash(parse(str(spec))) == hash(spec)


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_any_column_name_survives(name):
    spec = ModelSpec.of(name + "y", [name, Name("z")], {name + "g": [name]}, [name + "g", "h"])
    again = parse(str(spec))
    assert again == spec
    assert str(again) == str(spec)
    assert [t.group for t in again.random] == [Name(name + "g"), Name("h")]


def test_specs_are_built_from_choices():
    of = ModelSpec.of
    assert str(of("y", groups="g")) == "y ~ 1 + (1 | g)"
    assert str(of("y", ["a"], ["a"], ["g", "h"])) == "y ~ a + (a | g) + (a | h)"
    assert str(of("y", ["a"], ["a"], "g", correlated=False)) == "y ~ a + (a || g)"
    assert str(of("y", ["a"], ["a"], "g", random_intercept=False)) == "y ~ a + (0 + a | g)"
    assert str(of("y", ["a"], groups="g", intercept=False)) == "y ~ 0 + a + (1 | g)"
    assert of("mscore", ["flp", "ses"], ["ses"], "school") == parse(
        "mscore ~ flp + ses + (ses | school)"
    )


names = st.sampled_from(["x", "y2", "a b", "é", "tick`", "if", "n\n"]) | st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6
).filter(lambda n: n != ".")
numbers = st.builds(
    Number, st.floats(0, 1e12, allow_nan=False) | st.integers(0, 10**6), st.just(False)
)


def arithmetic(inner):
    return (
        st.builds(Binary, st.sampled_from(["*", "/", "^"]), inner, inner)
        | st.builds(lambda a, op, b: Sum(a, ((op, b),)), inner, st.sampled_from("+-"), inner)
        | st.builds(Unary, st.sampled_from("+-"), inner)
        | st.builds(Paren, inner)
        | st.builds(
            lambda f, x: Call(f, ((None, x),)), st.sampled_from(["log", "I", "exp", "scale"]), inner
        )
    )


expressions = st.recursive(names.map(Name) | numbers, arithmetic, max_leaves=6)
variables = names.map(Name) | expressions.map(lambda e: Call("I", ((None, e),)))
factors = names.map(
    lambda n: Call("factor", ((None, Name(n)), ("levels", Call("c", ((None, Text(n)),)))))
)
terms = st.recursive(
    variables | factors,
    lambda inner: (
        st.builds(Binary, st.sampled_from([":", "*", "/", "%in%"]), inner, inner)
        | st.builds(lambda a, b: Sum(a, (("+", b),)), inner, inner)
    ),
    max_leaves=4,
)
leaves = names.map(Name) | names.map(lambda n: Call("factor", ((None, Name(n)),)))
crossings = leaves | st.builds(lambda a, b: Binary(":", a, b), leaves, leaves)
groups = crossings | st.builds(lambda a, b: Binary("/", a, b), leaves, crossings)
random_columns = (
    terms
    | st.just(Number(1))
    | terms.map(lambda t: sum_of([Number(0), t]))
    | terms.map(lambda t: Sum(t, (("-", Number(1)),)))
)
bars = st.builds(
    lambda op, columns, group: Paren(Binary(op, columns, group)),
    st.sampled_from(["|", "||"]),
    random_columns,
    groups,
)
offsets = expressions.map(lambda e: Call("offset", ((None, e),)))
added = st.tuples(st.just("+"), terms | offsets | st.sampled_from([Number(0), Number(1)]))
subtracted = st.tuples(st.just("-"), terms | st.just(Number(1)))
RESPONSE = Name("the response")
responses = st.sampled_from(
    [RESPONSE, Call("log", ((None, RESPONSE),)), Sum(RESPONSE, (("-", Number(1)),)),
     Binary("/", RESPONSE, Number(2.5))]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    responses,
    terms | bars,
    st.lists(added | subtracted, max_size=3),
    st.lists(bars.map(lambda bar: ("+", bar)), min_size=1, max_size=2),
)
def test_every_spec_parses_back_to_itself(response, first, fixed, random):
    spec = ModelSpec(response, Sum(first, (*fixed, *random)))
    again = parse(str(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert str(again) == str(spec)
    assert elementary_terms(parse(spec.display)) == elementary_terms(spec)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("yxg~+-*/:^()|01.,` '\"\\=log%in<é\n"), max_size=30))
def test_random_text_is_read_or_refused(text):
    try:
        spec = parse(text)
    except FormulaError:
        return
    assert parse(str(spec)) == spec

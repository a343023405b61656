"""Which random effects ``re_form`` keeps, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets
from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.re_form import parse_re_form, selected_columns

N = 240


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    i = np.arange(N)
    return pd.DataFrame(
        {
            "y": rng.normal(size=N), "x": rng.normal(size=N), "z": rng.normal(size=N),
            "f": np.array(list("abc"))[i % 3], "h": rng.random(N) > 0.5,
            "g": i % 5, "t": rng.integers(0, 4, N), "a": i // 80, "b": (i // 20) % 4,
            "my group": i % 7,
        }
    )  # fmt: skip


DATA = frame()


def design(text: str) -> Design:
    return build(parse(f"y ~ x + {text}"), DATA)


def kept(made: Design, re_form: object) -> list[str]:
    return [
        f"{made.groupings[block.grouping].name}.{name}"
        for block, mask in zip(made.blocks, selected_columns(made, re_form), strict=True)
        for name in np.array(block.names)[mask]
    ]


@pytest.mark.parametrize(
    ("random", "re_form", "expected"),
    [
        ("(x | g)", "~ (1 | g)", ["g.(Intercept)"]),
        ("(x | g)", "~ (x | g)", ["g.(Intercept)", "g.x"]),
        ("(x | g)", "~(0 + x | g)", ["g.x"]),
        ("(x || g)", "~ (x | g)", ["g.(Intercept)", "g.x"]),
        ("(x || g)", "~ (x || g)", ["g.(Intercept)", "g.x"]),
        ("(x || g)", "~ (0 + x | g)", ["g.x"]),
        ("(x | g) + (1 | t)", "~ (1 | t)", ["t.(Intercept)"]),
        ("(x | g) + (1 | t)", "~ (1 | t) + (1 | g)", ["g.(Intercept)", "t.(Intercept)"]),
        ("(x | g) + (1 | t)", "~ 0", []),
        ("(x | g)", "~0", []),
        ("(x | g)", "none", []),
        ("(x | g)", float("nan"), []),
        ("(x | g)", "all", ["g.(Intercept)", "g.x"]),
        ("(x | g)", None, ["g.(Intercept)", "g.x"]),
        ("(1 | a/b)", "~ (1 | a)", ["a.(Intercept)"]),
        ("(1 | a/b)", "~ (1 | b:a)", ["b:a.(Intercept)"]),
        ("(1 | a/b)", "~ (1 | a/b)", ["b:a.(Intercept)", "a.(Intercept)"]),
        ("(f | g)", "~ (f | g)", ["g.(Intercept)", "g.fb", "g.fc"]),
        ("(f | g)", "~ (1 | g)", ["g.(Intercept)"]),
        ("(0 + f | g)", "~ (0 + f | g)", ["g.fa", "g.fb", "g.fc"]),
        ("(f || g)", "~ (0 + f | g)", ["g.fa", "g.fb", "g.fc"]),
        ("(h | g)", "~ (1 + h | g)", ["g.(Intercept)", "g.hTRUE"]),
        ("(x:f | g)", "~ (f:x | g)", ["g.(Intercept)", "g.x:fa", "g.x:fb", "g.x:fc"]),
        ("(poly(x, 2) | g)", "~ (0 + poly(x, 2) | g)", ["g.poly(x, 2)1", "g.poly(x, 2)2"]),
        ("(scale(x) + ns(z, 2) | g)", "~ (scale(x) | g)", ["g.(Intercept)", "g.scale(x)"]),
        ("(scale(x) + ns(z, 2) | g)", "~ (0 + ns(z, 2) | g)", ["g.ns(z, 2)1", "g.ns(z, 2)2"]),
        ("(bs(x) | g)", "~ (bs(x) | g)", ["g.(Intercept)", "g.bs(x)1", "g.bs(x)2", "g.bs(x)3"]),
        ("(C(f, sum) | g)", "~ (C(f, sum) | g)", ["g.(Intercept)", "g.C(f, sum)1",
                                                  "g.C(f, sum)2"]),
        ("(x + z | g)", "~ (z | g)", ["g.(Intercept)", "g.z"]),
        ("(x | g) + (0 + z | g)", "~ (0 + z + x | g)", ["g.x", "g.z"]),
        ("(x | `my group`)", "~ (1 | `my group`)", ["my group.(Intercept)"]),
        ("(x | `my group`) + (z | t) + (1 | g)", "~ (1 | g) + (0 + z | t)", ["g.(Intercept)",
                                                                           "t.z"]),
    ],
)  # fmt: skip
def test_columns_kept(random, re_form, expected):
    assert sorted(kept(design(random), re_form)) == sorted(expected)


@pytest.mark.parametrize(
    ("random", "re_form", "essence"),
    [
        ("(x | g)", "~ (1 | gg)", "the grouping factor 'gg', which the model does not have (did "
         "you mean 'g'?); it has 'g'"),
        ("(1 | a/b)", "~ (1 | a:b)", "'a:b', which the model does not have; it has 'b:a', 'a'"),
        ("(x | g)", "~ (z | g)", "the effect z of 'g', which the model does not have"),
        ("(x | g)", "~ (x * z | g)", "the effect z of 'g'"),
        ("(0 + x | g)", "~ (x | g)", "a random intercept of 'g', which the model does not have"),
        ("(x | g)", "(1 | g)", 're_form must be "all", "none", or a formula'),
        ("(x | g)", "some", 're_form must be "all", "none", or a formula'),
        ("(x | g)", 3, "not 3"),
        ("(x | g)", True, "not True"),
        ("(x | g)", "y ~ (1 | g)", "nothing left of its ~"),
        ("(x | g)", "~ x + (1 | g)", "x is no random term"),
        ("(x | g)", "~ 1", "1 is no random term"),
        ("(x | g)", "~ 0 + (1 | g)", "0 is no random term"),
        ("(x | g)", "~ 1 | g", "goes in parentheses"),
        ("(x | g)", "~ x:(1 | g)", "cannot be part of an interaction"),
        ("(x | g)", "~ (lgo(x) | g)", "did you mean 'log'?"),
        ("(x | g)", "~ (1 | g", "never closed"),
        ("(x | g)", "~", "othing stands right"),
        ("(f | g)", "~ (0 + f | g)", "effects fa, fb, fc of 'g', but the model codes them as "
         "(Intercept), fb, fc"),
        ("(f || g)", "~ (f | g)", "but the model codes them as (Intercept), fa, fb, fc"),
        ("(x * f | g)", "~ (x:f | g)", "but the model codes them as"),
    ],
)  # fmt: skip
def test_refused(random, re_form, essence):
    made = design(random)
    with pytest.raises(FormulaError) as caught:
        selected_columns(made, re_form)
    assert essence in caught.value.message
    assert "\n" not in caught.value.message


def test_the_caret_stands_under_the_term():
    with pytest.raises(FormulaError) as caught:
        parse_re_form("~ (1 | g) + (1 | k)", parse("y ~ x + (x | g)"))
    assert caught.value.position == 17


def test_terms_are_written_out():
    spec = parse("y ~ x + (x || a/b)")
    assert list(map(str, parse_re_form("~ (1 | a/b)", spec))) == ["1 | b:a", "1 | a"]
    assert len(parse_re_form(None, spec)) == 4
    assert parse_re_form("~ 0", spec) == ()


# predict(fit, re.form = ...) of lme4 1.1-31 in rows 3 and 15, for
# lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE) and for (Days || Subject).
PREDICTED = {
    "~ (1 | Subject)": [(275.155466, 253.226394), (274.194427, 253.251590)],
    "~ (0 + Days | Subject)": [(290.490690, 258.697642), (290.812502, 258.804595)],
    "~ (Days | Subject)": [(293.306479, 218.649787), (292.667252, 218.781936)],
    "~ (Days || Subject)": [(293.306479, 218.649787), (292.667252, 218.781936)],
    "~ 0": [(272.339677, 293.274249), (272.339677, 293.274249)],
}


@pytest.mark.parametrize("re_form", PREDICTED)
@pytest.mark.parametrize(("bar", "place"), [("|", 0), ("||", 1)])
def test_predictions_with_the_columns_kept_are_lme4s(re_form, bar, place):
    data = mixedwidgets.load("sleepstudy")
    fit = mixedwidgets.lmer(f"Reaction ~ Days + (Days {bar} Subject)", data, REML=False)
    made = fit.design
    modes = fit.ranef()["Subject"]
    predicted = made.X @ fit.fixef.to_numpy()
    for block, mask in zip(made.blocks, selected_columns(made, re_form), strict=True):
        codes = made.groupings[block.grouping].codes
        effects = modes[list(block.names)].to_numpy()[codes]
        predicted = predicted + (block.columns * effects)[:, mask].sum(axis=1)
    np.testing.assert_allclose(predicted[[2, 14]], PREDICTED[re_form][place], rtol=1e-5)

"""Fixed-effect matrices against formulaic's, over random formulas that both can read."""

from __future__ import annotations

import re

import formulaic
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.lmm.columns import Table
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.frame import model_frame, plan_for
from mixedwidgets.lmm.modelmatrix import model_matrix

N = 160


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    data = pd.DataFrame(
        {
            name: pd.Categorical(rng.choice(list("abcd"[:k]), N))
            for name, k in (("f", 3), ("h", 2), ("k", 4))
        }
    )
    data["x"], data["y"] = rng.normal(size=(2, N))
    data["z"] = rng.uniform(1, 4, N)
    data["total.fruits"] = rng.integers(0, 20, N)
    data["my var"] = rng.normal(size=N)
    return data.assign(g=np.arange(N) % 7)


DATA = frame()

# As lme4 writes them -> as formulaic does.
NUMERIC = {
    "x": "x",
    "z": "z",
    "`my var`": "`my var`",
    "log(z)": "log(z)",
    "log2(z)": "np.log2(z)",
    "log10(z)": "log10(z)",
    "log1p(z)": "np.log1p(z)",
    "exp(x)": "exp(x)",
    "sqrt(z)": "np.sqrt(z)",
    "abs(x)": "np.abs(x)",
    "log(total.fruits + 1)": "log(`total.fruits` + 1)",
    "I(x^2)": "I(x**2)",
    "I((x - 0.5) * z)": "I((x - 0.5) * z)",
    "I(-x/z)": "I(-x / z)",
    "scale(x)": "scale(x)",
    "scale(z, scale = FALSE)": "scale(z, scale=False)",
    "center(z)": "center(z)",
    "scale(log(z))": "scale(log(z))",
    "poly(x, 3)": "poly(x, 3)",
    "poly(z, 2, raw = TRUE)": "poly(z, 2, raw=True)",
    "bs(x, df = 5)": "bs(x, df=5)",
    "bs(z, df = 3, degree = 2)": "bs(z, df=3, degree=2)",
}
FACTORS = {
    "f": "f",
    "h": "h",
    "k": "k",
    "C(f, sum)": "C(f, contr.sum)",
    "C(k, helmert)": "C(k, contr.helmert)",
    "C(k, poly)": "C(k, contr.poly)",
    "C(f, contr.SAS)": "C(f, contr.SAS)",
    "C(h, treatment)": "C(h, contr.treatment)",
}
OURS_TO_THEIRS = {**NUMERIC, **FACTORS}


def theirs(text: str) -> str:
    """Translate a formula of ours, whose variables stand between braces."""
    return re.sub(r"\{(.*?)\}", lambda m: OURS_TO_THEIRS[m.group(1)], text).replace("^", "**")


def both(text: str) -> tuple[np.ndarray, np.ndarray]:
    spec = parse(f"y ~ {text.replace('{', '').replace('}', '')} + (1 | g)")
    table = Table(DATA)
    plan = plan_for(spec, table)
    ours, _ = model_matrix(plan.fixed, model_frame(plan, table).variables, N)
    return ours, formulaic.model_matrix(theirs(text), DATA).to_numpy(dtype=float)


def sorted_columns(matrix: np.ndarray) -> np.ndarray:
    weights = np.random.default_rng(0).normal(size=len(matrix))
    return matrix[:, np.argsort(np.round(weights @ matrix, 8), kind="stable")]


variables = st.sampled_from([f"{{{name}}}" for name in OURS_TO_THEIRS])
plain_factors = st.sampled_from(["{f}", "{h}", "{k}"])
hierarchical = st.lists(
    st.lists(variables, min_size=1, max_size=2, unique=True).map(" * ".join)
    | st.lists(variables, min_size=1, max_size=2, unique=True).map(
        lambda names: f"({' + '.join(names)})^2"
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(hierarchical)
def test_columns_of_hierarchical_formulas_are_formulaics(parts):
    ours, expected = both(" + ".join(parts))
    assert ours.shape == expected.shape
    np.testing.assert_allclose(sorted_columns(ours), sorted_columns(expected), rtol=1e-8, atol=1e-9)


def formulas(variables: list[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(variables),
        lambda inner: st.builds(
            "({} {} {})".format, inner, st.sampled_from(["+", "*", ":", "/"]), inner
        ),
        max_leaves=5,
    )


intercepts = st.sampled_from(["{}", "0 + {}", "{} - 1", "1 + {}", "{} - {{f}}", "{} + 0"])
categories = ["{f}", "{h}", "{k}", "{C(f, sum)}"]


def ranks(text: str) -> tuple[int, int, int]:
    ours, expected = both(text)
    together = np.column_stack((ours, expected))
    return tuple(int(np.linalg.matrix_rank(m)) for m in (ours, expected, together))


@settings(max_examples=150, deadline=None)
@given(intercepts, formulas(categories))
def test_any_formula_of_factors_spans_what_formulaics_does(intercept, formula):
    assert len(set(ranks(intercept.format(formula)))) == 1


@settings(max_examples=150, deadline=None)
@given(intercepts, formulas([*categories, "{x}", "{z}", "{log(z)}"]))
def test_any_formula_spans_no_more_than_formulaics_does(intercept, formula):
    """R codes x:(z + f) as x:z + x:fb + x:fc, though no term spans x; formulaic adds it."""
    _, theirs_alone, together = ranks(intercept.format(formula))
    assert together == theirs_alone


def test_rs_marginality_looks_at_every_earlier_term():
    ours, expected, _ = ranks("{x}:({z} + {f})")
    assert (ours, expected) == (4, 5)

"""What lme4's lFormula makes of formulas: rows, columns, blocks, levels and their order.

``matrices/make_random.R`` wrote the expected values with R; each matrix is compared through
weighted sums of its columns, which change with any value, column, level or order.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixedwidgets.errors import DataError, FormulaError
from mixedwidgets.lmm.columns import level_text
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse

LME4 = json.loads((Path(__file__).parent / "matrices" / "random_terms.json").read_text("utf-8"))


def frame(which: str) -> pd.DataFrame:
    data = pd.DataFrame(LME4["data"])
    if which == "holes":
        for name, rows in LME4["holes"].items():
            kind = {"l": "boolean"}.get(name)
            column = data[name].astype(kind) if kind else data[name]
            data[name] = column.mask(data.index.isin(rows))
    for name in "fha":
        data[name] = data[name].astype("category")
    data["o"] = pd.Categorical(data["o"], ordered=True)
    data["u"] = pd.Categorical(data["u"], ["zz", "w", "v", "u", "q"])
    return data


FRAMES = {which: frame(which) for which in ("whole", "holes")}


@pytest.mark.parametrize(
    "model", LME4["models"], ids=lambda m: f"{m['formula']} [{m['data']}] {m['contrasts'] or ''}"
)
def test_design_is_lme4s(model):
    contrasts = {
        name: pd.DataFrame(kind) if isinstance(kind, dict) else kind
        for name, kind in (model["contrasts"] or {}).items()
    }
    design = build(parse(model["formula"]), FRAMES[model["data"]], contrasts=contrasts)
    n = len(design.y)
    assert n == model["n"]
    rows = np.sin(np.arange(1, n + 1))
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(design.y @ rows, model["y"][0], **close)
    offset = 0.0 if design.offset is None else design.offset @ rows
    np.testing.assert_allclose(offset, model["offset"][0], **close)
    kept = [name for name in model["x_names"] if name not in design.dropped]
    assert list(design.x_names) == kept
    assert set(design.dropped) <= set(model["x_names"])
    sums = dict(zip(model["x_names"], model["x_sums"], strict=True))
    np.testing.assert_allclose(design.X.T @ rows, [sums[name] for name in kept], **close)
    assert len(design.blocks) == len(model["blocks"])
    for block, expected in zip(design.blocks, model["blocks"], strict=True):
        grouping = design.groupings[block.grouping]
        assert grouping.name == expected["group"]
        assert list(block.names) == expected["names"]
        assert [level_text(level) for level in grouping.levels] == expected["levels"]
        levels = np.cos(np.arange(1, len(grouping.levels) + 1))[grouping.codes]
        np.testing.assert_allclose(block.columns.T @ (rows * levels), expected["sums"], **close)
    start = [value for block in design.blocks for value in lower_triangle(len(block.names))]
    assert start == model["theta"]


def lower_triangle(k: int) -> list[float]:
    """The lower triangle of the identity by columns: lme4's start, which shows theta's order."""
    return [float(i == j) for j in range(k) for i in range(j, k)]


def test_departure_the_dot_leaves_out_the_response_and_the_grouping_factors():
    data = FRAMES["whole"][["y", "x", "f", "g"]]
    assert str(build(parse("log(y + 1) ~ . + (1 | g)"), data).spec.fixed) == "x + f"


def test_departure_a_minus_after_a_random_term_counts():
    design = build(parse("y ~ (1 | g) - 1 + x"), FRAMES["whole"])
    assert design.x_names == ("x",)


def test_departure_a_coding_of_levels_that_do_not_occur_is_refused():
    with pytest.raises(DataError, match=r"'zz', 'v' do not occur .* in the argument contrasts"):
        build(parse("y ~ C(u, sum) + (1 | g)"), FRAMES["whole"])
    data = FRAMES["whole"]
    with pytest.raises(DataError, match="'c' does not occur"):
        build(parse("y ~ C(f, sum) + (1 | g)"), data, subset=data["f"] != "c")


def test_departure_a_call_may_group():
    design = build(parse("y ~ x + (1 | factor(k))"), FRAMES["whole"])
    assert design.groupings[0].name == "factor(k)"
    assert list(map(level_text, design.groupings[0].levels)) == ["1.5", "2.5", "10.25"]


@pytest.mark.parametrize("text", ["y ~ x + 1 | g", "y ~ x:(1 | g)", "y ~ x * (1 | g)"])
def test_departure_bars_that_lme4_misreads_are_refused(text):
    with pytest.raises(FormulaError):
        parse(text)

"""Design matrices against lme4's own, R's model.matrix and formulaic; recipes for new data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import formulaic
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.spec import ModelSpec

from .reference_data import reference_data, reference_folder, reference_models

MATRICES = json.loads((Path(__file__).parent / "matrices" / "model_matrices.json").read_text())


def reference_design(model: dict) -> Design:
    return build(
        parse(model["formula"]),
        reference_data(model["dataset"]),
        weights=model["weights"],
        contrasts=model["contrasts"],
    )


def dense_z(design: Design) -> np.ndarray:
    """Z' as lme4 lays it out: blocks, then levels, then columns."""
    n = len(design.y)
    parts = []
    for block in design.blocks:
        grouping = design.groupings[block.grouping]
        k = len(block.names)
        part = np.zeros((len(grouping.levels) * k, n))
        for column in range(k):
            part[grouping.codes * k + column, np.arange(n)] = block.columns[:, column]
        parts.append(part)
    return np.vstack(parts)


def hexes(line: str) -> np.ndarray:
    return np.array([float.fromhex(token) for token in line.split()])


@pytest.mark.reference
@pytest.mark.parametrize("model", reference_models(), ids=lambda m: m["id"])
def test_names_sizes_and_levels_are_lme4s(model, reference):
    design = reference_design(model)
    fit = json.loads((reference / "ref" / f"{model['id']}.ml.json").read_text())
    assert list(design.x_names) == list(fit["fixef"])
    assert len(design.y) == model["n"]
    assert (
        sum(len(b.names) * len(design.groupings[b.grouping].levels) for b in design.blocks)
        == (model["q"])
    )
    assert {g.name: len(g.levels) for g in design.groupings} == fit["ngroups"]
    terms = [
        f"{design.groupings[b.grouping].name}.{name}" for b in design.blocks for name in b.names
    ]
    assert list(dict.fromkeys(n.split(".", 1)[0] for n in terms)) == list(fit["ngroups"])
    if len(fit["ranef"]) == len(design.blocks):
        for block, effects in zip(design.blocks, fit["ranef"], strict=True):
            levels = design.groupings[block.grouping].levels
            assert list(block.names) == effects["names"]
            assert list(map(str, levels))[: len(effects["levels"])] == effects["levels"]


@pytest.mark.reference
@pytest.mark.parametrize("model", reference_models(), ids=lambda m: m["id"])
def test_arrays_are_bit_for_bit_lme4s(model, reference):
    path = reference / "design" / f"{model['id']}.txt"
    if not path.is_file():
        pytest.skip("this model has no design file: its data are large")
    lines = path.read_text().splitlines()
    n, p, q, _, nonzero, _ = map(int, lines[0].split()[1:])
    design = reference_design(model)
    assert lines[2].split(None, 1)[1].split("\t") == [x.replace(" ", "_") for x in design.x_names]
    y = design.y if design.offset is None else design.y - design.offset
    np.testing.assert_array_equal(hexes(lines[3][2:]), y)
    if lines[4][2:].strip():
        weights = np.ones(n) if design.weights is None else design.weights
        np.testing.assert_array_equal(hexes(lines[4][2:]), weights)
    expected = np.array([hexes(line) for line in lines[5 : 5 + n]])
    assert expected.shape == (n, p)
    np.testing.assert_array_equal(expected, design.X)
    zt = np.zeros((q, n))
    for line in lines[5 + n : 5 + n + nonzero]:
        i, j, value = line.split()
        zt[int(i), int(j)] = float.fromhex(value)
    np.testing.assert_array_equal(zt, dense_z(design))


def test_the_reference_folder_is_complete_where_present(reference):
    assert reference_folder() == reference
    assert len(reference_models()) >= 72


def grid() -> pd.DataFrame:
    frame = pd.DataFrame(MATRICES["data"])
    frame["f"] = frame["f"].astype("category")
    frame["h"] = frame["h"].astype("category")
    frame["o"] = pd.Categorical(frame["o"], ordered=True)
    frame["y"] = np.arange(len(frame)) ** 2.0
    frame["g"] = np.arange(len(frame)) % 5
    return frame


@pytest.mark.parametrize("entry", MATRICES["matrices"], ids=lambda e: e["formula"])
def test_model_matrices_are_rs(entry):
    design = build(parse(f"y ~ {entry['formula']} + (1 | g)"), grid())
    full = dict(zip(entry["names"], np.array(entry["columns"]), strict=True))
    assert [*design.x_names, *design.dropped] == sorted(
        full, key=lambda name: (name in design.dropped, list(full).index(name))
    )
    expected = np.column_stack([full[name] for name in design.x_names])
    np.testing.assert_allclose(design.X, expected, rtol=1e-12, atol=1e-13)
    assert np.linalg.matrix_rank(np.column_stack(list(full.values()))) == design.X.shape[1]


@pytest.mark.parametrize("entry", MATRICES["matrices"], ids=lambda e: e["formula"])
def test_new_data_give_the_same_columns(entry):
    frame = grid()
    design = build(parse(f"y ~ {entry['formula']} + (1 | g)"), frame)
    some = frame.iloc[[3, 17, 4]].astype({"f": str, "h": str})
    X, offset, missing = design.recipe.fixed_columns(some[["x", "z", "f", "h", "o", "l"]])
    np.testing.assert_allclose(X, design.X[[3, 17, 4]], rtol=1e-13, atol=1e-14)
    assert not offset.any()
    assert not missing.any()


def oracle_columns(formula: str, frame: pd.DataFrame) -> dict[frozenset[str], np.ndarray]:
    matrix = formulaic.model_matrix(formula, frame)
    return {
        frozenset(re.sub(r"\[(?:T\.)?(.*?)\]", r"\1", part) for part in name.split(":")): column
        for name, column in zip(matrix.columns, matrix.to_numpy(dtype=float).T, strict=True)
    }


factors = st.sampled_from(["f", "h", "k"])
numbers = st.sampled_from(["x", "z"])
hierarchical = st.lists(
    st.lists(factors | numbers, min_size=1, max_size=3, unique=True).map(" * ".join),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(hierarchical, st.booleans())
def test_fixed_effects_are_formulaics(parts, intercept):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {name: pd.Categorical(rng.choice(list("abcd"[:k]), 200)) for name, k in
         (("f", 3), ("h", 2), ("k", 4))}
    )  # fmt: skip
    frame["x"], frame["z"], frame["y"] = rng.normal(size=(3, 200))
    frame["g"] = np.arange(200) % 7
    text = ("" if intercept else "0 + ") + " + ".join(parts)
    design = build(parse(f"y ~ {text} + (1 | g)"), frame)
    expected = oracle_columns(text, frame)
    ours = {
        frozenset(name.replace("(Intercept)", "Intercept").split(":")): column
        for name, column in zip(design.x_names, design.X.T, strict=True)
    }
    assert ours.keys() == expected.keys()
    for name, column in ours.items():
        np.testing.assert_array_equal(column, expected[name])


def test_blocks_come_in_lme4s_order():
    frame = grid().assign(a=np.arange(24) % 3, b=np.arange(24) % 4)

    def groups(text: str) -> list[tuple[str, str]]:
        design = build(parse(f"y ~ x + {text}"), frame)
        return [(design.groupings[b.grouping].name, b.names[0]) for b in design.blocks]

    assert groups("(1 | a) + (1 | b)") == [("b", "(Intercept)"), ("a", "(Intercept)")]
    assert groups("(1 | b) + (0 + x | b) + (1 | a)") == [
        ("b", "(Intercept)"), ("b", "x"), ("a", "(Intercept)")
    ]  # fmt: skip
    # lme4 reverses an increasing sort, and with it the order of ties
    assert groups("(1 | a) + (0 + x | a) + (1 | b)") == [
        ("b", "(Intercept)"), ("a", "x"), ("a", "(Intercept)")
    ]  # fmt: skip


def test_levels_of_an_interaction_vary_in_the_last_factor_fastest():
    frame = pd.DataFrame(
        {"y": [1.0, 2, 3, 5, 8, 1, 4, 4], "a": [2, 2, 10, 10] * 2, "b": list("vuuu") * 2}
    )
    design = build(parse("y ~ 1 + (1 | a:b)"), frame)
    assert list(design.groupings[0].levels) == ["2:u", "2:v", "10:u"]
    assert design.groupings[0].codes.tolist() == [1, 0, 2, 2] * 2


def test_numbers_that_print_alike_are_one_level():
    frame = grid()
    frame["k"] = np.where(frame["g"] > 2, 0.3, 0.1)
    frame.loc[frame["g"] == 4, "k"] = 0.1 + 0.2
    design = build(parse("y ~ factor(k) + (1 | g)"), frame)
    assert design.x_names == ("(Intercept)", "factor(k)0.3")
    np.testing.assert_array_equal(design.X[:, 1], frame["g"] > 2)


def test_dot_means_every_column_not_otherwise_used():
    frame = grid()[["y", "x", "z", "f", "g", "h"]].assign(w=2.0)
    design = build(parse("y ~ . + (x | g)"), frame, weights="w")
    assert str(design.spec) == "y ~ x + z + f + h + (x | g)"
    assert design.x_names == ("(Intercept)", "x", "z", "fb", "fc", "hq")
    squared = build(parse("log(y + 1) ~ .^2 - f:h + (1 | g)"), frame, weights="w")
    assert str(squared.spec) == "log(y + 1) ~ (x + z + f + h)^2 - f:h + (1 | g)"


def test_redundant_columns_are_recorded():
    frame = grid().assign(twice=lambda d: 2 * d["x"] + 1, constant=3.0)
    design = build(parse("y ~ x + twice + z + constant + (1 | g)"), frame)
    assert design.x_names == ("(Intercept)", "x", "z")
    assert design.dropped == ("twice", "constant")


def test_rows_with_missing_values_are_dropped_and_counted():
    frame = grid().set_index(pd.Index([f"row {i}" for i in range(24)]))
    frame.loc["row 3", "x"] = np.nan
    frame.loc["row 5", "f"] = None
    frame.loc["row 7", "y"] = np.nan
    frame["g"] = frame["g"].astype(float)
    frame.loc["row 9", "g"] = np.nan
    weights = pd.Series(1.0, frame.index)
    weights["row 11"] = np.nan
    frame.loc["row 20", "z"] = np.nan  # not in the model
    design = build(parse("y ~ x + f + (1 | g)"), frame, weights=weights, na_action="omit")
    gone = [f"row {i}" for i in (3, 5, 7, 9, 11)]
    assert design.n_missing == 5
    assert design.index.equals(frame.index.drop(gone))
    assert build(parse("y ~ x + f + (1 | g)"), frame).n_missing == 4
    with pytest.raises(DataError, match=r"4 rows have missing values: y \(1\), x \(1\), f \(1\)"):
        build(parse("y ~ x + f + (1 | g)"), frame, na_action="fail")


def test_subset_comes_after_transformations_as_in_r():
    frame = grid()
    design = build(parse("y ~ scale(x) + (1 | g)"), frame, subset=frame["z"] > 2)
    scaled = (frame["x"] - frame["x"].mean()) / frame["x"].std()
    np.testing.assert_allclose(design.X[:, 1], scaled[frame["z"] > 2])
    assert design.n_missing == 0
    by_name = build(parse("y ~ x + (1 | g)"), frame, subset="l")
    assert len(by_name.y) == 8


def test_unused_levels_are_dropped():
    frame = grid()
    frame["f"] = frame["f"].cat.set_categories(["zero", "c", "b", "a"])
    design = build(parse("y ~ f + (1 | g)"), frame, subset=frame["f"] != "b")
    assert design.x_names == ("(Intercept)", "fa")


def test_weights_and_offset_align_by_index():
    frame = grid()
    shuffled = frame["z"].sample(frac=1, random_state=1)
    design = build(
        parse("y ~ x + offset(2 * x) + (1 | g)"), frame, weights=shuffled, offset=frame["z"]
    )
    np.testing.assert_array_equal(design.weights, frame["z"])
    np.testing.assert_array_equal(design.offset, 2 * frame["x"] + frame["z"])


def test_contrasts_apply_to_fixed_effects_only():
    frame = grid()
    custom = pd.DataFrame({"low": [1, 0, -1]}, index=list("abc"))
    design = build(
        parse("y ~ f + h + factor(o) + (1 + f | g)"),
        frame.drop(index=[23]),
        contrasts={"f": custom, "h": "contr.sum", "factor(o)": "helmert"},
    )
    assert design.x_names[:3] == ("(Intercept)", "flow", "h1")
    assert design.blocks[0].names == ("(Intercept)", "fb", "fc")


def test_the_design_does_not_share_the_response_with_the_data():
    frame = grid()
    design = build(parse("y ~ x + (1 | g)"), frame, weights="z", offset="x")
    for values, column in ((design.y, "y"), (design.weights, "z"), (design.offset, "x")):
        assert not np.shares_memory(values, frame[column].to_numpy())


def test_odd_column_names_work():
    name, group = "a `b`\n{c} 'd'", "if (é)"
    frame = grid().rename(columns={"x": name, "g": group, "h": "T"})
    frame[7] = frame["z"]
    spec = ModelSpec.of("y", [name, "T", "7"], [name], group)
    design = build(spec, frame, contrasts={"T": "sum"})
    assert design.x_names == ("(Intercept)", "`a \\`b\\`\\n{c} 'd'`", "T1", "`7`")
    assert design.groupings[0].name == group
    nested = build(ModelSpec.of("y", groups="T"), frame)
    assert nested.groupings[0].name == "T"


def test_new_data_with_new_or_missing_levels():
    frame = grid()
    design = build(parse("y ~ x + f + offset(z) + (x | g) + (1 | h:f)"), frame)
    new = pd.DataFrame(
        {"x": [1.0, np.nan, 2.0], "z": 1.0, "f": ["b", "a", None], "g": [4, 99, 0],
         "h": ["q", "p", "p"]}
    )  # fmt: skip
    X, offset, missing = design.recipe.fixed_columns(new)
    np.testing.assert_array_equal(X[0], [1, 1, 1, 0])
    assert missing.tolist() == [False, True, True]
    assert offset.tolist() == [1, 1, 1]
    levels = {g.name: g.levels for g in design.groupings}
    (g, g_names, columns, codes, unknown), (hf, _, _, hf_codes, none) = (
        design.recipe.random_columns(new, levels)
    )
    assert (g, g_names, unknown) == ("g", ("(Intercept)", "x"), ["99"])
    assert codes.tolist() == [4, len(levels["g"]), 0]
    np.testing.assert_array_equal(columns, [[1, 1], [np.nan, np.nan], [1, 2]])
    assert (hf, none) == ("h:f", [])
    assert hf_codes.tolist() == [list(levels["h:f"]).index("q:b"), 0, -1]
    no_labels = new.drop(columns="g")
    ((_, _, same, _, _),) = design.recipe.random_columns(no_labels, {"g": None})
    np.testing.assert_array_equal(same, columns)
    with pytest.raises(DataError, match=r"'f' has levels .* do not have: 'z'; known are 'a', 'b'"):
        design.recipe.fixed_columns(new.assign(f="z"))
    with pytest.raises(DataError, match="'x' was numeric in the fitted data"):
        design.recipe.fixed_columns(new.assign(x="one"))

"""Predictions against R's figures, the mixed model equations written out, and refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.errors import DataError, FormulaError, ModelError
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.lmer import fit_design
from mixedwidgets.lmm.recipe import Recipe
from tests import dense
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models
from tests.test_deviance import CASES, frame

FOLDER = reference_folder()
REFERENCE = pytest.mark.skipif(FOLDER is None, reason=MISSING)


def crossed(seed: int = 3, n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "f": rng.choice(list("abc"), n),
            "g": rng.choice([f"g{j}" for j in range(8)], n),
            "h": rng.choice([f"h{j}" for j in range(5)], n),
            "w": rng.uniform(0.3, 3.0, n),
            "off": rng.normal(size=n),
        }
    )
    effects = {k: rng.normal(size=(len(s), 2)) for k, s in (("g", "01234567"), ("h", "01234"))}
    g, h = data["g"].str[1:].astype(int), data["h"].str[1:].astype(int)
    data["y"] = 3.0 + data["x"] + effects["g"][g, 0] + effects["g"][g, 1] * data["x"]
    data["y"] += effects["h"][h, 0] + 0.8 * effects["h"][h, 1] * data["z"] + data["off"]
    data["y"] += rng.normal(size=n) / np.sqrt(data["w"])
    return data


MODELS: dict[str, tuple[str, pd.DataFrame, dict]] = {
    **{
        name: (CASES[name][0], frame(**CASES[name][1]), CASES[name][2])
        for name in ("intercept", "no fixed effects", "slope", "uncorrelated", "weights",
                     "weights and offset", "blocks of one and two")
    },
    "crossed": ("y ~ x + (1 | g) + (1 | h)", crossed(), {}),
    "crossed slopes": (
        "y ~ x + z + (x | g) + (z | h)", crossed(), {"weights": "w", "offset": "off"}
    ),
    "nested": ("y ~ x + (1 | h/f)", crossed(), {"weights": "w"}),
    "two terms of a factor": ("y ~ x + (1 | g) + (0 + z | g) + (0 + x | h)", crossed(), {}),
}  # fmt: skip


def labels_of(group: str, data: pd.DataFrame) -> pd.Series:
    parts = [data[name].astype(str) for name in group.split(":")]
    return parts[0].str.cat(parts[1:], sep=":") if len(parts) > 1 else parts[0]


def root_of(S: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(S)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def by_mixed_model_equations(
    fit: mw.Fit, data: pd.DataFrame, keep: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors of rows from Henderson's equations with full matrices.

    Levels that the fit does not have are levels without a row. The equations are those of
    spherical random effects u with b = T u, which hold for a singular covariance T T' too.
    """
    design, n = fit.design, len(fit.design.y)
    recipe = design.recipe
    X_new, offset, _ = recipe.fixed_columns(data)
    w = np.ones(n) if design.weights is None else design.weights
    target = design.y if design.offset is None else design.y - design.offset
    relative = dense.relative_covariances(design, fit.theta.to_numpy())
    Z, Z_new = [], []
    columns_new = {
        (group, names): columns
        for group, names, columns, _, _ in recipe.random_columns(
            data, {g.name: None for g in design.groupings}
        )
    }
    for block, S, kept in zip(design.blocks, relative, keep, strict=True):
        grouping = design.groupings[block.grouping]
        new_labels = labels_of(grouping.name, data).tolist()
        levels = list(dict.fromkeys([*map(str, grouping.levels), *new_labels]))
        k, T = len(block.names), root_of(S)
        for rows, codes, out in (
            (block.columns, grouping.codes, Z),
            (
                columns_new[grouping.name, block.names] * kept,
                np.array([levels.index(label) for label in new_labels]),
                Z_new,
            ),
        ):
            wide = np.zeros((len(rows), len(levels) * k))
            for i, (row, j) in enumerate(zip(rows, codes, strict=True)):
                wide[i, j * k : (j + 1) * k] = row @ T
            out.append(wide)
    A, Z_all = np.hstack([X_new, *Z_new]), np.hstack([design.X, *Z])
    p = design.X.shape[1]
    C = Z_all.T @ (w[:, None] * Z_all)
    C[p:, p:] += np.eye(len(C) - p)
    solution = np.linalg.solve(C, Z_all.T @ (w * target))
    variance = fit.sigma**2 * np.einsum("ij,ji->i", A, np.linalg.solve(C, A.T))
    return A @ solution + offset, np.sqrt(variance)


def some_new_rows(data: pd.DataFrame) -> pd.DataFrame:
    new = data.drop(columns="y").sample(12, random_state=5).reset_index(drop=True)
    new.loc[0, "g"] = "a level not seen"
    new.loc[1, "g"] = "another"
    if "h" in new:
        new.loc[[0, 2], "h"] = "h, not seen"
    return new


@pytest.mark.parametrize("name", MODELS)
def test_means_and_standard_errors_by_henderson(name):
    formula, data, options = MODELS[name]
    fit = mw.lmer(formula, data, **options)
    keep = [np.ones(len(b.names), dtype=bool) for b in fit.design.blocks]
    for new in (data.drop(columns="y"), some_new_rows(data)):
        found = fit.predict(new, allow_new_levels=True, se_fit=True)
        mean, se = by_mixed_model_equations(fit, new, keep)
        if fit.design.offset_name is not None:
            mean = mean + new[fit.design.offset_name]
        assert list(found.columns) == ["fit", "se"]
        np.testing.assert_allclose(found["fit"], mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found["se"], se, rtol=1e-8)
    none = fit.predict(new, re_form="none", se_fit=True)
    X, _, _ = fit.design.recipe.fixed_columns(new)
    np.testing.assert_allclose(none["se"] ** 2, np.einsum("ij,jk,ik->i", X, fit.vcov, X))


@pytest.mark.parametrize(
    ("name", "re_form", "kept"),
    [
        ("slope", "~ (1 | g)", [[1, 0]]),
        ("slope", "~ (0 + x | g)", [[0, 1]]),
        ("uncorrelated", "~ (0 + x | g)", [[0], [1]]),
        ("crossed slopes", "~ (x | g)", [[1, 1], [0, 0]]),
        ("crossed slopes", "~ (1 | h)", [[0, 0], [1, 0]]),
        ("nested", "~ (1 | h)", [[0], [1]]),
        ("nested", "~ (1 | f:h)", [[1], [0]]),
    ],
)
def test_some_of_the_random_effects(name, re_form, kept):
    formula, data, options = MODELS[name]
    fit = mw.lmer(formula, data, **options)
    names = [fit.design.groupings[b.grouping].name for b in fit.design.blocks]
    assert name != "nested" or names == ["f:h", "h"]
    new = some_new_rows(data)
    found = fit.predict(new, re_form=re_form, allow_new_levels=True, se_fit=True)
    mean, se = by_mixed_model_equations(fit, new, [np.array(k, dtype=bool) for k in kept])
    if fit.design.offset_name is not None:
        mean = mean + new[fit.design.offset_name]
    np.testing.assert_allclose(found["fit"], mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["se"], se, rtol=1e-8)


def test_the_rows_of_the_fit():
    for formula, data, options in MODELS.values():
        fit = mw.lmer(formula, data, **options)
        np.testing.assert_allclose(fit.predict(), fit.fitted(), rtol=1e-12)
        again = fit.predict(data)
        np.testing.assert_allclose(again, fit.fitted(), rtol=1e-12)
        assert again.index.equals(data.index)
        assert again.name == "fit"
        pd.testing.assert_frame_equal(
            fit.predict(se_fit=True), fit.predict(data, se_fit=True), rtol=1e-10
        )


def test_a_boundary_fit():
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    found = fit.predict({"Batch": ["A", "new"]}, allow_new_levels=True, interval="prediction")
    assert (found["fit"] == fit.fixef.iloc[0]).all()
    np.testing.assert_allclose(found["se"], fit.se.iloc[0])
    half = norm.ppf(0.975) * np.hypot(fit.se.iloc[0], fit.sigma)
    np.testing.assert_allclose(found["upper"] - found["fit"], half)


# lme4 1.1-31 with bobyqa at rhoend 1e-12, refitted three times from its own optimum; standard
# errors from the inverse of the mixed model equations, computed in R from getME's X, Z and Lambda.
def test_lme4_factor_slopes():
    fit = mw.lmer("score ~ Machine + (0 + Machine | Worker)", mw.load("machines"))
    new = pd.DataFrame({"Machine": ["A", "B", "C"], "Worker": ["1", "6", "2"]})
    found = fit.predict(new, se_fit=True)
    np.testing.assert_allclose(found["fit"], [52.667544529, 43.738416610, 61.989939937], 1e-6)
    np.testing.assert_allclose(found["se"], [0.54367343515, 0.55128744904, 0.54637322098], 1e-5)
    none = fit.predict(new.drop(columns="Worker"), re_form="none")
    np.testing.assert_allclose(none, [52.355555556, 60.322222222, 66.272222222], 1e-9)


def test_lme4_crossed():
    fit = mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"))
    new = pd.DataFrame({"plate": ["a", "b", "x"], "sample": ["A", "B", "F"]})
    found = fit.predict(new, se_fit=True)
    np.testing.assert_allclose(found["fit"], [25.963827248, 22.766293129, 18.748680899], 1e-6)
    np.testing.assert_allclose(found["se"], 0.24019764335, 1e-6)
    sample = fit.predict(new.drop(columns="plate"), re_form="~ (1 | sample)")
    np.testing.assert_allclose(sample, [25.159280191, 21.961746072, 19.968478050], 1e-6)


def test_lme4_nested():
    fit = mw.lmer("yield ~ nitro + (1 | Block/Variety)", mw.load("oats"))
    new = pd.DataFrame(
        {
            "nitro": [0.0, 0.1, 0.3],
            "Block": ["I", "VI", "III"],
            "Variety": ["Victory", "Marvellous", "Victory"],
        }
    )
    np.testing.assert_allclose(
        fit.predict(new), [117.311897273, 91.421697801, 86.337488194], rtol=1e-6
    )
    np.testing.assert_allclose(
        fit.predict(new, re_form="~ (1 | Block)"),
        [106.813335496, 83.097498729, 97.565736085],
        rtol=1e-6,
    )


def test_lme4_remembered_bases():
    fit = mw.lmer("Reaction ~ poly(Days, 2) + (Days | Subject)", mw.load("sleepstudy"))
    new = {"Days": [0.5, 12.0], "Subject": ["308", "372"]}
    np.testing.assert_allclose(fit.predict(new), [266.07054280, 420.90292076], rtol=1e-6)


@REFERENCE
def test_reference_predictions():
    figures = json.loads((FOLDER / "inference.json").read_text())["predict"]["sleep_slope_reml"]
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", reference_data("sleepstudy"))
    new = figures["newdata"]
    np.testing.assert_allclose(
        fit.predict(new, allow_new_levels=True), figures["full_allow_new_levels"], rtol=1e-7
    )
    np.testing.assert_allclose(fit.predict(new, re_form="none"), figures["fixed_only"], rtol=1e-10)
    np.testing.assert_allclose(
        fit.predict(new, re_form="~ (1 | Subject)", allow_new_levels=True),
        figures["intercept_only_re"],
        rtol=1e-7,
    )


@REFERENCE
@pytest.mark.parametrize("model", [m for m in reference_models() if m["dataset"] != "InstEval"],
                         ids=lambda m: m["id"])  # fmt: skip
def test_reference_models_predict_their_own_rows(model):
    data = reference_data(model["dataset"])
    fit = mw.lmer(model["formula"], data, weights=model["weights"], contrasts=model["contrasts"])
    response = data.columns.intersection([fit.formula.split(" ~ ")[0]])
    found = fit.predict(data.drop(columns=response))
    assert found.index.equals(data.index)
    fitted = fit.fitted()
    np.testing.assert_allclose(
        found.loc[fitted.index], fitted, atol=1e-9 * np.abs(fitted).max(), rtol=0
    )
    se = fit.predict(se_fit=True)["se"]
    assert ((se > 0.0) & (se < 2.0 * np.std(fit.design.y) + fit.sigma)).all()


def test_intervals():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    new = some_new_rows(frame())
    kwargs = {"allow_new_levels": True}
    mean = fit.predict(new, interval="confidence", level=0.9, **kwargs)
    assert list(mean.columns) == ["fit", "se", "lower", "upper"]
    np.testing.assert_allclose(mean["upper"] - mean["fit"], norm.ppf(0.95) * mean["se"])
    np.testing.assert_allclose(mean["fit"] - mean["lower"], norm.ppf(0.95) * mean["se"])
    response = fit.predict(new, interval="prediction", **kwargs)
    np.testing.assert_allclose(
        response["upper"] - response["fit"], norm.ppf(0.975) * np.hypot(mean["se"], fit.sigma)
    )
    # a new group has the same interval as the population: its effects are drawn anew in both
    population = fit.predict(new.drop(columns="g"), re_form="none", interval="prediction")
    pd.testing.assert_frame_equal(
        population.loc[[0, 1], ["lower", "upper"]], response.loc[[0, 1], ["lower", "upper"]]
    )


def test_weights_of_new_rows():
    fit = mw.lmer("y ~ x + (1 | g)", frame(), weights="w")
    new = pd.DataFrame({"x": 1.0, "g": "g3", "w": [1.0, 4.0, np.nan]})

    def spread(rows):
        found = fit.predict(rows, interval="prediction")
        return ((found["upper"] - found["fit"]) / norm.ppf(0.975)) ** 2 - found["se"] ** 2

    np.testing.assert_allclose(spread(new), fit.sigma**2 / new["w"])
    assert np.isfinite(fit.predict(new)).all()
    np.testing.assert_allclose(spread(new.drop(columns="w")), fit.sigma**2)
    with pytest.raises(DataError, match=r"weights cannot be negative \(row 1, 1 in all\)"):
        spread(new.assign(w=[1.0, -1.0, np.nan]))


def test_missing_values_give_missing_predictions():
    fit = mw.lmer("y ~ x + (x | g) + (1 | h)", crossed())
    new = pd.DataFrame(
        {
            "x": [0.0, np.nan, 1.0, 1.0],
            "g": ["g1", "g1", None, "g2"],
            "h": ["h1", "h1", "h1", None],
        },
        index=list("pqrs"),
    )
    assert fit.predict(new).isna().tolist() == [False, True, True, True]
    assert fit.predict(new, re_form="~ (x | g)").isna().tolist() == [False, True, True, False]
    assert fit.predict(new, re_form="none").isna().tolist() == [False, True, False, False]
    table = fit.predict(new, interval="prediction")
    assert table.index.tolist() == list("pqrs")
    assert table.isna().all(axis=1).tolist() == table.isna().any(axis=1).tolist()
    assert table.isna().any(axis=1).tolist() == [False, True, True, True]


def test_rows_left_out_by_the_fit():
    data = crossed()
    data.loc[4, "x"] = np.nan
    data.loc[7, "y"] = np.nan
    omit = mw.lmer("y ~ x + (1 | g)", data)
    assert len(omit.predict()) == len(data) - 2
    assert omit.predict(data).isna().sum() == 1
    exclude = mw.lmer("y ~ x + (1 | g)", data, na_action="exclude")
    found = exclude.predict(interval="confidence")
    assert found.index.equals(data.index)
    assert found.index[found.isna().any(axis=1)].tolist() == [4, 7]
    np.testing.assert_allclose(exclude.predict().dropna(), omit.predict())


def test_one_row_and_none():
    fit = mw.lmer("y ~ scale(x) + f + bs(z, df = 4) + (scale(x) | g)", crossed(n=200), offset="off")
    data = crossed(n=200)
    one = fit.predict(data.iloc[[17]])
    np.testing.assert_allclose(one, fit.fitted().iloc[[17]])
    row = data.iloc[17].drop("y").to_dict()
    np.testing.assert_allclose(fit.predict(row), one)
    assert fit.predict({**row, "x": [1.0, 2.0]}).index.tolist() == [0, 1]
    assert fit.predict(data.iloc[:0]).empty
    nothing = fit.predict(data.iloc[:0], interval="prediction")
    assert list(nothing.columns) == ["fit", "se", "lower", "upper"]
    assert len(nothing) == 0
    assert fit.predict({"x": [], "f": [], "z": [], "g": [], "off": []}).empty


def test_offsets():
    data = crossed()
    inside = mw.lmer("y ~ x + offset(2 * off) + (1 | g)", data)
    new = data.iloc[:5].drop(columns="y")
    np.testing.assert_allclose(inside.predict(new), inside.fitted()[:5])
    shifted = inside.predict(new.assign(off=new["off"] + 1.0))
    np.testing.assert_allclose(shifted, inside.fitted()[:5] + 2.0)
    by_name = mw.lmer("y ~ x + (1 | g)", data, offset="off")
    np.testing.assert_allclose(by_name.predict(new), by_name.fitted()[:5])
    with pytest.raises(DataError, match=r"fitted with offset='off'.* no column 'off'; add it"):
        by_name.predict(new.drop(columns="off"))
    by_row = mw.lmer("y ~ x + (1 | g)", data, offset=data["off"])
    np.testing.assert_allclose(by_row.predict(), by_name.predict())
    with pytest.raises(DataError, match=r"an offset of one value a row.*name of a column"):
        by_row.predict(new)


def test_the_scale_is_that_of_the_transformed_response():
    data = mw.load("sleepstudy")
    fit = mw.lmer("log(Reaction) ~ log(Days + 1) + (1 | Subject)", data)
    new = data.iloc[:3].drop(columns="Reaction")
    np.testing.assert_allclose(fit.predict(new), fit.fitted()[:3])
    assert (fit.predict(new) < 10.0).all()


def test_levels_not_seen():
    fit = mw.lmer("y ~ f + (x | g) + (1 | h)", crossed())
    new = pd.DataFrame({"f": "a", "x": 1.0, "g": ["g1", "p", "q"], "h": "h1"})
    with pytest.raises(DataError) as refused:
        fit.predict(new)
    assert str(refused.value) == (
        "The new data have levels of 'g' that the fit does not have: 'p', 'q'; "
        "allow_new_levels=True takes them as levels not seen, and re_form='none' leaves random "
        "effects out."
    )
    assert np.isfinite(fit.predict(new, re_form="~ (1 | h)")).all()
    allowed = fit.predict(new, allow_new_levels=True)
    np.testing.assert_allclose(
        allowed[1:], fit.fixef["(Intercept)"] + fit.ranef()["h"].loc["h1", "(Intercept)"]
    )
    with pytest.raises(
        DataError, match="'f' has levels that the fitted data do not have: 'unheard of'"
    ):
        fit.predict(new.assign(f="unheard of"), re_form="none")
    many = pd.DataFrame({"f": "a", "x": 1.0, "g": [f"n{i}" for i in range(30)], "h": "h1"})
    with pytest.raises(DataError, match="'n12' and 25 more; allow"):
        fit.predict(many)


def test_a_level_of_a_random_slope_that_the_fit_does_not_have():
    fit = mw.lmer("y ~ 1 + (0 + f | g)", frame(groups=14))
    new = pd.DataFrame({"f": ["a", "d"], "g": "g5"})
    with pytest.raises(DataError, match="'f' has levels that the fitted data do not have: 'd'"):
        fit.predict(new)
    assert np.isfinite(fit.predict(new, re_form="none")).all()


def test_refusals():
    fit = mw.lmer("y ~ x + (x | g)", frame())
    data = frame()
    with pytest.raises(DataError, match="no column 'x'"):
        fit.predict(data[["g"]])
    with pytest.raises(DataError, match="no column 'g'"):
        fit.predict(data[["x"]])
    with pytest.raises(DataError, match="data must be a pandas DataFrame or a mapping"):
        fit.predict([1, 2, 3])
    with pytest.raises(ModelError, match=r"interval is 'predict' .did you mean 'prediction'"):
        fit.predict(interval="predict")
    with pytest.raises(ModelError, match="level is 95; give a number between 0 and 1"):
        fit.predict(interval="confidence", level=95)
    with pytest.raises(FormulaError, match="re_form must be"):
        fit.predict(re_form="some")
    with pytest.raises(FormulaError, match="grouping factor 'h'"):
        fit.predict(re_form="~ (1 | h)")
    bare = fit_design(replace(build(parse("y ~ x + (x | g)"), data), recipe=Recipe()), True)
    with pytest.raises(DataError, match="made from matrices"):
        bare.predict(data)
    np.testing.assert_allclose(bare.predict(), fit.predict())

"""drop1 against R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.lmer import fit_design
from tests.test_anova import unbalanced_oats

# lme4 1.1-31: npar, AIC and Pr(Chi) of each row, the model's first.
R_TABLES = [
    ("yield ~ nitro + Variety + (1 | Block)", False, None, ["nitro", "Variety"], [1, 2],
     [500.2980042, 546.7644647, 504.1209486], [3.359862741e-12, 2.001101856e-02]),
    ("yield ~ nitro * Variety + (1 | Block)", False, None, ["nitro:Variety"], [2],
     [503.1306528061, 500.2980041885], [0.5578441308]),
    ("yield ~ 0 + Variety + N + (1 | Block)", False, None, ["Variety", "N"], [2, 3],
     [502.8821043, 507.0148874, 546.7644647], [1.713912261e-02, 8.463599874e-11]),
    ("yield ~ Variety * N + (1 | Block)", True, None, ["Variety:N"], [5],
     [465.1651290589, 458.7687155788], [0.6077748726]),
    ("yield ~ nitro + offset(10 * nitro) + Variety + (1 | Block)", False, "w",
     ["nitro", "Variety"], [1, 2],
     [499.1834917, 538.0045665, 502.1868516], [1.668242709e-10, 3.014669458e-02]),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "empty", "weights", "terms", "npar", "aic", "p"), R_TABLES)
@pytest.mark.parametrize("reml", [True, False])
def test_r_tables(
    formula: str,
    empty: bool,
    weights: str | None,
    terms: list[str],
    npar: list[int],
    aic: list[float],
    p: list[float],
    reml: bool,
) -> None:
    fit = mw.lmer(formula, unbalanced_oats(empty), weights=weights, REML=reml)
    table = mw.drop1(fit)
    assert list(table.index) == ["<none>", *terms]
    assert list(table["npar"][1:]) == npar
    np.testing.assert_allclose(table["AIC"], aic, rtol=2e-9)
    np.testing.assert_allclose(table["Pr(Chi)"][1:], p, rtol=1e-6)
    assert np.isnan(table["LRT"].iloc[0])
    assert any("refitted by maximum likelihood" in note for note in table.notes) == reml


def test_f_tests_against_r() -> None:
    """lmerTest 3.1-3 and pbkrtest 0.5.2."""
    fit = mw.lmer("yield ~ N + Variety + (1 | Block / Variety)", unbalanced_oats())
    table = mw.drop1(fit, "F")
    np.testing.assert_allclose(table["DenDF"], [39.22820486, 10.19528454], rtol=1e-6)
    np.testing.assert_allclose(table["F value"], [32.22765186, 2.20584819], rtol=1e-6)
    table = mw.drop1(fit, test="F", method="Kenward-Roger")
    np.testing.assert_allclose(table["DenDF"], [39.20148944, 9.83332209], rtol=1e-6)
    np.testing.assert_allclose(table["F value"], [31.79775147, 2.20407290], rtol=1e-6)


def test_prints_as_r() -> None:
    """lme4 1.1-31 for a fit by maximum likelihood."""
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)
    assert repr(mw.drop1(fit)).splitlines() == [
        "Single term deletions",
        "",
        "Model:",
        "Reaction ~ Days + (Days | Subject)",
        "       npar    AIC    LRT   Pr(Chi)    ",
        "<none>      1763.9                     ",
        "Days      1 1785.5 23.537 1.226e-06 ***",
        "---",
        "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1",
    ]
    assert list(mw.drop1(fit, test=None).columns) == ["npar", "AIC"]
    assert "Days" in mw.drop1(fit)._repr_html_()


@pytest.mark.parametrize(
    "formula",
    [
        "yield ~ N * Variety + (1 | Block)",
        "yield ~ poly(nitro, 2) + Variety + (nitro || Block)",
        "yield ~ 0 + N:Variety + (1 | Block)",
        "yield ~ I(nitro * 10) + Variety + (1 | Block) + (1 | Block:Variety)",
        "yield ~ 0 + nitro + (1 | Block)",
        "log(yield) ~ N + offset(nitro) + (1 | Block)",
    ],
)
def test_a_fit_without_the_term_agrees(formula: str) -> None:
    fit = mw.lmer(formula, unbalanced_oats(), REML=False)
    table = mw.drop1(fit)
    for term in table.index[1:]:
        smaller = fit.update(f". ~ . - {term}")
        assert table.loc[term, "AIC"] == pytest.approx(smaller.aic, abs=1e-6)
        assert table.loc[term, "npar"] == fit.npar - smaller.npar


def test_scope() -> None:
    fit = mw.lmer("yield ~ nitro + Variety + (1 | Block)", unbalanced_oats())
    assert list(mw.drop1(fit, scope="Variety").index) == ["<none>", "Variety"]
    assert list(mw.drop1(fit, "F", ["Variety", "nitro"]).index) == ["Variety", "nitro"]
    with pytest.raises(mw.ModelError, match=r"no term 'Nitro' \(did you mean 'nitro'\?\)"):
        mw.drop1(fit, scope="Nitro")
    crossed = mw.lmer("yield ~ nitro * Variety + (1 | Block)", unbalanced_oats())
    with pytest.raises(mw.ModelError, match="nitro is part of nitro:Variety"):
        mw.drop1(crossed, scope="nitro")


def test_without_terms() -> None:
    fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff"))
    assert list(mw.drop1(fit).index) == ["<none>"]
    assert len(mw.drop1(fit, "F")) == 0
    with pytest.raises(mw.ModelError, match="those that can be dropped are none"):
        mw.drop1(fit, scope="x")


def redundant() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.normal(size=80), "g": np.repeat(np.arange(10), 8)})
    data["z"] = rng.normal(size=80)
    data["twice"] = 2.0 * data["x"]
    data["y"] = data["x"] + rng.normal(size=10)[data["g"]] + rng.normal(size=80)
    return data


def test_a_redundant_column_takes_the_place() -> None:
    control = {"check_rank_x": "ignore"}
    fit = mw.lmer("y ~ x + z + twice + (1 | g)", redundant(), control=control)
    table = mw.drop1(fit)
    assert list(table["npar"][1:]) == [0, 1, 0]
    np.testing.assert_allclose(table["LRT"].iloc[[1, 3]], 0.0, atol=1e-7)
    assert np.isnan(table["Pr(Chi)"].iloc[1])
    assert list(mw.drop1(fit, "F").index) == ["z"]


def test_rows_stay_where_only_the_term_is_missing() -> None:
    data = redundant()
    data.loc[5, "z"] = np.nan
    fit = mw.lmer("y ~ x + z + (1 | g)", data, REML=False)
    smaller = mw.lmer("y ~ x + (1 | g)", data.dropna(), REML=False)
    assert mw.drop1(fit).loc["z", "AIC"] == pytest.approx(smaller.aic, abs=1e-8)
    with_redundancy = mw.lmer(
        "y ~ x + z + twice + (1 | g)", data, control={"check_rank_x": "ignore"}
    )
    with pytest.raises(mw.ModelError, match="Without z the model uses 80 rows instead of 79"):
        mw.drop1(with_redundancy)


def test_a_fit_from_a_design_will_do() -> None:
    fit = mw.lmer("yield ~ nitro + Variety + (1 | Block)", unbalanced_oats())
    np.testing.assert_allclose(mw.drop1(fit_design(fit.design, True)), mw.drop1(fit))


def test_refused() -> None:
    fit = mw.lmer("yield ~ nitro + (1 | Block)", unbalanced_oats())
    with pytest.raises(mw.ModelError, match="choose 'Chisq', 'F' or None"):
        mw.drop1(fit, test="chi")
    with pytest.raises(mw.ModelError, match="choose 'satterthwaite' or 'kenward-roger'"):
        mw.drop1(fit, test="F", method="kr")
    with pytest.raises(mw.ModelError, match="drop1 needs a fit made by lmer, not '"):
        mw.drop1("fit")  # type: ignore[arg-type]

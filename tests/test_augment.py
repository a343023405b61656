"""The data beside what the model makes of each row; tables of random effects in a notebook."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import DataError
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.lmer import fit_design

SLOPE = "Reaction ~ Days + (Days | Subject)"
ANSWERS = [".fitted", ".resid", ".scresid", ".fixed", ".hat", ".cooksd"]


def test_columns_and_values():
    data = mw.load("sleepstudy").assign(unused=1.0)
    fit = mw.lmer(SLOPE, data)
    table = fit.augment()
    assert list(table.columns) == ["Reaction", "Days", "Subject", *ANSWERS]
    pd.testing.assert_frame_equal(
        table[["Reaction", "Days", "Subject"]], data[["Reaction", "Days", "Subject"]]
    )
    np.testing.assert_array_equal(table[".fitted"], fit.fitted())
    np.testing.assert_array_equal(table[".resid"], fit.resid())
    np.testing.assert_array_equal(table[".scresid"], fit.resid("scaled"))
    np.testing.assert_array_equal(table[".hat"], fit.hatvalues())
    np.testing.assert_array_equal(table[".cooksd"], fit.cooks_distance())
    np.testing.assert_allclose(
        table[".fixed"], fit.fixef["(Intercept)"] + fit.fixef["Days"] * data["Days"], rtol=1e-13
    )


def test_variables_as_given():
    """Raw columns behind transformations, interactions and nested groups, each once."""
    data = mw.load("pastes")
    data["dose"] = np.arange(len(data)) % 7 + 1.0
    fit = mw.lmer("log(strength) ~ log(dose) + I(dose^2) + (1 | batch/cask)", data)
    table = fit.augment()
    assert list(table.columns) == ["strength", "dose", "batch", "cask", *ANSWERS]
    np.testing.assert_allclose(
        table[".fitted"] + table[".resid"], np.log(data["strength"]), rtol=1e-13
    )


def test_every_column_but():
    data = mw.load("sleepstudy")
    assert list(mw.lmer("Reaction ~ . + (1 | Subject)", data).augment().columns)[:3] == [
        *("Reaction", "Days", "Subject")
    ]


def test_weights_and_offset():
    data = mw.load("sleepstudy").assign(w=lambda d: 1.0 + d["Days"])
    fit = mw.lmer("Reaction ~ Days + offset(2 * Days) + (1 | Subject)", data, weights="w")
    table = fit.augment()
    assert list(table.columns) == ["Reaction", "Days", "Subject", ".offset", ".weights", *ANSWERS]
    np.testing.assert_array_equal(table[".weights"], data["w"])
    np.testing.assert_array_equal(table[".offset"], 2.0 * data["Days"])
    np.testing.assert_allclose(
        table[".fixed"],
        fit.fixef["(Intercept)"] + (fit.fixef["Days"] + 2.0) * data["Days"],
        rtol=1e-13,
    )
    np.testing.assert_allclose(
        table[".scresid"], table[".resid"] * np.sqrt(data["w"]) / fit.sigma, rtol=1e-13
    )


def test_rows_used():
    data = mw.load("sleepstudy")
    data.loc[[4, 99], "Reaction"] = np.nan
    data.index = np.arange(len(data)) // 2
    fit = mw.lmer(SLOPE, data, subset=data["Days"] > 0)
    table = fit.augment()
    expected = data[(data["Days"] > 0) & data["Reaction"].notna()]
    pd.testing.assert_frame_equal(table[list(expected.columns)], expected, check_like=True)


@pytest.mark.parametrize("with_subset", [False, True])
def test_excluded_rows(with_subset):
    data = mw.load("sleepstudy")
    data.loc[[4, 99], "Reaction"] = np.nan
    subset = data["Days"] > 0 if with_subset else None
    table = mw.lmer(SLOPE, data, na_action="exclude", subset=subset).augment()
    expected = data[data["Days"] > 0] if with_subset else data
    pd.testing.assert_frame_equal(table[list(expected.columns)], expected, check_like=True)
    assert table.index[table[".fitted"].isna()].tolist() == [4, 99]
    assert table.index[table[".hat"].isna()].tolist() == [4, 99]


def test_a_mapping_of_arrays():
    data = mw.load("sleepstudy")
    arrays = {
        "Reaction": data["Reaction"].to_numpy(),
        "Days": data["Days"].tolist(),
        "Subject": data["Subject"].to_numpy(),
    }
    table = mw.lmer(SLOPE, arrays).augment()
    assert list(table.columns) == ["Reaction", "Days", "Subject", *ANSWERS]
    np.testing.assert_array_equal(table["Days"], data["Days"])


def test_a_fit_made_from_a_design():
    fit = mw.lmer(SLOPE, mw.load("sleepstudy"))
    table = fit_design(fit.design, True).augment()
    assert list(table.columns) == ["Reaction", "Subject", *ANSWERS]
    np.testing.assert_array_equal(table["Reaction"], fit.design.y)


def test_without_fixed_effects():
    table = mw.lmer("Reaction ~ 0 + (1 | Subject)", mw.load("sleepstudy")).augment()
    assert table[".cooksd"].isna().all()
    assert (table[".fixed"] == 0.0).all()


def test_data_that_have_changed():
    data = mw.load("sleepstudy")
    fit = mw.lmer(SLOPE, data)
    then = fit.augment()
    data.loc[len(data)] = data.iloc[0]
    data["Days"] = 0.0
    pd.testing.assert_frame_equal(fit.augment(), then)
    with pytest.raises(DataError, match="another number of rows"):
        fit_design(fit.design, True, call=Call(data)).augment()


# Random effects ----------------------------------------------------------------------------------


def test_columns_of_several_terms():
    """lme4: the effects of all terms of a factor side by side, variances between terms too."""
    fit = mw.lmer("Reaction ~ Days + (Days || Subject)", mw.load("sleepstudy"))
    modes = fit.ranef()
    assert list(modes["Subject"].columns) == ["(Intercept)", "Days"]
    np.testing.assert_allclose(modes["Subject"].iloc[0], [1.51266476868, 9.32], rtol=3e-3)
    np.testing.assert_allclose(
        modes.cond_sd["Subject"]["(Intercept)"], np.full(18, 12.2389410635), rtol=1e-4
    )
    assert abs(modes.cond_var["Subject"][0, 0, 1]) > 1.0


def test_coefficients_with_several_factors():
    """lme4: random effects without a fixed effect first, zero for the factors that lack them."""
    data = mw.load("sleepstudy").assign(h=np.tile(np.arange(1, 7), 30))
    fit = mw.lmer("Reaction ~ 1 + (1 | h) + (0 + Days | Subject)", data)
    coef = fit.coef()
    assert list(coef) == ["Subject", "h"]
    for table in coef.values():
        assert list(table.columns) == ["Days", "(Intercept)"]
    assert (coef["h"]["Days"] == 0.0).all()
    np.testing.assert_allclose(coef["Subject"]["(Intercept)"], fit.fixef.item())
    np.testing.assert_array_equal(coef["Subject"]["Days"], fit.ranef()["Subject"]["Days"])


def test_text_of_random_effects():
    fit = mw.lmer("strength ~ 1 + (1 | batch/cask)", mw.load("pastes"))
    modes = fit.ranef()
    text, html = repr(modes), modes._repr_html_()
    for group, table in modes.items():
        assert f"Random effects of {group}, {len(table)} levels" in text
        assert f"Random effects of {group}, {len(table)} levels" in html
    assert "(Intercept)" in text
    assert html.count("<table") == 2
    long = modes.to_frame()
    assert len(long) == 40
    assert long["condsd"].notna().all()

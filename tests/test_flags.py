"""Arguments that are True or False take nothing else, and boolean labels are found as such."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw


@pytest.fixture(scope="module")
def fit() -> mw.Fit:
    return mw.lmer("Reaction ~ Days + (1 | Subject)", mw.load("sleepstudy"))


FLAGS = {
    "se_fit": lambda fit, flag: fit.predict(se_fit=flag),
    "allow_new_levels": lambda fit, flag: fit.predict(allow_new_levels=flag),
    "scaled": lambda fit, flag: fit.resid(scaled=flag),
    "by_group": lambda fit, flag: fit.icc(by_group=flag),
    "cond_var": lambda fit, flag: fit.ranef(flag),
    "refit": lambda fit, flag: mw.anova(fit, fit.update(". ~ . - Days"), refit=flag),
    "approximate": lambda fit, flag: fit.influence(approximate=flag),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_true_or_false(fit, name):
    for wrong in ("yes", "no", 1, None):
        with pytest.raises(mw.ModelError, match=f"^{name} is .*; give True or False.$"):
            FLAGS[name](fit, wrong)
    FLAGS[name](fit, np.True_)


def test_levels_true_and_false_are_looked_up_as_booleans():
    data = mw.load("sleepstudy")
    data["even"] = data["Days"] % 2 == 0
    fit = mw.lmer("Reaction ~ (1 | Subject) + (1 | even)", data)
    table = fit.ranef()["even"]
    assert table.loc[True].equals(table.iloc[1])
    assert fit.coef()["even"].loc[False, "(Intercept)"] == fit.coef()["even"].iloc[0, 0]
    known = data.iloc[[0, 1]]
    assert fit.predict(known).tolist() == pytest.approx(fit.predict().iloc[:2].tolist())
    as_text = known.assign(even=["TRUE", "FALSE"])
    assert fit.predict(as_text).tolist() == pytest.approx(fit.predict(known).tolist())


def test_a_level_of_true_and_false_in_an_interaction():
    data = mw.load("sleepstudy")
    data["even"] = pd.array(data["Days"] % 2 == 0, dtype="boolean")
    levels = mw.lmer("Reaction ~ (1 | Subject:even)", data).ranef()["Subject:even"].index
    assert levels[0].endswith(":FALSE")

"""What cannot be done is said in one sentence that names what was given and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

SLOPES = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    table = mw.load("sleepstudy")
    table["text"] = [f"{v:.3f}" for v in table["Reaction"]]
    table["tiny"], table["large"] = 1e-200 * table["Reaction"], 1e160 * table["Days"]
    return table


@pytest.fixture(scope="module")
def fit(data: pd.DataFrame) -> mw.Fit:
    return mw.lmer(SLOPES, data)


Ask = Callable[[mw.Fit, pd.DataFrame], Any]
SENTENCES: list[tuple[str, Ask]] = [
    (
        "'text' holds 180 categories.*numbers written as text, which pd.to_numeric",
        lambda f, d: mw.lmer("Reaction ~ text + (1 | Subject)", d),
    ),
    (
        "text or categories, such as '194.332'.*pd.to_numeric",
        lambda f, d: mw.lmer("text ~ Days + (1 | Subject)", d),
    ),
    (
        "contrasts is 'sum'.*such as {'Subject': 'sum'}",
        lambda f, d: mw.lmer("Reaction ~ Subject + (1 | Days)", d, contrasts="sum"),
    ),
    ("one value a row, not 5", lambda f, d: f.refit(5)),
    ("one value a row, not None", lambda f, d: f.refit(None)),
    ("infinite in 180 .*; give finite numbers", lambda f, d: f.refit(np.full(180, np.inf))),
    ("newdata is 5; give a DataFrame", lambda f, d: f.predict(5)),
    ("'Days' is infinite in 180 rows", lambda f, d: f.predict(d.assign(Days=np.inf))),
    ("so many simulations of 180 rows", lambda f, d: f.simulate(nsim=10**12)),
    (
        "column 'x' is the single value 3.0; give one value for each row",
        lambda f, d: mw.lmer("Reaction ~ x + (1 | Subject)", {**d, "x": 3.0}),
    ),
    (
        "(?i)^weights holds complex numbers",
        lambda f, d: mw.lmer(SLOPES, d, weights=np.ones(180) * 1j),
    ),
    (
        "'.sig02', which in lme4 is 'cor_Days.\\(Intercept\\)\\|Subject' here",
        lambda f, d: f.confint(".sig02"),
    ),
    ("beyond 1e-150.*too small", lambda f, d: mw.lmer("tiny ~ Days + (1 | Subject)", d)),
    ("beyond 1e\\+150.*too large", lambda f, d: mw.lmer(SLOPES, d, offset=d["large"])),
]


@pytest.mark.parametrize(("essence", "ask"), SENTENCES, ids=[s[0] for s in SENTENCES])
def test_one_sentence(fit: mw.Fit, data: pd.DataFrame, essence: str, ask: Ask) -> None:
    with pytest.raises(mw.MixedWidgetsError, match=essence) as caught:
        ask(fit, data)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers(fit: mw.Fit) -> None:
    table = fit.predict(interval="confidence", level=np.float32(0.9))
    assert table.shape == (180, 4)
    assert fit.is_singular(np.int64(1))


def test_types_of_tests_in_either_case(fit: mw.Fit) -> None:
    assert fit.anova(type="iii").equals(fit.anova(type=3))

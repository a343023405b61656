"""Whole fits with several grouping factors against lme4 1.1-31 at its most careful.

The figures come from tests/crossed_optima/make.R. Ours may be lower, never higher.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw

HERE = Path(__file__).parent
OPTIMA = json.loads((HERE / "crossed_optima" / "optima.json").read_text())


@cache
def data(name: str) -> pd.DataFrame:
    if name == "made":
        return pd.read_csv(HERE / "golden_fits" / "made.csv", comment="#")
    return mw.load(name)


@pytest.mark.parametrize(
    "lme4", OPTIMA, ids=[f"{m['formula']}, {'REML' if m['reml'] else 'ML'}" for m in OPTIMA]
)
def test_never_above_lme4(lme4):
    fit = mw.lmer(
        lme4["formula"], data(lme4["data"]), REML=lme4["reml"], weights=lme4["weights"] or None
    )
    assert fit.converged
    assert fit.criterion <= lme4["criterion"] + 1e-12 * abs(lme4["criterion"])
    assert fit.criterion <= lme4["default"] + 1e-12 * abs(lme4["default"])
    # at one and the same optimum the estimates agree as far as lme4 resolves it
    assert fit.criterion == pytest.approx(lme4["criterion"], rel=1e-10)
    se = np.atleast_1d(lme4["se"])
    assert list(fit.fixef.index) == list(lme4["fixef"])
    np.testing.assert_array_less(
        np.abs(fit.fixef.to_numpy() - list(lme4["fixef"].values())), 1e-6 * se
    )
    np.testing.assert_allclose(fit.se, se, rtol=1e-6)
    assert fit.sigma == pytest.approx(lme4["sigma"], rel=1e-6)
    theta = np.atleast_1d(lme4["theta"])
    scale = max(1.0, np.abs(theta).max())
    np.testing.assert_allclose(fit.theta, theta, rtol=1e-5, atol=1e-5 * scale)

"""The printed texts, against what R's lme4 1.1-31 printed for the same numbers."""

from __future__ import annotations

import dataclasses
import difflib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.parameters import unique_names
from mixedwidgets.lmm.report import (
    ReportData,
    VarianceBlock,
    print_text,
    residual_quantiles,
    summary_text,
    title,
)

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.name.removesuffix(".print.txt") for path in GOLDEN.glob("*.print.txt"))
ARRAYS = ("fixef", "fixef_se", "fixef_corr", "scaled_residuals", "scaled_residual_quantiles")
TUPLES = ("fixef_names", "dropped", "fit_warnings", "messages")


def _array(values: Any) -> np.ndarray | None:
    return None if values is None else np.array(values, dtype=float)


def load(name: str) -> ReportData:
    raw: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    for key in ARRAYS:
        raw[key] = _array(raw[key])
    for key in TUPLES:
        raw[key] = tuple(raw[key])
    for key in ("criterion", "loglik", "aic", "bic", "deviance", "sigma"):
        raw[key] = float(raw[key])
    raw["ngroups"] = tuple((group, n) for group, n in raw["ngroups"])
    raw["varcorr"] = tuple(
        VarianceBlock(b["group"], tuple(b["names"]), _array(b["sd"]), _array(b["corr"]))
        for b in raw["varcorr"]
    )
    return ReportData(**raw)


def golden(name: str, kind: str) -> str:
    return (GOLDEN / f"{name}.{kind}.txt").read_bytes().decode("utf-8")


def difference(ours: str, theirs: str) -> str:
    pair = [t.replace("\n", "|\n").splitlines() for t in (theirs, ours)]
    return "\n".join(difflib.unified_diff(*pair, "lme4", "ours", lineterm=""))


def test_there_are_golden_files():
    assert len(NAMES) >= 25


@pytest.mark.parametrize("name", NAMES)
def test_print_is_lme4s_text(name):
    ours, theirs = print_text(load(name)) + "\n", golden(name, "print")
    assert ours == theirs, difference(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_summary_is_lme4s_text(name):
    ours, theirs = summary_text(load(name)) + "\n", golden(name, "summary")
    assert ours == theirs, difference(ours, theirs)


def test_own_verdict_keeps_the_layout():
    data = dataclasses.replace(
        load("dyestuff2"), optimizer_line=None, messages=("boundary fit: Batch varies by zero",)
    )
    assert print_text(data).endswith(
        "\n(Intercept)  \n      5.666  \nboundary fit: Batch varies by zero"
    )
    assert summary_text(data).endswith("8.352\nboundary fit: Batch varies by zero\n")


def test_correlations_on_request():
    data = load("many_21")
    assert "Correlation of Fixed Effects:" in summary_text(data, correlation=True)
    assert "Correlation" not in summary_text(data, correlation=False)


def test_quantiles_from_residuals_or_given():
    small = load("dyestuff2")
    assert small.scaled_residuals is not None
    quantiles = residual_quantiles(small)
    with_missing = np.append(small.scaled_residuals, np.nan)
    padded = dataclasses.replace(small, scaled_residuals=with_missing)
    assert np.array_equal(residual_quantiles(padded), quantiles)
    given = dataclasses.replace(
        small, scaled_residuals=None, scaled_residual_quantiles=np.asarray(quantiles)
    )
    assert summary_text(given) == summary_text(small)
    neither = dataclasses.replace(given, scaled_residual_quantiles=None)
    assert "Scaled residuals" not in summary_text(neither)


def test_title_and_group_names():
    data = load("wheat_ml")
    assert title(data) == "Linear mixed model fit by maximum likelihood  ['lmerMod']"
    assert unique_names(["g", "g", "g"]) == ["g", "g.1", "g.2"]
    assert unique_names(["g", "g.1", "g"]) == ["g", "g.1", "g.2"]


def test_groups_are_valid_names_only_where_one_repeats() -> None:
    data = load("pastes_nested")
    assert " cask:batch (Intercept)" in print_text(data)
    repeated = dataclasses.replace(data, varcorr=(*data.varcorr, data.varcorr[0]))
    for group in (" cask.batch   (Intercept)", " cask.batch.1 (Intercept)"):
        assert group in print_text(repeated)
    assert "groups:  cask:batch, 30" in print_text(repeated)


def test_rows_left_out_are_counted() -> None:
    data = mw.load("sleepstudy")
    data.loc[[3, 7], "Reaction"] = np.nan
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data)
    line = "Number of obs: 178, groups:  Subject, 18\n  (2 rows with missing values left out)\n"
    assert line in str(fit)
    assert line in str(fit.summary())
    assert "2 rows with missing values left out" in fit._repr_html_()
    assert "left out" not in str(mw.lmer("Reaction ~ Days + (1 | Subject)", mw.load("sleepstudy")))

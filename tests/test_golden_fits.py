"""Whole fits on shipped data, printed character by character as R's lme4 1.1-31 prints them.

``golden_fits/make.R`` made the texts, at optima polished further than lme4's own.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mixedwidgets as mw

GOLDEN = Path(__file__).parent / "golden_fits"
MODELS = json.loads((GOLDEN / "models.json").read_text("utf-8"))

# Where our text says something else on purpose, and what stands there in both texts instead.
SINGULAR = "<boundary fit>\n"
LME4_SINGULAR = [
    r"optimizer \(polish\) convergence code: 0 \(OK\) ; 0 optimizer warnings; 1 lme4 warnings \n",
    r"optimizer \(polish\) convergence code: 0 \(OK\)\nboundary \(singular\) fit: .*\n",
]
OUR_SINGULAR = r"Boundary fit: .*\n"
OUR_MISSING = r"  \(\d+ rows? with missing values left out\)\n"  # lme4 does not count them


def as_lme4s(text: str) -> str:
    """One of lme4's texts with a placeholder for its remark on a singular fit."""
    for remark in LME4_SINGULAR:
        text = re.sub(remark, SINGULAR, text)
    return text


def as_ours(text: str) -> str:
    """One of our texts with the same placeholder and without the count of rows left out."""
    return re.sub(OUR_MISSING, "", re.sub(OUR_SINGULAR, SINGULAR, text + "\n"))


def read(name: str) -> pd.DataFrame:
    data = pd.read_csv(GOLDEN / "made.csv") if name == "made" else mw.load(name)
    data.attrs["name"] = name
    return data


@pytest.fixture(scope="module")
def fits() -> dict[str, mw.Fit]:
    return {}


def fitted(model: dict[str, Any], fits: dict[str, mw.Fit]) -> mw.Fit:
    """The fit of a model, made once for both of its texts."""
    if model["name"] not in fits:
        rest = {key: model[key] for key in model.keys() - {"name", "data", "formula"}}
        fits[model["name"]] = mw.lmer(model["formula"], read(model["data"]), **rest)
    return fits[model["name"]]


def check(text: str, name: str, kind: str) -> None:
    ours = as_ours(text)
    theirs = as_lme4s((GOLDEN / f"{name}.{kind}.txt").read_bytes().decode("utf-8"))
    pair = [t.replace("\n", "|\n").splitlines() for t in (theirs, ours)]
    assert ours == theirs, "\n".join(difflib.unified_diff(*pair, "lme4", "ours", lineterm=""))


def test_the_models_have_different_shapes() -> None:
    assert len({model["formula"] for model in MODELS}) >= 30
    singular = [p for p in GOLDEN.glob("*.summary.txt") if SINGULAR in as_lme4s(p.read_text())]
    assert len(singular) >= 4
    texts = {f"{model['name']}.{kind}.txt" for model in MODELS for kind in ("print", "summary")}
    assert texts == {path.name for path in GOLDEN.glob("*.txt")}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_print(model: dict[str, Any], fits: dict[str, mw.Fit]) -> None:
    check(str(fitted(model, fits)), model["name"], "print")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_summary(model: dict[str, Any], fits: dict[str, mw.Fit]) -> None:
    check(str(fitted(model, fits).summary()), model["name"], "summary")

"""One model fitted by each program: from data to log-likelihood and standard errors.

"To standard errors" means the same for all: a number for each coefficient, by the cheapest way that
the program's users have. Ours are ``fit.se``; lme4's and mixedlm's are the roots of the diagonal of
``vcov()``, which takes mixedlm a fifth of its time, while its ``summary()`` would take as long
again for degrees of freedom; statsmodels' are ``bse_fe``.

Each is called as its own documentation does it, with its default optimiser, which was the fastest
of those tried that reached the optimum. Ours and mixedlm get a pandas DataFrame that they have not
seen before, R a data frame with factors. mixedlm takes polars frames too: on the slope model of
``schools`` its fastest fit took 7.2 ms with one and 7.8 ms with pandas.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import mixedlm
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from _common import stopwatch
from _lme4 import Lme4

import mixedwidgets as mw


class Outcome(NamedTuple):
    """What one fit gave."""

    seconds: float
    loglik: float
    se: np.ndarray


@dataclass(frozen=True)
class Case:
    """A model, its data, and how fast its fit shall be.

    Attributes
    ----------
    name : str
        In words.
    formula : str
        As lme4 writes it.
    data : DataFrame
        The rows.
    factors : tuple of str
        Columns that R reads as numbers or text and takes as factors.
    reml : bool
        The criterion.
    goals : mapping of str to float
        How many times as fast as each peer.
    milliseconds : float, optional
        The longest that the fit may take.
    statsmodels : (str, str, str), optional
        Fixed effects, grouping column and random effects; None where it cannot fit the model.
    """

    name: str
    formula: str
    data: pd.DataFrame = field(repr=False)
    factors: tuple[str, ...]
    reml: bool = False
    goals: Mapping[str, float] = field(default_factory=dict)
    milliseconds: float | None = None
    statsmodels: tuple[str, str, str] | None = None

    @property
    def criterion(self) -> str:
        """REML or ML."""
        return "REML" if self.reml else "ML"


def fit_ours(case: Case) -> Outcome:
    """Fit with ``mw.lmer``.

    lme4 checks its optimum within ``lmer``, so our verdict on it is part of the work too.
    """

    def work(data: pd.DataFrame) -> tuple[float, np.ndarray]:
        fit = mw.lmer(case.formula, data, REML=case.reml)
        assert fit.verdict
        return float(fit.loglik), np.asarray(fit.se)

    seconds, (loglik, se) = stopwatch(work, case.data.copy())
    return Outcome(seconds, loglik, se)


def fit_mixedlm(case: Case) -> Outcome:
    """Fit with ``mixedlm.lmer``."""

    def work(data: pd.DataFrame) -> tuple[Any, np.ndarray]:
        result = mixedlm.lmer(case.formula, data, REML=case.reml)
        return result.logLik(), np.sqrt(np.diag(np.asarray(result.vcov())))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its optimiser's doubts show in the likelihood compared
        seconds, (loglik, se) = stopwatch(work, case.data.copy())
    return Outcome(seconds, float(loglik.value), se)


def fit_statsmodels(case: Case) -> Outcome:
    """Fit with ``statsmodels``' ``mixedlm``, whose optimiser warns freely."""
    assert case.statsmodels is not None
    fixed, group, random = case.statsmodels

    def work(data: pd.DataFrame) -> tuple[float, np.ndarray]:
        result = smf.mixedlm(fixed, data, groups=group, re_formula=random).fit(reml=case.reml)
        return float(result.llf), np.asarray(result.bse_fe)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds, (loglik, se) = stopwatch(work, case.data.copy())
    return Outcome(seconds, loglik, se)


def fitters(case: Case, lme4: Lme4) -> dict[str, Callable[[], Outcome]]:
    """Return a function for each program that can fit the case, ours first; load R's data."""
    lme4.load(case.data, case.factors)
    out: dict[str, Callable[[], Outcome]] = {
        "mixedwidgets": lambda: fit_ours(case),
        "lme4": lambda: Outcome(*lme4.fit(case.formula, case.reml)),
        "mixedlm": lambda: fit_mixedlm(case),
    }
    if case.statsmodels is not None:
        out["statsmodels"] = lambda: fit_statsmodels(case)
    return out


def versions() -> str:
    """Return the versions of the peers in Python."""
    import importlib.metadata as metadata

    return ", ".join(f"{name} {metadata.version(name)}" for name in ("mixedlm", "statsmodels"))

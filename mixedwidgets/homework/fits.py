"""The fits that questions ask for, of one student's rows, each made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import pandas as pd

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.homework.rows import Rows
from mixedwidgets.homework.scenario import Scenario
from mixedwidgets.likelihood.anova import OneWay, oneway
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.lmer import lmer
from mixedwidgets.lmm.spec import ModelSpec

MODELS = ("null", "intercept", "slope")

# Data that do not do are drawn again, so what is odd about their fits is no news to anybody.
_SILENT = Control(check_conv_grad="ignore", check_conv_hess="ignore")


@dataclass(frozen=True, eq=False)
class Fits:
    """Rows of a scenario and the models of them.

    Attributes
    ----------
    scenario : Scenario
    rows : Rows
    """

    scenario: Scenario
    rows: Rows
    _known: dict[tuple[str, bool], Fit] = field(default_factory=dict, repr=False)

    @cached_property
    def data(self) -> pd.DataFrame:
        """One row an observation: group, predictor, response, outcome."""
        names, rows = self.scenario, self.rows
        return pd.DataFrame(
            {
                names.group: rows.group,
                names.predictor: rows.predictor,
                names.response: rows.response,
                names.outcome: rows.outcome,
            }
        )

    def formula(self, model: str) -> str:
        """Return the formula of a model.

        Parameters
        ----------
        model : {"null", "intercept", "slope"}

        Raises
        ------
        ModelError
            There is no such model.
        """
        if model not in MODELS:
            raise ModelError(
                f"There is no model {brief(model)}{nearest(str(model), MODELS)}; choose 'null', "
                "'intercept' or 'slope'."
            )
        names = self.scenario
        fixed = "1" if model == "null" else names.predictor
        effects = names.predictor if model == "slope" else "1"
        return f"{names.response} ~ {fixed} + ({effects} | {names.group})"

    def fit(self, model: str, reml: bool = False) -> Fit:
        """Return the fit of a model.

        Parameters
        ----------
        model : {"null", "intercept", "slope"}
            ``response ~ 1 + (1 | group)``, ``response ~ predictor + (1 | group)`` or
            ``response ~ predictor + (predictor | group)``.
        reml : bool
            By REML, or by maximum likelihood.

        Raises
        ------
        ModelError
            There is no such model, or it cannot be fitted.
        """
        known = self._known.get((model, reml))
        if known is None:
            known = self._known[model, reml] = self._fitted(model, reml)
        return known

    def _fitted(self, model: str, reml: bool) -> Fit:
        spec = _spec(self.formula(model))
        if (model, reml) == ("null", False):
            return lmer(spec, self.data, REML=False, control=_SILENT)
        return self.fit("null", False).update(spec, REML=reml)

    @cached_property
    def oneway(self) -> OneWay:
        """The one-way analysis of the response, ``mixedwidgets.oneway``."""
        return oneway(self.data[self.scenario.response], self.data[self.scenario.group])

    @cached_property
    def shrinkage(self) -> dict[str, float]:
        """How far the null model, by ML, moves the mean of each group, in units of the response."""
        fit = self.fit("null", False)
        ratio, mu = float(fit.estimate.optimum.theta[0]) ** 2, float(fit.estimate.beta[0])
        moved, start = {}, 0
        for size in self.rows.sizes:
            mean = sum(self.rows.response[start : start + size]) / size
            moved[self.rows.group[start]] = (mu - mean) / (1.0 + size * ratio)
            start += size
        return moved


@lru_cache(maxsize=64)
def _spec(formula: str) -> ModelSpec:
    return parse(formula)

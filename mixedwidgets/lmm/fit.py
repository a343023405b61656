"""``Fit``: a fitted linear mixed model and everything that can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mixedwidgets.lmm.fit_diagnostics import Diagnostics
from mixedwidgets.lmm.fit_inference import Inference
from mixedwidgets.lmm.fit_prediction import Prediction
from mixedwidgets.lmm.html import print_html, summary_html
from mixedwidgets.lmm.report import ReportData, print_text, summary_text


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Prediction, Diagnostics, Inference):
    """A fitted linear mixed model. Never changes; other choices give another fit.

    Attributes
    ----------
    design : FittedDesign
        The numbers fitted to and their names; ``X``, ``Z`` and ``Lambda`` as matrices.
    estimate : Estimate
        The estimates.
    call : Call
        What it was asked for.
    """

    def summary(self) -> Summary:
        """The fit as lme4's ``summary`` prints it; a table in a notebook."""
        return Summary(self)

    def __repr__(self) -> str:
        return print_text(self.report)

    def _repr_html_(self) -> str:
        return print_html(self.report)

    @cached_property
    def report(self) -> ReportData:
        """All numbers that the summaries show."""
        design = self.design
        scaled = self._residuals / self.sigma
        if design.weights is not None:
            scaled = scaled * np.sqrt(design.weights)
        se = self.se.to_numpy()
        return ReportData(
            formula=design.spec.display,
            reml=self.reml,
            criterion=self.criterion,
            loglik=self.loglik,
            aic=self.aic,
            bic=self.bic,
            deviance=self.criterion,
            df_resid=self.df_resid,
            varcorr=self._variance_blocks,
            sigma=self.sigma,
            nobs=self.nobs,
            ngroups=tuple((g.name, len(g.levels)) for g in design.groupings),
            fixef_names=design.x_names,
            fixef=self.estimate.beta,
            fixef_se=se,
            fixef_corr=self.estimate.vcov / np.outer(se, se),
            scaled_residuals=scaled,
            data_name=design.data_name,
            weights_name=design.weights_name,
            offset_name=design.offset_name,
            subset_name=design.subset_name,
            n_missing=design.n_missing,
            dropped=design.dropped,
            messages=() if self.verdict.kind == "converged" else (self.verdict.sentence,),
            verdict=self.verdict.sentence,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """A fit as lme4's ``summary`` prints it.

    Attributes
    ----------
    fit : Fit
        The fit summarised.
    """

    fit: Fit

    @property
    def coefficients(self) -> pd.DataFrame:
        """Estimate, standard error and t value of each coefficient."""
        return pd.DataFrame(
            {
                "Estimate": self.fit.fixef,
                "Std. Error": self.fit.se,
                "t value": self.fit.fixef / self.fit.se,
            }
        )

    def __repr__(self) -> str:
        return summary_text(self.fit.report)

    def _repr_html_(self) -> str:
        return summary_html(self.fit.report)

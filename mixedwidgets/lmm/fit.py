"""``Fit``: a fitted linear mixed model and everything that can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.lmm.fit_diagnostics import Diagnostics
from mixedwidgets.lmm.fit_inference import Inference
from mixedwidgets.lmm.fit_likelihood import LikelihoodShape
from mixedwidgets.lmm.fit_pooling import Pooling
from mixedwidgets.lmm.fit_prediction import Prediction
from mixedwidgets.lmm.fit_resampling import Resampling
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.fitting import asked_again, carry_out, made, model_again, remarks, warn
from mixedwidgets.lmm.html import print_html, summary_html
from mixedwidgets.lmm.new_response import new_response
from mixedwidgets.lmm.refit import Responses
from mixedwidgets.lmm.report import ReportData, print_text, summary_text
from mixedwidgets.lmm.spec import ModelSpec


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Prediction, Diagnostics, Pooling, Inference, LikelihoodShape, Resampling):
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

    def refit(self, y: Any) -> Fit:
        """Fit the same model to another response.

        Everything that does not depend on the response is taken once and kept for the next refit;
        for simulations, ``[fit.refit(sims[name]) for name in sims]``.

        Parameters
        ----------
        y : Series or array
            On the scale of the formula's response (for ``log(y) ~ ...`` the logarithms). A Series
            with the labels of the rows that the fit uses, in any order; or one value for each of
            them, or for each row of the data, those left out included.

        Returns
        -------
        Fit
            By the same criterion. It does not have the data of the old response: to ``update`` its
            formula, give it data.

        Raises
        ------
        DataError
            The response is missing or infinite in a row that the fit uses, has a wrong length or
            other labels, or is no number.
        ModelError
            The response does not vary, or the model reproduces it exactly.
        """
        design, source = self._responses.moments_of(new_response(y, self.design))
        call = replace(self.call, data=None, memory=None)
        fit = made(design, source, self.reml, call, Fit)
        warn(remarks(fit))
        return fit

    def refit_ml(self) -> Fit:
        """The fit by maximum likelihood of the same model, from the same cross-products.

        Returns
        -------
        Fit
            This one, where it is by maximum likelihood already.
        """
        if not self.reml:
            return self
        found = self.likelihood_estimate
        fit = Fit(FittedDesign.of(self.design, found.optimum.theta), found, self.call)
        warn(remarks(fit))
        return fit

    def update(self, formula: str | ModelSpec | None = None, **changes: Any) -> Fit:
        """Fit the model again with changes.

        What the changes leave as it is is not read or computed again, and the last models made by
        updates are kept to go back to. The data are those that the fit was made from, as they were
        then; changed since, they must be given anew.

        Parameters
        ----------
        formula : str, optional
            A change of the formula, in which a dot stands for that side of it: ``". ~ . - x"``,
            ``". ~ . + (1 | g)"``, ``"log(.) ~ ."``; or a whole new formula.
        **changes
            Other arguments of ``lmer``: data, REML, control, start, verbose, subset, weights,
            na_action, offset, contrasts.

        Returns
        -------
        Fit

        Raises
        ------
        FormulaError
            The change cannot be read, or subtracts what the model does not have.
        DataError, ModelError
            As ``lmer``; also for an argument that does not exist, and for a fit without data.
        """
        request = asked_again(self, formula, changes)
        design, source = model_again(request, self)
        fit = carry_out(request, design, source, Fit)
        warn((*design.remarks, *remarks(fit)))
        return fit

    def summary(self) -> Summary:
        """The fit as lme4's ``summary`` prints it; a table in a notebook."""
        return Summary(self)

    def __repr__(self) -> str:
        return print_text(self.report)

    def _repr_html_(self) -> str:
        return print_html(self.report)

    @cached_property
    def _responses(self) -> Responses:
        return Responses.of(self.design, self.estimate.moments)

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

"""``Fitted``: the estimates of a linear mixed model under their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, parameters, term_groups, value_of
from mixedwidgets.lmm.ranef import (
    RandomEffects,
    coefficients,
    deviations,
    linear_predictor,
    random_effects,
)
from mixedwidgets.lmm.report import VarianceBlock
from mixedwidgets.lmm.theta import standard_deviations
from mixedwidgets.lmm.verdict import Verdict, judge


@dataclass(frozen=True, eq=False, repr=False)
class Fitted:
    """The estimates of a linear mixed model, labelled.

    Attributes
    ----------
    design : FittedDesign
        The numbers fitted to and their names; ``X``, ``Z`` and ``Lambda`` as matrices.
    estimate : Estimate
        The estimates.
    call : Call
        What it was asked for.
    """

    design: FittedDesign
    estimate: Estimate
    call: Call = field(default_factory=Call)

    @property
    def formula(self) -> str:
        """The model formula."""
        return str(self.design.spec)

    @property
    def reml(self) -> bool:
        """Whether the criterion is the restricted likelihood."""
        return self.estimate.reml

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return self.estimate.moments.nobs

    @property
    def n_missing(self) -> int:
        """Number of rows left out because a variable of the model is missing there."""
        return self.design.n_missing

    @property
    def ngroups(self) -> pd.Series:
        """Number of levels of each grouping factor."""
        return pd.Series(
            {g.name: len(g.levels) for g in self.design.groupings}, name="groups", dtype=int
        )

    @property
    def theta(self) -> pd.Series:
        """Relative covariance parameters in lme4's order, named as lme4 names them."""
        return pd.Series(
            self.estimate.optimum.theta.copy(), index=theta_names(self.design), name="theta"
        )

    @property
    def fixef(self) -> pd.Series:
        """Fixed-effects coefficients."""
        return pd.Series(self.estimate.beta.copy(), index=list(self.design.x_names), name="fixef")

    @property
    def se(self) -> pd.Series:
        """Standard errors of the coefficients."""
        return pd.Series(
            np.sqrt(np.diag(self.estimate.vcov)), index=list(self.design.x_names), name="se"
        )

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients."""
        names = list(self.design.x_names)
        return pd.DataFrame(self.estimate.vcov.copy(), index=names, columns=names)

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.estimate.sigma

    @property
    def criterion(self) -> float:
        """-2 log-likelihood, or the REML criterion."""
        return self.estimate.optimum.value

    @property
    def loglik(self) -> float:
        """The (restricted) log-likelihood at the optimum."""
        return -0.5 * self.criterion

    @property
    def npar(self) -> int:
        """Number of parameters: theta, sigma and the coefficients."""
        return len(self.estimate.optimum.theta) + 1 + len(self.estimate.beta)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, ``criterion + 2 npar``."""
        return self.criterion + 2.0 * self.npar

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, ``criterion + npar log(nobs)``."""
        return self.criterion + self.npar * float(np.log(self.nobs))

    @property
    def df_resid(self) -> int:
        """Rows used minus number of parameters."""
        return self.nobs - self.npar

    @property
    def converged(self) -> bool:
        """Whether the optimum passed every check; see ``verdict``."""
        return self.estimate.optimum.converged

    @cached_property
    def verdict(self) -> Verdict:
        """How far the fit can be trusted, in one value and one sentence."""
        return judge(self.design, self.estimate.optimum)

    @property
    def trace(self) -> pd.DataFrame:
        """Theta and criterion along the optimiser's path, the start first."""
        rows = [[*theta, value] for theta, value in self.estimate.optimum.trace]
        return pd.DataFrame(rows, columns=[*theta_names(self.design), "criterion"])

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters: standard deviations, correlations, sigma, coefficients."""
        return parameters(self.design)

    def varcorr(self) -> pd.DataFrame:
        """Variances, covariances, standard deviations and correlations.

        Returns
        -------
        DataFrame
            Columns grp, var1, var2, vcov, sdcor as in lme4's ``as.data.frame(VarCorr(fit))``: a row
            with var2 missing holds a variance and a standard deviation, else a covariance and a
            correlation.
        """
        rows: list[tuple[str, str | None, str | None, float, float]] = []
        groups = term_groups(self.design)
        for group, block, covariance in zip(
            groups, self._variance_blocks, self.estimate.covariances, strict=True
        ):
            for i, name in enumerate(block.names):
                rows.append((group, name, None, covariance[i, i], block.sd[i]))
            for i, j in combinations(range(len(block.names)), 2):
                rows.append(
                    (
                        group,
                        block.names[i],
                        block.names[j],
                        covariance[i, j],
                        block.corr[i, j],
                    )
                )
        rows.append(("Residual", None, None, self.sigma**2, self.sigma))
        return pd.DataFrame(rows, columns=["grp", "var1", "var2", "vcov", "sdcor"])

    def values(self) -> pd.Series:
        """The estimate of every parameter, as ``confint`` names them."""
        return pd.Series({p.name: self._value(p) for p in self.parameters}, name="estimate")

    def ranef(self, cond_var: bool = True) -> RandomEffects:
        """Conditional modes of the random effects.

        Parameters
        ----------
        cond_var : bool
            Also compute their conditional variances.

        Returns
        -------
        RandomEffects
            A dictionary of DataFrames, one for each grouping factor.
        """
        return random_effects(self.design, self.estimate, yes_or_no("cond_var", cond_var))

    def coef(self) -> dict[str, pd.DataFrame]:
        """Fixed effects plus conditional modes: each group's own coefficients.

        Returns
        -------
        dict of DataFrame
            One for each grouping factor, a row for each level.
        """
        return coefficients(self.design, self.estimate)

    def fitted(self) -> pd.Series:
        """Fitted values given the random effects, for the rows used.

        After ``na_action="exclude"`` for all rows, NaN where a value is missing.
        """
        return self._padded(linear_predictor(self.design, self.estimate), "fitted")

    @cached_property
    def likelihood_estimate(self) -> Estimate:
        """The maximum-likelihood estimates of the same model."""
        if not self.reml:
            return self.estimate
        return estimate(self.estimate.moments, False, control=self.call.control)

    @cached_property
    def restricted_estimate(self) -> Estimate:
        """The restricted-maximum-likelihood estimates of the same model."""
        if self.reml:
            return self.estimate
        return estimate(self.estimate.moments, True, control=self.call.control)

    def _padded(self, values: Array, name: str) -> pd.Series:
        """Label one value for each row used, with NaN for rows that ``exclude`` left out."""
        padding = self.design.padding
        if padding is None:
            return pd.Series(values, index=self.design.index, name=name)
        out = np.full(len(padding.index), np.nan)
        out[padding.used] = values
        return pd.Series(out, index=padding.index, name=name)

    @cached_property
    def _residuals(self) -> Array:
        return deviations(self.design, self.estimate)

    @cached_property
    def _variance_blocks(self) -> tuple[VarianceBlock, ...]:
        out = []
        for block, covariance in zip(self.design.blocks, self.estimate.covariances, strict=True):
            sd, corr = standard_deviations(covariance)
            out.append(
                VarianceBlock(self.design.groupings[block.grouping].name, block.names, sd, corr)
            )
        return tuple(out)

    def _value(self, parameter: Parameter) -> float:
        e = self.estimate
        return value_of(parameter, e.covariances, e.sigma, e.beta)


def theta_names(design: Design) -> list[str]:
    """Names of the elements of theta as lme4 gives them, such as ``school.ses.(Intercept)``."""
    out = []
    for block in design.blocks:
        group = design.groupings[block.grouping].name
        for i, name in enumerate(block.names):
            out.append(f"{group}.{name}")
            out.extend(f"{group}.{other}.{name}" for other in block.names[i + 1 :])
    return out

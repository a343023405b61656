"""``Fit``: a fitted linear mixed model and everything that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.html import print_html, summary_html
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, parameters, term_groups, value_of
from mixedwidgets.lmm.profile import profile_interval
from mixedwidgets.lmm.ranef import (
    RandomEffects,
    coefficients,
    linear_predictor,
    random_effects,
)
from mixedwidgets.lmm.report import ReportData, VarianceBlock, print_text, summary_text
from mixedwidgets.lmm.theta import standard_deviations
from mixedwidgets.lmm.verdict import Verdict, judge
from mixedwidgets.lmm.wald import wald_intervals


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A fitted linear mixed model. Never changes; other choices give another fit.

    Attributes
    ----------
    design : Design
        The numbers fitted to and their names.
    estimate : Estimate
        The estimates.
    """

    design: Design
    estimate: Estimate

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
        return random_effects(self.design, self.estimate, cond_var)

    def coef(self) -> dict[str, pd.DataFrame]:
        """Fixed effects plus conditional modes: each group's own coefficients.

        Returns
        -------
        dict of DataFrame
            One for each grouping factor, a row for each level.
        """
        return {self.design.groupings[0].name: coefficients(self.design, self.estimate)}

    def fitted(self) -> pd.Series:
        """Fitted values given the random effects, for the rows used."""
        return pd.Series(
            linear_predictor(self.design, self.estimate), index=self.design.index, name="fitted"
        )

    def resid(self) -> pd.Series:
        """Response minus fitted values, for the rows used."""
        return pd.Series(self._residuals.copy(), index=self.design.index, name="resid")

    def confint(
        self,
        parm: str | Iterable[str] | None = None,
        level: float = 0.95,
        method: str = "profile",
    ) -> pd.DataFrame:
        """Confidence intervals of standard deviations, correlations, sigma and coefficients.

        Parameters
        ----------
        parm : str or list of str, optional
            Names of parameters, such as ``"sigma"`` or ``"sd_ses|school"``; all by default.
        level : float
            Confidence level between 0 and 1.
        method : {"profile", "wald"}
            ``"profile"`` cuts the profile likelihood. Like lme4 it uses maximum likelihood, also
            for a fit by REML. ``"wald"`` is estimate plus and minus a multiple of the standard
            error, each parameter on its own scale, by the fit's own criterion.

        Returns
        -------
        DataFrame
            A row for each parameter, columns such as ``2.5 %`` and ``97.5 %``;
            ``.attrs["notes"]`` says why a limit is at a boundary, infinite or missing.

        Raises
        ------
        ModelError
            An unknown parameter, level or method.
        """
        if not isinstance(level, (int, float)) or not 0.0 < level < 1.0:
            raise ModelError(f"level is {level!r}; give a number between 0 and 1, such as 0.95.")
        chosen = self._choose(parm)
        if method == "profile":
            intervals = [profile_interval(self.likelihood_estimate, p, level) for p in chosen]
            lower = np.array([i.lower for i in intervals])
            upper = np.array([i.upper for i in intervals])
            notes = {p.name: i.note for p, i in zip(chosen, intervals, strict=True) if i.note}
        elif method in ("wald", "Wald"):
            _, lower, upper = wald_intervals(self.estimate, chosen, level)
            notes = {
                p.name: "the estimate is at the boundary, where the quadratic approximation fails"
                for p, limit in zip(chosen, lower, strict=True)
                if np.isnan(limit)
            }
        else:
            raise ModelError(f"method is {method!r}; choose 'profile' or 'wald'.")
        tail = 50.0 * (1.0 - level)
        out = pd.DataFrame(
            {f"{tail:.3g} %": lower, f"{100.0 - tail:.3g} %": upper}, index=[p.name for p in chosen]
        )
        out.attrs["notes"] = notes
        return out

    def summary(self) -> Summary:
        """The fit as lme4's ``summary`` prints it; a table in a notebook."""
        return Summary(self)

    def values(self) -> pd.Series:
        """The estimate of every parameter, as ``confint`` names them."""
        return pd.Series({p.name: self._value(p) for p in self.parameters}, name="estimate")

    def __repr__(self) -> str:
        return print_text(self.report)

    def _repr_html_(self) -> str:
        return print_html(self.report)

    def _value(self, parameter: Parameter) -> float:
        e = self.estimate
        return value_of(parameter, e.covariances, e.sigma, e.beta)

    @cached_property
    def likelihood_estimate(self) -> Estimate:
        """The maximum-likelihood estimates of the same model."""
        return estimate(self.estimate.moments, False) if self.reml else self.estimate

    def _choose(self, parm: str | Iterable[str] | None) -> tuple[Parameter, ...]:
        if parm is None:
            return self.parameters
        known = {p.name: p for p in self.parameters}
        names = [parm] if isinstance(parm, str) or not isinstance(parm, Iterable) else list(parm)
        for name in names:
            if name not in known:
                raise ModelError(
                    f"This model has no parameter {name!r}{nearest(str(name), known)}; "
                    f"choose from {', '.join(known)}."
                )
        return tuple(known[name] for name in names)

    @cached_property
    def _residuals(self) -> Array:
        return self.design.y - linear_predictor(self.design, self.estimate)

    @cached_property
    def _variance_blocks(self) -> tuple[VarianceBlock, ...]:
        out = []
        for block, covariance in zip(self.design.blocks, self.estimate.covariances, strict=True):
            sd, corr = standard_deviations(covariance)
            out.append(
                VarianceBlock(self.design.groupings[block.grouping].name, block.names, sd, corr)
            )
        return tuple(out)

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


def theta_names(design: Design) -> list[str]:
    """Names of the elements of theta as lme4 gives them, such as ``school.ses.(Intercept)``."""
    out = []
    for block in design.blocks:
        group = design.groupings[block.grouping].name
        for i, name in enumerate(block.names):
            out.append(f"{group}.{name}")
            out.extend(f"{group}.{other}.{name}" for other in block.names[i + 1 :])
    return out

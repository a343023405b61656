"""``Inference``: the methods of a fit that say how certain its estimates are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import ModelError, listed, nearest
from mixedwidgets.lmm.all_fit import OPTIMIZERS, attempts, conclusion
from mixedwidgets.lmm.confint import (
    PROFILE,
    WALD,
    Intervals,
    boot_limits,
    check_boot_type,
    check_method,
    choose,
    labelled,
    profile_limits,
    wald_limits,
)
from mixedwidgets.lmm.control import MOST_STARTS
from mixedwidgets.lmm.fit_resampling import Resampling
from mixedwidgets.lmm.fitted import theta_names
from mixedwidgets.lmm.flags import check_level
from mixedwidgets.lmm.ftests import (
    NAMES,
    ROMAN,
    Approximation,
    f_tests,
    method_named,
    t_tests,
    type_named,
)
from mixedwidgets.lmm.hypotheses import hypotheses
from mixedwidgets.lmm.kenward_roger import KenwardRoger
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.satterthwaite import Satterthwaite
from mixedwidgets.lmm.scales import check_scale
from mixedwidgets.lmm.simpler import collapses, simpler_models
from mixedwidgets.lmm.simpler_tables import Collapse
from mixedwidgets.lmm.stattable import StatTable


class Inference(Resampling):
    """Intervals and tests."""

    def is_singular(self, tol: float = 1e-4) -> bool:
        """Whether a variance is zero or a correlation one, by lme4's measure.

        As lme4's ``isSingular``: some diagonal element of the relative covariance factor, that is
        of ``theta``, is below ``tol``. It is measured in the units of the data, so a slope of a
        variable with very large numbers can fall below without being zero; ``verdict`` does not
        depend on units, and names the direction.

        Parameters
        ----------
        tol : float
            At least 0.

        Raises
        ------
        ModelError
            For a ``tol`` that is no such number.
        """
        if not isinstance(tol, (int, float, np.number)) or not tol >= 0.0:
            raise ModelError(f"tol is {tol!r}; give a number of at least 0, such as 1e-4.")
        rows, columns = self.estimate.moments.layout.position
        return bool(np.any(self.estimate.optimum.theta[rows == columns] < tol))

    def all_fit(
        self, optimizers: str | Iterable[str] | None = None, starts: int = 3
    ) -> pd.DataFrame:
        """Search for the optimum again, by several optimisers from several starts.

        As lme4's ``allFit``, with other starts too. The same starts are taken every time.

        Parameters
        ----------
        optimizers : str or list of str, optional
            Among ``"newton"`` (what ``lmer`` does), and SciPy's ``"trust-exact"``,
            ``"L-BFGS-B"``, ``"BFGS"`` (with derivatives), ``"Nelder-Mead"`` and ``"Powell"``
            (without; slow on large data). All by default.
        starts : int
            How many starting points, 1 to 1000.

        Returns
        -------
        DataFrame
            A row for each search: optimizer, start (number), criterion, difference (from the best
            criterion, that of the fit included), one column for each element of theta, converged
            (as the optimiser says), evaluations, seconds. ``.attrs["sentence"]`` says whether they
            agree.

        Raises
        ------
        ModelError
            An unknown optimiser, or a number of starts out of range.
        """
        if optimizers is not None and not isinstance(optimizers, Iterable):
            raise ModelError(
                f"optimizers is {optimizers!r}; give names from {', '.join(OPTIMIZERS)}."
            )
        names = (optimizers,) if isinstance(optimizers, str) else tuple(optimizers or OPTIMIZERS)
        for name in names:
            if name not in OPTIMIZERS:
                raise ModelError(
                    f"There is no optimiser {name!r}{nearest(str(name), OPTIMIZERS)}; "
                    f"choose from {', '.join(OPTIMIZERS)}."
                )
        whole = isinstance(starts, int | np.integer) and not isinstance(starts, bool)
        if not whole or not 1 <= starts <= MOST_STARTS:
            raise ModelError(f"starts is {starts!r}; give a whole number from 1 to {MOST_STARTS}.")
        found = attempts(self.estimate.moments, self.reml, names, starts)
        best = min(self.criterion, *(a.value for a in found))
        out = pd.DataFrame(
            {
                "optimizer": [a.optimizer for a in found],
                "start": [a.start for a in found],
                "criterion": [a.value for a in found],
                "difference": [a.value - best for a in found],
                **{n: [a.theta[i] for a in found] for i, n in enumerate(theta_names(self.design))},
                "converged": [a.converged for a in found],
                "evaluations": [a.evaluations for a in found],
                "seconds": [a.seconds for a in found],
            }
        )
        out.attrs["sentence"] = conclusion(found, self.criterion)
        return out

    def simpler(self) -> pd.DataFrame:
        """Every model whose random part is one step simpler, fitted and ranked by what it costs.

        The steps: correlations of a term left out (``|`` becomes ``||``), an effect of a term left
        out, a grouping factor left out. All models are fitted by the criterion of the fit.

        Returns
        -------
        DataFrame
            A row for each model, the least costly first, indexed by its formula (for ``update``):

            - ``step``: what it says, in words;
            - ``change``: by how much its deviance (or REML criterion) is higher;
            - ``df``: how many parameters it has fewer;
            - ``boundary``: whether it is a boundary fit itself;
            - ``p_value``, ``null``: the likelihood-ratio test that it is right, and the null
              distribution, which for a variance at the edge of what is possible is a mixture of
              chi-squares where that is known, and conservative elsewhere;
            - ``linear``: whether no random effect is left.

            ``.attrs["directions"]`` are the directions in which the fit has no variance, in words;
            ``.attrs["caution"]`` says what choosing by this table does to p-values;
            ``.attrs["notes"]``, which models had no optimum.

        Raises
        ------
        ModelError
            The fit was not made from a formula.

        Notes
        -----
        Stram and Lee (1994), Biometrics 50, 1171-1177. For one variance, ``test_variance`` has an
        exact null distribution too, and for several a bootstrap.
        """
        found = simpler_models(self.design, self.estimate, self.call.control)
        out = pd.DataFrame(
            {
                "step": [m.words for m in found.models],
                "change": [m.change for m in found.models],
                "df": [m.df for m in found.models],
                "boundary": [m.boundary for m in found.models],
                "p_value": [m.p_value for m in found.models],
                "null": [m.null for m in found.models],
                "linear": [m.linear for m in found.models],
            },
            index=pd.Index([m.formula for m in found.models], name="formula"),
        )
        out.attrs["criterion"] = found.criterion
        out.attrs["directions"] = found.directions
        out.attrs["notes"] = found.notes
        out.attrs["caution"] = found.caution
        return out

    def collapses(self) -> tuple[Collapse, ...]:
        """How ellipses of terms of two effects have collapsed, for a fit at the boundary.

        Returns
        -------
        tuple of Collapse
            One for each term of two effects with a direction of zero variance: ``names``,
            ``covariance``, the 95 % ellipse as ``outline``, ``direction`` and ``words``. Empty for
            a fit that is not at the boundary.
        """
        return collapses(self.design, self.estimate)

    def df(self, method: str = "satterthwaite") -> StatTable:
        """Tests of the coefficients, with approximate degrees of freedom.

        Parameters
        ----------
        method : {"satterthwaite", "kenward-roger"}
            Satterthwaite's method takes the fit as it is. Kenward and Roger's also adjusts the
            standard errors for small samples; it is defined for REML, and for a fit by maximum
            likelihood everything in the table comes from REML estimates.

        Returns
        -------
        StatTable
            A DataFrame with one row for each coefficient and the columns Estimate, Std. Error,
            df, t value and ``Pr(>|t|)``; ``.notes`` are remarks in words.

        Raises
        ------
        ModelError
            An unknown method.

        Notes
        -----
        Giesbrecht and Burns (1985, Biometrics 41, 477-486), with the observed information of the
        variance parameters, as R's lmerTest; Kenward and Roger (1997, Biometrics 53, 983-997),
        as R's pbkrtest. Derivatives are exact. On the boundary, Satterthwaite's method leaves out
        the directions of zero variance, as if they were known to have none; Kenward and Roger's
        leaves out nothing.
        """
        name = method_named(method)
        title = f"Coefficients, t tests with {NAMES[name]}'s degrees of freedom"
        columns = t_tests(self._approximation(name))
        return StatTable.of(columns, self.design.x_names, title, (), self._remarks(name))

    def anova(self, method: str = "satterthwaite", type: int | str = 3) -> StatTable:
        """F tests of the terms of the fixed effects.

        Parameters
        ----------
        method : {"satterthwaite", "kenward-roger"}
            How denominator degrees of freedom are found; see ``df``.
        type : {3, 2, 1}
            Type of the hypotheses, also as a Roman numeral. 3: each term averaged over the levels
            of the other factors it interacts with; 2: each term after all those that do not
            contain it; 1: each term after those before it in the formula. F does not depend on how
            factors are coded; factors are compared where numeric covariates are zero.

        Returns
        -------
        StatTable
            A DataFrame with one row for each term and the columns Sum Sq, Mean Sq, NumDF, DenDF,
            F value and Pr(>F), as R's lmerTest gives them; ``.notes`` are remarks in words.

        Raises
        ------
        ModelError
            An unknown method or type; or type 3 with interactions of which columns were left
            out, for a fit made from a design.

        Notes
        -----
        Satterthwaite's method for several contrasts is that of Fai and Cornelius (1996, Journal
        of Statistical Computation and Simulation 54, 363-378). Kenward and Roger's F is scaled.
        Sum Sq and Mean Sq are what they would be for that F in a linear model of the same sigma.
        """
        name, kind = method_named(method), type_named(type)
        title = f"Type {ROMAN[kind]} Analysis of Variance Table with {NAMES[name]}'s method"
        tested = hypotheses(self.design, kind, self.call.data_then)
        columns, notes = self.f_tests(name, tested)
        if kind == 3 and self.design.dropped:
            notes += (
                f"Left out, having no data of their own: {listed(self.design.dropped)}. Averages "
                "over levels mean something else then; interpret type III with care.",
            )
        return StatTable.of(columns, [t for t, _ in tested], title, (), notes)

    def f_tests(
        self, method: str, hypotheses: Sequence[tuple[str, Array]]
    ) -> tuple[dict[str, Array], tuple[str, ...]]:
        """F tests of any contrasts of the coefficients.

        Parameters
        ----------
        method : {"satterthwaite", "kenward-roger"}
        hypotheses : sequence of (str, (q, p) array)
            Label and contrasts of each.

        Returns
        -------
        columns : dict of str to (r,) array
            As in ``anova``.
        notes : tuple of str

        Raises
        ------
        ModelError
            An unknown method, or contrasts that are all zero or have not one number a coefficient.
        """
        name, p = method_named(method), len(self.estimate.beta)
        for label, contrasts in hypotheses:
            if np.ndim(contrasts) != 2 or np.shape(contrasts)[1] != p or not len(contrasts):
                raise ModelError(
                    f"The contrasts of {label} have the shape {np.shape(contrasts)}; give a matrix "
                    f"with a row for each contrast and a column for each of the {p} coefficients."
                )
        return f_tests(self._approximation(name), hypotheses), self._remarks(name)

    def _approximation(self, method: str) -> Approximation:
        """How contrasts of the coefficients are tested."""
        if method == "satterthwaite":
            return Satterthwaite(self.estimate)
        return KenwardRoger(self.restricted_estimate)

    def _remarks(self, method: str) -> tuple[str, ...]:
        """What to know before trusting tests by a method."""
        kenward_roger = method != "satterthwaite"
        out = []
        if kenward_roger and not self.reml:
            out.append(
                "Kenward and Roger's method is defined for REML: the model was fitted again by "
                "REML for this table."
            )
        optimum = (self.restricted_estimate if kenward_roger else self.estimate).optimum
        if not optimum.converged:
            out.append(f"{self.verdict.sentence} The tests lack a firm ground.")
        elif optimum.boundary and not kenward_roger:
            out.append(
                "Boundary fit: directions of zero variance are taken as known to have none, so "
                "degrees of freedom may be too many."
            )
        return tuple(out)

    def confint(
        self,
        parm: str | Iterable[str] | None = None,
        level: float = 0.95,
        method: str = "profile",
        scale: str = "sd",
        report: str | None = None,
        nsim: int = 1000,
        seed: Any = None,
        boot_type: str = "percentile",
    ) -> Intervals:
        """Confidence intervals of standard deviations, correlations, sigma and coefficients.

        Parameters
        ----------
        parm : str or list of str, optional
            Names of parameters, such as ``"sigma"`` or ``"sd_ses|school"``; groups of them:
            ``"theta_"`` (standard deviations, correlations and sigma) and ``"beta_"``
            (coefficients) as in lme4, ``"random"`` (``"theta_"`` without sigma) and ``"fixed"``;
            or patterns with ``*`` and ``?``, such as ``"sd_*"``. All parameters by default.
        level : float
            Confidence level between 0 and 1.
        method : {"profile", "wald", "boot"}
            ``"profile"`` (or ``"lr"``) cuts the profile likelihood: all values that a
            likelihood-ratio test does not reject. Like lme4 it uses maximum likelihood, also for a
            fit by REML. ``"wald"`` is estimate plus and minus a multiple of the standard error,
            from the observed information of the fit's own criterion. ``"boot"`` is a parametric
            bootstrap, by the fit's own criterion; to draw several kinds of intervals from the same
            replicates, see ``bootstrap``.
        scale : {"sd", "variance", "log"}
            On which scale of a standard deviation (sigma included) the interval is built: itself,
            its square, its logarithm. Profile and percentile intervals are the same on every
            scale; correlations and coefficients stay on their own.
        report : {"sd", "variance", "log"}, optional
            In which units the limits are given; by default those of ``scale``. ``report="sd"``
            puts intervals built on different scales on one axis.
        nsim, seed
            Of the bootstrap: how many replicates, and what makes them the same again.
        boot_type : {"percentile", "basic", "normal"}
            How limits are taken from the replicates; see ``Bootstrap.confint``.

        Returns
        -------
        Intervals
            A DataFrame with a row for each parameter and columns such as ``2.5 %`` and ``97.5 %``.
            No limit is missing: its ``.notes`` (also ``.attrs["notes"]``, and printed below) say
            why a limit is at a boundary, infinite or impossible. Limits by Wald or by the basic or
            normal bootstrap may be impossible, such as a variance below zero; reported on a scale
            that has no such value, they are at the boundary. Where there is no standard error, as
            for a variance estimated as zero, Wald's interval is everything that is possible.

        Raises
        ------
        ModelError
            An unknown parameter, level, method or scale; ``nsim`` or ``seed`` out of range.
        """
        kind, level = check_method(method), check_level(level)
        scale = check_scale(scale, "scale")
        report = scale if report is None else check_scale(report, "report")
        chosen = choose(parm, self.parameters)
        if kind == "profile":
            scale, title = "sd", PROFILE
            limits = profile_limits(self.likelihood_estimate, chosen, level)
        elif kind == "wald":
            title = WALD
            limits = wald_limits(self.estimate, chosen, level, scale)
        else:
            boot_type = check_boot_type(boot_type)
            scale = "sd" if boot_type == "percentile" else scale
            title = f"bootstrap {boot_type} intervals ({nsim} replicates)"
            limits = boot_limits(self.bootstrap(nsim, seed), chosen, level, boot_type, scale)
        return labelled(limits, chosen, level, title, scale, report)

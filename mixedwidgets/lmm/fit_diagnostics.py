"""``Diagnostics``: the methods of a fit that show how well it describes the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.augment import augmented, values_used
from mixedwidgets.lmm.contributions import Shares, outermost
from mixedwidgets.lmm.fitted import Fitted, theta_names
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.influence import Influence, influence
from mixedwidgets.lmm.leverage import cooks_distances, leverages
from mixedwidgets.lmm.pca import principal_components
from mixedwidgets.lmm.residuals import residuals
from mixedwidgets.lmm.variance_explained import VarianceParts, variance_parts


class Diagnostics(Fitted):
    """Residuals, influence, and the parts of the variance."""

    def resid(self, type: str = "response", scaled: bool = False) -> pd.Series:
        """Residuals given the random effects, as lme4's ``residuals``.

        Parameters
        ----------
        type : str
            ``"response"`` or ``"working"``: response minus fitted value.
            ``"pearson"`` or ``"deviance"``: the same times the square root of the prior weight.
            ``"scaled"``: Pearson residuals divided by sigma, as the summary shows them.
            ``"studentized"``: Pearson residuals divided by ``sigma * sqrt(1 - leverage)``, lme4's
            ``rstudent``; NaN where the leverage is 1.
        scaled : bool
            Divide by sigma.

        Returns
        -------
        Series
            For the rows used; after ``na_action="exclude"`` for all rows, NaN where a value is
            missing.

        Raises
        ------
        ModelError
            An unknown type.
        """
        return self._padded(
            residuals(self.design, self.estimate, type, yes_or_no("scaled", scaled)), "resid"
        )

    def hatvalues(self) -> pd.Series:
        """Leverages: how far each fitted value follows its own response, between 0 and 1.

        The diagonal of the matrix that turns the response into fitted values (random effects
        included) at the estimated theta, as lme4's ``hatvalues``. Their sum is the effective
        number of parameters of the mean.

        Returns
        -------
        Series
            As ``resid``.

        Notes
        -----
        Bates, Maechler, Bolker and Walker (2015), Journal of Statistical Software 67(1),
        section 3; the time is linear in the rows.
        """
        return self._padded(leverages(self.design, self.estimate), "hat")

    def cooks_distance(self) -> pd.Series:
        """Cook's distance of each row, as lme4's ``cooks.distance``.

        ``(r / (1 - h))^2 h / (p sigma^2)`` with r the Pearson residual, h the leverage and p the
        number of coefficients; NaN where h is 1. It speaks of all fitted values, random effects
        included; ``influence`` tells what happens to the coefficients alone.

        Returns
        -------
        Series
            As ``resid``.

        Raises
        ------
        ModelError
            The model has no fixed effects.
        """
        pearson = residuals(self.design, self.estimate, "pearson")
        hat = leverages(self.design, self.estimate)
        return self._padded(cooks_distances(self.estimate, pearson, hat), "cooksd")

    def influence(self, group: str | None = None, approximate: bool = False) -> Influence:
        """How the estimates change when one row, or one group of rows, is left out.

        Parameters
        ----------
        group : str, optional
            A grouping factor of the model or a column of the data, each of whose levels is left
            out in turn; single rows by default.
        approximate : bool
            False: every parameter is estimated again, the search starting from the estimate of
            all rows; the result is that of a fit to the remaining rows. True: theta stays as
            estimated from all rows, and the coefficients and sigma are estimated again; for
            single rows a closed form without any fit.

        Returns
        -------
        Influence
            ``dfbeta``, ``dfbetas``, ``cooks_distance``, ``covratio``, ``covtrace``, and
            ``estimates``, ``change``, ``theta`` and ``sigma`` of each deletion.

        Raises
        ------
        ModelError
            An unknown group.
        """
        approximate = yes_or_no("approximate", approximate)
        if group is None:
            labels = self.design.index
            sets = list(np.arange(self.nobs)[:, None])
        else:
            codes, labels = self._codes_of(group)
            order = np.argsort(codes, kind="stable")
            known = order[np.searchsorted(codes[order], 0) :]
            sets = np.split(known, np.cumsum(np.bincount(codes[known]))[:-1])
        return influence(
            self.design,
            self.estimate,
            group,
            labels,
            sets,
            approximate,
            theta_names(self.design),
        )

    def augment(self) -> pd.DataFrame:
        """The model's variables as given in the data, with what the model makes of each row.

        Returns
        -------
        DataFrame
            A row for each row used (after ``na_action="exclude"``, for all rows). After the
            variables that the formula mentions:

            ``.offset``, ``.weights``
                As used; only where the model has them.
            ``.fitted``
                Fitted value, random effects and offset included, on the response's scale in the
                formula.
            ``.resid``
                Response minus fitted value.
            ``.scresid``
                The same times the square root of the weight, divided by sigma.
            ``.fixed``
                Fixed effects and offset alone: the prediction for an average group.
            ``.hat``
                Leverage.
            ``.cooksd``
                Cook's distance; NaN without fixed effects.

        Notes
        -----
        ``.fitted``, ``.resid`` and ``.scresid`` are those of lme4's ``fortify``, the others are
        named as by broom.mixed's ``augment``.
        """
        return augmented(self.design, self.estimate, self.call)

    def icc(self, by_group: bool = False) -> pd.Series | pd.DataFrame:
        """Intraclass correlation: the share of the random effects in the variance.

        Parameters
        ----------
        by_group : bool
            One for each grouping factor.

        Returns
        -------
        Series or DataFrame
            ``adjusted``: of the variance that the fixed effects leave, the correlation of two
            observations of a group in a model with one random intercept,
            ``tau^2 / (tau^2 + sigma^2)``. ``conditional``: of the whole variance. With
            ``by_group`` a row for each grouping factor, which add up to these.

        Notes
        -----
        Nakagawa, Johnson and Schielzeth (2017), Journal of the Royal Society Interface 14,
        20170213. The variance of random effects with columns other than the intercept is its mean
        over the rows (Johnson 2014, Methods in Ecology and Evolution 5, 944-946); the residual
        variance is that of an observation of weight 1.
        """
        parts = self._variance_parts
        adjusted, conditional = parts.adjusted_icc, parts.conditional_icc
        if yes_or_no("by_group", by_group):
            groups = pd.Index([g.name for g in self.design.groupings], name="group")
            return pd.DataFrame({"adjusted": adjusted, "conditional": conditional}, index=groups)
        return pd.Series({"adjusted": adjusted.sum(), "conditional": conditional.sum()}, name="icc")

    def r2(self) -> pd.Series:
        """Marginal and conditional R^2.

        Returns
        -------
        Series
            ``marginal``: the share of the fixed effects in the variance of the response;
            ``conditional``: that of fixed and random effects together.

        Notes
        -----
        Nakagawa and Schielzeth (2013), Methods in Ecology and Evolution 4, 133-142, with the
        variance of random slopes after Johnson (2014), as in ``icc``.
        """
        parts = self._variance_parts
        return pd.Series(
            {"marginal": parts.marginal_r2, "conditional": parts.conditional_r2}, name="r2"
        )

    def re_pca(self) -> dict[str, pd.DataFrame]:
        """Principal components of the random effects of each grouping factor, as lme4's ``rePCA``.

        Of the relative covariance Lambda Lambda', all terms of a grouping factor together: a
        component of standard deviation zero is a direction in which the groups do not vary, and
        which the model can do without.

        Returns
        -------
        dict of DataFrame
            For each grouping factor a row for each component: ``sd`` (in units of sigma),
            ``proportion`` of the variance, ``cumulative`` proportion (NaN without variance), and
            the component's loadings under the names of the random effects.
        """
        out = {}
        for factor, grouping in enumerate(self.design.groupings):
            found = principal_components(self.estimate, factor)
            table = pd.DataFrame(
                {
                    "sd": found.sd,
                    "proportion": found.proportion,
                    "cumulative": np.cumsum(found.proportion),
                },
                index=pd.Index([f"PC{i + 1}" for i in range(len(found.sd))], name="component"),
            )
            blocks = [b for b in self.design.blocks if b.grouping == factor]
            names = [name for block in blocks for name in block.names]
            loadings = pd.DataFrame(found.loadings.T, index=table.index, columns=names)
            out[grouping.name] = pd.concat([table, loadings], axis=1)
        return out

    def contributions(self, factor: str | None = None) -> pd.Series:
        """What each group contributes to the log-likelihood at the estimates.

        The log density of the group's responses, random effects integrated out. A group far below
        the others for its number of rows is one that the model does not expect.

        Parameters
        ----------
        factor : str, optional
            The grouping factor; it can only be the outermost of nested ones, whose levels are
            independent, and is that by default.

        Returns
        -------
        Series
            Indexed by level. By maximum likelihood named ``loglik``, and the sum is
            ``fit.loglik``. The restricted likelihood is no sum over groups: after REML these are
            the contributions to the (unrestricted) log-likelihood at the REML estimates, and
            the name is ``loglik at the REML estimates``.

        Raises
        ------
        ModelError
            No such grouping factor, one whose levels are not independent, or crossed factors,
            where the likelihood does not come apart by groups.
        """
        number = outermost(self.design, factor)
        grouping = self.design.groupings[number]
        return pd.Series(
            Shares.of(self.design, number).contributions(self.estimate),
            index=pd.Index(grouping.levels, name=grouping.name),
            name="loglik at the REML estimates" if self.reml else "loglik",
        )

    @property
    def _variance_parts(self) -> VarianceParts:
        return variance_parts(self.design, self.estimate)

    def _codes_of(self, group: str) -> tuple[NDArray[np.intp], pd.Index]:
        """The level of each row used (-1 where missing) and the labels of the levels."""
        for grouping in self.design.groupings:
            if grouping.name == group:
                return grouping.codes, pd.Index(grouping.levels, name=group)
        column = values_used(self.design, self.call.data_then, group) if group else None
        if column is None:
            known = [g.name for g in self.design.groupings]
            raise ModelError(
                f"There is no group {group!r}{nearest(str(group), known)}; give a grouping factor "
                f"of the model ({', '.join(known)}), a column of the data, or nothing to leave out "
                "single rows."
            )
        codes, levels = pd.factorize(column, sort=True)
        return np.asarray(codes, dtype=np.intp), pd.Index(levels, name=group)

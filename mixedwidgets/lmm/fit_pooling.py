"""``Pooling``: the methods of a fit about no, partial and complete pooling."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.caterpillar import caterpillar
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import variance_parameters
from mixedwidgets.lmm.pooling import weights
from mixedwidgets.lmm.pooling_path import direction, pooling_path, typical_sd
from mixedwidgets.lmm.ranef import conditional_variances, shrinkage
from mixedwidgets.lmm.tables import ShrinkageTable

KINDS = ("profile", "slice")
STEPS, FEWER = 49, 25  # positive values of tau on the path of one factor, and of several
REACH = 30.0  # how far the path goes beyond halfway on both sides


class Pooling(Fitted):
    """Shrinkage of group estimates."""

    def shrinkage(self, group: str | None = None) -> pd.DataFrame:
        """Estimates of every level with no, partial and complete pooling.

        Parameters
        ----------
        group : str, optional
            Name of the grouping factor; by default the first, which has the most levels.

        Returns
        -------
        DataFrame
            A row for each level and, one after the other, each coefficient that varies between
            them; the index is the level. Columns:

            - ``term``: the coefficient, such as ``(Intercept)``;
            - ``n``: number of observations in the level;
            - ``no_pooling``: the level's own least-squares estimate, what does not vary between
              levels taken from the fit; NaN where its data do not determine it
              (``.attrs["notes"]`` says how often);
            - ``partial_pooling``: fixed effect plus conditional mode;
            - ``complete_pooling``: the fixed effect (0 without one);
            - ``weight``: of the level's own estimate in partial pooling. With one coefficient,
              ``partial = weight * no + (1 - weight) * complete``, and in the one-way model
              ``weight = n tau^2 / (n tau^2 + sigma^2)``. With several it is the diagonal of the
              weight matrix ``Sigma (sigma^2 I + Z'Z Sigma)^-1 Z'Z`` of the level (Laird and Ware
              1982): its own estimates of the other coefficients have weights too, so it can be
              below 0 or above 1 where coefficients are highly correlated;
            - ``cond_sd``: standard deviation of the level's effect given the data and the
              estimated parameters.

        Raises
        ------
        ModelError
            No such grouping factor.
        """
        factor = self._factor_named(group)
        table = self.shrinkage_table(group)
        variances = conditional_variances(self.estimate, factor)
        own = np.einsum("jaa->ja", weights(self.design, self.estimate, factor))
        sd = np.sqrt(np.maximum(np.einsum("jaa->ja", variances), 0.0))
        levels, m = self._levels(factor), len(table.levels)
        out = pd.DataFrame(
            {
                "term": np.repeat(self._terms(factor), m),
                "n": np.tile(table.size, len(table.names)),
                "no_pooling": table.no_pooling.T.ravel(),
                "partial_pooling": table.partial_pooling.T.ravel(),
                "complete_pooling": np.repeat(table.complete_pooling, m),
                "weight": own.T.ravel(),
                "cond_sd": sd.T.ravel(),
            },
            index=pd.Index(np.tile(levels.to_numpy(), len(table.names)), name=levels.name),
        )
        lost = int(np.isnan(table.no_pooling).any(axis=1).sum())
        out.attrs["notes"] = (
            (
                f"The data of {lost} of the {m} levels of {table.group!r} do not determine their "
                "own estimates: there is no value without pooling.",
            )
            if lost
            else ()
        )
        return out

    def shrinkage_table(self, group: str | None = None) -> ShrinkageTable:
        """The same as the table that ``plots.figures.shrinkage`` draws.

        Parameters
        ----------
        group : str, optional
            Name of the grouping factor; by default the first, which has the most levels.

        Raises
        ------
        ModelError
            No such grouping factor.
        """
        factor = self._factor_named(group)
        return shrinkage(self.design, self.estimate, self.design.groupings[factor].name)

    def caterpillar_table(self, group: str | None = None) -> CaterpillarTable:
        """Conditional modes with standard deviations, that ``plots.figures.caterpillar`` draws.

        Parameters
        ----------
        group : str, optional
            Name of the grouping factor; by default the first, which has the most levels.

        Raises
        ------
        ModelError
            No such grouping factor.
        """
        return caterpillar(self.design, self.estimate, self._factor_named(group))

    def pooling_path(
        self,
        tau: float | Iterable[float] | None = None,
        group: str | None = None,
        kind: str = "profile",
    ) -> pd.DataFrame:
        """Estimates of every level as the standard deviation between levels goes from 0 to inf.

        The covariance of the group's random effects is ``tau^2`` times a fixed shape: that of the
        fit, or, where it is estimated as zero, effects of equal size without correlation. So the
        path passes through the fit. The coefficients are at their best for every tau.

        Parameters
        ----------
        tau : float or list of float, optional
            Standard deviations of the group's first random effect, 0 and infinity included. By
            default 0, about 50 values (25 where there are several grouping factors, which take
            longer) from almost complete to almost no pooling, the estimate, and infinity.
        group : str, optional
            Name of the grouping factor; by default the first, which has the most levels.
        kind : {"profile", "slice"}
            ``"profile"``: sigma, and covariances of other grouping factors, are at their best for
            every tau. ``"slice"``: they are held at the fit's estimates.

        Returns
        -------
        DataFrame
            Indexed by tau. Columns ``deviance`` (by the fit's criterion, infinite without pooling)
            and ``sigma``, then for each coefficient that varies one column for each level:
            ``path["(Intercept)"]`` is a DataFrame of tau by level. The row of 0 is complete
            pooling; that of infinity no pooling: each level's own least-squares estimates, given
            the coefficients of what does not vary between levels, which are at their best there.
            For a level whose data do not determine its coefficients it is the limit of partial
            pooling, and so it is along directions in which the fit has no variance.
            ``.attrs`` tell tau's name, the criterion and the kind.

        Raises
        ------
        ModelError
            A tau that is no number of at least 0 or too large to be told from infinity, no such
            grouping factor, another kind.
        """
        factor = self._factor_named(group)
        if kind not in KINDS:
            raise ModelError(f"kind is {brief(kind)}; choose 'profile' or 'slice'.")
        values = self._default_tau(factor) if tau is None else _checked(tau)
        found = pooling_path(self.estimate, factor, values, kind == "profile")
        terms, levels = self._terms(factor), self._levels(factor)
        common = dict(zip(self.design.x_names, found.beta.T, strict=True))
        parts = [found.deviance[:, None], found.sigma[:, None]]
        columns: list[tuple[str, object]] = [("deviance", ""), ("sigma", "")]
        for number, term in enumerate(terms):
            parts.append(found.modes[:, :, number] + common.get(term, np.zeros(1))[:, None])
            columns += [(term, level) for level in levels]
        out = pd.DataFrame(
            np.hstack(parts),
            index=pd.Index(values, name="tau"),
            columns=pd.MultiIndex.from_tuples(columns, names=["term", levels.name]),
        )
        out.attrs["tau"] = self._tau_name(factor)
        out.attrs["criterion"] = "REML" if self.reml else "ML"
        out.attrs["kind"] = kind
        return out

    def _factor_named(self, group: str | None) -> int:
        names = [g.name for g in self.design.groupings]
        if group is None:
            return 0
        if group not in names:
            raise ModelError(
                f"This model has no grouping factor {brief(group)}{nearest(str(group), names)}; "
                f"choose from {listed(names)}."
            )
        return names.index(group)

    def _terms(self, factor: int) -> list[str]:
        return [n for b in self.design.blocks if b.grouping == factor for n in b.names]

    def _levels(self, factor: int) -> pd.Index:
        grouping = self.design.groupings[factor]
        return pd.Index(grouping.levels, name=grouping.name)

    def _default_tau(self, factor: int) -> Array:
        halfway = typical_sd(self.estimate, factor)
        _, first = direction(self.estimate, factor)
        columns = self.estimate.moments.columns_of(factor)
        fitted = float(np.linalg.norm(self.estimate.factor[columns[first]]))
        steps = STEPS if len(self.design.groupings) == 1 else FEWER
        grid = np.geomspace(halfway / REACH, halfway * REACH, steps)
        return np.unique(np.concatenate([[0.0, fitted], grid, [np.inf]]))

    def _tau_name(self, factor: int) -> str:
        _, first = direction(self.estimate, factor)
        own = [n for n, b in enumerate(self.design.blocks) if b.grouping == factor]
        sds = [p for p in variance_parameters(self.design) if p.kind == "sd" and p.block in own]
        return sds[first].name


def _checked(tau: float | Iterable[float]) -> Array:
    """Values of tau as an array, or a sentence."""
    try:
        values = np.atleast_1d(np.asarray(tau, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if values.ndim != 1 or not np.all(values >= 0.0):
        raise ModelError(f"tau is {brief(tau)}; give numbers of at least 0, infinity included.")
    return values

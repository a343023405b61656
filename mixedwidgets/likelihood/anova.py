"""One-way analysis: analysis of variance, three estimates of the variances, group means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.likelihood.components import (
    Components,
    by_likelihood,
    by_moments,
    effective_size,
    mean_squares,
    needs_replication,
)
from mixedwidgets.likelihood.groups import Groups, summarise
from mixedwidgets.likelihood.inputs import Array
from mixedwidgets.likelihood.layout import html_frame, html_table, number, probability, text_table

METHODS = ("moments", "ML", "REML")
_SHOWN = 20  # groups that a printed table lists


@dataclass(frozen=True, repr=False)
class AnovaTable:
    """Sums of squares between and within groups, and the F test that all means are equal.

    Attributes
    ----------
    df_between, df_within : int
        Degrees of freedom, ``m - 1`` and ``n - m``.
    ss_between, ss_within : float
        Sums of squares.
    msg, mse : float
        Mean squares between and within groups.
    F, p : float
        ``msg / mse`` and the probability of a larger F where all group means are equal.
    n0 : float
        Number of observations per group, or what stands for it where groups differ in size.
    tau2 : float
        ``(msg - mse) / n0`` as it comes: unbiased, and negative where the groups differ less than
        chance would make them.
    """

    df_between: int
    df_within: int
    ss_between: float
    ss_within: float
    msg: float
    mse: float
    F: float
    p: float
    n0: float
    tau2: float

    _HEAD = ("", "df", "sum of squares", "mean square", "F", "p")

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns by name, as ``pandas.DataFrame`` takes them."""
        return {
            "source": ["between groups", "within groups"],
            "df": [self.df_between, self.df_within],
            "ss": [self.ss_between, self.ss_within],
            "ms": [self.msg, self.mse],
            "F": [self.F, np.nan],
            "p": [self.p, np.nan],
        }

    def rows(self) -> list[list[str]]:
        """Rows of the printed table, as text."""
        between = [number(v) for v in (self.ss_between, self.msg, self.F)]
        within = [number(v) for v in (self.ss_within, self.mse)]
        total = self.df_between + self.df_within
        return [
            ["between groups", str(self.df_between), *between, probability(self.p)],
            ["within groups", str(self.df_within), *within, "", ""],
            ["total", str(total), number(self.ss_between + self.ss_within), "", "", ""],
        ]

    def __repr__(self) -> str:
        return text_table(self._HEAD, self.rows())

    def _repr_html_(self) -> str:
        return html_table("Analysis of variance", self._HEAD, self.rows())


@dataclass(frozen=True, repr=False)
class GroupMeans:
    """Unbiased and shrinkage estimates of the group means.

    ``mu_j = w_j mean_j + (1 - w_j) mu`` with the weight ``w_j = (n_j / sigma2) / (n_j / sigma2 +
    1 / tau2)``: the sample mean counts by its precision, the overall mean by that of the groups
    (Searle, Casella and McCulloch 1992, Variance Components, section 3.4).

    Attributes
    ----------
    method : {"moments", "ML", "REML"}
        Where mu, sigma2 and tau2 come from.
    mu : float
        Overall mean, to which the estimates are drawn.
    labels : tuple, length m
    size : (m,) array of int
    unbiased : (m,) array
        Sample means (no pooling).
    weight : (m,) array
        Share of the sample mean, from 0 (complete pooling) to 1.
    shrunken : (m,) array
        Shrinkage estimates (partial pooling).
    se_unbiased, se_shrunken : (m,) arrays
        ``sqrt(sigma2 / n_j)``, and the standard deviation of mu_j given the data,
        ``sqrt(tau2 (1 - w_j))``, mu and the variances taken as known.
    """

    method: str
    mu: float
    labels: tuple[Any, ...]
    size: NDArray[np.int64]
    unbiased: Array
    weight: Array
    shrunken: Array
    se_unbiased: Array
    se_shrunken: Array

    _HEAD = ("group", "n", "mean", "std. error", "weight", "shrunken", "std. dev.")

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns by name, as ``pandas.DataFrame`` takes them."""
        columns = ("size", "unbiased", "se_unbiased", "weight", "shrunken", "se_shrunken")
        return {"group": list(self.labels), **{c: getattr(self, c).tolist() for c in columns}}

    def _rows(self) -> list[list[str]]:
        columns = list(self.to_dict().values())
        rows = [
            [str(group), str(n), *(number(v) for v in rest)]
            for group, n, *rest in list(zip(*columns, strict=True))[:_SHOWN]
        ]
        left = len(self.labels) - _SHOWN
        return [*rows, [f"... {left} more", *[""] * 6]] if left > 0 else rows

    @property
    def _title(self) -> str:
        return f"Group means drawn to the overall mean {number(self.mu)} ({self.method})"

    def __repr__(self) -> str:
        return f"{self._title}\n\n{text_table(self._HEAD, self._rows())}"

    def _repr_html_(self) -> str:
        return html_frame(self._title, [html_table("", self._HEAD, self._rows())])


@dataclass(frozen=True, repr=False)
class OneWay:
    """A one-way analysis: `oneway` makes it.

    Attributes
    ----------
    groups : Groups
        Labels, sizes, means and sums of squares of the groups.
    anova : AnovaTable
        Analysis of variance and F test.
    moments, ml, reml : Components
        Estimates of mu, sigma2 and tau2 by the method of moments, maximum likelihood and restricted
        maximum likelihood.
    """

    groups: Groups
    anova: AnovaTable
    moments: Components
    ml: Components
    reml: Components

    @property
    def estimates(self) -> tuple[Components, Components, Components]:
        """By moments, ML and REML."""
        return self.moments, self.ml, self.reml

    def means(self, method: str = "REML") -> GroupMeans:
        """Unbiased and shrinkage estimates of the group means.

        Parameters
        ----------
        method : {"REML", "ML", "moments"}
            Which estimates of mu, sigma2 and tau2 are used; upper and lower case are the same.
            The mean by moments is that of all observations.

        Returns
        -------
        GroupMeans

        Raises
        ------
        ModelError
            Another method.
        """
        chosen = {e.method.lower(): e for e in self.estimates}.get(str(method).lower())
        if chosen is None:
            raise ModelError(f"method must be 'moments', 'ML' or 'REML', not {brief(method)}.")
        data = self.groups
        weight = data.size * chosen.tau2 / (chosen.sigma2 + data.size * chosen.tau2)
        away = data.deviation - (chosen.mu - data.centre)
        return GroupMeans(
            chosen.method,
            chosen.mu,
            data.labels,
            data.size,
            data.mean,
            weight,
            chosen.mu + weight * away,
            np.sqrt(chosen.sigma2 / data.size),
            np.sqrt(chosen.tau2 * (1.0 - weight)),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said in words, above all where a variance is cut off at zero."""
        found = []
        table, data = self.anova, self.groups
        if table.tau2 < 0.0:
            size = "n" if data.balanced else "n0"
            found.append(
                f"By moments tau2 = (MSG - MSE) / {size} = {number(table.tau2)} is negative: the "
                "group means differ less than chance alone would make them. A variance cannot be "
                "negative, so it is cut off at 0."
            )
        zero = [e.method for e in (self.ml, self.reml) if e.boundary]
        if zero:
            found.append(
                f"By {' and '.join(zero)} tau2 is 0, the edge of what is possible: the likelihood "
                "is highest there, and sigma2 is the variance about one common mean. That does not "
                "show that the groups are equal, only that these data do not tell them apart."
            )
        if not data.balanced:
            found.append(
                f"Groups have {data.size.min()} to {data.size.max()} observations; the method of "
                f"moments uses n0 = {number(table.n0)} for their number."
            )
        return tuple(found)

    @property
    def _title(self) -> str:
        size = f" of {self.groups.size[0]}" if self.groups.balanced else ""
        return f"One-way analysis: {self.groups.n} observations in {self.groups.m} groups{size}"

    def _estimate_rows(self) -> list[list[str]]:
        names = {
            "mu": "mu, overall mean",
            "se_mu": "  its standard error",
            "sigma2": "sigma2, variance within groups",
            "tau2": "tau2, variance between groups",
            "sigma": "sigma, standard deviation",
            "tau": "tau, standard deviation",
            "icc": "tau2 / (tau2 + sigma2)",
        }
        rows = [
            [text, *(number(getattr(e, name)) for e in self.estimates)]
            for name, text in names.items()
        ]
        # of criteria it is the differences that count
        likelihood = [f"{e.loglik:.4f}" for e in self.estimates]
        criterion = [f"{e.reml_criterion:.4f}" for e in self.estimates]
        return [*rows, ["log-likelihood", *likelihood], ["REML criterion", *criterion]]

    def _pooling(self) -> str:
        weight = self.means().weight
        low, high = f"{weight.min():.2f}", f"{weight.max():.2f}"
        between = low if low == high else f"{low} to {high}"
        return f"Shrinkage by REML: weight {between} for a group's own mean; see .means()."

    def __repr__(self) -> str:
        parts = [
            self._title,
            repr(self.anova),
            text_table(["", *METHODS], self._estimate_rows()),
            *self.notes,
            self._pooling(),
        ]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        tables = [
            self.anova._repr_html_(),
            html_table("Estimates", ["", *METHODS], self._estimate_rows()),
        ]
        return html_frame(self._title, tables, [*self.notes, self._pooling()])


def oneway(y: Any, groups: Any) -> OneWay:
    """Analyse observations in groups: ``y_ij = mu + a_j + e_ij``.

    Analysis of variance with its F test, and the variances within (sigma2) and between groups
    (tau2) by the method of moments, maximum likelihood and restricted maximum likelihood, for
    groups of equal or unequal size. Groups of one size have closed forms; for others the exact
    derivative of the profiled criterion is solved in ``tau2 / sigma2`` for every root, and the
    lowest minimum is taken (Searle, Casella and McCulloch 1992, Variance Components, chapter 3).

    Parameters
    ----------
    y : (n,) array_like
        Observations, finite.
    groups : (n,) array_like
        The group of each: text, numbers or categories, none missing.

    Returns
    -------
    OneWay

    Raises
    ------
    DataError
        Observations or groups that cannot be used.
    ModelError
        Fewer than two groups, one observation in every group, or no spread within any group.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> wheat = mw.load("wheat")
    >>> result = oneway(wheat["yield"], wheat["region"])
    >>> round(result.moments.tau2, 5), round(result.ml.tau2, 5)
    (0.38408, 0.30993)
    """
    data = summarise(y, groups)
    needs_replication(data)
    return OneWay(
        data,
        _anova(data),
        by_moments(data),
        by_likelihood(data, reml=False),
        by_likelihood(data, reml=True),
    )


def _anova(data: Groups) -> AnovaTable:
    msg, mse = mean_squares(data)
    between, within = data.m - 1, data.n - data.m
    n0 = effective_size(data)
    F = msg / mse
    p = float(fdtrc(between, within, F))
    return AnovaTable(
        between, within, data.between, data.within, msg, mse, F, p, n0, (msg - mse) / n0
    )

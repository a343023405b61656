"""The one-way hierarchical normal model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.components import by_likelihood
from mixedwidgets.likelihood.groups import summarise
from mixedwidgets.likelihood.inputs import Array, parameter, plain, together, variance
from mixedwidgets.likelihood.layout import html_frame, html_table, number, text_table
from mixedwidgets.likelihood.oneway_algebra import contributions, information, loglik, score


class OneWayParameters(NamedTuple):
    """Overall mean, variance within and variance between groups, or one number for each."""

    mu: float
    sigma2: float
    tau2: float


class OneWayModel:
    """Groups whose means vary: ``y_ij = mu + a_j + e_ij``.

    ``a_j ~ N(0, tau2)``, ``e_ij ~ N(0, sigma2)``, all independent, so observations of one group
    have the variance ``sigma2 + tau2`` and the covariance tau2, those of different groups none:
    ``p(y | mu, sigma2, tau2)`` is the product over groups of multivariate normal densities. They
    are computed in closed form from the groups' sizes, means and sums of squares (Searle, Casella
    and McCulloch 1992, Variance Components, section 3.7). All methods take arrays of parameters
    that broadcast together.

    Parameters
    ----------
    y : (n,) array_like
        Observations, finite.
    groups : (n,) array_like
        The group of each.

    Attributes
    ----------
    data : Groups
        All that the likelihood depends on.

    Raises
    ------
    DataError
        Observations or groups that cannot be used.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> wheat = mw.load("wheat")
    >>> model = OneWayModel(wheat["yield"], wheat["region"])
    >>> round(model.loglik(16.3, 1.787, 0.384), 4)
    -88.6121
    """

    def __init__(self, y: Any, groups: Any):
        self.data = summarise(y, groups)

    @classmethod
    def probability(cls, y: Any, groups: Any, mu: Any, sigma2: Any, tau2: Any) -> Any:
        """Joint density of grouped observations for given parameters.

        The same number as ``OneWayModel(y, groups).likelihood(mu, sigma2, tau2)``, read as a
        function of the data; for more than a few hundred observations it is too small or large
        for a computer's number, and its log is what can be used.
        """
        return cls(y, groups).likelihood(mu, sigma2, tau2)

    def loglik(self, mu: Any, sigma2: Any, tau2: Any) -> Any:
        """Log-likelihood.

        ``-1/2 sum_j [n_j log(2 pi) + (n_j - 1) log sigma2 + log lambda_j + SS_j / sigma2 +
        n_j (mean_j - mu)^2 / lambda_j]`` with ``lambda_j = sigma2 + n_j tau2``.

        Parameters
        ----------
        mu : float or array_like
        sigma2 : float or array_like
            Variance within groups, above 0.
        tau2 : float or array_like
            Variance between groups, at least 0.

        Returns
        -------
        float or array

        Raises
        ------
        ModelError
            A variance outside its range.
        """
        return plain(loglik(self.data, *_ready(mu, sigma2, tau2)))

    def likelihood(self, mu: Any, sigma2: Any, tau2: Any) -> Any:
        """Density of the data as a function of the parameters: ``exp(loglik)``."""
        return plain(np.exp(self.loglik(mu, sigma2, tau2)))

    def contributions(self, mu: Any, sigma2: Any, tau2: Any) -> Array:
        """Log-likelihood of each group; their sum is `loglik`.

        Returns
        -------
        (..., m) array
            Groups in the order of ``data.labels``.
        """
        return contributions(self.data, *_ready(mu, sigma2, tau2))

    def score(self, mu: Any, sigma2: Any, tau2: Any) -> Array:
        """First derivatives of the log-likelihood in mu, sigma2 and tau2.

        Returns
        -------
        (..., 3) array
        """
        return score(self.data, *_ready(mu, sigma2, tau2))

    def information(self, mu: Any = None, sigma2: Any = None, tau2: Any = None) -> Array:
        """Observed information: minus the second derivatives of the log-likelihood.

        Parameters
        ----------
        mu, sigma2, tau2 : float or array_like, optional
            The maximum-likelihood estimates take the place of what is not given.

        Returns
        -------
        (..., 3, 3) array
        """
        if mu is None or sigma2 is None or tau2 is None:
            best = self.mle()
            mu = best.mu if mu is None else mu
            sigma2 = best.sigma2 if sigma2 is None else sigma2
            tau2 = best.tau2 if tau2 is None else tau2
        return information(self.data, *_ready(mu, sigma2, tau2))

    def mle(self) -> OneWayParameters:
        """Maximum-likelihood estimates, exact: see `oneway` for how.

        Raises
        ------
        ModelError
            Data from which the two variances cannot be told apart.
        """
        best = by_likelihood(self.data, reml=False)
        return OneWayParameters(best.mu, best.sigma2, best.tau2)

    def vcov(self) -> Array:
        """Inverse of the information at the estimates, shape (3, 3).

        Raises
        ------
        ModelError
            The estimate of tau2 is 0.
        """
        best = self.mle()
        if best.tau2 == 0.0:
            raise ModelError(
                "The estimate of tau2 is 0, the edge of what is possible, where the curvature of "
                "the log-likelihood says nothing of precision; use a profile-likelihood interval."
            )
        return np.asarray(np.linalg.inv(self.information(*best)), dtype=np.float64)

    def se(self) -> OneWayParameters:
        """Standard errors: roots of the diagonal of `vcov`."""
        return OneWayParameters(*map(float, np.sqrt(np.diag(self.vcov()))))

    @property
    def _title(self) -> str:
        n, m = self.data.n, self.data.m
        return f"One-way normal model: {n} observation{'s' * (n != 1)} in {m} group{'s' * (m != 1)}"

    def _note(self) -> str:
        """Why there are no estimates or no standard errors; empty where there are."""
        try:
            self.vcov()
        except ModelError as error:
            return str(error)
        return ""

    def __repr__(self) -> str:
        rows = self._rows()
        table = text_table(["", "estimate", "std. error"], rows) if rows else ""
        return "\n".join(part for part in (self._title, table, self._note()) if part)

    def _repr_html_(self) -> str:
        rows, note = self._rows(), self._note()
        tables = [html_table("", ["", "estimate", "std. error"], rows)] if rows else []
        return html_frame(self._title, tables, [note] if note else [])

    def _rows(self) -> list[list[str]]:
        try:
            best = self.mle()
        except ModelError:
            return []
        errors = self.se() if best.tau2 > 0.0 else (None, None, None)
        return [
            [name, number(value), number(error)]
            for name, value, error in zip(best._fields, best, errors, strict=True)
        ]


@dataclass(frozen=True, repr=False)
class Contributions:
    """What each group adds to the log-likelihood of the one-way model.

    Attributes
    ----------
    labels : tuple, length m
        Names of the groups.
    size : (m,) array of int
    mean : (m,) array
    loglik : (m,) array
        Log density of each group's observations.
    """

    labels: tuple[Any, ...]
    size: NDArray[np.int64]
    mean: Array
    loglik: Array

    @property
    def total(self) -> float:
        """Log-likelihood of all groups."""
        return float(self.loglik.sum())

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns by name, as ``pandas.DataFrame`` takes them."""
        return {
            "group": list(self.labels),
            "n": self.size.tolist(),
            "mean": self.mean.tolist(),
            "loglik": self.loglik.tolist(),
        }

    def _rows(self) -> list[list[str]]:
        columns = zip(self.labels, self.size, self.mean, self.loglik, strict=True)
        rows = [[str(g), str(n), number(mean), f"{value:.4f}"] for g, n, mean, value in columns]
        return [*rows, ["total", str(self.size.sum()), "", f"{self.total:.4f}"]]

    _HEAD = ("group", "n", "mean", "log-likelihood")

    def __repr__(self) -> str:
        return text_table(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return html_frame("Contributions of the groups", [html_table("", self._HEAD, self._rows())])


def oneway_contributions(
    mu: float, sigma2: float, tau2: float, y: Any, groups: Any
) -> Contributions:
    """Log-likelihood of each group in the one-way hierarchical normal model.

    ``log p(y_j | mu, sigma2, tau2)``, the log of a multivariate normal density with mean mu,
    variance ``sigma2 + tau2`` and covariance tau2; the sum is minus `mll_oneway`.

    Parameters
    ----------
    mu, sigma2, tau2 : float
        Mean; variance within groups, above 0; variance between groups, at least 0.
    y : (n,) array_like
    groups : (n,) array_like

    Returns
    -------
    Contributions

    Raises
    ------
    ModelError, DataError
        As `mll_oneway`; parameters that are not single numbers.
    """
    data = summarise(y, groups)
    at = _ready(mu, sigma2, tau2)
    if at[0].ndim:
        raise ModelError("mu, sigma2 and tau2 must be single numbers; OneWayModel takes arrays.")
    return Contributions(data.labels, data.size, data.mean, contributions(data, *at))


def mll_oneway(mu: Any, sigma2: Any, tau2: Any, y: Any, groups: Any) -> Any:
    """Minus the log-likelihood of the one-way hierarchical normal model.

    ``y_ij = mu + a_j + e_ij``, ``a_j ~ N(0, tau2)``, ``e_ij ~ N(0, sigma2)``, in closed form (see
    `OneWayModel`).

    Parameters
    ----------
    mu, sigma2, tau2 : float or arrays that broadcast together
        Mean; variance within groups, above 0; variance between groups, at least 0.
    y : (n,) array
        Observations.
    groups : (n,) array
        The group of each.

    Returns
    -------
    float or array
        One value for each combination of parameters.

    Raises
    ------
    ModelError
        A variance outside its range.
    DataError
        Observations or groups that cannot be used.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> wheat = mw.load("wheat")
    >>> round(mll_oneway(16.3, 1.787, 0.384, wheat["yield"], wheat["region"]), 4)
    88.6121
    """
    return plain(-loglik(summarise(y, groups), *_ready(mu, sigma2, tau2)))


def _ready(mu: Any, sigma2: Any, tau2: Any) -> list[Array]:
    return together(
        mu=parameter(mu, "mu"),
        sigma2=variance(sigma2, "sigma2"),
        tau2=variance(tau2, "tau2", zero=True),
    )

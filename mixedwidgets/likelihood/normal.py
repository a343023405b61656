"""The normal model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.inputs import Array, numbers, parameter, plain, together, variance
from mixedwidgets.likelihood.layout import html_frame, html_table, number, text_table


class NormalParameters(NamedTuple):
    """A mean and a variance, or one number for each of them."""

    mu: float
    sigma2: float


class NormalModel:
    """Independent observations of one normal distribution: ``y_i ~ N(mu, sigma2)``.

    ``p(y | mu, sigma2) = (2 pi sigma2)^(-1/2) exp(-(y - mu)^2 / (2 sigma2))``, mu any number,
    sigma2 above 0; the joint density is the product (Casella and Berger 2002, Statistical
    Inference, example 7.2.11). All methods take arrays of parameters that broadcast together.

    Parameters
    ----------
    y : (n,) array_like
        Observations, finite.

    Attributes
    ----------
    n : int
        Number of observations.
    mean : float
        Mean of the observations.
    squares : float
        Sum of squared deviations from the mean.

    Raises
    ------
    DataError
        Observations that are not finite numbers.

    Examples
    --------
    >>> NormalModel([1.0, 2.0, 3.0]).mle()
    NormalParameters(mu=2.0, sigma2=0.6666666666666666)
    """

    def __init__(self, y: Any):
        values = numbers(y, "y")
        centre = values.mean()
        rest = values - centre
        rest -= rest.mean()
        self.n = len(values)
        self.mean = float(centre)
        self.squares = float(rest @ rest) if np.ptp(values) > 0.0 else 0.0

    @staticmethod
    def density(y: Any, mu: Any, sigma2: Any) -> Any:
        """Density of a single observation, for drawing the curve.

        Parameters
        ----------
        y, mu, sigma2 : float or array_like
            Broadcast together.

        Returns
        -------
        float or array
        """
        y, mu, sigma2 = together(
            y=parameter(y, "y"), mu=parameter(mu, "mu"), sigma2=variance(sigma2, "sigma2")
        )
        return plain(np.exp(-0.5 * (y - mu) ** 2 / sigma2) / np.sqrt(2.0 * np.pi * sigma2))

    @classmethod
    def probability(cls, y: Any, mu: Any, sigma2: Any) -> Any:
        """Joint density of a sample for given parameters.

        The same number as ``NormalModel(y).likelihood(mu, sigma2)``, read as a function of the
        data.

        Parameters
        ----------
        y : (n,) array_like
        mu, sigma2 : float or array_like

        Returns
        -------
        float or array, as the parameters
        """
        return cls(y).likelihood(mu, sigma2)

    def loglik(self, mu: Any, sigma2: Any) -> Any:
        """Log-likelihood ``-(n log(2 pi sigma2) + sum (y_i - mu)^2 / sigma2) / 2``.

        Parameters
        ----------
        mu : float or array_like
        sigma2 : float or array_like
            Above 0.

        Returns
        -------
        float or array
        """
        mu, sigma2 = _ready(mu, sigma2)
        return plain(-0.5 * (self.n * np.log(2.0 * np.pi * sigma2) + self._about(mu) / sigma2))

    def likelihood(self, mu: Any, sigma2: Any) -> Any:
        """Density of the data as a function of the parameters: ``exp(loglik)``."""
        return plain(np.exp(self.loglik(mu, sigma2)))

    def score(self, mu: Any, sigma2: Any) -> Array:
        """First derivatives of the log-likelihood.

        ``n (mean - mu) / sigma2`` and ``-n / (2 sigma2) + sum (y_i - mu)^2 / (2 sigma2^2)``.

        Returns
        -------
        (..., 2) array
            In mu and sigma2, for each combination of the parameters.
        """
        mu, s = _ready(mu, sigma2)
        in_mu = self.n * (self.mean - mu) / s
        return np.stack([in_mu, 0.5 * (self._about(mu) / s - self.n) / s], axis=-1)

    def information(self, mu: Any = None, sigma2: Any = None) -> Array:
        """Observed information: minus the second derivatives of the log-likelihood.

        Parameters
        ----------
        mu, sigma2 : float or array_like, optional
            Without them, the estimates, where it is ``diag(n / sigma2, n / (2 sigma2^2))``.

        Returns
        -------
        (..., 2, 2) array
        """
        if mu is None or sigma2 is None:
            best = self.mle()
            mu, sigma2 = best.mu if mu is None else mu, best.sigma2 if sigma2 is None else sigma2
        mu, s = _ready(mu, sigma2)
        both = self.n * (self.mean - mu) / s**2
        second = (self._about(mu) / s - 0.5 * self.n) / s**2
        rows = [np.stack([self.n / s, both], axis=-1), np.stack([both, second], axis=-1)]
        return np.stack(rows, axis=-2)

    def mle(self) -> NormalParameters:
        """Maximum-likelihood estimates: the mean, and the squares about it divided by n.

        Raises
        ------
        ModelError
            All observations are equal.
        """
        if self.squares == 0.0:
            raise ModelError(
                "All observations are equal, so the likelihood grows without end as sigma2 goes "
                "to 0: there is no estimate; give observations that differ."
            )
        return NormalParameters(self.mean, self.squares / self.n)

    def vcov(self) -> Array:
        """Inverse of the information at the estimates, shape (2, 2)."""
        return np.asarray(np.linalg.inv(self.information()), dtype=np.float64)

    def se(self) -> NormalParameters:
        """Standard errors ``sqrt(sigma2 / n)`` and ``sigma2 sqrt(2 / n)``."""
        sigma2 = self.mle().sigma2
        return NormalParameters((sigma2 / self.n) ** 0.5, sigma2 * (2.0 / self.n) ** 0.5)

    def _about(self, mu: Array) -> Array:
        return self.squares + self.n * (self.mean - mu) ** 2

    @property
    def _title(self) -> str:
        return f"Normal model: {self.n} observation{'s' * (self.n != 1)}"

    def _rows(self) -> list[list[str]]:
        if self.squares == 0.0:
            return []
        names, best, errors = ("mu", "sigma2"), self.mle(), self.se()
        return [[k, number(b), number(e)] for k, b, e in zip(names, best, errors, strict=True)]

    def _note(self) -> str:
        if self.squares == 0.0:
            return f"All equal {number(self.mean)}: the likelihood has no maximum."
        return f"log-likelihood at the estimates {self.loglik(*self.mle()):.4f}"

    def __repr__(self) -> str:
        head = ["", "estimate", "std. error"]
        table = f"{text_table(head, self._rows())}\n" if self._rows() else ""
        return f"{self._title}\n{table}{self._note()}"

    def _repr_html_(self) -> str:
        table = html_table("", ["", "estimate", "std. error"], self._rows())
        return html_frame(self._title, [table] if self._rows() else [], [self._note()])


def _ready(mu: Any, sigma2: Any) -> list[Array]:
    return together(mu=parameter(mu, "mu"), sigma2=variance(sigma2, "sigma2"))

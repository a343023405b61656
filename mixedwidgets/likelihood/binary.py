"""The binary model and the binomial model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from mixedwidgets.errors import DataError
from mixedwidgets.likelihood.inputs import Array, counts, numbers, plain, proportion
from mixedwidgets.likelihood.layout import html_frame, html_table, number, text_table


@dataclass(frozen=True, repr=False)
class BinomialModel:
    """The number k of ones among n independent observations: ``k ~ binomial(n, theta)``.

    ``p(k | theta) = n! / (k! (n - k)!) theta^k (1 - theta)^(n - k)``, ``0 <= theta <= 1``. The
    factor before theta does not change the shape of the likelihood, so score, information and
    estimate are those of `BinaryModel` (Casella and Berger 2002, Statistical Inference, section
    7.2).

    Parameters
    ----------
    k : int
        Number of ones (infected people, successes ...), from 0 to n.
    n : int
        Number of observations, at least 1.

    Raises
    ------
    DataError
        k or n that are not such numbers.

    Examples
    --------
    >>> BinomialModel(5, 30).mle()
    0.16666666666666666
    """

    k: int
    n: int

    def __post_init__(self) -> None:
        k, n = counts(self.k, self.n)
        object.__setattr__(self, "k", k)
        object.__setattr__(self, "n", n)

    @property
    def log_ways(self) -> float:
        """Log of the number of orders in which the ones can come."""
        k, n = self.k, self.n
        return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    def loglik(self, theta: Any) -> Any:
        """Log-likelihood ``k log(theta) + (n - k) log(1 - theta)``, and the log of the factor.

        Parameters
        ----------
        theta : float or array_like
            From 0 to 1; ``0 log(0)`` is 0.

        Returns
        -------
        float or array
            Minus infinity where the data are impossible.
        """
        theta = proportion(theta)
        return plain(xlogy(self.k, theta) + xlog1py(self.n - self.k, -theta) + self.log_ways)

    def likelihood(self, theta: Any) -> Any:
        """Probability of the data as a function of theta: ``exp(loglik)``, float or array."""
        return plain(np.exp(self.loglik(theta)))

    def score(self, theta: Any) -> Any:
        """First derivative of the log-likelihood, ``k / theta - (n - k) / (1 - theta)``.

        Parameters
        ----------
        theta : float or array_like
            From 0 to 1.

        Returns
        -------
        float or array
            Infinite at 0 with ones among the data, and at 1 with zeros.
        """
        theta = proportion(theta)
        return plain(_over(self.k, theta) - _over(self.n - self.k, 1.0 - theta))

    def information(self, theta: Any = None) -> Any:
        """Observed information, minus the second derivative of the log-likelihood.

        ``k / theta^2 + (n - k) / (1 - theta)^2``, which at the estimate is
        ``n / (theta (1 - theta))``.

        Parameters
        ----------
        theta : float or array_like, optional
            From 0 to 1; without it, the estimate. Where the estimate is 0 or 1 the second formula
            is infinite: the peak is at the edge, the slope there is not zero, and the information
            says nothing of precision.

        Returns
        -------
        float or array
        """
        if theta is None:
            spread = self.k * (self.n - self.k)
            return self.n**3 / spread if spread else np.inf
        theta = proportion(theta)
        return plain(_over(self.k, theta**2) + _over(self.n - self.k, (1.0 - theta) ** 2))

    def mle(self) -> float:
        """Maximum-likelihood estimate ``k / n``, where the score is zero (or the edge)."""
        return self.k / self.n

    def se(self) -> float:
        """Standard error ``sqrt(1 / information) = sqrt(theta (1 - theta) / n)``; 0 at an edge."""
        theta = self.mle()
        return float(np.sqrt(theta * (1.0 - theta) / self.n))

    def _rows(self) -> list[list[str]]:
        return [
            ["maximum-likelihood estimate of theta", number(self.mle())],
            ["standard error", number(self.se())],
            ["observed information", number(self.information())],
            ["log-likelihood", f"{self.loglik(self.mle()):.4f}"],
        ]

    @property
    def _title(self) -> str:
        return f"{type(self).__name__.removesuffix('Model')} model: {self.k} of {self.n}"

    def __repr__(self) -> str:
        head, *rows = self._rows()
        return f"{self._title}\n{text_table(head, rows)}"

    def _repr_html_(self) -> str:
        return html_frame(self._title, [html_table("", ["", "value"], self._rows())])


class BinaryModel(BinomialModel):
    """Independent zeros and ones with the same probability theta of a one.

    ``p(y_1, ..., y_n | theta) = theta^(sum y) (1 - theta)^(n - sum y)``, ``0 <= theta <= 1``: the
    data count only through their number of ones (Casella and Berger 2002, Statistical Inference,
    section 7.2).

    Parameters
    ----------
    y : (n,) array_like
        Zeros and ones (or False and True), at least one. Of 50 ones among 300 observations,
        `from_counts` makes the same model.

    Raises
    ------
    DataError
        Anything but zeros and ones.

    Examples
    --------
    >>> BinaryModel([0, 0, 0]).likelihood(1 / 2)
    0.125
    """

    def __init__(self, y: Any):
        values = _binary(y)
        super().__init__(int(values.sum()), len(values))

    @classmethod
    def from_counts(cls, k: int, n: int) -> BinaryModel:
        """Make the model of n observations of which k are ones.

        Parameters
        ----------
        k, n : int
            ``0 <= k <= n``, n at least 1.
        """
        model = cls.__new__(cls)
        BinomialModel.__init__(model, k, n)
        return model

    @classmethod
    def probability(cls, y: Any, theta: Any) -> Any:
        """Joint probability of a sequence for given theta.

        The same number as ``BinaryModel(y).likelihood(theta)``, read the other way: a function of
        the data.

        Parameters
        ----------
        y : (n,) array_like of 0 and 1
        theta : float or array_like

        Returns
        -------
        float or array, as theta
        """
        return cls(y).likelihood(theta)

    @property
    def log_ways(self) -> float:
        """Zero: the order of the observations is part of the data."""
        return 0.0

    def likelihood(self, theta: Any) -> Any:
        """Probability of the data as a function of theta, ``theta^k (1 - theta)^(n - k)``."""
        theta = proportion(theta)
        return plain(theta**self.k * (1.0 - theta) ** (self.n - self.k))


def _binary(y: Any) -> Array:
    values = numbers(y, "y")
    other = values[(values != 0.0) & (values != 1.0)]
    if len(other):
        raise DataError(
            f"y must hold zeros and ones only, and it holds {other[0]:g}; of counts, use "
            "BinaryModel.from_counts(k, n)."
        )
    return values


def _over(count: int, value: Array) -> Array:
    """Divide a count, with 0 / 0 as 0: what does not occur has no say."""
    if count == 0:
        return np.zeros_like(value)
    with np.errstate(divide="ignore"):
        return count / value

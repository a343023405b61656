"""One-way analysis of variance and the method of moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.groups import summarise


@dataclass(frozen=True)
class OneWayMoments:
    """Method-of-moments estimates of the one-way model.

    Attributes
    ----------
    mu : float
        Mean of all observations.
    msg, mse : float
        Mean squares between and within groups.
    sigma2 : float
        Variance within groups, ``mse``.
    tau2 : float
        Variance between groups, ``(msg - mse) / n0``; negative where the groups differ less than
        chance would make them.
    """

    mu: float
    msg: float
    mse: float
    sigma2: float
    tau2: float


def oneway_moments(y: Any, groups: Any) -> OneWayMoments:
    """Estimate the variances within and between groups from the analysis of variance.

    For unequal groups ``n0 = (n - sum n_j^2 / n) / (m - 1)`` (Searle, Casella and McCulloch 1992,
    Variance Components, section 3.6).

    Parameters
    ----------
    y : (n,) array
        Observations.
    groups : (n,) array
        The group of each.

    Returns
    -------
    OneWayMoments

    Raises
    ------
    ModelError
        Fewer than two groups, or one observation in every group.
    """
    data = summarise(y, groups)
    m, n = len(data.size), int(data.size.sum())
    if m < 2 or n == m:
        raise ModelError(
            f"There are {n} observations in {m} groups; the analysis of variance needs at least "
            "two groups, and one of them with two observations."
        )
    mu = float(data.size @ data.mean / n)
    msg = float(data.size @ (data.mean - mu) ** 2 / (m - 1))
    mse = data.within / (n - m)
    n0 = (n - float(data.size @ data.size) / n) / (m - 1)
    return OneWayMoments(mu, msg, mse, mse, (msg - mse) / n0)

"""Log-likelihoods of simple models in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.groups import summarise


def mll_oneway(mu: Any, sigma2: Any, tau2: Any, y: Any, groups: Any) -> Any:
    """Minus the log-likelihood of the one-way hierarchical normal model.

    ``y_ij = mu + a_j + e_ij``, ``a_j ~ N(0, tau2)``, ``e_ij ~ N(0, sigma2)``. The covariance
    matrix of a group, ``sigma2 I + tau2 11'``, has determinant ``sigma2^(n_j - 1) (sigma2 + n_j
    tau2)``, and its inverse splits the squares into those within groups, over ``sigma2``, and
    ``n_j (mean_j - mu)^2 / (sigma2 + n_j tau2)`` (Searle, Casella and McCulloch 1992, Variance
    Components, section 3.7), so no matrix is built.

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
    mu, sigma2, tau2 = (np.asarray(v, dtype=np.float64)[..., None] for v in (mu, sigma2, tau2))
    if not (np.all(sigma2 > 0.0) and np.all(tau2 >= 0.0)):
        raise ModelError("sigma2 must be above 0 and tau2 at least 0.")
    data = summarise(y, groups)
    n, total = data.size, data.size.sum()
    spread = sigma2 + n * tau2
    between = np.sum(np.log(spread) + n * (data.mean - mu) ** 2 / spread, axis=-1)
    sigma2 = sigma2[..., 0]
    within = (total - len(n)) * np.log(sigma2) + data.within / sigma2
    value = 0.5 * (total * np.log(2.0 * np.pi) + within + between)
    return float(value) if value.ndim == 0 else value

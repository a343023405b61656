"""The null distribution of a test that a variance is zero: a mixture of chi-squares.

Under the null hypothesis a variance lies on the boundary of what is possible, so half of the time
its estimate is zero (Self and Liang 1987, Journal of the American Statistical Association 82,
605-610). Where one random effect and its k - 1 covariances with others are tested, the statistic
is an equal mixture of chi-squares with k - 1 and k degrees of freedom (Stram and Lee 1994,
Biometrics 50, 1171-1177, cases 1 to 3).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from scipy.special import chdtrc, chdtri

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.linalg import Array

Number = TypeVar("Number", float, Array)


def mixture_p_value(statistic: Number, k: int) -> Number:
    """Probability that an equal mixture of chi-squares with k - 1 and k degrees is as large.

    Parameters
    ----------
    statistic : float or array
        Twice the difference of log-likelihoods, or a one-sided score statistic.
    k : int
        How many parameters the null hypothesis fixes: one variance and k - 1 covariances.
        Chi-square with 0 degrees of freedom is the constant 0.

    Returns
    -------
    float or array
        1 where the statistic is not positive.

    Raises
    ------
    ModelError
        ``k`` is no whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ModelError(
            f"k is {brief(k)}; give the number of variances and covariances tested, at least 1."
        )
    x = np.asarray(statistic, dtype=np.float64)
    lower = chdtrc(k - 1, x) if k > 1 else np.zeros_like(x)
    out = np.where(x > 0.0, 0.5 * (lower + chdtrc(k, np.maximum(x, 0.0))), 1.0)
    out = np.where(np.isnan(x), np.nan, out)
    return float(out) if out.ndim == 0 else out  # type: ignore[return-value]


def critical_value(level: float) -> float:
    """What a likelihood-ratio statistic for one variance exceeds with probability ``level``.

    2.71 at 5 %: the 90 % quantile of chi-square with 1 degree of freedom.

    Parameters
    ----------
    level : float
        Between 0 and 0.5.
    """
    return float(chdtri(1, 2.0 * level))

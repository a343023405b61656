"""Principal components of the random effects' covariance: the dimensions that it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array


@dataclass(frozen=True)
class Components:
    """Principal components of the relative covariance of one grouping factor's random effects.

    Attributes
    ----------
    sd : (K_f,) array
        Standard deviations relative to sigma, decreasing.
    loadings : (K_f, K_f) array
        A column for each component, a row for each random effect; the largest element is positive.
    """

    sd: Array
    loadings: Array

    @property
    def proportion(self) -> Array:
        """Share of each component in the variance; NaN where there is no variance."""
        variance = self.sd**2
        with np.errstate(invalid="ignore"):
            return np.asarray(variance / variance.sum())


def principal_components(estimate: Estimate, factor: int) -> Components:
    """Singular values and left vectors of Lambda, all terms of one grouping factor together.

    Parameters
    ----------
    estimate : Estimate
    factor : int
        Number of the grouping factor.
    """
    columns = estimate.moments.columns_of(factor)
    relative = estimate.factor[np.ix_(columns, columns)] / estimate.sigma
    vectors, sd, _ = np.linalg.svd(relative)
    largest = np.argmax(np.abs(vectors), axis=0)
    signs = np.sign(vectors[largest, np.arange(len(sd))])
    return Components(sd, vectors * signs)

"""The sufficient statistics of grouped numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import DataError


@dataclass(frozen=True)
class Groups:
    """Sizes, means and the sum of squares within groups.

    Attributes
    ----------
    size : (m,) array of int
        Number of observations of each group.
    mean : (m,) array
        Mean of each group.
    within : float
        Sum of squared deviations from the group means.
    """

    size: NDArray[np.int64]
    mean: NDArray[np.float64]
    within: float


def summarise(y: Any, groups: Any) -> Groups:
    """Reduce observations to what the one-way normal model needs.

    Parameters
    ----------
    y : (n,) array of numbers
        Observations, finite.
    groups : (n,) array of labels
        The group of each; labels are compared as they are and must not be missing.

    Returns
    -------
    Groups

    Raises
    ------
    DataError
        Different lengths, nothing there, or values that are not finite numbers.
    """
    labels = np.asarray(groups)
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("y holds something that is not a number; give one number each.") from None
    if values.ndim != 1 or labels.shape != values.shape:
        raise DataError(
            f"y has shape {values.shape} and groups {labels.shape}; give two lists of one length."
        )
    if len(values) == 0 or not np.isfinite(values).all():
        raise DataError("y is empty or has missing or infinite values; give finite numbers.")
    _, codes = np.unique(labels.astype(str), return_inverse=True)
    size = np.bincount(codes)
    centre = values.mean()
    mean = np.bincount(codes, weights=values - centre) / size
    rest = values - centre - mean[codes]
    return Groups(size, mean + centre, float(rest @ rest))

"""The sufficient statistics of grouped numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import DataError
from mixedwidgets.likelihood.inputs import Array, numbers


@dataclass(frozen=True)
class Groups:
    """Sizes, means and sums of squares of m groups.

    Means are kept as a centre and deviations from it: where the numbers are 1000000000000.3 and
    their like, the deviations still have all their digits.

    Attributes
    ----------
    labels : tuple, length m
        Names of the groups: in the order of their categories, or sorted.
    size : (m,) array of int
        Number of observations of each group.
    centre : float
        A number near the mean of all observations.
    deviation : (m,) array
        Mean of each group minus ``centre``.
    squares : (m,) array
        Sum of squared deviations of each group's observations from its mean.
    within : float
        Sum of ``squares``, added up in a way that loses less.
    """

    labels: tuple[Any, ...]
    size: NDArray[np.int64]
    centre: float
    deviation: Array
    squares: Array
    within: float

    @property
    def m(self) -> int:
        """Number of groups."""
        return len(self.size)

    @cached_property
    def n(self) -> int:
        """Number of observations."""
        return int(self.size.sum())

    @property
    def mean(self) -> Array:
        """Mean of each group, shape (m,)."""
        return self.deviation + self.centre

    @cached_property
    def grand(self) -> float:
        """Mean of all observations minus ``centre``."""
        return float(self.size @ self.deviation) / self.n

    @cached_property
    def between(self) -> float:
        """Sum of squares between groups, ``sum n_j (mean_j - mean)^2``."""
        return float(self.size @ (self.deviation - self.grand) ** 2)

    @property
    def balanced(self) -> bool:
        """Whether all groups have the same number of observations."""
        return bool((self.size == self.size[0]).all())


def summarise(y: Any, groups: Any) -> Groups:
    """Reduce observations to what the one-way normal model needs.

    Parameters
    ----------
    y : (n,) array of numbers
        Observations, finite.
    groups : (n,) array of labels
        The group of each; none missing.

    Returns
    -------
    Groups

    Raises
    ------
    DataError
        Different lengths, nothing there, values that are not finite numbers, missing groups.
    """
    values = numbers(y, "y")
    shape = np.shape(groups)
    if shape != values.shape:
        raise DataError(
            f"y has shape {values.shape} and groups {shape}; give two lists of one length."
        )
    labels, codes = coded(groups)
    size = np.bincount(codes)
    centre = float(values.mean())
    first = np.empty(len(size))
    first[codes[::-1]] = values[::-1]
    # differences of numbers near each other are exact: means and squares are taken of those
    near = values - first[codes]
    mean = np.bincount(codes, weights=near) / size
    rest = near - mean[codes]
    correction = np.bincount(codes, weights=rest) / size  # the rounding of the first means
    rest -= correction[codes]
    rest[_constant(codes, near, len(size))[codes]] = 0.0
    squared = rest * rest
    squares = np.bincount(codes, weights=squared).astype(np.float64)
    deviation = (first - centre) + (mean + correction)
    return Groups(labels, size, centre, deviation, squares, float(squared.sum()))


def _constant(codes: NDArray[np.int64], near: Array, m: int) -> NDArray[np.bool_]:
    """Which of m groups have equal observations, whose mean may be rounded."""
    differ = np.bincount(codes, weights=near != 0.0, minlength=m)
    return differ == 0.0


def coded(groups: Any) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Return the labels in order and, for each observation, the place of its label.

    Parameters
    ----------
    groups : (n,) array_like of labels

    Raises
    ------
    DataError
        A label that is missing or cannot be compared.
    """
    categorical = getattr(groups, "cat", groups)
    if hasattr(categorical, "categories") and hasattr(categorical, "codes"):
        labels, codes = list(categorical.categories), np.asarray(categorical.codes, dtype=np.int64)
        if codes.min() < 0:
            raise _missing()
    else:
        # of a plain list numpy would make text, missing values included
        given = groups if hasattr(groups, "dtype") else np.asarray(groups, dtype=object)
        labels, codes = _sorted(np.asarray(given))
    used = np.bincount(codes, minlength=len(labels)) > 0
    place = np.cumsum(used) - 1
    return tuple(lab for lab, u in zip(labels, used, strict=True) if u), place[codes]


def _sorted(given: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    if given.dtype != object:
        values, codes = np.unique(given, return_inverse=True)
        if values.dtype.kind in "fcmM" and (values != values).any():
            raise _missing()
        return list(values) if values.dtype.kind in "mM" else values.tolist(), codes
    try:
        first = {label: place for place, label in enumerate(dict.fromkeys(given.tolist()))}
    except TypeError:
        raise DataError(
            "groups holds a label that cannot be compared, such as a list; give text or numbers."
        ) from None
    if any(_is_missing(label) for label in first):
        raise _missing()
    codes = np.fromiter((first[label] for label in given.tolist()), np.int64, len(given))
    try:
        labels = sorted(first)
    except TypeError:  # text beside numbers has no order but that of its letters
        labels = sorted(first, key=str)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[[first[label] for label in labels]] = np.arange(len(labels))
    return labels, rank[codes]


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA has no truth value
        return True


def _missing() -> DataError:
    return DataError("groups has missing labels; drop those observations first or name the group.")

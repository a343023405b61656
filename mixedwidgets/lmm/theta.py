"""theta <-> Lambda, the relative covariance factor: layout, names, standard deviations.

Theta is lme4's: the lower triangles of the blocks of Lambda, column by column, in the order of the
random-effects terms; the covariance of the random effects is ``sigma^2 * Lambda @ Lambda.T``
(Bates, Maechler, Bolker and Walker 2015, Journal of Statistical Software 67(1), section 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.linalg import Array


@dataclass(frozen=True)
class Layout:
    """Where each element of theta sits in Lambda.

    Attributes
    ----------
    sizes : tuple of int
        Number of random-effects columns of each block.
    """

    sizes: tuple[int, ...]

    @cached_property
    def width(self) -> int:
        """Total number of random-effects columns K."""
        return sum(self.sizes)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First column of each block."""
        return tuple(int(s) for s in np.cumsum((0, *self.sizes[:-1])))

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The columns of each block."""
        return tuple(slice(a, a + k) for a, k in zip(self.starts, self.sizes, strict=True))

    @cached_property
    def position(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column in Lambda of each element of theta."""
        return _position(self.sizes)

    @cached_property
    def row_pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows of every two elements of theta, to index a (K, K) matrix with."""
        rows = self.position[0]
        return rows[:, None], rows

    @cached_property
    def same_column(self) -> NDArray[np.bool_]:
        """Whether two elements of theta are in one column of Lambda, (ntheta, ntheta)."""
        cols = self.position[1]
        return np.asarray(cols[:, None] == cols[None, :])

    @cached_property
    def directions(self) -> Array:
        """Symmetric matrices of zeros and ones that span S, (ntheta, K, K), in theta's order."""
        rows, cols = self.position
        number = np.arange(self.ntheta)
        out = np.zeros((self.ntheta, self.width, self.width))
        out[number, rows, cols] = out[number, cols, rows] = 1.0
        return out

    @property
    def ntheta(self) -> int:
        """Length of theta."""
        return len(self.position[0])

    def matrix(self, theta: Array) -> Array:
        """Lambda (K, K) with the elements of theta in place."""
        out = np.zeros((self.width, self.width))
        out[self.position] = theta
        return out

    def vector(self, matrix: Array) -> Array:
        """The elements of theta read off Lambda."""
        return np.asarray(matrix[self.position], dtype=np.float64)


@lru_cache(maxsize=256)
def _position(sizes: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    starts = np.cumsum((0, *sizes[:-1]))
    places = [np.triu_indices(size) for size in sizes]
    rows = np.concatenate([r + start for start, (_, r) in zip(starts, places, strict=True)])
    cols = np.concatenate([c + start for start, (c, _) in zip(starts, places, strict=True)])
    rows.flags.writeable = cols.flags.writeable = False
    return rows, cols


def standard_deviations(covariance: Array) -> tuple[Array, Array]:
    """Standard deviations (k,) and correlations (k, k) of a covariance matrix.

    A correlation with a component of zero variance is NaN, as R prints it.
    """
    sd = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        corr = covariance / np.outer(sd, sd)
    np.fill_diagonal(corr, 1.0)
    return sd, corr

"""How the levels of the eliminated factor couple to the columns of the other factors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from mixedwidgets.lmm.blockdiag import BlockDiagonal, Partition
from mixedwidgets.lmm.linalg import Array

MANY = 6_000_000  # pairs of elements beyond which remembering them all takes too much memory
CHUNK = 4_000_000  # elements of one dense piece of a sparse product

Ints = NDArray[np.intp]
Matrix = Array | csr_array


@dataclass(frozen=True)
class Coupling:
    """C_j = Q_j' Z2: the other factors' columns in the coordinates of the eliminated factor.

    Attributes
    ----------
    values : (K1, e) array
        Its elements, for each of the K1 coordinates of a level.
    group : (e,) array of int
        The level of each element, increasing.
    columns : (e,) array of int
        The column of each element, increasing within a level.
    nlevels : int
        Number of levels m.
    partition : Partition
        The blocks that the q columns fall into; a level's elements are all in one of them.
    dense : bool
        Whether every level has an element in every column.
    """

    values: Array
    group: Ints
    columns: Ints
    nlevels: int
    partition: Partition
    dense: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Number of levels and of columns."""
        return self.nlevels, self.partition.size

    @cached_property
    def starts(self) -> Ints:
        """Where each level's elements start, (m + 1,)."""
        return np.searchsorted(self.group, np.arange(self.nlevels + 1)).astype(np.intp)

    @cached_property
    def matrices(self) -> list[Matrix]:
        """One (m, q) matrix for each coordinate."""
        return [self._matrix(row) for row in self.values]

    def _matrix(self, row: Array) -> Matrix:
        if self.dense:
            return row.reshape(self.shape)
        return csr_array((row, self.columns, self.starts), shape=self.shape)

    def down(self, x: Array) -> Array:
        """C_j x for a (q, t) matrix, (K1, t, m)."""
        return np.stack([(matrix @ x).T for matrix in self.matrices])

    def up(self, y: Array) -> Array:
        """Sum over levels of C_j' y_j for a (K1, t, m) array, (q, t)."""
        out = self.matrices[0].T @ y[0].T
        for matrix, line in zip(self.matrices[1:], y[1:], strict=True):
            out = out + matrix.T @ line.T
        return np.asarray(out)

    def scaled(self, weights: Array) -> list[Matrix]:
        """The matrices of W_j C_j, one for each of the r rows of W, (r, K1, m)."""
        if len(self.values) == 1:
            rows = self.values[0] * weights[:, 0, self.group]
        else:
            rows = np.einsum("rce,ce->re", weights[:, :, self.group], self.values)
        return [self._matrix(row) for row in rows]

    def gram(self, weights: Array) -> BlockDiagonal:
        """Sum over levels of C_j' W_j C_j for symmetric W_j, (K1, K1, m)."""
        if self.dense:
            return self._dense_gram(weights)
        if self._pairs is None:
            return product(self.matrices, self.scaled(weights), self.partition)
        flat = np.zeros(self.partition.storage)
        for (a, b), matrix in self._pairs.items():
            flat += matrix @ weights[a, b]
        return self.partition.mirrored(flat)

    def quadratic(self, U: BlockDiagonal) -> Array:
        """C_j U C_j' for a symmetric U, (K1, K1, m)."""
        width = len(self.values)
        out = np.empty((width, width, self.nlevels))
        pairs = None if self.dense else self._pairs
        counted = U.upper_counted() if pairs is not None else np.empty(0)
        for a in range(width):
            for b in range(a, width):
                if pairs is not None:
                    out[a, b] = pairs[a, b].T @ counted * (1.0 if a == b else 0.5)
                else:
                    out[a, b] = row_products(self.matrices[a], U, self.matrices[b])
                out[b, a] = out[a, b]
        return out

    def _dense_gram(self, weights: Array) -> BlockDiagonal:
        C = self.values.reshape(-1, *self.shape)
        flat = np.concatenate(C)
        WC = np.concatenate([np.einsum("bj,bjq->jq", weights[a], C) for a in range(len(C))])
        return BlockDiagonal(self.partition, ((flat.T @ WC)[None],))

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], csc_array] | None:
        """Every pair of a level's elements, once; None where there are too many.

        For coordinates a <= b a matrix (storage, m) of the products, symmetrised, each in its
        place in the upper triangle of the partition's blocks.
        """
        counts = np.diff(self.starts)
        width = len(self.values)
        number = counts * (counts + 1) // 2
        if int(number.sum()) * width * (width + 1) // 2 > MANY:
            return None
        left, right = _upper_pairs(counts, self.starts)
        place = self.partition.places(self.columns[left], self.columns[right])
        indptr = np.concatenate(([0], np.cumsum(number))).astype(place.dtype)
        shape = (self.partition.storage, self.nlevels)
        out = {}
        for a in range(width):
            for b in range(a, width):
                values = self.values[a, left] * self.values[b, right]
                if a != b:
                    values += self.values[b, left] * self.values[a, right]
                out[a, b] = csc_array((values, place, indptr), shape=shape)
        return out


def _upper_pairs(counts: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """The elements i <= k of every level, as two arrays."""
    size = int(starts[-1])
    elements = np.arange(size, dtype=np.intp)
    length = np.repeat(starts[1:], counts) - elements
    left = np.repeat(elements, length)
    right = np.arange(len(left)) + np.repeat(elements - np.cumsum(length) + length, length)
    return left, right


def product(left: list[Matrix], right: list[Matrix], partition: Partition) -> BlockDiagonal:
    """Sum of ``a' b`` over pairs of couplings, whose elements are all inside blocks."""
    whole: Any = sum(a.T @ b for a, b in zip(left, right, strict=True))
    if isinstance(whole, np.ndarray):
        return BlockDiagonal(partition, (whole[None],))
    return partition.of_sparse(csr_array(whole))


def row_products(left: Matrix, U: BlockDiagonal, right: Matrix) -> Array:
    """The diagonal of ``left U right'``, row by row."""
    if len(U.parts) > 1 or len(U.parts[0]) > 1:
        whole = csr_array(left) @ U.sparse()
        return np.asarray(whole.multiply(csr_array(right)).sum(axis=1)).reshape(-1)
    m, q = left.shape
    out = np.empty(m)
    step = max(1, CHUNK // max(q, 1))
    for low in range(0, m, step):
        piece = left[low : low + step] @ U.parts[0][0]
        other = right[low : low + step]
        if isinstance(other, np.ndarray):
            out[low : low + step] = np.einsum("ij,ij->i", piece, other)
        else:
            out[low : low + step] = other.multiply(piece).sum(axis=1)
    return out

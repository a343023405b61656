"""Block-diagonal matrices: square blocks along a diagonal, equal sizes stored together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array

from mixedwidgets.lmm.linalg import Array

STRIP = 64  # rows that are transposed at a time

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Partition:
    """How rows fall into blocks.

    Attributes
    ----------
    runs : tuple of (int, int)
        Number and size of the blocks of each run of equal blocks, in the order of the rows.
    """

    runs: tuple[tuple[int, int], ...]

    @cached_property
    def size(self) -> int:
        """Number of rows."""
        return sum(count * size for count, size in self.runs)

    @cached_property
    def storage(self) -> int:
        """Number of elements inside blocks."""
        return sum(count * size * size for count, size in self.runs)

    @cached_property
    def first(self) -> Ints:
        """First row of the block that each row is in, (size,)."""
        sizes = np.concatenate([np.full(c, s, dtype=np.intp) for c, s in self.runs])
        starts = np.cumsum(sizes) - sizes
        return np.repeat(starts, sizes)

    @cached_property
    def base(self) -> Ints:
        """Where each row begins in the storage, (size,)."""
        widths = np.concatenate([np.full(c * s, s, dtype=np.intp) for c, s in self.runs])
        return np.cumsum(widths) - widths

    def rows(self) -> Iterator[tuple[slice, int, int]]:
        """The rows of each run, with number and size of its blocks."""
        at = 0
        for count, size in self.runs:
            yield slice(at, at + count * size), count, size
            at += count * size

    def wrap(self, flat: Array) -> BlockDiagonal:
        """A matrix from its storage."""
        parts, at = [], 0
        for count, size in self.runs:
            length = count * size * size
            parts.append(flat[at : at + length].reshape(count, size, size))
            at += length
        return BlockDiagonal(self, tuple(parts))

    def zeros(self) -> BlockDiagonal:
        """The zero matrix."""
        return self.wrap(np.zeros(self.storage))

    def gather(self, rows: Ints, columns: Ints, values: Array) -> BlockDiagonal:
        """The sum of single elements, all inside blocks."""
        flat = np.bincount(
            self.base[rows] + columns - self.first[rows], weights=values, minlength=self.storage
        )
        return self.wrap(np.asarray(flat, dtype=np.float64))

    def places(self, rows: Ints, columns: Ints) -> Ints:
        """Where elements inside blocks stand in the storage."""
        kind = np.int32 if self.storage < 2**31 else np.intp
        shift = (self.base - self.first).astype(kind)
        return np.asarray(shift[rows] + columns.astype(kind))

    def mirrored(self, flat: Array) -> BlockDiagonal:
        """The symmetric matrix whose upper triangle is in the storage; uses the storage up."""
        whole = self.wrap(flat)
        for part in whole.parts:
            mirror(part)
        return whole

    def of_sparse(self, matrix: csr_array) -> BlockDiagonal:
        """A sparse matrix whose elements are all inside blocks, none given twice."""
        flat = np.zeros(self.storage)
        shift = np.repeat(self.base - self.first, np.diff(matrix.indptr))
        flat[shift + matrix.indices] = matrix.data
        return self.wrap(flat)


@dataclass(frozen=True)
class BlockDiagonal:
    """A block-diagonal matrix.

    Attributes
    ----------
    partition : Partition
    parts : tuple of (count, size, size) arrays
        The blocks of each run.
    """

    partition: Partition
    parts: tuple[Array, ...]

    def __add__(self, other: BlockDiagonal) -> BlockDiagonal:
        return self._with(lambda a, b: a + b, other)

    def __sub__(self, other: BlockDiagonal) -> BlockDiagonal:
        return self._with(lambda a, b: a - b, other)

    def __matmul__(self, other: BlockDiagonal) -> BlockDiagonal:
        return self._with(np.matmul, other)

    def _with(self, do: Callable[[Array, Array], Array], other: BlockDiagonal) -> BlockDiagonal:
        pairs = zip(self.parts, other.parts, strict=True)
        return BlockDiagonal(self.partition, tuple(do(a, b) for a, b in pairs))

    def upper_counted(self) -> Array:
        """The storage, with off-diagonal elements doubled: for sums over upper triangles."""
        flat = np.concatenate([p.reshape(-1) for p in self.parts]) * 2.0
        q = self.partition.size
        diagonal = self.partition.base + np.arange(q) - self.partition.first
        flat[diagonal] *= 0.5
        return flat

    def plus(self, other: BlockDiagonal) -> BlockDiagonal:
        """Add another matrix to this one, in place."""
        for a, b in zip(self.parts, other.parts, strict=True):
            a += b
        return self

    def complement(self) -> BlockDiagonal:
        """The identity minus this matrix."""
        parts = tuple(-a for a in self.parts)
        for part in parts:
            np.einsum("cii->ci", part)[:] += 1.0
        return BlockDiagonal(self.partition, parts)

    @property
    def T(self) -> BlockDiagonal:
        """The transpose."""
        return BlockDiagonal(self.partition, tuple(a.transpose(0, 2, 1) for a in self.parts))

    def inner(self, other: BlockDiagonal) -> float:
        """Sum of products of elements."""
        return sum(float(np.vdot(a, b)) for a, b in zip(self.parts, other.parts, strict=True))

    def dot(self, x: Array) -> Array:
        """The product with a dense (size, t) matrix."""
        out = np.empty_like(x)
        for (rows, count, size), part in zip(self.partition.rows(), self.parts, strict=True):
            out[rows] = (part @ x[rows].reshape(count, size, -1)).reshape(count * size, -1)
        return out

    def scaled(self, left: Array, right: Array) -> BlockDiagonal:
        """``diag(left) @ self @ diag(right)``."""
        parts = []
        for (rows, count, size), part in zip(self.partition.rows(), self.parts, strict=True):
            scaled = part * right[rows].reshape(count, 1, size)
            scaled *= left[rows].reshape(count, size, 1)
            parts.append(scaled)
        return BlockDiagonal(self.partition, tuple(parts))

    def shifted(self, down: int, right: int) -> BlockDiagonal:
        """Element (i, j) is element (i + down, j + right) of this matrix; zero outside a block."""
        return BlockDiagonal(self.partition, tuple(_shift(a, down, right) for a in self.parts))

    def sums(self, kinds: Array) -> Array:
        """Sums of elements by kind of row and of column: ``kinds' @ self @ kinds``."""
        return np.asarray(kinds.T @ self.dot(kinds))

    def column_products(self, other: BlockDiagonal) -> Array:
        """For each column the sum of products of the two matrices' elements, (size,)."""
        return np.concatenate(
            [
                np.einsum("cij,cij->cj", a, b).reshape(-1)
                for a, b in zip(self.parts, other.parts, strict=True)
            ]
        )

    def diagonal(self, offset: int) -> Array:
        """Elements (i, i + offset), zero where that is outside a block, (size,)."""
        out = []
        for (_, count, size), part in zip(self.partition.rows(), self.parts, strict=True):
            line = np.zeros((count, size))
            kept = np.diagonal(part, offset, axis1=1, axis2=2)
            begin = max(-offset, 0)
            line[:, begin : begin + kept.shape[1]] = kept
            out.append(line.reshape(-1))
        return np.concatenate(out)

    def sparse(self) -> csr_array:
        """The same matrix in compressed rows."""
        q = self.partition.size
        first = self.partition.first
        widths = np.concatenate([np.full(c * s, s, dtype=np.intp) for c, s in self.partition.runs])
        within = np.arange(self.partition.storage) - np.repeat(self.partition.base, widths)
        indices = np.repeat(first, widths) + within
        data = np.concatenate([p.reshape(-1) for p in self.parts])
        return csr_array((data, indices, np.append(self.partition.base, len(data))), shape=(q, q))

    def positive_inverse(self, right: Array) -> tuple[BlockDiagonal, float, Array]:
        """Inverse and log determinant of a positive definite matrix L L', and L^-1 right.

        The matrix is used up. ``right`` has shape (size, t).

        Raises
        ------
        numpy.linalg.LinAlgError
            It is not positive definite.
        """
        parts, logdet, half = [], 0.0, np.empty_like(right)
        for (rows, count, size), part in zip(self.partition.rows(), self.parts, strict=True):
            inverse, part_logdet, part_half = _positive_inverse(
                part, right[rows].reshape(count, size, -1)
            )
            parts.append(inverse)
            logdet += part_logdet
            half[rows] = part_half.reshape(count * size, -1)
        return BlockDiagonal(self.partition, tuple(parts)), logdet, half


def _positive_inverse(a: Array, right: Array) -> tuple[Array, float, Array]:
    if a.shape[1] == 1:
        if not np.all(a > 0.0):
            raise np.linalg.LinAlgError("not positive definite")
        return np.asarray(1.0 / a), float(np.log(a).sum()), right / np.sqrt(a)
    if a.shape[0] > 1:
        factor = np.linalg.cholesky(a)
        logdet = 2.0 * float(np.log(np.einsum("cii->ci", factor)).sum())
        return np.asarray(np.linalg.inv(a)), logdet, np.linalg.solve(factor, right)
    # LAPACK sees the transpose of a row-major array: its lower triangle is our upper one
    factor, failed = lapack.dpotrf(a[0].T, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError("not positive definite")
    logdet = 2.0 * float(np.log(np.diag(factor)).sum())
    half, _ = lapack.dtrtrs(factor, right[0], lower=1)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    out = np.asarray(inverse, dtype=np.float64).T[None]
    mirror(out)
    return out, logdet, np.asarray(half, dtype=np.float64)[None]


def mirror(part: Array) -> None:
    """Copy the upper triangles of (count, size, size) blocks to the lower ones, in place."""
    size = part.shape[1]
    if size == 1:
        return
    if size <= STRIP:
        i, j = np.tril_indices(size, -1)
        part[:, i, j] = part[:, j, i]
        return
    for low in range(0, size, STRIP):
        high = min(low + STRIP, size)
        part[:, high:, low:high] = part[:, low:high, high:].transpose(0, 2, 1)
        mirror(part[:, low:high, low:high])


def _shift(a: Array, down: int, right: int) -> Array:
    if down == 0 and right == 0:
        return a
    out = np.zeros_like(a)
    n = a.shape[1]
    if abs(down) >= n or abs(right) >= n:
        return out
    to_rows, from_rows = _ranges(down, n)
    to_columns, from_columns = _ranges(right, n)
    out[:, to_rows, to_columns] = a[:, from_rows, from_columns]
    return out


def _ranges(by: int, n: int) -> tuple[slice, slice]:
    if by >= 0:
        return slice(0, n - by), slice(by, n)
    return slice(-by, n), slice(0, n + by)

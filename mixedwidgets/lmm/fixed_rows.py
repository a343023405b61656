"""Rows of the fixed-effects model matrix in the coordinates of its basis, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.linalg import Array, Basis, pieces

Rows = slice | NDArray[np.intp]


@dataclass(frozen=True)
class FixedRows:
    """Rows of the orthonormal basis Q of the fixed effects, multiplied by sqrt(w).

    Attributes
    ----------
    X : (n, p) array
    basis : Basis
    root : (n,) array or None
        Square roots of the weights.
    """

    X: Array
    basis: Basis
    root: Array | None

    def of(self, rows: Rows) -> Array:
        """Q' on some rows, (p, c)."""
        return self.basis.rows(self.X[rows], self.root_of(rows))

    def raw(self, rows: Rows) -> Array:
        """Rows (p, c) of which those of Q' are the combinations ``change``.

        They are the columns of X without their means, which are quicker to have than Q'; or Q'
        itself, where the columns are nearly dependent.
        """
        if self.basis.polish is not None:
            return self.of(rows)
        out = self.X[rows].T - self.basis.means[:, None]
        return np.asarray(out if self.root is None else out * self.root[rows])

    @cached_property
    def change(self) -> Array:
        """``Q' = change @ raw``, (p, p)."""
        return self.basis.inverse.T if self.basis.polish is None else np.eye(self.X.shape[1])

    def root_of(self, rows: Rows) -> Array | None:
        """Roots of the weights of some rows."""
        return None if self.root is None else self.root[rows]

    def projections(self, values: Array) -> Array:
        """Coordinates of one value a row times sqrt(w), (p,)."""
        out = np.zeros(self.X.shape[1])
        for rows in self._pieces():
            root = self.root_of(rows)
            out += self.raw(rows) @ (values[rows] if root is None else values[rows] * root)
        return np.asarray(self.change @ out)

    def span_constant(self, level: Array) -> bool:
        """Whether a constant, with coordinates ``level``, is a combination of the columns."""
        furthest = 0.0
        for rows in self._pieces():
            Q, root = self.of(rows), self.root_of(rows)
            ones = np.ones(Q.shape[1]) if root is None else root
            furthest = max(furthest, float(np.abs((ones - level @ Q) / ones).max(initial=0.0)))
        return furthest <= 1e-10

    def _pieces(self) -> Iterator[slice]:
        return pieces(*self.X.shape)

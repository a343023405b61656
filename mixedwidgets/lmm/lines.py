"""The fewest rows that all columns of a model are combinations of.

Sums over rows are taken of these only; what else is needed follows by algebra on a few sums a
group. Random-effects columns are mostly fixed-effects columns too, and a random intercept stands
for the constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.crossproducts import Coordinates
from mixedwidgets.lmm.fixed_rows import Rows
from mixedwidgets.lmm.linalg import Array


@dataclass(frozen=True)
class Lines:
    """Rows that the whitened columns, the fixed-effects basis and the residual are made of.

    Attributes
    ----------
    coordinates : Coordinates
        Of the design.
    first : int
        1 where the constant column of X, its first, is left out, else 0.
    white : (K, t) array
        The whitened columns as combinations of the rows.
    fixed : (p + 1, t) array
        The fixed-effects basis and, last, the least-squares residual.
    white_level : (K,) array
    fixed_level : (p + 1,) array
        What is added to them in every row where the constant is left out.
    """

    coordinates: Coordinates
    first: int
    white: Array
    fixed: Array
    white_level: Array
    fixed_level: Array

    @classmethod
    def of(cls, coordinates: Coordinates) -> Lines:
        """Find them for a design."""
        shared, Q = coordinates.shared, coordinates.Q
        p, others = shared.ncoef, _others(coordinates)
        white = np.zeros((shared.layout.width, p + others + 1))
        at = p
        for columns, how in zip(shared.layout.slices, coordinates.whiteners, strict=True):
            if how.mix is not None:
                white[columns, :p] = how.mix @ Q.change
            else:
                k = len(how.back)
                white[columns, at : at + k] = np.eye(k)
                at += k
        fixed = np.zeros((p + 1, white.shape[1]))
        fixed[:p, :p], fixed[p, -1] = Q.change, 1.0
        basis = Q.basis
        constant = basis.constant == 0 and Q.root is None and basis.polish is None
        if constant and white[0, 0] != 0.0 and not white[0, 1:].any():
            first, value = 1, basis.level
        else:
            first, value = 0, 0.0
        return cls(
            coordinates,
            first,
            np.ascontiguousarray(white[:, first:]),
            np.ascontiguousarray(fixed[:, first:]),
            value * white[:, 0],
            value * fixed[:, 0],
        )

    def __call__(self, rows: Rows) -> Array:
        """Some of the rows' values, (t, c)."""
        coordinates = self.coordinates
        Q, design = coordinates.Q, coordinates.design
        raw, root = Q.raw(rows), Q.root_of(rows)
        p = len(raw)
        out = np.empty((self.white.shape[1], raw.shape[1]))
        out[: p - self.first] = raw[self.first :]
        at = p - self.first
        for block, how in zip(design.blocks, coordinates.whiteners, strict=True):
            if how.mix is None:
                k = len(how.back)
                out[at : at + k] = how.rows(block.columns[rows], root)
                at += k
        response = coordinates.response
        out[-1] = response.residual(rows, root, raw, response.fitted @ Q.change)
        return out


def _others(coordinates: Coordinates) -> int:
    """How many random-effects columns are not among the fixed-effects columns."""
    return sum(len(how.back) for how in coordinates.whiteners if how.mix is None)

"""Whitened random-effects columns: those of a term made orthogonal and of mean square 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array, Basis, basis_of_part, orthonormal_basis, places_in


@dataclass(frozen=True)
class Whitener:
    """How the columns Z of one random-effects term are whitened, ``Z = Z_white @ W``.

    Attributes
    ----------
    back : (k, k) array
        W.
    factor : float
        Square root of the number of rows.
    basis : Basis or None
        Orthonormal basis of the columns; None where they are scaled only.
    mix : (k, p) array or None
        Z_white as combinations of the rows of the fixed-effects basis, where all columns of the
        term are columns of X.
    """

    back: Array
    factor: float
    basis: Basis | None = None
    mix: Array | None = None

    @property
    def scale(self) -> Array:
        """What the columns are divided by where they are scaled only, (k,)."""
        return np.diag(self.back)

    def rows(self, columns: Array, root: Array | None) -> Array:
        """Whitened rows (k, c) from raw ones (c, k) and the roots of their weights, if any."""
        if self.basis is not None:
            return self.basis.rows(columns, root) * self.factor
        scaled = (columns / self.scale).T
        return scaled if root is None else scaled * root

    def forms(self, columns: Array) -> Array:
        """``W^-T @ columns.T``, (k, c), for any linear forms in the effects."""
        if self.basis is not None:
            return self.basis.forms(columns) * self.factor
        return np.asarray((columns / self.scale).T)


def whitener_of(design: Design, number: int, root: Array | None) -> Whitener:
    """Find how to whiten the columns of one term.

    Parameters
    ----------
    design : Design
    number : int
        Which of its terms.
    root : (n,) array or None
        Square roots of the weights.
    """
    columns = design.blocks[number].columns
    n, k = columns.shape
    factor = float(np.sqrt(n))
    places = None if design.basis.polish is not None else places_in(design.X, columns)
    if k > 1 and places is not None:
        found = basis_of_part(design.basis, places)
        if found is not None:
            basis, mix = found
            return Whitener(basis.R / factor, factor, basis, factor * mix)
    if k > 1:
        basis = orthonormal_basis(columns, root)
        if len(basis.kept) == k:
            return Whitener(basis.R / factor, factor, basis)
    if places is not None:
        forms = design.basis.R[:, places]
        scale = np.sqrt(np.sum(forms**2, axis=0)) / factor
        return Whitener(np.diag(scale), factor, mix=forms.T / scale[:, None])
    weighted = columns if root is None else columns * root[:, None]
    scale = np.sqrt(np.einsum("ij,ij->j", weighted, weighted) / n)
    scale[scale == 0.0] = 1.0
    return Whitener(np.diag(scale), factor)

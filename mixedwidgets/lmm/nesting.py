"""Whether one mixed model is a special case of another, by the numbers of their designs.

The fixed effects nest where every column of the smaller model is a combination of columns of the
larger. The random effects nest where every covariance Z S Z' the smaller model allows is one that
the larger allows: judged among matrices with a row for each observation, by their inner products
``tr(Z E Z' Y F Y')``, which need only the cross-products of the columns for every pair of levels
that occur together. So ``(1 | g) + (1 | g:f)`` is found to be a special case of ``(f | g)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.design import Design, RandomBlock
from mixedwidgets.lmm.linalg import Array, orthonormal_basis

OUTSIDE = 1e-6  # length of a unit column, outside the span of others, that is not rounding
APART = 1e-10  # squared, of a covariance matrix of unit length
NEGATIVE = 1e-6  # eigenvalue of a covariance of unit size that is not rounding


@dataclass(frozen=True)
class Nesting:
    """How a smaller model relates to a larger one.

    Attributes
    ----------
    obstacle : {"", "fixed", "random"}
        Which part is no special case; empty where the model is one.
    edge : int
        How many directions of the larger model's random effects have no variance in the smaller
        model, whatever its parameters.
    """

    obstacle: str
    edge: int = 0


def nesting(small: Design, large: Design) -> Nesting:
    """Compare two designs of the same rows.

    Parameters
    ----------
    small, large : Design

    Returns
    -------
    Nesting
    """
    if not spans(large, small):
        return Nesting("fixed")
    images = _images(small, large)
    if images is None:
        return Nesting("random")
    missing = 0
    for image in images:
        values = np.linalg.eigvalsh(image)
        missing += int(np.count_nonzero(values <= NEGATIVE * max(values[-1], 1e-300)))
    return Nesting("", missing)


def spans(large: Design, small: Design) -> bool:
    """Whether the fixed-effects columns of a design give those of another, and its offset."""
    root = None if large.weights is None else np.sqrt(large.weights)
    Q = large.basis.rows(large.X, root)
    columns = small.basis.rows(small.X, root)
    shift = _offset(small) - _offset(large)
    if root is not None:
        shift = shift * root
    size = float(np.linalg.norm(shift))
    if size > 0.0:
        columns = np.concatenate([columns, shift[None] / size])
    rest = columns - (columns @ Q.T) @ Q
    return bool(np.linalg.norm(rest, axis=1).max(initial=0.0) <= OUTSIDE)


def _offset(design: Design) -> Array:
    return np.zeros(len(design.y)) if design.offset is None else design.offset


@dataclass(frozen=True)
class _Term:
    """A random term with orthogonal columns of mean square 1."""

    columns: Array
    codes: NDArray[np.intp]
    levels: int

    @classmethod
    def of(cls, block: RandomBlock, design: Design) -> _Term:
        grouping = design.groupings[block.grouping]
        basis = orthonormal_basis(block.columns)
        columns = basis.rows(block.columns[:, basis.kept]) * np.sqrt(len(design.y))
        return cls(columns, grouping.codes, len(grouping.levels))

    @property
    def directions(self) -> Array:
        """Symmetric matrices (r, k, k) that span the covariances of the term."""
        k = len(self.columns)
        rows, columns = np.tril_indices(k)
        out = np.zeros((len(rows), k, k))
        out[np.arange(len(rows)), rows, columns] = 1.0
        out[np.arange(len(rows)), columns, rows] = 1.0
        return out


def _inner(one: _Term, other: _Term) -> Array:
    """Inner products of the covariance matrices of two terms, over their directions, (r, s)."""
    pairs = one.codes.astype(np.int64) * other.levels + other.codes
    _, place = np.unique(pairs, return_inverse=True)
    count = int(place.max()) + 1
    together = np.array(
        [[np.bincount(place, a * b, count) for b in other.columns] for a in one.columns]
    )
    products = np.einsum("abp,cdp->abcd", together, together, optimize=True)
    return np.einsum("eca,abcd,fbd->ef", one.directions, products, other.directions, optimize=True)


def _images(small: Design, large: Design) -> list[Array] | None:
    """What the identity of every small term is in each large term; None where something is lost.

    What matters of the images is which directions they reach.
    """
    mine = [_Term.of(b, small) for b in small.blocks]
    theirs = [_Term.of(b, large) for b in _not_covered(large.blocks)]
    gram = np.block([[_inner(a, b) for b in theirs] for a in theirs])
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    total = [np.zeros((len(t.columns), len(t.columns))) for t in theirs]
    for term in mine:
        own = _inner(term, term)
        cross = np.hstack([_inner(term, t) for t in theirs])
        shares = cross @ inverse
        lost = np.diag(own) - np.einsum("ij,ij->i", shares, cross)
        if np.any(lost > APART * np.diag(own)):
            return None
        for probe in _probes(len(term.columns)):
            images = _image(probe, term, shares, theirs)
            if any(_impossible(image) for image in images):
                return None
            total = [t + image for t, image in zip(total, images, strict=True)]
    return total


def _not_covered(blocks: Sequence[RandomBlock]) -> list[RandomBlock]:
    """Terms without those whose columns another of the same factor spans, such as 1 beside f."""
    kept = list(blocks)
    for one in sorted(blocks, key=lambda b: len(b.names)):
        for other in kept:
            if other is not one and other.grouping == one.grouping and _covers(other, one):
                kept = [b for b in kept if b is not one]
                break
    return kept


def _covers(other: RandomBlock, one: RandomBlock) -> bool:
    basis = orthonormal_basis(other.columns)
    Q = basis.rows(other.columns[:, basis.kept])
    rest = one.columns - Q.T @ (Q @ one.columns)
    size = np.linalg.norm(one.columns, axis=0)
    return bool(np.all(np.linalg.norm(rest, axis=0) <= OUTSIDE * size))


def _probes(k: int) -> list[Array]:
    """Unit vectors, and sums and differences of any two."""
    axes = list(np.eye(k))
    pairs = [(i, j) for i in range(k) for j in range(i)]
    return axes + [axes[i] + s * axes[j] for i, j in pairs for s in (1.0, -1.0)]


def _image(probe: Array, term: _Term, shares: Array, theirs: Sequence[_Term]) -> list[Array]:
    """The covariance of rank one along a probe, in the terms of the larger model."""
    rows, columns = np.tril_indices(len(probe))
    elements = (probe[rows] * probe[columns]) @ shares
    out, at = [], 0
    for other in theirs:
        directions = other.directions
        out.append(np.tensordot(elements[at : at + len(directions)], directions, 1))
        at += len(directions)
    return out


def _impossible(image: Array) -> bool:
    return bool(np.linalg.eigvalsh(image)[0] < -NEGATIVE)

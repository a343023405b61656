"""Responses drawn from a model, a stream of random numbers for each, as cross-products or rows.

Replicate i is drawn from the i-th child of one seed, whatever is drawn before or beside it. With
one grouping factor the cross-products are drawn themselves, exactly: the coordinates of a response
in the random-effects columns of a group are R_j b_j plus noise, and what is left of the noise
enters through its products with the fixed-effects columns, which are normal, and a chi-square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator, SeedSequence

from mixedwidgets.lmm.batch import Batch
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments, orthogonalise_rows
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.rows import Rows, fitted_rows
from mixedwidgets.lmm.simulate import simulated

DEPENDENT = 1e-12  # part of a fixed-effects direction beside the random effects that counts as none


def stream(seed: SeedSequence, i: int) -> Generator:
    """The random numbers of one replicate: those of the i-th child that ``seed.spawn`` gives."""
    key = (*seed.spawn_key, i)
    return np.random.default_rng(SeedSequence(seed.entropy, spawn_key=key))


@dataclass(frozen=True)
class Truth:
    """What responses are drawn from.

    Attributes
    ----------
    T : (K, K) array
        Factor of the relative covariance in whitened coordinates.
    sigma : float
    beta : (p,) array
    """

    T: Array
    sigma: float
    beta: Array

    @classmethod
    def of(cls, estimate: Estimate) -> Truth:
        """The estimates of a model."""
        return cls(estimate.optimum.T, estimate.sigma, estimate.beta)


@dataclass(frozen=True)
class GroupedDraws:
    """Responses of a design with one grouping factor.

    Attributes
    ----------
    moments : GroupedMoments
        Of the design.
    truth : Truth
    seed : SeedSequence
    """

    moments: GroupedMoments
    truth: Truth
    seed: SeedSequence

    def batch(self, numbers: Sequence[int]) -> Batch:
        """The cross-products of some replicates."""
        drawn = [self._draw(stream(self.seed, i)) for i in numbers]
        c, g, s = (np.array(parts) for parts in zip(*drawn, strict=True))
        return Batch(self.moments, c, g, s, self.truth.beta)

    def _draw(self, generator: Generator) -> tuple[Array, Array, float]:
        """Coordinates in Q_j (K, m), products with X beside Q (p,), sum of squares beside Q."""
        R, sigma = self.moments.R, self.truth.sigma
        K, _, m = R.shape
        effects = self.truth.T @ generator.standard_normal((K, m))
        c = generator.standard_normal((K, m)) * self._used
        for i in range(K):
            for a in range(i, K):
                c[i] += R[i, a] * effects[a]
        along = generator.standard_normal((self._half.shape[1],))
        s = float(along @ along)
        if self._spare:
            s += float(generator.chisquare(self._spare))
        return sigma * c, sigma * (self._half @ along), sigma**2 * s

    @cached_property
    def _used(self) -> Array:
        K = len(self.moments.R)
        return (self.moments.R[np.arange(K), np.arange(K)] > 0.0).astype(np.float64)

    @cached_property
    def _directions(self) -> tuple[Array, Array]:
        """Eigenvalues (r,) and eigenvectors (p, r) of the products of X beside Q."""
        p = self.moments.ncoef
        values, vectors = np.linalg.eigh(self.moments.within[:p, :p])
        kept = values > DEPENDENT
        return values[kept], vectors[:, kept]

    @cached_property
    def _half(self) -> Array:
        """A matrix (p, r) whose square is the products of X beside Q."""
        values, vectors = self._directions
        return np.asarray(vectors * np.sqrt(values))

    @cached_property
    def _spare(self) -> int:
        """Number of dimensions of a response beside Q and X."""
        return self.moments.nobs - int(self._used.sum()) - self._half.shape[1]

    def response(self, i: int, design: Design) -> Array:
        """A response (n,) with the cross-products of a replicate, drawn given these.

        Parameters
        ----------
        i : int
            Number of the replicate.
        design : Design
            Whose cross-products ``moments`` are.
        """
        generator = stream(self.seed, i)
        c, g, s = self._draw(generator)
        columns = coordinates_of(design)
        everything = slice(None)
        p, K = self.moments.ncoef, len(c)
        noise = generator.standard_normal(len(design.y))
        codes = design.groupings[0].codes
        parts = orthogonalise_rows(
            np.concatenate([columns.white(everything), columns.fixed(everything)[:p], noise[None]]),
            codes,
            self.moments.ngroups,
            K,
        )
        values, vectors = self._directions
        beside = (vectors / np.sqrt(values)).T  # makes X beside Q orthonormal
        X, noise = beside @ parts.rest[:p], parts.rest[p]
        left = (beside @ g) @ X
        noise = noise - (X @ noise) @ X
        size = s - left @ left
        if self._spare:
            left = left + noise * np.sqrt(max(size, 0.0) / (noise @ noise))
        counts = np.bincount(codes, minlength=self.moments.ngroups)
        out = np.empty(len(design.y))
        out[np.argsort(codes, kind="stable")] = left + np.einsum(
            "kn,kn->n", parts.Q, np.repeat(c, counts, axis=1)
        )
        if design.weights is not None:
            out = out / np.sqrt(design.weights)
        out += design.X @ self.truth.beta
        return out if design.offset is None else out + design.offset


@dataclass(frozen=True)
class RowDraws:
    """Responses of any design, drawn row by row.

    Attributes
    ----------
    estimate : Estimate
        What to draw from.
    rows : Rows
        Of the design.
    seed : SeedSequence
    """

    estimate: Estimate
    rows: Rows
    seed: SeedSequence

    def response(self, i: int, design: Design) -> Array:
        """The response (n,) of a replicate: that of ``fit.simulate`` with the same seed."""
        none = [np.zeros(len(b.names), dtype=bool) for b in design.blocks]
        return simulated(self.rows, design, self.estimate, none, 1, stream(self.seed, i))[0]


Draws = GroupedDraws | RowDraws


def draws_of(design: Design, estimate: Estimate, seed: SeedSequence) -> Draws:
    """Draws from a fitted model.

    Parameters
    ----------
    design, estimate
        The fit.
    seed : SeedSequence
    """
    if isinstance(estimate.moments, GroupedMoments):
        return GroupedDraws(estimate.moments, Truth.of(estimate), seed)
    return RowDraws(estimate, fitted_rows(design), seed)

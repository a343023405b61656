"""``Solved``: the likelihood of a linear mixed model at one relative covariance.

Notation, in units of sigma: V = I + Z S Z' with Z the random-effects columns of all levels,
r = y - X beta with beta the generalised least-squares estimate for S, and

    M = Z' V^-1 Z,   B = Z' V^-1 X,   u = Z' V^-1 r.

With ``logdet = log |V|`` (REML: ``+ log |X' V^-1 X|``), ``q = r' V^-1 r`` and N = n (REML: n - p),
minus twice the log-likelihood is

    d(S, sigma) = logdet + N log(2 pi sigma^2) + q / sigma^2 - sum log w,

and, at the best sigma^2 = q / N, ``logdet + N (1 + log(2 pi q / N)) - sum log w`` (Bates et al.
2015, sections 3.4 and 3.5, in the marginal instead of the penalised form).

Random effects come by blocks: an array of shape (k, m) or (k, t, m) for each random-effects term,
with its k whitened columns and m levels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.linalg import Array

Blocks = tuple[Array, ...]


@dataclass(frozen=True)
class Solved(ABC):
    """The likelihood at one relative covariance S, in whitened coordinates.

    Attributes
    ----------
    N : int
        n, or n - p for REML: the degrees of freedom that sigma^2 = q / N divides by.
    logdet : float
        log |V|, with log |X' V^-1 X| added for REML.
    q : float
        Generalised residual sum of squares r' V^-1 r.
    constant : float
        - sum log w, which minus twice the log-likelihood carries.
    delta : (p,) array
        Generalised least-squares coefficients of the least-squares residual, in basis coordinates.
    root : (p, p) array
        L^-1 with L the Cholesky factor of X' V^-1 X in basis coordinates.
    S : (K, K) array
        The relative covariance.
    """

    N: int
    logdet: float
    q: float
    constant: float
    delta: Array
    root: Array
    S: Array

    @cached_property
    def deviance(self) -> float:
        """Minus twice the (restricted) log-likelihood, sigma profiled out."""
        return self.at_sigma2(self.q / self.N)

    def at_sigma2(self, sigma2: float) -> float:
        """Minus twice the (restricted) log-likelihood at a given residual variance."""
        return float(
            self.logdet + self.N * np.log(2.0 * np.pi * sigma2) + self.q / sigma2 + self.constant
        )

    @property
    @abstractmethod
    def u(self) -> Blocks:
        """Z' V^-1 r, (k, m) for each block."""

    @property
    @abstractmethod
    def B(self) -> Blocks:
        """Z' V^-1 X with X in basis coordinates, (k, p, m) for each block."""

    @property
    @abstractmethod
    def modes(self) -> Blocks:
        """S Z' V^-1 r, the conditional modes in whitened coordinates, (k, m) for each block."""

    @abstractmethod
    def apply(self, x: Blocks) -> Blocks:
        """M x for vectors x, (k, t, m) for each block."""

    @abstractmethod
    def covariances(self, factor: int) -> Array:
        """Conditional covariance S - S M S of the effects of each level of one grouping factor.

        Returns
        -------
        (m, K_f, K_f) array
            In whitened coordinates and units of sigma^2, over all columns of that factor.
        """

    @abstractmethod
    def row_variances(self, columns: Array, codes: tuple[NDArray[np.intp], ...]) -> Array:
        """Conditional variance of z' b for rows z, given sigma, S and beta.

        Parameters
        ----------
        columns : (n, K) array
            Whitened random-effects columns of each row.
        codes : tuple of (n,) arrays of int
            For each grouping factor the level of each row; -1 for a new level.

        Returns
        -------
        (n,) array
            In units of sigma^2.
        """


@dataclass(frozen=True)
class Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in the symmetric matrix S.

    For symmetric directions E, F within blocks: ``d f[E] = sum(f1 * E)`` and
    ``d2 f[E, F] = vec(E)' f2 vec(F)``, vec by rows. Elements between blocks mean nothing.

    Attributes
    ----------
    logdet1, q1 : (K, K) arrays
        Gradients.
    logdet2, q2 : (K * K, K * K) arrays
        Hessians.
    """

    logdet1: Array
    q1: Array
    logdet2: Array
    q2: Array

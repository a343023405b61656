"""The score test for adding random effects: from derivatives at zero, without fitting them.

With f = -2 log-likelihood, sigma and beta profiled out, g its gradient and H its expected Hessian
in the covariance parameters at the fit, the statistic is minus the least value of
``g'd + d'H d / 2`` over what d may be: the parameters of the fit free, covariances with its effects
free, the covariance of the new effects positive semidefinite (Silvapulle and Silvapulle 1995,
Journal of the American Statistical Association 90, 342-349; Verbeke and Molenberghs 2003,
Biometrics 59, 254-262; Lin 1997, Biometrika 84, 309-326, for single variances). Under the null
hypothesis g is normal with covariance 2 H in large samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.deviance import differentiate, solve
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments

Ints = NDArray[np.intp]

ITERATIONS = 500
CLOSE = 1e-12  # change of a statistic, relative, at which the projection has converged


@dataclass(frozen=True)
class Extension:
    """A covariance of random effects and the effects added to it; K in all, in the user's units.

    Attributes
    ----------
    factors : tuple of ((k,) array of int, (k, k) array)
        For each term of the fit its columns among the K, and its relative factor.
    added : tuple of ((q,) array of int, int)
        For each term with new effects their columns, and which of ``factors`` they are correlated
        with; -1 for none.
    """

    factors: tuple[tuple[Ints, Array], ...]
    added: tuple[tuple[Ints, int], ...]


@dataclass(frozen=True)
class Score:
    """What the score test is made of.

    Attributes
    ----------
    free : float
        Part of the statistic from covariances with effects of the fit.
    nfree : int
        How many such covariances there are.
    g : (s,) array
        Gradient in the elements of the new effects' covariance, the rest taken into account.
    H : (s, s) array
        Expected Hessian in these.
    sizes : tuple of int
        Number q of new effects of each term; s is the sum of their squares.
    """

    free: float
    nfree: int
    g: Array
    H: Array
    sizes: tuple[int, ...]

    @property
    def statistic(self) -> float:
        """The statistic."""
        return self.free + float(cone_statistics(self.g[None], self.H, self.sizes)[0])

    def drawn(self, nsim: int, generator: np.random.Generator) -> Array:
        """Statistics under the null hypothesis in large samples, (nsim,)."""
        values, vectors = np.linalg.eigh(2.0 * self.H)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        g = generator.standard_normal((nsim, len(values))) @ half.T
        out = cone_statistics(g, self.H, self.sizes)
        return out + generator.chisquare(self.nfree, nsim) if self.nfree else out


def score(moments: AnyMoments, extension: Extension, reml: bool) -> Score:
    """Differentiate the likelihood of a larger model where its new effects do not vary.

    Parameters
    ----------
    moments : Moments
        Of the larger model.
    extension : Extension
        The smaller one within it.
    reml : bool
        Restricted likelihood.
    """
    W = moments.whitening
    K = len(W)
    covariance = np.zeros((K, K))
    nuisance, free = [], []
    for number, (columns, factor) in enumerate(extension.factors):
        partners = [c for new, n in extension.added if n == number for c in new]
        covariance[np.ix_(columns, columns)] = factor @ factor.T
        for t in np.flatnonzero(factor.any(axis=0)):
            along = _unit(K, columns, factor[:, t])
            nuisance += [_symmetric(_unit(K, [i]), along) for i in columns[t:]]
            free += [_symmetric(_unit(K, [c]), along) for c in partners]
    cone = [
        0.5 * _symmetric(_unit(K, [a]), _unit(K, [b]))
        for new, _ in extension.added
        for a in new
        for b in new
    ]
    solved = solve(W @ covariance @ W.T, moments, reml)
    derivatives = differentiate(solved, reml)
    directions = np.array([(W @ d @ W.T).reshape(-1) for d in (*nuisance, *free, *cone)])
    first = directions @ derivatives.logdet1.reshape(-1)
    g = first + (solved.N / solved.q) * (directions @ derivatives.q1.reshape(-1))
    H = -directions @ derivatives.logdet2 @ directions.T - np.outer(first, first) / solved.N
    r, s = len(nuisance), len(nuisance) + len(free)
    g, H, _ = _without(g, H, r)
    g, H, explained = _without(g, H, s - r)
    return Score(explained, s - r, g, H, tuple(len(new) for new, _ in extension.added))


def _unit(K: int, columns: Ints | list[int], values: Array | float = 1.0) -> Array:
    out = np.zeros(K)
    out[columns] = values
    return out


def _symmetric(a: Array, b: Array) -> Array:
    return np.outer(a, b) + np.outer(b, a)


def _without(g: Array, H: Array, r: int) -> tuple[Array, Array, float]:
    """Gradient and Hessian in the parameters after the first r, and half of what these explain."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(H)[:r], 1e-300))
    inverse = np.linalg.pinv(H[:r, :r] * np.outer(scale, scale), rcond=1e-10, hermitian=True)
    inverse = inverse * np.outer(scale, scale)
    moved = H[r:, :r] @ inverse
    return (
        g[r:] - moved @ g[:r],
        H[r:, r:] - moved @ H[:r, r:],
        0.5 * float(g[:r] @ inverse @ g[:r]),
    )


def cone_statistics(g: Array, H: Array, sizes: tuple[int, ...]) -> Array:
    """Minus the least values of ``<g, C> + <C, H C> / 2`` over positive semidefinite blocks C.

    By the accelerated projected gradient (Beck and Teboulle 2009, SIAM Journal on Imaging Sciences
    2, 183-202), restarted where it overshoots.

    Parameters
    ----------
    g : (B, s) array
        Symmetric matrices of these sizes, by rows.
    H : (s, s) array
    sizes : tuple of int
        s is the sum of their squares.

    Returns
    -------
    (B,) array
    """
    if sizes == (1,):
        return np.asarray(0.5 * np.minimum(g[:, 0], 0.0) ** 2 / H[0, 0])
    scale = _unit_diagonal(H, sizes)
    g, H = g * scale, H * np.outer(scale, scale)
    rate = 1.0 / float(np.linalg.eigvalsh(H)[-1])
    x = y = np.zeros_like(g)
    t, value = np.ones(len(g)), np.zeros(len(g))
    for _ in range(ITERATIONS):
        new = _projected(y - rate * (g + y @ H), sizes)
        fall = np.sum(new * (g + 0.5 * (new @ H)), axis=1)
        worse = fall > value
        following = np.where(worse, 1.0, 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t**2)))
        momentum = np.where(worse, 0.0, (t - 1.0) / following)
        y = np.where(worse[:, None], x, new + momentum[:, None] * (new - x))
        x = np.where(worse[:, None], x, new)
        small = np.abs(fall - value) <= CLOSE * (1.0 + np.abs(value))
        value, t = np.minimum(fall, value), following
        if small.all():
            break
    return np.asarray(-value)


def _unit_diagonal(H: Array, sizes: tuple[int, ...]) -> Array:
    """Scales of the elements of C that come from scaling the effects, with H near 1, (s,)."""
    out, at = [], 0
    for q in sizes:
        own = np.diag(H)[at : at + q * q].reshape(q, q).diagonal()
        each = np.maximum(own, 1e-300) ** -0.25
        out.append(np.outer(each, each).reshape(-1))
        at += q * q
    return np.concatenate(out)


def _projected(x: Array, sizes: tuple[int, ...]) -> Array:
    """The nearest positive semidefinite blocks, (B, s)."""
    out, at = np.empty_like(x), 0
    for q in sizes:
        blocks = x[:, at : at + q * q].reshape(-1, q, q)
        values, vectors = np.linalg.eigh(0.5 * (blocks + blocks.transpose(0, 2, 1)))
        kept = vectors * np.maximum(values, 0.0)[:, None]
        out[:, at : at + q * q] = np.matmul(kept, vectors.transpose(0, 2, 1)).reshape(-1, q * q)
        at += q * q
    return out

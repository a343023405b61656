"""The exact null distribution of a likelihood-ratio test that the only variance component is zero.

With one random effect of variance ``lambda sigma^2`` the (restricted) likelihood ratio depends on
the data through chi-squares alone (Crainiceanu and Ruppert 2004, Journal of the Royal Statistical
Society B 66, 165-185, theorem 1). Let mu be the eigenvalues of Z'(I - P_X) Z, xi those of Z'Z, and
w_s independent standard normals. Under the null hypothesis the ratio has the distribution of

    sup over lambda >= 0 of  N log(total) - N log(left(lambda)) - sum log(1 + lambda e_s)

with ``left = sum w_s^2 / (1 + lambda mu_s) + rest``, ``total = left(0)``, and rest a chi-square
with as many degrees of freedom as X and Z leave. REML: N = n - p and e = mu; ML: N = n and e = xi.
The supremum is searched on a grid and improved by Newton steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import SeedSequence

from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array

MOST_LEVELS = 3000  # the eigenvalues of a matrix of this size take seconds
SAME = 1e-9  # eigenvalues this close, relative to the largest, count as equal
AT_ONCE = 1000
GRID = 60
NEWTON = 5


@dataclass(frozen=True)
class Spectrum:
    """What the null distribution depends on.

    Attributes
    ----------
    mu : (r,) array
        Different positive eigenvalues of Z'(I - P_X) Z.
    dims : (r,) array of int
        How often each occurs.
    rest : int
        Dimensions that X and Z leave.
    logs : (t,) array
        Different eigenvalues e in the log-determinant.
    counts : (t,) array
        How often each occurs.
    N : int
        Power of the sum of squares.
    """

    mu: Array
    dims: Array
    rest: int
    logs: Array
    counts: Array
    N: int


def spectrum(moments: GroupedMoments, reml: bool) -> Spectrum:
    """The eigenvalues for a model with a single random effect.

    Parameters
    ----------
    moments : GroupedMoments
        With K = 1.
    reml : bool
    """
    n, p = moments.nobs, moments.ncoef
    R = moments.R[0, 0]
    B = moments.C[0, :p] * R
    mu, dims = _distinct(np.linalg.eigvalsh(np.diag(R**2) - B.T @ B))
    logs, counts = (mu, dims) if reml else _distinct(np.sort(R**2))
    return Spectrum(mu, dims, n - p - int(dims.sum()), logs, counts, n - p if reml else n)


def _distinct(values: Array) -> tuple[Array, Array]:
    """Different positive values among increasing ones, and how often each occurs."""
    largest = float(values[-1])
    values = values[values > SAME * largest]
    first = np.flatnonzero(np.diff(values, prepend=-largest) > SAME * largest)
    counts = np.diff(first, append=len(values))
    return np.add.reduceat(values, first) / counts, counts


def simulated_ratios(spectrum: Spectrum, nsim: int, seed: SeedSequence) -> Array:
    """Draw likelihood ratios under the null hypothesis, (nsim,); 0 where the estimate is 0."""
    root = SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
    blocks = -(-nsim // AT_ONCE)
    drawn = [_ratios(spectrum, np.random.default_rng(child)) for child in root.spawn(blocks)]
    return np.concatenate(drawn)[:nsim]


def _ratios(spectrum: Spectrum, generator: np.random.Generator) -> Array:
    shape = (AT_ONCE, len(spectrum.mu))
    squares = generator.chisquare(spectrum.dims, shape)
    rest = generator.chisquare(spectrum.rest, AT_ONCE) if spectrum.rest else np.zeros(AT_ONCE)
    total = squares.sum(axis=1) + rest
    grid = np.geomspace(1e-4, 1e6, GRID) / spectrum.mu.max()
    left = squares @ (1.0 / (1.0 + spectrum.mu[:, None] * grid)) + rest[:, None]
    values = spectrum.N * (np.log(total)[:, None] - np.log(left)) - _logdet(spectrum, grid)
    place = values.argmax(axis=1)
    best = np.maximum(values[np.arange(AT_ONCE), place], 0.0)
    slope = spectrum.N * (squares @ spectrum.mu) / total - spectrum.counts @ spectrum.logs
    inside = np.flatnonzero((best > 0.0) | (slope > 0.0))
    improved = _improved(spectrum, squares[inside], rest[inside], grid[place[inside]])
    best[inside] = np.maximum(best[inside], improved)
    return best


def _logdet(spectrum: Spectrum, ratio: Array) -> Array:
    return np.asarray(spectrum.counts @ np.log1p(spectrum.logs[:, None] * ratio))


def _improved(spectrum: Spectrum, squares: Array, rest: Array, ratio: Array) -> Array:
    """The likelihood ratios (b,) after Newton steps in log lambda from the grid's best."""
    total = squares.sum(axis=1) + rest
    here, best = ratio.copy(), np.zeros(len(ratio))
    low, high = ratio / 1e3, ratio * 3.0
    for _ in range(NEWTON + 1):
        share = 1.0 / (1.0 + spectrum.mu * here[:, None])
        terms = squares * share
        left = terms.sum(axis=1) + rest
        value = spectrum.N * np.log(total / left) - _logdet(spectrum, here)
        best = np.maximum(best, value)
        lost = terms * (1.0 - share)  # minus the derivative of each term in log lambda
        first, second = lost.sum(axis=1), (lost * (2.0 * share - 1.0)).sum(axis=1)
        gain = spectrum.logs[:, None] * here / (1.0 + spectrum.logs[:, None] * here)
        slope = spectrum.N * first / left - spectrum.counts @ gain
        bend = spectrum.N * (second / left + (first / left) ** 2)
        bend = bend - spectrum.counts @ (gain * (1.0 - gain))
        step = np.where(bend < 0.0, -slope / np.minimum(bend, -1e-300), np.sign(slope))
        here = np.clip(here * np.exp(np.clip(step, -1.0, 1.0)), low, high)
    return best

"""The likelihood written out with full matrices, to judge the package's by.

Nothing here is shared with the package except the columns of a ``Design``: the covariance of the
observations is filled in group by group, and its determinant and inverse are taken as they stand.
All of it accepts complex numbers, so that first derivatives come out to full precision from one
complex step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import block_diag

from mixedwidgets.lmm.design import Design

STEP = 1e-30  # of the complex step; its error is of the order of its square


def lower(theta: np.ndarray, size: int) -> np.ndarray:
    """The lower triangle that theta fills column by column."""
    out = np.zeros((size, size), dtype=np.asarray(theta).dtype)
    k = 0
    for column in range(size):
        for row in range(column, size):
            out[row, column] = theta[k]
            k += 1
    return out


def relative_covariances(design: Design, theta: np.ndarray) -> list[np.ndarray]:
    """Lambda Lambda' of every term."""
    out, k = [], 0
    for block in design.blocks:
        size = len(block.names)
        length = size * (size + 1) // 2
        factor = lower(np.asarray(theta)[k : k + length], size)
        out.append(factor @ factor.T)
        k += length
    return out


def covariance(design: Design, covariances: list[np.ndarray]) -> np.ndarray:
    """Covariance (n, n) of the response in units of sigma squared."""
    n = len(design.y)
    weights = np.ones(n) if design.weights is None else design.weights
    V = np.diag(1.0 / weights).astype(np.result_type(float, *covariances))
    for block, S in zip(design.blocks, covariances, strict=True):
        codes = design.groupings[block.grouping].codes
        for j in np.unique(codes):
            rows = np.flatnonzero(codes == j)
            Z = block.columns[rows]
            V[np.ix_(rows, rows)] += Z @ S @ Z.T
    return V


def logdet(matrix: np.ndarray) -> complex | float:
    if matrix.shape[0] == 0:
        return 0.0
    sign, value = np.linalg.slogdet(matrix)
    return value + np.log(sign) if np.iscomplexobj(matrix) else value


def parts(design: Design, covariances: list[np.ndarray], reml: bool, beta=None):
    """log |V| (REML: with log |X' V^-1 X|), the residual quadratic form, and its divisor."""
    V = covariance(design, covariances)
    X = design.X
    y = design.y if design.offset is None else design.y - design.offset
    n, p = X.shape
    determinant = logdet(V)
    inverse_X = np.linalg.solve(V, X)
    information = X.T @ inverse_X
    if reml:
        determinant = determinant + logdet(information)
    if beta is None:
        beta = np.linalg.solve(information, inverse_X.T @ y)
    residual = y - X @ beta
    return determinant, residual @ np.linalg.solve(V, residual), n - p if reml else n


def deviance(design: Design, covariances: list[np.ndarray], reml: bool, sigma=None, beta=None):
    """Minus twice the (restricted) log-likelihood; sigma and beta at their best unless given."""
    determinant, q, N = parts(design, covariances, reml, beta)
    sigma2 = q / N if sigma is None else sigma * sigma
    return determinant + N * np.log(2.0 * np.pi * sigma2) + q / sigma2


def estimates(design: Design, theta: np.ndarray, reml: bool):
    """sigma, beta and the covariance of beta at a theta."""
    covariances = relative_covariances(design, theta)
    V = covariance(design, covariances)
    _, q, N = parts(design, covariances, reml)
    y = design.y if design.offset is None else design.y - design.offset
    information = design.X.T @ np.linalg.solve(V, design.X)
    beta = np.linalg.solve(information, design.X.T @ np.linalg.solve(V, y))
    return np.sqrt(q / N), beta, q / N * np.linalg.inv(information)


def modes(design: Design, theta: np.ndarray, sigma: float, beta: np.ndarray):
    """Conditional means (m, k) and covariances (m, k, k) of the effects of each factor's levels."""
    covariances = relative_covariances(design, theta)
    inverse = np.linalg.inv(covariance(design, covariances))
    y = design.y if design.offset is None else design.y - design.offset
    weighted = inverse @ (y - design.X @ beta)
    means, variances = {}, {}
    for number, grouping in enumerate(design.groupings):
        mine = [i for i, b in enumerate(design.blocks) if b.grouping == number]
        columns = np.hstack([design.blocks[i].columns for i in mine])
        S = block_diag(*(covariances[i] for i in mine))
        K, m = len(S), len(grouping.levels)
        mean, variance = np.empty((m, K)), np.empty((m, K, K))
        for j in range(m):
            rows = np.flatnonzero(grouping.codes == j)
            Z = columns[rows]
            mean[j] = S @ Z.T @ weighted[rows]
            variance[j] = sigma**2 * (S - S @ Z.T @ inverse[np.ix_(rows, rows)] @ Z @ S)
        means[grouping.name], variances[grouping.name] = mean, variance
    return means, variances


def from_parameters(sds, correlations) -> np.ndarray:
    """A covariance matrix from standard deviations and the correlations of its lower triangle."""
    sds = np.asarray(sds)
    k = len(sds)
    R = np.eye(k, dtype=np.result_type(sds, np.asarray(correlations), float))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for (i, j), value in zip(pairs, correlations, strict=True):
        R[i, j] = R[j, i] = value
    return R * np.outer(sds, sds)


def gradient(f: Callable[[np.ndarray], complex], x: np.ndarray) -> np.ndarray:
    """First derivatives by a complex step."""
    x = np.asarray(x, dtype=float)
    out = np.empty(len(x))
    for i in range(len(x)):
        z = x.astype(complex)
        z[i] += 1j * STEP
        out[i] = np.imag(f(z)) / STEP
    return out


def hessian(f: Callable[[np.ndarray], complex], x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Second derivatives: sixth-order central differences of complex-step gradients."""
    x = np.asarray(x, dtype=float)
    out = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        h = step * max(abs(x[i]), 0.1)
        for multiple, weight in ((1, 45.0), (2, -9.0), (3, 1.0)):
            shift = np.zeros(len(x))
            shift[i] = multiple * h
            out[i] += weight * (gradient(f, x + shift) - gradient(f, x - shift)) / (60.0 * h)
    return 0.5 * (out + out.T)

"""The deviance as a function of a factor T of the relative covariance, with derivatives.

S = A T T' A' for a fixed matrix A. With A the identity, T is the relative covariance factor in
whitened coordinates, where the model is optimised; with A = W P' it is the factor in the user's
units with the random effects in another order, where profiles live.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.deviance import AnySolved, differentiate, solve
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.solved import Derivatives
from mixedwidgets.lmm.theta import Layout


@dataclass(frozen=True)
class Factor:
    """A factor T (K, K), lower triangular in blocks, and the matrix A in front of it."""

    layout: Layout
    A: Array

    def covariance(self, T: Array) -> Array:
        """S = A T T' A'."""
        half = self.A @ T
        return np.asarray(half @ half.T)

    def gradient(self, first: Array, T: Array) -> Array:
        """Gradient in the elements of T of a function with derivative ``first`` in S."""
        return self.layout.vector(2.0 * self.A.T @ first @ self.A @ T)

    def hessian(self, first: Array, second: Array, T: Array) -> Array:
        """Hessian in the elements of T of a function with these derivatives in S.

        dS = A (dT T' + T dT') A' and d2S = A (dT1 dT2' + dT2 dT1') A'.
        """
        rows, cols = self.layout.position
        half = self.A @ T
        left = self.A[:, rows]
        right = half[:, cols]
        jacobian = (left[:, None] * right[None] + right[:, None] * left[None]).reshape(
            -1, len(rows)
        )
        inner = self.A.T @ first @ self.A
        curved = 2.0 * inner[np.ix_(rows, rows)] * (cols[:, None] == cols[None, :])
        out = jacobian.T @ second @ jacobian + curved
        return np.asarray(0.5 * (out + out.T))


def profiled_deviance(
    factor: Factor, moments: AnyMoments, reml: bool
) -> Callable[[Array], tuple[float, Array, Array]]:
    """The deviance with sigma and beta profiled out, as a function of the elements of T.

    ``f = logdet + N log q + const``.
    """

    def objective(t: Array) -> tuple[float, Array, Array]:
        T = factor.layout.matrix(t)
        forbidden = np.inf, np.zeros_like(t), np.zeros((len(t), len(t)))
        try:
            solved = solve(factor.covariance(T), moments, reml)
        except np.linalg.LinAlgError:
            return forbidden
        deviance = solved.deviance if solved.q > 0.0 else np.inf
        if not np.isfinite(deviance):
            return forbidden
        first, second = profiled_derivatives(solved, differentiate(solved, reml))
        return deviance, factor.gradient(first, T), factor.hessian(first, second, T)

    return objective


def profiled_derivatives(solved: AnySolved, derivatives: Derivatives) -> tuple[Array, Array]:
    """Derivatives in S of ``logdet + N log q``."""
    scale = solved.N / solved.q
    flat = derivatives.q1.reshape(-1)
    first = derivatives.logdet1 + scale * derivatives.q1
    second = (
        derivatives.logdet2 + scale * derivatives.q2 - (scale / solved.q) * np.outer(flat, flat)
    )
    return first, second

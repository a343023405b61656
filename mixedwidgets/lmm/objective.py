"""The deviance as a function of a factor T of the relative covariance, with derivatives.

S = A T T' A' for a fixed matrix A. With A the identity, T is the relative covariance factor in
whitened coordinates, where the model is optimised; with A = W P' it is the factor in the user's
units with the random effects in another order, where profiles live.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixedwidgets.lmm.deviance import AnySolved, differentiate, solve
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.solved import Derivatives
from mixedwidgets.lmm.theta import Layout

REMEMBERED = 2  # points whose solutions are kept: with large models they are large


@dataclass(frozen=True)
class Factor:
    """A factor T (K, K), lower triangular in blocks, and the matrix A in front of it."""

    layout: Layout
    A: Array

    def covariance(self, T: Array) -> Array:
        """S = A T T' A'."""
        half = T if self._plain else self.A @ T
        return np.asarray(half @ half.T)

    @cached_property
    def _plain(self) -> bool:
        """Whether A is the identity, which need not be multiplied by."""
        return bool(np.array_equal(self.A, np.eye(len(self.A))))

    @cached_property
    def _left(self) -> Array:
        return self.A[:, None, self.layout.position[0]]

    def jacobian(self, T: Array) -> Array:
        """Derivatives of vec(S) in the elements of T, (K * K, ntheta).

        dS = A (dT T' + T dT') A'.
        """
        both = self._left * (T if self._plain else self.A @ T)[:, self.layout.position[1]]
        return np.asarray((both + both.transpose(1, 0, 2)).reshape(-1, both.shape[2]))

    def gradient(self, first: Array, T: Array) -> Array:
        """Gradient in the elements of T of a function with derivative ``first`` in S."""
        return np.asarray(first.reshape(-1) @ self.jacobian(T))

    def hessian(self, first: Array, second: Array, T: Array) -> Array:
        """Hessian in the elements of T of a function with these derivatives in S."""
        return self.derivatives(first, second, T)[1]

    def derivatives(self, first: Array, second: Array, T: Array) -> tuple[Array, Array]:
        """Gradient and Hessian; d2S = A (dT1 dT2' + dT2 dT1') A'."""
        jacobian = self.jacobian(T)
        inner = first if self._plain else self.A.T @ first @ self.A
        curved = inner[self.layout.row_pairs] * self.layout.same_column
        out = jacobian.T @ (0.5 * second) @ jacobian + curved
        return np.asarray(first.reshape(-1) @ jacobian), np.asarray(out + out.T)


class ProfiledDeviance:
    """The deviance with sigma and beta profiled out, as a function of the elements of T.

    ``f = logdet + N log q + const``. The last points are remembered.

    Parameters
    ----------
    factor : Factor
        How T makes S.
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.
    """

    def __init__(self, factor: Factor, moments: AnyMoments, reml: bool):
        self.factor, self.moments, self.reml = factor, moments, reml
        self._points: dict[bytes, AnySolved | None] = {}
        self._exact: dict[bytes, tuple[float, Array, Array]] = {}

    def solved(self, t: Array) -> AnySolved | None:
        """The likelihood at a point; None where it has no value."""
        key = t.tobytes()
        if key not in self._points:
            _forget(self._points)
            self._points[key] = self._solve(t)
        return self._points[key]

    def _solve(self, t: Array) -> AnySolved | None:
        try:
            covariance = self.factor.covariance(self.factor.layout.matrix(t))
            solved = solve(covariance, self.moments, self.reml)
        except np.linalg.LinAlgError:
            return None
        return solved if solved.q > 0.0 and math.isfinite(solved.deviance) else None

    def value(self, t: Array) -> float:
        """The deviance alone; infinite where it has no value."""
        solved = self.solved(t)
        return np.inf if solved is None else solved.deviance

    def __call__(self, t: Array) -> tuple[float, Array, Array]:
        """The deviance, its gradient and its Hessian."""
        key = t.tobytes()
        if key not in self._exact:
            _forget(self._exact)
            self._exact[key] = self._differentiated(t, True)
        return self._exact[key]

    def information(self, t: Array) -> Array:
        """The expected Hessian, sigma profiled out: positive semidefinite wherever it is taken."""
        solved = self.solved(t)
        assert solved is not None
        derivatives = differentiate(solved, self.reml)
        first = derivatives.logdet1
        flat = first.reshape(-1)
        second = -derivatives.logdet2 - np.outer(flat, flat) / solved.N
        return self.factor.hessian(np.zeros_like(first), second, self.factor.layout.matrix(t))

    def rough(self, t: Array) -> tuple[float, Array, Array]:
        """The same with average information for a Hessian, where the exact one costs much."""
        return self._differentiated(t, False)

    def _differentiated(self, t: Array, exact: bool) -> tuple[float, Array, Array]:
        solved = self.solved(t)
        if solved is None:
            return np.inf, np.zeros_like(t), np.zeros((len(t), len(t)))
        derivatives = differentiate(solved, self.reml, exact)
        first, second = profiled_derivatives(solved, derivatives)
        T = self.factor.layout.matrix(t)
        return solved.deviance, *self.factor.derivatives(first, second, T)


def _forget(points: dict[bytes, Any]) -> None:
    """Drop the oldest of the points remembered, to make room for one."""
    while len(points) >= REMEMBERED:
        del points[next(iter(points))]


def profiled_derivatives(solved: AnySolved, derivatives: Derivatives) -> tuple[Array, Array]:
    """Derivatives in S of ``logdet + N log q``."""
    scale = solved.N / solved.q
    flat = derivatives.q1.reshape(-1)
    first = derivatives.logdet1 + scale * derivatives.q1
    steepest = (scale / solved.q) * flat
    second = derivatives.logdet2 + scale * derivatives.q2 - steepest[:, None] * flat
    return first, second

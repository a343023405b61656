"""The likelihood with some parameters held: the inner problem of profiles and surfaces.

Coordinates. For each term, the lower-triangular factor of the covariance of its random effects (not
divided by sigma); and log sigma. Where nothing of a term is held, its effects are in whitened
coordinates, else in the user's units with those held first. A term in which a second column or a
correlation is held has its first two rows in polar form, ``(a)`` and ``(r sin phi, r cos phi)``: a
and r are standard deviations and sin phi their correlation; where a third column is held too, its
row is spherical, ``r (sin phi, cos phi sin psi, cos phi cos psi)``; further rows, and two that are
correlated beside two others, are as in ``rays``. Where a correlation is held, a and r must not
change sign, so their logarithms are the coordinates. A term of which an element of theta is held
has its elements in the user's order and divided by sigma. So every held parameter is one coordinate
(but for those of ``implied``), and the others stay free of bounds. Held coefficients are moved to
the response before anything is solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.deviance import AnySolved, differentiate, solve
from mixedwidgets.lmm.linalg import Array, lower_triangle
from mixedwidgets.lmm.moments import AnyMoments, replace_fixed
from mixedwidgets.lmm.newton import minimise
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.polar import BEYOND, TINY, Part

NEAR = 0.02  # deviance units: how far the quadratic model is trusted
FURTHEST = 1e9  # relative standard deviations (whitened) beyond leave no digits in X' V^-1 X
REMEMBERED = 64  # values of held coefficients for which the moments are kept: a row of a grid
FIRM = 1e-3  # smallest eigenvalue of the scaled Hessian for which it is trusted


@dataclass(frozen=True)
class Inner:
    """The optimum of the free coordinates.

    Attributes
    ----------
    value : float
        Minus twice the log-likelihood.
    z : (size,) array
        All coordinates, those held included.
    gradient : (size,) array
        Its gradient in all coordinates; zero for the free ones.
    converged : bool
        Whether the optimum is stationary and no saddle point.
    """

    value: float
    z: Array
    gradient: Array
    converged: bool


@dataclass(frozen=True)
class Constraint:
    """A model with some parameters held.

    Attributes
    ----------
    moments : Moments
        Of the whole model.
    held : tuple of Parameter
        The parameters held.
    reml : bool
        Restricted likelihood.
    factor : Factor
        From the ordered factor to whitened coordinates.
    into : (K, K) array
        From a factor in the user's units and order to the factor of the coordinates, up to a
        rotation of its columns.
    curved : tuple of Part
        Rows of the factor that are in polar or spherical form, elements that are logarithms.
    relative : (ntheta,) array of bool
        Which elements of the factor are divided by sigma.
    coordinates : tuple of int
        Coordinate of each held parameter; -1 for coefficients.
    """

    moments: AnyMoments
    held: tuple[Parameter, ...]
    reml: bool
    factor: Factor
    into: Array
    curved: tuple[Part, ...]
    relative: NDArray[np.bool_]
    coordinates: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of coordinates, log sigma included."""
        return self.factor.layout.ntheta + 1

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """Indices of the coordinates that are not held."""
        held = {c for c in self.coordinates if c >= 0}
        return np.array([c for c in range(self.size) if c not in held], dtype=np.intp)

    def start(self, covariance_factor: Array, sigma: float) -> Array:
        """All coordinates of a factor of the covariance (K, K) in user's units, and of sigma."""
        layout = self.factor.layout
        ordered = self.into @ covariance_factor
        T = np.zeros_like(ordered)
        for columns in layout.slices:
            T[columns, columns] = lower_triangle(ordered[columns, columns])
        elements = layout.vector(T)
        z = np.append(np.where(self.relative, elements / sigma, elements), np.log(sigma))
        for part in self.curved:
            z = part.coordinates(z)
        return z

    def minimise(self, values: tuple[float, ...], start: Array) -> Inner:
        """Optimise the free coordinates.

        Parameters
        ----------
        values : tuple of float
            Values of the held parameters, inside their allowed ranges.
        start : (size,) array
            All coordinates to start from; those held are overwritten.

        Returns
        -------
        Inner
        """
        z = self._insert(values, start)
        free = self.free
        moments = self.with_held(values)
        last: tuple[Array, Array] | None = None

        def objective(x: Array) -> tuple[float, Array, Array]:
            nonlocal last
            everything = z.copy()
            everything[free] = x
            value, gradient, hessian = self._evaluate(moments, everything)
            last = x, gradient
            return value, gradient[free], hessian[np.ix_(free, free)]

        found = minimise(objective, z[free])
        z[free] = found.x
        if last is None or last[0] is not found.x:
            return Inner(found.value, z, self._evaluate(moments, z)[1], found.converged)
        return Inner(found.value, z, last[1], found.converged)

    def quick(
        self, values: tuple[float, ...], start: Array, near: float = NEAR
    ) -> tuple[float, Array]:
        """Minimum over the free coordinates, by one Newton step where that is enough.

        The quadratic model's error is of third order in the distance to the minimum; where it
        promises a fall of more than ``near``, the minimisation is carried through.

        Parameters
        ----------
        values : tuple of float
            Values of the held parameters.
        start : (size,) array
            Coordinates close to the minimum, such as those of a neighbouring point.
        near : float
            How far the quadratic model is trusted, in deviance units.

        Returns
        -------
        value : float
            Good to about 0.001 where ``minimise`` was not needed.
        z : (size,) array
            All coordinates at the minimum.
        """
        z = self._insert(values, start)
        free = self.free
        value, gradient, hessian = self._evaluate(self.with_held(values), z)
        if np.isfinite(value):
            promise = promised(gradient[free], hessian[np.ix_(free, free)])
            if promise is not None and promise[0] <= near:
                z[free] += promise[1]
                return value - promise[0], z
        found = self.minimise(values, start)
        return found.value, found.z

    def tangents(self, z: Array) -> Array:
        """How the inner optimum moves with each held coordinate, (size, held), at an optimum z.

        From the implicit function theorem, ``- H_ff^-1 H_fh``; zero for held coefficients and in
        directions of no curvature.
        """
        hessian, free = self.hessian(z), self.free
        out = np.zeros((self.size, len(self.held)))
        scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)[free]), 1e-300))
        inverse = np.linalg.pinv(
            hessian[np.ix_(free, free)] * np.outer(scale, scale), rcond=FIRM, hermitian=True
        )
        for number, coordinate in enumerate(self.coordinates):
            if coordinate >= 0:
                out[free, number] = -scale * (inverse @ (scale * hessian[free, coordinate]))
        return out

    def along(self, tangents: Array, values: tuple[float, ...], z: Array) -> Array:
        """Coordinates foretold at some values by the tangents at an optimum z."""
        moved = self._insert(values, z)
        steps = [moved[c] - z[c] if c >= 0 else 0.0 for c in self.coordinates]
        return moved + tangents @ np.array(steps)

    def value(self, values: tuple[float, ...], start: Array, moments: AnyMoments) -> float:
        """Minus twice the log-likelihood of other moments, held parameters at the given values."""
        return self.at(self._insert(values, start), moments)

    def at(self, z: Array, moments: AnyMoments) -> float:
        """Minus twice the log-likelihood of moments at coordinates z."""
        try:
            solved = solve(self.factor.covariance(self._factor(z)[0]), moments, self.reml)
        except np.linalg.LinAlgError:
            return float("inf")
        return solved.at_sigma2(np.exp(2.0 * z[-1]))

    def natural(
        self, values: tuple[float, ...], z: Array
    ) -> tuple[tuple[Array, ...], float, Array]:
        """The model at a point, in the user's units.

        Parameters
        ----------
        values : tuple of float
            Values of the held parameters.
        z : (size,) array
            All coordinates.

        Returns
        -------
        covariances : tuple of (k, k) arrays
            Covariance of the random effects of each term.
        sigma : float
            Residual standard deviation.
        beta : (p,) array
            Coefficients, those not held at their best.
        """
        moments, sigma = self.moments, float(np.exp(z[-1]))
        factor = self.covariance_factor(z)
        whole = factor @ factor.T
        solved = solve(self.factor.covariance(self._factor(z)[0]), moments, self.reml)
        beta = moments.coefficients(solved.delta)
        held = [(p.i, v) for p, v in zip(self.held, values, strict=True) if p.kind == "fixed"]
        if held:
            which = [i for i, _ in held]
            spread = np.linalg.inv(moments.basis.R) @ solved.root.T
            away = np.array([v for _, v in held]) - beta[which]
            pull = np.linalg.solve(spread[which] @ spread[which].T, away)
            beta = beta + spread @ (spread[which].T @ pull)
            beta[which] = [v for _, v in held]
        return tuple(whole[c, c] for c in moments.layout.slices), sigma, beta

    def covariance_factor(self, z: Array) -> Array:
        """Factor (K, K) of the covariance of the random effects in the user's units."""
        half = self.factor.A @ self._factor(z)[0]
        return np.asarray(np.exp(z[-1]) * np.linalg.solve(self.moments.whitening, half))

    def hessian(self, z: Array) -> Array:
        """Hessian of minus twice the log-likelihood in all coordinates, beta profiled out."""
        return self._evaluate(self.moments, z)[2]

    def slope(self, number: int, values: tuple[float, ...], inner: Inner) -> float:
        """Derivative of the minimum in one held parameter, by the envelope theorem."""
        parameter, value = self.held[number], values[number]
        if parameter.kind == "fixed":
            return self._coefficient_slope(parameter, value, inner.z)
        slope = float(inner.gradient[self.coordinates[number]])
        if parameter.kind == "cor":
            return slope / max(np.sqrt(1.0 - value**2), 1e-12)
        return slope / value if parameter.kind == "sigma" else slope

    def _coefficient_slope(self, parameter: Parameter, value: float, z: Array) -> float:
        """Slope of ``(value - estimate)^2 / variance``, by which holding a coefficient costs."""
        if sum(p.kind == "fixed" for p in self.held) > 1:
            raise ModelError("The slope is available for one held coefficient only.")
        moments = self.moments
        solved = solve(self.factor.covariance(self._factor(z)[0]), moments, False)
        row = np.linalg.inv(moments.basis.R)[parameter.i]
        estimate = float(moments.coefficients(solved.delta)[parameter.i])
        variance = float(np.sum((solved.root @ row) ** 2))
        return 2.0 * (value - estimate) / variance * np.exp(-2.0 * float(z[-1]))

    def _insert(self, values: tuple[float, ...], start: Array) -> Array:
        z = np.array(start, dtype=np.float64)
        for parameter, coordinate, value in zip(self.held, self.coordinates, values, strict=True):
            if parameter.kind == "sigma":
                z[-1] = np.log(value)
            elif parameter.kind == "cor":
                z[coordinate] = np.arcsin(np.clip(value, -1.0, 1.0))
            elif parameter.kind == "sd":
                logarithmic = any(coordinate in part.logarithms for part in self.curved)
                z[coordinate] = np.log(max(value, TINY)) if logarithmic else value
            elif parameter.kind == "theta" and coordinate >= 0:
                z[coordinate] = value
        return z

    def with_held(self, values: tuple[float, ...]) -> AnyMoments:
        """The moments with the held coefficients moved to the response."""
        held = [(p.i, v) for p, v in zip(self.held, values, strict=True) if p.kind == "fixed"]
        if not held:
            return self.moments
        key = tuple(v for _, v in held)
        if key not in self._moved:
            while len(self._moved) >= REMEMBERED:
                del self._moved[next(iter(self._moved))]
            self._moved[key] = replace_fixed(self.moments, held)
        return self._moved[key]

    @cached_property
    def _moved(self) -> dict[tuple[float, ...], AnyMoments]:
        """Moments with coefficients held at the last values asked for."""
        return {}

    def _factor(self, z: Array) -> tuple[Array, Array]:
        """The ordered relative factor T (K, K) at coordinates z, and the Jacobian of its elements.

        The Jacobian (ntheta, ntheta) is that of the elements, before those that are not relative
        are divided by sigma, in the coordinates.
        """
        elements, jacobian = z[:-1].copy(), np.eye(len(z) - 1)
        for part in self.curved:
            part.fill(z, elements, jacobian)
        scale = np.where(self.relative, 1.0, np.exp(-z[-1]))
        return self.factor.layout.matrix(elements * scale), jacobian

    def _evaluate(self, moments: AnyMoments, z: Array) -> tuple[float, Array, Array]:
        """Minus twice the log-likelihood with its derivatives in all coordinates."""
        size = len(z)
        forbidden = np.inf, np.zeros(size), np.zeros((size, size))
        if not np.all(np.isfinite(z)) or abs(z[-1]) > BEYOND:
            return forbidden
        T, jacobian = self._factor(z)
        if not np.abs(self.factor.A @ T).max() < FURTHEST:
            return forbidden
        try:
            solved = solve(self.factor.covariance(T), moments, self.reml)
        except np.linalg.LinAlgError:
            return forbidden
        value = solved.at_sigma2(np.exp(2.0 * z[-1]))
        if not np.isfinite(value) or solved.q <= 0.0:
            return forbidden
        gradient, hessian = self._relative(solved, T, z[-1])
        t = np.where(self.relative, 0.0, self.factor.layout.vector(T))
        scale = np.where(self.relative, 1.0, np.exp(-z[-1]))
        gradient, hessian = _absolute(gradient, hessian, t, scale)
        return value, *self._curve(gradient, hessian, jacobian, z)

    def _relative(self, solved: AnySolved, T: Array, log_sigma: float) -> tuple[Array, Array]:
        """Derivatives in the relative elements t and log sigma.

        ``F(t, l) = logdet + N (log 2 pi + 2 l) + q exp(-2 l)``.
        """
        derivatives = differentiate(solved, self.reml)
        inverse = np.exp(-2.0 * log_sigma)
        first = derivatives.logdet1 + inverse * derivatives.q1
        second = derivatives.logdet2 + inverse * derivatives.q2
        size = self.size
        gradient, hessian = np.empty(size), np.empty((size, size))
        gradient[:-1] = self.factor.gradient(first, T)
        gradient[-1] = 2.0 * solved.N - 2.0 * solved.q * inverse
        hessian[:-1, :-1] = self.factor.hessian(first, second, T)
        hessian[:-1, -1] = hessian[-1, :-1] = (
            -2.0 * inverse * self.factor.gradient(derivatives.q1, T)
        )
        hessian[-1, -1] = 4.0 * solved.q * inverse
        return gradient, hessian

    def _curve(
        self, gradient: Array, hessian: Array, jacobian: Array, z: Array
    ) -> tuple[Array, Array]:
        """From the elements of the factor to the coordinates."""
        if not self.curved:
            return gradient, hessian
        full = np.eye(len(z))
        full[:-1, :-1] = jacobian
        out = full.T @ hessian @ full
        for part in self.curved:
            part.bend(z, gradient, out)
        return full.T @ gradient, out


def promised(gradient: Array, hessian: Array) -> tuple[float, Array] | None:
    """The fall that the quadratic model promises, and its step; None where it has no minimum."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    eigenvalues, vectors = np.linalg.eigh(hessian * np.outer(scale, scale))
    if not eigenvalues.min(initial=1.0) > FIRM:
        return None
    along = vectors.T @ (gradient * scale)
    step = -(vectors @ (along / eigenvalues)) * scale
    return 0.5 * float(np.sum(along**2 / eigenvalues)), step


def _absolute(gradient: Array, hessian: Array, t: Array, scale: Array) -> tuple[Array, Array]:
    """From relative elements to the elements as they are in the coordinates, and log sigma.

    ``scale`` is 1 / sigma for elements not divided by sigma and 1 for the others; ``t`` holds the
    relative elements of the first kind, with zeros for the second.
    """
    g, h = gradient[:-1], hessian[:-1, :-1]
    ht = h @ t
    out_g, out_h = gradient.copy(), hessian.copy()
    out_g[:-1] *= scale
    out_g[-1] -= g @ t
    out_h[:-1, :-1] *= scale[:, None] * scale
    out_h[:-1, -1] = scale * (hessian[:-1, -1] - ht - np.where(scale == 1.0, 0.0, g))
    out_h[-1, :-1] = out_h[:-1, -1]
    out_h[-1, -1] += t @ ht + t @ g - 2.0 * (t @ hessian[:-1, -1])
    return out_g, out_h

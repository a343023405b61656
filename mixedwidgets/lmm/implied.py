"""Elements of theta held beside a standard deviation or a correlation of their own row.

Such an element is no coordinate but a function h of them. With h = t one coordinate of the row (or
log sigma) follows from the others: that in which h moves fastest, measured by the curvature of the
likelihood. What is minimised is then a function of the others, with exact derivatives by the
implicit function theorem: along the constraint the coordinates move by ``T = dz/dx``, so that the
gradient is ``T' g`` and the Hessian ``T' (H - lambda h'') T`` with the multiplier lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.constrained import FIRM, NEAR, Constraint, Inner, promised
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.newton import minimise
from mixedwidgets.lmm.parameters import contradictory

CHARTS = 12  # choices of the coordinates that follow from the others
LEG = 8  # Newton steps with one choice
WORN = 0.2  # of the best: a coordinate in which h moves slower than this no longer serves
STEPS = 40  # Newton steps to a point that holds
CLOSE = 1e-12  # of |t|: how near theta is to what is held
ROUGH = 1e-9  # of |t|, and ZERO if it is none: how near it must be where rounding goes no further
ZERO = 1e-14
BOUNDED = 0.7  # longest step in logarithms and angles
STIFF = 0.1  # log sigma, which the data know best, moves less than sizes and angles
LEAST = 1e-6  # of a typical relative standard deviation: stands for zero where zero is no point


class _Theta(NamedTuple):
    """The implied elements (m,), and their first and second derivatives in all coordinates."""

    value: Array
    first: Array
    second: Array


@dataclass(frozen=True)
class Implied(Constraint):
    """A model with some parameters held, elements of theta among them that are no coordinates.

    Attributes
    ----------
    elements : tuple of int
        Index in the factor of each implied element.
    numbers : tuple of int
        Its place among those held; its coordinate is -1.
    least : tuple of float
        What stands for zero where the element cannot be zero but come as near as it likes.
    sizes : tuple of int
        Coordinate of the logarithm of the size of the element's row; -1 where that is held.
    """

    elements: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    least: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()

    def minimise(self, values: tuple[float, ...], start: Array) -> Inner:
        """Optimise the free coordinates; infinite where the parameters contradict each other."""
        z = self._insert(values, start)
        moments = self.with_held(values)
        value, gradient, hessian = self._evaluate(moments, z)
        if not np.isfinite(value):
            explicit = super()._insert(values, start)
            return Inner(np.inf, explicit, np.zeros(self.size), False)
        converged = False
        for _ in range(CHARTS):
            chart = _Chart(self, z, hessian)

            def objective(x: Array, chart: _Chart = chart) -> tuple[float, Array, Array]:
                everything = chart.point(x)
                return chart.along(everything, *self._evaluate(moments, everything))

            found = minimise(objective, z[chart.moving], max_steps=LEG)
            z, value, converged = chart.point(found.x), found.value, found.converged
            _, gradient, hessian = self._evaluate(moments, z)
            if (converged or len(found.path) == 1) and not chart.worn(z, hessian):
                break
        theta = self.theta(z)
        gradient = gradient - chart.multipliers(theta, gradient) @ theta.first
        return Inner(value, z, gradient, converged)

    def quick(
        self, values: tuple[float, ...], start: Array, near: float = NEAR
    ) -> tuple[float, Array]:
        """Minimum over the free coordinates, by one Newton step where that is enough."""
        z = self._insert(values, start)
        value, gradient, hessian = self._evaluate(self.with_held(values), z)
        if np.isfinite(value):
            chart = _Chart(self, z, hessian)
            promise = promised(*chart.along(z, value, gradient, hessian)[1:])
            if promise is not None and promise[0] <= near:
                moved = chart.point(z[chart.moving] + promise[1])
                if np.all(np.isfinite(moved)):
                    return value - promise[0], moved
        found = self.minimise(values, z if np.isfinite(value) else start)
        return found.value, found.z

    def value(self, values: tuple[float, ...], start: Array, moments: AnyMoments) -> float:
        """Minus twice the log-likelihood of other moments; infinite where there is no point."""
        z = self._insert(values, start)
        return self.at(z, moments) if np.all(np.isfinite(z)) else float("inf")

    def slope(self, number: int, values: tuple[float, ...], inner: Inner) -> float:
        """Derivative of the minimum in one held parameter: of an implied one, its multiplier."""
        if number not in self.numbers:
            return super().slope(number, values, inner)
        _, gradient, hessian = self._evaluate(self.with_held(values), inner.z)
        chart = _Chart(self, inner.z, hessian)
        multipliers = chart.multipliers(self.theta(inner.z), gradient)
        return float(multipliers[self.numbers.index(number)])

    def tangents(self, z: Array) -> Array:
        """How the inner optimum moves with each held parameter, (size, held), at an optimum z."""
        _, gradient, hessian = self._evaluate(self.moments, z)
        chart, theta, free = _Chart(self, z, hessian), self.theta(z), self.free
        curved = hessian - np.tensordot(chart.multipliers(theta, gradient), theta.second, 1)
        m, f = len(self.elements), len(free)
        scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)[free]), 1e-300))
        rows = theta.first[:, free] * scale
        bordered = np.zeros((f + m, f + m))
        bordered[:f, :f] = curved[np.ix_(free, free)] * np.outer(scale, scale)
        bordered[:f, f:], bordered[f:, :f] = rows.T, rows
        inverse = np.linalg.pinv(bordered, rcond=FIRM**2, hermitian=True)[:f]
        out = np.zeros((self.size, len(self.held)))
        for number, coordinate in enumerate(self.coordinates):
            right = np.zeros(f + m)
            if coordinate >= 0:
                right[:f] = -scale * curved[free, coordinate]
                right[f:] = -theta.first[:, coordinate]
            elif number in self.numbers:
                right[f + self.numbers.index(number)] = 1.0
            out[free, number] = scale * (inverse @ right)
        return out

    def along(self, tangents: Array, values: tuple[float, ...], z: Array) -> Array:
        """Coordinates foretold at some values by the tangents at an optimum z."""
        moved = super()._insert(values, z)
        steps = np.array([moved[c] - z[c] if c >= 0 else 0.0 for c in self.coordinates])
        for number, now in zip(self.numbers, self.theta(z).value, strict=True):
            steps[number] = values[number] - now
        return moved + np.clip(tangents @ steps, -1e3, 1e3)

    def theta(self, z: Array) -> _Theta:
        """The implied elements of theta at coordinates z."""
        size, m = len(z), len(self.elements)
        elements, jacobian = z[:-1].copy(), np.eye(size - 1)
        for part in self.curved:
            part.fill(z, elements, jacobian)
        value, first, second = np.empty(m), np.zeros((m, size)), np.zeros((m, size, size))
        for n, place in enumerate(self.elements):
            weight, scale = np.zeros(size), 1.0
            weight[place] = 1.0
            for part in self.curved:
                part.bend(z, weight, second[n])
            first[n, :-1] = jacobian[place]
            value[n] = elements[place]
            if not self.relative[place]:
                scale = np.exp(-z[-1])
                first[n, -1] = -value[n]
                second[n, -1], second[n, :, -1] = -first[n], -first[n]
            value[n] *= scale
            first[n] *= scale
            second[n] *= scale
        return _Theta(value, first, second)

    def _insert(self, values: tuple[float, ...], start: Array) -> Array:
        """The point nearest to a start at which everything holds; NaN where there is none."""
        z = super()._insert(values, start)
        wanted, small = np.array([values[n] for n in self.numbers]), np.array(self.least)
        if contradictory(self.held, np.array([values]))[0]:
            return np.full_like(z, np.nan)
        wanted = self._reachable(z, wanted)
        found = self._restored(self._resized(z, wanted), wanted)
        if found is None and np.all(np.abs(wanted) < small):
            for sign in (1.0, -1.0):
                found = self._restored(z, sign * small) if found is None else found
        return np.full_like(z, np.nan) if found is None else found

    def _resized(self, start: Array, wanted: Array) -> Array:
        """A start whose rows of free size are stretched so far that theta is as wanted."""
        z = start.copy()
        theta = self.theta(z)
        alone = self._alone(theta)
        for n, (place, now, value) in enumerate(zip(self.sizes, theta.value, wanted, strict=True)):
            if place >= 0 and now * value > 0.0:
                stretch = np.log(abs(value)) - np.log(abs(now))
                if alone[n] or abs(stretch) < BOUNDED:
                    z[place] += stretch
        return z

    def _reachable(self, z: Array, wanted: Array) -> Array:
        """What is wanted, next to zero for zero where theta is a multiple of its row's size."""
        theta = self.theta(z)
        near = self._alone(theta) & (wanted == 0.0) & (np.abs(theta.value) > ZERO)
        return np.where(near, np.copysign(self.least, theta.value), wanted)

    def _alone(self, theta: _Theta) -> NDArray[np.bool_]:
        """Which elements depend on the size of their row only, (m,)."""
        count = np.count_nonzero(theta.first[:, self.free], axis=1)
        return (np.array(self.sizes) >= 0) & (count == 1)

    def _restored(self, start: Array, wanted: Array) -> Array | None:
        """Newton steps of least length to where the implied elements have the values wanted."""
        z, free = start.copy(), self.free
        scale = np.where(free == self.size - 1, STIFF, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(STEPS):
                theta = self.theta(z)
                away = wanted - theta.value
                if np.all(np.abs(away) <= np.where(wanted == 0.0, ZERO, CLOSE * np.abs(wanted))):
                    return z
                if not np.all(np.isfinite(theta.first)):
                    return None
                rows = theta.first[:, free] * scale
                step = scale * np.linalg.lstsq(rows, away, rcond=None)[0]
                longest = float(np.abs(step).max(initial=0.0))
                if not longest > 1e-15:
                    break
                z[free] += step * min(1.0, BOUNDED / longest)
        return z if np.all(np.abs(away) <= ROUGH * np.abs(wanted) + ZERO) else None


class _Chart:
    """Coordinates of the points near one at which everything holds: all but those that follow."""

    def __init__(self, constraint: Implied, z: Array, hessian: Array):
        self.constraint, self.centre = constraint, z
        theta = constraint.theta(z)
        self.wanted = theta.value
        reach = self._reach(theta, hessian)
        binding: list[int] = []
        pivots: list[int] = []
        rest = reach.copy()
        for n in range(len(rest)):
            before, left = (float(np.linalg.norm(rows[n])) for rows in (reach, rest))
            if not left > max(1e-10 * before, ZERO):
                continue
            binding.append(n)
            pivots.append(int(np.argmax(np.abs(rest[n]))))
            rest[n + 1 :] -= np.outer(rest[n + 1 :, pivots[-1]] / rest[n, pivots[-1]], rest[n])
        self.binding: NDArray[np.intp] = np.array(binding, dtype=np.intp)
        self.following = constraint.free[pivots]
        self.moving = np.setdiff1d(constraint.free, self.following)
        self.slopes = self._slopes(theta)

    def _reach(self, theta: _Theta, hessian: Array) -> Array:
        """How much theta moves with each free coordinate, within what the data leave open.

        What moves it are logarithms and angles, in which one is far.
        """
        free = self.constraint.free
        curvature = np.abs(np.diag(hessian)[free])
        return np.asarray(theta.first[:, free] / np.sqrt(np.maximum(curvature, 1.0)))

    def _slopes(self, theta: _Theta) -> Array:
        """Derivatives of those that follow in those that move."""
        rows = theta.first[self.binding]
        return -np.asarray(np.linalg.solve(rows[:, self.following], rows[:, self.moving]))

    def point(self, x: Array) -> Array:
        """All coordinates, those that follow found by Newton steps; NaN where there are none."""
        z = self.centre.copy()
        step: Array = self.slopes @ (x - z[self.moving])
        z[self.moving] = x
        z[self.following] += np.clip(step, -BOUNDED, BOUNDED)
        wanted, before = self.wanted[self.binding], np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(STEPS):
                theta = self.constraint.theta(z)
                away = wanted - theta.value[self.binding]
                size = float(np.abs(away).max(initial=0.0))
                if np.all(np.abs(away) <= np.where(wanted == 0.0, ZERO, CLOSE * np.abs(wanted))):
                    return z
                if not size < before:
                    break
                before = size
                rows = theta.first[self.binding][:, self.following]
                try:
                    step = np.asarray(np.linalg.solve(rows, away), dtype=np.float64)
                except np.linalg.LinAlgError:
                    break
                z[self.following] += np.clip(step, -BOUNDED, BOUNDED)
        small = np.all(np.abs(away) <= ROUGH * np.abs(wanted) + ZERO)
        return z if small else np.full_like(z, np.nan)

    def along(
        self, z: Array, value: float, gradient: Array, hessian: Array
    ) -> tuple[float, Array, Array]:
        """From all coordinates to those that move."""
        if not np.isfinite(value):
            return value, gradient[self.moving], hessian[np.ix_(self.moving, self.moving)]
        theta = self.constraint.theta(z)
        try:
            slopes = self._slopes(theta)
            multipliers = self.multipliers(theta, gradient)
        except np.linalg.LinAlgError:
            return np.inf, gradient[self.moving], hessian[np.ix_(self.moving, self.moving)]
        T = np.zeros((len(z), len(self.moving)))
        T[self.moving, np.arange(len(self.moving))] = 1.0
        T[self.following] = slopes
        curved = hessian - np.tensordot(multipliers, theta.second, 1)
        return value, gradient @ T, T.T @ curved @ T

    def multipliers(self, theta: _Theta, gradient: Array) -> Array:
        """Derivative of the minimum in each implied element; zero where it does not bind."""
        out = np.zeros(len(theta.value))
        rows = theta.first[self.binding][:, self.following]
        out[self.binding] = np.linalg.solve(rows.T, gradient[self.following])
        return out

    def worn(self, z: Array, hessian: Array) -> bool:
        """Whether other coordinates should follow by now."""
        reach = np.abs(self._reach(self.constraint.theta(z), hessian))[self.binding]
        at = np.searchsorted(self.constraint.free, self.following)
        return any(row[c] < WORN * row.max() for row, c in zip(reach, at, strict=True))

"""Profiled deviance at many points near one another, each started from what others foretell."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mixedwidgets.lmm.ceiling import Ceiling
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.constrained import NEAR, Constraint
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, contradictory

T = TypeVar("T")

CLEARLY = 0.01  # deviance units: a lower minimum nearby is taken over only beyond this
MAX_SWEEPS = 6


class Walker:
    """Deviance at points near one another, the parameters not held re-optimised.

    Parameters
    ----------
    estimate : Estimate
        The fit.
    held : tuple of Parameter
        The parameters held.
    values : tuple of float
        Their estimates.
    near : float
        Up to which fall, in deviance units, one Newton step stands for the whole minimisation.
    """

    def __init__(
        self,
        estimate: Estimate,
        held: tuple[Parameter, ...],
        values: tuple[float, ...],
        near: float = NEAR,
    ):
        self.minimum = estimate.optimum.value
        self.held, self.values = held, values
        self.near = near
        self.constraint: Constraint = constrain(estimate.moments, held, estimate.reml)
        self.start = self.constraint.start(estimate.factor, estimate.sigma)
        self.tangents = self.constraint.tangents(self.start)
        self.ceilings = {
            n: Ceiling(estimate, p, held[:n] + held[n + 1 :])
            for n, p in enumerate(held)
            if p.kind == "cor"
        }

    def beside(self, point: tuple[float, ...]) -> Array:
        """Inner optimum foretold at a point near the optimum, on the tangents there."""
        return self.constraint.along(self.tangents, point, self.start)

    def step(self, point: tuple[float, ...], z: Array) -> tuple[float, Array]:
        """Rise of the deviance at a point, and the inner optimum there."""
        if all(
            abs(p - v) <= 1e-12 * (1.0 + abs(v)) for p, v in zip(point, self.values, strict=True)
        ):
            return 0.0, self.start
        value, z = self.constraint.quick(point, z, self.near)
        return max(value - self.minimum, 0.0), z

    def without(self, point: tuple[float, ...]) -> list[Array]:
        """Starts beside the optima at a point without either effect of a correlation held."""
        return [
            left_out.start(self.constraint, point[n])
            for n, ceiling in self.ceilings.items()
            for left_out in ceiling.at(point[:n] + point[n + 1 :])
        ]

    def improve(
        self, point: tuple[float, ...], start: Array, rise: float
    ) -> tuple[float, Array] | None:
        """A clearly lower rise at a point, reached from another start, or None."""
        at_start = self.constraint.value(point, start, self.constraint.with_held(point))
        if not at_start - self.minimum < rise - CLEARLY:
            return None
        found = self.constraint.minimise(point, start)
        return max(found.value - self.minimum, 0.0), found.z


@dataclass
class Grid:
    """A grid of points, filled row by row from the optimum outwards.

    Attributes
    ----------
    walker : Walker
        Of two parameters.
    x, y : (nx,), (ny,) arrays
        Their values, the estimates among them.
    rise : (ny, nx) array
        Rise of the deviance; NaN where it is not yet known.
    inner : (ny, nx, size) array
        Inner optima.
    """

    walker: Walker
    x: Array
    y: Array
    rise: Array
    inner: Array

    @classmethod
    def empty(cls, walker: Walker, x: Array, y: Array) -> Grid:
        """A grid of which nothing is known."""
        shape = (len(y), len(x))
        return cls(walker, x, y, np.full(shape, np.nan), np.empty((*shape, len(walker.start))))

    def fill(self) -> Iterator[int]:
        """Walk, and yield the number of each row that is done."""
        for r, steps in self._rows():
            for _ in steps:
                pass
            yield r

    def walk(self) -> Iterator[None]:
        """Walk, and pause after each point."""
        for _, steps in self._rows():
            yield from steps

    def _rows(self) -> Iterator[tuple[int, Iterator[None]]]:
        at_x = int(np.argmin(np.abs(self.x - self.walker.values[0])))
        at_y = int(np.argmin(np.abs(self.y - self.walker.values[1])))
        for r in _outwards(at_y, len(self.y)):
            yield r, self._row(r, at_x, at_y)

    def _row(self, r: int, at_x: int, at_y: int) -> Iterator[None]:
        x, y, walker = self.x, self.y, self.walker
        nearer = r - 1 if r > at_y else r + 1
        for c in _outwards(at_x, len(x)):
            point = (float(x[c]), float(y[r]))
            if r == at_y:
                start = _foretold(x, self.inner[r], c, at_x, walker.beside(point))
            elif c == at_x:
                start = _foretold(y, self.inner[:, c], r, at_y, walker.beside(point))
            else:
                before = c - 1 if c > at_x else c + 1
                start = self.inner[r, before] + self.inner[nearer, c]
                start = start - self.inner[nearer, before]
            self.rise[r, c], self.inner[r, c] = walker.step(point, start)
            yield

    def relax(self) -> None:
        """Let each point try the inner optima around it, and those without an effect, in place.

        Where a correlation is held, the inner problem can have several minima, and walking from
        one side finds that side's only. Without one of its effects it has no say.
        """
        across, up = np.meshgrid(self.x, self.y)
        points = np.column_stack([across.reshape(-1), up.reshape(-1)])
        excluded = contradictory(self.walker.held, points).reshape(self.rise.shape)
        possible = [(int(r), int(c)) for r, c in np.argwhere(~excluded)]
        for r, c in possible:
            for start in self.walker.without((float(self.x[c]), float(self.y[r]))):
                self.try_from(r, c, start)
        news = set(possible)
        for sweep in range(MAX_SWEEPS):
            changed: set[tuple[int, int]] = set()
            for r, c in possible:
                near = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
                starts = [self.inner[at] for at in near if at in news or at in changed]
                for start in (*starts, *([] if sweep else [self.walker.start])):
                    if self.try_from(r, c, start):
                        changed.add((r, c))
            if not changed:
                return
            news = changed

    def try_from(self, r: int, c: int, start: Array) -> bool:
        """Whether a point is clearly lower from another start; then it is put there."""
        point = (float(self.x[c]), float(self.y[r]))
        better = self.walker.improve(point, start, float(self.rise[r, c]))
        if better is None:
            return False
        self.rise[r, c], self.inner[r, c] = better
        return True


def finished(steps: Generator[None, None, T]) -> T:
    """What work in steps returns, all of it done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def along_line(walker: Walker, x: Array) -> Generator[None, None, Array]:
    """Rise of the deviance at values of one parameter, the estimate among them, (nx,), in steps."""
    at = int(np.argmin(np.abs(x - walker.values[0])))
    rise = np.empty(len(x))
    inner = np.empty((len(x), len(walker.start)))
    for i in _outwards(at, len(x)):
        point = (float(x[i]),)
        start = _foretold(x, inner, i, at, walker.beside(point))
        rise[i], inner[i] = walker.step(point, start)
        for other in walker.without(point):
            rise[i], inner[i] = walker.improve(point, other, rise[i]) or (rise[i], inner[i])
        yield
    return rise


def _outwards(middle: int, count: int) -> list[int]:
    return [*range(middle, count), *range(middle - 1, -1, -1)]


def _foretold(x: Array, inner: Array, i: int, at: int, beside: Array) -> Array:
    """Inner optimum at a node, extrapolated on a line from the two nodes before it.

    Beside the optimum, where there is one node before it at most, it is ``beside``.
    """
    if abs(i - at) <= 1:
        return beside
    back = 1 if i > at else -1
    first, second = i - back, i - 2 * back
    slope = (inner[first] - inner[second]) / (x[first] - x[second])
    return np.asarray(inner[first] + slope * (x[i] - x[first]))

"""The best model at one point after another, with some parameters held there."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.estimate_at import estimate_at
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.surface_axes import value_at
from mixedwidgets.lmm.walk import Walker

NEAR = 1e-6  # deviance units that a last Newton step may gain: its value is good to rounding
ROUNDING = 1e-15  # of a row of a factor: what the cosine of a right angle leaves
ASTRAY = 0.01  # of 1 + rise: a search that says so much less than is true is not believed


class Seeker:
    """Profiles at points near one another: a search is started from the last point, among others.

    Parameters
    ----------
    fitted : Estimate
        The fit.
    held : tuple of Parameter
        What is held.
    """

    def __init__(self, fitted: Estimate, held: tuple[Parameter, ...]):
        self.fitted, self.held = fitted, held
        self._last: Array | None = None
        self._smaller: dict[tuple[Parameter, ...], Seeker] = {}

    @cached_property
    def _walker(self) -> Walker:
        values = tuple(value_at(self.fitted, p) for p in self.held)
        return Walker(self.fitted, self.held, values, NEAR)

    def at(self, values: tuple[float, ...]) -> Estimate | None:
        """The best model with these values of the parameters held.

        A correlation of an effect whose standard deviation is held at 0 is no restriction. There
        can be several minima, and the last point may be in another's valley: so the search also
        starts from what the tangents at the optimum foretell, from the optimum itself and, where
        a correlation is held, from the models without one of its effects.

        Parameters
        ----------
        values : tuple of float
            Allowed ones; sigma above 0.

        Returns
        -------
        Estimate or None
            None where the likelihood has no value.
        """
        smaller, left = self._that_matter(values)
        if smaller is not self:
            return smaller.at(left)
        walker = self._walker
        best = _Best(walker.minimum)
        for start in self._starts(values):
            rise, z = walker.step(values, start)
            if np.isfinite(rise):
                best.consider(rise, z, self._estimate(values, z))
        for start in walker.without(values):
            better = walker.improve(values, start, best.rise)
            if better is not None:
                best.consider(*better, self._estimate(values, better[1]))
        self._last = best.z if best.trusted else None
        return best.found

    def _starts(self, values: tuple[float, ...]) -> list[Array]:
        """Where to start from: fewer where there is rarely more than one minimum."""
        walker, constraint = self._walker, self._walker.constraint
        foretold = [walker.beside(values), walker.start]
        if not (walker.ceilings or self.fitted.optimum.boundary):
            moments = constraint.with_held(values)
            foretold = [min(foretold, key=lambda z: constraint.value(values, z, moments))]
        return foretold if self._last is None else [self._last, *foretold]

    def _that_matter(self, values: tuple[float, ...]) -> tuple[Seeker, tuple[float, ...]]:
        """The seeker without correlations of effects of standard deviation 0, and its values."""
        held = list(zip(self.held, values, strict=True))
        gone = {(p.block, p.i) for p, v in held if p.kind == "sd" and v == 0.0}
        pairs = [
            (p, v)
            for p, v in held
            if p.kind != "cor" or not {(p.block, p.i), (p.block, p.j)} & gone
        ]
        if len(pairs) == len(held):
            return self, values
        left = tuple(p for p, _ in pairs)
        if left not in self._smaller:
            self._smaller[left] = Seeker(self.fitted, left)
        return self._smaller[left], tuple(v for _, v in pairs)

    def _estimate(self, values: tuple[float, ...], z: Array) -> Estimate | None:
        """The model at coordinates z, what is zero but for rounding made zero."""
        factor = self._walker.constraint.covariance_factor(z)
        sizes = np.sqrt(np.sum(factor**2, axis=1))
        factor[np.abs(factor) <= ROUNDING * sizes[:, None]] = 0.0
        for p, value in zip(self.held, values, strict=True):
            if p.kind == "sd" and value == 0.0:
                factor[self.fitted.moments.layout.starts[p.block] + p.i] = 0.0
        held = zip(self.held, values, strict=True)
        moved = {p.i: v for p, v in held if p.kind == "fixed"}
        return estimate_at(self.fitted, factor, float(np.exp(z[-1])), moved, True)


class _Best:
    """The best model so far, each judged by its own likelihood and not by what its search says."""

    def __init__(self, minimum: float):
        self.minimum = minimum
        self.rise = np.inf
        self.trusted = False
        self.z: Array | None = None
        self.found: Estimate | None = None

    def consider(self, said: float, z: Array, found: Estimate | None) -> None:
        """Take over a model if it is better."""
        if found is None:
            return
        rise = found.optimum.value - self.minimum
        if rise < self.rise:
            self.rise, self.z, self.found = rise, z, found
            self.trusted = rise - said <= ASTRAY * (1.0 + abs(rise))

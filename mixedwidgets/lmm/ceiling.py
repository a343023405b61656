"""What holding a correlation can cost at most: a standard deviation of zero is free to have any."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, unheld

SMALL = 1e-4  # of the other standard deviation: stands for zero where one starts


@dataclass(frozen=True)
class Without:
    """The optimum without one of two correlated effects.

    Attributes
    ----------
    value : float
        Minus twice the log-likelihood.
    factor : (K, K) array
        Factor of the covariance of the random effects, in the user's units.
    sigma : float
        Residual standard deviation.
    lost, kept : int
        Row of the effect whose standard deviation is zero, and of the other.
    """

    value: float
    factor: Array
    sigma: float
    lost: int
    kept: int

    def start(self, constraint: Constraint, correlation: float) -> Array:
        """Coordinates close by, (size,), the lost effect small and correlated with the other."""
        factor, kept = self.factor.copy(), self.factor[self.kept]
        size = float(np.linalg.norm(kept))
        along = kept / size if size > 0.0 else np.eye(len(kept))[self.kept]
        lost = np.eye(len(kept))[self.lost]
        across = lost - (lost @ along) * along
        if not np.linalg.norm(across) > 0.1:
            other = np.eye(len(kept))[self.kept]
            across = other - (other @ along) * along
        across /= np.linalg.norm(across)
        direction = correlation * along + np.sqrt(max(1.0 - correlation**2, 0.0)) * across
        factor[self.lost] = SMALL * (size or self.sigma) * direction
        return constraint.start(factor, self.sigma)


@dataclass
class Ceiling:
    """The least deviance with one of two correlated effects left out, other parameters held.

    With such an effect left out any correlation is possible, so that no value of the correlation
    costs more. The optimum with a correlation held is sought from there too.

    Attributes
    ----------
    estimate : Estimate
        The fit.
    correlation : Parameter
        The correlation.
    others : tuple of Parameter
        What is held beside it.
    """

    estimate: Estimate
    correlation: Parameter
    others: tuple[Parameter, ...] = ()
    _known: dict[tuple[float, ...], tuple[Without, ...]] = field(default_factory=dict)

    def at(self, values: tuple[float, ...] = ()) -> tuple[Without, ...]:
        """The optimum without either effect, the better first; values of the others held."""
        if values not in self._known:
            found = [w for w in map(self._without, (0, 1), (values, values)) if w is not None]
            self._known[values] = tuple(sorted(found, key=lambda w: w.value))
        return self._known[values]

    def _without(self, which: int, values: tuple[float, ...]) -> Without | None:
        """The optimum without one effect, or None where it cannot be left out."""
        cor, moments = self.correlation, self.estimate.moments
        pair = (cor.i, cor.j)
        lost = pair[which]
        held, fixed = [Parameter("", "sd", cor.block, lost)], [0.0]
        for other, value in zip(self.others, values, strict=True):
            same = other.block == cor.block
            if other.kind == "sd" and same and other.i == lost:
                return None
            if not (other.kind == "cor" and same and lost in (other.i, other.j)):
                held.append(other)
                fixed.append(value)
        if unheld(tuple(held)):
            return None
        constraint = constrain(moments, tuple(held), self.estimate.reml)
        start = constraint.start(self.estimate.factor, self.estimate.sigma)
        found = constraint.minimise(tuple(fixed), start)
        if not np.isfinite(found.value):
            return None
        first = moments.layout.slices[cor.block].start
        factor = constraint.covariance_factor(found.z)
        return Without(
            found.value, factor, float(np.exp(found.z[-1])), first + lost, first + pair[1 - which]
        )

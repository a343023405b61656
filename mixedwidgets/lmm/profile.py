"""Profile likelihood of every parameter: intervals by root finding on the profiled deviance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from mixedwidgets.lmm.ceiling import Ceiling
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.constrained import Constraint, Inner
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, value_of
from mixedwidgets.lmm.wald import wald_covariance

TOLERANCE = 1e-9  # of a limit, relative to its distance from the estimate
CLOSE = 1e-4  # of zeta, relative: a steep curve makes short steps also far from its root
MAX_EVALUATIONS = 60
LEVEL = 1e-7  # deviance units: a smaller difference is rounding of two minimisations
FAR = 1e3  # standard errors, in typical scales, that are none
MANY_GROUPS = 100  # beyond, limits are not checked for other inner optima


@dataclass(frozen=True)
class Interval:
    """A confidence interval and what there is to say about it.

    Attributes
    ----------
    lower, upper : float
        Limits; possibly at the boundary or infinite.
    note : str
        Why a limit is at the boundary or infinite; else empty.
    """

    lower: float
    upper: float
    note: str


@dataclass(frozen=True)
class Profile:
    """The deviance of one parameter, the others re-optimised.

    Attributes
    ----------
    constraint : Constraint
        The inner problem.
    parameter : Parameter
        The parameter.
    estimate : float
        Its estimate; 0 for a correlation that is not defined.
    minimum : float
        The deviance at the optimum.
    start : (size,) array
        Coordinates of the inner problem at the optimum.
    scale : float
        A step on the parameter's scale: its Wald standard error where that exists.
    others : tuple of (size,) arrays
        Coordinates from which a limit is checked for a lower inner optimum.
    ceiling : Ceiling or None
        What any value of a correlation costs at most.
    """

    constraint: Constraint
    parameter: Parameter
    estimate: float
    minimum: float
    start: Array
    scale: float
    others: tuple[Array, ...]
    ceiling: Ceiling | None

    def at(
        self, value: float, start: Array, everywhere: bool = False
    ) -> tuple[float, float, Array]:
        """Square root of the rise in deviance at a value, its slope, and the inner optimum.

        The inner optimum is sought from ``start``, and, if asked, from the other starts too.
        """
        starts = [start]
        if self.parameter.kind == "cor":
            starts.append(self.start)
        if everywhere:
            starts.extend(self.others)
        found = min(
            (self.constraint.minimise((value,), s) for s in starts), key=lambda inner: inner.value
        )
        if self.ceiling is not None:
            found = self._under(self.ceiling, value, found)
        zeta = float(np.sqrt(max(found.value - self.minimum, 0.0)))
        slope = self.constraint.slope(0, (value,), found)
        return zeta, slope / (2.0 * zeta) if zeta > 0.0 else np.inf, found.z

    def _under(self, ceiling: Ceiling, value: float, found: Inner) -> Inner:
        """The inner optimum at a correlation, sought anew where leaving out an effect is better."""
        known = ceiling.at()
        if not known or found.value < known[0].value - LEVEL:
            return found
        for without in known:
            start = without.start(self.constraint, value)
            again = self.constraint.minimise((value,), start)
            if again.value < found.value:
                found = again
        if found.value < known[0].value - LEVEL:
            return found
        return Inner(known[0].value, found.z, np.zeros_like(found.gradient), True)


def profile(estimate: Estimate, parameter: Parameter) -> Profile:
    """Set up the profile of one parameter.

    Parameters
    ----------
    estimate : Estimate
        The fit; the profile uses its criterion.
    parameter : Parameter
        Which parameter.

    Returns
    -------
    Profile
    """
    constraint = constrain(estimate.moments, (parameter,), estimate.reml)
    value = value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta)
    variance = float(wald_covariance(estimate, (parameter,))[0, 0])
    scale = np.sqrt(variance) if np.isfinite(variance) and variance > 0.0 else np.nan
    if parameter.kind in ("sd", "cor", "theta"):
        typical = 0.1 if parameter.kind == "cor" else _typical_scale(estimate, parameter)
        if parameter.kind == "theta":
            typical /= estimate.sigma
        if not scale <= FAR * max(typical, abs(value)):
            scale = typical  # no information at the estimate, or rounding error of none
    return Profile(
        constraint=constraint,
        parameter=parameter,
        estimate=0.0 if np.isnan(value) else value,
        minimum=estimate.optimum.value,
        start=constraint.start(estimate.factor, estimate.sigma),
        scale=float(scale),
        others=_other_starts(estimate, constraint),
        ceiling=Ceiling(estimate, parameter) if parameter.kind == "cor" else None,
    )


def _other_starts(estimate: Estimate, constraint: Constraint) -> tuple[Array, ...]:
    """Coordinates with uncorrelated random effects: as estimated, small, and large.

    With few groups and several random effects the inner problem can have several optima. With
    many groups it hardly ever has, and the check would cost more than the limits.
    """
    moments = estimate.moments
    if moments.layout.width == 1 or moments.ngroups > MANY_GROUPS:
        return ()
    typical = np.diag(estimate.sigma / np.sqrt(np.diag(moments.whitening.T @ moments.whitening)))
    estimated = np.diag(np.sqrt(np.sum(estimate.factor**2, axis=1)))
    factors = estimated + 1e-3 * typical, 0.3 * typical, 3.0 * typical
    return tuple(constraint.start(factor, estimate.sigma) for factor in factors)


def _typical_scale(estimate: Estimate, parameter: Parameter) -> float:
    """Standard deviation of a random effect that one group could just tell from zero."""
    moments = estimate.moments
    columns = moments.layout.slices[parameter.block]
    back = moments.whitening[columns, columns][:, parameter.i]
    typical = float(np.sqrt(back @ moments.typical_squares()[parameter.block] @ back))
    return float(estimate.sigma / max(typical, 1e-300))


def profile_interval(estimate: Estimate, parameter: Parameter, level: float = 0.95) -> Interval:
    """Profile-likelihood confidence interval of one parameter.

    The set of values whose profiled deviance is within ``qnorm((1 + level) / 2)^2`` of the minimum
    (Venzon and Moolgavkar 1988, Applied Statistics 37, 87-94), each limit solved for exactly.

    Parameters
    ----------
    estimate : Estimate
        The fit.
    parameter : Parameter
        Which parameter.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
    """
    curve = profile(estimate, parameter)
    target = float(ndtri(0.5 + 0.5 * level))
    lower, below = _limit(curve, target, -1.0)
    upper, above = _limit(curve, target, 1.0)
    return Interval(lower, upper, "; ".join(n for n in (below, above) if n))


def _limit(curve: Profile, target: float, direction: float) -> tuple[float, str]:
    """One limit: Newton steps on zeta, kept inside a bracket.

    A correlation is sought on the arcsine scale, where zeta is smooth up to the boundary.
    """
    parameter = curve.parameter
    bound = parameter.allowed[0 if direction < 0 else 1]
    if curve.estimate == bound:
        return bound, _boundary_note(parameter, bound)
    cor = parameter.kind == "cor"
    to, back = (np.arcsin, np.sin) if cor else (float, float)
    centre, edge = to(curve.estimate), to(bound)
    scale = curve.scale / max(np.cos(centre), 0.2) if cor else curve.scale
    inside, outside, start = centre, np.nan, curve.start
    before = (centre, curve.start)
    reach, everywhere = scale * target, False
    t = centre + direction * reach
    for _ in range(MAX_EVALUATIONS):
        if direction * (t - edge) >= 0.0:
            t = 0.5 * inside if parameter.kind == "sigma" else edge
        value = bound if t == edge else float(back(t))
        zeta, slope, z = curve.at(value, start, everywhere)
        slope = slope * np.cos(t) if cor else slope
        if zeta < target:
            inside = t
            if value == bound:
                return bound, _boundary_note(parameter, bound)
        else:
            outside = t
        step = (target - zeta) / slope if np.isfinite(slope) and slope != 0.0 else np.nan
        fine = TOLERANCE * max(abs(t - centre), 1e-3 * scale)
        solved = abs(step) <= fine and abs(zeta - target) <= CLOSE * target
        closed = abs(outside - inside) <= 1e-13 * max(abs(inside), abs(outside))
        if solved or closed or (cor and back(outside) == back(inside)):
            if curve.others and not everywhere:
                everywhere, before = True, (centre, curve.start)
                lowest, _, start = curve.at(value, z, everywhere)
                if lowest < zeta - CLOSE:
                    inside, outside = t, np.nan
                    t += direction * reach
                    continue
            t = t + step if solved else inside
            return float(back(t)) if direction * (t - edge) < 0.0 else bound, ""
        last = (t, z)
        t, reach = _next(t + step, inside, outside, direction, reach)
        if np.isinf(t):
            return direction * np.inf, "the deviance stays below the cut-off however far one goes"
        start, before = _extrapolated(t, before, last), last
    return float(back(inside)), "the limit was not resolved to full accuracy"


def _extrapolated(value: float, before: tuple[float, Array], last: tuple[float, Array]) -> Array:
    """Inner optimum foretold at a value, on the line through two points known."""
    if last[0] == before[0]:
        return last[1]
    share = (value - last[0]) / (last[0] - before[0])
    return last[1] + float(np.clip(share, -2.0, 2.0)) * (last[1] - before[1])


def _next(
    new: float, inside: float, outside: float, direction: float, reach: float
) -> tuple[float, float]:
    """A value between the bracket's ends, or further out while there is no outer end."""
    if outside == outside:
        low, high = sorted((inside, outside))
        margin = 1e-3 * (high - low)
        if not low + margin <= new <= high - margin:
            if low <= new <= high:
                return new, reach
            return 0.5 * (low + high), reach
        return new, reach
    furthest = inside + direction * 4.0 * reach
    if not direction * (new - inside) > 0.0 or direction * (new - furthest) > 0.0:
        new = furthest
    reach = max(2.0 * reach, abs(new - inside))
    return (new, reach) if reach < 1e12 * max(abs(inside), 1e-300) else (direction * np.inf, reach)


def _boundary_note(parameter: Parameter, bound: float) -> str:
    if parameter.kind == "cor":
        return f"a correlation of {bound:+.0f} is within the cut-off: the limit is the boundary"
    return "zero is within the cut-off: the limit is the boundary"

"""``Point``: the whole model at one point of its parameter space, wherever a hand is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import chdtr

from mixedwidgets.errors import ModelError, brief, listed
from mixedwidgets.lmm.contributions import Shares, outermost
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.estimate_at import estimate_at, moved_factor
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, contradictory, parameters, unheld, value_of
from mixedwidgets.lmm.seeking import Seeker
from mixedwidgets.lmm.surface_axes import Axis, axis_named
from mixedwidgets.lmm.variance_explained import variance_parts

KINDS = ("profile", "slice")
BEYOND = 0.999  # confidence levels beyond are not told apart in words
SAME = 1e-9  # of 1 + |deviance|: a difference from the maximum that is rounding


@dataclass(frozen=True, eq=False, repr=False)
class Point:
    """A point of the parameter space, and what the model is there.

    Attributes
    ----------
    names : tuple of h str
        The parameters held.
    values : tuple of h float
        Their values, on the scale that the names say (``^2`` is a variance).
    kind : {"profile", "slice"}
        Whether all other parameters are at their best for these values, or at the fit's estimates.
    criterion : {"ML", "REML"}
        Which likelihood.
    loglik : float
        The (restricted) log-likelihood; minus infinity where the point is impossible.
    drop : float
        Twice the log-likelihood at its maximum minus that here; at least zero.
    impossible : str
        Why there is no such model; empty where there is one.
    design : Design
        The model's columns and names.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    kind: str
    criterion: str
    loglik: float
    drop: float
    impossible: str
    design: Design
    _estimate: Estimate | None
    _pointer: Pointer

    @property
    def possible(self) -> bool:
        """Whether there is such a model."""
        return self._estimate is not None

    @property
    def estimate(self) -> Estimate:
        """The point as estimates, for whatever is computed from the estimates of a fit.

        Its ``optimum`` is the point, though it is none; ``beta`` are the coefficients here: at
        their best in a profile (generalised least squares) and for a restricted likelihood, which
        does not know them; else those of the fit. ``solved`` is the likelihood with residuals
        from these, so that conditional modes are S Z' V^-1 (y - X beta). ``vcov`` is
        ``sigma^2 (X' V^-1 X)^-1``.

        Raises
        ------
        ModelError
            The point is impossible.
        """
        if self._estimate is None:
            raise ModelError(f"There is no model at {self._place}: {self.impossible}.")
        return self._estimate

    @property
    def confidence(self) -> float:
        """Confidence level of the joint region whose edge the point is on.

        The probability that chi-square with one degree of freedom for each parameter held is
        below ``drop``. At the edge of what is possible the level is a rough guide, on the safe
        side.
        """
        return float(chdtr(len(self.values), self.drop))

    @cached_property
    def parameters(self) -> dict[str, float]:
        """The value of every parameter, as ``fit.values()`` names them.

        NaN for a correlation of an effect whose standard deviation is zero, unless it is held.
        """
        e = self.estimate
        out = {p.name: value_of(p, e.covariances, e.sigma, e.beta) for p in parameters(self.design)}
        held = zip(self._pointer.axes, self.values, strict=True)
        given = {axis.parameter.name: float(axis.inward(np.array(v))) for axis, v in held}
        return out | {name: value for name, value in given.items() if name in out}

    @cached_property
    def icc(self) -> dict[str, float]:
        """Intraclass correlations as ``fit.icc()``: ``adjusted`` and ``conditional``."""
        parts = variance_parts(self.design, self.estimate)
        return {
            "adjusted": float(parts.adjusted_icc.sum()),
            "conditional": float(parts.conditional_icc.sum()),
        }

    @cached_property
    def contributions(self) -> Array:
        """Log-likelihood of each group of the outermost grouping factor, (m,).

        In the order of its levels. They add up to ``loglik``; where that is the restricted one, to
        the log-likelihood at the same parameters.

        Raises
        ------
        ModelError
            The grouping factors are crossed, or the point is impossible.
        """
        return self._pointer.shares.contributions(self.estimate)

    @property
    def _place(self) -> str:
        held = zip(self.names, self.values, strict=True)
        return ", ".join(f"{name} = {value:.4g}" for name, value in held)

    @property
    def sentence(self) -> str:
        """The point in one sentence."""
        if not self.possible:
            return f"At {self._place} there is no model: {self.impossible}."
        others = (
            "the other parameters re-optimised"
            if self.kind == "profile"
            else "the others at their estimates"
        )
        restricted = "restricted " if self.criterion == "REML" else ""
        where = f"At {self._place} ({others}) the {restricted}log-likelihood is {self.loglik:.2f}"
        if self.drop == 0.0:
            return f"{where}, its maximum."
        region = "joint confidence region" if len(self.values) > 1 else "confidence interval"
        known = self.confidence < BEYOND
        level = f"{100.0 * (self.confidence if known else BEYOND):.3g} % {region}"
        return (
            f"{where}; twice the drop from its maximum is {self.drop:.4g}, "
            f"{'on the edge of' if known else 'outside'} the {level}."
        )

    def __repr__(self) -> str:
        return f"<Point: {self.sentence}>"


class Pointer:
    """Points of one model in turn, each started from the last: for a hand that drags.

    Parameters
    ----------
    design, estimate
        The fit.
    names : sequence of h str
        The parameters held, as ``fit.surface`` takes them.
    kind : {"profile", "slice"}
        Whether all other parameters are re-optimised, or stay at the estimates. In a slice that
        changes an element of theta its term's other elements of theta stay; by REML the
        coefficients, of which it is no function, are at their best in a slice too.

    Attributes
    ----------
    names, kind
        As given.
    axes : tuple of h Axis
        The parameters and their scales.

    Raises
    ------
    ModelError
        An unknown name or kind, no name, or parameters that cannot be held together.
    """

    def __init__(
        self, design: Design, estimate: Estimate, names: Sequence[str], kind: str = "profile"
    ):
        if kind not in KINDS:
            raise ModelError(
                f"kind is {brief(kind)}; choose 'profile' (other parameters re-optimised) or "
                "'slice' (others held at their estimates)."
            )
        if not names:
            raise ModelError(
                "No parameter is given a value; name at least one, such as {'sigma': 2.5}."
            )
        self.design, self.fitted, self.kind = design, estimate, kind
        self.names = tuple(names)
        self.axes: tuple[Axis, ...] = tuple(axis_named(name, design) for name in self.names)
        self._held: tuple[Parameter, ...] = tuple(axis.parameter for axis in self.axes)
        self._seeker = Seeker(estimate, self._held)
        self._refuse()

    def at(self, *values: float) -> Point:
        """The point with these values of the parameters, in the order of the names.

        Parameters
        ----------
        *values : float
            One for each name, boundaries included: a standard deviation of 0, a correlation of 1.

        Returns
        -------
        Point

        Raises
        ------
        ModelError
            Another number of values, or one that its parameter cannot have.
        """
        places = _checked(values, self.axes)
        inside = tuple(
            float(axis.inward(np.array(v))) for axis, v in zip(self.axes, places, strict=True)
        )
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found, reason = self._found(inside)
        best = self.fitted.optimum.value
        value = np.inf if found is None else found.optimum.value
        rise = value - best
        return Point(
            names=self.names,
            values=places,
            kind=self.kind,
            criterion="REML" if self.fitted.reml else "ML",
            loglik=-0.5 * value,
            drop=rise if rise > SAME * (1.0 + abs(best)) else 0.0,
            impossible=reason,
            design=self.design,
            _estimate=found,
            _pointer=self,
        )

    @cached_property
    def shares(self) -> Shares:
        """What contributions of groups are made of.

        Raises
        ------
        ModelError
            The grouping factors are crossed.
        """
        return Shares.of(self.design, outermost(self.design))

    def _refuse(self) -> None:
        """Refuse parameters that cannot be held together."""
        chosen = " and ".join(repr(name) for name in self.names)
        if len(set(self._held)) < len(self._held):
            raise ModelError(f"{chosen} are the same parameter in part; give each one value.")
        theta = any(p.kind == "theta" for p in self._held)
        if (theta or self.kind == "profile") and unheld(self._held):
            raise ModelError(f"{chosen} {unheld(self._held)}.")
        for parameter in self._held:
            if self.fitted.reml and parameter.kind == "fixed":
                raise ModelError(
                    "The restricted likelihood does not depend on the fixed effects, such as "
                    f"{parameter.name!r}; take criterion='ML'."
                )

    def _found(self, values: tuple[float, ...]) -> tuple[Estimate | None, str]:
        """The model at some values of the parameters held, or why there is none."""
        held = zip(self._held, values, strict=True)
        moved = {p.i: v for p, v in held if p.kind == "fixed"}
        if 0.0 in [v for p, v in zip(self._held, values, strict=True) if p.kind == "sigma"]:
            return None, "without residual variance the model would have to reproduce the response"
        if contradictory(self._held, np.array([values]))[0]:
            return None, "these values contradict each other"
        if self.kind == "profile":
            found = self._seeker.at(values)
        else:
            parts = moved_factor(self.fitted, self._held, values)
            if parts is None:
                return None, "no covariance matrix of the random effects has these values"
            found = estimate_at(self.fitted, *parts, moved, False)
        if found is None:
            return None, "the variances are so far apart that no digits of the likelihood are left"
        return found, ""


def _checked(values: Sequence[Any], axes: Sequence[Axis]) -> tuple[float, ...]:
    """Values as numbers, each in its parameter's range."""
    if len(values) != len(axes):
        names = listed([axis.name for axis in axes])
        raise ModelError(f"{len(values)} values are given; give one for each of {names}.")
    out = []
    for value, axis in zip(values, axes, strict=True):
        low, high = axis.parameter.allowed
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not (low <= number <= high and np.isfinite(number)):
            allowed = "a number"
            if np.isfinite(low):
                allowed = f"a number from {low:g} to {high:g}" if np.isfinite(high) else "0 or more"
            raise ModelError(f"{axis.name!r} is {brief(value)}; give {allowed}.")
        out.append(number)
    return tuple(out)


def values_by_name(values: object) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Names and values of a mapping.

    Raises
    ------
    ModelError
        It is none.
    """
    if not isinstance(values, Mapping):
        raise ModelError(
            f"values is {brief(values)}; give a dictionary of parameters and their values, such "
            "as {'sigma': 2.5}."
        )
    return tuple(values), tuple(values.values())

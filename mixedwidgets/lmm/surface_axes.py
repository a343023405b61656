"""The axes of a likelihood surface: which parameter, on which scale, how far, at which points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import is_one_way, label
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, parameters, theta_parameters, value_of
from mixedwidgets.lmm.profile import Profile, profile

OUTER = float(np.sqrt(chdtri(2, 0.01)))  # zeta at the edge of the joint 99 % region
MARGIN = 1.1  # how far beyond that edge the axes reach
ROUGH = 0.5  # deviance units: how far the quadratic model is trusted for the length of an axis
PROBES = 10  # for the length of an axis
SQUARE = "^2"


@dataclass(frozen=True)
class Axis:
    """A parameter, or the square of a standard deviation: a variance.

    Attributes
    ----------
    parameter : Parameter
        The parameter.
    squared : bool
        Whether the axis shows its square.
    """

    parameter: Parameter
    squared: bool = False

    @property
    def name(self) -> str:
        """Such as ``sd_ses|school`` or ``sd_ses|school^2``."""
        return self.parameter.name + (SQUARE if self.squared else "")

    def label(self, design: Design) -> str:
        """What the axis says."""
        words = label(self.parameter, design)
        if not self.squared:
            return words
        for one, two in (("σ, SD", "σ², variance"), ("τ, SD", "τ², variance")):
            words = words.replace(one, two)
        return words.replace("residual SD σ", "residual variance σ²").replace(
            "SD of", "variance of"
        )

    def outward(self, values: Array) -> Array:
        """From values of the parameter to places on the axis."""
        return np.square(values) if self.squared else np.asarray(values)

    def inward(self, places: Array) -> Array:
        """From places on the axis to values of the parameter."""
        return np.sqrt(places) if self.squared else np.asarray(places)

    def even(self, reach: tuple[float, float], count: int) -> Array:
        """Values of the parameter over a range, evenly spaced on the axis."""
        low, high = (float(self.outward(np.array(end))) for end in reach)
        out = self.inward(np.linspace(low, high, count))
        out[[0, -1]] = reach
        return out

    def stretch(self, value: float) -> float:
        """Derivative of the place in the value."""
        return 2.0 * value if self.squared else 1.0


def axis_named(name: str, design: Design) -> Axis:
    """The axis of a name.

    Parameters
    ----------
    name : str
        A parameter as ``confint`` names it, or as ``fit.theta`` names an element of theta; the name
        of a standard deviation followed by ``^2`` for its variance; in a one-way model also mu,
        sigma and tau, sigma^2 and tau^2.
    design : Design
        The model's names.

    Raises
    ------
    ModelError
        Nothing goes by that name.
    """
    plain = parameters(design)
    known = {p.name: Axis(p) for p in theta_parameters(design)}
    known |= {p.name: Axis(p) for p in plain}
    squares = {p.name + SQUARE: Axis(p, True) for p in plain if p.kind in ("sd", "sigma")}
    for axes in (squares, _one_way(plain) if is_one_way(design) else {}):
        known |= {n: axis for n, axis in axes.items() if n not in known}
    if not isinstance(name, str) or name not in known:
        raise ModelError(
            f"This model has no parameter {brief(name)}{nearest(str(name), known)}; choose from "
            f"{listed([p.name for p in plain])}, from the elements of fit.theta, or add '^2' to a "
            "standard deviation for its variance."
        )
    return known[name]


def _one_way(plain: tuple[Parameter, ...]) -> dict[str, Axis]:
    """The names of the one-way model y_ij = mu + a_j + e_ij."""
    tau, _, mu = plain
    return {"mu": Axis(mu), "tau": Axis(tau), f"tau{SQUARE}": Axis(tau, True)}


def value_at(estimate: Estimate, parameter: Parameter) -> float:
    """The estimate of a parameter; 0 for a correlation that is not defined."""
    value = value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta)
    return 0.0 if np.isnan(value) else value


def reach_of(estimate: Estimate, parameter: Parameter) -> tuple[float, float]:
    """Where the profiled deviance reaches the edge of the joint 99 % region, and a margin."""
    shape = profile(estimate, parameter)
    low, high = parameter.allowed
    ends = []
    for direction, bound in ((-1.0, low), (1.0, high)):
        edge = _edge(shape, direction, bound)
        edge = shape.estimate + MARGIN * (edge - shape.estimate)
        ends.append(max(edge, low) if direction < 0 else min(edge, high))
    if parameter.kind == "sigma":
        ends[0] = max(ends[0], 0.05 * shape.estimate)
    if not ends[1] > ends[0]:
        ends = [shape.estimate, shape.estimate + OUTER * shape.scale]
    return ends[0], ends[1]


def _edge(shape: Profile, direction: float, bound: float) -> float:
    """Where zeta reaches the edge, to two digits: an axis needs no more.

    A probe beyond the edge can be in another valley of the likelihood, at a boundary above all, so
    that the next starts from the last one within.
    """
    distance, value = OUTER * shape.scale, shape.estimate
    constraint = shape.constraint
    tangents = constraint.tangents(shape.start)
    within, before, beyond = (0.0, shape.start), (0.0, shape.start), np.inf
    for probe in range(PROBES):
        value = shape.estimate + direction * distance
        if direction * (value - bound) >= 0.0:
            value = bound if shape.parameter.kind != "sigma" else 0.3 * shape.estimate
        reached = abs(value - shape.estimate)
        if within[0] == 0.0:
            start = constraint.along(tangents, (value,), shape.start)
        else:
            share = (reached - within[0]) / (within[0] - before[0])
            start = within[1] + min(share, 2.0) * (within[1] - before[1])
        deviance, z = constraint.quick((value,), start, ROUGH)
        if shape.ceiling is not None:
            deviance = min([deviance, *(w.value for w in shape.ceiling.at())])
        zeta = float(np.sqrt(max(deviance - shape.minimum, 0.0)))
        if abs(zeta - OUTER) < 0.02 * OUTER or (value == bound and zeta < OUTER):
            break
        distance = reached * float(np.clip(OUTER / max(zeta, 1e-3), 0.3, 3.0))
        if zeta > OUTER:
            beyond = reached
            distance = max(distance, within[0])
        elif reached > within[0]:
            before, within = within, (reached, z)
        if not within[0] < distance < beyond or (probe > PROBES // 2 and np.isfinite(beyond)):
            distance = 0.5 * (within[0] + beyond)
    return float(value)


def evener(parameter: Parameter) -> Callable[[Array], Array]:
    """A scale on which the deviance is smooth up to the boundary: arcsine for a correlation."""
    return np.arcsin if parameter.kind == "cor" else np.asarray


def nodes_of(parameter: Parameter, reach: tuple[float, float], value: float, count: int) -> Array:
    """Nodes over a range with one at the estimate, as even as that allows on the smooth scale."""
    even = evener(parameter)
    low, middle, high = even(np.array([reach[0], value, reach[1]]))
    span = high - low
    below = round((count - 1) * (middle - low) / span)
    if middle - low > 1e-9 * span:
        below = max(below, 3)
    if high - middle > 1e-9 * span:
        below = min(below, count - 4)
    left = np.linspace(low, middle, below + 1)[:-1] if below else np.empty(0)
    right = np.linspace(middle, high, count - below)
    nodes = np.concatenate((left, right))
    if parameter.kind == "cor":
        nodes = np.sin(nodes)
    nodes[[0, below, -1]] = reach[0], value, reach[1]
    return nodes


def points_of(axis: Axis, reach: tuple[float, float], value: float, count: int) -> Array:
    """Values of the parameter that are even on the axis, the estimate in place of the nearest."""
    out = axis.even(reach, count)
    away = np.abs(axis.outward(out) - axis.outward(np.array(value)))
    out[int(np.argmin(away))] = value
    return out

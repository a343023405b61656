"""The parameters of a model as users know them: standard deviations, correlations, sigma, beta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array, lower_triangle, semidefinite_root

PERFECT = 1.0 - 1e-14  # a correlation beyond is one, but for rounding


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name : str
        As lme4's ``confint(oldNames = FALSE)`` names it: ``sd_ses|school``,
        ``cor_ses.(Intercept)|school``, ``sigma``, or the name of a coefficient.
    kind : str
        ``"sd"``, ``"cor"``, ``"sigma"``, ``"fixed"``, or ``"theta"`` for an element of the relative
        covariance factor.
    block : int
        Random-effects term, for sd, cor and theta; else -1.
    i, j : int
        Columns of the term (sd: ``i``; cor: ``i`` before ``j``; theta: row ``i``, column ``j``), or
        ``i`` the coefficient.
    """

    name: str
    kind: str
    block: int = -1
    i: int = -1
    j: int = -1

    @property
    def allowed(self) -> tuple[float, float]:
        """The possible range."""
        if self.kind == "cor":
            return -1.0, 1.0
        if self.kind == "fixed" or (self.kind == "theta" and self.i != self.j):
            return -np.inf, np.inf
        return 0.0, np.inf


def unique_names(names: Sequence[str]) -> list[str]:
    """Tell repeated names apart as lme4 does: ``g``, ``g.1``, ``g.2``.

    >>> unique_names(["g", "h", "g"])
    ['g', 'h', 'g.1']
    """
    taken, seen, out = set(names), set(), []
    for name in names:
        unique, count = name, 0
        if name in seen:
            while unique in taken:
                count += 1
                unique = f"{name}.{count}"
        taken.add(unique)
        seen.add(unique)
        out.append(unique)
    return out


def term_groups(design: Design) -> list[str]:
    """The grouping factor of each random-effects term, told apart where terms share one."""
    return unique_names([design.groupings[b.grouping].name for b in design.blocks])


def parameters(design: Design) -> tuple[Parameter, ...]:
    """All parameters in lme4's order: as theta (sd, cor), then sigma, then coefficients."""
    return (*variance_parameters(design), *fixed_parameters(design))


def variance_parameters(design: Design) -> tuple[Parameter, ...]:
    """Standard deviations and correlations in theta's order, then sigma."""
    out: list[Parameter] = []
    for b, (block, group) in enumerate(zip(design.blocks, term_groups(design), strict=True)):
        for i, name in enumerate(block.names):
            out.append(Parameter(f"sd_{name}|{group}", "sd", b, i))
            for j in range(i + 1, len(block.names)):
                out.append(Parameter(f"cor_{block.names[j]}.{name}|{group}", "cor", b, i, j))
    return (*out, Parameter("sigma", "sigma"))


def theta_parameters(design: Design) -> tuple[Parameter, ...]:
    """Elements of the relative covariance factor, in lme4's order and by its names."""
    out: list[Parameter] = []
    for b, block in enumerate(design.blocks):
        group = design.groupings[block.grouping].name
        for j, name in enumerate(block.names):
            out.append(Parameter(f"{group}.{name}", "theta", b, j, j))
            for i in range(j + 1, len(block.names)):
                out.append(Parameter(f"{group}.{block.names[i]}.{name}", "theta", b, i, j))
    names = unique_names([p.name for p in out])
    return tuple(replace(p, name=name) for p, name in zip(out, names, strict=True))


def fixed_parameters(design: Design) -> tuple[Parameter, ...]:
    """The fixed-effects coefficients."""
    return tuple(Parameter(name, "fixed", i=i) for i, name in enumerate(design.x_names))


def value_of(
    parameter: Parameter, covariances: tuple[Array, ...], sigma: float, beta: Array
) -> float:
    """The value of a parameter.

    Parameters
    ----------
    parameter : Parameter
        Which one.
    covariances : tuple of (k, k) arrays
        Covariance of the random effects, per term.
    sigma : float
        Residual standard deviation.
    beta : (p,) array
        Coefficients.

    Returns
    -------
    float
        NaN for a correlation with a component of zero variance.
    """
    if parameter.kind == "sigma":
        return sigma
    if parameter.kind == "fixed":
        return float(beta[parameter.i])
    covariance = covariances[parameter.block]
    if parameter.kind == "theta":
        root = lower_triangle(semidefinite_root(covariance))
        return float(root[parameter.i, parameter.j] / sigma)
    if parameter.kind == "sd":
        return float(np.sqrt(covariance[parameter.i, parameter.i]))
    product = covariance[parameter.i, parameter.i] * covariance[parameter.j, parameter.j]
    if product <= 0.0:
        return float("nan")
    correlation = float(covariance[parameter.i, parameter.j] / np.sqrt(product))
    return float(np.sign(correlation)) if abs(correlation) > PERFECT else correlation


def compatible(held: tuple[Parameter, ...]) -> bool:
    """Whether some parameters can be held together; see ``unheld`` for what cannot."""
    return not unheld(held)


def unheld(held: tuple[Parameter, ...]) -> str:
    """Why parameters cannot be held together, or an empty string.

    Any two different parameters can be held, and any number with at most two correlations of one
    term, or one beside elements of theta of the term. But of a standard deviation, the element of
    theta that is it divided by sigma, and sigma, any two say all.
    """
    for block in {p.block for p in held if p.block >= 0}:
        inside = [p for p in held if p.block == block]
        theta = [p for p in inside if p.kind == "theta"]
        correlations = sum(p.kind == "cor" for p in inside)
        if correlations > (1 if theta else 2):
            return (
                "hold more correlations of one term than can be held together: two, or one beside "
                "elements of theta"
            )
        first = any(p.i == 0 for p in theta) and any(p.kind == "sd" and p.i == 0 for p in inside)
        if first and any(p.kind == "sigma" for p in held):
            return "determine one another: theta is a standard deviation divided by sigma"
    return ""


def contradictory(held: tuple[Parameter, ...], points: Array) -> NDArray[np.bool_]:
    """Whether values of parameters that can be held together contradict each other.

    An element of theta has zero where its row's standard deviation is zero, beyond the column of an
    effect with which its own is perfectly correlated, and the sign of the correlation with the
    first effect in the first column; the first element is a standard deviation divided by sigma.

    Parameters
    ----------
    held : tuple of h Parameter
        The parameters.
    points : (t, h) array
        Their values.

    Returns
    -------
    (t,) array of bool
    """
    out = np.zeros(len(points), dtype=bool)
    for theta, t in zip(held, points.T, strict=True):
        if theta.kind != "theta":
            continue
        for other, value in zip(held, points.T, strict=True):
            if other.block != theta.block:
                continue
            if other.kind == "sd" and other.i == theta.i:
                out |= (value == 0.0) & (t != 0.0)
                if theta.i == 0:
                    out |= (value > 0.0) & (t == 0.0)
            elif other.kind == "cor" and other.j == theta.i:
                if theta.j > other.i:
                    out |= (np.abs(value) == 1.0) & (t != 0.0)
                elif theta.j == 0 and other.i == 0:
                    out |= (t * value < 0.0) | ((value == 0.0) & (t != 0.0))
    return out

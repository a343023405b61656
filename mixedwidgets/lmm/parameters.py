"""The parameters of a model as users know them: standard deviations, correlations, sigma, beta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array

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
        ``"sd"``, ``"cor"``, ``"sigma"`` or ``"fixed"``.
    block : int
        Random-effects term, for sd and cor; else -1.
    i, j : int
        Columns of the term (sd: ``i``; cor: ``i`` before ``j``), or ``i`` the coefficient.
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
        return (-np.inf, np.inf) if self.kind == "fixed" else (0.0, np.inf)


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
    if parameter.kind == "sd":
        return float(np.sqrt(covariance[parameter.i, parameter.i]))
    product = covariance[parameter.i, parameter.i] * covariance[parameter.j, parameter.j]
    if product <= 0.0:
        return float("nan")
    correlation = float(covariance[parameter.i, parameter.j] / np.sqrt(product))
    return float(np.sign(correlation)) if abs(correlation) > PERFECT else correlation


def pairs(available: tuple[Parameter, ...]) -> tuple[tuple[Parameter, Parameter], ...]:
    """Pairs over which a surface can be drawn: see ``constrained.Constraint``."""
    return tuple(pair for pair in combinations(available, 2) if compatible(pair))


def compatible(fixed: tuple[Parameter, ...]) -> bool:
    """Whether at most two columns of any one term are involved."""
    columns: dict[int, set[int]] = {}
    for parameter in fixed:
        if parameter.kind in ("sd", "cor"):
            columns.setdefault(parameter.block, set()).update(
                {parameter.i} if parameter.kind == "sd" else {parameter.i, parameter.j}
            )
    return all(len(c) <= 2 for c in columns.values())

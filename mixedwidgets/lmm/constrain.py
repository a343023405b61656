"""Choose the coordinates in which some parameters of a model can be held."""

from __future__ import annotations

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.parameters import Parameter, compatible
from mixedwidgets.lmm.polar import Polar


def constrain(
    moments: AnyMoments, held: tuple[Parameter, ...], reml: bool, natural: bool = False
) -> Constraint:
    """Hold some parameters of a model.

    Parameters
    ----------
    moments : Moments
        Cross-products of the model.
    held : tuple of Parameter
        At most two columns of any one term.
    reml : bool
        Restricted likelihood; then no coefficient can be held.
    natural : bool
        Use the user's units and order for every term, also where nothing of it is held.

    Returns
    -------
    Constraint

    Raises
    ------
    ModelError
        A coefficient under REML, or more than two columns of one term.
    """
    if reml and any(p.kind == "fixed" for p in held):
        raise ModelError(
            "The REML criterion does not depend on the fixed effects: fit with REML=False to see "
            "the likelihood of a coefficient."
        )
    if not compatible(held):
        names = " and ".join(repr(p.name) for p in held)
        raise ModelError(
            f"{names} involve three random effects of one term; choose two parameters that share "
            "at most two of them."
        )
    layout = moments.layout
    A, into = np.eye(layout.width), moments.whitening.copy()
    polar: list[Polar] = []
    for number, columns in enumerate(layout.slices):
        first, two = _leading(tuple(p for p in held if p.block == number))
        if not first and not natural:
            continue
        rest = [c for c in range(layout.sizes[number]) if c not in first]
        order = np.array([*first, *rest])
        A[columns, columns] = moments.whitening[columns, columns][:, order]
        into[columns, columns] = np.eye(len(order))[order]
        if two:
            begin = _first_element(layout.sizes, number)
            correlated = any(p.kind == "cor" and p.block == number for p in held)
            polar.append(Polar(begin, begin + 1, begin + layout.sizes[number], correlated))
    places = tuple(_coordinate(p, held, layout.sizes, layout.ntheta) for p in held)
    return Constraint(moments, held, reml, Factor(layout, A), into, tuple(polar), places)


def _leading(held: tuple[Parameter, ...]) -> tuple[list[int], bool]:
    """Columns that come first in a term, and whether two rows must be polar."""
    correlations = [p for p in held if p.kind == "cor"]
    if correlations:
        return [correlations[0].i, correlations[0].j], True
    columns = [p.i for p in held]
    return columns, len(columns) == 2


def _first_element(sizes: tuple[int, ...], block: int) -> int:
    return sum(k * (k + 1) // 2 for k in sizes[:block])


def _coordinate(
    parameter: Parameter, held: tuple[Parameter, ...], sizes: tuple[int, ...], ntheta: int
) -> int:
    if parameter.kind == "fixed":
        return -1
    if parameter.kind == "sigma":
        return ntheta
    begin = _first_element(sizes, parameter.block)
    if parameter.kind == "cor":
        return begin + sizes[parameter.block]
    first, _ = _leading(tuple(p for p in held if p.block == parameter.block))
    return begin + first.index(parameter.i)

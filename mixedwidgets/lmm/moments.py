"""Design -> Moments: the cross-products of a model, taken once."""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.crossed import CrossedMoments, crossed_moments
from mixedwidgets.lmm.crossproducts import Moments, coordinates_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.grouped import GroupedMoments, grouped_moments
from mixedwidgets.lmm.identify import refuse_exact_fit, refuse_inseparable

__all__ = ["CrossedMoments", "GroupedMoments", "Moments", "moments", "replace_fixed"]

AnyMoments = GroupedMoments | CrossedMoments


def moments(design: Design) -> AnyMoments:
    """Take the cross-products of a design.

    Parameters
    ----------
    design : Design
        Rows used, with any number of grouping factors.

    Returns
    -------
    GroupedMoments or CrossedMoments

    Raises
    ------
    ModelError
        The model reproduces the response without error, so the likelihood has no maximum, or
        some random effects cannot be told apart.
    """
    columns = coordinates_of(design)
    single = len(design.groupings) == 1
    found = grouped_moments(columns) if single else crossed_moments(columns)
    refuse_inseparable(found, columns)
    refuse_exact_fit(found, columns)
    return found


def replace_fixed(source: AnyMoments, held: list[tuple[int, float]]) -> AnyMoments:
    """The same data with some coefficients held at given values, by algebra on the cross-products.

    The held part of the linear predictor moves to the response; what is left of the fixed effects
    is the orthogonal complement of the held directions in basis coordinates.

    Parameters
    ----------
    source : Moments
        Of the whole model.
    held : list of (int, float)
        Index and value of each held coefficient.

    Returns
    -------
    Moments
        With p - len(held) coefficients, in coordinates that have no names.
    """
    p = source.ncoef
    indices = [i for i, _ in held]
    rows = np.linalg.inv(source.basis.R)[indices]
    values = np.array([v for _, v in held])
    shift = np.linalg.pinv(rows) @ (values - source.coefficients(0.0)[indices])
    complete, _ = np.linalg.qr(rows.T, mode="complete")
    free = complete[:, len(held) :]
    change = np.zeros((p + 1, free.shape[1] + 1))
    change[:p, :-1], change[:p, -1], change[p, -1] = free, -shift, 1.0
    return source.transformed(change, free.T @ (source.ols + shift))

"""The coefficients without each level of a grouping factor in turn, theta held."""

from __future__ import annotations

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.deletion import LOST, delete_sets
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.leverage import RowTerms
from mixedwidgets.lmm.linalg import Array

MOST_WORK = 500_000  # rows times levels that are estimated again one after another


def separates(design: Design, factor: int) -> bool:
    """Whether rows of different levels of a grouping factor have no random effect in common."""
    own, count = design.groupings[factor].codes, len(design.groupings[factor].levels)
    used = {block.grouping for block in design.blocks} - {factor}
    return all(
        len(np.unique(design.groupings[f].codes * count + own)) == len(design.groupings[f].levels)
        for f in used
    )


def moved_without(design: Design, estimate: Estimate, factor: int, terms: RowTerms) -> Array:
    """Return ``L^-1 dfbeta`` of each level left out, ``L L'`` the covariance from all rows.

    Where levels share no random effect, V is block-diagonal and the answer has a closed form
    (Christensen, Pearson and Johnson 1992, Technometrics 34, 38-45): in coordinates in which
    ``X' V^-1 X`` is the identity, ``-(I - A_j)^-1 g_j / sigma`` with ``A_j = X_j' V_j^-1 X_j`` and
    ``g_j = X_j' V_j^-1 r_j``. Otherwise the coefficients are estimated again without each level.

    Parameters
    ----------
    design, estimate
        The fit.
    factor : int
        Which grouping factor.
    terms : RowTerms
        Of this fit.

    Returns
    -------
    (m, p) array
        NaN where a coefficient cannot be estimated without the level.

    Raises
    ------
    ModelError
        Levels share random effects, and there are too many to estimate again without each.
    """
    if separates(design, factor):
        return _closed_form(design, estimate, factor, terms)
    grouping = design.groupings[factor]
    count = len(grouping.levels)
    if count * len(design.y) > MOST_WORK:
        raise ModelError(
            f"Leaving out each of the {count} levels of {grouping.name} in turn would take long, "
            "because other random effects cross them; look at the influence of single rows, or at "
            f"influence({grouping.name!r}, approximate=True)"
        )
    order = np.argsort(grouping.codes, kind="stable")
    sets = np.split(order, np.cumsum(np.bincount(grouping.codes, minlength=count))[:-1])
    return delete_sets(design, estimate, sets, held=True).moved


def _closed_form(design: Design, estimate: Estimate, factor: int, terms: RowTerms) -> Array:
    grouping, solved = design.groupings[factor], estimate.solved
    whole = coordinates_of(design).fixed(slice(None))
    marginal = whole[-1] - solved.delta @ whole[:-1]
    columns = solved.root @ whole[:-1]
    p = len(columns)
    order = np.argsort(grouping.codes, kind="stable")
    counts = np.bincount(grouping.codes, minlength=len(grouping.levels))
    starts = np.cumsum(counts) - counts
    half = terms.fixed[:, order]
    products = np.concatenate([columns, marginal[None]])[:, order]
    parts = np.stack([np.add.reduceat(line * products, starts, axis=1) for line in half])
    kept = np.eye(p) - parts[:, :p].transpose(2, 0, 1)
    kept = 0.5 * (kept + kept.transpose(0, 2, 1))
    moved = np.full((len(counts), p), np.nan)
    known = np.linalg.eigvalsh(kept)[:, 0] > LOST
    pull = parts[:, p].T[known][:, :, None]
    moved[known] = -np.linalg.solve(kept[known], pull)[:, :, 0] / estimate.sigma
    return moved

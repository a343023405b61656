"""Simulated responses: random effects and residuals drawn anew, all replicates at once."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.predict import Kept, predicted_mean
from mixedwidgets.lmm.rows import Rows


def simulated(
    rows: Rows,
    design: Design,
    estimate: Estimate,
    kept: Kept,
    nsim: int,
    generator: Generator,
) -> Array:
    """Draw responses from a fitted model.

    Parameters
    ----------
    rows : Rows
        Without missing values.
    design, estimate
        The fit.
    kept : sequence of (k,) arrays of bool
        For each block, which random effects stay at their conditional modes. The others are drawn
        with mean zero and their own covariance, as for levels not seen before; so are all effects
        of levels that the fit does not have.
    nsim : int
        Number of replicates.
    generator : Generator
        Where the randomness comes from.

    Returns
    -------
    (nsim, n) array
    """
    moments = estimate.moments
    out = generator.standard_normal((nsim, len(rows.X)))
    out *= estimate.sigma / np.sqrt(rows.weights)
    out += predicted_mean(rows, design, estimate, kept)
    levels = [_occurring(codes) for codes in rows.codes]
    for columns, keep, block, f in zip(
        rows.columns, kept, moments.layout.slices, moments.factors, strict=True
    ):
        occurring, place = levels[f]
        known = occurring < moments.levels[f]
        if keep.all() and known.all():
            continue
        factor = estimate.factor[block, block]
        drawn = factor @ generator.standard_normal((nsim, len(factor), len(occurring)))
        for a, effect in enumerate(drawn.transpose(1, 0, 2)):
            if keep[a]:
                effect[:, known] = 0.0
            out += columns[:, a] * effect[:, place]
    return out


def _occurring(codes: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The levels that rows have, and the place of each row's level among them."""
    counts = np.bincount(codes)
    occurring = np.flatnonzero(counts)
    place = np.empty(len(counts), dtype=np.intp)
    place[occurring] = np.arange(len(occurring))
    return occurring, place[codes]

"""Conditional modes with their standard deviations, sorted: what a caterpillar plot shows."""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import conditional_modes, conditional_variances


def caterpillar(
    design: Design, estimate: Estimate, factor: int = 0, contributions: Array | None = None
) -> CaterpillarTable:
    """Conditional modes of every level of one grouping factor, and how sure they are.

    The standard deviations are those of the effects given the data and the parameters (Bates et
    al. 2015, section 5.1): the uncertainty of the fixed effects and of the variances is not in
    them.

    Parameters
    ----------
    design, estimate
        The fit, or a point of its parameter space.
    factor : int
        Which grouping factor.
    contributions : (m,) array, optional
        What each level adds to the log-likelihood.

    Returns
    -------
    CaterpillarTable
    """
    grouping = design.groupings[factor]
    modes = conditional_modes(estimate, factor)
    variances = np.einsum("jaa->ja", conditional_variances(estimate, factor))
    return CaterpillarTable(
        group=grouping.name,
        levels=tuple(str(level) for level in grouping.levels),
        size=np.bincount(grouping.codes, minlength=len(grouping.levels)),
        names=tuple(plain(n) for b in design.blocks if b.grouping == factor for n in b.names),
        modes=modes,
        sd=np.sqrt(np.maximum(variances, 0.0)),
        order=np.argsort(modes, axis=0, kind="stable"),
        criterion="REML" if estimate.reml else "ML",
        contributions=contributions,
    )

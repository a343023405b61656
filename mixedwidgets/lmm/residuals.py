"""Residuals of a fit, in lme4's varieties."""

from __future__ import annotations

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.leverage import left_over, leverages
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import deviations

PLAIN = ("response", "working")
WEIGHTED = ("pearson", "deviance")
TYPES = (*PLAIN, *WEIGHTED, "scaled", "studentized")


def raw_residuals(design: Design, estimate: Estimate) -> Array:
    """Response minus fitted values given the random effects, (n,)."""
    return deviations(design, estimate)


def residuals(
    design: Design, estimate: Estimate, kind: str = "response", scaled: bool = False
) -> Array:
    """Residuals given the random effects.

    Parameters
    ----------
    design, estimate
        The fit.
    kind : str
        One of ``TYPES``; see ``Fit.resid``.
    scaled : bool
        Divide by sigma.

    Returns
    -------
    (n,) array

    Raises
    ------
    ModelError
        An unknown kind.
    """
    if kind not in TYPES:
        raise ModelError(
            f"type is {kind!r}; choose {', '.join(map(repr, TYPES[:-1]))} or {TYPES[-1]!r}."
        )
    out = raw_residuals(design, estimate)
    if kind not in PLAIN and design.weights is not None:
        out = out * np.sqrt(design.weights)
    if kind == "studentized":
        out = out / np.sqrt(left_over(leverages(design, estimate)))
    if scaled or kind in ("scaled", "studentized"):
        out = out / estimate.sigma
    return out

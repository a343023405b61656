"""Intraclass correlations and R^2: the variance of the response, part by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.crossproducts import white_forms
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import fixed_part


@dataclass(frozen=True)
class VarianceParts:
    """Parts of the variance of the response.

    Attributes
    ----------
    fixed : float
        Sample variance of the fixed part X beta over the rows.
    random : (f,) array
        For each grouping factor the variance of its random effects, a mean over the rows.
    residual : float
        sigma^2, the residual variance of an observation of weight 1.
    """

    fixed: float
    random: Array
    residual: float

    @property
    def total(self) -> float:
        """Sum of all parts."""
        return self.fixed + float(self.random.sum()) + self.residual

    @property
    def adjusted_icc(self) -> Array:
        """Share of each grouping factor in the random and residual variance, (f,)."""
        return np.asarray(self.random / (self.random.sum() + self.residual))

    @property
    def conditional_icc(self) -> Array:
        """Share of each grouping factor in the whole variance, (f,)."""
        return np.asarray(self.random / self.total)

    @property
    def marginal_r2(self) -> float:
        """Share of the fixed effects in the whole variance."""
        return self.fixed / self.total

    @property
    def conditional_r2(self) -> float:
        """Share of fixed and random effects in the whole variance."""
        return (self.fixed + float(self.random.sum())) / self.total


def variance_parts(design: Design, estimate: Estimate) -> VarianceParts:
    """Split the variance of the response.

    Fixed effects as in Nakagawa and Schielzeth (2013, Methods in Ecology and Evolution 4,
    133-142); random effects with columns other than the intercept by the mean of ``z' Sigma z``
    over the rows (Johnson 2014, Methods in Ecology and Evolution 5, 944-946). A known offset
    belongs to no part.
    """
    random = np.zeros(len(design.groupings))
    for number, (block, columns) in enumerate(
        zip(design.blocks, estimate.moments.layout.slices, strict=True)
    ):
        white = white_forms(design, number, block.columns)
        squares = white @ white.T / len(design.y)
        relative = float(np.sum(squares * estimate.solved.S[columns, columns]))
        random[block.grouping] += estimate.sigma**2 * relative
    _, fixed = fixed_part(design.X, estimate)
    return VarianceParts(
        fixed=float(np.var(fixed, ddof=1)),
        random=random,
        residual=estimate.sigma**2,
    )

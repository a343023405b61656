"""Leverages and Cook's distances of the rows: how far a row pulls its own fitted value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array

ROUNDING = 1e-10  # of a leverage: a row this close to 1 determines its own fitted value


@dataclass(frozen=True)
class RowTerms:
    """The two parts of the variance of each fitted value, in units of sigma^2 / w.

    Attributes
    ----------
    random : (n,) array
        That of the random effects, given the coefficients: 1 minus the diagonal of V^-1.
    fixed : (p, n) array
        Rows of ``V^-1 X`` in coordinates in which ``X' V^-1 X`` is the identity; the sum of their
        squares is the part of the coefficients.
    """

    random: Array
    fixed: Array

    @property
    def leverages(self) -> Array:
        """Diagonal of the matrix that turns the response into fitted values, (n,)."""
        return np.asarray(self.random + np.einsum("pn,pn->n", self.fixed, self.fixed))


def row_terms(design: Design, estimate: Estimate) -> RowTerms:
    """What each row contributes, in time linear in the rows.

    With ``x`` a row of sqrt(w) X and ``z`` one of sqrt(w) Z, the row of ``V^-1 X`` is
    ``x - z S Z' V^-1 X``, the sum over the random effects that the row has.
    """
    solved, moments = estimate.solved, estimate.moments
    coordinates, everything = coordinates_of(design), slice(None)
    white = coordinates.white(everything).T
    codes = tuple(g.codes for g in design.groupings)
    half = white @ solved.S
    fixed = coordinates.fixed(everything)[:-1]
    for columns, B, factor in zip(moments.layout.slices, solved.B, moments.factors, strict=True):
        for weight, rows in zip(half.T[columns], B, strict=True):
            fixed -= weight * rows[:, codes[factor]]
    return RowTerms(solved.row_variances(white, codes), solved.root @ fixed)


def leverages(design: Design, estimate: Estimate) -> Array:
    """Leverages h_i: the derivative of each fitted value in its own response, (n,).

    The diagonal of the hat matrix of the penalised least-squares problem (Bates et al. 2015,
    section 3; Demidenko and Stukel 2005, Statistics in Medicine 24, 893-909), at the estimated
    theta.
    """
    return row_terms(design, estimate).leverages


def left_over(leverage: Array) -> Array:
    """1 - h, (n,); NaN where it is nothing but rounding error."""
    return np.where(leverage < 1.0 - ROUNDING, 1.0 - leverage, np.nan)


def cooks_distances(estimate: Estimate, pearson: Array, leverage: Array) -> Array:
    """Cook's distance of each row by lme4's formula ``(r / (1 - h))^2 h / (p sigma^2)``.

    Parameters
    ----------
    estimate : Estimate
    pearson, leverage : (n,) arrays
        Residuals times sqrt(w), and leverages.

    Returns
    -------
    (n,) array
        NaN where the leverage is 1.

    Raises
    ------
    ModelError
        A model without fixed effects.
    """
    p = len(estimate.beta)
    if p == 0:
        raise ModelError(
            "Cook's distance needs fixed effects, and this model has none; look at hatvalues() and "
            "resid() instead."
        )
    return (pearson / left_over(leverage)) ** 2 * leverage / (estimate.sigma**2 * p)

"""Tests of coefficients and of terms by approximate degrees of freedom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.special import fdtrc, stdtr

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.linalg import Array

METHODS = ("satterthwaite", "kenward-roger")
TYPES = {1: 1, 2: 2, 3: 3, "1": 1, "2": 2, "3": 3, "I": 1, "II": 2, "III": 3}
ROMAN = {1: "I", 2: "II", 3: "III"}
NAMES = {"satterthwaite": "Satterthwaite", "kenward-roger": "Kenward-Roger"}
LARGE = 1e10  # degrees of freedom from which on t is taken as normal


class Approximation(Protocol):
    """A way to test contrasts of one fit."""

    @property
    def beta(self) -> Array:
        """Coefficients (p,)."""
        ...

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        ...

    @property
    def covariance(self) -> Array:
        """Covariance of the coefficients (p, p) that standard errors come from."""
        ...

    def df(self, contrasts: Array) -> Array:
        """Degrees of freedom (c,) of single contrasts (c, p)."""
        ...

    def f_test(self, contrasts: Array) -> tuple[float, int, float]:
        """F statistic, numerator and denominator degrees of freedom of contrasts (c, p)."""
        ...


def method_named(given: object) -> str:
    """Read the name of a method, as R's lmerTest writes it or in lower case.

    Raises
    ------
    ModelError
        For any other.
    """
    name = str(given).lower().replace("_", "-").replace(" ", "-")
    if name not in METHODS:
        raise ModelError(
            f"method is {given!r}{nearest(name, METHODS)}; "
            "choose 'satterthwaite' or 'kenward-roger'."
        )
    return name


def type_named(given: object) -> int:
    """Read the type of an analysis of variance: 1, 2, 3, or a Roman numeral.

    Raises
    ------
    ModelError
        For any other.
    """
    known = isinstance(given, int | np.integer | str) and not isinstance(given, bool)
    if isinstance(given, str):
        given = given.upper()
    if not known or given not in TYPES:
        raise ModelError(f"type is {given!r}; choose 1, 2 or 3.")
    return TYPES[given]


def t_tests(approximation: Approximation) -> dict[str, Array]:
    """Test each coefficient.

    Parameters
    ----------
    approximation : Approximation

    Returns
    -------
    dict of str to (p,) array
        Estimate, Std. Error, df, t value, Pr(>|t|).
    """
    beta = approximation.beta
    errors = np.sqrt(np.diag(approximation.covariance))
    df = approximation.df(np.eye(len(beta)))
    t = beta / errors
    return {
        "Estimate": beta,
        "Std. Error": errors,
        "df": df,
        "t value": t,
        "Pr(>|t|)": 2.0 * stdtr(np.minimum(df, LARGE), -np.abs(t)),
    }


def f_tests(
    approximation: Approximation, hypotheses: Sequence[tuple[str, Array]]
) -> dict[str, Array]:
    """Test each hypothesis.

    Parameters
    ----------
    approximation : Approximation
    hypotheses : sequence of (str, (q, p) array)
        Labels and contrasts.

    Returns
    -------
    dict of str to (r,) array
        Sum Sq, Mean Sq (what they would be for this F in a linear model of the same sigma),
        NumDF, DenDF, F value, Pr(>F).
    """
    found = [approximation.f_test(contrasts) for _, contrasts in hypotheses]
    F, top, bottom = np.array(found, dtype=float).reshape(-1, 3).T
    square = F * approximation.sigma**2
    return {
        "Sum Sq": square * top,
        "Mean Sq": square,
        "NumDF": top.astype(int),
        "DenDF": bottom,
        "F value": F,
        "Pr(>F)": fdtrc(top, np.minimum(bottom, LARGE), F),
    }

"""ModelSpec + data -> Design: the numbers a model is fitted to, and the names they carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.lmm.linalg import Array, Basis
from mixedwidgets.lmm.spec import ModelSpec


@dataclass(frozen=True)
class Grouping:
    """One grouping factor of the rows used.

    Attributes
    ----------
    name : str
        As lme4 names it: ``school``, or ``a:b`` for an interaction.
    codes : (n,) array of int
        The level of each row, 0-based.
    levels : (m,) Index
        The labels of the levels that occur, in R's order (factor order, else sorted).
    """

    name: str
    codes: NDArray[np.intp]
    levels: pd.Index


@dataclass(frozen=True)
class RandomBlock:
    """One random-effects term after ``||`` has been split.

    Attributes
    ----------
    grouping : int
        Which of ``Design.groupings`` it varies over.
    names : tuple of str
        R's column names, such as ``("(Intercept)", "ses")``.
    columns : (n, k) array
        The raw model matrix of the term.
    """

    grouping: int
    names: tuple[str, ...]
    columns: Array


@dataclass(frozen=True)
class Design:
    """Everything a fit needs from the data: rows with missing values are gone.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    y : (n,) array
        The response as transformed by the formula; the offset is not subtracted.
    offset : (n,) array or None
        Known part of the linear predictor.
    weights : (n,) array or None
        Prior weights w: Var(e_i) = sigma^2 / w_i.
    X : (n, p) array
        Fixed-effects model matrix without redundant columns.
    x_names : tuple of str
        R's names of the columns of X.
    dropped : tuple of str
        Names of the redundant columns left out of X.
    basis : Basis
        Orthonormal basis of sqrt(w) * X.
    blocks : tuple of RandomBlock
        In lme4's order: by decreasing number of levels, ties in order of the formula.
    groupings : tuple of Grouping
        The distinct grouping factors, in the order of first use by ``blocks``.
    index : (n,) Index
        Row labels of the data, for the rows used.
    n_missing : int
        How many rows were dropped for missing values.
    data_name : str or None
        ``data.attrs["name"]``, printed by summaries.
    """

    spec: ModelSpec
    y: Array
    offset: Array | None
    weights: Array | None
    X: Array
    x_names: tuple[str, ...]
    dropped: tuple[str, ...]
    basis: Basis
    blocks: tuple[RandomBlock, ...]
    groupings: tuple[Grouping, ...]
    index: pd.Index
    n_missing: int
    data_name: str | None

"""Contrast matrices of factors: treatment, sum, helmert, poly, sas, or a matrix of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError, nearest
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.settings import CODINGS, Contrast

Coded = tuple[Array, tuple[str, ...]]


def treatment(labels: Sequence[str]) -> Coded:
    """Compare each level with the first."""
    return np.eye(len(labels))[:, 1:], tuple(labels[1:])


def sas(labels: Sequence[str]) -> Coded:
    """Compare each level with the last."""
    return np.eye(len(labels))[:, :-1], tuple(labels[:-1])


def deviation(labels: Sequence[str]) -> Coded:
    """Compare each level but the last with the mean of all: effects sum to zero."""
    k = len(labels)
    return np.vstack((np.eye(k - 1), -np.ones((1, k - 1)))), _numbered(k - 1)


def helmert(labels: Sequence[str]) -> Coded:
    """Compare each level with the mean of those before it."""
    k = len(labels)
    matrix = np.where(np.arange(k)[:, None] <= np.arange(k - 1)[None, :], -1.0, 0.0)
    matrix[np.arange(1, k), np.arange(k - 1)] = np.arange(1, k)
    return matrix, _numbered(k - 1)


def polynomial(labels: Sequence[str]) -> Coded:
    """Orthonormal polynomials over equally spaced levels: ``.L .Q .C ^4 ...``."""
    k = len(labels)
    scores = np.arange(k) - (k - 1) / 2
    columns: list[Array] = [np.full(k, 1 / np.sqrt(k))]
    for _ in range(1, k):
        new = scores * columns[-1]
        for _twice in range(2):  # a second pass removes what rounding left behind
            for column in columns:
                new = new - column * (column @ new)
        columns.append(new / np.sqrt(new @ new))
    names = (".L", ".Q", ".C", *(f"^{d}" for d in range(4, k)))
    return np.column_stack(columns[1:]), tuple(names[: k - 1])


MATRICES: dict[str, Callable[[Sequence[str]], Coded]] = {  # one for each of CODINGS
    "treatment": treatment,
    "sum": deviation,
    "helmert": helmert,
    "poly": polynomial,
    "sas": sas,
}


def coding(kind: Any, labels: Sequence[str], name: str) -> Coded:
    """Return the contrast matrix of a factor.

    Parameters
    ----------
    kind : str, Contrast, array or DataFrame
        A name in ``CODINGS`` (also as ``contr.sum``), or a matrix with one row a level. A
        DataFrame's column labels name the contrasts; where its rows are labelled, they are the
        levels in any order.
    labels : sequence of str
        The levels.
    name : str
        The factor, for messages.

    Returns
    -------
    matrix : (levels, contrasts) array
    names : tuple of str
        What follows the factor's name in the names of the columns.

    Raises
    ------
    DataError
        For an unknown name or a matrix of the wrong shape.
    """
    if len(labels) < 2:
        raise DataError(
            f"the factor {name!r} has only one level in the rows used "
            f"({', '.join(map(repr, labels))}), so it has no effect to estimate; leave it out"
        )
    if isinstance(kind, Contrast):
        used = _numbered(len(labels)) if kind.numbered else labels
        matrix, names = _named(kind.kind, used, name)
        return matrix[:, : kind.how_many], names[: kind.how_many]
    return _named(kind, labels, name) if isinstance(kind, str) else _given(kind, labels, name)


def _named(kind: str, labels: Sequence[str], name: str) -> Coded:
    key = kind.removeprefix("contr.").lower()
    if key not in CODINGS:
        raise DataError(
            f"the contrasts of {name!r} cannot be {kind!r}{nearest(key, CODINGS)}; "
            f"allowed are {', '.join(CODINGS)}, or a matrix with one row a level"
        )
    return MATRICES[key](labels)


def _given(kind: Any, labels: Sequence[str], name: str) -> Coded:
    if isinstance(kind, pd.DataFrame):
        kind = _rows_by_level(kind, labels, name)
    try:
        matrix = np.array(kind, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"the contrasts of {name!r} must be one of {', '.join(CODINGS)}, or a numeric matrix"
        ) from None
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    k = len(labels)
    if matrix.ndim != 2 or matrix.shape[0] != k or not 1 <= matrix.shape[1] < k:
        raise DataError(
            f"the contrast matrix of {name!r} must have {k} rows (its levels are "
            f"{', '.join(labels)}) and 1 to {k - 1} columns, not shape {np.shape(kind)}"
        )
    if not np.isfinite(matrix).all():
        raise DataError(f"the contrast matrix of {name!r} must be finite")
    if np.linalg.matrix_rank(np.column_stack((np.ones(k), matrix))) <= matrix.shape[1]:
        raise DataError(
            f"the columns of the contrast matrix of {name!r} depend on each other or on a "
            "constant; give columns that are independent of both"
        )
    if isinstance(kind, pd.DataFrame):
        return matrix, tuple(map(str, kind.columns))
    return matrix, _numbered(matrix.shape[1])


def _rows_by_level(matrix: pd.DataFrame, labels: Sequence[str], name: str) -> pd.DataFrame:
    """Put labelled rows into the order of the levels; rows numbered from 0 are in it already."""
    if matrix.index.equals(pd.RangeIndex(len(matrix))):
        return matrix
    rows = [str(label) for label in matrix.index]
    if sorted(rows) != sorted(labels):
        raise DataError(
            f"the rows of the contrast matrix of {name!r} are labelled {', '.join(rows)}, and the "
            f"levels are {', '.join(labels)}; label the rows by the levels, or give an array"
        )
    return matrix.iloc[[rows.index(label) for label in labels]]


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(i) for i in range(1, count + 1))

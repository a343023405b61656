"""The random-effects model matrix Z and the relative covariance factor Lambda, as lme4 lays them.

The effects stand term by term in lme4's order; within a term level by level, and within a level
column by column (Bates, Maechler, Bolker and Walker 2015, Journal of Statistical Software 67(1),
section 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mixedwidgets.lmm.linalg import Array

Ints = NDArray[np.intp]


def random_effects_matrix(
    columns: Sequence[Array], codes: Sequence[Ints], levels: Sequence[int]
) -> csr_array:
    """Z, with a row for each observation and a column for each random effect.

    Parameters
    ----------
    columns : sequence of (n, k) arrays
        The raw model matrix of each term.
    codes : sequence of (n,) arrays of int
        The level of each row, for each term.
    levels : sequence of int
        Number of levels of each term.

    Returns
    -------
    csr_array (n, q)
        Without stored zeros, columns increasing in each row.
    """
    sizes = [block.shape[1] for block in columns]
    starts = np.cumsum([0, *(k * m for k, m in zip(sizes, levels, strict=True))])
    n = len(codes[0])
    places = [
        start + k * code[:, None] + np.arange(k)
        for start, k, code in zip(starts, sizes, codes, strict=False)
    ]
    values = np.hstack(columns)
    row_ends = np.arange(n + 1) * values.shape[1]
    out = csr_array((values.reshape(-1), np.hstack(places).reshape(-1), row_ends), (n, starts[-1]))
    out.eliminate_zeros()
    return out


def theta_positions(sizes: Sequence[int], levels: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Where the elements of theta stand in Lambda.

    Parameters
    ----------
    sizes, levels : sequences of int
        Number of columns and of levels of each term.

    Returns
    -------
    rows, columns, elements : (s,) arrays of int
        Positions in Lambda, row by row, and the 0-based element of theta that stands there.
    """
    rows, columns, elements = [], [], []
    start, first = 0, 0
    for k, m in zip(sizes, levels, strict=True):
        i, j = np.tril_indices(k)
        element = first + j * k - (j * (j - 1)) // 2 + (i - j)
        offset = start + k * np.arange(m)[:, None]
        rows.append((offset + i).reshape(-1))
        columns.append((offset + j).reshape(-1))
        elements.append(np.tile(element, m))
        start, first = start + k * m, first + k * (k + 1) // 2
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(elements)


def relative_factor(theta: Array, sizes: Sequence[int], levels: Sequence[int]) -> csr_array:
    """Lambda (q, q), lower triangular, every position of theta stored even where it is zero.

    Parameters
    ----------
    theta : (ntheta,) array
    sizes, levels : sequences of int
        Number of columns and of levels of each term.
    """
    rows, columns, elements = theta_positions(sizes, levels)
    q = int(rows[-1]) + 1
    row_ends = np.searchsorted(rows, np.arange(q + 1))
    return csr_array((np.asarray(theta, dtype=np.float64)[elements], columns, row_ends), (q, q))

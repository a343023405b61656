"""Two random effects a group: elimination and derivatives in closed form, for speed.

What ``grouped_deviance`` does for any number of effects, written out for two by two matrices, so
that a handful of operations on arrays of one value a group replaces loops and general products.
"""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.solved import Derivatives

# where the elements of a symmetric matrix, by rows, are in its upper triangle
UPPER = np.array([0, 1, 1, 2])
# element [ab, cd] of a second derivative is that of the pair of elements [ad, bc]
FIRST = UPPER[[[0, 1, 0, 1], [0, 1, 0, 1], [2, 3, 2, 3], [2, 3, 2, 3]]]
SECOND = UPPER[[[0, 0, 1, 1], [2, 2, 3, 3], [0, 0, 1, 1], [2, 2, 3, 3]]]
SIDES = np.stack([UPPER, UPPER + 3]).reshape(2, 2, 2)


def eliminate_two(S: Array, moments: GroupedMoments) -> tuple[float, Array]:
    """Cholesky of A_j = I + R_j S R_j' for all groups at once, applied to [R_j, C_j].

    ``det A_j = 1 + tr(R_j S R_j') + det(R_j)^2 det(S)`` is a sum without cancellation.

    Parameters
    ----------
    S : (2, 2) array
        Relative covariance.
    moments : GroupedMoments
        With two columns of random effects.

    Returns
    -------
    logdet : float
        Sum of log |A_j|.
    rows : (2 + p + 1, 2, m) array
        L_j^-1 [R_j, C_j] by columns.
    """
    (s11, s12), (_, s22) = S.tolist()
    stacked, m = moments.stacked, moments.ngroups
    forms = np.array((s11, s12, s22, max(s11 * s22 - s12 * s12, 0.0))) @ moments.two_forms
    across, squares = forms[:m], forms[m:].reshape(2, m)
    np.maximum(squares, 0.0, out=squares)  # as in exact arithmetic; rounding may lose it
    squares += 1.0
    first, determinant = squares
    np.maximum(determinant, first, out=determinant)
    rows = np.empty_like(stacked)
    np.multiply(stacked[:, 0], across / first, out=rows[:, 0])
    np.subtract(stacked[:, 1], rows[:, 0], out=rows[:, 1])
    rows[:, 1] *= np.sqrt(first / determinant)
    np.divide(stacked[:, 0], np.sqrt(first), out=rows[:, 0])
    return float(np.log(determinant).sum()), rows


def second_moments(H: Array, d: Array) -> tuple[Array, Array]:
    """u_j = H_j' d_j, and H_j' H_j above u_j u_j' by their elements 11, 12 and 22.

    Parameters
    ----------
    H : (2, 2, m) array
        H_j by columns.
    d : (2, m) array

    Returns
    -------
    (2, m) array and (6, m) array
    """
    u = H[:, 0] * d[0]
    u += H[:, 1] * d[1]
    out = np.empty((6, d.shape[1]))
    squares, products = H * H, H[0] * H[1]
    np.add(squares[:, 0], squares[:, 1], out=out[0:3:2])
    np.add(products[0], products[1], out=out[1])
    np.multiply(u, u, out=out[3:6:2])
    np.multiply(u[0], u[1], out=out[4])
    return u, out


def differentiate_two(rows: Array, d: Array, root: Array, reml: bool) -> Derivatives:
    """Derivatives as ``grouped_deviance.differentiate_groups`` gives them.

    Parameters
    ----------
    rows : (2 + p, 2, m) array
        L_j^-1 [R_j, Q_j' X_j] by columns.
    d : (2, m) array
        L_j^-1 Q_j' r_j.
    root : (p, p) array
        L^-1 with L the Cholesky factor of X' V^-1 X.
    reml : bool
        Restricted likelihood.
    """
    H, p = rows[:2], len(rows) - 2
    u, elements = second_moments(H, d)
    sums = elements.sum(axis=1)[SIDES]
    pairs = elements @ elements[:3].T
    logdet1, q1 = sums[0], -sums[1]
    logdet2, q2 = -pairs[FIRST, SECOND], 2.0 * pairs[FIRST + 3, SECOND]
    if p:
        products = (H[:, None] * u[:, None]).reshape(4, -1)
        g = root @ (rows[2:].reshape(p, -1) @ products.T)
        q2 -= 2.0 * (g.T @ g)
        if reml:
            first, second = _restricted(rows, elements[:3], root)
            logdet1, logdet2 = logdet1 - first, logdet2 + second
    return Derivatives(logdet1, q1, logdet2, q2)


def _restricted(rows: Array, M: Array, root: Array) -> tuple[Array, Array]:
    """What log |X' V^-1 X| adds: minus the gradient, and the second derivative."""
    H, D = rows[:2], rows[2:]
    p, m = len(D), D.shape[2]
    B = np.empty((2, p, m))
    for a in range(2):
        np.multiply(D[:, 0], H[a, 0], out=B[a])
        B[a] += D[:, 1] * H[a, 1]
    B = np.matmul(root, B)
    squares = np.empty((3, m))
    for number, (a, b) in enumerate(((0, 0), (0, 1), (1, 1))):
        np.einsum("pj,pj->j", B[a], B[b], out=squares[number])
    flat = B.reshape(2 * p, m)
    P = (flat @ flat.T).reshape(2, p, 2, p).transpose(0, 2, 1, 3)
    left, right = P.reshape(4, p * p), P.transpose(0, 1, 3, 2).reshape(4, p * p)
    weighted = (squares @ M.T)[FIRST, SECOND]
    return squares.sum(axis=1)[SIDES[0]], 2.0 * weighted - left @ right.T

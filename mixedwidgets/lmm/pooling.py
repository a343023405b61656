"""How much each level of a grouping factor is pooled with the others."""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array, semidefinite_root
from mixedwidgets.lmm.ranef import level_equations


def weights(design: Design, estimate: Estimate, factor: int) -> Array:
    """Weight matrix of every level: what partial pooling keeps of its own estimate.

    With Sigma the covariance of the level's effects, A_j = Z_j' Z_j (with prior weights
    Z_j' diag(w) Z_j) and sigma^2 the residual variance,

        W_j = Sigma (sigma^2 I + A_j Sigma)^-1 A_j,

    so that the conditional modes are ``W_j`` times the level's own least-squares effects, fixed
    effects and effects of other grouping factors as in the fit (for one grouping factor Laird and
    Ware 1982, Biometrics 38, 963-974). For a random intercept it is
    ``n_j tau^2 / (n_j tau^2 + sigma^2)``, the reliability of the mean of n_j observations.

    Parameters
    ----------
    design, estimate
        The fit.
    factor : int
        Which grouping factor.

    Returns
    -------
    (m, K_f, K_f) array
        In the user's units: ``W[j, a, b]`` is what a unit of the level's own effect b adds to its
        effect a.
    """
    columns = estimate.moments.columns_of(factor)
    chosen = np.ix_(columns, columns)
    R, _ = level_equations(design, estimate, factor)
    T = semidefinite_root(estimate.solved.S[chosen])
    A = np.einsum("iaj,ibj->jab", R, R)
    TA = np.matmul(T.T, A)
    white = T @ np.linalg.solve(np.eye(len(T)) + TA @ T, TA)
    whitening = estimate.moments.whitening[chosen]
    return np.asarray(np.linalg.solve(whitening, white) @ whitening)

"""solve(S, moments, reml) -> Solved: the likelihood and its derivatives; see ``solved``."""

from __future__ import annotations

from mixedwidgets.lmm.crossed_derivatives import differentiate_crossed
from mixedwidgets.lmm.crossed_deviance import SolvedCrossed, solve_crossed
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.grouped_deviance import SolvedGroups, differentiate_groups, solve_groups
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.solved import Derivatives

AnySolved = SolvedGroups | SolvedCrossed


def solve(S: Array, moments: AnyMoments, reml: bool) -> AnySolved:
    """Evaluate the likelihood at one relative covariance.

    Parameters
    ----------
    S : (K, K) array
        Positive semidefinite relative covariance in whitened coordinates.
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    Solved

    Raises
    ------
    numpy.linalg.LinAlgError
        S is so large that no digits are left.
    """
    if isinstance(moments, GroupedMoments):
        return solve_groups(S, moments, reml)
    return solve_crossed(S, moments, reml)


def differentiate(solved: AnySolved, reml: bool, exact: bool = True) -> Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in S.

    Parameters
    ----------
    solved : Solved
        From ``solve`` with the same ``reml``.
    reml : bool
        Restricted likelihood.
    exact : bool
        With False, the second derivatives of ``logdet`` may be replaced by the average
        information where the exact ones cost much more than the first derivatives.

    Returns
    -------
    Derivatives
    """
    if isinstance(solved, SolvedGroups):
        return differentiate_groups(solved, reml)
    return differentiate_crossed(solved, reml, exact)

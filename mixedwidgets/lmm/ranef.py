"""Conditional modes of the random effects, their variances, fitted values, shrinkage pairs."""

from __future__ import annotations

from collections import UserDict

import numpy as np
import pandas as pd

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.tables import ShrinkageTable


class RandomEffects(UserDict[str, pd.DataFrame]):
    """Conditional modes by grouping factor.

    ``ranef["school"]`` is a DataFrame (levels x coefficients).

    Attributes
    ----------
    cond_var : dict of (m, k, k) arrays
        Conditional covariance of each level's modes, in the order of the rows; empty when it was
        not asked for.
    """

    def __init__(self, modes: dict[str, pd.DataFrame], cond_var: dict[str, Array]):
        super().__init__(modes)
        self.cond_var = cond_var

    @property
    def cond_sd(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations, shaped as the modes."""
        return {
            group: pd.DataFrame(
                np.sqrt(np.einsum("jaa->ja", variance)),
                index=self[group].index,
                columns=self[group].columns,
            )
            for group, variance in self.cond_var.items()
        }

    def to_frame(self) -> pd.DataFrame:
        """One row per level and coefficient: grpvar, term, grp, condval, condsd."""
        parts = []
        for group, modes in self.items():
            sd = self.cond_sd.get(group)
            for term in modes.columns:
                parts.append(
                    pd.DataFrame(
                        {
                            "grpvar": group,
                            "term": term,
                            "grp": modes.index,
                            "condval": modes[term].to_numpy(),
                            "condsd": np.nan if sd is None else sd[term].to_numpy(),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{pd.DataFrame({'grouping factor': [group]}).to_html(header=False, index=False)}"
            f"</p>{modes.to_html(max_rows=20)}"
            for group, modes in self.items()
        )


def conditional_modes(estimate: Estimate) -> Array:
    """Modes b_j = Lambda Lambda' Z_j' V_j^-1 r_j of every group, (m, K), in the user's units.

    Henderson's best linear unbiased predictions (Bates et al. 2015, section 3.6).
    """
    half = _half(estimate)
    inner = estimate.optimum.T.T @ estimate.solved.u
    return np.asarray((half @ inner).T)


def conditional_variances(estimate: Estimate) -> Array:
    """Covariance of b_j given y and the parameters, (m, K, K), in squared units of the modes.

    ``sigma^2 Lambda (Lambda' Z_j' Z_j Lambda + I)^-1 Lambda'`` (Bates et al. 2015, section 5.1).
    """
    T = estimate.optimum.T
    RT = np.einsum("iaj,ab->jib", estimate.moments.R, T)
    inner = np.linalg.inv(np.einsum("jia,jib->jab", RT, RT) + np.eye(T.shape[0]))
    half = _half(estimate)
    return np.asarray(estimate.sigma**2 * np.einsum("ac,jcd,bd->jab", half, inner, half))


def _half(estimate: Estimate) -> Array:
    """W^-1 T: a factor of the relative covariance in the user's units."""
    return np.asarray(np.linalg.solve(estimate.moments.whitening, estimate.optimum.T))


def random_effects(design: Design, estimate: Estimate, cond_var: bool) -> RandomEffects:
    """Label the modes, and their variances if asked for."""
    grouping = design.groupings[0]
    names = _effect_names(design)
    modes = pd.DataFrame(conditional_modes(estimate), index=_level_index(design), columns=names)
    variances = {grouping.name: conditional_variances(estimate)} if cond_var else {}
    return RandomEffects({grouping.name: modes}, variances)


def _effect_names(design: Design) -> list[str]:
    """Names of the random effects of all terms, in the order of the modes' columns."""
    return [name for block in design.blocks for name in block.names]


def _level_index(design: Design) -> pd.Index:
    grouping = design.groupings[0]
    return pd.Index(grouping.levels, name=grouping.name)


def coefficients(design: Design, estimate: Estimate) -> pd.DataFrame:
    """Fixed effect plus conditional mode of every group, (m, number of coefficients).

    A random effect without a fixed effect of the same name gets its own column, as in lme4.
    """
    names = _effect_names(design)
    modes = conditional_modes(estimate)
    columns = {
        name: np.full(len(modes), b) for name, b in zip(design.x_names, estimate.beta, strict=True)
    }
    for name, mode in zip(names, modes.T, strict=True):
        columns[name] = columns.get(name, 0.0) + mode
    return pd.DataFrame(columns, index=_level_index(design))


def linear_predictor(design: Design, estimate: Estimate) -> Array:
    """Fitted values given the random effects, (n,), offset included."""
    fitted = design.X @ estimate.beta
    codes = design.groupings[0].codes
    modes = conditional_modes(estimate)
    for block, columns in zip(design.blocks, estimate.moments.layout.slices, strict=True):
        fitted = fitted + np.einsum("ij,ij->i", block.columns, modes[codes, columns])
    return fitted if design.offset is None else fitted + design.offset


def shrinkage(design: Design, estimate: Estimate) -> ShrinkageTable:
    """Coefficients of every group with no, partial and complete pooling.

    The no-pooling value is the group's own least-squares estimate of the random coefficients, the
    rest of the linear predictor taken from the model; NaN where the group's data do not determine
    it.
    """
    moments = estimate.moments
    names = _effect_names(design)
    common = dict(zip(design.x_names, estimate.beta, strict=True))
    complete = np.array([common.get(name, 0.0) for name in names])
    own = _own_deviations(estimate)
    grouping = design.groupings[0]
    covariance = estimate.factor @ estimate.factor.T
    return ShrinkageTable(
        group=grouping.name,
        levels=tuple(str(level) for level in grouping.levels),
        size=np.bincount(grouping.codes, minlength=moments.ngroups),
        names=tuple(plain(name) for name in names),
        no_pooling=complete + own,
        partial_pooling=complete + conditional_modes(estimate),
        complete_pooling=complete,
        covariance=covariance,
        criterion="REML" if estimate.reml else "ML",
    )


def _own_deviations(estimate: Estimate) -> Array:
    """Least-squares random effects of each group on its own residuals, (m, K), user's units."""
    moments = estimate.moments
    R = moments.R.transpose(2, 0, 1)
    target = (
        moments.C[:, -1] - np.tensordot(estimate.solved.delta, moments.C[:, :-1], axes=(0, 1))
    ).T
    diagonal = np.einsum("jaa->ja", R)
    # A whitened column has mean square 1, so one that is tiny in a group is zero there but for
    # rounding, whatever the part of it that is left.
    scale = np.maximum(np.sqrt((R**2).sum(axis=1)), 1.0)
    determined = (np.abs(diagonal) > 1e-7 * scale).all(axis=1)
    out = np.full(target.shape, np.nan)
    if determined.any():
        solution = np.linalg.solve(R[determined], target[determined][:, :, None])[:, :, 0]
        out[determined] = np.linalg.solve(moments.whitening, solution.T).T
    return out

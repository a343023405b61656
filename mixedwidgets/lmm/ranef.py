"""Conditional modes of the random effects, their variances, fitted values, shrinkage pairs."""

from __future__ import annotations

from collections import UserDict
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.lmm.crossproducts import white_forms
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments, orthogonalise_rows
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.tables import ShrinkageTable

SHOWN = 20  # rows of a table that are printed


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

    def __repr__(self) -> str:
        return "\n\n".join(
            f"{_caption(group, modes)}\n{modes.to_string(max_rows=SHOWN)}"
            for group, modes in self.items()
        )

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{escape(_caption(group, modes))}</p>{modes.to_html(max_rows=SHOWN)}"
            for group, modes in self.items()
        )


def _caption(group: str, modes: pd.DataFrame) -> str:
    return f"Random effects of {group}, {len(modes)} levels"


def block_modes(estimate: Estimate) -> tuple[Array, ...]:
    """Conditional modes b = Lambda Lambda' Z' V^-1 r of each random-effects term, (m, k).

    In the user's units. Henderson's best linear unbiased predictions (Bates et al. 2015,
    section 3.6).
    """
    whitening = estimate.moments.whitening
    return tuple(
        np.asarray(np.linalg.solve(whitening[c, c], modes).T)
        for c, modes in zip(estimate.moments.layout.slices, estimate.solved.modes, strict=True)
    )


def conditional_modes(estimate: Estimate, factor: int = 0) -> Array:
    """Conditional modes of every level of one grouping factor, (m, K_f), in the user's units."""
    modes = zip(estimate.moments.factors, block_modes(estimate), strict=True)
    return np.hstack([b for f, b in modes if f == factor])


def conditional_variances(estimate: Estimate, factor: int = 0) -> Array:
    """Covariance of the modes given y and the parameters, (m, K_f, K_f), in their squared units.

    The blocks of ``sigma^2 Lambda (Lambda' Z' Z Lambda + I)^-1 Lambda'`` (Bates et al. 2015,
    section 5.1).
    """
    columns = estimate.moments.columns_of(factor)
    back = np.linalg.inv(estimate.moments.whitening[np.ix_(columns, columns)])
    white = estimate.solved.covariances(factor)
    return np.asarray(estimate.sigma**2 * np.einsum("ac,jcd,bd->jab", back, white, back))


def random_effects(design: Design, estimate: Estimate, cond_var: bool) -> RandomEffects:
    """Label the modes, and their variances if asked for."""
    modes, variances = {}, {}
    for factor, grouping in enumerate(design.groupings):
        modes[grouping.name] = pd.DataFrame(
            conditional_modes(estimate, factor),
            index=_level_index(design, factor),
            columns=_effect_names(design, factor),
        )
        if cond_var:
            variances[grouping.name] = conditional_variances(estimate, factor)
    return RandomEffects(modes, variances)


def _effect_names(design: Design, factor: int) -> list[str]:
    """Names of the random effects of all terms of a factor, in the order of the modes' columns."""
    return [name for block in design.blocks if block.grouping == factor for name in block.names]


def _level_index(design: Design, factor: int) -> pd.Index:
    grouping = design.groupings[factor]
    return pd.Index(grouping.levels, name=grouping.name)


def coefficients(design: Design, estimate: Estimate) -> dict[str, pd.DataFrame]:
    """Fixed effect plus conditional mode of every level of each grouping factor.

    A random effect without a fixed effect of the same name counts as one with the fixed effect
    zero, and gets a column before the others in every table, as in lme4.
    """
    names = [name for f in range(len(design.groupings)) for name in _effect_names(design, f)]
    fixed = dict.fromkeys((n for n in names if n not in design.x_names), 0.0)
    fixed |= dict(zip(design.x_names, estimate.beta.tolist(), strict=True))
    out = {}
    for factor, grouping in enumerate(design.groupings):
        modes = conditional_modes(estimate, factor)
        own = dict(zip(_effect_names(design, factor), modes.T, strict=True))
        columns = {
            name: b + own[name] if name in own else np.full(len(modes), b)
            for name, b in fixed.items()
        }
        out[grouping.name] = pd.DataFrame(columns, index=_level_index(design, factor))
    return out


def linear_predictor(design: Design, estimate: Estimate) -> Array:
    """Fitted values given the random effects, (n,), offset included."""
    constant, rest = fixed_part(design.X, estimate)
    fitted = constant + (rest + random_part(design, estimate))
    return fitted if design.offset is None else fitted + design.offset


def deviations(design: Design, estimate: Estimate, leave_out: int | None = None) -> Array:
    """Response minus fitted values, (n,), possibly without the random effects of one factor."""
    constant, rest = fixed_part(design.X, estimate)
    response = design.y if design.offset is None else design.y - design.offset
    return (response - constant) - (rest + random_part(design, estimate, leave_out))


def fixed_part(X: Array, estimate: Estimate) -> tuple[Array, Array]:
    """X beta of any rows in two parts, (n,) each: the mean of the response, and the rest.

    In basis coordinates, where neither a large mean of a column costs digits nor, in the rest, a
    large mean of the response.
    """
    moments = estimate.moments
    along = moments.ols + estimate.solved.delta
    return X @ moments.origin, along @ moments.basis.forms(X)


def random_part(design: Design, estimate: Estimate, leave_out: int | None = None) -> Array:
    """Sum of the random effects of each row, (n,), possibly without those of one factor."""
    out = np.zeros(len(design.y))
    for number, (block, modes) in enumerate(zip(design.blocks, estimate.solved.modes, strict=True)):
        if block.grouping != leave_out:
            codes = design.groupings[block.grouping].codes
            rows = white_forms(design, number, block.columns)
            out += np.einsum("ai,ai->i", rows, modes[:, codes])
    return out


def shrinkage(design: Design, estimate: Estimate, group: str | None = None) -> ShrinkageTable:
    """Coefficients of every level with no, partial and complete pooling.

    The no-pooling value is the level's own least-squares estimate of the random coefficients, the
    rest of the linear predictor taken from the model; NaN where the level's data do not determine
    it.

    Parameters
    ----------
    design, estimate
        The fit.
    group : str, optional
        Name of the grouping factor; by default the first.

    Returns
    -------
    ShrinkageTable
    """
    factor = 0 if group is None else [g.name for g in design.groupings].index(group)
    names = _effect_names(design, factor)
    columns = estimate.moments.columns_of(factor)
    common = dict(zip(design.x_names, estimate.beta, strict=True))
    complete = np.array([common.get(name, 0.0) for name in names])
    own = _own_deviations(design, estimate, factor)
    grouping = design.groupings[factor]
    covariance = estimate.factor @ estimate.factor.T
    return ShrinkageTable(
        group=grouping.name,
        levels=tuple(str(level) for level in grouping.levels),
        size=np.bincount(grouping.codes, minlength=len(grouping.levels)),
        names=tuple(plain(name) for name in names),
        no_pooling=complete + own,
        partial_pooling=complete + conditional_modes(estimate, factor),
        complete_pooling=complete,
        covariance=covariance[np.ix_(columns, columns)],
        criterion="REML" if estimate.reml else "ML",
    )


def _own_deviations(design: Design, estimate: Estimate, factor: int) -> Array:
    """Least-squares random effects of each level on its own residuals, (m, K_f), user's units."""
    columns = estimate.moments.columns_of(factor)
    R, target = level_equations(design, estimate, factor)
    return _solved_within(R, target, estimate.moments.whitening[np.ix_(columns, columns)])


def level_equations(design: Design, estimate: Estimate, factor: int) -> tuple[Array, Array]:
    """R_j (K_f, K_f, m) and t_j (K_f, m): least squares of a level by itself is R_j b = t_j.

    In whitened coordinates, ``Z_j' Z_j = R_j' R_j``; the response is what the rest of the linear
    predictor leaves.
    """
    moments = estimate.moments
    columns = moments.columns_of(factor)
    if isinstance(moments, GroupedMoments):
        delta = estimate.solved.delta
        return moments.R, moments.C[:, -1] - np.tensordot(delta, moments.C[:, :-1], axes=(0, 1))
    residual = deviations(design, estimate, leave_out=factor)
    blocks = [
        white_forms(design, number, block.columns)
        for number, block in enumerate(design.blocks)
        if block.grouping == factor
    ]
    rows = np.vstack([*blocks, residual])
    if design.weights is not None:
        rows = rows * np.sqrt(design.weights)
    grouping = design.groupings[factor]
    parts = orthogonalise_rows(rows, grouping.codes, len(grouping.levels), len(columns))
    return parts.R, parts.C[:, 0]


def _solved_within(R: Array, target: Array, whitening: Array) -> Array:
    """Solve R_j b_j = target_j where the level determines it, (m, K), in the user's units."""
    out = np.full(target.T.shape, np.nan)
    determined = _determined(R)
    if determined.any():
        systems = R.transpose(2, 0, 1)[determined]
        solution = np.linalg.solve(systems, target.T[determined][:, :, None])[:, :, 0]
        out[determined] = np.linalg.solve(whitening, solution.T).T
    return out


def _determined(R: Array) -> NDArray[np.bool_]:
    """Whether a level's columns are independent, (m,).

    A whitened column has mean square 1, so one that is tiny in a level is zero there but for
    rounding, whatever the part of it that is left.
    """
    diagonal = np.einsum("aaj->aj", R)
    scale = np.maximum(np.sqrt((R**2).sum(axis=0)), 1.0)
    return np.asarray((np.abs(diagonal) > 1e-7 * scale).all(axis=0))

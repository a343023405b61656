"""A fit -> the tables of its diagnostics, each computed when it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.diagnostic_tables import (
    InfluenceTable,
    Ints,
    LevelResiduals,
    QuantileTable,
    ResidualTable,
)
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.level_deletion import moved_without
from mixedwidgets.lmm.leverage import cooks_distances, row_terms
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import conditional_modes, conditional_variances, linear_predictor
from mixedwidgets.lmm.residuals import residuals

COVERAGE = 0.95
BAND_POINTS, BAND_ENDS = 161, 25  # of a band; so many order statistics at each end all count
ROUNDING = 1e-9  # part of a variance that is nothing but rounding


def residual_table(
    design: Design, estimate: Estimate, group: str | int | None = None
) -> ResidualTable:
    """Fitted values and scaled residuals of the rows used, in time linear in the rows.

    Parameters
    ----------
    design, estimate
        The fit.
    group : str or int, optional
        The grouping factor whose level each row is marked with, its name or its number in
        ``design.groupings``; by default the first.

    Returns
    -------
    ResidualTable

    Raises
    ------
    ModelError
        No such grouping factor.
    """
    factor = factor_of(design, group)
    n = len(design.y)
    return ResidualTable(
        group=design.groupings[factor].name,
        levels=_levels(design, factor),
        codes=design.groupings[factor].codes,
        response=plain(str(design.spec.response)),
        fitted=linear_predictor(design, estimate),
        residual=residuals(design, estimate, "scaled"),
        weights=np.ones(n) if design.weights is None else design.weights,
        sigma=estimate.sigma,
        criterion=_criterion(estimate),
    )


def residual_quantiles(
    design: Design, estimate: Estimate, group: str | int | None = None
) -> QuantileTable:
    """Residuals divided by ``sigma * sqrt(w^-1 (1 - leverage))``, in order.

    That is the standard deviation they have under the model, because their covariance is
    ``sigma^2 (I - H)`` with H the matrix that turns the response into fitted values.

    Parameters
    ----------
    design, estimate, group
        As in :func:`residual_table`.

    Returns
    -------
    QuantileTable

    Raises
    ------
    ModelError
        No such grouping factor.
    """
    factor = factor_of(design, group)
    values = residuals(design, estimate, "studentized")
    codes = design.groupings[factor].codes
    return _quantiles(design, estimate, factor, values, codes, "residuals", "residuals", "")


def effect_quantiles(
    design: Design, estimate: Estimate, group: str | int | None = None, effect: int | str = 0
) -> QuantileTable:
    """Conditional modes of one random effect divided by their standard deviation, in order.

    Under the model the modes of a level have the covariance ``Sigma - Var(b | y)``, the
    coefficients and variances taken as known.

    Parameters
    ----------
    design, estimate, group
        As in :func:`residual_table`.
    effect : int or str
        Which random effect of the factor: its number, or its name such as ``"(Intercept)"``.

    Returns
    -------
    QuantileTable
        Without values, and with a note, where the variance is estimated as zero.

    Raises
    ------
    ModelError
        No such grouping factor or random effect.
    """
    factor = factor_of(design, group)
    names = effect_names(design, factor)
    column = _effect_number(names, effect, design.groupings[factor].name)
    chosen = estimate.moments.columns_of(factor)[column]
    variance = float(estimate.factor[chosen] @ estimate.factor[chosen])
    left = variance - conditional_variances(estimate, factor)[:, column, column]
    modes = conditional_modes(estimate, factor)[:, column]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = modes / np.sqrt(np.where(left > ROUNDING * variance, left, np.nan))
    name, grouping = plain(names[column]), design.groupings[factor]
    note = ""
    if not np.isfinite(values).any():
        note = (
            f"the SD of {name} by {grouping.name} is estimated as zero: every level has the effect "
            "0, and there is no distribution to look at"
        )
        values = np.full(len(modes), np.nan)
    codes = np.arange(len(modes))
    what = f"effects of {grouping.name} on {'the ' * (name == 'intercept')}{name}"
    return _quantiles(design, estimate, factor, values, codes, "effects", what, note)


def level_residuals(
    design: Design, estimate: Estimate, group: str | int | None = None
) -> LevelResiduals:
    """Scaled residuals by level: size, mean, standard deviation, quartiles.

    The mean residual of a level is what shrinkage has taken from its effect, so it is seldom zero.

    Parameters
    ----------
    design, estimate, group
        As in :func:`residual_table`.

    Returns
    -------
    LevelResiduals

    Raises
    ------
    ModelError
        No such grouping factor.
    """
    factor = factor_of(design, group)
    codes = design.groupings[factor].codes
    values = residuals(design, estimate, "scaled")
    size = np.bincount(codes, minlength=len(design.groupings[factor].levels))
    mean = np.bincount(codes, values, minlength=len(size)) / size
    squares = np.bincount(codes, (values - mean[codes]) ** 2, minlength=len(size))
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(squares / (size - 1))
    return LevelResiduals(
        group=design.groupings[factor].name,
        levels=_levels(design, factor),
        codes=codes,
        residual=values,
        size=size,
        mean=mean,
        sd=sd,
        quartiles=_quartiles(values, codes, size),
        criterion=_criterion(estimate),
    )


def influence_table(
    design: Design, estimate: Estimate, group: str | int | None = None, by: str = "level"
) -> InfluenceTable:
    """Leverages and Cook's distances of all rows or of all levels.

    Parameters
    ----------
    design, estimate, group
        As in :func:`residual_table`.
    by : {"level", "row"}
        What is left out at a time. Theta is held either way.

    Returns
    -------
    InfluenceTable

    Raises
    ------
    ModelError
        No such grouping factor, a model without fixed effects, something else than a row or a
        level, or too many levels of a factor that others cross.
    """
    if by not in ("row", "level"):
        raise ModelError(f"by is {by!r}; choose 'row' or 'level'")
    factor = factor_of(design, group)
    grouping = design.groupings[factor]
    terms = row_terms(design, estimate)
    leverage = terms.leverages
    levels = _levels(design, factor)
    pearson = residuals(design, estimate, "pearson")
    distance = cooks_distances(estimate, pearson, leverage)
    codes, labels, size = grouping.codes, levels, np.ones(len(design.y), dtype=np.int64)
    if by == "row":
        labels = tuple(map(str, design.index.tolist()))
    else:
        moved = moved_without(design, estimate, factor, terms)
        distance = (moved**2).sum(axis=1) / moved.shape[1]
        leverage = np.asarray(np.bincount(codes, leverage, minlength=len(levels)), dtype=float)
        size = np.bincount(codes, minlength=len(levels))
        codes = np.arange(len(levels))
    return InfluenceTable(
        by=by,
        group=grouping.name,
        levels=levels,
        codes=codes,
        labels=labels,
        distance=distance,
        leverage=leverage,
        size=size,
        coefficients=len(estimate.beta),
        criterion=_criterion(estimate),
    )


def factor_of(design: Design, group: str | int | None) -> int:
    """Return the number of a grouping factor given by name or number; the first for None.

    Raises
    ------
    ModelError
        There is none of that name.
    """
    names = [g.name for g in design.groupings]
    if group is None:
        return 0
    if isinstance(group, int) and 0 <= group < len(names):
        return group
    if group not in names:
        raise ModelError(
            f"There is no grouping factor {group!r}{nearest(str(group), names)}; the model has "
            f"{', '.join(names)}."
        )
    return names.index(str(group))


def effect_names(design: Design, factor: int) -> tuple[str, ...]:
    """Names of the random effects of a grouping factor, all of its terms together."""
    return tuple(n for block in design.blocks if block.grouping == factor for n in block.names)


def _effect_number(names: tuple[str, ...], effect: int | str, group: str) -> int:
    if isinstance(effect, str):
        if effect in names:
            return names.index(effect)
    elif 0 <= effect < len(names):
        return int(effect)
    raise ModelError(
        f"{group} has no random effect {effect!r}{nearest(str(effect), names)}; it has "
        f"{', '.join(names)}."
    )


def _levels(design: Design, factor: int) -> tuple[str, ...]:
    return tuple(map(str, design.groupings[factor].levels.tolist()))


def _criterion(estimate: Estimate) -> str:
    return "REML" if estimate.reml else "ML"


def _quartiles(values: Array, codes: Ints, size: NDArray[np.int64]) -> Array:
    """Least value, quartiles and largest value of each level, (m, 5); R's quantiles of type 7."""
    ordered = values[np.lexsort((values, codes))]
    starts = np.cumsum(size) - size
    at = starts[:, None] + (size - 1)[:, None] * np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, len(values) - 1)
    return np.asarray(ordered[below] + (at - below) * (ordered[above] - ordered[below]))


def _quantiles(
    design: Design,
    estimate: Estimate,
    factor: int,
    values: Array,
    codes: Ints,
    kind: str,
    what: str,
    note: str,
) -> QuantileTable:
    order = np.argsort(values, kind="stable")
    order = order[: int(np.isfinite(values).sum())]  # what is not a number comes last
    count = len(order)
    shown = values[order]
    quantile, places = plotting_quantiles(count), _places(count)
    limits = order_limits(places, count)
    at = quantile[places - 1]
    low, high = shown, shown
    if count:  # how far they are from the quantile is smooth, so that lines between are exact
        low, high = (quantile + np.interp(quantile, at, limit - at) for limit in limits)
    return QuantileTable(
        kind=kind,
        what=what,
        group=design.groupings[factor].name,
        levels=_levels(design, factor),
        codes=codes[order],
        value=shown,
        quantile=quantile,
        band=np.column_stack((at, *limits)),
        outside=int(((shown < low) | (shown > high)).sum()),
        left_out=len(values) - count,
        note=note,
        criterion=_criterion(estimate),
    )


def plotting_quantiles(count: int) -> Array:
    """Normal quantiles that sorted values stand against, as R's ``qqnorm`` has them, (count,)."""
    a = 0.375 if count <= 10 else 0.5
    return np.asarray(ndtri((np.arange(1, count + 1) - a) / (count + 1 - 2 * a)))


def order_limits(rank: Ints, count: int) -> tuple[Array, Array]:
    """Limits of single order statistics of a standard normal sample.

    The i-th smallest of n uniform numbers is Beta(i, n + 1 - i), whose quantiles become normal
    ones (David and Nagaraja 2003, Order Statistics, section 2.1).

    Parameters
    ----------
    rank : (b,) array of int
        Which ones, 1 the smallest.
    count : int
        Size of the sample.

    Returns
    -------
    lower, upper : (b,) arrays
        Between which each lies with a probability of 95 %.
    """
    tail = 0.5 * (1.0 - COVERAGE)
    low = betaincinv(rank, count + 1 - rank, tail)
    high = betaincinv(count + 1 - rank, rank, tail)  # from above, where it is exact near 1
    return np.asarray(ndtri(low)), np.asarray(-ndtri(high))


def _places(count: int) -> Ints:
    """Ranks at which a band is computed: all near the ends, evenly on the normal scale between."""
    if count <= BAND_POINTS:
        return np.arange(1, count + 1)
    end = -ndtri(BAND_ENDS / count)
    middle = (count * ndtr(np.linspace(-end, end, BAND_POINTS - 2 * BAND_ENDS))).round()
    ends = np.arange(1, BAND_ENDS + 1)
    return np.unique(np.concatenate([ends, middle.astype(np.intp), count + 1 - ends]))

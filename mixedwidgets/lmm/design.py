"""ModelSpec + data -> Design: the numbers a model is fitted to, and the names they carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, nearest
from mixedwidgets.lmm import cautions, checks
from mixedwidgets.lmm.columns import Factor, Table
from mixedwidgets.lmm.control import DEFAULT, Control, judged
from mixedwidgets.lmm.frame import ModelFrame, Padding, Plan, model_frame, plan_for
from mixedwidgets.lmm.groups import combined, lme4_order
from mixedwidgets.lmm.linalg import Array, Basis, orthonormal_basis
from mixedwidgets.lmm.modelmatrix import Columns, filled, model_columns, model_matrix
from mixedwidgets.lmm.random_terms import group_name
from mixedwidgets.lmm.recipe import Recipe
from mixedwidgets.lmm.spec import ModelSpec

NA_ACTIONS = ("omit", "exclude", "fail")


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
    weights_name, offset_name, subset_name : str or None
        The columns that these were given by.
    data_name : str or None
        ``data.attrs["name"]``, printed by summaries.
    recipe : Recipe
        What it takes to build the same columns from new data.
    padding : Padding or None
        The rows to answer for where ``na_action="exclude"`` left some out.
    remarks : tuple of str
        What there is to warn of, a sentence each.
    rows : (N,) array of bool or None
        Which rows of the data were used; None for all.
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
    weights_name: str | None = None
    offset_name: str | None = None
    subset_name: str | None = None
    recipe: Recipe = field(default_factory=Recipe, repr=False, compare=False)
    padding: Padding | None = None
    remarks: tuple[str, ...] = ()
    rows: NDArray[np.bool_] | None = None


def build(
    spec: ModelSpec,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    subset: Any = None,
    na_action: str = "omit",
    contrasts: Mapping[str, Any] | None = None,
    control: Control = DEFAULT,
    like: Design | None = None,
) -> Design:
    """Evaluate a model on data, by R's rules.

    As in R, functions such as ``scale`` and ``poly`` see every row of the data, also those that
    ``subset`` or a missing value elsewhere leaves out, and ``contrasts`` apply to the fixed
    effects only. Text becomes a factor with its levels in alphabetical order; True and False
    become the levels FALSE and TRUE; whole or real numbers that group rows become levels in
    increasing order. Levels that no used row has are dropped.

    Parameters
    ----------
    spec : ModelSpec
    data : DataFrame, mapping of str to array or Table
        One row an observation. A Table keeps the columns it has read for another design.
    weights : str, Series or array, optional
        Prior weights w > 0: Var(e_i) = sigma^2 / w_i.
    offset : str, Series or array, optional
        Known part of the linear predictor, added to the ``offset()`` terms of the formula.
    subset : str, Series or array of bool, optional
        Rows to use.
    na_action : {"omit", "exclude", "fail"}
        What to do with rows that have a missing value in a variable of the model: leave them out,
        leave them out but remember them, or raise.
    contrasts : mapping, optional
        Coding of factors by name: ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"``,
        ``"sas"`` (or ``"contr.sum"`` ...), or a matrix with one row a level.
    control : Control
        Which doubtful models to refuse, to remark on or to accept.
    like : Design, optional
        A design made with the same arguments but for the formula; its fixed-effects columns are
        taken over where fixed effects and rows are the same.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        Where a column cannot play its part.
    ModelError
        Where the model cannot be identified from these data.
    """
    na_action = str(na_action).removeprefix("na.")
    if na_action not in NA_ACTIONS:
        raise DataError(
            f"na_action is {na_action!r}{nearest(na_action, NA_ACTIONS)}; "
            "choose 'omit', 'exclude' or 'fail'"
        )
    table = data if isinstance(data, Table) else Table(data)
    plan = plan_for(spec, table, (weights, offset, subset))
    frame = model_frame(
        plan, table, weights=weights, offset=offset, subset=subset, na_action=na_action
    )
    checks.refuse_constant_response(frame.y, plan.spec.response)
    checks.refuse_unknown_contrasts(contrasts or {}, frame.fixed_variables(plan))
    n = len(frame.y)
    if like is not None and _same_fixed_part(like, plan, frame):
        X, names, basis = like.X, like.x_names, like.basis
    else:
        X, names = model_matrix(plan.fixed, frame.variables, n, contrasts)
        basis = orthonormal_basis(X, None if frame.weights is None else np.sqrt(frame.weights))
    checks.refuse_saturated(len(basis.kept), n, frame.fixed_variables(plan))
    kept = set(basis.kept.tolist())
    fixed = X if len(kept) == len(names) else np.asfortranarray(X[:, basis.kept])
    x_names = tuple(name for j, name in enumerate(names) if j in kept)
    blocks, groupings, remarks = _random_part(plan, frame, control, fixed, x_names)
    dropped = tuple(name for j, name in enumerate(names) if j not in kept)
    remarks += judged(
        control.check_rank_x, cautions.refuse_redundant, dropped, also=", and left out"
    )
    remarks += judged(control.check_scale_x, cautions.refuse_scales, X, names)
    return Design(
        spec=plan.spec,
        y=frame.y,
        offset=frame.offset,
        weights=frame.weights,
        X=fixed,
        x_names=x_names,
        dropped=dropped,
        basis=basis,
        blocks=blocks,
        groupings=groupings,
        index=frame.index,
        n_missing=frame.n_missing,
        data_name=table.name,
        weights_name=_column_name(weights),
        offset_name=_column_name(offset),
        subset_name=_column_name(subset),
        recipe=Recipe.of(plan, frame, contrasts, tuple(basis.kept.tolist())),
        padding=frame.padding,
        remarks=tuple(remarks),
        rows=frame.rows,
    )


def _same_fixed_part(like: Design, plan: Plan, frame: ModelFrame) -> bool:
    """Whether a design from the same data has the fixed-effects columns of a plan, all of them."""
    if like.rows is None or frame.rows is None:
        same_rows = like.rows is frame.rows
    else:
        same_rows = np.array_equal(like.rows, frame.rows)
    return like.recipe.fixed == plan.fixed and not like.dropped and same_rows


def _column_name(given: Any) -> str | None:
    return given if isinstance(given, str) else None


def _random_part(
    plan: Plan, frame: ModelFrame, control: Control, X: Array, x_names: tuple[str, ...]
) -> tuple[tuple[RandomBlock, ...], tuple[Grouping, ...], list[str]]:
    """Build the blocks in lme4's order, the grouping factors in the order of use, and remarks."""
    n = len(frame.y)
    remarks: list[str] = []
    factors: dict[str, Factor] = {}
    built: list[tuple[str, tuple[str, ...], Array]] = []
    for term, columns in plan.random:
        group = group_name(term.group)
        if group not in factors:
            factors[group] = combined(term.group, frame.groups)
            remarks += _remarks_on_levels(group, factors[group].levels, n, control)
        found = model_columns(columns, frame.variables, n)
        names = tuple(name for name, _ in found)
        matrix = _part_of(X, x_names, found)
        matrix = filled(found, n) if matrix is None else matrix
        remarks += judged(
            control.check_nobs_vs_nre,
            checks.refuse_unidentifiable_term,
            *(term, names, len(factors[group].levels), n),
        )
        checks.refuse_constant_slope(term, names, matrix)
        built.append((group, names, matrix))
    checks.refuse_repeated_effects([(group, names) for group, names, _ in built])
    order = lme4_order([len(factors[group].levels) for group, _, _ in built])
    ordered = [built[i] for i in order]
    used = list(dict.fromkeys(group for group, _, _ in ordered))
    return (
        tuple(RandomBlock(used.index(group), names, matrix) for group, names, matrix in ordered),
        tuple(Grouping(group, factors[group].codes, factors[group].levels) for group in used),
        remarks,
    )


def _part_of(X: Array, x_names: tuple[str, ...], columns: Columns) -> Array | None:
    """Columns as a view of X, where that has them at even distances; else None."""
    if not columns or not all(name in x_names for name, _ in columns):
        return None
    at = [x_names.index(name) for name, _ in columns]
    step = at[1] - at[0] if len(at) > 1 else 1
    if step < 1 or any(b - a != step for a, b in pairwise(at)):
        return None
    same = all((X[:, j] == values).all() for j, (_, values) in zip(at, columns, strict=True))
    return X[:, at[0] : at[-1] + 1 : step] if same else None


def _remarks_on_levels(group: str, levels: pd.Index, n: int, control: Control) -> Iterator[str]:
    level = control.check_nlev_gtr_1 if len(levels) < 2 else control.check_nobs_vs_nlev
    yield from judged(level, checks.refuse_unidentifiable_groups, group, levels, n)
    yield from judged(control.check_nlev_gtreq_5, cautions.refuse_few_levels, group, len(levels))

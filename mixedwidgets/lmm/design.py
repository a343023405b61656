"""ModelSpec + data -> Design: the numbers a model is fitted to, and the names they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.lmm.columns import Factor, Table, Variable, as_factor
from mixedwidgets.lmm.expressions import Binary, Expr, Name, Paren, names_in
from mixedwidgets.lmm.functions import Evaluator
from mixedwidgets.lmm.linalg import Array, Basis, orthonormal_basis
from mixedwidgets.lmm.modelmatrix import model_matrix
from mixedwidgets.lmm.random_terms import elementary_terms, group_name
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.lmm.terms import expand


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


def build(
    spec: ModelSpec,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    subset: Any = None,
    na_action: str = "omit",
    contrasts: Mapping[str, Any] | None = None,
) -> Design:
    """Evaluate a model on data."""
    table = Table(data)
    evaluator = Evaluator(table)
    fixed = expand(spec.fixed)
    random = [(expand(t.columns), t.group) for t in elementary_terms(spec)]
    variables: dict[Expr, Variable] = {}
    for terms in (fixed, *(t for t, _ in random)):
        for term in terms.terms:
            for variable in term:
                if variable not in variables:
                    variables[variable] = evaluator.variable(variable)
    y = evaluator.variable(spec.response)
    offsets = [evaluator.variable(o) for o in fixed.offsets]
    grouping_names = {name for _, g in random for name in names_in(g)}
    group_columns = {name: as_factor(table.column(name)) for name in grouping_names}
    w = table.column(weights) if weights is not None else None
    missing = y.missing()
    for v in (*variables.values(), *offsets, *group_columns.values()):
        missing = missing | v.missing()
    n_missing = int(missing.sum())
    index = table.index
    if n_missing:
        rows = ~missing
        y = y.take(rows)
        variables = {k: v.take(rows) for k, v in variables.items()}
        offsets = [o.take(rows) for o in offsets]
        group_columns = {k: v.take(rows) for k, v in group_columns.items()}
        w = w.take(rows) if w is not None else None
        index = index[rows]
    n = len(index)
    variables = {k: v.drop_unused() if isinstance(v, Factor) else v for k, v in variables.items()}
    X, names = model_matrix(fixed, variables, n, contrasts)
    blocks, groupings = [], {}
    for terms, group in random:
        name = group_name(group)
        if name not in groupings:
            groupings[name] = _grouping(group, group_columns)
        Z, z_names = model_matrix(terms, variables, n)
        blocks.append((name, z_names, Z))
    counts = [len(groupings[name].levels) for name, _, _ in blocks]
    if any(b > a for a, b in zip(counts, counts[1:], strict=False)):
        order = sorted(range(len(blocks)), key=counts.__getitem__)[::-1]
        blocks = [blocks[i] for i in order]
    used = list(dict.fromkeys(name for name, _, _ in blocks))
    wv = None if w is None else w.values
    basis = orthonormal_basis(X, None if wv is None else np.sqrt(wv))
    kept = set(basis.kept.tolist())
    return Design(
        spec=spec,
        y=y.values,
        offset=sum(o.values for o in offsets) if offsets else None,
        weights=wv,
        X=X[:, basis.kept] if len(kept) < X.shape[1] else X,
        x_names=tuple(nm for j, nm in enumerate(names) if j in kept),
        dropped=tuple(nm for j, nm in enumerate(names) if j not in kept),
        basis=basis,
        blocks=tuple(RandomBlock(used.index(nm), zn, Z) for nm, zn, Z in blocks),
        groupings=tuple(groupings[nm] for nm in used),
        index=index,
        n_missing=n_missing,
        data_name=table.name,
    )


def _grouping(group: Expr, columns: Mapping[str, Factor]) -> Grouping:
    factor = _group_factor(group, columns).drop_unused()
    return Grouping(group_name(group), factor.codes, factor.levels)


def _group_factor(group: Expr, columns: Mapping[str, Factor]) -> Factor:
    match group:
        case Paren(inner):
            return _group_factor(inner, columns)
        case Binary(":", left, right):
            a = _group_factor(left, columns).drop_unused()
            b = _group_factor(right, columns).drop_unused()
            combined = a.codes * len(b.levels) + b.codes
            found, codes = np.unique(combined, return_inverse=True)
            la, lb = a.labels(), b.labels()
            labels = [f"{la[i]}:{lb[j]}" for i, j in zip(*divmod(found, len(b.levels)))]
            return Factor(codes.astype(np.intp), pd.Index(labels, dtype=object))
        case Name(name):
            return columns[name]
    raise AssertionError(group)

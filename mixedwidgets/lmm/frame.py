"""The model frame: every variable of a model, evaluated, on the rows that can be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.lmm import checks
from mixedwidgets.lmm.columns import Factor, Numeric, Table, Variable, as_factor
from mixedwidgets.lmm.expressions import Expr, Name, names_in, plain_name
from mixedwidgets.lmm.functions import Evaluator
from mixedwidgets.lmm.groups import group_leaves
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.random_terms import elementary_terms
from mixedwidgets.lmm.rowwise import checked_weights, chosen_rows, numbers_by_row
from mixedwidgets.lmm.spec import ModelSpec, RandomTerm
from mixedwidgets.lmm.terms import Terms, expand, uses_dot

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """A model with its terms expanded.

    Attributes
    ----------
    spec : ModelSpec
        Without ``.``.
    fixed : Terms
    random : tuple of (RandomTerm, Terms)
        In the order of the formula, ``||`` and ``/`` written out.
    variables : tuple of Expr
        Every variable that the fixed and random columns mention, each once.
    leaves : tuple of Expr
        The columns and calls that the grouping factors combine.
    """

    spec: ModelSpec
    fixed: Terms
    random: tuple[tuple[RandomTerm, Terms], ...]
    variables: tuple[Expr, ...]
    leaves: tuple[Expr, ...]


@dataclass(frozen=True)
class Padding:
    """The rows that ``na_action="exclude"`` gives an answer for.

    Attributes
    ----------
    index : (N,) Index
        Labels of all rows of the data, or of the subset.
    used : (N,) array of bool
        Which of them were used; the others have a missing value.
    """

    index: pd.Index
    used: Rows


@dataclass(frozen=True)
class ModelFrame:
    """The variables of a model on the rows used.

    Attributes
    ----------
    y : (n,) array
    variables : mapping of Expr to Variable
        Factors without unused levels.
    groups : mapping of Expr to Factor
        The leaves of the grouping factors.
    weights, offset : (n,) array or None
    index : Index
        Labels of the rows.
    n_missing : int
        Rows left out for missing values.
    rows : (N,) array of bool or None
        Which rows of the data these are; None for all.
    padding : Padding or None
        For ``na_action="exclude"``, where rows were left out for missing values.
    learned : mapping of Expr to transformation
        What ``scale``, ``poly`` ... learnt.
    """

    y: Array
    variables: Mapping[Expr, Variable]
    groups: Mapping[Expr, Factor]
    weights: Array | None
    offset: Array | None
    index: pd.Index
    n_missing: int
    rows: Rows | None
    padding: Padding | None
    learned: Mapping[Expr, Any]

    def fixed_variables(self, plan: Plan) -> dict[Expr, Variable]:
        """Return the variables of the fixed effects."""
        return {v: self.variables[v] for v in dict.fromkeys(chain(*plan.fixed.terms))}


def plan_for(spec: ModelSpec, table: Table, arguments: Sequence[Any] = ()) -> Plan:
    """Expand the terms of a model, filling in ``.`` with the columns not otherwise used.

    Parameters
    ----------
    spec : ModelSpec
    table : Table
    arguments : sequence
        Weights, offset and subset: where they name a column, ``.`` leaves it out. It also leaves
        out the response and the grouping factors.
    """
    if _uses_dot(spec):
        taken = {a for a in arguments if isinstance(a, str)} | set(names_in(spec.response))
        taken |= {name for term in spec.random for name in names_in(term.group)}
        spec = spec.fill_dot(str(c) for c in table.names if str(c) not in taken)
    return _plan(spec)


@lru_cache(maxsize=512)
def _uses_dot(spec: ModelSpec) -> bool:
    return uses_dot(spec.fixed)


@lru_cache(maxsize=512)
def _plan(spec: ModelSpec) -> Plan:
    fixed = expand(spec.fixed)
    random = tuple((term, expand(term.columns)) for term in elementary_terms(spec))
    every = chain(fixed.mentioned, *(terms.mentioned for _, terms in random))
    leaves = chain(*(group_leaves(term.group) for term, _ in random))
    return Plan(spec, fixed, random, tuple(dict.fromkeys(every)), tuple(dict.fromkeys(leaves)))


def model_frame(
    plan: Plan,
    table: Table,
    *,
    weights: Any = None,
    offset: Any = None,
    subset: Any = None,
    na_action: str = "omit",
) -> ModelFrame:
    """Evaluate the variables of a model and keep the rows where none is missing.

    Raises
    ------
    DataError
        Where a variable cannot be evaluated, or no row is left.
    """
    evaluator = Evaluator(table)
    keep = None if subset is None else chosen_rows(subset, table)
    response = plan.spec.response
    y = checks.refuse_text_response(response, evaluator.variable(response))
    values = {v: evaluator.variable(v) for v in plan.variables}
    groups = {leaf: group_values(leaf, evaluator) for leaf in plan.leaves}
    offsets = {e: Numeric(evaluator.column_of_numbers(e)) for e in plan.fixed.offsets}
    known: dict[Expr, Variable] = {response: y, **values, **offsets}
    for expr, value in known.items():
        checks.refuse_not_a_number(expr, value, table, keep)
    by_row = {
        role: Numeric(numbers_by_row(given, role, table))
        for role, given in (("weights", weights), ("offset", offset))
        if given is not None
    }
    every = [*known.items(), *groups.items(), *by_row.items()]
    rows, n_missing = _usable_rows(every, table.n_rows, keep, na_action)
    index = table.index if rows is None else table.index[rows]
    for expr, value in known.items():
        used = _on(value, rows)
        checks.refuse_infinite(expr, used, index)
        checks.refuse_tiny(expr, used)
        checks.refuse_lost_coding(expr, value, used)
    total = [_numbers(v, rows) for v in (*offsets.values(), by_row.get("offset")) if v is not None]
    return ModelFrame(
        y=np.array(_numbers(y, rows)),
        variables={e: _on(v, rows) for e, v in values.items()},
        groups={e: v if rows is None else v.take(rows) for e, v in groups.items()},
        weights=(
            checked_weights(_numbers(by_row["weights"], rows), index)
            if "weights" in by_row
            else None
        ),
        offset=np.sum(total, axis=0) if total else None,
        index=index,
        n_missing=n_missing,
        rows=rows,
        padding=_padding(table.index, keep, rows) if n_missing and na_action == "exclude" else None,
        learned=evaluator.learned,
    )


def group_values(leaf: Expr, evaluator: Evaluator) -> Factor:
    """Evaluate a column or call that groups rows."""
    if isinstance(leaf, Name):
        return evaluator.table.factor(leaf.name)
    return as_factor(evaluator.variable(leaf))


def _usable_rows(
    named: Sequence[tuple[Expr | str, Variable]], n_rows: int, keep: Rows | None, na_action: str
) -> tuple[Rows | None, int]:
    """Return which rows to use (None for all) and how many are left out as missing."""
    masks = {}
    for name, value in named:
        if value.complete():
            continue
        missing = value.missing()
        if missing.any():
            masks[name if isinstance(name, str) else plain_name(name)] = missing
    if not masks:
        return keep, 0
    chosen = np.ones(n_rows, dtype=bool) if keep is None else keep
    rows = chosen & ~np.any(list(masks.values()), axis=0)
    n_missing = int(chosen.sum() - rows.sum())
    counts = {name: int((mask & chosen).sum()) for name, mask in masks.items()}
    if n_missing and na_action == "fail":
        checks.refuse_missing(counts, n_missing)
    if not rows.any():
        checks.refuse_no_rows(counts, int(chosen.sum()))
    return rows, n_missing


def _padding(index: pd.Index, keep: Rows | None, rows: Rows | None) -> Padding:
    used = np.ones(len(index), dtype=bool) if rows is None else rows
    return Padding(index, used) if keep is None else Padding(index[keep], used[keep])


def _on(value: Variable, rows: Rows | None) -> Variable:
    value = value if rows is None else value.take(rows)
    return value.drop_unused() if isinstance(value, Factor) else value


def _numbers(value: Numeric, rows: Rows | None) -> Array:
    return value.values if rows is None else value.values[rows]

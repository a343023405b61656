"""Terms + variables -> model matrix, with R's coding and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.coding import coding
from mixedwidgets.lmm.columns import Factor, Numeric, Variable
from mixedwidgets.lmm.expressions import Expr, plain_name
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.terms import Terms

_MOST_COLUMNS = 10_000
Columns = list[tuple[str, Array]]


def model_matrix(
    terms: Terms,
    variables: Mapping[Expr, Variable],
    n: int,
    contrasts: Mapping[str, object] | None = None,
) -> tuple[Array, tuple[str, ...]]:
    """Build the model matrix of one side of a formula.

    Parameters
    ----------
    terms : Terms
    variables : mapping of Expr to Variable
        The value of every variable of the terms, on the rows used.
    n : int
        Number of rows.
    contrasts : mapping of str to coding, optional
        By the name of the variable.

    Returns
    -------
    matrix : (n, p) array, Fortran order
    names : tuple of str
        R's names; columns are ordered by term, and within a term the leftmost factor varies
        fastest.
    """
    columns = model_columns(terms, variables, n, contrasts)
    return filled(columns, n), tuple(name for name, _ in columns)


def filled(columns: Columns, n: int) -> Array:
    """The matrix (n, p) of some columns, in Fortran order."""
    matrix = np.empty((n, len(columns)), order="F")
    for j, (_, values) in enumerate(columns):
        matrix[:, j] = values
    return matrix


def model_columns(
    terms: Terms,
    variables: Mapping[Expr, Variable],
    n: int,
    contrasts: Mapping[str, object] | None = None,
) -> Columns:
    """Names and values of the columns of ``model_matrix``, not yet put into one array."""
    columns: Columns = [("(Intercept)", np.broadcast_to(1.0, n))] if terms.intercept else []
    full = fully_coded(terms, variables)
    coded: dict[tuple[Expr, bool], Columns] = {}

    def columns_of(variable: Expr, in_full: bool) -> Columns:
        key = (variable, in_full)
        if key not in coded:
            coded[key] = coded_columns(variable, variables[variable], in_full, contrasts or {})
        return coded[key]

    for position, term in enumerate(terms.terms):
        columns += _product(term, columns_of, full[position], max(n, _MOST_COLUMNS))
    return columns


def fully_coded(terms: Terms, variables: Mapping[Expr, Variable]) -> list[set[Expr]]:
    """For each term, the factors coded by an indicator of every level.

    A factor is coded by contrasts where the term without it is contained in an earlier term
    (or, for a main effect, always); without an intercept the first factor is coded in full.
    """
    full: list[set[Expr]] = []
    earlier: list[set[Expr]] = []
    for term in terms.terms:
        members = set(term)
        full.append(
            {
                v
                for v in term
                if len(term) > 1 and not any(members - {v} <= other for other in earlier)
            }
        )
        earlier.append(members)
    if not terms.intercept:
        for position, term in enumerate(terms.terms):
            factors = [v for v in term if isinstance(variables[v], Factor)]
            if factors:
                full[position].add(factors[0])
                break
    return full


def _product(
    term: Sequence[Expr], columns_of: Callable[[Expr, bool], Columns], full: set[Expr], most: int
) -> Columns:
    out = columns_of(term[0], term[0] in full)
    for variable in term[1:]:
        right = columns_of(variable, variable in full)
        if len(out) * len(right) > most:
            raise DataError(
                f"the term {':'.join(map(str, term))} has {len(out) * len(right)} columns or more, "
                f"and at most {most} can be told apart here; use factors with fewer levels"
            )
        out = [(f"{a}:{b}", x * y) for b, y in right for a, x in out]
    return out


def coded_columns(
    expr: Expr, variable: Variable, in_full: bool, contrasts: Mapping[str, object]
) -> Columns:
    """Names and values of the columns of one variable, a factor's in full or by contrasts."""
    name = str(expr)
    if isinstance(variable, Numeric):
        if variable.values.ndim == 1:
            return [(name + variable.labels[0], variable.values)]
        return [(name + s, variable.values[:, j]) for j, s in enumerate(variable.labels)]
    labels = variable.labels()
    if in_full:
        return [(name + s, (variable.codes == j).astype(float)) for j, s in enumerate(labels)]
    kind = contrasts.get(plain_name(expr), variable.contrast)
    if kind is None:
        kind = "poly" if variable.ordered else "treatment"
    matrix, suffixes = coding(kind, labels, plain_name(expr))
    return [(name + s, matrix[variable.codes, j]) for j, s in enumerate(suffixes)]

"""The hypotheses an analysis of variance tests: contrasts L beta = 0 for each term.

Types as SAS names them, independent of how factors are coded. With numbers and factors of a term
apart, a term is contained in another with the same numbers and more factors.

- Type 1: each term after those before it. The rows of the triangular factor of X, without weights.
- Type 2: each term after all that do not contain it; the same with the columns in another order.
- Type 3: differences between the levels of a term's factors, averaged over the levels of all other
  factors. In the linear predictor of one set of numbers, an average over the levels of a factor is
  the mean of its rows of codes, and differences of levels are differences of these rows (or the
  rows themselves, where the formula codes the factor in full for lack of a margin). Where columns
  had to be left out, cells are empty and the average may not exist; the contrasts are then
  Goodnight's (1978, SAS technical report R-101): those of the term, orthogonal to those of the
  terms that contain it, as functions of the effects of all levels.

Which contrasts span a hypothesis matters for Satterthwaite's denominators alone. They are chosen
so that these agree with R's lmerTest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.columns import Factor, Numeric, Variable
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.expressions import Expr
from mixedwidgets.lmm.linalg import Array, orthonormal_basis
from mixedwidgets.lmm.modelmatrix import coded_columns, fully_coded
from mixedwidgets.lmm.recipe import Recipe
from mixedwidgets.lmm.terms import Terms

Indices = NDArray[np.intp]

ROUNDING = 1e-10  # of a coefficient whose columns are scaled alike


@dataclass(frozen=True, eq=False)
class CodedTerm:
    """One term of the fixed effects and its columns.

    Attributes
    ----------
    label : str
        Such as ``a:b``.
    variables : tuple of Expr
        In the order of the term.
    codes : mapping of Expr to (levels, columns) array
        Codes of each factor that has a column for every difference of levels.
    in_full : frozenset of Expr
        The factors coded by an indicator of every level.
    widths : mapping of Expr to int
        Number of columns of each variable.
    columns : (c,) array of int
        Among the columns of the model, redundant ones included.
    kept : (r,) array of int
        Among the coefficients of the fit.
    """

    label: str
    variables: tuple[Expr, ...]
    codes: Mapping[Expr, Array]
    in_full: frozenset[Expr]
    widths: Mapping[Expr, int]
    columns: Indices
    kept: Indices

    @property
    def whole(self) -> bool:
        """Whether the fit kept all columns of the term."""
        return len(self.kept) == len(self.columns)

    @property
    def numbers(self) -> frozenset[Expr]:
        """The variables that are not told apart by levels."""
        return frozenset(self.variables) - self.codes.keys()

    def contained_in(self, other: CodedTerm) -> bool:
        """Whether the other term has the same numbers and these and more factors."""
        mine, theirs = set(self.variables), set(other.variables)
        return mine < theirs and all(v in other.codes for v in theirs - mine)

    def marginal_to(self, other: CodedTerm) -> bool:
        """Whether the other term has these variables and more, of whatever kind."""
        return set(self.variables) < set(other.variables)


def coded_terms(design: Design) -> tuple[CodedTerm, ...]:
    """Find the columns of each term of the fixed effects.

    Parameters
    ----------
    design : Design

    Returns
    -------
    tuple of CodedTerm
        In the order of the formula, as R sorts it.
    """
    recipe = design.recipe
    terms = recipe.fixed
    variables: dict[Expr, Variable] = dict(recipe.factors)
    variables |= {e: Numeric(np.empty((0, k)), ("",) * k) for e, k in recipe.widths.items()}
    place = {column: i for i, column in enumerate(recipe.kept)}
    out, at = [], int(terms.intercept)
    for term, full in zip(terms.terms, fully_coded(terms, variables), strict=True):
        codes, widths = {}, {}
        for variable in term:
            value = variables[variable]
            widths[variable] = recipe.widths.get(variable, 0)
            if isinstance(value, Factor):
                matrix = _codes(variable, value, variable in full, recipe.contrasts)
                widths[variable] = matrix.shape[1]
                if matrix.shape[1] >= len(value.levels) - 1:
                    codes[variable] = matrix
        count = int(np.prod(list(widths.values())))
        columns = range(at, at + count)
        at += count
        kept = np.array([place[c] for c in columns if c in place], dtype=np.intp)
        label = ":".join(map(str, term))
        in_full = frozenset(v for v in codes if v in full)
        found = np.array(columns, dtype=np.intp)
        out.append(CodedTerm(label, tuple(term), codes, in_full, widths, found, kept))
    return tuple(out)


def _codes(variable: Expr, factor: Factor, in_full: bool, contrasts: Mapping[str, object]) -> Array:
    """Codes of the levels of a factor, (levels, columns)."""
    one_each = replace(factor, codes=np.arange(len(factor.levels)))
    pairs = coded_columns(variable, one_each, in_full, contrasts)
    return np.column_stack([values for _, values in pairs])


def hypotheses(design: Design, kind: int, data: Any = None) -> list[tuple[str, Array]]:
    """Contrasts of every term.

    Parameters
    ----------
    design : Design
    kind : {1, 2, 3}
        Type of the analysis.
    data : DataFrame or mapping, optional
        The data of the fit, needed for type 3 with redundant columns.

    Returns
    -------
    list of (str, (q, p) array)
        Label and contrasts of each term that has a coefficient.

    Raises
    ------
    ModelError
        Type 3 with redundant columns but without data.
    """
    terms = coded_terms(design)
    tested = [t for t in terms if len(t.kept)]
    if kind == 1 or len(terms) == 1:
        first = list(range(int(design.recipe.fixed.intercept)))
        rows = _sequential(design, [*first, *(i for t in terms for i in t.kept)])
        return [(t.label, rows[t.kept]) for t in tested]
    contrasts = _type2 if kind == 2 else _type3
    return [(t.label, contrasts(t, terms, design, data)) for t in tested]


def _sequential(design: Design, order: Sequence[int]) -> Array:
    """Contrasts (p, p) of each coefficient after those earlier in an order."""
    basis = design.basis if design.weights is None else orthonormal_basis(design.X)
    r = np.linalg.qr(basis.R[:, order], mode="r")
    out = np.zeros_like(r)
    out[np.ix_(order, order)] = r / np.diag(r)[:, None]
    return out


def _type2(term: CodedTerm, terms: Sequence[CodedTerm], design: Design, data: Any) -> Array:
    after = [t for t in terms if t is term or term.contained_in(t)]
    if len(after) == 1:
        return np.eye(len(design.x_names))[term.kept]
    first = range(int(design.recipe.fixed.intercept))
    before = [i for t in terms if t not in after for i in t.kept]
    return _sequential(design, [*first, *before, *(i for t in after for i in t.kept)])[term.kept]


def _type3(term: CodedTerm, terms: Sequence[CodedTerm], design: Design, data: Any) -> Array:
    p = len(design.x_names)
    parts = [(t, _averaged(term, t, design.recipe)) for t in terms if t.numbers == term.numbers]
    if not all(t.whole for t, part in parts if part.any() or term.contained_in(t)):
        return _goodnight(term, terms, design, data)
    out = np.zeros((len(parts[0][1]), p))
    for t, part in parts:
        if part.any():
            out[:, t.kept] = part
    if design.recipe.fixed.intercept and term.in_full == set(term.variables):
        out[:, 0] = 1.0
    return out


def _averaged(term: CodedTerm, other: CodedTerm, recipe: Recipe) -> Array:
    """What a term does, in the coefficients of another of the same numbers, (q, c).

    In the columns of a term the leftmost variable varies fastest.
    """
    out: Array = np.ones((1, 1))
    for variable in recipe.fixed.mentioned:
        if variable in other.codes:
            part = other.codes[variable]
        elif variable in other.widths:
            part = np.identity(other.widths[variable])
        elif variable in term.codes:
            part = np.ones((len(term.codes[variable]), 1))
        else:
            continue
        if variable not in term.variables:
            part = np.asarray(part.mean(axis=0, keepdims=True), dtype=np.float64)
        elif variable in term.codes and variable not in term.in_full:
            part = part[1:] - part[:1]
        out = np.asarray(np.kron(part, out), dtype=np.float64)
    return out


def _goodnight(term: CodedTerm, terms: Sequence[CodedTerm], design: Design, data: Any) -> Array:
    """Contrasts of a term, orthogonal to those of the terms that contain it.

    In the coefficients of treatment contrasts, then mapped to those of the fit.
    """
    if data is None:
        raise ModelError(
            f"Type 3 hypotheses of {term.label} need the data again, because columns of its "
            "interactions were left out, and this fit was made from a design; fit it with lmer, "
            "or ask for type=1 or type=2."
        )
    X, assigned = _treatment_coded(design, data)
    scale = np.sqrt(np.mean(X**2, axis=0))
    effects = _solved(X, scale, _by_levels(design, data))
    mine = assigned == terms.index(term)
    theirs = np.isin(assigned, [i for i, t in enumerate(terms) if term.contained_in(t)])
    out = np.zeros((int(mine.sum()), len(effects)))
    out[:, mine] = np.eye(len(out))
    if theirs.any():
        out[:, theirs] = -np.linalg.lstsq(effects[theirs].T, effects[mine].T, rcond=ROUNDING)[0].T
    return out @ _solved(X, scale, design.X)


def _solved(X: Array, scale: Array, target: Array) -> Array:
    """Coefficients of X that give other columns, without rounding errors in the place of zeros."""
    out = np.linalg.lstsq(X / scale, target, rcond=None)[0] / scale[:, None]
    sizes = np.abs(out).max(axis=1, initial=0.0, keepdims=True)
    return np.where(np.abs(out) < ROUNDING * sizes, 0.0, out)


def _treatment_coded(design: Design, data: Any) -> tuple[Array, Indices]:
    """Columns that span the model, coded by treatment contrasts, and the term of each (or -1)."""
    recipe = design.recipe
    factors = {e: replace(f, contrast="treatment") for e, f in recipe.factors.items()}
    recipe = replace(recipe, factors=factors, contrasts={})
    counts = [len(t.columns) for t in coded_terms(replace(design, recipe=recipe))]
    assigned = np.repeat(np.arange(-1, len(counts)), [int(recipe.fixed.intercept), *counts])
    X = _rows_used(design, replace(recipe, kept=tuple(range(len(assigned)))), data)
    kept = orthonormal_basis(X).kept
    return X[:, kept], assigned[kept]


def _by_levels(design: Design, data: Any) -> Array:
    """The model matrix (n, P) with one column for each level of each factor."""
    recipe = design.recipe
    parts = [np.ones((len(design.y), 1))] if recipe.fixed.intercept else []
    for term in recipe.fixed.terms:
        width = int(np.prod([_width(v, recipe) for v in term]))
        alone = replace(recipe, fixed=Terms(False, (term,), ()), kept=tuple(range(width)))
        parts.append(_rows_used(design, alone, data))
    return np.hstack(parts)


def _rows_used(design: Design, recipe: Recipe, data: Any) -> Array:
    matrix = recipe.fixed_columns(data)[0]
    return matrix if design.rows is None else matrix[design.rows]


def _width(variable: Expr, recipe: Recipe) -> int:
    factor = recipe.factors.get(variable)
    return recipe.widths[variable] if factor is None else len(factor.levels)

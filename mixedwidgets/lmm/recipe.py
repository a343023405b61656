"""Recipe: what a fit remembers of its data to build the same columns from new data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.checks import refuse_infinite
from mixedwidgets.lmm.columns import Codes, Factor, Table, Variable, as_factor
from mixedwidgets.lmm.expressions import Expr, plain_name
from mixedwidgets.lmm.frame import ModelFrame, Plan, group_values
from mixedwidgets.lmm.functions import Evaluator
from mixedwidgets.lmm.groups import codes_on_levels, combined, group_leaves
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.modelmatrix import model_matrix
from mixedwidgets.lmm.random_terms import group_name
from mixedwidgets.lmm.terms import Terms

_NOTHING = Terms(False, (), ())


@dataclass(frozen=True)
class Recipe:
    """What it takes to build the columns of a model from new data.

    Attributes
    ----------
    fixed : Terms
    random : tuple of (Expr, Terms)
        Grouping factor and columns of each random term, in the order of the formula.
    factors : mapping of Expr to Factor
        Levels and coding of each factor, with no rows.
    learned : mapping of Expr to transformation
    contrasts : mapping of str to coding
    kept : tuple of int
        Which columns of the full fixed-effects matrix the fit kept.
    widths : mapping of Expr to int
        Number of columns of each numeric variable.
    """

    fixed: Terms = _NOTHING
    random: tuple[tuple[Expr, Terms], ...] = ()
    factors: Mapping[Expr, Factor] = field(default_factory=dict)
    learned: Mapping[Expr, Any] = field(default_factory=dict)
    contrasts: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[int, ...] = ()
    widths: Mapping[Expr, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        plan: Plan,
        frame: ModelFrame,
        contrasts: Mapping[str, Any] | None,
        kept: tuple[int, ...],
    ) -> Recipe:
        """Remember what a model frame was built with."""
        no_rows = np.empty(0, dtype=np.intp)
        factors = {
            e: replace(v, codes=no_rows)
            for e, v in frame.variables.items()
            if isinstance(v, Factor)
        }
        random = tuple((term.group, columns) for term, columns in plan.random)
        widths = {e: len(v.labels) for e, v in frame.variables.items() if not isinstance(v, Factor)}
        return cls(plan.fixed, random, factors, frame.learned, dict(contrasts or {}), kept, widths)

    def fixed_columns(self, data: Any) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Build the fixed-effects matrix of new data.

        Parameters
        ----------
        data : DataFrame or mapping of str to array
            It need not hold the response or the grouping factors.

        Returns
        -------
        X : (n, p) array
            The columns the fit kept; NaN where something is missing.
        offset : (n,) array
            Sum of the ``offset()`` terms, zero without any.
        missing : (n,) array of bool

        Raises
        ------
        DataError
            For a missing column, or a level of a factor that the fit does not know.
        """
        evaluator = Evaluator(Table(data), self.learned)
        n = evaluator.table.n_rows
        matrix, _, missing = self._matrix(self.fixed, evaluator, self.contrasts)
        offset = np.zeros(n)
        for expr in self.fixed.offsets:
            offset = offset + evaluator.column_of_numbers(expr)
        return matrix[:, list(self.kept)], offset, missing | np.isnan(offset)

    def random_columns(
        self, data: Any, levels: Mapping[str, pd.Index | None]
    ) -> list[tuple[str, tuple[str, ...], Array, Codes, list[str]]]:
        """Build the random-effects columns of new data.

        Parameters
        ----------
        data : DataFrame or mapping of str to array
        levels : mapping of str to Index or None
            The levels of each grouping factor of the fit, by its name; other grouping factors
            are left out. None where the labels do not matter and need not be there.

        Returns
        -------
        list of (group, names, columns, codes, new)
            For each random term in the order of the formula: the name of its grouping factor,
            the names of its columns, the (n, k) columns, the (n,) level of each row (numbered on
            where the fit does not know it, -1 for a missing label), and the labels it does not
            know. Without levels the codes are 0 and mean nothing.
        """
        evaluator = Evaluator(Table(data), self.learned)
        out = []
        for group, terms in self.random:
            name = group_name(group)
            if name not in levels:
                continue
            known = levels[name]
            codes, new = np.zeros(evaluator.table.n_rows, dtype=np.intp), list[str]()
            if known is not None:
                leaves = {leaf: group_values(leaf, evaluator) for leaf in group_leaves(group)}
                codes, new = codes_on_levels(combined(group, leaves), known)
            matrix, names, _ = self._matrix(terms, evaluator, {})
            out.append((name, names, matrix, codes, new))
        return out

    def _matrix(
        self, terms: Terms, evaluator: Evaluator, contrasts: Mapping[str, Any]
    ) -> tuple[Array, tuple[str, ...], NDArray[np.bool_]]:
        values = {e: self._value(e, evaluator) for e in dict.fromkeys(chain(*terms.terms))}
        missing = np.zeros(evaluator.table.n_rows, dtype=bool)
        for value in values.values():
            missing |= value.missing()
        present = {e: v.take(~missing) for e, v in values.items()}
        matrix, names = model_matrix(terms, present, int((~missing).sum()), contrasts)
        out = np.full((len(missing), len(names)), np.nan)
        out[~missing] = matrix
        return out, names, missing

    def _value(self, expr: Expr, evaluator: Evaluator) -> Variable:
        value = evaluator.variable(expr)
        known = self.factors.get(expr)
        if known is not None:
            codes = as_factor(value).aligned(known.levels, repr(plain_name(expr))).codes
            return replace(known, codes=codes)
        if isinstance(value, Factor):
            raise DataError(
                f"{plain_name(expr)!r} was numeric in the fitted data and is text or categories "
                "in the new data"
            )
        refuse_infinite(expr, value, evaluator.table.index)
        return value

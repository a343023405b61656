"""The value of an expression of a formula on data: a closed interpreter, never eval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.arguments import (
    contrast,
    flag_or_number,
    label_list,
    polynomial_settings,
    spline_settings,
)
from mixedwidgets.lmm.bases import (
    BasisSpline,
    NaturalSpline,
    OrthogonalPolynomial,
    Powers,
    Scaling,
    learn_spline,
)
from mixedwidgets.lmm.columns import Factor, Numeric, Table, Variable, as_factor
from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    Sum,
    Unary,
    strip_parens,
)
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.signatures import BASES, FACTORS, match_arguments

_ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": lambda x: x,
}


class Evaluator:
    """Evaluates variables of a formula on the rows of a table.

    Parameters
    ----------
    table : Table
    learned : mapping of Expr to transformation, optional
        What ``scale``, ``poly`` ... learnt from the data of the fit; where it is given, the
        table holds new data and nothing is learnt from it.
    """

    def __init__(self, table: Table, learned: Mapping[Expr, Any] | None = None):
        self.table = table
        self.learned: dict[Expr, Any] = dict(learned or {})

    def variable(self, expr: Expr) -> Variable:
        """Return the value of a variable: a column, or a function of columns.

        Raises
        ------
        NodeError
            Where an argument makes no sense for its function.
        DataError
            Where a column cannot play its part.
        """
        if isinstance(expr, Name):
            return self.table.column(expr.name)
        with np.errstate(all="ignore"):  # what is not finite is reported with its rows later
            return self._variable(expr)

    def _variable(self, expr: Expr) -> Variable:
        match expr:
            case Name(name):
                return self.table.column(name)
            case Paren(inner):
                return self._variable(inner)
            case Call(function) if function in FACTORS:
                return self._factor(expr)
            case Call(function) if function in BASES:
                return self._basis(expr)
        return Numeric(np.broadcast_to(self.numbers(expr), (self.table.n_rows,)))

    def numbers(self, expr: Expr) -> Any:
        """Return the numeric value of an expression: an array with one value a row, or a number."""
        match expr:
            case Number(value):
                return np.float64(value)
            case Name(name):
                return self._numeric_column(name)
            case Paren(inner):
                return self.numbers(inner)
            case Unary(op, operand):
                return -self.numbers(operand) if op == "-" else self.numbers(operand)
            case Sum(first, rest):
                total = self.numbers(first)
                for op, term in rest:
                    value = self.numbers(term)
                    total = total + value if op == "+" else total - value
                return total
            case Binary("*", left, right):
                return self.numbers(left) * self.numbers(right)
            case Binary("/", left, right):
                return self.numbers(left) / self.numbers(right)
            case Binary("^", left, right):
                return self.numbers(left) ** self.numbers(right)
            case Binary(op, _, _):
                raise NodeError(f"{op} is not arithmetic and cannot stand inside a function", expr)
            case Call("scale" | "center"):
                return self._scaled(expr)
            case Call("log", arguments) if len(arguments) > 1:
                given = match_arguments(expr)
                return np.log(self.numbers(given["x"])) / np.log(self.numbers(given["base"]))
            case Call(function) if function in _ELEMENTWISE:
                return _ELEMENTWISE[function](self.numbers(match_arguments(expr)["x"]))
            case Call(function):
                raise NodeError(
                    f"{function}() does not give one number a row and cannot stand inside "
                    "arithmetic or another function",
                    expr,
                )
        raise NodeError(f"{expr} is not a number", expr)

    def _numeric_column(self, name: str) -> Array:
        column = self.table.column(name)
        if isinstance(column, Numeric):
            return column.values
        if column.logical:
            is_true = np.array([bool(level) for level in column.levels], dtype=np.float64)
            return np.where(column.codes < 0, np.nan, is_true[column.codes])
        shown = ", ".join(repr(label) for label in column.labels()[:3])
        raise DataError(
            f"column {name!r} holds text or categories ({shown} ...) where numbers belong"
        )

    def column_of_numbers(self, expr: Expr) -> Array:
        """Return a numeric expression as an array of its own, one number a row."""
        with np.errstate(all="ignore"):
            values = self.numbers(expr)
        return np.array(np.broadcast_to(values, (self.table.n_rows,)), dtype=np.float64)

    def _learn(self, call: Call, learn: Callable[[], Any]) -> Any:
        if call not in self.learned:
            self.learned[call] = learn()
        return self.learned[call]

    def _scaled(self, call: Call) -> Array:
        given = match_arguments(call)
        x = self.column_of_numbers(given["x"])
        if call.function == "center":
            scaling = self._learn(call, lambda: Scaling.learn(x, str(call), scale=False))
        else:
            center = flag_or_number(given.get("center"), True)
            scale = flag_or_number(given.get("scale"), True)
            scaling = self._learn(call, lambda: Scaling.learn(x, str(call), center, scale))
        scaled: Array = scaling.apply(x)
        return scaled

    def _basis(self, call: Call) -> Numeric:
        x = self.column_of_numbers(match_arguments(call)["x"])
        learn = self._polynomial if call.function == "poly" else self._spline
        columns = self._learn(call, lambda: learn(call, x)).apply(x)
        count = columns.shape[1]
        return Numeric(columns, ("",) if count == 1 else tuple(str(j + 1) for j in range(count)))

    def _polynomial(self, call: Call, x: Array) -> Powers | OrthogonalPolynomial:
        degree, raw = polynomial_settings(call)
        return Powers(degree) if raw else OrthogonalPolynomial.learn(x, str(call), degree)

    def _spline(self, call: Call, x: Array) -> BasisSpline | NaturalSpline:
        return learn_spline(x, str(call), call.function == "ns", spline_settings(call))

    def _factor(self, call: Call) -> Factor:
        given = match_arguments(call)
        source = given.get("x", given.get("object"))
        assert source is not None
        name = strip_parens(source)
        factor = (
            self.table.factor(name.name)
            if isinstance(name, Name)
            else as_factor(self.variable(source))
        )
        if call.function == "C":
            return replace(factor, contrast=contrast(given))
        ordered = call.function == "ordered" or factor.ordered
        if "levels" in given:
            factor = _with_levels(factor, given["levels"])
        else:
            used = self._learn(call, lambda: factor.drop_unused().levels)
            factor = factor.aligned(used, str(call))
        if "labels" in given:
            factor = _with_labels(factor, given["labels"])
        return replace(factor, ordered=ordered, logical=False, contrast=None)


def _with_levels(factor: Factor, levels: Expr) -> Factor:
    wanted = label_list(levels)
    known = {label: i for i, label in enumerate(factor.labels())}
    position = np.full(len(known) + 1, -1, dtype=np.intp)
    for place, label in enumerate(wanted):
        if label in known:
            position[known[label]] = place
    return replace(factor, codes=position[factor.codes], levels=pd.Index(wanted, dtype=object))


def _with_labels(factor: Factor, labels: Expr) -> Factor:
    new = label_list(labels)
    if len(new) != len(factor.levels):
        raise NodeError(
            f"{len(new)} labels are given for {len(factor.levels)} levels "
            f"({', '.join(factor.labels())})",
            labels,
        )
    return replace(factor, levels=pd.Index(new, dtype=object))

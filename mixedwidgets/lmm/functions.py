"""The value of an expression of a formula on data: a closed interpreter, never eval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.columns import Factor, Numeric, Table, Variable, as_factor
from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Constant,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    Sum,
    Unary,
)
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.signatures import match_arguments

_ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}


class Evaluator:
    """Evaluates variables of a formula on the rows of a table.

    Parameters
    ----------
    table : Table
    """

    def __init__(self, table: Table):
        self.table = table

    def variable(self, expr: Expr) -> Variable:
        """Return the value of a variable: a column, or a function of columns."""
        match expr:
            case Name(name):
                return self.table.column(name)
            case Paren(inner):
                return self.variable(inner)
            case Call("factor" | "as.factor" | "ordered"):
                factor = as_factor(self.variable(match_arguments(expr)["x"])).drop_unused()
                ordered = expr.function == "ordered" or factor.ordered
                return Factor(factor.codes, factor.levels, ordered)
            case _:
                return Numeric(np.broadcast_to(self.numbers(expr), (self.table.n_rows,)))

    def numbers(self, expr: Expr) -> Array:
        """Return the numeric value of an expression, one a row (or a constant)."""
        match expr:
            case Number(value):
                return np.float64(value)
            case Name(name):
                return self._numeric_column(name)
            case Paren(inner):
                return self.numbers(inner)
            case Unary(op, operand):
                value = self.numbers(operand)
                return -value if op == "-" else value
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
            case Call(function) if function in _ELEMENTWISE:
                return _ELEMENTWISE[function](self.numbers(match_arguments(expr)["x"]))
            case Call("I"):
                return self.numbers(match_arguments(expr)["x"])
            case Constant():
                pass
        raise NodeError(f"{expr} is not a number", expr)

    def _numeric_column(self, name: str) -> Array:
        column = self.table.column(name)
        if isinstance(column, Numeric):
            return column.values
        if column.logical:
            return np.where(column.codes < 0, np.nan, column.codes.astype(float))
        raise DataError(f"column {name!r} holds text or categories where numbers belong")

"""The value of an expression of a formula on data: a closed interpreter, never eval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.bases import (
    OrthogonalPolynomial,
    Powers,
    Scaling,
    learn_spline,
)
from mixedwidgets.lmm.coding import CODINGS
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
    Text,
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
        match expr:
            case Name(name):
                return self.table.column(name)
            case Paren(inner):
                return self.variable(inner)
            case Call(function) if function in FACTORS:
                return self._factor(expr)
            case Call(function) if function in BASES:
                return self._basis(expr)
        with np.errstate(all="ignore"):  # what is not finite is reported with its rows later
            values = np.broadcast_to(self.numbers(expr), (self.table.n_rows,))
        return Numeric(values)

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
            center = _flag_or_number(given.get("center"), True)
            scale = _flag_or_number(given.get("scale"), True)
            scaling = self._learn(call, lambda: Scaling.learn(x, str(call), center, scale))
        scaled: Array = scaling.apply(x)
        return scaled

    def _basis(self, call: Call) -> Numeric:
        given = match_arguments(call)
        x = self.column_of_numbers(given["x"])
        learn = self._polynomial if call.function == "poly" else self._spline
        columns = self._learn(call, lambda: learn(call, given, x)).apply(x)
        count = columns.shape[1]
        single = call.function == "poly" and count == 1
        return Numeric(columns, ("",) if single else tuple(str(j + 1) for j in range(count)))

    def _polynomial(self, call: Call, given: Mapping[str, Expr], x: Array) -> Any:
        degree = _whole(given.get("degree"), "degree", 1)
        if degree is None or degree < 1:
            raise NodeError("the degree of poly() is a whole number of at least 1", call)
        if _flag(given.get("raw"), False):
            return Powers(degree)
        return OrthogonalPolynomial.learn(x, str(call), degree)

    def _spline(self, call: Call, given: Mapping[str, Expr], x: Array) -> Any:
        degree = _whole(given.get("degree"), "degree", 3)
        if degree is None or degree < 1:
            raise NodeError("the degree of bs() is a whole number of at least 1", call)
        boundary = _number_list(given.get("Boundary.knots"))
        if boundary is not None and len(boundary) != 2:
            raise NodeError("Boundary.knots holds two numbers, such as c(0, 10)", call)
        return learn_spline(
            x,
            str(call),
            natural=call.function == "ns",
            df=_whole(given.get("df"), "df", None),
            inner=_number_list(given.get("knots")),
            degree=degree,
            intercept=_flag(given.get("intercept"), False),
            boundary=boundary,
        )

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
            return replace(factor, contrast=_contrast(given))
        ordered = call.function == "ordered" or factor.ordered
        if "levels" in given:
            factor = _with_levels(factor, given["levels"])
        else:
            used = self._learn(call, lambda: factor.drop_unused().levels)
            factor = factor.aligned(used, str(call))
        if "labels" in given:
            factor = _with_labels(factor, given["labels"])
        return replace(factor, ordered=ordered, logical=False, contrast=None)


def _contrast(given: Mapping[str, Expr]) -> tuple[str, int | None] | None:
    how_many = _whole(given.get("how.many"), "how.many", None)
    if "contr" not in given:
        return None
    kind = strip_parens(given["contr"])
    text = kind.name if isinstance(kind, Name) else kind.value if isinstance(kind, Text) else ""
    if text.removeprefix("contr.").lower() not in CODINGS:
        raise NodeError(
            f"the contrasts in C() are one of {', '.join(CODINGS)}, not {kind}; "
            "a matrix goes into the argument contrasts",
            given["contr"],
        )
    return text, how_many


def _with_levels(factor: Factor, levels: Expr) -> Factor:
    wanted = _label_list(levels)
    known = {label: i for i, label in enumerate(factor.labels())}
    position = np.full(len(known) + 1, -1, dtype=np.intp)
    for place, label in enumerate(wanted):
        if label in known:
            position[known[label]] = place
    return replace(factor, codes=position[factor.codes], levels=pd.Index(wanted, dtype=object))


def _with_labels(factor: Factor, labels: Expr) -> Factor:
    new = _label_list(labels)
    if len(new) != len(factor.levels):
        raise NodeError(
            f"{len(new)} labels are given for {len(factor.levels)} levels "
            f"({', '.join(factor.labels())})",
            labels,
        )
    return replace(factor, levels=pd.Index(new, dtype=object))


def _label_list(expr: Expr) -> list[str]:
    items = [item.value if isinstance(item, Text) else str(item) for item in _items(expr)]
    if len(set(items)) < len(items):
        raise NodeError(f"the levels in {expr} must all differ", expr)
    return items


def _items(expr: Expr) -> list[Expr]:
    expr = strip_parens(expr)
    if isinstance(expr, Call) and expr.function == "c":
        items = [strip_parens(value) for _, value in expr.arguments]
    else:
        items = [expr]
    for item in items:
        value = item.operand if isinstance(item, Unary) else item
        if not isinstance(value, Number | Text | Constant):
            raise NodeError(f"{item} must be a constant here, such as c(1, 2)", item)
    return items


def _number_list(expr: Expr | None) -> list[float] | None:
    if expr is None or expr == Constant("NULL"):
        return None
    return [_constant(item) for item in _items(expr)]


def _constant(expr: Expr) -> float:
    match strip_parens(expr):
        case Number(value):
            return value
        case Unary("-", operand):
            return -_constant(operand)
        case Unary("+", operand):
            return _constant(operand)
    raise NodeError(f"{expr} must be a number here", expr)


def _whole(expr: Expr | None, name: str, default: int | None) -> int | None:
    if expr is None or expr == Constant("NULL"):
        return default
    value = _constant(expr)
    if value % 1:
        raise NodeError(f"{name} must be a whole number, not {expr}", expr)
    return int(value)


def _flag(expr: Expr | None, default: bool) -> bool:
    if expr is None:
        return default
    text = str(strip_parens(expr))
    if text not in ("TRUE", "T", "FALSE", "F"):
        raise NodeError(f"{expr} must be TRUE or FALSE here", expr)
    return text in ("TRUE", "T")


def _flag_or_number(expr: Expr | None, default: bool) -> bool | float:
    if expr is not None and isinstance(strip_parens(expr), Number | Unary):
        return _constant(expr)
    return _flag(expr, default)

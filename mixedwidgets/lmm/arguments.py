"""The constants among the arguments of a function call, and whether a call makes sense.

Everything that can be judged without data is judged when the formula is read.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    children,
    strip_parens,
)
from mixedwidgets.lmm.settings import CODINGS, Contrast, SplineSettings
from mixedwidgets.lmm.signatures import BASES, FACTORS, NUMERIC, match_arguments

MAX_DEGREE = 100
MAX_COLUMNS = 1000


def check_calls(expr: Expr) -> None:
    """Check every function call in a sum of terms.

    Raises
    ------
    NodeError
        For an unknown function, wrong arguments, or what is not arithmetic inside a function.
    """
    if isinstance(expr, Call):
        check_call(expr)
        return
    for part in children(expr):
        check_calls(part)


def check_call(call: Call) -> None:
    """Check one function call and everything inside it.

    Raises
    ------
    NodeError
        As ``check_calls``.
    """
    if call.function == "c":
        raise NodeError("c() can only list constants inside another function", call)
    given = match_arguments(call)
    if call.function in FACTORS:
        _check_factor(given)
    elif call.function in BASES:
        _check_arithmetic(given["x"])
        if call.function == "poly":
            polynomial_settings(call)
        else:
            spline_settings(call)
    else:
        _check_arithmetic(given.get("x", given.get("object", call)))
        if "base" in given:
            _check_arithmetic(given["base"])
        for name in ("center", "scale"):
            flag_or_number(given.get(name), True)


def _check_factor(given: Mapping[str, Expr]) -> None:
    source = strip_parens(given.get("x", given.get("object", Constant("NULL"))))
    if isinstance(source, Call):
        check_call(source)
    elif not isinstance(source, Name):
        _check_arithmetic(source)
    for name in ("levels", "labels"):
        if name in given:
            label_list(given[name])
    contrast(given)


def _check_arithmetic(expr: Expr) -> None:
    match expr:
        case Name(".") | Text() | Constant():
            raise NodeError(f"{expr} is not a number", expr)
        case Binary(op, _, _) if op not in ("*", "/", "^"):
            raise NodeError(f"{op} is not arithmetic and cannot stand inside a function", expr)
        case Call(function) if function in NUMERIC:
            check_call(expr)
        case Call(function):
            match_arguments(expr)
            raise NodeError(
                f"{function}() does not give one number a row and cannot stand inside "
                "arithmetic or another function",
                expr,
            )
        case Paren() | Unary() | Binary() | Sum():
            for part in children(expr):
                _check_arithmetic(part)


def polynomial_settings(call: Call) -> tuple[int, bool]:
    """Read the degree of ``poly()`` and whether it is raw."""
    given = match_arguments(call)
    return _degree(call, given, 1), flag(given.get("raw"), False)


def spline_settings(call: Call) -> SplineSettings:
    """Read the arguments of ``bs()`` or ``ns()`` besides the variable."""
    given = match_arguments(call)
    boundary = number_list(given.get("Boundary.knots"))
    if boundary is not None and len(boundary) != 2:
        raise NodeError("Boundary.knots holds two numbers, such as c(0, 10)", call)
    df = whole(given.get("df"), "df", None)
    knots = number_list(given.get("knots"))
    if max(df or 0, len(knots or ())) > MAX_COLUMNS:
        raise NodeError(f"{call.function}() has at most {MAX_COLUMNS} columns", call)
    return SplineSettings(
        degree=_degree(call, given, 3),
        df=df,
        inner=knots,
        intercept=flag(given.get("intercept"), False),
        boundary=boundary,
    )


def _degree(call: Call, given: Mapping[str, Expr], default: int) -> int:
    degree = whole(given.get("degree"), "degree", default)
    if degree is None or degree < 1:
        raise NodeError(f"the degree of {call.function}() is a whole number of at least 1", call)
    if degree > MAX_DEGREE:
        raise NodeError(f"the degree of {call.function}() is at most {MAX_DEGREE}", call)
    return degree


def contrast(given: Mapping[str, Expr]) -> Contrast | None:
    """Read the coding that ``C(f, kind, how_many)`` asks for."""
    how_many = whole(given.get("how.many"), "how.many", None)
    if how_many is not None and how_many < 1:
        raise NodeError("the number of contrasts in C() is at least 1", given["how.many"])
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
    by_function = isinstance(kind, Name) and text.startswith("contr.")
    return Contrast(text, how_many, numbered=by_function or how_many is not None)


def label_list(expr: Expr) -> list[str]:
    """Read distinct constants as text, such as ``c("low", "high")``."""
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


def number_list(expr: Expr | None) -> list[float] | None:
    """Read a constant number or ``c()`` of them."""
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


def whole(expr: Expr | None, name: str, default: int | None) -> int | None:
    """Read a whole number."""
    if expr is None or expr == Constant("NULL"):
        return default
    value = _constant(expr)
    if value % 1:
        raise NodeError(f"{name} must be a whole number, not {expr}", expr)
    return int(value)


def flag(expr: Expr | None, default: bool) -> bool:
    """Read TRUE or FALSE."""
    if expr is None:
        return default
    text = str(strip_parens(expr))
    if text not in ("TRUE", "T", "FALSE", "F"):
        raise NodeError(f"{expr} must be TRUE or FALSE here", expr)
    return text in ("TRUE", "T")


def flag_or_number(expr: Expr | None, default: bool) -> bool | float:
    """Read TRUE, FALSE or a number."""
    if expr is not None and isinstance(strip_parens(expr), Number | Unary):
        return _constant(expr)
    return flag(expr, default)

"""The algebra of model terms: an expression -> intercept, terms and offsets, by R's rules.

A term is a bit mask over the variables of the expression. Terms are unique, ordered by degree
and then by appearance; within a term the variables stand in the order in which they first appear
in the whole expression (so ``b + a:b`` gives the term ``b:a``), all as documented for R's
``terms.formula``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    walk,
)
from mixedwidgets.lmm.signatures import match_arguments

MAX_TERMS = 2000


@dataclass(frozen=True)
class Terms:
    """The terms of one side of a formula.

    Attributes
    ----------
    intercept : bool
    terms : tuple of tuple of Expr
        The variables of each term.
    offsets : tuple of Expr
        The arguments of the ``offset()`` calls.
    mentioned : tuple of Expr
        Every variable the expression names, also one whose terms are all subtracted: as in R, a
        row where it is missing is left out.
    """

    intercept: bool
    terms: tuple[tuple[Expr, ...], ...]
    offsets: tuple[Expr, ...]
    mentioned: tuple[Expr, ...] = ()

    def labels(self) -> tuple[str, ...]:
        """Return the terms as text, such as ``a:b``."""
        return tuple(":".join(map(str, term)) for term in self.terms)


def expand(expr: Expr) -> Terms:
    """Expand a sum of terms into the terms it stands for.

    Parameters
    ----------
    expr : Expr
        One side of a formula, without random terms; ``.`` counts as a variable.

    Raises
    ------
    NodeError
        For anything that is not a term.
    """
    return _Expansion().run(expr)


def interaction(term: Sequence[Expr]) -> Expr:
    """Join the variables of a term with colons."""
    out = term[0]
    for variable in term[1:]:
        out = Binary(":", out, variable)
    return out


def uses_dot(expr: Expr) -> bool:
    """Tell whether an expression contains ``.``."""
    return any(node == Name(".") for node in walk(expr))


class _Expansion:
    """Collects variables and the intercept while an expression is expanded."""

    def __init__(self) -> None:
        self.variables: dict[Expr, int] = {}
        self.offsets: dict[Expr, None] = {}
        self.intercept = True
        self.adding = True

    def run(self, expr: Expr) -> Terms:
        masks = sorted(self._terms(expr), key=int.bit_count)
        variables = list(self.variables)
        terms = tuple(tuple(v for i, v in enumerate(variables) if mask >> i & 1) for mask in masks)
        return Terms(self.intercept, terms, tuple(self.offsets), tuple(variables))

    def _terms(self, expr: Expr) -> list[int]:
        match expr:
            case Name():
                return [self._variable(expr)]
            case Number(value):
                return self._number(expr, value)
            case Paren(inner):
                return self._terms(inner)
            case Unary(op, operand):
                return self._terms(operand) if op == "+" else self._removed(operand)
            case Sum():
                return self._sum(expr)
            case Call():
                return self._call(expr)
            case Binary():
                return self._binary(expr)
            case Text() | Constant():
                raise NodeError(
                    f"{expr} cannot be a term; a column name with unusual characters goes in "
                    f"backticks: `{expr.value if isinstance(expr, Text) else expr.name}`",
                    expr,
                )
        raise AssertionError(expr)

    def _variable(self, expr: Expr) -> int:
        return 1 << self.variables.setdefault(expr, len(self.variables))

    def _number(self, expr: Expr, value: float) -> list[int]:
        if value not in (0, 1):
            raise NodeError(
                f"the number {expr} cannot be a term; only 1 (an intercept) and 0 (none) can, "
                "and arithmetic goes inside I(), such as I(2 * x)",
                expr,
            )
        self.intercept = (value == 1) == self.adding
        return []

    def _removed(self, operand: Expr) -> list[int]:
        """Read what is subtracted, for its effect on the intercept; it adds no terms."""
        self._subtracted(operand)
        return []

    def _subtracted(self, operand: Expr) -> list[int]:
        self.adding = not self.adding
        masks = self._terms(operand)
        self.adding = not self.adding
        return masks

    def _sum(self, expr: Sum) -> list[int]:
        masks = dict.fromkeys(self._terms(expr.first))
        for op, term in expr.rest:
            if op == "+":
                masks |= dict.fromkeys(self._terms(term))
            else:
                for mask in self._subtracted(term):
                    masks.pop(mask, None)
        return self._unique(masks, expr)

    def _call(self, expr: Call) -> list[int]:
        if expr.function == "offset":
            if not self.adding:
                raise NodeError("an offset cannot be subtracted; leave it out", expr)
            self.offsets[match_arguments(expr)["object"]] = None
            return []
        return [self._variable(expr)]

    def _binary(self, expr: Binary) -> list[int]:
        if expr.op == "^":
            return self._power(expr)
        if expr.op in ("|", "||"):
            raise NodeError(f"a random term goes in parentheses: ({expr})", expr)
        self._refuse_offset(expr)
        _refuse_arithmetic(expr)
        left, right = self._terms(expr.left), self._terms(expr.right)
        if expr.op == ":":
            return self._unique([a | b for a in left for b in right], expr)
        if expr.op == "*":
            return self._unique([*left, *right, *(a | b for a in left for b in right)], expr)
        if expr.op == "/":
            every = _union(left)
            return self._unique([*left, *(every | b for b in right)], expr)
        every = _union(right)  # %in%
        return self._unique([a | every for a in left], expr)

    def _power(self, expr: Binary) -> list[int]:
        exponent = strip_parens(expr.right)
        if not isinstance(exponent, Number) or exponent.value < 1 or exponent.value % 1:
            raise NodeError(
                f"the exponent of a sum of terms is a whole number of at least 1, not "
                f"{expr.right}; the power of a variable is written I({expr})",
                expr.right,
            )
        self._refuse_offset(expr)
        base = self._terms(expr.left)
        masks = base
        for _ in range(int(min(exponent.value, len(base) + 1)) - 1):
            masks = self._unique([a | b for a in masks for b in base], expr)
        return masks

    def _unique(self, masks: Sequence[int] | dict[int, None], expr: Expr) -> list[int]:
        unique = list(dict.fromkeys(masks))
        if len(unique) > MAX_TERMS:
            raise NodeError(
                f"this part of the formula stands for more than {MAX_TERMS} terms", expr
            )
        return unique

    def _refuse_offset(self, expr: Binary) -> None:
        for node in walk(expr):
            if isinstance(node, Call) and node.function == "offset":
                raise NodeError("an offset cannot interact with other terms; add it with +", node)


def _refuse_arithmetic(expr: Binary) -> None:
    """Refuse ``1/x`` and ``2 * x``, which as terms would lose the number."""
    sides = strip_parens(expr.left), strip_parens(expr.right)
    if expr.op in ("*", "/") and any(isinstance(side, Number) for side in sides):
        raise NodeError(
            f"{expr.op} joins terms here and does not calculate, so it cannot join a number; "
            f"write I({expr}) for arithmetic",
            expr,
        )


def _union(masks: Sequence[int]) -> int:
    every = 0
    for mask in masks:
        every |= mask
    return every

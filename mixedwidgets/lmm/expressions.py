"""The expression tree of a formula, and its text as R writes it.

A tree holds its parentheses: an operator whose operand binds less tightly wraps it in ``Paren``
when it is built, so ``parse(str(tree)) == tree`` for every tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mixedwidgets.errors import FormulaError

_CONTROL = ("if", "else", "repeat", "while", "function", "for", "next", "break", "in")
_MISSING = ("NA", "NA_integer_", "NA_real_", "NA_character_", "NA_complex_")
RESERVED = frozenset((*_CONTROL, *_MISSING, "TRUE", "FALSE", "NULL", "Inf", "NaN"))

_BAR, _SUM, _PRODUCT, _IN, _COLON, _UNARY, _POWER, _ATOM = range(1, 9)
BINDING = {
    "|": _BAR,
    "||": _BAR,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "%in%": _IN,
    ":": _COLON,
    "^": _POWER,
}
"""How tightly each binary operator binds: R's precedence."""
UNARY_BINDING = _UNARY

_DOTTED = re.compile(r"\.\d|\.\.\.$|\.\.\d+$")
_SPACED = frozenset(("|", "||", "*", "%in%"))
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class NodeError(FormulaError):
    """A formula error at a place in the expression tree; ``parse`` adds the caret.

    Parameters
    ----------
    message : str
    node : Expr
        The part of the formula that is at fault.
    """

    def __init__(self, message: str, node: Expr):
        super().__init__(message)
        self.node = node


@dataclass(frozen=True)
class Name:
    """A variable; ``.`` stands for every column not yet used."""

    name: str

    def __str__(self) -> str:
        return self.name if is_syntactic(self.name) else quoted(self.name, "`")


@dataclass(frozen=True)
class Number:
    """A finite constant that is not negative; ``integer`` remembers R's suffix ``L``."""

    value: float
    integer: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.value < math.inf:
            raise ValueError("a number in a formula is finite and has its sign in front")
        object.__setattr__(self, "value", float(self.value))

    def __str__(self) -> str:
        text = _number_text(self.value)
        return f"{text}L" if self.integer else text


@dataclass(frozen=True)
class Text:
    """A string constant, allowed as an argument of a function only."""

    value: str

    def __str__(self) -> str:
        return quoted(self.value, '"')


@dataclass(frozen=True)
class Constant:
    """``TRUE``, ``FALSE`` or ``NULL``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Paren:
    """Parentheses as written."""

    inner: Expr

    def __str__(self) -> str:
        return f"({self.inner})"


@dataclass(frozen=True)
class Unary:
    """A sign before an operand."""

    op: str
    operand: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "operand", _wrapped(self.operand, _UNARY))

    def __str__(self) -> str:
        return f"{self.op}{self.operand}"


@dataclass(frozen=True)
class Binary:
    """``left op right`` for every operator except plus and minus."""

    op: str
    left: Expr
    right: Expr

    def __post_init__(self) -> None:
        level = BINDING[self.op]
        left, right = (level + 1, _UNARY) if self.op == "^" else (level, level + 1)
        object.__setattr__(self, "left", _wrapped(self.left, left))
        object.__setattr__(self, "right", _wrapped(self.right, right))

    def __str__(self) -> str:
        space = " " if self.op in _SPACED else ""
        return f"{self.left}{space}{self.op}{space}{self.right}"


@dataclass(frozen=True)
class Sum:
    """A flat chain of plus and minus: ``first op term op term ...``.

    Attributes
    ----------
    first : Expr
    rest : tuple of (str, Expr)
        Each further operand with its operator; at least one.
    """

    first: Expr
    rest: tuple[tuple[str, Expr], ...]

    def __post_init__(self) -> None:
        first: Expr = self.first
        rest = self.rest
        if isinstance(first, Sum):
            rest = (*first.rest, *rest)
            first = first.first
        object.__setattr__(self, "first", _wrapped(first, _SUM))
        object.__setattr__(self, "rest", tuple((op, _wrapped(e, _SUM + 1)) for op, e in rest))

    def __str__(self) -> str:
        return str(self.first) + "".join(f" {op} {term}" for op, term in self.rest)


@dataclass(frozen=True)
class Call:
    """A function call.

    Attributes
    ----------
    function : str
    arguments : tuple of (str or None, Expr)
        Each argument with its name where one was written.
    """

    function: str
    arguments: tuple[tuple[str | None, Expr], ...]

    def __str__(self) -> str:
        inside = ", ".join(
            str(value) if name is None else f"{Name(name)} = {value}"
            for name, value in self.arguments
        )
        return f"{self.function}({inside})"


Expr = Name | Number | Text | Constant | Paren | Unary | Binary | Sum | Call


@lru_cache(maxsize=4096)
def is_syntactic(name: str) -> bool:
    """Tell whether R would print the name without backticks."""
    if not name or name in RESERVED or name[0] == "_" or _DOTTED.match(name):
        return False
    return (name[0] == "." or name[0].isidentifier()) and all(is_name_character(c) for c in name)


def is_name_character(character: str) -> bool:
    """Tell whether a character may stand in a name outside backticks."""
    return character == "." or f"a{character}".isidentifier()


def quoted(text: str, quote: str) -> str:
    r"""Put text between quotes, escaping as R does: ``\```, ``\\``, ``\n``, ``\u{2028}`` ..."""
    out = []
    for character in text:
        if character == quote:
            out.append("\\" + quote)
        elif character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif character.isprintable():
            out.append(character)
        else:
            out.append(f"\\u{{{ord(character):x}}}")
    return quote + "".join(out) + quote


def strip_parens(expr: Expr) -> Expr:
    """Return the expression inside any surrounding parentheses."""
    while isinstance(expr, Paren):
        expr = expr.inner
    return expr


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct parts of an expression, left to right."""
    match expr:
        case Paren(inner):
            return (inner,)
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Sum(first, rest):
            return (first, *(term for _, term in rest))
        case Call(_, arguments):
            return tuple(value for _, value in arguments)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it, left to right."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def names_in(expr: Expr) -> tuple[str, ...]:
    """Return the names of the variables in an expression, each once, in order of appearance."""
    return tuple(dict.fromkeys(e.name for e in walk(expr) if isinstance(e, Name)))


def replaced(expr: Expr, change: Mapping[Expr, Expr]) -> Expr:
    """Return an expression with parts replaced; a sum put in for a summand merges with its sum.

    Parts in which nothing changes are the same objects as before.
    """
    if expr in change:
        return change[expr]
    before = children(expr)
    parts = tuple(replaced(part, change) for part in before)
    if all(new is old for new, old in zip(parts, before, strict=True)):
        return expr
    match expr:
        case Paren():
            return Paren(*parts)
        case Unary(op, _):
            return Unary(op, *parts)
        case Binary(op, _, _):
            return Binary(op, *parts)
        case Sum(_, rest):
            pairs: list[tuple[str, Expr]] = []
            for (op, _), new in zip(rest, parts[1:], strict=True):
                if op == "+" and isinstance(new, Sum):
                    pairs += [("+", new.first), *new.rest]
                else:
                    pairs.append((op, new))
            return Sum(parts[0], tuple(pairs))
        case Call(function, arguments):
            names = (name for name, _ in arguments)
            return Call(function, tuple(zip(names, parts, strict=True)))
    raise AssertionError(expr)


def plain_name(expr: Expr) -> str:
    """Return a column's name without backticks, or the text of a function of columns."""
    return expr.name if isinstance(expr, Name) else str(expr)


def is_bar(expr: Expr) -> bool:
    """Tell whether an expression is ``x | g`` or ``x || g``."""
    return isinstance(expr, Binary) and expr.op in ("|", "||")


def binding(expr: Expr) -> int:
    """Return how tightly the outermost operator of an expression binds."""
    match expr:
        case Binary(op, _, _):
            return BINDING[op]
        case Sum():
            return _SUM
        case Unary():
            return _UNARY
        case _:
            return _ATOM


def _wrapped(expr: Expr, least: int) -> Expr:
    return expr if binding(expr) >= least else Paren(expr)


def _number_text(value: float) -> str:
    """Write a number as R does: 15 digits where they suffice, the shorter of 1e+05 and 100000."""
    digits = next(d for d in range(1, 18) if float(f"{value:.{d - 1}e}") == value)
    scientific = f"{value:.{digits - 1}e}"
    decimals = max(digits - 1 - int(scientific.split("e")[1]), 0)
    fixed = f"{value:.{decimals}f}"
    return fixed if len(fixed) <= len(scientific) else scientific

"""Formula text -> ModelSpec, by a closed grammar: a formula is never run as code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.arguments import check_calls
from mixedwidgets.lmm.expressions import (
    BINDING,
    UNARY_BINDING,
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
    is_bar,
    walk,
)
from mixedwidgets.lmm.lexer import Token, tokenize
from mixedwidgets.lmm.random_terms import check_random_term
from mixedwidgets.lmm.signatures import FACTORS
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.lmm.terms import Terms, expand

MAX_DEPTH = 40
_CONSTANTS = ("TRUE", "FALSE", "NULL")
_EXAMPLE = "such as y ~ x + (x | group)"


def parse(formula: str) -> ModelSpec:
    """Read a mixed-model formula.

    Parameters
    ----------
    formula : str
        In lme4's grammar, such as ``"mscore ~ flp + ses + (ses | school)"``.

    Returns
    -------
    ModelSpec

    Raises
    ------
    FormulaError
        With one sentence and a caret under the place where the formula stops making sense.

    Notes
    -----
    Formulas mean what they mean to R and lme4 1.1, with these exceptions:

    - ``.`` stands for every column but the response, the grouping factors, and columns given by
      name as weights, offset or subset. lme4 leaves out only a response that is a plain column.
    - A minus after a random term counts: ``(1 | g) - 1`` has no intercept. lme4 reads ``+ 1``.
    - ``factor(x)``, ``as.factor(x)`` and ``ordered(x)`` may group rows. lme4 does not find x.
    - Parentheses around a whole grouping factor are not part of its name.
    - ``y ~ x | g`` and ``x * (1 | g)`` are refused. lme4 reads ``(x | g)`` and ``x``.
    - ``1/x`` and ``1 * x`` are refused outside ``I()``. R reads terms and loses the number.
    - ``C(f, sum)`` where levels of f do not occur in the rows used is refused by ``build``. R
      warns and uses treatment contrasts.
    - Comparisons, and functions outside the list, are refused.
    """
    if not isinstance(formula, str):
        raise FormulaError(
            f"a formula is a string {_EXAMPLE}, not a value of type {type(formula).__name__}"
        )
    return _parse(formula)


@lru_cache(maxsize=512)
def _parse(formula: str) -> ModelSpec:
    sides = read_sides(formula)
    if sides.response is None:
        raise FormulaError(
            f"the response is missing left of the ~, {_EXAMPLE}", formula, formula.index("~")
        )
    spec = ModelSpec(sides.response, sides.rhs)
    try:
        check(spec)
    except NodeError as error:
        raise sides.with_caret(error) from None
    return spec


@dataclass(frozen=True)
class Sides:
    """Both sides of a formula as read, not yet judged.

    Attributes
    ----------
    formula : str
        The text.
    response : Expr or None
        None where nothing stands left of the tilde.
    rhs : Expr
    place : callable
        Where a node of the two sides stands in the text; None for a node that does not.
    """

    formula: str
    response: Expr | None
    rhs: Expr
    place: Callable[[Expr], int | None]

    def with_caret(self, error: NodeError) -> FormulaError:
        """Return an error at a node as an error at a place in the text."""
        place = self.place(error.node)
        return FormulaError(error.message, None if place is None else self.formula, place)


def read_sides(formula: str) -> Sides:
    """Read the grammar of a formula, which may lack the response, without judging its terms.

    Raises
    ------
    FormulaError
        As ``parse``.
    """
    parser = _Parser(formula)
    response, rhs = parser.two_sides()
    return Sides(formula, response, rhs, parser.position_of)


def check(spec: ModelSpec) -> None:
    """Judge the terms of a model.

    Raises
    ------
    NodeError
        At the part of the formula that makes no sense.
    """
    refuse_bare_bar(spec.rhs)
    check_response(spec.response)
    random = spec.random
    check_calls(spec.rhs)
    for term in random:
        check_random_term(term)
    fixed = expand(spec.fixed)
    _refuse_response_on_the_right(spec, fixed)
    if not random:
        raise NodeError(
            "a mixed model needs a random term such as (1 | group); add one with +", spec.rhs
        )


def refuse_bare_bar(rhs: Expr) -> None:
    """Refuse ``x | g`` without parentheses.

    Raises
    ------
    NodeError
    """
    if is_bar(rhs) or (isinstance(rhs, Sum) and any(map(is_bar, children(rhs)))):
        raise NodeError("a random term goes in parentheses: (x | group)", rhs)


def _refuse_response_on_the_right(spec: ModelSpec, fixed: Terms) -> None:
    columns = [
        v for t in (fixed, *(expand(r.columns) for r in spec.random)) for v in chain(*t.terms)
    ]
    groups = [node for r in spec.random for node in walk(r.group)]
    for found in (*columns, *groups):
        if found == spec.response:
            raise NodeError(
                f"the response {spec.response} also stands right of the ~; remove it there", found
            )


def check_response(response: Expr) -> None:
    """Check that the left side of a formula can be a response.

    Raises
    ------
    NodeError
        For a random term, the dot, or a function that does not give numbers.
    """
    check_calls(response)
    for node in walk(response):
        if is_bar(node):
            raise NodeError("a random term belongs right of the ~", node)
        if node == Name("."):
            raise NodeError("the response must be named; it cannot be the dot", node)
        if isinstance(node, Call) and (node.function in FACTORS or node.function == "offset"):
            raise NodeError(f"the response must be numbers, which {node} is not", node)
    if isinstance(response, Number | Text | Constant):
        raise NodeError(f"the response must be a column, not {response}", response)


class _Parser:
    """Precedence climbing over the tokens of one formula."""

    def __init__(self, formula: str):
        self.formula = formula
        self.tokens = tokenize(formula)
        self.next = 0
        self.nesting = 0
        self.places: dict[int, tuple[int, int, Expr]] = {}

    def position_of(self, node: Expr) -> int | None:
        """Return where a node was read; the node is kept alive so that its id stays its own."""
        found = self.places.get(id(node))
        if found is not None:
            return found[0]
        inside = [self.places[id(n)][0] for n in walk(node) if id(n) in self.places]
        return min(inside, default=None)

    def two_sides(self) -> tuple[Expr | None, Expr]:
        if self._token.kind == "end":
            raise FormulaError(f"the formula is empty; write one {_EXAMPLE}")
        tildes = [t for t in self.tokens if t.kind == "op" and t.text == "~"]
        if not tildes:
            raise self._error(
                f"a formula needs a ~ between the response and the predictors, {_EXAMPLE}",
                self.tokens[-1],
            )
        if len(tildes) > 1:
            raise self._error("a formula has only one ~", tildes[1])
        response = None if self._is_op("~") else self._expression(0)
        if not self._is_op("~"):
            raise self._unexpected()
        self.next += 1
        if self._token.kind == "end":
            raise self._error(f"nothing stands right of the ~, {_EXAMPLE}", self._token)
        rhs = self._expression(0)
        if self._token.kind != "end":
            raise self._unexpected()
        return response, rhs

    @property
    def _token(self) -> Token:
        return self.tokens[self.next]

    def _is_op(self, *texts: str) -> bool:
        return self._token.kind == "op" and self._token.text in texts

    def _error(self, message: str, token: Token) -> FormulaError:
        return FormulaError(message, self.formula, token.position)

    def _unexpected(self) -> FormulaError:
        token = self._token
        if token.kind == "end":
            return self._error("the formula ends where a variable should follow", token)
        if self._is_op(")"):
            return self._error("this closing parenthesis has no opening one", token)
        if self._is_op("="):
            return self._error("= has no place here; a formula separates its sides with ~", token)
        if self._is_op("~"):
            return self._error("the ~ cannot stand inside parentheses", token)
        if token.kind == "op":
            return self._error(f"a variable should stand before this {token.text}", token)
        return self._error(
            f"an operator such as + should stand before {token.text!r}; "
            "a column name with spaces goes in `backticks`",
            token,
        )

    def _placed(self, node: Expr, token: Token, *parts: Expr) -> Expr:
        depth = 1 + max((self.places[id(p)][1] for p in parts), default=0)
        if depth > MAX_DEPTH:
            raise self._error(f"the formula is nested more than {MAX_DEPTH} levels deep", token)
        self.places[id(node)] = (token.position, depth, node)
        return node

    def _expression(self, least: int) -> Expr:
        self.nesting += 1
        if self.nesting > 2 * MAX_DEPTH:
            raise self._error(
                f"the formula is nested more than {MAX_DEPTH} levels deep", self._token
            )
        left = self._operand()
        while self._token.kind == "op" and BINDING.get(self._token.text, -1) >= max(least, 1):
            operator = self._token
            if operator.text in ("+", "-"):
                left = self._sum(left)
                continue
            self.next += 1
            level = BINDING[operator.text]
            right = self._expression(UNARY_BINDING if operator.text == "^" else level + 1)
            left = self._placed(Binary(operator.text, left, right), operator, left, right)
        self.nesting -= 1
        return left

    def _sum(self, first: Expr) -> Expr:
        start, rest = self._token, []
        while self._is_op("+", "-"):
            operator = self._token.text
            self.next += 1
            rest.append((operator, self._expression(BINDING["+"] + 1)))
        return self._placed(Sum(first, tuple(rest)), start, first, *(e for _, e in rest))

    def _operand(self) -> Expr:
        token = self._token
        if token.kind == "op" and token.text in ("+", "-"):
            self.next += 1
            operand = self._expression(UNARY_BINDING)
            return self._placed(Unary(token.text, operand), token, operand)
        if self._is_op("("):
            self.next += 1
            if self._is_op(")"):
                raise self._error("these parentheses are empty", token)
            inner = self._expression(0)
            self._close(token)
            return self._placed(Paren(inner), token, inner)
        if token.kind in ("op", "end"):
            raise self._unexpected()
        self.next += 1
        if token.kind == "number":
            number = Number(float(token.text.removesuffix("L")), token.text.endswith("L"))
            return self._placed(number, token)
        if token.kind == "text":
            return self._placed(Text(token.text), token)
        if self._is_op("("):
            return self._call(token)
        if token.kind == "name" and token.text in _CONSTANTS:
            return self._placed(Constant(token.text), token)
        return self._placed(Name(token.text), token)

    def _close(self, opening: Token) -> None:
        if self._token.kind == "end":
            raise self._error("this opening parenthesis is never closed", opening)
        if not self._is_op(")"):
            raise self._unexpected()
        self.next += 1

    def _call(self, function: Token) -> Expr:
        opening = self._token
        self.next += 1
        arguments: list[tuple[str | None, Expr]] = []
        while not self._is_op(")"):
            if arguments:
                if not self._is_op(","):
                    self._close(opening)
                self.next += 1
            arguments.append(self._argument(opening))
        self.next += 1
        call = Call(function.text, tuple(arguments))
        return self._placed(call, function, *(value for _, value in arguments))

    def _argument(self, opening: Token) -> tuple[str | None, Expr]:
        if self._token.kind == "end":
            raise self._error("this opening parenthesis is never closed", opening)
        following = self.tokens[self.next + 1]
        named = self._token.kind in ("name", "quoted", "text")
        if named and following.kind == "op" and following.text == "=":
            name = self._token.text
            self.next += 2
            return name, self._expression(0)
        return None, self._expression(0)

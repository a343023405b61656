"""ModelSpec: which model is meant, without data; ``str(spec)`` is the formula as R prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mixedwidgets.lmm.expressions import (
    Binary,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    Sum,
    Unary,
    children,
    is_bar,
    replaced,
    walk,
)
from mixedwidgets.lmm.terms import expand, interaction


@dataclass(frozen=True)
class RandomTerm:
    """A random-effects term ``(columns | group)``.

    Attributes
    ----------
    columns : Expr
        What varies: the right side of a formula with its own intercept rule.
    group : Expr
        The grouping factor: a name, ``a:b``, ``a/b`` or ``factor(x)``.
    independent : bool
        True for ``||``: the effects are taken as uncorrelated.
    """

    columns: Expr
    group: Expr
    independent: bool = False

    def __str__(self) -> str:
        return str(self.expression)

    @property
    def expression(self) -> Binary:
        """The term as it stands between its parentheses."""
        return Binary("||" if self.independent else "|", self.columns, self.group)

    def column_sets(self) -> tuple[Expr, ...]:
        """Return the columns of each block of correlated effects.

        One for ``|``; for ``||`` one for the intercept and one for each term, as lme4 1.1 splits
        them: a factor keeps all its columns in one block, without an intercept.
        """
        if not self.independent:
            return (self.columns,)
        terms = expand(self.columns)
        intercept: tuple[Expr, ...] = (Number(1),) if terms.intercept else ()
        return (*intercept, *(sum_of([Number(0), interaction(t)]) for t in terms.terms))

    def pieces(self) -> tuple[Binary, ...]:
        """Return the term with ``||`` written out: one ``x | g`` for each of its column sets."""
        return tuple(Binary("|", columns, self.group) for columns in self.column_sets())


@dataclass(frozen=True)
class ModelSpec:
    """A mixed model as its formula says it: response, and everything right of the tilde.

    Two specs are equal when their formulas are the same text up to spacing, and
    ``parse(str(spec)) == spec``.

    Attributes
    ----------
    response : Expr
        The left side, such as ``Name("mscore")`` or ``log(y)``.
    rhs : Expr
        The right side with its random terms.
    """

    response: Expr
    rhs: Expr

    def __str__(self) -> str:
        return f"{self.response} ~ {self.rhs}"

    @cached_property
    def random(self) -> tuple[RandomTerm, ...]:
        """The random-effects terms as written, in order."""
        return tuple(
            RandomTerm(bar.left, bar.right, bar.op == "||")
            for bar in _bars(self.rhs, inside_sum=True)
        )

    @cached_property
    def fixed(self) -> Expr:
        """The right side without its random terms; ``1`` where nothing is left."""
        return without_bars(self.rhs) or Number(1)

    @cached_property
    def display(self) -> str:
        """The formula as lme4 prints it, with ``||`` written out.

        >>> from mixedwidgets.lmm.formula import parse
        >>> parse("y ~ x + (x || g)").display
        'y ~ x + ((1 | g) + (0 + x | g))'
        """
        return f"{self.response} ~ {self.written_out}"

    @property
    def written_out(self) -> Expr:
        """The right side with ``||`` written out, as lme4 keeps it."""
        pieces: dict[Expr, Expr] = {
            term.expression: sum_of([Paren(piece) for piece in term.pieces()])
            for term in self.random
            if term.independent
        }
        return replaced(self.rhs, pieces)

    def fill_dot(self, columns: Iterable[str]) -> ModelSpec:
        """Return the spec with ``.`` written out as a sum of these columns."""
        filling = sum_of([Name(column) for column in columns] or [Number(1)])
        return ModelSpec(self.response, replaced(self.rhs, {Name("."): filling}))

    @classmethod
    def of(
        cls,
        response: str | Expr,
        fixed: Iterable[str | Expr] = (),
        slopes: Iterable[str | Expr] | Mapping[str, Iterable[str | Expr]] = (),
        groups: str | Sequence[str | Expr] = (),
        *,
        intercept: bool = True,
        random_intercept: bool = True,
        correlated: bool = True,
    ) -> ModelSpec:
        """Build a spec from column names, whatever characters they contain.

        Parameters
        ----------
        response : str or Expr
            Column name (taken literally, never parsed) or expression.
        fixed : iterable of str or Expr
            Fixed effects in order.
        slopes : iterable of str or Expr, or mapping from group name to such
            Random slopes of every group, or of each group by name.
        groups : str or sequence of str or Expr
            Grouping factors; one random term each.
        intercept, random_intercept : bool
            Whether the fixed part and the random terms have an intercept.
        correlated : bool
            ``|`` or ``||``.

        Examples
        --------
        >>> str(ModelSpec.of("mscore", ["flp", "ses"], ["ses"], "school"))
        'mscore ~ flp + ses + (ses | school)'
        """
        fixed_part = [_expr(f) for f in fixed]
        if not intercept:
            fixed_part.insert(0, Number(0))
        elif not fixed_part:
            fixed_part = [Number(1)]
        for group in [groups] if isinstance(groups, str) else groups:
            chosen = slopes.get(str(group), ()) if isinstance(slopes, Mapping) else slopes
            columns = [_expr(s) for s in chosen]
            n_effects = len(columns) + random_intercept
            if not random_intercept:
                columns.insert(0, Number(0))
            elif not columns:
                columns = [Number(1)]
            bar = "|" if correlated or n_effects < 2 else "||"
            fixed_part.append(Paren(Binary(bar, sum_of(columns), _expr(group))))
        return cls(_expr(response), sum_of(fixed_part))


def sum_of(terms: Sequence[Expr]) -> Expr:
    """Join expressions with plus signs."""
    first, *rest = terms
    return Sum(first, tuple(("+", term) for term in rest)) if rest else first


def without_bars(expr: Expr) -> Expr | None:
    """Return an expression without its random terms, or None where nothing is left."""
    match expr:
        case Paren(inner):
            kept = without_bars(inner)
            return None if kept is None else (expr if kept is inner else Paren(kept))
        case Sum(first, rest):
            pairs = [(op, without_bars(term)) for op, term in (("+", first), *rest)]
            left = [(op, term) for op, term in pairs if term is not None]
            if not left:
                return None
            (op, head), tail = left[0], tuple(left[1:])
            head = Unary("-", head) if op == "-" else head
            return Sum(head, tail) if tail else head
        case Binary("|" | "||", _, _):
            return None
        case _:
            return expr


def _bars(expr: Expr, inside_sum: bool) -> list[Binary]:
    """Return the random terms; refuse one that is not a term of a sum of its own."""
    if is_bar(expr):
        assert isinstance(expr, Binary)
        for part in (expr.left, expr.right):
            nested = next((node for node in walk(part) if is_bar(node)), None)
            if nested is not None:
                raise NodeError("a random term cannot stand inside another random term", nested)
        if not inside_sum:
            raise NodeError(
                f"the random term ({expr}) cannot be part of an interaction, a function or a "
                "subtraction; add it to the formula with +",
                expr,
            )
        return [expr]
    if isinstance(expr, Sum):
        found = _bars(expr.first, inside_sum)
        for op, term in expr.rest:
            found += _bars(term, inside_sum and op == "+")
        return found
    inside = inside_sum and isinstance(expr, Paren)
    return [bar for part in children(expr) for bar in _bars(part, inside)]


def _expr(value: str | Expr) -> Expr:
    return Name(value) if isinstance(value, str) else value

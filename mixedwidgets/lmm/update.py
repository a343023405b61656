"""Changing a formula: ``. ~ . - x + (1 | g)``, as R's ``update`` does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mixedwidgets.errors import FormulaError, listed, nearest
from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    Sum,
    is_bar,
    replaced,
    strip_parens,
    walk,
)
from mixedwidgets.lmm.formula import Sides, check, read_sides, refuse_bare_bar
from mixedwidgets.lmm.spec import ModelSpec, sum_of
from mixedwidgets.lmm.terms import Terms, expand, interaction

_DOT: Expr = Name(".")
_EXAMPLE = "such as '. ~ . + x' or '. ~ . - x + (1 | group)'"


def update_formula(old: ModelSpec, change: str | ModelSpec) -> ModelSpec:
    """Change a model's formula.

    Parameters
    ----------
    old : ModelSpec
    change : str or ModelSpec
        A formula in which ``.`` stands for that side of the old one: ``". ~ . - x"``,
        ``". ~ . + (1 | g)"``, ``"log(.) ~ ."``, ``"~ . + x"`` (the response is kept), or a whole
        new formula. A ModelSpec is a whole new formula and comes back as it is.

    Returns
    -------
    ModelSpec
        Written as R's ``update`` writes it: terms simplified and ordered by degree, then
        ``offset()`` terms, then ``- 1`` where there is no intercept.

    Raises
    ------
    FormulaError
        Where the change cannot be read, its result is no mixed model, or it subtracts a term the
        model does not have, which R would ignore.

    Notes
    -----
    Two departures from R: ``- offset(x)`` removes an offset, and a piece such as ``(1 | g)`` can
    be subtracted from ``(x || g)``, as lme4's stored formula allows.
    """
    if isinstance(change, ModelSpec):
        return change
    if not isinstance(change, str):
        raise FormulaError(
            f"a change of a formula is a string {_EXAMPLE}, "
            f"not a value of type {type(change).__name__}"
        )
    if "~" not in change:
        raise FormulaError(f"a change of a formula has a ~, {_EXAMPLE}, unlike {change!r}")
    return _updated(old, change)


@lru_cache(maxsize=512)
def _updated(old: ModelSpec, change: str) -> ModelSpec:
    sides = read_sides(change)
    try:
        new = _changed(old, sides)
        check(new)
    except NodeError as error:
        raise sides.with_caret(error) from None
    return new


def _changed(old: ModelSpec, sides: Sides) -> ModelSpec:
    refuse_bare_bar(sides.rhs)
    response = old.response
    if sides.response is not None:
        response = replaced(sides.response, {_DOT: old.response})
    addends = _addends(sides.rhs)
    filling = {_DOT: _old_rhs(old, addends)}
    total = _Total()
    for op, addend in addends:
        total.include(op, addend, replaced(addend, filling))
    return ModelSpec(response, _written(total.terms()))


def _addends(rhs: Expr) -> tuple[tuple[str, Expr], ...]:
    """Split the right side of a change into its signed parts."""
    rhs = strip_parens(rhs)
    return (("+", rhs.first), *rhs.rest) if isinstance(rhs, Sum) else (("+", rhs),)


def _old_rhs(old: ModelSpec, addends: Sequence[tuple[str, Expr]]) -> Expr:
    """Return the old right side, with ``||`` written out where a piece of it is subtracted."""
    subtracted = {node for op, e in addends if op == "-" for node in walk(e) if is_bar(node)}
    as_written = {term.expression for term in old.random}
    pieces = {piece for term in old.random for piece in term.pieces()}
    return old.written_out if subtracted & (pieces - as_written) else old.rhs


class _Total:
    """The sum of the parts read so far, and what it stands for."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, Expr]] = []
        self.present: dict[frozenset[Expr], Sequence[Expr]] = {}
        self.offsets: dict[Expr, None] = {}

    def terms(self) -> Terms:
        (_, first), *rest = self.parts or [("+", Number(1))]
        terms = expand(Sum(first, tuple(rest)) if rest else first)
        return Terms(terms.intercept, terms.terms, tuple(self.offsets))

    def include(self, op: str, written: Expr, addend: Expr) -> None:
        """Add or subtract one part; ``written`` is the same before dots were filled in."""
        addend = _bars_as_variables(addend)
        inner = strip_parens(addend)
        if op == "-" and isinstance(inner, Call) and inner.function == "offset":
            self._remove_offset(inner, written)
            return
        stands_for = expand(addend)
        if op == "-":
            self._refuse_absent(addend, written)
            for term in stands_for.terms:
                self.present.pop(frozenset(term), None)
        else:
            self.present |= {frozenset(term): term for term in stands_for.terms}
            self.offsets |= dict.fromkeys(stands_for.offsets)
        self.parts.append((op, addend))

    def _remove_offset(self, call: Call, written: Expr) -> None:
        (gone,) = expand(call).offsets
        if gone not in self.offsets:
            present = listed([f"offset({o})" for o in self.offsets]) or "no offset"
            raise NodeError(
                f"{call} is not in the model and cannot be subtracted from it; it has {present}",
                written,
            )
        del self.offsets[gone]

    def _refuse_absent(self, addend: Expr, written: Expr) -> None:
        for part in _summands(addend):
            gone = expand(part).terms
            if gone and not any(frozenset(term) in self.present for term in gone):
                label = str(strip_parens(part))
                labels = [_label(term) for term in self.present.values()]
                raise NodeError(
                    f"{label} is not in the model and cannot be subtracted from it"
                    f"{nearest(label, labels)}; its terms are {listed(labels) or 'none'}",
                    written,
                )


def _summands(expr: Expr) -> list[Expr]:
    expr = strip_parens(expr)
    if isinstance(expr, Sum):
        return [part for e in (expr.first, *(e for _, e in expr.rest)) for part in _summands(e)]
    return [expr]


def _bars_as_variables(expr: Expr) -> Expr:
    """Wrap each random term in a call without a name, which the algebra takes for a variable."""
    for node in walk(expr):
        if isinstance(node, Binary | Call) and not is_bar(node):
            bar = next((inner for inner in walk(node) if is_bar(inner)), None)
            if bar is not None:
                raise NodeError(
                    f"the random term ({bar}) cannot be part of an interaction or a function; "
                    "where the dot stands for random terms too, write the fixed terms out",
                    node,
                )
    bars = [node for node in walk(expr) if is_bar(node)]
    return replaced(expr, {bar: Call("", ((None, bar),)) for bar in bars})


def _label(term: Sequence[Expr]) -> str:
    return str(interaction([_restored(variable) for variable in term]))


def _restored(variable: Expr) -> Expr:
    if isinstance(variable, Call) and not variable.function:
        return Paren(variable.arguments[0][1])
    return variable


def _written(terms: Terms) -> Expr:
    parts = [interaction([_restored(variable) for variable in term]) for term in terms.terms]
    parts += [Call("offset", ((None, offset),)) for offset in terms.offsets]
    if terms.intercept:
        return sum_of(parts or [Number(1)])
    return Sum(sum_of(parts), (("-", Number(1)),)) if parts else Number(0)

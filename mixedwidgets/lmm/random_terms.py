"""Random terms as lme4 reads them: ``||`` and ``/`` written out, and the formula it prints."""

from __future__ import annotations

from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    strip_parens,
)
from mixedwidgets.lmm.spec import ModelSpec, RandomTerm, replace_bars, sum_of
from mixedwidgets.lmm.terms import expand, interaction, uses_dot


def elementary_terms(spec: ModelSpec) -> tuple[RandomTerm, ...]:
    """Write out ``||`` and nesting: one term per block of correlated effects.

    As lme4 1.1 does: ``(x || g)`` is ``(1 | g) + (0 + x | g)``, where a factor keeps all its
    columns in one block; ``(x | a/b)`` is ``(x | b:a) + (x | a)``.

    Returns
    -------
    tuple of RandomTerm
        In the order of the formula.
    """
    return tuple(
        RandomTerm(columns, group)
        for term in spec.random
        for columns in _column_sets(term)
        for group in nested_groups(term.group)
    )


def display_formula(spec: ModelSpec) -> str:
    """Return the formula as lme4 prints it, with ``||`` written out.

    >>> from mixedwidgets.lmm.formula import parse
    >>> display_formula(parse("y ~ x + (x || g)"))
    'y ~ x + ((1 | g) + (0 + x | g))'
    """
    written_out: dict[Binary, Expr] = {
        term.expression: sum_of(
            [Paren(Binary("|", columns, term.group)) for columns in _column_sets(term)]
        )
        for term in spec.random
        if term.independent
    }
    return f"{spec.response} ~ {replace_bars(spec.rhs, written_out)}"


def nested_groups(group: Expr) -> list[Expr]:
    """Write out ``a/b/c`` as ``c:(b:a)``, ``b:a``, ``a``, the order lme4 gives them.

    Raises
    ------
    NodeError
        Where a grouping factor is not made of names, ``:`` and ``/``.
    """
    match group:
        case Paren(inner):
            return nested_groups(inner)
        case Binary("/", left, right):
            outer = nested_groups(left)
            inner = nested_groups(right)
            return [Binary(":", r, outer[0]) for r in inner] + outer
        case Name(".") | Number():
            pass
        case Name():
            return [group]
        case Binary(":", left, right):
            for part in (left, right):
                if len(nested_groups(part)) > 1:
                    raise NodeError(
                        f"a grouping factor cannot nest with / inside an interaction: {group}",
                        group,
                    )
            return [group]
        case Call(function) if function in ("factor", "as.factor", "ordered"):
            return [group]
        case Binary("*", left, right):
            raise NodeError(
                f"{group} cannot group; write {left}/{right} for {right} nested in {left}, "
                f"{left}:{right} for their combinations, or a random term for each",
                group,
            )
    raise NodeError(
        f"{group} cannot be a grouping factor; right of the bar stands a column, "
        "a:b, a/b or factor(x)",
        group,
    )


def group_name(group: Expr) -> str:
    """Return the name lme4 gives a grouping factor: a plain column without backticks."""
    group = strip_parens(group)
    return group.name if isinstance(group, Name) else str(group)


def _column_sets(term: RandomTerm) -> list[Expr]:
    if not term.independent:
        return [term.columns]
    terms = expand(term.columns)
    sets: list[Expr] = [Number(1)] if terms.intercept else []
    return sets + [sum_of([Number(0), interaction(t)]) for t in terms.terms]


def check_random_term(term: RandomTerm) -> None:
    """Check the grammar of both sides of a random term.

    Raises
    ------
    NodeError
        Where it has no columns, an offset, a dot, or cannot group.
    """
    nested_groups(term.group)
    if uses_dot(term.columns):
        raise NodeError("the dot cannot be used in a random term; name the columns", term.columns)
    terms = expand(term.columns)
    if terms.offsets:
        raise NodeError("an offset belongs in the fixed part of the formula", term.columns)
    if not terms.intercept and not terms.terms:
        raise NodeError(f"the random term ({term}) has no effects left", term.columns)

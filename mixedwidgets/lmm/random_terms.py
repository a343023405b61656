"""Random terms as lme4 reads them, with ``||`` and ``/`` written out."""

from __future__ import annotations

from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    plain_name,
    strip_parens,
)
from mixedwidgets.lmm.spec import ModelSpec, RandomTerm
from mixedwidgets.lmm.terms import expand, uses_dot


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
        for columns in term.column_sets()
        for group in nested_groups(term.group)
    )


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
            within = nested_groups(right)
            if isinstance(right, Paren) and isinstance(within[0], Binary):
                within = [Paren(within[0]), *within[1:]]  # lme4's name of it: (b:c):a
            return [Binary(":", nested, outer[0]) for nested in within] + outer
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
    return plain_name(strip_parens(group))


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

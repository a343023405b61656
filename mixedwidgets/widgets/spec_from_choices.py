"""Choices that fit the data -> the model they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mixedwidgets.lmm.expressions import Binary, Call, Expr, Name, Number, Paren, plain_name
from mixedwidgets.lmm.spec import ModelSpec, sum_of
from mixedwidgets.lmm.terms import expand
from mixedwidgets.widgets.menus import DEGREES
from mixedwidgets.widgets.wish import Pair


@dataclass(frozen=True)
class Parts:
    """What a model is made of, all of it possible.

    Attributes
    ----------
    response, group : str
    fixed, slopes : sequence of str
    correlated : bool
    group2, relation : str or None
    interactions : sequence of (str, str)
    transforms : mapping of column name to transformation
    as_category : sequence of str
        Columns of numbers taken as categories.
    """

    response: str
    group: str
    fixed: Sequence[str] = ()
    slopes: Sequence[str] = ()
    correlated: bool = True
    group2: str | None = None
    relation: str | None = None
    interactions: Sequence[Pair] = ()
    transforms: Mapping[str, str] = field(default_factory=dict)
    as_category: Sequence[str] = ()


def spec_of(parts: Parts) -> ModelSpec:
    """Write the model: fixed effects, interactions, then the random terms.

    Examples
    --------
    >>> str(spec_of(Parts("y", "a", ["x"], ["x"], group2="b", relation="nested")))
    'y ~ x + (x | a) + (1 | a:b)'
    """

    def shown(name: str) -> Expr:
        return expression(name, parts.transforms.get(name, "none"), name in parts.as_category)

    fixed: list[Expr] = [shown(name) for name in parts.fixed] or [Number(1)]
    fixed += [Binary(":", shown(one), shown(other)) for one, other in parts.interactions]
    slopes: list[Expr] = [shown(name) for name in parts.slopes] or [Number(1)]
    bar = "|" if parts.correlated or not parts.slopes else "||"
    group = Name(parts.group)
    random: list[Expr] = [Paren(Binary(bar, sum_of(slopes), group))]
    if parts.group2 is not None:
        second = Name(parts.group2)
        within = Binary(":", group, second) if parts.relation == "nested" else second
        random.append(Paren(Binary("|", Number(1), within)))
    return ModelSpec(shown(parts.response), sum_of([*fixed, *random]))


def expression(name: str, transform: str, as_category: bool = False) -> Expr:
    """A column as the formula writes it: ``x``, ``log(x)``, ``poly(x, 2)``, ``factor(x)`` ..."""
    column = Name(name)
    if as_category:
        return Call("factor", ((None, column),))
    if transform in DEGREES:
        return Call("poly", ((None, column), (None, Number(DEGREES[transform]))))
    return column if transform == "none" else Call(transform, ((None, column),))


def contrasts_of(
    spec: ModelSpec, codings: Mapping[str, str], as_category: Sequence[str] = ()
) -> tuple[Pair, ...]:
    """Which factors among the fixed effects are coded otherwise than by default.

    Parameters
    ----------
    spec : ModelSpec
    codings : mapping of column name to coding
        Those that differ from the default.
    as_category : sequence of str
        Columns of numbers taken as categories.

    Returns
    -------
    tuple of (str, str)
        The factor as ``lmer(contrasts=)`` names it, and its coding.
    """
    present = {variable for term in expand(spec.fixed).terms for variable in term}
    factors = {name: expression(name, "none", name in as_category) for name in codings}
    return tuple(
        (plain_name(factors[name]), coding)
        for name, coding in codings.items()
        if factors[name] in present
    )

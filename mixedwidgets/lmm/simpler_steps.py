"""The steps from a model to those whose random part is one step simpler: formulas and designs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.columns import Numeric
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.dropping import Kept, reduced_design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.expressions import Binary, Expr, Number, Paren
from mixedwidgets.lmm.groups import lme4_order
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.modelmatrix import coded_columns, fully_coded
from mixedwidgets.lmm.random_terms import elementary_terms, group_name, nested_groups
from mixedwidgets.lmm.recipe import Recipe
from mixedwidgets.lmm.spec import ModelSpec, RandomTerm, sum_of, without_bars
from mixedwidgets.lmm.terms import Terms, interaction

_NO_FACTOR = Numeric(np.empty(0))


@dataclass(frozen=True)
class Part:
    """One random-effects term as written out, and the block of the design that it gives.

    Attributes
    ----------
    block : int
    written : int
        Which term of the formula, as written, it is part of.
    group : Expr
    terms : Terms
    widths : tuple of int
        Number of columns of each of the terms.
    factors : tuple of bool
        Whether a factor is among the variables of each of the terms.
    """

    block: int
    written: int
    group: Expr
    terms: Terms
    widths: tuple[int, ...]
    factors: tuple[bool, ...]

    @property
    def columns(self) -> Expr:
        """The columns as a formula writes them."""
        return _columns(self.terms.intercept, self.terms.terms)

    def places(self, number: int) -> range:
        """Which columns of the block belong to a term; -1 is the intercept."""
        if number < 0:
            return range(1)
        first = int(self.terms.intercept) + sum(self.widths[:number])
        return range(first, first + self.widths[number])

    def droppable(self) -> Iterator[int]:
        """The terms that are part of no other, and whose place no other takes."""
        terms = [set(t) for t in self.terms.terms]
        for number, term in enumerate(terms):
            contained = any(term < other for other in terms)
            takes_its_place = self.factors[number] and not self.terms.intercept
            if not contained and not (takes_its_place and len(terms) > 1):
                yield number

    def without(self, number: int) -> Expr | None:
        """The columns without a term; None where nothing is left."""
        left = [t for i, t in enumerate(self.terms.terms) if i != number]
        intercept = self.terms.intercept and number >= 0
        return _columns(intercept, left) if left or intercept else None


@dataclass(frozen=True)
class Step:
    """A step to a simpler model, before it is fitted.

    Attributes
    ----------
    step, words, formula : str
        As in ``SimplerModel``.
    design : Design
        Of the simpler model; without random effects where none is left.
    kept : tuple of (k,) arrays of bool, or None
        For each block which effects stay; None where a term is split and nothing is dropped.
    variances : int
        How many variances are held at zero.
    size : int
        Where that is one, number of effects of the term that it is in.
    """

    step: str
    words: str
    formula: str
    design: Design
    kept: Kept | None
    variances: int
    size: int


def parts_of(design: Design) -> list[Part]:
    """The terms of the formula, written out, in its order.

    Raises
    ------
    ModelError
        The design has no formula.
    """
    recipe, spec = design.recipe, design.spec
    elementary = elementary_terms(spec)
    if len(recipe.random) != len(design.blocks) or len(elementary) != len(design.blocks):
        raise ModelError(
            "This fit was not made from a formula and data, so there are no formulas of simpler "
            "models; fit it by lmer with a formula."
        )
    levels = {g.name: len(g.levels) for g in design.groupings}
    order = lme4_order([levels[group_name(group)] for group, _ in recipe.random])
    written = [n for n, term in enumerate(spec.random) for _ in range(_count(term))]
    out = []
    for place, ((group, terms), number) in enumerate(zip(recipe.random, written, strict=True)):
        widths, factors = _widths(terms, recipe)
        out.append(Part(order.index(place), number, group, terms, widths, factors))
    return out


def _count(term: RandomTerm) -> int:
    return len(term.column_sets()) * len(nested_groups(term.group))


def _widths(terms: Terms, recipe: Recipe) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Number of columns of each term, and whether a factor is in it."""
    variables = {v: recipe.factors.get(v) for term in terms.terms for v in term}
    factors_alone = {v: f if f is not None else _NO_FACTOR for v, f in variables.items()}
    full = fully_coded(terms, factors_alone)
    widths, factors = [], []
    for term, in_full in zip(terms.terms, full, strict=True):
        width = 1
        for v in term:
            factor = variables[v]
            if factor is None:
                width *= recipe.widths[v]
            else:
                width *= len(coded_columns(v, factor, v in in_full, recipe.contrasts))
        widths.append(width)
        factors.append(any(variables[v] is not None for v in term))
    return tuple(widths), tuple(factors)


def steps(design: Design, fitted: Estimate) -> Iterator[Step]:
    """All steps to a simpler random part.

    Parameters
    ----------
    design, fitted
        The fit.

    Raises
    ------
    ModelError
        The design has no formula.
    """
    parts = parts_of(design)
    for part in parts:
        yield from _uncorrelated(design, parts, part)
        yield from _without_effects(design, fitted, parts, part)
    for number in range(len(design.groupings)):
        yield _without_group(design, parts, number)


def _uncorrelated(design: Design, parts: Sequence[Part], part: Part) -> Iterator[Step]:
    """The step from ``|`` to ``||``, where no factor would get more columns by it."""
    ids = [*([-1] if part.terms.intercept else []), *range(len(part.widths))]
    if len(ids) < 2 or any(part.factors):
        return
    block = design.blocks[part.block]
    split = [
        replace(
            block,
            names=tuple(block.names[c] for c in part.places(i)),
            columns=block.columns[:, part.places(i)],
        )
        for i in ids
    ]
    blocks = (*design.blocks[: part.block], *split, *design.blocks[part.block + 1 :])
    effects = " and ".join(_effect(part, i) for i in ids)
    if len(ids) > 2:
        effects = "the effects"
    group = plain(group_name(part.group))
    yield Step(
        "correlation",
        f"{effects} vary independently between levels of {group}",
        _formula(design, parts, {part.block: (part.columns, True)}),
        replace(design, blocks=blocks),
        None,
        0,
        0,
    )


def _without_effects(
    design: Design, fitted: Estimate, parts: Sequence[Part], part: Part
) -> Iterator[Step]:
    """The steps that leave one effect of a term out."""
    chosen = list(part.droppable())
    width = len(design.blocks[part.block].names)
    sole = sum(design.blocks[p.block].grouping == design.blocks[part.block].grouping for p in parts)
    unvarying = part.terms.intercept and fitted.covariances[part.block][0, 0] == 0.0
    if unvarying and not any(part.factors):
        chosen.insert(0, -1)
    for number in chosen:
        columns = part.without(number)
        if columns is None and sole == 1:
            continue  # the same as leaving out the grouping factor
        places = part.places(number)
        kept = tuple(np.ones(len(b.names), dtype=bool) for b in design.blocks)
        kept[part.block][list(places)] = False
        yield Step(
            "effect",
            f"{_effect(part, number)} does not vary between levels of "
            f"{plain(group_name(part.group))}",
            _formula(design, parts, {part.block: None if columns is None else (columns, False)}),
            reduced_design(design, kept),
            kept,
            len(places),
            width,
        )


def _without_group(design: Design, parts: Sequence[Part], number: int) -> Step:
    """The step that leaves out a grouping factor."""
    gone = [n for n, b in enumerate(design.blocks) if b.grouping == number]
    kept = tuple(np.full(len(b.names), b.grouping != number) for b in design.blocks)
    name = plain(design.groupings[number].name)
    count = sum(len(design.blocks[n].names) for n in gone)
    linear = len(design.groupings) == 1
    return Step(
        "group",
        f"levels of {name} do not differ" + (": a linear model remains" if linear else ""),
        _formula(design, parts, dict.fromkeys(gone)),
        reduced_design(design, kept),
        kept,
        count,
        1,
    )


def _formula(
    design: Design,
    parts: Sequence[Part],
    changed: dict[int, tuple[Expr, bool] | None],
) -> str:
    """The formula with the terms of some blocks changed or, where there is None, left out.

    Terms as written stay as they are unless a part of them changes.
    """
    spec = design.spec
    fixed = without_bars(spec.rhs)
    random: list[Expr] = []
    for number, term in enumerate(spec.random):
        mine = [p for p in parts if p.written == number]
        if not any(p.block in changed for p in mine):
            random.append(Paren(term.expression))
            continue
        for p in mine:
            now = changed.get(p.block, (p.columns, False))
            if now is not None:
                columns, independent = now
                random.append(Paren(Binary("||" if independent else "|", columns, p.group)))
    rhs = [*([] if fixed is None else [fixed]), *random]
    return str(ModelSpec(spec.response, sum_of(rhs or [Number(1)])))


def _columns(intercept: bool, terms: Sequence[tuple[Expr, ...]]) -> Expr:
    """Columns as a formula writes them, with its intercept rule."""
    own = [interaction(term) for term in terms]
    if not own:
        return Number(1)
    return sum_of(own if intercept else [Number(0), *own])


def _effect(part: Part, number: int) -> str:
    """One term of a part in words."""
    if number < 0:
        return "the intercept"
    kind = "effect" if part.factors[number] or len(part.terms.terms[number]) > 1 else "slope"
    return f"the {kind} of {plain(part.terms.labels()[number])}"

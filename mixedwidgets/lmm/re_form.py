"""Which random effects a prediction keeps: ``re_form="~ (1 | Subject)"``, as in lme4."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import FormulaError, listed, nearest
from mixedwidgets.lmm.arguments import check_calls
from mixedwidgets.lmm.columns import Table, Variable
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.expressions import Expr, Name, NodeError, Number, names_in
from mixedwidgets.lmm.formula import read_sides, refuse_bare_bar
from mixedwidgets.lmm.functions import Evaluator
from mixedwidgets.lmm.groups import lme4_order
from mixedwidgets.lmm.modelmatrix import model_matrix
from mixedwidgets.lmm.random_terms import check_random_term, elementary_terms, group_name
from mixedwidgets.lmm.recipe import Recipe
from mixedwidgets.lmm.spec import ModelSpec, RandomTerm
from mixedwidgets.lmm.terms import Terms, expand

_EXAMPLE = 'such as "~ (1 | group)"'
_ALLOWED = f'"all", "none", or a formula {_EXAMPLE}'
_RESPONSE: Expr = Name("y")


def parse_re_form(re_form: Any, spec: ModelSpec) -> tuple[RandomTerm, ...]:
    """Read which random terms of a model to keep.

    Parameters
    ----------
    re_form : str or None
        ``"all"`` or None (lme4's NULL): every random effect. ``"none"``, ``"~ 0"`` or NaN (lme4's
        NA): none. Otherwise a formula without a response, such as ``"~ (1 | Subject)"``, whose
        terms must be contained in those of the model.
    spec : ModelSpec
        The model.

    Returns
    -------
    tuple of RandomTerm
        With ``||`` and ``/`` written out, in the order of ``re_form``.

    Raises
    ------
    FormulaError
        Where it cannot be read, or names a grouping factor or a term the model does not have.
    """
    if re_form is None or re_form == "all":
        return elementary_terms(spec)
    if re_form == "none" or _is_nan(re_form):
        return ()
    if not isinstance(re_form, str) or "~" not in re_form:
        raise FormulaError(f"re_form must be {_ALLOWED}, not {re_form!r}")
    sides = read_sides(re_form)
    try:
        if sides.response is not None:
            raise NodeError(
                f"re_form has nothing left of its ~, {_EXAMPLE}; it only selects random effects",
                sides.response,
            )
        return _kept(sides.rhs, spec)
    except NodeError as error:
        raise sides.with_caret(error) from None


def selected_columns(design: Design, re_form: Any) -> tuple[NDArray[np.bool_], ...]:
    """Find which columns of the random effects a prediction keeps.

    As in lme4, ``~ (1 | Subject)`` keeps the intercept of ``(Days | Subject)``.

    Parameters
    ----------
    design : Design
    re_form : str or None
        As in ``parse_re_form``.

    Returns
    -------
    tuple of (k,) arrays of bool
        One for each of ``design.blocks``: True for the columns kept.

    Raises
    ------
    FormulaError
        As ``parse_re_form``, or where a factor is coded otherwise than in the model.
    """
    kept = parse_re_form(re_form, design.spec)
    everything = re_form is None or re_form == "all"
    masks = tuple(np.full(len(b.names), everything) for b in design.blocks)
    if everything:
        return masks
    own = _terms_of_blocks(design)
    for term in kept:
        name = group_name(term.group)
        mine = [
            (mask, block.names, terms)
            for mask, block, (group, terms) in zip(masks, design.blocks, own, strict=True)
            if group == name
        ]
        wanted = _in_order_of([terms for _, _, terms in mine], expand(term.columns))
        names = _column_names(wanted, design.recipe)
        absent = [n for n in names if not any(n in columns for _, columns, _ in mine)]
        for mask, columns, _ in mine:
            mask |= np.isin(columns, names)
        split = any(_splits_a_term(mask, terms, design.recipe) for mask, _, terms in mine)
        if absent or split:
            has = listed([n for _, columns, _ in mine for n in columns])
            raise FormulaError(
                f"re_form asks for ({term}), which stands for the effects {', '.join(names)} of "
                f"{name!r}, but the model codes them as {has}; write the term as the model does"
            )
    return masks


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _kept(rhs: Expr, spec: ModelSpec) -> tuple[RandomTerm, ...]:
    refuse_bare_bar(rhs)
    if rhs == Number(0):
        return ()
    check_calls(rhs)
    asked = ModelSpec(_RESPONSE, rhs)
    for term in asked.random:
        check_random_term(term)
    if not asked.random or asked.fixed != Number(1):
        raise NodeError(
            f"re_form holds random terms only, {_EXAMPLE}, or is ~ 0; "
            f"{asked.fixed} is no random term",
            rhs,
        )
    known: dict[str, list[Terms]] = {}
    for term in elementary_terms(spec):
        known.setdefault(group_name(term.group), []).append(expand(term.columns))
    kept = elementary_terms(asked)
    for term in kept:
        _refuse_unknown(term, known, spec)
    return kept


def _refuse_unknown(term: RandomTerm, known: Mapping[str, list[Terms]], spec: ModelSpec) -> None:
    name = group_name(term.group)
    has = listed([f"({t})" for t in spec.random])
    if name not in known:
        raise NodeError(
            f"re_form names the grouping factor {name!r}, which the model does not have"
            f"{nearest(name, known)}; it has {listed(list(map(repr, known)))}",
            term.group,
        )
    wanted = expand(term.columns)
    if wanted.intercept and not any(terms.intercept for terms in known[name]):
        raise NodeError(
            f"re_form asks for a random intercept of {name!r}, which the model does not have; "
            f"its random terms are {has}; write 0 + to leave the intercept out",
            term.columns,
        )
    present = {frozenset(t) for terms in known[name] for t in terms.terms}
    for label, variables in zip(wanted.labels(), wanted.terms, strict=True):
        if frozenset(variables) not in present:
            labels = [text for terms in known[name] for text in terms.labels()]
            raise NodeError(
                f"re_form asks for the effect {label} of {name!r}, which the model does not have"
                f"{nearest(label, labels)}; its random terms are {has}",
                term.columns,
            )


def _terms_of_blocks(design: Design) -> list[tuple[str, Terms]]:
    """Return the group and terms of each block: the recipe's, put into the order of blocks."""
    levels = {grouping.name: len(grouping.levels) for grouping in design.groupings}
    written = [(group_name(group), terms) for group, terms in design.recipe.random]
    return [written[i] for i in lme4_order([levels[name] for name, _ in written])]


def _in_order_of(own: list[Terms], wanted: Terms) -> Terms:
    """Put the variables of each term in the order they have in the model: ``b:a`` as ``a:b``."""
    order = {frozenset(term): term for terms in own for term in terms.terms}
    return Terms(wanted.intercept, tuple(order[frozenset(t)] for t in wanted.terms), ())


def _column_names(terms: Terms, recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the columns of terms, which no rows are needed for."""
    variables = {v: _without_rows(v, recipe) for term in terms.terms for v in term}
    _, names = model_matrix(terms, variables, 0)
    return names


def _without_rows(variable: Expr, recipe: Recipe) -> Variable:
    factor = recipe.factors.get(variable)
    if factor is not None:
        return factor
    missing = {name: np.array([np.nan]) for name in ("", *names_in(variable))}
    value = Evaluator(Table(missing), recipe.learned).variable(variable)
    return value.take(np.array([False]))


def _splits_a_term(mask: NDArray[np.bool_], terms: Terms, recipe: Recipe) -> bool:
    """Tell whether a mask keeps some columns of a term and not others."""
    ends = [
        len(_column_names(Terms(terms.intercept, terms.terms[:k], ()), recipe))
        for k in range(len(terms.terms) + 1)
    ]
    return any(0 < mask[start:end].sum() < end - start for start, end in pairwise(ends))

"""Pure: choices + columns -> Resolved: the model, and what each control may offer and why not."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

from mixedwidgets.errors import DataError, FormulaError
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.menus import Menu, menu, menu_notes
from mixedwidgets.widgets.relation import (
    NOTHING,
    default_relation,
    relation_note,
    relation_offer,
)
from mixedwidgets.widgets.roles import (
    Offer,
    Taken,
    default_group,
    default_response,
    left_out,
    not_a_filter,
    not_a_grouping,
    not_a_response,
    not_a_second_grouping,
    not_a_slope,
    not_fixed,
    not_weights,
    offer_of,
    possible,
)
from mixedwidgets.widgets.rowfilter import Filter
from mixedwidgets.widgets.spec_from_choices import Parts, contrasts_of, spec_of
from mixedwidgets.widgets.wish import Pair, Wish

MOST_INTERACTION_COLUMNS = 40
MORE_THAN_SHOWN = "The formula holds more than the controls show."


@dataclass(frozen=True)
class Resolved:
    """The model that the choices give.

    Attributes
    ----------
    response, group, fixed, slopes, correlated, reml
        The choices as far as they are possible together.
    response_offer, group_offer, fixed_offer, slopes_offer : Offer
        What each control offers.
    spec : ModelSpec or None
        The model; None where no response or no grouping is possible, or ``refusal`` says why.
    notes : tuple of str
        Wishes that were left out, each with its reason, in sentences.
    group2, relation : str or None
        The second grouping, and how it relates to the first: "nested" or "crossed".
    interactions : tuple of (str, str)
        In each pair the earlier fixed effect first.
    menus : tuple of Menu
        Transformation and coding of each column in use: response, fixed effects, slopes.
    filter : tuple of Condition
        Which rows are used; the offers, and ``lmer``, are for these rows.
    weights : str or None
    contrast_items : tuple of (str, str)
        ``contrasts`` as pairs.
    typed : str or None
        The formula typed, where it holds more than the controls show; then it is the model.
    group2_offer, relation_offer, weights_offer, filter_offer : Offer
        What the other controls offer.
    refusal : str
        Why the wish gives no model, in one sentence; empty where it does.
    """

    response: str | None
    group: str | None
    fixed: tuple[str, ...]
    slopes: tuple[str, ...]
    correlated: bool
    reml: bool
    response_offer: Offer
    group_offer: Offer
    fixed_offer: Offer
    slopes_offer: Offer
    spec: ModelSpec | None
    notes: tuple[str, ...]
    group2: str | None
    relation: str | None
    interactions: tuple[Pair, ...]
    menus: tuple[Menu, ...]
    filter: Filter
    weights: str | None
    contrast_items: tuple[Pair, ...]
    typed: str | None
    group2_offer: Offer
    relation_offer: Offer
    weights_offer: Offer
    filter_offer: Offer
    refusal: str

    @property
    def contrasts(self) -> dict[str, str] | None:
        """What ``lmer(contrasts=)`` is given."""
        return dict(self.contrast_items) or None

    @property
    def key(self) -> Hashable:
        """What the fit depends on, besides the data: equal keys give equal fits."""
        return self.spec, self.reml, repr(self.filter), self.weights, self.contrast_items

    def menu(self, name: str) -> Menu | None:
        """The menus of a column in use."""
        return next((m for m in self.menus if m.name == name), None)

    def why_no_interaction(self, one: str, other: str) -> str | None:
        """The reason why two columns cannot interact, or None where they can."""
        if one == other:
            return "needs two different columns"
        for name in (one, other):
            if name not in self.fixed:
                return f"needs {name} as a fixed effect, too"
        count = self._widths[one] * self._widths[other]
        if count > MOST_INTERACTION_COLUMNS:
            return f"has {count} combinations, too many to estimate one by one"
        return None

    @property
    def settled(self) -> Wish:
        """The choices as far as they are possible, as a wish that resolves to itself."""
        transforms = tuple((m.name, m.transform) for m in self.menus if m.transform != "none")
        codings = tuple((m.name, m.coding) for m in self.menus if m.coding != m.default_coding)
        return Wish(
            response=self.response,
            group=self.group,
            fixed=self.fixed,
            slopes=self.slopes,
            correlated=self.correlated,
            reml=self.reml,
            group2=self.group2,
            relation=self.relation,
            interactions=self.interactions,
            transforms=transforms,
            codings=codings,
            rows=self.filter,
            weights=self.weights,
            typed=self.typed,
        )

    @cached_property
    def _widths(self) -> dict[str, int]:
        return {m.name: m.width for m in self.menus}


def resolve(wish: Wish, columns: Columns) -> Resolved:
    """Work out the model and the offers.

    Parameters
    ----------
    wish : Wish
        What the user chose.
    columns : Columns
        What the data have, all rows.

    Returns
    -------
    Resolved
    """
    refusal = ""
    try:
        rows, kept = columns.filtered(wish.rows)
    except DataError as error:
        refusal, rows, kept = str(error), (), columns
    found = _roles(wish, kept)
    found = replace(found, filter=rows, filter_offer=_filter_offer(columns))
    found = replace(found, interactions=_interactions(wish, found))
    if refusal:
        return replace(found, refusal=refusal, notes=())
    if wish.typed is not None:
        return _typed(wish.typed, found)
    notes = (*found.notes, *_interaction_notes(wish, found), *_block_notes(found, kept))
    return _with_spec(replace(found, notes=notes), _spec(found))


def _roles(wish: Wish, columns: Columns) -> Resolved:
    """Resolve every role; without interactions, rows and the model itself."""
    groups = offer_of(columns, not_a_grouping)
    group = wish.group
    if group not in groups.names:
        anyhow = offer_of(columns, lambda c: not_a_response(c, None, columns))
        taken = (*possible(_one(wish.response), anyhow), *_one(wish.group2))
        group = default_group(columns, groups, taken=taken)
    responses = offer_of(columns, lambda c: not_a_response(c, group, columns))
    response = wish.response
    if response not in responses.names:
        response = default_response(columns, responses, taken=_one(wish.group2))
    seconds = offer_of(columns, lambda c: not_a_second_grouping(c, Taken(response, group), columns))
    group2 = wish.group2 if group is not None and wish.group2 in seconds.names else None
    relations, relation, relation_notes = _relation(wish, group, group2, columns)
    as_category = [name for name, coding in wish.codings if _as_category(name, coding, columns)]
    taken_roles = Taken(response, group, group2, relation, as_category)
    fixed_offer = offer_of(columns, lambda c: not_fixed(c, taken_roles))
    slopes_offer = offer_of(columns, lambda c: not_a_slope(c, taken_roles, columns))
    weights_offer = offer_of(columns, lambda c: not_weights(c, taken_roles))
    fixed, slopes = possible(wish.fixed, fixed_offer), possible(wish.slopes, slopes_offer)
    menus, menu_remarks = _menus(wish, response, (*fixed, *slopes), columns)
    notes = [
        *left_out(_one(wish.response), "the response", responses),
        *left_out(_one(wish.group), "the grouping", groups),
        *left_out(_one(wish.group2), "a second grouping", seconds),
        *left_out(wish.fixed, "a fixed effect", fixed_offer),
        *left_out(wish.slopes, "a random slope", slopes_offer),
        *left_out(_one(wish.weights), "weights", weights_offer),
        *relation_notes,
        *menu_remarks,
        *(
            f"{name} has a random slope but no fixed effect: its average slope is taken as zero."
            for name in slopes
            if name not in fixed
        ),
    ]
    return Resolved(
        response=response,
        group=group,
        fixed=fixed,
        slopes=slopes,
        correlated=wish.correlated,
        reml=wish.reml,
        response_offer=responses,
        group_offer=groups,
        fixed_offer=fixed_offer,
        slopes_offer=slopes_offer,
        spec=None,
        notes=tuple(notes),
        group2=group2,
        relation=relation,
        interactions=(),
        menus=menus,
        filter=(),
        weights=wish.weights if wish.weights in weights_offer.names else None,
        contrast_items=(),
        typed=None,
        group2_offer=seconds,
        relation_offer=relations,
        weights_offer=weights_offer,
        filter_offer=NOTHING,
        refusal="",
    )


def _relation(
    wish: Wish, group: str | None, group2: str | None, columns: Columns
) -> tuple[Offer, str | None, list[str]]:
    if group is None or group2 is None:
        return NOTHING, None, []
    offer = relation_offer(group, group2, columns)
    if wish.relation in offer.names:
        return offer, wish.relation, []
    relation = default_relation(group, group2, columns, offer, group2 in wish.fixed)
    if wish.relation is None:
        return offer, relation, [relation_note(group, group2, relation, columns)]
    why = offer.why_not(wish.relation) or "is neither nested nor crossed"
    return offer, relation, [f"{group2} is not {wish.relation} in {group}: that {why}."]


def _menus(
    wish: Wish, response: str | None, predictors: tuple[str, ...], columns: Columns
) -> tuple[tuple[Menu, ...], list[str]]:
    transforms, codings = dict(wish.transforms), dict(wish.codings)
    used = [(name, "response") for name in _one(response)]
    used += [(name, "predictor") for name in dict.fromkeys(predictors)]
    menus = [menu(columns[name], role, transforms, codings) for name, role in used]
    return tuple(menus), [n for m in menus for n in menu_notes(m, transforms, codings)]


def _interactions(wish: Wish, found: Resolved) -> tuple[Pair, ...]:
    place = {name: i for i, name in enumerate(found.fixed)}
    kept = [pair for pair in wish.interactions if found.why_no_interaction(*pair) is None]
    ordered = [(a, b) if place[a] < place[b] else (b, a) for a, b in kept]
    return tuple(dict.fromkeys(ordered))


def _interaction_notes(wish: Wish, found: Resolved) -> list[str]:
    reasons = [(pair, found.why_no_interaction(*pair)) for pair in wish.interactions]
    return [f"{a}:{b} is left out: it {why}." for (a, b), why in reasons if why is not None]


def _block_notes(found: Resolved, columns: Columns) -> list[str]:
    """What ``||`` does not part, as in lme4."""
    if found.correlated:
        return []
    menus = [m for m in found.menus if m.name in found.slopes]
    labels = [m.name for m in menus if m.as_category or columns[m.name].kind == "category"]
    several = [m.name for m in menus if m.width > 1 and m.name not in labels]
    return [
        *(
            f"The effects of the categories of {name} stay correlated with each other: || parts "
            "terms, not the columns of one term, as in lme4."
            for name in labels
        ),
        *(
            f"The columns of the polynomial of {name} stay correlated with each other: || parts "
            "terms, not the columns of one term, as in lme4."
            for name in several
        ),
    ]


def _spec(found: Resolved) -> ModelSpec | None:
    if found.response is None or found.group is None:
        return None
    return spec_of(
        Parts(
            response=found.response,
            group=found.group,
            fixed=found.fixed,
            slopes=found.slopes,
            correlated=found.correlated,
            group2=found.group2,
            relation=found.relation,
            interactions=found.interactions,
            transforms={m.name: m.transform for m in found.menus},
            as_category=[m.name for m in found.menus if m.as_category],
        )
    )


def _typed(text: str, found: Resolved) -> Resolved:
    try:
        spec = parse(text)
    except FormulaError as error:
        return replace(found, typed=text, refusal=error.message, notes=())
    return _with_spec(replace(found, typed=text, notes=(MORE_THAN_SHOWN,)), spec)


def _with_spec(found: Resolved, spec: ModelSpec | None) -> Resolved:
    if spec is None:
        return found
    menus = [m for m in found.menus if m.role == "predictor"]
    as_category = [m.name for m in menus if m.as_category]
    codings = {m.name: m.coding for m in menus if m.coding not in ("category", m.default_coding)}
    return replace(found, spec=spec, contrast_items=contrasts_of(spec, codings, as_category))


def _filter_offer(columns: Columns) -> Offer:
    return offer_of(columns, lambda c: not_a_filter(c, columns))


def _as_category(name: str, coding: str, columns: Columns) -> bool:
    """Whether a wish takes a column of numbers as categories, and can."""
    return name in columns and menu(columns[name], "predictor", {}, {name: coding}).as_category


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)

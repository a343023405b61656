"""Pure: choices + columns -> Resolved: the model, and what each control may offer and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.widgets.columns import Column, Columns

MOST_FIXED_LEVELS = 20  # a factor with more levels is a grouping, not a set of fixed effects
FEW_VALUES = 12  # distinct values up to which repeated decimals may be doses or ratings
MOST_SLOPE_LEVELS = 8


@dataclass(frozen=True)
class Wish:
    """The choices as plain values; see ``Choices``."""

    response: str | None = None
    group: str | None = None
    fixed: tuple[str, ...] = ()
    slopes: tuple[str, ...] = ()
    correlated: bool = True
    reml: bool = False


@dataclass(frozen=True)
class Offer:
    """What one control offers.

    Attributes
    ----------
    names : tuple of str
        Columns that can play the role.
    left_out : tuple of (str, str)
        The others, each with the reason in words.
    """

    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def why_not(self, name: str) -> str | None:
        """The reason why a column is left out, or None."""
        return dict(self.left_out).get(name)


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
        The model; None where no response or no grouping is possible.
    notes : tuple of str
        Wishes that were left out, each with its reason, in sentences.
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


def resolve(wish: Wish, columns: Columns) -> Resolved:
    """Work out the model and the offers.

    Parameters
    ----------
    wish : Wish
        What the user chose.
    columns : Columns
        What the data have.

    Returns
    -------
    Resolved
    """
    groups = _offer(columns, _not_a_grouping)
    group = wish.group
    if group not in groups.names:
        anyhow = _offer(columns, lambda c: _not_a_response(c, None, columns))
        group = default_group(columns, groups, taken=_possible(_one(wish.response), anyhow))
    responses = _offer(columns, lambda c: _not_a_response(c, group, columns))
    response = wish.response
    if response not in responses.names:
        response = default_response(columns, responses)
    fixed_offer = _offer(columns, lambda c: _not_fixed(c, response, group))
    slopes_offer = _offer(columns, lambda c: _not_a_slope(c, response, group, columns))
    fixed = _possible(wish.fixed, fixed_offer)
    slopes = _possible(wish.slopes, slopes_offer)
    notes = [
        *_left_out(_one(wish.response), "the response", responses),
        *_left_out(_one(wish.group), "the grouping", groups),
        *_left_out(wish.fixed, "a fixed effect", fixed_offer),
        *_left_out(wish.slopes, "a random slope", slopes_offer),
        *(
            f"{name} has a random slope but no fixed effect: its average slope is taken as zero."
            for name in slopes
            if name not in fixed
        ),
    ]
    spec = None
    if response is not None and group is not None:
        spec = ModelSpec.of(response, fixed, slopes, group, correlated=wish.correlated)
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
        spec=spec,
        notes=tuple(notes),
    )


def default_response(columns: Columns, offer: Offer) -> str | None:
    """The number column with the most distinct values, measurements before whole numbers.

    A few values that repeat often, such as four doses, are no measurement. Whole numbers that
    differ in every row come last: they are most often a row's own number.
    """
    possible = [columns[name] for name in offer.names]
    best = max(
        possible,
        key=lambda c: (_measured(c), not c.whole or c.levels < c.present, c.levels),
        default=None,
    )
    return best.name if best else None


def _measured(column: Column) -> bool:
    return not column.whole and (column.levels > FEW_VALUES or 4 * column.levels >= column.present)


def default_group(columns: Columns, offer: Offer, taken: tuple[str, ...] = ()) -> str | None:
    """The column with the most levels that still repeat, categories before whole numbers.

    Columns taken for another role come last.
    """
    possible = [columns[name] for name in offer.names]
    others = [c for c in possible if c.name not in taken] or possible
    often = [c for c in others if 2 * c.levels <= c.present] or others
    best = max(often, key=lambda c: (c.levels >= 5, c.kind == "category", c.levels), default=None)
    return best.name if best else None


def _offer(columns: Columns, refuse: Callable[[Column], str | None]) -> Offer:
    reasons = {column.name: refuse(column) for column in columns}
    return Offer(
        tuple(name for name, reason in reasons.items() if reason is None),
        tuple((name, reason) for name, reason in reasons.items() if reason is not None),
    )


def _unusable(column: Column) -> str | None:
    if column.name in ("", "."):
        return "has a name that stands for something else in a formula; give it another"
    if column.present == 0:
        return "has no values"
    if column.kind == "other":
        return "holds neither numbers nor categories"
    if column.levels < 2:
        return "has a single value"
    if column.infinite:
        return f"has {column.infinite} infinite value{'s' if column.infinite > 1 else ''}"
    return None


def _not_a_response(column: Column, group: str | None, columns: Columns) -> str | None:
    if column.name == group:
        return "is the grouping"
    if column.kind == "category":
        return "holds categories, not numbers"
    return _unusable(column) or _constant_within(column, group, columns)


def _not_a_grouping(column: Column) -> str | None:
    if column.kind == "number" and not column.whole:
        return "is a measurement with decimals, not a label"
    if column.levels >= column.present and column.levels > 1:
        return "has a different value in every row"
    return _unusable(column)


def _not_fixed(column: Column, response: str | None, group: str | None) -> str | None:
    if column.name == response:
        return "is the response"
    if column.name == group:
        return "is the grouping"
    if column.kind == "category" and column.levels > MOST_FIXED_LEVELS:
        return f"has {column.levels} levels, too many to estimate one by one"
    return _unusable(column)


def _not_a_slope(
    column: Column, response: str | None, group: str | None, columns: Columns
) -> str | None:
    reason = _not_fixed(column, response, group)
    if reason is not None:
        return reason
    if column.kind == "category" and column.levels > MOST_SLOPE_LEVELS:
        return f"has {column.levels} levels, too many for random slopes"
    return _constant_within(column, group, columns)


def _constant_within(column: Column, group: str | None, columns: Columns) -> str | None:
    if group is None or columns.varies_within(column.name, group):
        return None
    return f"does not vary within {group}"


def _possible(wished: tuple[str, ...], offer: Offer) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(wished) if name in offer.names)


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _left_out(wished: tuple[str, ...], role: str, offer: Offer) -> list[str]:
    return [
        f"{name} is not used as {role}: it {offer.why_not(name) or 'is not in the data'}."
        for name in dict.fromkeys(wished)
        if name not in offer.names
    ]

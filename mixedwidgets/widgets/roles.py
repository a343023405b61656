"""Which columns can play which role, and why the others cannot."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from mixedwidgets.widgets.columns import Column, Columns

MOST_FIXED_LEVELS = 20  # a factor with more levels is a grouping, not a set of fixed effects
FEW_VALUES = 12  # distinct values up to which repeated decimals may be doses or ratings
MOST_SLOPE_LEVELS = 8


@dataclass(frozen=True)
class Offer:
    """What one control offers.

    Attributes
    ----------
    names : tuple of str
        Columns that can play the role, or settings that are possible.
    left_out : tuple of (str, str)
        The others, each with the reason in words.
    """

    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def why_not(self, name: str) -> str | None:
        """The reason why a name is left out, or None."""
        return self._reasons.get(name)

    @cached_property
    def _reasons(self) -> dict[str, str]:
        return dict(self.left_out)


@dataclass(frozen=True)
class Taken:
    """Columns that have a role which excludes others.

    Attributes
    ----------
    response, group : str or None
    group2 : str or None
        A second grouping.
    relation : str or None
        How the second grouping relates to the first.
    as_category : collection of str
        Columns of numbers taken as categories.
    """

    response: str | None = None
    group: str | None = None
    group2: str | None = None
    relation: str | None = None
    as_category: Collection[str] = ()


def offer_of(columns: Columns, refuse: Callable[[Column], str | None]) -> Offer:
    """Offer the columns that are not refused; the reasons follow the words *it*."""
    reasons = [(column.name, refuse(column)) for column in columns]
    return Offer(
        tuple(name for name, reason in reasons if reason is None),
        tuple((name, reason) for name, reason in reasons if reason is not None),
    )


def possible(wished: Collection[str], offer: Offer) -> tuple[str, ...]:
    """What of a wish is offered, each once, in the order of the wish."""
    return tuple(name for name in dict.fromkeys(wished) if name in offer.names)


def left_out(wished: Collection[str], role: str, offer: Offer) -> list[str]:
    """One sentence for each wish that is not offered."""
    return [
        f"{name} is not used as {role}: it {offer.why_not(name) or 'is not in the data'}."
        for name in dict.fromkeys(wished)
        if name not in offer.names
    ]


def default_response(columns: Columns, offer: Offer, taken: Collection[str] = ()) -> str | None:
    """The number column with the most distinct values, measurements before whole numbers.

    A few values that repeat often, such as four doses, are no measurement. Whole numbers that
    differ in every row come last: they are most often a row's own number. Columns taken for
    another role are the response only where there is no other.
    """
    names = [name for name in offer.names if name not in taken] or offer.names
    best = max(
        (columns[name] for name in names),
        key=lambda c: (_measured(c), not c.whole or c.levels < c.present, c.levels),
        default=None,
    )
    return best.name if best else None


def _measured(column: Column) -> bool:
    return not column.whole and (column.levels > FEW_VALUES or 4 * column.levels >= column.present)


def default_group(columns: Columns, offer: Offer, taken: Collection[str] = ()) -> str | None:
    """The column with the most levels that still repeat, categories before whole numbers.

    Columns taken for another role come last.
    """
    offered = [columns[name] for name in offer.names]
    others = [c for c in offered if c.name not in taken] or offered
    often = [c for c in others if 2 * c.levels <= c.present] or others
    best = max(often, key=lambda c: (c.levels >= 5, c.kind == "category", c.levels), default=None)
    return best.name if best else None


def unusable(column: Column) -> str | None:
    """Why a column can play no role at all."""
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


def not_a_response(column: Column, group: str | None, columns: Columns) -> str | None:
    """Why a column cannot be the response."""
    if column.name == group:
        return "is the grouping"
    if column.kind == "category":
        return "holds categories, not numbers"
    return unusable(column) or _constant_within(column, group, columns)


def not_a_grouping(column: Column) -> str | None:
    """Why a column cannot be the grouping."""
    if column.kind == "number" and not column.whole:
        return "is a measurement with decimals, not a label"
    if column.levels >= column.present and column.levels > 1:
        return "has a different value in every row"
    return unusable(column)


def not_a_second_grouping(column: Column, taken: Taken, columns: Columns) -> str | None:
    """Why a column cannot be the second grouping."""
    if column.name == taken.response:
        return "is the response"
    if column.name == taken.group:
        return "is the grouping"
    reason = not_a_grouping(column)
    if reason is not None or taken.group is None:
        return reason
    found = columns.together(column.name, taken.group)
    if found.pairs == found.levels_of_first == found.levels_of_second:
        return f"marks the same rows as {taken.group}"
    return None


def not_fixed(column: Column, taken: Taken) -> str | None:
    """Why a column cannot have a fixed effect."""
    if column.name == taken.response:
        return "is the response"
    if column.name == taken.group:
        return "is the grouping"
    if column.name == taken.group2 and taken.relation == "crossed":
        return "is the second grouping"
    if column.kind == "category" and column.levels > MOST_FIXED_LEVELS:
        return f"has {column.levels} levels, too many to estimate one by one"
    return unusable(column)


def not_a_slope(column: Column, taken: Taken, columns: Columns) -> str | None:
    """Why a column cannot have a random slope."""
    reason = not_fixed(column, taken)
    if reason is not None:
        return reason
    if column.name == taken.group2:
        return "is the second grouping"
    labels = column.kind == "category" or column.name in taken.as_category
    if labels and column.levels > MOST_SLOPE_LEVELS:
        return f"has {column.levels} levels, too many for random slopes"
    return _constant_within(column, taken.group, columns)


def not_weights(column: Column, taken: Taken) -> str | None:
    """Why a column cannot hold prior weights."""
    if column.name == taken.response:
        return "is the response"
    if column.name in (taken.group, taken.group2):
        return "is a grouping"
    if column.kind == "category":
        return "holds categories, not numbers"
    if column.present == 0 or column.kind == "other" or column.infinite:
        return unusable(column)
    if column.smallest < 0:
        return "has negative values; a weight says how much a row counts"
    if column.zeros:
        return "has zeros; leave out rows of weight zero by a condition such as > 0"
    return None


def not_a_filter(column: Column, columns: Columns) -> str | None:
    """Why rows cannot be chosen by a column."""
    if not columns.operators(column.name):
        return "holds neither numbers, text, truth values nor dates"
    if column.present == 0:
        return "has no values"
    if column.kind == "number" and math.isnan(column.smallest):
        return "has no finite values"
    return None


def _constant_within(column: Column, group: str | None, columns: Columns) -> str | None:
    if group is None or columns.varies_within(column.name, group):
        return None
    return f"does not vary within {group}"

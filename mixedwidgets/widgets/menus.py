"""What can be done to one column before it enters the model: its transformation, its coding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mixedwidgets.widgets.columns import Column
from mixedwidgets.widgets.roles import MOST_FIXED_LEVELS, Offer
from mixedwidgets.widgets.wish import CODINGS, TRANSFORMS

NUMBER_CODINGS = ("number", "category", "sum", "helmert")
DEGREES = {"poly 2": 2, "poly 3": 3}


@dataclass(frozen=True)
class Menu:
    """The menus of one column in use.

    Attributes
    ----------
    name : str
    role : str
        ``"response"`` or ``"predictor"``.
    transform : str
        One of ``TRANSFORMS``, as far as it is possible.
    transforms : Offer
        Transformations that are possible where the column is not taken as categories.
    coding : str
        One of ``CODINGS`` for categories, of ``NUMBER_CODINGS`` for numbers.
    codings : Offer
    default_coding : str
        The coding where none is wished.
    width : int
        Number of columns of the design that it gives.
    """

    name: str
    role: str
    transform: str
    transforms: Offer
    coding: str
    codings: Offer
    default_coding: str
    width: int

    @property
    def as_category(self) -> bool:
        """Whether a column of numbers is taken as categories."""
        return self.default_coding == "number" != self.coding


def menu(
    column: Column, role: str, transforms: Mapping[str, str], codings: Mapping[str, str]
) -> Menu:
    """Work out the menus of a column.

    Parameters
    ----------
    column : Column
    role : str
        ``"response"`` or ``"predictor"``.
    transforms, codings : mapping of column name to setting
        What is wished.
    """
    coding_offer = _codings(column, role)
    wished = codings.get(column.name, "")
    if column.kind == "number" and wished == "treatment":
        wished = "category"
    default = _default_coding(column)
    coding = wished if wished in coding_offer.names else default
    as_category = column.kind == "number" and coding != "number"
    transform_offer = _transforms(column, role)
    transform = "none" if as_category else transforms.get(column.name, "none")
    transform = transform if transform in transform_offer.names else "none"
    labels = column.kind == "category" or as_category
    width = column.levels - 1 if labels else DEGREES.get(transform, 1)
    return Menu(column.name, role, transform, transform_offer, coding, coding_offer, default, width)


def _default_coding(column: Column) -> str:
    """How R codes a column: ordered categories by polynomials, others against the first."""
    if column.kind != "category":
        return "number"
    return "poly" if column.ordered else "treatment"


def menu_notes(found: Menu, transforms: Mapping[str, str], codings: Mapping[str, str]) -> list[str]:
    """One sentence for each setting wished that is not possible."""
    notes = []
    wished = transforms.get(found.name, found.transform)
    if wished != found.transform:
        why = found.transforms.why_not(wished) or "is no transformation"
        why = "is taken as categories" if found.as_category else why
        notes.append(f"{found.name} is not transformed by {wished}: it {why}.")
    wished = codings.get(found.name, found.coding)
    if wished not in (found.coding, "treatment" if found.coding == "category" else found.coding):
        why = found.codings.why_not(wished) or "is no coding"
        notes.append(f"{found.name} is not coded as {wished}: it {why}.")
    return notes


def _transforms(column: Column, role: str) -> Offer:
    return _offer([(name, _no_transform(column, role, name)) for name in TRANSFORMS])


def _no_transform(column: Column, role: str, name: str) -> str | None:
    if name == "none":
        return None
    if column.kind != "number":
        return "holds categories, not numbers"
    if name == "log" and not column.smallest > 0:
        return f"has values down to {column.smallest:g}, and a logarithm needs numbers above 0"
    if name in DEGREES:
        if role == "response":
            return "is the response, which stays one column"
        if column.levels <= DEGREES[name]:
            return (
                f"has {column.levels} different values, and a polynomial of degree "
                f"{DEGREES[name]} needs at least {DEGREES[name] + 1}"
            )
    return None


def _codings(column: Column, role: str) -> Offer:
    if column.kind == "category":
        return Offer(CODINGS, (("number", "holds categories, not numbers"),))
    why = None
    if role == "response":
        why = "is the response, which must be numbers"
    elif column.levels > MOST_FIXED_LEVELS:
        why = f"has {column.levels} different values, too many to be categories"
    elif column.levels >= column.present:
        why = "has a different value in every row"
    return _offer([(name, None if name == "number" else why) for name in NUMBER_CODINGS])


def _offer(reasons: list[tuple[str, str | None]]) -> Offer:
    return Offer(
        tuple(name for name, why in reasons if why is None),
        tuple((name, why) for name, why in reasons if why is not None),
    )

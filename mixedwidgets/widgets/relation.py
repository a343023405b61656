"""How a second grouping relates to the first: nested in it, or crossed with it."""

from __future__ import annotations

from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.roles import Offer
from mixedwidgets.widgets.wish import RELATIONS

NOTHING = Offer((), tuple((name, "needs a second grouping") for name in RELATIONS))


def relation_offer(group: str, group2: str, columns: Columns) -> Offer:
    """Offer the ways in which the second grouping can relate to the first.

    Parameters
    ----------
    group, group2 : str
        Columns that mark different rows.
    columns : Columns

    Returns
    -------
    Offer
        Of "nested" (random intercepts of every pair of labels) and "crossed" (of every label of
        the second grouping).
    """
    found = columns.together(group2, group)
    if found.pairs <= found.levels_of_second:
        why = (
            f"needs several levels of {group2} within one of {group}, and each {group} has only "
            f"one; to nest, make {group2} the first grouping and {group} the second"
        )
    elif found.pairs >= found.rows:
        why = f"needs several rows for each {group2} within a {group}, and each has only one"
    else:
        return Offer(RELATIONS, ())
    return Offer(("crossed",), (("nested", why),))


def default_relation(
    group: str, group2: str, columns: Columns, offer: Offer, has_fixed_effect: bool
) -> str:
    """What suits the data: nested where every label of the second lies within one of the first.

    So it is where the second grouping also has a fixed effect, such as machines used by workers:
    then only its differences from group to group are random.
    """
    lies_within = not columns.varies_within(group, group2)
    return "nested" if "nested" in offer.names and (lies_within or has_fixed_effect) else "crossed"


def relation_note(group: str, group2: str, relation: str, columns: Columns) -> str:
    """Say what a relation found by default rests on, in one sentence."""
    if not columns.varies_within(group, group2):
        return f"Each {group2} lies in a single {group}, so {group2} is taken as nested in {group}."
    if not columns.varies_within(group2, group):
        return f"Each {group} lies in a single {group2}, so each has its own random intercepts."
    if relation == "nested":
        return (
            f"{group2} has a fixed effect, so its random part is nested in {group}: how it differs "
            f"from one {group} to another."
        )
    return (
        f"Labels of {group2} occur in more than one level of {group}, so the two are taken as "
        "crossed; choose nested where the same label means something else in each."
    )

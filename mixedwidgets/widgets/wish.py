"""What the user wishes, as plain values; ``resolve`` says what of it is possible."""

from __future__ import annotations

from dataclasses import dataclass

from mixedwidgets.widgets.rowfilter import Filter

TRANSFORMS = ("none", "log", "center", "scale", "poly 2", "poly 3")
CODINGS = ("treatment", "sum", "helmert", "poly")
RELATIONS = ("nested", "crossed")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Wish:
    """The choices as plain values.

    Attributes
    ----------
    response, group : str or None
        Column names; None for what suits the data.
    fixed, slopes : tuple of str
        Columns with a fixed effect, and with a random slope.
    correlated : bool
        Random intercepts and slopes correlated (``|``) or not (``||``).
    reml : bool
        Criterion.
    group2 : str or None
        A second grouping.
    relation : str or None
        ``"nested"`` (the second grouping within the first) or ``"crossed"``; None for what suits
        the data.
    interactions : tuple of (str, str)
        Pairs of fixed effects.
    transforms : tuple of (str, str)
        Columns, each with one of ``TRANSFORMS``; "none" for those not named.
    codings : tuple of (str, str)
        Columns of categories, each with one of ``CODINGS``; columns of numbers to be taken as
        categories, each with "category" (compared with the first), "sum" or "helmert".
    rows : tuple of Condition
        Which rows are used: those that fulfil every condition.
    weights : str or None
        Column of prior weights.
    typed : str or None
        A formula that holds more than the other choices can say. It is the model; then the others
        say of it what they can.
    """

    response: str | None = None
    group: str | None = None
    fixed: tuple[str, ...] = ()
    slopes: tuple[str, ...] = ()
    correlated: bool = True
    reml: bool = False
    group2: str | None = None
    relation: str | None = None
    interactions: tuple[Pair, ...] = ()
    transforms: tuple[Pair, ...] = ()
    codings: tuple[Pair, ...] = ()
    rows: Filter = ()
    weights: str | None = None
    typed: str | None = None

    @property
    def expressible(self) -> bool:
        """Whether the choices say the whole model, without a typed formula."""
        return self.typed is None

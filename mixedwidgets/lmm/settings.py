"""What the arguments of a function in a formula ask for: codings and splines, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CODINGS = ("treatment", "sum", "helmert", "poly", "sas")


@dataclass(frozen=True)
class Contrast:
    """The coding that ``C(f, kind, how_many)`` asks for in a formula.

    Attributes
    ----------
    kind : str
        A name in ``CODINGS``, also as ``contr.sum``.
    how_many : int or None
        Keep this many contrasts.
    numbered : bool
        Name the columns by the position of the level, as R does when it is given the function
        ``contr.treatment`` or a number of contrasts, instead of by its label.
    """

    kind: str
    how_many: int | None = None
    numbered: bool = False


@dataclass(frozen=True)
class SplineSettings:
    """What a formula says about a spline; None leaves the choice to the data."""

    degree: int
    df: int | None
    inner: Sequence[float] | None
    intercept: bool
    boundary: Sequence[float] | None

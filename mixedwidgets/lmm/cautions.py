"""Cautions: what is fitted by default, but some users want to be warned of or stopped by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.linalg import Array

APART = 1000.0  # ratio of standard deviations beyond which columns are on different scales
FEW = 5


def refuse_few_levels(name: str, count: int) -> None:
    """Refuse a grouping factor with fewer than five levels."""
    if 1 < count < FEW:
        raise ModelError(
            f"the grouping factor {name!r} has only {count} levels, from which a variance between "
            "levels can hardly be estimated; consider it as a fixed effect"
        )


def refuse_redundant(dropped: Sequence[str]) -> None:
    """Refuse fixed-effects columns that are linear combinations of earlier ones."""
    if dropped:
        one = len(dropped) == 1
        raise ModelError(
            f"the fixed effects {'column' if one else 'columns'} {', '.join(dropped)} "
            f"{'is a linear combination' if one else 'are linear combinations'} of the others"
        )


def refuse_scales(X: Array, names: Sequence[str]) -> None:
    """Refuse fixed-effects columns on very different scales, or far from a scale of 1.

    As in lme4, columns of zeros and ones do not count.
    """
    spread = {
        name: float(np.std(column, ddof=1))
        for name, column in zip(names, X.T, strict=True)
        if not np.all((column == 0.0) | (column == 1.0))
    }
    sizes = {name: s for name, s in spread.items() if s > 0.0}
    if not sizes:
        return
    small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if max(sizes[large], 1.0) > APART * min(sizes[small], 1.0):
        odd = [name for name in dict.fromkeys((small, large)) if not 0.1 <= sizes[name] <= 10.0]
        shown = " and ".join(f"{name} ({sizes[name]:.3g})" for name in odd)
        raise ModelError(
            f"fixed-effects columns are on very different scales, by their standard deviations: "
            f"{shown}; consider other units, or scale({odd[-1]})"
        )

"""Grouping factors: columns, their interactions, and where lme4 puts each random term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.columns import Codes, Factor
from mixedwidgets.lmm.expressions import Binary, Expr, Paren


def group_leaves(group: Expr) -> Iterator[Expr]:
    """Yield the columns and calls that a grouping factor combines."""
    match group:
        case Paren(inner):
            yield from group_leaves(inner)
        case Binary(":", left, right):
            yield from group_leaves(left)
            yield from group_leaves(right)
        case _:
            yield group


def combined(group: Expr, leaves: Mapping[Expr, Factor]) -> Factor:
    """Return a grouping factor with the levels that occur; in ``a:b`` those of b vary fastest.

    Parameters
    ----------
    group : Expr
        Names and calls joined by ``:``.
    leaves : mapping of Expr to Factor
        Each of them on the rows used.

    Raises
    ------
    DataError
        Where two different combinations of levels would have the same label.
    """
    match group:
        case Paren(inner):
            return combined(inner, leaves)
        case Binary(":", left, right):
            return _crossed(combined(left, leaves), combined(right, leaves), str(group))
        case _:
            return leaves[group].drop_unused()


def _crossed(a: Factor, b: Factor, name: str) -> Factor:
    pairs = np.where((a.codes < 0) | (b.codes < 0), -1, a.codes * len(b.levels) + b.codes)
    codes, found = pd.factorize(pairs, sort=True)
    if len(found) and found[0] < 0:
        codes, found = codes - 1, found[1:]
    left, right = a.labels(), b.labels()
    labels = [f"{left[p // len(right)]}:{right[p % len(right)]}" for p in found.tolist()]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(
            f"two different levels of {name} would both be called {twice!r}; "
            "rename levels that contain a colon"
        )
    return Factor(codes.astype(np.intp, copy=False), pd.Index(labels, dtype=object))


def codes_on_levels(factor: Factor, levels: pd.Index) -> tuple[Codes, list[str]]:
    """Find the levels of new data among those of the fit.

    Returns
    -------
    codes : (n,) array of int
        From ``len(levels)`` on for levels the fit does not have; -1 where the label is missing.
    new : list of str
        The levels it does not have, in the order of their codes.
    """
    used = factor.drop_unused()
    places = {str(label): i for i, label in enumerate(Factor(factor.codes, levels).labels())}
    known, labels = len(places), used.labels()
    position = np.array(
        [places.setdefault(label, len(places)) for label in labels] + [-1], dtype=np.intp
    )
    return position[used.codes], list(places)[known:]


def lme4_order(level_counts: Sequence[int]) -> list[int]:
    """Return the order of random terms: decreasing numbers of levels, as lme4 1.1 sorts them.

    Terms already in that order stay as they are; otherwise lme4 reverses an increasing sort, and
    so reverses the order of ties too.
    """
    places = list(range(len(level_counts)))
    if any(later > earlier for earlier, later in pairwise(level_counts)):
        places = sorted(places, key=level_counts.__getitem__)[::-1]
    return places

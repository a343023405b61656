"""Bounds of parameters as users give them, as two arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.likelihood.derivatives import Array


def read_bounds(bounds: Any, names: tuple[str, ...], start: Array) -> tuple[Array, Array]:
    """Read bounds and see that the start lies within.

    Parameters
    ----------
    bounds : None, mapping of names to pairs, sequence of pairs, or one pair
        ``(low, high)``, each a number or None where there is no bound; None for a pair of Nones.
        A single pair is that of a single parameter.
    names : tuple of str
    start : (p,) array

    Returns
    -------
    low, high : (p,) arrays
        Infinite where there is no bound.

    Raises
    ------
    ModelError
        An unknown name, a pair that is none, a start outside.
    """
    pairs = _pairs(bounds, names)
    low, high = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    for i, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        low[i], high[i] = _pair(name, pair)
        if not low[i] <= start[i] <= high[i]:
            raise ModelError(
                f"start has {name} = {start[i]:.7g}, outside its bounds {low[i]:.7g} to "
                f"{high[i]:.7g}; start within them."
            )
    return low, high


def _pairs(bounds: Any, names: tuple[str, ...]) -> list[Any]:
    """One pair, or None, for each parameter."""
    if bounds is None:
        return [None] * len(names)
    if isinstance(bounds, Mapping):
        for name in bounds:
            if name not in names:
                raise ModelError(
                    f"bounds names {brief(name)}{nearest(str(name), names)}; the parameters are "
                    f"{', '.join(names)}."
                )
        return [bounds.get(name) for name in names]
    try:
        pairs = list(bounds)
    except TypeError:
        pairs = []
    if len(names) == 1 and len(pairs) == 2 and not any(isinstance(b, tuple | list) for b in pairs):
        pairs = [tuple(pairs)]
    if len(pairs) != len(names):
        raise ModelError(
            f"bounds is {brief(bounds)}; give one pair (low, high) for each of "
            f"{', '.join(names)}, or a dict of names and pairs."
        )
    return pairs


def _pair(name: str, pair: Any) -> tuple[float, float]:
    """Two numbers, infinite where there is no bound."""
    try:
        low, high = (None, None) if pair is None else pair
        ends = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    except (TypeError, ValueError):
        ends = (np.nan, np.nan)
    if not ends[0] < ends[1]:
        raise ModelError(
            f"the bounds of {name} are {brief(pair)}; give (low, high) with low below high, and "
            "None where there is no bound."
        )
    return ends

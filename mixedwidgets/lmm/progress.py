"""What ``lmer(verbose=...)`` prints while it searches."""

from __future__ import annotations

from collections.abc import Sequence

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array


class Printer:
    """Prints a line for each accepted step of the search.

    Such as ``start 1  step   3  criterion     1743.628365  theta 0.96678 0.015168 0.23091``:
    the number of the start, steps accepted since, the criterion there, and theta in lme4's order.
    """

    def __init__(self) -> None:
        self._start = self._step = 0

    def __call__(self, start: int, theta: Array, value: float) -> None:
        """Print one line."""
        self._step = self._step + 1 if start == self._start else 0
        self._start = start
        numbers = " ".join(f"{number:10.5g}" for number in theta)
        print(f"start {start}  step {self._step:3d}  criterion {value:15.6f}  theta {numbers}")


def verbosity(verbose: object) -> int:
    """Read ``verbose``: 0, 1 or 2 (False and True count as 0 and 1).

    Raises
    ------
    ModelError
        For anything but a whole number of at least 0.
    """
    try:
        level = int(verbose) if verbose == int(verbose) else -1  # type: ignore[call-overload]
    except (TypeError, ValueError):
        level = -1
    if level < 0:
        raise ModelError(
            f"verbose is {brief(verbose)}; give 0 for silence, 1 for a line a step, "
            "2 for sizes too."
        )
    return level


def sizes(design: Design, names: Sequence[str], reml: bool) -> str:
    """What is fitted, in one line."""
    groups = ", ".join(f"{len(g.levels)} of {g.name}" for g in design.groupings)
    return (
        f"rows: {len(design.y)}; levels: {groups}; fixed effects: {len(design.x_names)}; "
        f"theta: {', '.join(names)}; criterion: {'REML' if reml else 'maximum likelihood'}"
    )

"""The verdict on a fit: one value, one plain sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.optimize import Optimum

_MIXED = "one combination"
NEARLY = 1e-6  # components of a unit vector below this count as zero


@dataclass(frozen=True)
class Verdict:
    """How far a fit can be trusted.

    Attributes
    ----------
    kind : str
        ``"converged"``, ``"boundary fit"`` or ``"not converged"``.
    gradient : float
        Largest absolute element of the gradient in theta, in deviance units.
    curvature : float
        Smallest eigenvalue of the Hessian over the free directions, scaled to unit diagonal; NaN
        where no direction is free.
    starts : int
        Number of starting points tried.
    directions : tuple of str
        The directions of zero variance in words.
    sentence : str
        The verdict in plain words.
    """

    kind: str
    gradient: float
    curvature: float
    starts: int
    directions: tuple[str, ...]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def judge(design: Design, optimum: Optimum) -> Verdict:
    """Put the evidence at an optimum into one verdict."""
    directions = tuple(dict.fromkeys(_directions(design, optimum)))
    if not optimum.converged:
        kind = "not converged"
        sentence = (
            "Not converged: the search stopped before the criterion was flat; treat the numbers "
            "with care, rescale the variables or choose a simpler model."
        )
    elif directions:
        kind = "boundary fit"
        sentence = (
            f"Boundary fit: {' and '.join(directions)}; no step away from there raises the "
            "likelihood."
        )
    else:
        kind = "converged"
        sentence = "Converged: the gradient is zero and the criterion curves upward on every side."
    return Verdict(kind, optimum.gradient, optimum.curvature, optimum.starts, directions, sentence)


def _directions(design: Design, optimum: Optimum) -> list[str]:
    """Each direction in words; several that mix the same effects of a term are counted."""
    out = [_direction(design, block, vector) for block, vector in optimum.boundary]
    mixed = Counter(words for words in out if words.startswith(_MIXED))
    return [_counted(words, mixed[words]) for words in out]


def _counted(words: str, count: int) -> str:
    if count < 2:
        return words
    number = {2: "two", 3: "three"}.get(count, str(count))
    return words.replace(_MIXED, f"{number} combinations", 1).replace(" is est", " are est", 1)


def _direction(design: Design, block: int, vector: Array) -> str:
    term = design.blocks[block]
    group = design.groupings[term.grouping].name
    involved = np.flatnonzero(np.abs(vector) > NEARLY)
    if len(involved) == 1:
        name = term.names[involved[0]]
        return f"the variance of {_effect(name)} between levels of {group} is estimated as zero"
    names = [term.names[i] for i in involved]
    if len(names) == 2:
        sign = "-1" if vector[involved[0]] * vector[involved[1]] > 0 else "+1"
        return (
            f"the correlation of {_effect(names[0])} and {_effect(names[1])} between levels of "
            f"{group} is estimated as exactly {sign}"
        )
    return (
        f"{_MIXED} of {', '.join(_effect(n) for n in names)} is estimated to have no "
        f"variance between levels of {group}"
    )


def _effect(name: str) -> str:
    return "the intercept" if name == "(Intercept)" else f"the effect of {name}"

"""The verdict on a fit: one value, one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mixedwidgets.lmm.design import Design, RandomBlock
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.optimize import Optimum

NEARLY = 1e-6  # components of a unit vector below this count as zero
DEPENDENT = 1e-12  # eigenvalue of scaled cross-products that shows columns to be dependent
_COUNTS = {1: "one combination", 2: "two combinations", 3: "three combinations"}


@dataclass(frozen=True)
class Verdict:
    """How far a fit can be trusted.

    Attributes
    ----------
    kind : str
        ``"converged"``: the criterion is level at the estimates and rises on every side.
        ``"boundary fit"``: the same, but some variance is estimated as zero or some correlation as
        one (a singular fit). ``"not converged"``: neither.
    gradient : float
        Largest absolute element of the gradient in theta, in deviance units.
    curvature : float
        Smallest eigenvalue of the Hessian over the free directions, scaled to unit diagonal; NaN
        where no direction is free.
    starts : int
        Number of starting points tried.
    agreeing : int
        How many of them led to this optimum.
    directions : tuple of str
        The directions of zero variance in words; or, where the data do not determine a variance,
        the effects whose variance that is.
    sentence : str
        The verdict in plain words.
    """

    kind: str
    gradient: float
    curvature: float
    starts: int
    agreeing: int
    directions: tuple[str, ...]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def judge(design: Design, optimum: Optimum) -> Verdict:
    """Put the evidence at an optimum into one verdict.

    Parameters
    ----------
    design : Design
        Gives the names of effects and grouping factors.
    optimum : Optimum
        Gives the evidence.

    Returns
    -------
    Verdict
    """
    agreement = _agreement(optimum)
    directions: tuple[str, ...] = ()
    if not optimum.converged:
        kind = "not converged"
        alike = _alike([_Effect(design, block, vector) for block, vector in optimum.level])
        directions = tuple(_varying(same) for same in alike)
        sentence = f"Not converged: {_shortcoming(optimum, directions)}"
    elif optimum.boundary:
        kind = "boundary fit"
        alike = _alike([_Effect(design, block, vector) for block, vector in optimum.boundary])
        directions = directions_in_words(design, optimum.boundary)
        sentence = (
            f"Boundary fit: {'; '.join(_direction(same) for same in alike)}; "
            f"no step away from there raises the likelihood{agreement}."
        )
    else:
        kind = "converged"
        sentence = (
            "Converged: the likelihood is at a peak, level to within rounding and lower on every "
            f"side{agreement}."
        )
    if optimum.converged:
        sentence += "".join(f" {text}" for text in _shared_out(design))
    return Verdict(
        kind,
        optimum.gradient,
        optimum.curvature,
        optimum.starts,
        optimum.agreeing,
        directions,
        sentence,
    )


def directions_in_words(design: Design, boundary: Sequence[tuple[int, Array]]) -> tuple[str, ...]:
    """Directions of zero variance in words; ``boundary`` as in ``Optimum``."""
    alike = _alike([_Effect(design, block, vector) for block, vector in boundary])
    return tuple(_direction(some) for same in alike for some in _apart(same))


def _agreement(optimum: Optimum) -> str:
    if optimum.starts == 1:
        return ""
    if optimum.agreeing == optimum.starts:
        every = "both" if optimum.starts == 2 else f"all {optimum.starts}"
        return f", and {every} starts of the search led there"
    return (
        f", and {optimum.agreeing} of {optimum.starts} starts of the search led there, "
        "the others to places less likely"
    )


def _shared_out(design: Design) -> list[str]:
    """Sentences on two terms of a grouping factor that have a combination of columns in common."""
    out = []
    for one, other in combinations(design.blocks, 2):
        if one.grouping != other.grouping or len(one.names) == len(other.names) == 1:
            continue
        ranks = [_rank(b) for b in (one.columns, other.columns)]
        if _rank(np.hstack([one.columns, other.columns])) < sum(ranks):
            terms = [_listed([_effect(b, i) for i in range(len(b.names))]) for b in (one, other)]
            out.append(
                f"The data do not say how the variance between levels of "
                f"{plain(design.groupings[one.grouping].name)} is split between two of its terms, "
                f"that of {terms[0]} and that of {terms[1]}: every split fits as well."
            )
    return out


def _rank(columns: Array) -> int:
    gram = columns.T @ columns
    size = np.sqrt(np.diag(gram))
    return int(np.count_nonzero(np.linalg.eigvalsh(gram / np.outer(size, size)) > DEPENDENT))


def _shortcoming(optimum: Optimum, undetermined: Sequence[str]) -> str:
    if undetermined:
        return (
            f"the data do not say how much {_listed(undetermined)}: quite different variances are "
            "equally likely, so choose a simpler model."
        )
    if optimum.exhausted:
        taken = len(optimum.path) - 1
        return (
            f"the search stopped at its limit of {taken} step{'' if taken == 1 else 's'} before "
            "the likelihood was level; allow it more with control, start elsewhere, or choose a "
            "simpler model."
        )
    return (
        "the search stopped before the likelihood was level; treat the numbers with care, rescale "
        "the variables or choose a simpler model."
    )


class _Effect:
    """One direction in the random effects of a term."""

    def __init__(self, design: Design, block: int, vector: Array):
        term = design.blocks[block]
        self.group = plain(design.groupings[term.grouping].name)
        self.involved = np.flatnonzero(np.abs(vector) > NEARLY)
        self.names = [_effect(term, int(i)) for i in self.involved]
        self.opposed = len(self.involved) == 2 and bool(np.prod(vector[self.involved]) > 0.0)

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """Directions with the same key go into one phrase."""
        return self.group, () if len(self.names) == 1 else tuple(self.names)


def _alike(found: Sequence[_Effect]) -> list[list[_Effect]]:
    groups: dict[object, list[_Effect]] = {}
    for effect in found:
        groups.setdefault(effect.key, []).append(effect)
    return list(groups.values())


def _apart(same: list[_Effect]) -> list[list[_Effect]]:
    """Single effects one by one; combinations of effects together, to be counted."""
    return [[effect] for effect in same] if len(same[0].names) == 1 else [same]


def _varying(effects: Sequence[_Effect]) -> str:
    """Single effects of one grouping factor, and that they vary."""
    verb = "varies" if len(effects) == 1 else "vary"
    names = _listed([e.names[0] for e in effects])
    return f"{names} {verb} between levels of {effects[0].group}"


def _direction(effects: Sequence[_Effect]) -> str:
    """Directions of one kind between levels of one grouping factor, in words."""
    first = effects[0]
    between = f"between levels of {first.group}"
    if len(first.names) == 1:
        several = len(effects) > 1
        return (
            f"{_listed([e.names[0] for e in effects])} {'do' if several else 'does'} not vary "
            f"{between} beyond noise ({'their variances are' if several else 'its variance is'} "
            "estimated as zero)"
        )
    if len(first.names) == 2:
        how, sign = ("in exactly opposite ways", "-1") if first.opposed else ("in step", "+1")
        return (
            f"{_listed(first.names)} vary {how} {between} (their correlation is estimated as "
            f"exactly {sign})"
        )
    count = _COUNTS.get(len(effects), f"{len(effects)} combinations")
    return (
        f"{count} of {_listed(first.names)} {'does' if len(effects) == 1 else 'do'} not vary "
        f"{between} beyond noise"
    )


def _effect(term: RandomBlock, i: int) -> str:
    """A random effect in words: a slope where a number is continuous, else an effect."""
    name, column = term.names[i], term.columns[:, i]
    if name == "(Intercept)":
        return "the intercept"
    two_values = np.all((column == column.min()) | (column == column.max()))
    return f"the {'effect' if two_values or ':' in name else 'slope'} of {plain(name)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

"""How two models differ, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mixedwidgets.errors import listed
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.random_terms import elementary_terms, group_name
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.lmm.terms import Terms, expand

Part = tuple[str, str]  # what kind of part of a model, and its name

_FEW = 8  # parts that a sentence names


@dataclass(frozen=True)
class Difference:
    """What one model has and the other has not.

    Attributes
    ----------
    added, removed : tuple of str
        Parts of the second model that are not in the first, and of the first that are not in the
        second, such as ``"the fixed effect ses"``.
    changed : tuple of str
        What is otherwise, such as ``"REML instead of ML"``.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def sentence(self, first: str, second: str) -> str:
        """The difference in a sentence about two models of these names."""
        parts = []
        if self.added:
            parts.append(f"{second} adds {_and(self.added)}")
        if self.removed:
            parts.append(f"{'it' if parts else second} leaves out {_and(self.removed)}")
        if self.changed:
            parts.append(f"{'it' if parts else second} has {_and(self.changed)}")
        if not parts:
            return f"{first} and {second} have the same formula, criterion and rows."
        text = "; ".join(parts)
        return f"{text[:1].upper()}{text[1:]}, compared with {first}."


def difference(one: Fit, other: Fit) -> Difference:
    """Say what another fit has that one has not, and the other way round.

    Parameters
    ----------
    one, other : Fit

    Returns
    -------
    Difference
    """
    before, after = _parts(one.design.spec), _parts(other.design.spec)
    return Difference(
        tuple(_named(part for part in after if part not in before)),
        tuple(_named(part for part in before if part not in after)),
        tuple(_changes(one, other)),
    )


def _changes(one: Fit, other: Fit) -> Iterator[str]:
    old, new = (str(fit.design.spec.response) for fit in (one, other))
    if old != new:
        yield f"the response {new} instead of {old}"
    if one.reml != other.reml:
        names = {True: "REML", False: "ML"}
        yield f"{names[other.reml]} instead of {names[one.reml]}"
    if one.nobs != other.nobs:
        yield f"{other.nobs} rows instead of {one.nobs}"
    elif not one.design.index.equals(other.design.index):
        yield "other rows"
    if _weights_differ(one, other):
        yield f"{_weights(other)} instead of {_weights(one)}"
    codings = [dict(fit.call.contrasts or {}) for fit in (one, other)]
    if _codings_differ(*codings):
        yield "another coding of categories"


def _weights(fit: Fit) -> str:
    if fit.design.weights is None:
        return "no weights"
    name = fit.design.weights_name
    return f"the weights {name}" if name else "weights"


def _weights_differ(one: Fit, other: Fit) -> bool:
    old, new = one.design.weights, other.design.weights
    if old is None or new is None:
        return old is not new
    return not np.array_equal(old, new) and len(old) == len(new)


def _codings_differ(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    if set(old) != set(new):
        return True
    return any(old[n] is not new[n] and not np.array_equal(old[n], new[n]) for n in old)  # type: ignore[arg-type]


def _parts(spec: ModelSpec) -> dict[Part, None]:
    """The parts of a model, in the order of its formula."""
    fixed = expand(spec.fixed)
    parts: list[Part] = [("fixed effect", label) for label in fixed.labels()]
    if not fixed.intercept:
        parts.append(("absence", "of the fixed intercept"))
    parts += [("offset", str(offset)) for offset in fixed.offsets]
    for term in elementary_terms(spec):
        columns, group = expand(term.columns), group_name(term.group)
        parts += [(f"by {group}", name) for name in _effects(columns)]
        names = _effects(columns)
        parts += [
            (f"correlation by {group}", f"{names[i]} and {names[j]}")
            for i in range(len(names))
            for j in range(i)
        ]
    return dict.fromkeys(parts)


def _effects(columns: Terms) -> list[str]:
    return [*(["(Intercept)"] if columns.intercept else []), *columns.labels()]


def _named(parts: Iterable[Part]) -> Iterator[str]:
    """Parts of one kind together, as they are called in a sentence."""
    kinds: dict[str, list[str]] = {}
    for kind, name in parts:
        kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        if kind in ("fixed effect", "offset"):
            yield f"the {kind}{'s' * (len(names) > 1)} {_and(names)}"
        elif kind == "absence":
            yield "a fixed part without intercept"
        elif kind.startswith("correlation"):
            group = kind.removeprefix("correlation by ")
            which = "correlation" if len(names) == 1 else f"{len(names)} correlations"
            yield f"the {which} of the random effects of {group}"
        else:
            yield from _random(kind.removeprefix("by "), names)


def _random(group: str, names: list[str]) -> Iterator[str]:
    slopes = [name for name in names if name != "(Intercept)"]
    if len(slopes) < len(names):
        yield f"random intercepts of {group}"
    if slopes:
        yield f"random slopes of {_and(slopes)} between levels of {group}"


def _and(names: Iterable[str]) -> str:
    *most, last = names
    if len(most) >= _FEW:
        return listed([*most, last], _FEW)
    return f"{', '.join(most)} and {last}" if most else last

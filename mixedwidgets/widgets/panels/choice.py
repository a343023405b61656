"""Which parameters a surface can have, and which it has where nothing else is asked for."""

from __future__ import annotations

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.parameters import Parameter, compatible


def drawable(fit: Fit) -> list[Parameter]:
    """Parameters that a surface of this fit can have: REML has no axis for coefficients."""
    return [p for p in fit.parameters if not (fit.reml and p.kind == "fixed")]


def chosen_pair(fit: Fit, x_name: str, y_name: str) -> tuple[Parameter, Parameter]:
    """The parameters wished where this fit has them, else the most telling ones."""
    possible = {p.name: p for p in drawable(fit)}
    spread = [p for p in possible.values() if p.kind == "sd"]
    telling = [
        *spread[:2],
        *(p for p in possible.values() if p.kind == "sigma"),
        *possible.values(),
    ]
    x = possible.get(x_name, telling[0])
    y = possible.get(y_name)
    if y is None or y == x or not compatible((x, y)):
        y = next(p for p in telling if p != x and compatible((x, p)))
    return x, y

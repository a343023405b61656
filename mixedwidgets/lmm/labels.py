"""Parameters in words, for axes and tables."""

from __future__ import annotations

import re

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.parameters import Parameter

_BACKTICKED = re.compile(r"`((?:[^`\\]|\\.)*)`")


def is_one_way(design: Design) -> bool:
    """Whether the model is the one-way hierarchical normal model y_ij = mu + a_j + e_ij."""
    return (
        design.x_names == ("(Intercept)",)
        and len(design.blocks) == 1
        and design.blocks[0].names == ("(Intercept)",)
    )


def label(parameter: Parameter, design: Design) -> str:
    """What an axis says: mu, sigma and tau in a one-way model, else words with the user's names."""
    one_way = is_one_way(design)
    if parameter.kind == "sigma":
        return "σ, SD within groups" if one_way else "residual SD σ"
    if parameter.kind == "fixed":
        name = design.x_names[parameter.i]
        return "μ, overall mean" if one_way else plain(name)
    block = design.blocks[parameter.block]
    group = design.groupings[block.grouping].name
    if parameter.kind == "sd":
        if one_way:
            return f"τ, SD between levels of {group}"
        return f"SD of {plain(block.names[parameter.i])} by {group}"
    if parameter.kind == "theta":
        row, column = plain(block.names[parameter.i]), plain(block.names[parameter.j])
        return f"θ of {row}{'' if row == column else f' on {column}'} by {group}"
    first, second = plain(block.names[parameter.i]), plain(block.names[parameter.j])
    return f"correlation of {first} and {second} by {group}"


def plain(name: str) -> str:
    """A coefficient's name for reading: ``intercept`` for ``(Intercept)``, no backticks."""
    return "intercept" if name == "(Intercept)" else _BACKTICKED.sub(r"\1", name)

"""The functions a formula may call: a closed list, with the arguments each one takes."""

from __future__ import annotations

from dataclasses import dataclass

from mixedwidgets.errors import nearest
from mixedwidgets.lmm.expressions import Call, Expr, NodeError


@dataclass(frozen=True)
class Signature:
    """The parameters of a function, in order, and how many of them are required."""

    parameters: tuple[str, ...]
    required: int = 1


_ONE = Signature(("x",))

NUMERIC: dict[str, Signature] = {
    "log": Signature(("x", "base")),
    "log2": _ONE,
    "log10": _ONE,
    "log1p": _ONE,
    "exp": _ONE,
    "sqrt": _ONE,
    "abs": _ONE,
    "I": _ONE,
    "center": _ONE,
    "scale": Signature(("x", "center", "scale")),
}
BASES: dict[str, Signature] = {
    "poly": Signature(("x", "degree", "raw")),
    "bs": Signature(("x", "df", "knots", "degree", "intercept", "Boundary.knots")),
    "ns": Signature(("x", "df", "knots", "intercept", "Boundary.knots")),
}
FACTORS: dict[str, Signature] = {
    "factor": Signature(("x", "levels", "labels")),
    "as.factor": _ONE,
    "ordered": Signature(("x", "levels", "labels")),
    "C": Signature(("object", "contr", "how.many")),
}
OTHER: dict[str, Signature] = {"offset": Signature(("object",)), "c": Signature((), 1)}

SIGNATURES = {**NUMERIC, **BASES, **FACTORS, **OTHER}
"""Every function a formula may call."""


def match_arguments(call: Call) -> dict[str, Expr]:
    """Assign the arguments of a call to the parameters of the function, by name, then by place.

    Raises
    ------
    NodeError
        For an unknown function or argument, one given twice, too many or too few.
    """
    signature = SIGNATURES.get(call.function)
    if signature is None:
        raise NodeError(
            f"a formula cannot call {call.function}(){nearest(call.function, SIGNATURES)}; "
            f"allowed are {', '.join(name for name in SIGNATURES if name != 'c')}; "
            "compute anything else as a column of the data first",
            call,
        )
    found: dict[str, Expr] = {}
    for name, value in call.arguments:
        if name is None:
            continue
        if name not in signature.parameters:
            raise NodeError(
                f"{call.function}() has no argument {name!r}; it takes "
                f"{', '.join(signature.parameters)}",
                value,
            )
        if name in found:
            raise NodeError(f"argument {name!r} of {call.function}() is given twice", value)
        found[name] = value
    free = [p for p in signature.parameters if p not in found]
    positional = [value for name, value in call.arguments if name is None]
    if len(positional) > len(free):
        raise NodeError(
            f"{call.function}() takes at most {len(signature.parameters)} "
            f"argument{'s' if len(signature.parameters) > 1 else ''} "
            f"({', '.join(signature.parameters)}), and {len(call.arguments)} are given",
            call,
        )
    found.update(zip(free, positional, strict=False))
    for parameter in signature.parameters[: signature.required]:
        if parameter not in found:
            raise NodeError(
                f"{call.function}() needs something inside its parentheses, "
                f"such as {call.function}(x)",
                call,
            )
    return found

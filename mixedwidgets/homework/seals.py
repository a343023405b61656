"""What lets a notebook without the key tell right from wrong, or show the key once submitted.

The seal of ``feedback="check"`` holds no key but the digest of it: the numbers are cut into bins
as wide as twice the tolerance, placed so that the key is at the middle of its bin, and the number
of that bin is hashed, slowly. So an answer is right in exactly the range that the grader accepts.
Where the bins begin says what the key is but for a multiple of their width. A student who writes a
program can try them one after the other: this keeps from reading, not from trying.

The seal of ``feedback="reveal"`` is the key in base64, which keeps from reading it by accident.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any

from mixedwidgets.errors import DataError
from mixedwidgets.homework.keys import Key, coordinates, reach
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

ROUNDS = 10_000  # of SHA-256, about 6 ms; scrypt and the like are not in every browser's Python
NARROWEST = 1e-12
_HAIR = 1.0 + 1e-9  # bins are wider by so much that both edges of the tolerance lie inside


def sealed(part: Part, key: Key, feedback: str, token: str) -> dict[str, Any] | None:
    """Return the seal of a part, as plain JSON.

    Parameters
    ----------
    part : Part
    key : Key
    feedback : {"none", "range", "check", "reveal"}
    token : str
        Of the sheet, so that the same answer has another digest in other sheets.

    Returns
    -------
    dict or None
        None where the feedback needs none.
    """
    if feedback == "reveal":
        code = base64.b64encode(json.dumps(key.value).encode()).decode()
        return {"kind": "reveal", "code": code, "reach": _reach(part, key)}
    if feedback != "check":
        return None
    if part.kind == "choice":
        return {"kind": "check", "salt": token, "digest": _digest(token, part, str(key.value))}
    at = coordinates(part.kind, key.value) or ()
    bins = [
        None if r is None else [math.fmod(v - r, 2.0 * r), 2.0 * r]
        for v, r in zip(at, _reach(part, key), strict=True)
    ]
    place = _place(bins, at)
    return {"kind": "check", "salt": token, "bins": bins, "digest": _digest(token, part, place)}


def is_right(part: Part, given: Value) -> bool:
    """Whether an answer is right, by the seal of its part.

    Parameters
    ----------
    part : Part
    given : float, str or (float, float)

    Raises
    ------
    DataError
        The part has no seal, or one that cannot be read.
    """
    seal = part.seal
    if seal is not None and seal.get("kind") == "reveal":
        return _is_near(part, given, revealed(part))
    try:
        if seal is None or seal["kind"] != "check":
            raise KeyError("kind")
        if part.kind == "choice":
            return isinstance(given, str) and _digest(seal["salt"], part, given) == seal["digest"]
        numbers = coordinates(part.kind, given)
        if numbers is None:
            return False
        return _digest(seal["salt"], part, _place(seal["bins"], numbers)) == seal["digest"]
    except OverflowError:
        return False  # a number so large that it has no bin
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        raise _unreadable(part) from None


def revealed(part: Part) -> Value:
    """Return the key of a part with ``feedback="reveal"``.

    Raises
    ------
    DataError
        The part does not reveal its key, or its seal cannot be read.
    """
    try:
        seal = part.seal or {}
        value = json.loads(base64.b64decode(seal["code"], validate=True))
        if isinstance(value, list):
            value = (float(value[0]), float(value[1]))
        if part.kind == "choice" and isinstance(value, str):
            return value
        if part.kind != "choice" and coordinates(part.kind, value) is not None:
            return value
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        pass
    raise _unreadable(part)


def _is_near(part: Part, given: Value, key: Value) -> bool:
    if part.kind == "choice":
        return given == key
    numbers, at = coordinates(part.kind, given), coordinates(part.kind, key)
    reaches = (part.seal or {}).get("reach")
    if numbers is None or at is None or not isinstance(reaches, list):
        return False
    return all(r is None or abs(x - y) <= r for x, y, r in zip(numbers, at, reaches, strict=True))


def _reach(part: Part, key: Key) -> list[float | None]:
    """How far each number may be from the key; None where it does not count."""
    if part.kind == "choice":
        return []
    allowed = reach(part.kind, key.value, key.tolerance, key.widths)
    return [None if math.isinf(r) else max(r, NARROWEST) * _HAIR for r in allowed]


def _place(bins: list[list[float] | None], numbers: tuple[float, ...]) -> str:
    """The number of the bin of each coordinate, as text."""
    counted = zip(bins, numbers, strict=True)
    return " ".join(str(math.floor((v - b[0]) / b[1])) for b, v in counted if b is not None)


def _digest(salt: str, part: Part, place: str) -> str:
    digest = json.dumps([salt, part.id, place]).encode()
    for _ in range(ROUNDS):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


def _unreadable(part: Part) -> DataError:
    return DataError(
        f"The answer to {part.label!r} cannot be checked here: the first cell of the notebook was "
        "changed, or was not made to check it; copy it from the notebook as it was handed out."
    )

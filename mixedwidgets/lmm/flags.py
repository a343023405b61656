"""Arguments that many methods take: yes or no, and a confidence level."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixedwidgets.errors import ModelError, brief


def yes_or_no(name: str, value: object) -> bool:
    """Read an argument that is True or False, Python's or NumPy's.

    Raises
    ------
    ModelError
        It is anything else, such as the text ``"yes"``.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ModelError(f"{name} is {brief(value)}; give True or False.")
    return bool(value)


def check_level(level: Any) -> float:
    """A confidence level.

    Raises
    ------
    ModelError
        For what is not a number between 0 and 1.
    """
    if not isinstance(level, (int, float, np.number)) or not 0.0 < level < 1.0:
        raise ModelError(f"level is {brief(level)}; give a number between 0 and 1, such as 0.95.")
    return float(level)

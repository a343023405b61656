"""Arguments that are True or False."""

from __future__ import annotations

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

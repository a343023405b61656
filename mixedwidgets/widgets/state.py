"""The user's choices, nothing else."""

from __future__ import annotations

from typing import Any

import traitlets


class Choices(traitlets.HasTraits):
    """What the user wishes; ``resolve`` says what of it is possible.

    Attributes
    ----------
    response, group : str or None
        Column names.
    fixed, slopes : tuple of str
        Columns with a fixed effect, and with a random slope.
    correlated : bool
        Random intercepts and slopes correlated (``|``) or not (``||``).
    reml : bool
        Criterion.
    """

    response: Any = traitlets.Unicode(None, allow_none=True)
    group: Any = traitlets.Unicode(None, allow_none=True)
    fixed: Any = traitlets.Tuple()
    slopes: Any = traitlets.Tuple()
    correlated = traitlets.Bool(True)
    reml = traitlets.Bool(False)

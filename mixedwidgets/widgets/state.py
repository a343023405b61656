"""The user's choices, nothing else."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import traitlets

from mixedwidgets.widgets.wish import Wish


class Choices(traitlets.HasTraits):
    """What the user wishes; ``resolve`` says what of it is possible.

    The traits are the fields of ``Wish``, which describes them.
    """

    response: Any = traitlets.Unicode(None, allow_none=True)
    group: Any = traitlets.Unicode(None, allow_none=True)
    fixed: Any = traitlets.Tuple()
    slopes: Any = traitlets.Tuple()
    correlated = traitlets.Bool(True)
    reml = traitlets.Bool(False)
    group2: Any = traitlets.Unicode(None, allow_none=True)
    relation: Any = traitlets.Unicode(None, allow_none=True)
    interactions: Any = traitlets.Tuple()
    transforms: Any = traitlets.Tuple()
    codings: Any = traitlets.Tuple()
    rows: Any = traitlets.Tuple()
    weights: Any = traitlets.Unicode(None, allow_none=True)
    typed: Any = traitlets.Unicode(None, allow_none=True)

    @property
    def wish(self) -> Wish:
        """The choices as they are now."""
        return Wish(**{name: getattr(self, name) for name in _NAMES})

    def take(self, wish: Wish) -> None:
        """Make every choice that of a wish; observers hear of it when all are made."""
        with self.hold_trait_notifications():
            for name in _NAMES:
                if getattr(self, name) != getattr(wish, name):
                    setattr(self, name, getattr(wish, name))


_NAMES = tuple(field.name for field in fields(Wish))

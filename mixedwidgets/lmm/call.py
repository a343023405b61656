"""``Call``: what a fit was asked for, so that it can be asked again with a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mixedwidgets.lmm.control import DEFAULT, Control


@dataclass(frozen=True, eq=False)
class Call:
    """The arguments of ``lmer`` besides formula and criterion, as given.

    Attributes
    ----------
    data : DataFrame or mapping, optional
        The data; None for a fit made from a design.
    weights, offset, subset
        Arrays, Series or names of columns.
    na_action : str
        What was done with missing values.
    contrasts : mapping, optional
        Coding of factors.
    control : Control
        How hard to search and what to make of doubtful models.
    memory : Memory, optional
        The data as they were when the fit was made, and models lately made of them.
    """

    data: Any = None
    weights: Any = None
    offset: Any = None
    subset: Any = None
    na_action: str = "omit"
    contrasts: Mapping[str, Any] | None = None
    control: Control = DEFAULT
    memory: Any = field(default=None, repr=False)

    @property
    def data_then(self) -> Any:
        """The data as they were when the fit was made, or None for a fit without data."""
        return self.data if self.memory is None else self.memory.table.data

"""choices -> resolve -> fit -> panels: the live loop, in one direction."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import pandas as pd
import traitlets

from mixedwidgets.errors import MixedWidgetsError
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.lmer import lmer
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.guard import Guarded
from mixedwidgets.widgets.resolve import Resolved, resolve
from mixedwidgets.widgets.rowfilter import Filter
from mixedwidgets.widgets.state import Choices
from mixedwidgets.widgets.wish import Wish

REMEMBERED = 32  # fits kept, so that going back costs nothing

# The verdict is on screen; a warning would go to the log.
SHOWN = Control(check_conv_grad="ignore", check_conv_hess="ignore")


class Session(Guarded):
    """Follows the choices: resolves them, fits the model, and tells who observes.

    Parameters
    ----------
    data : DataFrame
        One row for each observation; never changed.
    choices : Choices
        The user's choices; observed.
    columns : Columns, optional
        Those of the data, where they are known.

    Attributes
    ----------
    resolved : Resolved
        The model chosen and what every control may offer.
    fit : Fit or None
        The last good fit.
    problem : str
        Why the chosen model could not be fitted, in one sentence; empty when it could.
    error : str or None
        Traceback of the last exception, for reports.
    answers : int
        How many choices were followed so far; it counts up when ``fit`` stays the same, too, and
        when a choice could not be fitted.
    """

    resolved: Any = traitlets.Instance(Resolved, allow_none=True)
    fit: Any = traitlets.Instance(Fit, allow_none=True)
    answers = traitlets.Int(0)

    def __init__(self, data: pd.DataFrame, choices: Choices, columns: Columns | None = None):
        super().__init__()
        self.data = data
        self.columns = columns or Columns(data)
        self.choices = choices
        self._fits: OrderedDict[Hashable, Fit] = OrderedDict()
        self._lock = threading.RLock()
        self._followed: Wish | None = None
        self.fitted_rows: Filter = ()
        choices.observe(self._on_choices_changed)
        self.follow()

    def follow(self) -> None:
        """Resolve the choices as they are now and fit the model."""
        with self._lock:
            with self.guarded():
                self._followed = self.choices.wish
                self.resolved = resolve(self.choices.wish, self.columns)
                fit = self._fitted(self.resolved)
                self.all_is_well()
                self.fitted_rows = self.resolved.filter
                self.fit = fit
            self.answers += 1

    def _on_choices_changed(self, change: Any) -> None:
        if self.choices.wish != self._followed:  # several choices at once are followed once
            self.follow()

    def _fitted(self, resolved: Resolved) -> Fit:
        if resolved.refusal:
            raise MixedWidgetsError(resolved.refusal)
        if resolved.spec is None:
            raise MixedWidgetsError(_nothing_to_fit(resolved))
        if resolved.key not in self._fits:
            self._fits[resolved.key] = lmer(
                resolved.spec,
                self.columns.filtered(resolved.filter)[1].data,
                REML=resolved.reml,
                control=SHOWN,
                weights=resolved.weights,
                contrasts=resolved.contrasts,
            )
            if len(self._fits) > REMEMBERED:
                self._fits.popitem(last=False)
        self._fits.move_to_end(resolved.key)
        return self._fits[resolved.key]


def _nothing_to_fit(resolved: Resolved) -> str:
    if resolved.group is None:
        offer, role = resolved.group_offer, "grouping (labels that repeat from row to row)"
    else:
        offer, role = resolved.response_offer, "response (numbers that vary)"
    reasons = "; ".join(f"{name} {why}" for name, why in offer.left_out[:6])
    return f"No column can be the {role}: {reasons}."

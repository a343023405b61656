"""choices -> resolve -> fit -> panels: the live loop, in one direction."""

from __future__ import annotations

import threading
import traceback
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import traitlets

from mixedwidgets.errors import MixedWidgetsError
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.lmer import lmer
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.garbage import uncollected
from mixedwidgets.widgets.resolve import Resolved, Wish, resolve
from mixedwidgets.widgets.state import Choices

REMEMBERED = 32  # fits kept, so that going back costs nothing

# The verdict is on screen; a warning would go to the log.
SHOWN = Control(check_conv_grad="ignore", check_conv_hess="ignore")


class Session(traitlets.HasTraits):
    """Follows the choices: resolves them, fits the model, and tells who observes.

    Parameters
    ----------
    data : DataFrame
        One row for each observation; never changed.
    choices : Choices
        The user's choices; observed.

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
        How many choices could be fitted so far; it counts up when ``fit`` stays the same, too.
    """

    resolved: Any = traitlets.Instance(Resolved, allow_none=True)
    fit: Any = traitlets.Instance(Fit, allow_none=True)
    problem = traitlets.Unicode("")
    error: Any = traitlets.Unicode(None, allow_none=True)
    answers = traitlets.Int(0)

    def __init__(self, data: pd.DataFrame, choices: Choices):
        super().__init__()
        self.data = data
        self.columns = Columns(data)
        self.choices = choices
        self._fits: OrderedDict[tuple[ModelSpec, bool], Fit] = OrderedDict()
        self._lock = threading.RLock()
        choices.observe(self._on_choices_changed)
        self.follow()

    def follow(self) -> None:
        """Resolve the choices as they are now and fit the model."""
        with self._lock, self.guarded():
            self.resolved = resolve(self._wish(), self.columns)
            fit = self._fitted(self.resolved)
            self.problem, self.error = "", None
            self.fit = fit
            self.answers += 1

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an exception into ``problem`` and ``error``: none may vanish in a callback."""
        try:
            with uncollected():
                yield
        except MixedWidgetsError as error:
            self.error = traceback.format_exc()
            self.problem = " ".join(str(error).split())
        except Exception as error:
            self.error = traceback.format_exc()
            what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
            self.problem = (
                f"Something unexpected went wrong ({what}); the details are in explorer.error."
            )

    def _on_choices_changed(self, change: Any) -> None:
        self.follow()

    def _wish(self) -> Wish:
        c = self.choices
        return Wish(c.response, c.group, c.fixed, c.slopes, c.correlated, c.reml)

    def _fitted(self, resolved: Resolved) -> Fit:
        if resolved.spec is None:
            raise MixedWidgetsError(_nothing_to_fit(resolved))
        key = (resolved.spec, resolved.reml)
        if key not in self._fits:
            self._fits[key] = lmer(resolved.spec, self.data, REML=resolved.reml, control=SHOWN)
            if len(self._fits) > REMEMBERED:
                self._fits.popitem(last=False)
        self._fits.move_to_end(key)
        return self._fits[key]


def _nothing_to_fit(resolved: Resolved) -> str:
    if resolved.group is None:
        offer, role = resolved.group_offer, "grouping (labels that repeat from row to row)"
    else:
        offer, role = resolved.response_offer, "response (numbers that vary)"
    reasons = "; ".join(f"{name} {why}" for name, why in offer.left_out[:6])
    return f"No column can be the {role}: {reasons}."

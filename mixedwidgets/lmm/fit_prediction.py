"""``Prediction``: the methods of a fit that speak of data not seen."""

from __future__ import annotations

from mixedwidgets.lmm.fitted import Fitted


class Prediction(Fitted):
    """Predictions and simulations."""

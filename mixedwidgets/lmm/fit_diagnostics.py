"""``Diagnostics``: the methods of a fit that show how well it describes the data."""

from __future__ import annotations

import pandas as pd

from mixedwidgets.lmm.fitted import Fitted


class Diagnostics(Fitted):
    """Residuals and influence."""

    def resid(self) -> pd.Series:
        """Response minus fitted values, for the rows used; as ``fitted`` after ``exclude``."""
        return self._padded(self._residuals.copy(), "resid")

"""The fit as a table."""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets as ipw

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import summary_html
from mixedwidgets.widgets.panels.base import Panel


class FitSummary(Panel):
    """lme4's summary as a table, with the verdict in a sentence."""

    title = "Fit"

    def build(self) -> Iterable[ipw.Widget]:
        """One table."""
        self.table = ipw.HTML(layout=ipw.Layout(display="block", margin="0"))
        return [self.table]

    def show(self, fit: Fit) -> None:
        """Show the summary of a fit."""
        self.table.value = summary_html(fit.report)

    def static_html(self) -> str:
        """The table."""
        return str(self.table.value)

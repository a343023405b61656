"""A boundary fit: what has collapsed, and simpler models that would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets as ipw
import pandas as pd
import traitlets

from mixedwidgets.lmm.autopsy import autopsy
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected
from mixedwidgets.plots import autopsy as autopsy_plot
from mixedwidgets.plots.numbers import significant
from mixedwidgets.widgets.panels.picture_panel import PicturePanel

WELL = "No variance is zero and no correlation is 1 or −1: this is no boundary fit."


class BoundaryPlot(PicturePanel):
    """Which combination of random effects does not vary, and the models without it.

    Parameters
    ----------
    fit : Fit, optional
        What to show.
    **options
        See ``Panel``.

    Attributes
    ----------
    chosen : str
        Formula of the simpler model that was clicked on last; empty before.
    """

    title = "Boundary"
    chosen = traitlets.Unicode("")

    def above(self) -> Iterable[ipw.Widget]:
        """What has collapsed, in words."""
        self.words = ipw.HTML(layout=ipw.Layout(display="block", margin="4px 4px 8px"))
        return [self.words]

    def below(self) -> Iterable[ipw.Widget]:
        """The simpler models, each with a button, and a caution."""
        self.models = ipw.GridBox(
            layout=ipw.Layout(
                grid_template_columns="max-content minmax(120px, 1fr) repeat(3, max-content)",
                grid_gap="2px 14px",
                align_items="center",
                margin="6px 4px",
            )
        )
        self.caution = ipw.HTML(layout=ipw.Layout(display="block", margin="0 4px"))
        return [self.models, self.caution]

    def show(self, fit: Fit) -> None:
        """Show what has collapsed and the simpler models."""
        simpler = fit.simpler()
        at_boundary = bool(fit.estimate.optimum.boundary)
        directions = simpler.attrs["directions"] if at_boundary else (WELL,)
        self.words.value = "".join(
            f'<div style="line-height: 1.5">{protected(words)}</div>' for words in directions
        )
        self.picture.layout.display = None if at_boundary else "none"
        if at_boundary:
            self.draw(autopsy_plot, autopsy(fit.design, fit.estimate))
        self._list(simpler)

    def static_html(self) -> str:
        """The words, and the picture where there is one."""
        shown = super().static_html() if self.picture.layout.display != "none" else ""
        return f"{self.words.value}{shown}"

    def _list(self, simpler: pd.DataFrame) -> None:
        heads = ("", "Simpler model", "deviance", "df", "p")
        cells: list[ipw.Widget] = [_cell(f"<b>{head}</b>") for head in heads]
        for formula, row in simpler.iterrows():
            cells += self._row(str(formula), row)
        self.models.children = cells if len(simpler) else ()
        self.caution.value = (
            '<div style="line-height: 1.5; color: var(--jp-ui-font-color2, #616161)">'
            f"{protected(' '.join((simpler.attrs['caution'], *simpler.attrs['notes'])))}</div>"
        )

    def _row(self, formula: str, row: pd.Series) -> list[ipw.Widget]:
        button = ipw.Button(
            description="Take it",
            tooltip=f"Fit {formula}",
            disabled=bool(row["linear"]),
            layout=ipw.Layout(width="72px"),
        )
        button.on_click(lambda _: self._take(formula))
        edge = ", a boundary fit too" if row["boundary"] else ""
        return [
            button,
            _cell(
                f'<div style="line-height: 1.35; overflow-wrap: anywhere" '
                f'title="{protected(formula)}"><code>{protected(formula)}</code><br>'
                f"{protected(str(row['step']))}{edge}</div>"
            ),
            _cell(f"+{significant(float(row['change']), 3)}"),
            _cell(f"−{int(row['df'])}"),
            _cell(
                f'<span title="{protected(str(row["null"]))}">'
                f"{significant(float(row['p_value']), 2)}</span>"
            ),
        ]

    def _take(self, formula: str) -> None:
        self.chosen = ""
        self.chosen = formula


def _cell(html: Any) -> ipw.HTML:
    return ipw.HTML(f"{html}", layout=ipw.Layout(margin="0"))

"""The model as a script, and a button that saves the analysis as a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.controls import row_of
from mixedwidgets.widgets.panels.base import Panel


class CodePanel(Panel):
    """What the explorer shows, as code.

    Parameters
    ----------
    write : callable
        Gives the script of a fit.
    save : callable
        Saves a notebook: takes its path, and whether the data are written beside it and files
        that exist are replaced; returns where it is.
    """

    title = "Code"

    def __init__(self, write: Callable[[Fit], str], save: Callable[..., Path]):
        self._write, self._save = write, save
        super().__init__()

    def build(self) -> Iterable[ipw.Widget]:
        """The script, and what it takes to save a notebook."""
        self.script = ipw.HTML(layout=ipw.Layout(display="block", margin="0"))
        self.path = ipw.Text(
            value="analysis.ipynb",
            description="Notebook",
            style={"description_width": "64px"},
            layout=ipw.Layout(width="auto", flex="1 1 200px", max_width="340px"),
        )
        self.with_data = _box("with the data, as CSV")
        self.overwrite = _box("replace existing")
        self.save = ipw.Button(
            description="Save notebook",
            tooltip="Write a notebook that repeats this analysis",
            layout=ipw.Layout(width="auto"),
        )
        self.save.on_click(self._on_save_clicked)
        self.told = ipw.HTML(layout=ipw.Layout(display="block", margin="0 4px"))
        controls = [self.path, self.save, self.with_data, self.overwrite]
        return [self.script, row_of(controls), self.told]

    def show(self, fit: Fit) -> None:
        """Show the script of a fit."""
        self.script.value = (
            '<pre style="white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; '
            "margin: 4px 0 8px; padding: 8px 12px; user-select: text; "
            "background: var(--jp-layout-color2, #f5f5f5); "
            'color: var(--jp-content-font-color1, inherit)">'
            f"{protected(self._write(fit))}</pre>"
        )

    def static_html(self) -> str:
        """The script."""
        return str(self.script.value)

    def _on_save_clicked(self, button: Any) -> None:
        self.told.value = ""
        with self.guarded():
            where = self._save(
                self.path.value, with_data=self.with_data.value, overwrite=self.overwrite.value
            )
            self.all_is_well()
            self.told.value = f'<div role="status">Saved as {protected(str(where))}.</div>'


def _box(description: str) -> ipw.Checkbox:
    return ipw.Checkbox(
        value=False,
        description=description,
        indent=False,
        layout=ipw.Layout(width="auto", margin="0 0 0 12px"),
    )

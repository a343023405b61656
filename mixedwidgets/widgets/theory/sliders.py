"""A slider and a box for the same number, both with a name that screen readers read out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw


class NumberSlider(ipw.HBox):
    """A slider beside a box with its name; what either is set to is handed on.

    A slider of ipywidgets has no accessible name, so each stands beside a box that has one, in
    which a number beyond the slider's ends can be typed too.

    Parameters
    ----------
    name : str
        What the number is called.
    changed : callable
        Receives a number when the user gives one.
    whole : bool
        Whether only whole numbers are offered.
    tooltip : str
        Said of the box when the mouse rests on it.
    """

    def __init__(
        self, name: str, changed: Callable[[Any], None], *, whole: bool = False, tooltip: str = ""
    ):
        self._changed = changed
        self._setting = False
        box = ipw.IntText if whole else ipw.FloatText
        slider = ipw.IntSlider if whole else ipw.FloatSlider
        self.box = box(
            description=name,
            description_tooltip=tooltip or name,
            style={"description_width": "auto"},
            layout=ipw.Layout(width="auto", min_width="104px", flex="0 0 auto", max_width="128px"),
            continuous_update=False,
        )
        self.slider = slider(
            readout=False,
            continuous_update=True,
            layout=ipw.Layout(width="auto", min_width="80px", flex="1 1 90px"),
        )
        self.box.observe(self._on_box_changed, "value")
        self.slider.observe(self._on_slider_changed, "value")
        super().__init__(
            [self.box, self.slider],
            layout=ipw.Layout(flex="1 1 220px", min_width="0", align_items="center"),
        )

    def show(self, value: float, low: float, high: float, step: float) -> None:
        """Show a number and the range of the slider, without handing anything on."""
        self._setting = True
        try:
            if (self.slider.min, self.slider.max) != (low, high):
                with self.slider.hold_trait_notifications():
                    self.slider.min, self.slider.max, self.slider.step = low, high, step
                    self.slider.value = min(max(value, low), high)
            self.slider.value = min(max(value, low), high)
            self.box.step = step
            self.box.value = value if isinstance(value, int) else _rounded(value, step)
        finally:
            self._setting = False

    def _on_box_changed(self, change: Any) -> None:
        if not self._setting:
            self._changed(change["new"])

    def _on_slider_changed(self, change: Any) -> None:
        if not self._setting:
            self._changed(change["new"])


def _rounded(value: float, step: float) -> float:
    """A number as it is shown in a box: to a hundredth of the slider's step."""
    return round(value, max(0, 2 - math.floor(math.log10(step))))

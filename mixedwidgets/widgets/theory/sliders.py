"""A slider and a box for the same number, both with a name that screen readers read out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

NOTCHES = 400  # of a slider for a number with decimals


class NumberSlider(ipw.HBox):
    """A slider beside a box with its name; what either is set to is handed on.

    A slider of ipywidgets has no accessible name, so each stands beside a box that has one, in
    which a number beyond the slider's ends, or between its notches, can be typed too. The browser
    puts a slider on its next notch and reports that as a change; so a slider for numbers with
    decimals counts its notches, and a number between two of them stays as it is.

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
        self._changed, self._whole = changed, whole
        self._setting = False
        self._low, self._notch = 0.0, 1.0
        box = ipw.IntText if whole else ipw.FloatText
        self.box = box(
            description=name,
            tooltip=tooltip or name,
            style={"description_width": "auto"},
            layout=ipw.Layout(width="92px" if whole else "124px", flex="0 0 auto"),
            continuous_update=False,
        )
        self.slider = ipw.IntSlider(
            readout=False,
            continuous_update=True,
            layout=ipw.Layout(width="auto", min_width="70px", flex="1 1 90px"),
        )
        self.box.observe(self._on_box_changed, "value")
        self.slider.observe(self._on_slider_changed, "value")
        super().__init__(
            [self.box, self.slider],
            layout=ipw.Layout(flex="1 1 176px", min_width="0", align_items="center"),
        )

    def show(self, value: float, low: float, high: float) -> None:
        """Show a number and the range of the slider, without handing anything on.

        Parameters
        ----------
        value : float
            Possibly outside the range: the slider then stands at its end.
        low, high : float
            The ends of the slider.
        """
        self._low, self._notch = low, 1.0 if self._whole else (high - low) / NOTCHES
        first, last = (int(low), int(high)) if self._whole else (0, NOTCHES)
        place = round(value) if self._whole else round((value - low) / self._notch)
        self._setting = True
        try:
            with self.slider.hold_trait_notifications():
                self.slider.min, self.slider.max = first, last
                self.slider.value = min(max(place, first), last)
            self.box.step = 1 if self._whole else _round_step(self._notch)
            self.box.value = value if self._whole else _rounded(value, self._notch)
        finally:
            self._setting = False

    def _on_box_changed(self, change: Any) -> None:
        if not self._setting:
            self._changed(change["new"])

    def _on_slider_changed(self, change: Any) -> None:
        if not self._setting:
            place = change["new"]
            self._changed(place if self._whole else self._low + place * self._notch)


def _round_step(notch: float) -> float:
    """A power of ten near a notch: what an arrow in the box adds."""
    return float(10.0 ** math.floor(math.log10(notch)))


def _rounded(value: float, notch: float) -> float:
    """A number as it is shown in a box: to a hundredth of a notch."""
    return round(value, max(0, 2 - math.floor(math.log10(notch))))

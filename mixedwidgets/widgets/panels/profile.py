"""Profile likelihood: zeta along every parameter, its density, and parameters two at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.profile_table import Profiles, followed, profile_steps
from mixedwidgets.lmm.tables import PairsTable
from mixedwidgets.plots import profile_density, profile_pairs, zeta
from mixedwidgets.widgets.panels.picture_panel import HEIGHT, PicturePanel
from mixedwidgets.widgets.working import Working

LEVEL = 0.999  # confidence level that the profiles reach
SOON = 0.005  # seconds of work until the first profiles are shown: most often one
EVERY = 0.4  # seconds between two pictures of work under way
TALL = 6.6  # inches: of pairs there are many small panels
PLOTS = {"zeta": zeta, "density": profile_density, "pairs": profile_pairs}


@dataclass(frozen=True)
class Progress:
    """What is known so far: the profiles, the pairs, and whether these are all pairs."""

    profiles: Profiles
    pairs: PairsTable | None
    whole: bool


class ProfilePlot(PicturePanel):
    """The profile likelihood of every parameter, the others re-optimised.

    Parameters
    ----------
    fit : Fit, optional
        What to show. Of a fit by REML, the restricted likelihood, which has no coefficients.
    view : {"zeta", "density", "pairs"}
        The signed root of the rise in deviance; the density it stands for; each two parameters
        with their traces and joint regions.
    **options
        See ``Panel``.
    """

    title = "Profile"
    options: ClassVar[tuple[str, ...]] = (*PicturePanel.options, "view")

    view = traitlets.Enum(tuple(PLOTS), "zeta")

    def above(self) -> Iterable[ipw.Widget]:
        """Which view."""
        self._known: tuple[Fit, Progress] | None = None
        self._last: float | None = None
        self.view_menu = ipw.ToggleButtons(
            options=[("Zeta", "zeta"), ("Density", "density"), ("Pairs", "pairs")],
            value=self.view,
            tooltips=[
                "Signed root of the rise in deviance: a straight line means Wald is fine",
                "The density that the profile stands for",
                "Joint regions and traces of each two parameters",
            ],
            style={"button_width": "72px"},
            layout=ipw.Layout(width="auto"),
        )
        self.view_menu.observe(self._on_view_chosen, "value")
        self.observe(self._on_view_changed, "view")
        return [self.view_menu]

    def below(self) -> Iterable[ipw.Widget]:
        """Progress."""
        self.working = Working(self.guarded, SOON)
        return [self.working]

    def show(self, fit: Fit) -> None:
        """Draw the profiles of a fit, as they come."""
        self._last = None
        tall = TALL if self.view == "pairs" else HEIGHT
        self.picture.figure_size = (self.picture.figure_size[0], tall)
        self.working.start(
            "Profiles of pairs" if self.view == "pairs" else "Profiles",
            self._steps(fit),
            self._show_latest,
            self._share,
        )

    def interrupt(self) -> bool:
        """Drop the profiles under way; whether there were any."""
        return self.working.drop()

    def _steps(self, fit: Fit) -> Iterator[Progress]:
        """What is known, then what is missing for the view."""
        chosen = followed(fit.design, fit.reml)
        known = self._known[1] if self._known is not None and self._known[0] is fit else None
        if known is None or len(known.profiles) < len(chosen):
            for profiles in profile_steps(fit.design, fit.estimate, chosen, LEVEL):
                known = self._keep(fit, Progress(profiles, None, False))
                yield known
        if known is None:
            return
        if self.view == "pairs" and not known.whole:
            table = None
            for table in known.profiles.pair_steps():
                yield self._keep(fit, Progress(known.profiles, table, False))
            known = self._keep(fit, Progress(known.profiles, table, True))
        yield known

    def _share(self, known: Progress) -> float:
        """How much of the work of the view is done."""
        count = len(followed(self.fit.design, self.fit.reml))
        pairs = count * (count - 1) // 2 if self.view == "pairs" else 0
        done = len(known.profiles) + (0 if known.pairs is None else len(known.pairs.pairs))
        return min(done / (count + pairs), 1.0)

    def _keep(self, fit: Fit, known: Progress) -> Progress:
        self._known = fit, known
        return known

    def _show_latest(self, known: Progress, finished: bool) -> None:
        if not finished and self._last is not None and time.monotonic() - self._last < EVERY:
            return
        self._last = time.monotonic()
        if self.view != "pairs":
            expected = len(followed(self.fit.design, self.fit.reml))
            self.draw(PLOTS[self.view], replace(known.profiles.table, expected=expected))
        elif known.pairs is not None:
            self.draw(profile_pairs, known.pairs)

    def _on_view_chosen(self, change: Any) -> None:
        self.view = change["new"]

    def _on_view_changed(self, change: Any) -> None:
        self.view_menu.value = self.view
        self.renew()

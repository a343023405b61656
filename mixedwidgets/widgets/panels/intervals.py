"""Intervals: of all parameters side by side, or of one by every method with its construction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets

from mixedwidgets.lmm.bootstrap import Bootstrap
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.five import five_steps, with_bootstrap
from mixedwidgets.lmm.html import protected
from mixedwidgets.lmm.interval_tables import FiveIntervals
from mixedwidgets.lmm.intervals import wald_table, with_profiles
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.tables import IntervalTable
from mixedwidgets.plots import five as five_plot
from mixedwidgets.plots import intervals as intervals_plot
from mixedwidgets.plots.numbers import significant
from mixedwidgets.widgets.controls import menu, offer, row_of
from mixedwidgets.widgets.longwork import LongWork
from mixedwidgets.widgets.panels.picture_panel import PicturePanel
from mixedwidgets.widgets.working import Working

BARS = 1  # number of the axes with the intervals of one parameter
SOON = 0.0  # seconds of work until the first picture: Wald's intervals need none
EVERY = 0.4  # seconds between two pictures of a bootstrap under way


class IntervalPlot(PicturePanel):
    """Confidence intervals.

    Of all parameters: Wald and profile likelihood. Of one parameter: Wald's on each scale, profile
    likelihood and bootstrap on one axis; a click on one of them shows how it is built.

    Parameters
    ----------
    fit : Fit, optional
        What to show. Of a fit by REML, the intervals of the same model by maximum likelihood.
    parameter : str, optional
        Name of one parameter, as ``fit.values()`` has it; ``""`` shows all.
    method : str
        The interval of one parameter whose construction is shown; see ``FiveIntervals``.
    scale : {"sd", "variance"}
        The axis of a standard deviation.
    nsim, seed : int
        The bootstrap.
    **options
        See ``Panel``.
    """

    title = "Intervals"
    options: ClassVar[tuple[str, ...]] = (
        *PicturePanel.options,
        *("parameter", "method", "scale", "nsim", "seed"),
    )
    events: ClassVar[tuple[str, ...]] = ("click",)

    parameter = traitlets.Unicode("")
    method = traitlets.Unicode("profile")
    scale = traitlets.Enum(("sd", "variance"), "sd")
    nsim = traitlets.Int(1000, min=10, max=100_000)
    seed = traitlets.Int(1)

    def above(self) -> Iterable[ipw.Widget]:
        """The parameter, the method and the scale."""
        self.parameter_menu = menu("Parameter", 76, 170, 330)
        self.method_menu = menu("Method", 58, 170, 240)
        self.scale_menu = ipw.ToggleButtons(
            options=[("SD", "sd"), ("Variance", "variance")],
            value=self.scale,
            style={"button_width": "88px"},
            layout=ipw.Layout(width="auto"),
        )
        self.parameter_menu.observe(self._on_parameter_chosen, "value")
        self.method_menu.observe(self._on_method_chosen, "value")
        self.scale_menu.observe(self._on_scale_chosen, "value")
        self.observe(self._on_choice_changed, ["parameter", "method", "scale", "nsim", "seed"])
        return [row_of([self.parameter_menu, self.method_menu, self.scale_menu])]

    def below(self) -> Iterable[ipw.Widget]:
        """Progress, and the numbers as a table that unfolds."""
        self.profiles = LongWork(self.guarded, SOON)
        self._unfinished = False
        self._boot: tuple[Any, Bootstrap] | None = None
        self._five: FiveIntervals | None = None
        self._last = 0.0
        self.working = Working(self.guarded)
        self.numbers = ipw.HTML(layout=ipw.Layout(margin="0 12px"))
        return [self.working, self.numbers]

    def show(self, fit: Fit) -> None:
        """Draw the intervals of a fit; those that take longer come when they are there."""
        self.interrupt()
        name = self.parameter if self.parameter in _names(fit) else ""
        try:
            if name:
                self._show_one(fit.refit_ml() if fit.reml else fit, name)
            else:
                self._five = None
                self._show_all(fit)
        finally:  # the picture is waited for, the menus are not
            self._offer(fit)

    def interrupt(self) -> bool:
        """Drop profiles and bootstrap under way; whether there were any."""
        self.profiles.cancel()
        was, self._unfinished = self._unfinished, False
        return self.working.drop() or was

    def pointed(self, event: dict[str, Any]) -> None:
        """A click on an interval selects its method."""
        if self._five is None:
            return
        height = event["y"] if event["axes"] == BARS else None
        key = five_plot.hit(self._five, event["artist"], event["index"], height)
        if key is not None:
            self.method = key

    def _show_all(self, fit: Fit) -> None:
        likelihood = fit.likelihood_estimate
        table = wald_table(fit.design, likelihood)
        self._unfinished = True
        steps = chain([table], with_profiles(fit.design, likelihood, table))
        self.profiles.start(steps, self._show_profiles)

    def _show_profiles(self, latest: IntervalTable, finished: bool) -> None:
        self._unfinished = not finished
        self.draw(intervals_plot, latest)
        self.numbers.value = all_html(latest)

    def _show_one(self, fit: Fit, name: str) -> None:
        self._unfinished = True
        steps = five_steps(fit.design, fit.estimate, name, scale=self._scale(name))
        self.profiles.start(steps, lambda table, last: self._show_methods(fit, table, last))

    def _show_methods(self, fit: Fit, table: FiveIntervals, finished: bool) -> None:
        """Draw what is found so far; the bootstrap begins when all else is."""
        self._unfinished = not finished
        done = self._bootstrap_of(fit)
        self._five = table
        self._draw_one(done)
        if finished and (done is None or not done.finished):
            self._last = time.monotonic()
            self.working.start(
                f"Bootstrap of {self.nsim:,} replicates",
                _kept(self, fit),
                self._show_replicates,
                lambda boot: len(boot) / boot.nsim,
            )

    def _bootstrap_of(self, fit: Fit) -> Bootstrap | None:
        if self._boot is None or self._boot[0] != self._key(fit):
            return None
        return self._boot[1]

    def _key(self, fit: Fit) -> tuple[Any, ...]:
        return (fit.design, fit.criterion, self.nsim, self.seed)

    def _show_replicates(self, boot: Bootstrap, finished: bool) -> None:
        if finished or time.monotonic() - self._last > EVERY:
            self._draw_one(boot)
            self._last = time.monotonic()

    def _draw_one(self, boot: Bootstrap | None) -> None:
        if self._five is None:
            return
        if boot is not None:
            self._five = with_bootstrap(self._five, boot)
        keys = [method.key for method in self._five.methods]
        selected = self.method if self.method in keys else "profile"
        offer(self.method_menu, [(m.label, m.key) for m in self._five.methods], selected)
        self.draw(five_plot, self._five, selected=selected)
        self.numbers.value = one_html(self._five)

    def _scale(self, name: str) -> str:
        spread = name == "sigma" or name.startswith("sd_")
        return self.scale if spread else "sd"

    def _offer(self, fit: Fit) -> None:
        known = [p for p in fit.parameters if p.name in _names(fit)]
        options = [("All of them", ""), *((label(p, fit.design), p.name) for p in known)]
        chosen = self.parameter if self.parameter in [name for _, name in options] else ""
        offer(self.parameter_menu, options, chosen)
        spread = any(p.name == chosen and p.kind in ("sd", "sigma") for p in known)
        self.method_menu.layout.visibility = "visible" if chosen else "hidden"
        self.scale_menu.layout.visibility = "visible" if spread else "hidden"

    def _on_parameter_chosen(self, change: Any) -> None:
        if not offer.under_way and self.parameter_menu.value is not None:
            self.parameter = self.parameter_menu.value

    def _on_method_chosen(self, change: Any) -> None:
        if not offer.under_way and self.method_menu.value is not None:
            self.method = self.method_menu.value

    def _on_scale_chosen(self, change: Any) -> None:
        self.scale = change["new"]

    def _on_choice_changed(self, change: Any) -> None:
        self.scale_menu.value = self.scale
        if change["name"] == "method" and self._five is not None:
            with self.guarded():
                self._draw_one(None)
        else:
            self.renew()


def _kept(panel: IntervalPlot, fit: Fit) -> Iterator[Bootstrap]:
    """The steps of a bootstrap, each kept by the panel: another parameter needs no new one."""
    for boot in fit.bootstrap_steps(panel.nsim, panel.seed):
        panel._boot = (panel._key(fit), boot)
        yield boot


def _names(fit: Fit) -> list[str]:
    return [p.name for p in fit.parameters if p.kind != "theta"]


def all_html(table: IntervalTable) -> str:
    """All intervals as a table that unfolds: the picture shows a dozen at most."""
    shares = ("estimate", "wald_lower", "wald_upper", "profile_lower", "profile_upper")
    heads = ("", "estimate", "Wald", "", "profile", "", "")
    rows = [
        [
            protected(label),
            *(significant(float(getattr(table, s)[i]), 5) for s in shares),
            protected(table.notes[i]),
        ]
        for i, label in enumerate(table.labels)
    ]
    return _unfolding(heads, rows)


def one_html(table: FiveIntervals) -> str:
    """The intervals of one parameter as a table that unfolds."""
    heads = ("", "lower", "upper", "")
    rows = [
        [
            protected(method.label),
            *(significant(limit, 5) for limit in table.limits(method.key)),
            protected("not computed yet" if method.state == "waiting" else method.note),
        ]
        for method in table.methods
    ]
    return _unfolding(heads, rows)


def _unfolding(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{h}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<details><summary>as a table</summary><table><tr>{head}</tr>{body}</table></details>"

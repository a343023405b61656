"""The models visited: go back to one, name it, compare two."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Protocol

import ipywidgets as ipw

from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.comparison import Comparison
from mixedwidgets.widgets.controls import menu, offer, row_of
from mixedwidgets.widgets.history import History, Visit
from mixedwidgets.widgets.panels.base import Panel


class Log(Protocol):
    """Who keeps the history."""

    history: History

    def go(self, id: int) -> None:
        """Make a model visited the current one."""

    def show_code(self, id: int) -> None:
        """Make a model visited the current one and show it as code."""

    def illustrate(self) -> None:
        """Draw the thumbnails of the models visited that have none."""


class ComparePanel(Panel):
    """A row for each model visited, and two of them side by side.

    Parameters
    ----------
    log : Log
        Keeps the history, and goes where the user wants to.
    """

    title = "Compare"

    def __init__(self, log: Log):
        self._log = log
        super().__init__()

    def build(self) -> Iterable[ipw.Widget]:
        """Steps, rows, and the comparison."""
        self.back = _button("Back", "The model from which this one was reached")
        self.forward = _button("Forward", "The model that was reached from this one last")
        self.back.on_click(lambda _: self._step(self._log.history.back()))
        self.forward.on_click(lambda _: self._step(self._log.history.forward()))
        self.name = ipw.Text(
            description="Name",
            placeholder="of the current model",
            continuous_update=False,
            style={"description_width": "44px"},
            layout=ipw.Layout(width="auto", flex="1 1 180px", max_width="300px"),
        )
        self.name.observe(self._on_named, "value")
        self.rows: dict[int, _Row] = {}
        self.place = ipw.VBox(
            layout=ipw.Layout(max_height="290px", overflow="hidden auto", margin="4px 0")
        )
        self.one, self.other = menu("Compare", 62, 200, 400), menu("with", 32, 200, 400)
        self.one.observe(self._on_pair_chosen, "value")
        self.other.observe(self._on_pair_chosen, "value")
        self.result = ipw.HTML(layout=ipw.Layout(display="block", margin="4px"))
        return [
            row_of([self.back, self.forward, self.name]),
            self.place,
            row_of([self.one, self.other]),
            self.result,
        ]

    def show(self, fit: Fit) -> None:
        """Show the history as it is now, with the current model beside the one before."""
        self._log.illustrate()
        history = self._log.history
        for visit in history.visits:
            if visit.id not in self.rows:
                self.rows[visit.id] = _Row(self, visit.id)
            self.rows[visit.id].show(visit, history)
        self.place.children = [self.rows[visit.id].box for visit in history.visits]
        self.back.disabled, self.forward.disabled = (
            not history.can_go_back,
            not history.can_go_forward,
        )
        if history.current is not None:
            self.name.value = history[history.current].name
        self._offer(history)
        self._compare()

    def go(self, id: int) -> None:
        """Make a model visited the current one."""
        with self.guarded():
            self._log.go(id)

    def show_code(self, id: int) -> None:
        """Make a model visited the current one and show it as code."""
        with self.guarded():
            self._log.show_code(id)

    def static_html(self) -> str:
        """The table of visits and the comparison."""
        return f"{self._log.history.table.to_html()}{self.result.value}"

    def _step(self, history: History) -> None:
        if history.current is not None:
            self.go(history.current)

    def _offer(self, history: History) -> None:
        options = [(f"{v.label}: {v.formula}", v.id) for v in history.visits]
        now = history.current
        before = None if now is None else history[now].parent
        latest = sorted((v for v in history.visits if v.id != now), key=lambda v: -v.order)
        offer(self.one, options, now)
        offer(self.other, options, before or (latest[0].id if latest else now))

    def _compare(self) -> None:
        if self.one.value is None or self.other.value is None:
            return
        if self.one.value == self.other.value:
            self.result.value = "Visit two models to compare them." if len(self.rows) < 2 else ""
            return
        self.result.value = comparison_html(
            self._log.history.compare(self.other.value, self.one.value)
        )

    def _on_pair_chosen(self, change: Any) -> None:
        if not offer.under_way:
            with self.guarded():
                self._compare()

    def _on_named(self, change: Any) -> None:
        history = self._log.history
        if history.current is None or change["new"] == history[history.current].name:
            return
        with self.guarded():
            self._log.history = history.rename(history.current, change["new"])
            self.all_is_well()
            self.renew()


class _Row:
    """One model visited."""

    def __init__(self, panel: ComparePanel, id: int):
        self.text = ipw.HTML(layout=ipw.Layout(flex="1 1 auto", min_width="0", margin="0"))
        self.go = _button("Show", f"Show model {id}")
        self.code = _button("Code", f"Show model {id} as code, to save it")
        self.go.on_click(lambda _: panel.go(id))
        self.code.on_click(lambda _: panel.show_code(id))
        self.box = ipw.HBox(
            [self.text, self.go, self.code],
            layout=ipw.Layout(align_items="center", flex="0 0 auto", overflow="hidden"),
        )

    def show(self, visit: Visit, history: History) -> None:
        """Show the numbers of a visit."""
        now = visit.id == history.current
        self.go.disabled = now
        self.text.value = _visit_html(visit, _depth(visit, history), now)


def _depth(visit: Visit, history: History) -> int:
    """How many branches a visit is away from the first: only a second child begins one."""
    depth = 0
    while visit.parent is not None:
        parent = history[visit.parent]
        depth += history.children(parent.id)[0].id != visit.id
        visit = parent
    return depth


def _visit_html(visit: Visit, depth: int, now: bool) -> str:
    picture = ""
    if visit.thumbnail is not None:
        data = base64.b64encode(visit.thumbnail).decode("ascii")
        picture = (
            f'<img src="data:image/png;base64,{data}" alt="" width="72" height="48" '
            'style="flex: none; margin: 0">'
        )
    edge = " · boundary fit" if visit.boundary else ""
    numbers = (
        f"{visit.criterion} · {visit.df} parameters · log-likelihood {visit.loglik:.2f} · "
        f"AIC {visit.aic:.1f} · BIC {visit.bic:.1f} · {visit.nobs:,} rows{edge}"
    )
    mark = "var(--jp-brand-color1, #1976d2)" if now else "transparent"
    return (
        f'<div style="display: flex; gap: 10px; align-items: center; line-height: 1.4; '
        f"padding: 2px 0 2px 8px; margin-left: {16 * min(depth, 6)}px; "
        f'border-left: 4px solid {mark}">{picture}<div style="min-width: 0">'
        f"<b>{protected(visit.label)}</b> "
        f'<code style="overflow-wrap: anywhere">{protected(visit.formula)}</code>'
        f'<div style="color: var(--jp-ui-font-color2, #616161)">{numbers}</div></div></div>'
    )


def comparison_html(found: Comparison) -> str:
    """A comparison in words, with its table."""
    lines = [found.difference, found.sentence, *found.notes]
    if found.refitted:
        lines.append("For the test, fits by REML were fitted by maximum likelihood.")
    words = "".join(f'<div style="line-height: 1.5">{protected(line)}</div>' for line in lines)
    table = "" if found.table is None else found.table._repr_html_()
    return f"{words}{table}"


def _button(description: str, tooltip: str) -> ipw.Button:
    return ipw.Button(
        description=description, tooltip=tooltip, layout=ipw.Layout(width="84px", flex="none")
    )

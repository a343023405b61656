"""Long work on the screen: a bar that shows how far it is, and a button that stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.longwork import LongWork


class Working(ipw.HBox):
    """Runs one long work at a time, in slices; what it has found stays when it is stopped.

    Parameters
    ----------
    guarded : callable returning a context manager
        Wraps every slice, so that no exception vanishes.
    first : float, optional
        Seconds of work until the first result is shown.

    Attributes
    ----------
    under_way : bool
        Whether there is work left.
    """

    def __init__(
        self, guarded: Callable[[], AbstractContextManager[None]], first: float | None = None
    ):
        self._guarded = guarded
        self.work = LongWork(self._ending, first)
        self.under_way = False
        self.what = ""
        self._stopped: Callable[[], None] = _nothing
        self.bar = ipw.FloatProgress(
            min=0.0, max=1.0, layout=ipw.Layout(width="160px", height="16px")
        )
        self.stop_button = ipw.Button(
            description="Stop",
            tooltip="Stop and keep what is done",
            layout=ipw.Layout(width="64px", height="26px"),
        )
        self.stop_button.on_click(self._on_stop_clicked)
        self.label = ipw.HTML(layout=ipw.Layout(margin="0 4px"))
        super().__init__(
            [self.bar, self.stop_button, self.label],
            layout=ipw.Layout(align_items="center", min_height="32px", margin="0 4px"),
        )
        self._set_idle("")

    def start(
        self,
        what: str,
        steps: Iterator[Any],
        show: Callable[[Any, bool], None],
        share: Callable[[Any], float],
    ) -> None:
        """Begin, in place of what may be under way.

        Parameters
        ----------
        what : str
            What is being done, for the label.
        steps : iterator
            Each item is a better partial result.
        show : callable
            Receives the latest result and whether it is the last one, also where it is stopped.
        share : callable
            How much of the work is done with a result, 0 to 1.
        """

        def told(latest: Any, finished: bool) -> None:
            self._stopped = lambda: show(latest, True)
            if finished:
                self._set_idle("")
            else:
                self._set_busy(share(latest))
            show(latest, finished)

        self.what, self._stopped = what, _nothing
        self.under_way = True  # the bar is shown when the first slice does not finish it
        self.work.start(steps, told)

    def drop(self) -> bool:
        """Drop the work, because nobody waits for it any more; whether there was any."""
        was = self.under_way
        self.work.cancel()
        self._set_idle("")
        return was

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Wrap a slice: where it raises, there is no work any more."""
        with self._guarded():
            try:
                yield
            except Exception:
                self.drop()
                raise

    def _on_stop_clicked(self, button: Any) -> None:
        if self.under_way:
            self.work.cancel()
            self._stopped()
            self._set_idle(f"{self.what}: stopped at {self.bar.value:.0%}; what is done stays.")

    def _set_busy(self, share: float) -> None:
        self.under_way = True
        self.bar.value = share
        self._say(f"{self.what} ...")
        for part in (self.bar, self.stop_button):
            part.layout.visibility = "visible"

    def _set_idle(self, words: str) -> None:
        self.under_way = False
        self._say(words)
        for part in (self.bar, self.stop_button):
            part.layout.visibility = "hidden"

    def _say(self, words: str) -> None:
        self.label.value = f'<span role="status">{protected(words)}</span>'


def _nothing() -> None:
    """Nothing was done yet, so nothing is to be shown."""

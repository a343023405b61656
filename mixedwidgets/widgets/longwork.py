"""Long work in slices on the event loop: it never blocks a click, and stale work is dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

BUDGET = 0.05  # seconds of work before the loop gets a turn
PAUSE = 0.002  # seconds that the loop gets between slices


class LongWork:
    """Runs one generator at a time; starting another drops the one before.

    Parameters
    ----------
    guarded : callable returning a context manager
        Wraps every slice, so that no exception vanishes.
    first : float, optional
        Seconds of work until the first result is shown: a click waits for it.
    """

    def __init__(self, guarded: Callable[[], Any], first: float | None = None):
        self._guarded = guarded
        self._first = first
        self._turn = 0

    def start(self, steps: Iterator[Any], show: Callable[[Any, bool], None]) -> None:
        """Work through steps; ``show(result, finished)`` after each slice.

        The first slice runs at once. Where no event loop runs, all of it does.

        Parameters
        ----------
        steps : iterator
            Each item is a better partial result; not None.
        show : callable
            Receives the latest item and whether the work is finished; the last item comes twice
            where that became clear only later.
        """
        self._turn += 1
        self._continue(self._turn, steps, show, None, self._first)

    def later(self, delay: float, work: Callable[[], None]) -> None:
        """Do something in a while, unless other work is started before.

        Parameters
        ----------
        delay : float
            Seconds. Where no event loop runs, it is done at once.
        work : callable
            Short enough to be done in one go.
        """
        self._turn += 1
        loop = _running_loop()
        if loop is None:
            self._now(self._turn, work)
        else:
            loop.call_later(delay, self._now, self._turn, work)

    def _now(self, turn: int, work: Callable[[], None]) -> None:
        if turn == self._turn:
            with self._guarded():
                work()

    def cancel(self) -> None:
        """Drop what is under way."""
        self._turn += 1

    def _continue(
        self,
        turn: int,
        steps: Iterator[Any],
        show: Callable[[Any, bool], None],
        shown: Any,
        budget: float | None = None,
    ) -> None:
        if turn != self._turn:
            return
        loop = _running_loop()
        with self._guarded():
            until = BUDGET if budget is None else budget
            finished, latest = _slice(steps, until if loop is not None else float("inf"), shown)
            if turn != self._turn:  # another thread has started other work meanwhile
                return
            if latest is not None:
                show(latest, finished)
            if not finished and loop is not None and turn == self._turn:
                loop.call_later(PAUSE, self._continue, turn, steps, show, latest)


def _slice(steps: Iterator[Any], budget: float, latest: Any) -> tuple[bool, Any]:
    until = time.perf_counter() + budget
    for latest in steps:
        if time.perf_counter() >= until:
            return False, latest
    return True, latest


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

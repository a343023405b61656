"""Keep the garbage collector out of the way of a click."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from IPython import get_ipython

PATIENCE = 0.3  # seconds after the work in which the answer reaches the screen

_waiting: asyncio.TimerHandle | None = None


@contextmanager
def uncollected() -> Iterator[None]:
    """Put off garbage collection until the answer to a click is on the screen.

    A full collection goes through every object of a notebook's kernel and stops it for a fifth of a
    second; it is set off by the many small objects of a figure. A further click puts it off
    further. Outside a kernel, whose event loop outlives every click, nothing is put off.
    """
    if _waiting is not None:
        _waiting.cancel()
    elif not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        _collect_later()


def _collect_later() -> None:
    global _waiting
    _waiting = None
    if getattr(get_ipython(), "kernel", None) is None:
        gc.enable()
        return
    try:
        _waiting = asyncio.get_running_loop().call_later(PATIENCE, _collect_again)
    except RuntimeError:
        gc.enable()


def _collect_again() -> None:
    global _waiting
    _waiting = None
    gc.enable()

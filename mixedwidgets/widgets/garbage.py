"""Keep the garbage collector out of the way of a click."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 0.3  # seconds after the work in which the answer reaches the screen


@contextmanager
def uncollected() -> Iterator[None]:
    """Put off garbage collection until the answer to a click is on the screen.

    A full collection goes through every object of a notebook's kernel and stops it for a fifth of a
    second; it is set off by the many small objects of a figure. Where no event loop runs, the
    collector goes on at once.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        try:
            asyncio.get_running_loop().call_later(PATIENCE, gc.enable)
        except RuntimeError:
            gc.enable()

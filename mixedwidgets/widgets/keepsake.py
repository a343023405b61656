"""What a notebook without a kernel shows: the last state as an ordinary output of the cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from IPython import get_ipython
from IPython.display import HTML, display

SETTLED = 1.5  # seconds without a change after which the output is renewed


class Keepsake:
    """An output beside a widget that is seen only where no widget is alive.

    A front end that runs the widget loads a style sheet with it that hides the class
    ``mixedwidgets-keepsake``. In a notebook opened without its kernel, and on sites that show
    notebooks, the widget is not there and the output is.

    Parameters
    ----------
    render : callable
        Gives the HTML to keep.
    guarded : callable returning a context manager
        Wraps the renewal, so that no exception vanishes.
    """

    def __init__(
        self,
        render: Callable[[], str],
        guarded: Callable[[], AbstractContextManager[None]],
    ):
        self._render = render
        self._guarded = guarded
        self._handle: Any = None
        self._changes = 0

    def place(self) -> bool:
        """Show the output, as part of showing the widget; whether this is a notebook at all."""
        if get_ipython() is None:
            return False
        self._handle = display(self._html(), display_id=True)
        return self._handle is not None

    def changed(self) -> None:
        """Renew the output when things have settled."""
        self._changes += 1
        if self._handle is None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(SETTLED, self._renew, self._changes)

    def _renew(self, change: int) -> None:
        if change == self._changes:
            with self._guarded():
                self._handle.update(self._html())

    def _html(self) -> HTML:
        return HTML(f'<div class="mixedwidgets-keepsake">{self._render()}</div>')

"""Ordinary outputs of a cell that are renewed in place: they are saved with the notebook."""

from __future__ import annotations

import secrets
from typing import Any

from IPython import get_ipython
from IPython.display import display


class Output:
    """An output that can be placed in a cell and renewed later; outside notebooks it does nothing.

    The front end renews it wherever it was placed, also when the notebook's kernel is busy with a
    widget rather than a cell.
    """

    def __init__(self) -> None:
        self._name = f"mixedwidgets-{secrets.token_hex(8)}"
        self._placed = False

    def place(self, data: dict[str, Any]) -> None:
        """Show it in the cell that now runs.

        Parameters
        ----------
        data : dict
            By MIME type.
        """
        if get_ipython() is not None:
            display(data, raw=True, display_id=self._name)
            self._placed = True

    def renew(self, data: dict[str, Any]) -> None:
        """Show something else where it was placed."""
        if self._placed and get_ipython() is not None:
            display(data, raw=True, display_id=self._name, update=True)

"""No exception may vanish in a callback, and none may reach the user as a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import traitlets

from mixedwidgets.errors import MixedWidgetsError
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.garbage import uncollected


class Guarded(traitlets.HasTraits):
    """What turns an exception into a sentence on the screen.

    Attributes
    ----------
    problem : str
        What is wrong, in one sentence; empty when nothing is.
    error : str or None
        Traceback of the last exception, for reports.
    """

    problem = traitlets.Unicode("")
    error: Any = traitlets.Unicode(None, allow_none=True)
    failures = 0  # exceptions so far

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an exception into ``problem`` and ``error``."""
        try:
            with uncollected():
                yield
        except MixedWidgetsError as error:
            self.failures += 1
            self.error = traceback.format_exc()
            self.problem = " ".join(str(error).split())
        except Exception as error:
            self.failures += 1
            self.error = traceback.format_exc()
            what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
            self.problem = (
                f"Something unexpected went wrong ({what}); the details are in the error attribute."
            )

    def all_is_well(self) -> None:
        """Forget the last problem, after what failed has worked."""
        self.problem, self.error = "", None


def alert_html(sentence: str) -> str:
    """A sentence that screen readers read out at once; nothing where it is empty."""
    if not sentence:
        return ""
    return (
        '<div role="alert" style="position: relative; z-index: 5; line-height: 1.5; '
        "padding: 1px 10px; border-left: 4px solid #b3261e; "
        f'background: var(--jp-layout-color2, #f5f5f5)">{protected(sentence)}</div>'
    )

"""The errors and warnings of mixedwidgets; every message is one sentence a student understands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class MixedWidgetsError(Exception):
    """Base of every error that mixedwidgets raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong and what to do; it is made to end as a sentence does.
    """

    def __init__(self, message: str):
        super().__init__(as_sentence(message))

    def _render_traceback_(self) -> list[str]:
        """Show notebooks the sentence alone: what the user can mend is not in our code."""
        return [f"{type(self).__name__}: {self}"]


class FormulaError(MixedWidgetsError, ValueError):
    """A formula cannot be read.

    Parameters
    ----------
    message : str
        What is wrong and what to do, in one sentence.
    formula : str, optional
        The formula as given.
    position : int, optional
        Zero-based index of the offending character; a caret is printed under it.
    """

    def __init__(self, message: str, formula: str | None = None, position: int | None = None):
        super().__init__(message)
        self.message = as_sentence(message)
        self.formula = formula
        self.position = position

    def __str__(self) -> str:
        if self.formula is None or self.position is None:
            return self.message
        before = self.formula[: self.position]
        line_start = before.rfind("\n") + 1
        line_end = self.formula.find("\n", self.position)
        line = self.formula[line_start : line_end if line_end >= 0 else len(self.formula)]
        shown, place = _excerpt(line, self.position - line_start)
        return f"{self.message}\n    {shown}\n    {' ' * place}^"


class DataError(MixedWidgetsError, ValueError):
    """The data cannot play the role the model gives them (missing column, text, infinities ...)."""


class ModelError(MixedWidgetsError, ValueError):
    """The model cannot be fitted to these data, or the question does not apply to this model."""


class MixedWidgetsWarning(UserWarning):
    """A model is fitted, but something about it asks for attention.

    Parameters
    ----------
    message : str
        What to look at and what to do; it is made to end as a sentence does.
    """

    def __init__(self, message: str):
        super().__init__(as_sentence(message))


_WIDEST = 100


def _excerpt(line: str, place: int) -> tuple[str, int]:
    """Return what fits a screen of a line around a place, without control characters."""
    start = max(0, min(place - _WIDEST // 2, len(line) - _WIDEST))
    shown = line[start : start + _WIDEST]
    clean = "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in shown)
    before = "... " if start else ""
    after = " ..." if start + _WIDEST < len(line) else ""
    return f"{before}{clean}{after}", place - start + len(before)


# A first word that is no name of the user's or of R's, whose case would matter.
_OPENERS = {"a", "an", "as", "each", "every", "no", "nothing", "only", "the", "there", "this"}


def as_sentence(text: str) -> str:
    """End with a full stop; start with a capital where the first word is plain English."""
    text = text.strip()
    if text.split(" ", 1)[0] in _OPENERS:
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "?", "!")) else ".")


def brief(value: object) -> str:
    """How a message shows a value: as Python writes it, or its type where that is long."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # NumPy would write np.int64(8)
    text = repr(value)
    return text if len(text) <= 80 and "\n" not in text else f"of type {type(value).__name__}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known name, or an empty string.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What is allowed.
    """
    candidates = [str(k) for k in known]
    exact = [k for k in candidates if k.casefold() == name.casefold()]
    close = exact or difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(names: Sequence[str], most: int = 20) -> str:
    """Join names with commas, the first few where there are many.

    Parameters
    ----------
    names : sequence of str
    most : int
        How many are written out.
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")

"""A homework as an ordinary notebook."""

from __future__ import annotations

from mixedwidgets.homework.cells import Content
from mixedwidgets.homework.notebooks import notebook_text


def plain_notebook(content: Content) -> str:
    """Return the text of an ordinary notebook; there is no key in it.

    Parameters
    ----------
    content : Content
    """
    return notebook_text(content.homework, [(cell, {}) for cell in content.cells])

"""The little Markdown and TeX of questions and keys -> HTML that needs no program to show."""

from __future__ import annotations

import re
from html import escape

SIGNS = {
    "ell": "\u2113",
    "log": " log ",
    "exp": " exp ",
    "sqrt": "\u221a",
    "pm": "\u00b1",
    "times": "\u00d7",
    "cdot": "\u00b7",
    "chi": "\u03c7",
    "epsilon": "\u03b5",
    "mu": "\u03bc",
    "sim": "~",
    "sum": "\u2211",
    "rho": "\u03c1",
    "sigma": "\u03c3",
    "tau": "\u03c4",
    "theta": "\u03b8",
}
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}  # go on the letter before them

_PIECES = re.compile(r"`([^`]*)`|\$([^$]*)\$|\*\*([^*]*)\*\*")
_ACCENTED = re.compile(r"\\(hat|bar)\s*(?:\{(\\?[A-Za-z]+)\}|(\\[A-Za-z]+|[A-Za-z]))")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_RAISED = re.compile(r"\^(?:\{([^{}]*)\}|(\w))")
_LOWERED = re.compile(r"_(?:\{([^{}]*)\}|(\w))")


def words_html(markdown: str) -> str:
    """Return a question's text, or the working of a key, as HTML.

    Parameters
    ----------
    markdown : str
        Text with code in backticks, bold words and simple formulas between dollar signs; whatever
        else is in it is shown as it stands.
    """
    pieces, end = [], 0
    for found in _PIECES.finditer(markdown):
        pieces.append(escape(markdown[end : found.start()]))
        code, formula, bold = found.groups()
        if code is not None:
            pieces.append(f"<code>{escape(code)}</code>")
        elif formula is not None:
            pieces.append(_formula(formula))
        else:
            pieces.append(f"<strong>{escape(bold)}</strong>")
        end = found.end()
    return "".join(pieces) + escape(markdown[end:])


def _formula(tex: str) -> str:
    accented = _ACCENTED.sub(lambda found: f"{found[2] or found[3]}{ACCENTS[found[1]]}", tex)
    rooted = _ROOT.sub(lambda found: f"{SIGNS['sqrt']}({found[1]})", accented)
    text = escape(_COMMAND.sub(lambda found: SIGNS.get(found[1], found[1]), rooted))
    text = _RAISED.sub(lambda found: f"<sup>{found[1] or found[2]}</sup>", text)
    text = _LOWERED.sub(lambda found: f"<sub>{found[1] or found[2]}</sub>", text)
    return re.sub(r" {2,}", " ", re.sub(r"[{}]", "", text).replace("-", "\u2212"))

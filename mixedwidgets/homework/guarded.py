"""Text that others wrote, as it may stand in a cell: it stays text, and no tool obeys it."""

from __future__ import annotations

import ast
import html
import re

from mixedwidgets.errors import DataError, brief

# What nbgrader and otter take as orders, or a word of each, wherever in a cell it stands.
_LOUD = "BEGIN|END|IGNORE|AUTOTEST"
_ORDERS = re.compile(rf"{_LOUD}|(?<=#)\s*(?i:begin|ignore)|(?<=```)\s*otter")
_JOINER = "\u2060"  # is not seen, and no line may break at it


def heading(text: str, level: int = 1) -> str:
    """Return a heading in Markdown: one line, whose HTML is shown as it is written.

    Parameters
    ----------
    text : str
    level : int
        1 to 6.
    """
    line = " ".join(clean(text).split())
    return f"{'#' * level} {html.escape(line, quote=False)}".rstrip()


def clean(text: str) -> str:
    """Return text that can be saved: halves of characters are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def quiet(markdown: str) -> str:
    """Return Markdown that looks the same and holds no order to nbgrader or otter.

    A character that is not seen is put into each word of an order, such as the one that begins a
    solution.

    Parameters
    ----------
    markdown : str
    """
    return _ORDERS.sub(lambda found: f"{found[0][:-1]}{_JOINER}{found[0][-1]}", clean(markdown))


def quiet_json(text: str) -> str:
    """Return JSON text of the same meaning that holds no order to nbgrader or otter.

    Parameters
    ----------
    text : str
        JSON, in which capitals stand in texts alone.
    """
    return re.sub(_LOUD, lambda found: f"\\u{ord(found[0][0]):04x}{found[0][1:]}", text)


class Name(str):
    """A variable, which ``call`` writes as it is."""


def call(function: str, *values: str | float | int) -> str:
    """Return a call as Python source, its values written by ``repr`` and read back.

    Parameters
    ----------
    function : str
        A dotted name.
    *values : Name, str, float or int

    Raises
    ------
    DataError
        A value is of another type, or is not read back as it was.
    """
    source = f"{function}({', '.join(_written(value) for value in values)})"
    node = ast.parse(source, mode="eval").body
    read = [_read(value) for value in node.args] if isinstance(node, ast.Call) else None
    if read != list(values):
        raise DataError(f"A call of {function} with {brief(values)} cannot be written.")
    return source


def _written(value: object) -> str:
    if isinstance(value, Name):
        return str(value)
    if type(value) not in (str, float, int):
        raise DataError(f"{brief(value)} cannot be written into a notebook.")
    return repr(value)


def _read(node: ast.expr) -> object:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)

"""Cells -> the text of a notebook: valid, and the same for the same cells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import nbformat

from mixedwidgets.homework.cells import Cell
from mixedwidgets.homework.guarded import clean

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook_text(homework: str, cells: Iterable[tuple[Cell, dict[str, Any]]]) -> str:
    """Return a notebook as it is saved.

    Parameters
    ----------
    homework : str
        Its name, from which with the names of the cells their identifiers follow.
    cells : iterable of (Cell, dict)
        With metadata beside that of the cell itself.
    """
    content = {
        "cells": [_cell(homework, cell, metadata) for cell, metadata in cells],
        "metadata": METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    node = nbformat.from_dict(content)
    nbformat.validate(node)
    return nbformat.writes(node).rstrip("\n") + "\n"


def _cell(homework: str, cell: Cell, metadata: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps([homework, cell.name]).encode()).hexdigest()
    folded = {"jupyter": {"source_hidden": True}} if cell.folded else {}
    made: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"c{digest[:15]}",
        "metadata": folded | metadata,
        "source": clean(cell.source),
    }
    if cell.kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made

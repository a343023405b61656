"""The steps of a search as a table."""

from __future__ import annotations

from collections.abc import Iterable

from mixedwidgets.likelihood.tables import Floats, SearchStep
from mixedwidgets.lmm.html import protected
from mixedwidgets.plots.numbers import significant


def steps_html(names: Iterable[str], steps: tuple[SearchStep, ...], index: int) -> str:
    """Return every step of a search as a table that unfolds, the one shown in bold.

    Parameters
    ----------
    names : iterable of str
        The parameters.
    steps : tuple of SearchStep
        The search.
    index : int
        The step that is shown.
    """
    head = "".join(f"<th>{protected(text)}</th>" for text in ("step", *names, "log-likelihood", ""))
    rows = []
    for i, step in enumerate(steps):
        cells = [str(i), *_numbers(step.x), significant(step.value, 8), step.kind or "end"]
        weight = ' style="font-weight: 600"' if i == index else ""
        rows.append(f"<tr{weight}>{''.join(f'<td>{protected(c)}</td>' for c in cells)}</tr>")
    return (
        f"<details><summary>the {len(steps) - 1} steps as a table</summary>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table></details>"
    )


def _numbers(values: Floats) -> list[str]:
    return [significant(float(value), 7) for value in values]

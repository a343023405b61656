"""Your own data: choose a file, see what was read, and explore it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as ipw
import pandas as pd
import traitlets

from mixedwidgets.errors import DataError, ModelError, brief, nearest
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.explorer import Explorer
from mixedwidgets.widgets.guard import Guarded, alert_html
from mixedwidgets.widgets.keepsake import Keepsake
from mixedwidgets.widgets.own_columns import counted
from mixedwidgets.widgets.own_table import KINDS, OwnTable, check_file, read_own
from mixedwidgets.widgets.upload import Upload

ROWS_SHOWN, COLUMNS_SHOWN, CHARACTERS_SHOWN = 5, 30, 40

_BESIDE = "display: flex; flex-wrap: wrap; gap: 0 56px"
_BOX = "overflow-x: auto; max-width: 100%; margin: 4px 0 10px"
_LINE = "1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.35))"
_TABLE = "border-collapse: collapse; font-size: 13px; line-height: 1.4; margin: 0"
_CELL = f"border: none; border-bottom: {_LINE}; padding: 2px 14px 2px 0; white-space: nowrap"


class OwnData(Guarded, ipw.VBox):
    """Choose a table from your computer, see what was read of it, and explore it.

    CSV files of any country are read: separators, decimal commas, encodings, marks of missing
    values and dates are found and said in words. What is wrong is said in a sentence.

    Parameters
    ----------
    most : float
        How large a file may be, in MB of a million bytes; above 0, at most 500.
    theme : {"auto", "light", "dark"}
        Of the explorer's pictures.

    Attributes
    ----------
    data : DataFrame or None
        What was read last.
    name : str
        The file's name; empty before the first.
    explorer : Explorer or None
        The explorer of the data.
    notes : tuple of str
        What was mended in the data, and what to look at; a sentence each.
    problem : str
        What is wrong with the file chosen last, in one sentence; empty when nothing is. The data
        and the explorer stay those of the last good file.
    error : str or None
        Traceback of the last exception, None when all is well.

    Raises
    ------
    DataError
        A limit that is no size.
    ModelError
        A keyword that is not known.
    """

    data: Any = traitlets.Instance(pd.DataFrame, allow_none=True, read_only=True)
    name = traitlets.Unicode("", read_only=True)
    explorer: Any = traitlets.Instance(Explorer, allow_none=True, read_only=True)
    notes: Any = traitlets.Tuple(read_only=True)

    def __init__(self, most: float = 20, theme: str = "auto", **options: Any):
        _check(most, options)
        self.most, self._theme = float(most), theme
        super().__init__(**options)
        self._keepsake = Keepsake(self.static_html, self.guarded)
        self.upload = Upload(
            self._check_file,
            self._take,
            self._refuse,
            description=f"A table from your computer ({', '.join(KINDS)}; up to {most:g} MB)",
            accept=",".join(KINDS),
        )
        block = {"display": "block", "margin": "0 4px"}
        self._alert = ipw.HTML(layout=ipw.Layout(**block))
        self.read = ipw.HTML(layout=ipw.Layout(**block))
        self._standing = [self.upload, self._alert, self.read]
        self.children = self._standing
        self.layout.overflow = "visible"
        self.add_class("mixedwidgets-own-data")
        self.observe(self._on_problem_changed, "problem")

    def __repr__(self) -> str:
        if self.data is None:
            return "<OwnData: no file yet>"
        return f"<OwnData {self.name}: {len(self.data)} rows, {self.data.shape[1]} columns>"

    def take(self, name: str, content: bytes | str) -> None:
        """Read a file as if it had been chosen.

        Parameters
        ----------
        name : str
            Of the file; its ending says what it is.
        content : bytes or str
            What is in it; text is taken as UTF-8.

        Raises
        ------
        DataError
            The file cannot be read, and why; ``data`` and ``explorer`` stay as they were.
        """
        content = content.encode() if isinstance(content, str) else bytes(content)
        name = plain_name(name)
        try:
            check_file(name, len(content), self.most)
            table = read_own(name, content)
            explorer = Explorer(table.data, source=table.source, theme=self._theme)
        except DataError as error:
            self._refuse(error)
            raise
        self.all_is_well()
        self._show(table, explorer)

    def static_html(self) -> str:
        """What was read, and what the explorer shows, as HTML without widgets."""
        if self.explorer is None:
            return "<p>No file has been chosen yet.</p>"
        return f"<div>{self.read.value}{self.explorer.static_html()}</div>"

    def _check_file(self, name: str, size: int) -> None:
        check_file(plain_name(name), size, self.most)

    def _take(self, name: str, content: bytes) -> None:
        self.take(name, content)

    def _refuse(self, error: Exception) -> None:
        with self.guarded():
            raise error

    def _show(self, table: OwnTable, explorer: Explorer) -> None:
        self.read.value = table_html(table)
        self.children = [*self._standing, explorer]
        with self.hold_trait_notifications():
            self.set_trait("data", table.data)
            self.set_trait("name", table.name)
            self.set_trait("notes", table.notes)
            self.set_trait("explorer", explorer)
        explorer.observe(self._on_explorer_changed, "fit")
        self._keepsake.changed()

    def _on_explorer_changed(self, change: Any) -> None:
        self._keepsake.changed()

    def _on_problem_changed(self, change: Any) -> None:
        still = f" What is below is still {self.name}." if self.name else ""
        self._alert.value = alert_html(self.problem + still if self.problem else "")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and beside it what is on the screen, for readers without a kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = repr(self)
        if not self._keepsake.place():
            bundle["text/html"] = self.static_html()
        return bundle


def plain_name(name: str) -> str:
    """The name of a file without the folders before it, whatever the computer it comes from.

    Parameters
    ----------
    name : str
        What a browser or a program calls the file.
    """
    last = Path(str(name).replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable()) or "the file"


def table_html(table: OwnTable) -> str:
    """What was read of a file: a sentence, notes, its columns and its first rows.

    Parameters
    ----------
    table : OwnTable

    Returns
    -------
    str
        HTML; every name and value is escaped.
    """
    data = table.data
    kept = list(data.columns[:COLUMNS_SHOWN])
    more = data.shape[1] - len(kept)
    cut = f"<p>and {more} more columns</p>" if more > 0 else ""
    columns = [
        (c.name, c.kind, f"{c.distinct:,}", f"{c.missing:,}" if c.missing else "none", c.shows)
        for c in table.columns[:COLUMNS_SHOWN]
    ]
    rows = [[_cell(value) for value in row] for row in data[kept].head(ROWS_SHOWN).to_numpy(object)]
    first = f"First {len(rows)} of {len(data):,} rows"
    notes = "".join(f'<p style="margin: 2px 0">{protected(note)}</p>' for note in table.notes)
    heads = ("Column", "Read as", "Distinct", "Missing", "Values")
    return (
        f'<div role="status" style="line-height: 1.5"><p style="margin: 6px 0 2px">'
        f"{protected(words_of(table))}</p>{notes}</div>"
        f"<details open><summary>Columns and first rows</summary>"
        f'<div style="{_BESIDE}">{_html("Columns as they were read", heads, columns)}'
        f"{_html(first, kept, rows)}</div>{cut}</details>"
    )


def words_of(table: OwnTable) -> str:
    """How many rows, columns and missing values a file has, in sentences.

    Parameters
    ----------
    table : OwnTable
    """
    data = table.data
    rows, columns = data.shape
    missing = int(data.isna().to_numpy().sum())
    touched = int(data.isna().any(axis=1).sum())
    gaps = (
        f"{missing:,} value{'s are' if missing > 1 else ' is'} missing, in {touched:,} "
        f"row{'s' if touched > 1 else ''}."
        if missing
        else "No value is missing."
    )
    return (
        f"{table.name} ({table.how}) has {rows:,} row{'s' if rows > 1 else ''} and {columns} "
        f"columns: {counted(table.columns)}. {gaps}"
    )


def _html(caption: str, heads: Any, rows: Any) -> str:
    head = "".join(
        f'<th scope="col" style="{_CELL}; text-align: left; font-weight: 600">'
        f"{protected(_short(str(h)))}</th>"
        for h in heads
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_CELL}; text-align: left">{protected(_short(str(value)))}</td>'
            for value in row
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div style="{_BOX}"><table style="{_TABLE}"><caption style="text-align: left; '
        f'caption-side: top; padding: 6px 0 2px">{protected(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "missing"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value).removesuffix(" 00:00:00")  # a date without a time of day


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= CHARACTERS_SHOWN else f"{text[: CHARACTERS_SHOWN - 1]}…"


def _check(most: Any, options: dict[str, Any]) -> None:
    for given in options:
        if given != "layout":
            allowed = ("most", "theme", "layout")
            raise ModelError(
                f"OwnData has no option {given!r}{nearest(given, allowed)}; its options are "
                f"{', '.join(allowed)}."
            )
    is_size = isinstance(most, (int, float)) and not isinstance(most, bool) and 0 < most <= 500
    if not is_size:
        raise DataError(
            f"most is {brief(most)}; give the largest size of a file in MB, above 0, at most 500."
        )

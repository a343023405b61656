"""``StatTable``: a DataFrame of tests that prints as R prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from mixedwidgets.lmm.html import table_html
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.stattext import stars_of, stat_cells, stat_text


class StatTable(pd.DataFrame):
    """Tests, one a row: a DataFrame that prints as R prints such tables.

    What is selected from it or computed with it is an ordinary DataFrame or Series; missing
    numbers are NaN and print as blanks.
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    @classmethod
    def of(
        cls,
        columns: Mapping[str, Array | Sequence[float]],
        index: Sequence[str],
        title: str,
        lines: Sequence[str] = (),
        notes: Sequence[str] = (),
        labels: Sequence[str] | None = None,
    ) -> StatTable:
        """Make a table.

        Parameters
        ----------
        columns : mapping of str to (r,) array
        index : sequence of str
            Row names.
        title : str
            The first line of what is printed.
        lines : sequence of str
            What stands between title and table, such as formulas.
        notes : sequence of str
            Sentences below the table.
        labels : sequence of str, optional
            Shorter row names to print.

        Returns
        -------
        StatTable
        """
        out = cls({n: np.asarray(v) for n, v in columns.items()}, index=pd.Index(index, dtype=str))
        out.attrs["title"] = title
        out.attrs["lines"] = tuple(lines)
        out.attrs["notes"] = tuple(notes)
        out.attrs["labels"] = tuple(index if labels is None else labels)
        return out

    @property
    def table(self) -> pd.DataFrame:
        """The numbers as an ordinary DataFrame."""
        return pd.DataFrame(dict(self.items()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know about these tests, a sentence each."""
        return tuple(self.attrs.get("notes", ()))

    def __repr__(self) -> str:
        if not self._numeric:
            return repr(self.table)
        title = self.attrs["title"]
        heading = [*([title] if title else []), *self.attrs["lines"]]
        return stat_text(heading, self._labels(), self._numbers(), self.notes)

    def _repr_html_(self) -> str:
        if not self._numeric:
            return self.table.to_html()
        columns = self._numbers()
        cells = stat_cells(columns)
        heads, stars = list(columns), stars_of(columns)
        if stars:
            heads.append("")
            cells.append(stars)
        rows = zip(self._labels(), zip(*cells, strict=True), strict=True)
        title = self.attrs["title"].rstrip(":") or "Comparison of models"
        return table_html(title, self.attrs["lines"], heads, rows, self.notes)

    @property
    def _numeric(self) -> bool:
        """Whether nothing but numbers was put in."""
        return all(pd.api.types.is_numeric_dtype(kind) for kind in self.dtypes)

    def _labels(self) -> list[str]:
        labels = list(self.attrs["labels"])
        return labels if len(labels) == len(self) else [str(name) for name in self.index]

    def _numbers(self) -> dict[str, Array]:
        return {str(name): values.to_numpy(dtype=float) for name, values in self.items()}

"""``Intervals``: a table of confidence intervals that prints with its reasons."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mixedwidgets.lmm.html import table_html


class Intervals(pd.DataFrame):
    """Confidence intervals: a DataFrame that prints with the reasons of its limits.

    A row for each parameter, columns such as ``2.5 %`` and ``97.5 %``. What is selected from it or
    computed with it is an ordinary DataFrame or Series.
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    @property
    def notes(self) -> dict[str, str]:
        """For each parameter of which there is something to say, what: also ``.attrs["notes"]``."""
        return dict(self.attrs.get("notes", {}))

    def __repr__(self) -> str:
        table = pd.DataFrame(dict(self.items())).to_string(float_format=_number)
        return "\n".join([self._title, table, *self._sentences])

    def _repr_html_(self) -> str:
        rows = [
            (str(name), [_number(v) for v in values])
            for name, values in zip(self.index, self.to_numpy(), strict=True)
        ]
        heads = [str(c) for c in self.columns]
        return table_html(self._title, (), heads, rows, self._sentences)

    @property
    def _title(self) -> str:
        return str(self.attrs.get("title", "Confidence intervals"))

    @property
    def _sentences(self) -> list[str]:
        return [f"{name}: {note}" for name, note in self.notes.items()]


def _number(value: float) -> str:
    return f"{value:.6g}"

"""Where data come from, and the code that reads them from there."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from mixedwidgets.errors import DataError, brief
from mixedwidgets.export_code import call, literal

READERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".csv": ("read_csv", {}),
    ".tsv": ("read_csv", {"sep": "\t"}),
    ".txt": ("read_csv", {"sep": "\t"}),
    ".parquet": ("read_parquet", {}),
    ".feather": ("read_feather", {}),
    ".xlsx": ("read_excel", {}),
    ".json": ("read_json", {}),
    ".dta": ("read_stata", {}),
    ".sav": ("read_spss", {}),
    ".sas7bdat": ("read_sas", {}),
}
_COMPRESSED = (".gz", ".bz2", ".zip", ".xz", ".zst")
UNKNOWN = "your_data.csv"

Step = tuple[Hashable, str, Any]  # column, what to do with it, and how


@dataclass(frozen=True, eq=False)
class Source:
    """How data are read.

    Attributes
    ----------
    dataset : str, optional
        Name of a bundled data set.
    path : str, optional
        A file or an address. Without either, a file whose name the user puts in.
    options : dict
        Keywords of the pandas function that reads it.
    steps : tuple of (column, step, value)
        What is done to columns afterwards, because no option does it.
    decimals : tuple of names
        Columns that are read as text and then turned into numbers, because pandas' own reading
        is not exact to the last digit in every version of it.
    """

    dataset: str | None = None
    path: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    decimals: tuple[Hashable, ...] = ()

    def code(self) -> list[str]:
        """The lines that read the data into ``data``."""
        if self.dataset is not None:
            return [f"data = {call('mw.load', self.dataset)}"]
        if self.path is None:
            return [
                "# Read and prepare your data as for the explorer; a file keeps no categories.",
                f'data = pd.read_csv("{UNKNOWN}")',
            ]
        reader, options = reader_of(self.path)
        reading = f"data = {call(f'pd.{reader}', self.path, **{**options, **self.options})}"
        lines = [f"data[{literal(n)}] = {_STEPS[s](n, v)}" for n, s, v in self.steps]
        if self.decimals:
            lines.append(f"data = {call('data.astype', dict.fromkeys(self.decimals, 'float64'))}")
        return [reading, *lines]

    def seen_from(self, folder: Path) -> Source:
        """The same file named from another folder, for code that runs there."""
        if self.path is None or "://" in self.path or PurePath(self.path).is_absolute():
            return self
        try:
            path = PurePath(os.path.relpath(self.path, folder)).as_posix()
        except ValueError:  # another drive
            path = Path(self.path).resolve().as_posix()
        return replace(self, path=path)


def reader_of(path: str) -> tuple[str, dict[str, Any]]:
    """Return the function of pandas that reads a file, and keywords for it.

    Raises
    ------
    DataError
        A file of a kind that pandas does not read.
    """
    suffixes = [suffix.casefold() for suffix in PurePath(path).suffixes]
    kept = [suffix for suffix in suffixes if suffix not in _COMPRESSED]
    if not kept or kept[-1] not in READERS:
        raise DataError(
            f"source is {brief(path)}; give the file that the data were read from, whose name ends "
            f"in one of {', '.join(READERS)}."
        )
    return READERS[kept[-1]]


def _time_code(name: Hashable, options: Mapping[str, Any]) -> str:
    return call("pd.to_datetime", written=[f"data[{literal(name)}]"], **options)


_STEPS: dict[str, Callable[[Hashable, Any], str]] = {
    "time": _time_code,
    "zone": lambda name, zone: call(f"data[{literal(name)}].dt.tz_convert", zone),
    "duration": lambda name, _: call("pd.to_timedelta", written=[f"data[{literal(name)}]"]),
    "levels": lambda name, levels: call(f"data[{literal(name)}].cat.rename_categories", levels),
}

"""``Rows``: the rows that a prediction or a simulation is for, in the columns of a fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, listed
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.columns import Codes, Table
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.foreign import as_pandas
from mixedwidgets.lmm.groups import lme4_order
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.random_terms import group_name
from mixedwidgets.lmm.rowwise import checked_weights, numbers_by_row

MOST_NAMED = 5  # new levels that a refusal writes out


@dataclass(frozen=True)
class Rows:
    """Rows in the columns of a fitted model.

    Attributes
    ----------
    index : (n,) Index
        Their labels.
    X : (n, p) array
        Fixed-effects columns.
    offset : (n,) array
        Known part of the linear predictor.
    weights : (n,) array
        Prior weights, 1 where nothing else is known.
    columns : tuple of (n, k) arrays
        Random-effects columns of each of the design's blocks, in the user's units.
    codes : tuple of (n,) arrays of int
        The level of each row for each grouping factor, numbered on for levels the fit does not
        have.
    missing : (n,) array of bool
        Rows that lack something that is needed; their columns mean nothing.
    new : mapping of str to list of str
        The levels that the fit does not have, by grouping factor, in the order of their codes.
    """

    index: pd.Index
    X: Array
    offset: Array
    weights: Array
    columns: tuple[Array, ...]
    codes: tuple[Codes, ...]
    missing: NDArray[np.bool_]
    new: Mapping[str, list[str]]

    def complete(self) -> Rows:
        """The rows that lack nothing."""
        there = ~self.missing
        if there.all():
            return self
        return Rows(
            index=self.index[there],
            X=self.X[there],
            offset=self.offset[there],
            weights=self.weights[there],
            columns=tuple(c[there] for c in self.columns),
            codes=tuple(c[there] for c in self.codes),
            missing=np.zeros(int(there.sum()), dtype=bool),
            new=self.new,
        )

    def spread(self, values: Array) -> Array:
        """Values (..., m) of the complete rows among all rows, NaN elsewhere, (..., n)."""
        if not self.missing.any():
            return values
        out = np.full((*values.shape[:-1], len(self.missing)), np.nan)
        out[..., ~self.missing] = values
        return out


def fitted_rows(design: Design) -> Rows:
    """The rows that a model was fitted to."""
    n = len(design.y)
    return Rows(
        index=design.index,
        X=design.X,
        offset=np.zeros(n) if design.offset is None else design.offset,
        weights=np.ones(n) if design.weights is None else design.weights,
        columns=tuple(b.columns for b in design.blocks),
        codes=tuple(g.codes for g in design.groupings),
        missing=np.zeros(n, dtype=bool),
        new={},
    )


def new_rows(design: Design, call: Call, data: Any, labelled: Sequence[bool], spread: bool) -> Rows:
    """Read rows that a model was not fitted to.

    Parameters
    ----------
    design : Design
    call : Call
        What the fit was asked for.
    data : DataFrame or mapping of str to array
        It need not hold the response. A single value in a mapping stands for every row.
    labelled : sequence of bool
        For each grouping factor, whether the levels of the rows matter.
    spread : bool
        Whether the columns of the other factors and the weights matter: how far responses spread
        around their mean.

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        Where the data lack a column or hold something else in it than the fit's data, or the
        offset of the fit cannot be read from them.
    """
    if not design.recipe.random:
        raise DataError(
            "this fit was made from matrices, without a formula, so columns for new data cannot "
            "be built; fit the model by lmer"
        )
    data = _recycled(as_pandas(data))
    if isinstance(data, pd.DataFrame | Mapping) and _length(data) == 0:
        return _no_rows(design, data)
    table = Table(data)
    X, offset, missing = design.recipe.fixed_columns(data)
    offset = offset + _offset_argument(call, table)
    columns, codes, new = _random_columns(design, data, labelled, spread)
    for block in columns:
        missing = missing | np.isnan(block).any(axis=1)
    for level in codes:
        missing = missing | (level < 0)
    weights = _weights(design, table) if spread else np.ones(table.n_rows)
    missing = missing | np.isnan(offset) | np.isnan(weights)
    return Rows(table.index, X, offset, weights, columns, codes, missing, new)


def refuse_new_levels(rows: Rows, factors: Sequence[str], advice: str) -> None:
    """Refuse rows of levels that the fit does not have.

    Parameters
    ----------
    rows : Rows
    factors : sequence of str
        The grouping factors whose levels must be known.
    advice : str
        What to do instead, completing the sentence.

    Raises
    ------
    DataError
    """
    for name in factors:
        levels = rows.new.get(name, [])
        if levels:
            raise DataError(
                f"the new data have levels of {name!r} that the fit does not have: "
                f"{listed([repr(level) for level in levels], MOST_NAMED)}; {advice}"
            )


def _random_columns(
    design: Design, data: Any, labelled: Sequence[bool], spread: bool
) -> tuple[tuple[Array, ...], tuple[Codes, ...], dict[str, list[str]]]:
    """The random part of new rows, zero where it does not matter."""
    n = _length(data)
    factors = {g.name: number for number, g in enumerate(design.groupings)}
    wanted = {
        name: design.groupings[number].levels if labelled[number] else None
        for name, number in factors.items()
        if labelled[number] or spread
    }
    found = iter(design.recipe.random_columns(data, wanted) if wanted else ())
    columns: list[Array] = []
    codes = [np.zeros(n, dtype=np.intp) for _ in factors]
    new: dict[str, list[str]] = {}
    names = [group_name(group) for group, _ in design.recipe.random]
    order = lme4_order([len(design.groupings[factors[name]].levels) for name in names])
    widths = dict(zip(order, (len(b.names) for b in design.blocks), strict=True))
    for term, name in enumerate(names):
        if name not in wanted:
            columns.append(np.zeros((n, widths[term])))
            continue
        _, _, matrix, level, unknown = next(found)
        columns.append(matrix)
        codes[factors[name]] = level
        new[name] = unknown
    return tuple(columns[term] for term in order), tuple(codes), new


def _offset_argument(call: Call, table: Table) -> Array | float:
    """The offset that was an argument of the fit, on new rows."""
    if call.offset is None:
        return 0.0
    if not isinstance(call.offset, str):
        raise DataError(
            "the model was fitted with an offset of one value a row, which new data do not have; "
            "fit it with the name of a column, offset='name', or with offset(name) in the formula"
        )
    if call.offset not in table:
        raise DataError(
            f"the model was fitted with offset={call.offset!r}, and the new data have no column "
            f"{call.offset!r}; add it, with 0 for no offset"
        )
    return numbers_by_row(call.offset, "offset", table)


def _weights(design: Design, table: Table) -> Array:
    """Prior weights of new rows: where the fit's were a column that the data have too."""
    name = design.weights_name
    if name is None or name not in table:
        return np.ones(table.n_rows)
    weights = numbers_by_row(name, "weights", table)
    there = ~np.isnan(weights)
    checked_weights(weights[there], table.index[there])
    return weights


def _no_rows(design: Design, data: Any) -> Rows:
    nothing = np.empty(0)
    return Rows(
        index=data.index if isinstance(data, pd.DataFrame) else pd.RangeIndex(0),
        X=np.empty((0, len(design.x_names))),
        offset=nothing,
        weights=nothing,
        columns=tuple(np.empty((0, len(b.names))) for b in design.blocks),
        codes=tuple(np.empty(0, dtype=np.intp) for _ in design.groupings),
        missing=np.empty(0, dtype=bool),
        new={},
    )


def _recycled(data: Any) -> Any:
    """A mapping with its single values repeated for every row."""
    if not isinstance(data, Mapping):
        return data
    single = {name for name, value in data.items() if np.ndim(value) == 0}
    n = next((len(value) for name, value in data.items() if name not in single), 1)
    return {name: [value] * n if name in single else value for name, value in data.items()}


def _length(data: Any) -> int:
    if isinstance(data, pd.DataFrame):
        return len(data)
    return max((len(column) for column in data.values()), default=0)

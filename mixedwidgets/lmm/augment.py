"""The data beside what a model makes of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.columns import Table
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.expressions import names_in
from mixedwidgets.lmm.foreign import as_pandas
from mixedwidgets.lmm.leverage import cooks_distances, leverages
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import fixed_part, linear_predictor
from mixedwidgets.lmm.residuals import residuals
from mixedwidgets.lmm.rowwise import chosen_rows

Rows = NDArray[np.bool_]


def variables_used(design: Design) -> list[str]:
    """Names of the columns that a model's formula mentions: response, predictors, groups."""
    spec = design.spec
    names = [*names_in(spec.response), *names_in(spec.fixed)]
    for term in spec.random:
        names += [*names_in(term.columns), *names_in(term.group)]
    return list(dict.fromkeys(names))


def column_as_given(data: Any, name: str) -> pd.Series | None:
    """A column of the data as it stands, or None where the data have none of that name."""
    frame = as_pandas(data)
    matches = [] if frame is None else [key for key in frame if str(key) == name]
    if not matches:
        return None
    column = frame[matches[0]]
    return column if isinstance(column, pd.Series) else pd.Series(column)


def values_used(design: Design, data: Any, name: str) -> pd.Series | None:
    """A column of the data on the rows used, labelled as these; None where there is none.

    Raises
    ------
    DataError
        The data have another number of rows than when the model was fitted.
    """
    column = column_as_given(data, name)
    return None if column is None else _chosen(column, design.rows, design.index)


def _chosen(column: pd.Series, rows: Rows | None, index: pd.Index) -> pd.Series:
    if len(column) != (len(index) if rows is None else len(rows)):
        raise DataError(
            "the data have another number of rows than when the model was fitted; fit it again to "
            "the data as they are now"
        )
    return (column if rows is None else column[rows]).set_axis(index)


def answers(design: Design, estimate: Estimate) -> dict[str, Array]:
    """What a model makes of each row used, (n,) each, under the names that ``augment`` gives."""
    hat = leverages(design, estimate)
    pearson = residuals(design, estimate, "pearson")
    population = np.add(*fixed_part(design.X, estimate))
    out = {}
    if design.offset is not None:
        out[".offset"] = design.offset
        population = population + design.offset
    if design.weights is not None:
        out[".weights"] = design.weights
    missing = np.full(len(hat), np.nan)
    return out | {
        ".fitted": linear_predictor(design, estimate),
        ".resid": residuals(design, estimate),
        ".scresid": pearson / estimate.sigma,
        ".fixed": population,
        ".hat": hat,
        ".cooksd": cooks_distances(estimate, pearson, hat) if len(estimate.beta) else missing,
    }


def augmented(design: Design, estimate: Estimate, call: Call) -> pd.DataFrame:
    """Variables of a model as given in the data, and the model's answers beside them.

    Parameters
    ----------
    design, estimate
        The fit.
    call : Call
        What it was asked for; without data in it, the response and the groups of the design.

    Returns
    -------
    DataFrame
        A row for each row used, or, after ``na_action="exclude"``, for each row asked for.
    """
    padding = design.padding
    index = design.index if padding is None else padding.index
    rows = design.rows if padding is None else _asked_for(call)
    given: dict[str, Any] = {}
    data = call.data_then
    if data is None:
        given[str(design.spec.response)] = design.y
        given |= {g.name: g.levels[g.codes] for g in design.groupings}
    else:
        for name in variables_used(design):
            column = column_as_given(data, name)
            if column is not None:
                given[name] = _chosen(column, rows, index)
    for name, values in answers(design, estimate).items():
        if padding is not None:
            values, short = np.full(len(index), np.nan), values
            values[padding.used] = short
        given[name] = values
    return pd.DataFrame(given, index=index)


def _asked_for(call: Call) -> Rows | None:
    """Which rows of the data ``subset`` keeps; None for all."""
    return None if call.subset is None else chosen_rows(call.subset, Table(call.data_then))

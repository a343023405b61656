"""Refusals: data and models that R would fit silently, wrongly, or with an obscure message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, ModelError, brief, nearest
from mixedwidgets.lmm.columns import Factor, Numeric, Table, Variable
from mixedwidgets.lmm.expressions import Call, Expr, Name, names_in, plain_name, walk
from mixedwidgets.lmm.linalg import Array

_DOMAINS = {
    "log": "a logarithm needs numbers above 0",
    "log2": "a logarithm needs numbers above 0",
    "log10": "a logarithm needs numbers above 0",
    "log1p": "log1p(x) needs numbers above -1",
    "sqrt": "a square root needs numbers of at least 0",
}


def refuse_text_response(response: Expr, value: Variable) -> Numeric:
    """Return the response as numbers; True and False count as 1 and 0."""
    if isinstance(value, Factor):
        if not value.logical:
            raise DataError(
                f"the response {described(response)} holds text or categories, "
                f"such as {value.labels()[0]!r}; a linear mixed model needs numbers"
                f"{_as_numbers(response, value)}"
                if len(value.levels)
                else f"the response {described(response)} holds no values"
            )
        is_true = np.array([*(float(bool(level)) for level in value.levels), np.nan])
        return Numeric(is_true[value.codes])
    if value.values.ndim != 1:
        raise DataError(
            f"the response {response} has {value.values.shape[1]} columns and must have one"
        )
    return value


def refuse_not_a_number(
    expr: Expr, value: Variable, table: Table, rows: NDArray[np.bool_] | None
) -> None:
    """Refuse a function that gives NaN where its columns are not missing."""
    if isinstance(expr, Name) or isinstance(value, Factor):
        return
    missing: NDArray[np.bool_] = value.missing()
    if not missing.any():
        return
    for name in names_in(expr):
        if name in table:
            missing = missing & ~table.column(name).missing()
    if rows is not None:
        missing = np.logical_and(missing, rows)
    if missing.any():
        raise DataError(_where(expr, missing, table.index, "is not a number"))


LARGEST = 1e150  # beyond, squares are too large for a computer
SMALLEST = 1e-150  # below, they are nothing


def _as_numbers(expr: Expr, value: Factor) -> str:
    """Advice where a factor is numbers written as text, or nothing."""
    if not isinstance(expr, Name) or not all(map(_is_written_number, value.levels)):
        return ""
    return f"; these are numbers written as text, which pd.to_numeric(data[{expr.name!r}]) reads"


def _is_written_number(level: object) -> bool:
    try:
        return isinstance(level, str) and np.isfinite(float(level))
    except ValueError:
        return False


def refuse_infinite(expr: Expr, value: Variable, index: pd.Index) -> None:
    """Refuse infinities, and numbers whose squares would be, naming how many and where."""
    if isinstance(value, Factor) or value.complete():
        return
    size = np.abs(value.values)
    size = size if size.ndim == 1 else size.max(axis=1)
    infinite = np.isinf(size)
    if infinite.any():
        raise DataError(_where(expr, infinite, index, "is infinite"))
    large = size > LARGEST
    if large.any():
        raise DataError(_where(expr, large, index, f"is larger than {LARGEST:g}"))


def refuse_tiny(expr: Expr, value: Variable) -> None:
    """Refuse numbers whose squares are nothing in a computer."""
    if isinstance(value, Numeric) and not value.square > value.values.size * SMALLEST**2:
        largest = float(np.max(np.abs(value.values), initial=0.0))
        if 0.0 < largest < SMALLEST:
            raise DataError(
                f"{described(expr)} holds no number beyond {SMALLEST:g}, and the squares of such "
                "numbers are too small for a computer; rescale it"
            )


def refuse_lost_coding(expr: Expr, whole: Variable, used: Variable) -> None:
    """Refuse ``C(f, sum)`` of a factor with levels that do not occur.

    R drops such levels and the coding with them, so that ``C(f, sum)`` silently means treatment
    contrasts.
    """
    if isinstance(whole, Factor) and isinstance(used, Factor) and whole.contrast is not None:
        gone = [label for label in whole.labels() if label not in used.labels()]
        if gone:
            raise DataError(
                f"{expr} names a coding for levels of which {', '.join(map(repr, gone))} "
                f"{'does' if len(gone) == 1 else 'do'} not occur in the rows used, which R answers "
                "by dropping the coding; drop unused levels of the column beforehand, or give the "
                "coding in the argument contrasts, which applies to the levels that occur"
            )


def _where(expr: Expr, bad: NDArray[np.bool_], index: pd.Index, what: str) -> str:
    count = int(bad.sum())
    calls = [e.function for e in walk(expr) if isinstance(e, Call)]
    domain = next((f"; {_DOMAINS[name]}" for name in calls if name in _DOMAINS), "")
    advice = domain or "; correct these values or leave the rows out with subset"
    first = index[int(np.argmax(bad))]
    return (
        f"{described(expr)} {what} in {count} row{'s' if count > 1 else ''}, "
        f"first in row {brief(first)}{advice}"
    )


def refuse_constant_response(y: Array, response: Expr) -> None:
    """Refuse a response without variation."""
    if y.min() == y.max():
        rows = f"in all {len(y)} rows used" if len(y) > 1 else "in the only row used"
        raise ModelError(
            f"the response {described(response)} has the same value ({y[0]:g}) {rows}, so there "
            "is no variation to explain"
        )


def refuse_no_rows(missing: Mapping[str, int], n_rows: int) -> None:
    """Refuse a model for which every row has something missing."""
    listed = ", ".join(f"{name} ({count})" for name, count in missing.items() if count)
    raise DataError(
        f"no rows are left: each of the {n_rows} rows has a missing value in some variable of the "
        f"model; missing are {listed}"
    )


def refuse_missing(missing: Mapping[str, int], n_missing: int) -> None:
    """Refuse missing values, for ``na_action="fail"``."""
    listed = ", ".join(f"{name} ({count})" for name, count in missing.items() if count)
    raise DataError(
        f"{n_missing} row{'s have' if n_missing > 1 else ' has'} missing values: {listed}; "
        "na_action='omit' leaves such rows out"
    )


def refuse_unidentifiable_groups(name: str, levels: pd.Index, n: int) -> None:
    """Refuse a grouping factor with one level, or as many levels as rows (as lme4 does)."""
    if len(levels) < 2:
        raise ModelError(
            f"the grouping factor {name!r} has only one level ({levels[0]}) in the rows used; "
            "a variance between groups needs at least two"
        )
    if len(levels) >= n:
        raise ModelError(
            f"the grouping factor {name!r} has {len(levels)} levels for {n} observations, so "
            "variation between groups and residual variation cannot be told apart; "
            "choose one with several rows a level"
        )


def refuse_unidentifiable_term(term: object, names: Sequence[str], n_levels: int, n: int) -> None:
    """Refuse a term with as many random effects as observations (as lme4 does)."""
    if n_levels * len(names) >= n:
        raise ModelError(
            f"the term ({term}) has {n_levels * len(names)} random effects ({len(names)} for "
            f"each of {n_levels} levels) and the data only {n} observations, so its variances "
            "cannot be told from the residual variance; use fewer random effects"
        )


def refuse_constant_slope(term: object, names: Sequence[str], columns: Array) -> None:
    """Refuse a random slope of a constant beside a random intercept."""
    if names[0] != "(Intercept)" or len(names) < 2:
        return
    first = columns[0]
    for j in range(1, len(names)):
        if columns[-1, j] != first[j] or (columns[:, j] != first[j]).any():
            continue
        raise ModelError(
            f"{names[j]} is constant in the rows used, so in ({term}) its random "
            "slope cannot be told from the random intercept; leave it out"
        )


def refuse_repeated_effects(effects: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Refuse the same random effect of the same grouping factor in two terms."""
    seen: set[tuple[str, str]] = set()
    for group, names in effects:
        for name in names:
            if (group, name) in seen:
                what = "the random intercept" if name == "(Intercept)" else f"the effect {name}"
                raise ModelError(
                    f"{what} of {group!r} occurs in two random terms, so the two variances cannot "
                    "be told apart; write 0 + in one of them to leave its intercept out"
                    if name == "(Intercept)"
                    else f"{what} of {group!r} occurs in two random terms, so the two variances "
                    "cannot be told apart; leave it out of one"
                )
            seen.add((group, name))


def refuse_unknown_contrasts(
    contrasts: Mapping[str, object], variables: Mapping[Expr, Variable]
) -> None:
    """Refuse contrasts for something that is not a factor of the fixed part."""
    if not isinstance(contrasts, Mapping):
        factors = [plain_name(e) for e, v in variables.items() if isinstance(v, Factor)]
        example = {factors[0] if factors else "diet": "sum"}
        raise DataError(
            f"contrasts is {contrasts!r}; give a dictionary from the names of factors to codings, "
            f"such as {example}"
        )
    for key in contrasts:
        if not isinstance(key, str):
            raise DataError(
                f"contrasts are given for {key!r}, and must be given by the names of factors, "
                "such as {'treatment': 'sum'}"
            )
    names = {plain_name(e): isinstance(v, Factor) for e, v in variables.items()}
    factors = [name for name, is_factor in names.items() if is_factor]
    for name in contrasts:
        if name in names and name not in factors:
            raise DataError(
                f"contrasts are given for {name!r}, which is numeric; write factor({name}) in the "
                "formula to treat it as categories"
            )
        if name not in names:
            raise DataError(
                f"contrasts are given for {name!r}, which is not among the fixed effects"
                f"{nearest(name, names)}; the factors are {', '.join(factors) or 'none'}"
            )


def refuse_saturated(rank: int, n: int, variables: Mapping[Expr, Variable]) -> None:
    """Refuse fixed effects that leave no observation for the variances."""
    if rank >= n:
        for expr, value in variables.items():
            if isinstance(value, Factor) and _as_numbers(expr, value):
                raise DataError(
                    f"{described(expr)} holds {len(value.levels)} categories, which leaves nothing "
                    f"to estimate variances from{_as_numbers(expr, value)}"
                )
        raise ModelError(
            f"the fixed effects have {rank} independent columns for {n} observations, which "
            "leaves nothing to estimate variances from; use fewer fixed effects"
        )


def described(expr: Expr) -> str:
    """Return how a message calls a variable."""
    return repr(expr.name) if isinstance(expr, Name) else str(expr)

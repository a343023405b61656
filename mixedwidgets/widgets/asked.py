"""What the explorer was asked for by keywords: checked, and turned into a wish; and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.lmm.formula import parse
from mixedwidgets.widgets.choices_from_spec import Problem, choices_from
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.resolve import Resolved
from mixedwidgets.widgets.rowfilter import Condition, Filter, checked
from mixedwidgets.widgets.wish import Wish

CODINGS = ("treatment", "sum", "helmert", "poly", "category")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Asked:
    """The keywords of ``explore`` as given; see ``Explorer`` for what they mean."""

    response: Any
    group: Any
    fixed: Any
    slopes: Any
    REML: Any
    formula: Any
    correlated: Any
    rows: Any
    weights: Any
    codings: Any
    theme: Any

    def wish(self, columns: Columns) -> Wish:
        """The wish that they say.

        Raises
        ------
        DataError
            A keyword that has no such value, or a column that is not in the data.
        FormulaError
            A formula that cannot be read.
        """
        for role in ("response", "group", "weights", "formula"):
            _check_text(role, getattr(self, role))
        for role in ("REML", "correlated"):
            _check_bool(role, getattr(self, role))
        if self.theme not in THEMES:
            raise DataError(f"theme is {brief(self.theme)}; give one of {', '.join(THEMES)}.")
        fixed, slopes = _names("fixed", self.fixed), _names("slopes", self.slopes)
        codings = _codings(self.codings)
        named = [self.response, self.group, *fixed, *slopes, self.weights, *(c for c, _ in codings)]
        _check_columns([name for name in named if name is not None], columns)
        about = Wish(
            reml=bool(self.REML),
            correlated=bool(self.correlated),
            rows=checked(_rows(self.rows), columns.data),
            weights=self.weights,
            codings=codings,
        )
        if self.formula is not None:
            return self._typed(about, columns)
        return Wish(
            response=self.response,
            group=self.group,
            fixed=fixed,
            slopes=slopes,
            correlated=about.correlated,
            reml=about.reml,
            rows=about.rows,
            weights=about.weights,
            codings=about.codings,
        )

    def _typed(self, about: Wish, columns: Columns) -> Wish:
        if any(given is not None for given in (self.response, self.group)) or any(
            len(_names(role, getattr(self, role))) for role in ("fixed", "slopes")
        ):
            raise DataError(
                "Both formula and columns are given; give the model one way, as a formula or as "
                "response, group, fixed and slopes."
            )
        return read_formula(self.formula, columns, about)


def read_formula(text: str, columns: Columns, about: Wish) -> Wish:
    """A formula as a wish; what it does not say is kept.

    Raises
    ------
    FormulaError
        A formula that cannot be read.
    DataError
        A column that is not in the data.
    """
    parse(text)
    read = choices_from(text, columns, about)
    if isinstance(read, Problem):
        raise DataError(read.sentence)
    return read


def state_of(resolved: Resolved | None) -> dict[str, Any]:
    """The keywords that ask for what is resolved, those that differ from the defaults."""
    if resolved is None or resolved.spec is None:
        return {}
    state: dict[str, Any] = {"formula": str(resolved.spec)}
    if resolved.reml:
        state["REML"] = True
    if resolved.filter:
        state["rows"] = [_plain(condition) for condition in resolved.filter]
    if resolved.weights is not None:
        state["weights"] = resolved.weights
    codings = {name: coding for name, coding in resolved.settled.codings if coding in CODINGS[:4]}
    if codings:
        state["codings"] = codings
    return state


def _plain(condition: Condition) -> tuple[str, str, Any]:
    value = condition.value
    return condition.column, condition.operator, list(value) if isinstance(value, tuple) else value


def _check_text(role: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        what = "a formula as" if role == "formula" else "the name of a column as"
        raise DataError(f"{role} is {brief(given)}; give {what} text, or None.")


def _check_bool(role: str, given: object) -> None:
    if not isinstance(given, (bool, np.bool_)):
        raise DataError(f"{role}={given!r} is neither True nor False; give one of them.")


def _names(role: str, names: Sequence[str] | str) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else names
    if not isinstance(listed, Iterable) or not all(isinstance(n, str) for n in listed):
        raise DataError(f"{role}={names!r} is not a list of column names; give one, such as [].")
    return tuple(listed)


def _codings(given: object) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise DataError(
            f"codings is {brief(given)}; give a dictionary of columns and their codings, such as "
            "{'treatment': 'sum'}."
        )
    for name, coding in given.items():
        if coding not in CODINGS:
            raise DataError(
                f"The coding of {name!r} is {brief(coding)}; give one of {', '.join(CODINGS)}."
            )
    return tuple(given.items())


def _rows(given: object) -> Filter:
    listed = [given] if isinstance(given, (Condition, str)) else given
    if isinstance(listed, Iterable):
        conditions = [_condition(item) for item in listed]
        if None not in conditions:
            return tuple(c for c in conditions if c is not None)
    raise DataError(
        f"rows is {brief(given)}; give a list of conditions, each a column, a comparison and a "
        'value, such as [("age", ">=", 8)].'
    )


def _condition(item: Any) -> Condition | None:
    if isinstance(item, Condition):
        return item
    if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 3:
        return None
    column, operator, value = item
    if not isinstance(column, str) or not isinstance(operator, str):
        return None
    several = isinstance(value, (list, tuple, set, frozenset))
    return Condition(column, operator, tuple(value) if several else value)


def _check_columns(names: Iterable[str], columns: Columns) -> None:
    for name in names:
        if name not in columns:
            known = columns.names
            raise DataError(
                f"The data has no column {name!r}{nearest(name, known)}; "
                f"its columns are {', '.join(known)}."
            )

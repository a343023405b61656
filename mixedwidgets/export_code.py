"""Values and calls as Python source, and the check that a source calls nothing else.

Names, labels and numbers come from data, so from anyone: each gets into a source through
``literal`` alone, which writes strings with ``repr``.
"""

from __future__ import annotations

import ast
import datetime
import keyword
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from mixedwidgets.errors import DataError, MixedWidgetsError, brief, nearest
from mixedwidgets.lmm.control import Control

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 88  # a call that is longer gets a line for each argument

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
OPERATORS = (*COMPARISONS, "is one of")

Condition = tuple[str, str, Any]

CALLS = frozenset(
    {
        *("print", "abs", "max", "float"),
        *("mw.load", "mw.lmer", "mw.Control", "mw.fingerprint", "mw.explore"),
        *("fit.summary", "fit.confint", "fit.profile", "fit.surface"),
        *("fit.shrinkage_table", "fit.caterpillar_table"),
        *("profiles.confint", "figures.surface", "figures.zeta", "figures.profile_pairs"),
        *("figures.shrinkage", "figures.caterpillar"),
        *("pd.read_csv", "pd.read_excel", "pd.read_feather", "pd.read_json", "pd.read_parquet"),
        *("pd.read_sas", "pd.read_spss", "pd.read_stata"),
        *("pd.to_datetime", "pd.to_timedelta", "pd.CategoricalDtype", "pd.DataFrame"),
        *("pd.Interval", "pd.Timedelta", "pd.Timestamp"),
        *("data[].isin", "data[].isna", "data[].notna"),
        *("data.astype", "data[].cat.rename_categories", "data[].dt.tz_convert"),
    }
)
_NAMES = {call.split(".")[0].removesuffix("[]") for call in CALLS} | {
    *("chosen", "expected", "explorer", "same"),
}
_ATTRIBUTES = {part.removesuffix("[]") for call in CALLS for part in call.split(".")[1:]} | {
    *("loglik", "shape"),
}
_NODES = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.Assign, ast.Expr, ast.Assert),
    *(ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.List),
    *(ast.Dict, ast.Tuple, ast.Compare, ast.cmpop, ast.BinOp, ast.BitAnd, ast.Sub, ast.Mult),
    *(ast.UnaryOp, ast.USub, ast.BoolOp, ast.And, ast.Load, ast.Store),
)
_IMPORTS = {
    "pd": "import pandas as pd",
    "mw": "import mixedwidgets as mw",
    "figures": "from mixedwidgets.plots import figures",
}


def literal(value: Any) -> str:
    """Write a value as Python source that gives an equal value.

    Parameters
    ----------
    value : any
        None, text, a number, True or False, a time, a duration, an interval, a ``Control``, a
        ``CategoricalDtype``; a list, tuple, array, DataFrame or dictionary of such values.

    Raises
    ------
    DataError
        For anything else.
    """
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    for kinds, write in _writers():
        if isinstance(value, kinds):
            return write(value)
    raise DataError(
        f"{brief(value)} cannot be written as Python code; give text, numbers, True or False, "
        "times, or lists of them."
    )


def call(function: str, *arguments: Any, written: Sequence[str] = (), **keywords: Any) -> str:
    """Write a call, on one line where there is room.

    Parameters
    ----------
    function : str
        Its name, such as ``"mw.lmer"``.
    *arguments
        Values, for ``literal``.
    written : sequence of str
        Arguments that are source already and follow these, such as the name of a variable.
    **keywords
        Values by keyword.
    """
    for name in keywords:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise DataError(f"{brief(name)} is no name of an argument; give a word such as group.")
    parts = [literal(value) for value in arguments] + list(written)
    parts += [f"{name}={_wrapped(value)}" for name, value in keywords.items()]
    line = f"{function}({', '.join(parts)})"
    if "\n" not in line and (len(line) <= WIDTH or len(parts) < 2):
        return line
    lines = [f"    {line}" for part in parts for line in f"{part},".split("\n")]
    return "\n".join([f"{function}(", *lines, ")"])


def rows_where(conditions: Iterable[Condition]) -> str:
    """Write the rows of ``data`` that meet all conditions as a pandas expression.

    Parameters
    ----------
    conditions : iterable of (column, operator, value)
        Operators are ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, and ``is one of`` with a list
        of values. A missing value meets no condition.

    Returns
    -------
    str
        Such as ``data[data['x'] > 3]``; ``data`` where there is no condition.

    Raises
    ------
    DataError
        An unknown operator, or a value that cannot be written.
    """
    parts = [part for condition in conditions for part in _tests(condition)]
    if len(parts) < 2:
        return f"data[{parts[0]}]" if parts else "data"
    parts = [part if part.endswith(")") else f"({part})" for part in parts]
    line = f"data[{' & '.join(parts)}]"
    return line if len(line) <= WIDTH else "data[\n    " + "\n    & ".join(parts) + "\n]"


def checked(source: str) -> str:
    """Return a source unchanged, if it is Python that calls and names nothing but what it may.

    Parameters
    ----------
    source : str

    Raises
    ------
    MixedWidgetsError
        It is not Python, or does something that no script of ours does.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise _unfit(f"is not Python ({error})") from None
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise _unfit(f"holds a {type(node).__name__}")
        if isinstance(node, ast.Call) and called(node) not in CALLS:
            raise _unfit(f"calls {called(node)}")
        if isinstance(node, ast.Name) and node.id not in _NAMES:
            raise _unfit(f"names {node.id}")
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES:
            raise _unfit(f"asks for .{node.attr}")
        imports = isinstance(node, (ast.Import, ast.ImportFrom))
        if imports and ast.unparse(node) not in _IMPORTS.values():
            raise _unfit("imports something else than pandas and mixedwidgets")
    return source


def called(node: ast.Call) -> str:
    """Name what a call calls; a column of a table is ``[]``, as in ``data[].isin``."""
    return _dotted(node.func)


def imports_of(body: str) -> str:
    """Write the imports that a source needs, a line for each, pandas apart."""
    names = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = [line for name, line in _IMPORTS.items() if name in names]
    if "pd" in names and len(lines) > 1:
        lines.insert(1, "")
    return "\n".join(lines)


def _tests(condition: Condition) -> list[str]:
    column, operator, value = condition
    if operator not in OPERATORS:
        raise DataError(
            f"{brief(operator)} is no condition on a row{nearest(str(operator), OPERATORS)}; "
            f"give one of {', '.join(OPERATORS)}."
        )
    place = f"data[{literal(column)}]"
    if operator == "is one of":
        return [f"{place}.isin({literal(list(value))})"]
    test = f"{place} {operator} {literal(value)}"
    return [test, f"{place}.notna()"] if operator == "!=" else [test]


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            return f"{_dotted(value)}.{attribute}"
        case ast.Subscript(value, ast.Constant()):
            return f"{_dotted(value)}[]"
    return f"a {type(node).__name__}"


def _unfit(what: str) -> MixedWidgetsError:
    return MixedWidgetsError(
        f"The code written for this model {what}, which no code of mixedwidgets does, so it is not "
        "given out; please report the names of your columns."
    )


def _float(value: float) -> str:
    if value != value:
        raise DataError("A missing value cannot be written as a number; give a number.")
    return repr(float(value)) if abs(value) != float("inf") else f"float({str(value)!r})"


def _interval(value: pd.Interval) -> str:
    return call("pd.Interval", value.left, value.right, closed=value.closed)


def _categories(value: pd.CategoricalDtype) -> str:
    ordered: dict[str, Any] = {"ordered": True} if value.ordered else {}
    return call("pd.CategoricalDtype", list(value.categories), **ordered)


def _frame(value: pd.DataFrame) -> str:
    return call(
        "pd.DataFrame",
        value.to_numpy().tolist(),
        index=list(value.index),
        columns=list(value.columns),
    )


def _control(value: Control) -> str:
    """Only what differs from the default."""
    default = Control()
    chosen = {f.name: getattr(value, f.name) for f in fields(Control)}
    return call("mw.Control", **{n: v for n, v in chosen.items() if v != getattr(default, n)})


def _wrapped(value: Any) -> str:
    """A value, and a long dictionary with a line for each of its items."""
    text = literal(value)
    if len(text) <= WIDTH - 12 or not isinstance(value, Mapping):
        return text
    items = [f"    {literal(k)}: {literal(v)}," for k, v in value.items()]
    return "\n".join(["{", *items, "}"])


def _list(values: Iterable[Any]) -> str:
    return f"[{', '.join(map(literal, values))}]"


def _dict(values: Mapping[Any, Any]) -> str:
    return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in values.items()) + "}"


Writers = tuple[tuple[Any, Callable[[Any], str]], ...]  # of values of some kinds

_WRITERS: Writers = (
    (str, lambda value: str.__repr__(value)),
    (float, _float),
    (Control, _control),
    (Mapping, _dict),
    (tuple, lambda value: f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"),
    (list, _list),
)


def _writers() -> Iterator[tuple[Any, Callable[[Any], str]]]:
    yield from _WRITERS
    yield from _writers_of_tables()


@cache
def _writers_of_tables() -> Writers:
    """Writers of times and of what tables hold; numpy and pandas are imported where one is met."""
    import numpy as np
    import pandas as pd

    def time(function: str, kind: Any) -> Callable[[Any], str]:
        return lambda value: _time(function, kind(value))

    durations = (pd.Timedelta, datetime.timedelta, np.timedelta64)
    times = (pd.Timestamp, datetime.date, np.datetime64)
    return (
        (durations, time("pd.Timedelta", pd.Timedelta)),
        (times, time("pd.Timestamp", pd.Timestamp)),
        (np.generic, lambda value: literal(value.item())),
        (pd.Interval, _interval),
        (pd.CategoricalDtype, _categories),
        (pd.DataFrame, _frame),
        (np.ndarray, lambda value: literal(value.tolist())),
        (pd.Index, _list),
    )


def _time(function: str, exact: pd.Timestamp | pd.Timedelta) -> str:
    if exact != exact:
        raise DataError("A missing time cannot be written as one; give a time.")
    return call(function, exact.isoformat())

"""From what was asked for to a fit: what ``lmer`` and ``Fit.update`` have in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError, MixedWidgetsWarning, ModelError, brief, nearest
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.columns import Table
from mixedwidgets.lmm.control import Control, judged
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.expressions import names_in
from mixedwidgets.lmm.fitted import Fitted, theta_names
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.foreign import as_pandas
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.memory import Memory
from mixedwidgets.lmm.moments import AnyMoments, moments
from mixedwidgets.lmm.optimize import Progress
from mixedwidgets.lmm.progress import Printer, sizes, verbosity
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.lmm.update import update_formula

FURTHEST_START = 1e8  # relative standard deviations beyond leave no digits to start from
CHANGES = (
    *("data", "REML", "control", "start", "verbose", "subset", "weights", "na_action"),
    *("offset", "contrasts"),
)

# whether a shallow copy of a DataFrame stays as it is when the frame is changed in place
_COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3

F = TypeVar("F", bound=Fitted)
Maker = Callable[[FittedDesign, Estimate, Call], F]


@dataclass(frozen=True)
class Request:
    """What was asked for, checked as far as it can be before the data are read.

    Attributes
    ----------
    spec : ModelSpec
    call : Call
    reml : bool
    start
        theta to start from, as given.
    level : int
        How much to print.
    """

    spec: ModelSpec
    call: Call
    reml: bool
    start: Any
    level: int

    def model(self, like: Design | None = None) -> tuple[Design, AnyMoments]:
        """The design and its cross-products, remembered or read from the data.

        Parameters
        ----------
        like : Design, optional
            One with the same call, to take over what is the same.
        """
        call = self.call
        known: tuple[Design, AnyMoments] | None = call.memory.recall(self.spec)
        if known is not None:
            return known
        design = build(
            self.spec,
            call.memory.table,
            weights=call.weights,
            offset=call.offset,
            subset=call.subset,
            na_action=call.na_action,
            contrasts=call.contrasts,
            control=call.control,
            like=like,
        )
        source = moments(design)
        call.memory.keep(self.spec, design, source)
        return design, source


def asked(
    formula: str | ModelSpec,
    data: Any,
    REML: bool,
    control: Any,
    start: Any,
    verbose: Any,
    **arguments: Any,
) -> Request:
    """Check the arguments of ``lmer``.

    Parameters
    ----------
    formula, data, REML, control, start, verbose
        As in ``lmer``.
    **arguments
        The other fields of ``Call``.
    """
    reml = yes_or_no("REML", REML)
    settings = Control.of(control)
    level = verbosity(verbose)
    spec = formula if isinstance(formula, ModelSpec) else parse(formula)
    if data is None:
        raise DataError(_no_data(spec))
    call = Call(data, control=settings, memory=_memory(data), **arguments)
    return Request(spec, call, reml, start, level)


def asked_again(
    fit: Fitted, formula: str | ModelSpec | None, changes: Mapping[str, Any]
) -> Request:
    """Check what ``Fit.update`` was asked to change.

    Raises
    ------
    FormulaError
        The change of the formula cannot be read.
    ModelError
        An argument that does not exist, or a value out of range.
    """
    for name in changes:
        if name not in CHANGES:
            raise ModelError(
                f"update has no argument {name!r}{nearest(name, CHANGES)}; besides the formula it "
                f"changes {', '.join(CHANGES)}."
            )
    spec = fit.design.spec if formula is None else update_formula(fit.design.spec, formula)
    given = {f.name: changes[f.name] for f in fields(Call) if f.name in changes}
    call = fit.call
    if given:
        call = replace(call, **given)
        if call.data is None and "data" in given:
            raise DataError(_no_data(spec))
        if "data" in given:
            memory = _memory(call.data)
        else:
            memory = call.memory and Memory(call.memory.table)
        call = replace(call, control=Control.of(call.control), memory=memory)
    return Request(
        spec,
        call,
        yes_or_no("REML", changes.get("REML", fit.reml)),
        changes.get("start"),
        verbosity(changes.get("verbose", 0)),
    )


def model_again(request: Request, fit: Fitted) -> tuple[Design, AnyMoments]:
    """The design of a fit and its cross-products where a request leaves them, else new ones.

    Raises
    ------
    DataError
        The rows must be read again, and the fit does not have them.
    """
    same = request.call is fit.call
    if same and request.spec == fit.design.spec:
        return fit.design, fit.estimate.moments
    if request.call.memory is None:
        raise DataError(
            "this fit does not have its data, because it was made from matrices or by refit() from "
            "another response; give the data, as in update(data=...)"
        )
    return request.model(fit.design if same else None)


def carry_out(request: Request, design: Design, source: AnyMoments, make: Maker[F]) -> F:
    """Search for the optimum and make a fit, printing as asked.

    Raises
    ------
    ModelError
        The start cannot be used, or no optimum was found and that is not accepted.
    """
    if request.level > 1:
        print(sizes(design, theta_names(design), request.reml))
    progress = Printer() if request.level else None
    theta = checked_start(design, request.start)
    fit = made(design, source, request.reml, request.call, make, theta, progress)
    if request.level > 1:
        print(fit.verdict)
    return fit


def made(
    design: Design,
    source: AnyMoments,
    reml: bool,
    call: Call,
    make: Maker[F],
    start: Array | None = None,
    progress: Progress | None = None,
) -> F:
    """Search for the optimum and make a fit.

    Parameters
    ----------
    design : Design
    source : Moments
        Its cross-products.
    reml : bool
    call : Call
    make : callable
        The class of the fit.
    start : (ntheta,) array, optional
    progress : callable, optional
        Told of every accepted step of the search.
    """
    found = estimate(source, reml, start, call.control, progress)
    return make(FittedDesign.of(design, found.optimum.theta), found, call)


def checked_start(design: Design, start: Any) -> Array | None:
    """Read theta from an array, a Series, a dictionary or a fit."""
    if start is None:
        return None
    names = theta_names(design)
    given = start
    if isinstance(given, Fitted):
        given = given.theta
    elif isinstance(given, Mapping):
        if list(given) != ["theta"]:
            raise ModelError(
                f"start is {brief(start)}; a dictionary holds theta alone: {{'theta': ...}}."
            )
        given = given["theta"]
    if isinstance(given, pd.Series) and set(given.index) == set(names):
        given = given[names]
    try:
        theta = np.asarray(given, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        theta = np.array([np.nan])
    if len(theta) != len(names) or not np.all(np.abs(theta) < FURTHEST_START):
        raise ModelError(
            f"start is {brief(start)}; give {len(names)} finite numbers below {FURTHEST_START:g}, "
            f"one each for {', '.join(names)}."
        )
    return theta


def remarks(fit: Fitted) -> Iterator[str]:
    """What ``control`` wants said of the optimum."""
    optimum, control = fit.estimate.optimum, fit.call.control
    if not optimum.converged:
        level = control.check_conv_hess if optimum.level else control.check_conv_grad
    elif optimum.boundary:
        level = control.check_conv_singular
    else:
        return

    def refuse() -> None:
        raise ModelError(fit.verdict.sentence)

    yield from judged(level, refuse)


def warn(sentences: Iterable[str]) -> None:
    """Warn at the line that called the function which calls this one."""
    for sentence in sentences:
        warnings.warn(MixedWidgetsWarning(sentence), stacklevel=3)


def _memory(data: Any) -> Memory:
    """The data as they are now, for a fit to read more of later."""
    data = as_pandas(data)
    if isinstance(data, pd.DataFrame):
        return Memory(Table(data.copy(deep=not _COPIES_ON_WRITE)))
    if isinstance(data, Mapping):
        data = {name: c.copy() if hasattr(c, "copy") else c for name, c in data.items()}
    return Memory(Table(data))


def _no_data(spec: ModelSpec) -> str:
    parts = [spec.response, spec.fixed]
    parts += [part for term in spec.random for part in (term.columns, term.group)]
    names = list(dict.fromkeys(name for part in parts for name in names_in(part) if name != "."))
    columns = ", ".join(f"{name!r}: ..." for name in names)
    return (
        "no data are given, and Python does not look up the variables of a formula by itself; "
        f"give data, a DataFrame or a dictionary of columns, such as {{{columns}}}"
    )

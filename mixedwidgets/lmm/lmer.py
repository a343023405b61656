"""``lmer``: from a formula and data to a ``Fit``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, overload

import numpy as np
import pandas as pd

from mixedwidgets.errors import DataError, MixedWidgetsWarning, ModelError, brief
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.control import Control, judged
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.devfun import Devfun
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.expressions import names_in
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.fitted import Fitted, theta_names
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.optimize import Progress
from mixedwidgets.lmm.progress import Printer, sizes, verbosity
from mixedwidgets.lmm.spec import ModelSpec

FURTHEST_START = 1e8  # relative standard deviations beyond leave no digits to start from


@overload
def lmer(
    formula: str | ModelSpec,
    data: Any = None,
    REML: bool = True,
    control: Control | Mapping[str, Any] | None = None,
    start: Any = None,
    verbose: int = 0,
    subset: Any = None,
    weights: Any = None,
    na_action: str = "omit",
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    devfun_only: Literal[False] = False,
) -> Fit: ...


@overload
def lmer(
    formula: str | ModelSpec,
    data: Any = None,
    REML: bool = True,
    control: Control | Mapping[str, Any] | None = None,
    start: Any = None,
    verbose: int = 0,
    subset: Any = None,
    weights: Any = None,
    na_action: str = "omit",
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    *,
    devfun_only: Literal[True],
) -> Devfun: ...


def lmer(
    formula: str | ModelSpec,
    data: Any = None,
    REML: bool = True,
    control: Control | Mapping[str, Any] | None = None,
    start: Any = None,
    verbose: int = 0,
    subset: Any = None,
    weights: Any = None,
    na_action: str = "omit",
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    devfun_only: bool = False,
) -> Fit | Devfun:
    """Fit a linear mixed model by REML or maximum likelihood.

    The arguments are those of lme4's ``lmer``, in its order.

    Parameters
    ----------
    formula : str or ModelSpec
        lme4's formula, such as ``"mscore ~ flp + ses + (ses | school)"``.
    data : DataFrame or mapping of arrays
        One row for each observation: a pandas DataFrame; a frame that has ``to_pandas``, such as
        those of Polars and PyArrow; a structured array; or a dictionary of columns, such as
        ``{"y": y, "x": x, "g": g}``. ``data.attrs["name"]``, if set, is printed by summaries.
        Unlike R, no variables are looked up where ``lmer`` is called.
    REML : bool
        Restricted maximum likelihood (True) or maximum likelihood (False).
    control : Control or dict, optional
        How hard to search and which doubtful models to accept, such as ``mw.Control(starts=5)``.
    start : array of shape (ntheta,), dict or Fit, optional
        theta to start the search from, in lme4's order and scale (see ``Fit.theta``); also as
        ``{"theta": ...}``, or another fit of a model with the same random effects.
    verbose : int
        0 is silent. 1 prints a line for each step of the search: number of the start, number of
        the step, criterion and theta. 2 also prints the sizes of the model before and the verdict
        after.
    subset : array, Series or str, optional
        Which rows to use: True or False for each row, such as ``data["age"] > 10``, or the name
        of such a column. Unlike in R it is no expression to be evaluated within the data.
    weights : array, Series or str, optional
        Prior weights w > 0: Var(e_i) = sigma^2 / w_i. One number a row, or the name of a column.
    na_action : {"omit", "exclude", "fail"}
        Leave out rows with missing values; leave them out but give ``fitted()`` and ``resid()``
        with NaN in their places; or raise. The name may be R's, such as ``"na.omit"``.
    offset : array, Series or str, optional
        Known part of the linear predictor, added to any ``offset()`` in the formula. One number a
        row, or the name of a column.
    contrasts : dict, optional
        Coding of factors by name: ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"``, ``"sas"``
        or a matrix.
    devfun_only : bool
        Return the criterion as a function of theta instead of minimising it.

    Returns
    -------
    Fit, or Devfun for ``devfun_only=True``

    Raises
    ------
    FormulaError
        The formula cannot be read.
    DataError
        A column is missing or cannot play its role.
    ModelError
        The model cannot be fitted to these data, or an argument is out of range.

    Warns
    -----
    MixedWidgetsWarning
        As ``control`` asks; by default where the search did not converge.

    Notes
    -----
    The criterion is lme4's (Bates, Maechler, Bolker and Walker 2015, Journal of Statistical
    Software 67(1)), optimised over theta with analytic first and second derivatives.

    A Series given as weights, offset or subset is matched to the data by its index, as everywhere
    in pandas; other arrays have one value for each row of the data, in their order.
    """
    reml = _yes_or_no("REML", REML)
    settings = Control.of(control)
    level = verbosity(verbose)
    spec = formula if isinstance(formula, ModelSpec) else parse(formula)
    if data is None:
        raise DataError(_no_data(spec))
    design = build(
        spec,
        data,
        weights=weights,
        offset=offset,
        subset=subset,
        na_action=na_action,
        contrasts=contrasts,
        control=settings,
    )
    if _yes_or_no("devfun_only", devfun_only):
        _warn(design.remarks)
        return Devfun(
            moments(design), reml, tuple(theta_names(design)), _checked_start(design, start)
        )
    if level > 1:
        print(sizes(design, theta_names(design), reml))
    call = Call(data, weights, offset, subset, na_action, contrasts, settings)
    progress = Printer() if level else None
    fit = fit_design(design, reml, start, call, progress)
    if level > 1:
        print(fit.verdict)
    _warn((*design.remarks, *_remarks(fit)))
    return fit


def fit_design(
    design: Design,
    reml: bool,
    start: Any = None,
    call: Call | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a model to numbers already read from the data.

    Parameters
    ----------
    design : Design
        Response, model matrices and groups of n rows.
    reml : bool
        Restricted maximum likelihood, or maximum likelihood.
    start : array of shape (ntheta,), dict or Fit, optional
        theta to start the search from.
    call : Call, optional
        What was asked for.
    progress : callable, optional
        Told of every accepted step of the search.

    Returns
    -------
    Fit

    Raises
    ------
    ModelError
        The model has no maximum or is not identifiable, or the start cannot be used.
    """
    theta = _checked_start(design, start)
    asked = call or Call()
    found = estimate(moments(design), reml, theta, asked.control, progress)
    return Fit(FittedDesign.of(design, found.optimum.theta), found, asked)


def _yes_or_no(name: str, value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise ModelError(f"{name} is {brief(value)}; give True or False.")
    return bool(value)


def _no_data(spec: ModelSpec) -> str:
    parts = [spec.response, spec.fixed]
    parts += [part for term in spec.random for part in (term.columns, term.group)]
    names = list(dict.fromkeys(name for part in parts for name in names_in(part) if name != "."))
    columns = ", ".join(f"{name!r}: ..." for name in names)
    return (
        "no data are given, and Python does not look up the variables of a formula by itself; "
        f"give data, a DataFrame or a dictionary of columns, such as {{{columns}}}"
    )


def _checked_start(design: Design, start: Any) -> Array | None:
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


def _remarks(fit: Fit) -> Iterator[str]:
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


def _warn(sentences: Iterable[str]) -> None:
    """Warn at the line that called ``lmer``."""
    for sentence in sentences:
        warnings.warn(MixedWidgetsWarning(sentence), stacklevel=3)

"""``lmer``: from a formula and data to a ``Fit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.devfun import Devfun
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.fitted import theta_names
from mixedwidgets.lmm.fitting import asked, carry_out, checked_start, made, remarks, warn
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.optimize import Progress
from mixedwidgets.lmm.spec import ModelSpec


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
    request = asked(
        formula,
        data,
        REML,
        control,
        start,
        verbose,
        weights=weights,
        offset=offset,
        subset=subset,
        na_action=na_action,
        contrasts=contrasts,
    )
    design, source = request.model()
    if yes_or_no("devfun_only", devfun_only):
        warn(design.remarks)
        theta = checked_start(design, start)
        return Devfun(source, request.reml, tuple(theta_names(design)), theta)
    fit = carry_out(request, design, source, Fit)
    warn((*design.remarks, *remarks(fit)))
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
    theta = checked_start(design, start)
    return made(design, moments(design), reml, call or Call(), Fit, theta, progress)

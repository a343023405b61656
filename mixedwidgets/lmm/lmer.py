"""``lmer``: from a formula and data to a ``Fit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.call import Call
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.fitted import theta_names
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.spec import ModelSpec

FURTHEST_START = 1e8  # relative standard deviations beyond leave no digits to start from


def lmer(
    formula: str | ModelSpec,
    data: pd.DataFrame | Mapping[str, Any],
    REML: bool = True,
    *,
    start: Any = None,
    subset: Any = None,
    weights: Any = None,
    na_action: str = "omit",
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
) -> Fit:
    """Fit a linear mixed model by REML or maximum likelihood.

    Parameters
    ----------
    formula : str or ModelSpec
        lme4's formula, such as ``"mscore ~ flp + ses + (ses | school)"``.
    data : DataFrame or mapping of arrays
        One row for each observation. ``data.attrs["name"]``, if set, is printed by summaries.
    REML : bool
        Restricted maximum likelihood (True) or maximum likelihood (False).
    start : array of shape (ntheta,), optional
        theta to start the search from, in lme4's order and scale (see ``Fit.theta``).
    subset : array, Series or str, optional
        Which rows to use: a boolean or the name of a boolean column.
    weights : array, Series or str, optional
        Prior weights w > 0: Var(e_i) = sigma^2 / w_i.
    na_action : {"omit", "fail"}
        Drop rows with missing values, or raise.
    offset : array, Series or str, optional
        Known part of the linear predictor, added to any ``offset()`` in the formula.
    contrasts : dict, optional
        Coding of factors by name: ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"``, ``"sas"``
        or a matrix.

    Returns
    -------
    Fit

    Raises
    ------
    FormulaError
        The formula cannot be read.
    DataError
        A column is missing or cannot play its role.
    ModelError
        The model cannot be fitted to these data, or an argument is out of range.

    Notes
    -----
    The criterion is lme4's (Bates, Maechler, Bolker and Walker 2015, Journal of Statistical
    Software 67(1)), optimised over theta with analytic first and second derivatives.
    """
    if not isinstance(REML, (bool, np.bool_)):
        raise ModelError(f"REML is {REML!r}; give True or False.")
    spec = formula if isinstance(formula, ModelSpec) else parse(formula)
    design = build(
        spec,
        data,
        weights=weights,
        offset=offset,
        subset=subset,
        na_action=na_action,
        contrasts=contrasts,
    )
    call = Call(data, weights, offset, subset, na_action, contrasts)
    return fit_design(design, bool(REML), start, call)


def fit_design(design: Design, reml: bool, start: Any = None, call: Call | None = None) -> Fit:
    """Fit a model to numbers already read from the data.

    Parameters
    ----------
    design : Design
        Response, model matrices and groups of n rows.
    reml : bool
        Restricted maximum likelihood, or maximum likelihood.
    start : array of shape (ntheta,), optional
        theta to start the search from.
    call : Call, optional
        What was asked for.

    Returns
    -------
    Fit

    Raises
    ------
    ModelError
        The model has no maximum or is not identifiable, or the start cannot be used.
    """
    theta = _checked_start(design, start)
    return Fit(design, estimate(moments(design), reml, theta), call or Call())


def _checked_start(design: Design, start: Any) -> Array | None:
    if start is None:
        return None
    names = theta_names(design)
    try:
        theta = np.asarray(start, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        theta = np.array([np.nan])
    if len(theta) != len(names) or not np.all(np.abs(theta) < FURTHEST_START):
        raise ModelError(
            f"start is {start!r}; give {len(names)} finite numbers below {FURTHEST_START:g}, "
            f"one each for {', '.join(names)}."
        )
    return theta

"""maximize and minimize: the maximum of any log-likelihood written as a Python function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import MixedWidgetsWarning, ModelError, as_sentence, brief, listed
from mixedwidgets.likelihood.bounds import read_bounds
from mixedwidgets.likelihood.curvature import Curvature, curvature
from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.maximum import Maximum
from mixedwidgets.likelihood.optim import inverse, stop
from mixedwidgets.likelihood.remarks import FAR, at_bounds, remarks
from mixedwidgets.likelihood.scattered import scattered
from mixedwidgets.likelihood.search import Bottom, Problem, search
from mixedwidgets.likelihood.userfunction import OutOfCalls, UserFunction, read_start

INTERVALS_CALLS = 1_000_000

_CONVERGENCE = {
    "smooth": (0, "converged: the slope is zero"),
    "exhausted": (1, "stopped: the function was called as often as allowed"),
    "sloped": (2, "not converged: no step improves the value, but the slope is not zero"),
    "rough": (3, "no step improves the value, but it has a kink or a jump here"),
    "edge": (3, "no step improves the value, which jumps or is not defined on all sides here"),
}


def maximize(
    loglik: Callable[..., Any],
    start: Any,
    bounds: Any = None,
    *,
    starts: Any = 1,
    most: int = 20_000,
    method: str = "exact",
    **data: Any,
) -> Maximum:
    """Maximise a log-likelihood that is written as a Python function.

    How the function is called follows from its arguments and from ``start``; ``data`` always go to
    the arguments of their names.

    - ``start`` is a list or an array, the function has one argument besides the data: it gets all
      parameters as an array, ``loglik(par, y=y)``.
    - ``start`` is a dict or a Series with names, all of which are arguments of the function: it
      gets each by name, ``loglik(mu=..., sigma2=..., y=y)``.
    - ``start`` has names and the function has one argument besides the data: it gets an array that
      answers to ``par["mu"]`` and ``par.mu`` too, and unpacks.
    - ``start`` is a list, the function has one argument for each number in it: it gets them in
      order, and its arguments' names become the parameters'.
    - ``start`` is a number: the function gets a number.

    The search is Nelder and Mead's followed by Newton's with central differences extrapolated to
    step zero (Ridders 1982), see :mod:`mixedwidgets.likelihood.search`. Where the function returns
    NaN or minus infinity it counts as minus infinity, so that it need not be defined outside its
    range; so does, but for the start, an arithmetic error or the domain error of ``math.log``. On
    a bound itself any value error counts as minus infinity too; an exception elsewhere is passed
    on, in a sentence that says at which parameters.

    Parameters
    ----------
    loglik : callable
        Returns one number, or an array with one element.
    start : sequence, dict, Series or number
        One finite value for each of the p parameters, at which ``loglik`` is finite.
    bounds : dict of names to pairs, or sequence of p pairs, optional
        ``(low, high)`` of each parameter, None where there is no bound.
    starts : int or sequence, default 1
        Number of starts: ``start`` and others scattered around it, the same ones each time; or
        further starts themselves. The best end is returned; ends that differ are told.
    most : int
        Number of calls of ``loglik`` after which the search stops.
    method : {"exact", "optim"}
        How to search: to the maximum itself, or as R's ``optim(method = "L-BFGS-B")`` does, which
        stops near it, and with its Hessian by differences with steps of 0.001; see
        :mod:`mixedwidgets.likelihood.optim`. The second has one start.
    **data
        Passed to ``loglik`` by name. Arguments that have the names of those above, ``bounds`` say,
        can be filled in beforehand with ``functools.partial``.

    Returns
    -------
    Maximum
        With ``value`` the largest log-likelihood and ``hessian`` its second derivatives, which are
        negative at a maximum; ``vcov`` is the inverse of minus the Hessian.

    Raises
    ------
    ModelError
        The function cannot be called so, fails, returns something else than one number, or has no
        finite value at the start.
    DataError
        ``start`` is not a list of finite numbers.

    Warns
    -----
    MixedWidgetsWarning
        The log-likelihood grows without bound, its Hessian is zero or (with the sign changed) not
        positive definite, a parameter is on a bound, the data do not determine one, starts
        disagree, or the search did not converge.

    See Also
    --------
    minimize : for minus a log-likelihood, as R's ``optim`` takes it.

    Examples
    --------
    >>> import numpy as np
    >>> from mixedwidgets import maximize
    >>> def loglik(theta, k, n):
    ...     return k * np.log(theta) + (n - k) * np.log(1 - theta)
    >>> fit = maximize(loglik, 0.5, bounds=(0, 1), k=5, n=30)
    >>> print(fit.par.round(7).to_dict(), fit.information.round(3).to_numpy())
    {'theta': 0.1666667} [[216.]]
    """
    return _optimise(loglik, start, bounds, starts, most, method, data, minus=False)


def minimize(
    mll: Callable[..., Any],
    start: Any,
    bounds: Any = None,
    *,
    starts: Any = 1,
    most: int = 20_000,
    method: str = "exact",
    **data: Any,
) -> Maximum:
    """Minimise minus a log-likelihood, as R's ``optim(start, mll, hessian = TRUE)`` does.

    As :func:`maximize` in everything but the sign: ``value`` is minus the largest log-likelihood,
    ``hessian`` the observed information, ``vcov`` its inverse. ``mll`` counts as infinite where it
    returns NaN or infinity.

    Parameters
    ----------
    mll : callable
        Minus the log-likelihood.
    start, bounds, starts, most, method, **data
        As for :func:`maximize`.

    Returns
    -------
    Maximum

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> from mixedwidgets.likelihood import mll_oneway
    >>> wheat = mw.load("wheat")
    >>> fit = mw.minimize(
    ...     mll_oneway,
    ...     {"mu": 15, "sigma2": 1, "tau2": 1},
    ...     bounds={"sigma2": (0, None), "tau2": (0, None)},
    ...     y=wheat["yield"],
    ...     groups=wheat["region"],
    ... )
    >>> print(round(fit.value, 4), fit.wald(times=2).loc["tau2", "lower"].round(3))
    88.5851 -0.308
    """
    return _optimise(mll, start, bounds, starts, most, method, data, minus=True)


def _optimise(
    function: Any,
    start: Any,
    bounds: Any,
    starts: Any,
    most: int,
    method: Any,
    data: Any,
    minus: bool,
) -> Maximum:
    """Search from every start, and label and judge the best end."""
    user = UserFunction(function, start, data, 1.0 if minus else -1.0, _whole("most", most))
    low, high = read_bounds(bounds, user.names, user.start)
    problem = Problem(user, low, high)
    first = _refuse_no_value(user, user.start)
    if method != "exact":
        return _as_optim(user, problem, _checked(method, starts), minus)
    with np.errstate(over="ignore", invalid="ignore"):  # on the way to infinity
        ends = [search(problem, user.start)]
        paths = [list(problem.visited)]
        for point in _further(starts, user, problem, ends[0]):
            own = Problem(user, low, high)
            ends.append(search(own, point))
            paths.append(own.visited)
            problem.differentiated += own.differentiated
        best = min(ends, key=lambda end: end.value)
        path = next(p for p, end in zip(paths, ends, strict=True) if end is best)
        shape = curvature(best, problem)
    endless = _endless(user, best, first)
    told = [_grows(user, best, minus)] if endless else remarks(user, problem, best, shape, ends)
    sentences = tuple(map(as_sentence, told))
    result = _labelled(user, problem, best, shape, ends, path, sentences, minus)
    if endless:
        way = "falls" if minus else "grows"
        result = replace(result, message=f"not converged: the function {way} without bound")
    user.most = user.calls + INTERVALS_CALLS  # the result goes on calling for its intervals
    for sentence in sentences:
        warnings.warn(MixedWidgetsWarning(sentence), stacklevel=3)
    return result


def _checked(method: Any, starts: Any) -> str:
    """The method, where it is one that goes with these starts."""
    if method != "optim":
        raise ModelError(
            f"method is {brief(method)}; give 'exact', or 'optim' to stop where R's optim stops."
        )
    if isinstance(starts, Iterable) or _whole("starts", starts) != 1:
        raise ModelError("method='optim' has one start; leave starts out, or take method='exact'.")
    return str(method)


def _as_optim(user: UserFunction, problem: Problem, method: str, minus: bool) -> Maximum:
    """What R's optim prints, with names and standard errors."""
    found = stop(problem, user.start)
    pinned = problem.room(found.x) == 0.0
    p = len(found.x)
    end = Bottom(found.x, found.value, "smooth", pinned, np.zeros((p, 0)), None, np.nan)
    shape = Curvature(found.hessian, inverse(found.hessian, ~pinned))
    told = [*at_bounds(user, problem, end)]
    if not np.isfinite(np.diag(shape.vcov)[~pinned]).all():
        told.append(
            "the Hessian is not positive definite, or the function has no value beside the end, so "
            "that there are no standard errors; method='exact' says more"
        )
    sentences = tuple(map(as_sentence, told))
    result = _labelled(user, problem, end, shape, [end], problem.visited, sentences, minus)
    for sentence in sentences:
        warnings.warn(MixedWidgetsWarning(sentence), stacklevel=4)
    user.most = user.calls + INTERVALS_CALLS
    counts = {"function": found.evaluations, "gradient": found.evaluations}
    return replace(result, counts=counts, convergence=found.convergence, message=found.message)


def _whole(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ModelError(f"{name} is {brief(number)}; give a whole number of at least 1.")
    return int(number)


def _refuse_no_value(user: UserFunction, x: Array) -> float:
    value = user.raw(x)
    if not np.isfinite(value):
        raise ModelError(
            f"{user.label} is {value} at the start {user.at(x)}; start where it is finite, within "
            "the range of every parameter."
        )
    return value


def _endless(user: UserFunction, best: Bottom, first: float) -> bool:
    """Whether the search ran away from a start with this value, rather than end anywhere."""
    if best.status == "smooth":
        return False
    away = np.any(np.abs(best.x) > FAR * (1.0 + np.abs(user.start)))
    return bool(away or abs(best.value) > FAR * (1.0 + abs(first)))


def _grows(user: UserFunction, best: Bottom, minus: bool) -> str:
    """Where a function goes to infinity, and that it may have the other sign."""
    went = [
        f"{name} from {start:.7g} to {x:.7g}"
        for name, x, start in zip(user.names, best.x, user.start, strict=True)
        if x != start
    ]
    way, kind, other = (
        ("falls", "a log-likelihood", "maximize")
        if minus
        else ("grows", "minus a log-likelihood", "minimize")
    )
    return (
        f"{user.label} {way} without bound along {listed(went)}, where it is "
        f"{user.sign * best.value:.7g}: is this {kind}? Then use mw.{other}; else give bounds"
    )


def _further(starts: Any, user: UserFunction, problem: Problem, first: Bottom) -> list[Array]:
    """Starts beyond the first, given or scattered."""
    if not isinstance(starts, Iterable):
        count = _whole("starts", starts) - 1
        spread = np.maximum(np.abs(user.start), np.abs(first.x - user.start))
        try:
            return scattered(problem, user.start, np.where(spread > 0.0, spread, 1.0), count)
        except OutOfCalls:
            return []
    points = []
    for given in [starts] if isinstance(starts, Mapping | str) else starts:
        names, point = read_start(given, "starts")
        if len(point) != len(user.names) or (names and set(names) != set(user.names)):
            raise ModelError(
                f"starts has {brief(given)}; give one number for each of {', '.join(user.names)}."
            )
        if names:
            point = point[[names.index(name) for name in user.names]]
        if np.any(problem.low > point) or np.any(problem.high < point):
            raise ModelError(f"starts has {user.at(point)}, outside the bounds; start within them.")
        _refuse_no_value(user, point)
        points.append(point)
    return points


def _labelled(
    user: UserFunction,
    problem: Problem,
    best: Bottom,
    shape: Curvature,
    ends: list[Bottom],
    path: list[tuple[str, Array, float]],
    sentences: tuple[str, ...],
    minus: bool,
) -> Maximum:
    """Put names on the numbers, and give them the sign of the user's function."""
    names = list(user.names)
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(shape.vcov))
    table = pd.DataFrame([end.x for end in ends], columns=names, index=range(1, len(ends) + 1))
    table["value"] = [user.sign * end.value for end in ends]
    code, message = _CONVERGENCE[best.status]
    if best.status == "smooth" and best.pinned.any():
        message = "converged: on a bound" + (
            "" if best.pinned.all() else ", the slope is zero in the other parameters"
        )
    return Maximum(
        par=pd.Series(best.x, index=names),
        value=user.sign * best.value,
        counts={"function": user.calls, "gradient": problem.differentiated},
        convergence=code,
        message=message,
        hessian=pd.DataFrame(user.sign * shape.hessian, index=names, columns=names),
        vcov=pd.DataFrame(shape.vcov, index=names, columns=names),
        se=pd.Series(se, index=names),
        warnings=sentences,
        starts=table,
        minus=minus,
        path=_path(user, path),
        _problem=problem,
    )


def _path(user: UserFunction, visited: list[tuple[str, Array, float]]) -> pd.DataFrame:
    """Where a search went, labelled, with the sign of the user's function."""
    table = pd.DataFrame([x for _, x, _ in visited], columns=list(user.names))
    table["value"] = [user.sign * value for *_, value in visited]
    table["step"] = [how for how, *_ in visited]
    return table

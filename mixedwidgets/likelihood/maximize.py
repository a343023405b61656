"""maximize and minimize: the maximum of any log-likelihood written as a Python function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mixedwidgets.errors import MixedWidgetsWarning, ModelError, as_sentence, brief, listed
from mixedwidgets.likelihood.bounds import read_bounds
from mixedwidgets.likelihood.curvature import Curvature, curvature
from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.maximum import Maximum
from mixedwidgets.likelihood.scattered import scattered
from mixedwidgets.likelihood.search import Bottom, Problem, search
from mixedwidgets.likelihood.userfunction import OutOfCalls, UserFunction, read_start

BESIDE = 1e-8  # distance from a bound, relative to that of the start, that is on the way there
FAR = 1e9  # relative to 1 + |start|, of parameters and of values
AGREEMENT = 1e-7  # of 1 + |value|: values this close are one optimum
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
    return _optimise(loglik, start, bounds, starts, most, data, minus=False)


def minimize(
    mll: Callable[..., Any],
    start: Any,
    bounds: Any = None,
    *,
    starts: Any = 1,
    most: int = 20_000,
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
    start, bounds, starts, most, **data
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
    return _optimise(mll, start, bounds, starts, most, data, minus=True)


def _optimise(
    function: Any, start: Any, bounds: Any, starts: Any, most: int, data: Any, minus: bool
) -> Maximum:
    """Search from every start, and label and judge the best end."""
    user = UserFunction(function, start, data, 1.0 if minus else -1.0, _whole("most", most))
    low, high = read_bounds(bounds, user.names, user.start)
    problem = Problem(user, low, high)
    first = _refuse_no_value(user, user.start)
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
    told = [_grows(user, best, minus)] if endless else _remarks(user, problem, best, shape, ends)
    sentences = tuple(map(as_sentence, told))
    result = _labelled(user, problem, best, shape, ends, path, sentences, minus)
    if endless:
        way = "falls" if minus else "grows"
        result = replace(result, message=f"not converged: the function {way} without bound")
    user.most = user.calls + INTERVALS_CALLS  # the result goes on calling for its intervals
    for sentence in sentences:
        warnings.warn(MixedWidgetsWarning(sentence), stacklevel=3)
    return result


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


def _remarks(
    user: UserFunction, problem: Problem, best: Bottom, shape: Curvature, ends: list[Bottom]
) -> list[str]:
    """What asks for attention, in sentences."""
    said = [] if best.status == "smooth" else [_unconverged(user, best)]
    if user.unbounded:
        said.append(
            f"the likelihood is infinite at {user.unbounded}, so that it has no maximum; give "
            "bounds that keep away from there"
        )
    return [
        *said,
        *_at_bounds(user, problem, best),
        *_undetermined(user, shape),
        *_disagreement(user, best, ends),
    ]


def _at_bounds(user: UserFunction, problem: Problem, best: Bottom) -> Iterator[str]:
    """Say which parameters are on a bound, or next to one that the function excludes."""
    for name, x, start, low, high in zip(
        user.names, best.x, user.start, problem.low, problem.high, strict=True
    ):
        side, bound = ("lower", low) if x - low <= high - x else ("upper", high)
        if x == bound:
            yield (
                f"Parameter {name} is on its {side} bound {bound:.7g}: the likelihood would rise "
                "further, or is level, beyond it, so that it has no standard error, and those of "
                f"the others hold {name} fixed there"
            )
        elif abs(x - bound) < BESIDE * abs(start - bound):
            yield (
                f"Parameter {name} went towards its {side} bound {bound:.7g}, where {user.label} "
                "has no finite value: let it return its limit there (0 log 0 is 0), or, if the "
                "likelihood grows without end, give a bound that keeps away from there"
            )
        elif abs(x) > FAR * (1.0 + abs(start)):
            yield (
                f"Parameter {name} went as far as {x:.7g}: the likelihood probably has no maximum; "
                f"give bounds, or look at {user.label} for large values"
            )


def _undetermined(user: UserFunction, shape: Curvature) -> Iterator[str]:
    """Say along what the Hessian is not positive definite."""
    for moved in dict.fromkeys(shape.flat):
        one = len(moved) == 1
        yield (
            f"the data do not determine {listed([user.names[i] for i in moved])}: the likelihood "
            f"does not change when {'it changes' if one else 'they change together'}, the Hessian "
            f"is not positive definite, and {'it has' if one else 'they have'} no standard "
            "error; fix or drop a parameter"
        )
    for moved in dict.fromkeys(shape.higher):
        one = len(moved) == 1
        yield (
            f"the Hessian is zero at the optimum in {listed([user.names[i] for i in moved])}, "
            "where the likelihood changes by a higher power than the square, so that "
            f"{'it has' if one else 'they have'} no standard error that means anything; "
            "likelihood_interval() does without it"
        )
    for moved in dict.fromkeys(shape.falling):
        yield (
            "the Hessian is not positive definite: the likelihood rises when "
            f"{listed([user.names[i] for i in moved])} change, so that this is no maximum and "
            "there is no standard error of them; try other starts"
        )


def _unconverged(user: UserFunction, best: Bottom) -> str:
    """Why the end of a search may not be a maximum."""
    where = user.at(best.x)
    return {
        "exhausted": f"the search stopped after {user.most} calls at {where}; start nearer, or "
        "allow more with most=",
        "sloped": f"no step improves the value at {where}, yet its slope is not zero there; "
        f"{user.label} may be too imprecise, or need another start",
        "rough": f"{user.label} has a kink or a jump at {where}, so that there is no Hessian and "
        "there are no standard errors; likelihood_interval() does without them",
        "edge": f"{user.label} jumps, or is not defined on all sides, at {where}, so that there is "
        "no Hessian and there are no standard errors; likelihood_interval() does without them",
    }[best.status]


def _disagreement(user: UserFunction, best: Bottom, ends: list[Bottom]) -> list[str]:
    """Say how many starts ended elsewhere, if any."""
    near = AGREEMENT * (1.0 + abs(best.value))
    worse = [end for end in ends if end.value > best.value + near]
    if not worse:
        return []
    next_best = min(worse, key=lambda end: end.value)
    return [
        f"{len(worse)} of {len(ends)} starts ended elsewhere, the best of them at "
        f"{user.at(next_best.x)} with value {user.sign * next_best.value:.7g} instead of "
        f"{user.sign * best.value:.7g}: there are several local optima, see .starts"
    ]

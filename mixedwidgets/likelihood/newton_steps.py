"""Newton's method step by step, each with the parabola that it climbs and what is said of it."""

from __future__ import annotations

import numpy as np

from mixedwidgets.likelihood.derivatives import Array, Derivatives, axis_step, differentiate
from mixedwidgets.likelihood.search import Problem, unit
from mixedwidgets.likelihood.tables import SearchStep
from mixedwidgets.likelihood.userfunction import OutOfCalls

MOST = 40  # steps
LEVELS = 3  # of extrapolation of the derivatives
ENOUGH = 1e-11  # gain that a further step promises, of 1 + |log-likelihood|, to end at
HALVINGS = 30
_FAR = 1.0  # of 1 + |parameter|, the longest step uphill
_NEAR = 1e-6  # of 1 + |parameter|: a step that a bound makes shorter ends the search
INSIDE = 0.9  # of the way to a bound that a step may go


def newton_steps(problem: Problem, start: Array) -> tuple[SearchStep, ...]:
    """Climb a log-likelihood from a start by Newton's method.

    At each place the log-likelihood is replaced by the parabola (the quadratic) with its value,
    slope and curvature there, and the next place is the top of the parabola: ``x - H^-1 g`` with
    the gradient g and the Hessian H. Where the curvature is upwards in some direction there is no
    top, and the step goes uphill, as far as the size of the curvature suggests. A step that leads
    down or out of the bounds is halved until it does not (Nocedal and Wright 2006, Numerical
    Optimization, chapter 3).

    Parameters
    ----------
    problem : Problem
        Minus the log-likelihood in its box.
    start : (p,) array
        Where the log-likelihood is finite.

    Returns
    -------
    tuple of SearchStep
        The last one has no kind: the search ends there, its words say why.

    Raises
    ------
    ModelError
        The user's function fails.
    """
    x = np.array(start, dtype=np.float64)
    steps: list[SearchStep] = []
    try:
        value = problem(x)
        while np.isfinite(value) and len(steps) < MOST:
            step, x, value = _one(problem, x, value)
            steps.append(step)
            if not step.kind:
                return tuple(steps)
    except OutOfCalls:
        pass
    return (*steps, _ended(x, -value, f"The search stops after {len(steps)} steps."))


def searched(path: list[tuple[str, Array, float]]) -> tuple[SearchStep, ...]:
    """Return the places that a search by ``maximize`` went to as steps, without derivatives.

    Parameters
    ----------
    path : list of (str, (p,) array, float)
        How, where, and the log-likelihood there; the first is the start.
    """
    kinds = {
        "simplex": "a corner of Nelder and Mead's simplex is higher",
        "Newton": "Newton's step, to the top of a parabola",
        "bound": "a parameter is put on its bound, or leaves it",
    }
    steps = []
    for i, (_, x, value) in enumerate(path):
        last = i + 1 == len(path)
        how = "" if last else path[i + 1][0]
        words = "The search ends here." if last else f"Next, {kinds.get(how, how)}."
        aim = x if last else path[i + 1][1]
        steps.append(_step(x, value, None, how.lower(), aim, 1.0, words))
    return tuple(steps)


def _one(problem: Problem, x: Array, value: float) -> tuple[SearchStep, Array, float]:
    """Take one step; return it, and where it led."""
    found = _derivatives(problem, x, value)
    if found is None:
        words = "The log-likelihood has no derivatives here, so that there is no further step."
        return _ended(x, -value, words), x, value
    sizes, vectors = np.linalg.eigh(found.hessian)
    upwards = bool(sizes.min() <= 0.0)
    flat = 1e-8 * float(np.abs(sizes).max()) + 1e-300
    move = -vectors @ ((vectors.T @ found.gradient) / np.maximum(np.abs(sizes), flat))
    if upwards:  # nothing says how far uphill
        far = _FAR * (1.0 + np.abs(x))
        move *= min(1.0, float(np.min(far / np.maximum(np.abs(move), 1e-300))))
    gain = 0.5 * float(abs(found.gradient @ move))
    if gain <= ENOUGH * (1.0 + abs(value)):
        words = "The slope is zero here: " + (
            "but the curvature is upwards, so that it is no maximum." if upwards else "the maximum."
        )
        return _step(x, -value, found, "", x, 0.0, words), x, value
    share, there = _shortened(problem, x, value, move)
    aim = x + move
    if share == 0.0:
        words = "No step along this direction goes up: the search ends here."
        return _step(x, -value, found, "", aim, 0.0, words), x, value
    if share < 1.0 and np.all(share * np.abs(move) < _NEAR * (1.0 + np.abs(x))):
        words = "The search has come to a bound, beyond which the log-likelihood would rise."
        return _step(x, -value, found, "", aim, 0.0, words), x, value
    kind = "uphill" if upwards else "newton"
    step = _step(x, -value, found, kind, aim, share, _words(upwards, share))
    return step, x + share * move, there


def _derivatives(problem: Problem, x: Array, value: float) -> Derivatives | None:
    target = unit(value)
    room = 0.45 * problem.room(x)
    if np.any(room <= 0.0):
        return None
    first = np.maximum(1e-3 * np.abs(x), 1e-4)
    lengths = np.array(
        [
            axis_step(problem, x, value, i, float(first[i]), float(room[i]), target)
            for i in range(len(x))
        ]
    )
    return differentiate(problem, x, value, np.eye(len(x)), lengths, LEVELS)


def _shortened(problem: Problem, x: Array, value: float, move: Array) -> tuple[float, float]:
    """Return the part of a step that goes up and stays inside, and the value there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(move > 0.0, problem.high - x, x - problem.low)
        reach = np.where(move == 0.0, np.inf, room / np.abs(move))
    share = min(1.0, INSIDE * float(reach.min()))
    for _ in range(HALVINGS):
        there = problem(x + share * move)
        if there < value:
            return share, there
        share *= 0.5
    return 0.0, value


def _words(upwards: bool, share: float) -> str:
    what = (
        "The curvature is upwards or none, so the parabola has no top: the step goes uphill"
        if upwards
        else "The next place is the top of the parabola"
    )
    if share == 1.0:
        return f"{what}."
    return f"{what}, but only {share:.3g} of the way, where it is higher and inside the bounds."


def _ended(x: Array, loglik: float, words: str) -> SearchStep:
    return _step(x, loglik, None, "", x, 0.0, words)


def _step(
    x: Array,
    loglik: float,
    found: Derivatives | None,
    kind: str,
    aim: Array,
    share: float,
    words: str,
) -> SearchStep:
    p = len(x)
    gradient = np.full(p, np.nan) if found is None else -found.gradient
    hessian = np.full((p, p), np.nan) if found is None else -found.hessian
    return SearchStep(np.array(x), loglik, gradient, hessian, kind, np.array(aim), share, words)

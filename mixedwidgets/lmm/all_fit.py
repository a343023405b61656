"""The optimum of one model from several starts by several optimisers, to see whether they agree."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.objective import Factor, ProfiledDeviance
from mixedwidgets.lmm.optimize import natural_theta, optimise
from mixedwidgets.lmm.start import moment_start, scattered

AGREEMENT = 1e-5  # difference in the criterion that no conclusion depends on
NEWTON = "newton"
OPTIMIZERS = (NEWTON, "trust-exact", "L-BFGS-B", "BFGS", "Nelder-Mead", "Powell")


@dataclass(frozen=True)
class Attempt:
    """One search.

    Attributes
    ----------
    optimizer : str
        Which optimiser.
    start : int
        Number of the starting point, from 1.
    theta : (ntheta,) array
        Where it ended, in the user's units.
    value : float
        The criterion there.
    converged : bool
        Whether the optimiser itself says that it arrived.
    evaluations : int
        How often it evaluated the criterion.
    seconds : float
        How long it took.
    """

    optimizer: str
    start: int
    theta: Array
    value: float
    converged: bool
    evaluations: int
    seconds: float


def attempts(
    moments: AnyMoments, reml: bool, optimizers: Sequence[str], starts: int
) -> list[Attempt]:
    """Search with every optimiser from every start.

    The starts are the method-of-moments values that ``lmer`` starts from, lme4's (the identity in
    whitened coordinates), then factors of random size and direction, the same ones every time.
    SciPy's optimisers work in whitened coordinates without bounds, with exact derivatives if they
    use any; they know nothing of boundaries.

    Parameters
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.
    optimizers : sequence of str
        Among ``OPTIMIZERS``.
    starts : int
        How many starting points.

    Returns
    -------
    list of Attempt
        Optimiser by optimiser, start by start.
    """
    width = moments.layout.width
    points = [moment_start(moments, reml), np.eye(width), *scattered(moments.layout, starts - 2)]
    return [
        _attempt(moments, reml, optimizer, number, T)
        for optimizer in optimizers
        for number, T in enumerate(points[:starts], 1)
    ]


def conclusion(found: Sequence[Attempt], fitted: float) -> str:
    """Say in a sentence whether the searches agree with the criterion of a fit.

    Parameters
    ----------
    found : sequence of Attempt
        At least one.
    fitted : float
        The criterion of the fit.
    """
    values = np.array([a.value for a in found])
    optimizers, starts = len({a.optimizer for a in found}), len({a.start for a in found})
    searches = f"{_count(optimizers, 'optimiser')} from {_count(starts, 'start')}"
    what = f"{_count(len(found), 'search')} ({searches})"
    best = found[int(np.argmin(values))]
    if best.value < fitted - AGREEMENT:
        return (
            f"A better optimum exists: of {what} the best, {best.optimizer} from start "
            f"{best.start}, reached {best.value:.6f}, which is {fitted - best.value:.3g} below the "
            "fit; fit again with its theta as start."
        )
    others = [a for a in found if a.value > fitted + AGREEMENT]
    if not others:
        return (
            f"{'All ' if len(found) > 1 else ''}{what} led to the optimum of the fit, {fitted:.6f}."
        )
    names = ", ".join(dict.fromkeys(a.optimizer for a in others))
    above = sorted({f"{a.value - fitted:.3g}" for a in others}, key=float)
    return (
        f"{len(found) - len(others)} of {what} led to the optimum of the fit, {fitted:.6f}; none "
        f"found a better one, and {len(others)} (by {names}) ended above it, by "
        f"{above[0] if len(above) == 1 else f'{above[0]} to {above[-1]}'}."
    )


def _count(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def _attempt(moments: AnyMoments, reml: bool, optimizer: str, number: int, T: Array) -> Attempt:
    begun = time.perf_counter()
    if optimizer == NEWTON:
        found = optimise(moments, reml, natural_theta(T, moments))
        theta, value = found.theta, found.value
        converged, evaluations = found.converged, found.evaluations
    else:
        objective = ProfiledDeviance(Factor(moments.layout, np.eye(len(T))), moments, reml)
        result = _minimised(objective, optimizer, moments.layout.vector(T))
        theta = natural_theta(moments.layout.matrix(result.x), moments)
        value, converged = float(result.fun), bool(result.success)
        evaluations = int(result.nfev)
    seconds = time.perf_counter() - begun
    return Attempt(optimizer, number, theta, value, converged, evaluations, seconds)


def _minimised(objective: ProfiledDeviance, optimizer: str, start: Array) -> Any:
    """SciPy's answer; its warnings are what ``success`` says."""
    flat = 1e-8 * (1.0 + abs(objective.value(start)))
    many = 500 * (1 + len(start))
    options: dict[str, dict[str, Any]] = {
        "trust-exact": {"gtol": flat, "maxiter": 500},
        "L-BFGS-B": {"gtol": flat, "ftol": 1e-14, "maxiter": 1000},
        "BFGS": {"gtol": flat, "maxiter": 1000},
        "Nelder-Mead": {"xatol": 1e-6, "fatol": 1e-8, "maxfev": many},
        "Powell": {"xtol": 1e-6, "ftol": 1e-11, "maxfev": many},
    }
    minimize: Any = optimize.minimize  # its stubs have an overload for each kind of call
    function: Callable[[Array], Any] = objective.value
    derivatives: dict[str, Any] = {}
    if optimizer in ("L-BFGS-B", "BFGS", "trust-exact"):
        function, derivatives = (lambda t: objective.rough(t)[:2]), {"jac": True}
    if optimizer == "trust-exact":
        derivatives["hess"] = lambda t: objective(t)[2]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return minimize(
            function, start, method=optimizer, options=options[optimizer], **derivatives
        )

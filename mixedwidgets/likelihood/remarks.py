"""What asks for attention at the end of a search, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from mixedwidgets.errors import listed
from mixedwidgets.likelihood.curvature import Curvature
from mixedwidgets.likelihood.search import Bottom, Problem
from mixedwidgets.likelihood.userfunction import UserFunction

BESIDE = 1e-8  # distance from a bound, relative to that of the start, that is on the way there
FAR = 1e9  # relative to 1 + |start|, of parameters and of values
AGREEMENT = 1e-7  # of 1 + |value|: values this close are one optimum


def remarks(
    user: UserFunction, problem: Problem, best: Bottom, shape: Curvature, ends: list[Bottom]
) -> list[str]:
    """What asks for attention."""
    said = [] if best.status == "smooth" else [_unconverged(user, best)]
    if user.unbounded:
        said.append(
            f"the likelihood is infinite at {user.unbounded}, so that it has no maximum; give "
            "bounds that keep away from there"
        )
    return [
        *said,
        *at_bounds(user, problem, best),
        *_undetermined(user, shape),
        *_disagreement(user, best, ends),
    ]


def at_bounds(user: UserFunction, problem: Problem, best: Bottom) -> Iterator[str]:
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

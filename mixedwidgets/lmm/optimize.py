"""moments -> Optimum: the best relative covariance factor, and the evidence that it is the best.

The factor T of S is optimised without bounds in whitened coordinates, from method-of-moments
values, by Newton steps; signs are fixed afterwards. Zero is stationary for every data set, so a
singular optimum is judged by its second-order condition in S = T T': no direction out of the
boundary may lower the deviance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.control import DEFAULT, Control
from mixedwidgets.lmm.deviance import AnySolved, differentiate, solve
from mixedwidgets.lmm.evidence import undetermined
from mixedwidgets.lmm.linalg import Array, lower_triangle
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.newton import Minimum, Watch, minimise
from mixedwidgets.lmm.objective import Factor, ProfiledDeviance, profiled_derivatives
from mixedwidgets.lmm.small import eigen, inverse
from mixedwidgets.lmm.start import moment_start, scattered
from mixedwidgets.lmm.theta import Layout

NOISE = 1e-12  # relative rise of the deviance that setting a component to zero may show
SMALL = 1e-2  # relative standard deviation (whitened) below which zero is tried
ROUNDING = 1e-14  # of a factor in whitened coordinates, relative to its largest element
MAX_ESCAPES = 3
PATIENCE = 40  # steps before the random effects of a term are put in another order
NO_VALUE = (
    "The likelihood has no value that could be computed: the model reproduces the response up to "
    "rounding, or its variances are too many orders of magnitude apart; use fewer random effects, "
    "or rescale the variables."
)
AGREEMENT = 0.01  # deviance units: values this close are one optimum

# told of each search, by number from 1, every theta accepted and its criterion
Progress = Callable[[int, Array, float], None]


@dataclass(frozen=True)
class Optimum:
    """The optimum of the profiled deviance and what was checked there.

    Attributes
    ----------
    theta : (ntheta,) array
        Elements of the relative covariance factor in the user's units, as lme4 orders them.
    T : (K, K) array
        The factor in whitened coordinates; columns of zeros for directions of zero variance.
    value : float
        The criterion (minus twice the log-likelihood, or the REML criterion).
    solved : Solved
        The likelihood there.
    path : tuple of ((ntheta,) array, float)
        Elements of T and criterion along the optimiser's path.
    evaluations : int
        Number of evaluations of the criterion.
    converged : bool
        Gradient zero, no negative curvature, no direction out of the boundary that lowers the
        criterion, none in which it stays level.
    gradient : float
        Largest absolute element of the gradient in theta in whitened units.
    curvature : float
        Smallest eigenvalue of the Hessian in the directions that are free, scaled to unit
        diagonal; NaN where none is free.
    boundary : tuple of (int, (k,) array)
        For each direction of zero variance its block and its unit vector in the block's columns,
        each in units of its standard deviation where it has one.
    level : tuple of (int, (k,) array)
        Block and unit vector of each random effect whose variance the data do not determine.
    starts : int
        Number of starting points tried.
    agreeing : int
        How many of them led to this optimum.
    exhausted : bool
        Whether the search took all the steps it was allowed.
    """

    theta: Array
    T: Array
    value: float
    solved: AnySolved
    path: tuple[tuple[Array, float], ...]
    evaluations: int
    converged: bool
    gradient: float
    curvature: float
    boundary: tuple[tuple[int, Array], ...]
    level: tuple[tuple[int, Array], ...]
    starts: int
    agreeing: int
    exhausted: bool

    @property
    def S(self) -> Array:
        """The relative covariance in whitened coordinates, (K, K)."""
        return np.asarray(self.T @ self.T.T)

    @property
    def trace(self) -> tuple[tuple[Array, float], ...]:
        """Theta in the user's units, and the criterion, along the optimiser's path."""
        moments = self.solved.moments
        return tuple((natural_theta(moments.layout.matrix(x), moments), v) for x, v in self.path)


def optimise(
    moments: AnyMoments,
    reml: bool,
    start: Array | None = None,
    control: Control = DEFAULT,
    progress: Progress | None = None,
) -> Optimum:
    """Find the optimum of the (restricted) likelihood.

    Parameters
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.
    start : (ntheta,) array, optional
        theta to start from; method-of-moments values otherwise.
    control : Control
        Tolerance, limit of steps and number of starts.
    progress : callable, optional
        Told of every accepted step.

    Returns
    -------
    Optimum

    Raises
    ------
    ModelError
        The likelihood has no value where it was searched.
    """
    layout = moments.layout
    search = _Searches(moments, reml, control, progress)
    objective = search.objective
    first = moment_start(moments, reml) if start is None else whitened_factor(start, moments)
    best = search(first)
    path, values = best.path, [best.value]
    T = _settle(best.x, objective, layout)
    further = scattered(layout, control.starts - 1)
    for start_again in (*_other_starts(T, best.converged, layout), *further):
        other = search(start_again, best.value if best.converged else -np.inf)
        values.append(other.value)
        if _better(other, best):
            best, path = other, other.path
            T = _settle(best.x, objective, layout)
    if not np.isfinite(best.value):
        raise ModelError(NO_VALUE)
    for _ in range(MAX_ESCAPES):
        outward = _downhill_outward(T, moments, reml)
        if outward is None:
            break
        escaped = search(T + outward)
        if not escaped.value < best.value:
            break
        values.remove(best.value)
        best = escaped
        values.append(best.value)
        path = path + best.path
        T = _settle(best.x, objective, layout)
    T = _blockwise_lower(T, layout)
    value, gradient, hessian = objective(layout.vector(T))
    level = undetermined(T, value, hessian, objective.value, layout)
    stuck = not best.converged or _downhill_outward(T, moments, reml) is not None
    solved = objective.solved(layout.vector(T))
    if solved is None:
        raise ModelError(NO_VALUE)
    theta = natural_theta(T, moments)
    return Optimum(
        theta=theta,
        T=T,
        value=value,
        solved=solved,
        path=path,
        evaluations=search.evaluations + 1,
        converged=not stuck and not level,
        gradient=float(np.abs(gradient).max(initial=0.0)),
        curvature=_free_curvature(T, hessian, layout),
        boundary=zero_directions(theta, layout),
        level=level,
        starts=len(values),
        agreeing=sum(v <= value + AGREEMENT for v in values),
        exhausted=stuck and len(best.path) > control.max_iterations,
    )


def natural_theta(T: Array, moments: AnyMoments) -> Array:
    """Theta in the user's units from a factor in whitened coordinates.

    A random effect whose variance is nothing but rounding error is given none.
    """
    out = np.zeros_like(T)
    for columns in moments.layout.slices:
        back = inverse(moments.whitening[columns, columns])
        inside = T[columns, columns]
        half = np.asarray(back @ inside, dtype=np.float64)
        rounding = ROUNDING * np.abs(back).sum(axis=1) * np.abs(inside).max()
        half[np.abs(half).max(axis=1) <= rounding] = 0.0
        out[columns, columns] = lower_triangle(half)
    return moments.layout.vector(out)


def whitened_factor(theta: Array, moments: AnyMoments) -> Array:
    """The factor (K, K) in whitened coordinates from theta in the user's units."""
    layout = moments.layout
    return _blockwise_lower(moments.whitening @ layout.matrix(np.asarray(theta, float)), layout)


class _Searches:
    """Searches of one likelihood from several starts, with a count of what they cost."""

    def __init__(
        self, moments: AnyMoments, reml: bool, control: Control, progress: Progress | None
    ):
        self.moments, self.reml, self.control, self.progress = moments, reml, control, progress
        self.objective = self._objective(np.eye(moments.layout.width))
        self.evaluations = 0
        self.number = 0

    def __call__(self, start: Array, known: float = -np.inf) -> Minimum:
        """Minimise from a factor T; where that takes long, go on in another order.

        A search that will not beat a value known already is abandoned close to its end.

        Where the first random effect of a term hardly varies, the elements of T below its own turn
        freely into the next column, and the search creeps along the bottom of a curved valley.
        With the effects ordered by decreasing variance it does not.
        """
        layout, limit = self.moments.layout, self.control.max_iterations
        self.number += 1
        if np.isfinite(known):
            t = layout.vector(_blockwise_lower(start, layout))
            rough = self._rough(t, known)
            if rough.abandoned:
                return rough
            start = layout.matrix(rough.x)
        first = self._minimise(self.objective, start, min(PATIENCE, limit), None)
        taken = len(first.path) - 1
        if first.converged or taken >= limit:
            return first
        T = layout.matrix(first.x)
        sizes = np.sum(T**2, axis=1)
        order = np.concatenate(
            [c.start + np.argsort(-sizes[c], kind="stable") for c in layout.slices]
        )
        A = np.eye(layout.width)[:, order]
        then = self._minimise(self._objective(A), T[order], limit - taken, A)
        return replace(then, path=first.path + then.path[1:])

    def _rough(self, start: Array, known: float) -> Minimum:
        """Minimise with the cheaper second derivatives, as long as a value known can be beaten."""
        found = minimise(
            self.objective.rough,
            start,
            min(PATIENCE, self.control.max_iterations),
            watch=self._watch(lambda x: x),
            polish=False,
            known=known,
        )
        self.evaluations += found.evaluations
        return found

    def _objective(self, A: Array) -> ProfiledDeviance:
        return ProfiledDeviance(Factor(self.moments.layout, A), self.moments, self.reml)

    def _minimise(
        self, objective: ProfiledDeviance, start: Array, steps: int, A: Array | None
    ) -> Minimum:
        """Minimise in the coordinates that A goes in front of; answer in whitened ones."""
        layout = self.moments.layout

        def back(x: Array) -> Array:
            if A is None:
                return x
            return layout.vector(_blockwise_lower(A @ layout.matrix(x), layout))

        t = layout.vector(_blockwise_lower(start, layout))
        found = _descend(objective, t, steps, self.control.tolerance, self._watch(back))
        self.evaluations += found.evaluations
        path = tuple((back(x), value) for x, value in found.path)
        return found if A is None else replace(found, x=back(found.x), path=path)

    def _watch(self, back: Callable[[Array], Array]) -> Watch | None:
        progress, layout = self.progress, self.moments.layout
        if progress is None:
            return None

        def watch(x: Array, value: float) -> None:
            progress(self.number, natural_theta(layout.matrix(back(x)), self.moments), value)

        return watch


def _descend(
    objective: ProfiledDeviance, start: Array, steps: int, tolerance: float, watch: Watch | None
) -> Minimum:
    """Minimise; where exact second derivatives cost much, with them at the end only."""
    if not objective.moments.costly:
        return minimise(objective, start, steps, tolerance, watch, scoring=objective.information)
    rough = minimise(objective.rough, start, steps, tolerance, watch, polish=False)
    taken = len(rough.path) - 1
    then = minimise(objective, rough.x, max(steps - taken, 1), tolerance, watch, polish=False)
    return replace(
        then,
        path=rough.path + then.path[1:],
        evaluations=rough.evaluations + then.evaluations - 1,
    )


def _other_starts(T: Array, converged: bool, layout: Layout) -> list[Array]:
    """Factors to start from again: none after a regular optimum.

    A model with several random effects can have several optima on its boundary. The ones missed
    lie across a ridge: in each direction of zero variance a start leaps out, once with the
    variances found and once with small ones in their place.
    """
    if converged and T.any(axis=0).all():
        return []
    out = [np.eye(layout.width)]
    for columns in layout.slices if layout.width > 1 else ():
        inside = T[columns, columns]
        empty = np.flatnonzero(~inside.any(axis=0))
        for number, direction in zip(empty, _null_space(inside).T, strict=True):
            for kept in (1.0, 0.1):
                start = kept * T
                start[columns, columns.start + number] = direction
                out.append(start)
    return out


def _better(other: Minimum, best: Minimum) -> bool:
    if not np.isfinite(best.value):
        return bool(np.isfinite(other.value))
    if other.abandoned:
        return False
    margin = NOISE * (1.0 + abs(best.value))
    return other.value < best.value - margin or (other.converged and not best.converged)


def _blockwise_lower(T: Array, layout: Layout) -> Array:
    out = np.zeros_like(T)
    for columns in layout.slices:
        out[columns, columns] = lower_triangle(T[columns, columns])
    return out


def _settle(t: Array, objective: ProfiledDeviance, layout: Layout) -> Array:
    """Set to zero each direction whose variance the likelihood cannot tell from zero."""
    T = _blockwise_lower(layout.matrix(t), layout)
    value = objective.value(layout.vector(T))
    for columns in layout.slices:
        if _clearly_regular(T[columns, columns]):
            continue
        vectors, values, _ = np.linalg.svd(T[columns, columns])
        for rank in range(len(values)):
            if values[rank] > SMALL * max(1.0, values[0] if rank else 0.0):
                continue
            trial = T.copy()
            trial[columns, columns] = 0.0
            trial[columns, columns.start : columns.start + rank] = vectors[:, :rank] * values[:rank]
            trial = _blockwise_lower(trial, layout)
            if objective.value(layout.vector(trial)) <= value + NOISE * (1.0 + abs(value)):
                T = trial
                break
    return T


def _clearly_regular(inside: Array) -> bool:
    """Whether a triangular factor has no direction small enough to be tried without.

    Its smallest singular value is the determinant divided by the others, which are at most the
    root of the sum of squares.
    """
    size = max(1.0, float(np.sqrt(np.vdot(inside, inside))))
    determinant = abs(float(inside.diagonal().prod()))
    return determinant > SMALL * size ** len(inside)


def _downhill_outward(T: Array, moments: AnyMoments, reml: bool) -> Array | None:
    """A small step out of the boundary that lowers the deviance, or None."""
    layout = moments.layout
    if T.any(axis=0).all():
        return None
    solved = solve(T @ T.T, moments, reml)
    derivatives = differentiate(solved, reml)
    slope = profiled_derivatives(solved, derivatives)[0]
    for columns in layout.slices:
        inside = T[columns, columns]
        empty = np.flatnonzero(~inside.any(axis=0))
        if len(empty) == 0:
            continue
        null = _null_space(inside)
        values, vectors = np.linalg.eigh(null.T @ slope[columns, columns] @ null)
        scale = abs(float(np.trace(derivatives.logdet1[columns, columns])))
        if values[0] < -1e-8 * scale - 1e-13 * moments.nobs:
            step = np.zeros_like(T)
            step[columns, columns.start + empty[0]] = 0.1 * null @ vectors[:, 0]
            return step
    return None


def _null_space(factor: Array) -> Array:
    """Orthonormal basis of the directions in which a factor's covariance has no variance."""
    vectors, _, _ = np.linalg.svd(factor)
    rank = int(np.count_nonzero(factor.any(axis=0)))
    return np.asarray(vectors[:, rank:])


def zero_directions(theta: Array, layout: Layout) -> tuple[tuple[int, Array], ...]:
    """Directions of zero variance: single effects first, then combinations of those that vary."""
    whole = layout.matrix(theta)
    out = []
    for number, columns in enumerate(layout.slices):
        inside = whole[columns, columns]
        if inside.diagonal().all():
            continue
        sd = np.sqrt(np.sum(inside**2, axis=1))
        axes = np.eye(len(sd))
        out += [(number, axes[i]) for i in np.flatnonzero(sd == 0.0)]
        varying = np.flatnonzero(sd > 0.0)
        vectors, _, _ = np.linalg.svd(inside[varying] / sd[varying, None])
        rank = int(np.count_nonzero(inside.any(axis=0)))
        out += [(number, axes[:, varying] @ vector) for vector in vectors[:, rank:].T]
    return tuple(out)


def _free_curvature(T: Array, hessian: Array, layout: Layout) -> float:
    """Smallest eigenvalue of the Hessian over the elements of T that are not at zero columns."""
    free = np.any(T, axis=0)[layout.position[1]]
    part = hessian if free.all() else hessian[free][:, free]
    if part.size == 0:
        return float("nan")
    scale = 1.0 / np.sqrt(np.maximum(np.abs(part.diagonal()), 1e-300))
    return float(eigen(part * (scale[:, None] * scale))[0][0])

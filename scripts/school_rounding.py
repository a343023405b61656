"""Fit scores to the likelihood equations, in whole hundredths.

Used by ``make_schools.py``. Gauss-Newton steps of least norm meet the equations with real
numbers. After rounding, the students whose residuals make the printed quantiles are pinned, and
the rest of the scores are changed by single hundredths until the equations hold again: first one
score at a time, then by searching two pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import school_equations as eq
from school_equations import N_STUDENTS, Scores
from scipy.spatial import cKDTree

UNIT = 0.01
FIVE = np.column_stack([eq.SLOPE_RESIDUALS, eq.NULL_RESIDUALS])
RANKS = {1: 3243, 2: 6486, 3: 9729}  # students below the two that make a quartile (R's type 7)
CLOSE = 2.5e-5  # how near a pinned residual comes to the printed value, which shows 1e-4
APART = 4e-4  # how far every other residual keeps from it
ROOM = 4e-3  # what a school needs around every quantile to be free for further moves
LOWEST, HIGHEST = 20.0, 88.0  # a plausible range of scores
PLACES = [(model, j) for j in (0, 4, 1, 2, 3) for model in (0, 1)]


def descend(
    x: np.ndarray,
    off: Callable[[np.ndarray], np.ndarray],
    slopes: Callable[[np.ndarray], np.ndarray],
    tolerance: np.ndarray,
    free: np.ndarray,
    reach: int,
    limit: int = 2000,
) -> np.ndarray:
    """Change single entries of x by 0.01, each time the one that helps most, until none does.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Whole multiples of 0.01.
    off, slopes : callables
        The k deviations at x, shape (k,), and their derivatives, shape (n, k).
    tolerance : ndarray, shape (k,)
        Unit of each deviation.
    free : ndarray of bool, shape (n,)
        Which entries may move, and ``reach`` by how many steps at most.
    """
    start = x
    for _ in range(limit):
        gap = off(x) / tolerance
        steps = slopes(x) / tolerance * UNIT
        gain = np.stack([2 * steps @ gap, -2 * steps @ gap]) + (steps**2).sum(axis=1)
        moved = np.rint((x - start) / UNIT)
        gain[0, ~free | (moved >= reach)] = np.inf
        gain[1, ~free | (moved <= -reach)] = np.inf
        way, i = np.unravel_index(np.argmin(gain), gain.shape)
        if gain[way, i] >= 0:
            break
        x = x.copy()
        x[i] = round(x[i] + (UNIT, -UNIT)[way], 2)
    return x


def newton(y: np.ndarray, scores: Scores, free: np.ndarray | None = None) -> np.ndarray:
    """Meet all equations by steps of least norm, moving only the free scores."""
    free = np.ones(N_STUDENTS, dtype=bool) if free is None else free
    for _ in range(20):
        off = scores.off(y)
        if np.abs(off).max() < 1e-10:
            break
        y = y.copy()
        y[free] -= np.linalg.lstsq(scores.slopes(y)[free].T, off, rcond=None)[0]
    return np.round(y, 9)


class Pins:
    """Scores in whole hundredths, with students whose residuals stand on the quantiles.

    Attributes
    ----------
    y : ndarray, shape (12974,)
        The scores.
    pinned : dict
        (model, quantile) to its students: one for an end, two for a quartile.
    """

    def __init__(self, y: np.ndarray, scores: Scores):
        self.y = np.round(y, 2)
        self.scores = scores
        self.pinned: dict[tuple[int, int], list[int]] = {}
        for place in PLACES:
            self.pinned[place] = []
            while len(self.pinned[place]) < (1 if place[1] in (0, 4) else 2):
                self.pinned[place].append(self._pin(*place))

    def held(self) -> np.ndarray:
        """Students of schools with a pinned student."""
        schools = {self.scores.school[i] for pair in self.pinned.values() for i in pair}
        return np.isin(self.scores.school, list(schools))

    def crowded(self, room: float, besides: tuple[int, int] | None = None) -> np.ndarray:
        """Students whose residual in either model lies within ``room`` of a quantile."""
        distance = np.abs(self.scores.residuals(self.y)[:, :, None] - FIVE.T)
        if besides:
            distance[:, *besides] = np.inf
        return (distance < room).any(axis=(1, 2))

    def free(self) -> np.ndarray:
        """Students who can move a little without changing any quantile."""
        taken = self.scores.total(self.crowded(ROOM).astype(int)) > 0
        return ~self.held() & ~taken[self.scores.school]

    def _pin(self, model: int, j: int) -> int:
        """Put one more student on a quantile and return who it is."""
        r = self.scores.residuals(self.y)[:, model]
        suited = ~self.held() & ~self.crowded(10 * ROOM, (model, j))
        for i in np.argsort(np.abs(r - FIVE[j, model]), kind="stable"):
            before = self.y.copy()
            if suited[i]:
                self._place(i, model, j)
                if self._stands(i, model, j):
                    return int(i)
            self.y = before
        raise RuntimeError("no student fits the quantile")

    def _place(self, i: int, model: int, j: int) -> None:
        """Move a student's score, then a schoolmate's by hundredths, for the residual wanted."""
        own = self.scores.influence(i, model) * UNIT
        for _ in range(2):
            left = FIVE[j, model] - self.scores.residuals(self.y)[i, model]
            self.y[i] = round(self.y[i] + round(left / own[i]) * UNIT, 2)
        left = FIVE[j, model] - self.scores.residuals(self.y)[i, model]
        mates = np.flatnonzero(self.scores.school == self.scores.school[i])
        mates = mates[mates != i]
        steps = np.arange(-20, 21)
        error = np.abs(left - own[mates, None] * steps)
        which, step = np.unravel_index(np.argmin(error), error.shape)
        mate = mates[which]
        self.y[mate] = round(self.y[mate] + steps[step] * UNIT, 2)

    def _stands(self, i: int, model: int, j: int) -> bool:
        """Whether a placed student is right, inside in the other model, and its school quiet."""
        r = self.scores.residuals(self.y)
        school = self.scores.school == self.scores.school[i]
        rest = school & (np.arange(N_STUDENTS) != i)
        inside = (r > FIVE[0] + 0.01).all(axis=1) & (r < FIVE[4] - 0.01).all(axis=1)
        other = r[i, 1 - model]
        return bool(
            abs(r[i, model] - FIVE[j, model]) < CLOSE
            and LOWEST < self.y[i] < HIGHEST
            and np.abs(other - FIVE[:, 1 - model]).min() > 4 * APART
            and FIVE[0, 1 - model] < other < FIVE[4, 1 - model]
            and inside[rest].all()
            and not self.crowded(4 * APART)[rest].any()
        )

    def count(self) -> bool:
        """Move single students across quartiles until each has its share; False if none had to."""
        changed = False
        for model, j in PLACES[4:]:
            for _ in range(100):
                target = FIVE[j, model]
                r = self.scores.residuals(self.y)[:, model] - target
                r[self.pinned[model, j]] = np.nan
                excess = int((r < 0).sum()) - RANKS[j]
                close = np.abs(r) < APART
                if excess == 0 and not close.any():
                    break
                changed = True
                movable = ~self.held() & ~self.crowded(5 * ROOM, (model, j))
                side = np.where((r < 0) if excess > 0 else (r > 0), np.abs(r), np.inf)
                side[~movable] = np.inf
                for i in np.argsort(side, kind="stable")[: abs(excess)].tolist():
                    self._shift(i, r[i], 1 if excess > 0 else -1, model)
                for i in np.flatnonzero(close).tolist() if excess == 0 else []:
                    self._shift(i, r[i], 1 if r[i] > 0 else -1, model)
            else:
                raise RuntimeError("the quartiles do not settle")
        return changed

    def _shift(self, i: int, r: float, way: int, model: int) -> None:
        """Move student i to the given side of a quantile from which the residual is r away."""
        step = self.scores.influence(i, model)[i] * UNIT
        steps = max(1, int(np.ceil((2 * APART - way * r) / step)))
        self.y[i] = round(self.y[i] + way * steps * UNIT, 2)


# What the printed digits allow, with room to spare; in the order of eq.EQUATIONS.
TOLERANCE = np.array([*[2e-7] * 4, 5e-5, *[1e-5] * 3, 3e-8, 3e-7, 3e-8, 5e-6, 2e-6])
# First all but the fixed effects and s2; these then by pairs within schools, which change the
# others little.
COARSE = TOLERANCE * [*[5] * 4, *[0.5] * 4, 0.5, 10, 0.5, 0.5, 0.5]
SAMPLE = 200_000


def settle(y: np.ndarray, scores: Scores, rng: np.random.Generator) -> np.ndarray:
    """Round scores to hundredths so that estimates and quantiles are the lecture's."""
    pins = Pins(y, scores)
    for _ in range(10):
        pins.count()
        free = pins.free()
        moved = np.round(newton(pins.y, scores, free), 2)
        pins.y = balance(moved, scores, free)
        if not pins.count():
            return finish(pins.y, scores, free, rng)
    raise RuntimeError("scores and quantiles do not settle together")


def balance(y: np.ndarray, scores: Scores, free: np.ndarray) -> np.ndarray:
    """Change single scores by 0.01 while that helps, in coordinates where steps are round."""
    steps = scores.slopes(y)[free] * UNIT
    round_off = np.linalg.inv(np.linalg.cholesky(steps.T @ steps / len(steps)))
    return descend(
        y,
        lambda x: round_off @ scores.off(x),
        lambda x: scores.slopes(x) @ round_off.T,
        np.ones(len(round_off)),
        free,
        2,
    )


def finish(y: np.ndarray, scores: Scores, free: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a few scores by 0.01 so that every estimate meets its tolerance."""
    who = np.flatnonzero(free)
    for _ in range(10):
        coarse = search(y, scores, *anyone(who, rng, SAMPLE), COARSE)
        fine = search(coarse, scores, *mates(who, scores, rng), TOLERANCE)
        if np.all(np.abs(scores.off(fine)) < TOLERANCE):
            return fine
    raise RuntimeError("no change of a few scores meets the tolerances")


def anyone(who: np.ndarray, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Twice ``count`` pairs of students and of directions."""
    return rng.choice(who, size=(2 * count, 2)), rng.choice([1, -1], size=(2 * count, 2))


def mates(
    who: np.ndarray, scores: Scores, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of students of one school, the first to go up, the second down."""
    pairs = []
    for _ in range(2 * SAMPLE // len(who)):
        shuffled = who[np.lexsort((rng.random(len(who)), scores.school[who]))]
        pairs.append(np.column_stack([shuffled[:-1], shuffled[1:]]))
    neighbours = rng.permutation(np.concatenate(pairs))
    school = scores.school[neighbours]
    neighbours = neighbours[school[:, 0] == school[:, 1]]
    return neighbours, np.broadcast_to([1, -1], neighbours.shape)


def search(
    y: np.ndarray, scores: Scores, who: np.ndarray, ways: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """Change two pairs of scores, found by meeting in the middle, where that helps.

    Parameters
    ----------
    y : ndarray, shape (12974,)
    who, ways : ndarrays of int, shape (pairs, 2)
        Students of each pair and the direction, 1 or -1, of each; a pair of the first half is
        joined with one of the second.
    tolerance : ndarray, shape (13,)
        Unit of each equation; the root mean square in these units is made small.
    """
    steps = (scores.slopes(y)[who] * ways[..., None]).sum(axis=1) * UNIT / tolerance
    half = len(who) // 2
    gap = scores.off(y) / tolerance
    tree = cKDTree(steps[:half])
    bound = min(2.0, float(np.linalg.norm(gap)))
    found = tree.query(-(gap + steps[half:]), distance_upper_bound=bound)
    distance, first = np.asarray(found[0]), np.asarray(found[1])
    second = int(np.argmin(distance))
    if not np.isfinite(distance[second]):
        return y
    new = y.copy()
    for pair in (first[second], half + second):
        new[who[pair]] += UNIT * ways[pair]
    return np.round(new, 2)

"""Reconstruct the wheat table: 10 regions of 5 plots whose summaries are the lecture's.

The lecture (Peter Hoff, "Review of maximum likelihood estimation", 560 Hierarchical modeling)
prints summaries of 50 wheat yields but not the yields. A balanced one-way table enters the
numbers printed there only through three sums and, for the scaled residuals, through a few order
statistics. So yields are drawn at random and moved, as little as needed, until those sums and
order statistics are the lecture's. Yields are whole hundredths and the sums are met exactly, in
integers.

Run ``python scripts/make_wheat.py [directory]``; it writes ``wheat.csv`` there, by default into
the package's own data folder.
"""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np

REGIONS, PLOTS = 10, 5
N = REGIONS * PLOTS
SEEDS = range(1, 2000)

# In hundredths: the only whole numbers within rounding of the printed mean 16.3064,
# MSE 1.787206 and method-of-moments tau^2 0.3840768.
TOTAL = 81_532  # sum of the yields
TOTALS_SQUARED = 666_415_118  # sum of the squared region totals
YIELDS_SQUARED = 133_997_906  # sum of the squared yields

GRAND = TOTAL / N
SIGMA2 = (YIELDS_SQUARED - TOTALS_SQUARED / PLOTS) / (N - REGIONS)
BETWEEN = (TOTALS_SQUARED / PLOTS - TOTAL**2 / N) / REGIONS
SIGMA = math.sqrt(SIGMA2)
SHRINK = 1 - SIGMA2 / BETWEEN  # weight of a region's own mean at the ML estimates

# Scaled residuals of the ML fit: minimum, quartiles (R's type 7), maximum; each is a weighted
# mean of ordered residuals.
QUANTILES = np.array([-2.7913, -0.6035, 0.1311, 0.6520, 1.7262])
PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
PINS: tuple[dict[int, float], ...] = (
    {0: 1.0},
    {12: 0.75, 13: 0.25},
    {24: 0.5, 25: 0.5},
    {36: 0.25, 37: 0.75},
    {49: 1.0},
)
PINNED = [place for pin in PINS for place in pin]
TOLERANCE = 3e-5  # of a scaled residual; the lecture shows steps of 1e-4
CLEAR = 0.008  # room left beside a pinned residual for rounding to hundredths
REACH = 100  # how far a region's total may move from the draw's, in hundredths


def fitted(totals: np.ndarray) -> np.ndarray:
    """Conditional means of regions, in hundredths, from their totals."""
    return GRAND + SHRINK * (totals / PLOTS - GRAND)


def quantiles(yields: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Five-number summary of the scaled residuals."""
    totals = np.bincount(region, yields, REGIONS)
    return np.quantile((yields - fitted(totals)[region]) / SIGMA, PROBABILITIES)


def keeps_ranks(residual: np.ndarray) -> bool:
    """Whether each pinned residual still has as many residuals below it as its place says."""
    return all(
        (np.delete(residual, place) < residual[place] - CLEAR).sum() == place
        and (np.delete(residual, place) > residual[place] + CLEAR).sum() == N - 1 - place
        for place in PINNED
    )


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw sorted scaled residuals that meet every target, ignoring whole hundredths.

    Returns
    -------
    (residual, region) : ndarrays of shape (50,), or None if the draw lies too far away.
    """
    start = np.sort(rng.normal(size=N))
    region = np.empty(N, dtype=int)
    # The pinned plots stand in regions of their own, so that each can be placed by itself.
    region[PINNED] = rng.permutation(len(PINNED))
    left = np.repeat(np.arange(REGIONS), PLOTS - (np.arange(REGIONS) < len(PINNED)))
    region[np.setdiff1d(np.arange(N), PINNED)] = rng.permutation(left)
    own = [sum(w * start[i] for i, w in pin.items()) for pin in PINS]
    residual = np.interp(start, own, QUANTILES)
    weights = np.array([np.bincount(list(pin), list(pin.values()), N) for pin in PINS])
    spread = REGIONS * BETWEEN / PLOTS * (1 - SHRINK) ** 2 / SIGMA2
    for _ in range(50):
        means = np.bincount(region, residual, REGIONS) / PLOTS
        within = residual - means[region]
        gap = np.array([-residual.sum(), N - REGIONS - within @ within, spread - means @ means])
        gap = np.append(gap, QUANTILES - weights @ residual)
        slopes = np.vstack([np.ones(N), 2 * within, 2 * means[region] / PLOTS, weights])
        if np.abs(gap).max() < 1e-10:
            return (residual, region) if keeps_ranks(residual) else None
        residual = residual + np.linalg.lstsq(slopes, gap, rcond=None)[0]
    return None


def whole_choices(
    residual: np.ndarray, region: np.ndarray, totals: np.ndarray
) -> list[list[tuple[tuple[int, int, int], ...]]]:
    """For each quantile, the ways to meet it with whole totals and a whole pinned yield.

    Returns
    -------
    list over quantiles of lists of ways
        A way is a tuple of (place, region total, yield), one for each place of the quantile.
    """
    steps = np.arange(-REACH, REACH + 1)
    ways_of_all = []
    for target, pin in zip(QUANTILES, PINS, strict=True):
        sides = []
        for place, weight in pin.items():
            total = np.rint(totals[region[place]]).astype(int) + steps
            whole = np.rint(fitted(total) + SIGMA * residual[place]).astype(int)
            share = weight * (whole - fitted(total)) / SIGMA
            sides.append([(place, *row) for row in zip(total, whole, share, strict=True)])
        ways = [
            tuple((place, int(total), int(whole)) for place, total, whole, _ in way)
            for way in itertools.product(*sides)
            if abs(sum(side[3] for side in way) - target) < TOLERANCE
        ]
        ways_of_all.append(ways)
    return ways_of_all


def whole_totals(
    rng: np.random.Generator, residual: np.ndarray, region: np.ndarray
) -> tuple[np.ndarray, dict[int, int]] | None:
    """Choose whole region totals with the right sum and sum of squares, and the pinned yields."""
    totals = PLOTS * GRAND + SIGMA * np.bincount(region, residual, REGIONS) / (1 - SHRINK)
    choices = whole_choices(residual, region, totals)
    if not all(choices):
        return None
    best, best_shift = None, math.inf
    for _ in range(20_000):
        picked = [ways[rng.integers(len(ways))] for ways in choices]
        new = np.zeros(REGIONS, dtype=np.int64)
        pinned = {}
        for place, total, whole in itertools.chain.from_iterable(picked):
            new[region[place]] = total
            pinned[place] = whole
        # The last two regions hold no pinned plot: their totals solve the two equations.
        rest = TOTAL - int(new.sum())
        square = 2 * (TOTALS_SQUARED - int(new @ new)) - rest**2
        root = math.isqrt(max(square, 0))
        if root**2 != square or (rest - root) % 2:
            continue
        pair = sorted([(rest - root) // 2, (rest + root) // 2])
        new[-2:] = pair if totals[-2] < totals[-1] else pair[::-1]
        shift = np.abs(new - totals).max()
        if shift < best_shift:
            best, best_shift = (new, pinned), shift
    return best if best_shift <= 2 * REACH else None


def whole_yields(
    residual: np.ndarray, region: np.ndarray, totals: np.ndarray, pinned: dict[int, int]
) -> np.ndarray:
    """Round to whole yields with the given region totals and pinned yields."""
    yields = fitted(totals)[region] + SIGMA * residual
    free = np.array([i not in pinned for i in range(N)])
    yields[list(pinned)] = list(pinned.values())
    for j in range(REGIONS):
        mine = np.flatnonzero((region == j) & free)
        yields[mine] += (totals[j] - yields[region == j].sum()) / len(mine)
        floor = np.floor(yields[mine])
        short = round(yields[mine].sum() - floor.sum())
        floor[np.argsort(floor - yields[mine])[:short]] += 1
        yields[mine] = floor
    return yields.astype(np.int64)


def meet_squares(
    yields: np.ndarray, region: np.ndarray, pinned: dict[int, int]
) -> np.ndarray | None:
    """Move hundredths between plots of a region until the sum of squares is exact."""
    pairs = np.array(
        [
            (a, b)
            for a, b in itertools.permutations(range(N), 2)
            if region[a] == region[b] and a not in pinned and b not in pinned
        ]
    )
    yields = yields.copy()
    for _ in range(400):
        gap = YIELDS_SQUARED - int(yields @ yields)
        if gap == 0:
            return yields
        change = 2 * (yields[pairs[:, 0]] - yields[pairs[:, 1]]) + 2
        for best in np.argsort(np.abs(gap - change), kind="stable"):
            up, down = pairs[best]
            moved = yields.copy()
            moved[up] += 1
            moved[down] -= 1
            if np.abs(quantiles(moved, region) - QUANTILES).max() < TOLERANCE:
                yields = moved
                break
        else:
            return None
    return None


def make_wheat() -> tuple[np.ndarray, np.ndarray]:
    """Return the yields in hundredths and their regions 1 to 10, sorted by region.

    Returns
    -------
    (yields, region) : ndarrays of int, shape (50,)
    """
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        drawn = draw(rng)
        chosen = drawn and whole_totals(rng, *drawn)
        if not drawn or not chosen:
            continue
        residual, region = drawn
        rounded = whole_yields(residual, region, *chosen)
        yields = meet_squares(rounded, region, chosen[1])
        if yields is not None:
            label = rng.permutation(REGIONS)[region]
            order = np.lexsort((rng.random(N), label))
            return yields[order], label[order] + 1
    raise RuntimeError("no seed gave a table; widen SEEDS or REACH")


def main(directory: Path) -> None:
    """Write ``wheat.csv`` into ``directory``."""
    yields, region = make_wheat()
    rows = [f"{y / 100:.2f},{j}" for y, j in zip(yields, region, strict=True)]
    text = "\n".join(["yield,region", *rows]) + "\n"
    (directory / "wheat.csv").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "mixedwidgets" / "data"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)

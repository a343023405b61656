"""How often intervals cover the truth: the wheat design, simulated at several tau.

Ten groups of five observations, mu and sigma as estimated from the wheat; every data set is fitted
by maximum likelihood. Prints a table in Markdown: the share of 95 % intervals that cover tau,
sigma and mu, with its Monte-Carlo standard error. Where tau is estimated as zero it has no standard
error, and Wald's interval, which then excludes nothing, counts as covering; a column of its own
leaves these data sets out.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _common import limit_threads, print_machine

import mixedwidgets as mw

GROUPS, SIZE = 10, 5
TAUS = (0.0, 0.1, 0.3, 0.557, 1.0)  # 0.557: as estimated from the wheat
PARAMETERS = ("sd_(Intercept)|region", "sigma", "(Intercept)")
LEVEL = 0.95
CHUNK = 50  # data sets that one process works on at a time
METHODS: dict[str, dict[str, Any]] = {
    "Wald on τ": {"method": "wald", "scale": "sd"},
    "Wald on τ²": {"method": "wald", "scale": "variance"},
    "Wald on log τ": {"method": "wald", "scale": "log"},
    "profile likelihood": {"method": "profile"},
}
BOOTSTRAPS = {"bootstrap, percentile": "percentile", "bootstrap, basic": "basic"}


class Task(NamedTuple):
    """Some of the data sets with one tau.

    Attributes
    ----------
    tau : float
    sets : int
        How many data sets.
    boot : int
        Replicates of the bootstrap.
    seed : tuple of int
        Tells the data sets of one task from those of others.
    """

    tau: float
    sets: int
    boot: int
    seed: tuple[int, ...]


class Counted(NamedTuple):
    """What was found: which intervals cover, (sets, methods, parameters), and which tau are zero.

    Attributes
    ----------
    covers : (sets, methods, 3) array of bool
    zero : (sets,) array of bool
    """

    covers: np.ndarray
    zero: np.ndarray


def wheat_estimates() -> tuple[float, float]:
    """Return mu and sigma as estimated from the wheat."""
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    return float(fit.fixef.iloc[0]), fit.sigma


def simulate(task: Task) -> Counted:
    """Simulate data sets and look which intervals cover the truth."""
    mu, sigma = wheat_estimates()
    truth = np.array([task.tau, sigma, mu])
    rng = np.random.default_rng(task.seed)
    region = np.repeat(np.arange(1, GROUPS + 1), SIZE)
    effects = task.tau * rng.standard_normal((task.sets, GROUPS))
    noise = sigma * rng.standard_normal((task.sets, GROUPS * SIZE))
    responses = mu + np.repeat(effects, SIZE, axis=1) + noise
    data = pd.DataFrame({"yield": responses[0], "region": region})
    first = mw.lmer("yield ~ 1 + (1 | region)", data, REML=False)
    covers, zero = [], []
    for number, y in enumerate(responses):
        fit = first.refit(y)
        limits = [*asked(fit), *bootstrapped(fit, task.boot, [*task.seed, number])]
        covers.append([(low <= truth) & (truth <= high) for low, high in limits])
        zero.append(fit.theta.iloc[0] == 0.0)
    return Counted(np.array(covers), np.array(zero))


def asked(fit: mw.Fit) -> Iterator[np.ndarray]:
    """Lower and upper limits by every method but the bootstrap, all as standard deviations."""
    for how in METHODS.values():
        limits = fit.confint(level=LEVEL, report="sd", **how)
        yield limits.loc[list(PARAMETERS)].to_numpy().T


def bootstrapped(fit: mw.Fit, nsim: int, seed: list[int]) -> Iterator[np.ndarray]:
    """Lower and upper limits by the bootstrap, both kinds from the same replicates."""
    boot = fit.bootstrap(nsim, np.random.SeedSequence(seed))
    for kind in BOOTSTRAPS.values():
        yield boot.confint(list(PARAMETERS), LEVEL, kind).to_numpy().T


def tasks(sets: int, boot: int, seed: int) -> list[Task]:
    """Return all that there is to do; the numbers do not depend on the number of processes."""
    return [
        Task(tau, min(CHUNK, sets - start), boot, (seed, number, start))
        for number, tau in enumerate(TAUS)
        for start in range(0, sets, CHUNK)
    ]


def percent(covers: np.ndarray) -> str:
    """Return a share in percent with its standard error.

    The error is that of Agresti and Coull (1998), which is not zero at 0 and 100 %.
    """
    n = len(covers)
    if not n:
        return "–"
    middle = (np.count_nonzero(covers) + 2) / (n + 4)
    return f"{100 * covers.mean():.1f} ± {100 * np.sqrt(middle * (1 - middle) / (n + 4)):.1f}"


def table(found: dict[float, Counted]) -> str:
    """Return the table in Markdown."""
    heads = ("τ", "estimated as 0", "interval", "covers τ", "where τ̂ > 0", "covers σ", "covers μ")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for tau, counted in found.items():
        zero, first = counted.zero, (f"{tau:g}", f"{percent(counted.zero)} %")
        for method, name in enumerate([*METHODS, *BOOTSTRAPS]):
            tau_too, sigma_too, mu_too = counted.covers[:, method].T
            cells = (tau_too, tau_too[~zero], sigma_too, mu_too)
            lines.append(f"| {' | '.join([*first, name, *map(percent, cells)])} |")
            first = ("", "")
    return "\n".join(lines)


def main() -> int:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000, help="data sets at each tau (1000)")
    parser.add_argument("--boot", type=int, default=199, help="bootstrap replicates (199)")
    parser.add_argument("--seed", type=int, default=560, help="seed (560)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (one for each processor)"
    )
    chosen = parser.parse_args()
    limit_threads()
    print_machine()
    mu, sigma = wheat_estimates()
    started = time.perf_counter()
    todo = tasks(chosen.sets, chosen.boot, chosen.seed)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        done = list(zip(todo, pool.map(simulate, todo), strict=True))
    found = {}
    for tau in TAUS:
        parts = [counted for task, counted in done if task.tau == tau]
        found[tau] = Counted(
            np.concatenate([p.covers for p in parts]), np.concatenate([p.zero for p in parts])
        )
    print(
        f"Coverage in % of {100 * LEVEL:g} % intervals, ± one Monte-Carlo standard error: "
        f"{chosen.sets} data sets at each τ of {GROUPS} groups of {SIZE}, μ = {mu:.4f}, "
        f"σ = {sigma:.4f}, seed {chosen.seed}; maximum likelihood; {chosen.boot} replicates in "
        f"each bootstrap.\n\n{table(found)}\n"
    )
    print(f"{time.perf_counter() - started:.0f} s in {chosen.jobs} processes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

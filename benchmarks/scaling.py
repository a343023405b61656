"""Measure how time and memory of a fit grow with the rows, the groups staying the same.

Reading the rows (design and cross-products) should take time in proportion to their number, the
search for the optimum after it none that depends on it. Each size is measured in a process of its
own, which fits a small model first, so that what is imported or cached is not counted as memory:

- resident: the highest resident memory during ``lmer`` above that before it, with the DataFrame
  there already (Linux only; elsewhere NaN);
- allocated: the peak of what Python and numpy allocate during ``lmer``, by ``tracemalloc``, in a
  second fit;
- kept: what the fit still holds of it afterwards.

All are given in multiples of the numeric data: the bytes of the columns that the model uses,
without any copy of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from _common import limit_threads, print_machine, settle_garbage, verdict

import mixedwidgets as mw
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.moments import moments

SIZES = (10_000, 100_000, 1_000_000)
GROUPS = 500
FORMULA = "y ~ x + z + (x | g)"
PEAK = 3.0  # times the numeric data
LINEAR = 1.5  # times the growth of the rows: what still counts as linear
INDEPENDENT = 1.5  # growth of the search from the fewest rows to the most
RUNS = 5


def rows(n: int) -> pd.DataFrame:
    """Generate n rows in groups of equal size, in order; all columns are used by the model."""
    rng = np.random.default_rng(n)
    g = np.repeat(np.arange(GROUPS), n // GROUPS)
    x, z = rng.normal(size=(2, n))
    y = 1.0 + x + rng.normal(0.0, 0.5, GROUPS)[g] + rng.normal(0.0, 0.3, GROUPS)[g] * x
    return pd.DataFrame({"y": y + rng.normal(size=n), "x": x, "z": z, "g": g})


def _resident(what: str) -> float:
    """Bytes of ``VmRSS`` or ``VmHWM`` of this process, or NaN where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(what):
                return 1024.0 * float(line.split()[1])
    return float("nan")


def _forget_peak() -> None:
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")  # Linux: the highest resident memory starts anew


def _stages(data: pd.DataFrame) -> dict[str, float]:
    """Time the steps of ``lmer``, the median of some runs each."""
    seconds: dict[str, list[float]] = {"design": [], "moments": [], "search": []}
    spec = parse(FORMULA)
    for _ in range(RUNS):
        copy = data.copy()
        times = [time.perf_counter()]
        design = build(spec, copy)
        times.append(time.perf_counter())
        products = moments(design)
        times.append(time.perf_counter())
        estimate(products, True)
        times.append(time.perf_counter())
        for name, took in zip(seconds, np.diff(times), strict=True):
            seconds[name].append(float(took))
    return {name: float(np.median(values)) for name, values in seconds.items()}


def measure_here(n: int) -> dict[str, float]:
    """Measure one size in this process.

    Returns
    -------
    dict of str to float
        Seconds of ``design``, ``moments`` and ``search``; ``resident``, ``allocated`` and ``kept``
        in multiples of the data.
    """
    mw.lmer(FORMULA, rows(4 * GROUPS))
    data = rows(n)
    size = float(data.memory_usage(index=False).sum())
    settle_garbage()
    before = _resident("VmRSS")
    _forget_peak()
    fit = mw.lmer(FORMULA, data)
    resident = _resident("VmHWM") - before
    del fit
    tracemalloc.start()
    fit = mw.lmer(FORMULA, data)
    kept, allocated = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del fit
    memory = {"resident": resident, "allocated": float(allocated), "kept": float(kept)}
    return _stages(data) | {name: value / size for name, value in memory.items()}


def measure_apart(n: int) -> dict[str, float]:
    """Measure one size in a process of its own."""
    command = [sys.executable, __file__, "--here", str(n)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: float(value) for name, value in json.loads(answer).items()}


def table(found: dict[int, dict[str, float]]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| rows | design | cross-products | search | peak resident | peak allocated | kept |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for n, values in found.items():
        seconds = [f"{1e3 * values[name]:.2f} ms" for name in ("design", "moments", "search")]
        memory = [f"{values[name]:.1f} x data" for name in ("resident", "allocated", "kept")]
        lines.append("| " + " | ".join([f"{n:,}", *seconds, *memory]) + " |")
    return "\n".join(lines)


def judge(found: dict[int, dict[str, float]]) -> bool:
    """Print which goals are met."""
    first, last = found[SIZES[1]], found[SIZES[-1]]
    growth = SIZES[-1] / SIZES[1]
    reading = (last["design"] + last["moments"]) / (first["design"] + first["moments"])
    search = last["search"] / found[SIZES[0]]["search"]
    peaks = [last[name] for name in ("resident", "allocated") if not np.isnan(last[name])]

    met = [
        verdict(
            f"reading, growth for {growth:g} times the rows",
            reading,
            LINEAR * growth,
            at_least=False,
        ),
        verdict("search, growth from fewest to most rows", search, INDEPENDENT, at_least=False),
        verdict("peak memory / data", max(peaks), PEAK, at_least=False),
        verdict("peak memory with the DataFrame / data", max(peaks) + 1.0, PEAK, at_least=False),
    ]
    return all(met[:3])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", type=int, help="measure this many rows, in this process")
    options = parser.parse_args()
    limit_threads()
    if options.here:
        print(json.dumps(measure_here(options.here)))
        return 0
    print_machine()
    print(f"{FORMULA}, REML, {GROUPS} groups")
    found = {n: measure_apart(n) for n in SIZES}
    print(f"\n{table(found)}\n")
    return 0 if judge(found) else 1


if __name__ == "__main__":
    sys.exit(main())

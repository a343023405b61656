"""What all benchmarks share: one thread, a stopwatch, the machine, and a verdict on a goal."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
from threadpoolctl import threadpool_info, threadpool_limits

import mixedwidgets as mw

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def limit_threads() -> int:
    """Hold everything that is compared to one thread; return the number of threads.

    BLAS is told in this process; the variables hold for what starts later, which are R, child
    processes and the thread pool of mixedlm's Rust code. ``OPENBLAS_NUM_THREADS=2`` in the
    environment gives two threads to all of them.
    """
    threads = int(os.environ.get("OPENBLAS_NUM_THREADS", "1"))
    for name in VARIABLES:
        os.environ[name] = str(threads)
    threadpool_limits(threads)
    return threads


def settle_garbage() -> None:
    """Take what has been imported so far out of Python's garbage collection."""
    gc.collect()
    gc.freeze()


def stopwatch(work: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[float, Any]:
    """Return the seconds that a call took, and its value; garbage is collected before."""
    gc.collect()
    started = time.perf_counter()
    value = work(*arguments, **named)
    return time.perf_counter() - started, value


def quantile(seconds: Sequence[float], probability: float) -> float:
    """Return an empirical quantile, interpolated."""
    return float(np.quantile(np.asarray(seconds), probability))


def row(name: str, seconds: Sequence[float], ours: Sequence[float] | None = None) -> str:
    """One line of a table of timings: median, range, runs, and the ratios to ours.

    The ratio of medians is the result; that of the fastest runs, which other work on the machine
    disturbs least, shows how far to trust it.
    """
    middle, ratio = statistics.median(seconds), ""
    if ours is not None:
        ratio = (
            f"{middle / statistics.median(ours):10.1f} x (fastest {min(seconds) / min(ours):.1f} x)"
        )
    return (
        f"  {name:<14}{1e3 * middle:12.2f} ms"
        f"{1e3 * min(seconds):12.2f} to {1e3 * max(seconds):<10.2f}{len(seconds):5d} runs{ratio}"
    )


def processor() -> str:
    """Name the processor as Linux does, or as Python does elsewhere."""
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def print_machine(*others: str) -> None:
    """Say what runs where, so that figures can be compared."""
    kernels = {
        f"{pool['internal_api']} {pool.get('version', '')} {pool.get('architecture', '')} "
        f"{pool['num_threads']} thread(s)"
        for pool in threadpool_info()
    }
    print(f"mixedwidgets {mw.__version__}, Python {platform.python_version()}, ", end="")
    print(f"numpy {np.__version__}, scipy {scipy.__version__}, pandas {pd.__version__}")
    for other in others:
        print(other)
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors: {processor()}")
    if hasattr(os, "getloadavg"):
        print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
    print(f"our linear algebra: {', '.join(sorted(kernels))}")
    limits = {os.environ.get(name, "no limit") for name in VARIABLES}
    print(f"threads of every program compared: {' or '.join(sorted(limits))}\n", flush=True)


def verdict(what: str, reached: float, goal: float, *, at_least: bool) -> bool:
    """Print whether a figure meets its goal, and return it."""
    met = reached >= goal if at_least else reached <= goal
    bound = "at least" if at_least else "at most"
    missed = "NOT MET" if np.isfinite(reached) else "NOT MEASURED"
    print(f"  {what}: {reached:.1f}, goal {bound} {goal:g}: {'met' if met else missed}")
    return met

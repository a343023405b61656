"""What the benchmarks share: an R process that times lme4, a stopwatch, and the printing."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy
from threadpoolctl import threadpool_info

import mixedwidgets as mw

SLOPE_MODEL = "mscore ~ flp + enroll + ses + (ses | school)"
NULL_MODEL = "mscore ~ 1 + (1 | school)"


class Lme4:
    """One long-lived R process that fits with lme4 and times itself.

    Parameters
    ----------
    data : DataFrame
        The rows, handed over as a CSV file.
    group : str
        The grouping column, made a factor in R before anything is timed.
    """

    def __init__(self, data: pd.DataFrame, group: str):
        script = Path(__file__).with_name("lme4_server.R")
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.description = ", ".join(self._ask("describe")[1:])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            data.to_csv(path, index=False, na_rep="NA")
            self._ask("load", str(path), group)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _ask(self, *fields: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(fields) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n").split("\t")
        if answer[0] in ("", "ERROR"):
            raise RuntimeError(f"R could not answer {fields[0]!r}: {' '.join(answer[1:])}")
        return answer

    def fit(self, formula: str, reml: bool) -> tuple[float, float, np.ndarray]:
        """Fit once; return seconds, log-likelihood and standard errors of the fixed effects."""
        took, loglik, *se = map(float, self._ask("fit", formula, "REML" if reml else "ML"))
        return took, loglik, np.array(se)

    def confint(self) -> tuple[float, dict[str, tuple[float, float]]]:
        """Profile the last fit; return seconds and the 95 % limits by lme4's names."""
        took, *rows = self._ask("confint")
        limits = {}
        for row in rows:
            name, lower, upper = row.rsplit("=", 2)
            limits[name] = (float(lower), float(upper))
        return float(took), limits


def stopwatch(work: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[float, Any]:
    """Return the seconds that a call took, and its value."""
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


def print_machine(*others: str) -> None:
    """Say what runs where, so that figures can be compared."""
    kernels = {
        f"{pool['internal_api']} {pool.get('architecture', '')} {pool['num_threads']} thread(s)"
        for pool in threadpool_info()
    }
    variables = {name: os.environ[name] for name in sorted(os.environ) if "BLAS" in name}
    print(f"mixedwidgets {mw.__version__}, Python {platform.python_version()}, ", end="")
    print(f"numpy {np.__version__}, scipy {scipy.__version__}, pandas {pd.__version__}")
    for other in others:
        print(other)
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors")
    print(f"linear algebra: {', '.join(sorted(kernels))}; {variables or 'no variables set'}\n")


def verdict(what: str, reached: float, goal: float, *, at_least: bool) -> bool:
    """Print whether a figure meets its goal, and return it."""
    met = reached >= goal if at_least else reached <= goal
    bound = "at least" if at_least else "at most"
    print(f"  {what}: {reached:.1f}, goal {bound} {goal:g}: {'met' if met else 'NOT MET'}")
    return met

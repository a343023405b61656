"""The command line of the benchmarks, and the run that they share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from _common import limit_threads, print_machine, settle_garbage
from _compare import Line, markdown
from _lme4 import Lme4
from _peers import versions

SLOPE_MODEL = "mscore ~ flp + enroll + ses + (ses | school)"


class Options(NamedTuple):
    """How often to fit.

    Attributes
    ----------
    runs : int
        Fits of milliseconds.
    few : int
        Fits of a second.
    """

    runs: int
    few: int


Measure = Callable[[Options, Lme4], list[Line]]


def main_for(measure: Measure, description: str | None) -> int:
    """Run benchmarks against lme4; print the table and return the exit status.

    Parameters
    ----------
    measure : callable
        What measures, prints what it finds, and returns lines of the table.
    description : str, optional
        For ``--help``.

    Returns
    -------
    int
        0 if every goal is met, else 1.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=30, help="fits of milliseconds (default 30)")
    parser.add_argument("--few", type=int, default=3, help="fits of a second or more (default 3)")
    chosen = parser.parse_args()
    limit_threads()
    settle_garbage()
    with Lme4() as lme4:
        print_machine(lme4.description, versions())
        lines = measure(Options(chosen.runs, chosen.few), lme4)
    print(f"\n{markdown(lines)}\n")
    goals = [met for line in lines for met in line.met]
    print(f"{sum(goals)} of {len(goals)} goals met")
    return 0 if all(goals) else 1

"""Time the profile intervals of every parameter against lme4's ``confint``, in turns."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from _common import row, stopwatch, verdict
from _compare import Line
from _lme4 import Lme4
from _main import SLOPE_MODEL, Options, main_for

import mixedwidgets as mw

GOAL = 40.0
RUNS_OF_OURS = 5  # for each of lme4's, which takes about ten seconds


def off_by(ours: pd.DataFrame, lme4: dict[str, tuple[float, float]]) -> pd.Series:
    """Return the largest relative difference of the two limits, for each parameter of lme4."""
    theirs = pd.DataFrame.from_dict(lme4, orient="index").to_numpy()
    limits = ours.loc[list(lme4)].to_numpy()
    return pd.Series(np.max(np.abs(limits / theirs - 1), axis=1), index=list(lme4))


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time all intervals of one fit after another, never twice those of the same."""
    data = mw.load("schools")
    seconds: dict[str, list[float]] = {"mixedwidgets": [], "lme4": []}
    lme4.load(data, ["school"])
    mw.lmer(SLOPE_MODEL, data.copy(), REML=False).confint(method="profile")
    lme4.fit(SLOPE_MODEL, reml=False)
    for _ in range(options.few):
        for _ in range(RUNS_OF_OURS):
            fit = mw.lmer(SLOPE_MODEL, data.copy(), REML=False)
            took, limits = stopwatch(fit.confint, method="profile")
            seconds["mixedwidgets"].append(took)
        took, lme4_limits = lme4.confint()
        seconds["lme4"].append(took)
    print(f"95 % profile intervals of all {len(limits)} parameters: {SLOPE_MODEL}, ML")
    print(row("mixedwidgets", seconds["mixedwidgets"]))
    print(row("lme4", seconds["lme4"], seconds["mixedwidgets"]))
    print("  limits, largest relative difference (lme4's have three to four digits):")
    for name, difference in off_by(limits, lme4_limits).items():
        lower, upper = limits.loc[name]
        print(f"    {name:<28}{lower:12.6f}{upper:12.6f}{difference:12.1e}")
    line = Line(f"profile intervals of its {len(limits)} parameters", seconds, ())
    met = verdict("times as fast as lme4", line.ratio("lme4"), GOAL, at_least=True)
    print(flush=True)
    return [Line(line.what, seconds, (met,))]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

"""Time the profile intervals of every parameter against lme4's ``confint``, in turns."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd
from _common import SLOPE_MODEL, Lme4, print_machine, row, stopwatch, verdict

import mixedwidgets as mw

GOAL = 40.0
RUNS_OF_OURS = 5  # for each of lme4's, which takes about twenty seconds


def off_by(ours: pd.DataFrame, lme4: dict[str, tuple[float, float]]) -> pd.Series:
    """Return the largest relative difference of the two limits, for each parameter of lme4."""
    theirs = pd.DataFrame.from_dict(lme4, orient="index").to_numpy()
    limits = ours.loc[list(lme4)].to_numpy()
    return pd.Series(np.max(np.abs(limits / theirs - 1), axis=1), index=list(lme4))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of lme4's (default 3)")
    options = parser.parse_args()
    data = mw.load("schools")
    seconds: list[float] = []
    lme4_seconds: list[float] = []
    with Lme4(data, "school") as lme4:
        print_machine(lme4.description)
        mw.lmer(SLOPE_MODEL, data.copy(), REML=False).confint(method="profile")
        lme4.fit(SLOPE_MODEL, reml=False)
        for _ in range(options.runs):
            for _ in range(RUNS_OF_OURS):
                fit = mw.lmer(SLOPE_MODEL, data.copy(), REML=False)
                took, limits = stopwatch(fit.confint, method="profile")
                seconds.append(took)
            took, lme4_limits = lme4.confint()
            lme4_seconds.append(took)
    print(f"95 % profile intervals of all {len(limits)} parameters: {SLOPE_MODEL}, ML")
    print(row("mixedwidgets", seconds))
    print(row("lme4", lme4_seconds, seconds))
    print("  limits, largest relative difference (lme4's have three to four digits):")
    for name, difference in off_by(limits, lme4_limits).items():
        lower, upper = limits.loc[name]
        print(f"    {name:<28}{lower:12.6f}{upper:12.6f}{difference:12.1e}")
    ratio = float(np.median(lme4_seconds) / np.median(seconds))
    return 0 if verdict("times as fast as lme4", ratio, GOAL, at_least=True) else 1


if __name__ == "__main__":
    sys.exit(main())

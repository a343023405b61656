"""Time a replicate of the parametric bootstrap against lme4's ``bootMer``, in turns.

Both read every standard deviation, correlation and coefficient off every replicate. Ours draws a
thousand, lme4 as many as it can in seconds; times are for one replicate. By maximum likelihood: in
lme4 1.1-31 ``refit``, and so ``bootMer``, of a fit by REML stops at a criterion above that of a new
fit.
"""

from __future__ import annotations

import sys

import numpy as np
from _common import row, stopwatch, verdict
from _compare import Line
from _lme4 import Lme4
from _main import SLOPE_MODEL, Options, main_for

import mixedwidgets as mw

GOAL = 50.0
OURS, THEIRS = 1000, 20  # replicates in a turn
FAR = 5.0  # standard errors between means that are not of one distribution


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time one bootstrap after another, each from another seed."""
    data = mw.load("schools")
    seconds: dict[str, list[float]] = {"mixedwidgets": [], "lme4": []}
    fit = mw.lmer(SLOPE_MODEL, data, REML=False)
    fit.bootstrap(10)
    lme4.load(data, ["school"])
    lme4.fit(SLOPE_MODEL, reml=False)
    theirs = []
    for seed in range(options.few):
        took, boot = stopwatch(fit.bootstrap, OURS, seed=seed)
        seconds["mixedwidgets"].append(took / OURS)
        took, means = lme4.bootstrap(THEIRS, seed)
        seconds["lme4"].append(took / THEIRS)
        theirs.append(means)
    print(f"a replicate of the parametric bootstrap: {SLOPE_MODEL}, ML")
    print(row("mixedwidgets", seconds["mixedwidgets"]))
    print(row("lme4", seconds["lme4"], seconds["mixedwidgets"]))
    names = [name for name in boot.names if name != "criterion"]
    ours = boot.replicates[names].mean()
    error = boot.se[names] * np.sqrt(1.0 / OURS + 1.0 / (THEIRS * options.few))
    away = (np.mean(theirs, axis=0) - ours.to_numpy()) / error.to_numpy()
    print(f"  means of {OURS} and {THEIRS * options.few} replicates, apart in standard errors:")
    for name, mean, distance in zip(names, ours, away, strict=True):
        print(f"    {name:<28}{mean:12.6f}{distance:8.2f}")
    if np.abs(away).max() > FAR:
        raise SystemExit("The replicates are not of one distribution.")
    line = Line("a replicate of its bootstrap", seconds, ())
    met = verdict("times as fast as lme4's bootMer", line.ratio("lme4"), GOAL, at_least=True)
    print(flush=True)
    return [Line(line.what, seconds, (met,))]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

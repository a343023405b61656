"""Time the profile intervals of one fit against those of lme4 and mixedlm, in turns.

All parameters against lme4's ``confint``, coefficients against mixedlm's, which profiles the fixed
effects alone. Every fit is new, and making it is not timed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping

import mixedlm
import numpy as np
import pandas as pd
from _common import row, stopwatch, verdict
from _compare import Line
from _lme4 import Lme4
from _main import SLOPE_MODEL, Options, main_for

import mixedwidgets as mw

GOAL = 60.0
RUNS_OF_OURS = 5  # for each of a peer's, which takes seconds
FAR = 1e-2  # limits further apart than this, relatively, are of other intervals

Limits = Mapping[str, tuple[float, float]]


def ours(parm: str | None = None) -> tuple[float, pd.DataFrame]:
    """Fit anew, so that nothing is known before; return seconds and limits."""
    fit = mw.lmer(SLOPE_MODEL, mw.load("schools"), REML=False)
    return stopwatch(fit.confint, parm, method="profile")


def by_mixedlm() -> tuple[float, Limits]:
    """The same with mixedlm, for its coefficients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in the fits compared
        fit = mixedlm.lmer(SLOPE_MODEL, mw.load("schools"), REML=False)
        return stopwatch(fit.confint, method="profile")


def off_by(limits: pd.DataFrame, theirs: Limits) -> pd.Series:
    """Return the largest relative difference of the two limits, for each parameter of a peer."""
    other = pd.DataFrame.from_dict(dict(theirs), orient="index").to_numpy()
    away = np.max(np.abs(limits.loc[list(theirs)].to_numpy() / other - 1), axis=1)
    return pd.Series(away, index=list(theirs))


def print_line(
    what: str,
    peer: str,
    seconds: dict[str, list[float]],
    limits: pd.DataFrame,
    theirs: Limits,
    goal: float | None,
) -> Line:
    """Print timings and limits, and judge them."""
    print(f"95 % {what}: {SLOPE_MODEL}, ML")
    print(row("mixedwidgets", seconds["mixedwidgets"]))
    print(row(peer, seconds[peer], seconds["mixedwidgets"]))
    print(f"  limits, largest relative difference from those of {peer}:")
    away = off_by(limits, theirs)
    for name, difference in away.items():
        lower, upper = limits.loc[name]
        print(f"    {name:<28}{lower:12.6f}{upper:12.6f}{difference:12.1e}")
    if not away.max() < FAR:
        raise SystemExit(f"The intervals are not those of {peer}.")
    line = Line(what, seconds, ())
    if goal is not None:
        met = verdict(f"times as fast as {peer}", line.ratio(peer), goal, at_least=True)
        line = Line(what, seconds, (met,))
    print(flush=True)
    return line


def against_lme4(options: Options, lme4: Lme4) -> Line:
    """All parameters, by lme4's profile and ours."""
    seconds: dict[str, list[float]] = {"mixedwidgets": [], "lme4": []}
    lme4.load(mw.load("schools"), ["school"])
    lme4.fit(SLOPE_MODEL, reml=False)
    ours()
    for _ in range(options.few):
        for _ in range(RUNS_OF_OURS):
            took, limits = ours()
            seconds["mixedwidgets"].append(took)
        took, theirs = lme4.confint()
        seconds["lme4"].append(took)
    what = f"profile intervals of its {len(limits)} parameters"
    return print_line(what, "lme4", seconds, limits, theirs, GOAL)


def against_mixedlm(options: Options) -> Line:
    """Coefficients alone, by mixedlm's profile and ours."""
    seconds: dict[str, list[float]] = {"mixedwidgets": [], "mixedlm": []}
    ours("fixed")
    by_mixedlm()
    for _ in range(options.few):
        for _ in range(RUNS_OF_OURS):
            took, limits = ours("fixed")
            seconds["mixedwidgets"].append(took)
        took, theirs = by_mixedlm()
        seconds["mixedlm"].append(took)
    what = f"profile intervals of its {len(limits)} coefficients"
    return print_line(what, "mixedlm", seconds, limits, theirs, None)


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time the intervals of one fit after another, never twice those of the same."""
    return [against_lme4(options, lme4), against_mixedlm(options)]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

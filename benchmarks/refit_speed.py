"""Time a refit on cached cross-products, after a change of criterion or slope, against lme4's fit.

Every refit starts from a fit that has not been asked for anything yet, made before the clock
starts: what it reuses is what that fit keeps, never the answer of an earlier refit. lme4 fits the
new model from its data frame, which is what its ``update`` and ``refitML`` come down to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from _common import row, stopwatch, verdict
from _compare import SAME, Line
from _lme4 import Lme4
from _main import SLOPE_MODEL, Options, main_for

import mixedwidgets as mw

GOAL = 40.0
OTHER_SLOPE = "mscore ~ flp + enroll + ses + (flp | school)"
TO_OTHER = ". ~ . - (ses | school) + (flp | school)"
BACK = ". ~ . - (flp | school) + (ses | school)"


class Change(NamedTuple):
    """A change of a fitted model: how to get there, and what is reached."""

    name: str
    before: Callable[[], mw.Fit]
    change: Callable[[mw.Fit], mw.Fit]
    formula: str


def _slope_fit(reml: bool) -> mw.Fit:
    return mw.lmer(SLOPE_MODEL, mw.load("schools"), REML=reml)


CHANGES = (
    Change("REML to ML", lambda: _slope_fit(True), lambda fit: fit.refit_ml(), SLOPE_MODEL),
    Change(
        "another slope", lambda: _slope_fit(False), lambda fit: fit.update(TO_OTHER), OTHER_SLOPE
    ),
    Change(
        "back to a slope seen before",
        lambda: _slope_fit(False).update(TO_OTHER),
        lambda fit: fit.update(BACK),
        SLOPE_MODEL,
    ),
)


def _refit(change: Callable[[mw.Fit], mw.Fit], fit: mw.Fit) -> tuple[float, np.ndarray]:
    new = change(fit)
    assert new.verdict
    return float(new.loglik), np.asarray(new.se)


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time every change."""
    lme4.load(mw.load("schools"), ["school"])
    lines = []
    for name, before, change, formula in CHANGES:
        seconds: dict[str, list[float]] = {"mixedwidgets": [], "lme4": []}
        _refit(change, before())
        lme4.fit(formula, reml=False)
        for _ in range(options.runs):
            took, (loglik, _) = stopwatch(_refit, change, before())
            seconds["mixedwidgets"].append(took)
            took, lme4_loglik, _ = lme4.fit(formula, reml=False)
            seconds["lme4"].append(took)
        print(f"refit, {name}: to {formula}, ML, on cached cross-products")
        print(row("mixedwidgets", seconds["mixedwidgets"]))
        print(row("lme4's fit", seconds["lme4"], seconds["mixedwidgets"]))
        print(f"  log-likelihood {loglik:.6f}; lme4's minus ours {lme4_loglik - loglik:.1e}")
        if abs(lme4_loglik - loglik) > max(SAME * abs(loglik), 1e-4):
            raise SystemExit("The refit is not the fit of that model.")
        line = Line(f"refit on `schools`, {name}", seconds, ())
        met = verdict("times as fast as lme4's fit", line.ratio("lme4"), GOAL, at_least=True)
        print(flush=True)
        lines.append(Line(line.what, seconds, (met,)))
    return lines


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

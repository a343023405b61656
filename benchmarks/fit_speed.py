"""Time a whole fit, from DataFrame to standard errors, against lme4 and statsmodels.

The three take turns of a few calls within one run, so a drifting machine slows them alike. Every
call of ours gets a DataFrame it has not seen, so nothing can be remembered from the call before.
"""

from __future__ import annotations

import argparse
import sys
import warnings

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from _common import NULL_MODEL, SLOPE_MODEL, Lme4, print_machine, row, stopwatch, verdict

import mixedwidgets as mw

GOAL = 15.0
TURN = 5  # calls in a row, of ours and of lme4's
MODELS = {
    "random slope": (SLOPE_MODEL, "mscore ~ flp + enroll + ses", "~ses"),
    "random intercept": (NULL_MODEL, "mscore ~ 1", "1"),
}


def ours(formula: str, data: pd.DataFrame) -> tuple[float, np.ndarray]:
    """Fit by maximum likelihood; return the log-likelihood and the standard errors.

    lme4 checks its optimum within ``lmer``, so our verdict on it is part of the work too.
    """
    fit = mw.lmer(formula, data, REML=False)
    assert fit.verdict
    return float(fit.loglik), np.asarray(fit.se)


def theirs(fixed: str, random: str, data: pd.DataFrame) -> tuple[float, np.ndarray]:
    """Do the same with statsmodels, whose optimiser warns freely."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.mixedlm(fixed, data, groups="school", re_formula=random)
        result = model.fit(reml=False)
        return float(result.llf), np.asarray(result.bse_fe)


def compare(name: str, runs: int, slow_runs: int, data: pd.DataFrame, lme4: Lme4) -> float:
    """Time one model in turns; print the table and return lme4's median over ours."""
    formula, fixed, random = MODELS[name]
    _, (loglik, se) = stopwatch(ours, formula, data.copy())
    _, lme4_loglik, lme4_se = lme4.fit(formula, reml=False)
    seconds: dict[str, list[float]] = {"mixedwidgets": [], "lme4": [], "statsmodels": []}
    for turn in range(-(-runs // TURN)):
        copies = [data.copy() for _ in range(TURN)]
        seconds["mixedwidgets"] += [stopwatch(ours, formula, copy)[0] for copy in copies]
        seconds["lme4"] += [lme4.fit(formula, reml=False)[0] for _ in range(TURN)]
        if turn < slow_runs:
            took, (sm_loglik, _) = stopwatch(theirs, fixed, random, data)
            seconds["statsmodels"].append(took)
    print(f"{name}: {formula}, ML, {len(data)} rows in {data['school'].nunique()} schools")
    print(row("mixedwidgets", seconds["mixedwidgets"]))
    for peer in ("lme4", "statsmodels"):
        print(row(peer, seconds[peer], seconds["mixedwidgets"]))
    print(
        f"  log-likelihood {loglik:.6f}; minus lme4's {loglik - lme4_loglik:.1e}, "
        f"minus statsmodels' {loglik - sm_loglik:.1e}"
    )
    print(f"  standard errors: off lme4's by at most {np.max(np.abs(se / lme4_se - 1)):.1e}")
    if loglik < lme4_loglik - 1e-8 * abs(lme4_loglik):
        raise SystemExit("lme4 found a higher likelihood: the two did not fit the same model")
    return float(np.median(seconds["lme4"]) / np.median(seconds["mixedwidgets"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="of ours and lme4's (default 30)")
    parser.add_argument("--slow-runs", type=int, default=5, help="of statsmodels' (default 5)")
    options = parser.parse_args()
    data = mw.load("schools")
    with Lme4(data, "school") as lme4:
        print_machine(lme4.description)
        ratios = {}
        for name in MODELS:
            ratios[name] = compare(name, options.runs, options.slow_runs, data, lme4)
            print()
    met = verdict("times as fast as lme4", ratios["random slope"], GOAL, at_least=True)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

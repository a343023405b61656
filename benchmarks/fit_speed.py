"""Time a whole fit, from DataFrame to standard errors, against lme4, mixedlm and statsmodels.

The programs take turns of a few calls within one run, so a drifting machine slows them alike. Every
call of ours gets a DataFrame it has not seen, so nothing can be remembered from the call before.

All give the standard errors of the coefficients within the time taken; see ``_peers``.
"""

from __future__ import annotations

import sys

from _compare import Line, compare
from _lme4 import Lme4
from _main import SLOPE_MODEL, Options, main_for
from _peers import Case

import mixedwidgets as mw


def cases() -> list[Case]:
    """The models of one grouping factor."""
    schools, sleep = mw.load("schools"), mw.load("sleepstudy")
    return [
        Case(
            "schools, random slope",
            SLOPE_MODEL,
            schools,
            ("school",),
            goals={"lme4": 20.0, "mixedlm": 8.0},
            statsmodels=("mscore ~ flp + enroll + ses", "school", "~ses"),
        ),
        Case(
            "schools, random intercept",
            "mscore ~ 1 + (1 | school)",
            schools,
            ("school",),
            statsmodels=("mscore ~ 1", "school", "1"),
        ),
        Case(
            "sleepstudy, random slope",
            "Reaction ~ Days + (Days | Subject)",
            sleep,
            ("Subject",),
            reml=True,
            milliseconds=5.0,
            statsmodels=("Reaction ~ Days", "Subject", "~Days"),
        ),
    ]


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time every model."""
    runs = {
        "mixedwidgets": options.runs,
        "lme4": options.runs,
        "mixedlm": options.runs,
        "statsmodels": options.few,
    }
    return [compare(case, runs, lme4) for case in cases()]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

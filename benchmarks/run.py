"""Time fits, refits, profiles, bootstraps and crossed factors in one run, for a table to paste."""

from __future__ import annotations

import sys

import bootstrap_speed
import crossed_speed
import fit_speed
import profile_speed
import refit_speed
from _compare import Line
from _lme4 import Lme4
from _main import Options, main_for

PARTS = (fit_speed, refit_speed, profile_speed, bootstrap_speed, crossed_speed)


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Run every part."""
    return [line for part in PARTS for line in part.measure(options, lme4)]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

"""The true values behind a student's data: those the teacher fixes, and the rest by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.homework.chance import Chance
from mixedwidgets.homework.scenario import TRUTHS, Scenario

BARELY = 0.15  # of the usual tau, where tau is to be estimated as zero

# What a fixed value must be, in words, and whether it is.
_POSITIVE = ("a number above 0", lambda value: value > 0.0)
_SD = ("a number of at least 0", lambda value: value >= 0.0)
_ANY = ("a finite number", lambda value: True)
_ALLOWED = {
    "mu": _ANY,
    "tau": _SD,
    "sigma": _POSITIVE,
    "slope": _ANY,
    "tau_slope": _SD,
    "cor": ("a number from -1 to 1", lambda value: -1.0 <= value <= 1.0),
    "probability": ("a number between 0 and 1", lambda value: 0.0 < value < 1.0),
}


def check_truth(truth: object, scenario: Scenario) -> dict[str, float]:
    """Return the true values that are fixed.

    Parameters
    ----------
    truth : dict or None
        Of ``mu``, ``tau``, ``sigma``, ``slope``, ``tau_slope``, ``cor`` and ``probability`` those
        that are the same for all students.
    scenario : Scenario

    Raises
    ------
    DataError
        Another name, a value that is out of range, or a sigma that is lost in rounding.
    """
    if truth is None:
        return {}
    if not isinstance(truth, Mapping):
        raise DataError(
            f"truth is {brief(truth)}; give a dictionary of what is the same for all students, "
            "such as {'tau': 5, 'sigma': 7}, or None."
        )
    for name, value in truth.items():
        if name not in TRUTHS:
            raise DataError(
                f"truth has no {brief(name)}{nearest(str(name), TRUTHS)}; it can fix "
                f"{', '.join(TRUTHS)}."
            )
        words, holds = _ALLOWED[name]
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and holds(value)):
            raise DataError(f"truth: {name} is {brief(value)}; give {words}.")
    step = 10.0**-scenario.decimals
    if truth.get("sigma", step) < step:
        raise DataError(
            f"truth: sigma is {brief(truth['sigma'])}, which is lost where the {scenario.response} "
            f"is rounded to {step:g} {scenario.units}; give at least that."
        )
    return {name: float(value) for name, value in truth.items()}


def draw_truth(
    scenario: Scenario, chance: Chance, fixed: Mapping[str, float], boundary: bool
) -> dict[str, float]:
    """Return the true values of one student.

    Parameters
    ----------
    scenario : Scenario
    chance : Chance
    fixed : dict
        From ``check_truth``.
    boundary : bool
        Whether tau is to be so small that it may be estimated as zero.
    """
    drawn = {name: chance.uniform(*getattr(scenario.truths, name)) for name in TRUTHS}
    if boundary:
        drawn["tau"] *= BARELY
    return {name: fixed.get(name, float(f"{value:.3g}")) for name, value in drawn.items()}

"""A student's world: their data, the truth behind them, and every fit that questions ask for."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from mixedwidgets.errors import DataError, ModelError, brief, nearest
from mixedwidgets.fingerprints import fingerprint
from mixedwidgets.homework.chance import Chance
from mixedwidgets.homework.fits import Fits
from mixedwidgets.homework.identity import check_name, check_student, derived, seed, token
from mixedwidgets.homework.rows import Size, draw, to_csv
from mixedwidgets.homework.scenario import SCENARIOS, Scenario
from mixedwidgets.homework.solvable import flaw_of_fits, flaw_of_rows
from mixedwidgets.homework.truth import check_truth, draw_truth
from mixedwidgets.likelihood.anova import OneWay
from mixedwidgets.lmm.fit import Fit

GROUPS = (5, 40)
SIZES = (3, 100)
ATTEMPTS = 200


@dataclass(frozen=True, eq=False)
class World:
    """One student's data and what questions need of them; ``make_world`` makes it.

    Attributes
    ----------
    homework, student, token : str
    truth : dict of str to float
        ``mu, tau, sigma, slope, tau_slope, cor, probability``; see ``scenario.Truths``.
    fits : Fits
        The rows and their models.
    seed : int
        What the data were drawn from; not for students.
    """

    homework: str
    student: str
    token: str
    truth: Mapping[str, float]
    fits: Fits = field(repr=False)
    seed: int = field(repr=False)

    @property
    def scenario(self) -> Scenario:
        """What the data are about: names, words and units."""
        return self.fits.scenario

    @property
    def group(self) -> str:
        """Name of the column of groups."""
        return self.scenario.group

    @property
    def response(self) -> str:
        """Name of the column of the response."""
        return self.scenario.response

    @property
    def predictor(self) -> str:
        """Name of the column of the predictor."""
        return self.scenario.predictor

    @property
    def outcome(self) -> str:
        """Name of the column of outcomes, 0 or 1."""
        return self.scenario.outcome

    @property
    def data(self) -> pd.DataFrame:
        """One row an observation: group, predictor, response, outcome. Not to be changed."""
        return self.fits.data

    @cached_property
    def csv(self) -> str:
        """The data as text; ``pandas.read_csv`` makes ``data`` of it again, digit for digit."""
        return to_csv(self.scenario, self.fits.rows)

    @cached_property
    def sha256(self) -> str:
        """``mixedwidgets.fingerprint`` of the data."""
        return fingerprint(self.data)

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups in alphabetical order, which is that of the rows."""
        return tuple(self.fits.shrinkage)

    @property
    def oneway(self) -> OneWay:
        """The one-way analysis of the response, ``mixedwidgets.oneway``."""
        return self.fits.oneway

    def formula(self, model: str) -> str:
        """Return the formula of a model; see ``fit``."""
        return self.fits.formula(model)

    def fit(self, model: str, reml: bool = False) -> Fit:
        """Return the fit of a model.

        Parameters
        ----------
        model : {"null", "intercept", "slope"}
            ``response ~ 1 + (1 | group)``, ``response ~ predictor + (1 | group)`` or
            ``response ~ predictor + (predictor | group)``.
        reml : bool
            By REML, or by maximum likelihood.

        Raises
        ------
        ModelError
            There is no such model.
        """
        return self.fits.fit(model, reml)

    def chance(self, purpose: str) -> Chance:
        """Return draws of the student's own for some purpose, such as a question's id."""
        return Chance(derived(self.seed, "for", purpose))

    @cached_property
    def named_group(self) -> str:
        """A group that shrinkage moves visibly: one of the half that it moves most, by chance."""
        moved = self.fits.shrinkage
        furthest = sorted(moved, key=lambda name: -abs(moved[name]))
        return self.chance("named group").chosen(furthest[: (len(furthest) + 1) // 2])


def make_world(
    homework: str,
    student: str,
    *,
    salt: str,
    scenario: str | Scenario = "schools",
    groups: int = 16,
    size: int | Size = (6, 14),
    truth: Mapping[str, float] | None = None,
    boundary: bool = False,
) -> World:
    """Draw a student's data, again and again until every question has a clear answer.

    No model has its estimates at the edge of what is possible, ML and REML give different tau,
    shrinkage is visible, and both outcomes occur; see ``solvable``.

    Parameters
    ----------
    homework, student : str
        Name of the homework, id of the student.
    salt : str
        The teacher's secret: the same gives the same data, another gives others.
    scenario : {"schools", "fields", "clinics"} or Scenario
    groups : int
        Number of groups, 5 to 40, and no more than the scenario has names.
    size : int or (int, int)
        Rows in each group, or the fewest and the most; 3 to 100.
    truth : dict, optional
        True values that are the same for all students.
    boundary : bool
        Draw data from which tau of the model without predictor is estimated as exactly 0. The
        models with it are mostly at an edge then too, and are not checked.

    Returns
    -------
    World

    Raises
    ------
    DataError
        An argument that cannot be used.
    ModelError
        No data that will do were found in ``ATTEMPTS`` attempts.
    """
    homework, student = check_name(homework), check_student(student)
    about = _scenario(scenario)
    many, between = _groups(groups, about), _size(size)
    fixed = check_truth(truth, about)
    start = seed(salt, homework, student)
    flaws: Counter[str] = Counter()
    for attempt in range(ATTEMPTS):
        chance = Chance(derived(start, "data", attempt))
        drawn = draw_truth(about, chance, fixed, boundary)
        fits = Fits(about, draw(about, chance, drawn, many, between))
        flaw = flaw_of_rows(about, fits.rows, boundary) or flaw_of_fits(fits, boundary)
        if flaw is None:
            return World(homework, student, token(salt, homework, student), drawn, fits, start)
        flaws[flaw] += 1
    raise ModelError(
        f"no data that suit the questions were found in {ATTEMPTS} attempts, mostly because "
        f"{flaws.most_common(1)[0][0]}; {_advice(fixed, boundary)}"
    )


def _advice(fixed: Mapping[str, float], boundary: bool) -> str:
    if fixed:
        return f"leave more to chance than truth does, which fixes {', '.join(fixed)}"
    return "ask for fewer rows in a group" if boundary else "ask for more groups or more rows"


def _scenario(given: object) -> Scenario:
    if isinstance(given, Scenario):
        return given
    if not isinstance(given, str) or given not in SCENARIOS:
        raise DataError(
            f"There is no scenario {brief(given)}{nearest(str(given), SCENARIOS)}; choose "
            f"{', '.join(map(repr, SCENARIOS))} or give a Scenario."
        )
    return SCENARIOS[given]


def _groups(given: object, scenario: Scenario) -> int:
    number, most = _whole(given), min(GROUPS[1], len(scenario.names))
    if number is None or not GROUPS[0] <= number <= most:
        raise DataError(
            f"groups is {brief(given)}; give a whole number from {GROUPS[0]} to {most}, of which "
            "the scenario has names."
        )
    return number


def _size(given: object) -> Size:
    pair = list(given) if isinstance(given, (tuple, list)) else [given, given]
    low, high = (_whole(value) for value in pair) if len(pair) == 2 else (None, None)
    if low is None or high is None or not SIZES[0] <= low <= high <= SIZES[1]:
        raise DataError(
            f"size is {brief(given)}; give the number of rows in each group, or the fewest and the "
            f"most such as (6, 14), from {SIZES[0]} to {SIZES[1]}."
        )
    return low, high


def _whole(value: object) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None

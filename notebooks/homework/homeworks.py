"""Three homeworks to the lecture, for a teacher to copy and change.

Each function below is the whole description of one homework. Data, notebooks and grades of a class
follow from it and from a salt, a secret of yours:

    hw = hw1(salt=Path("salt.txt").read_text())
    hw.write_all("roster.csv", "handed-out")  # a folder for each student
    grades = hw.grade("handed-in", "handed-out/hw1-key.json")

``teachers-guide.ipynb`` goes through it step by step. Run as a program, this file writes again what
a student called "sample" gets: ``hw1.ipynb``, ``hw2.ipynb`` and ``hw3.ipynb`` beside it.

What may be changed of a question:

* ``points``: shared evenly among what is asked in it.
* ``title``: its heading.
* ``feedback``: what the notebook says to an answer. ``"none"``: that it is recorded. ``"range"``:
  also whether it is a sensible number at all. ``"check"``: right or wrong, at once or from a later
  try on, ``tries=3``. ``"reveal"``: the right answer, once the student has submitted for good.

Change nothing once it is handed out, but for points and titles: other questions, or other settings
in their place, would be graded by other keys than the students' questions had.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

import mixedwidgets as mw
from mixedwidgets import questions as ask

PUBLIC_SALT = "public: everybody can read it here, so no class may have it"
"""With it the sample notebooks are written. Yours is another: ``secrets.token_hex(16)``, once."""


# Homework 1 ------------------------------------------------------------------------------------


def hw1(salt: str) -> mw.Homework:
    """Likelihood of a proportion: log-likelihood, its maximum, its curvature. Ten points.

    About 45 minutes: 10 for each of the first two questions, 15 for the third, 10 for the last.
    """
    return mw.Homework(
        "hw1",
        title="Homework 1: Likelihood of a proportion",
        salt=salt,
        scenario="clinics",
        groups=10,
        size=(8, 14),
        questions=[
            ask.BinomialLikelihood(points=2, feedback="range"),
            # Right or wrong is told here. Not where there are options, which could be tried out.
            ask.BinomialMLE(points=2, feedback="check"),
            ask.Information(points=3, feedback="range"),
            # A question of our own: a text, and a function of the student's data that answers it.
            ask.OwnQuestion(
                "The standard error of the question before is too large for the health service. "
                r"With how many patients in all would it be 0.02, if $\hat\theta$ stayed what it "
                "is? Take the estimate with all its digits, and give a whole number.",
                patients_needed,
                points=3,
                title="A larger sample",
                label="patients needed",
                tolerance=1,
                feedback="range",
                limits=(1, None),
                mistakes={
                    "This grows with the standard error itself; it goes with its square.": (
                        patients_in_proportion
                    ),
                    "This takes θ = 1/2; take the estimate.": 0.25 / GOAL**2,
                    "This is how many more are needed; the question is how many in all.": (
                        lambda data: patients_needed(data) - len(data)
                    ),
                    "This divides by 0.02; its square belongs there.": (
                        lambda data: patients_needed(data) * GOAL
                    ),
                },
            ),
        ],
    )


GOAL = 0.02  # the standard error that is wished for


def patients_needed(data: pd.DataFrame) -> float:
    """How many patients make the standard error as small as the goal: p (1 - p) / goal²."""
    p = data["returned"].mean()
    return math.ceil(p * (1 - p) / GOAL**2)


def patients_in_proportion(data: pd.DataFrame) -> float:
    """What comes out where twice the patients are thought to halve the standard error."""
    p = data["returned"].mean()
    return len(data) * math.sqrt(p * (1 - p) / len(data)) / GOAL


# Homework 2 ------------------------------------------------------------------------------------


def hw2(salt: str) -> mw.Homework:
    """Groups that differ: one-way model, shrinkage, and an interval that fails. Twelve points.

    About 45 minutes: 5 to 10 for each question.
    """
    return mw.Homework(
        "hw2",
        title="Homework 2: Groups that differ",
        salt=salt,
        scenario="schools",
        groups=12,
        size=(4, 12),
        questions=[
            # First, so that it is a guess: once it is submitted, the right place is shown.
            ask.PredictThenReveal(points=2),
            ask.MomentsAgainstML(points=2, feedback="range"),
            ask.OneWayLikelihood(points=1, feedback="check"),
            ask.RandomInterceptFit(points=3, feedback="range"),
            ask.ShrunkenMean(points=2, feedback="range"),
            ask.WhichIntervalFails(points=2),
        ],
    )


# Homework 3 ------------------------------------------------------------------------------------


def hw3(salt: str) -> mw.Homework:
    """Lines that differ: random slopes, and whether they are needed. Ten points.

    About 45 minutes: 5 for the point, 15 for the fit, 10 for the choice, 15 for the last.
    """
    return mw.Homework(
        "hw3",
        title="Homework 3: Lines that differ",
        salt=salt,
        scenario="fields",
        groups=14,
        size=(8, 14),
        questions=[
            ask.PlacePoint(points=1, feedback="check"),
            ask.RandomSlopeFit(points=4, feedback="range"),
            ask.ChooseModel(points=2, rule="LRT"),
            ask.OwnQuestion(
                "Take the fit with random slopes once more (ML, `REML=False`). Every field has a "
                "slope of its own: the fixed effect of `nitrogen` and the field's own random "
                "effect together. How much more harvest does one more kg/ha of nitrogen give on "
                "the field with the **steepest** line?",
                steepest,
                points=3,
                title="The field that makes the most of it",
                label="slope of the steepest field",
                units="t/ha per kg/ha",
                decimals=4,
                feedback="reveal",
                mistakes={
                    "This is the slope of all fields, the fixed effect; add the field's own.": (
                        lambda data: slopes_fit(data).fixef["nitrogen"]
                    ),
                    "This is the field's random effect alone; add the fixed effect.": (
                        lambda data: steepest(data) - slopes_fit(data).fixef["nitrogen"]
                    ),
                    "This is from the fit by REML; the question asks for ML (REML=False).": (
                        lambda data: steepest(data, reml=True)
                    ),
                    "This is the steepest of lines fitted to each field alone, unshrunk.": (
                        steepest_alone
                    ),
                    "This is the field with the flattest line.": (
                        lambda data: slopes(slopes_fit(data)).min()
                    ),
                },
            ),
        ],
    )


def slopes_fit(data: pd.DataFrame, reml: bool = False) -> mw.Fit:
    """The fit in which every field has a level and a slope of its own."""
    return mw.lmer("harvest ~ nitrogen + (nitrogen | field)", data, REML=reml)


def slopes(fit: mw.Fit) -> pd.Series:
    """The slope of each field: fixed effect and the field's own together."""
    return fit.coef()["field"]["nitrogen"]


def steepest(data: pd.DataFrame, reml: bool = False) -> float:
    """The largest slope of a field."""
    return slopes(slopes_fit(data, reml)).max()


def steepest_alone(data: pd.DataFrame) -> float:
    """The largest slope of lines that are fitted to each field without the others."""
    found = []
    for _, rows in data.groupby("field"):
        x = rows["nitrogen"] - rows["nitrogen"].mean()
        found.append((x * rows["harvest"]).sum() / (x**2).sum())
    return max(found)


# What a student called "sample" gets -------------------------------------------------------------


HOMEWORKS = (hw1, hw2, hw3)


def write_samples(folder: Path) -> None:
    """Write the notebook of each homework for a student called "sample"."""
    for make in HOMEWORKS:
        make(PUBLIC_SALT).write(folder, student="sample", overwrite=True)


if __name__ == "__main__":
    write_samples(Path(__file__).parent)

"""A sheet with every kind of answer and feedback, made by hand: no homework is drawn for it."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd

from mixedwidgets.fingerprints import fingerprint
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.pictures import curve, groups, surface
from mixedwidgets.homework.seals import sealed
from mixedwidgets.homework.sheet import Asked, Part, Sheet

TOKEN = "0123456789abcdef"
CSV = "school,score\nAskov,12.25\nBjerre,9.5\nAskov,11.125\nBjerre,10.0\n"
NAMES = [f"School {letter}" for letter in "ABCDEFGHIJKLMNOP"]
OPTIONS = (
    ("wald", "Wald on the variance, because it is symmetric about the estimate"),
    ("profile", "Profile likelihood, because it follows the curve"),
)


def curve_picture():
    """A binomial log-likelihood of 5 ones of 30."""
    x = np.linspace(0.02, 0.45, 60)
    y = 5 * np.log(x) + 25 * np.log(1 - x)
    top = 5 * math.log(1 / 6) + 25 * math.log(5 / 6)
    return curve(
        x,
        y - top,
        xlabel="θ, the probability of a pass",
        ylabel="log-likelihood − its maximum",
        xlim=(0.0, 0.45),
        ylim=(-6.0, 0.5),
        cut=-1.92,
        marks=[(0.1667, "k / n")],
    )


def surface_picture():
    """A bowl with its bottom at (9.1, 3.2)."""
    x, y = np.linspace(7, 12, 24), np.linspace(0.5, 8, 24)
    drop = 3 * ((x[None, :] - 9.1) / 0.6) ** 2 + 2 * ((y[:, None] - 3.2) / 1.5) ** 2
    return surface(
        x, y, drop, labels=("σ, SD within schools (points)", "τ, SD of schools (points)")
    )


def groups_picture():
    """Sixteen schools with means between 40 and 60."""
    means = [50 + 9 * math.sin(2.3 * i) for i in range(16)]
    return groups(
        NAMES,
        means,
        [6 + 5 * i % 9 for i in range(16)],
        grand=50.0,
        pick="School L",
        xlabel="mean score (points)",
        xlim=(38.0, 62.0),
    )


PARTS = {
    "number": (Part("tau", "number", "SD of the schools, τ", "points", 0.05, (0.0, 20.0)), 3.21),
    "choice": (Part("fails", "choice", "Which interval fails, and why?", options=OPTIONS), "wald"),
    "interval": (
        Part("ci", "interval", "95% likelihood interval of θ", "", 0.01, picture=curve_picture()),
        (0.066, 0.318),
    ),
    "point": (
        Part("top", "point", "The maximum", "points", 0.03, picture=surface_picture()),
        (9.1, 3.2),
    ),
    "row": (
        Part(
            "shrunk", "point", "Where will School L be?", "points", 0.05, picture=groups_picture()
        ),
        (52.0, 11.0),
    ),
}
WIDTHS = {"point": (5.0, 7.5), "row": (24.0, math.inf)}


def part(kind: str, feedback: str = "none") -> Part:
    """One part of a kind of `PARTS`, sealed for a feedback."""
    made, value = PARTS[kind]
    key = Key(value, made.tolerance, widths=WIDTHS.get(kind))
    values = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return Part(**{**values, "seal": sealed(made, key, feedback, TOKEN)})


def asked(name: str, kinds: str, feedback: str = "none", tries: int = 1) -> Asked:
    """A question with parts of some kinds."""
    parts = tuple(part(kind, feedback) for kind in kinds.split())
    title = f"Question {name[1:]}"
    return Asked(name, title, "Say what it is.", 2.0, parts, feedback, tries)


def sheet(*questions: Asked, token: str = TOKEN) -> Sheet:
    """A sheet with the questions given, or one of each kind."""
    some = questions or (
        asked("q1", "number"),
        asked("q2", "choice"),
        asked("q3", "interval"),
        asked("q4", "point"),
        asked("q5", "row", "reveal"),
        asked("q6", "number choice", "check", 2),
        asked("q7", "number", "range"),
    )
    data = pd.read_csv(io.StringIO(CSV))
    return Sheet("hw1", "Homework 1", "anna", token, CSV, fingerprint(data), some)

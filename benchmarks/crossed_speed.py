"""Time fits with crossed and nested factors, from DataFrame to standard errors.

InstEval (ratings of lectures by students of ETH Zurich; lme4's data set of that name) may not be
shipped. It is read from the folder that MIXEDWIDGETS_REFERENCE names, or from ../shared/reference,
where that exists; else ratings of the same shape are generated.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from _compare import Line, compare
from _lme4 import Lme4
from _main import Options, main_for
from _peers import Case

ROWS, STUDENTS, LECTURERS, DEPARTMENTS = 73421, 2972, 1128, 14  # of InstEval
FACTORS = ("s", "d", "dept", "service")
RATINGS = "y ~ 1 + service + (1 | s) + (1 | d) + (1 | dept:service)"


def insteval() -> tuple[str, pd.DataFrame]:
    """Return InstEval, or ratings like it, and which of the two they are."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("MIXEDWIDGETS_REFERENCE", root.parent / "shared" / "reference"))
    path = folder / "data" / "InstEval.csv"
    if path.exists():
        return "InstEval", _as_categories(pd.read_csv(path))
    return "ratings generated like InstEval", _as_categories(like_insteval())


def _as_categories(data: pd.DataFrame) -> pd.DataFrame:
    return data.astype(dict.fromkeys(FACTORS, "category"))


def like_insteval(seed: int = 1) -> pd.DataFrame:
    """Generate ratings of the shape of InstEval.

    Students rate 25 lecturers on average, with a standard deviation of 15; lecturers are rated by
    65, with one of 80, all of them by someone. Somewhat more than half of the ratings go to the
    student's own department; ``service`` is 1 for the others.

    Parameters
    ----------
    seed : int
        Of the generator.

    Returns
    -------
    DataFrame
        Columns s, d, dept, service and y (1 to 5), 73,421 rows.
    """
    rng = np.random.default_rng(seed)
    load = np.exp(rng.normal(0.0, 1.1, LECTURERS))
    dept = rng.integers(DEPARTMENTS, size=LECTURERS)
    home = rng.integers(DEPARTMENTS, size=STUDENTS)
    weight = np.where(dept == home[:, None], 24.0, 1.0) * load
    wish = rng.gamma(2.6, 1.0, STUDENTS)[:, None] * weight / weight.sum(axis=1, keepdims=True)
    # The pairs with the earliest exponential waiting times are a sample without replacement, in
    # which students and lecturers keep their shares.
    waiting = rng.exponential(size=wish.shape) / wish
    waiting[waiting.argmin(axis=0), np.arange(LECTURERS)] = 0.0
    waiting[np.arange(STUDENTS), waiting.argmin(axis=1)] = 0.0
    chosen = np.argpartition(waiting.ravel(), ROWS)[:ROWS]
    chosen.sort()
    student, lecturer = np.divmod(chosen, LECTURERS)
    service = (dept[lecturer] != home[student]).astype(int)
    mean = 3.3 - 0.07 * service + rng.normal(0.0, 0.33, STUDENTS)[student]
    mean += rng.normal(0.0, 0.51, LECTURERS)[lecturer]
    mean += rng.normal(0.0, 0.11, (DEPARTMENTS, 2))[dept[lecturer], service]
    rating = np.clip(np.rint(mean + rng.normal(0.0, 1.18, ROWS)), 1, 5)
    return pd.DataFrame(
        {"s": student, "d": lecturer, "dept": dept[lecturer], "service": service, "y": rating}
    )


def fully_crossed(subjects: int = 1000, items: int = 100, seed: int = 1) -> pd.DataFrame:
    """Generate an experiment in which every subject meets every item once."""
    rng = np.random.default_rng(seed)
    subject, item = (a.ravel() for a in np.indices((subjects, items)))
    x = rng.normal(size=subjects * items)
    y = 1.0 + 0.5 * x + rng.normal(0.0, 0.7, subjects)[subject]
    y += rng.normal(0.0, 0.5, items)[item] + rng.normal(size=subjects * items)
    return pd.DataFrame({"y": y, "x": x, "subject": subject, "item": item})


def nested(seed: int = 1) -> pd.DataFrame:
    """Generate pupils in classes (10 in a school) in schools (20 in a district), 100,000 rows."""
    rng = np.random.default_rng(seed)
    district, school, cls, _ = (a.ravel() for a in np.indices((50, 20, 10, 10)))
    x = rng.normal(size=len(district))
    y = 1.0 + 0.5 * x + rng.normal(0.0, 0.4, 50)[district]
    y += rng.normal(0.0, 0.5, (50, 20))[district, school]
    y += rng.normal(0.0, 0.3, (50, 20, 10))[district, school, cls] + rng.normal(size=len(x))
    return pd.DataFrame({"y": y, "x": x, "district": district, "school": school, "class": cls})


def cases() -> list[Case]:
    """The models of several grouping factors."""
    name, ratings = insteval()
    return [
        Case(name, RATINGS, ratings, FACTORS, reml=True, goals={"lme4": 8.0, "mixedlm": 1.5}),
        Case(
            "every subject meets every item",
            "y ~ x + (1 | subject) + (1 | item)",
            fully_crossed(),
            ("subject", "item"),
            reml=True,
        ),
        Case(
            "classes in schools in districts",
            "y ~ x + (1 | district/school/class)",
            nested(),
            ("district", "school", "class"),
            reml=True,
        ),
    ]


def measure(options: Options, lme4: Lme4) -> list[Line]:
    """Time every model, a few times each."""
    runs = {"mixedwidgets": options.few, "lme4": options.few, "mixedlm": options.few}
    return [compare(case, runs, lme4) for case in cases()]


if __name__ == "__main__":
    sys.exit(main_for(measure, __doc__))

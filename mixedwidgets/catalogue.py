"""The data sets that come with mixedwidgets: what each is, where it is from, and how to load it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import pandas as pd

from mixedwidgets.errors import DataError, nearest

_LECTURE = 'P. Hoff, "Review of maximum likelihood estimation", 560 Hierarchical modeling'


@dataclass(frozen=True)
class _Entry:
    """One data set: its file, its columns with their types, and what there is to know of it."""

    file: str
    rows: int
    types: dict[str, str | tuple[str, ...]]  # a dtype, or the levels of a factor in R's order
    description: str
    source: str
    licence: str


def _numbered(*numbers: int) -> tuple[str, ...]:
    return tuple(str(number) for number in numbers)


_CATALOGUE = {
    "wheat": _Entry(
        file="wheat.csv",
        rows=50,
        types={"yield": "float64", "region": _numbered(*range(1, 11))},
        description=(
            "Wheat yields of 5 plots in each of 10 regions. Reconstructed: not the original "
            "yields, but numbers found by search so that every summary the lecture prints of "
            "its wheat data comes out."
        ),
        source=f"scripts/make_wheat.py, after the summaries printed in {_LECTURE}",
        licence="BSD-3-Clause",
    ),
    "schools": _Entry(
        file="schools.csv.gz",
        rows=12_974,
        types={
            "school": "int64",
            "enroll": "int64",
            "flp": "int64",
            "public": "int64",
            "urbanicity": ("rural", "suburban", "urban"),
            "hwh": "int64",
            "ses": "float64",
            "mscore": "float64",
        },
        description=(
            "Mathematics scores (mscore) of 12,974 students in 684 schools, with class of "
            "enrolment (enroll, 0 to 5), class of free lunch share (flp, 1 to 3), public or "
            "private (public), urbanicity, hours of homework a week (hwh) and socioeconomic "
            "status (ses). Simulated: no student or school is real; the numbers were drawn at "
            "random and calibrated so that both mixed models the lecture prints of its NELS "
            "data come out to every printed digit."
        ),
        source=f"scripts/make_schools.py, after the fits printed in {_LECTURE}",
        licence="BSD-3-Clause",
    ),
    "sleepstudy": _Entry(
        file="sleepstudy.csv",
        rows=180,
        types={
            "Reaction": "float64",
            "Days": "int64",
            "Subject": _numbered(
                *(308, 309, 310, 330, 331, 332, 333, 334, 335, 337, 349, 350, 351, 352),
                *(369, 370, 371, 372),
            ),
        },
        description=(
            "Average reaction time in milliseconds of 18 subjects on each of 10 days, their "
            "sleep restricted to 3 hours a night from day 2 on."
        ),
        source=(
            "G. Belenky et al. (2003), Patterns of performance degradation and restoration "
            "during sleep restriction and subsequent recovery, Journal of Sleep Research 12, 1-12"
        ),
        licence="published measurements, free to use with the source named",
    ),
    "dyestuff": _Entry(
        file="dyestuff.csv",
        rows=30,
        types={"Yield": "float64", "Batch": tuple("ABCDEF")},
        description=(
            "Yield of dyestuff in grams of standard colour from 5 preparations of each of 6 "
            "batches of an intermediate product."
        ),
        source=(
            "O. L. Davies and P. L. Goldsmith, eds (1972), Statistical Methods in Research and "
            "Production, 4th ed., Oliver and Boyd, section 6.4"
        ),
        licence="published measurements, free to use with the source named",
    ),
    "dyestuff2": _Entry(
        file="dyestuff2.csv",
        rows=30,
        types={"Yield": "float64", "Batch": tuple("ABCDEF")},
        description=(
            "Artificial yields laid out like dyestuff, made by their authors so that the "
            "variance between batches is estimated as zero."
        ),
        source=(
            "G. E. P. Box and G. C. Tiao (1973), Bayesian Inference in Statistical Analysis, "
            "Addison-Wesley, section 5.1.2"
        ),
        licence="published numbers, free to use with the source named",
    ),
}


def _known(name: str) -> _Entry:
    entry = _CATALOGUE.get(str(name))
    if entry is None:
        *most, last = _CATALOGUE
        raise DataError(
            f"There is no data set {str(name)!r}{nearest(str(name), _CATALOGUE)}; "
            f"load one of {', '.join(most)} or {last}."
        )
    return entry


def load(name: str) -> pd.DataFrame:
    """Return one of the bundled data sets as a new DataFrame.

    Parameters
    ----------
    name : str
        A name listed by `datasets`.

    Returns
    -------
    pandas.DataFrame
        A fresh copy on every call. Factors are categorical, their levels in the order of R.

    Raises
    ------
    DataError
        If there is no data set of that name.

    Examples
    --------
    >>> load("wheat").shape
    (50, 2)
    """
    entry = _known(name)
    types = {
        column: pd.CategoricalDtype(list(kind)) if isinstance(kind, tuple) else kind
        for column, kind in entry.types.items()
    }
    with as_file(files("mixedwidgets") / "data" / entry.file) as path:
        return pd.read_csv(path, dtype=types)


def datasets() -> pd.DataFrame:
    """List the bundled data sets.

    Returns
    -------
    pandas.DataFrame
        One row a data set; columns ``name``, ``rows`` (number of rows), ``columns`` (their
        names, separated by commas), ``description``, ``source`` and ``licence``.
    """
    return pd.DataFrame(
        [
            {
                "name": name,
                "rows": entry.rows,
                "columns": ", ".join(entry.types),
                "description": entry.description,
                "source": entry.source,
                "licence": entry.licence,
            }
            for name, entry in _CATALOGUE.items()
        ]
    )

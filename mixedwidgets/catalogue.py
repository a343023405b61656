"""The data sets that come with mixedwidgets: what each is, where it is from, and how to load it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import pandas as pd

from mixedwidgets.errors import DataError, nearest

_MEASURED = "published measurements, free to use with the source named"
_DAVIES = (
    "O. L. Davies and P. L. Goldsmith, eds (1972), Statistical Methods in Research and "
    "Production, 4th ed., Oliver and Boyd, section"
)
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
    ordered: tuple[str, ...] = ()  # the factors that are ordered


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
        licence=_MEASURED,
    ),
    "dyestuff": _Entry(
        file="dyestuff.csv",
        rows=30,
        types={"Yield": "float64", "Batch": tuple("ABCDEF")},
        description=(
            "Yield of dyestuff in grams of standard colour from 5 preparations of each of 6 "
            "batches of an intermediate product."
        ),
        source=f"{_DAVIES} 6.4",
        licence=_MEASURED,
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
    "penicillin": _Entry(
        file="penicillin.csv",
        rows=144,
        types={
            "diameter": "float64",
            "plate": tuple("abcdefghijklmnopqrstuvwx"),
            "sample": tuple("ABCDEF"),
        },
        description=(
            "Diameter in millimetres of the zone in which each of 6 samples of penicillin stopped "
            "the growth of bacteria on each of 24 plates. Plates and samples are crossed."
        ),
        source=f"{_DAVIES} 6.6",
        licence=_MEASURED,
    ),
    "pastes": _Entry(
        file="pastes.csv",
        rows=60,
        types={
            "strength": "float64",
            "batch": tuple("ABCDEFGHIJ"),
            "cask": tuple("abc"),
            "sample": tuple(f"{batch}:{cask}" for batch in "ABCDEFGHIJ" for cask in "abc"),
        },
        description=(
            "Strength of a chemical paste in two tests of a sample from each of 3 casks of each "
            "of 10 delivered batches. Casks are nested in batches; sample names batch and cask."
        ),
        source=f"{_DAVIES} 6.5",
        licence=_MEASURED,
    ),
    "cake": _Entry(
        file="cake.csv",
        rows=270,
        types={
            "replicate": _numbered(*range(1, 16)),
            "recipe": tuple("ABC"),
            "temperature": _numbered(175, 185, 195, 205, 215, 225),
            "angle": "int64",
            "temp": "int64",
        },
        ordered=("temperature",),
        description=(
            "Angle in degrees at which chocolate cakes broke, one of each of 3 recipes baked at "
            "each of 6 temperatures in each of 15 replicates, which are nested in recipes; temp is "
            "the temperature as a number."
        ),
        source=(
            "F. E. Cook (1938), Chocolate cake: I. Optimum baking temperature, Master's thesis, "
            "Iowa State College"
        ),
        licence=_MEASURED,
    ),
    "orthodont": _Entry(
        file="orthodont.csv",
        rows=108,
        types={
            "distance": "float64",
            "age": "int64",
            "Subject": (
                *("M16", "M05", "M02", "M11", "M07", "M08", "M03", "M12", "M13", "M14", "M09"),
                *("M15", "M06", "M04", "M01", "M10", "F10", "F09", "F06", "F01", "F05", "F07"),
                *("F02", "F08", "F03", "F04", "F11"),
            ),
            "Sex": ("Male", "Female"),
        },
        ordered=("Subject",),
        description=(
            "Distance in millimetres between two points of the skull, the pituitary and the "
            "pterygomaxillary fissure, of 27 children at ages 8, 10, 12 and 14. Subjects are "
            "ordered by sex and mean distance."
        ),
        source=(
            "R. F. Potthoff and S. N. Roy (1964), A generalized multivariate analysis of variance "
            "model useful especially for growth curve problems, Biometrika 51, 313-326"
        ),
        licence=_MEASURED,
    ),
    "machines": _Entry(
        file="machines.csv",
        rows=54,
        types={"Worker": _numbered(6, 2, 4, 1, 3, 5), "Machine": tuple("ABC"), "score": "float64"},
        ordered=("Worker",),
        description=(
            "Productivity of 6 workers on each of 3 machines, 3 times each. Workers are ordered "
            "by their largest score."
        ),
        source=(
            "G. A. Milliken and D. E. Johnson (1992), Analysis of Messy Data, volume I: Designed "
            "Experiments, Chapman and Hall, p. 285"
        ),
        licence=_MEASURED,
    ),
    "oats": _Entry(
        file="oats.csv",
        rows=72,
        types={
            "Block": ("VI", "V", "III", "IV", "II", "I"),
            "Variety": ("Golden Rain", "Marvellous", "Victory"),
            "nitro": "float64",
            "yield": "float64",
        },
        ordered=("Block",),
        description=(
            "Yield of oats in a split-plot experiment: 3 varieties on the plots of each of 6 "
            "blocks, 4 amounts of nitrogen (nitro, in hundredweight an acre) on the subplots of "
            "each plot; yield in quarter pounds a subplot."
        ),
        source=(
            "F. Yates (1935), Complex experiments, Supplement to the Journal of the Royal "
            "Statistical Society 2, 181-247"
        ),
        licence=_MEASURED,
    ),
    "rail": _Entry(
        file="rail.csv",
        rows=18,
        types={"Rail": _numbered(2, 5, 1, 6, 3, 4), "travel": "float64"},
        ordered=("Rail",),
        description=(
            "Travel time of ultrasonic waves in each of 6 railway rails, measured 3 times, in "
            "nanoseconds above 36,100. Rails are ordered by mean travel time."
        ),
        source=(
            "J. L. Devore (2000), Probability and Statistics for Engineering and the Sciences, "
            "5th ed., Duxbury, example 10.10"
        ),
        licence=_MEASURED,
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
        A fresh copy on every call. Factors are categorical, their levels in the order
        of R, and ordered where they are in R.

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
        column: pd.CategoricalDtype(list(kind), column in entry.ordered)
        if isinstance(kind, tuple)
        else kind
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

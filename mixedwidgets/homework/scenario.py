"""Where a student's data might come from: names, units, stories, and how large things are."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, fields

from mixedwidgets.errors import DataError, brief

Range = tuple[float, float]


@dataclass(frozen=True)
class Truths:
    """Within what the true values of a student's data are drawn, in the units of the scenario.

    Attributes
    ----------
    mu : (float, float)
        Overall mean of the response, at predictor 0.
    tau : (float, float)
        SD of the groups at predictor 0.
    sigma : (float, float)
        SD of observations about the line of their group.
    slope : (float, float)
        Mean slope of the response in the predictor.
    tau_slope : (float, float)
        SD of the groups' slopes.
    cor : (float, float)
        Correlation of a group's effect and its slope.
    probability : (float, float)
        Of outcome 1.
    """

    mu: Range
    tau: Range
    sigma: Range
    slope: Range
    tau_slope: Range
    cor: Range
    probability: Range


TRUTHS = tuple(field.name for field in fields(Truths))


@dataclass(frozen=True)
class Scenario:
    """What a student's data are about.

    The predictor is counted from its usual value, so that its mean is zero and mu and tau are the
    same, whether it is in the model or not.

    Attributes
    ----------
    name : str
    group, response, predictor, outcome : str
        Names of the columns.
    a_group, groups : str
        In words: one group, such as ``"school"``, and several.
    rows : str
        In words: what there is one row of, such as ``"students"``.
    response_words, predictor_words, outcome_words : str
        What the columns hold, in words.
    units, predictor_units : str
        Units of the response and of the predictor.
    decimals, predictor_decimals : int
        To how many decimals they are given.
    limits, predictor_limits : (float, float)
        Values beyond do not occur.
    predictor_sd : float
    outcome_pull : float
        Correlation of what decides the outcome with how far the response is from the line of its
        group. Groups have no part in it: outcomes are independent with one probability.
    truths : Truths
    names : tuple of str
        Names of groups, that begin with a letter and have no commas, quotes or line breaks.
    story : str
        Where the data come from, in Markdown.

    Raises
    ------
    DataError
        A column or a group cannot have its name, or two have the same; or the predictor varies by
        less than it is rounded to.
    """

    name: str
    group: str
    response: str
    predictor: str
    outcome: str
    a_group: str
    groups: str
    rows: str
    response_words: str
    predictor_words: str
    outcome_words: str
    units: str
    predictor_units: str
    decimals: int
    predictor_decimals: int
    limits: Range
    predictor_limits: Range
    predictor_sd: float
    outcome_pull: float
    truths: Truths
    names: tuple[str, ...]
    story: str

    def __post_init__(self) -> None:
        columns = (self.group, self.predictor, self.response, self.outcome)
        for name in columns:
            if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
                raise DataError(
                    f"scenario: a column cannot be named {brief(name)}; use letters, digits and _, "
                    "a letter first."
                )
        for name in self.names:
            if not name[:1].isalpha() or set(name) & set(',"\r\n') or name in _MISSING:
                raise DataError(
                    f"scenario: a group cannot be named {brief(name)}; use words without commas, "
                    "quotes and line breaks, a letter first, that do not mean a missing value."
                )
        for all_of in (columns, self.names):
            if len(set(all_of)) < len(all_of):
                raise DataError(
                    f"scenario: of {', '.join(all_of)} two are the same; give each its own name."
                )
        if not self.predictor_sd >= 10.0**-self.predictor_decimals:
            raise DataError(
                f"scenario: predictor_sd is {brief(self.predictor_sd)}, which is lost where the "
                f"predictor has {self.predictor_decimals} decimals; make it larger."
            )


# What pandas reads as a missing value, of what begins with a letter.
_MISSING = {"NA", "NULL", "NaN", "None", "nan", "null", "n/a", "N/A"}


def _names(text: str, ending: str = "") -> tuple[str, ...]:
    return tuple(name + ending for name in text.split())


_SCHOOLS = Scenario(
    name="schools",
    group="school",
    response="score",
    predictor="hours",
    outcome="passed",
    a_group="school",
    groups="schools",
    rows="students",
    response_words="score in mathematics",
    predictor_words="hours of homework a week, more or less than the usual 7",
    outcome_words="passed the school's own examination",
    units="points",
    predictor_units="hours",
    decimals=1,
    predictor_decimals=1,
    limits=(0.0, 100.0),
    predictor_limits=(-6.5, 6.5),
    predictor_sd=2.5,
    outcome_pull=0.6,
    truths=Truths(
        mu=(52.0, 62.0),
        tau=(4.0, 6.5),
        sigma=(6.0, 8.0),
        slope=(1.0, 2.0),
        tau_slope=(1.1, 1.7),
        cor=(-0.5, 0.5),
        probability=(0.55, 0.85),
    ),
    names=_names(
        "Alder Ashford Beacon Birchwood Bridgeford Brookside Cedar Chestnut Clayton Cranbrook "
        "Eastfield Elmwood Fairview Fernhill Foxley Glenview Greenbank Hawthorn Hazelwood "
        "Highfield Hillcrest Holly Juniper Kingsley Lakeside Larch Linden Maplewood Meadow "
        "Millbrook Northgate Oakfield Orchard Parkland Pinewood Riverside Rowan Southfield "
        "Sycamore Westbrook"
    ),
    story=(
        "A district wants to know how much its schools differ. From each school some students were "
        "drawn at random and sat the same test: `score` is what they reached in mathematics, out "
        "of 100 points. `hours` is how much homework they say they do, in hours a week more (+) or "
        "less (-) than the usual 7. `passed` is 1 for a student who passed the school's own "
        "examination, which each school sets to its own standard, and 0 for one who did not."
    ),
)

_FIELDS = Scenario(
    name="fields",
    group="field",
    response="harvest",
    predictor="nitrogen",
    outcome="blight",
    a_group="field",
    groups="fields",
    rows="plots",
    response_words="harvest of wheat",
    predictor_words="nitrogen given, more or less than the usual 120 kg/ha",
    outcome_words="the plot had blight",
    units="t/ha",
    predictor_units="kg/ha",
    decimals=2,
    predictor_decimals=0,
    limits=(0.0, 14.0),
    predictor_limits=(-60.0, 60.0),
    predictor_sd=25.0,
    outcome_pull=-0.5,
    truths=Truths(
        mu=(6.0, 7.5),
        tau=(0.6, 1.0),
        sigma=(0.8, 1.1),
        slope=(0.015, 0.03),
        tau_slope=(0.014, 0.022),
        cor=(-0.5, 0.5),
        probability=(0.15, 0.4),
    ),
    names=_names(
        "Abbey Barn Beech Brook Burnt Castle Chalk Church Clay Coppice Corner Crow Drove Elm Fern "
        "Flint Ford Fox Gate Gravel Hare Heron High Hollow Kiln Lark Long Low Mill Moor North Oak "
        "Pond Quarry Rook Sand South Thorn Warren Well",
        " Field",
    ),
    story=(
        "A farm wants to know how much its fields differ. Each field was divided into plots, and "
        "`harvest` is the wheat from each plot, in tonnes per hectare. `nitrogen` is the "
        "fertiliser it was given, in kg per hectare more (+) or less (-) than the usual 120. "
        "`blight` is 1 for a plot on which the disease was found, and 0 for one without; its "
        "spores fly so far that they reach all fields alike."
    ),
)

_CLINICS = Scenario(
    name="clinics",
    group="clinic",
    response="pressure",
    predictor="age",
    outcome="returned",
    a_group="clinic",
    groups="clinics",
    rows="patients",
    response_words="systolic blood pressure",
    predictor_words="age, above or below 50",
    outcome_words="came back for the second visit",
    units="mmHg",
    predictor_units="years",
    decimals=1,
    predictor_decimals=0,
    limits=(70.0, 220.0),
    predictor_limits=(-25.0, 25.0),
    predictor_sd=10.0,
    outcome_pull=0.3,
    truths=Truths(
        mu=(130.0, 142.0),
        tau=(6.0, 9.0),
        sigma=(8.5, 11.0),
        slope=(0.4, 0.9),
        tau_slope=(0.4, 0.65),
        cor=(-0.5, 0.5),
        probability=(0.5, 0.85),
    ),
    names=_names(
        "Ashgrove Avon Bayview Bellevue Bluebell Bridge Carlton Central Cliffside Corner Dale "
        "Eastgate Garden Grange Harbour Haven Heath Hilltop Ivy Junction Kings Lighthouse Lime "
        "Market Marina Mill Northside Old Park Priory Queens Quayside Station Stone Sunrise "
        "Temple Valley Victoria Wells Willow",
        " Clinic",
    ),
    story=(
        "A health service wants to know how much its clinics differ. From each clinic some "
        "patients were drawn at random: `pressure` is their systolic blood pressure at the first "
        "visit, in mmHg. `age` is counted in years above (+) or below (-) 50. `returned` is 1 for "
        "a patient who came back for the second visit, and 0 for one who did not."
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in (_SCHOOLS, _FIELDS, _CLINICS)}

"""Questions: keys against other computations, mistakes, tolerances, words and pictures."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import mixedwidgets as mw
from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.homework import pictures
from mixedwidgets.homework.diagnosing import TOO_FEW_DIGITS, diagnose
from mixedwidgets.homework.keys import accepts
from mixedwidgets.homework.questions import (
    BinomialLikelihood,
    BinomialMLE,
    ChooseModel,
    Information,
    MomentsAgainstML,
    OneWayLikelihood,
    OwnQuestion,
    PlacePoint,
    PredictThenReveal,
    RandomInterceptFit,
    RandomSlopeFit,
    ShrunkenMean,
    WhichIntervalFails,
    identified,
)
from mixedwidgets.homework.questions.facts import correlation
from mixedwidgets.homework.questions.item import precision
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.world import World, make_world

KINDS = identified(
    [
        BinomialLikelihood(),
        BinomialMLE(),
        Information(),
        MomentsAgainstML(),
        OneWayLikelihood(),
        RandomInterceptFit(),
        RandomSlopeFit(),
        ShrunkenMean(),
        PredictThenReveal(),
        PlacePoint(),
        WhichIntervalFails(),
        ChooseModel(),
        RandomInterceptFit(reml=True),
        RandomSlopeFit(reml=True),
        ShrunkenMean(reml=True),
        ChooseModel("LRT"),
    ]
)
SCENARIOS = ("schools", "fields", "clinics")
WORDS = {"whole": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


@lru_cache(maxsize=64)
def world(student: int, size: int | tuple[int, int] = (6, 14)) -> World:
    return make_world("hw", f"s{student}", salt="tests", scenario=SCENARIOS[student % 3], size=size)


def columns(of: World) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Response, group, predictor and outcome."""
    d = of.data
    return tuple(d[c].to_numpy() for c in (of.response, of.group, of.predictor, of.outcome))  # type: ignore[return-value]


def key(question: Question, of: World, part: str) -> Any:
    return question.keys(of)[part].value


def loglik(of: World, mu: float, sigma2: float, tau2: float) -> float:
    """The one-way log-likelihood by multivariate normal densities, one for each group."""
    y, g, _, _ = columns(of)
    total = 0.0
    for name in np.unique(g):
        own = y[g == name]
        V = sigma2 * np.eye(len(own)) + tau2
        total += float(stats.multivariate_normal(np.full(len(own), mu), V).logpdf(own))
    return total


def decimals_asked(text: str, label: str) -> int:
    line = next(line for line in text.splitlines() if line.startswith(f"- **{label}**"))
    found = re.search(r"to (?:a )?(\w+) (?:decimal|number)", line)
    assert found, line
    return WORDS[found.group(1)]


# Keys against other computations.


@pytest.mark.parametrize("student", range(4))
def test_binomial_keys_are_those_of_scipy(student: int) -> None:
    of = world(student)
    ones = columns(of)[3]
    n, p = len(ones), float(ones.mean())
    asked = BinomialLikelihood(theta=0.37, against=0.6)
    at = [float(stats.bernoulli.logpmf(ones, theta).sum()) for theta in (0.37, 0.6)]
    assert key(asked, of, "loglik") == pytest.approx(at[0], rel=1e-12)
    assert key(asked, of, "likelier") == ("0.37" if at[0] > at[1] else "0.6")
    assert key(BinomialMLE(), of, "mle") == pytest.approx(p)
    peak = float(stats.bernoulli.logpmf(ones, p).sum())
    assert key(BinomialMLE(), of, "peak") == pytest.approx(peak)
    h = 1e-4
    near = [float(stats.bernoulli.logpmf(ones, p + s).sum()) for s in (-h, h)]
    curvature = -(near[0] - 2.0 * peak + near[1]) / h**2
    assert key(Information(), of, "information") == pytest.approx(curvature, rel=1e-4)
    assert key(Information(), of, "se") == pytest.approx(curvature**-0.5, rel=1e-4)
    found = mw.binomial_interval(int(ones.sum()), n, 0.9, "wald")
    assert key(Information(0.9), of, "interval") == pytest.approx((found.lower, found.upper))


@pytest.mark.parametrize("student", range(4))
def test_balanced_one_way_keys_have_closed_forms(student: int) -> None:
    of = world(student, 8)
    y, g, _, _ = columns(of)
    by = pd.Series(y).groupby(g)
    m, n = by.ngroups, 8
    mean = by.mean()
    ssg = n * float(((mean - y.mean()) ** 2).sum())
    mse = float(((y - by.transform("mean")) ** 2).sum()) / (m * (n - 1))
    msg = ssg / (m - 1)
    ml, reml = (ssg / m - mse) / n, (msg - mse) / n
    assert key(MomentsAgainstML(), of, "moments") == pytest.approx(reml)
    assert key(MomentsAgainstML(), of, "ml") == pytest.approx(ml)
    for tau2, flag in ((ml, False), (reml, True)):
        weight = n * tau2 / (mse + n * tau2)
        name = of.group_names[3]
        asked = ShrunkenMean(name, reml=flag)
        assert key(asked, of, "weight") == pytest.approx(weight)
        shrunken = weight * mean[name] + (1 - weight) * y.mean()
        assert key(asked, of, "mean") == pytest.approx(shrunken)
    sigma, tau = key(PlacePoint(), of, "point")
    assert (sigma, tau) == pytest.approx((mse**0.5, ml**0.5))


@pytest.mark.parametrize("student", range(3))
def test_one_way_likelihood_is_that_of_multivariate_normals(student: int) -> None:
    of = world(student)
    mu = float(columns(of)[0].mean())
    value = key(OneWayLikelihood(mu, 2.0, 1.5), of, "loglik")
    assert value == pytest.approx(loglik(of, mu, 4.0, 2.25), rel=1e-10)
    sentences = {m.sentence: m.value for m in self_mistakes(OneWayLikelihood(mu, 2.0, 1.5), of)}
    swapped = next(v for s, v in sentences.items() if "SDs for variances" in s)
    assert swapped == pytest.approx(loglik(of, mu, 2.0, 1.5))
    own = re.search(r"mu = ([\d.]+)\$.*sigma = ([\d.]+)\$.*tau = ([\d.]+)\$", text(4, of))
    assert own
    at = [float(v) for v in own.groups()]
    expected = loglik(of, at[0], at[1] ** 2, at[2] ** 2)
    assert key(KINDS[4], of, "loglik") == pytest.approx(expected, rel=1e-10)


def self_mistakes(question: Question, of: World) -> Any:
    return next(iter(question.keys(of).values())).mistakes


def text(number: int, of: World) -> str:
    return KINDS[number].asked(of).text


@pytest.mark.parametrize("student", range(3))
@pytest.mark.parametrize("reml", [False, True])
def test_unbalanced_keys_are_those_of_lmer(student: int, reml: bool) -> None:
    of = world(student)
    names = {"y": of.response, "x": of.predictor, "g": of.group}

    def fit(formula: str) -> mw.Fit:
        return mw.lmer(formula.format(**names), of.data, REML=reml)

    null = fit("{y} ~ 1 + (1 | {g})")
    name = of.named_group
    assert key(ShrunkenMean(reml=reml), of, "mean") == pytest.approx(
        null.coef()[of.group].loc[name, "(Intercept)"], rel=1e-6
    )
    simple = fit("{y} ~ {x} + (1 | {g})")
    asked = RandomInterceptFit(reml=reml)
    assert key(asked, of, "slope") == pytest.approx(simple.fixef[of.predictor], rel=1e-6)
    sdcor = simple.varcorr()["sdcor"]
    assert (key(asked, of, "tau"), key(asked, of, "sigma")) == pytest.approx(list(sdcor), rel=1e-5)
    whole = fit("{y} ~ {x} + ({x} | {g})")
    asked = RandomSlopeFit(reml=reml)
    found = [key(asked, of, part) for part in ("tau_slope", "cor", "sigma")]
    assert found == pytest.approx(list(whole.varcorr()["sdcor"])[1:], rel=1e-4)
    assert key(asked, of, "slope") == pytest.approx(whole.fixef[of.predictor], rel=1e-6)
    if not reml:
        assert key(MomentsAgainstML(), of, "ml") == pytest.approx(
            null.varcorr()["vcov"].iloc[0], rel=1e-5
        )
        fits = {"null": null, "intercept": simple, "slope": whole}
        ratio = 2 * (whole.loglik - simple.loglik)
        assert key(ChooseModel(), of, "ratio") == pytest.approx(ratio, abs=1e-6)
        assert key(ChooseModel(), of, "model") == min(fits, key=lambda m: fits[m].aic)
        p = [
            stats.chi2.sf(2 * (simple.loglik - null.loglik), 1),
            stats.chi2.sf(ratio, 2),
        ]
        chosen = "null" if p[0] >= 0.05 else "intercept" if p[1] >= 0.05 else "slope"
        assert key(ChooseModel("LRT"), of, "model") == chosen


@pytest.mark.parametrize("student", range(3))
def test_moments_of_unequal_groups(student: int) -> None:
    of = world(student)
    y, g, _, _ = columns(of)
    groups = [y[g == name] for name in np.unique(g)]
    sizes = np.array([len(own) for own in groups])
    n, m = len(y), len(groups)
    mse = sum(float(((own - own.mean()) ** 2).sum()) for own in groups) / (n - m)
    msg = float(stats.f_oneway(*groups).statistic) * mse
    n0 = (n - float((sizes**2).sum()) / n) / (m - 1)
    assert key(MomentsAgainstML(), of, "moments") == pytest.approx((msg - mse) / n0)


@pytest.mark.parametrize("student", range(3))
def test_the_interval_that_fails_is_that_of_a_numerical_hessian(student: int) -> None:
    of = world(student)
    null = mw.lmer(f"{of.response} ~ 1 + (1 | {of.group})", of.data, REML=False)
    best = np.array([null.fixef.iloc[0], null.sigma**2, null.varcorr()["vcov"].iloc[0]])
    step = 1e-3 * np.array([null.sigma, best[1], best[2]])
    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
            total = 0.0
            for a, b in signs:
                at = best.copy()
                at[i] += a * step[i]
                at[j] += b * step[j]
                total += a * b * loglik(of, *at)
            hessian[i, j] = -total / (4 * step[i] * step[j])
    se = float(np.linalg.inv(hessian)[2, 2]) ** 0.5
    found = re.search(r"two-sided ([\d.]+) %", text(10, of))
    assert found
    level = float(found.group(1)) / 100
    lower = best[2] - stats.norm.ppf(0.5 + 0.5 * level) * se
    assert key(KINDS[10], of, "which") == ("variance" if lower < 0 else "none")
    assert abs(lower) > 0.1 * se
    assert key(KINDS[10], of, "why") == "symmetric"


def test_the_point_is_where_an_optimiser_ends() -> None:
    of = world(1)
    mu = float(columns(of)[0].mean())
    start = [mu, *np.log([1.0, 1.0])]
    found = optimize.minimize(
        lambda at: -loglik(of, at[0], math.exp(2 * at[1]), math.exp(2 * at[2])),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 600},
    )
    assert key(PlacePoint(), of, "point") == pytest.approx(tuple(np.exp(found.x[1:])), rel=1e-3)


# Tolerances and mistakes, for thirty students.


@pytest.mark.parametrize("student", range(30))
def test_right_answers_are_right_and_mistakes_are_named(student: int) -> None:
    of = world(student)
    for question in KINDS:
        asked, keys = question.asked(of), question.keys(of)
        assert [part.id for part in asked.parts] == list(keys)
        for part in asked.parts:
            found = keys[part.id]
            assert part.tolerance == found.tolerance
            assert accepts(part.kind, found.value, found)
            digits = 3
            if part.kind == "number":
                digits = decimals_asked(asked.text, part.label)
            if part.kind in ("number", "interval"):
                assert accepts(part.kind, rounded(found.value, digits), found)
            assert diagnose(part, found.value, found) == ""
            for mistake in found.mistakes:
                assert not accepts(part.kind, mistake.value, found), mistake
                assert diagnose(part, mistake.value, found) == mistake.sentence
                if part.kind == "number":
                    given = rounded(mistake.value, digits)
                    assert not accepts(part.kind, given, found), mistake
                    if abs(float(given)) >= 10.0 ** (1 - digits):  # type: ignore[arg-type]
                        assert diagnose(part, given, found), mistake
                    if abs(float(given)) >= abs(float(found.value)):  # type: ignore[arg-type]
                        said = diagnose(part, given, found)
                        assert said in (mistake.sentence, TOO_FEW_DIGITS)


def rounded(value: Value, digits: int) -> Value:
    if isinstance(value, tuple):
        return (round(value[0], digits), round(value[1], digits))
    return round(float(value), digits)


NAMED = [
    (1, "mle", "n - 1"),
    (0, "loglik", "base 10"),
    (0, "loglik", "base 2"),
    (0, "loglik", "minus the log-likelihood"),
    (0, "loglik", "deviance"),
    (1, "mle", "percent"),
    (2, "se", "variance"),
    (2, "se", "n - 1"),
    (2, "information", "n - 1"),
    (2, "interval", "one-sided"),
    (3, "moments", "by ML"),
    (3, "moments", "SD"),
    (3, "moments", "n - 1"),
    (3, "moments", "divided by how many they are"),
    (3, "ml", "by REML"),
    (4, "loglik", "SDs for variances"),
    (5, "tau", "by REML"),
    (5, "tau", "variance"),
    (6, "tau_slope", "by REML"),
    (6, "tau_slope", "And it is the variance"),
    (7, "mean", "without shrinkage"),
    (7, "mean", "wrong mean"),
    (7, "mean", "shrunken mean of"),
    (12, "tau", "by ML"),
    (8, "place", "no shrinkage"),
]


@pytest.mark.parametrize(("number", "part", "words"), NAMED)
def test_the_mistakes_of_the_lecture_are_known_for_all_students(
    number: int, part: str, words: str
) -> None:
    without = [
        student
        for student in range(30)
        if not any(words in m.sentence for m in KINDS[number].keys(world(student))[part].mistakes)
    ]
    # two means may lie so close together that either is right
    assert len(without) <= (6 if words == "wrong mean" else 1)


def test_limits_of_sensible_answers_hold_the_key() -> None:
    for student in range(6):
        for question in KINDS:
            keys = question.keys(world(student))
            for part in question.asked(world(student)).parts:
                if part.limits is None or part.kind != "number":
                    continue
                low, high = part.limits
                value = keys[part.id].value
                assert low is None or value >= low
                assert high is None or value <= high
                assert all(v is None or len(f"{v:g}") < 8 for v in part.limits)


def test_precision_follows_the_scale() -> None:
    assert (precision(4.0).decimals, precision(4.0).tolerance) == (3, 0.005)
    assert (precision(0.015).decimals, precision(700.0, 3).decimals) == (5, 0)
    assert "whole number (up to 5 off" in precision(700.0, 3).words
    assert "0.00005 off" in precision(0.01, 3).words or precision(0.03).words


# Words and pictures.


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_question_names_what_it_is_about_and_not_its_key(number: int) -> None:
    of = world(number)
    question = KINDS[number]
    asked = question.asked(of)
    assert asked.title
    assert asked.id == f"q{number + 1}"
    assert f"`{of.outcome}`" in asked.text or of.response in asked.text
    assert asked.text.count("$") % 2 == 0
    assert "  " not in asked.text
    if number in (3, 4, 5, 6, 7, 8, 10, 11, 12):
        assert "REML" in asked.text or "ML" in asked.text or "maximum likelihood" in asked.text
    whole = json.dumps([asked.text, *(part.__dict__ for part in asked.parts)], ensure_ascii=False)
    assert "\\u0000" not in whole
    for found in question.keys(of).values():
        values = found.value if isinstance(found.value, tuple) else (found.value,)
        for value in values:
            if isinstance(value, float) and value != round(value, 3):
                assert f"{value:.4f}" not in whole
    assert question.asked(of) == asked
    graded, keys = question.for_grading(of)
    assert keys == question.keys(of)
    assert (graded.text, [p.id for p in graded.parts]) == (asked.text, list(keys))
    assert all(part.picture is None for part in graded.parts)


@pytest.mark.parametrize("student", range(6))
def test_pictures_are_small_and_hold_the_key_somewhere(student: int) -> None:
    of = world(student)
    for question, name in ((KINDS[2], "interval"), (KINDS[8], "place"), (KINDS[9], "point")):
        picture: Any = question.asked(of).part(name).picture
        found = question.keys(of)[name]
        value: Any = found.value
        assert len(json.dumps(picture)) < 6000
        if picture["kind"] == "curve":
            assert picture["xlim"][0] < value[0] < value[1] < picture["xlim"][1]
        elif picture["kind"] == "groups":
            assert picture["xlim"][0] < value[0] < picture["xlim"][1]
            assert picture["names"][int(value[1])] == picture["pick"]
        else:
            x, y, drop = (np.array(picture[axis]) for axis in ("x", "y", "drop"))
            row, column = np.unravel_index(int(drop.argmin()), drop.shape)
            assert x[column] == pytest.approx(value[0], abs=1.1 * (x[1] - x[0]))
            assert y[row] == pytest.approx(value[1], abs=1.1 * (y[1] - y[0]))
            assert (x[-1] - x[0], y[-1] - y[0]) == pytest.approx(found.widths)


def test_the_key_is_not_at_one_place_of_the_pictures() -> None:
    places = []
    for student in range(12):
        of = world(student)
        (low, high), (left, right) = (
            KINDS[2].keys(of)["interval"].value,
            (
                KINDS[2].asked(of).part("interval").picture["xlim"]  # type: ignore[index]
            ),
        )
        x = KINDS[9].asked(of).part("point").picture["x"]  # type: ignore[index]
        sigma = KINDS[9].keys(of)["point"].value[0]  # type: ignore[index]
        places.append((((low + high) / 2 - left) / (right - left), (sigma - x[0]) / (x[-1] - x[0])))  # type: ignore[operator]
    assert min(np.std(places, axis=0)) > 0.02


def test_a_prediction_is_right_where_it_is_near() -> None:
    for student in range(10):
        of = world(student)
        found = KINDS[8].keys(of)["place"]
        mean, row = found.value  # type: ignore[misc]
        picture = KINDS[8].asked(of).part("place").picture
        assert picture is not None
        raw = picture["means"][int(row)]  # type: ignore[arg-type]
        assert found.widths is not None
        off = found.tolerance * found.widths[0]
        assert 0.0 < off < 0.51 * abs(raw - mean)  # type: ignore[operator]
        assert accepts("point", (mean + 0.9 * off, -3.0), found)  # type: ignore[operator]
        assert not accepts("point", (raw, row), found)


def test_two_probabilities_at_an_end_of_the_scale_differ() -> None:
    rare = {"probability": 0.003}
    for student in range(4):
        of = make_world("hw", f"s{student}", salt="tests", groups=40, size=60, truth=rare)
        options = BinomialLikelihood().asked(of).part("likelier").options
        assert len({name for name, _ in options}) == 2


def test_students_get_questions_of_their_own() -> None:
    texts = [{text(number, world(3 * s)) for s in range(6)} for number in (0, 4, 7, 8)]
    assert all(len(of) >= 4 for of in texts)


# At the boundary, and what cannot be asked there.


def test_a_correlation_is_none_beyond_one() -> None:
    for student in range(12):
        at_edge = make_world(
            "hw", f"s{student}", salt="tests", groups=5, size=(3, 4), boundary=True
        )
        cor = correlation(at_edge.fit("slope"))
        assert math.isnan(cor) or -1.0 <= cor <= 1.0


def test_questions_at_the_boundary_are_answered_or_refused_in_a_sentence() -> None:
    refused: dict[str, str] = {}
    for student in range(4):
        of = make_world("hw", f"s{student}", salt="tests", boundary=True, groups=8, size=8)
        for question in KINDS:
            try:
                keys = question.keys(of)
                question.asked(of)
            except ModelError as error:
                refused[type(question).__name__] = str(error)
            else:
                values = [k.value for k in keys.values()]
                assert all(math.isfinite(v) for v in values if isinstance(v, float))
        assert key(MomentsAgainstML(), of, "ml") == 0.0
        assert key(KINDS[8], of, "place")[0] == pytest.approx(of.oneway.ml.mu)
    assert set(refused) <= {"WhichIntervalFails", "RandomSlopeFit"}
    assert all("at the boundary" in said for said in refused.values())


# The teacher's own questions.


def own(answer: Any, **options: Any) -> OwnQuestion:
    return OwnQuestion("What is it?", answer, **{"tolerance": 0.01, "id": "mine", **options})


def test_an_own_question_about_a_number() -> None:
    of = world(0)
    question = own(
        lambda data: data["score"].mean(),
        units="points",
        decimals=2,
        mistakes={
            "this is the median": lambda data: np.median(data["score"]),
            "This is zero.": 0,
            "Never.": lambda data: None,
            "This is right after all.": lambda data: data["score"].mean() + 0.001,
        },
    )
    found = question.keys(of)["answer"]
    assert found.value == pytest.approx(of.data["score"].mean())
    assert type(found.value) is float
    assert [m.sentence for m in found.mistakes] == ["This is the median.", "This is zero."]
    assert "to two decimals (up to 0.01 off is right)" in question.asked(of).text
    assert "in points" in question.asked(of).text
    count = own(lambda data: (data["score"] > 60).sum(), tolerance=0)
    assert accepts("number", float((of.data["score"] > 60).sum()), count.keys(of)["answer"])
    exact = own(lambda data: 2 / 3, tolerance=None, decimals=2).keys(of)["answer"]
    assert accepts("number", 0.67, exact)
    assert not accepts("number", 0.66, exact)


def test_own_choices_intervals_and_points() -> None:
    of = world(0)
    choice = own(lambda data: True, tolerance=None, options={"True": "yes", "False": "no"})
    assert choice.keys(of)["answer"].value == "True"
    assert choice.asked(of).parts[0].options == (("True", "yes"), ("False", "no"))

    def drawn(data: pd.DataFrame) -> dict[str, Any]:
        x = [0.0, 1.0, 2.0]
        return pictures.curve(x, x, xlabel="", ylabel="", xlim=(0.0, 2.0), ylim=(0.0, 2.0))

    def sheet(data: pd.DataFrame) -> dict[str, Any]:
        return pictures.surface([0.0, 4.0], [0.0, 2.0], [[0, 1], [1, 2]], labels=("", ""))

    interval = own(lambda data: np.array([0.5, 1.5]), kind="interval", picture=drawn)
    assert interval.keys(of)["answer"].value == (0.5, 1.5)
    picture = interval.asked(of).parts[0].picture
    assert picture is not None
    assert picture["kind"] == "curve"
    point = own(lambda data: (1.0, 1.0), kind="point", tolerance=0.05, picture=sheet)
    found = point.keys(of)["answer"]
    assert found.widths == (4.0, 2.0)
    assert accepts("point", (1.19, 1.0), found)
    assert not accepts("point", (1.0, 1.11), found)


def explode(data: pd.DataFrame) -> float:
    raise RuntimeError("two lines\nof it")


@pytest.mark.parametrize(
    ("answer", "options", "said"),
    [
        (lambda data: data["nothing"], {}, "raised KeyError"),
        (lambda data: 1 / 0, {}, "ZeroDivisionError"),
        (explode, {}, r"raised RuntimeError \(two lines\);"),
        (lambda: 1, {}, "raised TypeError"),
        (lambda data: None, {}, "is None, not a finite number"),
        (lambda data: float("nan"), {}, "nan, not a finite number"),
        (lambda data: "3", {}, "'3', not a finite number"),
        (lambda data: True, {}, "True, not a finite number"),
        (lambda data: data, {}, "of type DataFrame, not a finite number"),
        (lambda data: data["score"], {}, "of type Series, not a finite number"),
        (lambda data: "yse", {"options": ["yes", "no"]}, "did you mean 'yes'"),
        (lambda data: 1.0, {"mistakes": {"Odd.": explode}}, r"mistake 'Odd\.' raised RuntimeError"),
        (lambda data: 1.0, {"mistakes": {"Odd.": "x"}}, "'x', not a finite number"),
        (
            lambda data: (2.0, 1.0),
            {"kind": "interval", "picture": lambda data: None},
            "not two finite numbers in order",
        ),
        (
            lambda data: 5,
            {"kind": "interval", "picture": lambda data: None},
            "5, not two finite numbers",
        ),
        (
            lambda data: (1.0, 2.0),
            {"kind": "point", "picture": lambda data: {"kind": "curve"}},
            "not what homework.pictures makes",
        ),
    ],
)
def test_what_an_own_function_does_wrong_is_one_sentence(
    answer: Any, options: dict[str, Any], said: str
) -> None:
    question = own(answer, **options)
    with pytest.raises(ModelError, match=said) as caught:
        list(question.keys(world(0))["answer"].mistakes)
    message = str(caught.value)
    assert message.startswith("Question 'mine' fails for student 's0': ")
    assert "\n" not in message


def test_an_own_function_cannot_spoil_the_data() -> None:
    of = world(0)
    before = of.data.copy()

    def spoil(data: pd.DataFrame) -> float:
        data["score"] = 0.0
        return 1.0

    own(spoil).keys(of)
    pd.testing.assert_frame_equal(of.data, before)


# What a teacher gets wrong.


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BinomialMLE(points=-1), "points is -1"),
        (lambda: BinomialMLE(points="2"), "points is '2'"),
        (lambda: BinomialMLE(feedback="chek"), "did you mean 'check'"),
        (lambda: BinomialMLE(tries=0), "tries is 0"),
        (lambda: BinomialMLE(id="a b"), "id is 'a b'"),
        (lambda: BinomialMLE(title=3), "title is 3"),
        (lambda: BinomialLikelihood(0.3), "against is None"),
        (lambda: BinomialLikelihood(0.3, 0.3), "both 0.3"),
        (lambda: BinomialLikelihood(0.3, 1.0), "against is 1.0"),
        (lambda: Information(95), "level is 95"),
        (lambda: OneWayLikelihood(1.0, 0.0, 1.0), "sigma above 0"),
        (lambda: OneWayLikelihood(1.0), "or none of them"),
        (lambda: RandomInterceptFit("yes"), "reml is 'yes'"),
        (lambda: RandomSlopeFit(1), "reml is 1"),
        (lambda: ShrunkenMean(3), "group is 3"),
        (lambda: PredictThenReveal(3), "group is 3"),
        (lambda: ChooseModel("BIC"), "'AIC', 'LRT'"),
        (lambda: OwnQuestion("", len, 1), "text is ''"),
        (lambda: OwnQuestion("x", 5, 1), "answer is 5"),
        (lambda: OwnQuestion("x", len), "how exact"),
        (lambda: OwnQuestion("x", len, -1), "tolerance is -1"),
        (lambda: OwnQuestion("x", len, decimals=1.5), "decimals is 1.5"),
        (lambda: OwnQuestion("x", len, 0.001, decimals=2), "further off"),
        (lambda: OwnQuestion("x", len, options=["a"]), "at least two"),
        (lambda: OwnQuestion("x", len, options=["a", "a"]), "at least two"),
        (lambda: OwnQuestion("x", len, options="yes"), "options is 'yes'"),
        (lambda: OwnQuestion("x", len, 1, kind="choice"), "with 0 options"),
        (lambda: OwnQuestion("x", len, 1, kind="text"), "kind is 'text'"),
        (lambda: OwnQuestion("x", len, 1, kind="point"), "picture is None"),
        (lambda: OwnQuestion("x", len, kind="point", picture=len), "tolerance above 0"),
        (lambda: OwnQuestion("x", len, 1, mistakes=[1]), "mistakes is"),
        (lambda: OwnQuestion("x", len, 1, limits=3), "limits is 3"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        make()


def test_a_group_that_a_student_does_not_have() -> None:
    with pytest.raises(ModelError, match="s0 has no school 'Hogwarts'"):
        ShrunkenMean("Hogwarts").keys(world(0))


def test_ids_are_given_in_order_and_are_unique() -> None:
    named = identified([BinomialMLE(), BinomialMLE(id="mle"), Information()])
    assert [question.id for question in named] == ["q1", "mle", "q3"]
    for odd, said in (
        ([BinomialMLE(id="q2"), BinomialMLE()], "both called 'q2'"),
        ([BinomialMLE(id="a"), BinomialMLE(id="A")], "both called 'A'"),
        ([], "no questions"),
        (BinomialMLE(), "give a list"),
        ("q", "give a list"),
        ([BinomialMLE], "brackets after its name"),
        ([3], "Question 1 is 3"),
    ):
        with pytest.raises(DataError, match=said):
            identified(odd)


def test_questions_need_no_widget_and_no_picture_library() -> None:
    code = (
        "import sys; import mixedwidgets.homework.questions, mixedwidgets.homework.seals; "
        "print([m for m in ('matplotlib', 'ipywidgets', 'anywidget', 'IPython') "
        "if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

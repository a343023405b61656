"""Each student's own data: the same for ever, true to what they were drawn from, and solvable."""

from __future__ import annotations

import hashlib
import io
import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.homework import identity, solvable
from mixedwidgets.homework.chance import Chance
from mixedwidgets.homework.identity import check_name, check_student, read_roster
from mixedwidgets.homework.rows import Rows, draw, spread, to_csv
from mixedwidgets.homework.scenario import SCENARIOS, TRUTHS, Scenario
from mixedwidgets.homework.truth import draw_truth
from mixedwidgets.homework.world import World, make_world

SALT = "a salt for tests"
SCHOOLS = SCENARIOS["schools"]
CLASS = 60


def world(student: str = "ann", **options: Any) -> World:
    return make_world("hw1", student, salt=SALT, **options)


@pytest.fixture(scope="module")
def schools() -> list[World]:
    return [world(f"s{number}") for number in range(CLASS)]


# What students of earlier versions hold in their hands. If one of these changes, their homework
# can no longer be graded: mend the code, not the value.
GOLDEN = [
    ("ann", {}, "3c69f54c7cd511d082128d8d250c2645ae41711644ffc5e23c011c2a0840f290"),
    ("Ann", {}, "e1a3b9a85f83978be7b32f2fd2fb9be78675574323fb56748d274d26ae5dc57b"),
    (
        "12345",
        {"size": 10},
        "aa3065cdfc7d7ea1f30f741e3aa0527b7ea8645a0568bb22e42fb608a103d7cd",
    ),
    (
        "ann",
        {"scenario": "fields"},
        "5d0fcbbc4413ffb1eb1b942ca75ce70f1172eb32acda0003381040c4b5541d9d",
    ),
    (
        "ann",
        {"scenario": "clinics", "groups": 8},
        "d3038af15ae47371150b1bcbfc5944fc00f29c89e2b5e50da00aad9296645bc3",
    ),
    (
        "ann",
        {"boundary": True},
        "e93946c9a813dbb89ff5b06ae3f2825e2a34dda1d323f6c6ffa29bd4882e2696",
    ),
]


@pytest.mark.parametrize(("student", "options", "sha256"), GOLDEN)
def test_data_are_what_they_have_always_been(
    student: str, options: dict[str, Any], sha256: str
) -> None:
    found = world(student, **options)
    assert found.sha256 == mw.fingerprint(found.data) == sha256


def test_token_and_draws_are_what_they_have_always_been() -> None:
    assert world().token == "2acf147198494e17"
    assert world().named_group == "Bridgeford"
    chance = Chance(1)
    assert chance.uniform(0.0, 1.0) == 0.13436424411240122
    assert chance.normal() == pytest.approx(1.0254889723405536, rel=1e-14)
    assert (chance.integer(1, 6), chance.chosen("abc")) == (5, "a")
    assert chance.shuffled("abcdef") == ["b", "a", "d", "e", "f", "c"]


def test_everything_that_names_the_data_changes_them() -> None:
    others = [
        make_world("hw2", "ann", salt=SALT),
        make_world("hw1", "bob", salt=SALT),
        make_world("hw1", "ann", salt="another salt"),
        make_world("hw1", "Ann", salt=SALT),
    ]
    for other in others:
        assert other.sha256 != world().sha256
        assert other.token != world().token
        assert other.truth != world().truth


def test_no_two_pairs_of_names_run_together() -> None:
    names = [("hw", "1ann"), ("hw1", "ann"), ("hw1a", "nn"), ("ann", "hw1")]
    assert len({identity.seed(SALT, *pair) for pair in names}) == 4
    assert len({identity.token(SALT, *pair) for pair in names}) == 4


def test_token_says_nothing_of_the_seed() -> None:
    seed, token = identity.seed(SALT, "hw1", "ann"), identity.token(SALT, "hw1", "ann")
    assert len(token) == 16
    assert int(token, 16) != seed
    plain = [f"{SALT}hw1ann", f'["{SALT}", "hw1", "ann"]', f'["token", "{SALT}", "hw1", "ann"]']
    assert not any(hashlib.sha256(t.encode()).hexdigest().startswith(token) for t in plain)


# ---- chance


def test_draws_have_the_distributions_they_claim() -> None:
    chance = Chance(7)
    normal = [chance.normal(10.0, 2.0) for _ in range(4000)]
    assert statistics.fmean(normal) == pytest.approx(10.0, abs=0.1)
    assert statistics.stdev(normal) == pytest.approx(2.0, rel=0.04)
    dice = [chance.integer(1, 6) for _ in range(6000)]
    assert {face: dice.count(face) for face in range(1, 7)} == pytest.approx(
        dict.fromkeys(range(1, 7), 1000), abs=120
    )
    first = [chance.shuffled("abc")[0] for _ in range(3000)]
    assert first.count("a") == pytest.approx(1000, abs=120)


def test_a_normal_draw_is_finite_even_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Chance(1)
    monkeypatch.setattr(chance, "_random", lambda: 0.0)
    assert -9.0 < chance.normal() < -8.0


# ---- the data


@pytest.mark.parametrize("name", SCENARIOS)
def test_data_look_like_what_they_are_about(name: str) -> None:
    about, found = SCENARIOS[name], world(scenario=name)
    data = found.data
    assert list(data) == [about.group, about.predictor, about.response, about.outcome]
    assert (found.group, found.predictor, found.response, found.outcome) == tuple(data)
    assert data[about.response].between(*about.limits).all()
    assert data[about.predictor].between(*about.predictor_limits).all()
    assert set(data[about.outcome]) == {0, 1}
    for column, decimals in (
        (about.response, about.decimals),
        (about.predictor, about.predictor_decimals),
    ):
        assert data[column].equals(data[column].round(decimals))
    assert data[about.group].value_counts().between(6, 14).all()
    assert found.group_names == tuple(dict.fromkeys(data[about.group]))
    assert len(found.group_names) == 16 < len(about.names) == len(set(about.names))
    assert set(found.group_names) <= set(about.names)
    assert set(found.truth) == set(TRUTHS)
    for column in data:
        assert f"`{column}`" in about.story or column == about.group


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("boundary", [False, True])
def test_csv_gives_the_data_back_exactly(name: str, boundary: bool) -> None:
    found = world(scenario=name, boundary=boundary)
    again = pd.read_csv(io.StringIO(found.csv))
    pd.testing.assert_frame_equal(again, found.data, check_exact=True)
    assert mw.fingerprint(again) == found.sha256


def test_every_number_that_csv_can_hold_comes_back_exactly() -> None:
    tenths = [round(k / 10, 1) for k in range(-1000, 2201)]
    hundredths = [round(k / 100, 2) for k in range(1401)]
    for values in (tenths, hundredths):
        n = len(values)
        text = to_csv(SCHOOLS, Rows(["Alder"] * n, values, values, [0] * n, [n]))
        again = pd.read_csv(io.StringIO(text))
        assert again["score"].tolist() == again["hours"].tolist() == values


def test_truths_differ_between_students_and_can_be_fixed(schools: list[World]) -> None:
    for name in TRUTHS:
        low, high = getattr(SCHOOLS.truths, name)
        values = {found.truth[name] for found in schools}
        assert len(values) > CLASS / 2
        assert low <= min(values) < max(values) <= high
    found = world(truth={"tau": 5, "mu": 50.25})
    assert (found.truth["tau"], found.truth["mu"]) == (5.0, 50.25)
    assert found.truth["sigma"] == world().truth["sigma"]


def test_size_and_number_of_groups() -> None:
    found = world(groups=9, size=12)
    assert found.data["school"].value_counts().tolist() == [12] * 9
    assert world(size=(7, 7)).sha256 == world(size=7).sha256
    assert world(groups=np.int64(9), size=12).sha256 == found.sha256


@pytest.mark.parametrize("name", SCENARIOS)
def test_fits_find_the_truth_where_data_are_plentiful(name: str) -> None:
    """Drawn without selection, so that what is estimated is what was drawn."""
    about = SCENARIOS[name]
    truth = {n: statistics.fmean(getattr(about.truths, n)) for n in TRUTHS} | {"cor": 0.4}
    rows = draw(replace(about, limits=(-math.inf, math.inf)), Chance(5), truth, 40, (90, 100))
    data = pd.read_csv(io.StringIO(to_csv(about, rows)))
    y, x, g = about.response, about.predictor, about.group
    fit = mw.lmer(f"{y} ~ {x} + ({x} | {g})", data, REML=False)
    covariance = fit.estimate.covariances[0]
    sds = np.sqrt(np.diag(covariance))
    assert fit.fixef["(Intercept)"] == pytest.approx(
        truth["mu"], abs=4.0 * truth["tau"] / math.sqrt(40)
    )
    assert fit.fixef[x] == pytest.approx(
        truth["slope"], abs=4.0 * truth["tau_slope"] / math.sqrt(40)
    )
    assert fit.sigma == pytest.approx(truth["sigma"], rel=0.05)
    assert sds == pytest.approx([truth["tau"], truth["tau_slope"]], rel=0.4)
    assert covariance[0, 1] / sds.prod() == pytest.approx(0.4, abs=0.45)
    assert data[about.outcome].mean() == pytest.approx(truth["probability"], abs=0.035)
    assert abs(data[x].mean()) < 0.1 * about.predictor_sd


def test_truth_is_recovered_over_a_class(schools: list[World]) -> None:
    estimates: dict[str, list[float]] = {name: [] for name in TRUTHS}
    for found in schools:
        fit = found.fit("slope")
        covariance = fit.estimate.covariances[0]
        sds = np.sqrt(np.diag(covariance))
        values = [fit.estimate.beta[0], sds[0], fit.sigma, fit.estimate.beta[1], sds[1]]
        values += [covariance[0, 1] / sds.prod(), found.data[found.outcome].mean()]
        for name, value in zip(TRUTHS, values, strict=True):
            estimates[name].append(value)
    for name, tolerance in {
        **{"mu": 0.7, "tau": 0.6, "sigma": 0.2, "slope": 0.2, "tau_slope": 0.25},
        **{"cor": 0.2, "probability": 0.02},
    }.items():
        truths = [found.truth[name] for found in schools]
        assert statistics.fmean(estimates[name]) == pytest.approx(
            statistics.fmean(truths), abs=tolerance
        ), name
    null = [found.fit("null", True).estimate.factor[0, 0] for found in schools]
    tau = [found.truth["tau"] for found in schools]
    assert statistics.fmean(map(abs, null)) == pytest.approx(statistics.fmean(tau), rel=0.1)


def test_outcomes_are_independent_of_groups(schools: list[World]) -> None:
    """Else their binomial likelihood, with one probability for all, would be a wrong model."""
    ratios = []
    for found in schools:
        table = mw.oneway(found.data["passed"].astype(float), found.data["school"]).anova
        ratios.append(table.F)
    assert statistics.fmean(ratios) == pytest.approx(1.0, abs=0.2)


# ---- fits


def test_fits_are_those_of_lmer_and_made_once() -> None:
    found = world()
    formulas = {
        "null": "score ~ 1 + (1 | school)",
        "intercept": "score ~ hours + (1 | school)",
        "slope": "score ~ hours + (hours | school)",
    }
    for model, formula in formulas.items():
        assert found.formula(model) == formula
        for reml in (False, True):
            fit = found.fit(model, reml)
            plain = mw.lmer(formula, found.data, REML=reml)
            assert fit.reml is reml
            assert fit.criterion == pytest.approx(plain.criterion, rel=1e-12)
            assert dict(fit.values()) == pytest.approx(dict(plain.values()), rel=1e-6)
            assert found.fit(model, reml) is fit
    assert found.oneway is found.oneway
    assert found.oneway.ml.tau == pytest.approx(found.fit("null").estimate.factor[0, 0], rel=1e-6)


def test_shrinkage_is_that_of_the_null_model() -> None:
    found = world()
    means = found.data.groupby("school")["score"].mean()
    fit = found.fit("null")
    shrunken = fit.fixef["(Intercept)"] + fit.ranef()["school"]["(Intercept)"]
    moved = (shrunken - means).to_dict()
    assert found.fits.shrinkage == pytest.approx(moved, abs=1e-8)
    middle = statistics.median(abs(by) for by in moved.values())
    assert abs(moved[found.named_group]) >= middle


def test_groups_with_names_are_not_the_same_for_all(schools: list[World]) -> None:
    assert len({found.named_group for found in schools}) > 10
    assert world().chance("q1").normal() == world().chance("q1").normal()
    assert world().chance("q1").normal() != world().chance("q2").normal()


# ---- solvable


@pytest.mark.parametrize("options", [{}, {"size": 10}, {"groups": 6, "size": 6}])
def test_every_question_has_a_clear_answer(options: dict[str, Any]) -> None:
    for number in range(15):
        found = world(f"t{number}", **options)
        ml, reml = found.fit("null", False), found.fit("null", True)
        for fit in (ml, reml, found.fit("intercept"), found.fit("slope")):
            assert fit.verdict.kind == "converged"
        assert found.oneway.moments.tau2 > 0.0
        assert reml.estimate.factor[0, 0] / ml.estimate.factor[0, 0] > 1.01
        assert abs(found.fits.shrinkage[found.named_group]) > 0.1
        assert found.data["passed"].value_counts().min() >= 5


@pytest.mark.parametrize("options", [{}, {"size": 10}, {"scenario": "fields", "groups": 8}])
def test_boundary_means_that_tau_is_estimated_as_exactly_zero(options: dict[str, Any]) -> None:
    for number in range(10):
        found = world(f"b{number}", boundary=True, **options)
        for reml in (False, True):
            fit = found.fit("null", reml)
            assert fit.estimate.factor[0, 0] == 0.0
            assert fit.verdict.kind == "boundary fit"
        assert found.oneway.moments.tau2 == 0.0 or found.oneway.anova.tau2 <= 0.0
        assert found.oneway.ml.tau2 == found.oneway.reml.tau2 == 0.0
        assert found.truth["tau"] > 0.0


def rows_like(response: list[float], outcome: list[int], sizes: list[int]) -> Rows:
    names = [n for n, size in zip(SCHOOLS.names, sizes, strict=False) for _ in range(size)]
    predictor = [float(place % 7 - 3) for place in range(len(response))]
    return Rows(names, predictor, response, outcome, sizes)


def test_flaws_are_seen() -> None:
    found = world(size=10).fits.rows
    n, flaw = len(found.response), solvable.flaw_of_rows
    assert flaw(SCHOOLS, found, False) is None
    assert flaw(SCHOOLS, found, True) == solvable.SOME_TAU
    assert flaw(SCHOOLS, replace(found, outcome=[1] * n), False) == solvable.ONE_OUTCOME
    beyond = replace(found, response=[100.1, *found.response[1:]])
    assert flaw(SCHOOLS, beyond, False) == solvable.NO_RANGE
    level = [50.0 + (place * 7) % 10 for place in range(n)]
    assert flaw(SCHOOLS, replace(found, response=level), False) == solvable.NO_TAU
    steps = [50.0 + 2.0 * (place // 10) + (place * 7) % 10 for place in range(n)]
    assert flaw(SCHOOLS, replace(found, response=steps), False) == solvable.NO_SLOPES


def test_mean_squares_are_those_of_the_analysis_of_variance() -> None:
    found = world()
    squares, table = spread(found.fits.rows), found.oneway.anova
    assert squares.between == pytest.approx(table.msg, rel=1e-9)
    assert squares.within == pytest.approx(table.mse, rel=1e-9)


def test_slopes_that_differ_by_chance_alone_have_a_ratio_of_one() -> None:
    truth = {**world().truth, "tau_slope": 0.0}
    ratios = [spread(draw(SCHOOLS, Chance(seed), truth, 16, (6, 14))).slopes for seed in range(100)]
    assert statistics.fmean(ratios) == pytest.approx(1.0, abs=0.15)


def test_truth_at_the_boundary_is_small() -> None:
    drawn = draw_truth(SCHOOLS, Chance(1), {}, True)
    assert 0.0 < drawn["tau"] < SCHOOLS.truths.tau[0] / 4


# ---- ids and rosters


@pytest.mark.parametrize(
    "student", ["a", "ann", "Ann.B-c_2", "x@uni.edu", "a+b", "-1", "_", "x" * 64, "007"]
)
def test_ids_that_can_be_used(student: str) -> None:
    assert check_student(student) == student


@pytest.mark.parametrize(
    ("given", "text"), [(12345, "12345"), (np.int64(7), "7"), (np.float64(8.0), "8")]
)
def test_numbers_as_ids(given: Any, text: str) -> None:
    assert check_student(given) == text


@pytest.mark.parametrize(
    "student",
    [
        *("", " ", "a b", ".hidden", "a.", "..", "a/b", "a\\b", "a\n", "é", "x" * 65, "C:"),
        *(None, True, 1.5, math.nan, math.inf, b"ann", ["ann"], "a\0b", "<b>", '"', "１２"),
    ],
)
def test_ids_that_cannot(student: Any) -> None:
    with pytest.raises(mw.DataError, match="cannot be a student's id; use 1 to 64 letters"):
        check_student(student)


@pytest.mark.parametrize(
    "student",
    [
        "con",
        "NUL",
        "com1",
        "aux.txt",
        "a.ipynb",
        "b.ZIP",
        "hw1-key.json",
        "__MACOSX",
        "__pycache__",
    ],
)
def test_ids_that_are_no_names_of_folders(student: str) -> None:
    with pytest.raises(mw.DataError, match="put a letter before it, or leave out its ending"):
        check_student(student)
    assert check_student("x.y") == "x.y"
    assert check_student("console") == "console"


@pytest.mark.parametrize("name", ["con", "Aux", "lpt9"])
def test_names_that_are_no_names_of_files(name: str) -> None:
    with pytest.raises(mw.DataError, match="some computers allow no file of this name"):
        check_name(name)


@pytest.mark.parametrize("name", ["", "hw 1", "hw.1", "../x", "é", 1, None, "x" * 65, "a\n"])
def test_names_that_cannot_be_used(name: Any) -> None:
    with pytest.raises(mw.DataError, match=r"cannot be the name of a homework.*such as 'hw1'"):
        check_name(name)
    assert check_name("hw-1_b") == "hw-1_b"


@pytest.mark.parametrize(
    "text",
    [
        "id,name\nann,Ann\n007,Bo\n",
        "name;Student\nAnn;ann\n\nBo; 007\n",
        "\ufeffusername\r\nann\r\n007\r\n",
        'note\tstudent_id\n"a\tb"\tann\nc\t007\n;;\t\n'.replace(";;\t\n", "\t\n"),
        "username,id\nx,ann\ny,007\n",
        "\ufeffsep=;\r\nStudent ID;Name\r\nann;A, B\r\n007;C\r\n",
    ],
)
def test_rosters_in_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "class.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_roster(path) == read_roster(str(path)) == ("ann", "007")


def test_rosters_in_memory() -> None:
    assert read_roster(["ann", 12]) == read_roster(x for x in ("ann", 12)) == ("ann", "12")
    assert read_roster(pd.Series(["ann", "bob"])) == ("ann", "bob")
    assert read_roster(pd.DataFrame({"n": [1, 2], "ID": [17, 18]})) == ("17", "18")


# ---- what cannot be done is said in a sentence


def spoilt(**changes: Any) -> Scenario:
    return replace(SCHOOLS, **changes)


NO_SUIT = "no data that suit the questions were found in 200 attempts, mostly because"
REFUSALS: list[tuple[str, Callable[[Path], Any]]] = [
    (
        "There is no scenario 'school' .did you mean 'schools'.*'clinics'",
        lambda p: world(scenario="school"),
    ),
    ("There is no scenario 5; choose 'schools'", lambda p: world(scenario=5)),
    ("groups is 4; give a whole number from 5 to 40", lambda p: world(groups=4)),
    ("groups is 41; .* 5 to 40, of which", lambda p: world(groups=41)),
    ("groups is True", lambda p: world(groups=True)),
    ("groups is 6.5", lambda p: world(groups=6.5)),
    ("groups is 7; .* 5 to 6", lambda p: world(scenario=spoilt(names=SCHOOLS.names[:6]), groups=7)),
    ("size is 2; .*such as .6, 14., from 3 to 100", lambda p: world(size=2)),
    ("size is .14, 6.", lambda p: world(size=(14, 6))),
    ("size is .3, 4, 5.", lambda p: world(size=(3, 4, 5))),
    ("size is '10'", lambda p: world(size="10")),
    ("truth is 5; give a dictionary", lambda p: world(truth=5)),
    ("truth has no 'taus' .did you mean 'tau'", lambda p: world(truth={"taus": 5})),
    ("truth: tau is -1; give a number of at least 0", lambda p: world(truth={"tau": -1})),
    ("truth: mu is nan; give a finite number", lambda p: world(truth={"mu": math.nan})),
    ("truth: sigma is 0; give a number above 0", lambda p: world(truth={"sigma": 0})),
    (
        "truth: sigma is 0.05, which is lost where the score is rounded to 0.1 points",
        lambda p: world(truth={"sigma": 0.05}),
    ),
    ("truth: cor is 2; give a number from -1 to 1", lambda p: world(truth={"cor": 2})),
    ("truth: probability is 1; .* between 0 and 1", lambda p: world(truth={"probability": 1})),
    ("truth: mu is '5'", lambda p: world(truth={"mu": "5"})),
    (
        f"(?i){NO_SUIT} values lie outside .*; leave more to chance .* which fixes mu",
        lambda p: world(truth={"mu": 100}),
    ),
    (
        f"(?i){NO_SUIT} nearly all outcomes are the same",
        lambda p: world(truth={"probability": 1e-6}),
    ),
    (f"(?i){NO_SUIT} the groups differ too much", lambda p: world(boundary=True, truth={"tau": 6})),
    ("no model 'nul' .did you mean 'null'.*'intercept' or 'slope'", lambda p: world().fit("nul")),
    ("no model None; choose", lambda p: world().fit(None)),
    (
        "salt is ''; give a text that students do not know",
        lambda p: make_world("hw1", "ann", salt=""),
    ),
    ("salt is 5; .*secrets.token_hex", lambda p: make_world("hw1", "ann", salt=5)),
    ("'a b' cannot be a student's id", lambda p: world("a b")),
    ("'hw 1' cannot be the name of a homework", lambda p: make_world("hw 1", "ann", salt=SALT)),
    ("a column cannot be named 'my score'", lambda p: spoilt(response="my score")),
    ("a column cannot be named 'yield'", lambda p: spoilt(response="yield")),
    ("of school, hours, hours, passed two are the same", lambda p: spoilt(response="hours")),
    ("a group cannot be named 'A, B'", lambda p: spoilt(names=("A, B",))),
    ("a group cannot be named 'NA'.*missing value", lambda p: spoilt(names=("NA",))),
    ("of Al, Al two are the same", lambda p: spoilt(names=("Al", "Al"))),
    ("predictor_sd is 0.01, which is lost", lambda p: spoilt(predictor_sd=0.01)),
    ("The roster is 5; give a list of ids, the path", lambda p: read_roster(5)),
    ("The roster is {'ann': 1}", lambda p: read_roster({"ann": 1})),
    ("The roster has no students", lambda p: read_roster([])),
    (
        "has both 'ann' and 'Ann', which some computers cannot tell",
        lambda p: read_roster(["ann", "bo", "Ann"]),
    ),
    ("has both 'ann' and 'ann'", lambda p: read_roster(["ann", "ann"])),
    ("Student 2 of the roster: nan cannot be", lambda p: read_roster(["ann", math.nan])),
    (
        "roster '.*nowhere.csv' cannot be opened .No such file",
        lambda p: read_roster(p / "nowhere.csv"),
    ),
    (
        "no column of ids in this table, which has a, b; name one of them id, student",
        lambda p: read_roster(pd.DataFrame({"a": [1], "b": [2]})),
    ),
]


@pytest.mark.parametrize(("sentence", "ask"), REFUSALS)
def test_refusals(sentence: str, ask: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(mw.MixedWidgetsError, match=sentence) as caught:
        ask(tmp_path)
    assert str(caught.value).endswith(".")
    assert str(caught.value).count(". ") <= 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "which has no columns; name one"),
        (b"name,mail\nann,x\n", "which has name, mail; name one"),
        (b"id\n" + b"x" * 140_000 + b"\n", "is no CSV file .field larger"),
        (b"id\n\xff\xfe\n", "is no UTF-8 text; save it as CSV in UTF-8"),
        (b"name,id\nann\n", "Student 1 of the roster: '' cannot be"),
        (b"id,name\nann,Ann\n ../x,Bo\n", "Student 2 of the roster: '../x' cannot be"),
    ],
)
def test_rosters_in_files_that_cannot_be_used(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "class.csv"
    path.write_bytes(content)
    with pytest.raises(mw.DataError, match=sentence):
        read_roster(path)

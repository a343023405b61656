"""Choices become fits: cached, never lost, never escaping as an exception."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.widgets import session as session_module
from mixedwidgets.widgets.session import REMEMBERED, Session
from mixedwidgets.widgets.state import Choices


def few_rows_each() -> pd.DataFrame:
    """Three rows a group: a factor of four levels gives too many random effects."""
    random = np.random.default_rng(2)
    n = 60
    return pd.DataFrame(
        {
            "y": random.normal(size=n),
            "x": random.normal(size=n),
            "f": pd.Categorical([f"f{i}" for i in random.integers(0, 4, n)]),
            "g": np.repeat(np.arange(20), 3),
        }
    )


@pytest.fixture
def fits(monkeypatch):
    """The calls of lmer, in order."""
    made = []

    def counted(spec, data, **options):
        made.append((str(spec), options["REML"]))
        return mw.lmer(spec, data, **options)

    monkeypatch.setattr(session_module, "lmer", counted)
    return made


@pytest.fixture
def choices() -> Choices:
    return Choices(response="y", group="g", fixed=("x",))


def sleep() -> tuple[Choices, Session]:
    choices = Choices(fixed=("Days",), slopes=("Days",))
    return choices, Session(mw.load("sleepstudy"), choices)


class TestGoodChoices:
    def test_the_fit_is_that_of_lmer(self):
        choices, session = sleep()
        for reml in (False, True):
            choices.reml = reml
            expected = mw.lmer("Reaction ~ Days + (Days | Subject)", session.data, REML=reml)
            assert session.fit.criterion == expected.criterion
            assert session.fit.formula == expected.formula
            assert session.fit.reml == reml
        choices.correlated = False
        assert session.fit.formula == "Reaction ~ Days + (Days || Subject)"
        assert (session.problem, session.error) == ("", None)

    def test_going_back_costs_nothing(self, fits):
        choices, session = sleep()
        first = session.fit
        choices.reml = True
        choices.slopes = ()
        choices.slopes = ("Days",)
        choices.reml = False
        assert session.fit is first
        with_slope, without = (
            "Reaction ~ Days + (Days | Subject)",
            "Reaction ~ Days + (1 | Subject)",
        )
        assert fits == [(with_slope, False), (with_slope, True), (without, True)]

    def test_an_impossible_wish_that_changes_nothing_is_not_fitted_again(self, fits):
        choices, session = sleep()
        first = session.fit
        choices.slopes = ("Days", "Subject")
        assert session.fit is first
        assert len(fits) == 1

    def test_only_so_many_fits_are_kept(self):
        n, names = 40, [f"x{i}" for i in range(REMEMBERED + 3)]
        random = np.random.default_rng(0)
        data = pd.DataFrame(random.normal(size=(n, len(names))), columns=names)
        data = data.assign(y=random.normal(size=n), g=np.repeat(np.arange(4), 10))
        choices = Choices(response="y", group="g")
        session = Session(data, choices)
        for name in names:
            choices.fixed = (name,)
        assert len(session._fits) == REMEMBERED
        assert session.problem == ""

    def test_changes_are_told_in_one_direction(self):
        choices, session = sleep()
        told = []
        session.observe(lambda change: told.append(change["name"]))
        choices.reml = True
        assert told == ["resolved", "fit", "answers"]

    def test_choices_are_kept_as_wished(self):
        choices, session = sleep()
        choices.response = "Days"
        assert session.fit.formula == "Days ~ 1 + (1 | Subject)"
        assert (choices.fixed, choices.slopes) == (("Days",), ("Days",))
        choices.response = "Reaction"
        assert session.fit.formula == "Reaction ~ Days + (Days | Subject)"


class TestFailingChoices:
    def test_the_last_good_fit_stays_and_the_problem_clears(self, choices):
        session = Session(few_rows_each(), choices)
        good = session.fit
        choices.slopes = ("f",)
        assert session.fit is good
        assert str(session.resolved.spec) == "y ~ x + (f | g)"
        assert "80 random effects" in session.problem
        assert session.problem[-1] in ".^"
        assert session.problem.endswith(".")
        assert "\n" not in session.problem
        assert session.error.startswith("Traceback")
        assert "ModelError" in session.error
        choices.slopes = ()
        assert (session.problem, session.error, session.fit) == ("", None, good)

    def test_a_failing_choice_is_tried_again(self, choices, fits):
        session = Session(few_rows_each(), choices)
        for slopes in (("f",), (), ("f",)):
            choices.slopes = slopes
        assert "random effects" in session.problem
        assert fits.count(("y ~ x + (f | g)", False)) == 2

    def test_from_the_start(self):
        choices = Choices(response="y", group="g", slopes=("f",))
        session = Session(few_rows_each(), choices)
        assert session.fit is None
        assert "random effects" in session.problem
        choices.slopes = ()
        assert session.fit.formula == "y ~ 1 + (1 | g)"
        assert (session.problem, session.error) == ("", None)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({"y": [0.5, 1.5, 2.5]}, "No column can be the grouping"),
            ({"g": ["a", "a", "b"]}, "No column can be the response"),
            ({"k": [1, 1, 2, 2]}, "k is the grouping"),
            ({"d": pd.date_range("2020", periods=3)}, "d has a different value in every row"),
        ],
    )
    def test_nothing_to_fit(self, data, words):
        session = Session(pd.DataFrame(data), Choices())
        assert session.fit is None
        assert session.resolved.spec is None
        assert words in session.problem
        assert session.problem.endswith(".")

    @pytest.mark.parametrize(
        "raised",
        [
            ValueError("broken\nin two lines"),
            ZeroDivisionError("float division by zero"),
            MemoryError(),
            RuntimeWarning("overflow"),
            KeyError("x"),
        ],
    )
    def test_an_unexpected_exception_is_shown_and_does_not_escape(
        self, choices, raised, monkeypatch
    ):
        def broken(*args, **options):
            raise raised

        session = Session(few_rows_each(), choices)
        good = session.fit
        monkeypatch.setattr(session_module, "lmer", broken)
        choices.fixed = ()
        assert session.fit is good
        assert type(raised).__name__ in session.problem
        assert "details are in the error attribute" in session.problem
        assert "\n" not in session.problem
        assert ": )" not in session.problem
        assert "in broken" in session.error
        monkeypatch.undo()
        choices.fixed = ("x", "f")
        assert (session.problem, session.error) == ("", None)
        assert session.fit.formula == "y ~ x + f + (1 | g)"

    def test_a_person_can_interrupt(self, choices, monkeypatch):
        def interrupted(*args, **options):
            raise KeyboardInterrupt

        Session(few_rows_each(), choices)
        monkeypatch.setattr(session_module, "lmer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            choices.fixed = ()

    def test_an_observer_that_fails_is_caught(self, choices):
        session = Session(few_rows_each(), choices)

        def fail(change):
            raise ValueError("the picture broke")

        session.observe(fail, "fit")
        choices.fixed = ()
        assert "ValueError: the picture broke" in session.problem
        session.unobserve(fail, "fit")
        choices.fixed = ("x",)
        assert session.problem == ""

    @pytest.mark.parametrize("text", ["no full stop", "one already.", "a\n    caret\n    ^"])
    def test_a_problem_is_one_sentence(self, choices, text):
        session = Session(few_rows_each(), choices)
        with session.guarded():
            raise ModelError(text)
        assert session.problem[-1] in ".^"
        assert "\n" not in session.problem
        assert not session.problem.endswith("..")

    def test_guarded_lets_what_went_well_pass(self, choices):
        session = Session(few_rows_each(), choices)
        with session.guarded():
            pass
        assert (session.problem, session.error) == ("", None)


def test_the_data_are_never_changed():
    data = few_rows_each().assign(missing=[np.nan, *[1.5] * 20, *[2.5] * 39])
    before = data.copy(deep=True)
    for column in data:
        if data[column].dtype == float:
            data[column].to_numpy().flags.writeable = False
    choices = Choices(response="y", group="g")
    session = Session(data, choices)
    for fixed in (("x",), ("missing", "f"), ("x", "f", "missing")):
        for slopes in ((), ("x",), ("f",)):
            for reml in (True, False):
                choices.set_trait("fixed", fixed)
                choices.set_trait("slopes", slopes)
                choices.reml = reml
    assert session.fit is not None
    pd.testing.assert_frame_equal(data, before)
    assert data.attrs == before.attrs

"""Choices and columns give a model: what is offered, what is left out and why, what is chosen."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixedwidgets as mw
from mixedwidgets.errors import MixedWidgetsError
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.resolve import resolve
from mixedwidgets.widgets.roles import MOST_FIXED_LEVELS, MOST_SLOPE_LEVELS
from mixedwidgets.widgets.rowfilter import OPERATORS, Condition
from mixedwidgets.widgets.wish import CODINGS, RELATIONS, TRANSFORMS, Wish

N = 60
G = np.repeat(np.arange(6), 10)


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "y": random.normal(size=N),
            "x": random.normal(size=N),
            "g": G,
            "text": [f"t{i % 4}" for i in range(N)],
            "flag": random.random(N) > 0.5,
            "cat": pd.Categorical([f"c{i % 3}" for i in range(N)]),
            "ordered": pd.Categorical([i % 3 for i in range(N)], ordered=True),
            "by_group": G * 1.5,
            "missing": np.nan,
            "nothing": None,
            "constant": 3,
            "one_infinite": [np.inf, *range(N - 1)],
            "infinite": [np.inf, -np.inf] * (N // 2),
            "id": np.arange(N),
            "id_text": [f"id{i}" for i in range(N)],
            "dates": pd.date_range("2020", periods=N),
            "lists": [[i] for i in range(N)],
            "nullable": pd.array([1, None, 3] * (N // 3), dtype="Int64"),
            "fractions": pd.array(random.normal(size=N), dtype="Float64"),
            "levels9": [f"l{i % 9}" for i in range(N)],
            "levels25": [f"l{i % 25}" for i in range(N)],
        }
    )


@pytest.fixture
def columns(frame) -> Columns:
    return Columns(frame)


LABEL = "is a measurement with decimals, not a label"
NOT_NUMBERS = "holds categories, not numbers"
NEITHER = "holds neither numbers nor categories"
UNIQUE = "has a different value in every row"

# For each column: why it cannot be the response, the grouping, a fixed effect, a random slope;
# None where it can. The response is y, the grouping g.
REASONS = {
    "x": (None, LABEL, None, None),
    "text": (NOT_NUMBERS, None, None, None),
    "flag": (NOT_NUMBERS, None, None, None),
    "cat": (NOT_NUMBERS, None, None, None),
    "ordered": (NOT_NUMBERS, None, None, None),
    "by_group": ("does not vary within g", LABEL, None, "does not vary within g"),
    "missing": ("has no values",) * 4,
    "nothing": ("has no values",) * 4,
    "constant": ("has a single value",) * 4,
    "one_infinite": (
        "has 1 infinite value",
        UNIQUE,
        "has 1 infinite value",
        "has 1 infinite value",
    ),
    "infinite": ("has 60 infinite values",) * 4,
    "id": (None, UNIQUE, None, None),
    "id_text": (NOT_NUMBERS, UNIQUE, *["has 60 levels, too many to estimate one by one"] * 2),
    "dates": (NEITHER, UNIQUE, NEITHER, NEITHER),
    "lists": (NEITHER,) * 4,
    "nullable": (None, None, None, None),
    "fractions": (None, LABEL, None, None),
    "levels9": (NOT_NUMBERS, None, None, "has 9 levels, too many for random slopes"),
    "levels25": (NOT_NUMBERS, None, *["has 25 levels, too many to estimate one by one"] * 2),
    "y": (None, LABEL, "is the response", "is the response"),
    "g": ("is the grouping", None, "is the grouping", "is the grouping"),
}


def offers(resolved):
    return (
        resolved.response_offer,
        resolved.group_offer,
        resolved.fixed_offer,
        resolved.slopes_offer,
    )


class TestOffers:
    def test_every_column_is_in_the_list(self, frame):
        assert set(REASONS) == set(frame.columns)

    @pytest.mark.parametrize("name", REASONS)
    def test_roles_and_reasons(self, columns, name):
        resolved = resolve(Wish("y", "g"), columns)
        assert tuple(offer.why_not(name) for offer in offers(resolved)) == REASONS[name]

    def test_every_column_is_offered_or_left_out_with_a_reason(self, columns):
        for offer in offers(resolve(Wish("y", "g"), columns)):
            left_out = [name for name, _ in offer.left_out]
            assert sorted([*offer.names, *left_out]) == sorted(columns.names)
            assert all(name in offer.names for name in columns.names if name not in left_out)
            assert list(offer.names) == [name for name in columns.names if name in offer.names]

    def test_limits_on_levels(self):
        data = pd.DataFrame(
            {f"f{k}": [f"l{i % k}" for i in range(210)] for k in (8, 9, 20, 21)}
            | {"y": np.sin(np.arange(210)), "g": np.arange(210) // 42}
        )
        resolved = resolve(Wish("y", "g"), Columns(data))
        assert (MOST_FIXED_LEVELS, MOST_SLOPE_LEVELS) == (20, 8)
        assert resolved.fixed_offer.names == ("f8", "f9", "f20")
        assert resolved.slopes_offer.names == ("f8",)

    @pytest.mark.parametrize("name", ["", "."])
    def test_a_name_that_a_formula_cannot_hold_is_left_out(self, frame, name):
        resolved = resolve(Wish(name, "g", (name,), (name,)), Columns(frame.assign(**{name: G})))
        for offer in offers(resolved):
            assert "formula" in str(offer.why_not(name))
        assert name not in str(resolved.spec).replace(" ", "").split("~")

    def test_200_columns(self):
        random = np.random.default_rng(0)
        names = [f"column {i}" for i in range(200)]
        data = pd.DataFrame(random.normal(size=(N, 200)), columns=names).assign(g=G)
        resolved = resolve(Wish(None, None, tuple(names), tuple(names[:3])), Columns(data))
        assert resolved.response == "column 0"
        assert resolved.group == "g"
        assert len(resolved.fixed) == 199
        assert resolved.slopes == tuple(names[1:3])


class TestWishes:
    @pytest.fixture
    def schools(self) -> Columns:
        return Columns(mw.load("schools"))

    def test_a_wish_that_is_impossible_for_a_while_comes_back(self, schools):
        wish = Wish("mscore", "school", ("flp", "ses"), ("ses",))
        before = resolve(wish, schools)
        assert str(before.spec) == "mscore ~ flp + ses + (ses | school)"
        during = resolve(replace(wish, response="ses"), schools)
        assert str(during.spec) == "ses ~ flp + (1 | school)"
        assert during.notes == (
            "ses is not used as a fixed effect: it is the response.",
            "ses is not used as a random slope: it is the response.",
        )
        assert resolve(wish, schools) == before

    def test_the_order_of_wishes_is_kept_and_each_counts_once(self, schools):
        wish = Wish("mscore", "school", ("ses", "flp", "ses"), ("ses", "ses"))
        assert str(resolve(wish, schools).spec) == "mscore ~ ses + flp + (ses | school)"

    def test_the_grouping_cannot_be_the_response(self, columns):
        resolved = resolve(Wish("g", "g"), columns)
        assert resolved.group == "g"
        assert resolved.response != "g"
        assert "g is not used as the response: it is the grouping." in resolved.notes

    @pytest.mark.parametrize(
        ("wish", "note"),
        [
            (Wish("text", "g"), "text is not used as the response: it holds categories"),
            (Wish("y", "x"), "x is not used as the grouping: it is a measurement"),
            (Wish("nobody", "g"), "nobody is not used as the response: it is not in the data."),
            (Wish("y", "g", ("gone",)), "gone is not used as a fixed effect: it is not in"),
            (Wish("y", "g", (), ("by_group",)), "by_group is not used as a random slope: it does"),
            (Wish("y", "g", (), ("x",)), "x has a random slope but no fixed effect"),
        ],
    )
    def test_what_is_left_out_is_said(self, columns, wish, note):
        (found,) = resolve(wish, columns).notes
        assert found.startswith(note)
        assert found.endswith(".")

    def test_nothing_wished_nothing_said(self, columns):
        assert resolve(Wish(), columns).notes == ()

    @pytest.mark.parametrize("slopes", [(), ("x",), ("x", "cat")])
    @pytest.mark.parametrize("correlated", [True, False])
    def test_bars(self, columns, slopes, correlated):
        spec = resolve(Wish("y", "g", (), slopes, correlated), columns).spec
        inside = " + ".join(slopes) or "1"
        bar = "|" if correlated or not slopes else "||"
        assert str(spec) == f"y ~ 1 + ({inside} {bar} g)"

    def test_the_criterion_is_passed_on(self, columns):
        assert resolve(Wish(reml=True), columns).reml
        assert not resolve(Wish(), columns).reml


class TestDefaults:
    @pytest.mark.parametrize(
        ("name", "formula"),
        [
            ("wheat", "yield ~ 1 + (1 | region)"),
            ("schools", "mscore ~ 1 + (1 | school)"),
            ("sleepstudy", "Reaction ~ 1 + (1 | Subject)"),
            ("dyestuff", "Yield ~ 1 + (1 | Batch)"),
            ("dyestuff2", "Yield ~ 1 + (1 | Batch)"),
            ("penicillin", "diameter ~ 1 + (1 | plate)"),
            ("pastes", "strength ~ 1 + (1 | sample)"),
            ("cake", "angle ~ 1 + (1 | replicate)"),
            ("orthodont", "distance ~ 1 + (1 | Subject)"),
            ("machines", "score ~ 1 + (1 | Worker)"),
            ("oats", "yield ~ 1 + (1 | Block)"),
            ("rail", "travel ~ 1 + (1 | Rail)"),
        ],
    )
    def test_bundled_data(self, name, formula):
        data = mw.load(name)
        resolved = resolve(Wish(), Columns(data))
        assert str(resolved.spec) == formula
        assert mw.lmer(resolved.spec, data, REML=False).converged

    def test_every_bundled_data_set_is_among_them(self):
        names = {"wheat", "schools", "sleepstudy", "dyestuff", "dyestuff2"}
        names |= {"penicillin", "pastes", "cake", "orthodont", "machines", "oats", "rail"}
        assert set(mw.datasets()["name"]) == names

    def test_a_row_number_is_not_the_response(self):
        score = np.arange(N) * 7 % 11
        data = pd.DataFrame({"id": np.arange(N), "score": score, "g": G.astype(str)})
        assert str(resolve(Wish(), Columns(data)).spec) == "score ~ 1 + (1 | g)"

    def test_a_response_wished_is_not_taken_as_grouping(self):
        data = pd.DataFrame({"a": np.arange(N) % 20, "b": np.arange(N) % 6})
        assert resolve(Wish(), Columns(data)).group == "a"
        assert str(resolve(Wish("a"), Columns(data)).spec) == "a ~ 1 + (1 | b)"

    def test_a_grouping_wished_is_not_taken_as_response(self, columns):
        data = pd.DataFrame({"a": np.arange(N) % 20, "b": np.arange(N) % 6})
        assert str(resolve(Wish(None, "a"), Columns(data)).spec) == "b ~ 1 + (1 | a)"

    @pytest.mark.parametrize(
        "data",
        [
            pd.DataFrame({"y": np.sin(np.arange(10))}),
            pd.DataFrame({"g": ["a", "b"] * 5}),
            pd.DataFrame({"only": [1, 2] * 5}),
            pd.DataFrame({"nothing": [None] * 5}),
        ],
    )
    def test_no_model_without_a_response_and_a_grouping(self, data):
        resolved = resolve(Wish(), Columns(data))
        assert resolved.spec is None
        assert resolved.response is None or resolved.group is None


# ---- any wish on any frame

GROUPS = [2, 3, 7]
MAKERS = {
    "decimals": lambda r, n: r.normal(size=n),
    "whole": lambda r, n: r.integers(0, 5, n),
    "label": lambda r, n: np.sort(r.integers(0, max(2, n // 4), n)),
    "text": lambda r, n: r.choice(["a", "b", "it's"], n),
    "many": lambda r, n: [f"l{i}" for i in r.integers(0, 25, n)],
    "flag": lambda r, n: r.random(n) > 0.5,
    "cat": lambda r, n: pd.Categorical(r.choice(["u", "v"], n), ["u", "v", "w"]),
    "gaps": lambda r, n: np.where(r.random(n) < 0.4, np.nan, r.normal(size=n)),
    "mostly": lambda r, n: np.where(r.random(n) < 0.95, np.nan, r.normal(size=n)),
    "none": lambda r, n: [None] * n,
    "constant": lambda r, n: [2.5] * n,
    "infinite": lambda r, n: np.where(r.random(n) < 0.2, np.inf, r.normal(size=n)),
    "id": lambda r, n: np.arange(n),
    "dates": lambda r, n: pd.date_range("2020", periods=n),
    "lists": lambda r, n: [[i] for i in range(n)],
    "nullable": lambda r, n: pd.array(r.choice(np.array([1, 2, None]), n), dtype="Int64"),
    "huge": lambda r, n: r.normal(size=n) * 1e40,
    "tiny": lambda r, n: r.normal(size=n) * 1e-40,
    "offset": lambda r, n: 1e9 + r.normal(size=n),
}


@st.composite
def frames_and_wishes(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([1, 2, 12, 40]))
    data = pd.DataFrame({f"{kind} {i}": MAKERS[kind](random, n) for i, kind in enumerate(kinds)})
    name = st.sampled_from([*data.columns, "not there"])
    some = st.lists(name, max_size=3).map(tuple)
    conditions = st.builds(
        Condition, name, st.sampled_from(OPERATORS), st.sampled_from([0, 1.5, "a", True, ("a",)])
    )
    wish = st.builds(
        Wish,
        response=st.none() | name,
        group=st.none() | name,
        fixed=some,
        slopes=some,
        correlated=st.booleans(),
        reml=st.booleans(),
        group2=st.none() | name,
        relation=st.sampled_from([None, *RELATIONS]),
        interactions=st.lists(st.tuples(name, name), max_size=2).map(tuple),
        transforms=st.lists(st.tuples(name, st.sampled_from(TRANSFORMS)), max_size=3).map(tuple),
        codings=st.lists(st.tuples(name, st.sampled_from(EVERY_CODING)), max_size=3).map(tuple),
        rows=st.just(()) | st.lists(conditions, max_size=1).map(tuple),
        weights=st.none() | name,
    )
    return data, draw(wish)


EVERY_CODING = (*CODINGS, "category", "number")


def fitted_or_refused(resolved, data):
    try:
        fit = mw.lmer(
            resolved.spec,
            data,
            REML=resolved.reml,
            weights=resolved.weights,
            contrasts=resolved.contrasts,
        )
        return fit, ""
    except MixedWidgetsError as refused:
        return None, str(refused)


def enough_rows(resolved, data):
    """Whether there are enough rows for a maximum, or so few that nobody can hope for one.

    Between these the likelihood of an exact fit has no bound.
    """
    names = [resolved.response, resolved.group, *resolved.fixed, *resolved.slopes]
    names += [name for name in (resolved.group2, resolved.weights) if name is not None]
    used = len(data[list(dict.fromkeys(names))].dropna())
    return used < 3 or used > 20


@given(frames_and_wishes())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_wish_on_any_frame_is_fitted_or_refused_in_one_sentence(case):
    data, wish = case
    before = data.copy(deep=True)
    columns = Columns(data)
    resolved = resolve(wish, columns)
    assert resolve(wish, columns) == resolved
    assert set(resolved.fixed) <= set(wish.fixed)
    assert set(resolved.slopes) <= set(wish.slopes)
    assert resolved.response is None or resolved.response in resolved.response_offer.names
    assert resolved.group is None or resolved.group in resolved.group_offer.names
    no_model = resolved.response is None or resolved.group is None or resolved.refusal
    assert (resolved.spec is None) == bool(no_model)
    roles = (resolved.response, resolved.group)
    assert not set(roles) & {*resolved.fixed, *resolved.slopes}
    assert roles[0] != roles[1] or roles[0] is None
    assert all(note.endswith(".") and "\n" not in note for note in resolved.notes)
    assert all("\n" not in note for note in (*resolved.notes, resolved.refusal))
    kept = columns.filtered(resolved.filter)[1].data
    if resolved.spec is not None and enough_rows(resolved, kept):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit, sentence = fitted_or_refused(resolved, kept)
        if fit is None:
            assert "\n" not in sentence
            assert len(sentence) < 500
        else:
            assert np.isfinite(fit.criterion)
            assert np.isfinite(fit.fixef).all()
    pd.testing.assert_frame_equal(data, before)

"""Roles beyond the first: second grouping, interactions, menus of a column, rows, weights."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.menus import Menu
from mixedwidgets.widgets.resolve import MORE_THAN_SHOWN, resolve
from mixedwidgets.widgets.rowfilter import Condition
from mixedwidgets.widgets.state import Choices
from mixedwidgets.widgets.wish import TRANSFORMS, Wish

N = 240
G = np.repeat(np.arange(12), 20)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    random = np.random.default_rng(11)
    x = random.normal(size=N)
    return pd.DataFrame(
        {
            "y": 10 + x + random.normal(size=12)[G] + random.normal(size=N),
            "x": x,
            "size": np.exp(random.normal(size=N)),
            "dose": np.arange(N) % 4,
            "two": np.arange(N) % 2,
            "f": random.choice(["a", "b", "c"], N),
            "rank": pd.Categorical(
                random.choice(["lo", "mid", "hi"], N), ["lo", "mid", "hi"], True
            ),
            "flag": random.random(N) > 0.5,
            "g": G,
            "site": [f"s{i // 3}" for i in G],  # four sites of three groups
            "room": [f"{g} {i % 4}" for i, g in enumerate(G)],  # four rooms of their own a group
            "again": [f"room {i % 4}" for i in range(N)],  # the same labels in every group
            "same": [f"group {g}" for g in G],
            "single": np.arange(N) % 20,  # each once a group
            "w": random.uniform(0.5, 2, N),
            "zeros": np.arange(N) % 3,
            "below": np.arange(N) - 5,
        }
    )


@pytest.fixture(scope="module")
def columns(data) -> Columns:
    return Columns(data)


def formula(wish: Wish, columns: Columns) -> str:
    return str(resolve(wish, columns).spec)


def fitted(wish: Wish, columns: Columns):
    found = resolve(wish, columns)
    kept = columns.filtered(found.filter)[1].data
    return mw.lmer(
        found.spec, kept, REML=found.reml, weights=found.weights, contrasts=found.contrasts
    )


class TestSecondGrouping:
    @pytest.mark.parametrize(
        ("group", "group2", "relation", "formula", "note"),
        [
            ("g", "room", "nested", "(1 | g) + (1 | g:room)", "Each room lies in a single g, so"),
            ("g", "again", "crossed", "(1 | g) + (1 | again)", "Labels of again occur in more"),
            ("g", "site", "crossed", "(1 | g) + (1 | site)", "Each g lies in a single site, so"),
            ("site", "g", "nested", "(1 | site) + (1 | site:g)", "Each g lies in a single site"),
            ("g", "single", "crossed", "(1 | g) + (1 | single)", "Labels of single occur in"),
        ],
    )
    def test_the_relation_found_in_the_data(self, columns, group, group2, relation, formula, note):
        found = resolve(Wish("y", group, group2=group2), columns)
        assert (found.group2, found.relation) == (group2, relation)
        assert str(found.spec) == f"y ~ 1 + {formula}"
        assert found.notes[0].startswith(note)

    def test_the_relation_wished(self, columns):
        for relation, second in (("nested", "g:again"), ("crossed", "again")):
            found = resolve(Wish("y", "g", group2="again", relation=relation), columns)
            assert str(found.spec) == f"y ~ 1 + (1 | g) + (1 | {second})"
            assert found.notes == ()

    def test_slopes_vary_with_the_first_grouping(self, columns):
        wish = Wish("y", "g", ("x",), ("x",), group2="again", relation="nested")
        assert formula(wish, columns) == "y ~ x + (x | g) + (1 | g:again)"
        wish = replace(wish, correlated=False, relation="crossed")
        assert formula(wish, columns) == "y ~ x + (x || g) + (1 | again)"

    def test_crossed_and_nested_are_one_model_where_labels_are_unique(self, columns):
        nested = fitted(Wish("y", "g", group2="room", relation="nested"), columns)
        crossed = fitted(Wish("y", "g", group2="room", relation="crossed"), columns)
        assert nested.criterion == pytest.approx(crossed.criterion, abs=1e-9)

    @pytest.mark.parametrize(
        ("group2", "why"),
        [
            ("single", "needs several rows for each single within a g, and each has only one"),
            ("site", "needs several levels of site within one of g, and each g has only one; to"),
        ],
    )
    def test_why_not_nested(self, columns, group2, why):
        found = resolve(Wish("y", "g", group2=group2, relation="nested"), columns)
        assert found.relation == "crossed"
        assert found.relation_offer.names == ("crossed",)
        assert found.relation_offer.why_not("nested").startswith(why)
        assert found.notes[0].startswith(f"{group2} is not nested in g: that {why}")

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("y", "is the response"),
            ("g", "is the grouping"),
            ("same", "marks the same rows as g"),
            ("x", "is a measurement with decimals, not a label"),
            ("below", "has a different value in every row"),
        ],
    )
    def test_why_not_the_second_grouping(self, columns, name, why):
        found = resolve(Wish("y", "g", group2=name), columns)
        assert found.group2 is None
        assert found.relation is None
        assert found.relation_offer.names == ()
        assert found.group2_offer.why_not(name) == why
        assert found.notes == (f"{name} is not used as a second grouping: it {why}.",)

    def test_a_fixed_effect_of_the_second_grouping_is_nested(self, columns):
        """Workers and machines: the machines are compared, and each worker differs."""
        wish = Wish("score", "Worker", ("Machine",), group2="Machine")
        machines = Columns(mw.load("machines"))
        found = resolve(wish, machines)
        assert str(found.spec) == "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)"
        crossed = resolve(replace(wish, relation="crossed"), machines)
        assert str(crossed.spec) == "score ~ 1 + (1 | Worker) + (1 | Machine)"
        assert crossed.fixed_offer.why_not("Machine") == "is the second grouping"
        assert found.slopes_offer.why_not("Machine") == "is the second grouping"

    def test_the_second_grouping_is_no_default_for_another_role(self):
        columns = Columns(mw.load("pastes"))
        found = resolve(Wish(group2="sample"), columns)
        assert (found.group, found.group2) != (None, None)
        assert found.group != "sample"
        assert found.group2 == "sample"

    @pytest.mark.parametrize(
        ("name", "group", "group2", "relation"),
        [
            ("pastes", "batch", "sample", "nested"),
            ("penicillin", "plate", "sample", "crossed"),
            ("machines", "Worker", "Machine", "crossed"),
            ("oats", "Block", "Variety", "crossed"),
        ],
    )
    def test_bundled_data(self, name, group, group2, relation):
        columns = Columns(mw.load(name))
        found = resolve(Wish(None, group, group2=group2), columns)
        assert found.relation == relation
        assert mw.lmer(found.spec, columns.data).converged


class TestInteractions:
    def test_pairs_of_fixed_effects(self, columns):
        wish = Wish("y", "g", ("x", "f", "dose"), interactions=(("f", "x"), ("x", "dose")))
        found = resolve(wish, columns)
        assert found.interactions == (("x", "f"), ("x", "dose"))
        assert str(found.spec) == "y ~ x + f + dose + x:f + x:dose + (1 | g)"
        assert found.notes == ()

    def test_a_pair_given_twice_counts_once(self, columns):
        wish = Wish("y", "g", ("x", "f"), interactions=(("f", "x"), ("x", "f")))
        assert formula(wish, columns) == "y ~ x + f + x:f + (1 | g)"

    @pytest.mark.parametrize(
        ("pair", "why"),
        [
            (("x", "dose"), "needs dose as a fixed effect, too"),
            (("x", "gone"), "needs gone as a fixed effect, too"),
            (("x", "x"), "needs two different columns"),
            (("many", "some"), "has 45 combinations, too many to estimate one by one"),
        ],
    )
    def test_why_not(self, data, pair, why):
        wide = Columns(data.assign(many=[f"m{i % 16}" for i in range(N)], some=data["dose"]))
        wish = Wish("y", "g", ("x", "many", "some"), interactions=(pair,))
        wish = replace(wish, codings=(("some", "category"),))
        found = resolve(wish, wide)
        assert found.interactions == ()
        assert found.why_no_interaction(*pair) == why
        assert found.notes == (f"{pair[0]}:{pair[1]} is left out: it {why}.",)

    def test_transformed_columns_interact_as_transformed(self, columns):
        wish = Wish("y", "g", ("size", "f"), ("size",), interactions=(("size", "f"),))
        wish = replace(wish, transforms=(("size", "log"),))
        assert formula(wish, columns) == "y ~ log(size) + f + log(size):f + (log(size) | g)"


class TestTransformations:
    @pytest.mark.parametrize(
        ("transform", "text"),
        [
            ("none", "size"),
            ("log", "log(size)"),
            ("center", "center(size)"),
            ("scale", "scale(size)"),
            ("poly 2", "poly(size, 2)"),
            ("poly 3", "poly(size, 3)"),
        ],
    )
    def test_in_fixed_effects_and_slopes_alike(self, columns, transform, text):
        wish = Wish("y", "g", ("size",), ("size",), transforms=(("size", transform),))
        assert formula(wish, columns) == f"y ~ {text} + ({text} | g)"
        assert resolve(wish, columns).menu("size").transforms.names == TRANSFORMS

    @pytest.mark.parametrize("transform", ["none", "log", "center", "scale"])
    def test_of_the_response(self, columns, data, transform):
        wish = Wish("size", "g", ("x",), transforms=(("size", transform),))
        log_or_not = np.log(data["size"]) if transform == "log" else data["size"]
        scale = {"scale": data["size"].std()}.get(transform, 1.0)
        expected = mw.lmer("z ~ x + (1 | g)", data.assign(z=log_or_not / scale), REML=False)
        assert fitted(wish, columns).fixef["x"] == pytest.approx(expected.fixef["x"], rel=1e-6)

    @pytest.mark.parametrize(
        ("name", "transform", "why"),
        [
            ("below", "log", "has values down to -5, and a logarithm needs numbers above 0"),
            ("dose", "log", "has values down to 0, and a logarithm needs numbers above 0"),
            (
                "two",
                "poly 2",
                "has 2 different values, and a polynomial of degree 2 needs at least 3",
            ),
            ("f", "center", "holds categories, not numbers"),
            ("y", "poly 2", "is the response, which stays one column"),
            ("x", "sqrt", "is no transformation"),
        ],
    )
    def test_why_not(self, columns, name, transform, why):
        fixed = ("below", "dose", "two", "f", "x")
        found = resolve(Wish("y", "g", fixed, transforms=((name, transform),)), columns)
        assert found.menu(name).transform == "none"
        assert found.notes == (f"{name} is not transformed by {transform}: it {why}.",)
        assert found.menu(name).transforms.why_not(transform) in (why, None)

    def test_four_doses_allow_a_cubic_and_no_more(self, columns):
        wish = Wish("y", "g", ("dose",), transforms=(("dose", "poly 3"),))
        assert fitted(wish, columns).fixef.size == 4

    def test_filtering_makes_a_logarithm_possible(self, columns):
        wish = Wish("y", "g", ("below",), transforms=(("below", "log"),))
        wish = replace(wish, rows=(Condition("below", ">", 0),))
        found = resolve(wish, columns)
        assert str(found.spec) == "y ~ log(below) + (1 | g)"
        assert found.notes == ()
        assert fitted(wish, columns).nobs == N - 6

    def test_a_column_without_a_role_has_no_menu_and_keeps_its_wish(self, columns):
        wish = Wish("y", "g", transforms=(("x", "scale"),))
        assert resolve(wish, columns).menu("x") is None
        assert formula(replace(wish, fixed=("x",)), columns) == "y ~ scale(x) + (1 | g)"


class TestCoding:
    def test_of_categories_goes_into_contrasts(self, columns, data):
        wish = Wish("y", "g", ("f", "rank"), codings=(("f", "sum"), ("rank", "helmert")))
        found = resolve(wish, columns)
        assert found.contrasts == {"f": "sum", "rank": "helmert"}
        expected = mw.lmer(
            "y ~ f + rank + (1 | g)", data, REML=False, contrasts={"f": "sum", "rank": "helmert"}
        )
        np.testing.assert_allclose(fitted(wish, columns).fixef, expected.fixef, rtol=1e-12)

    def test_the_defaults_are_not_written(self, columns):
        wish = Wish("y", "g", ("f", "rank", "flag"))
        codings = (("f", "treatment"), ("rank", "poly"), ("flag", "treatment"))
        assert resolve(wish, columns).contrasts is None
        assert resolve(replace(wish, codings=codings), columns).contrasts is None
        assert resolve(wish, columns).menu("rank").coding == "poly"

    @pytest.mark.parametrize(
        ("coding", "contrasts"),
        [
            ("category", None),
            ("treatment", None),
            ("sum", {"factor(dose)": "sum"}),
            ("helmert", {"factor(dose)": "helmert"}),
        ],
    )
    def test_numbers_as_categories(self, columns, coding, contrasts):
        wish = Wish("y", "g", ("dose",), ("dose",), codings=(("dose", coding),))
        found = resolve(wish, columns)
        assert str(found.spec) == "y ~ factor(dose) + (factor(dose) | g)"
        assert found.contrasts == contrasts
        assert found.notes == ()
        menu = found.menu("dose")
        assert isinstance(menu, Menu)
        assert (menu.as_category, menu.width) == (True, 3)
        found = resolve(replace(wish, transforms=(("dose", "center"),)), columns)
        assert found.notes == ("dose is not transformed by center: it is taken as categories.",)
        assert str(found.spec) == "y ~ factor(dose) + (factor(dose) | g)"

    def test_slopes_alone_have_no_contrasts(self, columns):
        found = resolve(Wish("y", "g", (), ("f",), codings=(("f", "sum"),)), columns)
        assert found.contrasts is None

    @pytest.mark.parametrize(
        ("name", "coding", "why"),
        [
            ("x", "category", "has 240 different values, too many to be categories"),
            ("dose", "ordinal", "is no coding"),
            ("f", "number", "holds categories, not numbers"),
        ],
    )
    def test_why_not(self, columns, name, coding, why):
        found = resolve(Wish("y", "g", (name,), codings=((name, coding),)), columns)
        assert found.notes == (f"{name} is not coded as {coding}: it {why}.",)
        assert found.contrasts is None

    def test_too_many_categories_for_slopes(self, columns):
        wish = Wish("y", "g", ("single",), ("single",))
        assert resolve(wish, columns).slopes == ("single",)
        found = resolve(replace(wish, codings=(("single", "category"),)), columns)
        assert found.slopes_offer.why_not("single") == "has 20 levels, too many for random slopes"
        assert str(found.spec) == "y ~ factor(single) + (1 | g)"
        numbers = Wish("y", "g", ("x",), ("x",), codings=(("x", "category"),))
        assert resolve(numbers, columns).slopes == ("x",)


class TestSlopes:
    @pytest.mark.parametrize("correlated", [True, False])
    def test_several(self, columns, correlated):
        bar = "|" if correlated else "||"
        wish = Wish("y", "g", ("x", "size"), ("x", "size"), correlated)
        assert formula(wish, columns) == f"y ~ x + size + (x + size {bar} g)"

    def test_what_two_bars_do_not_part_is_said(self, columns):
        wish = Wish("y", "g", ("f", "x"), ("f", "x"), False, transforms=(("x", "poly 2"),))
        notes = resolve(wish, columns).notes
        assert notes[0].startswith("The effects of the categories of f stay correlated")
        assert notes[1].startswith("The columns of the polynomial of x stay correlated")
        assert len(notes) == 2
        assert resolve(replace(wish, correlated=True), columns).notes == ()


class TestWeights:
    def test_a_column_of_positive_numbers(self, columns, data):
        wish = Wish("y", "g", ("x",), weights="w")
        expected = mw.lmer("y ~ x + (1 | g)", data, REML=False, weights="w")
        assert resolve(wish, columns).weights == "w"
        assert fitted(wish, columns).criterion == expected.criterion

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("f", "holds categories, not numbers"),
            ("x", "has negative values; a weight says how much a row counts"),
            ("zeros", "has zeros; leave out rows of weight zero by a condition such as > 0"),
            ("g", "is a grouping"),
            ("y", "is the response"),
            ("gone", None),
        ],
    )
    def test_why_not(self, columns, name, why):
        found = resolve(Wish("y", "g", weights=name), columns)
        assert found.weights is None
        assert found.weights_offer.why_not(name) == why
        said = why or "is not in the data"
        assert found.notes == (f"{name} is not used as weights: it {said}.",)

    def test_zeros_left_out(self, columns):
        wish = Wish("y", "g", weights="zeros", rows=(Condition("zeros", ">", 0),))
        assert resolve(wish, columns).weights == "zeros"
        assert fitted(wish, columns).nobs == 160


class TestRows:
    def test_the_offers_are_for_the_rows_kept(self, columns):
        wish = Wish("y", "g", ("f",), rows=(Condition("f", "==", "a"),))
        found = resolve(wish, columns)
        assert found.fixed_offer.why_not("f") == "has a single value"
        assert found.filter_offer.names == columns.names
        assert str(found.spec) == "y ~ 1 + (1 | g)"

    def test_a_column_of_infinities_chooses_no_rows(self, data):
        found = resolve(Wish("y", "g"), Columns(data.assign(i=np.inf, m=np.nan)))
        assert found.filter_offer.why_not("i") == "has no finite values"
        assert found.filter_offer.why_not("m") == "has no values"

    @pytest.mark.parametrize(
        ("condition", "words"),
        [
            (Condition("x", ">", 1e6), "No row of the data has x > 1000000"),
            (Condition("x", ">", "a"), "compared with finite numbers"),
            (Condition("gone", ">", 1), "no column 'gone'"),
        ],
    )
    def test_a_filter_that_cannot_be_gives_no_model(self, columns, condition, words):
        found = resolve(Wish("y", "g", ("x",), rows=(condition,)), columns)
        assert found.spec is None
        assert words in found.refusal
        assert found.fixed == ("x",)
        assert found.filter_offer.names == columns.names


class TestTyped:
    def test_the_formula_typed_is_the_model(self, columns):
        wish = Wish("y", "g", ("x",), ("gone",), typed="y ~ I(x^2) + (1 | g)")
        found = resolve(wish, columns)
        assert str(found.spec) == found.typed == "y ~ I(x^2) + (1 | g)"
        assert found.notes == (MORE_THAN_SHOWN,)
        assert found.fixed == ("x",)

    def test_codings_apply_to_it(self, columns):
        wish = Wish("y", "g", ("f",), codings=(("f", "sum"),), typed="y ~ 0 + f + (1 | g)")
        assert resolve(wish, columns).contrasts == {"f": "sum"}
        wish = replace(wish, typed="y ~ 0 + x + (1 | g)")
        assert resolve(wish, columns).contrasts is None

    def test_text_that_is_no_formula_gives_no_model(self, columns):
        found = resolve(Wish("y", "g", typed="y ~ x +"), columns)
        assert found.spec is None
        assert found.refusal == "The formula ends where a variable should follow."


class TestKey:
    def test_everything_that_changes_the_fit_changes_it(self, columns):
        base = Wish("y", "g", ("x", "f"))
        wishes = [
            base,
            replace(base, reml=True),
            replace(base, group2="again"),
            replace(base, group2="again", relation="nested"),
            replace(base, interactions=(("x", "f"),)),
            replace(base, transforms=(("x", "scale"),)),
            replace(base, codings=(("f", "sum"),)),
            replace(base, rows=(Condition("x", "<", 1),)),
            replace(base, rows=(Condition("x", "<=", 1),)),
            replace(base, weights="w"),
            replace(base, slopes=("x",)),
        ]
        assert len({resolve(wish, columns).key for wish in wishes}) == len(wishes)

    def test_what_changes_nothing_does_not(self, columns):
        base = resolve(Wish("y", "g"), columns).key
        assert resolve(Wish("y", "g", ("gone",), weights="x"), columns).key == base
        assert resolve(Wish("y", "g", transforms=(("x", "log"),)), columns).key == base


class TestChoices:
    def test_defaults_wish_nothing(self):
        assert Choices().wish == Wish()

    def test_a_wish_is_taken_at_once(self):
        choices, seen = Choices(), []
        choices.observe(lambda change: seen.append(choices.wish))
        wish = Wish("y", "g", ("x",), transforms=(("x", "log"),), weights="w")
        choices.take(wish)
        assert choices.wish == wish
        assert set(seen) == {wish}
        before = len(seen)
        choices.take(wish)
        assert len(seen) == before


def test_thirty_columns_take_less_than_a_millisecond():
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(13000, 20)), columns=[f"x{i}" for i in range(20)])
    for i in range(8):
        wide[f"f{i}"] = random.choice(list("abcd"), 13000)
    wide["g"], wide["h"] = np.arange(13000) // 19, np.arange(13000) % 7
    columns = Columns(wide)
    wish = Wish("x0", "g", ("x1", "x2", "f1"), ("x1", "x2"), group2="h")
    wish = replace(wish, rows=(Condition("x3", "<", 2),), interactions=(("x1", "f1"),))
    resolve(wish, columns)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        resolve(wish, columns)
        times.append(time.perf_counter() - start)
    assert sorted(times)[5] < 0.001

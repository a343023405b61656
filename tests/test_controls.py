"""The controls of the further roles: what they show, and what they tell when the user acts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixedwidgets.widgets.choices_from_spec import Problem, choices_from
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.control_columns import ColumnMenus
from mixedwidgets.widgets.control_formula import FormulaBox
from mixedwidgets.widgets.control_pairs import Interactions
from mixedwidgets.widgets.control_rows import RowFilter, keeping_all
from mixedwidgets.widgets.control_second import SecondGrouping
from mixedwidgets.widgets.controls import OptionalMenu, Ticks
from mixedwidgets.widgets.resolve import resolve
from mixedwidgets.widgets.rowfilter import ONE_OF, Condition, rows_kept
from mixedwidgets.widgets.wish import Wish

N = 120
G = np.repeat(np.arange(6), 20)
RANDOM = np.random.default_rng(4)
DATA = pd.DataFrame(
    {
        "y": RANDOM.normal(size=N),
        "x": RANDOM.normal(size=N),
        "dose": np.arange(N) % 4,
        "f": RANDOM.choice(["a", "b", "c"], N),
        "rank": pd.Categorical(RANDOM.choice(["lo", "hi"], N), ["lo", "hi"], ordered=True),
        "flag": RANDOM.random(N) > 0.5,
        "day": pd.date_range("2024-01-01", periods=N),
        "g": G,
        "again": [f"room {i % 4}" for i in range(N)],
        "many": [f"label {i % 50}" for i in range(N)],
        "<b>$\"'": RANDOM.normal(size=N),
    }
)
COLUMNS = Columns(DATA)


@pytest.fixture
def told():
    return []


def labels(control):
    return [label for label, _ in control.options]


def test_dollar_signs_are_not_taken_for_mathematics(told):
    ticks = Ticks("Fixed effects", ["a$b$"], lambda *what: told.append(what))
    assert ticks.boxes["a$b$"].description == "a<span>&#36;</span>b<span>&#36;</span>"
    ticks.boxes["a$b$"].value = True
    assert told == [("a$b$", True)]


class TestColumnMenus:
    @pytest.fixture
    def menus(self, told):
        return ColumnMenus(lambda *what: told.append(what))

    def test_one_menu_a_column_in_use(self, menus, told):
        found = resolve(Wish("y", "g", ("dose", "f", "rank"), ("x",)), COLUMNS)
        menus.set(found.menus)
        assert [m.description for m in menus._row.children] == ["y", "dose", "f", "rank", "x"]
        assert labels(menus.menus["y"]) == ["as it is", "centered", "scaled"]
        assert labels(menus.menus["dose"]) == [
            *("as it is", "centered", "scaled", "polynomial, degree 2", "polynomial, degree 3"),
            *("categories", "categories, sum to zero", "categories, Helmert"),
        ]
        assert menus.menus["f"].value == ("none", "treatment")
        assert menus.menus["rank"].value == ("none", "poly")
        assert told == []

    def test_the_reasons_are_told(self, menus):
        menus.set(resolve(Wish("y", "g", ("dose", "x")), COLUMNS).menus)
        head = menus._head.value
        assert "dose as log:</b> has values down to 0" in head
        assert "x as category:</b> has 120 different values" in head

    def test_every_setting_offered_resolves_to_itself(self, menus, told):
        for name in ("dose", "f", "rank", "x"):
            base = resolve(Wish("y", "g", (name,)), COLUMNS)
            menus.set(base.menus)
            for _, setting in menus.menus[name].options:
                transform, coding = setting
                wish = Wish("y", "g", (name,), transforms=((name, transform),))
                wish = Wish(**{**vars(wish), "codings": ((name, coding),)})
                found = resolve(wish, COLUMNS)
                assert found.notes == ()
                menus.set(found.menus)
                assert menus.menus[name].value == setting
        assert told == []

    def test_the_user_chooses(self, menus, told):
        menus.set(resolve(Wish("y", "g", ("dose", "f")), COLUMNS).menus)
        menus.menus["dose"].value = ("poly 2", "number")
        menus.menus["dose"].value = ("none", "sum")
        menus.menus["f"].value = ("none", "helmert")
        assert told == [
            ("dose", "poly 2", "number"), ("dose", "none", "sum"), ("f", "none", "helmert")
        ]  # fmt: skip


class TestInteractions:
    @pytest.fixture
    def pairs(self, told):
        return Interactions(told.append)

    def test_pairs_left_are_offered(self, pairs, told):
        found = resolve(Wish("y", "g", ("x", "f", "dose"), interactions=(("x", "f"),)), COLUMNS)
        pairs.set(found.fixed, found.interactions, found.why_no_interaction)
        assert labels(pairs.menu) == ["a pair", "x × dose", "f × dose"]
        assert [b.description for b in pairs.buttons] == ["x × f  ✕"]
        pairs.menu.value = ("f", "dose")
        pairs.buttons[0].click()
        assert told == [(("x", "f"), ("f", "dose")), ()]

    @pytest.mark.parametrize("fixed", [(), ("x",)])
    def test_nothing_to_pair(self, pairs, fixed):
        pairs.set(fixed, (), lambda a, b: None)
        assert labels(pairs.menu) == ["none yet"]
        assert pairs.menu.disabled

    def test_the_reasons_are_told(self, pairs):
        pairs.set(("x", "<b>"), (), lambda a, b: "has 99 combinations")
        assert "x × &lt;b&gt;</b> has 99 combinations" in pairs._head.value
        assert labels(pairs.menu) == ["none left"]


class TestSecondGrouping:
    @pytest.fixture
    def second(self, told):
        return SecondGrouping(lambda *what: told.append(what))

    def shown(self, second, wish):
        found = resolve(wish, COLUMNS)
        second.set(found.group2, found.group2_offer, found.relation, found.relation_offer)

    def test_none_at_first(self, second, told):
        self.shown(second, Wish("y", "g"))
        menu = second.column.menu
        assert menu.value == ""
        assert labels(menu) == ["none", "dose", "f", "rank", "flag", "again", "many"]
        assert second.relation.layout.visibility == "hidden"
        menu.value = "again"
        assert told == [("again", None)]

    def test_the_relation(self, second, told):
        self.shown(second, Wish("y", "g", group2="again"))
        assert second.relation.value == "crossed"
        assert second.relation.layout.visibility == "visible"
        second.relation.value = "nested"
        second.column.menu.value = ""
        assert told == [("again", "nested"), (None, None)]

    def test_only_what_is_possible(self, second, told):
        self.shown(second, Wish("y", "again", group2="many"))
        before = labels(second.relation)
        self.shown(second, Wish("y", "g", group2="again", relation="nested"))
        assert before == labels(second.relation) == ["nested", "crossed"]
        assert len(second.relation.tooltips) == 2
        assert told == []


class TestOptionalMenu:
    def test_weights(self, told):
        weights = OptionalMenu("Weights", told.append)
        found = resolve(Wish("y", "g", weights="dose"), COLUMNS)
        weights.set(found.weights_offer.names, found.weights, found.weights_offer.left_out)
        assert weights.menu.value == ""
        assert "has zeros" in weights.children[1].value
        assert told == []


class TestFormulaBox:
    @pytest.fixture
    def box(self, told):
        return FormulaBox(told.append)

    def test_it_follows_and_tells(self, box, told):
        box.set("y ~ x + (1 | g)")
        assert told == []
        box.text.value = "y ~ x +"
        assert told == ["y ~ x +"]

    def test_a_problem_stands_beneath_with_its_caret(self, box):
        problem = choices_from("y ~ <b> + (1 | g)", COLUMNS)
        assert isinstance(problem, Problem)
        box.text.value = "y ~ <b> + (1 | g)"
        box.complain(problem.sentence, problem.excerpt)
        assert box.text.value == "y ~ <b> + (1 | g)"
        assert 'role="alert"' in box.message.value
        assert "y ~ &lt;b&gt; + (1 | g)\n        ^</pre>" in box.message.value
        assert box.message.layout.display == "block"
        box.set("y ~ 1 + (1 | g)")
        assert (box.message.value, box.message.layout.display) == ("", "none")


class TestRowFilter:
    @pytest.fixture
    def rows(self, told):
        control = RowFilter(COLUMNS, told.append)
        control.set((), resolve(Wish("y", "g"), COLUMNS).filter_offer)
        return control

    @pytest.mark.parametrize("name", DATA.columns)
    def test_a_condition_begins_with_all_rows(self, name):
        assert rows_kept([keeping_all(COLUMNS, name)], DATA).all()

    @pytest.mark.parametrize(
        ("smallest", "begin"),
        [(7.28871456, 7.288), (-7.28871456, -7.289), (3.0, 3), (1e-300 / 3, 3.333e-301)],
    )
    def test_it_begins_at_a_number_that_can_be_read(self, smallest, begin):
        data = pd.DataFrame({"v": [smallest, 20.5]})
        assert keeping_all(Columns(data), "v") == Condition("v", ">=", begin)

    def test_more_labels_than_a_list_holds(self):
        texts = pd.DataFrame({"t": [f"label {i}" for i in range(2000)]})
        begun = keeping_all(Columns(texts), "t")
        assert begun == Condition("t", "!=", "")
        assert rows_kept([begun], texts).all()

    @pytest.mark.parametrize("name", DATA.columns)
    def test_every_comparison_of_every_column_can_be_chosen(self, rows, told, name):
        rows.add.click()
        (row,) = rows.rows
        row.column.value = name
        assert row.condition == keeping_all(COLUMNS, name)
        for operator in COLUMNS.operators(name):
            row.comparison.value = operator
            assert row.condition.operator == operator
            assert isinstance(row.condition.value, tuple) == (operator == ONE_OF)
            assert told[-1] == (row.condition,)

    def test_numbers_are_typed(self, rows, told):
        rows.set((Condition("x", "<", 1),), resolve(Wish("y", "g"), COLUMNS).filter_offer)
        (row,) = rows.rows
        assert row.value.value == "1"
        for text, value in (("0.5", 0.5), (" 2 ", 2), ("1e400", np.inf), ("two", "two")):
            row.value.value = text
            assert told[-1] == (Condition("x", "<", value),)
        row.value.value = "0"
        row.comparison.value = ONE_OF
        row.value.value = "1, 2.5"
        assert told[-1] == (Condition("x", ONE_OF, (1, 2.5)),)

    def test_labels_are_listed(self, rows, told):
        rows.set((Condition("f", ONE_OF, ("a", "c")),), resolve(Wish("y"), COLUMNS).filter_offer)
        (row,) = rows.rows
        assert row.value.options == (("a", "a"), ("b", "b"), ("c", "c"))
        assert row.value.value == ("a", "c")
        row.value.value = ("b",)
        row.comparison.value = "!="
        row.value.value = "c"
        assert told == [
            (Condition("f", ONE_OF, ("b",)),),
            (Condition("f", "!=", "b"),),
            (Condition("f", "!=", "c"),),
        ]

    def test_truth_values(self, rows, told):
        rows.set((Condition("flag", "==", True),), resolve(Wish("y"), COLUMNS).filter_offer)
        rows.rows[0].value.value = False
        assert told == [(Condition("flag", "==", False),)]
        assert COLUMNS.filtered(told[-1])[1].nrows == (~DATA["flag"]).sum()

    def test_conditions_come_and_go(self, rows, told):
        rows.add.click()
        rows.add.click()
        first, second = rows.rows
        second.column.value = "f"
        first.remove.click()
        assert rows.rows == (second,)
        assert told[-1] == (keeping_all(COLUMNS, "f"),)
        second.remove.click()
        assert told[-1] == ()

    def test_what_is_shown_already_is_left_alone(self, rows):
        offered = resolve(Wish("y"), COLUMNS).filter_offer
        rows.set((Condition("x", "<", 1),), offered)
        row = rows.rows[0]
        rows.set((Condition("x", "<", 1),), offered, "96 of 120 rows")
        assert rows.rows == (row,)
        assert rows._count.value == "96 of 120 rows"
        rows.set((Condition("x", "<", 2),), offered)
        assert rows.rows != (row,)

    def test_a_faulty_condition_from_elsewhere_is_shown(self, rows):
        offered = resolve(Wish("y"), COLUMNS).filter_offer
        rows.set((Condition("f", "==", "zz"), Condition("x", "<", "q")), offered)
        assert [row.value.value for row in rows.rows] == ["zz", "q"]

"""The chooser: controls, choices and formula in step, whatever is clicked or typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as ipw
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixedwidgets.lmm.formula import parse
from mixedwidgets.widgets.choices_from_spec import same_model
from mixedwidgets.widgets.chooser import Chooser
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.controls import NONE
from mixedwidgets.widgets.guard import Guarded
from mixedwidgets.widgets.resolve import Resolved, resolve
from mixedwidgets.widgets.rowfilter import Condition
from mixedwidgets.widgets.state import Choices
from mixedwidgets.widgets.wish import Wish
from tests.widget_tools import HOSTILE, check_html, check_widgets, simulated

DATA = simulated(
    w=np.linspace(0.5, 2.0, 120),
    dose=np.tile(np.arange(4), 30),
    room=[f"room {i % 3}" for i in range(120)],
)
COLUMNS = Columns(DATA)


class Followed(Guarded):
    """A chooser whose choices are resolved and shown, and nothing is fitted."""

    def __init__(self, wish: Wish, columns: Columns = COLUMNS):
        super().__init__()
        self.columns, self.choices = columns, Choices()
        self.choices.take(wish)
        self.chooser = Chooser(self.choices, columns, self.guarded)
        self.times = 0
        self.seen: Wish | None = None
        self.choices.observe(self.follow)
        self.follow()

    def follow(self, change: Any = None) -> None:
        if self.choices.wish != self.seen:
            self.seen = self.choices.wish
            self.times += 1
            self.resolved: Resolved = resolve(self.seen, self.columns)
            self.chooser.show(self.resolved)

    @property
    def formula(self) -> str:
        return str(self.chooser.formula.text.value)


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def followed() -> Followed:
    made = Followed(Wish("y", "g", ("x",), ("x",)))
    made.chooser.unfold.value = True
    return made


def ticked(ticks: Any) -> set[str]:
    return {name for name, box in ticks.boxes.items() if box.value}


def condition_added(chooser: Chooser) -> None:
    chooser.rows.add.click()
    chooser.rows.rows[-1].column.value = "x"
    chooser.rows.rows[-1].comparison.value = "<"
    chooser.rows.rows[-1].value.value = "1"


class TestControlsWriteTheFormula:
    @pytest.mark.parametrize(
        ("act", "formula"),
        [
            (lambda c: setattr(c.response, "value", "z"), "z ~ x + (x | g)"),
            (lambda c: setattr(c.group, "value", "h"), "y ~ x + (x | h)"),
            (lambda c: setattr(c.correlated, "value", False), "y ~ x + (x || g)"),
            (lambda c: setattr(c.fixed.boxes["kind"], "value", True), "y ~ x + kind + (x | g)"),
            (lambda c: setattr(c.fixed.boxes["x"], "value", False), "y ~ 1 + (x | g)"),
            (lambda c: setattr(c.slopes.boxes["z"], "value", True), "y ~ x + (x + z | g)"),
            (
                lambda c: setattr(c.second.column.menu, "value", "h"),
                "y ~ x + (x | g) + (1 | h)",
            ),
            (
                lambda c: setattr(c.menus.menus["x"], "value", ("poly 2", "number")),
                "y ~ poly(x, 2) + (poly(x, 2) | g)",
            ),
            (
                lambda c: setattr(c.menus.menus["y"], "value", ("scale", "number")),
                "scale(y) ~ x + (x | g)",
            ),
            (lambda c: setattr(c.criterion, "value", True), "y ~ x + (x | g)"),
            (lambda c: setattr(c.weights.menu, "value", "w"), "y ~ x + (x | g)"),
            (condition_added, "y ~ x + (x | g)"),
        ],
    )
    def test_each(self, followed, act, formula):
        before = followed.choices.wish
        act(followed.chooser)
        assert followed.formula == str(followed.resolved.spec) == formula
        assert followed.choices.wish != before
        assert followed.problem == ""

    def test_interactions(self, followed):
        chooser = followed.chooser
        chooser.fixed.boxes["kind"].value = True
        chooser.interactions.menu.value = ("x", "kind")
        assert followed.formula == "y ~ x + kind + x:kind + (x | g)"
        chooser.interactions.buttons[0].click()
        assert followed.formula == "y ~ x + kind + (x | g)"

    def test_nested_or_crossed(self, followed):
        chooser = followed.chooser
        chooser.second.column.menu.value = "room"
        chooser.second.relation.value = "nested"
        assert followed.formula == "y ~ x + (x | g) + (1 | g:room)"
        chooser.second.relation.value = "crossed"
        assert followed.formula == "y ~ x + (x | g) + (1 | room)"
        chooser.second.column.menu.value = NONE
        assert followed.formula == "y ~ x + (x | g)"

    def test_what_is_no_part_of_the_formula(self, followed):
        chooser = followed.chooser
        chooser.criterion.value = True
        chooser.weights.menu.value = "w"
        condition_added(chooser)
        assert followed.choices.reml
        assert followed.choices.weights == "w"
        assert followed.choices.rows == (Condition("x", "<", 1),)
        kept = int((DATA["x"] < 1).sum())
        assert "x &lt; 1" in chooser.rows._count.value
        assert followed.columns.filtered(followed.resolved.filter)[1].nrows == kept < 120
        chooser.rows.rows[0].remove.click()
        assert followed.choices.rows == ()

    def test_correlated_means_nothing_without_slopes(self, followed):
        assert not followed.chooser.correlated.disabled
        followed.chooser.slopes.boxes["x"].value = False
        assert followed.chooser.correlated.disabled

    def test_a_click_is_followed_once(self, followed):
        before = followed.times
        followed.chooser.response.value = "z"
        followed.chooser.fixed.boxes["kind"].value = True
        assert followed.times == before + 2

    def test_showing_is_no_choosing(self, followed):
        before, times = followed.choices.wish, followed.times
        for wish in (Wish("z", "h"), Wish("y", "g", ("kind",), group2="h"), before):
            followed.chooser.show(resolve(wish, COLUMNS))
        assert (followed.choices.wish, followed.times) == (before, times)


class TestTheFormulaSetsTheControls:
    def test_all_of_them(self, followed):
        chooser = followed.chooser
        chooser.formula.text.value = (
            "scale(z) ~ center(x) + kind + center(x):kind + (center(x) || h) + (1 | g)"
        )
        assert followed.choices.typed is None
        assert (chooser.response.value, chooser.group.value) == ("z", "h")
        assert ticked(chooser.fixed) == {"x", "kind"}
        assert ticked(chooser.slopes) == {"x"}
        assert chooser.correlated.value is False
        assert chooser.second.column.menu.value == "g"
        assert chooser.second.relation.value == "crossed"
        assert chooser.menus.menus["z"].value == ("scale", "number")
        assert chooser.menus.menus["x"].value == ("center", "number")
        assert [b.description for b in chooser.interactions.buttons] == ["x × kind  ✕"]
        assert same_model(followed.resolved.spec, parse(followed.formula))

    def test_what_the_formula_does_not_say_stays(self, followed):
        followed.choices.reml, followed.choices.weights = True, "w"
        followed.choices.rows = (Condition("x", "<", 1),)
        followed.chooser.formula.text.value = "z ~ kind + (1 | h)"
        assert followed.formula == "z ~ kind + (1 | h)"
        assert followed.choices.reml
        assert followed.choices.weights == "w"
        assert followed.choices.rows == (Condition("x", "<", 1),)

    def test_more_than_the_controls_say(self, followed):
        chooser = followed.chooser
        text = "y ~ x + I(x^2) + (1 | g)"
        chooser.formula.text.value = text
        assert followed.choices.typed == text == followed.formula
        assert same_model(followed.resolved.spec, parse(text))
        for act in (
            lambda: setattr(chooser.criterion, "value", True),
            lambda: setattr(chooser.weights.menu, "value", "w"),
            lambda: condition_added(chooser),
        ):
            act()
            assert followed.choices.typed == text == followed.formula

    @pytest.mark.parametrize(
        ("act", "formula"),
        [
            (lambda c: setattr(c.fixed.boxes["kind"], "value", True), "y ~ x + kind + (1 | g)"),
            (lambda c: setattr(c.response, "value", "z"), "z ~ x + (1 | g)"),
            (lambda c: setattr(c.slopes.boxes["x"], "value", True), "y ~ x + (x | g)"),
            (lambda c: setattr(c.second.column.menu, "value", "h"), "y ~ x + (1 | g) + (1 | h)"),
        ],
    )
    def test_a_control_drops_what_only_the_formula_said(self, followed, act, formula):
        followed.chooser.formula.text.value = "y ~ x + I(x^2) + (1 | g)"
        act(followed.chooser)
        assert followed.choices.typed is None
        assert followed.formula == str(followed.resolved.spec) == formula

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("y ~ x +", ""),
            ("y ~ (x | g", ""),
            ("y ~ nowhere + (1 | g)", "nowhere"),
            ("y ~ __import__('os').system('x') + (1 | g)", ""),
            ("y ~ open('x') + (1 | g)", ""),
            ("", ""),
            ("x", ""),
            ("y ~ x", ""),
        ],
    )
    def test_one_that_cannot_be_taken(self, followed, text, said):
        chooser, before, shown = followed.chooser, followed.choices.wish, followed.formula
        chooser.formula.text.value = text
        assert chooser.formula.text.value == text  # it stays, to be mended
        assert 'role="alert"' in chooser.formula.message.value
        assert said in chooser.formula.message.value
        assert chooser.formula.message.layout.display == "block"
        assert followed.choices.wish == before
        assert followed.problem == ""
        chooser.criterion.value = True
        assert followed.formula == shown
        assert chooser.formula.message.layout.display == "none"

    def test_back_to_the_model_chosen(self, followed):
        chooser, shown = followed.chooser, followed.formula
        for text in (shown, "y~1+x+(1+x|g)"):
            chooser.formula.text.value = "y ~ x + ("
            assert chooser.formula.message.value
            chooser.formula.text.value = text
            assert chooser.formula.message.value == ""
            assert followed.formula == shown

    def test_the_caret_stands_where_it_is_wrong(self, followed):
        followed.chooser.formula.text.value = "y ~ x ++ (1 | g))"
        excerpt = followed.chooser.formula.message.value.split("<pre")[1]
        text, caret = excerpt.split(">", 1)[1].split("</pre>")[0].split("\n")
        assert text.strip() == "y ~ x ++ (1 | g))"
        assert caret.strip() == "^"
        assert text[len(caret) - 1] in "+)"


class TestMoreChoices:
    def test_they_are_folded_until_asked_for(self):
        chooser = Followed(Wish("y", "g", ("x",))).chooser
        assert chooser.more.layout.display == "none"
        assert chooser.menus.menus == {}
        chooser.unfold.value = True
        assert chooser.more.layout.display == "flex"
        assert set(chooser.menus.menus) == {"y", "x"}
        chooser.unfold.value = False
        assert chooser.more.layout.display == "none"

    @pytest.mark.parametrize(
        "more",
        [
            {"group2": "h"}, {"weights": "w"}, {"codings": (("kind", "sum"),)},
            {"transforms": (("x", "center"),)}, {"interactions": (("x", "kind"),)},
            {"rows": (Condition("x", "<", 1),)},
        ],
    )  # fmt: skip
    def test_they_are_unfolded_where_they_are_in_use(self, more):
        chooser = Followed(Wish("y", "g", ("x", "kind"), **more)).chooser
        assert chooser.unfold.value
        assert chooser.more.layout.display == "flex"


class TestHostileNames:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_in_every_control(self, name):
        named = {c: f"{name}{c}" for c in ("y", "x", "g", "kind", "h", "w", "room")}
        data = DATA.rename(columns=named)
        data[named["room"]] = [f"{name}{i % 3}" for i in range(120)]
        followed = Followed(
            Wish(
                *(named["y"], named["g"], (named["x"], named["kind"]), (named["x"],)),
                group2=named["h"],
                interactions=((named["x"], named["kind"]),),
                weights=named["w"],
                rows=(Condition(named["room"], "!=", f"{name}1"),),
            ),
            Columns(data),
        )
        assert followed.resolved.spec is not None
        assert (followed.resolved.group2, followed.resolved.weights) == (named["h"], named["w"])
        assert len(followed.resolved.interactions) == len(followed.resolved.filter) == 1
        check_widgets(followed.chooser)
        formula = followed.formula
        assert same_model(parse(str(followed.resolved.spec)), followed.resolved.spec)
        if "\n" not in name:  # a line holds no line end, and need not
            followed.chooser.formula.text.value = formula + " "
            assert followed.chooser.formula.message.value == ""
            assert followed.formula in (formula, formula + " ")
        followed.chooser.formula.text.value = f"y ~ {name} + ("
        check_widgets(followed.chooser)
        followed.chooser.fixed.boxes[named["kind"]].value = False
        followed.chooser.response.value = named["x"]
        check_widgets(followed.chooser)
        check_html(followed.chooser.fixed._head.value)


# ---- whatever is clicked or typed, choices, controls and formula say one thing

TYPED = (
    "y ~ x + I(x^2) + (1 | g)", "z ~ (x || g)", "log(w) ~ x * kind + (1 | g/room)", "y ~ (",
    "z ~ poly(x, 2) + (1 | h) + (1 | g)", "y ~ factor(dose) + (dose | g)", "",
)  # fmt: skip
MENUS = ("response", "group", "second", "relation", "weights", "interaction", "setting")
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(MENUS), st.integers(0, 30)),
    st.tuples(st.sampled_from(("fixed", "slopes")), st.sampled_from(COLUMNS.names)),
    st.tuples(st.sampled_from(("criterion", "correlated", "unfold")), st.booleans()),
    st.tuples(st.just("type"), st.sampled_from(TYPED)),
    st.tuples(st.just("row"), st.integers(0, 3)),
)


def menu_of(chooser: Chooser, control: str, argument: int) -> Any:
    if control == "setting":
        used = list(chooser.menus._row.children)
        return used[argument % len(used)] if used else None
    menus = {
        "response": chooser.response,
        "group": chooser.group,
        "second": chooser.second.column.menu,
        "relation": chooser.second.relation,
        "weights": chooser.weights.menu,
        "interaction": chooser.interactions.menu,
    }
    hidden = control == "relation" and chooser.second.relation.layout.visibility == "hidden"
    return None if hidden else menus[control]


def act(chooser: Chooser, resolved: Resolved, control: str, argument: Any) -> None:
    if control in ("fixed", "slopes"):
        box = getattr(chooser, control).boxes[argument]
        if argument in getattr(resolved, f"{control}_offer").names:
            box.value = not box.value
    elif control == "type":
        chooser.formula.text.value = argument
    elif control == "row":
        if argument and chooser.rows.rows:
            chooser.rows.rows[0].remove.click()
        else:
            chooser.rows.add.click()
    elif control in MENUS:
        menu = menu_of(chooser, control, argument)
        if menu is not None and menu.options and (control in MENUS[:2] or chooser.unfold.value):
            menu.value = [value for _, value in menu.options][argument % len(menu.options)]
    else:
        getattr(chooser, control).value = argument


@given(st.lists(ACTIONS, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_clicked_everything_says_the_same(actions):
    followed = Followed(Wish("y", "g"))
    chooser = followed.chooser
    for control, argument in actions:
        act(chooser, followed.resolved, control, argument)
        resolved = followed.resolved
        assert followed.problem == ""
        assert (chooser.response.value, chooser.group.value) == (resolved.response, resolved.group)
        assert ticked(chooser.fixed) == set(resolved.fixed)
        assert ticked(chooser.slopes) == set(resolved.slopes)
        assert chooser.criterion.value == resolved.reml
        if not chooser.formula.message.value:
            assert followed.formula == (resolved.typed or str(resolved.spec))
            assert same_model(parse(followed.formula), resolved.spec)
        if chooser.unfold.value:
            assert (chooser.second.column.menu.value or None) == resolved.group2
            assert (chooser.weights.menu.value or None) == resolved.weights
            assert len(chooser.interactions.buttons) == len(resolved.interactions)
            assert {m.description for m in chooser.menus._row.children} == {
                m.name for m in resolved.menus
            }
    again = Followed(Wish("z", "h", ("kind",)))
    again.chooser.formula.text.value = str(followed.resolved.spec)
    assert same_model(again.resolved.spec, followed.resolved.spec)
    ipw.Widget.close_all()


def test_no_data_frame_is_changed():
    data = DATA.copy(deep=True)
    followed = Followed(Wish("y", "g", ("x",)), Columns(data))
    followed.chooser.unfold.value = True
    condition_added(followed.chooser)
    pd.testing.assert_frame_equal(data, DATA)

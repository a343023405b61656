"""The desk: panels are made when they are looked at, and only those on top do anything."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as ipw
import pytest

import mixedwidgets as mw
from mixedwidgets.widgets.desk import Desk
from mixedwidgets.widgets.panels.picture_panel import PicturePanel
from tests.widget_tools import Light, simulated

DATA = simulated()
ONE = mw.lmer("y ~ x + (1 | g)", DATA, REML=False)
OTHER = mw.lmer("y ~ x + (x | g)", DATA, REML=False)
SHOWN_ONE, SHOWN_OTHER = "show y ~ x + (1 | g) ML", "show y ~ x + (x | g) ML"


class Drawn(PicturePanel):
    def show(self, fit: mw.Fit) -> None:
        self.draws = getattr(self, "draws", 0) + 1


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def desk() -> Desk:
    kind = type("Sheet", (Light,), {"made": []})
    return Desk(left=dict.fromkeys("abc", kind), right=dict.fromkeys("de", kind))


def asked(desk: Desk) -> dict[str, list[str]]:
    return {title: panel.asked for title, panel in desk.panels.items()}


class TestMaking:
    def test_only_the_panels_on_top_are_made(self, desk):
        assert list(desk.panels) == ["a", "d"]
        assert desk.tops == ("a", "d")
        assert desk.shown == (desk.panels["a"], desk.panels["d"])

    def test_a_panel_is_made_once(self, desk):
        desk.turn_to("b")
        panel = desk.panel("b")
        desk.turn_to("a")
        desk.turn_to("b")
        assert desk.panel("b") is panel
        assert list(desk.panels) == ["a", "d", "b"]

    def test_each_stands_in_its_tab(self, desk):
        for title in "abcde":
            desk.turn_to(title)
        for tab in desk.tabs:
            for title, place in zip(tab.titles, tab.children, strict=True):
                assert place.children == (desk.panels[title],)

    def test_turning_one_stack_leaves_the_other(self, desk):
        desk.turn_to("c")
        assert desk.tops == ("c", "d")
        desk.turn_to("e")
        assert desk.tops == ("c", "e")

    def test_a_stack_that_is_not_there_turns_nothing(self, desk):
        desk.turn_to("no such panel")
        assert desk.tops == ("a", "d")


class TestOnlyWhatIsOnTopWorks:
    def test_the_fit_reaches_the_panels_on_top(self, desk):
        desk.fit = ONE
        assert asked(desk) == {"a": [SHOWN_ONE], "d": [SHOWN_ONE]}

    def test_hidden_ones_catch_up_once(self, desk):
        desk.fit = ONE
        desk.turn_to("b")
        for fit in (OTHER, ONE, OTHER):
            desk.fit = fit
        assert asked(desk)["a"] == [SHOWN_ONE]
        assert asked(desk)["b"] == [SHOWN_ONE, SHOWN_OTHER, SHOWN_ONE, SHOWN_OTHER]
        desk.turn_to("a")
        assert asked(desk)["a"] == [SHOWN_ONE, SHOWN_OTHER]

    def test_turning_to_and_fro_costs_nothing(self, desk):
        desk.fit = ONE
        for title in "bcabca":
            desk.turn_to(title)
        assert all(what == [SHOWN_ONE] for what in asked(desk).values())

    def test_visible_says_what_is_on_top(self, desk):
        for title in "bceda":
            desk.turn_to(title)
            assert {t for t, panel in desk.panels.items() if panel.visible} == set(desk.tops)

    def test_no_tab_selected(self, desk):
        desk.tabs[0].selected_index = None
        desk.fit = ONE
        assert asked(desk)["d"] == [SHOWN_ONE]
        desk.turn_to("b")
        assert desk.tops == ("b", "d")

    def test_a_group_picked_is_marked_on_top_at_once_and_elsewhere_when_looked_at(self, desk):
        desk.fit = ONE
        desk.turn_to("b")
        desk.panel("b").picked = "group 3"
        assert desk.picked == desk.panel("a").picked == desk.panel("d").picked == "group 3"
        picked = "picked group 3"
        assert asked(desk) == {
            "a": [SHOWN_ONE], "d": [SHOWN_ONE, picked], "b": [SHOWN_ONE, picked]
        }  # fmt: skip
        desk.turn_to("a")
        assert asked(desk)["a"] == [SHOWN_ONE, picked]

    def test_a_point_is_followed_and_forgotten_with_its_model(self, desk):
        desk.fit = ONE
        desk.point = ONE.at({"sigma": 1.2})
        assert asked(desk)["a"] == asked(desk)["d"] == [SHOWN_ONE, "point"]
        desk.fit = OTHER
        assert desk.point is None
        assert all(panel.point is None for panel in desk.panels.values())
        assert asked(desk)["a"][2:] == [SHOWN_OTHER]
        assert asked(desk)["d"][-1] == SHOWN_OTHER

    def test_a_panel_made_later_knows_what_is_shared(self, desk):
        desk.fit, desk.picked, desk.factor = ONE, "group 1", "g"
        point = desk.point = ONE.at({"sigma": 1.2})
        panel = desk.panel("c")
        assert (panel.fit, panel.picked, panel.factor) == (ONE, "group 1", "g")
        assert panel.point is desk.point is point
        assert panel.asked == []


class TestRoom:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk(left=dict.fromkeys("abc", Drawn), right={"d": Drawn}, theme="dark")

    def test_panels_of_a_stack_have_the_same_room(self, desk):
        desk.panel("b")
        desk.panel("a").picture.room = 720.0
        assert desk.panel("a").room == desk.panel("b").room == desk.panel("c").room == 720.0
        assert desk.panel("d").room == 0.0
        assert desk.panel("c").picture.figure_size[0] == 7.2

    @pytest.mark.parametrize(("room", "inches"), [(300.0, 5.6), (600.0, 6.0), (2000.0, 9.0)])
    def test_pictures_are_neither_too_narrow_nor_too_wide(self, desk, room, inches):
        desk.panel("a").picture.room = room
        assert desk.panel("a").picture.figure_size[0] == pytest.approx(inches)

    def test_a_picture_that_is_hidden_tells_no_room(self, desk):
        desk.panel("a").picture.room = 720.0
        desk.panel("a").picture.room = 0.0
        assert desk.panel("a").room == 720.0

    def test_theme(self, desk):
        assert [desk.panel(title).look for title in "ad"] == ["dark", "dark"]
        desk.panel("a").theme = "auto"
        desk.panel("a").picture.page_theme = "light"
        assert desk.panel("a").look == "light"

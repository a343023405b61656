"""Pictures on which answers are given: where hands are drawn, and that no key is in them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mixedwidgets.plots import answer_curve, answer_groups, answer_surface
from mixedwidgets.plots.answer_curve import AnswerCurve
from mixedwidgets.plots.answer_groups import AnswerGroups
from mixedwidgets.plots.answer_marks import rounded
from mixedwidgets.plots.answer_surface import AnswerSurface
from tests.answer_sheet import curve_picture, groups_picture, surface_picture

CURVE = AnswerCurve.of(curve_picture())
SURFACE = AnswerSurface.of(surface_picture())
GROUPS = AnswerGroups.of(groups_picture())
CASES = [
    (answer_curve, CURVE, (0.1, 0.3), (0.066, 0.318)),
    (answer_surface, SURFACE, (9.0, 4.0), (9.1, 3.2)),
    (answer_groups, GROUPS, (45.0, 11.0), (52.0, 11.0)),
]


def drawn(plot, table, size=(8.2, 4.2), **options) -> Figure:
    figure = Figure(figsize=size, dpi=100)
    plot.draw(figure, table, title="What is asked", **options)
    FigureCanvasAgg(figure).draw()
    return figure


def lines(figure):
    return {line.get_gid(): line for line in figure.axes[0].lines}


@pytest.mark.parametrize(("plot", "table", "held", "key"), CASES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [5.6, 9.0])
def test_every_picture_draws_with_and_without_the_key(plot, table, held, key, theme, width):
    assert "key" not in lines(drawn(plot, table, (width, 3.6), theme=theme))
    figure = drawn(plot, table, (width, 3.6), theme=theme, key=key, animated=False)
    assert lines(figure)["key"].get_xdata()[0] in (key[0], key[1])
    plot.place(figure, table, held)
    FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize(("plot", "table", "held", "key"), CASES)
def test_words_say_where_the_hand_is_and_whether_it_is_an_answer(plot, table, held, key):
    assert f"{held[0]:g}" in plot.say(table, held)
    assert "no answer yet" in plot.say(table, table.start, given=False)
    assert "no answer yet" not in plot.say(table, held)


def test_handles_are_on_the_curve_and_hollow_until_there_is_an_answer():
    figure = drawn(answer_curve, CURVE)
    hollow = lines(figure)["lower"].get_markerfacecolor()
    answer_curve.place(figure, CURVE, (0.1, 0.3))
    lower, upper = lines(figure)["lower"], lines(figure)["upper"]
    assert lower.get_markerfacecolor() != hollow
    assert (lower.get_xdata()[0], upper.get_xdata()[0]) == (0.1, 0.3)
    assert lower.get_ydata()[0] == pytest.approx(CURVE.height(0.1))
    (band,) = figure.axes[0].patches
    assert band.get_xy()[:, 0].min() == 0.1
    assert band.get_xy()[:, 0].max() == 0.3
    answer_curve.place(figure, CURVE, (-3.0, 0.3))
    assert lines(figure)["lower"].get_xdata()[0] == 0.0


def test_height_of_the_curve_and_its_words():
    exact = 5 * np.log(0.1 * 6) + 25 * np.log(0.9 * 6 / 5)
    assert CURVE.height(0.1) == pytest.approx(exact, abs=0.02)
    words = answer_curve.describe(CURVE)
    assert "a line across at −1.920" in words
    assert "k / n at 0.1667" in words


def test_drop_of_the_surface_is_as_smooth_as_what_is_drawn():
    def exact(x, y):
        return 3 * ((x - 9.1) / 0.6) ** 2 + 2 * ((y - 3.2) / 1.5) ** 2

    for x, y in [(9.1, 3.2), (8.6, 4.1), (9.77, 2.2), (10.0, 4.0)]:
        assert SURFACE.drop_at(x, y) == pytest.approx(exact(x, y), abs=0.03)
    figure = drawn(answer_surface, SURFACE)
    gids = [artist.get_gid() for artist in figure.axes[0].collections]
    assert {"regions", "contours"} <= set(gids)
    assert "9.1" not in answer_surface.describe(SURFACE)
    assert "3.2 " not in answer_surface.describe(SURFACE).replace("3.22", "")


def test_the_picked_row_is_the_one_and_names_stand_beside_their_rows():
    figure = drawn(answer_groups, GROUPS, (8.2, answer_groups.height(GROUPS)))
    point = lines(figure)["point"]
    assert point.get_ydata()[0] == 11.0
    answer_groups.place(figure, GROUPS, (45.0, 3.0))
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (45.0, 11.0)
    (lettering,) = (a for a in figure.artists if a.get_gid() == "lettering")
    labels = {label.text: label for label in lettering.labels}
    assert labels["School L"].bold
    for row, name in enumerate(GROUPS.names):
        label = labels[name]
        y = label.transform.transform((label.x, label.y))[1]
        assert y == pytest.approx(figure.axes[0].transData.transform((0, row))[1], abs=1.0)


def test_many_groups_stay_legible():
    names = [f"School {i}" for i in range(200)]
    picture = groups_picture() | {"names": names, "pick": "School 77", "sizes": [9] * 200}
    picture["means"] = list(np.linspace(40, 60, 200))
    table = AnswerGroups.of(picture)
    figure = drawn(answer_groups, table, (8.2, answer_groups.height(table)))
    (lettering,) = (a for a in figure.artists if a.get_gid() == "lettering")
    shown = [label for label in lettering.labels if label.text.startswith("School ")]
    assert "School 77" in [label.text for label in shown]
    heights = sorted(label.transform.transform((0, label.y))[1] for label in shown)
    assert min(np.diff(heights)) >= 12


@pytest.mark.parametrize(
    ("table", "plot", "start", "key", "shift", "end"),
    [
        (SURFACE, answer_surface, (9.0, 3.0), "ArrowLeft", False, (8.95, 3.0)),
        (SURFACE, answer_surface, (9.0, 3.0), "ArrowUp", True, (9.0, 3.75)),
        (SURFACE, answer_surface, (7.0, 3.0), "ArrowLeft", True, (7.0, 3.0)),
        (SURFACE, answer_surface, (9.0, 3.0), "Enter", False, None),
        (GROUPS, answer_groups, (50.0, 11.0), "ArrowRight", True, (51.2, 11.0)),
        (GROUPS, answer_groups, (50.0, 11.0), "ArrowUp", False, None),
    ],
)
def test_keys_take_the_point_by_steps_and_not_beyond_the_picture(
    table, plot, start, key, shift, end
):
    there = plot.step(table, key, shift, start)
    assert there == (None if end is None else pytest.approx(end))


def test_places_of_a_hand_are_short_numbers():
    assert rounded(0.123456, 0.45) == 0.1235
    assert rounded(51.23456, 24.0) == 51.23
    assert rounded(123456.7, 5000.0) == 123457.0
    assert CURVE.rounded(0.1 + 1e-17) == 0.1

"""The point on the picture of a surface: where it goes, what follows it, and what it says."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.parameters import parameters
from mixedwidgets.lmm.surface import curve
from mixedwidgets.lmm.surface import surface as computed
from mixedwidgets.lmm.tables import Surface
from mixedwidgets.plots import surface
from tests.test_plots import AT_BOUNDARY, BOXES, THEMES, assert_legible, by_gid, drawn, make_surface

AT = (30.0, 7.0)
SE, OPTIMUM, RHO = (6.0, 1.3), (24.7, 5.9), 0.1


def drop(x, y):
    """The quadratic of ``make_surface``."""
    a, b = (x - OPTIMUM[0]) / SE[0], (y - OPTIMUM[1]) / SE[1]
    return (a**2 - 2 * RHO * a * b + b**2) / (1 - RHO**2)


def one(figure, gid):
    (artist,) = by_gid(figure, gid)
    return artist.get_xydata()


def everything(figure):
    """The data of all lines, by whether they move."""
    lines = [a for axes in figure.axes for a in axes.lines]
    return {
        moving: [a.get_xydata().copy() for a in lines if a.get_animated() is moving]
        for moving in (True, False)
    }


@pytest.fixture(scope="module")
def wheat():
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)
    tau, sigma, _ = parameters(fit.design)
    return fit, computed(fit.design, fit.estimate, tau, sigma)


def test_at_rest_the_point_is_at_the_maximum():
    table = make_surface()
    figure = drawn(surface, table)
    for gid in ("point", "optimum"):
        np.testing.assert_array_equal(one(figure, gid), [table.optimum])
    for axis in "xy":
        assert len(one(figure, f"section-{axis}")) == 0
    np.testing.assert_array_equal(one(figure, "slice-point-x"), [[OPTIMUM[0], 0.0]])
    hollow, filled = (by_gid(figure, gid)[0] for gid in ("optimum", "point"))
    assert hollow.get_markerfacecolor() == "none"
    assert filled.get_markerfacecolor() != "none"


def test_the_point_takes_crosshairs_and_sections_along():
    table = make_surface(points=61)
    figure = drawn(surface, table)
    assert surface.place(figure, table, *AT) == AT
    np.testing.assert_array_equal(one(figure, "point"), [AT])
    np.testing.assert_array_equal(one(figure, "optimum"), [OPTIMUM])
    np.testing.assert_array_equal(one(figure, "crosshair-x")[:, 0], [AT[0]] * 2)
    np.testing.assert_array_equal(one(figure, "crosshair-y")[:, 1], [AT[1]] * 2)
    across, up = (a.get_xydata() for a in by_gid(figure, "slice-crosshair"))
    np.testing.assert_array_equal(across[:, 0], [AT[0]] * 2)
    np.testing.assert_array_equal(up[:, 0], [AT[1]] * 2)
    height = -drop(*AT) / 2
    np.testing.assert_allclose(one(figure, "slice-point-x"), [[AT[0], height]], rtol=1e-3)
    np.testing.assert_allclose(one(figure, "slice-point-y"), [[AT[1], height]], rtol=1e-3)


def test_sections_are_of_the_surface_through_the_point():
    table = make_surface(points=61)
    figure = drawn(surface, table)
    surface.place(figure, table, *AT)
    x, heights = one(figure, "section-x").T
    near = drop(x, AT[1]) < 15
    np.testing.assert_allclose(heights[near], -drop(x, AT[1])[near] / 2, atol=2e-3)
    y, heights = one(figure, "section-y").T
    near = drop(AT[0], y) < 15
    np.testing.assert_allclose(heights[near], -drop(AT[0], y)[near] / 2, atol=2e-3)
    assert (x[0], x[-1]) == (table.x[0], table.x[-1])


def test_a_section_of_a_profile_stays_below_the_profile(wheat):
    fit, table = wheat
    figure = drawn(surface, table)
    surface.place(figure, table, 0.9, 1.5)
    x, heights = one(figure, "section-x").T
    tau = parameters(fit.design)[0]
    profile = curve(fit.design, fit.estimate, tau, reach=(float(x[0]), float(x[-1])), nodes=14)
    best = np.interp(x, profile.x, -profile.drop / 2)
    near = best > -5.0
    assert (heights <= best + 0.06)[near].all()
    assert (best - heights)[near].min() < 0.06  # where the ridge of the surface crosses


def test_only_moving_artists_change():
    table = make_surface()
    figure = drawn(surface, table)
    before, limits = everything(figure), [(a.get_xlim(), a.get_ylim()) for a in figure.axes]
    surface.place(figure, table, *AT)
    after = everything(figure)
    assert all(np.array_equal(a, b) for a, b in zip(before[False], after[False], strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(before[True], after[True], strict=True))
    assert limits == [(a.get_xlim(), a.get_ylim()) for a in figure.axes]


def test_back_at_the_maximum_the_sections_are_gone():
    table = make_surface()
    figure = drawn(surface, table)
    at_rest = everything(figure)
    surface.place(figure, table, *AT)
    surface.place(figure, table, *table.optimum)
    back = everything(figure)
    assert all(np.array_equal(a, b) for a, b in zip(at_rest[True], back[True], strict=True))


def test_points_stay_where_parameters_are_possible():
    table = make_surface(**AT_BOUNDARY)
    assert surface.clamp(table, -3.0, 5.0) == (0.0, 1.0)
    assert surface.clamp(table, 0.3, -0.2) == (0.3, -0.2)
    figure = drawn(surface, table)
    assert surface.place(figure, table, -1.0, 0.1) == (0.0, 0.1)
    np.testing.assert_array_equal(one(figure, "point"), [[0.0, 0.1]])
    high = surface.clamp(table, 99.0, 0.0)[0]
    assert high == table.x[-1]
    assert surface.clamp(table, math.nan, 0.1) == (table.optimum[0], 0.1)


def test_keys():
    table = make_surface()
    width, height = np.ptp(table.x), np.ptp(table.y)
    for key, shift, dx, dy in (
        ("ArrowLeft", False, -width / 50, 0.0),
        ("ArrowRight", True, width / 10, 0.0),
        ("ArrowUp", False, 0.0, height / 50),
        ("ArrowDown", True, 0.0, -height / 10),
    ):
        moved = surface.step(table, key, shift, *AT)
        assert moved == pytest.approx((AT[0] + dx, AT[1] + dy))
    assert surface.step(table, "Home", False, *AT) == table.optimum
    assert surface.step(table, "a", False, *AT) is None
    edge = float(table.x[0])
    assert surface.step(table, "ArrowLeft", True, edge, 5.0) == (edge, 5.0)


def test_what_is_said():
    table = make_surface(labels=("SD of ses", "sigma"))
    half = -math.log(1 - 0.80)  # of a drop at the edge of the 80% joint region
    assert surface.say(table, 30.0, 7.0, 2 * half) == (
        "SD of ses is 30.0; sigma is 7.00: log-likelihood 1.6 below the maximum, on the edge of "
        "the 80% joint region."
    )
    assert "the maximum of the log-likelihood" in surface.say(table, *table.optimum)
    assert "outside the 99.9% joint region" in surface.say(table, 30.0, 7.0, 40.0)
    assert "on the edge of the 99.3% joint" in surface.say(table, 30.0, 7.0, -2 * math.log(0.007))
    assert "impossible" in surface.say(table, 30.0, 7.0, math.inf)
    restricted = make_surface(**AT_BOUNDARY)
    words = surface.say(restricted, 0.0, 0.2, 1.0)
    assert "is 0, the boundary;" in words
    assert "restricted log-likelihood 0.50 below" in words


def test_drops_between_the_points_of_the_grid(wheat):
    table = make_surface(points=61)
    assert surface.drop_at(table, *AT) == pytest.approx(drop(*AT), abs=1e-3)
    assert surface.drop_at(table, *table.optimum) == 0.0
    _, profile = wheat
    row, column = 20, 30
    x, y = float(profile.x[column]), float(profile.y[row])
    assert surface.drop_at(profile, x, y) == pytest.approx(profile.drop[row, column], rel=1e-6)


def test_impossible_points_of_a_grid():
    base = make_surface(points=31)
    table = Surface(**{**vars(base), "drop": np.where(base.x < 20.0, np.inf, base.drop)})
    figure = drawn(surface, table)
    surface.place(figure, table, 15.0, 6.5)
    assert one(figure, "slice-point-x")[0, 1] < -1000
    surface.place(figure, table, 31.0, 6.5)
    x, heights = one(figure, "section-x").T
    np.testing.assert_allclose(heights[x > 23], -drop(x, 6.5)[x > 23] / 2, atol=0.05)


def test_a_grid_of_one_value():
    base = make_surface()
    table = Surface(**{**vars(base), "x": base.x[:1], "drop": base.drop[:, :1], "path": base.path})
    figure = drawn(surface, table)
    surface.place(figure, table, 3.0, 6.5)
    assert one(figure, "point")[0, 0] == base.x[0]


def test_moving_takes_less_than_two_milliseconds():
    table = make_surface(points=61)
    figure = drawn(surface, table)
    times = []
    for x in np.linspace(10.0, 40.0, 60):
        start = time.perf_counter()
        surface.place(figure, table, x, 6.0)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 2e-3


@pytest.mark.parametrize("box", [*BOXES, (560, 420)])
@pytest.mark.parametrize("theme", THEMES)
def test_legible_with_the_point_moved(box, theme):
    table = make_surface(**AT_BOUNDARY)
    figure = drawn(surface, table, box=box, theme=theme, animated=False)
    surface.place(figure, table, 0.7, -0.3)
    figure.canvas.draw()
    assert_legible(figure)

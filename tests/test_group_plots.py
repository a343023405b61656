"""One group among all, and picking and following in pictures of groups."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.caterpillar import caterpillar
from mixedwidgets.lmm.dial import dial
from mixedwidgets.lmm.one_group import one_group
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.plots import caterpillar as caterpillar_picture
from mixedwidgets.plots import group as picture
from mixedwidgets.plots import pooled
from mixedwidgets.plots import shrinkage as shrinkage_picture
from mixedwidgets.plots.style import DARK, LIGHT, picked_look
from mixedwidgets.widgets.moving import read_moving
from tests.test_caterpillar import BOXES, fit_of, standing
from tests.test_plots import assert_legible, by_gid, drawn, make_shrinkage, texts

ANY = {"check_conv_singular": "ignore"}
LINES = ("no-pooling", "partial-pooling", "complete-pooling")


def group_of(fit, level=None, factor=0, **more):
    return one_group(fit.design, fit.estimate, factor, level, **more)


@pytest.fixture(scope="module")
def schools():
    return fit_of("schools", "mscore ~ ses + flp + (ses | school)")


# One group: numbers -------------------------------------------------------------------------------


def test_lines_of_a_subject():
    data = mw.load("sleepstudy")
    own = data[data["Subject"].astype(str) == "330"]
    fit = fit_of()
    table = group_of(fit, 3, contribution=-51.2)
    assert (table.level, table.labels, table.held) == ("330", ("Days", "Reaction"), "")
    np.testing.assert_array_equal(table.x, own["Days"])
    np.testing.assert_array_equal(table.y, own["Reaction"])
    slope, intercept = np.polyfit(own["Days"], own["Reaction"], 1)
    np.testing.assert_allclose(table.no_pooling, [intercept, slope], rtol=1e-9)
    np.testing.assert_allclose(table.grid, [0.0, 9.0])
    coefficients = fit.coef()["Subject"].iloc[3].to_numpy()
    np.testing.assert_allclose(table.lines[0], intercept + slope * table.grid, rtol=1e-9)
    np.testing.assert_allclose(table.lines[1], coefficients[0] + coefficients[1] * table.grid)
    np.testing.assert_allclose(table.lines[2], fit.estimate.beta @ [[1.0, 1.0], [0.0, 9.0]])
    np.testing.assert_allclose(table.lines_y[3], table.lines[1])
    assert table.contribution == -51.2
    assert table.limits == ((0.0, 9.0), (data["Reaction"].min(), data["Reaction"].max()))


def test_lines_of_a_mean_lie_over_its_rows():
    data = mw.load("wheat")
    fit = fit_of("wheat", "yield ~ 1 + (1 | region)")
    table = group_of(fit, 0)
    own = data[data["region"].astype(str) == "1"]["yield"]
    assert table.labels == ("row within region", "yield")
    assert table.by_row
    np.testing.assert_array_equal(table.x, [1, 2, 3, 4, 5])
    np.testing.assert_allclose(table.lines[0], own.mean())
    np.testing.assert_allclose(table.lines[1], fit.coef()["region"].iloc[0, 0])
    np.testing.assert_allclose(table.lines[2], data["yield"].mean())


def test_rows_of_very_unequal_groups_are_spread():
    size = [2, 3, 40]
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"g": np.repeat(list("abc"), size), "y": rng.normal(size=45)})
    table = group_of(mw.lmer("y ~ 1 + (1 | g)", data, control=ANY), 0)
    assert table.labels[0] == "rows within g, from the first (0) to the last (1)"
    assert not table.by_row
    np.testing.assert_allclose(table.x, [0.25, 0.75])
    np.testing.assert_allclose(table.lines_x[2], [1 / 80, 79 / 80])


def test_without_slopes_the_first_covariate_of_more_than_two_values():
    data = mw.load("schools").head(800)
    formula = "mscore ~ public * ses + flp + offset(hwh) + (1 | school)"
    fit = mw.lmer(formula, data)
    level = 4
    table = group_of(fit, level)
    assert table.labels == ("ses", "mscore")
    rows = fit.design.groupings[0].codes == level
    own = data[rows]
    beta = dict(zip(fit.design.x_names, fit.estimate.beta, strict=True))
    (public,) = [name for name in beta if name.startswith("public") and ":" not in name]
    (joint,) = [name for name in beta if ":" in name]
    is_public = fit.design.X[rows, fit.design.x_names.index(public)].mean()
    height = beta["(Intercept)"] + beta[public] * is_public + beta["flp"] * own["flp"].mean()
    height = height + own["hwh"].mean()
    slope = beta["ses"] + beta[joint] * is_public
    np.testing.assert_allclose(table.lines[2], height + slope * table.grid, rtol=1e-10)
    mode = fit.ranef()["school"].iloc[level, 0]
    np.testing.assert_allclose(table.lines[1] - table.lines[2], mode, rtol=1e-8)
    assert table.held == f"{public}, flp, offset at the group's mean"


def test_effects_of_another_factor_are_held_at_their_mean():
    """Balanced, the line without pooling goes through the mean of the group's rows."""
    data = mw.load("penicillin")
    fit = fit_of("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)")
    table = group_of(fit, 2, factor=1)
    assert table.held == "effects of plate at the group's mean"
    own = data[data["sample"].astype(str) == table.level]["diameter"]
    np.testing.assert_allclose(table.lines[0], own.mean(), rtol=1e-10)


@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ poly(Days, 2) + (Days | Subject)",
        "Reaction ~ Days + I(Days^2) + (Days | Subject)",
        "Reaction ~ poly(Days, 3, raw = TRUE) + (Days | Subject)",
        "Reaction ~ Days + I(Days^2) + (Days + I(Days^2) || Subject)",
        "Reaction ~ factor(Days) + (Days | Subject)",
    ],
)
def test_functions_of_x_bend_the_lines(formula):
    fit = mw.lmer(formula, mw.load("sleepstudy"), control=ANY)
    table = group_of(fit, 3)
    assert table.labels[0] == "Days"
    assert table.held == ""
    at = np.isin(table.grid.round(9), [0.0, 3.0, 6.0, 9.0])
    assert at.sum() == 4
    rows = np.flatnonzero(fit.design.groupings[0].codes == 3)[[0, 3, 6, 9]]
    np.testing.assert_allclose(table.lines[1][at], np.asarray(fit.fitted())[rows], rtol=1e-9)
    expected = fit.design.X[rows] @ fit.estimate.beta
    np.testing.assert_allclose(table.lines[2][at], expected, rtol=1e-9)


@pytest.mark.parametrize("reml", [True, False])
def test_every_line_goes_through_what_is_fitted(reml):
    """Where nothing varies within groups but x, the partial lines are the fitted values."""
    fit = fit_of("schools", "mscore ~ ses + flp + (ses | school)", REML=reml)
    table = group_of(fit)
    codes, fitted = fit.design.groupings[0].codes, np.asarray(fit.fitted())
    x = fit.design.blocks[0].columns[:, 1]
    flat = np.ptp(table.lines_x, axis=1) > 0.1
    rise = np.diff(table.lines_y)[:, 0] / np.diff(table.lines_x)[:, 0]
    on_line = table.lines_y[codes, 0] + rise[codes] * (x - table.lines_x[codes, 0])
    np.testing.assert_allclose(on_line[flat[codes]], fitted[flat[codes]], rtol=1e-8)


def test_a_level_that_its_data_do_not_determine():
    data = mw.load("sleepstudy").iloc[9:]  # the first subject keeps one row
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", data)
    table = group_of(fit, 0)
    assert np.isnan(table.lines[0]).all()
    assert np.isfinite(table.lines[1:]).all()
    assert np.ptp(table.grid) > 0.0
    words = picture.describe(table)
    assert "1 observation, too few to estimate it alone" in words
    assert "intercept not determined with no" in words


def test_no_such_level():
    with pytest.raises(ModelError, match=r"level is 18; give a number from 0 to 17.*'Subject'"):
        group_of(fit_of(), 18)


# One group: picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("level", [None, 3])
def test_legible(level, box, theme):
    for name, formula, factor in [
        ("sleepstudy", "Reaction ~ Days + (Days | Subject)", 0),
        ("pastes", "strength ~ 1 + (1 | batch/cask)", 0),
        ("dyestuff2", "Yield ~ 1 + (1 | Batch)", 0),
    ]:
        table = group_of(fit_of(name, formula), level, factor)
        assert_legible(drawn(picture, table, box=box, theme=theme))


def test_another_level_moves_only_what_moves():
    fit = fit_of()
    figure = drawn(picture, group_of(fit))
    before = standing(figure)
    (caption,) = by_gid(figure, "caption")
    assert [label.text for label in caption.labels] == [picture.HINT]
    for level in (3, 7, None):
        table = group_of(fit, level)
        picture.follow(figure, table)
        (data,), (mark,) = by_gid(figure, "data"), by_gid(figure, "picked")
        np.testing.assert_array_equal(data.get_xdata(), table.x)
        for gid, height in zip(LINES, table.lines, strict=True):
            (line,) = by_gid(figure, gid)
            np.testing.assert_array_equal(line.get_ydata(), height)
        if level is not None:
            np.testing.assert_allclose(mark.get_ydata(), table.lines_y[level])
            assert caption.labels[0].text == f"Subject {table.level}: 10 observations"
    assert np.isnan(mark.get_xdata()).all()
    assert caption.labels[0].text == picture.HINT
    np.testing.assert_array_equal(standing(figure), before)
    moving = {a.get_gid() for a in figure.axes[0].get_children() if a.get_animated()}
    assert moving == {*LINES, "groups", "data", "caption", "picked", "picked-name"}


def test_pick_and_hit_a_line():
    table = group_of(fit_of())
    figure = drawn(picture, table)
    picture.pick(figure, table, 5)
    (mark,) = by_gid(figure, "picked")
    np.testing.assert_allclose(mark.get_xydata(), np.c_[table.lines_x[5], table.lines_y[5]])
    assert picture.hit(table, "groups", 5) == 5
    assert picture.hit(table, "data", 5) is None
    assert picture.hit(table, None, 0) is None


def test_marks_are_those_of_shrinkage():
    figure = drawn(picture, group_of(fit_of(), 3))
    hollow, filled, dashed = (by_gid(figure, gid)[0] for gid in LINES)
    assert hollow.get_markerfacecolor() == LIGHT.panel
    assert filled.get_markerfacecolor() == LIGHT.pooled
    assert dashed.is_dashed()
    assert not hollow.is_dashed()


def test_description():
    words = picture.describe(group_of(fit_of(), 3, contribution=-51.234))
    assert "Subject 330 among the lines of 18 groups, Reaction against Days" in words
    assert "10 observations, log-likelihood −51.23" in words
    assert "Days 3.01 with no, 5.65 with partial, 10.47 with complete pooling" in words
    assert "No group is picked" in picture.describe(group_of(fit_of()))


# Shrinkage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2])
def test_shrinkage_picks_and_follows(width):
    table = make_shrinkage(24, width=width)
    figure = drawn(shrinkage_picture, table)
    before = standing(figure)
    limits = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    shrinkage_picture.pick(figure, table, 9)
    order = pooled.order(table) if width == 1 else np.arange(24)
    (mark,), (name,) = by_gid(figure, "picked"), by_gid(figure, "picked-name")
    assert mark.get_xdata()[0] == pytest.approx(table.no_pooling[9, 0])
    assert mark.get_xdata()[1] == pytest.approx(table.partial_pooling[9, 0])
    assert [label.text for label in name.labels] == [table.levels[9]]
    halfway = make_halfway(table)
    shrinkage_picture.follow(figure, halfway)
    (dots,), (lines,) = by_gid(figure, "partial-pooling"), by_gid(figure, "lines")
    np.testing.assert_allclose(dots.get_offsets()[:, 0], halfway.partial_pooling[order, 0])
    ends = np.array([path.vertices for path in lines.get_paths()])
    np.testing.assert_allclose(ends[:, 1, 0], halfway.partial_pooling[order, 0])
    assert mark.get_xdata()[1] == pytest.approx(halfway.partial_pooling[9, 0])
    assert mark.get_ydata()[1] == pytest.approx(
        list(order).index(9) if width == 1 else halfway.partial_pooling[9, 1]
    )
    assert (figure.axes[0].get_xlim(), figure.axes[0].get_ylim()) == limits
    np.testing.assert_array_equal(standing(figure), before)
    shrinkage_picture.pick(figure, table, None)
    assert np.isnan(mark.get_xdata()).all()
    assert name.labels == []


def make_halfway(table):
    """The table with half the covariance and half the deviations, around another centre."""
    common = table.complete_pooling + 1.0
    return type(table)(
        **(
            vars(table)
            | {
                "complete_pooling": common,
                "partial_pooling": common + 0.5 * (table.partial_pooling - common),
                "covariance": 0.5 * table.covariance,
            }
        )
    )


def test_ellipses_follow_and_go_where_they_are_infinite():
    fit = fit_of()
    table, turned = shrinkage(fit.design, fit.estimate), dial(fit.design, fit.estimate)
    figure = drawn(shrinkage_picture, table)
    there = turned.shrinkage_at(0.4)
    shrinkage_picture.follow(figure, there)
    (outline,) = by_gid(figure, "ellipse-95")
    away = outline.get_xydata() - there.complete_pooling
    distance = np.einsum("ij,jk,ik->i", away, np.linalg.inv(there.covariance), away)
    np.testing.assert_allclose(distance, -2.0 * np.log(0.05))
    (centre,) = by_gid(figure, "complete-pooling")
    np.testing.assert_allclose(centre.get_xydata()[0], there.complete_pooling)
    shrinkage_picture.follow(figure, turned.shrinkage_at(1.0))
    assert np.isnan(outline.get_xydata()).all()
    shrinkage_picture.follow(figure, table)
    assert np.isfinite(outline.get_xydata()).all()


def test_shrinkage_hit():
    rows, plane = make_shrinkage(24, width=1), make_shrinkage(24)
    order = pooled.order(rows)
    for gid in ("lines", "no-pooling", "partial-pooling"):
        assert shrinkage_picture.hit(rows, gid, 3) == order[3]
        assert shrinkage_picture.hit(plane, gid, 3) == 3
    assert shrinkage_picture.hit(plane, "complete-pooling", 0) is None
    assert shrinkage_picture.hit(plane, "picked", 0) is None


def test_a_level_without_an_estimate_of_its_own_can_be_picked():
    table = make_shrinkage(24)
    table.no_pooling[4] = np.nan
    figure = drawn(shrinkage_picture, table)
    shrinkage_picture.pick(figure, table, 4)
    (mark,) = by_gid(figure, "picked")
    assert np.isnan(mark.get_xdata()[0])
    assert mark.get_xdata()[1] == pytest.approx(table.partial_pooling[4, 0])
    figure.canvas.draw()
    read_moving(figure)


# All of them --------------------------------------------------------------------------------------


def test_the_look_of_what_is_picked():
    for theme in (LIGHT, DARK):
        look = picked_look(theme)
        assert look["color"] == look["markeredgecolor"] == theme.ink
        assert look["markerfacecolor"] == "none"


@pytest.mark.parametrize("where", [0.02, 0.5, 0.98])
def test_the_name_stays_within_the_panel(where):
    table = make_shrinkage(24, width=1)
    figure = drawn(shrinkage_picture, table)
    low, high = figure.axes[0].get_xlim()
    table.partial_pooling[9] = table.no_pooling[9] = low + where * (high - low)
    shrinkage_picture.follow(figure, table)
    shrinkage_picture.pick(figure, table, 9)
    (name,) = by_gid(figure, "picked-name")
    ((_, box),) = name.boxes()
    panel = figure.axes[0].bbox
    assert panel.x0 <= box.x0
    assert box.x1 <= panel.x1


def test_moving_layers_can_be_read(schools):
    table = shrinkage(schools.design, schools.estimate)
    figure = drawn(shrinkage_picture, table)
    shrinkage_picture.pick(figure, table, 3)
    gids = {item.get("gid") for item in read_moving(figure).items}
    assert {"lines", "partial-pooling", "picked", "picked-name"} <= gids


def test_following_684_groups_is_quick(schools):
    """Three milliseconds for each picture to follow with a level picked."""
    design, estimate = schools.design, schools.estimate
    there = dial(design, estimate).shrinkage_at(0.4)
    modes, lines = caterpillar(design, estimate), one_group(design, estimate, 0, 3)
    for module, first, then in [
        (shrinkage_picture, shrinkage(design, estimate), there),
        (caterpillar_picture, modes, modes),
        (picture, lines, lines),
    ]:
        figure = drawn(module, first, box=(900, 420))
        spent = []
        for level in range(8):
            start = time.perf_counter()
            module.follow(figure, then)
            module.pick(figure, then, level)
            spent.append(time.perf_counter() - start)
        assert min(spent) < 3e-3, module.__name__


def test_names_in_the_picture_of_all_groups(schools):
    figure = drawn(picture, group_of(schools), box=(900, 420))
    assert any("flp at the group's mean" in text for text, _ in texts(figure))

"""Caterpillar plots: modes and deviations against full matrices, both forms, picking, following."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.errors import DataError
from mixedwidgets.lmm.caterpillar import caterpillar
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.plots import caterpillar as picture
from tests import dense
from tests.test_plots import assert_legible, by_gid, drawn, texts

BOXES = [(560, 420), (900, 420)]


def fit_of(name="sleepstudy", formula="Reaction ~ Days + (Days | Subject)", **options):
    return mw.lmer(formula, mw.load(name), **options)


def table_of(fit, factor=0, **more):
    return caterpillar(fit.design, fit.estimate, factor, **more)


def made(count, effects=1, seed=3):
    """A table of numbers with a known order."""
    rng = np.random.default_rng(seed)
    modes = rng.normal(size=(count, effects))
    return CaterpillarTable(
        group="g",
        levels=tuple(f"level {i}" for i in range(count)),
        size=np.full(count, 5),
        names=tuple(f"effect {i}" for i in range(effects)),
        modes=modes,
        sd=np.full((count, effects), 0.4),
        order=np.argsort(modes, axis=0),
        criterion="ML",
    )


def standing(figure):
    """The pixels of what does not move."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("name", "formula", "factor"),
    [
        ("sleepstudy", "Reaction ~ Days + (Days | Subject)", 0),
        ("sleepstudy", "Reaction ~ Days + (Days || Subject)", 0),
        ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", 1),
        ("pastes", "strength ~ 1 + (1 | batch/cask)", 0),
        ("dyestuff2", "Yield ~ 1 + (1 | Batch)", 0),
    ],
)
def test_modes_and_deviations_against_full_matrices(name, formula, factor, reml):
    fit = fit_of(name, formula, REML=reml)
    table = table_of(fit, factor)
    means, variances = dense.modes(fit.design, fit.theta, fit.sigma, fit.estimate.beta)
    scale = fit.sigma
    np.testing.assert_allclose(table.modes, means[table.group], rtol=1e-6, atol=1e-9 * scale)
    expected = np.sqrt(np.einsum("jaa->ja", variances[table.group]))
    np.testing.assert_allclose(table.sd, expected, rtol=1e-6, atol=1e-9 * scale)
    assert table.criterion == ("REML" if reml else "ML")
    sorted_ = np.take_along_axis(table.modes, table.order, axis=0)
    assert (np.diff(sorted_, axis=0) >= 0.0).all()


def test_the_lectures_conditional_deviation():
    """One-way: the variance of a_j given the data is 1 / (n / s2 + 1 / t2)."""
    fit = fit_of("wheat", "yield ~ 1 + (1 | region)", REML=False)
    s2, t2 = 1.7872063, 0.3099255  # the lecture's maximum-likelihood estimates
    np.testing.assert_allclose(table_of(fit).sd, np.sqrt(1 / (5 / s2 + 1 / t2)), rtol=1e-6)


def test_contributions_are_kept():
    fit = fit_of("wheat", "yield ~ 1 + (1 | region)")
    given = np.arange(10.0)
    assert table_of(fit, contributions=given).contributions is given
    assert table_of(fit).contributions is None


def test_rows_are_sorted_by_each_effect_with_bars_of_196_deviations():
    table = table_of(fit_of())
    figure = drawn(picture, table, box=(900, 420))
    for effect in range(2):
        (dots,), (bars,) = by_gid(figure, f"modes-{effect}"), by_gid(figure, f"bars-{effect}")
        order = table.order[:, effect]
        np.testing.assert_allclose(dots.get_offsets()[:, 0], table.modes[order, effect])
        np.testing.assert_allclose(dots.get_offsets()[:, 1], np.arange(18))
        half = norm.ppf(0.975) * table.sd[order, effect]
        ends = np.array([path.vertices for path in bars.get_paths()])
        np.testing.assert_allclose(ends[:, 0, 0], table.modes[order, effect] - half)
        np.testing.assert_allclose(ends[:, 1, 0], table.modes[order, effect] + half)
    written = [text for text, _ in texts(figure)]
    assert all(written.count(level) == 2 for level in table.levels)


@pytest.mark.parametrize("count", [6, 10, 11, 300])
def test_quantiles_are_those_of_ppoints(count):
    """R: qnorm(ppoints(m)), with 3/8 for up to ten values and 1/2 for more."""
    a = 3 / 8 if count <= 10 else 1 / 2
    expected = [norm.ppf((i - a) / (count + 1 - 2 * a)) for i in range(1, count + 1)]
    np.testing.assert_allclose(picture.quantiles(count), expected, atol=1e-12)
    assert picture.quantiles(6)[-1] == pytest.approx(1.2815515655446, rel=1e-12)  # qnorm(0.9)


def test_form_goes_by_the_number_of_groups():
    assert picture.form_of(made(60)) == "rows"
    assert picture.form_of(made(61)) == "qq"
    assert picture.form_of(made(61), "rows") == "rows"
    with pytest.raises(DataError, match=r"form is 'row' .*'rows'.*give 'auto', 'rows' or 'qq'"):
        picture.form_of(made(5), "row")


def test_normal_modes_lie_on_the_line():
    table = made(101)
    q = picture.quantiles(101)
    exact = replace(table, modes=(2.0 + 3.0 * q)[:, None], order=np.arange(101)[:, None])
    figure = drawn(picture, exact)
    (line,) = by_gid(figure, "normal-0")
    np.testing.assert_allclose(line.get_xdata(), 2.0 + 3.0 * q[[0, -1]], rtol=0.02)
    np.testing.assert_allclose(line.get_ydata(), q[[0, -1]])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("form", ["rows", "qq"])
@pytest.mark.parametrize(("count", "effects"), [(6, 1), (18, 2), (30, 1), (60, 3), (684, 2)])
def test_legible(count, effects, form, box, theme):
    assert_legible(drawn(picture, made(count, effects), box=box, form=form, theme=theme))


def test_more_effects_than_panels_are_counted():
    figure = drawn(picture, made(8, 6), box=(900, 420))
    assert len(figure.axes) == 4
    assert any("2 more effects in the table" in text for text, _ in texts(figure))


def test_a_variance_of_zero_is_said():
    fit = fit_of("dyestuff2", "Yield ~ 1 + (1 | Batch)")
    table = table_of(fit)
    assert "every mode is 0" in picture.describe(table)
    figure = drawn(picture, table)
    assert any("estimated variance 0" in text for text, _ in texts(figure))
    assert figure.axes[0].get_xlim() == (-1.0, 1.0)


def test_description_names_both_ends():
    words = picture.describe(table_of(fit_of()))
    assert "18 groups (Subject; REML)" in words
    assert "intercept: from −40.4 (309) to 34.9 (337); 6 of 18 intervals" in words
    assert "Days: from −10.75 (335) to 9.20 (308); 8 of 18 intervals" in words


def test_hit_is_the_level_at_that_place():
    table = made(40, 2)
    assert picture.hit(table, "modes-1", 7) == table.order[7, 1]
    assert picture.hit(table, "bars-0", 0) == table.order[0, 0]
    for gid in ("picked", "normal-0", None):
        assert picture.hit(table, gid, 0) is None


@pytest.mark.parametrize("form", ["rows", "qq"])
def test_pick_marks_the_level_in_every_panel(form):
    table = made(40, 2)
    figure = drawn(picture, table, form=form)
    before = standing(figure)
    for mark in by_gid(figure, "picked"):
        assert np.isnan(mark.get_xdata()).all()
    picture.pick(figure, table, 12)
    marks, names = by_gid(figure, "picked"), by_gid(figure, "picked-name")
    for effect, mark in enumerate(marks):
        x, half = table.modes[12, effect], norm.ppf(0.975) * 0.4
        np.testing.assert_allclose(mark.get_xdata(), [x - half, x, x + half])
        assert [label.text for label in names[effect].labels] == ["level 12"]
    np.testing.assert_array_equal(standing(figure), before)
    picture.pick(figure, table, None)
    assert all(np.isnan(mark.get_xdata()).all() for mark in by_gid(figure, "picked"))
    assert not any(name.labels for name in by_gid(figure, "picked-name"))


@pytest.mark.parametrize("form", ["rows", "qq"])
def test_follow_moves_the_marks_in_the_order_drawn(form):
    table, other = made(40, 2), made(40, 2, seed=8)
    figure = drawn(picture, table, form=form)
    before = standing(figure)
    limits = [(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes]
    picture.pick(figure, table, 12)
    picture.follow(figure, other)
    for effect in range(2):
        (dots,) = by_gid(figure, f"modes-{effect}")
        expected = other.modes[table.order[:, effect], effect]
        np.testing.assert_allclose(dots.get_offsets()[:, 0], expected)
        mark = by_gid(figure, "picked")[effect]
        assert mark.get_xdata()[1] == pytest.approx(other.modes[12, effect])
    assert limits == [(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes]
    np.testing.assert_array_equal(standing(figure), before)


def test_everything_that_moves_is_animated():
    figure = drawn(picture, made(80, 2))
    moving = {a.get_gid() for axes in figure.axes for a in axes.get_children() if a.get_animated()}
    assert moving == {
        *("bars-0", "bars-1", "modes-0", "modes-1", "normal-0", "normal-1"),
        *("picked", "picked-name"),
    }
    assert not drawn(picture, made(80), animated=False).findobj(lambda a: a.get_animated())

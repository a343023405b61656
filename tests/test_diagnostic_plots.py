"""The pictures of diagnostics and the thumbnails: facts about what is drawn."""

from __future__ import annotations

import io
import math
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.lmm import diagnose
from mixedwidgets.lmm.diagnostic_tables import InfluenceTable, LevelResiduals, ResidualTable
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.tables import ShrinkageTable
from mixedwidgets.plots import by_group, influential, residual_qq, residuals
from mixedwidgets.plots.smooth import smooth
from mixedwidgets.plots.style import DARK, LIGHT
from mixedwidgets.plots.thumbnail import EDGE, HEIGHT, WIDTH, thumbnail
from mixedwidgets.widgets.moving import read_moving
from tests.test_plots import assert_legible, by_gid, texts

SIZES = [(5.6, 4.2), (9.0, 4.2)]
MODELS = {
    "wheat": "yield ~ 1 + (1 | region)",
    "dyestuff2": "Yield ~ 1 + (1 | Batch)",
    "sleepstudy": "Reaction ~ Days + (Days | Subject)",
    "pastes": "strength ~ 1 + (1 | batch / cask)",
    "penicillin": "diameter ~ 1 + (1 | plate) + (1 | sample)",
    "schools": "mscore ~ ses + (ses | school)",
}
VIEWS = {
    "residuals": (residuals, diagnose.residual_table),
    "quantiles": (residual_qq, diagnose.residual_quantiles),
    "effects": (residual_qq, diagnose.effect_quantiles),
    "levels": (by_group, diagnose.level_residuals),
    "influence": (influential, diagnose.influence_table),
    "influence-rows": (
        influential,
        lambda design, estimate: diagnose.influence_table(design, estimate, by="row"),
    ),
}


@pytest.fixture(scope="module")
def tables():
    """Every table of every model, by the name of the view and of the data."""
    out = {}
    for data, formula in MODELS.items():
        fit = mw.lmer(formula, mw.load(data))
        for view, (_, table_of) in VIEWS.items():
            out[view, data] = table_of(fit.design, fit.estimate)
    return out


def drawn(module, table, size=(9.0, 4.2), theme="light", animated=True):
    """Return the figure, drawn whole."""
    figure = Figure(figsize=size, dpi=100)
    canvas = FigureCanvasAgg(figure)
    module.draw(figure, table, theme=theme, animated=animated)
    canvas.draw()
    return figure


def picked(figure):
    """The points of the highlight and the name beside it."""
    mark = next(a for a in by_gid(figure, "picked") if a.axes is not None)
    words = [label.text for name in by_gid(figure, "picked-name") for label in name.labels]
    points = mark.get_xydata()
    return points[np.isfinite(points).all(axis=1)], words


def in_panels(figure, gid):
    """What is drawn in panels, not in the key."""
    return [artist for artist in by_gid(figure, gid) if artist.axes is not None]


@pytest.mark.parametrize("data", list(MODELS))
@pytest.mark.parametrize("view", list(VIEWS))
class TestEveryView:
    @pytest.mark.parametrize("size", SIZES)
    def test_legible(self, tables, view, data, size):
        module, table = VIEWS[view][0], tables[view, data]
        figure = drawn(module, table, size)
        assert_legible(figure)
        dark = drawn(module, table, size, theme=DARK)
        assert [t for t, _ in texts(dark)] == [t for t, _ in texts(figure)]
        assert f", {table.criterion}" in texts(figure)[0][0]

    def test_described(self, tables, view, data):
        words = VIEWS[view][0].describe(tables[view, data])
        assert "REML" in words
        assert words.endswith(".")
        assert "nan" not in words

    def test_only_what_moves_is_left_to_the_browser(self, tables, view, data):
        module, table = VIEWS[view][0], tables[view, data]
        figure = drawn(module, table)
        moving = {a.get_gid() for a in figure.findobj(lambda a: a.get_animated())}
        assert {"picked", "picked-name"} <= moving
        rest = {"points", "means", "distances", "picked-all"}
        assert moving <= {"picked", "picked-name"} | rest
        still = drawn(module, table, animated=False)
        assert not still.findobj(lambda a: a.get_animated())

    def test_pick_marks_one_level_and_draws_nothing_anew(self, tables, view, data):
        module, table = VIEWS[view][0], tables[view, data]
        figure = drawn(module, table)
        before = [axes.get_xlim() + axes.get_ylim() for axes in figure.axes]
        count = len(figure.findobj())
        assert len(picked(figure)[0]) == 0
        module.pick(figure, table, 3)
        points, words = picked(figure)
        if getattr(table, "note", ""):
            assert len(points) == 0
        else:
            assert len(points) >= 1
            (name,) = words
            assert name.startswith(table.levels[3])
        assert [axes.get_xlim() + axes.get_ylim() for axes in figure.axes] == before
        assert len(figure.findobj()) == count
        read_moving(figure)
        module.pick(figure, table, None)
        points, words = picked(figure)
        assert len(points) == len(words) == 0

    def test_a_name_picked_stays_in_the_picture(self, tables, view, data):
        module, table = VIEWS[view][0], tables[view, data]
        figure = drawn(module, table, SIZES[0], animated=False)
        for level in range(0, len(table.levels), max(len(table.levels) // 12, 1)):
            module.pick(figure, table, level)
            for name in by_gid(figure, "picked-name"):
                for text, box in name.boxes():
                    assert box.x0 >= 0, text
                    assert box.x1 <= 560, text
                    assert box.y0 >= 0, text
                    assert box.y1 <= 420, text


class TestResiduals:
    def test_all_rows_are_drawn_and_those_of_a_level_picked(self, tables):
        table = tables["residuals", "schools"]
        figure = drawn(residuals, table)
        (cloud,) = in_panels(figure, "points")
        np.testing.assert_array_equal(cloud.get_xdata(), table.fitted)
        np.testing.assert_array_equal(cloud.get_ydata(), table.residual)
        assert not cloud.get_animated()
        residuals.pick(figure, table, 5)
        rows = table.codes == 5
        expected = np.column_stack((table.fitted, table.residual))[rows]
        np.testing.assert_array_equal(picked(figure)[0], expected)
        assert picked(figure)[1] == [f"{table.levels[5]}: {rows.sum()} rows"]

    def test_few_rows_can_be_hit(self, tables):
        table = tables["residuals", "sleepstudy"]
        (cloud,) = in_panels(drawn(residuals, table), "points")
        assert cloud.get_animated()
        assert residuals.hit(table, "points", 12) == 1
        assert residuals.hit(table, "picked", 0) is None
        assert residuals.hit(table, None, 0) is None

    def test_the_level_at_a_place(self, tables):
        table = tables["residuals", "schools"]
        figure = drawn(residuals, table)
        row = int(np.argmax(table.residual))
        at = table.fitted[row] + 0.05, table.residual[row] + 0.02
        assert residuals.level_at(figure, table, *at) == table.codes[row]
        assert residuals.level_at(figure, table, 35.0, 4.0) is None

    def test_numbers_of_the_description(self, tables):
        table = tables["residuals", "sleepstudy"]
        words = residuals.describe(table)
        assert "180 rows" in words
        assert "σ = 25.59" in words
        assert "from −3.95 to 5.18; 4 are beyond ±2 where a normal distribution has 8" in words

    def test_a_spread_that_grows_is_seen(self):
        rng = np.random.default_rng(2)
        x = np.linspace(0.0, 10.0, 2000)
        table = ResidualTable(
            group="g",
            levels=("a",),
            codes=np.zeros(2000, dtype=np.intp),
            response="y",
            fitted=x,
            residual=(0.4 + 0.2 * x) * rng.normal(size=2000),
            weights=np.ones(2000),
            sigma=1.0,
            criterion="ML",
        )
        mean, spread = residuals.running(table)
        assert np.abs(mean[:, 1]).max() < 0.35
        np.testing.assert_allclose(spread[:, 1], 0.4 + 0.2 * spread[:, 0], rtol=0.25)


class TestSmooth:
    def test_straight_lines_stay(self):
        x = np.random.default_rng(0).uniform(-3.0, 5.0, 1000)
        line = smooth(x, 2.0 - 3.0 * x)
        np.testing.assert_allclose(line[:, 1], 2.0 - 3.0 * line[:, 0], atol=1e-9)

    def test_a_wave_is_followed(self):
        x = np.linspace(0.0, 2 * np.pi, 4000)
        line = smooth(x, np.sin(x), share=0.15)
        np.testing.assert_allclose(line[:, 1], np.sin(line[:, 0]), atol=0.04)

    def test_repeated_and_few_places(self):
        assert len(smooth(np.ones(50), np.arange(50.0))) == 0
        line = smooth(np.repeat([0.0, 1.0, 2.0, 3.0, 9.0], 40), np.repeat([1.0, 2, 3, 4, 10], 40))
        assert np.isfinite(line).all()
        np.testing.assert_allclose(line[0], [0.0, 1.0], atol=1e-9)


class TestQuantiles:
    def test_points_and_band(self, tables):
        table = tables["quantiles", "sleepstudy"]
        figure = drawn(residual_qq, table)
        (cloud,) = in_panels(figure, "points")
        np.testing.assert_array_equal(cloud.get_ydata(), table.value)
        (band,) = in_panels(figure, "band")
        vertices = band.get_paths()[0].vertices
        low, high = table.band[-1, 1:]
        assert {low, high} <= set(vertices[:, 1])
        (line,) = in_panels(figure, "equality")
        np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())

    def test_hit_and_place_find_the_level_through_the_order(self, tables):
        table = tables["effects", "sleepstudy"]
        figure = drawn(residual_qq, table)
        assert residual_qq.hit(table, "points", 0) == table.codes[0]
        at = table.quantile[-1], table.value[-1]
        assert residual_qq.level_at(figure, table, *at) == table.codes[-1]
        residual_qq.pick(figure, table, int(table.codes[-1]))
        np.testing.assert_array_equal(picked(figure)[0], [at])

    def test_no_variance_is_said_in_the_picture(self, tables):
        table = tables["effects", "dyestuff2"]
        figure = drawn(residual_qq, table)
        words = " ".join(text for text, _ in texts(figure))
        assert "The SD of intercept by Batch is estimated as zero" in words
        assert not in_panels(figure, "band")
        assert "estimated as zero" in residual_qq.describe(table)


class TestByGroup:
    def test_few_levels_are_rows_sorted_by_their_mean(self, tables):
        table = tables["levels", "sleepstudy"]
        figure = drawn(by_group, table)
        (means,) = in_panels(figure, "means")
        np.testing.assert_array_equal(means.get_xdata(), table.mean)
        order = np.argsort(means.get_ydata())
        np.testing.assert_array_equal(order, np.argsort(table.mean))
        (boxes,) = in_panels(figure, "quartiles")
        ends = np.array([path.vertices for path in boxes.get_paths()])
        np.testing.assert_array_equal(ends[:, :, 0], table.quartiles[:, [1, 3]])
        assert {"308", "372"} <= {text for text, _ in texts(figure)}

    def test_many_levels_are_columns(self, tables):
        table = tables["levels", "schools"]
        figure = drawn(by_group, table)
        (means,) = in_panels(figure, "means")
        np.testing.assert_array_equal(means.get_ydata(), table.mean)
        assert sorted(means.get_xdata()) == list(range(684))
        (ranges,) = in_panels(figure, "ranges")
        ends = np.array([path.vertices for path in ranges.get_paths()])
        np.testing.assert_array_equal(ends[:, :, 1], table.quartiles[:, [0, 4]])

    @pytest.mark.parametrize("data", ["sleepstudy", "schools"])
    def test_hit_and_place(self, tables, data):
        table = tables["levels", data]
        figure = drawn(by_group, table)
        assert by_group.hit(table, "means", 7) == 7
        assert by_group.hit(table, "quartiles", 7) is None
        spot = float(by_group.places(table)[7])
        at = (-1.0, spot + 0.3) if data == "sleepstudy" else (spot + 0.3, -1.0)
        assert by_group.level_at(figure, table, *at) == 7

    def test_single_rows_have_no_sd(self):
        table = LevelResiduals(
            group="g",
            levels=("a", "b"),
            codes=np.array([0, 1]),
            residual=np.array([1.0, -1.0]),
            size=np.array([1, 1]),
            mean=np.array([1.0, -1.0]),
            sd=np.array([math.nan, math.nan]),
            quartiles=np.repeat([[1.0], [-1.0]], 5, axis=1),
            criterion="ML",
        )
        assert_legible(drawn(by_group, table))
        assert "SD" not in by_group.describe(table)


class TestInfluential:
    def test_the_largest_first_with_their_names(self, tables):
        table = tables["influence", "sleepstudy"]
        figure = drawn(influential, table)
        (dots,) = in_panels(figure, "distances")
        np.testing.assert_array_equal(dots.get_xdata(), np.sort(table.distance)[::-1])
        assert dots.get_ydata()[0] == len(table.labels) - 1
        most = int(np.argmax(table.distance))
        assert influential.hit(table, "distances", 0) == most
        assert influential.level_at(figure, table, 0.05, 17.2) == most
        assert f"The largest: {table.labels[most]} 0.149" in influential.describe(table)

    def test_of_many_it_says_how_many_are_named(self, tables):
        table = tables["influence", "schools"]
        figure = drawn(influential, table)
        words = {text for text, _ in texts(figure)}
        assert "the 20 largest of 684 levels of school" in words
        assert "all 684" in words
        (marks,) = in_panels(figure, "all")
        assert isinstance(marks, LineCollection)
        low, high = figure.axes[0].get_xlim()
        pixel = (high - low) / figure.axes[0].bbox.width
        at = np.sort([path.vertices[0, 0] for path in marks.get_paths()])
        nearest = np.abs(table.distance[:, None] - at).min(axis=1)
        assert nearest.max() <= pixel
        over = (table.distance > 4 / 684).sum()
        assert f"{over} exceed 4/684" in influential.describe(table)

    def test_a_level_that_is_not_named_is_picked_among_all(self, tables):
        table = tables["influence", "schools"]
        figure = drawn(influential, table)
        least = int(np.argmin(table.distance))
        influential.pick(figure, table, least)
        ((x, y),) = picked(figure)[0]
        assert x == table.distance[least]
        assert y < -0.5
        assert influential.level_at(figure, table, float(table.distance.max()), y) == int(
            np.argmax(table.distance)
        )
        (ticks,) = in_panels(figure, "picked-all")
        np.testing.assert_array_equal(ticks.get_xdata(), table.distance[[least]])

    def test_rows_of_a_level_are_all_marked(self, tables):
        table = tables["influence-rows", "schools"]
        figure = drawn(influential, table)
        level = int(table.codes[np.argmax(table.distance)])
        influential.pick(figure, table, level)
        (ticks,) = in_panels(figure, "picked-all")
        assert sorted(ticks.get_xdata()) == sorted(table.distance[table.codes == level])
        assert not in_panels(figure, "mark")

    def test_distances_that_are_not_known(self):
        table = InfluenceTable(
            by="level",
            group="g",
            levels=("a", "b", "c"),
            codes=np.arange(3),
            labels=("a", "b", "c"),
            distance=np.array([0.1, math.nan, 0.3]),
            leverage=np.ones(3),
            size=np.full(3, 4),
            coefficients=2,
            criterion="ML",
        )
        figure = drawn(influential, table)
        assert_legible(figure)
        assert "Of 1 it cannot be computed" in influential.describe(table)
        influential.pick(figure, table, 1)
        assert len(picked(figure)[0]) == 0


def test_a_crowd_is_drawn_fast(tables):
    """Measured 12 to 25 ms on a quiet machine; three times as much is let pass."""
    for view, (module, _) in VIEWS.items():
        table, best = tables[view, "schools"], math.inf
        for _ in range(5):
            start = time.perf_counter()
            drawn(module, table)
            best = min(best, time.perf_counter() - start)
        assert best < 0.075, view


class TestThumbnail:
    @pytest.mark.parametrize("data", list(MODELS))
    @pytest.mark.parametrize("theme", [LIGHT, DARK])
    def test_a_small_picture_on_the_panels_ground(self, data, theme):
        fit = mw.lmer(MODELS[data], mw.load(data))
        table = shrinkage(fit.design, fit.estimate)
        pixels = imread(io.BytesIO(thumbnail(table, theme=theme)))
        assert pixels.shape[:2] == (2 * HEIGHT, 2 * WIDTH)
        ground = [int(theme.panel[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        np.testing.assert_allclose(pixels[0, 0, :3], ground, atol=0.003)
        inked = (np.abs(pixels[..., :3] - ground) > 0.2).any(axis=2)
        assert 0.01 < inked.mean() < 0.8

    def test_dots_stand_where_the_groups_are(self):
        """Two groups, one above the other: rows of green pixels at both."""
        values = np.array([[0.0], [10.0]])
        table = ShrinkageTable(
            group="g",
            levels=("a", "b"),
            size=np.array([5, 5]),
            names=("intercept",),
            no_pooling=values,
            partial_pooling=values,
            complete_pooling=np.array([5.0]),
            covariance=np.array([[4.0]]),
            criterion="ML",
        )
        pixels = imread(io.BytesIO(thumbnail(table, pixel_ratio=1.0)))
        green = [int(LIGHT.pooled[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        rows, columns = np.nonzero((np.abs(pixels[..., :3] - green) < 0.02).all(axis=2))
        upper = rows < HEIGHT / 2
        inner = HEIGHT - 2 * EDGE
        assert rows[upper].mean() == pytest.approx(EDGE + inner * 0.5 / 11, abs=1.0)
        assert rows[~upper].mean() == pytest.approx(EDGE + inner * 10.5 / 11, abs=1.0)
        assert columns[upper].mean() > columns[~upper].mean() + 0.3 * WIDTH

    def test_fast(self):
        fit = mw.lmer(MODELS["schools"], mw.load("schools"))
        table, best = shrinkage(fit.design, fit.estimate), math.inf
        for _ in range(5):
            start = time.perf_counter()
            thumbnail(table)
            best = min(best, time.perf_counter() - start)
        assert best < 0.024

    def test_no_theme_of_that_name(self):
        fit = mw.lmer(MODELS["wheat"], mw.load("wheat"))
        with pytest.raises(mw.DataError, match="no theme 'darkk'"):
            thumbnail(shrinkage(fit.design, fit.estimate), theme="darkk")


def test_the_expected_counts_are_those_of_the_normal_distribution():
    assert pytest.approx(2 * norm.sf(residuals._WIDE), abs=5e-5) == residuals._EXPECTED

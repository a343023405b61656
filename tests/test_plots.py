"""The pictures: facts about what is drawn, from small tables made here."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import chi2

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.tables import IntervalTable, ShrinkageTable, Slice, Surface
from mixedwidgets.plots import intervals, lettering, numbers, shrinkage, slices, surface
from mixedwidgets.plots.style import DARK, LIGHT

BOXES = [(820, 430), (620, 400)]
THEMES = [LIGHT, DARK]
INF, NAN = math.inf, math.nan
LONG = "SD of an explanatory variable that has a name of 60 characters"


def drawn(module, table, box=(820, 430), dpi=100, **style):
    """Return the figure, drawn whole."""
    figure = Figure(figsize=(box[0] / 100, box[1] / 100), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    module.draw(figure, table, **style)
    canvas.draw()
    return figure


def by_gid(figure, gid):
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def texts(figure):
    (letters,) = by_gid(figure, "lettering")
    return letters.boxes()


def assert_legible(figure):
    """All text is inside the figure and no two texts overlap."""
    width, height = figure.canvas.get_width_height(physical=True)
    boxes = texts(figure)
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0.5 or down <= 0.5, f"{one!r} overlaps {other!r}"
    (letters,) = by_gid(figure, "lettering")
    assert min(label.size for label in letters.labels) >= 9


def make_surface(
    optimum=(24.7, 5.9),
    se=(6.0, 1.3),
    rho=0.1,
    allowed=((0.0, INF), (0.0, INF)),
    kind="profile",
    criterion="ML",
    labels=("SD of intercepts (τ)", "SD of slopes"),
    points=31,
    path=True,
):
    """A quadratic log-likelihood on a grid that ends at the boundary."""
    ends = [
        (max(m - 3.4 * s, low), min(m + 3.4 * s, high))
        for m, s, (low, high) in zip(optimum, se, allowed, strict=True)
    ]
    x, y = (np.linspace(*end, points) for end in ends)
    a, b = (x[None, :] - optimum[0]) / se[0], (y[:, None] - optimum[1]) / se[1]
    angle = np.linspace(0, 2 * np.pi, 60)
    root = np.linalg.cholesky([[1, rho], [rho, 1]])
    circle = np.column_stack((np.cos(angle), np.sin(angle))) * math.sqrt(chi2.ppf(0.95, 2))
    curves = tuple(
        Slice(f"p{i}", labels[i], g, z := ((g - optimum[i]) / se[i]) ** 2, z, optimum[i])
        for i, g in enumerate((x, y))
    )
    return Surface(
        names=("p0", "p1"),
        labels=labels,
        kind=kind,
        criterion=criterion,
        x=x,
        y=y,
        drop=(a**2 - 2 * rho * a * b + b**2) / (1 - rho**2),
        optimum=optimum,
        ellipse=circle @ root.T * np.array(se) + np.array(optimum),
        allowed=allowed,
        slices=curves,
        path=np.array([optimum, optimum]) * [[1.4], [1.0]] if path else np.empty((0, 2)),
    )


AT_BOUNDARY = {
    "optimum": (0.4, 0.2),
    "se": (0.5, 0.5),
    "allowed": ((0.0, INF), (-1.0, 1.0)),
    "kind": "slice",
    "criterion": "REML",
}


class TestSurface:
    def test_contours_stand_at_joint_quantiles(self):
        figure = drawn(surface, make_surface())
        (lines,) = by_gid(figure, "contours")
        expected = chi2.ppf([0.50, 0.80, 0.95, 0.99], 2)
        np.testing.assert_allclose(lines.levels, expected, rtol=1e-12)
        (filled,) = by_gid(figure, "regions")
        np.testing.assert_allclose(filled.levels, [0, *expected], rtol=1e-12)
        assert {"50%", "80%", "95%", "99%"} <= {text for text, _ in texts(figure)}

    def test_contour_is_where_the_likelihood_has_fallen_so_far(self):
        table = make_surface(rho=0.0, points=61)
        (lines,) = by_gid(drawn(surface, table), "contours")
        radius = (lines.get_paths()[2].vertices - table.optimum) / [6.0, 1.3]
        np.testing.assert_allclose((radius**2).sum(axis=1), chi2.ppf(0.95, 2), rtol=0.01)

    def test_one_parameter_cut(self):
        assert chi2.ppf(0.95, 1) == pytest.approx(slices.ONE_PARAMETER, rel=1e-12)
        figure = drawn(surface, make_surface())
        for line in by_gid(figure, "cut"):
            np.testing.assert_allclose(line.get_ydata(), -chi2.ppf(0.95, 1) / 2)
        first, _ = by_gid(figure, "interval")
        half = 1.959964 * 6.0
        np.testing.assert_allclose(first.get_xdata(), [24.7 - half, 24.7 + half], rtol=2e-3)

    def test_hatched_only_where_a_boundary_is_near(self):
        assert not by_gid(drawn(surface, make_surface()), "impossible")
        figure = drawn(surface, make_surface(**AT_BOUNDARY))
        main, *beside = by_gid(figure, "impossible")
        assert main.get_hatch()
        assert len(beside) == 2
        np.testing.assert_allclose(main.get_path().vertices[:, 0].max(), main.axes.get_xlim()[1])
        assert 0.0 in main.get_path().vertices[:, 0]
        assert 1.0 in main.get_path().vertices[:, 1]
        assert any("impossible" in text for text, _ in texts(figure))

    def test_a_narrow_picture_still_says_where_regions_end(self):
        words = [t for t, _ in texts(drawn(surface, make_surface(**AT_BOUNDARY), box=BOXES[1]))]
        assert {"maximum", "99  95  80  50% joint", "Wald 95%", "impossible"} <= set(words)

    def test_nothing_is_shaded_beyond_the_boundary(self):
        table = make_surface(optimum=(0.4, 0.2), se=(0.5, 0.5))
        x = np.linspace(-1.0, 2.0, 31)
        drop = ((x[None, :] - 0.4) / 0.5) ** 2 + ((table.y[:, None] - 0.2) / 0.5) ** 2
        drop[:, x < -1e-9] = INF
        table = Surface(**{**vars(table), "x": x, "drop": drop})
        (filled,) = by_gid(drawn(surface, table), "regions")
        assert min(p.vertices[:, 0].min() for p in filled.get_paths() if len(p)) >= -1e-9

    def test_moving_artists(self):
        table = make_surface()
        moving = {
            *("point", "crosshair-x", "crosshair-y", "slice-crosshair"),
            *("section-x", "section-y", "slice-point-x", "slice-point-y"),
        }
        figure = drawn(surface, table)
        assert {a.get_gid() for a in figure.findobj(lambda a: a.get_animated())} == moving
        (optimum,) = by_gid(figure, "optimum")
        np.testing.assert_array_equal(optimum.get_xydata(), [table.optimum])
        assert not drawn(surface, table, animated=False).findobj(lambda a: a.get_animated())

    @pytest.mark.parametrize("kind", ["profile", "slice"])
    @pytest.mark.parametrize("criterion", ["ML", "REML"])
    def test_says_which_curve_and_criterion(self, kind, criterion):
        table = make_surface(kind=kind, criterion=criterion)
        words = " ".join(text for text, _ in texts(drawn(surface, table)))
        for place in (words, surface.describe(table)):
            assert criterion in place
            assert ("re-optimised" in place) == (kind == "profile")
            assert ("held fixed" in place) == (kind == "slice")

    def test_description_has_the_numbers(self):
        words = surface.describe(make_surface(rho=0.0))
        half = math.sqrt(chi2.ppf(0.95, 2)) * 6.0
        assert "largest at 24.70 and 5.900" in words
        assert f"from {24.7 - half:.1f} to {24.7 + half:.1f}" in words
        assert "impossible" not in words
        words = surface.describe(make_surface(**AT_BOUNDARY))
        assert "from the boundary 0" in words
        assert "The Wald region reaches impossible values." in words

    @pytest.mark.parametrize("box", BOXES)
    @pytest.mark.parametrize("theme", THEMES)
    @pytest.mark.parametrize(
        "options",
        [
            {},
            AT_BOUNDARY,
            {"labels": (LONG, LONG)},
            {"optimum": (1e9, -2e-7), "se": (3e8, 1e-8), "allowed": ((0, INF), (-INF, INF))},
            {"optimum": (1e9, 1e9), "se": (1.0, 2.0)},
        ],
    )
    def test_legible(self, options, theme, box):
        table = make_surface(**options)
        assert_legible(drawn(surface, table, box=box, theme=theme, animated=False))
        surface.describe(table)

    @pytest.mark.parametrize(
        "drop",
        [
            np.zeros((31, 31)),
            np.full((31, 31), INF),
            np.full((31, 31), NAN),
            np.where(np.eye(31) > 0, 0.0, INF),
        ],
        ids=["flat", "infinite", "unknown", "ridge"],
    )
    def test_degenerate_surfaces(self, drop):
        base = make_surface(path=False)
        curves = tuple(
            Slice(c.name, c.label, c.x, drop[0], np.full_like(c.x, NAN), c.estimate)
            for c in base.slices
        )
        table = Surface(**{**vars(base), "drop": drop, "ellipse": None, "slices": curves})
        assert_legible(drawn(surface, table, animated=False))
        assert surface.describe(table)

    def test_span(self):
        x = np.linspace(-3, 3, 601)
        assert slices.span(x, x**2, 1.0) == pytest.approx((-1, 1), abs=1e-4)
        assert slices.span(x, x**2, 100.0) == (-INF, INF)
        assert slices.span(x, np.where(x < 0, INF, x**2), 1.0) == pytest.approx((0, 1), abs=1e-2)
        assert all(math.isnan(v) for v in slices.span(x, x**2 + 5, 1.0))


def make_intervals(rows, level=0.95, criterion="ML"):
    """Rows of label, group, estimate, Wald, profile, allowed range, note."""
    column = list(zip(*rows, strict=True))
    wald, profile, allowed = (np.array(column[i], float) for i in (3, 4, 5))
    return IntervalTable(
        names=column[0],
        labels=column[0],
        groups=column[1],
        estimate=np.array(column[2], float),
        wald_lower=wald[:, 0],
        wald_upper=wald[:, 1],
        profile_lower=profile[:, 0],
        profile_upper=profile[:, 1],
        allowed_lower=allowed[:, 0],
        allowed_upper=allowed[:, 1],
        notes=column[6],
        level=level,
        criterion=criterion,
    )


FREE, POSITIVE, BOUNDED = (-INF, INF), (0.0, INF), (-1.0, 1.0)
PLAIN = [
    ("SD of intercepts (τ)", "random", 24.74, (13.1, 36.4), (14.38, 37.72), POSITIVE, ""),
    ("correlation", "random", 0.066, (-0.57, 0.70), (-0.482, 0.685), BOUNDED, ""),
    ("SD of residuals (σ)", "residual", 25.59, (22.6, 28.6), (22.9, 28.86), POSITIVE, ""),
    ("(Intercept)", "fixed", 251.405, (238.4, 264.4), (237.68, 265.13), FREE, ""),
    ("Days", "fixed", 10.467, (7.5, 13.4), (7.359, 13.576), FREE, ""),
]
STRANGE = [
    (LONG, "random", 0.0, (NAN, NAN), (0.0, 1.4), POSITIVE, "the profile ends at the boundary 0"),
    (
        "SD b",
        "random",
        1.2,
        (-1.5, 3.9),
        (0.0, 2.9),
        POSITIVE,
        "the profile ends at the boundary 0",
    ),
    ("rho", "random", 0.9, (-0.4, 2.1), (-1.0, 1.0), BOUNDED, "every correlation is possible"),
    ("unknown", "residual", NAN, (NAN, NAN), (NAN, NAN), POSITIVE, ""),
    ("open", "fixed", 0.3, (-1.0, 1.6), (-INF, INF), FREE, "the likelihood never falls so far"),
    ("large", "fixed", 1.0e9, (0.9e9, 1.1e9), (0.91e9, 1.12e9), FREE, ""),
    ("narrow", "fixed", 1e9, (1e9 - 1, 1e9 + 1), (1e9 - 2, 1e9 + 1), FREE, ""),
    ("x" * 60, "fixed", 0.0, (0.0, 0.0), (0.0, 0.0), FREE, ""),
]
MANY = PLAIN + [(f"x{i}", "fixed", i, (i - 1, i + 2), (i - 2, i + 1), FREE, "") for i in range(15)]


class TestIntervals:
    def test_bars_stand_at_the_limits(self):
        figure = drawn(intervals, make_intervals(PLAIN))
        (bars,), (dots,) = by_gid(figure, "profile"), by_gid(figure, "estimates")
        segments = np.array(bars.get_segments())
        assert len(segments) == len(PLAIN)
        for (_, _, estimate, _, (lower, upper), _, _), bar, dot in zip(
            PLAIN, segments, dots.get_xydata(), strict=True
        ):
            (x0, y0), (x1, y1) = bar
            assert y0 == y1
            assert (dot[0] - x0) / (x1 - x0) == pytest.approx((estimate - lower) / (upper - lower))

    def test_wald_has_caps_and_is_thinner(self):
        figure = drawn(intervals, make_intervals(PLAIN))
        (wald,), (profile,) = by_gid(figure, "wald"), by_gid(figure, "profile")
        assert len(wald.get_segments()) == 3 * len(PLAIN)
        assert wald.get_linewidth()[0] < profile.get_linewidth()[0]

    def test_impossible_values_are_hatched(self):
        plain = drawn(intervals, make_intervals(PLAIN[3:]))
        assert not by_gid(plain, "impossible")
        figure = drawn(intervals, make_intervals(STRANGE[1:3]))
        (hatched,) = by_gid(figure, "impossible")
        assert hatched.get_hatch()
        assert len(hatched.get_path().vertices) == 5 * 3

    def test_infinite_limits_have_arrow_heads(self):
        figure = drawn(intervals, make_intervals(STRANGE))
        heads = by_gid(figure, "profile-unbounded")
        assert [list(h.get_xdata()) for h in heads] == [[0.0], [1.0]]

    def test_what_is_written(self):
        words = [text for text, _ in texts(drawn(intervals, make_intervals(PLAIN)))]
        assert "95% confidence intervals, ML" in words
        for expected in ("Random effects", "Residual", "Fixed effects", "237.7 to 265.1", "24.7"):
            assert expected in words
        assert words.index("Random effects") < words.index("correlation")

    def test_more_than_twelve(self):
        table = make_intervals(MANY)
        words = [text for text, _ in texts(drawn(intervals, table))]
        assert "8 more parameters are in the table" in words
        assert "x6" in words
        assert "x7" not in words
        assert "8 more parameters are in the table." in intervals.describe(table)

    def test_description_has_the_numbers(self):
        words = intervals.describe(make_intervals(PLAIN, level=0.9, criterion="REML"))
        assert words.startswith("90% confidence intervals (REML)")
        assert "Days: estimate 10.47, Wald 7.50 to 13.40, profile 7.36 to 13.58" in words
        words = intervals.describe(make_intervals(STRANGE))
        assert "profile −∞ to ∞ (the likelihood never falls so far)" in words

    @pytest.mark.parametrize("box", BOXES)
    @pytest.mark.parametrize("theme", THEMES)
    @pytest.mark.parametrize("rows", [PLAIN, PLAIN[:1], STRANGE, MANY])
    def test_legible(self, rows, theme, box):
        table = make_intervals(rows)
        box = (box[0], max(box[1], 100 * intervals.height(table)))
        assert_legible(drawn(intervals, table, box=box, theme=theme))

    @pytest.mark.parametrize("rows", [PLAIN, STRANGE[:6], MANY])
    def test_legible_in_the_usual_box(self, rows):
        assert_legible(drawn(intervals, make_intervals(rows)))


def make_shrinkage(groups=18, width=2, wild=0, seed=1, names=None, scale=1.0, variance=1.0):
    rng = np.random.default_rng(seed)
    covariance = variance * np.array([[9.0, 1.0], [1.0, 1.0]])[:width, :width] * scale**2
    centre = scale * np.array([50.0, 3.0])[:width]
    size = rng.integers(2, 60, groups)
    offset = scale * rng.normal(size=(groups, width)) * np.array([3.0, 1.0])[:width]
    no_pooling = centre + offset * (1 + 4 / size[:, None])
    if wild:
        no_pooling[:wild] += 400 * scale
    return ShrinkageTable(
        group="school",
        levels=names or tuple(f"school {i}" for i in range(groups)),
        size=size,
        names=("(Intercept)", "ses")[:width],
        no_pooling=no_pooling,
        partial_pooling=centre + variance * offset * (size / (size + 6.0))[:, None],
        complete_pooling=centre,
        covariance=covariance,
        criterion="ML",
    )


class TestShrinkage:
    @pytest.mark.parametrize("groups", [18, 684])
    def test_points_are_the_tables_in_two_dimensions(self, groups):
        table = make_shrinkage(groups)
        figure = drawn(shrinkage, table, animated=False)
        (hollow,), (filled,) = by_gid(figure, "no-pooling"), by_gid(figure, "partial-pooling")
        np.testing.assert_allclose(hollow.get_offsets(), table.no_pooling)
        np.testing.assert_allclose(filled.get_offsets(), table.partial_pooling)
        (lines,), (centre,) = by_gid(figure, "lines"), by_gid(figure, "complete-pooling")
        expected = np.stack((table.no_pooling, table.partial_pooling), axis=1)
        np.testing.assert_allclose(lines.get_segments(), expected)
        np.testing.assert_allclose(centre.get_xydata(), [table.complete_pooling])
        order = np.argsort(table.size, kind="stable")
        assert (np.diff(hollow.get_sizes()[order]) >= 0).all()

    @pytest.mark.parametrize("groups", [6, 18, 684])
    def test_rows_are_sorted_in_one_dimension(self, groups):
        table = make_shrinkage(groups, width=1)
        figure = drawn(shrinkage, table, animated=False)
        (hollow,), (filled,) = by_gid(figure, "no-pooling"), by_gid(figure, "partial-pooling")
        order = np.argsort(table.no_pooling[:, 0], kind="stable")
        np.testing.assert_array_equal(shrinkage.order(table), order)
        np.testing.assert_allclose(hollow.get_offsets()[:, 0], table.no_pooling[order, 0])
        np.testing.assert_allclose(filled.get_offsets()[:, 0], table.partial_pooling[order, 0])
        np.testing.assert_allclose(hollow.get_offsets()[:, 1], np.arange(groups))
        names = [text for text, _ in texts(figure) if text.startswith("school ")]
        assert names == ([table.levels[i] for i in order] if groups <= 30 else [])

    def test_grand_mean_is_dashed(self):
        (line,) = by_gid(drawn(shrinkage, make_shrinkage(width=1)), "complete-pooling")
        assert line.is_dashed()
        np.testing.assert_allclose(line.get_xdata(), 50.0)

    @pytest.mark.parametrize("p", [0.50, 0.95])
    def test_ellipses_stand_at_joint_quantiles(self, p):
        table = make_shrinkage()
        (line,) = by_gid(drawn(shrinkage, table), f"ellipse-{100 * p:.0f}")
        away = line.get_xydata() - table.complete_pooling
        distance = np.einsum("ij,jk,ik->i", away, np.linalg.inv(table.covariance), away)
        np.testing.assert_allclose(distance, chi2.ppf(p, 2))

    def test_moving_artists(self):
        figure = drawn(shrinkage, make_shrinkage())
        moving = {a.get_gid() for a in figure.findobj(lambda a: a.get_animated())}
        points = {"lines", "no-pooling", "partial-pooling", "complete-pooling"}
        assert moving == points | {"ellipse-50", "ellipse-95", "picked", "picked-name"}

    @pytest.mark.parametrize("width", [1, 2])
    def test_wild_groups_stay_outside_and_are_counted(self, width):
        table = make_shrinkage(60, width=width, wild=2)
        figure = drawn(shrinkage, table)
        (axes,) = figure.axes
        assert axes.get_xlim()[1] < 100
        out = np.zeros(60, bool)
        for i, (lower, upper) in enumerate([axes.get_xlim(), axes.get_ylim()][:width]):
            out |= (table.no_pooling[:, i] < lower) | (table.no_pooling[:, i] > upper)
        assert 2 <= out.sum() <= 4
        said = f"{out.sum()} with no pooling stand outside the picture"
        assert any(said in text for text, _ in texts(figure))
        assert said in shrinkage.describe(table)
        calm = make_shrinkage(60, width=width)
        assert not any("outside" in text for text, _ in texts(drawn(shrinkage, calm)))

    def test_partially_pooled_groups_are_always_inside(self):
        table = make_shrinkage(200, wild=5)
        for axis in range(2):
            lower, upper = shrinkage.limits(table, axis)
            assert lower < table.partial_pooling[:, axis].min()
            assert upper > table.partial_pooling[:, axis].max()

    def test_groups_that_cannot_be_estimated_alone(self):
        table = make_shrinkage(20)
        table.no_pooling[[3, 4]] = NAN
        table.no_pooling[5, 1] = NAN
        assert "3 cannot be estimated alone" in shrinkage.describe(table)
        assert_legible(drawn(shrinkage, table, animated=False))
        one = make_shrinkage(20, width=1)
        one.no_pooling[7] = NAN
        values = np.where(np.arange(20) == 7, one.partial_pooling[:, 0], one.no_pooling[:, 0])
        np.testing.assert_array_equal(shrinkage.order(one), np.argsort(values))

    def test_description_has_the_numbers(self):
        table = make_shrinkage()
        words = shrinkage.describe(table)
        for values in (table.no_pooling[:, 1], table.partial_pooling[:, 1]):
            assert f"{values.min():.2f} to {values.max():.2f}".replace("-", "−") in words
        assert "18 groups (school; " in words
        assert "(Intercept): 50.0" in words

    @pytest.mark.parametrize("box", BOXES)
    @pytest.mark.parametrize("theme", THEMES)
    @pytest.mark.parametrize("width", [1, 2])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"groups": 684},
            {"groups": 2},
            {"groups": 30, "names": tuple(f"{i} {LONG}" for i in range(30))},
            {"wild": 1},
            {"scale": 1e9},
            {"variance": 0.0},
            {"names": tuple(f"$\\group_{{{i}}}$\n" for i in range(18))},
        ],
    )
    def test_legible(self, options, width, theme, box):
        table = make_shrinkage(width=width, **options)
        assert_legible(drawn(shrinkage, table, box=box, theme=theme, animated=False))
        assert shrinkage.describe(table)

    @pytest.mark.parametrize("width", [1, 2])
    def test_all_the_same_and_none_estimable(self, width):
        table = make_shrinkage(5, width=width, variance=0.0)
        table.no_pooling[:] = NAN
        assert_legible(drawn(shrinkage, table, animated=False))
        assert "groups none with no pooling" in shrinkage.describe(table)


class TestStyle:
    @pytest.mark.parametrize("theme", THEMES)
    @pytest.mark.parametrize(
        ("module", "table"),
        [
            (surface, make_surface()),
            (intervals, make_intervals(PLAIN)),
            (shrinkage, make_shrinkage()),
        ],
    )
    def test_opaque_in_the_themes_colour(self, module, table, theme):
        figure = drawn(module, table, theme=theme.name)
        pixels = np.asarray(figure.canvas.buffer_rgba())
        assert (pixels[..., 3] == 255).all()
        paper = [int(theme.paper[i : i + 2], 16) for i in (1, 3, 5)]
        assert (pixels[0, 0, :3] == paper).all()

    def test_unknown_theme(self):
        with pytest.raises(DataError, match=r"no theme .drak. .did you mean .dark...; give"):
            drawn(intervals, make_intervals(PLAIN), theme="drak")

    @pytest.mark.parametrize("theme", THEMES)
    def test_text_is_readable_against_its_ground(self, theme):
        for ground in (theme.paper, theme.panel):
            assert contrast(theme.ink, ground) >= 7
            assert contrast(theme.muted, ground) >= 4.5
            for mark in (theme.wald, theme.likelihood, theme.pooled):
                assert contrast(mark, ground) >= 3
        for shade in theme.shades:
            assert contrast(theme.ink, shade) >= 4.5

    @pytest.mark.parametrize("dpi", [50, 100, 200])
    def test_layout_does_not_depend_on_the_resolution(self, dpi):
        boxes = texts(drawn(surface, make_surface(), dpi=dpi))
        usual = texts(drawn(surface, make_surface()))
        for (text, box), (same, other) in zip(boxes, usual, strict=True):
            assert text == same
            np.testing.assert_allclose(box.x0 * 100 / dpi, other.x0, atol=8)

    @pytest.mark.parametrize("kind", ["svg", "pdf"])
    def test_vector_formats(self, kind, tmp_path):
        figure = Figure(figsize=(8.2, 4.3))
        surface.draw(figure, make_surface(**AT_BOUNDARY), animated=False)
        figure.savefig(tmp_path / f"picture.{kind}")
        assert (tmp_path / f"picture.{kind}").stat().st_size > 5000


def contrast(one, other):
    """Return the contrast ratio of two colours as WCAG 2 defines it."""
    light = []
    for color in (one, other):
        parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)


class TestLettering:
    def test_width_agrees_with_matplotlib(self):
        figure = Figure(dpi=100)
        canvas = FigureCanvasAgg(figure)
        text = "SD of intercepts between schools (τ)"
        drawn_text = figure.text(0, 0, text, fontsize=9, fontfamily="DejaVu Sans")
        width = drawn_text.get_window_extent(canvas.get_renderer()).width
        assert lettering.text_width(text, 9) == pytest.approx(width, rel=0.05)

    def test_elide_and_wrap(self):
        assert lettering.elide("short", 100, 9) == "short"
        cut = lettering.elide(LONG, 150, 9)
        assert cut.endswith("…")
        assert LONG.startswith(cut[:-1])
        assert 120 < lettering.text_width(cut, 9) <= 150
        assert lettering.wrap("short", 100, 9) == ["short"]
        first, second = lettering.wrap("SD of Days between subjects", 120, 9)
        assert f"{first} {second}" == "SD of Days between subjects"
        assert all(lettering.text_width(line, 9) <= 150 for line in lettering.wrap(LONG, 150, 9))

    def test_no_warning_for_a_character_no_font_has(self):
        table = make_shrinkage(names=tuple(f"{chr(0xF8FF)} 学校 {i}" for i in range(18)), width=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_legible(drawn(shrinkage, table))


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "resolution", "expected"),
        [
            (0.12345, 0.01, "0.12"),
            (-0.001, 0.01, "0"),
            (-2.5, 0.1, "−2.5"),
            (251.405, 1.0, "251"),
            (1234567.0, 1000.0, "1.235e6"),
            (1e9 + 0.5, 0.5, "1.0000000005e9"),
            (2e-7, 1e-8, "2.0e−7"),
            (INF, 1.0, "∞"),
            (-INF, 1.0, "−∞"),
            (NAN, 1.0, "–"),
            (3.0, 0.0, "3.0000"),
        ],
    )
    def test_number(self, value, resolution, expected):
        assert numbers.number(value, resolution) == expected

    def test_significant(self):
        assert numbers.significant(0.38407) == "0.3841"
        assert numbers.significant(251.405) == "251.4"
        assert numbers.significant(0.0) == "0"

    @pytest.mark.parametrize(
        ("lower", "upper", "least", "expected"),
        [
            (0, 10, 2, ["0", "2", "4", "6", "8", "10"]),
            (-0.3, 0.31, 0.11, ["−0.2", "0", "0.2"]),
            (7.4, 13.6, 3, ["10"]),
            (1e9, 1e9 + 1, 0.4, ["1.0000000000e9", "1.0000000005e9", "1.0000000010e9"]),
        ],
    )
    def test_ticks(self, lower, upper, least, expected):
        values, labels = numbers.ticks(lower, upper, least)
        assert list(labels) == expected
        assert (values >= lower - 1e-9).all()
        assert (values <= upper + 1e-9 * abs(upper)).all()

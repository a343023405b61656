"""The pictures of profiles: facts about what is drawn, from small tables made here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import chi2, norm

import mixedwidgets as mw
from mixedwidgets.lmm.tables import PairsTable, ProfileCurve, ProfilePair, ProfileTable
from mixedwidgets.plots import figures, lattice, profile_density, profile_pairs, surface, zeta
from mixedwidgets.plots.style import DARK, LIGHT
from tests.test_plots import LONG, assert_legible, by_gid, texts

INF, NAN = math.inf, math.nan
THEMES = [LIGHT, DARK]


def make_curve(
    name="p0", label="SD of intercepts (τ)", estimate=5.0, se=1.0, allowed=(0.0, INF), bent=0.0
):
    """A profile whose zeta is (value - estimate) / se, bent; cut at the boundary."""
    low, high = max(estimate - 3.4 * se, allowed[0]), min(estimate + 3.4 * se, allowed[1])
    value = np.linspace(low, high, 23)
    value[np.argmin(abs(value - estimate))] = estimate

    def height(x):
        z = (x - estimate) / se
        return z - bent * z**2

    fine = np.union1d(np.linspace(low, high, 121), value)
    z = height(fine)
    density = norm.pdf(z) * np.gradient(z, fine)
    ends = low == allowed[0], high == allowed[1]
    return ProfileCurve(
        name=name,
        label=label,
        allowed=allowed,
        estimate=estimate,
        se=se if estimate not in allowed else NAN,
        value=value,
        zeta=height(value),
        path=np.column_stack((value, value)),
        line=np.column_stack((fine, z)),
        density=density,
        mass=(
            norm.cdf(z[0]) if ends[0] else 0.0,
            norm.sf(z[-1]) if ends[1] else 0.0,
        ),
        note="the profile ends at the boundary 0, where |zeta| is 1.30" if ends[0] else "",
    )


def make_table(*options, criterion="ML"):
    curves = tuple(make_curve(**{"name": f"p{n}"} | o) for n, o in enumerate(options))
    return ProfileTable(tuple(c.name for c in curves), curves, criterion, 0.999)


def make_pairs(table, rho=0.4):
    """Two quadratic parameters with correlation rho, whatever their single curves are."""
    pairs = []
    for n, a in enumerate(table.curves):
        for b in table.curves[n + 1 :]:
            x, y = a.line[::4, 0], b.line[::4, 0]
            zx, zy = a.line[::4, 1], b.line[::4, 1]
            drop = (zx**2 - 2 * rho * zx * zy[:, None] + zy[:, None] ** 2) / (1 - rho**2)
            t = np.linspace(-3.0, 3.0, 31)
            one = np.stack(
                (
                    np.column_stack((np.interp(t, zx, x), np.interp(rho * t, zy, y))),
                    np.column_stack((t, rho * t)),
                ),
                axis=1,
            )
            two = np.stack(
                (
                    np.column_stack((np.interp(rho * t, zx, x), np.interp(t, zy, y))),
                    np.column_stack((rho * t, t)),
                ),
                axis=1,
            )
            pairs.append(ProfilePair((a.name, b.name), (one, two), x, y, zx, zy, drop))
    return PairsTable(table, tuple(pairs))


PLAIN = {"label": "SD of residuals (σ)", "estimate": 25.6, "se": 1.5}
BOUNDARY = {"label": "τ, SD between regions", "estimate": 1.3}
AT_ZERO = {"label": "τ", "estimate": 0.0}
CORRELATION = {"label": "correlation of a and b", "estimate": 0.4, "se": 0.3, "allowed": (-1, 1)}
FREE = {"label": "slope", "estimate": -0.03, "se": 0.01, "allowed": (-INF, INF)}
TABLES = {
    "one": make_table(PLAIN),
    "boundaries": make_table(BOUNDARY, AT_ZERO, CORRELATION),
    "long": make_table({"label": LONG}, {"label": "x" * 60}, FREE),
    "large": make_table(
        {"estimate": 1e9, "se": 1.0}, {"estimate": 1e9, "se": 2e8}, {"estimate": 2e-7, "se": 1e-8}
    ),
    "four": make_table(PLAIN, BOUNDARY, CORRELATION, FREE),
    "many": make_table(*[PLAIN | {"label": f"x{n}"} for n in range(15)]),
}


def drawn(module, table, width=8.2, height=None, theme="light"):
    """Return the figure, drawn whole."""
    figure = Figure(figsize=(width, height or module.height(table)), dpi=100)
    canvas = FigureCanvasAgg(figure)
    module.draw(figure, table, theme=theme, animated=False)
    canvas.draw()
    return figure


def in_panels(figure, gid):
    """What is drawn in panels, not in the key."""
    return [artist for artist in by_gid(figure, gid) if artist.axes is not None]


def table_for(module, name):
    return make_pairs(TABLES[name]) if module is profile_pairs else TABLES[name]


@pytest.mark.parametrize("name", list(TABLES))
@pytest.mark.parametrize("width", [8.2, 6.2])
@pytest.mark.parametrize("module", [zeta, profile_density, profile_pairs])
def test_legible(module, width, name):
    table = table_for(module, name)
    assert_legible(drawn(module, table, width))
    assert module.describe(table)


@pytest.mark.parametrize("module", [zeta, profile_density, profile_pairs])
def test_a_theme_moves_no_text(module):
    """So what is legible in one is in the other."""
    table = table_for(module, "large")
    light, dark = (texts(drawn(module, table, 6.2, theme=theme)) for theme in THEMES)
    assert [text for text, _ in light] == [text for text, _ in dark]
    for (_, one), (_, other) in zip(light, dark, strict=True):
        np.testing.assert_allclose(one.extents, other.extents, atol=1e-6)


@pytest.mark.parametrize("module", [zeta, profile_density, profile_pairs])
@pytest.mark.parametrize("criterion", ["ML", "REML"])
def test_says_which_criterion(module, criterion):
    table = make_table(PLAIN, FREE, criterion=criterion)
    table = make_pairs(table) if module is profile_pairs else table
    words = " ".join(text for text, _ in texts(drawn(module, table)))
    assert f", {criterion}" in words
    assert f"({criterion})" in module.describe(table)


class TestZeta:
    def test_levels_are_normal_quantiles(self):
        np.testing.assert_allclose(
            zeta.LEVELS, norm.ppf(0.5 + 0.5 * np.array(zeta.CONFIDENCES)), rtol=1e-12
        )

    def test_limits_stand_where_the_curve_reaches_the_levels(self):
        figure = drawn(zeta, make_table(PLAIN))
        (marks,) = by_gid(figure, "limits")
        segments = np.array(marks.get_segments())
        assert len(segments) == 10
        assert np.all(segments[:, 0, 1] == 0.0)
        reached = segments[:, 1]
        np.testing.assert_allclose(
            (reached[:, 0] - PLAIN["estimate"]) / PLAIN["se"], reached[:, 1], atol=1e-6
        )
        assert set(np.round(np.abs(reached[:, 1]), 6)) == set(np.round(zeta.LEVELS, 6))

    def test_walds_line_goes_through_the_estimate_with_slope_one_over_se(self):
        (line,) = in_panels(drawn(zeta, make_table(PLAIN | {"bent": 0.05})), "wald")
        x, y = line.get_data()
        np.testing.assert_allclose(y, (x - PLAIN["estimate"]) / PLAIN["se"])
        assert line.is_dashed()
        assert not in_panels(drawn(zeta, make_table(AT_ZERO)), "wald")

    def test_a_boundary_is_hatched_and_the_end_marked(self):
        plain = drawn(zeta, make_table(PLAIN))
        assert not by_gid(plain, "impossible")
        assert not by_gid(plain, "end")
        figure = drawn(zeta, make_table(BOUNDARY))
        (hatched,) = by_gid(figure, "impossible")
        assert hatched.get_hatch()
        assert hatched.get_path().vertices[:, 0].max() == 0.0
        (end,) = by_gid(figure, "end")
        np.testing.assert_allclose(end.get_xydata(), [[0.0, -1.3]])
        (marks,) = by_gid(figure, "limits")
        assert len(marks.get_segments()) == 7  # 0.67 and 1.28 below, all five above

    def test_limits(self):
        curve = make_curve(**BOUNDARY)
        assert zeta.limits(curve, 1.0) == pytest.approx((0.3, 2.3))
        assert zeta.limits(curve, 2.0) == (0.0, pytest.approx(3.3))
        assert math.isnan(zeta.limits(make_curve(**FREE), 9.0)[0])

    def test_more_than_twelve(self):
        table = TABLES["many"]
        figure = drawn(zeta, table)
        assert len(by_gid(figure, "zeta")) == lattice.MOST
        assert "3 more parameters in the table" in [t for t, _ in texts(figure)]
        assert zeta.describe(table).endswith("There are 3 more parameters in the table.")

    def test_description_has_the_numbers(self):
        words = zeta.describe(make_table(PLAIN, BOUNDARY))
        assert "estimate 25.60, 95% from 22.66 to 28.54 (Wald 22.66 to 28.54)" in words
        assert "ends at the boundary 0" in words
        assert "no Wald interval" in zeta.describe(make_table(AT_ZERO))


class TestDensity:
    def test_scaled_to_its_peak_and_walds_beside_it(self):
        figure = drawn(profile_density, make_table(PLAIN))
        (line,), (wald,) = by_gid(figure, "density"), in_panels(figure, "wald")
        assert np.nanmax(line.get_ydata()) == pytest.approx(1.0)
        z = (wald.get_xdata() - PLAIN["estimate"]) / PLAIN["se"]
        np.testing.assert_allclose(wald.get_ydata(), np.exp(-0.5 * z**2), atol=0.01)

    def test_what_lies_beyond_a_boundary_is_a_bar_with_its_probability(self):
        assert not by_gid(drawn(profile_density, make_table(PLAIN)), "mass")
        figure = drawn(profile_density, make_table(BOUNDARY))
        (bar,) = by_gid(figure, "mass")
        np.testing.assert_allclose(bar.get_xydata(), [[0, 0], [0, norm.cdf(-1.3)]])
        assert "9.7%" in [text for text, _ in texts(figure)]
        assert by_gid(figure, "impossible")
        assert "9.7% at the boundary 0" in profile_density.describe(make_table(BOUNDARY))

    def test_description_has_the_numbers(self):
        words = profile_density.describe(make_table(PLAIN))
        half = norm.ppf(0.75) * 1.5
        assert "highest at 25.6" in words
        assert f"half of it from {25.6 - half:.2f} to {25.6 + half:.2f}" in words

    def test_unknown_everywhere(self):
        curve = make_curve(**PLAIN)
        empty = ProfileCurve(**vars(curve) | {"density": np.full(len(curve.line), NAN)})
        table = ProfileTable(("p0",), (empty,), "ML", 0.999)
        assert_legible(drawn(profile_density, table))
        assert profile_density.describe(table)


class TestPairs:
    def test_both_scales(self):
        table = make_pairs(make_table(PLAIN, FREE))
        figure = drawn(profile_pairs, table)
        contours = by_gid(figure, "contours")
        assert len(contours) == 2
        expected = chi2.ppf([0.50, 0.80, 0.95, 0.99], 2)
        for one in contours:
            np.testing.assert_allclose(one.levels, expected, rtol=1e-12)
        spans = [one.axes.get_xlim() for one in contours]
        assert (-4.0, 4.0) in spans
        below = next(one for one in contours if one.axes.get_xlim() != (-4.0, 4.0))
        outline = below.get_paths()[2].vertices
        half = math.sqrt(chi2.ppf(0.95, 2)) * 1.5
        assert np.ptp(outline[:, 0]) == pytest.approx(2 * half, rel=0.01)

    def test_traces_are_told_apart_on_both_sides_of_the_diagonal(self):
        table = make_pairs(make_table(PLAIN, FREE), rho=0.4)
        figure = drawn(profile_pairs, table)
        for gid, flat in (("y-along-x", True), ("x-along-y", False)):
            lines = by_gid(figure, gid)
            assert len(lines) == 2
            for line in lines:
                low, high = line.axes.get_xlim()
                bottom, top = line.axes.get_ylim()
                x, y = line.get_data()
                slope = (np.ptp(y) / (top - bottom)) / (np.ptp(x) / (high - low))
                assert (slope < 1.0) == flat

    def test_impossible_parts_are_hatched_on_both_scales(self):
        assert not by_gid(drawn(profile_pairs, make_pairs(make_table(PLAIN, FREE))), "impossible")
        figure = drawn(profile_pairs, make_pairs(make_table(BOUNDARY, PLAIN)))
        above, below = by_gid(figure, "impossible")
        if above.axes.get_xlim() != (-4.0, 4.0):
            above, below = below, above
        assert above.get_path().vertices[:, 1].max() == pytest.approx(-1.3)
        assert below.get_path().vertices[:, 0].max() == 0.0

    def test_more_than_six_and_pairs_that_cannot_be_held(self):
        table = make_pairs(TABLES["many"])
        words = profile_pairs.describe(table)
        assert "There are 9 more parameters in the table." in words
        few = make_pairs(make_table(PLAIN, FREE, BOUNDARY))
        without = PairsTable(few.profiles, few.pairs[:-1])
        figure = drawn(profile_pairs, without)
        assert len(by_gid(figure, "contours")) == 4
        assert_legible(figure)

    def test_description_has_the_numbers(self):
        words = profile_pairs.describe(make_pairs(make_table(PLAIN, FREE)))
        assert "pull each other the same way" in words
        half = math.sqrt(chi2.ppf(0.95, 2)) * 1.5
        assert f"SD of residuals (σ) {25.6 - half:.2f} to {25.6 + half:.2f}" in words
        words = profile_pairs.describe(make_pairs(make_table(PLAIN, FREE), rho=0.0))
        assert "do not pull at each other" in words


MODELS = {
    "wheat": "yield ~ 1 + (1 | region)",
    "dyestuff2": "Yield ~ 1 + (1 | Batch)",
    "sleepstudy": "Reaction ~ Days + (Days | Subject)",
    "schools": "mscore ~ ses + (ses | school)",
}


@pytest.mark.parametrize("data", list(MODELS))
def test_figures_of_real_models(data):
    profiles = mw.lmer(MODELS[data], mw.load(data)).profile()
    for make in (figures.zeta, figures.profile_density, figures.profile_pairs):
        for width in (6.2, 8.2):
            figure = make(profiles, theme="dark", width=width)
            figure.canvas.draw()
            assert_legible(figure)
        assert figure.description


def test_figures_show_themselves():
    profiles = mw.lmer(MODELS["wheat"], mw.load("wheat")).profile()
    for make in (figures.zeta, figures.profile_density, figures.profile_pairs):
        assert make(profiles)._repr_png_().startswith(b"\x89PNG")


def test_a_figure_of_a_surface():
    fit = mw.lmer(MODELS["wheat"], mw.load("wheat"))
    figure = figures.surface(fit.surface("tau^2", "sigma^2", n=30))
    figure.canvas.draw()
    assert_legible(figure)
    assert "τ², variance between levels of region" in figure.description


def test_an_open_contour_keeps_all_its_points():
    """Its label stands on it: points close in data units are not taken for one."""
    x = np.linspace(0.0, 0.1, 41)
    drop = 2e4 * (x[None, :] - 0.05) ** 2 + 200.0 * x[:, None]
    figure = Figure()
    lines = figure.add_subplot().contour(x, x, drop, [9.0])
    (path,) = lines.get_paths()
    pieces = surface._pieces(path)
    assert np.isfinite(pieces).all(axis=1).sum() == len(path.vertices)
    assert len(path.vertices) > 20


def test_what_cannot_be_drawn_gets_a_sentence():
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"))
    profiles = fit.profile()
    for make in (figures.zeta, figures.profile_density, figures.profile_pairs):
        with pytest.raises(mw.DataError, match=r"cannot be drawn of a Fit; give fit\.profile"):
            make(fit)
        with pytest.raises(mw.DataError, match=r"cannot be drawn of None; give fit\.profile"):
            make(None)
        for width in ("a", 2, float("nan"), 1e6):
            with pytest.raises(mw.DataError, match=r"width is .*; give inches from 6 to 100"):
                make(profiles, width=width)
        with pytest.raises(mw.DataError, match="height is 1; give inches from 2 to 100"):
            make(profiles, height=1)
    with pytest.raises(mw.DataError, match=r"of a Fit; give fit.surface\(a, b\)"):
        figures.surface(fit)


def test_long_names_take_two_lines_where_there_is_little_room():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    name = "cor_Days.(Intercept)|Subject"
    for make in (figures.zeta, figures.profile_density):
        figure = make(fit.profile([name, "sigma", "Days"]), width=6)
        figure.canvas.draw()
        assert_legible(figure)
        words = [text for text, _ in texts(figure)]
        assert not any("…" in text for text in words)
        assert "correlation of intercept and Days by Subject" in " ".join(words)

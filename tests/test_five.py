"""One parameter's intervals by every method: the numbers, and the picture of how each is built."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, norm, t

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.five import five_intervals, five_steps, with_bootstrap
from mixedwidgets.plots import five
from tests import dense
from tests.test_plots import THEMES, assert_legible, by_gid, drawn, texts

TAU = "sd_(Intercept)|region"
SLOPE, COR = "sd_Days|Subject", "cor_Days.(Intercept)|Subject"
CUT = chi2.ppf(0.95, 1)
SIZES = [(560, 420), (820, 420), (900, 420)]


def table_of(fit, name, **options):
    return five_intervals(fit.design, fit.estimate, name, **options)


@pytest.fixture(scope="module")
def wheat():
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), REML=False)


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)


@pytest.fixture(scope="module")
def zero():
    return mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)


@pytest.fixture(scope="module")
def boot(wheat):
    return wheat.bootstrap(400, seed=1)


def profiled(fit, tau):
    """The deviance at a standard deviation between groups, sigma and the mean at their best."""

    def at(log_sigma):
        sigma = np.exp(log_sigma)
        return dense.deviance(fit.design, [np.array([[(tau / sigma) ** 2]])], False, sigma)

    centre = np.log(fit.sigma)
    found = minimize_scalar(at, bracket=(centre - 0.1, centre + 0.1), options={"xtol": 1e-12})
    return found.fun


def nearly_zero(slope):
    """Batches so far apart that their variance is barely estimated above zero."""
    data = mw.load("dyestuff2")
    data["Yield"] = data["Yield"] + slope * data["Batch"].cat.codes
    return mw.lmer("Yield ~ 1 + (1 | Batch)", data, REML=False)


# The numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "scale"), [("wald-variance", "variance"), ("wald", "sd"), ("wald-log", "log")]
)
@pytest.mark.parametrize("name", [TAU, "sigma"])
def test_wald_as_confint_has_it(wheat, key, scale, name):
    limits = np.array(table_of(wheat, name).limits(key, "variance"))
    expected = wheat.confint(name, method="wald", scale=scale).to_numpy()[0]
    squares = {"variance": expected, "sd": expected**2, "log": np.exp(2.0 * expected)}[scale]
    np.testing.assert_allclose(limits, squares, rtol=1e-10)


def test_an_impossible_limit_of_the_variance(wheat):
    """tau^2 plus and minus 1.96 of its standard errors, from the curvature of dense deviances."""
    table = table_of(wheat, TAU)
    tau2, h = table.estimate**2, 1e-3
    rises = [profiled(wheat, np.sqrt(tau2 + d)) for d in (-h, 0.0, h)]
    error = np.sqrt(2.0 / ((rises[0] - 2 * rises[1] + rises[2]) / h**2))
    expected = tau2 + norm.ppf([0.025, 0.975]) * error
    np.testing.assert_allclose(table.limits("wald-variance", "variance"), expected, rtol=1e-3)
    assert expected[0] == pytest.approx(-0.2956, abs=5e-4)
    assert table.by("wald-variance").lower == pytest.approx(-np.sqrt(-expected[0]), rel=1e-3)
    assert table.by("wald-variance").note == "the lower limit is below 0, impossible"


@pytest.mark.parametrize("key", ["wald-variance", "wald", "wald-log"])
def test_parabolas_have_the_curvature_of_the_likelihood(wheat, key):
    """On each scale and in the parameter itself, because the slope at the maximum is zero."""
    table = table_of(wheat, TAU)
    method, h = table.by(key), 2e-2
    near = CubicSpline(method.x, method.drop)(table.estimate + np.array([-h, h])).mean()
    rise = np.mean([profiled(wheat, table.estimate + d) for d in (-h, h)]) - wheat.criterion
    assert near == pytest.approx(rise, rel=0.01)
    limits = np.interp([method.lower, method.upper], method.x, method.drop)
    np.testing.assert_allclose(limits, CUT, rtol=1e-3)


def test_the_curve_is_the_profile_likelihood(wheat):
    table = table_of(wheat, TAU)
    places = np.linspace(0.05, 1.6, 9)
    exact = [profiled(wheat, tau) - wheat.criterion for tau in places]
    np.testing.assert_allclose(np.interp(places, table.x, table.drop), exact, atol=0.05)
    assert np.interp(table.by("profile").upper, table.x, table.drop) == pytest.approx(CUT, abs=0.05)


def test_profile_limits_as_lme4_prints_them(sleep):
    """confint of lme4's fit by maximum likelihood."""
    known = {
        "sd_(Intercept)|Subject": (14.3814, 37.7160),
        COR: (-0.4815, 0.6850),
        SLOPE: (3.8012, 8.7534),
        "sigma": (22.8983, 28.8580),
        "Days": (7.3587, 13.5759),
    }
    for name, limits in known.items():
        assert table_of(sleep, name).limits("profile") == pytest.approx(limits, abs=2e-4)


def test_fishers_z(sleep):
    table = table_of(sleep, COR)
    lower, upper = sleep.confint(COR, method="wald").to_numpy()[0]
    assert table.limits("wald") == pytest.approx((lower, upper), rel=1e-10)
    r, error = table.estimate, (upper - lower) / 2 / norm.ppf(0.975)
    z = np.arctanh(r) + norm.ppf([0.025, 0.975]) * error / (1 - r**2)
    np.testing.assert_allclose(table.limits("wald-z"), np.tanh(z), rtol=1e-10)


def test_t_with_the_degrees_of_freedom_of_the_fit(sleep):
    row = sleep.df().loc["Days"]
    method = table_of(sleep, "Days").by("t")
    half = t.ppf(0.975, row["df"]) * row["Std. Error"]
    assert (method.lower, method.upper) == pytest.approx(
        (row["Estimate"] - half, row["Estimate"] + half), rel=1e-9
    )
    assert method.label == "t, 18 df"
    assert method.cut == pytest.approx(t.ppf(0.975, row["df"]) ** 2, rel=1e-9)


def test_methods_by_kind(wheat, sleep):
    spread = ["wald-variance", "wald", "wald-log", "profile", "bootstrap"]
    assert [m.key for m in table_of(wheat, "sigma").methods] == spread
    assert [m.label for m in table_of(wheat, TAU).methods[:3]] == [
        *("Wald on τ²", "Wald on τ", "Wald on log τ"),
    ]
    assert [m.label for m in table_of(sleep, SLOPE).methods[:3]] == [
        *("Wald on variance", "Wald on SD", "Wald on log SD"),
    ]
    keys = [m.key for m in table_of(sleep, COR).methods]
    assert keys == ["wald", "wald-z", "profile", "bootstrap"]
    assert [m.key for m in table_of(sleep, "Days").methods] == ["wald", "t", "profile", "bootstrap"]


def test_a_variance_estimated_as_zero(zero):
    table = table_of(zero, "sd_(Intercept)|Batch")
    for method in table.methods[:3]:
        assert (method.state, np.isnan(method.lower), len(method.x)) == ("none", True, 0)
        assert "at the boundary 0, where there is no standard error" in method.note
    lower, upper = zero.confint("sd_*").to_numpy()[0]
    assert table.limits("profile") == pytest.approx((lower, upper), rel=1e-9)
    assert lower == 0.0
    assert "the limit is the boundary" in table.by("profile").note


@pytest.mark.parametrize(("level", "curves"), [(0.95, [0, 1, 1]), (0.999, [0, 1])])
def test_steps(wheat, zero, level, curves):
    """Wald at once, then the curve, then the profile; every step can be drawn."""
    for fit, name in ((wheat, TAU), (zero, "sd_(Intercept)|Batch"), (zero, "sigma")):
        steps = list(five_steps(fit.design, fit.estimate, name, level))
        assert [len(s.x) > 0 for s in steps] == [bool(c) for c in curves]
        states = [s.by("profile").state for s in steps]
        assert states == ["waiting"] * (len(curves) - 1) + ["found"]
        last = table_of(fit, name, level=level)
        assert steps[-1].limits("profile") == last.limits("profile")
        np.testing.assert_array_equal(steps[-1].drop, last.drop)
        for step in steps:
            assert_legible(drawn(five, step, animated=False))
            assert five.describe(step)


def test_axis_of_variances_keeps_signs(wheat):
    table = table_of(wheat, TAU, scale="variance")
    np.testing.assert_array_equal(table.place(np.array([-2.0, 0.0, 3.0])), [-4.0, 0.0, 9.0])
    np.testing.assert_array_equal(table.on("sd").place(np.array([-2.0, 3.0])), [-2.0, 3.0])
    assert "τ²" in table.label
    assert "τ, SD" in table.on("sd").label


def test_another_level_and_criterion(wheat):
    restricted = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"))
    table = five_intervals(restricted.design, restricted.estimate, TAU, level=0.999)
    assert (table.criterion, table.by("profile").cut) == ("REML", pytest.approx(chi2.ppf(0.999, 1)))
    upper = table.by("profile").upper
    assert table.x[-1] > upper
    cut = np.interp(upper, table.x, table.drop)
    assert cut == pytest.approx(chi2.ppf(0.999, 1), abs=0.1)


def test_bootstrap_limits_and_counts(wheat, boot):
    waiting = table_of(wheat, TAU)
    assert waiting.by("bootstrap").state == "waiting"
    table = with_bootstrap(waiting, boot)
    expected = boot.confint(TAU).to_numpy()[0]
    np.testing.assert_array_equal(table.limits("bootstrap"), expected)
    zeros = int((boot.replicates[TAU] == 0.0).sum())
    assert 40 < zeros < 120
    assert table.at_bounds == (zeros, 0)
    assert len(table.interior) == 400 - zeros
    assert f"exactly 0 in {zeros} of 400 replicates" in table.by("bootstrap").note
    assert waiting.by("bootstrap").state == "waiting"


def test_bootstrap_not_finished_yet(wheat):
    first = next(iter(wheat.bootstrap_steps(100_000, seed=1)))
    note = with_bootstrap(table_of(wheat, "sigma"), first).by("bootstrap").note
    assert f"so far {len(first)} of 100000 replicates" in note


def test_replicates_of_another_criterion_are_told(wheat):
    boot = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat")).bootstrap(60, seed=1)
    assert "by another criterion" in with_bootstrap(table_of(wheat, TAU), boot).by("bootstrap").note


def test_mistakes(wheat, sleep, boot):
    with pytest.raises(ModelError, match=r"no parameter 'sd_region'.*choose from"):
        table_of(wheat, "sd_region")
    restricted = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    with pytest.raises(ModelError, match="restricted likelihood is not a function of 'Days'"):
        table_of(restricted, "Days")
    with pytest.raises(ModelError, match="is no standard deviation"):
        table_of(sleep, COR, scale="variance")
    with pytest.raises(ModelError, match="choose 'sd' or 'variance'"):
        table_of(wheat, TAU, scale="log")
    with pytest.raises(ModelError, match="do not estimate"):
        with_bootstrap(table_of(sleep, SLOPE), boot)
    with pytest.raises(ModelError, match="no method 'wald-z'"):
        table_of(wheat, TAU).by("wald-z")
    assert "FiveIntervals (ML) at 95 %" in repr(table_of(wheat, TAU))


# The picture --------------------------------------------------------------------------------------


def spans(figure, key):
    """The widest line of a method's bar."""
    lines = [np.asarray(a.get_xdata()) for a in by_gid(figure, f"method-{key}")]
    return max(lines, key=np.ptp)


@pytest.mark.parametrize("scale", ["sd", "variance"])
def test_bars_stand_at_the_limits(wheat, boot, scale):
    table = with_bootstrap(table_of(wheat, TAU, scale=scale), boot)
    figure = drawn(five, table)
    for method in table.methods:
        np.testing.assert_allclose(spans(figure, method.key), table.limits(method.key))
    moving = figure.findobj(lambda a: a.get_animated())
    assert {a.get_gid() for a in moving} == {f"method-{m.key}" for m in table.methods}
    assert not drawn(five, table, animated=False).findobj(lambda a: a.get_animated())


def test_below_zero_is_hatched_and_said(wheat):
    table = table_of(wheat, TAU)
    figure = drawn(five, table)
    for hatched in by_gid(figure, "impossible"):
        assert hatched.get_hatch()
        assert hatched.get_path().vertices[:, 0].max() == 0.0
    words = [text for text, _ in texts(figure)]
    assert "impossible" in words
    assert "√−0.30 to 0.96" in words
    squared = [text for text, _ in texts(drawn(five, table.on("variance")))]
    assert "−0.30 to 0.92" in squared
    assert not any(text.startswith("−0.5") for text in words)  # no numbers where none is possible


def test_an_impossible_limit_on_the_axis_of_variances():
    table = table_of(nearly_zero(1.2), "sd_(Intercept)|Batch", scale="variance")
    assert table.by("wald").lower < 0.0
    words = [text for text, _ in texts(drawn(five, table))]
    (shown,) = [w for w in words if w.startswith("(−")]
    assert shown.startswith("(−1.88)² to 12.5")
    assert table.limits("wald")[0] == pytest.approx(-(table.by("wald").lower ** 2))


def test_constructions(wheat, boot):
    table = with_bootstrap(table_of(wheat, TAU), boot)
    figure = drawn(five, table)
    (cut,) = by_gid(figure, "cut")
    np.testing.assert_allclose(cut.get_ydata(), -CUT / 2)
    (band,) = by_gid(figure, "interval")
    np.testing.assert_allclose(band.get_xdata(), table.limits("profile"))
    assert not by_gid(figure, "parabola")
    (parabola,) = by_gid(drawn(five, table, selected="wald-log"), "parabola")
    heights = np.interp(table.limits("wald-log"), *parabola.get_xydata().T)
    np.testing.assert_allclose(heights, -CUT / 2, rtol=1e-2)


def test_histogram_with_the_spike_counted(wheat, boot):
    table = with_bootstrap(table_of(wheat, TAU), boot)
    figure = drawn(five, table, selected="bootstrap")
    (spike,) = by_gid(figure, "spike")
    zeros = int((boot.replicates[TAU] == 0.0).sum())
    np.testing.assert_array_equal(spike.get_xydata(), [[0.0, 0.0], [0.0, zeros]])
    (bars,) = by_gid(figure, "histogram")
    heights = [path.vertices[:, 1].max() for path in bars.get_paths()]
    assert sum(heights) == 400 - zeros
    words = [text for text, _ in texts(figure)]
    assert f"{zeros} of 400 are exactly 0" in words
    assert "replicates" in words
    assert not by_gid(figure, "cut")


def test_a_histogram_without_zeros_has_no_spike(wheat, boot):
    figure = drawn(five, with_bootstrap(table_of(wheat, "sigma"), boot), selected="bootstrap")
    assert not by_gid(figure, "spike")


def test_waiting_is_a_dotted_line(wheat):
    figure = drawn(five, table_of(wheat, TAU))
    (hint,) = by_gid(figure, "method-bootstrap")
    assert hint.get_linestyle() == ":" or hint.is_dashed()
    assert "computing …" in [text for text, _ in texts(figure)]


def test_hit(wheat):
    table = table_of(wheat, TAU)
    assert five.hit(table, "method-wald-log", 0) == "wald-log"
    assert five.hit(table, "method-t", 0) is None
    assert five.hit(table, "curve", 0) is None
    assert five.hit(table, None) is None
    assert five.hit(table, None, y=2.6) == "profile"
    assert five.hit(table, None, y=-0.4) == "wald-variance"
    assert five.hit(table, None, y=5.0) is None


def test_an_unknown_selection_shows_the_profile(sleep):
    table = table_of(sleep, COR)
    words = [text for text, _ in texts(drawn(five, table, selected="wald-variance"))]
    assert any(text.startswith("Profile: ") for text in words)


def test_description_has_the_numbers(wheat, zero, boot):
    words = five.describe(with_bootstrap(table_of(wheat, TAU), boot))
    assert "95% intervals of one parameter" in words
    assert "estimate 0.557" in words
    assert "Wald on τ² the root of −0.296 to 0.957 (the lower limit is below 0, imp" in words
    assert "profile 0 to 1.228" in words
    none = five.describe(table_of(zero, "sd_(Intercept)|Batch"))
    assert "Wald on τ none (the estimate is at the boundary 0" in none


def test_far_limits_leave_the_picture_with_an_arrow_head():
    """Wald on the logarithm where the estimate is close to zero: ten thousand times the others."""
    table = table_of(nearly_zero(1.1), "sd_(Intercept)|Batch")
    low, high = five.view(table)
    assert 0.0 < table.estimate < 0.5
    assert table.by("wald-log").upper > high
    figure = drawn(five, table)
    markers = [a.get_marker() for a in by_gid(figure, "method-wald-log")]
    assert ">" in markers
    assert low < 0.0
    assert_legible(figure)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_legible(wheat, sleep, zero, boot, size, theme):
    tables = [
        with_bootstrap(table_of(wheat, TAU), boot),
        table_of(wheat, TAU, scale="variance"),
        table_of(sleep, COR),
        table_of(sleep, "(Intercept)"),
        table_of(zero, "sd_(Intercept)|Batch"),
    ]
    for table in tables:
        for method in table.methods:
            options = {"theme": theme, "selected": method.key, "animated": False}
            figure = drawn(five, table, box=size, **options)
            assert_legible(figure)

"""The widgets of theory in plain Python: their numbers, keys, drags, links and refusals."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import ipywidgets as ipw
import numpy as np
import pytest
from scipy import stats

import mixedwidgets as mw
from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.likelihood.binomial_curve import binomial_curve
from mixedwidgets.likelihood.maximum_view import maximum_view, problem_of
from mixedwidgets.likelihood.newton_steps import newton_steps
from mixedwidgets.likelihood.oneway_point import oneway_data
from mixedwidgets.plots import binomial as binomial_plot
from mixedwidgets.plots import oneway_data as oneway_plot


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


def point(widget: Any, kind: str, axes: int | None = 0, x: float = 0.0, y: float = 0.0) -> None:
    """What the picture reports of a pointer."""
    number = widget.picture.pointer.get("seq", 0) + 1
    widget.picture.pointer = {
        "seq": number,
        "kind": kind,
        "axes": axes,
        "x": x,
        "y": y,
        "artist": None,
        "index": None,
    }


def press(widget: Any, key: str, shift: bool = False) -> None:
    number = widget.picture.pointer.get("seq", 0) + 1
    widget.picture.pointer = {
        "seq": number,
        "kind": "key",
        "key": key,
        "shift": shift,
        "axes": None,
    }


def drawn(widget: Any, gid: str, axes: int = 0) -> tuple[np.ndarray, np.ndarray]:
    lines = widget.picture.figure.axes[axes].lines
    line = next(line for line in lines if line.get_gid() == gid)
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


# ---- the binomial likelihood


def binomial(**options: Any) -> Any:
    return mw.BinomialLikelihood(**({"n": 30, "k": 5} | options))


def test_binomial_numbers_are_those_of_the_lecture() -> None:
    widget = binomial()
    assert widget.point.theta == pytest.approx(1 / 6)
    assert widget.table.information == pytest.approx(30 / (1 / 6 * 5 / 6))  # 216
    assert widget.table.se == pytest.approx(np.sqrt(1 / 6 * 5 / 6 / 30))
    assert "observed information 216.0" in widget.said.value
    widget.theta = 0.25
    assert widget.point.loglik == pytest.approx(5 * np.log(0.25) + 25 * np.log(0.75))
    assert widget.point.score == pytest.approx(5 / 0.25 - 25 / 0.75)
    assert widget.point.information == pytest.approx(5 / 0.25**2 + 25 / 0.75**2)
    assert widget.problem == ""
    assert widget.error is None


@pytest.mark.parametrize(("k", "n"), [(5, 30), (50, 300), (0, 12), (12, 12), (1, 2)])
def test_every_construction_is_cut_at_the_limits_of_its_interval(k: int, n: int) -> None:
    table = binomial_curve(k, n)
    for method in table.methods:
        limits = [v for v in (method.lower, method.upper) if 1e-9 < v < 1 - 1e-9]
        if method.key == "exact":
            for limit, tail in zip((method.lower, method.upper), method.tails, strict=True):
                if limit in limits:
                    assert np.interp(limit, table.theta, tail) == pytest.approx(0.025, abs=2e-4)
        elif np.isfinite(method.height).any():
            for limit in limits:
                there = np.interp(limit, table.theta, method.height)
                assert there == pytest.approx(-0.5 * stats.chi2.ppf(0.95, 1), abs=0.02)


def test_tails_of_the_exact_interval_are_binomial_tails() -> None:
    table = binomial_curve(5, 30)
    more, fewer = table.by("exact").tails
    np.testing.assert_allclose(more, stats.binom.sf(4, 30, table.theta), atol=1e-12)
    np.testing.assert_allclose(fewer, stats.binom.cdf(5, 30, table.theta), atol=1e-12)


def test_dragging_moves_the_point_along_the_curve_and_a_click_puts_it_back() -> None:
    widget = binomial()
    point(widget, "move", x=0.3, y=-3.0)
    assert widget.theta == pytest.approx(0.3)
    x, y = drawn(widget, "point")
    height = 5 * np.log(0.3 * 6) + 25 * np.log(0.7 * 6 / 5)
    assert (x[0], y[0]) == (pytest.approx(0.3), pytest.approx(height))
    x, y = drawn(widget, "tangent")
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(5 / 0.3 - 25 / 0.7)
    assert f"{-height:.3g} below the maximum" in widget.picture.alt
    point(widget, "move", x=-0.4)
    assert widget.theta == 0.0
    assert "impossible" in widget.said.value
    point(widget, "click", x=0.3)
    assert widget.theta is None
    assert drawn(widget, "point")[0] == pytest.approx(1 / 6)


def test_keys_move_the_point() -> None:
    widget = binomial(theta=0.2)
    press(widget, "ArrowRight")
    assert widget.theta == pytest.approx(0.205)
    press(widget, "ArrowDown", shift=True)
    assert widget.theta == pytest.approx(0.155)
    press(widget, "Home")
    assert widget.theta is None


def test_tangent_and_point_in_the_likelihood_itself() -> None:
    widget = binomial(scale="likelihood", theta=0.25)
    ratio = (0.25 * 6) ** 5 * (0.75 * 6 / 5) ** 25
    x, y = drawn(widget, "point")
    assert y[0] == pytest.approx(ratio)
    x, y = drawn(widget, "tangent")
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(ratio * (5 / 0.25 - 25 / 0.75))


def test_walds_parabola_reaches_its_limit_below_zero() -> None:
    widget = binomial(k=1, interval="wald", near=True)
    lower = widget.table.by("wald").lower
    assert lower < 0.0
    x, y = drawn(widget, "wald")
    assert np.interp(lower, x, y) == pytest.approx(-0.5 * stats.chi2.ppf(0.95, 1), abs=0.01)


def test_a_click_on_a_row_selects_its_interval() -> None:
    widget = binomial()
    point(widget, "click", axes=binomial_plot.ROWS, x=0.5, y=0.2)
    assert widget.interval == "wald"
    widget.picture.pointer = {
        "seq": 99,
        "kind": "click",
        "axes": 1,
        "x": 0.2,
        "y": 4.0,
        "artist": "method-score",
        "index": 0,
    }
    assert widget.interval == "score"
    assert widget.method_menu.value == "score"


def test_sliders_boxes_and_traits_are_in_step() -> None:
    widget = binomial(compare=(300, 50))
    widget.n_slider.slider.value = 60
    assert (widget.n, widget.n_slider.box.value) == (60, 60)
    widget.k_slider.box.value = 20
    assert (widget.k, widget.table.k) == (20, 20)
    widget.n_slider.box.value = 10
    assert (widget.n, widget.k, widget.k_slider.slider.max) == (10, 10, 10)
    widget.k_slider.box.value = 50
    assert "k" in widget.problem
    assert (widget.k, widget.k_slider.box.value) == (10, 10)
    widget.k_slider.box.value = 4
    assert widget.problem == ""
    widget.other_k.value = 60
    assert widget.compare == (300, 60)
    widget.beside.value = False
    assert widget.compare is None


def test_second_data_set_is_on_the_same_axes_scaled_to_its_maximum() -> None:
    widget = binomial(compare=(300, 50))
    x, y = drawn(widget, "beside")
    best = np.nanargmax(y)
    assert (x[best], y[best]) == (pytest.approx(1 / 6), 0.0)
    near = np.argmin(abs(x - 0.2))
    expected = 50 * np.log(x[near] * 6) + 250 * np.log((1 - x[near]) * 6 / 5)
    assert y[near] == pytest.approx(expected, abs=1e-9)
    assert "50 ones among 300" in widget.picture.alt


def test_binomial_traits_can_be_linked() -> None:
    one, other = binomial(), mw.BinomialLikelihood(300, 50)
    ipw.link((one, "theta"), (other, "theta"))
    one.theta = 0.2
    assert other.theta == 0.2
    assert drawn(other, "point")[0] == pytest.approx(0.2)
    seen: list[Any] = []
    one.observe(lambda change: seen.append(change["new"]), ["n", "k", "scale", "interval"])
    one.n, one.k, one.scale, one.interval = 40, 8, "likelihood", "wald"
    assert seen == [40, 8, "likelihood", "wald"]


@pytest.mark.parametrize(
    ("make", "kind", "word"),
    [
        (lambda: binomial(colour="red"), ModelError, "no option 'colour'"),
        (lambda: binomial(intervall="wald"), ModelError, "did you mean 'interval'"),
        (lambda: binomial(k=31), DataError, "between 0 and 30"),
        (lambda: binomial(n=0, k=0), DataError, "at least 1"),
        (lambda: binomial(n=2.5), DataError, "whole number"),
        (lambda: binomial(level=95), ModelError, "0.95"),
        (lambda: binomial(theta=1.2), ModelError, "between 0 and 1"),
        (lambda: binomial(compare=(3, 4)), DataError, "between 0 and 3"),
    ],
)
def test_binomial_refuses_in_a_sentence(make: Any, kind: type[Exception], word: str) -> None:
    with pytest.raises(kind, match=word) as caught:
        make()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


# ---- the one-way model by hand


@pytest.fixture(scope="module")
def wheat() -> Any:
    return mw.load("wheat")


def by_hand(wheat: Any, **options: Any) -> Any:
    return mw.OneWayExplorer(wheat["yield"], wheat["region"], **options)


@pytest.mark.parametrize(
    ("mu", "sigma2", "tau2", "printed"),
    [
        (16.3, 1.787, 0.384, 88.6121),
        (15, 1.787, 0.384, 100.1217),
        (16.3, 2, 0.384, 88.76881),
        (16.3, 1.787, 0.3, 88.58599),
        (16.3, 1.787, 0.2, 88.67161),
    ],
)
def test_oneway_gives_the_numbers_of_the_lecture(
    wheat: Any, mu: float, sigma2: float, tau2: float, printed: float
) -> None:
    widget = by_hand(wheat, mu=mu, sigma=sigma2**0.5, tau=tau2**0.5)
    assert -widget.loglik == pytest.approx(printed, abs=6e-5)


def test_oneway_against_dense_normal_densities(wheat: Any) -> None:
    widget = by_hand(wheat)
    widget.go(16.0, 1.5, 1.2)
    now = widget.point
    for i, label in enumerate(widget.table.labels):
        y = wheat["yield"][wheat["region"].astype(str) == label].to_numpy()
        covariance = 1.5**2 * np.eye(len(y)) + 1.2**2
        density = stats.multivariate_normal(np.full(len(y), 16.0), covariance)
        assert now.contributions[i] == pytest.approx(density.logpdf(y))
        weight = len(y) / 1.5**2 / (len(y) / 1.5**2 + 1 / 1.2**2)
        assert now.shrunken[i] == pytest.approx(weight * y.mean() + (1 - weight) * 16.0)
    assert widget.loglik == pytest.approx(now.contributions.sum())


def test_buttons_go_to_the_estimates(wheat: Any) -> None:
    widget = by_hand(wheat, mu=15.0, sigma=2.0, tau=0.1)
    widget.to_maximum.click()
    found = (widget.mu, widget.sigma**2, widget.tau**2)
    assert found == pytest.approx((16.3063995, 1.7872063, 0.3099255), abs=2e-6)
    assert widget.loglik == pytest.approx(-88.5851, abs=5e-5)
    assert "the maximum" in widget.said.value
    widget.to_moments.click()
    assert widget.tau == pytest.approx(0.6197393, abs=1e-7)
    assert widget.sigma == pytest.approx(1.336864, abs=1e-6)
    assert widget.mu == pytest.approx(16.3064)


def test_surface_is_the_profile_likelihood(wheat: Any) -> None:
    table, analysis = oneway_data(wheat["yield"], wheat["region"])
    fit = mw.maximize(
        lambda mu: -mw.mll_oneway(mu, table.sigma[9] ** 2, table.tau[12] ** 2, *_data(wheat)), 16.0
    )
    assert table.drop[12, 9] == pytest.approx(2 * (analysis.ml.loglik - fit.value), abs=1e-7)
    assert table.drop.min() >= 0.0


def _data(wheat: Any) -> tuple[Any, Any]:
    return wheat["yield"], wheat["region"]


def test_dragging_on_the_surface_moves_sigma_and_tau(wheat: Any) -> None:
    widget = by_hand(wheat)
    point(widget, "move", axes=oneway_plot.SURFACE, x=1.6, y=1.0)
    assert (widget.sigma, widget.tau) == (1.6, 1.0)
    x, y = drawn(widget, "point", oneway_plot.SURFACE)
    assert (x[0], y[0]) == (1.6, 1.0)
    assert widget.sliders["tau"].box.value == pytest.approx(1.0)
    point(widget, "move", axes=oneway_plot.SURFACE, x=1.6, y=-3.0)
    assert widget.tau == 0.0
    np.testing.assert_allclose(drawn(widget, "shrunken")[1], widget.mu)  # complete pooling
    point(widget, "click", axes=oneway_plot.SURFACE, x=1.6, y=1.0)
    assert widget.tau == pytest.approx(0.5567, abs=1e-4)


def test_arrow_keys_move_the_point_on_the_surface(wheat: Any) -> None:
    widget = by_hand(wheat)
    table = widget.table
    before = widget.tau
    press(widget, "ArrowUp")
    assert widget.tau - before == pytest.approx((table.tau[-1] - table.tau[0]) / 50)
    before = widget.sigma
    press(widget, "ArrowLeft", shift=True)
    assert before - widget.sigma == pytest.approx((table.sigma[-1] - table.sigma[0]) / 10)
    press(widget, "Home")
    assert (widget.mu, widget.sigma, widget.tau) == table.best


def test_a_number_between_two_notches_of_a_slider_stays_as_it_is(wheat: Any) -> None:
    widget = by_hand(wheat)
    widget.sigma = 1.23456789
    assert widget.sigma == 1.23456789
    slider = widget.sliders["sigma"]
    low, high = widget.table.ranges[1]
    assert low + slider.slider.value * (high - low) / 400 == pytest.approx(1.2346, abs=0.005)
    slider.slider.value = 200
    assert widget.sigma == pytest.approx((low + high) / 2)
    slider.box.value = 9.5  # beyond the slider
    assert (widget.sigma, slider.slider.value) == (9.5, 400)
    slider.box.value = -1.0
    assert "must be above 0" in widget.problem
    assert (widget.sigma, slider.box.value) == (9.5, 9.5)


def test_bars_order_and_picked_group(wheat: Any) -> None:
    widget = by_hand(wheat, mu=15.5, bars="change", order="change")
    changes = widget.point.contributions - widget.table.top_contributions
    assert changes.sum() == pytest.approx(widget.loglik - widget.table.top)
    assert (np.diff(changes[widget._order]) >= 0).all()
    falling, rising = drawn(widget, "falling", 1)[1], drawn(widget, "rising", 1)[1]
    assert (np.isfinite(falling).sum() + np.isfinite(rising).sum()) // 2 == 10
    assert np.nanmin(falling) == pytest.approx(
        changes.min() / float(_number(widget, "full")), rel=1e-6
    )
    point(widget, "click", axes=oneway_plot.BARS, x=0.2, y=-0.5)
    assert widget.picked == widget.table.labels[int(np.argmin(changes))]
    assert f"Group {widget.picked}" in widget.said.value
    assert len(drawn(widget, "picked")[0]) == 1
    point(widget, "click", axes=oneway_plot.DATA, x=0.2, y=15.0)
    assert widget.picked is None
    widget.order = "size"
    assert (np.diff(widget.table.size[widget._order]) >= 0).all()


def _number(widget: Any, gid: str) -> str:
    texts = widget.picture.figure.axes[1].texts
    return next(t.get_text() for t in texts if t.get_gid() == gid).replace("−", "-")


def test_analysis_of_variance_stands_beneath(wheat: Any) -> None:
    widget = by_hand(wheat)
    assert "Analysis of variance" in widget.anova.value
    assert f"{widget.analysis.anova.F:.4f}" in widget.anova.value
    assert "Analysis of variance" in widget.static_html()


def test_schools_follow_a_hand(wheat: Any) -> None:
    schools = mw.load("schools")
    widget = mw.OneWayExplorer(schools["mscore"], schools["school"])
    assert widget.loglik == pytest.approx(-46956.63, abs=0.01)
    found = (widget.mu, widget.sigma**2, widget.tau**2)
    assert found == pytest.approx((50.93914, 73.70881, 23.63382), rel=2e-5)
    took = []
    for i in range(30):
        start = time.process_time()
        widget.sigma = 8.4 + 0.01 * i
        took.append(time.process_time() - start)
    assert np.median(took) < 0.020
    assert len(drawn(widget, "shrunken")[0]) == 684
    assert widget.error is None


def test_oneway_traits_can_be_linked(wheat: Any) -> None:
    one, other = by_hand(wheat), by_hand(wheat)
    ipw.link((one, "tau"), (other, "tau"))
    seen: list[float] = []
    other.observe(lambda change: seen.append(change["new"]), "loglik")
    one.tau = 0.9
    assert other.tau == 0.9
    assert seen[-1] == pytest.approx(one.loglik)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"sigma": 0.0}, "above 0"),
        ({"tau": -1.0}, "at least 0"),
        ({"mu": float("nan")}, "finite"),
        ({"mu": "x"}, "must be a number"),
        ({"picked": "99"}, "no group"),
        ({"ordr": "mean"}, "did you mean 'order'"),
    ],
)
def test_oneway_refuses_in_a_sentence(wheat: Any, options: dict[str, Any], word: str) -> None:
    with pytest.raises(ModelError, match=word):
        by_hand(wheat, **options)


def test_groups_at_the_boundary_and_of_any_label() -> None:
    y = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.5, 2.5, 2.0]
    dates = np.repeat(np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[D]"), 3)
    for g in (dates, np.repeat(["<b>", "$x$", "{0}"], 3), np.repeat([1.5, 2.5, 3.5], 3)):
        widget = mw.OneWayExplorer(y, g)
        assert widget.tau == 0.0
        widget.picked = widget.table.labels[0]
        assert "<b>" not in widget.said.value
        assert widget.problem == ""


# ---- any log-likelihood


def loglik(theta: Any, k: int, n: int) -> Any:
    return k * np.log(theta) + (n - k) * np.log(1 - theta)


def of_binomial(start: float = 0.04, **options: Any) -> Any:
    data = {"k": 5, "n": 30}
    return mw.MaximumLikelihood(loglik, start, bounds=(0, 1), data=data, **options)


def of_wrong_data(data: Any) -> Any:
    return mw.MaximumLikelihood(loglik, 0.5, data=data)


def of_wheat(wheat: Any, **options: Any) -> Any:
    return mw.MaximumLikelihood(
        mw.mll_oneway,
        {"mu": 15, "sigma2": 1, "tau2": 1},
        bounds={"sigma2": (0, None), "tau2": (0, None)},
        data={"y": wheat["yield"], "groups": wheat["region"]},
        minus=True,
        **options,
    )


def test_newton_steps_are_those_of_the_formula() -> None:
    widget = of_binomial()
    theta = 0.04
    for step in widget.steps[:-1]:
        slope = 5 / theta - 25 / (1 - theta)
        bend = -5 / theta**2 - 25 / (1 - theta) ** 2
        assert step.x[0] == pytest.approx(theta, rel=1e-6)
        assert step.gradient[0] == pytest.approx(slope, rel=1e-5, abs=1e-3)
        assert step.hessian[0, 0] == pytest.approx(bend, rel=1e-4)
        theta -= slope / bend
        assert step.aim[0] == pytest.approx(theta, rel=1e-6)
    assert widget.steps[-1].x[0] == pytest.approx(1 / 6, abs=1e-6)
    assert "the maximum" in widget.steps[-1].words


def test_parabola_tangent_and_root_of_the_slope_are_drawn() -> None:
    widget = of_binomial(step=1)
    step = widget.steps[1]
    x, y = drawn(widget, "parabola")
    shown = np.isfinite(y)
    curvature = np.polyfit(x[shown], y[shown], 2)
    assert 2 * curvature[0] == pytest.approx(step.hessian[0, 0], rel=1e-6)
    assert -curvature[1] / (2 * curvature[0]) == pytest.approx(step.aim[0], rel=1e-6)
    x, y = drawn(widget, "tangent")
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(step.gradient[0])
    assert drawn(widget, "slope-aim", 1)[0][0] == pytest.approx(widget.steps[2].x[0])
    x, y = drawn(widget, "slope", 1)
    inside = (x > 0.03) & (x < 0.4)
    exact = 5 / x[inside] - 25 / (1 - x[inside])
    np.testing.assert_allclose(y[inside], exact, rtol=0.02, atol=0.5)


def test_keys_and_slider_go_through_the_steps() -> None:
    widget = of_binomial()
    press(widget, "ArrowRight")
    press(widget, "ArrowUp")
    assert widget.step == 2
    press(widget, "ArrowLeft")
    assert widget.step == 1
    press(widget, "End")
    assert widget.step == len(widget.steps) - 1
    assert drawn(widget, "point")[0][0] == pytest.approx(1 / 6, abs=1e-6)
    press(widget, "ArrowRight")
    assert widget.step == len(widget.steps) - 1
    widget.step_slider.slider.value = 3
    assert widget.step == 3
    assert "Step 3 of" in widget.said.value


def test_the_start_can_be_dragged_and_put_back() -> None:
    widget = of_binomial()
    point(widget, "move", x=0.5, y=-2.0)
    point(widget, "up", x=0.5, y=-2.0)
    assert widget.begin == (0.5,)
    assert [round(float(s.x[0]), 6) for s in widget.steps] == [0.5, 0.166667]
    assert drawn(widget, "start")[0][0] == 0.5
    press(widget, "ArrowRight", shift=True)
    assert widget.begin[0] > 0.5
    point(widget, "click", x=0.5)
    assert widget.begin == (0.04,)
    box = widget.start_row.children[1]
    box.value = 0.3
    assert widget.begin == (0.3,)
    point(widget, "up", x=-5.0)
    assert 0.0 < widget.begin[0] < 0.01  # inside the bounds


def test_uphill_where_the_curvature_is_upwards() -> None:
    def bell(x: float) -> float:
        return float(-np.log(1 + x**2))  # Cauchy: upwards beyond 1

    widget: Any = mw.MaximumLikelihood(bell, 3.0)
    assert widget.steps[0].kind == "uphill"
    assert "upwards" in widget.steps[0].words
    values = [step.value for step in widget.steps]
    assert (np.diff(values) > 0).all()
    assert widget.steps[-1].x[0] == pytest.approx(0.0, abs=1e-4)


def test_wheat_surface_of_two_of_three_parameters(wheat: Any) -> None:
    widget = of_wheat(wheat, x="sigma2", y="tau2")
    best = widget.maximum.par
    assert best.to_numpy() == pytest.approx([16.3063995, 1.7872063, 0.3099255], abs=1e-5)
    assert widget.table.names == ("sigma2", "tau2")
    assert "mu = 16.306 held at the maximum" in widget.table.fixed
    sigma2, tau2 = widget.table.grids
    i, j = 30, 20
    exact = -mw.mll_oneway(best["mu"], sigma2[i], tau2[j], *_data(wheat))
    assert widget.table.height[j, i] == pytest.approx(exact - widget.maximum.loglik, abs=2e-3)
    information = widget.maximum.information.to_numpy()[1:, 1:]
    away = widget.table.wald - best.to_numpy()[1:]
    level = np.einsum("ij,jk,ik->i", away, information, away)
    np.testing.assert_allclose(level, stats.chi2.ppf(0.95, 2), rtol=1e-6)
    assert widget.table.wald[:, 1].min() < 0.0  # the interval below zero, drawn as impossible
    assert "-0.29" in widget.numbers.value
    widget.x = "mu"
    assert widget.table.names == ("mu", "tau2")
    widget.y_menu.value = "sigma2"
    assert widget.table.names == ("mu", "sigma2")
    assert widget.error is None


def test_the_search_of_maximize_is_kept_and_shown(wheat: Any) -> None:
    widget = of_wheat(wheat, path="maximize", x="sigma2", y="tau2")
    path = widget.maximum.path
    assert path.iloc[0].tolist()[:3] == [15, 1, 1]
    assert path.iloc[0]["step"] == "start"
    assert path.iloc[-1][["mu", "sigma2", "tau2"]].tolist() == pytest.approx(
        widget.maximum.par.tolist()
    )
    values = path["value"].to_numpy()
    assert (np.diff(values) <= 1e-9).all()  # of minus the log-likelihood
    assert {"simplex", "Newton"} <= set(path["step"])
    assert len(widget.steps) == len(path)
    widget.step = 5
    np.testing.assert_allclose(drawn(widget, "point")[0], path["sigma2"][5])
    point(widget, "up", x=2.0, y=0.5)
    assert (widget.path, widget.begin) == ("newton", (15.0, 2.0, 0.5))


def test_path_of_the_best_of_several_starts() -> None:
    def two_hills(x: float) -> float:
        return float(np.logaddexp(-((x + 3) ** 2), 2 - (x - 3) ** 2))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mw.MixedWidgetsWarning)
        found = mw.maximize(two_hills, -3.0, starts=[2.0])
    assert found.par.iloc[0] == pytest.approx(3.0, abs=1e-3)
    assert found.path.iloc[0, 0] == 2.0


def test_a_slow_function_is_searched_once() -> None:
    calls = []

    def slow(mu: float) -> float:
        calls.append(mu)
        time.sleep(0.012)
        return -((mu - 3.0) ** 2)

    widget: Any = mw.MaximumLikelihood(slow, 1.0)
    assert widget.path == "maximize"
    assert len(calls) < 200  # search, reach and a coarser grid
    assert mw.MaximumLikelihood(slow, 1.0, path="newton").path == "newton"
    assert widget.maximum.par.iloc[0] == pytest.approx(3.0, abs=1e-6)


def test_near_and_whole(wheat: Any) -> None:
    widget: Any = mw.MaximumLikelihood(lambda mu: -((mu - 3.0) ** 2), 40.0)
    assert widget.table.grids[0][-1] > 40.0
    widget.near = True
    assert widget.table.grids[0][-1] < 8.0
    assert widget.near_box.value


def test_view_is_of_the_function_itself() -> None:
    found = mw.maximize(loglik, 0.5, bounds=(0, 1), k=5, n=30)
    steps = newton_steps(problem_of(found), np.array([0.5]))
    view = maximum_view(found, ["theta"], steps, near=True)
    inside = (view.grids[0] > 0) & (view.grids[0] < 1)
    x = view.grids[0][inside]
    exact = 5 * np.log(x * 6) + 25 * np.log((1 - x) * 6 / 5)
    np.testing.assert_allclose(view.height[inside], exact, atol=1e-9)
    np.testing.assert_allclose(view.wald[inside], -108 * (x - 1 / 6) ** 2, rtol=1e-5, atol=1e-12)


def test_exceptions_of_the_function_become_one_sentence(wheat: Any) -> None:
    def broken(theta: float) -> float:
        return [theta][3]

    widget: Any = mw.MaximumLikelihood(broken, 0.5)
    assert widget.summary().startswith("MaximumLikelihood(broken fails")
    assert "broken fails at theta = 0.5 with IndexError" in widget.problem
    assert "Traceback" not in widget.problem
    assert "IndexError" in (widget.error or "")
    assert 'role="alert"' in widget._alert.value
    widget.loglik = lambda theta: -((theta - 1.0) ** 2)
    assert widget.problem == ""
    assert widget.maximum.par.iloc[0] == pytest.approx(1.0)
    picture = widget.picture.seq
    widget.loglik = broken
    assert "IndexError" in widget.problem
    assert widget.picture.seq == picture  # the last good picture stays


@pytest.mark.parametrize(
    ("function", "start", "word"),
    [
        (5, 0.5, "is not a function"),
        (lambda theta: None, 0.5, "returns None"),
        (lambda theta: theta, "x", "finite number"),
        (lambda theta: -np.inf, 0.5, "start where it is finite"),
    ],
)
def test_what_is_wrong_is_said(function: Any, start: Any, word: str) -> None:
    widget: Any = mw.MaximumLikelihood(function, start)
    assert word in widget.problem
    assert widget.picture.alt == ""


def test_warnings_of_the_search_stand_beneath_in_words() -> None:
    widget: Any = mw.MaximumLikelihood(lambda a, b: -((a + b - 1.0) ** 2), {"a": 0.0, "b": 0.0})
    assert widget.maximum.warnings
    assert "do not determine" in widget.numbers.value
    assert widget.problem == ""


def test_maximum_on_a_bound() -> None:
    widget: Any = mw.MaximumLikelihood(lambda tau: -tau, 1.0, bounds=(0, None))
    assert widget.maximum.par.iloc[0] == 0.0
    assert "on its lower bound" in widget.numbers.value
    assert len(widget.table.wald) == 0
    assert widget.error is None


def test_maximum_refuses_in_a_sentence() -> None:
    with pytest.raises(ModelError, match="no option 'stp'"):
        of_binomial(stp=1)
    with pytest.raises(ModelError, match="give a dict"):
        of_wrong_data([1, 2])
    widget = of_binomial(x="thta")
    assert "did you mean 'theta'" in widget.problem
    widget = of_binomial(step=99)
    assert widget.step == len(widget.steps) - 1
    widget.x = "thta"
    assert "did you mean 'theta'" in widget.problem
    widget.x = "theta"
    assert widget.problem == ""
    widget.step = 99
    assert widget.step == len(widget.steps) - 1
    with pytest.raises(ModelError, match="one number for each of theta"):
        of_binomial().begin = (0.1, 0.2)


def test_steps_can_be_linked() -> None:
    one, other = of_binomial(), of_binomial()
    ipw.link((one, "step"), (other, "step"))
    one.step = 2
    assert other.step == 2


# ---- all of them


def every(wheat: Any) -> list[Any]:
    return [binomial(), by_hand(wheat), of_binomial(), of_wheat(wheat, x="sigma2", y="tau2")]


def test_readers_without_a_kernel_have_the_picture_and_the_words(wheat: Any) -> None:
    for widget in every(wheat):
        bundle = widget._repr_mimebundle_()
        assert type(widget).__name__ in bundle["text/plain"]
        assert "<img" in bundle["text/html"]
        assert 'role="status"' in bundle["text/html"]
        assert len(widget.picture.alt) > 80


def test_themes_and_widths(wheat: Any) -> None:
    for widget in every(wheat):
        light = widget.picture.static_png(50)
        widget.theme = "dark"
        assert widget.picture.static_png(50) != light
        for room in (500.0, 900.0, 2000.0):
            widget.picture.room = room
        assert widget.picture.figure_size[0] == 10.0
        assert widget.error is None


def test_every_number_has_a_name_for_screen_readers(wheat: Any) -> None:
    def controls(widget: Any) -> Iterator[Any]:
        for child in getattr(widget, "children", ()):
            yield child
            yield from controls(child)

    for widget in every(wheat):
        for control in controls(widget):
            if isinstance(control, ipw.IntText | ipw.FloatText | ipw.Checkbox | ipw.Dropdown):
                assert control.description


def test_the_face_loads_no_widget_before_one_is_asked_for() -> None:
    assert {"BinomialLikelihood", "MaximumLikelihood", "OneWayExplorer"} <= set(mw.__all__)

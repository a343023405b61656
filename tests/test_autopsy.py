"""The autopsy of boundary fits: the direction, what the data would still allow, the picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.autopsy import autopsy
from mixedwidgets.plots import autopsy as picture
from tests import dense
from tests.test_plots import THEMES, assert_legible, by_gid, drawn, texts

SIZES = [(560, 420), (820, 420), (900, 420)]
RADIUS = np.sqrt(chi2.ppf(0.95, 2))


def some_subjects():
    """Six subjects whose intercepts and slopes are estimated as perfectly correlated."""
    data = mw.load("sleepstudy")
    some = list(data["Subject"].unique()[1:7])
    return data[data["Subject"].isin(some)].assign(Subject=lambda d: d["Subject"].astype(str))


@pytest.fixture(scope="module")
def line():
    return mw.lmer("Reaction ~ Days + (Days | Subject)", some_subjects())


@pytest.fixture(scope="module")
def zero():
    return mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))


@pytest.fixture(scope="module")
def point():
    """A response of noise: neither intercept nor slope varies."""
    data = some_subjects()
    data["noise"] = np.random.default_rng(2).normal(size=len(data))
    return mw.lmer("noise ~ Days + (Days | Subject)", data, REML=False)


@pytest.fixture(scope="module")
def three():
    return mw.lmer("mscore ~ ses + hwh + (ses + hwh | school)", mw.load("schools"))


def table_of(fit, number=0):
    return autopsy(fit.design, fit.estimate, number)


# The numbers --------------------------------------------------------------------------------------


def test_the_covariance_has_no_variance_along_the_direction(line):
    table = table_of(line)
    np.testing.assert_allclose(table.covariance, line.estimate.covariances[0], rtol=1e-12)
    correlation = table.covariance[0, 1] / np.sqrt(np.prod(np.diag(table.covariance)))
    assert correlation == pytest.approx(1.0, abs=1e-9)
    # In units of standard deviations the arrow is at right angles to the line of the ellipse.
    scaled = table.arrow / np.sqrt(np.diag(table.covariance))
    assert scaled[0] == pytest.approx(-scaled[1], rel=1e-9)
    assert "vary in step between levels of Subject" in table.words
    assert (table.names, table.involved) == (("intercept", "Days"), 2)
    assert table.curve is None


@pytest.mark.parametrize("reml", [True, False])
def test_wider_covariances_cost_what_is_said(reml):
    """Dense matrices: of V = Z Sigma Z' + s^2 I, the s at which no other scale of V is better."""
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", some_subjects(), REML=reml)
    table = table_of(fit)
    np.testing.assert_allclose(table.drops, [1.0, chi2.ppf(0.95, 1)], rtol=1e-12)
    for cover, drop in zip(table.around, table.drops, strict=True):

        def excess(s, cover=cover):
            _, q, N = dense.parts(fit.design, [cover / s**2], reml)
            return q / N - s**2

        s = brentq(excess, 0.5 * fit.sigma, 2.0 * fit.sigma)
        worse = dense.deviance(fit.design, [cover / s**2], reml) - fit.criterion
        assert worse == pytest.approx(drop, rel=2e-3)


def test_the_widest_adds_the_arrow_to_the_line(line):
    table = table_of(line)
    added = table.around[-1] / table.around[-1][0, 0]
    whole = table.covariance + np.outer(table.arrow, table.arrow)
    np.testing.assert_allclose(added, whole / whole[0, 0], rtol=1e-9)


def test_one_effect_and_its_noise(zero):
    table = table_of(zero)
    means = mw.load("dyestuff2").groupby("Batch", observed=True)["Yield"].mean()
    expected = means.std(ddof=1) / (zero.sigma / np.sqrt(5))
    assert table.ratio == pytest.approx(expected, rel=1e-9)
    assert expected < 1.0
    assert table.covariance == [[0.0]]
    assert table.curve is not None
    assert table.curve.x[0] == 0.0
    assert table.curve.drop[0] == pytest.approx(0.0, abs=1e-8)
    assert (np.diff(table.curve.drop) >= -1e-9).all()


def test_noise_of_a_combination(line):
    """Each subject's own line: the variance of the combination from its 10 days."""
    table, data = table_of(line), some_subjects()
    contrast = np.array([-1.0, 1.0]) / np.sqrt(np.diag(table.covariance))
    Z = np.column_stack((np.ones(10), np.arange(10.0)))
    own = [np.linalg.lstsq(Z, y, rcond=None)[0] for _, y in data.groupby("Subject")["Reaction"]]
    noise = line.sigma**2 * contrast @ np.linalg.inv(Z.T @ Z) @ contrast
    spread = np.var(np.array(own) @ contrast, ddof=1)
    assert table.ratio == pytest.approx(np.sqrt(spread / noise), rel=1e-6)
    np.testing.assert_allclose(table.no_pooling, own, rtol=1e-8)


def test_each_direction_has_its_own(point):
    assert len(point.estimate.optimum.boundary) == 2
    first, second = table_of(point, 0), table_of(point, 1)
    assert not first.covariance.any()
    assert "the intercept does not vary" in first.words
    assert "the slope of Days does not vary" in second.words
    assert (first.arrow[0] != 0.0, first.arrow[1]) == (True, 0.0)
    assert (second.arrow[0], second.arrow[1] != 0.0) == (0.0, True)


def test_a_combination_of_three(three):
    table = table_of(three)
    assert table.involved == 3
    assert len(table.names) == 2
    assert np.linalg.eigvalsh(table.covariance)[0] > 0.0
    assert table.no_pooling.shape == (684, 2)


def test_mistakes(line):
    ordinary = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    with pytest.raises(ModelError, match="not at the boundary"):
        table_of(ordinary)
    with pytest.raises(ModelError, match="no direction 1; give a whole number from 0 to 0"):
        table_of(line, 1)
    assert "AutopsyTable (REML): the intercept and the slope" in repr(table_of(line))


# The picture --------------------------------------------------------------------------------------


def test_the_ellipse_is_a_line(line):
    table = table_of(line)
    figure = drawn(picture, table)
    (ellipse,) = by_gid(figure, "ellipse")
    across = (ellipse.get_xydata() - table.centre) / np.sqrt(np.diag(table.covariance))
    np.testing.assert_allclose(across[:, 0], across[:, 1], atol=1e-6)
    assert np.abs(across).max() == pytest.approx(RADIUS, rel=1e-2)
    assert len(by_gid(figure, "around")) == 2
    words = [text for text, _ in texts(figure)]
    assert {"no variance this way", "95% of groups: a line", "no pooling"} <= set(words)


def test_the_likelihood_is_level_at_zero(zero):
    table = table_of(zero)
    figure = drawn(picture, table)
    curves = [a.get_xydata() for a in by_gid(figure, "curve")]
    sd, variance = (np.diff(c[[0, 12]], axis=0)[0] for c in curves)
    assert abs(sd[1] / sd[0]) < 0.2
    assert variance[1] / variance[0] < -0.3
    np.testing.assert_allclose(curves[1][:, 0], curves[0][:, 0] ** 2)
    assert len(by_gid(figure, "impossible")) == 2
    upper = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2")).profile(criterion="REML")
    limit = upper.confint(0.95).loc["sd_(Intercept)|Batch"].iloc[1]
    assert by_gid(figure, "interval")[0].get_xdata()[1] == pytest.approx(limit, rel=0.02)


def test_picking_a_group(line):
    table = table_of(line)
    figure = drawn(picture, table)
    (ring,) = by_gid(figure, "picked")
    assert not np.isfinite(ring.get_xydata()).any()
    picture.pick(figure, table, 3)
    np.testing.assert_array_equal(ring.get_xydata(), table.no_pooling[3:4])
    picture.pick(figure, table, None)
    assert not np.isfinite(ring.get_xydata()).any()
    assert picture.hit(table, "no-pooling", 3) == 3
    assert picture.hit(table, "ellipse", 3) is None
    assert picture.hit(table, "no-pooling", 99) is None


def test_description_has_the_numbers(line, zero):
    words = picture.describe(table_of(line))
    sds = np.sqrt(np.diag(line.estimate.covariances[0]))
    assert f"intercept {sds[0]:.1f}, Days {sds[1]:.2f}" in words
    assert "spread 0.81 times as much as noise." in words
    words = picture.describe(table_of(zero))
    assert "largest at 0, level there" in words
    assert "spread 0.78 times as much" in words


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_legible(line, zero, point, three, size, theme):
    for fit in (line, zero, point, three):
        figure = drawn(picture, table_of(fit), box=size, theme=theme, animated=False)
        assert_legible(figure)

"""The tables of diagnostics, by numbers of lme4 1.1-31, full matrices and direct sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, norm

import mixedwidgets as mw
from mixedwidgets.lmm import diagnose
from mixedwidgets.lmm.level_deletion import separates
from tests import dense

LME4 = 3e-5  # relative: as far as lme4's own optimum lets its numbers be compared


def fitted(formula, data, **options):
    fit = mw.lmer(formula, mw.load(data) if isinstance(data, str) else data, **options)
    return fit.design, fit.estimate


@pytest.fixture(scope="module")
def sleep():
    return fitted("Reaction ~ Days + (Days | Subject)", "sleepstudy")


@pytest.fixture(scope="module")
def weighted():
    """An unbalanced design with weights, an offset and two slopes."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(12), rng.integers(2, 9, 12))
    x, z = rng.normal(size=(2, len(g)))
    y = 3 + x + rng.normal(size=12)[g] + 0.5 * rng.normal(size=12)[g] * x + rng.normal(size=len(g))
    data = pd.DataFrame({"y": y, "x": x, "z": z, "g": g, "w": rng.uniform(0.5, 3.0, len(g))})
    return fitted("y ~ x + offset(z) + (x | g)", data, weights="w")


class TestResiduals:
    def test_lme4s_scaled_residuals(self, sleep):
        table = diagnose.residual_table(*sleep)
        expected = [-0.160350443674043, -0.571480707434726, -1.64879321903041]
        np.testing.assert_allclose(table.residual[:3], expected, rtol=LME4)
        assert (table.group, table.response, table.criterion) == ("Subject", "Reaction", "REML")
        assert table.levels[0] == "308"
        assert table.codes[:11].tolist() == [0] * 10 + [1]

    def test_by_full_matrices(self, weighted):
        design, estimate = weighted
        table = diagnose.residual_table(design, estimate)
        V = dense.covariance(design, dense.relative_covariances(design, estimate.optimum.theta))
        marginal = design.y - design.offset - design.X @ estimate.beta
        e = np.linalg.solve(V, marginal) / design.weights
        np.testing.assert_allclose(
            table.residual, e * np.sqrt(design.weights) / estimate.sigma, rtol=1e-9, atol=1e-10
        )
        np.testing.assert_allclose(table.fitted, design.y - e, rtol=1e-9)
        np.testing.assert_array_equal(table.weights, design.weights)

    def test_another_factor_and_one_that_is_not_there(self):
        design, estimate = fitted("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin")
        table = diagnose.residual_table(design, estimate, "sample")
        assert table.levels == tuple("ABCDEF")
        np.testing.assert_array_equal(np.bincount(table.codes), [24] * 6)
        with pytest.raises(mw.ModelError, match=r"no grouping factor 'plat' \(did you mean 'plate"):
            diagnose.residual_table(design, estimate, "plat")
        assert diagnose.residual_table(design, estimate, 1).levels == tuple("ABCDEF")
        with pytest.raises(mw.ModelError, match="no grouping factor 2; the model has plate, sampl"):
            diagnose.residual_table(design, estimate, 2)


class TestQuantiles:
    def test_lme4s_studentized_residuals_and_rs_quantiles(self, sleep):
        table = diagnose.residual_quantiles(*sleep)
        some = [0, 89, 179]
        expected = [-4.57043586071415, 0.0180206050442587, 5.52700532808985]
        np.testing.assert_allclose(table.value[some], expected, rtol=LME4)
        expected = [-2.77292129460866, -0.00696291258084083, 2.77292129460866]
        np.testing.assert_allclose(table.quantile[some], expected, rtol=1e-10)
        assert (np.diff(table.value) >= 0).all()

    def test_their_standard_deviation_is_one_by_full_matrices(self, weighted):
        """The covariance of the residuals is V^-1 V V^-1 less the part of the coefficients."""
        design, estimate = weighted
        V = dense.covariance(design, dense.relative_covariances(design, estimate.optimum.theta))
        inverse, X = np.linalg.inv(V), design.X
        P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
        variance = estimate.sigma**2 * np.diag(P @ V @ P.T) / design.weights**2
        e = diagnose.residual_table(design, estimate).residual * estimate.sigma
        z = np.sort(e / np.sqrt(design.weights) / np.sqrt(variance))
        np.testing.assert_allclose(
            diagnose.residual_quantiles(design, estimate).value, z, rtol=1e-8
        )

    def test_effects_by_lme4(self, sleep):
        table = diagnose.effect_quantiles(*sleep, effect="Days")
        expected = [-1.97098632874265, -0.0409948745448297, 1.68627017670571]
        np.testing.assert_allclose(table.value[[0, 8, 17]], expected, rtol=1e-4)
        expected = [-1.91450582505556, -0.0696849203184557, 1.91450582505556]
        np.testing.assert_allclose(table.quantile[[0, 8, 17]], expected, rtol=1e-10)
        assert table.what == "effects of Subject on Days"
        assert sorted(table.codes.tolist()) == list(range(18))

    @pytest.mark.parametrize("effect", [0, 1])
    def test_effects_by_full_matrices(self, weighted, effect):
        design, estimate = weighted
        theta = estimate.optimum.theta
        means, variances = dense.modes(design, theta, estimate.sigma, estimate.beta)
        whole = estimate.sigma**2 * dense.relative_covariances(design, theta)[0][effect, effect]
        z = means["g"][:, effect] / np.sqrt(whole - variances["g"][:, effect, effect])
        table = diagnose.effect_quantiles(design, estimate, effect=effect)
        np.testing.assert_allclose(table.value, np.sort(z), rtol=1e-7)
        np.testing.assert_array_equal(table.codes, np.argsort(z, kind="stable"))

    def test_a_variance_of_zero_has_a_note_and_no_values(self):
        table = diagnose.effect_quantiles(*fitted("Yield ~ 1 + (1 | Batch)", "dyestuff2"))
        assert "estimated as zero" in table.note
        assert len(table.value) == len(table.quantile) == len(table.band) == table.outside == 0
        assert table.left_out == 6

    def test_an_effect_that_is_not_there(self, sleep):
        with pytest.raises(mw.ModelError, match=r"no random effect 'days' \(did you mean 'Days'"):
            diagnose.effect_quantiles(*sleep, effect="days")
        with pytest.raises(mw.ModelError, match="no random effect 2"):
            diagnose.effect_quantiles(*sleep, effect=2)

    @pytest.mark.parametrize("count", [1, 2, 10, 11, 180])
    def test_limits_are_those_of_order_statistics(self, count):
        rank = np.arange(1, count + 1)
        lower, upper = diagnose.order_limits(rank, count)
        for limit, p in ((lower, 0.025), (upper, 0.975)):
            expected = norm.ppf(beta.ppf(p, rank, count + 1 - rank))
            np.testing.assert_allclose(limit, expected, rtol=1e-9, atol=1e-12)

    def test_a_band_of_many_leaves_out_only_what_lies_between(self):
        table = diagnose.residual_quantiles(
            *fitted("mscore ~ ses + (ses | school)", "schools", REML=False)
        )
        n = len(table.value)
        assert n == 12974
        assert len(table.band) < 170
        lower, upper = diagnose.order_limits(np.arange(1, n + 1), n)
        thin = [np.interp(table.quantile, table.band[:, 0], table.band[:, i]) for i in (1, 2)]
        np.testing.assert_allclose(thin, [lower, upper], atol=1e-3)
        exact = int(((table.value < lower) | (table.value > upper)).sum())
        assert abs(table.outside - exact) <= 3


class TestLevels:
    def test_by_r(self, sleep):
        table = diagnose.level_residuals(*sleep)
        expected = [-3.95356734536703, -0.468698141494555, 0.37746340832987]
        expected += [0.910068438694140, 2.449813848846246]
        np.testing.assert_allclose(table.quartiles[0], expected, rtol=LME4)
        assert table.mean[0] == pytest.approx(-0.00109423980713092, abs=1e-6)
        assert table.sd[0] == pytest.approx(1.7776378655308, rel=LME4)
        assert table.size.tolist() == [10] * 18

    def test_by_pandas_with_unequal_sizes(self, weighted):
        table = diagnose.level_residuals(*weighted)
        by = pd.Series(table.residual).groupby(table.codes)
        np.testing.assert_allclose(table.mean, by.mean(), atol=1e-12)
        np.testing.assert_allclose(table.sd, by.std(), rtol=1e-10)
        quantiles = by.quantile([0, 0.25, 0.5, 0.75, 1]).unstack()
        np.testing.assert_allclose(table.quartiles, quantiles, rtol=1e-10)
        np.testing.assert_array_equal(table.size, by.size())


def without_levels(design, estimate, factor):
    """Cook's distance of each level from coefficients estimated by full matrices without it."""
    theta = estimate.optimum.theta
    V = dense.covariance(design, dense.relative_covariances(design, theta))
    y = design.y if design.offset is None else design.y - design.offset
    precision = np.linalg.inv(estimate.vcov)
    out = []
    grouping = design.groupings[factor]
    for j in range(len(grouping.levels)):
        keep = grouping.codes != j
        X, inverse = design.X[keep], np.linalg.inv(V[np.ix_(keep, keep)])
        change = np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ y[keep]) - estimate.beta
        out.append(change @ precision @ change / len(change))
    return out


class TestInfluence:
    def test_rows_by_lme4(self, sleep):
        table = diagnose.influence_table(*sleep, by="row")
        expected = [0.00496313251481504, 0.0402062018556089, 0.226099184758123]
        np.testing.assert_allclose(table.distance[:3], expected, rtol=LME4)
        assert table.distance.max() == pytest.approx(4.33216370346492, rel=LME4)
        assert table.leverage[0] == pytest.approx(0.229304037740263, rel=LME4)
        assert table.leverage.sum() == pytest.approx(29.0221239506404, rel=LME4)
        assert table.labels[np.argmax(table.distance)] == "59"
        assert table.levels[table.codes[59]] == "332"

    @pytest.mark.parametrize("group", [None, "g"])
    def test_levels_by_full_matrices(self, weighted, group):
        table = diagnose.influence_table(*weighted, group)
        np.testing.assert_allclose(table.distance, without_levels(*weighted, 0), rtol=1e-7)
        assert table.labels == table.levels
        np.testing.assert_array_equal(table.size, np.bincount(weighted[0].groupings[0].codes))

    @pytest.mark.parametrize("factor", [0, 1])
    @pytest.mark.parametrize(
        ("formula", "data", "closed"),
        [
            ("strength ~ 1 + (1 | batch / cask)", "pastes", [False, True]),
            ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin", [False, False]),
        ],
    )
    def test_levels_of_two_factors(self, formula, data, closed, factor):
        """The batches hold whole casks, so that no level shares an effect with another."""
        design, estimate = fitted(formula, data)
        assert separates(design, factor) == closed[factor]
        table = diagnose.influence_table(design, estimate, design.groupings[factor].name)
        expected = without_levels(design, estimate, factor)
        np.testing.assert_allclose(table.distance, expected, rtol=1e-6, atol=1e-12)

    def test_the_leverage_of_a_level_is_that_of_its_rows(self, sleep):
        rows = diagnose.influence_table(*sleep, by="row")
        levels = diagnose.influence_table(*sleep)
        expected = [rows.leverage[rows.codes == j].sum() for j in range(18)]
        np.testing.assert_allclose(levels.leverage, expected, rtol=1e-12)

    def test_a_level_that_a_coefficient_hangs_on(self):
        rng = np.random.default_rng(3)
        g = np.repeat(np.arange(8), 5)
        data = pd.DataFrame({"y": rng.normal(size=40) + rng.normal(size=8)[g], "g": g})
        data["only"] = (g == 2) * np.arange(40.0)
        table = diagnose.influence_table(*fitted("y ~ only + (1 | g)", data))
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(table.distance)), [2])

    def test_refusals(self, sleep):
        with pytest.raises(mw.ModelError, match="by is 'rows'; choose 'row' or 'level'"):
            diagnose.influence_table(*sleep, by="rows")
        none = fitted("Reaction ~ 0 + (1 | Subject)", "sleepstudy")
        with pytest.raises(mw.ModelError, match="needs fixed effects"):
            diagnose.influence_table(*none)

    def test_levels_that_others_cross_are_refused_where_there_are_many(self):
        rng = np.random.default_rng(1)
        data = pd.DataFrame({"a": rng.integers(0, 300, 3000), "b": rng.integers(0, 40, 3000)})
        data["y"] = rng.normal(size=300)[data.a] + rng.normal(size=40)[data.b]
        data["y"] += rng.normal(size=3000)
        design, estimate = fitted("y ~ 1 + (1 | a) + (1 | b)", data)
        with pytest.raises(mw.ModelError, match="each of the 300 levels of a in turn"):
            diagnose.influence_table(design, estimate, "a")
        assert len(diagnose.influence_table(design, estimate, "a", by="row").distance) == 3000

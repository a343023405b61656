"""The bootstrap: the same fits as one by one, the same numbers in any pieces, lme4's figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from numpy.random import SeedSequence
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.lmm.draws import GroupedDraws, Truth
from mixedwidgets.lmm.refits import drawn_fits
from tests import dense
from tests.test_predict import MODELS
from tests.test_simulate import check_moments


def model(name: str, **options) -> mw.Fit:
    formula, data, own = MODELS[name]
    return mw.lmer(formula, data, **own, **options)


def wheat(**options) -> mw.Fit:
    return mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"), **options)


def sleep(formula: str = "Reaction ~ Days + (Days | Subject)", **options) -> mw.Fit:
    return mw.lmer(formula, mw.load("sleepstudy"), **options)


def check_refits(fit: mw.Fit, nsim: int) -> mw.lmm.bootstrap.Bootstrap:
    """Compare replicates with fits to their responses, in units of the standard errors."""
    boot = fit.bootstrap(nsim, seed=1)
    scale = np.append(boot.se.to_numpy(), 1.0)
    for i in range(nsim):
        again = fit.refit(boot.response(i))
        assert again.converged != boot.without[i]
        if boot.without[i]:
            assert np.isnan(boot.values[i]).all()
            continue
        off = boot.values[i] - np.append(again.values().to_numpy(), again.criterion)
        assert np.nanmax(np.abs(off) / scale[: len(off)]) < 1e-6
        assert boot.singular[i] == bool(again.estimate.optimum.boundary)
    return boot


@pytest.mark.parametrize("name", list(MODELS))
def test_replicates_are_the_fits_to_their_responses(name):
    check_refits(model(name), 4)


@pytest.mark.parametrize("reml", [True, False])
def test_replicates_on_the_boundary_too(reml):
    boot = check_refits(wheat(REML=reml), 40)
    assert 0 < boot.boundary < 20
    assert np.all(boot.values[boot.singular, 0] == 0.0)
    assert np.all(boot.values[~boot.singular, 0] > 0.0)
    assert list(boot.directions) == [boot.boundary]
    assert "the intercept does not vary" in boot.directions.index[0]


def test_correlations_of_one_and_no_variation_at_all():
    data = mw.load("sleepstudy").assign(noise=np.random.default_rng(3).normal(size=180))
    fit = mw.lmer("Reaction ~ Days + (noise | Subject)", data)
    boot = check_refits(fit, 25)
    assert boot.boundary > 2
    dyestuff2 = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
    assert dyestuff2.verdict.kind == "boundary fit"
    assert check_refits(dyestuff2, 25).boundary > 8


def test_three_effects():
    data = mw.load("sleepstudy").assign(square=lambda d: (d["Days"] - 4.5) ** 2)
    check_refits(mw.lmer("Reaction ~ Days + square + (Days + square | Subject)", data), 6)


def test_the_same_numbers_in_any_pieces():
    for fit in (sleep(), wheat()):
        pieces = [
            list(drawn_fits(fit.design, fit.estimate, 40, SeedSequence(5), fit.call.control, size))
            for size in (1, 7, 40)
        ]
        for name in ("factor", "sigma", "beta", "value", "boundary", "failed"):
            one, seven, all_ = (
                np.concatenate([getattr(e, name) for e in found]) for found in pieces
            )
            np.testing.assert_array_equal(one, all_)
            np.testing.assert_array_equal(seven, all_)


def test_the_same_numbers_for_the_same_seed_however_many():
    fit = sleep()
    many = fit.bootstrap(30, seed=7)
    few = fit.bootstrap(12, seed=7)
    pd.testing.assert_frame_equal(few.replicates, many.replicates[:12])
    again = fit.bootstrap(12, seed=many.seed)
    pd.testing.assert_frame_equal(again.replicates, few.replicates)
    assert not np.array_equal(fit.bootstrap(12, seed=8).values, few.values)
    assert not np.array_equal(fit.bootstrap(3).values, fit.bootstrap(3).values)
    first = fit.bootstrap(3, seed=np.random.default_rng(4))
    np.testing.assert_array_equal(
        first.values, fit.bootstrap(3, seed=np.random.default_rng(4)).values
    )
    crossed = model("crossed")
    pd.testing.assert_frame_equal(
        crossed.bootstrap(3, seed=2).replicates, crossed.bootstrap(5, seed=2).replicates[:3]
    )


@pytest.mark.parametrize("name", ["slope", "weights and offset", "blocks of one and two"])
def test_responses_have_the_distribution_of_the_model(name):
    fit = model(name)
    draws = GroupedDraws(fit.estimate.moments, Truth.of(fit.estimate), SeedSequence(3))
    sims = np.array([draws.response(i, fit.design) for i in range(1500)]).T
    V = dense.covariance(fit.design, dense.relative_covariances(fit.design, fit.theta.to_numpy()))
    check_moments(sims, fit.predict(re_form="none").to_numpy(), fit.sigma**2 * V)


def test_crossed_responses_are_those_of_simulate():
    fit = model("crossed slopes")
    boot = fit.bootstrap(2, seed=11)
    child = SeedSequence(11).spawn(2)[1]
    np.testing.assert_array_equal(
        boot.response(1).to_numpy(), fit.simulate(1, seed=child)["sim_1"].to_numpy()
    )


# lme4 1.1-31: bootMer(m, f, nsim = 2000, seed = 1) for Reaction ~ Days + (Days | Subject) by
# maximum likelihood: means and standard deviations. (By REML its refits stop at another criterion
# than its fits.)
BOOTMER = {
    "sd_(Intercept)|Subject": (22.094867, 5.785761),
    "sd_Days|Subject": (5.365742, 1.231473),
    "cor_Days.(Intercept)|Subject": (0.162707, 0.373398),
    "sigma": (25.572786, 1.472233),
    "(Intercept)": (251.157871, 6.670892),
    "Days": (10.476987, 1.526909),
    "criterion": (1745.864886, 19.106333),
}


def test_means_and_standard_deviations_are_those_of_bootmer():
    boot = sleep(REML=False).bootstrap(2000, seed=1)
    means, sds = boot.replicates.mean(), boot.se
    for name, (mean, sd) in BOOTMER.items():
        assert abs(means[name] - mean) < 4.0 * sd * np.sqrt(2.0 / 2000), name
        assert abs(sds[name] / sd - 1.0) < 4.0 * np.sqrt(1.0 / 2000), name


def test_school_data():
    fit = mw.lmer("mscore ~ flp + enroll + ses + (ses | school)", mw.load("schools"))
    boot = fit.bootstrap(12, seed=1)
    assert boot.failed == 0
    again = fit.refit(boot.response(3))
    np.testing.assert_allclose(boot.values[3, :-1], again.values(), rtol=1e-7)


def test_steps_are_partial_results():
    fit = sleep()
    results = list(fit.bootstrap_steps(600, seed=1))
    assert len(results) > 1
    assert [len(r) for r in results] == sorted({len(r) for r in results})
    assert not results[0].finished
    assert "Stopped after" in repr(results[0])
    assert results[-1].finished
    assert "Stopped" not in repr(results[-1])
    np.testing.assert_array_equal(
        results[0].values, results[-1].values[: len(results[0])]
    )  # a partial result stays as it was
    last = list(islice(fit.bootstrap_steps(600, seed=1), 1))[-1]
    np.testing.assert_array_equal(last.values, results[0].values)


def test_progress_and_stopping():
    fit = model("crossed")
    told = []
    boot = fit.bootstrap(4, seed=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    part = fit.bootstrap(4, seed=1, progress=lambda done, total: done < 2)
    assert len(part) == 2
    np.testing.assert_array_equal(part.values, boot.values[:2])

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.bootstrap(4, progress=interrupt)


def test_statistics():
    fit = sleep()
    plain = fit.bootstrap(5, seed=3)
    number = fit.bootstrap(5, seed=3, statistic=lambda f: f.sigma)
    assert list(number.replicates) == ["statistic", "boundary"]
    np.testing.assert_allclose(number.replicates["statistic"], plain.replicates["sigma"], rtol=1e-7)
    assert number.estimate["statistic"] == fit.sigma
    named = fit.bootstrap(5, seed=3, statistic=lambda f: {"icc": f.sigma, "t": f.theta.iloc[0]})
    assert named.names == ("icc", "t")
    series = fit.bootstrap(5, seed=3, statistic=lambda f: f.fixef)
    np.testing.assert_allclose(series.replicates["Days"], plain.replicates["Days"], rtol=1e-7)
    for i, residual in enumerate(
        fit.bootstrap(2, seed=3, statistic=lambda f: f.resid().iloc[0]).values[:, 0]
    ):
        assert residual == pytest.approx(fit.refit(plain.response(i)).resid().iloc[0], rel=1e-6)


def test_statistics_that_are_none():
    fit = sleep()
    with pytest.raises(ModelError, match="give a function of a fit"):
        fit.bootstrap(2, statistic="sigma")
    with pytest.raises(DataError, match="return a number, a dictionary"):
        fit.bootstrap(2, statistic=lambda f: "large")
    with pytest.raises(DataError, match="return a number, a dictionary"):
        fit.bootstrap(2, statistic=lambda f: {"a": None})
    calls = []
    with pytest.raises(DataError, match="same names every time"):
        fit.bootstrap(2, statistic=lambda f: calls.append(1) or {f"n{len(calls)}": 1.0})


def test_intervals():
    fit = wheat()
    boot = fit.bootstrap(199, seed=1)
    values = np.sort(boot.replicates["sigma"])
    limits = boot.confint("sigma", level=0.9)
    assert list(limits) == ["5 %", "95 %"]
    np.testing.assert_allclose(limits.loc["sigma"], [values[9], values[189]])
    basic = boot.confint(["sigma"], 0.9, "basic").loc["sigma"]
    np.testing.assert_allclose(basic, 2.0 * fit.sigma - np.array([values[189], values[9]]))
    normal = boot.confint("sigma", 0.9, "normal").loc["sigma"]
    middle = 2.0 * fit.sigma - values.mean()
    half = norm.ppf(0.95) * values.std(ddof=1)
    np.testing.assert_allclose(normal, [middle - half, middle + half])
    whole = boot.confint()
    assert list(whole.index) == list(fit.values().index)
    assert whole.iloc[0, 0] == 0.0
    assert (
        whole.attrs["notes"]["sd_(Intercept)|region"]
        == f"zero in {boot.boundary} of 199 replicates"
    )
    few = fit.bootstrap(10, seed=1).confint("sigma")
    assert few.attrs["notes"]["sigma"] == "the extremes of only 10 replicates; draw more"


def test_correlations_without_a_value_are_left_out_and_counted():
    boot = sleep().bootstrap(60, seed=1)
    values = boot.values.copy()
    values[:5, 1] = np.nan
    boot = replace(boot, values=values)
    note = boot.confint().attrs["notes"]["cor_Days.(Intercept)|Subject"]
    assert note == "from the 55 of 60 replicates in which it has a value"


def test_replicates_without_an_optimum_are_left_out_and_counted():
    boot = sleep().bootstrap(60, seed=1)
    values, without = boot.values.copy(), boot.without.copy()
    values[:2], without[:2] = np.nan, True
    less = replace(boot, values=values, without=without)
    assert less.failed == 2
    assert less.se["sigma"] == pytest.approx(np.std(boot.values[2:, 3], ddof=1))
    assert "In 2 of 60 replicates no optimum was found" in repr(less).replace("\n", " ")
    with pytest.raises(ModelError, match="at least two replicates"):
        replace(boot, without=np.ones(60, dtype=bool)).confint()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"parm": "sd"}, "Nothing is called 'sd'"),
        ({"level": 1.0}, "level is 1.0; give a number between 0 and 1"),
        ({"method": "bca"}, "method is 'bca'.*choose 'percentile', 'basic' or 'normal'"),
    ],
)
def test_intervals_that_do_not_exist(arguments, sentence):
    with pytest.raises(ModelError, match=sentence):
        wheat().bootstrap(5, seed=1).confint(**arguments)


@pytest.mark.parametrize("nsim", [0, -1, 1.5, True, "many"])
def test_numbers_of_replicates_that_are_none(nsim):
    with pytest.raises(ModelError, match="give a whole number of at least 1"):
        wheat().bootstrap(nsim)


def test_other_refusals():
    fit = wheat()
    for seed in (-1, "a", 1.5):
        with pytest.raises(ModelError, match="seed is"):
            fit.bootstrap(2, seed=seed)
    boot = fit.bootstrap(2, seed=1)
    for i in (2, -1, True, "a"):
        with pytest.raises(ModelError, match="There is no replicate"):
            boot.response(i)


def test_what_is_printed():
    boot = wheat().bootstrap(100, seed=1)
    text = repr(boot)
    assert text.startswith("Parametric bootstrap, REML, 100 replicates\nFormula: yield ~ 1 + (1 |")
    lines = text.splitlines()
    assert lines[3].split() == ["estimate", "bias", "se", "2.5", "%", "97.5", "%"]
    row = next(line for line in lines if line.startswith("sigma")).split()
    assert float(row[1]) == pytest.approx(boot.estimate["sigma"], abs=5e-4)
    assert float(row[3]) == pytest.approx(boot.se["sigma"], abs=5e-4)
    assert f"{boot.boundary} of 100 replicates are boundary fits: in {boot.boundary}" in text
    html = boot._repr_html_()
    assert "<table" in html
    assert "97.5 %" in html
    assert len(boot) == 100
    single = wheat().bootstrap(1, seed=1)
    assert "1 replicate\n" in repr(single)
    assert list(single.table) == ["estimate", "bias", "se"]


def test_a_group_name_that_is_markup_is_escaped():
    data = mw.load("wheat").rename(columns={"region": "<b>"})
    boot = mw.lmer("yield ~ 1 + (1 | `<b>`)", data).bootstrap(3, seed=1)
    assert "<b>" not in boot._repr_html_()


def test_more_replicates_than_memory_holds():
    fit = mw.lmer("yield ~ 1 + (1 | region)", mw.load("wheat"))
    with pytest.raises(mw.ModelError, match="10000000 are the most"):
        fit.bootstrap(10**12)


def test_a_statistic_that_fails_or_gives_nothing():
    fit = wheat()
    with pytest.raises(DataError, match=r"The statistic is \{\}; return a number"):
        fit.bootstrap(2, statistic=lambda f: {})
    said = "The statistic fails in the fit with ZeroDivisionError: division by zero; mend it"
    with pytest.raises(ModelError, match=said) as caught:
        fit.bootstrap(2, statistic=lambda f: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(ModelError, match="The statistic fails in replicate 0"):
        fit.bootstrap(2, seed=1, statistic=lambda f: 1.0 if f is fit else 1 / 0)


def test_what_is_missing_has_a_reason():
    fit = wheat()
    assert "Intervals need at least two replicates" in repr(fit.bootstrap(1, seed=1))
    none = fit.bootstrap(5, seed=1, statistic=lambda f: float("nan"))
    assert "statistic has no value in 5 of 5 replicates" in repr(none)
    assert "statistic has no value in 5 of 5 replicates" in none._repr_html_()


@pytest.mark.parametrize("method", ["basic", "normal"])
def test_impossible_limits_are_told(method):
    limits = wheat().bootstrap(199, seed=1).confint(level=0.999, method=method)
    low, high = limits.loc["sd_(Intercept)|region"]
    told = "the lower limit is below 0, impossible"
    assert low < 0.0 < high
    assert told in limits.notes["sd_(Intercept)|region"]
    assert told in repr(limits)
    assert repr(limits).startswith(f"99.9 % bootstrap {method} intervals (199 replicates)")
    assert "impossible" not in limits.notes.get("sigma", "")

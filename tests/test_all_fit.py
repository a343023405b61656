"""Searching again by other optimisers from other starts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.all_fit import OPTIMIZERS
from tests.test_verdict import awkward

SLEEP = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep():
    return mw.lmer(SLEEP, mw.load("sleepstudy"))


def test_all_agree(sleep):
    table = sleep.all_fit()
    names = [*sleep.theta.index]
    assert list(table.columns) == [
        *("optimizer", "start", "criterion", "difference"),
        *names,
        *("converged", "evaluations", "seconds"),
    ]
    assert len(table) == 18
    assert list(table["optimizer"].unique()) == list(OPTIMIZERS)
    assert list(table["start"]) == [1, 2, 3] * 6
    assert table["converged"].all()
    assert (table["evaluations"] > 1).all()
    assert (table["seconds"] > 0.0).all()
    assert table["difference"].between(0.0, 1e-7).all()
    np.testing.assert_allclose(table["criterion"], sleep.criterion, rtol=1e-10)
    exact = [0.966732951864803, 0.0151690542704847, 0.230909594760483]  # by 50-digit arithmetic
    np.testing.assert_allclose(table[names], [exact] * 18, atol=2e-5)
    assert table.attrs["sentence"] == (
        "All 18 searches (6 optimisers from 3 starts) led to the optimum of the fit, 1743.628272."
    )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"),
        ("strength ~ 1 + (1 | batch / cask)", "pastes"),
        ("Yield ~ 1 + (1 | Batch)", "dyestuff2"),
    ],
)
def test_other_models(formula, name, reml):
    fit = mw.lmer(formula, mw.load(name), REML=reml)
    table = fit.all_fit(starts=2)
    assert table["difference"].max() < 1e-6
    assert table.attrs["sentence"].startswith("All 12 searches (6 optimisers from 2 starts)")


def test_units_do_not_matter():
    data = mw.load("sleepstudy").assign(Days=lambda d: 1e6 * d["Days"] + 1e3)
    table = mw.lmer(SLEEP, data).all_fit()
    assert table["difference"].max() < 1e-6


def test_it_is_the_same_every_time(sleep):
    a, b = (sleep.all_fit(starts=4).drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(a, b)


def test_searches_that_end_elsewhere_are_named():
    fit = mw.lmer("y ~ x + (x | g)", awkward(), REML=True)
    table = fit.all_fit()
    assert table["difference"].max() > 0.05
    assert table.loc[table["optimizer"] == "newton", "difference"].max() < 1e-8
    apart = int((table["difference"] > 1e-5).sum())
    sentence = table.attrs["sentence"]
    assert sentence.startswith(f"{18 - apart} of 18 searches")
    assert f"none found a better one, and {apart} (by " in sentence
    assert "newton" not in sentence
    assert "\n" not in sentence


def test_a_better_optimum_is_told():
    """A fit that stopped early is found out, and its successor starts from what was found."""
    control = {"max_iterations": 1, "check_conv_grad": "ignore"}
    stopped = mw.lmer(SLEEP, mw.load("sleepstudy"), start=[9, 0, 9], control=control)
    table = stopped.all_fit(["BFGS", "newton"], starts=1)
    assert table.attrs["sentence"].startswith(
        "A better optimum exists: of 2 searches (2 optimisers from 1 start) the best, "
    )
    assert "below the fit; fit again with its theta as start." in table.attrs["sentence"]
    best = table.loc[table["criterion"].idxmin(), stopped.theta.index]
    again = mw.lmer(SLEEP, mw.load("sleepstudy"), start=best)
    assert again.criterion == pytest.approx(1743.62827195999, rel=1e-12)


def test_one_search(sleep):
    table = sleep.all_fit("BFGS", starts=1)
    assert list(table["optimizer"]) == ["BFGS"]
    assert table.attrs["sentence"] == (
        "1 search (1 optimiser from 1 start) led to the optimum of the fit, 1743.628272."
    )


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"optimizers": "bobyqa"}, "no optimiser 'bobyqa'; choose from newton, trust-exact"),
        ({"optimizers": ["BFGS", "nelder-mead"]}, "(did you mean 'Nelder-Mead'?)"),
        ({"optimizers": [3]}, "no optimiser 3"),
        ({"starts": 0}, "starts is 0; give a whole number from 1 to 1000"),
        ({"starts": 1.5}, "starts is 1.5"),
        ({"starts": True}, "starts is True"),
        ({"starts": "many"}, "starts is 'many'"),
    ],
)
def test_what_is_refused(sleep, arguments, fragment):
    with pytest.raises(mw.ModelError) as caught:
        sleep.all_fit(**arguments)
    assert fragment in str(caught.value)

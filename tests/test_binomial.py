"""Intervals for a binomial proportion, against R and against their own definitions."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import mixedwidgets as mw
from mixedwidgets.likelihood import BinomialModel, binomial_interval, binomial_intervals
from mixedwidgets.likelihood.intervals import METHODS

Z = norm.ppf(0.975)

# R 4.2: prop.test(correct = FALSE), binom.test, glm on the logit scale, and uniroot on dbinom for
# the likelihood ratio and mid-p, all at 95 %.
FROM_R = [
    (5, 30, "score", 0.0733654237184855, 0.33564350506416),
    (5, 30, "exact", 0.0564216964680715, 0.347211698834144),
    (5, 30, "likelihood-ratio", 0.0632348416951349, 0.324623286336997),
    (5, 30, "wald-logit", 0.0711193869745338, 0.343157310913508),
    (5, 30, "mid-p", 0.0637379800667125, 0.331472780088681),
    (50, 300, "score", 0.128765331203681, 0.212996649612683),
    (50, 300, "exact", 0.126305691888667, 0.21375567879992),
    (50, 300, "likelihood-ratio", 0.127415001984101, 0.211584988473915),
    (50, 300, "wald-logit", 0.128635872476029, 0.213190236796239),
    (1, 12, "score", 0.0148650944049171, 0.353879911141117),
    (1, 12, "exact", 0.00210759323186023, 0.384796165150944),
    (1, 12, "likelihood-ratio", 0.00495100398291425, 0.318544539410385),
    (0, 10, "score", 0.0, 0.277532799862889),
    (0, 10, "exact", 0.0, 0.308497107818761),
    (0, 10, "likelihood-ratio", 0.0, 0.17475332804983),
    (10, 10, "score", 0.722467200137111, 1.0),
    (10, 10, "exact", 0.691502892181239, 1.0),
    (10, 10, "likelihood-ratio", 0.82524667195017, 1.0),
    (3, 10**6, "score", 1.02027124096812e-06, 8.82114977431244e-06),
    (3, 10**6, "likelihood-ratio", 7.46065876963814e-07, 7.77926777642827e-06),
]


@pytest.mark.parametrize(("k", "n", "method", "lower", "upper"), FROM_R)
def test_against_r(k, n, method, lower, upper):
    assert tuple(binomial_interval(k, n, method=method)) == pytest.approx(
        (lower, upper), rel=5e-12, abs=0.0
    )


@pytest.mark.parametrize(
    ("k", "n", "half"), [(5, 30, 0.1360828), (50, 300, 0.0430331)], ids=["5/30", "50/300"]
)
def test_the_lectures_wald_interval(k, n, half):
    """theta -+ 2 sqrt(theta (1 - theta) / n)."""
    found = binomial_interval(k, n, z=2)
    assert found.lower == pytest.approx(1 / 6 - half, abs=5e-8)
    assert found.upper == pytest.approx(1 / 6 + half, abs=5e-8)
    assert found.level == pytest.approx(0.9545, abs=5e-5)
    model = BinomialModel(k, n)
    assert found.width == pytest.approx(4 * model.se(), rel=1e-14)
    assert binomial_interval(k, n).width == pytest.approx(2 * Z * model.se(), rel=1e-14)


CASES = [(1, 2), (3, 7), (5, 30), (50, 300), (999, 1000), (1, 10**9), (123456, 10**7)]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99, 1 - 1e-9])
@pytest.mark.parametrize(("k", "n"), CASES)
def test_limits_meet_their_definitions(k, n, level):
    z = -norm.ppf((1 - level) / 2)
    model, p = BinomialModel(k, n), k / n
    for limit in binomial_interval(k, n, level, "likelihood-ratio"):
        ratio = 2 * (model.loglik(p) - model.loglik(limit))
        rounding = 1e-15 * abs(model.score(limit)) + 1e-14 * n
        assert ratio == pytest.approx(z * z, rel=1e-9, abs=rounding)
    for limit in binomial_interval(k, n, level, "score"):
        assert abs(p - limit) == pytest.approx(z * math.sqrt(limit * (1 - limit) / n), rel=1e-6)


def tail(k: int, n: int, theta: float) -> Decimal:
    """P(X <= k) for few k, in 50 digits."""
    t = Decimal(theta)
    return sum(
        (math.comb(n, i) * t**i * (1 - t) ** (n - i) for i in range(k + 1)), start=Decimal(0)
    )


@pytest.mark.parametrize("n", [10, 1000, 10**6])
@pytest.mark.parametrize("k", [1, 3])
def test_exact_limits_in_fifty_digits(k, n):
    with localcontext() as context:
        context.prec = 50
        exact = binomial_interval(k, n, method="exact")
        assert float(tail(k, n, exact.upper)) == pytest.approx(0.025, rel=1e-9)
        assert float(1 - tail(k - 1, n, exact.lower)) == pytest.approx(0.025, rel=1e-9)
        mid = binomial_interval(k, n, method="mid-p")
        halves = [(tail(k, n, t) + tail(k - 1, n, t)) / 2 for t in mid]
        assert float(halves[1]) == pytest.approx(0.025, rel=1e-11)
        assert float(1 - halves[0]) == pytest.approx(0.025, rel=1e-11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("k", "n"), [(0, 10), (2, 10), (5, 30), (1, 1)])
def test_ones_and_zeros_change_places(method, k, n):
    lower, upper = binomial_interval(k, n, method=method)
    turned = binomial_interval(n - k, n, method=method)
    assert (1 - upper, 1 - lower) == pytest.approx(tuple(turned), rel=1e-12, abs=1e-15)
    assert lower <= k / n <= upper


@pytest.mark.parametrize("method", METHODS)
def test_a_tiny_proportion_keeps_its_digits(method):
    """None of a billion: the upper limit is z-something over n, not what 1 - (1 - x) leaves."""
    expected = {
        "wald": 0.0,
        "wald-logit": 1.0,
        "arcsine": Z**2 / 4e9,
        "likelihood-ratio": Z**2 / 2e9,
        "score": Z**2 / (1e9 + Z**2),
        "exact": -math.log(0.025) / 1e9,
        "mid-p": -math.log(0.05) / 1e9,
    }
    if method in expected:
        found = binomial_interval(0, 10**9, method=method).upper
        assert found == pytest.approx(expected[method], rel=1e-8)


def test_wald_at_the_edge_says_why_it_fails():
    for k in (0, 10):
        found = binomial_interval(k, 10)
        assert (found.lower, found.upper, found.width) == (k / 10, k / 10, 0.0)
        assert "no width" in found.note
        assert "slope that is not zero" in found.note
        assert "'exact'" in repr(found)
    logit = binomial_interval(0, 10, method="wald-logit")
    assert (logit.lower, logit.upper) == (0.0, 1.0)
    assert "infinite" in logit.note
    assert "edge" in binomial_interval(10, 10, method="exact").note


def test_limits_outside_the_range_are_shown_and_said():
    found = binomial_interval(2, 10)
    assert found.lower < 0.0
    assert "below 0, which no proportion can be" in found.note
    assert "above 1" in binomial_interval(8, 10).note
    both = binomial_interval(1, 2, 0.999).note
    assert "below 0 and the upper limit is above 1" in both
    assert binomial_interval(5, 30).note == ""


def test_other_names():
    assert binomial_interval(5, 30, method="Wilson") == binomial_interval(5, 30, method="score")
    assert binomial_interval(5, 30, method="clopper_pearson").method == "exact"


def test_all_methods_side_by_side():
    table = binomial_intervals(0, 10)
    assert [i.method for i in table.intervals] == list(METHODS)
    assert table["wilson"].upper == pytest.approx(0.277532799862889)
    text = repr(table)
    assert text.startswith("95 % intervals for 0 of 10, estimate 0")
    assert "\nscore" in text
    assert (
        text.count("the edge of what is possible") == 1
    )  # said once for all methods it is true of
    assert table._repr_html_().count("<tr") == len(METHODS) + 1
    frame = pd.DataFrame(table.to_dict())
    assert list(frame.columns) == ["method", "lower", "upper", "width", "note"]
    assert frame["width"].iloc[0] == 0.0


def test_exact_covers_at_least_and_wald_too_rarely():
    n, theta = 20, np.array([0.05, 0.1, 0.3])
    likelihood = np.array([BinomialModel(k, n).likelihood(theta) for k in range(n + 1)])
    coverage = {}
    for method in ("wald", "exact", "score"):
        limits = np.array([tuple(binomial_interval(k, n, method=method)) for k in range(n + 1)])
        inside = (limits[:, :1] <= theta) & (theta <= limits[:, 1:])
        coverage[method] = (inside * likelihood).sum(axis=0)
    assert (coverage["exact"] >= 0.95).all()
    assert coverage["wald"][0] < 0.65
    assert abs(coverage["score"] - 0.95).max() < 0.04


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"k": 31, "n": 30}, "between 0 and 30, not 31"),
        ({"k": -1, "n": 30}, "not -1"),
        ({"k": 1.5, "n": 30}, "whole number, not 1.5"),
        ({"k": "5", "n": 30}, "whole number, not '5'"),
        ({"k": 0, "n": 0}, "at least 1"),
        ({"k": 5, "n": 30, "level": 95}, "such as 0.95 for 95 %, not 95"),
        ({"k": 5, "n": 30, "level": 1.0}, "between 0 and 1"),
        ({"k": 5, "n": 30, "level": "high"}, "not 'high'"),
        ({"k": 5, "n": 30, "z": -2}, "above 0, not -2"),
        ({"k": 5, "n": 30, "method": "scores"}, "did you mean 'score'?"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, sentence):
    with pytest.raises((mw.DataError, mw.ModelError), match=r"\.$") as caught:
        binomial_interval(**arguments)
    assert sentence in str(caught.value)

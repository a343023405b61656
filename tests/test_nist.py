"""NIST's one-way analyses of variance, exactly: rational arithmetic on the binary numbers.

The data are NIST's Statistical Reference Datasets (public domain): SiRstv as published, and the
Simon-Lesage sets SmLs01 to SmLs09, which follow a published pattern: nine treatments of 21, 201 or
2001 observations around 1.4, 1.3 or 1.5, with 0, 1e6 or 1e12 leading digits in front. In balanced
one-way data the REML and ML estimates are closed expressions in the two mean squares, so they are
computed here with fractions from the numbers that the computer really holds: 1000000000000.4 is
1000000000000.4000244140625 in binary, and an analysis can be right only for that.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.likelihood import oneway

HERE = Path(__file__).parent / "nist"
SMALL_LEVELS = ("1.4", "1.3", "1.5")
PER_GROUP = (21, 201, 2001)
CERTIFIED_F = {
    "SiRstv": 1.18046237440255,
    "SmLs01": 21.0,
    "SmLs02": 201.0,
    "SmLs03": 2001.0,
    "SmLs04": 21.0,
    "SmLs05": 201.0,
    "SmLs06": 2001.0,
    "SmLs07": 21.0,
    "SmLs08": 201.0,
    "SmLs09": 2001.0,
}
NAMES = tuple(CERTIFIED_F)


def simon_lesage(number: int) -> pd.DataFrame:
    """The published pattern: a treatment's level, then a tenth below and above it in turn."""
    size, lead = PER_GROUP[(number - 1) % 3], (None, 10**6, 10**12)[(number - 1) // 3]
    text, groups = [], []
    for treatment in range(9):
        tenths = 14 if treatment == 0 else (13, 15)[(treatment + 1) % 2]
        values = [tenths, *[tenths - 1, tenths + 1] * ((size - 1) // 2)]
        for value in values:
            whole, tenth = divmod(value, 10)
            text.append(f"{whole if lead is None else lead + whole - 1}.{tenth}")
            groups.append(treatment + 1)
    return pd.DataFrame({"group": groups, "y": [float(t) for t in text], "text": text})


@cache
def data(name: str) -> pd.DataFrame:
    if name == "SiRstv":
        frame = pd.read_csv(HERE / "SiRstv.csv", comment="#", dtype={"y": str})
        return frame.assign(text=frame.y, y=frame.y.astype(float))
    return simon_lesage(int(name[-1]))


@dataclass(frozen=True)
class Exact:
    """Everything that follows from the mean squares, as exact fractions until the last step."""

    mean: Fraction
    between: Fraction
    within: Fraction
    m: int
    size: int

    @property
    def F(self) -> float:
        return float(self.between / self.within)

    def components(self, reml: bool) -> tuple[Fraction, Fraction]:
        """sigma^2 and tau^2."""
        m, size = self.m, self.size
        N = m * size
        scaled = self.between if reml else self.between * (m - 1) / m
        if scaled > self.within:
            return self.within, (scaled - self.within) / size
        total = (m - 1) * self.between + (N - m) * self.within
        return total / (N - 1 if reml else N), Fraction(0)

    def expected(self, reml: bool) -> dict[str, float]:
        sigma2, tau2 = self.components(reml)
        N, m = self.m * self.size, self.m
        level = sigma2 + self.size * tau2
        log_within, log_level = math.log(sigma2), math.log(level)
        if reml:
            criterion = (N - m) * log_within + (m - 1) * log_level + math.log(N)
            criterion += (N - 1) * (1.0 + math.log(2.0 * math.pi))
        else:
            criterion = (N - m) * log_within + m * log_level
            criterion += N * (1.0 + math.log(2.0 * math.pi))
        return {
            "theta": math.sqrt(tau2 / sigma2),
            "sigma2": float(sigma2),
            "tau2": float(tau2),
            "mu": float(self.mean),
            "se_mu": math.sqrt(level / N),
            "minus2loglik": criterion,
        }


def analyse(groups, values: list[Fraction]) -> Exact:
    by_group: dict[int, list[Fraction]] = {}
    for g, v in zip(groups, values, strict=True):
        by_group.setdefault(g, []).append(v)
    m, (size,) = len(by_group), {len(v) for v in by_group.values()}
    means = {g: sum(v, Fraction(0)) / size for g, v in by_group.items()}
    grand = sum(means.values(), Fraction(0)) / m
    ssb = size * sum((mean - grand) ** 2 for mean in means.values())
    ssw = sum((v - means[g]) ** 2 for g, vs in by_group.items() for v in vs)
    return Exact(grand, ssb / (m - 1), ssw / (m * size - m), m, size)


@cache
def exact(name: str) -> Exact:
    frame = data(name)
    return analyse(frame["group"], [Fraction(v) for v in frame["y"]])


def ours(name: str, reml: bool) -> dict[str, float]:
    fit = mw.lmer("y ~ 1 + (1 | group)", data(name), REML=reml)
    return {
        "theta": fit.theta.iloc[0],
        "sigma2": fit.sigma**2,
        "tau2": fit.varcorr()["vcov"].iloc[0],
        "mu": fit.fixef.iloc[0],
        "se_mu": fit.se.iloc[0],
        "minus2loglik": fit.criterion,
    }


def digits(found: float, expected: float) -> float:
    """Significant digits in agreement: NIST's log relative error."""
    if found == expected:
        return 16.0
    return (
        -math.log10(abs(found - expected) / abs(expected)) if expected else -math.log10(abs(found))
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_decimals_give_the_certified_F(name):
    """That the data and the fractions are right: NIST certifies F to 15 digits."""
    frame = data(name)
    decimal = analyse(frame["group"], [Fraction(t) for t in frame["text"]])
    assert float(decimal.F) == pytest.approx(CERTIFIED_F[name], rel=1e-14)


# What double precision allows. Estimates are roots of an equation whose value is known to a few
# units of 1e-16 of its terms, so with no leading digits 13 or more digits come out everywhere. A
# leading 1e6 or 1e12 costs nothing beyond what it took from the data when they were rounded to
# binary, because differences from the mean are exact: the comparison is with those rounded data.
# theta and tau^2 are differences of mean squares: where F is near 1 (SiRstv) they lose a digit.
LEAST = {"theta": 13.5, "sigma2": 14.0, "tau2": 13.0, "mu": 15.0, "se_mu": 13.5}


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("name", NAMES)
def test_estimates_to_the_digits_that_double_precision_allows(name, reml):
    found, expected = ours(name, reml), exact(name).expected(reml)
    lost = {
        key: digits(found[key], expected[key])
        for key, least in LEAST.items()
        if digits(found[key], expected[key]) < least
    }
    assert not lost, (lost, found, expected)
    # the criterion is a sum of terms of both signs: judge its error by their size
    assert found["minus2loglik"] == pytest.approx(
        expected["minus2loglik"], rel=1e-13, abs=1e-13 * len(data(name))
    )


@pytest.mark.parametrize("name", NAMES)
def test_oneway_to_the_digits_that_double_precision_allows(name):
    frame, right = data(name), exact(name)
    found = oneway(frame["y"], frame["group"])
    table = found.anova
    N, m = right.m * right.size, right.m
    pairs = {
        "ss_between": (table.ss_between, float(right.between * (m - 1))),
        "ss_within": (table.ss_within, float(right.within * (N - m))),
        "msg": (table.msg, float(right.between)),
        "mse": (table.mse, float(right.within)),
        "F": (table.F, right.F),
        "tau2": (table.tau2, float((right.between - right.within) / right.size)),
    }
    lost = {k: v for k, v in pairs.items() if digits(*v) < (13.0 if k == "tau2" else 14.0)}
    assert not lost, lost
    assert (table.df_between, table.df_within) == (m - 1, N - m)
    # of balanced data with F above 1 the method of moments gives what REML gives
    for estimates in found.estimates:
        expected = right.expected(reml=estimates.method != "ML")
        theta = math.sqrt(estimates.tau2 / estimates.sigma2)
        values = {"theta": theta, **{k: getattr(estimates, k) for k in LEAST if k != "theta"}}
        lost = {k: v for k, v in values.items() if digits(v, expected[k]) < LEAST[k]}
        assert not lost, (estimates.method, lost, expected)
        is_ml = estimates.method == "ML"
        criterion = -2.0 * estimates.loglik if is_ml else estimates.reml_criterion
        assert criterion == pytest.approx(
            expected["minus2loglik"], rel=1e-13, abs=1e-13 * len(frame)
        )


def test_boundary_of_SiRstv():
    """By REML the variance between instruments is positive, by ML exactly zero."""
    assert ours("SiRstv", True)["tau2"] > 0.0
    assert ours("SiRstv", False)["tau2"] == 0.0
    assert exact("SiRstv").components(False)[1] == 0
    fit = mw.lmer("y ~ 1 + (1 | group)", data("SiRstv"), REML=False)
    assert fit.verdict.kind == "boundary fit"


@pytest.mark.parametrize("name", ["SiRstv", "SmLs01", "SmLs04", "SmLs07"])
@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
def test_conditional_modes(name, reml):
    """tau^2 / (tau^2 + sigma^2 / n) times each group's deviation, by fractions."""
    frame, result = data(name), exact(name)
    sigma2, tau2 = result.components(reml)
    shrink = tau2 / (tau2 + sigma2 / result.size)
    expected = []
    for _, part in frame.groupby("group"):
        deviation = sum((Fraction(v) for v in part["y"]), Fraction(0)) / result.size - result.mean
        expected.append(float(shrink * deviation))
    modes = mw.lmer("y ~ 1 + (1 | group)", frame, REML=reml).ranef()["group"]["(Intercept)"]
    scale = max(map(abs, expected))
    np.testing.assert_allclose(modes, expected, rtol=0.0, atol=2e-13 * scale)


@pytest.mark.reference
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", NAMES[:7])
def test_the_fractions_agree_with_the_reference(reference, name, method):
    """Two independent exact computations of the same numbers, and the same data."""
    path = reference / "nist" / "nist_anova_reference.json"
    theirs = json.loads(path.read_text())[name]["exact_of_binary64"][method]
    for key, value in exact(name).expected(method == "REML").items():
        assert value == pytest.approx(float(theirs[key]), rel=1e-14, abs=0.0), key
    stored = pd.read_csv(reference / "nist" / f"{name}.csv")
    assert stored["y"].tolist() == data(name)["y"].tolist()
    assert stored["group"].tolist() == data(name)["group"].tolist()

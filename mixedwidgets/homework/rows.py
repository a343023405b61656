"""One draw of a student's data, as plain lists, and what can be said of it without a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from mixedwidgets.homework.chance import Chance
from mixedwidgets.homework.scenario import Scenario

Size = tuple[int, int]


@dataclass(frozen=True)
class Rows:
    """Observations, those of a group together.

    Attributes
    ----------
    group : list of str, length n
    predictor, response : list of float, length n
        Rounded as the scenario says.
    outcome : list of int, length n
        0 or 1.
    sizes : list of int, length m
        How many observations each group has, in their order.
    """

    group: list[str]
    predictor: list[float]
    response: list[float]
    outcome: list[int]
    sizes: list[int]


def draw(
    scenario: Scenario, chance: Chance, truth: Mapping[str, float], groups: int, size: Size
) -> Rows:
    """Draw data: ``y_ij = mu + a_j + (slope + b_j) x_ij + e_ij``.

    The outcome is 1 where a normal number, correlated with e_ij, is below the quantile of its
    probability; so it is independent from row to row.

    Parameters
    ----------
    scenario : Scenario
    chance : Chance
    truth : dict
        True values; see ``scenario.Truths``.
    groups : int
    size : (int, int)
        Smallest and largest number of observations of a group.
    """
    names = sorted(chance.shuffled(scenario.names)[:groups])
    rows = Rows([], [], [], [], [chance.integer(*size) for _ in names])
    cor, pull = truth["cor"], scenario.outcome_pull
    rest, left = math.sqrt(1.0 - cor**2), math.sqrt(1.0 - pull**2)
    threshold = NormalDist().inv_cdf(truth["probability"])
    low, high = scenario.predictor_limits
    for name, many in zip(names, rows.sizes, strict=True):
        z = chance.normal()
        level = truth["mu"] + truth["tau"] * z
        slope = truth["slope"] + truth["tau_slope"] * (cor * z + rest * chance.normal())
        for _ in range(many):
            x = min(max(chance.normal(0.0, scenario.predictor_sd), low), high)
            x = round(x, scenario.predictor_decimals) + 0.0  # no -0.0
            e = chance.normal()
            y = round(level + slope * x + truth["sigma"] * e, scenario.decimals) + 0.0
            rows.group.append(name)
            rows.predictor.append(x)
            rows.response.append(y)
            rows.outcome.append(int(left * chance.normal() - pull * e < threshold))
    return rows


def to_csv(scenario: Scenario, rows: Rows) -> str:
    """Write rows as CSV, a header first."""
    lines = [f"{scenario.group},{scenario.predictor},{scenario.response},{scenario.outcome}\n"]
    columns = zip(rows.group, rows.predictor, rows.response, rows.outcome, strict=True)
    lines += [f"{g},{x!r},{y!r},{k}\n" for g, x, y, k in columns]
    return "".join(lines)


@dataclass(frozen=True)
class Spread:
    """How far groups differ, by the method of moments.

    Attributes
    ----------
    between, within : float
        Mean squares MSG and MSE of the response.
    slopes : float
        Variance of the groups' least-squares slopes over what their error alone would make it.
    """

    between: float
    within: float
    slopes: float


def spread(rows: Rows) -> Spread:
    """Compare how far groups differ with what chance alone would make of it.

    Parameters
    ----------
    rows : Rows
    """
    n, m = len(rows.response), len(rows.sizes)
    centre = sum(rows.response) / n
    between = within = error = degrees = 0.0
    slopes = []
    start = 0
    for size in rows.sizes:
        y = rows.response[start : start + size]
        x = rows.predictor[start : start + size]
        start += size
        my, mx = sum(y) / size, sum(x) / size
        sxx = sum((a - mx) ** 2 for a in x)
        syy = sum((b - my) ** 2 for b in y)
        sxy = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
        between += size * (my - centre) ** 2
        within += syy
        if sxx > 0.0:
            slopes.append((sxy / sxx, sxx))
            error += syy - sxy**2 / sxx
            degrees += size - 2
    weight = sum(w for _, w in slopes)
    mean = sum(b * w for b, w in slopes) / weight
    heterogeneity = sum(w * (b - mean) ** 2 for b, w in slopes) / (len(slopes) - 1)
    return Spread(between / (m - 1), within / (n - m), heterogeneity / (error / degrees))

"""What the one-way model says at a point, in words with numbers."""

from __future__ import annotations

from mixedwidgets.likelihood.tables import OneWayData, OneWayPoint
from mixedwidgets.plots.numbers import number, significant


def describe(table: OneWayData) -> str:
    """Say in numbers what the picture shows, wherever it is moved.

    Parameters
    ----------
    table : OneWayData
        The table that is drawn.
    """
    sizes = number(float(table.size.min()), 1.0)
    most = number(float(table.size.max()), 1.0)
    sizes = sizes if sizes == most else f"{sizes} to {most}"
    ml, moments = (_parameters(*p) for p in (table.best, table.moments))
    return (
        f"One-way normal model of {len(table.y)} observations in {len(table.labels)} groups of "
        f"{sizes}, whose means go from {significant(float(table.mean.min()))} to "
        f"{significant(float(table.mean.max()))}. Largest log-likelihood {_log(table.top)} at "
        f"{ml}; method of moments: {moments}."
    )


def say(table: OneWayData, point: OneWayPoint) -> str:
    """Say what the model says at a point.

    Parameters
    ----------
    table : OneWayData
        The table that is drawn.
    point : OneWayPoint
        The point.
    """
    below = table.top - point.loglik
    place = (
        "the maximum"
        if below < 1e-7 * (1.0 + abs(table.top))
        else f"{significant(below, 3)} below the maximum {_log(table.top)}"
    )
    low, high = (f"{w:.2f}" for w in (point.weight.min(), point.weight.max()))
    weight = low if low == high else f"{low} to {high}"
    return (
        f"{_parameters(point.mu, point.sigma, point.tau)} (σ² = {significant(point.sigma**2)}, "
        f"τ² = {significant(point.tau**2)}): log-likelihood {_log(point.loglik)}, {place}. "
        f"A group's own mean counts {weight}, μ the rest."
    )


def say_group(table: OneWayData, point: OneWayPoint, index: int) -> str:
    """Say what the model says of one group.

    Parameters
    ----------
    table, point
        As for :func:`say`.
    index : int
        Place of the group in ``table.labels``.
    """
    change = point.contributions[index] - table.top_contributions[index]
    return (
        f"Group {table.labels[index]}: {table.size[index]} observations, mean "
        f"{significant(float(table.mean[index]))}, drawn to "
        f"{significant(float(point.shrunken[index]))}; contributes "
        f"{number(float(point.contributions[index]), 1e-3)} to the log-likelihood, "
        f"{number(abs(float(change)), 1e-3)} {'less' if change < 0 else 'more'} than at the "
        "maximum."
    )


def _parameters(mu: float, sigma: float, tau: float) -> str:
    step = sigma / 2000
    return f"μ = {number(mu, step)}, σ = {number(sigma, step)}, τ = {number(tau, step)}"


def _log(value: float) -> str:
    return number(value, 1e-4 if abs(value) < 1e4 else 1e-2)

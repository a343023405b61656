"""Intervals for a binomial proportion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betainccinv, betaincinv, expit, logit, ndtr, ndtri

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.likelihood.inputs import confidence, counts
from mixedwidgets.likelihood.layout import html_frame, html_table, number, text_table

Limits = tuple[float, float]


@dataclass(frozen=True, repr=False)
class BinomialInterval:
    """An interval for the probability of a one, from k ones among n observations.

    Attributes
    ----------
    method : str
    k, n : int
    level : float
        Confidence level that the method aims at.
    estimate : float
        ``k / n``.
    lower, upper : float
        Limits as the method gives them, which for Wald and Agresti-Coull may lie outside 0 to 1.
    note : str
        What has to be said about it, else empty.
    """

    method: str
    k: int
    n: int
    level: float
    estimate: float
    lower: float
    upper: float
    note: str

    @property
    def width(self) -> float:
        """Upper minus lower limit."""
        return self.upper - self.lower

    def __iter__(self) -> Any:
        """Lower and upper limit, so that ``lower, upper = interval``."""
        return iter((self.lower, self.upper))

    @property
    def _title(self) -> str:
        return (
            f"{100 * self.level:.4g} % interval ({self.method}) for {self.k} of {self.n}: "
            f"{number(self.lower)} to {number(self.upper)}, estimate {number(self.estimate)}"
        )

    def __repr__(self) -> str:
        return f"{self._title}\n{self.note}" if self.note else self._title

    def _repr_html_(self) -> str:
        return html_frame(self._title, [], [self.note] if self.note else [])


@dataclass(frozen=True, repr=False)
class BinomialIntervals:
    """Intervals by every method side by side.

    Attributes
    ----------
    intervals : tuple of BinomialInterval
    """

    intervals: tuple[BinomialInterval, ...]

    _HEAD = ("method", "lower", "upper", "width")

    def __getitem__(self, method: str) -> BinomialInterval:
        """Return the interval by one method."""
        return self.intervals[list(METHODS).index(_known(method))]

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns by name, as ``pandas.DataFrame`` takes them."""
        names = ("method", "lower", "upper", "width", "note")
        return {name: [getattr(i, name) for i in self.intervals] for name in names}

    @property
    def _title(self) -> str:
        one = self.intervals[0]
        return (
            f"{100 * one.level:.4g} % intervals for {one.k} of {one.n}, "
            f"estimate {number(one.estimate)}"
        )

    def _rows(self) -> list[list[str]]:
        return [
            [i.method, number(i.lower), number(i.upper), number(i.width)] for i in self.intervals
        ]

    def _notes(self) -> list[str]:
        methods: dict[str, list[str]] = {}
        for one in self.intervals:
            methods.setdefault(one.note, []).append(one.method)
        return [f"{', '.join(names)}: {note}" for note, names in methods.items() if note]

    def __repr__(self) -> str:
        parts = [self._title, text_table(self._HEAD, self._rows())]
        return "\n\n".join(parts + (["\n".join(self._notes())] if self._notes() else []))

    def _repr_html_(self) -> str:
        return html_frame(self._title, [html_table("", self._HEAD, self._rows())], self._notes())


def _wald(k: int, n: int, z: float) -> Limits:
    p = k / n
    half = z * math.sqrt(p * (1.0 - p) / n)
    return p - half, p + half


def _wald_logit(k: int, n: int, z: float) -> Limits:
    if k in (0, n):
        return 0.0, 1.0
    centre, half = float(logit(k / n)), z * math.sqrt(n / (k * (n - k)))
    return float(expit(centre - half)), float(expit(centre + half))


def _arcsine(k: int, n: int, z: float) -> Limits:
    centre, half = math.asin(math.sqrt(k / n)), 0.5 * z / math.sqrt(n)
    low, high = max(centre - half, 0.0), min(centre + half, 0.5 * math.pi)
    return math.sin(low) ** 2, math.sin(high) ** 2


def _agresti_coull(k: int, n: int, z: float) -> Limits:
    trials = n + z * z
    p = (k + 0.5 * z * z) / trials
    half = z * math.sqrt(p * (1.0 - p) / trials)
    return p - half, p + half


def _score(k: int, n: int, z: float) -> Limits:
    top = k + 0.5 * z * z + z * math.sqrt(k * (n - k) / n + 0.25 * z * z)
    upper = top / (n + z * z) if k < n else 1.0
    return (k * k / n) / top, upper  # the smaller root by the product of both: no cancellation


def _likelihood_ratio(k: int, n: int, z: float) -> Limits:
    p, drop = k / n, 0.5 * z * z
    if k == 0:
        return 0.0, -math.expm1(-drop / n)
    if k == n:
        return math.exp(-drop / n), 1.0
    peak = k * math.log(p) + (n - k) * math.log1p(-p)

    def excess(theta: float) -> float:
        return peak - k * math.log(theta) - (n - k) * math.log1p(-theta) - drop

    # from here on one of the two terms alone drops far enough
    low = p * math.exp(-(drop - (n - k) * math.log1p(-p)) / k)
    high = 1.0 - (1.0 - p) * math.exp(-(drop - k * math.log(p)) / (n - k))
    return _root(excess, low, p), _root(excess, p, min(high, 1.0 - 1e-16))


def _exact(k: int, n: int, z: float) -> Limits:
    tail = ndtr(-z)
    lower = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    upper = float(betainccinv(k + 1, n - k, tail)) if k < n else 1.0
    return lower, upper


def _mid_p(k: int, n: int, z: float) -> Limits:
    tail = float(ndtr(-z))
    if k == 0:  # half of (1 - theta)^n is the tail
        return 0.0, -math.expm1(math.log(2.0 * tail) / n)
    if k == n:
        return math.exp(math.log(2.0 * tail) / n), 1.0

    def above(theta: float) -> float:
        return 0.5 * float(betainc(k, n - k + 1, theta) + betainc(k + 1, n - k, theta)) - tail

    def below(theta: float) -> float:
        return 0.5 * float(betaincc(k, n - k + 1, theta) + betaincc(k + 1, n - k, theta)) - tail

    low, high = _exact(k, n, z)  # wider
    return _root(above, low, high), _root(below, low, high)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find a root to the last digit; where an end of the bracket is one, rounding has the say."""
    at_low, at_high = function(low), function(high)
    if at_low * at_high >= 0.0:
        return low if abs(at_low) < abs(at_high) else high
    tightest = 4.0 * np.finfo(np.float64).eps
    return float(brentq(function, low, high, xtol=1e-300, rtol=tightest, maxiter=2000))


METHODS: dict[str, Callable[[int, int, float], Limits]] = {
    "wald": _wald,
    "wald-logit": _wald_logit,
    "arcsine": _arcsine,
    "likelihood-ratio": _likelihood_ratio,
    "score": _score,
    "agresti-coull": _agresti_coull,
    "exact": _exact,
    "mid-p": _mid_p,
}

_OTHER_NAMES = {"wilson": "score", "clopper-pearson": "exact", "lr": "likelihood-ratio"}


def binomial_interval(
    k: int, n: int, level: float = 0.95, method: str = "wald", z: float | None = None
) -> BinomialInterval:
    """Confidence interval for a binomial proportion.

    Parameters
    ----------
    k : int
        Number of ones, from 0 to n.
    n : int
        Number of observations.
    level : float, default 0.95
        Confidence level, between 0 and 1.
    method : str, default "wald"
        With p = k / n and z the normal quantile of ``(1 + level) / 2``:

        - ``"wald"``: ``p -+ z sqrt(p (1 - p) / n)``, from the curvature of the log-likelihood;
        - ``"wald-logit"``: Wald for the log odds, standard error ``1 / sqrt(n p (1 - p))``;
        - ``"arcsine"``: Wald for ``arcsin(sqrt(theta))``, standard error ``1 / (2 sqrt(n))``;
        - ``"likelihood-ratio"``: all theta with ``2 (loglik(p) - loglik(theta)) <= z^2``;
        - ``"score"`` (Wilson 1927): all theta with
          ``|p - theta| <= z sqrt(theta (1 - theta) / n)``;
        - ``"agresti-coull"`` (1998): Wald after adding ``z^2 / 2`` ones and as many zeros;
        - ``"exact"`` (Clopper and Pearson 1934): theta that neither tail of the binomial refuses;
          covers at least as often as it says, mostly more;
        - ``"mid-p"``: the same with half the probability of k itself.

        All are compared in Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.
    z : float, optional
        Half-width in standard errors instead of a level: ``z=2`` is the lecture's 95 % interval.

    Returns
    -------
    BinomialInterval

    Raises
    ------
    DataError
        k or n that are not such numbers.
    ModelError
        A level outside 0 to 1, z not above 0, an unknown method.

    Examples
    --------
    >>> binomial_interval(5, 30, z=2)
    95.45 % interval (wald) for 5 of 30: 0.030584 to 0.30275, estimate 0.16667
    """
    k, n = counts(k, n)
    name = _known(method)
    level, z = _level_and_quantile(level, z)
    lower, upper = METHODS[name](k, n, z)
    return BinomialInterval(name, k, n, level, k / n, lower, upper, _note(name, k, n, lower, upper))


def binomial_intervals(
    k: int, n: int, level: float = 0.95, z: float | None = None
) -> BinomialIntervals:
    """Confidence intervals for a binomial proportion by every method, side by side.

    Parameters
    ----------
    k, n, level, z
        As in `binomial_interval`.

    Returns
    -------
    BinomialIntervals
    """
    return BinomialIntervals(tuple(binomial_interval(k, n, level, m, z) for m in METHODS))


def _known(method: str) -> str:
    name = str(method).lower().replace("_", "-")
    name = _OTHER_NAMES.get(name, name)
    if name not in METHODS:
        raise ModelError(
            f"method {brief(method)} is not known{nearest(name, METHODS)}; "
            f"there are {listed(list(METHODS))}."
        )
    return name


def _level_and_quantile(level: float, z: float | None) -> tuple[float, float]:
    if z is None:
        level = confidence(level)
        return level, -float(ndtri(0.5 * (1.0 - level)))
    if not isinstance(z, (int, float, np.number)) or not 0.0 < z < math.inf:
        raise ModelError(f"z is a number of standard errors and must be above 0, not {brief(z)}.")
    return 1.0 - 2.0 * float(ndtr(-z)), float(z)


_EDGE = {
    "wald": (
        "the estimated standard error is sqrt({p} (1 - {p}) / {n}) = 0, so the interval has no "
        "width: the log-likelihood has its peak at the edge, with a slope that is not zero, and "
        "Wald's normal curve does not fit there; use 'score', 'likelihood-ratio' or 'exact'"
    ),
    "wald-logit": (
        "the log odds of the estimate and their standard error are infinite, so the interval is "
        "all of 0 to 1; use 'score', 'likelihood-ratio' or 'exact'"
    ),
}


def _note(method: str, k: int, n: int, lower: float, upper: float) -> str:
    if k in (0, n) and method in _EDGE:
        return f"With {k} of {n} {_EDGE[method].format(p=k // n, n=n)}."
    crossed = ["lower limit is below 0" * (lower < 0.0), "upper limit is above 1" * (upper > 1.0)]
    if any(crossed):
        which = " and the ".join(text for text in crossed if text)
        return f"The {which}, which no proportion can be: the method does not know the range."
    if k in (0, n) and method != "agresti-coull":
        side = "lower" if k == 0 else "upper"
        return f"With {k} of {n} the {side} limit is {k // n}, the edge of what is possible."
    return ""

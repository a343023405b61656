"""What the pictures of likelihood theory show: plain arrays and names, computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BinomialConstruction:
    """An interval for a probability by one method, and the curve that the method cuts.

    Attributes
    ----------
    key, label : str
        Name of the method in the program and on the screen.
    lower, upper : float
        Limits, for Wald's possibly outside 0 to 1.
    note : str
        What has to be said about it, else empty.
    height : (q,) array
        The curve at the table's ``theta``, as a log-likelihood less its maximum, NaN where the
        method has none; empty for a method that cuts tail probabilities.
    tails : (2, q) array
        Probabilities of as many ones or more, and of as many or fewer; empty for other methods.
    cut : float
        Where the curve, or both tails, are cut.
    """

    key: str
    label: str
    lower: float
    upper: float
    note: str
    height: Floats
    tails: Floats
    cut: float

    def __repr__(self) -> str:
        return f"BinomialConstruction({self.key}: {self.lower:.4g} to {self.upper:.4g})"


@dataclass(frozen=True, eq=False, repr=False)
class BinomialCurve:
    """The likelihood of k ones among n observations over all probabilities of a one.

    Attributes
    ----------
    k, n : int
    level : float
        Confidence level of the intervals.
    mle, peak, se, information : float
        Estimate, log-likelihood there, standard error and observed information (infinite where
        the estimate is 0 or 1).
    theta : (q,) array
        From 0 to 1, closer together around the estimate.
    height : (q,) array
        Log-likelihood less its maximum, minus infinity where the data are impossible.
    parabola : (q,) array
        The quadratic with the same maximum and curvature; NaN where the estimate is 0 or 1.
    methods : tuple of BinomialConstruction
    """

    k: int
    n: int
    level: float
    mle: float
    peak: float
    se: float
    information: float
    theta: Floats
    height: Floats
    parabola: Floats
    methods: tuple[BinomialConstruction, ...]

    def by(self, key: str) -> BinomialConstruction:
        """Return the interval by one method."""
        return next(method for method in self.methods if method.key == key)

    def __repr__(self) -> str:
        return f"BinomialCurve({self.k} of {self.n}, {len(self.theta)} points)"


@dataclass(frozen=True, eq=False, repr=False)
class BinomialPoint:
    """The log-likelihood at one probability.

    Attributes
    ----------
    theta, loglik : float
    height : float
        Log-likelihood less its maximum.
    score, information : float
        Its slope, and minus its second derivative, at this probability.
    """

    theta: float
    loglik: float
    height: float
    score: float
    information: float

    def __repr__(self) -> str:
        return f"BinomialPoint(theta={self.theta:.4g}, loglik={self.loglik:.5g})"


@dataclass(frozen=True, eq=False, repr=False)
class OneWayData:
    """Observations in groups, and where the one-way model may be moved to.

    Attributes
    ----------
    labels : tuple of str, length m
    size : (m,) array of int
    mean : (m,) array
    y : (n,) array
        Observations.
    group : (n,) array of int
        The group of each, a place in ``labels``.
    best, moments : tuple of three float
        mu, sigma and tau by maximum likelihood and by the method of moments.
    top : float
        The largest log-likelihood.
    top_contributions : (m,) array
        Log-likelihood of each group there.
    sigma, tau : (s,), (t,) arrays
        Grid of the surface.
    drop : (t, s) array
        Twice the log-likelihood below its maximum, mu at its best for each pair.
    ranges : tuple of three pairs of float
        Least and largest mu, sigma and tau of the sliders.
    """

    labels: tuple[str, ...]
    size: NDArray[np.int64]
    mean: Floats
    y: Floats
    group: NDArray[np.int64]
    best: tuple[float, float, float]
    moments: tuple[float, float, float]
    top: float
    top_contributions: Floats
    sigma: Floats
    tau: Floats
    drop: Floats
    ranges: tuple[tuple[float, float], ...]

    def __repr__(self) -> str:
        return f"OneWayData({len(self.y)} observations, {len(self.labels)} groups)"


@dataclass(frozen=True, eq=False, repr=False)
class OneWayPoint:
    """The one-way model at one mu, sigma and tau.

    Attributes
    ----------
    mu, sigma, tau : float
    loglik : float
    shrunken : (m,) array
        Each group's mean drawn towards mu.
    weight : (m,) array
        Share of the group's own mean in it.
    contributions : (m,) array
        Log-likelihood of each group.
    """

    mu: float
    sigma: float
    tau: float
    loglik: float
    shrunken: Floats
    weight: Floats
    contributions: Floats

    def __repr__(self) -> str:
        return f"OneWayPoint(mu={self.mu:.5g}, sigma={self.sigma:.5g}, tau={self.tau:.5g})"


@dataclass(frozen=True, eq=False, repr=False)
class SearchStep:
    """One step of a search for a maximum.

    Attributes
    ----------
    x : (p,) array
        Where it starts.
    value : float
        Log-likelihood there.
    gradient, hessian : (p,), (p, p) arrays
        Slope and curvature there; NaN where they do not exist or were not asked for.
    kind : str
        ``"newton"``, ``"uphill"`` or ``"simplex"``; ``""`` where the search ends.
    aim : (p,) array
        Top of the parabola, or where the step would lead if it were not shortened.
    share : float
        Part of the step that was taken.
    words : str
        What is done and why, in a sentence.
    """

    x: Floats
    value: float
    gradient: Floats
    hessian: Floats
    kind: str
    aim: Floats
    share: float
    words: str

    def __repr__(self) -> str:
        return f"SearchStep({self.kind or 'end'}, value={self.value:.6g})"


@dataclass(frozen=True, eq=False, repr=False)
class MaximumView:
    """A log-likelihood of one or two parameters around its maximum.

    Attributes
    ----------
    label : str
        Name of the function.
    names : tuple of one or two str
        Parameters on the axes.
    axes : tuple of int
        Which of the parameters they are.
    fixed : str
        What the parameters not shown are held at, in words; empty where there are none.
    best : (p,) array
        All parameters at the maximum.
    top : float
        Log-likelihood there.
    grids : tuple of one or two arrays
    height : (q,) or (q2, q1) array
        Log-likelihood less its maximum on the grid; minus infinity where it has no value.
    wald : (q,) or (c, 2) array
        Quadratic with the curvature of the maximum, on the grid; or its 95 % ellipse. Empty where
        there is none.
    slope : (q,) array
        Derivative of the log-likelihood on the grid, of one parameter; else empty.
    allowed : tuple of pairs of float
        Bounds of the parameters shown.
    depth : float
        How far below the maximum the picture goes.
    """

    label: str
    names: tuple[str, ...]
    axes: tuple[int, ...]
    fixed: str
    best: Floats
    top: float
    grids: tuple[Floats, ...]
    height: Floats
    wald: Floats
    slope: Floats
    allowed: tuple[tuple[float, float], ...]
    depth: float

    def __repr__(self) -> str:
        return f"MaximumView({', '.join(self.names)}; {self.height.size} points)"

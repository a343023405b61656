"""The tables of two pictures: one parameter's intervals by every method, and a boundary fit.

As in ``tables``: plain arrays, compared by identity, printed as one line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.tables import Floats, Slice

SCALES = ("sd", "variance")
SURE = 1e-10  # a correlation as close to one is one


@dataclass(frozen=True, eq=False, repr=False)
class BuiltInterval:
    """The interval of one parameter by one method, and how it is built.

    Values are on the parameter's own scale; of a standard deviation, a value below zero stands for
    an impossible one: -2 for a limit of -2 on the standard deviation, or of -4 on the variance.

    Parameters
    ----------
    key : str
        ``"wald-variance"``, ``"wald"``, ``"wald-log"``, ``"wald-z"``, ``"t"``, ``"profile"`` or
        ``"bootstrap"``.
    label : str
        What the method is called on screen.
    state : {"found", "none", "waiting"}
        Whether there is an interval, there can be none, or it is not computed yet.
    lower, upper : float
        The limits; ``nan`` unless found.
    note : str
        Why a limit is at the boundary, infinite or impossible, or why there is none.
    cut : float
        The drop of the curve at which the limits are.
    x, drop : ndarray, shape (m,)
        The curve that the method cuts: values of the parameter, and the drop of twice the
        log-likelihood according to the method's quadratic approximation. Empty where it has none.
    """

    key: str
    label: str
    state: str
    lower: float
    upper: float
    note: str
    cut: float
    x: Floats
    drop: Floats

    def __repr__(self) -> str:
        found = f"{self.lower:.4g} to {self.upper:.4g}" if self.state == "found" else self.state
        return f"<BuiltInterval {self.key}: {found}>"


@dataclass(frozen=True, eq=False, repr=False)
class FiveIntervals:
    """The intervals of one parameter by every method, and its profile likelihood.

    Parameters
    ----------
    name : str
        Name of the parameter.
    kind : {"sd", "sigma", "cor", "fixed"}
        What it is.
    labels : tuple of two str
        What the axis says; of a standard deviation also as its variance, else the same twice.
    estimate : float
        The estimate; ``nan`` for a correlation that is not defined.
    allowed : tuple of (lower, upper)
        The possible range.
    level : float
        Confidence level.
    criterion : {"ML", "REML"}
        Which likelihood.
    methods : tuple of BuiltInterval
        Wald's by scale, then profile and bootstrap.
    x, drop : ndarray, shape (g,)
        The profile likelihood: increasing values, and the drop of twice the log-likelihood.
    replicates : ndarray, shape (n,)
        The parameter in the bootstrap's replicates in which it has a value.
    undefined : int
        Number of replicates in which it has none.
    scale : {"sd", "variance"}
        What the axis shows of a standard deviation.
    """

    name: str
    kind: str
    labels: tuple[str, str]
    estimate: float
    allowed: tuple[float, float]
    level: float
    criterion: str
    methods: tuple[BuiltInterval, ...]
    x: Floats
    drop: Floats
    replicates: Floats
    undefined: int = 0
    scale: str = "sd"

    @property
    def label(self) -> str:
        """What the axis says."""
        return self.labels[SCALES.index(self.scale)]

    @property
    def spread(self) -> bool:
        """Whether the parameter is a standard deviation and so has a variance too."""
        return self.kind in ("sd", "sigma")

    @property
    def at_bounds(self) -> tuple[int, int]:
        """How many replicates are exactly at the lower and at the upper boundary."""
        low, high = self._bounds
        return int((self.replicates <= low).sum()), int((self.replicates >= high).sum())

    @property
    def interior(self) -> Floats:
        """The replicates that are at no boundary."""
        low, high = self._bounds
        return self.replicates[(self.replicates > low) & (self.replicates < high)]

    @property
    def _bounds(self) -> tuple[float, float]:
        slack = SURE if self.kind == "cor" else 0.0
        return self.allowed[0] + slack, self.allowed[1] - slack

    def by(self, key: str) -> BuiltInterval:
        """Return the interval of a method.

        Raises
        ------
        ModelError
            There is no such method for this parameter.
        """
        for method in self.methods:
            if method.key == key:
                return method
        keys = ", ".join(repr(method.key) for method in self.methods)
        raise ModelError(f"There is no method {brief(key)} for {self.name!r}; choose from {keys}.")

    def on(self, scale: str) -> FiveIntervals:
        """Return the same intervals on the axis of the standard deviation or of the variance.

        Raises
        ------
        ModelError
            An unknown scale, or a variance of what is no standard deviation.
        """
        if scale not in SCALES:
            raise ModelError(f"scale is {brief(scale)}; choose 'sd' or 'variance'.")
        if scale == "variance" and not self.spread:
            raise ModelError(f"{self.name!r} is no standard deviation; take scale='sd'.")
        return replace(self, scale=scale)

    def place(self, values: Floats | float) -> Floats:
        """Return where values of the parameter stand on the axis.

        On the axis of variances, squares, with the sign kept: an impossible value below zero stays
        below zero, and a negative limit of a variance is where it was found.
        """
        values = np.asarray(values, dtype=np.float64)
        return np.sign(values) * np.square(values) if self.scale == "variance" else values

    def limits(self, key: str, scale: str | None = None) -> tuple[float, float]:
        """Return the two limits of a method as they stand on an axis; by default on this one."""
        method, table = self.by(key), self if scale is None else self.on(scale)
        lower, upper = table.place(np.array([method.lower, method.upper]))
        return float(lower), float(upper)

    def __repr__(self) -> str:
        keys = ", ".join(m.key for m in self.methods if m.state == "found")
        return (
            f"<FiveIntervals ({self.criterion}) at {100.0 * self.level:.4g} % of {self.name}, "
            f"estimate {self.estimate:.4g}: {keys or 'none found'}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class AutopsyTable:
    """Why a fit is at the boundary: one direction in which random effects have no variance.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    names : tuple of one or two str
        The random effects shown: those that the direction involves most.
    words : str
        The direction in words.
    levels : tuple of m str
        The groups.
    no_pooling : ndarray, shape (m, k)
        Coefficients of each group by itself; ``nan`` where its data do not determine them.
    centre : ndarray, shape (k,)
        The coefficients common to all groups.
    covariance : ndarray, shape (k, k)
        Estimated covariance of the random effects.
    arrow : ndarray, shape (k,)
        Along the direction without variance: one standard deviation of what the last of ``around``
        adds.
    around : ndarray, shape (c, k, k)
        Covariances that add variance along the direction, ever more, and fit worse.
    drops : ndarray, shape (c,)
        Their drops of twice the log-likelihood, sigma and the coefficients re-optimised.
    ratio : float
        Standard deviation, between groups, of the combination of each group's own estimates that
        does not vary, over what noise within groups alone makes it; ``nan`` where too few groups
        determine it.
    curve : Slice or None
        The profile likelihood of the one standard deviation that is zero.
    involved : int
        How many effects the direction combines; the picture shows two of them at most.
    criterion : {"ML", "REML"}
        Which likelihood.
    """

    group: str
    names: tuple[str, ...]
    words: str
    levels: tuple[str, ...]
    no_pooling: Floats
    centre: Floats
    covariance: Floats
    arrow: Floats
    around: Floats
    drops: Floats
    ratio: float
    curve: Slice | None
    involved: int
    criterion: str

    def __repr__(self) -> str:
        return f"<AutopsyTable ({self.criterion}): {self.words}>"

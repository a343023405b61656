"""The small tables about groups that pictures are drawn from; as those in ``tables``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, brief
from mixedwidgets.lmm.tables import Floats, ShrinkageTable, _few, _range

CUT = 3.841458820694124  # chi-square, 1 degree of freedom, 95%
_NODES = 4  # positions that a value between positions is made of


@dataclass(frozen=True, eq=False, repr=False)
class CaterpillarTable:
    """Conditional modes of every level of a grouping factor, with their standard deviations.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : tuple of m str
        Its levels.
    size : ndarray of int, shape (m,)
        Number of observations of each level.
    names : tuple of k str
        Names of the random effects.
    modes : ndarray, shape (m, k)
        Conditional modes, in units of the effects.
    sd : ndarray, shape (m, k)
        Their standard deviations given the data and the parameters.
    order : ndarray of int, shape (m, k)
        For each effect the levels by increasing mode.
    criterion : {"ML", "REML"}
        Which likelihood the parameters come from.
    contributions : ndarray, shape (m,), or None
        What each level adds to the log-likelihood, where that was computed.
    """

    group: str
    levels: tuple[str, ...]
    size: NDArray[np.int64]
    names: tuple[str, ...]
    modes: Floats
    sd: Floats
    order: NDArray[np.intp]
    criterion: str
    contributions: Floats | None = None

    def __repr__(self) -> str:
        return (
            f"<CaterpillarTable ({self.criterion}) of {_few(self.names)} for the "
            f"{len(self.levels)} levels of {self.group}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class GroupTable:
    """The data of one group with its fitted lines, among the lines of all groups.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : tuple of m str
        Its levels.
    index : int or None
        Which level is picked; None for none, and then what is of one level is empty or ``nan``.
    labels : tuple of two str
        What the x and the y axis say.
    limits : tuple of two (lower, upper)
        The range of x and of y over the data of all groups.
    x, y : ndarray, shape (n_j,)
        The data of the level.
    names : tuple of k str
        Names of the coefficients that vary between groups.
    no_pooling, partial_pooling, complete_pooling : ndarray, shape (k,)
        The level's coefficients; without pooling ``nan`` where its data do not determine them.
    grid : ndarray, shape (g,)
        Where the level's lines have points: the two ends, and more where they are curved.
    lines : ndarray, shape (3, g)
        Their heights there: no, partial and complete pooling.
    lines_x, lines_y : ndarray, shape (m, g)
        The points of the partially pooled line of every group.
    held : str
        In words, at what the lines hold the rest of the model.
    criterion : {"ML", "REML"}
        Which likelihood the parameters come from.
    contribution : float or None
        What the level adds to the log-likelihood, where that was computed.
    by_row : bool
        Whether x is the number of the row within the group, there being no variable to show.
    """

    group: str
    levels: tuple[str, ...]
    index: int | None
    labels: tuple[str, str]
    limits: tuple[tuple[float, float], tuple[float, float]]
    x: Floats
    y: Floats
    names: tuple[str, ...]
    no_pooling: Floats
    partial_pooling: Floats
    complete_pooling: Floats
    grid: Floats
    lines: Floats
    lines_x: Floats
    lines_y: Floats
    held: str
    criterion: str
    contribution: float | None = None
    by_row: bool = False

    @property
    def level(self) -> str:
        """Name of the level that is picked; empty for none."""
        return "" if self.index is None else self.levels[self.index]

    def __repr__(self) -> str:
        what = f"{self.level!r}, {len(self.x)} rows" if self.index is not None else "no level"
        return f"<GroupTable ({self.criterion}) of {what}, of {len(self.levels)} in {self.group}>"


@dataclass(frozen=True, eq=False, repr=False)
class DialTable:
    """The pooling path of a grouping factor on a scale from complete to no pooling.

    A position u from 0 to 1 stands for the standard deviation ``tau = scale * u / (1 - u)``; the
    covariance of the effects there is ``tau^2`` times a fixed shape. At the positions of the
    table all values are exact, the ends 0 (complete pooling) and 1 (no pooling) and the estimate
    among them; between them they are cubic through the four nearest.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : tuple of m str
        Its levels.
    size : ndarray of int, shape (m,)
        Number of observations of each level.
    names : tuple of k str
        Names of the coefficients that vary between groups.
    label : str
        What the axis of tau says.
    criterion : {"ML", "REML"}
        Which likelihood.
    kind : {"profile", "slice"}
        Whether sigma and the covariances of other grouping factors are at their best at every
        position or held at the estimates; the coefficients are at their best in both.
    u : ndarray, shape (g,)
        Increasing positions from 0 to 1.
    drop : ndarray, shape (g,)
        Rise in deviance from the estimate, which is the cost; infinite at 1.
    sigma : ndarray, shape (g,)
        Residual standard deviation.
    no_pooling, partial_pooling : ndarray, shape (g, m, k)
        Coefficients of every level; without pooling ``nan`` where its data do not determine them.
    complete_pooling : ndarray, shape (g, k)
        The coefficients common to all groups.
    shape : ndarray, shape (k, k)
        Covariance of the effects where tau is 1.
    scale : float
        The tau in the middle, in units of the first effect that varies.
    estimate : float
        The estimate of tau; it may be 0.
    """

    group: str
    levels: tuple[str, ...]
    size: NDArray[np.int64]
    names: tuple[str, ...]
    label: str
    criterion: str
    kind: str
    u: Floats
    drop: Floats
    sigma: Floats
    no_pooling: Floats
    partial_pooling: Floats
    complete_pooling: Floats
    shape: Floats
    scale: float
    estimate: float

    @property
    def home(self) -> float:
        """The position of the estimate."""
        return self.position(self.estimate)

    def position(self, tau: float) -> float:
        """Return the position u of a standard deviation from 0 to infinity."""
        return 1.0 if np.isinf(tau) else float(tau / (tau + self.scale))

    def tau_at(self, u: float) -> float:
        """Return the standard deviation at a position; infinity at 1."""
        _check_position(u)
        return float("inf") if u == 1.0 else float(self.scale * u / (1.0 - u))

    def drop_at(self, u: float) -> float:
        """Return the cost in deviance at a position; infinity at 1."""
        _check_position(u)
        return float(self.drops(np.array([u]))[0])

    def drops(self, u: Floats) -> Floats:
        """Return the cost in deviance at many positions, shape (c,); infinity at 1.

        It grows as a multiple of ``log(1 + tau / scale)``; what is left is interpolated.
        """
        nodes = self.u[:-1]
        growing = -np.log1p(-nodes)
        rate = (self.drop[-2] - self.drop[-3]) / (growing[-1] - growing[-2])
        index, weight = _interpolation(nodes, np.minimum(u, nodes[-1]))
        left = np.einsum("ci,ci->c", weight, (self.drop[:-1] - rate * growing)[index])
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(left - rate * np.log1p(-np.asarray(u)), 0.0))

    def shrinkage_at(self, u: float) -> ShrinkageTable:
        """Return the coefficients of every group at a position.

        Parameters
        ----------
        u : float
            From 0 to 1. At 1 the covariance is infinite.

        Returns
        -------
        ShrinkageTable

        Raises
        ------
        DataError
            A position that is none.
        """
        tau = self.tau_at(u)
        (index,), (weight,) = _interpolation(self.u, np.array([u]))
        window = slice(int(index[0]), int(index[-1]) + 1)
        no, partial, complete = (
            np.tensordot(weight, values[window], axes=1)
            for values in (self.no_pooling, self.partial_pooling, self.complete_pooling)
        )
        with np.errstate(invalid="ignore"):
            covariance = np.where(self.shape == 0.0, 0.0, tau**2 * self.shape)
        return ShrinkageTable(
            group=self.group,
            levels=self.levels,
            size=self.size,
            names=self.names,
            no_pooling=no,
            partial_pooling=partial,
            complete_pooling=complete,
            covariance=covariance,
            criterion=self.criterion,
        )

    def __repr__(self) -> str:
        return (
            f"<DialTable ({self.kind}, {self.criterion}) of {_few(self.names)} for the "
            f"{len(self.levels)} levels of {self.group}: {len(self.u)} positions, "
            f"estimate {self.estimate:.4g} at {self.home:.4g}, cost {_range(self.drop)}>"
        )


def _check_position(u: float) -> None:
    if not (isinstance(u, (int, float, np.number)) and 0.0 <= u <= 1.0):
        raise DataError(
            f"u is {brief(u)}; give a position from 0 (complete pooling) to 1 (no pooling)."
        )


def _interpolation(nodes: Floats, at: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the four nearest nodes (c, 4) of each place (c,) and Lagrange's weights of them."""
    first = np.clip(np.searchsorted(nodes, at) - _NODES // 2, 0, len(nodes) - _NODES)
    index = first[:, None] + np.arange(_NODES)
    x = nodes[index]
    weight = np.ones_like(x)
    for i in range(_NODES):
        for j in range(_NODES):
            if i != j:
                weight[:, i] *= (at - x[:, j]) / (x[:, i] - x[:, j])
    return index, weight

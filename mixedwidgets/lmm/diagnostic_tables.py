"""The tables that the pictures of diagnostics are drawn from: residuals, quantiles, influence.

Like the tables of ``lmm.tables`` they are plain arrays, computed elsewhere, never changed, compared
by identity, and printed as one line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Floats

Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class ResidualTable:
    """What a model leaves of each row, beside what it makes of it.

    Parameters
    ----------
    group : str
        Name of a grouping factor.
    levels : tuple of m str
        Its levels.
    codes : ndarray of int, shape (n,)
        The level of each row.
    response : str
        The response, as the formula writes it.
    fitted : ndarray, shape (n,)
        Fitted values, random effects included, in units of the response.
    residual : ndarray, shape (n,)
        Response minus fitted value, times the square root of the weight, divided by sigma.
    weights : ndarray, shape (n,)
        Prior weights; ones where the model has none.
    sigma : float
        Residual standard deviation, in units of the response.
    criterion : {"ML", "REML"}
        Which likelihood the estimates maximise.
    """

    group: str
    levels: tuple[str, ...]
    codes: Ints
    response: str
    fitted: Floats
    residual: Floats
    weights: Floats
    sigma: float
    criterion: str

    def __repr__(self) -> str:
        return (
            f"<ResidualTable ({self.criterion}) of {self.response}: {len(self.fitted)} rows in the "
            f"{len(self.levels)} levels of {self.group}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class QuantileTable:
    """Values that are standard normal if the model is right, beside the quantiles of the normal.

    Parameters
    ----------
    kind : {"residuals", "effects"}
        Whether the values are of rows or of levels.
    what : str
        What they are, in words, such as ``"effects of school on ses"``.
    group : str
        Name of a grouping factor.
    levels : tuple of m str
        Its levels.
    codes : ndarray of int, shape (v,)
        The level of each value.
    value : ndarray, shape (v,)
        Increasing: each divided by the standard deviation that it has under the model.
    quantile : ndarray, shape (v,)
        The quantile of the standard normal distribution that it stands against.
    band : ndarray, shape (b, 3)
        Along quantiles ``[:, 0]``, the limits between which a single value lies with a
        probability of 95 %.
    outside : int
        How many values are outside their own limits.
    left_out : int
        How many have no standard deviation, so that they cannot be shown.
    note : str
        Why there is no value at all; ``""`` where there are some.
    criterion : {"ML", "REML"}
    """

    kind: str
    what: str
    group: str
    levels: tuple[str, ...]
    codes: Ints
    value: Floats
    quantile: Floats
    band: Floats
    outside: int
    left_out: int
    note: str
    criterion: str

    def __repr__(self) -> str:
        return (
            f"<QuantileTable ({self.criterion}) of {self.what}: {len(self.value)} values, "
            f"{self.outside} outside the band>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LevelResiduals:
    """The residuals of each level of a grouping factor, and their summary.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : tuple of m str
        Its levels.
    codes : ndarray of int, shape (n,)
        The level of each row.
    residual : ndarray, shape (n,)
        Response minus fitted value, times the square root of the weight, divided by sigma.
    size : ndarray of int, shape (m,)
        Rows of each level.
    mean, sd : ndarray, shape (m,)
        Mean and standard deviation (with n - 1; ``nan`` for a single row) of its residuals.
    quartiles : ndarray, shape (m, 5)
        Least residual, quartiles as R's ``quantile`` has them, largest residual.
    criterion : {"ML", "REML"}
    """

    group: str
    levels: tuple[str, ...]
    codes: Ints
    residual: Floats
    size: NDArray[np.int64]
    mean: Floats
    sd: Floats
    quartiles: Floats
    criterion: str

    def __repr__(self) -> str:
        return (
            f"<LevelResiduals ({self.criterion}): {len(self.residual)} rows in the "
            f"{len(self.levels)} levels of {self.group}>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class InfluenceTable:
    """How far each row, or each level of a grouping factor, pulls the estimates.

    Parameters
    ----------
    by : {"row", "level"}
        What the d distances are of.
    group : str
        Name of a grouping factor.
    levels : tuple of m str
        Its levels.
    codes : ndarray of int, shape (d,)
        The level of each.
    labels : tuple of d str
        What each is called: its label in the data, or its level.
    distance : ndarray, shape (d,)
        Cook's distances. Of a row that of all fitted values, as lme4's ``cooks.distance``; of a
        level that of the coefficients when the level is left out and theta held,
        ``dfbeta' vcov^-1 dfbeta / p``. ``nan`` where a coefficient hangs on it alone.
    leverage : ndarray, shape (d,)
        Leverages; of a level the sum of those of its rows.
    size : ndarray of int, shape (d,)
        How many rows each is.
    coefficients : int
        Number of coefficients p.
    criterion : {"ML", "REML"}
    """

    by: str
    group: str
    levels: tuple[str, ...]
    codes: Ints
    labels: tuple[str, ...]
    distance: Floats
    leverage: Floats
    size: NDArray[np.int64]
    coefficients: int
    criterion: str

    def __repr__(self) -> str:
        what = "rows" if self.by == "row" else f"levels of {self.group}"
        return f"<InfluenceTable ({self.criterion}) of {len(self.labels)} {what}>"

"""``Influence``: how the estimates change when a row or a group is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.deletion import Deletions, delete_rows, delete_sets
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import parameters, value_of

SHOWN = 20  # rows of a table that are printed


@dataclass(frozen=True, eq=False, repr=False)
class Influence:
    """The estimates of a model without each row, or without each group of rows.

    Every table has a row for each row or group left out.

    Attributes
    ----------
    group : str or None
        What was left out: the levels of this column; None for single rows.
    approximate : bool
        True: theta is held at the estimate from all rows, and the coefficients and sigma are
        estimated again. False: every parameter is estimated again.
    size : Series of int
        How many rows were left out.
    estimates : DataFrame
        Standard deviations, correlations, sigma and coefficients, named as ``confint`` names them.
    theta : DataFrame
        Relative covariance parameters.
    vcov : (D, p, p) array
        Covariance matrices of the coefficients.
    moved : (D, p) array
        ``L^-1 dfbeta`` with L a root of the covariance of the coefficients from all rows, ``L L'``.
    relative_vcov : (D, p, p) array
        ``L^-1 vcov L^-T``.
    full : Series
        The estimates from all rows.
    full_vcov : DataFrame
        Covariance matrix of the coefficients from all rows.
    notes : dict of label to str
        Why estimates are missing or doubtful.
    """

    group: str | None
    approximate: bool
    size: pd.Series
    estimates: pd.DataFrame
    theta: pd.DataFrame
    vcov: Array
    moved: Array
    relative_vcov: Array
    full: pd.Series
    full_vcov: pd.DataFrame
    notes: Mapping[object, str] = field(default_factory=dict)

    @property
    def change(self) -> pd.DataFrame:
        """Estimate without minus estimate with the rows, of every parameter."""
        return self.estimates - self.full.to_numpy()

    @property
    def fixef(self) -> pd.DataFrame:
        """Coefficients."""
        return self.estimates.iloc[:, self._spread :]

    @property
    def sigma(self) -> pd.Series:
        """Residual standard deviation."""
        return self.estimates.iloc[:, self._spread - 1]

    @property
    def dfbeta(self) -> pd.DataFrame:
        """Coefficient without minus coefficient with the rows (lme4's sign)."""
        return self.change.iloc[:, self._spread :]

    @property
    def dfbetas(self) -> pd.DataFrame:
        """``dfbeta`` divided by the coefficient's standard error without the rows."""
        return self.dfbeta / np.sqrt(np.einsum("daa->da", self.vcov))

    @property
    def cooks_distance(self) -> pd.Series:
        """``dfbeta' vcov^-1 dfbeta / p``, vcov from all rows.

        As influence.ME and HLMdiag define it. lme4's ``cooks.distance(influence(fit))`` multiplies
        it by (D - p) / D with D the number of rows or groups.
        """
        self._refuse_no_coefficients()
        distance = np.sum(self.moved**2, axis=1) / len(self.full_vcov)
        return self._series(distance, "cooks_distance")

    @property
    def covratio(self) -> pd.Series:
        """Determinant of the coefficients' covariance without the rows over that with them.

        Above 1 where the rows make the coefficients more precise.
        """
        self._refuse_no_coefficients()
        with np.errstate(invalid="ignore"):
            return self._series(np.linalg.det(self.relative_vcov), "covratio")

    @property
    def covtrace(self) -> pd.Series:
        """``|tr(vcov^-1 vcov_without) - p|``: 0 where the rows leave the precision as it is."""
        self._refuse_no_coefficients()
        trace = np.einsum("daa->d", self.relative_vcov)
        return self._series(np.abs(trace - len(self.full_vcov)), "covtrace")

    def to_frame(self) -> pd.DataFrame:
        """A row for each row or group left out, the most influential first.

        Returns
        -------
        DataFrame
            size, cooks_distance, covratio, covtrace, the standardised changes of the coefficients
            (``dfbetas``), and the standard deviations without the rows. Without fixed effects only
            size and standard deviations, in the order of the data.
        """
        spread = self.estimates.iloc[:, : self._spread]
        if len(self.full_vcov) == 0:
            return pd.concat([self.size, spread], axis=1)
        parts = [self.size, self.cooks_distance, self.covratio, self.covtrace]
        changes = self.dfbetas.add_prefix("dfbetas.")
        table = pd.concat([*parts, changes, spread], axis=1)
        return table.iloc[np.argsort(-self.cooks_distance.to_numpy(), kind="stable")]

    def __repr__(self) -> str:
        return f"{self._caption}\n{self.to_frame().to_string(max_rows=SHOWN, float_format=_short)}"

    def _repr_html_(self) -> str:
        return f"<p>{self._caption}</p>" + self.to_frame().to_html(
            max_rows=SHOWN, float_format=_short
        )

    @property
    def _spread(self) -> int:
        """Number of parameters that are not coefficients; sigma is their last."""
        return self.estimates.shape[1] - len(self.full_vcov)

    @property
    def _caption(self) -> str:
        what = "row" if self.group is None else "group"
        how = "theta held" if self.approximate else "every parameter estimated again"
        return f"What changes when one {what} of {len(self.size)} is left out ({how})."

    def _refuse_no_coefficients(self) -> None:
        if len(self.full_vcov) == 0:
            raise ModelError(
                "This measure of influence needs fixed effects, and the model has none; look at "
                "`change`."
            )

    def _series(self, values: Array, name: str) -> pd.Series:
        return pd.Series(values, index=self.size.index, name=name)


def influence(
    design: Design,
    estimate: Estimate,
    group: str | None,
    labels: pd.Index,
    sets: Sequence[NDArray[np.intp]],
    approximate: bool,
    theta_names: Sequence[str],
) -> Influence:
    """Leave out each of several sets of rows and label what comes out.

    Parameters
    ----------
    design, estimate
        The fit.
    group : str or None
        What the sets are called; None for single rows.
    labels : Index of length D
        The label of each set.
    sets : sequence of arrays of int
        The rows of each, as positions.
    approximate : bool
        Hold theta.
    theta_names : sequence of str
        Names of the elements of theta.

    Returns
    -------
    Influence
    """
    if group is None and approximate:
        found = delete_rows(design, estimate)
    else:
        found = delete_sets(design, estimate, sets, approximate)
    names = list(design.x_names)
    return Influence(
        group=group,
        approximate=approximate,
        size=pd.Series([len(rows) for rows in sets], index=labels, name="size", dtype=int),
        estimates=_estimates(design, estimate, found, labels),
        theta=pd.DataFrame(found.theta, index=labels, columns=list(theta_names)),
        vcov=found.vcov,
        moved=found.moved,
        relative_vcov=found.relative_vcov,
        full=_full(design, estimate),
        full_vcov=pd.DataFrame(estimate.vcov.copy(), index=names, columns=names),
        notes={labels[d]: note for d, note in found.notes.items()},
    )


def _short(value: float) -> str:
    return f"{value:.4g}"


def _full(design: Design, estimate: Estimate) -> pd.Series:
    known = parameters(design)
    values = [value_of(p, estimate.covariances, estimate.sigma, estimate.beta) for p in known]
    return pd.Series(values, index=[p.name for p in known], name="all rows")


def _estimates(
    design: Design, estimate: Estimate, found: Deletions, labels: pd.Index
) -> pd.DataFrame:
    layout, known = estimate.moments.layout, parameters(design)
    rows = []
    for theta, sigma, beta in zip(found.theta, found.sigma, found.beta, strict=True):
        factor = sigma * layout.matrix(theta)
        whole = factor @ factor.T
        covariances = tuple(whole[c, c] for c in layout.slices)
        rows.append([value_of(p, covariances, float(sigma), beta) for p in known])
    return pd.DataFrame(rows, index=labels, columns=[p.name for p in known])

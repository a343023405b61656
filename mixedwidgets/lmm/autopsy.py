"""Why a fit is at the boundary: a direction in which the random effects have no variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtri

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.interval_tables import AutopsyTable
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import variance_parameters
from mixedwidgets.lmm.ranef import level_equations, shrinkage
from mixedwidgets.lmm.surface import curve
from mixedwidgets.lmm.tables import ShrinkageTable, Slice
from mixedwidgets.lmm.verdict import NEARLY, directions_in_words

DROPS = (1.0, float(chdtri(1, 0.05)))  # of the covariances shown around the estimated one
CLOSE = 1e-3  # of a variance that is sought
SMALL = 1e-3  # of a residual variance: where the search for one begins
STEPS = 60
ROUNDING = 1e-10  # of a level's cross-products, relative: what is no information


def autopsy(design: Design, estimate: Estimate, number: int = 0) -> AutopsyTable:
    """One direction in which the random effects of a boundary fit have no variance.

    Parameters
    ----------
    design, estimate
        The fit, by either criterion.
    number : int
        Which of the directions of ``estimate.optimum.boundary``, from 0.

    Returns
    -------
    AutopsyTable
        Of a term with one effect: its profile likelihood near zero. Of a term with several: the
        covariance of the two effects that the direction involves most, and two that add variance
        along the direction until twice the log-likelihood has dropped by 1 and by 3.84.

    Raises
    ------
    ModelError
        The fit is not at the boundary, or has no direction of that number.
    """
    boundary = estimate.optimum.boundary
    if not boundary:
        raise ModelError("This fit is not at the boundary: there is nothing to explain.")
    if isinstance(number, bool) or number not in range(len(boundary)):
        raise ModelError(
            f"There is no direction {brief(number)}; give a whole number from 0 to "
            f"{len(boundary) - 1}."
        )
    block, vector = boundary[number]
    covariance = estimate.covariances[block]
    pair = _pair(vector, covariance)
    group = design.groupings[design.blocks[block].grouping].name
    table = shrinkage(design, estimate, group)
    columns = _columns(design, block)[pair]
    arrow, around, drops = np.zeros(1), np.empty((0, 1, 1)), np.empty(0)
    if len(pair) == 2:
        arrow, around, drops = _widened(estimate, block, vector)
        arrow, around = arrow[pair], around[:, pair][:, :, pair]
    return AutopsyTable(
        group=group,
        names=tuple(table.names[c] for c in columns),
        words=directions_in_words(design, [boundary[number]])[0],
        levels=table.levels,
        no_pooling=table.no_pooling[:, columns],
        centre=table.complete_pooling[columns],
        covariance=covariance[np.ix_(pair, pair)],
        arrow=arrow,
        around=around,
        drops=drops,
        ratio=_ratio(design, estimate, block, vector, table),
        curve=_curve(design, estimate, block) if len(pair) == 1 else None,
        involved=int(np.count_nonzero(np.abs(vector) > NEARLY)),
        criterion="REML" if estimate.reml else "ML",
    )


def _pair(vector: Array, covariance: Array) -> list[int]:
    """The two effects to show: those involved most, else the one that varies most as well."""
    if len(vector) == 1:
        return [0]
    order = np.lexsort((-np.diag(covariance), -np.round(np.abs(vector), 6)))
    return sorted(int(i) for i in order[:2])


def _columns(design: Design, block: int) -> NDArray[np.intp]:
    """The columns of a term among all random effects of its grouping factor."""
    grouping = design.blocks[block].grouping
    before = sum(len(b.names) for b in design.blocks[:block] if b.grouping == grouping)
    return np.arange(before, before + len(design.blocks[block].names))


def _spread(covariance: Array) -> Array:
    """Standard deviations, 1 in place of 0: the units of a direction of the boundary."""
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return np.where(sd > 0.0, sd, 1.0)


def _curve(design: Design, estimate: Estimate, block: int) -> Slice:
    """The profile likelihood of the standard deviation of a term with one effect."""
    own = next(p for p in variance_parameters(design) if p.kind == "sd" and p.block == block)
    return curve(design, estimate, own)


def _widened(estimate: Estimate, block: int, vector: Array) -> tuple[Array, Array, Array]:
    """Covariances of a term with variance added along a direction, and one SD of the most added.

    Returns
    -------
    arrow : (k,) array
    around : (c, k, k) array
    drops : (c,) array
    """
    covariance = estimate.covariances[block]
    along = _spread(covariance) * vector
    rise = _Rise(estimate, block, along)
    added, out = 0.0, []
    for target in DROPS:
        added = rise.until(target, added)
        out.append(rise.covariance(added))
    return np.sqrt(added) * along, np.array(out), np.array(DROPS)


class _Rise:
    """The rise in deviance where variance is added to a term along a direction.

    Relative covariances are changed; sigma and the coefficients are at their best for each.
    """

    def __init__(self, estimate: Estimate, block: int, along: Array):
        self.estimate, self.along = estimate, along
        self.columns = estimate.moments.layout.slices[block]
        self.relative = estimate.factor @ estimate.factor.T / estimate.sigma**2
        white = estimate.moments.whitening[self.columns, self.columns] @ along
        self.start = SMALL * estimate.sigma**2 / float(white @ white)

    def at(self, added: float) -> tuple[float, float]:
        """The rise, and sigma, with a variance added."""
        whole = self.relative.copy()
        extra = added / self.estimate.sigma**2 * np.outer(self.along, self.along)
        whole[self.columns, self.columns] += extra
        whitening = self.estimate.moments.whitening
        found = solve(whitening @ whole @ whitening.T, self.estimate.moments, self.estimate.reml)
        rise = found.deviance - self.estimate.optimum.value
        return float(rise), float(np.sqrt(found.q / found.N))

    def covariance(self, added: float) -> Array:
        """The covariance of the term with a variance added, with sigma at its best."""
        _, sigma = self.at(added)
        extra = added / self.estimate.sigma**2 * np.outer(self.along, self.along)
        return np.asarray((self.relative[self.columns, self.columns] + extra) * sigma**2)

    def until(self, target: float, low: float) -> float:
        """The variance that is added where the rise reaches a target."""
        high = max(self.start, 2.0 * low)
        for _ in range(STEPS):
            if self.at(high)[0] > target:
                break
            low, high = high, 4.0 * high
        found = brentq(lambda added: self.at(added)[0] - target, low, high, rtol=CLOSE)
        return float(found)


def _ratio(
    design: Design, estimate: Estimate, block: int, vector: Array, table: ShrinkageTable
) -> float:
    """How much the levels' own values of the combination spread, relative to noise alone."""
    factor = design.blocks[block].grouping
    columns = estimate.moments.columns_of(factor)
    contrast = np.zeros(len(columns))
    contrast[_columns(design, block)] = vector / _spread(estimate.covariances[block])
    R, _ = level_equations(design, estimate, factor)
    whitening = estimate.moments.whitening[np.ix_(columns, columns)]
    values = (table.no_pooling - table.complete_pooling) @ contrast
    white = np.asarray(np.linalg.solve(whitening.T, contrast), dtype=np.float64)
    noise = _noise(R, white) * estimate.sigma**2
    known = np.isfinite(values) & np.isfinite(noise)
    if known.sum() < 3:
        return float("nan")
    return float(np.sqrt(np.var(values[known], ddof=1) / np.mean(noise[known])))


def _noise(R: Array, contrast: Array) -> Array:
    """Variance of a contrast of each level's own estimates in units of sigma^2, (m,)."""
    gram = np.einsum("iam,ibm->mab", R, R)
    values, vectors = np.linalg.eigh(gram)
    determined = values[:, 0] > ROUNDING * values[:, -1]
    out = np.full(len(gram), np.nan)
    along = np.einsum("mab,a->mb", vectors[determined], contrast)
    out[determined] = np.sum(along**2 / values[determined], axis=1)
    return out

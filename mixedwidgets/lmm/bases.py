"""Transformations that learn from the data: scaling, orthogonal polynomials, splines.

Each is learnt once from the rows of the data (missing values aside) and can then be applied to
new data, as R's ``makepredictcall`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from mixedwidgets.errors import DataError
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.settings import SplineSettings


@dataclass(frozen=True)
class Scaling:
    """``(x - center) / scale``."""

    center: float
    scale: float

    @classmethod
    def learn(
        cls, x: Array, name: str, center: bool | float = True, scale: bool | float = True
    ) -> Scaling:
        """Learn as R's ``scale()``: the mean, then the root of the sum of squares over n - 1."""
        present = x[~np.isnan(x)]
        mean = float(present.mean()) if center is True and len(present) else float(center)
        if scale is True:
            squares = float(np.sum((present - mean) ** 2))
            size = float(np.sqrt(squares / max(len(present) - 1, 1)))
            if size == 0.0:
                raise DataError(
                    f"{name} cannot be scaled because all its values are equal; leave it out"
                )
        else:
            size = 1.0 if scale is False else float(scale)
        return cls(mean, size)

    def apply(self, x: Array) -> Array:
        """Return the scaled values, shape (n,)."""
        scaled: Array = (x - self.center) / self.scale
        return scaled


@dataclass(frozen=True)
class Powers:
    """``x, x^2, ..., x^degree``: R's ``poly(x, degree, raw = TRUE)``."""

    degree: int

    def apply(self, x: Array) -> Array:
        """Return the powers, shape (n, degree)."""
        powers: Array = x[:, None] ** np.arange(1, self.degree + 1)
        return powers


@dataclass(frozen=True)
class OrthogonalPolynomial:
    """Polynomials orthonormal over the data, by their three-term recurrence.

    The recurrence (Forsythe 1957) runs on ``(x - mean) / size``, which changes no column.
    """

    mean: float
    size: float
    alpha: tuple[float, ...]
    norms: tuple[float, ...]

    @classmethod
    def learn(cls, x: Array, name: str, degree: int) -> OrthogonalPolynomial:
        """Learn the recurrence; R's ``poly(x, degree)``."""
        present = x[np.isfinite(x)]
        distinct = len(np.unique(present))
        if degree >= distinct:
            raise DataError(
                f"{name} needs at least {degree + 1} different values, and there "
                f"{'is' if distinct == 1 else 'are'} only {distinct}"
            )
        mean = float(present.mean())
        size = float(np.abs(present - mean).max())
        t = (present - mean) / size
        alpha: list[float] = []
        squares = [float(len(t))]
        before, current = np.zeros_like(t), np.ones_like(t)
        for k in range(degree):
            alpha.append(float(t @ current**2) / squares[k])
            step = squares[k] / squares[k - 1] if k else 0.0
            before, current = current, (t - alpha[k]) * current - step * before
            squares.append(float(current @ current))
        return cls(mean, size, tuple(alpha), tuple(squares))

    def apply(self, x: Array) -> Array:
        """Return the polynomials of degree 1 and up, shape (n, degree)."""
        t = (x - self.mean) / self.size
        before, current = np.zeros_like(t), np.ones_like(t)
        columns = []
        for k, alpha in enumerate(self.alpha):
            step = self.norms[k] / self.norms[k - 1] if k else 0.0
            before, current = current, (t - alpha) * current - step * before
            columns.append(current / np.sqrt(self.norms[k + 1]))
        return np.column_stack(columns)


@dataclass(frozen=True)
class BasisSpline:
    """B-splines as R's ``splines::bs``: outside the boundary the outer polynomials go on."""

    knots: tuple[float, ...]
    degree: int
    intercept: bool

    def apply(self, x: Array) -> Array:
        """Return the basis, shape (n, columns)."""
        basis = _evaluate(self.knots, self.degree, x)
        return basis if self.intercept else basis[:, 1:]


@dataclass(frozen=True)
class NaturalSpline:
    """Cubic splines that are linear beyond the boundary, as R's ``splines::ns``."""

    knots: tuple[float, ...]
    intercept: bool

    def apply(self, x: Array) -> Array:
        """Return the basis, shape (n, columns)."""
        low, high = self.knots[0], self.knots[-1]
        ends = np.array([low, high])
        inside = np.clip(x, low, high)
        slopes = _evaluate(self.knots, 3, inside, derivative=1)
        basis = _evaluate(self.knots, 3, inside) + (x - inside)[:, None] * slopes
        curvature = _evaluate(self.knots, 3, ends, derivative=2)
        if not self.intercept:
            basis, curvature = basis[:, 1:], curvature[:, 1:]
        q, _ = np.linalg.qr(curvature.T, mode="complete")
        return basis @ q[:, 2:]


def learn_spline(
    x: Array, name: str, natural: bool, settings: SplineSettings
) -> BasisSpline | NaturalSpline:
    """Place the knots: at quantiles of the data where only ``df`` is given."""
    present = x[np.isfinite(x)]
    if len(present) == 0:
        raise DataError(f"{name} has no values in these rows")
    degree, inner, intercept = settings.degree, settings.inner, settings.intercept
    low, high = (
        sorted(settings.boundary)
        if settings.boundary
        else (float(present.min()), float(present.max()))
    )
    if not low < high:
        raise DataError(f"{name} needs at least two different values")
    if inner is None:
        least = (1 if natural else degree) + intercept
        count = (least if settings.df is None else settings.df) - least
        if count < 0:
            raise DataError(f"{name} needs df of at least {least}")
        within = present[(present >= low) & (present <= high)]
        inner = np.quantile(within, np.linspace(0, 1, count + 2)[1:-1]).tolist()
    outside = [k for k in inner if not low < k < high]
    if outside:
        raise DataError(
            f"the knots of {name} must lie between its boundary knots {low:g} and {high:g}, "
            f"which {outside[0]:g} does not"
        )
    order = 4 if natural else degree + 1
    knots = (*[float(low)] * order, *sorted(map(float, inner)), *[float(high)] * order)
    return NaturalSpline(knots, intercept) if natural else BasisSpline(knots, degree, intercept)


def _evaluate(knots: Sequence[float], degree: int, x: Array, derivative: int = 0) -> Array:
    """Return every B-spline (or derivative) at x; NaN where x is."""
    count = len(knots) - degree - 1
    spline = BSpline(np.array(knots), np.eye(count), degree, extrapolate=True)
    out = np.full((len(x), count), np.nan)
    present = ~np.isnan(x)
    out[present] = spline(x[present], nu=derivative)
    return out

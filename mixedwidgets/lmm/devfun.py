"""``Devfun``: the criterion of a model as a function of theta, to look at or to minimise."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.objective import Factor, ProfiledDeviance
from mixedwidgets.lmm.optimize import natural_theta
from mixedwidgets.lmm.start import moment_start


class Devfun:
    """The criterion of a linear mixed model as a function of theta.

    ``lmer(..., devfun_only=True)`` returns one. Minus twice the log-likelihood, or the REML
    criterion, with coefficients and sigma at their best for that theta (Bates, Maechler, Bolker
    and Walker 2015, Journal of Statistical Software 67(1), equations 35 and 42). Theta is lme4's:
    the lower triangles of the relative covariance factor, column by column, term by term, in the
    units of the data. Signs of whole columns of the factor do not matter, so theta needs no
    bounds.

    Parameters
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.
    names : tuple of str
        Names of the elements of theta.
    start : (ntheta,) array, optional
        Where a search would start; method-of-moments values otherwise.

    Attributes
    ----------
    names : tuple of str
        Names of the elements of theta as lme4 gives them, such as ``school.ses.(Intercept)``.
    reml : bool
        Whether the criterion is the REML criterion.
    """

    def __init__(
        self,
        moments: AnyMoments,
        reml: bool,
        names: tuple[str, ...],
        start: Array | None = None,
    ):
        self.names = names
        self.reml = reml
        self._moments = moments
        self._given = start
        factor = Factor(moments.layout, moments.whitening)
        self._objective = ProfiledDeviance(factor, moments, reml)

    def __call__(self, theta: Any) -> float:
        """The criterion at theta.

        Parameters
        ----------
        theta : (ntheta,) array
            Finite numbers.

        Returns
        -------
        float
            Infinite where theta is so large that no digits are left.

        Raises
        ------
        ModelError
            For another number of values, or values that are not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self._objective.value(self._checked(theta)))

    def gradient(self, theta: Any) -> Array:
        """The derivatives of the criterion in theta, exact: an (ntheta,) array.

        Zero where the criterion is infinite. Parameters and errors are those of a call.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self._objective.rough(self._checked(theta))[1]

    def hessian(self, theta: Any) -> Array:
        """The second derivatives of the criterion in theta, exact: an (ntheta, ntheta) array.

        Zero where the criterion is infinite. Parameters and errors are those of a call.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self._objective(self._checked(theta))[2].copy()

    @cached_property
    def start(self) -> Array:
        """Where ``lmer`` starts its search: theta from the method of moments, or as given."""
        if self._given is not None:
            return self._given.copy()
        return natural_theta(moment_start(self._moments, self.reml), self._moments)

    @property
    def lower(self) -> Array:
        """lme4's lower bounds of theta: 0 on the diagonal of the factor, else minus infinity."""
        rows, columns = self._moments.layout.position
        return np.where(rows == columns, 0.0, -np.inf)

    def _checked(self, theta: Any) -> Array:
        try:
            values = np.array(theta, dtype=np.float64).reshape(-1)
        except (TypeError, ValueError):
            values = np.array([np.nan])
        if len(values) != len(self.names) or not np.isfinite(values).all():
            raise ModelError(
                f"theta is {brief(theta)}; give {len(self.names)} finite numbers, one each for "
                f"{', '.join(self.names)}."
            )
        return values

    def __repr__(self) -> str:
        what = "REML criterion" if self.reml else "minus twice the log-likelihood"
        return f"<{what} as a function of theta: {', '.join(self.names)}>"

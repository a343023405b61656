"""Adjusted covariance and degrees of freedom by Kenward and Roger's method.

Kenward and Roger (1997, Biometrics 53, 983-997), as R's pbkrtest computes it: REML estimates,
expected information, a covariance V of the response that is linear in the variance parameters.
V is spanned by the matrices Z E Z' of the elements of S, and by V itself in the place of the
identity of sigma^2: the method does not depend on which parameters span the same matrices, and
with V there is no difference of large numbers to take. With P = X' V^-1 X, in the notation of
``solved`` and in units of sigma:

    P_E = -sum B' E B,    Q_EF = sum B' E M F B,    P_V = -P,    Q_EV = -P_E,    Q_VV = P,
    expected information: -1/2 second derivative of the restricted ``logdet`` for E and F,
    1/2 its gradient for E and V, N / 2 for V and V.

No matrix has a row for each observation. Zero variances are no exception: nothing is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixedwidgets.lmm.deviance import differentiate
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.satterthwaite import slopes_of_inverse, sums_over_levels, uncorrelated

SINGULAR = 1e-12  # eigenvalue of the scaled information below which a direction is left out
NOTHING = 1e-12  # a difference of numbers near 1 that is rounding error only


@dataclass(frozen=True)
class KenwardRoger:
    """Tests of contrasts of one REML fit by Kenward and Roger's method.

    Attributes
    ----------
    estimate : Estimate
        By restricted maximum likelihood.
    """

    estimate: Estimate

    @property
    def beta(self) -> Array:
        """Coefficients (p,)."""
        return self.estimate.beta

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.estimate.sigma

    @cached_property
    def covariance(self) -> Array:
        """Adjusted covariance of the coefficients (p, p)."""
        e = self.estimate
        inverse, slopes, information = self._parts
        p = len(inverse)
        bend = np.zeros((p, p))
        weights = information[:-1, :-1]
        for F, Q in enumerate(self._curvatures()):
            bend += np.einsum("e,eij->ij", weights[:, F], Q)
        middle = inverse @ (0.5 * (bend + bend.T)) @ inverse
        middle -= np.einsum(
            "ef,eij,jk,fkl->il", weights, slopes, self._precision, slopes, optimize=True
        )
        back = np.linalg.inv(e.moments.basis.R)
        return np.asarray(e.vcov + 2.0 * e.sigma**2 * (back @ middle @ back.T))

    def df(self, contrasts: Array) -> Array:
        """Degrees of freedom of single contrasts (c, p), (c,)."""
        return np.array([self._denominator(row[None])[0] for row in contrasts])

    def f_test(self, contrasts: Array) -> tuple[float, int, float]:
        """F test of several contrasts being zero.

        Parameters
        ----------
        contrasts : (c, p) array
            One contrast a row, in any coordinates; what depends on others adds nothing.

        Returns
        -------
        statistic : float
            Scaled as the method prescribes.
        numerator : int
            Number of independent contrasts.
        denominator : float
            Degrees of freedom.
        """
        rows = uncorrelated(contrasts, self.estimate.vcov)
        df, scale = self._denominator(rows)
        distance = rows @ self.beta
        wald = distance @ np.linalg.solve(rows @ self.covariance @ rows.T, distance)
        return scale * float(wald) / len(rows), len(rows), df

    def _denominator(self, rows: Array) -> tuple[float, float]:
        """Degrees of freedom and factor of the F statistic of independent contrasts (q, p)."""
        q = len(rows)
        _, slopes, information = self._parts
        half = rows @ np.linalg.inv(self.estimate.moments.basis.R)
        inverse = self._parts[0]
        root = np.linalg.inv(np.linalg.cholesky(half @ inverse @ half.T))
        seen = root @ half
        turned = np.einsum("ai,eij,bj->eab", seen, slopes, seen, optimize=True)
        turned = np.concatenate([turned, -np.eye(q)[None]])
        traces = np.trace(turned, axis1=1, axis2=2)
        A1 = float(traces @ information @ traces)
        A2 = float(np.einsum("ef,eab,fba->", information, turned, turned, optimize=True))
        return moments_of_f(A1, A2, q)

    @cached_property
    def _precision(self) -> Array:
        """P = X' V^-1 X in basis coordinates and units of sigma."""
        half = np.linalg.inv(self.estimate.solved.root)
        return np.asarray(half @ half.T)

    @cached_property
    def _parts(self) -> tuple[Array, Array, Array]:
        """P^-1 (p, p), P^-1 P_E P^-1 (ntheta, p, p), and W, the inverse information.

        W (ntheta + 1, ntheta + 1) has V last.
        """
        solved = self.estimate.solved
        E = self.estimate.moments.layout.directions
        inverse = solved.root.T @ solved.root
        slopes = -np.einsum("eab,abij->eij", E, slopes_of_inverse(solved), optimize=True)
        derivatives = differentiate(solved, True)
        flat = E.reshape(len(E), -1)
        size = len(E) + 1
        information = np.empty((size, size))
        information[:-1, :-1] = -0.5 * flat @ derivatives.logdet2 @ flat.T
        information[:-1, -1] = information[-1, :-1] = 0.5 * flat @ derivatives.logdet1.ravel()
        information[-1, -1] = 0.5 * solved.N
        return inverse, slopes, _inverse(information)

    def _curvatures(self) -> list[Array]:
        """Q_EF for every F, (ntheta, p, p) over E."""
        solved = self.estimate.solved
        layout = self.estimate.moments.layout
        B, out = solved.B, []
        for F in layout.directions:
            turned = tuple(
                np.einsum("ab,bjm->ajm", F[c, c], b) for c, b in zip(layout.slices, B, strict=True)
            )
            products = sums_over_levels(B, solved.apply(turned))
            out.append(np.einsum("eab,abij->eij", layout.directions, products, optimize=True))
        return out


def moments_of_f(A1: float, A2: float, q: int) -> tuple[float, float]:
    """Degrees of freedom and factor that match the first two moments of the Wald statistic.

    Parameters
    ----------
    A1, A2 : float
        As Kenward and Roger (1997) call them.
    q : int
        Number of contrasts.

    Returns
    -------
    denominator : float
    factor : float
        Of the Wald statistic divided by q.
    """
    if q == 1:
        return (2.0 / A2 if A2 > 0.0 else float("inf")), 1.0
    if A2 <= 0.0:
        return float("inf"), 1.0
    B = (A1 + 6.0 * A2) / (2.0 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    below = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / below, (q - g) / below, (q + 2 - g) / below
    mean, V1 = 1.0 - A2 / q, 1.0 - c2 * B
    both_vanish = abs(mean) < NOTHING and abs(V1) < NOTHING
    ratio = 1.0 if both_vanish else mean / V1
    rho = ratio**2 * (1.0 + c1 * B) / (1.0 - c3 * B) / q
    df = 4.0 + (q + 2) / (q * rho - 1.0)
    if abs(df - 2.0) < NOTHING and abs(mean) < NOTHING:
        return df, 1.0
    return df, df * mean / (df - 2.0)


def _inverse(information: Array) -> Array:
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    inner = np.linalg.pinv(information * np.outer(scale, scale), rcond=SINGULAR, hermitian=True)
    return np.asarray(inner * np.outer(scale, scale))

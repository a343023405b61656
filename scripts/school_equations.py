"""Likelihood equations of the lecture's two school models, at the estimates it prints.

The estimates are fixed here, so each equation is a number that is zero when the data have those
estimates; Fisher scoring turns it into "how far the estimate is off". Sums over students of a
school are taken by `numpy.add.reduceat` on rows sorted by school.

Slope model: y = T b + Z u + e with Z = (1, ses) in each school and Z-spanned fixed effects
X_j = Z_j T_j. With ZZ = Z'Z and K = (sigma^2 I + ZZ Sigma)^-1 one has Z'V^-1 = K Z'
(push-through identity), so all that is needed is sums of products with Z.

One-way model: y = mu + a + e, v_j = sigma^2 + n_j tau^2, d_j = mean_j - mu.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_STUDENTS, N_SCHOOLS = 12_974, 684

# Slope model, ML: mscore ~ flp + enroll + ses + (ses | school)
BETA = np.array([55.429339, -2.411519, 0.007095, 4.116886])
# The last is printed 0.125381; with the t value printed 32.83 it is above 0.12538103.
BETA_SE = np.array([0.402907, 0.185311, 0.082023, 0.1253813])
BETA_CORR = np.array([-0.815, -0.300, -0.202, -0.193, 0.212, 0.007])  # upper triangle, by rows
SIGMA2 = 67.260
COV = 0.05 * np.sqrt(9.004 * 1.600)
SIGMA = np.array([[9.004, COV], [COV, 1.600]])
SLOPE_DEVIANCE = 92381.72
SLOPE_RESIDUALS = np.array([-3.9797, -0.6399, 0.0180, 0.6681, 4.5053])

# One-way model, ML: mscore ~ 1 + (1 | school)
MU, S2, T2 = 50.9391407, 73.708808, 23.6338229
NULL_DEVIANCE = 2 * 46956.63
NULL_RESIDUALS = np.array([-3.8112, -0.6534, 0.0093, 0.6732, 4.6999])
# Second derivatives of minus the log-likelihood: mu with itself, mu with tau^2, tau^2 with itself.
H_MU, H_MU_T2, H_T2 = 24.35837087, 0.04917, 0.42089960

EQUATIONS = (
    *("intercept", "flp", "enroll", "ses"),
    *("sigma^2", "Sigma11", "Sigma12", "Sigma22"),
    *("mu", "s2", "tau2", "hessian mu tau2", "hessian tau2"),
)


@dataclass(frozen=True)
class Schools:
    """School sizes, covariates and sums of ses; no scores yet.

    Attributes
    ----------
    n, flp, enroll : ndarrays of shape (684,)
    sum_ses, sum_ses2 : ndarrays of shape (684,)
        Sums of ses and of its square over the students of a school.
    """

    n: np.ndarray
    flp: np.ndarray
    enroll: np.ndarray
    sum_ses: np.ndarray
    sum_ses2: np.ndarray

    @property
    def zz(self) -> np.ndarray:
        """Z'Z of each school, shape (684, 2, 2)."""
        flat = [self.n, self.sum_ses, self.sum_ses, self.sum_ses2]
        return np.stack(flat, axis=-1).reshape(-1, 2, 2).astype(float)

    @property
    def k(self) -> np.ndarray:
        """(sigma^2 I + Z'Z Sigma)^-1 of each school, shape (684, 2, 2)."""
        return np.linalg.inv(SIGMA2 * np.eye(2) + self.zz @ SIGMA)

    @property
    def t(self) -> np.ndarray:
        """X_j = Z_j T_j: the fixed effects in terms of (1, ses), shape (684, 2, 4)."""
        t = np.zeros((len(self.n), 2, 4))
        t[:, 0, 0] = 1
        t[:, 0, 1] = self.flp
        t[:, 0, 2] = self.enroll
        t[:, 1, 3] = 1
        return t

    def information(self) -> np.ndarray:
        """X'V^-1 X school by school, shape (684, 4, 4)."""
        return np.swapaxes(self.t, 1, 2) @ (self.k @ self.zz) @ self.t

    def precision(self) -> np.ndarray:
        """Standard errors (4), correlations (6) and ML deviance of the slope model, shape (11,)."""
        return np.append(spread(self.information().sum(axis=0)), self.deviance())

    def deviance(self) -> float:
        """-2 log-likelihood of the slope model at its maximum."""
        return float(N_STUDENTS * (np.log(2 * np.pi * SIGMA2) + 1) + self.logdets().sum())

    def logdets(self) -> np.ndarray:
        """Log det(V_j / sigma^2) of each school, shape (684,)."""
        return np.linalg.slogdet(np.eye(2) + self.zz @ SIGMA / SIGMA2)[1]


def spread(information: np.ndarray) -> np.ndarray:
    """Standard errors (4) and correlations (6) from X'V^-1 X, shape (..., 10)."""
    vcov = np.linalg.inv(information)
    se = np.sqrt(np.diagonal(vcov, axis1=-2, axis2=-1))
    corr = vcov / se[..., :, None] / se[..., None, :]
    return np.concatenate([se, corr[..., *np.triu_indices(4, 1)]], axis=-1)


def null_deviance(n: np.ndarray) -> float:
    """-2 log-likelihood of the one-way model at its maximum, from the school sizes alone."""
    total = N_STUDENTS * (np.log(2 * np.pi * S2) + 1)
    return float(total + np.log1p(n * T2 / S2).sum())


class Scores:
    """The equations as functions of the students' scores.

    Parameters
    ----------
    schools : Schools
    ses : ndarray, shape (12974,)
        Sorted by school.
    """

    def __init__(self, schools: Schools, ses: np.ndarray):
        n = schools.n
        self.n = n
        self.school = np.repeat(np.arange(len(n)), n)
        self._starts = np.concatenate([[0], np.cumsum(n)[:-1]])
        self._z = np.column_stack([np.ones(len(ses)), ses])
        self._k, self._t = schools.k, schools.t
        self._m = self._k @ schools.zz
        self.mean = (self._t @ BETA)[self.school]
        self.mean = (self._z * self.mean).sum(axis=1)
        self._w = np.einsum("iab,ib->ia", self._k[self.school], self._z)
        self._vcov = np.linalg.inv(schools.information().sum(axis=0))
        self._v = S2 + n * T2
        self._slope_steps = self._scoring_slope()
        v = self._v
        information = np.array([[(1 / v**2).sum(), (n / v**2).sum()], [0, (n**2 / v**2).sum()]])
        information[1, 0] = information[0, 1]
        information[0, 0] += (N_STUDENTS - N_SCHOOLS) / S2**2
        self._null_steps = np.linalg.inv(information / 2)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over the students of each school."""
        return np.add.reduceat(values, self._starts, axis=0)

    def _scoring_slope(self) -> np.ndarray:
        """Inverse expected information of (sigma^2, Sigma11, Sigma12, Sigma22)."""
        m = self._m
        units = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]]], dtype=float)
        phi = np.array([SIGMA[0, 0], SIGMA[0, 1], SIGMA[1, 1]])
        me = m[:, None] @ units
        inner = 0.5 * np.einsum("jaxy,jbyx->ab", me, me)
        trace = 0.5 * np.einsum("jaxx->a", me)
        cross = (trace - inner @ phi) / SIGMA2
        trace_v = (N_STUDENTS - np.einsum("xy,jyx->", SIGMA, m)) / SIGMA2
        own = (0.5 * trace_v - cross @ phi) / SIGMA2
        return np.linalg.inv(np.block([[np.atleast_2d(own), cross[None]], [cross[:, None], inner]]))

    def _modes(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r = y - self.mean
        zr = self.total(self._z * r[:, None])
        return r, zr, np.einsum("jab,jb->ja", self._k, zr)

    def _variance_steps(self, s: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Scores of (Sigma11, Sigma12, Sigma22) doubled and Q - N, to steps of the variances."""
        phi = np.array([SIGMA[0, 0], 2 * SIGMA[0, 1], SIGMA[1, 1]])
        own = 0.5 * (q - s @ phi) / SIGMA2
        score = np.concatenate([own[..., None], 0.5 * s * np.array([1, 2, 1])], axis=-1)
        return score @ self._slope_steps

    def off(self, y: np.ndarray) -> np.ndarray:
        """How far each estimate is from the lecture's, in its own units, shape (13,)."""
        r, zr, u = self._modes(y)
        beta = np.einsum("jab,ja->b", self._t, u) @ self._vcov
        uu = np.einsum("ja,jb->ab", u, u) - self._m.sum(axis=0)
        s = np.array([uu[0, 0], uu[0, 1], uu[1, 1]])
        q = (r @ r - np.einsum("ja,ab,jb->", zr, SIGMA, u)) / SIGMA2 - N_STUDENTS
        variances = self._variance_steps(s, np.asarray(q))
        n, v = self.n, self._v
        mean = self.total(y) / n
        d = mean - MU
        within = ((y - mean[self.school]) ** 2).sum()
        g_s = within / S2**2 + (n * d**2 / v**2).sum()
        g_s -= (N_STUDENTS - N_SCHOOLS) / S2 + (1 / v).sum()
        g_t = (n**2 * d**2 / v**2).sum() - (n / v).sum()
        mu = (n * d / v).sum() / (n / v).sum()
        h_mu_t2 = (n**2 * d / v**2).sum() - H_MU_T2
        h_t2 = (-0.5 * n**2 / v**2 + n**3 * d**2 / v**3).sum() - H_T2
        null = 0.5 * np.array([g_s, g_t]) @ self._null_steps
        return np.concatenate([beta, variances, [mu], null, [h_mu_t2, h_t2]])

    def slopes(self, y: np.ndarray) -> np.ndarray:
        """Derivatives of `off` by each score, shape (12974, 13)."""
        r, _, u = self._modes(y)
        u, w, school = u[self.school], self._w, self.school
        beta = np.einsum("iab,ia->ib", self._t[school], w) @ self._vcov
        s = np.column_stack(
            [2 * w[:, 0] * u[:, 0], w[:, 0] * u[:, 1] + w[:, 1] * u[:, 0], 2 * w[:, 1] * u[:, 1]]
        )
        q = 2 * (r - np.einsum("ia,ab,ib->i", self._z, SIGMA, u)) / SIGMA2
        variances = self._variance_steps(s, q)
        n, v = self.n[school], self._v[school]
        mean = (self.total(y) / self.n)[school]
        d = mean - MU
        g = np.column_stack([2 * (y - mean) / S2**2 + 2 * d / v**2, 2 * n * d / v**2])
        return np.column_stack(
            [
                beta,
                variances,
                1 / v / (self.n / self._v).sum(),
                0.5 * g @ self._null_steps,
                n / v**2,
                2 * n**2 * d / v**3,
            ]
        )

    def residuals(self, y: np.ndarray) -> np.ndarray:
        """Scaled conditional residuals of the slope and the one-way model, shape (12974, 2)."""
        r, _, u = self._modes(y)
        slope = r - np.einsum("ia,ab,ib->i", self._z, SIGMA, u[self.school])
        d = self.total(y) / self.n - MU
        null = y - MU - (self.n * T2 / self._v * d)[self.school]
        return np.column_stack([slope / np.sqrt(SIGMA2), null / np.sqrt(S2)])

    def influence(self, i: int, model: int) -> np.ndarray:
        """Derivative of student i's residual (0 slope, 1 one-way model) by every score."""
        mine = self.school == self.school[i]
        if model == 0:
            fitted, scale = self._w @ (SIGMA @ self._z[i]), np.sqrt(SIGMA2)
        else:
            fitted, scale = (T2 / self._v)[self.school], np.sqrt(S2)
        return ((np.arange(len(self.school)) == i) - np.where(mine, fitted, 0)) / scale

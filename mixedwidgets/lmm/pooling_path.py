"""The pooling path: estimates of every level as the SD between levels goes from zero to infinity.

The covariance of the effects of one grouping factor is tau^2 times a fixed shape, that of the fit.
At tau = 0 all levels share the coefficients (complete pooling); as tau goes to infinity each level
gets its own least-squares estimate (no pooling). The coefficients are at their best for every tau.

With one grouping factor everything is closed form in c = tau^2 / sigma^2. With L L' the shape and
Z_j L = Q_j diag(s) O_j' by singular values, what lies along a column of Q_j has weight
1 / (1 + c s^2) in the generalised least squares, what lies beside all of them weight 1, and the
random effects are L O_j diag(c s / (1 + c s^2)) Q_j' r_j.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.deviance import AnySolved, solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array, lower_triangle
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.parameters import Parameter

NOTHING = 1e-9  # singular value, relative, of what adds nothing to a level
NO_INFORMATION = 1e-10  # information within levels on a coefficient of an orthonormal basis
FURTHEST = 1e13  # c s^2 beyond leaves no digits to the coefficients
AS_INFINITE = 1e6  # relative SD that stands for infinity where there are several factors
AT_ONCE = 4_000_000  # numbers in an array over tau and levels
STEPS = 60


@dataclass(frozen=True)
class Path:
    """The pooling path of one grouping factor.

    Attributes
    ----------
    tau : (g,) array
    deviance : (g,) array
        Minus twice the (restricted) log-likelihood; infinite at tau = infinity.
    sigma : (g,) array
        Residual standard deviation.
    beta : (g, p) array
        Coefficients.
    modes : (g, m, K_f) array
        Random effects of every level, in the user's units.
    """

    tau: Array
    deviance: Array
    sigma: Array
    beta: Array
    modes: Array


def direction(estimate: Estimate, factor: int) -> tuple[Array, int]:
    """Factor L (K_f, K_f) of the shape, and which effect has standard deviation 1 in it.

    The shape is the estimated covariance; where that is zero, effects that contribute equally to
    the response and are not correlated.
    """
    moments = estimate.moments
    columns = moments.columns_of(factor)
    chosen = np.ix_(columns, columns)
    L = estimate.factor[chosen]
    if not L.any():
        L = np.zeros_like(L)
        at = 0
        for f, block in zip(moments.factors, moments.layout.slices, strict=True):
            if f == factor:
                k = block.stop - block.start
                here = slice(at, at + k)
                inverse = np.asarray(np.linalg.inv(moments.whitening[block, block]), float)
                L[here, here] = lower_triangle(inverse)
                at += k
    sd = np.sqrt(np.sum(L**2, axis=1))
    first = int(np.argmax(sd > 0.0))
    return L / sd[first], first


def typical_sd(estimate: Estimate, factor: int) -> float:
    """The tau at which a typical level is halfway between no and complete pooling."""
    moments = estimate.moments
    L, _ = direction(estimate, factor)
    columns = moments.columns_of(factor)
    half = moments.whitening[np.ix_(columns, columns)] @ L
    rows = moments.nobs / moments.levels[factor]
    return float(estimate.sigma / np.sqrt(rows * np.sum(half**2) / len(columns)))


def pooling_path(estimate: Estimate, factor: int, tau: Array, profile: bool) -> Path:
    """Follow the estimates of the levels of one grouping factor.

    Parameters
    ----------
    estimate : Estimate
        The fit; the deviance is by its criterion.
    factor : int
        Which grouping factor.
    tau : (g,) array
        Standard deviations, from 0 to infinity.
    profile : bool
        Whether sigma and the covariances of other grouping factors are at their best for every
        tau; else they are those of the fit.

    Returns
    -------
    Path

    Raises
    ------
    ModelError
        A finite tau so large that the likelihood has no digits left.
    """
    if isinstance(estimate.moments, GroupedMoments):
        return _OneFactor.of(estimate, estimate.moments).path(tau, profile)
    return _several_factors(estimate, factor, tau, profile)


def refuse_too_large(tau: float) -> None:
    """Refuse a tau that is infinite for all that can be computed."""
    raise ModelError(
        f"tau is {tau:g}, so large beside the residual standard deviation that no digits are left; "
        "give float('inf') for no pooling."
    )


@dataclass(frozen=True)
class _OneFactor:
    """The likelihood of a model with one grouping factor as a function of c = tau^2 / sigma^2.

    Attributes
    ----------
    estimate : Estimate
    moments : GroupedMoments
    L : (K, K) array
        Factor of the shape, user's units.
    s : (m, K) array
        Singular values; zero for what adds nothing.
    O : (m, K, K) array
        Right singular vectors, in rows.
    v : (m, K, p + 1) array
        Coordinates of fixed-effects basis and residual along the left singular vectors.
    """

    estimate: Estimate
    moments: GroupedMoments
    L: Array
    s: Array
    O: Array  # noqa: E741
    v: Array

    @classmethod
    def of(cls, estimate: Estimate, moments: GroupedMoments) -> _OneFactor:
        L, _ = direction(estimate, 0)
        half = np.matmul(moments.R.transpose(2, 0, 1), moments.whitening @ L)
        left, s, O = np.linalg.svd(half)  # noqa: E741
        s = np.where(s > NOTHING * s.max(), s, 0.0)
        v = np.matmul(left.transpose(0, 2, 1), moments.C.transpose(2, 0, 1))
        return cls(estimate, moments, L, s, O, v)

    @cached_property
    def d(self) -> Array:
        """Squared singular values, (m K,)."""
        return np.asarray(self.s.reshape(-1) ** 2)

    @cached_property
    def products(self) -> Array:
        """Cross-products along each left singular vector, upper triangles, (m K, t)."""
        v = self.v.reshape(len(self.d), -1)
        a, b = np.triu_indices(v.shape[1])
        return np.asarray(v[:, a] * v[:, b])

    @property
    def N(self) -> int:
        return self.estimate.solved.N

    def gram(self, w: Array) -> Array:
        """Cross-products of fixed effects and residual along the singular vectors, (g, p+1, p+1).

        ``w`` (g, m K) are the weights.
        """
        t = self.v.shape[2]
        a, b = np.triu_indices(t)
        out = np.empty((len(w), t, t))
        out[:, a, b] = out[:, b, a] = w @ self.products
        return out

    def path(self, tau: Array, profile: bool) -> Path:
        """See ``pooling_path``."""
        finite = np.isfinite(tau)
        self._refuse(tau[finite])
        g, (m, K), p = len(tau), self.s.shape, self.moments.ncoef
        deviance, sigma = np.full(g, np.inf), np.full(g, self.estimate.sigma)
        delta, modes = np.empty((g, p)), np.empty((g, m, K))
        for rows in np.array_split(
            np.flatnonzero(finite), max(1, -(-int(finite.sum()) * m * K // AT_ONCE))
        ):
            if profile:
                sigma[rows] = self.best_sigma(tau[rows])
            c = (tau[rows] / sigma[rows]) ** 2
            logdet, q, delta[rows], _ = self.at(c)
            deviance[rows] = (
                logdet
                + self.N * np.log(2.0 * np.pi * sigma[rows] ** 2)
                + q / sigma[rows] ** 2
                - self.moments.sum_log_weights
            )
            share = c[:, None, None] * self.s / (1.0 + c[:, None, None] * self.s**2)
            modes[rows] = self.modes(share, delta[rows])
        if not finite.all():
            best, delta[~finite] = self.limit()
            sigma[~finite] = best if profile else self.estimate.sigma
            share = np.divide(1.0, self.s, out=np.zeros_like(self.s), where=self.s > 0.0)
            modes[~finite] = self.modes(share[None], delta[~finite][:1])
        beta = np.array([self.moments.coefficients(x) for x in delta]).reshape(g, p)
        return Path(tau, deviance, sigma, beta, modes)

    def modes(self, share: Array, delta: Array) -> Array:
        """Random effects (g, m, K) from what each direction keeps (g, m, K) and coefficients."""
        along = self.v[:, :, -1] - np.moveaxis(self.v[:, :, :-1] @ delta.T, -1, 0)
        kept = np.matmul((share * along)[:, :, None, :], self.O)[:, :, 0, :]
        return np.asarray(kept @ self.L.T)

    def at(self, c: Array) -> tuple[Array, Array, Array, Array]:
        """Logdet (g,), q (g,), coefficients (g, p), cross-products (g, p + 1, p + 1)."""
        p = self.moments.ncoef
        spread = 1.0 + c[:, None] * self.d
        gram = self.moments.within + self.gram(1.0 / spread)
        logdet = np.log(spread).sum(axis=1)
        delta = np.linalg.solve(gram[:, :p, :p], gram[:, :p, p:])[:, :, 0]
        q = gram[:, p, p] - np.einsum("gp,gp->g", delta, gram[:, :p, p])
        if self.estimate.reml:
            logdet = logdet + 2.0 * self.moments.basis.logdet
            logdet = logdet + np.linalg.slogdet(gram[:, :p, :p])[1]
        return logdet, q, np.asarray(delta), gram

    def best_sigma(self, tau: Array) -> Array:
        """The residual standard deviation that is best for each tau, (g,), by Newton's method."""
        x = np.full(len(tau), np.log(self.estimate.sigma))
        value, step = self._newton(x, tau)
        for _ in range(STEPS):
            trial, next_step = self._newton(x + step, tau)
            better = trial <= value + 1e-13 * (1.0 + np.abs(value))
            x = np.where(better, x + step, x)
            value = np.where(better, trial, value)
            step = np.where(better, next_step, 0.5 * step)
            if np.all(np.abs(step) < 1e-10):
                break
        return np.exp(x)

    def _newton(self, x: Array, tau: Array) -> tuple[Array, Array]:
        """Deviance at log sigma = x, (g,), and the step to the next x."""
        inverse = np.exp(-2.0 * x)
        c = tau**2 * inverse
        logdet, q, delta, gram = self.at(c)
        logdet1, logdet2, q1, q2 = self._slopes(c, delta, gram)
        value = logdet + 2.0 * self.N * x + q * inverse
        first = -2.0 * c * logdet1 + 2.0 * self.N - 2.0 * inverse * (q + c * q1)
        second = 4.0 * (c * logdet1 + c**2 * logdet2)
        second = second + 4.0 * inverse * (q + 3.0 * c * q1 + c**2 * q2)
        convex = second > 0.0
        step = -first / np.where(convex, second, 1.0)
        return value, np.clip(np.where(convex, step, -0.5 * np.sign(first)), -1.0, 1.0)

    def _slopes(self, c: Array, delta: Array, gram: Array) -> tuple[Array, Array, Array, Array]:
        """First and second derivatives of logdet and q in c, (g,) each."""
        p = self.moments.ncoef
        w = 1.0 / (1.0 + c[:, None] * self.d)
        logdet1, logdet2 = (self.d * w).sum(axis=1), -((self.d * w) ** 2).sum(axis=1)
        first, second = self.gram(-self.d * w**2), self.gram(2.0 * self.d**2 * w**3)
        e = np.concatenate([-delta, np.ones((len(c), 1))], axis=1)
        along = np.einsum("gab,gb->ga", first, e)
        X = gram[:, :p, :p]
        moved = np.linalg.solve(X, along[:, :p, None])[:, :, 0]
        q1 = np.einsum("ga,ga->g", e, along)
        q2 = np.einsum("ga,gab,gb->g", e, second, e)
        q2 = q2 - 2.0 * np.einsum("gp,gp->g", along[:, :p], moved)
        if self.estimate.reml:
            ratio1 = np.linalg.solve(X, first[:, :p, :p])
            ratio2 = np.linalg.solve(X, second[:, :p, :p])
            logdet1 = logdet1 + np.einsum("gpp->g", ratio1)
            logdet2 = logdet2 + np.einsum("gpp->g", ratio2)
            logdet2 = logdet2 - np.einsum("gpq,gqp->g", ratio1, ratio1)
        return logdet1, logdet2, q1, q2

    def limit(self) -> tuple[float, Array]:
        """Best sigma and coefficients as tau goes to infinity.

        The information within levels is infinitely stronger than that between them: what it says
        of the coefficients stands, and the rest is chosen by the information between levels.
        """
        p, free = self.moments.ncoef, self.d > 0.0
        beside = self.moments.within + self.gram((~free).astype(float)[None])[0]
        between = self.gram(np.divide(1.0, self.d, out=np.zeros_like(self.d), where=free)[None])[0]
        values, vectors = np.linalg.eigh(beside[:p, :p])
        open_ = values <= NO_INFORMATION
        settled = vectors[:, ~open_]
        delta = settled @ ((settled.T @ beside[:p, p]) / values[~open_])
        rest = vectors[:, open_]
        target = rest.T @ (between[:p, p] - between[:p, :p] @ delta)
        delta = delta + rest @ np.linalg.solve(rest.T @ between[:p, :p] @ rest, target)
        e = np.append(-delta, 1.0)
        left = self.N - int(free.sum()) + (int(open_.sum()) if self.estimate.reml else 0)
        q = max(float(e @ beside @ e), 0.0)
        return (float(np.sqrt(q / left)) if left > 0 else 0.0), delta

    def _refuse(self, tau: Array) -> None:
        most = FURTHEST / max(float(self.d.max()), 1e-300)
        for value in tau[(tau / self.estimate.sigma) ** 2 > most]:
            refuse_too_large(float(value))


def _several_factors(estimate: Estimate, factor: int, tau: Array, profile: bool) -> Path:
    """The same by solving the whole model at every tau."""
    moments = estimate.moments
    columns = moments.columns_of(factor)
    whitening = moments.whitening[np.ix_(columns, columns)]
    blocks = [n for n, f in enumerate(moments.factors) if f == factor]
    g, m, p = len(tau), moments.levels[factor], moments.ncoef
    deviance, sigma = np.full(g, np.inf), np.full(g, estimate.sigma)
    beta, modes = np.empty((g, p)), np.empty((g, m, len(columns)))
    for row, solved, sigma[row] in solutions(estimate, factor, tau, profile):
        if np.isfinite(tau[row]):
            deviance[row] = solved.at_sigma2(sigma[row] ** 2)
        beta[row] = moments.coefficients(solved.delta)
        found = np.concatenate([solved.modes[n] for n in blocks])
        modes[row] = np.linalg.solve(whitening, found).T
    return Path(tau, deviance, sigma, beta, modes)


def solutions(
    estimate: Estimate, factor: int, tau: Array, profile: bool
) -> Iterator[tuple[int, AnySolved, float]]:
    """The whole model solved at every tau, from the smallest to the largest.

    At infinity it is solved at a tau beside which nothing else counts. The arguments are those
    of ``pooling_path``.

    Yields
    ------
    row : int
        Which tau.
    solved : Solved
        The likelihood there.
    sigma : float
        The residual standard deviation there.
    """
    moments = estimate.moments
    columns = moments.columns_of(factor)
    L, _ = direction(estimate, factor)
    whitening = moments.whitening[np.ix_(columns, columns)]
    largest = AS_INFINITE * estimate.sigma / float(np.abs(whitening @ L).max())
    along = _Along(estimate, columns, L)
    for row in np.argsort(tau, kind="stable").tolist():
        if largest < tau[row] < np.inf:
            refuse_too_large(float(tau[row]))
        value = min(float(tau[row]), largest)
        S, sigma = along.best(value) if profile else along.held(value)
        yield row, solve(S, moments, estimate.reml), sigma


class _Along:
    """The relative covariance of a model as the effects of one factor get a standard deviation.

    Parameters
    ----------
    estimate : Estimate
        The fit.
    columns : list of int
        The columns of that factor.
    L : (K_f, K_f) array
        Factor of its shape.
    """

    def __init__(self, estimate: Estimate, columns: list[int], L: Array):
        self.estimate, self.columns, self.L = estimate, columns, L
        moments = estimate.moments
        rows, cols = moments.layout.position
        self.elements = [e for e, (r, c) in enumerate(zip(rows, cols, strict=True)) if r in columns]
        place = {column: n for n, column in enumerate(columns)}
        self.unit = np.array([L[place[rows[e]], place[cols[e]]] for e in self.elements])
        self.constraint = Constraint(
            moments=moments,
            held=tuple(Parameter(f"element {e}", "sd") for e in self.elements),
            reml=estimate.reml,
            factor=Factor(moments.layout, moments.whitening),
            into=np.eye(moments.layout.width),
            curved=(),
            relative=np.zeros(moments.layout.ntheta, dtype=bool),
            coordinates=tuple(self.elements),
        )
        self.z = self.constraint.start(estimate.factor, estimate.sigma)

    def held(self, tau: float) -> tuple[Array, float]:
        """Relative covariance and sigma, all others as in the fit."""
        chosen = np.ix_(self.columns, self.columns)
        S = self.estimate.solved.S.copy()
        half = self.estimate.moments.whitening[chosen] @ self.L * (tau / self.estimate.sigma)
        S[chosen] = half @ half.T
        return S, self.estimate.sigma

    def best(self, tau: float) -> tuple[Array, float]:
        """Relative covariance and sigma, all others at their best."""
        self.z = self.constraint.minimise(tuple(tau * self.unit), self.z).z
        sigma = float(np.exp(self.z[-1]))
        T = self.estimate.moments.layout.matrix(self.z[:-1] / sigma)
        return self.constraint.factor.covariance(T), sigma

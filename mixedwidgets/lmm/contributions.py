"""What each group contributes to the log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import Design, Grouping
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import orthogonalise
from mixedwidgets.lmm.grouped_deviance import eliminate
from mixedwidgets.lmm.linalg import PIECE, Array, semidefinite_root


@dataclass(frozen=True)
class Shares:
    """Cross-products of each group of the innermost grouping factor, for its share of a likelihood.

    Attributes
    ----------
    chain : tuple of int
        The grouping factors, each nested in the next; the last is the one that contributions are
        of.
    columns : tuple of lists of int
        For each of them its columns of the random effects.
    parents : tuple of (m,) arrays of int
        For each factor but the last the level of the next one that a level lies in.
    R : (K1, K1, m) array
        Triangular factors of the innermost factor's whitened columns.
    C : (K1, t, m) array
        Coordinates along them of the whitened columns of the outer factors, of the fixed-effects
        basis and, last, of the least-squares residual.
    rest : (m, t, t) array
        Cross-products of what is left of these.
    rows : (m,) array
        Number of rows of each outermost group.
    log_weights : (m,) array
        Its sum of log prior weights.
    """

    chain: tuple[int, ...]
    columns: tuple[list[int], ...]
    parents: tuple[NDArray[np.intp], ...]
    R: Array
    C: Array
    rest: Array
    rows: Array
    log_weights: Array

    @classmethod
    def of(cls, design: Design, factor: int) -> Shares:
        """Take the cross-products of a design for the contributions of one factor's levels.

        Parameters
        ----------
        design : Design
        factor : int
            The outermost grouping factor; see ``outermost``.
        """
        chain = _chain(design)
        assert chain is not None
        assert chain[-1] == factor
        coordinates = coordinates_of(design)
        columns = tuple(coordinates.shared.columns_of(f) for f in chain)
        groupings = [design.groupings[f] for f in chain]
        inner, outer = groupings[0], groupings[-1]
        counts = np.bincount(inner.codes, minlength=len(inner.levels))
        order = np.argsort(inner.codes, kind="stable")
        ends, width = np.cumsum(counts), len(columns[0])
        arranged = [c for own in columns for c in own]
        R, C, rest = [], [], []
        first = 0
        while first < len(counts):
            low = int(ends[first] - counts[first])
            last = max(int(np.searchsorted(ends, low + PIECE, side="right")), first + 1)
            rows = order[low : ends[last - 1]]
            both = np.concatenate([coordinates.white(rows)[arranged], coordinates.fixed(rows)])
            part = orthogonalise(both, counts[first:last], width)
            R.append(part.R)
            C.append(part.C)
            rest.append(_squares(part.rest, counts[first:last]))
            first = last
        size = len(outer.levels)
        logs = np.zeros(len(design.y)) if design.weights is None else np.log(design.weights)
        return cls(
            chain=chain,
            columns=columns,
            parents=tuple(_parent(a, b) for a, b in pairwise(groupings)),
            R=np.concatenate(R, axis=2),
            C=np.concatenate(C, axis=2),
            rest=np.concatenate(rest),
            rows=np.bincount(outer.codes, minlength=size).astype(np.float64),
            log_weights=np.bincount(outer.codes, weights=logs, minlength=size).astype(np.float64),
        )

    def contributions(self, estimate: Estimate) -> Array:
        """The log-likelihood of each outermost group, (m,), at the parameters of an estimate.

        With V_j the covariance of the group's n_j responses in units of sigma^2 (prior weights w
        included) and r_j = y_j - X_j beta,

            l_j = -(n_j log(2 pi sigma^2) + log |V_j| + r_j' V_j^-1 r_j / sigma^2) / 2.

        Parameters
        ----------
        estimate : Estimate
            Of the same design, by either criterion: its theta, sigma and coefficients count. They
            may be any parameters, such as those of a ``Point``.

        Returns
        -------
        (m,) array
            Their sum is the log-likelihood (not the restricted one) at these parameters.

        Notes
        -----
        Random effects are eliminated factor by factor, the innermost first: ``[Z, r]' V^-1 [Z, r]``
        of the outer factors is a sum over the inner groups, and with S = T T' the relative
        covariance of a factor, and A its ``Z' V^-1 Z`` in a group, log |V| grows by
        log |I + T' A T|, as the Cholesky factor of Bates et al. (2015, section 3.4) does.
        """
        S = estimate.solved.S
        inner = self.columns[0]
        outer = sum(len(own) for own in self.columns[1:])
        change = np.zeros((self.C.shape[1], outer + 1))
        change[:outer, :outer] = np.eye(outer)
        change[outer:, outer] = np.append(-estimate.solved.delta, 1.0)
        C = np.matmul(change.T, self.C)
        diagonal, rows = eliminate(self.R, C, S[np.ix_(inner, inner)])
        rows = rows[:, len(inner) :]
        logdet = 2.0 * np.log(diagonal).sum(axis=0)
        A = np.matmul(change.T, np.matmul(self.rest, change))
        A += np.einsum("iaj,ibj->jab", rows, rows)
        for own, parent in zip(self.columns[1:], self.parents, strict=True):
            logdet, A = _gathered(logdet, parent), _gathered(A, parent)
            T = semidefinite_root(S[np.ix_(own, own)])
            k = len(own)
            along = np.matmul(A[:, k:, :k], T)
            inside = np.eye(k) + np.matmul(T.T, np.matmul(A[:, :k, :k], T))
            logdet += np.linalg.slogdet(inside)[1]
            A = A[:, k:, k:] - np.matmul(along, np.linalg.solve(inside, along.transpose(0, 2, 1)))
        sigma2 = estimate.sigma**2
        constant = self.rows * np.log(2.0 * np.pi * sigma2) - self.log_weights
        return np.asarray(-0.5 * (constant + logdet + A[:, 0, 0] / sigma2))


def outermost(design: Design, name: object = None) -> int:
    """The grouping factor whose levels are independent of each other.

    Parameters
    ----------
    design : Design
    name : str, optional
        What the user calls it; by default the only one there is.

    Returns
    -------
    int
        Its number.

    Raises
    ------
    ModelError
        There is no such factor, its levels are not independent, or no factor's are.
    """
    names = [g.name for g in design.groupings]
    if name is not None and name not in names:
        raise ModelError(
            f"This model has no grouping factor {brief(name)}{nearest(str(name), names)}; choose "
            f"from {listed(names)}."
        )
    chain = _chain(design)
    if chain is None:
        raise ModelError(
            f"The grouping factors {listed(names)} are crossed, so that groups of one share groups "
            "of another: the log-likelihood is no sum of contributions of groups."
        )
    outer = chain[-1]
    if name is not None and name != names[outer]:
        raise ModelError(
            f"Levels of {name} within one level of {names[outer]} are not independent, so they "
            f"have no contributions of their own to the log-likelihood; ask for {names[outer]!r}."
        )
    return outer


def _chain(design: Design) -> tuple[int, ...] | None:
    """The grouping factors from the innermost to the outermost, None unless nested."""
    groupings = design.groupings
    order = sorted(range(len(groupings)), key=lambda f: -len(groupings[f].levels))
    for one, other in pairwise(order):
        a, b = groupings[one], groupings[other]
        if not np.array_equal(_parent(a, b)[a.codes], b.codes):
            return None
    return tuple(order)


def _parent(inner: Grouping, outer: Grouping) -> NDArray[np.intp]:
    """The level of the outer factor in a row of each level of the inner one."""
    out = np.empty(len(inner.levels), dtype=np.intp)
    out[inner.codes] = outer.codes
    return out


def _squares(columns: Array, counts: NDArray[np.intp]) -> Array:
    """Cross-products of columns (t, n) within groups of consecutive rows, (m, t, t)."""
    t = len(columns)
    starts = np.cumsum(counts) - counts
    out = np.empty((len(counts), t, t))
    for a in range(t):
        products = np.add.reduceat(columns[: a + 1] * columns[a], starts, axis=1)
        out[:, : a + 1, a] = out[:, a, : a + 1] = products.T
    return out


def _gathered(values: Array, parent: NDArray[np.intp]) -> Array:
    """Sums over the groups within each outer group."""
    order = np.argsort(parent, kind="stable")
    starts = np.searchsorted(parent[order], np.arange(int(parent.max()) + 1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0))

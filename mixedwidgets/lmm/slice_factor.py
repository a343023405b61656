"""A term's relative covariance factor with elements of theta changed, and what else is held of it.

The other elements of theta stay at their estimates, with these exceptions. A standard deviation is
reached by stretching its row; elements of theta held in the row stay, the others are stretched. In
the first row, which is one element, sigma follows. A correlation is reached by turning the row of
the second effect towards or away from that of the first, at its length; an element of theta held in
that row stays, and what neither says is stretched to keep the length. Where nothing is left to
stretch, the length follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter

ROUNDING = 1e-12  # relative: a square that small and below zero is zero
RESIDUE = 1e-6  # relative: an element of a row that is correlated by one but for rounding
DEGENERATE = 1e-9  # length of what is left of a unit vector that is a multiple of another


def implied_sigma(
    held: tuple[Parameter, ...], points: Array, sigma: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Sigma (t,) where a standard deviation and the same divided by sigma are held, and whether."""
    out, possible = sigma.copy(), np.ones(len(points), dtype=bool)
    for theta, t in zip(held, points.T, strict=True):
        if theta.kind != "theta" or theta.i != 0:
            continue
        for other, sd in zip(held, points.T, strict=True):
            if other.kind == "sd" and other.block == theta.block and other.i == 0:
                usable = (t > 0.0) & (sd > 0.0)
                out = np.where(usable, sd / np.where(usable, t, 1.0), out)
                possible &= usable | ((t == 0.0) & (sd == 0.0))
    return out, possible


def changed_factor(
    estimate: Array, inside: list[tuple[Parameter, Array]], sigma: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """The relative factor of a term at points, and which of them are possible.

    Parameters
    ----------
    estimate : (k, k) array
        The relative factor, lower triangular.
    inside : list of (Parameter, (t,) array)
        What is held of the term, with its values.
    sigma : (t,) array
        Residual standard deviations.

    Returns
    -------
    factor : (t, k, k) array
    possible : (t,) array of bool
    """
    count = len(sigma)
    factor, possible = np.tile(estimate, (count, 1, 1)), np.ones(count, dtype=bool)
    fixed: dict[int, list[int]] = {}
    for p, values in inside:
        if p.kind == "theta":
            factor[:, p.i, p.j] = values
            fixed.setdefault(p.i, []).append(p.j)
    for p, values in inside:
        if p.kind == "sd" and not (p.i == 0 and fixed.get(0)):
            possible &= _stretch(factor, p.i, values / sigma, fixed.get(p.i, []))
    lengths = {p.i: values / sigma for p, values in inside if p.kind == "sd"}
    for p, values in inside:
        if p.kind == "cor":
            size = lengths.get(p.j, np.full(count, np.linalg.norm(estimate[p.j])))
            turn = _Turn(p.i, p.j, tuple(fixed.get(p.j, [])), p.j in lengths)
            for n in range(count):
                row = turn.row(factor[n], float(values[n]), float(size[n]))
                possible[n] &= row is not None
                if row is not None:
                    factor[n, p.j, : p.j + 1] = row
    return factor, possible


def _stretch(factor: Array, i: int, length: Array, fixed: list[int]) -> NDArray[np.bool_]:
    """Give a row a length by what is not fixed of it, in place; which points allow that."""
    others = [c for c in range(i + 1) if c not in fixed]
    square = length**2 - np.sum(factor[:, i, fixed] ** 2, axis=1)
    possible = square >= -ROUNDING * length**2
    if not others:
        return np.asarray(possible & (square <= ROUNDING * length**2))
    rest = factor[:, i, others]
    size = np.linalg.norm(rest, axis=1, keepdims=True)
    along = np.where(size > 0.0, rest / np.where(size > 0.0, size, 1.0), np.eye(len(others))[-1])
    factor[:, i, others] = along * np.sqrt(np.maximum(square, 0.0))[:, None]
    return np.asarray(possible)


@dataclass(frozen=True)
class _Turn:
    """Turns the row ``second`` to a correlation with the row ``first``.

    Attributes
    ----------
    first, second : int
        Rows.
    fixed : tuple of int
        Columns in which elements of theta are held in the second.
    sized : bool
        Whether its length is held too.
    """

    first: int
    second: int
    fixed: tuple[int, ...]
    sized: bool

    def row(self, factor: Array, correlation: float, size: float) -> Array | None:
        """The second row, (second + 1,); None where there is none."""
        count = self.second + 1
        now, toward = factor[self.second, :count], factor[self.first, :count]
        length = float(np.linalg.norm(toward))
        toward = toward / length if length > 0.0 else np.eye(count)[self.first]
        base = np.zeros(count)
        base[list(self.fixed)] = now[list(self.fixed)]
        beyond = toward.copy()
        beyond[list(self.fixed)] = 0.0
        left, told = float(np.linalg.norm(beyond)), float(base @ toward)
        axes = np.eye(count)[list(self.fixed)]
        if left > DEGENERATE:
            axes = np.vstack([axes, beyond / left])
        rest = _across(now, axes)
        r = self._length(correlation, size, told, left, base, rest is None)
        if r is None:
            return None
        along = (correlation * r - told) / left**2 if left > DEGENERATE else 0.0
        out = base + along * beyond
        square = r**2 - float(out @ out)
        if square < -ROUNDING * r**2 or (rest is None and square > DEGENERATE * r**2):
            return None
        return out if rest is None else np.asarray(out + np.sqrt(max(square, 0.0)) * rest)

    def _length(
        self, correlation: float, size: float, told: float, left: float, base: Array, full: bool
    ) -> float | None:
        """The length: as it was, but where the fixed elements determine it."""
        r = size
        if left <= DEGENERATE:
            if correlation != 0.0:
                r = told / correlation
            elif told != 0.0:
                return None
        elif full and self.fixed and not self._perfect(correlation, size, left, base):
            quadratic = [
                left**2 - correlation**2,
                2.0 * correlation * told,
                -(told**2) - left**2 * float(base @ base),
            ]
            roots = [float(x.real) for x in np.roots(quadratic) if abs(x.imag) < DEGENERATE]
            if not any(x >= 0.0 for x in roots):
                return None
            r = max(roots)
        wrong = self.sized and abs(r - size) > DEGENERATE * size
        return None if wrong or r < 0.0 else r

    @staticmethod
    def _perfect(correlation: float, size: float, left: float, base: Array) -> bool:
        """Whether the correlation is one and the fixed elements zero, as any length allows."""
        return abs(correlation) >= left and float(np.linalg.norm(base)) <= RESIDUE * size


def _across(row: Array, axes: Array) -> Array | None:
    """Unit vector of what a row has at right angles to unit vectors, of any where it has none."""
    k = len(row)
    if len(axes) >= k:
        return None
    project = np.eye(k) - axes.T @ axes
    rest = project @ row
    size = float(np.linalg.norm(rest))
    if size > DEGENERATE * float(np.linalg.norm(row)):
        return np.asarray(rest / size)
    other = project[int(np.argmax(np.diag(project)))]
    return np.asarray(other / np.linalg.norm(other))

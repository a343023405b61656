"""Cross-products of several grouping factors, nested or crossed, taken once.

The factor with the most random effects is eliminated exactly within its levels, as in ``grouped``.
What couples its levels to the columns Z2 of the other factors, Q_j' Z2, is sparse; what is left of
Z2 itself falls into blocks: one for each set of levels that the data connect, hence many small
ones where factors are nested and a single one where they are crossed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mixedwidgets.errors import ModelError, listed
from mixedwidgets.lmm.blockdiag import BlockDiagonal, Partition
from mixedwidgets.lmm.coupling import Coupling, Ints
from mixedwidgets.lmm.crossproducts import Coordinates, Moments
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.grouped import Orthogonal, orthogonalise
from mixedwidgets.lmm.linalg import Array

ROUNDING = 1e-12  # squared length, relative, below which a difference of cross-products is none
FEW = 48  # columns of the other factors that are not worth splitting into blocks
CROWDED = 0.15  # share of nonzero couplings above which a dense matrix is faster
MATRICES = 15  # of the other factors' columns, that a fit holds at its peak
MUCH = 3e7  # operations of one matrix product from which exact second derivatives cost much
TINY = 250_000  # elements up to which a dense matrix is faster in any case


@dataclass(frozen=True)
class CrossedMoments(Moments):
    """Cross-products of a model with several grouping factors.

    Attributes
    ----------
    eliminated : int
        The grouping factor that is eliminated first.
    leading : (K1,) array of int
        Which of the K columns vary over it.
    R, C, within
        As in ``GroupedMoments``, for that factor and its m levels.
    coupling : Coupling
        Q_j' Z2, with q columns in Z2.
    rest22 : BlockDiagonal (q, q)
        Cross-products of Z2 after projecting out every Q_j; exactly zero for a column in the span
        of these, as of a factor that the eliminated one is nested in.
    rest2x : (q, p + 1) array
        Cross-products of Z2 and the fixed-effects columns after projecting out every Q_j.
    places : dict of int to (m,) array of int
        For each other of the K columns, where its levels stand in Z2.
    """

    eliminated: int
    leading: Ints
    R: Array
    C: Array
    within: Array
    coupling: Coupling
    rest22: BlockDiagonal
    rest2x: Array
    places: dict[int, Ints]

    @cached_property
    def kind(self) -> Ints:
        """Which of the K columns each column of Z2 belongs to, (q,)."""
        out = np.empty(self.rest22.partition.size, dtype=np.intp)
        for column, places in self.places.items():
            out[places] = column
        return out

    @property
    def costly(self) -> bool:
        """Whether exact second derivatives cost much more than first ones."""
        return sum(count * size**3 for count, size in self.rest22.partition.runs) > MUCH

    def typical_squares(self) -> tuple[Array, ...]:
        """Mean cross-products Z_j' Z_j of a level, (k, k) for each block."""
        out = np.zeros((self.layout.width, self.layout.width))
        leading = np.einsum("iaj,ibj->ab", self.R, self.R) / self.R.shape[2]
        out[np.ix_(self.leading, self.leading)] = leading
        full = self.rest22 + self.coupling.gram(_identities(self.R))
        for a, places in self.places.items():
            for b, others in self.places.items():
                if len(places) == len(others) and abs(int(others[0] - places[0])) < 64:
                    line = full.diagonal(int(others[0] - places[0]))
                    out[a, b] = line[places].mean()
        return tuple(out[c, c] for c in self.layout.slices)

    def transformed(self, change: Array, ols: Array) -> CrossedMoments:
        """The same data with other fixed-effects coordinates: ``[X, r] @ change``."""
        return replace(
            self,
            C=np.ascontiguousarray(np.matmul(change.T, self.C)),
            within=change.T @ self.within @ change,
            rest2x=self.rest2x @ change,
            ols=ols,
        )


def _identities(R: Array) -> Array:
    width, m = R.shape[0], R.shape[2]
    return np.broadcast_to(np.eye(width)[:, :, None], (width, width, m))


def crossed_moments(columns: Coordinates) -> CrossedMoments:
    """Take the cross-products of a design with several grouping factors.

    Parameters
    ----------
    columns : Coordinates
        Of the design.

    Returns
    -------
    CrossedMoments
    """
    shared, design = columns.shared, columns.design
    effects = [m * len(shared.columns_of(f)) for f, m in enumerate(shared.levels)]
    eliminated = int(np.argmax(effects))
    leading = np.array(shared.columns_of(eliminated), dtype=np.intp)
    first = design.groupings[eliminated]
    order = np.argsort(first.codes, kind="stable")
    white = columns.white(order)
    parts = orthogonalise(
        np.concatenate([white[leading], columns.fixed(order)]),
        np.bincount(first.codes, minlength=len(first.levels)),
        len(leading),
    )
    others = _Others.of(design, shared, white, parts, order, eliminated)
    partition, starts = others.partition()
    _refuse_too_large(partition, [g.name for g in design.groupings])
    places = others.places(starts)
    coupling = others.coupling(starts, partition)
    squares = others.squares(starts, partition)
    rest22 = squares - coupling.gram(_identities(parts.R))
    rest2x = others.products(starts, partition.size)
    spanned = rest22.diagonal(0) <= ROUNDING * squares.diagonal(0)
    if spanned.any():  # as in nested factors: what is left is rounding, which a large S magnifies
        kept = np.where(spanned, 0.0, 1.0)
        rest22, rest2x = rest22.scaled(kept, kept), rest2x * kept[:, None]
    return CrossedMoments(
        **shared.fields(),
        eliminated=eliminated,
        leading=leading,
        R=parts.R,
        C=parts.C,
        within=parts.rest @ parts.rest.T,
        coupling=coupling,
        rest22=rest22,
        rest2x=rest2x,
        places=places,
    )


def _refuse_too_large(partition: Partition, names: list[str]) -> None:
    """Refuse levels so many, and so connected, that their matrices do not fit into memory."""
    needed, there = 8.0 * MATRICES * partition.storage, _memory()
    if needed > there:
        raise ModelError(
            f"The levels of {listed(names)} are so many and so connected by the data that the fit "
            f"needs about {needed / 1e9:.0f} GB of memory, and this machine has "
            f"{there / 1e9:.0f}; use a grouping factor with fewer levels, or a part of the data."
        )


def _memory() -> float:
    """Memory of the machine in bytes; 2 GB where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 2e9


@dataclass(frozen=True)
class _Others:
    """The rows of a design as the other factors see them, sorted by the eliminated one.

    ``factors`` lists, for each other factor, its columns among the K, its number of levels, the
    level of each row, the rows' columns (K_f, n), and where two factors' levels meet.
    """

    first: Ints
    ngroups: int
    parts: Orthogonal
    numbers: list[list[int]]
    levels: list[int]
    codes: list[Ints]
    z: list[Array]

    @classmethod
    def of(
        cls,
        design: Design,
        shared: Moments,
        white: Array,
        parts: Orthogonal,
        order: Ints,
        eliminated: int,
    ) -> _Others:
        which = [f for f in range(len(shared.levels)) if f != eliminated]
        numbers = [shared.columns_of(f) for f in which]
        first = design.groupings[eliminated]
        return cls(
            first=first.codes[order],
            ngroups=len(first.levels),
            parts=parts,
            numbers=numbers,
            levels=[shared.levels[f] for f in which],
            codes=[design.groupings[f].codes[order] for f in which],
            z=[white[n] for n in numbers],
        )

    @cached_property
    def meetings(self) -> list[tuple[Ints, Ints, Ints]]:
        """For each factor the level of the first and of its own at each meeting, and row -> it."""
        return [
            _meetings(self.first, codes, levels)
            for codes, levels in zip(self.codes, self.levels, strict=True)
        ]

    def partition(self) -> tuple[Partition, list[Ints]]:
        """Blocks of connected levels, and where each level of each factor starts in Z2."""
        widths = [len(n) for n in self.numbers]
        component = self._components()
        size = np.zeros(max(int(c.max()) for c in component) + 1, dtype=np.intp)
        for c, width in zip(component, widths, strict=True):
            size += width * np.bincount(c, minlength=len(size))
        rank = np.argsort(np.argsort(size, kind="stable"), kind="stable")
        keys = [rank[c] for c in component]
        owner = np.concatenate([np.full(len(k), f) for f, k in enumerate(keys)])
        order = np.lexsort((owner, np.concatenate(keys)))
        width_of = np.asarray(widths)[owner]
        start = np.empty(len(owner), dtype=np.intp)
        start[order] = np.cumsum(width_of[order]) - width_of[order]
        sizes, counts = np.unique(size, return_counts=True)
        runs = tuple((int(c), int(s)) for s, c in zip(sizes, counts, strict=True) if s > 0)
        return Partition(runs), np.split(start, np.cumsum(self.levels)[:-1])

    def _components(self) -> list[Ints]:
        """The connected set that each level of each factor belongs to."""
        width = sum(len(n) * m for n, m in zip(self.numbers, self.levels, strict=True))
        if width <= FEW:
            return [np.zeros(m, dtype=np.intp) for m in self.levels]
        at = np.cumsum([self.ngroups, *self.levels])
        rows = np.concatenate([g for g, _, _ in self.meetings])
        cols = np.concatenate([h + a for (_, h, _), a in zip(self.meetings, at, strict=False)])
        graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(at[-1], at[-1]))
        _, labels = connected_components(graph, directed=False)
        pieces = np.split(labels.astype(np.intp), at[:-1])[1:]
        _, packed = np.unique(np.concatenate(pieces), return_inverse=True)
        return np.split(packed.astype(np.intp), np.cumsum(self.levels)[:-1])

    def places(self, starts: list[Ints]) -> dict[int, Ints]:
        """Where the levels of each of the K columns stand in Z2."""
        return {
            number: start + offset
            for numbers, start in zip(self.numbers, starts, strict=True)
            for offset, number in enumerate(numbers)
        }

    def coupling(self, starts: list[Ints], partition: Partition) -> Coupling:
        """Q_j' Z2 by sums over the rows where two levels meet."""
        values, groups, columns = [], [], []
        for (group, level, meeting), z, start in zip(self.meetings, self.z, starts, strict=True):
            for offset, effect in enumerate(z):
                values.append(
                    [
                        np.bincount(meeting, weights=q * effect, minlength=len(group))
                        for q in self.parts.Q
                    ]
                )
                groups.append(group)
                columns.append(start[level] + offset)
        value = np.concatenate([np.array(v) for v in values], axis=1)
        group, column = np.concatenate(groups), np.concatenate(columns)
        shape = (self.ngroups, partition.size)
        cells = shape[0] * shape[1]
        if (
            len(partition.runs) == 1
            and partition.runs[0][0] == 1
            and (len(group) > CROWDED * cells or cells * len(value) <= TINY)
        ):
            full = np.zeros((len(value), cells))
            full[:, group * shape[1] + column] = value
            at = np.arange(cells)
            return Coupling(full, at // shape[1], at % shape[1], shape[0], partition, True)
        order = np.lexsort((column, group))
        return Coupling(value[:, order], group[order], column[order], shape[0], partition, False)

    def squares(self, starts: list[Ints], partition: Partition) -> BlockDiagonal:
        """Z2' Z2."""
        rows, columns, values = [], [], []
        for f, start_f in enumerate(starts):
            for g, start_g in enumerate(starts[: f + 1]):
                a, b, meeting = _meetings(self.codes[f], self.codes[g], self.levels[g])
                for i, effect in enumerate(self.z[f]):
                    for k, other in enumerate(self.z[g]):
                        sums = np.bincount(meeting, weights=effect * other, minlength=len(a))
                        for row, column in (
                            [(start_f[a] + i, start_g[b] + k), (start_g[b] + k, start_f[a] + i)]
                            if f != g
                            else [(start_f[a] + i, start_g[b] + k)]
                        ):
                            rows.append(row)
                            columns.append(column)
                            values.append(sums)
        return partition.gather(
            np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        )

    def products(self, starts: list[Ints], size: int) -> Array:
        """Z2' [X, r] after projecting out every Q_j."""
        rest = self.parts.rest
        out = np.zeros((size, len(rest)))
        for z, codes, start, m in zip(self.z, self.codes, starts, self.levels, strict=True):
            for offset, effect in enumerate(z):
                for column, line in enumerate(rest):
                    out[start + offset, column] = np.bincount(
                        codes, weights=effect * line, minlength=m
                    )
        return out


def _meetings(first: Ints, second: Ints, levels: int) -> tuple[Ints, Ints, Ints]:
    """The pairs of levels that rows have, and which pair each row has."""
    pairs, meeting = np.unique(first.astype(np.int64) * levels + second, return_inverse=True)
    return (pairs // levels).astype(np.intp), (pairs % levels).astype(np.intp), meeting

"""Refusals of models that the data cannot determine, with one or several grouping factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from scipy.sparse.linalg import lsqr

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.blockdiag import BlockDiagonal
from mixedwidgets.lmm.crossed import CrossedMoments
from mixedwidgets.lmm.crossed_derivatives import differentiate_crossed
from mixedwidgets.lmm.crossed_deviance import solve_crossed
from mixedwidgets.lmm.crossproducts import Coordinates, Moments
from mixedwidgets.lmm.design import Design, Grouping
from mixedwidgets.lmm.grouped import GroupedMoments, orthogonalise_rows
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.small import eigen, least_squares

AnyMoments = GroupedMoments | CrossedMoments

INSEPARABLE = 1e-12  # smallest eigenvalue of the scaled cross-products of variance parameters
APART = 1e-6  # the same where some rows are enough to tell them apart
SOME = 2000  # rows that are looked at first
NOTHING = 1e-30  # sum of squares, relative to the response, that is rounding error only
ROUNDING = 1e-27  # the same relative to the residual, after least squares on many columns
SUSPECT = 1e-10  # share of what varies within groups below which an exact fit is looked for
RIDGE = 1e-8  # relative ridge that makes singular cross-products positive definite
RIDGED = 1e-6  # the same share where cross-products have a ridge
NEGLIGIBLE = 1e-16  # squared length, relative, of a column that adds nothing to others
MUCH = 2e7  # operations beyond which a few levels are looked at first
FREQUENT = 12  # levels of each factor in that look
WHOLE = 2_000_000  # elements of a dense least-squares problem


def refuse_inseparable(moments: AnyMoments, columns: Coordinates) -> None:
    """Refuse random effects whose variances and covariances the data cannot tell apart.

    Each element of S adds a matrix Z E Z' to the covariance of the response, and the residual
    variance the identity. They are told apart if these matrices are linearly independent: if
    their cross-products tr(Z E Z' Z F Z') are not singular.

    Parameters
    ----------
    moments : GroupedMoments or CrossedMoments
    columns : Coordinates
        Of the same design.

    Raises
    ------
    ModelError
        They are not.
    """
    if isinstance(moments, GroupedMoments):
        gram = _grouped_gram(moments)
    elif _told_apart_by_some_rows(columns):
        return
    else:
        gram = _crossed_gram(moments)
    design = columns.design
    if _residual_accepted(moments):
        gram = gram[:-1, :-1]
    size = np.sqrt(np.diag(gram))
    rows, cols = moments.layout.position
    if not size.all():
        _refuse_nothing(int(rows[np.flatnonzero(size == 0.0)[0]]), moments, design)
    scaled = gram / (size[:, None] * size)
    values, vectors = eigen(scaled)
    if values[0] > INSEPARABLE or _shared_out(scaled, moments):
        return
    elements = np.abs(vectors[:, 0]) > 1e-4
    random = np.flatnonzero(elements[: len(rows)])
    involved = sorted({*rows[random].tolist(), *cols[random].tolist()})
    _refuse_alike(involved, bool(elements[len(rows) :].any()), moments, design)


def _shared_out(gram: Array, moments: Moments) -> bool:
    """Whether all that cannot be told apart is how a factor's terms share the same variance.

    As ``(f || g)`` does, which lme4 reads as ``(1 | g) + (0 + f | g)``: the columns of a factor
    add up to the intercept, so any part of its variance can go to either term. The covariance of
    the response is the same whatever the part, and all else is determined.
    """
    layout = moments.layout
    sizes = np.array(layout.sizes)
    block = np.searchsorted(layout.starts, layout.position[0], side="right") - 1
    if any(_unclear(gram[np.ix_(own, own)]) for own in (block == b for b in range(len(sizes)))):
        return False
    found = 0
    for factor in set(moments.factors):
        own = np.array(moments.factors)[block] == factor
        single = own & (sizes[block] == 1)
        if own.any() and not _unclear(gram[np.ix_(single, single)]):
            found += _unclear(gram[np.ix_(own, own)])
    return found == _unclear(gram)


def _unclear(gram: Array) -> int:
    """How many combinations of variance parameters have no effect."""
    return int(np.count_nonzero(np.linalg.eigvalsh(gram) <= INSEPARABLE))


def _residual_accepted(moments: Moments) -> bool:
    """Whether there are as many effects as rows in a term, which is refused unless asked for."""
    n = moments.nobs
    counts = zip(moments.factors, moments.layout.sizes, strict=True)
    return any(moments.levels[f] * k >= n for f, k in counts)


def _grouped_gram(moments: GroupedMoments) -> Array:
    """Cross-products of the directions of theta and, last, of the residual variance."""
    pairs = moments.square_pairs
    rows, cols = moments.layout.position
    a, b = rows[:, None], cols[:, None]
    gram = np.empty((len(rows) + 1, len(rows) + 1))
    gram[:-1, :-1] = pairs[a, rows, b, cols] + pairs[a, cols, b, rows]
    traces = moments.squares.sum(axis=2)[rows, cols]
    gram[-1, :-1] = gram[:-1, -1] = np.sqrt(2.0) * traces
    gram[-1, -1] = moments.nobs
    return gram


def _crossed_gram(moments: CrossedMoments) -> Array:
    """The same, from the derivatives of log |V| at S = 0."""
    layout = moments.layout
    K, count = layout.width, layout.ntheta
    found = differentiate_crossed(solve_crossed(np.zeros((K, K)), moments, False), False)
    flat = layout.directions.reshape(count, -1)
    gram = np.empty((count + 1, count + 1))
    gram[:-1, :-1] = -flat @ found.logdet2 @ flat.T
    gram[-1, :-1] = gram[:-1, -1] = flat @ found.logdet1.reshape(-1)
    gram[-1, -1] = moments.nobs
    return gram


def _told_apart_by_some_rows(columns: Coordinates) -> bool:
    """Whether single elements of the matrices Z E Z' show them to be independent.

    The elements are those of some rows with themselves and with the next row of the same level.
    """
    shared, design = columns.shared, columns.design
    count = min(SOME, shared.nobs)
    white = columns.white(slice(0, count))
    codes = [g.codes[:count] for g in design.groupings]
    first, second = [np.arange(count)], [np.arange(count)]
    for level in codes:
        order = np.argsort(level, kind="stable")
        same = np.flatnonzero(level[order[1:]] == level[order[:-1]])
        first.append(order[same])
        second.append(order[same + 1])
    i, k = np.concatenate(first), np.concatenate(second)
    together = [level[i] == level[k] for level in codes]
    factor = np.repeat(shared.factors, shared.layout.sizes)
    elements = np.zeros((len(i), shared.layout.ntheta + 1))
    for e, (a, b) in enumerate(zip(*shared.layout.position, strict=True)):
        products = white[a, i] * white[b, k] + white[b, i] * white[a, k]
        elements[:, e] = products * together[factor[a]]
    elements[:count, -1] = 1.0
    gram = elements.T @ elements
    size = np.sqrt(np.diag(gram))
    if not size.all():
        return False
    return bool(np.linalg.eigvalsh(gram / np.outer(size, size))[0] > APART)


def _refuse_nothing(column: int, moments: Moments, design: Design) -> None:
    raise ModelError(
        f"The column {_names(design)[column]!r} is 0 in all rows used, so its effect cannot vary "
        f"between levels of {_group(column, moments, design).name!r}; leave it out of the random "
        "effects."
    )


def _refuse_alike(involved: list[int], residual: bool, moments: Moments, design: Design) -> None:
    groups = {g.name: g for g in (_group(c, moments, design) for c in involved)}
    listed = _listed(involved, moments, design)
    if residual:
        raise ModelError(
            f"The random effects {listed} together vary from row to row as the residuals do, so "
            "their variances cannot be told from the residual variance; leave one of them out."
        )
    alike = _same_groups(list(groups.values()))
    if alike:
        raise ModelError(
            f"The grouping factors {' and '.join(map(repr, alike))} put the rows into the same "
            "groups, so the variances of their random effects cannot be told apart; keep one of "
            "the two."
        )
    if len(groups) == 1:
        raise ModelError(
            f"The random effects {listed} cannot be told apart, because their columns are "
            "multiples or combinations of each other; leave one of them out."
        )
    raise ModelError(
        f"The random effects {listed} cannot be told apart, because the covariance that one of "
        "them gives to the rows is a combination of what the others give; leave one of them out."
    )


def _same_groups(groups: list[Grouping]) -> list[str]:
    """The names of two grouping factors that divide the rows in the same way, if there are."""
    for number, one in enumerate(groups):
        for other in groups[:number]:
            m = len(one.levels)
            if m == len(other.levels) and len(np.unique(one.codes * m + other.codes)) == m:
                return [other.name, one.name]
    return []


def _names(design: Design) -> list[str]:
    return [name for block in design.blocks for name in block.names]


def _group(column: int, moments: Moments, design: Design) -> Grouping:
    return design.groupings[np.repeat(moments.factors, moments.layout.sizes)[column]]


def _listed(involved: list[int], moments: Moments, design: Design) -> str:
    """Random effects by grouping factor, as in ``(Intercept) and x of 'g'``."""
    by_group: dict[str, list[str]] = {}
    for c in involved:
        by_group.setdefault(_group(c, moments, design).name, []).append(_names(design)[c])
    return " and ".join(f"{' and '.join(n)} of {g!r}" for g, n in by_group.items())


def refuse_exact_fit(moments: AnyMoments, columns: Coordinates) -> None:
    """Refuse a response that the columns of X, or of X and Z, reproduce up to rounding.

    Only where rows are left over: a saturated model reproduces every response, and its restricted
    likelihood can still have a maximum.

    Parameters
    ----------
    moments : GroupedMoments or CrossedMoments
    columns : Coordinates
        Of the same design.

    Raises
    ------
    ModelError
        Nothing is left for the residual variance.
    """
    design, p = columns.design, moments.ncoef
    around_X = float(moments.within[p, p] + np.sum(moments.C[:, p] ** 2))
    weighted = design.y if design.weights is None else design.weights * design.y
    rounding = NOTHING * float(np.vdot(weighted, design.y))
    if around_X <= rounding:
        raise ModelError(
            f"The fixed effects reproduce {_response(design)} exactly, so no variance is left to "
            "estimate; check whether the response was computed from them."
        )
    if _clearly_left_over(moments, columns, rounding):
        return
    if _reproduced(moments, columns, rounding + ROUNDING * around_X):
        groups = " and ".join(repr(g.name) for g in design.groupings)
        raise ModelError(
            f"The fixed effects and the random effects of {groups} reproduce {_response(design)} "
            "exactly, "
            "so nothing is left for the residual variance and the likelihood has no maximum; use "
            "fewer random effects, or a response that varies within groups."
        )


def _response(design: Design) -> str:
    return design.spec.display.split("~")[0].strip()


def _clearly_left_over(moments: AnyMoments, columns: Coordinates, rounding: float) -> bool:
    """Whether X and Z leave a good part of the response, judged by cross-products."""
    p, within, share = moments.ncoef, moments.within, SUSPECT
    if within[p, p] <= rounding:
        return False
    if isinstance(moments, CrossedMoments):
        work = sum(count * size**3 for count, size in moments.rest22.partition.runs)
        if work > MUCH and _left_over_in_some_levels(moments, columns):
            return True
        half = _ridged(moments).positive_inverse(moments.rest2x)[2]
        within, share = within - half.T @ half, RIDGED
    solution = least_squares(within[:p, :p], within[:p, p], 1e-10) if p else np.empty(0)
    left = float(within[p, p] - within[:p, p] @ solution)
    return left > share * float(moments.within[p, p])


def _ridged(moments: CrossedMoments) -> BlockDiagonal:
    """A positive definite matrix next to what is left of Z2' Z2 beside the eliminated factor."""
    partition = moments.rest22.partition
    typical = moments.nobs * len(moments.places) / partition.size  # whitened columns: see Moments
    parts = (part + RIDGE * typical * np.eye(part.shape[1]) for part in moments.rest22.parts)
    return BlockDiagonal(partition, tuple(parts))


def _left_over_in_some_levels(moments: CrossedMoments, columns: Coordinates) -> bool:
    """Whether the rows of the most frequent levels alone show that something is left over."""
    design = columns.design
    others = [f for f in range(len(design.groupings)) if f != moments.eliminated]
    kept = np.ones(moments.nobs, dtype=bool)
    for f in others:
        counts = np.bincount(design.groupings[f].codes)
        least = np.sort(counts)[-min(FREQUENT, len(counts))]
        kept &= (counts >= least)[design.groupings[f].codes]
    rows = np.flatnonzero(kept)[:SOME]
    if len(rows) == 0:
        return False
    white, fixed = columns.white(rows), columns.fixed(rows)
    effects = [
        _effects(white[moments.columns_of(f)], design.groupings[f].codes[rows]).toarray()
        for f in others
    ]
    levels, codes = np.unique(design.groupings[moments.eliminated].codes[rows], return_inverse=True)
    stacked = np.concatenate([white[moments.leading], *(e.T for e in effects), fixed])
    rest = orthogonalise_rows(stacked, codes, len(levels), len(moments.leading)).rest
    solution = np.linalg.lstsq(rest[:-1].T, rest[-1], rcond=None)[0]
    left = rest[-1] - solution @ rest[:-1]
    return bool(left @ left > RIDGED * (fixed[-1] @ fixed[-1]))


def _effects(white: Array, codes: NDArray[np.intp]) -> csr_array:
    """Z of one grouping factor on some rows, (n, K_f levels that occur)."""
    levels, level = np.unique(codes, return_inverse=True)
    k, n = white.shape
    places = level[:, None] * k + np.arange(k)
    rows = np.repeat(np.arange(n), k)
    return csr_array((white.T.reshape(-1), (rows, places.reshape(-1))), (n, k * len(levels)))


def _reproduced(moments: AnyMoments, columns: Coordinates, rounding: float) -> bool:
    """Whether least squares on all columns of X and Z leaves rounding error, and rows to spare."""
    design, everything = columns.design, slice(None)
    fixed, white = columns.fixed(everything), columns.white(everything)
    first = moments.eliminated if isinstance(moments, CrossedMoments) else 0
    leading = moments.columns_of(first)
    effects = [
        _effects(white[moments.columns_of(f)], g.codes)
        for f, g in enumerate(design.groupings)
        if f != first
    ]
    if len(design.y) * sum(e.shape[1] for e in effects) > WHOLE:
        effects += [_effects(white[leading], design.groupings[first].codes)]
        whole = csr_array(hstack([csr_array(fixed[:-1].T), *effects]))
        return min(whole.shape) < len(design.y) and _vanishes(whole, fixed[-1], rounding)
    stacked = np.concatenate([white[leading], *(e.toarray().T for e in effects), fixed])
    grouping = design.groupings[first]
    parts = orthogonalise_rows(stacked, grouping.codes, len(grouping.levels), len(leading))
    rest, left = parts.rest[:-1], parts.rest[-1]
    original = np.sum(stacked[len(leading) : -1] ** 2, axis=1)
    rest = rest[np.sum(rest**2, axis=1) > NEGLIGIBLE * original]
    solution, _, rank, _ = np.linalg.lstsq(rest.T, left, rcond=1e-10)
    left = left - solution @ rest
    left = left - np.linalg.lstsq(rest.T, left, rcond=1e-10)[0] @ rest
    used = np.count_nonzero(parts.R[np.arange(len(leading)), np.arange(len(leading))]) + rank
    return bool(used < len(left) and left @ left <= rounding)


def _vanishes(whole: csr_array, left: Array, rounding: float) -> bool:
    """Whether a sparse least-squares problem leaves nothing but rounding error."""
    for _ in range(3):
        left = left - whole @ lsqr(whole, left, atol=1e-15, btol=1e-15, iter_lim=500)[0]
        if float(left @ left) <= rounding:
            return True
    return False

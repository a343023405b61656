"""Several grouping factors: every number of the core against full matrices.

The reference is the textbook form in the covariance of the observations, V = I + Z S Z', its
inverse and the projection P = V^-1 - V^-1 X (X' V^-1 X)^-1 X' V^-1; nothing of the elimination, the
sparse couplings or the blocks is repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm import blockdiag, coupling, crossed, crossed_deviance
from mixedwidgets.lmm.crossed import CrossedMoments, crossed_moments
from mixedwidgets.lmm.crossed_derivatives import differentiate_crossed
from mixedwidgets.lmm.crossed_deviance import solve_crossed
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import Design, build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.moments import replace_fixed
from mixedwidgets.lmm.start import moment_start
from tests import dense

# The models -------------------------------------------------------------------------------------


def finished(seed: int, **factors: np.ndarray) -> pd.DataFrame:
    """Columns for any model, rows in shuffled order."""
    rng = np.random.default_rng(seed)
    n = len(next(iter(factors.values())))
    data = pd.DataFrame({name: [f"{name}{c}" for c in codes] for name, codes in factors.items()})
    first = next(iter(factors.values()))
    data["x"], data["z"] = rng.normal(2.0, 1.5, n), rng.normal(size=n)
    data["level"] = rng.normal(size=int(first.max()) + 1)[first]
    data["f"] = np.resize(["p", "q", "r"], n)
    data["w"], data["off"] = rng.uniform(0.2, 5.0, n), rng.normal(0.0, 3.0, n)
    data["y"] = 5.0 + 0.5 * data["x"] + rng.normal(size=n)
    for codes in factors.values():
        data["y"] += rng.normal(size=int(codes.max()) + 1)[codes]
    return data.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def fully(seed: int) -> pd.DataFrame:
    a, b, _ = np.array(list(product(range(6), range(4), range(2)))).T
    return finished(seed, a=a, b=b)


def partly(seed: int) -> pd.DataFrame:
    """Three crossed factors, with levels that have a single row."""
    rng = np.random.default_rng(seed)
    n = 60
    a, b, c = rng.integers(0, 9, n), rng.integers(0, 6, n), rng.integers(0, 5, n)
    a[:2], b[2:4], c[4:5] = (9, 10), (6, 7), 5
    return finished(seed, a=a, b=b, c=c, d=rng.integers(0, 4, n))


def nested(seed: int) -> pd.DataFrame:
    """Sites in regions in countries, of several sizes: blocks of several sizes."""
    rng = np.random.default_rng(seed)
    country = np.repeat(np.arange(14), rng.integers(1, 7, 14))
    region = np.repeat(np.arange(len(country)), rng.integers(1, 4, len(country)))
    rows = np.repeat(np.arange(len(region)), rng.integers(1, 4, len(region)))
    d = rng.integers(0, 5, len(rows))
    return finished(seed, a=rows, b=region[rows], c=country[region][rows], d=d)


DATA = {"fully": fully, "partly": partly, "nested": nested}
CASES: dict[str, tuple[str, str, dict]] = {
    "fully crossed": ("fully", "y ~ x + (1 | a) + (1 | b)", {}),
    "null": ("fully", "y ~ 1 + (1 | a) + (1 | b)", {}),
    "partially crossed": ("partly", "y ~ x + (1 | a) + (1 | b)", {}),
    "three": ("partly", "y ~ x + (1 | a) + (1 | b) + (1 | c)", {}),
    "four": ("partly", "y ~ x + (1 | a) + (1 | b) + (1 | c) + (1 | d)", {}),
    "slope on the first": ("partly", "y ~ x + (x | a) + (1 | b)", {}),
    "slope on the second": ("fully", "y ~ x + (1 | a) + (0 + x | b)", {}),
    "slopes on both": ("partly", "y ~ x + (x | a) + (z | b)", {}),
    "three slopes on the first": ("partly", "y ~ x + (x + z | a) + (1 | b)", {}),
    "three slopes on the second": ("partly", "y ~ x + (1 | a) + (x + z | b) + (x | c)", {}),
    "terms on the first": ("partly", "y ~ x + (x + z || a) + (1 | b)", {}),
    "terms on both": ("partly", "y ~ x + (1 | a) + (0 + x + z | a) + (x | b) + (0 + z | b)", {}),
    "interaction": ("fully", "y ~ f + (1 | a) + (1 | b) + (1 | a:f)", {}),
    "a constant slope in each level": ("partly", "y ~ x + (level | a) + (1 | b)", {}),
    "a constant slope elsewhere": ("nested", "y ~ x + (1 | a) + (x | b) + (1 | c)", {}),
    "nested": ("nested", "y ~ x + (1 | a) + (1 | b) + (1 | c)", {}),
    "nested, two": ("nested", "y ~ x + (1 | a) + (1 | b)", {}),
    "nested, slopes": ("nested", "y ~ x + (1 | a) + (x | b) + (z | c)", {}),
    "nested, slope first": ("nested", "y ~ x + (0 + z | a) + (1 | b) + (x || c)", {}),
    "nested in crossed": ("nested", "y ~ x + (1 | a) + (1 | b) + (1 | d)", {}),
    "weights": ("partly", "y ~ x + (x | a) + (1 | b)", {"weights": "w"}),
    "offset": ("nested", "y ~ x + (1 | b) + (1 | c) + (1 | d)", {"offset": "off"}),
    "weights and offset": (
        "nested",
        "y ~ x + (1 | a) + (x | b)",
        {"weights": "w", "offset": "off"},
    ),
    "no fixed effects": ("partly", "y ~ 0 + (x | a) + (1 | b)", {}),
    "many fixed effects": ("partly", "y ~ f * x * z + poly(off, 5) + (x | a) + (1 | b)", {}),
}
BOTH = [False, True]


@cache
def designed(name: str) -> Design:
    data, formula, options = CASES[name]
    return build(parse(formula), DATA[data](sum(map(ord, name))), **options)


@cache
def case(name: str) -> tuple[Design, CrossedMoments]:
    design = designed(name)
    return design, crossed_moments(coordinates_of(design))


def covariance(layout, seed: int, size: float = 1.0) -> np.ndarray:
    """A regular S, block-diagonal by terms."""
    rng = np.random.default_rng(seed)
    S = np.zeros((layout.width, layout.width))
    for c in layout.slices:
        half = rng.normal(size=(c.stop - c.start,) * 2) + 0.5 * np.eye(c.stop - c.start)
        S[c, c] = size * (half @ half.T)
    return S


def singular(layout, seed: int, kind: str) -> np.ndarray:
    S = covariance(layout, seed)
    for number, c in enumerate(layout.slices):
        zero = {"all zero": number, "first zero": 0, "last zero": len(layout.slices) - 1}
        if zero.get(kind) == number:
            S[c, c] = 0.0
        elif kind == "rank one":
            v = np.random.default_rng(seed + number).normal(size=c.stop - c.start)
            S[c, c] = np.outer(v, v)
        elif kind == "zero rows":
            S[c.start, :] = S[:, c.start] = 0.0
        elif kind == "zero last rows":
            S[c.stop - 1, :] = S[:, c.stop - 1] = 0.0
    return S


SINGULAR = ["all zero", "first zero", "last zero", "rank one", "zero rows", "zero last rows"]


# Full matrices ----------------------------------------------------------------------------------


wide = pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="long double has no more digits than double here"
)
EXPANDED: dict[tuple[int, type], tuple] = {}  # of the designs above, which are kept


@dataclass(frozen=True)
class Full:
    """Everything at one S from (n, n) matrices, rows multiplied by sqrt(w)."""

    design: Design
    moments: CrossedMoments
    S: np.ndarray
    reml: bool
    precision: type = np.float64

    @cached_property
    def root_weights(self) -> np.ndarray:
        n = len(self.design.y)
        return np.sqrt(np.ones(n) if self.design.weights is None else self.design.weights)

    @property
    def Z(self) -> list[np.ndarray]:
        """Whitened columns of each block, (n, k, m)."""
        return self._expanded[0]

    @property
    def pairs(self) -> dict[tuple[int, int], np.ndarray]:
        """Sums over levels of z_a z_b' for columns of one block, (n, n)."""
        return self._expanded[1]

    @property
    def _expanded(self) -> tuple[list[np.ndarray], dict[tuple[int, int], np.ndarray]]:
        key = id(self.design), self.precision
        if key not in EXPANDED:
            Z = self._columns()
            EXPANDED[key] = Z, self._products(Z)
        return EXPANDED[key]

    def _columns(self) -> list[np.ndarray]:
        out = []
        for block, c in zip(self.design.blocks, self.moments.layout.slices, strict=True):
            codes = self.design.groupings[block.grouping].codes
            white = block.columns @ np.linalg.inv(self.moments.whitening[c, c])
            z = np.zeros((*white.shape, int(codes.max()) + 1), dtype=self.precision)
            z[np.arange(len(codes)), :, codes] = white * self.root_weights[:, None]
            out.append(z)
        return out

    def _products(self, Z: list[np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
        out = {}
        for z, c in zip(Z, self.moments.layout.slices, strict=True):
            for i, k in product(range(z.shape[1]), repeat=2):
                out[c.start + i, c.start + k] = z[:, i] @ z[:, k].T
        return out

    @cached_property
    def V(self) -> np.ndarray:
        V = np.eye(len(self.design.y), dtype=self.precision)
        for (a, b), pair in self.pairs.items():
            V += self.S[a, b] * pair
        return V

    @cached_property
    def half(self) -> np.ndarray:
        """Inverse of the Cholesky factor of V."""
        return inverse_lower(cholesky(self.V))

    @cached_property
    def inverse(self) -> np.ndarray:
        return self.half.T @ self.half

    @cached_property
    def X(self) -> np.ndarray:
        """In the orthonormal basis."""
        weighted = self.root_weights[:, None] * self.design.X
        return weighted @ np.linalg.inv(self.moments.basis.R)

    @cached_property
    def y(self) -> np.ndarray:
        offset = 0.0 if self.design.offset is None else self.design.offset
        return self.root_weights * (self.design.y - offset)

    @cached_property
    def information(self) -> np.ndarray:
        HX = self.half @ self.X
        return HX.T @ HX

    @cached_property
    def P(self) -> np.ndarray:
        if self.X.shape[1] == 0:
            return self.inverse
        half = inverse_lower(cholesky(self.information)) @ (self.X.T @ self.inverse)
        return self.inverse - half.T @ half

    @cached_property
    def residual(self) -> np.ndarray:
        """V^-1 (y - X beta)."""
        return self.P @ self.y

    @property
    def q(self) -> float:
        return float(self.y @ self.residual)

    @cached_property
    def logdet(self) -> float:
        out = -2.0 * np.log(np.diag(self.half)).sum()
        if self.reml and self.X.shape[1]:
            out += 2.0 * np.log(np.diag(cholesky(self.information))).sum()
            out += 2.0 * np.linalg.slogdet(self.moments.basis.R)[1]
        return float(out)

    def derivatives(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Gradients (e,) and Hessians (e, e) of logdet and q in the symmetric directions."""
        W = self.P if self.reml else self.inverse
        G = self.directions()
        WG = [W @ g for g in G]
        logdet1 = np.array([np.trace(a) for a in WG])
        logdet2 = -np.array([[np.sum(a * b.T) for a in WG] for b in WG])
        Gr = [g @ self.residual for g in G]
        q1 = -np.array([self.residual @ v for v in Gr])
        q2 = 2.0 * np.array([[a @ (self.P @ b) for a in Gr] for b in Gr])
        return logdet1, q1, logdet2, q2

    def directions(self) -> list[np.ndarray]:
        return [
            sum(self.pairs[a, b] for a, b in zip(*np.nonzero(E), strict=True))
            for E in elements(self.moments.layout)
        ]

    def back(self, v: np.ndarray) -> list[np.ndarray]:
        """Z' v by blocks, (k, t, m), for an (n, t) matrix."""
        return [np.einsum("nkm,nt->ktm", z, v) for z in self.Z]


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """LAPACK knows no long double."""
    a = np.array(matrix)
    for j in range(len(a)):
        a[j:, j] -= a[j:, :j] @ a[j, :j]
        a[j:, j] /= np.sqrt(a[j, j])
        a[j, j + 1 :] = 0.0
    return a


def inverse_lower(factor: np.ndarray) -> np.ndarray:
    out = np.zeros_like(factor)
    for i in range(len(factor)):
        out[i] = -(factor[i, :i] @ out[:i])
        out[i, i] += 1.0
        out[i] /= factor[i, i]
    return out


def elements(layout) -> list[np.ndarray]:
    """The symmetric matrices of zeros and ones that span S, in the order of theta."""
    out = []
    for a, b in zip(*layout.position, strict=True):
        E = np.zeros((layout.width, layout.width))
        E[a, b] = E[b, a] = 1.0
        out.append(E)
    return out


def assert_close(found, expected, rel: float, what: str = "") -> None:
    """Relative to the largest element."""
    expected = np.asarray(expected, dtype=float)
    np.testing.assert_allclose(
        np.asarray(found, dtype=float),
        expected,
        rtol=rel,
        atol=rel * np.abs(expected).max(initial=0.0),
        err_msg=what,
    )


def assert_solved(solved, full: Full, rel: float = 1e-10, vectors: float = 1e-9) -> None:
    """Everything that ``Solved`` promises, but for the variances."""
    n, p = len(full.design.y), full.X.shape[1]
    N = n - p if full.reml else n
    assert solved.N == N
    assert solved.logdet == pytest.approx(full.logdet, rel=rel, abs=rel * n)
    assert solved.q == pytest.approx(full.q, rel=rel)
    weights = np.log(full.root_weights**2).sum()
    value = full.logdet - weights + solved.N * (1 + np.log(2 * np.pi * full.q / solved.N))
    assert solved.deviance == pytest.approx(value, rel=rel, abs=rel * n)
    vcov = solved.root.T @ solved.root
    assert_close(vcov @ np.asarray(full.information, float), np.eye(p), 100 * rel)
    beta = full.moments.coefficients(solved.delta)
    fitted = full.root_weights * (full.design.X @ beta)
    gap = np.asarray(full.y - full.V @ full.residual, float)
    assert_close(fitted, gap, rel * max(1.0, np.abs(full.y).max() / max(np.abs(gap).max(), 1e-9)))
    u = full.back(np.asarray(full.residual[:, None]))
    B = full.back(full.inverse @ full.X)
    for number, c in enumerate(full.moments.layout.slices):
        assert_close(solved.u[number], u[number][:, 0], vectors)
        assert_close(solved.B[number], B[number], vectors)
        modes = full.S[c, c] @ np.asarray(u[number][:, 0], float)
        assert_close(solved.modes[number], modes, vectors)


def directional(derivatives, layout) -> list[np.ndarray]:
    """The package's derivatives in the symmetric directions."""
    flat = np.array([E.reshape(-1) for E in elements(layout)])
    first = [flat @ d.reshape(-1) for d in (derivatives.logdet1, derivatives.q1)]
    second = [flat @ d @ flat.T for d in (derivatives.logdet2, derivatives.q2)]
    return [*first, *second]


def assert_derivatives(solved, full: Full, rel: float = 1e-9) -> None:
    found = directional(differentiate_crossed(solved, full.reml), full.moments.layout)
    for name, ours, theirs in zip(
        ["logdet1", "q1", "logdet2", "q2"], found, full.derivatives(), strict=True
    ):
        scale = np.sqrt(np.abs(np.diag(theirs))) if theirs.ndim == 2 else np.abs(theirs)
        limit = np.outer(scale, scale) if theirs.ndim == 2 else scale
        limit = np.asarray(limit, float) + 1e-3 * float(limit.max())
        ratio = np.abs(np.asarray(ours - theirs, float)) / np.maximum(limit, 1e-300)
        assert ratio.max() < rel, (name, ratio.max())


# The claims about the cases ---------------------------------------------------------------------


def test_the_cases_are_what_they_claim():
    runs = case("nested")[1].rest22.partition.runs
    assert len(runs) > 3
    assert max(count for count, _ in runs) > 1
    assert sum(count * size for count, size in runs) > crossed.FEW
    assert not case("nested")[1].coupling.dense
    assert case("fully crossed")[1].coupling.dense
    assert len(case("nested in crossed")[1].rest22.partition.runs) == 1
    assert len(case("three slopes on the first")[1].leading) == 3
    design, source = case("a constant slope in each level")
    assert np.all(source.R[1, 1] == 0.0)
    assert min(np.bincount(design.groupings[0].codes)) == 1
    assert case("no fixed effects")[1].ncoef == 0
    assert case("many fixed effects")[1].ncoef == 17
    assert np.any(np.diff(design.groupings[0].codes) < 0)
    assert max(case("terms on both")[1].layout.sizes) == 2 < case("terms on both")[1].layout.width


# The likelihood ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_at_any_covariance(name):
    design, source = case(name)
    for seed, reml in enumerate(BOTH):
        S = covariance(source.layout, seed)
        assert_solved(solve_crossed(S, source, reml), Full(design, source, S, reml))


@pytest.mark.parametrize("name", CASES)
def test_the_criterion_in_the_users_units(name):
    """Against code that shares nothing with this file or the package."""
    design, source = case(name)
    for reml in BOTH:
        theta = np.random.default_rng(4).normal(size=source.layout.ntheta)
        half = source.whitening @ source.layout.matrix(theta)
        expected = dense.deviance(design, dense.relative_covariances(design, theta), reml)
        solved = solve_crossed(half @ half.T, source, reml)
        assert solved.deviance == pytest.approx(expected, rel=1e-11)
        sigma, beta, vcov = dense.estimates(design, theta, reml)
        assert np.sqrt(solved.q / solved.N) == pytest.approx(sigma, rel=1e-10)
        assert_close(source.coefficients(solved.delta), beta, 1e-9)
        back = np.linalg.inv(source.basis.R) @ solved.root.T
        assert_close(sigma**2 * back @ back.T, vcov, 1e-9)


@pytest.mark.parametrize("kind", SINGULAR)
@pytest.mark.parametrize("name", CASES)
def test_on_the_boundary(name, kind):
    design, source = case(name)
    for reml in BOTH if kind == "rank one" else [True]:
        S = singular(source.layout, 3, kind)
        full = Full(design, source, S, reml)
        solved = solve_crossed(S, source, reml)
        assert_solved(solved, full)
        assert_derivatives(solved, full)
        assert_variances(solved, full)


@pytest.mark.parametrize("reml", BOTH)
@pytest.mark.parametrize("name", CASES)
def test_derivatives(name, reml):
    design, source = case(name)
    S = covariance(source.layout, 7)
    assert_derivatives(solve_crossed(S, source, reml), Full(design, source, S, reml))


@pytest.mark.parametrize("name", ["slopes on both", "nested, slopes", "weights and offset"])
def test_derivatives_by_complex_steps(name):
    """The formulas of ``Full`` themselves, against dense.py."""
    design, source = case(name)
    layout = source.layout
    S = covariance(layout, 1)
    back = np.linalg.inv(source.whitening)
    found = directional(differentiate_crossed(solve_crossed(S, source, True), True), layout)
    for which in (0, 1):

        def along(t, which=which):
            moved = S + sum(a * E for a, E in zip(t, elements(layout), strict=True))
            whole = back @ moved @ back.T
            return dense.parts(design, [whole[c, c] for c in layout.slices], True)[which]

        assert_close(found[which], dense.gradient(along, np.zeros(layout.ntheta)), 1e-8)


@wide
@pytest.mark.parametrize("size", [1e-8, 1e-4, 1e4, 1e8])
@pytest.mark.parametrize("name", CASES)
def test_small_and_large_covariances(name, size):
    """Relative standard deviations of 1e-4 to 1e4; digits are lost as the condition of V grows."""
    design, source = case(name)
    S = covariance(source.layout, 2, size)
    full = Full(design, source, S, True, np.longdouble)
    solved = solve_crossed(S, source, True)
    assert solved.logdet == pytest.approx(full.logdet, rel=0.0, abs=1e-13 * max(size, 1.0))
    assert solved.q == pytest.approx(full.q, rel=1e-13 * max(1.0, 1e-4 * size))
    assert_variances(solved, full, 1e-14 * max(size, 100.0))
    if size < 1e8:
        assert_derivatives(solved, full, 1e-8)


@wide
@pytest.mark.parametrize("small", [0, 1])
@pytest.mark.parametrize("name", ["three", "slopes on both", "nested, slopes", "nested in crossed"])
def test_small_beside_large(name, small):
    design, source = case(name)
    S = covariance(source.layout, 2)
    for number, c in enumerate(source.layout.slices):
        S[c, c] *= 1e-7 if number == small else 1e4
    full = Full(design, source, S, True, np.longdouble)
    solved = solve_crossed(S, source, True)
    assert_solved(solved, full, 1e-10, vectors=1e-5)
    assert_derivatives(solved, full, 1e-7)
    assert_variances(solved, full, 1e-10)


@pytest.mark.parametrize("name", ["slopes on both", "nested, slopes", "four"])
def test_average_information(name, monkeypatch):
    """-N / (2 q) times the second derivative of q; first derivatives as before."""
    design, source = case(name)
    S = covariance(source.layout, 5)
    for reml in BOTH:
        solved = solve_crossed(S, source, reml)
        exact = differentiate_crossed(solved, reml)
        monkeypatch.setattr(crossed, "MUCH", -1.0)
        assert source.costly
        rough = differentiate_crossed(solve_crossed(S, source, reml), reml, exact=False)
        monkeypatch.undo()
        layout = source.layout
        expected = directional(exact, layout)
        expected[2] = -0.5 * solved.N / solved.q * expected[3]
        for ours, theirs in zip(directional(rough, layout), expected, strict=True):
            assert_close(ours, theirs, 1e-10)
        _, _, _, q2 = Full(design, source, S, reml).derivatives()
        assert_close(directional(rough, layout)[2], -0.5 * solved.N / solved.q * q2, 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_products_with_vectors(name):
    design, source = case(name)
    rng = np.random.default_rng(0)
    for kind in ("regular", "rank one", "all zero"):
        S = covariance(source.layout, 1) if kind == "regular" else singular(source.layout, 1, kind)
        full = Full(design, source, S, False)
        solved = solve_crossed(S, source, False)
        shapes = [(z.shape[1], 3, z.shape[2]) for z in full.Z]
        x = tuple(rng.normal(size=s) for s in shapes)
        y = tuple(rng.normal(size=(k, 2, m)) for k, _, m in shapes)
        Zx = sum(np.einsum("nkm,ktm->nt", z, v) for z, v in zip(full.Z, x, strict=True))
        Zy = sum(np.einsum("nkm,ktm->nt", z, v) for z, v in zip(full.Z, y, strict=True))
        for ours, theirs in zip(solved.apply(x), full.back(full.inverse @ Zx), strict=True):
            assert_close(ours, theirs, 1e-10)
        assert_close(solved.products(x, y), Zx.T @ full.inverse @ Zy, 1e-10)


# Variances --------------------------------------------------------------------------------------


def by_factor(full: Full, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, K_f, m) and covariance (K_f, K_f) of all terms of a factor."""
    columns = full.moments.columns_of(factor)
    blocks = [z for z, f in zip(full.Z, full.moments.factors, strict=True) if f == factor]
    return np.concatenate(blocks, axis=1), full.S[np.ix_(columns, columns)]


def assert_variances(solved, full: Full, rel: float = 1e-10) -> None:
    for factor, m in enumerate(full.moments.levels):
        z, S = by_factor(full, factor)
        zS = np.einsum("nkm,kl->nlm", z, S)
        within = np.einsum(
            "nkm,nlm->mkl", (full.inverse @ zS.reshape(len(z), -1)).reshape(zS.shape), zS
        )
        found = solved.covariances(factor)
        assert found.shape == (m, len(S), len(S))
        limit = rel * max(np.abs(S).max(), 1e-300)
        np.testing.assert_allclose(found, np.asarray(S - within, float), atol=limit, rtol=0.0)


@pytest.mark.parametrize("name", CASES)
def test_conditional_covariances(name):
    design, source = case(name)
    S = covariance(source.layout, 6)
    assert_variances(solve_crossed(S, source, True), Full(design, source, S, True))


def expected_row_variances(full: Full, columns: np.ndarray, codes) -> np.ndarray:
    """From the joint covariance of all effects and one new level for each factor."""
    n_rows, prior = len(columns), np.zeros(len(columns))
    cross = np.zeros((n_rows, len(full.design.y)))
    for factor in range(len(full.moments.levels)):
        z, S = by_factor(full, factor)
        numbers = full.moments.columns_of(factor)
        w = columns[:, numbers] @ S
        prior += np.einsum("na,na->n", w, columns[:, numbers])
        for i, level in enumerate(codes[factor]):
            if level >= 0:
                cross[i] += z[:, :, level] @ w[i]
    return np.asarray(prior - np.einsum("ni,ij,nj->n", cross, full.inverse, cross), float)


@pytest.mark.parametrize("kind", ["regular", "rank one", "all zero", "first zero", "last zero"])
@pytest.mark.parametrize("name", CASES)
def test_variances_of_rows(name, kind):
    design, source = case(name)
    S = covariance(source.layout, 1) if kind == "regular" else singular(source.layout, 1, kind)
    full, solved = Full(design, source, S, True), solve_crossed(S, source, True)
    rng = np.random.default_rng(9)
    columns = rng.normal(size=(25, source.layout.width))
    codes = tuple(rng.integers(-1, m, 25) for m in source.levels)
    for c in codes:
        c[0], c[1] = -1, 0
    expected = expected_row_variances(full, columns, codes)
    found = solved.row_variances(columns, codes)
    np.testing.assert_allclose(found, expected, atol=1e-10 * max(S.max(), 1.0), rtol=1e-9)
    known = tuple(np.maximum(c, 0) for c in codes)
    expected = expected_row_variances(full, columns, known)
    np.testing.assert_allclose(
        solved.row_variances(columns, known), expected, atol=1e-10 * max(S.max(), 1.0), rtol=1e-9
    )
    assert solved.row_variances(columns[:0], tuple(c[:0] for c in codes)).shape == (0,)


# The rest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_typical_squares(name):
    design, source = case(name)
    full = Full(design, source, covariance(source.layout, 0), False)
    for found, z in zip(source.typical_squares(), full.Z, strict=True):
        assert_close(found, np.einsum("nam,nbm->ab", z, z) / z.shape[2], 1e-12)


@pytest.mark.parametrize("name", ["slopes on both", "nested, slopes", "many fixed effects"])
def test_other_coordinates_of_the_fixed_effects(name):
    """Coefficients held at values: the same as moving their part to the offset."""
    design, source = case(name)
    S = covariance(source.layout, 3)
    p = design.X.shape[1]
    for held in ([0], [p - 1], list(range(p))):
        values = [1.5 + 0.2 * i for i in held]
        moved = replace_fixed(source, list(zip(held, values, strict=True)))
        solved = solve_crossed(S, moved, False)
        full = Full(design, source, S, False)
        keep = [i for i in range(p) if i not in held]
        weighted = full.root_weights[:, None] * design.X
        y = full.y - np.asarray(weighted[:, held] @ np.array(values), float)
        X = weighted[:, keep]
        r = y
        if keep:
            inverse = np.asarray(full.inverse, float)
            r = y - X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ y)
        assert solved.q == pytest.approx(float(r @ full.inverse @ r), rel=1e-10)
        assert solved.logdet == pytest.approx(full.logdet, rel=1e-11)


PATHS = {
    "sparse": [(crossed, "TINY", 0), (crossed, "CROWDED", 2.0)],
    "dense": [(crossed, "TINY", 10**12), (crossed, "FEW", 10**9)],
    "blocks": [(crossed, "FEW", 0)],
    "one block, sparse": [(crossed, "FEW", 10**9), (crossed, "TINY", 0), (crossed, "CROWDED", 2.0)],
    "sparse, pairs not remembered": [
        (crossed, "TINY", 0),
        (crossed, "CROWDED", 2.0),
        (coupling, "MANY", -1),
    ],
    "blocks, pairs not remembered": [(crossed, "FEW", 0), (coupling, "MANY", -1)],
    "in pieces": [
        (coupling, "CHUNK", 40),
        (blockdiag, "STRIP", 3),
        (crossed, "TINY", 0),
        (crossed, "CROWDED", 2.0),
    ],
    "never dividing": [(crossed_deviance, "SEEN", np.inf)],
    "dividing whenever possible": [(crossed_deviance, "SEEN", 0.0)],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", CASES)
def test_every_path_gives_the_same(name, path, monkeypatch):
    design, plain = case(name)
    for module, constant, value in PATHS[path]:
        monkeypatch.setattr(module, constant, value)
    source = crossed_moments(coordinates_of(design))
    if path == "dense":
        assert source.coupling.dense
    if "sparse" in path:
        assert not source.coupling.dense
    for kind in ("regular", "zero rows"):
        S = covariance(plain.layout, 8) if kind == "regular" else singular(plain.layout, 8, kind)
        solved, full = solve_crossed(S, source, True), Full(design, source, S, True)
        assert_solved(solved, full)
        assert_derivatives(solved, full)
        assert_variances(solved, full)
        columns = np.random.default_rng(1).normal(size=(12, source.layout.width))
        codes = tuple(np.arange(-1, 11) % m for m in source.levels)
        expected = expected_row_variances(full, columns, codes)
        np.testing.assert_allclose(solved.row_variances(columns, codes), expected, rtol=1e-8)
    for ours, theirs in zip(source.typical_squares(), plain.typical_squares(), strict=True):
        assert_close(ours, theirs, 1e-12)
    assert_close(moment_start(source, True), moment_start(plain, True), 1e-8)


@pytest.mark.parametrize("name", CASES)
def test_the_start_equates_moments(name):
    """With every mean a least-squares fit: E r r' = sigma^2 (Q + sum S_e Q G_e Q), Q = I - X X'."""
    design, source = case(name)
    layout = source.layout
    full = Full(design, source, np.zeros((layout.width,) * 2), False)
    Q = np.asarray(full.P, float)
    directions = [Q @ np.asarray(g, float) @ Q for g in full.directions()]
    directions.append(Q)
    r = np.asarray(full.residual, float)
    gram = np.array([[np.sum(a * b) for a in directions] for b in directions], dtype=float)
    right = np.array([r @ a @ r for a in directions])
    estimate = np.linalg.lstsq(gram, right, rcond=None)[0]
    found = moment_start(source, True)
    S = found @ found.T
    if estimate[-1] > 0.05 * full.q / len(r):
        wanted = layout.matrix(estimate[:-1] / estimate[-1])
        wanted = wanted + np.tril(wanted, -1).T
        for c in layout.slices:
            if np.linalg.eigvalsh(wanted[c, c])[0] > 0.3:  # nothing had to be made positive
                assert_close(S[c, c], wanted[c, c], 1e-7)
    assert np.all(np.linalg.eigvalsh(S) > 0.0)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"a": np.arange(400) % 90, "b": rng.integers(0, 80, 400)})
    data["y"] = rng.normal(size=400)
    monkeypatch.setattr("mixedwidgets.lmm.crossed._memory", lambda: 1e5)
    with pytest.raises(mw.ModelError, match="levels of a, b are so many"):
        mw.lmer("y ~ 1 + (1 | a) + (1 | b)", data)

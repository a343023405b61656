"""Cross-products summed over the fewest columns, against those of whole matrices."""

import numpy as np
import pytest

from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.grouped import grouped_moments, orthogonalise_rows
from mixedwidgets.lmm.linalg import basis_of_part, orthonormal_basis, places_in
from mixedwidgets.lmm.lines import Lines


def rows_of(n=900, m=60, seed=3):
    random = np.random.default_rng(seed)
    group = random.integers(0, m, n)
    x, z = random.normal(size=n) + 0.2 * group, random.normal(size=n) * 40.0 + 1000.0
    y = 3.0 + x + 0.02 * z + random.normal(size=m)[group] * (1.0 + x) + random.normal(size=n)
    level = np.where(group % 2, 1.0, -1.0)  # one value a group
    return {"y": y, "x": x, "z": z, "u": level, "g": group, "w": random.uniform(0.5, 2.0, n)}


FORMULAS = [
    "y ~ x + z + u + (x | g)",
    "y ~ x + z + (x + z | g)",
    "y ~ z + (1 | g)",
    "y ~ z + (x | g)",  # a slope that is no fixed effect
    "y ~ 0 + x + z + (x | g)",
    "y ~ x + z + (0 + x | g)",
    "y ~ x + z + (x || g)",
    "y ~ x + I(x * 1.0000001 + 1e-9 * z) + (x | g)",  # nearly dependent
    "y ~ 1 + (1 | g)",
]


def design_of(formula, weighted, ordered):
    data = rows_of()
    if ordered:
        order = np.argsort(data["g"], kind="stable")
        data = {name: column[order] for name, column in data.items()}
    return build(parse(formula), data, weights="w" if weighted else None)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_cross_products_are_those_of_all_columns(formula, weighted, ordered):
    design = design_of(formula, weighted, ordered)
    columns, everything = coordinates_of(design), slice(None)
    found = grouped_moments(columns)
    whole = np.concatenate([columns.white(everything), columns.fixed(everything)])
    grouping, K = design.groupings[0], found.layout.width
    expected = orthogonalise_rows(whole, grouping.codes, len(grouping.levels), K)
    np.testing.assert_allclose(found.R, expected.R, atol=1e-12 * np.abs(expected.R).max())
    np.testing.assert_allclose(found.C, expected.C, atol=1e-11 * np.abs(expected.C).max())
    within = expected.rest @ expected.rest.T
    size = np.sqrt(np.sum(whole[K:] ** 2, axis=1))
    assert np.all(np.abs(found.within - within) <= 1e-11 * size[:, None] * size)


def test_a_random_intercept_stands_for_the_constant_and_slopes_are_fixed_effects_too():
    lines = Lines.of(coordinates_of(design_of("y ~ x + z + u + (x | g)", False, True)))
    assert lines.first == 1
    assert lines(slice(0, 10)).shape == (4, 10)  # x, z, u and the residual
    alone = Lines.of(coordinates_of(design_of("y ~ z + (1 | g)", False, True)))
    assert alone(slice(0, 10)).shape == (2, 10)
    weighted = Lines.of(coordinates_of(design_of("y ~ x + z + u + (x | g)", True, True)))
    assert weighted.first == 0


def test_many_rows_are_taken_in_pieces(monkeypatch):
    design = design_of("y ~ x + z + (x | g)", False, False)
    whole = grouped_moments(coordinates_of(design))
    monkeypatch.setattr("mixedwidgets.lmm.grouped.rows_at_a_time", lambda width: 50)
    pieces = grouped_moments(coordinates_of(design))
    np.testing.assert_allclose(pieces.R, whole.R, rtol=1e-12)
    np.testing.assert_allclose(pieces.within, whole.within, atol=1e-12 * whole.within.max())


def test_a_basis_of_some_columns_comes_from_that_of_all():
    random = np.random.default_rng(1)
    X = np.asfortranarray(np.column_stack([np.ones(50), random.normal(size=(50, 4)) + 1e6]))
    whole = orthonormal_basis(X)
    for places in ([0, 2], [0, 2, 4], [3]):
        part, mix = basis_of_part(whole, places)
        direct = orthonormal_basis(np.asfortranarray(X[:, places]))
        Q = mix @ whole.rows(X)
        np.testing.assert_allclose(Q @ Q.T, np.eye(len(places)), atol=1e-8)
        np.testing.assert_allclose(part.rows(X[:, places]), Q, atol=1e-8)
        assert part.logdet == pytest.approx(direct.logdet, abs=1e-8)
    assert basis_of_part(whole, [1, 3]) is None  # without the constant nearly dependent


def test_views_of_a_matrix_are_found_and_copies_are_not():
    X = np.asfortranarray(np.arange(30.0).reshape(5, 6))
    assert places_in(X, X[:, 1:6:2]) == [1, 3, 5]
    assert places_in(X, X[:, 2:3]) == [2]
    assert places_in(X, X[:, 1:3].copy(order="F")) is None
    assert places_in(X[:, :3], X[:, 2:4]) is None

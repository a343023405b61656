"""Two effects a group in closed form, against full matrices and against the general formulas."""

import numpy as np
import pytest

from mixedwidgets.lmm import grouped_deviance
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.grouped_deviance import (
    differentiate_any,
    differentiate_groups,
    eliminate,
    solve_groups,
)
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.two_effects import eliminate_two


@pytest.fixture(scope="module")
def source():
    """Cross-products of 40 groups of 1 to 9 rows; in some a slope cannot be told."""
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(40), random.integers(1, 10, 40))
    x = random.normal(size=len(group)) + group % 3
    x[group < 5] = 1.0
    data = {"y": x + random.normal(size=len(group)), "x": x, "z": x**2, "g": group}
    return moments(build(parse("y ~ x + z + (x | g)"), data))


COVARIANCES = [
    np.zeros((2, 2)),
    np.array([[0.5, 0.2], [0.2, 0.3]]),
    np.array([[1.0, 2.0], [2.0, 4.0]]),  # singular
    np.array([[1e8, -0.9e4], [-0.9e4, 1.0]]),
    np.array([[0.0, 0.0], [0.0, 3.0]]),
]


@pytest.mark.parametrize("S", COVARIANCES)
def test_elimination_is_that_of_every_group_by_itself(source, S):
    logdet, rows = eliminate_two(S, source)
    total = 0.0
    for j in range(source.ngroups):
        R, C = source.R[:, :, j], source.C[:, :, j]
        A = np.eye(2) + R @ S @ R.T
        total += np.linalg.slogdet(A)[1]
        L = np.linalg.cholesky(A)
        expected = np.linalg.solve(L, np.hstack([R, C]))
        scale = np.abs(np.hstack([R, C])).max()
        np.testing.assert_allclose(rows[:, :, j].T, expected, rtol=1e-9, atol=1e-13 * scale)
    assert logdet == pytest.approx(total, rel=1e-11)


def test_the_determinant_does_not_cancel(source):
    """Of a singular covariance far from zero, where A_22 - A_12^2 / A_11 has no digits left."""
    S = 1e12 * np.array([[1.0, 1.0], [1.0, 1.0]])
    logdet, _ = eliminate_two(S, source)
    exact = sum(
        np.log1p(1e12 * np.sum((source.R[:, :, j] @ np.ones(2)) ** 2))
        for j in range(source.ngroups)
    )
    assert logdet == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("S", COVARIANCES)
def test_values_and_derivatives_are_those_of_the_general_formulas(source, S, reml, monkeypatch):
    ours = solve_groups(S, source, reml)
    first = differentiate_groups(ours, reml)

    def general(S, moments):
        diagonal, rows = eliminate(moments.R, moments.C, S)
        return 2.0 * float(np.log(diagonal).sum()), np.ascontiguousarray(rows.transpose(1, 0, 2))

    monkeypatch.setattr(grouped_deviance, "eliminate_two", general)
    theirs = solve_groups(S, source, reml)
    second = differentiate_any(theirs, reml)
    assert ours.deviance == pytest.approx(theirs.deviance, rel=1e-12)
    assert ours.q == pytest.approx(theirs.q, rel=1e-11)
    for name in ("logdet1", "q1", "logdet2", "q2"):
        expected = getattr(second, name)
        size = np.abs(expected).max()
        np.testing.assert_allclose(getattr(first, name), expected, rtol=1e-8, atol=1e-10 * size)

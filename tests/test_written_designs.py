"""The reference's designs as written out in hexadecimal, through the core without a formula parser.

A file holds y, X, Z and the template of Lambda. Here the random-effects terms, their grouping
factors and the rows' levels are read off Z and the template alone.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixedwidgets.lmm.design import Design, Grouping, RandomBlock
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import estimate
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.linalg import orthonormal_basis
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.optimize import whitened_factor
from tests.reference_data import reference_folder

pytestmark = pytest.mark.reference

FOLDER = reference_folder()
NAMES = sorted(p.stem for p in (FOLDER / "design").glob("*.txt")) if FOLDER else []


def numbers(line: str) -> list[float]:
    return [float.fromhex(token) for token in line.split()]


def read(path: Path) -> Design:
    lines = path.read_text().splitlines()
    n, p, q, ntheta, nnz, nnz_template = (int(v) for v in lines[0].split()[1:])
    X_names = tuple(lines[2].split()[1:]) if p else ()
    y, w = np.array(numbers(lines[3][2:])), np.array(numbers(lines[4][2:]))
    X = np.array([numbers(line) for line in lines[5 : 5 + n]]).reshape(n, p)
    Z = np.zeros((n, q))
    for line in lines[5 + n : 5 + n + nnz]:
        i, j, value = line.split()
        Z[int(j), int(i)] = float.fromhex(value)
    template = np.array([[int(v) for v in line.split()] for line in lines[5 + n + nnz :]])
    assert template.shape == (nnz_template, 3)
    assert set(template[:, 2]) == set(range(ntheta))
    weights = None if np.all(w == 1.0) else w
    blocks, groupings = terms(Z, template)
    return Design(
        spec=parse("y ~ x + (1 | g)"),
        y=y,
        offset=None,
        weights=weights,
        X=X,
        x_names=X_names,
        dropped=(),
        basis=orthonormal_basis(X, None if weights is None else np.sqrt(weights)),
        blocks=blocks,
        groupings=groupings,
        index=pd.RangeIndex(n),
        n_missing=0,
        data_name=None,
    )


def terms(
    Z: np.ndarray, template: np.ndarray
) -> tuple[tuple[RandomBlock, ...], tuple[Grouping, ...]]:
    """A level is a block of the template; levels that share elements of theta are one term."""
    first_column = np.arange(Z.shape[1])  # of the level that each column of Z belongs to
    for row, column, _ in template:
        first_column[column] = min(first_column[column], first_column[row])
    first_theta = {}
    for row, column, theta in template:
        if row == column == first_column[column]:
            first_theta[column] = theta
    by_term: dict[int, list[int]] = {}
    for level in np.unique(first_column):
        by_term.setdefault(first_theta[level], []).append(level)
    blocks, groupings = [], []
    for levels in (by_term[theta] for theta in sorted(by_term)):
        k = int(np.sum(first_column == levels[0]))
        part = np.stack([Z[:, level : level + k] for level in levels], axis=1)  # (n, m, k)
        present = np.any(part != 0.0, axis=2)
        assert present.sum(axis=1).max() == 1
        codes = np.where(present.any(axis=1), present.argmax(axis=1), -1)
        number = matching(codes, groupings)
        if number is None:
            number = len(groupings)
            groupings.append(codes)
        names = tuple(f"z{i}" for i in range(k))
        blocks.append(RandomBlock(number, names, part.sum(axis=1)))
    return tuple(blocks), tuple(
        Grouping(f"g{i}", np.maximum(codes, 0), pd.RangeIndex(codes.max() + 1))
        for i, codes in enumerate(groupings)
    )


def matching(codes: np.ndarray, groupings: list[np.ndarray]) -> int | None:
    """A grouping factor that agrees where both are known: a slope of zero leaves no trace in Z."""
    for number, known in enumerate(groupings):
        both = (codes >= 0) & (known >= 0)
        if np.array_equal(codes[both], known[both]):
            groupings[number] = np.where(known >= 0, known, codes)
            return number
    return None


@cache
def design(name: str) -> Design:
    assert FOLDER is not None
    return read(FOLDER / "design" / f"{name}.txt")


@cache
def gold(name: str) -> dict:
    assert FOLDER is not None
    return json.loads((FOLDER / "gold" / f"{name}.json").read_text())


def floats(values) -> np.ndarray:
    return np.array([float(v) for v in values])


def test_the_files_are_here(reference):
    """Skips, saying so, where the folder is absent; the cases below are then empty."""
    assert len(NAMES) >= 55
    assert sum(len(design(name).groupings) > 1 for name in NAMES) >= 9


@pytest.mark.parametrize("name", NAMES)
def test_the_criterion_at_the_golden_theta(name):
    source = moments(design(name))
    for method in gold(name).keys() & {"ml", "reml"}:
        exact = gold(name)[method]
        half = whitened_factor(floats(exact["theta"]), source)
        solved = solve(half @ half.T, source, method == "reml")
        assert solved.deviance == pytest.approx(float(exact["minus2loglik"]), rel=1e-12, abs=1e-11)
        assert np.sqrt(solved.q / solved.N) == pytest.approx(float(exact["sigma"]), rel=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_the_optimum(name):
    source = moments(design(name))
    for method in gold(name).keys() & {"ml", "reml"}:
        exact = gold(name)[method]
        found = estimate(source, method == "reml")
        assert found.optimum.converged
        assert found.optimum.value == pytest.approx(
            float(exact["minus2loglik"]), rel=1e-12, abs=1e-11
        )
        np.testing.assert_allclose(
            found.optimum.theta, floats(exact["theta"]), rtol=1e-9, atol=1e-10
        )
        se = floats(exact["se"].values())
        np.testing.assert_allclose(np.sqrt(np.diag(found.vcov)), se, rtol=1e-10)
        assert np.all(np.abs(found.beta - floats(exact["fixef"].values())) < 1e-9 * se)
        assert found.sigma == pytest.approx(float(exact["sigma"]), rel=1e-10)

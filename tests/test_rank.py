"""Which columns of a model matrix are left out, whatever the units and the means of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.linalg import orthonormal_basis

N = 80
MEANS = [0.0, 1e3, 1e6, 1e7, -1e9]
UNITS = [1.0, 1e-6, 1e6]


def columns(mean: float, unit: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.resize([0, 1, 2], N))
    out = {f"k{i + 1}": (codes == i) * 1.0 for i in range(3)}
    out["1"], out["2"] = np.ones(N), np.full(N, 2.0)
    out["x"], out["z"] = ((mean + rng.normal(size=N)) * unit for _ in range(2))
    out["x+z"], out["1.8x+32"], out["-2.5x"] = (
        out["x"] + out["z"],
        1.8 * out["x"] + 32.0,
        -2.5 * out["x"],
    )
    for name in ("x", "z", "x+z"):
        for k in ("k1", "k2", "k3"):
            out[f"{name}:{k}"] = out[name] * out[k]
    out["never"] = out["k1"] * out["k2"]
    return out


MATRICES = {  # the columns, and those of them that depend on earlier ones
    "sums": ("1 x z x+z", "x+z"),
    "copies": ("1 x x 1.8x+32 -2.5x 2", "x 1.8x+32 -2.5x 2"),
    "interactions": ("1 x k2 k3 x:k2 x:k3", ""),
    "all indicators": ("1 x k2 k3 k1 x:k2 x:k3 x:k1", "k1 x:k1"),
    "constant last": ("k1 k2 k3 1 x 2", "1 2"),
    "sums of interactions": (
        "1 x z x+z k2 k3 x:k2 x:k3 z:k2 z:k3 x+z:k2 x+z:k3",
        "x+z x+z:k2 x+z:k3",
    ),
    "empty cell": ("1 k2 never k3 x", "never"),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("which", MATRICES)
def test_only_dependent_columns_are_left_out(which, mean, unit, weighted):
    known = columns(mean, unit)
    names, dropped = (text.split() for text in MATRICES[which])
    X = np.column_stack([known[name] for name in names])
    root = np.sqrt(np.random.default_rng(1).uniform(0.5, 2.0, N)) if weighted else None
    basis = orthonormal_basis(X, root)
    lost = [j for j in range(len(names)) if j not in basis.kept]
    assert [names[j] for j in lost] == dropped
    Q = basis.rows(X[:, basis.kept], root).T
    near = 1e-12 if basis.polish is not None else 1e-9
    np.testing.assert_allclose(Q.T @ Q, np.eye(Q.shape[1]), atol=near)
    weights = np.ones(N) if root is None else root
    difference = Q @ basis.R - X[:, basis.kept] * weights[:, None]
    assert np.all(np.abs(difference) <= 1e-14 * np.abs(X).max())


def test_powers_of_years_are_columns_of_their_own():
    year = np.tile(np.arange(2000.0, 2010.0), 8)
    assert len(orthonormal_basis(np.column_stack([year**j for j in range(5)])).kept) == 5


def test_whole_numbers_far_from_zero_are_no_constant():
    X = np.column_stack([np.ones(N), 1e15 + np.arange(N)])
    assert len(orthonormal_basis(X).kept) == 2


def test_coordinates_of_any_combination_of_coefficients():
    known = columns(1e3, 1.0)
    X = np.column_stack([known[name] for name in ["1", "x", "k2", "k3"]])
    basis = orthonormal_basis(X)
    forms = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [1.0, 1e3, 0.0, 0.0]])
    np.testing.assert_allclose(basis.R.T @ basis.forms(forms), forms.T, atol=1e-9)
    np.testing.assert_allclose(basis.forms(X), basis.rows(X), atol=1e-12)


def test_changes_of_basis():
    known = columns(1e9, 1.0)
    X = np.column_stack([known[name] for name in ["1", "x", "k2", "k3", "x:k2", "x:k3"]])
    whole, part = orthonormal_basis(X), orthonormal_basis(X[10:])
    gamma = np.arange(1.0, 7.0)
    moved = whole.change_from(part) @ gamma
    np.testing.assert_allclose(moved @ whole.rows(X), gamma @ part.rows(X), atol=1e-6)


@pytest.mark.parametrize("shift", [1e7, 1e9])
def test_interactions_far_from_zero_stay_in_the_model(shift):
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=N) * 4096) / 4096
    data = pd.DataFrame({"x": x, "k": rng.choice(list("abc"), N), "g": np.arange(N) % 8})
    data["y"] = 1.0 + x + rng.normal(size=N) + rng.normal(size=8)[data["g"]]
    plain = mw.lmer("y ~ x * k + (1 | g)", data)
    other = mw.lmer("y ~ x * k + (1 | g)", data.assign(x=data["x"] + shift))
    assert not other.design.dropped
    slopes = [name for name in plain.fixef.index if "x" in name]
    np.testing.assert_allclose(other.fixef[slopes], plain.fixef[slopes], rtol=1e-6)
    np.testing.assert_allclose(other.se[slopes], plain.se[slopes], rtol=1e-6)
    assert other.sigma == pytest.approx(plain.sigma, rel=1e-6)

"""The matrices of a fit: X, Z and Lambda as lme4 lays them out, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import issparse

import mixedwidgets as mw
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.fitted_design import FittedDesign
from tests.reference_data import reference_data, reference_folder, reference_models

FOLDER = reference_folder()
MODELS = {m["id"]: m for m in reference_models()}
WRITTEN_OUT = sorted(p.stem for p in (FOLDER / "design").glob("*.txt")) if FOLDER else []


def read_design(name: str) -> dict:
    """Read one of the reference's designs in hexadecimal."""
    assert FOLDER is not None
    lines = (FOLDER / "design" / f"{name}.txt").read_text().splitlines()
    n, p, q, ntheta, nnz, nnz_lambda = (int(v) for v in lines[0].split()[1:])
    header = {line.split(" ", 1)[0]: line for line in lines[1:5] if line[0] in "lxyw"}
    rest = lines[1 + len(header) :]
    X = np.array([[float.fromhex(v) for v in line.split()] for line in rest[:n]])
    Z = np.zeros((n, q))
    for line in rest[n : n + nnz]:
        i, j, value = line.split()
        Z[int(j), int(i)] = float.fromhex(value)
    where = np.array([[int(v) for v in line.split()] for line in rest[n + nnz :][:nnz_lambda]])
    return {
        "shape": (n, p, q, ntheta),
        "X": X.reshape(n, p),
        "Z": Z,
        "where": where,
        "y": np.array([float.fromhex(v) for v in header["y"].split()[1:]]),
    }


@pytest.mark.reference
@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_matrices_of_the_reference(name):
    model, expected = MODELS[name], read_design(name)
    fit = mw.lmer(
        model["formula"],
        reference_data(model["dataset"]),
        weights=model["weights"],
        contrasts=model["contrasts"],
    )
    design, (n, p, q, ntheta) = fit.design, expected["shape"]
    assert design.X.shape == (n, p)
    assert design.Z.shape == (n, q)
    assert design.Lambda.shape == (q, q)
    assert len(design.theta) == ntheta
    y = design.y if design.offset is None else design.y - design.offset
    np.testing.assert_array_equal(y, expected["y"])
    np.testing.assert_allclose(design.X, expected["X"], rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(design.Z.toarray(), expected["Z"], rtol=1e-15, atol=0.0)
    assert design.Z.nnz == np.count_nonzero(expected["Z"])
    i, j, k = (expected["where"] - expected["where"].min(axis=0)).T
    Lambda = np.zeros((q, q))
    Lambda[j, i] = design.theta[k]
    np.testing.assert_array_equal(design.Lambda.toarray(), Lambda)
    # lme4 stores Lambda' column by column
    order = np.lexsort((i, j))
    np.testing.assert_array_equal(design.Lind, k[order])
    np.testing.assert_array_equal(design.Lambda.data, design.theta[design.Lind])


@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ Days + (Days | Subject)",
        "Reaction ~ Days + (Days || Subject)",
        "Reaction ~ 1 + (0 + factor(Days) | Subject)",
        "Reaction ~ Days + (1 | Subject) + (1 | Days)",
    ],
)
def test_they_make_up_the_model(formula):
    """Fitted values and the covariance of the response, from the matrices alone."""
    data = mw.load("sleepstudy")
    data = data[data["Days"] < 4] if "factor" in formula else data
    control = {"check_nobs_vs_nre": "ignore"}
    fit = mw.lmer(formula, data, control=control)
    design = fit.design
    assert issparse(design.Z)
    assert issparse(design.Lambda)
    modes = fit.ranef(cond_var=False)
    starts, b = dict.fromkeys(modes, 0), []
    for block in design.blocks:
        group = design.groupings[block.grouping].name
        k = len(block.names)
        b.append(modes[group].to_numpy()[:, starts[group] : starts[group] + k].reshape(-1))
        starts[group] += k
    fitted = design.X @ fit.fixef.to_numpy() + design.Z @ np.concatenate(b)
    np.testing.assert_allclose(fitted, fit.fitted(), rtol=1e-12)
    V = np.eye(fit.nobs) + (half := design.Z @ design.Lambda) @ half.T
    whole = np.linalg.inv(design.X.T @ np.linalg.solve(V, design.X)) * fit.sigma**2
    np.testing.assert_allclose(whole, fit.vcov, rtol=1e-8, atol=1e-10)


def test_made_only_when_asked_for_and_once():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    design = fit.design
    assert isinstance(design, Design)
    assert "Z" not in vars(design)
    assert "Lambda" not in vars(design)
    assert design.Z is design.Z
    np.testing.assert_array_equal(design.theta, fit.theta)


def test_another_theta_or_response():
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    other = FittedDesign.of(fit.design, np.array([1.0, 0.0, 0.0]))
    assert other.Lambda.nnz == 54
    assert np.count_nonzero(other.Lambda.toarray()) == 18
    shifted = replace(fit.design, y=fit.design.y + 1.0)
    np.testing.assert_array_equal(shifted.Z.toarray(), fit.design.Z.toarray())

"""Intervals, held parameters and surfaces of models with several grouping factors."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

import mixedwidgets as mw
from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.parameters import compatible, parameters
from mixedwidgets.lmm.surface import curve, surface
from tests import dense
from tests.reference_data import MISSING, reference_data, reference_folder, reference_models
from tests.test_crossed import case
from tests.test_deviance import constrained_beta_deviance, natural_point, value_in

MODELS = {m["id"]: m for m in reference_models()}
NAMES = ["penicillin", "pastes_nested", "machines_nested", "oats", "trigly", "hox_pupcross"]


def fitted(name: str, reml: bool = False):
    model = MODELS[name]
    return mw.lmer(
        model["formula"],
        reference_data(model["dataset"]),
        REML=reml,
        contrasts=model["contrasts"],
    )


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", ["penicillin", "pastes_nested"])
def test_exact_profiles(name):
    folder = reference_folder()
    assert folder is not None, MISSING
    exact = json.loads((folder / "profile" / f"{name}.json").read_text())
    fit = fitted(name)
    assert fit.criterion == pytest.approx(exact["ml_deviance"], rel=1e-11)
    limits = fit.confint()
    assert list(limits.index) == list(exact["exact"])
    for key, values in exact["exact"].items():
        width = values["upper"] - values["lower"]
        expected = [values["lower"], values["upper"]]
        np.testing.assert_allclose(limits.loc[key], expected, atol=1e-8 * width, rtol=0)
        assert ("boundary" in limits.attrs["notes"].get(key, "")) == ("boundary" in values["note"])


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_intervals_and_a_curve(name):
    fit = fitted(name)
    for method in ("profile", "wald"):
        limits = fit.confint(method=method)
        values = limits.to_numpy()
        assert np.isfinite(values).all()
        assert (values[:, 0] <= fit.values()[limits.index]).all()
        assert (fit.values()[limits.index] <= values[:, 1]).all()
    for parameter in fit.parameters:
        for kind in ("profile", "slice"):
            drawn = curve(fit.design, fit.estimate, parameter, kind=kind)
            assert np.isfinite(drawn.drop).all()
            assert np.min(drawn.drop) >= -1e-6


@pytest.mark.reference
@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", NAMES)
def test_surfaces(name):
    """Pairs that can be held draw, and nothing on the drawing lies below the optimum."""
    fit = fitted(name)
    pairs = [pair for pair in combinations(fit.parameters, 2) if compatible(pair)]
    for pair in pairs[:6]:
        for kind in ("profile", "slice"):
            drawn = surface(fit.design, fit.estimate, *pair, kind=kind)
            assert np.isfinite(drawn.drop).any()
            assert np.nanmin(drawn.drop) > -1e-3


@pytest.mark.parametrize("name", ["slopes on both", "nested, slopes", "three", "weights"])
def test_a_held_point_has_the_dense_value(name):
    """Every pair that can be held, at a generic point."""
    design, source = case(name)
    available = parameters(design)
    singles = [(p,) for p in available]
    doubles = [pair for pair in combinations(available, 2) if compatible(pair)]
    for number, held in enumerate(singles + doubles):
        covariances, sigma = natural_point(design, held, number)
        constraint = constrain(source, held, False)
        half = np.zeros((source.layout.width,) * 2)
        for c, part in zip(source.layout.slices, covariances, strict=True):
            half[c, c] = np.linalg.cholesky(part)
        z = constraint.start(half, sigma)
        relative = [c / sigma**2 for c in covariances]
        V = dense.covariance(design, relative)
        X = design.X
        beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, design.y))
        beta_held = {p.i: beta[p.i] + 0.3 for p in held if p.kind == "fixed"}
        values = tuple(
            beta_held[p.i] if p.kind == "fixed" else value_in(p, covariances, sigma, beta)
            for p in held
        )
        ours = constraint.value(values, z, constraint.with_held(values))
        expected = constrained_beta_deviance(design, relative, sigma, beta_held)
        assert ours == pytest.approx(expected, rel=1e-10), held


@pytest.mark.parametrize("name", ["slopes on both", "nested, slopes", "weights"])
def test_hessian_in_the_unscaled_factor_and_log_sigma(name):
    """What Wald intervals are made of."""
    design, source = case(name)
    layout = source.layout
    constraint = constrain(source, (), True, natural=True)

    def reference(z):
        sigma = np.exp(z[-1])
        return dense.deviance(
            design, dense.relative_covariances(design, z[:-1] / sigma), True, sigma=sigma
        )

    z = np.append(np.random.default_rng(3).normal(size=layout.ntheta), 0.2)
    ours = constraint.hessian(z)
    # gradients by complex steps, differences of those along two directions
    for seed in range(2):
        direction = np.random.default_rng(seed).normal(size=len(z))
        step = 1e-4
        above, below = (dense.gradient(reference, z + s * direction) for s in (step, -step))
        expected = (above - below) / (2.0 * step)
        limit = 1e-6 * np.abs(ours).max()
        np.testing.assert_allclose(ours @ direction, expected, atol=limit, rtol=0)

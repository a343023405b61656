"""Contributions of groups to the log-likelihood: against densities with full matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from mixedwidgets import lmer, load
from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.contributions import Shares
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.fit import Fit
from tests import dense


def densities(design: Design, estimate: Estimate, factor: int) -> np.ndarray:
    """Log density of each group's responses."""
    covariances = dense.relative_covariances(design, estimate.optimum.theta)
    V = estimate.sigma**2 * dense.covariance(design, covariances)
    offset = np.zeros(len(design.y)) if design.offset is None else design.offset
    residual = design.y - offset - design.X @ estimate.beta
    codes = design.groupings[factor].codes
    out = []
    for j in range(len(design.groupings[factor].levels)):
        rows = np.flatnonzero(codes == j)
        assert not V[np.ix_(rows, np.flatnonzero(codes != j))].any()
        inside = multivariate_normal(np.zeros(len(rows)), V[np.ix_(rows, rows)])
        out.append(inside.logpdf(residual[rows]))
    return np.array(out)


def deep() -> pd.DataFrame:
    """Pupils in classes in schools in towns, the rows in no order."""
    rng = np.random.default_rng(7)
    n = 240
    pupil = rng.permutation(n)
    data = pd.DataFrame({"cl": pupil // 6, "sc": pupil // 24, "town": pupil // 60})
    data["x"] = rng.normal(size=n)
    effects = [rng.normal(size=k) for k in (40, 10, 4)]
    data["y"] = 50.0 + data.x + rng.normal(size=n)
    for name, effect in zip(("cl", "sc", "town"), effects, strict=True):
        data["y"] += effect[data[name]]
    data["y"] += 0.7 * rng.normal(size=10)[data.sc] * data.x
    data["w"] = rng.uniform(0.5, 2.0, size=n)
    return data


MODELS = {
    "one way": ("Yield ~ 1 + (1 | Batch)", "dyestuff"),
    "boundary": ("Yield ~ 1 + (1 | Batch)", "dyestuff2"),
    "slope": ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    "independent": ("Reaction ~ Days + (Days || Subject)", "sleepstudy"),
    "slope alone": ("Reaction ~ Days + (0 + Days | Subject)", "sleepstudy"),
    "nested": ("strength ~ 1 + (1 | batch/cask)", "pastes"),
    "factor": ("score ~ Machine + (Machine | Worker)", "machines"),
    "two terms": ("score ~ Machine + (1 | Worker/Machine)", "machines"),
}


def fitted(model: str, reml: bool = False) -> Fit:
    formula, data = MODELS[model]
    return lmer(formula, load(data), REML=reml)


@pytest.mark.parametrize("model", MODELS)
def test_contributions_are_log_densities(model: str) -> None:
    fit = fitted(model)
    found = fit.contributions()
    factor = [g.name for g in fit.design.groupings].index(str(found.index.name))
    np.testing.assert_allclose(found, densities(fit.design, fit.estimate, factor), rtol=1e-8)
    assert found.sum() == pytest.approx(fit.loglik, rel=1e-12)
    assert found.name == "loglik"
    assert list(found.index) == list(fit.design.groupings[factor].levels)


@pytest.mark.parametrize("weights", [None, "w"])
def test_three_levels_with_slopes_and_weights(weights: str | None) -> None:
    formula = "y ~ x + offset(x) + (1 | town) + (x | sc:town) + (1 | cl:sc)"
    fit = lmer(formula, deep(), REML=False, weights=weights)
    found = fit.contributions("town")
    factor = [g.name for g in fit.design.groupings].index("town")
    np.testing.assert_allclose(found, densities(fit.design, fit.estimate, factor), rtol=1e-9)
    assert found.sum() == pytest.approx(fit.loglik, rel=1e-12)


def test_restricted_estimates_give_contributions_to_the_whole_likelihood() -> None:
    for model in ("slope", "nested"):
        fit = fitted(model, reml=True)
        found = fit.contributions()
        factor = [g.name for g in fit.design.groupings].index(str(found.index.name))
        np.testing.assert_allclose(found, densities(fit.design, fit.estimate, factor), rtol=1e-8)
        assert found.name == "loglik at the REML estimates"
        assert found.sum() < fitted(model).loglik
        assert found.sum() != pytest.approx(fit.loglik, rel=1e-4)


@pytest.mark.parametrize("kind", ["profile", "slice"])
@pytest.mark.parametrize(
    ("model", "held"),
    [
        ("slope", {"sd_Days|Subject": 0.0, "sigma": 30.0}),
        ("slope", {"Days": 4.0, "cor_Days.(Intercept)|Subject": -1.0}),
        ("nested", {"sd_(Intercept)|batch": 3.0, "(Intercept)": 58.0}),
    ],
)
def test_contributions_at_a_point(model: str, held: dict[str, float], kind: str) -> None:
    point = fitted(model).at(held, kind)
    factor = len(point.design.groupings) - 1
    expected = densities(point.design, point.estimate, factor)
    np.testing.assert_allclose(point.contributions, expected, rtol=1e-7)
    assert point.contributions.sum() == pytest.approx(point.loglik, rel=1e-10)


def test_large_means_and_units_cost_no_digits() -> None:
    data = load("sleepstudy")
    fit = lmer("Reaction ~ Days + (Days | Subject)", data, REML=False)
    data["Reaction"] += 1e7
    data["Days"] = 1e6 + data["Days"]
    far = lmer("Reaction ~ Days + (1 | Subject)", data, REML=False)
    near = fit.update(". ~ . - (Days | Subject) + (1 | Subject)")
    np.testing.assert_allclose(far.contributions(), near.contributions(), rtol=1e-6)


def test_shares_are_the_same_a_few_groups_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted("nested")
    whole = fit.contributions()
    monkeypatch.setattr("mixedwidgets.lmm.contributions.PIECE", 7)
    pieces = Shares.of(fit.design, 1).contributions(fit.estimate)
    np.testing.assert_allclose(pieces, whole, rtol=1e-12)


def test_what_does_not_come_apart_is_refused() -> None:
    crossed = lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", load("penicillin"))
    for ask in (crossed.contributions, lambda: crossed.at({"sigma": 1.0}).contributions):
        with pytest.raises(ModelError, match="plate, sample are crossed, so that groups of one"):
            ask()
    nested = fitted("nested")
    with pytest.raises(ModelError, match="Levels of cask:batch within one level of batch are not"):
        nested.contributions("cask:batch")
    with pytest.raises(ModelError, match=r"no grouping factor 'bach' \(did you mean 'batch'\?\)"):
        nested.contributions("bach")

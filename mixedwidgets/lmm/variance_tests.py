"""Tests that variances of random effects are zero: likelihood ratios and scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from mixedwidgets.errors import FormulaError, MixedWidgetsError, ModelError, brief, listed, nearest
from mixedwidgets.lmm.callbacks import Progress, go_on
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.dropping import Kept, Null, drawn_ratios, null_model
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.mixture import mixture_p_value
from mixedwidgets.lmm.parameters import variance_parameters
from mixedwidgets.lmm.re_form import selected_columns
from mixedwidgets.lmm.spectral_null import MOST_LEVELS, simulated_ratios, spectrum

METHODS = ("exact", "mixture", "bootstrap")
DRAWS = {"exact": 10_000, "bootstrap": 1000}
NOTHING = 1e-9  # of 1 + |criterion|: a statistic below is zero but for rounding


@dataclass(frozen=True, eq=False, repr=False)
class VarianceTest:
    """A test that some random effects do not vary.

    Attributes
    ----------
    component : str
        What is tested.
    statistic : float
        Twice the log-likelihood ratio, or the score statistic; at least 0.
    p_value : float
        One-sided, as variances are.
    method : str
        ``"exact"``, ``"mixture"``, ``"bootstrap"`` or ``"score"``.
    criterion : str
        ``"REML"`` or ``"ML"``.
    null : str
        The null distribution in words.
    simulated : (s,) array
        Statistics drawn under the null hypothesis; empty where there are none.
    failed : int
        Draws without an optimum; they are left out.
    """

    component: str
    statistic: float
    p_value: float
    method: str
    criterion: str
    null: str
    simulated: Array = field(default_factory=lambda: np.empty(0))
    failed: int = 0

    @property
    def mc_error(self) -> float:
        """Standard error of the p-value from drawing; 0 where nothing is drawn."""
        n = len(self.simulated)
        return float(np.sqrt(self.p_value * (1.0 - self.p_value) / n)) if n else 0.0

    @property
    def sentence(self) -> str:
        """The test in one sentence."""
        kind = "score statistic" if self.method == "score" else "likelihood ratio"
        restricted = "restricted " if self.criterion == "REML" else ""
        error = f" with Monte-Carlo error {self.mc_error:.1g}" if len(self.simulated) else ""
        left = f"; {self.failed} draws without an optimum are left out" if self.failed else ""
        return (
            f"{self.component} against no such variation: {restricted}{kind} "
            f"{self.statistic:.4g}, p = {self.p_value:.3g}{error}, from {self.null}{left}."
        )

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>"


def variance_test(
    design: Design,
    fitted: Estimate,
    kept: Kept,
    method: str | None,
    nsim: int | None,
    seed: SeedSequence,
    control: Control,
    progress: Progress | None,
) -> VarianceTest:
    """Test by the likelihood ratio that the random effects which are not kept do not vary.

    Parameters
    ----------
    design, fitted
        The fit.
    kept : tuple of (k,) arrays of bool
        For each block which effects stay in the model under the null hypothesis.
    method : str, optional
        One of ``METHODS``; by default the first that applies.
    nsim : int, optional
        How many draws.
    seed : SeedSequence
    control : Control
    progress : callable, optional
        Told of draws of the bootstrap.

    Raises
    ------
    ModelError
        The method does not exist or does not apply.
    """
    chosen = _method_for(fitted, kept, method)
    null = null_model(design, fitted, kept, control)
    statistic = null.value - fitted.optimum.value
    if statistic <= NOTHING * (1.0 + abs(null.value)):
        statistic = 0.0
    count = DRAWS.get(chosen, 0) if nsim is None else nsim
    component = _named(design, kept)
    criterion = "REML" if fitted.reml else "ML"
    if chosen == "mixture":
        k = _degrees(kept)
        words = f"an equal mixture of chi-squares with {k - 1} and {k} degrees of freedom"
        return VarianceTest(
            component, statistic, mixture_p_value(statistic, k), chosen, criterion, words
        )
    if chosen == "exact":
        assert isinstance(fitted.moments, GroupedMoments)
        drawn = simulated_ratios(spectrum(fitted.moments, fitted.reml), count, seed)
        words = f"{len(drawn)} draws of its exact distribution"
    else:
        drawn = _drawn(design, fitted, null, kept, count, seed, control, progress)
        words = "{} fits to responses drawn without it"
    good = drawn[np.isfinite(drawn)]
    return VarianceTest(
        component,
        statistic,
        share_beyond(good, statistic),
        chosen,
        criterion,
        words.format(len(good)),
        good,
        len(drawn) - len(good),
    )


def share_beyond(drawn: Array, statistic: float) -> float:
    """p-value from draws of the null distribution: (1 + those as large) / (1 + all)."""
    if statistic <= 0.0:
        return 1.0
    return float((1 + np.count_nonzero(drawn >= statistic)) / (1 + len(drawn)))


def _drawn(
    design: Design,
    fitted: Estimate,
    null: Null,
    kept: Kept,
    nsim: int,
    seed: SeedSequence,
    control: Control,
    progress: Progress | None,
) -> Array:
    parts: list[Array] = []
    done = 0
    for part in drawn_ratios(design, fitted, null, kept, nsim, seed, control):
        parts.append(part)
        done += len(part)
        if not go_on(progress, done, nsim):
            break
    return np.concatenate(parts)


def _method_for(fitted: Estimate, kept: Kept, method: str | None) -> str:
    """The method asked for, or the best that applies.

    Raises
    ------
    ModelError
        It does not exist or does not apply.
    """
    moments = fitted.moments
    alone = isinstance(moments, GroupedMoments) and moments.layout.width == 1
    single = sum(int((~keep).sum()) for keep in kept) == 1
    if method is None:
        exact = alone and moments.ngroups <= MOST_LEVELS
        method = "exact" if exact else "mixture" if single else "bootstrap"
    if method not in METHODS:
        raise ModelError(
            f"method is {brief(method)}{nearest(str(method), METHODS)}; choose 'exact', 'mixture' "
            "or 'bootstrap'."
        )
    if method == "exact" and not alone:
        raise ModelError(
            "The exact null distribution is known where the model has a single random effect; "
            "choose 'bootstrap', or 'mixture' for large samples."
        )
    if method == "exact" and moments.ngroups > MOST_LEVELS:
        raise ModelError(
            f"The exact null distribution takes the eigenvalues of a matrix of {moments.ngroups} "
            f"rows, and {MOST_LEVELS} are the most; with so many levels choose 'mixture'."
        )
    if method == "mixture" and not single:
        raise ModelError(
            "The mixture of chi-squares is known for a single variance, and here several are "
            "tested at once; choose 'bootstrap', or test one at a time."
        )
    several = not isinstance(moments, GroupedMoments)
    if method == "bootstrap" and several and not any(keep.any() for keep in kept):
        raise ModelError(
            "Dropping every random effect at once is not tested where there are several grouping "
            "factors; test one term at a time."
        )
    return method


def _degrees(kept: Kept) -> int:
    """How many parameters go with a single effect that is dropped: its variance and covariances."""
    return next(len(keep) for keep in kept if not keep.all())


def kept_without(design: Design, component: Any) -> Kept:
    """Which random effects stay when a component is dropped.

    Parameters
    ----------
    design : Design
    component : str or None
        A standard deviation, such as ``"sd_ses|school"``, or a term, such as ``"(1 | school)"``;
        None for the only random effect of a model.

    Raises
    ------
    ModelError
        There is no such component.
    """
    known = [p for p in variance_parameters(design) if p.kind == "sd"]
    names = [p.name for p in known]
    if component is None and len(known) > 1:
        raise ModelError(
            f"This model has {len(known)} variances; say which to test, one of {listed(names)}, or "
            "a term of the formula."
        )
    if component is None or component in names:
        p = known[0] if component is None else known[names.index(component)]
        kept = tuple(np.ones(len(b.names), dtype=bool) for b in design.blocks)
        kept[p.block][p.i] = False
        return kept
    try:
        if not isinstance(component, str):
            raise FormulaError("it is no string")
        dropped = selected_columns(design, f"~ {component}")
    except MixedWidgetsError:
        dropped = ()
    if not any(mask.any() for mask in dropped):
        raise ModelError(
            f"This model has no random effect {brief(component)}{nearest(str(component), names)}; "
            f"give one of {listed(names)}, or a term of the formula, such as '(1 | group)'."
        )
    return tuple(~mask for mask in dropped)


def kept_in(design: Design, smaller: Design) -> Kept:
    """Which random effects of a model a smaller model has too.

    Raises
    ------
    ModelError
        The models differ in other things, or the second is not the smaller.
    """
    pairs = ((getattr(design, what), getattr(smaller, what)) for what in ("y", "weights", "offset"))
    if not all(a is b or (a is not None and np.array_equal(a, b)) for a, b in pairs):
        raise ModelError(
            "The two fits are of different rows, responses, weights or offsets, so their "
            "likelihoods cannot be compared; fit both to the same data."
        )
    if set(design.x_names) != set(smaller.x_names):
        raise ModelError(
            "The two fits differ in their fixed effects, so they are no test of variances, and "
            "their restricted likelihoods are not comparable; give both the same fixed effects, or "
            "test fixed effects with anova, which refits by maximum likelihood."
        )
    theirs = [(smaller.groupings[b.grouping].name, set(b.names)) for b in smaller.blocks]
    kept = []
    for block in design.blocks:
        group = design.groupings[block.grouping].name
        inside = [n for g, n in theirs if g == group and n <= set(block.names)]
        names = inside[0] if inside else set()
        if inside:
            theirs.remove((group, names))
        kept.append(np.array([name in names for name in block.names]))
    if theirs or all(keep.all() for keep in kept):
        raise ModelError(
            "The second fit must be the first without some of its random effects; give the larger "
            "model first."
        )
    return tuple(kept)


def _named(design: Design, kept: Kept) -> str:
    """The effects that are dropped, as they stand in a formula."""
    out = []
    for block, keep in zip(design.blocks, kept, strict=True):
        names = [n for n, stays in zip(block.names, keep, strict=True) if not stays]
        if names:
            out.append(f"({' + '.join(map(_short, names))} | {_group(design, block.grouping)})")
    return " + ".join(out)


def _short(name: str) -> str:
    return "1" if name == "(Intercept)" else name


def _group(design: Design, grouping: int) -> str:
    return design.groupings[grouping].name

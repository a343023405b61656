"""Models whose random part is one step simpler, and how a boundary fit collapses."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, chdtri

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.control import DEFAULT, Control
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.dropping import reduced_moments
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.labels import plain
from mixedwidgets.lmm.linalg import semidefinite_root
from mixedwidgets.lmm.mixture import mixture_p_value
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.simpler_steps import Step, steps
from mixedwidgets.lmm.simpler_tables import Collapse, SimplerModel, SimplerModels
from mixedwidgets.lmm.verdict import directions_in_words

OUTLINE = 121  # points of an ellipse
COVERED = 0.95


def simpler_models(design: Design, fitted: Estimate, control: Control = DEFAULT) -> SimplerModels:
    """Fit every model whose random part is one step simpler, and test it.

    The steps are: leave out the correlations of a term (``|`` becomes ``||``); leave out one effect
    of a term that is part of no interaction there, and the intercept where its variance is
    estimated as zero; leave out all effects of a grouping factor. Fixed effects and rows stay.

    Parameters
    ----------
    design, fitted
        The fit. All models are fitted by its criterion; where that is REML they are comparable,
        because the fixed effects are the same.
    control : Control
        How hard to search.

    Returns
    -------
    SimplerModels

    Raises
    ------
    ModelError
        The fit was not made from a formula.

    Notes
    -----
    A variance under test is at the boundary of what is possible. For one variance and k - 1
    covariances the null distribution is the equal mixture of chi-squares with k - 1 and k degrees
    of freedom (Stram and Lee 1994, Biometrics 50, 1171-1177); for several variances at once
    chi-square with all degrees of freedom is conservative. Correlations alone are inside.
    """
    found, notes = [], []
    for step in steps(design, fitted):
        try:
            found.append(_tested(design, fitted, step, control))
        except (ModelError, np.linalg.LinAlgError):
            notes.append(f"{step.formula} has no optimum that could be found.")
    found.sort(key=lambda m: (round(m.change, 6), -m.df))
    return SimplerModels(
        formula=str(design.spec),
        criterion="REML" if fitted.reml else "ML",
        models=tuple(found),
        directions=directions_in_words(design, fitted.optimum.boundary),
        notes=tuple(notes),
    )


def collapses(design: Design, fitted: Estimate) -> tuple[Collapse, ...]:
    """The ellipse of each term of two effects that has collapsed.

    Parameters
    ----------
    design, fitted
        The fit.

    Returns
    -------
    tuple of Collapse
        One for each term of two effects that is at the boundary; none for other fits.
    """
    out = []
    boundary = fitted.optimum.boundary
    angle = np.linspace(0.0, 2.0 * np.pi, OUTLINE)
    circle = np.sqrt(chdtri(2, 1.0 - COVERED)) * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    for number, (block, covariance) in enumerate(
        zip(design.blocks, fitted.covariances, strict=True)
    ):
        own = [(n, vector) for n, vector in boundary if n == number]
        if len(block.names) != 2 or not own:
            continue
        sd = np.sqrt(np.diag(covariance))
        direction = np.zeros(2)
        if len(own) == 1:
            direction = own[0][1] / np.where(sd > 0.0, sd, 1.0)
            direction = direction / np.linalg.norm(direction)
        out.append(
            Collapse(
                group=design.groupings[block.grouping].name,
                names=(plain(block.names[0]), plain(block.names[1])),
                covariance=covariance,
                outline=circle @ semidefinite_root(covariance).T,
                direction=direction,
                words="; ".join(directions_in_words(design, own)),
            )
        )
    return tuple(out)


def _tested(design: Design, fitted: Estimate, step: Step, control: Control) -> SimplerModel:
    """Fit a simpler model by the criterion of the fit, and test it."""
    source, reml = fitted.moments, fitted.reml
    linear = not step.design.blocks
    if linear:
        width = source.layout.width
        value, boundary = solve(np.zeros((width, width)), source, reml).deviance, False
    else:
        smaller = (
            moments(step.design)
            if step.kept is None
            else reduced_moments(source, step.design, step.kept)
        )
        optimum = estimate(smaller, reml, control=control).optimum
        value, boundary = optimum.value, bool(optimum.boundary)
    change = max(value - fitted.optimum.value, 0.0)
    df = source.layout.ntheta - sum(_elements(len(b.names)) for b in step.design.blocks)
    p_value, null = _judged(change, df, step)
    if boundary or (not step.variances and fitted.optimum.boundary):
        which = "simpler model" if boundary else "fit"
        null += f"; a rough guide, because the {which} is at the boundary"
    return SimplerModel(
        step.step, step.words, step.formula, change, df, boundary, p_value, null, linear
    )


def _judged(change: float, df: int, step: Step) -> tuple[float, str]:
    """The p-value and what it is from."""
    degrees = f"{df} degree{'' if df == 1 else 's'} of freedom"
    if step.variances == 1:
        k = step.size
        words = f"an equal mixture of chi-squares with {k - 1} and {k} degrees of freedom"
        return float(mixture_p_value(change, k)), words
    p = float(chdtrc(df, change))
    if step.variances:
        return p, f"chi-square with {degrees}, conservative for {step.variances} variances at once"
    return p, f"chi-square with {degrees}"


def _elements(k: int) -> int:
    return k * (k + 1) // 2

"""``drop1``: what a model loses with each term of its fixed effects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import chdtrc

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.ftests import NAMES, method_named
from mixedwidgets.lmm.hypotheses import CodedTerm, coded_terms, hypotheses
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import replace_fixed
from mixedwidgets.lmm.optimize import optimise
from mixedwidgets.lmm.rlayout import break_formula
from mixedwidgets.lmm.stattable import StatTable

SMALL = 1e-8  # singular value, relative, of a direction that a smaller model does not reach


def drop1(
    fit: Fit,
    test: str | None = "Chisq",
    scope: str | Iterable[str] | None = None,
    method: str = "satterthwaite",
) -> StatTable:
    """Drop each term of the fixed effects that can be dropped by itself.

    As R's ``drop1``: a term stays as long as an interaction it is part of is in the model.

    Parameters
    ----------
    fit : Fit
    test : {"Chisq", "F", None}
        Likelihood-ratio tests; F tests; or AIC alone.
    scope : str or list of str, optional
        The terms to drop in turn, as the formula names them; all that can be by default.
    method : {"satterthwaite", "kenward-roger"}
        Where the denominators of F tests come from.

    Returns
    -------
    StatTable
        A DataFrame. For ``"Chisq"`` a row ``<none>`` for the model and one for each term, with the
        columns npar (parameters it takes), AIC, LRT and Pr(Chi), by maximum likelihood; without a
        test the first two; for ``"F"`` a row for each term with the columns of ``Fit.anova``.

    Raises
    ------
    ModelError
        An unknown test or method, or a term that cannot be dropped.

    Notes
    -----
    All rows of the fit stay, also those where only the dropped term has values missing. Without
    its last term a model has no fixed effects; lme4 gives it an intercept, which tests something
    else. A term whose place another one takes, such as a redundant column that was left out, is
    no loss and has no F test.
    """
    if not isinstance(fit, Fit):
        raise ModelError(f"drop1 needs a fit made by lmer, not {brief(fit)}.")
    if test not in ("Chisq", "F", None):
        raise ModelError(f"test is {test!r}; choose 'Chisq', 'F' or None.")
    terms = coded_terms(fit.design)
    chosen = _chosen(terms, scope)
    if test == "F":
        return _f_table(fit, chosen, method_named(method))
    return _likelihood_table(fit, chosen, test)


def _chosen(terms: Sequence[CodedTerm], scope: str | Iterable[str] | None) -> list[CodedTerm]:
    """The terms to drop, checked for marginality."""
    droppable = {t.label: t for t in terms if not any(t.marginal_to(other) for other in terms)}
    if scope is None:
        return list(droppable.values())
    names = [scope] if isinstance(scope, str) else [str(name) for name in scope]
    labels = [t.label for t in terms]
    for name in names:
        if name not in labels:
            raise ModelError(
                f"The fixed effects have no term {name!r}{nearest(name, labels)}; those that can "
                f"be dropped are {listed(list(droppable)) or 'none'}."
            )
        if name not in droppable:
            term = terms[labels.index(name)]
            above = next(t.label for t in terms if term.marginal_to(t))
            raise ModelError(
                f"{name} is part of {above} and cannot be dropped while that stays; those that can "
                f"be dropped are {listed(list(droppable))}."
            )
    return [droppable[name] for name in dict.fromkeys(names)]


def _likelihood_table(fit: Fit, chosen: Sequence[CodedTerm], test: str | None) -> StatTable:
    whole = fit.likelihood_estimate.optimum.value
    found = [_without(fit, term) for term in chosen]
    npar = np.array([np.nan, *(lost for _, lost in found)])
    deviance = np.array([whole, *(value for value, _ in found)])
    parameters = fit.npar - np.nan_to_num(npar)
    columns: dict[str, Array | Sequence[float]] = {
        "npar": npar,
        "AIC": deviance + 2.0 * parameters,
    }
    if test == "Chisq":
        statistic = np.maximum(deviance[1:] - whole, 0.0)
        tested = npar[1:] > 0
        p = np.full(len(statistic), np.nan)
        p[tested] = chdtrc(npar[1:][tested], statistic[tested])
        columns |= {"LRT": np.append(np.nan, statistic), "Pr(Chi)": np.append(np.nan, p)}
    notes = ["The fit by REML was refitted by maximum likelihood."] if fit.reml else []
    index = ["<none>", *(t.label for t in chosen)]
    return StatTable.of(columns, index, "Single term deletions", _lines(fit), notes)


def _f_table(fit: Fit, chosen: Sequence[CodedTerm], method: str) -> StatTable:
    lost = [(t.label, _contrasts(fit, t)) for t in chosen]
    tested = [(label, rows) for label, rows in lost if len(rows)]
    columns, notes = fit.f_tests(method, tested)
    title = f"Single term deletions using {NAMES[method]}'s method"
    return StatTable.of(columns, [t for t, _ in tested], title, _lines(fit), notes)


def _lines(fit: Fit) -> list[str]:
    return ["", "Model:", *break_formula(fit.design.spec.display)]


def _changes_others(fit: Fit, term: CodedTerm) -> bool:
    """Whether other columns of the model matrix change without the term.

    So where redundant columns were left out, and where the term takes the intercept's place.
    """
    takes_its_place = not fit.design.recipe.fixed.intercept and bool(term.in_full)
    return bool(fit.design.dropped) or takes_its_place


def _without(fit: Fit, term: CodedTerm) -> tuple[float, int]:
    """Minus twice the maximal log-likelihood without a term, and how many parameters it takes.

    As a rule by algebra on the cross-products, with the coefficients of the term held at zero.
    """
    if not _changes_others(fit, term):
        full = fit.likelihood_estimate
        moments = replace_fixed(full.moments, [(int(i), 0.0) for i in term.kept])
        optimum = optimise(moments, False, full.optimum.theta, fit.call.control)
        return optimum.value, len(term.kept)
    smaller = _refitted(fit, term)
    return smaller.criterion, fit.npar - smaller.npar


def _refitted(fit: Fit, term: CodedTerm) -> Fit:
    smaller = fit.update(f". ~ . - {term.label}", REML=False)
    if smaller.nobs != fit.nobs:
        raise ModelError(
            f"Without {term.label} the model uses {smaller.nobs} rows instead of {fit.nobs}, "
            "because values of it are missing; leave those rows out of the data first."
        )
    return smaller


def _contrasts(fit: Fit, term: CodedTerm) -> Array:
    """Contrasts (q, p) of the coefficients that vanish without the term."""
    own = dict(hypotheses(fit.design, 2))[term.label] if len(term.kept) else np.empty((0, 0))
    if not _changes_others(fit, term):
        return own
    root = None if fit.design.weights is None else np.sqrt(fit.design.weights)
    smaller = _refitted(fit, term).design
    mine = fit.design.basis.rows(fit.design.X, root)
    theirs = smaller.basis.rows(smaller.X, root)
    vectors, values, _ = np.linalg.svd(mine @ theirs.T)
    reached = int(np.count_nonzero(values > SMALL))
    lost = np.asarray(vectors[:, reached:].T @ fit.design.basis.R)
    return own if len(own) == len(lost) else lost

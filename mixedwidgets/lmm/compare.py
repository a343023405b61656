"""``anova``: likelihood-ratio tests of several fits, or F tests of the terms of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import chdtrc

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.mixture import mixture_p_value
from mixedwidgets.lmm.nesting import nesting, spans
from mixedwidgets.lmm.rformat import format_number
from mixedwidgets.lmm.rlayout import break_formula
from mixedwidgets.lmm.stattable import StatTable

OBSTACLES = {
    "": "they have equally many parameters",
    "fixed": "the fixed effects or the offset of {small} are no combination of those of {large}",
    "random": "{large} does not allow every covariance that the random terms of {small} allow",
}
SAME = 1e-9  # relative difference of the scale of two model matrices that is rounding


def anova(
    *fits: Fit,
    refit: bool = True,
    names: Sequence[str] | None = None,
    method: str | None = None,
    type: int | str | None = None,
) -> StatTable:
    """Compare models fitted to the same data by likelihood-ratio tests.

    As lme4's ``anova``, but it checks what is compared. With a single fit, F tests of its terms:
    ``fit.anova(method, type)``.

    Parameters
    ----------
    *fits : Fit
        In any order; they are sorted by their number of parameters.
    refit : bool
        Compare maximum likelihoods, refitting models that were fitted by REML. With False the
        criteria of the fits are compared as they are; for REML this needs the same fixed effects.
    names : sequence of str, optional
        What to call the fits; their formulas by default.
    method, type
        For a single fit: see ``Fit.anova``.

    Returns
    -------
    StatTable
        A DataFrame with a row for each fit and the columns npar, AIC, BIC, logLik, deviance,
        Chisq, Df and Pr(>Chisq), each of the last three against the row above. ``.notes`` say
        what was refitted, which tests are conservative and which comparisons are no tests.

    Raises
    ------
    ModelError
        Fits of different rows, responses or weights; REML fits of different fixed effects, or
        fits by different criteria, with ``refit=False``; two fits of one model.

    Notes
    -----
    Models are nested where the fixed effects of one are combinations of those of the other, and
    the other allows every covariance that its random terms allow. Where they are not, Pr(>Chisq)
    is NaN. Where the smaller model holds a variance at zero, the edge of what is possible, the
    chi-square p-value is too large; for a single variance the large-sample distribution is an even
    mixture of chi-squares on Df - 1 and Df (Self and Liang 1987, Journal of the American
    Statistical Association 82, 605-610; Stram and Lee 1994, Biometrics 50, 1171-1177), and the
    notes give its p-value.
    """
    _refuse_other_things(fits)
    refit = yes_or_no("refit", refit)
    if len(fits) == 1:
        return fits[0].anova(method or "satterthwaite", 3 if type is None else type)
    if method is not None or type is not None:
        raise ModelError(
            "method and type are for the F tests of a single fit; several fits are compared by "
            "likelihood-ratio tests, so leave them out."
        )
    entries = _entries(fits, refit, names)
    _refuse_different_data(entries)
    refitted = refit and any(e.fit.reml for e in entries)
    if not refit:
        _refuse_different_criteria(entries)
    notes = ["The fits by REML were refitted by maximum likelihood."] if refitted else []
    notes += [f"{e.label}: {e.fit.verdict.sentence}" for e in entries if not e.fit.converged]
    p = [np.nan]
    for small, large in pairwise(entries):
        value, remarks = _test(small, large)
        p.append(value)
        notes += remarks
    return _table(entries, p, notes, named=names is not None)


@dataclass(frozen=True, eq=False)
class _Entry:
    """One fit in a comparison."""

    fit: Fit
    name: str
    label: str
    deviance: float
    singular: bool

    @property
    def design(self) -> Design:
        return self.fit.design


def _entries(fits: Sequence[Fit], refit: bool, names: Sequence[str] | None) -> list[_Entry]:
    """The fits with names and criteria, sorted by number of parameters."""
    chosen = [f.formula for f in fits] if names is None else [str(name) for name in names]
    if len(chosen) != len(fits) or (names is not None and len(set(chosen)) < len(chosen)):
        raise ModelError(
            f"names are {chosen!r}; give {len(fits)} different names, one for each fit."
        )
    order = sorted(range(len(fits)), key=lambda i: fits[i].npar)
    out = []
    for number, i in enumerate(order, 1):
        optimum = (fits[i].likelihood_estimate if refit else fits[i].estimate).optimum
        label = str(number) if names is None else chosen[i]
        out.append(_Entry(fits[i], chosen[i], label, optimum.value, bool(optimum.boundary)))
    return out


def _test(small: _Entry, large: _Entry) -> tuple[float, list[str]]:
    """p-value of a comparison, NaN where it is no test, and remarks."""
    statistic = max(small.deviance - large.deviance, 0.0)
    df = large.fit.npar - small.fit.npar
    found = nesting(small.design, large.design)
    pair = f"{small.label} and {large.label}"
    if df == 0 and not found.obstacle:
        raise ModelError(
            f"{small.fit.formula} and {large.fit.formula} are the same model in other words, so "
            "there is nothing to compare."
        )
    if found.obstacle or df == 0:
        why = OBSTACLES[found.obstacle].format(small=small.label, large=large.label)
        return float("nan"), [
            f"{pair} are not nested: {why}. Chisq is no test then; compare AIC or BIC."
        ]
    p = float(chdtrc(df, statistic))
    if not found.edge:
        if not small.singular:
            return p, []
        return p, [
            f"{pair}: a variance of {small.label} is estimated as zero, so the chi-square "
            "distribution is only a rough guide."
        ]
    return p, [f"{pair}: {_conservative(found.edge, statistic, df)}"]


def _conservative(edge: int, statistic: float, df: int) -> str:
    if edge > 1:
        return (
            "Pr(>Chisq) is conservative, because the smaller model holds several variances at zero,"
            " the edge of what is possible; the right p-value is smaller."
        )
    mixed = mixture_p_value(statistic, df)
    return (
        "Pr(>Chisq) is conservative, because the smaller model holds a variance at zero, the edge "
        f"of what is possible; an even mixture of chi-squares on {df - 1} and {df} Df gives "
        f"{format_number(mixed, 4)}."
    )


def _table(entries: list[_Entry], p: list[float], notes: list[str], named: bool) -> StatTable:
    npar = np.array([e.fit.npar for e in entries])
    deviance = np.array([e.deviance for e in entries])
    nobs = entries[0].fit.nobs
    columns: dict[str, Array | Sequence[float]] = {
        "npar": npar,
        "AIC": deviance + 2.0 * npar,
        "BIC": deviance + npar * np.log(nobs),
        "logLik": -0.5 * deviance,
        "deviance": deviance,
        "Chisq": np.append(np.nan, np.maximum(-np.diff(deviance), 0.0)),
        "Df": np.append(np.nan, np.diff(npar)),
        "Pr(>Chisq)": p,
    }
    data = entries[0].design.data_name
    lines = [f"Data: {data}"] if data else []
    lines.append("Models:")
    for e in entries:
        lines += [f"{e.label}: {part}" for part in break_formula(e.design.spec.display)]
    index = [e.name for e in entries]
    if not named:
        index = [
            name if index.count(name) == 1 else f"{name} ({e.label})"
            for name, e in zip(index, entries, strict=True)
        ]
    return StatTable.of(columns, index, "", lines, notes, [e.label for e in entries])


def _refuse_other_things(fits: Sequence[object]) -> None:
    if not fits:
        raise ModelError("anova needs a fit, or several to compare: anova(fit1, fit2).")
    for number, fit in enumerate(fits, 1):
        if not isinstance(fit, Fit):
            hint = "; write anova(*fits)" if isinstance(fit, (list, tuple)) else ""
            raise ModelError(
                f"Argument {number} of anova is of type {fit.__class__.__name__}; give fits made "
                f"by lmer{hint}."
            )


def _refuse_different_data(entries: Sequence[_Entry]) -> None:
    first = entries[0].design
    for entry in entries[1:]:
        other = entry.design
        if len(first.y) != len(other.y):
            raise ModelError(
                f"The fits use different rows: {len(first.y)} by {first.spec} and {len(other.y)} "
                f"by {other.spec}; fit both to the rows where no variable of either is missing."
            )
        if not np.array_equal(first.y, other.y):
            what = "the same rows, in the same order"
            if first.spec.response != other.spec.response:
                what = f"one response ({first.spec.response} is not {other.spec.response})"
            raise ModelError(
                f"The responses of {first.spec} and {other.spec} differ, and likelihoods of "
                f"different numbers cannot be compared; fit both to {what}."
            )
        if not np.array_equal(_weights(first), _weights(other)):
            raise ModelError(
                f"{first.spec} and {other.spec} are fitted with different weights; fit both with "
                "the same ones."
            )


def _weights(design: Design) -> Array:
    return np.ones(len(design.y)) if design.weights is None else design.weights


def _refuse_different_criteria(entries: Sequence[_Entry]) -> None:
    first = entries[0]
    for entry in entries[1:]:
        if entry.fit.reml != first.fit.reml:
            raise ModelError(
                "Some of these fits are by REML and some by maximum likelihood, whose criteria "
                "cannot be compared; leave out refit=False, or fit all in one way."
            )
        if entry.fit.reml and not _same_restriction(first.design, entry.design):
            raise ModelError(
                f"REML criteria of different fixed effects cannot be compared ({first.fit.formula} "
                f"and {entry.fit.formula}), because each leaves out different combinations of the "
                "response; leave out refit=False to compare maximum likelihoods."
            )


def _same_restriction(one: Design, other: Design) -> bool:
    """Whether two fixed parts span the same space and are coded with the same determinant."""
    if one.X.shape[1] != other.X.shape[1] or not spans(one, other):
        return False
    difference = abs(one.basis.logdet - other.basis.logdet)
    return bool(difference <= SAME * (1.0 + abs(one.basis.logdet)))

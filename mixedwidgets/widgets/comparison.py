"""Two fits side by side: their difference in words, and a test where there is one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.compare import anova
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.mixture import mixture_p_value
from mixedwidgets.lmm.nesting import nesting
from mixedwidgets.lmm.stattable import StatTable
from mixedwidgets.widgets.difference import difference

NAN = float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two models compared.

    Attributes
    ----------
    labels : tuple of two str
        What the models are called, the one with fewer parameters first.
    difference : str
        How the second differs from the first, in a sentence.
    obstacle : str
        Why there is no test, in a sentence; empty where there is one.
    statistic, df, p : float
        Likelihood-ratio test: twice the difference of the log-likelihoods, the difference of the
        numbers of parameters, and the upper tail of chi-square; NaN without a test.
    p_mixture : float
        Where the smaller model holds one variance at zero, the edge of what is possible, the
        p-value by an even mixture of chi-squares on ``df - 1`` and ``df`` (Stram and Lee 1994,
        Biometrics 50, 1171-1177); else NaN.
    criterion : {"ML", "REML", ""}
        The likelihood by which they were compared; empty where they cannot be.
    refitted : bool
        Whether a fit by REML was fitted by maximum likelihood for it.
    notes : tuple of str
        What there is to know about the test.
    table : StatTable or None
        Criteria and test as ``anova`` gives them, the smaller model first; None where even AIC and
        BIC cannot be compared.
    """

    labels: tuple[str, str]
    difference: str
    obstacle: str = ""
    statistic: float = NAN
    df: float = NAN
    p: float = NAN
    p_mixture: float = NAN
    criterion: str = ""
    refitted: bool = False
    notes: tuple[str, ...] = ()
    table: StatTable | None = None

    @property
    def nested(self) -> bool:
        """Whether the first model is a special case of the second."""
        return self.table is not None and not self.obstacle

    @property
    def sentence(self) -> str:
        """The outcome in a sentence."""
        if self.obstacle:
            return self.obstacle
        p = self.p if np.isnan(self.p_mixture) else self.p_mixture
        how = "" if np.isnan(self.p_mixture) else " by the mixture of chi-squares"
        return (
            f"Likelihood-ratio test ({self.criterion}): {self.statistic:.4g} on {self.df:g} "
            f"degree{'s' * (self.df != 1)} of freedom, p = {p:.3g}{how}."
        )

    def __repr__(self) -> str:
        return f"<Comparison of {self.labels[0]} and {self.labels[1]}: {self.sentence}>"


def compare(one: Fit, other: Fit, labels: tuple[str, str]) -> Comparison:
    """Compare two fits.

    Two fits by REML are compared by their restricted likelihoods where their fixed effects are the
    same; otherwise fits by REML are fitted by maximum likelihood.

    Parameters
    ----------
    one, other : Fit
    labels : tuple of two different str
        What they are called.

    Returns
    -------
    Comparison
    """
    if other.npar < one.npar:
        one, other, labels = other, one, labels[::-1]
    words = difference(one, other).sentence(*labels)
    if one.formula == other.formula and one.reml != other.reml and _same_rows(one, other):
        return Comparison(
            labels,
            words,
            "They are one model, fitted by ML and by REML, whose likelihoods are not comparable.",
        )
    try:
        table, refitted = _tested(one, other, labels)
    except ModelError as error:
        return Comparison(labels, words, str(error))
    _, statistic = table["Chisq"]
    _, df = table["Df"]
    _, p = table["Pr(>Chisq)"]
    both = one.reml and other.reml
    criterion = "REML" if both and not refitted else "ML"
    why = [note for note in table.notes if _about(labels) in note]
    if np.isnan(p):
        notes = tuple(note for note in table.notes if note not in why)
        return Comparison(
            labels, words, why[0], criterion=criterion, refitted=refitted, notes=notes, table=table
        )
    edge = nesting(one.design, other.design).edge
    mixed = mixture_p_value(float(statistic), int(df)) if edge == 1 else NAN
    return Comparison(
        labels,
        words,
        "",
        float(statistic),
        float(df),
        float(p),
        mixed,
        criterion,
        refitted,
        table.notes,
        table,
    )


def _tested(one: Fit, other: Fit, labels: tuple[str, str]) -> tuple[StatTable, bool]:
    """The table of ``anova``, and whether fits were refitted for it."""
    if one.reml and other.reml:
        with suppress(ModelError):
            return anova(one, other, refit=False, names=labels), False
    return anova(one, other, names=labels), one.reml or other.reml


def _about(labels: tuple[str, str]) -> str:
    return f"{labels[0]} and {labels[1]} are not nested"


def _same_rows(one: Fit, other: Fit) -> bool:
    return np.array_equal(one.design.y, other.design.y)

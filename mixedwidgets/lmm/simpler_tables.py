"""Tables of a boundary fit: simpler models with what they cost, and how an ellipse collapses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

CAUTION = (
    "Each p-value is that of one test planned before the data were seen. Where the model is chosen "
    "by looking at this table, p-values and intervals of the model chosen are too optimistic: keep "
    "the random effects that the design of the study calls for, or say how the model was found."
)


@dataclass(frozen=True, eq=False, repr=False)
class SimplerModel:
    """A model with a random part one step simpler.

    Attributes
    ----------
    step : {"correlation", "effect", "group"}
        What is left out: the correlations of a term, one of its effects, or all effects of a
        grouping factor.
    words : str
        The same in the user's names.
    formula : str
        The simpler model.
    change : float
        By how much the criterion (deviance, or REML criterion) is higher; at least 0.
    df : int
        How many parameters fewer.
    boundary : bool
        Whether the simpler model is a boundary fit itself.
    p_value : float
        Of the likelihood-ratio test that the simpler model is right.
    null : str
        What the p-value is from, in words.
    linear : bool
        Whether no random effect is left: a linear model, which ``lmer`` does not fit.
    """

    step: str
    words: str
    formula: str
    change: float
    df: int
    boundary: bool
    p_value: float
    null: str
    linear: bool = False

    def __repr__(self) -> str:
        return f"<SimplerModel {self.formula}: {self.change:.4g} higher, {self.df} df fewer>"


@dataclass(frozen=True, eq=False, repr=False)
class SimplerModels:
    """All models one step simpler than a fit, the least costly first.

    Attributes
    ----------
    formula : str
        The fit's.
    criterion : {"ML", "REML"}
        By which all are fitted.
    models : tuple of SimplerModel
        By increasing change of the criterion, equal ones with the fewest parameters first.
    directions : tuple of str
        The directions in which the fit has no variance, in the user's words; empty for a fit that
        is not at the boundary.
    notes : tuple of str
        What was left out, and why.
    caution : str
        What testing after choosing does.
    """

    formula: str
    criterion: str
    models: tuple[SimplerModel, ...]
    directions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    caution: str = CAUTION

    def __repr__(self) -> str:
        return f"<SimplerModels of {self.formula}: {len(self.models)}>"


@dataclass(frozen=True, eq=False, repr=False)
class Collapse:
    """Two correlated effects of which a combination does not vary: their ellipse is a line.

    Attributes
    ----------
    group : str
        The grouping factor.
    names : tuple of two str
        The effects.
    covariance : ndarray, shape (2, 2)
        Sigma, their estimated covariance.
    outline : ndarray, shape (t, 2)
        The ellipse of Sigma that holds 95 % of the groups, around zero: a line there and back, or
        a point.
    direction : ndarray, shape (2,)
        Unit vector, in the user's units, of the combination of effects that does not vary:
        ``direction @ covariance @ direction`` is zero. Zero where neither effect varies.
    words : str
        That in the user's words.
    """

    group: str
    names: tuple[str, str]
    covariance: Floats
    outline: Floats
    direction: Floats
    words: str

    @property
    def rank(self) -> int:
        """Dimension of the ellipse: 1 for a line, 0 for a point."""
        return int(self.direction.any())

    def __repr__(self) -> str:
        return f"<Collapse of {self.names[0]} and {self.names[1]} by {self.group}: {self.words}>"

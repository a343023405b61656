"""``FittedDesign``: a design beside the theta estimated from it, as lme4's ``getME`` shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.matrices import random_effects_matrix, relative_factor, theta_positions


@dataclass(frozen=True)
class FittedDesign(Design):
    """A design and the estimate of theta, with the sparse matrices made when asked for.

    With q random effects in all, term by term, level by level, column by column, the model is
    ``y = X beta + Z b + e`` with ``Var(b) = sigma^2 Lambda Lambda'``.

    Attributes
    ----------
    theta : (ntheta,) array
        Relative covariance parameters.
    """

    theta: Array = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    @classmethod
    def of(cls, design: Design, theta: Array) -> FittedDesign:
        """Put a design and an estimate of theta together."""
        return cls(**{f.name: getattr(design, f.name) for f in fields(Design)}, theta=theta)

    @cached_property
    def Z(self) -> csr_array:
        """Random-effects model matrix (n, q), in lme4's order of columns."""
        groupings = [self.groupings[b.grouping] for b in self.blocks]
        return random_effects_matrix(
            [b.columns for b in self.blocks], [g.codes for g in groupings], self._levels
        )

    @cached_property
    def Lambda(self) -> csr_array:
        """Relative covariance factor (q, q), lower triangular, zeros of theta stored."""
        return relative_factor(self.theta, self._sizes, self._levels)

    @property
    def Lind(self) -> NDArray[np.intp]:
        """Which element of theta each stored element of Lambda is.

        ``design.Lambda.data == design.theta[design.Lind]``; lme4's ``Lind`` counts from 1.
        """
        return theta_positions(self._sizes, self._levels)[2]

    @property
    def _sizes(self) -> list[int]:
        return [len(b.names) for b in self.blocks]

    @property
    def _levels(self) -> list[int]:
        return [len(self.groupings[b.grouping].levels) for b in self.blocks]

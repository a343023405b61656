"""The models visited, as a tree: back, forward, elsewhere, and two side by side."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.widgets.comparison import Comparison, compare

KEPT = 32  # fits; the numbers of all visits are kept
LONGEST = 60  # characters of a name
_NUMBERED = re.compile(r"model \d+")


@dataclass(frozen=True, eq=False, repr=False)
class Visit:
    """A model that was looked at.

    Attributes
    ----------
    id : int
        1 for the first model, counting up.
    parent : int or None
        The model it was reached from; None for the first.
    key : hashable
        What the fit depends on; equal keys are one visit.
    formula, name : str
        The name is empty until one is given.
    criterion : {"ML", "REML"}
    df : int
        Number of parameters.
    loglik, aic, bic : float
        By the fit's own criterion.
    boundary : bool
        Whether it is a boundary fit.
    nobs : int
        Number of rows used.
    thumbnail : bytes or None
        A small PNG picture.
    order : int
        When it was last looked at: the largest is the latest.
    """

    id: int
    parent: int | None
    key: Hashable
    formula: str
    name: str
    criterion: str
    df: int
    loglik: float
    aic: float
    bic: float
    boundary: bool
    nobs: int
    thumbnail: bytes | None
    order: int

    @property
    def label(self) -> str:
        """Its name, or ``model 3``."""
        return self.name or f"model {self.id}"

    def __repr__(self) -> str:
        return f"<Visit {self.id}: {self.formula} ({self.criterion}), logLik {self.loglik:.4f}>"


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """The tree of models visited; every move gives a new history.

    Attributes
    ----------
    visits : tuple of Visit
        In the order of their first visit: ``visits[id - 1]``.
    current : int or None
        Where one is; None before the first model.
    branch : dict of int to int
        The child of each visit that was last on the way.
    fits : dict of int to Fit
        The fits of the visits last looked at, 32 at most, the latest last.
    moves : int
        How often one moved.
    """

    visits: tuple[Visit, ...] = ()
    current: int | None = None
    branch: Mapping[int, int] = field(default_factory=dict)
    fits: Mapping[int, Fit] = field(default_factory=dict)
    moves: int = 0

    def visit(self, fit: Fit, key: Hashable, thumbnail: bytes | None = None) -> History:
        """Look at a model.

        Parameters
        ----------
        fit : Fit
        key : hashable
            What the fit depends on, such as ``Resolved.key``. A model that was visited before is
            not entered again: one moves there, and the tree stays as it is.
        thumbnail : bytes, optional
            A small PNG picture.
        """
        known = next((v.id for v in self.visits if v.key == key), None)
        if known is None:
            known = len(self.visits) + 1
            new = Visit(
                id=known,
                parent=self.current,
                key=key,
                formula=fit.formula,
                name="",
                criterion="REML" if fit.reml else "ML",
                df=fit.npar,
                loglik=fit.loglik,
                aic=fit.aic,
                bic=fit.bic,
                boundary=bool(fit.estimate.optimum.boundary),
                nobs=fit.nobs,
                thumbnail=None,
                order=0,
            )
            entered = replace(self, visits=(*self.visits, new))
        else:
            entered = self
        there = replace(entered, fits={**self.fits, known: fit}).go(known)
        return there if thumbnail is None else there.illustrate(known, thumbnail)

    def go(self, id: int) -> History:
        """Move to a visit.

        Raises
        ------
        ModelError
            There is no such visit.
        """
        target = self[id]
        branch, child = dict(self.branch), target
        while child.parent is not None:
            branch[child.parent] = child.id
            child = self[child.parent]
        fits = {i: fit for i, fit in self.fits.items() if i != id}
        if id in self.fits:
            fits[id] = self.fits[id]
        kept = dict(list(fits.items())[-KEPT:])
        moves = self.moves + 1
        moved = replace(self, current=id, branch=branch, fits=kept, moves=moves)
        return moved._with(replace(target, order=moves))

    def back(self) -> History:
        """Move to the model from which the current one was reached; stay at the first one."""
        parent = None if self.current is None else self[self.current].parent
        return self if parent is None else self.go(parent)

    def forward(self) -> History:
        """Move to the child of the current model that was last on the way; stay at the end."""
        child = None if self.current is None else self.branch.get(self.current)
        return self if child is None else self.go(child)

    @property
    def can_go_back(self) -> bool:
        """Whether ``back`` moves."""
        return self.current is not None and self[self.current].parent is not None

    @property
    def can_go_forward(self) -> bool:
        """Whether ``forward`` moves."""
        return self.current in self.branch

    def children(self, id: int | None) -> tuple[Visit, ...]:
        """The visits reached from one, in their order; of None, the first."""
        return tuple(v for v in self.visits if v.parent == id)

    def rename(self, id: int, name: str) -> History:
        """Give a visit a name; empty for none.

        Raises
        ------
        ModelError
            There is no such visit; the name is no text, too long, or another visit's.
        """
        target = self[id]
        if not isinstance(name, str) or len(name.strip()) > LONGEST:
            raise ModelError(
                f"{brief(name)} is no name of a model; give a text of at most {LONGEST} characters."
            )
        name = " ".join(name.split())
        if _NUMBERED.fullmatch(name) and name != f"model {id}":
            raise ModelError(
                f"{name!r} is what another model is called without a name; give another."
            )
        other = next((v for v in self.visits if v.id != id and v.label == name), None)
        if name and other is not None:
            raise ModelError(
                f"{name!r} is already what model {other.id} is called; give another name."
            )
        return self._with(replace(target, name=name))

    def illustrate(self, id: int, thumbnail: bytes) -> History:
        """Give a visit a small PNG picture."""
        return self._with(replace(self[id], thumbnail=thumbnail))

    def compare(self, id1: int, id2: int) -> Comparison:
        """Compare two visits.

        Returns
        -------
        Comparison

        Raises
        ------
        ModelError
            There is no such visit, both are one, or a fit is no longer kept.
        """
        one, other = self[id1], self[id2]
        if one is other:
            raise ModelError(f"{one.label} is compared with itself; choose two different models.")
        for visit in (one, other):
            if visit.id not in self.fits:
                raise ModelError(
                    f"The fit of {visit.label} is not kept any more, as {KEPT} others were looked "
                    "at since; go back to it, so that it is fitted again."
                )
        return compare(self.fits[id1], self.fits[id2], (one.label, other.label))

    @property
    def table(self) -> pd.DataFrame:
        """All visits, a row each, indexed by their number."""
        columns = {
            "name": [v.name for v in self.visits],
            "formula": [v.formula for v in self.visits],
            "criterion": [v.criterion for v in self.visits],
            "df": [v.df for v in self.visits],
            "logLik": [v.loglik for v in self.visits],
            "AIC": [v.aic for v in self.visits],
            "BIC": [v.bic for v in self.visits],
            "boundary": [v.boundary for v in self.visits],
            "nobs": [v.nobs for v in self.visits],
            "parent": pd.array([v.parent for v in self.visits], dtype="Int64"),
            "current": [v.id == self.current for v in self.visits],
        }
        return pd.DataFrame(columns, index=pd.Index([v.id for v in self.visits], name="model"))

    def __getitem__(self, id: int) -> Visit:
        if isinstance(id, bool) or not isinstance(id, int) or not 1 <= id <= len(self.visits):
            there = f"1 to {len(self.visits)}" if self.visits else "none yet"
            raise ModelError(f"There is no model {brief(id)} in the history; there are {there}.")
        return self.visits[id - 1]

    def __len__(self) -> int:
        return len(self.visits)

    def __repr__(self) -> str:
        return f"<History of {len(self)} models, at {self.current}>"

    def _with(self, visit: Visit) -> History:
        visits = list(self.visits)
        visits[visit.id - 1] = visit
        return replace(self, visits=tuple(visits))

"""``Memory``: the data of a fit, and the models lately made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mixedwidgets.lmm.columns import Table
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.spec import ModelSpec

KEPT = 3  # models: the one at hand and two to go back to; with large data they are large


@dataclass(frozen=True)
class Memory:
    """The data of a fit, and designs and cross-products of the models lately made of them.

    All with the same weights, offset, subset, contrasts and so on: a model is known by its formula
    alone. Fits that are updates of each other share one memory.

    Attributes
    ----------
    table : Table
        The data as they were when they were given, with the columns read so far.
    models : dict of ModelSpec to (Design, Moments)
        The last in use at the end.
    """

    table: Table
    models: dict[ModelSpec, tuple[Design, AnyMoments]] = field(default_factory=dict)

    def recall(self, spec: ModelSpec) -> tuple[Design, AnyMoments] | None:
        """A model made before, or None."""
        found = self.models.pop(spec, None)
        if found is not None:
            self.models[spec] = found
        return found

    def keep(self, spec: ModelSpec, design: Design, moments: AnyMoments) -> None:
        """Remember a model, and forget the one that has not been in use for longest."""
        self.models[spec] = design, moments
        while len(self.models) > KEPT:
            del self.models[next(iter(self.models))]

"""``Resampling``: the methods of a fit that draw responses, and tests of variances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from mixedwidgets.errors import DataError, ModelError, brief
from mixedwidgets.lmm.bootstrap import (
    Bootstrap,
    Collector,
    Progress,
    last_of,
    parameter_values,
    seed_sequence,
    statistic_of,
)
from mixedwidgets.lmm.draws import draws_of
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.refits import drawn_fits, gathered, single_fits

Statistic = Callable[[Any], Any]


class Resampling(Fitted):
    """The parametric bootstrap, and tests of variance components."""

    def bootstrap(
        self,
        nsim: int = 1000,
        seed: Any = None,
        statistic: Statistic | None = None,
        progress: Progress | None = None,
    ) -> Bootstrap:
        """Parametric bootstrap: responses drawn from the fit, and the model fitted to each.

        Random effects and residuals are drawn anew in every replicate, with the estimated
        covariances; prior weights count. The criterion is that of the fit.

        Parameters
        ----------
        nsim : int
            Number of replicates, at least 1.
        seed : int, SeedSequence or Generator, optional
            The same seed gives the same replicates, however many there are.
        statistic : callable, optional
            Called with the fit to each replicate; returns a number, a dictionary of names and
            numbers, or a Series. By default every parameter, as ``fit.values()`` names them, and
            the criterion.
        progress : callable, optional
            Called with the number of replicates done and the number asked for, now and then.
            Where it returns False, the bootstrap stops and returns what it has. (Not where it
            returns None or True, as progress bars do.)

        Returns
        -------
        Bootstrap

        Raises
        ------
        ModelError
            ``nsim`` or ``seed`` is out of range.
        DataError
            ``statistic`` returns something else, or not the same names every time.

        Notes
        -----
        ``bootstrap_steps`` is the same as an iterator, to be stopped at any time.
        """
        return last_of(self.bootstrap_steps(nsim, seed, statistic), progress)

    def bootstrap_steps(
        self, nsim: int = 1000, seed: Any = None, statistic: Statistic | None = None
    ) -> Iterator[Bootstrap]:
        """The parametric bootstrap a few replicates at a time.

        Parameters
        ----------
        nsim, seed, statistic
            As in ``bootstrap``.

        Returns
        -------
        iterator of Bootstrap
            Each with all replicates that are done by then. Nothing runs between the steps; to
            cancel, ask for no more of them.
        """
        if isinstance(nsim, bool) or not isinstance(nsim, (int, np.integer)) or nsim < 1:
            raise ModelError(f"nsim is {brief(nsim)}; give a whole number of at least 1.")
        if statistic is not None and not callable(statistic):
            raise ModelError(
                f"statistic is {brief(statistic)}; give a function of a fit, such as "
                "lambda fit: fit.sigma, or None for every parameter."
            )
        root = seed_sequence(seed)
        about = {
            "seed": root,
            "title": f"Parametric bootstrap, {'REML' if self.reml else 'maximum likelihood'}",
            "formula": f"Formula: {self.design.spec.display}",
            "_draws": draws_of(self.design, self.estimate, root),
            "_design": self.design,
        }
        if statistic is None:
            return self._parameter_steps(int(nsim), about)
        return self._statistic_steps(int(nsim), statistic, about)

    def _parameter_steps(self, nsim: int, about: dict[str, Any]) -> Iterator[Bootstrap]:
        known = self.parameters
        names = (*(p.name for p in known), "criterion")
        original = np.array([*self.values(), self.criterion])
        layout = self.estimate.moments.layout
        collector = Collector(names, original, nsim, **about)
        for found in drawn_fits(self.design, self.estimate, nsim, about["seed"], self.call.control):
            collector.add(parameter_values(known, found, layout), found)
            yield collector.result()

    def _statistic_steps(
        self, nsim: int, statistic: Statistic, about: dict[str, Any]
    ) -> Iterator[Bootstrap]:
        names, original = statistic_of(statistic(self))
        collector = Collector(names, original, nsim, **about)
        call = replace(self.call, data=None, memory=None)
        control, moments = self.call.control, self.estimate.moments
        for design, found in single_fits(
            self.design, self.estimate, about["_draws"], nsim, control
        ):
            values = np.full(len(names), np.nan)
            if found is not None:
                fit = type(self)(FittedDesign.of(design, found.optimum.theta), found, call)
                given, values = statistic_of(statistic(fit))
                if given != names:
                    raise DataError(
                        f"the statistic gave {', '.join(given)} in replicate {collector.done}, but "
                        f"{', '.join(names)} in the fit; return the same names every time"
                    )
            collector.add(values[None], gathered([found], design, moments))
            yield collector.result()

"""``Resampling``: the methods of a fit that draw responses, and tests of variances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from mixedwidgets.errors import DataError, ModelError, brief
from mixedwidgets.lmm.bootstrap import Bootstrap
from mixedwidgets.lmm.callbacks import Progress, check_progress
from mixedwidgets.lmm.collecting import (
    Collector,
    last_of,
    parameter_values,
    seed_sequence,
    statistic_of,
)
from mixedwidgets.lmm.draws import draws_of
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.fitted_design import FittedDesign
from mixedwidgets.lmm.fitting import asked_again, model_again
from mixedwidgets.lmm.refits import drawn_fits, gathered, single_fits
from mixedwidgets.lmm.score_tests import score_test
from mixedwidgets.lmm.variance_tests import VarianceTest, kept_in, kept_without, variance_test

Statistic = Callable[[Any], Any]

MOST = 10_000_000  # replicates: beyond, their table fills a computer's memory


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
        check_progress(progress)
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
        count = _count(nsim)
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
            return self._parameter_steps(count, about)
        return self._statistic_steps(count, statistic, about)

    def test_variance(
        self,
        component: Any = None,
        method: str | None = None,
        nsim: int | None = None,
        seed: Any = None,
        progress: Progress | None = None,
    ) -> VarianceTest:
        """Test by the likelihood ratio whether a random effect varies.

        Both models are fitted by the criterion of the fit; REML is the better choice, because the
        fixed effects are the same.

        Parameters
        ----------
        component : str or Fit, optional
            What to test: the name of a standard deviation, such as ``"sd_ses|school"`` (its
            correlations go with it), a term, such as ``"(1 | school)"``, or the fit of the model
            without it. By default the only random effect of the model.
        method : {"exact", "mixture", "bootstrap"}, optional
            Where the null distribution comes from. ``"exact"``: drawn from its exact distribution
            in finite samples, for models with a single random effect, where it is the default.
            ``"mixture"``: the equal mixture of chi-squares with k - 1 and k degrees of freedom of
            large samples, for one variance and k - 1 covariances; the default for those.
            ``"bootstrap"``: fits of both models to responses drawn from the smaller; the default
            for several effects at once.
        nsim : int, optional
            How many draws: 10,000 exact ones or 1,000 of the bootstrap by default.
        seed : int, SeedSequence or Generator, optional
            The same seed gives the same draws.
        progress : callable, optional
            As in ``bootstrap``.

        Returns
        -------
        VarianceTest

        Raises
        ------
        ModelError
            The model has no such component, the method does not apply, or the other fit differs in
            more than random effects.

        Notes
        -----
        A variance under test lies on the boundary of what is possible, so its likelihood ratio is
        no chi-square (Self and Liang 1987, Journal of the American Statistical Association 82,
        605-610; Stram and Lee 1994, Biometrics 50, 1171-1177); the mixture is too cautious in small
        samples. The exact distribution is by Crainiceanu and Ruppert 2004, Journal of the Royal
        Statistical Society B 66, 165-185.
        """
        check_progress(progress)
        if isinstance(component, Fitted):
            if component.reml != self.reml:
                raise ModelError(
                    "One fit is by REML and the other by maximum likelihood, so their criteria "
                    "cannot be compared; fit both by the same one."
                )
            kept = kept_in(self.design, component.design)
        else:
            kept = kept_without(self.design, component)
        count = None if nsim is None else _count(nsim)
        control, root = self.call.control, seed_sequence(seed)
        return variance_test(
            self.design, self.estimate, kept, method, count, root, control, progress
        )

    def score_test(self, term: str, nsim: int = 10_000, seed: Any = None) -> VarianceTest:
        """Test whether a random effect would vary if it were added, without fitting it.

        From the first derivatives of the (restricted) likelihood in the new variances, at zero,
        and Fisher's information; the test is one-sided.

        Parameters
        ----------
        term : str
            A term for another grouping factor, such as ``"(1 | class)"``; new effects, such as
            ``"(0 + ses | school)"``; or a term of the model with effects added, such as
            ``"(ses | school)"`` for a fit with ``(1 | school)``.
        nsim : int
            How many draws of the null distribution, where several effects are added at once; for
            one it is an equal mixture of chi-squares.
        seed : int, SeedSequence or Generator, optional
            For these draws.

        Returns
        -------
        VarianceTest

        Raises
        ------
        FormulaError
            The term cannot be read.
        ModelError
            The fit has these effects already.
        DataError
            The fit does not have its data, or a variable is missing in rows that it uses.

        Notes
        -----
        Lin 1997, Biometrika 84, 309-326; Verbeke and Molenberghs 2003, Biometrics 59, 254-262. In
        large samples the statistic is that of ``test_variance``.
        """
        if not isinstance(term, str):
            raise ModelError(f"term is {brief(term)}; give a string such as '(1 | group)'.")
        spec = self.design.spec
        request = asked_again(self, f"{spec.response} ~ {spec.fixed} + {term}", {})
        if request.spec.fixed != spec.fixed:
            raise ModelError(f"{brief(term)} is no random effect; give one such as '(1 | group)'.")
        extra, _ = model_again(request, self)
        generator = np.random.default_rng(seed_sequence(seed))
        return score_test(self.design, self.estimate, extra, term, _count(nsim), generator)

    def _parameter_steps(self, nsim: int, about: dict[str, Any]) -> Iterator[Bootstrap]:
        known = self.parameters
        names = (*(p.name for p in known), "criterion")
        original = np.array([*self.values(), self.criterion])
        layout = self.estimate.moments.layout
        about["allowed"] = {p.name: p.allowed for p in known}
        collector = Collector(names, original, nsim, **about)
        for found in drawn_fits(self.design, self.estimate, nsim, about["seed"], self.call.control):
            collector.add(parameter_values(known, found, layout), found)
            yield collector.result()

    def _statistic_steps(
        self, nsim: int, statistic: Statistic, about: dict[str, Any]
    ) -> Iterator[Bootstrap]:
        names, original = statistic_of(statistic, self, "the fit")
        collector = Collector(names, original, nsim, **about)
        call = replace(self.call, data=None, memory=None)
        control, moments = self.call.control, self.estimate.moments
        for design, found in single_fits(
            self.design, self.estimate, about["_draws"], nsim, control
        ):
            values = np.full(len(names), np.nan)
            if found is not None:
                fit = type(self)(FittedDesign.of(design, found.optimum.theta), found, call)
                where = f"replicate {collector.done}"
                given, values = statistic_of(statistic, fit, where)
                if given != names:
                    raise DataError(
                        f"the statistic gave {', '.join(given)} in replicate {collector.done}, but "
                        f"{', '.join(names)} in the fit; return the same names every time"
                    )
            collector.add(values[None], gathered([found], design, moments))
            yield collector.result()


def _count(nsim: Any) -> int:
    if isinstance(nsim, bool) or not isinstance(nsim, (int, np.integer)) or nsim < 1:
        raise ModelError(f"nsim is {brief(nsim)}; give a whole number of at least 1.")
    if nsim > MOST:
        raise ModelError(f"nsim is {brief(nsim)}, and {MOST} are the most; give a smaller number.")
    return int(nsim)

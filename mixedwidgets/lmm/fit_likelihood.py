"""``LikelihoodShape``: the methods of a fit that show its likelihood around the optimum."""

from __future__ import annotations

from collections.abc import Iterable

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.confint import choose
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.profile_table import Profiles, followed, profiles


class LikelihoodShape(Fitted):
    """Profiles and surfaces of the likelihood."""

    def profile(
        self,
        parm: str | Iterable[str] | None = None,
        criterion: str = "ML",
        level: float = 0.999,
    ) -> Profiles:
        """The profile likelihood of each parameter, the others re-optimised.

        Parameters
        ----------
        parm : str or list of str, optional
            Names of parameters, groups of them or patterns, as in ``confint``; all by default.
        criterion : {"ML", "REML"}
            Like lme4, maximum likelihood by default, also for a fit by REML. The restricted
            likelihood is not a function of the coefficients, so there are no profiles of them, and
            it is not comparable between models with different fixed effects.
        level : float
            The profiles reach the limits of intervals at this level, or a boundary.

        Returns
        -------
        Profiles
            ``profiles[name]`` is the table of one parameter, ``.to_frame()`` all of them as lme4's
            ``as.data.frame(profile(fit))``, ``.confint(level)`` the exact intervals, and
            ``.table`` what ``plots.zeta``, ``plots.profile_pairs`` and ``plots.profile_density``
            draw.

        Raises
        ------
        ModelError
            An unknown parameter, criterion or level; a coefficient by REML.
        """
        found = self._estimate_by(criterion)
        available = followed(self.design, found.reml)
        chosen = available if parm is None else choose(parm, self.parameters)
        for parameter in chosen:
            if parameter not in available:
                raise ModelError(
                    f"The restricted likelihood is not a function of {parameter.name!r}, so it has "
                    "no profile of it; take criterion='ML', or leave the coefficients out."
                )
        return profiles(self.design, found, chosen, level)

    def _estimate_by(self, criterion: str) -> Estimate:
        """The estimates of the same model by a criterion."""
        if criterion not in ("ML", "REML"):
            raise ModelError(
                f"criterion is {brief(criterion)}; choose 'ML' (maximum likelihood) or 'REML' "
                "(restricted maximum likelihood)."
            )
        if criterion == "ML":
            return self.likelihood_estimate
        if self.reml:
            return self.estimate
        return estimate(self.estimate.moments, True, control=self.call.control)

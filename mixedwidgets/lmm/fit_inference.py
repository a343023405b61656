"""``Inference``: the methods of a fit that say how certain its estimates are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.profile import profile_interval
from mixedwidgets.lmm.wald import wald_intervals


class Inference(Fitted):
    """Intervals and tests."""

    def confint(
        self,
        parm: str | Iterable[str] | None = None,
        level: float = 0.95,
        method: str = "profile",
    ) -> pd.DataFrame:
        """Confidence intervals of standard deviations, correlations, sigma and coefficients.

        Parameters
        ----------
        parm : str or list of str, optional
            Names of parameters, such as ``"sigma"`` or ``"sd_ses|school"``; all by default.
        level : float
            Confidence level between 0 and 1.
        method : {"profile", "wald"}
            ``"profile"`` cuts the profile likelihood. Like lme4 it uses maximum likelihood, also
            for a fit by REML. ``"wald"`` is estimate plus and minus a multiple of the standard
            error, each parameter on its own scale, by the fit's own criterion.

        Returns
        -------
        DataFrame
            A row for each parameter, columns such as ``2.5 %`` and ``97.5 %``;
            ``.attrs["notes"]`` says why a limit is at a boundary, infinite or missing.

        Raises
        ------
        ModelError
            An unknown parameter, level or method.
        """
        if not isinstance(level, (int, float)) or not 0.0 < level < 1.0:
            raise ModelError(f"level is {level!r}; give a number between 0 and 1, such as 0.95.")
        chosen = self._choose(parm)
        if method == "profile":
            intervals = [profile_interval(self.likelihood_estimate, p, level) for p in chosen]
            lower = np.array([i.lower for i in intervals])
            upper = np.array([i.upper for i in intervals])
            notes = {p.name: i.note for p, i in zip(chosen, intervals, strict=True) if i.note}
        elif method in ("wald", "Wald"):
            _, lower, upper = wald_intervals(self.estimate, chosen, level)
            notes = {
                p.name: "the estimate is at the boundary, where the quadratic approximation fails"
                for p, limit in zip(chosen, lower, strict=True)
                if np.isnan(limit)
            }
        else:
            raise ModelError(f"method is {method!r}; choose 'profile' or 'wald'.")
        tail = 50.0 * (1.0 - level)
        out = pd.DataFrame(
            {f"{tail:.3g} %": lower, f"{100.0 - tail:.3g} %": upper}, index=[p.name for p in chosen]
        )
        out.attrs["notes"] = notes
        return out

    def _choose(self, parm: str | Iterable[str] | None) -> tuple[Parameter, ...]:
        if parm is None:
            return self.parameters
        known = {p.name: p for p in self.parameters}
        names = [parm] if isinstance(parm, str) or not isinstance(parm, Iterable) else list(parm)
        for name in names:
            if name not in known:
                raise ModelError(
                    f"This model has no parameter {name!r}{nearest(str(name), known)}; "
                    f"choose from {', '.join(known)}."
                )
        return tuple(known[name] for name in names)

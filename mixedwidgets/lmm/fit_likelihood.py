"""``LikelihoodShape``: the methods of a fit that show its likelihood around the optimum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.callbacks import Progress, check_progress, go_on
from mixedwidgets.lmm.confint import choose
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.flags import yes_or_no
from mixedwidgets.lmm.point import Point, Pointer, values_by_name
from mixedwidgets.lmm.profile_table import Profiles, followed, profiles
from mixedwidgets.lmm.surface import check_surface, exact_surface
from mixedwidgets.lmm.surface_axes import axis_named
from mixedwidgets.lmm.tables import Surface


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
            ``.table`` what ``plots.zeta`` and ``plots.profile_density`` draw, ``.pairs`` what
            ``plots.profile_pairs`` does.

        Raises
        ------
        ModelError
            An unknown parameter, criterion or level; a coefficient by REML.
        """
        found = self._estimate_by(criterion)
        available = followed(self.design, found.reml)
        chosen = available if parm is None else choose(parm, self.parameters)
        if not chosen:
            raise ModelError("parm is empty; name a parameter, or leave it out to profile all.")
        for parameter in chosen:
            if parameter not in available:
                raise ModelError(
                    f"The restricted likelihood is not a function of {parameter.name!r}, so it has "
                    "no profile of it; take criterion='ML', or leave the coefficients out."
                )
        return profiles(self.design, found, chosen, level)

    def surface(
        self,
        a: str,
        b: str,
        kind: str = "profile",
        criterion: str = "ML",
        n: int = 60,
        coarse: bool = False,
        progress: Progress | None = None,
    ) -> Surface:
        """The likelihood over any two parameters.

        Parameters
        ----------
        a, b : str
            Any two different parameters, as ``fit.values()`` and ``fit.theta`` name them: standard
            deviations, correlations, sigma, coefficients, elements of theta; ``^2`` after a
            standard deviation makes it a variance, such as ``"sigma^2"``. In a one-way model also
            mu, tau, tau^2. Only a parameter with itself or its square, and a coefficient by REML,
            have no surface. Where two contradict each other (an element of theta of the first
            column and a correlation with the first effect of other signs, correlations that no
            covariance has) the drop is infinite.
        kind : {"profile", "slice"}
            At every point the other parameters are re-optimised, or stay at their estimates (in a
            term of which an element of theta is changed, its other elements do; a standard
            deviation held beside it stretches its row, a correlation turns that of its second
            effect).
        criterion : {"ML", "REML"}
            Which likelihood. The restricted one is no function of the coefficients.
        n : int
            Points per axis, 10 to 500.
        coarse : bool
            Compute a profile at 12 x 12 points only (20 x 20 where the two all but determine a
            third) and fill in by a spline: good enough to draw.
        progress : callable, optional
            ``progress(done, total)`` after each of the ``total`` rows. If it returns False the work
            stops, and the rows that are left are those of the coarse surface; ``.exact`` says how
            many are exact.

        Returns
        -------
        Surface
            ``x``, ``y`` and ``drop``, twice the log-likelihood at its maximum minus that at each
            point; ``levels``, the drops of joint confidence regions; ``allowed``, the boundaries;
            ``path``, the optimiser's; ``slices``, the curve of each. The axes hold the joint 99 %
            region. ``plots.surface`` draws it.

        Raises
        ------
        ModelError
            An unknown name, kind, criterion or n; one parameter twice; a coefficient by REML.
        """
        check_surface(kind, n)
        coarse = yes_or_no("coarse", coarse)
        check_progress(progress)
        found = self._estimate_by(criterion)
        axes = axis_named(a, self.design), axis_named(b, self.design)
        steps = exact_surface(self.design, found, *axes, kind, n)
        table = next(steps)
        if coarse:
            return table
        for done, better in enumerate(steps, 1):
            table = better
            if not go_on(progress, done, n):
                break
        return table

    def surface_steps(
        self, a: str, b: str, kind: str = "profile", criterion: str = "ML", n: int = 60
    ) -> Iterator[Surface]:
        """The same in steps, for whoever draws meanwhile: each item better than the one before.

        Parameters
        ----------
        a, b, kind, criterion, n
            As in ``surface``.

        Returns
        -------
        iterator of Surface
            The first is the coarse one; then one after each row.

        Raises
        ------
        ModelError
            As ``surface``.
        """
        check_surface(kind, n)
        axes = axis_named(a, self.design), axis_named(b, self.design)
        return exact_surface(self.design, self._estimate_by(criterion), *axes, kind, n)

    def at(
        self, values: Mapping[str, float], kind: str = "profile", criterion: str | None = None
    ) -> Point:
        """The model at a point of the parameter space: likelihood, groups' estimates, ICC.

        Parameters
        ----------
        values : dict of str to float
            Parameters, as ``surface`` names them, and their values: ``{"sd_ses|school": 2.5}``.
            Boundaries are included: a standard deviation of 0, a correlation of 1.
        kind : {"profile", "slice"}
            All other parameters are re-optimised, or stay at their estimates.
        criterion : {"ML", "REML"}, optional
            Which likelihood; by default that of the fit.

        Returns
        -------
        Point
            ``loglik``, ``drop`` (twice its fall from the maximum) and ``confidence`` (of the joint
            region whose edge the point is on); ``parameters``, ``icc`` and ``contributions`` there;
            ``estimate``, on which tables of groups can be computed. An impossible point has the
            log-likelihood minus infinity, and ``impossible`` says why.

        Raises
        ------
        ModelError
            An unknown name, kind or criterion, a value out of range, or parameters that cannot be
            held together.
        """
        names, given = values_by_name(values)
        return self.pointer(names, kind, criterion).at(*given)

    def pointer(
        self, names: Sequence[str], kind: str = "profile", criterion: str | None = None
    ) -> Pointer:
        """The same for many points in turn, each search started from the last point.

        Parameters
        ----------
        names : sequence of str
            The parameters.
        kind, criterion
            As in ``at``.

        Returns
        -------
        Pointer
            ``pointer.at(x, y)`` is the ``Point`` with these values of the parameters.

        Raises
        ------
        ModelError
            As ``at``.
        """
        found = self.estimate if criterion is None else self._estimate_by(criterion)
        return Pointer(self.design, found, names, kind)

    def _estimate_by(self, criterion: str) -> Estimate:
        """The estimates of the same model by a criterion."""
        if criterion not in ("ML", "REML"):
            raise ModelError(
                f"criterion is {brief(criterion)}; choose 'ML' (maximum likelihood) or 'REML' "
                "(restricted maximum likelihood)."
            )
        return self.likelihood_estimate if criterion == "ML" else self.restricted_estimate

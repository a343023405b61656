"""``Profiles``: the profile likelihood of a fit's parameters as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.confint import PROFILE, labelled, profile_limits
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.flags import check_level
from mixedwidgets.lmm.interval_table import Intervals
from mixedwidgets.lmm.parameters import Parameter, parameters, variance_parameters
from mixedwidgets.lmm.profile_pairs import pair_steps, profile_pairs
from mixedwidgets.lmm.profile_trace import trace
from mixedwidgets.lmm.tables import PairsTable, ProfileCurve, ProfileTable


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """The profile likelihood of several parameters.

    ``profiles[name]`` is a DataFrame with a row for each value at which the likelihood was
    computed: ``.zeta``, the signed square root of the rise in deviance; a column for each parameter
    of the model, the one profiled at its value and the others at their best there; and ``density``,
    the derivative of the normal distribution function of zeta in the value.

    Attributes
    ----------
    design : Design
        Names.
    estimate : Estimate
        The estimates by the criterion profiled.
    profiled : tuple of Parameter
        The parameters profiled.
    curves : tuple of ProfileCurve
        Their profiles as arrays.
    level : float
        Confidence level that the profiles reach.
    """

    design: Design
    estimate: Estimate
    profiled: tuple[Parameter, ...]
    curves: tuple[ProfileCurve, ...]
    level: float

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters profiled."""
        return tuple(c.name for c in self.curves)

    @property
    def criterion(self) -> str:
        """Which likelihood: ``"ML"`` or ``"REML"``."""
        return "REML" if self.estimate.reml else "ML"

    @property
    def notes(self) -> dict[str, str]:
        """Where a profile ends at a boundary, by parameter."""
        return {c.name: c.note for c in self.curves if c.note}

    @property
    def table(self) -> ProfileTable:
        """The profiles as plain arrays: what ``plots.zeta`` and ``plots.profile_density`` draw."""
        names = tuple(p.name for p in followed(self.design, self.estimate.reml))
        return ProfileTable(names, self.curves, self.criterion, self.level)

    def pair_steps(self) -> Iterator[PairsTable]:
        """``pairs`` one pair after the other: the first of the first two parameters."""
        return pair_steps(self.design, self.estimate, self.profiled, self.table)

    @cached_property
    def pairs(self) -> PairsTable:
        """Each two profiles with the likelihood over both: what ``plots.profile_pairs`` draws.

        Computed when first asked for: a surface for each pair.
        """
        return profile_pairs(self.design, self.estimate, self.profiled, self.table)

    def __getitem__(self, name: str) -> pd.DataFrame:
        found = {c.name: c for c in self.curves}
        if name not in found:
            raise ModelError(
                f"{name!r} was not profiled{nearest(str(name), found)}; "
                f"choose from {', '.join(found)}."
            )
        curve = found[name]
        names = [p.name for p in followed(self.design, self.estimate.reml)]
        frame = pd.DataFrame(curve.path, columns=names)
        frame.insert(0, ".zeta", curve.zeta)
        at = np.searchsorted(curve.line[:, 0], curve.value)
        frame["density"] = curve.density[np.minimum(at, len(curve.density) - 1)]
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.curves)

    def to_frame(self) -> pd.DataFrame:
        """All profiles in one table, as lme4's ``as.data.frame(profile(fit))``.

        Returns
        -------
        DataFrame
            Columns ``.zeta``, one for each parameter of the model, and ``.par``, the parameter
            profiled; ``.attrs["criterion"]`` and ``.attrs["notes"]`` say which likelihood it is
            and where a profile ends at a boundary.
        """
        parts = [self[name].drop(columns="density").assign(**{".par": name}) for name in self]
        out = pd.concat(parts, ignore_index=True)
        out[".par"] = pd.Categorical(out[".par"], categories=list(self.names))
        out.attrs.update(criterion=self.criterion, notes=self.notes)
        return out

    def confint(self, level: float = 0.95) -> Intervals:
        """Profile-likelihood intervals, each limit solved for, not read off the table.

        Parameters
        ----------
        level : float
            Confidence level between 0 and 1; it need not be within the level of the profiles.

        Returns
        -------
        Intervals
            A row for each parameter profiled, columns such as ``2.5 %`` and ``97.5 %``; ``.notes``
            says why a limit is at a boundary or infinite.

        Raises
        ------
        ModelError
            A level that is no number between 0 and 1.
        """
        level = check_level(level)
        limits = profile_limits(self.estimate, self.profiled, level)
        title = PROFILE if self.criterion == "ML" else f"restricted {PROFILE}"
        return labelled(limits, self.profiled, level, title, "sd", "sd")

    def __repr__(self) -> str:
        lines = [
            f"Profile likelihood ({self.criterion}) of {len(self)} parameter{'s' * (len(self) > 1)}"
        ]
        width = max(len(name) for name in self.names)
        for c in self.curves:
            reach = f"{c.value[0]:.5g} to {c.value[-1]:.5g}"
            zeta = f"zeta {c.zeta[0]:.2f} to {c.zeta[-1]:.2f}"
            note = f"; {c.note}" if c.note else ""
            lines.append(f"  {c.name:{width}}  {reach}, {zeta}, {len(c.value)} points{note}")
        return "\n".join(lines)


def followed(design: Design, reml: bool) -> tuple[Parameter, ...]:
    """The parameters of which a criterion is a function: REML's has no coefficients."""
    return variance_parameters(design) if reml else parameters(design)


def profiles(
    design: Design, estimate: Estimate, chosen: tuple[Parameter, ...], level: float
) -> Profiles:
    """Profile some parameters of a fit.

    Parameters
    ----------
    design : Design
        Names.
    estimate : Estimate
        The estimates by the criterion to profile.
    chosen : tuple of Parameter
        The parameters to profile.
    level : float
        How far: to the limits of intervals at this level.

    Returns
    -------
    Profiles

    Raises
    ------
    ModelError
        A level that is no number between 0 and 1.
    """
    *_, whole = profile_steps(design, estimate, chosen, level)
    return whole


def profile_steps(
    design: Design, estimate: Estimate, chosen: tuple[Parameter, ...], level: float
) -> Iterator[Profiles]:
    """Profile some parameters, at least one, one after the other; see ``profiles``.

    Yields
    ------
    Profiles
        Of the parameters profiled so far.
    """
    level = check_level(level)
    cutoff = float(ndtri(0.5 + 0.5 * level))
    along = followed(design, estimate.reml)
    curves: tuple[ProfileCurve, ...] = ()
    for p in chosen:
        curves += (trace(design, estimate, p, along, cutoff),)
        yield Profiles(design, estimate, chosen[: len(curves)], curves, level)

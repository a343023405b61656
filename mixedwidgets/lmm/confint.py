"""Confidence intervals of any parameters, by any method, on any scale, under their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.bootstrap import METHODS as BOOT_TYPES
from mixedwidgets.lmm.bootstrap import Bootstrap, limits_of
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.interval_table import Intervals
from mixedwidgets.lmm.parameters import Parameter, value_of
from mixedwidgets.lmm.profile import profile_interval
from mixedwidgets.lmm.scales import (
    SCALES,
    Limits,
    from_sd,
    rescaled,
    scalable,
    slope_from_sd,
    with_impossible,
)
from mixedwidgets.lmm.wald import wald_covariance

KINDS = {
    "theta_": ("sd", "cor", "sigma"),
    "beta_": ("fixed",),
    "random": ("sd", "cor"),
    "fixed": ("fixed",),
}
METHODS = {
    "profile": "profile",
    "lr": "profile",
    "wald": "wald",
    "Wald": "wald",
    "boot": "boot",
    "bootstrap": "boot",
}
PROFILE, WALD = "profile likelihood intervals", "Wald intervals"
NO_MORE = "nothing is excluded"
UNITS = {"sd": "standard deviations", "variance": "variances", "log": "log standard deviations"}


def choose(parm: Any, available: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters that are asked for, each once, in the order asked for.

    Parameters
    ----------
    parm : str, list of str or None
        Names, names of groups (``"theta_"``, ``"beta_"``, ``"random"``, ``"fixed"``), or patterns
        with ``*`` and ``?``; None for all.
    available : sequence of Parameter

    Raises
    ------
    ModelError
        Nothing goes by that name.
    """
    if parm is None:
        return tuple(available)
    single = isinstance(parm, str) or not isinstance(parm, Iterable)
    found = [p for name in ([parm] if single else parm) for p in _named(name, available)]
    return tuple(dict.fromkeys(found))


def _named(name: Any, available: Sequence[Parameter]) -> list[Parameter]:
    known = {p.name: p for p in available}
    found = []
    if isinstance(name, str):
        if name in known:
            return [known[name]]
        if name in KINDS:
            found = [p for p in available if p.kind in KINDS[name]]
        elif "*" in name or "?" in name:
            pattern = re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")
            found = [p for p in available if re.fullmatch(pattern, p.name, re.DOTALL)]
    if not found:
        raise ModelError(
            f"This model has no parameter {brief(name)}{_meant(name, available)}; choose from "
            f"{listed(list(known))}, a group ({', '.join(KINDS)}) or a pattern such as 'sd_*'."
        )
    return found


def _meant(name: Any, available: Sequence[Parameter]) -> str:
    """Which parameter a name may stand for: lme4 numbers those of the covariances."""
    numbered = re.fullmatch(r"\.sig(\d+)", str(name))
    random = [p.name for p in available if p.kind in ("sd", "cor")]
    if numbered and 1 <= int(numbered[1]) <= len(random):
        return f", which in lme4 is {random[int(numbered[1]) - 1]!r} here"
    return nearest(str(name), [p.name for p in available])


def check_method(method: Any) -> str:
    """``"profile"``, ``"wald"`` or ``"boot"``, whatever it is called.

    Raises
    ------
    ModelError
        For anything else.
    """
    if not isinstance(method, str) or method not in METHODS:
        raise ModelError(f"method is {brief(method)}; choose 'profile', 'wald' or 'boot'.")
    return METHODS[method]


def profile_limits(estimate: Estimate, chosen: Sequence[Parameter], level: float) -> Limits:
    """Profile likelihood limits, which are the same on every scale; by the estimate's criterion."""
    found = [profile_interval(estimate, p, level) for p in chosen]
    return Limits(
        np.array([i.lower for i in found]),
        np.array([i.upper for i in found]),
        tuple((i.note,) if i.note else () for i in found),
    )


def wald_limits(
    estimate: Estimate, chosen: tuple[Parameter, ...], level: float, scale: str
) -> Limits:
    """Estimate plus and minus a normal quantile times the standard error, on a scale.

    Standard errors on the scale of variances or logarithms follow from those of standard
    deviations by the delta method, which at an optimum is the same as inverting the observed
    information on that scale. Where there is no standard error the interval is all that is
    possible, and a note says why.
    """
    values = np.array(
        [value_of(p, estimate.covariances, estimate.sigma, estimate.beta) for p in chosen]
    )
    if not chosen:
        return Limits(values, values, ())
    variances = np.diag(wald_covariance(estimate, chosen))
    known = np.isfinite(variances) & (variances >= 0.0) & np.isfinite(values)
    lower, upper = np.array([p.allowed for p in chosen]).T.copy()
    which = scalable(chosen)
    lower[which] = from_sd(lower[which], scale)
    centre, slope = values.copy(), np.ones(len(chosen))
    moved = which & known
    centre[moved] = from_sd(values[moved], scale)
    slope[moved] = slope_from_sd(values[moved], scale)
    half = ndtri(0.5 + 0.5 * level) * slope[known] * np.sqrt(variances[known])
    lower[known], upper[known] = centre[known] - half, centre[known] + half
    notes = tuple(
        () if has else (_no_standard_error(p, value),)
        for p, value, has in zip(chosen, values, known, strict=True)
    )
    return Limits(lower, upper, notes)


def _no_standard_error(parameter: Parameter, value: float) -> str:
    if np.isnan(value):
        reason = "a standard deviation is estimated as zero, so the correlation is not defined"
    elif value in parameter.allowed:
        reason = f"the estimate is at the boundary {value:g}, where there is no standard error"
    else:
        reason = "the curvature of the likelihood at the estimate gives no standard error"
    return f"{reason}: {NO_MORE}; take method='profile'"


def check_boot_type(given: Any) -> str:
    """How limits are taken from replicates.

    Raises
    ------
    ModelError
        For anything else.
    """
    if not isinstance(given, str) or given not in BOOT_TYPES:
        names = ", ".join(repr(name) for name in BOOT_TYPES)
        raise ModelError(f"boot_type is {brief(given)}; choose from {names}.")
    return given


def boot_limits(
    boot: Bootstrap, chosen: Sequence[Parameter], level: float, boot_type: str, scale: str
) -> Limits:
    """Limits from replicates of every parameter, on a scale.

    Where there are none, because the estimate or a replicate has no value on that scale, the
    interval is all that is possible, and a note says why.
    """
    table = boot.confint([p.name for p in chosen], level, boot_type)
    lower, upper = table.to_numpy().T.copy()
    which, zero = scalable(chosen), float(from_sd(np.zeros(1), scale)[0])
    notes = []
    for n, p in enumerate(chosen):
        if which[n] and scale != "sd":
            column = boot.names.index(p.name)
            values = from_sd(
                np.append(boot.values[~boot.without, column], boot.original[column]), scale
            )
            defined = bool(np.isfinite(values).all())
            lower[n], upper[n] = (
                limits_of(values[:-1], float(values[-1]), 0.5 * (1.0 - level), boot_type)
                if defined
                else (np.nan, np.nan)
            )
        said = [table.attrs["notes"][p.name]] if p.name in table.attrs["notes"] else []
        if not np.isfinite([lower[n], upper[n]]).all():
            lower[n], upper[n] = (zero, np.inf) if which[n] else p.allowed
            what = "logarithm" if which[n] else "value"
            said.append(f"not all have a {what}: {NO_MORE}")
        notes.append(tuple(said))
    return Limits(lower, upper, tuple(notes))


def labelled(
    limits: Limits, chosen: Sequence[Parameter], level: float, title: str, scale: str, report: str
) -> Intervals:
    """Limits under their names and in the units asked for.

    Parameters
    ----------
    limits : Limits
    chosen : sequence of Parameter
    level : float
    title : str
        What kind of intervals they are.
    scale, report : {"sd", "variance", "log"}
        The scale on which standard deviations have these limits, and that on which to give them.
    """
    limits = with_impossible(rescaled(limits, chosen, scale, report), chosen, report)
    tail = 50.0 * (1.0 - level)
    out = Intervals(
        {f"{tail:.3g} %": limits.lower, f"{100.0 - tail:.3g} %": limits.upper},
        index=[p.name for p in chosen],
    )
    given = _scales_in_words(scale, report) if scalable(chosen).any() else ""
    out.attrs["title"] = f"{100.0 * level:.4g} % {title}{given}"
    out.attrs["notes"] = {
        p.name: "; ".join(notes) for p, notes in zip(chosen, limits.notes, strict=True) if notes
    }
    return out


def _scales_in_words(scale: str, report: str) -> str:
    built = "" if scale == "sd" else f" built on the scale of the {SCALES[scale]}"
    if scale == report:
        return built
    return f"{built}, given as {UNITS[report]}"

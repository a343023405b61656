"""The intervals of one parameter by every method, with what each of them is built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import ndtri, stdtrit

from mixedwidgets.errors import ModelError, brief, listed, nearest
from mixedwidgets.lmm.bootstrap import Bootstrap, limits_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.flags import check_level
from mixedwidgets.lmm.interval_tables import BuiltInterval, FiveIntervals
from mixedwidgets.lmm.labels import is_one_way
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, parameters, value_of
from mixedwidgets.lmm.profile import profile_interval
from mixedwidgets.lmm.satterthwaite import Satterthwaite
from mixedwidgets.lmm.scales import from_sd, slope_from_sd
from mixedwidgets.lmm.surface import curve
from mixedwidgets.lmm.surface_axes import Axis
from mixedwidgets.lmm.wald import wald_covariance

NODES = 14  # of the curve; a spline fills in
DEEP = 4.0  # standard errors that an approximating parabola reaches on both sides
USUAL = 0.99  # up to this level the curve's usual reach shows both limits
EMPTY = np.empty(0)


def five_intervals(
    design: Design, estimate: Estimate, name: str, level: float = 0.95, scale: str = "sd"
) -> FiveIntervals:
    """The intervals of one parameter by every method but the bootstrap, which is still waiting.

    Of a standard deviation: Wald's on the variance, on itself and on its logarithm, and that of
    the profile likelihood; of a correlation: Wald's on itself and on Fisher's z; of a coefficient:
    Wald's, and with the t distribution on Satterthwaite's degrees of freedom.

    Parameters
    ----------
    design, estimate
        The fit, by either criterion. All intervals belong to its likelihood.
    name : str
        Name of the parameter, as ``confint`` names it.
    level : float
        Confidence level between 0 and 1.
    scale : {"sd", "variance"}
        What the axis shows of a standard deviation.

    Returns
    -------
    FiveIntervals

    Raises
    ------
    ModelError
        An unknown parameter, level or scale; a coefficient by REML, which is no function of it.
    """
    for table in five_steps(design, estimate, name, level, scale):
        latest = table
    return latest


def five_steps(
    design: Design, estimate: Estimate, name: str, level: float = 0.95, scale: str = "sd"
) -> Iterator[FiveIntervals]:
    """The same in steps: Wald's intervals at once, then the curve, then the profile's limits.

    With one grouping factor the last step comes after some hundredths of a second, with crossed
    ones after a second or more.

    Parameters
    ----------
    design, estimate, name, level, scale
        As in ``five_intervals``; a mistake is told at once.

    Returns
    -------
    iterator of FiveIntervals
    """
    parameter = _named(design, estimate, name)
    table = _wald_table(design, estimate, parameter, check_level(level)).on(scale)
    return _steps(design, estimate, parameter, table)


def _wald_table(
    design: Design, estimate: Estimate, parameter: Parameter, level: float
) -> FiveIntervals:
    """Wald's intervals; profile and bootstrap wait, and there is no curve yet."""
    cut = float(ndtri(0.5 + 0.5 * level)) ** 2
    squared = parameter.kind in ("sd", "sigma")
    return FiveIntervals(
        name=parameter.name,
        kind=parameter.kind,
        labels=(Axis(parameter).label(design), Axis(parameter, squared).label(design)),
        estimate=value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta),
        allowed=parameter.allowed,
        level=level,
        criterion="REML" if estimate.reml else "ML",
        methods=(
            *_wald_methods(design, estimate, parameter, level),
            _without_interval("profile", "profile", cut, "waiting"),
            _without_interval("bootstrap", "bootstrap", cut, "waiting"),
        ),
        x=EMPTY,
        drop=EMPTY,
        replicates=EMPTY,
    )


def _steps(
    design: Design, estimate: Estimate, parameter: Parameter, table: FiveIntervals
) -> Iterator[FiveIntervals]:
    yield table
    usual = table.level <= USUAL
    if usual:
        shape = curve(design, estimate, parameter, nodes=NODES)
        table = replace(table, x=shape.x, drop=shape.drop)
        yield table
    found = profile_interval(estimate, parameter, table.level)
    built = replace(
        table.by("profile"), state="found", lower=found.lower, upper=found.upper, note=found.note
    )
    table = replace(table, methods=(*table.methods[:-2], built, table.methods[-1]))
    if not usual:
        reach = _reach(parameter, table.estimate, found.lower, found.upper)
        shape = curve(design, estimate, parameter, nodes=NODES, reach=reach)
        table = replace(table, x=shape.x, drop=shape.drop)
    yield table


def with_bootstrap(table: FiveIntervals, boot: Bootstrap) -> FiveIntervals:
    """The same table with the percentile interval of a parametric bootstrap, finished or not.

    Parameters
    ----------
    table : FiveIntervals
    boot : Bootstrap
        Replicates of the same model, which estimate the parameter; of fewer than two the table
        still waits.

    Raises
    ------
    ModelError
        The replicates have no parameter of that name.

    Notes
    -----
    Quantiles of the replicates (Davison and Hinkley 1997, Bootstrap Methods and their Application,
    section 5.2), the same on every scale.
    """
    if table.name not in boot.names:
        raise ModelError(
            f"The replicates do not estimate {table.name!r}; choose a bootstrap of the same model."
        )
    column = boot.names.index(table.name)
    values = boot.values[~boot.without, column]
    known = values[np.isfinite(values)]
    table = replace(table, replicates=known, undefined=len(values) - len(known))
    built = table.by("bootstrap")
    lower, upper = limits_of(known, table.estimate, 0.5 * (1.0 - table.level), "percentile")
    if np.isfinite([lower, upper]).all():
        built = replace(
            built,
            state="found",
            lower=lower,
            upper=upper,
            note=_boot_note(table, boot, float(boot.original[column])),
        )
    return replace(table, methods=(*table.methods[:-1], built))


def _named(design: Design, estimate: Estimate, name: str) -> Parameter:
    known = {p.name: p for p in parameters(design)}
    if name not in known:
        raise ModelError(
            f"This model has no parameter {brief(name)}{nearest(str(name), known)}; choose from "
            f"{listed(list(known))}."
        )
    if estimate.reml and known[name].kind == "fixed":
        raise ModelError(
            f"The restricted likelihood is not a function of {name!r}; take maximum likelihood "
            "(criterion='ML', or a fit with REML=False)."
        )
    return known[name]


def _reach(
    parameter: Parameter, value: float, lower: float, upper: float
) -> tuple[float, float] | None:
    """Limits of a curve a quarter beyond an interval; None where that is not finite."""
    centre = 0.0 if np.isnan(value) else value
    ends = centre + 1.25 * (np.array([lower, upper]) - centre)
    if not np.isfinite(ends).all():
        return None
    low, high = np.clip(ends, *parameter.allowed)
    return (max(float(low), 0.05 * value) if parameter.kind == "sigma" else float(low)), float(high)


def _wald_methods(
    design: Design, estimate: Estimate, parameter: Parameter, level: float
) -> tuple[BuiltInterval, ...]:
    """Wald's intervals on every scale that suits the parameter."""
    value = value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta)
    variance = float(wald_covariance(estimate, (parameter,))[0, 0])
    error = float(np.sqrt(variance)) if variance > 0.0 else np.nan
    half = float(ndtri(0.5 + 0.5 * level))
    if parameter.kind in ("sd", "sigma"):
        scaled = [
            (f"wald{end}", f"Wald on {words}", partial(from_sd, scale=scale), back, scale)
            for (end, scale, back), words in zip(_SPREAD, _names(design, parameter), strict=True)
        ]
        return tuple(
            _wald(key, text, to, back, value, error * _slope(value, scale), half, parameter.allowed)
            for key, text, to, back, scale in scaled
        )
    plain = _wald("wald", "Wald", np.asarray, np.asarray, value, error, half, parameter.allowed)
    if parameter.kind == "cor":
        narrow = error / (1.0 - value**2) if abs(value) < 1.0 else np.nan
        fisher = _wald(
            "wald-z", "Wald on z", np.arctanh, np.tanh, value, narrow, half, parameter.allowed
        )
        return plain, fisher
    return plain, _student(plain, value, error, estimate, parameter, level)


def _root(variance: Array) -> Array:
    """Square root with the sign kept: what is impossible stays below zero."""
    return np.asarray(np.sign(variance) * np.sqrt(np.abs(variance)))


_SPREAD: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    ("-variance", "variance", _root),
    ("", "sd", np.asarray),
    ("-log", "log", np.exp),
)


def _slope(value: float, scale: str) -> float:
    return float(slope_from_sd(np.array(value), scale)) if value > 0.0 else np.nan


def _names(design: Design, parameter: Parameter) -> tuple[str, str, str]:
    """What the variance, the standard deviation and its logarithm are called."""
    if parameter.kind == "sigma":
        return "σ²", "σ", "log σ"
    return ("τ²", "τ", "log τ") if is_one_way(design) else ("variance", "SD", "log SD")


def _wald(
    key: str,
    text: str,
    to: Callable[[Array], Array],
    back: Callable[[Array], Array],
    value: float,
    error: float,
    half: float,
    allowed: tuple[float, float],
) -> BuiltInterval:
    """Estimate plus and minus ``half`` standard errors on a scale, and the parabola they cut."""
    if not (np.isfinite(error) and np.isfinite(value)):
        return _without_interval(key, text, half**2, "none", _no_error(value, allowed))
    centre, z = float(to(np.array(value))), np.linspace(-DEEP, DEEP, 161)
    with np.errstate(over="ignore"):
        lower, upper = (float(v) for v in back(centre + error * np.array([-half, half])))
        x = np.asarray(back(centre + error * z))
    return BuiltInterval(
        key=key,
        label=text,
        state="found",
        lower=lower,
        upper=upper,
        note=_beyond(lower, upper, allowed),
        cut=half**2,
        x=x,
        drop=z**2,
    )


def _student(
    plain: BuiltInterval,
    value: float,
    error: float,
    estimate: Estimate,
    parameter: Parameter,
    level: float,
) -> BuiltInterval:
    """The same parabola cut deeper, by the t distribution on Satterthwaite's degrees of freedom."""
    contrast = np.zeros((1, len(estimate.beta)))
    contrast[0, parameter.i] = 1.0
    df = float(Satterthwaite(estimate).df(contrast)[0])
    if not np.isfinite(df):
        reason = "the likelihood says nothing about degrees of freedom"
        return _without_interval("t", "t", plain.cut, "none", reason)
    half = float(stdtrit(df, 0.5 + 0.5 * level))
    return replace(
        plain,
        key="t",
        label=f"t, {df:.4g} df",
        lower=value - half * error,
        upper=value + half * error,
        note="degrees of freedom by Satterthwaite's method",
        cut=half**2,
    )


def _without_interval(key: str, text: str, cut: float, state: str, note: str = "") -> BuiltInterval:
    return BuiltInterval(key, text, state, np.nan, np.nan, note, cut, EMPTY, EMPTY)


def _no_error(value: float, allowed: tuple[float, float]) -> str:
    if np.isnan(value):
        return "a standard deviation is zero, so the correlation is not defined"
    if value in allowed:
        return f"the estimate is at the boundary {value:g}, where there is no standard error"
    return "the curvature of the likelihood at the estimate gives no standard error"


def _beyond(lower: float, upper: float, allowed: tuple[float, float]) -> str:
    """Say which limits are impossible."""
    out = [f"the lower limit is below {allowed[0]:g}, impossible"] if lower < allowed[0] else []
    out += [f"the upper limit is above {allowed[1]:g}, impossible"] if upper > allowed[1] else []
    return "; ".join(out)


def _boot_note(table: FiveIntervals, boot: Bootstrap, original: float) -> str:
    """How many replicates there are, how many at the boundary, and whether they are of this fit."""
    count, out = len(table.replicates), []
    if not boot.finished:
        out.append(f"so far {len(boot)} of {boot.nsim} replicates")
    if (count + 1) * 0.5 * (1.0 - table.level) < 1.0:
        out.append(f"the extremes of only {count} replicates")
    for bound, number in zip(table.allowed, table.at_bounds, strict=True):
        if number:
            out.append(f"exactly {bound:g} in {number} of {count} replicates")
    if table.undefined:
        out.append(f"no value in {table.undefined} more replicates")
    if abs(original - table.estimate) > 1e-6 * (abs(original) + abs(table.estimate)):
        out.append(f"by another criterion, whose estimate is {original:.4g}")
    return "; ".join(out)

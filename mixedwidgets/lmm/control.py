"""``Control``: how hard ``lmer`` searches and what it makes of doubtful models."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from mixedwidgets.errors import MixedWidgetsError, ModelError, brief, nearest

LEVELS = ("ignore", "warn", "stop")
MOST_STARTS = 1000


@dataclass(frozen=True)
class Control:
    """How hard ``lmer`` searches and what it makes of doubtful models.

    A check is a word: ``"ignore"`` goes on in silence, ``"warn"`` goes on with a
    ``MixedWidgetsWarning`` of one sentence, ``"stop"`` raises a ``ModelError``. The checks are
    those of lme4's ``lmerControl`` (Bates, Maechler, Bolker and Walker 2015, Journal of
    Statistical Software 67(1)) under its names in Python's spelling; a dictionary with lme4's own
    spelling, such as ``{"check.nobs.vs.nlev": "ignore"}``, is understood by ``lmer`` too.

    Attributes
    ----------
    tolerance : float
        The search ends where a Newton step would lower the criterion by no more than this,
        relative to 1 + |criterion|; above 0 and below 0.01. Default 1e-13.
    max_iterations : int
        Steps that the search from one start may take, at least 1. Default 150.
    starts : int
        Points to search from, 1 to 1000; where several are tried, the verdict says how many
        agreed. Default 1; after a boundary fit more are tried anyway.
    check_nlev_gtr_1 : str
        A grouping factor with a single level. Default ``"stop"``: nothing can vary between
        levels of which there is one.
    check_nlev_gtreq_5 : str
        A grouping factor with fewer than five levels. Default ``"ignore"``.
    check_nobs_vs_nlev : str
        As many levels of a grouping factor as observations. Default ``"stop"``: without weights
        its variance and the residual variance cannot be told apart. With known weights, as in a
        meta-analysis, they can: then choose ``"ignore"``.
    check_nobs_vs_nre : str
        A term with as many random effects as observations. Default ``"stop"``, as above.
    check_rank_x : str
        Fixed-effects columns that depend on others. Default ``"ignore"``: they are left out, as
        lme4 does, and named by the summary and ``fit.design.dropped``; so they are after
        ``"warn"``.
    check_scale_x : str
        Fixed-effects columns whose standard deviations differ from each other or from 1 by more
        than a factor of 1000. Default ``"ignore"``, where lme4 warns: the fit works in
        standardised columns, so the scale of a variable costs no digits.
    check_conv_grad : str
        A search that ended before the criterion was flat. Default ``"warn"``.
    check_conv_hess : str
        A criterion that stays flat in some direction, so that the data do not determine all
        variances. Default ``"warn"``.
    check_conv_singular : str
        A boundary (singular) fit. Default ``"ignore"``: the summary and the verdict say it.

    Raises
    ------
    ModelError
        For a number out of range, or a check that is none of the three words.

    Examples
    --------
    >>> import mixedwidgets as mw
    >>> careful = mw.Control(starts=10, check_conv_singular="warn")
    >>> careful.starts
    10
    """

    tolerance: float = 1e-13
    max_iterations: int = 150
    starts: int = 1
    check_nlev_gtr_1: str = "stop"
    check_nlev_gtreq_5: str = "ignore"
    check_nobs_vs_nlev: str = "stop"
    check_nobs_vs_nre: str = "stop"
    check_rank_x: str = "ignore"
    check_scale_x: str = "ignore"
    check_conv_grad: str = "warn"
    check_conv_hess: str = "warn"
    check_conv_singular: str = "ignore"

    def __post_init__(self) -> None:
        if not _is_number(self.tolerance) or not 0.0 < self.tolerance < 0.01:
            raise ModelError(
                f"control: tolerance is {brief(self.tolerance)}; give a number above 0 and below "
                "0.01, such as 1e-10."
            )
        if not _is_whole(self.max_iterations) or self.max_iterations < 1:
            raise ModelError(
                f"control: max_iterations is {brief(self.max_iterations)}; give a whole number of "
                "at least 1."
            )
        if not _is_whole(self.starts) or not 1 <= self.starts <= MOST_STARTS:
            raise ModelError(
                f"control: starts is {brief(self.starts)}; give a whole number from 1 to "
                f"{MOST_STARTS}."
            )
        for name in _CHECKS:
            level = getattr(self, name)
            if not isinstance(level, str) or level not in LEVELS:
                raise ModelError(
                    f"control: {name} is {brief(level)}{nearest(str(level), LEVELS)}; "
                    "choose 'ignore', 'warn' or 'stop'."
                )

    @classmethod
    def of(cls, given: Any) -> Control:
        """Read what was given as ``control``: nothing, a ``Control`` or a dictionary of its fields.

        Raises
        ------
        ModelError
            For anything else, or an unknown name.
        """
        if given is None:
            return DEFAULT
        if isinstance(given, Control):
            return given
        if not isinstance(given, Mapping):
            raise ModelError(
                f"control is {brief(given)}; give a Control, such as mw.Control(starts=5), or a "
                "dictionary of its settings."
            )
        known = {_squeezed(f.name): f.name for f in fields(cls)}
        for name in given:
            if _squeezed(name) not in known:
                raise ModelError(
                    f"control has no setting {name!r}{nearest(str(name), known.values())}; "
                    f"its settings are {', '.join(known.values())}."
                )
        return cls(**{known[_squeezed(name)]: value for name, value in given.items()})


def judged(
    level: str, check: Callable[..., None], *arguments: Any, also: str = ""
) -> Iterator[str]:
    """Run a check that raises, and yield its sentence where it is to be a warning.

    Parameters
    ----------
    level : {"ignore", "warn", "stop"}
        What to make of a complaint.
    check : callable
        Raises a ``MixedWidgetsError`` to complain.
    *arguments
        Given to the check.
    also : str
        Added to the sentence of a warning: what was done about it.

    Raises
    ------
    MixedWidgetsError
        What the check raises, for ``"stop"``.
    """
    if level == "ignore":
        return
    try:
        check(*arguments)
    except MixedWidgetsError as complaint:
        if level == "stop":
            raise
        yield f"{str(complaint).removesuffix('.')}{also}"


def _squeezed(name: object) -> str:
    return str(name).replace(".", "").replace("_", "").casefold()


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


_CHECKS = tuple(f.name for f in fields(Control) if f.name.startswith("check_"))
DEFAULT = Control()

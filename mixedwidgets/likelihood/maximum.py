"""The result of ``maximize`` and ``minimize``: estimates, curvature, intervals, text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.likelihood.held import limit
from mixedwidgets.likelihood.layout import html_frame, html_table
from mixedwidgets.likelihood.search import Problem

DIGITS = 7  # significant, as R prints
WIDTH = 80
RESOLVED = 1e-9  # of a Hessian scaled to unit diagonal: smaller elements print as 0


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a user's log-likelihood is largest, or minus one smallest, and its curvature there.

    Attributes
    ----------
    par : (p,) Series
        Estimates, labelled with the parameters' names.
    value : float
        What the user's function returns there.
    counts : dict
        ``"function"``: calls of the function, those for derivatives included; ``"gradient"``: how
        often numerical derivatives were taken.
    convergence : int
        0: the slope is zero in all parameters that are not on a bound; 1: the function was called
        as often as allowed; 2: the slope is not zero; 3: there are no second derivatives, as at a
        kink or at the end of the support, so that this could not be checked.
    message : str
        The same in words.
    hessian : (p, p) DataFrame
        Second derivatives of the user's function, with its sign, as R's ``optim`` returns them;
        NaN for parameters on a bound.
    vcov : (p, p) DataFrame
        Inverse of the observed information, that is of the Hessian of minus the log-likelihood;
        NaN for parameters on a bound and for those the data do not determine.
    se : (p,) Series
        Square roots of its diagonal.
    warnings : tuple of str
        Sentences on what asks for attention; they are also issued as warnings.
    starts : (k, p + 1) DataFrame
        Where the search ended from each start, and the value of the function there.
    minus : bool
        Whether the function is minus a log-likelihood.
    path : (s, p + 2) DataFrame
        Where the search that found the optimum went: the parameters, the value of the function,
        and ``step``, which is ``"start"``, ``"simplex"``, ``"Newton"`` or ``"bound"``.
    """

    par: pd.Series
    value: float
    counts: Mapping[str, int]
    convergence: int
    message: str
    hessian: pd.DataFrame
    vcov: pd.DataFrame
    se: pd.Series
    warnings: tuple[str, ...]
    starts: pd.DataFrame
    minus: bool
    path: pd.DataFrame
    _problem: Problem = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Names of the parameters."""
        return [str(name) for name in self.par.index]

    @property
    def loglik(self) -> float:
        """The largest log-likelihood, whichever sign the function has."""
        return -self.value if self.minus else self.value

    @property
    def information(self) -> pd.DataFrame:
        """Observed information (p, p): second derivatives of minus the log-likelihood."""
        return self.hessian if self.minus else -self.hessian

    def wald(self, level: float = 0.95, times: float | None = None) -> pd.DataFrame:
        """Estimates, standard errors and limits ``par -+ z se``.

        They come from the curvature at the maximum alone and do not know where a parameter ends:
        limits of a variance may lie below zero (see :meth:`likelihood_interval`).

        Parameters
        ----------
        level : float
            Confidence level, between 0 and 1; z is the normal quantile at (1 + level) / 2.
        times : float, optional
            z itself, instead of a level; 2 gives a quick interval of about 95 %.

        Returns
        -------
        (p, 4) or (p, 5) DataFrame
            ``estimate``, ``se``, ``lower``, ``upper``; and, where some have no standard error,
            ``note``, which says why and is empty for the others.

        Raises
        ------
        ModelError
            A level outside (0, 1), or a number of standard errors that is none.
        """
        z = _quantile(level) if times is None else _times(times)
        out = pd.DataFrame(
            {
                "estimate": self.par,
                "se": self.se,
                "lower": self.par - z * self.se,
                "upper": self.par + z * self.se,
            }
        )
        if self.se.isna().any():
            out["note"] = [self._without(i) for i in range(len(self.par))]
        return out

    def _without(self, i: int) -> str:
        """Why a parameter has no standard error; empty where it has one."""
        if np.isfinite(self.se.iloc[i]):
            return ""
        x, problem = float(self.par.iloc[i]), self._problem
        for side, bound in (("lower", problem.low[i]), ("upper", problem.high[i])):
            if x == bound:
                return f"on its {side} bound: no standard error; likelihood_interval() has limits"
        return "no standard error, see .warnings"

    def likelihood_interval(
        self, names: str | Iterable[str] | None = None, level: float = 0.95
    ) -> pd.DataFrame:
        """Limits by the likelihood ratio: what the data do not reject.

        A value belongs to the interval if twice the log-likelihood, with the other parameters at
        their best for that value, is at most the chi-square quantile (one degree of freedom) below
        twice its maximum. The limits are roots of that, found by Brent's method.

        Parameters
        ----------
        names : str or sequence of str, optional
            Parameters; all of them if not given.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        DataFrame
            ``estimate``, ``lower``, ``upper`` and ``note``, which says why a limit is a bound or
            infinite and is empty otherwise.

        Raises
        ------
        ModelError
            An unknown name, a level outside (0, 1).
        """
        if isinstance(names, float):
            raise ModelError(
                f"names is {brief(names)}; a level goes by its name, as in level={brief(names)}."
            )
        if names is None:
            chosen = self.names
        else:
            single = isinstance(names, str) or not isinstance(names, Iterable)
            chosen = [str(names)] if single else list(names)
        for name in chosen:
            if name not in self.names:
                raise ModelError(
                    f"{brief(name)} is no parameter{nearest(str(name), self.names)}; there are "
                    f"{', '.join(self.names)}."
                )
        drop = 0.5 * _quantile(level) ** 2  # chi-square with one degree of freedom is its square
        rows = [self._interval(self.names.index(name), drop) for name in chosen]
        return pd.DataFrame(rows, index=chosen, columns=["estimate", "lower", "upper", "note"])

    def _interval(self, i: int, drop: float) -> tuple[float, float, float, str]:
        x = self.par.to_numpy(dtype=np.float64)
        size = float(np.sqrt(2.0 * drop) * self.se.iloc[i])
        size = size if np.isfinite(size) and size > 0.0 else 0.1 * (abs(float(x[i])) or 1.0)
        ends = [limit(self._problem, x, -self.loglik, i, drop, sign * size) for sign in (-1.0, 1.0)]
        sides = zip(("lower", "upper"), ends, strict=True)
        notes = [f"{side}: {why}" for side, (_, why) in sides if why]
        return float(x[i]), ends[0][0], ends[1][0], "; ".join(notes)

    def __repr__(self) -> str:
        parts = [
            ("$par", _row(self.names, self.par)),
            ("$value", f"[1] {_texts([self.value])[0]}"),
            ("$counts", _row(list(self.counts), list(self.counts.values()))),
            ("$convergence", f"[1] {self.convergence}"),
            ("$message", f'[1] "{self.message}"'),
            ("$hessian", _matrix(self.names, _zapped(self.hessian))),
            ("$se", _row(self.names, self.se)),
        ]
        text = "\n\n".join(f"{title}\n{body}" for title, body in parts)
        return text + "".join(f"\n\nWarning: {sentence}" for sentence in self.warnings)

    def _repr_html_(self) -> str:
        kind = "Minus log-likelihood" if self.minus else "Log-likelihood"
        title = f"{kind} {_texts([self.value])[0]}, {self.message}"
        limits = ["", "Estimate", "Std. Error", "2.5 %", "97.5 %"]
        tables = [
            html_table("Estimates", limits, _cells(self.wald().iloc[:, :4])),
            html_table("Hessian", ["", *self.names], _cells(_zapped(self.hessian))),
        ]
        notes = [f"Warning: {sentence}" for sentence in self.warnings]
        return html_frame(title, tables, ["The limits are Wald's, from the curvature.", *notes])


def _quantile(level: float) -> float:
    """Return the normal quantile z with probability ``level`` between -z and z."""
    try:
        if 0.0 < float(level) < 1.0:
            return float(ndtri(0.5 + 0.5 * float(level)))
    except (TypeError, ValueError):
        pass
    raise ModelError(f"level is {brief(level)}; give a number between 0 and 1, as 0.95.")


def _times(times: object) -> float:
    """Return a number of standard errors."""
    if not isinstance(times, (int, float, np.number)) or not 0.0 < times < np.inf:
        raise ModelError(
            f"times is {brief(times)}; give a number of standard errors above 0, such as 2."
        )
    return float(times)


def _zapped(hessian: pd.DataFrame) -> pd.DataFrame:
    """Write zero for what numerical derivatives cannot tell from it."""
    size = np.sqrt(np.abs(np.diag(hessian)))
    return hessian.mask(hessian.abs() < RESOLVED * np.outer(size, size), 0.0)


def _texts(values: Iterable[float]) -> list[str]:
    """Write numbers alike, with the fewest decimals that show each to seven digits."""
    numbers = [float(v) for v in values]
    finite = [v for v in numbers if np.isfinite(v)]
    decimals = longest = widest = 0
    for v in finite:
        mantissa, exponent = f"{v:.{DIGITS - 1}e}".split("e")
        needed = len(mantissa.rstrip("0").rstrip(".").lstrip("-").replace(".", ""))
        decimals = max(decimals, needed - 1 - int(exponent))
        longest = max(longest, needed - 1)
        widest = max(widest, len(f"{v:.0f}"))
    scientific = widest + decimals + 1 > longest + 8
    form = f".{longest}e" if scientific else f".{max(decimals, 0)}f"
    words = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
    return [words.get(str(v), format(v + 0.0, form)) for v in numbers]


def _row(names: Sequence[str], values: Iterable[float]) -> str:
    """Names above numbers, broken into lines as R breaks a named vector."""
    texts = _texts(values)
    width = max(len(t) for t in [*names, *texts])
    each = max(1, WIDTH // (width + 1))
    lines = []
    for first in range(0, len(texts), each):
        for cells in (names, texts):
            lines.append(" ".join(c.rjust(width) for c in cells[first : first + each]))
    return "\n".join(lines)


def _matrix(names: Sequence[str], values: pd.DataFrame) -> str:
    """A matrix with names on both sides, broken into blocks of columns as R breaks one."""
    columns = [_texts(values.iloc[:, j]) for j in range(len(names))]
    widths = [max(map(len, [name, *c])) for name, c in zip(names, columns, strict=True)]
    side = max(map(len, names))
    blocks: list[list[int]] = [[]]
    for j, width in enumerate(widths):
        if blocks[-1] and side + sum(widths[k] + 1 for k in blocks[-1]) + width + 1 > WIDTH:
            blocks.append([])
        blocks[-1].append(j)
    lines = []
    for block in blocks:
        lines.append(" ".join([" " * side, *(names[j].rjust(widths[j]) for j in block)]))
        for i, name in enumerate(names):
            cells = (columns[j][i].rjust(widths[j]) for j in block)
            lines.append(" ".join([name.ljust(side), *cells]))
    return "\n".join(lines)


def _cells(table: pd.DataFrame) -> list[list[str]]:
    """Rows of a table as texts, the label first and each column in one layout."""
    columns = [_texts(table.iloc[:, j]) for j in range(table.shape[1])]
    return [[str(name), *row] for name, *row in zip(table.index, *columns, strict=True)]

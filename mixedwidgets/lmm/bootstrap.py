"""The parametric bootstrap of a fit, and its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import SeedSequence
from numpy.typing import NDArray
from scipy.special import ndtri

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.draws import Draws
from mixedwidgets.lmm.flags import check_level
from mixedwidgets.lmm.html import table_html
from mixedwidgets.lmm.interval_table import Intervals
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.rlayout import escape, table

METHODS = ("percentile", "basic", "normal")


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """What a parametric bootstrap found, or has found so far.

    Attributes
    ----------
    names : tuple of str
        Of what is estimated in every replicate, r in all.
    original : (r,) array
        Their values in the fit.
    values : (done, r) array
        Their values in the replicates; NaN where no optimum was found.
    singular : (done,) array of bool
        Which replicates are boundary fits.
    without : (done,) array of bool
        Which replicates have no optimum.
    directions : Series
        In how many replicates each direction has zero variance, named in words.
    nsim : int
        How many replicates were asked for.
    seed : SeedSequence
        Gives the same replicates again.
    title, formula : str
        What was done to which model.
    allowed : mapping of str to (float, float)
        The ends of what is possible, of the names that have any.
    """

    names: tuple[str, ...]
    original: Array
    values: Array
    singular: NDArray[np.bool_]
    without: NDArray[np.bool_]
    directions: pd.Series
    nsim: int
    seed: SeedSequence
    title: str
    formula: str
    _draws: Draws = field(repr=False)
    _design: Design = field(repr=False)
    allowed: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of replicates that are done."""
        return len(self.values)

    @property
    def finished(self) -> bool:
        """Whether all replicates are done."""
        return len(self) == self.nsim

    @property
    def boundary(self) -> int:
        """Number of replicates with a boundary fit; see ``directions``."""
        return int(self.singular.sum())

    @property
    def failed(self) -> int:
        """Number of replicates in which no optimum was found; they count nowhere else."""
        return int(self.without.sum())

    @cached_property
    def replicates(self) -> pd.DataFrame:
        """A row for each replicate, a column for each name, and ``boundary``."""
        index = pd.RangeIndex(len(self), name="replicate")
        out = pd.DataFrame(self.values.copy(), index=index, columns=list(self.names))
        out["boundary"] = self.singular
        return out

    @property
    def estimate(self) -> pd.Series:
        """The values in the fit."""
        return pd.Series(self.original.copy(), index=list(self.names), name="estimate")

    @property
    def bias(self) -> pd.Series:
        """Mean of the replicates minus the value in the fit."""
        return pd.Series(self._mean - self.original, index=list(self.names), name="bias")

    @property
    def se(self) -> pd.Series:
        """Standard deviation of the replicates."""
        return pd.Series(self._sd, index=list(self.names), name="se")

    def response(self, i: int) -> pd.Series:
        """The response of a replicate: ``fit.refit(boot.response(i))`` is its fit.

        With one grouping factor a replicate is drawn as cross-products; this is a response that
        has them, and the same one every time.

        Parameters
        ----------
        i : int
            Number of the replicate, from 0.

        Returns
        -------
        Series
            A value for each row that the fit uses, on the scale of the formula's response.

        Raises
        ------
        ModelError
            There is no such replicate.
        """
        if isinstance(i, bool) or not isinstance(i, (int, np.integer)) or not 0 <= i < self.nsim:
            raise ModelError(f"There is no replicate {brief(i)}; give 0 to {self.nsim - 1}.")
        values = self._draws.response(int(i), self._design)
        return pd.Series(values, index=self._design.index, name=f"replicate {i}")

    def confint(
        self,
        parm: str | Iterable[str] | None = None,
        level: float = 0.95,
        method: str = "percentile",
    ) -> Intervals:
        """Confidence intervals from the replicates.

        Parameters
        ----------
        parm : str or list of str, optional
            Some of ``names``; by default all but the criterion.
        level : float
            Between 0 and 1.
        method : {"percentile", "basic", "normal"}
            ``"percentile"``: quantiles of the replicates. ``"basic"``: twice the estimate minus
            the opposite quantile. ``"normal"``: the estimate less its bias, plus and minus a normal
            quantile times the standard error; the last two may leave the possible range.

        Returns
        -------
        Intervals
            A row for each name, columns such as ``2.5 %`` and ``97.5 %``; ``.notes``, also printed,
            says what there is to know of some of them, such as limits that are impossible.

        Raises
        ------
        ModelError
            An unknown name, level or method, or fewer than two replicates with an optimum.

        Notes
        -----
        Davison and Hinkley 1997, Bootstrap Methods and their Application, sections 5.2 and 5.3; the
        quantile of n replicates at probability a is the order statistic of number (n + 1) a,
        interpolated.
        """
        check_level(level)
        if method not in METHODS:
            raise ModelError(
                f"method is {brief(method)}{nearest(str(method), METHODS)}; choose 'percentile', "
                "'basic' or 'normal'."
            )
        if int((~self.without).sum()) < 2:
            raise ModelError("Intervals need at least two replicates with an optimum; draw more.")
        chosen = self._chosen(parm)
        tail = 0.5 * (1.0 - level)
        limits = [
            limits_of(self.values[:, j], float(self.original[j]), tail, method) for j in chosen
        ]
        table = np.array(limits).reshape(-1, 2)
        out = Intervals(
            table,
            index=[self.names[j] for j in chosen],
            columns=[f"{100.0 * tail:.3g} %", f"{100.0 - 100.0 * tail:.3g} %"],
        )
        notes = {
            self.names[j]: "; ".join([*self._note(j, tail, method), *self._impossible(j, row)])
            for j, row in zip(chosen, table, strict=True)
        }
        out.attrs["title"] = (
            f"{100.0 * level:.4g} % bootstrap {method} intervals ({len(self)} replicates)"
        )
        out.attrs["notes"] = {name: note for name, note in notes.items() if note}
        return out

    @property
    def table(self) -> pd.DataFrame:
        """Estimate, bias, standard error and 95 % percentile interval of everything."""
        out = pd.DataFrame({"estimate": self.estimate, "bias": self.bias, "se": self.se})
        if int((~self.without).sum()) > 1:
            out = out.join(self.confint(list(self.names)))
        return out

    def __repr__(self) -> str:
        heads, rows = self._cells()
        columns = list(zip(*(cells for _, cells in rows), strict=True))
        body = table([name for name, _ in rows], heads, columns, right=True)
        remarks = [fill(escape(remark), 80) for remark in self._remarks()]
        return "\n".join(
            [self._title, escape(self.formula), "", body + "\n".join(remarks)]
        ).rstrip()

    def _repr_html_(self) -> str:
        return table_html(self._title, [self.formula], *self._cells(), self._remarks())

    @property
    def _title(self) -> str:
        return f"{self.title}, {len(self)} replicate{'' if len(self) == 1 else 's'}"

    def _cells(self) -> tuple[list[str], list[tuple[str, list[str]]]]:
        """Heads, and name and cells of each row: the standard error to three digits."""
        numbers = self.table
        rows = []
        for name, values in zip(self.names, numbers.to_numpy(), strict=True):
            spread = values[2] if values[2] > 0.0 else abs(values[0])
            known = np.isfinite(spread) and spread > 0.0
            decimals = int(np.clip(2 - np.floor(np.log10(spread)), 0, 12)) if known else 4
            rows.append((name, ["" if np.isnan(v) else f"{v:.{decimals}f}" for v in values]))
        return list(numbers.columns), rows

    def _remarks(self) -> list[str]:
        out = []
        if not self.finished:
            out.append(f"Stopped after {len(self)} of {self.nsim} replicates.")
        if self.boundary:
            counts = "; ".join(f"in {n}, {words}" for words, n in self.directions.items())
            are = "is a boundary fit" if self.boundary == 1 else "are boundary fits"
            out.append(f"{self.boundary} of {len(self)} replicates {are}: {counts}.")
        if self.failed:
            out.append(
                f"In {self.failed} of {len(self)} replicates no optimum was found; they are left "
                "out."
            )
        if len(self) - self.failed < 2:
            out.append("Intervals need at least two replicates with an optimum; draw more.")
        missing = (~np.isfinite(self.values[~self.without])).sum(axis=0)
        out += [
            f"{name} has no value in {n} of {len(self) - self.failed} replicates; they are left "
            "out of its row."
            for name, n in zip(self.names, missing, strict=True)
            if n
        ]
        return out

    def _chosen(self, parm: str | Iterable[str] | None) -> list[int]:
        if parm is None:
            return [j for j, name in enumerate(self.names) if name != "criterion"]
        names = [parm] if isinstance(parm, str) or not isinstance(parm, Iterable) else list(parm)
        for name in names:
            if name not in self.names:
                raise ModelError(
                    f"Nothing is called {brief(name)}{nearest(str(name), self.names)}; "
                    f"choose from {', '.join(self.names)}."
                )
        return [self.names.index(name) for name in names]

    def _note(self, j: int, tail: float, method: str) -> list[str]:
        values = self.values[~self.without, j]
        finite = int(np.isfinite(values).sum())
        if finite < len(values):
            return [f"from the {finite} of {len(values)} replicates in which it has a value"]
        if method != "normal" and (finite + 1) * tail < 1.0:
            return [f"the extremes of only {finite} replicates; draw more"]
        zeros = int(np.sum(values == 0.0))
        return [f"zero in {zeros} of {len(values)} replicates"] if zeros else []

    def _impossible(self, j: int, limits: Array) -> list[str]:
        """Say of each limit outside the possible range that it is."""
        smallest, largest = self.allowed.get(self.names[j], (-np.inf, np.inf))
        sides = list(zip(("lower", "upper"), limits, strict=True))
        return [
            *(f"the {s} limit is below {smallest:g}, impossible" for s, v in sides if v < smallest),
            *(f"the {s} limit is above {largest:g}, impossible" for s, v in sides if v > largest),
        ]

    @cached_property
    def _mean(self) -> Array:
        return _over_finite(np.mean, self.values)

    @cached_property
    def _sd(self) -> Array:
        return _over_finite(lambda x: np.std(x, ddof=1) if len(x) > 1 else np.nan, self.values)


def limits_of(values: Array, estimate: float, tail: float, method: str) -> tuple[float, float]:
    """Limits from replicates of a number, NaN where fewer than two of them are finite.

    Parameters
    ----------
    values : (done,) array
    estimate : float
        The number in the fit.
    tail : float
        Probability beyond each limit.
    method : {"percentile", "basic", "normal"}
        As in ``Bootstrap.confint``.
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    if method == "normal":
        half = -float(ndtri(tail)) * float(np.std(values, ddof=1))
        middle = 2.0 * estimate - float(np.mean(values))
        return middle - half, middle + half
    lower, upper = np.quantile(values, [tail, 1.0 - tail], method="weibull")
    if method == "percentile":
        return float(lower), float(upper)
    return float(2.0 * estimate - upper), float(2.0 * estimate - lower)


def _over_finite(what: Callable[[Array], Any], values: Array) -> Array:
    """A number from the finite values of each column; NaN where there are none."""
    columns = [column[np.isfinite(column)] for column in values.T]
    return np.array([what(c) if len(c) else np.nan for c in columns], dtype=np.float64)

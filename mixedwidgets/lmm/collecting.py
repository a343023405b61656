"""Replicates of a bootstrap collected into its result, and what its arguments mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator, SeedSequence

from mixedwidgets.errors import DataError, ModelError, brief
from mixedwidgets.lmm.bootstrap import Bootstrap
from mixedwidgets.lmm.callbacks import Progress, go_on
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import PERFECT, Parameter
from mixedwidgets.lmm.refits import Estimates
from mixedwidgets.lmm.theta import Layout


class Collector:
    """Replicates as they come, and the result so far.

    Parameters
    ----------
    names, original, nsim, seed, title, formula, draws, design
        As in ``Bootstrap``.
    """

    def __init__(self, names: tuple[str, ...], original: Array, nsim: int, **about: Any):
        self._names, self._original, self._about = names, original, about
        self._values = np.full((nsim, len(names)), np.nan)
        self._singular, self._without = np.zeros(nsim, dtype=bool), np.zeros(nsim, dtype=bool)
        self._directions: Counter[str] = Counter()
        self.done = 0

    def add(self, values: Array, found: Estimates) -> None:
        """Take the values (b, r) and the estimates of the next b replicates."""
        rows = slice(self.done, self.done + len(values))
        self._values[rows] = values
        self._singular[rows], self._without[rows] = found.boundary, found.failed
        self._directions.update(words for _, words in found.directions)
        self.done = rows.stop

    def result(self) -> Bootstrap:
        """What there is so far."""
        counts = self._directions.most_common()
        return Bootstrap(
            names=self._names,
            original=self._original,
            values=self._values[: self.done],
            singular=self._singular[: self.done],
            without=self._without[: self.done],
            directions=pd.Series(
                [count for _, count in counts],
                index=[words for words, _ in counts],
                name="replicates",
                dtype=int,
            ),
            nsim=len(self._values),
            **self._about,
        )


def parameter_values(parameters: tuple[Parameter, ...], found: Estimates, layout: Layout) -> Array:
    """The value of every parameter in every replicate, and the criterion, (B, r + 1).

    The rules are those of ``parameters.value_of``.
    """
    covariances = np.matmul(found.factor, found.factor.transpose(0, 2, 1))
    columns = [_value(p, covariances, found, layout) for p in parameters]
    return np.stack([*columns, found.value], axis=1)


def _value(p: Parameter, covariances: Array, found: Estimates, layout: Layout) -> Array:
    if p.kind == "sigma":
        return found.sigma
    if p.kind == "fixed":
        return found.beta[:, p.i]
    i = layout.starts[p.block] + p.i
    if p.kind == "sd":
        return np.asarray(np.sqrt(covariances[:, i, i]))
    j = layout.starts[p.block] + p.j
    product = covariances[:, i, i] * covariances[:, j, j]
    with np.errstate(invalid="ignore", divide="ignore"):
        out = np.where(product > 0.0, covariances[:, i, j] / np.sqrt(product), np.nan)
    return np.where(np.abs(out) > PERFECT, np.sign(out), out)


def statistic_of(
    statistic: Callable[[Any], Any], fit: Any, where: str
) -> tuple[tuple[str, ...], Array]:
    """Read what a statistic gives of a fit: names and values.

    Raises
    ------
    ModelError
        It fails, chained to its own exception; ``where`` is that in words.
    DataError
        It gives no number, mapping of names to numbers, or Series.
    """
    try:
        given = statistic(fit)
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ModelError(
            f"The statistic fails in {where} with {said.rstrip('.')}; mend it, or let it return "
            "nan there."
        ) from error
    named = dict(given) if isinstance(given, (Mapping, pd.Series)) else {"statistic": given}
    try:
        numbers = np.array([float(v) for v in named.values()], dtype=np.float64)
        if not len(numbers):
            raise ValueError
    except (TypeError, ValueError):
        raise DataError(
            f"the statistic is {brief(given)}; return a number, a dictionary of names and numbers, "
            "or a Series"
        ) from None
    return tuple(str(name) for name in named), numbers


def seed_sequence(seed: Any) -> SeedSequence:
    """Read a seed.

    Raises
    ------
    ModelError
        It is none.
    """
    if isinstance(seed, SeedSequence):
        return seed
    if isinstance(seed, Generator):
        return SeedSequence(int(seed.integers(2**63)))
    try:
        return SeedSequence(seed)
    except (TypeError, ValueError):
        raise ModelError(
            f"seed is {brief(seed)}; give a whole number of at least 0, a NumPy Generator or None."
        ) from None


def last_of(steps: Iterator[Bootstrap], progress: Progress | None) -> Bootstrap:
    """Work through the steps and return the last, telling of every one until told to stop."""
    for result in steps:
        if not go_on(progress, len(result), result.nsim):
            break
    return result

"""``Prediction``: the methods of a fit that speak of data not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mixedwidgets.errors import DataError, ModelError, brief, nearest
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.fitted import Fitted
from mixedwidgets.lmm.flags import check_level, yes_or_no
from mixedwidgets.lmm.foreign import as_pandas
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.predict import Kept, mean_variance, predicted_mean, response_variance
from mixedwidgets.lmm.re_form import selected_columns
from mixedwidgets.lmm.rows import Rows, fitted_rows, new_rows, refuse_new_levels
from mixedwidgets.lmm.simulate import simulated

INTERVALS = ("confidence", "prediction")


class Prediction(Fitted):
    """Predictions and simulations."""

    def predict(
        self,
        newdata: Any = None,
        re_form: Any = "all",
        allow_new_levels: bool = False,
        se_fit: bool = False,
        interval: str | None = None,
        level: float = 0.95,
    ) -> pd.Series | pd.DataFrame:
        """Predicted means, on request with standard errors or intervals.

        Predictions are on the scale of the response as the formula transforms it: for
        ``log(y) ~ ...`` they are of ``log(y)``.

        Parameters
        ----------
        newdata : DataFrame or mapping of str to array, optional
            Rows to predict; by default those of the fit. They need not hold the response. A
            single value in a mapping stands for every row, and ``scale``, ``poly``, ``bs`` ...
            use what they learnt from the data of the fit. An offset is evaluated on these rows,
            also one that was an argument of the fit, where it named a column.
        re_form : str or None
            Which random effects are at their conditional modes; the others are zero. ``"all"`` or
            None: every one. ``"none"``: none, the mean over groups. Else a formula such as
            ``"~ (1 | Subject)"``.
        allow_new_levels : bool
            Whether levels of grouping factors that the fit does not have are predicted, with
            random effects of zero.
        se_fit : bool
            Also give standard errors.
        interval : {None, "confidence", "prediction"}
            Also give limits, for the mean or for a new response.
        level : float
            Their confidence level, between 0 and 1.

        Returns
        -------
        Series or DataFrame
            A value for each row, indexed as the rows are; NaN where something is missing that the
            prediction needs. With ``se_fit`` columns ``fit`` and ``se``; with ``interval`` also
            ``lower`` and ``upper``.

        Raises
        ------
        DataError
            A column is missing, or holds levels that the fit does not have.
        FormulaError
            ``re_form`` cannot be read or asks for what the model does not have.
        ModelError
            An unknown interval or level.

        Notes
        -----
        The standard error is that of the difference between predicted and true mean
        ``x' beta + z' b``, with the covariance of the random effects and sigma taken as known. It
        counts the uncertainty of beta, of b and their covariance: the quadratic form of (x, z) in
        the inverse of Henderson's mixed model equations (Henderson 1975, Biometrics 31, 423-447),
        as in ``predict(se.fit = TRUE)`` of newer versions of lme4. A level that the fit does not
        have adds the variance ``z' Sigma z`` of its effects.

        Limits are normal quantiles around the prediction. Those of a new response count its
        residual, of variance ``sigma^2 / w`` with the weight w read from the column that gave the
        weights of the fit and 1 where there is none, and random effects that ``re_form`` leaves
        out as drawn anew.
        """
        _check_interval(interval, level)
        errors = yes_or_no("se_fit", se_fit)
        kept = selected_columns(self.design, re_form)
        spread = interval == "prediction"
        rows = self._rows(newdata, kept, allow_new_levels, spread)
        complete = rows.complete()
        mean = predicted_mean(complete, self.design, self.estimate, kept)
        if not errors and interval is None:
            return pd.Series(*self._on_all(rows, mean, newdata is None), name="fit")
        variance = mean_variance(complete, self.design, self.estimate, kept)
        columns = {"fit": mean, "se": np.sqrt(variance)}
        if interval is not None:
            if spread:
                variance = variance + response_variance(complete, self.design, self.estimate, kept)
            half = float(ndtri(0.5 + 0.5 * level)) * np.sqrt(variance)
            columns |= {"lower": mean - half, "upper": mean + half}
        values, index = self._on_all(rows, np.array(list(columns.values())), newdata is None)
        return pd.DataFrame(values.T, index=index, columns=list(columns))

    def simulate(
        self,
        nsim: int = 1,
        seed: Any = None,
        re_form: Any = "none",
        newdata: Any = None,
        allow_new_levels: bool = False,
    ) -> pd.DataFrame:
        """Responses drawn from the fitted model.

        Parameters
        ----------
        nsim : int
            Number of replicates.
        seed : int, Generator or SeedSequence, optional
            Where the randomness comes from; the same seed gives the same numbers.
        re_form : str or None
            Which random effects stay at their conditional modes, as for ``predict``; the others
            are drawn anew in every replicate, with mean zero and their covariance. ``"none"``, the
            default: all are drawn. ``"all"`` or None: none, only residuals are.
        newdata : DataFrame or mapping of str to array, optional
            Rows to simulate, with the labels of their groups; by default those of the fit.
        allow_new_levels : bool
            Whether effects are drawn for levels that the fit does not have, where ``re_form``
            keeps those of the others. Where all are drawn, new levels are always allowed.

        Returns
        -------
        DataFrame
            A row for each row of the data and columns ``sim_1``, ``sim_2`` ..., on the scale of
            the response as the formula transforms it; NaN where something is missing.

        Raises
        ------
        DataError, FormulaError
            As for ``predict``.
        ModelError
            ``nsim`` is no positive whole number, or ``seed`` no seed.

        Notes
        -----
        Residuals have the variance ``sigma^2 / w``. (lme4 up to 1.1-31 leaves the weights out.)
        """
        if isinstance(nsim, bool) or not isinstance(nsim, int | np.integer) or nsim < 1:
            raise ModelError(f"nsim is {nsim!r}; give a whole number of at least 1.")
        generator = _generator(seed)
        kept = selected_columns(self.design, re_form)
        rows = self._rows(newdata, kept, allow_new_levels, True, True)
        complete = rows.complete()
        try:
            drawn = simulated(complete, self.design, self.estimate, kept, int(nsim), generator)
        except MemoryError:
            raise ModelError(
                f"nsim is {nsim}, and so many simulations of {len(rows.index)} rows do not fit in "
                "memory; ask for fewer at a time."
            ) from None
        values, index = self._on_all(rows, drawn, newdata is None)
        return pd.DataFrame(
            values.T, index=index, columns=[f"sim_{i + 1}" for i in range(nsim)], copy=False
        )

    def _rows(
        self,
        newdata: Any,
        kept: Kept,
        allow_new_levels: bool,
        spread: bool,
        labels: bool = False,
    ) -> Rows:
        """The rows asked for, with all levels known where it matters."""
        unseen = yes_or_no("allow_new_levels", allow_new_levels)
        if newdata is None:
            return fitted_rows(self.design)
        conditioned = _factors_of(self.design, kept)
        labelled = [labels or g.name in conditioned for g in self.design.groupings]
        if np.ndim(newdata) == 0 and not hasattr(as_pandas(newdata), "keys"):
            raise DataError(
                f"newdata is {brief(newdata)}; give a DataFrame or a dictionary of columns"
            )
        rows = new_rows(self.design, self.call, newdata, labelled, spread)
        if not unseen:
            refuse_new_levels(
                rows,
                conditioned,
                "allow_new_levels=True takes them as levels not seen, and re_form='none' leaves "
                "random effects out",
            )
        return rows

    def _on_all(self, rows: Rows, values: Array, fitted: bool) -> tuple[Array, pd.Index]:
        """Values (..., m) of the complete rows on all rows asked for, with their labels."""
        values = rows.spread(values)
        padding = self.design.padding if fitted else None
        if padding is None:
            return values, rows.index
        out = np.full((*values.shape[:-1], len(padding.index)), np.nan)
        out[..., padding.used] = values
        return out, padding.index


def _factors_of(design: Design, kept: Kept) -> list[str]:
    """The grouping factors of which some effects are kept."""
    numbers = {b.grouping for b, keep in zip(design.blocks, kept, strict=True) if keep.any()}
    return [design.groupings[number].name for number in sorted(numbers)]


def _check_interval(interval: Any, level: Any) -> None:
    if interval is not None and interval not in INTERVALS:
        raise ModelError(
            f"interval is {interval!r}{nearest(str(interval), INTERVALS)}; "
            "choose 'confidence', 'prediction' or None."
        )
    check_level(level)


def _generator(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ModelError(
            f"seed is {seed!r}; give a whole number of at least 0, a NumPy Generator or None."
        ) from None

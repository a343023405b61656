"""The text of a fit, laid out as R's lme4 1.1-31 lays it out.

Everything here is a pure function of plain values; nothing is estimated. The layout follows what
lme4 1.1-31 prints in R 4.2 with its defaults (7 digits, 80 columns), which the golden files in
``tests/golden`` record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.parameters import unique_names
from mixedwidgets.lmm.rformat import (
    FloatArray,
    format_number,
    format_numbers,
    order_of_magnitude,
    round_half_even,
    zap_small,
)
from mixedwidgets.lmm.rlayout import (
    abbreviate,
    break_formula,
    fill,
    make_name,
    named_vector,
    table,
)

DIGITS = 4
CORRELATION_LIMIT = 12  # as lme4 1.1-31, in a script and in an interactive session


@dataclass(frozen=True)
class VarianceBlock:
    """Standard deviations and correlations of one random term.

    Attributes
    ----------
    group : str
        Name of the grouping factor; blocks of one factor may repeat it.
    names : tuple of str, length k
        Coefficients of the term, such as ``("(Intercept)", "Days")``.
    sd : ndarray of shape (k,)
        Standard deviations, in units of the response per unit of the coefficient's column.
    corr : ndarray of shape (k, k)
        Correlations; NaN beside a standard deviation of zero.
    """

    group: str
    names: tuple[str, ...]
    sd: FloatArray
    corr: FloatArray


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """All that the text and the tables of a fit show.

    Attributes
    ----------
    formula : str
        On one line, as lme4 prints it.
    reml : bool
    criterion : float
        REML criterion, or -2 log-likelihood for a fit by maximum likelihood.
    loglik, aic, bic, deviance : float
        Shown for maximum likelihood only.
    df_resid : int
        Observations minus parameters.
    varcorr : tuple of VarianceBlock
    sigma : float
        Residual standard deviation.
    nobs : int
    ngroups : tuple of (str, int)
        Grouping factors and their numbers of groups, in lme4's order.
    fixef_names : tuple of str, length p
    fixef, fixef_se : ndarray of shape (p,)
        Estimates and standard errors of the fixed effects.
    fixef_corr : ndarray of shape (p, p)
        Their correlations.
    scaled_residuals : ndarray of shape (n,), optional
        Weighted residuals divided by sigma; NaN entries are ignored.
    scaled_residual_quantiles : ndarray of shape (5,), optional
        Minimum, quartiles and maximum of them; used where the residuals are not given.
    data_name, weights_name, offset_name, subset_name : str, optional
        As written in the call; each line is printed only where given.
    n_missing : int
        Rows left out because a variable of the model is missing there.
    dropped : tuple of str
        Names of aliased columns that were left out.
    fit_warnings : tuple of str
        Further lines under ``fit warnings:``.
    optimizer_line : str, optional
        How the optimiser ended, in lme4's words; printed only beside ``messages``.
    messages : tuple of str
        Remarks on convergence, printed last, one a line.
    verdict : str
        The verdict on the fit in a sentence, shown under notebook tables.
    """

    formula: str
    reml: bool
    criterion: float
    loglik: float
    aic: float
    bic: float
    deviance: float
    df_resid: int
    varcorr: tuple[VarianceBlock, ...]
    sigma: float
    nobs: int
    ngroups: tuple[tuple[str, int], ...]
    fixef_names: tuple[str, ...]
    fixef: FloatArray
    fixef_se: FloatArray
    fixef_corr: FloatArray
    scaled_residuals: FloatArray | None = None
    scaled_residual_quantiles: FloatArray | None = None
    data_name: str | None = None
    weights_name: str | None = None
    offset_name: str | None = None
    subset_name: str | None = None
    n_missing: int = 0
    dropped: tuple[str, ...] = ()
    fit_warnings: tuple[str, ...] = ()
    optimizer_line: str | None = None
    messages: tuple[str, ...] = ()
    verdict: str = ""


def print_text(data: ReportData) -> str:
    """Return the short text that lme4 prints for a fit.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
        Without the last newline, which ``print`` adds.
    """
    parts = [
        title(data) + "\n",
        _call(data),
        _criterion(data, decimals=4),
        _random_effects(data, with_variance=False),
        _groups(data),
        _fixed_effects_vector(data),
        _fit_warnings(data),
        _messages_short(data),
    ]
    return "".join(parts).removesuffix("\n")


def summary_text(data: ReportData, correlation: bool | None = None) -> str:
    """Return the long text that lme4 prints for the summary of a fit.

    Parameters
    ----------
    data : ReportData
    correlation : bool, optional
        Whether to show the correlations of the fixed effects; by default up to 20 of them.

    Returns
    -------
    str
        Without the last newline, which ``print`` adds.
    """
    parts = [
        title(data) + "\n",
        _call(data),
        "\n",
        _criterion(data, decimals=1),
        "\n",
        _scaled_residuals(data),
        _random_effects(data, with_variance=True),
        _groups(data),
        _coefficient_table(data),
        _fixed_correlations(data, correlation),
        _fit_warnings(data),
        _messages_long(data),
    ]
    return "".join(parts).removesuffix("\n")


def title(data: ReportData) -> str:
    """Return the first line, which names the method of fitting.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
    """
    # lme4 leaves two blanks after "maximum likelihood".
    method = "REML" if data.reml else "maximum likelihood "
    return f"Linear mixed model fit by {method} ['lmerMod']"


def residual_quantiles(data: ReportData) -> FloatArray | None:
    """Return minimum, quartiles and maximum of the scaled residuals.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    ndarray of shape (5,) or None
        None where neither residuals nor quantiles are given.
    """
    if data.scaled_residuals is None:
        return data.scaled_residual_quantiles
    known = data.scaled_residuals[~np.isnan(data.scaled_residuals)]
    return np.quantile(known, [0.0, 0.25, 0.5, 0.75, 1.0])


def _call(data: ReportData) -> str:
    lines = [
        ("Formula:", data.formula),
        ("   Data:", data.data_name),
        ("Weights:", data.weights_name),
        (" Offset:", data.offset_name),
        (" Subset:", data.subset_name),
    ]
    return "".join(fill([label, *break_formula(text)]) for label, text in lines if text)


def _criterion(data: ReportData, decimals: int) -> str:
    if data.reml:
        value = float(round_half_even(data.criterion, decimals))
        return fill(["REML criterion at convergence:", format_number(value)])
    values = [data.aic, data.bic, data.loglik, data.deviance, float(data.df_resid)]
    cells = format_numbers(round_half_even(values, decimals))
    cells[-1] = format_number(float(data.df_resid))
    return named_vector(["AIC", "BIC", "logLik", "deviance", "df.resid"], cells)


def _scaled_residuals(data: ReportData) -> str:
    quantiles = residual_quantiles(data)
    if quantiles is None:
        return ""
    cells = format_numbers(zap_small(quantiles, DIGITS + 1), DIGITS)
    body = named_vector(["Min", "1Q", "Median", "3Q", "Max"], cells)
    return f"Scaled residuals: \n{body}\n"


def _random_effects(data: ReportData, with_variance: bool) -> str:
    groups: list[str] = []
    names: list[str] = []
    for group, block in zip(_block_labels(data.varcorr), data.varcorr, strict=True):
        groups += [group] + [""] * (len(block.names) - 1)
        names += block.names
    sd = np.concatenate([*(b.sd for b in data.varcorr), [data.sigma]])
    heads = ["Groups", "Name"]
    columns = [[*groups, "Residual"], [*names, ""]]
    if with_variance:
        heads.append("Variance")
        columns.append(format_numbers(sd**2, DIGITS))
    heads.append("Std.Dev.")
    columns.append(format_numbers(sd, DIGITS))
    correlations = _correlation_columns(data.varcorr)
    heads += ["Corr", *[""] * len(correlations)][: len(correlations)]
    columns += [[*column, ""] for column in correlations]
    return "Random effects:\n" + table([""] * len(sd), heads, columns)


def _block_labels(blocks: Sequence[VarianceBlock]) -> list[str]:
    """Tell terms of one factor apart; lme4 then makes valid R names of all groups."""
    groups = [block.group for block in blocks]
    repeated = len(set(groups)) < len(groups)
    return unique_names([make_name(group) for group in groups]) if repeated else groups


def _correlation_columns(blocks: Sequence[VarianceBlock]) -> list[list[str]]:
    """Write the lower triangles of the blocks' correlations, one below the other."""
    size = max(len(b.names) for b in blocks)
    columns: list[list[str]] = [[] for _ in range(size - 1)]
    for block in blocks:
        k = len(block.names)
        cells = format_numbers(round_half_even(block.corr, 2), nsmall=2)
        for j, column in enumerate(columns):
            column += [cells[i * k + j] if j < i else "" for i in range(k)]
    return columns


def _groups(data: ReportData) -> str:
    counts = "; ".join(f"{name}, {n}" for name, n in data.ngroups)
    return fill([f"Number of obs: {data.nobs}, groups: ", counts]) + left_out(data, "  (", ")\n")


def left_out(data: ReportData, before: str = "", after: str = "") -> str:
    """How many rows are left out for missing values; empty where none is.

    lme4 does not say it; R's ``lm`` does, in this place.
    """
    if not data.n_missing:
        return ""
    rows = "row" if data.n_missing == 1 else "rows"
    return f"{before}{data.n_missing:,} {rows} with missing values left out{after}"


def _fixed_effects_vector(data: ReportData) -> str:
    if not data.fixef_names:
        return "No fixed effect coefficients\n"
    cells = format_numbers(data.fixef, DIGITS)
    return "Fixed Effects:\n" + named_vector(data.fixef_names, cells, gap=2)


def _coefficient_table(data: ReportData) -> str:
    if not data.fixef_names:
        return ""
    columns = coefficient_cells(data.fixef, data.fixef_se)
    heads = ["Estimate", "Std. Error", "t value"]
    return "\nFixed effects:\n" + table(data.fixef_names, heads, columns, right=True)


def coefficient_cells(estimates: FloatArray, errors: FloatArray) -> list[list[str]]:
    """Write estimates, standard errors and t values as R's ``printCoefmat``.

    Parameters
    ----------
    estimates, errors : ndarray of shape (p,)

    Returns
    -------
    list of three lists of p str
        Estimates and errors share one number of decimals, t values have their own.
    """
    p = len(estimates)
    both = np.concatenate([estimates, errors])
    orders = order_of_magnitude(both)
    smallest = orders[0] + 1 if orders else 1
    cells = format_numbers(round_half_even(both, max(1, DIGITS - smallest)), DIGITS)
    # What would read as zero without being zero is written on its own, with fewer digits.
    hidden = [i for i in range(2 * p) if both[i] != 0 and float(cells[i]) == 0]
    for i, text in zip(hidden, format_numbers(both[hidden], DIGITS - 1), strict=True):
        cells[i] = text
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.asarray(estimates) / np.asarray(errors)
    t_cells = format_numbers(round_half_even(t, DIGITS - 1), DIGITS)
    return [cells[:p], cells[p:], t_cells]


def _fixed_correlations(data: ReportData, wanted: bool | None) -> str:
    p = len(data.fixef_names)
    if wanted is None and p > CORRELATION_LIMIT:
        return (
            f"\nCorrelation matrix not shown by default, as p = {p} > {CORRELATION_LIMIT}.\n"
            "Use print(x, correlation=TRUE)  or\n    vcov(x)        if you need it\n\n"
        )
    if p < 2 or wanted is False:
        return ""
    cells = format_numbers(round_half_even(data.fixef_corr, 3), nsmall=3)
    rows = abbreviate(data.fixef_names, 11)[1:]
    heads = abbreviate(data.fixef_names, 6)[:-1]
    columns = [[cells[i * p + j] if j < i else "" for i in range(1, p)] for j in range(p - 1)]
    return "\nCorrelation of Fixed Effects:\n" + table(rows, heads, columns)


def _fit_warnings(data: ReportData) -> str:
    lines = list(data.fit_warnings)
    if data.dropped:
        n = len(data.dropped)
        what = "column / coefficient" if n == 1 else "columns / coefficients"
        lines.insert(0, f"fixed-effect model matrix is rank deficient so dropping {n} {what}")
    return "".join(line + "\n" for line in ["fit warnings:", *lines]) if lines else ""


def _messages_short(data: ReportData) -> str:
    if not data.messages or data.optimizer_line is None:
        return "".join(line + "\n" for line in data.messages)
    return f"{data.optimizer_line} ; 0 optimizer warnings; {len(data.messages)} lme4 warnings \n"


def _messages_long(data: ReportData) -> str:
    if not data.messages:
        return ""
    lines = [*([data.optimizer_line] if data.optimizer_line else []), *data.messages]
    return "".join(line + "\n" for line in lines) + "\n"

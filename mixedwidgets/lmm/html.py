"""A fit as HTML tables for notebooks.

Plain tables with captions and header cells, styled inline, without scripts, identifiers or style
sheets, so that they survive saving, trusting and conversion; colours follow JupyterLab's theme and
fall back to what reads on light and dark pages. Every name is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from mixedwidgets.lmm.report import (
    CORRELATION_LIMIT,
    DIGITS,
    ReportData,
    coefficient_cells,
    left_out,
    residual_quantiles,
)
from mixedwidgets.lmm.rformat import format_number, format_numbers, round_half_even, zap_small
from mixedwidgets.lmm.rlayout import abbreviate

_LINE = "var(--jp-border-color1, rgba(128, 128, 128, 0.55))"
_HAIR = "var(--jp-border-color2, rgba(128, 128, 128, 0.3))"
_QUIET = "var(--jp-content-font-color2, inherit)"
_ACCENT = "var(--jp-brand-color1, #1976d2)"
_CODE_FONT = "var(--jp-code-font-family, monospace)"

_FRAME = (
    "color: var(--jp-content-font-color1, inherit); font-size: 13px; line-height: 1.5; "
    "max-width: 100%; overflow-x: auto; padding: 2px 2px 8px"
)
_TITLE = "margin: 0; font-weight: 600; font-size: 14px"
_FORMULA = (
    f"margin: 2px 0 0; font-family: {_CODE_FONT}; overflow-wrap: anywhere; white-space: pre-wrap"
)
_SMALL = f"margin: 2px 0 0; color: {_QUIET}"
_ROW = "display: flex; flex-wrap: wrap; column-gap: 40px; align-items: flex-start"
_TABLE = (
    "border-collapse: collapse; border: none; margin: 14px 0 0; table-layout: auto; "
    "font-size: 13px; font-variant-numeric: tabular-nums"
)
_CAPTION = (
    "caption-side: top; text-align: left; font-weight: 600; padding: 0 0 4px; white-space: nowrap"
)
_CELL = "border: none; padding: 3px 0 3px 20px; white-space: nowrap; vertical-align: baseline"
_HEAD = f"{_CELL}; border-bottom: 1px solid {_LINE}; font-weight: 400; color: {_QUIET}"
_PLAIN_ROW = "background: transparent"
_RULED_ROW = f"background: transparent; border-top: 1px solid {_HAIR}"
_NOTE = "margin: 10px 0 0; max-width: 72ch"
_VERDICT = f"{_NOTE}; border-left: 3px solid {_ACCENT}; padding: 1px 0 1px 10px"


def print_html(data: ReportData) -> str:
    """Return the short tables of a fit: random effects, fixed effects, verdict.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
        One ``div`` element.
    """
    tables = [_random_effects(data), _fixed_effects(data)]
    return _frame(data, [_criteria_line(data), _row(tables)])


def summary_html(data: ReportData) -> str:
    """Return the long tables of a fit, with criteria, residuals and correlations.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
        One ``div`` element.
    """
    upper = [_criteria_table(data), _residuals(data)]
    lower = [_fixed_effects(data), _correlations(data)]
    return _frame(data, [_row(upper), _row([_random_effects(data)]), _row(lower)])


def table_html(
    title: str,
    lines: Sequence[str],
    heads: Sequence[str],
    rows: Iterable[tuple[str, Sequence[str]]],
    notes: Sequence[str],
) -> str:
    """Return one table of numbers with a title, lines of code above it and sentences below.

    Parameters
    ----------
    title : str
    lines : sequence of str
        Formulas, or names and formulas.
    heads : sequence of str
        Names of the columns.
    rows : iterable of (str, sequence of str)
        Name and cells of each row.
    notes : sequence of str

    Returns
    -------
    str
        One ``div`` element.
    """
    parts = [
        f'<div role="group" aria-label="{_attribute(title)}" style="{_FRAME}">',
        f'<p style="{_TITLE}">{protected(title)}</p>',
        *(f'<p style="{_FORMULA}">{protected(line)}</p>' for line in lines),
        _table("", [protected(head) for head in heads], rows),
        *(f'<p style="{_NOTE}">{protected(note)}</p>' for note in notes),
    ]
    return "\n".join([*parts, "</div>"])


def _frame(data: ReportData, body: Sequence[str]) -> str:
    label = _attribute(f"Mixed model {data.formula}")
    parts = [
        f'<div role="group" aria-label="{label}" style="{_FRAME}">',
        f'<p style="{_TITLE}">{_title(data)}</p>',
        f'<p style="{_FORMULA}">{protected(data.formula)}</p>',
        f'<p style="{_SMALL}">{_sizes(data)}</p>',
        *body,
        *(f'<p style="{_NOTE}">{protected(note)}</p>' for note in _notes(data)),
    ]
    if data.verdict:
        parts.append(f'<p style="{_VERDICT}">{protected(data.verdict)}</p>')
    return "\n".join([*(p for p in parts if p), "</div>"])


def _title(data: ReportData) -> str:
    return f"Linear mixed model fit by {'REML' if data.reml else 'maximum likelihood'}"


def _sizes(data: ReportData) -> str:
    groups = [f"{n:,} groups of {protected(name)}" for name, n in data.ngroups]
    named = [
        ("data", data.data_name),
        ("weights", data.weights_name),
        ("offset", data.offset_name),
        ("subset", data.subset_name),
    ]
    extras = [f"{what} {protected(name)}" for what, name in named if name]
    rows = [part for part in (f"{data.nobs:,} observations", left_out(data)) if part]
    return " · ".join([*rows, *groups, *extras])


def _notes(data: ReportData) -> list[str]:
    notes = []
    if data.dropped:
        notes.append(f"Left out, being combinations of other columns: {', '.join(data.dropped)}.")
    remarks = [m for m in (*data.fit_warnings, *data.messages) if m != data.verdict]
    return notes + remarks


def _criteria(data: ReportData, decimals: int) -> list[tuple[str, str]]:
    if data.reml:
        return [("REML criterion", _rounded(data.criterion, decimals))]
    return [
        ("AIC", _rounded(data.aic, decimals)),
        ("BIC", _rounded(data.bic, decimals)),
        ("log-likelihood", _rounded(data.loglik, decimals)),
        ("deviance", _rounded(data.deviance, decimals)),
        ("residual df", f"{data.df_resid}"),
    ]


def _rounded(value: float, decimals: int) -> str:
    return format_number(float(round_half_even(value, decimals)))


def _criteria_line(data: ReportData) -> str:
    pairs = [f"{name} {value}" for name, value in _criteria(data, 4)]
    return f'<p style="{_SMALL}">{" · ".join(pairs)}</p>'


def _criteria_table(data: ReportData) -> str:
    names, values = zip(*_criteria(data, 1), strict=True)
    return _table("Fit", names, [("", values)])


def _residuals(data: ReportData) -> str:
    quantiles = residual_quantiles(data)
    if quantiles is None:
        return ""
    cells = format_numbers(zap_small(quantiles, DIGITS + 1), DIGITS)
    heads = ("Min", "1Q", "Median", "3Q", "Max")
    return _table("Scaled residuals", heads, [("", cells)])


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], corner: str = ""
) -> str:
    """Build a table of numbers under heads that are HTML already.

    Where the row names are empty there is no column for them.
    """
    body = list(rows)
    labelled = any(name for name, _ in body)
    lines = [_open(caption), "<thead>", f'<tr style="{_PLAIN_ROW}">']
    first = not labelled
    if labelled:
        lines.append(_header(corner, "col", left=True, first=True))
    for head in heads:
        lines.append(_header(head, "col", first=first))
        first = False
    lines += ["</tr>", "</thead>", "<tbody>"]
    for name, cells in body:
        lines.append(f'<tr style="{_PLAIN_ROW}">')
        if labelled:
            lines.append(_row_name(name, first=True))
        lines += [_number(c, first=not labelled and i == 0) for i, c in enumerate(cells)]
        lines.append("</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])


def _open(caption: str) -> str:
    start = f'<table style="{_TABLE}">'
    named = f'\n<caption style="{_CAPTION}">{protected(caption)}</caption>'
    return start + named if caption else start


def _random_effects(data: ReportData) -> str:
    sd = np.concatenate([*(b.sd for b in data.varcorr), [data.sigma]])
    variances = format_numbers(sd**2, DIGITS)
    deviations = format_numbers(sd, DIGITS)
    extra = max(len(b.names) for b in data.varcorr) - 1
    lines = [_open("Random effects"), "<thead>", f'<tr style="{_PLAIN_ROW}">']
    lines += [_header("Group", "col", left=True, first=True), _header("Name", "col", left=True)]
    lines += [_header("Variance", "col"), _header("Std. dev.", "col")]
    if extra:
        lines.append(_header("Correlation", "colgroup", span=extra, left=extra > 1))
    lines += ["</tr>", "</thead>"]
    at = 0
    for b, block in enumerate(data.varcorr):
        cells = format_numbers(round_half_even(block.corr, 2), nsmall=2)
        k = len(block.names)
        lines.append("<tbody>")
        for i, name in enumerate(block.names):
            lines.append(f'<tr style="{_RULED_ROW if b and not i else _PLAIN_ROW}">')
            if i == 0:
                lines.append(_row_name(block.group, first=True, rows=k))
            lines += [_row_name(name), _number(variances[at]), _number(deviations[at])]
            lines += [_number(cells[i * k + j] if j < i else "") for j in range(extra)]
            lines.append("</tr>")
            at += 1
        lines.append("</tbody>")
    lines += ["<tbody>", f'<tr style="{_RULED_ROW}">', _row_name("Residual", first=True, columns=2)]
    lines += [_number(variances[at]), _number(deviations[at])]
    lines += [_number("") for _ in range(extra)]
    return "\n".join([*lines, "</tr>", "</tbody>", "</table>"])


def _fixed_effects(data: ReportData) -> str:
    if not data.fixef_names:
        return f'<p style="{_NOTE}">No fixed effects.</p>'
    columns = coefficient_cells(data.fixef, data.fixef_se)
    rows = zip(data.fixef_names, zip(*columns, strict=True), strict=True)
    return _table("Fixed effects", ("Estimate", "Std. error", "t value"), rows, corner="Name")


def _correlations(data: ReportData) -> str:
    p = len(data.fixef_names)
    if p < 2:
        return ""
    if p > CORRELATION_LIMIT:
        return (
            f'<p style="{_NOTE}">Correlations of the {p} fixed effects are not shown: '
            f"there are more than {CORRELATION_LIMIT}.</p>"
        )
    cells = format_numbers(round_half_even(data.fixef_corr, 3), nsmall=3)
    rows = [
        (data.fixef_names[i], [cells[i * p + j] if j < i else "" for j in range(p - 1)])
        for i in range(1, p)
    ]
    heads = [
        _abbreviation(full, short)
        for full, short in zip(data.fixef_names, abbreviate(data.fixef_names, 11), strict=True)
    ]
    return _table("Correlation of fixed effects", heads[:-1], rows, corner="Name")


def _abbreviation(full: str, short: str) -> str:
    if full == short:
        return protected(full)
    return f'<abbr title="{_attribute(full)}">{protected(short)}</abbr>'


def _row(tables: Sequence[str]) -> str:
    shown = [t for t in tables if t]
    return "\n".join([f'<div style="{_ROW}">', *shown, "</div>"])


def _header(head: str, scope: str, left: bool = False, first: bool = False, span: int = 1) -> str:
    style = f"{_HEAD}; text-align: {'left' if left else 'right'}{_flush(first)}"
    columns = f' colspan="{span}"' if span > 1 else ""
    return f'<th scope="{scope}"{columns} style="{style}">{head}</th>'


def _row_name(name: str, first: bool = False, rows: int = 1, columns: int = 1) -> str:
    style = f"{_CELL}; text-align: left; font-weight: 400{_flush(first)}"
    spans = f' rowspan="{rows}"' if rows > 1 else ""
    spans += f' colspan="{columns}"' if columns > 1 else ""
    scope = "rowgroup" if rows > 1 else "row"
    return f'<th scope="{scope}"{spans} style="{style}">{protected(name)}</th>'


def _number(cell: str, first: bool = False) -> str:
    text = escape(cell.strip())
    return f'<td style="{_CELL}; text-align: right{_flush(first)}">{text}</td>'


def _flush(first: bool) -> str:
    return "; padding-left: 0" if first else ""


def protected(value: str) -> str:
    """Escape text for HTML, also from front ends that typeset what stands between dollar signs."""
    return escape(value).replace("$", "<span>&#36;</span>")


def _attribute(value: str) -> str:
    return escape(value, quote=True)

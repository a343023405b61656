"""A fit -> a notebook that reads the data again, checks them, fits, explains and draws."""

from __future__ import annotations

import hashlib
import os
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from mixedwidgets.errors import DataError, brief
from mixedwidgets.export import Exported
from mixedwidgets.export_code import Condition, call, checked, imports_of, literal, rows_where
from mixedwidgets.export_data import write_csv
from mixedwidgets.export_source import Source
from mixedwidgets.fingerprints import fingerprint
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.fit import Fit
from mixedwidgets.lmm.parameters import Parameter, compatible

Cell = tuple[str, str]  # "markdown" or "code", and what is in it

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SAME = 1e-6  # relative difference of log-likelihoods that another computer may make

_SURFACE = (
    "## The likelihood of two parameters\n\n"
    "How much worse the model fits when two of its parameters are moved away from their "
    "estimates, all others re-optimised. The shaded regions are joint confidence regions. Where "
    "they are not ellipses, standard errors mislead; where they touch zero, the data do not rule "
    "out that a variance is zero."
)
_SHRINKAGE = (
    "## Shrinkage\n\n"
    "What each group says alone (no pooling), what all groups say together (complete pooling), "
    "and what the model makes of both (partial pooling). Groups with few observations, or far "
    "from the others, are moved furthest."
)
_CATERPILLAR = (
    "## The effects of the groups\n\n"
    "The conditional modes of the random effects in order, with their uncertainty given the "
    "estimated parameters. With many groups they are drawn against normal quantiles: effects from "
    "a normal distribution, as the model assumes them, lie near a line."
)
_INTERVALS = (
    "## Intervals\n\n"
    "Profile likelihood intervals: every value of a parameter that a likelihood-ratio test at "
    "5 % does not reject. They are by maximum likelihood, also where the fit is by REML."
)
_ZETA = (
    "The profiles behind the intervals: the signed root of twice the drop in log-likelihood. A "
    "straight line means that estimate plus and minus two standard errors is a good interval."
)
_CHANGED = (
    "These are not the data of the saved analysis, which had {rows} rows and {columns} columns and "
    "the fingerprint {start}...; read the same file, or remove this cell to go on with other data."
)
_OTHER_FIT = (
    "The log-likelihood is not that of the saved analysis, so the data, the model or the version "
    "of mixedwidgets differ."
)


def notebook(
    fit: Fit,
    data: pd.DataFrame | None = None,
    *,
    source: str | os.PathLike[str] | Source | None = None,
    rows: Iterable[Condition] = (),
    control: Control | None = None,
    state: Mapping[str, Any] | None = None,
    question: str | None = None,
) -> Any:
    """Write an analysis as a notebook.

    Parameters
    ----------
    fit : Fit
    data : DataFrame, optional
        The data before rows were chosen; those of the fit by default.
    source : str, path or Source, optional
        The file that the data were read from, or how. Bundled data are known again without.
        Otherwise the notebook reads a file whose name the user puts in, and nothing of the data is
        in it but their size and fingerprint.
    rows : iterable of (column, operator, value)
        The conditions by which the fit's rows were chosen from the data.
    control : Control, optional
        The fit's own by default.
    state : dict, optional
        Keywords of ``mixedwidgets.explore`` that open the explorer as it is; without, the notebook
        opens none. It is given the data before rows were chosen if ``state`` chooses them too
        (``"rows"``).
    question : str, optional
        What the analysis is about, in Markdown; a general question by default.

    Returns
    -------
    nbformat.NotebookNode
        Valid, without outputs, and the same for the same arguments, cell identifiers included.

    Raises
    ------
    DataError
        Weights that are in no column, a value that cannot be written, or a file that pandas does
        not read.
    """
    what = Exported.of(fit, data, source=source, rows=rows, control=control)
    frame = fit.call.data_then if data is None else data
    return _assembled(_cells(what, fit, frame, state, question))


def save_notebook(
    path: str | os.PathLike[str],
    fit: Fit,
    data: pd.DataFrame | None = None,
    *,
    source: str | os.PathLike[str] | Source | None = None,
    rows: Iterable[Condition] = (),
    control: Control | None = None,
    state: Mapping[str, Any] | None = None,
    question: str | None = None,
    with_data: bool = False,
    overwrite: bool = False,
) -> Path:
    """Save an analysis as a notebook; see ``notebook``.

    Parameters
    ----------
    path : str or path
        Where to; ``.ipynb`` is added where it is missing.
    fit, data, source, rows, control, state, question
        As in ``notebook``. A relative ``source`` is named as seen from the notebook's folder.
    with_data : bool
        Write the data beside the notebook, into a CSV file of the same name, and read them from
        there with their types: levels and their order, text, truth values, times.
    overwrite : bool
        Replace files that exist.

    Returns
    -------
    Path
        Of the notebook.

    Raises
    ------
    DataError
        As ``notebook``; also for a file that exists or cannot be written, and for data that a CSV
        file cannot keep.
    """
    target = _target(path)
    what = Exported.of(fit, data, source=source, rows=rows, control=control)
    frame = fit.call.data_then if data is None else data
    table = target.with_suffix(".csv")
    _refuse_existing([target, table] if with_data else [target], overwrite)
    draft = table.with_name(f".{table.name}.part")
    try:
        where = write_csv(frame, draft) if with_data else what.source.seen_from(target.parent)
        if with_data:
            where = replace(where, path=table.name)
        written = _assembled(_cells(replace(what, source=where), fit, frame, state, question))
        _write(target, nbformat.writes(written) + "\n")
        if with_data:
            os.replace(draft, table)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _cells(
    what: Exported,
    fit: Fit,
    data: pd.DataFrame,
    state: Mapping[str, Any] | None,
    question: str | None,
) -> list[Cell]:
    chosen = "chosen" if what.rows else "data"
    cells = [
        ("markdown", _opening(fit, question)),
        ("markdown", "## Data\n\nRead again, and checked to be those of the saved analysis."),
        ("code", "\n".join(what.source.code())),
        ("code", _check_of_data(data)),
    ]
    if what.rows:
        cells += [
            ("markdown", "Only rows that meet these conditions are used."),
            ("code", f"chosen = {rows_where(what.rows)}\nchosen.shape"),
        ]
    cells += [
        ("markdown", _about_fit(fit)),
        ("code", f"{what.fitting(chosen)}\n{_check_of_fit(fit)}"),
        ("code", "fit.summary()"),
        ("markdown", _INTERVALS),
        ("code", "profiles = fit.profile()\nprofiles.confint()"),
        ("markdown", _ZETA),
        ("code", "figures.zeta(profiles)"),
    ]
    pair = surface_pair(fit)
    if pair is not None:
        names = (parameter.name for parameter in pair)
        cells += [
            ("markdown", _SURFACE),
            ("code", f"figures.surface({call('fit.surface', *names, coarse=True)})"),
        ]
    groups = [g.name for g in fit.design.groupings]
    named = [[group] if len(groups) > 1 else [] for group in groups]
    cells.append(("markdown", _SHRINKAGE))
    cells += [
        ("code", f"figures.shrinkage({call('fit.shrinkage_table', *name)})") for name in named
    ]
    cells.append(("markdown", _CATERPILLAR))
    cells += [
        ("code", f"figures.caterpillar({call('fit.caterpillar_table', *name)})") for name in named
    ]
    if state is not None:
        explored = "data" if "rows" in state else chosen
        opened = call("mw.explore", written=[explored], **state)
        cells += [
            ("markdown", "## Go on\n\nThe explorer, as it was when this notebook was saved."),
            ("code", f"explorer = {opened}\nexplorer"),
        ]
    return _with_imports(cells)


def surface_pair(fit: Fit) -> tuple[Parameter, Parameter] | None:
    """The two parameters whose likelihood tells most: standard deviations before sigma."""
    telling = [p for p in fit.parameters if p.kind == "sd"]
    telling += [p for p in fit.parameters if p.kind == "sigma"]
    return next((pair for pair in combinations(telling, 2) if compatible(pair)), None)


def _with_imports(cells: list[Cell]) -> list[Cell]:
    """Put all imports into the first cell of code, after the code was checked."""
    body = "\n".join(text for kind, text in cells if kind == "code")
    imports = imports_of(body)
    checked(f"{imports}\n{body}")
    first = next(place for place, (kind, _) in enumerate(cells) if kind == "code")
    cells[first] = ("code", f"{imports}\n\n{cells[first][1]}")
    return cells


def _assembled(cells: Iterable[Cell]) -> Any:
    """A valid notebook of cells whose identifiers follow from place and content."""
    made = []
    for place, (kind, text) in enumerate(cells):
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        digest = hashlib.sha256(f"{place} {kind} {text}".encode("utf-8", "surrogatepass"))
        made.append(new(text, id=f"c{digest.hexdigest()[:15]}"))
    out = nbformat.v4.new_notebook(cells=made, metadata=METADATA)
    nbformat.validate(out)
    return out


def _opening(fit: Fit, question: str | None) -> str:
    groups = " and ".join(_code(g.name) for g in fit.design.groupings)
    response = _code(str(fit.design.spec.response))
    asked = question or (
        f"How does {response} depend on the fixed effects, and how much do the levels of {groups} "
        "differ beyond that?"
    )
    return f"# A linear mixed model\n\n{asked}\n\n{_fenced(fit.formula)}"


def _about_fit(fit: Fit) -> str:
    how = (
        "Fitted by restricted maximum likelihood (REML). Its log-likelihood can be compared only "
        "between models with the same fixed effects."
        if fit.reml
        else "Fitted by maximum likelihood (ML)."
    )
    edge = (
        " It is a boundary fit: a variance, or a combination of effects, is estimated as having "
        "no variation at all."
        if fit.estimate.optimum.boundary
        else ""
    )
    return f"## Fit\n\n{how}{edge} The log-likelihood is checked to be that of the saved analysis."


def _check_of_data(data: pd.DataFrame) -> str:
    rows, columns = data.shape
    digest = fingerprint(data)
    sentence = _CHANGED.format(rows=rows, columns=columns, start=digest[:8])
    return (
        f"same = data.shape == ({rows}, {columns}) and mw.fingerprint(data) == (\n"
        f"    {literal(digest)}\n)\nassert same, {_long(sentence)}"
    )


def _check_of_fit(fit: Fit) -> str:
    return (
        f"expected = {literal(fit.loglik)}\n"
        f"assert abs(fit.loglik - expected) <= {SAME!r} * max(1.0, abs(expected)), "
        f"{_long(_OTHER_FIT)}"
    )


def _long(sentence: str) -> str:
    """A sentence as a literal over several lines."""
    *lines, last = textwrap.wrap(sentence, 80)
    parts = [literal(f"{line} ") for line in lines] + [literal(last)]
    return "\n".join(["(", *(f"    {part}" for part in parts), ")"])


def _shown(text: str) -> str:
    """A name without characters that one cannot see or that turn the direction of writing."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _ticks(text: str, least: int) -> str:
    """More backticks than stand together in a text, so that it cannot end its own quotation."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def _code(text: str) -> str:
    shown = _shown(text)
    ticks = _ticks(shown, 1)
    return f"{ticks} {shown} {ticks}" if "`" in shown or not shown.strip() else f"`{shown}`"


def _fenced(text: str) -> str:
    shown = _shown(text)
    fence = _ticks(shown, 3)
    return f"{fence}\n{shown}\n{fence}"


def _target(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip():
        raise DataError(f"{brief(path)} is no name of a file; give one such as 'analysis.ipynb'.")
    target = Path(path).expanduser()
    if target.suffix != ".ipynb":
        target = target.with_name(f"{target.name}.ipynb")
    if not target.parent.is_dir():
        raise DataError(
            f"There is no folder {str(target.parent)!r} to save a notebook in; make it first."
        )
    return target


def _refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    for path in paths:
        try:
            folder, file = path.is_dir(), path.exists()
        except OSError as error:
            raise _unwritable(path, error) from None
        if folder:
            raise DataError(f"{str(path)!r} is a folder; give another name.")
        if file and not overwrite:
            raise DataError(
                f"{str(path)!r} exists already; give another name, or overwrite=True to replace it."
            )


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"{str(path)!r} cannot be written ({error.strerror}); choose another place.")

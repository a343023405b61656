"""Choices -> a script that anyone can run: public calls only, every name through repr()."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mixedwidgets.errors import DataError
from mixedwidgets.export_code import Condition, call, checked, imports_of, rows_where
from mixedwidgets.export_source import Source
from mixedwidgets.lmm.control import DEFAULT, Control

if TYPE_CHECKING:
    import pandas as pd

    from mixedwidgets.lmm.fit import Fit

__all__ = ["Exported", "Source", "script"]


@dataclass(frozen=True, eq=False)
class Exported:
    """A fit as it is written down: what ``lmer`` is asked for, of which rows of which data.

    Attributes
    ----------
    formula : str
        The model formula.
    reml : bool
        The criterion; REML is the default of ``lmer`` and is not written out.
    weights, offset, subset : str, optional
        Names of columns.
    na_action : str
        What is done with missing values.
    contrasts : dict
        Coding of factors: names of codings, or matrices.
    control : Control
        Only what differs from the default is written out.
    rows : tuple of (column, operator, value)
        The conditions that a row must meet; see ``export_code.rows_where``.
    source : Source
        Where the data are read from.
    """

    formula: str
    reml: bool = True
    weights: str | None = None
    offset: str | None = None
    subset: str | None = None
    na_action: str = "omit"
    contrasts: Mapping[str, Any] = field(default_factory=dict)
    control: Control = DEFAULT
    rows: tuple[Condition, ...] = ()
    source: Source = field(default_factory=Source)

    @classmethod
    def of(
        cls,
        fit: Fit,
        data: pd.DataFrame | None = None,
        *,
        source: str | os.PathLike[str] | Source | None = None,
        rows: Iterable[Condition] = (),
        control: Control | None = None,
    ) -> Exported:
        """Describe a fit.

        Parameters
        ----------
        fit : Fit
        data : DataFrame, optional
            The data before rows were chosen; those of the fit by default.
        source : str, path or Source, optional
            The file that the data were read from, or how; a bundled data set is known again
            without.
        rows : iterable of (column, operator, value)
            The conditions by which the fit's rows were chosen from the data.
        control : Control, optional
            The fit's own by default.

        Raises
        ------
        DataError
            Weights, an offset or a subset that are in no column of the data, data that are no
            DataFrame, or a file of a kind that pandas does not read.
        """
        import pandas as pd

        from mixedwidgets.export_data import source_of

        asked = fit.call
        data = asked.data_then if data is None else data
        if not isinstance(data, pd.DataFrame):
            raise DataError(
                "This fit has no DataFrame to read again, so it cannot be written as code; fit the "
                "model to a DataFrame."
            )
        return cls(
            formula=fit.formula,
            reml=fit.reml,
            weights=_named("weights", asked.weights, data),
            offset=_named("offset", asked.offset, data),
            subset=_named("subset", asked.subset, data),
            na_action=asked.na_action,
            contrasts=asked.contrasts or {},
            control=asked.control if control is None else control,
            rows=tuple(rows),
            source=source_of(data, source),
        )

    def fitting(self, data: str = "data") -> str:
        """The call of ``lmer``, with the data under this name."""
        options: dict[str, Any] = {}
        if not self.reml:
            options["REML"] = False
        if self.control != DEFAULT:
            options["control"] = self.control
        for name in ("subset", "weights", "offset"):
            if getattr(self, name) is not None:
                options[name] = getattr(self, name)
        if self.na_action.removeprefix("na.") != "omit":
            options["na_action"] = self.na_action
        if self.contrasts:
            options["contrasts"] = dict(self.contrasts)
        return f"fit = {call('mw.lmer', self.formula, written=[data], **options)}"


def script(
    formula: str | Exported,
    reml: bool = True,
    data_source: str | None = None,
    *,
    path: str | None = None,
    weights: str | None = None,
    offset: str | None = None,
    contrasts: Mapping[str, Any] | None = None,
    control: Control | None = None,
    rows: Iterable[Condition] = (),
) -> str:
    """Write the Python code that repeats a fit.

    Parameters
    ----------
    formula : str or Exported
        The model formula; or everything at once, and then nothing else.
    reml : bool
        The criterion; REML is the default of ``lmer`` and is not written out.
    data_source : str, optional
        Name of a bundled data set.
    path : str, optional
        The file that the data were read from. Without either, the script reads a CSV file whose
        name the user puts in.
    weights, offset : str, optional
        Names of columns.
    contrasts : dict, optional
        Coding of factors.
    control : Control, optional
    rows : iterable of (column, operator, value)
        The conditions that a row must meet.

    Returns
    -------
    str
        Python source, checked to parse and to call nothing but pandas and mixedwidgets.

    Raises
    ------
    DataError
        A condition or a value that cannot be written, or a file that pandas does not read.
    """
    if isinstance(formula, Exported):
        what = formula
    else:
        what = Exported(
            formula,
            reml,
            weights,
            offset,
            contrasts=contrasts or {},
            control=control or DEFAULT,
            rows=tuple(rows),
            source=Source(dataset=data_source, path=path),
        )
    chosen = [f"data = {rows_where(what.rows)}"] if what.rows else []
    body = [
        *what.source.code(),
        *chosen,
        what.fitting(),
        "print(fit.summary())",
        'print(fit.confint(method="profile"))',
    ]
    text = "\n".join(body)
    return checked(f"{imports_of(text)}\n\n{text}\n")


def _named(role: str, given: Any, data: pd.DataFrame) -> str | None:
    """The column that an argument is, whether it was given by name or by its values."""
    import pandas as pd

    if given is None or isinstance(given, str):
        return given
    name = getattr(given, "name", None)
    if isinstance(given, pd.Series) and name in data and given.equals(data[name]):
        return str(name)
    raise DataError(
        f"The {role} of this fit are in no column of the data, so no code can name them; add them "
        "to the data as a column and give its name."
    )

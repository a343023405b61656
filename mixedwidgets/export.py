"""Choices -> a script that anyone can run: public calls only, every name through repr()."""

from __future__ import annotations

import ast

import pandas as pd

from mixedwidgets.catalogue import datasets, load


def bundled_name(data: pd.DataFrame) -> str | None:
    """Name of the bundled data set that a data frame equals, or None."""
    catalogue = datasets()
    columns = ", ".join(str(name) for name in data.columns)
    alike = catalogue[(catalogue["rows"] == len(data)) & (catalogue["columns"] == columns)]
    return next((str(name) for name in alike["name"] if data.equals(load(str(name)))), None)


def script(formula: str, reml: bool, data_source: str | None) -> str:
    """Write the Python code that repeats a fit.

    Parameters
    ----------
    formula : str
        The model formula.
    reml : bool
        The criterion; REML is the default of ``lmer`` and is not written out.
    data_source : str, optional
        Name of a bundled data set; otherwise the script reads a CSV file whose name the user puts
        in.

    Returns
    -------
    str
        Python source, checked to parse.
    """
    criterion = "" if reml else ", REML=False"
    if data_source is None:
        head = ["import pandas as pd", "", "import mixedwidgets as mw", ""]
        load = [
            "# Read and prepare your data as for the explorer; a file keeps no categories.",
            'data = pd.read_csv("your_data.csv")',
        ]
    else:
        head = ["import mixedwidgets as mw", ""]
        load = [f"data = mw.load({data_source!r})"]
    body = [
        f"fit = mw.lmer({formula!r}, data{criterion})",
        "print(fit.summary())",
        'print(fit.confint(method="profile"))',
    ]
    source = "\n".join([*head, *load, *body]) + "\n"
    ast.parse(source)
    return source

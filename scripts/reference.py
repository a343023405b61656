"""The reference: pages made of the docstrings of what the package offers, read by pdoc."""

from __future__ import annotations

import html
import importlib
import inspect
import re
import warnings
from collections.abc import Iterable
from typing import Any

import pdoc.doc
import pdoc.docstrings
import traitlets

import mixedwidgets as mw
from mixedwidgets import likelihood
from mixedwidgets.homework.results import Grades
from mixedwidgets.plots import figures
from mixedwidgets.widgets.panels.base import Panel
from scripts.formulas import Formulas
from scripts.pages import Page, markdown

PACKAGE = "mixedwidgets"
ROLE = re.compile(r":\w+:`~?([^`]+)`")
PLACE = re.compile(
    r"\b(?:mixedwidgets|pandas|numpy|matplotlib|collections|typing)(?:\.\w+)*\.(\w+)"
)
WIDGETS = (
    "explore Explorer LikelihoodSurface IntervalPlot ProfilePlot DiagnosticsPlot FitSummary "
    "ShrinkagePlot CaterpillarPlot GroupPlot BoundaryPlot OwnData BinomialLikelihood "
    "OneWayExplorer MaximumLikelihood"
)
OF_WIDGETS = {"go", "back", "take", "save_notebook", "show_code"}  # methods for users
SESSION = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
# What pdoc makes of ``**options`` and of a sentence that stands below a list of parameters:
STARS = re.compile(r"\*{4}(\w[^*\n]*)\*\*")
ASIDE = re.compile(r"^ *- \*\*(.+\.)\*\*$", re.MULTILINE)


QUESTIONS = [name for name in mw.questions.__all__ if name[0].isupper()]


def offered() -> dict[str, tuple[str, list[tuple[str, Any]]]]:
    """Return what each page describes: file -> (title, [(name as it is called, object)])."""

    def top(names: str) -> list[tuple[str, Any]]:
        return [(f"mw.{name}", getattr(mw, name)) for name in names.split()]

    results = [(kind.__name__, kind) for kind in returned(mw.Fit) if kind is not mw.Fit]
    theory = [(f"likelihood.{name}", getattr(likelihood, name)) for name in likelihood.__all__]
    drawn = ["zeta", "profile_density", "profile_pairs", "surface", "shrinkage", "caterpillar"]
    return {
        "fitting": ("Fit a model", top("lmer Control anova drop1 Devfun")),
        "fit": ("Fit, a fitted model", [("Fit", mw.Fit)]),
        "results": ("What a fit gives", results),
        "likelihood": ("Likelihood of simple models", theory),
        "widgets": (
            "Widgets",
            [("Panel", Panel), *top(WIDGETS)],
        ),
        "pictures": ("Pictures", [(f"figures.{name}", getattr(figures, name)) for name in drawn]),
        "homework": (
            "Homework",
            [
                *top("Homework Worksheet"),
                ("Grades", Grades),
                *((f"questions.{name}", getattr(mw.questions, name)) for name in QUESTIONS),
            ],
        ),
        "data": (
            "Data and errors",
            top(
                "load datasets fingerprint MixedWidgetsError FormulaError DataError ModelError "
                "MixedWidgetsWarning"
            ),
        ),
    }


def pages(folder: str) -> list[Page]:
    """Return the pages of the reference.

    Parameters
    ----------
    folder : str
        Where they go, relative to the page that lists them.

    Returns
    -------
    list of Page
    """
    with warnings.catch_warnings():
        # pandas has annotations that only a type checker can resolve.
        warnings.filterwarnings("ignore", "Error parsing type annotation", UserWarning)
        return [
            Page(f"{folder}/{name}.html", title, _page(title, entries), "wide reference")
            for name, (title, entries) in offered().items()
        ]


def returned(kind: type) -> list[type]:
    """Return the classes of this package that the public methods of a class give, by name."""
    found = set()
    for member in _documented(kind).members.values():
        if member.name.startswith("_"):
            continue
        text = str(getattr(getattr(member, "signature", None), "return_annotation", ""))
        for module, name in re.findall(r"(mixedwidgets[\w.]*)\.(\w+)", text):
            found.add(getattr(importlib.import_module(module), name))
    return sorted(found, key=lambda kind: kind.__name__)


def _page(title: str, entries: Iterable[tuple[str, Any]]) -> str:
    entries = list(entries)
    rows = "".join(
        f'<tr><td><a href="#{name}"><code>{name}</code></a></td><td>{_first(thing)}</td></tr>'
        for name, thing in entries
    )
    body = "".join(_entry(name, thing) for name, thing in entries)
    contents = f'<div class="scroll"><table class="values">{rows}</table></div>'
    if len(entries) == 1:
        contents = ""
    return f"<h1>{title}</h1>{contents}{body}"


def _entry(name: str, thing: Any) -> str:
    described = _documented(thing)
    inside = _members(name, described) if inspect.isclass(thing) else ""
    signature = _signature(name, described)
    return (
        f'<section class="entry" id="{name}"><h2>{name}</h2>{signature}'
        f"{_prose(described.docstring)}{inside}</section>"
    )


def _members(name: str, described: pdoc.doc.Class) -> str:
    """The values of a class as a table, its methods with their docstrings beneath."""
    own = [m for m in described.members.values() if _is_shown(m, described.obj)]
    values = [m for m in own if m.kind == "variable"]
    methods = [m for m in own if m.kind == "function"]
    rows = "".join(
        f"<tr><td><code>{m.name}</code></td><td>{_prose(m.docstring)}</td></tr>" for m in values
    )
    table = f'<div class="scroll"><table class="values">{rows}</table></div>' if rows else ""
    return table + "".join(
        f'<section class="entry" id="{name}.{m.name}"><h3>{m.name}</h3>'
        f"{_signature(m.name, m)}{_prose(m.docstring)}</section>"
        for m in methods
    )


def _is_shown(member: pdoc.doc.Doc[Any], kind: type) -> bool:
    """Whether a member is for users: public, ours, described, and no machinery of a widget.

    pdoc has of a trait the words of its type; the docstring of the class has better ones.
    """
    if member.name.startswith("_") or not member.taken_from[0].startswith(PACKAGE):
        return False
    if issubclass(kind, traitlets.HasTraits):
        own = member.taken_from[0] == kind.__module__
        value = isinstance(getattr(kind, member.name, None), property)
        return own and (value or member.name in OF_WIDGETS)
    return bool(member.docstring)


def _documented(thing: Any) -> Any:
    """What pdoc knows of a class or function, from the module that it is written in."""
    module = pdoc.doc.Module(importlib.import_module(thing.__module__))
    return module.get(thing.__qualname__)


def _signature(name: str, described: Any) -> str:
    if described.kind == "class" and "Parameters\n" not in described.docstring:
        return ""  # users get one from elsewhere: they do not make it
    made = described.members["__init__"] if described.kind == "class" else described
    signature = made.signature
    if next(iter(signature.parameters), "") == "self":
        signature = made.signature_without_self
    if described.kind == "class":
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    plain = html.escape(PLACE.sub(r"\1", str(signature)))
    return f'<pre class="signature">{name}{plain}</pre>'


def _first(thing: Any) -> str:
    line = inspect.getdoc(thing) or ""
    return markdown(ROLE.sub(r"`\1`", line.split("\n\n")[0]), Formulas())


def _prose(docstring: str) -> str:
    text = ROLE.sub(r"`\1`", inspect.cleandoc(docstring)).replace("``", "`")
    text = SESSION.sub(r"```pycon\n\g<0>\n```\n", text)
    text = pdoc.docstrings.convert(text, "numpy", None)
    text = ASIDE.sub(r"\n\1\n", STARS.sub(r"**\\*\\*\1**", text))
    return markdown(text, Formulas(), exclude_anchor_links=True)

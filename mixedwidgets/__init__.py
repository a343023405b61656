"""mixedwidgets: mixed-effects models you can see.

A fast exact ``lmer`` in numpy and scipy, and Jupyter widgets on top of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mixedwidgets._version import __version__

# Each public name and the module it comes from. They are imported on first use, so that
# ``import mixedwidgets`` loads no widget and no matplotlib.
_PUBLIC = {
    "lmer": "mixedwidgets.lmm.lmer",
    "anova": "mixedwidgets.lmm.compare",
    "drop1": "mixedwidgets.lmm.drop1",
    "Fit": "mixedwidgets.lmm.fit",
    "Control": "mixedwidgets.lmm.control",
    "Devfun": "mixedwidgets.lmm.devfun",
    "explore": "mixedwidgets.widgets.explorer",
    "Explorer": "mixedwidgets.widgets.explorer",
    "LikelihoodSurface": "mixedwidgets.widgets.panels.surface",
    "IntervalPlot": "mixedwidgets.widgets.panels.intervals",
    "ProfilePlot": "mixedwidgets.widgets.panels.profile",
    "DiagnosticsPlot": "mixedwidgets.widgets.panels.diagnostics",
    "FitSummary": "mixedwidgets.widgets.panels.summary",
    "ShrinkagePlot": "mixedwidgets.widgets.panels.shrinkage",
    "CaterpillarPlot": "mixedwidgets.widgets.panels.caterpillar",
    "GroupPlot": "mixedwidgets.widgets.panels.group",
    "BoundaryPlot": "mixedwidgets.widgets.panels.boundary",
    "OwnData": "mixedwidgets.widgets.own_data",
    "maximize": "mixedwidgets.likelihood.maximize",
    "minimize": "mixedwidgets.likelihood.maximize",
    "oneway": "mixedwidgets.likelihood",
    "mll_oneway": "mixedwidgets.likelihood",
    "ldmvnorm": "mixedwidgets.likelihood",
    "binomial_interval": "mixedwidgets.likelihood",
    "MaximumLikelihood": "mixedwidgets.widgets.theory.maximum",
    "BinomialLikelihood": "mixedwidgets.widgets.theory.binomial",
    "OneWayExplorer": "mixedwidgets.widgets.theory.oneway",
    "Homework": "mixedwidgets.homework.homework",
    "Worksheet": "mixedwidgets.widgets.answers.worksheet",
    "fingerprint": "mixedwidgets.fingerprints",
    "load": "mixedwidgets.catalogue",
    "datasets": "mixedwidgets.catalogue",
    "MixedWidgetsError": "mixedwidgets.errors",
    "FormulaError": "mixedwidgets.errors",
    "DataError": "mixedwidgets.errors",
    "ModelError": "mixedwidgets.errors",
    "MixedWidgetsWarning": "mixedwidgets.errors",
}

# Public modules, imported on first use too.
_MODULES = {"questions": "mixedwidgets.homework.questions"}

__all__ = [
    "BinomialLikelihood",
    "BoundaryPlot",
    "CaterpillarPlot",
    "Control",
    "DataError",
    "Devfun",
    "DiagnosticsPlot",
    "Explorer",
    "Fit",
    "FitSummary",
    "FormulaError",
    "GroupPlot",
    "Homework",
    "IntervalPlot",
    "LikelihoodSurface",
    "MaximumLikelihood",
    "MixedWidgetsError",
    "MixedWidgetsWarning",
    "ModelError",
    "OneWayExplorer",
    "OwnData",
    "ProfilePlot",
    "ShrinkagePlot",
    "Worksheet",
    "__version__",
    "anova",
    "binomial_interval",
    "datasets",
    "drop1",
    "explore",
    "fingerprint",
    "ldmvnorm",
    "lmer",
    "load",
    "maximize",
    "minimize",
    "mll_oneway",
    "oneway",
    "questions",
]

if TYPE_CHECKING:
    from mixedwidgets.catalogue import datasets, load
    from mixedwidgets.errors import (
        DataError,
        FormulaError,
        MixedWidgetsError,
        MixedWidgetsWarning,
        ModelError,
    )
    from mixedwidgets.fingerprints import fingerprint
    from mixedwidgets.homework import questions
    from mixedwidgets.homework.homework import Homework
    from mixedwidgets.likelihood import binomial_interval, ldmvnorm, mll_oneway, oneway
    from mixedwidgets.likelihood.maximize import maximize, minimize
    from mixedwidgets.lmm.compare import anova
    from mixedwidgets.lmm.control import Control
    from mixedwidgets.lmm.devfun import Devfun
    from mixedwidgets.lmm.drop1 import drop1
    from mixedwidgets.lmm.fit import Fit
    from mixedwidgets.lmm.lmer import lmer
    from mixedwidgets.widgets.answers.worksheet import Worksheet
    from mixedwidgets.widgets.explorer import Explorer, explore
    from mixedwidgets.widgets.own_data import OwnData
    from mixedwidgets.widgets.panels.boundary import BoundaryPlot
    from mixedwidgets.widgets.panels.caterpillar import CaterpillarPlot
    from mixedwidgets.widgets.panels.diagnostics import DiagnosticsPlot
    from mixedwidgets.widgets.panels.group import GroupPlot
    from mixedwidgets.widgets.panels.intervals import IntervalPlot
    from mixedwidgets.widgets.panels.profile import ProfilePlot
    from mixedwidgets.widgets.panels.shrinkage import ShrinkagePlot
    from mixedwidgets.widgets.panels.summary import FitSummary
    from mixedwidgets.widgets.panels.surface import LikelihoodSurface
    from mixedwidgets.widgets.theory.binomial import BinomialLikelihood
    from mixedwidgets.widgets.theory.maximum import MaximumLikelihood
    from mixedwidgets.widgets.theory.oneway import OneWayExplorer


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'mixedwidgets' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

"""Likelihood theory in numpy and scipy, for models simple enough to write down."""

from mixedwidgets.likelihood.anova import AnovaTable, GroupMeans, OneWay, oneway
from mixedwidgets.likelihood.binary import BinaryModel, BinomialModel
from mixedwidgets.likelihood.components import Components
from mixedwidgets.likelihood.groups import Groups
from mixedwidgets.likelihood.intervals import (
    BinomialInterval,
    BinomialIntervals,
    binomial_interval,
    binomial_intervals,
)
from mixedwidgets.likelihood.maximize import maximize, minimize
from mixedwidgets.likelihood.maximum import Maximum
from mixedwidgets.likelihood.models import (
    Contributions,
    OneWayModel,
    OneWayParameters,
    mll_oneway,
    oneway_contributions,
)
from mixedwidgets.likelihood.mvnorm import ldmvnorm
from mixedwidgets.likelihood.normal import NormalModel, NormalParameters

__all__ = [
    "AnovaTable",
    "BinaryModel",
    "BinomialInterval",
    "BinomialIntervals",
    "BinomialModel",
    "Components",
    "Contributions",
    "GroupMeans",
    "Groups",
    "Maximum",
    "NormalModel",
    "NormalParameters",
    "OneWay",
    "OneWayModel",
    "OneWayParameters",
    "binomial_interval",
    "binomial_intervals",
    "ldmvnorm",
    "maximize",
    "minimize",
    "mll_oneway",
    "oneway",
    "oneway_contributions",
]

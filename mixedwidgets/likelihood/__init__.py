"""Likelihood theory in plain numpy, for models simple enough to write down."""

from mixedwidgets.likelihood.models import mll_oneway
from mixedwidgets.likelihood.moments import OneWayMoments, oneway_moments

__all__ = ["OneWayMoments", "mll_oneway", "oneway_moments"]

"""The kinds of questions that a homework is made of; ``mw.questions``."""

from mixedwidgets.homework.questions.binomial import BinomialLikelihood, BinomialMLE
from mixedwidgets.homework.questions.choosing import ChooseModel
from mixedwidgets.homework.questions.failing import WhichIntervalFails
from mixedwidgets.homework.questions.fits import RandomInterceptFit, RandomSlopeFit
from mixedwidgets.homework.questions.information import Information
from mixedwidgets.homework.questions.numbering import identified
from mixedwidgets.homework.questions.oneway import MomentsAgainstML, OneWayLikelihood
from mixedwidgets.homework.questions.own import OwnQuestion
from mixedwidgets.homework.questions.placing import PlacePoint
from mixedwidgets.homework.questions.predicting import PredictThenReveal
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.questions.shrinkage import ShrunkenMean

__all__ = [
    "BinomialLikelihood",
    "BinomialMLE",
    "ChooseModel",
    "Information",
    "MomentsAgainstML",
    "OneWayLikelihood",
    "OwnQuestion",
    "PlacePoint",
    "PredictThenReveal",
    "Question",
    "RandomInterceptFit",
    "RandomSlopeFit",
    "ShrunkenMean",
    "WhichIntervalFails",
    "identified",
]

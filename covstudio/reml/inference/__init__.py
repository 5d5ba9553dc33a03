"""Inference from a fit: errors, intervals, profiles, tests, predictions, comparisons, simulation."""

from covstudio.reml.inference.accuracy import Accuracy
from covstudio.reml.inference.bootstrap import Bootstrap, BootstrapTest
from covstudio.reml.inference.compare import compare
from covstudio.reml.inference.comparison import Comparison, LikelihoodRatio
from covstudio.reml.inference.components import Component, Components
from covstudio.reml.inference.conditional import ConditionalAic
from covstudio.reml.inference.effects import PredictedEffects, Residuals
from covstudio.reml.inference.fixed import Effect, FixedEffects, WaldTest, WaldTests
from covstudio.reml.inference.functions import FunctionEstimate
from covstudio.reml.inference.inference import Inference
from covstudio.reml.inference.influence import Influence
from covstudio.reml.inference.intervals import Intervals, ParameterInterval
from covstudio.reml.inference.new_levels import Wider
from covstudio.reml.inference.parts import FittedPart
from covstudio.reml.inference.prediction import Prediction
from covstudio.reml.inference.profile import Profile, ProfilePoint
from covstudio.reml.inference.surface import Surface

__all__ = [
    "Accuracy",
    "Bootstrap",
    "BootstrapTest",
    "Comparison",
    "Component",
    "Components",
    "ConditionalAic",
    "Effect",
    "FittedPart",
    "FixedEffects",
    "FunctionEstimate",
    "Inference",
    "Influence",
    "Intervals",
    "LikelihoodRatio",
    "ParameterInterval",
    "PredictedEffects",
    "Prediction",
    "Profile",
    "ProfilePoint",
    "Residuals",
    "Surface",
    "WaldTest",
    "WaldTests",
    "Wider",
    "compare",
]

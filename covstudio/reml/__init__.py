"""Restricted maximum likelihood: variance parameters, fixed effects and predictions for y ~ N(X beta, V).

`fit` is the way in; `REML` gives the pieces one at a time, in the manner of torch-openreml.
"""

from covstudio.reml.diagnosis.combinations import Estimable
from covstudio.reml.diagnosis.identifiability import Confounded
from covstudio.reml.engines.dense.candidate import DENSE_LIMIT
from covstudio.reml.fitting.choose import Explanation, explain
from covstudio.reml.fitting.fit import fit
from covstudio.reml.fitting.result import Fit
from covstudio.reml.inference import Inference, compare
from covstudio.reml.inference.frames import augment, glance, tidy
from covstudio.reml.problem.errors import (
    FitCancelled,
    FitError,
    InvalidData,
    InvalidModel,
    NotPositiveDefinite,
    RankDeficient,
    TooManyRows,
)
from covstudio.reml.problem.iteration import Iteration
from covstudio.reml.stepwise import post
from covstudio.reml.stepwise.marginal import MarginalREML, MixedModelREML
from covstudio.reml.stepwise.reml import REML
from covstudio.reml.terms.random_effects import RandomEffect

__all__ = [
    "DENSE_LIMIT",
    "REML",
    "Confounded",
    "Estimable",
    "Explanation",
    "Fit",
    "FitCancelled",
    "FitError",
    "Inference",
    "InvalidData",
    "InvalidModel",
    "Iteration",
    "MarginalREML",
    "MixedModelREML",
    "NotPositiveDefinite",
    "RandomEffect",
    "RankDeficient",
    "TooManyRows",
    "augment",
    "compare",
    "explain",
    "fit",
    "glance",
    "post",
    "tidy",
]

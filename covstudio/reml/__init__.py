"""Restricted maximum likelihood: variance parameters, fixed effects and predictions for y ~ N(X beta, V).

`fit` is the way in; `REML` gives the pieces one at a time, in the manner of torch-openreml.
"""

from covstudio.reml.blup import RandomEffect
from covstudio.reml.combinations import Estimable
from covstudio.reml.dense import DENSE_LIMIT
from covstudio.reml.engines import Explanation, explain
from covstudio.reml.errors import (
    FitCancelled,
    FitError,
    InvalidData,
    InvalidModel,
    NotPositiveDefinite,
    RankDeficient,
    TooManyRows,
)
from covstudio.reml.estimation import fit
from covstudio.reml.fit import Fit, Iteration
from covstudio.reml.identifiability import Confounded
from covstudio.reml.inference import Inference, compare
from covstudio.reml.reml import REML

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
    "NotPositiveDefinite",
    "RandomEffect",
    "RankDeficient",
    "TooManyRows",
    "compare",
    "explain",
    "fit",
]

"""From a document and a table to a fit: the one place where the model, the data and the estimation meet.

The app, the command line and notebooks all fit through `estimate`, so that the same document gives the same
numbers.
"""

from covstudio.estimate.after import After
from covstudio.estimate.answers import asked
from covstudio.estimate.covariances import varcorr
from covstudio.estimate.derived import Quantity
from covstudio.estimate.fitted import Estimate, derive, estimate, outlook
from covstudio.estimate.inferred import Inferred
from covstudio.estimate.means import Means
from covstudio.estimate.model import Assembled, ModelError, assemble, design_of
from covstudio.estimate.omitted import mixture_words
from covstudio.estimate.predicted import ranef
from covstudio.estimate.stages import FirstStage, first_stage
from covstudio.estimate.tables import tables

__all__ = [
    "After",
    "Assembled",
    "Estimate",
    "FirstStage",
    "Inferred",
    "Means",
    "ModelError",
    "Quantity",
    "asked",
    "assemble",
    "derive",
    "design_of",
    "estimate",
    "first_stage",
    "mixture_words",
    "outlook",
    "ranef",
    "tables",
    "varcorr",
]

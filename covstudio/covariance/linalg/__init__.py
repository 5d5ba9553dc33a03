"""The algebra of matrices that are not written out: open functions with rules per class."""

from covstudio.covariance.linalg.functions import *  # noqa: F403
from covstudio.covariance.linalg.functions import __all__ as __all__

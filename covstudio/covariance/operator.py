"""The name of the base of all operators in torch-openreml; it lives in `covstudio.covariance.core`."""

from covstudio.covariance.core.operator import *  # noqa: F403
from covstudio.covariance.core.operator import __all__ as __all__

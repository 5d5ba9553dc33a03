"""The name of the base of all matrices in torch-openreml; it lives in `covstudio.covariance.core`."""

from covstudio.covariance.core.matrix import *  # noqa: F403
from covstudio.covariance.core.matrix import __all__ as __all__

"""The public name of the transforms; they live in `covstudio.covariance.parameters`."""

from covstudio.covariance.parameters.transforms import *  # noqa: F403
from covstudio.covariance.parameters.transforms import __all__ as __all__

"""The public name of the cheap algebra; it lives in `covstudio.covariance.linalg`."""

from covstudio.covariance.linalg import *  # noqa: F403
from covstudio.covariance.linalg import __all__ as __all__

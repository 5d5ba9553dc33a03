"""The public name of estimates at a given V; they live in `covstudio.reml.stepwise.post`."""

from covstudio.reml.stepwise.post import *  # noqa: F403
from covstudio.reml.stepwise.post import __all__ as __all__

"""covstudio: design, understand and fit a covariance structure."""

__version__ = "0.2.0"

"""covstudio: design, understand and fit a covariance structure."""

__version__ = "0.1.0"

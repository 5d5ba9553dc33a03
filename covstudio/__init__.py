"""covstudio: design, understand and fit a covariance structure."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covstudio.fitting import fit as fit

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """`covstudio.fit`, loaded when it is first asked for: to import the package takes no time."""
    if name == "fit":
        from covstudio.fitting import fit

        return fit
    raise AttributeError(f"module 'covstudio' has no attribute {name!r}")

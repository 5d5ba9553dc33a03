"""covstudio: design, understand and fit a covariance structure."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from covstudio import notebook as notebook
from covstudio import plots as plots

if TYPE_CHECKING:
    from covstudio.fitting import fit as fit
    from covstudio.fitting import read_fit as read_fit
    from covstudio.studio.page.widget import Studio as Studio
    from covstudio.studio.page.widget import explore as explore

__version__ = "0.2.0"

#: The faces of the package, loaded when first asked for: to import it takes no time.
_LATER = {
    "fit": "covstudio.fitting",
    "read_fit": "covstudio.fitting",
    "Studio": "covstudio.studio.page.widget",
    "explore": "covstudio.studio.page.widget",
}


def __getattr__(name: str) -> Any:
    """A face of the package, from where it is made."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'covstudio' has no attribute {name!r}")

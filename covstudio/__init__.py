"""covstudio: design, understand and fit a covariance structure."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from covstudio import notebook as notebook
from covstudio import plots as plots
from covstudio.registry import give

if TYPE_CHECKING:
    from covstudio.choosing import advise as advise
    from covstudio.choosing import choose as choose
    from covstudio.choosing import compare as compare
    from covstudio.fitting import fit as fit
    from covstudio.fitting import read_fit as read_fit
    from covstudio.reporting import report as report
    from covstudio.studio.page.widget import Studio as Studio
    from covstudio.studio.page.widget import explore as explore
    from covstudio.templated import fit_template as fit_template

__version__ = "0.2.0"

#: The faces of the package, loaded when first asked for: to import it takes no time.
_LATER = {
    "advise": "covstudio.choosing",
    "choose": "covstudio.choosing",
    "compare": "covstudio.choosing",
    "fit": "covstudio.fitting",
    "fit_template": "covstudio.templated",
    "read_fit": "covstudio.fitting",
    "report": "covstudio.reporting",
    "Studio": "covstudio.studio.page.widget",
    "explore": "covstudio.studio.page.widget",
}

# The app's pool serves whoever fits several models from Python.
give({"fits.side_by_side": "covstudio.studio.fit.side_by_side:run"})


def __getattr__(name: str) -> Any:
    """A face of the package, from where it is made."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'covstudio' has no attribute {name!r}")

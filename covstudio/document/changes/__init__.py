"""Changes of a document, and their history."""

from covstudio.document.changes.all import *  # noqa: F403
from covstudio.document.changes.all import __all__ as __all__

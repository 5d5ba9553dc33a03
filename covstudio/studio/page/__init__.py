"""The page as a whole, and its server."""

from covstudio.studio.page.page import Page
from covstudio.studio.page.server import serve

__all__ = ["Page", "serve"]

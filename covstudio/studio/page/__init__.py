"""The page as a whole, and its server."""

from covstudio.studio.page.page import Page, serve

__all__ = ["Page", "serve"]

"""What goes wrong in a page while nobody looks: an error, a dialog, a request to another host."""

from __future__ import annotations

from urllib.parse import urlparse

from playwright.sync_api import Dialog, Page

LOCAL = {"localhost", "127.0.0.1", "::1"}


def foreign(url: str) -> bool:
    """True for an address on another machine."""
    parts = urlparse(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL


class Watched:
    """Pages that are watched, and what went wrong in them."""

    def __init__(self) -> None:
        self._trouble: list[str] = []

    def watch(self, page: Page) -> Page:
        """Watch a page from now on."""
        trouble = self._trouble
        page.on("pageerror", lambda error: trouble.append(f"error in the page: {error}"))
        page.on(
            "console", lambda message: message.type == "error" and trouble.append(f"console: {message.text}")
        )
        page.on("dialog", self._dismiss)
        page.on(
            "request", lambda request: foreign(request.url) and trouble.append(f"request to {request.url}")
        )
        page.on("websocket", lambda socket: foreign(socket.url) and trouble.append(f"socket to {socket.url}"))
        return page

    def check(self) -> None:
        """Say what went wrong since this was asked last.

        Raises:
            AssertionError: something did.
        """
        trouble = self._trouble.copy()
        self._trouble.clear()
        assert not trouble, "\n".join(trouble)

    def _dismiss(self, dialog: Dialog) -> None:
        self._trouble.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

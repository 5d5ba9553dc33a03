"""The messages of the code view."""

from __future__ import annotations

from covstudio.studio.session.messages import Message, State, Wire
from covstudio.studio.session.shared import ClipboardText, Named


class CodeState(State, frozen=True):
    """The program, or why there is none."""

    code: str | None
    long: bool
    name: str
    language: str
    languages: list[Named]
    keywords: list[str]
    reason: str | None
    problems: list[str]


class Copy(Message, frozen=True):
    """The whole program is wanted on the clipboard; the page holds only its beginning."""


class Download(Message, frozen=True):
    """The program is wanted as a file."""


class Language(Message, frozen=True):
    """The program is wanted in another language."""

    name: str


CODE = Wire("code", CodeState, up=(Copy, Download, Language), down=(ClipboardText,))

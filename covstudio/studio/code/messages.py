"""The messages of the code view."""

from __future__ import annotations

from covstudio.studio.session.messages import Message, Part, State, Wire


class CodeLanguage(Part, frozen=True):
    """A language that has an exporter."""

    name: str
    label: str


class CodeState(State, frozen=True):
    """The program, or why there is none."""

    code: str | None
    long: bool
    name: str
    language: str
    languages: list[CodeLanguage]
    keywords: list[str]
    reason: str | None
    problems: list[str]


class CopyText(Message, frozen=True):
    """A text for the clipboard."""

    text: str


class Copy(Message, frozen=True):
    """The whole program is wanted on the clipboard; the page holds only its beginning."""


class Download(Message, frozen=True):
    """The program is wanted as a file."""


class Language(Message, frozen=True):
    """The program is wanted in another language."""

    name: str


CODE = Wire("code", CodeState, up=(Copy, Download, Language), down=(CopyText,))

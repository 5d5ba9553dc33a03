"""Settings of whoever runs the app: each declared once, a variable and an option of `covstudio serve`.

An option of the command line is written into the environment, so that every process of the server, and the
processes that run fits, know it. docs/deployment.md lists them all.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["SETTINGS", "Setting"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """One setting.

    Attributes:
        name: as an option, without its dashes; its variable is COVSTUDIO_ and the name in capitals.
        default: what holds where nobody said anything.
        read: the value of a text; raises ValueError where it makes no sense.
        expected: what a text has to be, for the sentence that refuses another.
        what: what it does, for the help and the docs.
        metavar: what stands for the value in the help.

    Example:
        >>> os.environ["COVSTUDIO_SESSION_MINUTES"] = "30"
        >>> SESSION_MINUTES()
        30.0
        >>> del os.environ["COVSTUDIO_SESSION_MINUTES"]
        >>> SESSION_MINUTES()
        15.0
    """

    name: str
    default: Value
    read: Callable[[str], Value]
    expected: str
    what: str
    metavar: str = "N"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "COVSTUDIO_" + self.name.replace("-", "_").upper()

    def __call__(self) -> Value:
        """The value that holds now.

        Raises:
            ValueError: the environment says something that makes no sense.
        """
        text = os.environ.get(self.variable, "").strip()
        return self.of(text, self.variable) if text else self.default

    def of(self, text: str, called: str) -> Value:
        """The value of a text.

        Args:
            text: what somebody has written.
            called: where, for the sentence: a variable or an option.

        Raises:
            ValueError: it makes no sense.
        """
        try:
            return self.read(text)
        except ValueError:
            raise ValueError(
                f"{called} is {text!r:.40}, and {self.expected} is expected. {self.what} Set it so, or "
                f"{'leave it out' if called.startswith('-') else 'unset it'} for {self.said}."
            ) from None

    @property
    def said(self) -> str:
        """The default in words."""
        if self.default is None or self.default == "" or self.default == ():
            return "what is usual" if self.default is None else "none"
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)


def _whole(low: int, high: int) -> tuple[Callable[[str], int], str]:
    """Reads a whole number of a range, and says what it reads."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return read, f"a whole number from {low} to {high}"


def _number(low: float, high: float) -> tuple[Callable[[str], float], str]:
    """Reads a number of a range, and says what it reads."""

    def read(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and low <= number <= high):
            raise ValueError
        return number

    return read, f"a number from {low:g} to {high:g}"


def _yes(text: str) -> bool:
    if text.lower() not in ("1", "yes", "true", "0", "no", "false"):
        raise ValueError
    return text.lower() in ("1", "yes", "true")


def _prefix(text: str) -> str:
    text = text.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", text):
        raise ValueError
    return "/" + text


def _sites(text: str) -> tuple[str, ...]:
    sites = tuple(text.replace(",", " ").split())
    if not all(re.fullmatch(r"https?://[A-Za-z0-9.:\[\]*-]+", site) for site in sites):
        raise ValueError
    return sites


def _scheduler(text: str) -> str:
    if not re.fullmatch(r"([a-z][a-z0-9+.-]*://)?(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):\d{1,5}(/\S*)?", text):
        raise ValueError
    return text


# --- who may come, and how

PREFIX = Setting(
    "prefix",
    "",
    _prefix,
    "a path such as /tools/covstudio",
    "The path under which a proxy hands the app on.",
    "PATH",
)
PROXY_HEADERS = Setting(
    "proxy-headers",
    False,
    _yes,
    "1 or 0",
    "Whether to believe X-Forwarded-For and X-Forwarded-Proto: only behind a proxy that sets them.",
    "",
)
EMBED_IN = Setting[tuple[str, ...]](
    "embed-in",
    (),
    _sites,
    "a list of origins such as https://course.example.org",
    "The sites that may show the app in a frame; no other may.",
    "ORIGINS",
)
BASIC_AUTH = Setting(
    "basic-auth",
    "",
    str,
    "a password, or a JSON file of names and passwords",
    "Lets in only who knows a password.",
    "FILE",
)
OAUTH_PROVIDER = Setting(
    "oauth-provider",
    "",
    str,
    "a provider of Panel's, such as github",
    "Lets in whom this provider knows; PANEL_OAUTH_KEY and PANEL_OAUTH_SECRET go with it.",
    "NAME",
)

# --- how much of the machine

PROCESSES = Setting(
    "processes", 1, *_whole(1, 64), "How many processes serve pages; on Windows there can be one only."
)
SESSION_MINUTES = Setting(
    "session-minutes",
    15.0,
    *_number(0.1, 10_080),
    "How long a session without its page is kept: a lid closed, a network lost.",
)
MAX_SESSIONS = Setting(
    "max-sessions", 200, *_whole(1, 100_000), "The most sessions; who comes then is asked to try again later."
)
MAX_IDLE = Setting(
    "max-idle",
    50,
    *_whole(1, 100_000),
    "The most sessions without their page; those that have been so for longest are closed first.",
)
UPLOAD_MB = Setting(
    "upload-mb",
    100,
    *_whole(1, 2000),
    "The largest table, in MB; a model, which has its table in it, may be 2.5 times that.",
)
MODEL_GB = Setting(
    "model-gb",
    2.0,
    *_number(0.01, 10_000),
    "The most memory that the matrices of one model may take to be shown, in GB.",
)
MODEL_SECONDS = Setting(
    "model-seconds",
    60.0,
    *_number(0.1, 100_000),
    "The most time that they may take to be evaluated once, as it is counted from their sizes.",
)
READ_GB = Setting(
    "read-gb",
    4.0,
    *_number(0.1, 10_000),
    "The most memory that reading one table may take, in GB, where the system can bound it (Linux).",
)
WORKERS = Setting[int | None](
    "workers",
    None,
    *_whole(1, 9999),
    "How many fits may run side by side; by default half the processors, and at least two.",
)
FITS_PER_SESSION = Setting(
    "fits-per-session", 2, *_whole(1, 1000), "How many workers one session may have; its other fits wait."
)
ABANDONED_SECONDS = Setting(
    "abandoned-seconds",
    20.0,
    *_number(0.0, 86_400),
    "How long a fit goes on after its tab was closed; a page that was loaded again takes it up meanwhile.",
)
SCHEDULER = Setting(
    "scheduler",
    "",
    _scheduler,
    "an address such as tcp://10.0.0.5:8786",
    "The scheduler of a Dask cluster that fits run on (docs/dask.md).",
    "ADDRESS",
)

#: Every setting, in the order of the help.
SETTINGS: tuple[Setting[Any], ...] = (
    PREFIX,
    PROXY_HEADERS,
    EMBED_IN,
    BASIC_AUTH,
    OAUTH_PROVIDER,
    PROCESSES,
    SESSION_MINUTES,
    MAX_SESSIONS,
    MAX_IDLE,
    UPLOAD_MB,
    MODEL_GB,
    MODEL_SECONDS,
    READ_GB,
    WORKERS,
    FITS_PER_SESSION,
    ABANDONED_SECONDS,
    SCHEDULER,
)

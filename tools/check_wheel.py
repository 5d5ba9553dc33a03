"""Installs the wheel that `make dist` has built into an environment of its own, and uses it there.

Away from the repository the command answers, the program of the README runs, and the served page arrives with
all that it loads.

    python tools/check_wheel.py [FOLDER]
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).parents[1]


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    wheels = [path.resolve() for path in folder.glob("*.whl")]
    if len(wheels) != 1:
        raise SystemExit(f"{folder} should hold one wheel and holds {len(wheels)}. Build it: make dist")
    with tempfile.TemporaryDirectory() as place:
        scripts = installed(wheels[0], Path(place))
        command = str(scripts / "covstudio")
        subprocess.run([command, "--version"], cwd=place, check=True)
        subprocess.run([command, "--help"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
        assert program is not None
        subprocess.run([str(scripts / "python"), "-c", program[1]], cwd=place, check=True)
        served(command, place)
    return 0


def installed(wheel: Path, place: Path) -> Path:
    """The folder of the commands of a new environment that a wheel is installed in."""
    venv.create(place / "env", with_pip=True)
    scripts = place / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    subprocess.run([python, str(ROOT / "tools/torch_cpu.py")], check=True)
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    return scripts


def served(command: str, place: str) -> None:
    """Serve the app, fetch its page and every script and style that this names, and stop it.

    Raises:
        SystemExit: the app prints no address, or something of the page does not arrive.
    """
    serve = [command, "serve", "--port", "0"]
    process = subprocess.Popen(serve, cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if "http://" in line), "")
        if not said:
            raise SystemExit("covstudio serve ended without printing its address.")
        url = said.split()[-1]
        page = fetched(url)
        parts = re.findall(r"(?:src|href)=\"([^\"]+\.(?:js|css|svg)[^\"]*)\"", page)
        for part in parts:
            fetched(urljoin(f"{url}/", part))
        print(f"{said.strip()}; its page loads {len(parts)} scripts and styles")
    finally:
        # As Ctrl-C does it, where a process can be told so.
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        process.wait()


def fetched(url: str) -> str:
    """What an address of this machine delivers; an error status raises, and so does an empty answer."""
    with urllib.request.urlopen(url, timeout=60) as reply:
        content = reply.read().decode("utf-8")
    if not content:
        raise SystemExit(f"{url} delivers nothing.")
    return content


if __name__ == "__main__":
    raise SystemExit(main())

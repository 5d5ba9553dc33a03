"""Checks the distributions that `make dist` has built.

Every file of the repository is in the source distribution and every file of the package in the wheel, but for
the page's sources, whose bundle is; nothing else is in either, and what PyPI shows of the README holds no
relative address.

    python tools/check_distributions.py [FOLDER]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The page's sources, of which people who install covstudio need none.
PAGE = "covstudio/studio/frontend/"
#: What setuptools writes into a source distribution by itself.
MADE = re.compile(r"PKG-INFO|setup\.cfg|covstudio\.egg-info/.*")


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    wheel, source = one(folder, "*.whl"), one(folder, "*.tar.gz")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = set(listed.stdout.split("\0")) - {""}
    code = {name for name in tracked if name.startswith("covstudio/") and not name.startswith(PAGE)}
    problems = [
        *differences("the wheel", in_wheel(wheel), code),
        *differences("the source distribution", in_source(source), tracked),
        *relative_addresses(wheel),
    ]
    print("\n".join(problems) or f"{wheel.name} and {source.name} hold what they should.")
    return bool(problems)


def one(folder: Path, pattern: str) -> Path:
    """The only file of a pattern in a folder."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SystemExit(f"{folder} should hold one {pattern} and holds {names}. Build anew: make dist")
    return found[0]


def in_wheel(path: Path) -> set[str]:
    """The files of a wheel without its metadata."""
    with zipfile.ZipFile(path) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


def in_source(path: Path) -> set[str]:
    """The files of a source distribution but for those that the build has made."""
    with tarfile.open(path) as source:
        names = {member.name.partition("/")[2] for member in source if member.isfile()}
    return {name for name in names if not MADE.fullmatch(name)}


def differences(what: str, found: set[str], expected: set[str]) -> list[str]:
    """One line for each file that is missing, or that is there and should not be."""
    return [f"{what} lacks {name}" for name in sorted(expected - found)] + [
        f"{what} has {name}, which is not in the repository" for name in sorted(found - expected)
    ]


def relative_addresses(wheel: Path) -> list[str]:
    """One line for each link or picture of the long description that leads nowhere outside the repository."""
    with zipfile.ZipFile(wheel) as content:
        name = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        text = message_from_bytes(content.read(name)).get_payload()
    found = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"|^\[[^]]+\]: (\S+)", text, re.MULTILINE)
    addresses = ["".join(forms) for forms in found]
    if not addresses:
        return ["the metadata of the wheel has no README with links"]
    return [
        f"README.md has the relative address {address}"
        for address in addresses
        if not address.startswith(("https://", "#"))
    ]


if __name__ == "__main__":
    raise SystemExit(main())

"""Prints what the changelog says of a version, and refuses one that the tree cannot be released as.

python tools/release_notes.py 0.2.0
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNRELEASED = "Unreleased"


def main() -> int:
    if len(sys.argv) != 2:
        raise SystemExit("A version was expected: python tools/release_notes.py 0.2.0")
    found = problems(version := sys.argv[1])
    print("\n".join(found) or sections()[version], file=sys.stderr if found else sys.stdout)
    return bool(found)


def problems(version: str) -> list[str]:
    """One line for each reason why the tree cannot be released as a version: empty when it can."""
    changelog, found = sections(), []
    if declared() != version:
        found.append(f"covstudio/__init__.py says {declared()}, and {version} is released. Set __version__.")
    if not changelog.get(version):
        found.append(f"CHANGELOG.md has nothing under [{version}]. Head with it what is released.")
    if changelog.get(UNRELEASED) != "":
        found.append(f"CHANGELOG.md needs an empty [{UNRELEASED}]: what is in it is released now.")
    if citation() != (version, dates().get(version)):
        found.append(
            f"CITATION.cff cites {' of '.join(citation())}; expected were {version} and the date in "
            f"CHANGELOG.md, {dates().get(version)}. Set version and date-released."
        )
    return found


def declared() -> str:
    """The version that the package says it has."""
    return _value(r'^__version__ = "([^"]+)"$', "covstudio/__init__.py")


def citation() -> tuple[str, str]:
    """The version and the date that CITATION.cff cites."""
    return _value(r"^version: (\S+)$", "CITATION.cff"), _value(r"^date-released: (\S+)$", "CITATION.cff")


def sections() -> dict[str, str]:
    """What the changelog says of each version, and of what is not released yet."""
    text = re.sub(r"^\[[^]]+\]: .*\n", "", _text("CHANGELOG.md"), flags=re.MULTILINE)
    parts = re.split(r"^## \[([^]]+)\].*\n", text, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def dates() -> dict[str, str]:
    """The date of each released version by the changelog."""
    return dict(re.findall(r"^## \[([^]]+)\] - (\d{4}-\d\d-\d\d)$", _text("CHANGELOG.md"), re.MULTILINE))


def _value(pattern: str, file: str) -> str:
    found = re.search(pattern, _text(file), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{file} has no line like {pattern}.")
    return found[1]


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())

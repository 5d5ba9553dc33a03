"""Writes the table of settings in docs/deployment.md from their declarations.

Usage: python tools/settings_page.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from covstudio.settings import SETTINGS

PAGE = Path(__file__).parents[1] / "docs" / "deployment.md"
HEAD = "| option | variable | default | |\n|---|---|---|---|\n"


def table() -> str:
    """The rows of all settings."""
    rows = []
    for one in SETTINGS:
        option = f"--{one.name}" + (f" {one.metavar}" if one.metavar else "")
        rows.append(f"| `{option}` | {one.variable} | {one.said} | {one.what} |\n")
    return "".join(rows)


def written(page: str) -> str:
    """The page with the table as it is declared."""
    return re.sub(re.escape(HEAD) + r"(?:SETTINGS\n|\| `--.*\n)*", lambda _: HEAD + table(), page, count=1)


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(written(page) != page)
    PAGE.write_text(written(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

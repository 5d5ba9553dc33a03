"""Write the counts that the pages name, such as how many structures there are: `make docs`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from covstudio.covariance import catalogue  # noqa: E402
from covstudio.document.files.templates import templates  # noqa: E402
from covstudio.reml.engines.registry import CANDIDATES  # noqa: E402

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def counts() -> dict[str, int]:
    """What is counted, and how many of it there are."""
    built_in = [entry for entry in catalogue() if entry.cls.__module__.startswith("covstudio.")]
    return {"structures": len(built_in), "engines": len(CANDIDATES), "templates": len(templates())}


def pages() -> list[Path]:
    """The pages that speak of the present; the changelog speaks of what was."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page for page in found if page.name != "CHANGELOG.md")


def pattern(known: Mapping[str, int]) -> re.Pattern[str]:
    """A number, in digits or as a word, before the name of what is counted."""
    return re.compile(rf"\b(\d+|{'|'.join(WORDS)})(?= ({'|'.join(known)})\b)", re.IGNORECASE)


def counted(text: str, known: Mapping[str, int]) -> str:
    """The text with the right counts, each in digits or as a word as it was.

    Args:
        text: of a page.
        known: what is counted, and how many there are.
    """

    def right(match: re.Match[str]) -> str:
        count, written = known[match[2].lower()], match[1]
        if written.isdigit() or count >= len(WORDS):
            return str(count)
        return WORDS[count].capitalize() if written[0].isupper() else WORDS[count]

    return pattern(known).sub(right, text)


def main() -> None:
    """Correct the pages, and say which."""
    known = counts()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (now := counted(text, known)) != text:
            page.write_text(now, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: counts corrected")


if __name__ == "__main__":
    main()

"""Writes the JSON schema of every message of the studio, from which the page's types are made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from covstudio.studio.session.messages import schema

SCHEMA = Path(__file__).parents[1] / "covstudio/studio/frontend/src/session/messages.schema.json"


def main() -> int:
    """Write the schema; with --check only compare it."""
    text = json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if "--check" in sys.argv:
        if not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != text:
            print("The page's types are not those of the messages: run `make frontend`.", file=sys.stderr)
            return 1
        return 0
    SCHEMA.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

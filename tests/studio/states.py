"""What views say to their pages, for tests without a browser."""

from __future__ import annotations

import json
from typing import Any


def state_of(view: Any) -> dict[str, Any]:
    """What the page draws of a view, as the page has it."""
    speaker = getattr(view, "channel", None) or view._pane
    state: dict[str, Any] = json.loads(speaker.state)
    return state

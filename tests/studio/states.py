"""What views say to their pages, for tests without a browser."""

from __future__ import annotations

import json
from typing import Any


def state_of(view: Any) -> dict[str, Any]:
    """What the page draws of a view, as the page has it."""
    state: dict[str, Any] = json.loads(view.channel.state)
    return state

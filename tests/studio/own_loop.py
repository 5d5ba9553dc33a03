"""A test's own event loop, in a thread of its own.

The main thread's loop is Playwright's once a test has used a browser, and stays so for the whole run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
#: Seconds; what is never reached fails all the same.
PATIENCE = 240


def run(work: Awaitable[T]) -> T:
    """Wait for something, as `asyncio.run` does, at most PATIENCE seconds."""

    async def patient() -> T:
        return await asyncio.wait_for(work, PATIENCE)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(patient())).result()

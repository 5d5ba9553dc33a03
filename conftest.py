"""What all tests share, those of docstrings too: one thread each, telling asserts, long ones left out."""

from __future__ import annotations

import gc
import os
import warnings
from itertools import compress

# Tests make many small objects and few cycles, for which Python would look ten thousands of times.
gc.set_threshold(20_000, 20, 20)

# The matrices of the tests are small, the tests many, and several processes run side by side. The libraries
# of numpy and torch read these once, when they are loaded; what the tests start inherits them.
THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", THREADS)

import pytest  # noqa: E402

pytest.register_assert_rewrite("tests")


def runs_tests(config: pytest.Config) -> bool:
    """Whether this process runs tests itself; one that hands them out to others needs no torch."""
    return not config.getoption("numprocesses", None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """One thread, and torch's rules of forward mode."""
    if not runs_tests(session.config):
        return
    import torch

    torch.set_num_threads(int(THREADS))
    with warnings.catch_warnings():
        # torch builds its forward-mode rules on first use with a function it has itself deprecated since.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jacfwd(torch.exp)(torch.zeros(1))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported and collected stays: only what tests make is looked through for garbage."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what costs much, unless -m speaks of it; -m in addopts would give way to any other."""
    costly = [mark for mark in ("long", "firefox") if mark not in config.option.markexpr]
    left_out = [any(item.get_closest_marker(mark) for mark in costly) for item in items]
    if any(left_out):
        config.hook.pytest_deselected(items=list(compress(items, left_out)))
        items[:] = [item for item, out in zip(items, left_out, strict=True) if not out]

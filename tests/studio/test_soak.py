"""The soak test in little: what takes ten minutes before a release takes half of one."""

from __future__ import annotations

import sys

import pytest

from benchmarks import soak


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes that fit in /proc")
def test_nothing_is_lost_while_a_worker_and_the_server_end(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--clients", "3", "--seconds", "30", "--sessions", "6", "--pause", "1"]
    monkeypatch.setattr(sys, "argv", ["soak", *words])
    assert soak.main() == 0

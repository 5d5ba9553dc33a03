"""One policy for the threads of torch, numpy and scipy, which no call gets round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from covstudio.threads import blas_threads, on_threads_worth

ROOT = Path(__file__).parents[1]


def others() -> list[int]:
    """The threads of the BLAS of numpy, and of that of scipy."""
    return [one.num_threads for one in ThreadpoolController().lib_controllers if one.user_api == "blas"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux counts how often a thread ran")
def test_no_call_on_few_rows_wakes_another_thread() -> None:
    # As many threads as are said, whatever else the machine does, asleep as soon as they have nothing to do.
    steady = {"OMP_DYNAMIC": "false", "MKL_DYNAMIC": "false", "OMP_WAIT_POLICY": "passive"}
    two = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    environment = {**os.environ, **steady, **two}
    run = subprocess.run(
        [sys.executable, "-m", "tests.other_threads"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # The two products are there to show that it would be seen.
    assert json.loads(run.stdout) == ["numpy", "torch"]


@pytest.fixture
def two_for_numpy() -> Iterator[None]:
    """Two threads for numpy and scipy, whatever the tests run with."""
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.mark.usefixtures("two_for_numpy")
def test_numpy_and_scipy_have_one_thread_while_anybody_is_inside() -> None:
    before = others()
    assert set(before) == {2}
    with blas_threads(10):
        # Whoever was here first has no say in what others set.
        assert set(others()) == {1}
    inside, leave = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with blas_threads(5000):
            inside.set()
            leave.wait()

    other = threading.Thread(target=elsewhere)
    other.start()
    inside.wait()
    try:
        with blas_threads(10):
            assert set(others()) == {1}
        assert set(others()) == {1}
    finally:
        leave.set()
        other.join()
    assert others() == before


@pytest.mark.usefixtures("two_for_numpy")
def test_another_thread_may_be_the_last_to_go() -> None:
    before = others()
    inside, leave = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with blas_threads(10):
            inside.set()
            leave.wait()

    other = threading.Thread(target=elsewhere)
    with blas_threads(10):
        other.start()
        inside.wait()
    leave.set()
    other.join()
    assert others() == before


def test_a_large_problem_inside_of_a_small_one_has_its_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with blas_threads(10):
            assert torch.get_num_threads() == 1
            with blas_threads(5000):
                assert torch.get_num_threads() == 2
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_class_computes_on_the_threads_of_its_rows() -> None:
    @on_threads_worth(lambda one: one.rows)
    class Rows:
        def __init__(self, rows: int) -> None:
            self.rows = rows

        def threads(self) -> int:
            return torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert (Rows(10).threads(), Rows(5000).threads()) == (1, 2)
    finally:
        torch.set_num_threads(before)

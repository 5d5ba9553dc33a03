"""A way to build a structure, the list of checks, and how checks compare and look for the ends."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from covstudio.covariance import Inverse, Matrix, Operator

CONTRACT: list[Callable[[Case], None]] = []


@dataclass(frozen=True)
class Case:
    """A way to build a matrix; each call builds a new one."""

    name: str
    make: Callable[[], Matrix]
    picklable: bool = True
    #: Whether one object occurs in several places: to fix a parameter in one is to fix it in all.
    repeats: bool = False
    #: An unusual way to build it: V may be linear by accident, such as where there is one row.
    variant: bool = False

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(zlib.crc32(self.name.encode()))

    def thetas(self, count: int, spread: float = 1.0) -> list[Tensor]:
        """The defaults, then random raw parameters around them, in float64."""
        return [theta.clone() for theta in _drawn(self, count, spread)]


@lru_cache(maxsize=16)
def _drawn(case: Case, count: int, spread: float) -> tuple[Tensor, ...]:
    start = case.make().free_param_defaults.double()
    noise = torch.randn((count - 1, len(start)), generator=case.generator(), dtype=torch.float64)
    return start, *(start + spread * noise)


def contract(check: Callable[[Case], None]) -> Callable[[Case], None]:
    CONTRACT.append(check)
    return check


def keep(case: Case, checks: Sequence[Callable[[Case], None]] = CONTRACT) -> None:
    """Hold a structure to the contract; what it does not keep is told together, each check by its name."""
    broken: list[BaseException] = []
    for check in checks:
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"{check.__name__}: {case.name}")
            broken.append(error)
    if broken:
        names = ", ".join(error.__notes__[-1].partition(":")[0] for error in broken)
        raise BaseExceptionGroup(f"{case.name} does not keep: {names}", broken)


def failed(case: Case) -> set[str]:
    """The names of the checks that a structure does not pass."""
    found = set()
    for check in CONTRACT:
        try:
            check(case)
        except AssertionError:
            found.add(check.__name__)
    return found


def within(actual: Tensor, expected: Tensor, bound: float) -> None:
    """`torch.testing.assert_close` up to a bound, which is called where there is something to tell: it takes
    fifty times as long as to compare."""
    alike = actual.shape == expected.shape and actual.dtype == expected.dtype and bound < math.inf
    if not (alike and bool(((actual - expected).abs() <= bound).all())):
        torch.testing.assert_close(actual, expected, rtol=0.0, atol=bound)


def close(actual: Tensor | None, expected: Tensor | None, tolerance: float) -> None:
    """Agreement relative to the largest entry of what is expected."""
    if actual is None or expected is None:
        assert actual is expected
        return
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    within(actual, expected, tolerance * scale + 1e-300)


def slices_close(actual: Tensor | None, expected: Tensor | None, tolerance: float) -> None:
    """Agreement of each slice of a Jacobian relative to its own largest entry."""
    if actual is None or expected is None:
        assert actual is expected
        return
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    largest = expected.abs().flatten(1).amax(1)
    bounds = tolerance * largest + torch.finfo(expected.dtype).eps * largest.max()
    kept = (actual - expected).abs().flatten(1).amax(1) <= bounds
    if bool((kept & (bounds < math.inf)).all()):
        return
    for one, other, bound in zip(actual, expected, bounds.tolist(), strict=True):
        within(one, other, bound)


def finite(tensor: Tensor | None) -> None:
    assert tensor is None or bool(torch.isfinite(tensor).all()), tensor


def extremes(matrix: Matrix) -> Iterator[Tensor]:
    """Raw parameters at and near the ends: each alone, then all together; and natural values of zero."""
    start = matrix.free_param_defaults.double()
    for k, transform in enumerate(matrix.free_param_trans.values()):
        low, high = transform.bounds
        values = [-10.0, 10.0]
        if low < 0 < high:
            values.append(float(transform.inverse(torch.zeros(1, dtype=torch.float64))))
        for value in values:
            theta = start.clone()
            theta[k] = value
            yield theta
    for value in (-10.0, 0.0, 10.0):
        yield torch.full_like(start, value)


def ill_conditioned(matrix: Matrix, value: Tensor) -> bool:
    """Whether V is, or is made from, an inverse whose rounding errors leave no digits to compare."""
    if not isinstance(matrix, Operator):
        return False
    inverse = isinstance(matrix, Inverse) and float(torch.linalg.cond(value)) > 1e6
    return inverse or any(
        isinstance(operand, Matrix) and ill_conditioned(operand, value)
        for operand in matrix.operands.values()
    )

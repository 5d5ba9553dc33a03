"""Inference on as many threads as its fit: everything that a class computes, from one line above it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, TypeVar

from covstudio.reml.inference.binding import Binding

__all__ = ["on_threads_of_the_fit"]

T = TypeVar("T", bound=type)


def on_threads_of_the_fit(cls: T) -> T:
    """Let what a class computes have the threads that the engine of its fit is worth.

    What inference does beside the engine (products with derivatives, gathers, sums over rows) is of the size
    of the engine's own matrices. With a second thread for them the Kenward-Roger tests of 537 rows took six
    times as much of the processor, and up to forty times as long where other processes wanted it.

    Args:
        cls: a class with a `Binding` in `_binding`.
    """
    for name, member in list(vars(cls).items()):
        if isinstance(member, cached_property):
            member.func = _with_its_threads(member.func)
        elif callable(member) and not name.startswith("__"):
            setattr(cls, name, _with_its_threads(member))
    return cls


def _with_its_threads(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def on_them(self: Any, *arguments: Any, **options: Any) -> Any:
        binding: Binding = self._binding
        with binding.threads():
            return method(self, *arguments, **options)

    return on_them

"""Inference on as many threads as its fit: everything that a class computes, from one line above it."""

from __future__ import annotations

from covstudio.threads import on_threads_worth

__all__ = ["on_threads_of_the_fit"]

#: For a class with a `Binding` in `_binding`.
#:
#: What inference does beside the engine (products with derivatives, gathers, sums over rows) is of the size
#: of the engine's own matrices. With a second thread for them the Kenward-Roger tests of 537 rows took six
#: times as much of the processor, and up to forty times as long where other processes wanted it.
on_threads_of_the_fit = on_threads_worth(lambda told: int(told._binding.engine.order))

"""One fit of the corpus: a model, its data, where to begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml import Fit, fit

__all__ = ["Build", "Task"]


@dataclass(frozen=True)
class Task:
    """What to fit, and how.

    Attributes:
        v: the model of V.
        y: response, (n,).
        x: fixed effects, (n, p).
        method: "REML" or "ML".
        engine: as `fit` takes it.
        start: raw starting values; None for those from the data.
        max_iter: most steps.
    """

    v: Matrix
    y: Tensor
    x: Tensor
    method: str = "REML"
    engine: str = "auto"
    start: Tensor | None = None
    max_iter: int = 100

    def fit(self) -> Fit:
        """The fit, on one thread."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return fit(
                self.v,
                self.y,
                self.x,
                method=self.method,
                engine=self.engine,
                start=self.start,
                max_iter=self.max_iter,
            )
        finally:
            torch.set_num_threads(threads)


#: Puts a task together when it is wanted.
Build = Callable[[], Task]

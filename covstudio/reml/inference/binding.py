"""A fit bound to its model and data: V and X at its estimates, and fits nearby."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.combinations import Confounded
from covstudio.reml.fitting.choose import square_matrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.result import Fit
from covstudio.reml.fitting.uncertainty import inside_range
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.problem.errors import InvalidData, InvalidModel
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem, prepare
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.search import Outcome, State
from covstudio.reml.search.vanishing import roughness
from covstudio.reml.terms.recoding import at_ends, recoding_of

__all__ = ["Binding", "Watch"]

Vector = NDArray[np.float64]
Watch = Callable[[State], None]

#: A kernel log-likelihood that differs by more than this share belongs to another model or other data.
SAME = 1e-6
#: Unless V is so close to singular that so many times its rounding error make that difference.
ROUNDINGS = 100.0
#: Columns of which less than this share is at right angles to others are not searched in.
FAR = 0.02


class Binding(Evaluation):
    """A fit together with V, y and X.

    Args:
        fit: the fit.
        v: the model of V that was fitted.
        y: the response, (n,).
        x: the fixed-effects matrix, (n, p).

    Attributes:
        fit: the fit.
        recoding: V in a coding of its random effects that is better to search in, or None.

    Raises:
        InvalidModel, InvalidData: V, y and X are not those that were fitted.
    """

    def __init__(self, fit: Fit, v: Matrix, y: Any, x: Any) -> None:
        self.fit, self._data = fit, (y, x)
        square_matrix(v)
        #: Natural values as they are told, from those of this coding: of `searched`, in the coding of V.
        self.told: Callable[[Vector], Vector] = lambda natural: natural
        with torch.no_grad():
            problem = prepare(y, x, method=fit.method, drop_dependent=bool(fit.dropped), device="cpu")
            self._check_sizes(v, problem)
            self.recoding = recoding_of(v)
            own = v if self.recoding is None or not fit.recoded else self.recoding.v
            known = fit.uncertainty.model_of(own, fit.engine)
            model = Model(own, fit.engine, problem.p) if known is None else known
            if tuple(fit.params) != model.variance.names:
                raise InvalidModel(
                    "v has other parameters than the fit: pass the matrix that was fitted, with the same "
                    "parameters fixed."
                )
            super().__init__(v, model, problem, np.array(list(fit.params.values()), dtype=np.float64))
        self._check_likelihood()

    @cached_property
    def searched(self) -> Binding:
        """The fit in the coding of its random effects in which it was searched (see `recoding_of`).

        It is the fit itself where they stood well. Likelihood, fixed effects and V are the same in both, with
        more digits in this one.
        """
        if self.recoding is None or self.fit.recoded:
            return self
        natural = self.recoding.there(self.natural)
        if self.fit.boundary:
            natural = at_ends(natural, self.recoding, self.variance)
        own = {self.variance.names[k] for part in self.recoding.parts for k in part.span}
        boundary = [name for name in self.fit.boundary if name not in own]
        for c in self.coordinates:
            if c.name in own and natural[c.position] in (c.low, c.high):
                boundary.append(c.name)
        own_uncertainty = self.fit.uncertainty
        fit = replace(
            self.fit,
            uncertainty=getattr(own_uncertainty, "searched", own_uncertainty),
            params=dict(zip(self.variance.names, natural.tolist(), strict=True)),
            boundary=tuple(boundary),
            recoded={part.path: part.t for part in self.recoding.parts},
        )
        other = Binding(fit, self.v, *self._data)
        other.told = self.recoding.back
        return other

    def design(self, path: str, z: Tensor) -> Tensor:
        """Rows of Z of a term, (m, q), in the coding of the parameters of this fit."""
        parts = self.recoding.parts if self.recoding is not None and self.fit.recoded else ()
        return next((part.turned(z) for part in parts if part.path == path), z)

    @cached_property
    def far(self) -> frozenset[str]:
        """Parameters that are searched in another coding because theirs is too far off to search in."""
        parts = () if self.searched is self or self.recoding is None else self.recoding.parts
        return frozenset(self.variance.names[k] for part in parts if part.aslant < FAR for k in part.span)

    def _check_sizes(self, v: Matrix, problem: Problem) -> None:
        n, p = problem.n, problem.p
        if (n, p) != (self.fit.n, self.fit.p):
            raise InvalidData(
                f"the fit is of {self.fit.n} rows and {self.fit.p} fixed effects, and y and x have {n} rows "
                f"and {p} columns: pass what was fitted."
            )
        if v.shape != (n, n):
            raise InvalidModel(f"v is {v.shape[0]} x {v.shape[1]}, and y has {n} rows.")

    def _check_likelihood(self) -> None:
        kernel = self.point.kernel
        gap = abs(kernel - self.fit.kernel_loglik)
        if not gap <= SAME * (1.0 + abs(kernel)) and not self._is_rounding(gap):
            raise InvalidData(
                f"at the estimates of the fit, v, y and x give a log-likelihood (kernel) of {kernel:.6f}, "
                f"and the fit says {self.fit.kernel_loglik:.6f}: pass the v, y and x that were fitted, rows "
                "in the same order."
            )

    def _is_rounding(self, gap: float) -> bool:
        """Whether a V close to singular makes such a difference in the log-likelihood by itself."""
        with self.threads(), torch.no_grad():
            return gap <= ROUNDINGS * roughness(self.engine, self.point)

    def _singular(self) -> InvalidModel:
        return InvalidModel(
            "V is not positive definite at the estimates of the fit: "
            + (
                "is v the matrix that was fitted?"
                if self.fit.converged
                else "it became singular while it was fitted, which the message of the fit explains."
            )
        )

    @property
    def boundary(self) -> tuple[str, ...]:
        """Paths of the parameters at an end of their range."""
        return self.fit.boundary

    @property
    def confounded(self) -> tuple[Confounded, ...]:
        """The groups of parameters that the data cannot tell apart."""
        return self.fit.confounded

    @cached_property
    def interior(self) -> list[Coordinate]:
        """The estimated parameters that have a sampling variance to speak of, see `inside_range`."""
        return inside_range(self.coordinates, self.fit.boundary, self.fit.confounded)

    # -- fits nearby ----------------------------------------------------------------------------------------

    def climb(
        self,
        start: Vector,
        *,
        engine: Engine | None = None,
        without: int | Collection[int] | None = None,
        max_iter: int = 100,
        watch: Watch | None = None,
    ) -> Outcome | None:
        """The maximum that is reached from natural values.

        Args:
            start: natural values of all parameters.
            engine: None for that of the fit.
            without: position of a parameter that stays where `start` has it, or of several.
            max_iter: most steps.
            watch: called with every step; what it raises goes through.

        Returns:
            Where the search ended; None where V is not positive definite at the start.
        """
        engine = self.engine if engine is None else engine
        with self.threads(), torch.no_grad():
            point = engine.at(start)
            if point is None:
                return None
            return self.ascent.climb(engine, point, max_iter, watch, without)

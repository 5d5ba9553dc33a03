"""The search set up for a V: its coordinates, its common scale, and where else it may look."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import linalg
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.absorbed import Absorbed, absorbed_by
from covstudio.reml.search.coordinates import Coordinate, Kind, classify, off_zero, scale_weights
from covstudio.reml.search.outcome import Outcome, State
from covstudio.reml.search.probe import Probe
from covstudio.reml.search.restarts import Restarts
from covstudio.reml.search.search import maximise
from covstudio.reml.search.start import neutral
from covstudio.reml.terms.variance import Variance

__all__ = ["Ascent"]

Vector = NDArray[np.float64]


class Ascent:
    """Everything that a climb to a maximum needs to know of V and X, whatever the response.

    Args:
        variance: V, taken apart.
        probe: what looks at V.
        held: natural values of V at which held parameters stay; None for the defaults.
        problem: X, for what the fixed effects take up of V; None for none.

    Attributes:
        neutral: the values around which V is probed: the defaults, off the ends of their ranges.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> from covstudio.reml.search.probe import WrittenProbe
        >>> variance = Variance(Sum(field=AR1Matrix(4), units=ScalarMatrix(4)))
        >>> ascent = Ascent(variance, WrittenProbe(variance))
        >>> [c.name for c in ascent.coordinates], ascent.scale_weights
        (['field/sigma^2', 'field/rho', 'units/sigma^2'], array([1., 0., 1.]))
    """

    def __init__(
        self,
        variance: Variance,
        probe: Probe,
        held: Vector | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.variance = variance
        self.probe = probe
        self.problem = problem
        self.neutral = neutral(variance)
        if held is not None:
            positions = list(variance.held)
            self.neutral[positions] = held[positions]

    @cached_property
    def coordinates(self) -> list[Coordinate]:
        """The estimated parameters, neither fixed nor held, and how they behave."""
        found = classify(self.variance, self.neutral, self.probe)
        natural = off_zero(self.neutral, found)
        problem = self.problem
        if problem is None:
            return found
        columns = absorbed_by(self.probe, problem, natural, [c.position for c in found])
        return [
            replace(c, absorbed=self._absorbed(c.position, own, problem))
            for c, own in zip(found, columns, strict=True)
        ]

    def _absorbed(
        self, position: int, columns: tuple[tuple[int, str], ...], problem: Problem
    ) -> Absorbed | None:
        """What takes up the whole part that a parameter has of V, where fixed effects do."""
        if not columns:
            return None
        term = next(term for term in self.variance.terms if position in term.span)
        return Absorbed(term.path, columns, problem.restricted)

    def without_absorbed(self, natural: Vector) -> Vector:
        """The values with 0 for what fixed effects take up: nothing is told of it, or (ML) that it is 0.

        Standard errors of these fixed effects are then for the levels at hand.

        Args:
            natural: natural values of all parameters.
        """
        out = natural.copy()
        for c in self.coordinates:
            if c.absorbed is not None and c.degree and c.low <= 0.0:
                out[c.position] = 0.0
        return out

    @cached_property
    def scale_weights(self) -> Vector | None:
        """Exponents of the common scale of V, or None."""
        return scale_weights(self.variance, self.neutral, self.coordinates, self.probe)

    def restarts(self, coordinates: Sequence[Coordinate]) -> Restarts:
        """Where to look when the score vanishes for want of a derivative."""
        variance = self.variance
        # Only a scale may be kept positive to fix a sign.
        scales = any(c.kind is Kind.SCALE for c in coordinates)
        mirrors = linalg.sign_symmetry(variance.v) if scales else {}
        terms = [term.span for term in variance.terms]

        def change(natural: Vector, position: int) -> float:
            return float(torch.linalg.vector_norm(self.probe.slice(natural, position)))

        return Restarts(coordinates, mirrors, terms, variance.names, change)

    def climb(
        self,
        engine: Engine,
        start: Point,
        max_iter: int,
        watch: Callable[[State], None] | None = None,
        without: int | Collection[int] | None = None,
    ) -> Outcome:
        """The maximum that is reached from a point; see `maximise`.

        Args:
            engine: evaluates the likelihood.
            start: the likelihood at the starting values.
            max_iter: most steps to take.
            watch: called with every `State`; what it raises goes through.
            without: position of a parameter that stays where it is, or of several.
        """
        moving, weights = self.coordinates, self.scale_weights
        if without is not None:
            stay = {without} if isinstance(without, int) else set(without)
            moving = [c for c in moving if c.position not in stay]
            if weights is not None and any(weights[k] != 0.0 for k in stay):
                weights = None
        return maximise(engine, moving, weights, self.restarts(moving), start, max_iter, watch)

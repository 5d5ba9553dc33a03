"""The uncertainty of parameters whose fit was searched in another coding of the random effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.fitting.uncertainty import Uncertainty
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.terms.recoding import Recoding

__all__ = ["RecodedUncertainty", "recoded_covariance"]

Vector = NDArray[np.float64]


def recoded_covariance(
    searched: ParameterCovariance, recoding: Recoding, natural: Vector, coordinates: Sequence[Coordinate]
) -> ParameterCovariance:
    """The covariance matrix in the given coding from that of the search, by the delta method.

    Args:
        searched: in the coding of the search.
        recoding: that coding.
        natural: the estimates in it.
        coordinates: the parameters in the given coding that are inside their range.
    """
    given = [c.position for c in coordinates]
    slopes = recoding.slopes(natural, given, [c.position for c in searched.coordinates])
    matrix = slopes @ searched.matrix @ slopes.T
    return replace(searched, coordinates=tuple(coordinates), matrix=matrix, slopes=slopes)


class RecodedUncertainty(Uncertainty):
    """How uncertain the parameters in the given coding are.

    Args:
        searched: the same in the coding of the search.
        recoding: that coding.
        natural: the estimates in it.
        coordinates: the parameters in the given coding that are inside their range.
    """

    def __init__(
        self,
        searched: Uncertainty,
        recoding: Recoding,
        natural: Vector,
        coordinates: Sequence[Coordinate],
    ) -> None:
        # What was fitted is at hand with what was searched.
        self._model = self._problem = None
        self.searched = searched
        self.reason = searched.reason
        self._recoding: Recoding | None = recoding
        self._natural = natural
        self.coordinates = tuple(coordinates)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_recoding": None}

    @cached_property
    def covariance(self) -> ParameterCovariance:
        """The covariance matrix of the variance parameters that are inside their range."""
        assert self._recoding is not None, "it is found before it is pickled"
        return recoded_covariance(self.searched.covariance, self._recoding, self._natural, self.coordinates)

"""The parameters of V: their names, the transforms from theta, and their natural values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix, Transform

__all__ = ["Parameters"]

Vector = NDArray[np.float64]


class Parameters:
    """Where the parameters of V stand, and what they are between theta and their natural values.

    Natural values stand in one float64 array in the order of `names`, free and fixed parameters alike.

    Args:
        v: the model of V.

    Attributes:
        declared: all parameters, as they were declared when V was taken apart.
        names: their names.
        transforms: their transforms from the raw scale.
        free: positions of theta's entries.
        estimated: positions of the free parameters that are not held.
        held: positions of those that are.
        held_places: where these stand in theta.
        defaults: natural values at the defaults.

    Example:
        >>> from covstudio.covariance import AR1Matrix
        >>> Parameters(AR1Matrix(3)).natural(np.array([0.0, 0.0]))
        array([1., 0.])
    """

    def __init__(self, v: Matrix) -> None:
        self.declared = v.parameters
        self.names: tuple[str, ...] = tuple(parameter.name for parameter in self.declared)
        self.transforms: tuple[Transform, ...] = tuple(parameter.transform for parameter in self.declared)
        self.free: tuple[int, ...] = tuple(
            k for k, parameter in enumerate(self.declared) if not parameter.fixed
        )
        self.held_places = held = v.no_grad_index
        self.estimated: tuple[int, ...] = tuple(k for place, k in enumerate(self.free) if place not in held)
        self.held: tuple[int, ...] = tuple(k for place, k in enumerate(self.free) if place in held)
        self.defaults: Vector = np.array([parameter.value for parameter in self.declared], dtype=np.float64)
        #: Free parameters by their transforms: places in theta, and positions.
        alike: dict[Transform, tuple[list[int], list[int]]] = {}
        for place, k in enumerate(self.free):
            places, own = alike.setdefault(self.transforms[k], ([], []))
            places.append(place)
            own.append(k)
        self._alike = [(transform, *both) for transform, both in alike.items()]

    def natural(self, theta: Vector) -> Vector:
        """All natural values from raw theta; fixed parameters at their constants."""
        values = self.defaults.copy()
        for k, raw in zip(self.free, theta.tolist(), strict=True):
            values[k] = float(self.transforms[k](torch.tensor([raw], dtype=torch.float64)))
        return values

    def theta(self, natural: Vector) -> Vector:
        """Raw theta from all natural values, or a row of each from a row of each.

        It is infinite at the ends of a transform's codomain.
        """
        theta = np.empty((*natural.shape[:-1], len(self.free)))
        for transform, places, positions in self._alike:
            theta[..., places] = transform.inverse(torch.from_numpy(natural[..., positions])).numpy()
        return theta

    def slopes(self, theta: Vector) -> Vector:
        """d natural / d raw for every entry of theta."""
        return np.array(
            [
                float(self.transforms[k].grad(torch.tensor([raw], dtype=torch.float64)))
                for k, raw in zip(self.free, theta.tolist(), strict=True)
            ]
        )

    def bounds(self, position: int) -> tuple[float, float]:
        """The ends of a parameter's natural range."""
        return self.transforms[position].bounds

    def describe(self, natural: Vector, positions: Sequence[int] | None = None) -> str:
        """`name = value` for these parameters (default: the free ones), for messages."""
        shown = list(self.free if positions is None else positions)
        text = ", ".join(f"{self.names[k]} = {natural[k]:.6g}" for k in shown[:8])
        return text + (f", ... ({len(shown)} in all)" if len(shown) > 8 else "")

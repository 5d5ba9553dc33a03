"""The base class of transforms, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from covstudio.covariance.parameters.interval import REALS, Interval

__all__ = ["Transform", "check_number"]


class Transform(ABC):
    """A smooth, invertible, element-wise map from the raw scale to the natural scale.

    A new transform gives `__call__`, `inverse`, `grad` and, when it has constants, `constants`.
    Transforms are values: two with the same constants are equal, hash alike, and can be shared between
    parameters.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformExpPow2
        >>> f = TransformExpPow2()
        >>> f(torch.tensor([0.0, 0.5]))
        tensor([1.0000, 2.7183])
        >>> f.bounds
        (0.0, inf)
    """

    _domain: Interval = REALS
    _codomain: Interval = REALS

    #: The derivative where it is one number everywhere; else None.
    constant_slope: float | None = None

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The natural values f(x).

        Args:
            x: raw values, any shape.

        Returns:
            Natural values of the same shape and dtype.
        """

    def written(self, x: str = "θ") -> str:
        """The natural value as a formula of the raw one, for reading.

        Args:
            x: what the raw value is called, a name or a formula.

        Example:
            >>> from covstudio.covariance import TransformChain, TransformScaleShift, TransformSigmoid
            >>> TransformChain(TransformSigmoid(), TransformScaleShift(2.0, -1.0)).written()
            '2/(1 + exp(−θ)) − 1'
        """
        return f"{type(self).__name__}({x})"

    @abstractmethod
    def inverse(self, y: Tensor) -> Tensor:
        """The raw values with f(x) = y; defined up to and including the ends of the codomain.

        Args:
            y: natural values, any shape, inside the codomain (NaN outside of it).

        Returns:
            Raw values of the same shape and dtype; infinite at an open end of the codomain.
        """

    @abstractmethod
    def grad(self, x: Tensor) -> Tensor:
        """The derivative f'(x), element by element; its limit where x is infinite.

        Args:
            x: raw values, any shape.

        Returns:
            Derivatives of the same shape and dtype.
        """

    @property
    def constants(self) -> tuple[object, ...]:
        """The constants that make this transform what it is, in constructor order."""
        return ()

    @property
    def domain(self) -> str:
        """The raw values the transform takes, as an interval such as `"(-inf, inf)"`."""
        return str(self._domain)

    @property
    def codomain(self) -> str:
        """The natural values the transform gives, as an interval such as `"(0, inf)"`."""
        return str(self._codomain)

    @property
    def bounds(self) -> tuple[float, float]:
        """The two ends of the codomain as numbers."""
        return self._codomain.low, self._codomain.high

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.constants == getattr(other, "constants", None)

    def __hash__(self) -> int:
        return hash((type(self), self.constants))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(_show, self.constants))})"


def check_number(label: str, name: str, value: object) -> None:
    """Raise TypeError unless a constant of a transform is a number."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(
            f"{label}: expected {name} as a number, got {type(value).__name__} ({value!r}); write one such "
            "as 2.0."
        )


def _show(constant: object) -> str:
    return f"{constant:g}" if isinstance(constant, float) else repr(constant)

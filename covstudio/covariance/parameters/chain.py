"""Transforms applied one after the other: the chain rule, and its limits where a link is infinite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.parameters.differentiation import traced
from covstudio.covariance.parameters.transform import Transform

__all__ = ["TransformChain"]


class TransformChain(Transform):
    r"""Transforms applied one after the other, :math:`f(x) = f_k(\dots f_2(f_1(x)))`.

    Args:
        transforms: one or more transforms, one by one or as a list; the first is applied first.

    Raises:
        TypeError: an element is not a `Transform`.
        ValueError: there is none, or the values of one transform lie outside the domain of the next.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformChain, TransformScaleShift, TransformSigmoid
        >>> rho = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])
        >>> rho(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.4621])
        >>> rho.codomain
        '(-1, 1)'
    """

    def __init__(self, *transforms: Transform | Sequence[Transform]) -> None:
        only = transforms[0] if len(transforms) == 1 else transforms
        chain: tuple[Any, ...] = (only,) if isinstance(only, Transform) else tuple(only)
        for transform in chain:
            if not isinstance(transform, Transform):
                raise TypeError(
                    f"TransformChain: expected Transform objects, got {type(transform).__name__} "
                    f"({transform!r}); construct them, as in TransformExp()."
                )
        if not chain:
            raise ValueError("TransformChain: expected one or more transforms, got an empty list; give one.")
        self.transforms = chain
        domain = chain[0]._domain
        reached = domain.image(chain[0])
        for k, transform in enumerate(chain[1:], start=1):
            taken = reached.intersect(transform._domain)
            if taken != reached:
                domain = taken
                for earlier in reversed(chain[:k]):
                    domain = domain.image(earlier.inverse)
            reached = taken.image(transform)
        self._domain = domain
        self._codomain = reached

    @property
    def chain(self) -> tuple[Transform, ...]:
        """The transforms, the first applied first."""
        return self.transforms

    @property
    def constants(self) -> tuple[object, ...]:
        return self.transforms

    def __repr__(self) -> str:
        return f"TransformChain([{', '.join(map(repr, self.transforms))}])"

    def written(self, x: str = "θ") -> str:
        for transform in self.transforms:
            x = transform.written(x)
        return x

    def __call__(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def inverse(self, y: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            y = transform.inverse(y)
        return y

    def grad(self, x: Tensor) -> Tensor:
        derivative: Tensor = self.transforms[0].grad(x)
        value, reached = x, 0
        for k, transform in enumerate(self.transforms[1:], start=1):
            if transform.constant_slope is not None:
                derivative = derivative * transform.constant_slope
                continue
            for earlier in self.transforms[reached:k]:
                value = earlier(value)
            derivative, reached = derivative * transform.grad(value), k
        # Constant slopes are neither 0 nor infinite. The sum is not a number where one of them is not.
        if reached == 0 or not (traced(derivative) or math.isnan(float(derivative.sum()))):
            return derivative
        return self._limit(x)

    def _limit(self, x: Tensor) -> Tensor:
        """The derivative where 0 * inf arises, as an intermediate value overflows."""
        derivative = torch.ones_like(x)
        value = x
        clash = torch.zeros_like(x, dtype=torch.bool)
        for transform in self.transforms:
            step = transform.grad(value)
            clash = clash | ((step == 0) & torch.isinf(derivative)) | ((derivative == 0) & torch.isinf(step))
            derivative = derivative * step
            value = transform(value)
        # A chain that levels off there has slope 0; one that still grows without bound (sqrt of exp) has an
        # infinite slope in the direction in which it runs off.
        runaway = torch.where(torch.isinf(value), torch.sign(value) * torch.sign(x) * torch.inf, 0.0)
        return torch.where(clash, runaway.to(derivative.dtype), derivative)

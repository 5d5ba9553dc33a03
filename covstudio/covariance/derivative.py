"""Derivatives of matrix functions: the chain rule through transforms, and automatic differentiation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["FORWARD_MODE", "automatic", "chain", "traced"]

FORWARD_MODE = threading.RLock()
"""Held during forward-mode differentiation.

torch counts its nesting in variables of the whole process: two threads at it at once get wrong numbers,
silently.
"""


def chain(slices: Tensor, slopes: Tensor) -> Tensor:
    """The chain rule: natural slices (k, r, c) times the slopes (k,) of the transforms.

    Where a slope is 0 the product is 0 even if the natural derivative is infinite there (sqrt(sigma^2) at
    0): a variance transform reaches its limit faster than any such derivative grows.
    """
    product = slices * slopes[:, None, None]
    if not traced(slopes) and bool((slopes != 0).all()):
        return product
    return torch.where((slopes == 0)[:, None, None], torch.zeros_like(product), product)


def automatic(function: Callable[[Tensor], Tensor], point: Tensor, index: Sequence[int]) -> Tensor:
    """Jacobian of a matrix function of a vector by automatic differentiation, slices first: (k, r, c)."""
    chosen = torch.as_tensor(list(index), dtype=torch.int64, device=point.device)

    def partial(part: Tensor) -> Tensor:
        return function(point.index_copy(0, chosen, part))

    with FORWARD_MODE:
        try:
            jacobian = torch.func.jacfwd(partial)(point[chosen])
        except (RuntimeError, NotImplementedError):
            # An operation without a forward rule, or one that vmap cannot follow (in-place writes of a user's
            # code).
            jacobian = torch.func.jacrev(partial, chunk_size=64)(point[chosen])
    slices: Tensor = jacobian.movedim(-1, 0)
    return slices


def traced(tensor: Tensor) -> bool:
    """Whether torch.func looks through the tensor: its numbers cannot be compared or kept."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))

"""Derivatives of matrix functions: the chain rule through transforms, and automatic differentiation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["FORWARD_MODE", "JACOBIAN_METHODS", "automatic", "chain", "recorded", "traced"]

#: Asked many times in a call.
_wrapped = torch._C._functorch.is_functorch_wrapped_tensor

#: Held during forward-mode differentiation.
#:
#: torch counts its nesting in variables of the whole process: two threads at it at once get wrong numbers,
#: silently.
FORWARD_MODE = threading.RLock()


def chain(slices: Tensor, slopes: Tensor, out: Tensor | None = None) -> Tensor:
    """The chain rule: natural slices (k, ...) times the slopes (k,) of the transforms, new or into `out`.

    Where a slope is 0 the product is 0 even if the natural derivative is infinite there (sqrt(sigma^2) at
    0): a variance transform reaches its limit faster than any such derivative grows.
    """
    factors = slopes.reshape(-1, *[1] * (slices.ndim - 1))
    if out is not None:
        torch.mul(slices, factors, out=out)
        return out if _without_zero(slopes) else out.index_fill_(0, (slopes == 0).nonzero()[:, 0], 0.0)
    product = slices * factors
    if not traced(slopes) and _without_zero(slopes):
        return product
    return torch.where(factors == 0, torch.zeros_like(product), product)


def _without_zero(slopes: Tensor) -> bool:
    # Out of torch few numbers are looked through in a fifth of the time.
    return 0.0 not in slopes.tolist() if slopes.numel() <= FEW else bool(slopes.all())


#: So many numbers are few.
FEW = 64
#: Ways of automatic differentiation, by the names of the functions of torch that go them.
JACOBIAN_METHODS = ("jacfwd", "jacrev", "jacobian")


def automatic(
    function: Callable[[Tensor], Tensor],
    point: Tensor,
    index: Sequence[int],
    method: str = "jacfwd",
    chunk_size: int | None = None,
) -> Tensor:
    """Jacobian of a matrix function of a vector by automatic differentiation, slices first: (k, r, c).

    Args:
        function: from a vector to a matrix.
        point: where.
        index: the k entries of the vector in which it is differentiated.
        method: one of `JACOBIAN_METHODS`; where forward mode cannot follow, reverse mode steps in.
        chunk_size: how many directions are followed at once; None: all of them forward, 64 in reverse.
    """
    chosen = torch.as_tensor(list(index), dtype=torch.int64, device=point.device)

    def partial(part: Tensor) -> Tensor:
        return function(point.index_copy(0, chosen, part))

    def forward() -> Tensor:
        def along(step: Tensor) -> Tensor:
            result: Tensor = torch.func.jvp(partial, (point[chosen],), (step,))[1]
            return result

        steps = torch.eye(len(chosen), dtype=point.dtype, device=point.device)
        return torch.func.vmap(along, chunk_size=chunk_size)(steps).movedim(0, -1)

    def reverse() -> Tensor:
        result: Tensor = torch.func.jacrev(partial, chunk_size=chunk_size or 64)(point[chosen])
        return result

    with FORWARD_MODE:
        if method == "jacobian":
            jacobian = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
                partial, point[chosen], create_graph=True
            )
        elif method == "jacrev":
            jacobian = reverse()
        else:
            try:
                jacobian = forward() if chunk_size else torch.func.jacfwd(partial)(point[chosen])
            except (RuntimeError, NotImplementedError):
                # An operation without a forward rule, or one that vmap cannot follow (in-place writes of a
                # user's code).
                jacobian = reverse()
    slices: Tensor = jacobian.movedim(-1, 0)
    return slices


def recorded(tensor: Tensor) -> bool:
    """Whether derivatives through the tensor are being taken, in any mode of autograd."""
    if _wrapped(tensor) or (tensor.requires_grad and torch.is_grad_enabled()):
        return True
    if forward_ad._current_level < 0:
        return False
    dual = forward_ad.unpack_dual(tensor)  # type: ignore[no-untyped-call]
    return dual.tangent is not None


def traced(tensor: Tensor) -> bool:
    """Whether torch.func looks through the tensor: its numbers cannot be compared or kept."""
    return bool(_wrapped(tensor))

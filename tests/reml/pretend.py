"""A device that is not there: CPU tensors that behave as if they were on a GPU.

`PretendDevice` is a mode of torch functions. A tensor made or moved to "cuda" inside it is an ordinary tensor
with a mark. What would fail on a GPU fails here: an operation on marked and unmarked tensors, `numpy()` of a
marked tensor, a mask or an index on the GPU for a tensor on the CPU. Numbers are those of the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["GPU", "PretendDevice", "is_there"]

GPU = torch.device("cuda", 0)

_DEVICE = torch.Tensor.device.__get__  # type: ignore[attr-defined]
_ACROSS = {torch.Tensor.copy_, torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.type}


def is_there(tensor: Tensor) -> bool:
    """Whether a tensor is on the pretended device."""
    return getattr(tensor, "_pretended", False)


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _mark(values: Any, there: bool) -> Any:
    for tensor in _tensors(values):
        tensor._pretended = there  # type: ignore[attr-defined]
    return values


@cache
def _device_called(name: str) -> torch.device | None:
    try:
        return torch.device(name)
    except RuntimeError:
        return None


def _asks_for(entry: Any) -> bool | None:
    """Whether an argument names the pretended device, or the CPU; None when it names none."""
    if isinstance(entry, str):
        entry = _device_called(entry)
    return entry.type == "cuda" if isinstance(entry, torch.device) else None


def _on_the_cpu(arguments: list[Any] | dict[str, Any]) -> bool | None:
    """Write the CPU where arguments name the pretended device; what the first that names any asks for."""
    asked = None
    for place, entry in list(enumerate(arguments) if isinstance(arguments, list) else arguments.items()):
        wanted = _asks_for(entry)
        if wanted:
            arguments[place] = torch.device("cpu")
        asked = wanted if asked is None else asked
    return asked


class PretendDevice(TorchFunctionMode):
    """Inside it, "cuda" is a device.

    Attributes:
        calls: functions that worked on the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Iterable[Any] = (), kwargs: Any = None
    ) -> Any:
        args, kwargs = list(args), dict(kwargs or {})
        if func is torch.device:
            return func(*args, **kwargs)
        if func == _DEVICE:
            return GPU if is_there(args[0]) else func(*args)
        inputs = list(_tensors([*args, kwargs]))
        there = [is_there(tensor) for tensor in inputs]
        # Where the result goes when it is asked for by name.
        of_args, of_kwargs = _on_the_cpu(args), _on_the_cpu(kwargs)
        asked = of_kwargs if of_args is None else of_args
        if func is torch.Tensor.numpy and any(there) and not kwargs.get("force"):
            raise TypeError("can't convert a tensor on a GPU to numpy")
        if func is torch.Tensor.__array__ and any(there):
            raise TypeError("can't convert a tensor on a GPU to numpy")
        if func not in _ACROSS:
            self._check(func, inputs, there)
        self.calls += any(there)
        result = func(*args, **kwargs)
        if asked is None and func is torch.Tensor.to and len(inputs) > 1:
            asked = there[1]
        if asked is None and func is not torch.Tensor.cpu:
            asked = bool(there) and (there[0] if func in _ACROSS else any(there))
        if func in (torch.Tensor.to, torch.Tensor.cpu) and bool(asked) != there[0]:
            # The same object must not be in two places.
            result = result.clone()
        return _mark(result, bool(asked))

    def _check(self, func: Callable[..., Any], inputs: list[Tensor], there: list[bool]) -> None:
        if not any(there) or all(there):
            return
        name = getattr(func, "__name__", str(func))
        if name in ("__getitem__", "__setitem__"):
            # Places on the CPU will do for a tensor on the GPU, not the other way round.
            if not there[0]:
                raise RuntimeError(f"{name}: places on a GPU for a tensor on the CPU")
            others = inputs[1:] if name == "__getitem__" else inputs[1:-1]
            value = [] if name == "__getitem__" else inputs[-1:]
            loose = [t for t in value if not is_there(t) and t.ndim > 0 and t.is_floating_point()]
            if all(t.dtype in (torch.int64, torch.bool) for t in others) and not loose:
                return
        if any(not on and tensor.ndim > 0 for tensor, on in zip(inputs, there, strict=True)):
            shapes = [(tuple(t.shape), "GPU" if on else "CPU") for t, on in zip(inputs, there, strict=True)]
            raise RuntimeError(f"{name}: expected all tensors to be on one device: {shapes}")

"""Parameters by name: dicts whose edits reach the structure, and which take positions, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

import torch
from torch import Tensor

from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import Transform

__all__ = ["DefaultsByName", "Spec", "Specs", "TransformsByName"]

Value = TypeVar("Value")


class Owner(Protocol):
    """Whose parameters they are."""

    def set_param_specs(self, key: str, fixed: Any = ..., default: Any = ..., trans: Any = ...) -> None:
        """Change one parameter."""


class _ByName(dict[str, Value]):
    """A dict from the names of parameters; to set an entry is to change the parameter, and none can go."""

    def __init__(self, owner: Owner, entries: Mapping[str, Value]) -> None:
        super().__init__(entries)
        self._owner = owner

    def _change(self, name: str, value: Any) -> Value:
        """Change a parameter; what then stands under its name."""
        raise NotImplementedError

    def _none_goes(self) -> NoReturn:
        raise TypeError(
            "a structure keeps all its parameters: expected entries to be set, not removed; fix one by "
            "set_param_specs(name, fixed=True)."
        )

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, self._change(name, value))

    def __delitem__(self, name: str) -> None:
        self._none_goes()

    def pop(self, *arguments: Any) -> NoReturn:
        """Not offered: a structure keeps all its parameters."""
        self._none_goes()

    def popitem(self) -> NoReturn:
        """Not offered: a structure keeps all its parameters."""
        self._none_goes()

    def clear(self) -> None:
        """Not offered: a structure keeps all its parameters."""
        self._none_goes()

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The entry of a parameter; a name that is none is refused."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others: Any, **named: Any) -> None:
        """Change several parameters."""
        for name, value in dict(*others, **named).items():
            self[name] = value

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    def __reduce__(self) -> Any:
        # A copy belongs to no structure: it is a plain dict.
        return dict, (dict(self),)

    def copy(self) -> dict[str, Value]:
        """A plain dict, whose edits reach nothing."""
        return dict(self)


class Spec(_ByName[Any]):
    """One declaration: {"fixed", "default" (raw, 1-D tensor of one value), "trans"}; edits take effect."""

    def __init__(self, owner: Owner, name: str, entries: Mapping[str, Any]) -> None:
        super().__init__(owner, entries)
        self._name = name

    def _change(self, name: str, value: Any) -> Any:
        if name not in ("fixed", "default", "trans"):
            raise ValueError(
                f"parameter {self._name!r}: expected one of the keys 'fixed', 'default' and 'trans', got "
                f"{name!r}; a natural value is set by set_param_specs({self._name!r}, value=...)."
            )
        self._owner.set_param_specs(self._name, **{name: value})
        if name == "default":
            return torch.as_tensor(
                value, dtype=None if isinstance(value, Tensor) else self["default"].dtype
            ).reshape(1)
        return value


class Specs(_ByName[Spec]):
    """All declarations by name; to edit an entry, or one of its keys, is to change the parameter.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> v = Sum(time=AR1Matrix(3), noise=ScalarMatrix(3))
        >>> v.param_specs["time/rho"]["fixed"] = True
        >>> v.free_param_names
        ['time/sigma^2', 'noise/sigma^2']
    """

    def __init__(self, owner: Owner, parameters: Iterable[Parameter]) -> None:
        super().__init__(
            owner,
            {parameter.name: Spec(owner, parameter.name, parameter.to_spec()) for parameter in parameters},
        )

    def _change(self, name: str, value: Any) -> Spec:
        parameter = Parameter.from_spec(name, value)
        given = {"fixed", "default", "trans"} if isinstance(value, Parameter) else set(value)
        changed = {key: item for key, item in parameter.to_spec().items() if key in given}
        self._owner.set_param_specs(name, **changed)
        return Spec(self._owner, name, {**self[name], **changed})


class TransformsByName(_ByName[Transform]):
    """Transforms by name, and by position as a list of them; equal to that list, too.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> transforms = ScalarMatrix(2).param_trans
        >>> transforms["sigma^2"] is transforms[0]
        True
    """

    def _change(self, name: str, value: Any) -> Transform:
        self._owner.set_param_specs(name, trans=value)
        transform: Transform = value
        return transform

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else list(self.values())[key]

    def __eq__(self, other: object) -> bool:
        return list(self.values()) == other if isinstance(other, list) else super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


class DefaultsByName(_ByName[Tensor]):
    """RAW defaults by name, each a 1-D tensor of one value.

    By position, in torch's functions and in sums they are the one 1-D tensor of all of them.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DiagonalMatrix
        >>> defaults = DiagonalMatrix(2).free_param_defaults
        >>> defaults["sigma^2_1"], defaults[1], torch.exp(defaults)
        (tensor([0.]), tensor(0.), tensor([1., 1.]))
    """

    def __init__(self, owner: Owner, names: Iterable[str], tensor: Tensor) -> None:
        super().__init__(owner, {name: tensor[k : k + 1] for k, name in enumerate(names)})
        self._tensor = tensor

    def _change(self, name: str, value: Any) -> Tensor:
        self._owner.set_param_specs(name, default=value)
        place = list(self).index(name)
        self._tensor = self._tensor.clone()
        self._tensor[place] = float(value)
        for k, other in enumerate(self):
            if other != name:
                dict.__setitem__(self, other, self._tensor[k : k + 1])
        return self._tensor[place : place + 1]

    def __getitem__(self, key: Any) -> Tensor:
        return super().__getitem__(key) if isinstance(key, str) else self._tensor[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_tensor", "_owner"):
            raise AttributeError(name)
        return getattr(self._tensor, name)

    def __eq__(self, other: object) -> Any:
        return self._tensor == other if isinstance(other, Tensor) else super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return function(*_tensors(args), **_tensors(kwargs or {}))


def _tensors(value: Any) -> Any:
    """The same with tensors in the places of defaults by name."""
    if isinstance(value, DefaultsByName):
        return value._tensor
    if isinstance(value, list | tuple):
        return type(value)(map(_tensors, value))
    return {key: _tensors(item) for key, item in value.items()} if type(value) is dict else value


def _as_tensor(name: str) -> Callable[..., Any]:
    def operation(self: DefaultsByName, *others: Any) -> Any:
        return getattr(self._tensor, name)(*_tensors(others))

    operation.__name__ = name
    return operation


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    for _side in (f"__{_name}__", f"__r{_name}__"):
        setattr(DefaultsByName, _side, _as_tensor(_side))
for _name in ("__neg__", "__abs__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(DefaultsByName, _name, _as_tensor(_name))

"""A parameter of a structure, and the forms in which parameters are declared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, TypedDict

import torch
from torch import Tensor

from covstudio.covariance.parameters.transforms import Transform, TransformIdentity

__all__ = ["ParamSpec", "Parameter", "parse_parameters", "simple_param_specs"]


class ParamSpec(TypedDict, total=False):
    """The dict form of a declaration: whether fixed, raw default (1-D, of one value), transform."""

    fixed: bool
    default: Tensor
    trans: Transform


@lru_cache(maxsize=4096)
def _natural(transform: Transform, raw: float) -> float:
    """The natural value of a raw one; most parameters stand at one of a few defaults."""
    return float(transform(torch.tensor([raw], dtype=torch.float64)))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a structure.

    Args:
        name: its name, unique within the structure, such as `"sigma^2"`.
        transform: maps the raw value (the entry of theta) to the natural value the formula uses.
        default: the RAW value it starts from, or keeps when fixed; a number or a tensor of one element. May
            be infinite: a variance of exactly zero is `-inf`.
        fixed: a fixed parameter is a constant and no part of theta.
        dtype: dtype of the default; taken from a tensor `default`, else torch's default dtype.
        device: device of the default; taken from a tensor `default`, else the cpu.

    Raises:
        TypeError: a field is of the wrong type.
        ValueError: the name is empty, or the default is NaN or not exactly one number.

    Example:
        >>> from covstudio.covariance import Parameter, TransformExpPow2
        >>> round(Parameter("sigma^2", TransformExpPow2(), default=0.5).value, 6)
        2.718282
    """

    name: str
    transform: Transform = field(default_factory=TransformIdentity)
    default: float = 0.0
    fixed: bool = False
    dtype: torch.dtype | None = None
    device: torch.device | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(
                f"expected a parameter name (str), got {type(self.name).__name__} ({self.name!r}); write "
                f"{str(self.name)!r}."
            )
        if not self.name:
            raise ValueError("expected a parameter name, got an empty string; write one such as 'rho'.")
        if not isinstance(self.transform, Transform):
            raise TypeError(
                f"parameter {self.name!r}: expected a Transform, got {type(self.transform).__name__}; "
                "for no transform use TransformIdentity()."
            )
        if not isinstance(self.fixed, bool):
            raise TypeError(
                f"parameter {self.name!r}: expected fixed=True or False, got {self.fixed!r}; a value is set "
                "by value= (natural) or default= (raw)."
            )
        default, dtype, device = _scalar(self.default, f"the default of parameter {self.name!r}")
        object.__setattr__(self, "default", default)
        if self.dtype is None:
            object.__setattr__(self, "dtype", dtype or torch.get_default_dtype())
        if self.device is None:
            object.__setattr__(self, "device", device or torch.device("cpu"))

    @cached_property
    def value(self) -> float:
        """The natural value at the default, computed in double precision."""
        return _natural(self.transform, self.default)

    def renamed(self, name: str) -> Parameter:
        """A copy under another name; nothing else is looked at again.

        Args:
            name: the new name.

        Returns:
            The new parameter.

        Example:
            >>> from covstudio.covariance import Parameter
            >>> Parameter("rho", default=0.5).renamed("row/rho").name
            'row/rho'
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, name=name)
        return other

    def with_value(self, value: float | Tensor) -> Parameter:
        """A copy whose default is the raw value with the given natural value.

        Args:
            value: natural value, a number (the dtype of the default stays) or a tensor of one element (its
                dtype is taken over). The ends of the transform's codomain are allowed.

        Returns:
            The new parameter.

        Raises:
            ValueError: the value is outside the codomain of the transform.

        Example:
            >>> from covstudio.covariance import Parameter, TransformExpPow2
            >>> Parameter("sigma^2", TransformExpPow2()).with_value(0.0).default
            -inf
        """
        natural, dtype, device = _scalar(value, f"the value of parameter {self.name!r}")
        low, high = self.transform.bounds
        if not low <= natural <= high:
            raise ValueError(
                f"parameter {self.name!r}: expected a natural value in {self.transform.codomain}, got "
                f"{natural:g}; choose a value inside, or change the transform."
            )
        raw = float(self.transform.inverse(torch.tensor([natural], dtype=torch.float64)))
        return replace(self, default=raw, dtype=dtype or self.dtype, device=device or self.device)

    def with_default(self, default: float | Tensor) -> Parameter:
        """A copy with another raw default.

        Args:
            default: RAW value, a number (the dtype of the default stays) or a tensor of one element (its
                dtype is taken over).

        Returns:
            The new parameter.

        Raises:
            TypeError: the default is not a number.
            ValueError: it is NaN, or a tensor of another size.

        Example:
            >>> from covstudio.covariance import Parameter
            >>> Parameter("rho").with_default(0.5).default
            0.5
        """
        raw, dtype, device = _scalar(default, f"the default of parameter {self.name!r}")
        return replace(self, default=raw, dtype=dtype or self.dtype, device=device or self.device)

    def to_spec(self) -> ParamSpec:
        """The dict form `{"fixed", "default", "trans"}`, the default as a 1-D tensor of one raw value."""
        default = torch.tensor([self.default], dtype=self.dtype, device=self.device)
        return {"fixed": self.fixed, "default": default, "trans": self.transform}

    @classmethod
    def from_spec(cls, name: str, spec: Parameter | Mapping[str, Any]) -> Parameter:
        """Read a declaration in dict form, or take a `Parameter` under the given name.

        Args:
            name: the parameter's name.
            spec: a mapping with any of `fixed`, `default` (raw) and `trans`, or a `Parameter`.

        Returns:
            The parameter.

        Raises:
            TypeError: the declaration is neither.
            ValueError: the mapping has other keys.

        Example:
            >>> import torch
            >>> from covstudio.covariance import Parameter, TransformExp
            >>> Parameter.from_spec("range", {"default": torch.tensor([1.0]), "trans": TransformExp()}).fixed
            False
        """
        if isinstance(spec, Parameter):
            return spec if spec.name == name else replace(spec, name=name)
        if not isinstance(spec, Mapping):
            raise TypeError(
                f"parameter {name!r}: expected a Parameter or a dict with 'fixed', 'default' and 'trans', "
                f"got {type(spec).__name__} ({spec!r}); a raw default alone is {{'default': ...}}."
            )
        unknown = sorted(map(str, set(spec) - {"fixed", "default", "trans"}))
        if unknown:
            raise ValueError(
                f"parameter {name!r}: expected the keys 'fixed', 'default' and 'trans', got also {unknown}; "
                "remove or rename them."
            )
        trans = spec.get("trans")
        return cls(
            name=name,
            transform=TransformIdentity() if trans is None else trans,
            default=spec.get("default", 0.0),
            fixed=spec.get("fixed", False),
        )


def _scalar(value: float | Tensor, what: str) -> tuple[float, torch.dtype | None, torch.device | None]:
    """One number as a float, with the dtype and device it came in when it was a floating tensor."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError(
                f"expected {what} to be one number, got a tensor of shape {tuple(value.shape)}; declare one "
                "parameter per number."
            )
        number = float(value.detach())
        floating = value.is_floating_point()
        dtype, device = (value.dtype, value.device) if floating else (None, None)
    elif isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(
            f"expected {what} to be a number or a tensor of one element, got {type(value).__name__} "
            f"({value!r}); write a number such as 0.5."
        )
    else:
        number, dtype, device = float(value), None, None
    if math.isnan(number):
        raise ValueError(f"expected {what} to be a number, got NaN; choose a number, infinity included.")
    return number, dtype, device


def simple_param_specs(
    n: int, default: float | Tensor | None = None, trans: Transform | None = None
) -> dict[str, ParamSpec]:
    """Declarations of n free parameters `theta_0`, `theta_1`, ...

    Args:
        n: how many.
        default: RAW default of each, one number; None is 0.
        trans: the transform of each; None is the identity.

    Returns:
        Name -> {"fixed", "default" (1-D tensor of one value), "trans"}.

    Raises:
        TypeError: an argument is of the wrong type.

    Example:
        >>> from covstudio.covariance import simple_param_specs
        >>> simple_param_specs(2)["theta_1"]["default"]
        tensor([0.])
    """
    spec = {"default": 0.0 if default is None else default, "trans": trans}
    return {f"theta_{k}": Parameter.from_spec(f"theta_{k}", spec).to_spec() for k in range(n)}


def parse_parameters(
    specs: object, trans: object = None, *, label: str, dtype: torch.dtype | None = None
) -> tuple[Parameter, ...]:
    """Read either form of declaration: a name -> spec mapping, or a list of names with transforms.

    Args:
        specs: mapping from name to `Parameter` or spec dict, sequence of `Parameter`, list of names, or
            None.
        trans: with a list of names: list of transforms, one of them for all, or None for identities.
        label: what to call the structure in messages.
        dtype: dtype of defaults that bring none of their own.

    Returns:
        The parameters, in order.

    Raises:
        TypeError: names that are not strings, or transforms that are none.
        ValueError: repeated names, or a number of transforms that fits neither one nor all.
    """
    if specs is None:
        specs = ()
    if isinstance(specs, Mapping):
        if trans is not None:
            raise ValueError(
                f"{label}: trans belongs to a list of names; here put 'trans' into each specification."
            )
        return tuple(_typed(name, spec, dtype) for name, spec in specs.items())
    if isinstance(specs, str) or not isinstance(specs, Iterable):
        raise TypeError(
            f"{label}: expected parameters as a dict of specifications or a list of names, got "
            f"{type(specs).__name__} ({specs!r}); write ['rho'] or {{'rho': Parameter('rho')}}."
        )
    entries = list(specs)
    for entry in entries:
        if not isinstance(entry, str | Parameter):
            raise TypeError(
                f"{label}: expected param_names as a list of strings, got {type(entry).__name__} "
                f"({entry!r}) in it; write {str(entry)!r}."
            )
    names = [entry.name if isinstance(entry, Parameter) else entry for entry in entries]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{label}: expected unique parameter names, got {repeated} more than once; rename.")
    transforms = _transforms(trans, len(names), label)
    return tuple(
        entry if isinstance(entry, Parameter) else _typed(entry, {"trans": transform}, dtype)
        for entry, transform in zip(entries, transforms, strict=True)
    )


def _transforms(trans: object, count: int, label: str) -> list[Transform]:
    given: list[Transform] = []
    listed = trans if isinstance(trans, Iterable) else [] if trans is None else [trans]
    for transform in listed:
        if not isinstance(transform, Transform):
            raise TypeError(
                f"{label}: expected trans as a list of Transform objects, got {type(transform).__name__} "
                f"({transform!r}); for no transform use TransformIdentity()."
            )
        given.append(transform)
    if not given:
        return [TransformIdentity()] * count
    if len(given) == 1:
        return given * count
    if len(given) != count:
        raise ValueError(
            f"{label}: expected 1 or {count} transforms for {count} parameters, got {len(given)}; give one "
            "per name, in order, or one for all."
        )
    return given


def _typed(name: str, spec: Parameter | Mapping[str, Any], dtype: torch.dtype | None) -> Parameter:
    if isinstance(spec, Parameter):
        return Parameter.from_spec(name, spec)
    parameter = Parameter.from_spec(name, spec)
    if dtype is not None and not isinstance(spec.get("default"), Tensor):
        return Parameter(
            parameter.name, parameter.transform, parameter.default, parameter.fixed, dtype, parameter.device
        )
    return parameter

"""The base of what has parameters: names, defaults, free and fixed ones, and theta in its three forms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, overload

import torch
from torch import Tensor

from covstudio.covariance.parameters.by_name import DefaultsByName, Specs, TransformsByName
from covstudio.covariance.parameters.layout import Layout
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import Transform
from covstudio.covariance.parameters.unknown import UnknownParameter, few, listed, suggest

__all__ = ["Parameterised", "Params", "UnknownParameter"]

#: What is accepted as parameters: None (the defaults), a flat 1-D tensor, or a dict of 1-element tensors.
Params = Tensor | Mapping[str, Tensor] | None


class Parameterised(ABC):
    """Base of `Matrix`: everything about parameters, nothing about matrices."""

    _library_base = True
    _held: frozenset[str] = frozenset()
    _dtype: torch.dtype | None = None
    _device: torch.device | None = None

    @abstractmethod
    def _layout(self) -> Layout:
        """The layout of theta as it stands."""

    def _label(self) -> str:
        return type(self).__name__

    # -- the newer interface ---------------------------------------------------------------------------------

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters, free and fixed, in order."""
        return self._layout().parameters

    @property
    def param_specs(self) -> Specs:
        """All declarations in dict form, by name.

        Each is {"fixed", "default" (raw, 1-D tensor of one value), "trans"}.

        Edits take effect as by `set_param_specs`, on an operator in the operand:
        `v.param_specs["time/rho"]["fixed"] = True`.
        """
        return Specs(self, self.parameters)

    @property
    def param_names(self) -> list[str]:
        """Names of all parameters, free and fixed, in order."""
        return list(self._layout().names)

    @property
    def free_param_names(self) -> list[str]:
        """Names of the free parameters: the entries of theta."""
        layout = self._layout()
        return [layout.names[k] for k in layout.free]

    @property
    def fixed_param_names(self) -> list[str]:
        """Names of the fixed parameters."""
        layout = self._layout()
        return [layout.names[k] for k in layout.fixed]

    @property
    def free_param_index(self) -> list[int]:
        """Positions of the free parameters in `param_names`."""
        return list(self._layout().free)

    @property
    def fixed_param_index(self) -> list[int]:
        """Positions of the fixed parameters in `param_names`."""
        return list(self._layout().fixed)

    @property
    def num_params(self) -> int:
        """Number of all parameters, free and fixed."""
        return len(self._layout().parameters)

    @property
    def num_free_params(self) -> int:
        """Number of free parameters: the length of theta."""
        return len(self._layout().free)

    @property
    def num_fixed_params(self) -> int:
        """Number of fixed parameters."""
        return len(self._layout().fixed)

    @property
    def param_defaults(self) -> DefaultsByName:
        """RAW defaults of all parameters: a dict by name that serves as the 1-D tensor of them, too."""
        return self._defaults_by_name(range(self.num_params))

    @property
    def free_param_defaults(self) -> DefaultsByName:
        """RAW defaults of the free parameters, as `param_defaults`: the theta that `None` stands for."""
        return self._defaults_by_name(self._layout().free)

    @property
    def fixed_param_defaults(self) -> DefaultsByName:
        """RAW constants of the fixed parameters, as `param_defaults`."""
        return self._defaults_by_name(self._layout().fixed)

    @property
    def param_trans(self) -> TransformsByName:
        """Transforms of all parameters by name; a position finds one, too."""
        return self._transforms_by_name(range(self.num_params))

    @property
    def free_param_trans(self) -> TransformsByName:
        """Transforms of the free parameters, as `param_trans`."""
        return self._transforms_by_name(self._layout().free)

    @property
    def fixed_param_trans(self) -> TransformsByName:
        """Transforms of the fixed parameters, as `param_trans`."""
        return self._transforms_by_name(self._layout().fixed)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the defaults, in which a call without parameters is evaluated."""
        return self._layout().dtype or self._dtype or torch.get_default_dtype()

    @property
    def device(self) -> torch.device:
        """The device of the defaults."""
        return self._layout().device or self._device or torch.device("cpu")

    def get_default_dtype_device(self) -> tuple[torch.device, torch.dtype]:
        """The device and the dtype that all defaults share; torch's own where there are no parameters.

        Returns:
            `(device, dtype)`.

        Raises:
            ValueError: the defaults differ in them.

        Example:
            >>> from covstudio.covariance import ScalarMatrix
            >>> ScalarMatrix(2).get_default_dtype_device()
            (device(type='cpu'), torch.float32)
        """
        found = {(parameter.device, parameter.dtype) for parameter in self.parameters}
        if len(found) > 1:
            raise ValueError(
                f"{self._label()}: expected defaults of one dtype on one device, got "
                f"{sorted(f'{dtype} on {device}' for device, dtype in found)}; set_param_specs sets them."
            )
        for device, dtype in found:
            assert device is not None
            assert dtype is not None
            return device, dtype
        return torch.get_default_device(), torch.get_default_dtype()

    def _defaults_by_name(self, index: Sequence[int]) -> DefaultsByName:
        layout = self._layout()
        tensor = layout.defaults(index, self.dtype, self.device)
        return DefaultsByName(self, [layout.names[k] for k in index], tensor)

    def _transforms_by_name(self, index: Sequence[int]) -> TransformsByName:
        parameters = self.parameters
        return TransformsByName(self, {parameters[k].name: parameters[k].transform for k in index})

    @overload
    def build_params(
        self,
        free_params: Params = ...,
        include_fixed: bool = ...,
        trans: bool = ...,
        out_format: Literal["tensor"] = ...,
    ) -> Tensor: ...

    @overload
    def build_params(
        self,
        free_params: Params = ...,
        include_fixed: bool = ...,
        trans: bool = ...,
        *,
        out_format: Literal["dict"],
    ) -> dict[str, Tensor]: ...

    def build_params(
        self,
        free_params: Params = None,
        include_fixed: bool = True,
        trans: bool = True,
        out_format: str = "tensor",
    ) -> Tensor | dict[str, Tensor]:
        """The parameters a formula needs: checked, completed by the fixed ones, on the natural scale.

        Args:
            free_params: RAW free parameters: None (the defaults), a 1-D tensor of length
                `num_free_params`, or a dict with exactly the free names and 1-element tensors.
            include_fixed: True for all parameters in the order of `param_names`, False for the free ones.
            trans: True for natural values, False for raw ones.
            out_format: "tensor" or "dict".

        Returns:
            A 1-D tensor, or a dict from name to 1-element tensor.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, missing or unexpected names, or an unknown `out_format`.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(2).build_params(torch.tensor([0.0, 0.5]), out_format="dict")
            {'sigma^2_0': tensor([1.]), 'sigma^2_1': tensor([2.7183])}
        """
        if out_format not in ("tensor", "dict"):
            raise ValueError(f"{self._label()}: expected out_format='tensor' or 'dict', got {out_format!r}.")
        layout = self._layout()
        theta = self._theta(free_params)
        index: Sequence[int] = range(len(layout.parameters)) if include_fixed else layout.free
        raw = layout.complete(theta) if include_fixed else theta
        values = layout.natural(raw, index) if trans else raw
        if out_format == "tensor":
            return values
        return {layout.names[k]: values[place : place + 1] for place, k in enumerate(index)}

    def set_param_specs(
        self,
        key: str | None = None,
        fixed: bool | None = None,
        default: float | Tensor | None = None,
        trans: Transform | None = None,
        value: float | Tensor | None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Change a parameter, or all of a subtree; what is left out stays as it is.

        Args:
            key: the parameter's name; on an operator the prefixed name, and the change reaches the operand
                itself. A key that ends in "/" is all parameters of that operand, to any depth: "field/";
                "/" is all there are.
            name: another name of `key`.
            fixed: True makes it a constant outside theta, False an entry of theta.
            default: RAW default, also the constant of a fixed parameter.
            trans: its transform.
            value: NATURAL value; sets the default through the transform's inverse. A number keeps the dtype
                of the present default, a tensor brings its own.

        Raises:
            UnknownParameter: there is no such parameter; a KeyError.
            TypeError: an argument is of the wrong type.
            ValueError: both `default` and `value` are given, or the value is outside the transform's
                codomain.

        Example:
            >>> from covstudio.covariance import AR1Matrix
            >>> mat = AR1Matrix(3)
            >>> mat.set_param_specs("sigma^2", fixed=True, value=1.0)
            >>> mat.free_param_names
            ['rho']
            >>> mat.set_param_specs("/", fixed=False)
            >>> mat.free_param_names
            ['sigma^2', 'rho']
        """
        if (key is None) == (name is None):
            raise TypeError(
                f"{self._label()}.set_param_specs: expected the parameter's name once, got "
                f"{'none' if key is None else f'{key!r} and name={name!r}'}."
            )
        name = key if name is None else name
        assert name is not None
        if default is not None and value is not None:
            raise ValueError(
                f"{self._label()}: parameter {name!r} got both default (raw) and value (natural); give "
                "one of them."
            )
        changes: list[Parameter] = []
        for parameter in self._below(name) if name.endswith("/") else [self._find(name)]:
            changed = Parameter(
                parameter.name,
                parameter.transform if trans is None else trans,
                parameter.default,
                parameter.fixed if fixed is None else fixed,
                parameter.dtype,
                parameter.device,
            )
            if default is not None:
                changed = changed.with_default(default)
            if value is not None:
                changed = changed.with_value(value)
            changes.append(changed)
        for changed in changes:
            self._replace(changed.name, changed)

    def _below(self, key: str) -> list[Parameter]:
        """All parameters of a subtree, by its path with a "/" at the end."""
        parameters = self.parameters
        found = [parameter for parameter in parameters if key == "/" or parameter.name.startswith(key)]
        if not found:
            raise UnknownParameter(self._label(), key, self._layout().names)
        return found

    def _find(self, name: str) -> Parameter:
        layout = self._layout()
        if name not in layout.position:
            raise UnknownParameter(self._label(), name, layout.names)
        return layout.parameters[layout.position[name]]

    @abstractmethod
    def _replace(self, name: str, parameter: Parameter) -> None:
        """Put a changed parameter in the place of the one called `name`."""

    # -- theta -----------------------------------------------------------------------------------------------

    def _theta(self, params: Params) -> Tensor:
        """Check parameters in any accepted form and return theta, a 1-D tensor of the free parameters."""
        layout = self._layout()
        if params is None:
            return layout.defaults(layout.free, self.dtype, self.device)
        if isinstance(params, Mapping):
            return self._flatten(params)
        if not isinstance(params, Tensor):
            raise TypeError(
                f"{self._label()}: expected the free parameters as a 1-D torch.Tensor, a dict of "
                f"1-element tensors or None, got {type(params).__name__}; use torch.tensor([...])."
            )
        if params.ndim == 1 and params.shape[0] == len(layout.free):
            return self._floating(params, "parameters")
        expected = [layout.names[k] for k in layout.free]
        if params.ndim != 1:
            raise ValueError(
                f"{self._label()}: expected a 1-D tensor of {len(expected)} free parameters, got shape "
                f"{tuple(params.shape)}; use .flatten()."
            )
        raise ValueError(
            f"{self._label()}: expected {len(expected)} free parameters {few(expected)}, got "
            f"{len(params)}; give one raw value per name, in this order"
            f"{self._fixed_hint(len(params))}."
        )

    def _floating(self, entry: Tensor, what: str) -> Tensor:
        """Whole numbers as floating-point ones, in the dtype of the defaults."""
        if entry.is_floating_point():
            return entry
        if entry.is_complex() or entry.dtype == torch.bool:
            raise TypeError(
                f"{self._label()}: expected {what} to be numbers, got {entry.dtype}; use .double() or "
                ".float()."
            )
        return entry.to(self.dtype)

    def _fixed_hint(self, count: int) -> str:
        layout = self._layout()
        if not layout.fixed or count != len(layout.names):
            return ""
        return f", without the fixed {few(self.fixed_param_names)}"

    def _flatten(self, params: Mapping[str, Tensor]) -> Tensor:
        layout = self._layout()
        expected = [layout.names[k] for k in layout.free]
        missing = [name for name in expected if name not in params]
        unexpected = [name for name in params if name not in layout.position]
        fixed = [
            name
            for name in params
            if name in layout.position and layout.parameters[layout.position[name]].fixed
        ]
        if missing or unexpected or fixed:
            reasons = [f"missing {listed(missing)}"] if missing else []
            reasons += (
                [f"unexpected {listed(unexpected)}{suggest(unexpected[0], missing)}"] if unexpected else []
            )
            reasons += (
                [f"fixed, so not accepted here: {listed(fixed)} (set_param_specs changes them)"]
                if fixed
                else []
            )
            raise ValueError(
                f"{self._label()}: expected exactly the {len(expected)} free parameters {listed(expected)}, "
                f"got {len(params)}: {'; '.join(reasons)}; free_param_names lists what belongs in the dict."
            )
        for name in expected:
            entry = params[name]
            if not isinstance(entry, Tensor):
                raise TypeError(
                    f"{self._label()}: expected parameter {name!r} as a floating-point tensor of one "
                    f"element, got {type(entry).__name__}; use torch.tensor([...])."
                )
            if entry.numel() != 1:
                raise ValueError(
                    f"{self._label()}: expected parameter {name!r} as a tensor of one element, got shape "
                    f"{tuple(entry.shape)}; give each its own entry in the dict."
                )
        if not expected:
            return torch.zeros(0, dtype=self.dtype, device=self.device)
        return torch.cat(
            [self._floating(params[name], f"parameter {name!r}").reshape(1) for name in expected]
        )

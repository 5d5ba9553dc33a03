"""The base of what has parameters: names, defaults, free and fixed ones, and theta in its three forms."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, overload

import torch
from torch import Tensor

from covstudio.covariance.parameters.layout import Layout
from covstudio.covariance.parameters.parameter import Parameter, ParamSpec
from covstudio.covariance.parameters.transforms import Transform

__all__ = ["Parameterised", "Params", "UnknownParameter", "few", "suggest"]

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
    def param_specs(self) -> dict[str, ParamSpec]:
        """All declarations in dict form, by name.

        Each is {"fixed", "default" (raw, 1-D tensor of one value), "trans"}.

        The dict is a copy; change a parameter with `set_param_specs`.
        """
        return {parameter.name: parameter.to_spec() for parameter in self.parameters}

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
    def param_defaults(self) -> Tensor:
        """RAW defaults of all parameters, shape (num_params,)."""
        return self._defaults(range(self.num_params))

    @property
    def free_param_defaults(self) -> Tensor:
        """RAW defaults of the free parameters: the theta that `None` stands for."""
        return self._defaults(self._layout().free)

    @property
    def fixed_param_defaults(self) -> Tensor:
        """RAW constants of the fixed parameters, shape (num_fixed_params,)."""
        return self._defaults(self._layout().fixed)

    @property
    def param_trans(self) -> list[Transform]:
        """Transforms of all parameters."""
        return [parameter.transform for parameter in self.parameters]

    @property
    def free_param_trans(self) -> list[Transform]:
        """Transforms of the free parameters."""
        return [parameter.transform for parameter in self.parameters if not parameter.fixed]

    @property
    def fixed_param_trans(self) -> list[Transform]:
        """Transforms of the fixed parameters."""
        return [parameter.transform for parameter in self.parameters if parameter.fixed]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the defaults, in which a call without parameters is evaluated."""
        return self._layout().dtype or self._dtype or torch.get_default_dtype()

    @property
    def device(self) -> torch.device:
        """The device of the defaults."""
        return self._layout().device or self._device or torch.device("cpu")

    def _defaults(self, index: Sequence[int]) -> Tensor:
        return self._layout().defaults(index, self.dtype, self.device)

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
        name: str,
        fixed: bool | None = None,
        default: float | Tensor | None = None,
        trans: Transform | None = None,
        value: float | Tensor | None = None,
    ) -> None:
        """Change one parameter; what is left out stays as it is.

        Args:
            name: the parameter's name; on an operator the prefixed name, and the change reaches the operand
                itself.
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
        """
        if default is not None and value is not None:
            raise ValueError(
                f"{self._label()}: parameter {name!r} got both default (raw) and value (natural); give "
                "one of them."
            )
        parameter = self._find(name)
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
        self._replace(name, changed)

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
        expected = [layout.names[k] for k in layout.free]
        if params.ndim != 1:
            raise ValueError(
                f"{self._label()}: expected a 1-D tensor of {len(expected)} free parameters, got shape "
                f"{tuple(params.shape)}; use .flatten()."
            )
        if len(params) != len(expected):
            raise ValueError(
                f"{self._label()}: expected {len(expected)} free parameters {few(expected)}, got "
                f"{len(params)}; give one raw value per name, in this order"
                f"{self._fixed_hint(len(params))}."
            )
        if not params.is_floating_point():
            raise TypeError(
                f"{self._label()}: expected floating-point parameters, got {params.dtype}; use .double() "
                "or .float()."
            )
        return params

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
            if not isinstance(entry, Tensor) or not entry.is_floating_point():
                came = entry.dtype if isinstance(entry, Tensor) else type(entry).__name__
                raise TypeError(
                    f"{self._label()}: expected parameter {name!r} as a floating-point tensor of one "
                    f"element, got {came}; use torch.tensor([...])."
                )
            if entry.numel() != 1:
                raise ValueError(
                    f"{self._label()}: expected parameter {name!r} as a tensor of one element, got shape "
                    f"{tuple(entry.shape)}; give each its own entry in the dict."
                )
        if not expected:
            return torch.zeros(0, dtype=self.dtype, device=self.device)
        return torch.cat([params[name].reshape(1) for name in expected])


class UnknownParameter(KeyError):
    """There is no parameter of that name."""

    def __init__(self, label: str, name: object, names: Sequence[str]) -> None:
        super().__init__(label, name, names)
        self.label, self.name, self.names = label, name, tuple(names)

    def __str__(self) -> str:
        has = f"it has {listed(self.names)}" if self.names else "it has none"
        return f"{self.label} has no parameter {self.name!r}; {has}{suggest(self.name, self.names) or '.'}"


def few(names: Sequence[object]) -> str:
    """The first of many names, for messages."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return f"({shown}{', ...' if len(names) > _SHOWN else ''})" if names else "(there are none)"


def listed(names: Sequence[str]) -> str:
    """The first of many names as a list, for messages."""
    return f"[{', '.join(map(repr, names[:_SHOWN]))}{', ...' if len(names) > _SHOWN else ''}]"


def suggest(name: object, names: Sequence[str]) -> str:
    """What was probably meant, as the end of a message."""
    close = difflib.get_close_matches(str(name), names, n=2)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


_SHOWN = 6

"""The base of leaves: a default declaration that can be replaced, and the promise that hangs on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.parameters.parameter import Parameter

__all__ = ["Leaf", "ParamSpecs"]

#: A declaration of parameters: name -> `Parameter`, or name -> {"fixed", "default", "trans"}.
ParamSpecs = Mapping[str, Any]


class Leaf(Matrix):
    """A structure with a default declaration of its parameters, which the caller may replace.

    The formula of a leaf is a covariance for natural values within the default transforms' codomains. Its
    promise to be positive semi-definite is kept as long as its parameters cannot leave them.

    Args:
        shape: (rows, columns).
        param_specs: The caller's declaration, or None. With the default names, in any order, each replaces
            the one of that name; with other names, they replace the default ones in order.
        defaults: The parameters of the formula, in the order of its natural values.

    Raises:
        TypeError: `param_specs` is not a mapping.
        ValueError: it declares another number of parameters than the formula has.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Leaf, Parameter, TransformExp
        >>> class Corner(Leaf):
        ...     def __init__(self, param_specs=None):
        ...         super().__init__((2, 2), param_specs, [Parameter("height", TransformExp())])
        ...     def evaluate(self, natural):
        ...         return natural * torch.tensor([[1.0, 0.0], [0.0, 0.0]])
        >>> Corner()(torch.tensor([0.0]))
        tensor([[1., 0.],
                [0., 0.]])
        >>> Corner({"height": Parameter("height", default=3.0, fixed=True)})()
        tensor([[3., 0.],
                [0., 0.]])
    """

    #: Whether V is positive definite for every finite theta of the default declaration.
    _definite = False

    def __init__(
        self, shape: tuple[int, int], param_specs: ParamSpecs | None, defaults: Sequence[Parameter]
    ) -> None:
        self._limits = tuple(parameter.transform.bounds for parameter in defaults)
        self._formula_names = tuple(parameter.name for parameter in defaults)
        super().__init__(shape, _declared(param_specs, defaults, type(self).__name__))

    def formula_names(self) -> tuple[str, ...]:
        """The names that the parameters of the formula are declared under, in its order."""
        return self._formula_names

    @property
    def psd(self) -> bool:
        """True when V is promised positive semi-definite for every theta."""
        return super().psd and self._within_limits(strictly=False)

    @property
    def positive_definite(self) -> bool:
        """True when V is promised positive definite for every finite theta."""
        return self._definite and self._within_limits(strictly=True)

    def _within_limits(self, strictly: bool) -> bool:
        for parameter, (low, high) in zip(self.parameters, self._limits, strict=True):
            if parameter.fixed:
                value = parameter.value
                inside = low < value < high if strictly else low <= value <= high
            else:
                lowest, highest = parameter.transform.bounds
                inside = low <= lowest and highest <= high
            if not inside:
                return False
        return True


def _declared(param_specs: ParamSpecs | None, defaults: Sequence[Parameter], label: str) -> ParamSpecs:
    expected = [parameter.name for parameter in defaults]
    if param_specs is None:
        return dict(zip(expected, defaults, strict=True))
    if not isinstance(param_specs, Mapping):
        raise TypeError(
            f"{label}: param_specs must map each of {_names(expected)} to its declaration, got "
            f"{type(param_specs).__name__}; pass a dict"
        )
    given = list(param_specs)
    if len(given) != len(expected):
        raise ValueError(
            f"{label}: param_specs must declare {len(expected)} parameters ({_names(expected)}), got "
            f"{len(given)} "
            f"({_names(given)}); to change only some, construct the matrix and use set_param_specs"
        )
    if set(given) == set(expected):
        return {name: param_specs[name] for name in expected}
    return dict(param_specs)


def _names(names: Sequence[object]) -> str:
    shown = ", ".join(str(name) for name in names[:6])
    return (shown + ", ..." if len(names) > 6 else shown) or "none"

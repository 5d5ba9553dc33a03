"""The older interface: dict forms of the free parameters, held parameters, kept intermediates."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.parameters.differentiation import traced
from covstudio.covariance.parameters.layout import Layout
from covstudio.covariance.parameters.parameterised import Parameterised, Params
from covstudio.covariance.parameters.transforms import Transform
from covstudio.covariance.parameters.unknown import few

__all__ = ["FreeParameters"]


@dataclass(frozen=True, eq=False)
class _Kept:
    """An object kept by `set_intermediates`, with all that it depends on."""

    theta: Tensor
    values: Tensor
    layout: Layout
    intermediates: object


class FreeParameters(Parameterised):
    """Second base of `Matrix`: theta as the older interface sees it."""

    _library_base = True
    _intermediates: _Kept | None = None
    _keeps = True

    @property
    def trans(self) -> list[Transform]:
        """Transforms of all parameters; the older name of `param_trans`."""
        return [parameter.transform for parameter in self.parameters]

    def from_param_dict(self, param_dict: Params) -> Tensor:
        """The free parameters as a flat tensor in the order of `free_param_names`.

        Args:
            param_dict: dict from each free name to a 1-element RAW tensor; a flat tensor is checked and
                returned; None gives the defaults.

        Returns:
            1-D tensor of length `num_free_params`.

        Raises:
            TypeError: an entry is not a floating-point tensor.
            ValueError: missing or unexpected names, or a tensor of the wrong length.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> params = {"sigma^2_1": torch.tensor([1.0]), "sigma^2_0": torch.tensor([0.0])}
            >>> DiagonalMatrix(2).from_param_dict(params)
            tensor([0., 1.])
        """
        return self._theta(param_dict)

    def to_param_dict(self, params: Params) -> dict[str, Tensor]:
        """The free parameters as a dict of 1-element tensors; the inverse of `from_param_dict`.

        Args:
            params: flat 1-D RAW tensor of length `num_free_params`; a dict is returned as it is; None
                gives the defaults.

        Returns:
            Dict from each free name to a 1-D tensor of one element.

        Raises:
            TypeError: `params` is not a floating-point tensor.
            ValueError: wrong length or dimension.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(2).to_param_dict(torch.tensor([0.0, 0.5]))
            {'sigma^2_0': tensor([0.]), 'sigma^2_1': tensor([0.5000])}
        """
        if isinstance(params, Mapping):
            return params if isinstance(params, dict) else dict(params)
        theta = self._theta(params)
        return {name: theta[k : k + 1] for k, name in enumerate(self.free_param_names)}

    def check_params(self, params: Params) -> tuple[torch.device, torch.dtype]:
        """Check parameters in any accepted form.

        Args:
            params: RAW free parameters.

        Returns:
            `(device, dtype)` of theta.

        Raises:
            TypeError: not a floating-point tensor, nor a dict of such.
            ValueError: not 1-D, of the wrong length, or with missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(2).check_params(torch.zeros(2, dtype=torch.float64))
            (device(type='cpu'), torch.float64)
        """
        theta = self._theta(params)
        return theta.device, theta.dtype

    def trans_params(self, params: Params = None) -> Tensor:
        """Natural values of the free parameters.

        Args:
            params: RAW free parameters.

        Returns:
            1-D tensor of length `num_free_params`.

        Raises:
            TypeError: not a floating-point tensor, nor a dict of such.
            ValueError: not 1-D, of the wrong length, or with missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(3).trans_params(torch.tensor([0.0, 0.5, 1.0]))
            tensor([1.0000, 2.7183, 7.3891])
        """
        layout = self._layout()
        return layout.natural(self._theta(params), layout.free)

    def trans_grad(self, free_params: Params = None) -> Tensor:
        """Derivative of each free parameter's transform, element by element.

        Args:
            free_params: RAW free parameters.

        Returns:
            1-D tensor of length `num_free_params`: d natural / d raw.

        Raises:
            TypeError: not a floating-point tensor, nor a dict of such.
            ValueError: not 1-D, of the wrong length, or with missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(3).trans_grad(torch.tensor([0.0, 0.5, 1.0]))
            tensor([ 2.0000,  5.4366, 14.7781])
        """
        layout = self._layout()
        return layout.slope(self._theta(free_params), layout.free)

    # -- held parameters -------------------------------------------------------------------------------------

    @property
    def no_grad_index(self) -> list[int]:
        """Positions in theta of the held parameters: part of theta, left out of the Jacobian."""
        held = self._held
        return [k for k, name in enumerate(self.free_param_names) if name in held] if held else []

    def set_no_grad(
        self, index: int | Iterable[int] | None = None, param_name: str | Iterable[str] | None = None
    ) -> None:
        """Choose the held parameters; replaces the previous choice.

        A held parameter stays in theta but is left out of the Jacobian and its names. The choice belongs to
        this object: it changes neither its operands nor the operators it is used in.

        Args:
            index: position or positions in theta (in `free_param_names`); an empty list holds nothing.
            param_name: name or names; instead of `index`.

        Raises:
            ValueError: both or neither are given, or a position is out of range.
            TypeError: a position is not a whole number.
            UnknownParameter: a name is not a parameter; a KeyError.

        Example:
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(3)
            >>> mat.set_no_grad(index=0)
            >>> mat.grad()[1]
            ['sigma^2_1', 'sigma^2_2']
        """
        if (index is None) == (param_name is None):
            got = "neither" if index is None else "both"
            raise ValueError(
                f"{self._label()}.set_no_grad: expected exactly one of index and param_name, got {got}; "
                "index=[] holds nothing."
            )
        if param_name is not None:
            names = [param_name] if isinstance(param_name, str) else list(param_name)
            for name in names:
                self._find(name)
            self._held = frozenset(names)
            return
        free = self.free_param_names
        chosen = _positions(index, self._label())
        for k in chosen:
            if not 0 <= k < len(free):
                expected = f"within 0..{len(free) - 1}" if free else "[]"
                raise ValueError(
                    f"{self._label()}: expected no_grad_index {expected} ({len(free)} free parameters), got "
                    f"{k}; positions count from 0 in {few(free)}, or hold by name with param_name."
                )
        self._held = frozenset(free[k] for k in chosen)

    # -- intermediates ---------------------------------------------------------------------------------------

    def set_intermediates(self, params: Params, intermediates: object) -> None:
        """Keep an object (a factor, a decomposition) for exactly these parameters.

        Args:
            params: RAW free parameters, in any accepted form; or whatever a class computes with, such as
                what `build_params` gives, with the fixed ones in it. Nothing is kept when there are
                none.
            intermediates: the object.

        Raises:
            TypeError: `params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.set_intermediates(torch.tensor([0.0, 0.5]), "factor")
            >>> mat.get_intermediates(torch.tensor([0.0, 0.5]))
            'factor'
        """
        theta = self._key(params)
        if self._keeps and len(theta) and not traced(theta):
            self._intermediates = _Kept(theta, theta.detach().clone(), self._layout(), intermediates)

    def get_intermediates(self, params: Params) -> Any:
        """The kept object, if it was kept for exactly these values, dtype and device.

        A change of any parameter (`set_param_specs`, also in an operand) makes it stale. Where theta
        asks for gradients the object is returned for that very tensor alone: another one has a graph of its
        own.

        Args:
            params: what it was kept for; see `set_intermediates`.

        Returns:
            The object, or None.

        Raises:
            TypeError: `params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.set_intermediates(torch.zeros(2), "factor")
            >>> mat.get_intermediates(torch.zeros(2))
            'factor'
            >>> print(mat.get_intermediates(torch.ones(2)))
            None
        """
        theta = self._key(params)
        kept = self._intermediates
        if kept is None or traced(theta) or kept.layout is not self._layout():
            return None
        if (theta.requires_grad or kept.theta.requires_grad) and theta is not kept.theta:
            return None
        values = kept.values
        same = values.dtype == theta.dtype and values.device == theta.device and torch.equal(values, theta)
        return kept.intermediates if same else None

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or what is read back from a file, starts without a kept object."""
        return {name: value for name, value in self.__dict__.items() if name != "_intermediates"}

    def _key(self, params: Params) -> Tensor:
        """What an object is kept under: theta, or all parameters where a tensor has as many entries."""
        if isinstance(params, Tensor) and params.shape == (self.num_params,):
            return self._floating(params, "parameters")
        return self._theta(params)

    @property
    def cache(self) -> bool:
        """Whether anything is kept from one call to the next: see `enable_cache`."""
        return self._keeps

    def enable_cache(self) -> None:
        """Keep what `set_intermediates` is given and what a call computes, on an operator in all operands.

        What a call or a Jacobian computes on its way serves the next at exactly the same theta: natural
        values, correlations, an inverse, the operands' values that a derivative needs. Of the last theta
        alone, and no tensor above 1 MB. Nothing is kept where autograd watches, nor of structures that
        are functions of the user's, as these may read what changes.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.disable_cache()
            >>> mat.set_intermediates(torch.zeros(2), "factor")
            >>> print(mat.get_intermediates(torch.zeros(2)), mat.cache)
            None False
            >>> mat.enable_cache()
        """
        self._keep(True)

    def disable_cache(self) -> None:
        """Keep nothing, and forget what is kept; on an operator for all its operands, too."""
        self._keep(False)

    def _keep(self, keeps: bool) -> None:
        self._keeps = keeps
        if not keeps:
            self._intermediates = None

    def reset_intermediates(self) -> None:
        """Forget the kept object, on an operator also those of its operands.

        `auto_grad` does so before it differentiates.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.set_intermediates(torch.zeros(2), "factor")
            >>> mat.reset_intermediates()
            >>> print(mat.get_intermediates(torch.zeros(2)))
            None
        """
        self._intermediates = None


def _positions(index: Any, label: str) -> list[int]:
    """Whole numbers, one or several, as a list of int."""
    try:
        # A number, of numpy or torch too, is no list, although a 0-d tensor says it can be iterated.
        several = isinstance(index, Iterable) and getattr(index, "ndim", 1) > 0
        chosen: list[Any] = list(index) if several else [index]
        if any(isinstance(k, bool) for k in chosen):
            raise TypeError
        return [operator.index(k) for k in chosen]
    except TypeError:
        raise TypeError(
            f"{label}: expected whole numbers as no_grad_index, one or a list, got {index!r}; hold by "
            "name with set_no_grad(param_name=...)."
        ) from None

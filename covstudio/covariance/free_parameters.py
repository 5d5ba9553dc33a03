"""The older interface, which speaks of the free parameters: dict forms, held parameters, kept
intermediates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from .derivative import traced
from .parameterised import Parameterised, Params
from .transform import Transform

__all__ = ["FreeParameters"]


class FreeParameters(Parameterised):
    """Second base of ``Matrix``: theta as the older interface sees it."""

    _library_base = True
    _intermediates: tuple[Tensor, object] | None = None

    @property
    def trans(self) -> list[Transform]:
        """Transforms of all parameters; the older name of :attr:`param_trans`."""
        return self.param_trans

    def from_param_dict(self, param_dict: Params) -> Tensor:
        """The free parameters as a flat tensor in the order of ``free_param_names``.

        Args:
            param_dict: dict from each free name to a 1-element RAW tensor; a flat tensor is checked and
                returned; None gives the defaults.

        Returns:
            1-D tensor of length ``num_free_params``.

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
        """The free parameters as a dict of 1-element tensors; the inverse of :meth:`from_param_dict`.

        Args:
            params: flat 1-D RAW tensor of length ``num_free_params``; a dict is returned as it is; None
                gives the defaults.

        Returns:
            Dict from each free name to a 1-D tensor of one element.

        Raises:
            TypeError: ``params`` is not a floating-point tensor.
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
            ``(device, dtype)`` of theta.

        Raises:
            TypeError: not a floating-point tensor, nor a dict of such.
            ValueError: not 1-D, of the wrong length, or with missing or unexpected names.
        """
        theta = self._theta(params)
        return theta.device, theta.dtype

    def trans_params(self, params: Params = None) -> Tensor:
        """Natural values of the free parameters.

        Args:
            params: RAW free parameters.

        Returns:
            1-D tensor of length ``num_free_params``.

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
            1-D tensor of length ``num_free_params``: d natural / d raw.

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
        return [k for k, name in enumerate(self.free_param_names) if name in self._held]

    def set_no_grad(
        self, index: int | Iterable[int] | None = None, param_name: str | Iterable[str] | None = None
    ) -> None:
        """Choose the held parameters; replaces the previous choice.

        A held parameter stays in theta but is left out of the Jacobian and its names. The choice belongs to
        this
        object: it changes neither its operands nor the operators it is used in.

        Args:
            index: position or positions in theta (in ``free_param_names``); an empty list holds nothing.
            param_name: name or names; instead of ``index``.

        Raises:
            ValueError: both or neither are given, or a position is out of range.
            KeyError: a name is not a parameter.

        Example:
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(3)
            >>> mat.set_no_grad(index=0)
            >>> mat.grad()[1]
            ['sigma^2_1', 'sigma^2_2']
        """
        if (index is None) == (param_name is None):
            raise ValueError(f"{self._label()}.set_no_grad: expected exactly one of index and param_name.")
        if param_name is not None:
            names = [param_name] if isinstance(param_name, str) else list(param_name)
            for name in names:
                self._find(name)
            self._held = frozenset(names)
            return
        assert index is not None
        free = self.free_param_names
        chosen = [index] if isinstance(index, int) else list(index)
        for k in chosen:
            if isinstance(k, bool) or not isinstance(k, int):
                raise TypeError(f"{self._label()}: expected whole numbers as no_grad_index, got {k!r}.")
            if not 0 <= k < len(free):
                raise ValueError(
                    f"{self._label()}: expected no_grad_index within 0..{len(free) - 1} ({len(free)} free "
                    f"parameters), got {k}."
                )
        self._held = frozenset(free[k] for k in chosen)

    # -- intermediates ---------------------------------------------------------------------------------------

    def set_intermediates(self, params: Params, intermediates: object) -> None:
        """Keep an object (a factor, a decomposition) for exactly these parameters.

        Args:
            params: RAW free parameters, in any accepted form; nothing is kept when there are none.
            intermediates: the object.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.set_intermediates(torch.tensor([0.0, 0.5]), "factor")
            >>> mat.get_intermediates(torch.tensor([0.0, 0.5]))
            'factor'
        """
        theta = self._theta(params)
        if len(theta) and not traced(theta):
            self._intermediates = (theta.detach().clone(), intermediates)

    def get_intermediates(self, params: Params) -> Any:
        """The kept object, if it was kept for exactly these values, dtype and device.

        Args:
            params: RAW free parameters, in any accepted form.

        Returns:
            The object, or None.
        """
        theta = self._theta(params)
        kept = self._intermediates
        if kept is None or traced(theta):
            return None
        key = kept[0]
        same = key.dtype == theta.dtype and key.device == theta.device and torch.equal(key, theta)
        return kept[1] if same else None

    def reset_intermediates(self) -> None:
        """Forget the kept object."""
        self._intermediates = None

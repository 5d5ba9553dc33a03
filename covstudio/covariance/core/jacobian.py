"""The Jacobian of a matrix: analytic where there is a closed form, automatic otherwise, on either scale."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.recall import Recalling
from covstudio.covariance.parameters.differentiation import JACOBIAN_METHODS, automatic, chain
from covstudio.covariance.parameters.parameterised import Params

__all__ = ["Differentiable"]


class Differentiable(Recalling):
    """Fourth base of `Matrix`: everything about derivatives."""

    _library_base = True
    #: The value is written in the older style: `__call__`, from raw free parameters.
    _calls_raw: bool = False

    #: Where the analytic derivative is written: "differentiate", "manual_grad" or "none".
    _derivative: str = "none"

    #: "default": the analytic Jacobian where there is one; "auto": always automatic differentiation.
    grad_mode: str = "default"

    #: How `auto_grad` differentiates: "jacfwd", "jacrev" or "jacobian" (reverse, one row at a time).
    jacobian_method: str = "jacfwd"

    #: How many directions "jacfwd" and "jacrev" follow at once; None leaves it to them.
    jacobian_chunk_size: int | None = None

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of V."""

    @abstractmethod
    def __call__(self, free_params: Params = None) -> Tensor:
        """V at raw free parameters."""

    @abstractmethod
    def evaluate(self, natural: Tensor) -> Tensor:
        """V from natural values."""

    @abstractmethod
    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Derivatives of V with respect to natural values."""

    @abstractmethod
    def _at(self, theta: Tensor) -> Tensor:
        """V at theta, also where code in the older style knows nothing of fixed parameters."""

    @abstractmethod
    def _freed(self) -> Differentiable:
        """This structure with every parameter in theta and in the Jacobian."""

    @property
    def has_analytic_grad(self) -> bool:
        """True when `manual_grad` has a closed form."""
        return self._derivative != "none"

    def grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to theta.

        With `grad_mode` "default" the analytic one where there is one, else by automatic differentiation;
        with "auto" always the latter.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(grad, names)`: tensor of shape (k, *shape), one slice per parameter that is neither fixed
            nor held, and their names; `(None, [])` when there is none.

        Raises:
            RuntimeError: `grad_mode` is unknown.
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> DiagonalMatrix(2).grad(torch.tensor([0.0, 0.5]))
            (tensor([[[2.0000, 0.0000],
                      [0.0000, 0.0000]],
            <BLANKLINE>
                     [[0.0000, 0.0000],
                      [0.0000, 5.4366]]]), ['sigma^2_0', 'sigma^2_1'])
        """
        if self._mode() == "auto" or not self.has_analytic_grad:
            return self.auto_grad(free_params)
        try:
            return self._unheld(*self.manual_grad(free_params))
        except NotImplementedError:
            # A manual_grad of the older style may decline.
            if self._derivative != "manual_grad":
                raise
            return self.auto_grad(free_params)

    def _mode(self) -> str:
        if self.grad_mode not in ("default", "auto"):
            raise RuntimeError(
                f"{self._label()}: expected grad_mode 'default' or 'auto', got {self.grad_mode!r}."
            )
        return self.grad_mode

    def _unheld(self, grad: Tensor | None, names: list[str]) -> tuple[Tensor | None, list[str]]:
        if grad is not None and names and not self._held:
            return grad, names
        keep = [k for k, name in enumerate(names) if name not in self._held]
        if grad is None or not keep:
            return None, []
        return (grad, names) if len(keep) == len(names) else (grad[keep], [names[k] for k in keep])

    def _wanted(self) -> list[int]:
        """Positions of the parameters in the Jacobian: neither fixed nor held."""
        layout, held = self._layout(), self._held
        return [k for k in layout.free if layout.names[k] not in held] if held else list(layout.free)

    def manual_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The analytic Jacobian of V with respect to theta.

        The derivative in natural values times the derivative of each transform.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(grad, names)` as `grad`.

        Raises:
            NotImplementedError: the structure has no analytic derivative; `grad` then differentiates
                automatically.
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import AR1Matrix
            >>> AR1Matrix(2).manual_grad(torch.tensor([0.0, 0.0]))
            (tensor([[[2.0000, 0.0000],
                      [0.0000, 2.0000]],
            <BLANKLINE>
                     [[0.0000, 0.5000],
                      [0.5000, 0.0000]]]), ['sigma^2', 'rho'])
        """
        if not self.has_analytic_grad:
            raise NotImplementedError(
                f"{self._label()} has no analytic derivative; call grad() or auto_grad(), or override "
                "differentiate."
            )
        theta = self._theta(free_params)
        wanted = self._wanted()
        if not wanted:
            return None, []
        names = self._layout().names
        return self._raw_slices(theta, wanted), [names[k] for k in wanted]

    def _raw_slices(self, theta: Tensor, wanted: Sequence[int]) -> Tensor:
        """The analytic derivatives in theta of the parameters at the given positions among all."""
        layout = self._layout()
        slopes = layout.slopes(layout.complete(theta), wanted)
        return chain(self.differentiate(self._natural(theta), wanted), slopes)

    def auto_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to theta by automatic differentiation.

        Forward mode (`torch.func.jacfwd`), as V has far more entries than theta; reverse mode
        (`jacrev`) for what forward mode cannot follow, or where `jacobian_method` asks for it.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(grad, names)` as `grad`.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, missing or unexpected names, or an unknown
                `jacobian_method`.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> ScalarMatrix(1).auto_grad(torch.tensor([0.5]))
            (tensor([[[5.4366]]]), ['sigma^2'])
        """
        if self.jacobian_method not in JACOBIAN_METHODS:
            raise ValueError(
                f"{self._label()}: expected jacobian_method 'jacfwd', 'jacrev' or 'jacobian', got "
                f"{self.jacobian_method!r}."
            )
        self.reset_intermediates()
        theta = self._theta(free_params)
        layout = self._layout()
        wanted = self._wanted()
        if not wanted:
            return None, []
        place = {k: position for position, k in enumerate(layout.free)}
        index = [place[k] for k in wanted]
        jacobian = automatic(self._at, theta, index, self.jacobian_method, self.jacobian_chunk_size)
        return jacobian, [layout.names[k] for k in wanted]

    def natural_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to the NATURAL values.

        It tells apart what the raw one cannot: at a variance of zero (theta = -inf) the raw derivative is 0
        whatever V is, while this one is finite.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(grad, names)`: tensor of shape (k, *shape), one slice per parameter that is neither fixed
            nor held, and their names; `(None, [])` when there is none.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> ScalarMatrix(2).natural_grad(torch.tensor([float("-inf")]))
            (tensor([[[1., 0.],
                      [0., 1.]]]), ['sigma^2'])
        """
        theta = self._theta(free_params)
        layout = self._layout()
        wanted = self._wanted()
        if not wanted:
            return None, []
        natural = layout.natural(layout.complete(theta))
        return self.natural_jacobian(natural, wanted), [layout.names[k] for k in wanted]

    def natural_jacobian(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Derivatives of V with respect to chosen natural values, analytic or automatic.

        Args:
            natural: NATURAL values of all parameters, free and fixed, in the order of `param_names`.
            index: positions in `param_names` of the k parameters asked for.

        Returns:
            Tensor of shape (k, *shape).

        Raises:
            RuntimeError: `grad_mode` is unknown.
        """
        if not len(index):
            return natural.new_zeros((0, *self.shape))
        if self._mode() == "auto" or not self.has_analytic_grad:
            return self._automatic_slices(natural, index)
        return self._slices(natural, index)

    def _slices(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        if self._derivative == "manual_grad":
            slices = self._slices_from_manual_grad(natural, index)
            return self._automatic_slices(natural, index) if slices is None else slices
        return self.differentiate(natural, index)

    def _automatic_slices(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        if not self._calls_raw:
            return automatic(self.evaluate, natural, index)
        layout, freed = self._layout(), self._freed()
        return automatic(lambda point: freed(layout.raw(point)), self._inside(natural), index)

    def _slices_from_manual_grad(self, natural: Tensor, index: Sequence[int]) -> Tensor | None:
        """Natural slices out of an overridden `manual_grad`; None where it declines to tell them."""
        layout = self._layout()
        raw = layout.raw(self._inside(natural))
        try:
            grad, names = self._freed().manual_grad(raw)
        except NotImplementedError:
            return None
        rows = {name: k for k, name in enumerate(names)}
        if grad is None or any(layout.names[k] not in rows for k in index):
            return None
        slopes = layout.slopes(raw, index)
        return grad[[rows[layout.names[k]] for k in index]] / slopes[:, None, None]

    def _inside(self, natural: Tensor) -> Tensor:
        """Natural values off the ends of their codomains, where a transform's inverse has no slope."""
        step = torch.finfo(natural.dtype).eps ** 0.5
        bounds = [parameter.transform.bounds for parameter in self._layout().parameters]
        ends = torch.tensor(bounds, dtype=natural.dtype, device=natural.device).reshape(-1, 2)
        low, high = ends[:, 0], ends[:, 1]
        return torch.where(natural <= low, low + step, torch.where(natural >= high, high - step, natural))

    def map_theta_to_dv(self, theta: Tensor) -> Tensor | None:
        """The Jacobian at theta; the first half of `grad`, for `REML`.

        Args:
            theta: RAW free parameters, shape (num_free_params,).

        Returns:
            Tensor of shape (k, *shape), or None when every parameter is fixed or held.

        Raises:
            RuntimeError: `grad_mode` is unknown.
            TypeError: `theta` is not a floating-point tensor.
            ValueError: wrong length or dimension.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> ScalarMatrix(1).map_theta_to_dv(torch.tensor([0.5]))
            tensor([[[5.4366]]])
        """
        return self.grad(theta)[0]

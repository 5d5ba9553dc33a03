"""V and its Jacobian written into memory that is already there: the protocol, and who may use its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from covstudio.covariance.core.jacobian import Differentiable
from covstudio.covariance.parameters.differentiation import chain
from covstudio.covariance.parameters.parameterised import Params

__all__ = ["Written"]


class Written(Differentiable):
    """Fifth base of `Matrix`: value and Jacobian together, into memory of the caller's."""

    _library_base = True
    #: Whether `write` does better than to copy what the formulas return.
    _writes: ClassVar[bool] = False

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write V, and chosen slices of its Jacobian, into tensors that are already there.

        The default evaluates the formulas and copies. A class whose n x n results are made of less, or whose
        value and derivatives share work, overrides this, so that each number is computed once and written
        once, to where it is to stay. Results are those of the formulas; a class that redefines a formula
        without this method falls back to the default. Where autograd watches, the formulas are used.

        Args:
            natural: NATURAL values of all parameters, as for `evaluate`.
            value: where V goes, of shape `shape`, or None where it is not wanted. Like `slices` it has
                the dtype and device of `natural`, any strides, and any numbers in it before.
            index: positions in `param_names` of the k parameters asked for, ascending.
            slopes: what the derivative in each of them is multiplied by, shape (k,): the slopes of the
                transforms, for the derivative in theta.
            slices: where the Jacobian goes, shape (k, *shape).

        Example:
            >>> import torch
            >>> from covstudio.covariance import AR1Matrix
            >>> value, slices = torch.empty(2, 2), torch.empty(1, 2, 2)
            >>> AR1Matrix(2).write(torch.tensor([2.0, 0.5]), value, [1], torch.tensor([10.0]), slices)
            >>> value, slices
            (tensor([[2., 1.],
                    [1., 2.]]), tensor([[[ 0., 20.],
                     [20.,  0.]]]))
        """
        if value is not None:
            value.copy_(self.evaluate(natural))
        if len(index):
            chain(self._slices(natural, index), slopes, out=slices)

    def write_added(
        self, natural: Tensor, value: Tensor, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Add V to what is there, and write chosen slices of its Jacobian: `write` for a term of a sum.

        The default writes V elsewhere first. A class that can do without overrides this beside
        `write`; one that redefines that, or a formula, falls back to the default.

        Args:
            natural: as for `write`, and so are `index`, `slopes` and `slices`.
            value: what V is added to, of shape `shape`.
            index: positions of the parameters asked for.
            slopes: what the derivative in each of them is multiplied by.
            slices: where the Jacobian goes.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> value = torch.ones(2, 2)
            >>> ScalarMatrix(2).write_added(
            ...     torch.tensor([2.0]), value, [], torch.empty(0), torch.empty(0, 2, 2)
            ... )
            >>> value
            tensor([[3., 1.],
                    [1., 3.]])
        """
        term = torch.empty_like(value)
        self.write(natural, term, index, slopes, slices)
        value.add_(term)

    def value_and_grad(
        self, free_params: Params = None, out: tuple[Tensor, Tensor | None] | None = None
    ) -> tuple[Tensor, Tensor | None, list[str]]:
        """V and its Jacobian with respect to theta, together.

        What both need is computed once. Given `out` no memory is asked for that the size of the results
        would make slow: a fresh 100 MB costs more than to compute what goes there.

        Args:
            free_params: RAW free parameters, in any accepted form.
            out: tensors to write V and the Jacobian into, of the shapes, dtype and device of the results,
                which they become; the second may be None when there is no slice. None makes new ones.

        Returns:
            `(V, grad, names)`: V of shape `shape`, and the Jacobian with its names as `grad`.

        Raises:
            RuntimeError: `out` is given although autograd watches the parameters; or `grad_mode` is
                unknown.
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such; or `out` is not
                a pair of tensors of the dtype and device of the results.
            ValueError: wrong length or dimension, missing or unexpected names, or an `out` of another
                shape.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> v, slices = torch.empty(2, 2), torch.empty(1, 2, 2)
            >>> value, grad, names = ScalarMatrix(2).value_and_grad(torch.tensor([0.5]), out=(v, slices))
            >>> value is v, grad is slices, names
            (True, True, ['sigma^2'])
            >>> slices
            tensor([[[5.4366, 0.0000],
                     [0.0000, 5.4366]]])
        """
        theta = self._theta(free_params)
        wanted = self._wanted()
        names = [self._layout().names[k] for k in wanted]
        watched = self._recorded(theta)
        if out is None and (watched or not self._writes_now()):
            return self(theta), *self.grad(theta)
        shape = (len(wanted), *self.shape)
        if out is None:
            value, slices = theta.new_empty(self.shape), theta.new_empty(shape)
        else:
            if watched:
                raise RuntimeError(
                    f"{self._label()}: expected no out while autograd watches the parameters, as what is "
                    "written in place has no graph; leave out away, or detach theta."
                )
            value, slices = self._checked_out(out, shape, theta)
        if self._writes_now():
            self._write_raw(theta, self._fresh_natural(theta), value, wanted, slices)
        else:
            value.copy_(self(theta))
            grad, _ = self.grad(theta)
            if grad is not None:
                slices.copy_(grad)
        return value, slices if wanted else None, names

    def _raw_slices(self, theta: Tensor, wanted: Sequence[int]) -> Tensor:
        if not self._writes or self._recorded(theta):
            return super()._raw_slices(theta, wanted)
        slices = theta.new_empty((len(wanted), *self.shape))
        self._write_raw(theta, self._natural(theta), None, wanted, slices)
        return slices

    def _write_raw(
        self, theta: Tensor, natural: Tensor, value: Tensor | None, wanted: Sequence[int], slices: Tensor
    ) -> None:
        layout = self._layout()
        slopes = layout.slopes(layout.complete(theta), wanted, natural) if wanted else theta[:0]
        self.write(natural, value, wanted, slopes, slices)

    def _writes_value(self, theta: Tensor) -> bool:
        """Whether V itself is better written than put together by the formulas."""
        return self._writes and self._pure and not self._recorded(theta)

    def _written_value(self, natural: Tensor) -> Tensor:
        value = natural.new_empty(self.shape)
        self.write(natural, value, (), natural[:0], natural.new_empty((0, *self.shape)))
        return value

    def _writes_now(self) -> bool:
        return self._writes and self._mode() == "default"

    def _checked_out(self, out: object, shape: tuple[int, ...], theta: Tensor) -> tuple[Tensor, Tensor]:
        """The caller's tensors for V and the Jacobian, the latter of the given shape."""
        if not isinstance(out, tuple | list) or len(out) != 2:
            raise TypeError(
                f"{self._label()}: expected out as the pair (V, grad) of tensors, got {type(out).__name__}; "
                "write out=(v, slices)."
            )
        value, slices = out
        if slices is None and shape[0] == 0:
            slices = theta.new_empty(shape)
        for what, tensor, expected in (("V", value, self.shape), ("grad", slices, shape)):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"{self._label()}: expected out as two tensors, got {type(tensor).__name__} for {what}; "
                    f"give torch.empty({expected}, dtype={theta.dtype})."
                )
            if tuple(tensor.shape) != expected:
                raise ValueError(
                    f"{self._label()}: expected out of shape {expected} for {what}, got "
                    f"{tuple(tensor.shape)}; give torch.empty({expected}, dtype={theta.dtype})."
                )
            if tensor.dtype != theta.dtype or tensor.device != theta.device:
                raise TypeError(
                    f"{self._label()}: expected out for {what} in the {theta.dtype} on {theta.device} of the "
                    f"parameters, got {tensor.dtype} on {tensor.device}; make it with theta.new_empty."
                )
            if tensor.requires_grad:
                raise RuntimeError(
                    f"{self._label()}: expected out for {what} without requires_grad; detach it."
                )
        return value, slices

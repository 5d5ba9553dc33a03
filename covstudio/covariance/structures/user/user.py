"""Structures of one's own: any torch function as a matrix, and another matrix with its parameters mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import as_float_tensor, check_finite, check_size
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.parameters.differentiation import automatic, chain
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformIdentity

__all__ = ["Adapter", "SimpleMatrix"]

Gradient = tuple[Tensor | None, Sequence[str]]


def _spiked(theta: Tensor) -> Tensor:
    """Unit variances with one shared product: the example of the catalogue."""
    loadings = torch.stack([theta[0], theta[1], theta[0] * theta[1]])
    return torch.eye(3, dtype=theta.dtype, device=theta.device) + torch.outer(loadings, loadings)


def _shared_variance(params: Tensor) -> Tensor:
    """Three raw variances from two parameters, the first two equal: the example of the catalogue."""
    return torch.stack([params[0], params[0], params[0] + params[1]])


@declare(
    title="Any function",
    category="User-defined",
    formula=r"\mathbf{V} = f(\theta)",
    symbol="f(θ)",
    summary="A matrix given by a torch function of its parameters.",
    aliases={"torch-openreml": ("SimpleMatrix",), "ASReml": ("own",)},
    parameters={
        "theta_k": "The k-th argument of the function, as it is.",
    },
    usage={
        "torch-openreml": "SimpleMatrix(2, call)",
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3",
    psd=False,
    palette=False,
    example=lambda: SimpleMatrix(2, _spiked, default=0.5),
)
class SimpleMatrix(Matrix):
    r"""A matrix given by any function of its parameters, :math:`V = f(\theta)`.

    Parameters: `theta_0`, `theta_1`, ..., raw and natural alike. Nothing is promised about V: whether it
    is symmetric or positive semi-definite is the function's affair.

    Args:
        num_free_params: Number of parameters, an int of at least 0.
        call: Function of a 1-D tensor of the parameters, shape (num_free_params,), returning V, 2-D and of
            the same shape for every value. Written in torch operations, it is differentiated automatically.
        manual_grad: Function of the same tensor returning `(grad, names)`: dV/d theta, shape
            (num_free_params, rows, columns), and the names of its slices. None differentiates automatically.
        default: Default of every parameter; or one number per parameter.

    Raises:
        TypeError: `num_free_params` is not an int, a function is not callable, or `call` does not
            return a tensor.
        ValueError: `num_free_params` is negative, `default` is not of its length or not finite, or V
            is not a matrix, or not finite at the defaults.

    Example:
        >>> import torch
        >>> from covstudio.covariance import SimpleMatrix
        >>> def shared(theta):
        ...     return torch.eye(2) + theta[0] ** 2
        >>> matrix = SimpleMatrix(1, shared, default=2.0)
        >>> matrix()
        tensor([[5., 4.],
                [4., 5.]])
        >>> matrix.grad()
        (tensor([[[4., 4.],
                  [4., 4.]]]), ['theta_0'])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (structures of one's own).
    """

    def __init__(
        self,
        num_free_params: int,
        call: Callable[[Tensor], Tensor],
        manual_grad: Callable[[Tensor], Gradient] | None = None,
        default: float | Sequence[float] | Tensor = 0.0,
    ) -> None:
        count = check_size(num_free_params, "num_free_params", minimum=0)
        for name, function in (("call", call), ("manual_grad", manual_grad)):
            if not callable(function) and not (name == "manual_grad" and function is None):
                raise TypeError(
                    f"{name} must be a function of the parameters, got {function!r} "
                    f"({type(function).__name__}); pass it without calling it"
                )
        self._call, self._gradient = call, manual_grad
        if manual_grad is None:
            self._derivative = "none"
        values = _defaults(default, count)
        specs = {
            f"theta_{k}": Parameter(f"theta_{k}", default=float(value), dtype=value.dtype)
            for k, value in enumerate(values)
        }
        super().__init__(None, specs)
        with torch.no_grad():
            value = call(self.build_params(trans=False))
        self._shape = _matrix_shape(value)
        bad = int((~torch.isfinite(value)).sum())
        if bad:
            raise ValueError(
                f"default must be where call returns finite numbers, got {bad} entries of V that are not; "
                "choose other defaults, or correct the function"
            )

    def _find_pure(self) -> bool:
        # The function may read what changes.
        return False

    def evaluate(self, natural: Tensor) -> Tensor:
        """call(natural), shape (rows, columns), in the dtype of the parameters.

        Raises:
            ValueError: its shape is not that at the defaults.
        """
        value = self._call(natural)
        shape = _matrix_shape(value)
        if shape != self.shape:
            raise ValueError(
                f"{self._label()}: call must return a matrix of shape {self.shape}, as at the defaults, got "
                f"{shape}; its size must not depend on the parameters"
            )
        return value.to(natural.dtype)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The slices of manual_grad(natural) asked for, shape (len(index), rows, columns).

        Raises:
            NotImplementedError: there is no `manual_grad`.
            ValueError: it does not return one slice per parameter with its name.
        """
        if self._gradient is None:
            raise NotImplementedError(
                f"{self._label()} has no analytic derivative; give its constructor a manual_grad function."
            )
        grad, given = self._gradient(natural)
        names = list(given)
        wanted = [self.param_names[k] for k in index]
        missing = [name for name in wanted if name not in names]
        if grad is None or missing:
            raise ValueError(
                f"{self._label()}: manual_grad must return a slice for each of {self.param_names}, got "
                f"{names}; return (grad, names) with all of them, fixed and held ones are left out later"
            )
        if tuple(grad.shape) != (len(names), *self.shape):
            raise ValueError(
                f"{self._label()}: manual_grad must return a tensor of shape {(len(names), *self.shape)} "
                f"for its {len(names)} names, got {tuple(grad.shape)}; stack one derivative of V per name"
            )
        return grad[[names.index(name) for name in wanted]].to(natural.dtype)


@declare(
    title="Adapted parameters",
    category="User-defined",
    formula=r"\mathbf{V} = \mathbf{A}\bigl(f(\theta)\bigr)",
    symbol="A(f(θ))",
    summary="Another matrix whose parameters are functions of one's own: tied, split or constrained.",
    aliases={"torch-openreml": ("Adapter",), "ASReml": ("vcc", "vcm")},
    usage={
        "torch-openreml": "Adapter(adaptee, param_specs, param_map)",
    },
    reference="Magnus & Neudecker (2019), Matrix Differential Calculus, 3rd edition, chapter 5 (chain rule)",
    psd=True,
    palette=False,
    example=lambda: Adapter(
        _example_adaptee(),
        {"level": Parameter("level", default=0.3), "step": Parameter("step", default=-0.2)},
        _shared_variance,
    ),
)
class Adapter(Matrix):
    r"""Another matrix at mapped parameters, :math:`V(\theta) = A(f(\theta))`: tie, split or constrain them.

    Parameters: as declared in `param_specs`, raw and natural alike; f maps them to the RAW free parameters
    of the adaptee, whose own transforms follow. The Jacobian is the adaptee's times that of f; what is held
    in the adaptee still varies with f, as holding belongs to the object it was set on. It is positive
    semi-definite wherever the adaptee is.

    Args:
        adaptee: The matrix A, a leaf or an operator.
        param_specs: Declaration of the parameters: name -> `Parameter`, or name -> {"fixed", "default",
            "trans"}; their transforms must be the identity.
        param_map: Function of a 1-D tensor of all of these parameters in their order, returning the adaptee's
            raw free parameters: a 1-D tensor, or a dict of 1-element tensors by name. Written in torch
            operations, as it is differentiated automatically.

    Raises:
        TypeError: `adaptee` is not a Matrix or `param_map` is not a function.
        ValueError: a transform is not the identity, or `param_map` does not return the adaptee's
            parameters.

    Example:
        One variance for all rows:

        >>> import torch
        >>> from covstudio.covariance import Adapter, DiagonalMatrix, Parameter
        >>> tied = Adapter(DiagonalMatrix(2), {"common": Parameter("common")}, lambda theta: theta.repeat(2))
        >>> tied(torch.tensor([0.5]))
        tensor([[2.7183, 0.0000],
                [0.0000, 2.7183]])
        >>> tied.grad(torch.tensor([0.5]))
        (tensor([[[5.4366, 0.0000],
                  [0.0000, 5.4366]]]), ['common'])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus with Applications in Statistics and
        Econometrics, 3rd edition, chapter 5 (chain rule).
    """

    def __init__(
        self,
        adaptee: Matrix,
        param_specs: ParamSpecs,
        param_map: Callable[[Tensor], Tensor | Mapping[str, Tensor]],
    ) -> None:
        if not isinstance(adaptee, Matrix):
            raise TypeError(
                f"adaptee must be a Matrix, got {type(adaptee).__name__}; wrap it in KnownMatrix first"
            )
        if not callable(param_map):
            raise TypeError(
                f"param_map must be a function of the parameters, got {param_map!r} "
                f"({type(param_map).__name__}); pass it without calling it"
            )
        self.adaptee, self.param_map = adaptee, param_map
        super().__init__(adaptee.shape, param_specs)
        for parameter in self.parameters:
            _check_identity(parameter)
        with torch.no_grad():
            self.adaptee_params(self.build_params(trans=False))

    @property
    def psd(self) -> bool:
        """True when the adaptee is promised positive semi-definite for every theta."""
        return self.adaptee.psd

    @property
    def positive_definite(self) -> bool:
        """True when the adaptee is promised positive definite for every finite theta."""
        return self.adaptee.positive_definite

    @property
    def repr_dict(self) -> dict[str, Any]:
        """What the string representation shows, with the adaptee."""
        return {**super().repr_dict, "adaptee": repr(self.adaptee).replace("\n", "\n  ")}

    def adaptee_params(self, params: Tensor) -> Tensor:
        """f(params), the adaptee's RAW free parameters, checked.

        Args:
            params: All parameters of the adapter, shape (num_params,).

        Raises:
            TypeError: `param_map` returns neither a floating point tensor nor a dict of such.
            ValueError: it returns another number of parameters than the adaptee has free, or other names.
        """
        try:
            return self.adaptee.from_param_dict(_not_none(self.param_map(params)))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{self._label()}: param_map must return the adaptee's free parameters. {error}"
            ) from None

    def _find_pure(self) -> bool:
        # The function may read what changes.
        return False

    def evaluate(self, natural: Tensor) -> Tensor:
        """A(f(natural)), shape (rows, columns)."""
        return self.adaptee(self.adaptee_params(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d theta_p = sum_k dA/d eta_k d eta_k/d theta_p, where eta = f(theta)."""
        raw = self.adaptee_params(natural)
        inner = self.adaptee.natural_jacobian(self.adaptee.build_params(raw), self.adaptee.free_param_index)
        slices = chain(inner, self.adaptee.trans_grad(raw))
        mapping = automatic(self.adaptee_params, natural, index)
        return torch.einsum("pk,krc->prc", mapping, slices)

    def _replace(self, name: str, parameter: Parameter) -> None:
        _check_identity(parameter)
        super()._replace(name, parameter)


def _example_adaptee() -> Matrix:
    from covstudio.covariance.structures.elementary.elementary import DiagonalMatrix

    return DiagonalMatrix(3)


def _check_identity(parameter: Parameter) -> None:
    if parameter.transform != TransformIdentity():
        raise ValueError(
            f"Adapter: parameter {parameter.name!r} must have the identity transform, got "
            f"{parameter.transform!r}; put the transform into param_map"
        )


def _not_none(params: Tensor | Mapping[str, Tensor] | None) -> Tensor | Mapping[str, Tensor]:
    if params is None:
        raise TypeError("expected a tensor or a dict, got None; let param_map return its result")
    return params


def _defaults(default: object, count: int) -> list[Tensor]:
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        default = [default] * count
        tensor = torch.tensor(default, dtype=torch.get_default_dtype())
    else:
        tensor = check_finite(as_float_tensor(default, "default"), "default").reshape(-1)
        if not isinstance(default, Tensor):
            tensor = tensor.to(torch.get_default_dtype())
        tensor = tensor.repeat(count) if tensor.numel() == 1 else tensor
    if tensor.numel() != count:
        raise ValueError(
            f"default must be one number or {count} of them, got {tensor.numel()}; give one per parameter"
        )
    return list(check_finite(tensor, "default"))


def _matrix_shape(value: object) -> tuple[int, int]:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"SimpleMatrix: call must return a tensor, got {type(value).__name__}; return V itself"
        )
    if value.ndim != 2 or value.numel() == 0:
        raise ValueError(
            f"SimpleMatrix: call must return a matrix, got shape {tuple(value.shape)}; return it 2-D"
        )
    return value.shape[0], value.shape[1]

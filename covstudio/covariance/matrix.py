"""The base class of every structure: a matrix V(theta) with its Jacobian."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .declaration import find_declaration
from .parameter import Layout, Parameter
from .parameterised import Parameterised, Params, parse_parameters

__all__ = ["Matrix"]

Shape = tuple[int, int]


class Matrix(Parameterised):
    r"""A matrix :math:`V(\theta)`, usually a covariance, whose parameters stand in one flat vector theta.

    A new structure overrides ``evaluate`` and, for an analytic Jacobian, ``differentiate``; both receive NATURAL
    values, and this class does the rest: checks, transforms and their chain rule, fixed and held parameters, names.
    The older way of writing one also works: override ``__call__`` (from RAW free parameters to V) and, optionally,
    ``manual_grad``. What has no analytic derivative is differentiated automatically.

    Args:
        shape: (rows, columns). May be None in the older style; it is then found by one call at the defaults.
        param_specs: name -> ``Parameter`` or {"fixed", "default" (raw), "trans"}; or, as in the older style, the
            list of parameter names.
        trans: with a list of names: list of transforms, one of them for all, or None for identities.
        no_grad_index: with a list of names: positions of held parameters.
        param_names: the older keyword for the list of names.

    Raises:
        TypeError: names that are not strings, or transforms that are none; or the class overrides neither
            ``evaluate`` nor ``__call__``.
        ValueError: repeated names, a ``no_grad_index`` out of range, or an impossible shape.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Matrix, Parameter, TransformExpPow2
        >>> class Noise(Matrix):
        ...     def __init__(self, n):
        ...         super().__init__((n, n), {"sigma^2": Parameter("sigma^2", TransformExpPow2())})
        ...     def evaluate(self, natural):
        ...         return natural * torch.eye(self.shape[0], dtype=natural.dtype)
        >>> Noise(2)(torch.tensor([0.5]))
        tensor([[2.7183, 0.0000],
                [0.0000, 2.7183]])
        >>> Noise(2).grad(torch.tensor([0.5]))
        (tensor([[[5.4366, 0.0000],
                  [0.0000, 5.4366]]]), ['sigma^2'])
    """

    _library_base = True
    _calls_raw: bool = False
    _derivative: str = "none"
    _parameters: tuple[Parameter, ...] = ()
    _known_layout: Layout | None = None
    _shape: Shape | None = None
    _intermediates: tuple[Tensor, object] | None = None
    grad_mode: str = "default"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        call = _owner(cls, ("__call__",))
        value = call if call is not None else _owner(cls, ("evaluate", "combine"))
        cls._calls_raw = call is not None
        derivative = _owner(cls, ("manual_grad", "differentiate", "propagate"))
        # A derivative inherited from above the class that redefines the value describes another matrix.
        if derivative is None or (value is not None and not issubclass(derivative, value)):
            cls._derivative = "none"
        elif {"differentiate", "propagate"} & derivative.__dict__.keys():
            cls._derivative = "differentiate"
        else:
            cls._derivative = "manual_grad"

    def __new__(cls, *args: Any, **kwargs: Any) -> Matrix:
        if _owner(cls, ("__call__", "evaluate", "combine")) is None:
            raise TypeError(
                f"{cls.__name__} is abstract: expected it to override evaluate(self, natural), or __call__ in the "
                "older style; it overrides neither."
            )
        return super().__new__(cls)

    def __init__(
        self,
        shape: Sequence[int] | None,
        param_specs: object = None,
        trans: object = None,
        no_grad_index: int | Iterable[int] | None = None,
        *,
        param_names: object = None,
    ) -> None:
        if param_names is not None:
            if param_specs is not None:
                raise ValueError(f"{self._label()}: expected one of param_specs and param_names, got both.")
            param_specs = param_names
        self._shape = None if shape is None else _checked_shape(shape, self._label())
        self._parameters = parse_parameters(param_specs, trans, label=self._label(), dtype=self._dtype)
        self._known_layout = None
        self.reset_intermediates()
        if no_grad_index is not None:
            self.set_no_grad(index=no_grad_index)

    # -- what a structure overrides ------------------------------------------------------------------------------

    def evaluate(self, natural: Tensor) -> Tensor:
        """V from natural values.

        Args:
            natural: NATURAL values of all parameters, free and fixed, in the order of ``param_names``, shape
                (num_params,). Its dtype and device are those of the result.

        Returns:
            V, of shape ``shape``.
        """
        # Only a structure in the older style gets here: it takes raw free parameters.
        return self._freed()(self._layout().raw(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Derivatives of V with respect to natural values.

        Args:
            natural: NATURAL values of all parameters, as for :meth:`evaluate`.
            index: positions in ``param_names`` of the k parameters asked for, free or fixed.

        Returns:
            Tensor of shape (k, *shape).

        Raises:
            NotImplementedError: the structure has no analytic derivative.
        """
        raise NotImplementedError(f"{self._label()} has no analytic derivative: it does not override differentiate.")

    def _freed(self) -> Matrix:
        """This structure with every parameter in theta and in the Jacobian."""
        layout = self._layout()
        if not layout.fixed and not self._held:
            return self
        other = copy.copy(self)
        other._parameters = tuple(replace(parameter, fixed=False) for parameter in layout.parameters)
        other._held = frozenset()
        other._known_layout = None
        other.reset_intermediates()
        return other

    # -- parameters ----------------------------------------------------------------------------------------------

    def _layout(self) -> Layout:
        layout = self._known_layout
        if layout is None:
            layout = self._known_layout = Layout(self._parameters)
        return layout

    def _replace(self, name: str, parameter: Parameter) -> None:
        self._parameters = tuple(parameter if own.name == name else own for own in self._parameters)
        self._known_layout = None

    # -- value ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """(rows, columns) of V, known before V is evaluated."""
        if self._shape is None:
            with torch.no_grad():
                self._shape = _checked_shape(self(self.free_param_defaults).shape, self._label())
        return self._shape

    def __call__(self, free_params: Params = None) -> Tensor:
        """V at the given parameters.

        Args:
            free_params: RAW free parameters: a 1-D tensor of length ``num_free_params``, a dict with exactly the free
                names and 1-element tensors, or None for the defaults.

        Returns:
            Tensor of shape ``shape``, in the dtype and on the device of the parameters.

        Raises:
            TypeError: ``free_params`` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import AR1Matrix
            >>> AR1Matrix(2)({"sigma^2": torch.tensor([0.0]), "rho": torch.tensor([1.0])})
            tensor([[1.0000, 0.4621],
                    [0.4621, 1.0000]])
        """
        layout = self._layout()
        return self.evaluate(layout.natural(layout.complete(self._theta(free_params))))

    def map_theta_to_v(self, theta: Tensor) -> Tensor:
        """V at theta; the older name of calling the object, for ``REML``.

        Args:
            theta: RAW free parameters, shape (num_free_params,).

        Returns:
            V, of shape ``shape``.
        """
        return self(theta)

    @property
    def psd(self) -> bool:
        """True when V is promised positive semi-definite for every theta."""
        for cls in type(self).__mro__:
            found = find_declaration(cls)
            if found is not None:
                return found.psd
            if {"__call__", "evaluate"} & cls.__dict__.keys():
                return False
        return False

    @property
    def positive_definite(self) -> bool:
        """True when V is promised positive definite for every finite theta; a structure that is overrides this."""
        return False

    # -- derivatives ---------------------------------------------------------------------------------------------

    @property
    def has_analytic_grad(self) -> bool:
        """True when :meth:`manual_grad` has a closed form."""
        return self._derivative != "none"

    def grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to theta.

        With ``grad_mode`` "default" the analytic one where there is one, else by automatic differentiation; with
        "auto" always the latter.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            ``(grad, names)``: tensor of shape (k, *shape), one slice per parameter that is neither fixed nor held, and
            their names; ``(None, [])`` when there is none.

        Raises:
            RuntimeError: ``grad_mode`` is unknown.
            TypeError: ``free_params`` is not a floating-point tensor, nor a dict of such.
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
            raise RuntimeError(f"{self._label()}: expected grad_mode 'default' or 'auto', got {self.grad_mode!r}.")
        return self.grad_mode

    def _unheld(self, grad: Tensor | None, names: list[str]) -> tuple[Tensor | None, list[str]]:
        keep = [k for k, name in enumerate(names) if name not in self._held]
        if grad is None or not keep:
            return None, []
        return (grad, names) if len(keep) == len(names) else (grad[keep], [names[k] for k in keep])

    def _wanted(self) -> list[int]:
        """Positions of the parameters in the Jacobian: neither fixed nor held."""
        layout = self._layout()
        return [k for k in layout.free if layout.names[k] not in self._held]

    def manual_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The analytic Jacobian of V with respect to theta.

        The derivative in natural values times the derivative of each transform.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            ``(grad, names)`` as :meth:`grad`.

        Raises:
            NotImplementedError: the structure has no analytic derivative; :meth:`grad` then differentiates
                automatically.
            TypeError: ``free_params`` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.
        """
        if not self.has_analytic_grad:
            raise NotImplementedError(
                f"{self._label()} has no analytic derivative; call grad() or auto_grad(), or override differentiate."
            )
        theta = self._theta(free_params)
        layout = self._layout()
        wanted = self._wanted()
        if not wanted:
            return None, []
        raw = layout.complete(theta)
        slopes = layout.slope(raw[wanted], wanted)
        return chain(self.differentiate(layout.natural(raw), wanted), slopes), [layout.names[k] for k in wanted]

    def auto_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to theta by automatic differentiation.

        Forward mode (``torch.func.jacfwd``), as V has far more entries than theta; reverse mode (``jacrev``) for
        what forward mode cannot follow.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            ``(grad, names)`` as :meth:`grad`.

        Raises:
            TypeError: ``free_params`` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.
        """
        self.reset_intermediates()
        theta = self._theta(free_params)
        layout = self._layout()
        wanted = self._wanted()
        if not wanted:
            return None, []
        place = {k: position for position, k in enumerate(layout.free)}
        jacobian = automatic(self, theta, [place[k] for k in wanted])
        return jacobian, [layout.names[k] for k in wanted]

    def natural_grad(self, free_params: Params = None) -> tuple[Tensor | None, list[str]]:
        """The Jacobian of V with respect to the NATURAL values.

        It tells apart what the raw one cannot: at a variance of zero (theta = -inf) the raw derivative is 0 whatever
        V is, while this one is finite.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            ``(grad, names)``: tensor of shape (k, *shape), one slice per parameter that is neither fixed nor held, and
            their names; ``(None, [])`` when there is none.

        Raises:
            TypeError: ``free_params`` is not a floating-point tensor, nor a dict of such.
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
            natural: NATURAL values of all parameters, free and fixed, in the order of ``param_names``.
            index: positions in ``param_names`` of the k parameters asked for.

        Returns:
            Tensor of shape (k, *shape).

        Raises:
            RuntimeError: ``grad_mode`` is unknown.
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
        """Natural slices out of an overridden ``manual_grad``; None where it declines to tell them."""
        layout = self._layout()
        raw = layout.raw(self._inside(natural))
        try:
            grad, names = self._freed().manual_grad(raw)
        except NotImplementedError:
            return None
        rows = {name: k for k, name in enumerate(names)}
        if grad is None or any(layout.names[k] not in rows for k in index):
            return None
        slopes = layout.slope(raw[list(index)], index)
        return grad[[rows[layout.names[k]] for k in index]] / slopes[:, None, None]

    def _inside(self, natural: Tensor) -> Tensor:
        """Natural values moved off the ends of their codomains, where a raw transform's inverse has no slope."""
        step = torch.finfo(natural.dtype).eps ** 0.5
        bounds = [parameter.transform.bounds for parameter in self._layout().parameters]
        ends = torch.tensor(bounds, dtype=natural.dtype, device=natural.device).reshape(-1, 2)
        low, high = ends[:, 0], ends[:, 1]
        return torch.where(natural <= low, low + step, torch.where(natural >= high, high - step, natural))

    def map_theta_to_dv(self, theta: Tensor) -> Tensor | None:
        """The Jacobian at theta; the first half of :meth:`grad`, for ``REML``.

        Args:
            theta: RAW free parameters, shape (num_free_params,).

        Returns:
            Tensor of shape (k, *shape), or None when every parameter is fixed or held.
        """
        return self.grad(theta)[0]

    # -- intermediates -------------------------------------------------------------------------------------------

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

    # -- showing -------------------------------------------------------------------------------------------------

    @property
    def repr_dict(self) -> dict[str, Any]:
        """What the string representation shows: key -> value."""
        shown: dict[str, Any] = {"shape": self.shape}
        shown["params"] = {
            parameter.name: f"{parameter.value:.6g}{' (fixed)' if parameter.fixed else ''}"
            for parameter in self._layout().parameters
        }
        if self._held:
            shown["no_grad_index"] = self.no_grad_index
        return shown

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}("]
        for key, value in self.repr_dict.items():
            if isinstance(value, Mapping):
                lines.append(f"  {key}: {'{}' if not value else ''}".rstrip())
                lines += [
                    f"    {name}: {_indented(entry)}" for name, entry in list(value.items())[:_SHOWN]
                ]
                if len(value) > _SHOWN:
                    lines.append(f"    ... {len(value) - _SHOWN} more")
            else:
                lines.append(f"  {key}: {value}")
        return "\n".join([*lines, ")"])


_SHOWN = 12


def _indented(value: object) -> str:
    text = f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else str(value)
    return text.replace("\n", "\n    ")


def chain(slices: Tensor, slopes: Tensor) -> Tensor:
    """The chain rule: natural slices (k, r, c) times the slopes (k,) of the transforms.

    Where a slope is 0 the product is 0 even if the natural derivative is infinite there (sqrt(sigma^2) at 0): a
    variance transform reaches its limit faster than any such derivative grows.
    """
    product = slices * slopes[:, None, None]
    return torch.where((slopes == 0)[:, None, None], torch.zeros_like(product), product)


def automatic(function: Callable[[Tensor], Tensor], point: Tensor, index: Sequence[int]) -> Tensor:
    """Jacobian of a matrix function of a vector by automatic differentiation, slices first: (k, r, c)."""
    chosen = torch.as_tensor(list(index), dtype=torch.int64, device=point.device)

    def partial(part: Tensor) -> Tensor:
        return function(point.index_copy(0, chosen, part))

    try:
        jacobian = torch.func.jacfwd(partial)(point[chosen])
    except (RuntimeError, NotImplementedError):
        # An operation without a forward rule, or one that vmap cannot follow (in-place writes of a user's code).
        jacobian = torch.func.jacrev(partial, chunk_size=64)(point[chosen])
    return jacobian.movedim(-1, 0)


def traced(tensor: Tensor) -> bool:
    """Whether torch.func looks through the tensor: its numbers cannot be compared, and it must not be kept."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def _owner(cls: type, names: tuple[str, ...]) -> type | None:
    """The most derived class that defines one of the names, the library's own base classes left out."""
    for candidate in cls.__mro__:
        if not candidate.__dict__.get("_library_base", False) and any(name in candidate.__dict__ for name in names):
            return candidate
    return None


def _checked_shape(shape: object, label: str) -> Shape:
    if not isinstance(shape, Sequence) or len(shape) != 2:
        raise ValueError(f"{label}: expected a shape of two numbers (rows, columns), got {shape!r}.")
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{label}: expected a shape of two whole numbers of at least 1, got {tuple(shape)!r}.")
    return int(shape[0]), int(shape[1])

"""The base class of every structure: a matrix V(theta) with its Jacobian."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from covstudio.covariance.core.inplace import Written
from covstudio.covariance.core.recall import shared
from covstudio.covariance.core.rows import Rows
from covstudio.covariance.parameters.layout import Layout
from covstudio.covariance.parameters.parameter import Parameter, parse_parameters
from covstudio.covariance.parameters.parameterised import Params
from covstudio.registry import Given

__all__ = ["Declarations", "Matrix", "Shape"]

Shape = tuple[int, int]


class Declarations:
    """When parameters, of any matrix, were last declared anew: while the mark stays, every layout does."""

    mark: ClassVar[object] = object()


class Matrix(Written):
    r"""A matrix :math:`V(\theta)`, usually a covariance, whose parameters stand in one flat vector theta.

    A new structure overrides `evaluate` and, for an analytic Jacobian, `differentiate`; both receive
    NATURAL values, and this class does the rest: checks, transforms and their chain rule, fixed and held
    parameters, names. The older way of writing one also works: override `__call__` (from RAW free
    parameters to V) and, optionally, `manual_grad`. What has no analytic derivative is differentiated
    automatically.

    Args:
        shape: (rows, columns). May be None in the older style; it is then found by one call at the defaults.
        param_specs: name -> `Parameter` or {"fixed", "default" (raw), "trans"}; or, as in the older
            style, the list of parameter names.
        trans: with a list of names: list of transforms, one of them for all, or None for identities.
        no_grad_index: with a list of names: positions of held parameters.
        param_names: the older keyword for the list of names.

    Raises:
        TypeError: names that are not strings, or transforms that are none; or the class overrides neither
            `evaluate` nor `__call__`.
        ValueError: repeated names, a `no_grad_index` out of range, or an impossible shape.

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
    #: Pictures of V: `v.plot(theta)`, `v.plot("spectrum")`.
    plot = Given("matrix.plot")
    _repr_html_ = Given("matrix.html", method=True)
    #: What the catalogue lists a class as: a leaf of a tree, or an operator.
    role: ClassVar[Literal["matrix", "operator"]] = "matrix"

    #: The class's own entry in the catalogue, which `@declare` sets; it is never inherited.
    _declaration: ClassVar[Any] = None

    _parameters: tuple[Parameter, ...] = ()
    _known_layout: Layout | None = None
    _shape: Shape | None = None
    _constructed_with: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        call = _owner(cls, ("__call__",))
        value = call if call is not None else _owner(cls, ("evaluate", "combine"))
        cls._calls_raw = call is not None
        derivative = _owner(cls, ("manual_grad", "differentiate", "propagate"))
        # A derivative inherited from above the class that redefines the value describes another matrix.
        # (Not issubclass: until a class of abc is complete, it answers as its base class would.)
        if derivative is None or (value is not None and value not in derivative.__mro__):
            cls._derivative = "none"
        elif {"differentiate", "propagate"} & derivative.__dict__.keys():
            cls._derivative = "differentiate"
        else:
            cls._derivative = "manual_grad"
        formula, writer = _owner(cls, _FORMULAS), _owner(cls, ("write",))
        if formula is not None and (writer is None or formula not in writer.__mro__):
            # As above: it writes what the class no longer says.
            cls.write = cls._written_by_formula()  # type: ignore[method-assign]
            writer = cls
        adder = _owner(cls, ("write_added",))
        if writer is not None and (adder is None or writer not in adder.__mro__):
            cls.write_added = Matrix.write_added  # type: ignore[method-assign]
        cls._writes = cls.write is not Matrix.write
        by_rows = _owner(cls, ("by_rows",))
        if formula is not None and (by_rows is None or formula not in by_rows.__mro__):
            cls.by_rows = Matrix.by_rows  # type: ignore[method-assign]

    def by_rows(self, natural: Tensor, k: int | None) -> Rows | None:
        """V or a derivative for whoever goes through its rows once.

        A leaf that is made of less than n x n numbers overrides this beside `evaluate` and `differentiate`;
        a class that redefines one of these without it has rows of the whole.

        Args:
            natural: NATURAL values of all parameters, as for `evaluate`.
            k: position in `param_names` of what V is differentiated by; None for V itself.

        Returns:
            The matrix by its rows, digit by digit that of the formulas; None where that takes the whole.
        """
        return None

    @classmethod
    def _written_by_formula(cls) -> Callable[..., None]:
        """The way to write V and its Jacobian for a class that has formulas alone."""
        return Matrix.write

    def __new__(cls, *args: Any, **kwargs: Any) -> Matrix:
        if _owner(cls, ("__call__", "evaluate", "combine")) is None:
            raise TypeError(
                f"{cls.__name__} is abstract: expected it to override evaluate(self, natural), or "
                "__call__ in the older style; it overrides neither."
            )
        made = super().__new__(cls)
        made._constructed_with = args, kwargs
        return made

    @property
    def constructed_with(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the constructor was given: positional and keyword arguments, as they came."""
        return self._constructed_with

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
                raise ValueError(
                    f"{self._label()}: expected one of param_specs and param_names, got both; drop one."
                )
            param_specs = param_names
        self._shape = None if shape is None else _checked_shape(shape, self._label())
        self._parameters = parse_parameters(param_specs, trans, label=self._label(), dtype=self._dtype)
        self._known_layout = None
        self.reset_intermediates()
        if no_grad_index is not None:
            self.set_no_grad(index=no_grad_index)

    # -- what a structure overrides --------------------------------------------------------------------------

    def evaluate(self, natural: Tensor) -> Tensor:
        """V from natural values.

        Args:
            natural: NATURAL values of all parameters, free and fixed, in the order of `param_names`, shape
                (num_params,). Its dtype and device are those of the result.

        Returns:
            V, of shape `shape`.
        """
        # Only a structure in the older style gets here: it takes raw free parameters.
        return self._freed()(self._layout().raw(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Derivatives of V with respect to natural values.

        Args:
            natural: NATURAL values of all parameters, as for `evaluate`.
            index: positions in `param_names` of the k parameters asked for, free or fixed.

        Returns:
            Tensor of shape (k, *shape).

        Raises:
            NotImplementedError: the structure has no analytic derivative.
        """
        raise NotImplementedError(
            f"{self._label()} has no analytic derivative: it does not override differentiate."
        )

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

    def _twin(self) -> Matrix:
        """A copy with parameters of its own, for another place in a tree."""
        other = copy.copy(self)
        other.reset_intermediates()
        return other

    def _at(self, theta: Tensor) -> Tensor:
        """V at theta, also where code in the older style knows nothing of fixed parameters."""
        layout = self._layout()
        if self._calls_raw and layout.fixed:
            return self._freed()(layout.complete(theta))
        return self(theta)

    # -- parameters ------------------------------------------------------------------------------------------

    def _layout(self) -> Layout:
        layout = self._known_layout
        if layout is None:
            layout = self._known_layout = Layout(self._parameters)
        return layout

    def _replace(self, name: str, parameter: Parameter) -> None:
        self._parameters = tuple(parameter if own.name == name else own for own in self._parameters)
        self._known_layout = None
        Declarations.mark = object()

    # -- value -----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """(rows, columns) of V, known before V is evaluated."""
        if self._shape is None:
            with torch.no_grad():
                self._shape = _checked_shape(self._at(self._theta(None)).shape, self._label())
        return self._shape

    def __call__(self, free_params: Params = None) -> Tensor:
        """V at the given parameters.

        Args:
            free_params: RAW free parameters: a 1-D tensor of length `num_free_params`, a dict with
                exactly the free names and 1-element tensors, or None for the defaults.

        Returns:
            Tensor of shape `shape`, in the dtype and on the device of the parameters.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import AR1Matrix
            >>> AR1Matrix(2)({"sigma^2": torch.tensor([0.0]), "rho": torch.tensor([1.0])})
            tensor([[1.0000, 0.4621],
                    [0.4621, 1.0000]])
        """
        theta = self._theta(free_params)
        natural = self._natural(theta)
        if self._writes_value(theta):
            return self._written_value(natural)
        value = self.evaluate(natural)
        if self._recall_of(natural) is not None and shared(value, natural):
            # The caller may write to V.
            self._recall = None
        return value

    def map_theta_to_v(self, theta: Tensor) -> Tensor:
        """V at theta; the older name of calling the object, for `REML`.

        Args:
            theta: RAW free parameters, shape (num_free_params,).

        Returns:
            V, of shape `shape`.

        Raises:
            TypeError: `theta` is not a floating-point tensor.
            ValueError: wrong length or dimension.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> ScalarMatrix(1).map_theta_to_v(torch.tensor([0.5]))
            tensor([[2.7183]])
        """
        return self(theta)

    @property
    def psd(self) -> bool:
        """True when V is promised positive semi-definite for every theta."""
        declared = self.governing_declaration()
        return declared is not None and bool(declared.psd)

    @property
    def positive_definite(self) -> bool:
        """True when V is promised positive definite for every finite theta; overridden where it is."""
        return False

    def _find_pure(self) -> bool:
        return self.governing_declaration() is not None

    @property
    def symmetric(self) -> bool:
        """True when V = V' is promised for every theta, as of all covariances, whatever their parameters."""
        declared = self.governing_declaration()
        promised = declared is not None and (declared.psd or declared.symmetric)
        return promised and self.shape[0] == self.shape[1]

    # -- what it says about itself ---------------------------------------------------------------------------

    @classmethod
    def governing_declaration(cls) -> Any:
        """What is declared of this value: by the class, or by the one it inherits V from.

        Returns:
            The `Declaration`; None for a class that has none, or that redefines the value of one that has.

        Example:
            >>> from covstudio.covariance import ScalarMatrix
            >>> class Renamed(ScalarMatrix):
            ...     pass
            >>> class Squared(ScalarMatrix):
            ...     def evaluate(self, natural):
            ...         return super().evaluate(natural**2)
            >>> Renamed.governing_declaration().name, Squared.governing_declaration()
            ('ScalarMatrix', None)
        """
        for base in cls.__mro__:
            found = base.__dict__.get("_declaration")
            if found is not None:
                return found
            if not _VALUE.isdisjoint(base.__dict__):
                return None
        return None

    def formula_names(self) -> tuple[str, ...]:
        """The names that the parameters of the formula are declared under, in its order."""
        return tuple(self.param_names)

    # -- showing ---------------------------------------------------------------------------------------------

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
                lines += [f"    {name}: {_indented(entry)}" for name, entry in list(value.items())[:_SHOWN]]
                if len(value) > _SHOWN:
                    lines.append(f"    ... {len(value) - _SHOWN} more")
            else:
                lines.append(f"  {key}: {value}")
        return "\n".join([*lines, ")"])


_SHOWN = 12
_VALUE = frozenset({"__call__", "evaluate", "combine"})
_FORMULAS = ("__call__", "evaluate", "combine", "differentiate", "propagate", "manual_grad")


def _indented(value: object) -> str:
    text = f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else str(value)
    return text.replace("\n", "\n    ")


def _owner(cls: type, names: tuple[str, ...]) -> type | None:
    """The most derived class that defines one of the names, the library's own base classes left out."""
    for candidate in cls.__mro__:
        if not candidate.__dict__.get("_library_base", False) and any(
            name in candidate.__dict__ for name in names
        ):
            return candidate
    return None


def _checked_shape(shape: object, label: str) -> Shape:
    if not isinstance(shape, Sequence) or len(shape) != 2:
        raise ValueError(f"{label}: expected a shape of two numbers (rows, columns), got {shape!r}.")
    sizes = [int(size) if _whole(size) else 0 for size in shape]
    if min(sizes) < 1:
        raise ValueError(
            f"{label}: expected a shape of two whole numbers of at least 1, got {tuple(shape)!r}; give "
            "(rows, columns)."
        )
    return sizes[0], sizes[1]


def _whole(size: object) -> bool:
    return hasattr(size, "__index__") and not isinstance(size, bool)

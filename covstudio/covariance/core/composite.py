"""The base of what has operands: their names, their shapes, and one theta out of the operands' thetas."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor

from covstudio.covariance.core.definiteness import Operand, ShapeError
from covstudio.covariance.core.matrix import Declarations, Matrix, Shape
from covstudio.covariance.core.operands import PlacedOperand, check_count, read_operands
from covstudio.covariance.core.sizes import SizeRelation
from covstudio.covariance.parameters.differentiation import recorded
from covstudio.covariance.parameters.layout import Layout, consecutive
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.parameterised import Params

__all__ = ["Composite", "Paths"]

Value = TypeVar("Value")

#: Where the structure with an operator's own parameters stands among its operands: under no name.
OWN = ""


class Paths(dict[str, Value]):
    """Nodes of a tree by path; "/a/b", "a/b" and "a/b/" are one."""

    def __missing__(self, path: str) -> Value:
        known = path.strip("/")
        if known == path or known not in self:
            raise KeyError(path)
        return self[known]


class Composite(Matrix):
    """Base of `Operator`: everything about operands and their parameters, nothing about values."""

    _library_base = True
    #: The smallest and the largest number of operands (None: any).
    operand_count: ClassVar[tuple[int, int | None]] = (1, None)

    _operands: dict[str, Operand]
    _composed: tuple[tuple[Layout, ...], Layout, object] | None = None
    _known_parts: tuple[tuple[int, str, Matrix], ...] | None = None
    _known_spans: tuple[range, ...] | None = None
    _known_places: tuple[PlacedOperand, ...] | None = None
    _known_tensors: tuple[Tensor, ...] | None = None
    _known_kept: frozenset[int] | None = None
    _known_raw: bool | None = None
    _known_asked: dict[tuple[int, ...], list[Any]]

    def __init__(self, *operands: Any, **named: Any) -> None:
        self._operands = read_operands(type(self).__name__, operands, named)
        check_count(type(self).__name__, list(self._operands), *self.operand_count)
        own = self.own_operand()
        if own is not None:
            self._operands = {OWN: own, **self._operands}
        self._composed = self._known_parts = self._known_spans = self._known_places = None
        self._known_kept = self._known_raw = self._known_pure = None
        self._known_asked = {}
        self._shape = self._find_shape()
        self.reset_intermediates()

    # -- operands --------------------------------------------------------------------------------------------

    def _find_shape(self) -> Shape | None:
        if getattr(type(self).shape_rule, "__func__", None) is Composite.__dict__["shape_rule"].__func__:
            # An operator without a rule has the shape that its first value turns out to have.
            return None
        names = list(self.operands)
        shapes = [
            operand.shape if isinstance(operand, Matrix) else self._tensor_shape(name, operand)
            for name, operand in self.operands.items()
        ]
        shape = self.shape_rule(shapes, names, **self._shape_arguments())
        if shape is None:
            raise ShapeError(f"{type(self).__name__}: the shapes of {names} do not determine the result.")
        return shape

    def _tensor_shape(self, name: str, tensor: Tensor) -> Shape | None:
        if tensor.ndim != 2:
            raise ShapeError(
                f"{type(self).__name__}: expected operand {name!r} as a 2-D tensor, got shape "
                f"{tuple(tensor.shape)}; use .reshape(rows, columns)."
            )
        return tensor.shape[0], tensor.shape[1]

    def _shape_arguments(self) -> dict[str, Any]:
        """What `shape_rule` needs to know besides the shapes."""
        return {}

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        """The shape of the result from the shapes of the operands.

        The default knows no rule: the shape is then found by one evaluation at the defaults.

        Args:
            shapes: shape of each operand, in order; None where it is not known yet.
            names: names of the operands, for messages.
            **arguments: what the constructor takes besides operands.

        Returns:
            (rows, columns), or None when it cannot be told yet.

        Raises:
            ShapeError: the shapes known so far already contradict each other.
        """
        return None

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation] | None:
        """The relations between the sizes of the operands and of the result, for sizes that are still open.

        Args:
            names: names of the operands, in order.
            **arguments: what the constructor takes besides operands, as far as it is known.

        Returns:
            What is equal, a sum or a product, the result's own sides under the name "". None, the default,
            where nothing is said: each operand then keeps its own size, and the result has that of
            `shape_rule`.

        Example:
            >>> from covstudio.covariance import Transpose
            >>> for relation in Transpose.size_relations(["a"]):
            ...     print(*(f"{side.operand or 'V'}[{side.axis}]" for side in relation.sides))
            V[0] a[1]
            V[1] a[0]
        """
        return None

    @property
    def operands(self) -> dict[str, Operand]:
        """The operands by name, in order, without the one that `own_operand` gives."""
        return {name: operand for name, operand in self._operands.items() if name != OWN}

    def own_operand(self) -> Matrix | None:
        """The structure that has the operator's own parameters, for an operator that has some.

        Its parameters keep their names, without a prefix, and come first in theta; its value comes first
        among the `values` of `combine` and `propagate`, where it is position 0. It is asked for once,
        when the operands have been read.

        Returns:
            The structure, such as `ScalarMatrix(1)`; None, the default, for no parameters of its own.
        """
        return None

    # -- parameters ------------------------------------------------------------------------------------------

    def _parts(self) -> tuple[tuple[int, str, Matrix], ...]:
        """The operands that are structures: position among the operands, name, structure."""
        parts = self._known_parts
        if parts is None:
            parts = self._known_parts = tuple(
                (position, name, operand)
                for position, (name, operand) in enumerate(self._operands.items())
                if isinstance(operand, Matrix)
            )
        return parts

    def _spans(self) -> tuple[range, ...]:
        """The places of each operand's parameters among all, free and fixed.

        Those of `own_operand` come first; a tensor has an empty range. How many each has never changes.
        """
        spans = self._known_spans
        if spans is None:
            spans = self._known_spans = consecutive(
                operand.num_params if isinstance(operand, Matrix) else 0
                for operand in self._operands.values()
            )
        return spans

    def _placed(self) -> tuple[PlacedOperand, ...]:
        """Every operand with its place, that of `own_operand` first."""
        placed = self._known_places
        if placed is None:
            placed = self._known_places = tuple(
                PlacedOperand(operand, span, name)
                for (name, operand), span in zip(self._operands.items(), self._spans(), strict=True)
            )
        return placed

    @property
    def num_params(self) -> int:
        """Number of all parameters, free and fixed."""
        spans = self._spans()
        return spans[-1].stop if spans else 0

    def operand_spans(self) -> dict[str, range]:
        """Where the parameters of each operand stand among those of the whole, free and fixed, by its name.

        Example:
            >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
            >>> Sum(field=AR1Matrix(3), units=ScalarMatrix(3)).operand_spans()
            {'field': range(0, 2), 'units': range(2, 3)}
        """
        return {name: span for name, span in zip(self._operands, self._spans(), strict=True) if name != OWN}

    def _recorded(self, theta: Tensor) -> bool:
        tensors = self._known_tensors
        if tensors is None:
            tensors = self._known_tensors = tuple(self._tensors())
        return recorded(theta) or any(map(recorded, tensors))

    def _tensors(self) -> Iterator[Tensor]:
        """The fixed tensors among the operands, to any depth."""
        for operand in self._operands.values():
            if isinstance(operand, Composite):
                yield from operand._tensors()
            elif isinstance(operand, Tensor):
                yield operand

    def _layout(self) -> Layout:
        composed, declared = self._composed, Declarations.mark
        if composed is not None and composed[2] is declared:
            return composed[1]
        below = tuple([operand._layout() for _, _, operand in self._parts()])
        # Operands may change at any time through their own set_param_specs; each change gives them a new
        # layout.
        if composed is not None and all(map(operator.is_, below, composed[0])):
            self._composed = (below, composed[1], declared)
            return composed[1]
        prefixed = tuple(
            parameter.renamed(f"{name}/{parameter.name}") if name != OWN else parameter
            for (_, name, _), layout in zip(self._parts(), below, strict=True)
            for parameter in layout.parameters
        )
        layout = Layout(prefixed)
        self._composed = (below, layout, declared)
        return layout

    def _replace(self, name: str, parameter: Parameter) -> None:
        operand_name, _, rest = name.partition("/") if "/" in name else (OWN, "", name)
        operand = self._operands[operand_name]
        assert isinstance(operand, Matrix)
        operand._replace(rest, parameter.renamed(rest))

    def _freed(self) -> Matrix:
        if not self._layout().fixed and not self._held:
            return self
        other = self._with_operands(lambda operand: operand._freed())
        other._held = frozenset()
        return other

    def _twin(self) -> Matrix:
        return self._with_operands(lambda operand: operand._twin())

    def _keep(self, keeps: bool) -> None:
        super()._keep(keeps)
        for _, _, operand in self._parts():
            operand._keep(keeps)

    def reset_intermediates(self) -> None:
        """Forget what is kept here and in the operands; see `Matrix.reset_intermediates`."""
        super().reset_intermediates()
        for _, _, operand in self._parts():
            operand.reset_intermediates()

    def _with_operands(self, change: Callable[[Matrix], Matrix]) -> Self:
        other = copy.copy(self)
        other._operands = {
            name: change(operand) if isinstance(operand, Matrix) else operand
            for name, operand in self._operands.items()
        }
        other._composed = other._known_parts = other._known_places = None
        other._known_kept = other._known_raw = other._known_pure = None
        other._known_asked = {}
        other.reset_intermediates()
        return other

    def with_operand(self, name: str, operand: Operand) -> Self:
        """A copy with another operand in one place, of the same shape and with as many parameters.

        Args:
            name: the operand's name.
            operand: what stands there instead.
        """
        other = self._with_operands(lambda one: one)
        other._operands[name] = operand
        other._known_spans = other._known_tensors = None
        other._known_kept = other._known_raw = other._known_pure = None
        other._known_asked = {}
        return other

    @property
    def dtype(self) -> torch.dtype:
        """The widest dtype among the defaults; without parameters among the structures, else the tensors."""
        found = self._layout().dtype
        if found is not None:
            return found
        # A tensor takes part in the dtype of the structures; where there are none it has to say.
        dtypes = [operand.dtype for _, _, operand in self._parts()] or [
            operand.dtype for operand in self._tensors() if operand.is_floating_point()
        ]
        return reduce(torch.promote_types, dtypes) if dtypes else torch.get_default_dtype()

    @property
    def device(self) -> torch.device:
        """The device of the first structure's defaults; of the first tensor where there is no structure."""
        for _, _, operand in self._parts():
            return operand.device
        return next(self._tensors()).device

    # -- trees -----------------------------------------------------------------------------------------------

    def call_tree(self, free_params: Params = None) -> tuple[Paths[Tensor], Paths[Tensor | None]]:
        """The value of every node of the tree.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(values, thetas)`, both by path: "/" this operator, "a" its operand, "a/b" an operand of that.
            The thetas are what each node was given of the free parameters; None for a tensor. Only operators
            are descended into, not what an `Adapter` holds.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import IdentityMatrix, ScalarMatrix, Sum
            >>> values, thetas = Sum(a=IdentityMatrix(1), b=ScalarMatrix(1)).call_tree(torch.tensor([0.5]))
            >>> values
            {'/': tensor([[3.7183]]), 'a': tensor([[1.]]), 'b': tensor([[2.7183]])}
        """
        values: Paths[Tensor] = Paths()
        thetas: Paths[Tensor | None] = Paths()
        for path, node, theta in self._nodes(self._theta(free_params)):
            thetas[path] = theta
            values[path] = node(theta) if isinstance(node, Matrix) else node
        return values, thetas

    def grad_tree(
        self, free_params: Params = None
    ) -> tuple[Paths[tuple[Tensor | None, list[str]]], Paths[Tensor | None]]:
        """The Jacobian of every node below, in its own shape and its own parameters.

        Args:
            free_params: RAW free parameters, in any accepted form.

        Returns:
            `(grads, thetas)` by the same paths, in the same order, as `call_tree`; each gradient is
            what `grad` of that node gives, `(None, [])` for a tensor.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import IdentityMatrix, ScalarMatrix, Sum
            >>> grads, _ = Sum(a=IdentityMatrix(1), b=ScalarMatrix(1)).grad_tree(torch.tensor([0.0]))
            >>> grads["/"], grads["a"]
            ((tensor([[[2.]]]), ['b/sigma^2']), (None, []))
        """
        grads: Paths[tuple[Tensor | None, list[str]]] = Paths()
        thetas: Paths[Tensor | None] = Paths()
        for path, node, theta in self._nodes(self._theta(free_params)):
            thetas[path] = theta
            grads[path] = node.grad(theta) if isinstance(node, Matrix) else (None, [])
        return grads, thetas

    def _nodes(self, theta: Tensor, path: str = "") -> Iterator[tuple[str, Operand, Tensor | None]]:
        """Every node from here downward with its path and its part of theta."""
        yield path or "/", self, theta
        spans = consecutive(
            operand.num_free_params if isinstance(operand, Matrix) else 0
            for operand in self._operands.values()
        )
        for (name, operand), span in zip(self._operands.items(), spans, strict=True):
            below = f"{path}/{name}" if path else name
            if name == OWN:
                continue
            if isinstance(operand, Composite):
                yield from operand._nodes(theta[span.start : span.stop], below)
            elif isinstance(operand, Matrix):
                yield below, operand, theta[span.start : span.stop]
            else:
                yield below, operand.to(dtype=theta.dtype, device=theta.device), None

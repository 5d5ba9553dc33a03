"""The base class of every operator: a matrix made of other matrices."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from covstudio.covariance.core.composite import OWN
from covstudio.covariance.core.definiteness import Operand, ShapeError, promises_pd, promises_psd
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operand_output import operand_slices, operand_value
from covstudio.covariance.core.recall import shared
from covstudio.covariance.core.remembering import Remembering
from covstudio.covariance.core.rows import Rows
from covstudio.covariance.parameters.differentiation import FORWARD_MODE, chain
from covstudio.covariance.parameters.layout import consecutive, in_order, shares
from covstudio.covariance.parameters.parameterised import Params

__all__ = ["Operand", "Operator", "ShapeError"]


class Operator(Remembering):
    r"""A matrix :math:`V = f(A_1, \dots, A_m)` made of operands: structures, or fixed tensors.

    A new operator overrides `combine`, `propagate` (the derivative, linear in the direction) and
    `shape_rule`. Without `propagate` it is differentiated automatically. The parameters are those of
    the operands, under the names `operand/name`, to any depth; theta is the operands' thetas one after
    the other. The same object given twice counts as two operands with parameters of their own; `Adapter`
    ties parameters. An operator with parameters of its own has them in the structure that `own_operand`
    gives, which then stands before the operands in every list of values.

    Args:
        *operands: operands, named `op_0`, `op_1`, ...; or one dict from names to operands. An object
            given twice stands in its second place as a twin (`operands` shows it).
        **named: operands by name, instead.

    Raises:
        TypeError: an operand is neither a `Matrix` nor a `torch.Tensor`, or none is a `Matrix`.
        ValueError: both forms are mixed, a name is empty or has a "/", or the number of operands is wrong.
        ShapeError: the shapes do not fit.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Operator, ScalarMatrix
        >>> class Twice(Operator):
        ...     operand_count = (1, 1)
        ...     def combine(self, values):
        ...         return 2 * values[0]
        >>> op = Twice(a=ScalarMatrix(2))
        >>> op.grad(torch.tensor([0.0]))
        (tensor([[[4., 0.],
                  [0., 4.]]]), ['a/sigma^2'])
    """

    _library_base = True
    role = "operator"
    #: Which operands make V positive definite by being so: all, any beside semi-definite ones, or none.
    definite_by: ClassVar[Literal["none", "any", "all"]] = "none"
    #: Whether each entry of V, and of a derivative, is made of the operands' entries in the same place; an
    #: operand of one number has it in every place.
    entrywise: ClassVar[bool] = False
    #: Whether V is the same, digit by digit, when the value of the first operands among themselves stands in
    #: their place.
    folds: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A new derivative may read other values than the one that the inherited promise speaks of.
        if "propagate" in cls.__dict__ and "propagate_needs" not in cls.__dict__:
            cls.propagate_needs = Operator.propagate_needs  # type: ignore[method-assign]
        # So may a new value, and what is said of the inherited one is not said of it.
        if "combine" in cls.__dict__ or "propagate" in cls.__dict__:
            for name in ("entrywise", "folds", "combined_by_rows", "propagated_by_rows"):
                if name not in cls.__dict__:
                    setattr(cls, name, getattr(Operator, name))

    @classmethod
    def _written_by_formula(cls) -> Callable[..., None]:
        by_rule = not cls._calls_raw and cls._derivative == "differentiate"
        own = cls.evaluate is not Operator.evaluate or cls.differentiate is not Operator.differentiate
        return Operator.write if by_rule and not own else Matrix.write

    # -- what an operator overrides --------------------------------------------------------------------------

    def combine(self, values: list[Tensor]) -> Tensor:
        """V from the operands' values.

        Args:
            values: the operands' values, in order (that of `own_operand` first), in one dtype.

        Returns:
            V, of shape `shape`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override combine.")

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        """The derivative of `combine` in one operand, applied to k directions at once.

        The default differentiates `combine` automatically.

        Args:
            values: the operands' values; only those that `propagate_needs` names are read.
            position: the operand that moves.
            direction: its k directions, shape (k, r, c).

        Returns:
            The k directions in which V moves, shape (k, R, C); linear in `direction`. May share memory
            with it.
        """

        def moved(value: Tensor) -> Tensor:
            return self.combine([*values[:position], value, *values[position + 1 :]])

        def along(step: Tensor) -> Tensor:
            result: Tensor = torch.func.jvp(moved, (values[position],), (step,))[1]
            return result

        with FORWARD_MODE:
            return torch.func.vmap(along)(direction)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        """Positions of the operands whose values `propagate` reads when operand `position` moves.

        Args:
            position: the operand that moves.

        Returns:
            Positions; all of them by default, and for a class that redefines `propagate` alone.
        """
        return tuple(range(len(self._operands)))

    def combined_by_rows(self, value_of: Callable[[int], Tensor]) -> Rows | None:
        """`combine` for whoever goes through the rows of V once.

        An operator whose V is much larger than what it is made of overrides this beside `combine`.

        Args:
            value_of: the value of the operand at a position; what is not asked for is not computed.

        Returns:
            V by its rows, digit by digit that of `combine`; None where that takes the whole.
        """
        return None

    def propagated_by_rows(self, position: int, direction: Tensor) -> Rows | None:
        """`propagate` for whoever goes through the rows once; beside `combined_by_rows`.

        Args:
            position: the operand that moves.
            direction: one direction of it, of its shape.

        Returns:
            The direction in which V moves, by its rows; None where that takes the whole.
        """
        return None

    # -- values ----------------------------------------------------------------------------------------------

    def __call__(self, free_params: Params = None) -> Tensor:
        """V at the given parameters.

        Args:
            free_params: RAW free parameters: a 1-D tensor of length `num_free_params`, a dict with
                exactly the free names (`operand/name`) and 1-element tensors, or None for the defaults.

        Returns:
            Tensor of shape `shape`, in the dtype and on the device of the parameters.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.
        """
        if self._raw_inside and type(self).evaluate is Operator.evaluate:
            return self.combine(self.build_operands(free_params))
        return super().__call__(free_params)

    def build_operands(self, free_params: Params = None) -> list[Tensor]:
        """The operands' values.

        Args:
            free_params: RAW free parameters of the operator, in any accepted form.

        Returns:
            One tensor per operand, in order, in the dtype and on the device of the parameters; that of
            `own_operand` comes first.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import IdentityMatrix, ScalarMatrix, Sum
            >>> Sum(a=IdentityMatrix(1), b=ScalarMatrix(1)).build_operands(torch.tensor([0.5]))
            [tensor([[1.]]), tensor([[2.7183]])]
        """
        theta = self._theta(free_params)
        values = []
        spans = consecutive(
            operand.num_free_params if isinstance(operand, Matrix) else 0
            for operand in self._operands.values()
        )
        for (name, operand), span in zip(self._operands.items(), spans, strict=True):
            if isinstance(operand, Matrix):
                own = theta[span.start : span.stop]
                values.append(operand_value(self._label(), name, operand, operand._at, own))
            else:
                values.append(operand.to(dtype=theta.dtype, device=theta.device))
        return values

    def evaluate(self, natural: Tensor) -> Tensor:
        """V from the natural values of all parameters; see `Matrix.evaluate`."""
        if self._calls_raw:
            return super().evaluate(natural)
        values = self._values(natural)
        value = self.combine(values)
        recall = self._recall_of(natural)
        if recall is not None:
            # A value that V is a view of is not kept: whoever is given V may write to it.
            for position, operand in enumerate(values):
                if position in recall.kept and shared(value, operand):
                    recall.kept.pop(position, None)
        return value

    def _values(self, natural: Tensor, needed: Container[int] | None = None) -> list[Tensor]:
        """The operands' values; where only some are needed, empty tensors stand for the others."""
        values = []
        label, parts, recall = self._label(), self._naturals(natural), self._recall_of(natural)
        for position, ((name, operand), own) in enumerate(zip(self._operands.items(), parts, strict=True)):
            if needed is not None and position not in needed:
                values.append(natural.new_empty((0, 0)))
            elif isinstance(operand, Matrix):
                value = partial(operand_value, label, name, operand, operand.evaluate, own)
                kept = recall if self._keeps_value(position) else None
                values.append(value() if kept is None else kept.once(position, value))
            else:
                values.append(operand.to(dtype=natural.dtype, device=natural.device))
        return values

    def _writes_value(self, theta: Tensor) -> bool:
        return type(self).write is not Operator.write and super()._writes_value(theta)

    # -- derivatives -----------------------------------------------------------------------------------------

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Derivatives of V with respect to natural values, each operand's sent through `propagate`.

        Args:
            natural: NATURAL values of all parameters.
            index: positions in `param_names` of the k parameters asked for, ascending or not.

        Returns:
            Tensor of shape (k, *shape).
        """
        naturals, operands = self._naturals(natural), list(self._operands.items())
        owners = list(shares(self._spans(), index))
        needed = {other for share in owners for other in self.propagate_needs(share.position)}
        values = self._values(natural, needed)
        pieces: list[Tensor] = []
        for share in owners:
            name, operand = operands[share.position]
            assert isinstance(operand, Matrix), "a tensor has no parameters"
            inner = operand_slices(name, operand, naturals[share.position], share.index)
            inner = inner.to(dtype=natural.dtype, device=natural.device)
            pieces.append(self.propagate(values, share.position, inner))
        if not pieces:
            return natural.new_zeros((0, *self.shape))
        return in_order(pieces, [share.places for share in owners])

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write V and chosen slices of its Jacobian; see `Matrix.write`.

        The default puts operands together by `combine` and `propagate`, and copies what these
        return. An operator whose operands can be written to where they are to stay does so by itself.
        """
        outputs = self.outputs(natural, index, slopes)
        needed = {other for one in outputs if one.index for other in self.propagate_needs(one.position)}
        values: list[Tensor] = []
        directions: list[Tensor] = []
        for output in outputs:
            wanted = value is not None or output.position in needed
            mine, steps = output.fresh(wanted)
            values.append(natural.new_empty((0, 0)) if mine is None else mine)
            directions.append(steps)
        if value is not None:
            value.copy_(self.combine(values))
        for output, steps in zip(outputs, directions, strict=True):
            if output.index:
                slices[output.rows].copy_(self.propagate(values, output.position, steps))

    def operands_grad(self, free_params: Params = None) -> tuple[list[Tensor | None], list[list[str]]]:
        """Each operand's own Jacobian with respect to its part of theta.

        Args:
            free_params: RAW free parameters of the operator, in any accepted form.

        Returns:
            `(grads, names)`: per operand a tensor of shape (k, *operand shape), or None where it has no
            parameter that is neither fixed nor held in this operator; and per operand the list of prefixed
            names.

        Raises:
            TypeError: `free_params` is not a floating-point tensor, nor a dict of such.
            ValueError: wrong length or dimension, or missing or unexpected names.

        Example:
            >>> import torch
            >>> from covstudio.covariance import IdentityMatrix, ScalarMatrix, Sum
            >>> Sum(a=IdentityMatrix(1), b=ScalarMatrix(1)).operands_grad(torch.tensor([0.5]))
            ([None, tensor([[[5.4366]]])], [[], ['b/sigma^2']])
        """
        layout = self._layout()
        raw = layout.complete(self._theta(free_params))
        natural = layout.natural(raw)
        spans = self._spans()
        wanted = {share.position: share.index for share in shares(spans, self._wanted())}
        grads: list[Tensor | None] = []
        names: list[list[str]] = []
        for position, ((name, operand), span) in enumerate(zip(self._operands.items(), spans, strict=True)):
            index = wanted.get(position, [])
            mine = [span.start + k for k in index]
            names.append([layout.names[k] for k in mine])
            if mine and isinstance(operand, Matrix):
                own = natural[span.start : span.stop]
                inner = operand_slices(name, operand, own, index)
                grads.append(chain(inner, layout.slopes(raw, mine)))
            else:
                grads.append(None)
        return grads, names

    # -- promises --------------------------------------------------------------------------------------------

    @property
    def psd(self) -> bool:
        """True when V is promised positive semi-definite: the rule keeps the operands' promises."""
        declared = self.governing_declaration()
        return declared is not None and bool(declared.psd) and all(map(promises_psd, self._operands.values()))

    @property
    def positive_definite(self) -> bool:
        """True when V is promised positive definite for every finite theta, as `definite_by` says."""
        promises = map(promises_pd, self._operands.values())
        if self.definite_by == "any":
            return self.psd and any(promises)
        return self.definite_by == "all" and all(promises)

    @property
    def symmetric(self) -> bool:
        """True when V = V' is promised for every theta: where a covariance is, here."""
        return self.psd

    @property
    def repr_dict(self) -> dict[str, Any]:
        """What the string representation shows: key -> value."""
        shown: dict[str, Any] = {"shape": self.shape, **self._shape_arguments()}
        own = self._operands.get(OWN)
        if isinstance(own, Matrix):
            shown["params"] = own.repr_dict["params"]
        shown["operands"] = self.operands
        if self._held:
            shown["no_grad_index"] = self.no_grad_index
        return shown

"""Operators that make a covariance out of covariances: the sum, and the propagation through a design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Slot, declare
from covstudio.covariance.core.definiteness import ShapeError, promises_psd, same_shape, show
from covstudio.covariance.core.matrix import Matrix, Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.rows import Gathered, Rows
from covstudio.covariance.core.sizes import Equal, SizeRelation, alike, columns, rows, square
from covstudio.covariance.operators.spacing import warn_of_order
from covstudio.covariance.parameters.differentiation import traced
from covstudio.covariance.structures.design.incidence import DummyMatrix
from covstudio.covariance.structures.elementary.elementary import ScalarMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1Matrix

__all__ = ["CovariancePropagation", "Sum"]


@declare(
    title="Sum",
    category="Operators",
    place=1,
    formula=r"\mathbf{V} = \sum_{i} \mathbf{A}_i",
    symbol="A + B",
    summary="Adds covariances of one shape: independent effects on the same observations.",
    variadic=True,
    minimum_operands=2,
    aliases={
        "torch-openreml": ("Sum",),
        "ASReml": ("+",),
        "lme4": ("+",),
        "GPyTorch": ("AdditiveKernel",),
        "scikit-learn": ("Sum",),
    },
    usage={
        "ASReml": "random = ~ a + b",
        "SAS": "random a b;",
        "lme4": "(1 | a) + (1 | b)",
        "GPyTorch": "kernel_a + kernel_b",
        "scikit-learn": "kernel_a + kernel_b",
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, section 6.2",
    psd=True,
    linear=True,
    example=lambda: Sum(time=AR1Matrix(4), noise=ScalarMatrix(4)),
)
class Sum(Operator):
    r"""The sum of two or more matrices of one shape, :math:`V = \sum_i A_i`.

    The covariance of a sum of independent effects: genetic, environmental, residual. A derivative is the
    operand's own; there are no cross terms.

    Args:
        *operands: two or more operands of one shape, each (r, c), or one dict of them.
        **named: the same by keyword.

    Raises:
        ValueError: fewer than two operands, or both forms mixed.
        ShapeError: the shapes differ.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> op = Sum(time=AR1Matrix(4), noise=ScalarMatrix(4))
        >>> op(torch.tensor([0.5, 1.0, 1.0]))
        tensor([[10.1073,  1.2562,  0.5805,  0.2683],
                [ 1.2562, 10.1073,  1.2562,  0.5805],
                [ 0.5805,  1.2562, 10.1073,  1.2562],
                [ 0.2683,  0.5805,  1.2562, 10.1073]])
        >>> op.free_param_names
        ['time/sigma^2', 'time/rho', 'noise/sigma^2']

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, section 6.2.
    """

    operand_count = (2, None)
    definite_by = "any"
    entrywise = True
    folds = True

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        return same_shape(cls.__name__, shapes, names)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return alike("", *names)

    def combine(self, values: list[Tensor]) -> Tensor:
        total = values[0] + values[1]
        for value in values[2:]:
            total = total + value if traced(value) else total.add_(value)
        return total

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """The first term, and the others added to it."""
        for output in self.outputs(natural, index, slopes):
            output.write(value, slices[output.rows], add=output.position > 0)

    def write_added(
        self, natural: Tensor, value: Tensor, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """All terms added."""
        for output in self.outputs(natural, index, slopes):
            output.write(value, slices[output.rows], add=True)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return direction

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()


@declare(
    title="Covariance propagation",
    category="Operators",
    place=2,
    formula=r"\mathbf{V} = \mathbf{Z} \mathbf{G} \mathbf{Z}^\top",
    symbol="Z G Zᵀ",
    keywords=("random effect", "random intercept", "random slope", "random regression", "mixed model"),
    summary="Carries the covariance G of random effects to the observations through the design matrix Z.",
    slots=(
        Slot("z", "Design Z", "Which effect each observation takes: n rows, one column per effect."),
        Slot("g", "Covariance G", "Covariance of the effects: as many rows and columns as Z has columns."),
    ),
    aliases={
        "torch-openreml": ("CovariancePropagation",),
        "ASReml": ("random ~", "str"),
        "SAS": ("RANDOM",),
        "nlme": ("random =",),
        "lme4": ("(1 | g)",),
    },
    usage={
        "ASReml": "random = ~ vm(g, K)",
        "SAS": "random g;",
        "nlme": "random = ~ 1 | g",
        "lme4": "(1 | g)",
        "glmmTMB": "(1 | g)",
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, section 6.1",
    psd=True,
    linear=("g",),
    example=lambda: CovariancePropagation(z=DummyMatrix(["a", "b", "c", "a"]), g=AR1Matrix(3)),
)
class CovariancePropagation(Operator):
    r"""The covariance of :math:`Z u` when :math:`u` has covariance :math:`G`: :math:`V = Z G Z^\top`.

    For G: :math:`\partial V = Z\, \partial G\, Z^\top`; for Z: :math:`\partial V = \partial Z\, G Z^\top +
    Z G\, \partial Z^\top`. Where Z is an incidence matrix (`DummyMatrix`, or any structure with an int64
    attribute `codes` of shape (n,): each row's column, -1 for a row of zeros), V is gathered from G
    instead of multiplied.

    Args:
        *operands: Z of shape (n, q), then G of shape (q, q), or one dict of both.
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: G is not square, or does not have as many rows as Z has columns.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Warns:
        RuntimeWarning: a structure of equally spaced positions in G, such as an autoregression, runs over
            levels of Z that are numbers or dates with gaps between them; or one whose positions have an
            order, such as an antedependence too, over numbers or dates in another, or over words in that of
            texts.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DiagonalMatrix, DummyMatrix
        >>> op = CovariancePropagation(z=DummyMatrix(["a", "b", "c", "a"]), g=DiagonalMatrix(3))
        >>> op(torch.tensor([0.0, 0.5, 1.0]))
        tensor([[1.0000, 0.0000, 0.0000, 1.0000],
                [0.0000, 2.7183, 0.0000, 0.0000],
                [0.0000, 0.0000, 7.3891, 0.0000],
                [1.0000, 0.0000, 0.0000, 1.0000]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, section 6.1.
    """

    operand_count = (2, 2)

    def __init__(self, *operands: Any, **named: Any) -> None:
        super().__init__(*operands, **named)
        z, g = self._operands.values()
        warn_of_order(z, g)
        codes = getattr(z, "codes", None) if isinstance(z, Matrix) and z.num_params == 0 else None
        self._codes: Tensor | None = codes
        self._missing: Tensor | None = None
        if codes is not None and bool((codes < 0).any()):
            self._codes, self._missing = codes.clamp(min=0), codes < 0

    @property
    def _empty_rows(self) -> Tensor | None:
        """The entries of V that have no effect, n x n: made only when V itself is."""
        return None if self._missing is None else self._missing[:, None] | self._missing

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        z, g = shapes
        if g is not None and g[0] != g[1]:
            raise ShapeError(
                f"{cls.__name__}: expected a square G, got {show(names[1], g)}; Z comes first, then G: "
                "check the order, or make it square."
            )
        if z is not None and g is not None and z[1] != g[0]:
            raise ShapeError(
                f"{cls.__name__}: expected as many rows in G as Z has columns, got Z = "
                f"{show(names[0], z)} and G = {show(names[1], g)}; give {names[1]!r} the size {z[1]}."
            )
        return None if z is None else (z[0], z[0])

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        z, g = names
        return (*square(""), *square(g), Equal((rows(), rows(z))), Equal((columns(z), rows(g))))

    def combine(self, values: list[Tensor]) -> Tensor:
        z, g = values
        if self._codes is None:
            return z @ g @ z.mT
        return self._gather(self._codes.to(g.device), g)

    def _gather(self, codes: Tensor, g: Tensor) -> Tensor:
        # The rows last: they are copied as they are, while columns are picked one by one.
        gathered = g.index_select(-1, codes).index_select(-2, codes)
        empty = self._empty_rows
        return gathered if empty is None else gathered.masked_fill(empty.to(g.device), 0.0)

    def combined_by_rows(self, value_of: Callable[[int], Tensor]) -> Rows | None:
        """Gathered where Z is an incidence matrix; see `Operator.combined_by_rows`."""
        return None if self._codes is None else self._gathered(self._codes, value_of(1))

    def propagated_by_rows(self, position: int, direction: Tensor) -> Rows | None:
        """The same for a derivative in G."""
        return None if self._codes is None or position == 0 else self._gathered(self._codes, direction)

    def _gathered(self, codes: Tensor, g: Tensor) -> Rows:
        missing = None if self._missing is None else self._missing.to(g.device)
        return Gathered(codes.to(g.device), g, missing)

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Gathered where Z is an incidence matrix, else as `Operator.write`."""
        if self._codes is None:
            super().write(natural, value, index, slopes, slices)
            return
        g, directions = self.outputs(natural, index, slopes)[1].fresh(value is not None)
        codes = self._codes.to(natural.device)
        empty = self._empty_rows
        targets = list(zip(directions, slices, strict=True))
        for source, target in targets if value is None or g is None else [(g, value), *targets]:
            torch.index_select(source.index_select(1, codes), 0, codes, out=target)
            if empty is not None:
                target.masked_fill_(empty.to(natural.device), 0.0)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        z, g = values
        if position == 0:
            return direction @ (g @ z.mT) + (z @ g) @ direction.mT
        if self._codes is None:
            return z @ direction @ z.mT
        return self._gather(self._codes.to(direction.device), direction)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        if position == 0:
            return (0, 1)
        return (0,) if self._codes is None else ()

    @property
    def psd(self) -> bool:
        return promises_psd(list(self.operands.values())[1])

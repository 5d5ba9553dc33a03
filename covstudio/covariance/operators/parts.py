"""Operators that take a part of a covariance: some positions alone, or given the values of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, Slot, declare
from covstudio.covariance.core.checks import check_indices
from covstudio.covariance.core.definiteness import ShapeError, check_square, promises_psd, show
from covstudio.covariance.core.matrix import Matrix, Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import AtLeast, Known, SizeRelation, Total, rows, square
from covstudio.covariance.operators.algebra import SingularMatrixError
from covstudio.covariance.parameters.differentiation import traced
from covstudio.covariance.structures.timeseries.ar1 import AR1Matrix

__all__ = ["Conditional", "Submatrix"]


class _Part(Operator):
    """An operator of one square operand and some of its positions."""

    operand_count = (1, 1)
    definite_by = "all"
    _argument: str

    def __init__(self, *operands: Any, **named: Any) -> None:
        given = named.pop(self._argument, None)
        if given is None and len(operands) > 1 and not isinstance(operands[-1], Matrix):
            *operands, given = operands  # type: ignore[assignment]
        if given is None:
            raise ValueError(
                f"{self._argument} must list positions of the operand counted from 0, got none; write "
                f"{type(self).__name__}(a, {self._argument}=[0, 2])"
            )
        self._chosen = check_indices(given, self._argument)
        super().__init__(*operands, **named)

    def _shape_arguments(self) -> dict[str, Any]:
        return {self._argument: self._chosen}

    @classmethod
    def _checked(cls, shape: Shape | None, name: str, chosen: object) -> tuple[int, ...] | None:
        """The positions, if they are known and fit the operand."""
        check_square(cls.__name__, name, shape, "rows and columns are taken at the same positions")
        if chosen is None:
            return None
        positions = check_indices(chosen, cls._argument)
        if shape is not None and max(positions) >= shape[0]:
            raise ShapeError(
                f"{cls._argument} must hold positions from 0 to {shape[0] - 1} of operand "
                f"{show(name, shape)}, got {max(positions)}; positions count from 0, so that the last is "
                f"{shape[0] - 1}."
            )
        return positions


@declare(
    title="Submatrix",
    category="Operators",
    place=9,
    formula=r"\mathbf{V} = \mathbf{A}_{u u}",
    symbol="A[u, u]",
    summary="Rows and columns of a covariance at some positions: the margin of a part of the effects.",
    slots=(Slot("a", "Matrix A", "A square matrix."),),
    arguments=(
        Argument(
            "index", "indices", "Positions", "Which rows and columns are kept, in this order", minimum=0
        ),
    ),
    aliases={"Gaussian processes": ("marginal",), "R": ("A[u, u]",), "numpy": ("A[np.ix_(u, u)]",)},
    usage={"R": "A[u, u]   # positions count from 1 there"},
    reference="Horn & Johnson (2013), Matrix Analysis, section 0.7.1",
    psd=True,
    linear=True,
    example=lambda: Submatrix(a=AR1Matrix(5), index=[0, 3, 1]),
)
class Submatrix(_Part):
    r"""Rows and columns at the same positions, :math:`V = A_{uu}`: the covariance of some of the effects.

    The marginal distribution of a part of a multivariate normal vector has this covariance.
    :math:`\partial V = (\partial A)_{uu}`.

    Args:
        *operands: A of shape (n, n), or one dict of it; `index` may follow.
        index: positions u counted from 0, each once, in the order wanted; the result is (k, k) for k of them.
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand; or `index` is missing or empty, or holds a negative or a
            repeated position.
        ShapeError: A is not square, or has no such position.
        TypeError: the operand is neither a `Matrix` nor a tensor, or `index` does not hold whole numbers.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, Submatrix
        >>> Submatrix(AR1Matrix(4), index=[0, 2])(torch.tensor([0.0, 1.0]))
        tensor([[1.0000, 0.2136],
                [0.2136, 1.0000]])

    Reference:
        Horn & Johnson (2013), Matrix Analysis, section 0.7.1 (principal submatrices).
    """

    _argument = "index"

    def __init__(self, *operands: Any, index: object = None, **named: Any) -> None:
        super().__init__(*operands, index=index, **named)

    @property
    def index(self) -> tuple[int, ...]:
        """The positions that are kept."""
        return self._chosen

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        positions = cls._checked(shapes[0], names[0], arguments.get("index"))
        return None if positions is None else (len(positions), len(positions))

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        (a,) = names
        index = arguments.get("index")
        relations = [*square("", a)]
        if index:
            relations += [
                Known(rows(), len(index), "positions"),
                AtLeast(rows(a), max(index) + 1, "positions"),
            ]
        return relations

    def combine(self, values: list[Tensor]) -> Tensor:
        return self._taken(values[0])

    def _taken(self, a: Tensor) -> Tensor:
        chosen = torch.tensor(self._chosen, device=a.device)
        return a.index_select(-2, chosen).index_select(-1, chosen)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return self._taken(direction)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()


@declare(
    title="Conditional covariance",
    category="Operators",
    place=10,
    formula=r"\mathbf{V} = \mathbf{A}_{u u} - \mathbf{A}_{u g} \mathbf{A}_{g g}^{-1} \mathbf{A}_{g u}",
    symbol="A(u | g)",
    summary="The covariance that is left when the effects at some positions are known, as in kriging.",
    slots=(Slot("a", "Covariance A", "A square matrix; its part at the given positions is invertible."),),
    arguments=(
        Argument(
            "given", "indices", "Given", "Positions whose effects are known; the others stay", minimum=0
        ),
    ),
    aliases={"R": ("condMVN", "krige"), "GPyTorch": ("posterior",), "scikit-learn": ("predict",)},
    usage={
        "scikit-learn": "regressor.predict(X, return_cov=True)",
        "R": "condMVNorm::condMVN(mean, A, dependent.ind = u, given.ind = g, X.given = x)$condVar",
    },
    reference="Anderson (2003), An Introduction to Multivariate Statistical Analysis, section 2.5",
    psd=True,
    example=lambda: Conditional(a=AR1Matrix(5), given=[1, 4]),
)
class Conditional(_Part):
    r"""The covariance given some positions, :math:`V = A_{uu} - A_{ug} A_{gg}^{-1} A_{gu}`.

    A Schur complement; u are the positions that are not given, in their order. It is the covariance of a
    normal vector's part u when its part g is known, and that of the errors of kriging. With
    :math:`B = A_{gg}^{-1} A_{gu}` and :math:`C = A_{ug} A_{gg}^{-1}`, :math:`\partial V = \partial A_{uu} -
    \partial A_{ug} B - C\, \partial A_{gu} + C\, \partial A_{gg} B`: nothing but the given block is ever
    inverted.

    The given block is factored as a correlation matrix, so that variances of different sizes do no harm.
    Where A is promised positive semi-definite, so is V: eigenvalues that rounding makes negative become 0.

    Accuracy: V is a difference. Its error is the rounding of the precision, 2e-16 or 6e-8, times the
    condition number of the correlations at the given positions, relative to A_uu and not to V: where these
    explain almost everything, what is left of V may be rounding alone.

    Args:
        *operands: A of shape (n, n), or one dict of it; `given` may follow.
        given: positions g counted from 0, each once, at least one and not all; the result is (n - k, n - k)
            for k of them.
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand; or `given` is missing or empty, or holds a negative or a
            repeated position.
        ShapeError: A is not square, has no such position, or none is left.
        TypeError: the operand is neither a `Matrix` nor a tensor, or `given` does not hold whole numbers.
        SingularMatrixError: when it is evaluated: A at the given positions is singular to working precision
            at these parameters.

    Example:
        What comes after the given neighbour of an autoregression does not depend on what came before it:

        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, Conditional
        >>> value = Conditional(AR1Matrix(3), given=[1])(torch.tensor([0.0, 1.0]))
        >>> value.diagonal(), bool(value[0, 1].abs() < 1e-6)
        (tensor([0.7864, 0.7864]), True)

    Reference:
        Anderson (2003), An Introduction to Multivariate Statistical Analysis, section 2.5; Horn & Johnson
        (2013), Matrix Analysis, section 7.7 (the Schur complement of a semi-definite matrix is one).
    """

    _argument = "given"

    def __init__(self, *operands: Any, given: object = None, **named: Any) -> None:
        super().__init__(*operands, given=given, **named)
        known = set(self._chosen)
        self._left = tuple(k for k in range(next(iter(self.operands.values())).shape[0]) if k not in known)

    @property
    def given(self) -> tuple[int, ...]:
        """The positions that are known."""
        return self._chosen

    @property
    def left(self) -> tuple[int, ...]:
        """The positions of the result, in its order."""
        return self._left

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        positions = cls._checked(shapes[0], names[0], arguments.get("given"))
        if shapes[0] is None or positions is None:
            return None
        size = shapes[0][0] - len(positions)
        if size == 0:
            raise ShapeError(
                f"given must leave a position of operand {show(names[0], shapes[0])}, got all of them; leave "
                "out those whose covariance is wanted."
            )
        return size, size

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        (a,) = names
        given = arguments.get("given")
        relations = [*square("", a)]
        if given:
            relations += [
                Total("sum", rows(a), (rows(),), len(given), "given positions"),
                AtLeast(rows(a), max(max(given), len(given)) + 1, "positions"),
            ]
        return relations

    def _blocks(self, a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A_uu, A_ug, A_gu and A_gg of one matrix or of several."""
        given = torch.tensor(self._chosen, device=a.device)
        left = torch.tensor(self._left, device=a.device)
        above, below = a.index_select(-2, left), a.index_select(-2, given)
        return (
            above.index_select(-1, left),
            above.index_select(-1, given),
            below.index_select(-1, left),
            below.index_select(-1, given),
        )

    @property
    def _symmetric(self) -> bool:
        return promises_psd(next(iter(self.operands.values())))

    def _weights(self, blocks: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """B = A_gg^-1 A_gu and C = A_ug A_gg^-1."""
        _, across, down, block = blocks
        if not self._symmetric:
            factors = self._factored(block)
            return torch.linalg.lu_solve(*factors, down), torch.linalg.lu_solve(*factors, across, left=False)
        roots = self._roots(block)
        # The factor of the correlations: variances of very different sizes are no sign of singularity.
        scaled = block * (roots[:, None] * roots)
        if traced(block):
            factor: Tensor = torch.linalg.cholesky(scaled)
        else:
            factor, _ = torch.linalg.cholesky_ex(scaled)
            self._check_pivots(factor)
        b = roots[:, None] * torch.cholesky_solve(roots[:, None] * down, factor)
        return b, b.mT

    def _roots(self, block: Tensor) -> Tensor:
        variances = block.diagonal()
        if not traced(block) and not bool((variances > 0).all()):
            raise self._singular(int((~(variances > 0)).nonzero()[0]), "has no variance")
        return variances.rsqrt()

    def _check_pivots(self, factor: Tensor) -> None:
        """Each squared pivot is the share of a variance that the given positions before do not explain."""
        shares = factor.diagonal() ** 2
        noise = len(shares) * torch.finfo(factor.dtype).eps
        unexplained = shares > noise
        if not bool(unexplained.all()):
            raise self._singular(int((~unexplained).nonzero()[0]), "is determined by those before it")

    def _factored(self, block: Tensor) -> tuple[Tensor, Tensor]:
        if traced(block):
            factors: tuple[Tensor, Tensor] = torch.linalg.lu_factor(block)
            return factors
        lower, pivots, info = torch.linalg.lu_factor_ex(block)
        inverse = torch.linalg.lu_solve(lower, pivots, torch.eye(len(block), dtype=block.dtype).to(block))
        condition = torch.linalg.matrix_norm(block, 1) * torch.linalg.matrix_norm(inverse, 1)
        if int(info) != 0 or not float(condition.detach()) * torch.finfo(block.dtype).eps < 1.0:
            raise self._singular(None, "")
        return lower, pivots

    def _singular(self, place: int | None, reason: str) -> SingularMatrixError:
        which = "" if place is None else f": position {self._chosen[place]} {reason}"
        return SingularMatrixError(
            f"Conditional: expected operand {next(iter(self._operands))!r} to be invertible at the given "
            f"positions, got a {len(self._chosen)} x {len(self._chosen)} block that is singular to working "
            f"precision at these parameters{which}; give fewer positions, or move variances away from 0 and "
            "correlations away from the ends of their range."
        )

    def combine(self, values: list[Tensor]) -> Tensor:
        blocks = self._blocks(values[0])
        b, _ = self._weights(blocks)
        v = blocks[0] - blocks[1] @ b
        if not self._symmetric:
            return v
        v = (v + v.mT) / 2
        if traced(v) or int(torch.linalg.cholesky_ex(v.detach()).info) == 0:
            return v
        # What rounding made indefinite; a derivative takes no notice of a change of that size.
        eigenvalues, vectors = torch.linalg.eigh(v.detach())
        nearest: Tensor = (vectors * eigenvalues.clamp_min(0.0)) @ vectors.mT
        correction: Tensor = (nearest + nearest.mT) / 2 - v.detach()
        return v + correction

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        b, c = self._weights(self._blocks(values[0]))
        left, across, down, block = self._blocks(direction)
        change = left - across @ b - c @ down + c @ block @ b
        return (change + change.mT) / 2 if self._symmetric else change

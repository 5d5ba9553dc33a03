"""A known covariance or relationship matrix, scaled by one variance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_covariance
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import negligible, singular
from covstudio.covariance.structures.elementary.elementary import variance


@declare(
    title="Known matrix",
    category="Known",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{K}",
    symbol="σ²K",
    keywords=("genomic", "kinship", "relationship matrix"),
    summary=(
        "A given covariance times one variance, such as the relationship matrix of a pedigree or of genomic "
        "markers."
    ),
    arguments=(Argument("K", "matrix", "Matrix", "A symmetric positive semi-definite matrix of numbers"),),
    aliases={
        "ASReml": ("vm", "giv", "ped", "nrm"),
        "SAS": ("LIN",),
        "glmmTMB": ("propto",),
        "Animal breeding": ("GBLUP", "A matrix", "G matrix"),
    },
    reference="Lynch & Walsh (1998), Genetics and Analysis of Quantitative Traits, chapter 26",
    parameters={"sigma^2": "What the known matrix is multiplied by: a variance component."},
    usage={
        "ASReml": "vm(animal, ainv)",
        "SAS": "random animal / type=lin(1) ldata=K;",
        "glmmTMB": "propto(0 + animal | group, K)",
    },
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: KnownMatrix([[2.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]),
)
class KnownMatrix(Leaf):
    r"""A known matrix scaled by a variance, :math:`V = \sigma^2 K`, such as a relationship matrix.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        K: Symmetric positive semi-definite matrix, shape (n, n): a tensor, an array or nested lists.
            The default value has its precision. Asymmetry and negative eigenvalues of the size of rounding
            errors are accepted.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `K` does not hold numbers.
        ValueError: `K` is not square, not finite, not symmetric or has a negative eigenvalue.

    Example:
        >>> import torch
        >>> from covstudio.covariance import KnownMatrix
        >>> KnownMatrix([[1.0, 0.5], [0.5, 1.0]])(torch.tensor([0.5]))
        tensor([[2.7183, 1.3591],
                [1.3591, 2.7183]])

    Reference:
        Lynch & Walsh (1998), Genetics and Analysis of Quantitative Traits, chapter 26 (relationship matrices
        in the animal model).
    """

    def __init__(self, K: object, param_specs: ParamSpecs | None = None) -> None:
        self.K = check_covariance(K, "K")
        # Literal lists follow torch's default precision, as everywhere; tensors and arrays keep their own.
        precision = self.K.dtype if hasattr(K, "dtype") else None
        self._definite = self._cholesky is not None
        self._diagonal = bool((torch.diag_embed(self.K.diagonal()) == self.K).all())
        shape = (self.K.shape[0], self.K.shape[1])
        super().__init__(shape, param_specs, [variance(dtype=precision)])

    @cached_property
    def _cholesky(self) -> Tensor | None:
        """The Cholesky factor of K in double precision, or None where it is not positive definite."""
        lower, info = torch.linalg.cholesky_ex(self.K.to(torch.float64))
        return lower if int(info) == 0 else None

    def _known(self, natural: Tensor) -> Tensor:
        return self.K.to(dtype=natural.dtype, device=natural.device)

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 K, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._known(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = K, shape (1, n, n)."""
        return self._known(natural).repeat(len(index), 1, 1)


def _is_diagonal(matrix: KnownMatrix) -> bool:
    return matrix._diagonal


def _cholesky(matrix: KnownMatrix, natural: Tensor) -> Tensor:
    """The Cholesky factor of K, in the precision and on the device of the parameters.

    Raises:
        SingularMatrixError: K, or sigma^2 K, has no inverse to working precision.
    """
    lower = matrix._cholesky
    if lower is not None and float(natural[0]) != 0:
        lower = lower.to(dtype=natural.dtype, device=natural.device)
        squares = lower**2
        if bool((squares.diagonal() > negligible(lower) * squares.sum(1)).all()):
            return lower
    raise singular(matrix)


@linalg.kind.register(KnownMatrix, when=_is_diagonal)
def _(matrix: KnownMatrix) -> linalg.Kind:
    return "diagonal"


@linalg.bandwidth.register(KnownMatrix, when=_is_diagonal)
def _(matrix: KnownMatrix) -> int | None:
    return 0


@linalg.matmul.register(KnownMatrix, when=_is_diagonal)
def _(matrix: KnownMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return (natural[0] * matrix._known(natural).diagonal())[:, None] * b


@linalg.diagonal.register(KnownMatrix)
def _(matrix: KnownMatrix, natural: Tensor) -> Tensor:
    return natural[0] * matrix._known(natural).diagonal()


@linalg.solve.register(KnownMatrix)
def _(matrix: KnownMatrix, natural: Tensor, b: Tensor) -> Tensor:
    lower = _cholesky(matrix, natural)
    if matrix._diagonal:
        return b / (natural[0] * matrix._known(natural).diagonal())[:, None]
    solution: Tensor = torch.cholesky_solve(b, lower) / natural[0]
    return solution


@linalg.logdet.register(KnownMatrix)
def _(matrix: KnownMatrix, natural: Tensor) -> Tensor:
    own = _cholesky(matrix, natural).diagonal()
    if float(natural[0]) < 0:
        return linalg.logdet.default(matrix, natural)
    return len(own) * natural[0].log() + 2.0 * own.log().sum()


@linalg.factor.register(KnownMatrix, when=lambda matrix: matrix._cholesky is not None)
def _(matrix: KnownMatrix, natural: Tensor) -> Tensor:
    lower = matrix._cholesky
    if lower is None or not float(natural[0]) >= 0:
        return linalg.factor.default(matrix, natural)
    return natural[0].sqrt() * lower.to(dtype=natural.dtype, device=natural.device)


@linalg.precision.register(KnownMatrix, when=_is_diagonal)
def _(matrix: KnownMatrix, natural: Tensor) -> Tensor:
    _cholesky(matrix, natural)
    return 1.0 / (natural[0] * matrix._known(natural).diagonal())[None]


@linalg.precision_derivatives.register(KnownMatrix, when=_is_diagonal)
def _(matrix: KnownMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return (-linalg.precision(matrix, natural) / natural[0]).expand(len(index), -1, -1)

"""A known covariance or relationship matrix, scaled by one variance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_covariance
from .declaration import Argument, declare
from .elementary import variance
from .leaf import Leaf, ParamSpecs


@declare(
    title="Known matrix",
    category="Known",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{K}",
    symbol="σ²K",
    summary="A given covariance or relationship matrix times one variance.",
    arguments=(Argument("K", "matrix", "Matrix", "A symmetric positive semi-definite matrix of numbers"),),
    aliases={
        "ASReml": ("vm", "giv"),
        "SAS": ("LIN",),
        "glmmTMB": ("propto",),
    },
    reference="Lynch & Walsh (1998), Genetics and Analysis of Quantitative Traits, chapter 26",
    psd=True,
    example=lambda: KnownMatrix([[2.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]),
)
class KnownMatrix(Leaf):
    r"""A known matrix scaled by a variance, :math:`V = \sigma^2 K`, such as a relationship matrix.

    Parameters: ``sigma^2`` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        K: Symmetric positive semi-definite matrix, shape (n, n): a tensor, an array or nested lists.
            The default value has its precision. Asymmetry and negative eigenvalues of the size of rounding
            errors are accepted.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``K`` does not hold numbers.
        ValueError: If ``K`` is not square, not finite, not symmetric or has a negative eigenvalue.

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
        self._definite = int(torch.linalg.cholesky_ex(self.K.to(torch.float64).cpu()).info) == 0
        shape = (self.K.shape[0], self.K.shape[1])
        super().__init__(shape, param_specs, [variance(dtype=precision)])

    def _known(self, natural: Tensor) -> Tensor:
        return self.K.to(dtype=natural.dtype, device=natural.device)

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return sigma^2 K, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._known(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = K, shape (1, n, n)."""
        return self._known(natural).repeat(len(index), 1, 1)

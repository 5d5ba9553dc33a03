"""Elementary structures: identity, scalar, diagonal, constant and compound symmetric matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_size
from .declaration import Argument, declare
from .leaf import Leaf, ParamSpecs
from .parameter import Parameter
from .transform import (
    Transform,
    TransformChain,
    TransformExpPow2,
    TransformScaleShift,
    TransformSigmoid,
)

_SIZE = Argument("n", "size", "Size", "Number of rows and columns", minimum=1)
_SIZE_2 = Argument("n", "size", "Size", "Number of rows and columns, at least 2", minimum=2)


def variance(name: str = "sigma^2", dtype: torch.dtype | None = None) -> Parameter:
    """Return the usual declaration of a variance: exp(2 theta), 1 by default."""
    return Parameter(name, TransformExpPow2(), dtype=dtype)


def bounded(lower: float) -> Transform:
    """Return the transform of a correlation onto (lower, 1): sigmoid, then scale and shift."""
    return TransformChain([TransformSigmoid(), TransformScaleShift(1 - lower, lower)])


def equicorrelation(n: int, rho: Tensor) -> Tensor:
    """Return the n x n matrix with exact ones on the diagonal and rho elsewhere."""
    diagonal = torch.eye(n, dtype=torch.bool, device=rho.device)
    return torch.where(diagonal, torch.ones_like(rho), rho)


@declare(
    title="Identity",
    category="Elementary",
    formula=r"\mathbf{V} = \mathbf{I}_n",
    symbol="I",
    summary="Independent rows with variance one; it has no parameters.",
    arguments=(_SIZE,),
    aliases={"ASReml": ("id",)},
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 6",
    psd=True,
    example=lambda: IdentityMatrix(3),
)
class IdentityMatrix(Leaf):
    r"""The identity matrix, :math:`V = I_n`.

    It has no parameters: use it for unit-variance residuals, or as a factor of a Kronecker product.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: None or an empty mapping, for uniformity with the other structures.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1, or ``param_specs`` declares a parameter.

    Example:
        >>> from covstudio.covariance import IdentityMatrix
        >>> IdentityMatrix(2)()
        tensor([[1., 0.],
                [0., 1.]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 6.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        super().__init__((self.n, self.n), param_specs, [])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return I, shape (n, n); ``natural`` is empty and gives the dtype and the device."""
        return torch.eye(self.n, dtype=natural.dtype, device=natural.device)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return the empty Jacobian, shape (0, n, n)."""
        return natural.new_zeros((len(index), self.n, self.n))


@declare(
    title="Scalar (variance components)",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{I}_n",
    symbol="σ²I",
    summary="Independent rows with one common variance.",
    arguments=(_SIZE,),
    aliases={
        "torch-openreml": ("ScalarMatrix",),
        "ASReml": ("idv",),
        "SAS": ("VC",),
        "nlme": ("pdIdent",),
        "lme4": ("(1 | g)",),
        "glmmTMB": ("homdiag",),
        "scikit-learn": ("WhiteKernel",),
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 6",
    psd=True,
    example=lambda: ScalarMatrix(3),
)
class ScalarMatrix(Leaf):
    r"""A multiple of the identity, :math:`V = \sigma^2 I_n`: one variance component.

    Parameters: ``sigma^2`` (natural: a variance; raw: exp(2 theta), default 0, that is 1).

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> ScalarMatrix(2)(torch.tensor([0.5]))
        tensor([[2.7183, 0.0000],
                [0.0000, 2.7183]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 6.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        super().__init__((self.n, self.n), param_specs, [variance()])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return sigma^2 I, shape (n, n), from natural values [sigma^2]."""
        return torch.diag_embed(natural.expand(self.n))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = I, shape (1, n, n)."""
        eye = torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        return eye.expand(len(index), -1, -1)


@declare(
    title="Diagonal",
    category="Elementary",
    formula=r"\mathbf{V} = \operatorname{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})",
    symbol="diag(σ²ᵢ)",
    summary="Independent rows, each with its own variance.",
    arguments=(_SIZE,),
    aliases={
        "torch-openreml": ("DiagonalMatrix",),
        "ASReml": ("diag", "idh"),
        "SAS": ("UN(1)",),
        "nlme": ("pdDiag", "varIdent"),
        "lme4": ("(x || g)",),
        "glmmTMB": ("diag",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2",
    psd=True,
    example=lambda: DiagonalMatrix(3),
)
class DiagonalMatrix(Leaf):
    r"""A diagonal matrix of free variances, :math:`V = \mathrm{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})`.

    Parameters: ``sigma^2_0``, ..., ``sigma^2_{n-1}`` (natural: variances; raw: exp(2 theta), default 0).

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DiagonalMatrix
        >>> DiagonalMatrix(3)(torch.tensor([0.0, 0.5, 1.0]))
        tensor([[1.0000, 0.0000, 0.0000],
                [0.0000, 2.7183, 0.0000],
                [0.0000, 0.0000, 7.3891]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2 (pdDiag).
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        super().__init__((self.n, self.n), param_specs, [variance(f"sigma^2_{i}") for i in range(self.n)])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return diag(sigma^2_i), shape (n, n), from the n natural variances."""
        return torch.diag_embed(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2_i, one entry of 1 at (i, i) in each slice, shape (len(index), n, n)."""
        out = natural.new_zeros((len(index), self.n, self.n))
        entry = torch.tensor(list(index), dtype=torch.int64, device=natural.device)
        out[torch.arange(len(index), device=natural.device), entry, entry] = 1.0
        return out


@declare(
    title="Equal entries",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{J}_{n \times m}",
    symbol="σ²J",
    summary="One variance in every entry: an effect shared by all rows.",
    arguments=(
        Argument("n", "size", "Rows", "Number of rows", minimum=1),
        Argument(
            "m",
            "size",
            "Columns",
            "Number of columns; as many as rows when left out",
            default=None,
            minimum=1,
        ),
    ),
    aliases={
        "torch-openreml": ("EqualEntryMatrix",),
        "GPyTorch": ("ConstantKernel",),
        "scikit-learn": ("ConstantKernel",),
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 3",
    psd=True,
    example=lambda: EqualEntryMatrix(3),
)
class EqualEntryMatrix(Leaf):
    r"""The same value everywhere, :math:`V = \sigma^2 J_{n \times m}`.

    Parameters: ``sigma^2`` (natural: the entry; raw: exp(2 theta), default 0). Square when ``m`` is left out,
    and then a covariance of rank one; rectangular otherwise.

    Args:
        n: Number of rows, an int of at least 1.
        m: Number of columns; None for n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If a size is not an int.
        ValueError: If a size is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EqualEntryMatrix
        >>> EqualEntryMatrix(2, 3)(torch.tensor([0.5]))
        tensor([[2.7183, 2.7183, 2.7183],
                [2.7183, 2.7183, 2.7183]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 3 (the J of the one-way model).
    """

    def __init__(self, n: int, m: int | None = None, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        self.m = self.n if m is None else check_size(m, "m")
        super().__init__((self.n, self.m), param_specs, [variance()])

    @property
    def psd(self) -> bool:
        """True when square, and then positive semi-definite of rank one."""
        return self.n == self.m and super().psd

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return sigma^2 J, shape (n, m), from natural values [sigma^2]."""
        return natural.reshape(1, 1).repeat(self.n, self.m)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = J, shape (1, n, m)."""
        return natural.new_ones((len(index), self.n, self.m))


@declare(
    title="Equicorrelation",
    category="Elementary",
    formula=r"\mathbf{V} = (1 - \rho)\,\mathbf{I}_n + \rho\,\mathbf{J}_n",
    symbol="(1−ρ)I + ρJ",
    summary="Unit variances and one common correlation between all pairs.",
    arguments=(_SIZE_2,),
    aliases={
        "torch-openreml": ("EquicorrelationMatrix",),
        "ASReml": ("cor",),
        "nlme": ("corCompSymm",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3",
    psd=True,
    example=lambda: EquicorrelationMatrix(4),
)
class EquicorrelationMatrix(Leaf):
    r"""One common correlation, :math:`V = (1 - \rho) I_n + \rho J_n` with :math:`\rho \in (-1/(n-1), 1)`.

    Parameters: ``rho`` (natural: a correlation, positive definite on the open interval; raw: sigmoid, then
    scaled and shifted onto it; default 0, the middle of the interval).

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EquicorrelationMatrix
        >>> EquicorrelationMatrix(3)(torch.tensor([1.0]))
        tensor([[1.0000, 0.5966, 0.5966],
                [0.5966, 1.0000, 0.5966],
                [0.5966, 0.5966, 1.0000]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (corCompSymm).
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n, minimum=2, reason="a correlation needs two rows")
        rho = Parameter("rho", bounded(-1 / (self.n - 1)))
        super().__init__((self.n, self.n), param_specs, [rho])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return the correlation matrix, shape (n, n), from natural values [rho]."""
        return equicorrelation(self.n, natural[0])

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d rho = J - I, shape (1, n, n)."""
        slice_ = 1 - torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        return slice_.expand(len(index), -1, -1)


@declare(
    title="Compound symmetric",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \left[ (1 - \rho)\,\mathbf{I}_n + \rho\,\mathbf{J}_n \right]",
    symbol="σ²[(1−ρ)I + ρJ]",
    summary="One common variance and one common correlation between all pairs.",
    arguments=(_SIZE_2,),
    aliases={
        "torch-openreml": ("CompoundSymmetricMatrix",),
        "ASReml": ("corv",),
        "SAS": ("CS",),
        "nlme": ("pdCompSymm",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2",
    psd=True,
    example=lambda: CompoundSymmetricMatrix(4),
)
class CompoundSymmetricMatrix(Leaf):
    r"""Compound symmetry, :math:`V = \sigma^2 [(1-\rho) I_n + \rho J_n]`, :math:`-1/(n-1) < \rho < 1`.

    Parameters: ``sigma^2`` (natural: the variance of a row; raw: exp(2 theta), default 0) and ``rho``
    (natural: a correlation; raw: sigmoid, then scaled and shifted onto its interval, default 0).

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CompoundSymmetricMatrix
        >>> CompoundSymmetricMatrix(3)(torch.tensor([0.5, 1.0]))
        tensor([[2.7183, 1.6217, 1.6217],
                [1.6217, 2.7183, 1.6217],
                [1.6217, 1.6217, 2.7183]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2 (pdCompSymm).
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n, minimum=2, reason="a correlation needs two rows")
        rho = Parameter("rho", bounded(-1 / (self.n - 1)))
        super().__init__((self.n, self.n), param_specs, [variance(), rho])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return the covariance, shape (n, n), from natural values [sigma^2, rho]."""
        return natural[0] * equicorrelation(self.n, natural[1])

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = V / sigma^2 and dV/d rho = sigma^2 (J - I), shape (len(index), n, n)."""
        eye = torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        slices = [equicorrelation(self.n, natural[1]) if k == 0 else natural[0] * (1 - eye) for k in index]
        return torch.stack(slices)

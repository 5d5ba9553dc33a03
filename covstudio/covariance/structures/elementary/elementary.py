"""Elementary structures: identity, scalar, diagonal and constant matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_dtype, check_rectangle, check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import (
    Transform,
    TransformChain,
    TransformExpPow2,
    TransformScaleShift,
    TransformSigmoid,
)
from covstudio.covariance.structures.elementary.diagonal import DiagonalLeaf

SIZE = Argument("n", "size", "Size", "Number of rows and columns", minimum=1)
SIZE_2 = Argument("n", "size", "Size", "Number of rows and columns, at least 2", minimum=2)
ROWS_AND_COLUMNS = (
    Argument("n", "size", "Rows", "Number of rows", minimum=1),
    Argument("m", "size", "Columns", "Number of columns; as many as rows when left out", minimum=1),
)


def variance(name: str = "sigma^2", dtype: torch.dtype | None = None) -> Parameter:
    """The usual declaration of a variance: exp(2 theta), 1 by default."""
    return Parameter(name, TransformExpPow2(), dtype=dtype)


def bounded(lower: float) -> Transform:
    """The transform of a correlation onto (lower, 1): sigmoid, then scale and shift."""
    return TransformChain([TransformSigmoid(), TransformScaleShift(1 - lower, lower)])


@declare(
    title="Identity",
    category="Elementary",
    formula=r"\mathbf{V} = \mathbf{I}_n",
    symbol="I",
    summary="Independent rows with variance one; it has no parameters.",
    arguments=(SIZE,),
    aliases={"ASReml": ("id",)},
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 6",
    usage={"ASReml": "id(genotype)"},
    psd=True,
    exchangeable=True,
    example=lambda: IdentityMatrix(3),
)
class IdentityMatrix(DiagonalLeaf):
    r"""The identity matrix, :math:`V = I_n`.

    It has no parameters: use it for unit-variance residuals, or as a factor of a Kronecker product.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: None or an empty mapping, for uniformity with the other structures.
        dtype: Floating point dtype in which it is evaluated by itself; None for torch's default.
        device: Device on which it is evaluated by itself; None for the cpu.

    Raises:
        TypeError: `n` is not an int, or `dtype` is not a floating point one.
        ValueError: `n` is below 1, or `param_specs` declares a parameter.

    Example:
        >>> from covstudio.covariance import IdentityMatrix
        >>> IdentityMatrix(2)()
        tensor([[1., 0.],
                [0., 1.]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 6.
    """

    _definite = True

    def __init__(
        self,
        n: int,
        param_specs: ParamSpecs | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.n = check_size(n)
        self._dtype = check_dtype(dtype)
        self._device = None if device is None else torch.device(device)
        super().__init__((self.n, self.n), param_specs, [])

    def variances(self, natural: Tensor) -> Tensor:
        """Ones, shape (n,); `natural` is empty and gives the dtype and the device."""
        return natural.new_ones(self.n)

    def variance_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The empty Jacobian, shape (0, n)."""
        return natural.new_zeros((len(index), self.n))


@linalg.incidence.register(IdentityMatrix)
def _(matrix: IdentityMatrix) -> Tensor:
    return torch.arange(matrix.n)


@declare(
    title="Scalar (variance components)",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{I}_n",
    symbol="σ²I",
    keywords=("variance component", "residual", "independent effects", "iid"),
    summary="Independent rows with one common variance: a residual, a nugget, or effects that share nothing.",
    arguments=(SIZE,),
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
    parameters={"sigma^2": "Variance of every position: one variance component."},
    usage={
        "ASReml": "idv(genotype)",
        "SAS": "random genotype / type=vc;",
        "nlme": "random = list(block = pdIdent(~ variety - 1))",
        "lme4": "(1 | genotype)",
        "glmmTMB": "(1 | genotype)",
    },
    psd=True,
    linear=True,
    scale="sigma^2",
    exchangeable=True,
    example=lambda: ScalarMatrix(3),
)
class ScalarMatrix(DiagonalLeaf):
    r"""A multiple of the identity, :math:`V = \sigma^2 I_n`: one variance component.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0, that is 1).

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

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

    def variances(self, natural: Tensor) -> Tensor:
        """sigma^2 in every place, shape (n,), from natural values [sigma^2]."""
        return natural.expand(self.n)

    def variance_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Ones, the diagonal of dV/d sigma^2 = I, shape (1, n)."""
        return natural.new_ones((len(index), self.n))


@declare(
    title="Diagonal",
    category="Elementary",
    formula=r"\mathbf{V} = \operatorname{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})",
    symbol="diag(σ²ᵢ)",
    summary="Independent rows, each with its own variance.",
    arguments=(SIZE,),
    aliases={
        "torch-openreml": ("DiagonalMatrix",),
        "ASReml": ("diag", "idh"),
        "SAS": ("UN(1)",),
        "nlme": ("pdDiag", "varIdent"),
        "lme4": ("(x || g)",),
        "glmmTMB": ("diag",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2",
    parameters={"sigma^2_i": "Variance of position i."},
    usage={
        "ASReml": "diag(site):id(genotype)",
        "SAS": "random site / subject=genotype type=un(1);",
        "nlme": "weights = varIdent(form = ~ 1 | site)",
        "lme4": "(0 + x + z || genotype)",
        "glmmTMB": "diag(0 + site | genotype)",
    },
    psd=True,
    linear=True,
    example=lambda: DiagonalMatrix(3),
)
class DiagonalMatrix(DiagonalLeaf):
    r"""A diagonal matrix of free variances, :math:`V = \mathrm{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: variances; raw: exp(2 theta), default 0).

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

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

    def variances(self, natural: Tensor) -> Tensor:
        """The n natural variances, shape (n,)."""
        return natural

    def variance_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2_i on the diagonal: 1 in place i of each slice, shape (len(index), n)."""
        entry = torch.tensor(list(index), dtype=torch.int64, device=natural.device)
        return torch.nn.functional.one_hot(entry, self.n).to(natural.dtype)


@declare(
    title="Equal entries",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{J}_{n \times m}",
    symbol="σ²J",
    summary="One variance in every entry: an effect shared by all rows.",
    arguments=ROWS_AND_COLUMNS,
    aliases={
        "torch-openreml": ("EqualEntryMatrix",),
        "GPyTorch": ("ConstantKernel",),
        "scikit-learn": ("ConstantKernel",),
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 3",
    parameters={"sigma^2": "The value of every entry: the variance of an effect all rows share."},
    usage={
        "GPyTorch": "gpytorch.kernels.ConstantKernel()",
        "scikit-learn": "sklearn.gaussian_process.kernels.ConstantKernel()",
    },
    psd=True,
    linear=True,
    scale="sigma^2",
    exchangeable=True,
    example=lambda: EqualEntryMatrix(3),
)
class EqualEntryMatrix(Leaf):
    r"""The same value everywhere, :math:`V = \sigma^2 J_{n \times m}`.

    Parameters: `sigma^2` (natural: the entry; raw: exp(2 theta), default 0). Square when `m` is left out,
    and then a covariance of rank one; rectangular otherwise.

    Args:
        n: Number of rows, an int of at least 1.
        m: Number of columns; None for n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1.

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
        self.n, self.m = check_rectangle(n, m)
        super().__init__((self.n, self.m), param_specs, [variance()])

    @property
    def psd(self) -> bool:
        """True when square, and then positive semi-definite of rank one."""
        return self.n == self.m and super().psd

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 J, shape (n, m), from natural values [sigma^2]."""
        return natural.reshape(1, 1).repeat(self.n, self.m)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = J, shape (1, n, m)."""
        return natural.new_ones((len(index), self.n, self.m))


def _scalar(matrix: IdentityMatrix | ScalarMatrix) -> linalg.Kind:
    return "scalar"


linalg.kind.register(IdentityMatrix)(_scalar)
linalg.kind.register(ScalarMatrix)(_scalar)


def _covariance(matrix: EqualEntryMatrix) -> bool:
    return matrix.n == matrix.m


def _singular(matrix: EqualEntryMatrix) -> bool:
    return matrix.n == matrix.m > 1


@linalg.kind.register(EqualEntryMatrix, when=_covariance)
def _(matrix: EqualEntryMatrix) -> linalg.Kind:
    return "low rank"


@linalg.matmul.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return (natural[0] * b.sum(0)).repeat(matrix.n, 1)


@linalg.transpose_matmul.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return (natural[0] * b.sum(0)).repeat(matrix.m, 1)


@linalg.diagonal.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor) -> Tensor:
    return natural[0].repeat(min(matrix.shape))


@linalg.solve.register(EqualEntryMatrix, when=_singular)
def _(matrix: EqualEntryMatrix, natural: Tensor, b: Tensor) -> Tensor:
    raise singular(matrix)


@linalg.logdet.register(EqualEntryMatrix, when=_singular)
def _(matrix: EqualEntryMatrix, natural: Tensor) -> Tensor:
    raise singular(matrix)


@linalg.derivative_matmul.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return b.sum(0).repeat(len(index), matrix.n, 1)


@linalg.derivative_diagonal.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return natural.new_ones((len(index), min(matrix.shape)))


@linalg.trace_against.register(EqualEntryMatrix)
def _(matrix: EqualEntryMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return a.sum().repeat(len(index))


@linalg.factor.register(EqualEntryMatrix, when=_covariance)
def _(matrix: EqualEntryMatrix, natural: Tensor) -> Tensor:
    if not float(natural[0]) >= 0:
        return linalg.factor.default(matrix, natural)
    return natural[0].sqrt().repeat(matrix.n, 1)

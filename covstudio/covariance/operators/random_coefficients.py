"""Random coefficients of groups, `(x | g)`, as one structure of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.operators.products import KroneckerProduct
from covstudio.covariance.operators.rowwise import KhatriRaoProduct
from covstudio.covariance.operators.sums import CovariancePropagation
from covstudio.covariance.structures.design.incidence import DummyMatrix
from covstudio.covariance.structures.design.numeric import DesignMatrix
from covstudio.covariance.structures.elementary.elementary import (
    DiagonalMatrix,
    IdentityMatrix,
    ScalarMatrix,
)
from covstudio.covariance.structures.unstructured.unstructured import UnstructuredMatrix

__all__ = ["RandomCoefficientsMatrix"]

#: Covariances of the coefficients of a group, of their number.
_WITHIN = {"unstructured": UnstructuredMatrix, "diagonal": DiagonalMatrix, "scalar": ScalarMatrix}


@declare(
    title="Random coefficients",
    category="Unstructured",
    place=8,
    formula=r"\mathbf{V} = \mathbf{Z} (\mathbf{I}_m \otimes \mathbf{G}) \mathbf{Z}^\top, \quad "
    r"\mathbf{Z} = \mathbf{Z}_g \bullet [\mathbf{1} \; \mathbf{x}]",
    symbol="(x | g)",
    summary="An intercept and slopes of its own for every group, correlated within it, in one piece.",
    arguments=(
        Argument("groups", "factors", "Groups", "One or more columns of labels; several are crossed"),
        Argument(
            "columns",
            "coordinates",
            "Covariates",
            "Numeric columns that every group has a slope of",
            optional=True,
            columns=(1, None),
        ),
        Argument("intercept", "flag", "Intercept", "Whether every group has an intercept", default=True),
        Argument(
            "within",
            "choice",
            "Within a group",
            "The covariance of a group's coefficients",
            default="unstructured",
            choices=tuple(_WITHIN),
        ),
    ),
    aliases={
        "lme4": ("(x | g)", "(1 + x | g)", "random slope", "random coefficients"),
        "nlme": ("random = ~ x | g",),
        "SAS": ("random int x / subject=g",),
        "ASReml": ("str(~ g + g:x, ~ us(2):id(g))",),
    },
    usage={
        "lme4": "(x | g)",
        "nlme": "random = ~ x | g",
        "SAS": "random int x / subject=g type=un;",
        "ASReml": "str(~ g + g:x, ~ us(2):id(g))",
    },
    reference="Laird & Ware (1982), Biometrics 38, 963-974; Bates et al. (2015), J. Stat. Softw. 67(1)",
    parameters={
        "L_i_j": "Entry of the Cholesky factor of the covariance of a group's coefficients.",
        "sigma^2_i": "Variance of coefficient i, where coefficients are independent.",
        "sigma^2": "Variance of every coefficient.",
    },
    psd=True,
    example=lambda: RandomCoefficientsMatrix(["u", "u", "v", "v"], columns=[0.0, 1.0, 0.5, 2.0]),
)
class RandomCoefficientsMatrix(Leaf):
    r"""Coefficients of its own for every group, :math:`V = Z (I_m \otimes G) Z'`.

    Z has, for every one of m groups, an intercept and the covariates on the rows of the group, and zeros
    elsewhere; G is the covariance of a group's coefficients. `CovariancePropagation`, `KhatriRaoProduct`, and
    the parts of both in one piece: engines, random effects and variances by name see those.

    Parameters: those of G.

    Args:
        *groups: One or more lists of labels, each of length n; several are crossed.
        columns: Numbers, n rows: a vector, a table of shape (n, d), or a mapping from names to vectors; None
            for none.
        intercept: Whether there is an intercept before them.
        within: "unstructured", "diagonal" or "scalar": the structure of G.
        levels: The levels of each factor, one list per factor; see `DummyMatrix`.
        lex_order: Whether groups are sorted; see `DummyMatrix`.
        names: Name of each given column; see `DesignMatrix`.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the groups are no labels, or the columns no numbers.
        ValueError: numbers of rows differ, there is no coefficient at all, or `within` is none of the above.

    Example:
        >>> import torch
        >>> from covstudio.covariance import RandomCoefficientsMatrix, linalg
        >>> v = RandomCoefficientsMatrix(["u", "u", "v"], columns={"x": [0.0, 1.0, 2.0]})
        >>> v(torch.tensor([0.0, 0.0, 0.0]))
        tensor([[1., 1., 0.],
                [1., 2., 0.],
                [0., 0., 5.]])
        >>> linalg.column_names(linalg.parts(v, "congruence")[0].operand)
        ('u⋈Intercept', 'u⋈x', 'v⋈Intercept', 'v⋈x')

    Reference:
        Laird & Ware (1982), Random-effects models for longitudinal data, Biometrics 38, 963-974; Bates,
        Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1), section 2.2.
    """

    def __init__(
        self,
        *groups: Any,
        columns: Any = None,
        intercept: bool = True,
        within: str = "unstructured",
        levels: Sequence[Sequence[Any]] | None = None,
        lex_order: bool = True,
        names: Sequence[str] | None = None,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        if within not in _WITHIN:
            raise ValueError(f"within must be one of {', '.join(map(repr, _WITHIN))}, got {within!r}")
        incidence = DummyMatrix(*groups, levels=levels, lex_order=lex_order, drop_empty_cols=True)
        if columns is None and not intercept:
            raise ValueError("intercept must be True where there are no columns, got False; give a column")
        z: Matrix = incidence
        size = 1
        if columns is not None:
            design = DesignMatrix(columns, intercept=intercept, names=names)
            if design.shape[0] != incidence.shape[0]:
                raise ValueError(
                    f"columns must have a row for each label, got {design.shape[0]} rows for "
                    f"{incidence.shape[0]} labels; give them the same length"
                )
            z, size = KhatriRaoProduct(a=incidence, b=design), design.shape[1]
        self._within: Matrix = _WITHIN[within](size)
        self._z, self._g = z, _Groups(incidence.shape[1], self._within)
        self._tree = CovariancePropagation(z=z, g=self._g)
        n = incidence.shape[0]
        super().__init__((n, n), param_specs, list(self._within.parameters))

    def evaluate(self, natural: Tensor) -> Tensor:
        """V, shape (n, n), from the natural values of G."""
        return self._tree.evaluate(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV in natural values, shape (len(index), n, n)."""
        return self._tree.natural_jacobian(natural, index)


class _Groups(Leaf):
    """The covariance of all coefficients, I_m (x) G, with the parameters of G under their own names."""

    def __init__(self, groups: int, within: Matrix) -> None:
        self._parts = IdentityMatrix(groups), within
        self._tree = KroneckerProduct(groups=self._parts[0], within=within)
        super().__init__((self._tree.shape[0], self._tree.shape[1]), None, list(within.parameters))

    @property
    def psd(self) -> bool:
        return True

    def evaluate(self, natural: Tensor) -> Tensor:
        return self._tree.evaluate(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return self._tree.natural_jacobian(natural, index)


def _parts_of(names: Sequence[str], parts: Sequence[Matrix]) -> tuple[linalg.PlacedOperand, ...]:
    """Parts of which the second alone has parameters, under the names that these have in the whole."""
    count = parts[1].num_params
    spans = range(0, 0), range(0, count)
    return tuple(
        linalg.PlacedOperand(part, span, name) for part, span, name in zip(parts, spans, names, strict=True)
    )


@linalg.composition.register(RandomCoefficientsMatrix)
def _(matrix: RandomCoefficientsMatrix) -> linalg.Composition | None:
    return linalg.Composition("congruence", _parts_of(("z", ""), (matrix._z, matrix._g)))


@linalg.composition.register(_Groups)
def _(matrix: _Groups) -> linalg.Composition | None:
    return linalg.Composition("kronecker product", _parts_of(("groups", ""), matrix._parts))


def _as_its_tree(cls: type[Leaf], *functions: Any) -> None:
    """Let functions of structure ask the operators that a structure is made of."""
    for function in functions:

        def asked(matrix: Any, *given: Any, _function: Any = function) -> Any:
            return _function(matrix._tree, *given)

        function.register(cls)(asked)


_PRODUCTS = (
    linalg.kind,
    linalg.matmul,
    linalg.diagonal,
    linalg.derivative_matmul,
    linalg.derivative_diagonal,
    linalg.trace_against,
)
_as_its_tree(RandomCoefficientsMatrix, *_PRODUCTS)
_as_its_tree(
    _Groups,
    *_PRODUCTS,
    linalg.solve,
    linalg.logdet,
    linalg.factor,
    linalg.sparsity,
    linalg.inverse_entries,
    linalg.inverse_derivatives,
)


@linalg.sign_symmetry.register(RandomCoefficientsMatrix)
def _(matrix: RandomCoefficientsMatrix) -> Mapping[str, tuple[str, ...]]:
    return linalg.sign_symmetry(matrix._within)

"""Covariance structures: parametrised matrices, their Jacobians, and the operators that combine them."""

from covstudio.covariance import linalg, structure
from covstudio.covariance.core.catalogue import (
    CATEGORIES,
    Argument,
    Declaration,
    Slot,
    UnknownStructure,
    catalogue,
    declaration,
    declare,
)
from covstudio.covariance.core.incremental import Evaluation
from covstudio.covariance.core.leaf import Leaf
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operator import Operand, Operator, ShapeError
from covstudio.covariance.operators.algebra import Gram, Inverse, Product, SingularMatrixError, Transpose
from covstudio.covariance.operators.partitioned import Augment, BlockDiagonal, Stack
from covstudio.covariance.operators.parts import Conditional, Submatrix
from covstudio.covariance.operators.products import HadamardProduct, KroneckerProduct
from covstudio.covariance.operators.rules import register  # noqa: F401
from covstudio.covariance.operators.scaled import Correlation, KroneckerSum, Scale
from covstudio.covariance.operators.sums import CovariancePropagation, Sum
from covstudio.covariance.parameters.parameter import Parameter, ParamSpec
from covstudio.covariance.parameters.parameterised import UnknownParameter
from covstudio.covariance.parameters.transforms import (
    Transform,
    TransformChain,
    TransformExp,
    TransformExp2,
    TransformExp10,
    TransformExpPow2,
    TransformIdentity,
    TransformPow,
    TransformScaleShift,
    TransformSigmoid,
)
from covstudio.covariance.structures.design.incidence import DummyMatrix
from covstudio.covariance.structures.design.numeric import DesignMatrix
from covstudio.covariance.structures.elementary.compound_symmetric import (
    CompoundSymmetricMatrix,
    EquicorrelationMatrix,
)
from covstudio.covariance.structures.elementary.correlation import (
    CorrelationMatrix,
    HeterogeneousCorrelationMatrix,
)
from covstudio.covariance.structures.elementary.diagonal import DiagonalLeaf
from covstudio.covariance.structures.elementary.elementary import (
    DiagonalMatrix,
    EqualEntryMatrix,
    IdentityMatrix,
    ScalarMatrix,
)
from covstudio.covariance.structures.elementary.heterogeneous import (
    HeterogeneousCompoundSymmetricMatrix,
    HeterogeneousLeaf,
)
from covstudio.covariance.structures.elementary.huynh_feldt import HuynhFeldtMatrix
from covstudio.covariance.structures.elementary.variance_functions import (
    ConstantPowerVarianceMatrix,
    ExponentialVarianceMatrix,
    PowerVarianceMatrix,
)
from covstudio.covariance.structures.relationship.known import KnownMatrix
from covstudio.covariance.structures.relationship.pedigree import Pedigree
from covstudio.covariance.structures.relationship.pedigree_matrix import PedigreeMatrix
from covstudio.covariance.structures.relationship.relationship import (
    genomic_relationship,
    pedigree_inverse,
    pedigree_relationship,
)
from covstudio.covariance.structures.spatial.compact import (
    CircularMatrix,
    LinearDistanceMatrix,
    SphericalMatrix,
)
from covstudio.covariance.structures.spatial.exponential import DampedCosineMatrix, ExponentialMatrix
from covstudio.covariance.structures.spatial.gaussian import GaussianMatrix, RationalQuadraticMatrix
from covstudio.covariance.structures.spatial.inner_product import DotProductMatrix, PolynomialMatrix
from covstudio.covariance.structures.spatial.matern import MaternMatrix
from covstudio.covariance.structures.spatial.periodic import PeriodicMatrix
from covstudio.covariance.structures.spatial.power import PowerMatrix
from covstudio.covariance.structures.timeseries.ar import ARMatrix, SymmetricARMatrix
from covstudio.covariance.structures.timeseries.ar1 import (
    AR1CorrelationMatrix,
    AR1Matrix,
    HeterogeneousAR1Matrix,
)
from covstudio.covariance.structures.timeseries.arma import ARMAMatrix, MAMatrix
from covstudio.covariance.structures.timeseries.ornstein_uhlenbeck import OrnsteinUhlenbeckMatrix
from covstudio.covariance.structures.timeseries.random_walk import (
    IntegratedRandomWalkMatrix,
    RandomWalkMatrix,
)
from covstudio.covariance.structures.timeseries.toeplitz import HeterogeneousToeplitzMatrix, ToeplitzMatrix
from covstudio.covariance.structures.unstructured.antedependence import AntedependenceMatrix
from covstudio.covariance.structures.unstructured.factor_analytic import (
    FactorAnalyticMatrix,
    IdentifiabilityWarning,
    ReducedRankMatrix,
)
from covstudio.covariance.structures.unstructured.unstructured import (
    LowerTriangularMatrix,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.covariance.structures.user.user import Adapter, SimpleMatrix

__all__ = [
    "CATEGORIES",
    "AR1CorrelationMatrix",
    "AR1Matrix",
    "ARMAMatrix",
    "ARMatrix",
    "Adapter",
    "AntedependenceMatrix",
    "Argument",
    "Augment",
    "BlockDiagonal",
    "CircularMatrix",
    "CompoundSymmetricMatrix",
    "Conditional",
    "ConstantPowerVarianceMatrix",
    "Correlation",
    "CorrelationMatrix",
    "CovariancePropagation",
    "DampedCosineMatrix",
    "Declaration",
    "DesignMatrix",
    "DiagonalLeaf",
    "DiagonalMatrix",
    "DotProductMatrix",
    "DummyMatrix",
    "EqualEntryMatrix",
    "EquicorrelationMatrix",
    "Evaluation",
    "ExponentialMatrix",
    "ExponentialVarianceMatrix",
    "FactorAnalyticMatrix",
    "GaussianMatrix",
    "Gram",
    "HadamardProduct",
    "HeterogeneousAR1Matrix",
    "HeterogeneousCompoundSymmetricMatrix",
    "HeterogeneousCorrelationMatrix",
    "HeterogeneousLeaf",
    "HeterogeneousToeplitzMatrix",
    "HuynhFeldtMatrix",
    "IdentifiabilityWarning",
    "IdentityMatrix",
    "IntegratedRandomWalkMatrix",
    "Inverse",
    "KnownMatrix",
    "KroneckerProduct",
    "KroneckerSum",
    "Leaf",
    "LinearDistanceMatrix",
    "LowerTriangularMatrix",
    "MAMatrix",
    "MaternMatrix",
    "Matrix",
    "Operand",
    "Operator",
    "OrnsteinUhlenbeckMatrix",
    "ParamSpec",
    "Parameter",
    "Pedigree",
    "PedigreeMatrix",
    "PeriodicMatrix",
    "PolynomialMatrix",
    "PowerMatrix",
    "PowerVarianceMatrix",
    "Product",
    "RandomWalkMatrix",
    "RationalQuadraticMatrix",
    "ReducedRankMatrix",
    "ScalarMatrix",
    "Scale",
    "ShapeError",
    "SimpleMatrix",
    "SingularMatrixError",
    "Slot",
    "SphericalMatrix",
    "Stack",
    "Submatrix",
    "Sum",
    "SymmetricARMatrix",
    "ToeplitzMatrix",
    "Transform",
    "TransformChain",
    "TransformExp",
    "TransformExp2",
    "TransformExp10",
    "TransformExpPow2",
    "TransformIdentity",
    "TransformPow",
    "TransformScaleShift",
    "TransformSigmoid",
    "Transpose",
    "UnconstrainedMatrix",
    "UnknownParameter",
    "UnknownStructure",
    "UnstructuredMatrix",
    "catalogue",
    "declaration",
    "declare",
    "genomic_relationship",
    "linalg",
    "pedigree_inverse",
    "pedigree_relationship",
    "structure",
]

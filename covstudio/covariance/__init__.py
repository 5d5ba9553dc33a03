"""Covariance structures: parametrised matrices, their Jacobians, and the operators that combine them."""

from . import structure, structure_rules  # noqa: F401
from .antedependence import AntedependenceMatrix
from .autoregressive import ARMatrix, SymmetricARMatrix
from .compound_symmetric import CompoundSymmetricMatrix, EquicorrelationMatrix
from .correlation import CorrelationMatrix, HeterogeneousCorrelationMatrix
from .declaration import (
    CATEGORIES,
    Argument,
    Declaration,
    Slot,
    UnknownStructure,
    catalogue,
    declaration,
    declare,
)
from .design import DummyMatrix
from .design_numeric import DesignMatrix
from .diagonal import DiagonalLeaf
from .elementary import DiagonalMatrix, EqualEntryMatrix, IdentityMatrix, ScalarMatrix
from .evaluation import Evaluation
from .factor_analytic import FactorAnalyticMatrix, IdentifiabilityWarning, ReducedRankMatrix
from .heterogeneous import HeterogeneousCompoundSymmetricMatrix, HeterogeneousLeaf
from .huynh_feldt import HuynhFeldtMatrix
from .kernels import DotProductMatrix, PolynomialMatrix
from .known import KnownMatrix
from .leaf import Leaf
from .matern import MaternMatrix
from .matrix import Matrix
from .moving_average import ARMAMatrix, MAMatrix
from .operator import Operand, Operator, ShapeError
from .operators_conditional import Conditional, Submatrix
from .operators_covariance import CovariancePropagation, Sum
from .operators_entrywise import HadamardProduct, KroneckerProduct
from .operators_linear import Gram, Inverse, Product, SingularMatrixError, Transpose
from .operators_partitioned import Augment, BlockDiagonal, Stack
from .operators_scaled import Correlation, KroneckerSum, Scale
from .ornstein_uhlenbeck import OrnsteinUhlenbeckMatrix
from .parameter import Parameter, ParamSpec
from .parameterised import UnknownParameter
from .pedigree import Pedigree
from .pedigree_matrix import PedigreeMatrix
from .periodic import PeriodicMatrix
from .power import PowerMatrix
from .randomwalk import IntegratedRandomWalkMatrix, RandomWalkMatrix
from .relationship import genomic_relationship, pedigree_inverse, pedigree_relationship
from .spatial import DampedCosineMatrix, ExponentialMatrix
from .spatial_compact import CircularMatrix, LinearDistanceMatrix, SphericalMatrix
from .spatial_smooth import GaussianMatrix, RationalQuadraticMatrix
from .timeseries import AR1CorrelationMatrix, AR1Matrix, HeterogeneousAR1Matrix
from .toeplitz import HeterogeneousToeplitzMatrix, ToeplitzMatrix
from .transform import (
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
from .unstructured import LowerTriangularMatrix, UnconstrainedMatrix, UnstructuredMatrix
from .user import Adapter, SimpleMatrix
from .variance_functions import ConstantPowerVarianceMatrix, ExponentialVarianceMatrix, PowerVarianceMatrix

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
    "pedigree_inverse",
    "pedigree_relationship",
    "structure",
]

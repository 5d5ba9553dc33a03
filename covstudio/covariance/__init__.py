"""Covariance structures: parametrised matrices, their Jacobians, and the operators that combine them.

A structure is exported by one line here; what it is called and what it can do is declared beside its class.
"""

from types import ModuleType as _Module

from covstudio.covariance import linalg as linalg
from covstudio.covariance import structure as structure
from covstudio.covariance.core.catalogue import CATEGORIES as CATEGORIES
from covstudio.covariance.core.catalogue import Argument as Argument
from covstudio.covariance.core.catalogue import Declaration as Declaration
from covstudio.covariance.core.catalogue import Slot as Slot
from covstudio.covariance.core.catalogue import UnknownStructure as UnknownStructure
from covstudio.covariance.core.catalogue import catalogue as catalogue
from covstudio.covariance.core.catalogue import declaration as declaration
from covstudio.covariance.core.catalogue import declare as declare
from covstudio.covariance.core.incremental import Evaluation as Evaluation
from covstudio.covariance.core.leaf import Leaf as Leaf
from covstudio.covariance.core.matrix import Matrix as Matrix
from covstudio.covariance.core.operator import Operand as Operand
from covstudio.covariance.core.operator import Operator as Operator
from covstudio.covariance.core.operator import ShapeError as ShapeError
from covstudio.covariance.linalg.why import ExplainedEntry as ExplainedEntry
from covstudio.covariance.linalg.why import why as why
from covstudio.covariance.operators.algebra import Gram as Gram
from covstudio.covariance.operators.algebra import Inverse as Inverse
from covstudio.covariance.operators.algebra import Product as Product
from covstudio.covariance.operators.algebra import SingularMatrixError as SingularMatrixError
from covstudio.covariance.operators.algebra import Transpose as Transpose
from covstudio.covariance.operators.partitioned import Augment as Augment
from covstudio.covariance.operators.partitioned import BlockDiagonal as BlockDiagonal
from covstudio.covariance.operators.partitioned import Stack as Stack
from covstudio.covariance.operators.parts import Conditional as Conditional
from covstudio.covariance.operators.parts import Submatrix as Submatrix
from covstudio.covariance.operators.products import HadamardProduct as HadamardProduct
from covstudio.covariance.operators.products import KroneckerProduct as KroneckerProduct
from covstudio.covariance.operators.random_coefficients import (
    RandomCoefficientsMatrix as RandomCoefficientsMatrix,
)
from covstudio.covariance.operators.rowwise import KhatriRaoProduct as KhatriRaoProduct
from covstudio.covariance.operators.rules import register  # noqa: F401
from covstudio.covariance.operators.scaled import Correlation as Correlation
from covstudio.covariance.operators.scaled import KroneckerSum as KroneckerSum
from covstudio.covariance.operators.scaled import Scale as Scale
from covstudio.covariance.operators.sums import CovariancePropagation as CovariancePropagation
from covstudio.covariance.operators.sums import Sum as Sum
from covstudio.covariance.operators.variances import WithVariances as WithVariances
from covstudio.covariance.parameters.chain import TransformChain as TransformChain
from covstudio.covariance.parameters.parameter import Parameter as Parameter
from covstudio.covariance.parameters.parameter import ParamSpec as ParamSpec
from covstudio.covariance.parameters.parameter import simple_param_specs as simple_param_specs
from covstudio.covariance.parameters.transforms import Transform as Transform
from covstudio.covariance.parameters.transforms import TransformExp as TransformExp
from covstudio.covariance.parameters.transforms import TransformExp2 as TransformExp2
from covstudio.covariance.parameters.transforms import TransformExp10 as TransformExp10
from covstudio.covariance.parameters.transforms import TransformExpPow2 as TransformExpPow2
from covstudio.covariance.parameters.transforms import TransformIdentity as TransformIdentity
from covstudio.covariance.parameters.transforms import TransformPow as TransformPow
from covstudio.covariance.parameters.transforms import TransformScaleShift as TransformScaleShift
from covstudio.covariance.parameters.transforms import TransformSigmoid as TransformSigmoid
from covstudio.covariance.parameters.unknown import UnknownParameter as UnknownParameter
from covstudio.covariance.structures.design.incidence import DummyMatrix as DummyMatrix
from covstudio.covariance.structures.design.numeric import DesignMatrix as DesignMatrix
from covstudio.covariance.structures.design.positions import evenly_spaced_levels as evenly_spaced_levels
from covstudio.covariance.structures.elementary.compound_symmetric import (
    CompoundSymmetricMatrix as CompoundSymmetricMatrix,
)
from covstudio.covariance.structures.elementary.compound_symmetric import (
    EquicorrelationMatrix as EquicorrelationMatrix,
)
from covstudio.covariance.structures.elementary.correlation import CorrelationMatrix as CorrelationMatrix
from covstudio.covariance.structures.elementary.correlation import (
    HeterogeneousCorrelationMatrix as HeterogeneousCorrelationMatrix,
)
from covstudio.covariance.structures.elementary.diagonal import DiagonalLeaf as DiagonalLeaf
from covstudio.covariance.structures.elementary.elementary import DiagonalMatrix as DiagonalMatrix
from covstudio.covariance.structures.elementary.elementary import EqualEntryMatrix as EqualEntryMatrix
from covstudio.covariance.structures.elementary.elementary import IdentityMatrix as IdentityMatrix
from covstudio.covariance.structures.elementary.elementary import ScalarMatrix as ScalarMatrix
from covstudio.covariance.structures.elementary.heterogeneous import (
    HeterogeneousCompoundSymmetricMatrix as HeterogeneousCompoundSymmetricMatrix,
)
from covstudio.covariance.structures.elementary.heterogeneous import HeterogeneousLeaf as HeterogeneousLeaf
from covstudio.covariance.structures.elementary.huynh_feldt import HuynhFeldtMatrix as HuynhFeldtMatrix
from covstudio.covariance.structures.elementary.variance_functions import (
    ConstantPowerVarianceMatrix as ConstantPowerVarianceMatrix,
)
from covstudio.covariance.structures.elementary.variance_functions import (
    ExponentialVarianceMatrix as ExponentialVarianceMatrix,
)
from covstudio.covariance.structures.elementary.variance_functions import (
    PowerVarianceMatrix as PowerVarianceMatrix,
)
from covstudio.covariance.structures.relationship.known import KnownMatrix as KnownMatrix
from covstudio.covariance.structures.relationship.known_inverse import (
    KnownInverseMatrix as KnownInverseMatrix,
)
from covstudio.covariance.structures.relationship.markers import MarkersMatrix as MarkersMatrix
from covstudio.covariance.structures.relationship.pedigree import Pedigree as Pedigree
from covstudio.covariance.structures.relationship.pedigree_matrix import PedigreeMatrix as PedigreeMatrix
from covstudio.covariance.structures.relationship.relationship import (
    genomic_relationship as genomic_relationship,
)
from covstudio.covariance.structures.relationship.relationship import pedigree_inverse as pedigree_inverse
from covstudio.covariance.structures.relationship.relationship import (
    pedigree_relationship as pedigree_relationship,
)
from covstudio.covariance.structures.relationship.repair import Repaired as Repaired
from covstudio.covariance.structures.relationship.repair import bend as bend
from covstudio.covariance.structures.relationship.repair import blend as blend
from covstudio.covariance.structures.relationship.repair import nearest as nearest
from covstudio.covariance.structures.spatial.compact import CircularMatrix as CircularMatrix
from covstudio.covariance.structures.spatial.compact import LinearDistanceMatrix as LinearDistanceMatrix
from covstudio.covariance.structures.spatial.compact import SphericalMatrix as SphericalMatrix
from covstudio.covariance.structures.spatial.exponential import DampedCosineMatrix as DampedCosineMatrix
from covstudio.covariance.structures.spatial.exponential import ExponentialMatrix as ExponentialMatrix
from covstudio.covariance.structures.spatial.gaussian import GaussianMatrix as GaussianMatrix
from covstudio.covariance.structures.spatial.gaussian import (
    RationalQuadraticMatrix as RationalQuadraticMatrix,
)
from covstudio.covariance.structures.spatial.inner_product import DotProductMatrix as DotProductMatrix
from covstudio.covariance.structures.spatial.inner_product import PolynomialMatrix as PolynomialMatrix
from covstudio.covariance.structures.spatial.matern import MaternMatrix as MaternMatrix
from covstudio.covariance.structures.spatial.periodic import PeriodicMatrix as PeriodicMatrix
from covstudio.covariance.structures.spatial.power import PowerMatrix as PowerMatrix
from covstudio.covariance.structures.timeseries.ar import ARMatrix as ARMatrix
from covstudio.covariance.structures.timeseries.ar import SymmetricARMatrix as SymmetricARMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1CorrelationMatrix as AR1CorrelationMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1Matrix as AR1Matrix
from covstudio.covariance.structures.timeseries.ar1 import HeterogeneousAR1Matrix as HeterogeneousAR1Matrix
from covstudio.covariance.structures.timeseries.arma import ARMAMatrix as ARMAMatrix
from covstudio.covariance.structures.timeseries.arma import MAMatrix as MAMatrix
from covstudio.covariance.structures.timeseries.ornstein_uhlenbeck import (
    OrnsteinUhlenbeckMatrix as OrnsteinUhlenbeckMatrix,
)
from covstudio.covariance.structures.timeseries.random_walk import (
    IntegratedRandomWalkMatrix as IntegratedRandomWalkMatrix,
)
from covstudio.covariance.structures.timeseries.random_walk import RandomWalkMatrix as RandomWalkMatrix
from covstudio.covariance.structures.timeseries.toeplitz import (
    HeterogeneousToeplitzMatrix as HeterogeneousToeplitzMatrix,
)
from covstudio.covariance.structures.timeseries.toeplitz import ToeplitzMatrix as ToeplitzMatrix
from covstudio.covariance.structures.unstructured.antedependence import (
    AntedependenceMatrix as AntedependenceMatrix,
)
from covstudio.covariance.structures.unstructured.factor_analytic import (
    FactorAnalyticMatrix as FactorAnalyticMatrix,
)
from covstudio.covariance.structures.unstructured.factor_analytic import (
    IdentifiabilityWarning as IdentifiabilityWarning,
)
from covstudio.covariance.structures.unstructured.factor_analytic import (
    ReducedRankMatrix as ReducedRankMatrix,
)
from covstudio.covariance.structures.unstructured.unstructured import (
    LowerTriangularMatrix as LowerTriangularMatrix,
)
from covstudio.covariance.structures.unstructured.unstructured import (
    UnconstrainedMatrix as UnconstrainedMatrix,
)
from covstudio.covariance.structures.unstructured.unstructured import UnstructuredMatrix as UnstructuredMatrix
from covstudio.covariance.structures.user.user import Adapter as Adapter
from covstudio.covariance.structures.user.user import SimpleMatrix as SimpleMatrix

__all__ = sorted(
    {"linalg", "structure"}
    | {name for name, value in globals().items() if name[0] != "_" and not isinstance(value, _Module)}
)

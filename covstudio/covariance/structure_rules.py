"""The rules of structure for the operators: to import this module is to register them."""

from . import (
    structure_adapter,
    structure_kronecker,
    structure_linear,
    structure_operators,
    structure_partitioned,
    structure_propagation,
    structure_scaled,
    structure_sparse_kronecker,
)

__all__ = [
    "structure_adapter",
    "structure_kronecker",
    "structure_linear",
    "structure_operators",
    "structure_partitioned",
    "structure_propagation",
    "structure_scaled",
    "structure_sparse_kronecker",
]

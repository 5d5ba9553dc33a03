"""The cheap algebra of the operators: to import this module is to register its rules."""

from covstudio.covariance.operators.rules import (
    adapter,
    algebra,
    composition,
    entries,
    entrywise,
    kronecker,
    kronecker_sparse,
    partitioned,
    propagation,
    rowwise,
    scaled,
)

__all__ = [
    "adapter",
    "algebra",
    "composition",
    "entries",
    "entrywise",
    "kronecker",
    "kronecker_sparse",
    "partitioned",
    "propagation",
    "rowwise",
    "scaled",
]

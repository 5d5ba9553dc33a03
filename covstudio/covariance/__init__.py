"""Covariance structures: parametrised matrices, their Jacobians, and the operators that combine them."""

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
from .matrix import Matrix
from .operator import Operand, Operator, ShapeError
from .parameter import Parameter, ParamSpec
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

__all__ = [
    "CATEGORIES",
    "Argument",
    "Declaration",
    "Matrix",
    "Operand",
    "Operator",
    "ParamSpec",
    "Parameter",
    "ShapeError",
    "Slot",
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
    "UnknownStructure",
    "catalogue",
    "declaration",
    "declare",
]

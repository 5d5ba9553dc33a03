"""The operands of an operator: reading them in any form they may be given, and naming them in messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.definiteness import Operand, ShapeError
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.parameters.differentiation import traced

__all__ = ["PlacedOperand", "check_count", "locate", "read_operands"]


@dataclass(frozen=True, eq=False)
class PlacedOperand:
    """A part, and where its parameters stand among those of the whole.

    Attributes:
        operand: a matrix, or a constant 2-D tensor.
        span: places of its parameters among `param_names` of the whole.
        name: what it is called there; "" for a part that has no name of its own.
    """

    operand: Operand
    span: range
    name: str = ""

    @property
    def start(self) -> int:
        """The place of its first parameter."""
        return self.span.start

    @property
    def count(self) -> int:
        """Number of its parameters."""
        return len(self.span)

    def own(self, natural: Tensor) -> Tensor:
        """Its natural values out of those of the whole, (count,)."""
        return natural[self.span.start : self.span.stop]


def read_operands(label: str, operands: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Operand]:
    """The operands by name, whichever way they are given.

    An object with parameters that is given again stands in its second place as a twin, so that a parameter
    fixed in one place stays free in the other.

    Args:
        label: what to call the operator in messages.
        operands: positional operands, or one mapping from names to operands.
        named: operands given by keyword.

    Returns:
        Name -> operand, in order; positional ones are named `op_0`, `op_1`, ...

    Raises:
        TypeError: an operand is neither a `Matrix` nor a dense real tensor, or a name is not a
            string.
        ValueError: both forms are mixed, a name is empty or has a "/", or a tensor is empty or not finite.
    """
    if operands and named:
        raise ValueError(
            f"{label}: expected all operands positional or all by keyword, got {len(operands)} positional "
            f"and {sorted(named)}; name all of them, or none."
        )
    if any(isinstance(operand, Mapping) for operand in operands):
        if len(operands) > 1:
            raise ValueError(
                f"{label}: expected one dict of operands on its own, got {len(operands)} arguments; put all "
                "operands into the dict."
            )
        given = dict(operands[0])
    else:
        given = dict(named) or {f"op_{k}": operand for k, operand in enumerate(operands)}
    for name, operand in given.items():
        _check_operand(label, name, operand)
    seen: set[int] = set()
    for name, operand in given.items():
        if isinstance(operand, Matrix) and operand.num_params:
            if id(operand) in seen:
                given[name] = operand._twin()
            seen.add(id(operand))
    return given


def _check_operand(label: str, name: object, operand: object) -> None:
    if not isinstance(name, str):
        raise TypeError(
            f"{label}: expected operand names as strings, got {name!r} ({type(name).__name__}); write "
            f"{str(name)!r}."
        )
    if not name or "/" in name:
        raise ValueError(
            f"{label}: expected an operand name without '/' (it separates levels in parameter names), got "
            f"{name!r}; rename the operand."
        )
    if isinstance(operand, Tensor):
        _check_tensor(label, name, operand)
    if isinstance(operand, Matrix | Tensor):
        return
    if isinstance(operand, type) and issubclass(operand, Matrix):
        advice = f"got the class {operand.__name__}; construct it, as in {operand.__name__}(...)"
    elif isinstance(operand, list | tuple):
        advice = f"got a {type(operand).__name__}; give the operands one by one, or numbers as torch.tensor"
    else:
        advice = (
            f"got {type(operand).__name__}; give a number as torch.tensor([[...]]), an array by "
            "torch.as_tensor, or use a structure"
        )
    raise TypeError(f"{label}: expected operand {name!r} as a Matrix or a torch.Tensor, {advice}.")


def _check_tensor(label: str, name: str, tensor: Tensor) -> None:
    if tensor.layout != torch.strided:
        raise TypeError(
            f"{label}: expected operand {name!r} as a dense tensor, got a sparse one; write .to_dense()."
        )
    if tensor.dtype.is_complex:
        raise TypeError(
            f"{label}: expected operand {name!r} to hold real numbers, got {tensor.dtype}; take its "
            "real part."
        )
    if tensor.numel() == 0:
        raise ShapeError(
            f"{label}: expected operand {name!r} to have rows and columns, got shape {tuple(tensor.shape)}; "
            "leave it out."
        )
    if not traced(tensor) and not bool(torch.isfinite(tensor).all()):
        where = tuple(int(k) for k in (~torch.isfinite(tensor)).nonzero()[0])
        raise ValueError(
            f"{label}: expected operand {name!r} to be finite everywhere, got {float(tensor[where])} at "
            f"{where}; remove or complete those entries."
        )


def check_count(label: str, names: Sequence[str], low: int, high: int | None) -> None:
    """Check the number of operands.

    Raises:
        ValueError: fewer than `low`, or more than `high` (None: any).
    """
    count = len(names)
    if count >= low and (high is None or count <= high):
        return
    expected = f"exactly {low}" if low == high else f"{low} or more" if high is None else f"{low} to {high}"
    advice = "add the missing ones" if count < low else f"combine some first, or leave out {names[-1]!r}"
    raise ValueError(
        f"{label}: expected {expected} operand{'s' * (low != 1)}, got {count}"
        f"{f' ({list(names)})' if names else ''}; {advice}."
    )


def locate(error: Exception, name: str) -> None:
    """Put the name of the operand an error comes from into its message: its path, when done at every level.

    Only what is an error about values is touched, and only where its message is all there is to it. An
    operand without a name is the operator's own.
    """
    if not name or isinstance(error, NotImplementedError):
        return
    if len(error.args) != 1 or not isinstance(error.args[0], str):
        return
    kept = error.__dict__
    path = f"{name}/{kept['operand_path']}" if "operand_path" in kept else name
    message = kept.setdefault("operand_message", error.args[0])
    kept["operand_path"] = path
    error.args = (f"operand {path!r}: {message}",)

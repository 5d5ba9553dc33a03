"""Matrices and problems of a document, with the parameters of V and the nodes that have them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from covstudio.covariance import Matrix, Transform
from covstudio.covariance.core.letters import parameter_label
from covstudio.data.errors import listed
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.document.model.node import FrozenMap, V
from covstudio.document.sizes.infer import Shape, SizeOrigin

Severity = Literal["error", "unfinished"]


#: What is said of a node that is in no slot and not V.
LOOSE = "Not part of V: connect it to an operator, or remove it."


@dataclass(frozen=True)
class Problem:
    """What keeps a node from being built or used.

    Args:
        node_id: the node concerned, or "V" for the model as a whole.
        message: what is wrong and what to do.
        field: the argument or parameter concerned.
        severity: "error", or "unfinished" when nothing is wrong and something is still to come.
    """

    node_id: str
    message: str
    field: str | None = None
    severity: Severity = "error"


@dataclass(frozen=True)
class ParameterRef:
    """One parameter of V and the node it belongs to.

    Args:
        node_id: the node that has it.
        name: its name there, e.g. "sigma^2".
        path: its name in V, e.g. "genotype/g/sigma^2".
        transform: raw to natural.
        natural: its natural value in the document.
        fixed: True for a constant.
    """

    node_id: str
    name: str
    path: str
    transform: Transform
    natural: float
    fixed: bool


@dataclass(frozen=True)
class Run:
    """Parameters of one node that stand next to each other in a matrix."""

    node_id: str
    names: tuple[str, ...]
    defaults: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Build:
    """What was built of a document. Matrices depend on its structure and the table, not on parameter values.

    Args:
        matrices: node id -> matrix (float64), for every node that can be built.
        sizes: node id -> shape, also of nodes that could not be built where their shape is known; else None.
        origins: (node id, size argument) -> the size and where it comes from.
        problems: what is wrong or missing, in the order of the nodes.
        v: the matrix that is V, or None.
        paths: node id -> its path in V ("" for V itself), for the nodes below V.
        parameters: every parameter of V, in the order of `v.param_names`.
        table: the rows the model uses (those with a value in every column it needs), or None.
        notes: which rows were left out and why, and which gaps between levels were filled.
        spaced: the document as it was built: the levels of equally spaced positions filled in, second tables
            at hand.
        runs: node id -> the parameters of its matrix, in runs of one node.
    """

    matrices: Mapping[str, Matrix] = field(default_factory=FrozenMap)
    sizes: Mapping[str, Shape | None] = field(default_factory=FrozenMap)
    origins: Mapping[tuple[str, str], SizeOrigin] = field(default_factory=FrozenMap)
    problems: tuple[Problem, ...] = ()
    v: Matrix | None = None
    paths: Mapping[str, str] = field(default_factory=FrozenMap)
    parameters: tuple[ParameterRef, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    spaced: Document = field(default_factory=Document, repr=False)
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict, repr=False)
    _ranges: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict, repr=False)

    def naturals(self, node_id: str, document: Document) -> Tensor:
        """The natural values of all parameters of a node's matrix, in the order of its `param_names`.

        A value outside its parameter's range (from a file that was edited by hand) counts as the default;
        `value_problems` tells of it.

        Args:
            node_id: a node that was built, or "V".
            document: the document, of the same structure as the one that was built.

        Returns:
            Natural values of free and fixed parameters, (num_params,) float64.

        Raises:
            KeyError: there is no matrix for this node.
        """
        if node_id == V and document.v is not None:
            node_id = document.v
        if node_id not in self.matrices:
            raise KeyError(f"node {node_id!r} has no matrix")
        values: list[float] = []
        for run in self.runs[node_id]:
            own = document.nodes[run.node_id].values
            if not own:
                values.extend(run.defaults)
                continue
            for name, default, (low, high) in zip(run.names, run.defaults, run.bounds, strict=True):
                value = own.get(name, default)
                values.append(value if low <= value <= high else default)
        return torch.tensor(values, dtype=torch.float64)

    def check_value(self, node_id: str, parameter: str, natural: float) -> str | None:
        """Why a natural value does not suit a parameter of a node, or None when it does.

        Args:
            node_id: a node that was built.
            parameter: its own parameter.
            natural: the value.
        """
        low, high = self._bounds(node_id).get(parameter, (-math.inf, math.inf))
        if low <= natural <= high:
            return None
        return f"{parameter_label(parameter)} lies between {low:g} and {high:g}; got {natural:g}."

    def _bounds(self, node_id: str) -> Mapping[str, tuple[float, float]]:
        """The ranges of a node's own parameters."""
        known = self._ranges.get(node_id)
        if known is None:
            own = (run for run in self.runs.get(node_id, ()) if run.node_id == node_id)
            known = {name: one for run in own for name, one in zip(run.names, run.bounds, strict=True)}
            self._ranges[node_id] = known
        return known


def value_problems(build: Build, document: Document) -> tuple[Problem, ...]:
    """Parameter values that lie outside their range; they count as their defaults.

    Args:
        build: what was built of a document of this structure.
        document: the document.
    """
    return tuple(
        Problem(node.id, f"{reason} The default is used instead.", name)
        for node in document.nodes.values()
        for name, value in node.values.items()
        if (reason := build.check_value(node.id, name, value)) is not None
    )


def unused_values(build: Build, document: Document) -> tuple[str, ...]:
    """Sentences about values of parameters that a node may have and does not have at its size.

    Args:
        build: what was built of a document of this structure.
        document: the document.
    """
    found = []
    for node in document.nodes.values():
        if node.id not in build.paths or node.id not in build.runs:
            continue
        own = {name for run in build.runs[node.id] if run.node_id == node.id for name in run.names}
        odd = [name for name in (*node.values, *sorted(node.fixed - node.values.keys())) if name not in own]
        if odd:
            found.append(
                f"{node.name} has no parameter {listed(odd, word='or')} at its size: what the model says of "
                f"{'it' if len(odd) == 1 else 'them'} is not used."
            )
    return tuple(found)

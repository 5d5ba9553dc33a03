"""The ways in which structures take a second table: as a matrix, a pedigree, the entries of an inverse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch

from covstudio.covariance import Argument, Pedigree, genomic_relationship, pedigree_relationship
from covstudio.data.relation import Kind, Relation

__all__ = ["Use", "relation_value", "use_of"]


@dataclass(frozen=True)
class Use:
    """How a structure takes a second table of some kind.

    Attributes:
        make: the table -> what the constructor takes.
        code: the same as Python, of the name of the table; and what it needs of `covstudio.covariance`.
        needs: the names that the code imports from there.
    """

    make: Callable[[Relation], Any]
    code: str
    needs: tuple[str, ...] = ()


def _tensor(relation: Relation) -> torch.Tensor:
    # A copy: tensors may be written to, and relations never change.
    return torch.tensor(relation.matrix(), dtype=torch.float64)


def _inverted(relation: Relation) -> torch.Tensor:
    made: torch.Tensor = torch.linalg.inv(_tensor(relation))
    half: torch.Tensor = (made + made.mT) / 2
    return half


def _genomic(relation: Relation) -> torch.Tensor:
    with warnings.catch_warnings():
        # Of missing calls the table has a note of its own.
        warnings.simplefilter("ignore", RuntimeWarning)
        made: torch.Tensor = genomic_relationship(_tensor(relation), dosages=True)
        return made


def _pedigree(relation: Relation) -> Pedigree:
    return Pedigree(relation.pedigree(), unknown=())


_AS_MATRIX: Mapping[Kind, Use] = {
    "relationship": Use(_tensor, "torch.tensor({}.matrix())"),
    "inverse": Use(_inverted, "torch.linalg.inv(torch.tensor({}.matrix()))"),
    "markers": Use(
        _genomic, "genomic_relationship(torch.tensor({}.matrix()), dosages=True)", ("genomic_relationship",)
    ),
    "pedigree": Use(
        lambda relation: pedigree_relationship(_pedigree(relation)),
        "pedigree_relationship({}.pedigree(), unknown=())",
        ("pedigree_relationship",),
    ),
}
_AS_IT_IS: Mapping[Kind, Use] = {
    "pedigree": Use(_pedigree, "Pedigree({}.pedigree(), unknown=())", ("Pedigree",)),
    "inverse": Use(
        lambda relation: (relation.places[0], relation.places[1], relation.numbers, len(relation.ids)),
        "(*{0}.places, {0}.numbers, len({0}.ids))",
    ),
    "markers": Use(_tensor, "torch.tensor({}.matrix())"),
    "relationship": Use(_tensor, "torch.tensor({}.matrix())"),
}


def use_of(argument: Argument, kind: Kind) -> Use:
    """How an argument takes a second table of a kind.

    Args:
        argument: of kind "matrix", which takes any as a matrix, or "relation".
        kind: of the table.

    Raises:
        ValueError: the argument takes no such table.
    """
    if argument.kind == "matrix":
        return _AS_MATRIX[kind]
    if kind not in argument.choices:
        raise ValueError(
            f"{argument.label} is a table of another kind, {' or '.join(argument.choices)}; this one is of "
            "kind "
            f"{kind}. Choose another table, or a structure that takes this one."
        )
    return _AS_IT_IS[kind]


#: What was made of a table is made once, however often a model is built.
_MADE: WeakKeyDictionary[Relation, dict[str, Any]] = WeakKeyDictionary()


def relation_value(argument: Argument, relation: Relation) -> Any:
    """A second table as a constructor takes it.

    Args:
        argument: of kind "matrix" or "relation".
        relation: the table.

    Raises:
        ValueError: the argument takes no such table, or the structure cannot be made of it.
    """
    use = use_of(argument, relation.kind)
    made = _MADE.setdefault(relation, {})
    if use.code not in made:
        made[use.code] = use.make(relation)
    return made[use.code]

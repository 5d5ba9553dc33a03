"""The contract on sizes: what is said of open sizes and what is checked of known ones are the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from covstudio.covariance import Operator, ShapeError
from covstudio.covariance.core.sizes import AtLeast, Equal, Known, Side, SizeRelation, Total
from tests.covariance.contract.case import Case, contract

Shape = tuple[int, int]


def shapes(count: int) -> Iterator[tuple[Shape, ...]]:
    """Shapes of so many operands: many sizes of one, few of several."""
    sizes = {1: range(1, 8), 2: range(1, 5)}.get(count, range(1, 3))
    yield from itertools.product(itertools.product(sizes, repeat=2), repeat=count)


class Contradiction(Exception):
    """Sizes that cannot be."""


def solved(relations: Sequence[SizeRelation], known: dict[Side, int]) -> dict[Side, int]:
    """All sides that follow from the relations."""
    found = dict(known)

    def put(side: Side, size: int) -> None:
        if size < 1 or found.setdefault(side, size) != size:
            raise Contradiction

    for relation in [*relations] * len(relations):
        match relation:
            case Equal(sides):
                for size in {found[side] for side in sides if side in found}:
                    for side in sides:
                        put(side, size)
            case Known(side, size, _):
                put(side, size)
            case AtLeast(side, size, _):
                if found.get(side, size) < size:
                    raise Contradiction
            case Total(how, whole, parts, number, _):
                sizes = [found[part] for part in parts if part in found]
                if len(sizes) == len(parts):
                    put(whole, math.prod(sizes) * (number or 1) if how == "product" else sum(sizes) + number)
                elif how == "sum" and whole in found and len(parts) - len(sizes) == 1:
                    put(next(part for part in parts if part not in found), found[whole] - number - sum(sizes))
    return found


@contract
def relations_between_sizes_are_those_of_the_constructor(case: Case) -> None:
    matrix = case.make()
    declared = matrix.governing_declaration()
    if not isinstance(matrix, Operator) or declared is None:
        return
    arguments = {argument.name: getattr(matrix, argument.name) for argument in declared.arguments}
    least = declared.minimum_operands
    for count in [least, least + 1] if declared.variadic else [least]:
        names = [f"o{k}" for k in range(count)]
        relations = matrix.size_relations(names, **arguments)
        assert relations is not None, "the operator says nothing of open sizes: write size_relations"
        for given in shapes(count):
            known = {Side(name, axis): given[k][axis] for k, name in enumerate(names) for axis in (0, 1)}
            try:
                found = solved(relations, known)
                follows = found.get(Side("", 0)), found.get(Side("", 1))
            except Contradiction:
                follows = None
            try:
                expected = matrix.shape_rule(given, names, **arguments)
            except ShapeError:
                expected = None
            assert follows == expected, (
                f"operands of {given}: {follows} by relations, {expected} by shape_rule"
            )

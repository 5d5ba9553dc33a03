"""A declaration that is wrong, or missing, fails the contract, and the right one passes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    Leaf,
    Matrix,
    Operator,
    Parameter,
    ScalarMatrix,
    TransformExp,
    TransformExpPow2,
    declare,
    linalg,
)
from covstudio.covariance.core.catalogue import Argument, withdraw
from covstudio.covariance.core.definiteness import same_shape
from covstudio.covariance.core.sizes import alike, square
from tests.covariance.contract import Case, failed

TEXTS = {
    "title": "Mine",
    "category": "My models",
    "formula": "v",
    "symbol": "v",
    "summary": "My own.",
}


class Ramp(Leaf):
    """sigma^2 (J + I): linear, and proportional to sigma^2."""

    def __init__(self) -> None:
        super().__init__((3, 3), None, [Parameter("sigma^2", TransformExpPow2())])

    def evaluate(self, natural: Tensor) -> Tensor:
        return natural[0] * (torch.ones(3, 3) + torch.eye(3)).to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return (torch.ones(3, 3) + torch.eye(3)).to(natural).repeat(len(index), 1, 1)


class Square(Ramp):
    """The same by a standard deviation, differentiated automatically."""

    def evaluate(self, natural: Tensor) -> Tensor:
        return super().evaluate(natural**2)


class Shifted(Ramp):
    """I + sigma^2 (J + I): linear, and not proportional."""

    def evaluate(self, natural: Tensor) -> Tensor:
        return super().evaluate(natural) + torch.eye(3).to(natural)

    # What is inherited would be another matrix's: where the value is redefined, so is this.
    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return super().differentiate(natural, index)


class Column(Leaf):
    """l l' + I with a first entry kept positive."""

    def __init__(self) -> None:
        parameters = [Parameter("l_0", TransformExp()), Parameter("l_1", default=0.5)]
        super().__init__((2, 2), None, parameters)

    def evaluate(self, natural: Tensor) -> Tensor:
        return torch.outer(natural, natural) + torch.eye(2).to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        units = torch.eye(2).to(natural)[list(index)]
        return units[:, :, None] * natural + natural[:, None] * units[:, None, :]


class Chain(Leaf):
    """s^2 I, and covariances of neighbours: their order counts."""

    def __init__(self, n: int) -> None:
        parameters = [Parameter("s", TransformExpPow2()), *(Parameter(f"c_{i}") for i in range(n - 1))]
        super().__init__((n, n), None, parameters)

    def evaluate(self, natural: Tensor) -> Tensor:
        return natural[0] * torch.eye(self.shape[0]).to(natural) + sum(
            torch.diag_embed(natural[1:], offset) for offset in (-1, 1)
        )

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        n = self.shape[0]
        neighbours = torch.eye(n - 1).to(natural)
        pairs = torch.diag_embed(neighbours, 1) + torch.diag_embed(neighbours, -1)
        return torch.cat([torch.eye(n).to(natural)[None], pairs])[list(index)]


class Both(Operator):
    """A + B."""

    operand_count = (2, 2)

    def combine(self, values: list[Tensor]) -> Tensor:
        return values[0] + values[1]

    @classmethod
    def shape_rule(cls, shapes: Sequence[Any], names: Sequence[str], **arguments: Any) -> Any:
        return same_shape(cls.__name__, shapes, names)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Any:
        return alike("", *names)


def both() -> Matrix:
    return Both(a=ScalarMatrix(2), b=ScalarMatrix(2))


@contextmanager
def declared(base: type[Matrix], make: Callable[[], Matrix] | None = None, **fields: Any) -> Iterator[Case]:
    """The case of a class under a declaration, which it loses afterwards."""
    declare(**TEXTS, example=make or base, **fields)(base)
    try:
        yield Case(base.__name__, make or base, picklable=False)
    finally:
        withdraw(base)


SAME = {"exchangeable": True}


PLACES = "rows_that_may_change_places_are_declared"
SYMMETRY = "symmetry_is_what_is_declared"
CONSTANT = "what_is_linear_without_a_constant_is_declared_so"
LINEAR = "what_is_linear_is_declared_and_nothing_else"
SCALE = "what_scales_v_is_declared_and_nothing_else"
SIGNS = "signs_that_v_does_not_see_are_declared"
PROMISE = "a_covariance_that_promises_nothing_may_fail_to_be_one"
PARTS = "parts_put_together_are_v"
ENTRIES = "entries_are_the_sums_of_their_terms"
OPERANDS = "operators_are_linear_in_what_they_declare"
SIZES = "relations_between_sizes_are_those_of_the_constructor"
DISTANCE = "a_covariance_function_gives_v"
ORDER = "positions_in_an_order_are_declared"
SHOWN = "what_shows_nothing_at_its_defaults_declares_where_it_shows_itself"
INCIDENCE = "incidences_and_names_of_columns_are_those_of_v"


@pytest.mark.parametrize(
    ("cls", "fields", "wrong"),
    [
        (Ramp, {"psd": True, "linear": True, "scale": "sigma^2"} | SAME, set()),
        (Ramp, {"psd": True, "scale": "sigma^2"} | SAME, {LINEAR}),
        (Ramp, {"psd": True, "linear": True} | SAME, {SCALE}),
        (Ramp, {"symmetric": True, "linear": True, "scale": "sigma^2"} | SAME, {PROMISE}),
        (Ramp, {"linear": True, "scale": "sigma^2"} | SAME, {PROMISE, SYMMETRY}),
        (Square, {"psd": True} | SAME, set()),
        (Square, {"psd": True, "linear": True} | SAME, {LINEAR, CONSTANT}),
        (Square, {"psd": True, "scale": "sigma^2"} | SAME, {SCALE}),
        (Ramp, {"psd": True, "linear": "affine", "scale": "sigma^2"} | SAME, {CONSTANT}),
        (Shifted, {"psd": True, "linear": "affine"} | SAME, set()),
        (Shifted, {"psd": True, "linear": True} | SAME, {CONSTANT}),
        (Shifted, {"psd": True, "linear": "affine", "scale": "sigma^2"} | SAME, {SCALE}),
        (Ramp, {"psd": True, "linear": True, "scale": "sigma^2"}, {PLACES}),
        (Column, {"psd": True}, {SIGNS}),
        (Column, {"psd": True} | SAME, {SIGNS, PLACES}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else ",".join(sorted(value)),
)
def test_of_a_structure(cls: type[Matrix], fields: dict[str, Any], wrong: set[str]) -> None:
    with declared(cls, **fields) as case:
        assert failed(case) == wrong


NEIGHBOURS = {"s": "Variance.", "c_i": "Covariance of neighbours."}


@pytest.mark.parametrize("ordered", [True, False])
def test_of_an_order(ordered: bool) -> None:
    size = Argument("n", "size", "Size", "Positions in order", ordered=ordered)
    fields = {"symmetric": True, "linear": True, "arguments": (size,), "parameters": NEIGHBOURS}
    with declared(Chain, lambda: Chain(4), **fields) as case:
        assert (ORDER in failed(case)) == (not ordered)


@pytest.mark.parametrize("shown", [{}, {"c_i": 0.0}, {"c_i": 0.3}, {"c_i": lambda i: 0.3 if i else None}])
def test_of_where_it_shows_itself(shown: dict[str, Any]) -> None:
    size = Argument("n", "size", "Size", "Positions in order", ordered=True)
    fields = {"symmetric": True, "linear": True, "arguments": (size,), "parameters": NEIGHBOURS}
    with declared(Chain, lambda: Chain(4), shown=shown, **fields) as case:
        assert (SHOWN in failed(case)) == (shown in ({}, {"c_i": 0.0}))


@pytest.mark.parametrize(
    ("linear", "wrong"),
    [(True, set()), (False, {LINEAR, OPERANDS}), ("separately", {LINEAR, OPERANDS, SCALE})],
)
def test_of_an_operator(linear: Any, wrong: set[str]) -> None:
    with declared(Both, both, psd=True, variadic=True, minimum_operands=2, linear=linear) as case:
        assert failed(case) == wrong


def test_signs_are_registered() -> None:
    class Known(Column):
        pass

    class Reversed(Column):
        pass

    @linalg.sign_symmetry.register(Known)
    def _(matrix: Known) -> Mapping[str, tuple[str, ...]]:
        return {"l_0": ("l_1",)}

    @linalg.sign_symmetry.register(Reversed)
    def _(matrix: Reversed) -> Mapping[str, tuple[str, ...]]:
        return {"l_0": ()}

    with declared(Known, psd=True) as case:
        assert failed(case) == set()
    with declared(Reversed, psd=True) as case:
        assert failed(case) == {SIGNS}


def test_sizes_that_are_not_related_as_the_constructor_does_are_found() -> None:
    class Silent(Both):
        @classmethod
        def size_relations(cls, names: Sequence[str], **arguments: Any) -> Any:
            return None

    class Loose(Both):
        @classmethod
        def size_relations(cls, names: Sequence[str], **arguments: Any) -> Any:
            return alike("", names[0])

    class Tight(Both):
        @classmethod
        def size_relations(cls, names: Sequence[str], **arguments: Any) -> Any:
            return (*alike("", *names), *square(""))

    for cls in (Silent, Loose, Tight):

        def make(cls: type[Both] = cls) -> Matrix:
            return cls(a=ScalarMatrix(2), b=ScalarMatrix(2))

        with declared(cls, make, psd=True, variadic=True, minimum_operands=2, linear=True) as case:
            assert failed(case) == {SIZES}


def test_wrong_parts_are_found() -> None:
    class Twice(Both):
        def combine(self, values: list[Tensor]) -> Tensor:
            return values[0] + 2.0 * values[1]

    @linalg.composition.register(Twice)
    def _(matrix: Twice) -> linalg.Composition:
        return linalg.Composition("sum", linalg.placed_operands(matrix))

    def make() -> Matrix:
        return Twice(a=ScalarMatrix(2), b=ScalarMatrix(2))

    with declared(Twice, make, psd=True, variadic=True, minimum_operands=2, linear=True) as case:
        assert failed(case) == {PARTS, ENTRIES}


def test_a_wrong_covariance_function_and_wrong_codes_are_found() -> None:
    class Apart(Ramp):
        pass

    @linalg.covariance_function.register(Apart)
    def _(matrix: Apart) -> linalg.CovarianceFunction:
        return linalg.CovarianceFunction(
            None,
            lambda natural, distances: natural[0] * torch.exp(-distances),
            lambda natural, index, distances: torch.exp(-distances).expand(len(index), *distances.shape),
        )

    with declared(Apart, psd=True, linear=True, scale="sigma^2", exchangeable=True) as case:
        assert failed(case) == {DISTANCE, ENTRIES}

    class Design(Leaf):
        def __init__(self) -> None:
            self.codes = torch.tensor([0, 1, 1])
            super().__init__((3, 2), None, [])

        def evaluate(self, natural: Tensor) -> Tensor:
            return torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).to(natural)

    with declared(Design) as case:
        assert failed(case) == {INCIDENCE}


def test_a_declaration_that_cannot_be_is_refused() -> None:
    example = Ramp
    with pytest.raises(ValueError, match="linear=True, False or 'affine', got 'separately'"):
        declare(**TEXTS, example=example, linear="separately")(Ramp)
    with pytest.raises(ValueError, match=r"linear to name some of its slots \[\], got \('g',\)"):
        declare(**TEXTS, example=both, linear=("g",))(Both)
    with pytest.raises(ValueError, match=r"no scale of an operator, got 'sigma\^2'"):
        declare(**TEXTS, example=both, scale="sigma^2")(Both)
    with pytest.raises(ValueError, match=r"shown values of its parameters \['s'\], got one of 't'"):
        declare(**TEXTS, example=example, parameters={"s": "Variance."}, shown={"t": 0.5})(Ramp)

"""The catalogue: complete, ordered, true to the classes it speaks of, open to structures of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import covstudio.covariance as library
from covstudio.covariance import (
    CATEGORIES,
    Argument,
    Declaration,
    Matrix,
    Operator,
    Sum,
    UnknownStructure,
    catalogue,
    declaration,
    declare,
)
from covstudio.covariance.core.catalogue import withdraw

ENTRIES = {entry.name: entry for entry in catalogue()}
NAMES = list(ENTRIES)
FIELDS = {
    "title": "Mine",
    "category": "My models",
    "formula": "v",
    "symbol": "v",
    "summary": "My own.",
    "example": lambda: library.IdentityMatrix(2),
}


def test_every_structure_is_declared_once() -> None:
    assert len(catalogue()) == len(ENTRIES)
    assert len({entry.cls for entry in catalogue()}) == len(ENTRIES)
    assert {"IdentityMatrix", "AR1Matrix", "DummyMatrix", "Sum", "Scale"} <= set(ENTRIES)


def test_grouped_by_category_in_order() -> None:
    positions = [CATEGORIES.index(entry.category) for entry in catalogue()]
    assert positions == sorted(positions)
    assert set(positions) == set(range(len(CATEGORIES)))


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_fits_its_class(name: str) -> None:
    entry = ENTRIES[name]
    assert getattr(library, name) is entry.cls
    assert name in library.__all__
    assert entry.kind == ("operator" if issubclass(entry.cls, Operator) else "matrix")
    assert (entry.category == "Operators") == (entry.kind == "operator")
    example = entry.example()
    assert type(example) is entry.cls
    assert tuple(example().shape) == example.shape
    assert entry.reference
    assert entry.summary.endswith(".")
    assert entry.aliases.get("torch-openreml", (name,)) == (name,)
    parameters = inspect.signature(entry.cls.__init__).parameters
    for argument in entry.arguments:
        assert argument.name in parameters
        assert argument.label
        assert argument.help


@pytest.mark.parametrize("name", [name for name in NAMES if ENTRIES[name].kind == "operator"])
def test_slots_fit_the_number_of_operands(name: str) -> None:
    entry = ENTRIES[name]
    assert issubclass(entry.cls, Operator)
    low, high = entry.cls.operand_count
    assert entry.minimum_operands == low
    assert entry.variadic == (high is None)
    assert len(entry.slots) == (0 if high is None else high)
    if entry.slots:
        example = entry.example()
        assert isinstance(example, Operator)
        named = dict(zip([slot.name for slot in entry.slots], example.operands.values(), strict=True))
        given = {argument.name: getattr(example, argument.name) for argument in entry.arguments}
        again = entry.cls(**named, **given)
        assert again.shape == example.shape


def test_looking_up() -> None:
    assert declaration("Sum") is declaration(Sum) is ENTRIES["Sum"]
    with pytest.raises(UnknownStructure, match=r"got 'KronekerProduct'; did you mean KroneckerProduct or"):
        declaration("KronekerProduct")
    with pytest.raises(UnknownStructure, match="did you mean AR1Matrix"):
        declaration("ar1matrix")
    with pytest.raises(UnknownStructure, match=r"got 'qqq'; catalogue\(\) lists them all"):
        declaration("qqq")
    assert issubclass(UnknownStructure, ValueError)


class Mine(Matrix):
    def __init__(self) -> None:
        super().__init__((1, 1), [])

    def evaluate(self, natural: Tensor) -> Tensor:
        return torch.ones(1, 1, dtype=natural.dtype)


@pytest.fixture
def mine() -> Iterator[type[Matrix]]:
    yield declare(**FIELDS, psd=True)(Mine)
    withdraw(Mine)


def test_a_structure_of_ones_own(mine: type[Matrix]) -> None:
    assert mine is Mine
    assert catalogue()[-1].cls is Mine
    assert declaration("Mine") == Declaration(cls=Mine, kind="matrix", psd=True, **FIELDS)
    assert Mine().psd

    class Finer(Mine):
        pass

    class Other(Mine):
        def evaluate(self, natural: Tensor) -> Tensor:
            return -super().evaluate(natural)

    assert Finer().psd
    assert not Other().psd
    with pytest.raises(UnknownStructure):
        declaration(Finer)


def test_a_promise_is_gone_with_the_declaration() -> None:
    assert not Mine().psd
    with pytest.raises(UnknownStructure):
        declaration(Mine)


def test_a_class_defined_again_in_the_same_place_replaces_the_earlier_one(mine: type[Matrix]) -> None:
    again = type("Mine", (Mine,), {"__module__": Mine.__module__, "__qualname__": Mine.__qualname__})
    declare(**FIELDS)(again)
    assert declaration("Mine").cls is again
    withdraw(again)


def test_names_are_not_taken_over() -> None:
    class Sum(Mine):
        pass

    with pytest.raises(ValueError, match=r"already has covstudio\.covariance\.operators\.sums\.Sum; rename"):
        declare(**FIELDS)(Sum)
    assert declaration("Sum").cls is library.Sum


def test_bad_declarations() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        declare(**FIELDS, colour="red")(Mine)
    with pytest.raises(ValueError, match="Mine: expected a title"):
        declare(**{**FIELDS, "title": ""})(Mine)
    with pytest.raises(ValueError, match="'n': expected a kind out of"):
        Argument("n", "colour", "N", "How many")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'n': expected choices"):
        Argument("n", "choice", "N", "Which one")
    assert "Mine" not in {entry.name for entry in catalogue()}

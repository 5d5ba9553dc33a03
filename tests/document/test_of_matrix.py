"""A matrix written in Python becomes the document that has the same V."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    Declaration,
    DiagonalMatrix,
    DummyMatrix,
    KroneckerProduct,
    Matrix,
    Parameter,
    ScalarMatrix,
    Sum,
    TransformExp,
    TransformIdentity,
    catalogue,
)
from covstudio.data.examples import load_example
from covstudio.document.build.build import build
from covstudio.document.build.of_matrix import NotADocument, document_of
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, V
from tests.covariance.test_trees import models

FORMS = [one for one in catalogue() if one.palette]
SQUARE = [one for one in FORMS if one.example().shape[0] == one.example().shape[1]]


def same_v(document: Document, matrix: Matrix, theta: torch.Tensor, table: object = None) -> None:
    """V of the document, as a file carries it, is V of the matrix at theta."""
    kept = loads(dumps(document, None))[0]
    built = build(kept, table)  # type: ignore[arg-type]
    assert built.v is not None
    v = built.v.evaluate(built.naturals(V, kept))
    torch.testing.assert_close(v, matrix(theta).double(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("declared", SQUARE, ids=lambda declared: declared.name)
def test_every_structure(declared: Declaration) -> None:
    matrix = declared.example()
    count = sum(not parameter.fixed for parameter in matrix.parameters)
    theta = 0.3 * torch.randn(count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    same_v(document_of(matrix, theta), matrix, theta)


def strange(matrix: object) -> bool:
    """Whether something in a tree is of the older style, a vector, or not in the catalogue at all."""
    if not isinstance(matrix, Matrix):
        return not (isinstance(matrix, torch.Tensor) and matrix.ndim == 2)
    assume("levels" not in matrix.constructed_with[1])  # an order of its own, or levels that no row has
    known = any(one.cls is type(matrix) and one.palette for one in catalogue())
    return not known or any(map(strange, getattr(matrix, "operands", {}).values()))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_tree(data: st.DataObject) -> None:
    matrix, theta = data.draw(models())
    if strange(matrix):
        with pytest.raises(NotADocument, match="is no structure that the studio can"):
            document_of(matrix, theta)
        event("refused")
    else:
        same_v(document_of(matrix, theta), matrix, theta)


def test_labels_of_a_table_become_its_columns() -> None:
    table = load_example("john_alpha")
    gen = table.labels("gen")
    v = Sum(
        genotype=CovariancePropagation(z=DummyMatrix(gen), g=ScalarMatrix(24)), residual=ScalarMatrix(table.n)
    )
    theta = torch.tensor([-0.5, 0.2], dtype=torch.float64)
    document = document_of(v, theta, table, title="A trial")
    nodes = {node.name: node for node in document.nodes.values()}
    assert list(nodes) == ["Sum", "genotype", "genotype z", "genotype g", "residual"]
    assert nodes["genotype z"].arguments["factors"] == Columns(("gen",))
    assert (document.title, document.data_name) == ("A trial", table.name)
    same_v(document, v, theta, table)


def test_values_and_fixed_parameters_arrive() -> None:
    v = KroneckerProduct(row=AR1Matrix(3), column=ScalarMatrix(2))
    v.set_param_specs("column/sigma^2", fixed=True, default=torch.tensor(0.25))
    document = document_of(v, torch.tensor([0.5, 0.1], dtype=torch.float64))
    fixed = {node.name: node.fixed for node in document.nodes.values() if node.fixed}
    assert fixed == {"column": {"sigma^2"}}
    same_v(document, v, torch.tensor([0.5, 0.1], dtype=torch.float64))


def test_a_class_of_ones_own_is_named() -> None:
    class Trend(Matrix):
        def __init__(self) -> None:
            super().__init__((2, 2), {"s": Parameter("s", TransformExp())})

        def evaluate(self, natural: torch.Tensor) -> torch.Tensor:
            return natural * torch.ones(2, 2, dtype=natural.dtype)

    with pytest.raises(NotADocument, match=r"Trend is no structure that the studio can build.*@declare"):
        document_of(Sum(Trend(), ScalarMatrix(2)))


def test_what_a_document_cannot_say_is_refused() -> None:
    own = ScalarMatrix(3, param_specs={"sigma^2": Parameter("sigma^2", TransformIdentity(), 2.0)})
    same_v(document_of(own), own, torch.tensor([2.0], dtype=torch.float64))  # natural values are kept
    z = DummyMatrix(["a", "b"], levels=[["b", "a"]], lex_order=False)
    other = CovariancePropagation(z=z, g=DiagonalMatrix(2))
    with pytest.raises(NotADocument, match="would have another V"):
        document_of(other, torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="expected theta of 1 free parameters, got 3"):
        document_of(own, torch.zeros(3))

"""Tidying up."""

from itertools import combinations

from covstudio.data.examples import load_example
from covstudio.document.changes.auto_layout import GAP_X, GAP_Y, HEIGHT, WIDTH, auto_layout, node_height
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from tests.document.document_models import add, after, propagation


def laid_out(document):
    return auto_layout(document).apply(document)


def overlaps(document):
    boxes = [(node.x, node.y, node_height(node)) for node in document.nodes.values()]
    return [
        (a, b)
        for a, b in combinations(boxes, 2)
        if abs(a[0] - b[0]) < WIDTH and a[1] < b[1] + b[2] + GAP_Y and b[1] < a[1] + a[2] + GAP_Y
    ]


def test_an_operand_stands_left_of_its_operator():
    document = laid_out(propagation())
    product, design, levels = (document.nodes[i] for i in ("n1", "n2", "n3"))
    assert product.x == design.x + WIDTH + GAP_X
    assert (design.x, design.y) == (0.0, 0.0)
    assert levels.y == HEIGHT + GAP_Y
    assert product.y == (design.y + levels.y) / 2


def test_nothing_overlaps():
    table = load_example("john_alpha")
    many = after(
        add("Sum"), *(add("ScalarMatrix", "n1", name=str(i)) for i in range(12)), add("Sum"), add("AR1Matrix")
    )
    for document in [*(template.document(table) for template in templates()), many]:
        assert overlaps(laid_out(document)) == []


def test_very_many_operands_stand_in_rows_and_columns_as_wide_as_a_screen():
    effects = [
        change
        for effect in range(66)
        for change in (
            add("CovariancePropagation", "n1"),
            add("DummyMatrix", f"n{3 * effect + 2}"),
            add("ScalarMatrix", f"n{3 * effect + 2}"),
        )
    ]
    document = laid_out(after(add("Sum"), *effects))
    assert overlaps(document) == []
    wide = max(node.x for node in document.nodes.values()) + WIDTH
    high = max(node.y + node_height(node) for node in document.nodes.values())
    assert 0.8 < wide / high < 3.2
    assert len(document.nodes) * WIDTH * HEIGHT > 0.4 * wide * high
    assert all(document.nodes["n1"].x > node.x for node in document.nodes.values() if node.id != "n1")


def test_v_comes_first_and_rightmost():
    document = laid_out(after(add("AR1Matrix"), *(), start=after(add("Sum"), start=propagation())))
    assert document.nodes["n1"].y < document.nodes["n4"].y < document.nodes["n5"].y
    assert document.nodes["n1"].x == max(node.x for node in document.nodes.values())


def test_an_empty_document():
    assert auto_layout(Document()).positions == {}


def test_it_is_one_step_with_a_name():
    assert auto_layout(propagation()).described(propagation()) == "Tidy up"

"""What a document answers about its forest."""

import pickle

from covstudio.document.changes.all import Rename
from covstudio.document.model.document import Document
from tests.document.document_models import add, after, propagation


def test_the_forest():
    document = after(add("Sum"), start=propagation())
    assert document.roots() == ("n1", "n4")
    assert document.subtree("n1") == ("n2", "n3", "n1")
    assert list(document.ancestors("n3")) == ["n1"]
    assert document.root_of("n3") == "n1"
    assert document.parent_of("n2") == ("n1", "z")
    assert document.parent_of("n1") is None
    assert document.height("n1") == 2
    assert document.named("design") is document.nodes["n2"]
    assert document.named("nobody") is None


def test_operands_come_before_their_operator_in_slot_order():
    document = after(
        add("Sum", "V"),
        add("Sum", "n1"),
        add("ScalarMatrix", "n2"),
        add("ScalarMatrix", "n2"),
        add("AR1Matrix", "n1"),
    )
    assert document.subtree("n1") == ("n3", "n4", "n2", "n5", "n1")


def test_operand_names_make_the_paths():
    document = after(
        add("Sum", "V"), add("CovariancePropagation", "n1", name="genotype"), add("AR1Matrix", "n2", "g")
    )
    assert document.operand_names("n1") == {"n2": "genotype"}
    assert document.operand_names("n2") == {"n3": "g"}
    assert Rename("n2", "variety").apply(document).operand_names("n1") == {"n2": "variety"}


def test_free_names_stay_within_the_limit():
    long = "x" * 60
    document = after(add("Sum", name=long))
    assert document.free_name(long) == "x" * 58 + " 2"
    assert document.free_name("new") == "new"


def test_documents_are_values():
    assert propagation() == propagation()
    assert pickle.loads(pickle.dumps(propagation())) == propagation()
    assert propagation() != Document()

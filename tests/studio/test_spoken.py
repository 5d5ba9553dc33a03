"""What a person reads in place of a path: the name of the node, and the letter of the parameter."""

from __future__ import annotations

from covstudio.document.build.build import build
from covstudio.document.changes.all import AddNode
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.studio.session.spoken import Spoken


def field() -> Spoken:
    """The names of a field of rows and columns, with its made-up design."""
    template = TEMPLATES["spatial"]
    assert template.sample is not None
    table = template.sample.table()
    document = template.document(table)
    return Spoken(document, build(document, table))


def test_a_parameter_is_its_node_and_its_letter() -> None:
    spoken = field()
    assert spoken("field/g/a/rho") == "along rows · ρ"
    assert spoken("field/g/b/rho") == "along columns · ρ"
    assert spoken("field/g") == "field covariance"
    assert spoken("elsewhere") == "elsewhere"


def test_a_level_of_a_slope_is_told_without_the_sign_that_joins_it() -> None:
    template = TEMPLATES["random_slopes"]
    assert template.sample is not None
    table = template.sample.table()
    document = template.document(table)
    assert Spoken(document, build(document, table)).level("subject", "s308⋈Days") == "s308, Days"


def test_sentences_are_told_in_names() -> None:
    spoken = field()
    said = spoken.sentence("The data say nothing about field/g/a/rho and genotype/g/sigma^2.")
    assert said == "The data say nothing about along rows · ρ and genotype variance · σ²."
    # A longer path is not taken for a shorter one, nor a part of another word for a path.
    assert spoken.sentence("field/g/a/rho_2, xfield/g/a") == "field/g/a/rho_2, xfield/g/a"


def test_words_of_a_sentence_are_no_paths() -> None:
    document = AddNode("ExponentialMatrix", connect=(V, None), id="n", arguments={}).apply(Document())
    spoken = Spoken(document, build(document))
    assert spoken.sentence("at the end of its range") == "at the end of its range"


def test_nothing_is_called_anything_without_a_model() -> None:
    empty = Spoken(Document(), build(Document()))
    assert (empty.names, empty.sentence("a/b stays")) == ({}, "a/b stays")

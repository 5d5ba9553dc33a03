"""Whatever a person types stays text in an exported program."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.data.tables import Table
from covstudio.document.changes.all import SetFixedEffects, SetResponse, SetTitle
from covstudio.document.model.node import Columns, Values
from covstudio.export.python import python_source
from tests.export.export_programs import add, after, executed_v

HOSTILE = [
    '"""',
    "'''",
    '\\"""\\',
    '"); import os; os.system("x"); ("',
    "a\nimport os",
    "{v}",
    "%s",
    "#",
    "<script>alert(1)</script>",
    "\u202edrawkcab",
    "\ud800",
    "\x00",
    "ends with \\",
    '"',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_person_types_becomes_code(text):
    """The program has the same statements, whatever the texts; the texts come out as they went in."""

    def program(title, column, label):
        table = Table.from_columns({column: [label, "b", label], "y": [1.0, 2.0, 4.0]}, "odd")
        name = "".join(char for char in title if char.isprintable()).replace("/", "").strip() or "x"
        document = after(
            SetTitle(title),
            add("Sum", "V", name="total"),
            add("CovariancePropagation", "n1", name=f"Z {name}"[:60]),
            add("DummyMatrix", "n2", "z", name=name, factors=Columns((column,))),
            add("ScalarMatrix", "n2", "g"),
            add("ScalarMatrix", "n1"),
            SetResponse(column),
            SetFixedEffects("1"),
        )
        return python_source(document, table)

    def shape(source):
        kinds = []
        for node in ast.walk(ast.parse(source)):
            kinds.append(type(node).__name__)
        return sorted(kinds)

    source = program(text, " ".join(text.split()) or "c", text.strip() or "l")
    plain = program("Oats", "gen[1]", "G 1")
    # A name that is no identifier is written as text in a dictionary: compare with such a one.
    assert shape(source) == shape(plain)
    tree = ast.parse(source)
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert (text.strip() or "l") in constants
    assert executed_v(source).shape == (3, 3)


@settings(max_examples=60, deadline=None)
@given(title=st.text(max_size=40), label=st.text(min_size=1, max_size=10))
def test_any_text_gives_a_program(title, label):
    document = after(
        SetTitle(title),
        add("CovariancePropagation", "V"),
        add("DummyMatrix", "n1", "z", factors=Values(((label, "other", label),))),
        add("ScalarMatrix", "n1", "g"),
    )
    tree = ast.parse(python_source(document))
    assert label in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}

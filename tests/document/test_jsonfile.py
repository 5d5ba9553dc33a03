"""Model files: written stably, and read back as what they were."""

from hypothesis import given, settings

from covstudio.covariance import catalogue
from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    Batch,
    SetDegrees,
    SetDerived,
    SetDropDependent,
    SetFixed,
    SetMethod,
    SetParameters,
    SetTitle,
)
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Rows, Values
from tests.document.document_models import add, after, propagation, trial
from tests.document.document_strategies import documents


@settings(max_examples=150, deadline=None)
@given(documents())
def test_a_document_reads_back_as_itself(document):
    text = dumps(document)
    again, table = loads(text)
    assert again == document
    assert list(again.nodes) == list(document.nodes)
    assert table is None
    assert dumps(again) == text


def test_every_kind_of_argument():
    document = after(
        add("Sum", "V", name="σ <b>bold"),
        add("ScalarMatrix", "n1", n=Rows()),
        add("AR1Matrix", "n1", n=Levels(("gen", "rep"))),
        add("ScalarMatrix", "n1", n=7),
        add("DummyMatrix", factors=Columns(("gen",)), drop_first=True),
        add("DummyMatrix", factors=Values((("a", "b\n"), ("x", "y")))),
        add("OrnsteinUhlenbeckMatrix", times=Values(((0.1, 1e-300),))),
        add("KnownMatrix", K=((1.0, 0.1), (0.1, 1.0))),
        add("Gram", gram_type="xxt"),
        SetParameters({("n3", "rho"): 0.1 + 0.2, ("n3", "sigma^2"): 1e-17}),
        SetFixed("n3", "sigma^2", True),
    )
    assert loads(dumps(document))[0] == document


def test_the_table_is_saved_with_it():
    table = trial(gen=["G1", None, "G3", "G1", "G2", "G3"], x=[0.1, None, 2.0, 3.5, 4.0, 7.25])
    document, again = loads(dumps(propagation(), table))
    assert document == propagation()
    assert again.name == "trial"
    assert again.frame.equals(table.frame)
    assert list(again.frame.dtypes) == list(table.frame.dtypes)
    example = load_example("john_alpha")
    assert loads(dumps(Document(), example))[1].frame.equals(example.frame)


def test_what_a_file_looks_like():
    document = after(add("Sum", "V"), add("AR1Matrix", "n1", n=4), SetParameters({("n2", "rho"): 0.5}))
    assert (
        dumps(document).splitlines()[10:]
        == """\
      {
        "id": "n1",
        "kind": "Sum",
        "name": "Sum",
        "x": 0.0,
        "y": 0.0,
        "arguments": {},
        "operands": ["n2"],
        "values": {},
        "fixed": []
      },
      {
        "id": "n2",
        "kind": "AR1Matrix",
        "name": "AR1",
        "x": 0.0,
        "y": 0.0,
        "arguments": {
          "n": 4
        },
        "operands": {},
        "values": {
          "rho": 0.5
        },
        "fixed": []
      }
    ]
  }
}""".splitlines()
    )


def test_text_that_utf8_cannot_write_is_escaped():
    document = SetTitle("a\ud800b σ").apply(Document())
    text = dumps(document)
    assert text.encode()
    assert loads(text)[0] == document


def test_what_may_be_left_out():
    text = '{"covstudio": 1, "model": {"title": "t", "nodes": [{"id": "a", "kind": "Sum", "name": "s"}]}}'
    document, _ = loads(text)
    assert document.nodes["a"].operands == (("1", None),)
    assert (document.fixed_effects, document.response, document.v) == ("1", None, None)
    assert loads(b"\xef\xbb\xbf" + text.encode())[0] == document


def test_how_it_is_fitted_is_written_where_somebody_chose_it():
    plain = dumps(propagation())
    assert '"method"' not in plain
    assert '"derived"' not in plain
    assert '"degrees"' not in plain
    assert '"drop_dependent"' not in plain
    wanted = SetDerived(["h2 = gen / (gen + residual)"])
    changes = [wanted, SetMethod("ML"), SetDegrees("kenward-roger"), SetDropDependent(True)]
    chosen = Batch(changes).apply(propagation())
    assert loads(dumps(chosen))[0] == chosen
    assert '"method": "ML"' in dumps(chosen)
    assert loads(plain)[0].method == "REML"


def test_every_structure_of_the_palette_can_be_saved():
    for entry in catalogue():
        if entry.palette:
            document = after(add(entry.name, "V"))
            assert loads(dumps(document))[0] == document


def test_saved_templates_open_whole():
    table = load_example("john_alpha")
    for template in templates():
        document = template.document(table)
        again, data = loads(dumps(document, table))
        assert again == document
        assert data.frame.equals(table.frame)

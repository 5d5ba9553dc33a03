"""Model files that are spoilt, hostile or of something else: refused, with the place and in words."""

import json
import pickle
import re

import pytest

from covstudio.document.changes.all import (
    SetDegrees,
    SetDerived,
    SetDropDependent,
    SetFixed,
    SetMethod,
    SetParameters,
)
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, FrozenMap, Levels, Node, Related, Values
from tests.document.document_models import add, after, propagation, trial


def content(document=None, table=None):
    """A model file as Python objects, to be spoilt."""
    return json.loads(dumps(propagation() if document is None else document, table))


def refused(spoilt):
    with pytest.raises(DocumentError) as caught:
        loads(json.dumps(spoilt) if not isinstance(spoilt, str | bytes) else spoilt)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty. Choose a file that covstudio has saved."),
        (b"\xef\xbb\xbf\n", "The file is empty."),
        ("rep,yield\nR1,4\n", "it begins with 'rep,yield R1,4'. A table is opened in Data. Choose a file"),
        ("<!DOCTYPE html>", "but a web page or XML. Choose a file"),
        (b"PK\x03\x04\xff", "but a workbook or another packed file. A table is opened in Data."),
        ("{}".encode("utf-16"), "it is not UTF-8 text but UTF-16. Save it as UTF-8 there."),
        ("{", "This is not whole JSON: the file ends in line 1 in the middle of its content. Copy"),
        ('{"covstudio": 1, "model": {"title": "Oa', "This is not whole JSON: the file ends in line 1"),
        (
            '{"covstudio": 1,\n "model": {},\n}',
            "in line 3, column 1, at '}', a key in double quotes is expected",
        ),
        ("{'covstudio': 1}", "at '{'covstudio': 1}', a key in double quotes is expected"),
        (
            '{"covstudio": None}',
            "a value is expected: text in double quotes, a number, true, false, null, a list",
        ),
        ('{"covstudio" 1}', "a colon is expected between a key and its value. Mend it there, or choose"),
        ('{"covstudio": 1 "model": {}}', "a comma is expected between two entries, or the end"),
        ('{"covstudio": 1} {}', "the file goes on after its end"),
        ('{"covstudio": "a\nb"}', "a text holds a line break or another control character"),
        ('{"covstudio": "a\\qb"}', "a backslash stands before a character that it has no meaning for"),
        ("[]", "This is not a model of covstudio"),
        ('{"model": {}}', "This is not a model of covstudio"),
        (b"\xff\xfe{}", "it is not UTF-8 text"),
        (
            '{"covstudio": 2, "model": {}}',
            "written by a newer covstudio (version 2); this one reads versions up to 1. Upgrade",
        ),
        ('{"covstudio": 0, "model": {}}', "covstudio: There never was a version 0"),
        ('{"covstudio": "1", "model": {}}', "covstudio: Expected an integer; got '1'."),
        ('{"covstudio": true, "model": {}}', "covstudio: Expected an integer; got true."),
        ('{"covstudio": 1}', "The key 'model' is missing."),
        ('{"covstudio": 1, "model": {}, "extra": 1}', "extra: This key is not known here"),
        ('{"covstudio": 1, "model": []}', "model: Expected an object"),
        ('{"covstudio": 1, "model": {"nodes": []}}', "model: The key 'title' is missing."),
        ('{"covstudio": 1, "covstudio": 1}', "The key 'covstudio' stands twice in this object"),
        (
            '{"covstudio": 1, "model": {"title": "t", "nodes": [{"id": "a", "x": 1, "x": 2}]}}',
            "model.nodes[0]: The key 'x' stands twice in this object; which one counts cannot be told. Leave",
        ),
        (
            '{"covstudio": 1, "model": {"title": NaN, "nodes": []}}',
            "model.title: A finite number is expected; got NaN.",
        ),
        ('{"covstudio": -Infinity}', "covstudio: A finite number is expected; got -Infinity."),
        ('{"covstudio": 1e999}', "covstudio: A finite number is expected; got 1e999, and the largest that"),
        (
            '{"covstudio": 1, "data": {"a": [1, ' + "9" * 5000 + "]}}",
            "data.a[1]: A finite number is expected; got a number of 5000 digits, and the largest that can "
            "be kept is 1.8e308. Write a number in its place.",
        ),
        ('{"covstudio": -1' + "0" * 400 + "}", "covstudio: A finite number is expected; got a number of 401"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_texts_that_are_no_model(text, message):
    assert message in refused(text)


def spoil(path, value):
    """A file with one thing changed; the path is dotted, numbers are places in lists."""

    def change(spoilt):
        *above, last = path.split(".")
        place = spoilt
        for key in above:
            place = place[int(key)] if key.isdecimal() else place[key]
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.nodes", {}, "model.nodes: Expected a list"),
        ("model.nodes.1", 7, "model.nodes[1]: Expected an object { ... }; got 7."),
        ("model.nodes.1.colour", 1, "model.nodes[1].colour: This key is not known here"),
        ("model.nodes.1.id", "n1", "model.nodes[1].id: There are two nodes with the id 'n1'."),
        ("model.nodes.1.id", "a b", "model.nodes[1].id: A node id is 1 to 40 letters"),
        ("model.nodes.1.name", "effect", "model.nodes[1].name: There are two nodes with the name 'effect'"),
        ("model.nodes.1.name", "a/b", 'model.nodes[1].name: A name cannot contain "/"'),
        (
            "model.nodes.1.kind",
            "DumyMatrix",
            "model.nodes[1].kind: Expected a structure of the catalogue, got 'DumyMatrix'",
        ),
        ("model.nodes.1.kind", 5, "model.nodes[1].kind: Expected text; got 5."),
        ("model.nodes.1.kind", "SimpleMatrix", "model.nodes[1].kind: SimpleMatrix holds Python code"),
        ("model.nodes.1.x", "0", "model.nodes[1].x: A coordinate is a number; got '0'."),
        ("model.nodes.1.arguments", [], "model.nodes[1].arguments: Expected an object"),
        (
            "model.nodes.1.arguments.n",
            3,
            "model.nodes[1].arguments.n: Factor design has no argument 'n'",
        ),
        (
            "model.nodes.1.arguments.factors",
            ["gen"],
            "model.nodes[1].arguments.factors: Factors (factors) takes columns",
        ),
        (
            "model.nodes.1.arguments.factors",
            {"columns": "gen"},
            "model.nodes[1].arguments.factors.columns: Expected a list",
        ),
        (
            "model.nodes.1.arguments.factors",
            {"columns": [3]},
            "model.nodes[1].arguments.factors.columns[0]: Expected text",
        ),
        (
            "model.nodes.1.arguments.factors",
            {"rows": 1},
            "model.nodes[1].arguments.factors.rows: This key is not known",
        ),
        ("model.nodes.1.arguments.factors", {"values": [["a"], ["a", "b"]]}, "columns of one length"),
        ("model.nodes.2.arguments.n", 0, "model.nodes[2].arguments.n: Size (n) is at least 1; got 0."),
        ("model.nodes.2.arguments.n", 1.5, "model.nodes[2].arguments.n: Size (n) takes an integer"),
        ("model.nodes.2.arguments.n", "all", "takes an integer, auto, rows or levels; got 'all'."),
        ("model.nodes.2.arguments.n", {"levels": []}, "needs at least one column"),
        (
            "model.nodes.2.values.sigma^2",
            "1",
            "model.nodes[2].values.sigma^2: A parameter's value is a number; got '1'.",
        ),
        (
            "model.nodes.2.values.rho",
            0.5,
            "model.nodes[2].values.rho: Scalar (variance components) has no parameter 'rho'. The parameter "
            "is 'sigma^2'.",
        ),
        ("model.nodes.2.values.sigma", 1.0, "has no parameter 'sigma'. Did you mean 'sigma^2'?"),
        ("model.nodes.1.values.sigma^2", 1.0, "Factor design has no parameter 'sigma^2'. It has none."),
        ("model.nodes.2.fixed", ["{{7*7}}"], "model.nodes[2].fixed[0]: Scalar (variance components) has no"),
        ("model.nodes.2.values.a/b", 1.0, "without '/'"),
        ("model.nodes.2.fixed", "rho", "model.nodes[2].fixed: Expected a list"),
        ("model.nodes.2.fixed", [1], "model.nodes[2].fixed[0]: Expected text"),
        ("model.nodes.0.operands.z", "n9", "model.nodes[0].operands.z: There is no node 'n9'."),
        ("model.nodes.0.operands.z", 3, "model.nodes[0].operands.z: Expected text; got 3."),
        (
            "model.nodes.0.operands.h",
            "n2",
            "model.nodes[0].operands.h: CovariancePropagation has no slot 'h'; the slots are z, g.",
        ),
        ("model.nodes.0.operands.g", "n2", "model.nodes[0].operands.g: 'n2' is an operand of 'n1' already"),
        ("model.nodes.0.operands", ["n2"], "model.nodes[0].operands: Expected an object"),
        ("model.nodes.1.operands", {"a": "n3"}, "it takes no operands"),
        ("model.v", "n9", "model.v: There is no node 'n9'."),
        ("model.v", "n2", "model.v: 'n2' is an operand of 'n1', so it cannot be V."),
        ("model.v", 1, "model.v: Expected text"),
        ("model.title", "x" * 3000, "model.title: Expected text of at most 2000 characters; got 3000."),
        (
            "model.roles",
            {"gen": "fixed"},
            "model.roles.gen: A role is one of factor, covariate, response, ignored; got 'fixed'.",
        ),
        ("model.response", ["yield"], "model.response: Expected text"),
        ("model.method", "reml", "model.method: A model is fitted by REML or ML; got 'reml'."),
        ("model.method", None, "model.method: A model is fitted by REML or ML; got null."),
        (
            "model.degrees",
            "kr",
            "model.degrees: Degrees of freedom are satterthwaite, kenward-roger or kenward-roger-observed; "
            "got 'kr'",
        ),
        ("model.degrees", [], "model.degrees: Degrees of freedom are"),
        ("model.drop_dependent", 1, "model.drop_dependent: Expected true or false; got 1."),
        ("model.derived", "a / b", "model.derived: Expected a list"),
        ("model.derived", [1], "model.derived[0]: Expected text"),
        ("model.derived", ["a"] * 101, "model.derived: A model keeps at most 100 derived quantities"),
        ("data", [], "data: Expected an object"),
        ("data", {"name": "t", "columns": {}}, "data.columns: A table needs at least one column"),
        (
            "data",
            {"name": "t", "columns": {"a": [1], "b": [1, 2]}},
            "data.columns: Every column should have the same number",
        ),
        (
            "data",
            {"name": "t", "columns": {"a": [[1]]}},
            "data.columns: Column 'a' should hold text or numbers",
        ),
        ("data", {"name": "t", "columns": {"a": 5}}, "data.columns.a: Expected a list"),
        ("data", {"columns": {"a": [1]}}, "data: The key 'name' is missing."),
    ],
)
def test_files_that_are_spoilt_say_where(path, value, message):
    spoilt = content()
    spoil(path, value)(spoilt)
    assert message in refused(spoilt)


#: What may stand anywhere in a file that was written by hand, by a program, or by somebody who means no good.
ODD = [
    *(None, True, 0, 10**30, 10**400, 1e308, "", "{{7*7}}", "\ud800", [], [None], {}, {"{{7*7}}": None}),
]
#: Words that mean something to Python alone.
INNER = re.compile(
    r"NoneType|\b(dict|str|int|bool|float|list index|None|True|False)\b|Error\b|object has no|iterable"
    r"|unhashable|subscript|unpack|broadcast|<class|__"
)


def everywhere(value, path=()):
    """Every place in a file, as its path; of a list the first two entries."""
    yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for key, one in entries:
        yield from everywhere(one, (*path, key))


def whole_file():
    """A file with something in every place that there is."""
    document = after(
        add("Sum", "V"),
        add("AR1Matrix", "n1", n=Levels(("gen", "rep"))),
        add("Conditional", "n1", given=(1,)),
        add("DummyMatrix", factors=Values((("a", "b"),)), drop_first=True),
        add("OrnsteinUhlenbeckMatrix", times=Columns(("x",))),
        add("KnownMatrix", K=((1.0, 0.1), (0.1, 1.0))),
        add("KnownMatrix", K=Related("K")),
        add("Gram", gram_type="xxt"),
        SetParameters({("n2", "rho"): 0.5}),
        SetFixed("n2", "sigma^2", True),
        SetDerived(["a = rho"]),
        SetMethod("ML"),
        SetDegrees("kenward-roger"),
        SetDropDependent(True),
    )
    spoilt = content(document, trial())
    spoilt["model"] |= {
        "roles": {"gen": "factor"},
        "table": {
            "columns": {"x": {"kind": "number", "missing": ["-"], "levels": ["a"]}},
            "steps": [{"compute": "y", "as": "log(x)"}, {"recode": "gen", "labels": {"G1": "G2"}}],
            "header": 1,
            "widths": [8, 5],
        },
        "relations": {
            "A": {"kind": "pedigree", "name": "p", "rows": [["a", "", ""]]},
            "K": {"kind": "relationship", "name": "", "ids": ["a", "b"], "lower": [1.0, 0.5, 1.0]},
            "M": {"kind": "markers", "name": "", "ids": ["a", "b"], "calls": ["01", "2."]},
            "D": {"kind": "markers", "name": "", "ids": ["a"], "markers": 2, "dosages": [0.5, 1.5]},
            "I": {"kind": "inverse", "name": "", "ids": ["a"], "rows": [0], "columns": [0], "entries": [2.0]},
        },
    }
    return spoilt


def test_whatever_stands_anywhere_is_read_or_refused_in_words():
    whole = whole_file()
    assert loads(json.dumps(whole))[1] is not None
    refusals, wrong = 0, []
    for path in everywhere(whole):
        *above, last = path or [None]
        place = whole
        for key in above:
            place = place[key]
        before = whole if not path else place[last]
        for odd in ODD:
            if path:
                place[last] = odd
            try:
                document, table = loads(json.dumps(whole if path else odd))
                dumps(document, table)
            except DocumentError as error:
                refusals += 1
                if INNER.search(re.sub(r"'[^']*'", "", str(error))):
                    wrong.append(f"{path} = {odd!r:.30}: {error}")
        if path:
            place[last] = before
    assert refusals > 700
    assert wrong == []


def test_close_kinds_are_proposed():
    spoilt = content()
    spoilt["model"]["nodes"][1]["kind"] = "dummymatrix"
    assert "did you mean DummyMatrix" in refused(spoilt)


def test_numbers_that_are_not_finite_are_found_wherever_they_are():
    text = dumps(SetParameters({("n3", "sigma^2"): 0.25}).apply(propagation()), trial())
    assert refused(text.replace("0.25", "NaN")).startswith("model.nodes[2].values.sigma^2: A finite number")
    assert refused(text.replace("7.25", "-Infinity")).startswith("data.columns.x[5]: A finite number")
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps(Document(FrozenMap({"n1": Node("n1", "AR1Matrix", "a", values={"rho": float("nan")})})))


def chain(length):
    nodes = [
        {
            "id": f"n{i}",
            "kind": "Transpose",
            "name": f"t{i}",
            "operands": {"a": f"n{i + 1}" if i < length else None},
        }
        for i in range(1, length + 1)
    ]
    return {"covstudio": 1, "model": {"title": "deep", "nodes": nodes, "v": "n1"}}


def test_circles_are_refused():
    spoilt = chain(3)
    spoilt["model"]["v"] = None
    spoilt["model"]["nodes"][2]["operands"]["a"] = "n1"
    assert refused(spoilt) == (
        "model.nodes[0]: The operands go round in a circle: n1 -> n3 -> n2 -> n1. Take one of them out of "
        "the other's operands."
    )
    spoilt = chain(1)
    spoilt["model"]["v"] = None
    spoilt["model"]["nodes"][0]["operands"]["a"] = "n1"
    assert "circle: n1 -> n1" in refused(spoilt)


def test_depth_is_limited():
    assert loads(json.dumps(chain(64)))[0].height("n1") == 64
    assert refused(chain(65)).startswith("model.nodes[64]: A model is at most 64 operators deep")
    assert "operators deep" in refused(chain(2000))


def test_ten_thousand_nodes_are_refused():
    nodes = [{"id": f"n{i}", "kind": "ScalarMatrix", "name": f"m{i}"} for i in range(10_000)]
    text = json.dumps({"covstudio": 1, "model": {"title": "large", "nodes": nodes}})
    assert refused(text) == (
        "model.nodes: A model holds at most 2,000 nodes; this one has 10,000. Divide it into smaller models."
    )


def test_errors_carry_their_path_and_pickle():
    with pytest.raises(DocumentError) as caught:
        loads('{"covstudio": 1, "model": {"title": 3, "nodes": []}}')
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.path) == (str(caught.value), "model.title")

"""Random changes and documents for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from covstudio.covariance import catalogue, declaration
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    Change,
    Connect,
    Disconnect,
    MoveNodes,
    RemoveNodes,
    Rename,
    SetArgument,
    SetData,
    SetFixed,
    SetFixedEffects,
    SetParameters,
    SetResponse,
    SetRoles,
    SetTitle,
)
from covstudio.document.model.document import Document
from covstudio.document.model.node import Auto, Columns, Levels, Related, Rows, Values

KINDS = tuple(entry.name for entry in catalogue() if entry.palette)
OPERATORS = tuple(entry.name for entry in catalogue() if entry.kind == "operator")
EDITS = (
    *["add"] * 8,
    *["connect"] * 5,
    *["values"] * 2,
    *["disconnect", "remove", "move", "rename", "argument", "fix", "text", "roles", "data", "batch"],
)

names = st.sampled_from(["genotype", "σ² of 2", "it's", 'say "x"', "<b>", "a/b"]) | st.text(
    min_size=1, max_size=5
)
columns = st.sampled_from(["gen", "rep", "block", "x", "<script>alert(1)</script>", "grain yield", 'a"b\\c'])
column_sets = st.lists(columns, min_size=1, max_size=3, unique=True).map(tuple)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
texts = st.text(max_size=30)
parameters = st.sampled_from(["sigma^2", "rho", "L_1_0", "sigma^2_3", "range"])
roles = st.dictionaries(columns, st.sampled_from(["factor", "covariate", "response", "ignored"]), max_size=4)


def arguments_of(argument):
    """Values that an argument takes."""
    if argument.kind == "size":
        smallest = max(1, argument.minimum or 1)
        return st.one_of(st.just(Auto()), st.just(Rows()), column_sets.map(Levels), st.integers(smallest, 12))
    if argument.kind == "integer":
        return st.integers(argument.minimum or 0, 12)
    if argument.kind == "flag":
        return st.booleans()
    if argument.kind == "choice":
        return st.sampled_from(argument.choices)
    if argument.kind == "relation":
        return st.sampled_from(["A", "K", "herd"]).map(Related)
    if argument.kind == "matrix":
        square = st.integers(1, 4)
        return square.flatmap(lambda n: st.tuples(*[st.tuples(*[numbers] * n)] * n))
    cells = texts if argument.kind == "factors" else numbers
    written = st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=2)
    )
    return st.one_of(column_sets.map(Columns), written.map(lambda rows: Values(tuple(map(tuple, rows)))))


@st.composite
def changes(draw, document: Document, batches: bool = True) -> Change:
    """A change that may or may not fit this document."""
    ids = st.sampled_from(list(document.nodes)) if document.nodes else st.just("n1")
    slots = [(node.id, slot) for node in document.nodes.values() for slot, _ in node.operands]
    # Most places exist; some do not, and the change has to say so.
    odd = st.tuples(ids, st.sampled_from([None, "1", "2", "z", "g", "a", "x"]))
    places = st.one_of(*([st.sampled_from(slots)] * 6 if slots else []), st.just(("V", None)), odd)
    kind = draw(st.sampled_from(EDITS if batches else EDITS[:-1]))
    if kind == "add" or not document.nodes:
        declared = declaration(draw(st.sampled_from(OPERATORS if draw(st.booleans()) else KINDS)))
        given = {
            argument.name: draw(arguments_of(argument))
            for argument in declared.arguments
            if draw(st.booleans())
        }
        place = draw(places) if draw(st.integers(0, 3)) else None
        name = draw(names) if draw(st.integers(0, 3)) == 0 else None
        return AddNode(declared.name, draw(numbers), draw(numbers), name, given, place)
    if kind == "connect":
        return Connect(draw(ids), *draw(places))
    if kind == "disconnect":
        return Disconnect(draw(ids))
    if kind == "remove":
        return RemoveNodes(draw(st.lists(ids, min_size=1, max_size=2, unique=True)))
    if kind == "move":
        return MoveNodes(draw(st.dictionaries(ids, st.tuples(numbers, numbers), min_size=1, max_size=3)))
    if kind == "rename":
        return Rename(draw(ids), draw(names))
    if kind == "argument":
        node = document.nodes[draw(ids)]
        known = declaration(node.kind).arguments
        if not known:
            return SetArgument(node.id, "n", 3)
        argument = draw(st.sampled_from(known))
        return SetArgument(node.id, argument.name, draw(st.none() | arguments_of(argument)))
    if kind == "values":
        entries = st.dictionaries(st.tuples(ids, parameters), st.none() | numbers, min_size=1, max_size=3)
        return SetParameters(draw(entries), merge_key=draw(st.sampled_from([None, "drag 1", "drag 2"])))
    if kind == "fix":
        return SetFixed(draw(ids), draw(parameters), draw(st.booleans()))
    if kind == "text":
        return draw(st.sampled_from([SetTitle, SetFixedEffects, SetResponse]))(draw(texts))
    if kind == "roles":
        return SetRoles(draw(roles), undoable=draw(st.booleans()))
    if kind == "data":
        return SetData(draw(st.none() | texts), draw(roles), draw(st.none() | columns))
    return Batch([draw(changes(document, batches=False)) for _ in range(draw(st.integers(1, 3)))])


@st.composite
def documents(draw, most: int = 30) -> Document:
    """A document that random changes lead to."""
    document = Document()
    for _ in range(draw(st.sampled_from([1, 5, most, most]))):
        try:
            document = draw(changes(document)).apply(document)
        except ValueError:
            continue
    return document

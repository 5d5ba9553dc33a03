"""What a model and its table cost grows as they do: counted in calls of functions, without a clock."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

from covstudio.data.choices import ColumnChoice, TableChoices
from covstudio.data.formula import parse_formula
from covstudio.data.inspection import inspect
from covstudio.data.packed import pack, unpack
from covstudio.data.reading import read_table
from covstudio.data.roles import Role, check_roles, explain_roles
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import value_problems
from covstudio.document.changes.all import AddNode, Loosen
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import FrozenMap
from covstudio.studio.canvas import copies, wiring
from covstudio.studio.data.examined import Examined
from covstudio.studio.data.shown import table_shown

#: Twice the input may cost so many times as much.
TWICE = 2.2


class Counted(str):
    """A text whose comparisons are calls of a function, as they would not be of a plain one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def calls(act: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def seen(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def costs(make: Callable[[int], Callable[[], object]], size: int) -> tuple[int, int]:
    """What work on an input of a size costs, and on one of twice the size."""
    make(8)()  # what is done once for all
    return calls(make(size)), calls(make(2 * size))


def csv(columns: int, rows: int, cell: Callable[[int, int], str]) -> bytes:
    """A table as a file."""
    lines = [",".join(f"c{j}" for j in range(columns))]
    lines += [",".join(cell(i, j) for j in range(columns)) for i in range(rows)]
    return "\n".join(lines).encode()


def model(nodes: list[dict[str, Any]], v: str | None = None, **more: Any) -> str:
    """A model as a file."""
    return json.dumps({"covstudio": 1, "model": {"title": "x", "nodes": nodes, "v": v, **more}})


def leaf(number: int, **more: Any) -> dict[str, Any]:
    """A node of a file."""
    return {
        "id": f"n{number}",
        "kind": "ScalarMatrix",
        "name": f"A {number}",
        "arguments": {"n": 3},
        **more,
    }


def summed(count: int) -> str:
    """A sum of so many leaves, all of one name but for their numbers."""
    total = {"id": "t", "kind": "Sum", "name": "A", "operands": [f"n{i}" for i in range(1, count)]}
    return model([total, *(leaf(i) for i in range(1, count))], "t")


def refused(text: str) -> None:
    with pytest.raises(DocumentError):
        loads(text)


# --- tables ---------------------------------------------------------------------------------------


def _rows(count: int) -> Callable[[], object]:
    data = csv(3, count, lambda i, j: (f"G{i // 2}", f"L{i % 7}", str(i / 8))[j])
    return lambda: explain_roles(read_table(data))


def _columns(count: int) -> Callable[[], object]:
    data = csv(count, 8, lambda i, j: f"L{i % 3}" if j % 2 else str((i * 7 + j) % 9 / 8))
    return lambda: inspect(data)


def _blank_columns(count: int) -> Callable[[], object]:
    data = ("a" + "," * count + "\n" + ("x" + "," * count + "\n") * 3).encode()
    return lambda: read_table(data)


def _asked_columns(count: int) -> Callable[[], object]:
    """Numbers that may be written in two ways, of each column something is said."""
    data = csv(count, 4, lambda i, j: f"1.{100 + i}")
    said = TableChoices(columns={f"c{j}": ColumnChoice(missing=("9",)) for j in range(count)})
    return lambda: read_table(data, choices=said)


def _absent_columns(count: int) -> Callable[[], object]:
    """Something is said about columns that are not there, whose names begin alike."""
    data = csv(count, 3, lambda i, j: str(i + j))
    said = TableChoices(columns={f"column {j}": ColumnChoice(missing=("9",)) for j in range(count)})
    return lambda: read_table(data, choices=said)


def _wide(count: int) -> Table:
    return Table.from_columns(
        {
            Counted(f"c{j}"): [f"L{i % 3}" for i in range(8)]
            if j % 2
            else [(i * 7 + j) % 9 / 8 for i in range(8)]
            for j in range(count)
        },
        "wide",
    )


def _roles(count: int) -> Callable[[], object]:
    table = _wide(count)
    return lambda: explain_roles(table)


def _checked_roles(count: int) -> Callable[[], object]:
    table = _wide(count)
    roles: dict[str, Role] = {f"c{j}": "factor" if j % 2 else "covariate" for j in range(count)}
    return lambda: check_roles(table, roles)


def _shown_columns(count: int) -> Callable[[], object]:
    """What the data view says of a table, and what its page is told."""
    table = _wide(count)
    roles: dict[str, Role] = {f"c{j}": "factor" for j in range(count)}
    return lambda: table_shown(Examined.of(table), roles, {}, 1, None)


def _shown_levels(count: int) -> Callable[[], object]:
    labels = [f"label {i * 7919 % count}" for i in range(count)]

    def act() -> None:
        table = Table.from_columns({"g": labels, "h": labels[::-1]}, "t")
        table_shown(Examined.of(table), {"g": "factor", "h": "factor"}, {}, 1, None)

    return act


def _sent(count: int) -> Callable[[], object]:
    """A table that another process has read."""
    table = _wide(count)
    return lambda: pickle.loads(pickle.dumps(table, protocol=5))


def _sent_levels(count: int) -> Callable[[], object]:
    table = Table.from_columns({"g": [f"label {i}" for i in range(count)]}, "t")
    return lambda: pickle.loads(pickle.dumps(table, protocol=5))


def _packed(count: int) -> Callable[[], object]:
    table = _wide(count)
    return lambda: unpack(pack(table))


def _absent_roles(count: int) -> Callable[[], object]:
    table = _wide(count)
    return lambda: check_roles(table, {f"d{j}": "factor" for j in range(count)})


def _recoded(count: int) -> Callable[[], object]:
    """Labels that no row has are to become others."""
    table = Table.from_columns({"a": [f"label {i}" for i in range(count)]}, "t")
    labels = {f"lab {i}": "x" for i in range(count)}
    return lambda: table.with_choices(TableChoices(steps=[{"recode": "a", "labels": labels}]))  # type: ignore[list-item]


# --- files ----------------------------------------------------------------------------------------


def _keys(count: int) -> Callable[[], object]:
    text = model([leaf(1)], "n1", roles={f"c{i}": "factor" for i in range(count)})
    return lambda: build(loads(text)[0])


def _unknown_keys(count: int) -> Callable[[], object]:
    text = model([leaf(1, values={f"p{i}": 1.0 for i in range(count)})], "n1")
    return lambda: refused(text)


def _key_twice(count: int) -> Callable[[], object]:
    text = "{" + ",".join(f'"k{i}": 1' for i in range(count)) + f',"k{count - 1}": 2}}'
    return lambda: refused(text)


def _nodes(count: int) -> Callable[[], object]:
    text = summed(count)
    return lambda: build(loads(text)[0])


def _depth(count: int) -> Callable[[], object]:
    """A chain of operators; what stands below is named at each of them, so that names are as long."""
    nodes = [leaf(i, kind="Transpose", operands={"a": f"n{i + 1}"}, arguments={}) for i in range(count)]
    text = model([*nodes, leaf(count)], "n0")
    return lambda: loads(text)


def _parameters(count: int) -> Callable[[], object]:
    values = {f"pacf_{i}": 0.0 for i in range(1, count)}
    text = model([leaf(1, kind="ToeplitzMatrix", arguments={"n": count}, values=values)], "n1")

    def act() -> None:
        document = loads(text)[0]
        value_problems(build(document), document)

    return act


def _circle(count: int) -> Callable[[], object]:
    nodes = [leaf(i, kind="Sum", operands=[f"n{(i + 1) % count}"], arguments={}) for i in range(count)]
    text = model(nodes)
    return lambda: refused(text)


def _written(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    return lambda: dumps(document)


# --- changes --------------------------------------------------------------------------------------


def _names(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    return lambda: document.free_names([f"{'A' * 57}{i}" for i in range(count)] + ["A"] * count)


def _copies(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    nodes = list(document.nodes)
    return lambda: copies.duplicate(document, nodes[1:])


def _loosened(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    return lambda: Loosen(tuple(document.nodes)).apply(document)


def _removed(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    ids = [Counted(node) for node in document.nodes][1:]

    def act() -> None:
        change = wiring.remove(document, ids[::2], ids[1::2])
        assert change is not None
        change.apply(document)

    return act


def _ends(count: int) -> Callable[[], object]:
    document = loads(summed(count))[0]
    return lambda: wiring.ends(document, None, "n3", None)


# --- formulas -------------------------------------------------------------------------------------


def _terms(count: int) -> Callable[[], object]:
    return lambda: parse_formula(" + ".join(f"log(a{i})" for i in range(count)))


def _signs(count: int) -> Callable[[], object]:
    return lambda: parse_formula("b" + " + a - a" * count)


CASES: dict[str, tuple[Callable[[int], Callable[[], object]], int]] = {
    "rows and levels": (_rows, 1000),
    "columns": (_columns, 60),
    "columns without a name": (_blank_columns, 200),
    "columns that ask": (_asked_columns, 150),
    "columns that are not there": (_absent_columns, 60),
    "roles": (_roles, 100),
    "roles that are checked": (_checked_roles, 100),
    "columns that are shown": (_shown_columns, 100),
    "levels that are shown": (_shown_levels, 1000),
    "a table that is sent": (_sent, 200),
    "levels that are sent": (_sent_levels, 1000),
    "a table that is packed": (_packed, 200),
    "roles of columns that are not there": (_absent_roles, 100),
    "labels that are not there": (_recoded, 100),
    "keys": (_keys, 300),
    "keys that are not known": (_unknown_keys, 300),
    "a key that stands twice": (_key_twice, 500),
    "nodes": (_nodes, 100),
    "depth": (_depth, 20),
    "parameters": (_parameters, 40),
    "a circle": (_circle, 100),
    "a file that is written": (_written, 100),
    "names that begin alike": (_names, 100),
    "copies": (_copies, 100),
    "wires that go": (_loosened, 100),
    "nodes that go": (_removed, 100),
    "where a wire may end": (_ends, 100),
    "terms": (_terms, 40),
    "signs": (_signs, 60),
}


@pytest.mark.parametrize("what", CASES)
def test_twice_as_much_costs_about_twice_as_much(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "LOOKED_AT", 400)
    one, two = costs(*CASES[what])
    assert two <= TWICE * one, f"{what}: {two:,} calls for twice what {one:,} did"


def test_roles_are_checked_and_levels_shown_by_labels_whatever_the_rows() -> None:
    """Once it is known which labels there are, no cell is looked at again."""

    def cost(rows: int) -> int:
        table = Table.from_columns({"g": [f"L{i % 9}" for i in range(rows)], "y": range(rows)}, "t")
        roles: dict[str, Role] = {"g": "factor", "y": "response"}
        examined = Examined.of(table)
        return calls(lambda: (check_roles(table, roles), table_shown(examined, roles, {}, 1, None)))

    cost(9)
    assert cost(9000) == cost(900)


def test_a_product_of_products_is_no_product_of_lists() -> None:
    """A balanced tree of 31 Kronecker products below Z: the lists of its directions are some 458,330."""
    nodes: list[dict[str, Any]] = [
        {"id": "v", "kind": "CovariancePropagation", "name": "v", "operands": {"z": "z", "g": "k1"}},
        {
            "id": "z",
            "kind": "DummyMatrix",
            "name": "z",
            "arguments": {"factors": {"values": [["1", "2", "4"]]}},
        },
    ]
    for place in range(1, 64):
        inner = place < 32
        nodes.append(
            {
                "id": f"k{place}",
                "kind": "KroneckerProduct" if inner else "AR1Matrix",
                "name": f"k {place}",
                **({"operands": {"a": f"k{2 * place}", "b": f"k{2 * place + 1}"}} if inner else {}),
            }
        )
    document = loads(model(nodes, "v"))[0]
    assert calls(lambda: build(document)) < 400_000


def test_a_name_of_its_own_is_kept_and_others_are_counted_on() -> None:
    document = Document(nodes=FrozenMap({}))
    for name in ("A", "A 2", "B"):
        document = AddNode("ScalarMatrix", name=name).apply(document)
    assert document.free_names(["C", "A 2", "A 2", "B", "A"], counted_on=True) == [
        "C",
        "A 3",
        "A 4",
        "B 2",
        "A 5",
    ]
    long = "x" * 60
    assert Document().free_names([long, long, long]) == [long, "x" * 58 + " 2", "x" * 58 + " 3"]

"""Second tables: what files and frames hold, who is in them, and how models keep them."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from covstudio.data import Relation, TableError, read_relation, relation_from, relation_of, relation_record
from covstudio.data.relation_records import READABLE

K = [[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.25]]
FRAME = pd.DataFrame(K, index=["a", "b", "c"], columns=["a", "b", "c"])


@pytest.mark.parametrize(
    ("text", "kind", "ids"),
    [
        ("animal,sire,dam\nc,a,b\na,,\nb,0,.\n", "pedigree", ("c", "a", "b")),
        ("tree;mother;father\nc;a;b\n", "pedigree", ("c", "a", "b")),
        ("x y z\nc a b\na 0 0\nb 0 0\n", "pedigree", ("c", "a", "b")),
        (",a,b\na,1,0.5\nb,0.5,1\n", "relationship", ("a", "b")),
        ("a\tb\na\t1\t0.5\nb\t0.5\t1\n", "relationship", ("a", "b")),
        ('"","1","2"\n"1",1,0.5\n"2",0.5,1\n', "relationship", ("1", "2")),
        ("a,b\n1,0.5\n0.5,1\n", "relationship", ("a", "b")),
        ("id1,id2,r\na,a,1\nb,a,0.5\nb,b,1\n", "relationship", ("a", "b")),
        ("Row,Column,Ainverse\n1,1,1.5\n2,1,-1\n2,2,2\n", "inverse", ("1", "2")),
        ("gen,m1,m2,m3,m4\na,0,1,2,NA\nb,2,,1,0\n", "markers", ("a", "b")),
    ],
)
def test_files_say_what_they_are(text, kind, ids) -> None:
    found = read_relation(text.encode(), name="t")
    assert (found.kind, found.ids) == (kind, ids)


def test_a_matrix_is_read_by_the_names_of_its_sides() -> None:
    shuffled = FRAME.loc[["c", "a", "b"], ["b", "c", "a"]]
    for frame in (FRAME, shuffled, FRAME.reset_index(), FRAME.reset_index(drop=True)):
        found = relation_of(frame)
        order = [found.ids.index(label) for label in "abc"]
        assert np.allclose(found.matrix()[np.ix_(order, order)], K)
    entries = [
        ("b", "a", 0.5),
        ("a", "a", 1.0),
        ("c", "c", 1.25),
        ("a", "c", 0.25),
        ("b", "b", 1.0),
        ("c", "b", 0.5),
    ]
    found = relation_of(pd.DataFrame(entries, columns=["one", "other", "r"]))
    order = [found.ids.index(label) for label in "abc"]
    assert np.allclose(found.matrix()[np.ix_(order, order)], K)
    inverse = relation_of(np.linalg.inv(K), "inverse", ids=["a", "b", "c"])
    assert np.allclose(np.linalg.inv(inverse.matrix()), K)


def test_markers_are_counted_from_nought() -> None:
    found = relation_of(pd.DataFrame([[-1, 0], [1, np.nan]], index=["a", "b"]), "markers")
    assert np.array_equal(found.numbers, [[0.0, 1.0], [2.0, np.nan]], equal_nan=True)
    assert [note.split(":")[0] for note in found.notes] == [
        "Markers of -1, 0 and 1 are counted as 0, 1 and 2.",
        "1 calls (25 %) are missing",
    ]


def test_parents_without_a_row_are_founders_and_said() -> None:
    found = Relation.of_pedigree([("calf", "bull", "cow")])
    assert found.pedigree() == [("calf", "bull", "cow"), ("bull", None, None), ("cow", None, None)]
    assert found.notes[0].startswith("2 parents without a row of their own are taken for founders")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: relation_of(FRAME.rename(index={"b": "a"})),
            "'a' is in the relationship matrix more than once",
        ),
        (lambda: relation_of(FRAME.mul([1, 1, 2], axis=0)), "is not symmetric"),
        (lambda: relation_of(FRAME.replace(0.25, np.nan)), "no number for 'a' and 'c'"),
        (lambda: relation_of(np.eye(3)), "no names for its rows"),
        (lambda: relation_of(np.eye(3), ids=["a", "b"]), "3 rows without names, and the factor 2 levels"),
        (
            lambda: Relation.of_pedigree([("a", "", ""), ("a", "", "")]),
            "'a' is in the pedigree more than once",
        ),
        (lambda: Relation.of_pedigree([("", "a", "")]), "row 1 of the pedigree has no name"),
        (lambda: Relation.of_markers(["a"], [[3.0]]), "one of these is 3"),
        (
            lambda: Relation.of_entries(["a", "b"], ["a", "a"], [1.0, 0.5]),
            "'b'. Add a row with the individual twice",
        ),
        (
            lambda: Relation.of_entries(["a", "b", "a", "b"], ["a", "b", "b", "a"], [1, 1, 0.5, 0.25]),
            "two different entries",
        ),
        (lambda: read_relation(b"a,b\n1,2\n3,4\n", "relationship"), "is no pedigree"),
        (lambda: read_relation(b"id,m1,m2,m3\na,0,1,x\n"), "has 'x' in row 1 under 'm3'"),
        (lambda: read_relation("nowhere.csv"), "cannot be read"),
        (lambda: relation_of(Relation.of_matrix("ab", np.eye(2)), "pedigree"), "'pedigree' is said"),
    ],
)
def test_what_is_no_second_table_is_said(make, told) -> None:
    with pytest.raises(TableError, match=re.escape(told)):
        make()


def test_labels_that_are_nobody_are_told_with_the_nearest() -> None:
    k = Relation.of_matrix(["G1", "G2", "Check A"], np.eye(3))
    match = k.match(["G1", "g2", "check  a", "H9"])
    assert match.absent == ("g2", "check  a", "H9")
    assert match.nearest == (("g2", "G2"), ("check  a", "Check A"))
    assert match.others == 2
    with pytest.raises(TableError, match="the same but for capitals and blanks"):
        k.located(["g2"], "gen")
    assert k.located(["G2", "G1"]) == ["G2", "G1"]
    assert k.match(["G1", "G2", "Check A"]).note("gen", "K") == ""


def _large() -> Relation:
    n = 1 + int((2 * READABLE) ** 0.5)
    values = np.random.default_rng(3).normal(size=(n, n))
    return Relation.of_matrix(range(n), values @ values.T, name="large")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Relation.of_matrix("abc", K, name="K"),
        lambda: Relation.of_matrix("abc", np.linalg.inv(K), "inverse", "Q"),
        lambda: Relation.of_pedigree([("c", "a", "b"), ("a", "", "x")], "herd"),
        lambda: Relation.of_markers("ab", [[0, 1, 2], [np.nan, 2, 0]], "calls"),
        lambda: Relation.of_markers("ab", [[0.25, 1], [np.nan, 2]], "dosages"),
        _large,
    ],
)
def test_records_are_exact(make) -> None:
    made = make()
    text = json.dumps(relation_record(made), allow_nan=False)
    assert relation_from(json.loads(text)) == made
    assert hash(relation_from(json.loads(text))) == hash(made)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "guess"},
        {"ids": ["a", "b"]},
        {"ids": ["a", 2, "c"]},
        {"lower": [1.0]},
        {"lower": {"count": 6, "packed": "!"}},
        {"lower": {"count": 10**12, "packed": ""}},
        {"more": 1},
    ],
)
def test_records_that_are_none_are_refused(change) -> None:
    record = {**relation_record(Relation.of_matrix("abc", K)), **change}
    with pytest.raises(TableError):
        relation_from(record)
